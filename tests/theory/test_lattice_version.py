"""The lattice version of a continuum model: the same up to second order in k, and refused where that is not all."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.theory import density_matrix, lattice_version
from support import assert_same

MATRICES = np.random.default_rng(4).normal(size=(10, 3, 3)) + 1j * np.random.default_rng(5).normal(size=(10, 3, 3))
MATRICES = MATRICES + MATRICES.conj().swapaxes(1, 2)


def quadratic(kx, ky):
    """Every monomial of degree at most two, each with a matrix of its own."""
    monomials = (1, kx, ky, kx * kx, ky * ky, kx * ky)
    return sum((x * M for x, M in zip(monomials[1:], MATRICES[1:], strict=False)), MATRICES[0])


def quadratic_in_space(kx, ky, kz):
    monomials = (kx, ky, kz, kx * kx, ky * ky, kz * kz, kx * ky, ky * kz, kz * kx)
    return sum((x * M for x, M in zip(monomials, MATRICES[1:], strict=True)), MATRICES[0])


@pytest.mark.parametrize(("hamiltonian", "dim"), [(quadratic, 2), (quadratic_in_space, 3)])
def test_every_monomial_is_mapped(hamiltonian, dim: int):
    """k_i -> sin(k_i a)/a, k_i^2 -> 2 (1 - cos(k_i a))/a^2, k_i k_j -> sin sin/a^2."""
    a = 0.7
    lattice = lattice_version(sg.ContinuumModel(hamiltonian, dim), a)
    k = np.random.default_rng(1).uniform(-5, 5, (20, dim))
    s, c = np.sin(k * a) / a, 2.0 * (1.0 - np.cos(k * a)) / a**2
    pairs = [(0, 1)] if dim == 2 else [(0, 1), (1, 2), (2, 0)]
    terms = [*s.T, *c.T, *(s[:, i] * s[:, j] for i, j in pairs)]
    expected = MATRICES[0] + sum(x[:, None, None] * M for x, M in zip(terms, MATRICES[1:], strict=False))
    assert_same(lattice.hamiltonian(k), expected, rtol=1e-13, floor=1.0)


@pytest.mark.parametrize(("hamiltonian", "dim"), [(quadratic, 2), (quadratic_in_space, 3)])
def test_derivatives_at_the_origin_are_those_of_the_continuum(hamiltonian, dim: int):
    model = sg.ContinuumModel(hamiltonian, dim)
    lattice, origin = lattice_version(model, 0.4), np.zeros((1, dim))
    assert_same(lattice.hamiltonian(origin), model.hamiltonian(origin), rtol=1e-13, floor=1.0)
    for order in (1, 2):
        assert_same(lattice.derivatives(origin, order), model.derivatives(origin, order), rtol=1e-13, floor=1.0)


def test_the_lattice_tends_to_the_continuum_with_the_square_of_its_spacing():
    model = sg.models.dirac_pt()
    k = np.random.default_rng(2).uniform(-0.5, 0.5, (20, 2))
    missed = [np.abs(lattice_version(model, a).hamiltonian(k) - model.hamiltonian(k)).max() for a in (0.4, 0.2)]
    assert missed[0] / missed[1] == pytest.approx(4.0, rel=0.02)


def test_the_conductivity_tends_to_that_of_the_continuum():
    """dirac_pt has a mass of second order, so the corners of the cell stay out of the way."""
    model = sg.models.dirac_pt()
    options = {"terms": "qm", "rtol": 1e-5, "progress": False}
    expected = sg.conductivity(model, 0.25, 0.0, **options)["qm_natural"].values
    found = [sg.conductivity(lattice_version(model, a), 0.25, 0.0, **options)["qm_natural"].values for a in (0.8, 0.4)]
    missed = [np.abs(values - expected).max() / np.abs(expected).max() for values in found]
    assert missed[1] < 2e-4
    assert missed[0] / missed[1] == pytest.approx(4.0, rel=0.1)


def test_the_toy_model_keeps_its_degeneracy_mirror_and_relation_on_the_lattice():
    """And its density matrix is Eq. 13 if it relaxes to dressed states."""
    lattice = lattice_version(sg.models.dirac_pt(m=0.5, b=1.0, t=0.5), 2.0)
    ds = density_matrix(lattice, 0.6, 0.15, "dressed")
    assert [ds.attrs[name] for name in ("c1", "c2", "c3")] == pytest.approx([1.0, 1.0, 0.0], abs=1e-8)
    tensor = ds["tau0"].values
    assert np.abs(tensor[0, 1, 1]) > 1e-5
    assert tensor[1, 0, 1] == pytest.approx(-0.5 * tensor[0, 1, 1], rel=1e-10)


def test_spins_and_name_are_kept():
    model = sg.ContinuumModel(quadratic, 2, spin_degeneracy=2, name="made up")
    lattice = lattice_version(model, 0.5)
    assert lattice.spin_degeneracy == 2
    assert lattice.name == "made up on a lattice of 0.5 nm"


def warped(kx, ky):
    return np.array([[0.1 + kx**3, kx - 1j * ky], [kx + 1j * ky, -0.1]])


def test_what_is_not_of_second_order_is_refused_or_truncated():
    model = sg.ContinuumModel(warped, 2)
    with pytest.raises(sg.ModelError, match=r"warped is not of second order in k.*truncate=True"):
        lattice_version(model, 1.0)
    lattice = lattice_version(model, 1.0, truncate=True)
    cone = lattice_version(sg.ContinuumModel(lambda kx, ky: warped(kx, ky) - np.diag([1, 0]) * kx**3, 2), 1.0)
    k = np.random.default_rng(3).normal(size=(5, 2))
    assert_same(lattice.hamiltonian(k), cone.hamiltonian(k), rtol=1e-14, floor=0.1)


@pytest.mark.parametrize("spacing", [0.0, -1.0, np.inf])
def test_a_spacing_must_be_a_length(spacing: float):
    with pytest.raises(sg.ArgumentError, match="spacing must be finite and above zero"):
        lattice_version(sg.models.dirac_pt(), spacing)


def test_a_spacing_beyond_numbers_is_refused():
    with pytest.raises(sg.ArgumentError, match=r"spacing must lie between 1e-30 and 1e\+30 nm"):
        lattice_version(sg.models.dirac_pt(), 1e200)


def test_a_lattice_model_has_no_lattice_version():
    with pytest.raises(sg.SigmaijkError, match="model must be a ContinuumModel, got a LatticeModel"):
        lattice_version(sg.models.cumnas(), 1.0)
