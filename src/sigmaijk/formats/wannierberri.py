"""Real-space systems of wannierberri (from .chk, FPLO, GPAW, tb files ..) by their attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigmaijk.errors import ArgumentError
from sigmaijk.model import ComplexArray
from sigmaijk.models.lattice import LatticeModel
from sigmaijk.units import NM_PER_ANGSTROM

from .cells import Cell, hermitian_positions, origin, sheet

ATTRIBUTES = ("rvec", "real_lattice", "wannier_centers_cart", "get_R_mat", "has_R_mat")


def is_system(found: object) -> bool:
    """True for what has the attributes of a real-space system."""
    return all(hasattr(found, name) for name in ATTRIBUTES)


def from_wannierberri(
    found: Any,
    *,
    dim: int | None = None,
    fermi_energy: float = 0.0,
    spin_degeneracy: int = 1,
    name: str | None = None,
) -> LatticeModel:
    """H(R) in eV and, if the system has them, position matrices in angstrom, as they stand in the system.

    Its matrices AA are <0a|r|Rb> with the centres taken off the diagonal of R = 0 (convention I): they are put back.
    dim: 2 for a sheet in the xy plane; by default what `periodic` of the system says.
    """
    vectors = np.array(found.rvec.iRvec, dtype=np.int64)
    energies = np.array(found.get_R_mat("Ham"), dtype=np.complex128)
    centres = np.asarray(found.wannier_centers_cart, dtype=float)
    shifts = _with_centres(found, vectors, centres) if found.has_R_mat("AA") else None
    label = name or str(getattr(found, "name", None) or "wannierberri system")
    energies[origin(label, vectors)] -= fermi_energy * np.eye(energies.shape[-1])
    positions = None if shifts is not None else centres * NM_PER_ANGSTROM
    lattice = np.asarray(found.real_lattice, dtype=float) * NM_PER_ANGSTROM
    cell = hermitian_positions(label, Cell(lattice, vectors, energies, shifts, positions, ()))
    periodic = [bool(entry) for entry in getattr(found, "periodic", (True,) * 3)]
    if dim is None:
        dim = 2 if periodic == [True, True, False] else 3
    if dim not in (2, 3) or not all(periodic[:dim]):
        raise ArgumentError(f"dim must be 2 (periodic along a1, a2) or 3, got {dim!r} with periodic = {periodic}")
    return (sheet(label, cell) if dim == 2 else cell).model(label, spin_degeneracy)


def _with_centres(found: Any, vectors: np.ndarray, centres: np.ndarray) -> ComplexArray:
    """<0a|r|Rb> in nm, (nR, 3, n, n)."""
    shifts = np.array(found.get_R_mat("AA"), dtype=np.complex128)
    diagonal = np.arange(len(centres))
    shifts[origin("the system", vectors), diagonal, diagonal] += centres
    shifts *= NM_PER_ANGSTROM
    return np.ascontiguousarray(np.moveaxis(shifts, -1, 1))
