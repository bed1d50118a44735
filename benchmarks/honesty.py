"""Is the error estimate a promise? Random lattice models against regular grids, the true error over the estimate.

Usage: python benchmarks/honesty.py [number of models] [rtol]

The reference is a periodic trapezoid sum of the same integrands with the true Fermi function on two grids; a model
whose grids disagree by more than a twentieth of the estimate is left out and counted. Printed: how often and how badly
the estimate was too small, how useful it was, what it cost.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

import sigmaijk as sg


def random_model(rng: np.random.Generator, n_bands: int, dim: int = 2) -> sg.LatticeModel:
    """Hermitian hoppings to all near cells with random phases, 1 eV wide, random positions, cell 0.5 nm."""
    hoppings = {}
    for R in np.ndindex(*(3,) * dim):
        vector = tuple(int(x) - 1 for x in R)
        opposite = tuple(-x for x in vector)
        if opposite in hoppings:
            hoppings[vector] = hoppings[opposite].conj().T
            continue
        block = rng.normal(size=(n_bands, n_bands)) + 1j * rng.normal(size=(n_bands, n_bands))
        block *= 0.3 * np.exp(-np.abs(vector).sum())
        hoppings[vector] = block if any(vector) else 0.5 * (block + block.conj().T) + np.diag(rng.normal(size=n_bands))
    return sg.LatticeModel(0.5 * np.eye(dim), hoppings, positions=rng.random((n_bands, dim)) * 0.5)


def grid_sum(model: sg.LatticeModel, mu: float, kT: float, points: int) -> dict[str, np.ndarray]:
    """Natural integrals on one regular grid, straight from `band_geometry`."""
    ticks = [(np.arange(points) + offset) / points for offset in (0.37, 0.11, 0.73)[: model.dim]]
    k = model.cartesian(np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, model.dim))
    totals: dict[str, np.ndarray] = {}
    for part in np.array_split(k, max(1, len(k) // 20000)):
        g = sg.band_geometry(model, part)
        slope = -0.25 / kT / np.cosh(np.clip((g.energy - mu) / (2 * kT), -300, 300)) ** 2
        drude = np.einsum("kn,knjl,kni->ijl", slope, g.inverse_mass, g.velocity)
        curved = np.einsum("kn,knl,knij->ijl", slope, g.velocity, g.berry_curvature)
        found = {
            "drude": (drude + drude.transpose(1, 0, 2) + drude.transpose(1, 2, 0)) / 3,
            "bcd": -0.5 * (curved + curved.transpose(0, 2, 1)),
            "qm": np.einsum("kn,knijl->ijl", slope, g.quantum_metric_dipole),
        }
        for name, tensor in found.items():
            totals[name] = totals.get(name, 0.0) + tensor
    cell = model.volume * points**model.dim
    return {name: tensor / cell for name, tensor in totals.items()}


def main(count: int = 60, rtol: float = 1e-3, seed: int = 7, dim: int = 2) -> dict[str, float]:
    """Print one line a model and term that needs a look, and a summary; returns the summary."""
    rng = np.random.default_rng(seed)
    ratios, useful, points, converged, skipped = [], [], [], 0, 0
    for number in range(count):
        model = random_model(rng, int(rng.integers(2, 5)), dim)
        mu, kT = float(rng.normal(scale=0.6)), float(rng.choice([0.01, 0.02, 0.05]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sg.SigmaijkWarning)
            ds = sg.conductivity(model, mu, kT, rtol=rtol, progress=False, max_k_points=60_000 if dim == 2 else 200_000)
        coarse, fine = (grid_sum(model, mu, kT, n) for n in ((300, 420) if dim == 2 else (48, 64)))
        converged += int(ds.attrs["converged"])
        points.append(ds.attrs["k_points"])
        for term in ("drude", "bcd", "qm"):
            value = ds[f"{term}_natural"].values[0, 0]
            estimate = ds[f"{term}_natural_error"].values[0, 0].max()
            doubt = np.abs(fine[term] - coarse[term]).max()
            true = np.abs(value - fine[term]).max()
            if doubt > 0.3 * max(true, estimate):
                skipped += 1
                continue
            ratios.append(true / estimate)
            useful.append(estimate / max(true, doubt, 1e-300))
            if ratios[-1] > 1:
                size = np.abs(fine[term]).max()
                print(
                    f"model {number} {term}: mu {mu:.3f} kT {kT} true {true / size:.1e} estimate {estimate / size:.1e}"
                )
    summary = {
        "entries": len(ratios),
        "left out": skipped,
        "worst true/estimate": max(ratios),
        "true > estimate": sum(r > 1 for r in ratios),
        "true > 3 estimates": sum(r > 3 for r in ratios),
        "median estimate/true": float(np.median(useful)),
        "converged": converged / count,
        "median k-points": float(np.median(points)),
    }
    for key, value in summary.items():
        print(f"{key:24s} {value:.4g}")
    return summary


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        int(arguments[0]) if arguments else 60,
        float(arguments[1]) if len(arguments) > 1 else 1e-3,
        int(arguments[2]) if len(arguments) > 2 else 7,
        int(arguments[3]) if len(arguments) > 3 else 2,
    )
