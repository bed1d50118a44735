"""Arcs as arrays: nodes on the finest grid, and the values and errors that follow from them.

The points of an arc are X(u) = P(u) + s(u) N(u), P and N linear in u, E(X) = energy. An arc integrates

    int du F(X) (P' + s N') x N / (v . N)

over the part of [0, 1] that it covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .arc_rules import FINEST, bending, grid, rule_error, weights

FARTHEST = 0.5
"""Largest |s| in units of the length of the arc."""
CRUDE = 0.5
"""Error of an arc taken as its chord, in units of its value: at a kink the line has two legs."""


@dataclass
class Nodes:
    """What is known on the lines of some nodes, and the root that follows from it; arrays (node, ..)."""

    s: FloatArray
    step: FloatArray
    """From s to the root."""
    integrand: FloatArray
    """At s, (node, c)."""
    speed: FloatArray
    """v . N at s."""
    slope: FloatArray
    """d integrand / ds, (node, c)."""
    bend: FloatArray
    """d speed / ds."""
    trust: FloatArray
    """Error at the root in units of the correction from s to it."""
    moved: FloatArray
    """How far from s the evaluation was made that slope and bend come from; 0 where there was none."""
    velocity: FloatArray
    """Gradient of the energy at s, (node, 2)."""
    valid: BoolArray

    def take(self, index: np.ndarray) -> Nodes:
        """Some of the nodes."""
        return Nodes(*(getattr(self, item.name)[index] for item in fields(self)))


@dataclass
class Arcs:
    """Arcs with their nodes on the finest grid; arrays (arc, ..)."""

    owner: IntArray
    energy: FloatArray
    sheet: IntArray
    ends: FloatArray
    """P_0 and P_1, (arc, 2, 2)."""
    normals: FloatArray
    """(arc, 2, 2)"""
    span: FloatArray
    """Part [a, b] of u that the arc covers, (arc, 2)."""
    order: IntArray
    value: FloatArray
    """(arc, c)"""
    rule: FloatArray
    """Error of the rule, (arc, c)."""
    residual: FloatArray
    """Error of the roots, (arc, c)."""
    decay: FloatArray
    """Ratio of successive Chebyshev coefficients, (arc, c)."""
    failed: BoolArray
    """Cannot be refined any more."""
    sound: BoolArray
    """Has a valid parametrisation."""
    s: FloatArray
    """(arc, FINEST + 1) from here on."""
    step: FloatArray
    integrand: FloatArray
    speed: FloatArray
    slope: FloatArray
    bend: FloatArray
    trust: FloatArray
    moved: FloatArray
    velocity: FloatArray
    valid: BoolArray

    def __len__(self) -> int:
        return len(self.owner)

    def take(self, index: np.ndarray | slice) -> Arcs:
        """Some of the arcs."""
        return Arcs(*(getattr(self, item.name)[index] for item in fields(self)))

    @staticmethod
    def join(parts: Sequence[Arcs]) -> Arcs:
        """All arcs of some sets."""
        return Arcs(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Arcs)))

    @property
    def length(self) -> FloatArray:
        """Of the chord, (arc,)."""
        return np.linalg.norm(self.ends[:, 1] - self.ends[:, 0], axis=1) * (self.span[:, 1] - self.span[:, 0])

    @property
    def error(self) -> FloatArray:
        """(arc, c)"""
        return self.rule + self.residual

    def line(self, row: IntArray, j: IntArray) -> tuple[FloatArray, FloatArray]:
        """P and N of the nodes j (node,) of the arcs in row (node,), both (node, 2)."""
        u = self.span[row, 0] + (self.span[row, 1] - self.span[row, 0]) * grid()[j]
        u = u[:, None]
        ends, normals = self.ends[row], self.normals[row]
        return ends[:, 0] + u * (ends[:, 1] - ends[:, 0]), normals[:, 0] + u * (normals[:, 1] - normals[:, 0])

    def put(self, row: IntArray, j: IntArray, nodes: Nodes) -> None:
        """Store nodes j (node,) of the arcs in row (node,)."""
        for item in fields(Nodes):
            getattr(self, item.name)[row, j] = getattr(nodes, item.name)


def empty(count: int, columns: int) -> Arcs:
    """Whole arcs of which nothing is known yet."""
    line = (count, FINEST + 1)
    return Arcs(
        owner=np.zeros(count, dtype=np.int64),
        energy=np.zeros(count),
        sheet=np.zeros(count, dtype=np.int64),
        ends=np.zeros((count, 2, 2)),
        normals=np.zeros((count, 2, 2)),
        span=np.tile([0.0, 1.0], (count, 1)),
        order=np.zeros(count, dtype=np.int64),
        value=np.zeros((count, columns)),
        rule=np.zeros((count, columns)),
        residual=np.zeros((count, columns)),
        decay=np.ones((count, columns)),
        failed=np.zeros(count, dtype=bool),
        sound=np.ones(count, dtype=bool),
        s=np.zeros(line),
        step=np.zeros(line),
        integrand=np.zeros((*line, columns)),
        speed=np.ones(line),
        slope=np.zeros((*line, columns)),
        bend=np.zeros(line),
        trust=np.zeros(line),
        moved=np.zeros(line),
        velocity=np.zeros((*line, 2)),
        valid=np.ones(line, dtype=bool),
    )


def leaning(arcs: Arcs, known: IntArray) -> tuple[FloatArray, FloatArray]:
    """Roots s at some nodes of all arcs and ds/du there, u in [0, 1] along the arc, both (arc, node).

    The line leaves every root at right angles to the gradient.
    """
    part = arcs.span[:, 1] - arcs.span[:, 0]
    u = arcs.span[:, :1] + part[:, None] * grid()[known]
    root = (arcs.s + arcs.step)[:, known]
    along, change = arcs.ends[:, 1] - arcs.ends[:, 0], arcs.normals[:, 1] - arcs.normals[:, 0]
    normal = arcs.normals[:, None, 0] + u[..., None] * change[:, None]
    velocity = arcs.velocity[:, known]
    across = ((along[:, None] + root[..., None] * change[:, None]) * velocity).sum(axis=2)
    speed = (normal * velocity).sum(axis=2)
    return root, -part[:, None] * np.divide(across, speed, out=np.zeros_like(across), where=speed > 0)


def pairs(rows: int, nodes: IntArray) -> tuple[IntArray, IntArray]:
    """(arc, node) of the same nodes (m,) on each of the first `rows` arcs, both (rows m,)."""
    return np.repeat(np.arange(rows), len(nodes)), np.tile(nodes, rows)


def used_nodes(arcs: Arcs) -> tuple[IntArray, IntArray]:
    """(arc, node) of all nodes in use."""
    stride = FINEST // np.maximum(arcs.order, 1)
    row, j = np.nonzero(np.arange(FINEST + 1) % stride[:, None] == 0)
    return row, j


def hermite(arcs: Arcs, u: FloatArray) -> FloatArray:
    """First guess of s at u (arc, m): the cubic through the ends of an arc that leaves them along the level line."""
    rows = np.arange(len(arcs))
    ends = []
    along, change = arcs.ends[:, 1] - arcs.ends[:, 0], arcs.normals[:, 1] - arcs.normals[:, 0]
    for j in (0, FINEST):
        s = arcs.s[:, j] + arcs.step[:, j]
        _, normal = arcs.line(rows, np.full(len(rows), j))
        # The direction of the gradient at the root is that of N at the vertex up to second order in s.
        slope = -np.einsum("ka,ka->k", along + s[:, None] * change, normal) / (normal**2).sum(axis=1)
        ends.append((s, slope))
    (a, slope_a), (b, slope_b) = ends
    a, b, slope_a, slope_b = (x[:, None] for x in (a, b, slope_a, slope_b))
    c2 = 3.0 * (b - a) - 2.0 * slope_a - slope_b
    c3 = 2.0 * (a - b) + slope_a + slope_b
    return a + u * (slope_a + u * (c2 + u * c3))


def assess(arcs: Arcs) -> None:
    """Values and errors from the nodes; marks arcs whose parametrisation is not sound."""
    for order in np.unique(arcs.order):
        rows = np.flatnonzero(arcs.order == order)
        n = int(order)
        known = np.arange(0, FINEST + 1, FINEST // n)
        u = arcs.span[rows, :1] + (arcs.span[rows, 1:] - arcs.span[rows, :1]) * grid()[known]
        s, step = arcs.s[rows][:, known], arcs.step[rows][:, known]
        ends, normals = arcs.ends[rows], arcs.normals[rows]
        along, change = ends[:, 1] - ends[:, 0], normals[:, 1] - normals[:, 0]
        normal = normals[:, None, 0] + u[..., None] * change[:, None]

        def area(
            root: FloatArray, along: FloatArray = along, change: FloatArray = change, normal: FloatArray = normal
        ) -> FloatArray:
            tangent = along[:, None] + root[..., None] * change[:, None]
            return tangent[..., 0] * normal[..., 1] - tangent[..., 1] * normal[..., 0]

        speed = arcs.speed[rows][:, known]
        safe = np.where(speed > 0, speed, 1.0)
        before = arcs.integrand[rows][:, known] * (area(s) / safe)[..., None]
        root, faster = s + step, speed + arcs.bend[rows][:, known] * step
        jacobian = area(root)
        integrand = arcs.integrand[rows][:, known] + arcs.slope[rows][:, known] * step[..., None]
        with np.errstate(over="ignore", invalid="ignore"):
            y = integrand * np.divide(jacobian, faster, out=np.zeros_like(faster), where=faster > 0)[..., None]
        finite = np.isfinite(y).all(axis=2)
        y[~finite] = 0.0
        part = arcs.span[rows, 1] - arcs.span[rows, 0]
        weight = part[:, None] * weights(n)
        arcs.value[rows] = np.einsum("kj,kjc->kc", weight, y)
        doubt = np.abs(y - before) * arcs.trust[rows][:, known][..., None]
        doubt += _bent(y, n, np.abs(step), arcs.moved[rows][:, known], arcs.length[rows, None])
        arcs.residual[rows] = np.einsum("kj,kjc->kc", weight, doubt)
        arcs.rule[rows], arcs.decay[rows] = rule_error(y, n, part)
        chord = np.linalg.norm(along, axis=1)[:, None]
        fine = arcs.valid[rows][:, known] & finite & (jacobian > 0) & (faster > 0)
        fine &= np.abs(root) <= FARTHEST * chord
        arcs.sound[rows] = fine.all(axis=1)


def _bent(y: FloatArray, n: int, step: FloatArray, moved: FloatArray, length: FloatArray) -> FloatArray:
    """What a secant leaves at the roots of nodes, (arc, node, c): the curvature times both ways, step and move.

    y (arc, node, c) is the integrand, which is taken to bend across the line as much as it does along it: that a slope
    vanishes by accident says nothing. All lengths are in the same unit, `length` (arc, 1).
    """
    length = np.maximum(length, 1e-150)
    with np.errstate(over="ignore", invalid="ignore"):
        curvature = np.abs(np.einsum("ij,kjc->kic", bending(n), y)).max(axis=1)
        return np.nan_to_num(0.5 * (step / length * ((moved + step) / length))[..., None] * curvature[:, None])


STANDING = 1e-9
"""Speeds below this share of the largest count as that much."""


def crude(arcs: Arcs) -> None:
    """Values from the end nodes alone, for short arcs that are not sound."""
    arcs.sound[:] = False
    arcs.order[:] = 0
    # The line of a node at a corner may run along the level line.
    speed = np.linalg.norm(arcs.velocity[:, [0, FINEST]], axis=2)
    # At a critical point the quotient is one of two roundings.
    floor = STANDING * max(float(speed.max(initial=0.0)), 1e-280)
    y = arcs.integrand[:, [0, FINEST]] / np.maximum(speed, floor)[..., None]
    length = arcs.length[:, None]
    arcs.value[:] = 0.5 * length * y.sum(axis=1)
    arcs.rule[:] = length * (np.abs(y[:, 1] - y[:, 0]) + CRUDE * np.abs(y).max(axis=1))
    arcs.residual[:] = 0.0
