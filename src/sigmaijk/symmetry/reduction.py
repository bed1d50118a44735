"""The operations by which k-space is reduced: those that hold for every number that is integrated, as sampled.

The entries of each term obey F(gk) = D(g) F(k), so that sum_g F(gk) is the order of the group times P F(k), with the
projector P = mean of D(g): the integral of F over the cell is that many times the integral of P F over one of the parts
that the operations take to each other.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from ..errors import ArgumentError
from ..integrand import Integrand
from ..levelset.samples import Sample
from ..model import Model
from ..sampler import BandSampler, Columns
from ..term import Term
from ..terms import CATALOGUE
from .candidates import candidates_of
from .closure import missing_products, ordered
from .finding import verify
from .forms import allowed_basis, transformation
from .groups import PointGroup, group
from .operation import SAME, Operation
from .symbols import symbol_of

EXACT = 1e-8
"""Share of its modulus by which an integrand may differ from what an operation makes of it, if nobody declared the
operation; energies and velocities in units of the largest."""
MOST = 0.9
"""... for this share of the bands: rounding is amplified where a gap is small."""
DECLARED = 0.05
"""The same for a declared operation, which enters the error with what it is off."""
SHARES = np.array([1.0, 0.4, 0.15])
"""How far out the sampled k of a continuum model lie, in units of its scale."""
SMOOTH = 1e-3
"""eV: levels that are off by x shift a result at T = 0 by less than x/SMOOTH of its modulus."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """Operations that reduce k-space, and how well the integrand of each term obeys them."""

    operations: tuple[Operation, ...]
    """A closed set, the identity among them."""
    residual: Mapping[str, float]
    """By term: the largest |F(gk) - D(g) F(k)| seen, in units of the modulus, for all but the steepest bands."""
    violation: float
    """The largest |E(k) - E(gk)| seen, eV."""

    @property
    def symbol(self) -> str:
        """International symbol of the operations."""
        return symbol_of(self.operations)

    @property
    def maps(self) -> FloatArray:
        """What the operations do to k, each map once, Cartesian, (g, d, d)."""
        kept: list[FloatArray] = []
        for operation in self.operations:
            if all(np.abs(operation.momentum_map - known).max() > SAME for known in kept):
                kept.append(operation.momentum_map)
        return np.array(kept)

    def within(self, maps: FloatArray) -> Reduction:
        """The same with those operations alone that act on k as one of some maps (g, d, d)."""
        kept = [
            operation
            for operation in self.operations
            if (np.abs(maps - operation.momentum_map).max(axis=(1, 2)) < SAME).any()
        ]
        return Reduction(tuple(kept), self.residual, self.violation)

    def projector(self, terms: Sequence[Integrand], columns: Columns) -> FloatArray:
        """Takes a vector of integrands (row) to its allowed part, (c, c); moduli stay."""
        dim = self.operations[0].dim
        matrix = np.eye(columns.width)
        for term in terms:
            assert isinstance(term, Term)
            entries = columns.entries[term.name]
            matrix[entries, entries] = np.mean([representation(term, one) for one in self.operations], axis=0)
        assert dim == len(self.operations[0].rotation)
        # Sums of equal and opposite entries leave nothing but rounding.
        return np.where(np.abs(matrix) < 1e-12, 0.0, matrix)

    def forbidden(self, terms: Sequence[Integrand]) -> set[str]:
        """Names of the terms of which nothing is allowed."""
        dim = self.operations[0].dim
        return {
            term.name
            for term in terms
            if isinstance(term, Term) and not allowed_basis(list(self.operations), transformation(term), dim).size
        }

    def describe(self) -> str:
        """For the attributes of a result."""
        return f"{self.symbol}: {', '.join(operation.label for operation in self.operations)}"

    def doubt(self, term: str, kT: FloatArray) -> FloatArray:
        """What the operations are off, as an error of a term in units of its modulus, for each kT (eV)."""
        return self.residual[term] + self.violation / np.where(kT > 0, kT, SMOOTH)


def representation(term: Term, operation: Operation) -> FloatArray:
    """D with F(gk) = F(k) @ D for the independent entries of a term, (c, c)."""
    R, dim = operation.rotation, operation.dim
    sign = term.time_reversal if operation.time_reversal else 1
    turned = sign * np.einsum("ia,jb,kc,nabc->nijk", R, R, R, term.basis(dim), optimize=True)
    return np.stack([turned[:, i, j, k] for i, j, k in term.independent(dim)], axis=-1)


@dataclass(frozen=True, eq=False)
class _Tested:
    """What was seen of operations at some k."""

    operations: tuple[Operation, ...]
    energy: FloatArray
    """(operation,) eV"""
    relative: FloatArray
    """Energies and velocities, in units of the largest, (operation,)."""
    residual: dict[str, FloatArray]
    """By term, (operation,)."""
    points: int
    """k at which H was diagonalised."""


_known: weakref.WeakKeyDictionary[Model, _Tested] = weakref.WeakKeyDictionary()


def reduction(model: Model, wanted: object, terms: Sequence[Integrand], sampler: BandSampler) -> Reduction | None:
    """Operations that may reduce k-space for some terms; None if there is only the identity.

    wanted: True for those that hold to rounding, False for none, or declared operations (a PointGroup, a symbol, names,
    Operation objects), closed if need be. What is diagonalised to find out is charged to the sampler, every time,
    though a model is only tested once.

    Raises ArgumentError for declared operations that the model has not, with the violation in meV and the k.
    """
    if wanted is False:
        return None
    names = [term.name for term in terms]
    if wanted is True:
        tested = _found(model)
        sampler.charge(tested.points)
        worst = np.max([tested.relative, *(tested.residual[name] for name in names)], axis=0)
        kept = [int(n) for n in np.argsort(worst, kind="stable") if worst[n] <= EXACT]
        while missing_products([tested.operations[n] for n in kept]):
            kept.pop()
    else:
        tested = _declared(model, wanted)
        sampler.charge(tested.points)
        kept = list(range(len(tested.operations)))
        for name in names:
            worst = int(tested.residual[name].argmax())
            if tested.residual[name][worst] > DECLARED:
                raise ArgumentError(
                    f"{tested.operations[worst].label} is not a symmetry of the {name} integrand of {model.name}: it "
                    f"is off by {100 * tested.residual[name][worst]:.2g} %; symmetry=True uses what holds"
                )
    found = Reduction(
        tuple(ordered([tested.operations[n] for n in kept])),
        {name: float(tested.residual[name][kept].max()) for name in names},
        float(tested.energy[kept].max()),
    )
    return found if len(found.operations) > 1 else None


def _found(model: Model) -> _Tested:
    known = _known.get(model)
    if known is None:
        rotations = np.array([candidate.rotation for candidate in candidates_of(model)])
        if not model.periodic:
            # A box knows no other rotations.
            rotations = rotations[(np.abs(np.abs(rotations) - np.rint(np.abs(rotations))) < SAME).all(axis=(1, 2))]
        k, sampler = _sampled(model)[:1], BandSampler(model, tuple(CATALOGUE.values()), 1e-6)
        energy = sampler.energies(np.concatenate([k, *(k @ R.T for R in rotations)]))
        same = np.abs(energy[1:] - energy[0]).max(axis=1) <= EXACT * np.abs(energy[0]).max()
        likely = [Operation(R, False) for R in rotations[same]] + [Operation(-R + 0.0, True) for R in rotations[same]]
        known = _known[model] = _tested(model, likely, sampler.points)
    return known


def _declared(model: Model, wanted: object) -> _Tested:
    given = verify(model, wanted if isinstance(wanted, PointGroup) else group(wanted, model.dim))
    return _tested(model, given, given.k_points)


def _sampled(model: Model) -> FloatArray:
    fractions = np.random.default_rng(20261123).random((len(SHARES), model.dim))
    return fractions @ model.reciprocal if model.periodic else (2 * fractions - 1) * model.scale * SHARES[:, None]


def _tested(model: Model, operations: Iterable[Operation], points: int) -> _Tested:
    """What is off of operations; `points` were diagonalised to propose them."""
    sampler = BandSampler(model, tuple(CATALOGUE.values()), 1e-6)
    k = _sampled(model)
    here = sampler(k)
    columns = sampler.columns
    size, fastest = np.abs(here.energy).max(), np.abs(here.velocity).max()
    energy, relative = [], []
    residual: dict[str, list[float]] = {name: [] for name in CATALOGUE}
    images: dict[tuple[float, ...], Sample] = {}
    for operation in operations:
        matrix = operation.momentum_map
        key = tuple((np.round(matrix, 6) + 0.0).ravel().tolist())
        if key not in images:
            images[key] = sampler(k @ matrix.T)
        there = images[key]
        energy.append(float(np.abs(there.energy - here.energy).max()))
        turned = np.abs(here.velocity @ matrix.T - there.velocity).max()
        relative.append(max(energy[-1] / max(size, 1e-300), float(turned) / max(fastest, 1e-300)))
        for name, term in CATALOGUE.items():
            entries, modulus = columns.entries[name], here.integrand[..., columns.modulus[name]]
            expected = here.integrand[..., entries] @ representation(term, operation)
            off = np.abs(there.integrand[..., entries] - expected).max(axis=-1)
            share = np.divide(off, modulus, out=np.zeros_like(off), where=modulus > 0)
            residual[name].append(float(np.quantile(share, MOST, axis=1).max()))
    return _Tested(
        tuple(operations),
        np.array(energy),
        np.array(relative),
        {name: np.array(values) for name, values in residual.items()},
        sampler.points + points,
    )
