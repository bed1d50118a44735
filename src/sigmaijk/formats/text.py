"""Text files of numbers, plain or gzipped, read forward in pieces: fast without regard to lines, or row by row.

A file is never held as a whole, and nothing is allocated because a header promises it: memory follows what was read.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import warnings
import zlib
from types import TracebackType
from typing import IO, NoReturn

import numpy as np

from sigmaijk.errors import ArgumentTypeError, FileFormatError, InputFileError
from sigmaijk.model import FloatArray

Path = str | os.PathLike[str]

GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 16
"""Bytes of a piece: its numbers stay in the cache, and beside any model of interest it is small."""
LONGEST_LINE = 1 << 20
"""Bytes; the longest lines of real files are degeneracies of other programs, a few thousand."""
GZIP_EXPANSION = 1032
"""The most that a gzip stream can grow (the limit of deflate)."""

_FORTRAN = bytes.maketrans(b"dD", b"eE")
_FORTRAN_EXPONENT = re.compile(r"[dD](?=[+-]?\d+$)|(?<=[\d.])(?=[+-]\d{3}$)")
"""Where an e belongs: 1.0D-3, or 1.0-100 whose three exponent digits left no room for the letter."""


def check_path(argument: str, path: object) -> None:
    """Raises ArgumentTypeError for what is no path."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ArgumentTypeError(f"{argument} must be a string or a pathlib.Path, got {path!r}")


class TextFile:
    """A file opened for reading, decompressed when it starts like a gzip stream; to be used in a with statement.

    Raises ArgumentTypeError for what is no path, InputFileError when the file cannot be opened or read, and
    FileFormatError when its gzip stream is damaged.
    """

    def __init__(self, path: Path) -> None:
        check_path("path", path)
        self.path = path
        try:
            raw: IO[bytes] = open(path, "rb")  # noqa: SIM115 - closed by __exit__
            if not raw.seekable():
                raw = io.BytesIO(raw.read())
            packed = raw.read(2) == GZIP_MAGIC
            self.capacity = raw.seek(0, os.SEEK_END) * (GZIP_EXPANSION if packed else 1)
            raw.seek(0)
        except OSError as error:
            raise InputFileError(f"cannot open {os.fspath(path)}: {error.strerror or error}; check the path") from error
        except ValueError as error:  # a null character, or text that has no bytes
            raise InputFileError(f"cannot open {os.fspath(path)!r}: {error}; check the path") from error
        self._raw = raw
        self._stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # pyright: ignore[reportAttributeAccessIssue]

    def __enter__(self) -> TextFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    def rewind(self) -> None:
        """Start again from the first byte."""
        self._stream.seek(0)

    def line(self) -> bytes:
        """The next line with its end, empty at the end of the file; one that is too long comes in parts."""
        return self._read(lambda: self._stream.readline(LONGEST_LINE))

    def chunk(self) -> bytes:
        """The next complete lines, empty at the end of the file."""
        return self._read(lambda: self._stream.read(CHUNK) + self._stream.readline(LONGEST_LINE))

    def _read(self, task: object) -> bytes:
        try:
            return task()  # pyright: ignore[reportCallIssue]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileFormatError(self.path, None, f"the gzip stream is truncated or corrupted ({error})") from error
        except OSError as error:
            raise InputFileError(f"cannot read {os.fspath(self.path)}: {error.strerror or error}") from error


class Numbers:
    """The numbers of the rest of a file without regard to lines, Fortran's D for an exponent included."""

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self._held: FloatArray = np.empty(0)

    def take(self, count: int) -> FloatArray | None:
        """The next so many numbers; None when one is not a finite number or the file does not have so many."""
        if 2 * count > self._file.capacity + 2:  # a digit and a blank each
            return None
        parts: list[FloatArray] = []
        while count > 0:
            if not len(self._held) and not self._fill():
                return None
            parts.append(self._held[:count])
            self._held = self._held[count:]
            count -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])

    def some(self) -> FloatArray | None:
        """The next numbers, as many as are at hand; None at the end or when one is not a finite number."""
        if not len(self._held) and not self._fill():
            return None
        values, self._held = self._held, self._held[:0]
        return values

    def ended(self) -> bool:
        """True when nothing follows."""
        return not len(self._held) and not self._fill() and self._held is not _BROKEN

    def _fill(self) -> bool:
        """Hold the numbers of the next lines; False at the end of the file or when one is no number."""
        while chunk := self._file.chunk():
            values = _all_numbers(chunk.translate(_FORTRAN))
            if values is None:
                self._held = _BROKEN
                return False
            if len(values):
                self._held = values
                return True
        return False


_BROKEN: FloatArray = np.empty(0)
"""What `Numbers` holds after a token that is no number."""


def _all_numbers(data: bytes) -> FloatArray | None:
    """Every number of a text; None if any token is not a finite number."""
    if not data.strip():
        return np.empty(0)
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
    """The non-blank lines of a file, one row of numbers after the other; every complaint names file and line."""

    def __init__(self, file: TextFile) -> None:
        self.path, self.line = file.path, 0
        self._file, self._text = file, ""

    def fail(self, problem: str) -> NoReturn:
        """Raises FileFormatError at the current line."""
        raise FileFormatError(self.path, self.line, problem)

    def skip(self) -> str:
        """Pass one line, blank or not, and return it."""
        data = self._file.line()
        if len(data) >= LONGEST_LINE and not data.endswith(b"\n"):
            self.line += 1
            self.fail(f"the line is longer than {LONGEST_LINE} characters; is this a text file?")
        if data:
            self.line += 1
            self._text = data.decode("utf-8", errors="replace").strip("\r\n")
        return self._text if data else ""

    def row(self, what: str, integers: int, reals: int) -> tuple[list[int], list[float]]:
        """The next row, which must hold exactly so many integers and then so many reals."""
        tokens = self.tokens(what)
        if len(tokens) != integers + reals:
            numbers = integers + reals
            self.fail(f"expected {what} ({numbers} number{'s'[: numbers != 1]}), got {len(tokens)}: {self.shown()!r}")
        counted = [self.integer(token, what) for token in tokens[:integers]]
        return counted, [self.real(token) for token in tokens[integers:]]

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
            found = [self.integer(token, what) for token in self.tokens(what)]
            if min(found) < 1:
                self.fail(f"{what} must be above zero, got {min(found)}")
            values += found
        if len(values) > total:
            self.fail(f"expected {total} {what}, got {len(values)}")
        return values

    def end(self) -> None:
        """Only blank lines may follow."""
        if self.advance():
            self.fail(f"expected the end of the file, got {self.shown()!r}; the counts in the header do not fit")

    def advance(self) -> bool:
        """Go to the next line that is not blank; False at the end of the file, where the line stays the last one."""
        while True:
            before = self.line
            text = self.skip()
            if self.line == before:
                return False
            if text.strip():
                return True

    def tokens(self, what: str) -> list[str]:
        """The words of the next line that is not blank."""
        if not self.advance():
            self.line = max(1, self.line)
            self.fail(f"the file ends here, but {what} should follow: it is truncated or its counts are wrong")
        return self._text.split()

    def text(self) -> str:
        """The current line."""
        return self._text

    def shown(self) -> str:
        """The current line for a message."""
        text = self._text.strip()
        return text if len(text) <= 60 else text[:57] + "..."

    def integer(self, token: str, what: str) -> int:
        """An integer that fits where one is needed."""
        try:
            value = int(_plain(token))
        except ValueError:
            self.fail(f"expected an integer in {what}, got {_short(token)!r}")
        if abs(value) > 2**31:
            self.fail(f"expected an integer in {what} of at most ten digits, got {_short(token)}")
        return value

    def real(self, token: str) -> float:
        """A finite number, also in the Fortran forms 1.0D-3 and 1.0-100."""
        try:
            value = as_real(token)
        except ValueError:
            self.fail(f"expected a number, got {_short(token)!r}")
        if not np.isfinite(value):
            self.fail(f"expected a finite number, got {_short(token)!r}")
        return value


def as_real(token: str) -> float:
    """The number that a token stands for, Fortran's forms included; raises ValueError for anything else."""
    return float(_FORTRAN_EXPONENT.sub("e", _plain(token)))


def _plain(token: str) -> str:
    """The token, if it holds nothing that only Python reads as part of a number (1_000, digits of other scripts)."""
    if "_" in token or not token.isascii():
        raise ValueError
    return token


def _short(token: str) -> str:
    return token if len(token) <= 40 else token[:37] + "..."
