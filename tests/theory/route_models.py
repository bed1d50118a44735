"""Random models without symmetry, lattice and continuum, and points of k at which routes are compared."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

import sigmaijk as sg
from sigmaijk.model import Model


def hermitian(rng: np.random.Generator, n: int) -> np.ndarray:
    matrix = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return (matrix + matrix.conj().T) / 2


def random_lattice(
    n: int, dim: int, seed: int, *, size: float = 0.15, positions: bool = False, matrices: bool = False
) -> sg.LatticeModel:
    """Hoppings of `size` eV between levels 2 eV apart, in an oblique cell of about 0.4 nm."""
    rng = np.random.default_rng(seed)
    hoppings, shifts = {}, {}
    for R in product((-1, 0, 1), repeat=dim):
        opposite = tuple(-x for x in R)
        if opposite > R:
            continue
        hop = size * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        shift = 0.02 * (rng.normal(size=(dim, n, n)) + 1j * rng.normal(size=(dim, n, n)))
        if opposite == R:
            hop, shift = hop + hop.conj().T + 2.0 * np.diag(np.arange(n)), shift + shift.conj().swapaxes(1, 2)
        hoppings[R], hoppings[opposite] = hop, hop.conj().T
        shifts[R], shifts[opposite] = shift, shift.conj().swapaxes(1, 2)
    return sg.LatticeModel(
        0.4 * (np.eye(dim) + 0.2 * rng.normal(size=(dim, dim))),
        hoppings,
        positions=rng.uniform(0.0, 0.3, (n, dim)) if positions else None,
        position_matrices=shifts if matrices else None,
        name=f"random lattice, {n} bands, {dim}D",
    )


def random_continuum(n: int, dim: int, seed: int) -> sg.ContinuumModel:
    """H of second order in k, levels 1 eV apart at k = 0."""
    rng = np.random.default_rng(seed)
    constant = 0.3 * hermitian(rng, n) + np.diag(np.arange(n))
    linear = [0.5 * hermitian(rng, n) for _ in range(dim)]
    square = [[0.3 * hermitian(rng, n) for _ in range(dim)] for _ in range(dim)]

    def value(*k: float) -> np.ndarray:
        total = constant
        for a in range(dim):
            total = total + k[a] * linear[a]
            for b in range(a + 1):
                total = total + k[a] * k[b] * square[a][b]
        return total

    def plane(kx: float, ky: float) -> np.ndarray:
        return value(kx, ky)

    def space(kx: float, ky: float, kz: float) -> np.ndarray:
        return value(kx, ky, kz)

    return sg.ContinuumModel(plane if dim == 2 else space, dim, name=f"random continuum, {n} bands, {dim}D")


MODELS: dict[str, Callable[[], Model]] = {
    "toy": sg.models.dirac_pt,
    "cumnas": sg.models.cumnas,
    "lattice-2": lambda: random_lattice(2, 2, 1),
    "lattice-3": lambda: random_lattice(3, 2, 2, positions=True),
    "lattice-4": lambda: random_lattice(4, 2, 3),
    "lattice-3-3D": lambda: random_lattice(3, 3, 7, positions=True),
    "lattice-3-matrices": lambda: random_lattice(3, 2, 9, matrices=True),
    "continuum-2": lambda: random_continuum(2, 2, 4),
    "continuum-3": lambda: random_continuum(3, 2, 5),
    "continuum-4": lambda: random_continuum(4, 2, 6),
    "continuum-2-3D": lambda: random_continuum(2, 3, 8),
}
RANDOM = [name for name in MODELS if name not in ("toy", "cumnas")]


def some_points(model: Model, count: int, seed: int = 0) -> np.ndarray:
    reach = 5.0 if model.periodic else 1.0
    return np.random.default_rng(seed).uniform(-reach, reach, (count, model.dim))


def some_field(model: Model, k: np.ndarray, parameter: float, seed: int = 1) -> np.ndarray:
    """A field in a general direction whose largest e|E.A|/gap at k, by the bound sqrt(g)/gap, is about `parameter`."""
    direction = np.random.default_rng(seed).normal(size=model.dim)
    direction /= np.linalg.norm(direction)
    found = sg.band_geometry(model, k)
    metric = np.einsum("knab,a,b->kn", found.quantum_metric, direction, direction)
    steps = np.diff(found.energy, axis=1)
    gap = np.where(steps > 1e-6, steps, np.inf).min()
    return direction * parameter * gap / np.sqrt(metric.max())
