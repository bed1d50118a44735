"""Lattice models of the table, a = 1 nm, built from sines and cosines along the axes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.linalg import block_diag

import sigmaijk as sg

X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
ONE = np.eye(2)


def crystal(onsite: np.ndarray, sines: Mapping[int, np.ndarray], cosines: Mapping[int, np.ndarray]) -> sg.LatticeModel:
    """H = onsite + sum_a (S_a sin k_a + C_a cos k_a); as many directions as there are sines."""
    dim = len(sines)
    hoppings = {(0,) * dim: np.asarray(onsite, complex)}
    for axis in range(dim):
        R = tuple(int(axis == a) for a in range(dim))
        block = 0.5 * (cosines[axis] - 1j * sines[axis])
        hoppings[R], hoppings[tuple(-r for r in R)] = block, block.conj().T
    return sg.LatticeModel(np.eye(dim), hoppings)


def dirac3d(m: float = 0.1, b: float = 1.0, t: float = 0.9) -> sg.LatticeModel:
    """d = (sin kx, sin ky, sin kz, m - b sum (1 - cos k) + t sin kx) on four anticommuting matrices: doublets."""
    gammas = [np.kron(X, s) for s in (X, Y, Z)]
    mass = np.kron(Z, ONE)
    sines = {a: gammas[a] + (t * mass if a == 0 else 0) for a in range(3)}
    return crystal((m - 3 * b) * mass, sines, dict.fromkeys(range(3), b * mass))


def weyl3d(k0: float = 1.2, tilt: float = 0.25, a: float = 0.3, m: float = 2.0) -> sg.LatticeModel:
    """A two-band Weyl semimetal without inversion and time reversal."""
    sines = {0: X + tilt * ONE, 1: Y + 0j, 2: 0.5 * tilt * ONE}
    return crystal((m + np.cos(k0)) * Z + a * X, sines, {0: -Z, 1: -Z, 2: -Z - a * X})


def _copy(m: float, shift: float, energy: float, t: float) -> tuple[np.ndarray, dict, dict]:
    """sin(kx - shift) X + sin ky Y + (m + 2 - cos(kx - shift) - cos ky - t sin(kx - shift)) Z + energy."""
    c, s = np.cos(shift), np.sin(shift)
    sine, cosine = X - t * Z, -Z
    sines = {0: c * sine + s * cosine, 1: Y}
    return (m + 2) * Z + energy * ONE, sines, {0: c * cosine - s * sine, 1: -Z}


def crossing2d(g: float, t: float = 0.5) -> sg.LatticeModel:
    """Two shifted two-band copies with a constant coupling g: exact crossings at g = 0, gaps of about g else."""
    first, second = _copy(0.1, 0.0, 0.0, t), _copy(0.25, 0.6, 0.05, t)
    onsite = block_diag(first[0], second[0]).astype(complex)
    onsite[:2, 2:] = g * np.array([[1, 0.3], [-0.2j, 0.7]])
    onsite[2:, :2] = onsite[:2, 2:].conj().T
    sines, cosines = ({a: block_diag(first[n][a], second[n][a]) for a in range(2)} for n in (1, 2))
    return crystal(onsite, sines, cosines)
