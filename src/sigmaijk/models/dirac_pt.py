"""The toy model of the founding paper: a tilted, massive Dirac cone with PT symmetry (QIANG_2025, Eq. 20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .continuum import ContinuumModel, finite_parameters

TAU_X_SIGMA_X = np.kron([[0, 1], [1, 0]], [[0, 1], [1, 0]])
TAU_X_SIGMA_Y = np.kron([[0, 1], [1, 0]], [[0, -1j], [1j, 0]])
TAU_Z = np.kron([[1, 0], [0, -1]], [[1, 0], [0, 1]])


@dataclass(frozen=True)
class DiracPT:
    """H(kx, ky) of Eq. 20 with its parameters."""

    v: float
    m: float
    b: float
    t: float

    def __call__(self, kx: Any, ky: Any) -> Any:
        mass = self.m - self.b * (kx**2 + ky**2) + self.t * kx
        return self.v * (kx * TAU_X_SIGMA_X + ky * TAU_X_SIGMA_Y) + mass * TAU_Z  # (20)


def dirac_pt(v: float = 1.0, m: float = 0.1, b: float = 1.0, t: float = 0.9) -> ContinuumModel:
    """Four bands on the plane: H = v tau_x (kx sigma_x + ky sigma_y) + (m - b k**2 + t kx) tau_z (QIANG_2025, Eq. 20).

    v in eV nm, m in eV, b in eV nm**2, t in eV nm; the defaults are those of its Fig. 2 with the strongest deformation.
    Basis tau x sigma with sigma running fastest: (+, up), (+, down), (-, up), (-, down). PT makes every level doubly
    degenerate, +-sqrt(v**2 k**2 + (m - b k**2 + t kx)**2), so the Berry curvature vanishes; t alone breaks rotations, P
    and T, and the mirror ky -> -ky leaves sigma_xyy and its partners.

    >>> dirac_pt(t=0.5).name
    'dirac_pt(v=1.0, m=0.1, b=1.0, t=0.5)'
    """
    parameters = finite_parameters(v=v, m=m, b=b, t=t)
    name = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return ContinuumModel(DiracPT(**parameters), 2, scale=1.0, name=f"dirac_pt({name})")
