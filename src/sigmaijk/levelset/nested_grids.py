"""Bumps on a periodic cell: the trapezoid rule, under smooth windows on finer and finer grids where one is not enough.

A sum over a regular grid of a smooth periodic function converges exponentially, and nothing beats it where a bump is so
wide that it reaches most of the cell. What spoils it are hot spots. So with windows w_l that are 1 where a grid of
step h/2**l is needed and 0 elsewhere, w_0 = 1,

    int F = sum_l T_l[F w_0 .. w_l (1 - w_(l+1))],

each sum over the grid of its level. Windows are sums of the bumps of marked blocks (`partition`). The error of a level
is what its sublattices say otherwise about the part that is not refined; a block is marked by what they say about it
alone. Where two sheets come closer at a grid point than they move between grid points, a hot spot may lie there that no
sample shows: such blocks are always marked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy import sparse

from ..arrays import BoolArray, FloatArray, IntArray
from .discovery import COUPLED, Unresolved
from .elements import Peaks
from .mesh import Mesh
from .partition import corners
from .peaks import bump
from .samples import Cell, OutOfPoints, Sampler, Samples
from .search import ranges
from .simplices import STALLED, Goal, Integrals, block_errors, tolerance, undiscovered

Report = Callable[[float], None]
Hopeless = Callable[[Unresolved, FloatArray], BoolArray]

STEPS = ((5e-4, 4), (2e-5, 6), (1e-6, 8), (0.0, 10))
"""Grid steps of a block from a tolerance on: the longer its bump, the less the first alias of the grid says of it."""
ORIGIN = np.array([0.3109, 0.1713, 0.0531])
"""Of the first grid, in its steps: not at points of high symmetry."""
NEAR = 6.0
"""Widths from a bump within which the slopes of sheets decide how fine the first grid is."""
COARSER = 0.65
"""Windows refine what is steep; a first grid that is somewhat too coarse takes fewer points in the end."""
SHARE, LEAST_LEFT, TIGHTER = 0.4, 0.2, 0.6
"""Share of what the levels before have left of the tolerance that a level may use up; they are taken to have left no
less than the second. The third is the factor for the next attempt."""
TRIED = 4
"""Times that the levels are laid, with smaller shares, if their errors together miss the tolerance."""
DEEPEST = {2: 14, 3: 9}
NODE_LEVEL = 5
"""Where sheets still meet between grid points of this level they may touch; that is asked once."""
BELIEVED = {2: (0.02, 1.0), 3: (0.01, 0.5, 1.0)}
"""Least share of what a sublattice says otherwise that is taken as the error, by the number of directions in which its
signs alternate. Leaving out every other point in one direction only squares the error of a smooth function in the other
sense: what decays like exp(-n) says exp(-n/2) there. So that share is what it says in parts of the modulus."""
MOST_AT_FIRST = 0.4
"""Share of all points for the first grid."""
MARGIN = 4.0
"""Sheets that meet within ln(1/rtol) + MARGIN widths of a bump matter."""
CLOSE = 0.5
"""Sheets may meet between grid points where their gap is below this share of how much it may change in a step."""
MOST_UNSEEN = 250
"""If sheets meet in more blocks of a level, whole sheets do: every sample sees it, and errors lead better."""
EVERYWHERE = 0.6
"""A finer grid everywhere is preferred if windows would take this share of its points."""
LARGEST = 4_000_000
"""Doubles in one array of a sum."""


def block_steps(rtol: float) -> int:
    """Grid steps of a block."""
    return next(steps for least, steps in STEPS if rtol >= least)


def first_grid(mesh: Mesh, peaks: Peaks, rtol: float) -> FloatArray:
    """Points along each axis of a grid that should make the trapezoid rule converge, (d,).

    A bump has poles at a distance of pi kT from the real axis of energy. A sheet with a slope of s per period takes
    them to pi kT/s from the real axis of k, and the error of n points decays like exp(-2 pi n pi kT/s). Slopes are
    those at the vertices of simplices in which a sheet may come near a bump.
    """
    samples = mesh.samples
    slopes = np.abs(samples.velocity @ samples.cell.axes.T)[mesh.nodes].max(axis=1)
    spans = ranges(mesh, np.arange(len(mesh)), slice(None))
    needed, warm = np.zeros(samples.cell.dim), peaks.width > 0
    decades = COARSER * np.log(10.0 / min(rtol, 0.1)) / (2.0 * np.pi**2)
    for centre, width in zip(peaks.centre[warm], peaks.width[warm], strict=True):
        near = (spans.low < centre + NEAR * width) & (spans.high > centre - NEAR * width)
        if near.any():
            needed = np.maximum(needed, decades * slopes[near].max(axis=0) / width)
    return needed


def integrate(
    sampler: Sampler,
    cell: Cell,
    peaks: Peaks,
    goals: Sequence[Goal],
    *,
    first: FloatArray,
    rtol: float,
    degeneracy_tol: float,
    max_points: int,
    report: Report | None = None,
    hopeless: Hopeless | None = None,
) -> Integrals:
    """Same integrals as `engine.integrate`, for peaks of non-zero width on a periodic cell.

    `first` are points along each axis to begin with, fewer if there are not so many.
    """
    unit = 2 * block_steps(rtol)
    too_many = np.prod(np.maximum(first, 1.0)) / (MOST_AT_FIRST * max_points) if max_points > 0 else 1.0
    parts = np.maximum(np.ceil(first / max(too_many, 1.0) ** (1.0 / cell.dim) / unit).astype(int), 2) * unit
    origin = cell.origin + (ORIGIN[: cell.dim] / parts) @ cell.axes
    samples = Samples(sampler, replace(cell, origin=origin, divisions=tuple(parts.tolist())), max_points)
    run = _Run(samples, peaks, goals, rtol, degeneracy_tol, report, hopeless)
    run.refine()
    return run.summary()


@dataclass
class _Level:
    """The grid points under the window of one level, and the sums over them, block by block."""

    depth: int
    whole: bool
    """Whether the window is 1 everywhere."""
    blocks: IntArray
    """(block, d)"""
    sums: FloatArray
    """Sums with signs that alternate in the directions of a pattern, the first one in none: (block, pattern, p, c)."""
    error: FloatArray
    """What the sublattices say otherwise about a block, (block, p, c)."""
    unseen: BoolArray
    """Blocks in which sheets meet between grid points, (block,); none where whole sheets do."""
    touching: list[tuple[FloatArray, int]]
    """Those grid points (d,), and the lower sheet."""
    marked: BoolArray
    """Blocks that finer grids take over, (block,)."""


class _Run:
    """The levels of one integration."""

    def __init__(
        self,
        samples: Samples,
        peaks: Peaks,
        goals: Sequence[Goal],
        rtol: float,
        degeneracy_tol: float,
        report: Report | None,
        hopeless: Hopeless | None,
    ) -> None:
        self.samples, self.peaks, self.goals, self.rtol = samples, peaks, goals, rtol
        self.degeneracy_tol, self.report, self.hopeless = degeneracy_tol, report, hopeless
        self.dim, self.steps = samples.cell.dim, block_steps(rtol)
        self.patterns = np.array(list(product((0, 1), repeat=self.dim)))
        directions = self.patterns.sum(axis=1)
        self.striped = np.flatnonzero(directions == 1)
        self.believed = np.array([0.0, 1.0, *BELIEVED[self.dim][1:]])[directions]
        self.levels: list[_Level] = []
        self.ignored = np.zeros((len(peaks), len(goals)), dtype=bool)
        """(peak, block) that have no limit."""
        self.asked = False
        self.spent = False
        """Whether the points have run out."""

    @property
    def columns(self) -> int:
        """Length of the vector of integrands."""
        return max(max(goal.columns.stop, goal.modulus + 2) for goal in self.goals)

    def refine(self) -> None:
        """Lay levels until their errors together are within the tolerance, with smaller shares each time."""
        for attempt in range(TRIED):
            self._lay(TIGHTER**attempt)
            if self.spent or self._excess() <= 1.0:
                return

    def _lay(self, factor: float) -> None:
        index = self._everywhere(0)
        weight = np.ones(len(index))
        levels: list[_Level] = []
        try:
            for depth in range(DEEPEST[self.dim] + 1):
                levels.append(self._level(depth, index, weight))
                self._mark(levels, factor * SHARE)
                if not levels[-1].marked.any() or depth == DEEPEST[self.dim]:
                    levels[-1].marked[:] = False
                    break
                index, weight = self._under(levels)
        except OutOfPoints:
            self.spent = True
            for level in levels[-1:]:
                level.marked[:] = False
        if len(levels) >= len(self.levels) or not self.spent:
            self.levels = levels
        if self.report is not None:
            self.report(self._excess())

    def _grid(self, depth: int) -> IntArray:
        """Number of grid points along each axis at a level, (d,)."""
        return np.array(self.samples.cell.divisions, dtype=np.int64) << depth

    def _lattice(self, index: IntArray, depth: int) -> IntArray:
        return index << (self.samples.levels - depth)

    def _everywhere(self, depth: int) -> IntArray:
        axes = np.meshgrid(*(np.arange(n) for n in self._grid(depth)), indexing="ij")
        return np.stack(axes, axis=-1).reshape(-1, self.dim)

    def _key(self, block: IntArray, depth: int) -> IntArray:
        count = self._grid(depth) // self.steps
        return np.asarray(np.ravel_multi_index(tuple((block % count).T), tuple(count)))

    def _level(self, depth: int, index: IntArray, weight: FloatArray) -> _Level:
        """Sample the points of a level and sum over its blocks; raises OutOfPoints before anything is sampled."""
        slots = self.samples.index(self._lattice(index, depth))
        reached = corners(index, self.steps)
        keys = np.stack([self._key(corner.block, depth) for corner in reached])
        unique, place = np.unique(keys, return_inverse=True)
        place = place.reshape(keys.shape)
        sums = self._sums(depth, index, slots, place, weight * np.stack([corner.weight for corner in reached]))
        unseen = np.zeros(len(unique), dtype=bool)
        row, sheet = np.nonzero(self._meeting(slots, depth) & (weight > 0.0)[:, None])
        home = np.stack([corner.weight for corner in reached]).argmax(axis=0)
        unseen[place[home[row], row]] = True
        if np.count_nonzero(unseen) > MOST_UNSEEN:
            unseen[:] = False
            row, sheet = row[:0], sheet[:0]
        count = self._grid(depth) // self.steps
        return _Level(
            depth=depth,
            whole=len(index) == np.prod(self._grid(depth)) and bool((weight == 1.0).all()),
            blocks=np.stack(np.unravel_index(unique, tuple(count)), axis=1),
            sums=sums,
            error=self._otherwise(sums),
            unseen=unseen,
            touching=list(zip(self.samples.points(slots[row]), sheet.tolist(), strict=True)),
            marked=np.zeros(len(unique), dtype=bool),
        )

    def _sums(self, depth: int, index: IntArray, slots: IntArray, place: IntArray, weight: FloatArray) -> FloatArray:
        """Sums over the points of each block, (block, pattern, p, c); `place` and `weight` are (corner, k)."""
        samples, peaks = self.samples, self.peaks
        blocks, patterns = int(place.max()) + 1, len(self.patterns)
        signs = 1.0 - 2.0 * ((index @ self.patterns.T) % 2)
        volume = samples.cell.volume / float(np.prod(self._grid(depth).astype(float)))
        total = np.zeros((blocks * patterns, len(peaks) * self.columns))
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
        return total.reshape(blocks, patterns, len(peaks), self.columns)

    def _otherwise(self, sums: FloatArray) -> FloatArray:
        """Error of sums (.., pattern, p, c), by what the sublattices say, (.., p, c)."""
        size = np.abs(sums)
        for goal in self.goals:
            modulus = size[..., :1, :, goal.modulus, None]
            own = size[..., self.striped, :, goal.columns]
            ratio = np.divide(own, modulus, out=np.zeros_like(own), where=modulus > 0)
            size[..., self.striped, :, goal.columns] = own * np.clip(ratio, BELIEVED[self.dim][0], 1.0)
        return (self.believed[:, None, None] * size).max(axis=-3)

    def _meeting(self, slots: IntArray, depth: int) -> BoolArray:
        """Points at which a sheet and the next one come closer than they may move to the next point, (k, n - 1)."""
        energy, velocity = self.samples.energy[slots], self.samples.velocity[slots]
        gap, relative = np.diff(energy, axis=1), np.diff(velocity, axis=1)
        moved = (np.abs(relative @ self.samples.cell.axes.T) / self._grid(depth)).sum(axis=2)
        close = (gap > self.degeneracy_tol) & (gap < CLOSE * moved)
        close &= self.samples.coupling[slots][:, :-1] > COUPLED * np.linalg.norm(relative, axis=2)
        reach = np.log(1.0 / min(self.rtol, 0.1)) + MARGIN
        near = np.zeros(close.shape, dtype=bool)
        for centre, width in zip(self.peaks.centre, self.peaks.width, strict=True):
            near |= (energy[:, :-1] < centre + reach * width) & (energy[:, 1:] > centre - reach * width)
        return close & near

    def _limit(self, value: FloatArray, error: FloatArray) -> FloatArray:
        """What is wanted of each block of columns, (p, block); inf where nothing more can be had."""
        limit = np.maximum(*tolerance(value, self.goals, self.rtol))
        found = block_errors(error, self.goals)
        for b, goal in enumerate(self.goals):
            size = np.abs(value[:, goal.columns]).max(axis=1)
            forbidden = (found[:, b] < STALLED * np.abs(value[:, goal.modulus])) & (size <= found[:, b])
            limit[forbidden, b] = np.inf
        limit[self.ignored] = np.inf
        return limit

    def _mark(self, levels: list[_Level], share: float) -> None:
        """Mark the blocks of the last level that leave errors of less than a share of the tolerance to the others."""
        level = levels[-1]
        value = self._value(levels)
        limit = self._limit(value, self._otherwise(level.sums.sum(axis=0)))
        inverse = np.divide(1.0, limit, out=np.zeros_like(limit), where=limit > 0)
        forced = self._forced(levels, value)
        size = (block_errors(level.error, self.goals) * inverse).max(axis=(1, 2))
        order = np.lexsort((-size, ~forced))
        rest = np.concatenate([np.cumsum(level.sums[order][::-1], axis=0)[::-1], np.zeros((1, *level.sums.shape[1:]))])
        square = np.cumsum(level.error[order][::-1] ** 2, axis=0)[::-1]
        chance = np.sqrt(np.concatenate([square, np.zeros((1, *square.shape[1:]))]))
        before = block_errors(self._error(levels[:-1]), self.goals) if len(levels) > 1 else np.zeros_like(limit)
        share *= max(1.0 - float((before * inverse).max()), LEAST_LEFT)
        left = (block_errors(np.maximum(self._otherwise(rest), chance), self.goals) * inverse).max(axis=(1, 2))
        enough = np.flatnonzero((left <= share) & (np.arange(len(left)) >= np.count_nonzero(forced)))
        count = int(enough[0])
        if not count:
            return
        count = self._affordable(level, order, count)
        level.marked[order[:count]] = True

    def _affordable(self, level: _Level, order: IntArray, count: int) -> int:
        """How many of the blocks can be refined; all of them if that takes hardly more points."""
        left = self.samples.limit - self.samples.count

        def price(number: int) -> int:
            return self.samples.missing(self._lattice(self._around(level, order[:number]), level.depth + 1))

        wanted = price(count)
        if level.whole:
            every = self.samples.missing(self._lattice(self._everywhere(level.depth + 1), level.depth + 1))
            if wanted >= EVERYWHERE * every and every <= left:
                return len(order)
        if wanted <= left:
            return count
        self.spent = True
        low, high = 0, count
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if price(middle) <= left else (low, middle)
        return low

    def _forced(self, levels: list[_Level], value: FloatArray) -> BoolArray:
        """Blocks of the last level that are refined whatever their sums say, (block,)."""
        level = levels[-1]
        if len(level.touching) and level.depth >= NODE_LEVEL and self.hopeless is not None and not self.asked:
            self.asked = True
            self.ignored = self.hopeless(Unresolved(level.touching), tolerance(value, self.goals, self.rtol)[0])
        if self.ignored.all():
            return np.zeros(len(level.unseen), dtype=bool)
        return level.unseen

    def _under(self, levels: list[_Level]) -> tuple[IntArray, FloatArray]:
        """Grid points of the next level under the bumps of the marked blocks, and the product of all windows there."""
        last = levels[-1]
        depth = last.depth + 1
        if last.marked.all() and last.whole:
            index = self._everywhere(depth)
            return index, np.ones(len(index))
        index = self._around(last, np.flatnonzero(last.marked))
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

    def _around(self, level: _Level, blocks: IntArray) -> IntArray:
        """Grid points of the next level that the bumps of some blocks of a level reach, (k, d)."""
        reach = np.arange(1 - 2 * self.steps, 2 * self.steps)
        offsets = np.stack(np.meshgrid(*(reach,) * self.dim, indexing="ij"), axis=-1).reshape(-1, self.dim)
        count = self._grid(level.depth + 1)
        index = (2 * self.steps * level.blocks[blocks][:, None] + offsets).reshape(-1, self.dim) % count
        unique = np.unique(np.ravel_multi_index(tuple(index.T), tuple(count)))
        return np.stack(np.unravel_index(unique, tuple(count)), axis=1)

    def _value(self, levels: list[_Level]) -> FloatArray:
        """Sum of the levels, each over the blocks that are left to it, (p, c)."""
        return np.asarray(sum(level.sums[~level.marked, 0].sum(axis=0) for level in levels))

    def _error(self, levels: list[_Level]) -> FloatArray:
        """Sum of the errors of the levels, (p, c)."""
        total = np.zeros((len(self.peaks), self.columns))
        for level in levels:
            left = ~level.marked
            total += self._otherwise(level.sums[left].sum(axis=0))
            chance = np.sqrt((level.error[left] ** 2).sum(axis=0))
            total += np.maximum(chance - self._otherwise(level.sums[left].sum(axis=0)), 0.0)
            hidden = left & level.unseen
            total += np.abs(level.sums[hidden, 0]).sum(axis=0) + level.error[hidden].sum(axis=0)
        return total

    def _excess(self) -> float:
        """Largest error in units of what is allowed."""
        if not self.levels:
            return np.inf
        value, error = self._value(self.levels), self._error(self.levels)
        limit = self._limit(value, error)
        found = block_errors(error, self.goals)
        return float(np.divide(found, limit, out=np.zeros_like(found), where=limit > 0).max(initial=0.0))

    def summary(self) -> Integrals:
        """Everything in the form that all engines return."""
        samples, peaks = self.samples, self.peaks
        if not self.levels:
            empty = undiscovered(len(peaks), self.goals, self.columns)
            empty.method = "ended before the first grid"
            return empty
        value, error = self._value(self.levels), self._error(self.levels)
        allowed, floor = tolerance(value, self.goals, self.rtol)
        blocks = block_errors(error, self.goals)
        nearest = np.array([np.abs(samples.energy - centre).min(initial=np.inf) for centre in peaks.centre])
        grid = " x ".join(str(n) for n in samples.cell.divisions)
        text = f"trapezoid rule on a grid of {grid}"
        if len(self.levels) > 1:
            text += f", under windows on {len(self.levels) - 1} finer levels"
        unresolved = Unresolved([place for level in self.levels[-1:] for place in level.touching])
        return Integrals(
            value=value,
            error=error,
            converged=(blocks <= np.maximum(allowed, floor)) & ~self.ignored,
            limited=(blocks > allowed) & (blocks <= floor),
            points=samples.count,
            simplices=0,
            discovered=True,
            unresolved=unresolved,
            nearest=nearest,
            crossed=(value != 0.0).any(axis=1),
            hiding=np.zeros(len(peaks), dtype=bool),
            method=text,
            allowed=allowed,
            samples=samples,
        )
