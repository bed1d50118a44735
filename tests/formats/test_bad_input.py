"""Damaged files end in one line of ours; a header is not believed; memory stays in proportion to the model."""

from __future__ import annotations

import functools
import gzip
import re
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sigmaijk as sg
from sigmaijk.errors import FileFormatError, SigmaijkWarning
from support import assert_same
from wannier_files import Texts, known_model, texts
from wannier_fuzz import GOOD, KINDS, damaged, read

K = np.random.default_rng(1).normal(size=(4, 3)) * 3
EXAMPLES = 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("kind", KINDS)
def test_the_undamaged_file_of_the_fuzzer_is_read(kind: str, folder: Path) -> None:
    assert read(kind, GOOD[kind], folder) == "read"


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_ends_in_an_error_that_is_not_ours(kind: str, folder: Path) -> None:
    """A thousand files in all; both outcomes must occur, or the damage is too mild or too rough to find anything."""
    outcomes: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(st.integers(0, 2**63))
    def one(seed: int) -> None:
        outcomes[read(kind, damaged(kind, np.random.default_rng(seed)), folder)] += 1

    one()
    assert outcomes["FileFormatError"] >= EXAMPLES / 20
    assert outcomes["read"] >= 1


@pytest.mark.parametrize("kind", ["hr", "tb", "wsvec", "r", "centres"])
def test_a_file_cut_after_any_line_names_that_line(kind: str, folder: Path) -> None:
    lines = GOOD[kind].splitlines(keepends=True)
    start = 3 if kind in ("hr", "tb") else 1  # without them it is not known what the file is
    for count in range(start, len(lines)):
        with pytest.raises(FileFormatError, match="the file ends here, but ") as caught:
            _read_directly(kind, b"".join(lines[:count]), folder)
        last = max(number for number in range(1, count + 1) if lines[number - 1].strip() or number == count)
        assert caught.value.line == last


def _read_directly(kind: str, data: bytes, folder: Path, **options: Any) -> sg.LatticeModel:
    main = "tb" if kind == "tb" else "hr"
    companions = {"wsvec": False, "position_matrices": False, "lattice": 0.1 * known_model().lattice}
    ending = {"hr": "_hr.dat", "tb": "_tb.dat", "wsvec": "_wsvec.dat", "r": "_r.dat", "centres": "_centres.xyz"}[kind]
    for known in folder.iterdir():
        known.unlink()
    (folder / f"y_{main}.dat").write_bytes(GOOD[main])
    (folder / f"y{ending}").write_bytes(data)
    argument = {"wsvec": "wsvec", "r": "position_matrices", "centres": "positions"}.get(kind)
    if argument:
        companions[argument] = folder / f"y{ending}"
    if kind == "tb":
        companions["position_matrices"] = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SigmaijkWarning)
        return sg.read_wannier90(folder / f"y_{main}.dat", **companions | options)


HARMLESS = {
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "no line end at the end": lambda data: data.rstrip(b"\n"),
    "blank lines at the end": lambda data: data + b"\n \n",
    "Fortran exponents": lambda data: re.sub(rb"(?<=\d\.\d{10})(?=\s)", b"D+00", data),
    "lower-case exponents": lambda data: re.sub(rb"(?<=\d\.\d{10})(?=\s)", b"d0", data),
    "exponents without a letter": lambda data: re.sub(rb"(?<=\d\.\d{10})(?=\s)", b"+000", data),
    "gzip": gzip.compress,
}


@pytest.mark.parametrize("change", HARMLESS)
@pytest.mark.parametrize("kind", ["hr", "tb", "wsvec", "r", "centres"])
def test_a_harmless_change_gives_the_same_numbers(kind: str, change: str, folder: Path) -> None:
    data = HARMLESS[change](GOOD[kind])
    assert data != GOOD[kind] or (kind == "wsvec" and "exponents" in change)
    found, wanted = _read_directly(kind, data, folder), _read_directly(kind, GOOD[kind], folder)
    assert_same(found.jet(K).hessian, wanted.jet(K).hessian, rtol=1e-15, floor=1e-3)


@pytest.mark.parametrize("kind", ["hr", "tb"])
def test_a_missing_comment_is_recognised(kind: str, folder: Path) -> None:
    """Everything moves up by a line: the error must not blame a row of numbers far below."""
    with pytest.raises(FileFormatError, match=r"expected a comment line first, got .* is it missing") as caught:
        _read_directly(kind, GOOD[kind].split(b"\n", 1)[1], folder)
    assert caught.value.line == 1


# --- promises and memory ----------------------------------------------------------------------------------------------

PROMISES = {
    "R": ("hr", b"c\n  3\n 20000000\n    1    1\n    0    0    0    1    1  1.0  0.0\n"),
    "functions": ("hr", b"c\n  8000\n 1\n    1\n    0    0    0    1    1  1.0  0.0\n"),
    "functions of a tb": ("tb", b"c\n4 0 0\n0 5 0\n0 0 6\n 8000\n 1\n 1\n\n 0 0 0\n 1 1 1.0 0.0\n"),
    "both": ("tb", b"c\n4 0 0\n0 5 0\n0 0 6\n 2000000000\n 2000000000\n 1\n\n 0 0 0\n 1 1 1.0 0.0\n"),
    "R of a _r.dat": ("r", b"c\n3\n60000000\n 0 0 0 1 1 0.0 0.0 0.0 0.0 0.0 0.0\n"),
    "centres": ("centres", b"100000000\nc\nX 0 0 0\n"),
    "translations": ("wsvec", b"c\n 0 0 0 1 1\n 32000\n 0 0 0\n"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("promise", PROMISES)
def test_a_gigabyte_that_a_header_promises_is_not_allocated(promise: str, packed: bool, folder: Path) -> None:
    kind, data = PROMISES[promise]
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=r"line \d+: (the file ends|expected|degeneracies)"):
            _read_directly(kind, gzip.compress(data) if packed else data, folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5e6


def test_a_gzip_bomb_is_read_in_pieces(folder: Path) -> None:
    """200 MB of zeros in 200 kB: the first long line is refused."""
    packed = gzip.compress(b"c\n 3\n" + b"0" * 200_000_000, compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="line 3: the line is longer than 1048576 characters"):
            _read_directly("hr", packed, folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6


def size_in_use(model: sg.LatticeModel) -> int:
    """Bytes of the arrays of a model that has been used once."""
    model.jet(K)
    held = [part for value in vars(model).values() for part in (value if isinstance(value, tuple) else (value,))]
    return sum(part.nbytes for part in held if isinstance(part, np.ndarray))


@functools.cache
def dense() -> Texts:
    """12 functions, about 50 vectors R, and no entry that vanishes."""
    return texts(known_model(cutoff=100.0, functions=12), (7, 7, 1))


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("endings", [("_hr.dat", ".win"), ("_tb.dat",), ("_tb.dat", "_wsvec.dat")])
def test_reading_takes_less_than_twice_the_memory_of_the_model(
    tmp_path: Path, endings: tuple[str, ...], slow: bool
) -> None:
    """Also by the slow way, which an exponent without its letter takes."""
    _read_directly("hr", GOOD["hr"], tmp_path)  # what is imported on the way does not count
    path = dense().write(tmp_path, "x", *endings)
    if slow:
        path.write_text(re.sub(r"(?<=\d\.\d{10})(?=\s)", "+000", path.read_text()))
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SigmaijkWarning)
            model = sg.read_wannier90(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = size_in_use(model)
    assert size > 1e6
    assert peak < 2 * size, f"{peak / size:.2f} times the model"
