"""Hot spots between the points of a grid: found from energies and velocities, looked at, and weighed.

Where two sheets come closer at a grid point than they move to the next one, their gap may close in between, and what
grows with a power of the gap has a spike there that no grid point needs to show. The straight lines on which the sheets
approach each other tell where; one look there, with no regard to the grid, tells how narrow and how high the spike is,
and so how wrong the sum over the grid may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from ..arrays import BoolArray, FloatArray, IntArray
from .discovery import COUPLED
from .elements import Peaks
from .peaks import bump
from .samples import Samples

MARGIN = 7.0
"""Sheets that meet within ln(1/rtol) + MARGIN widths of a bump matter: a hot spot weighs a thousand times the rest."""
CLOSE = 1.0
"""Sheets may meet between grid points where their gap is below this share of how much it may change in a step. Half of
that finds gaps that close; spikes that grow like the fifth power of a gap need not close it."""
LOOKS = 3
"""Times that a spot is approached; more than one is needed where sheets are bent."""
CLOSER = 0.5
"""... as long as the gap has shrunk by this factor."""
ASIDE = 0.05
"""Sheets that touch are looked at from this share of the way back: at the node itself they are one doublet."""
NARROW = 0.25
"""Spots in which the gap is below this share of how much it changes in a step may be nodes, and are easily missed."""
WIDEST = 4.0
"""Ridges that are as many steps wide leave 1e-8 of their integrals."""
SPIKE = 4.0 / 3.0
"""Area of (1 + x**2)**-2.5, the profile of what grows with the fifth power of a gap."""


class Spots(NamedTuple):
    """Places where two sheets come close."""

    index: FloatArray
    """In steps of the grid, (spot, d)."""
    sheet: IntArray
    """The lower one, (spot,)."""
    gap: FloatArray
    """(spot,)"""
    moved: FloatArray
    """How much the gap changes in a step along the axis on which it changes most, beside the spot, (spot,)."""
    energy: FloatArray
    """Of both sheets, (spot, 2)."""
    integrand: FloatArray
    """Moduli of both, (spot, 2, c)."""

    def take(self, rows: IntArray | BoolArray | slice) -> Spots:
        """Some of them."""
        return Spots(
            self.index[rows],
            self.sheet[rows],
            self.gap[rows],
            self.moved[rows],
            self.energy[rows],
            self.integrand[rows],
        )

    @property
    def narrow(self) -> BoolArray:
        """Those in which the sheets may touch, and which grid points need not show, (spot,)."""
        return np.asarray(self.gap < NARROW * self.moved)

    def missed(self, peaks: Peaks, volume: float) -> FloatArray:
        """What a sum over the grid may miss of each, or take too much, (spot, p, c); `volume` is that of a step.

        A spike crosses a step along the line on which the gap is small, and has a width of gap/moved steps. Its first
        alias, relative to its integral, is y**2 K2(y) with y = 2 pi gap/moved.
        """
        width, share = self.gap / self.moved, _alias(self.gap, self.moved)
        density = bump((self.energy[:, None] - peaks.centre[:, None]) / peaks.width[:, None]) / peaks.width[:, None]
        return (volume * SPIKE * width * share)[:, None, None] * (density @ self.integrand)


@dataclass(frozen=True)
class Search:
    """What a hot spot is, for some peaks and a tolerance."""

    samples: Samples
    peaks: Peaks
    rtol: float
    degeneracy_tol: float

    def spots(self, index: IntArray, slots: IntArray, grid: IntArray, steep: FloatArray) -> Spots:
        """Spots beside grid points `index` (k, d), samples `slots`, of a grid with so many points along each axis.

        `steep` (k, n - 1, d) is how much gaps change in a step near each point. Raises OutOfPoints.
        """
        samples = self.samples
        row, sheet = np.nonzero(self._meeting(slots, grid))
        gap, slope = self._gap(samples.energy[slots[row]], samples.velocity[slots[row]], sheet, grid)
        found = Spots(
            index=index[row].astype(float),
            sheet=sheet,
            gap=gap,
            moved=steep[row, sheet].max(axis=1),
            energy=_pair(samples.energy[slots[row]], sheet),
            integrand=np.abs(_pair(samples.integrand[slots[row]], sheet)),
        )
        move = -gap[:, None] * slope / (slope**2).sum(axis=1)[:, None]
        # Neighbours tell of the same spot.
        place = np.floor(found.index + move).astype(np.int64) % grid
        order = np.argsort((move**2).sum(axis=1), kind="stable")
        key = np.ravel_multi_index((*place[order].T, sheet[order]), (*grid, samples.energy.shape[1]))
        kept = order[np.unique(key, return_index=True)[1]]
        return self._approached(found.take(kept), move[kept], grid)

    def slopes(self, slots: IntArray, grid: IntArray) -> FloatArray:
        """How much the gap of each sheet to the next one changes in a step along each axis, (k, n - 1, d)."""
        relative = np.diff(self.samples.velocity[slots], axis=1)
        return np.asarray(np.abs(relative @ self.samples.cell.axes.T) / grid)

    def ridges(self, slots: IntArray, steep: FloatArray, steps: int, volume: float) -> FloatArray:
        """What the grid misses of narrow gaps along its axes, (k, p, c).

        All grid points of a row are at one distance from such a line. If that is half a step, sublattices are wrong
        alike and say nothing. Errors of rows cancel over a block if the line moves by more than a step in it.
        """
        samples, peaks = self.samples, self.peaks
        gap, most = np.diff(samples.energy[slots], axis=1), steep.max(axis=2)
        others = steps * (steep.sum(axis=2) - most)
        row, sheet = np.nonzero((gap > self.degeneracy_tol) & (gap < WIDEST * most) & self._coupled(slots))
        found = np.zeros((len(slots), len(peaks), samples.integrand.shape[2]))
        if len(row):
            share = volume * _alias(gap[row, sheet], most[row, sheet])
            share *= most[row, sheet] / np.maximum(most[row, sheet], others[row, sheet])
            energy = _pair(samples.energy[slots[row]], sheet)
            density = bump((energy[:, None] - peaks.centre[:, None]) / peaks.width[:, None]) / peaks.width[:, None]
            missed = np.abs(density @ _pair(samples.integrand[slots[row]], sheet)) * share[:, None, None]
            np.add.at(found, row, missed)
        return found

    def _coupled(self, slots: IntArray) -> BoolArray:
        relative = np.linalg.norm(np.diff(self.samples.velocity[slots], axis=1), axis=2)
        return np.asarray(self.samples.coupling[slots][:, :-1] > COUPLED * relative)

    def _approached(self, spots: Spots, move: FloatArray, grid: IntArray) -> Spots:
        """The same spots from where their sheets are closest."""
        best = spots
        going = np.arange(len(spots.gap))
        for _ in range(LOOKS):
            if not len(going):
                break
            before = best.take(going)
            fresh, slope = self._look(before, before.index + move, grid)
            touching = np.flatnonzero(fresh.gap <= self.degeneracy_tol)
            if len(touching):
                back = before.index[touching] + (1.0 - ASIDE) * move[touching]
                aside, _ = self._look(before.take(touching), back, grid)
                for array, replaced in zip(fresh, aside, strict=True):
                    array[touching] = replaced
            better = fresh.gap < before.gap
            for array, replaced in zip(best, fresh, strict=True):
                array[going[better]] = replaced[better]
            again = fresh.gap < CLOSER * before.gap
            again[touching] = False
            again &= (slope != 0.0).any(axis=1)
            move = -(fresh.gap[:, None] * slope)[again] / (slope[again] ** 2).sum(axis=1)[:, None]
            # A gap that has stopped shrinking points anywhere.
            move /= np.maximum(np.abs(move).max(axis=1, initial=1.0), 1.0)[:, None]
            going = going[again]
        return best

    def _look(self, spots: Spots, index: FloatArray, grid: IntArray) -> tuple[Spots, FloatArray]:
        """The same pairs of sheets at other places, and the slope of their gaps in steps, (spot, d)."""
        sample = self.samples.elsewhere(index / grid)
        gap, slope = self._gap(sample.energy, sample.velocity, spots.sheet, grid)
        energy, integrand = _pair(sample.energy, spots.sheet), np.abs(_pair(sample.integrand, spots.sheet))
        return spots._replace(index=index, gap=gap, energy=energy, integrand=integrand), slope

    def _gap(
        self, energy: FloatArray, velocity: FloatArray, sheet: IntArray, grid: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        pair = _pair(velocity, sheet)
        slope = (pair[:, 1] - pair[:, 0]) @ self.samples.cell.axes.T / grid
        return np.diff(_pair(energy, sheet), axis=1)[:, 0], slope

    def _meeting(self, slots: IntArray, grid: IntArray) -> BoolArray:
        """Points at which a sheet and the next one come closer than they may move to the next point, (k, n - 1)."""
        energy = self.samples.energy[slots]
        gap, moved = np.diff(energy, axis=1), self.slopes(slots, grid).sum(axis=2)
        close = (gap > self.degeneracy_tol) & (gap < CLOSE * moved) & self._coupled(slots)
        reach = np.log(1.0 / min(self.rtol, 0.1)) + MARGIN
        near = np.zeros(close.shape, dtype=bool)
        for centre, width in zip(self.peaks.centre, self.peaks.width, strict=True):
            near |= (energy[:, :-1] < centre + reach * width) & (energy[:, 1:] > centre - reach * width)
        return close & near


def _alias(gap: FloatArray, moved: FloatArray) -> FloatArray:
    """First alias of a spike (1 + x**2)**-2.5 that is gap/moved steps wide, relative to its integral."""
    y = np.clip(2.0 * np.pi * gap / np.maximum(moved, 1e-300), 1e-6, 600.0)
    return np.asarray(np.minimum(y * y * special.kn(2, y), 1.0))


def _pair(array: FloatArray, sheet: IntArray) -> FloatArray:
    """What belongs to a sheet and the next one, (k, 2, ..)."""
    rows = np.arange(len(sheet))
    return np.stack([array[rows, sheet], array[rows, sheet + 1]], axis=1)
