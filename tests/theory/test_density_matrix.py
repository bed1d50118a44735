"""The referee: what each relaxation makes of one Hamiltonian, on models without any symmetry."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.theory import density_matrix
from support import assert_forbidden, assert_same
from theory.referee_models import (
    SPREAD,
    direct_sum,
    in_basis,
    random_hoppings,
    random_lattice,
    random_model,
    random_unitary,
)

MU, KT = 0.5, 0.3
TABLE = {
    "dressed": (1.0, 1.0, 0.0),
    "adiabatic": (0.5, 2.0, 0.0),
    "uniform": (0.5, 1.0, 1.0),
    "dressed-bare-energy": (0.5, 1.0, 0.0),
    "dressed-positive-shift": (0.0, 1.0, 0.0),
}
"""PHYSICS.md, section 5."""
HBAR = 0.6582119569


def semiclassical(model, mu: float, kT: float) -> dict[str, np.ndarray]:
    """Eqs. 11, 12 and 13 by the package's own terms, summed on grids."""
    ds = sg.conductivity(model, mu, kT, rtol=1e-9, method="trapezoid", progress=False)
    assert ds.attrs["converged"] == 1
    return {term: ds[f"{term}_natural"].values[0, 0] for term in ("drude", "bcd", "qm")}


def check_table(model, mu: float, kT: float, grid=None) -> None:
    """All that PHYSICS.md section 5 says, to 1e-8."""
    expected = semiclassical(model, mu, kT)
    for relaxation, coefficients in TABLE.items():
        ds = density_matrix(model, mu, kT, relaxation, grid)
        found = [ds.attrs[name] for name in ("c1", "c2", "c3")]
        assert np.abs(np.subtract(found, coefficients)).max() < 1e-8, (relaxation, found)
        assert ds.attrs["fit_residual"] < 1e-8
        assert ds.attrs["relaxation"] == relaxation
        assert_same(ds["tau1"].values, expected["bcd"], rtol=1e-8, floor=1e-6)
        half = 0.5 if relaxation == "adiabatic" else 1.0
        assert_same(ds["tau2"].values, half * expected["drude"], rtol=1e-8, floor=1e-6)
        if relaxation == "dressed":
            assert_same(ds["tau0"].values, expected["qm"], rtol=1e-8, floor=1e-6)


@pytest.mark.parametrize("positions", [False, True])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_each_relaxation_has_its_coefficients_in_the_plane(n: int, positions: bool):
    model = random_model(n, positions=positions)
    assert bool(np.abs(model.positions).max() > 0.1 * SPREAD) == positions
    check_table(model, MU, KT)


def test_each_relaxation_has_its_coefficients_in_space():
    check_table(random_model(2, dim=3), MU, 0.5, (30, 28, 30))


def test_answers_carry_their_units_and_what_was_asked():
    ds = density_matrix(random_model(2), MU, KT, "dressed", tau=10.0)
    assert ds["tau0"].dims == ("i", "j", "k")
    assert [ds[name].attrs["units"] for name in ("tau2", "tau1", "tau0")] == ["eV nm", "nm", "nm/eV"]
    assert ds["finite_tau"].attrs["units"] == ds["finite_tau_error"].attrs["units"] == "nm/eV"
    assert (ds.attrs["mu"], ds.attrs["kT"], ds.attrs["tau_fs"]) == (MU, KT, 10.0)
    assert "J_i = I_ijk E_j E_k" in ds.attrs["convention"]
    assert_same(ds["tau0"].values, ds["tau0"].values.swapaxes(1, 2), rtol=1e-15, floor=1e-6)


# --- finite tau -------------------------------------------------------------------------------------------------------


def off_the_expansion(relaxation: str, tau: float) -> float:
    """|finite_tau - expansion| in units of tau0."""
    ds = density_matrix(random_model(3), MU, KT, relaxation, 96, tau)
    x = ds.attrs["tau_natural"]
    assert x == pytest.approx(tau / HBAR)
    expansion = ds["tau2"] * x**2 + ds["tau1"] * x + ds["tau0"]
    return float(np.abs(ds["finite_tau"] - expansion).max() / np.abs(ds["tau0"]).max())


@pytest.mark.parametrize("relaxation", ["adiabatic", "uniform"])
def test_finite_tau_tends_to_the_expansion(relaxation: str):
    """The remainder is of order 1/tau: one tenth at ten times tau."""
    short, long = (off_the_expansion(relaxation, tau) for tau in (30.0, 300.0))
    assert long == pytest.approx(0.1 * short, rel=0.05)
    assert 1e-4 < long < 0.1


@pytest.mark.parametrize("relaxation", ["dressed", "dressed-bare-energy"])
def test_towards_dressed_states_the_expansion_ends(relaxation: str):
    """Tau^2, tau^1 and tau^0 are all there is, at any tau: with 'dressed' the semiclassical theory is the whole answer.

    The target must be right to second order, also between the bands, or a part 1/tau is left.
    """
    assert off_the_expansion(relaxation, 0.7) < 1e-9


def test_finite_tau_of_a_single_band_is_the_drude_term():
    hoppings = random_hoppings(np.random.default_rng(1), 2, 1)
    model = sg.LatticeModel([[0.5, 0.1], [0.0, 0.6]], hoppings)
    ds = density_matrix(model, 0.1, 0.2, "uniform", tau=0.7, fit=False)
    x = 0.7 / HBAR
    assert_same(ds["finite_tau"].values, ds["tau2"].values * x**2, rtol=1e-10, floor=1e-6)
    assert_forbidden(ds["tau0"].values, ds["tau2"].values, rtol=1e-12)


def test_a_flat_band_does_not_move():
    model = sg.LatticeModel(np.eye(2), {(0, 0): [[0.3]]})
    ds = density_matrix(model, 0.3, 0.1, tau=1.0, fit=False)
    assert all((ds[name].values == 0).all() for name in ("tau2", "tau1", "tau0", "finite_tau"))
    with pytest.raises(sg.ModelError, match="a single band"):
        density_matrix(model, 0.3, 0.1)


def test_finite_tau_is_the_steady_state_of_the_equation_of_motion():
    """Relaxation 'uniform' has a closed solution to all orders in E: the mean over the last collision, a time s ago, of
    f0(H(k + E s)) carried to k by the Schroedinger equation (hbar = e = 1)."""
    model, tau = random_model(2, positions=False), 1.5
    n_k, ds_time, reach, field = 20, 0.04, 16.0, 0.03
    axis = np.arange(n_k) / n_k
    k = model.cartesian(np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2))
    direction = np.array([0.6, 0.8])

    def filled(q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        energy, vectors = np.linalg.eigh(model.hamiltonian(q))
        f0 = 1.0 / (1.0 + np.exp((energy - MU) / KT))
        return (vectors * f0[:, None, :]) @ vectors.conj().swapaxes(1, 2), energy, vectors

    def current(E: float) -> np.ndarray:
        carry = np.tile(np.eye(2, dtype=complex), (len(k), 1, 1))
        mean = np.zeros_like(carry)
        for step in range(int(reach * tau / ds_time)):
            here, energy, vectors = filled(k + E * direction * (step + 0.5) * ds_time)
            half = (vectors * np.exp(-0.5j * energy * ds_time)[:, None, :]) @ vectors.conj().swapaxes(1, 2)
            middle = carry @ half
            weight = np.exp(-step * ds_time / tau) - np.exp(-(step + 1) * ds_time / tau)
            mean += weight * (middle @ here @ middle.conj().swapaxes(1, 2))
            carry = middle @ half
        slopes = model.derivatives(k)
        return -np.einsum("knm,kimn->i", mean, slopes).real / (len(k) * model.volume)

    second = (current(field) + current(-field) - 2.0 * current(0.0)) / (2.0 * field**2)
    found = density_matrix(model, MU, KT, "uniform", tau=tau * HBAR)["finite_tau"].values
    assert_same(second, np.einsum("ijk,j,k->i", found, direction, direction), rtol=2e-3, floor=1e-3)


# --- degeneracies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relaxation", list(TABLE))
def test_two_copies_in_any_basis_answer_twice(relaxation: str):
    """Every level is then a doublet at every k, and nothing divides by its gap."""
    rng = np.random.default_rng(3)
    lattice, hoppings = random_lattice(rng, 2), random_hoppings(rng, 2, 2)
    twice = in_basis(direct_sum(hoppings, hoppings), random_unitary(rng, 4))
    single = density_matrix(sg.LatticeModel(lattice, hoppings), MU, KT, relaxation, tau=3.0)
    double = density_matrix(sg.LatticeModel(lattice, twice), MU, KT, relaxation, tau=3.0)
    for name in ("tau2", "tau1", "tau0", "finite_tau"):
        assert_same(double[name].values, 2.0 * single[name].values, rtol=1e-11, floor=1e-6)
    assert double.attrs["c1"] == pytest.approx(TABLE[relaxation][0], abs=1e-8)


@pytest.mark.parametrize("relaxation", ["dressed", "adiabatic"])
def test_bands_that_cross_without_coupling_add_up(relaxation: str):
    rng = np.random.default_rng(3)
    lattice, one, two = random_lattice(rng, 2), random_hoppings(rng, 2, 2), random_hoppings(rng, 2, 2)
    both = sg.LatticeModel(lattice, in_basis(direct_sum(one, two), random_unitary(rng, 4)))
    energy = np.linalg.eigvalsh(both.hamiltonian(rng.random((4000, 2)) @ both.reciprocal))
    assert np.diff(energy, axis=1)[:, [0, 2]].min() < 1e-3
    parts = [density_matrix(sg.LatticeModel(lattice, blocks), MU, KT, relaxation, tau=3.0) for blocks in (one, two)]
    whole = density_matrix(both, MU, KT, relaxation, tau=3.0)
    for name in ("tau2", "tau1", "tau0", "finite_tau"):
        assert_same(whole[name].values, sum(part[name].values for part in parts), rtol=1e-10, floor=1e-6)


def test_spins_count_twice():
    rng = np.random.default_rng(3)
    lattice, hoppings = random_lattice(rng, 2), random_hoppings(rng, 2, 2)
    one, two = (sg.LatticeModel(lattice, hoppings, spin_degeneracy=s) for s in (1, 2))
    single, double = (density_matrix(model, MU, KT)["tau0"].values for model in (one, two))
    assert_same(double, 2.0 * single, rtol=1e-13, floor=1e-6)


# --- positions --------------------------------------------------------------------------------------------------------


def test_positions_matter_and_their_origin_does_not():
    rng = np.random.default_rng(8)
    lattice, hoppings = random_lattice(rng, 2), random_hoppings(rng, 2, 3)
    centres = rng.uniform(-SPREAD, SPREAD, (3, 2))
    answers = [
        density_matrix(sg.LatticeModel(lattice, hoppings, positions=tau), MU, KT, "uniform", 96)["tau0"].values
        for tau in (centres, centres + np.array([0.3, -0.1]), np.zeros((3, 2)))
    ]
    assert_same(answers[1], answers[0], rtol=1e-10, floor=1e-6)
    assert np.abs(answers[2] - answers[0]).max() > 0.05 * np.abs(answers[0]).max()


def test_an_orbital_named_in_the_next_cell_changes_nothing():
    rng = np.random.default_rng(8)
    lattice, hoppings = random_lattice(rng, 2), random_hoppings(rng, 2, 2)
    centres = rng.uniform(-SPREAD, SPREAD, (2, 2))
    moved: dict[tuple[int, int], np.ndarray] = {}
    for (x, y), block in hoppings.items():
        for a in range(2):
            for b in range(2):  # orbital 1 of the home cell is now the one at (1, 0)
                target = moved.setdefault((x - b + a, y), np.zeros((2, 2), complex))
                target[a, b] = block[a, b]
    shifted = centres + np.outer([0, 1], lattice[0])
    one = density_matrix(sg.LatticeModel(lattice, hoppings, positions=centres), MU, KT, "adiabatic")
    two = density_matrix(sg.LatticeModel(lattice, moved, positions=shifted), MU, KT, "adiabatic")
    for name in ("tau2", "tau1", "tau0"):
        assert_same(two[name].values, one[name].values, rtol=1e-9, floor=1e-6)


def test_position_matrices_are_refused_or_dropped_with_a_warning():
    rng = np.random.default_rng(8)
    lattice, hoppings = random_lattice(rng, 2), random_hoppings(rng, 2, 2)
    home = np.zeros((2, 2, 2), complex)
    home[0] = [[0.1, 0.02], [0.02, -0.1]]
    full = sg.LatticeModel(lattice, hoppings, position_matrices={(0, 0): home})
    with pytest.raises(sg.ModelError, match=r"off-diagonal position matrices.*drop_position_matrices=True"):
        density_matrix(full, MU, KT)
    with pytest.warns(sg.InputHealthWarning, match="left out"):
        dropped = density_matrix(full, MU, KT, drop_position_matrices=True)
    centres = sg.LatticeModel(lattice, hoppings, positions=[[0.1, 0.0], [-0.1, 0.0]])
    assert_same(dropped["tau0"].values, density_matrix(centres, MU, KT)["tau0"].values, rtol=1e-12, floor=1e-6)
