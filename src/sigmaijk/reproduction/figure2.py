"""The data of Fig. 2: bands, Fermi lines, conductivity and quantum metric dipole of the toy model (QIANG_2025, Eq. 20).

The parameters are those of its caption; temperature and the ranges of the axes, which it does not state, are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arrays import BoolArray, FloatArray
from ..bibliography import QIANG_2025
from ..errors import SigmaijkError
from ..geometry import band_geometry
from ..model import Model
from ..models import dirac_pt
from ..results import component
from ..spectral import spectrum
from .datasets import UNIT, Column, labelled

if TYPE_CHECKING:
    import xarray as xr

DEFORMATIONS = (0.0, 0.5, 0.9)
"""t/v."""
STRONGEST = 0.9
FERMI_LEVEL = 0.25
"""eV."""

BAND_REACH, BAND_POINTS = 1.4, 281
"""1/nm."""
ANGLES, RADIUS = 720, 1.0
"""Points of a Fermi line, and a radius (1/nm) beyond which there is none."""
HIGHEST, LEVELS = 0.5, 251
"""eV."""
MAP_REACH, MAP_POINTS = 0.4, 161
"""1/nm."""
RTOL = 1e-4
BISECTIONS = 50


def bands() -> xr.Dataset:
    """Fig. 2a: the two doubly degenerate levels along kx and along ky."""
    k = np.linspace(-BAND_REACH, BAND_REACH, BAND_POINTS)
    directions = {"kx": np.array([1.0, 0.0]), "ky": np.array([0.0, 1.0])}
    model = dirac_pt(t=STRONGEST)
    energy = np.stack([band_geometry(model, k[:, None] * n).energy[:, [0, 2]] for n in directions.values()])
    return labelled(
        "Fig. 2a: bands of the toy model",
        {
            "direction": Column(list(directions), "1", "line through k = 0"),
            "k": Column(k, "1/nm", "distance from k = 0 along the line"),
            "level": Column(["lower", "upper"], "1", "doubly degenerate level"),
        },
        {"energy": (("direction", "k", "level"), Column(energy, "eV", "band energy"))},
        model=model.name,
        fermi_level_eV=FERMI_LEVEL,
    )


def fermi_lines() -> xr.Dataset:
    """Fig. 2b: Fermi lines at 0.25 eV with the quantum metric dipole on them."""
    angle = np.linspace(0.0, 2.0 * np.pi, ANGLES + 1)
    lines, dipoles = [], []
    for t in DEFORMATIONS:
        model = dirac_pt(t=t)
        lines.append(fermi_line(model, FERMI_LEVEL, angle))
        dipoles.append(band_geometry(model, lines[-1]).quantum_metric_dipole[:, -1, 0, 1, 1])
    k = np.stack(lines)
    dims = ("deformation", "angle")
    return labelled(
        "Fig. 2b: Fermi lines of the toy model and the quantum metric dipole on them",
        {
            "deformation": Column(DEFORMATIONS, "1", "t/v"),
            "angle": Column(angle, "rad", "direction of k from k = 0"),
        },
        {
            "kx": (dims, Column(k[..., 0], "1/nm", "Fermi line")),
            "ky": (dims, Column(k[..., 1], "1/nm", "Fermi line")),
            "dipole": (dims, Column(np.stack(dipoles), "nm^3", "Lambda^xyy of each band of the pair")),
        },
        equation=QIANG_2025.equation(14),
        fermi_level_eV=FERMI_LEVEL,
    )


def fermi_line(model: Model, energy: float, angle: FloatArray) -> FloatArray:
    """Where the highest band of a model in the plane crosses an energy, in given directions from k = 0, (n, 2).

    Raises SigmaijkError unless it does so exactly once in each direction within RADIUS.
    """
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    def above(radius: FloatArray) -> BoolArray:
        k = radius[..., None] * direction[:, None]
        levels = np.linalg.eigvalsh(model.hamiltonian(k.reshape(-1, 2)))[:, -1]
        return levels.reshape(radius.shape) >= energy

    scan = np.broadcast_to(np.linspace(0.0, RADIUS, 101), (len(angle), 101))
    outside = above(scan)
    if not (np.diff(outside.astype(int), axis=1).clip(min=0).sum(axis=1) == 1).all() or outside[:, 0].any():
        raise SigmaijkError(f"the line at {energy:g} eV of {model.name} does not surround k = 0 once")
    last = outside.argmax(axis=1)
    low, high = scan[0, last - 1, None], scan[0, last, None]
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        beyond = above(middle)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return 0.5 * (low + high) * direction


def response() -> xr.Dataset:
    """Fig. 2c: sigma_xyy against the Fermi energy at T = 0 for each deformation, with its error."""
    mu = np.linspace(0.0, HIGHEST, LEVELS)
    values, errors, points = [], [], []
    for t in DEFORMATIONS:
        found = spectrum(dirac_pt(t=t), (-0.1, HIGHEST + 0.1), terms="qm", rtol=RTOL, progress=False)
        ds = found.moment(mu, 0.0)
        values.append(component(ds, "qm", "xyy", UNIT).values[0])
        errors.append(component(ds, "qm_error", "xyy", UNIT).values[0])
        points.append(found.k_points)
    dims = ("deformation", "mu")
    return labelled(
        "Fig. 2c: quantum metric dipole conductivity of the toy model at T = 0",
        {"deformation": Column(DEFORMATIONS, "1", "t/v"), "mu": Column(mu, "eV", "Fermi energy")},
        {
            "sigma_xyy": (dims, Column(np.stack(values), UNIT, "conductivity, Eq. 13")),
            "sigma_xyy_error": (dims, Column(np.stack(errors), UNIT, "its absolute error")),
        },
        equation=QIANG_2025.equation(13),
        kT_eV=0.0,
        k_points=", ".join(map(str, points)),
    )


def dipole_map() -> xr.Dataset:
    """Fig. 2d: the quantum metric dipole of the upper level over the plane."""
    model = dirac_pt(t=STRONGEST)
    ticks = np.linspace(-MAP_REACH, MAP_REACH, MAP_POINTS)
    k = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1)
    geometry = band_geometry(model, k.reshape(-1, 2))
    shape = k.shape[:2]
    dims = ("kx", "ky")
    return labelled(
        "Fig. 2d: quantum metric dipole of the upper level of the toy model",
        {"kx": Column(ticks, "1/nm", "momentum"), "ky": Column(ticks, "1/nm", "momentum")},
        {
            "dipole": (
                dims,
                Column(
                    geometry.quantum_metric_dipole[:, -1, 0, 1, 1].reshape(shape),
                    "nm^3",
                    "Lambda^xyy of each band of the upper pair",
                ),
            ),
            "energy": (dims, Column(geometry.energy[:, -1].reshape(shape), "eV", "upper level")),
        },
        equation=QIANG_2025.equation(14),
        model=model.name,
        fermi_level_eV=FERMI_LEVEL,
    )
