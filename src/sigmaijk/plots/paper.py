"""The founding paper's figures from the datasets of `reproduction`, for print: vector and pixels, colour-blind-safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, NullFormatter

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

BLUE, VERMILION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"
"""From Okabe and Ito's palette, which survives colour blindness."""
DEFORMATIONS = ((VERMILION, (0, (1.2, 1.2))), (BLUE, (0, (5, 1.5))), (GREEN, "-"))
"""Colour and line style of each t/v, from the smallest."""
MECHANISMS = {
    "drude": ("nonlinear Drude", VERMILION, (0, (6, 1.5))),
    "bcd": ("Berry curvature dipole", BLUE, (0, (3, 1.2))),
    "qm": ("quantum metric dipole", GREEN, (0, (1, 1))),
}
ROWS = {"WPD": (BLUE, "o"), "LKA": (VERMILION, "s"), "QK": (GREEN, "D")}
DIPOLES = "PuOr"
"""Diverging, and safe for the colour-blind."""
WIDTH = 7.1
"""Two columns of a journal, inches."""
DOTS_PER_INCH = 200
TITLE, LABEL, TICK = 9, 9, 8
LINEAR_BELOW = 1.0
"""nm^3: beyond, the colours of the map are logarithmic."""
SHEET = "nm\u2009mA/V²"
"""Of every conductivity drawn here, as the field writes it."""


def figure_2(bands: xr.Dataset, lines: xr.Dataset, response: xr.Dataset, dipole: xr.Dataset) -> Figure:
    """Fig. 2: bands, Fermi lines, conductivity and map of the toy model."""
    figure = Figure(figsize=(WIDTH, 5.7), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    halves = figure.subfigures(2, 1, height_ratios=[1, 1.18], squeeze=False)[:, 0]
    parts: list[SubFigure] = []
    for half, widths in zip(halves, ([1, 1.95], [1, 1.12]), strict=True):
        parts += list(half.subfigures(1, 2, squeeze=False, width_ratios=widths)[0])
    _draw_bands(parts[0], bands)
    _draw_lines(parts[1], lines)
    _draw_response(parts[2], response)
    _draw_map(parts[3], dipole, lines)
    for part, letter in zip(parts, "abcd", strict=True):
        part.text(0.005, 0.995, letter, fontsize=11, fontweight="bold", ha="left", va="top")
    return figure


def _draw_bands(part: SubFigure, ds: xr.Dataset) -> None:
    axes = part.subplots()
    k = ds["k"].values
    styles = {"kx": (BLUE, "-", r"along $k_x$"), "ky": (ORANGE, (0, (4, 1.5)), r"along $k_y$")}
    for name, (colour, dash, label) in styles.items():
        for level, energy in zip(ds["level"].values, ds["energy"].sel(direction=name).values.T, strict=True):
            axes.plot(k, energy, color=colour, linestyle=dash, label=label if level == "upper" else None, linewidth=1.6)
    fermi = float(ds.attrs["fermi_level_eV"])
    axes.axhline(fermi, color="0.35", linewidth=0.9, linestyle=(0, (6, 2, 1, 2)))
    axes.annotate(
        r"$\varepsilon_\mathrm{F}$",
        (float(k[0]), fermi),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=TICK,
        color="0.25",
    )
    axes.set(xlim=(k[0], k[-1]), ylim=(-1.25, 1.25))
    axes.text(0.0, -1.15, r"$t/v$ = 0.9", ha="center", fontsize=TICK)
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.98), "ncols": 2, "columnspacing": 1.2}
    axes.legend(fontsize=TICK, frameon=False, handlelength=2.0, **place)
    _label(axes, "momentum (nm⁻¹)", "energy (eV)", "")


def _draw_lines(part: SubFigure, ds: xr.Dataset) -> None:
    panels = part.subplots(1, len(ds["deformation"]), sharey=True)
    largest = float(np.abs(ds["dipole"].values).max())
    norm = Normalize(-largest, largest)
    drawn = None
    for axes, t in zip(panels, ds["deformation"].values, strict=True):
        one = ds.sel(deformation=t)
        points = np.stack([one["kx"].values, one["ky"].values], axis=-1)
        axes.add_collection(LineCollection([points], colors="0.25", linewidths=5.2))  # a rim, where colours are pale
        value = one["dipole"].values
        middle = 0.5 * (value[1:] + value[:-1])
        pieces = LineCollection(list(np.stack([points[:-1], points[1:]], axis=1)), cmap=DIPOLES, norm=norm)
        pieces.set_array(middle)
        pieces.set_linewidth(4.0)
        pieces.set_capstyle("round")
        drawn = axes.add_collection(pieces)
        axes.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        axes.axvline(0, color="0.8", linewidth=0.6, zorder=0)
        axes.set(aspect="equal", xlim=(-0.32, 0.32), ylim=(-0.32, 0.32), xticks=[-0.2, 0, 0.2], yticks=[-0.2, 0, 0.2])
        _label(axes, r"$k_x$ (nm⁻¹)", r"$k_y$ (nm⁻¹)" if axes is panels[0] else "", rf"$t/v$ = {t:g}")
    assert drawn is not None
    bar = part.colorbar(drawn, ax=list(panels), location="bottom", aspect=34, pad=0.03)
    bar.set_label(r"$\Lambda^{xyy}$ (nm³) on the Fermi line", fontsize=LABEL)
    bar.ax.tick_params(labelsize=TICK)


def _draw_response(part: SubFigure, ds: xr.Dataset) -> None:
    above, below = part.subplots(2, 1, sharex=True, height_ratios=[3.6, 1])
    mu = ds["mu"].values
    for t, (colour, dash) in zip(ds["deformation"].values, DEFORMATIONS, strict=True):
        one = ds.sel(deformation=t)
        value, error = one["sigma_xyy"].values, one["sigma_xyy_error"].values
        above.fill_between(mu, value - error, value + error, color=colour, alpha=0.3, linewidth=0)
        above.plot(mu, value, color=colour, linestyle=dash, linewidth=1.7, label=rf"$t/v$ = {t:g}")
        known = error > 0
        below.semilogy(mu[known], error[known], color=colour, linestyle=dash, linewidth=1.2)
    above.axvline(0.25, color="0.35", linewidth=0.9, linestyle=(0, (6, 2, 1, 2)))
    above.set_xlim(float(mu[0]), float(mu[-1]))
    above.legend(fontsize=TICK, frameon=False, loc="lower right", handlelength=2.4)
    above.yaxis.set_major_formatter(FuncFormatter(_signed))
    below.set_yticks([1e-15, 1e-10, 1e-5])
    below.yaxis.set_minor_formatter(NullFormatter())
    below.set_ylim(1e-18, 1e-4)
    _label(above, "", rf"$\sigma_{{xyy}}$ ({SHEET})", r"$T$ = 0, both levels of each pair")
    _label(below, r"Fermi energy $\varepsilon_\mathrm{F}$ (eV)", f"error\n({SHEET})", "")
    above.tick_params(labelbottom=False)


def _draw_map(part: SubFigure, ds: xr.Dataset, lines: xr.Dataset) -> None:
    axes = part.subplots()
    kx, ky, value = ds["kx"].values, ds["ky"].values, ds["dipole"].values
    largest = float(np.abs(value).max())
    norm = SymLogNorm(LINEAR_BELOW, vmin=-largest, vmax=largest, base=10)
    mesh = axes.pcolormesh(kx, ky, value.T, cmap=DIPOLES, norm=norm, shading="gouraud", rasterized=True)
    line = lines.sel(deformation=lines["deformation"].values[-1])
    axes.plot(line["kx"], line["ky"], color="k", linewidth=1.1, linestyle=(0, (6, 2, 1, 2)))
    axes.annotate(
        r"$\varepsilon_\mathrm{F}$ = 0.25 eV",
        (0.0, float(line["ky"].max())),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=TICK,
    )
    ticks = [-0.4, -0.2, 0.0, 0.2, 0.4]
    axes.set(aspect="equal", xlim=(kx[0], kx[-1]), ylim=(ky[0], ky[-1]), xticks=ticks, yticks=ticks)
    bar = part.colorbar(mesh, ax=axes, aspect=22, pad=0.03, shrink=0.84)
    decades = [10.0**n for n in range(int(np.log10(largest)) + 1)]
    bar.set_ticks([-one for one in reversed(decades)] + [0.0, *decades])
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:g}".replace("-", "\N{MINUS SIGN}")))
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=TICK)
    bar.set_label(r"$\Lambda^{xyy}$ (nm³), upper level", fontsize=LABEL)
    _label(axes, r"$k_x$ (nm⁻¹)", r"$k_y$ (nm⁻¹)", r"$t/v$ = 0.9")


def figure_1(ds: xr.Dataset) -> Figure:
    """Fig. 1: the three mechanisms against the relaxation time, log-log, with what dominates where."""
    figure = Figure(figsize=(4.6, 3.7), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    tau, total = ds["tau"].values, np.abs(ds["total"].values)
    for name, (label, colour, dash) in MECHANISMS.items():
        value, error = np.abs(ds[name].values), ds[f"{name}_error"].values
        axes.fill_between(tau, value - error, value + error, color=colour, alpha=0.3, linewidth=0)
        power = {"drude": r"$\propto\tau^2$", "bcd": r"$\propto\tau$", "qm": r"$\propto\tau^0$"}[name]
        axes.loglog(tau, value, color=colour, linestyle=dash, linewidth=1.7, label=f"{label} {power}")
    axes.loglog(tau, total, color="k", linewidth=1.0, label="sum")
    for crossing in ("qm_bcd", "bcd_drude"):
        where = float(ds.attrs[f"crossover_{crossing}_fs"])
        axes.axvline(where, color="0.5", linewidth=0.8, linestyle=":")
        axes.annotate(
            f"{where:.3g} fs",
            (where, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(-3, 2),
            textcoords="offset points",
            ha="right",
            fontsize=TICK,
            color="0.3",
        )
    axes.set(xlim=(tau[0], tau[-1]), ylim=(0.03 * total.min(), 3.0 * total.max()))
    axes.legend(fontsize=TICK, framealpha=1.0, edgecolor="none", loc="upper left", handlelength=2.6)
    mass, mu = (1e3 * float(ds.attrs[name]) for name in ("mass_eV", "mu_eV"))
    title = rf"tilted Dirac cone, $m$ = {mass:g} meV, $\mu$ = {mu:g} meV, $T$ = 0"
    _label(axes, r"relaxation time $\tau$ (fs)", rf"$|\sigma_{{xyy}}|$ ({SHEET})", title)
    return figure


def table_1(ds: xr.Dataset) -> Figure:
    """Table 1 as points: the three rows at some Fermi energies, with their errors."""
    figure = Figure(figsize=(WIDTH, 2.9), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    components = ("xyy", "yxy", "xxx")
    mu = ds["mu"].values
    for axes, name in zip(figure.subplots(1, len(components)), components, strict=True):
        where = dict(zip("ijk", name, strict=True))
        for number, (row, (colour, mark)) in enumerate(ROWS.items()):
            one = ds.sel({"row": row, **where})
            place = np.arange(len(mu)) + 0.17 * (number - 1)
            error = one["sigma_error"].values
            axes.errorbar(
                place, one["sigma"].values, error, fmt=mark, color=colour, capsize=2.5, markersize=4.5, label=row
            )
        axes.axhline(0.0, color="0.75", linewidth=0.8, zorder=0)
        axes.set_xticks(range(len(mu)), [f"{one:g}" for one in mu])
        axes.set_xlim(-0.5, len(mu) - 0.5)
        axes.yaxis.set_major_formatter(FuncFormatter(_signed))
        _label(axes, r"$\mu$ (eV)", rf"$\sigma_{{{name}}}$ ({SHEET})", "")
    figure.axes[1].set_title(rf"$k_\mathrm{{B}}T$ = {1e3 * ds.attrs['kT_eV']:g} meV, {_error_note(ds)}", fontsize=TITLE)
    figure.axes[-1].legend(fontsize=TICK, frameon=False)
    return figure


def _error_note(ds: xr.Dataset) -> str:
    power = int(np.ceil(np.log10(float(ds["sigma_error"].max()))))
    return rf"errors below $10^{{{power}}}$ {SHEET}"


def _label(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x, fontsize=LABEL)
    axes.set_ylabel(y, fontsize=LABEL)
    if title:
        axes.set_title(title, fontsize=TITLE)
    axes.tick_params(labelsize=TICK, direction="in", which="both", top=True, right=True)


def _signed(value: float, _: object) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
