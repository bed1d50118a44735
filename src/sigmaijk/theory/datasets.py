"""Tensors of theory as a Dataset: dims i, j, k named like those of `sigmaijk.conductivity`, natural units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import FloatArray

if TYPE_CHECKING:
    import xarray

DIRECTIONS = ("x", "y", "z")


def tensor_dataset(
    tensors: Mapping[str, FloatArray],
    attributes: Mapping[str, Any],
    units: Mapping[str, str],
    leading: tuple[str, Sequence[Any]] | None = None,
) -> xarray.Dataset:
    """Named tensors (..., d, d, d) with their units; `leading` names one axis before i, j, k and its labels."""
    import xarray

    dim = np.shape(next(iter(tensors.values())))[-1]
    names = (*(() if leading is None else (leading[0],)), "i", "j", "k")
    coordinates: dict[str, Any] = {axis: list(DIRECTIONS[:dim]) for axis in "ijk"}
    if leading is not None:
        coordinates[leading[0]] = list(leading[1])
    dataset = xarray.Dataset(
        {name: (names, np.asarray(values, dtype=float)) for name, values in tensors.items()},
        coords=coordinates,
        attrs=dict(attributes),
    )
    for name, unit in units.items():
        dataset[name].attrs["units"] = unit
    return dataset
