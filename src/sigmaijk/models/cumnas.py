"""The PT-symmetric antiferromagnet CuMnAs as a square lattice of two sublattices (SMEJKAL_2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ..arrays import ComplexArray, FloatArray
from ..errors import ArgumentError, ArgumentTypeError
from .continuum import finite_parameters
from .lattice import LatticeModel

SECOND_NEIGHBOUR, SPIN_ORBIT, EXCHANGE = 0.08, 0.8, 0.6
"""t', lambda and J in units of t."""

SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
TAU_Z = np.diag([1, -1])
FROM_B_TO_A = np.array([[0, 1], [0, 0]])


def cumnas(t: float = 1.0, direction: Sequence[float] = (1.0, 0.0, 0.0), a: float = 1.0) -> LatticeModel:
    """Four bands in the plane, two pairs: a quasi-2D model of CuMnAs with the Neel vector along `direction`.

    H = -2 t tau_x cos(x/2) cos(y/2) - t' (cos x + cos y) + lambda tau_z (sigma_y sin x - sigma_x sin y)
    + J tau_z n.sigma with x = kx a, y = ky a, t' = 0.08 t, lambda = 0.8 t, J = 0.6 t (SMEJKAL_2017); t in eV, and a,
    the side of the cell, in nm. Sublattice A stands at the origin, B at (a/2, a/2); basis (A, up), (A, down), (B, up),
    (B, down). `direction` is normalised to n; its components are those of the spin.

    PT makes every level doubly degenerate, so the Berry curvature dipole vanishes. With n along x the pairs meet in two
    gapless tilted Dirac nodes at kx = pi/a: E = 0.0271 t at ky = 0.270 pi/a and E = 0.1329 t at ky = 0.730 pi/a. Near
    them the quantum metric dipole term has no finite value at T > 0; an n such as (0.8, 0, 0.6) opens a gap.

    >>> cumnas(direction=(0.8, 0.0, 0.6)).name
    'cumnas(t=1.0, direction=(0.8, 0.0, 0.6), a=1.0)'
    """
    parameters = finite_parameters(t=t)
    n = _unit_vector(direction)
    parameters |= finite_parameters(a=a)
    if not parameters["a"] > 0:
        raise ArgumentError(f"a must be above zero (nm), got {a!r}")
    t, a = parameters["t"], parameters["a"]
    written = ", ".join(str(round(component, 12)) for component in n.tolist())
    return LatticeModel(
        a * np.eye(2),
        _hoppings(t, n),
        positions=a * np.repeat([[0.0, 0.0], [0.5, 0.5]], 2, axis=0),
        name=f"cumnas(t={t}, direction=({written}), a={a})",
    )


def _hoppings(t: float, n: FloatArray) -> dict[tuple[int, int], ComplexArray]:
    cells = product((-1, 0, 1), repeat=2)
    blocks = {(x, y): np.zeros((4, 4), dtype=np.complex128) for x, y in cells}
    blocks[0, 0] += EXCHANGE * t * np.kron(TAU_Z, np.tensordot(n, SIGMA, axes=1))
    for x, y in product((-1, 0), repeat=2):  # B of cell R is one of the four neighbours of A of the home cell
        blocks[x, y] += -0.5 * t * np.kron(FROM_B_TO_A, np.eye(2))
        blocks[-x, -y] += -0.5 * t * np.kron(FROM_B_TO_A.T, np.eye(2))
    for (x, y), spin in (((1, 0), SIGMA[1]), ((0, 1), -SIGMA[0])):
        onward = -0.5 * SECOND_NEIGHBOUR * t * np.eye(4) - 0.5j * SPIN_ORBIT * t * np.kron(TAU_Z, spin)
        blocks[x, y] += onward
        blocks[-x, -y] += onward.conj().T
    return blocks


def _unit_vector(direction: Sequence[float]) -> FloatArray:
    try:
        vector = np.asarray(direction, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"direction must be three numbers, got {direction!r}") from error
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise ArgumentError(f"direction must be three finite numbers, got {direction!r}")
    length = np.linalg.norm(vector)
    if length == 0:
        raise ArgumentError("direction must not be the zero vector: the exchange field points along it")
    return vector / length
