"""A mesh for some energies on which every piece of their level sets shows, made from a mesh that all energies share.

The tests are those of `discovery`; what may still hide at their deepest level enters the error of each energy.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .discovery import (
    COUPLED,
    DEPTH,
    MOST_TOUCHING,
    TOUCH_DEPTH,
    TOUCH_SHARE,
    Touching,
    Unresolved,
    add_hidden,
    chunks,
    touches,
)
from .elements import Peaks, extent
from .extremes import highest, lowest, span
from .field import FLAT, Field
from .mesh import Mesh
from .samples import Samples

FINER = {2: 2, 3: 2}
"""A periodic cell is first cut into this many times its divisions: as many points as elements of order 2 have."""

MARGIN, LEAST_MARGIN = 1.0, 0.3
"""Share of the differences of its gradients by which a simplex must point to one side; and at deep levels, where only
kinks of sorted bands are left, which no refinement removes."""
SHALLOW = 6
STILL_LEVEL = {2: 13, 3: 9}
"""Where something is unclear after so many bisections of all edges, a critical point is within about 1e-9 eV."""
SLOW = 0.02
"""... if its gradient is below this share of the usual one."""
MOST_STILL = 8


def first_mesh(samples: Samples, field: Field) -> Mesh:
    """The mesh that all energies share; finds the sheets."""
    cell = samples.cell
    factor = FINER[cell.dim] if cell.periodic else 1
    parts = tuple(n * factor for n in cell.divisions)
    mesh = Mesh.first(samples, parts)
    field.find_sheets(samples.energy)
    return mesh


def unclear(mesh: Mesh, low: float, high: float, band: int) -> BoolArray:
    """Simplices that level sets of a sheet from low to high may enter and in which its gradient may vanish, (simplex,).

    A piece that no vertex shows encloses an extremum, and where the gradients at the vertices of a simplex all point to
    one side, by more than a share of what they differ, there is none. Where a simplex is crossed, the same test says
    that the level set in it is a graph over a plane: neither a neck nor a small pocket is cut through.
    """
    found = np.zeros(len(mesh), dtype=bool)
    if not _flat(mesh.samples, band):
        spans = ranges(mesh, np.arange(len(mesh)), slice(band, band + 1))
        rows = np.flatnonzero((spans.low[:, 0] <= high) & (spans.high[:, 0] >= low))
        found[rows] = _two_sided(mesh, rows, np.full(len(rows), band))
    return found


class Ranges(NamedTuple):
    """Energies between which a sheet stays in a simplex, both (simplex, sheet)."""

    low: FloatArray
    high: FloatArray


def ranges(mesh: Mesh, rows: IntArray, sheets: slice) -> Ranges:
    """Between what the sheets stay in some simplices, from values and gradients at the vertices."""
    samples = mesh.samples
    low, high = [], []
    for chunk in chunks(samples, mesh, rows):
        nodes = mesh.nodes[chunk]
        energy, velocity = samples.energy[:, sheets][nodes], samples.velocity[:, sheets][nodes]
        size = extent(samples.cell, mesh.vertices[chunk], samples.steps)[:, None]
        margin = mesh.spread * (size * span(velocity)).sum(axis=2)
        low.append(lowest(energy) - margin)
        high.append(highest(energy) + margin)
    return Ranges(np.concatenate(low), np.concatenate(high))


def _two_sided(mesh: Mesh, rows: IntArray, sheet: IntArray) -> BoolArray:
    """Pairs of a simplex and a sheet (pair,) in which the gradients at the vertices do not all point to one side."""
    velocity = mesh.samples.velocity[mesh.nodes[rows], sheet[:, None]]
    least, most = lowest(velocity), highest(velocity)
    differ = np.linalg.norm(most - least, axis=1)
    margin = np.where(mesh.level[rows] < SHALLOW, MARGIN, LEAST_MARGIN)
    sided = np.zeros(len(rows), dtype=bool)
    # The middle of their range is the better side of a kink, where two gradients stand for three vertices or four.
    for side in (velocity.mean(axis=1), 0.5 * (least + most)):
        along = lowest(np.einsum("nva,na->nv", velocity, side))
        sided |= along > margin * 0.5 * differ * np.linalg.norm(side, axis=1)
    return ~sided


def _flat(samples: Samples, sheet: int) -> bool:
    return bool(np.ptp(samples.energy[:, sheet]) <= FLAT)


class _Pairs(NamedTuple):
    """Sheets of simplices, and the energies from low to high at which something may be there, all (pair,)."""

    row: IntArray
    sheet: IntArray
    low: FloatArray
    high: FloatArray

    def take(self, index: np.ndarray) -> _Pairs:
        """Some of the pairs."""
        return _Pairs(self.row[index], self.sheet[index], self.low[index], self.high[index])

    def follow(self, survivors: IntArray, more: _Pairs, size: int) -> _Pairs:
        """The same in a finer mesh made from one of `size` simplices, and those of its new simplices."""
        place = np.full(size, -1)
        place[survivors] = np.arange(len(survivors))
        kept = self._replace(row=place[self.row])
        kept = kept.take(kept.row >= 0)
        return _Pairs(
            np.concatenate([kept.row, more.row]),
            np.concatenate([kept.sheet, more.sheet]),
            np.concatenate([kept.low, more.low]),
            np.concatenate([kept.high, more.high]),
        )

    def near(self, energies: FloatArray) -> _Pairs:
        """Those at one of some ascending energies."""
        return self.take(np.searchsorted(energies, self.low) < np.searchsorted(energies, self.high, side="right"))


class Search:
    """Meshes for energies, all made from one; what holds at every energy is looked at once."""

    def __init__(self, mesh: Mesh, degeneracy_tol: float) -> None:
        self.mesh, self.degeneracy_tol = mesh, degeneracy_tol

    @cached_property
    def _whole(self) -> tuple[Ranges, Touching]:
        rows = np.arange(len(self.mesh))
        spans = ranges(self.mesh, rows, slice(None))
        return spans, touches(self.mesh.samples, self.mesh, self.degeneracy_tol, rows)

    def at(self, energies: FloatArray) -> tuple[Mesh, list[Unresolved]]:
        """Bisect until no test finds anything for the level sets at some ascending energies, or to the deepest level.

        Raises OutOfPoints with the meshes unchanged; the points that were sampled stay known.
        """
        mesh, samples, dim = self.mesh, self.mesh.samples, self.mesh.samples.cell.dim
        unresolved = [Unresolved(still=[]) for _ in energies]
        vanishing, meeting = self._suspects(mesh, np.arange(len(mesh)), *self._whole, energies)
        # What was found at its deepest level once is not asked again: its simplices stay as they are.
        while True:
            # A sheet may look flat as long as few points are known.
            curved = ~np.array([_flat(samples, sheet) for sheet in range(samples.energy.shape[1])])
            bent = vanishing.take(curved[vanishing.sheet])
            _add_still(mesh, bent, energies, unresolved)
            hidden, close = np.zeros(len(mesh), dtype=bool), np.zeros(len(mesh), dtype=bool)
            hidden[bent.row] = True
            if samples.paid < TOUCH_SHARE[dim] * samples.limit:
                close[meeting.near(_uncrowded(meeting, energies)).row] = True
            marked = (hidden & (mesh.level < DEPTH[dim])) | (close & (mesh.level < TOUCH_DEPTH[dim]))
            if not marked.any():
                break
            finer = mesh.bisect(marked)
            # The tests see nothing but the vertices: only new simplices can have other answers.
            rows = np.arange(len(finer.survivors), len(finer))
            spans = ranges(finer, rows, slice(None))
            met = touches(samples, finer, self.degeneracy_tol, rows)
            new_vanishing, new_meeting = self._suspects(finer, rows, spans, met, energies)
            vanishing = vanishing.follow(finer.survivors, new_vanishing, len(mesh))
            meeting = meeting.follow(finer.survivors, new_meeting, len(mesh))
            mesh = finer
        for one, found in zip(energies[:, None], unresolved, strict=True):
            pairs = meeting.near(one)
            pairs = pairs.take(mesh.inside[pairs.row])
            deep, last = np.unique(pairs.row[::-1], return_index=True)
            centres = mesh.take(deep).corners().mean(axis=1)
            found.touching += list(zip(centres, pairs.sheet[::-1][last].tolist(), strict=True))
            deepest = np.unique(bent.near(one).row)
            add_hidden(samples, mesh.take(deepest[mesh.inside[deepest]]), Peaks.at(one, np.array([0.0])), found)
        return mesh, unresolved

    def _suspects(
        self, mesh: Mesh, rows: IntArray, spans: Ranges, met: Touching, energies: FloatArray
    ) -> tuple[_Pairs, _Pairs]:
        """Where, in some simplices, the gradient may vanish at an energy, and where two sheets may touch there."""
        row, sheet = np.indices(spans.low.shape).reshape(2, -1)
        pairs = _Pairs(row, sheet, spans.low.ravel(), spans.high.ravel()).near(energies)
        pairs = pairs._replace(row=rows[pairs.row])
        return pairs.take(_two_sided(mesh, pairs.row, pairs.sheet)), _Pairs(met.row, met.sheet, met.low, met.high).near(
            energies
        )


def _uncrowded(meeting: _Pairs, energies: FloatArray) -> FloatArray:
    """Energies at which sheets may touch in no more than MOST_TOUCHING simplices."""
    if len(meeting.row) <= MOST_TOUCHING:
        return energies
    few = [len(np.unique(meeting.near(one).row)) <= MOST_TOUCHING for one in energies[:, None]]
    return energies[np.array(few)]


def _add_still(mesh: Mesh, vanishing: _Pairs, energies: FloatArray, unresolved: list[Unresolved]) -> None:
    """Where a sheet stands still on a level set, for those energies of which none is known yet."""
    deep = vanishing.take(mesh.level[vanishing.row] >= STILL_LEVEL[mesh.samples.cell.dim])
    if len(deep.row):
        for one, found in zip(energies[:, None], unresolved, strict=True):
            if not found.still:
                found.still = _still(mesh, deep.near(one))


def _still(mesh: Mesh, pairs: _Pairs) -> list[tuple[FloatArray, int]]:
    """A point and the sheet for each of some simplices that are unclear at a deep level."""
    if not len(pairs.row):
        return []
    samples = mesh.samples
    # Where sheets pass through each other the gradient of the sorted ones jumps, and vanishes on neither side.
    speed = np.linalg.norm(samples.velocity, axis=2)
    usual = np.median(speed, axis=0)[pairs.sheet]
    nodes = mesh.nodes[pairs.row]
    slow = lowest(speed[nodes, pairs.sheet[:, None]]) < SLOW * usual
    coupling = np.maximum(samples.coupling, np.roll(samples.coupling, 1, axis=1))
    slow |= highest(coupling[nodes, pairs.sheet[:, None]]) > COUPLED * usual
    found = []
    for sheet in np.unique(pairs.sheet[slow]).tolist():
        rows = pairs.row[slow & (pairs.sheet == sheet) & mesh.inside[pairs.row]][:MOST_STILL]
        found += [(centre, sheet) for centre in mesh.take(rows).corners().mean(axis=1)]
    return found
