"""Bumps on a periodic cell by grids under windows: closed forms, fine plain grids, hot spots no first grid shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from cases.engine import Band, cosine_band, one_component, stacked, with_integrands, zone
from sigmaijk.levelset.discovery import Unresolved
from sigmaijk.levelset.elements import Peaks
from sigmaijk.levelset.grid_levels import Grids
from sigmaijk.levelset.nested_grids import integrate
from sigmaijk.levelset.peaks import bump
from sigmaijk.levelset.samples import Cell, Sample, Sampler, Samples
from sigmaijk.levelset.simplices import Goal, Integrals
from support import assert_same

GOALS = [Goal(slice(0, 1), 1, 0.0, np.ones((1, 1)))]


def run(
    sampler: Sampler,
    centre: Sequence[float],
    width: Sequence[float],
    *,
    rtol: float = 1e-3,
    first: float = 16.0,
    max_points: int = 200_000,
    cell: Cell | None = None,
    goals: list[Goal] | None = None,
    hopeless: Callable | None = None,
) -> Integrals:
    domain = zone() if cell is None else cell
    return integrate(
        sampler,
        domain,
        Peaks.at(np.array(centre, float), np.array(width, float)),
        GOALS if goals is None else goals,
        first=np.full(domain.dim, first),
        rtol=rtol,
        degeneracy_tol=1e-6,
        max_points=max_points,
        hopeless=hopeless,
    )


def plain(sampler: Sampler, cell: Cell, centre: Sequence[float], width: Sequence[float], points: int) -> np.ndarray:
    """The trapezoid rule on one grid, (peak, c); exact to rounding where it is fine enough."""
    axis = (np.arange(points) + 0.27) / points
    total = np.zeros(0)
    for x in axis if cell.dim == 2 else [(x, y) for x in axis for y in axis]:
        k = cell.points(np.column_stack([np.tile(np.atleast_1d(x), (points, 1)), axis]))
        sample = sampler(k)
        distance = (sample.energy[:, None] - np.array(centre)[:, None]) / np.array(width)[:, None]
        part = np.einsum("kpn,knc->pc", bump(distance) / np.array(width)[:, None], sample.integrand)
        total = part if not total.size else total + part
    return total * cell.volume / points**cell.dim


def assert_honest(result: Integrals, expected: np.ndarray, rounding: float = 1e-12) -> None:
    """Within three estimates, and the estimate says something."""
    wanted = np.atleast_2d(expected)
    size = np.abs(wanted).max()
    assert size > 0
    error = result.error[:, : wanted.shape[1]]
    assert (error < 0.5 * size).all()
    assert (np.abs(result.value[:, : wanted.shape[1]] - wanted) <= 3 * error + rounding * size).all()


def dirac(gap: float, node: Sequence[float], tilt: float = 0.4) -> Sampler:
    """Gapped, tilted cone of one lattice site; d = (sin, sin, m) and an integrand like that of the metric dipole."""
    at = np.array(node)

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        q = k - at
        mass = 0.5 * gap + 2.0 - np.cos(q).sum(axis=1)
        size = np.sqrt((np.sin(q) ** 2).sum(axis=1) + mass**2)
        slope = (np.sin(q) * (np.cos(q) + mass[:, None])) / size[:, None]
        lean, leaning = tilt * np.sin(q[:, 0]), np.zeros_like(q)
        leaning[:, 0] = tilt * np.cos(q[:, 0])
        return lean[:, None] + np.stack([-size, size], 1), leaning[:, None] + np.stack([-slope, slope], 1)

    def integrand(k: np.ndarray, energy: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        gaps = np.diff(energy, axis=1)
        return np.concatenate([-velocity[:, :1, :1] / gaps[:, None] ** 2, velocity[:, 1:, :1] / gaps[:, None] ** 2], 1)

    return with_integrands(band, integrand, coupling=1.0)


def adaptive_cone(gap: float, node: Sequence[float], centre: float, width: float) -> float:
    """The same integral by rings of Gauss points about the spot, to about 1e-9: polar within, a plain grid outside."""
    sampler, radius = dirac(gap, node), 3.0
    x, w = np.polynomial.legendre.leggauss(12)
    # Inside a smooth cut the logarithm of the radius is the variable; outside nothing is sharp.
    edges = np.concatenate([[0.0], np.geomspace(0.1 * gap, radius, 60)])
    half = 0.5 * np.diff(edges)
    r = (0.5 * (edges[:-1] + edges[1:]) + half * x[:, None]).T.ravel()
    weight = (half * w[:, None]).T.ravel() * r
    phi = 2 * np.pi * (np.arange(192) + 0.3) / 192

    def cut(distance: np.ndarray) -> np.ndarray:
        t = np.clip((distance - 0.6) / (radius - 0.65), 1e-9, 1 - 1e-9)
        return expit(1.0 / t - 1.0 / (1.0 - t))

    def picked(k: np.ndarray) -> np.ndarray:
        sample = sampler(k)
        return (bump((sample.energy - centre) / width) / width * sample.integrand[..., 0]).sum(axis=1)

    points = np.array(node) + r[:, None, None] * np.stack([np.cos(phi), np.sin(phi)], 1)
    inner = picked(points.reshape(-1, 2)).reshape(len(r), -1) * cut(r)[:, None]
    total = float((inner * weight[:, None]).sum() * 2 * np.pi / len(phi))
    n = 700
    q = -np.pi + 2 * np.pi * (np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), -1) + 0.5) / n
    q = q.reshape(-1, 2)
    distance = np.linalg.norm(q, axis=1)
    far = distance > 0.6
    return total + float((picked(np.array(node) + q[far]) * (1 - cut(distance[far]))).sum() * (2 * np.pi / n) ** 2)


def avoiding(waves: int, coupling: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], place: float) -> Sampler:
    """Two bands that would cross on straight lines cos(waves x) = place, with a gap of twice `coupling(y)`, its slope
    beside it; the integrand grows with the fourth power of 1/gap."""

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y = k.T
        detuning, (c, slope) = np.cos(waves * x) - place, coupling(y)
        half = np.sqrt(detuning**2 + c**2)
        changes = np.stack([-waves * detuning * np.sin(waves * x) / half, c * slope / half], 1)
        lean = 0.3 * np.cos(x + y)[:, None] * np.ones(2)
        return 0.3 * np.sin(x + y)[:, None] + np.stack([-half, half], 1), np.stack([lean - changes, lean + changes], 1)

    def integrand(k: np.ndarray, energy: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        return (1.0 + 0.3 * np.sin(k[:, :1, None])) / np.diff(energy, axis=1)[:, :, None] ** 4 * np.ones((1, 2, 1))

    return with_integrands(band, integrand, coupling=1.0)


@pytest.mark.parametrize("dim", [2, 3])
def test_many_peaks_of_several_widths_agree_with_one_fine_grid(dim: int):
    centre, width = [-2.0, -1.0, 0.3, 1.5], [0.25, 0.4, 0.3, 0.5]
    sampler, cell = one_component(cosine_band((0.4, 0.1, -0.3)[:dim])), zone(dim)
    result = run(sampler, centre, width, first=24.0, rtol=1e-3, cell=cell, max_points=400_000)
    expected = plain(sampler, cell, centre, width, 160 if dim == 2 else 48)
    assert result.converged.all()
    assert_honest(result, expected[:, :1])
    assert_same(result.value[:, 0], expected[:, 0], rtol=1e-3, floor=1.0)


def test_closed_form_of_a_chain_that_one_direction_does_not_see():
    """E = -2 cos x: the density of states 1/(pi sqrt(4 - E**2)) under a bump, by Chebyshev's rule in E = 2 cos t."""
    t = np.pi * (np.arange(4000) + 0.5) / 4000
    expected = (2 * np.pi) ** 2 * float((bump((2 * np.cos(t) - 0.5) / 0.08) / 0.08).mean())
    for rtol in (1e-1, 1e-2, 1e-4, 1e-6):
        result = run(one_component(along([1, 0])), [0.5], [0.08], rtol=rtol)
        assert result.converged.all()
        assert_honest(result, np.array([[expected]]))


def along(direction: Sequence[int]) -> Band:
    """A dispersion along one direction of the lattice."""
    n = np.array(direction)
    return lambda k: (-2 * np.cos(k @ n), 2 * np.sin(k @ n)[:, None] * n)


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (1, 1), (1, -1)])
@pytest.mark.parametrize("rtol", [1e-1, 1e-2, 1e-3])
def test_a_sublattice_that_sees_nothing_does_not_deceive(direction: tuple[int, int], rtol: float):
    """Leaving out points across the dispersion changes no sum; first grids about as fine as they are made, and coarser.

    Where a row of points lies half a step from the level set, leaving out every other row tells nothing either.
    """
    t = np.pi * (np.arange(4000) + 0.5) / 4000
    expected = (2 * np.pi) ** 2 * float((bump((2 * np.cos(t) + 1.1) / 0.05) / 0.05).mean())
    for first in np.array([23.0, 30.0, 38.0]) * np.log10(10 / rtol) / 2:
        result = run(one_component(along(direction)), [-1.1], [0.05], rtol=rtol, first=float(first))
        assert_honest(result, np.array([[expected]]))


def test_error_falls_exponentially_with_the_grid():
    """Poles pi kT/s off the real axis: twice the points square the error, and windows are not needed."""
    sampler = one_component(cosine_band())
    expected = plain(sampler, zone(), [0.7], [0.6], 200)[0, 0]
    errors = []
    for first in (8.0, 16.0, 24.0):
        result = run(sampler, [0.7], [0.6], rtol=1e-1, first=first, max_points=int(2.7 * first**2))
        assert "windows" not in result.method
        errors.append(abs(result.value[0, 0] / expected - 1))
    assert errors[0] > 1e-6
    assert errors[1] < errors[0] ** 1.4
    assert errors[2] < errors[1] ** 1.2


@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("width", [0.01, 0.03])
def test_hot_spots_between_the_points_of_the_first_grid_are_found(gap: float, width: float):
    """1/gap**2 on a spot of gap/v: the first grid has steps of 0.1, the spot lies where its blocks meet or do not."""
    for node in ((0.11 + 2 * np.pi * 0.5078, 0.07 + 2 * np.pi * 0.2578), (2.031, 4.447)):
        expected = adaptive_cone(gap, node, 0.02, width)
        result = run(dirac(gap, node), [0.02], [width], rtol=1e-2, first=60.0)
        assert result.converged.all()
        assert_honest(result, np.array([[expected]]), rounding=1e-6)


@pytest.mark.parametrize(("place", "first"), [(0.1, 24.0), (0.1, 72.0), (0.25, 40.0), (0.25, 72.0)])
def test_narrow_gaps_along_an_axis_do_not_deceive_sublattices(place: float, first: float):
    """A line half a step from two rows: every other row says what all rows say, and both are wrong by 5 %."""
    sampler = avoiding(1, lambda y: (0.05 + 0 * y, 0 * y), place)
    expected = plain(sampler, zone(), [0.05], [0.05], 500)[:, :1]
    for rtol in (1e-2, 1e-3):
        result = run(sampler, [0.05], [0.05], rtol=rtol, first=first)
        assert result.converged.all()
        assert_honest(result, expected)


def test_hot_spots_in_very_many_blocks_all_count():
    """The gap closes to a hundredth of a step on 12 lines that reach most of 1024 blocks; only there is it narrow."""
    sampler = avoiding(6, lambda y: (0.008 + 0.3 * (1 - np.cos(y - 1.0)), 0.3 * np.sin(y - 1.0)), 0.4)
    expected = plain(sampler, zone(), [0.05], [0.05], 3000)[0, 0]
    cell = replace(zone(), divisions=(128, 128))
    peaks = Peaks.at(np.array([0.05]), np.array([0.05]))
    for shift in np.linspace(0.0, 1.0, 5):
        shifted = replace(cell, origin=cell.origin + shift * cell.axes.sum(axis=0) / 128)
        grids = Grids(Samples(sampler, shifted, 100_000), peaks, GOALS, 1e-3, 1e-6)
        level = grids.level([])
        assert np.count_nonzero(level.error[:, 0, 0] > 1e-3 * level.sums[:, 0, 0, 0]) > 600
        # Either a point lies on a spot, which shows, or all lie beside them.
        shown, hidden = grids.otherwise(level.sums.sum(axis=0))[0, 0], level.hidden[:, 0, 0].sum()
        assert hidden > 0.2 * expected
        assert abs(level.sums[:, 0, 0, 0].sum() - expected) < 2.0 * max(shown, hidden)


def test_uncoupled_sheets_that_cross_count_twice():
    one, two = cosine_band((0.0, 0.0)), cosine_band((0.9, 0.4), 0.3)
    expected = sum(plain(one_component(band), zone(), [-0.6], [0.15], 240)[0, 0] for band in (one, two))
    result = run(one_component(stacked([one, two])), [-0.6], [0.15], first=30.0)
    assert result.converged.all()
    assert_honest(result, np.array([[expected]]))
    assert "finer" not in result.method or result.points < 20_000


def test_degenerate_doublets_and_flat_sheets_count_each_band():
    sampler = one_component(stacked([cosine_band(), cosine_band(), lambda k: (np.full(len(k), 0.4), np.zeros_like(k))]))
    single = plain(one_component(cosine_band()), zone(), [0.2], [0.2], 200)[0, 0]
    flat = zone().volume * float(bump(np.array(1.0))) / 0.2
    result = run(sampler, [0.2], [0.2], first=30.0)
    assert result.converged.all()
    assert_honest(result, np.array([[2 * single + flat]]))


@pytest.mark.parametrize("points", [0, 10, 100, 255, 300, 700, 1500, 4000, 9000, 20_000])
def test_points_that_run_out_leave_an_honest_error(points: int):
    node = (2.031, 4.447)
    expected = adaptive_cone(1e-3, node, 0.02, 0.02)
    result = run(dirac(1e-3, node), [0.02], [0.02], rtol=1e-6, first=60.0, max_points=points)
    assert result.points <= points
    assert not result.converged.any()
    assert not np.isnan(result.error).any()
    assert abs(result.value[0, 0] - expected) <= 1.5 * result.error[0, 0]
    assert np.isinf(result.error[0, 0]) == (not result.discovered)
    assert result.discovered == (points >= 32**2)


def test_columns_without_a_goal_cost_nothing_and_have_values():
    """The second column is as rough as may be; only the first one is wanted."""

    def sampler(k: np.ndarray) -> Sample:
        sample = one_component(cosine_band())(k)
        rough = np.where(np.cos(7 * k[:, :1]) > 0, 1.0, 3.0)
        return sample._replace(integrand=np.stack([sample.integrand[..., 0], rough, rough, 0 * rough], axis=2))

    goals = [
        Goal(slice(0, 1), 2, 0.0, np.ones((1, 1))),
        Goal(slice(1, 2), 2, 0.0, np.zeros((1, 1))),
    ]
    result = run(sampler, [0.7], [0.3], goals=goals, first=30.0)
    assert result.converged.all()
    assert result.points < 5000
    assert result.value[0, 1] > 1.5 * result.value[0, 0] > 1.0


def test_a_block_that_symmetry_forbids_stops_early():
    """sin kx under an even bump is zero; its twin without the symmetry is not."""

    def odd(shift: float) -> Sampler:
        return with_integrands(cosine_band(), lambda k, e, v: np.sin(k[:, :1, None] + shift))

    forbidden, allowed = (run(odd(shift), [0.7], [0.3], first=30.0, rtol=1e-3) for shift in (0.0, 0.5))
    assert abs(forbidden.value[0, 0]) <= 3 * forbidden.error[0, 0] < 1e-3 * abs(allowed.value[0, 0])
    assert allowed.converged.all()
    assert forbidden.points <= 3 * allowed.points


def test_a_node_is_asked_about_once_and_what_is_hopeless_is_left():
    asked: list[Unresolved] = []

    def hopeless(unresolved: Unresolved, allowed: np.ndarray) -> np.ndarray:
        asked.append(unresolved)
        assert allowed.shape == (2, 1)
        return np.array([[True], [True]])

    node = (2.031, 4.447)
    result = run(dirac(1e-12, node), [0.02, 0.1], [0.03, 0.02], first=60.0, rtol=1e-2, hopeless=hopeless)
    assert len(asked) == 1
    k, sheet = asked[0].touching[0]
    assert sheet == 0
    assert np.linalg.norm((np.array(k) - node + np.pi) % (2 * np.pi) - np.pi) < 2 * 2 * np.pi / 60 / 2**4
    assert not result.converged.any()
    assert result.points < 30_000


def test_peaks_that_are_not_hopeless_converge_beside_those_that_are():
    def hopeless(unresolved: Unresolved, allowed: np.ndarray) -> np.ndarray:
        return np.array([[True], [False]])

    node = (2.031, 4.447)
    sampler = dirac(1e-4, node)
    result = run(sampler, [0.02, 1.5], [0.03, 0.02], first=60.0, rtol=1e-4, hopeless=hopeless)
    assert result.converged.tolist() == [[False], [True]]
    both = run(sampler, [0.02, 1.5], [0.03, 0.02], first=60.0, rtol=1e-4)
    assert result.points < 0.9 * both.points
    expected = plain(sampler, zone(), [1.5], [0.02], 900)[0, 0]
    assert_honest(
        Integrals(**{**vars(result), "value": result.value[1:], "error": result.error[1:]}),
        np.array([[expected]]),
        1e-6,
    )
