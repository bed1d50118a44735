"""tau^0 as a combination c1 B1 + c2 B2 + c3 C1: what tells the rows of Table 1 and the relaxation models apart.

B1_ijk = sum int [dk] v_i G^jk f0' and B2_ijk = -1/2 sum int [dk] (v_j G^ik + v_k G^ij) f0' are what Table 1 of
QIANG_2025 is made of; C1 of `Kinetics.occupied_shift` stands in no row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from ..errors import ModelError
from .kinetics import VelocityMetric

VANISHING = 1e-10
"""B1 and B2 below this share of their integral of moduli are zero by symmetry."""
DEPENDENT = 1e-6
"""Two tensors whose normalised singular values have a ratio below this are one."""
FLOOR = 1e-10
"""A fit is never expected to be better than this, relative to the largest entry."""


def direct(product: FloatArray) -> FloatArray:
    """B1 from P_ijk = sum int [dk] v_i G^jk f0'; also for a batch with the axes i, j, k last."""
    return product


def crossed(product: FloatArray) -> FloatArray:
    """B2 = -(P_jik + P_kij)/2 from the same P."""
    return -0.5 * (product.swapaxes(-3, -2) + np.moveaxis(product, -3, -1))


@dataclass(frozen=True)
class Coefficients:
    """c1, c2, c3 and how well they fit."""

    c1: float
    c2: float
    c3: float
    residual: float
    """Largest deviation of any entry over the largest entry of tau^0, B1 and B2."""
    determined: bool
    """False if symmetry leaves only c1 - c2: then c1 and c2 are the shortest of many pairs."""

    def combine(self, product: FloatArray) -> FloatArray:
        """c1 B1 + c2 B2 of any P (.., i, j, k)."""
        return self.c1 * direct(product) + self.c2 * crossed(product)

    def written(self) -> str:
        """For a message."""
        return f"(c1, c2) = ({self.c1:.8g}, {self.c2:.8g})"


def fitted(tensor: FloatArray, error: float, metric: VelocityMetric, shift: FloatArray) -> Coefficients:
    """The coefficients of a tau^0 tensor; c3 is zero unless B1 and B2 alone miss it by more than its error.

    shift: C1. Raises ModelError if B1 = B2 = 0, in a gap or as time reversal and inversion demand.
    """
    basis = [part.ravel() for part in (direct(metric.value), crossed(metric.value), shift)]
    if metric.modulus <= VANISHING * metric.sea:
        raise ModelError(
            "B1 = B2 = 0: mu lies in a gap, or there is a single band, so that c1 and c2 cannot be fitted; move mu, "
            "raise kT, or pass fit=False for the tensors alone"
        )
    if max(np.abs(part).max() for part in basis[:2]) <= VANISHING * metric.modulus:
        raise ModelError(
            "B1 = B2 = 0: time reversal, inversion or an even rotation forbids every tau^0 response of this model, so "
            "that c1 and c2 cannot be fitted; break the symmetry, or pass fit=False for the tensors alone"
        )
    size = max(float(np.abs(part).max()) for part in (tensor, *basis[:2]))
    two, determined = _solve(basis[:2], tensor.ravel())
    if two[-1] <= max(error, FLOOR * size) or not determined:
        return Coefficients(two[0], two[1], 0.0, two[-1] / size, determined)
    three, separate = _solve(basis, tensor.ravel())
    if not separate:
        return Coefficients(two[0], two[1], 0.0, two[-1] / size, determined)
    return Coefficients(three[0], three[1], three[2], three[-1] / size, determined)


def _solve(basis: list[FloatArray], target: FloatArray) -> tuple[list[float], bool]:
    """Least-squares coefficients followed by the largest deviation, and whether the basis is independent."""
    columns = np.stack(basis, axis=1)
    scale = np.linalg.norm(columns, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    weights, _, _, singular = np.linalg.lstsq(columns / scale, target, rcond=DEPENDENT)
    weights = weights / scale
    deviation = float(np.abs(columns @ weights - target).max())
    return [*map(float, weights), deviation], bool(singular[-1] > DEPENDENT * singular[0])
