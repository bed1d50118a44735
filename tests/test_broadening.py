"""The broadening of differences of energies that divide: closed forms, limits, and what it leaves alone."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.models import dirac_pt, tilted_dirac
from support import assert_same

ETA = 0.07
K = np.random.default_rng(3).uniform(-0.4, 0.4, size=(40, 2))
UNTOUCHED = ("energy", "velocity", "inverse_mass")


def both(model, k=K, eta=ETA):
    return sg.band_geometry(model, k), sg.band_geometry(model, k, broadening=eta)


@pytest.mark.parametrize("model", [tilted_dirac(0.3), dirac_pt()], ids=["one cone", "pairs"])
def test_two_levels_take_the_factor_of_their_distance(model):
    """With one distance x = e_n - e_m: x^2/(x^2 + eta^2) for g and Omega, its square for G and Lambda."""
    bare, broad = both(model)
    x = (bare.energy[:, -1] - bare.energy[:, 0])[:, None]
    factor = x**2 / (x**2 + ETA**2)
    assert factor.min() < 0.97
    for name, power in (("quantum_metric", 1), ("band_normalized_metric", 2), ("quantum_metric_dipole", 2)):
        values = getattr(bare, name)
        scale = (factor**power).reshape(*factor.shape, *(1,) * (values.ndim - 2))
        assert_same(getattr(broad, name), values * scale, rtol=1e-11, floor=1e-3)
    if model.n_bands == 2:
        curvature = bare.berry_curvature[..., 0, 1]
        assert np.abs(curvature).min() > 0
        assert_same(broad.berry_curvature[..., 0, 1], curvature * factor, rtol=1e-12, floor=1e-3)
    for name in UNTOUCHED:
        np.testing.assert_array_equal(getattr(broad, name), getattr(bare, name))


def random_crystal(matrices: bool = False) -> sg.LatticeModel:
    rng = np.random.default_rng(8)
    blocks = {}
    for R in ((0, 0), (1, 0), (0, 1), (1, 1)):
        block = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
        blocks[R] = block + block.conj().T if R == (0, 0) else 0.4 * block
        blocks[tuple(-x for x in R)] = blocks[R].conj().T
    positions = rng.normal(size=(4, 2))
    if not matrices:
        return sg.LatticeModel(np.eye(2), blocks, positions=positions)
    onsite = 0.1 * (rng.normal(size=(2, 4, 4)) + 1j * rng.normal(size=(2, 4, 4)))
    onsite = onsite + onsite.conj().swapaxes(1, 2)
    onsite[:, range(4), range(4)] = positions.T
    return sg.LatticeModel(np.eye(2), blocks, position_matrices={(0, 0): onsite})


def test_many_bands_follow_the_printed_denominators():
    """-2 Im V V/(x^2 + eta^2) and 2 Re V V x/(x^2 + eta^2)^2, summed here by themselves."""
    model = random_crystal()
    k = np.random.default_rng(1).uniform(-3, 3, size=(20, 2))
    broad = sg.band_geometry(model, k, broadening=0.4)
    energy, vectors = np.linalg.eigh(model.hamiltonian(k))
    V = vectors.conj().swapaxes(1, 2)[:, None] @ model.derivatives(k) @ vectors[:, None]
    x = energy[:, :, None] - energy[:, None, :]
    products = np.einsum("kanm,kbmn->knmab", V, V) * (x != 0)[..., None, None]
    curvature = -2 * (products.imag / (x**2 + 0.16)[..., None, None]).sum(axis=2)
    metric = 2 * (products.real * (x / (x**2 + 0.16) ** 2)[..., None, None]).sum(axis=2)
    assert_same(broad.berry_curvature, curvature, rtol=1e-11, floor=1e-2)
    assert_same(broad.band_normalized_metric, metric, rtol=1e-11, floor=1e-2)


@pytest.mark.parametrize("matrices", [False, True])
def test_what_it_does_vanishes_with_its_square(matrices: bool):
    model = random_crystal(matrices)
    k = np.random.default_rng(1).uniform(-3, 3, size=(20, 2))
    bare = sg.band_geometry(model, k)
    none = sg.band_geometry(model, k, broadening=0.0)
    small, smaller = (sg.band_geometry(model, k, broadening=eta) for eta in (2e-3, 1e-3))
    for name in ("quantum_metric", "berry_curvature", "band_normalized_metric", "quantum_metric_dipole"):
        exact = getattr(bare, name)
        np.testing.assert_array_equal(getattr(none, name), exact)
        once, twice = (np.abs(getattr(broad, name) - exact).max() for broad in (smaller, small))
        assert 0 < once < 1e-3 * np.abs(exact).max()
        assert twice / once == pytest.approx(4.0, rel=1e-2)


def cone(t: float, mu: float, m: float, eta: float, term: str) -> np.ndarray:
    """The integral of a term over the Fermi line of a tilted cone, from the bare geometry and the closed factor."""
    phi = 2 * np.pi * np.arange(256) / 256
    tilt = t * np.cos(phi)
    a, b, c = 1.0 - tilt**2, mu * tilt, mu**2 - m**2
    r = (-b + np.sqrt(b**2 + a * c)) / a
    bare = sg.band_geometry(tilted_dirac(t, 1.0, m), r[:, None] * np.column_stack([np.cos(phi), np.sin(phi)]))
    x = bare.energy[:, 1] - bare.energy[:, 0]
    factor = x**2 / (x**2 + eta**2)
    weight = r / (tilt + r / np.sqrt(r**2 + m**2)) / (256 * 2 * np.pi)
    if term == "qm":
        return -np.einsum("p,pijk->ijk", weight * factor**2, bare.quantum_metric_dipole[:, 1])
    product = np.einsum("pk,pij->pijk", bare.velocity[:, 1], bare.berry_curvature[:, 1])
    return np.einsum("p,pijk->ijk", weight * factor, 0.5 * (product + product.swapaxes(2, 3)))


@pytest.mark.parametrize("eta", [0.0, 0.1, 0.5])
def test_conductivity_of_a_cone_is_the_line_integral_with_the_factor(eta: float):
    ds = sg.conductivity(tilted_dirac(0.3), 0.25, terms=("bcd", "qm"), rtol=1e-8, broadening=eta, progress=False)
    assert ds.attrs["broadening_eV"] == eta
    for term in ("bcd", "qm"):
        found, error = ds[f"{term}_natural"].values[0, 0], ds[f"{term}_natural_error"].values[0, 0]
        expected = cone(0.3, 0.25, 0.1, eta, term)
        assert np.abs(expected).max() > 0
        assert (np.abs(found - expected) <= 3 * error + 1e-14).all()
        assert np.abs(found - expected).max() <= 1e-8 * np.abs(expected).max()


def test_drude_has_no_broadening_and_keeps_every_bit():
    bare, broad = (
        sg.conductivity(dirac_pt(), 0.25, 0.01, terms="drude", broadening=eta, progress=False) for eta in (0.0, 0.1)
    )
    np.testing.assert_array_equal(broad["drude"].values, bare["drude"].values)
    assert np.abs(bare["drude"].values).max() > 0


def test_a_gapless_node_within_reach_is_finite_with_it():
    """Without broadening the response has no limit there; with it, the integral in polar coordinates."""
    model, t, kT, mu, eta = tilted_dirac(0.3, m=0.0), 0.3, 0.02, 0.01, 0.02
    with pytest.warns(sg.SingularResponseWarning):
        bare = sg.conductivity(model, mu, kT, terms="qm", rtol=1e-2, progress=False)
    assert np.isinf(bare["qm_error"].values).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ds = sg.conductivity(model, mu, kT, terms="qm", rtol=1e-3, broadening=eta, progress=False)
    assert ds.attrs["converged"] == 1
    nodes, weights = np.polynomial.legendre.leggauss(400)
    r, w = 0.5 * 1.6 * (nodes + 1), 0.5 * 1.6 * weights
    phi = 2 * np.pi * (np.arange(64) + 0.5) / 64
    k = r[:, None, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)
    bare = sg.band_geometry(model, k.reshape(-1, 2))
    factor = (2 * r) ** 4 / ((2 * r) ** 2 + eta**2) ** 2
    slope = -0.25 / kT / np.cosh(0.5 * np.clip((bare.energy - mu) / kT, -300, 300)) ** 2
    density = (slope[:, :, None, None, None] * bare.quantum_metric_dipole).sum(axis=1).reshape(400, 64, 2, 2, 2)
    expected = np.einsum("r,rpijk->ijk", w * r * factor, density) / 64 / (2 * np.pi)
    found, error = ds["qm_natural"].values[0, 0], ds["qm_natural_error"].values[0, 0]
    assert abs(expected[0, 1, 1]) > 0.1
    assert t > 0
    assert (np.abs(found - expected) <= 3 * error).all()


@pytest.mark.parametrize("eta", [-0.1, np.inf, np.nan, 1e-6, 5e-7])
def test_what_is_no_broadening_is_refused(eta: float):
    with pytest.raises(sg.ArgumentError, match="broadening must be zero, or finite and above degeneracy_tol = 1e-06"):
        sg.conductivity(dirac_pt(), 0.25, broadening=eta, progress=False)
    with pytest.raises(sg.ArgumentError, match="broadening must be zero"):
        sg.band_geometry(dirac_pt(), K, broadening=eta)


def test_it_is_never_there_unless_asked_for():
    ds = sg.conductivity(dirac_pt(), 0.25, terms="qm", progress=False)
    assert ds.attrs["broadening_eV"] == 0.0


def test_a_job_hands_it_on(tmp_path, monkeypatch):
    seen = {}

    def conductivity(*arguments, **options):
        seen.update(options)
        raise sg.ArgumentError("enough")

    monkeypatch.setattr("sigmaijk.driver.conductivity", conductivity)
    from sigmaijk.cli import main

    job = tmp_path / "job.toml"
    job.write_text('[model]\nname = "dirac_pt"\n[run]\nmu_eV = 0.25\nbroadening_eV = 0.02\n')
    assert main(["run", str(job), "-o", str(tmp_path / "out")]) == 2
    assert seen["broadening"] == 0.02
    job.write_text('[model]\nname = "dirac_pt"\n[run]\nmu_eV = 0.25\nbroadening_eV = -0.02\n')
    assert main(["run", str(job)]) == 2
