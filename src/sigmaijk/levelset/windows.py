"""Windows of energy."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray


def merge_windows(low: FloatArray, high: FloatArray) -> FloatArray:
    """Union of intervals as sorted, disjoint ones, (w, 2)."""
    merged: list[list[float]] = []
    for a, b in sorted(zip(low.tolist(), high.tolist(), strict=True)):
        if merged and a <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], b)
        else:
            merged.append([a, b])
    return np.array(merged).reshape(-1, 2)
