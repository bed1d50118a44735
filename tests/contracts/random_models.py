"""Random lattice models as ingredients that can be transformed, and the integrand of a term on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from sigmaijk.bands import solve
from sigmaijk.model import HamiltonianJet, Model
from sigmaijk.models import LatticeModel
from sigmaijk.term import Term

Blocks = dict[tuple[int, ...], np.ndarray]
POSITIONS = ("none", "diagonal", "matrices")


class Values(NamedTuple):
    """A term at a batch of k."""

    energy: np.ndarray
    """(k, n)."""
    tensor: np.ndarray
    """F, (k, n, i, j, k)."""
    modulus: np.ndarray
    """(k, n)."""

    @property
    def ratio(self) -> np.ndarray:
        """F in units of its modulus, so that every k and band counts alike, (k, n, i, j, k)."""
        return self.tensor / self.modulus[..., None, None, None]

    def take(self, band: int | slice) -> Values:
        """The same for some of the bands."""
        return Values(self.energy[:, band], self.tensor[:, band], self.modulus[:, band])


def values(term: Term, model: Model, k: np.ndarray, degeneracy_tol: float = 1e-6) -> Values:
    """A term for all bands of a model."""
    return values_of_jet(term, model.jet(k, 2), k, degeneracy_tol)


def values_of_jet(term: Term, jet: HamiltonianJet, k: np.ndarray, degeneracy_tol: float = 1e-6) -> Values:
    """A term for all bands of a Hamiltonian that is given by its jet."""
    (nk, n), d = jet.value.shape[:2], k.shape[1]
    found = Values(np.empty((nk, n)), np.empty((nk, n, d, d, d)), np.empty((nk, n)))
    for index, bands in solve(jet, k, degeneracy_tol):
        found.energy[index] = bands.energy
        found.tensor[index] = np.moveaxis(term.tensor(bands), -1, 1)
        found.modulus[index] = term.modulus(bands)
    return found


@dataclass(frozen=True)
class Ingredients:
    """Lattice, hoppings <0a|H|Rb> and positions <0a|r|Rb> of a lattice model."""

    lattice: np.ndarray
    hoppings: Blocks
    positions: Blocks
    """Matrices (dim, n, n) in nm; the centres stand on the diagonal of R = 0."""

    @property
    def dim(self) -> int:
        return len(self.lattice)

    @property
    def n(self) -> int:
        return self.hoppings[(0,) * self.dim].shape[-1]

    def model(self) -> LatticeModel:
        """With position matrices only if anything stands off the diagonal of R = 0."""
        home = self.positions[(0,) * self.dim]
        centres = np.einsum("aii->ia", home).real
        rest = [np.abs(block).max() for R, block in self.positions.items() if any(R)]
        rest.append(np.abs(home - np.einsum("ia,ij->aij", centres, np.eye(self.n))).max())
        if max(rest) == 0:
            return LatticeModel(self.lattice, self.hoppings, positions=centres)
        return LatticeModel(self.lattice, self.hoppings, position_matrices=self.positions)

    def in_basis(self, U: np.ndarray) -> Ingredients:
        """The same electrons in another orthonormal basis, whose states are the columns of U."""
        hoppings = {R: U.conj().T @ block @ U for R, block in self.hoppings.items()}
        positions = {R: U.conj().T @ block @ U for R, block in self.positions.items()}
        return replace(self, hoppings=hoppings, positions=positions)

    def from_origin(self, origin: np.ndarray) -> Ingredients:
        """The same electrons with positions counted from another point."""
        home = (0,) * self.dim
        moved = self.positions[home] - origin[:, None, None] * np.eye(self.n)
        return replace(self, positions={**self.positions, home: moved})

    def relabelled(self, cells: np.ndarray) -> Ingredients:
        """The same electrons with the orbital a of the home cell now being the one in cell cells[a]."""
        hoppings = self._moved(self.hoppings, cells)
        positions = self._moved(self.positions, cells)
        home = np.einsum("ia,ij->aij", cells @ self.lattice, np.eye(self.n))
        positions[(0,) * self.dim] = positions[(0,) * self.dim] + home
        return replace(self, hoppings=hoppings, positions=positions)

    def _moved(self, blocks: Blocks, cells: np.ndarray) -> Blocks:
        moved: Blocks = {}
        for R, block in blocks.items():
            for a, b in product(range(self.n), repeat=2):
                target = tuple(int(x) for x in np.array(R) - cells[b] + cells[a])
                moved.setdefault(target, np.zeros_like(block))[..., a, b] = block[..., a, b]
        return moved

    def scaled(self, energy: float = 1.0, length: float = 1.0) -> Ingredients:
        """H times `energy`, every length times `length`."""
        hoppings = {R: energy * block for R, block in self.hoppings.items()}
        positions = {R: length * block for R, block in self.positions.items()}
        return Ingredients(length * self.lattice, hoppings, positions)

    def turned(self, Q: np.ndarray) -> Ingredients:
        """The crystal turned or mirrored by the orthogonal matrix Q: r -> Q r."""
        positions = {R: np.einsum("ab,bij->aij", Q, block) for R, block in self.positions.items()}
        return Ingredients(self.lattice @ Q.T, self.hoppings, positions)

    def symmetric(self, U: np.ndarray, *, parity: int, conjugate: bool) -> Ingredients:
        """The mean of the model and its image under an operation of order two: U, r -> parity r, K if `conjugate`."""

        def image(blocks: Blocks, sign: int) -> Blocks:
            turned = {R: U @ (block.conj() if conjugate else block) @ U.conj().T for R, block in blocks.items()}
            return {R: 0.5 * (blocks[R] + sign * turned[tuple(parity * x for x in R)]) for R in blocks}

        return replace(self, hoppings=image(self.hoppings, 1), positions=image(self.positions, parity))

    def twice(self) -> Ingredients:
        """Two copies that do not know of each other: every level is a doublet at every k."""
        hoppings = {R: np.kron(block, np.eye(2)) for R, block in self.hoppings.items()}
        positions = {R: np.kron(block, np.eye(2)) for R, block in self.positions.items()}
        return replace(self, hoppings=hoppings, positions=positions)

    def beside(self, other: Ingredients) -> Ingredients:
        """Two crystals on one lattice that do not know of each other: the direct sum."""
        n, both = self.n, self.n + other.n

        def joined(here: Blocks, there: Blocks) -> Blocks:
            total: Blocks = {}
            for R in here:
                total[R] = np.zeros((*here[R].shape[:-2], both, both), complex)
                total[R][..., :n, :n], total[R][..., n:, n:] = here[R], there[R]
            return total

        return replace(
            self,
            hoppings=joined(self.hoppings, other.hoppings),
            positions=joined(self.positions, other.positions),
        )

    def with_constant(self, matrix: np.ndarray) -> Ingredients:
        """H(k) plus a matrix that does not depend on k."""
        home = (0,) * self.dim
        return replace(self, hoppings={**self.hoppings, home: self.hoppings[home] + matrix})


def random_ingredients(rng: np.random.Generator, dim: int, n: int, positions: str = "diagonal") -> Ingredients:
    """Hoppings to all cells within one step, in an oblique cell of about 0.5 nm; bands a few eV wide."""
    cells = list(product((-1, 0, 1), repeat=dim))
    hoppings = _hermitian(rng, cells, (n, n), 0.6)
    hoppings[(0,) * dim] = hoppings[(0,) * dim] + np.diag(2.0 * np.arange(n))
    if positions == "matrices":
        shifts = _hermitian(rng, cells, (dim, n, n), 0.05)
    else:
        shifts = {(0,) * dim: np.zeros((dim, n, n), complex)}
    if positions != "none":
        shifts[(0,) * dim] = shifts[(0,) * dim] + np.einsum("ai,ij->aij", rng.uniform(-0.4, 0.4, (dim, n)), np.eye(n))
    return Ingredients(0.5 * np.eye(dim) + 0.1 * rng.normal(size=(dim, dim)), hoppings, shifts)


def _hermitian(rng: np.random.Generator, cells: list[Any], shape: tuple[int, ...], size: float) -> Blocks:
    blocks: Blocks = {}
    for R in cells:
        opposite = tuple(-x for x in R)
        block = size * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
        if opposite == R:
            block = block + block.conj().swapaxes(-1, -2)
        blocks[R] = blocks[opposite].conj().swapaxes(-1, -2) if opposite in blocks else block
    return blocks


def random_unitary(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0]


def random_points(rng: np.random.Generator, dim: int, number: int = 5) -> np.ndarray:
    """Momenta in 1/nm over a few cells."""
    return rng.normal(size=(number, dim)) * 8.0


@st.composite
def random_crystals(draw: st.DrawFn) -> tuple[np.random.Generator, Ingredients, np.ndarray]:
    """A generator for what else a test needs, a model of 2 to 4 bands in 2D or 3D, and some k."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dim, n, positions = draw(st.sampled_from((2, 3))), draw(st.integers(2, 4)), draw(st.sampled_from(POSITIONS))
    return rng, random_ingredients(rng, dim, n, positions), random_points(rng, dim)
