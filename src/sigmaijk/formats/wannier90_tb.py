"""Wannier90 `_tb.dat`: comment, three lattice vectors (angstrom), n, nR, degeneracies, blocks of H, blocks of r.

A block is a line R1 R2 R3 and n * n rows `m n Re Im` (r: three pairs Re Im, angstrom) with m running fastest.
"""

from __future__ import annotations

import os

import numpy as np

from sigmaijk.errors import FileFormatError
from sigmaijk.model import FloatArray

from .blocks import (
    WannierBlocks,
    as_matrices,
    check_pair,
    check_unseen,
    distinct,
    fast_header,
    index_pairs,
    slow_header,
)
from .text import NumberedLines, all_numbers, as_counts

LATTICE_LINE = 2


def parse_tb(path: str | os.PathLike[str], data: bytes) -> WannierBlocks:
    """The blocks of a _tb.dat; raises FileFormatError with the line of the first thing that is wrong."""
    blocks = _fast(data)
    if blocks is None:
        blocks = _slow(NumberedLines(path, data))
    assert blocks.lattice_angstrom is not None
    if not abs(np.linalg.det(blocks.lattice_angstrom)) > 1e-9 * np.linalg.norm(blocks.lattice_angstrom, axis=1).prod():
        raise FileFormatError(path, LATTICE_LINE, "the three lattice vectors are not linearly independent")
    return blocks


def _fast(data: bytes) -> WannierBlocks | None:
    """All numbers at once; None as soon as something does not fit."""
    values = all_numbers(data.partition(b"\n")[2])
    if values is None or (header := fast_header(values[9:])) is None:
        return None
    n, total = header.n_bands, len(header.degeneracies)
    energy_size, position_size = 3 + 4 * n * n, 3 + 8 * n * n
    if header.body.size != total * (energy_size + position_size):
        return None
    energies = header.body[: total * energy_size].reshape(total, energy_size)
    shifts = header.body[total * energy_size :].reshape(total, position_size)
    vectors = as_counts(energies[:, :3])
    if vectors is None or not distinct(vectors) or (shifts[:, :3] != vectors).any():
        return None
    energy_rows, shift_rows = energies[:, 3:].reshape(total, n * n, 4), shifts[:, 3:].reshape(total, n * n, 8)
    if (energy_rows[..., :2] != index_pairs(n)).any() or (shift_rows[..., :2] != index_pairs(n)).any():
        return None
    return _assembled(vectors, header.degeneracies, energy_rows[..., 2:], shift_rows[..., 2:], values[:9], n)


def _slow(lines: NumberedLines) -> WannierBlocks:
    """Row by row, to name the line, or to read Fortran forms that the fast parse does not know."""
    lines.skip()
    lattice = [lines.row("a lattice vector in angstrom", 0, 3)[1] for _ in range(3)]
    n, degeneracies = slow_header(lines)
    vectors: list[list[int]] = []
    seen: set[tuple[int, ...]] = set()
    energies: list[list[float]] = []
    for _ in degeneracies:
        vectors.append(lines.row("a lattice vector R1 R2 R3", 3, 0)[0])
        check_unseen(lines, vectors[-1], seen)
        energies += _block(lines, "m n Re(H) Im(H)", 2, n)
    shifts: list[list[float]] = []
    for expected in vectors:
        vector, _ = lines.row("a lattice vector R1 R2 R3 of the position matrices", 3, 0)
        if vector != expected:
            lines.fail(f"expected R = {tuple(expected)}, as the blocks of H come, got {tuple(vector)}")
        shifts += _block(lines, "m n and Re, Im of x, y, z", 6, n)
    lines.end()
    total = len(vectors)
    energy_rows, shift_rows = np.array(energies).reshape(total, n * n, 2), np.array(shifts).reshape(total, n * n, 6)
    return _assembled(np.array(vectors), np.array(degeneracies), energy_rows, shift_rows, np.array(lattice), n)


def _block(lines: NumberedLines, what: str, reals: int, n: int) -> list[list[float]]:
    rows: list[list[float]] = []
    for number in range(n * n):
        indices, values = lines.row(what, 2, reals)
        check_pair(lines, indices, number, n)
        rows.append(values)
    return rows


def _assembled(
    vectors: np.ndarray, degeneracies: np.ndarray, energies: FloatArray, shifts: FloatArray, lattice: FloatArray, n: int
) -> WannierBlocks:
    return WannierBlocks(
        vectors, degeneracies, as_matrices(energies, n)[:, 0], as_matrices(shifts, n), lattice.reshape(3, 3)
    )
