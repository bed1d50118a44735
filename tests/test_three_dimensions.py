"""Three-dimensional lattice models against reference values of Fermi-surface patches, 1e-9 and better."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from cases.crystals import dirac3d as dirac
from cases.crystals import weyl3d as weyl

CASES = [
    ("dirac", dirac, 0.5, -0.005805427276),
    ("weyl", weyl, 0.5, -0.0118910514984),
    ("weyl, tiny pockets", weyl, 0.05, 0.1009851524),
]


@pytest.mark.parametrize(("name", "factory", "mu", "expected"), CASES, ids=[case[0] for case in CASES])
def test_quantum_metric_term_has_its_reference_value(name: str, factory, mu: float, expected: float):
    model = factory()
    ds = sg.conductivity(model, mu, rtol=2e-2, terms="qm", components=["xyy"], progress=False)
    value = float(ds["qm_natural"].values[0, 0, 0, 1, 1])
    error = float(ds["qm_natural_error"].values[0, 0, 0, 1, 1])
    assert abs(value - expected) <= 3 * error
    assert error <= 3e-2 * abs(expected)
    assert ds.attrs["converged"] == 1


def test_tilted_weyl_cone_in_space_has_its_closed_form():
    """H = t kz + v k.sigma: the Fermi surface is k = mu/(v + t cos), and I_zzz of Drude an integral over cos alone."""
    v, t, mu = 1.0, 0.2, 0.3
    model = sg.ContinuumModel(
        lambda kx, ky, kz: [[t * kz + v * kz, v * (kx - 1j * ky)], [v * (kx + 1j * ky), t * kz - v * kz]], 3
    )
    ds = sg.conductivity(model, mu, rtol=1e-2, terms="drude", progress=False)
    # k(theta) = mu / (v + t cos), w^zz = v sin^2 / k, v_z = v cos + t, int d3k delta(E - mu) = k^2 / (v + t cos).
    c, weight = np.polynomial.legendre.leggauss(40)
    radius = mu / (v + t * c)
    expected = -(2 * np.pi * weight * radius * v * (1 - c**2) * (v * c + t) / (v + t * c)).sum() / (2 * np.pi) ** 3
    value, error = (float(ds[name].values[0, 0, 2, 2, 2]) for name in ("drude_natural", "drude_natural_error"))
    assert abs(value - expected) <= 3 * error
    assert value == pytest.approx(expected, rel=2e-2)
    assert abs(expected) > 1e-4
