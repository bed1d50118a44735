"""`read_wannier90`: a Wannier90 `_tb.dat` or `_hr.dat` file as a LatticeModel in nm and eV."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike

from sigmaijk.errors import ArgumentError, FileFormatError, InputHealthWarning, MissingPositionsWarning, ModelError
from sigmaijk.model import ComplexArray, FloatArray, as_reals
from sigmaijk.models.lattice import HERMITICITY_TOLERANCE_NM, LatticeModel
from sigmaijk.units import NM_PER_ANGSTROM

from .blocks import WannierBlocks
from .text import read_bytes
from .wannier90_hr import parse_hr
from .wannier90_tb import parse_tb

Path = str | os.PathLike[str]

INTERLAYER_TOLERANCE_EV = 1e-3
"""Largest hopping with R3 != 0 that a two-dimensional reading may drop."""


@dataclass(frozen=True)
class _Cell:
    """A file in house units: what LatticeModel needs, still three-dimensional."""

    lattice: FloatArray
    vectors: np.ndarray
    energies: ComplexArray
    shifts: ComplexArray | None
    positions: FloatArray | None


def read_wannier90(
    path: Path,
    *,
    lattice: ArrayLike | None = None,
    positions: ArrayLike | None = None,
    fermi_energy: float = 0.0,
    dim: int = 3,
    thickness: float | None = None,
    spin_degeneracy: int = 1,
) -> LatticeModel:
    """A Wannier90 _tb.dat or _hr.dat file, plain or gzipped, told apart by content.

    lattice: rows in nm, (3, 3): required for a _hr.dat, which has none; a _tb.dat has its own.
    positions: orbital centres in nm, Cartesian, (n, 3), for a _hr.dat; a _tb.dat has its own and its position matrices.
    fermi_energy: eV, subtracted, so that mu = 0 is the Fermi level.
    dim: 2 for a sheet: a1 and a2 must lie in the xy plane, a3 is dropped; hoppings along it above 1 meV are an error.
    thickness: nm, kept as `model.thickness` for a sheet.

    Raises InputFileError or FileFormatError (with the line) for the file, ArgumentError for the options. Warns with
    MissingPositionsWarning when there are no positions, InputHealthWarning when something was dropped or symmetrised.
    """
    _check_options(fermi_energy, dim, thickness)
    blocks = _parsed(path, read_bytes(path))
    _warn_of_replicas(path)
    cell = _cell(path, blocks, lattice, positions)
    cell.energies[_origin(path, cell.vectors)] -= fermi_energy * np.eye(cell.energies.shape[-1])
    cell = _hermitian_positions(path, cell)
    if dim == 2:
        cell = _sheet(path, cell)
    keys = [tuple(map(int, vector)) for vector in cell.vectors]
    try:
        model = LatticeModel(
            cell.lattice,
            dict(zip(keys, cell.energies, strict=True)),
            positions=cell.positions,
            position_matrices=None if cell.shifts is None else dict(zip(keys, cell.shifts, strict=True)),
            spin_degeneracy=spin_degeneracy,
            name=os.path.basename(os.fspath(path)),
        )
    except ModelError as error:
        raise FileFormatError(path, None, str(error)) from error
    model.thickness = None if thickness is None else float(thickness)
    return model


def _check_options(fermi_energy: float, dim: int, thickness: float | None) -> None:
    if not (_is_number(fermi_energy) and np.isfinite(fermi_energy)):
        raise ArgumentError(f"fermi_energy must be a finite number of eV, got {fermi_energy!r}")
    if not isinstance(dim, Integral) or dim not in (2, 3):
        raise ArgumentError(f"dim must be 2 or 3, got {dim!r}")
    if thickness is None:
        return
    if dim == 3:
        raise ArgumentError("thickness belongs to a sheet: give dim=2 with it, or leave it out")
    if not (_is_number(thickness) and np.isfinite(thickness) and thickness > 0):
        raise ArgumentError(f"thickness must be a finite length above zero, got {thickness!r} nm")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _parsed(path: Path, data: bytes) -> WannierBlocks:
    """The file by the format that its second line shows: one count (_hr.dat) or a lattice vector (_tb.dat)."""
    tokens = data.split(b"\n", 2)[1].split() if b"\n" in data else []
    try:
        numbers = [float(token) for token in tokens]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        return parse_hr(path, data)
    if len(numbers) == 3:
        return parse_tb(path, data)
    raise FileFormatError(
        path,
        2,
        "not a Wannier90 _hr.dat (the number of Wannier functions here) nor a _tb.dat (a lattice vector here, three"
        " numbers in angstrom)",
    )


def _cell(path: Path, blocks: WannierBlocks, lattice: ArrayLike | None, positions: ArrayLike | None) -> _Cell:
    """Divide by the degeneracies, go to nm, and let the options fill what a _hr.dat lacks."""
    n = blocks.hamiltonian.shape[-1]
    energies = blocks.hamiltonian / blocks.degeneracies[:, None, None]
    centres = None if positions is None else _option("positions", positions, (n, 3))
    given = None if lattice is None else _option("lattice", lattice, (3, 3))
    if blocks.lattice_angstrom is None or blocks.position_angstrom is None:
        if given is None:
            raise ArgumentError(
                f"{os.fspath(path)} is a _hr.dat file, which holds no lattice: give lattice=(3, 3), rows in nm"
            )
        if centres is None:
            warnings.warn(
                f"{os.fspath(path)} holds no orbital positions, so Omega, g and G lack their contribution; give"
                " positions=(n, 3) in nm (the Wannier centres) or use the _tb.dat file",
                MissingPositionsWarning,
                stacklevel=3,
            )
        return _Cell(given, blocks.vectors, energies, None, centres)
    own = blocks.lattice_angstrom * NM_PER_ANGSTROM
    if given is not None and np.abs(given - own).max() > 1e-4:
        raise ArgumentError(f"lattice differs from the one in {os.fspath(path)}, {own.tolist()} nm: leave it out")
    shifts = blocks.position_angstrom / blocks.degeneracies[:, None, None, None] * NM_PER_ANGSTROM
    return _Cell(own, blocks.vectors, energies, shifts, centres)


def _option(argument: str, value: ArrayLike, shape: tuple[int, int]) -> FloatArray:
    rows = as_reals(argument, value, f"an array of numbers of shape {shape}, nm")
    if rows.shape != shape or not np.isfinite(rows).all():
        raise ArgumentError(f"{argument} must be finite and have shape {shape}, nm, got shape {rows.shape}")
    return rows


def _origin(path: Path, vectors: np.ndarray) -> int:
    found = np.flatnonzero(~vectors.any(axis=1))
    if len(found) == 0:
        raise FileFormatError(path, None, "there is no block R = (0, 0, 0)")
    return int(found[0])


def _hermitian_positions(path: Path, cell: _Cell) -> _Cell:
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
            stacklevel=3,
        )
    return replace(cell, shifts=(cell.shifts + mirrored) / 2)


def _sheet(path: Path, cell: _Cell) -> _Cell:
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
            stacklevel=3,
        )
    return _Cell(
        plane[:, :2],
        cell.vectors[inside, :2],
        cell.energies[inside],
        None if cell.shifts is None else cell.shifts[inside, :2],
        None if cell.positions is None else cell.positions[:, :2],
    )


def _warn_of_replicas(path: Path) -> None:
    """Warns when a `_wsvec.dat` lies beside the file and says that its shifts belong to these hoppings."""
    stem = os.fspath(path).removesuffix(".gz")
    for ending in ("_tb.dat", "_hr.dat"):
        beside = stem.removesuffix(ending) + "_wsvec.dat"
        if stem.endswith(ending) and os.path.isfile(beside):
            with open(beside, encoding="utf-8", errors="replace") as file:
                if "use_ws_distance=.true." in file.readline().replace(" ", ""):
                    warnings.warn(
                        f"{beside} holds minimal-distance shifts (use_ws_distance) that are not applied; bands between"
                        " the k points of the calculation are less smooth than Wannier90's own",
                        InputHealthWarning,
                        stacklevel=3,
                    )
