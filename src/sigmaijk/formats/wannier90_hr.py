"""Wannier90 `_hr.dat`: comment, n, nR, degeneracies, then rows R1 R2 R3 m n Re H Im H (eV) with m running fastest."""

from __future__ import annotations

import os

import numpy as np

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

COLUMNS = 7


def parse_hr(path: str | os.PathLike[str], data: bytes) -> WannierBlocks:
    """The blocks of a _hr.dat; raises FileFormatError with the line of the first thing that is wrong."""
    blocks = _fast(data)
    return _slow(NumberedLines(path, data)) if blocks is None else blocks


def _fast(data: bytes) -> WannierBlocks | None:
    """All numbers at once; None as soon as something does not fit."""
    values = all_numbers(data.partition(b"\n")[2])
    if values is None or (header := fast_header(values)) is None:
        return None
    n, total = header.n_bands, len(header.degeneracies)
    if header.body.size != total * n * n * COLUMNS:
        return None
    table = header.body.reshape(total, n * n, COLUMNS)
    vectors = as_counts(table[:, 0, :3])
    if vectors is None or not distinct(vectors):
        return None
    if (table[:, :, :3] != vectors[:, None]).any() or (table[:, :, 3:5] != index_pairs(n)).any():
        return None
    return WannierBlocks(vectors, header.degeneracies, as_matrices(table[:, :, 5:], n)[:, 0])


def _slow(lines: NumberedLines) -> WannierBlocks:
    """Row by row, to name the line, or to read Fortran forms that the fast parse does not know."""
    lines.skip()
    n, degeneracies = slow_header(lines)
    vectors: list[list[int]] = []
    rows: list[list[float]] = []
    seen: set[tuple[int, ...]] = set()
    for _ in degeneracies:
        for number in range(n * n):
            indices, values = lines.row("R1 R2 R3 m n Re(H) Im(H)", 5, 2)
            if number == 0:
                vectors.append(indices[:3])
                check_unseen(lines, indices[:3], seen)
            elif indices[:3] != vectors[-1]:
                lines.fail(
                    f"R = {tuple(indices[:3])} starts before the {n * n} entries of R = {tuple(vectors[-1])} end"
                )
            check_pair(lines, indices[3:], number, n)
            rows.append(values)
    lines.end()
    columns = np.array(rows).reshape(len(vectors), n * n, 2)
    return WannierBlocks(np.array(vectors), np.array(degeneracies), as_matrices(columns, n)[:, 0])
