"""Moments of functions with closed forms, from as few evaluations as their honest errors allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from sigmaijk.levelset.moments import Moments, moments, table
from sigmaijk.levelset.peaks import bump
from sigmaijk.levelset.pieces import Critical
from sigmaijk.levelset.samples import OutOfPoints
from sigmaijk.levelset.simplices import Goal
from support import assert_same

Function = Callable[[np.ndarray], np.ndarray]

GOALS = [Goal(slice(0, 1), 1, 0.0, np.array([[1.0]]))]
EDGE = 0.0725


class Surfaces:
    """A closed form (eps,) -> (eps, c) with noise as large as its declared errors, counting what is not zero."""

    def __init__(self, function: Function, *, first: float = 1e-3, best: float = 0.0, limit: int = 10**9):
        self.function, self.first, self.best, self.limit = function, first, best, limit
        self.energies = np.empty(0)
        self.exact = self.value = self.error = np.empty((0, 2))
        self.count, self.improvements, self.rng = 0, 0, np.random.default_rng(7)

    def open(self, energies: np.ndarray) -> np.ndarray:
        fresh = np.setdiff1d(energies, self.energies)
        exact = np.stack([self.function(fresh), np.abs(self.function(fresh))], axis=1)
        nonzero = int(exact.any(axis=1).sum())
        if self.count + nonzero > self.limit:
            raise OutOfPoints
        self.count += nonzero
        error = self.first * np.abs(exact)
        self.energies = np.concatenate([self.energies, fresh])
        self.exact, self.error = np.concatenate([self.exact, exact]), np.concatenate([self.error, error])
        self.value = np.concatenate([self.value, exact + error * self.rng.uniform(-1, 1, error.shape)])
        order = np.argsort(self.energies)
        return order[np.searchsorted(self.energies[order], energies)]

    def improve(self, numbers: np.ndarray, allowed: np.ndarray) -> None:
        self.improvements += len(numbers)
        wanted = np.maximum(allowed[:, :1], self.best * np.abs(self.exact[numbers]))
        error = np.minimum(self.error[numbers], wanted)
        self.error[numbers] = error
        self.value[numbers] = self.exact[numbers] + error * self.rng.uniform(-1, 1, error.shape)


def reference(function: Function, breaks: Sequence[float], mu: float, kT: float) -> float:
    """The moment by Gauss-Legendre panels that shrink geometrically towards every break."""
    if kT == 0:
        return float(function(np.array([mu]))[0])
    fine = 10.0 ** np.arange(-13.0, 1.0, 0.5)
    ends = [mu + kT * np.linspace(-110.0, 110.0, 221)]
    ends += [np.concatenate([b - fine, [b], b + fine]) for b in breaks]
    ends = np.unique(np.concatenate(ends))
    ends = ends[np.abs(ends - mu) <= 110.0 * kT]
    x, w = np.polynomial.legendre.leggauss(20)
    half = 0.5 * np.diff(ends)[:, None]
    eps = (ends[:-1, None] + half * (1 + x)).ravel()
    return float(((half * w).ravel() * function(eps) * bump((eps - mu) / kT) / kT).sum())


def run(function: Function, critical: Sequence[Critical], peaks: Sequence[tuple[float, float]], **options):
    surfaces = Surfaces(function, **{k: options.pop(k) for k in ("first", "best", "limit") if k in options})
    centre, width = np.array(peaks).T
    found = moments(surfaces, critical, centre, width, GOALS, **{"rtol": 1e-6, "dim": 2} | options)
    exact = np.array([reference(function, [c.energy for c in critical], *peak) for peak in peaks])
    return surfaces, found, np.abs(found.value[:, 0] - exact), exact


def bands(eps: np.ndarray) -> np.ndarray:
    """Two bands with a gap between -EDGE and EDGE; zero at the edges, poles at +-0.5i EDGE and 0.3 +- 0.25i."""
    x = np.maximum(np.abs(eps) - EDGE, 0.0)
    return x / (eps**2 + 0.25 * EDGE**2) ** 1.5 * 0.01 * (1.0 + 0.02 / ((np.abs(eps) - 0.3) ** 2 + 0.0625))


EDGES = [Critical(-EDGE, "edge"), Critical(EDGE, "edge")]


@pytest.mark.parametrize(
    ("mu", "kT", "most"),
    [
        (0.25, 0.001, 8),
        (0.25, 0.01, 13),
        (0.25, 0.02585, 30),
        (EDGE + 0.005, 0.01, 20),
        (0.05, 0.01, 28),
        (0.05, 0.001, 12),
        (0.0, 0.001, 24),
    ],
)
def test_one_bump_takes_few_energies(mu: float, kT: float, most: int):
    surfaces, found, true, exact = run(bands, EDGES, [(mu, kT)])
    assert found.error[0, 0] <= 1e-6 * abs(exact[0])
    assert true[0] <= 2 * found.error[0, 0]
    assert surfaces.count <= most
    assert "Gauss" in found.strategy


def test_a_tail_in_a_wide_gap_keeps_its_relative_precision():
    """In the middle of the gap, 50 widths from both bands, the moment is 1e-23 of what it is inside a band."""
    _, found, true, exact = run(bands, EDGES, [(0.0, EDGE / 50)])
    assert 0 < exact[0] < 1e-18
    assert true[0] <= found.error[0, 0] <= 1e-6 * exact[0]


def test_a_scan_takes_one_table():
    mus, widths = np.linspace(0.05, 0.6, 200), (0.0, 0.001, 0.00862, 0.02585)
    peaks = [(mu, kT) for mu in mus for kT in widths]
    surfaces = Surfaces(bands)
    found = moments(surfaces, EDGES, *np.array(peaks).T, GOALS, rtol=1e-5, dim=2)
    some = range(0, len(peaks), 13)
    exact = np.array([reference(bands, [-EDGE, EDGE], *peaks[i]) for i in some])
    true = np.abs(found.value[some, 0] - exact)
    assert "interpolation" in found.strategy
    assert surfaces.count <= 55
    assert true.max() <= 1e-5 * exact.max()
    assert (true <= 3 * found.error[some, 0]).all()
    assert (found.error[:, 0] <= found.allowed[:, 0]).all()


def test_equal_peaks_are_one():
    single, found, *_ = run(bands, EDGES, [(0.2, 0.01)])
    double, again, *_ = run(bands, EDGES, [(0.2, 0.01), (0.2, 0.01)])
    assert single.count == double.count
    assert_same(again.value[1], found.value[0], rtol=1e-13, floor=1e-9)


@pytest.mark.parametrize("tabulated", [False, True])
def test_polynomials_are_exact(tabulated: bool):
    """Int (1 + x + x**2) bump = 1 + pi**2 / 3 with x in widths."""

    def parabola(eps: np.ndarray) -> np.ndarray:
        return 1.0 + (eps - 0.1) / 0.02 + ((eps - 0.1) / 0.02) ** 2

    _, found, _, _ = run(parabola, [], [(0.1, 0.02)], rtol=1e-10, first=0.0, tabulated=tabulated)
    assert_same(found.value[:, 0], [1.0 + np.pi**2 / 3.0], rtol=1e-9, floor=1e-3)


def saddle(eps: np.ndarray) -> np.ndarray:
    x = (eps - 0.1) / 0.05
    return np.log(np.abs(x) + 1e-300) / (1 + x**2 / 9) - 1.0


def soft_saddle(eps: np.ndarray) -> np.ndarray:
    x = (eps - 0.1) / 0.05
    return x * np.log(np.abs(x) + 1e-300) + np.cos(x / 3)


def roots(eps: np.ndarray) -> np.ndarray:
    """A 3D band from its edge at 0 to its top at 0.4 eV, with two van Hove energies."""
    inside = np.sqrt(np.maximum(eps, 0.0) * np.maximum(0.4 - eps, 0.0))
    return inside - 0.3 * np.sqrt(np.maximum(eps - 0.15, 0.0) * (eps < 0.4) * np.maximum(0.4 - eps, 0.0))


SINGULAR = {
    "saddle": (saddle, [Critical(0.1, "saddle")], 2),
    "soft saddle": (soft_saddle, [Critical(0.1, "saddle")], 2),
    "roots": (roots, [Critical(0.0, "edge"), Critical(0.15, "saddle"), Critical(0.4, "edge")], 3),
}


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("tabulated", [False, True])
@pytest.mark.parametrize("rtol", [1e-3, 1e-5])
def test_singular_ends_are_resolved(name: str, tabulated: bool, rtol: float):
    function, critical, dim = SINGULAR[name]
    peaks = [(0.1, 0.01), (0.12, 0.01), (0.12, 0.03), (0.2, 0.0), (0.102, 0.001), (-0.05, 0.01)]
    _, found, true, _ = run(function, critical, peaks, rtol=rtol, dim=dim, tabulated=tabulated)
    assert (true <= 3 * found.error[:, 0]).all()
    assert (found.error[:, 0] <= found.allowed[:, 0]).all()


def test_sharp_peaks_near_a_saddle_are_honest():
    peaks = [(0.1 + s * 10.0**-n, 0.0) for n in range(1, 9) for s in (-1, 1)] + [
        (0.05 + 0.003 * i, 0.0) for i in range(40)
    ]
    surfaces, found, true, _ = run(saddle, SINGULAR["saddle"][1], peaks, rtol=1e-5, tabulated=True)
    assert (true <= 3 * found.error[:, 0]).all()
    assert (found.error[:, 0] <= found.allowed[:, 0]).all()
    assert surfaces.count < 200


def made_up(seed: int) -> tuple[Function, list[Critical], list[tuple[float, float]]]:
    """Edges at random energies; between them rational functions with poles at random complex energies."""
    rng = np.random.default_rng(seed)
    critical = [Critical(float(e), "edge") for e in np.sort(rng.uniform(-0.3, 0.3, rng.integers(1, 4)))]
    cuts = [c.energy for c in critical]
    pole = rng.uniform(-0.4, 0.4, (len(cuts) + 1, 2)), 10.0 ** rng.uniform(-2.0, -0.5, (len(cuts) + 1, 2))
    size = rng.normal(size=(len(cuts) + 1, 3))
    size[rng.random(len(size)) < 0.25] = 0.0

    def function(eps: np.ndarray) -> np.ndarray:
        i = np.searchsorted(cuts, eps, side="right")
        total = size[i, 0]
        for p in range(2):
            total = total + size[i, p + 1] * pole[1][i, p] ** 2 / ((eps - pole[0][i, p]) ** 2 + pole[1][i, p] ** 2)
        return total

    peaks = [(float(rng.uniform(-0.3, 0.3)), float(10.0 ** rng.uniform(-3.3, -1.5))) for _ in range(3)]
    return function, critical, peaks


def battery(tabulated: bool, rtol: float, seeds: range) -> tuple[np.ndarray, np.ndarray]:
    ratio, converged = [], []
    for seed in seeds:
        function, critical, peaks = made_up(seed)
        surfaces = Surfaces(function)
        centre, width = np.array(peaks).T
        found = moments(
            surfaces,
            critical,
            centre,
            width,
            GOALS,
            rtol=rtol,
            dim=2,
            tabulated=tabulated,
        )
        exact = np.array([reference(function, [c.energy for c in critical], *peak) for peak in peaks])
        true = np.abs(found.value[:, 0] - exact)
        ratio.extend(true / np.maximum(found.error[:, 0], 1e-14 * np.abs(found.value[:, 1]) + 1e-40))
        converged.extend(found.error[:, 0] <= found.allowed[:, 0])
    return np.array(ratio), np.array(converged)


@pytest.mark.parametrize("tabulated", [False, True])
@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
def test_errors_are_honest_and_useful(tabulated: bool, rtol: float):
    ratio, converged = battery(tabulated, rtol, range(60))
    assert ratio.max() <= 3.0
    assert np.median(ratio[ratio > 0]) >= 0.01
    assert converged.mean() >= 0.85


@pytest.mark.parametrize("tabulated", [False, True])
@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
@pytest.mark.parametrize("kink", [0, 1])
def test_an_undeclared_singularity_does_not_fool_the_estimate(tabulated: bool, rtol: float, kink: int):
    """A jump or a kink within three widths; one far out on a tail, beyond the outer nodes, leaves no trace to find."""
    ratio = []
    rng = np.random.default_rng(3)
    for _ in range(12 if tabulated else 40):
        place, jump, pole = rng.uniform(-3.0, 3.0), rng.uniform(0.1, 2.0), rng.uniform(-0.1, 0.1)

        def function(eps: np.ndarray, place: float = place, jump: float = jump, pole: float = pole) -> np.ndarray:
            x = (eps - 0.1) / 0.01
            return 1.0 / ((eps - pole) ** 2 + 0.01) + 30.0 * jump * np.maximum(x - place, 0.0) ** kink * (x > place)

        surfaces = Surfaces(function)
        found = moments(surfaces, [], np.array([0.1]), np.array([0.01]), GOALS, rtol=rtol, dim=2, tabulated=tabulated)
        exact = reference(function, [0.1 + 0.01 * place], 0.1, 0.01)
        ratio.append(abs(found.value[0, 0] - exact) / found.error[0, 0])
    assert max(ratio) <= 10.0
    assert np.median(ratio) <= 3.0


@pytest.mark.parametrize("tabulated", [False, True])
def test_errors_of_values_are_passed_on(tabulated: bool):
    """Values that cannot be improved below 1e-4 leave moments with errors that say so."""
    _, found, true, exact = run(bands, EDGES, [(0.2, 0.01), (0.3, 0.02)], best=1e-4, tabulated=tabulated)
    assert (true <= found.error[:, 0]).all()
    assert (found.error[:, 0] <= 2e-3 * np.abs(exact)).all()
    assert (found.error[:, 0] >= 1e-5 * np.abs(exact)).all()


@pytest.mark.parametrize("limit", [0, 3, 8, 14, 22])
@pytest.mark.parametrize("tabulated", [False, True])
def test_running_out_of_points_leaves_honest_errors(limit: int, tabulated: bool):
    peaks = [(0.2, 0.01), (0.3, 0.02585), (0.25, 0.0)]
    _, found, true, _ = run(bands, EDGES, peaks, limit=limit, rtol=1e-9, tabulated=tabulated)
    assert not found.complete
    assert not np.isnan(found.value).any()
    assert (true <= 3 * found.error[:, 0]).all()
    if limit == 0:
        assert np.isinf(found.error).all()


def test_a_sharp_peak_is_one_evaluation():
    surfaces, found, true, _ = run(bands, EDGES, [(0.2, 0.0), (0.0, 0.0), (EDGE, 0.0)])
    assert surfaces.count == 1
    assert (true <= found.error[:, 0]).all()
    assert isinstance(found, Moments)


def test_a_table_serves_every_peak_in_its_window():
    surfaces = Surfaces(bands)
    made = table(surfaces, EDGES, (-0.2, 0.6), GOALS, rtol=1e-6, dim=2)
    count = surfaces.count
    value, error = made.moments(np.array([0.25, 0.1, 0.0]), np.array([0.01, 0.002, 0.002]))
    exact = [reference(bands, [-EDGE, EDGE], *peak) for peak in ((0.25, 0.01), (0.1, 0.002), (0.0, 0.002))]
    top = np.abs(bands(np.linspace(-0.2, 0.6, 400))).max()
    assert (np.abs(value[:, 0] - exact) <= error[:, 0]).all()
    assert error[:, 0].max() <= 1e-6 * top
    assert surfaces.count == count <= 60
    eps = np.linspace(-0.2, 0.6, 1001)
    value, error = made.evaluate(eps)
    assert (np.abs(value[:, 0] - bands(eps)) <= 3 * error[:, 0]).all()
    assert error[:, 0].max() <= 2e-6 * top
    assert np.isinf(made.evaluate(np.array([0.7]))[1]).all()
    beyond = made.moments(np.array([0.6]), np.array([0.01]))[1]
    assert beyond[0, 0] > 1e-3 * top
