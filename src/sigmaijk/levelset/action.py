"""A finite group that acts on a cell and leaves the sampled function as it is: orbits of its points.

Points are integers in steps of a lattice that the group maps to itself, so that orbits are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arrays import FloatArray, IntArray

MIXED = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
"""Odd multipliers that make one number of two or three integers."""
INTEGER = 1e-6
"""A matrix on fractions of the cell whose entries are this close to integers maps the cell to itself."""
NUCLEUS = np.array([0.0873, 0.0532, 0.0291])
"""A point, in fractions of the cell, that no operation leaves alone: the part around it stands for the rest."""
LARGEST = 2_000_000
"""Integers in one array of images."""


class Orbits(NamedTuple):
    """One point of each orbit of a set of points."""

    index: IntArray
    """Numbers of those points, (orbit,)."""
    weight: IntArray
    """How many of the points belong to each orbit, (orbit,)."""


@dataclass(frozen=True, eq=False)
class Action:
    """The operations, the identity among them."""

    fractions: IntArray
    """Fractions f (row vectors) of the cell go to f @ fractions[g], (g, d, d)."""
    rotations: FloatArray
    """Cartesian vectors v go to rotations[g] @ v, (g, d, d); gradients too."""
    periodic: bool
    """Whether the operations act about the corner of a period; otherwise they act about the centre of a box."""

    @classmethod
    def of(cls, rotations: FloatArray, axes: FloatArray, periodic: bool, *, permuting: bool = False) -> Action | None:
        """Those of some rotations (g, d, d) that map a cell with these axes to itself; None if it is only one.

        permuting: only those that permute the axes and change their signs, as all must that map a box.
        """
        exact = axes @ np.swapaxes(rotations, 1, 2) @ np.linalg.inv(axes)
        whole = np.rint(exact)
        good = np.abs(exact - whole).max(axis=(1, 2)) < INTEGER
        if not periodic or permuting:
            good &= np.abs(whole).sum(axis=1).max(axis=1) == 1
        if np.count_nonzero(good) < 2:
            return None
        return cls(whole[good].astype(np.int64), rotations[good], periodic)

    @property
    def order(self) -> int:
        """Number of operations."""
        return len(self.fractions)

    def invariant(self, fractions: FloatArray) -> FloatArray:
        """The part of a shift, in fractions of the cell, that all operations leave alone, (d,)."""
        return (fractions @ self.fractions).mean(axis=0)

    def divisions(self, divisions: tuple[int, ...]) -> tuple[int, ...]:
        """Parts of the axes, even and the same for axes that an operation mixes, no fewer than these."""
        together = (self.fractions != 0).any(axis=0)
        together = np.linalg.matrix_power(together | together.T, len(divisions))
        return tuple(int(-(-max(np.array(divisions)[row]) // 2) * 2) for row in together)

    def images(self, points: IntArray, steps: IntArray) -> IntArray:
        """Images of points (n, d), in steps (d,) of the cell, folded into a periodic one, (g, n, d)."""
        if self.periodic:
            return (points @ self.fractions) % steps
        # About the centre of the box, which lies half a step off the lattice if the number of steps is odd.
        return ((2 * points - steps) @ self.fractions + steps) // 2

    def canonical(self, points: IntArray, steps: IntArray) -> tuple[IntArray, IntArray]:
        """A number (n,) that all points (n, d) of an orbit share, and the operation (n,) that leads to its owner."""
        size = max(1, LARGEST // (self.order * points.shape[1]))
        key, operation = np.empty(len(points), dtype=np.int64), np.empty(len(points), dtype=np.int64)
        for start in range(0, len(points), size):
            part = slice(start, start + size)
            numbers = mixed(self.images(points[part], steps))
            operation[part] = numbers.argmin(axis=0)
            key[part] = numbers.min(axis=0)
        return key, operation

    def orbits(self, points: IntArray, steps: IntArray) -> Orbits:
        """One of each orbit of points (n, d)."""
        key, _ = self.canonical(points, steps)
        _, first, weight = np.unique(key, return_index=True, return_counts=True)
        return Orbits(first, weight)

    def between(self, first: IntArray, second: IntArray) -> FloatArray:
        """Rotations (n, d, d) from the points that operations `first` (n,) take to an owner to those of `second`."""
        return np.swapaxes(self.rotations[second], 1, 2) @ self.rotations[first]

    def chosen(self, centres: IntArray, steps: IntArray, axes: FloatArray) -> np.ndarray:
        """One of each orbit of points (n, d), (n,): the nearest to one point, so that they make up a compact part."""
        size = max(1, LARGEST // (self.order * centres.shape[1]))
        parts = []
        for start in range(0, len(centres), size):
            points = self.images(centres[start : start + size], steps)
            apart = points / steps - (NUCLEUS[: len(steps)] + (0.0 if self.periodic else 0.5))
            if self.periodic:
                apart -= np.rint(apart)
            distance = np.linalg.norm(apart @ axes, axis=2)
            own = self.images(centres[start : start + size], steps)[self.identity]
            key, mine = mixed(points), mixed(own)
            here = distance[self.identity]
            better = (distance < here) | ((distance == here) & (key < mine))
            parts.append(~better.any(axis=0))
        return np.concatenate(parts) if parts else np.empty(0, dtype=bool)

    @property
    def identity(self) -> int:
        """Number of the identity."""
        d = self.fractions.shape[1]
        return int(np.flatnonzero((self.fractions == np.eye(d, dtype=np.int64)).all(axis=(1, 2)))[0])


def mixed(points: IntArray) -> IntArray:
    """One number for each point (.., d)."""
    numbers = (points.astype(np.uint64) * MIXED[: points.shape[-1]]).sum(axis=-1, dtype=np.uint64)
    return (numbers ^ (numbers >> np.uint64(31))).astype(np.int64)
