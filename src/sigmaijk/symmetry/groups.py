"""Groups of operations: closure, the 122 (in the plane 31) magnetic point groups by their symbols, and limit groups."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from ..arrays import FloatArray
from ..errors import ArgumentError, ArgumentTypeError
from .operation import (
    MOST_FOLD,
    Operation,
    as_operations,
    index_of,
    rotation_part,
)

MOST = 192
"""The largest group that is built: m-3m1' has 96 operations, the twelvefold axis with all mirrors and 1' as many."""
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


@dataclass(frozen=True)
class Level:
    """One of several groups within a tolerance: what holds up to a violation."""

    symbol: str
    order: int
    violation: float
    """eV, the largest one of its operations."""


@dataclass(frozen=True, eq=False)
class PointGroup:
    """Operations with where they come from; a closed group unless it holds all rotations of space."""

    operations: tuple[Operation, ...]
    source: str = "operations as given"
    tolerance: float = 0.0
    """eV, the violation up to which an operation was accepted."""
    levels: tuple[Level, ...] = ()
    """Distinct groups within the tolerance, the most exact first; more than one means that the tolerance is loose."""
    near: tuple[Operation, ...] = field(default=(), repr=False)
    """Operations that hold only approximately, or only for the energies, with their violation; the best first."""

    @property
    def symbol(self) -> str:
        """International symbol: "m'mm", "2'm'm" in the plane, "321'" for 32 with T itself; infinite axes are 'oo'."""
        return symbol_of(self.operations)

    @property
    def order(self) -> int:
        """Number of operations."""
        return len(self.operations)

    @property
    def dim(self) -> int:
        """2 or 3."""
        return self.operations[0].dim

    @property
    def violation(self) -> float:
        """The largest violation of an operation, eV."""
        return max(operation.violation for operation in self.operations)

    def __len__(self) -> int:
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def __contains__(self, wanted: object) -> bool:
        (operation,) = as_operations([wanted], self.dim)
        return index_of(self.operations, operation) is not None

    def __str__(self) -> str:
        return f"{self.symbol}: {', '.join(operation.label for operation in self.operations)}"


def group(operations: object, dim: int | None = None) -> PointGroup:
    """The group that operations generate, or that a symbol of the 122 (with dim=2: of the 31) names.

    operations: Operation objects, pairs (Cartesian rotation, time_reversal), names ('C3z', 'My', 'PT'), a PointGroup,
        or one symbol such as "m'mm", with the axes of `GENERATORS`. What is missing for a group is added.
    Raises ArgumentError for operations that generate no finite group, and names one of them.

    >>> print(group(["PT", "My"], dim=2))
    2'm'm: E, My, PT, MxT
    >>> group("4/m'mm").order
    16
    """
    if isinstance(operations, PointGroup):
        return operations
    if isinstance(operations, str):
        return group_of_symbol(operations, dim or 3)
    given = as_operations(operations, dim)
    if not given and dim is None:
        raise ArgumentError("operations must hold at least one operation, or dim must be given")
    return PointGroup(tuple(closed(given, dim or given[0].dim)))


def closed(operations: Sequence[Operation], dim: int) -> list[Operation]:
    """The operations and all their products, sorted; raises ArgumentError if there is no end to them."""
    found = [Operation(np.eye(dim))]
    for operation in operations:
        place = index_of(found, operation)
        if place is None:
            found.append(operation)
    keys = {key_of(operation): operation for operation in found}
    fresh = list(keys.values())
    while fresh:
        products = [a @ b for a in fresh for b in operations]
        fresh = []
        for product in products:
            key = key_of(product)
            if key not in keys:
                keys[key] = product
                fresh.append(product)
        if len(keys) > MOST:
            worst = next((item for item in operations if _fold(item) is None), operations[0])
            raise ArgumentError(
                f"the operations generate no finite group (over {MOST} products): {worst.label} fits badly with the "
                f"others; rotation {np.round(worst.rotation, 6).tolist()}"
            )
    return ordered(keys.values())


def missing_products(operations: Sequence[Operation]) -> list[Operation]:
    """Products of two operations that are not among them."""
    keys = {key_of(operation) for operation in operations}
    absent: dict[tuple[float, ...], Operation] = {}
    for a in operations:
        for b in operations:
            product = a @ b
            if key_of(product) not in keys:
                absent[key_of(product)] = product
    return list(absent.values())


def ordered(operations: object) -> list[Operation]:
    """Without time reversal first; rotations before improper ones; the identity first, then by angle and axis."""

    def place(operation: Operation) -> tuple[object, ...]:
        rotation = operation.rotation
        improper = np.linalg.det(rotation) < 0
        return (
            operation.time_reversal,
            improper,
            -round(float(np.trace(rotation)) * (-1 if improper else 1), 6),
            (operation.label),
        )

    return sorted(operations, key=place)  # pyright: ignore[reportArgumentType, reportCallIssue]


def key_of(operation: Operation) -> tuple[float, ...]:
    """What tells operations apart in a dictionary."""
    rounded = np.round(operation.rotation, 4) + 0.0
    return (*rounded.ravel().tolist(), float(operation.time_reversal))


def _fold(operation: Operation) -> int | None:
    """How often an operation must be repeated to give one that leaves space as it is; None beyond MOST_FOLD."""
    power = np.eye(operation.dim)
    for count in range(1, 2 * MOST_FOLD + 1):
        power = power @ operation.rotation
        if np.abs(power - np.eye(operation.dim)).max() < 1e-4:
            return count
    return None


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


def group_of_symbol(symbol: str, dim: int = 3) -> PointGroup:
    """The group of an international symbol in its standard axes; raises ArgumentError for what is no symbol."""
    if not isinstance(symbol, str):
        raise ArgumentTypeError(f"symbol must be a string, got {type(symbol).__name__}")
    text = symbol.replace(" ", "")
    parents = _PLANE_GENERATORS if dim == 2 else GENERATORS
    grey = text.endswith("1'") and text not in ("1'", "-1'") and text[:-2] in parents
    bare = text[:-2] if grey or text == "1'" else text
    bare = bare or "1"
    plain = bare.replace("'", "")
    if plain not in parents:
        raise ArgumentError(f'{symbol!r} is no symbol of a magnetic point group, such as "m\'mm", "-3\'m\'" or "321\'"')
    names = parents[plain].split()
    primes = _primes(bare)
    generators = as_operations([name + "T" * primed for name, primed in zip(names, primes, strict=True)], dim)
    if grey or text == "1'":
        generators.append(Operation(np.eye(dim), True))
    found = PointGroup(tuple(closed(generators, dim)), f"symbol {text}")
    grown = len(closed(as_operations(names, dim), dim))
    if len(found) != grown * (2 if grey or text == "1'" else 1):  # primes that contradict each other make it grey
        raise ArgumentError(f"{symbol!r} is no symbol of a magnetic point group; its parts generate {found.symbol}")
    return found


def _primes(symbol: str) -> list[bool]:
    """For each part of a symbol (-3', 4, /m', 2) whether it carries a prime."""
    return [part.endswith("'") for part in re.findall(r"/?(?:-?\d|m)'?", symbol)]


def all_symbols(dim: int = 3) -> list[str]:
    """The 122 magnetic point groups of space, or the 31 of the plane: plain, with 1', and with some primes."""
    plain = list(GENERATORS) if dim == 3 else list(_PLANE_GENERATORS)
    table = PRIMED if dim == 3 else PRIMED_IN_THE_PLANE
    symbols: list[str] = []
    for family in plain:
        symbols += [family, "1'" if family == "1" else f"{family}1'"]
        symbols += [symbol for (outer, _), symbol in table.items() if outer == family]
    return symbols


_PLANE_GENERATORS = {
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


@cache
def _by_counts() -> dict[tuple[tuple[int, int], ...], str]:
    table = {}
    for symbol, names in GENERATORS.items():
        rotations = [operation.rotation for operation in closed(as_operations(names.split(), 3), 3)]
        table[tuple(sorted(_orders(rotations).items()))] = symbol
    return table
