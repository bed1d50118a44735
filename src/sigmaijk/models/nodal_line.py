"""A ring of nodes in space, with or without a gap (FANG_2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .continuum import ContinuumModel, finite_parameters

SIGMA_X = np.array([[0, 1], [1, 0]])
SIGMA_Y = np.array([[0, -1j], [1j, 0]])
SIGMA_Z = np.array([[1, 0], [0, -1]])


@dataclass(frozen=True)
class NodalLine:
    """H(kx, ky, kz) with its parameters."""

    v: float
    m: float
    b: float
    t: float
    gap: float

    def __call__(self, kx: Any, ky: Any, kz: Any) -> Any:
        mass = self.m - self.b * (kx**2 + ky**2 + kz**2)
        matrix = mass * SIGMA_Z + self.v * kz * SIGMA_X + self.gap * SIGMA_Y
        return matrix + self.t * kx * np.eye(2)


def nodal_line(v: float = 1.0, m: float = 0.2, b: float = 1.0, t: float = 0.1, gap: float = 0.0) -> ContinuumModel:
    """Two bands in space: H = (m - b k**2) sigma_z + v kz sigma_x + gap sigma_y + t kx (FANG_2016).

    v and t in eV nm, m and gap in eV, b in eV nm**2. Without `gap` H is real, PT holds with PT squared = +1, and the
    bands meet on the ring kx**2 + ky**2 = m/b, kz = 0, at the energy t kx: near it, the quantum metric dipole has no
    finite value at T > 0. gap (ours) opens it everywhere by 2 gap and lets curvature in; t (ours) breaks P.

    Without a tilt the density of states is |E|/(4 pi b v) for |gap| <= |E| while the torus has its hole.

    >>> nodal_line(gap=0.02).name
    'nodal_line(v=1.0, m=0.2, b=1.0, t=0.1, gap=0.02)'
    """
    parameters = finite_parameters(v=v, m=m, b=b, t=t, gap=gap)
    name = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return ContinuumModel(NodalLine(**parameters), 3, scale=1.0, name=f"nodal_line({name})")
