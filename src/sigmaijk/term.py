"""Contract of a response term: its integrand on the Fermi surface, its power of tau, its parities, its index symmetry.

A term knows no integration and no units. Its integral in natural units is `I_ijk = sum_n int [dk] F_n^ijk f0'`; the
catalogue stands in `terms/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cache
from itertools import permutations, product

import numpy as np

from .arrays import FloatArray
from .bands import Bands


@cache
def symmetric_basis(dim: int) -> np.ndarray:
    """Tensors (c, i, j, k) that span the totally symmetric ones; c runs over sorted ijk (4 in 2D, 10 in 3D)."""
    tensors = []
    for triple in product(range(dim), repeat=3):
        if list(triple) == sorted(triple):
            tensor = np.zeros((dim,) * 3)
            for order in set(permutations(triple)):
                tensor[order] = 1.0
            tensors.append(tensor)
    return np.array(tensors)


@cache
def hook_basis(dim: int) -> np.ndarray:
    """Tensors (c, i, j, k) symmetric in jk whose cyclic sum vanishes (2 in 2D, 8 in 3D).

    c runs over ijj with i != j (then jij = jji = -ijj/2) and, in 3D, over xyz and yzx (then zxy = -xyz - yzx).
    """
    tensors = []
    for i, j in permutations(range(dim), 2):
        tensor = np.zeros((dim,) * 3)
        tensor[i, j, j] = 1.0
        tensor[j, i, j] = tensor[j, j, i] = -0.5
        tensors.append(tensor)
    for i in range(2 if dim == 3 else 0):
        tensor = np.zeros((3, 3, 3))
        j, k = (i + 1) % 3, (i + 2) % 3
        tensor[i, j, k] = tensor[i, k, j] = 1.0
        tensor[2, 0, 1] = tensor[2, 1, 0] = -1.0
        tensors.append(tensor)
    return np.array(tensors)


class Term(ABC):
    """One term of the second-order conductivity."""

    name: str
    tau_power: int
    equation: str
    """Where the integrand comes from."""
    time_reversal: int
    """+1 if the term survives time reversal, -1 if time reversal forbids it. Inversion forbids all three."""
    index_symmetry: str
    """'symmetric' (in all of ijk) or 'hook' (symmetric in jk, cyclic sum zero)."""
    node_power: int
    """The integrand grows as 1/r**node_power towards a point where two bands meet linearly."""
    jet_order: int = 1
    """Order of the k-derivatives of H that the integrand needs."""

    @abstractmethod
    def tensor(self, bands: Bands) -> FloatArray:
        """F^ijk of each band, averaged over its group: (k, i, j, k, n), natural units."""

    @abstractmethod
    def modulus(self, bands: Bands) -> FloatArray:
        """A bound of the size of F in which nothing can cancel: (k, n)."""

    def basis(self, dim: int) -> np.ndarray:
        """Tensors (c, i, j, k) that span what the index symmetry allows."""
        return symmetric_basis(dim) if self.index_symmetry == "symmetric" else hook_basis(dim)

    def independent(self, dim: int) -> list[tuple[int, int, int]]:
        """The entry ijk whose value is the coefficient of each basis tensor."""
        if self.index_symmetry == "symmetric":
            axes = range(dim)
            return [(i, j, k) for i, j, k in product(axes, axes, axes) if i <= j <= k]
        entries = [(i, j, j) for i, j in permutations(range(dim), 2)]
        return [*entries, (0, 1, 2), (1, 2, 0)] if dim == 3 else entries

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


def jet_order(terms: Iterable[Term]) -> int:
    """Order of derivatives that a set of terms needs together."""
    return max(term.jet_order for term in terms)
