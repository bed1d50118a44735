"""Comparisons that cannot pass by comparing nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def assert_same(actual: ArrayLike, expected: ArrayLike, *, rtol: float, floor: float) -> None:
    """The largest difference is within rtol of the largest expected entry, which must lie above the floor."""
    found, wanted = np.asarray(actual), np.asarray(expected)
    if found.shape != wanted.shape:
        raise AssertionError(f"shapes differ: got {found.shape}, expected {wanted.shape}")
    size = float(np.abs(wanted).max(initial=0.0))
    if not np.isfinite(size):
        raise AssertionError("the expected values are not finite")
    if size <= floor:
        raise AssertionError(
            f"nothing to compare: the largest expected entry, {size:.3g}, is below the floor {floor:.3g}"
        )
    error = float(np.abs(found - wanted).max())
    if not error <= rtol * size:
        where = tuple(map(int, np.unravel_index(np.abs(found - wanted).argmax(), wanted.shape)))
        raise AssertionError(
            f"largest difference {error:.3g} at {where} (got {found[where]}, expected {wanted[where]}) exceeds"
            f" {rtol:.3g} x {size:.6g}"
        )


def assert_forbidden(actual: ArrayLike, reference: ArrayLike, *, rtol: float) -> None:
    """The largest entry is within rtol of the largest entry of the same quantity where nothing forbids it."""
    size = float(np.abs(np.asarray(reference)).max(initial=0.0))
    if not (np.isfinite(size) and size > 0):
        raise AssertionError(f"the reference must be finite and not zero, got {size}")
    largest = float(np.abs(np.asarray(actual)).max(initial=0.0))
    if not largest <= rtol * size:
        raise AssertionError(f"largest entry {largest:.3g} should vanish beside {size:.3g} (rtol {rtol:.3g})")
