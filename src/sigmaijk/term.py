"""Contract of a response term: an integrand with its parities and its index symmetry; the catalogue is `terms/`."""

from __future__ import annotations

from functools import cache
from itertools import permutations, product

import numpy as np

from .integrand import Integrand


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


class Term(Integrand):
    """One term of the second-order conductivity."""

    time_reversal: int
    """+1 if the term survives time reversal, -1 if time reversal forbids it. Inversion forbids all three."""
    index_symmetry: str
    """'symmetric' (in all of ijk) or 'hook' (symmetric in jk, cyclic sum zero)."""

    def basis(self, dim: int) -> np.ndarray:
        return symmetric_basis(dim) if self.index_symmetry == "symmetric" else hook_basis(dim)

    def independent(self, dim: int) -> list[tuple[int, int, int]]:
        if self.index_symmetry == "symmetric":
            axes = range(dim)
            return [(i, j, k) for i, j, k in product(axes, axes, axes) if i <= j <= k]
        entries = [(i, j, j) for i, j in permutations(range(dim), 2)]
        return [*entries, (0, 1, 2), (1, 2, 0)] if dim == 3 else entries
