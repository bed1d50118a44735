"""The error estimate is a promise: random lattice models against references of other engines."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from cases.battery import KINDS, MOST_RATIO, judged, kind_of, problem, references, run

CHOSEN = [*range(1, 186, 8), 198, 206, 214, 225, 231]
"""One in eight of those in two dimensions, so that every kind has its turn, and two in three."""


def test_references_belong_to_these_models():
    """A generator of random numbers that changed its stream would judge one model by another."""
    assert {kind_of(number) for number in references()} == set(KINDS)
    for number in CHOSEN:
        case, reference = problem(number), references()[number]
        assert (case.mu, case.kT, case.kind) == (reference["mu"], reference["kT"], reference["kind"])
        np.testing.assert_allclose(case.fingerprint, reference["fingerprint"], rtol=0, atol=1e-12)


def test_references_at_zero_temperature_agree_with_uniform_simplices():
    """Lines with a polynomial eigenvalue problem against order-2 simplices on a uniform mesh, every plane model.

    The simplices know their error only from two meshes, within a factor of three; in three dimensions their meshes are
    too coarse for that.
    """
    compared = 0
    for reference in references().values():
        if reference["kind"].startswith("3D"):
            continue
        for term, check in reference.get("simplices", {}).items():
            doubt = 3 * check["doubt"] + max(reference["uncertainty"][term], default=0.0)
            assert check["distance"] <= doubt + 1e-9 * reference["modulus"][term], (reference["number"], term)
            compared += 1
    assert compared > 200


@pytest.mark.filterwarnings("ignore::sigmaijk.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sigmaijk.SingularResponseWarning")
@pytest.mark.parametrize("number", CHOSEN, ids=[f"{number} {kind_of(number)}" for number in CHOSEN])
def test_estimate_covers_the_distance_from_the_reference(number: int):
    for term, found in judged(run(problem(number)), references()[number]).items():
        assert found.ratio <= MOST_RATIO, term


def test_lines_that_follow_others_from_afar_keep_honest_errors():
    """Forty levels of one zone: a root predicted to second order tells nothing of how the integrand bends."""
    model, mu = sg.models.haldane(), np.linspace(-3.0, 3.0, 40)
    rough = sg.conductivity(model, mu, 0.0, terms="drude", rtol=1e-4, progress=False)
    fine = sg.conductivity(model, mu, 0.0, terms="drude", rtol=1e-8, progress=False)
    true = np.abs(rough["drude"].values - fine["drude"].values)
    assert true.max() > 1e-6 * np.abs(fine["drude"].values).max()
    assert (true <= 3.0 * rough["drude_error"].values + 1e-12 * np.abs(fine["drude"].values).max()).all()
