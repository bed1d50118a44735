"""Haldane's model: a honeycomb of two sublattices with a phase on the second neighbours (HALDANE_1988)."""

from __future__ import annotations

import numpy as np

from .continuum import finite_parameters
from .honeycomb import FROM_B_TO_A, NEIGHBOUR_CELLS, SECOND_CELLS, plane_cell
from .lattice import LatticeModel

A, B = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])


def haldane(
    t1: float = 1.0, t2: float = 0.15, phi: float = 0.5 * np.pi, M: float = 0.2, a: float = 1.0
) -> LatticeModel:
    """Two bands in the plane: nearest neighbours t1, second ones t2 exp(+-i phi), +M on A and -M on B (HALDANE_1988).

    t1, t2 and M in eV, phi in radians, a, the side of the cell, in nm; spinless. The phase is +phi from one A to the
    next along a1, a2 - a1 and -a2, and against them from one B to the next. The gaps are 2 |M -+ 3 sqrt(3) t2 sin phi|
    at the two corners of the zone: between |M| = 3 sqrt(3) |t2 sin phi| and its negative the Chern number is +-1.
    C_3z remains and forbids the Berry curvature and quantum metric dipoles in the plane.

    >>> haldane(M=0.0).name
    'haldane(t1=1.0, t2=0.15, phi=1.5707963267948966, M=0.0, a=1.0)'
    """
    parameters = finite_parameters(t1=t1, t2=t2, phi=phi, M=M, a=a)
    t1, t2, phi, M, a = parameters.values()
    lattice, positions = plane_cell(a)
    blocks = dict.fromkeys(NEIGHBOUR_CELLS, t1 * FROM_B_TO_A + 0j)
    for x, y in SECOND_CELLS:
        onward = t2 * (np.exp(1j * phi) * A + np.exp(-1j * phi) * B)
        for R, block in (((x, y), onward), ((-x, -y), onward.conj().T)):
            blocks[R] = blocks.get(R, np.zeros((2, 2), dtype=np.complex128)) + block
    for x, y in NEIGHBOUR_CELLS:
        blocks[-x, -y] = blocks.get((-x, -y), np.zeros((2, 2), dtype=np.complex128)) + t1 * FROM_B_TO_A.T
    blocks[0, 0] = blocks[0, 0] + M * (A - B)
    name = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return LatticeModel(lattice, blocks, positions=positions, name=f"haldane({name})")
