"""The magnetic point group of a crystal structure, by spglib, and its comparison with that of a Hamiltonian."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import FloatArray
from ..errors import ArgumentError, ArgumentTypeError, ModelError
from ..model import as_number, as_reals
from .closure import closed
from .groups import PointGroup
from .operation import OF_STRUCTURE, Operation, index_of, tidy

SYMPREC_ANGSTROM = 1e-3


@dataclass(frozen=True)
class Structure:
    """A crystal: lattice rows in angstrom, fractional positions, one number a kind of atom, moments or None."""

    lattice: FloatArray
    positions: FloatArray
    numbers: list[int]
    moments: FloatArray | None = None


def structure_group(
    structure: object,
    *,
    moments: ArrayLike | None = None,
    dim: int = 3,
    symprec: float = SYMPREC_ANGSTROM,
) -> PointGroup:
    """The magnetic point group of a structure in its own Cartesian axes, from spglib's magnetic dataset.

    structure: an ASE-like object (`.cell`, `.get_scaled_positions()`, `.numbers`, `.get_initial_magnetic_moments()`),
        the text of a POSCAR or a path to one, or (lattice rows, fractional positions, kinds[, moments]), in angstrom.
    moments: Cartesian, one row of three an atom, instead of those of the structure; without any the structure is not
        magnetic and time reversal is an operation. A single number an atom is a moment along z.
    dim: 2 for a sheet in the xy plane: operations that take z to z or -z, as they act within the plane.
    symprec: angstrom. Raises ArgumentError or ArgumentTypeError for what is no structure, and ModelError if spglib
    finds nothing.
    """
    import spglib

    if dim not in (2, 3):
        raise ArgumentError(f"dim must be 2 or 3, got {dim!r}")
    symprec = as_number("symprec", symprec, "angstrom")
    crystal = read_structure(structure)
    vectors = _moments(crystal.moments if moments is None else moments, len(crystal.numbers))
    cell = (crystal.lattice, crystal.positions, crystal.numbers, vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of spglib's own way to report errors
        try:
            found = spglib.get_magnetic_symmetry_dataset(cell, symprec=symprec)  # pyright: ignore[reportArgumentType]
            kind = None if found is None else spglib.get_magnetic_spacegroup_type(found.uni_number)
        except Exception as failure:  # whatever class a version of spglib raises for a cell that it cannot use
            raise ModelError(
                f"spglib cannot use the structure (symprec = {symprec:g} angstrom): {failure}"
            ) from failure
    if found is None:
        raise ModelError(f"spglib finds no magnetic symmetry of the structure with symprec = {symprec:g} angstrom")
    rows = crystal.lattice.T
    operations: list[Operation] = []
    for W, reversal in zip(found.rotations, found.time_reversals, strict=True):
        left, _, right = np.linalg.svd(rows @ W @ np.linalg.inv(rows))
        rotation = tidy(left @ right)
        if dim == 2:
            if abs(abs(rotation[2, 2]) - 1) > 1e-6:
                continue
            rotation = tidy(rotation[:2, :2])
        operation = Operation(rotation, bool(reversal), OF_STRUCTURE)
        if index_of(operations, operation) is None:
            operations.append(operation)
    kept = [operation.stated(kind=OF_STRUCTURE) for operation in closed(operations, dim)]
    number = "unknown" if kind is None else kind.bns_number
    return PointGroup(tuple(kept), f"structure, magnetic space group BNS {number}")


@dataclass(frozen=True)
class Comparison:
    """Two groups side by side."""

    first: PointGroup
    second: PointGroup
    only_first: tuple[Operation, ...]
    only_second: tuple[Operation, ...]

    @property
    def agree(self) -> bool:
        """Whether both hold the same operations."""
        return not (self.only_first or self.only_second)

    def __str__(self) -> str:
        first, second = (f"{group.symbol} ({group.source})" for group in (self.first, self.second))
        if self.agree:
            return f"{first} and {second} are the same operations"
        parts = [
            f"{', '.join(operation.label for operation in operations)} only in {name}"
            for operations, name in ((self.only_first, first), (self.only_second, second))
            if operations
        ]
        return "; ".join(parts)


def compare(first: PointGroup, second: PointGroup) -> Comparison:
    """The operations that only one of two groups has; for a Hamiltonian and the structure that it should come from."""
    if first.dim != second.dim:
        raise ArgumentError(f"groups of {first.dim} and {second.dim} directions cannot be compared; give dim")
    only_first = tuple(operation for operation in first if index_of(second.operations, operation) is None)
    only_second = tuple(operation for operation in second if index_of(first.operations, operation) is None)
    return Comparison(first, second, only_first, only_second)


def read_structure(structure: Any) -> Structure:
    """A structure from an ASE-like object, a POSCAR or a tuple; raises ArgumentError or ArgumentTypeError."""
    if isinstance(structure, Structure):
        return structure
    if isinstance(structure, Path):
        return parse_poscar(structure.read_text(encoding="utf-8"))
    if isinstance(structure, str):
        if "\n" not in structure and Path(structure).exists():
            structure = Path(structure).read_text(encoding="utf-8")
        return parse_poscar(structure)
    if hasattr(structure, "get_scaled_positions"):
        reader = getattr(structure, "get_initial_magnetic_moments", None)
        moments = None if reader is None else np.asarray(reader(), dtype=float)
        if moments is not None and not moments.any():
            moments = None
        numbers = getattr(structure, "numbers", None)
        if numbers is None:
            numbers = structure.get_atomic_numbers()
        return _structure(np.asarray(structure.cell[:]), structure.get_scaled_positions(), numbers, moments)
    if isinstance(structure, tuple | list) and len(structure) in (3, 4):
        return _structure(*structure)
    raise ArgumentTypeError(
        "structure must be an ASE-like object, a POSCAR (text or path), or (lattice, positions, kinds[, moments]), "
        f"got {type(structure).__name__}"
    )


def _structure(lattice: Any, positions: Any, kinds: Any, moments: Any = None) -> Structure:
    rows = as_reals("lattice", lattice, "three rows of three numbers, angstrom")
    places = as_reals("positions", positions, "rows of three fractional coordinates")
    if rows.shape != (3, 3) or abs(np.linalg.det(rows)) < 1e-9:
        raise ArgumentError(f"lattice must be three independent rows of three numbers, angstrom, got {rows.tolist()}")
    if places.ndim != 2 or places.shape[1] != 3 or len(places) != len(kinds):
        raise ArgumentError(f"positions must be (number of atoms, 3) = ({len(kinds)}, 3), got {places.shape}")
    names = {kind: number for number, kind in enumerate(dict.fromkeys(map(str, kinds)), start=1)}
    return Structure(rows, places, [names[str(kind)] for kind in kinds], _moments(moments, len(kinds)))


def _moments(moments: ArrayLike | None, count: int) -> FloatArray:
    if moments is None:
        return np.zeros((count, 3))
    values = as_reals("moments", moments, "one row of three numbers an atom")
    if values.shape == (count,):
        values = np.column_stack([np.zeros((count, 2)), values])
    if values.shape != (count, 3):
        raise ArgumentError(f"moments must have shape ({count}, 3), Cartesian, got {values.shape}")
    return values


def parse_poscar(text: str) -> Structure:
    """A structure from the text of a POSCAR, with or without the line of names.

    'MAGMOM = ...' in the first line, the comment, gives moments: one or three numbers an atom.
    """
    lines = text.strip("\n").splitlines()
    try:
        scale = float(lines[1].split()[0])
        lattice = np.array([[float(x) for x in line.split()[:3]] for line in lines[2:5]])
        volume = abs(np.linalg.det(lattice))
        lattice = lattice * (scale if scale > 0 else (-scale / volume) ** (1 / 3))
        named = not lines[5].split()[0].isdigit()
        counts = [int(x) for x in lines[6 if named else 5].split()]
        names = lines[5].split() if named else [str(n) for n in range(len(counts))]
        row = 7 if named else 6
        if lines[row].strip()[:1].lower() == "s":
            row += 1
        cartesian = lines[row].strip()[:1].lower() in ("c", "k")
        total = sum(counts)
        places = np.array([[float(x) for x in line.split()[:3]] for line in lines[row + 1 : row + 1 + total]])
        if places.shape != (total, 3):
            raise ValueError(f"{total} atoms are announced, {len(places)} are there")
        if cartesian:
            places = places * (scale if scale > 0 else (-scale / volume) ** (1 / 3)) @ np.linalg.inv(lattice)
    except (IndexError, ValueError, np.linalg.LinAlgError) as error:
        raise ArgumentError(f"no POSCAR (comment, scale, three lattice rows, counts, positions): {error}") from error
    kinds = [name for name, count in zip(names, counts, strict=False) for _ in range(count)]
    return _structure(lattice, places, kinds, _magmom(lines[0], total))


def _magmom(comment: str, count: int) -> FloatArray | None:
    matched = re.search(r"MAGMOM\s*=\s*([-+\d.eE* ]+)", comment)
    if matched is None:
        return None
    values: list[float] = []
    for word in matched[1].split():
        times, _, number = word.rpartition("*")
        values += [float(number)] * int(times or 1)
    if len(values) not in (count, 3 * count):
        raise ArgumentError(f"MAGMOM must hold {count} or {3 * count} numbers, got {len(values)}")
    return np.array(values) if len(values) == count else np.reshape(values, (count, 3))
