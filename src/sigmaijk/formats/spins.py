"""Centres of spinor Wannier functions from those of the orbitals, and whether a stated spin order can be right."""

from __future__ import annotations

import os
import warnings
from typing import Literal

import numpy as np

from sigmaijk.errors import ArgumentError, InputHealthWarning
from sigmaijk.model import ComplexArray, FloatArray

SpinOrder = Literal["interleaved", "block"]
SPIN_ORDERS: tuple[SpinOrder, ...] = ("interleaved", "block")

PARTNER_DISTANCE_NM = 0.05
"""Largest distance between the centres of the two spins of one orbital; real ones are a few 0.001 nm apart."""
LEVEL_RATIO = 3.0
"""The other order is suspected when it pairs the levels <0a|H|0a> better by this factor, and ..."""
LEVEL_SPLITTING_EV = 0.05
"""... the stated order leaves a mean splitting above this; exchange splits partners too."""


def check_order(spin_order: object, n: int, spin_degeneracy: object) -> None:
    """Raises ArgumentError unless this is a spin order that n functions can have."""
    if spin_order is None:
        return
    if spin_order not in SPIN_ORDERS:
        raise ArgumentError(f"spin_order must be 'interleaved' (up, down, up, ..) or 'block', got {spin_order!r}")
    if n % 2:
        raise ArgumentError(f"spin_order={spin_order!r} needs an even number of Wannier functions, got {n}")
    if spin_degeneracy == 2:
        raise ArgumentError("spin_order is for functions of both spins; leave it out, or set spin_degeneracy=1")


def doubled(centres: FloatArray, spin_order: SpinOrder) -> FloatArray:
    """Centres of n / 2 orbitals, each for its two spins."""
    return np.repeat(centres, 2, axis=0) if spin_order == "interleaved" else np.tile(centres, (2, 1))


def check_partners(path: str | os.PathLike[str], centres: FloatArray, spin_order: SpinOrder) -> None:
    """Raises ArgumentError when the two spins of an orbital do not sit together; says whether the other order fits."""
    distances = {order: _distances(centres, order) for order in SPIN_ORDERS}
    apart = distances[spin_order]
    if apart.max() <= PARTNER_DISTANCE_NM:
        return
    other: SpinOrder = "block" if spin_order == "interleaved" else "interleaved"
    up, down = (int(rows[int(apart.argmax())]) + 1 for rows in _pairs(len(centres), spin_order))
    fits = distances[other].max() <= PARTNER_DISTANCE_NM
    advice = f"spin_order={other!r} fits" if fits else "neither order fits: is every orbital there with both spins?"
    raise ArgumentError(
        f"spin_order={spin_order!r} pairs the functions {up} and {down} of {os.fspath(path)}, whose centres are"
        f" {apart.max():.3g} nm apart; {advice}"
    )


def warn_of_levels(path: str | os.PathLike[str], home: ComplexArray, spin_order: SpinOrder) -> None:
    """Warns when the other order pairs the levels <0a|H|0a> far better: centres that were doubled then sit wrong."""
    levels = np.diagonal(home).real
    splitting = {}
    for order in SPIN_ORDERS:
        up, down = _pairs(len(levels), order)
        splitting[order] = float(np.abs(levels[up] - levels[down]).mean())
    other: SpinOrder = "block" if spin_order == "interleaved" else "interleaved"
    if splitting[spin_order] > max(LEVEL_SPLITTING_EV, LEVEL_RATIO * splitting[other]):
        warnings.warn(
            f"spin_order={spin_order!r} pairs levels <0a|H|0a> of {os.fspath(path)} that differ by"
            f" {splitting[spin_order]:.3g} eV on average, spin_order={other!r} by {splitting[other]:.3g} eV; the"
            " positions may be on the wrong functions",
            InputHealthWarning,
            stacklevel=4,
        )


def _pairs(n: int, spin_order: SpinOrder) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the functions of spin up and, in the same order, of spin down."""
    if spin_order == "interleaved":
        return np.arange(0, n, 2), np.arange(1, n, 2)
    return np.arange(n // 2), np.arange(n // 2, n)


def _distances(centres: FloatArray, spin_order: SpinOrder) -> FloatArray:
    up, down = _pairs(len(centres), spin_order)
    return np.linalg.norm(centres[up] - centres[down], axis=1)
