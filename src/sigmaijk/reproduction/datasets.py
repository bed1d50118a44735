"""What a picture shows, as labelled datasets, and their tables as text: every number with its unit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..bibliography import QIANG_2025
from ..results import CONVENTION
from ..tensors import versions

UNIT = "mA nm/V^2"
"""Of every sheet conductivity here."""


@dataclass(frozen=True)
class Column:
    """One variable or coordinate: values, unit and what it is."""

    values: np.ndarray | Sequence[str] | Sequence[float]
    unit: str
    text: str

    def described(self) -> dict[str, str]:
        """Attributes of the variable."""
        return {"units": self.unit, "long_name": self.text}


def labelled(
    title: str,
    coordinates: Mapping[str, Column],
    variables: Mapping[str, tuple[tuple[str, ...], Column]],
    **attributes: str | float,
) -> xr.Dataset:
    """A dataset; `variables` are (dims, column) by name, and a coordinate without variable of its dim is a label."""
    ds = xr.Dataset(
        {name: xr.Variable(dims, np.asarray(one.values), one.described()) for name, (dims, one) in variables.items()},
        coords={name: xr.Variable(name, np.asarray(one.values), one.described()) for name, one in coordinates.items()},
    )
    paper = f"{QIANG_2025.authors}, {QIANG_2025.journal} ({QIANG_2025.year})"
    ds.attrs = {"title": title, "source": paper, "convention": CONVENTION, "versions": json.dumps(versions())}
    ds.attrs |= attributes
    return ds


def csv_text(ds: xr.Dataset) -> str:
    """The dataset as a table: comments, a head with units, and a row for every combination of the coordinates."""
    dims = [str(dim) for dim in ds.sizes]
    full = xr.broadcast(*[ds[name] for name in [*dims, *ds.data_vars]])
    heads = [f"{name} [{ds[name].attrs['units']}]" for name in [*dims, *map(str, ds.data_vars)]]
    columns = [one.values.ravel() for one in full]  # the dims come first and fix the order of the axes
    rows = (",".join(_written(value) for value in row) for row in zip(*columns, strict=True))
    comments = [f"# {name}: {ds[name].attrs['long_name']}" for name in [*dims, *map(str, ds.data_vars)]]
    comments += ["# " + " ".join(f"{key} = {value}".split()) for key, value in ds.attrs.items()]
    return "\n".join([*comments, ",".join(heads), *rows]) + "\n"


def _written(value: object) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"
