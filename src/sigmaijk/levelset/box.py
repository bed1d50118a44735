"""A box of the k plane or space outside which no sheet comes near the wanted energies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from ..arrays import BoolArray, FloatArray

Sheets = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""k (k, d) -> energies (k, n) and gradients (k, n, d)."""

RIM_POINTS = {2: 24, 3: 9}
"""Points along one edge of the rim."""
RAYS = 16
"""Directions in the plane that are searched outwards; in space the 26 towards faces, edges and corners of a cube."""
DOUBLINGS = 20
"""How far: a million times the first box. A level set that reaches so far counts as open."""


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
    neighbouring points, and no sheet heads for a window so steeply that it would arrive before the radius doubles. The
    last two are also asked along rays, out to a million times the first box.
    Raises OpenLevelSet when the box itself has grown that far.
    """
    size = half
    while True:
        if len(_dirty_points(sheets, dim, size, windows)):
            if size > half * 2.0**DOUBLINGS:
                raise OpenLevelSet(_open_direction(sheets, dim, size, windows))
            size *= 2.0
            continue
        further = _farthest(sheets, dim, size, half * 2.0**DOUBLINGS, windows)
        if further > size:
            size = further
        elif len(_dirty_points(sheets, dim, 2.0 * size, windows)):
            size *= 4.0
        else:
            return size


def _directions(dim: int) -> FloatArray:
    """Unit vectors off the axes of symmetry, (ray, d)."""
    if dim == 2:
        phi = 2.0 * np.pi * (np.arange(RAYS) + 0.13) / RAYS
        return np.stack([np.cos(phi), np.sin(phi)], axis=1)
    cube = np.array([p for p in product((-1.0, 0.0, 1.0), repeat=3) if any(p)]) + np.array([0.05, 0.08, 0.03])
    return cube / np.linalg.norm(cube, axis=1, keepdims=True)


def _approach(energy: FloatArray, outward: FloatArray, windows: FloatArray) -> BoolArray:
    """Where a sheet would reach a window if it went on by `outward`, its change up to twice the radius."""
    low, high = windows[:, 0], windows[:, 1]
    above = np.append(low, np.inf)[np.searchsorted(low, energy)]
    below = np.append(-np.inf, high)[np.searchsorted(high, energy)]
    return ((outward > 0) & (energy + outward >= above)) | ((outward < 0) & (energy + outward <= below))


def _farthest(sheets: Sheets, dim: int, size: float, largest: float, windows: FloatArray) -> float:
    """Half-width of a box that holds what sheets do in the windows along rays outside it; `size` if nothing."""
    count = max(1, int(np.ceil(np.log2(largest / size))) + 1)
    radii = size * 2.0 ** np.arange(count)
    rays = _directions(dim)
    energy, velocity = sheets((radii[:, None, None] * rays).reshape(-1, dim))
    energy = energy.reshape(count, len(rays), -1)
    outward = (velocity.reshape(*energy.shape, dim) * rays[:, None, :]).sum(axis=-1) * radii[:, None, None]
    busy: BoolArray = np.atleast_1d(np.any(_approach(energy, outward, windows), axis=(1, 2)))
    interval = np.searchsorted(windows.ravel(), energy)
    busy[:-1] |= (interval[1:] != interval[:-1]).any(axis=(1, 2))
    last = np.flatnonzero(busy[:-1])
    return size if not len(last) else float(4.0 * radii[last[-1]])


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
        heading = _approach(energy, outward, windows)
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
