"""Bloch models: the two general classes, and published models as functions of their parameters.

A published model is one file with one public function, named here and in `catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..model import Model
from .chiral_crystal import chiral_crystal
from .continuum import ContinuumModel
from .cumnas import cumnas
from .dirac_antiferromagnet import dirac_antiferromagnet
from .dirac_pt import dirac_pt
from .dirac_pt_lattice import dirac_pt_lattice
from .haldane import haldane
from .lattice import LatticeModel
from .mnbi2te4_slab import mnbi2te4_slab
from .nodal_line import nodal_line
from .tilted_dirac import tilted_dirac
from .weyl import weyl

__all__ = [
    "ContinuumModel",
    "LatticeModel",
    "catalogue",
    "chiral_crystal",
    "cumnas",
    "dirac_antiferromagnet",
    "dirac_pt",
    "dirac_pt_lattice",
    "haldane",
    "mnbi2te4_slab",
    "nodal_line",
    "tilted_dirac",
    "weyl",
]


def catalogue() -> dict[str, Callable[..., Model]]:
    """The published models by name: functions of keyword parameters that return a model."""
    return {
        "chiral_crystal": chiral_crystal,
        "cumnas": cumnas,
        "dirac_antiferromagnet": dirac_antiferromagnet,
        "dirac_pt": dirac_pt,
        "dirac_pt_lattice": dirac_pt_lattice,
        "haldane": haldane,
        "mnbi2te4_slab": mnbi2te4_slab,
        "nodal_line": nodal_line,
        "tilted_dirac": tilted_dirac,
        "weyl": weyl,
    }
