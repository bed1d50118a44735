"""The toy model on a lattice: its closed form, its continuum limit, and its PT."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError
from sigmaijk.models import dirac_pt, dirac_pt_lattice
from support import assert_forbidden, assert_same

V, M, B, T, A = 0.8, 0.15, 1.1, 0.6, 0.7
K = np.random.default_rng(6).uniform(-4, 4, size=(30, 2))


def spectrum(k: np.ndarray) -> np.ndarray:
    """Half the distance of the pairs from the printed entries, with plain sines and cosines."""
    x, y = (A * k).T
    mass = M - 2 * B / A**2 * (2 - np.cos(x) - np.cos(y)) + T / A * np.sin(x)
    return np.sqrt((V / A) ** 2 * (np.sin(x) ** 2 + np.sin(y) ** 2) + mass**2)


def test_energies_are_those_of_the_printed_hamiltonian():
    energy = np.linalg.eigvalsh(dirac_pt_lattice(V, M, B, T, A).hamiltonian(K))
    assert_same(energy, spectrum(K)[:, None] * [-1.0, -1.0, 1.0, 1.0], rtol=1e-13, floor=0.1)
    geometry = sg.band_geometry(dirac_pt_lattice(), K)
    assert_forbidden(geometry.berry_curvature, geometry.quantum_metric, rtol=1e-11)


def test_hamiltonian_tends_to_that_of_the_continuum_as_the_square_of_the_cell():
    """The next terms are of third and fourth order in k."""
    k = K / 8
    difference = [
        np.abs(dirac_pt_lattice(a=a).hamiltonian(k) - dirac_pt().hamiltonian(k)).max() for a in (0.04, 0.02, 0.01)
    ]
    assert difference[0] / difference[1] == pytest.approx(4.0, rel=1e-2)
    assert difference[1] / difference[2] == pytest.approx(4.0, rel=1e-2)


def test_conductivity_at_room_temperature_is_a_plain_sum_over_a_grid():
    """320**2 points with the true f0' are exact to 1e-6 at 300 K."""
    model, kT, mus = dirac_pt_lattice(), sg.kelvin(300), [0.2, 0.35]
    ticks = 2 * np.pi * (np.arange(320) + 0.5) / 320
    k = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    g = sg.band_geometry(model, k)
    slope = np.array([-0.25 / kT / np.cosh(np.clip((g.energy - mu) / (2 * kT), -300, 300)) ** 2 for mu in mus])
    expected = np.einsum("mkn,knabc->mabc", slope, g.quantum_metric_dipole, optimize=True) / 320**2
    ds = sg.conductivity(model, mus, kT, terms="qm", rtol=1e-5, progress=False)
    assert_same(ds["qm_natural"].values[0], expected, rtol=1e-5, floor=1e-3)


def test_a_cell_without_size_is_refused():
    with pytest.raises(ArgumentError, match=r"a must be above zero \(nm\), got 0.0"):
        dirac_pt_lattice(a=0.0)
