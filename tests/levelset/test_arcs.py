"""Integrals over level lines by arcs: closed forms, honest errors, and each way in which an arc is made better."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from sigmaijk.levelset.arc_refinement import split
from sigmaijk.levelset.arc_rules import FINEST, bending, grid
from sigmaijk.levelset.arc_values import crude, hermite
from sigmaijk.levelset.arcs import LevelLines
from sigmaijk.levelset.field import Field
from sigmaijk.levelset.level import LevelRequest
from sigmaijk.levelset.mesh import Mesh
from sigmaijk.levelset.samples import Cell, OutOfPoints, Sample, Samples
from sigmaijk.levelset.search import Search, first_mesh
from support import assert_same

RTOL = (1e-3, 1e-4, 1e-6, 1e-8, 1e-10)
BOX = Cell(np.array([-2.0, -2.0]), 4.03 * np.eye(2), False, (8, 8))
ZONE = Cell(np.array([-3.0, -2.9]), 2 * np.pi * np.eye(2), True, (8, 8))
Function = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""k (k, 2) -> energy (k, n), velocity (k, n, 2), integrand (k, n, c)."""


def ellipse(a: float, b: float, centre: tuple[float, float] = (0.05, -0.03)) -> Function:
    """E = x**2 / 2a + y**2 / 2b about a centre, F = (1, x**2)."""

    def function(k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        q = k - np.array(centre)
        velocity = q / np.array([a, b])
        integrand = np.stack([np.ones(len(k)), q[:, 0] ** 2], axis=1)
        return 0.5 * (q * velocity).sum(axis=1)[:, None], velocity[:, None], integrand[:, None]

    return function


def on_ellipse(a: float, b: float, energy: float) -> np.ndarray:
    """x = a**0.5 r cos, y = b**0.5 r sin with r**2 = 2 E: d2k = (a b)**0.5 r dr dphi, and r dr = dE."""
    return 2 * np.pi * np.sqrt(a * b) * np.array([1.0, a * energy])


def sheets_open(tilt: float) -> Function:
    """E = cos(x - tilt y) + 0.3 sin y, F = (1, cos(y)**2): open lines that wind along (tilt, 1)."""

    def function(k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = k.T
        slope = -np.sin(x - tilt * y)
        velocity = np.stack([slope, -tilt * slope + 0.3 * np.cos(y)], axis=1)
        integrand = np.stack([np.ones(len(k)), np.cos(y) ** 2], axis=1)
        return (np.cos(x - tilt * y) + 0.3 * np.sin(y))[:, None], velocity[:, None], integrand[:, None]

    return function


def on_open_lines(energy: float) -> np.ndarray:
    """Both lines, u = x - tilt y at fixed y: int dy F / |sin u|; the trapezoid of a periodic function is exact."""
    y = 2 * np.pi * np.arange(400) / 400
    weight = 2 * (2 * np.pi / 400) / np.sqrt(1 - (energy - 0.3 * np.sin(y)) ** 2)
    return np.array([weight.sum(), (weight * np.cos(y) ** 2).sum()])


def crossing(k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two unit parabolas about x = -0.487 and 0.513, F = 1 and 2, as sorted bands: every line has kinks."""
    q = k[:, None] - np.array([[-0.487, 0.021], [0.513, 0.021]])
    energy = 0.5 * (q**2).sum(axis=2)
    order = np.argsort(energy, axis=1)
    integrand = np.take_along_axis(np.tile([1.0, 2.0], (len(k), 1)), order, axis=1)
    velocity = np.take_along_axis(q, order[:, :, None], axis=1)
    return np.take_along_axis(energy, order, axis=1), velocity, np.stack([integrand, integrand], axis=2)


@dataclass
class Run:
    """A search, the arcs on its mesh, and the loop that makes the worst of them better."""

    function: Function
    cell: Cell
    energy: float

    def __post_init__(self) -> None:
        def sampler(k: np.ndarray) -> Sample:
            energy, velocity, integrand = self.function(k)
            return Sample(energy, velocity, integrand, np.zeros_like(energy))

        self.field = Field(sampler, 300_000, 1e-6)
        mesh = first_mesh(Samples(self.field, self.cell, 300_000), self.field)
        self.mesh: Mesh = Search(mesh, 1e-6).at(np.array([self.energy]))[0]
        self.lines = LevelLines(self.field)
        while (marked := self.lines.add([LevelRequest(self.mesh, self.energy, 5)])[0]) is not None:
            self.mesh = self.mesh.bisect(marked)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        return self.lines.value.sum(axis=0), self.lines.error.sum(axis=0)

    def to(self, rtol: float) -> tuple[np.ndarray, np.ndarray]:
        for _ in range(200):
            value, error = self.totals()
            share = (self.lines.error / np.abs(value)).max(axis=1) * ~self.lines.failed
            if (error <= rtol * np.abs(value)).all() or not share.any():
                break
            self.lines.refine(np.flatnonzero(share > 0.3 * share.max()))
        return self.totals()

    def says(self, exact: np.ndarray) -> str:
        value, error = self.totals()
        return f"{self.field.points} k, {len(self.lines.owner)} arcs, true {value - exact}, estimate {error}"


CASES = [
    pytest.param(ellipse(1.0, 1.0), BOX, 0.5, on_ellipse(1.0, 1.0, 0.5), 700, id="circle"),
    pytest.param(ellipse(1.0, 1.0), BOX, 1e-6, on_ellipse(1.0, 1.0, 1e-6), 1200, id="tiny circle"),
    pytest.param(ellipse(3.0, 0.1), BOX, 0.4, on_ellipse(3.0, 0.1, 0.4), 1500, id="flat ellipse"),
    pytest.param(sheets_open(0.0), ZONE, 0.2, on_open_lines(0.2), 1200, id="open"),
    pytest.param(sheets_open(1.0), ZONE, 0.2, on_open_lines(0.2), 1500, id="winding along a diagonal"),
    pytest.param(sheets_open(-2.0), ZONE, 0.2, on_open_lines(0.2), 2500, id="winding twice"),
]


@pytest.mark.parametrize("rtol", RTOL)
@pytest.mark.parametrize(("function", "cell", "energy", "exact", "cap"), CASES)
def test_smooth_lines_converge_with_honest_errors(function, cell, energy, exact, cap, rtol):
    run = Run(function, cell, energy)
    value, error = run.to(rtol)
    assert (error <= rtol * np.abs(value)).all(), run.says(exact)
    # Sums of hundreds of terms of this size round at 1e-14.
    assert (np.abs(value - exact) <= 3 * error + 1e-13 * np.abs(exact)).all(), run.says(exact)
    assert run.field.points <= cap, run.says(exact)
    assert (run.lines.owner == 5).all()


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-6])
def test_lines_with_kinks_converge_with_honest_errors(rtol):
    run = Run(crossing, BOX, 0.3)
    exact = 2 * np.pi * np.array([3.0, 3.0])
    value, error = run.to(rtol)
    assert (error <= rtol * np.abs(value)).all(), run.says(exact)
    assert (np.abs(value - exact) <= 3 * error).all(), run.says(exact)
    assert run.field.points <= 30_000, run.says(exact)


@pytest.mark.parametrize(("function", "cell", "energy", "exact", "cap"), CASES)
def test_higher_energies_lie_on_the_left_of_every_arc(function, cell, energy, exact, cap):
    del exact, cap
    arcs = Run(function, cell, energy).lines.arcs
    along = arcs.ends[:, 1] - arcs.ends[:, 0]
    assert len(arcs) >= 3
    for side in (0, 1):
        left = along[:, 0] * arcs.normals[:, side, 1] - along[:, 1] * arcs.normals[:, side, 0]
        assert (left > 0).all()


@pytest.mark.parametrize(("function", "cell", "energy", "exact", "cap"), CASES)
def test_arcs_meet_without_gap(function, cell, energy, exact, cap):
    """Every end is the beginning of another arc, up to a lattice vector."""
    del exact, cap
    arcs = Run(function, cell, energy).lines.arcs
    away = arcs.ends[:, None, 1] - arcs.ends[None, :, 0]
    if cell.periodic:
        away -= 2 * np.pi * np.rint(away / (2 * np.pi))
    met = np.linalg.norm(away, axis=2) < 1e-12
    np.testing.assert_array_equal(met.sum(axis=0), 1)
    np.testing.assert_array_equal(met.sum(axis=1), 1)


def pushed(run: Run, **changes: float | int) -> None:
    """Change what is known of all arcs, so that they ask for a certain step."""
    for name, value in changes.items():
        getattr(run.lines.arcs, name)[:] = value


def test_a_large_error_of_the_rule_that_decays_doubles_the_order():
    exact = on_ellipse(1.0, 1.0, 0.5)
    run = Run(ellipse(1.0, 1.0), BOX, 0.5)
    count = len(run.lines.owner)
    np.testing.assert_array_equal(run.lines.arcs.order, 8)
    for order in (16, 32):
        before = np.abs(run.totals()[0] - exact).max()
        points = run.field.points
        pushed(run, rule=1.0, decay=0.1)
        run.lines.refine(np.arange(count))
        np.testing.assert_array_equal(run.lines.arcs.order, order)
        assert count * order // 2 <= run.field.points - points <= 2 * count * order
        value, error = run.totals()
        assert (np.abs(value - exact) <= 3 * error + 1e-13).all(), run.says(exact)
        assert np.abs(value - exact).max() <= max(before, 1e-9), run.says(exact)


@pytest.mark.parametrize("slow", ["decay", "order"])
def test_a_large_error_of_the_rule_that_stays_halves_the_arcs(slow):
    exact = on_ellipse(1.0, 1.0, 0.5)
    run = Run(ellipse(1.0, 1.0), BOX, 0.5)
    count = len(run.lines.owner)
    if slow == "order":
        for _ in range(2):
            pushed(run, rule=1.0, decay=0.1)
            run.lines.refine(np.arange(count))
    before = run.lines.arcs.order[0]
    pushed(run, rule=1.0, decay=1.0 if slow == "decay" else 0.1)
    run.lines.refine(np.arange(count))
    arcs = run.lines.arcs
    assert len(arcs) == 2 * count
    np.testing.assert_array_equal(arcs.order, before // 2)
    np.testing.assert_array_equal(np.sort(arcs.span, axis=0), np.repeat([[0, 0.5], [0.5, 1]], count, axis=0))
    value, error = run.totals()
    assert (np.abs(value - exact) <= 3 * error + 1e-13).all(), run.says(exact)
    assert_same(value, exact, rtol=1e-3, floor=1.0)


def test_a_large_residual_polishes_the_roots():
    exact = on_ellipse(3.0, 0.1, 0.4)
    run = Run(ellipse(3.0, 0.1), BOX, 0.4)
    arcs = run.lines.arcs
    order, count, points = arcs.order.copy(), len(arcs), run.field.points
    residual = arcs.residual.sum(axis=0)
    pushed(run, residual=1.0)
    run.lines.refine(np.arange(count))
    assert len(run.lines.arcs) == count
    np.testing.assert_array_equal(np.sort(run.lines.arcs.order), np.sort(order))
    assert 0 < run.field.points - points < count * FINEST
    # Only the worst nodes of an arc are evaluated again; those left out have 3 % of the worst step each.
    assert (run.lines.arcs.residual.sum(axis=0) < 0.25 * residual).all()
    value, error = run.totals()
    assert (np.abs(value - exact) <= 3 * error).all(), run.says(exact)


def test_unsound_arcs_are_replaced_by_two_with_a_vertex_on_the_line():
    run = Run(ellipse(1.0, 1.0), BOX, 0.5)
    arcs = run.lines.arcs
    count = len(arcs)
    halves = split(run.field, arcs.take(np.arange(count)))
    assert len(halves) == 2 * count
    np.testing.assert_array_equal(halves.ends[:count, 1], halves.ends[count:, 0])
    energy = run.function(halves.ends.reshape(-1, 2))[0]
    np.testing.assert_allclose(energy, 0.5, atol=1e-3)
    pushed(run, sound=0)
    run.lines.refine(np.arange(count))
    assert run.lines.arcs.sound.all()
    value, error = run.totals()
    assert len(run.lines.owner) == 2 * count
    assert (np.abs(value - on_ellipse(1.0, 1.0, 0.5)) <= 3 * error).all(), run.says(on_ellipse(1.0, 1.0, 0.5))


def test_an_arc_taken_as_its_chord_has_an_error_of_its_size():
    """However alike its ends are: a kink between them may hide two legs."""
    arcs = Run(ellipse(1.0, 1.0), BOX, 0.5).lines.arcs
    crude(arcs)
    exact = on_ellipse(1.0, 1.0, 0.5)[0]
    assert 0.8 * exact < arcs.value[:, 0].sum() < exact
    assert (arcs.error[:, 0] >= 0.5 * arcs.value[:, 0]).all()
    assert not arcs.sound.any()


def test_first_guesses_leave_the_ends_along_the_line():
    """On a circle the cubic through both ends has most of the height of the arc at the middle."""
    arcs = Run(ellipse(1.0, 1.0), BOX, 0.5).lines.arcs
    root = (arcs.s + arcs.step)[:, FINEST // 2]
    guess = hermite(arcs, np.full((len(arcs), 1), 0.5))[:, 0]
    # The height of an arc of one radian is 0.12; the straight guess, without slopes, would be 0.
    assert root.min() > 0.05
    assert (np.abs(guess - root) < 0.4 * root).all()


def test_weights_decide_which_column_counts():
    """The first column asks for halves of an arc, the second one for a higher rule."""
    run = Run(ellipse(1.0, 1.0), BOX, 0.5)
    count = len(run.lines.owner)
    pushed(run, residual=0.0)
    run.lines.arcs.rule[:] = [1.0, 0.1]
    run.lines.arcs.decay[:] = [1.0, 0.1]
    run.lines.refine(np.arange(1), np.array([[0.0, 1.0]]))
    assert len(run.lines.owner) == count
    run.lines.refine(np.arange(1), np.array([[1.0, 0.0]]))
    assert len(run.lines.owner) == count + 1


@pytest.mark.parametrize("rest", [0, 3, 40])
def test_running_out_of_points_changes_nothing(rest):
    run = Run(crossing, BOX, 0.3)
    before = run.lines.arcs
    kept = replace(before, **{item.name: getattr(before, item.name).copy() for item in fields(before)})
    run.field.limit = run.field.points + rest
    with pytest.raises(OutOfPoints):
        run.lines.refine(np.arange(len(before)))
    with pytest.raises(OutOfPoints):
        run.lines.add([LevelRequest(run.mesh, 0.3001, 6)])
    assert len(run.lines.arcs) == len(before)
    for item in fields(kept):
        np.testing.assert_array_equal(getattr(run.lines.arcs, item.name), getattr(kept, item.name))


def test_lines_of_other_energies_stay_as_they_are():
    run = Run(ellipse(1.0, 1.0), BOX, 0.5)
    value = run.lines.value.copy()
    assert run.lines.add([LevelRequest(run.mesh, 0.6, 8), LevelRequest(run.mesh, -0.1, 9)]) == [None, None]
    np.testing.assert_array_equal(run.lines.value[run.lines.owner == 5], value)
    assert_same(run.lines.value[run.lines.owner == 8].sum(axis=0), on_ellipse(1.0, 1.0, 0.6), rtol=1e-3, floor=1.0)
    assert not (run.lines.owner == 9).any()
    run.lines.drop(8)
    assert set(run.lines.owner) == {5}


@pytest.mark.parametrize("order", [4, 8, 16, 32])
def test_second_derivatives_of_polynomials_are_exact(order):
    u = grid()[:: FINEST // order]
    np.testing.assert_allclose(bending(order) @ (u**4 - 2 * u**3 + u), 12 * u**2 - 12 * u, atol=1e-8)
