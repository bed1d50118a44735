"""A function of energy that is analytic between critical energies, as Chebyshev pieces in stretched variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..arrays import FloatArray, IntArray
from .peaks import FARTHEST, REACH, bump
from .thermal import Stretch, trust, volume_points, within

SIZES = (4, 7, 10, 14, 18, 22, 26, 30)
"""Nodes of a piece, level by level, each containing the one before."""
SPAN = 0.125
"""Scale of the logarithm at an end beyond which nothing is known, as a share of the interval."""

HIDDEN = 0.5
"""Share of the distance between two interpolants nearby below which no change of a moment is believed."""

_EDGES = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, 97))
_CELLS = 0.5 - 0.5 * np.cos(np.pi * (np.arange(96) + 0.5) / 96)
_AROUND = 6
_END = 8
_PANEL = 5.0
_GAUSS = 14


class Critical(NamedTuple):
    """An energy at which the function is not analytic."""

    energy: float
    """eV"""
    kind: str
    """`edge`, `saddle` or `node`."""


def power(kind: str, dim: int) -> int:
    """Exponent p such that the function is smooth in t on either side, with |energy - critical| ~ t**p."""
    if dim == 3:
        return 1 if kind == "node" else 2
    # A logarithm never becomes smooth; with the fifth power its Gauss rules converge as n**-10.
    return 5 if kind == "saddle" else 1


@dataclass(frozen=True)
class Intervals:
    """The parts of the energy axis between critical energies; number i ends at the i-th critical energy."""

    critical: tuple[Critical, ...]
    dim: int

    @classmethod
    def between(cls, critical: Sequence[Critical], dim: int) -> Intervals:
        """Critical energies sorted, those closer than 1e-12 eV merged into the more singular one."""
        kept: list[Critical] = []
        for one in sorted(critical):
            if kept and one.energy - kept[-1].energy < 1e-12:
                if power(one.kind, dim) > power(kept[-1].kind, dim):
                    kept[-1] = Critical(kept[-1].energy, one.kind)
            else:
                kept.append(one)
        return cls(tuple(kept), dim)

    @property
    def energies(self) -> FloatArray:
        """Critical energies, (n,)."""
        return np.array([one.energy for one in self.critical])

    def __len__(self) -> int:
        return len(self.critical) + 1

    def of(self, energy: FloatArray) -> IntArray:
        """Number of the interval that holds each energy; a critical energy belongs to the upper one."""
        return np.searchsorted(self.energies, energy, side="right")

    def ends(self, number: int) -> tuple[float, float]:
        """Lower and upper end, infinite outside all critical energies."""
        low = self.critical[number - 1].energy if number > 0 else -np.inf
        high = self.critical[number].energy if number < len(self.critical) else np.inf
        return low, high

    def stretch(self, number: int, low: float, high: float, smallest: float, largest: float) -> Stretch:
        """Map for the part [low, high] of an interval.

        Beyond its end the function continues analytically for about half the distance to the next critical energy,
        where two bands that repel would meet; that is the scale of the logarithm, within the given limits.
        """
        below, above = self.ends(number)
        scales = [largest, largest]
        if number > 1:
            scales[0] = 0.5 * (below - self.critical[number - 2].energy)
        if number < len(self.critical) - 1:
            scales[1] = 0.5 * (self.critical[number + 1].energy - above)
        first, second = (min(max(scale, smallest), largest) for scale in scales)
        return Stretch(
            low,
            high,
            below,
            above,
            first,
            second,
            power(self.critical[number - 1].kind, self.dim) if low == below else 1,
            power(self.critical[number].kind, self.dim) if high == above else 1,
        )


@cache
def _sequence() -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Nodes t in (0, 1), and for each size the matrix that takes values to Chebyshev coefficients."""
    first = np.cos(np.pi * (np.arange(SIZES[0]) + 0.5) / SIZES[0])
    grid = np.cos(np.pi * (np.arange(1201) + 0.5) / 1201)
    nodes = first
    matrices = []
    for size in SIZES:
        if size > len(nodes):
            rows = np.polynomial.chebyshev.chebvander(np.concatenate([nodes, grid]), size - 1)
            nodes = np.concatenate([nodes, grid[volume_points(rows, len(nodes), size - len(nodes))]])
        matrices.append(np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, size - 1)))
    return 0.5 + 0.5 * nodes, tuple(matrices)


def _vander(t: FloatArray) -> FloatArray:
    return np.polynomial.chebyshev.chebvander(2.0 * t - 1.0, SIZES[-1] - 1)


def products(stretch: Stretch, mu: FloatArray, kT: FloatArray) -> FloatArray:
    """Integrals of T_j(2t - 1) against unit peaks, over the piece only, (peak, j); kT = 0 evaluates."""
    result = np.zeros((len(mu), SIZES[-1]))
    sharp = (kT == 0) & (mu >= stretch.low) & (mu <= stretch.high)
    result[sharp] = _vander(stretch.inverse(mu[sharp]))
    nearest = np.clip(mu, stretch.low, stretch.high)
    broad = np.flatnonzero((kT > 0) & (np.abs(nearest - mu) < 2.0 * FARTHEST * kT))
    steps = _PANEL * np.arange(-REACH / _PANEL, REACH / _PANEL + 1)
    fixed = np.linspace(0.0, 1.0, 7)
    x, w = np.polynomial.legendre.leggauss(_GAUSS)
    for start in range(0, len(broad), 64):
        part = broad[start : start + 64]
        centre, width = mu[part, None, None], kT[part, None, None]
        ends = stretch.inverse(nearest[part, None] + kT[part, None] * steps)
        ends = np.sort(np.concatenate([ends, np.broadcast_to(fixed, (len(part), len(fixed)))], axis=1))
        half = 0.5 * np.diff(ends)[:, :, None]
        t = ends[:, :-1, None] + half * (1.0 + x)
        weight = half * w * stretch.slope(t) * bump((stretch.energy(t) - centre) / width) / width
        result[part] = np.einsum("kpg,kpgj->kj", weight, _vander(t), optimize=True)
    return result


def _shares(stretch: Stretch, mu: FloatArray, kT: FloatArray) -> FloatArray:
    """Weight of unit peaks in 96 cells of a piece, (peak, cell)."""
    result = np.zeros((len(mu), len(_CELLS)))
    edges = stretch.energy(_EDGES)
    sharp = np.flatnonzero(kT == 0)
    result[sharp, np.clip(np.searchsorted(edges, mu[sharp]) - 1, 0, len(_CELLS) - 1)] = 1.0
    broad = kT > 0
    result[broad] = _between(edges[:-1], edges[1:], mu[broad, None], kT[broad, None])
    return result


def _between(low: FloatArray, high: FloatArray, mu: FloatArray, kT: FloatArray) -> FloatArray:
    """Weight of bumps between two energies; in neither tail a difference of numbers near 1."""
    from_below = logistic((high - mu) / kT) - logistic((low - mu) / kT)
    from_above = logistic((mu - low) / kT) - logistic((mu - high) / kT)
    return np.where(mu > high, from_below, from_above)


def logistic(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), with the relative precision of its tail."""
    decay = np.exp(-np.abs(x))
    return np.where(x > 0, 1.0, decay) / (1.0 + decay)


class Piece:
    """Values of the function at the nodes of one stretch, up to a level that can grow."""

    def __init__(self, stretch: Stretch, interval: int, depth: int = 0) -> None:
        self.stretch, self.interval, self.depth = stretch, interval, depth
        self.level = 1
        self.numbers: IntArray = np.empty(0, dtype=np.int64)
        self.peaks: IntArray = np.empty(0, dtype=np.int64)
        self._products = np.empty((0, SIZES[-1]))
        self._shares = np.empty((0, len(_CELLS)))
        self.steps = np.zeros((2, 1))
        """Distance from the neighbour at the lower and the upper end, (2, c)."""

    def watch(self, peaks: IntArray, mu: FloatArray, kT: FloatArray) -> None:
        """Serve these peaks (by number); those that the piece does not touch are left out."""
        table = products(self.stretch, mu, kT)
        # T_0 = 1: the first product is the weight of the peak in the piece.
        touched = table[:, 0] > 0
        self.peaks, self._products = peaks[touched], table[touched]
        self._shares = _shares(self.stretch, mu[touched], kT[touched])

    @property
    def energies(self) -> FloatArray:
        """Nodes of the present level, (node,)."""
        nodes = self.stretch.energy(_sequence()[0][: SIZES[self.level]])
        return within(nodes, (self.stretch.low, self.stretch.high))

    @property
    def coefficients(self) -> FloatArray:
        """Values to Chebyshev coefficients, (coefficient, node)."""
        return _sequence()[1][self.level]

    @property
    def _smaller(self) -> FloatArray:
        size = SIZES[self.level - 1]
        padded = np.zeros((size, SIZES[self.level]))
        padded[:, :size] = _sequence()[1][self.level - 1]
        return padded

    @property
    def weight(self) -> FloatArray:
        """(peak, node)"""
        return self._products[:, : SIZES[self.level]] @ self.coefficients

    @property
    def previous(self) -> FloatArray:
        """The same for the level below, (peak, node)."""
        return self._products[:, : SIZES[self.level - 1]] @ self._smaller

    @property
    def ends(self) -> FloatArray:
        """Weight of each peak between either end and about the first node there, (peak, 2)."""
        return np.stack([self._shares[:, :_END].sum(axis=1), self._shares[:, -_END:].sum(axis=1)], axis=1)

    def neighbourhood(self, values: FloatArray) -> FloatArray:
        """Average over each peak of the distance between the interpolants of this level and the one below, (peak, c).

        The two cross between their nodes; what counts at an energy is their largest distance some nodes around it.
        """
        basis = _vander(_CELLS)
        larger = basis[:, : SIZES[self.level]] @ (self.coefficients @ values)
        smaller = basis[:, : SIZES[self.level - 1]] @ (self._smaller @ values)
        distance = np.abs(larger - smaller)
        padded = np.pad(distance, ((_AROUND, _AROUND), (0, 0)))
        envelope = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1, axis=0).max(axis=-1)
        return self._shares @ envelope

    def grow(self) -> bool:
        """Add a level; False if there is none."""
        if self.level + 1 == len(SIZES):
            return False
        self.level += 1
        return True

    @property
    def logarithmic(self) -> bool:
        """Whether an end is a saddle of the plane."""
        return max(self.stretch.power_low, self.stretch.power_high) > 2

    def halves(self) -> tuple[Piece, Piece]:
        """Two pieces that meet at t = 1/2, or closer to a logarithmic end: the far piece is smooth, the near small."""
        lower, upper = self.stretch.halves()
        return Piece(lower, self.interval, self.depth + 1), Piece(upper, self.interval, self.depth + 1)


class Table:
    """Piecewise Chebyshev interpolant of a vector function of energy; every moment without further evaluations.

    `error` of a node enters through the weights of the interpolation, the error of the interpolation through the change
    between the last two levels of each piece.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        critical: Sequence[Critical],
        energies: FloatArray,
        value: FloatArray,
        error: FloatArray,
    ) -> None:
        self.pieces = sorted(pieces, key=lambda piece: piece.stretch.low)
        self.critical = tuple(critical)
        self.energies = energies
        """Energies of all values, by their numbers, (number,)."""
        self._value, self._error = value, error
        match(self.pieces, value)
        self._largest = np.abs(value).max(axis=0, initial=0.0)

    def evaluate(self, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Value and error, (eps, c) each; outside the table the error is infinite.

        At a critical energy the value is the limit from above and the error includes the jump.
        """
        eps = np.atleast_1d(np.asarray(eps, dtype=float))
        value = np.zeros((len(eps), self._value.shape[1]))
        error = np.full_like(value, np.inf)
        for piece in self.pieces:
            rows = np.flatnonzero((eps >= piece.stretch.low) & (eps <= piece.stretch.high))
            if not len(rows):
                continue
            found, bound = self._piece(piece, eps[rows], np.zeros(len(rows)))
            jump = np.where(np.isfinite(error[rows]), np.abs(found - value[rows]), 0.0)
            value[rows], error[rows] = found, bound + jump
        return value, error

    def moments(self, mu: FloatArray, kT: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Moments under peaks of centre mu and width kT, with errors, (peak, c) each; kT = 0 evaluates.

        The weight of a peak outside the table counts as an error, with the largest value seen.
        """
        mu, kT = np.broadcast_arrays(np.atleast_1d(np.asarray(mu, float)), np.atleast_1d(np.asarray(kT, float)))
        value = np.zeros((len(mu), self._value.shape[1]))
        error = np.zeros_like(value)
        sharp = np.flatnonzero(kT == 0)
        if len(sharp):
            value[sharp], error[sharp] = self.evaluate(mu[sharp])
        broad = np.flatnonzero(kT > 0)
        if len(broad):
            centre, width = mu[broad], kT[broad]
            for piece in self.pieces:
                found, bound = self._piece(piece, centre, width)
                value[broad] += found
                error[broad] += bound
            error[broad] += self._missing(centre, width)[:, None] * self._largest
        return value, error

    def _missing(self, mu: FloatArray, kT: FloatArray) -> FloatArray:
        """Weight of bumps outside all pieces, (peak,)."""
        lows = np.array([piece.stretch.low for piece in self.pieces])
        highs = np.array([piece.stretch.high for piece in self.pieces])
        starts = np.concatenate([[-np.inf], highs])
        stops = np.concatenate([lows, [np.inf]])
        result = np.zeros(len(mu))
        for low, high in zip(starts, stops, strict=True):
            if high > low:
                result += _between(np.array(low), np.array(high), mu, kT)
        return result

    def _piece(self, piece: Piece, mu: FloatArray, kT: FloatArray) -> tuple[FloatArray, FloatArray]:
        copy = Piece(piece.stretch, piece.interval, piece.depth)
        copy.level, copy.numbers, copy.steps = piece.level, piece.numbers, piece.steps
        copy.watch(np.arange(len(mu)), mu, kT)
        value = np.zeros((len(mu), self._value.shape[1]))
        error = np.zeros_like(value)
        nodes, own = self._value[piece.numbers], self._error[piece.numbers]
        value[copy.peaks] = copy.weight @ nodes
        error[copy.peaks] = truncation(copy, nodes) + np.abs(copy.weight) @ own
        return value, error


def match(pieces: Sequence[Piece], value: FloatArray) -> None:
    """Tell each piece by how much it misses its neighbours where they meet at an energy that is not critical.

    A jump between the last node and the end of a piece is seen by nothing else. `value` is that of all numbers.
    """
    known = sorted((piece for piece in pieces if len(piece.numbers)), key=lambda piece: piece.stretch.low)
    for piece in known:
        piece.steps = np.zeros((2, value.shape[1]))
    for lower, upper in pairwise(known):
        if lower.interval == upper.interval and lower.stretch.high == upper.stretch.low:
            left = lower.coefficients.sum(axis=0) @ value[lower.numbers]
            signs = (-1.0) ** np.arange(len(upper.coefficients))
            right = (signs @ upper.coefficients) @ value[upper.numbers]
            lower.steps[1] = upper.steps[0] = np.abs(left - right)


def truncation(piece: Piece, values: FloatArray) -> FloatArray:
    """Error of the moments of the peaks a piece serves because it has so few nodes, (peak, c)."""
    change = np.abs((piece.weight - piece.previous) @ values)
    gain = SIZES[piece.level] - SIZES[piece.level - 1]
    floor = HIDDEN * piece.neighbourhood(values)
    error = trust(piece.coefficients @ values, gain) * np.maximum(change, floor)
    return error + piece.ends @ piece.steps if piece.steps.any() else error
