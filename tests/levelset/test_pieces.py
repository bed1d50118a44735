"""Chebyshev pieces between critical energies and their exact products with bumps."""

import numpy as np
import pytest

from sigmaijk.levelset.peaks import bump
from sigmaijk.levelset.pieces import SIZES, Critical, Intervals, Piece, Table, power, products
from sigmaijk.levelset.thermal import Stretch
from support import assert_same

STRETCHES = [Stretch(-1.0, 2.0), Stretch(0.1, 0.7, 0.1, np.inf, 0.05, 1.0), Stretch(0.0, 0.5, 0.0, 0.5, 0.1, 0.1, 2, 5)]


@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize("width", [1e-3, 0.03, 0.5, 20.0])
@pytest.mark.parametrize("place", [-0.5, 0.0, 0.03, 0.6, 1.2])
def test_products_are_exact_for_wide_and_narrow_bumps(stretch: Stretch, width: float, place: float):
    mu = stretch.low + place * (stretch.high - stretch.low)
    made = products(stretch, np.array([mu]), np.array([width]))[0]
    near = min(max(mu, stretch.low), stretch.high)
    ends = np.concatenate([stretch.inverse(near + width * np.arange(-80.0, 81.0)), np.linspace(0, 1, 101)])
    ends = np.unique(ends)
    x, w = np.polynomial.legendre.leggauss(20)
    half = 0.5 * np.diff(ends)[:, None]
    t = (ends[:-1, None] + half * (1 + x)).ravel()
    weight = (half * w).ravel() * stretch.slope(t) * bump((stretch.energy(t) - mu) / width) / width
    exact = weight @ np.polynomial.chebyshev.chebvander(2 * t - 1, SIZES[-1] - 1)
    assert np.abs(made - exact).max() <= 1e-8 * np.abs(exact).max() + 1e-40


def test_interpolation_is_well_conditioned_at_every_level():
    t = np.linspace(0.0, 1.0, 2001)
    for level in range(1, len(SIZES)):
        piece = Piece(Stretch(0.0, 1.0), 0)
        piece.level = level
        cardinal = np.polynomial.chebyshev.chebvander(2 * t - 1, SIZES[level] - 1) @ piece.coefficients
        assert np.abs(cardinal).sum(axis=1).max() < 15.0
        assert piece.energies.min() > 0.0
        assert piece.energies.max() < 1.0


def test_intervals_know_their_ends_and_merge_equal_energies():
    made = Intervals.between([Critical(0.3, "saddle"), Critical(0.1, "edge"), Critical(0.1, "saddle")], 2)
    assert [one.kind for one in made.critical] == ["saddle", "saddle"]
    assert made.ends(1) == (0.1, 0.3)
    assert list(made.of(np.array([0.0, 0.1, 0.2, 0.3]))) == [0, 1, 1, 2]
    assert (power("edge", 2), power("edge", 3), power("node", 3)) == (1, 2, 1)


def test_a_table_of_two_pieces_counts_the_jump_between_them():
    low, high = Piece(Stretch(-1.0, 0.0), 0), Piece(Stretch(0.0, 1.0), 1)
    count = SIZES[1]
    low.numbers, high.numbers = np.arange(count), count + np.arange(count)
    energies = np.concatenate([low.energies, high.energies])
    value = np.where(energies < 0, 1.0, 3.0 + energies)[:, None]
    table = Table([low, high], [Critical(0.0, "edge")], energies, value, np.zeros_like(value))
    found, error = table.evaluate(np.array([-0.5, 0.0, 0.5, 1.5]))
    assert_same(found[:3, 0], [1.0, 3.0, 3.5], rtol=1e-13, floor=1.0)
    assert error[1, 0] == pytest.approx(2.0)
    assert error[2, 0] < 1e-12
    assert np.isinf(error[3, 0])
    moment, error = table.moments(np.array([0.0, 0.0]), np.array([0.02, 0.5]))
    assert_same(moment[:1, 0], [0.5 + 1.5 + 0.02 * np.log(2.0)], rtol=1e-12, floor=1.0)
    assert error[0, 0] < 1e-12
    assert error[1, 0] == pytest.approx(2.0 / (1.0 + np.exp(2.0)) * value.max(), rel=1e-6)
