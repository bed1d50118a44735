"""Integrals of a lattice model at kT > 0 by the periodic trapezoid rule, which converges exponentially.

Two grids of N**d points, shifted by half a step against each other, are compared and averaged; N grows until they
agree.
Only k and the term integrands at k are shared with the package.
"""

from __future__ import annotations

import numpy as np
from slices import Reference, sampler_of

from sigmaijk.models import LatticeModel
from sigmaijk.sampler import BandSampler

TAIL = 36.0
"""Energies further than this many kT from mu are left out: 2e-16 of the peak."""
GROWTH = 1.4


def grid_sum(
    model: LatticeModel, sampler: BandSampler, mu: float, kT: float, points: int, shift: float
) -> tuple[np.ndarray, float]:
    """All columns on one grid, f0' included, and the largest |dE/dtheta| seen."""
    offsets = (np.array([0.137, 0.291, 0.413])[: model.dim] + shift) / points
    lead = np.arange(points ** (model.dim - 1))
    rows = max(1, 40_000 // points)
    total, steepest = np.zeros(sampler.columns.width), 0.0
    frame = model.reciprocal / (2 * np.pi)
    for start in range(0, len(lead), rows):
        part = lead[start : start + rows]
        index = np.unravel_index(part, (points,) * (model.dim - 1))
        first = np.stack(index, axis=-1) / points
        reduced = np.concatenate(
            [np.repeat(first, points, axis=0), np.tile(np.arange(points) / points, len(part))[:, None]], axis=1
        )
        k = model.cartesian(reduced + offsets)
        near = np.abs(np.linalg.eigvalsh(model.hamiltonian(k)) - mu).min(axis=1) < TAIL * kT
        if not near.any():
            continue
        sample = sampler(k[near])
        decay = np.exp(-np.abs(sample.energy - mu) / kT)
        total += np.einsum("kn,knc->c", decay / (1 + decay) ** 2 / kT, sample.integrand)
        steepest = max(steepest, float(np.abs(sample.velocity @ frame.T).max()))
    total *= model.spin_degeneracy / model.volume / points**model.dim
    for columns in sampler.columns.entries.values():
        total[columns] *= -1.0
    return total, steepest


def trapezoid(model: LatticeModel, mu: float, kT: float, *, goal: float = 1e-7, most_points: int) -> Reference:
    """Grows the grid until the two shifted ones agree to `goal` of the moduli, or to the most points allowed."""
    sampler = sampler_of(model)
    columns = sampler.columns
    scale_of = np.concatenate([np.full(c.stop - c.start, columns.modulus[n]) for n, c in columns.entries.items()])
    points = 48 if model.dim == 2 else 20
    _, steepest = grid_sum(model, sampler, mu, kT, points, 0.25)
    # The poles of f0' lie pi kT/|dE/dtheta| off the real axis: exp(-N pi kT/u) is 1e-4 on the first grid that counts.
    points = max(points, int(9.0 * steepest / (np.pi * kT) / 2))
    most = most_points ** (1 / model.dim) / 2 ** (1 / model.dim)
    while True:
        points = int(min(points, most))
        one, two = (grid_sum(model, sampler, mu, kT, points, shift)[0] for shift in (0.0, 0.5))
        value, uncertainty = 0.5 * (one + two), 0.5 * np.abs(one - two)
        scale = value[scale_of]
        if (uncertainty[: len(scale)] <= goal * scale).all() or points >= int(most):
            uncertainty[: len(scale)] += 1e-13 * scale
            return Reference(value, uncertainty, f"trapezoid, 2 grids of {points}**{model.dim} points")
        points = int(GROWTH * points)
