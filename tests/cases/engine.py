"""The level-set engine on plain functions of k, and what is asked of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmaijk.levelset.elements import Peaks
from sigmaijk.levelset.samples import Cell, Sample, Sampler
from sigmaijk.levelset.simplices import Goal, Integrals

try:
    from sigmaijk.levelset.engine import integrate
except ModuleNotFoundError:  # the engine of high order is not there yet
    from sigmaijk.levelset.simplices import integrate

Band = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""k (k, d) -> energy (k,) or (k, n), velocity (k, d) or (k, n, d)"""


@dataclass(frozen=True)
class Outcome:
    """A run judged against a reference; errors are relative."""

    points: int
    true: float
    """Beyond the uncertainty of the reference."""
    estimate: float
    ratio: float
    """True error over the estimate, the worst entry."""
    converged: bool
    method: str

    @classmethod
    def of(cls, value: float, error: float, expected: float, doubt: float, attrs: Mapping) -> Outcome:
        """From one number and the attributes of a dataset."""
        true = max(abs(value - expected) - doubt, 0.0)
        ratio = true / error if error > 0 else (np.inf if true > 0 else 0.0)
        size = abs(expected)
        converged, method = bool(attrs["converged"]), str(attrs["method"])
        return cls(int(attrs["k_points"]), true / size, error / size, ratio, converged, method)

    @classmethod
    def of_integrals(cls, integrals: Integrals, expected: Sequence[float], precision: float = 1e-13) -> Outcome:
        """From all columns of one peak, each with an exact value; errors in units of the largest of them."""
        wanted = np.array(expected)
        size = float(np.abs(wanted).max())
        true = np.maximum(np.abs(integrals.value[0, : len(wanted)] - wanted) - precision * size, 0.0)
        error = integrals.error[0, : len(wanted)]
        ratio = np.divide(true, error, out=np.where(true > 0, np.inf, 0.0), where=error > 0)
        return cls(
            points=integrals.points,
            true=float(true.max()) / size,
            estimate=float(error.max()) / size,
            ratio=float(ratio.max()),
            converged=bool(integrals.converged.all()),
            method=integrals.method,
        )


def level_set(
    sampler: Sampler, cell: Cell, centre: float, *, rtol: float, max_points: int, width: float = 0.0, columns: int = 1
) -> Integrals:
    """One peak, one block of `columns` columns, the modulus after them."""
    goals = [Goal(slice(0, columns), columns, 0.0, np.eye(columns))]
    peaks = Peaks.at(np.array([centre]), np.array([width]))
    return integrate(sampler, cell, peaks, goals, rtol=rtol, degeneracy_tol=1e-6, max_points=max_points)


def plane(half: float, dim: int = 2, divisions: int = 8) -> Cell:
    """A box about the origin, not centred on it."""
    return Cell(np.full(dim, -half * 1.003), np.eye(dim) * 2 * half * 1.01, False, (divisions,) * dim)


def zone(dim: int = 2, divisions: int | None = None) -> Cell:
    """One period 2 pi of each direction."""
    parts = divisions or {2: 8, 3: 6}[dim]
    return Cell(np.array([0.11, 0.07, 0.05])[:dim], 2 * np.pi * np.eye(dim), True, (parts,) * dim)


def cosine_band(shift: Sequence[float] = (0.0, 0.0), energy: float = 0.0) -> Band:
    """-2 sum cos(k - shift) + energy."""
    origin = np.array(shift)

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return energy - 2 * np.cos(k - origin).sum(axis=1), 2 * np.sin(k - origin)

    return band


def one_component(band: Band) -> Sampler:
    """The integrand 1 for every sheet, so that the integral is a density of states."""
    return with_integrands(band, lambda k, energy, velocity: np.ones((*energy.shape, 1)))


def with_integrands(band: Band, integrand: Callable[..., np.ndarray], coupling: float = 0.0) -> Sampler:
    """Sheets with integrands (k, n, c) from k, energy (k, n) and velocity (k, n, d); the modulus is the largest."""

    def sampler(k: np.ndarray) -> Sample:
        energy, velocity = band(k)
        if energy.ndim == 1:
            energy, velocity = energy[:, None], velocity[:, None]
        values = integrand(k, energy, velocity)
        modulus = np.abs(values).max(axis=2, keepdims=True)
        both = np.concatenate([values, modulus, 0 * modulus], axis=2)
        return Sample(energy, velocity, both, np.full(energy.shape, coupling))

    return sampler


def stacked(bands: Sequence[Band]) -> Band:
    """Several sheets sorted by energy at each k: where they cross, sorted sheets have kinks."""

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energies, velocities = zip(*(b(k) for b in bands), strict=True)
        energy, velocity = np.stack(energies, axis=1), np.stack(velocities, axis=1)
        order = np.argsort(energy, axis=1, kind="stable")
        return np.take_along_axis(energy, order, 1), np.take_along_axis(velocity, order[..., None], 1)

    return band
