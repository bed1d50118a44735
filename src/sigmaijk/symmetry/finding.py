"""The point group of a model, from H(k) alone.

An operation g = (R, with or without time reversal) belongs to it if one constant unitary U makes U H(k) U^+ = H(gk), or
U H(k)^* U^+ = H(gk) with time reversal. In the basis whose phases carry the positions, which is that of the geometry,
operations with fractional translations and those that exchange orbitals have constant U too, so the same U takes v,
Omega and G along: the response has the symmetry. Where there is no such U, the gauge-invariant quantities decide.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ..arrays import ComplexArray, FloatArray
from ..errors import ArgumentError, ArgumentTypeError, SymmetryWarning
from ..geometry import BandGeometry, band_geometry
from ..model import Model, as_number
from .candidates import Candidate, both_ways, candidates_of, plain
from .groups import Level, PointGroup, key_of, missing_products, ordered, symbol_of
from .operation import OF_H, OF_RESPONSE, SAME, Operation, as_operations
from .unitaries import SMALL, Match, find_unitary, judged

TOLERANCE = 1e-5
"""eV. Files print six decimals, so a symmetrised Wannier model is symmetric to some 1e-6 eV a hopping."""
NEARBY = 0.02
"""eV: how far beyond the tolerance an operation is still worth naming as approximate."""
FIRST_POINTS, MOST_POINTS = 2, 16
WORK = 4e7
"""Points x images x bands**3 after which no more points are sampled."""
SHARES = (1.0, 0.4, 0.15)
"""How far out the sampled k of a continuum model lie, in units of its scale."""
GEOMETRY = 0.05
"""Share of |Q(k)| within which nine in ten bands must agree for a quantity Q to have a symmetry."""
POSITION_TOLERANCE = 1e-4
"""nm, the same for position matrices."""
ROOM = 10.0
"""Tolerances of |U H U^+ - H| within which U is accepted, when the levels obey the tolerance itself."""
ENERGIES_ONLY = "only the energies were compared"
ROUGH = "levels hardly feel it, but U H U^+ and H differ by"
EXACT = 1e-3
"""Share of the tolerance up to which an operation is no worse than the others."""
STEP = 30.0
"""Ratio of two violations that makes two groups out of the operations below and above."""
DIGITS = 1e-11
"""Violations below this share of the largest energy are rounding."""


def point_group(
    model: Model,
    *,
    tolerance: float = TOLERANCE,
    candidates: object = None,
    nearby: float = NEARBY,
) -> PointGroup:
    """The operations (rotation, with or without time reversal) that H(k) has, each with its violation.

    tolerance: violation in eV up to which an operation counts; 0.01 finds the approximate group of a Wannier model.
    candidates: operations to test, as Operation objects, (Cartesian rotation, time_reversal) pairs or names such as
        'C3z', 'My', 'PT'. By default those of the lattice, or for a k.p model rotations by 30 degrees and mirrors about
        k = 0 (in space: all of m-3m and of twelvefold z), each with and without time reversal.
    nearby: operations violated by up to so much (eV) are listed in `.near`, with the reason why they are left out.

    An operation is 'of H' when its unitary was found and 'of the response' when only E, v, w, Omega and G agree. In the
    plane it stands for what it does there: P for C2z too. If operations within the tolerance differ widely in their
    violation, `.levels` has each of the groups and a SymmetryWarning names them. Raises ArgumentError for a tolerance
    that is not above zero, ArgumentTypeError for what is no model.

    >>> import sigmaijk as sg
    >>> print(sg.symmetry.point_group(sg.models.dirac_pt()))
    2'm'm: E, My, PT, MxT
    """
    _check_model(model)
    tolerance = _positive("tolerance", tolerance)
    nearby = max(_positive("nearby", nearby), tolerance)
    if candidates is None:
        pairs = both_ways(candidates_of(model))
    else:
        wanted = as_operations(candidates, model.dim)
        pairs = [(plain([operation.rotation])[0], operation) for operation in wanted]
        if not any(operation.same_as(Operation(np.eye(model.dim))) for operation in wanted):
            pairs.insert(0, (plain([np.eye(model.dim)])[0], Operation(np.eye(model.dim))))
    tested = _Test(model, pairs).run(tolerance, nearby)
    accepted = [operation for operation in tested if not operation.note and operation.violation <= tolerance]
    near = [operation for operation in tested if operation.note or operation.violation > tolerance]
    accepted, dropped = _largest_closed(accepted, tolerance, strict=candidates is None)
    near = sorted(_telling([*near, *dropped], accepted), key=lambda operation: operation.violation)
    levels = _levels(accepted, model)
    group = PointGroup(tuple(ordered(accepted)), f"H of {model.name}", tolerance, levels, tuple(near))
    if len(levels) > 1:
        named = "; ".join(f"{level.symbol} ({level.order}) to {_written(level.violation)}" for level in levels)
        warnings.warn(
            f"the tolerance of {_written(tolerance)} holds more than one group of {model.name}: {named}; "
            "the last one is returned, a tighter tolerance gives the others",
            SymmetryWarning,
            stacklevel=2,
        )
    return group


def verify(model: Model, operations: object, *, tolerance: float = TOLERANCE) -> PointGroup:
    """Operations that a user declares for a model, tested; the same with their violations comes back.

    operations: as for `point_group`. Raises ArgumentError that names the worst operation with its violation in meV and
    the k where it is largest, if one is violated by more than `tolerance` (eV).
    """
    _check_model(model)
    tolerance = _positive("tolerance", tolerance)
    wanted = as_operations(getattr(operations, "operations", operations), model.dim)
    pairs = [(plain([operation.rotation])[0], operation) for operation in wanted]
    tested = _Test(model, pairs).run(tolerance, np.inf)
    wrong = [operation for operation in tested if operation.note or operation.violation > tolerance]
    if wrong:
        worst = max(wrong, key=lambda operation: operation.violation)
        others = f" ({len(wrong)} of {len(tested)} operations fail)" if len(wrong) > 1 else ""
        raise ArgumentError(
            f"{worst.label} is not a symmetry of {model.name}: violated by {_written(worst.violation)} at "
            f"k = {_at(worst.k)}, more than the tolerance of {_written(tolerance)}{others}"
            + (f"; {worst.note}" if worst.note else "")
        )
    return PointGroup(tuple(tested), f"declared, and tested on {model.name}", tolerance)


class _Test:
    """Energies first, then unitaries, then geometry: each stage only for what passed the one before."""

    def __init__(self, model: Model, pairs: Sequence[tuple[Candidate, Operation]]) -> None:
        self.model, self.pairs = model, list(pairs)
        self.rng = np.random.default_rng(20261122)
        self._known: dict[tuple[float, ...], tuple[Operation, ComplexArray]] = {}
        self._images: dict[tuple[float, ...], tuple[ComplexArray, FloatArray]] = {}

    def run(self, tolerance: float, nearby: float) -> list[Operation]:
        """Operations violated by at most `nearby`, with what was found; `note` says why one must not count."""
        first = self._energies(self._sample(FIRST_POINTS), self.pairs)
        floor = DIGITS * max(self.scale, 1e-300)
        spread = [violation.max() for violation in first]
        alive = [pair for pair, size in zip(self.pairs, spread, strict=True) if size <= max(nearby, floor)]
        images = 2 * len(alive) * self.model.n_bands**3
        points = int(np.clip(WORK / max(images, 1), 4, MOST_POINTS))
        k = self._sample(points)
        found = []
        for (candidate, operation), size in zip(alive, self._energies(k, alive), strict=True):
            if size.max() <= max(nearby, floor):
                found.append(self._judge(candidate, operation, k, size, tolerance, nearby, floor))
        return [operation for operation in found if operation.violation <= nearby]

    def _sample(self, count: int) -> FloatArray:
        fractions = self.rng.random((count, self.model.dim))
        if self.model.periodic:
            return fractions @ self.model.reciprocal
        return (2 * fractions - 1) * self.model.scale * np.resize(SHARES, count)[:, None]

    def _image(self, k: FloatArray, matrix: FloatArray) -> tuple[ComplexArray, FloatArray]:
        """H and its eigenvalues at the images of the sampled k."""
        key = (*np.round(matrix, 6).ravel().tolist(), len(k))
        if key not in self._images:
            value = self.model.hamiltonian(k @ matrix.T)
            self._images[key] = value, np.linalg.eigvalsh(value)
        return self._images[key]

    def _energies(self, k: FloatArray, pairs: Sequence[tuple[Candidate, Operation]]) -> list[FloatArray]:
        """Largest |E(k) - E(gk)| at each k, for each pair."""
        self._images.clear()
        _, own = self._image(k, np.eye(self.model.dim))
        self.scale = float(np.abs(own).max())
        return [
            np.abs(self._image(k, _k_map(candidate, operation))[1] - own).max(axis=1) for candidate, operation in pairs
        ]

    def _judge(
        self,
        candidate: Candidate,
        operation: Operation,
        k: FloatArray,
        spread: FloatArray,
        tolerance: float,
        nearby: float,
        floor: float,
    ) -> Operation:
        A, _ = self._image(k, np.eye(self.model.dim))
        B, _ = self._image(k, _k_map(candidate, operation))
        if operation.time_reversal:
            A = A.conj()
        place = int(spread.argmax())
        size = float(spread[place])
        plain = operation.stated(kind=OF_RESPONSE, violation=size, k=k[place], unitary=None)
        tight = max(tolerance, floor)
        exact = self._match(operation, A, B, ROOM * tight) if size <= tight else None
        if exact is None:
            if size <= tight and self._geometry_agrees(candidate, operation, k):
                return plain
            rough = self._match(operation, A, B, ROOM * max(min(nearby, NEARBY), tight))
            if rough is None:
                return plain.stated(note=self._why_not() if size <= tight else ENERGIES_ONLY)
            stated = _with_unitary(operation, rough, k)
            if stated.violation > tolerance:
                return stated
            if rough.residual > ROOM * tight:
                return stated.stated(note=f"{ROUGH} {_written(rough.residual)}")
            exact = rough
        stated = _with_unitary(operation, exact, k)
        shift = self._position_violation(candidate, stated, k[:4])
        if shift <= POSITION_TOLERANCE:
            return stated
        if self._geometry_agrees(candidate, operation, k):
            return plain
        return plain.stated(note=f"H has it, the position matrices only to {shift:.2g} nm")

    def _match(self, operation: Operation, A: ComplexArray, B: ComplexArray, limit: float) -> Match | None:
        """U as the product of two that are known, or from H; A is conjugated already where time is reversed."""
        for known, first in list(self._known.values()):
            rotation = known.rotation.T @ operation.rotation
            partner = self._known.get(key_of(Operation(rotation, known.time_reversal != operation.time_reversal)))
            if partner is None:
                continue
            second = partner[1].conj() if known.time_reversal else partner[1]
            match = judged(first @ second, A, B, SMALL * limit)
            if match is not None:
                break
        else:
            match = find_unitary(A, B, limit, self.rng)
        if match is not None:
            self._known[key_of(operation)] = operation, match.unitary
        return match

    def _why_not(self) -> str:
        positions = getattr(self.model, "positions", None)
        if positions is None or self.model.n_bands == 1:
            return "the energies have it, the geometry has not"
        if not np.ptp(positions, axis=0).any():
            return "the energies have it, the geometry has not: are the orbital positions missing?"
        return "the energies have it, the geometry has not: are the positions those of the orbitals, in their order?"

    def _position_violation(self, candidate: Candidate, operation: Operation, k: FloatArray) -> float:
        """Largest |sum_a R_ba U A_a(k) U^+ - A_b(gk)| of the position matrices, nm; 0 without them."""
        here = self.model.jet(k, 1).connection
        if here is None:
            return 0.0
        there = self.model.jet(k @ _k_map(candidate, operation).T, 1).connection
        assert there is not None
        assert operation.unitary is not None
        turned = np.tensordot(operation.rotation, here.conj() if operation.time_reversal else here, axes=(1, 1))
        U = operation.unitary
        return float(np.abs(U @ np.moveaxis(turned, 0, 1) @ U.conj().T - there).max())

    def _geometry_agrees(self, candidate: Candidate, operation: Operation, k: FloatArray) -> bool:
        """Whether v, w, Omega and G of nine in ten bands transform as the operation says."""
        here = band_geometry(self.model, k)
        there = band_geometry(self.model, k @ _k_map(candidate, operation).T)
        sign = -1.0 if operation.time_reversal else 1.0
        floors = {"berry_curvature": 1e-9 * np.abs(here.quantum_metric).max(initial=0.0)}  # rounding of a zero
        return all(
            _agree(
                _tensor(here, name),
                _tensor(there, name),
                operation.rotation,
                sign if odd else 1.0,
                floors.get(name, 0.0),
            )
            for name, odd in _PARITY.items()
        )


_PARITY = {"velocity": True, "inverse_mass": False, "berry_curvature": True, "band_normalized_metric": False}
"""Quantities of a band, and whether time reversal changes their sign."""


def _tensor(geometry: BandGeometry, name: str) -> FloatArray:
    return getattr(geometry, name)


def _agree(here: FloatArray, there: FloatArray, R: FloatArray, sign: float, floor: float) -> bool:
    subscripts = "ia,kna->kni" if here.ndim == 3 else "ia,jb,knab->knij"
    turned = sign * np.einsum(subscripts, *[R] * (here.ndim - 2), here)
    axes = tuple(range(2, here.ndim))
    size = np.sqrt((turned**2).sum(axis=axes)) + np.sqrt((there**2).sum(axis=axes))
    difference = np.sqrt(((turned - there) ** 2).sum(axis=axes))
    counted = size > max(1e-9 * size.max(initial=0.0), floor)
    if not counted.any():
        return True
    return bool(np.quantile(difference[counted] / size[counted], 0.9) <= GEOMETRY)


def _with_unitary(operation: Operation, match: Match, k: FloatArray) -> Operation:
    place = int(match.shift.argmax())
    return operation.stated(kind=OF_H, violation=float(match.shift[place]), k=k[place], unitary=match.unitary)


def _k_map(candidate: Candidate, operation: Operation) -> FloatArray:
    return -candidate.k_map if operation.time_reversal else candidate.k_map


def _largest_closed(
    operations: list[Operation], tolerance: float, *, strict: bool
) -> tuple[list[Operation], list[Operation]]:
    """The operations less the worst ones, until all products are there; and those that had to go.

    A k.p model with all rotations of space is left as found: no finite group holds them.
    """
    kept, dropped = sorted(operations, key=lambda operation: operation.violation), []
    if not strict or symbol_of(kept).startswith("oooo"):
        return kept, dropped
    while kept[-1].violation > EXACT * tolerance and missing_products(kept):
        dropped.append(kept.pop().stated(note="its products with others are no symmetries within the tolerance"))
    return kept, dropped


def _telling(near: list[Operation], accepted: list[Operation]) -> list[Operation]:
    """Operations left out, less those whose energies agree only because another operation takes k to the same place."""
    maps = [operation.momentum_map for operation in accepted]
    return [
        operation
        for operation in near
        if operation.kind == OF_H or all(np.abs(operation.momentum_map - known).max() > SAME for known in maps)
    ]


def _levels(operations: list[Operation], model: Model) -> tuple[Level, ...]:
    """Groups of operations whose violations differ widely, the most exact first."""
    size = max(float(np.abs(model.hamiltonian(np.full((1, model.dim), 0.1))).max()), 1e-300)
    floor = 1e3 * DIGITS * size
    ranked = sorted(operations, key=lambda operation: operation.violation)
    levels = []
    for number, operation in enumerate(ranked):
        following = ranked[number + 1].violation if number + 1 < len(ranked) else np.inf
        if following > STEP * max(operation.violation, floor) and not missing_products(ranked[: number + 1]):
            part = ranked[: number + 1]
            levels.append(Level(symbol_of(part), len(part), operation.violation))
    return tuple(levels) or (Level(symbol_of(ranked), len(ranked), ranked[-1].violation),)


def _check_model(model: object) -> None:
    if not isinstance(model, Model):
        raise ArgumentTypeError(
            f"model must be a ContinuumModel, a LatticeModel or what sg.models and sg.read_wannier90 return, "
            f"got {type(model).__name__}"
        )


def _positive(name: str, value: float) -> float:
    number = as_number(name, value, "eV")
    if not number > 0:
        raise ArgumentError(f"{name} must be above zero (eV), got {number!r}")
    return number


def _written(energy: float) -> str:
    return f"{1e3 * energy:.3g} meV"


def _at(k: FloatArray | None) -> str:
    return "?" if k is None else f"({', '.join(f'{x:.4g}' for x in k)})/nm"
