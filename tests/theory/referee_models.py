"""Random lattice models without symmetry whose bands stand apart, so that small grids resolve their density matrix."""

from __future__ import annotations

from itertools import product

import numpy as np

from sigmaijk.models import LatticeModel

Hoppings = dict[tuple[int, ...], np.ndarray]
SEEDS = {2: 5, 3: 6, 4: 7}
SPREAD = 0.2
"""Size of random positions, nm, in cells of 0.5 nm."""


def random_unitary(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0]


def random_lattice(rng: np.random.Generator, dim: int) -> np.ndarray:
    """An oblique cell of about 0.5 nm."""
    return 0.5 * np.eye(dim) + 0.08 * rng.normal(size=(dim, dim))


def random_hoppings(rng: np.random.Generator, dim: int, n: int, size: float = 0.12, levels: float = 2.0) -> Hoppings:
    """Hoppings to cells at most two steps away, between orbitals whose levels are `levels` eV apart."""
    blocks: Hoppings = {}
    for R in product((-1, 0, 1), repeat=dim):
        opposite = tuple(-x for x in R)
        if sum(map(abs, R)) > 2:
            continue
        block = size * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        if opposite == R:
            block = block + block.conj().T + levels * np.diag(np.arange(n) - 0.5 * (n - 1))
        blocks[R] = blocks[opposite].conj().T if opposite in blocks else block
    return blocks


def random_model(n: int, *, dim: int = 2, positions: bool = True, seed: int | None = None) -> LatticeModel:
    rng = np.random.default_rng(SEEDS[n] if seed is None else seed)
    hoppings = random_hoppings(rng, dim, n, size=0.03 if dim == 3 else 0.12 if n < 4 else 0.09)
    lattice = random_lattice(rng, dim)
    centres = rng.uniform(-SPREAD, SPREAD, (n, dim))
    return LatticeModel(lattice, hoppings, positions=centres if positions else None)


def in_basis(blocks: Hoppings, U: np.ndarray) -> Hoppings:
    return {R: U.conj().T @ block @ U for R, block in blocks.items()}


def direct_sum(one: Hoppings, two: Hoppings) -> Hoppings:
    """Two crystals on one lattice that do not know of each other."""
    n = len(next(iter(one.values())))
    m = len(next(iter(two.values())))
    joined: Hoppings = {}
    for R in one:
        joined[R] = np.zeros((n + m, n + m), complex)
        joined[R][:n, :n], joined[R][n:, n:] = one[R], two[R]
    return joined
