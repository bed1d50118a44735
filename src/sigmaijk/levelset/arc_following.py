"""Arcs at one energy from those at another of the same interval between critical energies.

There the level lines deform smoothly, and so do the roots on the lines of the nodes: dE = speed ds + bend ds**2 / 2.
One evaluation at the root predicted so, with the one at the old energy, is as good as two.
"""

from __future__ import annotations

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .arc_roots import roots
from .arc_rules import SECOND
from .arc_values import Arcs, assess, used_nodes
from .field import Field

HIGHEST = SECOND
"""Order of the arcs that follow, at most; they are raised where their own error asks for it."""
REACH = 0.2
"""Farthest that a root may move, in units of the length of its arc."""


def movement(arcs: Arcs, row: IntArray, j: IntArray, energy: FloatArray) -> FloatArray:
    """How far the roots at nodes (row, j) move to another energy (node,), to second order."""
    speed = arcs.speed[row, j] + arcs.bend[row, j] * arcs.step[row, j]
    first = (energy - arcs.energy[row]) / np.where(speed > 0, speed, np.nan)
    return first - 0.5 * arcs.bend[row, j] * first**2 / speed


def reachable(arcs: Arcs, energy: float) -> bool:
    """Whether all arcs are sound and their roots near those at another energy."""
    if not arcs.sound.all() or not (arcs.order > 0).all():
        return False
    row, j = used_nodes(arcs)
    far = np.abs(movement(arcs, row, j, np.full(len(row), energy))) / arcs.length[row]
    return bool((far < REACH).all())


def followed(field: Field, arcs: Arcs, energy: FloatArray, owner: IntArray) -> tuple[Arcs, BoolArray]:
    """The arcs at other energies (arc,), owned by others (arc,); and which of them are sound, (arc,).

    Ends that neighbours share are evaluated once. Raises OutOfPoints, with nothing changed.
    """
    new = arcs.take(np.arange(len(arcs)))
    new.order = np.minimum(new.order, HIGHEST)
    row, j = used_nodes(new)
    old = new.s[row, j], new.integrand[row, j], new.speed[row, j]
    guess = old[0] + new.step[row, j] + movement(new, row, j, energy[row])
    new.energy, new.owner = energy.copy(), owner.copy()
    new.failed[:] = False
    point, normal = new.line(row, j)
    place = np.concatenate([point + guess[:, None] * normal, new.energy[row, None]], axis=1)
    _, first, back = np.unique(place, axis=0, return_index=True, return_inverse=True)
    back = back.reshape(-1)
    nodes = roots(
        field,
        point[first],
        normal[first],
        new.sheet[row[first]],
        new.energy[row[first]],
        guess[first],
        np.maximum(new.length[row[first]], 1e-300),
        twice=False,
        old=(new.slope[row, j][first], new.bend[row, j][first]),
        before=(old[0][first], old[1][first], old[2][first]),
    )
    new.put(row, j, nodes.take(back))
    assess(new)
    return new, new.sound
