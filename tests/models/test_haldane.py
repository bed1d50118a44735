"""Haldane's honeycomb: the printed Hamiltonian, its gaps, its Chern numbers, and what C_3z leaves of the tensors."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError
from sigmaijk.models import haldane
from support import assert_forbidden, assert_same

T1, T2, PHI, M, A = 0.9, 0.12, 0.6, 0.3, 0.5
CORNER = 4 * np.pi / 3
"""Distance of the corners of the zone from its centre, in units of 1/a."""


def test_hamiltonian_is_the_printed_one():
    """2 t2 cos phi sum cos k.b + [M -+ 2 t2 sin phi sum sin k.b] sigma_z + t1 sum (cos, sin)(k.d) (sigma_x, -sigma_y).

    d are the vectors from A to its three B, b the second neighbours between which the phase is +phi on A.
    """
    k = np.random.default_rng(3).uniform(-9, 9, size=(20, 2))
    d = A / np.sqrt(3) * np.array([[np.cos(x), np.sin(x)] for x in np.pi * (np.array([1, 5, 9]) / 6)])
    b = A * np.array([[np.cos(x), np.sin(x)] for x in np.pi * np.array([0, 2, 4]) / 3])
    across = T1 * np.exp(1j * k @ d.T).sum(axis=1)
    along, turn = np.cos(k @ b.T).sum(axis=1), np.sin(k @ b.T).sum(axis=1)
    expected = np.empty((20, 2, 2), dtype=complex)
    expected[:, 0, 0] = 2 * T2 * (np.cos(PHI) * along - np.sin(PHI) * turn) + M
    expected[:, 1, 1] = 2 * T2 * (np.cos(PHI) * along + np.sin(PHI) * turn) - M
    expected[:, 0, 1], expected[:, 1, 0] = across, across.conj()
    assert_same(haldane(T1, T2, PHI, M, A).hamiltonian(k), expected, rtol=1e-13, floor=0.1)


def test_gaps_at_the_corners_are_the_printed_ones():
    """2 |M -+ 3 sqrt(3) t2 sin phi|."""
    corners = CORNER / A * np.array([[1.0, 0.0], [-1.0, 0.0]])
    energy = np.linalg.eigvalsh(haldane(T1, T2, PHI, M, A).hamiltonian(corners))
    phase = 3 * np.sqrt(3) * T2 * np.sin(PHI)
    assert_same(
        np.sort(np.diff(energy, axis=1)[:, 0]), 2 * np.sort(np.abs([M - phase, M + phase])), rtol=1e-12, floor=0.1
    )


@pytest.mark.parametrize(
    ("mass", "phi", "size"), [(0.2, 0.5 * np.pi, 1), (0.2, -0.5 * np.pi, 1), (1.2, 0.5 * np.pi, 0)]
)
def test_chern_number_of_the_lower_band_is_one_inside_the_printed_bound(mass: float, phi: float, size: int):
    """By links between neighbouring states, which give integers; the curvature integrates to the same."""
    model, n = haldane(M=mass, phi=phi), 30
    ticks = np.arange(n) / n
    k = model.cartesian(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2))
    wave = np.exp(1j * k @ model.positions.T)[:, :, None]  # periodic states: without the phases of the positions
    states = (wave * np.linalg.eigh(model.hamiltonian(k))[1])[..., 0].reshape(n, n, 2)
    link = [np.einsum("xyo,xyo->xy", states.conj(), np.roll(states, -1, axis=axis)) for axis in (0, 1)]
    around = link[0] * np.roll(link[1], -1, axis=0) / np.roll(link[0], -1, axis=1) / link[1]
    chern = -np.angle(around).sum() / (2 * np.pi)
    curvature = sg.band_geometry(model, k).berry_curvature[:, 0, 0, 1].mean() * (2 * np.pi) ** 2 / model.volume
    assert abs(chern) == pytest.approx(size, abs=1e-9)
    assert curvature / (2 * np.pi) == pytest.approx(chern, abs=2e-3)
    assert np.round(chern) == -size * np.sign(phi)


def test_the_threefold_axis_leaves_the_drude_term_alone():
    """xxx = -xyy and nothing of the two dipoles, whose integrands are far from zero."""
    ds = sg.conductivity(haldane(M=0.3, phi=0.7), 1.0, 0.0, rtol=1e-5, progress=False)
    drude = ds["drude_natural"].values[0, 0]
    assert_same([drude[0, 1, 1], drude[1, 0, 1]], [-drude[0, 0, 0]] * 2, rtol=1e-4, floor=1e-3)
    assert_forbidden([drude[1, 1, 1], drude[0, 0, 1]], drude, rtol=1e-4)
    for term in ("qm", "bcd"):
        modulus = ds[f"{term}_natural_error"].values.max() * 1e4
        assert np.abs(ds[f"{term}_natural"].values).max() < 1e-4 * np.abs(drude).max() + modulus
        assert (np.abs(ds[term].values) <= ds[f"{term}_error"].values).all()


def test_a_cell_without_size_is_refused():
    with pytest.raises(ArgumentError, match=r"a must be above zero \(nm\), got -1.0"):
        haldane(a=-1.0)
