"""The tilted Weyl node: closed forms of its dipoles at any tilt."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError
from sigmaijk.models import weyl
from support import assert_forbidden, assert_same


@pytest.mark.parametrize(("w", "v", "mu"), [(0.3, 1.0, 0.2), (0.5, 0.8, -0.1)])
def test_metric_dipole_is_the_closed_form_at_any_tilt(w: float, v: float, mu: float):
    """I_zxx = I_zyy = -w/(12 pi**2 v mu), twice -I_xxz, and nothing else."""
    ds = sg.conductivity(weyl(w, v), mu, 0.0, terms="qm", rtol=1e-5, progress=False)
    found, closed = ds["qm_natural"].values[0, 0], -w / (12 * np.pi**2 * v * mu)
    expected = np.zeros((3, 3, 3))
    for i in (0, 1):
        expected[2, i, i], expected[i, i, 2], expected[i, 2, i] = closed, -closed / 2, -closed / 2
    assert_same(found, expected, rtol=1e-6, floor=1e-3)


@pytest.mark.parametrize("chirality", [1, -1])
def test_curvature_dipole_is_the_integral_over_the_angle_at_any_energy(chirality: int):
    """I_xyz = (D_zz - D_yy)/2 with D_ab = -chirality/(16 pi**3) int dOmega (k_a + u delta_az) k_b / (1 + u k_z)."""
    u = 0.6
    c, weight = np.polynomial.legendre.leggauss(60)
    along = -chirality / (8 * np.pi**2) * (weight * (c + u) * c / (1 + u * c)).sum()
    across = -chirality / (16 * np.pi**2) * (weight * (1 - c**2) / (1 + u * c)).sum()
    assert along + 2 * across == pytest.approx(-chirality / (4 * np.pi**2), rel=1e-12)
    ds = sg.conductivity(weyl(u, 1.0, chirality), [0.05, 0.3], 0.0, terms="bcd", rtol=1e-5, progress=False)
    found = ds["bcd_natural"].values[0]
    assert_same(found[:, 0, 1, 2], [(along - across) / 2] * 2, rtol=1e-5, floor=1e-4)
    assert_forbidden(found[:, 0, 0, 0], found, rtol=1e-6)


def test_a_chirality_is_one_or_minus_one():
    with pytest.raises(ArgumentError, match="chirality must be 1 or -1, got 2"):
        weyl(chirality=2)
