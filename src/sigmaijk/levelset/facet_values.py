"""One facet: a triangle of the true surface, the map onto it, and the rule that integrates over it.

The map of a triangle with corners P_a and directions N_a is X(u) = P(u) + s(u) N(u), P and N linear in u, and s(u) such
that E(X) = level. Neighbours share corners and directions, so that facets fill the surface without gaps, and

    int F delta(E - level) d^3k = sum of int du  F(X) det[P_u + s N_u, P_v + s N_v, N] / (v.N)

holds for any continuous P and N (coarea formula in the coordinates u and s).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .field import Field
from .triangle_rules import TOP, TriangleRule, basis, rules

STEEP = 0.25
"""Smallest cosine between direction and gradient."""
REACH = 0.5
"""Largest |s| in units of the longest edge of the triangle."""
FAR = 0.03
"""A Newton step above this share of the facet's size is followed by another evaluation."""
ROUNDS = 8
SLOPE = 2.0
"""How much faster the integrand may change across the surface than along it."""
MOST_NODES = max(len(rule) for rule in rules())


@dataclass
class Triangles:
    """Facets before their evaluation, one row each."""

    place: FloatArray
    """Corners P, (facet, 3, 3)."""
    direction: FloatArray
    """Directions N at the corners, (facet, 3, 3)."""
    sheet: IntArray
    energy: FloatArray
    owner: IntArray
    origin: IntArray
    """Simplex of the mesh that the facet was cut from, or a part of it."""
    reach: FloatArray
    """Largest |s|."""
    drift: FloatArray
    """Largest way from the first guess to the surface in units of the longest edge; further off lies something else."""
    level: IntArray
    """Number of the rule."""
    depth: IntArray
    """How often it was quartered."""
    displacement: FloatArray
    """Coefficients of s(u) as far as known, (facet, coefficient)."""
    known: FloatArray
    """s at the nodes of the rule if `polished`, (facet, node)."""
    polished: IntArray
    """How often the nodes were moved along since the last change of the rule."""

    def __len__(self) -> int:
        return len(self.level)

    def take(self, index: np.ndarray) -> Triangles:
        """Some of them."""
        return Triangles(*(getattr(self, f.name)[index] for f in fields(self)))

    def join(self, other: Triangles) -> Triangles:
        """Both sets."""
        return Triangles(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))


@dataclass
class Quadrature:
    """What a rule makes of facets, one row each."""

    value: FloatArray
    """(facet, c)"""
    rule: FloatArray
    """Error of the rule as its spectrum predicts it, (facet, c)."""
    residual: FloatArray
    """Error from nodes off the surface, (facet, c)."""
    decay: FloatArray
    """By how much each degree is smaller than the last, (facet, c)."""
    valid: BoolArray

    def take(self, index: np.ndarray) -> Quadrature:
        """Some of them."""
        return Quadrature(*(getattr(self, f.name)[index] for f in fields(self)))

    def join(self, other: Quadrature) -> Quadrature:
        """Both sets."""
        return Quadrature(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))


@dataclass(frozen=True)
class _Nodes:
    """All nodes of a batch of facets in one row."""

    facet: IntArray
    local: FloatArray
    """Barycentric, (node, 3)."""


@dataclass(frozen=True)
class _Traced:
    displacement: FloatArray
    step: FloatArray
    """Last Newton step, which leads to `displacement` but was not checked."""
    density: FloatArray
    """Integrand in u, (node, c)."""
    valid: BoolArray


def sizes(place: FloatArray) -> FloatArray:
    """Longest edge of triangles (facet, 3, 3)."""
    return np.linalg.norm(place - np.roll(place, 1, axis=1), axis=2).max(axis=1)


def evaluate(field: Field, triangles: Triangles) -> Quadrature:
    """Integrals over facets, in few batches of the field; fills in what is learnt about s(u)."""
    found: list[tuple[IntArray, TriangleRule]] = []
    facet, local, start = [], [], []
    for number, rule in enumerate(rules()):
        rows = np.flatnonzero(triangles.level == number)
        if not len(rows):
            continue
        found.append((rows, rule))
        guess = triangles.displacement[rows] @ basis(rule.nodes, TOP).T
        again = triangles.polished[rows] > 0
        guess[again] = triangles.known[rows[again], : len(rule)]
        facet.append(np.repeat(rows, len(rule)))
        weights = np.concatenate([1.0 - rule.nodes.sum(axis=1, keepdims=True), rule.nodes], axis=1)
        local.append(np.tile(weights, (len(rows), 1)))
        start.append(guess.ravel())
    nodes = _Nodes(np.concatenate(facet), np.concatenate(local))
    traced = _trace(field, triangles, nodes, np.concatenate(start))
    columns = traced.density.shape[1]
    shape = (len(triangles), columns)
    result = Quadrature(
        np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[0], dtype=bool)
    )
    done = 0
    for rows, rule in found:
        block = slice(done, done + len(rows) * len(rule))
        done = block.stop
        _summarise(
            triangles,
            result,
            rows,
            rule,
            traced.displacement[block].reshape(-1, len(rule)),
            traced.step[block].reshape(-1, len(rule)),
            traced.density[block].reshape(len(rows), len(rule), columns),
        )
        result.valid[rows] = traced.valid[block].reshape(-1, len(rule)).all(axis=1)
    return result


def _trace(field: Field, triangles: Triangles, nodes: _Nodes, start: FloatArray) -> _Traced:
    """Newton along the directions until the next step is small, and the integrand there."""
    f = nodes.facet
    place = (nodes.local[:, :, None] * triangles.place[f]).sum(axis=1)
    direction = (nodes.local[:, :, None] * triangles.direction[f]).sum(axis=1)
    length = np.linalg.norm(direction, axis=1)
    size = sizes(triangles.place)[f]
    s, step = start.copy(), np.zeros(len(f))
    ratio: FloatArray | None = None
    valid = np.ones(len(f), dtype=bool)
    active = np.arange(len(f))
    for _ in range(ROUNDS):
        x = place[active] + s[active, None] * direction[active]
        spot = field.spot(x, triangles.sheet[f[active]])
        rate = (spot.velocity * direction[active]).sum(axis=1)
        speed = np.linalg.norm(spot.velocity, axis=1) * length[active]
        steep = rate > STEEP * speed
        # A point that runs away is cut short; it fails below.
        away = spot.energy - triangles.energy[f[active]]
        move = np.divide(-away, rate, out=np.full(len(rate), np.inf), where=steep)
        move = np.clip(move, -size[active], size[active])
        if ratio is None:
            ratio = np.zeros((len(f), spot.integrand.shape[1]))
        ratio[active] = np.divide(
            spot.integrand, rate[:, None], out=np.zeros_like(spot.integrand), where=steep[:, None]
        )
        s[active] += move
        step[active] = move
        near = np.abs(s[active] - start[active]) <= triangles.drift[f[active]] * size[active]
        valid[active] = steep & near & (np.abs(s[active]) <= triangles.reach[f[active]])
        active = active[valid[active] & (np.abs(move) > FAR * size[active])]
        if not len(active):
            break
    valid[active] = False
    corner, turn = triangles.place[f], triangles.direction[f]
    first = corner[:, 1] - corner[:, 0] + s[:, None] * (turn[:, 1] - turn[:, 0])
    second = corner[:, 2] - corner[:, 0] + s[:, None] * (turn[:, 2] - turn[:, 0])
    area = (np.cross(first, second) * direction).sum(axis=1)
    return _Traced(s, step, np.asarray(ratio) * area[:, None], valid)


def _summarise(
    triangles: Triangles,
    result: Quadrature,
    rows: IntArray,
    rule: TriangleRule,
    displacement: FloatArray,
    step: FloatArray,
    density: FloatArray,
) -> None:
    """Write value, errors and what is known of s(u) for the facets of one rule."""
    result.value[rows] = 0.5 * np.einsum("n,fnc->fc", rule.weight, density)
    spectrum = 0.5 * rule.spectrum(density)
    predicted, decay = rule.prediction(spectrum)
    result.rule[rows], result.decay[rows] = predicted, decay
    # The integrand changes across the surface as it does along it, and with the curvature.
    place, direction = triangles.place[rows], triangles.direction[rows]
    bend = np.linalg.norm(direction - np.roll(direction, 1, axis=1), axis=2).max(axis=1)
    variation = np.sqrt((spectrum[1:] ** 2).sum(axis=0)) + spectrum[0] * bend[:, None]
    share = (np.abs(step) @ rule.weight) / sizes(place)
    result.residual[rows] = SLOPE * share[:, None] * variation
    guess = triangles.displacement[rows] @ basis(rule.nodes, TOP).T
    correction = (displacement - guess) @ rule.transform.T
    triangles.displacement[rows, : correction.shape[1]] += correction
    triangles.known[rows] = 0.0
    triangles.known[rows, : len(rule)] = displacement
