"""One operation of a magnetic point group: a rotation, with or without time reversal, its name, and how well it holds.

k goes to R k, or to -R k if time is reversed; H(k) goes to U H(k) U^+, or to U H(k)^* U^+ if time is reversed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import ComplexArray, FloatArray
from ..errors import ArgumentError, ArgumentTypeError
from ..model import as_reals

SAME = 1e-6
"""Rotations whose entries differ by less are one; crystallographic ones differ by 0.1 at least."""
MOST_FOLD = 12
"""Largest order of a rotation that gets a name."""
OF_H, OF_RESPONSE, DECLARED, OF_STRUCTURE = "of H", "of the response", "declared", "of the structure"

AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Operation:
    """A rotation of k-space, proper or not, and whether time is reversed with it.

    In the plane an operation stands for what it does there: P and C2z are one rotation, called P, and M_z is E.
    """

    rotation: FloatArray
    """Orthogonal, (dim, dim), Cartesian; it acts on vectors of real space and of k alike."""
    time_reversal: bool = False
    kind: str = DECLARED
    """'of H' (its unitary was found), 'of the response' (only spectrum and geometry agree), 'of the structure' or
    'declared'."""
    violation: float = 0.0
    """eV: twice the largest shift of a level when H is made symmetric with U, such as the splitting of a pair; without
    U the largest |E(k) - E(gk)|."""
    k: FloatArray | None = None
    """Where the violation is largest, (dim,), 1/nm."""
    unitary: ComplexArray | None = None
    """U, (n, n), in the basis of `model.hamiltonian`; None unless the kind is 'of H'."""
    note: str = ""
    """Why an operation that nearly holds was left out."""

    @property
    def dim(self) -> int:
        """2 or 3."""
        return len(self.rotation)

    @property
    def momentum_map(self) -> FloatArray:
        """The matrix that takes k to its image: R, or -R if time is reversed."""
        return -self.rotation if self.time_reversal else self.rotation

    @property
    def label(self) -> str:
        """Name such as 'C3z', 'My', 'PC4z', 'PT'; P is the inversion, M_a the mirror normal to a, T time reversal."""
        spatial = _spatial_label(self.rotation)
        if not self.time_reversal:
            return spatial
        return "T" if spatial == "E" else f"{spatial}T"

    def same_as(self, other: Operation) -> bool:
        """Whether both do the same to k and to time."""
        return self.time_reversal == other.time_reversal and np.abs(self.rotation - other.rotation).max() < SAME

    def __matmul__(self, other: Operation) -> Operation:
        """First the other, then this one."""
        rotation = self.rotation @ other.rotation
        return Operation(rotation, self.time_reversal != other.time_reversal)

    def __str__(self) -> str:
        return self.label

    def stated(self, **facts: object) -> Operation:
        """The same operation with other facts about it."""
        return replace(self, **facts)  # pyright: ignore[reportArgumentType]


def index_of(operations: Iterable[Operation], wanted: Operation) -> int | None:
    """The place of an operation in a list, or None."""
    return next((n for n, operation in enumerate(operations) if operation.same_as(wanted)), None)


def rotation_about(axis: ArrayLike, angle: float, *, inverted: bool = False) -> FloatArray:
    """Rotation by an angle (radians) about an axis of space, times the inversion if asked for."""
    unit = np.asarray(axis, dtype=float)
    unit = unit / np.linalg.norm(unit)
    x, y, z = unit
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return tidy(-turned if inverted else turned)


def plane_rotation(angle: float) -> FloatArray:
    """Rotation of the plane by an angle in radians."""
    return tidy(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def plane_mirror(angle: float) -> FloatArray:
    """Mirror of the plane whose normal stands at an angle (radians) to x."""
    normal = np.array([np.cos(angle), np.sin(angle)])
    return tidy(np.eye(2) - 2 * np.outer(normal, normal))


def tidy(rotation: FloatArray) -> FloatArray:
    """Entries that are 0, 1/2 or 1 but for rounding, exactly so."""
    halves = np.round(2 * rotation) / 2
    return np.where(np.abs(rotation - halves) < 1e-12, halves, rotation) + 0.0


def as_operations(operations: object, dim: int | None = None) -> list[Operation]:
    """Operations from Operation objects, (rotation, time_reversal) pairs or names such as 'C3z', 'My', 'PT'.

    Names need `dim`, the number of directions, unless an operation before them tells it. Raises ArgumentTypeError for
    anything else, and ArgumentError for a matrix that is not orthogonal, or for operations of different dimension.
    """
    if isinstance(operations, str | Operation):
        operations = [operations]
    if not isinstance(operations, Iterable):
        raise ArgumentTypeError(f"operations must be a list of operations, got {type(operations).__name__}")
    found: list[Operation] = []
    for number, item in enumerate(operations):
        operation = _as_operation(item, number, dim)
        dim = dim or operation.dim
        if operation.dim != dim:
            raise ArgumentError(f"operations must all act on {dim} directions, number {number} acts on {operation.dim}")
        found.append(operation)
    return found


def _as_operation(item: object, number: int, dim: int | None) -> Operation:
    if isinstance(item, Operation):
        return item
    if isinstance(item, str):
        return named_operation(item, dim or 3)
    if not (isinstance(item, tuple | list) and len(item) == 2):
        raise ArgumentTypeError(
            f"operations must be Operation objects, names or pairs (rotation, time_reversal); number {number} is "
            f"{type(item).__name__}"
        )
    rotation, reversal = item
    if not isinstance(reversal, bool | np.bool_):
        raise ArgumentTypeError(f"time_reversal of operation {number} must be True or False, got {reversal!r}")
    matrix = as_reals(f"rotation of operation {number}", rotation, "an orthogonal matrix, (2, 2) or (3, 3)")
    if matrix.shape not in ((2, 2), (3, 3)):
        raise ArgumentError(f"rotation of operation {number} must have shape (2, 2) or (3, 3), got {matrix.shape}")
    deviation = np.abs(matrix @ matrix.T - np.eye(len(matrix))).max()
    if not deviation < SAME:
        raise ArgumentError(
            f"rotation of operation {number} must be orthogonal (Cartesian, not in lattice units); R R^T differs from 1"
            f" by {deviation:.3g}"
        )
    return Operation(tidy(matrix), bool(reversal))


def named_operation(name: str, dim: int) -> Operation:
    """The operation of a name: E, P, T, C3z, C4z^-1, Mx, PC4z, a direction as in C2[110], each with T at the end.

    In the plane C2z and P are one, rotations are about z, and M(30) is the mirror whose normal stands at 30 degrees.
    """
    text = name.strip()
    matched = re.fullmatch(
        r"(?P<plain>E|I|P)?(?P<turn>(?P<kind>[CM])(?P<fold>\d*)(?P<axis>[xyz]|\[[^]]+\]|\([-\d.]+\))?(?:\^(?P<power>-?\d+))?)?"
        r"(?P<time>T)?",
        text,
    )
    if not text or matched is None:
        raise ArgumentError(f"an operation is called E, P, T, C3z, Mx, PC4z, C2[110], PT and so on, got {name!r}")
    inverted = matched["plain"] in ("P", "I")
    rotation = np.eye(3)
    if matched["turn"]:
        axis, flat = _axis(matched["axis"] or "z", name)
        if matched["kind"] == "M":
            rotation = rotation_about(axis, np.pi, inverted=True)
        else:
            fold, power = int(matched["fold"] or 1), int(matched["power"] or 1)
            rotation = rotation_about(axis, 2 * np.pi * power / fold)
            flat = flat or abs(axis[2]) > 1 - SAME
            if dim == 2 and not abs(axis[2]) > 1 - SAME:
                raise ArgumentError(f"{name!r} does not act within the plane; give rotations about z, mirrors, P or T")
    if dim == 2:
        plane = tidy(rotation[:2, :2])
        return Operation(-plane if inverted else plane, matched["time"] is not None)
    return Operation(tidy(-rotation if inverted else rotation), matched["time"] is not None)


def _axis(text: str, name: str) -> tuple[tuple[float, float, float], bool]:
    if text in AXES:
        return AXES[text], False
    if text.startswith("("):
        angle = np.radians(float(text[1:-1]))
        return (float(np.cos(angle)), float(np.sin(angle)), 0.0), True
    numbers = re.findall(r"-?[\d.]+" if "," in text else r"-?\d", text[1:-1])
    if len(numbers) != 3 or not any(float(number) for number in numbers):
        raise ArgumentError(f"the direction in {name!r} must be three numbers, as in [110] or [1,-1,0.5]")
    x, y, z = map(float, numbers)
    return (x, y, z), False


def rotation_part(rotation: FloatArray) -> tuple[Fraction, FloatArray]:
    """Share of a full turn in (0, 1/2] (0 for E), and the axis, of a proper rotation of space."""
    cosine = np.clip((np.trace(rotation) - 1) / 2, -1.0, 1.0)
    angle = float(np.arccos(cosine))
    share = Fraction(angle / (2 * np.pi)).limit_denominator(MOST_FOLD)
    if share == 0:
        return share, np.array([0.0, 0.0, 1.0])
    if share == Fraction(1, 2):
        projector = (rotation + np.eye(3)) / 2
        axis = projector[np.argmax(np.diag(projector))]
    else:
        axis = np.array([rotation[2, 1], rotation[0, 2], rotation[1, 0]]) - np.array(
            [rotation[1, 2], rotation[2, 0], rotation[0, 1]]
        )
    return share, axis / np.linalg.norm(axis)


def _spatial_label(rotation: FloatArray) -> str:
    if len(rotation) == 2:
        return _plane_label(rotation)
    improper = np.linalg.det(rotation) < 0
    share, axis = rotation_part(-rotation if improper else rotation)
    if share == 0:
        return "P" if improper else "E"
    sign = 1
    leading = axis[np.flatnonzero(np.abs(axis) > SAME)[-1]]  # z first, then y, then x
    if leading < 0:
        axis, sign = -axis, -1
    if share == Fraction(1, 2):
        return f"{'M' if improper else 'C2'}{_direction(axis)}"
    angle = np.arccos(np.clip((np.trace(-rotation if improper else rotation) - 1) / 2, -1.0, 1.0))
    if abs(angle / (2 * np.pi) - share) > SAME:
        return f"{'P' if improper else ''}C({np.degrees(sign * angle):.4g}){_direction(axis)}"
    power = sign * share.numerator
    return f"{'P' if improper else ''}C{share.denominator}{_direction(axis)}{'' if power == 1 else f'^{power}'}"


def _plane_label(rotation: FloatArray) -> str:
    if np.linalg.det(rotation) < 0:
        normal = 0.5 * np.arctan2(-rotation[1, 0], -rotation[0, 0])
        return f"M{_direction(np.array([np.cos(normal), np.sin(normal), 0.0]))}"
    angle = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
    turn = Fraction(angle / (2 * np.pi)).limit_denominator(MOST_FOLD)
    if abs(angle / (2 * np.pi) - turn) > SAME:
        return f"C({np.degrees(angle):.4g})z"
    if turn == 0:
        return "E"
    if abs(turn) == Fraction(1, 2):
        return "P"
    return f"C{turn.denominator}z{'' if turn.numerator == 1 else f'^{turn.numerator}'}"


def _direction(axis: FloatArray) -> str:
    """'x', 'y', 'z', small whole numbers as in '[110]', else the angle to x within the plane or three decimals."""
    for name, unit in AXES.items():
        if abs(abs(axis @ np.array(unit)) - 1) < SAME:
            return name
    for whole in product((0, 1, -1), repeat=3):
        length = np.linalg.norm(whole)
        if length > 0 and abs(axis @ np.array(whole) / length - 1) < SAME:
            return "[" + "".join(map(str, whole)) + "]"
    if abs(axis[2]) < SAME:
        return f"({np.degrees(np.arctan2(axis[1], axis[0])):.4g})"
    return "[" + ",".join(f"{x:.3f}" for x in axis) + "]"
