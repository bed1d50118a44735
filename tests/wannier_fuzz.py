"""Damage of every kind to small Wannier90 files, from a seed: for the tests and for benchmarks/fuzz_readers.py."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sigmaijk as sg
from sigmaijk.errors import SigmaijkError, SigmaijkWarning
from wannier_files import known_model, texts

TOKENS = [
    *("nan", "inf", "-inf", "0", "-1", "1e999", "1e-999", "1.0D+02", "1.5-100", "0x10", "1_0", "1,5", "********"),
    *("9999999999999999999999", "1000000000", "33000", "2.5", "e", "E5", "#", "!", "T", "begin", "--1", "1e5", "\x00"),
    *("end unit_cell_cart", "use_ws_distance=.true.", "X", "(1.0,2.0)", "", "\t", "\r", "\x0c", "\x1a", "\ufeff"),
    *("\u0661", "\u22121"),
]
MAIN = {"hr": "_hr.dat", "tb": "_tb.dat"}
BESIDE = {"wsvec": "_wsvec.dat", "r": "_r.dat", "centres": "_centres.xyz", "win": ".win", "poscar": "POSCAR"}
KINDS = (*MAIN, *BESIDE)
_KNOWN = texts(known_model(cutoff=4.5), (2, 1, 1))
GOOD: dict[str, bytes] = {kind: getattr(_KNOWN, kind).encode() for kind in KINDS}


def damaged(kind: str, rng: np.random.Generator) -> bytes:
    """A good file after one to four kinds of damage; some of it is harmless."""
    data = GOOD[kind]
    for _ in range(rng.integers(1, 5)):
        data = DAMAGE[rng.integers(len(DAMAGE))](data, rng)
    return data


def read(kind: str, data: bytes, folder: Path) -> str:
    """Reads a model with this file in the place of its kind; "read", or the name of the error of ours that refused it.

    Raises whatever else comes out: that is what is looked for. So is a message of several lines or without the file.
    """
    ending = MAIN.get(kind) or BESIDE[kind]
    files = {"_hr.dat": GOOD["hr"], "_wsvec.dat": GOOD["wsvec"], ".win": GOOD["win"], "_r.dat": GOOD["r"]}
    files = {"_tb.dat": data, "_wsvec.dat": GOOD["wsvec"]} if kind == "tb" else files | {ending: data}
    if kind == "centres":
        del files["_r.dat"]
    stem = "x" if kind != "poscar" else ""
    for known in folder.iterdir():
        known.unlink()
    for name, content in files.items():
        (folder / (("x" if name != ending else stem) + name)).write_bytes(content)
    options = {"lattice": folder / "POSCAR"} if kind == "poscar" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SigmaijkWarning)
        try:
            model = sg.read_wannier90(folder / ("x_tb.dat" if kind == "tb" else "x_hr.dat"), **options)
        except SigmaijkError as error:
            message = str(error)
            if "\n" in message or str(folder) not in message:
                raise AssertionError(f"not one line that names the file: {message!r}") from error
            return type(error).__name__
    if not np.isfinite(model.hamiltonian(np.ones((1, 3)))).all():
        raise AssertionError("a model with numbers that are not finite was accepted")
    return "read"


Damage = Callable[[bytes, np.random.Generator], bytes]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data) + 1)]


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        if changed:
            changed[rng.integers(len(changed))] = rng.integers(256)
    return bytes(changed)


def _drop(data: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(data) + 1))
    return data[:start] + data[start + int(rng.integers(1, 30)) :]


def _line(data: bytes, rng: np.random.Generator) -> bytes:
    """A line left out, doubled or exchanged with another; early ones more often, since they hold the counts."""
    lines = data.split(b"\n")
    first, second = (int(len(lines) * rng.random() ** 2) for _ in range(2))
    kind = rng.integers(3)
    if kind == 0:
        del lines[first]
    elif kind == 1:
        lines.insert(first, lines[second])
    else:
        lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _token(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    at = int(len(lines) * rng.random() ** 2)
    words = lines[at].split(b" ")
    words[rng.integers(len(words))] = TOKENS[rng.integers(len(TOKENS))].encode()
    lines[at] = b" ".join(words)
    return b"\n".join(lines)


def _ends(data: bytes, rng: np.random.Generator) -> bytes:
    return data.replace(b"\n", [b"\r\n", b"\n\n", b" \n", b"\r"][rng.integers(4)])


def _exponents(data: bytes, rng: np.random.Generator) -> bytes:
    return data.replace(b"0000 ", [b"D+00 ", b"d0 ", b"E+00 "][rng.integers(3)])


def _packed(data: bytes, rng: np.random.Generator) -> bytes:
    return gzip.compress(data, compresslevel=1, mtime=0)


DAMAGE: tuple[Damage, ...] = (_cut, _flip, _drop, _line, _line, _token, _token, _ends, _exponents, _packed)
