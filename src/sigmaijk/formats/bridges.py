"""`from_model`: what another program, a function H(k) or a SymPy matrix describes, told apart by attributes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sigmaijk.errors import ArgumentError, ArgumentTypeError
from sigmaijk.model import FloatArray, Model
from sigmaijk.models.continuum import ContinuumModel

from . import pythtb, symbolic, wannierberri
from .sampled import Coordinates, from_periodic

COMMON = {"spin_degeneracy", "name"}
SOLID = COMMON | {"fermi_energy"}
PERIODIC = COMMON | {"lattice", "positions", "coordinates"}
CONTINUUM = COMMON | {"dim", "derivatives", "scale"}

RECIPES = {
    "sisl": "lambda k: H.Hk(k, dtype=complex, format='array'), with lattice= and coordinates='reduced'",
    "tbmodels": "model.hamilton, with lattice= and coordinates='reduced'",
    "kwant": "the wrapped system's hamiltonian_submatrix in a function of k, with lattice= and coordinates='angle'",
    "qsymm": "model.tosympy(), a SymPy matrix",
}
"""Programs whose objects are handed over as a function or a matrix; docs/models.md has each in full."""


def from_model(
    found: Any,
    *,
    dim: int | None = None,
    lattice: ArrayLike | None = None,
    positions: ArrayLike | None = None,
    coordinates: Coordinates | None = None,
    momenta: Sequence[Any] | None = None,
    parameters: Mapping[Any, Any] | None = None,
    derivatives: Callable[..., Any] | None = None,
    scale: float | None = None,
    length_unit: float | None = None,
    fermi_energy: float | None = None,
    spin_degeneracy: int | None = None,
    name: str | None = None,
) -> Model:
    """What `found` describes, as a model of this package.

    found: a PythTB model (1.8 or 2.x); a real-space system of wannierberri; a function H(kx, ky[, kz]) or H(k); a SymPy
        matrix; a model of this package, which comes back as it is.
    dim: 2 or 3, of a function of one vector k, of a SymPy matrix, or 2 for a sheet of wannierberri.
    lattice: rows in nm, when H(k) is periodic: its hoppings are then found from a grid, and H is checked elsewhere.
    positions: orbital centres in nm, (n, dim), for a periodic H(k), with or without their phases in it.
    coordinates: of the k of a periodic H: "cartesian" (1/nm, default), "reduced", or "angle" (2 pi times reduced).
    momenta, parameters: the symbols of a SymPy matrix that are k, and numbers for the others.
    derivatives, scale: as in ContinuumModel, for a function of k in 1/nm that is not periodic.
    length_unit: nm, of a PythTB model; 0.1 (angstrom) by default.
    fermi_energy: eV, subtracted from the hoppings of PythTB and wannierberri models.

    Raises ArgumentTypeError that says what was seen for anything else, and ArgumentError for options that do not apply.
    """
    options = {key: value for key, value in locals().items() if key != "found" and value is not None}
    if isinstance(found, Model):
        _check_options(options, set(), "a model of this package")
        return found
    if isinstance(found, str | bytes):
        raise ArgumentTypeError(f"text is never evaluated, got {found!r}; give a SymPy matrix, a function or a model")
    if pythtb.is_first(found) or pythtb.is_second(found):
        _check_options(options, SOLID | {"length_unit"}, "a PythTB model")
        return pythtb.from_pythtb(found, **options)
    if wannierberri.is_system(found):
        _check_options(options, SOLID | {"dim"}, "a wannierberri system")
        return wannierberri.from_wannierberri(found, **options)
    if (recipe := RECIPES.get(type(found).__module__.partition(".")[0])) is not None:
        raise ArgumentTypeError(f"got {_described(found)}: hand over {recipe}; docs/models.md shows how")
    if symbolic.is_symbolic(found):
        return _from_symbolic(found, options)
    if callable(found) and not inspect.isclass(found):
        return _from_function(found, options)
    raise ArgumentTypeError(_what_was_seen(found))


def _from_symbolic(found: Any, options: dict[str, Any]) -> Model:
    own = {"momenta", "parameters", "dim"}
    given = {key: options.pop(key) for key in own & set(options)}
    compiled = symbolic.compiled(found, **given)
    if "lattice" in options:
        _check_options(options, PERIODIC, "a SymPy matrix with a lattice")
        options.setdefault("name", "SymPy matrix")
        return from_periodic(lambda k: compiled.hamiltonian(*k), **options)
    _check_options(options, (CONTINUUM - {"derivatives"}) | own, "a SymPy matrix without a lattice")
    settings: dict[str, Any] = {"name": "SymPy matrix", "derivatives": compiled.derivatives} | options
    return ContinuumModel(compiled.hamiltonian, compiled.dim, **settings)


def _from_function(found: Callable[..., Any], options: dict[str, Any]) -> Model:
    count = _count_momenta(found)
    label = getattr(found, "__name__", type(found).__name__)
    if "lattice" in options:
        if "dim" in options and options["dim"] != len(np.atleast_1d(np.asarray(options["lattice"], dtype=object))):
            raise ArgumentError(f"dim must be that of the lattice or left out, got {options['dim']!r}")
        options.pop("dim", None)
        _check_options(options, PERIODIC, "a function with a lattice")

        def at(k: FloatArray) -> Any:
            return found(k) if count == 1 else found(*map(float, k))

        options.setdefault("name", label)
        return from_periodic(at, **options)
    _check_options(options, CONTINUUM, "a function without a lattice")
    dim = options.pop("dim", count if count in (2, 3) else None)
    if dim is None:
        raise ArgumentError(f"{label} does not tell whether k has two or three components: give dim=, or lattice=")
    function = partial(_stacked, found) if count == 1 else found
    if count == 1 and "derivatives" in options:
        options["derivatives"] = partial(_stacked, options["derivatives"])
    options.setdefault("name", label)
    return ContinuumModel(function, dim, **options)


def _stacked(function: Callable[[Any], Any], *k: Any) -> Any:
    return function(np.stack(k))


def _count_momenta(function: Callable[..., Any]) -> int | None:
    """Number of arguments without a default, 1 for H(k); None when the function does not tell."""
    try:
        slots = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some compiled functions have no signature
        return None
    if any(slot.kind is slot.VAR_POSITIONAL for slot in slots):
        return None
    free = [slot for slot in slots if slot.kind in (slot.POSITIONAL_ONLY, slot.POSITIONAL_OR_KEYWORD)]
    required = len([slot for slot in free if slot.default is slot.empty])
    if not 1 <= required <= 3:
        raise ArgumentError(f"a function must take k, or kx, ky[, kz], got {required} arguments without a default")
    return required


def _check_options(options: Mapping[str, Any], allowed: set[str], kind: str) -> None:
    for key in options:
        if key not in allowed:
            known = f"known are {', '.join(sorted(allowed))}" if allowed else "it takes none"
            raise ArgumentError(f"{key} does not apply to {kind}; {known}")


def _described(found: Any) -> str:
    kind = found if inspect.isclass(found) else type(found)
    return f"{'the class' if inspect.isclass(found) else 'an object of'} {kind.__module__}.{kind.__qualname__}"


def _what_was_seen(found: Any) -> str:
    """The message for an object of no known kind, with the attributes that come closest to one."""
    if hasattr(found, "Ham") and hasattr(found, "k_to_1BZ"):
        return (
            f"got {_described(found)}, which folds k into a box: give its function H(kx, ky[, kz]) itself, in eV with k"
            " in 1/nm"
        )
    near = []
    kinds = {"PythTB 1": pythtb.FIRST, "PythTB 2": pythtb.SECOND, "wannierberri": wannierberri.ATTRIBUTES}
    for kind, names in kinds.items():
        present = [name for name in names if hasattr(found, name)]
        if present:
            lacking = [name for name in names if name not in present]
            near.append(f"for {kind} it has {', '.join(present)} but lacks {', '.join(lacking)}")
    seen = "; ".join(near) or "it has no attribute of theirs"
    known = "PythTB models, wannierberri systems, functions H(k) and SymPy matrices"
    return f"from_model knows {known}; got {_described(found)}: {seen}"
