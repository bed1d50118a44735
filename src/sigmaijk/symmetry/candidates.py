"""Operations worth testing on a model: those of its lattice, or the usual axes and mirrors of a k.p model."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..arrays import FloatArray
from ..model import Model
from .closure import closed
from .groups import group_of_symbol
from .operation import Operation, as_operations, plane_mirror, plane_rotation, tidy

SAME_LENGTH = 1e-4
"""Share by which the lengths and products of lattice vectors may differ: files print their lattices with 6 digits."""
PLANE_STEP = 15
"""Degrees between the mirror normals that are tried on a k.p model of the plane; twice that between rotations."""


@dataclass(frozen=True)
class Candidate:
    """A rotation, and the matrix that it stands for exactly where the lattice is a little off."""

    rotation: FloatArray
    """Orthogonal, (dim, dim)."""
    k_map: FloatArray
    """Takes k to its image, as a reciprocal lattice requires; equal to the rotation within SAME_LENGTH."""


def candidates_of(model: Model) -> list[Candidate]:
    """All rotations of the lattice, or, for a k.p model, rotations about the usual axes and all their mirrors."""
    if model.periodic:
        return lattice_candidates(np.linalg.inv(model.reciprocal).T * 2 * np.pi)
    if model.dim == 2:
        turns = [plane_rotation(np.radians(angle)) for angle in range(0, 360, 2 * PLANE_STEP)]
        mirrors = [plane_mirror(np.radians(angle)) for angle in range(0, 180, PLANE_STEP)]
        return plain([*turns, *mirrors])
    cubic, hexagonal = group_of_symbol("m-3m"), group_of_symbol("6/mmm")
    twelve = closed(as_operations(["C4z", "C3z", "Mx", "P"], 3), 3)
    kept: dict[tuple[float, ...], FloatArray] = {}
    for operation in (*cubic, *hexagonal, *twelve):
        kept.setdefault(tuple(np.round(operation.rotation, 6).ravel().tolist()), operation.rotation)
    return plain(list(kept.values()))


def plain(rotations: list[FloatArray]) -> list[Candidate]:
    """Candidates of exact rotations."""
    return [Candidate(tidy(rotation), tidy(rotation)) for rotation in rotations]


def lattice_candidates(lattice: FloatArray) -> list[Candidate]:
    """Every rotation, proper or not, that takes a lattice (rows) to itself; skewed and left-handed ones too."""
    short = shortest(lattice)
    dim, metric = len(short), short @ short.T
    steps = np.array(list(product(range(-2, 3), repeat=dim)))
    squares = np.einsum("na,ab,nb->n", steps, metric, steps)
    scale = SAME_LENGTH * metric.diagonal().max()
    choices = [steps[np.abs(squares - metric[a, a]) < 2 * scale] for a in range(dim)]
    found: list[Candidate] = []
    for images in product(*choices):
        W = np.array(images)
        if np.abs(W @ metric @ W.T - metric).max() > 2 * scale:
            continue
        M = np.linalg.solve(short, W @ short).T  # x -> M x takes row a of `short` to row a of W short
        left, _, right = np.linalg.svd(M)
        found.append(Candidate(tidy(left @ right), np.linalg.inv(M).T))
    return found


def shortest(lattice: FloatArray) -> FloatArray:
    """Another basis of the same lattice, of shortest vectors: no sum of some of the others shortens one of them."""
    basis = np.array(lattice, dtype=float)
    dim = len(basis)
    steps = np.array(list(product((-1, 0, 1), repeat=dim - 1)))
    while True:
        changed = False
        for a in range(dim):
            others = np.delete(np.arange(dim), a)
            whole = np.rint(np.linalg.lstsq(basis[others].T, basis[a], rcond=None)[0])
            trials = basis[a] - (whole + steps) @ basis[others]
            lengths = np.linalg.norm(trials, axis=1)
            if lengths.min() < np.linalg.norm(basis[a]) * (1 - 1e-9):
                basis[a] = trials[lengths.argmin()]
                changed = True
        if not changed:
            return basis


def both_ways(candidates: list[Candidate]) -> list[tuple[Candidate, Operation]]:
    """Each candidate without and with time reversal."""
    return [(item, Operation(item.rotation, reversal)) for reversal in (False, True) for item in candidates]
