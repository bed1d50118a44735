"""Moments of an expensive vector function of energy under many peaks, from as few evaluations as their errors allow.

Two strategies share one loop. `few` gives every bump its own nested Gauss rules between critical energies; `table`
builds one piecewise interpolant for all peaks. In both a moment is a sum of weights times values at nodes, its error
the change between two nested rules plus the errors of the values, and what is refined next follows from the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .peaks import FARTHEST, REACH
from .pieces import SPAN, Critical, Intervals, Piece, Table, logistic, match, truncation
from .samples import OutOfPoints
from .simplices import Goal, block_errors, tolerance
from .thermal import Bump, Point

MARGIN = 8.0
"""A bump is followed ln(1/rtol) + MARGIN widths beyond the nearest energy where there is anything."""
SCALE = 3.0
"""Scale of the logarithm towards an anchor, in widths; 2 to 4 serve equally well."""
TAIL = 0.03
"""A bump with less than this share of its weight in an interval starts there with the smallest rule."""
SLIVER = 0.005
"""Share of a bump in an interval below which its rule there starts with the fewest nodes."""
HEAVY = 0.3
"""A bump with more than this share of its weight in an interval with a logarithmic end starts there with more nodes."""
NODES = 0.5
"""Share of the tolerance that errors of values may use up."""
ALL = 0.95
"""Share of the tolerance for values and rules together; the rest is for what was cut off."""
DENSE = 16
"""So many sharp peaks in an interval or a piece are interpolated; fewer are evaluated one by one."""
DEEPEST = 14
LONG, HOPELESS, SHALLOW = 18, 30.0, 4
"""A bump with so many nodes in one interval and an error so many times too large gets two rules there, and again."""
PATIENCE = 60
_PROBES = 60
"""Energies in each interval at which a table for a window must be precise."""
_TYPICAL = (8, 3, 18, 7)
"""Evaluations to expect: a bump's own interval, another one; a piece with peaks in it, another one."""


class Surfaces(Protocol):
    """A vector function of energy whose values are opened coarsely and improved on demand."""

    @property
    def value(self) -> FloatArray:
        """(number, c), all energies opened so far."""
        ...

    @property
    def error(self) -> FloatArray:
        """(number, c), inf where unknown."""
        ...

    def open(self, energies: FloatArray) -> IntArray:
        """Numbers of these energies (eV); an energy that is known costs nothing, one large batch less than many."""
        ...

    def improve(self, numbers: IntArray, allowed: FloatArray) -> None:
        """Refine until `block_errors(error[numbers], goals)` is at most `allowed` (number, block), or it cannot be.

        May raise OutOfPoints; values and errors then agree with what was done.
        """
        ...


@dataclass
class Moments:
    """Moments under peaks, with errors, and what they took."""

    value: FloatArray
    """(peak, c)"""
    error: FloatArray
    """(peak, c), inf where an evaluation is missing."""
    allowed: FloatArray
    """Tolerance of each block, (peak, block)."""
    energies: FloatArray
    """Distinct energies evaluated in eV, including those where the function is zero, (n,)."""
    strategy: str
    complete: bool
    """False if the points ran out."""


Block = Point | Bump | Piece


class _Run:
    """Blocks of nodes that serve peaks, opened and refined until every peak has its tolerance."""

    def __init__(
        self,
        surfaces: Surfaces,
        intervals: Intervals,
        peaks: tuple[FloatArray, FloatArray],
        goals: Sequence[Goal],
        rtol: float,
        *,
        tabulated: bool | None = None,
        uniform: tuple[float, float] | None = None,
    ) -> None:
        self.surfaces, self.intervals, self.goals, self.rtol = surfaces, intervals, goals, rtol
        self.mu, self.kT = peaks
        self.uniform = uniform
        self.ignored = np.zeros((len(self.mu), len(goals)), dtype=bool)
        """(peak, block) that no rule can reach."""
        self.reach = min(np.log(1.0 / min(rtol, 1.0)) + MARGIN, REACH)
        self.zero: dict[int, bool] = {}
        self.blocks: list[Block] = []
        self.finished: set[int] = set()
        self.missing: set[int] = set()
        self.complete = True
        self.home = intervals.of(self.mu)
        self.cut = np.full(len(self.mu), FARTHEST)
        """How far each bump is followed, in widths."""
        near = np.abs(self.mu[:, None] - intervals.energies).min(axis=1, initial=np.inf) < 1e-12
        self.sharp = (self.kT == 0) & ~near
        """Sharp peaks that may be interpolated; one at a critical energy has no side."""
        self.tabulated = self._predicted() if tabulated is None else tabulated

    def _windows(self, peak: int, everything: bool = False) -> dict[int, tuple[float, float]]:
        """What a bump needs of which interval; beyond one about which nothing is known only if `everything`."""
        mu, kT = float(self.mu[peak]), float(self.kT[peak])
        ends = [self.intervals.ends(i) for i in range(len(self.intervals))]
        distance = [max(low - mu, mu - high, 0.0) / kT for low, high in ends]
        found: dict[int, tuple[float, float]] = {}
        start = None
        for i in np.argsort(distance, kind="stable"):
            limit = min((start if start is not None else distance[i]) + self.reach, FARTHEST)
            if distance[i] >= limit:
                break
            # Where it is zero it costs nothing to be asked again.
            empty = self.zero.get(int(i), False)
            if start is None and not empty:
                start = distance[i]
            low, high = max(ends[i][0], mu - limit * kT), min(ends[i][1], mu + limit * kT)
            if high > low:
                found[int(i)] = (low, high)
                self.cut[peak] = limit
            if int(i) not in self.zero and not everything and start == distance[i]:
                break
        return found

    def _predicted(self) -> bool:
        """Whether a table should need fewer evaluations."""
        sharp = self.kT == 0
        few = int(sharp.sum())
        inside, touched = set(), set()
        for peak in np.flatnonzero(~sharp):
            windows = self._windows(int(peak), everything=True)
            few += _TYPICAL[0] + _TYPICAL[1] * (len(windows) - 1)
            touched |= set(windows)
            inside.add(int(self.home[peak]))
        table = 0
        for i in range(len(self.intervals)):
            single = int((self.home[sharp] == i).sum())
            table += min(single, DENSE) if i not in touched and single < DENSE else 0
            if i in touched or single >= DENSE:
                table += _TYPICAL[2] if i in inside or single >= DENSE else _TYPICAL[3]
        return table < few

    def lay(self) -> None:
        """Place the first nodes; intervals in which the function turns out to be zero move the reach of bumps."""
        for peak in np.flatnonzero(self.kT == 0):
            if not (self.tabulated and self.sharp[peak] and self._dense(self.home[peak])):
                self.blocks.append(Point(int(peak), float(self.mu[peak]), int(self.home[peak])))
        self._open()
        placed: dict[tuple[int, ...], tuple[float, float]] = {}
        for _ in range(2 * len(self.intervals) + 2):
            wanted = self._hulls() if self.tabulated else self._own()
            changed = {key: span for key, span in wanted.items() if placed.get(key) != span}
            if not changed or not self.complete:
                break
            for key, span in changed.items():
                self._place(key, span, key in placed)
            placed.update(changed)
            self._open()

    def _dense(self, interval: int) -> bool:
        return int((self.sharp & (self.home == interval)).sum()) >= DENSE

    def _own(self) -> dict[tuple[int, ...], tuple[float, float]]:
        return {
            (int(peak), i): span for peak in np.flatnonzero(self.kT > 0) for i, span in self._windows(int(peak)).items()
        }

    def _hulls(self) -> dict[tuple[int, ...], tuple[float, float]]:
        found: dict[tuple[int, ...], tuple[float, float]] = {}
        spans = [(i, span) for peak in np.flatnonzero(self.kT > 0) for i, span in self._windows(int(peak)).items()]
        for i in range(len(self.intervals)):
            if self._dense(i):
                inside = self.mu[self.sharp & (self.home == i)]
                low, high = self.intervals.ends(i)
                least, most = self.uniform or (inside.min(), inside.max())
                spans.append((i, (max(low, least), min(high, most))))
        for i, (low, high) in spans:
            old = found.get((i,), (low, high))
            found[i,] = (min(low, old[0]), max(high, old[1]))
        return found if self.uniform else {key: self._snapped(key[0], span) for key, span in found.items()}

    def _snapped(self, interval: int, span: tuple[float, float]) -> tuple[float, float]:
        """The span, extended to ends of the interval that are near: what lies close to them costs little."""
        low, high = self.intervals.ends(interval)
        margin = 0.25 * (span[1] - span[0])
        return (low if span[0] - low < margin else span[0], high if high - span[1] < margin else span[1])

    def _place(self, key: tuple[int, ...], span: tuple[float, float], again: bool) -> None:
        low, high = span
        if again:
            self.blocks = [
                b
                for b in self.blocks
                if isinstance(b, Point) or b.interval != key[-1] or (isinstance(b, Bump) and b.peaks[0] != key[0])
            ]
        if len(key) == 1:
            stretch = self.intervals.stretch(key[0], low, high, (high - low) / 200.0, SPAN * (high - low))
            piece = Piece(stretch, key[0])
            served = np.flatnonzero((self.kT > 0) | (self.sharp & (self.home == key[0]) & self._dense(key[0])))
            piece.watch(served, self.mu[served], self.kT[served])
            self.blocks.append(piece)
            return
        peak, interval = key
        mu, kT = float(self.mu[peak]), float(self.kT[peak])
        plain = self.intervals.stretch(interval, low, high, 0.25 * kT, SCALE * kT)
        home = low <= mu <= high
        share = min(abs(low - mu), abs(high - mu)) / kT
        far = not (home or self.zero.get(int(self.home[peak])) or np.exp(-share) > TAIL)
        mass = float(np.abs(np.diff(logistic(np.array([low - mu, high - mu]) / kT)))[0])
        # Five nodes would do for smooth functions, but overlook a resonance narrower than the bump too often.
        first = 3
        if far or (mass < SLIVER and not self.zero.get(int(self.home[peak]))):
            first = 1
        elif max(plain.power_low, plain.power_high) > 2 and mass > HEAVY:
            # Against a logarithm the rules that follow are much weaker than the first.
            first = 5
        self.blocks.append(Bump(peak, mu, kT, interval, plain.seen(mu, kT), first))

    def _open(self) -> None:
        """Numbers for all nodes that have none, in one batch; one block after another if that is too much."""
        fresh = [(b, b.energies[len(b.numbers) :]) for b in self.blocks if id(b) not in self.missing]
        fresh = [(b, energies) for b, energies in fresh if len(energies)]
        if not fresh:
            return
        try:
            numbers = self.surfaces.open(np.concatenate([energies for _, energies in fresh]))
            for (b, _), own in zip(fresh, np.split(numbers, np.cumsum([len(e) for _, e in fresh])[:-1]), strict=True):
                b.numbers = np.concatenate([b.numbers, own])
        except OutOfPoints:
            self.complete = False
            for b, energies in fresh:
                try:
                    b.numbers = np.concatenate([b.numbers, self.surfaces.open(energies)])
                except OutOfPoints:
                    self._without(b)
        self._learn()

    def _without(self, block: Block) -> None:
        """The next level could not be opened: go back to the last one, or have nothing."""
        if isinstance(block, Point) or not len(block.numbers):
            self.missing.add(id(block))
        else:
            block.level -= 1
        self.finished.add(id(block))

    def _learn(self) -> None:
        """Intervals where every value is zero without error, and those where one is not."""
        for b in self.blocks:
            if len(b.numbers):
                empty = not (self.surfaces.value[b.numbers].any() or self.surfaces.error[b.numbers].any())
                if not isinstance(b, Point):
                    self.zero[b.interval] = empty and self.zero.get(b.interval, True)

    def _truncation(self, block: Block) -> FloatArray:
        values = self.surfaces.value[block.numbers]
        if isinstance(block, Piece):
            return truncation(block, values)
        return block.truncation(values, self.surfaces.error[block.numbers])

    def _sums(self) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
        """Value, error of the rules and error of the nodes, (peak, c) each, and the number of nodes of each peak."""
        shape = (len(self.mu), self.surfaces.value.shape[1])
        value, rules, nodes = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        count = np.zeros(len(self.mu), dtype=np.int64)
        match([b for b in self.blocks if isinstance(b, Piece)], self.surfaces.value)
        for b in self.blocks:
            if id(b) in self.missing or not len(b.numbers):
                nodes[b.peaks] = np.inf
                continue
            own = self.surfaces.value[b.numbers]
            value[b.peaks] += b.weight @ own
            nodes[b.peaks] += _product(np.abs(b.weight), self.surfaces.error[b.numbers])
            rules[b.peaks] += self._truncation(b)
            count[b.peaks] += b.weight.shape[1]
        nodes[count == 0] = np.inf
        return value, rules, nodes, count

    def allowed(self, value: FloatArray) -> FloatArray:
        """Tolerance of each block at each peak, (peak, block)."""
        value = value.copy()
        for b, goal in enumerate(self.goals):
            # What diverges says nothing about the size of the rest.
            value[self.ignored[:, b], goal.columns] = 0.0
        found = np.maximum(*tolerance(value, self.goals, self.rtol))
        if self.uniform is not None:
            found[:] = found.max(axis=0)
        found[self.ignored] = np.inf
        return found

    def settle(self) -> None:
        """Improve nodes and extend rules until all peaks have converged or nothing more can be done."""
        for _ in range(PATIENCE):
            if not self.complete:
                return
            value, _, _, count = self._sums()
            before = self.surfaces.error.copy()
            self._improve(self.allowed(value), count)
            value, rules, nodes, _ = self._sums()
            if not self.complete:
                return
            if self._extend(self.allowed(value), rules, nodes):
                self._open()
            # A value that shrank while it was refined has made its own tolerance smaller.
            elif np.array_equal(before, self.surfaces.error):
                return

    def _improve(self, allowed: FloatArray, count: IntArray) -> None:
        """Every node of a peak may contribute the same to its error: outer nodes may be coarse."""
        limit = np.full((len(self.surfaces.value), len(self.goals)), np.inf)
        for b in self.blocks:
            if len(b.numbers) and len(b.peaks):
                share = NODES * allowed[b.peaks] / count[b.peaks, None]
                most = np.full((b.weight.shape[1], len(self.goals)), np.inf)
                for weight, tolerated in zip(np.abs(b.weight), share, strict=True):
                    most = np.minimum(most, tolerated / np.maximum(weight, 1e-300)[:, None])
                np.minimum.at(limit, b.numbers, most)
        needed = np.flatnonzero((block_errors(self.surfaces.error, self.goals) > limit).any(axis=1))
        if len(needed):
            try:
                self.surfaces.improve(needed, limit[needed])
            except OutOfPoints:
                self.complete = False

    def _extend(self, allowed: FloatArray, rules: FloatArray, nodes: FloatArray) -> bool:
        """Grow or split what keeps peaks from their tolerance; False if nothing can."""
        # Values that cannot be improved any further are not worth better rules than they are themselves.
        stuck = block_errors(nodes, self.goals)
        budget = np.maximum(ALL * allowed - stuck, np.where(stuck > 0.5 * allowed, stuck, 0.5 * allowed))
        late = block_errors(rules, self.goals) > budget
        errors = [block_errors(self._truncation(b), self.goals) if len(b.numbers) else None for b in self.blocks]
        served = np.zeros(late.shape)
        for b, own in zip(self.blocks, errors, strict=True):
            if own is not None:
                served[b.peaks] += own > 0
        grown = False
        for b, own in zip(list(self.blocks), errors, strict=True):
            if own is None or id(b) in self.finished or not late[b.peaks].any():
                continue
            excess = own * served[b.peaks] > budget[b.peaks]
            excess &= late[b.peaks]
            if not excess.any():
                continue
            share = budget[b.peaks] / np.maximum(served[b.peaks], 1)
            ratio = float(np.divide(own, share, out=np.full_like(own, np.inf), where=share > 0)[excess].max())
            if isinstance(b, Piece) and _slow(b, self.surfaces.value[b.numbers], ratio):
                grown |= self._split(b)
            elif isinstance(b, Bump) and len(b.numbers) >= LONG and ratio > HOPELESS and b.depth < SHALLOW:
                grown |= self._part(b)
            elif b.grow():
                grown = True
            elif isinstance(b, Piece):
                grown |= self._split(b)
            elif isinstance(b, Bump) and b.depth < SHALLOW:
                grown |= self._part(b)
            else:
                self.finished.add(id(b))
        return grown

    def _part(self, bump: Bump) -> bool:
        """Two bumps instead of one: its interval is too long for one rule."""
        self.blocks.remove(bump)
        self.blocks.extend(bump.halves())
        return True

    def _split(self, piece: Piece) -> bool:
        if piece.depth == DEEPEST:
            self.finished.add(id(piece))
            return False
        self.blocks.remove(piece)
        mu, kT, peaks = self.mu[piece.peaks], self.kT[piece.peaks], piece.peaks
        for half, side in zip(piece.halves(), (np.less, np.greater_equal), strict=True):
            middle = half.stretch.high if side is np.less else half.stretch.low
            sharp = (kT == 0) & side(mu, middle)
            # A table has to keep its piece, even where nothing more can be asked of it.
            if sharp.sum() < DENSE and self.uniform is None:
                self.blocks.extend(Point(int(p), float(self.mu[p]), piece.interval) for p in peaks[sharp])
                sharp[:] = False
            served = (kT > 0) | sharp
            half.watch(peaks[served], mu[served], kT[served])
            if len(half.peaks) or self.uniform is not None:
                self.blocks.append(half)
        return True

    def result(self) -> Moments:
        """What is known by now."""
        value, rules, nodes, _ = self._sums()
        error = rules + nodes + self._beyond()
        used = np.unique(np.concatenate([np.empty(0), *(b.energies[: len(b.numbers)] for b in self.blocks)]))
        name = "piecewise interpolation in energy" if self.tabulated else "nested Gauss rules in energy"
        return Moments(value, error, self.allowed(value), used, name, self.complete)

    def _beyond(self) -> FloatArray:
        """Bound of what bumps have beyond their reach, (peak, c)."""
        largest = np.zeros((len(self.mu), self.surfaces.value.shape[1]))
        for b in self.blocks:
            if len(b.numbers):
                np.maximum.at(largest, b.peaks, np.abs(self.surfaces.value[b.numbers]).max(axis=0)[None])
        return np.where(self.kT > 0, 2.0 * np.exp(-self.cut), 0.0)[:, None] * largest


def _product(weight: FloatArray, error: FloatArray) -> FloatArray:
    """Weight @ error where an infinite error with a weight of zero does not count."""
    infinite = np.isinf(error)
    total = weight @ np.where(infinite, 0.0, error)
    total[(weight > 0).astype(float) @ infinite > 0] = np.inf
    return total


def _slow(piece: Piece, values: FloatArray, excess: float) -> bool:
    """Whether the coefficients of a piece decay too slowly for the nodes that a piece may have."""
    count = len(values)
    if piece.logarithmic and count >= 10 and excess > 30.0:
        return True
    if count < 14:
        return False
    size = np.abs(piece.coefficients @ values)
    last, middle = size[-2:].max(axis=0), size[count // 3 : count // 2 + 1].max(axis=0)
    column = int(last.argmax())
    if not last[column] < middle[column]:
        return True
    further = 0.5 * count * np.log(max(excess, 1.0)) / np.log(middle[column] / last[column])
    return bool(count + further > 36)


def _unique(centre: FloatArray, width: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    pairs, back = np.unique(np.stack([centre, width], axis=1), axis=0, return_inverse=True)
    return pairs[:, 0], pairs[:, 1], back.reshape(-1)


def moments(
    surfaces: Surfaces,
    critical: Sequence[Critical],
    centre: FloatArray,
    width: FloatArray,
    goals: Sequence[Goal],
    *,
    rtol: float,
    dim: int,
    tabulated: bool | None = None,
    ignored: BoolArray | None = None,
) -> Moments:
    """Moments int S(eps) bump((eps - centre)/width)/width d eps of every peak; a width of 0 is S(centre).

    `centre` and `width` in eV, (peak,). `tabulated` chooses the strategy; by default the one that should need fewer
    evaluations. The tolerance of each block at each peak is that of `simplices.tolerance`, but nothing is spent on
    those that are `ignored`, (peak, block), because they have no limit.
    """
    mu, kT, back = _unique(np.asarray(centre, float), np.asarray(width, float))
    run = _Run(surfaces, Intervals.between(critical, dim), (mu, kT), goals, rtol, tabulated=tabulated)
    if ignored is not None:
        run.ignored[back] = ignored
    run.lay()
    run.settle()
    found = run.result()
    found.value, found.error, found.allowed = found.value[back], found.error[back], found.allowed[back]
    return found


def table(
    surfaces: Surfaces,
    critical: Sequence[Critical],
    window: tuple[float, float],
    goals: Sequence[Goal],
    *,
    rtol: float,
    dim: int,
) -> Table:
    """A table of S over a window of energy (eV), equally precise everywhere: rtol times the largest value in it.

    Only next to a singularity, where S may have no bound, is it less precise, and its errors say so.
    """
    intervals = Intervals.between(critical, dim)
    ends = np.unique(np.clip(np.concatenate([window, intervals.energies]), *window))
    inner = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_PROBES) + 0.5) / _PROBES)
    mu = (ends[:-1, None] + np.diff(ends)[:, None] * inner).ravel()
    run = _Run(surfaces, intervals, (mu, np.zeros(len(mu))), goals, rtol, tabulated=True, uniform=window)
    run.lay()
    run.settle()
    pieces = [b for b in run.blocks if isinstance(b, Piece) and len(b.numbers)]
    energies = np.full(len(surfaces.value), np.nan)
    for piece in pieces:
        energies[piece.numbers] = piece.energies
    return Table(pieces, critical, energies, surfaces.value.copy(), surfaces.error.copy())
