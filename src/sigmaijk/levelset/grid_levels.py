"""Grids of one period, each twice as fine as the one before: which points lie under a window, and sums over blocks.

The bumps of blocks (`partition`) divide a sum over a grid among its blocks; with signs that alternate from point to
point the same sums are differences of sublattices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import sparse

from ..arrays import BoolArray, FloatArray, IntArray
from .elements import Peaks
from .hot_spots import Search, Spots
from .partition import corners
from .peaks import bump
from .samples import Samples
from .simplices import Goal

STEPS = ((5e-4, 4), (2e-5, 6), (1e-6, 8), (0.0, 10))
"""Grid steps of a block from a tolerance on: the longer its bump, the less the first alias of the grid says of it."""
BELIEVED = {2: (0.02, 1.0), 3: (0.01, 0.5, 1.0)}
"""Least share of what a sublattice says otherwise that is taken as the error, by the number of directions in which its
signs alternate. Leaving out every other point in one direction only squares the error of a smooth function in the other
sense: what decays like exp(-n) says exp(-n/2) there. So that share is what it says in parts of the modulus."""
ALONG = 0.5
"""A sheet runs along an axis if over a block it moves the level set by less than this share of a grid step."""
SHORTEST = 0.05
"""Steps of fewer widths leave exp(-400)."""
BETWEEN = 16
"""Parts of a grid step in which the places of hot spots are counted."""
LARGEST = 4_000_000
"""Doubles in one array of a sum."""


def block_steps(rtol: float) -> int:
    """Grid steps of a block."""
    return next(steps for least, steps in STEPS if rtol >= least)


@dataclass
class Level:
    """The grid points under the window of one level, and the sums over them, block by block."""

    depth: int
    whole: bool
    """Whether the window is 1 everywhere."""
    blocks: IntArray
    """(block, d)"""
    sums: FloatArray
    """Sums with signs that alternate in the directions of a pattern, the first one in none, and in the last place what
    no pattern tells: (block, pattern, p, c)."""
    error: FloatArray
    """What the sublattices say otherwise about a block, or hot spots between its points may hold, (block, p, c)."""
    hidden: FloatArray
    """What of that no grid point needs to show: in all blocks alike it is not there, (block, p, c)."""
    touching: list[tuple[FloatArray, int]]
    """Where sheets may touch (d,), and the lower sheet."""
    marked: BoolArray
    """Blocks that finer grids take over, (block,)."""


class Grids:
    """The grids of one integration; `samples` divide the cell into the steps of the coarsest."""

    def __init__(
        self, samples: Samples, peaks: Peaks, goals: Sequence[Goal], rtol: float, degeneracy_tol: float
    ) -> None:
        self.samples, self.peaks, self.goals = samples, peaks, goals
        self.search = Search(samples, peaks, rtol, degeneracy_tol)
        self.dim, self.steps = samples.cell.dim, block_steps(rtol)
        self.patterns = np.array(list(product((0, 1), repeat=self.dim)))
        directions = self.patterns.sum(axis=1)
        self.striped = np.flatnonzero(directions == 1)
        self.believed = np.append(np.array([0.0, 1.0, *BELIEVED[self.dim][1:]])[directions], 1.0)

    @property
    def columns(self) -> int:
        """Length of the vector of integrands."""
        return max(goal.reach for goal in self.goals)

    def grid(self, depth: int) -> IntArray:
        """Number of grid points along each axis at a level, (d,)."""
        return np.array(self.samples.cell.divisions, dtype=np.int64) << depth

    def lattice(self, index: IntArray, depth: int) -> IntArray:
        """Grid points of a level in steps of the finest lattice, as `Samples` counts."""
        return index << (self.samples.levels - depth)

    def everywhere(self, depth: int) -> IntArray:
        """All grid points of a level, (k, d)."""
        axes = np.meshgrid(*(np.arange(n) for n in self.grid(depth)), indexing="ij")
        return np.stack(axes, axis=-1).reshape(-1, self.dim)

    def _key(self, block: IntArray, depth: int) -> IntArray:
        """One number for each block of a level, the same for periodic images."""
        count = self.grid(depth) // self.steps
        return np.asarray(np.ravel_multi_index(tuple((block % count).T), tuple(count)))

    def level(self, above: list[Level]) -> Level:
        """Sample the points of the next level and sum over its blocks; raises OutOfPoints before the sums are known."""
        depth = len(above)
        index, weight = self._under(above)
        slots = self.samples.index(self.lattice(index, depth))
        reached = corners(index, self.steps)
        keys = np.stack([self._key(corner.block, depth) for corner in reached])
        unique, place = np.unique(keys, return_inverse=True)
        place = place.reshape(keys.shape)
        share = np.stack([corner.weight for corner in reached])
        steep = self._steep(depth, slots, place, share)
        sums = self._sums(depth, index, slots, place, weight * share, steep)
        spots = self.search.spots(index, slots, self.grid(depth), steep)
        narrow = spots.take(spots.narrow)
        places = self.samples.cell.points(narrow.index / self.grid(depth))
        count = self.grid(depth) // self.steps
        return Level(
            depth=depth,
            whole=len(index) == np.prod(self.grid(depth)) and bool((weight == 1.0).all()),
            blocks=np.stack(np.unravel_index(unique, tuple(count)), axis=1),
            sums=sums,
            error=np.maximum(self.otherwise(sums), self._missed(spots, above, unique)),
            hidden=self._missed(narrow, above, unique),
            touching=list(zip(places, narrow.sheet.tolist(), strict=True)),
            marked=np.zeros(len(unique), dtype=bool),
        )

    def _steep(self, depth: int, slots: IntArray, place: IntArray, share: FloatArray) -> FloatArray:
        """How much gaps change in a step in the block to which each grid point belongs most, (k, n - 1, d)."""
        slopes = self.search.slopes(slots, self.grid(depth))
        largest = np.zeros((int(place.max()) + 1, *slopes.shape[1:]))
        for blocks in place:
            np.maximum.at(largest, blocks, slopes)
        return np.asarray(largest[place[share.argmax(axis=0), np.arange(len(slots))]])

    def _sums(
        self, depth: int, index: IntArray, slots: IntArray, place: IntArray, weight: FloatArray, steep: FloatArray
    ) -> FloatArray:
        """Sums over the points of each block, (block, pattern, p, c); `place` and `weight` are (corner, k)."""
        samples, peaks = self.samples, self.peaks
        blocks, patterns = int(place.max()) + 1, len(self.patterns)
        signs = 1.0 - 2.0 * ((index @ self.patterns.T) % 2)
        volume = samples.cell.volume / float(np.prod(self.grid(depth).astype(float)))
        total = np.zeros((blocks * patterns, len(peaks) * self.columns))
        missed = np.zeros((blocks, len(peaks) * self.columns))
        size = max(1, LARGEST // (len(peaks) * max(self.columns, samples.energy.shape[1])))
        for start in range(0, len(index), size):
            part = slice(start, start + size)
            own = slots[part]
            distance = (samples.energy[own][:, None] - peaks.centre[:, None]) / peaks.width[:, None]
            density = bump(distance) * (volume / peaks.width[:, None])
            values = (density @ samples.integrand[own]).reshape(len(own), -1)
            ridges = self.search.ridges(own, steep[part], self.steps, volume)
            rows = (place[:, None, part] * patterns + np.arange(patterns)[:, None]).ravel()
            entries = (weight[:, None, part] * signs[part].T).ravel()
            points = np.broadcast_to(np.arange(len(own)), (len(place), patterns, len(own))).ravel()
            total += sparse.csr_array((entries, (rows, points)), shape=(len(total), len(own))) @ values
            missed += sparse.csr_array(
                (weight[:, part].ravel(), (place[:, part].ravel(), np.tile(np.arange(len(own)), len(place)))),
                shape=(blocks, len(own)),
            ) @ (self._along(own, depth, volume) + ridges.reshape(len(own), -1))
        told = total.reshape(blocks, patterns, len(peaks), self.columns)
        return np.concatenate([told, missed.reshape(blocks, 1, len(peaks), self.columns)], axis=1)

    def _along(self, slots: IntArray, depth: int, volume: float) -> FloatArray:
        """Bound of what the grid misses of sheets that run along its axes, (k, p c).

        All grid points of a row lie at one distance from such a level set. If that is half a step, both sublattices
        are wrong alike and say nothing. The first alias of a bump of width w whose sheet moves by m in a step is
        2 y/sinh(y) of it, with y = 2 pi**2 w/m.
        """
        samples, peaks = self.samples, self.peaks
        moved = np.abs(samples.velocity[slots] @ samples.cell.axes.T) / self.grid(depth)
        steepest = moved.max(axis=2)
        others = moved.sum(axis=2) - steepest
        row, sheet = np.nonzero(self.steps * others < ALONG * steepest)
        found = np.zeros((len(slots), len(peaks) * self.columns))
        if len(row):
            step = steepest[row, sheet, None] / peaks.width
            distance = np.abs(samples.energy[slots[row], sheet, None] - peaks.centre) / peaks.width
            density = bump(np.maximum(distance - 0.5 * step, 0.0)) * (volume / peaks.width)
            y = 2.0 * np.pi**2 / np.maximum(step, SHORTEST)
            density *= 2.0 * y / np.sinh(y)
            missed = density[:, :, None] * np.abs(samples.integrand[slots[row], sheet])[:, None]
            np.add.at(found, row, missed.reshape(len(row), -1))
        return found

    def otherwise(self, sums: FloatArray) -> FloatArray:
        """Error of sums (.., pattern, p, c), by what the sublattices say, (.., p, c)."""
        size = np.abs(sums)
        for goal in self.goals:
            modulus = size[..., :1, :, goal.modulus, None]
            own = size[..., self.striped, :, goal.columns]
            # What is small by cancellation tells nothing of how well the sum has converged; the modulus does.
            told = np.maximum(own, size[..., goal.modulus, None][..., self.striped, :, :])
            ratio = np.divide(told, modulus, out=np.zeros_like(own), where=modulus > 0)
            size[..., self.striped, :, goal.columns] = own * np.clip(ratio, BELIEVED[self.dim][0], 1.0)
        return (self.believed[:, None, None] * size).max(axis=-3)

    def _missed(self, spots: Spots, above: list[Level], blocks: IntArray) -> FloatArray:
        """What spots may add to each of the blocks of the next level, which are given by their keys, (block, p, c)."""
        depth = len(above)
        volume = self.samples.cell.volume / float(np.prod(self.grid(depth).astype(float)))
        total = np.zeros((len(blocks), len(self.peaks) * self.columns))
        size = max(1, LARGEST // (len(self.peaks) * self.columns))
        for start in range(0, len(spots.gap), size):
            own = spots.take(slice(start, start + size))
            missed = own.missed(self.peaks, volume).reshape(-1, total.shape[1]) / 2**self.dim
            # A spot lies between the grid points, and reaches as far as it is wide.
            for side in product((-1.0, 1.0), repeat=self.dim):
                width = np.minimum(own.gap / own.moved, 1.0)[:, None]
                index = np.rint((own.index + width * np.array(side)) * BETWEEN).astype(np.int64)
                reached = corners(index, self.steps, BETWEEN)
                keys = np.stack([self._key(corner.block, depth) for corner in reached])
                place = np.minimum(np.searchsorted(blocks, keys), len(blocks) - 1)
                share = np.stack([corner.weight for corner in reached]) * self._window(above, index, BETWEEN)
                share[blocks[place] != keys] = 0.0
                points = np.broadcast_to(np.arange(len(missed)), share.shape)
                entries = (share.ravel(), (place.ravel(), points.ravel()))
                total += sparse.csr_array(entries, shape=(len(blocks), len(missed))) @ missed
        return total.reshape(len(blocks), len(self.peaks), self.columns)

    def _under(self, above: list[Level]) -> tuple[IntArray, FloatArray]:
        """Grid points of the next level under the bumps of the marked blocks, and the product of all windows there."""
        if not above or (above[-1].marked.all() and above[-1].whole):
            index = self.everywhere(len(above))
            return index, np.ones(len(index))
        index = self.around(above[-1], np.flatnonzero(above[-1].marked))
        weight = self._window(above, index, 1)
        inside = weight > 0.0
        return index[inside], weight[inside]

    def _window(self, above: list[Level], index: IntArray, finer: int) -> FloatArray:
        """Product of the windows of some levels at points (k, d) in parts of the steps of the next level, (k,)."""
        weight = np.ones(len(index))
        for level in above:
            if not (level.marked.all() and level.whole):
                keys = self._key(level.blocks[level.marked], level.depth)
                window = np.zeros(len(index))
                for corner in corners(index, self.steps, finer << (len(above) - level.depth)):
                    window += corner.weight * np.isin(self._key(corner.block, level.depth), keys)
                weight *= window
        return weight

    def around(self, level: Level, blocks: IntArray) -> IntArray:
        """Grid points of the next level that the bumps of some blocks of a level reach, (k, d)."""
        reach = np.arange(1 - 2 * self.steps, 2 * self.steps)
        offsets = np.stack(np.meshgrid(*(reach,) * self.dim, indexing="ij"), axis=-1).reshape(-1, self.dim)
        count = self.grid(level.depth + 1)
        index = (2 * self.steps * level.blocks[blocks][:, None] + offsets).reshape(-1, self.dim) % count
        unique = np.unique(np.ravel_multi_index(tuple(index.T), tuple(count)))
        return np.stack(np.unravel_index(unique, tuple(count)), axis=1)
