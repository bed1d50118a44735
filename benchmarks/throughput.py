"""Energies, velocities, Berry curvature and G of all bands, in units of the time of numpy.linalg.eigh in the same run.

Usage: python benchmarks/throughput.py

One core, CPU time, the best of several rounds in turn. Limits: 2 with 4 bands, also where they are pairs; 2.5 with 24
bands; 5 with the Fourier sums of a Wannier model of 24 bands and position matrices. Ends with status 1 if one is
missed.
Data: the folder SIGMAIJK_DATA (default ../shared/data).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import sigmaijk as sg
from sigmaijk.bands import solve
from sigmaijk.geometry import band_normalized_metric, berry_curvature, chunk_size
from sigmaijk.model import HamiltonianJet

FOLDER = Path(os.environ.get("SIGMAIJK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
ROUNDS = 15


def random_crystal(n: int, dim: int) -> sg.LatticeModel:
    """Random hoppings to the nearest cells."""
    rng = np.random.default_rng(n)
    blocks = {}
    for R in np.eye(dim, dtype=int).tolist():
        blocks[tuple(R)] = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
        blocks[tuple(-r for r in R)] = blocks[tuple(R)].conj().T
    home = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    blocks[(0,) * dim] = home + home.conj().T
    return sg.LatticeModel(np.eye(dim), blocks)


def geometry(jet: HamiltonianJet, k: np.ndarray, tolerance: float) -> None:
    """E, v, Omega and G of every band, averages over degenerate groups."""
    for _, bands in solve(jet, k, tolerance):
        bands.average(bands.velocity)
        bands.average(berry_curvature(bands))
        bands.average(band_normalized_metric(bands))


def seconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def ratios(model: sg.LatticeModel, points: int, tolerance: float) -> tuple[float, float, float]:
    """Time of eigh for a k-point, us, and in its units that of the geometry without and with H and its derivatives.

    Bands closer than `tolerance` (eV) are one group.
    """
    k = model.cartesian(np.random.default_rng(1).random((points, model.dim)))
    size = min(chunk_size(model), points)
    parts = [k[start : start + size] for start in range(0, points, size)]
    jets = [model.jet(part, 1) for part in parts]
    best = np.full(3, np.inf)
    for _ in range(ROUNDS):
        measured = (
            seconds(lambda: [np.linalg.eigh(jet.value) for jet in jets]),
            seconds(lambda: [geometry(jet, part, tolerance) for jet, part in zip(jets, parts, strict=True)]),
            seconds(lambda: [geometry(model.jet(part, 1), part, tolerance) for part in parts]),
        )
        best = np.minimum(best, measured)
    return 1e6 * best[0] / points, best[1] / best[0], best[2] / best[0]


def main() -> int:
    """Print a row for each model; 1 if one is above its limit."""
    rows = [
        ("4 bands", random_crystal(4, 2), 20_000, 1e-6, 2.0, False),
        ("4 bands, pairs under PT", sg.models.dirac_pt_lattice(), 20_000, 1e-6, 2.0, False),
        ("24 bands", random_crystal(24, 3), 800, 1e-6, 2.5, False),
    ]
    path = FOLDER / "Te_qe_tb.dat.gz"
    if path.exists():
        rows.append(("Te: 24 bands, 65 R, position matrices", sg.read_wannier90(path), 800, 2e-3, 5.0, True))
    print(f"{'model':40s}{'eigh/us':>9s}{'E v Omega G':>13s}{'with H(k)':>11s}{'limit':>7s}")
    passed = True
    for name, model, points, tolerance, limit, sums in rows:
        each, without, with_sums = ratios(model, points, tolerance)
        good = (with_sums if sums else without) <= limit
        passed &= good
        verdict = "PASS" if good else "FAIL"
        print(f"{name:40s}{each:9.1f}{without:13.2f}{with_sums:11.2f}{limit:7.1f}  {verdict}", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
