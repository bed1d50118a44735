"""Any quantity of `band_geometry` on a plane or along a path of k."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .arrays import FloatArray
from .errors import ArgumentError
from .model import Model, as_number, as_points, as_reals
from .quantities import DIRECTIONS, QUANTITIES, checked_model, chosen_component, chosen_quantity, evaluated
from .request import not_negative

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

PLANE_POINTS, PATH_POINTS = 101, 401
MOST_POINTS = 4_000_000


@dataclass(frozen=True, eq=False, repr=False)
class GeometryMap:
    """A quantity of all bands on a plane or along a path: `.k`, `.values`, `.to_dataset()`, `.plot()`."""

    model: str
    quantity: str
    unit: str
    k: FloatArray
    """Cartesian, 1/nm: (n1, n2, dim) on a plane, (n, dim) along a path."""
    energy: FloatArray
    """(.., band), eV."""
    values: FloatArray
    """(.., band, i, j, ..) with as many directions as the quantity has."""
    distance: FloatArray | None
    """Length along a path, 1/nm, (n,); None on a plane."""
    nodes: FloatArray | None
    """`distance` of the corners of a path."""
    labels: tuple[str, ...]
    """Names of the corners."""

    def __repr__(self) -> str:
        kind = "path" if self.distance is not None else "plane"
        shape = " x ".join(map(str, self.energy.shape[:-1]))
        return f"GeometryMap({self.quantity} of {self.model} on a {kind} of {shape} k-points, {self.unit})"

    @property
    def dim(self) -> int:
        """Dimension of space."""
        return self.k.shape[-1]

    def component(self, name: str = "") -> FloatArray:
        """One component such as "xy" of every band, (.., band)."""
        rank = QUANTITIES[self.quantity].rank
        return self.values[(..., *chosen_component(name, rank, self.dim))]

    def occupied(self, mu: float, kT: float = 0.0) -> FloatArray:
        """Sum over the bands, each with its occupation at mu and kT in eV: (.., i, j, ..)."""
        weight = _occupation(self.energy - as_number("mu", mu, "eV"), not_negative("kT", kT, "eV"))
        weight = weight.reshape(*weight.shape, *(1,) * (self.values.ndim - weight.ndim))
        return (weight * self.values).sum(axis=self.energy.ndim - 1)

    def to_dataset(self) -> xarray.Dataset:
        """The map with its coordinates and units, ready for `to_netcdf`."""
        import xarray as xr

        place = ("point",) if self.distance is not None else ("u", "v")
        tensor = ("i", "j", "k")[: QUANTITIES[self.quantity].rank]
        axes = list(DIRECTIONS[: self.dim])
        variables: dict[str, xr.Variable] = {
            "momentum": xr.Variable((*place, "axis"), self.k, {"units": "1/nm"}),
            "energy": xr.Variable((*place, "band"), self.energy, {"units": "eV"}),
        }
        if self.quantity != "energy":
            variables[self.quantity] = xr.Variable((*place, "band", *tensor), self.values, {"units": self.unit})
        coords: dict[str, object] = {"axis": axes, **dict.fromkeys(tensor, axes)}
        if self.distance is not None:
            coords["distance"] = xr.Variable("point", self.distance, {"units": "1/nm"})
        return xr.Dataset(variables, coords=coords, attrs={"model": self.model, "quantity": self.quantity})

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        component: str | None = None,
        band: int | None = None,
        mu: float | None = None,
    ) -> Figure:
        """The picture, also written to `path` (.png, .pdf, .svg).

        A plane shows one component (by default the largest) of one band (by default the highest that crosses mu, or the
        lowest), counted from 0, with the Fermi line at mu. A path shows the bands in the colours of the component.
        """
        if component is not None:
            chosen_component(component, QUANTITIES[self.quantity].rank, self.dim)
        if band is not None and not (isinstance(band, int) and 0 <= band < self.energy.shape[-1]):
            raise ArgumentError(f"band must be a whole number from 0 to {self.energy.shape[-1] - 1}, got {band!r}")
        from .plots.maps import plot_map

        return plot_map(self, path, component, band, None if mu is None else as_number("mu", mu, "eV"))


def geometry_map(
    model: Model,
    quantity: str,
    *,
    origin: ArrayLike | None = None,
    axes: ArrayLike | None = None,
    path: ArrayLike | None = None,
    labels: Sequence[str] = (),
    points: int | None = None,
    degeneracy_tol: float = 1e-6,
) -> GeometryMap:
    """A quantity of `band_geometry` for all bands on a plane or along a path of k.

    quantity: 'energy', 'velocity', 'inverse_mass', 'quantum_metric', 'berry_curvature', 'band_normalized_metric' or
    'quantum_metric_dipole'. A plane is spanned from `origin` by the two rows of `axes` (2, dim), Cartesian, 1/nm: by
    default one cell of the first two reciprocal vectors around k = 0, or the model's box. A `path` runs straight from
    row to row of (corner, dim), named by `labels`. points: along each axis of a plane (101), or along the path (401).

    >>> from sigmaijk.models import tilted_dirac
    >>> geometry_map(tilted_dirac(0.3), "berry_curvature", points=5)
    GeometryMap(berry_curvature of tilted_dirac(t=0.3, v=1.0, m=0.1, eta=1) on a plane of 5 x 5 k-points, nm^2)
    """
    checked_model(model)
    wanted = chosen_quantity(quantity)
    if path is not None and (origin is not None or axes is not None):
        raise ArgumentError("give either a path or the origin and axes of a plane, not both")
    count = _count(points, PLANE_POINTS if path is None else PATH_POINTS)
    if path is None:
        k, distance, nodes = _plane(model, origin, axes, count), None, None
    else:
        k, distance, nodes = _path(model, path, count)
    if nodes is not None and labels and len(labels) != len(nodes):
        raise ArgumentError(f"labels must name the {len(nodes)} corners of the path, got {len(labels)}")
    flat = k.reshape(-1, model.dim)
    energy = np.empty((len(flat), model.n_bands))
    values = np.empty((len(flat), model.n_bands, *(model.dim,) * wanted.rank))
    for part, levels, found in evaluated(model, flat, wanted, not_negative("degeneracy_tol", degeneracy_tol, "eV")):
        energy[part], values[part] = levels, found
    place = k.shape[:-1]
    return GeometryMap(
        model=model.name,
        quantity=wanted.name,
        unit=wanted.unit,
        k=k,
        energy=energy.reshape(*place, -1),
        values=values.reshape(*place, *values.shape[1:]),
        distance=distance,
        nodes=nodes,
        labels=tuple(map(str, labels)),
    )


def _occupation(energy: FloatArray, kT: float) -> FloatArray:
    if kT == 0:
        return np.where(energy < 0, 1.0, np.where(energy > 0, 0.0, 0.5))
    return 0.5 - 0.5 * np.tanh(energy / (2 * kT))


def _count(points: int | None, default: int) -> int:
    if points is None:
        return default
    if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 2:
        raise ArgumentError(f"points must be a whole number of at least 2, got {points!r}")
    return int(points)


def _plane(model: Model, origin: ArrayLike | None, axes: ArrayLike | None, count: int) -> FloatArray:
    if count**2 > MOST_POINTS:
        raise ArgumentError(f"points must be at most {int(MOST_POINTS**0.5)} along each axis of a plane, got {count}")
    if axes is None:
        rows = model.reciprocal[:2] if model.periodic else 2 * model.scale * np.eye(model.dim)[:2]
    else:
        rows = as_reals("axes", axes, f"two rows of {model.dim} numbers, 1/nm")
    if rows.shape != (2, model.dim) or not np.isfinite(rows).all() or np.linalg.matrix_rank(rows) < 2:
        raise ArgumentError(f"axes must be two independent rows of {model.dim} numbers, 1/nm, got {rows.tolist()}")
    start = -0.5 * rows.sum(axis=0) if origin is None else as_points(origin, model.dim)
    if start.size != model.dim:
        raise ArgumentError(f"origin must be one k of {model.dim} numbers, 1/nm, got shape {start.shape}")
    ticks = np.linspace(0.0, 1.0, count)
    grid = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1)
    return start.reshape(model.dim) + grid @ rows


def _path(model: Model, path: ArrayLike, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    corners = as_points(path, model.dim)
    lengths = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    if len(corners) < 2 or not (lengths > 0).all():
        raise ArgumentError("path must have at least two rows, each different from the one before")
    nodes = np.concatenate([[0.0], np.cumsum(lengths)])
    # Every corner is a point of the path: what peaks there must not be stepped over.
    distance = np.unique(np.concatenate([np.linspace(0.0, nodes[-1], count), nodes]))
    k = np.stack([np.interp(distance, nodes, corners[:, axis]) for axis in range(model.dim)], axis=1)
    return k, distance, nodes
