"""SymPy matrices of kx, ky[, kz]: entries and their derivatives are compiled one by one; text is never evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Complex
from typing import Any

import numpy as np

from sigmaijk.errors import ArgumentError, ArgumentTypeError, ModelError
from sigmaijk.model import ComplexArray

NAMES = (("kx", "ky", "kz"), ("k_x", "k_y", "k_z"))
"""What momenta may be called without being pointed out."""


@dataclass(frozen=True)
class Compiled:
    """Plain functions of numbers or of arrays (nk,) for each momentum, which then lead the axes."""

    dim: int
    hamiltonian: Callable[..., ComplexArray]
    derivatives: Callable[..., tuple[ComplexArray, ComplexArray]]


def is_symbolic(found: object) -> bool:
    """True for a SymPy matrix, and for nested lists or arrays with SymPy expressions in them."""
    if isinstance(found, str | bytes | Mapping):
        return False
    if hasattr(found, "free_symbols"):
        return True
    if isinstance(found, np.ndarray):
        return found.dtype == object and any(hasattr(entry, "free_symbols") for entry in found.flat)
    return isinstance(found, list | tuple) and any(is_symbolic(entry) for entry in found)


def compiled(
    found: Any,
    *,
    momenta: Sequence[Any] | None = None,
    parameters: Mapping[Any, Any] | None = None,
    dim: int | None = None,
) -> Compiled:
    """H(kx, ky[, kz]) and its exact derivatives as NumPy functions.

    momenta: the symbols or names of the momenta; kx, ky[, kz] or k_x, k_y[, k_z] by default. parameters: a number for
    each other symbol or name. Raises ArgumentError with the symbols that are left over or unknown.
    """
    import sympy  # it is there: the matrix is made of it

    rows = _entries(found)
    symbols = sorted({symbol for row in rows for entry in row for symbol in entry.free_symbols}, key=str)
    directions = _momenta(symbols, momenta, dim)
    numbers = _numbers(symbols, directions, parameters)
    stand_ins = [sympy.Dummy(f"k{axis}", real=True) for axis in "xyz"[: len(directions)]]
    constants = {symbol: sympy.Dummy("c", real=not value.imag) for symbol, value in numbers.items()}
    by_name = dict(zip(directions, stand_ins, strict=True))
    exchanged = {symbol: by_name[str(symbol)] for symbol in symbols if str(symbol) in by_name} | constants
    entries = [[entry.xreplace(exchanged) for entry in row] for row in rows]
    arguments = [*stand_ins, *constants.values()]
    values = [value if value.imag else value.real for value in numbers.values()]
    flat = [entry for row in entries for entry in row]
    first = [sympy.diff(entry, k) for k in stand_ins for entry in flat]
    second = [sympy.diff(entry, k) for k in stand_ins for entry in first]
    for entry in (*first, *second):
        if entry.has(sympy.Derivative, sympy.Subs, sympy.DiracDelta):
            raise ModelError(f"an entry of H has no derivative that can be evaluated: {entry}")
    n, d = len(rows), len(stand_ins)
    functions = [sympy.lambdify(arguments, part, modules="numpy", cse=True) for part in (flat, first, second)]

    def evaluated(number: int, shape: tuple[int, ...], k: tuple[Any, ...]) -> ComplexArray:
        return _stacked(functions[number](*k, *values), shape, k)

    def hamiltonian(*k: Any) -> ComplexArray:
        return evaluated(0, (n, n), k)

    def derivatives(*k: Any) -> tuple[ComplexArray, ComplexArray]:
        return evaluated(1, (d, n, n), k), evaluated(2, (d, d, n, n), k)

    return Compiled(d, hamiltonian, derivatives)


def _stacked(parts: Sequence[Any], shape: tuple[int, ...], k: tuple[Any, ...]) -> ComplexArray:
    """Entries, some of them constant, as one array with the axes of k in front."""
    leading = np.broadcast_shapes(*(np.shape(entry) for entry in k))
    stacked = np.empty((*leading, len(parts)), dtype=np.complex128)
    for number, part in enumerate(parts):
        stacked[..., number] = part
    return stacked.reshape(*leading, *shape)


def _entries(found: Any) -> list[list[Any]]:
    """Rows of SymPy expressions, square; raises for text, for functions without a formula and for other shapes."""
    import sympy

    rows = found.tolist() if hasattr(found, "tolist") else [list(row) for row in found]
    if any(not isinstance(row, list) or len(row) != len(rows) for row in rows):
        raise ModelError(f"a SymPy Hamiltonian must be a square matrix, got rows of lengths {list(map(_length, rows))}")
    for row in rows:
        for entry in row:
            if not isinstance(entry, sympy.Basic | Complex) or isinstance(entry, sympy.MatrixBase):
                kind = type(entry).__name__
                raise ArgumentTypeError(f"the entries must be SymPy expressions or numbers, got {entry!r} ({kind})")

    def expression(entry: Any) -> Any:
        if isinstance(entry, sympy.Basic):
            return entry
        number = complex(entry)
        return sympy.Float(number.real) + sympy.I * sympy.Float(number.imag)

    entries = [[expression(entry) for entry in row] for row in rows]
    for row in entries:
        for entry in row:
            if unknown := entry.atoms(sympy.core.function.AppliedUndef):
                raise ArgumentError(f"the function {min(map(str, unknown))} has no formula")
    return entries


def _length(row: Any) -> int:
    return len(row) if isinstance(row, list) else 1


def _momenta(symbols: list[Any], momenta: Sequence[Any] | None, dim: int | None) -> list[str]:
    """The names of the momenta in their order."""
    if momenta is not None:
        if isinstance(momenta, str) or len(momenta) not in (2, 3) or (dim is not None and dim != len(momenta)):
            raise ArgumentError(f"momenta must be two or three symbols or names, as many as dim, got {momenta!r}")
        return [str(name) for name in momenta]
    present = {str(symbol) for symbol in symbols}
    for names in NAMES:
        if present & set(names):
            return list(names[: dim or (3 if names[2] in present else 2)])
    raise ArgumentError(f"no kx, ky[, kz] among the symbols {', '.join(sorted(present)) or '(none)'}; give momenta=")


def _numbers(symbols: list[Any], momenta: list[str], parameters: Mapping[Any, Any] | None) -> dict[Any, complex]:
    """A number for each symbol that is no momentum."""
    given = {} if parameters is None else {str(key): value for key, value in parameters.items()}
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Complex) or not np.isfinite(complex(value)):
            raise ArgumentTypeError(f"the parameter {key} must be a finite number, got {value!r}")
    wanted = [symbol for symbol in symbols if str(symbol) not in momenta]
    missing = [str(symbol) for symbol in wanted if str(symbol) not in given]
    unknown = sorted(set(given) - {str(symbol) for symbol in wanted})
    if missing or unknown:
        problem = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}, which H does not contain"
        raise ArgumentError(f"parameters must give a number for each symbol but {', '.join(momenta)}; it {problem}")
    return {symbol: complex(given[str(symbol)]) for symbol in wanted}
