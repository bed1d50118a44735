"""Weights of linear simplices under delta functions and bumps."""

import numpy as np
import pytest

from sigmaijk.levelset.peaks import broad_weights, bump, delta_weights
from sigmaijk.levelset.reference import fine, interpolation, lattice, parts, rule
from support import assert_same


def sorted_energies(dim: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).random(dim + 1))


def barycentric(t: np.ndarray) -> np.ndarray:
    return np.concatenate([1 - t[:, :1], t[:, :-1] - t[:, 1:], t[:, -1:]], axis=1)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_delta_weights_integrate_to_the_moments_of_the_simplex(dim: int, seed: int):
    """int d(centre) int F delta(E - centre) g(centre) = int F g(E) for g = 1 and g = E, in closed form."""
    energy = sorted_energies(dim, seed)
    integrand = np.random.default_rng(seed + 100).normal(size=dim + 1)
    x, w = np.polynomial.legendre.leggauss(6)
    total = np.zeros(2)
    for piece in range(dim):
        half = 0.5 * (energy[piece + 1] - energy[piece])
        centre = energy[piece] + half * (1 + x)
        weights = delta_weights(np.tile(energy, (6, 1)), centre, np.full(6, piece))
        density = half * w * (weights @ integrand)
        total += [density.sum(), density @ centre]
    first = (integrand.sum() * energy.sum() + (integrand * energy).sum()) / ((dim + 1) * (dim + 2))
    assert_same(total, [integrand.mean(), first], rtol=1e-13, floor=1e-3)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("width", [0.02, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("centre", [0.2, 0.7, 1.5])
def test_broad_weights_agree_with_brute_force(dim: int, width: float, centre: float):
    """Against collapsed Gauss points on 16**dim parts; far tails of narrow peaks are below what that can see."""
    energy = sorted_energies(dim, 3)
    integrand = np.array([1.0, -0.3, 0.8, 0.4])[: dim + 1]
    quadrature = rule(dim, 16, 6)
    at_nodes = barycentric(lattice(dim, 2) / 2)
    values, levels = quadrature.shape @ (at_nodes @ integrand), quadrature.shape @ (at_nodes @ energy)
    expected = (quadrature.weight * values * bump((levels - centre) / width) / width).sum()
    actual = broad_weights(energy[None], np.array([centre]), width)[0] @ integrand
    assert actual == pytest.approx(expected, rel=2e-6, abs=1e-9)


def test_narrow_peak_tends_to_the_delta_function():
    energy = np.array([[0.1, 0.35, 0.8]])
    sharp = delta_weights(energy, np.array([0.5]), np.array([1]))
    assert_same(broad_weights(energy, np.array([0.5]), 1e-5), sharp, rtol=1e-8, floor=0.1)


@pytest.mark.parametrize("dim", [2, 3])
def test_far_tail_keeps_its_relative_precision(dim: int):
    """A peak 50 widths below the simplex sees exp(-x) only."""
    width = 0.01
    energy = np.array([1.0, 1.01, 1.03, 1.04])[: dim + 1]
    one, two = (broad_weights(energy[None], np.array([1.0 - n * width]), width).sum() for n in (40, 50))
    assert two / one == pytest.approx(np.exp(-10), rel=1e-6)


@pytest.mark.parametrize("dim", [2, 3])
def test_parts_fill_the_simplex_evenly(dim: int):
    points = lattice(dim, 4) / 4
    corners = points[parts(dim, 4)]
    volume = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    assert len(volume) == 4**dim
    assert_same(volume, np.full(4**dim, 0.25**dim), rtol=1e-12, floor=1e-3)


@pytest.mark.parametrize("dim", [2, 3])
def test_interpolation_is_exact_for_quadratic_functions(dim: int):
    rng = np.random.default_rng(1)
    hessian, slope = rng.normal(size=(dim, dim)), rng.normal(size=dim)

    def function(t: np.ndarray) -> np.ndarray:
        return np.einsum("pa,ab,pb->p", t, hessian, t) + t @ slope + 0.4

    nodes, points = lattice(dim, 2) / 2, lattice(dim, 5) / 5
    assert_same(fine(dim, 5) @ function(nodes), function(points), rtol=1e-13, floor=0.1)
    assert_same(interpolation(points) @ function(nodes), function(points), rtol=1e-13, floor=0.1)
