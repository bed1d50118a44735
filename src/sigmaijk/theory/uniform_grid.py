"""A uniform grid over one reciprocal cell, or over a box of the plane or space outside which nothing happens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from ..errors import ModelError
from ..model import Model

SLOPE = np.array([5 / 6, -5 / 21, 5 / 84, -5 / 504, 1 / 1260])
"""Central differences of order 10 from neighbours 1 .. 5."""
OFFSET = np.array([0.137, 0.071, 0.193])
"""Shift of the grid in its spacings, off the points of high symmetry where bands like to meet."""
GROWTH = 1.25
CALM = 6
"""The box is the first of so many, each larger by `GROWTH`, on whose rims all bands are full or empty."""
LARGEST = 1e4
"""Half-width, in units of the model's scale, at which the search for a box ends."""
RIM = {2: 64, 3: 24}


@dataclass(frozen=True)
class UniformGrid:
    """Equal steps along `axes`; sums over it converge exponentially for what is smooth and periodic, or dies off."""

    axes: FloatArray
    """Rows span the cell or box, 1/nm, (d, d)."""
    origin: FloatArray
    size: int
    """Points along each axis."""

    @property
    def dim(self) -> int:
        """Number of directions."""
        return len(self.axes)

    @property
    def points(self) -> FloatArray:
        """All points, (size**d, d)."""
        ticks = [(np.arange(self.size) + shift) / self.size for shift in OFFSET[: self.dim]]
        fractions = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, self.dim)
        return self.origin + fractions @ self.axes

    @property
    def weight(self) -> float:
        """Weight of each point in the integral [dk]."""
        return abs(float(np.linalg.det(self.axes))) / (self.size * 2.0 * np.pi) ** self.dim

    def gradient(self, values: FloatArray) -> FloatArray:
        """d/dk_a of an array (size**d, ...) by differences on the grid, periodic, (d, size**d, ...)."""
        sheet = values.reshape(*(self.size,) * self.dim, *values.shape[1:])
        along = np.empty((self.dim, *sheet.shape))
        for axis in range(self.dim):
            steps = [c * (np.roll(sheet, -j, axis) - np.roll(sheet, j, axis)) for j, c in enumerate(SLOPE, start=1)]
            along[axis] = self.size * np.sum(steps, axis=0)
        # k = fractions.axes, so that d/dk_a is the sum over axes of inv(axes)_a,axis d/dfraction.
        return np.einsum("ab,b...->a...", np.linalg.inv(self.axes), along).reshape(self.dim, *values.shape)


def domain(model: Model, mu: float, kT: float, thermal: float) -> tuple[FloatArray, FloatArray]:
    """Axes and origin of one reciprocal cell, or of a box on whose rim every band is `thermal` kT away from mu.

    Raises ModelError for a continuum model whose bands stay near mu however large the box.
    """
    if model.periodic:
        return model.reciprocal, np.zeros(model.dim)
    half, first, calm = model.scale, model.scale, 0
    while calm < CALM:
        energy = np.linalg.eigvalsh(model.hamiltonian(_rim(half, model.dim))) - mu
        # A band on both sides of mu passes through it between the samples, however steep it is.
        one_sided = bool(((energy > 0.0).all(axis=0) | (energy < 0.0).all(axis=0)).all())
        if one_sided and np.abs(energy).min() > thermal * kT:
            calm += 1
        else:
            first, calm = half * GROWTH, 0
        half *= GROWTH
        if half > LARGEST * model.scale:
            raise ModelError(
                f"bands of {model.name} come within {thermal:.3g} kT of mu = {mu:g} eV at any distance in k (open "
                "Fermi surfaces, or a flat band): add terms of higher order in k, or use a lattice model"
            )
    return 2.0 * first * np.eye(model.dim), np.full(model.dim, -first)


def _rim(half: float, dim: int) -> FloatArray:
    """Points on the faces of the box."""
    ticks = np.linspace(-half, half, RIM[dim])
    face = np.stack(np.meshgrid(*[ticks] * (dim - 1), indexing="ij"), axis=-1).reshape(-1, dim - 1)
    sides = [np.insert(face, axis, sign * half, axis=1) for axis in range(dim) for sign in (-1.0, 1.0)]
    return np.concatenate(sides)
