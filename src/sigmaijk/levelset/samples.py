"""What an integrator sees of the world: a cell of k-space and a function of k, sampled once at each lattice point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arrays import FloatArray, IntArray
from .action import Action


class Sample(NamedTuple):
    """Sheets E_n(k), their gradients and a vector of integrands at a batch of k."""

    energy: FloatArray
    """(k, n)"""
    velocity: FloatArray
    """dE/dk, (k, n, dim)"""
    integrand: FloatArray
    """(k, n, c)"""
    coupling: FloatArray
    """How strongly a sheet and the next one repel or change each other where they come close, (k, n); a velocity."""


Sampler = Callable[[FloatArray], Sample]


@dataclass(frozen=True)
class Cell:
    """A parallelepiped of k-space, one period of the integrand or a box outside which no level set lies."""

    origin: FloatArray
    axes: FloatArray
    """Rows span the cell, (dim, dim)."""
    periodic: bool
    divisions: tuple[int, ...]
    """Number of parts of each axis in the first mesh."""
    action: Action | None = None
    """Operations that leave the function as it is; they leave the origin of a periodic cell alone, or the centre of a
    box."""
    fineness: int = 1
    """Odd factor of the steps of the finest lattice, for vertices of meshes that are no dyadic parts of the axes."""

    @property
    def order(self) -> int:
        """How many parts of the cell are images of one."""
        return 1 if self.action is None else self.action.order

    @property
    def dim(self) -> int:
        """Number of directions."""
        return len(self.origin)

    @property
    def volume(self) -> float:
        """Volume in units of k**dim."""
        return float(abs(np.linalg.det(self.axes)))

    def points(self, fractions: FloatArray) -> FloatArray:
        """Cartesian k of points given as fractions of the axes, (.., dim)."""
        return self.origin + fractions @ self.axes


class OutOfPoints(Exception):
    """The next batch would exceed the number of points allowed; nothing of it was evaluated."""


class Samples:
    """Cache of a sampler on the dyadic lattice of a cell; periodic images are one point.

    Where operations act on the cell, the function is evaluated once for each orbit of points.
    """

    def __init__(self, sampler: Sampler, cell: Cell, limit: int) -> None:
        self.cell, self.limit = cell, limit
        # The number of a lattice point has 63 bits; each axis needs one more than it has points (`key`).
        bits = 63 - sum((n * cell.fineness).bit_length() + 1 for n in cell.divisions)
        self.levels = min(24 if cell.dim == 2 else 15, bits // cell.dim)
        self.steps = (np.array(cell.divisions, dtype=np.int64) * cell.fineness) << self.levels
        self._sampler = sampler
        self._keys = np.empty(0, dtype=np.int64)
        self._slots = np.empty(0, dtype=np.int64)
        self._fractions = np.empty((0, cell.dim))
        self._arrays: Sample | None = None
        self._owner: IntArray = np.empty(0, dtype=np.int64)
        """Sorted numbers of the orbits, the sample that stands for each, and what leads from that to the owner."""
        self._owner_slot: IntArray = np.empty(0, dtype=np.int64)
        self._owner_operation: IntArray = np.empty(0, dtype=np.int64)
        self.count = 0
        """Samples that are known."""
        self.paid = 0
        """Samples that were evaluated: one for each orbit."""
        self.aside = 0
        """Points off the lattice."""
        self._aside: dict[bytes, Sample] = {}

    @property
    def energy(self) -> FloatArray:
        """(sample, n)"""
        return self._filled().energy[: self.count]

    @property
    def velocity(self) -> FloatArray:
        """(sample, n, dim)"""
        return self._filled().velocity[: self.count]

    @property
    def integrand(self) -> FloatArray:
        """(sample, n, c)"""
        return self._filled().integrand[: self.count]

    @property
    def coupling(self) -> FloatArray:
        """(sample, n)"""
        return self._filled().coupling[: self.count]

    def _filled(self) -> Sample:
        if self._arrays is None:
            raise ValueError("no point has been sampled yet")
        return self._arrays

    def points(self, index: IntArray) -> FloatArray:
        """Cartesian k of samples."""
        return self.cell.points(self._fractions[index])

    def integers(self, index: IntArray) -> IntArray:
        """Lattice points of samples, (.., d)."""
        return np.rint(self._fractions[index] * self.steps).astype(np.int64)

    def key(self, integers: IntArray) -> IntArray:
        """One number for each lattice point (.., dim), the same for periodic images."""
        if self.cell.periodic:
            integers = integers % self.steps
        key = integers[..., 0]
        for a in range(1, self.cell.dim):
            key = key * (2 * self.steps[a]) + integers[..., a]
        return key

    def missing(self, integers: IntArray) -> int:
        """How many evaluations the lattice points (.., d) would take."""
        key, first = np.unique(self.key(integers), return_index=True)
        new = ~np.isin(key, self._keys, assume_unique=True)
        if self.cell.action is None:
            return int(np.count_nonzero(new))
        owner, _ = self.cell.action.canonical(integers.reshape(-1, self.cell.dim)[first[new]], self.steps)
        return int(np.count_nonzero(~np.isin(np.unique(owner), self._owner, assume_unique=True)))

    def index(self, integers: IntArray) -> IntArray:
        """Numbers of the samples at lattice points (.., dim), evaluating those that are new in one batch.

        Raises OutOfPoints, before any evaluation, if the limit would be passed.
        """
        shape = integers.shape[:-1]
        flat = integers.reshape(-1, integers.shape[-1])
        if self.cell.periodic:
            flat = flat % self.steps
        key = self.key(flat)
        unique, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        place = np.searchsorted(self._keys, unique)
        known = place < len(self._keys)
        known[known] = self._keys[place[known]] == unique[known]
        new = np.flatnonzero(~known)
        slots = np.empty(len(unique), dtype=np.int64)
        slots[known] = self._slots[place[known]]
        if len(new):
            slots[new] = self.count + np.arange(len(new))
            self._add(flat[first[new]])
            self._keys = np.insert(self._keys, place[new], unique[new])
            self._slots = np.insert(self._slots, place[new], slots[new])
        return slots[inverse].reshape(shape)

    @property
    def left(self) -> int:
        """Points that may still be evaluated."""
        return self.limit - self.paid - self.aside

    def elsewhere(self, fractions: FloatArray) -> Sample:
        """Points (k, dim) anywhere in the cell; raises OutOfPoints, before any evaluation, if there are too many."""
        keys = [place.tobytes() for place in fractions]
        new = [row for row, key in enumerate(keys) if key not in self._aside]
        if len(new) > self.left:
            raise OutOfPoints
        if new:
            sample = self._sampler(self.cell.points(fractions[new]))
            self.aside += len(new)
            for number, row in enumerate(new):
                self._aside[keys[row]] = Sample(*(array[number] for array in sample))
        if not keys:
            return Sample(*(array[:0] for array in self._filled()))
        return Sample(*(np.stack(arrays) for arrays in zip(*(self._aside[key] for key in keys), strict=True)))

    def _add(self, points: IntArray) -> None:
        """Sample new lattice points (n, d)."""
        action = self.cell.action
        if action is None:
            self._pay(len(points))
            self._store(points, np.arange(len(points)), self._sampler(self.cell.points(points / self.steps)))
            return
        owner, operation = action.canonical(points, self.steps)
        orbit, first, of = np.unique(owner, return_index=True, return_inverse=True)
        place = np.searchsorted(self._owner, orbit)
        known = place < len(self._owner)
        known[known] = self._owner[place[known]] == orbit[known]
        source, through = self.count + first, operation[first]
        source[known] = self._owner_slot[place[known]]
        through[known] = self._owner_operation[place[known]]
        fresh = np.flatnonzero(~known)
        rows = first[fresh]
        self._pay(len(rows))
        before = self.count
        # Without a fresh orbit there is nothing to evaluate, only copies to be made.
        sample = self._sampler(self.cell.points(points[rows] / self.steps)) if len(rows) else None
        self._store(points, rows, sample)
        self._owner = np.insert(self._owner, place[fresh], orbit[fresh])
        self._owner_slot = np.insert(self._owner_slot, place[fresh], source[fresh])
        self._owner_operation = np.insert(self._owner_operation, place[fresh], through[fresh])
        copies = np.ones(len(points), dtype=bool)
        copies[rows] = False
        self._copy(before + np.flatnonzero(copies), source[of][copies], through[of][copies], operation[copies])

    def _pay(self, count: int) -> None:
        if count > self.left:
            raise OutOfPoints

    def _store(self, points: IntArray, rows: IntArray, sample: Sample | None) -> None:
        """Make room for points (n, d) and put in what was evaluated at some of them."""
        total = self.count + len(points)
        if sample is not None and (self._arrays is None or total > len(self._arrays.energy)):
            self._grow(sample, max(1024, 2 * total))
        elif self._arrays is not None and total > len(self._arrays.energy):
            self._grow(self._arrays, 2 * total)
        if sample is not None:
            for array, fresh in zip(self._filled(), sample, strict=True):
                array[self.count + rows] = fresh
            self.paid += len(rows)
        self._fractions = np.concatenate([self._fractions, points / self.steps])
        self.count = total

    def _grow(self, like: Sample, capacity: int) -> None:
        grown = Sample(*(np.empty((capacity, *array.shape[1:])) for array in like))
        if self._arrays is not None:
            for old, array in zip(self._arrays, grown, strict=True):
                array[: self.count] = old[: self.count]
        self._arrays = grown

    def _copy(self, slots: IntArray, source: IntArray, through: IntArray, operation: IntArray) -> None:
        """Fill slots from their images: all but the velocity is the same."""
        action, arrays = self.cell.action, self._filled()
        assert action is not None
        for array in (arrays.energy, arrays.integrand, arrays.coupling):
            array[slots] = array[source]
        turned = action.between(through, operation)
        arrays.velocity[slots] = np.einsum("kab,knb->kna", turned, arrays.velocity[source])
