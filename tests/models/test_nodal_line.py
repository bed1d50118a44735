"""The nodal ring: where it is, what a gap and a tilt make of it, and integrals over its torus by another route."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.models import nodal_line
from support import assert_forbidden, assert_same

V, M, B, T, GAP = 0.9, 0.2, 1.1, 0.1, 0.03
ANGLES = 2 * np.pi * (np.arange(64) + 0.5) / 64


def test_bands_meet_on_the_ring_at_the_energy_of_the_tilt_and_a_gap_parts_them():
    ring = np.sqrt(M / B) * np.column_stack([np.cos(ANGLES), np.sin(ANGLES), 0 * ANGLES])
    energy = np.linalg.eigvalsh(nodal_line(V, M, B, T).hamiltonian(ring))
    assert_same(energy, np.repeat(T * ring[:, :1], 2, axis=1), rtol=1e-13, floor=1e-2)
    parted = np.linalg.eigvalsh(nodal_line(V, M, B, T, GAP).hamiltonian(ring))
    assert_same(np.diff(parted, axis=1), np.full((64, 1), 2 * GAP), rtol=1e-12, floor=1e-2)


def test_curvature_needs_the_gap():
    k = np.random.default_rng(4).uniform(-0.6, 0.6, size=(30, 3))
    real, gapped = (sg.band_geometry(nodal_line(V, M, B, T, gap), k).berry_curvature for gap in (0.0, GAP))
    assert_forbidden(real, gapped, rtol=1e-12)


def torus(mu: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of the Fermi torus of the gapped ring and their weights in int [dk] delta(E - mu), by polar coordinates.

    k = (rho cos phi, rho sin phi, kz) with rho**2 = (M + p)/B - kz**2, p = r cos alpha, V kz = r sin alpha turns the
    volume into p-kz-phi measure dp dkz dphi/(2 B), and E into sqrt(r**2 + GAP**2) + T rho cos phi.
    """
    phi, alpha = (grid.ravel() for grid in np.meshgrid(ANGLES, ANGLES, indexing="ij"))
    r = np.full(phi.shape, np.sqrt(mu**2 - GAP**2))
    for _ in range(30):
        rho = np.sqrt((M + r * np.cos(alpha)) / B - (r * np.sin(alpha) / V) ** 2)
        slope = np.cos(alpha) / B - 2 * r * (np.sin(alpha) / V) ** 2
        rate = r / np.sqrt(r**2 + GAP**2) + T * np.cos(phi) * slope / (2 * rho)
        r = r - (np.sqrt(r**2 + GAP**2) + T * rho * np.cos(phi) - mu) / rate
    k = np.column_stack([rho * np.cos(phi), rho * np.sin(phi), r * np.sin(alpha) / V])
    return k, r / rate / (2 * B * V) / (8 * np.pi**3) * (2 * np.pi / 64) ** 2


def test_conductivity_of_the_gapped_ring_is_the_sum_over_the_torus():
    mu = 0.12
    k, weight = torus(mu)
    geometry = sg.band_geometry(nodal_line(V, M, B, T, GAP), k)
    assert np.ptp(geometry.energy[:, 1]) < 1e-12
    expected = -np.einsum("k,kabc->abc", weight, geometry.quantum_metric_dipole[:, 1])
    ds = sg.conductivity(nodal_line(V, M, B, T, GAP), mu, 0.0, terms="qm", rtol=1e-4, progress=False)
    assert_same(ds["qm_natural"].values[0, 0], expected, rtol=1e-4, floor=1e-3)


@pytest.mark.filterwarnings("ignore::sigmaijk.errors.ConvergenceWarning")
def test_metric_dipole_near_the_ring_is_never_given_a_finite_error():
    """Across the line S goes as 1/x**2, as at a node of the plane: there is no value to state."""
    with pytest.warns(sg.SingularResponseWarning, match="qm diverges: nodal line of bands 0 to 1"):
        ds = sg.conductivity(nodal_line(), 0.02, 0.01, terms="qm", max_k_points=6_000, progress=False)
    assert ds.attrs["converged"] == 0
    assert np.isinf(ds["qm_error"].values).all()
