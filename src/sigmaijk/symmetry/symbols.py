"""The international symbols of the 122 (in the plane 31) magnetic point groups, and of limit groups."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np

from ..arrays import FloatArray
from .closure import closed
from .operation import MOST_FOLD, Operation, as_operations, rotation_part

CUBE = 8
"""Rotations by a third of a turn in a cubic group; with more of them it can only be that of all rotations."""

PRIMED = {
    ("-1", "1"): "-1'",
    ("2", "1"): "2'",
    ("m", "1"): "m'",
    ("2/m", "2"): "2/m'",
    ("2/m", "m"): "2'/m",
    ("2/m", "-1"): "2'/m'",
    ("222", "2"): "2'2'2",
    ("mm2", "2"): "m'm'2",
    ("mm2", "m"): "m'm2'",
    ("mmm", "mm2"): "m'mm",
    ("mmm", "2/m"): "m'm'm",
    ("mmm", "222"): "m'm'm'",
    ("4", "2"): "4'",
    ("-4", "2"): "-4'",
    ("4/m", "2/m"): "4'/m",
    ("4/m", "4"): "4/m'",
    ("4/m", "-4"): "4'/m'",
    ("422", "222"): "4'22'",
    ("422", "4"): "42'2'",
    ("4mm", "mm2"): "4'm'm",
    ("4mm", "4"): "4m'm'",
    ("-42m", "222"): "-4'2m'",
    ("-42m", "mm2"): "-4'2'm",
    ("-42m", "-4"): "-42'm'",
    ("4/mmm", "4mm"): "4/m'mm",
    ("4/mmm", "mmm"): "4'/mm'm",
    ("4/mmm", "-42m"): "4'/m'm'm",
    ("4/mmm", "4/m"): "4/mm'm'",
    ("4/mmm", "422"): "4/m'm'm'",
    ("-3", "3"): "-3'",
    ("32", "3"): "32'",
    ("3m", "3"): "3m'",
    ("-3m", "3m"): "-3'm",
    ("-3m", "32"): "-3'm'",
    ("-3m", "-3"): "-3m'",
    ("6", "3"): "6'",
    ("-6", "3"): "-6'",
    ("6/m", "-3"): "6'/m'",
    ("6/m", "6"): "6/m'",
    ("6/m", "-6"): "6'/m",
    ("622", "32"): "6'22'",
    ("622", "6"): "62'2'",
    ("6mm", "3m"): "6'mm'",
    ("6mm", "6"): "6m'm'",
    ("-6m2", "32"): "-6'm'2",
    ("-6m2", "3m"): "-6'm2'",
    ("-6m2", "-6"): "-6m'2'",
    ("6/mmm", "6mm"): "6/m'mm",
    ("6/mmm", "-6m2"): "6'/mmm'",
    ("6/mmm", "-3m"): "6'/m'mm'",
    ("6/mmm", "6/m"): "6/mm'm'",
    ("6/mmm", "622"): "6/m'm'm'",
    ("m-3", "23"): "m'-3'",
    ("432", "23"): "4'32'",
    ("-43m", "23"): "-4'3m'",
    ("m-3m", "-43m"): "m'-3'm",
    ("m-3m", "m-3"): "m-3m'",
    ("m-3m", "432"): "m'-3'm'",
}
"""The 58 black-and-white groups: (all operations without their primes, the unprimed ones) to the symbol."""
PRIMED_IN_THE_PLANE = {
    ("2", "1"): "2'",
    ("m", "1"): "m'",
    ("2mm", "2"): "2m'm'",
    ("2mm", "m"): "2'm'm",
    ("4", "2"): "4'",
    ("4mm", "4"): "4m'm'",
    ("4mm", "2mm"): "4'm'm",
    ("3m", "3"): "3m'",
    ("6", "3"): "6'",
    ("6mm", "6"): "6m'm'",
    ("6mm", "3m"): "6'm'm",
}
GENERATORS = {
    "1": "E",
    "-1": "P",
    "2": "C2y",
    "m": "My",
    "2/m": "C2y My",
    "222": "C2x C2y C2z",
    "mm2": "Mx My C2z",
    "mmm": "Mx My Mz",
    "4": "C4z",
    "-4": "PC4z",
    "4/m": "C4z Mz",
    "422": "C4z C2x C2[110]",
    "4mm": "C4z Mx M[110]",
    "-42m": "PC4z C2x M[110]",
    "4/mmm": "C4z Mz Mx M[110]",
    "3": "C3z",
    "-3": "PC3z",
    "32": "C3z C2x",
    "3m": "C3z Mx",
    "-3m": "PC3z Mx",
    "6": "C6z",
    "-6": "PC6z",
    "6/m": "C6z Mz",
    "622": "C6z C2x C2y",
    "6mm": "C6z Mx My",
    "-6m2": "PC6z Mx C2y",
    "6/mmm": "C6z Mz Mx My",
    "23": "C2z C3[111]",
    "m-3": "Mz PC3[111]",
    "432": "C4z C3[111] C2[110]",
    "-43m": "PC4z C3[111] M[110]",
    "m-3m": "Mz PC3[111] M[110]",
}
"""The 32 point groups: one generator for each part of the symbol, with z the main axis, y that of the monoclinic ones,
x a twofold axis or the normal of a mirror of the trigonal ones."""
GENERATORS_IN_THE_PLANE = {
    "1": "E",
    "2": "C2z",
    "m": "My",
    "2mm": "C2z Mx My",
    "3": "C3z",
    "3m": "C3z Mx",
    "4": "C4z",
    "4mm": "C4z Mx M[110]",
    "6": "C6z",
    "6mm": "C6z Mx My",
}


def symbol_of(operations: Sequence[Operation]) -> str:
    """International symbol of a group of operations; limit groups with 'oo', what has no symbol as F(D)."""
    dim = operations[0].dim
    everything = _without_time([operation.rotation for operation in operations])
    unprimed = _without_time([operation.rotation for operation in operations if not operation.time_reversal])
    family = plain_symbol(everything)
    reversal = any(
        operation.time_reversal and np.abs(operation.rotation - np.eye(dim)).max() < 1e-4 for operation in operations
    )
    if reversal:
        return "1'" if family == "1" else f"{family}1'"
    if len(unprimed) == len(everything):
        return family
    inner = plain_symbol(unprimed)
    return (PRIMED_IN_THE_PLANE if dim == 2 else PRIMED).get((family, inner), f"{family}({inner})")


def _without_time(rotations: list[FloatArray]) -> list[FloatArray]:
    kept = {tuple((np.round(rotation, 4) + 0.0).ravel().tolist()): rotation for rotation in rotations}
    return list(kept.values())


def plain_symbol(rotations: list[FloatArray]) -> str:
    """Symbol of a group of rotations, from how many of each order it holds."""
    if len(rotations[0]) == 2:
        turns = sum(np.linalg.det(rotation) > 0 for rotation in rotations)
        mirrors = len(rotations) - turns
        axis = "oo" if turns >= MOST_FOLD else str(turns)
        if not mirrors:
            return axis
        return {"1": "m", "3": "3m", "oo": "oom"}.get(axis, f"{axis}mm")
    counts = _orders(rotations)
    if counts[3] > CUBE:
        return "oooom" if counts[-1] else "oooo"
    if counts[12]:
        return _axial_limit(counts)
    return _by_counts().get(tuple(sorted(counts.items())), f"({len(rotations)} operations)")


def _orders(rotations: list[FloatArray]) -> Counter[int]:
    """How many rotations of each order there are; minus the order of R if -R is the rotation."""
    counts = Counter[int]()
    for rotation in rotations:
        proper = np.linalg.det(rotation) > 0
        share, _ = rotation_part(rotation if proper else -rotation)
        counts[share.denominator * (1 if proper else -1)] += 1
    return counts


def _axial_limit(counts: Counter[int]) -> str:
    sideways, mirrors, inverted = counts[2] > 1, counts[-2] > 1, counts[-1] > 0
    if inverted:
        return "oo/mm" if mirrors else "oo/m"
    return "oom" if mirrors else "oo2" if sideways else "oo"


def primes_of(symbol: str) -> list[bool]:
    """For each part of a symbol (-3', 4, /m', 2) whether it carries a prime."""
    return [part.endswith("'") for part in re.findall(r"/?(?:-?\d|m)'?", symbol)]


def all_symbols(dim: int = 3) -> list[str]:
    """The 122 magnetic point groups of space, or the 31 of the plane: plain, with 1', and with some primes."""
    plain = list(GENERATORS) if dim == 3 else list(GENERATORS_IN_THE_PLANE)
    table = PRIMED if dim == 3 else PRIMED_IN_THE_PLANE
    symbols: list[str] = []
    for family in plain:
        symbols += [family, "1'" if family == "1" else f"{family}1'"]
        symbols += [symbol for (outer, _), symbol in table.items() if outer == family]
    return symbols


@cache
def _by_counts() -> dict[tuple[tuple[int, int], ...], str]:
    table = {}
    for symbol, names in GENERATORS.items():
        rotations = [operation.rotation for operation in closed(as_operations(names.split(), 3), 3)]
        table[tuple(sorted(_orders(rotations).items()))] = symbol
    return table
