"""Eigenpairs of a batch of k and sums over the states outside degenerate groups: one class for each kind of batch.

All share one interface (`matrix_elements`), so that `geometry` and `terms` write each formula once. `Singles` serves
batches in which every wanted band stands alone: a block within a group is then a number, and only the wanted rows are
computed. `Pairs` does where all are pairs. `Multiplets` is their plain twin, right for any batch: a block is a matrix
that is zero between groups.

Shapes: k point, n band, m any state of the model, a b directions. A *block array* is (k, a, .., n) for `Singles`,
(k, a, .., pair, 2, 2) for `Pairs` and (k, a, .., n, n) for `Multiplets`; each averages and multiplies its own, nothing
else looks inside.
"""

from __future__ import annotations

import numpy as np

from .arrays import ComplexArray, FloatArray
from .errors import ModelError
from .matrix_elements import Bands, Groups, points_innermost, rotated, scaled
from .model import HamiltonianJet
from .pairs import Pairs, paired

__all__ = ["Bands", "Groups", "Multiplets", "Pairs", "Singles", "diagonalise", "select", "solve"]


class Singles(Bands):
    """The fast path: every wanted band is alone in its group. Arrays have the points innermost in memory."""

    def __init__(self, jet: HamiltonianJet, vectors: ComplexArray, groups: Groups, wanted: slice) -> None:
        super().__init__(jet, vectors, groups, wanted)
        level = points_innermost(groups.energy)
        gap = level[:, wanted, None] - level[:, None, :]
        bands = np.arange(groups.energy.shape[1])[wanted]
        gap[:, np.arange(len(bands)), bands] = np.inf
        self._inverse = 1.0 / gap
        elements = rotated(jet.gradient, vectors[:, :, wanted], vectors)
        diagonal = np.einsum("kann->kan", elements[..., wanted])
        self.velocity = diagonal.real.copy(order="K")
        diagonal[...] = 0.0
        self._velocity = elements

    def _outside(self, operator: ComplexArray) -> ComplexArray:
        external = rotated(operator, self._vectors[:, :, self._wanted], self._vectors)
        np.einsum("kann->kan", external[..., self._wanted])[...] = 0.0
        return external

    def coupling(self) -> FloatArray:
        bands = np.arange(self._vectors.shape[2])[self._wanted]
        above = np.minimum(bands + 1, self._vectors.shape[2] - 1)
        pair = self._velocity[:, :, np.arange(len(bands)), above]
        return np.sqrt((pair.real**2 + pair.imag**2).sum(axis=1))

    def virtual(self, left: ComplexArray, right: ComplexArray, power: int) -> np.ndarray:
        hermitian = left is right
        left = left if self._states is None else left * self._states
        one = left if power == 0 else scaled(left, (self._inverse**power)[:, None])
        other = right.conj()
        sums = np.empty((one.shape[1], other.shape[1], one.shape[2], len(one)), dtype=np.complex128)
        for a in range(one.shape[1]):
            for b in range(a if hermitian else 0, other.shape[1]):
                sums[a, b] = (one[:, a] * other[:, b]).sum(axis=-1).T
                if hermitian and b > a:
                    sums[b, a] = sums[a, b].conj()
        return np.moveaxis(sums, -1, 0)

    def within(self, operator: ComplexArray) -> np.ndarray:
        lead = operator.shape[1:-2]
        flat = operator.reshape(len(operator), -1, *operator.shape[-2:])
        wanted = self._vectors[:, None, :, self._wanted]
        diagonal = np.einsum("kamn,kamn->kan", wanted.conj(), flat @ wanted, optimize=True)
        return points_innermost(diagonal.real).reshape(len(operator), *lead, -1)

    def average(self, block: np.ndarray) -> FloatArray:
        return np.real(block)

    def traced(self, left: np.ndarray, right: np.ndarray) -> FloatArray:
        lead = left.reshape(*left.shape[:2], *(1,) * (right.ndim - 2), left.shape[-1])
        return np.real(lead) * np.real(right)[:, None]

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
    """Bands of a batch in up to three parts (indices into it): wanted bands that are alone, in pairs, in any groups."""
    vectors, groups = diagonalise(jet, k, degeneracy_tol)
    together = np.diff(groups.rows, axis=1) == 0
    touched = np.zeros(groups.rows.shape, dtype=bool)
    touched[:, 1:] |= together
    touched[:, :-1] |= together
    alone = ~touched[:, wanted].any(axis=1)
    twos = paired(groups, wanted) & ~alone
    parts: list[tuple[np.ndarray, Bands]] = []
    for kind, mask in ((Singles, alone), (Pairs, twos), (Multiplets, ~(alone | twos))):
        if mask.all():
            return [(np.arange(len(k)), kind(jet, vectors, groups, wanted))]
        index = np.flatnonzero(mask)
        if len(index):
            part = Groups(groups.energy[index], groups.label[index], groups.mean[index])
            parts.append((index, kind(select(jet, index), vectors[index], part, wanted)))
    return parts
