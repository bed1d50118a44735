"""The pictures of the pages in docs and of the README, drawn from the engine's own objects.

Usage: PYTHONPATH=src python docs/make_pictures.py [folder]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import sigmaijk as sg
from sigmaijk.cli import main as command_line
from sigmaijk.domain import cell_of
from sigmaijk.levelset import nested_grids
from sigmaijk.levelset.arcs import LevelLines
from sigmaijk.levelset.elements import Peaks
from sigmaijk.levelset.field import Field
from sigmaijk.levelset.level import LevelRequest
from sigmaijk.levelset.mesh import Mesh
from sigmaijk.levelset.samples import Samples
from sigmaijk.levelset.search import Search, first_mesh
from sigmaijk.levelset.simplices import Goal
from sigmaijk.plots.paper import figure_1, figure_2
from sigmaijk.reproduction import figure2
from sigmaijk.reproduction.mechanisms import mechanisms
from sigmaijk.sampler import BandSampler
from sigmaijk.terms import CATALOGUE

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, which survives colour blindness."""
MODEL = sg.models.dirac_pt()
BAND_EDGE = 0.07247728215
"""eV"""
ABOVE = 0.1e-3
"""Distance from the band edge of the small pocket, eV."""
HIGH, WARM = 0.25, 0.1
"""Chemical potentials, eV."""
DOTS_PER_INCH = 125


class Arc(NamedTuple):
    """One arc: P, N and s at its nodes, and points along it."""

    place: np.ndarray
    direction: np.ndarray
    root: np.ndarray
    curve: np.ndarray

    @property
    def nodes(self) -> np.ndarray:
        """Points on the true line, (node, 2)."""
        return self.place + self.root[:, None] * self.direction


def level_set(energy: float) -> tuple[Mesh, list[Arc], int]:
    """The mesh on which the level set shows, its first arcs, and the k-points of both."""
    sampler = BandSampler(MODEL, [CATALOGUE["qm"]], 1e-6)
    sampler.windows = np.array([[energy, energy]])
    field = Field(sampler, 10**5, 1e-6)
    samples = Samples(field, cell_of(MODEL, sampler), 10**5)
    mesh, _ = Search(first_mesh(samples, field), 1e-6).at(energy)
    lines = LevelLines(field)
    while (coarse := lines.add([LevelRequest(mesh, energy, 0)])[0]) is not None:
        mesh = mesh.bisect(coarse)
    return mesh, [_arc(lines, row) for row in range(len(lines.owner))], sampler.points


def _arc(lines: LevelLines, row: int) -> Arc:
    arcs = lines.arcs
    assert arcs is not None
    last = arcs.s.shape[1] - 1
    known = np.arange(0, last + 1, last // int(arcs.order[row]))
    place, direction = arcs.line(np.full(len(known), row), known)
    root = (arcs.s + arcs.step)[row, known]
    u, fine = 0.5 - 0.5 * np.cos(np.pi * known / last), np.linspace(0.0, 1.0, 80)
    s = np.polynomial.Chebyshev.fit(u, root, len(u) - 1)(fine)
    along, turn = (np.outer(1.0 - fine, ends[0]) + np.outer(fine, ends[-1]) for ends in (place, direction))
    return Arc(place, direction, root, along + s[:, None] * turn)


def true_line(axes: Axes, energy: float, centre: np.ndarray, reach: float, unit: float) -> None:
    """The Fermi line from the closed form of the energies."""
    x, y = (c + reach * np.linspace(-1.0, 1.0, 500) for c in centre)
    kx, ky = np.meshgrid(x, y)
    exact = np.hypot(np.hypot(kx, ky), 0.1 - kx**2 - ky**2 + 0.9 * kx)
    axes.contour((kx - centre[0]) * unit, (ky - centre[1]) * unit, exact, [energy], colors="k", linewidths=0.7)


def draw_level(axes: Axes, energy: float, *, small: bool) -> list[Arc]:
    """Triangles of the search, arcs in colours with their nodes, directions at their ends, the true line in black."""
    mesh, arcs, points = level_set(energy)
    ends = np.array([arc.nodes[0] for arc in arcs])
    centre = 0.5 * (ends.min(axis=0) + ends.max(axis=0)) if small else np.zeros(2)
    unit = 1e3 if small else 1.0
    reach = 1.75 * float(np.abs(ends - centre).max())
    triangles = PolyCollection((mesh.corners() - centre) * unit, facecolors="none", edgecolors="0.8", linewidths=0.7)
    axes.add_collection(triangles)
    for arc, colour in zip(arcs, COLOURS, strict=False):
        curve, nodes = (arc.curve - centre) * unit, (arc.nodes - centre) * unit
        axes.plot(*curve.T, color=colour, linewidth=5.0, solid_capstyle="butt", alpha=0.8)
        axes.plot(*nodes.T, "o", color="white", markersize=3.2, markeredgecolor="k", markeredgewidth=0.7, zorder=4)
        arrow(axes, nodes[0], nodes[0] + 0.3 * reach * unit * arc.direction[0], "0.25")
    true_line(axes, energy, centre, reach, unit)
    axes.set(aspect="equal", xlim=(-reach * unit, reach * unit), ylim=(-reach * unit, reach * unit))
    if small:
        axes.set_xlabel(rf"$k_x$ + {-centre[0]:.4f} nm$^{{-1}}$  ($10^{{-3}}$ nm$^{{-1}}$)")
        axes.set_ylabel(r"$k_y$  ($10^{-3}$ nm$^{-1}$)")
        axes.set_title(f"{1e3 * ABOVE:g} meV above the band edge: {points} k-points", fontsize=11)
    else:
        axes.set_xlabel(r"$k_x$  (nm$^{-1}$)")
        axes.set_ylabel(r"$k_y$  (nm$^{-1}$)")
        axes.set_title(rf"$\mu$ = {energy:g} eV: {points} k-points", fontsize=11)
    return arcs


def arrow(axes: Axes, start: np.ndarray, stop: np.ndarray, colour: str) -> None:
    """A direction."""
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", stop, start, arrowprops=style, zorder=3)


def draw_map(axes: Axes, arc: Arc, colour: str) -> None:
    """A close-up of one arc: its chord, the directions at its nodes, and where they meet the true line."""
    largest = float(arc.root.max())
    axes.plot(*arc.place.T, "--", color="0.35", linewidth=1.2)
    axes.plot(*arc.place.T, "s", color="0.35", markersize=4)
    tips = arc.place + 1.6 * largest * arc.direction
    for start, stop in zip(arc.place, tips, strict=True):
        arrow(axes, start, stop, "0.6")
    axes.plot(*arc.curve.T, color=colour, linewidth=5.0, alpha=0.8)
    axes.plot(*arc.nodes.T, "o", color="white", markersize=5.0, markeredgecolor="k", markeredgewidth=0.8, zorder=4)
    every = np.concatenate([arc.place, tips])
    centre, half = 0.5 * (every.min(axis=0) + every.max(axis=0)), 0.62 * float(np.ptp(every, axis=0).max())
    axes.set(aspect="equal", xlim=centre[0] + half * np.array([-1, 1]), ylim=centre[1] + half * np.array([-1, 1]))
    chord = arc.place[-1] - arc.place[0]
    inward = -arc.direction[len(arc.direction) // 2]
    middle = 0.5 * (arc.place[0] + arc.place[-1])
    angle = (np.degrees(np.arctan2(chord[1], chord[0])) + 90.0) % 180.0 - 90.0
    note = {"fontsize": 11, "ha": "center", "va": "center", "rotation": angle}
    axes.text(*(middle + 0.14 * half * inward), r"chord $P(u)$", color="0.3", **note)
    axes.text(*(middle - 1.95 * largest * inward), r"directions $N(u)$", color="0.4", **note)
    axes.locator_params(nbins=6)
    axes.set_title(r"one arc: $X(u) = P(u) + s(u)\,N(u)$", fontsize=11)
    axes.set_xlabel(r"$k_x$  (nm$^{-1}$)")
    axes.set_ylabel(r"$k_y$  (nm$^{-1}$)")


def draw_patches(path: Path) -> None:
    """Two level sets of the toy model as arcs, and the map of one of them."""
    figure = Figure(figsize=(13.2, 4.7), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    arcs = draw_level(left, HIGH, small=False)
    draw_level(middle, BAND_EDGE + ABOVE, small=True)
    widest = max(range(len(arcs)), key=lambda n: float(np.abs(arcs[n].root).max()))
    draw_map(right, arcs[widest], COLOURS[widest])
    figure.savefig(path)


def draw_spectrum(path: Path) -> None:
    """S_F of xyy with its nodes and critical energies, and the thermal weight that turns it into a conductivity."""
    spectrum = sg.spectrum(MODEL, (-0.3, 0.6), terms="qm", components="xyy", rtol=1e-5, progress=False)
    low, high = spectrum.window
    edges = [one.energy for one in spectrum.critical]
    near = np.concatenate([e + np.array([-1e-9, 1e-9]) for e in edges])
    energy = np.unique(np.concatenate([np.linspace(low, high, 900), near]))
    nodes = spectrum.energies[(spectrum.energies >= low) & (spectrum.energies <= high)]
    kT = sg.kelvin(300)
    figure = Figure(figsize=(8.2, 4.3), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    weight = axes.twinx()
    x = (energy - WARM) / kT
    bump = 1.0 / (4.0 * kT * np.cosh(0.5 * x) ** 2)
    weight.fill_between(energy, bump, color="#e69f00", alpha=0.25, linewidth=0)
    weight.plot(energy, bump, color="#e69f00", linewidth=1.2)
    weight.set(ylim=(0.0, 2.2 * bump.max()), ylabel=r"$-f_0'$  (1/eV)")
    weight.text(WARM + 1.9 * kT, 0.55 * bump.max(), rf"$-f_0'$ at 300 K, $\mu$ = {WARM:g} eV", color="#a06c00")
    axes.set_zorder(weight.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.plot(energy, spectrum.evaluate(energy, "qm")[0][:, 0, 1, 1], color="#0072b2", linewidth=1.8)
    at_nodes = spectrum.evaluate(nodes, "qm")[0][:, 0, 1, 1]
    axes.plot(nodes, at_nodes, "o", color="#0072b2", markersize=4.5, markeredgecolor="white", markeredgewidth=0.6)
    for edge in edges:
        axes.axvline(edge, color="0.45", linewidth=0.9, linestyle="--", zorder=0)
        axes.annotate(
            f"band edge\n{1e3 * edge:+.1f} meV".replace("-", "\N{MINUS SIGN}"),
            (edge, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color="0.35",
        )
    axes.set(xlim=(low, high), ylim=(0.0, None), xlabel=r"energy $\epsilon$ (eV)")
    axes.set_ylabel(r"$S_{xyy}(\epsilon)$, quantum metric dipole  (nm/eV)")
    figure.savefig(path)


def gapped_crystal(mass: float = -1.98, tilt: float = 0.6) -> sg.LatticeModel:
    """Sin kx sx + sin ky sy + (mass + cos kx + cos ky) sz + tilt sin kx, with a gap of 2 (mass + 2) eV at k = 0."""
    one, sx, sy = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    sz = np.diag([1.0, -1.0])
    along_x = 0.5 * sz - 0.5j * (sx + tilt * one)
    along_y = 0.5 * sz - 0.5j * sy
    hoppings = {(0, 0): mass * sz, (1, 0): along_x, (0, 1): along_y}
    hoppings |= {(-1, 0): along_x.conj().T, (0, -1): along_y.conj().T}
    return sg.LatticeModel(np.eye(2), hoppings, name="crystal with a narrow gap")


def draw_grids(path: Path, mu: float = 0.3, kT: float = 0.1) -> None:
    """A hot spot under f0', and the k-points of the nested grids around it."""
    model = gapped_crystal()
    sampler = BandSampler(model, [CATALOGUE["qm"]], 1e-6)
    cell = cell_of(model, sampler)
    goal = Goal(sampler.columns.entries["qm"], sampler.columns.modulus["qm"], 0.0, np.eye(2))
    samples = Samples(sampler, cell, 10**6)
    peaks = Peaks.at(np.array([mu]), np.array([kT]))
    first = nested_grids.first_grid(first_mesh(samples, Field(sampler, 10**6, 1e-6)), peaks, 1e-3)
    found = nested_grids.integrate(
        sampler, cell, peaks, [goal], first=first, rtol=1e-3, degeneracy_tol=1e-6, max_points=10**6
    )
    assert found.samples is not None
    k = found.samples.points(np.arange(found.samples.count))
    steps = (k - found.samples.cell.origin) @ np.linalg.inv(cell.axes) * np.array(found.samples.cell.divisions)
    level = np.argmax([(np.abs(steps * 2**n - np.rint(steps * 2**n)) < 1e-6).all(axis=1) for n in range(15)], axis=0)
    k = (k + np.pi) % (2.0 * np.pi) - np.pi
    figure = Figure(figsize=(11.0, 4.8), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    axis = np.linspace(-np.pi, np.pi, 241)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1)
    bands = sg.band_geometry(model, plane.reshape(-1, 2))
    weight = 1.0 / (4.0 * kT * np.cosh((bands.energy - mu) / (2.0 * kT)) ** 2)
    integrand = np.abs((bands.quantum_metric_dipole[..., 0, 1, 1] * weight).sum(axis=1)).reshape(241, 241)
    shown = np.log10(np.maximum(integrand, 1e-6 * integrand.max()) / integrand.max())
    image = left.pcolormesh(axis, axis, shown, cmap="viridis", shading="auto", rasterized=True)
    figure.colorbar(image, ax=left, label=r"$\log_{10}$ of the integrand, in units of its largest value")
    for n in range(int(level.max()) + 1):
        few = k[level == n]
        label = f"level {n}: {len(few):,} points"
        right.plot(*few.T, ".", markersize=max(3.0 - 0.5 * n, 0.8), color=COLOURS[n % 6], label=label)
    right.legend(loc="upper right", fontsize=8, markerscale=3, framealpha=0.95)
    for axes in (left, right):
        axes.set(aspect="equal", xlim=(-np.pi, np.pi), ylim=(-np.pi, np.pi))
        axes.set_xlabel(r"$k_x$  (nm$^{-1}$)")
        axes.set_ylabel(r"$k_y$  (nm$^{-1}$)")
    figure.savefig(path)


def draw_response(path: Path) -> None:
    """What `sigmaijk example` draws."""
    with TemporaryDirectory() as folder:
        status = command_line(["example", "--quiet", "-o", folder])
        if status:
            raise SystemExit(f"sigmaijk example ended with status {status}")
        copyfile(Path(folder) / "dirac_pt.png", path)


def draw_paper(folder: Path) -> None:
    """What `sigmaijk reproduce` draws, with fewer pixels."""
    panels = figure2.bands(), figure2.fermi_lines(), figure2.response(), figure2.dipole_map()
    figure_2(*panels).savefig(folder / "paper.png", dpi=110)
    figure_1(mechanisms()).savefig(folder / "mechanisms.png", dpi=DOTS_PER_INCH)


def draw_maps(path: Path) -> None:
    """Lambda_xyy of the toy model on the plane, and its Fermi line in the colours of what it contributes."""
    with TemporaryDirectory() as folder:
        left, right = Path(folder) / "left.png", Path(folder) / "right.png"
        plane = sg.geometry_map(MODEL, "quantum_metric_dipole", axes=[[1, 0], [0, 1]], points=81)
        plane.plot(component="xyy", mu=HIGH).savefig(left, dpi=75)
        sg.fermi_map(MODEL, HIGH, rtol=1e-6).plot(component="xyy").savefig(right, dpi=75)
        beside(path, [left, right], 2)


def draw_models(path: Path) -> None:
    """Bands of all published models along a path, in the colours of G."""
    figure = Figure(figsize=(13.0, 5.4), dpi=75, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, build) in zip(figure.subplots(2, 5).ravel(), sg.models.catalogue().items(), strict=True):
        model = build(0.3) if name == "tilted_dirac" else build()
        rows = model.reciprocal if model.periodic else 1.5 * model.scale * np.eye(model.dim)
        corners = np.array([[0.5, 0, 0], [0, 0, 0], [1 / 3, 1 / 3, 0], [0, 0, 0.5]])
        corners = (corners if model.dim == 3 else corners[:3])[:, : model.dim] @ rows
        found = sg.geometry_map(model, "band_normalized_metric", path=corners, points=301)
        assert found.distance is not None
        assert found.nodes is not None
        G = np.trace(found.values, axis1=-2, axis2=-1)
        strength = np.arcsinh(G / np.median(np.abs(G)))
        for band in range(model.n_bands):
            colour = {"c": strength[:, band], "cmap": "PuOr_r", "vmin": -4.0, "vmax": 4.0}
            axes.scatter(found.distance, found.energy[:, band], s=5, linewidths=0, **colour)
        for node in found.nodes[1:-1]:
            axes.axvline(float(node), color="0.75", linewidth=0.8, zorder=0)
        axes.set(title=name, facecolor="0.9", xlim=(0, found.nodes[-1]), xticks=[])
        axes.set_ylabel("energy (eV)")
    figure.savefig(path)


def beside(path: Path, pictures: list[Path], columns: int) -> None:
    """Some pictures in one."""
    from matplotlib.image import imread, imsave

    images = [imread(picture)[..., :3] for picture in pictures]
    height = max(len(image) for image in images)
    padded = [np.pad(i, ((0, height - len(i)), (0, 0), (0, 0)), constant_values=1.0) for i in images]
    rows = [np.concatenate(padded[n : n + columns], axis=1) for n in range(0, len(padded), columns)]
    imsave(path, np.concatenate(rows))


def main() -> None:
    """All pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    draw_patches(folder / "patches.png")
    draw_spectrum(folder / "spectrum.png")
    draw_grids(folder / "grids.png")
    draw_response(folder / "dirac_pt.png")
    draw_paper(folder)
    draw_maps(folder / "maps.png")
    draw_models(folder / "published.png")


if __name__ == "__main__":
    main()
