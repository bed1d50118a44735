"""Level lines of a sheet on a triangle mesh: chains of cut edges, divided into arcs that turn by about one radian."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .mesh import Mesh

TURN = 1.05
"""By how much the gradient turns along one arc, in radians."""
FEWEST = 3
"""Arcs of a closed line, so that none has its ends close together."""
SHARP = 2.0
"""Turn of the gradient across one triangle (radians) above which the mesh is too coarse for the line."""


class Chains(NamedTuple):
    """Vertices of the level lines of one sheet, and the arcs that join them."""

    point: FloatArray
    """Where the edges are cut, not folded into the cell, (vertex, 2)."""
    scale: FloatArray
    """Length of the edge that is cut, (vertex,)."""
    first: IntArray
    last: IntArray
    """Vertices at the ends of each arc, higher energies on its left, (arc,)."""
    shift: FloatArray
    """What to add to the last vertex of each arc: a lattice vector where a line winds around the cell, (arc, 2)."""
    origin: IntArray
    """A triangle near each vertex, (vertex,)."""
    coarse: BoolArray
    """Triangles in which the gradient turns too far, (triangle,)."""
    closed: int
    """How many of the lines are closed, those included that are images of others."""
    winding: FloatArray
    """By how much they wind around the cell, taken together, (2,)."""


def cut(mesh: Mesh, band: int, energy: float) -> Chains | None:
    """The level lines E_band = energy on a mesh, None if there are none; of images of one another, one.

    Where operations act on the cell a line ends with the triangles that stand for the others, on an edge of the mesh:
    its images begin at the images of that point.
    """
    samples = mesh.samples
    height = samples.energy[mesh.nodes, band] - energy
    above = height >= 0.0
    count = above.sum(axis=1)
    mixed = np.flatnonzero((count > 0) & (count < 3))
    if not len(mixed):
        return None
    above, height = above[mixed], height[mixed]
    lonely = np.where(count[mixed] == 1, np.argmax(above, axis=1), np.argmin(above, axis=1))
    rows = np.arange(len(mixed))
    ends = np.stack([lonely, (lonely + 1) % 3, (lonely + 2) % 3], axis=1)
    integers = np.take_along_axis(mesh.vertices[mixed], ends[:, :, None], axis=1)
    nodes = np.take_along_axis(mesh.nodes[mixed], ends, axis=1)
    corner = samples.cell.points(integers / samples.steps)
    velocity = samples.velocity[nodes, band]
    height = np.take_along_axis(height, ends, axis=1)
    key = np.empty((len(mixed), 2), dtype=np.int64)
    point, gradient = np.empty((len(mixed), 2, 2)), np.empty((len(mixed), 2, 2))
    for side in (0, 1):
        key[:, side] = _edge_key(mesh, integers[:, 0], integers[:, side + 1])
        edge = corner[:, side + 1] - corner[:, 0]
        slope = np.einsum("nsa,na->ns", velocity[:, [0, side + 1]], edge)
        share = root_on_edge(height[:, 0], height[:, side + 1], slope[:, 0], slope[:, 1])[:, None]
        point[:, side] = corner[:, 0] + share * edge
        gradient[:, side] = velocity[:, 0] + share * (velocity[:, side + 1] - velocity[:, 0])
    # The lonely corner on the left of 0 -> 1 if the corners are in mathematical order; combinatorial, slivers included.
    sign = np.sign(np.linalg.det(integers[:, 1:].astype(float) - integers[:, :1].astype(float)))
    sign *= np.sign(np.linalg.det(samples.cell.axes))
    swap = (sign > 0) != above[rows, lonely]
    key[swap] = key[swap][:, ::-1]
    point[swap] = point[swap][:, ::-1]
    gradient[swap] = gradient[swap][:, ::-1]
    angle = np.arctan2(gradient[..., 1], gradient[..., 0])
    turn = np.abs((angle[:, 1] - angle[:, 0] + np.pi) % (2.0 * np.pi) - np.pi)
    coarse = np.zeros(len(mesh), dtype=bool)
    coarse[mixed[turn > SHARP]] = True
    size = np.linalg.norm(corner[:, 1] - corner[:, 2], axis=1)
    edges = np.linalg.norm(corner[:, 1:] - corner[:, :1], axis=2)
    edges[swap] = edges[swap][:, ::-1]
    chains = _arcs(key, point, turn, _Near(mixed, size, edges, mesh.inside[mixed]), coarse)
    # Exactly a lattice vector: what rounding adds would open the line.
    turns = np.rint(chains.shift @ np.linalg.inv(samples.cell.axes))
    return chains._replace(shift=turns @ samples.cell.axes)


def _edge_key(mesh: Mesh, first: IntArray, second: IntArray) -> IntArray:
    """One number for each edge, the same for its periodic images: twice its middle, folded."""
    total = first + second
    period = 2 * mesh.samples.steps
    if mesh.samples.cell.periodic:
        total = total % period
    return total[:, 0] * (2 * period[1]) + total[:, 1]


def root_on_edge(a: FloatArray, b: FloatArray, slope_a: FloatArray, slope_b: FloatArray) -> FloatArray:
    """Root in (0, 1) of the cubic with values a, b of different signs and slopes at 0 and 1, (n,)."""
    c2 = 3.0 * (b - a) - 2.0 * slope_a - slope_b
    c3 = 2.0 * (a - b) + slope_a + slope_b
    low, high = np.zeros_like(a), np.ones_like(a)
    t = a / np.where(a == b, 1.0, a - b)
    for _ in range(12):
        value = a + t * (slope_a + t * (c2 + t * c3))
        right = (value >= 0) == (b >= 0)
        high, low = np.where(right, t, high), np.where(right, low, t)
        slope = slope_a + t * (2.0 * c2 + 3.0 * t * c3)
        step = t - value / np.where(slope == 0.0, 1.0, slope)
        t = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
    return t


class _Near(NamedTuple):
    """The triangles in which the segments lie."""

    triangle: IntArray
    """Numbers, (segment,)."""
    size: FloatArray
    """Length of the edge that is not cut, (segment,)."""
    edges: FloatArray
    """Lengths of the edges at which a segment begins and ends, (segment, 2)."""
    inside: BoolArray
    """Triangles that stand for their images, (segment,)."""


def _arcs(key: IntArray, point: FloatArray, turn: FloatArray, near: _Near, coarse: BoolArray) -> Chains:
    """Follow the segments from key to key and cut the chains into arcs."""
    start = {k: i for i, k in enumerate(key[:, 0].tolist())}
    ended = set(key[:, 1].tolist())
    following = [start.get(k, -1) for k in key[:, 1].tolist()]
    seen = np.zeros(len(key), dtype=bool)
    # An open chain begins where nothing ends; closed ones begin anywhere.
    order = [i for k, i in start.items() if k not in ended] + list(range(len(key)))
    points: list[FloatArray] = []
    lengths: list[float] = []
    origins: list[int] = []
    first: list[int] = []
    last: list[int] = []
    shifts: list[FloatArray] = []
    closed, winding = 0, np.zeros(2)
    for begin in order:
        if seen[begin]:
            continue
        chain = []
        current = begin
        while current >= 0 and not seen[current]:
            seen[current] = True
            chain.append(current)
            current = following[current]
        around = current == begin
        if around:
            closed += 1
            winding += np.abs((point[chain, 1] - point[chain, 0]).sum(axis=0))
        for run, whole in _runs(chain, around, near.inside):
            step = point[run, 1] - point[run, 0]
            place = np.concatenate([point[run[:1], 0], point[run[0], 0] + np.cumsum(step, axis=0)])
            total = np.concatenate([[0.0], np.cumsum(turn[run])])
            length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(step, axis=1))])
            # A little of the length in the measure, so that straight lines are cut evenly.
            measure = total + 0.1 * length / max(length[-1], 1e-300)
            number = max(FEWEST if whole else 1, int(np.ceil(total[-1] / TURN)))
            places = np.linspace(0.0, measure[-1], number + 1)[1:-1]
            cuts = np.searchsorted(measure, places)
            if not whole:
                # A short line has few vertices: the nearest, so that no arc becomes much longer than the others.
                cuts = cuts - (places - measure[cuts - 1] < measure[cuts] - places)
            cuts = np.unique(np.concatenate([[0], cuts, [len(run)]]))
            base = len(points)
            stops = cuts[:-1] if whole else cuts
            points += [place[c] for c in stops]
            origins += [int(near.triangle[run[min(c, len(run) - 1)]]) for c in stops]
            lengths += [float(near.size[run[min(c, len(run) - 1)]]) for c in stops]
            if not whole:
                # The same for the end of an image, whose triangle may have another shape.
                lengths[base], lengths[-1] = float(near.edges[run[0], 0]), float(near.edges[run[-1], 1])
            for n in range(len(cuts) - 1):
                wraps = whole and n == len(cuts) - 2
                first.append(base + n)
                last.append(base if wraps else base + n + 1)
                shifts.append(place[-1] - place[0] if wraps else np.zeros(2))
    return Chains(
        np.array(points).reshape(-1, 2),
        np.array(lengths),
        np.array(first, dtype=np.int64),
        np.array(last, dtype=np.int64),
        np.array(shifts).reshape(-1, 2),
        np.array(origins, dtype=np.int64),
        coarse,
        closed,
        winding,
    )


def _runs(chain: list[int], around: bool, inside: BoolArray) -> list[tuple[list[int], bool]]:
    """Parts of a chain of segments that are `inside`, and whether a part is a closed line."""
    kept = inside[chain]
    if kept.all():
        return [(chain, around)]
    if not kept.any():
        return []
    # A closed chain begins anywhere; here after a segment that is left out.
    start = int(np.argmin(kept)) if around else 0
    chain, kept = chain[start:] + chain[:start], np.roll(kept, -start)
    ends = np.flatnonzero(np.diff(np.concatenate([[0], kept.astype(np.int8), [0]])))
    return [(chain[a:b], False) for a, b in ends.reshape(-1, 2).tolist()]
