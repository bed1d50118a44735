"""Part of a marched surface that stands for its images under the operations of the cell, and the rim where they join.

The part lies in the simplices that are `inside`. Its images fill the surface without gaps if what depends on its rim
alone is the same for all images: corners there go to the images of corners, with their directions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .action import Action, mixed
from .marching import Surface
from .mesh import Mesh


@dataclass(frozen=True, eq=False)
class Rim:
    """The vertices of a surface at which it joins its images."""

    vertex: IntArray
    """(rim,)"""
    source: IntArray
    """The vertex, one for all that are images of each other, (rim,)."""
    turn: FloatArray
    """Takes vectors at the source to those here, and nothing else than what operations that leave it alone allow,
    (rim, 3, 3)."""
    anchor: FloatArray
    """Sample that each vertex of the surface stands for, (vertex, 3)."""

    def matched(self, place: FloatArray, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Places and vectors (vertex, 3), on the rim those of the sources."""
        place, direction = place.copy(), direction.copy()
        offset = place[self.source] - self.anchor[self.source]
        place[self.vertex] = self.anchor[self.vertex] + np.einsum("nab,nb->na", self.turn, offset)
        direction[self.vertex] = np.einsum("nab,nb->na", self.turn, direction[self.source])
        return place, direction

    def fixed(self, count: int) -> BoolArray:
        """Which of so many vertices are on the rim, (vertex,)."""
        mask = np.zeros(count, dtype=bool)
        mask[self.vertex] = True
        return mask


def part(surface: Surface, mesh: Mesh) -> tuple[Surface, Rim | None]:
    """The triangles of a surface in the simplices that stand for their images, with its rim."""
    action = mesh.samples.cell.action
    if action is None:
        return surface, None
    kept = mesh.inside[surface.origin]
    count = len(surface.sample)
    here, there = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    here[surface.corner[kept]] = True
    there[surface.corner[~kept]] = True
    vertex = np.flatnonzero(here & there)
    rim = _rim(action, surface, mesh, vertex)
    start, gradient = rim.matched(surface.start, surface.gradient)
    mine = replace(
        surface,
        start=start,
        gradient=gradient,
        corner=surface.corner[kept],
        image=surface.image[kept],
        origin=surface.origin[kept],
    )
    return mine, rim


def _rim(action: Action, surface: Surface, mesh: Mesh, vertex: IntArray) -> Rim:
    samples = mesh.samples
    point = samples.integers(surface.sample[vertex])
    owner, operation = action.canonical(point, samples.steps)
    _, first, of = np.unique(owner, return_index=True, return_inverse=True)
    images = mixed(action.images(point[first], samples.steps))
    own = images[action.identity]
    stays = (images == own).astype(float)
    allowed = np.einsum("gn,gab->nab", stays, action.rotations) / stays.sum(axis=0)[:, None, None]
    turn = action.between(operation[first][of], operation) @ allowed[of]
    return Rim(vertex, vertex[first][of], turn, samples.points(surface.sample))
