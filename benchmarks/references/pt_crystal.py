"""The quantum metric dipole of the 4-band PT crystal in closed form, which knows nothing of sigmaijk.

H = d(k).Gamma with three anticommuting matrices: energies +-|d|, and with n = d/|d| the trace of G over a pair is
d_a n . d_b n / (2 E). At T > 0 a sum over a fine grid, at T = 0 an integral over the angle around the band bottom.
"""

from __future__ import annotations

import numpy as np

V, M, B, T = 1.0, 0.1, 1.0, 0.9
"""a = 1 nm; eV nm, eV, eV nm^2, eV nm."""
GRID, ANGLES, HALVINGS = 1600, 2048, 70


def dipole(kx: np.ndarray, ky: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E (k,), v_a (a, k) and v_a G_bc summed over the upper pair (a, b, c, k)."""
    one = np.ones_like(kx * ky)
    d = np.stack(
        [V * np.sin(kx) * one, V * np.sin(ky) * one, M - 2 * B * (2 - np.cos(kx) - np.cos(ky)) + T * np.sin(kx)]
    )
    slope = np.zeros((2, *d.shape))
    slope[0, 0], slope[0, 2] = V * np.cos(kx) * one, (T * np.cos(kx) - 2 * B * np.sin(kx)) * one
    slope[1, 1], slope[1, 2] = V * np.cos(ky) * one, -2 * B * np.sin(ky) * one
    energy = np.sqrt((d**2).sum(axis=0))
    unit = d / energy
    velocity = np.einsum("i...,ai...->a...", unit, slope)
    turn = (slope - unit * velocity[:, None]) / energy
    metric = np.einsum("ai...,bi...->ab...", turn, turn) / (2 * energy)
    return energy, velocity, velocity[:, None, None] * metric


def hook(product: np.ndarray) -> np.ndarray:
    """I_ijk (level, i, j, k) of int v_i G_jk delta(E - mu)."""
    return -(product - 0.5 * (product.swapaxes(1, 2) + np.moveaxis(product, 1, 3)))


def warm(levels: np.ndarray, kT: float) -> np.ndarray:
    """T > 0: both pairs on a grid; the lower one has the opposite v and the opposite G."""
    ticks = 2 * np.pi * np.arange(GRID) / GRID
    total = np.zeros((len(levels), 2, 2, 2))
    for row in np.array_split(ticks, 100):
        energy, _, product = dipole(row[:, None], ticks[None])
        for sign in (1, -1):
            decay = np.exp(-np.abs(sign * energy - levels[:, None, None]) / kT)
            total += np.einsum("nxy,abcxy->nabc", decay / (1 + decay) ** 2 / kT, product, optimize=True)
    return hook(total / GRID**2)


def cold(levels: np.ndarray) -> np.ndarray:
    """T = 0 above the gap: the Fermi line in polar coordinates around the band bottom, which lies on ky = 0."""
    ticks = np.linspace(-0.6, 0.6, 2_000_001)
    bottom = ticks[dipole(ticks, np.zeros(1))[0].argmin()]
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    x, y = np.cos(angle), np.sin(angle)
    low, high = np.zeros((len(levels), ANGLES)), np.full((len(levels), ANGLES), 2.8)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        above = dipole(bottom + middle * x, middle * y)[0] > levels[:, None]
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    radius = 0.5 * (low + high)
    _, velocity, product = dipole(bottom + radius * x, radius * y)
    weight = radius / (velocity[0] * x + velocity[1] * y) * (2 * np.pi / ANGLES) / (2 * np.pi) ** 2
    return hook(np.einsum("nt,abcnt->nabc", weight, product))


def quantum_metric_dipole(levels: np.ndarray, kT: float) -> np.ndarray:
    """I_ijk at levels (eV), natural units, (level, i, j, k)."""
    return warm(levels, kT) if kT else cold(levels)
