"""Nested rules for integrals of a function of energy under a bump, restricted to an interval between singular ends.

A polynomial in energy is a poor model of a function that was singular just beyond the end of the interval. `Stretch`
changes the variable so that distance from such an end counts on a logarithmic scale, and so that roots and logarithms
at the end itself become smooth. The rules are those of Gauss in the new variable: four nodes do what twelve do without.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special

from ..arrays import FloatArray, IntArray
from .peaks import bump

CONDITION = 2.5
"""Largest sum of |weights| over the mass of the weight; a rule above it falls back on a lower degree."""
LONGEST = 40
"""Nodes of the largest rule; what has not converged with them has a singularity that nobody declared."""
HIDDEN = 1.0
"""Share of the last coefficients below which no change between two rules is believed."""
SLOW = 4.0
"""Error of a rule over its change where nothing converges; 4 is what a jump under the bump needs."""
NEAR = 0.4
"""Where a stretch with one logarithmic end is cut, in t: at a hundredth of its length in energy."""
NEAREST = 1e-12
"""Distance in eV that nodes keep from critical energies, which are not known better than that."""

_STEP = 3.0
"""Longest panel of the discretised weight, in widths: 16 Gauss points of it are exact to 1e-15 (poles at +- i pi)."""
_LOG_STEP = 0.8


class Stretch(NamedTuple):
    """A monotone map of t in [0, 1] to energy in [low, high], logarithmic in the distance from anchors.

    With d linear in s, exp(d) is proportional to (x - below + scale_low) / (above - x + scale_high); an infinite anchor
    drops out, and with both infinite the map is linear. s = I_t(power_low, power_high), the regularised incomplete beta
    function, is a polynomial that behaves as t**power at the ends. Energies in any one unit.
    """

    low: float
    high: float
    below: float = -np.inf
    above: float = np.inf
    scale_low: float = 1.0
    scale_high: float = 1.0
    power_low: int = 1
    power_high: int = 1

    def halves(self) -> tuple[Stretch, Stretch]:
        """Two stretches that meet at t = 1/2, or closer to a logarithmic end: the far one is smooth, the near small."""
        low, high = self.power_low > 2, self.power_high > 2
        cut = 0.5 if low == high else NEAR if low else 1.0 - NEAR
        middle = float(self.energy(np.asarray(cut)))
        lower = self._replace(high=middle, power_high=1)
        upper = self._replace(low=middle, power_low=1)
        # Seen from outside, a root or a logarithm is smooth in the logarithm of the distance.
        if self.power_low > 1:
            upper = upper._replace(scale_low=min(self.scale_low, 0.1 * (middle - self.below)))
        if self.power_high > 1:
            lower = lower._replace(scale_high=min(self.scale_high, 0.1 * (self.above - middle)))
        return lower, upper

    def mirrored(self) -> Stretch:
        """The map of the negative energy."""
        return Stretch(
            -self.high,
            -self.low,
            -self.above,
            -self.below,
            self.scale_high,
            self.scale_low,
            self.power_high,
            self.power_low,
        )

    def rounded(self) -> Stretch:
        """The same to 12 decimals, so that equal maps are found equal."""
        return self._replace(**{name: round(float(getattr(self, name)), 12) for name in self._fields[:6]})

    def seen(self, centre: float, width: float) -> Stretch:
        """The same in units of a width, from a centre."""
        ends = {name: (getattr(self, name) - centre) / width for name in self._fields[:4]}
        scales = {name: getattr(self, name) / width for name in self._fields[4:6]}
        return self._replace(**ends, **scales)

    @property
    def _distances(self) -> tuple[float, float]:
        return self.low - self.below + self.scale_low, self.above - self.low + self.scale_high

    def _log(self, offset: FloatArray) -> FloatArray:
        """D as a function of x - low."""
        left, right = self._distances
        if np.isinf(left) and np.isinf(right):
            return offset
        return np.log1p(offset / left) - np.log1p(-offset / right)

    @property
    def extent(self) -> float:
        """Range of d."""
        return float(self._log(np.asarray(self.high - self.low)))

    def _offset(self, t: FloatArray) -> FloatArray:
        """X - low without cancellation near low."""
        left, right = self._distances
        d = self.extent * special.betainc(self.power_low, self.power_high, t)
        if np.isinf(left) and np.isinf(right):
            return d
        if np.isinf(right):
            return left * np.expm1(d)
        if np.isinf(left):
            return -right * np.expm1(-d)
        return left * right * np.expm1(d) / (right + left * np.exp(d))

    def energy(self, t: FloatArray) -> FloatArray:
        """X at t, precise relative to the nearer end."""
        near = t <= 0.5
        return np.where(
            near,
            self.low + self._offset(np.where(near, t, 0.5)),
            self.high - self.mirrored()._offset(np.where(near, 0.5, 1.0 - t)),
        )

    def slope(self, t: FloatArray) -> FloatArray:
        """dx/dt."""
        left, right = self._distances
        extent = self.extent
        d = extent * special.betainc(self.power_low, self.power_high, t)
        if np.isinf(left) and np.isinf(right):
            rate = np.ones_like(d)
        elif np.isinf(right):
            rate = left * np.exp(d)
        elif np.isinf(left):
            rate = right * np.exp(-d)
        else:
            rate = left * right * (left + right) * np.exp(d) / (right + left * np.exp(d)) ** 2
        p, q = self.power_low, self.power_high
        return rate * extent * t ** (p - 1) * (1.0 - t) ** (q - 1) / special.beta(p, q)

    def inverse(self, x: FloatArray) -> FloatArray:
        """T at energies within [low, high], precise relative to the nearer end."""
        x = np.clip(x, self.low, self.high)
        near = self._part(x)
        other = self.mirrored()._part(-x)
        return np.where(near <= 0.5, near, 1.0 - other)

    def _part(self, x: FloatArray) -> FloatArray:
        s = np.clip(self._log(x - self.low) / self.extent, 0.0, 1.0)
        if self.power_low == self.power_high == 1:
            return s
        return special.betaincinv(self.power_low, self.power_high, s)


@dataclass(frozen=True)
class Level:
    """One rule of a nested sequence, for values at the first nodes of the sequence."""

    weight: FloatArray
    """(node,)"""
    previous: FloatArray
    """Weights of the next smaller rule, zero at the new nodes, (node,)."""
    gain: int
    """Degrees to which it is exact and the smaller rule is not, at least."""
    coefficients: FloatArray
    """Takes values at the nodes to coefficients in the orthonormal polynomials of the weight, (coefficient, node)."""


@dataclass
class Nested:
    """Nested rules for int f(x) bump(x) dx over the range of a stretch, energies in widths from the bump's centre."""

    stretch: Stretch
    first: int
    """The smallest rule is the Gauss rule of so many nodes; the first that can be judged has 2 * first + 1."""
    mass: float = field(init=False)
    """int bump over the interval."""
    nodes: FloatArray = field(init=False)
    """Energies of the nodes in the order in which levels use them, (node,)."""
    levels: list[Level] = field(init=False)

    def __post_init__(self) -> None:
        self._t, weight = _discretised(self.stretch)
        self.mass = float(weight.sum())
        self._weight = weight / self.mass
        self._density = self._weight / self._spacing
        self._alpha, self._beta = _recurrence(self._t, self._weight, 2 * self.first + 2)
        self._begin()

    @property
    def _spacing(self) -> FloatArray:
        return np.gradient(self._t)

    def _begin(self) -> None:
        """Gauss rule and its generalised averaged rule (Spalevic 2007): 2n + 1 positive weights, exact to 2n + 2."""
        n, a, b = self.first, self._alpha, self._beta
        inner, small = _gauss(a[:n], b[: n - 1])
        t, _ = _gauss(np.concatenate([a[: n + 1], a[:n][::-1]]), np.concatenate([b[: n + 1], b[: n - 1][::-1]]))
        fresh = np.array([x for x in t if np.abs(x - inner).min() > 1e-9])
        if len(fresh) != n + 1 or t.min() <= 1e-9 or t.max() >= 1.0 - 1e-9:
            fresh = self._picked(inner, n + 1)
        self._x = np.concatenate([inner, fresh])
        small = np.concatenate([small, np.zeros(n + 1)]) * self.mass
        self.levels = []
        self._judge(small, 3)

    def _judge(self, previous: FloatArray, gain: int) -> None:
        values = _polynomials(self._x, self._alpha, self._beta, len(self._x))
        weight = self.mass * _weights(values)
        christoffel = 1.0 / np.sqrt((values**2).sum(axis=1))
        project = np.linalg.pinv(christoffel[:, None] * values, rcond=1e-12) * christoffel
        self.levels.append(Level(weight, previous, gain, project))
        self.nodes = self.stretch.energy(self._x)

    def _picked(self, taken: FloatArray, count: int) -> FloatArray:
        """Nodes that make the volume of the interpolation problem largest, one after another (weighted Fekete)."""
        total = len(taken) + count
        rows = _polynomials(np.concatenate([taken, self._t]), self._alpha, self._beta, total)
        rows[len(taken) :] *= np.sqrt(self._density)[:, None]
        return self._t[volume_points(rows, len(taken), count)]

    def grow(self) -> bool:
        """Add a level of a third more nodes; False if the sequence ends here."""
        count = len(self._x)
        more = max(3, count // 3)
        if count + more > LONGEST:
            return False
        if len(self._alpha) < count + more:
            self._alpha, self._beta = _recurrence(self._t, self._weight, LONGEST + 2)
        self._x = np.concatenate([self._x, self._picked(self._x, more)])
        self._judge(np.concatenate([self.levels[-1].weight, np.zeros(more)]), more)
        return True


@lru_cache(maxsize=4096)
def nested(stretch: Stretch, first: int) -> Nested:
    """The sequence of rules for a stretch in units of the width; arguments should be rounded by the caller."""
    return Nested(stretch, first)


def _discretised(stretch: Stretch) -> tuple[FloatArray, FloatArray]:
    """Points t and weights of bump(x) dx on panels short enough for 1e-14, (n,) each."""
    length = stretch.high - stretch.low
    breaks = [np.linspace(0.0, 1.0, 9), stretch.inverse(stretch.low + np.arange(0.0, length, _STEP))]
    if np.isfinite(stretch.below) or np.isfinite(stretch.above):
        logs = np.linspace(0.0, 1.0, 1 + int(np.ceil(stretch.extent / _LOG_STEP)))
        p, q = stretch.power_low, stretch.power_high
        breaks.append(logs if p == q == 1 else special.betaincinv(p, q, logs))
    ends = np.unique(np.round(np.concatenate(breaks), 12))
    x, w = np.polynomial.legendre.leggauss(16)
    half = 0.5 * np.diff(ends)[:, None]
    t = (ends[:-1, None] + half * (1.0 + x)).ravel()
    return t, (half * w).ravel() * bump(stretch.energy(t)) * stretch.slope(t)


def _recurrence(t: FloatArray, weight: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Diagonal and off-diagonal of the Jacobi matrix of a discrete weight of mass 1, by reorthogonalised Lanczos."""
    basis = np.empty((count + 1, len(t)))
    basis[0] = np.sqrt(weight)
    alpha, beta = np.empty(count), np.empty(count)
    for k in range(count):
        vector = t * basis[k]
        alpha[k] = vector @ basis[k]
        for _ in range(2):
            vector = vector - (basis[: k + 1] @ vector) @ basis[: k + 1]
        beta[k] = np.linalg.norm(vector)
        basis[k + 1] = vector / beta[k]
    return alpha, beta


def _gauss(alpha: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of the rule of a Jacobi matrix, for a mass of 1."""
    nodes, vectors = np.linalg.eigh(np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1))
    return nodes, vectors[0] ** 2


def _polynomials(t: FloatArray, alpha: FloatArray, beta: FloatArray, count: int) -> FloatArray:
    """Orthonormal polynomials p_0 .. p_(count - 1) at t, (n, count)."""
    values = np.ones((len(t), count))
    for k in range(count - 1):
        lower = values[:, k - 1] * beta[k - 1] if k else 0.0
        values[:, k + 1] = ((t - alpha[k]) * values[:, k] - lower) / beta[k]
    return values


def _weights(values: FloatArray) -> FloatArray:
    """Weights on given nodes, exact to the highest degree that keeps the sum of their moduli within CONDITION."""
    christoffel = 1.0 / (values**2).sum(axis=1)
    root = np.sqrt(christoffel)
    weight = christoffel / christoffel.sum()
    for degree in range(values.shape[1], 0, -1):
        columns = values[:, :degree] * root[:, None]
        first = np.zeros(degree)
        first[0] = 1.0
        trial = root * np.linalg.lstsq(columns.T, first, rcond=1e-12)[0]
        if np.abs(trial).sum() <= CONDITION:
            return trial
    return weight


def volume_points(rows: FloatArray, taken: int, count: int) -> IntArray:
    """Numbers (after the first `taken` rows) of the rows that one after another span the largest volume with those."""
    base, _ = np.linalg.qr(rows[:taken].T)
    rest = rows[taken:] - (rows[taken:] @ base) @ base.T
    rest -= (rest @ base) @ base.T
    chosen: list[int] = []
    for _ in range(count):
        size = (rest**2).sum(axis=1)
        best = int(size.argmax())
        chosen.append(best)
        direction = rest[best] / np.sqrt(size[best])
        rest -= np.outer(rest @ direction, direction)
    return np.array(chosen)


def _tail(count: int) -> int:
    """How many coefficients are the last; those of an interpolant of something singular come in waves."""
    return max(2, count // 4)


def trust(coefficients: FloatArray, gain: int, limit: float | FloatArray = 1.0) -> FloatArray:
    """Share of the change from one level to the next that is taken as the error of the larger, (c,).

    The change is the error of the smaller rule. Where the `coefficients` (n, c) have visibly decayed the larger rule,
    exact to `gain` more degrees, is better by their rate; a factor of five is kept for safety, and no more than a
    factor of ten is ever believed: a kink can hide behind smooth decay. Without any decay the error may be larger than
    the change, up to `limit`: all that follows adds up.
    """
    size = np.abs(coefficients)
    count = len(size)
    tail = _tail(count)
    last = size[-tail:].max(axis=0)
    middle = size[max(1, count // 3) : count // 2 + 1].max(axis=0)
    recent = size[max(1, count - tail - gain) : max(2, count - gain)].max(axis=0)
    overall = np.divide(last, middle, out=np.ones_like(last), where=middle > last) ** (2.0 * gain / count)
    # A fast start says nothing about a slow end.
    of_late = np.divide(last, recent, out=np.ones_like(last), where=recent > last)
    return np.clip(5.0 * np.maximum(overall, of_late), 0.1, limit)


def within(energies: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """Energies moved off the ends of their interval, which may be singular."""
    return np.clip(energies, ends[0] + NEAREST, ends[1] - NEAREST)


class Point:
    """The function itself at one energy, for a peak without width."""

    def __init__(self, peak: int, energy: float, interval: int) -> None:
        self.peaks, self.energies, self.interval = np.array([peak]), np.array([energy]), interval
        self.numbers: IntArray = np.empty(0, dtype=np.int64)
        self.weight = np.ones((1, 1))

    def truncation(self, values: FloatArray, errors: FloatArray) -> FloatArray:
        """Nothing is approximated, (1, c)."""
        return np.zeros((1, values.shape[1]))

    def grow(self) -> bool:
        """There is nothing to add."""
        return False


class Bump:
    """Nested rules for one bump in one interval."""

    def __init__(
        self, peak: int, mu: float, kT: float, interval: int, stretch: Stretch, first: int, depth: int = 0
    ) -> None:
        self.peaks, self.interval, self.stretch, self.depth = np.array([peak]), interval, stretch, depth
        self.mu, self.kT, self.level = mu, kT, 0
        self.ends = mu + kT * stretch.low, mu + kT * stretch.high
        self.rules = nested(stretch.rounded(), first)
        self.numbers: IntArray = np.empty(0, dtype=np.int64)

    @property
    def energies(self) -> FloatArray:
        """Nodes of the present level in eV, (node,)."""
        nodes = self.mu + self.kT * self.rules.nodes[: self.weight.shape[1]]
        return within(nodes, self.ends)

    @property
    def weight(self) -> FloatArray:
        """(1, node)"""
        return self.rules.levels[self.level].weight[None]

    def truncation(self, values: FloatArray, errors: FloatArray) -> FloatArray:
        """Error of the rule, (1, c), from values and their errors at the nodes, (node, c)."""
        level = self.rules.levels[self.level]
        coefficients = level.coefficients @ values
        tail = _tail(len(coefficients))
        last = np.abs(coefficients[-tail:])
        change = np.abs((level.weight - level.previous) @ values)
        # Two rules may agree by accident while what they neglect does not decay; noise does not decay either.
        noise = np.abs(level.coefficients[-tail:]) @ errors
        neglected = HIDDEN * self.rules.mass * np.maximum(last - noise, 0.0).max(axis=0)
        limit = np.where((last > 3.0 * noise).any(axis=0), SLOW, 1.0)
        return (trust(coefficients, level.gain, limit) * np.maximum(change, neglected))[None]

    def halves(self) -> tuple[Bump, Bump]:
        """Rules for two parts of the interval, together with more nodes: they must not miss what was seen."""
        lower, upper = (
            Bump(
                int(self.peaks[0]),
                self.mu,
                self.kT,
                self.interval,
                part,
                5 if max(part.power_low, part.power_high) > 2 else 3,
                self.depth + 1,
            )
            for part in self.stretch.halves()
        )
        for half in (lower, upper):
            while half.weight.shape[1] < 0.7 * self.weight.shape[1] and half.grow():
                pass
        return lower, upper

    def grow(self) -> bool:
        """Go to the next level; False if there is none."""
        if self.level + 1 == len(self.rules.levels) and not self.rules.grow():
            return False
        self.level += 1
        return True
