"""`read_wannier90`: a Wannier90 `_tb.dat` or `_hr.dat` and the files that belong to it as a LatticeModel."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from sigmaijk.errors import (
    ArgumentError,
    ArgumentTypeError,
    FileFormatError,
    InputHealthWarning,
    MissingPositionsWarning,
    ModelError,
)
from sigmaijk.model import ComplexArray, FloatArray, as_reals
from sigmaijk.models.lattice import LatticeModel
from sigmaijk.units import NM_PER_ANGSTROM

from .blocks import WannierBlocks
from .cells import Cell, hermitian_positions, origin, sheet
from .companions import Choice, beside, chosen, is_path
from .spins import SpinOrder, check_order, check_partners, doubled, warn_of_levels
from .structures import read_centres, read_lattice, win_announces_replicas
from .text import Path, TextFile, as_real
from .wannier90_hr import parse_hr, read_r
from .wannier90_tb import parse_tb
from .wannier90_wsvec import announced, reached_vectors, read_wsvec, spread


def read_wannier90(
    path: Path,
    *,
    lattice: ArrayLike | Path | None = None,
    positions: ArrayLike | Path | None = None,
    fermi_energy: float = 0.0,
    dim: int = 3,
    thickness: float | None = None,
    spin_degeneracy: int = 1,
    position_matrices: Choice = None,
    wsvec: Choice = None,
    spin_order: SpinOrder | None = None,
) -> LatticeModel:
    """A Wannier90 _tb.dat or _hr.dat file, plain or gzipped, told apart by content, and what lies beside it.

    A `x_wsvec.dat` beside `x_tb.dat` or `x_hr.dat` is applied, and for a _hr.dat `x_r.dat`, `x_centres.xyz` and `x.win`
    supply what it lacks. `model.name` lists the files that were used.

    lattice: rows in nm, (3, 3), or a .win file or POSCAR, for a _hr.dat, which has none; a _tb.dat has its own.
    positions: orbital centres in nm, Cartesian, (n, 3), or a _centres.xyz, for a _hr.dat; a _tb.dat has its own and its
        position matrices.
    fermi_energy: eV, subtracted, so that mu = 0 is the Fermi level.
    dim: 2 for a sheet: a1 and a2 must lie in the xy plane, a3 is dropped; hoppings along it above 1 meV are an error.
    thickness: nm, of the physical layer without the vacuum of its cell; `component(..., unit="A/V^2")` divides by it.
    position_matrices: the _r.dat of a _hr.dat; False to do without position matrices, also those of a _tb.dat.
    wsvec: the _wsvec.dat, whose minimal-distance translations apply to H and r alike; False to leave them out.
    spin_order: of functions with both spins, "interleaved" (up, down, up, ..) or "block" (all up, all down):
        positions of the n / 2 orbitals are then enough, and the two spins of an orbital must sit together.

    Raises InputFileError or FileFormatError (with the line) for the files, ArgumentError for the options. Warns with
    MissingPositionsWarning when there are no positions, InputHealthWarning when something was dropped or symmetrised,
    or is announced by a file but absent.
    """
    _check_options(fermi_energy, dim, thickness)
    with TextFile(path) as file:
        comment, blocks = _parsed(file)
    n = blocks.hamiltonian.shape[-1]
    check_order(spin_order, n, spin_degeneracy)
    cell = _cell(path, blocks, lattice, positions, position_matrices, spin_order)
    del blocks
    cell = _moved_closest(path, comment, cell, wsvec)
    cell.energies[origin(path, cell.vectors)] -= fermi_energy * np.eye(n)
    cell = hermitian_positions(path, cell)
    if dim == 2:
        cell = sheet(path, cell)
    try:
        model = cell.model(" + ".join(os.path.basename(os.fspath(file)) for file in cell.files), spin_degeneracy)
    except ModelError as error:
        files = " with ".join(os.fspath(file) for file in cell.files)
        raise FileFormatError(files, None, str(error)) from error
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


def _parsed(file: TextFile) -> tuple[str, WannierBlocks]:
    """The comment and the blocks, by the format that the second line shows: one count (_hr.dat) or a lattice vector."""
    first, second = file.line(), file.line()
    file.rewind()
    comment, kinds = first.decode("utf-8", errors="replace").strip(), {1: parse_hr, 3: parse_tb}
    parse = kinds.get(_count_numbers(second))
    try:
        if parse is None:
            _refuse(file, first + second)
        return comment, parse(file)
    except FileFormatError as error:
        if error.line is not None and _count_numbers(first) == _count_numbers(second) in kinds:
            problem = f"expected a comment line first, got {comment[:60]!r}: is it missing? As it stands, {error}"
            raise FileFormatError(file.path, 1, problem) from error
        raise


def _count_numbers(line: bytes) -> int:
    """How many numbers a line holds; 0 if it holds anything else."""
    try:
        return len([as_real(token) for token in line.decode("utf-8", errors="replace").split()])
    except ValueError:
        return 0


def _refuse(file: TextFile, start: bytes) -> NoReturn:
    while not start.strip():
        if not (start := file.chunk()):
            raise FileFormatError(file.path, None, "the file is empty")
    raise FileFormatError(
        file.path,
        2,
        "not a Wannier90 _hr.dat (the number of Wannier functions here) nor a _tb.dat (a lattice vector here, three"
        " numbers in angstrom)",
    )


def _cell(
    path: Path,
    blocks: WannierBlocks,
    lattice: ArrayLike | Path | None,
    positions: ArrayLike | Path | None,
    position_matrices: Choice,
    spin_order: SpinOrder | None,
) -> Cell:
    """Divide by the degeneracies, go to nm, and let options and other files fill what the file lacks."""
    energies, shifts, files = blocks.hamiltonian, blocks.position_angstrom, [path]
    n = energies.shape[-1]
    energies /= blocks.degeneracies[:, None, None]
    if shifts is None:
        found = chosen("position_matrices", position_matrices, path, "_r.dat")
        if found is not None:
            shifts = read_r(found, blocks.vectors, n)
            files.append(found)
    elif position_matrices not in (None, False):
        raise ArgumentError(f"{os.fspath(path)} has position matrices of its own: position_matrices may only be False")
    if shifts is not None:
        shifts /= blocks.degeneracies[:, None, None, None]
        shifts *= NM_PER_ANGSTROM
    own = None if blocks.lattice_angstrom is None else blocks.lattice_angstrom * NM_PER_ANGSTROM
    rows = _lattice(path, lattice, own, files)
    home = energies[origin(path, blocks.vectors)]
    centres = _centres(path, positions, shifts is not None, n, spin_order, files, home)
    if shifts is not None:
        own_centres = np.einsum("aii->ia", shifts[origin(path, blocks.vectors)]).real.copy()
        if spin_order is not None:
            check_partners(path, own_centres, spin_order)
        if position_matrices is False:
            shifts, centres = None, own_centres if centres is None else centres
    if centres is None and shifts is None:
        warnings.warn(
            f"{os.fspath(path)} has no orbital positions, so the curvature and the metric lack a part;"
            " give positions=(n, 3) in nm, a _centres.xyz, or a _tb.dat or _r.dat file",
            MissingPositionsWarning,
            stacklevel=3,
        )
    return Cell(rows, blocks.vectors, energies, shifts, centres, tuple(files))


def _lattice(path: Path, given: ArrayLike | Path | None, own: FloatArray | None, files: list[Path]) -> FloatArray:
    """The lattice of the file, which an option may repeat; otherwise that of the option or of the .win file beside."""
    if given is None and own is None:
        given = beside(path, ".win")
        if given is None:
            raise ArgumentError(
                f"{os.fspath(path)} is a _hr.dat file, which holds no lattice: give lattice=(3, 3), rows in nm, or"
                " lattice='x.win' or a POSCAR"
            )
    if is_path(given):
        _check_named("lattice", given, "an array of numbers of shape (3, 3), nm, or a .win file or POSCAR")
        files.append(given)  # pyright: ignore[reportArgumentType]
        rows = read_lattice(given)  # pyright: ignore[reportArgumentType]
    elif given is not None:
        rows = _option("lattice", given, (3, 3))  # pyright: ignore[reportArgumentType]
    else:
        assert own is not None
        return own
    if own is not None and np.abs(rows - own).max() > 1e-4:
        raise ArgumentError(f"lattice differs from the one in {os.fspath(path)}, {own.tolist()} nm: leave it out")
    return rows if own is None else own


def _centres(
    path: Path,
    given: ArrayLike | Path | None,
    has_matrices: bool,
    n: int,
    spin_order: SpinOrder | None,
    files: list[Path],
    home: ComplexArray,
) -> FloatArray | None:
    """Centres that the options or a file beside give, one for each function; None when there are none."""
    if given is None and not has_matrices:
        given = beside(path, "_centres.xyz")
    if given is None:
        return None
    if is_path(given):
        _check_named("positions", given, f"an array of numbers of shape ({n}, 3), nm, or a _centres.xyz")
        files.append(given)  # pyright: ignore[reportArgumentType]
        centres = read_centres(given)  # pyright: ignore[reportArgumentType]
        source = os.fspath(given)  # pyright: ignore[reportArgumentType, reportCallIssue]
    else:
        rows = as_reals("positions", given, f"an array of numbers of shape ({n}, 3), nm")  # pyright: ignore[reportArgumentType]
        half = 2 * len(rows) == n if rows.ndim else False
        centres, source = _option("positions", rows, (n // 2 if half else n, 3)), "positions"
    if spin_order is not None and len(centres) == n // 2:
        warn_of_levels(path, home, spin_order)
        return doubled(centres, spin_order)
    if len(centres) != n:
        hint = "; for the orbitals of spinors give spin_order=" if 2 * len(centres) == n else ""
        raise ArgumentError(f"{source} holds {len(centres)} centres, but {os.fspath(path)} has {n} functions{hint}")
    if spin_order is not None:
        check_partners(path, centres, spin_order)
    return centres


def _moved_closest(path: Path, comment: str, cell: Cell, wsvec: Choice) -> Cell:
    """The cell with the translations of its _wsvec.dat applied; warns when they are announced but absent."""
    found = chosen("wsvec", wsvec, path, "_wsvec.dat")
    if found is None:
        win = beside(path, ".win")
        source = path if announced(comment) else win
        if wsvec is None and (announced(comment) or (win is not None and win_announces_replicas(win))):
            warnings.warn(
                f"{os.fspath(source or path)} says use_ws_distance, but there is no _wsvec.dat beside"
                f" {os.fspath(path)}: without its translations the bands between the k points of the calculation are"
                " not Wannier90's own; give wsvec=, or wsvec=False if they are applied already",
                InputHealthWarning,
                stacklevel=3,
            )
        return cell
    replicas = read_wsvec(found, cell.vectors, cell.energies.shape[-1])
    files = (*cell.files, found)
    if replicas is None or replicas.trivial:
        return replace(cell, files=files)
    targets = reached_vectors(replicas, cell.vectors, cell.energies.shape[-1])
    energies = spread(replicas, cell.vectors, cell.energies, targets)
    shifts = None if cell.shifts is None else spread(replicas, cell.vectors, cell.shifts, targets)
    return replace(cell, vectors=targets, energies=energies, shifts=shifts, files=files)


def _check_named(argument: str, given: object, wanted: str) -> None:
    """Raises ArgumentTypeError for text that names no file and does not look as if it should."""
    if isinstance(given, str) and not os.path.splitext(given)[1] and not os.path.exists(given):
        raise ArgumentTypeError(f"{argument} must be {wanted}, got {given!r}, which is no file")


def _option(argument: str, value: ArrayLike, shape: tuple[int, int]) -> FloatArray:
    rows = as_reals(argument, value, f"an array of numbers of shape {shape}, nm")
    if rows.shape != shape or not np.isfinite(rows).all():
        raise ArgumentError(f"{argument} must be finite and have shape {shape}, nm, got shape {rows.shape}")
    return rows
