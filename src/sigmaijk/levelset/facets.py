"""Level sets in space as facets: triangles of high order on the true surface, each with its value and its error.

Steps: marching tetrahedra -> corners by Newton along the gradient -> the cheapest rule on every facet -> the facets
that the caller picks get a tighter Newton residual, a rule of higher degree, or are cut in four (see facet_values.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .facet_values import Quadrature, Triangles, evaluate, sizes
from .field import Field
from .level import LevelRequest
from .seeds import Seed, Seeds, triangles
from .triangle_rules import quarters, rules

UNTRIED = 4.0
"""Factor on the predicted error of a rule that no other rule has confirmed."""
CONFIRMED = 4.0
"""Factor on the predicted error, times how far off the last prediction was."""
LEAST = 0.3
"""Smallest factor on a prediction."""
REMAINS = 0.02
"""Share of an observed difference that stays in the error in any case."""
SLOW = 0.45
"""A facet is cut rather than given a higher rule where degrees decay more slowly than this."""
DEPTH = 12
PATIENCE = 6
"""What is still too coarse after so many finer meshes has creases."""
POLISHES = 3
STEEPER = 100.0
FORBIDDEN = 1e-9
"""Components smaller than this share of the largest are not looked at when a step is chosen."""
EXACT = 1e-16
"""A facet whose error is below this share of the whole cannot be made better."""


class Facets:
    """Facets of all level sets asked for so far; arrays have one row each."""

    dim = 3

    def __init__(self, field: Field) -> None:
        self._field = field
        self._triangles: Triangles | None = None
        self._quadrature: Quadrature | None = None
        self._seeds = Seeds(field)
        self._refusals: dict[float, int] = {}
        """How often each energy was sent back in a row."""
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
        waiting = self._attempt(requests, list(range(len(requests))), coarse, merge=True)
        waiting = [n for n in waiting if self._refusals.get(requests[n].energy, 0) < PATIENCE]
        if waiting:
            # Merged triangles may be at fault: without them no simplex need be cut.
            for number in waiting:
                coarse[number][:] = False
            self._attempt(requests, waiting, coarse, merge=False)
        refused = {request.energy for request, mask in zip(requests, coarse, strict=True) if mask.any()}
        self._seeds.forget(refused)
        if self._spare is not None:
            rows = np.flatnonzero(np.isin(self._spare[0].energy, list(refused)))
            self._spare = (self._spare[0].take(rows), self._spare[1].take(rows)) if len(rows) else None
        self._refusals = {energy: self._refusals.get(energy, 0) + 1 for energy in refused}
        return [mask if mask.any() else None for mask in coarse]

    def _attempt(
        self, requests: Sequence[LevelRequest], numbers: list[int], coarse: list[BoolArray], merge: bool
    ) -> list[int]:
        """Add the facets of some requests or mark simplices; returns which failed only on the true surface."""
        creased = {energy for energy, times in self._refusals.items() if times >= PATIENCE}
        seeds, tried = self._seeds.find(requests, numbers, coarse, merge, creased)
        if seeds:
            self._first_values(requests, seeds, coarse)
        return [number for number in tried if coarse[number].any()]

    def _first_values(self, requests: Sequence[LevelRequest], seeds: list[Seed], coarse: list[BoolArray]) -> None:
        """The cheapest rule on every facet; where something is not valid, the rest is kept for the next attempt."""
        parts = [triangles(requests[seed.request], seed) for seed in seeds]
        request = np.repeat([seed.request for seed in seeds], [len(part) for part in parts])
        whole = _join(parts)
        place = self._known(whole)
        fresh = np.flatnonzero(place < 0)
        pool = [] if self._spare is None else [self._spare]
        known = len(pool[0][0]) if pool else 0
        if len(fresh):
            new = whole.take(fresh)
            place[fresh] = known + np.arange(len(fresh))
            pool.append((new, evaluate(self._field, new)))
        evaluated = _join([t for t, _ in pool]).take(place)
        evaluated.origin, evaluated.owner = whole.origin, whole.owner
        results = _join([q for _, q in pool]).take(place)
        refused = np.zeros(len(place), dtype=bool)
        for number in np.unique(request):
            rows = request == number
            coarse[number][evaluated.origin[rows & ~results.valid]] = True
            refused |= rows & bool(coarse[number].any())
        fresh = np.flatnonzero(refused & results.valid & (place >= known))
        self._keep(evaluated.take(fresh), results.take(fresh))
        self._append(evaluated.take(~refused), results.take(~refused))

    def _keep(self, triangles: Triangles, quadrature: Quadrature) -> None:
        """Keep valid facets for the next attempt at their energies, beside those of earlier ones."""
        if self._spare is None:
            self._spare = triangles, quadrature
        else:
            self._spare = self._spare[0].join(triangles), self._spare[1].join(quadrature)

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

    def refine(self, index: IntArray, weight: FloatArray | None = None) -> None:
        """Replace facets by better ones, each by the step that its larger error asks for.

        `weight` (index, c) says how much each column counts; by default the inverse of its sum of moduli. Raises
        OutOfPoints with nothing changed. A facet whose parts are not valid stays, with infinite error.
        """
        if self._triangles is None or self._quadrature is None:
            return
        index, first = np.unique(index, return_index=True)
        weight = self._weight(index) if weight is None else weight[first]
        open_ones = ~self.failed[index]
        polish, higher, cut, hopeless = self._actions(index[open_ones], weight[open_ones])
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
        moved = np.arange(len(parent)) < len(polish)
        new = _join(parts)
        found = evaluate(self._field, new)
        broken = np.zeros(len(old), dtype=bool)
        broken[parent[~found.valid]] = True
        error = self._new_errors(parent, moved, found)
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

    def _weight(self, index: IntArray) -> FloatArray:
        """Inverse sum of moduli of each column, (index, c)."""
        scale = np.zeros((int(self.owner.max()) + 1, self.value.shape[1]))
        np.add.at(scale, self.owner, np.abs(self.value))
        # A column that symmetry forbids is all rounding errors and must not decide.
        return 1.0 / np.maximum(scale, FORBIDDEN * scale.max(axis=1, keepdims=True) + 1e-300)[self.owner[index]]

    def _actions(self, index: IntArray, weight: FloatArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Which of the facets get their nodes polished, a higher rule, a cut in four, or nothing any more."""
        facets, results = self._triangles, self._quadrature
        assert facets is not None
        assert results is not None
        rule, residual = self._rule_error[index] * weight, results.residual[index] * weight
        worst = rule.argmax(axis=1)
        total = np.zeros((int(self.owner.max()) + 1, self.value.shape[1]))
        np.add.at(total, self.owner, np.abs(self.value))
        exact = (self.error[index] <= EXACT * total[self.owner[index]]).all(axis=1)
        off = (residual.max(axis=1) > rule.max(axis=1)) & (facets.polished[index] < POLISHES)
        smooth = (results.decay[index, worst] < SLOW) & (facets.level[index] < len(rules()) - 1)
        done = (facets.depth[index] >= DEPTH) & ~off & ~smooth | exact
        return (
            index[off & ~done],
            index[~off & smooth & ~done],
            index[~off & ~smooth & ~done],
            index[done],
        )

    def _new_errors(self, parent: IntArray, polish: BoolArray, found: Quadrature) -> FloatArray:
        """Error of the rule on new facets, from how well the prediction for their parents held, (new, c)."""
        results = self._quadrature
        assert results is not None
        total = np.zeros_like(results.value)
        np.add.at(total, parent, found.value)
        difference = np.abs(total - results.value)
        share = np.bincount(parent, minlength=len(total))
        factor = np.clip(CONFIRMED * difference / np.maximum(results.rule, 1e-300), LEAST, UNTRIED)
        remains = REMAINS * difference / np.maximum(share, 1)[:, None]
        verified = np.maximum(factor[parent] * found.rule, remains[parent])
        before = self._rule_error[parent] / np.maximum(results.rule[parent], 1e-300) * found.rule
        # A polish that changed more than it was expected to says how steep the integrand is across the surface.
        steeper = np.clip(2.0 * difference[parent] / np.maximum(results.residual[parent], 1e-300), 1.0, STEEPER)
        found.residual[polish] *= steeper[polish]
        return np.where(polish[:, None], before, verified)


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
