"""A mesh for one energy on which every piece of its level set shows, made from a mesh that all energies share.

The tests are those of `discovery`; what may still hide at their deepest level enters the error of that energy.
"""

from __future__ import annotations

import numpy as np

from ..arrays import BoolArray, FloatArray
from .discovery import DEPTH, MOST_TOUCHING, TOUCH_DEPTH, TOUCH_SHARE, Unresolved, add_hidden, touching
from .elements import Peaks, extent
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
MOST_STILL = 8


def first_mesh(samples: Samples, field: Field, refined: float = 1.0) -> Mesh:
    """The mesh that all energies share; finds the sheets. `refined` asks for a finer one (audit)."""
    cell = samples.cell
    factor = FINER[cell.dim] if cell.periodic else 1
    parts = tuple(n * factor for n in cell.divisions)
    mesh = Mesh.first(samples, parts)
    if refined > 1.0:
        mesh = mesh.bisect(np.ones(len(mesh), dtype=bool))
    field.find_sheets(samples.energy)
    return mesh


def unclear(mesh: Mesh, low: float, high: float, band: int | None = None) -> BoolArray:
    """Simplices that level sets from low to high may enter and in which the gradient may vanish, (simplex,).

    A piece that no vertex shows encloses an extremum, and where the gradients at the vertices of a simplex all point to
    one side, by more than a share of what they differ, there is none. Where a simplex is crossed, the same test says
    that the level set in it is a graph over a plane: neither a neck nor a small pocket is cut through.
    """
    samples = mesh.samples
    found = np.zeros(len(mesh), dtype=bool)
    size = extent(samples.cell, mesh.vertices, samples.steps)
    for sheet in range(samples.energy.shape[1]) if band is None else [band]:
        if np.ptp(samples.energy[:, sheet]) <= FLAT:
            continue
        energy = samples.energy[mesh.nodes, sheet]
        velocity = samples.velocity[mesh.nodes, sheet]
        spread = mesh.spread * (size * np.ptp(velocity, axis=1)).sum(axis=1)
        rows = np.flatnonzero((energy.min(axis=1) - spread <= high) & (energy.max(axis=1) + spread >= low))
        if not len(rows):
            continue
        velocity = velocity[rows]
        differ = np.linalg.norm(np.ptp(velocity, axis=1), axis=1)
        margin = np.where(mesh.level[rows] < SHALLOW, MARGIN, LEAST_MARGIN)
        sided = np.zeros(len(rows), dtype=bool)
        # The middle of their range is the better side of a kink, where two gradients stand for three vertices or four.
        for side in (velocity.mean(axis=1), 0.5 * (velocity.min(axis=1) + velocity.max(axis=1))):
            along = np.einsum("nva,na->nv", velocity, side).min(axis=1)
            sided |= along > margin * 0.5 * differ * np.linalg.norm(side, axis=1)
        found[rows] |= ~sided
    return found


def search(mesh: Mesh, energy: float, degeneracy_tol: float) -> tuple[Mesh, Unresolved]:
    """Bisect until no test finds anything for the level set at `energy`, or to the deepest level.

    Raises OutOfPoints with the meshes unchanged; the points that were sampled stay known.
    """
    samples, dim = mesh.samples, mesh.samples.cell.dim
    peaks = Peaks.at(np.array([energy]), np.array([0.0]))
    unresolved = Unresolved(still=[])
    # What was found at its deepest level once is not asked again: its simplices stay as they are.
    while True:
        hidden = unclear(mesh, energy, energy)
        close, sheet = touching(samples, mesh, peaks, degeneracy_tol)
        too_deep = close & ((mesh.level >= TOUCH_DEPTH[dim]) | (np.count_nonzero(close) > MOST_TOUCHING))
        too_deep |= close & (samples.count >= TOUCH_SHARE[dim] * samples.limit)
        deepest = hidden & (mesh.level >= DEPTH[dim])
        if not unresolved.still:
            unresolved.still = _still(mesh, energy, hidden & (mesh.level >= STILL_LEVEL[dim]))
        marked = (hidden & ~deepest) | (close & ~too_deep)
        if not marked.any():
            break
        mesh = mesh.bisect(marked)
    centre = mesh.corners().mean(axis=1)
    unresolved.touching += [(centre[i], int(sheet[i])) for i in np.flatnonzero(too_deep)]
    add_hidden(samples, mesh.take(deepest), peaks, unresolved)
    return mesh, unresolved


def _still(mesh: Mesh, energy: float, rows: BoolArray) -> list[tuple[FloatArray, int]]:
    """A point and the sheet for each of the simplices that are unclear at a deep level."""
    if not rows.any():
        return []
    found = []
    for sheet in range(mesh.samples.energy.shape[1]):
        part = np.flatnonzero(rows & unclear(mesh, energy, energy, sheet))
        found += [(mesh.corners()[row].mean(axis=0), sheet) for row in part[:MOST_STILL]]
    return found
