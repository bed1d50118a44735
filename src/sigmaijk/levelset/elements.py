"""Simplices with order-2 energies and integrand, and what a set of peaks in energy picks from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product

import numpy as np
from scipy.sparse import coo_array

from ..arrays import FloatArray, IntArray
from .extremes import highest, lowest, span
from .peaks import REACH, broad_weights, bump, delta_weights
from .reference import Rule, fine, lattice, parts, rule
from .samples import Cell, Samples
from .threads import in_order
from .tiling import invariant_mesh

FINE_ORDER = {(2, True): 16, (2, False): 8, (3, True): 6, (3, False): 4}
"""Parts of an edge when the surrogate of order 2 is cut into linear simplices, by (dim, under a delta function)."""

POINTWISE = {2: ((1.0, 3), (3.0, 6), (8.0, 10)), 3: ((1.0, 3), (3.0, 5))}
"""Where the energies of a simplex span at most the first number of peak widths, that many Gauss points a direction do:
the poles of the bump lie pi widths off the real axis, so the error is below 1e-6 of the simplex."""

Weights = tuple[IntArray, IntArray, FloatArray]
"""(row, number of the centre, weight of each node), one entry for each pair that meets."""

BLOCK = 1_000_000
"""Doubles in the largest temporary array."""

ROWS = 1024
"""Elements in one task."""


@dataclass(frozen=True)
class Peaks:
    """Peaks of unit area in energy: delta functions (width 0) and logistic bumps."""

    centre: FloatArray
    width: FloatArray
    reach: FloatArray
    """Where a bump is cut, in widths."""

    @classmethod
    def at(cls, centre: FloatArray, width: FloatArray) -> Peaks:
        """Peaks with their full reach."""
        return cls(centre, width, np.full(len(centre), REACH))

    def __len__(self) -> int:
        return len(self.centre)

    def take(self, index: IntArray) -> Peaks:
        """Some of the peaks."""
        return Peaks(self.centre[index], self.width[index], self.reach[index])

    @cached_property
    def series(self) -> list[tuple[float, IntArray, FloatArray]]:
        """(width, numbers of the peaks by ascending centre, those centres) for each distinct width."""
        found = []
        for width in np.unique(self.width):
            members = np.flatnonzero(self.width == width)
            members = members[np.argsort(self.centre[members], kind="stable")]
            found.append((float(width), members, self.centre[members]))
        return found


@dataclass(frozen=True)
class Elements:
    """Simplices of one mesh: integer vertices, numbers of the samples at their nodes, and levels of refinement."""

    vertices: IntArray
    """(element, d + 1, d), in steps of the finest lattice."""
    nodes: IntArray
    """(element, node)"""
    level: IntArray
    """(element,), 0 for the first mesh."""
    spread = 0.25

    def __len__(self) -> int:
        return len(self.level)

    def take(self, index: np.ndarray | slice) -> Elements:
        """Some of the elements."""
        return Elements(self.vertices[index], self.nodes[index], self.level[index])

    def join(self, other: Elements) -> Elements:
        """Both sets."""
        return Elements(
            np.concatenate([self.vertices, other.vertices]),
            np.concatenate([self.nodes, other.nodes]),
            np.concatenate([self.level, other.level]),
        )


def _node_vertices(vertices: IntArray) -> IntArray:
    """Integer coordinates (element, node, d) of the nodes of order 2."""
    dim = vertices.shape[2]
    steps = np.diff(vertices, axis=1)
    return vertices[:, :1] + (lattice(dim, 2)[None] @ steps) // 2


def build(samples: Samples, vertices: IntArray, level: IntArray) -> Elements:
    """Elements on given vertices, their nodes sampled in one batch."""
    return Elements(vertices, samples.index(_node_vertices(vertices)), level)


def first_mesh(samples: Samples) -> Elements:
    """The Kuhn mesh of the cell: d! simplices in each of its parts; where operations act on it, one of their images."""
    cell = samples.cell
    if cell.action is not None:
        whole = invariant_mesh(cell.action, samples.steps, cell.divisions)
        own = whole[cell.action.chosen(whole.sum(axis=1), samples.steps * (cell.dim + 1), cell.axes)]
        return build(samples, own, np.zeros(len(own), dtype=np.int64))
    corner = np.array(list(product(*(range(n) for n in cell.divisions))), dtype=np.int64)
    meshes = []
    for axes in permutations(range(cell.dim)):
        path = np.zeros((cell.dim + 1, cell.dim), dtype=np.int64)
        for i, axis in enumerate(axes):
            path[i + 1 :, axis] += 1
        meshes.append(corner[:, None] + path)
    vertices = np.concatenate(meshes) << samples.levels
    return build(samples, vertices, np.zeros(len(vertices), dtype=np.int64))


def children(samples: Samples, elements: Elements) -> Elements:
    """The 2**d parts of each element, in order, one after the other."""
    dim = elements.vertices.shape[2]
    vertices = _node_vertices(elements.vertices)[:, parts(dim, 2)].reshape(-1, dim + 1, dim)
    return build(samples, vertices, np.repeat(elements.level + 1, 2**dim))


def volumes(samples: Samples, elements: Elements) -> FloatArray:
    """Volume of k-space that elements stand for, that of their images included."""
    cell = samples.cell
    if cell.action is None:
        simplices = np.prod(cell.divisions) * (2 if cell.dim == 2 else 6)
        return cell.volume / simplices * 0.5 ** (cell.dim * elements.level)
    edges = (elements.vertices[:, 1:] - elements.vertices[:, :1]) / samples.steps
    return np.abs(np.linalg.det(edges)) * (cell.volume * cell.order / (2 if cell.dim == 2 else 6))


def extent(cell: Cell, vertices: IntArray, steps: IntArray) -> FloatArray:
    """Size of the bounding box of each element along the Cartesian directions, (element, d)."""
    corners = (vertices / steps) @ cell.axes
    return span(corners)


def contributions(samples: Samples, elements: Elements, owner: IntArray, owners: int, peaks: Peaks) -> FloatArray:
    """What each peak picks from the elements of each owner, (owner, peak, c); `owner` numbers that of each element.

    One sparse product a sheet: rows are (owner, peak) pairs, columns are samples, entries the weights of the nodes.
    """
    dim = samples.cell.dim
    volume = volumes(samples, elements)
    table = np.zeros((owners * len(peaks), samples.integrand.shape[2]))
    margin = float(np.max(peaks.reach * peaks.width, initial=0.0))
    bottom, top = peaks.centre.min() - margin, peaks.centre.max() + margin
    tasks: list[tuple[int, IntArray, FloatArray, tuple[float, IntArray, FloatArray]]] = []
    for sheet in range(samples.energy.shape[1]):
        energy = samples.energy[elements.nodes, sheet]
        low, high = lowest(energy), highest(energy)
        pad = 0.5 * (high - low)
        rows = np.flatnonzero((low - pad <= top) & (high + pad >= bottom))
        for start in range(0, len(rows), ROWS):
            chunk = rows[start : start + ROWS]
            tasks += [(sheet, chunk, energy[chunk], series) for series in peaks.series]

    def picked(task: tuple[int, IntArray, FloatArray, tuple[float, IntArray, FloatArray]]) -> list[Weights]:
        _, chunk, energy, (width, members, centres) = task
        cut = width * float(peaks.reach[members].max())
        found = []
        for row, output, weight in _weights(energy, width, centres, cut, dim):
            element = chunk[row]
            weight *= volume[element, None]
            found.append((owner[element] * len(peaks) + members[output], element, weight))
        return found

    # Threads compute, one place sums, in the order of the tasks: the number of threads changes no bit.
    for (sheet, *_), found in zip(tasks, in_order(picked, tasks), strict=True):
        for key, element, weight in found:
            entries = (np.repeat(key, weight.shape[1]), elements.nodes[element].ravel())
            matrix = coo_array((weight.ravel(), entries), shape=(len(table), samples.count)).tocsr()
            table += matrix @ samples.integrand[:, sheet]
    return table.reshape(owners, len(peaks), -1)


def _pairs(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray]:
    """All (row, number) with first[row] <= number < last[row]."""
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(first)), count)
    offset = np.concatenate([[0], np.cumsum(count)[:-1]])
    return row, np.arange(len(row)) - np.repeat(offset - first, count)


def _weights(energy: FloatArray, width: float, centres: FloatArray, cut: float, dim: int) -> Iterator[Weights]:
    """Yield (row, number of the centre, weight of each node) for one series of peaks."""
    order = FINE_ORDER[dim, width == 0.0]
    surface = energy @ fine(dim, order).T
    low, high = surface.min(axis=1), surface.max(axis=1)
    hit = np.searchsorted(centres, low - cut) < np.searchsorted(centres, high + cut)
    tier = np.full(len(energy), len(POINTWISE[dim]))
    if width > 0.0:
        tier = np.searchsorted([upper for upper, _ in POINTWISE[dim]], (high - low) / width)
    for number, (_, gauss) in enumerate(POINTWISE[dim]):
        rows = np.flatnonzero(hit & (tier == number))
        if len(rows):
            yield from _pointwise(energy[rows], rows, low[rows], high[rows], width, centres, cut, rule(dim, 1, gauss))
    rows = np.flatnonzero(hit & (tier == len(POINTWISE[dim])))
    if len(rows):
        for row, number, weight in _linear(surface[rows], width, centres, cut, dim):
            yield rows[row], number, weight


def _pointwise(
    energy: FloatArray,
    rows: IntArray,
    low: FloatArray,
    high: FloatArray,
    width: float,
    centres: FloatArray,
    cut: float,
    quadrature: Rule,
) -> Iterator[Weights]:
    """Gauss points of the surrogate, for simplices whose energies span few widths."""
    row, number = _pairs(np.searchsorted(centres, low - cut), np.searchsorted(centres, high + cut))
    points = energy @ quadrature.shape.T
    size = max(1, BLOCK // len(quadrature.weight))
    for start in range(0, len(row), size):
        r, n = row[start : start + size], number[start : start + size]
        density = bump((points[r] - centres[n, None]) / width) * (quadrature.weight / width)
        yield rows[r], n, density @ quadrature.shape


def _linear(surface: FloatArray, width: float, centres: FloatArray, cut: float, dim: int) -> Iterator[Weights]:
    """Linear simplices of the fine lattice under the peaks."""
    order = FINE_ORDER[dim, width == 0.0]
    pieces, shape = parts(dim, order), fine(dim, order)
    size = max(1, BLOCK // (len(pieces) * (dim + 1)))
    for start in range(0, len(surface), size):
        part = surface[start : start + size]
        energy = part[:, pieces]
        low, high = energy.min(axis=2), energy.max(axis=2)
        first = np.searchsorted(centres, low.ravel() - cut)
        last = np.searchsorted(centres, high.ravel() + cut)
        simplex, number = _pairs(first, last)
        if not len(simplex):
            continue
        for begin in range(0, len(simplex), BLOCK // 16):
            s, n = simplex[begin : begin + BLOCK // 16], number[begin : begin + BLOCK // 16]
            yield _scatter(energy.reshape(-1, dim + 1), pieces, s, n, width, centres, shape, start)


def _scatter(
    energy: FloatArray,
    pieces: IntArray,
    simplex: IntArray,
    number: IntArray,
    width: float,
    centres: FloatArray,
    shape: FloatArray,
    start: int,
) -> Weights:
    """Vertex weights of linear simplices, gathered on the nodes of their elements."""
    chosen = energy[simplex]
    rank = np.argsort(chosen, axis=1, kind="stable")
    ordered = np.take_along_axis(chosen, rank, axis=1)
    centre = centres[number]
    if width == 0.0:
        piece = (centre[:, None] >= ordered[:, 1:]).sum(axis=1)
        weight = delta_weights(ordered, centre, piece)
    else:
        weight = broad_weights(ordered, centre, width)
    row = simplex // len(pieces)
    vertex = np.take_along_axis(pieces[simplex % len(pieces)], rank, axis=1)
    key = row * len(centres) + number
    pairs, inverse = np.unique(key, return_inverse=True)
    flat = (inverse[:, None] * shape.shape[0] + vertex).ravel()
    gathered = np.bincount(flat, weights=weight.ravel(), minlength=len(pairs) * shape.shape[0])
    return (
        start + pairs // len(centres),
        pairs % len(centres),
        gathered.reshape(len(pairs), -1) @ shape / len(pieces),
    )
