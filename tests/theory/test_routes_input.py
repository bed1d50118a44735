"""What `field_modified` refuses, and what its messages say."""

from __future__ import annotations

import re

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.theory import field_modified
from sigmaijk.theory.routes import ROUTES
from support import assert_same

K, E = np.array([[0.1, 0.2]]), np.array([1e-5, 0.0])


def gapped(gap: float) -> sg.ContinuumModel:
    """Bands 0 and 1 a small gap apart at k = 0, with an interband velocity of 1 eV nm; band 2 far above."""

    def value(kx: float, ky: float) -> np.ndarray:
        x, y = np.zeros((3, 3), dtype=complex), np.zeros((3, 3), dtype=complex)
        x[0, 1] = x[1, 0] = 1.0
        x[0, 2] = x[2, 0] = 0.3
        y[0, 1], y[1, 0] = -1j, 1j
        return np.diag([0.0, gap, 1.0]) + kx * x + ky * y

    return sg.ContinuumModel(value, 2)


@pytest.mark.parametrize("route", ROUTES)
def test_bands_hardly_further_apart_than_the_tolerance_are_refused(route: str) -> None:
    with pytest.raises(
        sg.ArgumentError, match=r"k = \(0, 0\) 1/nm between bands 0 and 1, gap 2e-06 eV.*degeneracy_tol"
    ):
        field_modified(gapped(2e-6), [[0.0, 0.0]], E, route)


def test_the_remedies_that_the_message_names_work() -> None:
    """A tolerance above the gap makes one group of the pair; the field it names is just weak enough."""
    model, k = gapped(2e-6), [[0.0, 0.0]]
    together = field_modified(model, k, E, "perturbation", degeneracy_tol=1e-5)
    G = sg.band_geometry(model, k, degeneracy_tol=1e-5).band_normalized_metric
    # Where a group is not exactly degenerate, its spread over the gap, 2e-6, tells the conventions apart.
    assert_same(together.connection_change, G @ E, rtol=1e-5, floor=1e-7)
    with pytest.raises(sg.ArgumentError) as refused:
        field_modified(model, k, E, "perturbation")
    named = re.search(r"use \|E\| below (\S+) V/nm", str(refused.value))
    assert named is not None
    weaker = 0.999 * float(named.group(1))
    assert field_modified(model, k, [weaker, 0.0], "perturbation").connection_change.any()
    with pytest.raises(sg.ArgumentError, match=r"0\.5 to expand in E, got 0\.50"):
        field_modified(model, k, [1.01 * weaker, 0.0], "perturbation")


def test_a_chain_of_close_bands_is_one_group() -> None:
    """Levels 0, 0.8, 1.6 tolerances: the ends are further apart than the tolerance and still not mixed."""

    def value(kx: float, ky: float) -> np.ndarray:
        rows = np.array([[0, 1, 1, 0.5], [1, 0, 1, 0.2], [1, 1, 0, 0.1], [0.5, 0.2, 0.1, 0]])
        return np.diag([0.0, 8e-7, 1.6e-6, 1.0]) + kx * rows + ky * np.diag([1.0, 0.5, 0.2, 0.1])

    model = sg.ContinuumModel(value, 2)
    found = field_modified(model, [[0.0, 0.0]], E, "luttinger-kohn")
    assert np.ptp(found.connection_change[0, :3, 0]) == 0.0
    G = sg.band_geometry(model, [[0.0, 0.0]]).band_normalized_metric
    assert_same(found.connection_change, G @ E, rtol=1e-5, floor=1e-7)


def test_a_strong_field_is_refused_with_numbers() -> None:
    with pytest.raises(sg.ArgumentError, match=r"at most 0.5 .* bands [01] and [23], gap 0.528 eV: use \|E\| below"):
        field_modified(sg.models.dirac_pt(), K, [1.0, 0.0], "perturbation")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((K, E, "perturbaton"), "ArgumentError", "unknown route 'perturbaton'.*did you mean 'perturbation'"),
        ((K, E, "Wave packet"), "ArgumentError", "did you mean 'wave-packet'"),
        ((K, E, "lkb"), "ArgumentError", "the routes are 'perturbation', 'wave-packet', 'luttinger-kohn'"),
        ((K, E, None), "ArgumentTypeError", "route must be one of"),
        ((K, [1e-5], "perturbation"), "ArgumentError", r"E must have shape \(2,\).*got shape \(1,\)"),
        ((K, [[1e-5, 0.0]], "perturbation"), "ArgumentError", r"E must have shape \(2,\)"),
        ((K, [np.nan, 0.0], "perturbation"), "ArgumentError", "E must be finite"),
        ((K, [1j, 0.0], "perturbation"), "ArgumentTypeError", "E must be real"),
        (([[0.0, 0.0, 0.0]], E, "perturbation"), "ArgumentError", r"k must have shape \(nk, 2\)"),
        (([[np.inf, 0.0]], E, "perturbation"), "ArgumentError", "k must be finite"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple, error: str, message: str) -> None:
    with pytest.raises(getattr(sg, error), match=message):
        field_modified(sg.models.dirac_pt(), *arguments)


def test_what_is_no_model_is_named() -> None:
    with pytest.raises(sg.ArgumentTypeError, match="model must be"):
        field_modified("toy", K, E, "perturbation")  # pyright: ignore[reportArgumentType]
    with pytest.raises(sg.ArgumentError, match="degeneracy_tol"):
        field_modified(sg.models.dirac_pt(), K, E, "perturbation", degeneracy_tol=-1.0)


def test_no_points_give_empty_arrays() -> None:
    found = field_modified(sg.models.dirac_pt(), np.empty((0, 2)), E, "perturbation")
    assert found.connection_change.shape == (0, 4, 2)
