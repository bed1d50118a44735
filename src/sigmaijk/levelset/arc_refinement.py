"""Better arcs from arcs: first rules, twice the order, halves, polished roots, new vertices.

Every function may write to the arcs it is given and returns what replaces them; callers hand over copies, so that
OutOfPoints leaves theirs unchanged.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ..arrays import FloatArray, IntArray
from .arc_roots import roots, vertices
from .arc_rules import FINEST, FIRST, grid, predicted
from .arc_values import Arcs, Nodes, assess, crude, empty, hermite, leaning, pairs, used_nodes
from .field import Field

MOST_SPLITS = 8
"""Rounds in which arcs without a sound parametrisation are replaced by two, before what is left is taken as it is."""
CORNER, SHORT = 2, 1e-4
"""From this round on, unsound arcs below this share of the longest are taken as they are: at a corner of the line,
where sheets cross, both halves of an arc are no better than the whole."""
POLISHED = 0.03
"""Nodes whose doubt is above this share of the worst of their arc are evaluated again."""


def complete(field: Field, arcs: Arcs, rounds: int = MOST_SPLITS, *, second: bool = True) -> Arcs:
    """First and second rule of new arcs whose end nodes are known.

    Unsound ones are split, and after the last round taken as chords. Without the second rule an error is the difference
    of two very low ones: where it matters, arcs are raised later.
    """
    done, corners = [], []
    longest = float(_chord(arcs).max(initial=0.0))
    for attempt in range(rounds):
        if attempt >= CORNER:
            short = _chord(arcs) < SHORT * longest
            corners.append(arcs.take(short))
            arcs = arcs.take(~short)
        if not len(arcs):
            break
        _at_corners(arcs)
        row, j = pairs(len(arcs), np.arange(1, FIRST) * (FINEST // FIRST))
        guess = hermite(arcs, grid()[j].reshape(len(arcs), -1)).ravel()
        _solve(field, arcs, row, j, guess, twice=True)
        arcs.order[:] = FIRST
        assess(arcs)
        good = arcs.sound
        valid = _doubled(field, arcs.take(good)) if second else arcs.take(good)
        stays = valid.sound
        done.append(valid.take(stays))
        arcs = split(field, Arcs.join([arcs.take(~good), valid.take(~stays)]))
    rest = Arcs.join([*corners, arcs])
    if len(rest):
        crude(rest)
        done.append(rest)
    return Arcs.join(done)


def _at_corners(arcs: Arcs) -> None:
    """Take end nodes that jump to and fro across a corner as they are where that is little beside their arc.

    The value there may be that of the other side: the rules see it and refine towards it.
    """
    for j in (0, FINEST):
        rows = np.flatnonzero(~arcs.valid[:, j] & (np.abs(arcs.step[:, j]) < SHORT * arcs.length))
        arcs.valid[rows, j] = True
        for array in (arcs.step, arcs.slope, arcs.bend):
            array[rows, j] = 0.0


def _chord(arcs: Arcs) -> FloatArray:
    """Distance between the ends of the lines of arcs, (arc,)."""
    return np.asarray(np.linalg.norm(arcs.ends[:, 1] - arcs.ends[:, 0], axis=1))


def split(field: Field, arcs: Arcs) -> Arcs:
    """Two arcs with a true vertex between them for each that has no valid parametrisation; end nodes only."""
    if not len(arcs):
        return arcs
    rows = np.arange(len(arcs))
    ends, normals = np.empty_like(arcs.ends), np.empty_like(arcs.normals)
    for side, j in ((0, 0), (1, FINEST)):
        ends[:, side], normals[:, side] = arcs.line(rows, np.full(len(rows), j))
        # The vertices move along their lines onto the level line: what they are off does not shrink with the arc.
        root = arcs.s[:, j] + arcs.step[:, j]
        ends[:, side] += root[:, None] * normals[:, side]
        arcs.s[:, j] -= root
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    middle = 0.5 * (ends[:, 0] + ends[:, 1])
    middle, normal, nodes = vertices(field, middle, arcs.sheet, arcs.energy, 0.2 * length)
    root = nodes.s + nodes.step
    middle = middle + root[:, None] * normal
    nodes.s -= root
    halves = []
    for side in (0, 1):
        half = empty(len(arcs), arcs.value.shape[1])
        half.owner[:], half.energy[:], half.sheet[:] = arcs.owner, arcs.energy, arcs.sheet
        kept, new = (0, FINEST) if side == 0 else (FINEST, 0)
        half.ends[:, side], half.ends[:, 1 - side] = ends[:, side], middle
        half.normals[:, side], half.normals[:, 1 - side] = normals[:, side], normal
        for item in fields(Nodes):
            getattr(half, item.name)[:, kept] = getattr(arcs, item.name)[:, kept]
        half.put(rows, np.full(len(rows), new), nodes)
        halves.append(half)
    return Arcs.join(halves)


def raised(field: Field, arcs: Arcs) -> Arcs:
    """Twice the order."""
    return _settled(field, _doubled(field, arcs))


def _doubled(field: Field, arcs: Arcs) -> Arcs:
    """Twice the order, whether sound or not; slopes of new nodes are means of their neighbours'."""
    if not len(arcs):
        return arcs
    for order in np.unique(arcs.order):
        rows = np.flatnonzero(arcs.order == order)
        stride = FINEST // int(order)
        fresh = np.arange(stride // 2, FINEST, stride)
        known = np.arange(0, FINEST + 1, stride)
        guess = predicted(*leaning(arcs.take(rows), known), grid()[fresh])
        row, j = rows[np.repeat(np.arange(len(rows)), len(fresh))], np.tile(fresh, len(rows))
        for name in ("slope", "bend"):
            array = getattr(arcs, name)
            array[row, j] = 0.5 * (array[row, j - stride // 2] + array[row, j + stride // 2])
        _solve(field, arcs, row, j, guess.ravel(), twice=False)
        arcs.order[rows] = 2 * order
    assess(arcs)
    return arcs


def halved(field: Field, arcs: Arcs) -> Arcs:
    """Two halves of each arc, at half the order; the node in the middle is known."""
    halves = []
    for order in np.unique(arcs.order):
        parent = arcs.take(arcs.order == order)
        stride = FINEST // int(order)
        known = np.arange(0, FINEST + 1, stride)
        root, lean = leaning(parent, known)
        middle = 0.5 * (parent.span[:, 0] + parent.span[:, 1])
        lower = max(int(order) // 2, FIRST)
        inner = np.arange(1, lower) * (FINEST // lower)
        for side in (0, 1):
            half = parent.take(slice(None))
            half.span = parent.span.copy()
            half.span[:, 1 - side] = middle
            for item in fields(Nodes):
                old, new = getattr(parent, item.name), getattr(half, item.name).copy()
                new[:, 0], new[:, FINEST] = old[:, side * FINEST // 2], old[:, FINEST // 2 * (1 + side)]
                setattr(half, item.name, new)
            u = 0.5 * (side + grid()[inner])
            row, j = pairs(len(half), inner)
            guess = predicted(root, lean, u)
            near = known[np.argmin(np.abs(grid()[known] - u[:, None]), axis=1)]
            # Slopes are those of the nearest node of the parent.
            for name in ("slope", "bend"):
                getattr(half, name)[:, inner] = getattr(parent, name)[:, near]
            half.order = np.full(len(half), lower)
            _solve(field, half, row, j, guess.ravel(), twice=False)
            halves.append(half)
    both = Arcs.join(halves)
    assess(both)
    return _settled(field, both)


def polished(field: Field, arcs: Arcs) -> Arcs:
    """The same rules with one more evaluation at the nodes whose roots are least certain."""
    row, j = used_nodes(arcs)
    step = np.abs(arcs.step[row, j])
    size = step * (arcs.trust[row, j] + (arcs.moved[row, j] + step) / np.maximum(arcs.length[row], 1e-300))
    worst = np.zeros(len(arcs))
    np.maximum.at(worst, row, size)
    use = size > POLISHED * worst[row]
    row, j = row[use], j[use]
    _solve(field, arcs, row, j, (arcs.s + arcs.step)[row, j], twice=False, again=True)
    assess(arcs)
    return _settled(field, arcs)


def _settled(field: Field, arcs: Arcs) -> Arcs:
    """The arcs, those that have become invalid split and completed."""
    good = arcs.sound
    if good.all():
        return arcs
    return Arcs.join([arcs.take(good), complete(field, split(field, arcs.take(~good)))])


def _solve(
    field: Field, arcs: Arcs, row: IntArray, j: IntArray, guess: FloatArray, *, twice: bool, again: bool = False
) -> None:
    """Find the roots at the nodes (row, j), from a guess of s (node,), and store them.

    `twice` asks for slopes of their own; `again` uses what is known at s for them.
    """
    point, normal = arcs.line(row, j)
    length = np.maximum(arcs.length[row], 1e-300)
    known = None
    if again:
        known = (arcs.s[row, j], arcs.integrand[row, j], arcs.speed[row, j])
    old = (arcs.slope[row, j], arcs.bend[row, j])
    nodes = roots(
        field,
        point,
        normal,
        arcs.sheet[row],
        arcs.energy[row],
        guess,
        length,
        twice=twice,
        old=old,
        before=known,
    )
    arcs.put(row, j, nodes)
