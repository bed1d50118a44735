"""The table of the level-set engine: k-points against their limit, true error, estimate, CPU, method; PASS or FAIL.

Usage: PYTHONPATH=src python benchmarks/levelset.py [words of row names ..]

Ends with status 1 if a row fails. After the rows: CPU time of the second call on the toy model at rtol = 1e-6 (at most
0.1 s), and what a k-point costs outside H and its eigenvectors in a run of 50,000 k-points and more, beside the
eigenvectors of a 4 x 4 matrix.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np

from cases.battery import problem
from cases.crystals import dirac3d
from cases.table import ROWS, quietly, toy
from sigmaijk.sampler import BandSampler

SECOND_CALL = 0.1
"""s"""


def table(words: list[str]) -> bool:
    """Print the rows whose names hold a word; whether all pass."""
    print(
        f"{'row':31s}{'error':>7s}{'k-points':>9s}{'limit':>8s}{'true':>9s}{'estimate':>9s}{'ratio':>8s}{'CPU s':>7s}"
    )
    passed = True
    for row in ROWS:
        if words and not any(word in row.label for word in words):
            continue
        start = time.process_time()
        outcome = row.run()
        seconds = time.process_time() - start
        failures = row.failures(outcome)
        passed &= not failures
        print(
            f"{row.name:31s}{row.error:7.0e}{outcome.points:9d}{row.cap:8d}{outcome.true:9.1e}{outcome.estimate:9.1e}"
            f"{outcome.ratio:8.2g}{seconds:7.2f}  {'FAIL' if failures else 'PASS'}  {outcome.method}",
            flush=True,
        )
        if failures:
            print(f"{'':31s}{'; '.join(failures)}")
    return passed


def second_call() -> bool:
    """CPU time of the toy model at rtol = 1e-6 in a warm process."""
    seconds = []
    for _ in range(2):
        start = time.process_time()
        quietly(toy(), 0.25, 0.0, rtol=1e-6, max_k_points=20_000)
        seconds.append(time.process_time() - start)
    passed = seconds[1] <= SECOND_CALL
    print(f"toy, T = 0, rtol 1e-6: CPU {seconds[0]:.3f} s, second call {seconds[1]:.3f} s of {SECOND_CALL} s", end="  ")
    print("PASS" if passed else "FAIL")
    return passed


class Stopwatch:
    """CPU time of the calling thread inside functions of an object that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wrap(self, owner: object, name: str) -> None:
        """Replace a function by one that is timed; undone by nothing, so a process measures once."""
        original = getattr(owner, name)

        def timed(*arguments, **options):
            start = time.thread_time()
            found = original(*arguments, **options)
            self.seconds += time.thread_time() - start
            return found

        setattr(owner, name, timed)


def overhead() -> bool:
    """Cost of a k-point outside H and its eigenvectors, against the eigenvectors of a 4 x 4 matrix.

    What is outside is the integrand, all three terms of it, and what the engine itself does; both are printed.
    """
    random = np.random.default_rng(1).normal(size=(20_000, 4, 4))
    hermitian = random + random.swapaxes(1, 2) + 0j
    start = time.process_time()
    for part in np.array_split(hermitian, 40):
        np.linalg.eigh(part)
    per_matrix = (time.process_time() - start) / len(hermitian)
    eigen, integrand = Stopwatch(), Stopwatch()
    for name in ("eigh", "eigvalsh"):
        eigen.wrap(np.linalg, name)
    integrand.wrap(BandSampler, "_chunk")
    crystal = problem(22)
    runs = (
        ("facets, 3D Dirac at 25 meV, rtol 1e-5", dirac3d(), 0.5, 0.025, {"rtol": 1e-5, "max_k_points": 80_000}),
        ("grids, random crystal 22 at 30 meV, rtol 1e-6", crystal.model, crystal.mu, 0.03, {"rtol": 1e-6}),
    )
    passed = True
    for title, model, mu, kT, options in runs:
        quietly(model, mu, 0.0, rtol=1e-1, max_k_points=5_000)
        matrices = Stopwatch()
        for name in ("hamiltonian", "jet"):
            matrices.wrap(model, name)
        eigen.seconds = integrand.seconds = 0.0
        start = time.process_time()
        ds = quietly(model, mu, kT, **options)
        total = time.process_time() - start
        points = int(ds.attrs["k_points"])
        inside = integrand.seconds - matrices.seconds - eigen.seconds
        engine = total - integrand.seconds
        parts = (total, matrices.seconds, eigen.seconds, inside, engine)
        names = ("all", "H and its derivatives", "eigenvectors", "integrand", "engine")
        each = ", ".join(f"{name} {1e6 * part / points:.1f}" for name, part in zip(names, parts, strict=True))
        print(
            f"{title}, {points} k-points, us each: {each}; eigenvectors of a 4 x 4 matrix {1e6 * per_matrix:.1f}",
            end="  ",
        )
        good = (inside + engine) / points <= per_matrix
        print("too short a run to judge" if points < 50_000 else "PASS" if good else "FAIL", flush=True)
        passed &= good or points < 50_000
    return passed


def main() -> int:
    """The table and both timings; the exit status."""
    words = sys.argv[1:]
    passed = table(words)
    if not words:
        passed &= second_call()
        passed &= overhead()
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
