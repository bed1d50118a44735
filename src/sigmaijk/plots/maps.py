"""Maps of the geometry on planes and paths, and Fermi lines or surfaces in the colours of what they contribute."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.figure import Figure

from ..arrays import FloatArray
from ..quantities import QUANTITIES, component_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..fermi_surface import FermiMap
    from ..maps import GeometryMap

COLOURS = "PuOr_r"
"""Diverging, and safe for the colour-blind; zero is white."""
DECADES = 2.0
"""Colours are linear below the largest value by so many decades, where the values spread over more than one."""
STYLE: dict[str, Any] = {"titlesize": 11, "labelsize": 10, "ticksize": 9}
AXES = ("$k_x$", "$k_y$", "$k_z$")


def plot_map(
    found: GeometryMap, path: str | os.PathLike[str] | None, component: str | None, band: int | None, mu: float | None
) -> Figure:
    """The picture of a map, written to `path` if given, without touching any global state of matplotlib."""
    quantity = QUANTITIES[found.quantity]
    name = _largest(found.values, quantity.rank, found.dim) if component is None else component
    figure = Figure(figsize=(6.4, 4.6), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    values = found.component(name)
    label = rf"${quantity.symbol}{'_{' + name + '}' if name else ''}$  ({_unit(found.unit)})"
    if found.distance is None:
        chosen = _band(found.energy, mu) if band is None else band
        mesh = _draw_plane(axes, found, values[..., chosen], chosen, mu)
        title = f"band {chosen} of {found.model}"
    else:
        mesh = _draw_path(axes, found, values, mu)
        title = found.model
    bar = figure.colorbar(mesh, ax=axes, pad=0.02)
    bar.set_label(label, fontsize=STYLE["labelsize"])
    bar.ax.tick_params(labelsize=STYLE["ticksize"])
    _title(axes, title)
    if path is not None:
        figure.savefig(path)
    return figure


def plot_fermi_map(found: FermiMap, path: str | os.PathLike[str] | None, component: str | None) -> Figure:
    """The Fermi line or surface; the colour is the contribution to I per length or area of it."""
    name = _largest(_told(found), 3, found.dim) if component is None else component
    figure = Figure(figsize=(6.4, 5.0), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    flat = found.dim == 2
    axes: Any = figure.subplots() if flat else figure.add_subplot(projection="3d")
    speed = np.linalg.norm(found.velocity, axis=1)
    extent = found.weight * speed  # length or area of the piece that the point stands for, over (2 pi)^dim
    density = np.divide(found.component(name), extent, out=np.zeros_like(extent), where=extent > 0)
    order = np.argsort(np.abs(density))  # what matters is drawn last
    points = found.k[order].T
    look = {
        "s": 30 if flat else 6,
        "linewidths": 0.3 if flat else 0,
        "edgecolors": "0.5" if flat else "none",
        "c": density[order],
        "cmap": COLOURS,
        "norm": _norm(density),
    }
    mesh = axes.scatter(*points, **look)
    for axis, text in zip("xyz", AXES[: found.dim], strict=False):
        getattr(axes, f"set_{axis}label")(f"{text} (1/nm)", fontsize=STYLE["labelsize"])
    axes.tick_params(labelsize=STYLE["ticksize"])
    if flat:
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_facecolor("0.93")
    else:
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_pane_color((0.8, 0.8, 0.8, 1.0))
    if not flat and len(found.k):
        axes.set_box_aspect(np.maximum(np.ptp(found.k, axis=0), 1e-12))
    bar = figure.colorbar(mesh, ax=axes, pad=0.02 if flat else 0.1, shrink=1.0 if flat else 0.75)
    element, length = ("length", "nm") if flat else ("area", "nm²")
    unit = " ".join(part for part in (_unit(found.unit), length) if part)
    label = rf"$(2\pi)^{found.dim}$ times contribution to $I_{{{name}}}$ per {element}  ({unit})"
    bar.set_label(label, fontsize=STYLE["labelsize"])
    bar.ax.tick_params(labelsize=STYLE["ticksize"])
    i, j, k = ("xyz".index(letter) for letter in name)
    total, error = found.total[i, j, k], found.error[i, j, k]
    value = f"$I_{{{name}}}$ = {total:.4g} ± {error:.1g} {_unit(found.unit)}"
    _title(axes, f"{found.model}\n{found.term}, µ = {found.mu:g} eV: {value}")
    if path is not None:
        figure.savefig(path)
    return figure


def _draw_plane(axes: Axes, found: GeometryMap, values: FloatArray, band: int, mu: float | None) -> Any:
    """One component of one band over the plane, in orthonormal coordinates along and across its first side."""
    along, across = found.k[-1, 0] - found.k[0, 0], found.k[0, -1] - found.k[0, 0]
    basis = np.eye(found.dim)[:2]
    if found.dim == 3 and (np.abs(along[2]) > 0 or np.abs(across[2]) > 0):
        first = along / np.linalg.norm(along)
        second = across - (across @ first) * first
        basis = np.stack([first, second / np.linalg.norm(second)])
        axes.set_xlabel("along the first axis (1/nm)", fontsize=STYLE["labelsize"])
        axes.set_ylabel("across it (1/nm)", fontsize=STYLE["labelsize"])
    else:
        axes.set_xlabel(f"{AXES[0]} (1/nm)", fontsize=STYLE["labelsize"])
        axes.set_ylabel(f"{AXES[1]} (1/nm)", fontsize=STYLE["labelsize"])
    x, y = np.moveaxis(found.k @ basis.T, -1, 0)
    mesh = axes.pcolormesh(x, y, values, shading="gouraud", cmap=COLOURS, norm=_norm(values), rasterized=True)
    if mu is not None:
        for level in np.moveaxis(found.energy, -1, 0):
            if level.min() < mu < level.max():
                axes.contour(x, y, level, [mu], colors="k", linewidths=1.0)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=STYLE["ticksize"])
    return mesh


def _draw_path(axes: Axes, found: GeometryMap, values: FloatArray, mu: float | None) -> Any:
    """All bands along the path, coloured by the component."""
    assert found.distance is not None
    norm = _norm(values)
    mesh = None
    for band in range(found.energy.shape[1]):
        points = np.stack([found.distance, found.energy[:, band]], axis=1)
        pieces = np.stack([points[:-1], points[1:]], axis=1)
        mesh = LineCollection(list(pieces), cmap=COLOURS, norm=norm, linewidths=3.0)
        mesh.set_array(0.5 * (values[1:, band] + values[:-1, band]))
        axes.add_collection(mesh)
        axes.plot(*points.T, color="0.6", linewidth=0.4)
    for place in found.nodes if found.nodes is not None else ():
        axes.axvline(float(place), color="0.7", linewidth=0.8, zorder=0)
    if found.nodes is not None and found.labels:
        axes.set_xticks(found.nodes, found.labels)
    else:
        axes.set_xlabel("along the path (1/nm)", fontsize=STYLE["labelsize"])
    if mu is not None:
        axes.axhline(mu, color="0.4", linewidth=0.8, linestyle="--")
    axes.set_xlim(0.0, float(found.distance[-1]))
    axes.set_ylabel("energy (eV)", fontsize=STYLE["labelsize"])
    axes.set_facecolor("0.93")
    axes.tick_params(labelsize=STYLE["ticksize"])
    return mesh


def _norm(values: FloatArray) -> Normalize:
    """Symmetric about zero; logarithmic where the largest value is far beyond the usual one."""
    size = np.abs(values[np.isfinite(values)])
    largest = float(size.max(initial=0.0)) or 1.0
    if np.median(size) > 0.03 * largest:
        return Normalize(-largest, largest)
    return SymLogNorm(linthresh=largest / 10.0**DECADES, vmin=-largest, vmax=largest)


def _largest(tensor: FloatArray, rank: int, dim: int) -> str:
    """The component with the largest entry."""
    names = component_names(rank, dim)
    if rank == 0 or tensor.size == 0:
        return names[0]
    sizes = np.abs(tensor).max(axis=tuple(range(tensor.ndim - rank))).ravel()
    return names[int(sizes.argmax())]


def _told(found: FermiMap) -> FloatArray:
    """The total where it exceeds its error somewhere, or else what the points contribute."""
    return found.total if (np.abs(found.total) > found.error).any() else found.contribution


def _band(energy: FloatArray, mu: float | None) -> int:
    flat = energy.reshape(-1, energy.shape[-1])
    if mu is None:
        return 0
    crossing = np.flatnonzero((flat.min(axis=0) <= mu) & (flat.max(axis=0) >= mu))
    return int(crossing[-1]) if len(crossing) else 0


def _title(axes: Any, text: str) -> None:
    axes.set_title(text, fontsize=STYLE["titlesize"] if len(text) < 70 else 9, color="0.25", wrap=True)


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit.replace("^2", "²").replace("^3", "³").replace(" ", "\u2009")
