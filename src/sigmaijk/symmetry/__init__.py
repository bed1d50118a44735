"""Symmetry that knows the mechanism: point groups from H itself, and what they leave of each response tensor."""

from .finding import point_group, verify
from .forms import TensorForm, tensor_form
from .groups import Level, PointGroup, group
from .known import KnownGroup, annotate, known_group
from .noise import NoiseFloor, noise_floor
from .operation import Operation
from .report import describe, matrix, why_forbidden
from .structure import Comparison, Structure, compare, parse_poscar, structure_group
from .symbols import all_symbols
from .unlocking import Unlock, unlock

__all__ = [
    "Comparison",
    "KnownGroup",
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
    "known_group",
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
