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
from .discovery import COUPLED
from .elements import Peaks
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
MARGIN = 7.0
"""Sheets that meet within ln(1/rtol) + MARGIN widths of a bump matter: a hot spot weighs a thousand times the rest."""
CLOSE = 1.0
"""Sheets may meet between grid points where their gap is below this share of how much it may change in a step. Half of
that finds gaps that close; spikes that grow like the fifth power of a gap need not close it."""
ALONG = 0.5
"""A sheet runs along an axis if over a block it moves the level set by less than this share of a grid step."""
SHORTEST = 0.05
"""Steps of fewer widths leave exp(-400)."""
MOST_UNSEEN = 600
"""If sheets meet in more blocks of a level, whole sheets do: every sample sees it, and errors lead better."""
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
    """What the sublattices say otherwise about a block, (block, p, c)."""
    unseen: BoolArray
    """Blocks in which sheets meet between grid points, (block,); none where whole sheets do."""
    touching: list[tuple[FloatArray, int]]
    """Those grid points (d,), and the lower sheet."""
    marked: BoolArray
    """Blocks that finer grids take over, (block,)."""


class Grids:
    """The grids of one integration; `samples` divide the cell into the steps of the coarsest."""

    def __init__(
        self, samples: Samples, peaks: Peaks, goals: Sequence[Goal], rtol: float, degeneracy_tol: float
    ) -> None:
        self.samples, self.peaks, self.goals = samples, peaks, goals
        self.rtol, self.degeneracy_tol = rtol, degeneracy_tol
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

    def level(self, depth: int, index: IntArray, weight: FloatArray) -> Level:
        """Sample the points of a level and sum over its blocks; raises OutOfPoints before anything is sampled."""
        slots = self.samples.index(self.lattice(index, depth))
        reached = corners(index, self.steps)
        keys = np.stack([self._key(corner.block, depth) for corner in reached])
        unique, place = np.unique(keys, return_inverse=True)
        place = place.reshape(keys.shape)
        sums = self._sums(depth, index, slots, place, weight * np.stack([corner.weight for corner in reached]))
        row, sheet = np.nonzero(self._meeting(slots, depth) & (weight > 0.0)[:, None])
        unseen = np.isin(unique, self._near(index[row], depth))
        if np.count_nonzero(unseen) > MOST_UNSEEN:
            unseen[:] = False
            row, sheet = row[:0], sheet[:0]
        count = self.grid(depth) // self.steps
        return Level(
            depth=depth,
            whole=len(index) == np.prod(self.grid(depth)) and bool((weight == 1.0).all()),
            blocks=np.stack(np.unravel_index(unique, tuple(count)), axis=1),
            sums=sums,
            error=self.otherwise(sums),
            unseen=unseen,
            touching=list(zip(self.samples.points(slots[row]), sheet.tolist(), strict=True)),
            marked=np.zeros(len(unique), dtype=bool),
        )

    def _sums(self, depth: int, index: IntArray, slots: IntArray, place: IntArray, weight: FloatArray) -> FloatArray:
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
            rows = (place[:, None, part] * patterns + np.arange(patterns)[:, None]).ravel()
            entries = (weight[:, None, part] * signs[part].T).ravel()
            points = np.broadcast_to(np.arange(len(own)), (len(place), patterns, len(own))).ravel()
            total += sparse.csr_array((entries, (rows, points)), shape=(len(total), len(own))) @ values
            missed += sparse.csr_array(
                (weight[:, part].ravel(), (place[:, part].ravel(), np.tile(np.arange(len(own)), len(place)))),
                shape=(blocks, len(own)),
            ) @ self._along(own, depth, volume)
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

    def _near(self, index: IntArray, depth: int) -> IntArray:
        """Keys of the blocks whose bumps reach within a step of some grid points (k, d)."""
        # The hot spot lies beside the point that tells of it. What a block that is not refined holds of it is lost.
        around = [corners(index + np.array(step), self.steps) for step in product((-1, 1), repeat=self.dim)]
        return np.unique([self._key(corner.block, depth) for found in around for corner in found])

    def _meeting(self, slots: IntArray, depth: int) -> BoolArray:
        """Points at which a sheet and the next one come closer than they may move to the next point, (k, n - 1)."""
        energy, velocity = self.samples.energy[slots], self.samples.velocity[slots]
        gap, relative = np.diff(energy, axis=1), np.diff(velocity, axis=1)
        moved = (np.abs(relative @ self.samples.cell.axes.T) / self.grid(depth)).sum(axis=2)
        close = (gap > self.degeneracy_tol) & (gap < CLOSE * moved)
        close &= self.samples.coupling[slots][:, :-1] > COUPLED * np.linalg.norm(relative, axis=2)
        reach = np.log(1.0 / min(self.rtol, 0.1)) + MARGIN
        near = np.zeros(close.shape, dtype=bool)
        for centre, width in zip(self.peaks.centre, self.peaks.width, strict=True):
            near |= (energy[:, :-1] < centre + reach * width) & (energy[:, 1:] > centre - reach * width)
        return close & near

    def under(self, levels: list[Level]) -> tuple[IntArray, FloatArray]:
        """Grid points of the next level under the bumps of the marked blocks, and the product of all windows there."""
        last = levels[-1]
        depth = last.depth + 1
        if last.marked.all() and last.whole:
            index = self.everywhere(depth)
            return index, np.ones(len(index))
        index = self.around(last, np.flatnonzero(last.marked))
        weight = np.ones(len(index))
        for level in levels:
            if not (level.marked.all() and level.whole):
                keys = self._key(level.blocks[level.marked], level.depth)
                window = np.zeros(len(index))
                for corner in corners(index, self.steps, 1 << (depth - level.depth)):
                    window += corner.weight * np.isin(self._key(corner.block, level.depth), keys)
                weight *= window
        inside = weight > 0.0
        return index[inside], weight[inside]

    def around(self, level: Level, blocks: IntArray) -> IntArray:
        """Grid points of the next level that the bumps of some blocks of a level reach, (k, d)."""
        reach = np.arange(1 - 2 * self.steps, 2 * self.steps)
        offsets = np.stack(np.meshgrid(*(reach,) * self.dim, indexing="ij"), axis=-1).reshape(-1, self.dim)
        count = self.grid(level.depth + 1)
        index = (2 * self.steps * level.blocks[blocks][:, None] + offsets).reshape(-1, self.dim) % count
        unique = np.unique(np.ravel_multi_index(tuple(index.T), tuple(count)))
        return np.stack(np.unravel_index(unique, tuple(count)), axis=1)
