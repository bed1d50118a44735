"""Level lines in the plane by high-order arcs: an exact change of variables onto the true line.

An arc joins two points P_0, P_1 close to the line, each with a direction N (that of the gradient there). Its points are
X(u) = P(u) + s(u) N(u) with P and N linear in u and s the root of E(X) = energy, and

    int F delta(E - energy) d2k = sum over arcs of int du F(X) (P' + s N') x N / (v . N).

The formula holds for any continuous field N, so that neighbours which share P and N meet without gap or overlap.
Nodes are those of nested Clenshaw-Curtis rules. Two evaluations on the line of a node give the integrand at its root by
the secant; where a rule of lower order predicts the root, one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .arc_following import Family, Form, Line, Unit, followed
from .arc_refinement import complete, halved, polished, raised, split
from .arc_roots import vertices
from .arc_rules import FINEST
from .arc_values import FARTHEST, Arcs, empty
from .contours import cut
from .field import Field
from .level import LevelRequest

SHORTEST = 1e-12
"""Part of an arc that is not cut further."""
SLOW = {8: 0.8, 16: 0.62}
"""Decay of the Chebyshev coefficients by order, above which the arc is cut rather than given a higher rule."""
SPARE_LEVELS = 4
"""Levels of the lattice of samples that a mesh is never refined into for the sake of its lines."""


class LevelLines:
    """Arcs of level lines at any number of energies, better where it is asked for."""

    dim = 2

    def __init__(self, field: Field) -> None:
        self.field = field
        self.barriers: list[FloatArray] = []
        """For each sheet the sorted energies at which the topology of its lines may change."""
        self.windows: FloatArray = np.empty((0, 2))
        """Where all such energies are known, (w, 2)."""
        self._units: dict[Unit, tuple[float, Form]] = {}
        self._arcs: Arcs | None = None

    @property
    def arcs(self) -> Arcs | None:
        """All arcs, None before the first."""
        return self._arcs

    @property
    def owner(self) -> IntArray:
        """(arc,)"""
        return np.empty(0, dtype=np.int64) if self._arcs is None else self._arcs.owner

    @property
    def value(self) -> FloatArray:
        """(arc, c)"""
        return np.empty((0, 0)) if self._arcs is None else self._arcs.value

    @property
    def error(self) -> FloatArray:
        """(arc, c)"""
        return np.empty((0, 0)) if self._arcs is None else self._arcs.error

    @property
    def failed(self) -> BoolArray:
        """(arc,)"""
        return np.empty(0, dtype=bool) if self._arcs is None else self._arcs.failed

    def drop(self, owner: int) -> None:
        """Forget the arcs of one energy."""
        if self._arcs is not None:
            self._arcs = self._arcs.take(self._arcs.owner != owner)

    def add(self, requests: Sequence[LevelRequest], *, force: bool = False) -> list[BoolArray | None]:
        """All arcs of some level sets; for each the triangles to be bisected first, or None when they are there.

        With `force` they are made on any mesh, with errors that say how bad it is. Raises OutOfPoints, with nothing
        changed.
        """
        answers: list[BoolArray | None] = []
        ready: list[Line] = []
        for number, request in enumerate(requests):
            coarse = np.zeros(len(request.mesh), dtype=bool)
            found = []
            for sheet, bands in enumerate(self.field.sheets):
                if self.field.flat[sheet]:
                    continue
                chains = cut(request.mesh, bands.start, request.energy)
                if chains is not None:
                    coarse |= chains.coarse
                    found.append(Line(number, sheet, chains))
            coarse &= not force
            coarse &= request.mesh.level < request.mesh.samples.levels - SPARE_LEVELS
            answers.append(coarse if coarse.any() else None)
            if not coarse.any():
                ready += found
        if not ready:
            return answers
        family = Family(self.barriers, self.windows, self._units, self._arcs)
        for line in ready:
            family.describe(line, requests[line.request])
        todo = ready
        while todo:
            sources = family.sources(todo)
            if sources:
                family.add(*followed(self.field, *family.copies(sources)))
                todo = family.missing(todo)
                continue
            chosen = family.founders(todo)
            arcs, stray = self._create(requests, chosen, force)
            for number, triangle in stray:
                answer = answers[number]
                if answer is None:
                    answer = np.zeros(len(requests[number].mesh), dtype=bool)
                    answers[number] = answer
                answer[triangle] = True
            if arcs is not None:
                arcs = complete(self.field, arcs, second=len(requests) < MANY)
                family.add(arcs, np.ones(len(arcs), dtype=bool))
            begun = set(map(id, chosen))
            todo = [line for line in todo if id(line) not in begun and answers[line.request] is None]
        waiting = [request.owner for request, answer in zip(requests, answers, strict=True) if answer is not None]
        self._units.update(family.known(waiting))
        self._arcs = family.all(waiting)
        return answers

    def refine(self, index: IntArray, weight: FloatArray | None = None) -> None:
        """Replace some arcs by better ones; `weight` (index, c) says how much the error of each column matters.

        Raises OutOfPoints, with nothing changed.
        """
        assert self._arcs is not None
        chosen = self._arcs.take(index)
        keep = np.ones(len(self._arcs), dtype=bool)
        keep[index] = False
        chosen.failed |= ~chosen.sound & (chosen.length < SHORTEST)
        actions = _actions(chosen, 1.0 / np.maximum(np.abs(chosen.value), 1e-300) if weight is None else weight)
        parts = [self._arcs.take(keep)]
        if actions.give_up.any():
            stuck = chosen.take(actions.give_up)
            stuck.failed[:] = True
            parts.append(stuck)
        if actions.split.any():
            parts.append(complete(self.field, split(self.field, chosen.take(actions.split)), rounds=2))
        if actions.polish.any():
            parts.append(polished(self.field, chosen.take(actions.polish)))
        if actions.double.any():
            parts.append(raised(self.field, chosen.take(actions.double)))
        if actions.halve.any():
            parts.append(halved(self.field, chosen.take(actions.halve)))
        self._arcs = Arcs.join(parts)

    def _create(
        self, requests: Sequence[LevelRequest], ready: Sequence[Line], force: bool
    ) -> tuple[Arcs | None, list[tuple[int, int]]]:
        """Arcs with their two end nodes; and the (request, triangle) where a vertex ran away."""
        count = [len(line.chains.point) for line in ready]
        number = np.repeat([line.request for line in ready], count)
        sheet = np.repeat([line.sheet for line in ready], count)
        point = np.concatenate([line.chains.point for line in ready])
        scale = np.concatenate([line.chains.scale for line in ready])
        origin = np.concatenate([line.chains.origin for line in ready])
        energy = np.array([request.energy for request in requests])
        place, normal, nodes = vertices(self.field, point, sheet, energy[number], scale)
        far = ~nodes.valid | (np.linalg.norm(place - point, axis=1) > FARTHEST * scale)
        # At a kink no mesh is fine enough: what is left of the line there is short, and its error says so.
        level = np.concatenate([requests[line.request].mesh.level[line.chains.origin] for line in ready])
        far &= (level < KINK_LEVEL) & (not force)
        stray = list(zip(number[far].tolist(), origin[far].tolist(), strict=True))
        # One stray vertex sends all lines of its request back to a finer mesh.
        kept = ~np.isin(number, number[far])
        if not kept.any():
            return None, stray
        start = np.repeat(np.cumsum([0, *count[:-1]]), [len(line.chains.first) for line in ready])
        first = np.concatenate([line.chains.first for line in ready]) + start
        last = np.concatenate([line.chains.last for line in ready]) + start
        shift = np.concatenate([line.chains.shift for line in ready])
        use = kept[first]
        first, last, shift = first[use], last[use], shift[use]
        arcs = empty(len(first), nodes.integrand.shape[1])
        arcs.owner[:] = np.array([request.owner for request in requests])[number[first]]
        arcs.energy[:], arcs.sheet[:] = energy[number[first]], sheet[first]
        arcs.ends[:, 0], arcs.ends[:, 1] = place[first], place[last] + shift
        arcs.normals[:, 0], arcs.normals[:, 1] = normal[first], normal[last]
        rows = np.arange(len(arcs))
        for end, j in ((first, 0), (last, FINEST)):
            arcs.put(rows, np.full(len(rows), j), nodes.take(end))
        return arcs, stray


KINK_LEVEL = 12
"""A vertex that runs away in a triangle halved so many times stays."""
MANY = 4
"""Of so many energies at once, most need not be known well: their arcs begin with the first rule."""


class _Actions(NamedTuple):
    """What is to become of arcs: at most one of these for each, all (arc,)."""

    give_up: BoolArray
    split: BoolArray
    polish: BoolArray
    double: BoolArray
    halve: BoolArray


def _actions(arcs: Arcs, weight: FloatArray) -> _Actions:
    """The step that the larger error of each arc asks for, the columns weighted by (arc, c)."""
    rule, residual = (arcs.rule * weight).max(axis=1), (arcs.residual * weight).max(axis=1)
    decay = np.take_along_axis(arcs.decay, np.argmax(arcs.rule * weight, axis=1)[:, None], axis=1)[:, 0]
    slow = arcs.order == FINEST
    for order, limit in SLOW.items():
        slow |= (arcs.order == order) & (decay > limit)
    polish = (residual > rule) & arcs.sound
    rest = arcs.sound & ~polish
    tiny = arcs.span[:, 1] - arcs.span[:, 0] < SHORTEST
    return _Actions(rest & slow & tiny, ~arcs.sound, polish, rest & ~slow, rest & slow & ~tiny)
