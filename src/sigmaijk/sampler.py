"""The function of k that is integrated: energies, velocities and all terms of the wanted bands of a model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from .arrays import BoolArray, FloatArray
from .bands import solve
from .errors import ModelError, SigmaijkError
from .geometry import chunk_size
from .integrand import Integrand, jet_order
from .levelset.samples import OutOfPoints, Sample
from .levelset.threads import in_order, usable_cores
from .model import Model

T = TypeVar("T")

MOST_IN_CHUNK = 512
"""k-points in one piece of work, whatever the number of threads: the same pieces give the same bits everywhere."""

SMALL_GAP = 10.0
"""A gap below this many degeneracy tolerances counts as small in the diagnostics."""


class WindowGrew(Exception):
    """A band that was left out lies in the energy window after all; `wanted` includes it."""

    def __init__(self, wanted: slice) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class Columns:
    """Where each term stands in the vector of integrands: its independent entries, its modulus, its small-gap part."""

    def __init__(self, terms: Sequence[Integrand], dim: int) -> None:
        self.entries: dict[str, slice] = {}
        self.modulus: dict[str, int] = {}
        self.small_gap: dict[str, int] = {}
        start = 0
        for term in terms:
            stop = start + len(term.independent(dim))
            self.entries[term.name] = slice(start, stop)
            start = stop
        for term in terms:
            self.modulus[term.name], self.small_gap[term.name] = start, start + 1
            start += 2
        self.width = start


class BandSampler:
    """Counts every diagonalised k; evaluates batches in chunks on its own threads (BLAS must be pinned to one)."""

    def __init__(
        self,
        model: Model,
        terms: Sequence[Integrand],
        degeneracy_tol: float,
        *,
        limit: int = sys.maxsize,
        threads: int | None = None,
    ) -> None:
        self.model, self.terms, self.degeneracy_tol, self.limit = model, tuple(terms), degeneracy_tol, limit
        self.columns = Columns(terms, model.dim)
        self.points = 0
        self.energy_points = 0
        self.wanted = slice(0, model.n_bands)
        self.windows: FloatArray = np.empty((0, 2))
        self.projector: FloatArray | None = None
        """Takes integrands to the part that the symmetry leaves of their integrals, (c, c)."""
        self._threads = usable_cores() if threads is None else threads
        self._order = jet_order(terms)

    def charge(self, count: int) -> None:
        """Count k-points that are about to be diagonalised; raises OutOfPoints if the limit would be passed."""
        if self.points + count > self.limit:
            raise OutOfPoints
        self.points += count

    def energies(self, k: FloatArray) -> FloatArray:
        """Energies of all bands without vectors, (k, m)."""
        self.charge(len(k))
        self.energy_points += len(k)
        parts = self._map(lambda part: np.linalg.eigvalsh(self.model.hamiltonian(part)), k)
        energy = np.concatenate(parts)
        if not np.isfinite(energy).all():
            worst = k[np.flatnonzero(~np.isfinite(energy).all(axis=1))[0]]
            raise ModelError(f"H(k) is not finite at k = {worst.tolist()} 1/nm")
        return energy

    def sheets(self, k: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Energies (k, m) and velocities (k, m, d) of all bands."""
        self.charge(len(k))

        def chunk(part: FloatArray) -> tuple[FloatArray, FloatArray]:
            energy = np.empty((len(part), self.model.n_bands))
            velocity = np.empty((*energy.shape, self.model.dim))
            for index, bands in solve(self.model.jet(part, 1), part, self.degeneracy_tol):
                energy[index] = bands.energy
                velocity[index] = np.moveaxis(bands.average(bands.velocity), 1, 2)
            return energy, velocity

        energies, velocities = zip(*self._map(chunk, k), strict=True)
        return np.concatenate(energies), np.concatenate(velocities)

    def __call__(self, k: FloatArray) -> Sample:
        """Sample of the wanted bands; raises WindowGrew if another band enters the windows."""
        self.charge(len(k))
        parts = self._map(self._chunk, k)
        low = min((part[1] for part in parts), default=self.wanted.start)
        high = max((part[2] for part in parts), default=self.wanted.stop)
        if low < self.wanted.start or high > self.wanted.stop:
            raise WindowGrew(slice(min(low, self.wanted.start), max(high, self.wanted.stop)))
        return Sample(*(np.concatenate(arrays) for arrays in zip(*(part[0] for part in parts), strict=True)))

    def _chunk(self, k: FloatArray) -> tuple[Sample, int, int]:
        n, d = self.wanted.stop - self.wanted.start, self.model.dim
        shapes = ((len(k), n), (len(k), n, d), (len(k), n, self.columns.width), (len(k), n))
        sample = Sample(*(np.empty(shape) for shape in shapes))
        low, high = self.wanted.start, self.wanted.stop
        for points, bands in solve(self.model.jet(k, self._order), k, self.degeneracy_tol, self.wanted):
            index = slice(None) if len(points) == len(k) else points
            sample.energy[index] = bands.energy
            sample.velocity[index] = np.moveaxis(bands.average(bands.velocity), 1, 2)
            sample.coupling[index] = bands.coupling()
            small = bands.gap < SMALL_GAP * self.degeneracy_tol
            for term in self.terms:
                modulus = term.modulus(bands)
                sample.integrand[index, :, self.columns.entries[term.name]] = term.components(bands)
                sample.integrand[index, :, self.columns.modulus[term.name]] = modulus
                sample.integrand[index, :, self.columns.small_gap[term.name]] = modulus * small
            inside = self._inside(bands.all_energies)
            low = min(low, int(np.argmax(inside)) if inside.any() else low)
            high = max(high, len(inside) - int(np.argmax(inside[::-1])) if inside.any() else high)
        if not np.isfinite(sample.integrand).all():
            worst = k[np.flatnonzero(~np.isfinite(sample.integrand).all(axis=(1, 2)))[0]]
            raise ModelError(f"the geometry of the bands is not finite at k = {worst.tolist()} 1/nm")
        if self.projector is not None:
            sample = sample._replace(integrand=sample.integrand @ self.projector)
        return sample, low, high

    def _inside(self, energy: FloatArray) -> BoolArray:
        """Bands (m,) with some energy of (k, m) in a window."""
        place = np.searchsorted(self.windows[:, 0], energy, side="right") - 1
        top = np.append(-np.inf, self.windows[:, 1])[place + 1]
        return np.any(energy <= top, axis=0)

    def _map(self, function: Callable[[FloatArray], T], k: FloatArray) -> list[T]:
        size = min(chunk_size(self.model), MOST_IN_CHUNK)
        chunks = [k[start : start + size] for start in range(0, max(len(k), 1), size)]
        return list(in_order(lambda part: _named(function, part), chunks, self._threads))


def _named(function: Callable[[FloatArray], T], k: FloatArray) -> T:
    """The function at k; an error of the user's Hamiltonian leaves with the first k (1/nm) that raises it."""
    try:
        return function(k)
    except SigmaijkError:
        raise
    except Exception as error:
        for row in k if len(k) > 1 else ():
            try:
                function(row[None])
            except Exception as alone:
                if type(alone) is type(error):
                    error.add_note(f"raised by the model at k = {row.tolist()} 1/nm")
                    raise error from None
        error.add_note(f"raised by the model at k = {k[0].tolist()} 1/nm" + (" or after" if len(k) > 1 else ""))
        raise
