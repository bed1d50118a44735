"""Bands that come in pairs at every k of a batch, as they do under PT: the path between single bands and any groups.

Shapes: k point, g pair, s t its members, n band (n = 2 g + s), m any state of the model, a b directions. A block array
is (k, a, .., g, s, t), points innermost in memory.
"""

from __future__ import annotations

import numpy as np

from .arrays import BoolArray, ComplexArray, FloatArray
from .matrix_elements import Bands, Groups, points_innermost, rotated, scaled
from .model import HamiltonianJet


def paired(groups: Groups, wanted: slice) -> BoolArray:
    """Points (k,) at which the wanted bands, and their partners, form pairs that no other band joins; (1,) for all."""
    label = groups.rows
    start, stop, _ = wanted.indices(label.shape[1])
    rows = slice(start - start % 2, stop + stop % 2)
    if stop <= start or rows.stop > label.shape[1]:
        return np.zeros(len(label), dtype=bool)
    together = np.diff(label, axis=1) == 0
    # Steps within a pair join, those between pairs and at both ends part.
    wrong = ~together[:, rows.start : rows.stop - 1 : 2].all(axis=1)
    wrong |= together[:, rows.start + 1 : rows.stop : 2].any(axis=1)
    if rows.start:
        wrong |= together[:, rows.start - 1]
    return ~wrong


class Pairs(Bands):
    """Every wanted band has one partner, the same at every k: a block is a 2 x 2 matrix for each pair."""

    def __init__(self, jet: HamiltonianJet, vectors: ComplexArray, groups: Groups, wanted: slice) -> None:
        super().__init__(jet, vectors, groups, wanted)
        start, stop, _ = wanted.indices(groups.energy.shape[1])
        self._rows = slice(start - start % 2, stop + stop % 2)
        self._inner = slice(start - self._rows.start, stop - self._rows.start)
        self._pairs = (self._rows.stop - self._rows.start) // 2
        self._own = self._rows.start + np.arange(2 * self._pairs).reshape(-1, 2)
        mean = points_innermost(groups.mean)
        gap = mean[:, self._own[:, 0], None] - mean[:, None, :]
        gap[:, np.arange(self._pairs)[:, None], self._own] = np.inf
        self._inverse = self._doubled((1.0 / gap).swapaxes(1, 2), whole=True).swapaxes(1, 2)
        elements = rotated(jet.gradient, vectors[:, :, self._rows], vectors)
        self.velocity = self._blocks(elements).copy(order="K")
        self._blocks(elements)[...] = 0.0
        self._velocity = elements

    def _split(self, rows: ComplexArray) -> ComplexArray:
        """(k, a, n, m) as (k, a, g, s, m)."""
        return rows.reshape(*rows.shape[:2], self._pairs, 2, rows.shape[-1])

    def _blocks(self, rows: ComplexArray) -> ComplexArray:
        """The elements (k, a, g, s, t) within the pairs of rows (k, a, n, m), as a view."""
        inside = self._split(rows[..., self._rows]).reshape(*rows.shape[:2], self._pairs, 2, self._pairs, 2)
        return np.einsum("kagsgt->kagst", inside)

    def _doubled(self, number: FloatArray, *, whole: bool = False) -> FloatArray:
        """What belongs to a pair (k, .., g) for each of its wanted bands, or for all of its bands, (k, .., n)."""
        both = np.empty((*number.shape[1:], 2, len(number)))
        both[...] = np.moveaxis(number, 0, -1)[..., None, :]
        bands = np.moveaxis(both.reshape(*number.shape[1:-1], 2 * self._pairs, len(number)), -1, 0)
        return bands if whole else bands[..., self._inner]

    def _outside(self, operator: ComplexArray) -> ComplexArray:
        elements = rotated(operator, self._vectors[:, :, self._rows], self._vectors)
        self._blocks(elements)[...] = 0.0
        return elements

    def coupling(self) -> FloatArray:
        square = self._velocity.real**2 + self._velocity.imag**2
        return np.sqrt(square.sum(axis=(1, 3)))[:, self._inner]

    def virtual(self, left: ComplexArray, right: ComplexArray, power: int) -> np.ndarray:
        hermitian = left is right
        left = left if self._states is None else left * self._states
        weighted = left if power == 0 else scaled(left, (self._inverse**power)[:, None])
        one, other = self._split(weighted), self._split(right.conj())
        sums = np.empty((one.shape[1], other.shape[1], self._pairs, 2, 2, len(one)), dtype=np.complex128)
        for a in range(one.shape[1]):
            for b in range(a if hermitian else 0, other.shape[1]):
                block = (one[:, a, :, :, None] * other[:, b, :, None]).sum(axis=-1)
                sums[a, b] = np.moveaxis(block, 0, -1)
                if hermitian and b > a:
                    sums[b, a] = sums[a, b].conj().swapaxes(1, 2)
        return np.moveaxis(sums, -1, 0)

    def within(self, operator: ComplexArray) -> np.ndarray:
        lead, size = operator.shape[1:-2], operator.shape[-1]
        flat = operator.reshape(len(operator), -1, size, size)
        count, number = flat.shape[:2]
        states = self._vectors[:, :, self._rows]
        turned = (flat.reshape(count, number * size, size) @ states).reshape(count, number, size, self._pairs, 2)
        left = turned.transpose(0, 3, 1, 4, 2).conj().reshape(count, self._pairs, 2 * number, size)
        block = left @ states.reshape(count, size, self._pairs, 2).transpose(0, 2, 1, 3)
        block = points_innermost(block).reshape(count, self._pairs, number, 2, 2).swapaxes(1, 2)
        return block.reshape(count, *lead, self._pairs, 2, 2)

    def average(self, block: np.ndarray) -> FloatArray:
        part = np.real(block)
        return self._doubled(0.5 * (part[..., 0, 0] + part[..., 1, 1]))

    def traced(self, left: np.ndarray, right: np.ndarray) -> FloatArray:
        lead = left.reshape(*left.shape[:2], *(1,) * (right.ndim - 4), *left.shape[-3:])
        total: FloatArray | None = None
        for s in range(2):
            for t in range(2):
                one, other = lead[..., s, t], right[:, None, ..., t, s]
                part = np.real(one) * np.real(other)
                part -= np.imag(one) * np.imag(other)
                total = part if total is None else np.add(total, part, out=total)
        assert total is not None
        return self._doubled(0.5 * total)

    def speed(self) -> FloatArray:
        square = np.real(self.velocity) ** 2 + np.imag(self.velocity) ** 2
        return self._doubled(np.sqrt(0.5 * square.sum(axis=(1, 3, 4))))

    def modulus(self, rows: ComplexArray, power: int) -> FloatArray:
        square = (rows.real**2 + rows.imag**2).sum(axis=1)
        weighted = square if power == 0 else square * np.abs(self._inverse) ** power
        each = weighted.sum(axis=2)
        return self._doubled(0.5 * (each[:, 0::2] + each[:, 1::2]))
