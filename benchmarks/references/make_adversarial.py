"""References of the adversarial models: Gauss rules in square cells that are cut in four until four say what one said.

Usage: PYTHONPATH=src python benchmarks/references/make_adversarial.py [first] [last]

Nothing but k and the integrands there is shared with the package. A cell is cut where the sum over its four parts
differs, or where two bands come closer at a point than they move from point to point; the differences are the
uncertainty. `--check N` compares the stored values of model N with the plain trapezoid rule.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import numpy as np
from slices import Reference, sampler_of
from trapezoid import trapezoid

from cases.adversarial import COUNT, REFERENCES, Adversary, problem, references
from cases.battery import PROBE, TERMS
from sigmaijk.sampler import BandSampler

NODES = 8
FIRST, DEEPEST = 16, 14
GOAL, MOST_POINTS = 3e-8, 1_500_000
"""Differences of a cell, in units of the largest entry, that are left; points after which no more cells are cut."""
TRAPEZOID_POINTS = 18_000_000
FAR = 25.0


def adaptive(case: Adversary) -> list[Reference]:
    """All columns at both thermal energies."""
    sampler = sampler_of(case.model)
    corner = np.stack(np.meshgrid(np.arange(FIRST), np.arange(FIRST), indexing="ij"), axis=-1).reshape(-1, 2)
    low, size, points = corner / FIRST + 0.123, 1.0 / FIRST, 0
    value, _ = _cells(case, sampler, low, size)
    total = np.zeros((2, sampler.columns.width))
    doubt = np.zeros_like(total)
    for depth in range(DEEPEST):
        size /= 2
        children = (low[:, None] + size * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])).reshape(-1, 2)
        fine, tight = _cells(case, sampler, children, size)
        points += len(children) * NODES**2
        summed = fine.reshape(-1, 4, *fine.shape[1:]).sum(axis=1)
        difference = np.abs(summed - value)
        scale = _scale(sampler, np.abs(total + summed.sum(axis=0)))
        cut = (difference > GOAL * scale).any(axis=(1, 2)) | tight.reshape(-1, 4).any(axis=1)
        if points > MOST_POINTS or depth == DEEPEST - 1:
            cut[:] = False
        total += summed[~cut].sum(axis=0)
        doubt += difference[~cut].sum(axis=0)
        if not cut.any():
            break
        again = np.repeat(cut, 4)
        low, value = children[again], fine[again]
    factor = np.full(sampler.columns.width, case.model.spin_degeneracy / case.model.volume)
    for columns in sampler.columns.entries.values():
        factor[columns] *= -1.0
    note = f"Gauss rules in cells, {points} points"
    return [Reference(v * factor, d * np.abs(factor), note) for v, d in zip(total, doubt, strict=True)]


def _cells(case: Adversary, sampler: BandSampler, low: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Integrals over square cells, (cell, kT, c), and in which of them bands may meet between the points."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    x, w = 0.5 * (x + 1), 0.5 * w
    place = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    weight, kT = np.outer(w, w).ravel() * size**2, np.array(case.kT)
    frame = case.model.reciprocal
    value, tight = [], []
    for start in range(0, len(low), 128):
        own = low[start : start + 128]
        sample = sampler(case.model.cartesian((own[:, None] + size * place).reshape(-1, 2)))
        decay = np.exp(-np.abs(sample.energy[:, None] - case.mu) / kT[:, None])
        density = decay / (1 + decay) ** 2 / kT[:, None]
        value.append(
            np.einsum(
                "qt,cqtx->ctx",
                weight[:, None] * np.ones(2),
                (density @ sample.integrand).reshape(len(own), -1, 2, sampler.columns.width),
            )
        )
        gap = np.diff(sample.energy, axis=1)
        moved = np.abs(np.diff(sample.velocity, axis=1) @ frame.T).sum(axis=2) * size / NODES
        reach = FAR * kT.max()
        near = (sample.energy[:, :-1] < case.mu + reach) & (sample.energy[:, 1:] > case.mu - reach)
        coupled = sample.coupling[:, :-1] > 1e-9 * np.linalg.norm(np.diff(sample.velocity, axis=1), axis=2)
        close = ((gap < moved) & (gap > 1e-5) & near & coupled).any(axis=1)
        tight.append(close.reshape(len(own), -1).any(axis=1))
    return np.concatenate(value), np.concatenate(tight)


def _scale(sampler: BandSampler, size: np.ndarray) -> np.ndarray:
    """The largest entry of each term for its entries; other columns count for nothing."""
    scale = np.full_like(size, np.inf)
    for columns in sampler.columns.entries.values():
        scale[:, columns] = np.maximum(size[:, columns].max(axis=1, keepdims=True), 1e-30)
    return scale


def record(case: Adversary) -> dict:
    """What is stored of a problem."""
    sampler = sampler_of(case.model)
    catalogue = {term.name: term for term in sampler.terms}
    at = []
    for kT, found in zip(case.kT, adaptive(case), strict=True):
        columns = sampler.columns
        at.append(
            {
                "kT": kT,
                "entries": {name: [list(entry) for entry in catalogue[name].independent(2)] for name in TERMS},
                "value": {name: [float(f"{x:.11g}") for x in found.value[columns.entries[name]]] for name in TERMS},
                "uncertainty": {
                    name: [float(f"{x:.2e}") for x in found.uncertainty[columns.entries[name]]] for name in TERMS
                },
                "modulus": {name: float(f"{found.value[columns.modulus[name]]:.3g}") for name in TERMS},
            }
        )
    energy = np.linalg.eigvalsh(case.model.hamiltonian(case.model.cartesian(PROBE[None, :2])))[0]
    return {"number": case.number, "kind": case.kind, "mu": case.mu, "fingerprint": energy.tolist(), "at": at}


def check(number: int) -> None:
    """Print the distance of what is stored from two shifted grids."""
    case = problem(number)
    columns = sampler_of(case.model).columns
    for kT, stored in zip(case.kT, references()[number], strict=True):
        other = trapezoid(case.model, case.mu, kT, goal=1e-6, most_points=TRAPEZOID_POINTS)
        for name in TERMS:
            expected = np.array(stored["value"][name])
            size = np.abs(expected).max()
            distance = np.abs(other.value[columns.entries[name]] - expected).max()
            print(
                f"{number} kT {kT} {name:6s} {other.note}: distance {distance / size:.1e} of the largest entry; "
                f"uncertainties {max(stored['uncertainty'][name]) / size:.1e}, "
                f"{other.uncertainty[columns.entries[name]].max() / size:.1e}"
            )


def main(first: int, last: int) -> None:
    known = {}
    if REFERENCES.exists():
        known = {r["number"]: r for r in json.loads(REFERENCES.read_text())["problems"]}
    for number in range(first, last):
        known[number] = record(problem(number))
        print(number, known[number]["kind"], known[number]["at"][0]["value"]["qm"], flush=True)
        lines = ",\n".join(json.dumps(known[n]) for n in sorted(known))
        REFERENCES.write_text('{"made by": "make_adversarial.py", "problems": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    if "--check" in sys.argv:
        check(int(sys.argv[-1]))
    else:
        arguments = [int(a) for a in sys.argv[1:]]
        main(arguments[0] if arguments else 0, arguments[1] if len(arguments) > 1 else COUNT)
