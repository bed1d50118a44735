"""Finding every piece of the level sets before anything is integrated.

Two tests split an element, each from values and gradients at its nodes alone:

* unseen: the sheet comes no closer to a peak at the nodes than it may come between them. How far it can leave the range
  of its nodes is bounded by the change of its gradient across the element (`spread`: twice the exact factor of a
  parabola and more), and only an element that may hide an extremum can hide a piece.
* touching: two neighbouring sheets come closer at the nodes than they can move across the element, so that they may
  touch, or nearly touch and carry a hot spot there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .elements import Elements, Peaks, children, extent
from .extremes import highest, lowest, span
from .samples import Samples

EXTREMUM = 0.25
"""An element whose spread is below this share of the range of its nodes is taken as monotonic."""
TOUCH = 0.5
THERMAL_STEP = 2.0
"""Coming closer to a bump by fewer widths than this is left to the error estimate."""
HOT_REACH = 4.0
"""Only within this many widths of a bump has a hidden piece the sharp edge that the error estimate could miss."""
TOUCH_REACH = 16.0
"""Within this many widths of a bump touching sheets matter: hot spots are strong."""
DEPTH = {2: 20, 3: 11}
TOUCH_DEPTH = {2: 9, 3: 5}
"""Deepest level to which each test may lead."""
BUMP_SHARE, TOUCH_SHARE = {2: 0.05, 3: 0.01}, {2: 0.3, 3: 0.02}
"""Share of the points allowed that may be spent on suspicions under bumps, and on touching sheets. A model whose sheets
bend and cross everywhere (a Wannier model at room temperature) raises them everywhere; what is left is refined by the
error estimate, and a bump has no edge that it could miss altogether. Delta functions know no such limit."""
MOST_TOUCHING = 2000
"""Isolated hot spots are few; where more elements of a level than this touch, whole sheets do (a pair split by little
everywhere), every sample sees it, and the error estimate of the integration leads better than this test."""
CHUNK = 100_000
"""Doubles in one array of the tests."""
COUPLED = 1e-9
"""Sheets whose coupling is below this share of their relative velocity pass through each other unnoticed."""


@dataclass
class Unresolved:
    """Elements that were still suspicious at the deepest level: points (., d) and numbers of the sheets there."""

    touching: list[tuple[FloatArray, int]] = field(default_factory=list)
    """Centre of the element and number of the lower of two sheets that may touch."""
    still: list[tuple[FloatArray, int]] | None = None
    """Where the gradient may vanish at an energy of a delta function: a point (d,) and the number of the sheet. None if
    that was not looked for."""
    hidden: FloatArray | None = None
    """What pieces that may still hide could add to each column at each peak, (peak, c)."""


def _distance(low: FloatArray, high: FloatArray, peaks: Peaks) -> tuple[FloatArray, FloatArray]:
    """Distance of each interval of energies from the nearest delta function, and from the nearest bump in widths."""
    sharp, broad = np.full(len(low), np.inf), np.full(len(low), np.inf)
    for width, _, centres in peaks.series:
        after = np.searchsorted(centres, low)
        above = np.append(centres, np.inf)[after]
        below = np.append(-np.inf, centres)[after]
        distance = np.where(above <= high, 0.0, np.minimum(above - high, low - below))
        if width == 0.0:
            sharp = distance
        else:
            broad = np.minimum(broad, distance / width)
    return sharp, broad


def _narrowest(peaks: Peaks) -> float:
    broad = peaks.width[peaks.width > 0]
    return float(broad.min()) if len(broad) else np.inf


class Simplices(Protocol):
    """What the tests need of a mesh; `Elements` with nodes of order 2 and `Mesh` with its vertices alone have it."""

    @property
    def vertices(self) -> IntArray:
        """(element, d + 1, d)"""
        ...

    @property
    def nodes(self) -> IntArray:
        """(element, node)"""
        ...

    @property
    def level(self) -> IntArray:
        """(element,)"""
        ...

    @property
    def spread(self) -> float:
        """Bound on how far a sheet leaves the range of the nodes, in units of the change of its gradient."""
        ...

    def __len__(self) -> int: ...


def _spread(samples: Samples, elements: Simplices, size: FloatArray, sheet: int) -> FloatArray:
    """How far a sheet may leave the range of its nodes, (element,)."""
    return elements.spread * (size * span(samples.velocity[elements.nodes, sheet])).sum(axis=1)


def relevant(samples: Samples, elements: Simplices, peaks: Peaks) -> BoolArray:
    """Elements in which some sheet may come within the reach of a peak; nothing else can contribute."""
    found = np.zeros(len(elements), dtype=bool)
    size = extent(samples.cell, elements.vertices, samples.steps)
    reach = float(peaks.reach.max(initial=0.0))
    for sheet in range(samples.energy.shape[1]):
        energy = samples.energy[elements.nodes, sheet]
        spread = _spread(samples, elements, size, sheet)
        sharp, broad = _distance(lowest(energy) - spread, highest(energy) + spread, peaks)
        found |= (sharp == 0) | (broad <= reach)
    return found


def unseen(samples: Samples, elements: Simplices, peaks: Peaks, affordable: bool) -> BoolArray:
    """Elements in which a sheet may come closer to a peak than its nodes show; bumps only if that is affordable."""
    suspicious = np.zeros(len(elements), dtype=bool)
    size = extent(samples.cell, elements.vertices, samples.steps)
    width = _narrowest(peaks)
    for sheet in range(samples.energy.shape[1]):
        energy = samples.energy[elements.nodes, sheet]
        low, high = lowest(energy), highest(energy)
        spread = _spread(samples, elements, size, sheet)
        extremum = spread > EXTREMUM * (high - low)
        sharp, broad = _distance(low, high, peaks)
        hidden = (sharp > 0) & (sharp <= spread)
        if affordable and np.isfinite(width):
            closer = np.minimum(spread / width, broad)
            hidden |= (broad - closer <= HOT_REACH) & (closer > THERMAL_STEP)
        suspicious |= extremum & hidden
    return suspicious


class Touching(NamedTuple):
    """Where a sheet may touch the next one, whatever the energy; by ascending elements, then sheets, all (pair,)."""

    row: IntArray
    """Number of the element."""
    sheet: IntArray
    """Number of the lower sheet."""
    low: FloatArray
    high: FloatArray
    """Energies between which that may happen."""


def touches(samples: Samples, elements: Simplices, tolerance: float, rows: IntArray) -> Touching:
    """Where two neighbouring sheets may touch in some of the elements."""
    found: list[Touching] = []
    for chunk in chunks(samples, elements, rows):
        nodes = elements.nodes[chunk]
        size = extent(samples.cell, elements.vertices[chunk], samples.steps)[:, None]
        energy, velocity = samples.energy[nodes], samples.velocity[nodes]
        below, above = energy[:, :, :-1], energy[:, :, 1:]
        gap = above - below
        together = highest(gap) <= tolerance
        relative = highest(np.abs(velocity[:, :, 1:] - velocity[:, :, :-1]))
        motion = (size * relative).sum(axis=2)
        coupled = highest(samples.coupling[nodes][:, :, :-1]) > COUPLED * relative.max(axis=2)
        row, sheet = np.nonzero(~together & coupled & (lowest(gap) < TOUCH * motion))
        spread = 0.5 * motion[row, sheet]
        low, high = lowest(below[row, :, sheet]) - spread, highest(above[row, :, sheet]) + spread
        found.append(Touching(chunk[row], sheet, low, high))
    return Touching(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))


def chunks(samples: Samples, elements: Simplices, rows: IntArray) -> list[IntArray]:
    """Rows of elements in parts, at least one, that keep the arrays of all their sheets within a processor's cache."""
    number = max(1, CHUNK // (elements.nodes.shape[1] * samples.velocity[0].size))
    return [rows[start : start + number] for start in range(0, max(len(rows), 1), number)]


def touching(samples: Samples, elements: Simplices, peaks: Peaks, tolerance: float) -> tuple[BoolArray, np.ndarray]:
    """Elements where two neighbouring sheets may touch near a peak, and the number of the lower sheet."""
    suspicious = np.zeros(len(elements), dtype=bool)
    lower = np.zeros(len(elements), dtype=np.int64)
    pairs = touches(samples, elements, tolerance, np.arange(len(elements)))
    sharp, broad = _distance(pairs.low, pairs.high, peaks)
    near = (sharp == 0) | (broad <= TOUCH_REACH)
    suspicious[pairs.row[near]] = True
    lower[pairs.row[near]] = pairs.sheet[near]
    return suspicious, lower


def add_hidden(samples: Samples, elements: Simplices, peaks: Peaks, unresolved: Unresolved) -> None:
    """Add what elements and their images may hide.

    The integrand vanishes with the velocity, so a piece adds |F|/|v| x its surface.
    """
    if unresolved.hidden is None:
        unresolved.hidden = np.zeros((len(peaks), samples.integrand.shape[2]))
    if not len(elements):
        return
    size = extent(samples.cell, elements.vertices, samples.steps)
    surface = 2.0 * samples.cell.dim * size.max(axis=1) ** (samples.cell.dim - 1)
    for sheet in range(samples.energy.shape[1]):
        energy = samples.energy[elements.nodes, sheet]
        speed = np.linalg.norm(samples.velocity[elements.nodes, sheet], axis=2)
        ratio = np.abs(samples.integrand[elements.nodes, sheet]) / np.maximum(speed, 1e-300)[..., None]
        piece = ratio.max(axis=1) * surface[:, None]
        spread = _spread(samples, elements, size, sheet)
        for peak, (centre, width) in enumerate(zip(peaks.centre, peaks.width, strict=True)):
            margin = spread + HOT_REACH * width
            near = (energy.min(axis=1) - margin <= centre) & (energy.max(axis=1) + margin >= centre)
            unresolved.hidden[peak] += samples.cell.order * piece[near].sum(axis=0)


def discover(samples: Samples, elements: Elements, peaks: Peaks, tolerance: float) -> tuple[Elements, Unresolved]:
    """Refine a mesh until neither test finds anything, or to the deepest level; raises OutOfPoints at the limit."""
    dim = samples.cell.dim
    finished: list[Elements] = []
    unresolved = Unresolved()
    while len(elements):
        hidden = unseen(samples, elements, peaks, samples.paid < BUMP_SHARE[dim] * samples.limit)
        close, sheet = touching(samples, elements, peaks, tolerance)
        too_deep = close & ((elements.level >= TOUCH_DEPTH[dim]) | (np.count_nonzero(close) > MOST_TOUCHING))
        too_deep |= close & (samples.paid >= TOUCH_SHARE[dim] * samples.limit)
        centre = samples.cell.points(elements.vertices.mean(axis=1) / samples.steps)
        unresolved.touching += [(centre[i], int(sheet[i])) for i in np.flatnonzero(too_deep)]
        add_hidden(samples, elements.take(hidden & (elements.level >= DEPTH[dim])), peaks, unresolved)
        split = (hidden & (elements.level < DEPTH[dim])) | (close & ~too_deep)
        finished.append(elements.take(~split))
        elements = children(samples, elements.take(split)) if split.any() else elements.take(split)
    mesh = finished[0]
    for more in finished[1:]:
        mesh = mesh.join(more)
    return mesh, unresolved
