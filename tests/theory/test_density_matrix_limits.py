"""The referee at its limits: grids too coarse or too large, models that leave nothing to fit, bad arguments."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.theory import density_matrix
from support import assert_forbidden, assert_same
from theory.referee_models import SPREAD, random_hoppings, random_lattice, random_model

MU, KT = 0.5, 0.3


def test_grids_converge_and_say_how_far():
    """The error stated at a coarse grid bounds the true one, and the automatic grid leaves none."""
    model = random_model(3)
    best = density_matrix(model, MU, KT, "adiabatic", 128)
    automatic = density_matrix(model, MU, KT, "adiabatic")
    assert 1e-15 < automatic.attrs["tail"] < 1e-8
    assert_same(automatic["tau0"].values, best["tau0"].values, rtol=1e-11, floor=1e-6)
    with pytest.warns(sg.ConvergenceWarning, match="32 x 32 is too coarse .* take about"):
        coarse = density_matrix(model, MU, KT, "adiabatic", 32)
    missed = np.abs(coarse["tau0"] - best["tau0"]).max()
    assert missed > 1e-9 * np.abs(best["tau0"]).max()
    assert missed < coarse["tau0_error"].max()


def test_a_grid_that_resolves_nothing_is_refused_and_the_one_needed_is_named():
    with pytest.raises(sg.ArgumentError, match=r"kT = 0.02 eV: its last Fourier modes .* take about (\d{3}) x (\d{3})"):
        density_matrix(random_model(3), MU, 0.02, grid=24)


@pytest.mark.parametrize("points", [4, 5, 6, 7, 9])
def test_no_grid_is_too_small_to_have_a_tail(points: int):
    with pytest.raises(sg.ArgumentError, match=f"a grid of {points} x {points} is too coarse"):
        density_matrix(random_model(2), MU, KT, grid=points)


@pytest.mark.parametrize("mu", [-1e4, -30.0, 30.0, 1e4])
def test_mu_beyond_all_bands_needs_no_fine_grid(mu: float):
    """Where f0 is 1 or 0 to rounding, what is left of it still has its digits, and the answer is zero."""
    far = density_matrix(random_model(2), mu, 0.5, fit=False)
    near = density_matrix(random_model(2), MU, 0.5, fit=False)
    assert max(far.attrs["grid"]) < 80
    for name in ("tau2", "tau1", "tau0"):
        assert_forbidden(far[name].values, near[name].values, rtol=1e-15)
    with pytest.raises(sg.ModelError, match="mu lies in a gap"):
        density_matrix(random_model(2), mu, 0.5)


@pytest.mark.parametrize(("kT", "points"), [(KT, 30), (0.05, 12)])
def test_the_grid_that_is_named_is_about_the_one_that_is_needed(kT: float, points: int):
    model, message = random_model(2), ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            density_matrix(model, MU, kT, grid=(points, points))
            message = str(caught[0].message)
        except sg.ArgumentError as refused:
            message = str(refused)
    named = [int(n) for n in message.split("take about ")[1].split(" or")[0].split(" x ")]
    enough = density_matrix(model, MU, kT, grid=[int(1.5 * n) for n in named], fit=False)
    assert enough.attrs["tail"] < 1e-8
    assert enough.attrs["grid"] == [int(1.5 * n) for n in named]
    with pytest.warns(sg.ConvergenceWarning):
        density_matrix(model, MU, kT, grid=[int(0.6 * n) for n in named], fit=False)


def test_a_grid_beyond_memory_is_refused_before_it_is_made():
    with pytest.raises(sg.ArgumentError, match=r"GB, more than max_gigabytes = 0\.01"):
        density_matrix(random_model(2), MU, 1e-4, max_gigabytes=0.01)


def time_reversal_symmetric() -> sg.LatticeModel:
    """Spinless and real, without inversion: only tau^1 survives."""
    rng = np.random.default_rng(8)
    hoppings = {R: block.real.copy() for R, block in random_hoppings(rng, 2, 2).items()}
    return sg.LatticeModel(random_lattice(rng, 2), hoppings, positions=rng.uniform(-SPREAD, SPREAD, (2, 2)))


def test_time_reversal_leaves_nothing_to_fit():
    model = time_reversal_symmetric()
    with pytest.raises(sg.ModelError, match=r"B1 = B2 = 0: time reversal.*fit=False"):
        density_matrix(model, MU, KT, "uniform")
    ds = density_matrix(model, MU, KT, "uniform", fit=False)
    assert "c1" not in ds.attrs
    assert np.abs(ds["tau1"].values).max() > 1e-6
    assert np.abs(ds["tau0"].values).max() < 1e-12
    assert np.abs(ds["tau2"].values).max() < 1e-12


def test_a_gap_leaves_nothing_to_fit():
    """And no response of dressed states, within the rounding that the errors state."""
    rng = np.random.default_rng(3)
    model = sg.LatticeModel(random_lattice(rng, 2), random_hoppings(rng, 2, 2, size=0.05))
    with pytest.raises(sg.ModelError, match=r"mu lies in a gap"):
        density_matrix(model, 0.0, 0.01)
    ds = density_matrix(model, 0.0, 0.01, fit=False)
    for name in ("tau2", "tau1", "tau0"):
        assert (np.abs(ds[name].values) <= ds[f"{name}_error"].values).all()
        assert ds[f"{name}_error"].values.max() < 1e-12


def test_threefold_rotation_leaves_only_a_difference_to_fit():
    """C3 leaves the totally symmetric part, where B2 = -B1: c1 - c2 is -3/2 for 'adiabatic' and 0 for 'dressed'."""
    lattice = 0.5 * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    rng = np.random.default_rng(2)
    turn = np.diag(np.exp(2j * np.pi / 3 * np.array([0, 1])))
    block = 0.1 * (rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))
    hoppings = {(0, 0): np.diag([-1.5, 1.5]).astype(complex)}
    for R in ((1, 0), (-1, 1), (0, -1)):  # each the last one turned by 120 degrees
        hoppings[R], hoppings[-R[0], -R[1]] = block, block.conj().T
        block = turn @ block @ turn.conj().T
    model = sg.LatticeModel(lattice, hoppings)
    adiabatic, dressed = (density_matrix(model, MU, KT, name, 96) for name in ("adiabatic", "dressed"))
    assert "only c1 - c2" in adiabatic.attrs["fit"]
    assert adiabatic.attrs["c1"] - adiabatic.attrs["c2"] == pytest.approx(-1.5, abs=1e-8)
    assert dressed.attrs["c1"] - dressed.attrs["c2"] == pytest.approx(0.0, abs=1e-8)
    assert np.abs(adiabatic["tau0"].values[0, 0, 0]) > 1e-5
    assert_forbidden(dressed["tau0"].values, adiabatic["tau0"].values, rtol=1e-10)


def test_a_continuum_model_is_offered_its_lattice_version():
    with pytest.raises(sg.ModelError, match=r"needs a periodic model.*sg.theory.lattice_version\(model, spacing\)"):
        density_matrix(sg.models.dirac_pt(), 0.25, 0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kT": 0.0}, "kT must be finite and above zero"),
        ({"kT": -0.1}, "kT must be finite and above zero"),
        ({"mu": np.inf}, "mu must be finite"),
        ({"mu": [0.1, 0.2]}, "mu must be one real number"),
        ({"relaxation": "adiabatik"}, "unknown relaxation 'adiabatik'.*did you mean 'adiabatic'"),
        ({"relaxation": "dressed_bare_energy"}, "did you mean 'dressed-bare-energy'"),
        ({"relaxation": 3}, "relaxation must be one of"),
        ({"grid": 2}, "at least 4 points"),
        ({"grid": (32, 32, 32)}, "2 of them"),
        ({"grid": 32.5}, "grid must be a whole number"),
        ({"grid": "fine"}, "grid must be a whole number"),
        ({"tau": 0.0}, "tau must be finite and above zero"),
        ({"grid": np.array([[40, 40]])}, "2 of them"),
        ({"grid": np.array([40.0, 40.0])}, "grid must be a whole number"),
        ({"tau": 1e300}, r"tau must lie between 1e-30 and 1e\+30 fs"),
        ({"tau": "long"}, "tau must be one real number"),
        ({"fit": 1}, "fit must be True or False"),
        ({"max_gigabytes": -1}, "max_gigabytes must be"),
        ({"degeneracy_tol": -1}, "degeneracy_tol must be"),
        ({"model": "graphene"}, "model must be a LatticeModel"),
    ],
)
def test_bad_arguments_are_named(changes: dict, message: str):
    arguments = {"model": random_model(2), "mu": MU, "kT": KT} | changes
    with pytest.raises(sg.SigmaijkError, match=message):
        density_matrix(**arguments)
