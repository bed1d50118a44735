"""The spectral function over energy, one panel a term, with its error and the critical energies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..arrays import FloatArray
from ..units import NATURAL_UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..spectral import Spectrum

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, which survives colour blindness."""
DASHES: dict[str, Any] = {"edge": (0, (5, 2)), "saddle": "-", "node": (0, (1, 1.5))}
"""Line style of a critical energy by its kind."""
TITLES = {"drude": "Drude", "bcd": "Berry curvature dipole", "qm": "quantum metric dipole"}
STYLE: dict[str, Any] = {"titlesize": 11, "labelsize": 10, "ticksize": 9}

SHOWN_ABOVE = 1e-3
"""A component smaller than this share of the panel's largest is left out."""
POINTS = 600
"""Energies drawn, evenly over the window; as many again crowd towards the critical energies."""
SPIKE = 6.0
"""What exceeds the typical size this many times is cut off."""
LABEL_WIDTH = 0.11
"""Width of the label of a critical energy as a share of the window."""


def plot_spectrum(
    spectrum: Spectrum, path: str | os.PathLike[str] | None, terms: tuple[str, ...], component: str | None
) -> Figure:
    """The picture of some terms, written to `path` if given, without touching any global state of matplotlib."""
    columns = min(len(terms), 3)
    figure = Figure(figsize=(max(4.6 * columns, 6.0), 3.9), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, term in zip(figure.subplots(1, columns, squeeze=False).ravel(), terms, strict=False):
        _draw(axes, spectrum, term, component)
    figure.suptitle(spectrum.model, fontsize=STYLE["titlesize"], color="0.35")
    if path is not None:
        figure.savefig(path)
    return figure


def _draw(axes: Axes, spectrum: Spectrum, term: str, component: str | None) -> None:
    energy = _grid(spectrum)
    value, error = spectrum.evaluate(energy, term)
    unit = NATURAL_UNITS[spectrum.dim, spectrum.tau_power(term)]
    names = [component] if component is not None else _worth_drawing(spectrum.independent(term), value, error)
    sizes: list[FloatArray] = []
    for rank, name in enumerate(names):
        curve, spread = (_entry(tensor, name) for tensor in (value, error))
        known = np.isfinite(spread)
        if not known.any():
            continue
        # Evenly over the window, where the grid is not.
        even = np.interp(np.linspace(*spectrum.window, POINTS), energy[known], curve[known])
        sizes.append(even)
        colour = COLOURS[rank % len(COLOURS)]
        band = np.where(known, spread, np.nan)
        axes.fill_between(energy, curve - band, curve + band, color=colour, alpha=0.25, linewidth=0)
        # A line of which nothing is known would fill the frame; its error does.
        known &= ~(spread > SPIKE * _typical(even))
        width = max(2.0 - 0.4 * rank, 1.0)  # a curve that lies on another leaves its rim visible
        drawn = np.where(known, curve, np.nan)
        axes.plot(energy, drawn, color=colour, linewidth=width, label=rf"$S_{{{name}}}$")
    axes.axhline(0.0, color="0.75", linewidth=0.8, zorder=0)
    axes.set_xlim(*spectrum.window)
    _limit(axes, sizes)
    axes.set_title(TITLES.get(term, term))
    _mark(axes, spectrum)
    axes.set_xlabel("energy (eV)", fontsize=STYLE["labelsize"])
    axes.set_ylabel(rf"S ({unit}), $e = \hbar = 1$", fontsize=STYLE["labelsize"])
    axes.tick_params(labelsize=STYLE["ticksize"], direction="in", top=True, right=True)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    if names:
        axes.legend(fontsize=STYLE["ticksize"], framealpha=0.8, edgecolor="none", handlelength=1.8)
        return
    finite = error[np.isfinite(error)]
    text = f"every component is zero\nwithin its error ({finite.max(initial=0.0):.1e} {unit})"
    box = {"facecolor": "white", "edgecolor": "none"}
    place = {"transform": axes.transAxes, "ha": "center", "bbox": box}
    axes.text(0.5, 0.62, text, color="0.4", fontsize=STYLE["ticksize"], **place)
    axes.set_yticks([0.0])
    axes.set_ylim(-1.0, 1.0)


def _grid(spectrum: Spectrum) -> FloatArray:
    """Energies to draw, dense at both sides of critical ones."""
    low, high = spectrum.window
    parts = [np.linspace(low, high, POINTS)]
    steps = (high - low) * np.geomspace(1e-7, 0.1, max(POINTS // (2 * len(spectrum.critical) + 1), 12))
    for one in spectrum.critical:
        parts += [one.energy - steps, one.energy + steps]
    grid = np.unique(np.concatenate(parts))
    return grid[(grid >= low) & (grid <= high)]


def _entry(tensor: FloatArray, name: str) -> FloatArray:
    i, j, k = ("xyz".index(letter) for letter in name)
    return tensor[:, i, j, k]


def _worth_drawing(names: list[str], value: FloatArray, error: FloatArray) -> list[str]:
    """Components that exceed their error somewhere, the largest first."""
    sizes = {}
    for name in names:
        curve, spread = np.abs(_entry(value, name)), _entry(error, name)
        sizes[name] = float(np.max(curve, initial=0.0, where=curve > 3.0 * spread))
    largest = max(sizes.values())
    shown = [name for name in names if largest > 0 and sizes[name] > SHOWN_ABOVE * largest]
    return sorted(shown, key=lambda name: -sizes[name])[: len(COLOURS)]


def _typical(values: FloatArray) -> float:
    """A size that most values do not exceed; inf if most are zero."""
    size = float(np.quantile(np.abs(values), 0.8))
    return size if size > 0 else np.inf


def _limit(axes: Axes, curves: list[FloatArray]) -> None:
    """Cut off spikes at what diverges, so that the rest can be seen."""
    values = np.concatenate([np.zeros(1), *curves])
    typical = _typical(values)
    if np.abs(values).max() > SPIKE * typical:
        low, high = max(values.min(), -SPIKE * typical), min(values.max(), SPIKE * typical)
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)


def _mark(axes: Axes, spectrum: Spectrum) -> None:
    """A vertical line at each critical energy, and its kind above the frame, once for those that lie together."""
    close = LABEL_WIDTH * (spectrum.window[1] - spectrum.window[0])
    groups: dict[str, list[list[float]]] = {}
    for one in spectrum.critical:
        axes.axvline(one.energy, color="0.55", linewidth=0.9, linestyle=DASHES.get(one.kind, "-"), zorder=0)
        own = groups.setdefault(one.kind, [[]])
        if own[-1] and one.energy - own[-1][0] > close:
            own.append([])
        own[-1].append(one.energy)
    taken: list[tuple[float, int]] = []
    labels = [(sum(group) / len(group), kind, len(group)) for kind, own in groups.items() for group in own]
    for energy, kind, count in sorted(labels):
        rows = {row for other, row in taken if abs(other - energy) < close}
        row = next(row for row in range(len(taken) + 1) if row not in rows)
        taken.append((energy, row))
        axes.annotate(
            kind if count == 1 else f"{count} {kind}s",
            (energy, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3 + 9 * row),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color="0.4",
        )
    rows = 1 + max((row for _, row in taken), default=-1)
    axes.set_title(axes.get_title(), fontsize=STYLE["titlesize"], pad=6 + 10 * rows)
