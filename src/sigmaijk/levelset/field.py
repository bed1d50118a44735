"""The sampled function as sheets: bands that are degenerate everywhere are one, and every k is counted."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .samples import OutOfPoints, Sample, Sampler

FLAT = 1e-9
"""A sheet whose energies all lie within this (eV) is flat."""


class Spot(NamedTuple):
    """One sheet at each of a batch of k."""

    energy: FloatArray
    """(k,)"""
    velocity: FloatArray
    """dE/dk, (k, dim)"""
    integrand: FloatArray
    """Sum over the bands of the sheet, (k, c)."""


class SheetSplit(Exception):
    """Bands that were one sheet are not degenerate at some k; `band` is the lower one of the pair."""

    def __init__(self, band: int) -> None:
        super().__init__(band)
        self.band = band


class Field:
    """A sampler with its sheets and its account of points."""

    def __init__(self, sampler: Sampler, limit: int, degeneracy_tol: float) -> None:
        self._sampler, self.limit, self.degeneracy_tol = sampler, limit, degeneracy_tol
        self.points = 0
        self.sheets: list[slice] = []
        """The bands of each sheet."""
        self.flat: list[bool] = []
        """Sheets whose energy is the same everywhere: they have no level sets."""

    def __call__(self, k: FloatArray) -> Sample:
        """All bands at a batch of k; raises OutOfPoints, before any evaluation, if the limit would be passed."""
        if self.points + len(k) > self.limit:
            raise OutOfPoints
        self.points += len(k)
        return self._sampler(k)

    def find_sheets(self, energy: FloatArray, apart: frozenset[int] = frozenset()) -> None:
        """Unite neighbouring bands that agree within the tolerance in all of energy (k, band), unless in `apart`."""
        together: BoolArray = np.asarray((np.diff(energy, axis=1) <= self.degeneracy_tol).all(axis=0))
        together[list(apart)] = False
        bounds = [0, *(np.flatnonzero(~together) + 1).tolist(), energy.shape[1]]
        self.sheets = [slice(a, b) for a, b in pairwise(bounds) if b > a]
        spread = np.ptp(energy, axis=0) if len(energy) else np.zeros(energy.shape[1])
        self.flat = [bool((spread[sheet] <= FLAT).all()) for sheet in self.sheets]

    @property
    def leads(self) -> list[int]:
        """Lowest band of each sheet that has level sets."""
        return [sheet.start for sheet, flat in zip(self.sheets, self.flat, strict=True) if not flat]

    def merge(self, sample: Sample) -> Sample:
        """Sheets instead of bands: mean energy and velocity, sum of the integrands; raises SheetSplit."""
        if len(self.sheets) == sample.energy.shape[1]:
            return sample
        starts = np.array([sheet.start for sheet in self.sheets])
        size = np.array([sheet.stop - sheet.start for sheet in self.sheets])
        for sheet in self.sheets:
            gap = np.diff(sample.energy[:, sheet], axis=1)
            if (gap > 2.0 * self.degeneracy_tol).any():
                raise SheetSplit(sheet.start + int(np.argmax(gap.max(axis=0))))
        return Sample(
            np.add.reduceat(sample.energy, starts, axis=1) / size,
            np.add.reduceat(sample.velocity, starts, axis=1) / size[:, None],
            np.add.reduceat(sample.integrand, starts, axis=1),
            np.maximum.reduceat(sample.coupling, starts, axis=1),
        )

    def spot(self, k: FloatArray, sheet: IntArray) -> Spot:
        """One sheet at each k (k, dim); `sheet` (k,) numbers them."""
        sample = self.merge(self(k))
        rows = np.arange(len(k))
        return Spot(sample.energy[rows, sheet], sample.velocity[rows, sheet], sample.integrand[rows, sheet])
