"""A few layers of the PT-symmetric antiferromagnet MnBi2Te4 on a triangular lattice (QIU_2025)."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from ..arrays import ComplexArray
from ..errors import ArgumentError
from .continuum import finite_parameters
from .lattice import LatticeModel

A_NM, AZ_NM = 0.4334, 1.364
"""Side of the cell and distance of the layers, nm."""
C0, M0 = -0.0048, -0.1165
"""eV."""
C1, C2, M1, M2 = 0.027232, 0.0, 0.119048, 0.094048
"""eV nm**2."""
A1, A2 = 0.40535, 0.31964
"""eV nm."""

ONE = np.eye(2)
SX, SY, SZ = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = [np.kron(s, tau) for s, tau in ((ONE, ONE), (SX, SX), (SY, SX), (SZ, SX), (ONE, SY), (ONE, SZ))]
"""Gamma_0 .. Gamma_5 of its Eq. S7, spin x orbital."""
DIRECTIONS = ((1, 0), (0, 1), (-1, -1))
"""Three neighbours at 120 degrees, in units of the lattice vectors: k1, k2, k3 of its Eq. S7."""


def mnbi2te4_slab(t4: float = 0.02, layers: int = 2, m: float = 0.03, strain: float = 0.0) -> LatticeModel:
    """Four bands a layer, in the plane: MnBi2Te4 with moments along z that alternate from layer to layer (QIU_2025).

    Its Eqs. S7 to S10 cut to `layers` layers, with the parameters of Eq. S9: m is the exchange field in eV, down in the
    first layer. Basis layer x spin x orbital with the orbital (P1+, P2-) running fastest, all at one place in the
    plane. An even number of layers has PT: every level is doubly degenerate, and the Berry curvature vanishes.

    The warping t4 (eV) stands in Eq. S7 without a value; 0.02 is ours. With t4 = 0 a twofold axis C_2z hides in the
    model, and every second-order response in the plane is zero. With it C_3z remains: the quantum metric dipole term in
    the form WPD is zero all the same, while the Drude term and the longitudinal part of the other rows of Table 1 in
    QIANG_2025 are not. strain (ours, a share) strengthens the spin-orbit hopping along x and so breaks C_3z.

    >>> mnbi2te4_slab().name
    'mnbi2te4_slab(t4=0.02, layers=2, m=0.03, strain=0.0)'
    """
    parameters = finite_parameters(t4=t4)
    if isinstance(layers, bool) or not isinstance(layers, Integral) or layers < 1:
        raise ArgumentError(f"layers must be a whole number of at least 1, got {layers!r}")
    parameters |= finite_parameters(m=m, strain=strain)
    t4, m, strain = parameters["t4"], parameters["m"], parameters["strain"]
    within = _within_a_layer(t4, strain)
    blocks = {R: np.kron(np.eye(int(layers)), block) for R, block in within.items()}
    alternating = np.diag([(-1.0) ** (layer + 1) for layer in range(int(layers))])
    upward = np.kron(np.eye(int(layers), k=1), _to_the_next_layer())
    blocks[0, 0] = blocks[0, 0] + m * np.kron(alternating, np.kron(SZ, ONE)) + upward + upward.conj().T  # (S10)
    lattice = A_NM * np.array([[1.0, 0.0], [-0.5, 0.5 * np.sqrt(3.0)]])
    name = f"mnbi2te4_slab(t4={t4}, layers={int(layers)}, m={m}, strain={strain})"
    return LatticeModel(lattice, blocks, name=name)


def _within_a_layer(t4: float, strain: float) -> dict[tuple[int, int], ComplexArray]:
    """<0|H|R> of one layer without its moment, (4, 4), eV: (S7) and (S8)."""
    t0, t1, t5 = 2 * C2 / (3 * A_NM**2), -A2 / (3 * A_NM), 2 * M2 / (3 * A_NM**2)
    e0, e5 = C0 + 2 * C1 / AZ_NM**2 + 4 * C2 / A_NM**2, M0 + 2 * M1 / AZ_NM**2 + 4 * M2 / A_NM**2
    along_x, along_y = (2.0 * (1.0 + strain), -1.0, -1.0), (0.0, np.sqrt(3.0), -np.sqrt(3.0))
    blocks = {(0, 0): (e0 * GAMMA[0] + e5 * GAMMA[5]).astype(np.complex128)}
    for (x, y), to_x, to_y in zip(DIRECTIONS, along_x, along_y, strict=True):
        odd = -t1 * (to_x * GAMMA[1] + to_y * GAMMA[2]) - 2 * t4 * GAMMA[4]
        onward = -t0 * GAMMA[0] - t5 * GAMMA[5] - 0.5j * odd  # sin = (exp(i) - exp(-i)) / 2i
        blocks[x, y], blocks[-x, -y] = onward, onward.conj().T
    return blocks


def _to_the_next_layer() -> ComplexArray:
    """<layer|H|layer + 1>, (4, 4), eV: the coefficient of exp(i kz az) in (S7)."""
    t0z, t3z, t5z = C1 / AZ_NM**2, -A1 / (2 * AZ_NM), M1 / AZ_NM**2
    return -t0z * GAMMA[0] - t5z * GAMMA[5] + 1j * t3z * GAMMA[3]
