"""What a Wannier90 file holds: one matrix for each lattice vector, as printed, and the parts its formats share."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from sigmaijk.model import ComplexArray, FloatArray

from .text import NumberedLines, Numbers, TextFile, as_counts


@dataclass(frozen=True)
class WannierBlocks:
    """The numbers of a _tb.dat or _hr.dat file, in its own units and not yet divided by the degeneracies."""

    vectors: np.ndarray
    """R in units of the lattice vectors, (nR, 3), integers, each once."""
    degeneracies: np.ndarray
    """(nR,): H and r are to be divided by these."""
    hamiltonian: ComplexArray
    """<0m|H|Rn>, (nR, n, n), eV."""
    position_angstrom: ComplexArray | None = None
    """<0m|r|Rn>, (nR, 3, n, n); None for a _hr.dat."""
    lattice_angstrom: FloatArray | None = None
    """Rows are the lattice vectors, (3, 3); None for a _hr.dat."""


@dataclass(frozen=True)
class Header:
    """Counts at the top of both formats."""

    n_bands: int
    degeneracies: np.ndarray


def fast_header(numbers: Numbers) -> Header | None:
    """n, nR and nR degeneracies; None if these are not counts."""
    sizes = numbers.take(2)
    if sizes is None or (counts := as_counts(sizes, minimum=1)) is None:
        return None
    printed = numbers.take(int(counts[1]))
    degeneracies = None if printed is None else as_counts(printed, minimum=1)
    return None if degeneracies is None else Header(int(counts[0]), degeneracies)


def slow_header(lines: NumberedLines) -> tuple[int, list[int]]:
    """The number of Wannier functions and the degeneracies, read line by line."""
    n = lines.count("the number of Wannier functions")
    total = lines.count("the number of lattice vectors R")
    return n, lines.counts(total, "degeneracies of the lattice vectors")


def room(file: TextFile, total: int, n: int, components: int) -> ComplexArray | None:
    """Uninitialised matrices (nR, components, n, n); None when the file is too small to hold their numbers.

    An entry takes eight characters or more (`1 1 0 0`, a line end), so no header can ask for more than twice the file.
    """
    if 8 * total * n * n > file.capacity:
        return None
    return np.empty((total, components, n, n), dtype=np.complex128)


def index_pairs(n: int) -> FloatArray:
    """The columns m, n of one block in the order of the file, m fastest, counted from 1: (n * n, 2)."""
    indices = np.arange(1.0, n + 1)
    return np.stack([np.tile(indices, n), np.repeat(indices, n)], axis=1)


def check_pair(lines: NumberedLines, found: list[int], number: int, n: int) -> None:
    """Complains unless row `number` of a block carries the m and n that belong there."""
    expected = [number % n + 1, number // n + 1]
    if found != expected:
        lines.fail(
            f"expected the entry m n = {expected[0]} {expected[1]} (of {n} by {n}, m running fastest),"
            f" got {found[0]} {found[1]}: an entry is missing, repeated or out of order"
        )


def check_unseen(lines: NumberedLines, vector: list[int], seen: set[tuple[int, ...]]) -> None:
    """Complains when a lattice vector comes a second time."""
    if tuple(vector) in seen:
        lines.fail(f"the lattice vector R = {tuple(vector)} comes a second time")
    seen.add(tuple(vector))


def distinct(vectors: np.ndarray) -> bool:
    """True when no lattice vector comes twice."""
    return len(np.unique(vectors, axis=0)) == len(vectors)


def as_matrices(columns: FloatArray, n: int) -> ComplexArray:
    """Printed columns Re, Im[, Re, Im ..] of one block, (n * n, 2 or 6), m fastest, as (1 or 3, m, n)."""
    values = np.ascontiguousarray(columns).view(np.complex128).reshape(n, n, -1)
    return values.transpose(2, 1, 0)


def gathered(rows: array[float], total: int, n: int) -> ComplexArray:
    """The columns that a slow reading appended row by row, as (nR, 1 or 3, m, n)."""
    columns = np.frombuffer(rows).reshape(total, n * n, -1)
    return np.stack([as_matrices(block, n) for block in columns])
