"""Degenerate groups by one tolerance, and the two ways of summing over the states outside a group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from contracts.random_models import random_crystals, random_ingredients, random_points, random_unitary
from sigmaijk.bands import Bands, Groups, Multiplets, Pairs, Singles, diagonalise, select, solve
from sigmaijk.errors import ModelError
from sigmaijk.model import HamiltonianJet
from sigmaijk.pairs import paired
from support import assert_same

BOTH = (Singles, Multiplets)


def test_a_chain_of_small_steps_is_one_group_however_long():
    groups = Groups.find(np.array([[0.0, 0.9, 1.8, 2.7, 5.0]]), degeneracy_tol=1.0)
    assert groups.label.tolist() == [[0, 0, 0, 0, 1]]
    np.testing.assert_allclose(groups.mean, [[1.35] * 4 + [5.0]], rtol=1e-15)
    np.testing.assert_allclose(groups.gap(), [[2.3] * 5], rtol=1e-15)


def test_a_step_equal_to_the_tolerance_joins_two_bands():
    energy = np.array([[0.0, 1.0, 2.5]])
    assert Groups.find(energy, 1.0).label.tolist() == [[0, 0, 1]]
    assert Groups.find(energy, 0.99).label.tolist() == [[0, 1, 2]]


def test_groups_are_found_at_each_k_for_itself():
    groups = Groups.find(np.array([[0.0, 1.0, 1.1], [0.0, 0.1, 1.0], [0.0, 1.0, 3.0]]), 0.2)
    assert groups.label.tolist() == [[0, 1, 1], [0, 0, 1], [0, 1, 2]]
    np.testing.assert_allclose(groups.mean, [[0, 1.05, 1.05], [0.05, 0.05, 1], [0, 1, 3]], rtol=1e-15)
    np.testing.assert_allclose(groups.gap(), [[1, 1, 1], [0.9, 0.9, 0.9], [1, 1, 2]], rtol=1e-14)


def test_a_tolerance_of_zero_joins_only_equal_energies():
    assert Groups.find(np.array([[0.0, 0.0, 1e-300]]), 0.0).label.tolist() == [[0, 0, 1]]


def test_a_group_without_neighbours_has_an_infinite_gap():
    assert Groups.find(np.array([[1.0, 1.0]]), 1e-6).gap().tolist() == [[np.inf, np.inf]]


def quantities(bands: Bands) -> dict[str, np.ndarray]:
    """Everything that both classes offer, as averages over the groups."""
    V, A = bands.interband_velocity, bands.interband_connection
    found = {
        "velocity": bands.average(bands.velocity),
        "hessian": bands.average(bands.inverse_mass_direct()),
        "product": bands.traced(bands.velocity, bands.velocity),
        "modulus 0": bands.modulus(A, 0),
        "modulus 1": bands.modulus(V, 1),
    }
    for power in range(4):
        for name, rows in (("velocity", V), ("connection", A)):
            sums = bands.virtual(rows, rows, power)
            found[f"symmetric {name} {power}"] = bands.average(sums + sums.swapaxes(1, 2))
            found[f"antisymmetric {name} {power}"] = bands.average(1j * (sums - sums.swapaxes(1, 2)))
    completion = bands.curvature_completion()
    if completion is not None:
        found["completion"] = bands.average(completion)
    return found


@given(random_crystals())
@settings(max_examples=30)
def test_the_fast_path_and_its_plain_twin_agree_on_single_bands(crystal):
    rng, ingredients, k = crystal
    jet = ingredients.model().jet(k, 2)
    vectors, groups = diagonalise(jet, k, 1e-6)
    start = int(rng.integers(0, ingredients.n))
    for wanted in (slice(None), slice(start, start + 1)):
        fast, plain = (kind(jet, vectors, groups, wanted) for kind in BOTH)
        assert_same(fast.gap, plain.gap, rtol=1e-15, floor=1e-4)
        assert_same(fast.energy, plain.energy, rtol=1e-15, floor=1e-4)
        expected = quantities(plain)
        for name, found in quantities(fast).items():
            assert_same(found, expected[name], rtol=1e-12, floor=1e-8)


@given(random_crystals())
@settings(max_examples=30)
def test_sums_over_all_states_are_those_written_out(crystal):
    """Eigenvectors and energies in plain loops: sum over m of V^a_nm A^b_mn / (e_n - e_m)**p."""
    _, ingredients, k = crystal
    jet = ingredients.model().jet(k, 2)
    ((_, bands),) = solve(jet, k, 1e-6)
    energy, U = np.linalg.eigh(jet.value[0])
    n = len(energy)
    for a in range(ingredients.dim):
        V = U.conj().T @ jet.gradient[0, a] @ U
        for b in range(ingredients.dim):
            W = U.conj().T @ jet.gradient[0, b] @ U
            other = 0.0 if jet.connection is None else U.conj().T @ jet.connection[0, b] @ U
            gap = energy[:, None] - energy[None, :] + np.eye(n)
            A = other - 1j * W / gap
            for power in (0, 1, 2):
                expected = [sum(V[i, m] * A[m, i] / gap[i, m] ** power for m in range(n) if m != i) for i in range(n)]
                sums = bands.virtual(bands.interband_velocity, bands.interband_connection, power)
                assert_same(sums[0, a, b], np.array(expected), rtol=1e-11, floor=1e-9)


def test_blocks_of_a_group_turn_with_its_basis_and_their_averages_do_not():
    rng = np.random.default_rng(4)
    doubled, k = random_ingredients(rng, 2, 2, "matrices").twice(), random_points(rng, 2)
    jet = doubled.in_basis(random_unitary(rng, 4)).model().jet(k, 2)
    vectors, groups = diagonalise(jet, k, 1e-6)
    turn = np.kron(np.eye(2), random_unitary(rng, 2))
    plain, turned = (Multiplets(jet, states, groups, slice(None)) for states in (vectors, vectors @ turn))
    block = plain.virtual(plain.interband_connection, plain.interband_connection, 1)
    found = turned.virtual(turned.interband_connection, turned.interband_connection, 1)
    assert_same(found, turn.conj().T @ block @ turn, rtol=1e-12, floor=1e-6)
    expected = quantities(plain)
    for name, average in quantities(turned).items():
        assert_same(average, expected[name], rtol=1e-12, floor=1e-8)


@given(random_crystals())
@settings(max_examples=30)
def test_the_path_of_pairs_and_its_plain_twin_agree(crystal):
    """H x 1_2 with eigenvectors turned within the pairs; wanted bands may begin or end within a pair."""
    rng, ingredients, k = crystal
    n = ingredients.n
    jet = ingredients.twice().model().jet(k, 2)
    vectors, groups = diagonalise(jet, k, 1e-6)
    vectors = vectors @ np.kron(np.eye(n), random_unitary(rng, 2))
    start = int(rng.integers(0, 2 * n))
    for wanted in (slice(None), slice(start, int(rng.integers(start, 2 * n)) + 1)):
        assert [type(part) for _, part in solve(jet, k, 1e-6, wanted)] == [Pairs]
        fast, plain = (kind(jet, vectors, groups, wanted) for kind in (Pairs, Multiplets))
        assert_same(fast.coupling(), plain.coupling(), rtol=1e-11, floor=1e-6)
        assert_same(fast.speed(), plain.speed(), rtol=1e-11, floor=1e-6)
        expected = quantities(plain)
        for name, found in quantities(fast).items():
            assert_same(found, expected[name], rtol=1e-11, floor=1e-7)
        some = np.arange(2 * n) % 2 == 0
        A, B = fast.interband_connection, plain.interband_connection
        found, wished = fast.through(some).virtual(A, A, 1), plain.through(some).virtual(B, B, 1)
        assert_same(fast.average(found), plain.average(wished), rtol=1e-11, floor=1e-7)


def test_pairs_that_overlap_or_have_company_are_not_pairs():
    """Of bands 0..3: pairs 01 and 23; one group of four; the pair 12; a pair and two single bands."""
    energy = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 2.0], [0.0, 0.0, 1.0, 2.0]])
    groups = Groups.find(energy, 1e-6)
    assert paired(groups, slice(None)).tolist() == [True, False, False, False]
    assert paired(groups, slice(0, 1)).tolist() == [True, False, False, True]
    assert paired(groups, slice(2, 4)).tolist() == [True, False, False, False]
    assert paired(groups, slice(1, 1)).tolist() == [False] * 4
    assert paired(Groups.find(energy[[0, 0]], 1e-6), slice(None)).tolist() == [True]


def mixed_batch() -> tuple[HamiltonianJet, np.ndarray]:
    """Diagonal H(k) of three bands at four k: no pair, the lower pair, the upper pair, no pair."""
    energy = np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 2.0, 3.0]])
    rng = np.random.default_rng(6)
    gradient = rng.normal(size=(4, 2, 3, 3)) + 0j
    value = np.einsum("kn,nm->knm", energy, np.eye(3)) + 0j
    return HamiltonianJet(value, gradient + gradient.swapaxes(2, 3)), rng.normal(size=(4, 2))


def test_a_batch_is_split_into_points_with_and_without_groups():
    jet, k = mixed_batch()
    (lone, singles), (grouped, multiplets) = solve(jet, k, 1e-6)
    assert (lone.tolist(), grouped.tolist()) == ([0, 3], [1, 2])
    assert isinstance(singles, Singles)
    assert isinstance(multiplets, Multiplets)
    assert singles.energy.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_only_groups_among_the_wanted_bands_need_the_plain_path():
    """The lowest band stands alone where the two others meet."""
    jet, k = mixed_batch()
    (lone, singles), (grouped, multiplets) = solve(jet, k, 1e-6, slice(0, 1))
    assert (lone.tolist(), grouped.tolist()) == ([0, 2, 3], [1])
    assert singles.energy.shape == (3, 1)
    whole = Multiplets(select(jet, lone), *diagonalise(select(jet, lone), k[lone], 1e-6), slice(0, 1))
    found, expected = (b.modulus(b.interband_velocity, 1) for b in (singles, whole))
    assert_same(found, expected, rtol=1e-14, floor=0.1)
    assert multiplets.average(multiplets.velocity).shape == (1, 2, 1)


def test_one_kind_of_points_gives_one_part():
    jet, k = mixed_batch()
    assert [type(part) for _, part in solve(select(jet, np.array([0, 3])), k[:2], 1e-6)] == [Singles]
    assert [type(part) for _, part in solve(select(jet, np.array([1, 2])), k[:2], 1e-6)] == [Multiplets]


@pytest.mark.filterwarnings("error")
def test_a_hamiltonian_that_is_not_finite_is_refused_with_its_k():
    jet, k = mixed_batch()
    value = jet.value.copy()
    value[2, 0, 0] = np.nan
    with pytest.raises(ModelError, match=r"H\(k\) (is not finite|could not be diagonalised)"):
        solve(HamiltonianJet(value, jet.gradient), k, 1e-6)


def test_the_inverse_mass_needs_second_derivatives():
    jet, k = mixed_batch()
    ((_, bands),) = solve(select(jet, np.array([0, 3])), k[:2], 1e-6)
    with pytest.raises(ValueError, match="the inverse mass needs a jet of order 2"):
        bands.inverse_mass_direct()
