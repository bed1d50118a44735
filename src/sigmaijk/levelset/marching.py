"""A coarse closed surface of triangles near a level set in space: marching tetrahedra, snapped to the mesh vertices.

Everything that decides how triangles hang together is combinatorial: signs at samples, which periodic images share, and
orientations of simplices. So the surface is closed across the boundary of a periodic cell, and slivers do not flip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .mesh import Mesh

ZERO = 1e-14
"""A vertex this close to the level counts as above it."""

CUTS = {
    1: ((0, 1), (0, 3), (0, 2)),
    2: ((1, 2), (1, 3), (0, 3), (0, 2)),
    3: ((0, 3), (2, 3), (1, 3)),
}
"""Cut edges of a simplex of positive determinant, counted around with the normal towards higher energy, by the number
of vertices above the level; these come first."""


@dataclass(frozen=True)
class Surface:
    """Triangles between surface vertices, of which there is at most one for each sample of the mesh."""

    sample: IntArray
    """Mesh vertex that each surface vertex stands for, (vertex,), ascending."""
    start: FloatArray
    """Where it lies, near the level set, close to the sample (folded into the cell), (vertex, 3)."""
    gradient: FloatArray
    """Of the energy there, interpolated, (vertex, 3)."""
    spread: FloatArray
    """Largest distance of the cut points that it stands for, (vertex,)."""
    corner: IntArray
    """Surface vertices of each triangle, the normal towards higher energy, (triangle, 3)."""
    image: FloatArray
    """By which period each corner is displaced from its folded place, (triangle, 3, 3)."""
    origin: IntArray
    """Simplex that each triangle was cut from, (triangle,)."""
    crossed: IntArray
    """Simplices that the level crosses, (simplex,)."""


@dataclass(frozen=True)
class _Cuts:
    """Cut points of crossed simplices, triangle by triangle, as (triangle, 3) arrays."""

    origin: IntArray
    above: IntArray
    """Local number of the vertex above the level."""
    below: IntArray


def march(mesh: Mesh, energy: FloatArray, velocity: FloatArray) -> tuple[Surface, BoolArray]:
    """The surface on which one sheet vanishes, and the simplices (simplex,) too coarse for it.

    `energy` (sample,) is counted from the level, `velocity` (sample, 3) is its gradient. A simplex is too coarse where
    snapping would change the topology: cut points that move to one vertex must form a disc.
    """
    sign = energy > -ZERO
    above = sign[mesh.nodes]
    crossed = np.flatnonzero(above.any(axis=1) & ~above.all(axis=1))
    cuts = _cut(mesh, above, crossed)
    rows = cuts.origin[:, None]
    high, low = mesh.vertices[rows, cuts.above], mesh.vertices[rows, cuts.below]
    first, second = mesh.nodes[rows, cuts.above], mesh.nodes[rows, cuts.below]
    # From integer differences, so that periodic images of an edge give the same floats.
    edge = ((low - high) / mesh.samples.steps) @ mesh.samples.cell.axes
    slope = np.stack([(velocity[first] * edge).sum(axis=-1), (velocity[second] * edge).sum(axis=-1)])
    place = _root(np.maximum(energy[first], ZERO), np.minimum(energy[second], -ZERO), slope)
    # Images of an edge have the same values and, but for rounding, the same slopes: they must snap alike.
    near_high = np.round(place, 9) < 0.5
    sample = np.where(near_high, first, second)
    lattice = np.where(near_high[..., None], high, low)
    offset = np.where(near_high, place, place - 1.0)[..., None] * edge
    gradient = velocity[first] * (1.0 - place)[..., None] + velocity[second] * place[..., None]
    unique, inverse = np.unique(sample, return_inverse=True)
    inverse = inverse.reshape(sample.shape)
    centre, spread = _gather(inverse, offset, len(unique))
    coarse = np.zeros(len(mesh), dtype=bool)
    keys = _edge_keys(first, second)
    torn = np.isin(mesh.nodes[crossed], unique[~_discs(inverse, keys, len(unique))]).any(axis=1)
    coarse[crossed[torn]] = True
    collapsed = (lattice == np.roll(lattice, 1, axis=1)).all(axis=-1).any(axis=1)
    kept = np.flatnonzero(~collapsed)
    kept = kept[~_cancelling(inverse[kept])]
    folded = mesh.samples.points(unique)
    corners = mesh.samples.cell.points(lattice[kept] / mesh.samples.steps)
    surface = Surface(
        sample=unique,
        start=folded + centre,
        gradient=_gather(inverse, gradient, len(unique))[0],
        spread=spread,
        corner=inverse[kept],
        image=corners - folded[inverse[kept]],
        origin=cuts.origin[kept],
        crossed=crossed,
    )
    return surface, coarse


def _cut(mesh: Mesh, above: BoolArray, crossed: IntArray) -> _Cuts:
    """Triangles of crossed simplices; a quadrilateral gives two."""
    order = np.argsort(~above[crossed], axis=1, kind="stable")
    ordered = np.take_along_axis(mesh.vertices[crossed], order[:, :, None], axis=1)
    edges = (ordered[:, 1:] - ordered[:, :1]).astype(float)
    positive = np.linalg.det(edges) * np.linalg.det(mesh.samples.cell.axes) > 0
    count = above[crossed].sum(axis=1)
    origins, highs, lows = [], [], []
    for number, ring in CUTS.items():
        rows = np.flatnonzero(count == number)
        local = np.array(ring)
        for a, b in ((1, 2), (2, 3))[: len(ring) - 2]:
            turn = np.where(positive[rows, None], [0, a, b], [0, b, a])
            origins.append(crossed[rows])
            highs.append(np.take_along_axis(order[rows], local[turn, 0], axis=1))
            lows.append(np.take_along_axis(order[rows], local[turn, 1], axis=1))
    return _Cuts(np.concatenate(origins), np.concatenate(highs), np.concatenate(lows))


def _root(first: FloatArray, second: FloatArray, slope: FloatArray) -> FloatArray:
    """Where the cubic with these values and slopes (2, ..) at the ends of [0, 1] crosses zero from above."""
    low, high = np.zeros_like(first), np.ones_like(first)
    x = first / (first - second)
    for _ in range(6):
        rest = 1.0 - x
        value = first * rest * rest * (1.0 + 2.0 * x) + second * x * x * (3.0 - 2.0 * x)
        value += x * rest * (rest * slope[0] - x * slope[1])
        rate = 6.0 * x * rest * (second - first)
        rate += slope[0] * rest * (1.0 - 3.0 * x) - slope[1] * x * (2.0 - 3.0 * x)
        low, high = np.where(value > 0, x, low), np.where(value > 0, high, x)
        step = np.divide(value, -rate, out=np.zeros_like(value), where=rate < 0)
        newton = x + step
        x = np.where((rate < 0) & (newton > low) & (newton < high), newton, 0.5 * (low + high))
    return x


def _gather(index: IntArray, values: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Mean of vectors (.., 3) that share an index, and the largest distance from it, (count, 3) and (count,)."""
    flat, rows = index.ravel(), values.reshape(-1, 3)
    number = np.bincount(flat, minlength=count)
    mean = np.stack([np.bincount(flat, rows[:, a], minlength=count) for a in range(3)], axis=1) / number[:, None]
    spread = np.zeros(count)
    np.maximum.at(spread, flat, np.linalg.norm(rows - mean[flat], axis=1))
    return mean, spread


def _edge_keys(first: IntArray, second: IntArray) -> IntArray:
    """One number for each cut edge of the mesh, (triangle, 3).

    Two samples name an edge, unless the mesh is so coarse that it joins them twice around the period.
    """
    stride = int(max(first.max(initial=0), second.max(initial=0))) + 1
    return np.minimum(first, second) * stride + np.maximum(first, second)


def _discs(vertex: IntArray, cut: IntArray, count: int) -> BoolArray:
    """Surface vertices whose cut points hang together as a disc: points - edges + triangles = 1."""
    _, points = np.unique(cut, return_inverse=True)
    points = points.reshape(cut.shape)
    _, one = np.unique(points, return_index=True)
    euler = 2 * np.bincount(vertex.ravel()[one], minlength=count)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        inside = vertex[:, a] == vertex[:, b]
        # Two triangles share each edge of a closed surface, so that each of them counts for half an edge.
        euler -= np.bincount(vertex[inside, a], minlength=count)
    whole = (vertex[:, 0] == vertex[:, 1]) & (vertex[:, 1] == vertex[:, 2])
    euler += 2 * np.bincount(vertex[whole, 0], minlength=count)
    return euler == 2


def _cancelling(corner: IntArray) -> BoolArray:
    """Triangles that another one with the same corners and the opposite orientation takes away, (triangle,)."""
    ordered = np.sort(corner, axis=1)
    swapped = (corner[:, 0] > corner[:, 1]) ^ (corner[:, 1] > corner[:, 2]) ^ (corner[:, 2] > corner[:, 0])
    _, group = np.unique(ordered, axis=0, return_inverse=True)
    group = group.ravel()
    count = group.max(initial=-1) + 1
    sides = np.stack([np.bincount(group[swapped], minlength=count), np.bincount(group[~swapped], minlength=count)])
    pairs = sides.min(axis=0)
    gone = np.zeros(len(corner), dtype=bool)
    for side in (swapped, ~swapped):
        rows = np.flatnonzero(side)
        rows = rows[np.argsort(group[rows], kind="stable")]
        start = np.searchsorted(group[rows], group[rows])
        gone[rows] = np.arange(len(rows)) - start < pairs[group[rows]]
    return gone
