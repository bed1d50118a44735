"""Level sets in space as facets: triangles of high order on the true surface, each with its value and its error.

Steps: marching tetrahedra -> corners by Newton along the gradient -> the cheapest rule on every facet -> the facets
that the caller picks get a tighter Newton residual, a rule of higher degree, or are cut in four (see facet_values.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .facet_values import MOST_NODES, REACH, Quadrature, Triangles, evaluate, sizes
from .field import Field
from .level import LevelRequest
from .marching import Surface, march
from .triangle_rules import quarters, rules, sag

ALIGNED = 0.2
"""Smallest cosine between the normals at two corners of a facet."""
CORNER_STEP = 0.02
"""Newton steps to a corner end when they are below this share of the edges there."""
CORNER_REACH = 0.7
CORNER_ROUNDS = 4
UNTRIED = 30.0
"""Factor on the predicted error of a rule that no other rule has confirmed."""
CONFIRMED = 4.0
"""Factor on the predicted error, times how far off the last prediction was."""
REMAINS = 0.02
"""Share of an observed difference that stays in the error in any case."""
SLOW = 0.45
"""A facet is cut rather than given a higher rule where degrees decay more slowly than this."""
DEPTH = 12
POLISHES = 3


@dataclass
class _Piece:
    """The surface of one sheet of one request; after `_corners` with its true vertices."""

    request: int
    sheet: int
    surface: Surface
    place: FloatArray
    direction: FloatArray


@dataclass
class _Corner:
    """Surface vertices that earlier attempts found, by (owner, sheet, sample)."""

    start: FloatArray
    place: FloatArray
    direction: FloatArray


class Facets:
    """Facets of all level sets asked for so far; arrays have one row each."""

    dim = 3

    def __init__(self, field: Field) -> None:
        self._field = field
        self._triangles: Triangles | None = None
        self._quadrature: Quadrature | None = None
        self._corner_memory: dict[tuple[float, int, int], _Corner] = {}
        self._spare: tuple[Triangles, Quadrature] | None = None
        self._rule_error: FloatArray = np.empty((0, 0))
        self.owner: IntArray = np.empty(0, dtype=np.int64)
        self.value: FloatArray = np.empty((0, 0))
        """(facet, c)"""
        self.error: FloatArray = np.empty((0, 0))
        """(facet, c); inf where the map onto the surface broke down."""
        self.failed: BoolArray = np.empty(0, dtype=bool)
        """Cannot be made better."""

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def origin(self) -> IntArray:
        """Simplex of the mesh of its request that each facet comes from, (facet,)."""
        return np.empty(0, dtype=np.int64) if self._triangles is None else self._triangles.origin

    def add(self, requests: Sequence[LevelRequest]) -> list[BoolArray | None]:
        """Facets of all sheets for each request, or the simplices (simplex,) of its mesh that are too coarse for that.

        Raises OutOfPoints with nothing added.
        """
        coarse = [np.zeros(len(request.mesh), dtype=bool) for request in requests]
        pieces = [piece for number in range(len(requests)) for piece in self._march(requests[number], number, coarse)]
        for piece in pieces:
            _mark_bent(piece.surface, _unit(piece.surface.gradient), coarse[piece.request])
        pieces = [piece for piece in pieces if not coarse[piece.request].any()]
        self._corners(requests, pieces, coarse)
        for piece in pieces:
            _mark_bent(piece.surface, piece.direction, coarse[piece.request])
        pieces = [piece for piece in pieces if not coarse[piece.request].any()]
        if pieces:
            self._first_values(requests, pieces, coarse)
        return [mask if mask.any() else None for mask in coarse]

    def _march(self, request: LevelRequest, number: int, coarse: list[BoolArray]) -> list[_Piece]:
        samples, pieces = request.mesh.samples, []
        for sheet, bands in enumerate(self._field.sheets):
            energy = samples.energy[:, bands.start] - request.energy
            corner = energy[request.mesh.nodes]
            if corner.min() > 0 or corner.max() < 0:
                continue
            surface, torn = march(request.mesh, energy, samples.velocity[:, bands.start])
            coarse[number] |= torn
            if len(surface.corner):
                pieces.append(_Piece(number, sheet, surface, surface.start.copy(), np.zeros_like(surface.start)))
        return pieces

    def _corners(self, requests: Sequence[LevelRequest], pieces: list[_Piece], coarse: list[BoolArray]) -> None:
        """Newton from the cut points to the surface, all pieces in one batch; marks what runs away."""
        if not pieces:
            return
        start = np.concatenate([piece.surface.start for piece in pieces])
        size = np.concatenate([_edges(piece.surface) for piece in pieces])
        sheet = np.concatenate([np.full(len(piece.place), piece.sheet) for piece in pieces])
        level = np.concatenate([np.full(len(p.place), requests[p.request].energy) for p in pieces])
        sample = np.concatenate([piece.surface.sample for piece in pieces])
        keys = list(zip(level.tolist(), sheet.tolist(), sample.tolist(), strict=True))
        place, direction = start.copy(), np.zeros_like(start)
        wanted = size > 0
        for row in np.flatnonzero(wanted):
            corner = self._corner_memory.get(keys[row])
            if corner is not None and np.abs(corner.start - start[row]).max() < 1e-9 * size[row]:
                place[row], direction[row] = corner.place, corner.direction
                wanted[row] = False
        fresh = np.flatnonzero(wanted)
        lost = np.zeros(len(start), dtype=bool)
        active = fresh
        for _ in range(CORNER_ROUNDS):
            if not len(active):
                break
            spot = self._field.spot(place[active], sheet[active])
            speed = np.linalg.norm(spot.velocity, axis=1)
            direction[active] = _unit(spot.velocity)
            move = np.divide(level[active] - spot.energy, speed, out=np.full(len(speed), np.inf), where=speed > 0)
            move = np.clip(move, -size[active], size[active])
            place[active] += move[:, None] * direction[active]
            lost[active] = np.linalg.norm(place[active] - start[active], axis=1) > CORNER_REACH * size[active]
            active = active[~lost[active] & (np.abs(move) > CORNER_STEP * size[active])]
        lost[active] = True
        for row in fresh[~lost[fresh]]:
            self._corner_memory[keys[row]] = _Corner(start[row], place[row], direction[row])
        done = 0
        for piece in pieces:
            rows = slice(done, done + len(piece.place))
            done = rows.stop
            piece.place, piece.direction = place[rows], direction[rows]
            coarse[piece.request][piece.surface.origin[lost[rows][piece.surface.corner].any(axis=1)]] = True

    def _first_values(self, requests: Sequence[LevelRequest], pieces: list[_Piece], coarse: list[BoolArray]) -> None:
        """The cheapest rule on every facet; where something is not valid, the rest is kept for the next attempt."""
        parts = [_triangles(requests[piece.request], piece) for piece in pieces]
        request = np.repeat([piece.request for piece in pieces], [len(part) for part in parts])
        triangles = _join(parts)
        place = self._known(triangles)
        fresh = np.flatnonzero(place < 0)
        pool = [] if self._spare is None else [self._spare]
        if len(fresh):
            new = triangles.take(fresh)
            place[fresh] = (len(pool[0][0]) if pool else 0) + np.arange(len(fresh))
            pool.append((new, evaluate(self._field, new)))
        evaluated = _join([t for t, _ in pool]).take(place)
        evaluated.origin, evaluated.owner = triangles.origin, triangles.owner
        results = _join([q for _, q in pool]).take(place)
        refused = np.zeros(len(place), dtype=bool)
        for number in np.unique(request):
            rows = request == number
            coarse[number][evaluated.origin[rows & ~results.valid]] = True
            refused |= rows & bool(coarse[number].any())
        spare = np.flatnonzero(refused & results.valid)
        self._spare = (evaluated.take(spare), results.take(spare)) if len(spare) else None
        self._append(evaluated.take(~refused), results.take(~refused))

    def _known(self, triangles: Triangles) -> IntArray:
        """Row of the same facet in what an earlier attempt left over, or -1, (facet,)."""
        found = np.full(len(triangles), -1)
        if self._spare is not None:
            old = self._spare[0]
            unit = 1e-9 * float(sizes(triangles.place).max())
            rows = {key: row for row, key in enumerate(_names(old, unit))}
            found[:] = [rows.get(key, -1) for key in _names(triangles, unit)]
        return found

    def _append(self, triangles: Triangles, quadrature: Quadrature) -> None:
        if not len(triangles):
            return
        error = UNTRIED * quadrature.rule
        self._set(
            *(
                (triangles, quadrature, error)
                if self._triangles is None or self._quadrature is None
                else (
                    self._triangles.join(triangles),
                    self._quadrature.join(quadrature),
                    np.concatenate([self._rule_error, error]),
                )
            ),
            np.concatenate([self.failed, np.zeros(len(triangles), dtype=bool)]),
        )

    def _set(self, triangles: Triangles, quadrature: Quadrature, rule_error: FloatArray, failed: BoolArray) -> None:
        self._triangles, self._quadrature, self._rule_error = triangles, quadrature, rule_error
        self.owner, self.value, self.failed = triangles.owner, quadrature.value, failed
        self.error = np.where(quadrature.valid[:, None], rule_error + quadrature.residual, np.inf)

    def refine(self, index: IntArray) -> None:
        """Replace facets by better ones, each by the step that its larger error asks for.

        Raises OutOfPoints with nothing changed. A facet whose parts are not valid stays, with infinite error.
        """
        if self._triangles is None or self._quadrature is None:
            return
        index = np.unique(index)
        index = index[~self.failed[index]]
        polish, higher, cut, hopeless = self._actions(index)
        failed = self.failed.copy()
        failed[hopeless] = True
        if not len(polish) + len(higher) + len(cut):
            self.failed = failed
            return
        old, results = self._triangles, self._quadrature
        parts = [old.take(polish), old.take(higher), _quartered(old.take(cut))]
        parts[0].polished += 1
        parts[1].polished[:] = 0
        parts[1].level += 1
        parent = np.concatenate([polish, higher, np.repeat(cut, 4)])
        new = _join(parts)
        found = evaluate(self._field, new)
        broken = np.zeros(len(old), dtype=bool)
        broken[parent[~found.valid]] = True
        error = self._new_errors(parent, np.repeat([True, False], [len(polish), len(parent) - len(polish)]), found)
        good = ~broken[parent]
        kept = np.ones(len(old), dtype=bool)
        kept[parent[good]] = False
        failed |= broken
        results.valid[broken] = False
        self._set(
            old.take(kept).join(new.take(good)),
            results.take(kept).join(found.take(good)),
            np.concatenate([self._rule_error[kept], error[good]]),
            np.concatenate([failed[kept], np.zeros(int(good.sum()), dtype=bool)]),
        )

    def _actions(self, index: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Which of the facets get their nodes polished, a higher rule, a cut in four, or nothing any more."""
        triangles, results = self._triangles, self._quadrature
        assert triangles is not None
        assert results is not None
        scale = np.zeros((int(self.owner.max()) + 1, self.value.shape[1]))
        np.add.at(scale, self.owner, np.abs(self.value))
        scale = np.maximum(scale, 1e-300)[self.owner[index]]
        off = (results.residual[index] / scale).max(axis=1) > (self._rule_error[index] / scale).max(axis=1)
        off &= triangles.polished[index] < POLISHES
        smooth = (results.decay[index] < SLOW) & (triangles.level[index] < len(rules()) - 1)
        deep = triangles.depth[index] >= DEPTH
        return (
            index[off],
            index[~off & smooth],
            index[~off & ~smooth & ~deep],
            index[~off & ~smooth & deep],
        )

    def _new_errors(self, parent: IntArray, polish: BoolArray, found: Quadrature) -> FloatArray:
        """Error of the rule on new facets, from how well the prediction for their parents held, (new, c)."""
        results = self._quadrature
        assert results is not None
        total = np.zeros_like(results.value)
        np.add.at(total, parent, found.value)
        difference = np.abs(total - results.value)
        share = np.bincount(parent, minlength=len(total))
        factor = np.clip(CONFIRMED * difference / np.maximum(results.rule, 1e-300), 1.0, UNTRIED)
        remains = REMAINS * difference / np.maximum(share, 1)[:, None]
        verified = np.maximum(factor[parent] * found.rule, remains[parent])
        before = self._rule_error[parent] / np.maximum(results.rule[parent], 1e-300) * found.rule
        return np.where(polish[:, None], before, verified)


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _edges(surface: Surface) -> FloatArray:
    """Mean length of the edges at each surface vertex, (vertex,); zero where no facet is left."""
    corner = surface.start[surface.corner] + surface.image
    total, count = np.zeros(len(surface.sample)), np.zeros(len(surface.sample))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        length = np.linalg.norm(corner[:, a] - corner[:, b], axis=1)
        for end in (a, b):
            np.add.at(total, surface.corner[:, end], length)
            np.add.at(count, surface.corner[:, end], 1.0)
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _mark_bent(surface: Surface, direction: FloatArray, coarse: BoolArray) -> None:
    """Mark the simplices of facets whose corners look into too different directions."""
    normal = direction[surface.corner]
    cosine = (normal * np.roll(normal, 1, axis=1)).sum(axis=2).min(axis=1, initial=1.0)
    coarse[surface.origin[cosine < ALIGNED]] = True


def _triangles(request: LevelRequest, piece: _Piece) -> Triangles:
    corner = piece.surface.corner
    count = len(corner)
    place, direction = piece.place[corner] + piece.surface.image, piece.direction[corner]
    slopes = [
        -((place[:, b] - place[:, a]) * direction[:, a]).sum(axis=1)
        for a, b in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    ]
    return Triangles(
        place=place,
        direction=direction,
        sheet=np.full(count, piece.sheet),
        energy=np.full(count, request.energy),
        owner=np.full(count, request.owner),
        origin=piece.surface.origin,
        reach=REACH * sizes(place),
        level=np.zeros(count, dtype=np.int64),
        depth=np.zeros(count, dtype=np.int64),
        displacement=np.stack(slopes, axis=1) @ sag().T,
        known=np.zeros((count, MOST_NODES)),
        polished=np.zeros(count, dtype=np.int64),
    )


def _names(triangles: Triangles, unit: float) -> list[bytes]:
    """The same name for facets with the same corners at the same energy."""
    corners = np.round(triangles.place.reshape(-1, 9) / unit)
    return [row.tobytes() for row in np.column_stack([corners + 0.0, triangles.sheet, triangles.energy])]


def _quartered(triangles: Triangles) -> Triangles:
    """The four parts of each facet, one after the other."""
    corners, transfer = quarters()
    new = triangles.take(np.repeat(np.arange(len(triangles)), 4))
    part = np.tile(np.arange(4), len(triangles))
    new.place, new.direction = corners[part] @ new.place, corners[part] @ new.direction
    new.displacement = (transfer[part] @ new.displacement[:, :, None])[:, :, 0]
    new.depth += 1
    new.level = np.minimum(new.level, 1)
    new.polished[:] = 0
    return new


T = TypeVar("T", Triangles, Quadrature)


def _join(parts: Sequence[T]) -> T:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.join(part)
    return whole
