"""Conforming meshes of simplices, refined by bisection (MAUBACH_1995): no vertex hangs on an edge of a neighbour.

A mesh is a value: `bisect` returns another one. Meshes of one run share the samples at their vertices, so that a mesh
refined for one energy pays only for points that no other mesh has.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations, product
from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .action import mixed
from .samples import Samples
from .tiling import invariant_mesh


class Mesh:
    """Simplices with their vertices in the order that says which edge is bisected next."""

    spread = 0.5

    def __init__(
        self,
        samples: Samples,
        vertices: IntArray,
        tag: IntArray,
        generation: IntArray,
        nodes: IntArray | None = None,
        inside: BoolArray | None = None,
    ) -> None:
        self.samples = samples
        self.vertices = vertices
        """(simplex, d + 1, d), in steps of the finest lattice."""
        self.nodes = samples.index(vertices) if nodes is None else nodes
        """Numbers of the samples at the vertices, (simplex, d + 1)."""
        self.tag = tag
        """The next edge to be bisected joins the vertices 0 and tag, (simplex,)."""
        self.generation = generation
        """How many bisections led here, (simplex,)."""
        self.inside: BoolArray = np.ones(len(tag), dtype=bool) if inside is None else inside
        """Simplices that stand for all their images under the operations of the cell, (simplex,)."""
        self.level = generation // samples.cell.dim
        """How often the edges of each simplex have been halved, (simplex,)."""
        self.survivors: IntArray = np.empty(0, dtype=np.int64)
        """The first simplices are these of the mesh that was bisected, (simplex that was not cut,)."""

    def __len__(self) -> int:
        return len(self.tag)

    @classmethod
    def first(cls, samples: Samples, parts: tuple[int, ...]) -> Mesh:
        """The Kuhn mesh of the cell, d! simplices in each of `parts` boxes along each axis (divisors of its steps).

        Where operations act on the cell, a mesh of as many boxes, or about as many simplices, that they leave as it is.
        """
        dim, action = samples.cell.dim, samples.cell.action
        if action is not None:
            vertices = invariant_mesh(action, samples.steps, parts)
            count, steps = len(vertices), samples.steps * (dim + 1)
            inside = action.chosen(vertices.sum(axis=1), steps, samples.cell.axes)
            tag, generation = np.full(count, dim, dtype=np.int64), np.zeros(count, dtype=np.int64)
            return cls(samples, vertices, tag, generation, None, inside)
        corner = np.array(list(product(*(range(n) for n in parts))), dtype=np.int64)
        paths = []
        for axes in permutations(range(dim)):
            path = np.zeros((dim + 1, dim), dtype=np.int64)
            for i, axis in enumerate(axes):
                path[i + 1 :, axis] += 1
            paths.append(corner[:, None] + path)
        vertices = np.concatenate(paths) * (samples.steps // np.array(parts))
        count = len(vertices)
        return cls(samples, vertices, np.full(count, dim, dtype=np.int64), np.zeros(count, dtype=np.int64))

    def take(self, index: np.ndarray) -> Mesh:
        """Some of the simplices; what is left need not be conforming."""
        return Mesh(
            self.samples,
            self.vertices[index],
            self.tag[index],
            self.generation[index],
            self.nodes[index],
            self.inside[index],
        )

    def corners(self) -> FloatArray:
        """Cartesian vertices, not folded back into the cell, (simplex, d + 1, d)."""
        return self.samples.cell.points(self.vertices / self.samples.steps)

    def bisect(self, marked: BoolArray) -> Mesh:
        """Another mesh, in which the marked simplices are cut and as many others as keeps it conforming.

        Images of the marked simplices are cut with them. Raises OutOfPoints, with this mesh unchanged, if the new
        vertices cannot be paid for.
        """
        whole = _Table(self.vertices, self.nodes, self.tag, self.generation, self.inside)
        middles = _Middles(self.samples)
        survives, cut = np.ones(len(self), dtype=bool), self._with_images(marked)
        # Simplices of this mesh stay where they are; only the few new ones are moved about in every round.
        new, cut_new = whole.take(np.empty(0, dtype=np.int64)), np.empty(0, dtype=bool)
        while cut.any() or cut_new.any():
            parents = _Table.join([whole.take(cut), new.take(cut_new)])
            survives &= ~cut
            new = _Table.join([new.take(~cut_new), *middles.halve(parents)])
            cut, cut_new = middles.hang(whole) & survives, middles.hang(new)
        survivors = np.flatnonzero(survives)
        table = _Table.join([whole.take(survivors), new._replace(nodes=middles.sampled(new.nodes))])
        mesh = Mesh(self.samples, table.vertices, table.tag, table.generation, table.nodes, table.inside)
        mesh.survivors = survivors
        return mesh

    def _with_images(self, marked: BoolArray) -> BoolArray:
        """The marked simplices and all that operations take them to."""
        action = self.samples.cell.action
        if action is None or not marked.any():
            return marked
        total, steps = self.vertices.sum(axis=1), self.samples.steps * self.vertices.shape[1]
        images = mixed(action.images(total[marked], steps))
        return np.isin(mixed(total % steps if action.periodic else total), images)


class _Table(NamedTuple):
    """Simplices while they are cut: the arrays of a mesh."""

    vertices: IntArray
    nodes: IntArray
    tag: IntArray
    generation: IntArray
    inside: BoolArray

    def take(self, index: np.ndarray) -> _Table:
        return _Table(
            self.vertices[index], self.nodes[index], self.tag[index], self.generation[index], self.inside[index]
        )

    @staticmethod
    def join(tables: Sequence[_Table]) -> _Table:
        return _Table(
            np.concatenate([table.vertices for table in tables]),
            np.concatenate([table.nodes for table in tables]),
            np.concatenate([table.tag for table in tables]),
            np.concatenate([table.generation for table in tables]),
            np.concatenate([table.inside for table in tables]),
        )


class _Middles:
    """Middles of the edges that one call has cut: numbers for them until they are sampled, and who must follow."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._known = samples.count
        """Middles have numbers from here on."""
        self._points = np.empty((0, samples.cell.dim), dtype=np.int64)
        self._keys = np.empty(0, dtype=np.int64)
        """Ascending."""
        self._numbers = np.empty(0, dtype=np.int64)
        """Of the points with these keys."""
        self._ends = np.zeros(self._known, dtype=bool)
        """True for the ends of edges that were cut, (sample and middle,)."""

    def halve(self, table: _Table) -> tuple[_Table, _Table]:
        """Both halves of each simplex."""
        rows = np.arange(len(table.tag))
        middle = (table.vertices[:, 0] + table.vertices[rows, table.tag]) // 2
        number = self._number(middle)
        self._ends[table.nodes[:, 0]] = True
        self._ends[table.nodes[rows, table.tag]] = True
        tag = np.where(table.tag > 1, table.tag - 1, table.vertices.shape[2])
        vertices = _halves(table.vertices, table.tag, middle)
        nodes = _halves(table.nodes, table.tag, number)
        first, second = (
            _Table(v, n, tag, table.generation + 1, table.inside) for v, n in zip(vertices, nodes, strict=True)
        )
        return first, second

    def _number(self, middle: IntArray) -> IntArray:
        """Numbers of middles (n, d), the same for periodic images."""
        key = self._samples.key(middle)
        unique, first = np.unique(key, return_index=True)
        new = ~np.isin(unique, self._keys, assume_unique=True)
        fresh = self._known + len(self._points) + np.arange(np.count_nonzero(new))
        self._points = np.concatenate([self._points, middle[first[new]]])
        place = np.searchsorted(self._keys, unique[new])
        self._keys = np.insert(self._keys, place, unique[new])
        self._numbers = np.insert(self._numbers, place, fresh)
        self._ends = np.concatenate([self._ends, np.zeros(len(fresh), dtype=bool)])
        return self._numbers[np.searchsorted(self._keys, key)]

    def hang(self, table: _Table) -> BoolArray:
        """Simplices with one of the middles in the middle of one of their edges, (simplex,)."""
        found = np.zeros(len(table.tag), dtype=bool)
        # Such an edge has both its ends marked; that is cheap to see, and few edges are left for the exact test.
        marked = [self._ends[table.nodes[:, corner]] for corner in range(table.nodes.shape[1])]
        for a, b in combinations(range(table.nodes.shape[1]), 2):
            rows = np.flatnonzero(marked[a] & marked[b])
            total = table.vertices[rows, a] + table.vertices[rows, b]
            even = np.flatnonzero(np.bitwise_or.reduce(total.T) % 2 == 0)
            key = self._samples.key(total[even] // 2)
            place = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
            found[rows[even]] |= self._keys[place] == key
        return found

    def sampled(self, nodes: IntArray) -> IntArray:
        """Numbers of samples in place of those of middles; those that are new are evaluated in one batch."""
        if not len(self._points):
            return nodes
        found = self._samples.index(self._points)
        return np.where(nodes >= self._known, found[np.maximum(nodes - self._known, 0)], nodes)


def _halves(array: IntArray, tag: IntArray, middle: IntArray) -> tuple[IntArray, IntArray]:
    """What belongs to the vertices (simplex, d + 1, ..) of both halves of each simplex, cut between 0 and tag."""
    rows = np.arange(len(array))
    first, second = array.copy(), array.copy()
    first[rows, tag] = middle
    for t in np.unique(tag):
        chosen = tag == t
        second[chosen, :t] = array[chosen, 1 : t + 1]
        second[chosen, t] = middle[chosen]
    return first, second
