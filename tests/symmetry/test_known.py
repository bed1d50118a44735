"""The symmetry in every result of `sg.conductivity`: found once, cheap, and never in the way of a result."""

from __future__ import annotations

import gc
import json
import time
import warnings

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.symmetry import group, known_group
from sigmaijk.symmetry.known import _FOUND
from symmetry.symmetry_models import X, Y, Z, cubic_44


def told(ds) -> tuple[dict, dict, dict]:
    return tuple(json.loads(ds.attrs[name]) for name in ("symmetry", "symmetry_forms", "noise_floor"))


def counted():
    """A toy model that counts the k at which it was asked."""
    asked = {"k": 0}

    def H(kx, ky):
        asked["k"] += np.size(getattr(kx, "value", kx))
        return (0.1 * (kx**2 + ky**2) + 0.3 * kx) * np.eye(2) + kx * X + ky * Y + 0.1 * Z

    model = sg.ContinuumModel(H, 2, name="counted")
    asked["k"] = 0
    return model, asked


@pytest.mark.parametrize("kT", [0.0, 0.01])
def test_a_result_tells_group_forms_and_noise_floor(kT: float, tmp_path):
    ds = sg.conductivity(sg.models.dirac_pt(), [0.2, 0.25], kT, rtol=1e-4, progress=False)
    ds.to_netcdf(tmp_path / "told.nc")
    facts, forms, floors = told(sg.open_result(tmp_path / "told.nc"))
    assert facts["symbol"] == "2'm'm"
    assert facts["operations"] == ["E", "My", "PT", "MxT"]
    assert forms == {"drude": "xxx; xyy = yxy", "bcd": "0", "qm": "xyy = -2 yxy"}
    for term in ("drude", "qm"):
        assert floors[term]["component"] in ("xxy", "yxx", "yyy", "yxy", "xyy")
        assert floors[term]["error"] > 0
        assert 0 <= floors[term]["ratio"] < 3
        assert floors[term]["suspect"] == ""


@pytest.mark.filterwarnings("ignore::sigmaijk.ConvergenceWarning")
def test_on_a_lattice_in_space_too():
    model = sg.models.chiral_crystal()
    ds = sg.conductivity(model, 1.0, 0.5, terms=("bcd", "drude"), rtol=1e-1, max_k_points=20_000, progress=False)
    facts, forms, floors = told(ds)
    assert facts["symbol"] == "32'"
    assert set(forms) == set(floors) == {"bcd", "drude"}
    assert floors["drude"]["error"] > 0


def test_the_group_is_found_once_for_each_model_and_kept_no_longer_than_it():
    model, asked = counted()
    first = sg.conductivity(model, 0.25, progress=False)
    spent = asked["k"]
    second = sg.conductivity(model, 0.25, progress=False)
    assert first.identical(second)
    assert asked["k"] - spent == first.attrs["k_points"] - first.attrs["k_points_symmetry"] > 100
    assert spent >= first.attrs["k_points"]
    assert known_group(model) is known_group(model)
    held = len(_FOUND)
    del model
    gc.collect()
    assert len(_FOUND) < held


def test_points_spent_on_the_group_are_counted_and_have_a_limit():
    model, _ = counted()
    free = sg.conductivity(model, 0.25, progress=False)
    assert free.attrs["k_points"] > free.attrs["k_points_symmetry"] > 0
    cost = free.attrs["k_points_symmetry"]
    for fresh in (model, counted()[0]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sg.ConvergenceWarning)
            tight = sg.conductivity(fresh, 0.25, max_k_points=10 * cost - 1, progress=False)
        assert json.loads(tight.attrs["symmetry"])["symbol"] is None
        assert "10th of max_k_points" in json.loads(tight.attrs["symmetry"])["why"]
        assert tight.attrs["k_points_symmetry"] == 0
        assert tight.attrs["k_points"] <= 10 * cost - 1
        enough = sg.conductivity(fresh, 0.25, max_k_points=10 * cost, progress=False)
        assert json.loads(enough.attrs["symmetry"])["symbol"] == "m'"


def test_a_second_call_is_not_slowed_down():
    model = sg.models.dirac_pt()
    sg.conductivity(model, 0.25, rtol=1e-6, progress=False)
    start = time.process_time()
    again = known_group(model)
    assert time.process_time() - start < 0.01
    assert again.group is not None


def test_44_bands_take_less_than_a_second():
    model = cubic_44(np.random.default_rng(3))
    start = time.process_time()
    known = known_group(model)
    assert time.process_time() - start < 1.0
    assert known.group is not None
    assert known.group.symbol == "m-3m1'"


def test_a_search_that_fails_does_not_cost_the_result(monkeypatch):
    model, _ = counted()
    expected = sg.conductivity(model, 0.25, progress=False)

    def refuse(*_):
        raise FloatingPointError("no such k")

    monkeypatch.setattr("sigmaijk.symmetry.known.probe_of", refuse)
    ds = sg.conductivity(counted()[0], 0.25, progress=False)
    assert json.loads(ds.attrs["symmetry"]) == {"symbol": None, "why": "FloatingPointError: no such k"}
    assert json.loads(ds.attrs["noise_floor"]) == json.loads(ds.attrs["symmetry_forms"]) == {}
    np.testing.assert_array_equal(ds["qm"].values, expected["qm"].values)


def test_what_a_symmetry_forbids_is_a_warning_that_names_the_suspect(monkeypatch):
    """A group that the model has not, planted where the search would have put its own."""
    model = sg.models.dirac_pt()
    wrong = known_group(model)
    planted = type(wrong)(group(["PT", "C4z"], dim=2), "", 0)
    monkeypatch.setitem(_FOUND, model, planted)
    with pytest.warns(sg.SymmetryWarning, match="forbidden by symmetry") as caught:
        ds = sg.conductivity(model, 0.25, progress=False)
    assert caught[0].filename == __file__
    assert "declared, not tested" in json.loads(ds.attrs["noise_floor"])["qm"]["suspect"]


def test_models_that_cannot_be_hashed_are_looked_at_each_time():
    class Odd(sg.ContinuumModel):
        __hash__ = None

    model = Odd(lambda kx, ky: (0.3 * kx + 0.1 * (kx**2 + ky**2)) * np.eye(2) + kx * X + ky * Y + 0.1 * Z, 2)
    assert known_group(model).group.symbol == "m'"
    assert known_group(model) is not known_group(model)
