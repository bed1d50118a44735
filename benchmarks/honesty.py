"""Is the error estimate a promise? 232 random lattice models, 206 of them in the plane, against other engines.

Usage: PYTHONPATH=src python benchmarks/honesty.py [first] [last]

All three terms at rtol = 1e-3 within 30,000 k-points. References (benchmarks/references/battery.json, made by
make_battery.py): the periodic trapezoid rule at kT > 0, lines with a polynomial eigenvalue problem at T = 0. An entry
whose reference is no better than a third of the estimate is judged by what exceeds that uncertainty only, and counted.

Ends with status 1 unless the true error is at most 10 estimates everywhere, no piece was missed, 95 % of the models of
the plane converge, and the median of estimate/true is at most 100. Models in space are judged by their errors alone:
30,000 points are 31 along each axis, and hot spots in them take more.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np

import sigmaijk as sg
from cases.battery import LEAST_CONVERGED, MISSED, MOST_RATIO, MOST_USEFUL, RTOL, judged, problem, references, run

MEMORY = 6 * 2**30
"""Bytes; a run that wants more fails alone, with a MemoryError."""


def main(first: int, last: int) -> int:
    """One line for each model and term that needs a look, and a summary; the exit status."""
    ratios, worst_entries, useful, points, seconds = [], [], [], [], []
    converged: list[bool] = []
    failed: Counter[str] = Counter()
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    unjudged = 0
    for number in sorted(references()):
        if not first <= number < last:
            continue
        case, reference = problem(number), references()[number]
        group = f"{case.model.dim}D, kT {'> 0' if case.kT > 0 else '= 0'}"
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sg.SigmaijkWarning)
                ds = run(case)
        except Exception as failure:
            failed[f"{type(failure).__name__}: {failure}"[:90]] += 1
            print(f"{number:4d} {case.kind:16s} {type(failure).__name__}: {failure}", flush=True)
            converged.append(False)
            groups[group].append(False)
            continue
        seconds.append(time.process_time() - start)
        converged.append(bool(ds.attrs["converged"]))
        groups[group].append(converged[-1])
        points.append(int(ds.attrs["k_points"]))
        remarks = [] if converged[-1] else [f"not converged, singular {ds.attrs['singular']}"]
        for term, found in judged(ds, reference).items():
            if not np.isfinite(found.estimate):
                remarks.append(f"{term}: no estimate")
                continue
            ratios.append(found.ratio)
            worst_entries.append(found.worst_entry)
            unjudged += found.doubt > 0.3 * found.estimate
            if found.size > 1e-9 * found.modulus and found.doubt < 0.3 * found.difference:
                useful.append(found.estimate / found.difference)
            if found.missed:
                remarks.append(f"{term}: MISSED {found.true / found.size:.1e} of the value")
            if found.ratio > 1:
                remarks.append(
                    f"{term}: true {found.true / found.size:.1e} = {found.ratio:.1f} x estimate"
                    f" (reference {found.doubt / found.size:.0e})"
                )
            failed["missed"] += found.missed
        if remarks:
            print(
                f"{number:4d} {case.kind:16s} n {case.model.n_bands} mu {case.mu:8.4f} kT {case.kT:5.3f} k-points"
                f" {points[-1]:6d}  " + "; ".join(remarks),
                flush=True,
            )
    plane = [member for group, members in groups.items() if group.startswith("2D") for member in members]
    share, middle = float(np.mean(plane or converged)), float(np.median(useful))
    over = [sum(r > bound for r in ratios) for bound in (1, 3, MOST_RATIO)]
    print(f"{len(converged)} models, {len(ratios)} tensors at rtol = {RTOL:g}; reference too coarse for {unjudged}")
    print(f"true > 1, 3, {MOST_RATIO:g} estimates: {over[0]}, {over[1]}, {over[2]}; worst {max(ratios):.2g}", end="")
    print(f" (entry by entry {max(worst_entries):.2g})")
    print(f"pieces missed (true > 10 estimates and > {MISSED:g} of the value): {failed.pop('missed', 0)}")
    print(f"converged {100 * share:.1f} % of {len(plane)} in the plane (at least {100 * LEAST_CONVERGED:g} %)")
    for group, members in sorted(groups.items()):
        print(f"    {group:12s} {sum(members)} of {len(members)}")
    print(f"estimate/true: median {middle:.3g} (at most {MOST_USEFUL:g}), tenths {np.quantile(useful, [0.1, 0.9])}")
    print(f"k-points: median {np.median(points):.0f}, most {max(points)}; CPU {sum(seconds):.0f} s")
    for text, times in failed.items():
        print(f"{times} x {text}")
    passed = over[2] == 0 and share >= LEAST_CONVERGED and middle <= MOST_USEFUL and not failed
    print("PASS" if passed else "FAIL")
    return 0 if passed else 1


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    arguments = [int(a) for a in sys.argv[1:]]
    sys.exit(main(arguments[0] if arguments else 0, arguments[1] if len(arguments) > 1 else 10**6))
