"""Fewer and larger triangles where a marched surface is flat: edges are collapsed, vertices stay where they are."""

from __future__ import annotations

from dataclasses import replace

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


def coarsen(surface: Surface, cosine: float, longest: float) -> Surface:
    """The same surface with vertices merged into neighbours as long as triangles stay flat, well shaped and short.

    The gradients at the corners of a triangle differ by no more than the angle with this cosine.
    """
    speed = np.linalg.norm(surface.gradient, axis=1)
    normal = np.divide(surface.gradient, speed[:, None], out=np.zeros_like(surface.gradient), where=speed[:, None] > 0)
    # Scrambled numbers of the samples: a mesh that is refined elsewhere merges the same triangles here.
    priority = (surface.sample * 2654435761 % 4294967291).astype(float)
    for _ in range(ROUNDS):
        if not len(surface.corner):
            break
        moves = _Moves(surface)
        cost = moves.cost(normal, speed, cosine, longest)
        chosen = moves.independent(cost, priority)
        if not len(chosen):
            break
        surface = moves.apply(chosen)
    return surface


class _Moves:
    """All ways to merge a vertex into a neighbour; one for each directed edge (three for each triangle)."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        corner = surface.corner
        count = len(corner)
        self.tail = corner.T.ravel()
        """The vertex that goes, (edge,)."""
        self.head = np.roll(corner, -1, axis=1).T.ravel()
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
        gone = (corner == head[:, None]).any(axis=1)
        corner[rows, slot] = head
        image[rows, slot] += self.shift[edges[number]]
        kept = ~gone
        return number[kept], facet[kept], corner[kept], image[kept]

    def cost(self, normal: FloatArray, speed: FloatArray, cosine: float, longest: float) -> FloatArray:
        """How bent the worst triangle becomes, inf where a move is not allowed, (edge,)."""
        edges = np.arange(len(self.tail))
        number, _, corner, image = self._replaced(edges)
        place = self.surface.start[corner] + image
        sides = np.roll(place, -1, axis=1) - place
        length = np.linalg.norm(sides, axis=2).max(axis=1)
        cross = np.cross(sides[:, 0], sides[:, 1])
        area = np.linalg.norm(cross, axis=1)
        directions = normal[corner]
        alike = (directions * np.roll(directions, 1, axis=1)).sum(axis=2).min(axis=1)
        mean = directions.sum(axis=1)
        upright = (cross * mean).sum(axis=1) >= UPRIGHT * area * np.linalg.norm(mean, axis=1)
        even = speed[corner].max(axis=1) <= SPEEDS * speed[corner].min(axis=1)
        good = (alike >= cosine) & upright & even & (area >= SHAPE * length**2) & (length <= longest)
        cost = np.zeros(len(edges))
        np.maximum.at(cost, number, np.where(good, 1.0 - alike, np.inf))
        # Two vertices may merge if they have two neighbours in common: otherwise the surface would touch itself.
        common = csr_array(self._near @ self._near)
        shared = np.asarray(common[self.tail, self.head]).ravel()
        single = np.asarray(self._near[self.tail, self.head]).ravel()
        back = np.asarray(self._near[self.head, self.tail]).ravel()
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
