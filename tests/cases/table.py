"""The table of the level-set engine: what is computed, the reference, the error wanted and the k-points allowed.

Every row is one call through the public door (`sg.conductivity`; the density of states, whose integrand is no term,
goes to the engine). References: rays and grids of benchmarks/references/make_table.py (toy, 1e-14; 3D at 25 meV),
slices and patches, which agree to 3e-11 (2D crossings), and INTEGRATION.md (3D).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from scipy.special import ellipkm1

import sigmaijk as sg
from cases.crystals import crossing2d, dirac3d, weyl3d
from cases.engine import Outcome, cosine_band, level_set, one_component, zone

STORED = json.loads((Path(__file__).resolve().parents[2] / "benchmarks" / "references" / "table.json").read_text())
BAND_EDGE = 0.07247728215
SPARE = 3
"""A run may spend this many times its cap, so that one too expensive still tells its error."""

Call = Callable[[float, int], Outcome]
"""(rtol, max_k_points)"""


@dataclass(frozen=True)
class Row:
    """One line of the table with one wanted error."""

    name: str
    error: float
    """relative"""
    cap: int
    call: Call

    @property
    def label(self) -> str:
        """For test identifiers."""
        return f"{self.name}, {self.error:g}"

    def run(self) -> Outcome:
        """One call with the wanted error as rtol."""
        return self.call(self.error, SPARE * self.cap)

    def failures(self, outcome: Outcome) -> list[str]:
        """What is wrong, in words; nothing if the row holds."""
        found = []
        if outcome.points > self.cap:
            found.append(f"{outcome.points} k-points of {self.cap}")
        if not outcome.true <= self.error:
            found.append(f"true error {outcome.true:.1e} of {self.error:g}")
        if not outcome.ratio <= 3:
            found.append(f"true error {outcome.ratio:.1f} times the estimate")
        if not outcome.converged:
            found.append("not converged")
        return found


def conductivity_xyy(
    model: Callable, mu: float, kT: float, expected: float, doubt: float, rtol: float, limit: int
) -> Outcome:
    """I_xyy of the quantum metric term; `doubt` is the relative uncertainty of the reference."""
    ds = quietly(model(), mu, kT, rtol=rtol, max_k_points=limit)
    value = float(ds["qm_natural"].values[0, 0, 0, 1, 1])
    error = float(ds["qm_natural_error"].values[0, 0, 0, 1, 1])
    return Outcome.of(value, error, expected, doubt * abs(expected), ds.attrs)


def quietly(model, mu, kT, **options):
    """`sg.conductivity` for xyy of qm without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.SigmaijkWarning)
        return sg.conductivity(model, mu, kT, terms="qm", components=["xyy"], progress=False, **options)


def scan(rtol: float, limit: int) -> Outcome:
    """800 entries in one call; all errors in units of the largest entry, the ratio entry by entry."""
    expected = np.array(STORED["scan"])
    size = float(np.abs(expected).max())
    mu = np.linspace(0.05, 0.6, 200)
    ds = quietly(toy(), mu, STORED["scan kT"], rtol=rtol, atol={"qm": rtol * size}, max_k_points=limit)
    value, error = (ds[name].values[:, :, 0, 1, 1] for name in ("qm_natural", "qm_natural_error"))
    true = np.maximum(np.abs(value - expected) - 1e-14, 0.0)
    ratio = np.divide(true, error, out=np.where(true > 0, np.inf, 0.0), where=error > 0)
    return Outcome(
        points=int(ds.attrs["k_points"]),
        true=float(true.max()) / size,
        estimate=float(error.max()) / size,
        ratio=float(ratio.max()),
        converged=bool(ds.attrs["converged"]),
        method=str(ds.attrs["method"]),
    )


def square_lattice(mu: float, rtol: float, limit: int) -> Outcome:
    """Density of states of E = -2 (cos kx + cos ky), 2 K(1 - (mu/4)**2) before division by (2 pi)**2."""
    expected = float(2 * ellipkm1((mu / 4) ** 2))
    integrals = level_set(one_component(cosine_band()), zone(2), mu, rtol=rtol, max_points=limit)
    return Outcome.of_integrals(integrals, [expected])


@cache
def toy() -> sg.models.continuum.ContinuumModel:
    """The model of the founding paper, t = 0.9."""
    return sg.models.dirac_pt()


def _toy(mu: float, kT: float, stored: str) -> Call:
    return partial(conductivity_xyy, toy, mu, kT, STORED["toy"][stored], 1e-13)


def _rows() -> list[Row]:
    table: list[tuple[str, Call, list[tuple[float, int]]]] = [
        ("toy, T = 0", _toy(0.25, 0.0, "T=0"), [(1e-6, 800), (1e-9, 1_200)]),
        ("toy, edge + 0.1 meV", _toy(BAND_EDGE + 1e-4, 0.0, "printed edge+0.1meV"), [(1e-6, 1_200)]),
        ("toy, edge + 1 ueV", _toy(BAND_EDGE + 1e-6, 0.0, "printed edge+1ueV"), [(1e-6, 1_500)]),
        ("toy, kT = 1 meV", _toy(0.25, 0.001, "kT=0.001"), [(1e-8, 4_000)]),
        ("toy, kT = 10 meV", _toy(0.25, 0.01, "kT=0.01"), [(1e-6, 4_000), (1e-8, 8_000)]),
        ("toy, kT = 25.85 meV", _toy(0.25, 0.02585, "kT=0.02585"), [(1e-6, 10_000), (1e-8, 16_000)]),
        ("toy, scan of 800", scan, [(1e-5, 25_000)]),
        (
            "crossings, g = 0",
            partial(conductivity_xyy, partial(crossing2d, 0.0), 0.5, 0.0, -0.023169807244098, 1e-12),
            [(1e-3, 5_000), (1e-6, 8_000)],
        ),
        (
            "crossings, g = 0.005",
            partial(conductivity_xyy, partial(crossing2d, 0.005), 0.5, 0.0, 0.595351560879, 1e-10),
            [(1e-3, 4_000), (1e-6, 5_500)],
        ),
        ("square lattice, saddle - 1e-4", partial(square_lattice, -1e-4), [(1e-6, 4_500)]),
        (
            "3D Dirac, T = 0",
            partial(conductivity_xyy, dirac3d, 0.5, 0.0, -0.005805427276, 3e-9),
            [(1e-3, 10_000), (1e-6, 50_000)],
        ),
        (
            "3D Weyl, tiny pockets",
            partial(conductivity_xyy, weyl3d, 0.05, 0.0, 0.1009851524, 3e-9),
            [(1e-3, 12_000), (1e-6, 60_000)],
        ),
        (
            "3D Dirac, kT = 25 meV",
            partial(conductivity_xyy, dirac3d, 0.5, 0.025, STORED["dirac3d kT=0.025"], 1e-6),
            [(1e-3, 40_000)],
        ),
    ]
    return [Row(name, error, cap, call) for name, call, wanted in table for error, cap in wanted]


ROWS = _rows()
