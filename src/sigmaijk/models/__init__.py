"""Bloch models: the two general classes, and published models as functions of their parameters.

A published model is one file with one public function, named here and in `catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..model import Model
from .continuum import ContinuumModel
from .cumnas import cumnas
from .dirac_pt import dirac_pt
from .lattice import LatticeModel
from .mnbi2te4_slab import mnbi2te4_slab
from .tilted_dirac import tilted_dirac

__all__ = ["ContinuumModel", "LatticeModel", "catalogue", "cumnas", "dirac_pt", "mnbi2te4_slab", "tilted_dirac"]


def catalogue() -> dict[str, Callable[..., Model]]:
    """The published models by name: functions of keyword parameters that return a model."""
    return {"cumnas": cumnas, "dirac_pt": dirac_pt, "mnbi2te4_slab": mnbi2te4_slab, "tilted_dirac": tilted_dirac}
