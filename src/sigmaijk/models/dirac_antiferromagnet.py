"""Two tilted Dirac cones that PT keeps together: the k.p model of an antiferromagnet of LIU_2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .continuum import ContinuumModel, finite_parameters

ONE, TAU_X = np.eye(4), np.kron([[0, 1], [1, 0]], np.eye(2))
TAU_Y_SIGMA_X = np.kron([[0, -1j], [1j, 0]], [[0, 1], [1, 0]])
TAU_Z = np.kron([[1, 0], [0, -1]], np.eye(2))


@dataclass(frozen=True)
class DiracAntiferromagnet:
    """H(kx, ky) with its parameters."""

    w: float
    v: float
    delta: float

    def __call__(self, kx: Any, ky: Any) -> Any:
        return self.w * kx * ONE + self.v * (kx * TAU_X + ky * TAU_Y_SIGMA_X) + self.delta * TAU_Z


def dirac_antiferromagnet(w: float = 0.26328478276, v: float = 0.6582119569, delta: float = 0.04) -> ContinuumModel:
    """Four bands on the plane: H = w kx + v (kx tau_x + ky tau_y sigma_x) + delta tau_z (LIU_2021).

    w and v in eV nm, delta in eV; the defaults are v = 1e6 m/s, w = 0.4 v and 40 meV. Basis tau x sigma with sigma
    running fastest. sigma_x is conserved: in each of its eigenstates stands one cone of `tilted_dirac`, with opposite
    chirality and the same tilt, so that their Berry curvatures cancel and their quantum metrics add.

    >>> dirac_antiferromagnet(delta=0.05).name
    'dirac_antiferromagnet(w=0.26328478276, v=0.6582119569, delta=0.05)'
    """
    parameters = finite_parameters(w=w, v=v, delta=delta)
    name = ", ".join(f"{key}={value}" for key, value in parameters.items())
    scale = 4.0 * abs(parameters["delta"] / parameters["v"]) if parameters["delta"] and parameters["v"] else 1.0
    return ContinuumModel(DiracAntiferromagnet(**parameters), 2, scale=scale, name=f"dirac_antiferromagnet({name})")
