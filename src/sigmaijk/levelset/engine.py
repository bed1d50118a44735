"""The integrator: integrals over level sets under any peaks, by patches and moments in energy, grids, or simplices.

One mesh is sampled, one search finds the critical energies; every energy that the moments ask for starts from them. A
model for which patches would cost more than adaptive simplices, or cannot be had, goes to `simplices`; the choice and
its reason are part of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from . import nested_grids, simplices
from .costs import SCOUTS, Costs, expected
from .critical import CriticalPoints, barriers, critical_points
from .discovery import Unresolved
from .elements import Peaks
from .field import FLAT, Field, SheetSplit
from .mesh import Mesh
from .moments import DENSE, Moments, moments
from .samples import Cell, OutOfPoints, Sampler, Samples
from .search import first_mesh
from .simplices import BY_PEAK, Goal, Integrals, block_errors, tolerance, undiscovered, vanishing
from .surfaces import LevelSets
from .windows import merge_windows

Hopeless = Callable[[Unresolved, FloatArray], BoolArray]

WIDEST = 65.0
BEYOND = 3.0
"""In widths: critical energies are looked for ln(1/rtol) + BEYOND widths beyond the nearest sheet, WIDEST at most."""
AT_PEAK = 1e-9
"""A critical energy within this of a sharp peak (eV) is at it."""
FEW = 40
"""So many bumps have rules of their own where some integrals diverge."""


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
        self.columns = max(goal.reach for goal in goals)

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
        costs = self._expected(mesh, self.peaks)
        warm = self.peaks.width > 0
        if warm.any() and not warm.all():
            alone = self._expected(mesh, self.peaks.take(np.flatnonzero(warm)))
            if alone.grids < alone.patches and alone.grids < costs.patches:
                return self._apart(np.flatnonzero(~warm), np.flatnonzero(warm), alone, nearest, apart)
        if costs.best == "grids":
            return self._grids(self.peaks, costs, nearest, self.hopeless)
        windows = self._windows(nearest)
        critical = critical_points(self.field, mesh, windows) if len(windows) else CriticalPoints()
        costs = costs.with_ends(self.peaks, self.rtol, critical, len(windows))
        if costs.best == "grids":
            return self._grids(self.peaks, costs, nearest, self.hopeless)
        if costs.best == "simplices":
            return self._simplices(f"chosen because {costs.describe()}", self.hopeless)
        surfaces = LevelSets(self.field, mesh, self.goals, self.columns)
        if critical.complete and len(windows):
            surfaces.follow(barriers(critical, [sheet.start for sheet in self.field.sheets]), windows)
        if self.report is not None:
            surfaces.report = self._tell
        hopeless, standing = self._hopeless(critical, surfaces)
        ignored = hopeless | standing[:, None]
        found = moments(
            surfaces,
            critical.energies,
            self.peaks.centre,
            self.peaks.width,
            self.goals,
            rtol=self.rtol,
            dim=self.samples.cell.dim,
            # A table has no use for a neighbourhood in which something diverges; rules stay away from it.
            tabulated=False if ignored.any() and np.count_nonzero(self.peaks.width > 0) <= FEW else None,
            ignored=ignored,
        )
        result = self._summary(found, surfaces, critical, nearest, hopeless)
        result.method += f"; {costs.describe()}"
        late: BoolArray = ~np.asarray(
            (result.converged | result.limited | ignored | vanishing(result.value, result.error, self.goals)).all(
                axis=1
            )
        )
        if late.any() and found.complete and self.field.points < self.field.limit:
            return self._rescued(result, late)
        return result

    def _expected(self, mesh: Mesh, peaks: Peaks) -> Costs:
        return expected(mesh, self.field.leads, peaks, self.rtol, self.columns)

    def _grids(self, peaks: Peaks, costs: Costs, nearest: FloatArray, hopeless: Hopeless | None) -> Integrals:
        """Bumps on a periodic cell by sums over grids, which need no level sets."""
        result = nested_grids.integrate(
            self.field,
            self.samples.cell,
            peaks,
            self.goals,
            first=costs.grid,
            rtol=self.rtol,
            degeneracy_tol=self.field.degeneracy_tol,
            max_points=self.field.limit - self.field.points,
            report=None if self.report is None else self._tell,
            hopeless=hopeless,
        )
        result.points = self.field.points
        result.nearest = np.minimum(result.nearest, nearest)
        result.method += f"; {costs.describe()}"
        return result

    def _apart(
        self, cold: IntArray, warm: IntArray, costs: Costs, nearest: FloatArray, apart: frozenset[int]
    ) -> Integrals:
        """Patches for the delta functions, grids for the bumps."""

        def ask(rows: IntArray) -> Hopeless | None:
            if self.hopeless is None:
                return None
            whole = self.hopeless

            def some(unresolved: Unresolved, allowed: FloatArray) -> BoolArray:
                filled = np.full((len(self.peaks), len(self.goals)), np.inf)
                filled[rows] = allowed
                return whole(unresolved, filled)[rows]

            return some

        sharp = _Patches(
            self.field, self.samples, self.peaks.take(cold), self.goals, self.rtol, ask(cold), self.report
        ).integrate(apart)
        broad = self._grids(self.peaks.take(warm), costs, nearest[warm], ask(warm))
        return sharp.joined(cold, broad, warm)

    def _simplices(self, reason: str, hopeless: Hopeless | None) -> Integrals:
        """The other engine, on the samples that are there."""
        result = simplices.integrate(
            self.field,
            self.samples.cell,
            self.peaks,
            self.goals,
            rtol=self.rtol,
            degeneracy_tol=self.field.degeneracy_tol,
            max_points=self.field.limit,
            report=self.report,
            hopeless=hopeless,
            samples=self.samples,
        )
        result.points = self.field.points
        result.method += f"; {reason}"
        return result

    def _rescued(self, result: Integrals, late: BoolArray) -> Integrals:
        """Simplices for the peaks that patches could not finish; what is more certain is kept."""
        rows = np.flatnonzero(late)
        self.peaks = self.peaks.take(rows)
        other = self._simplices("", None)
        mine, theirs = block_errors(result.error[rows], self.goals), block_errors(other.error, self.goals)
        better = np.isinf(mine).any(axis=1) | (theirs <= mine).all(axis=1)
        for name in BY_PEAK:
            getattr(result, name)[rows[better]] = getattr(other, name)[better]
        result.points = self.field.points
        result.unresolved.touching += other.unresolved.touching
        result.method += f"; {other.method}for {len(rows)} (kT, mu) at which patches did not arrive"
        return result

    def _tell(self, ratio: float = 0.0) -> None:
        assert self.report is not None
        self.report(self.field.points, ratio)

    def _windows(self, nearest: FloatArray) -> FloatArray:
        """Intervals of energy (w, 2) in which critical energies matter: under bumps, and between many sharp peaks."""
        centre, width = self.peaks.centre, self.peaks.width
        warm = width > 0
        # Further out a critical energy matters less than the tolerance; the rules there see what they miss.
        half = np.minimum(nearest + (np.log(1.0 / min(self.rtol, 1.0)) + BEYOND) * width, WIDEST * width)[warm]
        low, high = centre[warm] - half, centre[warm] + half
        sharp = np.unique(centre[~warm])
        if len(sharp) >= DENSE:
            low, high = np.append(low, sharp[0]), np.append(high, sharp[-1])
        return merge_windows(low, high)

    def _hopeless(self, critical: CriticalPoints, surfaces: LevelSets) -> tuple[BoolArray, BoolArray]:
        """Which (peak, block) have no limit; and at which sharp peaks (peak,) a gradient vanishes on the level set."""
        none, standing = np.zeros((len(self.peaks), len(self.goals)), dtype=bool), np.zeros(len(self.peaks), dtype=bool)
        if self.hopeless is None:
            return none, standing
        centres, sharp = np.unique(self.peaks.centre), np.unique(self.peaks.centre[self.peaks.width == 0])
        scouts = centres[np.unique(np.linspace(0, len(centres) - 1, SCOUTS).astype(int))]
        try:
            # Few sharp peaks will be opened anyway, and tell whether sheets touch or stand still there.
            ends = np.array([c.energy for c in critical.energies])
            near = (np.abs(sharp[:, None] - ends) <= AT_PEAK).any(axis=1)
            surfaces.open(sharp if len(sharp) < DENSE else sharp[near])
            standing = (self.peaks.width == 0) & surfaces.stands(self.peaks.centre)
            kinks = critical.kinks + surfaces.unresolved.touching
            if not kinks:
                return none, standing
            numbers = surfaces.open(scouts)
        except OutOfPoints:
            return none, standing
        values = surfaces.value[numbers][np.abs(self.peaks.centre[:, None] - scouts).argmin(axis=1)]
        return self.hopeless(Unresolved(kinks), tolerance(values, self.goals, self.rtol)[0]), standing

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
        unresolved = Unresolved(surfaces.unresolved.touching + list(critical.kinks), surfaces.unresolved.still)
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
        nearest[(peaks.centre >= low - FLAT) & (peaks.centre <= high + FLAT)] = 0.0
    return nearest
