"""Degenerate groups of the energies of a batch of k by ONE tolerance, and what matrix elements of bands can be asked.

Shapes: k point, n band, m any state of the model, a b directions. What a *block array* holds for a group is known to
the members of the catalogue in `bands` alone: each averages and multiplies its own, nothing else looks inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from .arrays import BoolArray, ComplexArray, FloatArray, IntArray
from .model import HamiltonianJet

Number = TypeVar("Number", bound=np.generic)


def scaled(array: ComplexArray, factor: FloatArray) -> ComplexArray:
    """Complex numbers times real ones, in the memory order of the former."""
    result = np.empty_like(array)
    np.multiply(array.real, factor, out=result.real)
    np.multiply(array.imag, factor, out=result.imag)
    return result


def rotated(operator: ComplexArray, rows: ComplexArray, vectors: ComplexArray) -> ComplexArray:
    """<n| X |m> of Hermitian operators (k, a, m, m) for states in the columns of `rows` and `vectors`, (k, a, n, m).

    Two products for all operators of a k: matrices are small, calls are not. Points are innermost in memory.
    """
    count, number, size = operator.shape[:3]
    turned = (operator.reshape(count, number * size, size) @ rows).reshape(count, number, size, -1)
    left = turned.swapaxes(2, 3).conj().reshape(count, -1, size)
    return points_innermost(left @ vectors).reshape(count, number, rows.shape[2], -1)


def points_innermost(array: NDArray[Number]) -> NDArray[Number]:
    """The same array (k, ..) with the points next to each other in memory: long loops over small matrices."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 0, -1)), -1, 0)


@dataclass(frozen=True)
class Groups:
    """Degenerate groups: maximal runs of sorted energies whose neighbours differ by at most the tolerance."""

    energy: FloatArray
    """Sorted eigenvalues, (k, m)."""
    label: np.ndarray
    """Number of the group of each band, counted from the bottom, (k, m); one row in memory if all k have the same."""
    mean: FloatArray
    """Mean energy of the group of each band, (k, m)."""

    @classmethod
    def find(cls, energy: FloatArray, degeneracy_tol: float) -> Groups:
        """Group the sorted energies (k, m) of each k; degeneracy_tol in eV."""
        split = np.diff(energy, axis=1) > degeneracy_tol
        if len(split) and (split == split[0]).all():
            row = np.concatenate([[0], np.cumsum(split[0])])
            label = np.broadcast_to(row, energy.shape)
            if split[0].all():
                return cls(energy, label, energy)
            starts = np.flatnonzero(np.diff(row, prepend=-1))
            return cls(energy, label, (np.add.reduceat(energy, starts, axis=1) / np.bincount(row))[:, row])
        label = np.zeros(energy.shape, dtype=np.int64)
        np.cumsum(split, axis=1, out=label[:, 1:])
        flat = label + energy.shape[1] * np.arange(len(energy))[:, None]
        size = np.bincount(flat.ravel(), minlength=energy.size)
        total = np.bincount(flat.ravel(), weights=energy.ravel(), minlength=energy.size)
        return cls(energy, label, total[flat] / size[flat])

    @property
    def rows(self) -> IntArray:
        """Labels without repeats of the same row in memory, (1 or k, m)."""
        return self.label[:1] if len(self.label) and not self.label.strides[0] else self.label

    def complete(self, wanted: slice) -> slice:
        """The wanted bands and those that share a group with one of them at some k."""
        start, stop, _ = wanted.indices(self.energy.shape[1])
        if stop <= start:
            return slice(start, start)
        low, high = self.label[:, start, None], self.label[:, stop - 1, None]
        inside = np.any((self.label >= low) & (self.label <= high), axis=0)
        return slice(int(inside.argmax()), len(inside) - int(inside[::-1].argmax()))

    def gap(self) -> FloatArray:
        """Distance in energy from the group of each band to the nearest other group, inf if there is none, (k, m)."""
        steps = np.diff(self.energy, axis=1)
        padded = np.full((len(steps), steps.shape[1] + 2), np.inf)
        padded[:, 1:-1] = steps
        inside = np.diff(self.label, axis=1) == 0
        if not inside.any():
            return np.minimum(padded[:, :-1], padded[:, 1:])
        # The steps below the first and above the last band of each group.
        count = steps.shape[1] + 1
        first, last = np.zeros(self.label.shape, dtype=np.int64), np.full(self.label.shape, count)
        first[:, 1:] = np.where(inside, 0, np.arange(1, count))
        last[:, :-1] = np.where(inside, count, np.arange(1, count))
        first = np.maximum.accumulate(first, axis=1)
        last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
        return np.minimum(np.take_along_axis(padded, first, axis=1), np.take_along_axis(padded, last, axis=1))


class Bands(ABC):
    """Matrix elements of a batch of k between the wanted bands (rows) and all states."""

    energy: FloatArray
    """(k, n), the wanted bands only."""
    _velocity: ComplexArray
    _inverse: FloatArray
    velocity: np.ndarray
    """Block array (k, a, ..): d_a H within each group; its average is d eps / dk_a in eV nm."""

    def __init__(self, jet: HamiltonianJet, vectors: ComplexArray, groups: Groups, wanted: slice) -> None:
        self._jet, self._vectors, self._groups, self._wanted = jet, vectors, groups, wanted
        self.all_energies = groups.energy
        self.energy = groups.energy[:, wanted]
        self._connection: ComplexArray | None = None
        self._completion: np.ndarray | None = None
        self._states: BoolArray | None = None

    def through(self, states: BoolArray) -> Self:
        """The same bands, whose sums over states outside a group run over some of the states (m,) only."""
        cut = copy(self)
        cut._states = states
        return cut

    @property
    def gap(self) -> FloatArray:
        """Distance to the nearest other group, (k, n)."""
        return self._groups.gap()[:, self._wanted]

    @abstractmethod
    def virtual(self, left: ComplexArray, right: ComplexArray, power: int) -> np.ndarray:
        """Block array (k, a, b, ..) of sum over m outside the group of left^a_nm right^b_mn' / (e_n - e_m)**power."""

    @abstractmethod
    def within(self, operator: ComplexArray) -> np.ndarray:
        """Block array (k, a, .., ..) of an operator (k, a, .., m, m) given in the model's basis."""

    @abstractmethod
    def average(self, block: np.ndarray) -> FloatArray:
        """Real trace of a block array over each group, divided by the size of the group: (k, a, .., n)."""

    @abstractmethod
    def traced(self, left: np.ndarray, right: np.ndarray) -> FloatArray:
        """Real trace of products of two block arrays over each group, divided by the size of the group.

        Left (k, c, ..) and right (k, a, .., ..) give (k, c, a, .., n).
        """

    @abstractmethod
    def speed(self) -> FloatArray:
        """|v| of each band, from the trace of v.v over its group, (k, n)."""

    @abstractmethod
    def modulus(self, rows: ComplexArray, power: int) -> FloatArray:
        """Average over the group of sum_a sum_m |rows^a_nm|**2 / |e_n - e_m|**power: nothing in it cancels, (k, n)."""

    @abstractmethod
    def _outside(self, operator: ComplexArray) -> ComplexArray:
        """Elements (k, a, rows, m) of operators (k, a, m, m) with the states outside each group, zero inside."""

    @property
    def interband_velocity(self) -> ComplexArray:
        """V^a_nm = <n| d_a H |m> for m outside the group of n, zero inside, (k, a, rows, m)."""
        return self._velocity

    @property
    def interband_connection(self) -> ComplexArray:
        """A^a_nm = Abar^a_nm + i V^a_nm / (e_m - e_n), zero inside the group (WANG_2006), (k, a, rows, m)."""
        if self._connection is None:
            # -i V / (e_n - e_m), without products of complex numbers.
            connection, inverse = np.empty_like(self._velocity), self._inverse[:, None]
            np.multiply(self._velocity.imag, inverse, out=connection.real)
            np.multiply(self._velocity.real, -inverse, out=connection.imag)
            if self._jet.connection is not None:
                connection += self._outside(self._jet.connection)
            self._connection = connection
        return self._connection

    @abstractmethod
    def coupling(self) -> FloatArray:
        """Interband velocity between each band and what may meet it from above, an upper bound, (k, n)."""

    def curvature_completion(self) -> np.ndarray | None:
        """Block array (k, a, b, ..) of U^+ F_ab U, or None for a model without position matrices (WANG_2006)."""
        curl = self._jet.connection_curl
        if curl is None:
            return None
        if self._completion is None:
            first, second = np.triu_indices(curl.shape[1], 1)
            upper = np.moveaxis(self.within(curl[:, first, second]), 0, -1)
            block = np.zeros((*curl.shape[1:3], *upper.shape[1:]), dtype=upper.dtype)
            block[first, second], block[second, first] = upper, -upper
            self._completion = np.moveaxis(block, -1, 0)
        return self._completion

    def inverse_mass_direct(self) -> np.ndarray:
        """Block array (k, a, b, ..) of <n| d_a d_b H |n'>."""
        if self._jet.hessian is None:
            raise ValueError("the inverse mass needs a jet of order 2")
        return self.within(self._jet.hessian)
