"""A box of the k plane or space outside which no sheet comes near the wanted energies.

The outside of a box is cut into blocks: a piece of a face times a range of sizes, in octaves. A sheet is judged from
its energies and gradients at the corners of a block. Let D be its distance in energy from a window, positive at all
corners. Where D cannot vanish in between, the block is clean; where the corners disagree it is dirty; otherwise it is
halved.

Between two corners, with end slopes that differ from the slope of the chord by a and b, D leaves the chord by no more
than (|a| + |b|) t (1 - t): exact for a kink, twice what a parabola does, and above what any cubic does. The same holds
for D times a power of the size, which takes the growth of a polynomial out of the range of sizes, and for log D: where
D touches zero as a kink does, |a| + |b| of log D is at least 4, for a parabola 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray

Sheets = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""k (k, d) -> energies (k, n) and gradients (k, n, d)."""

OCTAVES = (0.0, 1.0, 2.0, 4.0, 8.0, 20.0)
"""First sizes, as powers of two of the first box; growing steps, as polynomials become homogeneous. What reaches a
million times the first box counts as open."""
CLOSE_OCTAVES = (*(float(n) for n in range(13)), 16.0, 20.0)
"""First sizes for sheets that level off far out: their pockets leave no trace in slopes at a distance."""
CLOSE_PIECES = {2: 12, 3: 4}
"""For such sheets, pieces of half an edge of a face just outside the box."""
MIDDLE = (0.13, -0.09, 0.06)
"""Where the faces are cut first, by direction: off the axes, where slopes vanish by symmetry."""
BEND = 1.25
"""What the bound on the distance from the chord is multiplied by."""
LOG_BEND = 2.0
"""Largest |a| + |b| of log D, summed over the directions of the block, that cannot hide a zero."""
NARROWEST, SHORTEST = 2.0**-30, 0.25
"""Pieces of faces (in units of the box) and ranges of octaves smaller than this are not halved."""
OVERSHOOT = 0.5
"""Octaves by which the box may be larger than the level set."""
MOST_POINTS = {2: 3000, 3: 20_000}
"""Where so many points do not suffice, sheets are wild all over the outside, and blocks in doubt count as dirty."""
ROUNDING = 2e-14
"""Of the largest energy at a point; a sheet that is flat to this accuracy there is not judged."""
RIM_POINTS = {2: 24, 3: 9}
"""Points along one edge of the rim where the direction of an open level set is looked for."""
CANCELLED = 0.1
"""A mean of unit vectors below this is one of opposite openings."""


class OpenLevelSet(Exception):
    """A level set reaches the rim of every box; `direction` is a unit vector towards it."""

    def __init__(self, direction: FloatArray) -> None:
        super().__init__(direction)
        self.direction = direction


@dataclass(frozen=True)
class Blocks:
    """Parts of the outside: coordinates on a face of the box [-1, 1]**d, then octaves of the size."""

    axis: IntArray
    """The axis on which the face stands, (block,)."""
    side: FloatArray
    """-1 or 1, (block,)."""
    low: FloatArray
    """(block, d)."""
    high: FloatArray

    def __len__(self) -> int:
        return len(self.axis)

    def take(self, which: BoolArray | IntArray) -> Blocks:
        """Some of the blocks."""
        return Blocks(self.axis[which], self.side[which], self.low[which], self.high[which])

    def halved(self, direction: IntArray) -> Blocks:
        """Both halves of each block along one of its directions (block,)."""
        rows = np.arange(len(self))
        middle = 0.5 * (self.low + self.high)[rows, direction]
        low, high = self.low.copy(), self.high.copy()
        low[rows, direction] = high[rows, direction] = middle
        join = np.concatenate
        return Blocks(join([self.axis] * 2), join([self.side] * 2), join([self.low, low]), join([high, self.high]))

    def corners(self) -> tuple[FloatArray, FloatArray]:
        """Points of the box [-1, 1]**d (block, 2**d, d) and their octaves (block, 2**d); the last bit is the octave."""
        d = self.low.shape[1]
        bits = np.array(list(product((0, 1), repeat=d)), dtype=bool)
        place = np.where(bits, self.high[:, None], self.low[:, None])
        points = np.empty(place.shape)
        for axis in range(d):
            rows = self.axis == axis
            points[rows] = np.insert(place[rows][..., :-1], axis, self.side[rows, None], axis=-1)
        return points, place[..., -1]


def first_blocks(dim: int, octaves: Sequence[float], pieces: int) -> Blocks:
    """A range of sizes all around; every face is cut in twice so many pieces along each of its directions."""
    ranges = list(pairwise(octaves))
    axes, sides, intervals = [], [], []
    for axis, side in product(range(dim), (-1.0, 1.0)):
        middles = (MIDDLE[a] for a in range(dim) if a != axis)
        ticks = (np.interp(np.arange(2 * pieces + 1) / pieces, [0.0, 1.0, 2.0], [-1.0, m, 1.0]) for m in middles)
        for part in product(*(pairwise(t.tolist()) for t in ticks), ranges):
            axes.append(axis)
            sides.append(side)
            intervals.append(part)
    bounds = np.array(intervals)
    return Blocks(np.array(axes), np.array(sides), bounds[..., 0], bounds[..., 1])


class Corners:
    """Energies and gradients of the sheets at corners of blocks, each evaluated once."""

    def __init__(self, sheets: Sheets, half: float) -> None:
        self._sheets, self._half = sheets, half
        self._row: dict[tuple[float, ...], int] = {}
        self._energy: list[FloatArray] = []
        self._gradient: list[FloatArray] = []

    def __len__(self) -> int:
        return len(self._row)

    def __call__(self, blocks: Blocks) -> tuple[FloatArray, FloatArray]:
        """Energies (block, 2**d, n), and their changes across the block at the slope there, (block, 2**d, n, d)."""
        points, octaves = blocks.corners()
        places = np.concatenate([points, octaves[..., None]], axis=-1)
        keys = [tuple(place) for place in places.reshape(-1, places.shape[-1]).tolist()]
        new = [key for key in dict.fromkeys(keys) if key not in self._row]
        if new:
            place = np.array(new)
            energy, gradient = self._sheets(self._half * 2.0 ** place[:, -1:] * place[:, :-1])
            self._row.update(zip(new, range(len(self._row), len(self._row) + len(new)), strict=True))
            self._energy.extend(energy)
            self._gradient.extend(gradient)
        rows = [self._row[key] for key in keys]
        energy = np.array([self._energy[row] for row in rows]).reshape(*octaves.shape, -1)
        gradient = np.array([self._gradient[row] for row in rows]).reshape(*energy.shape, -1)
        return energy, self._changes(blocks, points, octaves, gradient)

    def _changes(self, blocks: Blocks, points: FloatArray, octaves: FloatArray, gradient: FloatArray) -> FloatArray:
        size = self._half * 2.0 ** octaves[..., None]
        outward = np.log(2.0) * size * (gradient * points[:, :, None, :]).sum(axis=-1)
        changes = np.empty(gradient.shape)
        for axis in range(points.shape[-1]):
            rows = blocks.axis == axis
            changes[rows, ..., :-1] = size[rows, ..., None] * np.delete(gradient[rows], axis, axis=-1)
        changes[..., -1] = outward
        return changes * (blocks.high - blocks.low)[:, None, None, :]


def _edges(d: int) -> list[tuple[IntArray, IntArray]]:
    """Corners at the low and the high end of the edges along each direction of a block."""
    corner = np.arange(2**d)
    steps = 2 ** np.arange(d - 1, -1, -1)
    return [(corner[corner & step == 0], corner[corner & step == 0] + step) for step in steps]


def _bends(value: FloatArray, change: FloatArray) -> FloatArray:
    """|a| + |b| of the edge along each direction where it is largest, (.., n, d), from (.., 2**d, n[, d])."""
    bends = []
    for direction, (first, last) in enumerate(_edges(change.shape[-1])):
        chord = value[..., last, :] - value[..., first, :]
        slope = change[..., direction]
        off = np.abs(slope[..., first, :] - chord) + np.abs(slope[..., last, :] - chord)
        bends.append(off.max(axis=-2))
    return np.stack(bends, axis=-1)


def _lowest(value: FloatArray, bends: FloatArray) -> FloatArray:
    """Lower bound of a function in the block, looked up on a lattice of points in it."""
    d = bends.shape[-1]
    t = np.array(list(product(np.linspace(0.0, 1.0, 5), repeat=d)))
    bits = np.array(list(product((0, 1), repeat=d)))
    weight = np.where(bits, t[:, None], 1.0 - t[:, None]).prod(axis=-1)
    chord = np.einsum("pc,...cn->...pn", weight, value)
    return (chord - BEND * np.einsum("pd,...nd->...pn", t * (1.0 - t), bends)).min(axis=-2)


def _may_vanish(distance: FloatArray, change: FloatArray) -> tuple[BoolArray, FloatArray]:
    """Blocks and sheets (block, n) where a distance, positive at the corners, may vanish, and the bends of its log."""
    relative = change / distance[..., None]
    logarithm = np.log(distance)
    bends = _bends(logarithm, relative)
    doubtful = bends.sum(axis=-1) > LOG_BEND
    doubtful &= _lowest(distance, _bends(distance, change)) <= 0.0
    power = relative[:, 1::2, :, -1].mean(axis=1).clip(-100.0, 100.0)  # of the size: exact for what is homogeneous
    top = np.tile([0.0, 1.0], distance.shape[1] // 2)[:, None]
    scaled = distance / distance.max(axis=1, keepdims=True) * np.exp(power[:, None] * (0.5 - top))
    slope = scaled[..., None] * relative
    slope[..., -1] -= power[:, None] * scaled
    doubtful &= _lowest(scaled, _bends(scaled, slope)) <= 0.0
    return doubtful, bends


@dataclass(frozen=True)
class Verdict:
    """What the corners say of blocks."""

    dirty: BoolArray
    """A sheet lies in a window at a corner, or on different sides of one at two corners, (block,)."""
    doubtful: BoolArray
    """Not dirty, but a sheet may reach a window in between, (block,)."""
    unknown: BoolArray
    """A sheet is lost in rounding at some corners, but not at all of them, (block,)."""
    bends: FloatArray
    """How strongly the doubtful sheets bend along each direction, (block, d)."""


def _judge(energy: FloatArray, change: FloatArray, windows: FloatArray) -> Verdict:
    low, high = np.append(windows[:, 0], np.inf), np.append(-np.inf, windows[:, 1])
    gap = np.searchsorted(windows[:, 1], energy)
    above, below = low[gap] - energy, energy - high[gap]
    nearest = np.minimum(above, below)
    rounding = ROUNDING * np.abs(energy).max(axis=-1, keepdims=True)
    flat = np.maximum(np.abs(nearest), np.abs(change).max(axis=-1)) <= rounding
    inside = (nearest <= 0.0) & ~flat
    crossing = np.where(flat, 0, gap).max(axis=1) > np.where(flat, len(windows), gap).min(axis=1)
    dirty = inside.any(axis=1) | crossing & ~flat.all(axis=1)
    unknown = flat.any(axis=1) & ~flat.all(axis=1)
    nothing = np.zeros(len(energy), dtype=bool)
    found = Verdict(dirty.any(axis=1), nothing, unknown.any(axis=1), np.zeros((len(energy), change.shape[-1])))
    judged = ~(dirty | flat.any(axis=1))
    for distance, sign in ((below, 1.0), (above, -1.0)):
        counted = judged & np.isfinite(distance).all(axis=1)
        rows, sheets = np.nonzero(counted & ~found.dirty[:, None])
        if not len(rows):
            continue
        doubtful, bends = _may_vanish(distance[rows, :, sheets][..., None], sign * change[rows, :, sheets][:, :, None])
        np.logical_or.at(found.doubtful, rows, doubtful[:, 0])
        np.maximum.at(found.bends, rows, np.where(doubtful[:, 0, None], bends[:, 0], 0.0))
    return found


def _level_off(energy: FloatArray, windows: FloatArray) -> bool:
    """Whether some sheet changes less than its distance from the windows over the octaves of the blocks."""
    inner, outer = energy[:, 0::2], energy[:, 1::2]
    distance = np.abs(inner[..., None] - windows.ravel()).min(axis=-1)
    return bool((np.abs(outer - inner) < distance).any())


class _Search:
    """Halves blocks until they are clean or small, and keeps what was found."""

    def __init__(self, corners: Corners, dim: int, windows: FloatArray) -> None:
        self._corners, self._dim, self._windows = corners, dim, windows
        self._limit = np.append(np.full(dim - 1, NARROWEST), SHORTEST)
        self.reached = -np.inf
        """Octaves; some level set is known to come so far."""
        self.outer = 0.0
        """Octaves; the box that holds all blocks given up."""
        self.farthest = first_blocks(dim, OCTAVES[:2], 1)
        """The blocks given up last."""

    @property
    def exhausted(self) -> bool:
        """Whether so many points were spent that blocks in doubt are given up."""
        return len(self._corners) > MOST_POINTS[self._dim]

    def __call__(self, octaves: Sequence[float], pieces: int) -> None:
        """Search outside what is known, from the largest sizes inwards."""
        for interval in reversed(list(pairwise(octaves))):
            if interval[1] > self.outer:
                self._search(first_blocks(self._dim, interval, pieces))

    def _search(self, blocks: Blocks) -> None:
        while len(blocks):
            verdict = _judge(*self._corners(blocks), self._windows)
            if verdict.dirty.any():
                self.reached = max(self.reached, float(blocks.low[verdict.dirty, -1].max()))
            size, top = blocks.high - blocks.low, blocks.high[:, -1]
            long = size[:, -1] > OVERSHOOT
            finished = verdict.dirty & ~long
            finished |= verdict.doubtful & (top <= self.reached + 2.0 * OVERSHOOT)
            finished |= verdict.doubtful & (self.exhausted | (size <= self._limit).all(axis=1))
            if finished.any() and top[finished].max() > self.outer:
                self.farthest = blocks.take(finished & (top == top[finished].max()))
            self.outer = max(self.outer, self.reached, float(top[finished].max(initial=0.0)))
            direction = np.argmax(np.where(size > self._limit, verdict.bends, -1.0), axis=1)
            radial = verdict.dirty | verdict.unknown | (blocks.low[:, -1] <= self.reached + OVERSHOOT)
            direction[radial & long] = self._dim - 1
            active = verdict.dirty | verdict.doubtful | (verdict.unknown & long)
            active &= ~finished & (top > self.outer)
            blocks = blocks.take(active).halved(direction[active])


def grow(sheets: Sheets, dim: int, half: float, windows: FloatArray) -> float:
    """Half-width of a box [-h, h]**dim, at least `half`, outside which no level set in the windows (w, 2) lies.

    Blocks of the outside are halved until they are clean or small. The box holds every dirty one, and is larger than
    the level sets by an octave at most, unless sheets bend so much that even small blocks stay in doubt. Sheets that
    level off are searched from more points: what comes close to a window somewhere leaves no trace far from it.
    Raises OpenLevelSet when a level set reaches a million times the first box.
    """
    corners = Corners(sheets, half)
    search = _Search(corners, dim, windows)
    last = first_blocks(dim, OCTAVES[-2:], 1)
    if _level_off(corners(last)[0], windows):
        search(CLOSE_OCTAVES, 2)
        known = -1.0
        while known < search.outer < OCTAVES[-1] and not search.exhausted:
            known = search.outer
            search((known, known + 1.0), CLOSE_PIECES[dim])
    else:
        search(OCTAVES, 1)
    if search.outer >= OCTAVES[-1]:
        towards, _ = search.farthest.corners()
        raise OpenLevelSet(_open_direction(sheets, half * 2.0**search.outer, towards.reshape(-1, dim), windows))
    return half * 2.0**search.outer


def rim(dim: int) -> list[FloatArray]:
    """Faces of the box [-1, 1]**dim, each a regular array of points (.., d)."""
    ticks = np.linspace(-1.0, 1.0, RIM_POINTS[dim])
    faces = []
    for axis, side in product(range(dim), (-1.0, 1.0)):
        grids = np.meshgrid(*([ticks] * (dim - 1)), indexing="ij")
        face = np.insert(np.stack(grids, axis=-1), axis, side, axis=-1)
        faces.append(face)
    return faces


def _open_direction(sheets: Sheets, size: float, towards: FloatArray, windows: FloatArray) -> FloatArray:
    """Middle of the smallest part of the rim where some sheet lies on another side of the windows than elsewhere.

    towards: points of the rim (., d) where a level set is known to pass.
    """
    dim = towards.shape[1]
    points = np.concatenate([towards, *(face.reshape(-1, dim) for face in rim(dim))])
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
    return middle / length if length > CANCELLED else unit[odd_ones][0]
