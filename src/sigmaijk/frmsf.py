"""Files for FermiSurfer: energies and a quantity of the bands on a regular grid of a reciprocal cell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from .arrays import FloatArray
from .errors import ArgumentError, OutputError
from .model import Model, as_number
from .quantities import checked_model, chosen_component, chosen_quantity, evaluated
from .request import not_negative, positive

MOST_VALUES = 50_000_000
PER_CALL = 4096


def write_frmsf(
    path: str | os.PathLike[str],
    model: Model,
    quantity: str | None = None,
    component: str | Sequence[str] = (),
    *,
    mu: float = 0.0,
    points: Sequence[int] = (40, 40, 40),
    window: float = 0.5,
    degeneracy_tol: float = 1e-6,
) -> int:
    """Write a .frmsf file of a lattice model in space and return the number of bands in it.

    Surfaces are drawn at energy 0, which is mu (eV); bands that stay more than `window` eV away from it are left out.
    quantity: what `geometry_map` knows, such as 'berry_curvature', with one component ("xy") or three of them, which
    FermiSurfer draws as arrows or as a colour. points: along each reciprocal vector, from k = 0 on. The file holds the
    numbers of points; 1, for a grid that starts at k = 0; the number of bands; the reciprocal vectors (1/nm); then for
    each band, with the third direction running fastest, the energies (eV), and for each component the values.

    Raises ArgumentError for a model that is not periodic in three dimensions and OutputError if it cannot write.
    """
    checked_model(model)
    if not (model.periodic and model.dim == 3):
        raise ArgumentError(f"a .frmsf file needs a lattice model in three dimensions, got {model.name}")
    wanted = chosen_quantity("energy" if quantity is None else quantity)
    names = _components(component, quantity)
    picked = [chosen_component(name, wanted.rank, 3) for name in names]
    grid = _grid_size(points, model.n_bands)
    level, near = as_number("mu", mu, "eV"), positive("window", window, "eV")
    tolerance = not_negative("degeneracy_tol", degeneracy_tol, "eV")
    fractions = np.stack(np.meshgrid(*(np.arange(n) / n for n in grid), indexing="ij"), axis=-1).reshape(-1, 3)
    energy = np.empty((len(fractions), model.n_bands))
    values = np.empty((len(picked), *energy.shape))
    for part, levels, found in evaluated(model, fractions @ model.reciprocal, wanted, tolerance):
        energy[part] = levels - level
        for number, entry in enumerate(picked):
            values[number, part] = found[(..., *entry)]
    bands = np.flatnonzero((energy.min(axis=0) <= near) & (energy.max(axis=0) >= -near))
    if not len(bands):
        raise ArgumentError(f"no band of {model.name} comes within {near:g} eV of mu = {level:g} eV; move mu")
    try:
        with Path(path).open("w", encoding="ascii") as file:
            file.write(" ".join(map(str, grid)) + f"\n1\n{len(bands)}\n")
            for row in model.reciprocal:
                file.write(" ".join(f"{entry:.12g}" for entry in row) + "\n")
            for table in (energy, *values):
                for band in bands:
                    _write_column(file, table[:, band])
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    return len(bands)


def _components(component: str | Sequence[str], quantity: str | None) -> tuple[str, ...]:
    names = (component,) if isinstance(component, str) else tuple(component)
    if quantity is None and names:
        raise ArgumentError(f"component {names[0]!r} needs a quantity, such as 'berry_curvature'")
    if quantity is not None and len(names) not in (1, 3):
        raise ArgumentError(f"give one component or three of {quantity}, got {len(names)}")
    return names


def _grid_size(points: Sequence[int], n_bands: int) -> tuple[int, ...]:
    sizes = tuple(points) if isinstance(points, Sequence) else ()
    if len(sizes) != 3 or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 2 for n in sizes):
        raise ArgumentError(f"points must be three whole numbers of at least 2, got {points!r}")
    if np.prod(sizes) * n_bands > MOST_VALUES:
        raise ArgumentError(
            f"points = {sizes} are too many for {n_bands} bands: at most {MOST_VALUES:,} values a table"
        )
    return sizes


def _write_column(file: TextIO, column: FloatArray) -> None:
    for start in range(0, len(column), PER_CALL):
        file.write("\n".join(f"{value:.9e}" for value in column[start : start + PER_CALL]) + "\n")
