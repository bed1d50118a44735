"""A result without a model: random integrals in a dataset, for tests of what is done with results."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sigmaijk.results import TermResult, to_dataset

TAU_POWERS = {"drude": 2, "bcd": 1, "qm": 0}


def made_up(dim: int = 2, n_kT: int = 2, n_mu: int = 3, tau: float | None = 50.0, **changes: np.ndarray) -> xr.Dataset:
    """A dataset of random integrals of relative error 1e-3; `changes` replace fields of the term qm."""
    rng = np.random.default_rng(7)
    terms = {}
    for name, power in TAU_POWERS.items():
        natural = rng.normal(size=(n_kT, n_mu) + (dim,) * 3)
        fields = {
            "natural": natural,
            "natural_error": 1e-3 * np.abs(natural),
            "cancellation": np.ones((n_kT, n_mu)),
            "small_gap_share": np.zeros((n_kT, n_mu)),
        }
        if name == "qm":
            fields |= changes
        terms[name] = TermResult(**fields, tau_power=power, equation=f"Paper, Eq. {power}")
    attrs = {"k_points": np.int64(12), "converged": True, "noise_limited": ["bcd"], "in_gap": [], "model": "made up"}
    mu, kT = np.linspace(-0.1, 0.1, n_mu), np.linspace(0.0, 0.01, n_kT)
    return to_dataset(mu=mu, kT=kT, dim=dim, terms=terms, tau=tau, attrs=attrs)


def only(value: float, error: float) -> dict[str, np.ndarray]:
    """Fields of a term whose entries are all equal, at one kT and one mu."""
    return {"natural": np.full((1, 1, 2, 2, 2), value), "natural_error": np.full((1, 1, 2, 2, 2), error)}
