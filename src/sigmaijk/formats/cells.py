"""A Wannier Hamiltonian in house units: what readers and bridges hand to LatticeModel."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace

import numpy as np

from sigmaijk.errors import ArgumentError, FileFormatError, InputHealthWarning
from sigmaijk.model import ComplexArray, FloatArray
from sigmaijk.models.lattice import HERMITICITY_TOLERANCE_NM, LatticeModel

from .text import Path

INTERLAYER_TOLERANCE_EV = 1e-3
"""Largest hopping with R3 != 0 that a two-dimensional reading may drop."""


@dataclass(frozen=True)
class Cell:
    """Blocks in eV and nm; three-dimensional until `sheet` has been asked for."""

    lattice: FloatArray
    vectors: np.ndarray
    energies: ComplexArray
    shifts: ComplexArray | None
    positions: FloatArray | None
    files: tuple[Path, ...]
    """What was read, the main file first."""

    def model(self, name: str, spin_degeneracy: int) -> LatticeModel:
        """The model of these blocks; raises ModelError or ArgumentError for what cannot be one."""
        keys = [tuple(map(int, vector)) for vector in self.vectors]
        return LatticeModel(
            self.lattice,
            dict(zip(keys, self.energies, strict=True)),
            positions=self.positions,
            position_matrices=None if self.shifts is None else dict(zip(keys, self.shifts, strict=True)),
            spin_degeneracy=spin_degeneracy,
            name=name,
        )


def origin(path: Path, vectors: np.ndarray) -> int:
    """The number of R = 0; raises FileFormatError when it is not there."""
    found = np.flatnonzero(~vectors.any(axis=1))
    if len(found) == 0:
        raise FileFormatError(path, None, "there is no block R = (0, 0, 0)")
    return int(found[0])


def hermitian_positions(path: Path, cell: Cell) -> Cell:
    """The cell with the Hermitian part of r, which is what postw90 uses.

    Wannier90 writes r from finite differences on its k mesh (WANG_2006, Eq. 44), which break r(-R) = r(R)^+.
    """
    if cell.shifts is None:
        return cell
    number_of = {tuple(vector): number for number, vector in enumerate(cell.vectors.tolist())}
    partners = [number_of.get(tuple(-entry for entry in vector)) for vector in cell.vectors.tolist()]
    if None in partners:
        return cell  # LatticeModel names the vector without a partner
    mirrored = cell.shifts[np.array(partners, dtype=np.int64)].conj().swapaxes(-1, -2)
    deviation = float(np.abs(cell.shifts - mirrored).max())
    if deviation > HERMITICITY_TOLERANCE_NM:
        warnings.warn(
            f"the position matrices of {os.fspath(path)} break r(-R) = r(R)^+ by up to {deviation:.2g} nm (finite"
            " differences on the k mesh of the calculation); their Hermitian part is used",
            InputHealthWarning,
            stacklevel=4,
        )
    return replace(cell, shifts=(cell.shifts + mirrored) / 2)


def sheet(path: Path, cell: Cell) -> Cell:
    """The two-dimensional part: a3, the z components and every R with R3 != 0 go, after a look at what is lost."""
    plane = cell.lattice[:2]
    if np.abs(plane[:, 2]).max() > 1e-6 * np.linalg.norm(plane, axis=1).max():
        raise ArgumentError(f"dim=2 needs a1 and a2 in the xy plane, got {plane.tolist()} nm; rotate the cell")
    inside = cell.vectors[:, 2] == 0
    lost = np.abs(cell.energies[~inside])
    if lost.max(initial=0.0) > INTERLAYER_TOLERANCE_EV:
        number = int(lost.max(axis=(1, 2)).argmax())
        raise ArgumentError(
            f"dim=2 needs hoppings with R3 != 0 below {INTERLAYER_TOLERANCE_EV * 1e3:g} meV, but"
            f" {os.fspath(path)} has {lost.max() * 1e3:.3g} meV at R = {tuple(cell.vectors[~inside][number].tolist())};"
            " use dim=3 or a cell with more vacuum along a3"
        )
    lost_length = 0.0 if cell.shifts is None else float(np.abs(cell.shifts[~inside]).sum())
    if lost.any() or lost_length > 0:
        warnings.warn(
            f"dim=2 dropped the blocks with R3 != 0 of {os.fspath(path)}: hoppings of {lost.sum() * 1e3:.3g} meV in"
            f" all (largest {lost.max() * 1e3:.3g} meV), position matrices of {lost_length:.3g} nm in all",
            InputHealthWarning,
            stacklevel=4,
        )
    return replace(
        cell,
        lattice=plane[:, :2],
        vectors=cell.vectors[inside, :2],
        energies=cell.energies[inside],
        shifts=None if cell.shifts is None else cell.shifts[inside, :2],
        positions=None if cell.positions is None else cell.positions[:, :2],
    )
