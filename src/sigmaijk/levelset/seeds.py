"""The first triangles of a level set: marched, merged where it is flat, their corners moved onto the true surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .coarsening import coarsen
from .facet_values import MOST_NODES, REACH, Triangles, sizes
from .field import Field
from .level import LevelRequest
from .marching import Surface, march
from .rim import Rim, part
from .samples import Cell
from .triangle_rules import sag

ALIGNED = 0.2
"""Smallest cosine between the normals at two corners of a triangle."""
FLAT = 0.6
"""The same for triangles merged from smaller ones."""
SPAN = 0.25
"""Longest edge of those, in units of the width of the cell."""
CORNER_STEP = 0.02
"""Newton steps to a corner end when they are below this share of the edges there."""
CORNER_REACH = 0.7
"""Largest distance of a corner from its cut points, in units of the edges there."""
CORNER_ROUNDS = 4
DRIFT, LOOSE_DRIFT = 0.15, 0.4
"""Largest way of a node from the first guess in units of the longest edge; the second where the surface has creases."""
CREASED = 0.7
"""Facets whose normals differ by more than the angle with this cosine have a crease, if no finer mesh makes it go."""


@dataclass
class Seed:
    """The surface of one sheet of one request and its vertices on the true surface."""

    request: int
    sheet: int
    surface: Surface
    place: FloatArray
    """(vertex, 3), folded into the cell."""
    direction: FloatArray
    """Unit gradients, (vertex, 3)."""
    creased: bool
    """Directions are to be smoothed where the surface has creases."""
    rim: Rim | None = None
    """Where it joins its images."""

    def bent(self, direction: FloatArray) -> np.ndarray:
        """Simplices of triangles whose corners look into too different directions (vertex, 3)."""
        return self.surface.origin[self._alike(direction) < ALIGNED]

    def _alike(self, direction: FloatArray) -> FloatArray:
        """Smallest cosine between the directions at the corners of each triangle, (triangle,)."""
        normal = direction[self.surface.corner]
        return (normal * np.roll(normal, 1, axis=1)).sum(axis=2).min(axis=1, initial=1.0)

    def smooth(self, direction: FloatArray) -> FloatArray:
        """Directions, averaged over neighbours around creases: sheets that cross make edges that no mesh resolves."""
        if not self.creased:
            return direction
        corner = self.surface.corner
        for _ in range(2):
            around = np.zeros_like(direction)
            for slot in range(3):
                np.add.at(around, corner[:, slot], direction[corner].sum(axis=1))
            near = np.zeros(len(direction), dtype=bool)
            near[corner[self._alike(direction) < CREASED]] = True
            direction = np.where(near[:, None], _unit(around), direction)
        return direction if self.rim is None else _unit(self.rim.matched(direction, direction)[1])


@dataclass
class _Corner:
    start: FloatArray
    place: FloatArray
    direction: FloatArray


class Seeds:
    """Finds seeds, and remembers the corners of those that had to be refused."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._memory: dict[tuple[float, int, int], _Corner] = {}
        """By energy, sheet and sample."""

    def find(
        self,
        requests: Sequence[LevelRequest],
        numbers: Sequence[int],
        coarse: list[BoolArray],
        merge: bool,
        creased: set[float],
    ) -> tuple[list[Seed], list[int]]:
        """Seeds of the requests with these numbers in which no simplex is too coarse, and requests that went so far.

        Marks the others in `coarse`. At the energies `creased` directions are smoothed before they are judged. The
        numbers returned are of those whose samples alone gave no reason for a mark.
        """
        seeds = [seed for number in numbers for seed in self._march(requests[number], number, coarse, merge)]
        for seed in seeds:
            seed.creased = requests[seed.request].energy in creased
            coarse[seed.request][seed.bent(seed.smooth(_unit(seed.surface.gradient)))] = True
        seeds = [seed for seed in seeds if not coarse[seed.request].any()]
        tried = sorted({seed.request for seed in seeds})
        self._corners(requests, seeds, coarse)
        for seed in seeds:
            seed.direction = seed.smooth(seed.direction)
            coarse[seed.request][seed.bent(seed.direction)] = True
        return [seed for seed in seeds if not coarse[seed.request].any()], tried

    def forget(self, energies: set[float]) -> None:
        """Forget all corners but those at these energies."""
        self._memory = {key: corner for key, corner in self._memory.items() if key[0] in energies}

    def _march(self, request: LevelRequest, number: int, coarse: list[BoolArray], merge: bool) -> list[Seed]:
        samples, seeds = request.mesh.samples, []
        for sheet, bands in enumerate(self._field.sheets):
            energy = samples.energy[:, bands.start] - request.energy
            corner = energy[request.mesh.nodes]
            if corner.min() > 0 or corner.max() < 0:
                continue
            surface, torn = march(request.mesh, energy, samples.velocity[:, bands.start])
            coarse[number] |= torn
            surface, rim = part(surface, request.mesh)
            if merge:
                fixed = None if rim is None else rim.fixed(len(surface.sample))
                surface = coarsen(surface, FLAT, SPAN * _period(samples.cell), fixed)
            if len(surface.corner):
                still = np.zeros_like(surface.start)
                seeds.append(Seed(number, sheet, surface, surface.start.copy(), still, False, rim))
        return seeds

    def _corners(self, requests: Sequence[LevelRequest], seeds: list[Seed], coarse: list[BoolArray]) -> None:
        """Newton from the cut points to the surface, all seeds in one batch; marks what runs away."""
        if not seeds:
            return
        start = np.concatenate([seed.surface.start for seed in seeds])
        size = np.concatenate([_edges(seed.surface) for seed in seeds])
        sheet = np.concatenate([np.full(len(seed.place), seed.sheet) for seed in seeds])
        level = np.concatenate([np.full(len(s.place), requests[s.request].energy) for s in seeds])
        sample = np.concatenate([seed.surface.sample for seed in seeds])
        keys = list(zip(level.tolist(), sheet.tolist(), sample.tolist(), strict=True))
        place, direction = start.copy(), np.zeros_like(start)
        wanted = size > 0
        source = _sources(seeds)
        # One corner on the rim stands for all its images, where they are corners of a triangle too.
        np.maximum.at(size, source, size)
        wanted[source[wanted]] = True
        wanted &= source == np.arange(len(source))
        for row in np.flatnonzero(wanted):
            corner = self._memory.get(keys[row])
            if corner is not None and np.abs(corner.start - start[row]).max() < 1e-9 * size[row]:
                place[row], direction[row] = corner.place, corner.direction
                wanted[row] = False
        fresh = np.flatnonzero(wanted)
        lost = np.zeros(len(start), dtype=bool)
        active = fresh
        for _ in range(CORNER_ROUNDS):
            if not len(active):
                break
            spot = self._field.spot(place[active], sheet[active])
            speed = np.linalg.norm(spot.velocity, axis=1)
            direction[active] = _unit(spot.velocity)
            move = np.divide(level[active] - spot.energy, speed, out=np.full(len(speed), np.inf), where=speed > 0)
            move = np.clip(move, -size[active], size[active])
            place[active] += move[:, None] * direction[active]
            lost[active] = np.linalg.norm(place[active] - start[active], axis=1) > CORNER_REACH * size[active]
            active = active[~lost[active] & (np.abs(move) > CORNER_STEP * size[active])]
        lost[active] = True
        for row in fresh[~lost[fresh]]:
            self._memory[keys[row]] = _Corner(start[row], place[row], direction[row])
        done, lost = 0, lost[source]
        for seed in seeds:
            rows = slice(done, done + len(seed.place))
            done = rows.stop
            seed.place, seed.direction = place[rows], direction[rows]
            if seed.rim is not None:
                seed.place, seed.direction = seed.rim.matched(seed.place, seed.direction)
            coarse[seed.request][seed.surface.origin[lost[rows][seed.surface.corner].any(axis=1)]] = True


def _sources(seeds: Sequence[Seed]) -> IntArray:
    """The vertex, counted through all seeds, that each vertex is an image of, mostly itself."""
    found, done = [], 0
    for seed in seeds:
        source = np.arange(len(seed.place))
        if seed.rim is not None:
            source[seed.rim.vertex] = seed.rim.source
        found.append(done + source)
        done += len(source)
    return np.concatenate(found)


def _period(cell: Cell) -> float:
    """Smallest distance between opposite faces of a cell."""
    return float(1.0 / np.linalg.norm(np.linalg.inv(cell.axes), axis=0).max())


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _edges(surface: Surface) -> FloatArray:
    """Mean length of the edges at each surface vertex, (vertex,); zero where no facet is left."""
    corner = surface.start[surface.corner] + surface.image
    total, count = np.zeros(len(surface.sample)), np.zeros(len(surface.sample))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        length = np.linalg.norm(corner[:, a] - corner[:, b], axis=1)
        for end in (a, b):
            np.add.at(total, surface.corner[:, end], length)
            np.add.at(count, surface.corner[:, end], 1.0)
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def triangles(request: LevelRequest, seed: Seed) -> Triangles:
    """Facets before their evaluation, with the first guess of the way to the surface."""
    corner = seed.surface.corner
    count = len(corner)
    place, direction = seed.place[corner] + seed.surface.image, seed.direction[corner]
    slopes = [
        -((place[:, b] - place[:, a]) * direction[:, a]).sum(axis=1)
        for a, b in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    ]
    return Triangles(
        place=place,
        direction=direction,
        sheet=np.full(count, seed.sheet),
        energy=np.full(count, request.energy),
        owner=np.full(count, request.owner),
        origin=seed.surface.origin,
        reach=REACH * sizes(place),
        drift=np.full(count, LOOSE_DRIFT if seed.creased else DRIFT),
        level=np.zeros(count, dtype=np.int64),
        depth=np.zeros(count, dtype=np.int64),
        displacement=np.stack(slopes, axis=1) @ sag().T,
        known=np.zeros((count, MOST_NODES)),
        polished=np.zeros(count, dtype=np.int64),
    )
