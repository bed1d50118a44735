"""Second-order nonlinear conductivity sigma_ijk(mu, kT) from a Hamiltonian, with its quantum geometry and error bars.

The names below load what they need on first use, so that importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "ContinuumModel": ".models.continuum",
    "LatticeModel": ".models.lattice",
    "read_wannier90": ".formats.wannier90",
    "from_model": ".formats.bridges",
    "band_geometry": ".geometry",
    "BandGeometry": ".geometry",
    "geometry_map": ".maps",
    "GeometryMap": ".maps",
    "fermi_map": ".fermi_surface",
    "FermiMap": ".fermi_surface",
    "write_frmsf": ".frmsf",
    "conductivity": ".driver",
    "spectrum": ".spectral",
    "Spectrum": ".spectral",
    "open_result": ".results",
    "component": ".results",
    "kelvin": ".units",
    "SigmaijkError": ".errors",
    "ArgumentError": ".errors",
    "ArgumentTypeError": ".errors",
    "ModelError": ".errors",
    "JetError": ".errors",
    "FileFormatError": ".errors",
    "JobError": ".errors",
    "OutputError": ".errors",
    "UnsupportedFeatureError": ".errors",
    "SigmaijkWarning": ".errors",
    "ConvergenceWarning": ".errors",
    "SingularResponseWarning": ".errors",
    "MissingPositionsWarning": ".errors",
    "InputHealthWarning": ".errors",
    "SymmetryWarning": ".errors",
    "ThresholdWarning": ".errors",
}

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "BandGeometry",
    "ContinuumModel",
    "ConvergenceWarning",
    "FermiMap",
    "FileFormatError",
    "GeometryMap",
    "InputHealthWarning",
    "JetError",
    "JobError",
    "LatticeModel",
    "MissingPositionsWarning",
    "ModelError",
    "OutputError",
    "SigmaijkError",
    "SigmaijkWarning",
    "SingularResponseWarning",
    "Spectrum",
    "SymmetryWarning",
    "ThresholdWarning",
    "UnsupportedFeatureError",
    "__version__",
    "band_geometry",
    "component",
    "conductivity",
    "fermi_map",
    "from_model",
    "geometry_map",
    "kelvin",
    "models",
    "open_result",
    "read_wannier90",
    "spectrum",
    "symmetry",
    "theory",
    "write_frmsf",
]

if TYPE_CHECKING:
    from . import models, symmetry, theory
    from .driver import conductivity
    from .errors import (
        ArgumentError,
        ArgumentTypeError,
        ConvergenceWarning,
        FileFormatError,
        InputHealthWarning,
        JetError,
        JobError,
        MissingPositionsWarning,
        ModelError,
        OutputError,
        SigmaijkError,
        SigmaijkWarning,
        SingularResponseWarning,
        SymmetryWarning,
        ThresholdWarning,
        UnsupportedFeatureError,
    )
    from .fermi_surface import FermiMap, fermi_map
    from .formats.bridges import from_model
    from .formats.wannier90 import read_wannier90
    from .frmsf import write_frmsf
    from .geometry import BandGeometry, band_geometry
    from .maps import GeometryMap, geometry_map
    from .models.continuum import ContinuumModel
    from .models.lattice import LatticeModel
    from .results import component, open_result
    from .spectral import Spectrum, spectrum
    from .units import kelvin


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name], __name__), name)
        globals()[name] = value
        return value
    if name in ("models", "symmetry", "theory"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
