"""Eigenpairs of a batch of k, degenerate groups by ONE tolerance, and sums over the states outside a group.

Two classes share one interface, so that `geometry` and `terms` write each formula once. `Singles` serves batches in
which every wanted band stands alone: a block within a group is then a number, and only the wanted rows are computed.
`Multiplets` is its plain twin, right for any batch: a block is a matrix that is zero between groups.

Shapes: k point, n band, m any state of the model, a b directions. A *block array* is (k, a, .., n) for `Singles` and
(k, a, .., n, n) for `Multiplets`; both classes average and multiply it, nothing else looks inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Self

import numpy as np

from .arrays import BoolArray, ComplexArray, FloatArray
from .errors import ModelError
from .model import HamiltonianJet


@dataclass(frozen=True)
class Groups:
    """Degenerate groups: maximal runs of sorted energies whose neighbours differ by at most the tolerance."""

    energy: FloatArray
    """Sorted eigenvalues, (k, m)."""
    label: np.ndarray
    """Number of the group of each band, counted from the bottom, (k, m)."""
    mean: FloatArray
    """Mean energy of the group of each band, (k, m)."""

    @classmethod
    def find(cls, energy: FloatArray, degeneracy_tol: float) -> Groups:
        """Group the sorted energies (k, m) of each k; degeneracy_tol in eV."""
        split = np.diff(energy, axis=1) > degeneracy_tol
        label = np.zeros(energy.shape, dtype=np.int64)
        np.cumsum(split, axis=1, out=label[:, 1:])
        if split.all():
            return cls(energy, label, energy)
        flat = label + energy.shape[1] * np.arange(len(energy))[:, None]
        size = np.bincount(flat.ravel(), minlength=energy.size)
        total = np.bincount(flat.ravel(), weights=energy.ravel(), minlength=energy.size)
        return cls(energy, label, total[flat] / size[flat])

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
        inside = np.diff(self.label, axis=1) == 0
        padded = np.full((len(steps), steps.shape[1] + 2), np.inf)
        padded[:, 1:-1] = np.where(inside, np.inf, steps)
        own = np.minimum(padded[:, :-1], padded[:, 1:])
        if not inside.any():
            return own
        same = self.label[:, :, None] == self.label[:, None, :]
        return np.where(same, own[:, None, :], np.inf).min(axis=2)


class Bands(ABC):
    """Matrix elements of a batch of k between the wanted bands (rows) and all states."""

    energy: FloatArray
    """(k, n), the wanted bands only."""
    gap: FloatArray
    """Distance to the nearest other group, (k, n)."""
    _velocity: ComplexArray
    _inverse: FloatArray
    velocity: np.ndarray
    """Block array (k, a, ..): d_a H within each group; its average is d eps / dk_a in eV nm."""
    broadening: float = 0.0
    """eta in eV: |e_n - e_m| is (x**2 + eta**2)**(1/2) where it divides, x the difference itself; 0 for none."""

    def __init__(self, jet: HamiltonianJet, vectors: ComplexArray, groups: Groups, wanted: slice) -> None:
        self._jet, self._vectors, self._groups, self._wanted = jet, vectors, groups, wanted
        self.all_energies = groups.energy
        self.energy = groups.energy[:, wanted]
        self.gap = groups.gap()[:, wanted]
        self._connection: ComplexArray | None = None
        self._states: BoolArray | None = None

    def through(self, states: BoolArray) -> Self:
        """The same bands, whose sums over states outside a group run over some of the states (m,) only."""
        cut = copy(self)
        cut._states = states
        return cut

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
        """A^a_nm = Abar^a_nm + i V^a_nm / (e_m - e_n), zero inside the group (WANG_2006), (k, a, rows, m).

        With a broadening times |x| / (x**2 + eta**2)**(1/2), x = e_n - e_m.
        """
        if self._connection is None:
            connection = -1j * self._velocity * self._inverse[:, None]
            if self._jet.connection is not None:
                connection += self._outside(self._jet.connection)
            self._connection = self.damped(connection, 0.5)
        return self._connection

    def damped(self, rows: ComplexArray, power: float = 1.0) -> ComplexArray:
        """Elements (k, a, rows, m) times (x**2 / (x**2 + eta**2))**power; as they are without broadening."""
        if self.broadening == 0.0:
            return rows
        share = 1.0 / (1.0 + (self.broadening * self._inverse) ** 2)
        return rows * (share**power)[:, None]

    @abstractmethod
    def coupling(self) -> FloatArray:
        """Interband velocity between each band and what may meet it from above, an upper bound, (k, n)."""

    def curvature_completion(self) -> np.ndarray | None:
        """Block array (k, a, b, ..) of U^+ F_ab U, or None for a model without position matrices (WANG_2006)."""
        return None if self._jet.connection_curl is None else self.within(self._jet.connection_curl)

    def inverse_mass_direct(self) -> np.ndarray:
        """Block array (k, a, b, ..) of <n| d_a d_b H |n'>."""
        if self._jet.hessian is None:
            raise ValueError("the inverse mass needs a jet of order 2")
        return self.within(self._jet.hessian)


class Singles(Bands):
    """The fast path: every wanted band is alone in its group."""

    def __init__(self, jet: HamiltonianJet, vectors: ComplexArray, groups: Groups, wanted: slice) -> None:
        super().__init__(jet, vectors, groups, wanted)
        self._rows = vectors[:, :, wanted].conj().swapaxes(1, 2)[:, None]
        gap = self.energy[:, :, None] - groups.energy[:, None, :]
        bands = np.arange(groups.energy.shape[1])[wanted]
        gap[:, np.arange(len(bands)), bands] = np.inf
        self._inverse = 1.0 / gap
        elements = (self._rows @ jet.gradient) @ vectors[:, None]
        self.velocity = elements[:, :, np.arange(len(bands)), bands].real
        elements[:, :, np.arange(len(bands)), bands] = 0.0
        self._velocity = elements

    def _outside(self, operator: ComplexArray) -> ComplexArray:
        external = (self._rows @ operator) @ self._vectors[:, None]
        return np.where(self._inverse[:, None] == 0.0, 0.0, external)

    def coupling(self) -> FloatArray:
        bands = np.arange(self._vectors.shape[2])[self._wanted]
        above = np.minimum(bands + 1, self._vectors.shape[2] - 1)
        pair = self._velocity[:, :, np.arange(len(bands)), above]
        return np.sqrt((pair.real**2 + pair.imag**2).sum(axis=1))

    def virtual(self, left: ComplexArray, right: ComplexArray, power: int) -> np.ndarray:
        left = left if self._states is None else left * self._states
        weighted = left if power == 0 else left * (self._inverse**power)[:, None]
        sums = weighted.swapaxes(1, 2) @ right.conj().transpose(0, 2, 3, 1)
        return sums.transpose(0, 2, 3, 1)

    def within(self, operator: ComplexArray) -> np.ndarray:
        lead = operator.shape[1:-2]
        flat = operator.reshape(len(operator), -1, *operator.shape[-2:])
        wanted = self._vectors[:, None, :, self._wanted]
        diagonal = np.einsum("kamn,kamn->kan", wanted.conj(), flat @ wanted, optimize=True)
        return diagonal.real.reshape(len(operator), *lead, -1)

    def average(self, block: np.ndarray) -> FloatArray:
        return np.real(block)

    def traced(self, left: np.ndarray, right: np.ndarray) -> FloatArray:
        lead = left.reshape(*left.shape[:2], *(1,) * (right.ndim - 2), left.shape[-1])
        return np.real(lead * right[:, None])

    def speed(self) -> FloatArray:
        return np.sqrt((self.velocity**2).sum(axis=1))

    def modulus(self, rows: ComplexArray, power: int) -> FloatArray:
        square = (rows.real**2 + rows.imag**2).sum(axis=1)
        return (square if power == 0 else square * np.abs(self._inverse) ** power).sum(axis=2)


class Multiplets(Bands):
    """The plain path: groups of any size, every block a matrix; the wanted bands are cut out in the average.

    Rows are the wanted bands and what shares a group with one of them at some k of the batch.
    """

    def __init__(self, jet: HamiltonianJet, vectors: ComplexArray, groups: Groups, wanted: slice) -> None:
        super().__init__(jet, vectors, groups, wanted)
        rows = groups.complete(wanted)
        start, stop, _ = wanted.indices(groups.energy.shape[1])
        self._rows, self._inner = rows, slice(start - rows.start, stop - rows.start)
        self._left = vectors[:, :, rows].conj().swapaxes(1, 2)
        label = groups.label[:, rows, None]
        self._other = label != groups.label[:, None, :]
        gap = groups.mean[:, rows, None] - groups.mean[:, None, :]
        self._inverse = np.divide(1.0, gap, out=np.zeros_like(gap), where=self._other)
        self._same = label == groups.label[:, None, rows]
        self._averaging = self._same / self._same.sum(axis=2, keepdims=True)
        elements = self._rotate(jet.gradient, slice(None))
        self.velocity = np.where(self._same[:, None], elements[..., rows], 0.0)
        self._velocity = np.where(self._other[:, None], elements, 0.0)

    def _rotate(self, operator: ComplexArray, states: slice) -> ComplexArray:
        """<n| X |m> of operators (k, a, m, m) for the rows n and some states m."""
        # Two products for all operators of a k: matrices are small, calls are not.
        count, number, size = operator.shape[:3]
        half = self._left @ operator.swapaxes(1, 2).reshape(count, size, number * size)
        turned = half.reshape(count, -1, size) @ self._vectors[:, :, states]
        return turned.reshape(count, self._left.shape[1], number, -1).swapaxes(1, 2)

    def _outside(self, operator: ComplexArray) -> ComplexArray:
        return np.where(self._other[:, None], self._rotate(operator, slice(None)), 0.0)

    def coupling(self) -> FloatArray:
        return np.sqrt((np.abs(self._velocity) ** 2).sum(axis=(1, 3)))[:, self._inner]

    def virtual(self, left: ComplexArray, right: ComplexArray, power: int) -> np.ndarray:
        left = left if self._states is None else left * self._states
        weighted = left if power == 0 else left * (self._inverse**power)[:, None]
        count, number, size, states = weighted.shape
        columns = right.conj().reshape(count, -1, states).swapaxes(1, 2)
        sums = weighted.reshape(count, number * size, states) @ columns
        sums = sums.reshape(count, number, size, -1, size).swapaxes(2, 3)
        return np.where(self._same[:, None, None], sums, 0.0)

    def within(self, operator: ComplexArray) -> np.ndarray:
        lead = operator.shape[1:-2]
        flat = operator.reshape(len(operator), -1, *operator.shape[-2:])
        block = np.where(self._same[:, None], self._rotate(flat, self._rows), 0.0)
        return block.reshape(len(operator), *lead, *block.shape[-2:])

    def average(self, block: np.ndarray) -> FloatArray:
        return self._averaged(np.real(np.diagonal(block, axis1=-2, axis2=-1)))

    def _averaged(self, diagonal: FloatArray) -> FloatArray:
        lead = diagonal.shape[1:-1]
        flat = diagonal.reshape(len(diagonal), -1, diagonal.shape[-1]) @ self._averaging.swapaxes(1, 2)
        return flat.reshape(len(diagonal), *lead, -1)[..., self._inner]

    def traced(self, left: np.ndarray, right: np.ndarray) -> FloatArray:
        n = left.shape[-1]
        lead = right.shape[1:-2]
        # Only the diagonal of the product is wanted: rows of the left times columns of the right.
        rows = left.transpose(0, 2, 1, 3)
        columns = right.reshape(len(right), -1, n, n).transpose(0, 3, 2, 1)
        diagonal = np.real(rows) @ np.real(columns) - np.imag(rows) @ np.imag(columns)
        return self._averaged(diagonal.transpose(0, 2, 3, 1).reshape(len(left), left.shape[1], *lead, n))

    def speed(self) -> FloatArray:
        square = (np.abs(self.velocity) ** 2).sum(axis=(1, 3))
        return np.sqrt(self._averaged(square[:, None])[:, 0])

    def modulus(self, rows: ComplexArray, power: int) -> FloatArray:
        square = (rows.real**2 + rows.imag**2).sum(axis=1)
        weighted = square if power == 0 else square * np.abs(self._inverse) ** power
        return (self._averaging @ weighted.sum(axis=2)[:, :, None])[:, self._inner, 0]


def diagonalise(jet: HamiltonianJet, k: FloatArray, degeneracy_tol: float) -> tuple[ComplexArray, Groups]:
    """Eigenvectors (k, m, m) and groups of a batch; raises ModelError where H is not finite."""
    try:
        energy, vectors = np.linalg.eigh(jet.value)
    except np.linalg.LinAlgError as failure:
        raise ModelError(f"H(k) could not be diagonalised near k = {k[0].tolist()} 1/nm: {failure}") from failure
    if not np.isfinite(energy).all():
        worst = k[np.flatnonzero(~np.isfinite(energy).all(axis=1))[0]]
        raise ModelError(f"H(k) is not finite at k = {worst.tolist()} 1/nm; the Hamiltonian must be finite everywhere")
    return vectors, Groups.find(energy, degeneracy_tol)


def select(jet: HamiltonianJet, index: np.ndarray) -> HamiltonianJet:
    """The jet at some points of the batch."""
    return HamiltonianJet(
        jet.value[index],
        jet.gradient[index],
        None if jet.hessian is None else jet.hessian[index],
        None if jet.connection is None else jet.connection[index],
        None if jet.connection_curl is None else jet.connection_curl[index],
    )


def solve(
    jet: HamiltonianJet, k: FloatArray, degeneracy_tol: float, wanted: slice = slice(None)
) -> list[tuple[np.ndarray, Bands]]:
    """Bands of a batch, as one or two parts: points (indices into the batch) without and with groups among `wanted`."""
    vectors, groups = diagonalise(jet, k, degeneracy_tol)
    together = np.diff(groups.label, axis=1) == 0
    bands = np.arange(groups.energy.shape[1])
    touched = np.zeros(groups.energy.shape, dtype=bool)
    touched[:, 1:] |= together
    touched[:, :-1] |= together
    grouped = touched[:, bands[wanted]].any(axis=1)
    if not grouped.any():
        return [(np.arange(len(k)), Singles(jet, vectors, groups, wanted))]
    if grouped.all():
        return [(np.arange(len(k)), Multiplets(jet, vectors, groups, wanted))]
    parts: list[tuple[np.ndarray, Bands]] = []
    for kind, mask in ((Singles, ~grouped), (Multiplets, grouped)):
        index = np.flatnonzero(mask)
        part = Groups(groups.energy[index], groups.label[index], groups.mean[index])
        parts.append((index, kind(select(jet, index), vectors[index], part, wanted)))
    return parts


def broadened(parts: list[tuple[np.ndarray, Bands]], broadening: float) -> list[tuple[np.ndarray, Bands]]:
    """The same parts with the broadening eta (eV) of the differences of energies that divide."""
    for _, bands in parts:
        bands.broadening = broadening
    return parts


def regrouped(bands: Bands, rows: np.ndarray, degeneracy_tol: float) -> Bands:
    """The same bands at some points (indices), in groups by another tolerance (eV), without diagonalising again."""
    groups = Groups.find(bands.all_energies[rows], degeneracy_tol)
    other = Multiplets(select(bands._jet, rows), bands._vectors[rows], groups, bands._wanted)
    other.broadening = bands.broadening
    return other
