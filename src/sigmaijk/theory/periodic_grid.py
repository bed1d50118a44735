"""A lattice model on a regular grid of one reciprocal cell, with covariant derivatives by FFT.

In the periodic gauge H(k) = sum_R H_R exp(i k.R), and the position operator is r = i d_k + diag(tau): every derivative
of an operator is D_i X = d_i X - i [tau_i, X], on Fourier coefficients the factor i (R + tau_b - tau_a)_i. FFT of the
gauge exp(i k.(R + tau_b - tau_a)), which is not periodic, would be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import ComplexArray, FloatArray
from ..models.lattice import LatticeModel

TAIL_SHARE = 8
"""The tail of a Fourier series is the outermost 1/8 of its modes along an axis, at least one pair."""


@dataclass(frozen=True)
class PeriodicGrid:
    """N_1 x .. x N_dim points k = sum_a (n_a/N_a) b_a of one reciprocal cell."""

    lattice: FloatArray
    """Rows are the lattice vectors, nm."""
    positions: FloatArray
    """tau, (n, dim), nm."""
    shape: tuple[int, ...]
    k: FloatArray
    """Cartesian, 1/nm, (nk, dim), the last axis of the grid runs fastest."""

    @classmethod
    def of(cls, model: LatticeModel, shape: tuple[int, ...]) -> PeriodicGrid:
        """The grid of a model."""
        axes = np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij")
        reduced = np.stack([axis.ravel() for axis in axes], axis=1)
        return cls(model.lattice, model.positions, shape, reduced @ model.reciprocal)

    @property
    def dim(self) -> int:
        """Number of directions."""
        return len(self.shape)

    def without_phases(self, operator: ComplexArray) -> ComplexArray:
        """(nk, .., n, n) in the periodic gauge from the gauge exp(i k.(R + tau_b - tau_a)) of a model."""
        wave = np.exp(1j * (self.k @ self.positions.T))
        phases = wave[:, :, None] * wave.conj()[:, None, :]
        return operator * phases.reshape(len(phases), *(1,) * (operator.ndim - 3), *phases.shape[1:])

    def derivatives(self, operator: ComplexArray) -> ComplexArray:
        """D_i X for all Cartesian i, (dim, nk, n, n), of X (nk, n, n) in the periodic gauge."""
        from scipy.fft import ifftn

        n, axes = operator.shape[-1], tuple(range(self.dim))
        series = self._series(operator)
        modes = np.meshgrid(*(self._modes(size) for size in self.shape), indexing="ij")
        between = self.positions[None, :, :] - self.positions[:, None, :]
        found = np.empty((self.dim, *operator.shape), dtype=np.complex128)
        for i in range(self.dim):
            cells = sum(mode * self.lattice[a, i] for a, mode in enumerate(modes))
            factor = 1j * (np.asarray(cells)[..., None, None] + between[:, :, i])
            found[i] = np.asarray(ifftn(series * factor, axes=axes)).reshape(-1, n, n)
        return found

    def tails(self, operator: ComplexArray) -> tuple[FloatArray, float]:
        """Largest Fourier coefficient in the tail along each axis, (dim,), and the largest of all."""
        size = np.abs(self._series(operator)).max(axis=(-1, -2))
        tails = []
        for axis, n in enumerate(self.shape):
            modes = np.abs(np.fft.fftfreq(n, 1.0 / n))
            outside = modes > min(0.5 * n * (1.0 - 1.0 / TAIL_SHARE), modes.max() - 0.5)
            tails.append(np.compress(outside, size, axis=axis).max(initial=0.0))
        return np.array(tails), float(size.max())

    def _series(self, operator: ComplexArray) -> ComplexArray:
        from scipy.fft import fftn

        return np.asarray(fftn(operator.reshape(*self.shape, *operator.shape[-2:]), axes=tuple(range(self.dim))))

    @staticmethod
    def _modes(n: int) -> FloatArray:
        """Integers R; the one that stands for n/2 and -n/2 alike has no derivative."""
        modes = np.fft.fftfreq(n, 1.0 / n)
        if n % 2 == 0:
            modes[n // 2] = 0.0
        return modes
