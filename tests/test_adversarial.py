"""Errors of grids under the worst that was found: crystals with gaps of a few meV along lines, a fine first grid."""

from __future__ import annotations

import numpy as np
import pytest

from cases.adversarial import COUNT, problem, records, references, run
from cases.battery import MOST_RATIO, PROBE, judged
from sigmaijk.levelset import costs

WORST = [(1, 0, 1e-2), (9, 0, 1e-2), (60, 0, 1e-2)]
"""Number, thermal energy and tolerance: gaps along an axis; 2 meV along lines in very many blocks (wrong by 14 % with
an estimate of 1.1 % once); a first grid whose points were confused (wrong by a factor of three)."""


def test_references_belong_to_these_models():
    """A generator of random numbers that changed its stream would judge one model by another."""
    assert [stored["number"] for stored in records()] == list(range(COUNT))
    for stored in records():
        case = problem(stored["number"])
        assert (case.kind, case.mu) == (stored["kind"], stored["mu"])
        assert [at["kT"] for at in stored["at"]] == list(case.kT)
        energy = np.linalg.eigvalsh(case.model.hamiltonian(case.model.cartesian(PROBE[None, :2])))[0]
        np.testing.assert_allclose(energy, stored["fingerprint"], rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sigmaijk.ConvergenceWarning")
@pytest.mark.parametrize(("number", "which", "rtol"), WORST, ids=[str(case[0]) for case in WORST])
def test_errors_of_grids_hold(number: int, which: int, rtol: float, monkeypatch: pytest.MonkeyPatch):
    """The grids serve them whatever they cost."""
    monkeypatch.setattr(costs, "GRID_COST", {2: (0.0, 1.0), 3: (0.0, 1.0)})
    ds = run(problem(number), which, rtol)
    assert ds.attrs["method"].startswith("trapezoid")
    for term, found in judged(ds, references()[number][which]).items():
        assert found.ratio <= MOST_RATIO / 3, term
        assert found.estimate < 0.1 * found.size
