"""A box of the k plane or space outside which no sheet comes near the wanted energies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from ..arrays import BoolArray, FloatArray

Sheets = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""k (k, d) -> energies (k, n) and gradients (k, n, d)."""

RIM_POINTS = {2: 48, 3: 12}
"""Points along one edge of the rim."""
LADDER = 2.0**0.5
CLEAN_STEPS = 6
"""Rims that must be clean in a row, each `LADDER` times the last: three doublings."""
LARGEST = 2.0**20
"""Growth at which a level set counts as open."""


class OpenLevelSet(Exception):
    """A level set reaches the rim of every box; `direction` is a unit vector towards it."""

    def __init__(self, direction: FloatArray) -> None:
        super().__init__(direction)
        self.direction = direction


def rim(dim: int) -> list[FloatArray]:
    """Faces of the box [-1, 1]**dim, each a regular array of points (.., d)."""
    ticks = np.linspace(-1.0, 1.0, RIM_POINTS[dim])
    faces = []
    for axis, side in product(range(dim), (-1.0, 1.0)):
        grids = np.meshgrid(*([ticks] * (dim - 1)), indexing="ij")
        face = np.insert(np.stack(grids, axis=-1), axis, side, axis=-1)
        faces.append(face)
    return faces


def _hits(energy: FloatArray, spread: FloatArray, windows: FloatArray) -> BoolArray:
    """Points (..,) whose sheet, give or take the spread, lies in one of the windows (w, 2)."""
    inside = (energy[..., None] + spread[..., None] >= windows[:, 0]) & (
        energy[..., None] - spread[..., None] <= windows[:, 1]
    )
    return np.any(inside, axis=-1)


def grow(sheets: Sheets, dim: int, half: float, windows: FloatArray) -> float:
    """Half-width of a box [-h, h]**dim whose rim no level set in the windows (w, 2) reaches, here or further out.

    Starts from `half` and doubles. A rim is clean when no sheet on it lies in a window, no sheet crosses one between
    neighbouring points, and no sheet heads for a window so steeply that it would arrive before the radius doubles.
    Raises OpenLevelSet when the box has grown a million times.
    """
    start, size, clean = half, half, 0
    found = half
    while clean < CLEAN_STEPS:
        bad = _dirty_points(sheets, dim, size, windows)
        if len(bad):
            clean = 0
            found = size * LADDER
            if size > LARGEST * start:
                raise OpenLevelSet(_open_direction(sheets, dim, size, windows))
        else:
            clean += 1
        size *= LADDER
    return found


def _dirty_points(sheets: Sheets, dim: int, size: float, windows: FloatArray) -> FloatArray:
    dirty = []
    for face in rim(dim):
        shape = face.shape[:-1]
        energy, velocity = sheets(size * face.reshape(-1, dim))
        n = energy.shape[-1]
        energy, velocity = energy.reshape(*shape, n), velocity.reshape(*shape, n, dim)
        step = 2.0 * size / (RIM_POINTS[dim] - 1)
        spread = np.zeros_like(energy)
        crossing = np.zeros(energy.shape, dtype=bool)
        for axis in range(dim - 1):
            change = np.abs(np.diff(velocity, axis=axis)).sum(axis=-1) * step * 0.25
            first, last = _ends(axis, dim - 1)
            for part in (first, last):
                spread[part] = np.maximum(spread[part], change)
            for edge in windows.ravel():
                crossing[first] |= (energy[first] > edge) != (energy[last] > edge)
        outward = (velocity * face[..., None, :]).sum(axis=-1) * size
        middle = windows.mean(axis=1)
        distance = (middle - energy[..., None]) * np.sign(outward)[..., None]
        width = 0.5 * (windows[:, 1] - windows[:, 0])
        heading = ((distance > 0) & (distance - width < np.abs(outward)[..., None])).any(axis=-1)
        bad = (_hits(energy, spread, windows) | crossing | heading).any(axis=-1)
        dirty.append(face[bad])
    return np.concatenate(dirty)


def _ends(axis: int, dims: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(dims))
    last = tuple(slice(1, None) if a == axis else slice(None) for a in range(dims))
    return first, last


def _open_direction(sheets: Sheets, dim: int, size: float, windows: FloatArray) -> FloatArray:
    """Middle of the smallest part of the rim where some sheet lies on another side of the windows than elsewhere."""
    points = np.concatenate([face.reshape(-1, dim) for face in rim(dim)])
    energy, _ = sheets(size * points)
    below = energy < windows.mean()
    share = below.mean(axis=0)
    minority = np.minimum(share, 1.0 - share)
    minority[minority == 0.0] = np.inf
    sheet = int(np.argmin(minority))
    odd_ones = below[:, sheet] == (share[sheet] < 0.5)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    middle = unit[odd_ones].mean(axis=0) if odd_ones.any() else unit[0]
    length = np.linalg.norm(middle)
    return middle / length if length > 1e-6 else unit[odd_ones][0]
