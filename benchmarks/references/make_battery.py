"""References of the random battery: trapezoid rule at kT > 0, slices at T = 0 (checked by uniform simplices in 2D).

Usage: PYTHONPATH=src python benchmarks/references/make_battery.py [first] [last]

Writes battery.json beside this file; problems that are already there are left alone unless they are named.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import numpy as np
from slices import Reference, hopping_table, sampler_of, slices
from trapezoid import trapezoid

from cases.battery import REFERENCES, TERMS, Problem, count, problem
from sigmaijk.levelset.elements import Peaks, contributions, first_mesh
from sigmaijk.levelset.samples import Cell, Samples
from sigmaijk.models import LatticeModel
from sigmaijk.sampler import BandSampler

SLICES = {2: (1e-8, 200_000), 3: (1e-6, 500_000)}
TRAPEZOID = {2: (5e-7, 2_500_000), 3: (1e-5, 1_200_000)}
"""Goal, in units of the modulus, and what may be spent on it: lines, or points of both grids."""
MORE = {170: 20_000_000}
"""Points for models with a hot spot (here a gap of 3 meV) that two grids of the usual size both miss in part."""


def uniform_simplices(case: Problem, divisions: int) -> np.ndarray:
    """Order-2 simplices on a uniform mesh of the cell: no discovery, no refinement; signs as in a reference."""
    model, sampler = case.model, sampler_of(case.model)
    dim = model.dim
    cell = Cell(np.full(dim, 0.01) @ model.reciprocal, model.reciprocal, True, (divisions,) * dim)
    samples = Samples(sampler, cell, sys.maxsize)
    elements = first_mesh(samples)
    peaks = Peaks.at(np.array([case.mu]), np.array([case.kT]))
    total = contributions(samples, elements, np.zeros(len(elements), dtype=int), 1, peaks)[0, 0]
    total *= model.spin_degeneracy / (2 * np.pi) ** dim
    for columns in sampler.columns.entries.values():
        total[columns] *= -1.0
    return total


def undoubled(model: LatticeModel) -> LatticeModel:
    """One of the two copies of a model whose blocks are block x 1."""
    blocks = {R: block[::2, ::2] for R, block in hopping_table(model).items()}
    return LatticeModel(model.lattice, blocks, positions=model.positions[::2])


def record(case: Problem) -> dict:
    """What is stored of a problem."""
    start = time.process_time()
    dim = case.model.dim
    found: Reference
    if case.kT > 0:
        goal, most = TRAPEZOID[dim]
        most = MORE.get(case.number, most)
        found = trapezoid(case.model, case.mu, case.kT, goal=goal, most_points=most)
    else:
        goal, most = SLICES[dim]
        # Two copies that do not know of each other are twice one of them, which costs a quarter.
        single = case.kind == "3D doublets"
        found = slices(undoubled(case.model) if single else case.model, case.mu, goal=goal, most_lines=most)
        if single:
            found = Reference(2 * found.value, 2 * found.uncertainty, f"twice {found.note}")
    sampler = sampler_of(case.model)
    catalogue = {term.name: term for term in sampler.terms}
    stored = {
        "number": case.number,
        "kind": case.kind,
        "mu": case.mu,
        "kT": case.kT,
        "bands": case.model.n_bands,
        "fingerprint": case.fingerprint.tolist(),
        "engine": found.note,
        "entries": {name: [list(entry) for entry in catalogue[name].independent(dim)] for name in TERMS},
        "value": {name: found.value[sampler.columns.entries[name]].tolist() for name in TERMS},
        "uncertainty": {
            name: [float(f"{x:.2e}") for x in found.uncertainty[sampler.columns.entries[name]]] for name in TERMS
        },
        "modulus": {name: float(f"{found.value[sampler.columns.modulus[name]]:.6g}") for name in TERMS},
    }
    if case.kT == 0:
        coarse, fine = (uniform_simplices(case, n) for n in ((48, 96) if dim == 2 else (14, 20)))
        stored["simplices"] = {
            name: {
                "divisions": 96 if dim == 2 else 20,
                "distance": float(f"{_largest(found.value - fine, sampler, name):.2e}"),
                "doubt": float(f"{_largest(coarse - fine, sampler, name):.2e}"),
            }
            for name in TERMS
        }
    stored["seconds"] = round(time.process_time() - start, 1)
    return stored


def _largest(difference: np.ndarray, sampler: BandSampler, name: str) -> float:
    return float(np.abs(difference[sampler.columns.entries[name]]).max())


def main(first: int, last: int, redo: bool) -> None:
    known = {}
    if REFERENCES.exists():
        known = {r["number"]: r for r in json.loads(REFERENCES.read_text())["problems"]}
    for number in range(first, last):
        if number in known and not redo:
            continue
        case = problem(number)
        known[number] = found = record(case)
        doubt = max(
            (
                max(found["uncertainty"][name]) / max(map(abs, found["value"][name]))
                for name in TERMS
                if max(map(abs, found["value"][name])) > 1e-9 * found["modulus"][name] > 0
            ),
            default=0.0,
        )
        check = ""
        if "simplices" in found:
            check = " ".join(f"{c['distance'] / max(c['doubt'], 1e-300):.2f}" for c in found["simplices"].values())
        print(
            f"{number:4d} {case.kind:16s} n {case.model.n_bands} mu {case.mu:7.3f} kT {case.kT} {found['engine']}"
            f" doubt {doubt:.0e} {found['seconds']} s  simplices {check}",
            flush=True,
        )
        lines = ",\n".join(json.dumps(known[n]) for n in sorted(known))
        REFERENCES.write_text('{"made by": "make_battery.py", "problems": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    arguments = [int(a) for a in sys.argv[1:]]
    main(arguments[0] if arguments else 0, arguments[1] if len(arguments) > 1 else count(), len(arguments) > 1)
