"""Bumps on a periodic cell: the trapezoid rule, under smooth windows on finer and finer grids where one is not enough.

A sum over a regular grid of a smooth periodic function converges exponentially, and nothing beats it where a bump is so
wide that it reaches most of the cell. What spoils it are hot spots. So with windows w_l that are 1 where a grid of
step h/2**l is needed and 0 elsewhere, w_0 = 1,

    int F = sum_l T_l[F w_0 .. w_l (1 - w_(l+1))],

each sum over the grid of its level. Windows are sums of the bumps of marked blocks (`partition`). The error of a level
is what its sublattices say otherwise about the part that is not refined; a block is marked by what they say about it
alone. What no grid point needs to show, hot spots between them, is looked for and weighed (`hot_spots`), and is a part
of the errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .discovery import Unresolved
from .elements import Peaks
from .grid_levels import Grids, Level, block_steps
from .mesh import Mesh
from .samples import Cell, OutOfPoints, Sampler, Samples
from .search import ranges
from .simplices import Goal, Integrals, block_errors, tolerance, undiscovered, vanishing

Report = Callable[[float], None]
Hopeless = Callable[[Unresolved, FloatArray], BoolArray]

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
MOST_AT_FIRST = 0.4
"""Share of all points for the first grid."""
EVERYWHERE = 0.6
"""A finer grid everywhere is preferred if windows would take this share of its points."""


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
    shift = ORIGIN[: cell.dim]
    if cell.action is not None:
        # A mirror plane half a step off the grid would turn one sublattice into the other: both would be wrong alike.
        parts, shift = np.array(cell.action.divisions(tuple(parts.tolist()))), cell.action.invariant(shift)
    origin = cell.origin + (shift / parts) @ cell.axes
    grid = replace(cell, origin=origin, divisions=tuple(parts.tolist()), fineness=1)
    samples = Samples(sampler, grid, max_points)
    run = _Run(samples, peaks, goals, rtol, degeneracy_tol, report, hopeless)
    run.refine()
    return run.summary()


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
        self.grids = Grids(samples, peaks, goals, rtol, degeneracy_tol)
        self.samples, self.peaks, self.goals, self.rtol = samples, peaks, goals, rtol
        self.dim, self.report, self.hopeless = samples.cell.dim, report, hopeless
        self.levels: list[Level] = []
        self.ignored = np.zeros((len(peaks), len(goals)), dtype=bool)
        """(peak, block) that have no limit."""
        self.asked = False
        self.spent = False
        """Whether the points have run out."""

    def refine(self) -> None:
        """Lay levels until their errors together are within the tolerance, with smaller shares each time."""
        for attempt in range(TRIED):
            self._lay(TIGHTER**attempt)
            if self.spent or self._excess(self.levels) <= 1.0:
                return

    def _lay(self, factor: float) -> None:
        levels: list[Level] = []
        try:
            for depth in range(DEEPEST[self.dim] + 1):
                levels.append(self.grids.level(levels))
                self._mark(levels, factor * SHARE)
                if not levels[-1].marked.any() or depth == DEEPEST[self.dim]:
                    levels[-1].marked[:] = False
                    break
        except OutOfPoints:
            self.spent = True
            for level in levels[-1:]:
                level.marked[:] = False
        if not self.spent or self._excess(levels) < self._excess(self.levels):
            self.levels = levels
        if self.report is not None:
            self.report(self._excess(self.levels))

    def _limit(self, value: FloatArray, error: FloatArray) -> FloatArray:
        """What is wanted of each block of columns, (p, block); inf where nothing more can be had."""
        limit = np.maximum(*tolerance(value, self.goals, self.rtol))
        limit[vanishing(value, error, self.goals)] = np.inf
        limit[self.ignored] = np.inf
        return limit

    def _mark(self, levels: list[Level], share: float) -> None:
        """Mark the blocks of the last level that leave errors of less than a share of the tolerance to the others."""
        level = levels[-1]
        # Before a spike is resolved it may make the value, and so the tolerance, much too large.
        value = self._value(self.levels or levels)
        self._ask(level, value)
        known = np.maximum(self.grids.otherwise(level.sums.sum(axis=0)), level.hidden.sum(axis=0))
        limit = self._limit(value, known)
        inverse = np.divide(1.0, limit, out=np.zeros_like(limit), where=limit > 0)
        size = (block_errors(level.error, self.goals) * inverse).max(axis=(1, 2))
        order = np.argsort(-size, kind="stable")
        rest = np.concatenate([np.cumsum(level.sums[order][::-1], axis=0)[::-1], np.zeros((1, *level.sums.shape[1:]))])
        square = np.cumsum(level.error[order][::-1] ** 2, axis=0)[::-1]
        chance = np.sqrt(np.concatenate([square, np.zeros((1, *square.shape[1:]))]))
        hidden = np.cumsum(level.hidden[order][::-1], axis=0)[::-1]
        chance[:-1] = np.maximum(chance[:-1], hidden)
        before = block_errors(self._error(levels[:-1]), self.goals) if len(levels) > 1 else np.zeros_like(limit)
        share *= max(1.0 - float((before * inverse).max()), LEAST_LEFT)
        left = (block_errors(np.maximum(self.grids.otherwise(rest), chance), self.goals) * inverse).max(axis=(1, 2))
        count = int(np.flatnonzero(left <= share)[0])
        if not count:
            return
        count = self._affordable(level, order, count)
        level.marked[order[:count]] = True

    def _affordable(self, level: Level, order: IntArray, count: int) -> int:
        """How many of the blocks can be refined; all of them if that takes hardly more points."""
        left = self.samples.left

        def price(number: int) -> int:
            return self.samples.missing(self.grids.lattice(self.grids.around(level, order[:number]), level.depth + 1))

        wanted = price(count)
        if level.whole:
            every = self.samples.missing(self.grids.lattice(self.grids.everywhere(level.depth + 1), level.depth + 1))
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

    def _ask(self, level: Level, value: FloatArray) -> None:
        """Ask once, where sheets still meet at a deep level, what has no limit."""
        if len(level.touching) and level.depth >= NODE_LEVEL and self.hopeless is not None and not self.asked:
            self.asked = True
            self.ignored = self.hopeless(Unresolved(level.touching), tolerance(value, self.goals, self.rtol)[0])

    def _value(self, levels: list[Level]) -> FloatArray:
        """Sum of the levels, each over the blocks that are left to it, (p, c)."""
        return np.asarray(sum(level.sums[~level.marked, 0].sum(axis=0) for level in levels))

    def _error(self, levels: list[Level]) -> FloatArray:
        """Sum of the errors of the levels, (p, c)."""
        total = np.zeros((len(self.peaks), self.grids.columns))
        for level in levels:
            left = ~level.marked
            chance = np.sqrt((level.error[left] ** 2).sum(axis=0))
            likely = np.maximum(self.grids.otherwise(level.sums[left].sum(axis=0)), chance)
            total += np.maximum(likely, level.hidden[left].sum(axis=0))
        return total

    def _excess(self, levels: list[Level]) -> float:
        """Largest error in units of what is allowed; inf without levels."""
        if not levels:
            return np.inf
        value, error = self._value(levels), self._error(levels)
        limit = self._limit(value, error)
        found = block_errors(error, self.goals)
        return float(np.divide(found, limit, out=np.zeros_like(found), where=limit > 0).max(initial=0.0))

    def summary(self) -> Integrals:
        """Everything in the form that all engines return."""
        samples, peaks = self.samples, self.peaks
        if not self.levels:
            empty = undiscovered(len(peaks), self.goals, self.grids.columns)
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
            points=samples.paid + samples.aside,
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
