"""Symmetric Gauss rules on the triangle, and orthonormal polynomials that tell how fast a function decays on it.

The rules have the structure of D. A. Dunavant, Int. J. Numer. Meth. Eng. 21, 1129 (1985); the numbers solve the moment
equations to roundoff (the test checks them).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
from scipy.special import eval_jacobi

from ..arrays import FloatArray

TOP = 7
"""Degree of the polynomials that are kept for the displacement of a facet."""

ORBITS: tuple[tuple[int, tuple[tuple[float, ...], ...]], ...] = (
    (
        5,
        (
            (1 / 3, 1 / 3, 0.225),
            (0.10128650732345634, 0.10128650732345634, 0.12593918054482717),
            (0.47014206410511505, 0.47014206410511505, 0.13239415278850616),
        ),
    ),
    (
        8,
        (
            (1 / 3, 1 / 3, 0.14431560767778717),
            (0.17056930775176021, 0.17056930775176021, 0.10321737053471825),
            (0.45929258829272315, 0.45929258829272315, 0.09509163426728462),
            (0.05054722831703098, 0.05054722831703098, 0.03245849762319808),
            (0.26311282963463811, 0.00839477740995761, 0.02723031417443499),
        ),
    ),
    (
        12,
        (
            (0.4882173897738108, 0.4882173897738108, 0.02573106644045045),
            (0.4397243922944621, 0.4397243922944621, 0.0436925445380285),
            (0.2712103850120738, 0.2712103850120738, 0.06285822421793862),
            (0.12757614554166125, 0.12757614554166125, 0.034796112930742376),
            (0.02131735045319538, 0.02131735045319538, 0.006166261051552197),
            (0.11534349453461504, 0.2757132696855975, 0.04037155776635006),
            (0.022838332222246675, 0.281325580989911, 0.02235677320229293),
            (0.02573405054834361, 0.11625191590756732, 0.017316231108667573),
        ),
    ),
)
"""(degree, ((two barycentric coordinates and the weight of one point) for each orbit)); weights sum to one."""


@dataclass(frozen=True)
class TriangleRule:
    """A rule and the discrete transform to orthonormal polynomials on its nodes."""

    degree: int
    nodes: FloatArray
    """(node, 2)"""
    weight: FloatArray
    """Sum to one, (node,)."""
    transform: FloatArray
    """Values at the nodes to coefficients up to `order`, (coefficient, node)."""
    order: int

    def __len__(self) -> int:
        return len(self.weight)

    def spectrum(self, values: FloatArray) -> FloatArray:
        """Size of each degree up to order, and of what lies above, for values (.., node, c): (order + 2, .., c)."""
        coefficients = self.transform @ values
        square = [(coefficients[..., _degrees(k), :] ** 2).sum(axis=-2) for k in range(self.order + 1)]
        rest = values - basis(self.nodes, self.order) @ coefficients
        square.append((self.weight[:, None] * rest**2).sum(axis=-2))
        return np.sqrt(np.stack(square))

    def prediction(self, spectrum: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Error of the rule if the spectrum (order + 2, f, c) goes on as it decays, and the decay, both (f, c).

        The error is of the first degree that the rule misses, reached from the last one seen.
        """
        size = np.maximum(spectrum, 1e-16 * spectrum.max(axis=0) + 1e-300)
        ratio = np.maximum(size[-1] / size[-2], np.sqrt(size[-1] / size[-3]))
        if self.order > 2:
            ratio = np.maximum(ratio, np.sqrt(size[-2] / size[-4]))
        ratio = np.clip(ratio, 0.05, 1.0)
        top = np.maximum(size[-1], ratio * size[-2])
        return top * ratio ** (self.degree - self.order - 1), ratio


def _degrees(degree: int) -> slice:
    return slice(degree * (degree + 1) // 2, (degree + 1) * (degree + 2) // 2)


def basis(points: FloatArray, degree: int) -> FloatArray:
    """Polynomials of a total degree at points (n, 2), orthonormal for the mean over the triangle, (n, coefficient)."""
    u, v = points[:, 0], points[:, 1]
    rest = 1.0 - v
    along = np.divide(2.0 * u, rest, out=np.zeros_like(u), where=rest > 1e-12) - 1.0
    columns = []
    for total in range(degree + 1):
        for i in range(total + 1):
            j = total - i
            norm = np.sqrt((2 * i + 1) * (i + j + 1))
            columns.append(norm * eval_jacobi(i, 0, 0, along) * rest**i * eval_jacobi(j, 2 * i + 1, 0, 2.0 * v - 1.0))
    return np.stack(columns, axis=1)


@cache
def rules() -> tuple[TriangleRule, ...]:
    """All rules, the cheapest first."""
    return tuple(_build(degree, orbits) for degree, orbits in ORBITS)


def _build(degree: int, orbits: tuple[tuple[float, ...], ...]) -> TriangleRule:
    points, weights = [], []
    for a, b, weight in orbits:
        images = sorted({(x, y) for x, y, _ in permutations((a, b, 1.0 - a - b))})
        distinct: list[tuple[float, float]] = []
        for x, y in images:
            if all(abs(x - p) + abs(y - q) > 1e-9 for p, q in distinct):
                distinct.append((x, y))
        points += distinct
        weights += [weight] * len(distinct)
    nodes, weight = np.array(points), np.array(weights)
    order = degree // 2
    return TriangleRule(degree, nodes, weight, basis(nodes, order).T * weight, order)


@cache
def quarters() -> tuple[FloatArray, FloatArray]:
    """The four parts of the triangle: corners (4, 3, 3) in barycentric coordinates, and what they make of coefficients.

    The second array (4, coefficient, coefficient) takes polynomials on the whole to the same polynomials on the parts.
    """
    one, two, three = np.eye(3)
    a, b, c = (one + two) / 2, (two + three) / 2, (three + one) / 2
    corners = np.array([[one, a, c], [a, two, b], [c, b, three], [b, c, a]])
    sample = _lattice(TOP)
    to_coefficients = np.linalg.pinv(basis(sample, TOP))
    local = np.concatenate([1.0 - sample.sum(axis=1, keepdims=True), sample], axis=1)
    return corners, np.stack([to_coefficients @ basis((local @ part)[:, 1:], TOP) for part in corners])


def _lattice(degree: int) -> FloatArray:
    """Enough points for polynomials of the degree, (n, 2)."""
    n = degree + 2
    return np.array([(i / n, j / n) for i in range(n + 1) for j in range(n + 1 - i)])


@cache
def sag() -> FloatArray:
    """Coefficients of the cubic that vanishes at the corners, from its slopes there, (coefficient, 6).

    The slopes are those from corner a towards corner b for (a, b) = 01, 02, 10, 12, 20, 21.
    """
    sample = _lattice(TOP)
    local = np.concatenate([1.0 - sample.sum(axis=1, keepdims=True), sample], axis=1)
    columns = []
    for a, b in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)):
        # Bezier coefficients: slope / 3 next to the corner, and the centre that reproduces quadratic functions.
        columns.append(local[:, a] ** 2 * local[:, b] + 0.5 * local.prod(axis=1))
    return np.linalg.pinv(basis(sample, TOP)) @ np.stack(columns, axis=1)
