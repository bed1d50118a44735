"""The audit: everything once more from a shifted, finer start, and whether both agree within their errors.

A piece that one search has missed is found by the other unless both are blind in the same way; nothing else than such
a piece makes two integrals differ by more than their errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..arrays import BoolArray
from .samples import Cell
from .simplices import Goal, Integrals, block_errors

SHIFT = np.array([0.3183, 0.1471, 0.2113])
"""Of the origin, in parts of the first mesh."""
FINER = 1.4
AGREE = 3.0
"""Difference in units of the sum of both errors."""


def other_cell(cell: Cell) -> Cell:
    """The same domain with a finer first mesh, whose vertices are others."""
    divisions = tuple(int(np.ceil(FINER * n)) for n in cell.divisions)
    shift = SHIFT[: cell.dim]
    if cell.action is not None:
        # Only as far as the operations allow.
        divisions = cell.action.divisions(divisions)
        shift = cell.action.invariant(shift) if cell.periodic else np.full(cell.dim, shift[0])
    if cell.periodic:
        origin = cell.origin + (shift / np.array(divisions)) @ cell.axes
        return replace(cell, origin=origin, divisions=divisions)
    # A box may grow, never move: what it holds must stay inside.
    pad = shift / np.array(divisions)
    axes = cell.axes * (1.0 + 2.0 * pad)[:, None]
    return replace(cell, origin=cell.origin - pad @ cell.axes, axes=axes, divisions=divisions)


def compare(first: Integrals, second: Integrals, goals: Sequence[Goal]) -> Integrals:
    """The first integrals, with the difference as error and unconverged where the second ones contradict them."""
    difference = np.abs(first.value - second.value)
    apart = block_errors(difference, goals) > AGREE * (
        block_errors(first.error, goals) + block_errors(second.error, goals)
    )
    # Columns without a goal (terms that vanish by parity, moduli) are not judged.
    peaks: BoolArray = np.asarray(apart.any(axis=1))
    error = np.where(peaks[:, None], np.maximum(first.error, difference), first.error)
    number = int(np.count_nonzero(peaks))
    if not second.discovered:
        verdict = "could not be finished within the k-points allowed"
    elif number:
        verdict = f"disagrees at {number} of {len(peaks)} (kT, mu)"
    else:
        verdict = "agrees"
    finished = second.discovered and not number
    return replace(
        first,
        error=error,
        converged=first.converged & ~apart & second.discovered,
        points=first.points + second.points,
        hiding=first.hiding | peaks,
        method=f"{first.method}; audit from a shifted, finer start {verdict}",
        audit="agrees" if finished else verdict,
    )
