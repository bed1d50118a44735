"""The three mechanisms of Fig. 1 as conductivities against the relaxation time: tau**2, tau and tau**0 (QIANG_2025).

The toy model has PT and therefore no Berry curvature dipole. A single massive Dirac cone without PT has all three terms
in one component, as long as its tilt is neither along the current nor along the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bibliography import QIANG_2025
from ..driver import conductivity
from ..models import ContinuumModel
from ..models.tilted_dirac import SIGMA_X, SIGMA_Y, SIGMA_Z
from ..results import component
from .datasets import UNIT, Column, labelled

if TYPE_CHECKING:
    import xarray as xr

TILT, VELOCITY, MASS, FERMI_LEVEL = 0.3, 1.0, 0.01, 0.02
"""eV nm, eV nm, eV, eV."""
ANGLE = 75.0
"""Of the tilt from x, degrees: its tangent is the advantage of the Berry curvature dipole over the other two terms."""
SHORTEST, LONGEST, TIMES = 0.1, 1e4, 161
"""fs."""
RTOL = 1e-5
POWERS = {"drude": 2, "bcd": 1, "qm": 0}


@dataclass(frozen=True)
class TurnedCone:
    """H(kx, ky) of a massive Dirac cone whose tilt points away from x by an angle in degrees."""

    t: float
    v: float
    m: float
    angle: float

    def __call__(self, kx: Any, ky: Any) -> Any:
        direction = np.radians(self.angle)
        tilt = self.t * (np.cos(direction) * kx + np.sin(direction) * ky)
        return tilt * np.eye(2) + self.v * (kx * SIGMA_X + ky * SIGMA_Y) + self.m * SIGMA_Z


def turned_cone() -> ContinuumModel:
    """The cone of the picture."""
    name = f"one Dirac cone, t={TILT} at {ANGLE:g} degrees from x, v={VELOCITY}, m={MASS}"
    return ContinuumModel(TurnedCone(TILT, VELOCITY, MASS, ANGLE), 2, scale=0.05, name=name)


def mechanisms() -> xr.Dataset:
    """sigma_xyy of each mechanism and their sum against tau, with errors, and the tau at which they cross."""
    model = turned_cone()
    tau = np.geomspace(SHORTEST, LONGEST, TIMES)
    ds = conductivity(model, FERMI_LEVEL, 0.0, terms=tuple(POWERS), rtol=RTOL, progress=False)
    prefactor: dict[str, float] = {}
    columns: dict[str, tuple[tuple[str, ...], Column]] = {}
    total, spread = np.zeros_like(tau), np.zeros_like(tau)
    for term, power in POWERS.items():
        unit = UNIT + {0: "", 1: "/fs", 2: "/fs^2"}[power]
        value, error = (component(ds, name, "xyy", unit).item() for name in (term, f"{term}_error"))
        prefactor[term] = value
        text = f"sigma_xyy, part proportional to tau^{power}"
        columns[term] = ("tau",), Column(value * tau**power, UNIT, text)
        columns[f"{term}_error"] = ("tau",), Column(error * tau**power, UNIT, "its absolute error")
        total, spread = total + value * tau**power, spread + error * tau**power
    columns["total"] = ("tau",), Column(total, UNIT, "sigma_xyy, sum of the three")
    columns["total_error"] = ("tau",), Column(spread, UNIT, "its absolute error")
    return labelled(
        "Fig. 1: the three mechanisms of the second-order conductivity against the relaxation time",
        {"tau": Column(tau, "fs", "relaxation time")},
        columns,
        equation=QIANG_2025.equation("10-14"),
        model=model.name,
        mass_eV=MASS,
        mu_eV=FERMI_LEVEL,
        kT_eV=0.0,
        crossover_qm_bcd_fs=abs(prefactor["qm"] / prefactor["bcd"]),
        crossover_bcd_drude_fs=abs(prefactor["bcd"] / prefactor["drude"]),
    )
