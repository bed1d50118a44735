"""Symmetry that knows the mechanism: point groups from H itself, and what they leave of each response tensor."""

from .finding import point_group, verify
from .forms import TensorForm, tensor_form
from .groups import Level, PointGroup, all_symbols, group
from .noise import NoiseFloor, annotate, noise_floor
from .operation import Operation
from .report import describe, matrix, why_forbidden
from .structure import Comparison, Structure, compare, parse_poscar, structure_group
from .unlocking import Unlock, unlock

__all__ = [
    "Comparison",
    "Level",
    "NoiseFloor",
    "Operation",
    "PointGroup",
    "Structure",
    "TensorForm",
    "Unlock",
    "all_symbols",
    "annotate",
    "compare",
    "describe",
    "group",
    "matrix",
    "noise_floor",
    "parse_poscar",
    "point_group",
    "structure_group",
    "tensor_form",
    "unlock",
    "verify",
    "why_forbidden",
]
