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
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .contours import Chains, cut
from .field import Field
from .level import LevelRequest

FINEST = 32
"""Intervals of the finest rule; coarser ones use every second, fourth .. of its nodes."""
FIRST, SECOND = 4, 8
COSINE = 0.25
"""Smallest cosine between N and the gradient, at any node."""
FARTHEST = 0.5
"""Largest |s| in units of the length of the arc."""
ROUNDS = 8
"""Newton steps of one node."""
SHRINKING = 0.05
"""A step this much smaller than the one before leaves to the secant what remains."""
SAFETY = 10.0
"""On the tail of the Chebyshev series of the integrand, as error of the rule."""
SHORTEST = 1e-12
"""Part of an arc that is not cut further."""
VERTEX_ROUNDS = 6
MOST_SPLITS = 8
"""Rounds in which arcs without a sound parametrisation are replaced by two, before what is left is taken as it is."""
CRUDE = 0.5
"""Error of an arc taken as its chord, in units of its value: at a kink the line has two legs."""
SLOW = {8: 0.8, 16: 0.62}
"""Decay of the Chebyshev coefficients by order, above which the arc is cut rather than given a higher rule."""


@cache
def grid() -> FloatArray:
    """Nodes of the finest rule on [0, 1]."""
    return 0.5 * (1.0 - np.cos(np.pi * np.arange(FINEST + 1) / FINEST))


@cache
def chebyshev(n: int) -> FloatArray:
    """Coefficients of the interpolant of order n from its values at the nodes, (n + 1, n + 1)."""
    j = np.arange(n + 1)
    matrix = 2.0 / n * np.cos(np.pi * np.outer(j, n - j) / n)
    matrix[:, [0, n]] *= 0.5
    matrix[[0, n]] *= 0.5
    return matrix


@cache
def weights(n: int) -> FloatArray:
    """Weights of the rule of order n on [0, 1], (n + 1,)."""
    moments = np.zeros(n + 1)
    even = np.arange(0, n + 1, 2)
    moments[even] = 1.0 / (1.0 - even.astype(float) ** 2)
    return moments @ chebyshev(n)


def interpolation(n: int, u: FloatArray) -> FloatArray:
    """Values at u (m,) of [0, 1] from the values at the nodes of order n, (m, n + 1)."""
    angle = np.arccos(np.clip(1.0 - 2.0 * u, -1.0, 1.0))
    # T_k(-cos) of the reversed nodes: chebyshev() takes them in ascending order.
    return np.cos(np.outer(np.pi - angle, np.arange(n + 1))) @ chebyshev(n)


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
    valid: BoolArray


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
        """Points and directions of nodes, both (node, 2)."""
        u = self.span[row, 0] + (self.span[row, 1] - self.span[row, 0]) * grid()[j]
        u = u[:, None]
        ends, normals = self.ends[row], self.normals[row]
        return ends[:, 0] + u * (ends[:, 1] - ends[:, 0]), normals[:, 0] + u * (normals[:, 1] - normals[:, 0])

    def put(self, row: IntArray, j: IntArray, nodes: Nodes) -> None:
        """Store nodes."""
        for item in fields(Nodes):
            getattr(self, item.name)[row, j] = getattr(nodes, item.name)


class LevelLines:
    """Arcs of level lines at any number of energies, better where it is asked for."""

    dim = 2

    def __init__(self, field: Field) -> None:
        self.field = field
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

    def add(self, requests: Sequence[LevelRequest]) -> list[BoolArray | None]:
        """All arcs of some level sets; for each the triangles to be bisected first, or None when they are there.

        Raises OutOfPoints, with nothing changed.
        """
        answers: list[BoolArray | None] = []
        ready: list[tuple[int, int, Chains]] = []
        for number, request in enumerate(requests):
            coarse = np.zeros(len(request.mesh), dtype=bool)
            found = []
            for sheet, bands in enumerate(self.field.sheets):
                if self.field.flat[sheet]:
                    continue
                chains = cut(request.mesh, bands.start, request.energy)
                if chains is not None:
                    coarse |= chains.coarse
                    found.append((number, sheet, chains))
            coarse &= request.mesh.level < request.mesh.samples.levels - 4
            answers.append(coarse if coarse.any() else None)
            if not coarse.any():
                ready += found
        if not ready:
            return answers
        arcs, stray = self._create(requests, ready)
        for number, triangle in stray:
            answer = answers[number]
            if answer is None:
                answer = np.zeros(len(requests[number].mesh), dtype=bool)
                answers[number] = answer
            answer[triangle] = True
        if arcs is None:
            return answers
        waiting = [request.owner for request, answer in zip(requests, answers, strict=True) if answer is not None]
        arcs = arcs.take(~np.isin(arcs.owner, waiting))
        arcs = self._complete(arcs)
        self._arcs = arcs if self._arcs is None else Arcs.join([self._arcs, arcs])
        return answers

    def refine(self, index: IntArray, weight: FloatArray | None = None) -> None:
        """Replace some arcs by better ones; `weight` (index, c) says how much the error of each column matters.

        Raises OutOfPoints, with nothing changed.
        """
        assert self._arcs is not None
        chosen = self._arcs.take(index)
        keep = np.ones(len(self._arcs), dtype=bool)
        keep[index] = False
        if weight is None:
            weight = 1.0 / np.maximum(np.abs(chosen.value), 1e-300)
        rule, residual = (chosen.rule * weight).max(axis=1), (chosen.residual * weight).max(axis=1)
        decay = np.take_along_axis(chosen.decay, np.argmax(chosen.rule * weight, axis=1)[:, None], axis=1)[:, 0]
        unsound = ~chosen.sound
        chosen.failed |= unsound & (chosen.length < SHORTEST)
        polish = (residual > rule) & ~unsound
        slow = np.zeros(len(chosen), dtype=bool)
        for order, limit in SLOW.items():
            slow |= (chosen.order == order) & (decay > limit)
        halve = ~polish & ~unsound & (slow | (chosen.order == FINEST))
        tiny = halve & (chosen.span[:, 1] - chosen.span[:, 0] < SHORTEST)
        halve &= ~tiny
        raised = ~polish & ~halve & ~tiny & ~unsound
        parts = [self._arcs.take(keep)]
        if tiny.any():
            stuck = chosen.take(tiny)
            stuck.failed[:] = True
            parts.append(stuck)
        if unsound.any():
            parts.append(self._complete(self._split(chosen.take(unsound)), rounds=2))
        if polish.any():
            parts.append(self._polished(chosen.take(polish)))
        if raised.any():
            parts.append(self._raised(chosen.take(raised)))
        if halve.any():
            parts.append(self._halved(chosen.take(halve)))
        self._arcs = Arcs.join(parts)

    # --- arcs from chains -------------------------------------------------------------------------------------------

    def _create(
        self, requests: Sequence[LevelRequest], ready: Sequence[tuple[int, int, Chains]]
    ) -> tuple[Arcs | None, list[tuple[int, int]]]:
        """Arcs with their two end nodes; and the (request, triangle) where a vertex ran away."""
        count = [len(chains.point) for _, _, chains in ready]
        number = np.repeat([n for n, _, _ in ready], count)
        sheet = np.repeat([s for _, s, _ in ready], count)
        point = np.concatenate([chains.point for _, _, chains in ready])
        scale = np.concatenate([chains.scale for _, _, chains in ready])
        origin = np.concatenate([chains.origin for _, _, chains in ready])
        energy = np.array([request.energy for request in requests])[number]
        place, normal, nodes = self._vertices(point, sheet, energy, scale)
        far = ~nodes.valid | (np.linalg.norm(place - point, axis=1) > FARTHEST * scale)
        stray = list(zip(number[far].tolist(), origin[far].tolist(), strict=True))
        keep = np.flatnonzero(~np.isin(number, number[far]))
        if not len(keep):
            return None, stray
        whole = np.full(len(point), -1, dtype=np.int64)
        whole[keep] = np.arange(len(keep))
        arcs_of = []
        start = 0
        owners = np.array([request.owner for request in requests])
        for (n, s, chains), size in zip(ready, count, strict=True):
            first, last = whole[chains.first + start], whole[chains.last + start]
            use = (first >= 0) & (last >= 0)
            if use.any():
                arcs_of.append((n, s, first[use], last[use], chains.shift[use]))
            start += size
        first = np.concatenate([item[2] for item in arcs_of])
        last = np.concatenate([item[3] for item in arcs_of])
        shift = np.concatenate([item[4] for item in arcs_of])
        size = [len(item[2]) for item in arcs_of]
        numbers = np.repeat([item[0] for item in arcs_of], size)
        sheets = np.repeat([item[1] for item in arcs_of], size)
        p, m = place[keep], normal[keep]
        nodes = Nodes(*(getattr(nodes, item.name)[keep] for item in fields(Nodes)))
        arcs = _empty(len(first), nodes.integrand.shape[1])
        arcs.owner[:] = owners[numbers]
        arcs.energy[:] = np.array([request.energy for request in requests])[numbers]
        arcs.sheet[:] = sheets
        arcs.ends[:, 0], arcs.ends[:, 1] = p[first], p[last] + shift
        arcs.normals[:, 0], arcs.normals[:, 1] = m[first], m[last]
        rows = np.arange(len(arcs))
        for end, j in ((first, 0), (last, FINEST)):
            arcs.put(rows, np.full(len(rows), j), Nodes(*(getattr(nodes, item.name)[end] for item in fields(Nodes))))
        return arcs, stray

    def _complete(self, arcs: Arcs, rounds: int = MOST_SPLITS) -> Arcs:
        """First and second rule of new arcs whose end nodes are known; invalid ones are split."""
        done = []
        for _ in range(rounds):
            if not len(arcs):
                break
            row, j = _pairs(len(arcs), np.arange(1, FIRST) * (FINEST // FIRST))
            guess = _hermite(arcs, grid()[j].reshape(len(arcs), -1)).ravel()
            self._solve(arcs, row, j, guess, twice=True)
            arcs.order[:] = FIRST
            _assess(arcs)
            good = arcs.sound
            valid = self._raised(arcs.take(good), split=False)
            stays = valid.sound
            done.append(valid.take(stays))
            arcs = self._split(Arcs.join([arcs.take(~good), valid.take(~stays)]))
        if len(arcs):
            _crude(arcs)
            done.append(arcs)
        return Arcs.join(done)

    def _split(self, arcs: Arcs) -> Arcs:
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
        middle, normal, nodes = self._vertices(middle, arcs.sheet, arcs.energy, 0.2 * length)
        root = nodes.s + nodes.step
        middle = middle + root[:, None] * normal
        nodes.s -= root
        halves = []
        for side in (0, 1):
            half = _empty(len(arcs), arcs.value.shape[1])
            half.owner[:], half.energy[:], half.sheet[:] = arcs.owner, arcs.energy, arcs.sheet
            kept, new = (0, FINEST) if side == 0 else (FINEST, 0)
            half.ends[:, side], half.ends[:, 1 - side] = ends[:, side], middle
            half.normals[:, side], half.normals[:, 1 - side] = normals[:, side], normal
            for item in fields(Nodes):
                getattr(half, item.name)[:, kept] = getattr(arcs, item.name)[:, kept]
            half.put(rows, np.full(len(rows), new), nodes)
            halves.append(half)
        return Arcs.join(halves)

    def _vertices(
        self, point: FloatArray, sheet: IntArray, energy: FloatArray, scale: FloatArray
    ) -> tuple[FloatArray, FloatArray, Nodes]:
        """Points near the line by steps of at most `scale`, the directions of the gradient there, and their roots."""
        place, normal = point.copy(), np.zeros_like(point)
        result: Nodes | None = None
        todo = np.arange(len(point))
        for attempt in range(VERTEX_ROUNDS):
            spot = self.field.spot(place[todo], sheet[todo])
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
                nodes = self._roots(
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

    # --- better arcs ------------------------------------------------------------------------------------------------

    def _raised(self, arcs: Arcs, split: bool = True) -> Arcs:
        """Twice the order."""
        if not len(arcs):
            return arcs
        for order in np.unique(arcs.order):
            rows = np.flatnonzero(arcs.order == order)
            stride = FINEST // int(order)
            fresh = np.arange(stride // 2, FINEST, stride)
            known = np.arange(0, FINEST + 1, stride)
            root = (arcs.s + arcs.step)[rows][:, known]
            guess = root @ interpolation(int(order), grid()[fresh]).T
            row, j = rows[np.repeat(np.arange(len(rows)), len(fresh))], np.tile(fresh, len(rows))
            for name in ("slope", "bend"):
                array = getattr(arcs, name)
                array[row, j] = 0.5 * (array[row, j - stride // 2] + array[row, j + stride // 2])
            self._solve(arcs, row, j, guess.ravel(), twice=False)
            arcs.order[rows] = 2 * order
        _assess(arcs)
        return self._settled(arcs) if split else arcs

    def _halved(self, arcs: Arcs) -> Arcs:
        """Two halves of each arc, at half the order; the node in the middle is known."""
        halves = []
        for order in np.unique(arcs.order):
            parent = arcs.take(arcs.order == order)
            stride = FINEST // int(order)
            known = np.arange(0, FINEST + 1, stride)
            root = (parent.s + parent.step)[:, known]
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
                row, j = _pairs(len(half), inner)
                guess = root @ interpolation(int(order), u).T
                near = known[np.argmin(np.abs(grid()[known] - u[:, None]), axis=1)]
                for name in ("slope", "bend"):
                    getattr(half, name)[:, inner] = getattr(parent, name)[:, near]
                half.order = np.full(len(half), lower)
                self._solve(half, row, j, guess.ravel(), twice=False)
                halves.append(half)
        both = Arcs.join(halves)
        _assess(both)
        return self._settled(both)

    def _polished(self, arcs: Arcs) -> Arcs:
        """One more evaluation at the nodes whose roots are least certain."""
        row, j = _nodes(arcs)
        size = arcs.trust[row, j] * np.abs(arcs.step[row, j])
        worst = np.zeros(len(arcs))
        np.maximum.at(worst, row, size)
        use = size > 0.03 * worst[row]
        row, j = row[use], j[use]
        self._solve(arcs, row, j, (arcs.s + arcs.step)[row, j], twice=False, again=True)
        _assess(arcs)
        return self._settled(arcs)

    def _settled(self, arcs: Arcs) -> Arcs:
        """The arcs, those that have become invalid split and completed."""
        good = arcs.sound
        if good.all():
            return arcs
        return Arcs.join([arcs.take(good), self._complete(self._split(arcs.take(~good)))])

    # --- roots ------------------------------------------------------------------------------------------------------

    def _solve(
        self, arcs: Arcs, row: IntArray, j: IntArray, guess: FloatArray, *, twice: bool, again: bool = False
    ) -> None:
        """Find the roots at nodes and store them; `twice` asks for slopes of their own."""
        point, normal = arcs.line(row, j)
        length = np.maximum(arcs.length[row], 1e-300)
        known = None
        if again:
            known = (arcs.s[row, j], arcs.integrand[row, j], arcs.speed[row, j])
        old = (arcs.slope[row, j], arcs.bend[row, j])
        nodes = self._roots(
            point, normal, arcs.sheet[row], arcs.energy[row], guess, length, twice=twice, old=old, before=known
        )
        arcs.put(row, j, nodes)

    def _roots(
        self,
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
        """Newton along the line of each node from s; `first` is what is known at s already."""
        size = np.linalg.norm(normal, axis=1)
        if first is None:
            spot = self.field.spot(point + s[:, None] * normal, sheet)
            speed = np.einsum("ka,ka->k", spot.velocity, normal)
            integrand, step = spot.integrand, _step(energy - spot.energy, speed)
            steep = np.linalg.norm(spot.velocity, axis=1)
        else:
            integrand, speed, step = first
            steep = speed.copy()
        nodes = Nodes(
            s.copy(),
            step.copy(),
            integrand.copy(),
            speed.copy(),
            np.zeros_like(integrand) if old is None else old[0].copy(),
            np.zeros_like(s) if old is None else old[1].copy(),
            np.full(len(s), 0.5),
            np.ones(len(s), dtype=bool),
        )
        if before is not None:
            _secant(nodes, np.arange(len(s)), *before, length)
        if twice:
            active = np.abs(nodes.step) > 1e-10 * length
        else:
            active = np.abs(nodes.step) > 1e-3 * length
        for _ in range(ROUNDS):
            index = np.flatnonzero(active)
            if not len(index):
                break
            move = np.clip(nodes.step[index], -FARTHEST * length[index], FARTHEST * length[index])
            last = (nodes.s[index].copy(), nodes.integrand[index].copy(), nodes.speed[index].copy())
            place = nodes.s[index] + move
            spot = self.field.spot(point[index] + place[:, None] * normal[index], sheet[index])
            nodes.s[index] = place
            nodes.integrand[index] = spot.integrand
            nodes.speed[index] = np.einsum("ka,ka->k", spot.velocity, normal[index])
            steep[index] = np.linalg.norm(spot.velocity, axis=1)
            nodes.step[index] = _step(energy[index] - spot.energy, nodes.speed[index])
            _secant(nodes, index, *last, length)
            slower = np.abs(nodes.step[index]) > SHRINKING * np.abs(move)
            active[index] = slower & (np.abs(nodes.step[index]) > 1e-10 * length[index])
        converged = np.abs(nodes.step) <= 1e-2 * length
        straight = nodes.speed > COSINE * steep * size
        nodes.valid = converged & straight & np.isfinite(nodes.step)
        return nodes


def _step(distance: FloatArray, speed: FloatArray) -> FloatArray:
    return distance / np.where(np.abs(speed) > 1e-300, speed, 1e-300)


def _secant(
    nodes: Nodes, index: IntArray, s: FloatArray, integrand: FloatArray, speed: FloatArray, length: FloatArray
) -> None:
    """Slopes on the lines of some nodes from the point before, and the root to second order."""
    move = nodes.s[index] - s
    usable = np.abs(move) > 1e-7 * length[index]
    rows = index[usable]
    move = move[usable]
    nodes.slope[rows] = (nodes.integrand[rows] - integrand[usable]) / move[:, None]
    nodes.bend[rows] = (nodes.speed[rows] - speed[usable]) / move
    step = nodes.step[rows]
    nodes.step[rows] = step - 0.5 * nodes.bend[rows] * step**2 / np.where(
        nodes.speed[rows] == 0, 1.0, nodes.speed[rows]
    )
    nodes.trust[rows] = np.clip(np.abs(step / move), 0.02, 1.0)
    nodes.trust[index[~usable]] = 0.1


def _no_nodes(count: int, columns: int) -> Nodes:
    zero = np.zeros(count)
    wide = np.zeros((count, columns))
    return Nodes(
        zero, zero.copy(), wide, np.ones(count), wide.copy(), zero.copy(), zero.copy(), np.zeros(count, dtype=bool)
    )


def _empty(count: int, columns: int) -> Arcs:
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
        valid=np.ones(line, dtype=bool),
    )


def _pairs(rows: int, nodes: IntArray) -> tuple[IntArray, IntArray]:
    return np.repeat(np.arange(rows), len(nodes)), np.tile(nodes, rows)


def _nodes(arcs: Arcs) -> tuple[IntArray, IntArray]:
    """(arc, node) of all nodes in use."""
    stride = FINEST // np.maximum(arcs.order, 1)
    return np.nonzero(np.arange(FINEST + 1) % stride[:, None] == 0)


def _hermite(arcs: Arcs, u: FloatArray) -> FloatArray:
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


def _assess(arcs: Arcs) -> None:
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
        arcs.residual[rows] = np.einsum("kj,kjc->kc", weight, doubt)
        arcs.rule[rows], arcs.decay[rows] = _rule_error(y, n, part)
        length = np.linalg.norm(along, axis=1)[:, None]
        fine = arcs.valid[rows][:, known] & finite & (jacobian > 0) & (faster > 0)
        fine &= np.abs(root) <= FARTHEST * length
        arcs.sound[rows] = fine.all(axis=1)


def _crude(arcs: Arcs) -> None:
    """Values from the end nodes alone, for short arcs that are not sound."""
    arcs.sound[:] = False
    arcs.order[:] = 0
    y = arcs.integrand[:, [0, FINEST]] / np.maximum(arcs.speed[:, [0, FINEST]], 1e-300)[..., None]
    length = arcs.length[:, None]
    arcs.value[:] = 0.5 * length * y.sum(axis=1)
    arcs.rule[:] = length * (np.abs(y[:, 1] - y[:, 0]) + CRUDE * np.abs(y).max(axis=1))
    arcs.residual[:] = 0.0


def _rule_error(y: FloatArray, n: int, part: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Error of the rule of order n and decay of the Chebyshev coefficients, from the integrand (arc, n + 1, c)."""
    if n == FIRST:
        coarse = np.einsum("j,kjc->kc", weights(2), y[:, ::2])
        return part[:, None] * np.abs(np.einsum("j,kjc->kc", weights(n), y) - coarse), np.ones(y[:, 0].shape)
    size = np.abs(np.einsum("ij,kjc->kic", chebyshev(n), y))
    # Symmetric integrands have every other coefficient zero: envelopes over three of them.
    last = size[:, n - 2 :].max(axis=1)
    middle = size[:, n // 2 - 1 : n // 2 + 2].max(axis=1)
    ratio = np.divide(last, middle, out=np.zeros_like(last), where=middle > 0)
    decay = np.clip(ratio ** (1.0 / (n / 2 - 1)), 0.1, 1.0)
    rest = np.minimum(np.divide(decay, 1.0 - decay, out=np.full_like(decay, np.inf), where=decay < 1), n / 2)
    return part[:, None] * last * rest * (SAFETY * 2.0 / n**2), decay
