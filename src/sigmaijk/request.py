"""What a caller of `conductivity` asks for, checked at the door in the order of the arguments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from .arrays import FloatArray
from .errors import ArgumentError, ArgumentTypeError, UnsupportedFeatureError
from .integrand import Integrand
from .model import Model, as_model, as_number, as_reals
from .term import Term
from .terms import CATALOGUE

DEFAULT_MAX_K_POINTS = 1_000_000
"""Limit of a run whose caller sets none; recorded in the result."""

DIRECTIONS = "xyz"
METHODS = ("auto", "trapezoid")


@dataclass(frozen=True)
class Request:
    """Checked arguments of a run."""

    mu: FloatArray
    kT: FloatArray
    terms: tuple[Integrand, ...]
    rtol: float
    atol: dict[str, float]
    tau: float | None
    components: tuple[tuple[int, int, int], ...] | None
    degeneracy_tol: float
    max_k_points: int
    method: str
    audit: bool
    symmetry: object = False
    """True, False, or operations."""


def energies(name: str, values: ArrayLike) -> FloatArray:
    """A number or a one-dimensional sequence of finite energies in eV, as an array."""
    array = as_reals(name, values, "a number or a sequence of numbers in eV")
    if array.ndim > 1 or array.size == 0:
        raise ArgumentError(f"{name} must be a number or a sequence with at least one entry, got shape {array.shape}")
    array = np.atleast_1d(array)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} must be finite (eV), got {array[~np.isfinite(array)][0]}")
    return array


def positive(name: str, value: float, unit: str = "") -> float:
    """A finite number above zero."""
    number = as_number(name, value, unit)
    if not (math.isfinite(number) and number > 0):
        raise ArgumentError(f"{name} must be finite and above zero{unit and f' ({unit})'}, got {value!r}")
    return number


def not_negative(name: str, value: float, unit: str = "") -> float:
    """A finite number, zero or above."""
    number = as_number(name, value, unit)
    if not (math.isfinite(number) and number >= 0):
        raise ArgumentError(f"{name} must be finite and not negative{unit and f' ({unit})'}, got {value!r}")
    return number


def chosen_terms(names: Sequence[str] | str) -> tuple[Term, ...]:
    """Terms by name, each once, in the order of the catalogue."""
    wanted = _strings("terms", names, f"names of terms ({', '.join(CATALOGUE)})")
    if not wanted:
        raise ArgumentError(f"terms must name at least one of {', '.join(CATALOGUE)}")
    for name in wanted:
        if name not in CATALOGUE:
            close = get_close_matches(name, CATALOGUE, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ArgumentError(f"unknown term {name!r}: the terms are {', '.join(CATALOGUE)}{hint}")
    return tuple(term for name, term in CATALOGUE.items() if name in wanted)


def _strings(argument: str, names: object, wanted: str) -> tuple[str, ...]:
    """One string or some of them, as a tuple."""
    if isinstance(names, str):
        return (names,)
    if not isinstance(names, Iterable):
        raise ArgumentTypeError(f"{argument} must be {wanted}, a string or a list of strings, got {names!r}")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str):
            raise ArgumentTypeError(f"{argument} must be {wanted}, a string or a list of strings, got {name!r} in it")
    return found


def tolerances(atol: float | Mapping[str, float], terms: Sequence[Term]) -> dict[str, float]:
    """Absolute tolerance of each term in natural units."""
    if isinstance(atol, Mapping):
        for name in atol:
            if name not in CATALOGUE:
                raise ArgumentError(f"atol names an unknown term {name!r}: the terms are {', '.join(CATALOGUE)}")
        return {term.name: not_negative(f"atol[{term.name!r}]", atol.get(term.name, 0.0)) for term in terms}
    value = not_negative("atol", atol)
    return {term.name: value for term in terms}


def chosen_components(components: Sequence[str] | str | None, dim: int) -> tuple[tuple[int, int, int], ...] | None:
    """Components such as 'xyy' as index triples."""
    if components is None:
        return None
    letters = DIRECTIONS[:dim]
    found = []
    for name in _strings("components", components, "entries such as 'xyy'"):
        if len(name) != 3 or any(c not in letters for c in name):
            raise ArgumentError(
                f"unknown component {name!r}: write three letters of {letters!r}, the current first, such as 'xyy'"
            )
        found.append((letters.index(name[0]), letters.index(name[1]), letters.index(name[2])))
    if not found:
        raise ArgumentError("components must name at least one entry such as 'xyy', or be None for all")
    return tuple(found)


def point_limit(max_k_points: float | None) -> int:
    """The largest number of k-points; a float such as 1e6 will do when it is whole."""
    if max_k_points is None:
        return DEFAULT_MAX_K_POINTS
    number = as_number("max_k_points", max_k_points)
    if not number.is_integer():
        raise ArgumentError(
            f"max_k_points must be a whole number, or None for {DEFAULT_MAX_K_POINTS}, got {max_k_points!r}"
        )
    if number < 1:
        raise ArgumentError(f"max_k_points must be at least 1, got {max_k_points!r}")
    return int(number)


def flag(name: str, value: bool) -> bool:
    """True or False, nothing that merely counts as one of them."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def chosen_symmetry(symmetry: object) -> object:
    """True, False, or operations, which are looked at where the model is known."""
    if symmetry is None or isinstance(symmetry, bool | np.bool_ | Real):
        return flag("symmetry", symmetry)  # pyright: ignore[reportArgumentType]
    return symmetry


def chosen_method(method: str, kT: FloatArray) -> str:
    """The integrator by name; a sum on grids has no limit T = 0."""
    if not isinstance(method, str):
        raise ArgumentTypeError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
    if method not in METHODS:
        raise ArgumentError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
    if method == "trapezoid" and (kT == 0).any():
        raise ArgumentError("method='trapezoid' sums on grids and needs kT > 0; use method='auto' at T = 0")
    return method


def _refuse_later(form: str, executor: object, checkpoint: object) -> None:
    if not isinstance(form, str):
        raise ArgumentTypeError(f"form must be 'WPD' (Eq. 13), got {form!r}")
    if form in ("LKA", "QK"):
        raise UnsupportedFeatureError(f"form={form!r}: this is for WPD alone; sg.theory.table1 has the rows of Table 1")
    if form != "WPD":
        raise ArgumentError(f"form must be 'WPD' (Eq. 13), got {form!r}")
    if executor is not None:
        raise UnsupportedFeatureError("executor: running on other processes or machines does not exist yet; pass None")
    if checkpoint is not None:
        raise UnsupportedFeatureError("checkpoint: saving and resuming a run does not exist yet; pass None")


def check(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike,
    *,
    terms: Sequence[str] | str,
    rtol: float,
    atol: float | Mapping[str, float],
    tau: float | None,
    components: Sequence[str] | str | None,
    form: str,
    executor: object,
    degeneracy_tol: float,
    max_k_points: int | None,
    method: str,
    audit: bool,
    checkpoint: object,
    symmetry: object = False,
) -> Request:
    """The request, or the first complaint about it."""
    model = as_model(model)
    mus, widths = energies("mu", mu), energies("kT", kT)
    if (widths < 0).any():
        raise ArgumentError(f"kT must not be negative (eV), got {widths[widths < 0][0]}")
    selected = chosen_terms(terms)
    rtol = positive("rtol", rtol)
    absolute = tolerances(atol, selected)
    tau = None if tau is None else positive("tau", tau, "fs")
    entries = chosen_components(components, model.dim)
    _refuse_later(form, executor, checkpoint)
    degeneracy_tol = not_negative("degeneracy_tol", degeneracy_tol, "eV")
    limit = point_limit(max_k_points)
    chosen = chosen_method(method, widths)
    audited = flag("audit", audit)
    operations = chosen_symmetry(symmetry)
    return Request(
        mus, widths, selected, rtol, absolute, tau, entries, degeneracy_tol, limit, chosen, audited, operations
    )
