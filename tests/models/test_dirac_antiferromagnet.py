"""The k.p antiferromagnet: two cones of known closed form, and the numbers of an independent program."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.models import dirac_antiferromagnet, tilted_dirac
from support import assert_forbidden, assert_same

PUBLISHED = {0.045: -0.6289, 0.050: -0.7392, 0.05657: -0.7626, 0.080: -0.5707, 0.120: -0.3073}
"""sigma_xyy in mA nm/V^2 by mu in eV at T = 0, w = 0.4 v, v = 1e6 m/s, 40 meV: ECOSYSTEM.md section 10 C."""
K = np.random.default_rng(2).uniform(-0.3, 0.3, size=(20, 2))


def test_conductivity_has_the_digits_of_the_independent_program():
    ds = sg.conductivity(dirac_antiferromagnet(), list(PUBLISHED), 0.0, terms="qm", rtol=1e-5, progress=False)
    found = sg.component(ds, "qm", "xyy", unit="mA nm/V^2").values[0]
    assert np.abs(found - list(PUBLISHED.values())).max() <= 0.5e-4


def test_bands_and_metric_are_those_of_a_cone_with_its_partner():
    """sigma_x = +-1 turns H into the cones of opposite chirality: the metrics add, the curvatures cancel."""
    w, v, delta = 0.2, 0.7, 0.05
    both = sg.band_geometry(dirac_antiferromagnet(w, v, delta), K)
    cone = sg.band_geometry(tilted_dirac(w, v, delta), K)
    for name in ("energy", "velocity", "quantum_metric", "band_normalized_metric", "quantum_metric_dipole"):
        assert_same(getattr(both, name), np.repeat(getattr(cone, name), 2, axis=1), rtol=1e-11, floor=1e-2)
    assert_forbidden(both.berry_curvature, cone.berry_curvature, rtol=1e-12)


@pytest.mark.parametrize(("mu", "expected"), [(0.06, 1.0), (0.08, 1.0)])
def test_weak_tilt_gives_the_closed_form_of_two_cones(mu: float, expected: float):
    """-2 t (mu**2 - m**2)/(8 pi mu**4) to first order in t."""
    t, m = 1e-3, 0.04
    ds = sg.conductivity(dirac_antiferromagnet(w=t, delta=m), mu, 0.0, terms="qm", rtol=1e-6, progress=False)
    closed = -2 * t * (mu**2 - m**2) / (8 * np.pi * mu**4)
    assert ds["qm_natural"].values[0, 0, 0, 1, 1] / closed == pytest.approx(expected, rel=1e-5)
