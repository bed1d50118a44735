"""Exact level-set integrals: the estimate covers the true error, nothing is missed, and the tolerance is reached."""

from __future__ import annotations

import numpy as np
import pytest

from cases.engine import Outcome, level_set
from cases.exact import CASES, cubic_density

LIMIT = {2: 40_000, 3: 120_000}

UNFINISHED = {
    "thin ring, 0.03 wide": "an extremum line: the search takes more points than allowed",
    "thin ring, 0.01 wide": "an extremum line: the search takes more points than allowed",
    "thin ring, 0.001 wide": "the search for pieces does not end within the points allowed",
    "thin shell, 0.08 wide": "the search for pieces does not end within the points allowed",
    "10 sorted copies": "the search for pieces does not end within the points allowed",
    "6 sorted copies": "1e-6 takes more points than allowed",
}
"""Cases that may end unconverged for now, and why; their errors are held to the same promise."""


def parameters() -> list:
    found = []
    for number, case in enumerate(CASES):
        marks = [pytest.mark.long] if case.limit else []
        found += [pytest.param(number, rtol, id=f"{case.name}, {rtol:g}", marks=marks) for rtol in case.tolerances]
    return found


@pytest.mark.parametrize(("number", "rtol"), parameters())
def test_estimate_covers_the_true_error_and_the_tolerance_is_reached(number: int, rtol: float):
    case = CASES[number]
    integrals = level_set(
        case.sampler,
        case.cell,
        case.centre,
        rtol=rtol,
        max_points=case.limit or LIMIT[case.cell.dim],
        columns=len(case.expected),
    )
    found = Outcome.of_integrals(integrals, case.expected, case.precision)
    assert found.ratio <= 3
    assert found.converged or case.name in UNFINISHED
    assert found.true <= 3 * rtol or not found.converged


def test_density_of_the_cubic_lattice_integrates_to_its_volume():
    """The reference of the 3D saddles: int g(E) dE is (2 pi)**3, by Gauss points between the critical energies."""
    x, w = np.polynomial.legendre.leggauss(12)
    total = 0.0
    for low, high in ((-6.0, -2.0), (-2.0, 2.0), (2.0, 6.0)):
        # square-root ends: e = middle + half sin(pi u/2)
        energy = 0.5 * (low + high) + 0.5 * (high - low) * np.sin(0.5 * np.pi * x)
        slope = 0.5 * (high - low) * 0.5 * np.pi * np.cos(0.5 * np.pi * x)
        total += sum(weight * s * cubic_density(e) for e, s, weight in zip(energy, slope, w, strict=True))
    assert total == pytest.approx((2 * np.pi) ** 3, rel=1e-6)
