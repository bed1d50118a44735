"""Time of reading and of one batch of jets, for synthetic Wannier90 files of the size of real ones (no data needed).

Run: OPENBLAS_NUM_THREADS=1 python benchmarks/read_wannier90.py
"""

from __future__ import annotations

import itertools
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sigmaijk.errors import MissingPositionsWarning
from sigmaijk.formats.wannier90 import read_wannier90

BATCH = 256


def write_file(path: Path, n: int, reach: tuple[int, int, int], with_positions: bool) -> None:
    """A random Hermitian file with all R within the reach."""
    rng = np.random.default_rng(0)
    vectors = list(itertools.product(*[range(-m, m + 1) for m in reach]))
    blocks: dict[tuple[int, ...], np.ndarray] = {}
    for vector in vectors:
        opposite = tuple(-entry for entry in vector)
        block = rng.normal(size=(4, n, n)) + 1j * rng.normal(size=(4, n, n))
        blocks[vector] = (
            blocks[opposite].conj().swapaxes(1, 2) if opposite in blocks else block / (1 + np.dot(vector, vector))
        )
    origin = (0, 0, 0)
    blocks[origin] = (blocks[origin] + blocks[origin].conj().swapaxes(1, 2)) / 2
    order = [(m, c) for c in range(n) for m in range(n)]
    with path.open("w") as file:
        file.write("synthetic\n")
        if with_positions:
            file.write("4.0 0.0 0.0\n0.0 4.0 0.0\n0.0 0.0 4.0\n")
        file.write(f"{n}\n{len(vectors)}\n" + " 1" * len(vectors) + "\n")
        for R in vectors:
            h = blocks[R][0]
            if with_positions:
                file.write("\n{:5d}{:5d}{:5d}\n".format(*R))
                file.writelines(f"{m + 1:5d}{c + 1:5d} {h[m, c].real:15.8E} {h[m, c].imag:15.8E}\n" for m, c in order)
            else:
                head = "{:5d}{:5d}{:5d}".format(*R)
                file.writelines(
                    f"{head}{m + 1:5d}{c + 1:5d}{h[m, c].real:12.6f}{h[m, c].imag:12.6f}\n" for m, c in order
                )
        if with_positions:
            for R in vectors:
                file.write("\n{:5d}{:5d}{:5d}\n".format(*R))
                for m, c in order:
                    values = blocks[R][1:, m, c].copy().view(np.float64)
                    file.write(f"{m + 1:5d}{c + 1:5d} " + " ".join(f"{value:15.8E}" for value in values) + "\n")


def best_of(repeats: int, task: Callable[[], Any]) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def measured(label: str, n: int, reach: tuple[int, int, int], with_positions: bool) -> str:
    """One row of the table."""
    options: dict[str, Any] = {"dim": 2 if reach[2] == 0 else 3}
    if not with_positions:
        options["lattice"] = np.eye(3) * 0.4
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingPositionsWarning)
        path = Path(folder) / "model.dat"
        write_file(path, n, reach, with_positions)
        size = path.stat().st_size / 1e6
        read = best_of(2, lambda: read_wannier90(path, **options))
        model = read_wannier90(path, **options)
    k = np.random.default_rng(1).normal(size=(BATCH, model.dim)) * 5
    tasks = [lambda: model.hamiltonian(k), lambda: model.jet(k, 1), lambda: model.jet(k, 2)]
    times = [best_of(4, task) / BATCH * 1e6 for task in tasks]
    count = int(np.prod([2 * m + 1 for m in reach]))
    return f"{label:20s}{size:7.1f}{count:6d}{read:10.2f}" + "".join(f"{value:10.1f}" for value in times)


def main() -> None:
    print(f"{'file':20s}{'MB':>7s}{'R':>6s}{'read, s':>10s}{'H, us/k':>10s}{'order 1':>10s}{'order 2':>10s}")
    print(measured("hr 30 bands", 30, (4, 4, 3), False))
    print(measured("tb 18 bands", 18, (3, 3, 3), True))
    print(measured("hr 44 bands, sheet", 44, (5, 2, 0), False))


if __name__ == "__main__":
    main()
