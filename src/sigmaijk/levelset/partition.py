"""A smooth partition of unity on the blocks of a regular grid: products of one bump that its neighbours add up to 1.

The bump of a block is a box convolved with a Kaiser-Bessel window of the same width, so it reaches over two blocks, and
its Fourier transform has decayed where the grid's first alias lies: a sum over the grid of a smooth function times the
bump is its integral. The bumps of all blocks add up to 1 exactly, on the grid and on all finer ones.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import special

from ..arrays import FloatArray, IntArray

SHARPNESS = 1.5
"""Shape of the Kaiser-Bessel window per grid step of a block; with less, sublattices
believe too much of the sums under it."""
_QUADRATURE = 48


class Corner(NamedTuple):
    """One of the 2**d blocks whose bumps reach each of a set of grid points."""

    block: IntArray
    """(k, d)"""
    weight: FloatArray
    """(k,)"""


@cache
def _rise(steps: int, finer: int) -> FloatArray:
    """The bump on its way down, at 0, 1 .. of `finer * steps` parts of a block; the way up is 1 minus that."""
    nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE)
    sharpness = SHARPNESS * steps

    def area(x: FloatArray) -> FloatArray:
        # Of the window, from its left end to x.
        half = 0.5 * (x + 0.5)[:, None]
        t = -0.5 + half * (1.0 + nodes)
        return (half * special.i0(sharpness * np.sqrt(np.clip(1.0 - 4.0 * t * t, 0.0, None)))) @ weights

    places = np.arange(finer * steps) / (finer * steps)
    return area(0.5 - places) / area(np.array([0.5]))


def corners(index: IntArray, steps: int, finer: int = 1) -> list[Corner]:
    """The blocks that reach grid points `index` (k, d), where `finer * steps` grid steps are a block."""
    block, place = np.divmod(index, finer * steps)
    down = _rise(steps, finer)[place]
    found = []
    for corner in product((0, 1), repeat=index.shape[1]):
        factors = np.where(np.array(corner, dtype=bool), 1.0 - down, down)
        found.append(Corner(block + np.array(corner), factors.prod(axis=1)))
    return found
