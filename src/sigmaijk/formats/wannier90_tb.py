"""Wannier90 `_tb.dat`: comment, three lattice vectors (angstrom), n, nR, degeneracies, blocks of H, blocks of r.

A block is a line R1 R2 R3 and n * n rows `m n Re Im` (r: three pairs Re Im, angstrom) with m running fastest.
"""

from __future__ import annotations

from array import array

import numpy as np

from sigmaijk.errors import FileFormatError
from sigmaijk.model import ComplexArray, FloatArray

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
from .text import NumberedLines, Numbers, TextFile, as_counts

LATTICE_LINE = 2


def parse_tb(file: TextFile) -> WannierBlocks:
    """The blocks of a _tb.dat; raises FileFormatError with the line of the first thing that is wrong."""
    blocks = _fast(file)
    if blocks is None:
        file.rewind()
        blocks = _slow(NumberedLines(file))
    assert blocks.lattice_angstrom is not None
    if not abs(np.linalg.det(blocks.lattice_angstrom)) > 1e-9 * np.linalg.norm(blocks.lattice_angstrom, axis=1).prod():
        raise FileFormatError(file.path, LATTICE_LINE, "the three lattice vectors are not linearly independent")
    return blocks


def _fast(file: TextFile) -> WannierBlocks | None:
    """Block by block without regard to lines; None as soon as something does not fit."""
    file.line()
    numbers = Numbers(file)
    lattice = numbers.take(9)
    if lattice is None or (header := fast_header(numbers)) is None:
        return None
    n, total = header.n_bands, len(header.degeneracies)
    if (energies := room(file, total, n, 1)) is None or (shifts := room(file, total, n, 3)) is None:
        return None
    pairs, vectors = index_pairs(n), np.empty((total, 3), dtype=np.int64)
    for values, components in ((energies, 1), (shifts, 3)):
        for number in range(total):
            vector = _fast_block(numbers, pairs, components, values[number])
            if vector is None or (components == 3 and (vector != vectors[number]).any()):
                return None
            vectors[number] = vector
    if not numbers.ended() or not distinct(vectors):
        return None
    return WannierBlocks(vectors, header.degeneracies, energies[:, 0], shifts, lattice.reshape(3, 3).copy())


def _fast_block(numbers: Numbers, pairs: FloatArray, components: int, out: ComplexArray) -> np.ndarray | None:
    """R of the next block, whose matrices go to `out` (components, n, n)."""
    width = 2 + 2 * components
    printed = numbers.take(3 + len(pairs) * width)
    if printed is None or (vector := as_counts(printed[:3])) is None:
        return None
    rows = printed[3:].reshape(len(pairs), width)
    if (rows[:, :2] != pairs).any():
        return None
    out[...] = as_matrices(rows[:, 2:], out.shape[-1])
    return vector


def _slow(lines: NumberedLines) -> WannierBlocks:
    """Row by row, to name the line, or to read Fortran forms that the fast parse does not know."""
    lines.skip()
    lattice = [lines.row("a lattice vector in angstrom", 0, 3)[1] for _ in range(3)]
    n, degeneracies = slow_header(lines)
    total = len(degeneracies)
    vectors: list[list[int]] = []
    seen: set[tuple[int, ...]] = set()
    energies: array[float] = array("d")
    shifts: array[float] = array("d")
    for _ in range(total):
        vectors.append(lines.row("a lattice vector R1 R2 R3", 3, 0)[0])
        check_unseen(lines, vectors[-1], seen)
        _slow_block(lines, "m n Re(H) Im(H)", 2, n, energies)
    for expected in vectors:
        vector, _ = lines.row("a lattice vector R1 R2 R3 of the position matrices", 3, 0)
        if vector != expected:
            lines.fail(f"expected R = {tuple(expected)}, as the blocks of H come, got {tuple(vector)}")
        _slow_block(lines, "m n and Re, Im of x, y, z", 6, n, shifts)
    lines.end()
    return WannierBlocks(
        np.array(vectors),
        np.array(degeneracies),
        gathered(energies, total, n)[:, 0],
        gathered(shifts, total, n),
        np.array(lattice),
    )


def _slow_block(lines: NumberedLines, what: str, reals: int, n: int, columns: array[float]) -> None:
    for number in range(n * n):
        indices, values = lines.row(what, 2, reals)
        check_pair(lines, indices, number, n)
        columns.extend(values)
