"""Design help: what must be broken for a wanted component to appear, and what group is left then.

A perturbation is a vector p that transforms with a representation of the group: strain and the electric field are even
under time reversal, a magnetic field and moments are odd and axial. What leaves p as it is remains. The power in which
the component grows is that of the lowest power of p that holds an invariant with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np

from ..arrays import FloatArray
from ..errors import ArgumentError
from ..term import Term
from .forms import TensorForm, Transformation, canonical, tensor_form, transformation
from .groups import PointGroup, group
from .operation import as_operations, index_of

HIGHEST_POWER = 3


@dataclass(frozen=True)
class Unlock:
    """One minimal way to a component."""

    perturbations: tuple[str, ...]
    """Such as ('electric field z',); more than one if each alone does not do."""
    group: PointGroup
    """What is left of the group."""
    form: TensorForm
    """What the term may be then."""
    power: int | None
    """Lowest power of a single perturbation that the component grows with, if at most 3; None for several."""

    def __str__(self) -> str:
        growth = "" if self.power is None else f", of order {self.power}"
        return f"{' and '.join(self.perturbations)}{growth}: {self.group.symbol} is left, {self.form}"


@dataclass(frozen=True, eq=False)
class _Kind:
    """A kind of perturbation: named components, and the matrix by which an operation acts on all of them."""

    name: str
    labels: tuple[str, ...]
    matrices: FloatArray
    """(operations, m, m)."""
    directions: FloatArray
    """(labels, m)."""


def unlock(
    symmetry: object,
    term: str | Term,
    component: str,
    *,
    perturbations: Iterable[str] | None = None,
    exchanging: object = None,
    dim: int | None = None,
    most: int = 2,
) -> list[Unlock]:
    """The least that must be added to a group for a component to appear: one perturbation, or two if one is not enough.

    symmetry: a PointGroup, operations, or a symbol such as "4/m'mm" (with dim=2: of the plane).
    component: such as 'xyy', of a term as for `tensor_form`.
    perturbations: some of 'strain', 'electric' (field, or displacement of atoms against the others), 'magnetic' (field,
        or moment), 'neel' (opposite moments on two sublattices), 'opposite displacement' (of two sublattices); all by
        default. In the plane only what its operations determine is tried: no field along z but a magnetic one.
    exchanging: the operations of the group that exchange the two sublattices; the last two perturbations need it.
    Returns an empty list if nothing tried helps, and one entry without perturbations if the component is allowed as it
    is. Raises ArgumentError naming what is wrong.

    >>> for way in unlock(group("4mm1'", dim=2), "bcd", "yxx"):
    ...     print(way)
    electric field or displacement y, of order 1: m1' is left, yxx = -2 xxy
    """
    start = symmetry if isinstance(symmetry, PointGroup) else group(symmetry, dim)
    start = PointGroup(tuple(group(start.operations, start.dim)), start.source)
    name = canonical(component, start.dim)
    form = tensor_form(start, term)
    if form.allows(name):
        return [Unlock((), start, form, 0)]
    if not _ever(transformation(term), name, start.dim):
        raise ArgumentError(f"{component} of {form.term} vanishes in every crystal: its index symmetry forbids it")
    single = [
        (f"{kind.name} {label}", kind, direction)
        for kind in _kinds(start, perturbations, exchanging)
        for label, direction in zip(kind.labels, kind.directions, strict=True)
    ]
    ways: list[Unlock] = []
    for count in range(1, most + 1):
        for chosen in combinations(single, count):
            left = [
                operation
                for number, operation in enumerate(start)
                if all(np.abs(kind.matrices[number] @ p - p).max() < 1e-6 for _, kind, p in chosen)
            ]
            remaining = PointGroup(tuple(left), f"{start.symbol} with {', '.join(text for text, _, _ in chosen)}")
            allowed = tensor_form(remaining, term)
            if allowed.allows(name):
                power = _power(start, transformation(term), name, chosen[0][1], chosen[0][2]) if count == 1 else None
                ways.append(Unlock(tuple(text for text, _, _ in chosen), remaining, allowed, power))
        if ways:
            break
    return sorted(ways, key=lambda way: (way.power or HIGHEST_POWER + 1, -len(way.group)))


@cache
def _ever(how: Transformation, name: str, dim: int) -> bool:
    place = tuple("xyz".index(letter) for letter in name)
    return bool(np.abs(how.basis(dim)[:, *place]).max() > 1e-9)


def _kinds(start: PointGroup, wanted: Iterable[str] | None, exchanging: object) -> list[_Kind]:
    R = np.array([operation.rotation for operation in start])
    reversal = np.where([operation.time_reversal for operation in start], -1.0, 1.0)
    determinant = np.linalg.det(R)
    axial = reversal * determinant
    dim = start.dim
    letters = "xyz"[:dim]
    vectors = np.eye(dim)
    spin = axial[:, None, None] * (np.ones((1, 1)) if dim == 2 else R)
    spins, units = (("z",), np.ones((1, 1))) if dim == 2 else (tuple(letters), vectors)
    kinds = {
        "strain": _strain(R, dim),
        "electric": _Kind("electric field or displacement", tuple(letters), R, vectors),
        "magnetic": _Kind("magnetic field or moment", spins, spin, units),
    }
    if exchanging is not None:
        sign = _exchange(start, exchanging)[:, None, None]
        kinds["neel"] = _Kind("neel vector", spins, sign * spin, units)
        kinds["opposite displacement"] = _Kind("opposite displacement", tuple(letters), sign * R, vectors)
    if wanted is None:
        return list(kinds.values())
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in names:
        if name in ("neel", "opposite displacement") and name not in kinds:
            raise ArgumentError(f"{name!r} needs exchanging, the operations that exchange the two sublattices")
        if name not in kinds:
            raise ArgumentError(f"perturbations must be some of {', '.join(map(repr, kinds))}, got {name!r}")
    return [kinds[name] for name in names]


def _strain(R: FloatArray, dim: int) -> _Kind:
    pairs = [(a, b) for a, b in product(range(dim), repeat=2) if a <= b]
    tensors = []
    for a, b in pairs:
        tensor = np.zeros((dim, dim))
        tensor[a, b] = tensor[b, a] = 1.0
        tensors.append(tensor.ravel())
    matrices = np.einsum("gia,gjb->gijab", R, R).reshape(len(R), dim**2, dim**2)
    return _Kind("strain", tuple("xyz"[a] + "xyz"[b] for a, b in pairs), matrices, np.array(tensors))


def _exchange(start: PointGroup, exchanging: object) -> FloatArray:
    """-1 for operations that exchange the sublattices; raises ArgumentError where products disagree."""
    swapping = as_operations(exchanging, start.dim)
    sign = np.array([-1.0 if index_of(swapping, operation) is not None else 1.0 for operation in start])
    for a, first in enumerate(start):
        for b, second in enumerate(start):
            place = index_of(start.operations, first @ second)
            if place is not None and sign[place] != sign[a] * sign[b]:
                raise ArgumentError(
                    f"exchanging must fit together: {first.label} times {second.label} is "
                    f"{start.operations[place].label}, which must{'' if sign[place] > 0 else ' not'} exchange them"
                )
    return sign


def _power(start: PointGroup, how: Transformation, name: str, kind: _Kind, p: FloatArray) -> int | None:
    """Lowest power of p that drives the component: the group average of a general map from powers of p to tensors."""
    place = tuple("xyz".index(letter) for letter in name)
    basis = how.basis(start.dim)
    R = np.array([operation.rotation for operation in start])
    signs = np.where([operation.time_reversal for operation in start], how.time_reversal, 1)
    turned = np.einsum("gia,gjb,gkc,nabc->gnijk", R, R, R, basis, optimize=True)
    tensors = signs[:, None, None] * np.einsum("mijk,gnijk->gmn", basis, turned)
    reader = basis[:, *place]
    for power in range(1, HIGHEST_POWER + 1):
        # component of mean_g T(g) M (g^-1 p)^power over all maps M: zero for every M, or driven
        back = np.swapaxes(kind.matrices, 1, 2) @ p
        powers = back
        for _ in range(power - 1):
            powers = np.einsum("ga,gb->gab", powers, back).reshape(len(back), -1)
        driven = np.einsum("m,gmn,ga->na", reader, tensors, powers) / len(start)
        if np.abs(driven).max() > 1e-9:
            return power
    return None
