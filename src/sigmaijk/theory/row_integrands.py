"""The rows of Table 1 as integrands on the Fermi surface, each put together from what it is made of.

Everything is a combination of P_ijk = v_i G^jk. With a field the velocity has a part from the energy a E.G.E and one
from the curvature of the connection G.E, and the occupation is f0(eps + b E.G.E) (e = 1; QIANG_2025, Eqs. 1, 8, 9).
Integration by parts turns every d_i G^jk f0 of the Fermi sea into -v_i G^jk f0'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from ..arrays import FloatArray
from ..bands import Bands
from ..bibliography import QIANG_2025
from ..geometry import band_normalized_metric, velocity_product
from ..integrand import Integrand
from .coefficients import crossed, direct


@dataclass(frozen=True)
class Ingredients:
    """What a semiclassical row takes for the energy in the velocity and in the occupation."""

    energy: float
    """a: the velocity is that of eps + a E.G.E."""
    occupation: float
    """b: the states are filled as f0(eps + b E.G.E)."""

    def combine(self, product: FloatArray) -> FloatArray:
        """The tau^0 integrand from P (.., i, j, k): three parts of the current, each on its own."""
        group_velocity = self.energy * direct(product)
        # Curvature of G.E: d_i G^jk - (d_j G^ik + d_k G^ij)/2 over the Fermi sea.
        anomalous_velocity = direct(product) + crossed(product)
        occupation = -self.occupation * direct(product)
        return group_velocity + anomalous_velocity + occupation

    @property
    def coefficients(self) -> tuple[float, float]:
        """(c1, c2) of c1 B1 + c2 B2, read off the integrand."""
        probe = np.zeros((2, 2, 2))
        probe[0, 1, 1] = 1.0
        combined = self.combine(probe)
        return float(combined[0, 1, 1]), -2.0 * float(combined[1, 0, 1])


SEMICLASSICAL = {"WPD": Ingredients(0.5, 0.5), "LKA": Ingredients(1.0, 0.0)}
"""Sections 2 to 4 of QIANG_2025, and what its Sec. 5.1 finds in the Luttinger-Kohn approach of its ref. 38."""


@cache
def field_basis(dim: int) -> np.ndarray:
    """Tensors (c, i, j, k) symmetric in jk, one for each entry of `field_entries`."""
    tensors = []
    for i, j, k in field_entries(dim):
        tensor = np.zeros((dim,) * 3)
        tensor[i, j, k] = tensor[i, k, j] = 1.0
        tensors.append(tensor)
    return np.array(tensors)


def field_entries(dim: int) -> list[tuple[int, int, int]]:
    """The entries ijk with j <= k."""
    return [(i, j, k) for i, j, k in product(range(dim), repeat=3) if j <= k]


class RowIntegrand(Integrand):
    """A combination of v_i G^jk."""

    tau_power = 0
    node_power = 3
    equation = QIANG_2025.equation("14 and Table 1")

    def __init__(self, name: str, combine: Callable[[FloatArray], FloatArray], size: float) -> None:
        """`combine` makes the integrand of P (.., i, j, k); `size` bounds what it makes of an entry 1."""
        self.name, self._combine, self._size = name, combine, size

    def tensor(self, bands: Bands) -> FloatArray:
        product = velocity_product(bands, band_normalized_metric(bands))
        return np.moveaxis(self._combine(np.moveaxis(product, -1, 1)), 1, -1)

    def modulus(self, bands: Bands) -> FloatArray:
        return self._size * bands.speed() * 2.0 * bands.modulus(bands.interband_connection, 1)

    def basis(self, dim: int) -> np.ndarray:
        return field_basis(dim)

    def independent(self, dim: int) -> list[tuple[int, int, int]]:
        return field_entries(dim)


def semiclassical_row(name: str) -> RowIntegrand:
    """WPD or LKA."""
    ingredients = SEMICLASSICAL[name]
    return RowIntegrand(name, ingredients.combine, sum(map(abs, ingredients.coefficients)))
