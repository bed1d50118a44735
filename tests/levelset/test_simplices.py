"""The adaptive integrator on sheets with exact integrals; it must find every piece and never understate its error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ellipkm1

from sigmaijk.levelset.box import OpenLevelSet, grow
from sigmaijk.levelset.elements import Peaks
from sigmaijk.levelset.periodic import trapezoid
from sigmaijk.levelset.samples import Cell, Sample, Sampler
from sigmaijk.levelset.simplices import Goal, Integrals, integrate, vanishing

GOALS = [Goal(slice(0, 1), 1, 0.0, np.ones((1, 1)))]


def plane_cell(half: float, dim: int = 2, divisions: int = 8) -> Cell:
    return Cell(np.full(dim, -half * 1.003), np.eye(dim) * 2 * half * 1.01, False, (divisions,) * dim)


def zone(dim: int = 2, divisions: int = 8) -> Cell:
    return Cell(np.array([0.11, 0.07, 0.05])[:dim], 2 * np.pi * np.eye(dim), True, (divisions,) * dim)


def density(energy, velocity) -> Sampler:
    """One sheet with integrand 1."""

    def sampler(k: np.ndarray) -> Sample:
        return Sample(energy(k)[:, None], velocity(k)[:, None], np.ones((len(k), 1, 2)), np.zeros((len(k), 1)))

    return sampler


def run(sampler: Sampler, cell: Cell, centre: float, width: float, rtol: float, points: int = 200_000) -> Integrals:
    peaks = Peaks.at(np.array([centre]), np.array([width]))
    return integrate(sampler, cell, peaks, GOALS, rtol=rtol, degeneracy_tol=1e-6, max_points=points)


def ring(radius: float, centre: tuple[float, ...]):
    """E = (r**2 - radius**2) with r the distance from a centre: int delta(E) = pi in 2D, 2 pi radius in 3D."""
    c = np.array(centre)
    return density(lambda k: ((k - c) ** 2).sum(axis=1) - radius**2, lambda k: 2 * (k - c))


EXACT = {
    "circle": (ring(0.7, (0.1, -0.2)), plane_cell(1.5), 0.0, np.pi),
    "tiny pocket": (ring(0.01, (0.731, -0.393)), plane_cell(1.5), 0.0, np.pi),
    "pocket one part in a million deep": (ring(1e-3, (0.331, 0.177)), plane_cell(1.5), 0.0, np.pi),
    "thin ring": (
        density(
            lambda k: (np.hypot(k[:, 0], k[:, 1]) - 0.8) ** 2 * 50,
            lambda k: (100 * (np.hypot(k[:, 0], k[:, 1]) - 0.8) / np.hypot(k[:, 0], k[:, 1]))[:, None] * k,
        ),
        plane_cell(1.5),
        1e-3,
        2 * np.pi * 0.8 / (50 * np.sqrt(1e-3 / 50)),
    ),
    "near a saddle": (
        density(lambda k: -2 * np.cos(k).sum(axis=1), lambda k: 2 * np.sin(k)),
        zone(),
        -1e-2,
        float(2 * ellipkm1((1e-2 / 4) ** 2)),
    ),
    "sphere": (ring(0.7, (0.1, -0.2, 0.05)), plane_cell(1.5, 3, 6), 0.0, 2 * np.pi * 0.7),
    "tiny ball": (ring(0.02, (0.531, -0.393, 0.2)), plane_cell(1.5, 3, 6), 0.0, 2 * np.pi * 0.02),
}


@pytest.mark.parametrize("case", EXACT)
@pytest.mark.parametrize("rtol", [1e-1, 1e-2, 1e-3])
def test_error_is_honest_where_the_integral_is_known(case: str, rtol: float):
    sampler, cell, centre, expected = EXACT[case]
    result = run(sampler, cell, centre, 0.0, rtol)
    true = abs(result.value[0, 0] - expected)
    assert true <= 3 * result.error[0, 0] + 1e-12 * expected
    assert result.error[0, 0] <= rtol * result.value[0, 0]
    assert result.converged.all()


@pytest.mark.parametrize("width", [1e-3, 0.03, 0.3])
def test_bump_on_a_paraboloid_has_its_closed_form(width: float):
    """In two dimensions the density of states of k**2 is constant, so a bump at c picks pi / (1 + exp(-c/width))."""
    result = run(ring(0.0, (0.1, 0.2)), plane_cell(4.0), 0.5, width, 1e-4)
    expected = np.pi / (1 + np.exp(-0.5 / width))
    assert abs(result.value[0, 0] - expected) <= 3 * result.error[0, 0] + 1e-9
    assert result.error[0, 0] <= 1e-4 * expected


def test_narrow_neck_between_two_pockets_is_resolved():
    """E = -cos x - cos y a hair above and below its saddle at 0, where the surface changes its topology."""
    sampler = density(lambda k: -2 * np.cos(k).sum(axis=1), lambda k: 2 * np.sin(k))
    for centre in (-1e-4, 1e-4):
        result = run(sampler, zone(), centre, 0.0, 1e-3)
        expected = float(2 * ellipkm1((centre / 4) ** 2))
        assert abs(result.value[0, 0] - expected) <= 3 * result.error[0, 0]
        assert result.value[0, 0] == pytest.approx(expected, rel=2e-3)


def test_two_sheets_that_cross_count_twice():
    """Two cosine bands shifted against each other, sorted: kinks where they cross, each with the density of its own."""

    def sampler(k: np.ndarray) -> Sample:
        shifts = np.array([[0.0, 0.0], [0.9, 0.4]])
        energy = np.stack([-2 * np.cos(k - s).sum(axis=1) for s in shifts], axis=1)
        velocity = np.stack([2 * np.sin(k - s) for s in shifts], axis=1)
        order = np.argsort(energy, axis=1)
        return Sample(
            np.take_along_axis(energy, order, 1),
            np.take_along_axis(velocity, order[..., None], 1),
            np.ones((len(k), 2, 2)),
            np.zeros((len(k), 2)),
        )

    result = run(sampler, zone(), -1.0, 0.0, 1e-3)
    expected = float(4 * ellipkm1((1.0 / 4) ** 2))
    assert abs(result.value[0, 0] - expected) <= 3 * result.error[0, 0]
    assert result.value[0, 0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("dim", [2, 3])
def test_trapezoid_rule_agrees_with_simplices(dim: int):
    sampler = density(lambda k: -2 * np.cos(k).sum(axis=1), lambda k: 2 * np.sin(k))
    peaks = Peaks.at(np.array([-1.0]), np.array([0.3]))
    options = {"rtol": 1e-3, "degeneracy_tol": 1e-6, "max_points": 400_000}
    grid = trapezoid(sampler, zone(dim), peaks, GOALS, **options)
    simplices = integrate(sampler, zone(dim, 6), peaks, GOALS, **options)
    assert abs(grid.value[0, 0] - simplices.value[0, 0]) <= grid.error[0, 0] + simplices.error[0, 0]
    assert grid.converged.all()
    assert grid.value[0, 0] > 1.0


def test_limit_is_never_passed_and_the_error_stays_honest():
    sampler, cell, centre, expected = EXACT["circle"]
    for limit in (500, 900, 2000, 5000):
        result = run(sampler, cell, centre, 0.0, 1e-9, points=limit)
        assert result.points <= limit
        assert not result.converged.any()
        assert abs(result.value[0, 0] - expected) <= 3 * result.error[0, 0] or np.isinf(result.error).all()


def test_box_grows_until_the_level_set_is_inside():
    def sheets(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return ((k - np.array([7.0, 3.0])) ** 2).sum(axis=1)[:, None], 2 * (k - np.array([7.0, 3.0]))[:, None]

    half = grow(sheets, 2, 1.0, np.array([[0.9, 1.1]]))
    assert 8.1 < half < 40


def test_box_that_never_closes_names_the_direction():
    def sheets(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (2 * k[:, 1] + np.abs(k[:, 0]))[:, None], np.stack([np.sign(k[:, 0]), np.full(len(k), 2.0)], 1)[:, None]

    with pytest.raises(OpenLevelSet) as caught:
        grow(sheets, 2, 1.0, np.array([[0.0, 0.1]]))
    assert abs(caught.value.direction[1]) > 0.99


def test_blocks_that_look_forbidden_are_zero_within_a_tiny_error():
    """Zero, small beside the modulus, or neither: only both together say that more points would help not."""
    goals = [Goal(slice(0, 2), 2, 0.0, np.eye(2))]
    value = np.array([[1e-9, -2e-9, 1.0], [1e-9, -2e-9, 1e-4], [1e-9, 3e-8, 1.0]])
    error = np.array([[1e-8, 1e-8, 1e-3]] * 3)
    assert vanishing(value, error, goals)[:, 0].tolist() == [True, False, False]
