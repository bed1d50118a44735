"""What each engine is expected to cost, from the mesh that all of them start with.

What decides is a factor of several, not these numbers; they were measured on the models of the tests and benchmarks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import FloatArray
from .critical import CriticalPoints
from .elements import Peaks
from .grid_levels import block_steps
from .mesh import Mesh
from .nested_grids import first_grid

SIMPLICES_PER_PATCH = {2: 4.0, 3: 1.4}
LEAST_PATCHES = {2: 6.0, 3: 120.0}
POINTS_PER_PATCH, MORE_PER_DIGIT = {2: 15.0, 3: 35.0}, 0.4
"""At rtol = 1e-3, and the share by which it grows with every digit more."""
TABLE_NODES, THERMAL_NODES, MORE_NODES = 25, 10, 0.3
"""Energies for an interval of a table, and for a bump on each side of a critical energy; with every digit more than
three a bump takes this share more of them."""
NEAR_WIDTHS = 12.0
SIMPLICES_COST = {2: (2e4, 0.65), 3: (6e4, 1.0)}
"""Points at rtol = 1e-2, whatever the number of sheets, and the power with which they grow."""
WEIGHING = {2: 0.0, 3: 1.0}
"""What the weights of a bump cost at a point, in units of a point: a tetrahedron is cut into 64 for each of them."""
GRID_COST = {2: (2.0, 4000.0), 3: (3.0, 20000.0)}
"""Points per point of the first grid, and for what windows add."""
GRID_DIGIT = 0.8
"""Share by which it grows with every digit more than three."""
USUAL_ENDS = 2
"""Critical energies near a bump, before they have been looked for."""
UNFINISHED = 3.0
"""Factor for patches where the search for critical energies came to no end: sheets cross, and each level set pays."""
LARGEST_GRID = 60_000_000
"""Doubles that the sums over the blocks of a grid may take."""
SCOUTS = 8
"""Energies at which the level sets are looked at beforehand."""
UNDER_A_BUMP = np.array([0.0, 3.0, -3.0, 6.0, -6.0, 12.0, -12.0, 24.0, -24.0, 40.0, -40.0])
"""And under each bump, in widths, until there is one: its centre may lie in a gap while its flanks do not."""


class Costs(NamedTuple):
    """Expected points, or what takes as long; inf for an engine that cannot serve these peaks."""

    patches: float
    simplices: float
    grids: float
    grid: FloatArray
    """Points along each axis of the first grid, (d,)."""
    level_set: float
    """Points for patches at one energy."""

    @property
    def best(self) -> str:
        """The cheapest engine."""
        costs = {"patches": self.patches, "simplices": self.simplices, "grids": self.grids}
        return min(costs, key=lambda name: costs[name])

    def with_ends(self, peaks: Peaks, rtol: float, critical: CriticalPoints, windows: int) -> Costs:
        """The same with the critical energies that were found in so many windows."""
        ends = np.array([point.energy for point in critical.energies])
        patches = self.level_set * _energies(peaks, rtol, ends, windows)
        return self._replace(patches=patches if critical.complete else UNFINISHED * patches)

    def describe(self) -> str:
        """For the reader of a result."""
        text = f"about {self.patches:.2g} k-points were expected by patches, {self.simplices:.2g} by simplices"
        return text if np.isinf(self.grids) else f"{text}, {self.grids:.2g} by grids"


def expected(mesh: Mesh, leads: list[int], peaks: Peaks, rtol: float, columns: int) -> Costs:
    """Costs before critical energies are known; `leads` are the lowest bands of the sheets."""
    grid, level_set = first_grid(mesh, peaks, rtol), _level_set(mesh, leads, peaks, rtol)
    return Costs(
        patches=level_set * _energies(peaks, rtol, None, 1),
        simplices=_simplices(mesh.samples.cell.dim, peaks, rtol),
        grids=_grids(mesh, peaks, grid, rtol, columns),
        grid=grid,
        level_set=level_set,
    )


def _level_set(mesh: Mesh, leads: list[int], peaks: Peaks, rtol: float) -> float:
    """Points for patches at one energy, on average over the peaks."""
    dim = mesh.samples.cell.dim
    energy = mesh.samples.energy[:, leads][mesh.nodes]
    low, high = energy.min(axis=1), energy.max(axis=1)
    warm = peaks.width > 0
    sharp, bumps = np.unique(peaks.centre[~warm]), np.unique(peaks.centre[warm])
    probes = np.concatenate([sharp, bumps])
    reach = np.concatenate([np.zeros(len(sharp)), [peaks.width[peaks.centre == e].max() for e in bumps]])
    chosen = np.unique(np.linspace(0, len(probes) - 1, SCOUTS).astype(int))
    under = probes[chosen, None] + reach[chosen, None] * UNDER_A_BUMP
    counts = np.array([[np.count_nonzero((low < e) & (high >= e)) for e in row] for row in under])
    crossed = np.take_along_axis(counts, (counts > 0).argmax(axis=1)[:, None], axis=1)[:, 0]
    pieces = np.where(crossed > 0, np.maximum(crossed / SIMPLICES_PER_PATCH[dim], LEAST_PATCHES[dim]), 0.0)
    more = 1.0 + MORE_PER_DIGIT * max(_digits(rtol), -0.7)
    return float(pieces.mean()) * POINTS_PER_PATCH[dim] * more


def _energies(peaks: Peaks, rtol: float, ends: FloatArray | None, windows: int) -> float:
    """At how many energies level sets are integrated, given the critical energies if they are known."""
    warm = peaks.width > 0
    sharp, bumps_at = np.unique(peaks.centre[~warm]), peaks.centre[warm]
    if ends is None:
        near, count = USUAL_ENDS * len(bumps_at), USUAL_ENDS
    else:
        far = np.abs(bumps_at[:, None] - ends) / peaks.width[warm, None]
        near, count = np.count_nonzero(far < NEAR_WIDTHS), len(ends)
    own = THERMAL_NODES * (1.0 + MORE_NODES * max(_digits(rtol), 0.0)) * (len(bumps_at) + near)
    table = TABLE_NODES * (windows + count) if windows else np.inf
    return float(min(len(sharp), table) + min(own, table))


def _digits(rtol: float) -> float:
    """Beyond three."""
    return float(np.log10(1e-3 / min(rtol, 1e-2)))


def _simplices(dim: int, peaks: Peaks, rtol: float) -> float:
    least, power = SIMPLICES_COST[dim]
    return least * (1e-2 / rtol) ** power * (1.0 + WEIGHING[dim] * np.count_nonzero(peaks.width))


def _grids(mesh: Mesh, peaks: Peaks, grid: FloatArray, rtol: float, columns: int) -> float:
    cell = mesh.samples.cell
    if not cell.periodic or (peaks.width == 0).any() or not grid.any():
        return np.inf
    each, more = GRID_COST[cell.dim]
    points = float(np.prod(np.maximum(grid, 1.0)))
    blocks = points / block_steps(rtol) ** cell.dim
    if blocks * 2**cell.dim * len(peaks) * columns > LARGEST_GRID:
        return np.inf
    return (each * points + more) * max(1.0, 1.0 + GRID_DIGIT * np.log10(1e-3 / rtol))
