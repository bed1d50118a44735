"""LatticeModel against a plain Fourier sum, finite differences and invariances."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmaijk.errors import ArgumentError, ArgumentTypeError, ModelError
from sigmaijk.models.lattice import LatticeModel
from support import assert_same

Blocks = dict[tuple[int, ...], np.ndarray]


def hermitian_blocks(rng: np.random.Generator, reach: tuple[int, ...], shape: tuple[int, ...]) -> Blocks:
    """Random X(R) with X(-R) = X(R)^+, for all R within the reach."""
    blocks: Blocks = {}
    for R in itertools.product(*[range(-m, m + 1) for m in reach]):
        opposite = tuple(-entry for entry in R)
        block = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        if opposite == R:
            block = block + block.conj().swapaxes(-1, -2)
        blocks[R] = blocks[opposite].conj().swapaxes(-1, -2) if opposite in blocks else block
    return blocks


def random_input(dim: int, n: int = 3, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    reach = (2, 1, 1)[:dim]
    return {
        "lattice": np.eye(dim) * 0.5 + 0.1 * rng.normal(size=(dim, dim)),
        "hoppings": hermitian_blocks(rng, reach, (n, n)),
        "position_matrices": {R: 0.1 * x for R, x in hermitian_blocks(rng, reach, (dim, n, n)).items()},
    }


def some_points(dim: int, number: int = 4) -> np.ndarray:
    return np.random.default_rng(11).normal(size=(number, dim)) * 6


def plain_sum(model: LatticeModel, blocks: Blocks, k: np.ndarray) -> np.ndarray:
    """sum_R exp(i k.(R + tau_b - tau_a)) X_R, term by term."""
    tau = model.positions
    total: Any = 0
    for R, block in blocks.items():
        separation = np.array(R) @ model.lattice + tau[None, :] - tau[:, None]
        phase = np.exp(1j * np.einsum("kd,abd->kab", k, separation))
        total = total + phase.reshape(len(k), *(1,) * (block.ndim - 2), *phase.shape[1:]) * block
    return total


def difference(function: Any, k: np.ndarray, direction: int, step: float = 2e-3) -> np.ndarray:
    """Central difference of fourth order."""
    shift = np.eye(k.shape[1])[direction] * step
    near, far = function(k + shift) - function(k - shift), function(k + 2 * shift) - function(k - 2 * shift)
    return (8 * near - far) / (12 * step)


def without_centres(blocks: Blocks, dim: int) -> Blocks:
    origin = (0,) * dim
    home = blocks[origin].copy()
    for axis in range(dim):
        np.fill_diagonal(home[axis], 0)
    return {**blocks, origin: home}


@pytest.mark.parametrize("dim", [2, 3])
def test_hamiltonian_is_the_plain_fourier_sum(dim: int) -> None:
    given_blocks, k = random_input(dim), some_points(dim)
    model = LatticeModel(**given_blocks)
    expected = plain_sum(model, given_blocks["hoppings"], k)
    assert_same(model.hamiltonian(k), expected, rtol=1e-13, floor=0.1)
    assert_same(model.jet(k).value, expected, rtol=1e-13, floor=0.1)


def test_without_positions_the_phases_are_those_of_the_cells() -> None:
    hoppings, k = random_input(2)["hoppings"], some_points(2)
    model = LatticeModel(np.eye(2), hoppings)
    expected = sum(np.exp(1j * k @ np.array(R))[:, None, None] * block for R, block in hoppings.items())
    assert_same(model.hamiltonian(k), np.asarray(expected), rtol=1e-13, floor=0.1)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("with_positions", [True, False])
def test_derivatives_are_those_of_the_hamiltonian(dim: int, with_positions: bool) -> None:
    given_blocks, k = random_input(dim), some_points(dim)
    if not with_positions:
        del given_blocks["position_matrices"]
    model = LatticeModel(**given_blocks)
    jet = model.jet(k, 2)
    gradient = np.stack([difference(model.hamiltonian, k, a) for a in range(dim)], axis=1)
    hessian = np.stack([difference(lambda q: model.derivatives(q, 1), k, a) for a in range(dim)], axis=1)
    assert_same(jet.gradient, gradient, rtol=1e-8, floor=0.1)
    assert jet.hessian is not None
    assert_same(jet.hessian, hessian, rtol=1e-8, floor=0.1)
    assert (jet.hessian == jet.hessian.swapaxes(1, 2)).all()
    assert_same(model.jet(k, 1).gradient, jet.gradient, rtol=1e-15, floor=0.1)
    assert model.jet(k, 1).hessian is None


@pytest.mark.parametrize("dim", [2, 3])
def test_connection_is_the_plain_sum_without_the_centres(dim: int) -> None:
    given_blocks, k = random_input(dim), some_points(dim)
    model = LatticeModel(**given_blocks)
    centres = np.einsum("aii->ia", given_blocks["position_matrices"][(0,) * dim]).real
    assert_same(model.positions, centres, rtol=0, floor=1e-3)
    expected = plain_sum(model, without_centres(given_blocks["position_matrices"], dim), k)
    for order in (1, 2):
        connection = model.jet(k, order).connection
        assert connection is not None
        assert_same(connection, expected, rtol=1e-13, floor=1e-2)


@pytest.mark.parametrize("dim", [2, 3])
def test_connection_curl_is_the_covariant_one(dim: int) -> None:
    model, k = LatticeModel(**random_input(dim)), some_points(dim)

    def connection(q: np.ndarray) -> np.ndarray:
        found = model.jet(q, 1).connection
        assert found is not None
        return found

    slopes, at = np.stack([difference(connection, k, a) for a in range(dim)], axis=1), connection(k)
    expected = slopes - slopes.swapaxes(1, 2)
    for a, b in itertools.product(range(dim), repeat=2):
        expected[:, a, b] -= 1j * (at[:, a] @ at[:, b] - at[:, b] @ at[:, a])
    curl = model.jet(k).connection_curl
    assert curl is not None
    assert_same(curl, expected, rtol=1e-8, floor=1e-2)


def test_every_matrix_of_the_jet_is_hermitian() -> None:
    jet = LatticeModel(**random_input(3)).jet(some_points(3))
    for array in (jet.value, jet.gradient, jet.hessian, jet.connection, jet.connection_curl):
        assert array is not None
        assert_same(array.conj().swapaxes(-1, -2), array, rtol=1e-14, floor=1e-2)


def test_positions_alone_give_no_connection() -> None:
    given_blocks = random_input(2)
    blocks = given_blocks.pop("position_matrices")
    positions = np.einsum("aii->ia", blocks[0, 0]).real
    assert LatticeModel(**given_blocks, positions=positions).jet(some_points(2)).connection is None
    only_centres = {(0, 0): np.stack([np.diag(positions[:, axis]) for axis in range(2)])}
    model = LatticeModel(**given_blocks, position_matrices=only_centres)
    assert model.jet(some_points(2)).connection_curl is None
    assert_same(model.positions, positions, rtol=0, floor=1e-3)


def test_positions_equal_to_the_centres_are_not_added_twice() -> None:
    given_blocks, k = random_input(2), some_points(2)
    positions = np.einsum("aii->ia", given_blocks["position_matrices"][0, 0]).real
    both, one = LatticeModel(**given_blocks, positions=positions), LatticeModel(**given_blocks)
    assert_same(both.hamiltonian(k), one.hamiltonian(k), rtol=0, floor=0.1)


@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(-3, 3), st.integers(-3, 3)))
def test_spectrum_has_the_period_of_the_reciprocal_lattice(seed: int, shift: tuple[int, int]) -> None:
    model, k = LatticeModel(**random_input(2, seed=seed)), some_points(2)
    moved = k + model.cartesian(np.array(shift, dtype=float))
    expected = np.linalg.eigvalsh(model.hamiltonian(k))
    assert_same(np.linalg.eigvalsh(model.hamiltonian(moved)), expected, rtol=1e-11, floor=0.1)


def test_relabelling_an_orbital_by_a_lattice_vector_leaves_the_spectrum() -> None:
    given_blocks, k = random_input(2), some_points(2)
    del given_blocks["position_matrices"]
    lattice, hoppings = given_blocks["lattice"], given_blocks["hoppings"]
    positions = np.random.default_rng(3).normal(size=(3, 2)) * 0.2
    moved_cell = np.array([[0, 0], [1, 0], [-1, 2]])
    moved: Blocks = {}
    for R, block in hoppings.items():
        for a, b in itertools.product(range(3), repeat=2):
            # orbital b of cell R is the moved orbital b of the cell R - moved_cell[b]
            target = tuple(map(int, np.array(R) - moved_cell[b] + moved_cell[a]))
            moved.setdefault(target, np.zeros((3, 3), complex))[a, b] = block[a, b]
    before = LatticeModel(lattice, hoppings, positions=positions)
    after = LatticeModel(lattice, moved, positions=positions + moved_cell @ lattice)
    assert_same(after.hamiltonian(k), before.hamiltonian(k), rtol=1e-12, floor=0.1)
    assert_same(after.jet(k).gradient, before.jet(k).gradient, rtol=1e-12, floor=0.1)


def test_moving_positions_leaves_the_spectrum_but_not_the_matrix() -> None:
    given_blocks, k = random_input(2), some_points(2)
    del given_blocks["position_matrices"]
    here = LatticeModel(**given_blocks)
    there = LatticeModel(**given_blocks, positions=np.random.default_rng(3).normal(size=(3, 2)))
    expected = np.linalg.eigvalsh(here.hamiltonian(k))
    assert_same(np.linalg.eigvalsh(there.hamiltonian(k)), expected, rtol=1e-12, floor=0.1)
    assert np.abs(there.hamiltonian(k) - here.hamiltonian(k)).max() > 0.1


def test_cell_quantities_of_a_left_handed_lattice() -> None:
    lattice = np.array([[0.0, 0.5], [0.4, 0.1]])
    model = LatticeModel(lattice, {(0, 0): np.eye(2), (1, 0): np.eye(2), (-1, 0): np.eye(2)}, spin_degeneracy=2)
    assert_same(lattice @ model.reciprocal.T, 2 * np.pi * np.eye(2), rtol=1e-15, floor=1)
    assert model.volume == pytest.approx(0.2)
    assert_same(model.cartesian([[0.5, 0.25]]) @ lattice.T, np.array([[np.pi, np.pi / 2]]), rtol=1e-14, floor=1)
    assert (model.dim, model.n_bands, model.spin_degeneracy, model.periodic) == (2, 2, 2, True)
    assert model.positions.shape == (2, 2)


def test_hopping_range_leaves_out_what_is_negligible() -> None:
    small, one = 1e-9 * np.eye(1), np.eye(1)
    hoppings = {(0, 0): one, (2, -1): one, (-2, 1): one, (5, 5): small, (-5, -5): small}
    assert LatticeModel(np.eye(2), hoppings).hopping_range.tolist() == [2, 1]


def test_a_home_cell_is_not_required() -> None:
    model = LatticeModel(np.eye(2), {(1, 0): [[0.5]], (-1, 0): [[0.5]]})
    assert_same(model.hamiltonian([[0.3, 7.0]])[:, 0, 0], np.array([np.cos(0.3)]), rtol=1e-15, floor=0.1)


def test_rounding_of_printed_digits_is_symmetrised() -> None:
    model = LatticeModel(np.eye(2), {(0, 0): [[0.0]], (1, 0): [[1.0 + 1e-6]], (-1, 0): [[1.0 - 1e-6]]})
    assert_same(model.hamiltonian([[0.0, 0.0]]), np.full((1, 1, 1), 2.0), rtol=1e-15, floor=1)
    assert model.asymmetry == pytest.approx(2e-6, rel=1e-6)


def test_vectors_are_counted_where_something_hops() -> None:
    one, nothing = np.eye(1), np.zeros((1, 1))
    model = LatticeModel(np.eye(2), {(0, 0): one, (1, 0): one, (-1, 0): one, (2, 0): nothing, (-2, 0): nothing})
    assert model.n_vectors == 3
    assert model.asymmetry == 0.0


def test_a_pickled_model_is_small_and_gives_the_same_bits() -> None:
    model, k = LatticeModel(**random_input(3)), some_points(3)
    unused = len(pickle.dumps(model))
    jet = model.jet(k)
    copy = pickle.loads(pickle.dumps(model))
    assert len(pickle.dumps(model)) == unused
    again = copy.jet(k)
    assert (again.value == jet.value).all()
    assert (again.hessian == jet.hessian).all()
    assert (again.connection_curl == jet.connection_curl).all()
    assert copy.name == model.name


ONE = {(0, 0): np.eye(2), (1, 0): np.eye(2), (-1, 0): np.eye(2)}
CENTRES = {(0, 0): np.zeros((2, 2, 2))}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"lattice": np.eye(4)}, ArgumentError, r"lattice must have shape \(2, 2\) or \(3, 3\)"),
        ({"lattice": [["a", "b"], ["c", "d"]]}, ArgumentTypeError, "lattice must be an array of numbers"),
        ({"lattice": [["1", "0"], ["0", "1"]]}, ArgumentTypeError, "lattice must be an array of numbers"),
        ({"lattice": [[1, 0], [0]]}, ArgumentTypeError, "lattice must be an array of numbers"),
        ({"lattice": None}, ArgumentTypeError, r"lattice must be an array of numbers.* got None \(NoneType\)"),
        ({"lattice": np.eye(2) + 1j}, ArgumentTypeError, "lattice must be real, got complex numbers"),
        ({"lattice": [[1, 0], [np.nan, 1]]}, ArgumentError, "lattice must be finite"),
        ({"lattice": [[1, 2], [2, 4]]}, ArgumentError, "linearly independent"),
        ({"hoppings": [np.eye(2)]}, ArgumentTypeError, "hoppings must be a dictionary"),
        ({"hoppings": {}}, ArgumentError, "at least one lattice vector"),
        ({"hoppings": {(0, 0, 0): np.eye(2)}}, ArgumentError, r"tuple of 2 integers, got \(0, 0, 0\)"),
        ({"hoppings": {(0, 0.5): np.eye(2)}}, ArgumentError, r"tuple of 2 integers, got \(0, 0.5\)"),
        ({"hoppings": {0: np.eye(2)}}, ArgumentError, "tuple of 2 integers, got 0"),
        ({"hoppings": {(0, 0): np.ones((2, 3))}}, ModelError, r"shape \(n, n\).*\(2, 3\) at R = \(0, 0\)"),
        ({"hoppings": {(0, 0): 1.0}}, ModelError, r"shape \(n, n\)"),
        ({"hoppings": {(0, 0): [["1"]]}}, ArgumentTypeError, r"hoppings at R = \(0, 0\) must be .* numbers, got text"),
        ({"hoppings": {(0, 0): [[{}]]}}, ArgumentTypeError, r"hoppings at R = \(0, 0\) must be .* numbers"),
        ({"hoppings": {**ONE, (1, 0): np.eye(3)}}, ModelError, r"\(3, 3\) at R = \(1, 0\)"),
        ({"hoppings": {(0, 0): [[0, np.inf], [0, 0]]}}, ModelError, r"finite.*R = \(0, 0\), entry \[0, 1\]"),
        ({"hoppings": {(0, 0): np.eye(2), (1, 0): np.eye(2)}}, ModelError, r"R = \(1, 0\) but not -R = \(-1, 0\)"),
        ({"hoppings": {**ONE, (1, 0): np.eye(2) * 1.1}}, ModelError, r"Hermitian.*R = \(.*1, 0\), entry \[0, 0\]"),
        ({"hoppings": {(0, 0): [[0, 1], [0, 0]]}}, ModelError, r"Hermitian.*R = \(0, 0\), entry \[0, 1\]"),
        ({"positions": np.zeros((3, 2))}, ArgumentError, r"positions must have shape .* \(2, 2\), nm, got \(3, 2\)"),
        ({"positions": [[0, 0], [np.nan, 0]]}, ArgumentError, "positions must be finite"),
        ({"positions": np.zeros((2, 2), complex)}, ArgumentTypeError, "positions must be real, got complex numbers"),
        ({"position_matrices": {(0, 0): np.zeros((2, 2))}}, ModelError, r"shape \(2, n, n\)"),
        ({"position_matrices": {(0, 0): np.zeros((2, 3, 3))}}, ModelError, "as the hoppings are 2 x 2"),
        ({"position_matrices": {(1, 0): np.zeros((2, 2, 2))}}, ModelError, r"not -R = \(-1, 0\)"),
        ({"position_matrices": {(0, 0): np.full((2, 2, 2), 1j)}}, ModelError, "position_matrices must be Hermitian"),
        ({"position_matrices": CENTRES, "positions": np.ones((2, 2))}, ArgumentError, "give only one of them"),
        ({"spin_degeneracy": 3}, ArgumentError, "spin_degeneracy must be 1 or 2, got 3"),
        ({"spin_degeneracy": True}, ArgumentError, "spin_degeneracy must be 1 or 2, got True"),
        ({"spin_degeneracy": np.array([1, 2])}, ArgumentError, r"spin_degeneracy must be 1 or 2, got array"),
    ],
)
def test_bad_input_is_refused_with_its_name(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LatticeModel(**{"lattice": np.eye(2), "hoppings": ONE, **changes})


def test_a_batch_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"k must have shape \(nk, 2\)"):
        LatticeModel(np.eye(2), ONE).hamiltonian(np.zeros((3, 3)))
