"""What `band_geometry` computes, by name: unit, number of directions, and components such as "xy"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product

import numpy as np

from .arrays import FloatArray
from .errors import ArgumentError, ArgumentTypeError
from .geometry import band_geometry, chunk_size
from .model import Model, as_model

DIRECTIONS = "xyz"


@dataclass(frozen=True)
class Quantity:
    """One field of `BandGeometry`."""

    name: str
    rank: int
    """Number of directions of a component."""
    unit: str
    symbol: str


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("energy", 0, "eV", r"\epsilon"),
        Quantity("velocity", 1, "eV nm", r"\partial\epsilon/\partial k"),
        Quantity("inverse_mass", 2, "eV nm^2", "w"),
        Quantity("quantum_metric", 2, "nm^2", "g"),
        Quantity("berry_curvature", 2, "nm^2", r"\Omega"),
        Quantity("band_normalized_metric", 2, "nm^2/eV", "G"),
        Quantity("quantum_metric_dipole", 3, "nm^3", r"\Lambda"),
    )
}


def chosen_quantity(name: str) -> Quantity:
    """A quantity by its name; raises ArgumentError with the nearest one."""
    if not isinstance(name, str):
        raise ArgumentTypeError(f"quantity must be a name such as 'berry_curvature', got {name!r}")
    if name not in QUANTITIES:
        close = get_close_matches(name, QUANTITIES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ArgumentError(f"unknown quantity {name!r}: choose one of {', '.join(QUANTITIES)}{hint}")
    return QUANTITIES[name]


def chosen_component(name: str, rank: int, dim: int) -> tuple[int, ...]:
    """The indices of a component such as "xy"; raises ArgumentError unless it has `rank` letters of the axes."""
    letters = DIRECTIONS[:dim]
    if not isinstance(name, str) or len(name) != rank or not set(name) <= set(letters):
        raise ArgumentError(f"a component here is {rank} letters of {letters!r}, got {name!r}")
    return tuple(letters.index(letter) for letter in name)


def component_names(rank: int, dim: int) -> list[str]:
    """All components of a tensor."""
    return ["".join(letters) for letters in product(DIRECTIONS[:dim], repeat=rank)]


def checked_model(model: Model) -> None:
    """Raises ArgumentTypeError for what is no model."""
    model = as_model(model)


def evaluated(
    model: Model, k: FloatArray, quantity: Quantity, degeneracy_tol: float
) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Energies (k, n) and values (k, n, ..) at k (nk, dim), slice by slice, so that memory stays small."""
    size = 8 * chunk_size(model)
    for start in range(0, max(len(k), 1), size):
        part = slice(start, start + size)
        geometry = band_geometry(model, k[part], degeneracy_tol=degeneracy_tol)
        yield part, geometry.energy, np.asarray(getattr(geometry, quantity.name))
