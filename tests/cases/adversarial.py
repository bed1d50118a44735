"""Lattice models made to deceive grids: gaps of 1 to 20 meV along lines or at one k, far hoppings, kT of 10 to 60 meV.

`problem(number)` is a function of its number alone. References stand in benchmarks/references/adversarial.json, made by
make_adversarial.py beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import sigmaijk as sg

from .battery import Blocks, beside, energies_of, random_hoppings, with_constant

if TYPE_CHECKING:
    import xarray

REFERENCES = Path(__file__).resolve().parents[2] / "benchmarks" / "references" / "adversarial.json"
COUNT = 80
KINDS = ("plain", "gap", "gap", "crossing", "far", "edge", "many bands", "gapped cone")
MAX_K_POINTS = 200_000


@dataclass(frozen=True)
class Adversary:
    """A model with a chemical potential and two thermal energies."""

    number: int
    kind: str
    model: sg.LatticeModel
    mu: float
    kT: tuple[float, float]


def _coupled(rng: np.random.Generator, gap: bool) -> tuple[Blocks, np.ndarray]:
    """Two models beside each other; a constant of 0.5 to 10 meV opens gaps along all lines where their bands cross."""
    half = int(rng.integers(1, 3))
    blocks = beside(random_hoppings(rng, 2, half), random_hoppings(rng, 2, half))
    positions = rng.uniform(-0.25, 0.25, size=(2 * half, 2))
    if not gap:
        return blocks, positions
    coupling = rng.normal(size=(half, half)) + 1j * rng.normal(size=(half, half))
    coupling *= float(np.exp(rng.uniform(np.log(5e-4), np.log(1e-2)))) / np.linalg.norm(coupling, 2)
    matrix = np.zeros((2 * half, 2 * half), complex)
    matrix[:half, half:], matrix[half:, :half] = coupling, coupling.conj().T
    return with_constant(blocks, matrix), positions


def _cone(rng: np.random.Generator) -> Blocks:
    """Lattice Dirac model with a gap of 1 to 20 meV at any k, tilted."""
    speed, gap = rng.uniform(0.3, 0.9), float(np.exp(rng.uniform(np.log(1e-3), np.log(2e-2))))
    sx, sy = np.array([[0, 1], [1, 0]], complex), np.array([[0, -1j], [1j, 0]])
    sz, one, mass = np.diag([1.0, -1.0]).astype(complex), np.eye(2), 2.0 * speed
    node = np.exp(-1j * rng.uniform(-np.pi, np.pi, 2))
    blocks: Blocks = {
        (0, 0): (gap / 2 + 2 * mass) * sz,
        (1, 0): (speed / 2j * sx - mass / 2 * sz) * node[0],
        (0, 1): (speed / 2j * sy - mass / 2 * sz) * node[1],
    }
    blocks[1, 0] = blocks[1, 0] + rng.uniform(0.1, 0.3) * speed / 2j * one * node[0]
    blocks[0, 1] = blocks[0, 1] + 0.1 * one * np.exp(1j * rng.uniform(0, 6))
    return {**blocks, (-1, 0): blocks[1, 0].conj().T, (0, -1): blocks[0, 1].conj().T}


@cache
def problem(number: int) -> Adversary:
    """The problem of a number."""
    kind = KINDS[number % len(KINDS)]
    rng = np.random.default_rng([777123, number])
    lattice = 0.5 * np.eye(2) + 0.08 * rng.normal(size=(2, 2))
    n = int(rng.integers(2, 5))
    positions = rng.uniform(-0.25, 0.25, size=(n, 2))
    blocks = random_hoppings(rng, 2, n)
    if kind == "far":
        blocks = random_hoppings(rng, 2, n, reach=3, decay=0.8)
    elif kind == "many bands":
        blocks = random_hoppings(rng, 2, 6)
        positions = rng.uniform(-0.25, 0.25, size=(6, 2))
    elif kind in ("gap", "crossing"):
        blocks, positions = _coupled(rng, kind == "gap")
    elif kind == "gapped cone":
        blocks = _cone(rng)
        positions = rng.uniform(-0.1, 0.1, size=(2, 2))
    model = sg.LatticeModel(lattice, blocks, positions=positions, name=f"adversary {number} ({kind})")
    energy = energies_of(model)
    mu = float(np.quantile(energy, rng.uniform(0.05, 0.95)))
    if kind == "edge":
        band = int(rng.integers(energy.shape[1]))
        edge = energy[:, band].min() if rng.random() < 0.5 else energy[:, band].max()
        mu = float(edge + rng.uniform(-0.03, 0.03))
    if kind in ("gap", "gapped cone") and rng.random() < 0.6:
        gaps = np.diff(energy, axis=1)
        k, band = np.unravel_index(gaps.argmin(), gaps.shape)
        mu = float(energy[k, band : band + 2].mean() + rng.uniform(-0.03, 0.03))
    low, high = sorted(np.round(np.exp(rng.uniform(np.log(0.01), np.log(0.06), 2)), 5).tolist())
    return Adversary(number, kind, model, round(mu, 6), (low, high))


def run(case: Adversary, which: int, rtol: float) -> xarray.Dataset:
    """All terms at one of the two thermal energies."""
    return sg.conductivity(case.model, case.mu, case.kT[which], rtol=rtol, max_k_points=MAX_K_POINTS, progress=False)


@cache
def references() -> dict[int, list[dict]]:
    """What was stored, by number: a record for each thermal energy."""
    return {record["number"]: record["at"] for record in records()}


def records() -> list[dict]:
    """Everything that was stored."""
    return json.loads(REFERENCES.read_text())["problems"]
