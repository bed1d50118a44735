"""Text files of numbers: plain or gzipped bytes, a fast parse of everything, and a slow one that knows its line."""

from __future__ import annotations

import gzip
import os
import re
import warnings
import zlib
from typing import NoReturn

import numpy as np

from sigmaijk.errors import ArgumentTypeError, FileFormatError, InputFileError
from sigmaijk.model import FloatArray

GZIP_MAGIC = b"\x1f\x8b"
_FORTRAN_EXPONENT = re.compile(r"[dD](?=[+-]?\d+$)|(?<=[\d.])(?=[+-]\d{3}$)")
"""Where an e belongs: 1.0D-3, or 1.0-100 whose three exponent digits left no room for the letter."""


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a file, decompressed when it starts like a gzip stream.

    Raises ArgumentTypeError for what is no path, InputFileError when the file cannot be opened and FileFormatError when
    it is empty or its stream is damaged.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ArgumentTypeError(f"path must be a string or a pathlib.Path, got {path!r}")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise InputFileError(f"cannot open {os.fspath(path)}: {error.strerror or error}; check the path") from error
    except ValueError as error:  # a null character, or text that has no bytes
        raise InputFileError(f"cannot open {os.fspath(path)!r}: {error}; check the path") from error
    if data.startswith(GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise FileFormatError(path, None, f"the gzip stream is truncated or corrupted ({error})") from error
    if not data.strip():
        raise FileFormatError(path, None, "the file is empty")
    return data


def all_numbers(data: bytes) -> FloatArray | None:
    """Every number of a text without regard to lines; None if any token is not a finite number."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # older NumPy only warns about what it could not read
            values = np.fromstring(data, dtype=np.float64, sep=" ")
    except (ValueError, DeprecationWarning):
        return None
    return values if np.isfinite(values).all() else None


def as_counts(values: FloatArray, minimum: int | None = None) -> np.ndarray | None:
    """The values as integers; None if one is not an integer or below the minimum."""
    if (values != np.rint(values)).any() or (np.abs(values) > 2**31).any():
        return None
    return None if minimum is not None and (values < minimum).any() else values.astype(np.int64)


class NumberedLines:
    """The non-blank lines of a text, one row of numbers after the other; every complaint names file and line."""

    def __init__(self, path: str | os.PathLike[str], data: bytes) -> None:
        self.path, self.line = path, 0
        self._lines = data.decode("utf-8", errors="replace").split("\n")

    def fail(self, problem: str) -> NoReturn:
        """Raises FileFormatError at the current line."""
        raise FileFormatError(self.path, self.line, problem)

    def skip(self) -> None:
        """Pass one line, blank or not."""
        self.line += 1

    def row(self, what: str, integers: int, reals: int) -> tuple[list[int], list[float]]:
        """The next row, which must hold exactly so many integers and then so many reals."""
        tokens = self._tokens(what)
        if len(tokens) != integers + reals:
            self.fail(f"expected {what} ({integers + reals} numbers), got {len(tokens)}: {self._shown()!r}")
        counted = [self._integer(token, what) for token in tokens[:integers]]
        return counted, [self._real(token) for token in tokens[integers:]]

    def count(self, what: str) -> int:
        """A row of one integer above zero."""
        (value,), _ = self.row(what, 1, 0)
        if value < 1:
            self.fail(f"{what} must be above zero, got {value}")
        return value

    def counts(self, total: int, what: str) -> list[int]:
        """Integers above zero that fill as many rows as they need."""
        values: list[int] = []
        while len(values) < total:
            values += [self._integer(token, what) for token in self._tokens(what)]
            if min(values) < 1:
                self.fail(f"{what} must be above zero, got {min(values)}")
        if len(values) > total:
            self.fail(f"expected {total} {what}, got {len(values)}")
        return values

    def end(self) -> None:
        """Only blank lines may follow."""
        while self.line < len(self._lines):
            self.line += 1
            if self._shown():
                self.fail(f"expected the end of the file, got {self._shown()!r}; the counts in the header do not fit")

    def _tokens(self, what: str) -> list[str]:
        tokens: list[str] = []
        while not tokens:
            if self.line == len(self._lines):
                self.line = max(1, len(self._lines) - (self._lines[-1] == ""))
                self.fail(f"the file ends here, but {what} should follow: it is truncated or its counts are wrong")
            self.line += 1
            tokens = self._lines[self.line - 1].split()
        return tokens

    def _shown(self) -> str:
        text = self._lines[self.line - 1].strip()
        return text if len(text) <= 60 else text[:57] + "..."

    def _integer(self, token: str, what: str) -> int:
        try:
            return int(_plain(token))
        except ValueError:
            self.fail(f"expected an integer in {what}, got {token!r}")

    def _real(self, token: str) -> float:
        """A finite number, also in the Fortran forms 1.0D-3 and 1.0-100."""
        try:
            value = float(_FORTRAN_EXPONENT.sub("e", _plain(token)))
        except ValueError:
            self.fail(f"expected a number, got {token!r}")
        if not np.isfinite(value):
            self.fail(f"expected a finite number, got {token!r}")
        return value


def _plain(token: str) -> str:
    """The token, if it holds nothing that only Python reads as part of a number (1_000, digits of other scripts)."""
    if "_" in token or not token.isascii():
        raise ValueError
    return token
