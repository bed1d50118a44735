"""Terms that k and -k cancel are recognised, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.levelset.samples import Cell
from sigmaijk.model import Model
from sigmaijk.parity import ODD, odd_terms
from sigmaijk.sampler import BandSampler
from sigmaijk.terms import CATALOGUE

ALL = {"drude", "bcd", "qm"}


def found(model: Model, half: float = 1.0) -> set[str]:
    """The odd terms of a model, in its own cell or in a box off the centre as the driver takes it."""
    sampler = BandSampler(model, tuple(CATALOGUE.values()), 1e-6, threads=1)
    if model.periodic:
        cell = Cell(np.full(model.dim, 0.1), model.reciprocal, True, (8,) * model.dim)
    else:
        cell = Cell(np.full(model.dim, -1.003 * half), 2.01 * half * np.eye(model.dim), False, (8,) * model.dim)
    odd = odd_terms(sampler, cell)
    assert sampler.points <= 6
    assert all(ratio <= ODD for ratio in odd.values())
    return set(odd)


def cone(tilt: float = 0.0, cubic: float = 0.0) -> sg.ContinuumModel:
    """A massive cone; `cubic` turns with 3 phi and leaves the time reversal of a single spin broken."""

    def hamiltonian(kx, ky):
        mass = 0.1 + cubic * (kx**3 - 3 * kx * ky**2)
        return [[tilt * kx + mass, kx - 1j * ky], [kx + 1j * ky, tilt * kx - mass]]

    return sg.ContinuumModel(hamiltonian, 2)


@pytest.mark.parametrize("half", [0.3, 1.0, 100.0])
def test_all_terms_of_an_upright_cone_are_odd(half: float):
    assert found(cone(), half) == ALL


@pytest.mark.parametrize("half", [0.3, 1.0, 100.0])
@pytest.mark.parametrize("model", [cone(tilt=1e-7), cone(cubic=1e-6), sg.models.dirac_pt(t=1e-6)], ids=str)
def test_tiny_term_that_breaks_the_symmetry_is_seen(model: Model, half: float):
    """The tilt moves energies by 1e-7 of their size: far above EVEN, far below what any result shows."""
    assert found(model, half) == set()


@pytest.mark.parametrize("half", [0.3, 1.0, 100.0, 1e5])
@pytest.mark.parametrize("mass", [0.1, 1e-5])
def test_time_reversal_leaves_the_dipole(half: float, mass: float):
    """Two cones that time reversal exchanges; a small mass leaves little of the curvature beside its modulus."""

    def hamiltonian(kx, ky):
        H = np.zeros((4, 4), dtype=object)
        for row, eta in ((0, 1), (2, -1)):
            tilt = 0.3 * eta * kx
            H[row : row + 2, row : row + 2] = [
                [tilt + mass, eta * kx - 1j * ky],
                [eta * kx + 1j * ky, tilt - mass],
            ]
        return H

    assert found(sg.ContinuumModel(hamiltonian, 2), half) == {"drude", "qm"}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("broken", [0.0, 1e-7])
def test_crystals_with_inversion_and_almost(seed: int, broken: float):
    """Inversion exchanges the two sites of a cell."""
    rng = np.random.default_rng(seed)
    home = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
    exchange = np.array([[0, 1], [1, 0]])
    home = home + home.conj().T
    hoppings = {(0, 0): home + exchange @ home @ exchange + np.diag([broken, -broken])}
    for R in ((1, 0), (0, 1), (1, 1)):
        block = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
        opposite = tuple(-r for r in R)
        hoppings[R] = block + exchange @ block.conj().T @ exchange
        hoppings[opposite] = hoppings[R].conj().T
    model = sg.LatticeModel([[0.5, 0.0], [0.13, 0.43]], hoppings, positions=[[0.1, 0.05], [-0.1, -0.05]])
    assert found(model) == (set() if broken else ALL)
