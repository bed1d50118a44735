"""The toy model of the founding paper on a square lattice: periodic, so that every program can run it (QIANG_2025)."""

from __future__ import annotations

import numpy as np

from ..errors import ArgumentError
from .continuum import finite_parameters
from .lattice import LatticeModel

TAU_X_SIGMA_X = np.kron([[0, 1], [1, 0]], [[0, 1], [1, 0]])
TAU_X_SIGMA_Y = np.kron([[0, 1], [1, 0]], [[0, -1j], [1j, 0]])
TAU_Z = np.kron([[1, 0], [0, -1]], np.eye(2))


def dirac_pt_lattice(v: float = 1.0, m: float = 0.1, b: float = 1.0, t: float = 0.9, a: float = 1.0) -> LatticeModel:
    """Four bands on a square lattice whose expansion at k = 0 is Eq. 20 of QIANG_2025, in two pairs by PT.

    H = (v/a) tau_x (sigma_x sin kx a + sigma_y sin ky a)
    + [m - (2 b/a**2) (2 - cos kx a - cos ky a) + (t/a) sin kx a] tau_z, with a in nm and v, m, b, t as in `dirac_pt`:
    sin(k a)/a stands for k and 2 (1 - cos k a)/a**2 for k**2. All orbitals at the lattice points; basis tau x
    sigma with sigma running fastest.

    >>> dirac_pt_lattice(t=0.5).name
    'dirac_pt_lattice(v=1.0, m=0.1, b=1.0, t=0.5, a=1.0)'
    """
    parameters = finite_parameters(v=v, m=m, b=b, t=t, a=a)
    v, m, b, t, a = parameters.values()
    if not a > 0:
        raise ArgumentError(f"a must be above zero (nm), got {a!r}")
    mass = (b / a**2) * TAU_Z
    along_x = mass - 0.5j / a * (v * TAU_X_SIGMA_X + t * TAU_Z)  # sin = (exp(i) - exp(-i)) / 2i
    along_y = mass - 0.5j / a * v * TAU_X_SIGMA_Y
    hoppings = {(0, 0): (m - 4 * b / a**2) * TAU_Z, (1, 0): along_x, (-1, 0): along_x.conj().T}
    hoppings |= {(0, 1): along_y, (0, -1): along_y.conj().T}
    name = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return LatticeModel(a * np.eye(2), hoppings, name=f"dirac_pt_lattice({name})")
