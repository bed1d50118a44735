"""The Berry curvature dipole term: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.random_models import random_ingredients, random_points, values
from sigmaijk.models import LatticeModel, dirac_pt, tilted_dirac
from sigmaijk.terms import BerryCurvatureDipole, QuantumMetricDipole
from support import assert_forbidden, assert_same
from terms.fermi_contour import contour_integral

TERM = BerryCurvatureDipole()


@pytest.mark.parametrize("eta", [1, -1])
def test_integrand_of_the_dirac_cone_is_velocity_times_curvature(eta: int):
    """Upper band: Omega_xy = -eta v**2 m/(2 E**3), F_xyy = -v_y Omega_xy, F_yxx = v_x Omega_xy, the rest by cycles."""
    t, v, m, k = 0.3, 1.2, 0.2, np.random.default_rng(3).normal(size=(30, 2))
    E = np.sqrt(v**2 * (k**2).sum(axis=1) + m**2)
    curvature = -eta * v**2 * m / (2 * E**3)
    vx, vy = t + v**2 * k[:, 0] / E, v**2 * k[:, 1] / E
    found = values(TERM, tilted_dirac(t, v, m, eta), k).tensor[:, 1]
    assert_same(found[:, 0, 1, 1], -vy * curvature, rtol=1e-12, floor=1e-2)
    assert_same(found[:, 1, 0, 0], vx * curvature, rtol=1e-12, floor=1e-2)
    assert_same(found[:, 0, 0, 1], -0.5 * vx * curvature, rtol=1e-12, floor=1e-2)
    assert_same(found[:, 1, 0, 1], 0.5 * vy * curvature, rtol=1e-12, floor=1e-2)


@pytest.mark.parametrize("eta", [1, -1])
@pytest.mark.parametrize(("v", "m", "mu"), [(1.0, 0.1, 0.15), (1.4, -0.2, 0.5)])
def test_fermi_contour_of_a_slightly_tilted_cone_gives_the_closed_form(eta: int, v: float, m: float, mu: float):
    """D_x = -3 eta m t (mu**2 - m**2)/(8 pi mu**4): I_yxx = -D_x, I_xxy = I_xyx = D_x/2; corrections are (t/v)**2."""
    t = 1e-6
    dipole = -3 * eta * m * t * (mu**2 - m**2) / (8 * np.pi * mu**4)
    expected = np.zeros((2, 2, 2))
    expected[1, 0, 0] = -dipole
    expected[0, 0, 1] = expected[0, 1, 0] = dipole / 2
    assert_same(contour_integral(TERM, t, mu, v, m, eta), expected, rtol=1e-8, floor=1e-9)  # rounding over t


def test_fermi_contour_of_a_tilted_cone_gives_the_stored_number():
    """t = 0.3, v = 1, m = 0.1, mu = 0.15: D_x = -0.0859328199 nm from an independent program."""
    assert_same(-contour_integral(TERM, 0.3, 0.15)[1, 0, 0], -0.0859328199, rtol=3e-9, floor=1e-2)


@pytest.mark.parametrize("eta", [1, -1])
@pytest.mark.parametrize("t", [0.1, 0.35, 0.6])
def test_dipole_of_a_cone_is_three_masses_times_its_metric_dipole_at_any_tilt(t: float, eta: int):
    """D_x = 3 eta m I_qm,xyy."""
    metric = contour_integral(QuantumMetricDipole(), t, 0.2, eta=eta)[0, 1, 1]
    assert_same(-contour_integral(TERM, t, 0.2, eta=eta)[1, 0, 0], 3 * eta * 0.1 * metric, rtol=1e-12, floor=1e-3)


def test_symmetry_under_space_and_time_reversal_together_forbids_it_at_every_k():
    """The doublets of Eq. 20 have opposite curvatures; a cone of the same size has not."""
    k = np.random.default_rng(4).uniform(-0.5, 0.5, (20, 2))
    doublets = values(TERM, dirac_pt(), k)
    assert_forbidden(doublets.tensor, values(TERM, tilted_dirac(0.3), k).tensor, rtol=1e-13)
    assert doublets.modulus.min() > 1e-2


def test_positions_of_the_orbitals_enter():
    rng = np.random.default_rng(2)
    crystal, k = random_ingredients(rng, 2, 3, "diagonal"), random_points(rng, 2)
    here = values(TERM, crystal.model(), k).tensor
    there = values(TERM, LatticeModel(crystal.lattice, crystal.hoppings), k).tensor
    assert np.abs(there - here).max() > 1e-2 * np.abs(here).max()
