"""The three expressions of Table 1 as they are printed, summed on plain grids: no ingredients, no Fermi surfaces."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

import sigmaijk as sg
from sigmaijk.model import Model

ROWS = {"WPD": (1.0, 0.5), "LKA": (2.0, 0.5), "QK": (0.5, 1.0)}
"""In each row of Table 1 the factors of d_i G^jk and of d_k G^ij + d_j G^ik, the latter with a minus."""


def combined(row: str, lead: np.ndarray) -> np.ndarray:
    """A row from X_ijk, which stands for d_i G^jk or for v_i G^jk; the axes i, j, k are the last."""
    first, second = ROWS[row]
    return first * lead - second * (np.moveaxis(lead, -3, -1) + lead.swapaxes(-3, -2))


def reduced_grid(points: int, dim: int = 2, shift: float = 0.0) -> np.ndarray:
    """A uniform grid with k = 0 on it, or shifted by a share of its step, (points**dim, dim)."""
    ticks = (np.arange(points) + shift) / points
    return np.stack(np.meshgrid(*[ticks] * dim, indexing="ij"), axis=-1).reshape(-1, dim)


def slope(energy: np.ndarray, mu: float, kT: float) -> np.ndarray:
    """f0'."""
    return -0.25 / kT / np.cosh(np.clip((energy - mu) / (2 * kT), -300, 300)) ** 2


def filling(energy: np.ndarray, mu: float, kT: float) -> np.ndarray:
    """f0."""
    return 0.5 * (1.0 - np.tanh((energy - mu) / (2 * kT)))


def lead_of_surface(model: Model, parts: Iterable[np.ndarray], weight: float, mu: float, kT: float) -> np.ndarray:
    """Sum of v_i G^jk f0' over all bands and the points in `parts`, each of the given weight."""
    total = np.zeros((model.dim,) * 3)
    for k in parts:
        g = sg.band_geometry(model, k)
        total += np.einsum(
            "pn,pni,pnjk->ijk", slope(g.energy, mu, kT), g.velocity, g.band_normalized_metric, optimize=True
        )
    return weight * total


def surface_rows(
    model: sg.LatticeModel, mu: float, kT: float, points: int, shift: float = 0.0
) -> dict[str, np.ndarray]:
    """The rows with f0' on a grid over the cell, natural units."""
    k = model.cartesian(reduced_grid(points, model.dim, shift))
    parts = np.array_split(k, max(1, len(k) // 20_000))
    lead = lead_of_surface(model, parts, model.spin_degeneracy / (len(k) * model.volume), mu, kT)
    return {row: combined(row, lead) for row in ROWS}


def derivative(values: np.ndarray, model: sg.LatticeModel, points: int) -> np.ndarray:
    """d_i of periodic values (points**2, ..) by FFT, (i, points**2, ..)."""
    field = values.reshape(points, points, *values.shape[1:])
    modes = 2j * np.pi * np.fft.fftfreq(points, 1.0 / points)
    if points % 2 == 0:
        modes[points // 2] = 0.0
    parts = []
    for axis in (0, 1):
        factor = modes.reshape([-1 if n == axis else 1 for n in range(field.ndim)])
        parts.append(np.fft.ifft(factor * np.fft.fft(field, axis=axis), axis=axis).real)
    # k = u1 b1 + u2 b2 and b.a = 2 pi: d/dk = sum_n a_n / (2 pi) d/du_n.
    slopes = np.einsum("ni,n...->i...", model.lattice / (2 * np.pi), np.array(parts))
    return slopes.reshape(2, *values.shape)


def sea_rows(model: sg.LatticeModel, mu: float, kT: float, points: int) -> dict[str, np.ndarray]:
    """The rows with f0 exactly as printed, -sum int [dk] (.. d_i G^jk ..) f0, in the plane."""
    g = sg.band_geometry(model, model.cartesian(reduced_grid(points)))
    slopes = derivative(g.band_normalized_metric, model, points)
    lead = np.einsum("pn,ipnjk->ijk", filling(g.energy, mu, kT), slopes) / (points**2 * model.volume)
    return {row: -model.spin_degeneracy * combined(row, lead) for row in ROWS}
