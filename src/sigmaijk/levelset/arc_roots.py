"""Newton along the lines of nodes, and vertices close to the level line with the directions to leave them in."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ..arrays import FloatArray, IntArray
from .arc_values import FARTHEST, Nodes
from .field import Field

COSINE = 0.25
"""Smallest cosine between N and the gradient, at any node."""
ROUNDS = 8
"""Newton steps of one node."""
SHRINKING = 0.05
"""A step this much smaller than the one before leaves to the secant what remains."""
VERTEX_ROUNDS = 6
"""Times that the direction of a vertex is taken again."""
EXACT = 1e-10
"""A step this small, in units of the length of the arc, needs no other evaluation."""
PREDICTED = 3e-3
"""The same where the slopes of neighbours stand in for those of the node."""
GUESSED = 0.5
"""Error at the root in units of the correction to it where the slopes are guessed."""
ROUNDING = 1e-7
"""Points closer than this give no slope: their difference is mostly rounding."""


def roots(
    field: Field,
    point: FloatArray,
    normal: FloatArray,
    sheet: IntArray,
    energy: FloatArray,
    s: FloatArray,
    length: FloatArray,
    *,
    twice: bool = True,
    old: tuple[FloatArray, FloatArray] | None = None,
    before: tuple[FloatArray, FloatArray, FloatArray] | None = None,
    first: tuple[FloatArray, FloatArray, FloatArray] | None = None,
) -> Nodes:
    """Newton along the line of each node, point (node, 2) + s (node,) normal (node, 2), from a guess of s.

    `length` (node,) is that of the arc, the unit of all bounds. `first` is (integrand, speed, step) where they are
    known at s already, `before` is (s, integrand, speed) of an evaluation elsewhere on the same lines, `old` slope and
    bend to start from; `twice` evaluates twice unless the first root is exact, so that slopes are the nodes' own.
    """
    size = np.linalg.norm(normal, axis=1)
    if first is None:
        spot = field.spot(point + s[:, None] * normal, sheet)
        speed = np.einsum("ka,ka->k", spot.velocity, normal)
        integrand, step, velocity = spot.integrand, _step(energy - spot.energy, speed), spot.velocity
    else:
        integrand, speed, step = first
        velocity = speed[:, None] * normal
    nodes = Nodes(
        s.copy(),
        step.copy(),
        integrand.copy(),
        speed.copy(),
        np.zeros_like(integrand) if old is None else old[0].copy(),
        np.zeros_like(s) if old is None else old[1].copy(),
        np.full(len(s), GUESSED),
        np.zeros(len(s)),
        velocity.copy(),
        np.ones(len(s), dtype=bool),
    )
    if before is not None:
        _secant(nodes, np.arange(len(s)), *before, length)
        if old is not None:
            # A long way between two evaluations bends the integrand more than a step predicted to second order tells.
            nodes.trust = np.maximum(nodes.trust, np.minimum(_turned(nodes.slope, old[0]), 1.0))
    active = np.abs(nodes.step) > (EXACT if twice else PREDICTED) * length
    for _ in range(ROUNDS):
        index = np.flatnonzero(active)
        if not len(index):
            break
        move = np.clip(nodes.step[index], -FARTHEST * length[index], FARTHEST * length[index])
        last = (nodes.s[index].copy(), nodes.integrand[index].copy(), nodes.speed[index].copy())
        place = nodes.s[index] + move
        spot = field.spot(point[index] + place[:, None] * normal[index], sheet[index])
        nodes.s[index] = place
        nodes.integrand[index] = spot.integrand
        nodes.speed[index] = np.einsum("ka,ka->k", spot.velocity, normal[index])
        nodes.velocity[index] = spot.velocity
        nodes.step[index] = _step(energy[index] - spot.energy, nodes.speed[index])
        _secant(nodes, index, *last, length)
        slower = np.abs(nodes.step[index]) > SHRINKING * np.abs(move)
        active[index] = slower & (np.abs(nodes.step[index]) > EXACT * length[index])
    converged = np.abs(nodes.step) <= 1e-2 * length
    straight = nodes.speed > COSINE * np.linalg.norm(nodes.velocity, axis=1) * size
    nodes.valid = converged & straight & np.isfinite(nodes.step)
    return nodes


def _turned(slope: FloatArray, old: FloatArray) -> FloatArray:
    """By what share of them slopes (node, c) differ from older ones, (node,); 0 where there are none."""
    size = np.linalg.norm(slope, axis=1)
    known = (size > 0) & old.any(axis=1)
    return np.divide(np.linalg.norm(slope - old, axis=1), size, out=np.zeros_like(size), where=known)


def _step(distance: FloatArray, speed: FloatArray) -> FloatArray:
    """Newton step; where the speed vanishes, one that fails every test of size."""
    return distance / np.where(np.abs(speed) > 1e-300, speed, 1e-300)


def _secant(
    nodes: Nodes, index: IntArray, s: FloatArray, integrand: FloatArray, speed: FloatArray, length: FloatArray
) -> None:
    """Slopes on the lines of some nodes from the point before, and the root to second order."""
    move = nodes.s[index] - s
    usable = np.abs(move) > ROUNDING * length[index]
    rows = index[usable]
    move = move[usable]
    nodes.slope[rows] = (nodes.integrand[rows] - integrand[usable]) / move[:, None]
    nodes.bend[rows] = (nodes.speed[rows] - speed[usable]) / move
    step = nodes.step[rows]
    nodes.step[rows] = step - 0.5 * nodes.bend[rows] * step**2 / np.where(
        nodes.speed[rows] == 0, 1.0, nodes.speed[rows]
    )
    nodes.trust[rows] = np.clip(np.abs(step / move), 0.02, 1.0)
    nodes.moved[rows] = np.abs(move)
    nodes.trust[index[~usable]] = 0.1


def vertices(
    field: Field, point: FloatArray, sheet: IntArray, energy: FloatArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray, Nodes]:
    """Points near the line (vertex, 2), directions of the gradient there (vertex, 2), and their roots.

    From `point` by steps of at most half of `scale` (vertex,), until the root lies along the direction taken.
    """
    place, normal = point.copy(), np.zeros_like(point)
    result: Nodes | None = None
    todo = np.arange(len(point))
    for attempt in range(VERTEX_ROUNDS):
        spot = field.spot(place[todo], sheet[todo])
        speed = np.maximum(np.linalg.norm(spot.velocity, axis=1), 1e-300)
        normal[todo] = spot.velocity / speed[:, None]
        step = (energy[todo] - spot.energy) / speed
        if result is None:
            result = _no_nodes(len(point), spot.integrand.shape[1])
        far = np.abs(step) > 0.5 * scale[todo]
        if attempt == VERTEX_ROUNDS - 1:
            far[:] = False
        here = np.flatnonzero(~far)
        if len(here):
            known = (spot.integrand[here], speed[here], step[here])
            rows = todo[here]
            nodes = roots(
                field,
                place[rows],
                normal[rows],
                sheet[rows],
                energy[rows],
                np.zeros(len(rows)),
                2.0 * scale[rows],
                first=known,
            )
            for item in fields(Nodes):
                getattr(result, item.name)[rows] = getattr(nodes, item.name)
        # Where the gradient turned on the way (a kink, another sheet) the direction is taken again further on.
        lost = np.flatnonzero(far | ~result.valid[todo])
        move = np.clip(np.where(far, step, result.s[todo]), -0.5 * scale[todo], 0.5 * scale[todo])[lost]
        rows = todo[lost]
        if not len(rows) or attempt == VERTEX_ROUNDS - 1:
            break
        place[rows] += move[:, None] * normal[rows]
        todo = rows
    assert result is not None
    return place, normal, result


def _no_nodes(count: int, columns: int) -> Nodes:
    """Nodes of which nothing is known, none of them valid."""
    zero = np.zeros(count)
    wide = np.zeros((count, columns))
    return Nodes(
        zero,
        zero.copy(),
        wide,
        np.ones(count),
        wide.copy(),
        zero.copy(),
        zero.copy(),
        zero.copy(),
        np.zeros((count, 2)),
        np.zeros(count, dtype=bool),
    )
