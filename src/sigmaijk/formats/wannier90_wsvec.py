"""Wannier90 `_wsvec.dat`: for each R, m, n the supercell translations T that bring the function n at R closest to m.

A comment that says whether they are in use, then records: a line R1 R2 R3 m n, a line with the number of T, the T.
H_mn(R) and r_mn(R) are to be divided among the vectors R + T in equal parts.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sigmaijk.arrays import IntArray
from sigmaijk.errors import FileFormatError
from sigmaijk.model import ComplexArray

from .text import NumberedLines, Numbers, Path, TextFile, as_counts

LARGEST_SHIFT = 2**15 - 1
_IN_USE = re.compile(r"use_ws_distance\s*=\s*\.?(t|f)", re.IGNORECASE)


@dataclass(frozen=True)
class Replicas:
    """The records of a file, in the order of H(R) as a flat array."""

    counts: np.ndarray
    """Number of T of each entry R, m, n, (nR * n * n,), at least one."""
    shifts: np.ndarray
    """All T, (sum of counts, 3), in units of the lattice vectors."""

    @property
    def trivial(self) -> bool:
        """True when every entry stays where it is."""
        return not self.shifts.any() and bool((self.counts == 1).all())


def announced(comment: str) -> bool | None:
    """What a comment says of use_ws_distance; None if nothing."""
    found = _IN_USE.search(comment)
    return None if found is None else found.group(1) in "tT"


def read_wsvec(path: Path, vectors: IntArray, n: int) -> Replicas | None:
    """The translations that belong to H(R) at these vectors; None when the file says that they are not in use.

    Raises FileFormatError with the line of the first thing that is wrong.
    """
    with TextFile(path) as file:
        if announced(file.line().decode("utf-8", errors="replace")) is False:
            return None
        entry_of = {tuple(vector): number * n * n for number, vector in enumerate(vectors.tolist())}
        found = _fast(Numbers(file), entry_of, n)
        if found is None:
            file.rewind()
            found = _slow(NumberedLines(file), entry_of, n)
    order = np.argsort(found.entries, kind="stable")
    starts = [0, *np.cumsum(found.counts, dtype=np.int64).tolist()]
    if (order[1:] > order[:-1]).all():
        replicas = Replicas(found.counts, found.shifts)
    else:
        gathered = np.concatenate([np.arange(starts[record], starts[record + 1]) for record in order])
        replicas = Replicas(found.counts[order], found.shifts[gathered])
    _check_home(path, replicas, entry_of.get((0, 0, 0)), n)
    return replicas


def _check_home(path: Path, replicas: Replicas, start: int | None, n: int) -> None:
    """Raises FileFormatError when a function is moved away from itself: its centre stands at R = 0."""
    if start is None:
        return
    itself = start + np.arange(n) * (n + 1)
    first = np.cumsum(replicas.counts, dtype=np.int64) - replicas.counts
    moved = (replicas.counts[itself] != 1) | replicas.shifts[first[itself]].any(axis=1)
    if moved.any():
        m = int(moved.argmax()) + 1
        raise FileFormatError(path, None, f"expected one translation, 0 0 0, at R = (0, 0, 0), m n = {m} {m}")


def spread(replicas: Replicas, vectors: IntArray, blocks: ComplexArray, targets: IntArray) -> ComplexArray:
    """Matrices (nR, ..., n, n) at the vectors, each entry divided in equal parts among its R + T, at the targets."""
    n = blocks.shape[-1]
    entry = np.repeat(np.arange(len(replicas.counts)), replicas.counts)
    number, pair = np.divmod(entry, n * n)
    reached = _numbers_of(vectors[number] + replicas.shifts, targets)
    spread_out = np.zeros((len(targets), *blocks.shape[1:]), dtype=np.complex128)
    source, result = blocks.reshape(len(blocks), -1, n * n), spread_out.reshape(len(targets), -1, n * n)
    share = replicas.counts[entry]
    for component in range(source.shape[1]):
        np.add.at(result[:, component], (reached, pair), source[number, component, pair] / share)
    return spread_out


def reached_vectors(replicas: Replicas, vectors: IntArray, n: int) -> IntArray:
    """Every R + T once, (nR', 3), in ascending order."""
    base = np.repeat(np.repeat(vectors, n * n, axis=0), replicas.counts, axis=0)
    return np.unique(base + replicas.shifts, axis=0)


def _numbers_of(wanted: IntArray, among: IntArray) -> IntArray:
    """The row of `among` (unique, ascending) that equals each row wanted."""
    low, span = among.min(axis=0), np.ptp(among, axis=0) + 1

    def code(rows: IntArray) -> IntArray:
        return ((rows[:, 0] - low[0]) * span[1] + rows[:, 1] - low[1]) * span[2] + rows[:, 2] - low[2]

    return np.searchsorted(code(among), code(wanted))


@dataclass(frozen=True)
class _Records:
    entries: np.ndarray
    counts: np.ndarray
    shifts: np.ndarray


def _fast(numbers: Numbers, entry_of: dict[tuple[int, ...], int], n: int) -> _Records | None:
    """Record by record without regard to lines; None as soon as something does not fit."""
    entries, counts, shifts = array("q"), array("h"), array("h")
    seen = bytearray(len(entry_of) * n * n)
    stream = _integers(numbers)
    for first in stream:
        head = [first, *(next(stream, None) for _ in range(5))]
        if None in head:
            return None
        *vector, row, column, count = (int(value) for value in head if value is not None)
        base = entry_of.get(tuple(vector))
        if base is None or not (1 <= row <= n and 1 <= column <= n and 1 <= count <= LARGEST_SHIFT):
            return None
        entry = base + (row - 1) * n + column - 1
        if seen[entry]:
            return None
        seen[entry] = 1
        for _ in range(3 * count):
            value = next(stream, None)
            if value is None or abs(value) > LARGEST_SHIFT:
                return None
            shifts.append(value)
        entries.append(entry)
        counts.append(count)
    if not numbers.ended() or not all(seen):
        return None
    return _as_records(entries, counts, shifts)


def _integers(numbers: Numbers) -> Iterator[int]:
    """All numbers as long as they are integers."""
    while (values := numbers.some()) is not None and (whole := as_counts(values)) is not None:
        yield from whole.tolist()


def _slow(lines: NumberedLines, entry_of: dict[tuple[int, ...], int], n: int) -> _Records:
    lines.skip()
    entries, counts, shifts = array("q"), array("h"), array("h")
    seen = bytearray(len(entry_of) * n * n)
    for _ in range(len(seen)):
        (*vector, row, column), _none = lines.row("a record R1 R2 R3 m n", 5, 0)
        base = entry_of.get(tuple(vector))
        if base is None:
            lines.fail(f"expected a lattice vector of the hoppings, got R = {tuple(vector)}; {_LEAVE_OUT}")
        if not (1 <= row <= n and 1 <= column <= n):
            lines.fail(f"expected m and n from 1 to {n}, as the hoppings have, got {row} and {column}; {_LEAVE_OUT}")
        entry = base + (row - 1) * n + column - 1
        if seen[entry]:
            lines.fail(f"the entry R = {tuple(vector)}, m n = {row} {column} comes a second time")
        seen[entry] = 1
        count = lines.count("the number of translations T")
        if count > LARGEST_SHIFT:
            lines.fail(f"expected a few translations T, got {count}")
        for _ in range(count):
            shift, _none = lines.row("a translation T1 T2 T3", 3, 0)
            if max(map(abs, shift)) > LARGEST_SHIFT:
                lines.fail(f"a translation must be below {LARGEST_SHIFT + 1} lattice vectors, got {shift}")
            shifts.extend(shift)
        entries.append(entry)
        counts.append(count)
    lines.end()
    return _as_records(entries, counts, shifts)


_LEAVE_OUT = "the file belongs to other hoppings; wsvec=False leaves it out"


def _as_records(entries: array[int], counts: array[int], shifts: array[int]) -> _Records:
    translations = np.frombuffer(shifts, dtype=np.int16).reshape(-1, 3)
    return _Records(np.frombuffer(entries, dtype=np.int64), np.frombuffer(counts, dtype=np.int16), translations)
