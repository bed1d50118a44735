"""One tilted Weyl node in space: a monopole of Berry curvature (ARMITAGE_2018)."""

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
class Weyl:
    """H(kx, ky, kz) of a node with its parameters."""

    w: float
    v: float
    chirality: int

    def __call__(self, kx: Any, ky: Any, kz: Any) -> Any:
        node = self.v * self.chirality * (kx * SIGMA_X + ky * SIGMA_Y + kz * SIGMA_Z)
        return node + self.w * kz * np.eye(2)


def weyl(w: float = 0.3, v: float = 1.0, chirality: int = 1) -> ContinuumModel:
    """Two bands in space: H = w kz + chirality v k.sigma, one node (ARMITAGE_2018).

    The tilt w and the velocity v in eV nm, |w| < v for closed Fermi surfaces; chirality +1 or -1. A crystal has as many
    nodes of each chirality. For mu > 0 at T = 0, with u = w/v:
    I_qm,zxx = I_qm,zyy = -w/(12 pi**2 v mu), which is exact at any tilt, and the dipole of the curvature
    D_ab = int [dk] v_a Omega_b delta has the trace -chirality/(4 pi**2) at any tilt and is isotropic without one.

    >>> weyl(0.5).name
    'weyl(w=0.5, v=1.0, chirality=1)'
    """
    parameters = finite_parameters(w=w, v=v)
    if isinstance(chirality, bool) or chirality not in (1, -1):
        raise ArgumentError(f"chirality must be 1 or -1, got {chirality!r}")
    name = f"weyl(w={parameters['w']}, v={parameters['v']}, chirality={int(chirality)})"
    return ContinuumModel(Weyl(**parameters, chirality=int(chirality)), 3, scale=1.0, name=name)
