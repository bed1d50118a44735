"""Critical energies: where the gradient of a sheet vanishes or jumps, S_F is not analytic.

Candidates are the simplices in which the gradients at the vertices leave room for a zero (`search.unclear`). From the
linear model of the gradient in such a simplex a secant iteration finds the point, one evaluation a step; where it does
not arrive the simplex is bisected. Kinks (cones, crossings of sorted sheets) stay unclear at every level: their energy
is that of the deepest vertices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .field import Field
from .mesh import Mesh
from .pieces import Critical
from .samples import Cell, OutOfPoints
from .search import unclear

STEPS = 10
FLAT = 1e-7
"""A gradient this much smaller than what it changes by across the simplex is zero; the energy is right to 1e-14."""
KINK_DEPTH = {2: 17, 3: 12}
"""Bisections of all edges after which what is unclear is a kink."""
LINEAR = 0.3
"""Share of a gradient by which it may differ from what a Hessian says."""
DIFFERENCE = 0.01
"""Step of the differences that give a Hessian, in units of the simplex."""
SAME = 1e-9
"""Energies closer than this (eV) are one."""
SHARE = {2: 0.1, 3: 0.05}
"""Share of the points allowed that the search may spend."""
MOST = 400
"""Unclear simplices of one generation beyond which the points are not isolated: a flat part, or a kink along a line."""


@dataclass
class CriticalPoints:
    """What was found in the windows of energy."""

    energies: list[Critical] = field(default_factory=list)
    point: list[FloatArray] = field(default_factory=list)
    """k of each, (d,)."""
    sheet: list[int] = field(default_factory=list)
    """Lowest band of the sheet of each."""
    kinks: list[tuple[FloatArray, int]] = field(default_factory=list)
    """Where two sheets may meet: k and the lower band."""
    barriers: list[tuple[float, int]] = field(default_factory=list)
    """Energies with the lowest band of each sheet whose level sets may change there; -1 for all."""
    complete: bool = True
    """False where critical points are not isolated or the points ended."""

    def add(self, energy: float, kind: str, k: FloatArray, band: int, blur: float = SAME) -> None:
        """Take in a point, unless one with this energy, give or take its blur, is known."""
        self.barriers.append((energy, -1 if kind == "node" else band))
        if not any(abs(c.energy - energy) <= blur and (c.kind == kind or blur > SAME) for c in self.energies):
            self.energies.append(Critical(energy, kind))
            self.point.append(k)
            self.sheet.append(band)


def barriers(found: CriticalPoints, leads: Sequence[int]) -> list[FloatArray]:
    """Sorted energies at which the level sets of each sheet, given by its lowest band, may change."""
    return [np.unique([energy for energy, band in found.barriers if band in (-1, lead)]) for lead in leads]


def critical_points(field_: Field, mesh: Mesh, windows: FloatArray) -> CriticalPoints:
    """Critical points of all sheets with energies in the windows (w, 2), a little beyond them too."""
    found = CriticalPoints()
    try:
        for number, bands in enumerate(field_.sheets):
            _sheet(field_, mesh, number, bands.start, windows, found)
    except OutOfPoints:
        found.complete = False
    order = np.argsort([c.energy for c in found.energies])
    found.energies = [found.energies[i] for i in order]
    found.point = [found.point[i] for i in order]
    found.sheet = [found.sheet[i] for i in order]
    return found


def _sheet(field_: Field, mesh: Mesh, number: int, band: int, windows: FloatArray, found: CriticalPoints) -> None:
    samples = mesh.samples
    dim = samples.cell.dim
    budget = int(SHARE[dim] * samples.limit)
    known = Known(np.empty((0, dim)), np.empty((0, dim, dim)))
    while True:
        marked = np.zeros(len(mesh), dtype=bool)
        for low, high in windows:
            marked |= unclear(mesh, low, high, band)
        rows = np.flatnonzero(marked & mesh.inside)
        rows = rows[~_explained(mesh, rows, band, known)]
        if not len(rows):
            return
        deep = mesh.level[rows] >= KINK_DEPTH[dim]
        _kinks(mesh, rows[deep], band, found)
        rows = rows[~deep]
        if not len(rows):
            return
        if len(rows) > MOST or samples.paid > budget:
            found.complete = False
            return
        points = _with_images(_solve(field_, mesh, rows, number, band, found), samples.cell)
        known = Known(*(np.concatenate(pair) for pair in zip(known, points, strict=True)))
        left = rows[~_explained(mesh, rows, band, known)]
        if not len(left):
            return
        mask = np.zeros(len(mesh), dtype=bool)
        mask[left] = True
        mesh = mesh.bisect(mask)


class Known(NamedTuple):
    """Critical points of one sheet."""

    k: FloatArray
    """(point, d)"""
    hessian: FloatArray
    """(point, d, d)"""


def _with_images(known: Known, cell: Cell) -> Known:
    """The points and their images: simplices next to those are explained too."""
    if cell.action is None:
        return known
    R = cell.action.rotations
    centre = np.zeros(cell.dim) if cell.action.periodic else cell.points(np.full(cell.dim, 0.5))
    k = np.einsum("gab,nb->gna", R, known.k - centre) + centre
    hessian = np.einsum("gac,ncd,gbd->gnab", R, known.hessian, R)
    return Known(k.reshape(-1, cell.dim), hessian.reshape(-1, cell.dim, cell.dim))


def _explained(mesh: Mesh, rows: IntArray, band: int, known: Known) -> BoolArray:
    """Simplices that are unclear because of a critical point in or next to them, (row,).

    So are those, however far, whose gradients are what the Hessian of the point says: in the valley of a sharp minimum
    the gradient stays small over a long way.
    """
    explained = np.zeros(len(rows), dtype=bool)
    if not len(known.k) or not len(rows):
        return explained
    cell = mesh.samples.cell
    corners = mesh.vertices[rows] / mesh.samples.steps
    velocity = mesh.samples.velocity[mesh.nodes[rows], band]
    size = np.linalg.norm(velocity, axis=2).max(axis=1)
    inverse = np.linalg.inv(cell.axes)
    solve = np.linalg.inv(np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2))
    for k, hessian in zip(known.k, known.hessian, strict=True):
        offset = (k - cell.origin) @ inverse - corners[:, 0]
        if cell.periodic:
            offset -= np.rint(offset - (corners.mean(axis=1) - corners[:, 0]))
        place = np.einsum("rab,rb->ra", solve, offset)
        weights = np.concatenate([place, 1.0 - place.sum(axis=1, keepdims=True)], axis=1)
        explained |= weights.min(axis=1) > -1.0
        away = (corners - corners[:, :1] - offset[:, None]) @ cell.axes
        defect = np.linalg.norm(velocity - away @ hessian, axis=2).max(axis=1)
        explained |= defect < LINEAR * size
    return explained


def _solve(field_: Field, mesh: Mesh, rows: IntArray, number: int, band: int, found: CriticalPoints) -> Known:
    """Critical points near some simplices, by Broyden's method from the linear gradient in each."""
    samples = mesh.samples
    corners = mesh.corners()[rows]
    velocity = samples.velocity[mesh.nodes[rows], band]
    edges = corners[:, 1:] - corners[:, :1]
    change = velocity[:, 1:] - velocity[:, :1]
    slope = np.linalg.pinv(edges, rcond=1e-12) @ change
    slope = 0.5 * (slope + np.swapaxes(slope, 1, 2))
    size = np.linalg.norm(edges, axis=2).max(axis=1)
    scale = np.linalg.norm(change, axis=2).max(axis=1)
    centre, mean = corners.mean(axis=1), velocity.mean(axis=1)
    k = centre - _newton(slope, mean)
    near = np.linalg.norm(k - centre, axis=1) < 1.5 * size
    k, slope, size, scale, centre = (a[near] for a in (k, slope, size, scale, centre))
    keep = _distinct(k, size)
    k, slope, size, scale, centre = (a[keep] for a in (k, slope, size, scale, centre))
    gradient = np.zeros_like(k)
    energy = np.zeros(len(k))
    active = np.ones(len(k), dtype=bool)
    last, started = np.zeros_like(k), False
    step = np.zeros_like(k)
    for _ in range(STEPS):
        index = np.flatnonzero(active)
        if not len(index):
            break
        spot = field_.spot(k[index], np.full(len(index), number))
        if started:
            move = step[index]
            defect = spot.velocity - last[index] - np.einsum("ka,kab->kb", move, slope[index])
            length = np.maximum((move**2).sum(axis=1), 1e-300)
            update = move[:, :, None] * defect[:, None, :] / length[:, None, None]
            slope[index] += update
        started = True
        gradient[index], energy[index] = spot.velocity, spot.energy
        last[index] = spot.velocity
        done = np.linalg.norm(spot.velocity, axis=1) <= FLAT * scale[index]
        step[index] = -_newton(np.swapaxes(slope[index], 1, 2), spot.velocity)
        target = k[index] + step[index]
        lost = np.linalg.norm(target - centre[index], axis=1) > 2.0 * size[index]
        k[index] = np.where((done | lost)[:, None], k[index], target)
        active[index] = ~(done | lost)
    good = np.linalg.norm(gradient, axis=1) <= 10.0 * FLAT * scale
    k, energy, size = k[good], energy[good], size[good]
    hessian = _hessian(field_, k, gradient[good], DIFFERENCE * size, number)
    for i in range(len(k)):
        curvature = np.linalg.eigvalsh(hessian[i])
        kind = "edge" if (curvature > 0).all() or (curvature < 0).all() else "saddle"
        found.add(float(energy[i]), kind, k[i].copy(), band)
    return Known(k, hessian)


def _hessian(field_: Field, k: FloatArray, gradient: FloatArray, step: FloatArray, number: int) -> FloatArray:
    """By differences of the gradient, (k, d, d)."""
    dim = k.shape[1]
    moved = (k[:, None] + step[:, None, None] * np.eye(dim)).reshape(-1, dim)
    if not len(moved):
        return np.empty((0, dim, dim))
    velocity = field_.spot(moved, np.full(len(moved), number)).velocity.reshape(-1, dim, dim)
    hessian = (velocity - gradient[:, None]) / step[:, None, None]
    return 0.5 * (hessian + np.swapaxes(hessian, 1, 2))


def _newton(slope: FloatArray, gradient: FloatArray) -> FloatArray:
    """Solution x of slope x = gradient for each, with nothing along directions without curvature."""
    return np.einsum("kab,kb->ka", np.linalg.pinv(slope, rcond=1e-8), gradient)


def _distinct(k: FloatArray, size: FloatArray) -> IntArray:
    """One of each cluster of starting points."""
    kept: list[int] = []
    for i in range(len(k)):
        if all(np.linalg.norm(k[i] - k[j]) > 0.25 * max(size[i], size[j]) for j in kept):
            kept.append(i)
    return np.array(kept, dtype=np.int64)


def _kinks(mesh: Mesh, rows: IntArray, band: int, found: CriticalPoints) -> None:
    """Energies of kinks, one for each cluster of simplices that stayed unclear; where sheets may meet there."""
    samples = mesh.samples
    taken: list[FloatArray] = []
    for row in rows:
        nodes = mesh.nodes[row]
        k = mesh.corners()[row].mean(axis=0) if len(rows) < 64 else samples.points(nodes[:1])[0]
        size = np.linalg.norm(np.ptp(samples.points(nodes), axis=0))
        if any(np.linalg.norm(k - other) < 8.0 * size for other in taken):
            continue
        taken.append(k)
        energy = samples.energy[nodes, band]
        found.add(float(energy.mean()), "node", k, band, blur=8.0 * float(np.ptp(energy)) + SAME)
        gaps = [
            (float(np.abs(samples.energy[nodes, other + 1] - samples.energy[nodes, other]).min()), other)
            for other in (band - 1, _top(samples.energy, band, nodes))
            if 0 <= other < samples.energy.shape[1] - 1
        ]
        if gaps:
            found.kinks.append((k, min(gaps)[1]))


def _top(energy: FloatArray, band: int, nodes: IntArray) -> int:
    """Highest band degenerate with `band` at some samples."""
    top = band
    while top + 1 < energy.shape[1] and (np.abs(energy[nodes, top + 1] - energy[nodes, top]) < 1e-12).all():
        top += 1
    return top
