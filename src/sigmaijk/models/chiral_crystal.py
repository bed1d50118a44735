"""A chiral crystal without time reversal: honeycomb layers joined by helical hops (YODA_2018)."""

from __future__ import annotations

import numpy as np

from ..errors import ArgumentError
from .continuum import finite_parameters
from .honeycomb import FROM_B_TO_A, NEIGHBOUR_CELLS, SECOND_CELLS, plane_cell
from .lattice import LatticeModel

A, B = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])


def chiral_crystal(
    delta: float = 2.0,
    t1: float = 1.0,
    t2: float = 1.0 / 3.0,
    phi: float = 0.1 * np.pi,
    tz: float = 0.2,
    a: float = 1.0,
    c: float = 1.0,
) -> LatticeModel:
    """Two bands in space: layers of Haldane's honeycomb, and hops tz up along a helix (YODA_2018).

    In eV: -delta on A and +delta on B, t1 to nearest neighbours, t2 exp(i phi) to second ones of the layer and tz to
    second ones of the next layer, both along a1, a2 - a1, -a2 from A to A and against them from B to B; a, the side of
    the cell, and c, the distance of the layers, in nm. The phase is ours, after a model of the same name in the program
    of TSIRKIN_2021: the crystal of YODA_2018 has phi = 0. C_3z is the only symmetry, so that D_xx = D_yy = -D_zz/2 of
    the Berry curvature dipole and all Drude components that C_3z allows are there.

    kz c acts as a second phase: the gap at the corners of the zone is
    2 |delta +- 3 sqrt(3) (t2 sin phi + tz sin kz c)|, and Weyl nodes appear where it vanishes at some kz.

    >>> chiral_crystal(tz=0.1).name
    'chiral_crystal(delta=2.0, t1=1.0, t2=0.3333333333333333, phi=0.3141592653589793, tz=0.1, a=1.0, c=1.0)'
    """
    parameters = finite_parameters(delta=delta, t1=t1, t2=t2, phi=phi, tz=tz, a=a, c=c)
    delta, t1, t2, phi, tz, a, c = parameters.values()
    plane, places = plane_cell(a)
    if not c > 0:
        raise ArgumentError(f"c must be above zero (nm), got {c!r}")
    blocks = {(0, 0, 0): delta * (B - A) + 0j}

    def hop(R: tuple[int, int, int], block: np.ndarray) -> None:
        for vector, matrix in ((R, block), ((-R[0], -R[1], -R[2]), block.conj().T)):
            blocks[vector] = blocks.get(vector, np.zeros((2, 2), dtype=np.complex128)) + matrix

    for x, y in NEIGHBOUR_CELLS:
        hop((x, y, 0), t1 * FROM_B_TO_A)
    for x, y in SECOND_CELLS:
        hop((x, y, 0), t2 * np.exp(1j * phi) * A)
        hop((-x, -y, 0), t2 * np.exp(1j * phi) * B)
        hop((x, y, 1), tz * A)
        hop((-x, -y, 1), tz * B)
    lattice, positions = np.diag([0.0, 0.0, c]), np.zeros((2, 3))
    lattice[:2, :2], positions[:, :2] = plane, places
    name = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return LatticeModel(lattice, blocks, positions=positions, name=f"chiral_crystal({name})")
