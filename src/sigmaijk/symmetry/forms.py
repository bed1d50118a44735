"""What a group leaves of a response tensor: independent components and the linear relations of the others.

sigma'_ijk = s R_ia R_jb R_kc sigma_abc for each operation, s = -1 if time is reversed and the term is odd under time
reversal. The space that the operations act on is that of the term's index symmetry: totally symmetric (10 in space, 4
in the plane) for the Drude term, the hook (8, 2) for the Berry curvature and the quantum metric dipole, and all tensors
symmetric in jk (18, 6) for the rows LKA and QK of Table 1 in QIANG_2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import FloatArray
from ..errors import ArgumentError, ArgumentTypeError
from ..term import Term, hook_basis, symmetric_basis
from ..terms import CATALOGUE
from .groups import PointGroup, group_of_symbol
from .operation import Operation, as_operations

IndexSymmetry = Literal["symmetric", "hook", "last two"]
ALLOWED = 1e-6
"""Singular values of the averaged operations are 0 or 1; what differs from 1 by less is allowed."""
ZERO = 1e-9
ROWS = {"LKA": -1, "QK": -1, "WPD": -1}
"""Rows of Table 1 by name, all odd under time reversal; WPD is the quantum metric dipole term."""


@dataclass(frozen=True)
class Transformation:
    """How a term transforms: the sign that time reversal brings, and its index symmetry."""

    name: str
    time_reversal: int
    index_symmetry: str

    def basis(self, dim: int) -> FloatArray:
        """Orthonormal tensors (c, i, j, k) that span what the index symmetry allows."""
        return _orthonormal(self.index_symmetry, dim)


def transformation(term: str | Term) -> Transformation:
    """How a term (a name such as 'qm', a row 'LKA', 'QK' or 'WPD', or a Term) transforms.

    Raises ArgumentError naming what there is, or ArgumentTypeError.
    """
    if isinstance(term, Term):
        return Transformation(term.name, term.time_reversal, term.index_symmetry)
    if not isinstance(term, str):
        raise ArgumentTypeError(f"term must be a name or a Term, got {type(term).__name__}")
    if term in CATALOGUE:
        return transformation(CATALOGUE[term])
    if term in ROWS:
        return Transformation(term, ROWS[term], "hook" if term == "WPD" else "last two")
    raise ArgumentError(f"term must be one of {', '.join(map(repr, [*CATALOGUE, *ROWS]))}, got {term!r}")


@cache
def _orthonormal(index_symmetry: str, dim: int) -> FloatArray:
    if index_symmetry == "symmetric":
        tensors = symmetric_basis(dim)
    elif index_symmetry == "hook":
        tensors = hook_basis(dim)
    else:
        tensors = np.concatenate([symmetric_basis(dim), hook_basis(dim)])
    vectors, _ = np.linalg.qr(tensors.reshape(len(tensors), -1).T)
    return np.ascontiguousarray(vectors.T).reshape(tensors.shape)


@dataclass(frozen=True, eq=False)
class TensorForm:
    """The allowed form of one term: `str(form)` writes it as a paper does, 'xyy = -2 yxy'."""

    term: str
    dim: int
    independent: tuple[str, ...]
    """Components whose values are free."""
    relations: dict[str, dict[str, float]]
    """Every other component that may be nonzero, as a sum of factor * independent component; jk sorted."""
    forbidden: tuple[str, ...]
    """Components that vanish; jk sorted."""
    basis: FloatArray
    """Orthonormal tensors (c, i, j, k) that span the allowed ones."""

    @property
    def count(self) -> int:
        """Number of independent components."""
        return len(self.independent)

    def project(self, tensor: ArrayLike) -> FloatArray:
        """The allowed part of tensors (.., i, j, k)."""
        values = np.asarray(tensor, dtype=float)
        flat = self.basis.reshape(len(self.basis), self.dim**3)
        return (values.reshape(-1, self.dim**3) @ flat.T @ flat).reshape(values.shape)

    def allows(self, component: str) -> bool:
        """Whether a component such as 'xyy' may be nonzero; raises ArgumentError for what is no component."""
        name = canonical(component, self.dim)
        return name in self.independent or name in self.relations

    def lines(self) -> list[str]:
        """One line for each independent component with all that are multiples of it, then the sums."""
        chains, sums = [], []
        for free in self.independent:
            chain = free
            for name, parts in self.relations.items():
                if list(parts) == [free]:
                    chain += f" = {_times(1.0 / parts[free], name)}"
            chains.append(chain)
        for name, parts in self.relations.items():
            if len(parts) > 1:
                sums.append(f"{name} = {self.written(name)}")
        return chains + sums

    def written(self, name: str) -> str:
        """A dependent component as a sum of independent ones, such as '-1/2 xyy'."""
        text = " + ".join(_times(factor, free) for free, factor in self.relations[name].items())
        return text.replace("+ -", "- ")

    def __str__(self) -> str:
        return "; ".join(self.lines()) if self.independent else "0"


def tensor_form(operations: object, term: str | Term) -> TensorForm:
    """Independent components and linear relations that operations leave of a term.

    operations: a PointGroup, Operation objects, pairs (Cartesian rotation, time_reversal), or a symbol of the 122
        magnetic point groups such as "m'mm". They need not be closed: what they generate counts.
    term: 'drude', 'bcd', 'qm' (= the row 'WPD' of Table 1), or the rows 'LKA' and 'QK'.
    Raises ArgumentError or ArgumentTypeError.

    >>> from sigmaijk.symmetry import group, tensor_form
    >>> print(tensor_form(group(["PT", "My"], dim=2), "qm"))
    xyy = -2 yxy
    >>> print(tensor_form("3m'", "bcd"))
    zxx = zyy = -2 xxz = -2 yyz
    """
    if isinstance(operations, str):
        operations = group_of_symbol(operations)
    found = list(operations.operations if isinstance(operations, PointGroup) else as_operations(operations))
    if not found:
        raise ArgumentError("operations must hold at least the identity, which tells the number of directions")
    return _form(found, transformation(term), found[0].dim)


def _form(operations: list[Operation], how: Transformation, dim: int) -> TensorForm:
    basis = allowed_basis(operations, how, dim)
    names = ordered_components(how.index_symmetry, dim)
    entries = np.array([[tensor[_entry(name)] for name in names] for tensor in basis]).reshape(len(basis), len(names))
    reduced, pivots = _reduced(entries)
    independent = tuple(names[column] for column in pivots)
    relations: dict[str, dict[str, float]] = {}
    for column, name in enumerate(names):
        parts = {free: float(row[column]) for free, row in zip(independent, reduced, strict=True)}
        parts = {free: factor for free, factor in parts.items() if abs(factor) > ZERO}
        if parts and name not in independent:
            relations[name] = parts
    forbidden = tuple(name for name in sorted(names) if name not in independent and name not in relations)
    return TensorForm(how.name, dim, independent, relations, forbidden, basis)


def allowed_basis(operations: list[Operation], how: Transformation, dim: int) -> FloatArray:
    """Orthonormal tensors (c, i, j, k) that every operation leaves as they are."""
    basis = how.basis(dim)
    flat = basis.reshape(len(basis), -1)
    # What all operations leave alone is the null space of the sum of (1 - g)^T (1 - g): no closure is needed.
    R = np.array([operation.rotation for operation in operations])
    signs = np.where([operation.time_reversal for operation in operations], how.time_reversal, 1)
    pairs = np.einsum("gia,gjb->gijab", R, R).reshape(len(R), dim**2, dim**2)
    cubes = np.einsum("gia,gpq->gipaq", R, pairs).reshape(len(R), dim**3, dim**3)
    change = np.eye(len(basis)) - signs[:, None, None] * (flat @ cubes @ flat.T)
    defect = (change.swapaxes(1, 2) @ change).sum(axis=0)
    values, vectors = np.linalg.eigh(defect / len(operations))
    return np.tensordot(vectors[:, values < ALLOWED].T, basis, axes=1)


def components(dim: int) -> list[str]:
    """All components with jk sorted: 6 in the plane, 18 in space."""
    letters = "xyz"[:dim]
    return [i + j + k for i, j, k in product(letters, repeat=3) if j <= k]


def canonical(component: str, dim: int) -> str:
    """The component with jk sorted, checked."""
    letters = "xyz"[:dim]
    if not isinstance(component, str) or len(component) != 3 or not set(component) <= set(letters):
        raise ArgumentError(f"component must be three letters out of {', '.join(letters)}, as 'xyy', got {component!r}")
    return component[0] + "".join(sorted(component[1:]))


def ordered_components(index_symmetry: str, dim: int) -> list[str]:
    """Components in the order in which they are taken as independent: as papers do, xyy before yxy."""

    def place(name: str) -> tuple[int, str]:
        i, j, k = name
        if index_symmetry == "symmetric":
            return (0 if i <= j <= k else 1), name
        if i == j == k:
            return (0 if index_symmetry == "last two" else 3), name
        return (4 if i in (j, k) else 1 if j == k else 2), name

    return sorted(components(dim), key=place)


def _entry(name: str) -> tuple[int, int, int]:
    i, j, k = ("xyz".index(letter) for letter in name)
    return i, j, k


def _reduced(rows: FloatArray) -> tuple[FloatArray, list[int]]:
    """Reduced row echelon form and its pivot columns."""
    rows, pivots = rows.copy(), []
    for column in range(rows.shape[1]):
        done = len(pivots)
        if done == len(rows):
            break
        best = done + int(np.abs(rows[done:, column]).argmax())
        if abs(rows[best, column]) < ALLOWED:
            continue
        rows[[done, best]] = rows[[best, done]]
        rows[done] /= rows[done, column]
        others = np.arange(len(rows)) != done
        rows[others] -= np.outer(rows[others, column], rows[done])
        pivots.append(column)
    return rows, pivots


def _times(factor: float, name: str) -> str:
    """'-2 yxy', 'xyy', '1/2 xyy', '1.732 xxy'."""
    written = _number(factor)
    return {"1": name, "-1": f"-{name}"}.get(written, f"{written} {name}")


def _number(factor: float) -> str:
    share = Fraction(factor).limit_denominator(8)
    if abs(float(share) - factor) < ALLOWED:
        return str(share)
    root = Fraction(factor / np.sqrt(3.0)).limit_denominator(8)
    if root and abs(float(root) * np.sqrt(3.0) - factor) < ALLOWED:
        return {"1": "sqrt(3)", "-1": "-sqrt(3)"}.get(str(root), f"{root} sqrt(3)")
    return f"{factor:.6g}"
