"""The honeycomb that some published models share: its cell, and which cells hold neighbours."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray
from ..errors import ArgumentError

FROM_B_TO_A = np.array([[0.0, 1.0], [0.0, 0.0]])
NEIGHBOUR_CELLS = ((0, 0), (-1, 0), (0, -1))
"""Cells of the B that are nearest to the A of the home cell."""
SECOND_CELLS = ((1, 0), (-1, 1), (0, -1))
"""Three second neighbours at 120 degrees: a1, a2 - a1, -a2."""


def plane_cell(a: float) -> tuple[FloatArray, FloatArray]:
    """Lattice vectors at 60 degrees and the places of A and B, rows in nm; raises ArgumentError unless a > 0."""
    if not a > 0:
        raise ArgumentError(f"a must be above zero (nm), got {a!r}")
    lattice = a * np.array([[1.0, 0.0], [0.5, 0.5 * np.sqrt(3.0)]])
    return lattice, np.array([[1.0, 1.0], [2.0, 2.0]]) / 3.0 @ lattice
