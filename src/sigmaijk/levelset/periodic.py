"""The trapezoid rule on regular grids: the independent check of every other integrator here.

On a periodic cell it converges exponentially once the grid resolves the peaks, which must have a width; on a box the
integrand has died off at the rim and the same holds. The error of a grid is its distance from the last, coarser one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import BoolArray, FloatArray
from .discovery import Unresolved
from .elements import Peaks
from .peaks import bump
from .samples import Cell, Sampler
from .simplices import Goal, Integrals, block_errors, tolerance

GROWTH = 1.5
FIRST_POINTS = {2: 24, 3: 10}
BATCH = 8192
RESOLVED = 3
"""A grid is believed only if this many grids in a row agree within the tolerance."""


def trapezoid(
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
) -> Integrals:
    """Same integrals and same arguments as `simplices.integrate`, for peaks of non-zero width; discovers nothing."""
    del degeneracy_tol, hopeless
    aspect = np.linalg.norm(cell.axes, axis=1)
    aspect = aspect / aspect.min()
    n, used, agreed = FIRST_POINTS[cell.dim], 0, 0
    value = np.zeros((len(peaks), max(max(goal.columns.stop, goal.modulus + 2) for goal in goals)))
    error = np.full(value.shape, np.inf)
    nearest = np.full(len(peaks), np.inf)
    known = False
    while agreed < RESOLVED - 1:
        shape = tuple(int(np.ceil(n * a)) for a in aspect)
        points, weight = _points(cell, shape)
        if used + len(points) > max_points:
            break
        fresh = _grid(sampler, cell, peaks, points, weight, nearest)
        used += len(points)
        if known:
            error = np.abs(fresh - value)
        value, known = fresh, True
        allowed, floor = tolerance(value, goals, rtol)
        blocks = block_errors(error, goals)
        agreed = agreed + 1 if (blocks <= np.maximum(allowed, floor)).all() else 0
        if report is not None:
            ratio = np.divide(blocks, allowed, out=np.zeros_like(blocks), where=allowed > 0)
            report(used, float(ratio.max(initial=0.0)))
        n = int(np.ceil(GROWTH * n))
    allowed, floor = tolerance(value, goals, rtol)
    blocks = block_errors(error, goals)
    done = agreed >= RESOLVED - 1
    return Integrals(
        value=value,
        error=error,
        converged=(blocks <= np.maximum(allowed, floor)) & done,
        limited=(blocks > allowed) & (blocks <= floor),
        points=used,
        simplices=0,
        discovered=bool(np.isfinite(error).all()),
        unresolved=Unresolved(),
        nearest=nearest,
        crossed=np.zeros(len(peaks), dtype=bool),
        hiding=np.zeros(len(peaks), dtype=bool),
        method=f"trapezoid rule on grids up to {n / GROWTH:.0f} points along the shortest axis",
        allowed=allowed,
    )


def _points(cell: Cell, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Fractions of the cell (k, d) and weights (k,) of one regular grid, one point for each orbit."""
    offsets = np.array((0.31, 0.17, 0.05)[: cell.dim])
    if cell.action is not None:
        shape, offsets = cell.action.divisions(shape), cell.action.invariant(offsets)
    # A box has points in the middle of its steps, which operations about its centre take to each other.
    offsets = offsets if cell.periodic or cell.action is None else np.full(cell.dim, 0.5)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).reshape(-1, cell.dim)
    count = np.full(len(index), 1)
    if cell.action is not None:
        doubled = index if cell.periodic else 2 * index + 1
        steps = np.array(shape) * (1 if cell.periodic else 2)
        chosen, count = cell.action.orbits(doubled, steps)
        index = index[chosen]
    return (index + offsets) / np.array(shape), count / np.prod(shape)


def _grid(
    sampler: Sampler, cell: Cell, peaks: Peaks, points: FloatArray, weight: FloatArray, nearest: FloatArray
) -> FloatArray:
    """Sum over one regular grid; updates the distance of each peak from the nearest sheet."""
    total = np.zeros(())
    for start in range(0, len(points), BATCH):
        part = slice(start, start + BATCH)
        sample = sampler(cell.points(points[part]))
        sheets = sample.energy.shape[1]
        energy = sample.energy.ravel()
        integrand = sample.integrand.reshape(len(energy), -1)
        share = np.repeat(weight[part], sheets)
        density = np.empty((len(peaks), len(energy)))
        for p, (centre, width) in enumerate(zip(peaks.centre, peaks.width, strict=True)):
            distance = energy - centre
            nearest[p] = min(nearest[p], float(np.abs(distance).min(initial=np.inf)))
            density[p] = bump(distance / width) * (share / width)
        total = total + density @ integrand
    return np.asarray(total) * cell.volume
