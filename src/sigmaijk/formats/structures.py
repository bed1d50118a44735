"""Lattice vectors from a Wannier90 `.win` file or a POSCAR, and centres from a `_centres.xyz`."""

from __future__ import annotations

import re

import numpy as np

from sigmaijk.errors import FileFormatError
from sigmaijk.model import FloatArray
from sigmaijk.units import NM_PER_ANGSTROM, NM_PER_BOHR

from .text import NumberedLines, Path, TextFile

_BLOCK = re.compile(r"\s*begin\s+unit_cell_cart\b", re.IGNORECASE)
_END = re.compile(r"\s*end\s+unit_cell_cart\b", re.IGNORECASE)
_WIN_LINE = re.compile(r"\s*(begin\s+\w+|num_wann\b|num_bands\b|mp_grid\b)", re.IGNORECASE)
_LENGTHS = {"bohr": NM_PER_BOHR, "ang": NM_PER_ANGSTROM, "angstrom": NM_PER_ANGSTROM}
LATTICE_VECTOR = "a lattice vector"


def read_lattice(path: Path) -> FloatArray:
    """Rows a1, a2, a3 in nm of a `.win` file (its block unit_cell_cart) or a POSCAR, told apart by content.

    Raises FileFormatError with the line of the first thing that is wrong.
    """
    with TextFile(path) as file:
        while line := file.line():
            if _WIN_LINE.match(_without_comment(line.decode("utf-8", errors="replace"))):
                file.rewind()
                return _win_lattice(NumberedLines(file))
        file.rewind()
        return _poscar_lattice(NumberedLines(file))


def win_announces_replicas(path: Path) -> bool:
    """Whether a `.win` file sets use_ws_distance itself; Wannier90's default depends on its version."""
    with TextFile(path) as file:
        while line := file.line():
            words = re.split(r"[\s=:]+", _without_comment(line.decode("utf-8", errors="replace")).strip())
            if words[0].lower() == "use_ws_distance":
                return len(words) > 1 and words[1].lower().strip(".").startswith("t")
    return False


def read_centres(path: Path) -> FloatArray:
    """The centres of the Wannier functions in nm, (n, 3): the rows X of a `_centres.xyz`, without the atoms below."""
    with TextFile(path) as file:
        lines = NumberedLines(file)
        total = lines.count("the number of centres and atoms")
        lines.skip()
        centres: list[list[float]] = []
        for number in range(total):
            words = lines.tokens("a row X x y z (angstrom)")
            if len(words) < 4:
                lines.fail(f"expected a symbol and x y z (angstrom), got {len(words)} words: {lines.shown()!r}")
            if words[0].upper() == "X":
                if number > len(centres):
                    lines.fail("expected the centres X before the atoms, got X after an atom")
                centres.append([lines.real(word) for word in words[1:4]])
        lines.end()
        if not centres:
            raise FileFormatError(path, None, "expected rows X x y z of Wannier centres, got only atoms")
    return np.array(centres) * NM_PER_ANGSTROM


def _win_lattice(lines: NumberedLines) -> FloatArray:
    while lines.advance():
        if _BLOCK.match(lines.text()):
            break
    else:
        lines.fail("the file ends here, but a block `begin unit_cell_cart` should be in it")
    unit, rows = NM_PER_ANGSTROM, []
    start = lines.line
    while len(rows) < 3:
        words = _win_words(lines, f"{LATTICE_VECTOR} of unit_cell_cart")
        if not rows and len(words) == 1 and words[0].lower() in _LENGTHS:
            unit = _LENGTHS[words[0].lower()]
        elif len(words) != 3:
            lines.fail(f"expected {LATTICE_VECTOR} of unit_cell_cart (3 numbers), got {lines.shown()!r}")
        else:
            rows.append([lines.real(word) for word in words])
    words = _win_words(lines, "end unit_cell_cart")
    if not _END.match(" ".join(words)):
        lines.fail(f"expected `end unit_cell_cart` after three lattice vectors, got {lines.shown()!r}")
    return _independent(lines.path, start, np.array(rows) * unit)


def _win_words(lines: NumberedLines, what: str) -> list[str]:
    """The words of the next line that holds more than a comment."""
    while True:
        lines.tokens(what)
        if words := _without_comment(lines.text()).split():
            return words


def _without_comment(text: str) -> str:
    return re.split("[!#]", text, maxsplit=1)[0]


def _poscar_lattice(lines: NumberedLines) -> FloatArray:
    lines.skip()
    words = lines.tokens("the scale of a POSCAR")
    if len(words) not in (1, 3) or not words[0].strip("+-").startswith(tuple("0123456789.")):
        lines.fail(f"not a .win file (no `begin unit_cell_cart`) nor a POSCAR (one scale here): got {lines.shown()!r}")
    scale = np.array([lines.real(word) for word in words])
    if (scale == 0).any() or (len(scale) == 3 and (scale < 0).any()):
        lines.fail(f"expected a scale that is not zero, or three above zero, got {lines.shown()!r}")
    rows = []
    for _ in range(3):
        words = lines.tokens(f"{LATTICE_VECTOR} (angstrom)")
        if len(words) < 3:
            lines.fail(f"expected {LATTICE_VECTOR} (3 numbers, angstrom), got {len(words)}: {lines.shown()!r}")
        rows.append([lines.real(word) for word in words[:3]])
    lattice = _independent(lines.path, 3, np.array(rows))
    if len(scale) == 1 and scale[0] < 0:  # minus the volume, in angstrom cubed
        scale = np.cbrt(-scale / abs(np.linalg.det(lattice)))
    return lattice * scale * NM_PER_ANGSTROM


def _independent(path: Path, line: int, rows: FloatArray) -> FloatArray:
    if not abs(np.linalg.det(rows)) > 1e-9 * np.linalg.norm(rows, axis=1).prod():
        raise FileFormatError(path, line, "the three lattice vectors are not linearly independent")
    return rows
