"""The nodes of the patches of one Fermi line or surface as a list of points and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .arrays import FloatArray, IntArray
from .domain import cell_of, choose_bands
from .levelset.arc_rules import FINEST
from .levelset.arc_rules import weights as rule_weights
from .levelset.arcs import LevelLines
from .levelset.facets import Facets
from .levelset.field import Field, SheetSplit
from .levelset.samples import Cell, OutOfPoints, Samples
from .levelset.search import first_mesh
from .levelset.simplices import Goal, block_errors
from .levelset.surfaces import LevelSets
from .levelset.triangle_rules import rules
from .model import Model
from .sampler import BandSampler, WindowGrew
from .tensors import goals
from .term import Term

ROUNDS = 20
SMALLEST = 1e-3
"""An integral below this share of that of its modulus is not chased: what cancels is shown, not measured."""


@dataclass(frozen=True)
class MappedSurface:
    """Points of all sheets, without [dk] and spin."""

    k: FloatArray
    """(point, dim)"""
    weight: FloatArray
    """(point,)"""
    velocity: FloatArray
    """(point, dim)"""
    gap: FloatArray
    band: IntArray
    multiplicity: IntArray
    value: FloatArray
    """Independent entries of the integral of F as the patches have it, (c,)."""
    error: FloatArray
    """(c,), inf where not everything was found."""
    k_points: int


class _Nodes(NamedTuple):
    """Where F is to be taken: X = place + s direction, and area(s) = base + s turn + s**2 bend."""

    place: FloatArray
    direction: FloatArray
    s: FloatArray
    factor: FloatArray
    """Weight of the rule, (node,)."""
    area: FloatArray
    """Coefficients of 1, s, s**2 of the Jacobian, (node, 3)."""
    sheet: IntArray
    fixed: FloatArray
    """Weight of a node that stays where it is, to be divided by the speed; nan for the others, (node,)."""


def mapped_surface(
    model: Model, term: Term, mu: float, rtol: float, degeneracy_tol: float, max_k_points: int
) -> MappedSurface:
    """Points on the level sets of all bands at mu whose weights integrate F to rtol of the largest entry."""
    sampler = BandSampler(model, [term], degeneracy_tol, limit=max_k_points)
    level = np.array([mu])
    sampler.windows = np.array([[mu, mu]])
    apart: frozenset[int] = frozenset()
    try:
        cell = cell_of(model, sampler)
        sampler.wanted = choose_bands(sampler, cell, level, np.zeros(1))
        sampler.windows = np.array([[mu, mu]])
        while True:
            try:
                return _followed(model, sampler, term, cell, mu, rtol, apart)
            except WindowGrew as grown:
                sampler.wanted = grown.wanted
            except SheetSplit as split:
                apart |= {split.band}
    except OutOfPoints:
        return _nothing(model, sampler, np.full(len(term.independent(model.dim)), np.inf))


def _nothing(model: Model, sampler: BandSampler, error: FloatArray) -> MappedSurface:
    none, places, numbers = np.empty(0), np.empty((0, model.dim)), np.empty(0, dtype=np.int64)
    return MappedSurface(places, none, places, none, numbers, numbers, np.zeros(len(error)), error, sampler.points)


def _followed(
    model: Model,
    sampler: BandSampler,
    term: Term,
    cell: Cell,
    mu: float,
    rtol: float,
    apart: frozenset[int],
) -> MappedSurface:
    field = Field(sampler, sampler.limit - sampler.points, sampler.degeneracy_tol)
    samples = Samples(field, cell, field.limit)
    mesh = first_mesh(samples, field)
    field.find_sheets(samples.energy, apart)
    columns = sampler.columns.entries[term.name]
    count = columns.stop - columns.start
    if not field.sheets:
        return _nothing(model, sampler, np.zeros(count))
    wanted = goals(sampler, None, {term.name: 0.0}, {})
    surfaces = LevelSets(field, mesh, wanted, sampler.columns.width)
    try:
        (number,) = surfaces.open(np.array([mu]))
        _improve(surfaces, number, wanted, rtol)
    except OutOfPoints:
        pass
    if not len(surfaces.patches.owner):
        error = surfaces.error[0, columns] if len(surfaces.energies) else np.full(count, np.inf)
        return _nothing(model, sampler, error)
    sampler.limit = max(sampler.limit, sampler.points + 10_000_000)  # the points that are shown are not rationed
    patches = surfaces.patches
    nodes = _line_nodes(patches) if isinstance(patches, LevelLines) else _facet_nodes(patches)
    k, weight, velocity, gap = _settled(sampler, field, nodes, mu)
    lead = np.array([sampler.wanted.start + sheet.start for sheet in field.sheets])
    size = np.array([sheet.stop - sheet.start for sheet in field.sheets])
    return MappedSurface(
        k=k,
        weight=weight,
        velocity=velocity,
        gap=gap,
        band=lead[nodes.sheet],
        multiplicity=size[nodes.sheet],
        value=surfaces.value[0, columns],
        error=surfaces.error[0, columns],
        k_points=sampler.points,
    )


def _improve(surfaces: LevelSets, number: int, wanted: list[Goal], rtol: float) -> None:
    for _ in range(ROUNDS):
        value = surfaces.value[number]
        size = [max(np.abs(value[goal.columns]).max(), SMALLEST * abs(float(value[goal.modulus]))) for goal in wanted]
        allowed = rtol * np.array([size])
        before = surfaces.error[number]
        if (block_errors(before[None], wanted) <= allowed).all():
            return
        surfaces.improve(np.array([number]), allowed)
        if np.array_equal(surfaces.error[number], before):
            return


def _line_nodes(lines: LevelLines) -> _Nodes:
    """Nodes in use of all arcs; of an arc without a valid parametrisation its ends, each with half of its chord."""
    arcs = lines.arcs
    assert arcs is not None
    order = np.where(arcs.sound & (arcs.order > 0), arcs.order, 1)
    row, j = np.nonzero(np.arange(FINEST + 1) % (FINEST // order)[:, None] == 0)
    place, direction = arcs.line(row, j)
    part = arcs.span[:, 1] - arcs.span[:, 0]
    along, change = arcs.ends[:, 1] - arcs.ends[:, 0], arcs.normals[:, 1] - arcs.normals[:, 0]
    rule = np.empty(len(row))
    for one in np.unique(order[row]):
        mine = order[row] == one
        rule[mine] = rule_weights(int(one))[j[mine] * int(one) // FINEST] if one > 1 else 0.5
    base, turn = (_cross(edge[row], direction) for edge in (along, change))
    crude = order[row] == 1
    fixed = np.where(crude, 0.5 * arcs.length[row], np.nan)
    root = np.where(crude, arcs.s[row, j], (arcs.s + arcs.step)[row, j])
    area = np.stack([base, turn, np.zeros_like(base)], axis=1)
    return _Nodes(place, direction, root, rule * part[row], area, arcs.sheet[row], fixed)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _facet_nodes(facets: Facets) -> _Nodes:
    """Nodes of the rule of each facet, with the displacements of its last evaluation."""
    triangles = facets._triangles
    assert triangles is not None
    facet, weight, local, root = [], [], [], []
    for number, rule in enumerate(rules()):
        rows = np.flatnonzero(triangles.level == number)
        facet.append(np.repeat(rows, len(rule)))
        weight.append(np.tile(0.5 * rule.weight, len(rows)))
        corner = np.concatenate([1.0 - rule.nodes.sum(axis=1, keepdims=True), rule.nodes], axis=1)
        local.append(np.tile(corner, (len(rows), 1)))
        root.append(triangles.known[rows, : len(rule)].ravel())
    f, u = np.concatenate(facet), np.concatenate(local)
    place = (u[:, :, None] * triangles.place[f]).sum(axis=1)
    direction = (u[:, :, None] * triangles.direction[f]).sum(axis=1)
    corner, turn = triangles.place[f], triangles.direction[f]
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    bend, twist = turn[:, 1] - turn[:, 0], turn[:, 2] - turn[:, 0]
    parts = (np.cross(first, second), np.cross(first, twist) + np.cross(bend, second), np.cross(bend, twist))
    area = np.stack([(normal * direction).sum(axis=1) for normal in parts], axis=1)
    fixed = np.full(len(f), np.nan)
    return _Nodes(place, direction, np.concatenate(root), np.concatenate(weight), area, triangles.sheet[f], fixed)


def _settled(
    sampler: BandSampler, field: Field, nodes: _Nodes, mu: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """K, weight, velocity and gap of each node after one Newton step onto the surface."""
    s = nodes.s.copy()
    moving = np.isnan(nodes.fixed)
    for last in (False, True):
        k = nodes.place + s[:, None] * nodes.direction
        energy, velocity = sampler.sheets(k)
        own, slope, gap = _of_sheets(sampler, field, nodes.sheet, energy, velocity)
        rate = (slope * nodes.direction).sum(axis=1)
        if not last:
            step = np.divide(mu - own, rate, out=np.zeros_like(rate), where=moving & (rate > 0))
            s += step
    area = nodes.area[:, 0] + s * (nodes.area[:, 1] + s * nodes.area[:, 2])
    weight = np.divide(nodes.factor * area, rate, out=np.zeros_like(rate), where=rate > 0)
    speed = np.linalg.norm(slope, axis=1)
    standing = np.divide(nodes.fixed, speed, out=np.zeros_like(speed), where=~moving & (speed > 0))
    return k, np.where(moving, weight, standing), slope, gap


def _of_sheets(
    sampler: BandSampler, field: Field, sheet: IntArray, energy: FloatArray, velocity: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Energy, velocity and distance to the next sheet of the sheet of each point."""
    own, slope, gap = np.empty(len(sheet)), np.empty((len(sheet), velocity.shape[2])), np.empty(len(sheet))
    for number, bands in enumerate(field.sheets):
        rows = np.flatnonzero(sheet == number)
        low, high = sampler.wanted.start + bands.start, sampler.wanted.start + bands.stop
        own[rows] = energy[rows, low:high].mean(axis=1)
        slope[rows] = velocity[rows, low:high].mean(axis=1)
        below = energy[rows, low] - energy[rows, low - 1] if low > 0 else np.full(len(rows), np.inf)
        above = energy[rows, high] - energy[rows, high - 1] if high < energy.shape[1] else np.full(len(rows), np.inf)
        gap[rows] = np.minimum(below, above)
    return own, slope, gap
