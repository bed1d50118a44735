"""Conforming meshes of simplices, refined by bisection (MAUBACH_1995): no vertex hangs on an edge of a neighbour.

A mesh is a value: `bisect` returns another one. Meshes of one run share the samples at their vertices, so that a mesh
refined for one energy pays only for points that no other mesh has.
"""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .samples import Samples


class Mesh:
    """Simplices with their vertices in the order that says which edge is bisected next."""

    spread = 0.5

    def __init__(self, samples: Samples, vertices: IntArray, tag: IntArray, generation: IntArray) -> None:
        self.samples = samples
        self.vertices = vertices
        """(simplex, d + 1, d), in steps of the finest lattice."""
        self.nodes = samples.index(vertices)
        """Numbers of the samples at the vertices, (simplex, d + 1)."""
        self.tag = tag
        """The next edge to be bisected joins the vertices 0 and tag, (simplex,)."""
        self.generation = generation
        """How many bisections led here, (simplex,)."""

    def __len__(self) -> int:
        return len(self.tag)

    @classmethod
    def first(cls, samples: Samples, parts: tuple[int, ...]) -> Mesh:
        """The Kuhn mesh of the cell, d! simplices in each of `parts` boxes along each axis (divisors of its steps)."""
        dim = samples.cell.dim
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

    @property
    def level(self) -> IntArray:
        """How often the edges of each simplex have been halved, (simplex,)."""
        return self.generation // self.samples.cell.dim

    def take(self, index: np.ndarray) -> Mesh:
        """Some of the simplices; what is left need not be conforming."""
        return Mesh(self.samples, self.vertices[index], self.tag[index], self.generation[index])

    def corners(self) -> FloatArray:
        """Cartesian vertices, not folded back into the cell, (simplex, d + 1, d)."""
        return self.samples.cell.points(self.vertices / self.samples.steps)

    def bisect(self, marked: BoolArray) -> Mesh:
        """Another mesh, in which the marked simplices are cut and as many others as keeps it conforming.

        Raises OutOfPoints, with this mesh unchanged, if the new vertices cannot be paid for.
        """
        vertices, tag, generation = self.vertices, self.tag, self.generation
        fresh = np.empty(0, dtype=np.int64)
        while marked.any():
            old = np.flatnonzero(marked)
            kept = np.flatnonzero(~marked)
            first, second, middle = _halves(vertices[old], tag[old])
            fresh = np.union1d(fresh, self.samples.key(middle))
            next_tag = np.where(tag[old] > 1, tag[old] - 1, vertices.shape[2])
            vertices = np.concatenate([vertices[kept], first, second])
            tag = np.concatenate([tag[kept], next_tag, next_tag])
            generation = np.concatenate([generation[kept], generation[old] + 1, generation[old] + 1])
            marked = self._hanging(vertices, fresh)
        return Mesh(self.samples, vertices, tag, generation)

    def _hanging(self, vertices: IntArray, fresh: IntArray) -> BoolArray:
        """Simplices with a vertex of the mesh in the middle of one of their edges."""
        found = np.zeros(len(vertices), dtype=bool)
        for a, b in combinations(range(vertices.shape[1]), 2):
            total = vertices[:, a] + vertices[:, b]
            even = np.flatnonzero(~(total % 2).any(axis=1))
            key = self.samples.key(total[even] // 2)
            place = np.minimum(np.searchsorted(fresh, key), len(fresh) - 1)
            found[even] |= fresh[place] == key
        return found


def _halves(vertices: IntArray, tag: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Both halves of each simplex and the middles of their edges 0 to tag."""
    rows = np.arange(len(vertices))
    middle = (vertices[:, 0] + vertices[rows, tag]) // 2
    first, second = vertices.copy(), vertices.copy()
    first[rows, tag] = middle
    for t in np.unique(tag):
        chosen = tag == t
        second[chosen, :t] = vertices[chosen, 1 : t + 1]
        second[chosen, t] = middle[chosen]
    return first, second, middle
