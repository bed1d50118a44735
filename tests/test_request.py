"""What the public functions refuse: types and values that cannot be used, each with its name, before anything runs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.models import dirac_pt
from sigmaijk.request import DEFAULT_MAX_K_POINTS, Request, check
from support import assert_same

DEFAULTS: dict[str, Any] = {
    "mu": 0.1,
    "kT": 0.01,
    "terms": ("qm",),
    "rtol": 1e-3,
    "atol": 0.0,
    "tau": None,
    "components": None,
    "form": "WPD",
    "executor": None,
    "degeneracy_tol": 1e-6,
    "max_k_points": None,
    "method": "auto",
    "audit": False,
    "checkpoint": None,
}


def checked(**changes: Any) -> Request:
    return check(dirac_pt(), **{**DEFAULTS, **changes})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mu": 0.1 + 0.2j}, "mu must be real, got complex numbers; .* pass the .real part"),
        ({"mu": np.array([0.1 + 0j])}, "mu must be real, got complex numbers"),
        ({"mu": "0.25"}, r"mu must be a number or a sequence of numbers in eV, got '0.25' \(str\)"),
        ({"mu": ["0.1", "0.2"]}, "mu must be a number or a sequence of numbers in eV"),
        ({"mu": [0.1, "0.2"]}, "mu must be a number or a sequence of numbers in eV"),
        ({"mu": True}, r"mu must be .* got True \(bool\)"),
        ({"mu": None}, r"mu must be .* got None \(NoneType\)"),
        ({"mu": {0.1: 0.2}}, r"mu must be .* \(dict\)"),
        ({"mu": [[0.1], [0.1, 0.2]]}, r"mu must be .* \(list\)"),
        ({"mu": 10**400}, "mu must be .* too large"),
        ({"kT": "0.01"}, "kT must be a number or a sequence of numbers in eV, got '0.01'"),
        ({"kT": 0.01j}, "kT must be real"),
        ({"terms": None}, "terms must be names of terms .drude, bcd, qm., a string or a list of strings, got None"),
        ({"terms": 5}, "terms must be names of terms .* got 5"),
        ({"terms": [["qm"]]}, r"terms must be names of terms .* got \['qm'\] in it"),
        ({"rtol": 1e-3 + 1j}, "rtol must be real"),
        ({"rtol": "1e-3"}, r"rtol must be one real number, got '1e-3' \(str\)"),
        ({"rtol": [1e-3]}, "rtol must be one real number"),
        ({"rtol": None}, "rtol must be one real number, got None"),
        ({"atol": {"qm": "0"}}, r"atol\['qm'\] must be one real number"),
        ({"atol": None}, "atol must be one real number, got None"),
        ({"tau": True}, r"tau must be one real number \(fs\), got True"),
        ({"tau": 1j}, "tau must be real"),
        ({"components": 5}, "components must be entries such as 'xyy', a string or a list of strings, got 5"),
        ({"components": [5]}, "components must be entries .* got 5 in it"),
        ({"form": np.array(["WPD", "QK"])}, "form must be 'WPD'"),
        ({"degeneracy_tol": None}, r"degeneracy_tol must be one real number \(eV\), got None"),
        ({"max_k_points": "abc"}, "max_k_points must be one real number, got 'abc'"),
        ({"max_k_points": [5]}, r"max_k_points must be one real number, got \[5\]"),
        ({"max_k_points": True}, "max_k_points must be one real number, got True"),
        ({"method": None}, "method must be one of 'auto', 'trapezoid', got None"),
    ],
)
def test_a_wrong_type_is_refused_with_the_name_of_its_argument(changes: dict[str, Any], problem: str):
    with pytest.raises(sg.ArgumentTypeError, match=problem):
        checked(**changes)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mu": [0.1, np.nan]}, r"mu must be finite \(eV\), got nan"),
        ({"mu": []}, "mu must be a number or a sequence with at least one entry"),
        ({"kT": -0.01}, r"kT must not be negative \(eV\), got -0.01"),
        ({"terms": []}, "terms must name at least one of drude, bcd, qm"),
        ({"terms": "qmd"}, "unknown term 'qmd': .* did you mean 'qm'"),
        ({"max_k_points": np.nan}, "max_k_points must be a whole number, or None for 1000000, got nan"),
        ({"max_k_points": np.inf}, "max_k_points must be a whole number, or None for 1000000, got inf"),
        ({"max_k_points": 0.5}, "max_k_points must be a whole number"),
        ({"max_k_points": 0}, "max_k_points must be at least 1, got 0"),
        ({"method": "simpson"}, "method must be one of 'auto', 'trapezoid', got 'simpson'"),
        ({"method": "trapezoid", "kT": 0.0}, "method='trapezoid' sums on grids and needs kT > 0"),
    ],
)
def test_a_wrong_value_is_refused_with_what_came(changes: dict[str, Any], problem: str):
    with pytest.raises(sg.ArgumentError, match=problem):
        checked(**changes)


def test_every_way_to_write_a_real_number_is_accepted():
    request = checked(mu=[1, Fraction(1, 4)], kT=np.float32(0.5), rtol=np.array(0.25), max_k_points=1e5, terms={"qm"})
    assert_same(request.mu, np.array([1.0, 0.25]), rtol=0, floor=0.1)
    assert_same(request.kT, np.array([0.5]), rtol=0, floor=0.1)
    assert (request.rtol, request.max_k_points) == (0.25, 100_000)
    assert checked().max_k_points == DEFAULT_MAX_K_POINTS


def test_the_public_door_is_the_one_that_checks():
    with pytest.raises(sg.ArgumentTypeError, match="mu must be real"):
        sg.conductivity(dirac_pt(), 0.1 + 0.2j, 0.01)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model": None}, "model must be a ContinuumModel, .* got NoneType"),
        ({"k": "a"}, r"k must be an array of real numbers of shape \(nk, 2\), got 'a' \(str\)"),
        ({"k": None}, "k must be an array of real numbers"),
        ({"k": [[0.1j, 0.2]]}, "k must be real, got complex numbers"),
        ({"k": np.zeros((1, 2), bool)}, "k must be an array of real numbers"),
        ({"degeneracy_tol": None}, r"degeneracy_tol must be one real number \(eV\), got None"),
        ({"degeneracy_tol": "1"}, r"degeneracy_tol must be one real number \(eV\), got '1'"),
        ({"degeneracy_tol": [1e-6, 1e-6]}, "degeneracy_tol must be one real number"),
        ({"degeneracy_tol": 1e-6j}, "degeneracy_tol must be real"),
    ],
)
def test_band_geometry_refuses_what_is_no_model_or_no_real_number(changes: dict[str, Any], problem: str):
    arguments = {"model": dirac_pt(), "k": [[0.1, 0.2]], **changes}
    with pytest.raises(sg.ArgumentTypeError, match=problem):
        sg.band_geometry(**arguments)
