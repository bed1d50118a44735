"""The trapezoid rule on regular grids: the independent check of every other integrator here.

On a periodic cell it converges exponentially once the grid resolves the peaks, which must have a width; on a box the
integrand has died off at the rim and the same holds. The error of a grid is its distance from the last, coarser one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

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
    value = np.zeros((len(peaks), max(goal.reach for goal in goals)))
    error = np.full(value.shape, np.inf)
    nearest = np.full(len(peaks), np.inf)
    known = False
    while agreed < RESOLVED - 1:
        shape = tuple(int(np.ceil(n * a)) for a in aspect)
        if used + int(np.prod(shape)) > max_points:
            break
        fresh = _grid(sampler, cell, peaks, shape, nearest)
        used += int(np.prod(shape))
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


def _grid(sampler: Sampler, cell: Cell, peaks: Peaks, shape: tuple[int, ...], nearest: FloatArray) -> FloatArray:
    """Sum over one regular grid; updates the distance of each peak from the nearest sheet."""
    offsets = (0.31, 0.17, 0.05)[: cell.dim]
    index = np.array(list(product(*(range(n) for n in shape[:-1]))), dtype=float).reshape(-1, cell.dim - 1)
    last = (np.arange(shape[-1]) + offsets[-1]) / shape[-1]
    lead = (index + offsets[:-1]) / shape[:-1]
    rows = max(1, BATCH // shape[-1])
    total = 0.0
    for start in range(0, len(lead), rows):
        part = lead[start : start + rows]
        fractions = np.concatenate([np.repeat(part, len(last), axis=0), np.tile(last, len(part))[:, None]], axis=1)
        sample = sampler(cell.points(fractions))
        energy = sample.energy.ravel()
        integrand = sample.integrand.reshape(len(energy), -1)
        density = np.empty((len(peaks), len(energy)))
        for p, (centre, width) in enumerate(zip(peaks.centre, peaks.width, strict=True)):
            distance = energy - centre
            nearest[p] = min(nearest[p], float(np.abs(distance).min(initial=np.inf)))
            density[p] = bump(distance / width) / width
        total = total + density @ integrand
    return np.asarray(total) * cell.volume / np.prod(shape)
