"""The nonlinear Drude term: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.random_models import random_ingredients, random_points, values
from sigmaijk.models import LatticeModel, tilted_dirac
from sigmaijk.terms import Drude
from support import assert_same
from terms.fermi_contour import contour_integral


def test_integrand_of_a_single_band_is_the_slope_times_the_curvature_of_its_energy():
    """eps = -cos(x) - cos(y) + 0.3 sin(x + y) with a = 1 nm: F_ijk = (w_jk v_i + w_ik v_j + w_ij v_k)/3."""
    bond = np.array([[-0.5]])
    hoppings = {(1, 0): bond, (-1, 0): bond, (0, 1): bond, (0, -1): bond, (1, 1): [[-0.15j]], (-1, -1): [[0.15j]]}
    k = np.random.default_rng(1).normal(size=(20, 2))
    found = values(Drude(), LatticeModel(np.eye(2), hoppings), k).tensor[:, 0]
    c, s = 0.3 * np.cos(k.sum(axis=1)), 0.3 * np.sin(k.sum(axis=1))
    vx, vy, wxx, wyy, wxy = np.sin(k[:, 0]) + c, np.sin(k[:, 1]) + c, np.cos(k[:, 0]) - s, np.cos(k[:, 1]) - s, -s
    assert_same(found[:, 0, 0, 0], wxx * vx, rtol=1e-13, floor=0.1)
    assert_same(found[:, 1, 1, 1], wyy * vy, rtol=1e-13, floor=0.1)
    assert_same(found[:, 0, 1, 1], (wyy * vx + 2 * wxy * vy) / 3, rtol=1e-13, floor=0.1)
    assert_same(found[:, 1, 0, 0], (wxx * vy + 2 * wxy * vx) / 3, rtol=1e-13, floor=0.1)


def test_integrand_of_the_dirac_cone_along_its_axis():
    """At k = (k, 0): v_x = t + v**2 k/E, w_xx = v**2 m**2/E**3, w_yy = v**2/E, w_xy = v_y = 0 in the upper band."""
    t, v, m, k = 0.3, 1.2, 0.2, np.linspace(-1, 1, 21)
    E = np.sqrt(v**2 * k**2 + m**2)
    found = values(Drude(), tilted_dirac(t, v, m), np.column_stack([k, 0 * k])).tensor[:, 1]
    assert_same(found[:, 0, 0, 0], (t + v**2 * k / E) * v**2 * m**2 / E**3, rtol=1e-12, floor=0.1)
    assert_same(found[:, 0, 1, 1], (t + v**2 * k / E) * v**2 / E / 3, rtol=1e-12, floor=0.1)


@pytest.mark.parametrize(("v", "m", "mu"), [(1.0, 0.1, 0.15), (1.4, -0.2, 0.5)])
def test_fermi_contour_of_a_slightly_tilted_cone_gives_the_closed_form(v: float, m: float, mu: float):
    """I_xxx = -3 t (mu**2 - m**2)(mu**2 + 3 m**2)/(16 pi mu**4), I_xyy a third of it; corrections are (t/v)**2."""
    t = 1e-6
    longitudinal = -3 * t * (mu**2 - m**2) * (mu**2 + 3 * m**2) / (16 * np.pi * mu**4)
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = longitudinal
    expected[0, 1, 1] = expected[1, 0, 1] = expected[1, 1, 0] = longitudinal / 3
    assert_same(contour_integral(Drude(), t, mu, v, m), expected, rtol=1e-8, floor=1e-9)  # rounding over t


def test_fermi_contour_of_a_tilted_cone_gives_the_stored_numbers():
    """t = 0.3, v = 1, m = 0.1, mu = 0.15: from an independent program, nine digits."""
    found = contour_integral(Drude(), 0.3, 0.15)
    assert_same([found[0, 0, 0], found[0, 1, 1]], [-0.0232289588, -0.00809134626], rtol=3e-9, floor=1e-3)


def test_positions_of_the_orbitals_do_not_enter():
    rng = np.random.default_rng(2)
    crystal, k = random_ingredients(rng, 2, 3, "diagonal"), random_points(rng, 2)
    there = values(Drude(), LatticeModel(crystal.lattice, crystal.hoppings), k)
    assert_same(there.tensor, values(Drude(), crystal.model(), k).tensor, rtol=1e-11, floor=1e-3)
