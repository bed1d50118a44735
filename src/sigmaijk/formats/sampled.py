"""A periodic H(k) that can only be called, as a LatticeModel: hoppings are read off a grid and checked elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sigmaijk.errors import ArgumentError, ModelError
from sigmaijk.model import ComplexArray, FloatArray, as_reals
from sigmaijk.models.lattice import LatticeModel

Coordinates = Literal["cartesian", "reduced", "angle"]
COORDINATES: tuple[Coordinates, ...] = ("cartesian", "reduced", "angle")

SIZES = {2: (5, 9, 17, 33, 65), 3: (5, 9, 17, 33)}
"""Grid points per direction, odd, so that R and -R come together; the hoppings found reach (N - 1) / 2 cells."""
TOLERANCE = 1e-9
"""Largest deviation of the Fourier sum from H, and of H from its period, beside the largest entry of H."""
NEGLIGIBLE = 1e-13


def from_periodic(
    function: Callable[[FloatArray], Any],
    lattice: ArrayLike,
    *,
    positions: ArrayLike | None = None,
    coordinates: Coordinates = "cartesian",
    spin_degeneracy: int = 1,
    name: str | None = None,
) -> LatticeModel:
    """The model with H(R) = average over a grid of exp(-i k.R) H(k).

    function: of one k (dim,), returns (n, n) in eV; k in 1/nm, in units of the reciprocal vectors, or 2 pi times these.
    positions: nm, (n, dim). H may be periodic (then they only enter the geometry) or carry exp(i k.(tau_b - tau_a)).

    Raises ArgumentError when H does not have the period of the lattice, ModelError when its hoppings reach too far.
    """
    if coordinates not in COORDINATES:
        raise ArgumentError(f"coordinates must be 'cartesian', 'reduced' or 'angle', got {coordinates!r}")
    rows = as_reals("lattice", lattice, "an array of numbers, its rows the lattice vectors in nm")
    dim = len(rows) if rows.ndim == 2 else 0
    if rows.shape not in ((2, 2), (3, 3)):
        raise ArgumentError(f"lattice must have shape (2, 2) or (3, 3), rows in nm, got {rows.shape}")
    scale = {"cartesian": 2 * np.pi * np.linalg.inv(rows).T, "reduced": np.eye(dim), "angle": 2 * np.pi * np.eye(dim)}
    factors = scale[coordinates]

    def values(reduced: FloatArray) -> ComplexArray:
        return np.array([_matrix(function(point)) for point in reduced @ factors])

    probes = np.random.default_rng(0).uniform(-0.5, 0.5, size=(6, dim))
    known = values(probes)
    n, size = known.shape[-1], float(np.abs(known).max())
    tau = np.zeros((n, dim)) if positions is None else as_reals("positions", positions, f"of shape ({n}, {dim}), nm")
    if tau.shape != (n, dim):
        raise ArgumentError(f"positions must have shape (n_bands, dim) = ({n}, {dim}), nm, got {tau.shape}")
    fractions = _phase_positions(values, probes, known, tau @ np.linalg.inv(rows), size)

    def periodic(reduced: FloatArray) -> ComplexArray:
        return values(reduced) * _phases(reduced, fractions).conj()

    wanted = known * _phases(probes, fractions).conj()
    for count in SIZES[dim]:
        hoppings = _hoppings(periodic, count, dim)
        summed = sum(np.exp(2j * np.pi * (probes @ R))[:, None, None] * block for R, block in hoppings.items())
        if np.abs(summed - wanted).max() <= TOLERANCE * size:
            return LatticeModel(rows, hoppings, positions=tau, spin_degeneracy=spin_degeneracy, name=name)
    reach = (SIZES[dim][-1] - 1) // 2
    raise ModelError(
        f"H(k) is no sum of hoppings over at most {reach} cells (deviation {np.abs(summed - wanted).max():.3g} eV);"
        " if it is smooth but long-ranged, give its hoppings to LatticeModel"
    )


def _matrix(value: Any) -> ComplexArray:
    matrix = np.asarray(value)
    if matrix.dtype.kind not in "iufc" or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ModelError(f"H(k) must return an (n, n) array of numbers for one k, got {matrix.dtype} {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ModelError("H(k) must be finite, got inf or nan")
    return matrix.astype(np.complex128)


def _phase_positions(
    values: Callable[[FloatArray], ComplexArray], probes: FloatArray, known: ComplexArray, tau: FloatArray, size: float
) -> FloatArray:
    """The positions in the phases of H, reduced (n, dim): zeros when it is periodic, else `tau`, checked."""
    worst, none = 0.0, np.zeros_like(tau)
    for fractions in (none, tau):
        plain = known * _phases(probes, fractions).conj()
        moved = [probes + step for step in np.eye(probes.shape[1])]
        worst = max(np.abs(values(k) * _phases(k, fractions).conj() - plain).max() for k in moved)
        if worst <= TOLERANCE * size:
            return fractions
    raise ArgumentError(
        f"H(k + b) differs from H(k) by {worst:.3g} eV for a reciprocal vector b of the lattice: check lattice= and"
        " coordinates= (k in 'cartesian' 1/nm, 'reduced' or 'angle'); if H carries the phases of orbital positions,"
        " give these as positions= in nm"
    )


def _phases(reduced: FloatArray, fractions: FloatArray) -> ComplexArray:
    """exp(i k.(tau_b - tau_a)), (nk, n, n)."""
    wave = np.exp(2j * np.pi * (reduced @ fractions.T))
    return wave.conj()[:, :, None] * wave[:, None, :]


def _hoppings(
    periodic: Callable[[FloatArray], ComplexArray], count: int, dim: int
) -> dict[tuple[int, ...], ComplexArray]:
    """H(R) from a grid of count**dim points, without the pairs R, -R that are zero to rounding."""
    axes = [np.arange(count) / count] * dim
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
    sampled = periodic(grid)
    blocks = np.fft.fftn(sampled.reshape(*(count,) * dim, *sampled.shape[1:]), axes=range(dim)) / count**dim
    reach, limit = (count - 1) // 2, NEGLIGIBLE * np.abs(blocks).max()
    found = {}
    for R in itertools.product(range(-reach, reach + 1), repeat=dim):
        opposite = tuple(-entry for entry in R)
        if not any(R) or max(np.abs(blocks[R]).max(), np.abs(blocks[opposite]).max()) > limit:
            found[R] = blocks[R]
    return found
