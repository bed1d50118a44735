"""S_F over a window of energy, by patches: the integrator of a spectrum, from which every moment follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .critical import CriticalPoints, barriers, critical_points
from .field import Field, SheetSplit
from .moments import table
from .pieces import Table
from .samples import Cell, Sampler, Samples
from .search import first_mesh
from .simplices import Goal
from .surfaces import LevelSets


@dataclass(frozen=True)
class Tabulated:
    """S_F over a window of energy, and what it took."""

    table: Table
    critical: CriticalPoints
    points: int
    patches: int
    samples: Samples


def tabulate(
    sampler: Sampler,
    cell: Cell,
    window: tuple[float, float],
    goals: Sequence[Goal],
    *,
    rtol: float,
    degeneracy_tol: float,
    max_points: int,
) -> Tabulated:
    """The integral over the cell of sum_n F_n delta(E_n - energy) as a function of energy in a window.

    Raises OutOfPoints if the points end before anything is known; a table that is less precise than rtol says so.
    """
    apart: frozenset[int] = frozenset()
    field = Field(sampler, max_points, degeneracy_tol)
    samples = Samples(field, cell, max_points)
    while True:
        try:
            mesh = first_mesh(samples, field)
            field.find_sheets(samples.energy, apart)
            critical = critical_points(field, mesh, np.array([window]))
            surfaces = LevelSets(field, mesh, goals, samples.integrand.shape[2])
            if critical.complete:
                surfaces.follow(barriers(critical, [sheet.start for sheet in field.sheets]), np.array([window]))
            found = table(surfaces, critical.energies, window, goals, rtol=rtol, dim=cell.dim)
            return Tabulated(found, critical, field.points, len(surfaces.patches.owner), samples)
        except SheetSplit as split:
            apart |= {split.band}
