"""What a caller of `conductivity` asks for, checked at the door in the order of the arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike

from .arrays import FloatArray
from .errors import ArgumentError, ArgumentTypeError, UnsupportedFeatureError
from .model import Model
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
    terms: tuple[Term, ...]
    rtol: float
    atol: dict[str, float]
    tau: float | None
    components: tuple[tuple[int, int, int], ...] | None
    degeneracy_tol: float
    max_k_points: int
    method: str


def energies(name: str, values: ArrayLike) -> FloatArray:
    """A number or a one-dimensional sequence of finite energies in eV, as an array."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as failure:
        raise ArgumentTypeError(f"{name} must be a number or a sequence of numbers in eV, got {values!r}") from failure
    if array.ndim > 1 or array.size == 0:
        raise ArgumentError(f"{name} must be a number or a sequence with at least one entry, got shape {array.shape}")
    array = np.atleast_1d(array)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} must be finite (eV), got {array[~np.isfinite(array)][0]}")
    return array


def positive(name: str, value: float, unit: str = "") -> float:
    """A finite number above zero."""
    number = _number(name, value)
    if not (math.isfinite(number) and number > 0):
        raise ArgumentError(f"{name} must be finite and above zero{unit and f' ({unit})'}, got {value!r}")
    return number


def _number(name: str, value: object) -> float:
    if isinstance(value, (bool, str)) or value is None:
        raise ArgumentTypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as failure:
        raise ArgumentTypeError(f"{name} must be a number, got {value!r}") from failure


def not_negative(name: str, value: float, unit: str = "") -> float:
    """A finite number, zero or above."""
    number = _number(name, value)
    if not (math.isfinite(number) and number >= 0):
        raise ArgumentError(f"{name} must be finite and not negative{unit and f' ({unit})'}, got {value!r}")
    return number


def chosen_terms(names: Sequence[str] | str) -> tuple[Term, ...]:
    """Terms by name, each once, in the order of the catalogue."""
    wanted = (names,) if isinstance(names, str) else tuple(names)
    if not wanted:
        raise ArgumentError(f"terms must name at least one of {', '.join(CATALOGUE)}")
    for name in wanted:
        if name not in CATALOGUE:
            close = get_close_matches(str(name), CATALOGUE, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ArgumentError(f"unknown term {name!r}: the terms are {', '.join(CATALOGUE)}{hint}")
    return tuple(term for name, term in CATALOGUE.items() if name in wanted)


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
    for name in (components,) if isinstance(components, str) else tuple(components):
        if not isinstance(name, str) or len(name) != 3 or any(c not in letters for c in name):
            raise ArgumentError(
                f"unknown component {name!r}: write three letters of {letters!r}, the current first, such as 'xyy'"
            )
        found.append((letters.index(name[0]), letters.index(name[1]), letters.index(name[2])))
    if not found:
        raise ArgumentError("components must name at least one entry such as 'xyy', or be None for all")
    return tuple(found)


def _refuse_later(form: str, executor: object, checkpoint: object) -> None:
    if form in ("LKA", "QK"):
        raise UnsupportedFeatureError(f"form={form!r}: the rows of Table 1 other than WPD come with sigmaijk.theory")
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
    checkpoint: object,
) -> Request:
    """The request, or the first complaint about it."""
    if not isinstance(model, Model):
        raise ArgumentTypeError(
            f"model must be a ContinuumModel, a LatticeModel or what sg.models and sg.read_wannier90 return, "
            f"got {type(model).__name__}"
        )
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
    if max_k_points is not None and (isinstance(max_k_points, bool) or int(max_k_points) != max_k_points):
        raise ArgumentError(f"max_k_points must be a whole number or None, got {max_k_points!r}")
    limit = DEFAULT_MAX_K_POINTS if max_k_points is None else int(max_k_points)
    if limit < 1:
        raise ArgumentError(f"max_k_points must be at least 1, got {max_k_points!r}")
    if method not in METHODS:
        raise ArgumentError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
    if method == "trapezoid" and (widths == 0).any():
        raise ArgumentError("method='trapezoid' sums on grids and needs kT > 0; use method='auto' at T = 0")
    return Request(mus, widths, selected, rtol, absolute, tau, entries, degeneracy_tol, limit, method)
