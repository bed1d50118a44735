"""Monolayer WTe2 in a field (44 bands): 401 levels at kT = 1 meV, quantum metric dipole, to a per cent of its maximum.

Usage: python benchmarks/wte2_scan.py
       python benchmarks/wte2_scan.py --references     (our own finer run and 1501^2 points: a quarter of an hour)

One call within 225,000 k-points, beside our own run with less than a tenth of the error and beside plain sums over
uniform grids, which are stored in `references/wte2_scan.json`. Data: the folder SIGMAIJK_DATA (default ../shared/data).
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from wte2 import monolayer

import sigmaijk as sg
from sigmaijk.sampler import BandSampler
from sigmaijk.terms import CATALOGUE

STORED = Path(__file__).resolve().parent / "references" / "wte2_scan.json"
LEVELS, KT = np.linspace(-0.03, 0.05, 401), 1e-3
TOLERANCE, MOST = 1e-2, 225_000
"""Of the largest entry at any level."""
GRIDS = (501, 751, 1501)
REACH = 25.0
"""Widths of the bump beyond the levels that a band is looked for."""
BATCH = 16


def entries(tensor: np.ndarray) -> np.ndarray:
    """The independent entries xyy and yxx of (level, i, j, k)."""
    return np.stack([tensor[:, 0, 1, 1], tensor[:, 1, 0, 0]], axis=1)


def run(atol: float, rtol: float, max_k_points: int) -> tuple[np.ndarray, np.ndarray, int, float, bool]:
    """Values and errors (level, entry), k-points, CPU seconds, and whether all levels converged."""
    model = monolayer()
    start = time.process_time()
    ds = sg.conductivity(model, LEVELS, KT, terms="qm", atol=atol, rtol=rtol, max_k_points=max_k_points, progress=False)
    seconds = time.process_time() - start
    value, error = (entries(ds[name].values[0]) for name in ("qm_natural", "qm_natural_error"))
    return value, error, ds.attrs["k_points"], seconds, bool(ds.attrs["converged"])


def uniform(n: int) -> np.ndarray:
    """The sum over n x n points; geometry only where a band comes near the levels."""
    model, term = monolayer(), CATALOGUE["qm"]
    sampler = BandSampler(model, [term], 1e-6, threads=1)
    total = np.zeros((len(LEVELS), 2))
    low, high = LEVELS[0] - REACH * KT, LEVELS[-1] + REACH * KT
    for row in range(n):
        k = model.cartesian(np.stack([np.full(n, row / n), np.arange(n) / n], axis=1))
        parts = np.array_split(k, n // 64 + 1)
        energy = np.concatenate([np.linalg.eigvalsh(model.hamiltonian(part)) for part in parts])
        near = (energy > low) & (energy < high)
        bands, chosen = np.flatnonzero(near.any(axis=0)), k[near.any(axis=1)]
        if not len(chosen):
            continue
        sampler.wanted = slice(int(bands[0]), int(bands[-1]) + 1)
        for part in np.array_split(chosen, len(chosen) // BATCH + 1):
            sample = sampler(part)
            decay = np.exp(-np.abs(sample.energy[..., None] - LEVELS) / KT)
            total += np.einsum("knm,knc->mc", decay / (1 + decay) ** 2 / KT, sample.integrand[..., :2])
    # The integrand of a model stands under -f0' = bump, and the integral under f0'.
    return -total / n**2 / model.volume


def make_references() -> None:
    """Our own run to a per cent at each level, which is far less than a tenth of that of the maximum, and the grids."""
    value, error, points, *_ = run(0.0, TOLERANCE, MOST)
    stored = {"own": {"values": value.tolist(), "error": float(error.max()), "points": points}}
    stored |= {str(n): {"values": uniform(n).tolist()} for n in GRIDS}
    STORED.write_text(json.dumps(stored) + "\n", encoding="utf-8")


def main() -> None:
    """Print our run, and how far it and the grids lie from the run at a tenth of the tolerance."""
    warnings.simplefilter("ignore")
    if "--references" in sys.argv:
        make_references()
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    certain = np.array(stored["own"]["values"])
    top = np.abs(certain).max()
    value, error, points, seconds, converged = run(TOLERANCE * top, TOLERANCE, MOST)
    print(f"In parts of the maximum, {top:.4g} (natural units):")
    print(f"{'':24s}{'k-points':>10s}{'CPU s':>8s}{'estimate':>10s}{'from finer':>12s}")
    state = "converged" if converged else "not converged at every level"
    apart = np.abs(value - certain).max() / top
    print(f"{'this run':24s}{points:10d}{seconds:8.0f}{error.max() / top:10.1e}{apart:12.1e}   {state}")
    print(f"{'our finer run':24s}{stored['own']['points']:10d}{'':8s}{stored['own']['error'] / top:10.1e}")
    for n in GRIDS:
        if str(n) in stored:
            far = np.abs(np.array(stored[str(n)]["values"]) - certain).max() / top
            print(f"{f'uniform grid {n} x {n}':24s}{n * n:10d}{'':18s}{far:12.1e}")


if __name__ == "__main__":
    main()
