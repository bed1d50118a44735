"""Contract of what the driver integrates: F_n^ijk of each band, whose integral is `I_ijk = sum_n int [dk] F_n^ijk f0'`.

It knows no integration and no units. Members: the response terms (`terms/`) and the rows of Table 1 (`theory`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np

from .arrays import FloatArray
from .bands import Bands


class Integrand(ABC):
    """A tensor of each band, symmetric in jk, that is integrated under f0'."""

    name: str
    tau_power: int
    equation: str
    """Where it comes from."""
    node_power: int
    """It grows as 1/r**node_power towards a point where two bands meet linearly."""
    jet_order: int = 1
    """Order of the k-derivatives of H that it needs."""

    @abstractmethod
    def tensor(self, bands: Bands) -> FloatArray:
        """F^ijk of each band, averaged over its group: (k, i, j, k, n), natural units."""

    @abstractmethod
    def modulus(self, bands: Bands) -> FloatArray:
        """A bound of the size of F in which nothing can cancel: (k, n)."""

    @abstractmethod
    def basis(self, dim: int) -> np.ndarray:
        """Tensors (c, i, j, k) that span what the index symmetry allows."""

    @abstractmethod
    def independent(self, dim: int) -> list[tuple[int, int, int]]:
        """The entry ijk whose value is the coefficient of each basis tensor."""

    def components(self, bands: Bands) -> FloatArray:
        """The independent entries of F: (k, n, c)."""
        tensor = self.tensor(bands)
        picked = [tensor[:, i, j, k] for i, j, k in self.independent(tensor.shape[1])]
        return np.stack(picked, axis=-1)

    def expand(self, coefficients: FloatArray, dim: int) -> FloatArray:
        """All entries (..., i, j, k) from the independent ones (..., c)."""
        return np.tensordot(coefficients, self.basis(dim), axes=1)

    def expand_error(self, errors: FloatArray, dim: int) -> FloatArray:
        """Errors of all entries (..., i, j, k) from those of the independent ones (..., c)."""
        return np.tensordot(errors, np.abs(self.basis(dim)), axes=1)


def jet_order(integrands: Iterable[Integrand]) -> int:
    """Order of derivatives that a set of integrands needs together."""
    return max(integrand.jet_order for integrand in integrands)
