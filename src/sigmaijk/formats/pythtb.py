"""PythTB models, 1.8 (`_lat`, `_hoppings`, ..) and 2.x (`lat_vecs`, `hoppings`, ..), by their attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sigmaijk.errors import ArgumentError
from sigmaijk.model import ComplexArray, FloatArray
from sigmaijk.models.lattice import LatticeModel

FIRST = ("_lat", "_orb", "_per", "_site_energies", "_hoppings", "_nspin")
SECOND = ("lat_vecs", "orb_vecs", "periodic_dirs", "onsite", "hoppings", "nspin")


def is_first(found: object) -> bool:
    """True for what has the attributes of a PythTB 1 model."""
    return all(hasattr(found, name) for name in FIRST)


def is_second(found: object) -> bool:
    """True for what has the attributes of a PythTB 2 model."""
    return all(hasattr(found, name) for name in SECOND)


def from_pythtb(
    found: Any,
    *,
    length_unit: float = 0.1,
    fermi_energy: float = 0.0,
    spin_degeneracy: int = 1,
    name: str | None = None,
) -> LatticeModel:
    """The same hoppings and orbital positions; spin states are interleaved, as PythTB orders them.

    length_unit: nm; PythTB counts lengths in angstrom, and toy models in units of their lattice constant.
    Raises ArgumentError for a model that is not periodic in two or three directions or has free parameters.
    """
    lattice, orbitals, periodic, onsite, spins = (getattr(found, key) for key in _names(found))
    if getattr(found, "parameters", None):
        raise ArgumentError(f"the PythTB model has free parameters {found.parameters}: give found.with_parameters(...)")
    rows, reduced = np.asarray(lattice, dtype=float), np.asarray(orbitals, dtype=float)
    directions = list(periodic)
    if len(directions) not in (2, 3):
        raise ArgumentError(f"a PythTB model must be periodic in 2 or 3 directions, got {len(directions)}")
    cell, centres = _cut(rows[directions], reduced @ rows)
    sites = np.asarray(onsite, dtype=complex)
    home = _spread([(site, number, number) for number, site in enumerate(sites)], len(reduced), spins)
    hoppings = {(0,) * len(directions): home - fermi_energy * np.eye(len(home))}
    for amplitude, start, end, R in _hops(found):
        vector = tuple(int(R[direction]) for direction in directions) if len(R) else (0,) * len(directions)
        block = _spread([(amplitude, start, end)], len(reduced), spins)
        for key, part in ((vector, block), (tuple(-entry for entry in vector), block.conj().T)):
            hoppings[key] = hoppings.get(key, 0) + part
    return LatticeModel(
        length_unit * cell,
        hoppings,
        positions=np.repeat(length_unit * centres, spins, axis=0),
        spin_degeneracy=spin_degeneracy,
        name=name or f"PythTB model ({len(home)} bands, {len(directions)}D)",
    )


def _names(found: object) -> tuple[str, ...]:
    names = SECOND if is_second(found) else FIRST
    return (*names[:3], "onsite" if names is SECOND else "_site_energies", "nspin" if names is SECOND else "_nspin")


def _hops(found: Any) -> Iterator[tuple[Any, int, int, Any]]:
    """Amplitude, start, end and R (maybe empty) of each hopping; its Hermitian conjugate is not listed."""
    if is_second(found):
        for hop in found.hoppings:
            yield hop["amplitude"], hop["from_orbital"], hop["to_orbital"], hop.get("lattice_vector", ())
    else:
        for hop in found._hoppings:
            yield hop[0], hop[1], hop[2], hop[3] if len(hop) > 3 else ()


def _spread(entries: list[tuple[Any, int, int]], n: int, spins: int) -> ComplexArray:
    """The (n spins, n spins) matrix with these numbers or 2 x 2 blocks."""
    matrix = np.zeros((n, spins, n, spins), dtype=np.complex128)
    for value, row, column in entries:
        matrix[row, :, column, :] += np.asarray(value)
    return matrix.reshape(n * spins, n * spins)


def _cut(rows: FloatArray, centres: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Periodic lattice vectors and centres in as many coordinates; raises ArgumentError for a sheet that is tilted."""
    dim = len(rows)
    if rows.shape[1] > dim and np.abs(rows[:, dim:]).max() > 1e-9 * np.abs(rows).max():
        raise ArgumentError(f"the periodic directions must lie in the xy plane, got {rows.tolist()}; rotate the model")
    return rows[:, :dim], centres[:, :dim]
