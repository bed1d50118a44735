"""One tilted, massive Dirac cone in the plane, the textbook case of the Berry curvature dipole (SODEMANN_2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .continuum import ContinuumModel, finite_parameters

SIGMA_X = np.array([[0, 1], [1, 0]])
SIGMA_Y = np.array([[0, -1j], [1j, 0]])
SIGMA_Z = np.array([[1, 0], [0, -1]])


@dataclass(frozen=True)
class TiltedDirac:
    """H(kx, ky) of a tilted cone with its parameters."""

    t: float
    v: float
    m: float
    eta: int

    def __call__(self, kx: Any, ky: Any) -> Any:
        cone = self.v * (kx * SIGMA_X + self.eta * ky * SIGMA_Y) + self.m * SIGMA_Z
        return cone + self.t * kx * np.eye(2)


def tilted_dirac(t: float, v: float = 1.0, m: float = 0.1, eta: int = 1) -> ContinuumModel:
    """Two bands on the plane: H = t kx + v (kx sigma_x + eta ky sigma_y) + m sigma_z, one cone (SODEMANN_2015).

    The tilt t and the velocity v in eV nm, the mass m in eV, the chirality eta = +1 or -1; basis (up, down). With
    |t| < v the Fermi contours are closed ellipses. Time reversal, if the crystal has it, adds the cone -t, -eta: its
    Berry curvature dipole is the same, its quantum metric dipole and Drude parts cancel those of this one.

    >>> tilted_dirac(0.3).name
    'tilted_dirac(t=0.3, v=1.0, m=0.1, eta=1)'
    """
    parameters = finite_parameters(t=t, v=v, m=m)
    if isinstance(eta, bool) or eta not in (1, -1):
        raise ArgumentError(f"eta must be 1 or -1, got {eta!r}")
    name = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return ContinuumModel(
        TiltedDirac(**parameters, eta=int(eta)), 2, scale=1.0, name=f"tilted_dirac({name}, eta={int(eta)})"
    )
