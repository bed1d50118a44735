"""The error estimate is a promise: random lattice models against the trapezoid rule."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg

TERMS = ("drude", "bcd", "qm")


def random_model(rng: np.random.Generator) -> sg.LatticeModel:
    """Two to four bands, oblique cell, hoppings to the nearest cells, random positions: no symmetry at all."""
    n = int(rng.integers(2, 5))
    hoppings = {(0, 0): np.diag(rng.normal(size=n)).astype(complex)}
    for R in ((1, 0), (0, 1), (1, 1), (1, -1)):
        block = 0.3 * np.exp(-0.5 * sum(map(abs, R))) * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        hoppings[R], hoppings[tuple(-r for r in R)] = block, block.conj().T
    return sg.LatticeModel([[0.5, 0.0], [0.13, 0.43]], hoppings, positions=0.4 * rng.random((n, 2)))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::sigmaijk.ConvergenceWarning")
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rtol", [3e-2, 1e-3])
def test_error_covers_the_distance_from_the_trapezoid_rule(seed: int, rtol: float):
    rng = np.random.default_rng(1000 + seed)
    model = random_model(rng)
    mu, kT = float(rng.normal(scale=0.5)), float(rng.choice([0.03, 0.06]))
    found = sg.conductivity(model, mu, kT, rtol=rtol, progress=False, max_k_points=40_000)
    grid = sg.conductivity(model, mu, kT, rtol=1e-6, method="trapezoid", progress=False, max_k_points=300_000)
    compared = 0
    for term in TERMS:
        true = np.abs(found[f"{term}_natural"].values - grid[f"{term}_natural"].values).max()
        estimate = found[f"{term}_natural_error"].values.max()
        if grid[f"{term}_natural_error"].values.max() > 0.1 * estimate:
            continue
        compared += 1
        assert true <= 3 * estimate, term
    if grid.attrs["converged"]:
        assert compared == len(TERMS)
