"""The part of k-space that a run needs: one reciprocal cell or a box, and the bands that come near the energies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .arrays import FloatArray
from .errors import ModelError
from .levelset.action import Action
from .levelset.box import OpenLevelSet, grow
from .levelset.samples import Cell
from .levelset.tiling import Untileable, steps_of
from .levelset.windows import merge_windows
from .model import Model
from .sampler import BandSampler

FIRST_DIVISIONS = {2: (8, 16), 3: (6, 10)}
"""Fewest and most parts of an axis in the first mesh; more where the hoppings reach further."""

OFFSET = np.array([0.0137, 0.0071, 0.0193])
"""Shift of the cell, in its own axes, off the points of high symmetry where bands like to be degenerate."""

BAND_MARGIN = 0.25
"""A band counts as near a window if a quarter of its sampled width takes it there."""

FEW_BANDS = 4
"""A model with so many bands is sampled with all of them."""
LOOK = np.array([[0.13, 0.29, 0.41], [0.57, 0.71, 0.83], [0.91, 0.07, 0.37]])
"""Where a small model is looked at, in units of the cell."""
THERMAL = 65.0
TAIL = 25.0
FARTHEST_BAND = 65.0
"""In units of kT; exp(-25) of what the nearest band contributes is left out."""


def cell_of(model: Model, sampler: BandSampler, maps: FloatArray | None = None) -> Cell:
    """The reciprocal cell of a lattice model, or a box of the plane that holds every Fermi surface.

    Where maps of k (g, d, d) leave the integrand as it is, the cell has those of them that it can make use of.

    Raises ModelError, naming the direction, when a Fermi surface of a continuum model stays open however far the box
    grows.
    """
    dim = model.dim
    if model.periodic:
        least, most = FIRST_DIVISIONS[dim]
        divisions = tuple(int(np.clip(2 * reach + 2, least, most)) for reach in model.hopping_range)
        cell = Cell(OFFSET[:dim] @ model.reciprocal, model.reciprocal, True, divisions)
        return cell if maps is None else _reduced(cell, maps)
    try:
        half = grow(sampler.sheets, dim, model.scale, sampler.windows)
    except OpenLevelSet as failure:
        direction = ", ".join(f"{component:.3f}" for component in failure.direction)
        raise ModelError(
            f"the Fermi surface of {model.name} stays open along k = ({direction}) however far the box grows "
            "(a type-II tilt?): add the terms of higher order in k that close it, or use a lattice model"
        ) from failure
    axes = 2.0 * half * np.diag(1.0 + OFFSET[:dim])
    cell = Cell(-half * (1.0 + 0.5 * OFFSET[:dim]), axes, False, (FIRST_DIVISIONS[dim][0],) * dim)
    return cell if maps is None else _reduced(cell, maps)


def _reduced(cell: Cell, maps: FloatArray) -> Cell:
    """The same part of k-space, laid so that maps (g, d, d) take lattice points to lattice points."""
    axes = cell.axes
    if not cell.periodic:
        axes = axes.max() * np.eye(cell.dim)
    action = Action.of(maps, axes, cell.periodic)
    if action is None:
        return cell
    try:
        steps = steps_of(action, cell.divisions)
    except Untileable:
        # Those that permute the axes leave boxes as they are.
        action = Action.of(maps, axes, cell.periodic, permuting=True)
        if action is None:
            return cell
        steps = steps_of(action, cell.divisions)
    origin = action.invariant(OFFSET[: cell.dim]) @ axes if cell.periodic else -0.5 * axes.sum(axis=0)
    return replace(cell, origin=origin, axes=axes, divisions=steps.divisions, action=action, fineness=steps.factor)


def _check_spectrum(sampler: BandSampler, energy: FloatArray) -> None:
    spectrum = float(np.ptp(energy))
    if 0.0 < spectrum < sampler.degeneracy_tol:
        raise ModelError(
            f"all energies of {sampler.model.name} lie within {spectrum:.3g} eV, less than degeneracy_tol = "
            f"{sampler.degeneracy_tol:g} eV, so that all bands would be one group: energies must be in eV"
        )


def choose_bands(sampler: BandSampler, cell: Cell, mu: FloatArray, kT: FloatArray) -> slice:
    """The contiguous bands that may matter, from the energies at the corners of the first mesh; sets the windows.

    A band matters up to `TAIL` kT beyond the band nearest to mu, which may itself be far away in a gap. All bands of a
    small model are taken, without looking.
    """
    if sampler.model.n_bands <= FEW_BANDS:
        _check_spectrum(sampler, sampler.energies(cell.points(LOOK[:, : cell.dim])))
        sampler.windows = merge_windows(mu - THERMAL * kT, mu + THERMAL * kT)
        return slice(0, sampler.model.n_bands)
    ticks = [np.arange(n if cell.periodic else n + 1) / n for n in cell.divisions]
    fractions = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, cell.dim)
    if cell.action is not None:
        steps = np.array(cell.divisions)
        fractions = fractions[cell.action.orbits(np.rint(fractions * steps).astype(np.int64), steps).index]
    energy = sampler.energies(cell.points(fractions))
    _check_spectrum(sampler, energy)
    nearest = np.abs(energy.ravel()[:, None] - mu).min(axis=0)
    half = np.minimum(nearest + TAIL * kT, FARTHEST_BAND * kT)
    sampler.windows = windows = merge_windows(mu - half, mu + half)
    low, high = energy.min(axis=0), energy.max(axis=0)
    margin = BAND_MARGIN * (high - low)
    near = ((low - margin)[:, None] <= windows[:, 1]) & ((high + margin)[:, None] >= windows[:, 0])
    bands = np.flatnonzero(near.any(axis=1))
    if len(bands) == 0:
        empty = int((high < windows[0, 0]).sum())
        return slice(empty, empty)
    return slice(int(bands[0]), int(bands[-1]) + 1)
