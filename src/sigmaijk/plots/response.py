"""The conductivity over mu, one panel a term, with error bands; over the components when there is a single mu."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..arrays import FloatArray
from ..results import component, independent_components, term_names
from ..units import BOLTZMANN_EV_PER_KELVIN

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Okabe and Ito's palette, which survives colour blindness, and a grey; a component keeps its colour in all panels."""

DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
"""One line style a temperature; more temperatures than this are drawn by the first, some inner and the last."""

MAX_COMPONENTS = 6
_SHOWN_ABOVE = 1e-3
"""A component smaller than this share of the panel's largest is left out."""

STYLE: dict[str, Any] = {"titlesize": 11, "labelsize": 10, "ticksize": 9}


def plot_response(ds: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write the picture of a result to `path` (.png), without touching any global state of matplotlib."""
    terms = term_names(ds)
    columns = 2 if len(terms) == 4 else min(len(terms), 3)
    rows = -(-len(terms) // columns)
    figure = Figure(figsize=(4.3 * columns + 0.3, 3.4 * rows + 0.3), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    draw = _draw_points if ds.sizes["mu"] == 1 else _draw_lines
    palette: dict[str, str] = {}
    for axes, term in zip(panels, terms, strict=False):
        draw(axes, ds, term, palette)
    for axes in panels[len(terms) :]:
        axes.set_axis_off()
    figure.suptitle(str(ds.attrs.get("model", "")), fontsize=STYLE["titlesize"], color="0.35")
    figure.savefig(path, format="png")


def _draw_lines(axes: Axes, ds: xr.Dataset, term: str, palette: dict[str, str]) -> None:
    """Curves over mu: colour for the component, dashes for kT, a band of the error, gaps where a term diverges."""
    names, factor, unit = _drawn(ds, term)
    mu = ds["mu"].values
    temperatures = _shown_temperatures(ds)
    for rank, indices in enumerate(names):
        width = max(2.2 - 0.5 * rank, 1.0)  # a curve that lies on another leaves its rim visible
        colour = palette.setdefault(indices, COLOURS[len(palette) % len(COLOURS)])
        values, errors = _curves(ds, term, indices, factor)
        for dash, row in zip(DASHES, temperatures, strict=False):
            curve = np.where(np.isfinite(errors[row]), values[row], np.nan)
            label = _component_label(indices) if row == temperatures[0] else None
            axes.plot(mu, curve, color=colour, linestyle=dash, linewidth=width, label=label, marker=_marker(len(mu)))
            band = np.where(np.isfinite(errors[row]), errors[row], 0.0)
            axes.fill_between(mu, curve - band, curve + band, color=colour, alpha=0.25, linewidth=0)
            _mark_divergences(axes, mu, errors[row])
    _mark_temperatures(axes, ds, temperatures)
    axes.set_xlabel(r"$\mu$ (eV)", fontsize=STYLE["labelsize"])
    axes.set_xlim(float(mu.min()), float(mu.max()))
    _finish(axes, ds, term, unit, names)


def _draw_points(axes: Axes, ds: xr.Dataset, term: str, _: dict[str, str]) -> None:
    """Points with error bars over the components, side by side for each kT."""
    names, factor, unit = _drawn(ds, term)
    temperatures = _shown_temperatures(ds)
    for number, row in enumerate(temperatures):
        curves = [_curves(ds, term, indices, factor) for indices in names]
        values = np.array([value[row, 0] for value, _ in curves])
        errors = np.array([error[row, 0] for _, error in curves])
        finite = np.isfinite(errors)
        place = np.arange(len(names)) + 0.18 * (number - (len(temperatures) - 1) / 2)
        axes.errorbar(
            place[finite],
            values[finite],
            yerr=errors[finite],
            fmt="o",
            capsize=4,
            color=COLOURS[number],
            label=_temperature_label(ds, row),
        )
        for where in place[~finite]:
            axes.axvline(where, color="0.6", linestyle=":", linewidth=1)
            at = {"xycoords": ("data", "axes fraction"), "ha": "right", "va": "center", "rotation": 90}
            axes.annotate("diverges", (where, 0.5), fontsize=8, color="0.4", **at)
    axes.set_xticks(range(len(names)), [_component_label(indices) for indices in names])
    axes.set_xlim(-0.6, max(len(names), 1) - 0.4)
    axes.set_xlabel(rf"at $\mu$ = {float(ds['mu'][0]):.5g} eV", fontsize=STYLE["labelsize"])
    _finish(axes, ds, term, unit, names)


def _finish(axes: Axes, ds: xr.Dataset, term: str, unit: str, names: list[str]) -> None:
    axes.axhline(0.0, color="0.75", linewidth=0.8, zorder=0)
    axes.set_title(_title(ds, term), fontsize=STYLE["titlesize"])
    axes.set_ylabel(_math_unit(unit), fontsize=STYLE["labelsize"])
    axes.tick_params(labelsize=STYLE["ticksize"], direction="in", top=True, right=True)
    axes.xaxis.set_major_locator(MaxNLocator(5)) if ds.sizes["mu"] > 1 else None
    axes.yaxis.set_major_locator(MaxNLocator(6))
    if names:
        axes.legend(fontsize=STYLE["ticksize"], framealpha=0.8, edgecolor="none", handlelength=2.2)
        return
    error = float(ds[f"{term}_error"].max())
    text = f"every component is zero\nwithin its error ({error:.1e} {_math_unit(unit)})"
    axes.text(0.5, 0.62, text, transform=axes.transAxes, ha="center", color="0.4", fontsize=STYLE["ticksize"])
    axes.set_yticks([0.0])


def _drawn(ds: xr.Dataset, term: str) -> tuple[list[str], float, str]:
    """Independent components worth a curve (largest first), the factor to their unit and the unit."""
    triples = independent_components(ds, term)
    sizes = {indices: _clear_size(ds, term, indices) for indices in triples}
    largest = max(sizes.values())
    unit = str(ds[term].attrs["units"])
    if largest == 0.0:
        return [], 1.0, unit
    names = sorted((name for name in triples if sizes[name] > _SHOWN_ABOVE * largest), key=lambda name: -sizes[name])
    for prefix, size in (("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9)):
        if largest >= size or prefix == "n":
            return names[:MAX_COMPONENTS], 1.0 / size, prefix + unit
    raise AssertionError("the smallest multiple ends the loop")


def _clear_size(ds: xr.Dataset, term: str, indices: str) -> float:
    """Largest modulus among the entries that exceed their finite error."""
    values, errors = _curves(ds, term, indices, 1.0)
    return float(np.max(np.abs(values), initial=0.0, where=np.abs(values) > errors))


def _curves(ds: xr.Dataset, term: str, indices: str, factor: float) -> tuple[FloatArray, FloatArray]:
    """Values and errors of a component, (nkT, nmu)."""
    values = component(ds, term, indices).values * factor
    return values, component(ds, f"{term}_error", indices).values * factor


def _shown_temperatures(ds: xr.Dataset) -> list[int]:
    count = ds.sizes["kT"]
    return [int(row) for row in np.unique(np.linspace(0, count - 1, min(count, len(DASHES))).round())]


def _mark_temperatures(axes: Axes, ds: xr.Dataset, temperatures: list[int]) -> None:
    for dash, row in zip(DASHES, temperatures, strict=False):
        axes.plot([], [], color="0.3", linestyle=dash, linewidth=1.2, label=_temperature_label(ds, row))


def _mark_divergences(axes: Axes, mu: FloatArray, errors: FloatArray) -> None:
    for where in mu[~np.isfinite(errors)]:
        axes.axvline(float(where), color="0.8", linestyle=":", linewidth=1, zorder=0)


def _marker(count: int) -> str | None:
    return "o" if count <= 15 else None


def _temperature_label(ds: xr.Dataset, row: int) -> str:
    return f"T = {float(ds['kT'][row]) / BOLTZMANN_EV_PER_KELVIN:.4g} K"


def _component_label(indices: str) -> str:
    return rf"$\sigma_{{{indices}}}$"


def _title(ds: xr.Dataset, term: str) -> str:
    short = {"drude": "Drude", "bcd": "Berry curvature dipole", "qm": "quantum metric dipole"}
    if term == "total":
        return rf"total, $\tau$ = {ds[term].attrs['tau_fs']:g} fs"
    power = int(ds[term].attrs["tau_power"])
    suffix = {0: "", 1: r" ($\times\,\tau$)", 2: r" ($\times\,\tau^2$)"}[power]
    return short.get(term, term) + suffix


def _math_unit(unit: str) -> str:
    """The unit with a micro sign, raised powers and thin spaces."""
    micro = unit.replace("uA", "µA", 1) if unit.startswith("uA") else unit
    return micro.replace("^2", "²").replace(" ", "\u2009")
