"""The integrator: integrals over level sets under any peaks, by patches and moments in energy, or by simplices.

One mesh is sampled, one search finds the critical energies; every energy that the moments ask for starts from them. A
model for which patches would cost more than adaptive simplices, or cannot be had, goes to `simplices`; the choice and
its reason are part of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import BoolArray, FloatArray
from .critical import CriticalPoints, critical_points
from .discovery import Unresolved
from .elements import Peaks
from .field import Field, SheetSplit
from .moments import DENSE, Moments, moments
from .samples import Cell, OutOfPoints, Sampler, Samples
from .search import first_mesh
from .simplices import Goal, Integrals, block_errors, tolerance, undiscovered
from .surfaces import LevelSets

Hopeless = Callable[[Unresolved, FloatArray], BoolArray]

WIDEST = 65.0
TAIL = 25.0
"""In widths: a bump in a gap is followed TAIL widths beyond the nearest sheet, WIDEST at most."""
SCOUTS = 8
"""Sharp energies at which the size of the integrals is looked at when nodes may make some of them diverge."""


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
    hopeless: Hopeless | None = None,
) -> Integrals:
    """Integrals over the cell of sum_n F_n peak(E_n - centre) for every peak, with errors.

    `goals` say block by block what is wanted. `hopeless` is asked once which (peak, block) have no limit, given where
    sheets may touch and the tolerances (peak, block); nothing is refined for them. The run ends when the rest has
    converged, when nothing can be refined any more, or before `max_points` would be exceeded.
    """
    apart: frozenset[int] = frozenset()
    field = Field(sampler, max_points, degeneracy_tol)
    samples = Samples(field, cell, max_points)
    run = _Patches(field, samples, peaks, goals, rtol, hopeless, report)
    while True:
        try:
            return run.integrate(apart)
        except SheetSplit as split:
            apart |= {split.band}


class _Patches:
    """One run; samples are kept when it has to start again with other sheets."""

    def __init__(
        self,
        field: Field,
        samples: Samples,
        peaks: Peaks,
        goals: Sequence[Goal],
        rtol: float,
        hopeless: Hopeless | None,
        report: Callable[[int, float], None] | None,
    ) -> None:
        self.field, self.samples, self.peaks, self.goals = field, samples, peaks, goals
        self.rtol, self.hopeless, self.report = rtol, hopeless, report
        self.columns = max(max(goal.columns.stop, goal.modulus + 2) for goal in goals)

    def integrate(self, apart: frozenset[int]) -> Integrals:
        try:
            mesh = first_mesh(self.samples, self.field)
        except OutOfPoints:
            return undiscovered(len(self.peaks), self.goals, self.columns)
        self.columns = self.samples.integrand.shape[2]
        self.field.find_sheets(self.samples.energy, apart)
        if not self.field.sheets:
            return self._nothing()
        nearest = _nearest(self.samples.energy, self.peaks)
        windows = self._windows(nearest)
        critical = critical_points(self.field, mesh, windows) if len(windows) else CriticalPoints()
        surfaces = LevelSets(self.field, mesh, self.goals, self.columns)
        if self.report is not None:
            surfaces.report = self._tell
        ignored = self._hopeless(critical, surfaces)
        found = moments(
            surfaces,
            critical.energies,
            self.peaks.centre,
            self.peaks.width,
            self.goals,
            rtol=self.rtol,
            dim=self.samples.cell.dim,
        )
        return self._summary(found, surfaces, critical, nearest, ignored)

    def _tell(self) -> None:
        assert self.report is not None
        self.report(self.field.points, 0.0)

    def _windows(self, nearest: FloatArray) -> FloatArray:
        """Intervals of energy (w, 2) in which critical energies matter: under bumps, and between many sharp peaks."""
        centre, width = self.peaks.centre, self.peaks.width
        warm = width > 0
        half = np.minimum(np.maximum(40.0 * width, nearest + TAIL * width), WIDEST * width)[warm]
        low, high = centre[warm] - half, centre[warm] + half
        sharp = np.unique(centre[~warm])
        if len(sharp) >= DENSE:
            low, high = np.append(low, sharp[0]), np.append(high, sharp[-1])
        merged: list[list[float]] = []
        for a, b in sorted(zip(low.tolist(), high.tolist(), strict=True)):
            if merged and a <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], b)
            else:
                merged.append([a, b])
        return np.array(merged).reshape(-1, 2)

    def _hopeless(self, critical: CriticalPoints, surfaces: LevelSets) -> BoolArray:
        """Which (peak, block) have no limit."""
        none = np.zeros((len(self.peaks), len(self.goals)), dtype=bool)
        if self.hopeless is None or not critical.kinks:
            return none
        centres = np.unique(self.peaks.centre)
        scouts = centres[np.unique(np.linspace(0, len(centres) - 1, SCOUTS).astype(int))]
        try:
            numbers = surfaces.open(scouts)
        except OutOfPoints:
            return none
        values = surfaces.value[numbers][np.abs(self.peaks.centre[:, None] - scouts).argmin(axis=1)]
        return self.hopeless(Unresolved(list(critical.kinks)), tolerance(values, self.goals, self.rtol)[0])

    def _nothing(self) -> Integrals:
        empty = undiscovered(len(self.peaks), self.goals, self.columns)
        empty.error[:] = 0.0
        empty.discovered = True
        empty.converged[:] = True
        empty.samples = self.samples
        return empty

    def _summary(
        self, found: Moments, surfaces: LevelSets, critical: CriticalPoints, nearest: FloatArray, ignored: BoolArray
    ) -> Integrals:
        peaks = self.peaks
        ends = np.array([c.energy for c in critical.energies])
        if len(ends):
            nearest = np.minimum(nearest, np.abs(peaks.centre[:, None] - ends).min(axis=1))
        allowed, floor = tolerance(found.value, self.goals, self.rtol)
        blocks = block_errors(found.error, self.goals)
        sharp = peaks.width == 0
        hiding = np.zeros(len(peaks), dtype=bool)
        cold = np.flatnonzero(sharp)
        hiding[cold] = surfaces.hides(peaks.centre[cold])
        unresolved = Unresolved(surfaces.unresolved.touching + list(critical.kinks))
        crossed = (found.value != 0.0).any(axis=1)
        return Integrals(
            value=found.value,
            error=found.error,
            converged=(blocks <= np.maximum(allowed, floor)) & ~ignored,
            limited=(blocks > allowed) & (blocks <= floor),
            points=self.field.points,
            simplices=len(surfaces.patches.owner),
            discovered=True,
            unresolved=unresolved,
            nearest=nearest,
            crossed=crossed,
            hiding=hiding,
            method=_method(self.samples.cell.dim, found, peaks, surfaces),
            allowed=allowed,
            samples=self.samples,
        )


def _method(dim: int, found: Moments, peaks: Peaks, surfaces: LevelSets) -> str:
    kind = "arcs" if dim == 2 else "facets"
    energies = len(found.energies)
    text = f"Fermi-surface patches: {len(surfaces.patches.owner)} {kind} at {energies} energies"
    return f"{text}, {found.strategy}" if energies > 1 or (peaks.width > 0).any() else text


def _nearest(energy: FloatArray, peaks: Peaks) -> FloatArray:
    """Distance of each peak from the nearest energy (any shape); 0 between the lowest and highest one of a sheet."""
    flat = np.sort(energy.ravel())
    if not len(flat):
        return np.full(len(peaks), np.inf)
    place = np.searchsorted(flat, peaks.centre)
    above = np.abs(flat[np.minimum(place, len(flat) - 1)] - peaks.centre)
    below = np.abs(flat[np.maximum(place - 1, 0)] - peaks.centre)
    nearest = np.minimum(above, below)
    for low, high in zip(energy.min(axis=0), energy.max(axis=0), strict=True):
        nearest[(peaks.centre >= low) & (peaks.centre <= high)] = 0.0
    return nearest
