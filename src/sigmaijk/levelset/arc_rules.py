"""Nested Clenshaw-Curtis rules on [0, 1]: nodes, weights, interpolation and the error that a spectrum suggests."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..arrays import FloatArray

FINEST = 32
"""Intervals of the finest rule; coarser ones use every second, fourth .. of its nodes."""
FIRST, SECOND = 4, 8
"""Intervals of the coarsest rule, and of the one that confirms it on new arcs."""
SAFETY = 5.0
"""On the tail of the Chebyshev series of the integrand, as error of the rule."""
LEAST = 0.01
"""Smallest error of a rule, in units of the change from the one of half its order."""
HALVING = 1.0
"""Error of the first rule in those units."""


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


def predicted(value: FloatArray, slope: FloatArray, u: FloatArray) -> FloatArray:
    """Values at u (m,) of [0, 1] from values and slopes at the nodes of a rule, (arc, n + 1) both: (arc, m)."""
    n = value.shape[1] - 1
    node = grid()[:: FINEST // n]
    basis = interpolation(n, u)
    away = u[:, None] - node
    # l_j'(u_j) of the Lagrange polynomials at the Chebyshev points 1/2 - cos(pi j/n)/2.
    own = np.zeros(n + 1)
    inside = np.pi * np.arange(1, n) / n
    own[1:-1] = np.cos(inside) / np.sin(inside) ** 2
    own[0], own[-1] = -(2.0 * n**2 + 1.0) / 3.0, (2.0 * n**2 + 1.0) / 3.0
    square = basis**2
    return value @ ((1.0 - 2.0 * away * own) * square).T + slope @ (away * square).T


@cache
def bending(n: int) -> FloatArray:
    """Second derivatives at the nodes of order n, on [0, 1], from the values there, (n + 1, n + 1)."""
    x = 1.0 - 2.0 * grid()[:: FINEST // n]
    series = np.polynomial.chebyshev.Chebyshev
    # chebyshev() takes T_k of the reversed nodes; two derivatives do not mind the direction.
    columns = [series(column).deriv(2)(-x) if n > 1 else 0.0 * x for column in chebyshev(n).T]
    return 4.0 * np.stack(columns, axis=1)


@cache
def spread(n: int) -> FloatArray:
    """Weights of the rule of half the order at the nodes of order n, (n + 1,)."""
    lower = np.zeros(n + 1)
    lower[::2] = weights(n // 2)
    return lower


def interpolation(n: int, u: FloatArray) -> FloatArray:
    """Values at u (m,) of [0, 1] from the values at the nodes of order n, (m, n + 1)."""
    angle = np.arccos(np.clip(1.0 - 2.0 * u, -1.0, 1.0))
    # T_k(-cos) of the reversed nodes: chebyshev() takes them in ascending order.
    return np.cos(np.outer(np.pi - angle, np.arange(n + 1))) @ chebyshev(n)


def rule_error(y: FloatArray, n: int, part: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Error of the rule of order n and decay of the Chebyshev coefficients, from the integrand (arc, n + 1, c)."""
    if n == FIRST:
        coarse = np.einsum("j,kjc->kc", weights(2), y[:, ::2])
        error = HALVING * part[:, None] * np.abs(np.einsum("j,kjc->kc", weights(n), y) - coarse)
        return error, np.ones(y[:, 0].shape)
    size = np.abs(np.einsum("ij,kjc->kic", chebyshev(n), y))
    # Symmetric integrands have every other coefficient zero: envelopes over three of them.
    last = size[:, n - 2 :].max(axis=1)
    middle = size[:, n // 2 - 1 : n // 2 + 2].max(axis=1)
    ratio = np.divide(last, middle, out=np.zeros_like(last), where=middle > 0)
    decay = np.clip(ratio ** (1.0 / (n / 2 - 1)), 0.1, 1.0)
    rest = np.minimum(np.divide(decay, 1.0 - decay, out=np.full_like(decay, np.inf), where=decay < 1), n / 2)
    error = part[:, None] * last * rest * (SAFETY * 2.0 / n**2)
    # The last coefficients may be small by accident.
    lower = np.einsum("j,kjc->kc", weights(n) - spread(n), y)
    return np.maximum(error, LEAST * part[:, None] * np.abs(lower)), decay
