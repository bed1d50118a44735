"""Smallest and largest values over the vertices of elements.

NumPy reduces a short axis number by number; comparing one vertex with the next for all elements is six times faster.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from ..arrays import FloatArray


def lowest(values: FloatArray) -> FloatArray:
    """Smallest values over axis 1, (element, vertex, ..) -> (element, ..)."""
    return reduce(np.minimum, np.moveaxis(values, 1, 0))


def highest(values: FloatArray) -> FloatArray:
    """Largest values over axis 1, (element, vertex, ..) -> (element, ..)."""
    return reduce(np.maximum, np.moveaxis(values, 1, 0))


def span(values: FloatArray) -> FloatArray:
    """Largest minus smallest values over axis 1, (element, vertex, ..) -> (element, ..)."""
    return highest(values) - lowest(values)
