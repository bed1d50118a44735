"""Fewer and larger triangles where a marched surface is flat: edges are collapsed, vertices stay where they are."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array

from ..arrays import BoolArray, FloatArray, IntArray
from .marching import Surface

ROUNDS = 24
SHAPE = 0.35
"""Smallest |e x f| of two edges over the square of the longest: 0.87 for an equilateral triangle."""
UPRIGHT = 0.8
"""Smallest cosine between the normal of a triangle and the mean gradient at its corners."""
SPEEDS = 3.0
"""Largest ratio of the gradients at the corners: near a small gap they differ, and there small facets are wanted."""


def coarsen(surface: Surface, cosine: float, longest: float, fixed: BoolArray | None = None) -> Surface:
    """The same surface with vertices merged into neighbours as long as triangles stay flat, well shaped and short.

    The gradients at the corners of a triangle differ by no more than the angle with this cosine. Vertices that are
    `fixed` (vertex,) stay.
    """
    speed = np.linalg.norm(surface.gradient, axis=1)
    normal = np.divide(surface.gradient, speed[:, None], out=np.zeros_like(surface.gradient), where=speed[:, None] > 0)
    # Scrambled numbers of the samples: a mesh that is refined elsewhere merges the same triangles here.
    priority = (surface.sample * 2654435761 % 4294967291).astype(float)
    known: _Costs | None = None
    for _ in range(ROUNDS):
        if not len(surface.corner):
            break
        moves = _Moves(surface)
        cost = np.full(len(moves.key), np.nan) if known is None else known.of(moves.key)
        unknown = np.flatnonzero(np.isnan(cost))
        cost[unknown] = moves.cost(unknown, normal, speed, cosine, longest)
        if fixed is not None:
            cost[fixed[moves.tail]] = np.inf
        chosen = moves.independent(cost, priority)
        if not len(chosen):
            break
        changed = moves.around(chosen)
        same = ~(changed[moves.tail] | changed[moves.head])
        known = _Costs.sorted(moves.key[same], cost[same])
        surface = moves.apply(chosen)
    return surface


class _Costs(NamedTuple):
    """Costs of moves that no other move has changed; inf where one is not allowed."""

    key: IntArray
    """Ascending, (move,)."""
    cost: FloatArray
    """(move,)"""

    @classmethod
    def sorted(cls, key: IntArray, cost: FloatArray) -> _Costs:
        order = np.argsort(key)
        return cls(key[order], cost[order])

    def of(self, key: IntArray) -> FloatArray:
        """Costs of some moves, nan where they are not known."""
        if not len(self.key):
            return np.full(len(key), np.nan)
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[place] == key, self.cost[place], np.nan)


class _Moves:
    """All ways to merge a vertex into a neighbour; one for each directed edge (three for each triangle)."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        corner = surface.corner
        count = len(corner)
        self.tail = corner.T.ravel()
        """The vertex that goes, (edge,)."""
        self.head = np.roll(corner, -1, axis=1).T.ravel()
        self.key = self.tail * len(surface.sample) + self.head
        """One number for each directed edge, the same as long as its ends are there, (edge,)."""
        self.shift = (np.roll(surface.image, -1, axis=1) - surface.image).transpose(1, 0, 2).reshape(-1, 3)
        """Image of the head seen from the tail, (edge, 3)."""
        self._facet_of = np.tile(np.arange(count), 3)
        self._slot_of = np.repeat(np.arange(3), count)
        size = len(surface.sample)
        self._near = csr_array(
            coo_array((np.ones(len(self.tail)), (self.tail, self.head)), shape=(size, size)), dtype=float
        )

    def _stars(self, edges: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Pairs of an edge and a triangle around its tail: number in `edges`, triangle, corner of it at the tail."""
        order = np.argsort(self.tail, kind="stable")
        start = np.searchsorted(self.tail[order], self.tail[edges])
        stop = np.searchsorted(self.tail[order], self.tail[edges], side="right")
        number = np.repeat(np.arange(len(edges)), stop - start)
        offset = np.arange(len(number)) - np.repeat(np.cumsum(stop - start) - (stop - start), stop - start)
        place = order[start[number] + offset]
        return number, self._facet_of[place], self._slot_of[place]

    def _replaced(self, edges: IntArray) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
        """(number in `edges`, triangle, its new corners, their images) for each triangle that a move changes."""
        surface = self.surface
        number, facet, slot = self._stars(edges)
        rows = np.arange(len(facet))
        corner, image = surface.corner[facet], surface.image[facet]
        head = self.head[edges[number]]
        gone = np.logical_or.reduce((corner == head[:, None]).T)
        corner[rows, slot] = head
        image[rows, slot] += self.shift[edges[number]]
        kept = ~gone
        return number[kept], facet[kept], corner[kept], image[kept]

    def around(self, edges: IntArray) -> BoolArray:
        """Vertices with other neighbours or triangles once these moves are made, (vertex,)."""
        found = np.zeros(len(self.surface.sample), dtype=bool)
        found[self.surface.corner[self._stars(edges)[1]]] = True
        return found

    def cost(self, edges: IntArray, normal: FloatArray, speed: FloatArray, cosine: float, longest: float) -> FloatArray:
        """How bent the worst triangle becomes by some moves, inf where one is not allowed, (edge,)."""
        number, _, corner, image = self._replaced(edges)
        # Components and corners first: sums over them then run over all triangles at once.
        place = np.ascontiguousarray((self.surface.start[corner] + image).T)
        directions = np.ascontiguousarray(normal[corner].T)
        sides = np.roll(place, -1, axis=1) - place
        length = (sides**2).sum(axis=0).max(axis=0)
        cross = np.cross(sides[:, 0], sides[:, 1], axis=0)
        area = np.sqrt((cross**2).sum(axis=0))
        alike = (directions * np.roll(directions, 1, axis=1)).sum(axis=0).min(axis=0)
        mean = directions.sum(axis=1)
        upright = (cross * mean).sum(axis=0) >= UPRIGHT * area * np.sqrt((mean**2).sum(axis=0))
        speeds = speed[corner].T
        even = speeds.max(axis=0) <= SPEEDS * speeds.min(axis=0)
        good = (alike >= cosine) & upright & even & (area >= SHAPE * length) & (length <= longest**2)
        cost = np.zeros(len(edges))
        np.maximum.at(cost, number, np.where(good, 1.0 - alike, np.inf))
        # Two vertices may merge if they have two neighbours in common: otherwise the surface would touch itself.
        tail, head = self.tail[edges], self.head[edges]
        shared = np.asarray((self._near[tail] * self._near[head]).sum(axis=1)).ravel()
        single = np.asarray(self._near[tail, head]).ravel()
        back = np.asarray(self._near[head, tail]).ravel()
        cost[(shared != 2) | (single != 1) | (back != 1)] = np.inf
        return cost

    def independent(self, cost: FloatArray, priority: FloatArray) -> IntArray:
        """The best move of vertices so far apart that their moves do not touch."""
        order = np.lexsort((cost, self.tail))
        first = order[np.r_[True, np.diff(self.tail[order]) != 0]]
        first = first[np.isfinite(cost[first])]
        rank = np.full(len(priority), np.inf)
        rank[self.tail[first]] = priority[self.tail[first]]
        lowest = rank.copy()
        for _ in range(2):
            wider = lowest.copy()
            np.minimum.at(wider, self.tail, lowest[self.head])
            np.minimum.at(wider, self.head, lowest[self.tail])
            lowest = wider
        return first[lowest[self.tail[first]] == rank[self.tail[first]]]

    def apply(self, chosen: IntArray) -> Surface:
        """The surface after these moves."""
        surface = self.surface
        _, facet, corner, image = self._replaced(chosen)
        gone = np.zeros(len(surface.corner), dtype=bool)
        gone[self._stars(chosen)[1]] = True
        gone[facet] = False
        corners, images = surface.corner.copy(), surface.image.copy()
        corners[facet], images[facet] = corner, image
        kept: BoolArray = ~gone
        return replace(surface, corner=corners[kept], image=images[kept], origin=surface.origin[kept])
