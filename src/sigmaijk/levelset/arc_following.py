"""Arcs at one energy from those at another of the same interval between critical energies.

There the level lines deform smoothly, and so do the roots on the lines of the nodes: dE = speed ds + bend ds**2 / 2.
One evaluation at the root predicted so, with the one at the old energy, is as good as two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .arc_roots import roots
from .arc_rules import FIRST
from .arc_values import Arcs, assess, used_nodes
from .contours import Chains
from .field import Field
from .level import LevelRequest

HIGHEST = FIRST
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


Unit = tuple[int, int]
"""Owner and sheet of some arcs."""
Form = tuple[float, ...]
"""Interval between critical energies, number of closed lines, and how they wind around the cell."""


class Line(NamedTuple):
    """The level lines of one sheet for one request."""

    request: int
    """Number of the request in its batch."""
    sheet: int
    chains: Chains


class Family:
    """Which lines may follow which: those of one sheet and one form, no critical energy of the sheet between them."""

    def __init__(
        self,
        barriers: Sequence[FloatArray],
        windows: FloatArray,
        known: dict[Unit, tuple[float, Form]],
        arcs: Arcs | None,
    ) -> None:
        self._barriers, self._windows, self._arcs = barriers, windows, arcs
        self._old = known
        self._new: dict[Unit, tuple[float, Form]] = {}
        self._unit: dict[Unit, Unit] = {}
        self._parts: list[Arcs] = []
        self._done: dict[Unit, Arcs] = {}
        self._refused: set[Unit] = set()
        self._owner: dict[int, int] = {}

    def describe(self, line: Line, request: LevelRequest) -> None:
        """Take in lines whose arcs are to be had."""
        self._owner[line.request] = request.owner
        energy = request.energy
        inside = ((self._windows[:, 0] <= energy) & (energy <= self._windows[:, 1])).any()
        if not inside or line.sheet >= len(self._barriers):
            form: Form = (-1.0, float(request.owner))
        else:
            place = int(np.searchsorted(self._barriers[line.sheet], energy))
            form = (place, line.chains.closed, *np.round(line.chains.winding, 6).tolist())
        self._new[request.owner, line.sheet] = (energy, form)

    def _unit_of(self, line: Line) -> Unit:
        return self._owner[line.request], line.sheet

    def _near(self, unit: Unit) -> Unit | None:
        """The nearest lines that some may follow."""
        energy, form = self._new[unit]
        found, distance = None, np.inf
        for known in (self._old, self._new):
            for other, (its, its_form) in known.items():
                fits = other[1] == unit[1] and its_form == form and abs(its - energy) < distance
                if fits and (known is self._old or other in self._done):
                    found, distance = other, abs(its - energy)
        return found

    def _arcs_of(self, unit: Unit) -> Arcs:
        if unit not in self._done:
            assert self._arcs is not None
            self._done[unit] = self._arcs.take((self._arcs.owner == unit[0]) & (self._arcs.sheet == unit[1]))
        return self._done[unit]

    def sources(self, lines: Sequence[Line]) -> dict[Unit, Unit]:
        """For each unit that can follow another now, that one."""
        found = {}
        for unit in map(self._unit_of, lines):
            near = None if unit in self._refused else self._near(unit)
            if near is not None and reachable(self._arcs_of(near), self._new[unit][0]):
                found[unit] = near
        return found

    def copies(self, sources: dict[Unit, Unit]) -> tuple[Arcs, FloatArray, IntArray]:
        """Arcs of the sources, one set for each follower, with the energy and owner of the follower, (arc,)."""
        parts = [self._arcs_of(source) for source in sources.values()]
        size = [len(part) for part in parts]
        owner = np.repeat(np.array([unit[0] for unit in sources], dtype=np.int64), size)
        energy = np.repeat([self._new[unit][0] for unit in sources], size)
        return Arcs.join(parts), energy, owner

    def founders(self, lines: Sequence[Line]) -> list[Line]:
        """Lines that get arcs of their own next: the middle one of each form, and all that were refused."""
        groups: dict[tuple[int, Form], list[Line]] = {}
        chosen = []
        for line in sorted(lines, key=lambda line: self._new[self._unit_of(line)][0]):
            if self._unit_of(line) in self._refused:
                chosen.append(line)
            else:
                groups.setdefault((line.sheet, self._new[self._unit_of(line)][1]), []).append(line)
        return chosen + [members[len(members) // 2] for members in groups.values()]

    def add(self, arcs: Arcs, sound: BoolArray) -> None:
        """Take in arcs; units with one that is not sound (arc,) are refused."""
        for unit in sorted(set(zip(arcs.owner.tolist(), arcs.sheet.tolist(), strict=True))):
            mine = (arcs.owner == unit[0]) & (arcs.sheet == unit[1])
            if sound[mine].all():
                self._done[unit] = arcs.take(mine)
                self._parts.append(self._done[unit])
            else:
                self._refused.add(unit)

    def missing(self, lines: Sequence[Line]) -> list[Line]:
        """Those that have no arcs yet."""
        return [line for line in lines if self._unit_of(line) not in self._done]

    def known(self, without: Sequence[int]) -> dict[Unit, tuple[float, Form]]:
        """Energies and forms of the new units, but for some owners."""
        return {unit: what for unit, what in self._new.items() if unit in self._done and unit[0] not in without}

    def all(self, without: Sequence[int]) -> Arcs | None:
        """Every arc there is, but for new ones of some owners."""
        new = [part for part in self._parts if part.owner[0] not in without]
        old = [] if self._arcs is None else [self._arcs]
        return Arcs.join(old + new) if old + new else None
