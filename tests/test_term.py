"""Bases of the two index symmetries, and the entries that stand for a whole tensor."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from contracts.random_models import random_ingredients, random_points, random_unitary
from sigmaijk.bands import Multiplets, solve
from sigmaijk.integrand import jet_order
from sigmaijk.models import tilted_dirac
from sigmaijk.term import hook_basis, symmetric_basis
from sigmaijk.terms import CATALOGUE, BerryCurvatureDipole, Drude, QuantumMetricDipole
from support import assert_same


def rank(tensors: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(tensors.reshape(len(tensors), -1)))


@pytest.mark.parametrize(("dim", "size"), [(2, 4), (3, 10)])
def test_symmetric_tensors_have_a_basis_of_the_known_size(dim: int, size: int):
    """(d + 2 over 3) multisets of three indices."""
    basis = symmetric_basis(dim)
    assert (len(basis), rank(basis)) == (size, size)
    for order in permutations((1, 2, 3)):
        np.testing.assert_array_equal(basis, basis.transpose(0, *order))


@pytest.mark.parametrize(("dim", "size"), [(2, 2), (3, 8)])
def test_hook_tensors_have_a_basis_of_the_known_size(dim: int, size: int):
    """d (d**2 - 1)/3: tensors symmetric in jk, less the totally symmetric ones."""
    basis = hook_basis(dim)
    assert (len(basis), rank(basis)) == (size, size)
    np.testing.assert_array_equal(basis, basis.swapaxes(2, 3))
    assert not (basis + np.moveaxis(basis, 1, 3) + np.moveaxis(basis, 3, 1)).any()
    assert rank(np.concatenate([basis, symmetric_basis(dim)])) == size + len(symmetric_basis(dim))


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("term", CATALOGUE.values(), ids=CATALOGUE)
def test_each_independent_entry_is_the_coefficient_of_its_own_tensor(term, dim: int):
    basis = term.basis(dim)
    entries = np.array([[tensor[entry] for entry in term.independent(dim)] for tensor in basis])
    np.testing.assert_array_equal(entries, np.eye(len(basis)))


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("term", CATALOGUE.values(), ids=CATALOGUE)
def test_errors_of_dependent_entries_add_up_without_cancelling(term, dim: int):
    """An entry that is a difference of two independent ones has the sum of their errors."""
    errors = np.random.default_rng(1).random(len(term.basis(dim)))
    expected = np.abs(errors[:, None, None, None] * term.basis(dim)).sum(axis=0)
    assert_same(term.expand_error(errors, dim), expected, rtol=1e-15, floor=0.1)


def test_the_last_hook_entry_in_three_dimensions_is_minus_the_two_others():
    tensor = BerryCurvatureDipole().expand(np.arange(1.0, 9.0), 3)
    assert tensor[2, 0, 1] == tensor[2, 1, 0] == -(tensor[0, 1, 2] + tensor[1, 2, 0]) == -15.0


def test_the_speed_of_a_band_is_the_length_of_its_velocity():
    t, v, m, k = 0.3, 1.2, 0.2, np.random.default_rng(2).normal(size=(10, 2))
    E = np.sqrt(v**2 * (k**2).sum(axis=1) + m**2)
    ((_, bands),) = solve(tilted_dirac(t, v, m).jet(k, 1), k, 1e-6)
    assert_same(bands.speed()[:, 1], np.hypot(t + v**2 * k[:, 0] / E, v**2 * k[:, 1] / E), rtol=1e-12, floor=0.1)


def test_the_speed_of_a_group_is_the_root_mean_square_within_it():
    """Two independent crystals that cross: sqrt((v_1**2 + v_2**2)/2), not |v_1 + v_2|/2."""
    rng = np.random.default_rng(3)
    one = random_ingredients(rng, 2, 2, "none")
    k = random_points(rng, 2, 1)
    levels = np.linalg.eigvalsh(one.model().hamiltonian(k))[0]
    alone = np.linalg.norm(np.array([b.speed()[0] for _, b in solve(one.model().jet(k, 1), k, 1e-6)]), axis=0)
    lifted = one.with_constant((levels[1] - levels[0]) * np.eye(2))
    both = one.beside(lifted).in_basis(random_unitary(rng, 4)).model()
    ((_, bands),) = solve(both.jet(k, 1), k, 1e-6)
    assert isinstance(bands, Multiplets)
    expected = np.sqrt(0.5 * (alone**2).sum())
    assert_same(bands.speed()[0], [alone[0], expected, expected, alone[1]], rtol=1e-11, floor=0.1)


def test_terms_together_need_the_highest_order_of_derivatives():
    assert jet_order([BerryCurvatureDipole(), QuantumMetricDipole()]) == 1
    assert jet_order(CATALOGUE.values()) == Drude().jet_order == 2


def test_the_catalogue_descends_in_powers_of_tau():
    assert [(name, term.tau_power) for name, term in CATALOGUE.items()] == [("drude", 2), ("bcd", 1), ("qm", 0)]
