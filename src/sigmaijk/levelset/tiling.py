"""First meshes that operations on the cell map to themselves: a tile for each lattice point, and each tile in flags.

A flag is the simplex between the centres of a tile, one of its faces, one of the edges of that and one end of it. What
takes tiles to tiles takes flags to flags, and none but the identity takes a flag to itself. Vertices are ordered by the
dimension of what they are the centre of, so that bisection stays conforming. Tiles are boxes where operations only
permute the axes, otherwise the Voronoi cells of the lattice in a metric that all operations keep.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import combinations, permutations, product
from math import lcm
from typing import NamedTuple

import numpy as np

from ..arrays import FloatArray, IntArray
from .action import Action

LARGEST = 24
"""Vertices of tiles are fractions of the lattice vectors with at most this denominator."""
FAR = {2: 8, 3: 4}
"""Neighbours of a tile are looked for this far, in lattice vectors."""
SAME = 1e-9


class Untileable(ValueError):
    """No tile was found whose vertices are simple fractions of the lattice vectors."""


def flags(action: Action) -> tuple[IntArray, int]:
    """Flags (n, d + 1, d) of the tile around the origin in parts of the lattice vectors, and how many parts.

    Raises Untileable.
    """
    return _flags(action.fractions.tobytes(), action.fractions.shape)


@cache
def _flags(content: bytes, shape: tuple[int, ...]) -> tuple[IntArray, int]:
    fractions = np.frombuffer(content, dtype=np.int64).reshape(shape)
    dim = shape[1]
    boxes = bool((np.abs(fractions).sum(axis=1) == 1).all())
    corners = _box(dim) if boxes else _voronoi(np.einsum("gab,gcb->ac", fractions, fractions) / len(fractions))
    exact = np.array([[[Fraction(x).limit_denominator(LARGEST) for x in row] for row in flag] for flag in corners])
    if np.abs(exact.astype(float) - corners).max() > SAME:
        raise Untileable
    parts = lcm(*(x.denominator for x in exact.ravel()))
    found = (exact * parts).astype(np.int64)
    volume = np.abs(np.linalg.det((found[:, 1:] - found[:, :1]).astype(float))).sum() / parts**dim
    size = {2: 2.0, 3: 6.0}[dim]
    images = np.sort((found.sum(axis=1) @ fractions).reshape(-1, dim), axis=0)
    own = np.sort(np.tile(found.sum(axis=1), (len(fractions), 1)), axis=0)
    if abs(volume / size - 1.0) > SAME or parts > LARGEST or (images != own).any():
        raise Untileable
    return found, parts


def _box(dim: int) -> FloatArray:
    """Flags of the box [-1/2, 1/2]**d."""
    found = []
    for axes in permutations(range(dim)):
        for signs in product((-0.5, 0.5), repeat=dim):
            flag = np.zeros((dim + 1, dim))
            for number, axis in enumerate(axes):
                flag[number + 1 :, axis] = signs[axis]
            found.append(flag)
    return np.array(found)


def _voronoi(metric: FloatArray) -> FloatArray:
    """Flags of the Voronoi cell of the origin among all integer vectors."""
    dim = len(metric)
    vectors = np.array([v for v in product(range(-FAR[dim], FAR[dim] + 1), repeat=dim) if any(v)])
    square = np.einsum("na,ab,nb->n", vectors, metric, vectors)
    coset = (vectors % 2) @ (2 ** np.arange(dim))
    faces = []
    for number in range(1, 2**dim):
        rows = np.flatnonzero(coset == number)
        shortest = rows[square[rows] < square[rows].min() * (1 + SAME)]
        if len(shortest) == 2:
            faces += shortest.tolist()
    normal, height = vectors[faces] @ metric, 0.5 * square[faces]
    vertices: list[FloatArray] = []
    for chosen in combinations(range(len(faces)), dim):
        rows = list(chosen)
        if abs(np.linalg.det(normal[rows])) < SAME * np.prod(np.linalg.norm(normal[rows], axis=1)):
            continue
        corner = np.linalg.solve(normal[rows], height[rows])
        inside = (normal @ corner <= height * (1 + SAME)).all()
        if inside and all(np.abs(corner - other).max() > SAME for other in vertices):
            vertices.append(corner)
    corners = np.array(vertices)
    if len(faces) <= dim or len(vertices) <= dim:
        raise Untileable
    on = np.abs(corners @ normal.T - height) < SAME * height
    centre = np.zeros(dim)
    found = []
    for face in range(len(faces)):
        members = np.flatnonzero(on[:, face])
        if not len(members):  # a neighbour was too far away to be seen
            raise Untileable
        middle = corners[members].mean(axis=0)
        if dim == 2:
            found += [[centre, middle, corners[v]] for v in members]
            continue
        for other in range(len(faces)):
            ends = np.flatnonzero(on[:, face] & on[:, other])
            if other != face and len(ends) == 2:
                found += [[centre, middle, corners[ends].mean(axis=0), corners[v]] for v in ends]
    return np.array(found)


class Steps(NamedTuple):
    """Of the lattice that holds the vertices of the tiles."""

    factor: int
    """Odd factor of their number along each axis."""
    divisions: tuple[int, ...]
    """Tiles along each axis."""


def steps_of(action: Action, divisions: tuple[int, ...]) -> Steps:
    """Steps for tiles whose flags are about as many as those of so many boxes; raises Untileable."""
    found, parts = flags(action)
    dim = len(divisions)
    wider = (len(_box(dim)) / len(found)) ** (1.0 / dim)
    fewer = tuple(int(np.ceil(wider * n - SAME)) for n in divisions)
    return Steps(parts // (parts & -parts), action.divisions(fewer))


def invariant_mesh(action: Action, steps: IntArray, parts: tuple[int, ...]) -> IntArray:
    """Vertices (simplex, d + 1, d) of the flags of all tiles, half as many tiles along each axis as `parts` (even)."""
    found, denominator = flags(action)
    tiles = np.array(parts) // 2
    unit = steps // (tiles * denominator)
    place = np.stack(np.meshgrid(*(np.arange(n) for n in tiles), indexing="ij"), axis=-1).reshape(-1, len(tiles))
    middle = 0 if action.periodic else denominator // 2
    whole = place[:, None, None] * denominator + middle + found[None]
    return (whole * unit).reshape(-1, *found.shape[1:])
