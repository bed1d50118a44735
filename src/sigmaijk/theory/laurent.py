"""How a relaxation time enters the density matrix: as a formal Laurent series in tau, or as a number.

Both classes solve `(i gap + 1/(share tau)) x = source` entry by entry, on fields that are dictionaries
{power of tau: array}. With a number everything stands at power 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np

from ..arrays import BoolArray, ComplexArray, FloatArray

ROUNDING = 1e-14
"""Elements below this share of the largest, times 1 + width/gap as eigenvectors of neighbours mix, are rounding. Where
bands cross that nothing couples they would be divided by a gap that may be as small as it likes."""

Field = Mapping[int, ComplexArray]
"""Coefficients of powers of tau."""


def added(*fields: Field) -> Field:
    """Sum of fields."""
    total: dict[int, ComplexArray] = {}
    for field in fields:
        for power, part in field.items():
            total[power] = total[power] + part if power in total else part
    return total


def mapped(function: Callable[[ComplexArray], ComplexArray], field: Field) -> Field:
    """A linear function of each coefficient."""
    return {power: function(part) for power, part in field.items()}


class Relaxed(ABC):
    """Contract: what divides by a gap and a relaxation rate."""

    @abstractmethod
    def solve(self, source: Field, share: float, lowest: int) -> Field:
        """The x of `(i gap + 1/(share tau)) x = source`, the powers of tau from `lowest` on."""

    @abstractmethod
    def over_tau(self, target: ComplexArray, share: float) -> Field:
        """target/(share tau)."""


class Series(Relaxed):
    """The expansion at large tau: share tau where the gap is zero, else 1/(i gap) - 1/(share tau (i gap)^2) + ..."""

    def __init__(self, inverse_gap: FloatArray, same: BoolArray) -> None:
        """inverse_gap (k, n, m), zero inside a degenerate group; `same` says where n and m share a group."""
        self._inverse, self._same = -1j * inverse_gap, same
        gaps = np.abs(inverse_gap[inverse_gap != 0.0])
        width = 1.0 / gaps.min() if gaps.size else 0.0
        self._noise = ROUNDING * (1.0 + width * np.abs(inverse_gap))

    def solve(self, source: Field, share: float, lowest: int) -> Field:
        found: dict[int, ComplexArray] = {}
        for power, part in source.items():
            if power + 1 >= lowest:
                inside = np.where(self._same, share * part, 0.0)
                found[power + 1] = found[power + 1] + inside if power + 1 in found else inside
            term: ComplexArray = np.where(np.abs(part) > self._noise * np.abs(part).max(initial=0.0), part, 0.0)
            for order in range(power, lowest - 1, -1):
                term = term * self._inverse if order == power else term * self._inverse * (-1.0 / share)
                found[order] = found[order] + term if order in found else term
        return found

    def over_tau(self, target: ComplexArray, share: float) -> Field:
        return {-1: target / share}


class AtTau(Relaxed):
    """One value of tau, nothing expanded; degenerate groups need no care."""

    def __init__(self, energy: FloatArray, tau: float) -> None:
        """Energies (k, n) in eV, tau in 1/eV (hbar = 1)."""
        self._gap, self._tau = energy[:, :, None] - energy[:, None, :], tau

    def solve(self, source: Field, share: float, lowest: int) -> Field:
        return {power: part / (1j * self._gap + 1.0 / (share * self._tau)) for power, part in source.items()}

    def over_tau(self, target: ComplexArray, share: float) -> Field:
        return {0: target / (share * self._tau)}
