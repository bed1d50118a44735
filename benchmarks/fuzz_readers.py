"""Damaged files by the hundred thousand: what the readers of Wannier90 files make of them. Prints a table.

Run: OPENBLAS_NUM_THREADS=1 python benchmarks/fuzz_readers.py [inputs, 100000] [seed, 0]
Exit status 1, with the seed of each, when anything but an error of sigmaijk comes out, or takes more than a second.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from wannier_fuzz import GOOD, KINDS, damaged, read

SLOW = 1.0
"""CPU seconds; a file of a few kB takes milliseconds, so what takes longer has believed a header."""


def fuzzed(kind: str, count: int, seed: int, folder: Path) -> tuple[Counter[str], list[str], float]:
    """Outcomes of so many files of one kind, the inputs that crashed or took long, and the longest CPU time in s."""
    outcomes: Counter[str] = Counter()
    bad: list[str] = []
    longest = 0.0
    for number in range(count):
        entropy = [seed, KINDS.index(kind), number]
        data = damaged(kind, np.random.default_rng(entropy))
        start = time.process_time()
        try:
            outcomes[read(kind, data, folder)] += 1
        except (Exception, MemoryError) as error:
            outcomes["crash"] += 1
            bad.append(f"{kind} default_rng({entropy}): {type(error).__name__}: {error}")
        took = time.process_time() - start
        longest = max(longest, took)
        if took > SLOW:
            bad.append(f"{kind} default_rng({entropy}): {took:.1f} s")
    return outcomes, bad, longest


def main() -> int:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    each = -(-total // len(KINDS))
    print(f"{'file':10s}{'inputs':>9s}{'read':>9s}{'refused':>9s}{'crashes':>9s}{'longest, s':>12s}{'CPU, s':>9s}")
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            read(kind, GOOD[kind], Path(folder))  # what is imported on the way does not count
            start = time.process_time()
            outcomes, bad, longest = fuzzed(kind, each, seed, Path(folder))
            spent = time.process_time() - start
            refused = each - outcomes["read"] - outcomes["crash"]
            counts = f"{outcomes['read']:9d}{refused:9d}{outcomes['crash']:9d}"
            print(f"{kind:10s}{each:9d}{counts}{longest:12.2f}{spent:9.0f}", flush=True)
            failures += bad
    print("\n".join(failures[:20]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
