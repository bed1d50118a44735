"""The point group of a model, from H(k) alone.

An operation g = (R, with or without time reversal) belongs to it if one constant unitary U makes U H(k) U^+ = H(gk), or
U H(k)^* U^+ = H(gk) with time reversal. In the basis whose phases carry the positions, which is that of the geometry,
operations with fractional translations and those that exchange orbitals have constant U too, so the same U takes v,
Omega and G along: the response has the symmetry. Where there is no such U, the gauge-invariant quantities decide.
"""

from __future__ import annotations

import warnings

import numpy as np

from ..arrays import FloatArray
from ..errors import ArgumentError, ArgumentTypeError, SymmetryWarning
from ..model import Model, as_number
from .candidates import both_ways, candidates_of, plain
from .closure import missing_products, ordered
from .groups import Level, PointGroup
from .operation import OF_H, SAME, Operation, as_operations
from .probing import DIGITS, NEARBY, Probe, written
from .symbols import symbol_of

TOLERANCE = 1e-5
"""eV. Files print six decimals, so a symmetrised Wannier model is symmetric to some 1e-6 eV a hopping."""
EXACT = 1e-3
"""Share of the tolerance up to which an operation is no worse than the others."""
STEP = 30.0
"""Ratio of two violations that makes two groups out of the operations below and above."""


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
    return group_of(Probe(model, pairs), tolerance, nearby, strict=candidates is None)


def probe_of(model: Model, most: float = np.inf) -> Probe:
    """What `point_group` tries by default, on at most so many k-points."""
    return Probe(model, both_ways(candidates_of(model)), most)


def group_of(probe: Probe, tolerance: float, nearby: float, *, strict: bool = True) -> PointGroup:
    """The operations of a probe that hold; `strict` leaves out those without which they are a group."""
    model = probe.model
    tested = probe.run(tolerance, nearby)
    accepted = [operation for operation in tested if not operation.note and operation.violation <= tolerance]
    near = [operation for operation in tested if operation.note or operation.violation > tolerance]
    accepted, dropped = _largest_closed(accepted, tolerance, strict=strict)
    near = sorted(_telling([*near, *dropped], accepted), key=lambda operation: operation.violation)
    levels = _levels(accepted, model)
    group = PointGroup(tuple(ordered(accepted)), f"H of {model.name}", tolerance, levels, tuple(near), probe.k_points)
    if len(levels) > 1:
        named = "; ".join(f"{level.symbol} ({level.order}) to {written(level.violation)}" for level in levels)
        warnings.warn(
            f"the tolerance of {written(tolerance)} holds more than one group of {model.name}: {named}; "
            "the last one is returned, a tighter tolerance gives the others",
            SymmetryWarning,
            stacklevel=3,
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
    probe = Probe(model, pairs)
    tested = probe.run(tolerance, np.inf)
    wrong = [operation for operation in tested if operation.note or operation.violation > tolerance]
    if wrong:
        worst = max(wrong, key=lambda operation: operation.violation)
        others = f" ({len(wrong)} of {len(tested)} operations fail)" if len(wrong) > 1 else ""
        raise ArgumentError(
            f"{worst.label} is not a symmetry of {model.name}: violated by {written(worst.violation)} at "
            f"k = {_at(worst.k)}, more than the tolerance of {written(tolerance)}{others}"
            + (f"; {worst.note}" if worst.note else "")
        )
    return PointGroup(tuple(tested), f"declared, and tested on {model.name}", tolerance, k_points=probe.k_points)


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


def _at(k: FloatArray | None) -> str:
    return "?" if k is None else f"({', '.join(f'{x:.4g}' for x in k)})/nm"
