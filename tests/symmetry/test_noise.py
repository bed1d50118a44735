"""The noise floor of a result, its attributes, and what `sigmaijk info` prints."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.symmetry import annotate, describe, group, noise_floor, point_group
from symmetry.symmetry_models import X, Y, Z


@pytest.fixture(scope="module")
def toy():
    model = sg.models.dirac_pt()
    return model, sg.conductivity(model, [0.2, 0.25], 0.01, progress=False)


def test_a_good_result_stays_within_its_errors_where_it_must_vanish(toy):
    model, ds = toy
    floors = noise_floor(ds, point_group(model))
    assert set(floors) == {"drude", "bcd", "qm"}
    for term in ("drude", "qm"):
        floor = floors[term]
        assert floor.component in ("xxy", "yxx", "yyy", "xyy", "yxy", "xxx")
        assert 0 < floor.error < 1e-3 * np.abs(ds[term].values).max()
        assert floor.ratio < 3
        assert floor.suspect == ""


def test_a_forbidden_component_above_three_errors_is_a_warning_with_a_suspect(toy):
    model, ds = toy
    spoiled = ds.copy(deep=True)
    planted = 5 * float(ds["qm_error"].values[0, 1, 1, 0, 0] + ds["qm_error"].values.max())
    spoiled["qm"].values[0, 1, 1, 0, 0] += planted
    with pytest.warns(sg.SymmetryWarning, match=r"qm yxx = .* is forbidden by symmetry .* please report it"):
        floor = noise_floor(spoiled, point_group(model), model=model)["qm"]
    assert floor.component == "yxx"
    assert floor.mu == 0.25
    assert floor.value == pytest.approx(planted, rel=0.01)


def test_a_broken_relation_between_allowed_components_is_seen(toy):
    """Signs alone would miss it: xyy and yxy are both allowed, their ratio is not free."""
    model, ds = toy
    spoiled = ds.copy(deep=True)
    spoiled["qm"].values[..., 1, 0, 1] *= 1.1
    spoiled["qm"].values[..., 1, 1, 0] *= 1.1
    with pytest.warns(sg.SymmetryWarning, match="qm"):
        noise_floor(spoiled, point_group(model))


@pytest.mark.parametrize(
    ("forms", "suspect"),
    [(group(["C4z"], dim=2), "declared, not tested"), ([(-np.eye(2), False)], "sg.symmetry.verify tells")],
)
def test_a_symmetry_that_the_model_has_not_is_suspected(toy, forms: object, suspect: str):
    _, ds = toy
    with pytest.warns(sg.SymmetryWarning) as caught:
        floors = noise_floor(ds, forms)
    assert suspect in floors["qm"].suspect
    assert floors["qm"].share == pytest.approx(1.0)
    assert {str(entry.message).split()[0] for entry in caught} == {"drude", "qm"}


def test_an_approximate_symmetry_is_suspected():
    def H(kx, ky):
        tilt = 0.3 * kx + 0.01 * ky
        return (0.1 * (kx**2 + ky**2) + tilt) * np.eye(2) + kx * X + ky * Y + 0.1 * Z

    model = sg.ContinuumModel(H, 2, name="tilted a little aside")
    ds = sg.conductivity(model, 0.25, 0.0, progress=False)
    with pytest.warns(sg.SymmetryWarning, match="more than one group"):
        loose = point_group(model, tolerance=0.03)
    assert loose.order == 2
    with pytest.warns(sg.SymmetryWarning, match="MxT only to"):
        noise_floor(ds, loose)


def test_infinite_errors_say_nothing(toy):
    model, ds = toy
    unresolved = ds.copy(deep=True)
    for term in ("drude", "bcd", "qm"):
        unresolved[f"{term}_error"].values[:] = np.inf
    assert noise_floor(unresolved, point_group(model))["qm"].component == ""


def test_attributes_tell_group_forms_and_floor_and_survive_a_file(toy, tmp_path):
    model, ds = toy
    told = annotate(ds, model, group(["PT"], dim=2))
    told.to_netcdf(tmp_path / "told.nc")
    attrs = sg.open_result(tmp_path / "told.nc").attrs
    assert json.loads(attrs["symmetry"])["symbol"] == "2'"
    assert json.loads(attrs["symmetry_forms"])["qm"] == "xyy = -2 yxy; yxx = -2 xxy"
    assert json.loads(attrs["noise_floor"])["qm"]["ratio"] < 3
    assert annotate(ds, model).attrs["symmetry"] == ds.attrs["symmetry"] != attrs["symmetry"]


def test_what_is_no_result_is_refused(toy):
    with pytest.raises(sg.ArgumentTypeError, match=r"dataset of sg\.conductivity"):
        noise_floor({"qm": 1}, "1")
    with pytest.raises(sg.ArgumentError, match="has 2 directions, the operations act on 3"):
        noise_floor(toy[1], "1")


def test_the_description_reads_as_a_person_would_say_it():
    lines = "\n".join(describe(sg.models.dirac_pt(t=0.5)))
    assert "2'm'm, 4 operations" in lines
    assert "quantum metric dipole (qm): 1 independent component: xyy = -2 yxy" in lines
    assert "PT forbids the Berry curvature dipole" in lines
    rows = [line.split() for line in lines.splitlines()]
    assert ["y", ".", ".", "-1/2", "xyy"] in rows
    slab = "\n".join(describe(sg.models.mnbi2te4_slab()))
    assert "C3z forbids the quantum metric dipole" in slab
