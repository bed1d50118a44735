"""The quantum metric dipole term: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.random_models import random_ingredients, random_points, values
from sigmaijk.models import LatticeModel, dirac_pt, tilted_dirac
from sigmaijk.terms import QuantumMetricDipole
from support import assert_forbidden, assert_same
from terms.fermi_contour import contour_integral

TERM = QuantumMetricDipole()


def test_integrand_of_the_dirac_cone_along_its_axis():
    """At k = (k, 0) in the upper band v_x = t + v**2 k/E, G_yy = v**2/(4 E**3), v_y = G_xy = 0."""
    t, v, m, k = 0.3, 1.2, 0.2, np.linspace(-1, 1, 21)
    E = np.sqrt(v**2 * k**2 + m**2)
    found = values(TERM, tilted_dirac(t, v, m), np.column_stack([k, 0 * k])).tensor[:, 1]
    expected = (t + v**2 * k / E) * v**2 / (4 * E**3)
    assert_same(found[:, 0, 1, 1], expected, rtol=1e-12, floor=1e-2)
    assert_same(found[:, 1, 0, 1], -expected / 2, rtol=1e-12, floor=1e-2)
    assert_forbidden(found[:, 1, 0, 0], found, rtol=1e-13)


def test_integrand_of_the_toy_model_where_the_wave_vector_lies_on_the_tilt():
    """Eq. 20 at ky = 0: d = (v k, 0, M), so G_yy = v**2/(4 |d|**3) per band and v_x = (v**2 k + M dM)/|d|."""
    v, m, b, t, k = 1.0, 0.1, 1.0, 0.9, np.linspace(-1, 1, 21)
    mass, slope = m - b * k**2 + t * k, t - 2 * b * k
    size = np.sqrt(v**2 * k**2 + mass**2)
    expected = (v**2 * k + mass * slope) / size * v**2 / (4 * size**3)
    found = values(TERM, dirac_pt(v, m, b, t), np.column_stack([k, 0 * k])).tensor
    for band in range(4):  # both v and G change sign between the pairs
        assert_same(found[:, band, 0, 1, 1], expected, rtol=1e-11, floor=0.1)


@pytest.mark.parametrize(("v", "m", "mu"), [(1.0, 0.1, 0.15), (1.4, -0.2, 0.5)])
def test_fermi_contour_of_a_slightly_tilted_cone_gives_the_closed_form(v: float, m: float, mu: float):
    """I_xyy = -t (mu**2 - m**2)/(8 pi mu**4), I_yxy = -I_xyy/2, I_yxx = 0; corrections are of order (t/v)**2."""
    t = 1e-6
    transverse = -t * (mu**2 - m**2) / (8 * np.pi * mu**4)
    expected = np.zeros((2, 2, 2))
    expected[0, 1, 1], expected[1, 0, 1], expected[1, 1, 0] = transverse, -transverse / 2, -transverse / 2
    assert_same(contour_integral(TERM, t, mu, v, m), expected, rtol=1e-8, floor=1e-9)  # rounding over t


def test_fermi_contour_of_a_tilted_cone_gives_the_stored_number():
    """t = 0.3, v = 1, m = 0.1, mu = 0.15: I_xyy = -0.286442733 nm/eV from an independent program."""
    assert_same(contour_integral(TERM, 0.3, 0.15)[0, 1, 1], -0.286442733, rtol=3e-9, floor=1e-2)


def test_chirality_of_the_cone_does_not_enter():
    found, expected = (contour_integral(TERM, 0.3, 0.2, eta=eta) for eta in (1, -1))
    assert_same(found, expected, rtol=1e-12, floor=1e-2)


def test_positions_of_the_orbitals_enter():
    rng = np.random.default_rng(2)
    crystal, k = random_ingredients(rng, 2, 3, "diagonal"), random_points(rng, 2)
    here = values(TERM, crystal.model(), k).tensor
    there = values(TERM, LatticeModel(crystal.lattice, crystal.hoppings), k).tensor
    assert np.abs(there - here).max() > 1e-2 * np.abs(here).max()
