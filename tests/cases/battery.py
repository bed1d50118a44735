"""Random lattice models of many kinds, each with a mu and a kT; what the error estimate is judged on.

`problem(number)` is a function of its number alone. References stand in benchmarks/references/battery.json with the
energies at one k, so that a generator that changed its stream is noticed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

import sigmaijk as sg

if TYPE_CHECKING:
    import xarray

REFERENCES = Path(__file__).resolve().parents[2] / "benchmarks" / "references" / "battery.json"
TERMS = ("drude", "bcd", "qm")
RTOL = 1e-3
MAX_K_POINTS = 30_000
MOST_RATIO = 10.0
"""Largest true error, in estimates."""
MISSED = 0.03
"""Share of the value from which on an error of more than `MOST_RATIO` estimates looks like a missed piece."""
LEAST_CONVERGED, MOST_USEFUL = 0.95, 100.0
"""Share of problems that converge; median of estimate over true error."""
PROBE = np.array([0.1731, 0.4127, 0.3319])
"""Where the fingerprint of a model is taken, in units of the reciprocal vectors."""

KINDS = {
    "plain": 60,
    "far hoppings": 26,
    "small gap": 26,
    "doublets": 18,
    "near an edge": 24,
    "crossing": 20,
    "no positions": 12,
    "3D": 14,
    "3D doublets": 4,
    "3D near an edge": 4,
    "3D small gap": 4,
    "second plain": 8,
    "second far hoppings": 4,
    "second small gap": 4,
    "second near an edge": 4,
}

Blocks = dict[tuple[int, ...], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """A model with a chemical potential and a thermal energy."""

    number: int
    kind: str
    model: sg.LatticeModel
    mu: float
    kT: float

    @property
    def fingerprint(self) -> np.ndarray:
        """Energies at one k."""
        k = self.model.cartesian(PROBE[None, : self.model.dim])
        return np.linalg.eigvalsh(self.model.hamiltonian(k))[0]


def count() -> int:
    """Number of problems."""
    return sum(KINDS.values())


def kind_of(number: int) -> str:
    """The kind of a problem."""
    for kind, size in KINDS.items():
        if number < size:
            return kind
        number -= size
    raise IndexError("no such problem")


def random_hoppings(rng: np.random.Generator, dim: int, n: int, reach: int = 1, decay: float = 0.9) -> Blocks:
    """Hermitian blocks to all cells within `reach` steps, sizes exp(-decay |R|)."""
    blocks: Blocks = {}
    for R in product(range(-reach, reach + 1), repeat=dim):
        opposite = tuple(-r for r in R)
        if opposite in blocks:
            blocks[R] = blocks[opposite].conj().T
            continue
        block = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
        block *= 0.3 * np.exp(-decay * np.linalg.norm(R))
        blocks[R] = block if any(R) else 0.5 * (block + block.conj().T) + np.diag(rng.normal(scale=0.7, size=n))
    return blocks


def with_constant(blocks: Blocks, matrix: np.ndarray) -> Blocks:
    home = (0,) * len(next(iter(blocks)))
    return {**blocks, home: blocks[home] + matrix}


def beside(one: Blocks, two: Blocks) -> Blocks:
    return {R: block_diag(one[R], two[R]) for R in one}


def energies_of(model: sg.LatticeModel) -> np.ndarray:
    """Energies on a grid, (k, n)."""
    points = 24 if model.dim == 2 else 10
    reduced = np.array(list(product((np.arange(points) + 0.31) / points, repeat=model.dim)))
    return np.linalg.eigvalsh(model.hamiltonian(model.cartesian(reduced)))


@cache
def problem(number: int) -> Problem:
    """The problem of a number; bands 1 to 4 eV wide."""
    kind = kind_of(number)
    rng = np.random.default_rng([20260, number])
    dim = 3 if kind.startswith("3D") else 2
    n = int(rng.integers(2, 5)) if dim == 2 else int(rng.integers(2, 4))
    lattice = 0.5 * np.eye(dim) + 0.06 * rng.normal(size=(dim, dim))
    positions = rng.uniform(-0.25, 0.25, size=(n, dim))
    blocks = random_hoppings(rng, dim, n, decay=1.0 if dim == 2 else 1.5)
    if kind.endswith("far hoppings"):
        blocks = random_hoppings(rng, dim, n, reach=2, decay=0.8)
    elif kind.endswith("doublets"):
        n = 2
        blocks = {R: np.kron(block, np.eye(2)) for R, block in random_hoppings(rng, dim, 2).items()}
        positions = np.repeat(positions[:2], 2, axis=0)
    elif kind.endswith("small gap") or kind == "crossing":
        half = 2 if dim == 3 else int(rng.integers(1, 3))
        blocks = random_hoppings(rng, dim, half, decay=1.0 if dim == 2 else 1.5)
        other = random_hoppings(rng, dim, half, decay=1.0 if dim == 2 else 1.5)
        blocks = beside(blocks, other)
        positions = rng.uniform(-0.25, 0.25, size=(2 * half, dim))
        if kind != "crossing":
            coupling = rng.normal(size=(half, half)) + 1j * rng.normal(size=(half, half))
            coupling *= float(rng.choice([0.01, 0.02, 0.04]) if dim == 2 else 0.05) / np.linalg.norm(coupling, 2)
            matrix = np.zeros((2 * half, 2 * half), complex)
            matrix[:half, half:], matrix[half:, :half] = coupling, coupling.conj().T
            blocks = with_constant(blocks, matrix)
    elif kind == "no positions":
        positions = np.zeros_like(positions)
    model = sg.LatticeModel(lattice, blocks, positions=positions, name=f"battery {number} ({kind})")
    energies = energies_of(model)
    kT = float(rng.choice([0.0, 0.0, 0.01, 0.03] if dim == 2 else [0.0, 0.0, 0.03, 0.06]))
    mu = float(np.quantile(energies, rng.uniform(0.05, 0.95)))
    if kind.endswith("near an edge"):
        band = int(rng.integers(energies.shape[1]))
        edge = energies[:, band].min() if rng.random() < 0.5 else energies[:, band].max()
        mu = float(edge + rng.uniform(-0.05, 0.05))
    return Problem(number, kind, model, round(mu, 6), kT)


@dataclass(frozen=True)
class Verdict:
    """One term of one problem in natural units; the largest entries of the tensor count, as for the tolerance."""

    difference: float
    """From the reference."""
    true: float
    """What of it the uncertainty of the reference does not explain."""
    estimate: float
    doubt: float
    """Uncertainty of the reference."""
    size: float
    modulus: float
    worst_entry: float
    """True error over the estimate of the same entry, the worst one."""

    @property
    def ratio(self) -> float:
        """True error over the estimate."""
        return self.true / self.estimate if self.estimate > 0 else (np.inf if self.true > 0 else 0.0)

    @property
    def missed(self) -> bool:
        """Whether a whole piece looks missing, not just a digit."""
        return self.ratio > MOST_RATIO and self.true > MISSED * self.size


def run(case: Problem) -> xarray.Dataset:
    """All terms of a problem through the public door."""
    return sg.conductivity(case.model, case.mu, case.kT, rtol=RTOL, max_k_points=MAX_K_POINTS, progress=False)


def judged(ds: xarray.Dataset, reference: dict) -> dict[str, Verdict]:
    """Each term of a result against its reference."""
    found = {}
    for term in TERMS:
        entries = tuple(np.array(reference["entries"][term]).T)
        expected, doubt = np.array(reference["value"][term]), np.array(reference["uncertainty"][term])
        difference = np.abs(ds[f"{term}_natural"].values[0, 0][entries] - expected)
        errors = ds[f"{term}_natural_error"].values[0, 0][entries]
        # 1e-13 of the modulus is rounding, in either engine.
        beyond = np.maximum(difference - doubt - 1e-13 * reference["modulus"][term], 0.0)
        worst = np.divide(beyond, errors, out=np.where(beyond > 0, np.inf, 0.0), where=errors > 0)
        found[term] = Verdict(
            difference=float(difference.max()),
            true=float(beyond.max()),
            estimate=float(errors.max()),
            doubt=float(doubt.max()),
            size=float(np.abs(expected).max()),
            modulus=float(reference["modulus"][term]),
            worst_entry=float(worst.max()),
        )
    return found


@cache
def references() -> dict[int, dict]:
    """What was stored, by number."""
    records = json.loads(REFERENCES.read_text())["problems"]
    return {record["number"]: record for record in records}
