"""Stretched variables and the nested rules of a bump."""

import numpy as np
import pytest

from sigmaijk.levelset.peaks import bump
from sigmaijk.levelset.thermal import CONDITION, Nested, Stretch, trust
from support import assert_same

STRETCHES = {
    "line": Stretch(-20.0, 20.0),
    "edge": Stretch(-17.75, 22.0, -17.75, np.inf, 3.0, 1.0),
    "far edge": Stretch(-22.0, 22.0, -60.0, np.inf, 3.0, 1.0),
    "root in a tail": Stretch(40.0, 62.0, 40.0, np.inf, 3.0, 1.0, 2, 1),
    "band": Stretch(-3.0, 4.0, -3.0, 4.0, 1.0, 2.0, 2, 5),
    "saddle above": Stretch(-22.0, 1.0, -np.inf, 1.0, 1.0, 3.0, 1, 5),
}


def panels(stretch: Stretch) -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(20)
    ends = np.linspace(stretch.low, stretch.high, 200)
    half = 0.5 * np.diff(ends)[:, None]
    eps = (ends[:-1, None] + half * (1 + x)).ravel()
    return eps, (half * w).ravel() * bump(eps)


@pytest.mark.parametrize("name", STRETCHES)
def test_a_stretch_is_inverted_and_has_its_slope(name: str):
    stretch = STRETCHES[name]
    t = np.linspace(0.02, 0.98, 41)
    assert_same(stretch.inverse(stretch.energy(t)), t, rtol=1e-10, floor=0.1)
    step = 1e-5
    slope = (stretch.energy(t + step) - stretch.energy(t - step)) / (2 * step)
    assert_same(stretch.slope(t), slope, rtol=1e-6, floor=0.1)
    assert_same(stretch.energy(np.array([0.0, 1.0])), [stretch.low, stretch.high], rtol=1e-13, floor=0.1)


@pytest.mark.parametrize("name", STRETCHES)
@pytest.mark.parametrize("first", [1, 2, 3, 5])
def test_rules_are_exact_for_polynomials_and_well_conditioned(name: str, first: int):
    """Every level integrates the variable's own polynomials, to 2n + 2 at first, then to the number of nodes."""
    stretch = STRETCHES[name]
    rules = Nested(stretch, first)
    eps, weight = panels(stretch)
    assert_same(np.array([rules.mass]), [weight.sum()], rtol=1e-13, floor=1e-40)
    while rules.grow():
        pass
    for number, level in enumerate(rules.levels):
        count = len(level.weight)
        t = stretch.inverse(rules.nodes[:count])
        assert t.min() > 0
        assert t.max() < 1
        assert np.abs(level.weight).sum() <= CONDITION * rules.mass * (1 + 1e-12)
        degree = 2 * first + 2 if number == 0 else count - 1
        if stretch.power_low == stretch.power_high == 1:
            exact = weight @ (2 * stretch.inverse(eps) - 1) ** degree
            assert abs(level.weight @ (2 * t - 1) ** degree - exact) <= 1e-11 * rules.mass


def test_a_far_tail_keeps_thirteen_digits():
    """Int_40^inf bump = 1 / (1 + exp(40)); the cut at 75 costs exp(-35)."""
    mass = Nested(Stretch(40.0, 75.0, 40.0, np.inf, 3.0, 1.0), 3).mass
    assert_same(np.array([mass]), [1.0 / (1.0 + np.exp(40.0))], rtol=1e-13, floor=1e-40)


def test_a_root_at_an_end_converges_geometrically():
    """Int_0^inf sqrt(x) bump(x) dx = Gamma(3/2) eta(1/2)."""
    rules = Nested(Stretch(0.0, 40.0, 0.0, np.inf, 3.0, 1.0, 2, 1), 5)
    for _ in range(3):
        rules.grow()
    level = rules.levels[-1]
    exact = 0.8862269254527580 * 0.6048986434216304
    assert_same(np.array([level.weight @ np.sqrt(rules.nodes)]), [exact], rtol=1e-8, floor=0.1)


def test_trust_needs_decay():
    flat, steep = np.ones((11, 1)), 10.0 ** -np.arange(11.0)[:, None]
    slow_end = np.concatenate([10.0 ** -np.arange(6.0), 1e-6 * np.ones(5)])[:, None]
    assert trust(flat, 4, 1.0) == 1.0
    assert trust(flat, 4, 4.0) == 4.0
    assert trust(steep, 4, 4.0) == pytest.approx(0.1)
    assert trust(slow_end, 4, 4.0) >= 0.5
