"""Weights of the vertices of a linear simplex under a peak in energy: a delta function or a logistic bump.

For a simplex of unit volume with vertex energies e_i and a linear integrand with vertex values F_i,
`int F peak(E - centre) = sum_i omega_i F_i`. A peak of width w > 0 is `sech(x/2)**2 / (4 w)` with x = (E - centre)/w;
a width of 0 is the delta function. The delta weights are polynomials of degree d of the centre between two sorted
vertex energies, so a broad peak needs them at d + 1 Gauss points of each of these pieces only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ..arrays import FloatArray

Formula = Callable[[FloatArray, FloatArray], FloatArray]

REACH = 40.0
"""Half-width of a peak in units of its width, by default: sech(20)**2/4 is 4e-18."""
FARTHEST = 100.0
"""Nothing is integrated further out than this many widths; where a peak lies in a gap its tail is all there is."""

_TABLE_STEP = 1.0 / 256.0
_TAIL = 6.0
"""Beyond this many widths a piece is integrated by three exponentials: they keep the relative precision of the tail."""
_SHORT = 0.2
"""Half-length of a piece, in widths, below which plain Gauss points are exact enough (1e-9)."""


def bump(x: FloatArray) -> FloatArray:
    """sech(x/2)**2 / 4, which integrates to 1."""
    decay = np.exp(-np.abs(x))
    return decay / (1.0 + decay) ** 2


def delta_weights(energy: FloatArray, centre: FloatArray, piece: np.ndarray) -> FloatArray:
    """Weights (n, d + 1) of the sorted vertex energies (n, d + 1); `piece` p says e_p <= centre < e_(p+1)."""
    weights = np.zeros_like(energy)
    table = _TRIANGLE if energy.shape[1] == 3 else _TETRAHEDRON
    for number, formula in enumerate(table):
        rows = np.flatnonzero(piece == number)
        if len(rows):
            weights[rows] = formula(energy[rows], centre[rows])
    return weights


def _triangle_low(e: FloatArray, centre: FloatArray) -> FloatArray:
    a = (centre - e[:, 0]) / (e[:, 1] - e[:, 0])
    b = (centre - e[:, 0]) / (e[:, 2] - e[:, 0])
    return np.stack([2.0 - a - b, a, b], axis=1) * (a / (e[:, 2] - e[:, 0]))[:, None]


def _mirror(formula: Formula) -> Formula:
    def upper(e: FloatArray, centre: FloatArray) -> FloatArray:
        return formula(-e[:, ::-1], -centre)[:, ::-1]

    return upper


def _tetrahedron_low(e: FloatArray, centre: FloatArray) -> FloatArray:
    a = (centre - e[:, 0])[:, None] / (e[:, 1:] - e[:, :1])
    density = a[:, 0] * a[:, 1] / (e[:, 3] - e[:, 0])
    return np.concatenate([3.0 - a.sum(axis=1, keepdims=True), a], axis=1) * density[:, None]


def _tetrahedron_middle(e: FloatArray, centre: FloatArray) -> FloatArray:
    """The cut is a quadrangle with corners on the edges 02, 03, 13, 12: two triangles along the diagonal 02-13."""
    a02 = (centre - e[:, 0]) / (e[:, 2] - e[:, 0])
    a03 = (centre - e[:, 0]) / (e[:, 3] - e[:, 0])
    a12 = (centre - e[:, 1]) / (e[:, 2] - e[:, 1])
    a13 = (centre - e[:, 1]) / (e[:, 3] - e[:, 1])
    first = a03 * (1.0 - a13) / (e[:, 2] - e[:, 0])
    second = a12 * (1.0 - a02) / (e[:, 3] - e[:, 1])
    both = first + second
    return np.stack(
        [
            both * (1.0 - a02) + first * (1.0 - a03),
            both * (1.0 - a13) + second * (1.0 - a12),
            both * a02 + second * a12,
            both * a13 + first * a03,
        ],
        axis=1,
    )


_TRIANGLE = (_triangle_low, _mirror(_triangle_low))
_TETRAHEDRON = (_tetrahedron_low, _tetrahedron_middle, _mirror(_tetrahedron_low))


@cache
def _moment_table() -> tuple[FloatArray, FloatArray]:
    """Points x and cumulative moments int_(-REACH)^x t**p bump(t) dt for p = 0 .. 3, (4, x)."""
    x = np.arange(-REACH, REACH + 0.5 * _TABLE_STEP, _TABLE_STEP)
    gauss, weight = np.polynomial.legendre.leggauss(6)
    t = 0.5 * (x[1:] + x[:-1])[:, None] + 0.5 * _TABLE_STEP * gauss
    density = 0.5 * _TABLE_STEP * weight * bump(t)
    table = np.zeros((4, len(x)))
    for power in range(4):
        table[power, 1:] = np.cumsum((density * t**power).sum(axis=1))
    return x, table


def _cumulative(x: FloatArray) -> FloatArray:
    """int_(-REACH)^x t**p bump(t) dt for p = 0 .. 3 by cubic Hermite interpolation of the table, (4, n)."""
    grid, table = _moment_table()
    x = np.clip(x, -REACH, REACH)
    index = np.minimum(((x + REACH) / _TABLE_STEP).astype(np.int64), len(grid) - 2)
    s = (x - grid[index]) / _TABLE_STEP
    powers = np.arange(4)[:, None]
    left, right = grid[index], grid[index + 1]
    slope_left = left**powers * bump(left) * _TABLE_STEP
    slope_right = right**powers * bump(right) * _TABLE_STEP
    rise = table[:, index + 1] - table[:, index]
    return table[:, index] + s * (
        slope_left + s * (3.0 * rise - 2.0 * slope_left - slope_right + s * (slope_left + slope_right - 2.0 * rise))
    )


@cache
def _gauss(n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gauss points, weights, and the matrix (l, j) that takes values at the points to Legendre coefficients."""
    x, w = np.polynomial.legendre.leggauss(n)
    legendre = np.polynomial.legendre.legvander(x, n - 1).T
    return x, w, legendre * w * (np.arange(n)[:, None] + 0.5)


def _legendre_moments(low: FloatArray, high: FloatArray, count: int) -> FloatArray:
    """int_low^high P_l(s) bump(x) dx with s in [-1, 1] over the piece, for l < count, (l, n)."""
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    moments = np.empty((count, len(low)))
    tail = (low > _TAIL) | (high < -_TAIL)
    rows = np.flatnonzero(~tail)
    if len(rows):
        m, h = middle[rows], half[rows]
        raw = _cumulative(high[rows]) - _cumulative(low[rows])
        first = (raw[1] - m * raw[0]) / h
        second = (raw[2] - 2.0 * m * raw[1] + m**2 * raw[0]) / h**2
        moments[0, rows], moments[1, rows], moments[2, rows] = raw[0], first, 1.5 * second - 0.5 * raw[0]
        if count > 3:
            third = (raw[3] - 3.0 * m * raw[2] + 3.0 * m**2 * raw[1] - m**3 * raw[0]) / h**3
            moments[3, rows] = 2.5 * third - 1.5 * first
    rows = np.flatnonzero(tail)
    if len(rows):
        moments[:, rows] = _tail_moments(low[rows], high[rows], count)
    return moments


def _tail_moments(low: FloatArray, high: FloatArray, count: int) -> FloatArray:
    """The same where the piece lies beyond `_TAIL` on one side: bump = e - 2 e**2 + 3 e**3 .. with e = exp(-|x|).

    With t = |x| - (its smallest value) and u = t/half, s is u - 1 on the right side and 1 - u on the left one.
    """
    left = high < 0
    nearest = np.where(left, -high, low)
    half = 0.5 * (high - low)
    raw = np.zeros((4, len(low)))
    for order, factor in ((1, 1.0), (2, -2.0), (3, 3.0)):
        length = 2.0 * half * order
        decay = np.exp(-length)
        partial = (
            -np.expm1(-length),
            1.0 - (1.0 + length) * decay,
            2.0 - (2.0 + length * (2.0 + length)) * decay,
            6.0 - (6.0 + length * (6.0 + length * (3.0 + length))) * decay,
        )
        front = factor * np.exp(-order * nearest)
        for power in range(4):
            raw[power] += front * partial[power] / (order * (order * half) ** power)
    moments = np.stack(
        [
            raw[0],
            raw[1] - raw[0],
            raw[0] - 3.0 * raw[1] + 1.5 * raw[2],
            -raw[0] + 6.0 * raw[1] - 7.5 * raw[2] + 2.5 * raw[3],
        ]
    )
    moments[1::2, left] *= -1.0
    return moments[:count]


def broad_weights(energy: FloatArray, centre: FloatArray, width: float) -> FloatArray:
    """Weights (n, d + 1) of sorted vertex energies (n, d + 1) under a bump of the given width at each centre (n,)."""
    dim = energy.shape[1] - 1
    weights = np.zeros_like(energy)
    x, w, to_legendre = _gauss(dim + 1)
    for number in range(dim):
        low = (energy[:, number] - centre) / width
        high = (energy[:, number + 1] - centre) / width
        rows = np.flatnonzero((high > low) & (low < FARTHEST) & (high > -FARTHEST))
        if not len(rows):
            continue
        low, high, e = low[rows], high[rows], energy[rows]
        half = 0.5 * (high - low)
        points = 0.5 * (low + high)[:, None] + half[:, None] * x
        rule = w * half[:, None] * bump(points)
        long = np.flatnonzero(half > _SHORT)
        if len(long):
            rule[long] = (to_legendre.T @ _legendre_moments(low[long], high[long], dim + 1)).T
        total = np.zeros_like(e)
        piece = np.full(len(rows), number)
        for j in range(dim + 1):
            total += rule[:, j, None] * delta_weights(e, centre[rows] + width * points[:, j], piece)
        weights[rows] += total
    return weights
