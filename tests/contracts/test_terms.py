"""What every response term owes, checked on random crystals with and without position matrices.

F is compared in units of its modulus, point by point and band by band; a random gap is some tenths of an eV and hardly
ever below 1e-3, so roundoff stays below 1e-9.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings

from contracts.random_models import (
    Ingredients,
    Values,
    random_crystals,
    random_ingredients,
    random_points,
    random_unitary,
    values,
    values_of_jet,
)
from sigmaijk import bibliography
from sigmaijk.bands import Groups, Multiplets, Singles, diagonalise, solve
from sigmaijk.geometry import berry_curvature
from sigmaijk.model import HamiltonianJet
from sigmaijk.models import ContinuumModel
from sigmaijk.term import Term
from sigmaijk.terms import CATALOGUE
from support import assert_forbidden, assert_same

EXACT = 1e-9
MODULUS_BOUND = 2.0
"""|F^ijk| of a single band beside the modulus: three products of |v| and one entry, weights 1, 1/2, 1/2."""

every_term = pytest.mark.parametrize("term", CATALOGUE.values(), ids=CATALOGUE)
few = settings(max_examples=25)


def assert_equal_integrands(found: Values, expected: Values, rtol: float = EXACT) -> None:
    """Energy and integrand agree at each k and for each band."""
    assert_same(found.energy, expected.energy, rtol=1e-11, floor=0.1)
    scale = expected.modulus[..., None, None, None]
    assert_same(found.tensor / scale, expected.tensor / scale, rtol=rtol, floor=1e-3)


def assert_equal_values(found: Values, expected: Values, rtol: float = EXACT) -> None:
    """Energy, integrand and modulus agree at each k and for each band."""
    assert_equal_integrands(found, expected, rtol)
    assert_same(found.modulus / expected.modulus, np.ones_like(expected.modulus), rtol=rtol, floor=0.5)


# --- the entry in the catalogue ---------------------------------------------------------------------------------------


@every_term
def test_a_term_is_listed_under_its_name_and_names_its_equation(term: Term):
    assert CATALOGUE[term.name] is term
    papers = [paper for paper in vars(bibliography).values() if isinstance(paper, bibliography.Paper)]
    assert any(term.equation.startswith(paper.authors) for paper in papers)
    assert ", Eq. " in term.equation
    assert term.time_reversal in (-1, 1)
    assert term.index_symmetry in ("symmetric", "hook")


@every_term
@given(random_crystals())
@few
def test_the_declared_order_of_derivatives_is_enough(term: Term, crystal):
    _, ingredients, k = crystal
    model = ingredients.model()
    assert_equal_values(values_of_jet(term, model.jet(k, term.jet_order), k), values(term, model, k), rtol=1e-14)


@every_term
def test_the_integrand_grows_towards_a_linear_node_with_the_declared_power(term: Term):
    """A tilted, anisotropic Weyl node: H is homogeneous of degree one in k, so F of degree -node_power."""
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    matrices = np.einsum("ab,bij->aij", np.random.default_rng(1).normal(size=(3, 3)), sigma) + 0.2 * np.eye(2)
    node = ContinuumModel(lambda kx, ky, kz: kx * matrices[0] + ky * matrices[1] + kz * matrices[2], 3)
    k = np.random.default_rng(2).normal(size=(20, 3))
    far, near = values(term, node, k), values(term, node, k / 1024)
    assert_same(near.tensor * 1024.0**-term.node_power, far.tensor, rtol=1e-12, floor=1e-2)


# --- index symmetry ---------------------------------------------------------------------------------------------------


@every_term
@given(random_crystals())
@few
def test_the_tensor_has_its_index_symmetry(term: Term, crystal):
    _, ingredients, k = crystal
    F = values(term, ingredients.model(), k).ratio
    assert_same(F, F.swapaxes(3, 4), rtol=1e-13, floor=1e-3)
    if term.index_symmetry == "symmetric":
        for order in permutations((2, 3, 4)):
            assert_same(F, F.transpose(0, 1, *order), rtol=1e-13, floor=1e-3)
        return
    cyclic = F + np.moveaxis(F, 2, 4) + np.moveaxis(F, 4, 2)
    assert_forbidden(cyclic, F, rtol=1e-13)
    assert_forbidden(np.einsum("kniii->kni", F), F, rtol=1e-13)


@every_term
@given(random_crystals())
@few
def test_the_independent_components_hold_the_whole_tensor(term: Term, crystal):
    _, ingredients, k = crystal
    ((_, bands),) = solve(ingredients.model().jet(k, 2), k, 1e-6)
    tensor = np.moveaxis(term.tensor(bands), -1, 1)
    coefficients = term.components(bands)
    assert coefficients.shape[-1] == len(term.independent(ingredients.dim)) == len(term.basis(ingredients.dim))
    assert_same(term.expand(coefficients, ingredients.dim), tensor, rtol=1e-13, floor=1e-9)


# --- time reversal and inversion --------------------------------------------------------------------------------------


def exchange(n: int) -> np.ndarray:
    """Orbitals 0 and 1 change places."""
    return np.eye(n)[[1, 0, *range(2, n)]]


def odd_part(term: Term, ingredients: Ingredients, k: np.ndarray, sign: int) -> np.ndarray:
    """F(k) - sign F(-k) beside the modulus."""
    model = ingredients.model()
    here, there = values(term, model, k), values(term, model, -k)
    return (here.tensor - sign * there.tensor) / (here.modulus + there.modulus)[..., None, None, None]


@every_term
@given(random_crystals())
@few
def test_time_reversal_makes_the_integrand_even_or_odd_as_declared(term: Term, crystal):
    """A spinless crystal: H(R) and r(R) real."""
    _, ingredients, k = crystal
    reversible = ingredients.symmetric(np.eye(ingredients.n), parity=1, conjugate=True)
    energy = values(term, reversible.model(), k).energy
    assert_same(values(term, reversible.model(), -k).energy, energy, rtol=1e-11, floor=0.1)
    broken = odd_part(term, ingredients, k, term.time_reversal)
    assert_forbidden(odd_part(term, reversible, k, term.time_reversal), broken, rtol=EXACT)


@every_term
@pytest.mark.parametrize("positions", ["none", "diagonal", "matrices"])
def test_time_reversal_of_spins_makes_the_integrand_even_or_odd_as_declared(term: Term, positions: str):
    """T = i sigma_y K, spin-orbit coupling and no inversion: all bands stand alone except at special k."""
    rng = np.random.default_rng(12)
    ingredients, k = random_ingredients(rng, 2, 4, positions), random_points(rng, 2)
    T = np.kron(np.eye(2), [[0, 1], [-1, 0]])
    reversible = ingredients.symmetric(T, parity=1, conjugate=True)
    broken = odd_part(term, ingredients, k, term.time_reversal)
    assert_forbidden(odd_part(term, reversible, k, term.time_reversal), broken, rtol=EXACT)


@every_term
@given(random_crystals())
@few
def test_inversion_makes_the_integrand_odd(term: Term, crystal):
    """Inversion takes orbital 0 to orbital 1 and the others, at the centre or not, to their own images."""
    _, ingredients, k = crystal
    centric = ingredients.symmetric(exchange(ingredients.n), parity=-1, conjugate=False)
    energy = values(term, centric.model(), k).energy
    assert_same(values(term, centric.model(), -k).energy, energy, rtol=1e-11, floor=0.1)
    broken = odd_part(term, ingredients, k, -1)
    assert_forbidden(odd_part(term, centric, k, -1), broken, rtol=EXACT)


# --- choices that nature does not know --------------------------------------------------------------------------------


@every_term
@given(random_crystals())
@few
def test_the_basis_of_orbitals_does_not_matter(term: Term, crystal):
    """A unitary mixes orbitals of different positions: what was a phase becomes a position matrix, and back.

    The Drude modulus is no invariant: the parts of w that cancel depend on how the basis turns with k.
    """
    rng, ingredients, k = crystal
    mixed = ingredients.in_basis(random_unitary(rng, ingredients.n))
    assert_equal_integrands(values(term, mixed.model(), k), values(term, ingredients.model(), k))


@every_term
@given(random_crystals())
@few
def test_the_origin_of_positions_does_not_matter(term: Term, crystal):
    rng, ingredients, k = crystal
    moved = ingredients.from_origin(rng.normal(size=ingredients.dim))
    assert_equal_values(values(term, moved.model(), k), values(term, ingredients.model(), k))


@every_term
@given(random_crystals())
@few
def test_the_cell_that_an_orbital_is_counted_in_does_not_matter(term: Term, crystal):
    rng, ingredients, k = crystal
    moved = ingredients.relabelled(rng.integers(-2, 3, size=(ingredients.n, ingredients.dim)))
    assert_equal_values(values(term, moved.model(), k), values(term, ingredients.model(), k))


@every_term
@given(random_crystals())
@few
def test_a_reciprocal_vector_does_not_matter(term: Term, crystal):
    rng, ingredients, k = crystal
    model = ingredients.model()
    shift = rng.integers(-2, 3, size=k.shape) @ model.reciprocal
    assert_equal_values(values(term, model, k + shift), values(term, model, k))


def jet_with_cell_phases(ingredients: Ingredients, k: np.ndarray) -> HamiltonianJet:
    """Plain Fourier sums with phases exp(i k.R): the positions, diagonal included, then all stand in the connection."""

    def summed(blocks, order: int) -> np.ndarray:
        total = 0.0
        for R, block in blocks.items():
            r = np.array(R) @ ingredients.lattice
            weight = np.exp(1j * k @ r).reshape(-1, *[1] * (order + block.ndim))
            for axis in range(order):
                weight = weight * 1j * r.reshape([1] * (axis + 1) + [-1] + [1] * (order - axis - 1 + block.ndim))
            total = total + weight * block
        return np.asarray(total)

    A, dA = summed(ingredients.positions, 0), summed(ingredients.positions, 1)
    product = np.einsum("kaij,kbjl->kabil", A, A)
    curl = dA - dA.swapaxes(1, 2) - 1j * (product - product.swapaxes(1, 2))
    H = ingredients.hoppings
    return HamiltonianJet(summed(H, 0), summed(H, 1), summed(H, 2), A, curl)


@every_term
@given(random_crystals())
@few
def test_the_phase_convention_does_not_matter_if_the_positions_are_given(term: Term, crystal):
    _, ingredients, k = crystal
    found = values_of_jet(term, jet_with_cell_phases(ingredients, k), k)
    assert_equal_integrands(found, values(term, ingredients.model(), k))


@every_term
@given(random_crystals())
@few
def test_phases_of_the_eigenvectors_do_not_matter(term: Term, crystal):
    rng, ingredients, k = crystal
    jet = ingredients.model().jet(k, 2)
    vectors, groups = diagonalise(jet, k, 1e-6)
    phases = np.exp(2j * np.pi * rng.random((len(k), 1, ingredients.n)))
    for kind in (Singles, Multiplets):
        plain = kind(jet, vectors, groups, slice(None))
        turned = kind(jet, vectors * phases, groups, slice(None))
        scale = term.modulus(plain)[:, None, None, None]
        assert_same(term.tensor(turned) / scale, term.tensor(plain) / scale, rtol=1e-11, floor=1e-3)


# --- degenerate groups ------------------------------------------------------------------------------------------------


@every_term
@given(random_crystals())
@few
def test_each_band_of_a_doublet_carries_the_value_of_the_single_band(term: Term, crystal):
    """H x 1_2 in a random basis."""
    rng, ingredients, k = crystal
    doubled = ingredients.twice().in_basis(random_unitary(rng, 2 * ingredients.n))
    found, expected = values(term, doubled.model(), k), values(term, ingredients.model(), k)
    for copy in (slice(0, None, 2), slice(1, None, 2)):
        assert_equal_integrands(found.take(copy), expected)


def crossing_crystals(
    rng: np.random.Generator, dim: int, positions: str
) -> tuple[Ingredients, Ingredients, np.ndarray]:
    """Two crystals and a k at which level 1 of the first meets level 0 of the second, with different slopes."""
    first = random_ingredients(rng, dim, 3, positions)
    second = random_ingredients(rng, dim, 2, positions)
    second = Ingredients(first.lattice, second.hoppings, second.positions)
    k = random_points(rng, dim, 1)
    levels = [np.linalg.eigvalsh(crystal.model().hamiltonian(k))[0] for crystal in (first, second)]
    second = second.with_constant((levels[0][1] - levels[1][0]) * np.eye(2))
    return first, second, k


@every_term
@pytest.mark.parametrize("positions", ["none", "diagonal", "matrices"])
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_products_within_a_group_are_traced_not_averaged_apart(term: Term, positions: str, dim: int, seed: int):
    """Where two independent crystals cross, the group carries F_1 + F_2, which is not twice the product of means."""
    rng = np.random.default_rng([seed, dim])
    first, second, k = crossing_crystals(rng, dim, positions)
    alone = values(term, first.model(), k).tensor[:, 1], values(term, second.model(), k).tensor[:, 0]
    both = first.beside(second).in_basis(random_unitary(rng, 5))
    found = values(term, both.model(), k)
    crossing = values(term, first.model(), k).energy[0, 1]
    group = np.flatnonzero(np.abs(found.energy[0] - crossing) < 1e-9)
    assert len(group) == 2
    for band in group:
        assert_same(found.tensor[:, band], 0.5 * (alone[0] + alone[1]), rtol=EXACT, floor=1e-6)


@every_term
@given(random_crystals())
@few
def test_the_basis_within_a_group_does_not_matter(term: Term, crystal):
    """All eigenvectors of each doublet turned by their own random unitary, k by k."""
    rng, ingredients, k = crystal
    jet = ingredients.twice().model().jet(k, 2)
    vectors, groups = diagonalise(jet, k, 1e-6)
    turned = vectors.copy()
    for point in turned:
        for band in range(0, 2 * ingredients.n, 2):
            point[:, band : band + 2] = point[:, band : band + 2] @ random_unitary(rng, 2)
    plain, mixed = (Multiplets(jet, states, groups, slice(None)) for states in (vectors, turned))
    scale = term.modulus(plain)[:, None, None, None]
    assert_same(term.tensor(mixed) / scale, term.tensor(plain) / scale, rtol=EXACT, floor=1e-3)
    assert_same(term.modulus(mixed) / term.modulus(plain), np.ones_like(scale[:, 0, 0, 0]), rtol=EXACT, floor=0.5)


@every_term
@given(random_crystals())
@few
def test_the_fast_path_for_single_bands_agrees_with_its_plain_twin(term: Term, crystal):
    rng, ingredients, k = crystal
    jet = ingredients.model().jet(k, 2)
    vectors, groups = diagonalise(jet, k, 1e-6)
    first = int(rng.integers(0, ingredients.n))
    for wanted in (slice(None), slice(first, int(rng.integers(first, ingredients.n)) + 1)):
        fast, plain = (kind(jet, vectors, groups, wanted) for kind in (Singles, Multiplets))
        scale = term.modulus(plain)[:, None, None, None]
        assert_same(term.tensor(fast) / scale, term.tensor(plain) / scale, rtol=1e-12, floor=1e-3)
        assert_same(term.modulus(fast), term.modulus(plain), rtol=1e-12, floor=1e-6)


# --- units and frames -------------------------------------------------------------------------------------------------


@every_term
@given(random_crystals())
@few
def test_energy_enters_with_the_power_of_tau(term: Term, crystal):
    """H -> s H: tau is an inverse energy, and sigma tau**-p has the same unit for all terms."""
    rng, ingredients, k = crystal
    s = rng.uniform(0.3, 3.0)
    found, expected = (
        values(term, ingredients.scaled(energy=s).model(), k, s * 1e-6),
        values(term, ingredients.model(), k),
    )
    power = s**term.tau_power
    assert_equal_values(found, Values(s * expected.energy, power * expected.tensor, power * expected.modulus))


@every_term
@given(random_crystals())
@few
def test_exchanging_electrons_and_holes_enters_with_the_power_of_tau(term: Term, crystal):
    """H -> -H turns the order of the bands around."""
    _, ingredients, k = crystal
    found = values(term, ingredients.scaled(energy=-1.0).model(), k).take(slice(None, None, -1))
    expected = values(term, ingredients.model(), k)
    sign = (-1.0) ** term.tau_power
    assert_equal_values(found, Values(-expected.energy, sign * expected.tensor, expected.modulus))


@every_term
@given(random_crystals())
@few
def test_the_zero_of_energy_does_not_matter(term: Term, crystal):
    rng, ingredients, k = crystal
    shift = rng.normal()
    found = values(term, ingredients.with_constant(shift * np.eye(ingredients.n)).model(), k)
    expected = values(term, ingredients.model(), k)
    assert_equal_values(found, Values(expected.energy + shift, expected.tensor, expected.modulus))


@every_term
@given(random_crystals())
@few
def test_length_enters_as_its_cube(term: Term, crystal):
    """Every integrand has three k-derivatives in all."""
    rng, ingredients, k = crystal
    L = rng.uniform(0.3, 3.0)
    found, expected = values(term, ingredients.scaled(length=L).model(), k / L), values(term, ingredients.model(), k)
    assert_equal_values(found, Values(expected.energy, L**3 * expected.tensor, L**3 * expected.modulus))


@every_term
@given(random_crystals())
@few
def test_the_integrand_turns_and_mirrors_with_the_crystal(term: Term, crystal):
    rng, ingredients, k = crystal
    Q = np.linalg.qr(rng.normal(size=(ingredients.dim,) * 2))[0]
    found, expected = values(term, ingredients.turned(Q).model(), k @ Q.T), values(term, ingredients.model(), k)
    turned = np.einsum("ai,bj,ck,pnijk->pnabc", Q, Q, Q, expected.tensor, optimize=True)
    scale = expected.modulus[..., None, None, None]
    assert_same(found.tensor / scale, turned / scale, rtol=EXACT, floor=1e-3)


# --- the modulus ------------------------------------------------------------------------------------------------------


@every_term
@given(random_crystals())
@few
def test_the_modulus_bounds_the_integrand_and_is_no_empty_bound(term: Term, crystal):
    _, ingredients, k = crystal
    found = values(term, ingredients.model(), k)
    largest = np.abs(found.ratio).max(axis=(2, 3, 4))
    assert (found.modulus > 0).all()
    assert (largest <= MODULUS_BOUND * (1 + 1e-12)).all()
    assert largest.max() > 1e-2


@every_term
@pytest.mark.parametrize("dim", [2, 3])
def test_the_modulus_bounds_the_integrand_of_a_group(term: Term, dim: int):
    """Schwarz's inequality for a trace over two states costs a factor sqrt(2)."""
    rng = np.random.default_rng(5)
    for _ in range(10):
        first, second, k = crossing_crystals(rng, dim, "matrices")
        found = values(term, first.beside(second).in_basis(random_unitary(rng, 5)).model(), k)
        assert (np.diff(found.energy) < 1e-9).any()
        assert (np.abs(found.ratio) <= np.sqrt(2) * MODULUS_BOUND).all()


def test_the_groups_of_a_random_crystal_are_single_bands_of_which_curvature_is_not_zero():
    """The contracts above compare something: random crystals have neither symmetry nor degeneracy."""
    rng = np.random.default_rng(0)
    model, k = random_ingredients(rng, 2, 3, "none").model(), random_points(rng, 2)
    ((_, bands),) = solve(model.jet(k, 2), k, 1e-6)
    assert isinstance(bands, Singles)
    assert (Groups.find(bands.energy, 1e-6).gap() > 1e-2).all()
    assert np.abs(berry_curvature(bands)).max() > 1e-3
