"""Adaptive simplices of order 2: integrals of a vector over level sets, all peaks at once, with an error estimate.

Every leaf of the mesh knows its 2**d children: its value is their sum, its error the distance of that sum from its own
value. Leaves are refined where they matter most for the peaks that have not converged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .discovery import Unresolved, discover, relevant
from .elements import Elements, Peaks, children, contributions, first_mesh
from .peaks import FARTHEST
from .samples import Cell, OutOfPoints, Sampler, Samples

ERROR_FACTOR = 0.35
"""Share of |children - parent| that is reported as the error of the children. The surrogate converges as h**4 (1/15);
the linear cut of it, which is all there is where the surrogate is exact, as h**2 (1/3)."""

MARKING = 0.5
"""Share of the summed indicator that one round refines."""

NOISE = 1e-13
"""Rounding floor, in units of the integral of the modulus."""

PATIENCE = 100
"""Rounds of refinement, each of half of the summed indicator; a run that needs more ends unconverged and says so."""

STALLED = 3e-6
"""A block that is zero within its error, and that error this share of the modulus, is left: it looks forbidden."""
FAR = 30.0
"""... if its tolerance is still this many times smaller."""


@dataclass(frozen=True)
class Goal:
    """When one block of columns of the integrand counts as converged."""

    columns: slice
    modulus: int
    """Column whose integral has no cancellation."""
    atol: float
    entries: FloatArray
    """Entries of the tensor that the tolerance acts on, as combinations of the columns, (c, entry)."""
    width: int = 0
    """Number of all columns, where there are more behind those of the goals."""

    @property
    def reach(self) -> int:
        """Columns that there must be at least: its own, its modulus and the part of that from small gaps."""
        return max(self.columns.stop, self.modulus + 2, self.width)


BY_PEAK = ("value", "error", "converged", "limited", "nearest", "crossed", "hiding", "allowed")


@dataclass
class Integrals:
    """Integrals of a vector under peaks, with errors and what the run has cost."""

    value: FloatArray
    """(peak, c)"""
    error: FloatArray
    """(peak, c), inf while discovery is unfinished"""
    converged: BoolArray
    """(peak, block)"""
    limited: BoolArray
    """(peak, block): stopped by the rounding floor"""
    points: int
    simplices: int
    discovered: bool
    unresolved: Unresolved
    nearest: FloatArray
    """Distance in energy of each peak from the nearest sampled sheet, (peak,)"""
    crossed: BoolArray
    """Peaks that picked anything from any element, (peak,)"""
    hiding: BoolArray
    """Peaks near which an element at the deepest level may still hide a piece, (peak,)"""
    method: str
    """What was done, for a reader of the result."""
    allowed: FloatArray
    """The tolerance of each block, (peak, block)."""
    samples: Samples | None = None
    """Everything that was sampled, if it was kept."""
    audit: str = "none"
    """What a second search said: `agrees`, or in what it does not."""

    def joined(self, rows: IntArray, other: Integrals, others: IntArray) -> Integrals:
        """The integrals of two runs over disjoint peaks, which are given by their numbers in the whole."""
        order = np.argsort(np.concatenate([rows, others]))
        arrays = {name: np.concatenate([getattr(self, name), getattr(other, name)])[order] for name in BY_PEAK}
        return replace(
            self,
            **arrays,
            points=max(self.points, other.points),
            discovered=self.discovered and other.discovered,
            unresolved=replace(self.unresolved, touching=self.unresolved.touching + other.unresolved.touching),
            method=f"kT = 0: {self.method}; kT > 0: {other.method}",
        )

    def reordered(self, order: IntArray) -> Integrals:
        """The same for other peaks, given by their numbers; repeats are allowed."""
        return replace(self, **{name: getattr(self, name)[order] for name in BY_PEAK})


def undiscovered(peaks: int, goals: Sequence[Goal], width: int) -> Integrals:
    """What is left when the points end before the first mesh: nothing, with an infinite error."""
    shape = (peaks, len(goals))
    return Integrals(
        value=np.zeros((peaks, width)),
        error=np.full((peaks, width), np.inf),
        converged=np.zeros(shape, dtype=bool),
        limited=np.zeros(shape, dtype=bool),
        points=0,
        simplices=0,
        discovered=False,
        unresolved=Unresolved(),
        nearest=np.full(peaks, np.inf),
        crossed=np.zeros(peaks, dtype=bool),
        hiding=np.zeros(peaks, dtype=bool),
        method="ended before the first mesh",
        allowed=np.zeros(shape),
    )


def tolerance(value: FloatArray, goals: Sequence[Goal], rtol: float) -> tuple[FloatArray, FloatArray]:
    """Tolerance and rounding floor of each block at each peak, both (peak, block)."""
    allowed = np.empty((len(value), len(goals)))
    floor = np.empty_like(allowed)
    for b, goal in enumerate(goals):
        size = np.abs(value[:, goal.columns]).max(axis=1)
        floor[:, b] = NOISE * np.abs(value[:, goal.modulus])
        allowed[:, b] = np.maximum.reduce(
            [np.full(len(value), goal.atol), rtol * size, np.full(len(value), 1e-3 * rtol * size.max(initial=0.0))]
        )
    return allowed, floor


def vanishing(value: FloatArray, error: FloatArray, goals: Sequence[Goal]) -> BoolArray:
    """Blocks that are zero within an error that is tiny beside their modulus, (peak, block): more points help not."""
    largest = block_errors(error, goals)
    size = np.stack([np.abs(value[:, goal.columns]).max(axis=1) for goal in goals], axis=1)
    modulus = np.abs(value[:, [goal.modulus for goal in goals]])
    return np.asarray((largest < STALLED * modulus) & (size <= largest))


def block_errors(error: FloatArray, goals: Sequence[Goal]) -> FloatArray:
    """Largest error among the wanted entries of each block, (.., block)."""
    found = []
    for goal in goals:
        columns = error[..., goal.columns]
        infinite = np.isinf(columns).any(axis=-1) & bool(goal.entries.any())
        largest = (np.where(np.isinf(columns), 0.0, columns) @ np.abs(goal.entries)).max(axis=-1, initial=0.0)
        found.append(np.where(infinite, np.inf, largest))
    return np.stack(found, axis=-1)


class Mesh:
    """Leaves with their totals, errors and indicators."""

    def __init__(self, samples: Samples, peaks: Peaks, goals: Sequence[Goal], width: int) -> None:
        self.samples, self.peaks, self.goals = samples, peaks, goals
        self.value = np.zeros((len(peaks), width))
        self.spread = np.zeros((len(peaks), width))
        self.crossed = np.zeros(len(peaks), dtype=bool)
        self.hidden: FloatArray = np.zeros((len(peaks), width))
        self.leaves: Elements | None = None
        self.indicator = np.zeros((0, len(peaks), len(goals)), dtype=np.float32)

    def _differences(self, parents: Elements, offspring: Elements, sign: float) -> FloatArray:
        """Add (or take away) parents as leaves; returns their indicators (parent, peak, block)."""
        ratio = len(offspring) // max(len(parents), 1)
        shape = self.value.shape
        size = max(1, 6_000_000 // max(1, self.value.size))
        indicators = np.zeros((len(parents), shape[0], len(self.goals)), dtype=np.float32)
        for start in range(0, len(parents), size):
            own = parents.take(slice(start, start + size))
            theirs = offspring.take(slice(start * ratio, (start + len(own)) * ratio))
            owner = np.arange(len(theirs)) // max(ratio, 1)
            table = contributions(self.samples, theirs, owner, len(own), self.peaks)
            self.value += sign * table.sum(axis=0)
            self.crossed |= (table != 0.0).any(axis=(0, 2))
            table -= contributions(self.samples, own, np.arange(len(own)), len(own), self.peaks)
            np.abs(table, out=table)
            self.spread += sign * table.sum(axis=0)
            indicators[start : start + len(own)] = block_errors(table, self.goals)
        return indicators

    def add(self, parents: Elements) -> None:
        """Evaluate the children of new leaves and take them in; raises OutOfPoints before anything has changed."""
        parents = parents.take(relevant(self.samples, parents, self.peaks))
        offspring = children(self.samples, parents)
        fresh = self._differences(parents, offspring, 1.0)
        self.leaves = parents if self.leaves is None else self.leaves.join(parents)
        self.indicator = np.concatenate([self.indicator, fresh])

    def refine(self, index: np.ndarray) -> None:
        """Replace leaves by their children; raises OutOfPoints before anything has changed."""
        assert self.leaves is not None
        old = self.leaves.take(index)
        offspring = children(self.samples, old)
        useful = offspring.take(relevant(self.samples, offspring, self.peaks))
        grand = children(self.samples, useful)
        self._differences(old, offspring, -1.0)
        keep = np.ones(len(self.leaves), dtype=bool)
        keep[index] = False
        self.leaves = self.leaves.take(keep).join(useful)
        fresh = self._differences(useful, grand, 1.0)
        self.indicator = np.concatenate([self.indicator[keep], fresh])

    @property
    def error(self) -> FloatArray:
        """Error estimate of each total, (peak, c)."""
        return ERROR_FACTOR * np.maximum(self.spread, 0.0) + self.hidden


def _mark(mesh: Mesh, excess: FloatArray) -> np.ndarray:
    """Leaves to refine next: the largest indicators that make up half of their sum over the unconverged peaks."""
    assert mesh.leaves is not None
    size = np.zeros(len(mesh.leaves))
    for start in range(0, len(size), 4096):
        part = mesh.indicator[start : start + 4096] * excess
        size[start : start + 4096] = part.reshape(len(part), -1).max(axis=1, initial=0.0)
    size[mesh.leaves.level >= mesh.samples.levels - 3] = 0.0
    order = np.argsort(-size)
    cumulative = np.cumsum(size[order])
    if cumulative[-1] <= 0.0:
        return order[:0]
    return order[: int(np.searchsorted(cumulative, MARKING * cumulative[-1])) + 1]


def integrate(
    sampler: Sampler,
    cell: Cell,
    peaks: Peaks,
    goals: Sequence[Goal],
    *,
    rtol: float,
    degeneracy_tol: float,
    max_points: int,
    report: Callable[[int, float], None] | None = None,
    hopeless: Callable[[Unresolved, FloatArray], BoolArray] | None = None,
    samples: Samples | None = None,
) -> Integrals:
    """Integrals over the cell of sum_n F_n peak(E_n - centre) for every peak, with errors.

    `goals` say block by block what is wanted; the run ends when each block has converged at each peak, when nothing
    can be refined any more, or before `max_points` would be exceeded. `hopeless` is asked once, after discovery, which
    (peak, block) have no limit, given what discovery could not resolve and the tolerances; nothing is refined for them.
    `samples` are points that are known already; they count.
    """
    samples = Samples(sampler, cell, max_points) if samples is None else samples
    unresolved, discovered = Unresolved(), False
    try:
        elements = first_mesh(samples)
        elements, unresolved = discover(samples, elements, peaks, degeneracy_tol)
        peaks = _shorten(peaks, _nearest(samples, peaks), rtol)
        mesh = Mesh(samples, peaks, goals, samples.integrand.shape[2])
        mesh.add(elements)
        if unresolved.hidden is not None:
            mesh.hidden = unresolved.hidden
        discovered = True
    except OutOfPoints:
        width = max(goal.reach for goal in goals)
        mesh = Mesh(samples, peaks, goals, width)
    if discovered:
        given_up = np.zeros((len(peaks), len(goals)), dtype=bool)
        if hopeless is not None:
            given_up = hopeless(unresolved, tolerance(mesh.value, goals, rtol)[0])
        _adapt(mesh, rtol, given_up, report)
    return _summary(mesh, rtol, discovered, unresolved)


def _adapt(mesh: Mesh, rtol: float, given_up: BoolArray, report: Callable[[int, float], None] | None) -> None:
    """Refine until every block that is not given up has converged, or nothing more can be done."""
    for _ in range(PATIENCE):
        allowed, floor = tolerance(mesh.value, mesh.goals, rtol)
        limit = np.maximum(allowed, floor)
        error = block_errors(mesh.error, mesh.goals)
        # No relative tolerance will ever stop what looks forbidden.
        given_up |= vanishing(mesh.value, mesh.error, mesh.goals) & (error > FAR * limit)
        open_ones = (error > limit) & ~given_up
        ratio = np.divide(error, limit, out=np.zeros_like(error), where=open_ones & (limit > 0))
        if report is not None:
            report(mesh.samples.paid, float(ratio.max(initial=0.0)))
        if not open_ones.any():
            return
        excess = np.divide(1.0, limit, out=np.zeros_like(limit), where=open_ones & (limit > 0))
        marked = _mark(mesh, excess)
        while len(marked):
            try:
                mesh.refine(marked)
                break
            except OutOfPoints:
                marked = marked[: len(marked) // 2]
        if not len(marked):
            return


def _nearest(samples: Samples, peaks: Peaks) -> FloatArray:
    """Distance in energy of each peak from the nearest sampled sheet, (peak,)."""
    energies = np.sort(samples.energy.ravel()) if samples.count else np.empty(0)
    if not len(energies):
        return np.full(len(peaks), np.inf)
    place = np.searchsorted(energies, peaks.centre)
    above = np.abs(energies[np.minimum(place, len(energies) - 1)] - peaks.centre)
    below = np.abs(energies[np.maximum(place - 1, 0)] - peaks.centre)
    return np.minimum(above, below)


def _shorten(peaks: Peaks, nearest: FloatArray, rtol: float) -> Peaks:
    """Cut bumps where what they still pick is below the tolerance: from the nearest sheet on, exp(-12) rtol."""
    widths = np.divide(nearest, peaks.width, out=np.zeros_like(nearest), where=peaks.width > 0)
    return Peaks(peaks.centre, peaks.width, np.minimum(widths + 12.0 - np.log(min(rtol, 1.0)), FARTHEST))


def _summary(mesh: Mesh, rtol: float, discovered: bool, unresolved: Unresolved) -> Integrals:
    samples, peaks = mesh.samples, mesh.peaks
    nearest = _nearest(samples, peaks)
    error = mesh.error if discovered else np.full(mesh.value.shape, np.inf)
    allowed, floor = tolerance(mesh.value, mesh.goals, rtol)
    blocks = block_errors(error, mesh.goals)
    return Integrals(
        value=mesh.value,
        error=error,
        converged=(blocks <= np.maximum(allowed, floor)) & discovered,
        limited=(blocks > allowed) & (blocks <= floor) & discovered,
        points=samples.paid,
        simplices=0 if mesh.leaves is None else len(mesh.leaves),
        discovered=discovered,
        unresolved=unresolved,
        nearest=nearest,
        crossed=mesh.crossed,
        hiding=np.atleast_1d(np.any(mesh.hidden > 0, axis=1)),
        method="adaptive simplices, order-2 energies and integrand",
        allowed=allowed,
        samples=samples,
    )
