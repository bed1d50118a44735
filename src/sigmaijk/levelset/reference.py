"""The reference simplex in two and three dimensions: nodes, interpolation of order 2, subdivision, quadrature.

Simplices are Kuhn's: vertices v_0 .. v_d in an order such that `x = v_0 + sum_a t_a (v_a - v_(a-1))` with
`1 >= t_1 >= .. >= t_d >= 0`. The lattice of order q has the points with q t integer; it splits the simplex into q**d
parts of equal volume, each again a Kuhn simplex in its own order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations, product

import numpy as np

from ..arrays import FloatArray

NODE_ORDER = 2
"""Order of the interpolation of energies and integrand."""


@cache
def lattice(dim: int, order: int) -> np.ndarray:
    """Integer coordinates order >= t_1 >= .. >= t_d >= 0 of the lattice points, (point, a)."""
    points = [p for p in product(range(order + 1), repeat=dim) if all(p[a] >= p[a + 1] for a in range(dim - 1))]
    return np.array(points, dtype=np.int64)


@cache
def parts(dim: int, order: int) -> np.ndarray:
    """Vertices, as numbers of lattice points, of the order**dim simplices that fill the reference simplex."""
    number = {tuple(p): i for i, p in enumerate(lattice(dim, order).tolist())}
    found = []
    for corner in product(range(order), repeat=dim):
        for axes in permutations(range(dim)):
            vertices = [list(corner)]
            for axis in axes:
                vertices.append(list(vertices[-1]))
                vertices[-1][axis] += 1
            if all(tuple(v) in number for v in vertices):
                found.append([number[tuple(v)] for v in vertices])
    return np.array(found, dtype=np.int64)


def _monomials(t: FloatArray) -> FloatArray:
    """All monomials of degree at most 2 in t, (point, monomial)."""
    dim = t.shape[1]
    columns = [np.ones(len(t))] + [t[:, a] for a in range(dim)]
    columns += [t[:, a] * t[:, b] for a in range(dim) for b in range(a, dim)]
    return np.stack(columns, axis=1)


@cache
def _inverse_vandermonde(dim: int) -> FloatArray:
    return np.linalg.inv(_monomials(lattice(dim, NODE_ORDER) / NODE_ORDER))


def interpolation(t: FloatArray) -> FloatArray:
    """Values at t (point, a) of the order-2 shape functions of the nodes, (point, node)."""
    return _monomials(t) @ _inverse_vandermonde(t.shape[1])


@cache
def fine(dim: int, order: int) -> FloatArray:
    """Interpolation from the nodes to the lattice of the given order, (lattice point, node)."""
    return interpolation(lattice(dim, order) / order)


@dataclass(frozen=True)
class Rule:
    """Quadrature on the reference simplex, as values of the shape functions: sum of weights is 1."""

    shape: FloatArray
    """(point, node)"""
    weight: FloatArray
    """(point,)"""


def _collapsed(dim: int, n: int) -> tuple[FloatArray, FloatArray]:
    """Gauss points of the unit cube mapped onto the Kuhn simplex: exact to degree 2 n - dim."""
    x, w = np.polynomial.legendre.leggauss(n)
    x, w = 0.5 * (x + 1.0), 0.5 * w
    points, weights = [], []
    for index in product(range(n), repeat=dim):
        t, weight = [], 1.0
        scale = 1.0
        for i in index:
            weight *= w[i] * scale
            scale *= x[i]
            t.append(scale)
        points.append(t)
        weights.append(weight)
    weights = np.array(weights)
    return np.array(points), weights / weights.sum()


@cache
def rule(dim: int, order: int, gauss: int) -> Rule:
    """Collapsed Gauss rule with gauss**dim points on each of the order**dim parts of the simplex."""
    t, weight = _collapsed(dim, gauss)
    barycentric = np.concatenate([1.0 - t[:, :1], t[:, :-1] - t[:, 1:], t[:, -1:]], axis=1)
    vertices = (lattice(dim, order) / order)[parts(dim, order)]
    points = np.einsum("pv,sva->spa", barycentric, vertices).reshape(-1, dim)
    weights = np.tile(weight, len(vertices)) / len(vertices)
    return Rule(interpolation(points), weights)
