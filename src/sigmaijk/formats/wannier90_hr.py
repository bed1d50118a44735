"""Wannier90 `_hr.dat`: comment, n, nR, degeneracies, then rows R1 R2 R3 m n Re H Im H (eV) with m running fastest.

`_r.dat` has the same rows with three pairs Re, Im (angstrom) and no degeneracies: those of the `_hr.dat` apply to it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from sigmaijk.errors import FileFormatError
from sigmaijk.model import ComplexArray

from .blocks import (
    WannierBlocks,
    as_matrices,
    check_pair,
    check_unseen,
    distinct,
    fast_header,
    gathered,
    index_pairs,
    room,
    slow_header,
)
from .text import NumberedLines, Numbers, Path, TextFile, as_counts

HOPPINGS = "R1 R2 R3 m n Re(H) Im(H)"
POSITIONS = "R1 R2 R3 m n and Re, Im of x, y, z"


@dataclass(frozen=True)
class _Table:
    """The rows of either file, by lattice vector."""

    vectors: np.ndarray
    values: ComplexArray
    """(nR, components, n, n)."""


def parse_hr(file: TextFile) -> WannierBlocks:
    """The blocks of a _hr.dat; raises FileFormatError with the line of the first thing that is wrong."""
    file.line()
    numbers = Numbers(file)
    if (header := fast_header(numbers)) is not None:
        table = _fast(file, numbers, header.n_bands, len(header.degeneracies), 1)
        if table is not None:
            return WannierBlocks(table.vectors, header.degeneracies, table.values[:, 0])
    file.rewind()
    lines = NumberedLines(file)
    lines.skip()
    n, degeneracies = slow_header(lines)
    table = _slow(lines, n, len(degeneracies), 1, HOPPINGS)
    return WannierBlocks(table.vectors, np.array(degeneracies), table.values[:, 0])


def read_r(path: Path, vectors: np.ndarray, n: int) -> ComplexArray:
    """<0m|r|Rn> of a _r.dat in angstrom, (nR, 3, n, n), in the order of the vectors of its _hr.dat.

    Raises FileFormatError when it does not hold the same lattice vectors and as many functions.
    """
    with TextFile(path) as file:
        table = _positions(file, n)
    number_of = {tuple(vector): number for number, vector in enumerate(table.vectors.tolist())}
    missing = [tuple(vector) for vector in vectors.tolist() if tuple(vector) not in number_of]
    if missing or len(number_of) != len(vectors):
        extra = set(number_of) - {tuple(vector) for vector in vectors.tolist()}
        problem = f"lacks R = {missing[0]}" if missing else f"has R = {min(extra)}, which the hoppings do not have"
        raise FileFormatError(
            path, None, f"expected the {len(vectors)} lattice vectors of the hoppings; the file {problem}"
        )
    order = [number_of[tuple(vector)] for vector in vectors.tolist()]
    return table.values if order == sorted(order) else table.values[order]


def _positions(file: TextFile, n: int) -> _Table:
    file.line()
    numbers = Numbers(file)
    sizes = numbers.take(2)
    if sizes is not None and sizes[0] == n and (counts := as_counts(sizes, minimum=1)) is not None:
        table = _fast(file, numbers, n, int(counts[1]), 3)
        if table is not None:
            return table
    file.rewind()
    lines = NumberedLines(file)
    lines.skip()
    if (found := lines.count("the number of Wannier functions")) != n:
        lines.fail(f"expected {n} Wannier functions, as the hoppings have, got {found}")
    return _slow(lines, n, lines.count("the number of lattice vectors R"), 3, POSITIONS)


def _fast(file: TextFile, numbers: Numbers, n: int, total: int, components: int) -> _Table | None:
    """Block by block without regard to lines; None as soon as something does not fit."""
    values = room(file, total, n, components)
    if values is None:
        return None
    pairs, width = None, 5 + 2 * components
    vectors = np.empty((total, 3), dtype=np.int64)
    for number in range(total):
        printed = numbers.take(n * n * width)
        if printed is None:
            return None
        rows = printed.reshape(n * n, width)
        vector = as_counts(rows[0, :3])
        pairs = index_pairs(n) if pairs is None else pairs
        if vector is None or (rows[:, :3] != vector).any() or (rows[:, 3:5] != pairs).any():
            return None
        vectors[number] = vector
        values[number] = as_matrices(rows[:, 5:], n)
    return _Table(vectors, values) if numbers.ended() and distinct(vectors) else None


def _slow(lines: NumberedLines, n: int, total: int, components: int, what: str) -> _Table:
    """Row by row, to name the line, or to read Fortran forms that the fast parse does not know."""
    vectors: list[list[int]] = []
    columns: array[float] = array("d")
    seen: set[tuple[int, ...]] = set()
    for _ in range(total):
        for number in range(n * n):
            indices, values = lines.row(what, 5, 2 * components)
            if number == 0:
                check_unseen(lines, indices[:3], seen)
                vectors.append(indices[:3])
            elif indices[:3] != vectors[-1]:
                lines.fail(
                    f"R = {tuple(indices[:3])} starts before the {n * n} entries of R = {tuple(vectors[-1])} end"
                )
            check_pair(lines, indices[3:], number, n)
            columns.extend(values)
    lines.end()
    return _Table(np.array(vectors), gathered(columns, total, n))
