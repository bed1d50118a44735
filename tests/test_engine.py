"""The engine behind `conductivity`: its choice, its audit, levels where something diverges, models that raise."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sigmaijk as sg
from cases.battery import random_hoppings
from sigmaijk import driver
from sigmaijk.levelset import costs
from sigmaijk.levelset.audit import other_cell
from sigmaijk.levelset.samples import Cell
from support import assert_same
from theory.referee_models import random_model


def tilted_node(kx, ky):
    return [[0.2 * kx, kx - 1j * ky], [kx + 1j * ky, 0.2 * kx]]


def test_choice_and_reason_stand_in_the_result():
    ds = sg.conductivity(sg.models.dirac_pt(), 0.25, terms="qm", progress=False)
    assert ds.attrs["method"].startswith("Fermi-surface patches: 6 arcs")
    assert "expected by patches" in ds.attrs["method"]
    assert ds.attrs["audit"] == "none"


def test_simplices_are_chosen_where_they_are_expected_to_be_cheaper(monkeypatch):
    monkeypatch.setattr(costs, "SIMPLICES_COST", {2: (1.0, 0.0), 3: (1.0, 0.0)})
    ds = sg.conductivity(sg.models.dirac_pt(), 0.25, terms="qm", rtol=1e-2, progress=False)
    assert ds.attrs["method"].startswith("adaptive simplices")
    assert "chosen because" in ds.attrs["method"]
    value, error = (float(ds[name].values[0, 0, 0, 1, 1]) for name in ("qm_natural", "qm_natural_error"))
    assert abs(value + 0.2150160024295) <= 3 * error < 0.01


def test_a_bump_whose_centre_lies_in_a_gap_has_its_cost_on_the_flanks():
    """In space, with no level set at mu, patches looked free, took a million points and did not converge."""
    ds, plain = (
        sg.conductivity(random_model(2, dim=3), 0.5, 0.2, terms="qm", method=method, progress=False)
        for method in ("auto", "trapezoid")
    )
    assert ds.attrs["converged"] == 1
    assert ds.attrs["k_points"] < 60_000
    assert "about 0 k-points" not in ds.attrs["method"]
    assert_same(ds["qm_natural"].values, plain["qm_natural"].values, rtol=1e-3, floor=1e-5)


def test_an_audit_looks_twice_and_agrees():
    plain = sg.conductivity(sg.models.dirac_pt(), [0.12, 0.25], 0.01, terms="qm", progress=False)
    ds = sg.conductivity(sg.models.dirac_pt(), [0.12, 0.25], 0.01, terms="qm", audit=True, progress=False)
    assert ds.attrs["audit"] == "agrees"
    assert ds.attrs["converged"] == 1
    assert ds.attrs["k_points"] > 1.5 * plain.attrs["k_points"]
    assert (ds["qm"].values == plain["qm"].values).all()


def test_an_audit_contradicts_a_search_that_missed_a_piece(monkeypatch):
    """The first search is made to answer as if it had missed half of the level set."""
    runs = []
    integrate = driver.integrate

    def blind(*arguments, **options):
        found = integrate(*arguments, **options)
        runs.append(found)
        if len(runs) == 1:
            found.value *= 0.5
        return found

    monkeypatch.setattr(driver, "integrate", blind)
    with pytest.warns(sg.ConvergenceWarning):
        ds = sg.conductivity(sg.models.dirac_pt(), 0.25, terms="qm", audit=True, progress=False)
    assert ds.attrs["audit"] == "disagrees at 1 of 1 (kT, mu)"
    assert ds.attrs["converged"] == 0
    value, error = (float(ds[name].values[0, 0, 0, 1, 1]) for name in ("qm_natural", "qm_natural_error"))
    assert abs(value + 0.2150160024295) <= 1.01 * error


@pytest.mark.parametrize("periodic", [True, False])
def test_the_other_cell_of_an_audit_holds_the_first(periodic: bool):
    cell = Cell(np.array([-1.0, -2.0]), np.array([[2.0, 0.3], [-0.1, 4.0]]), periodic, (8, 10))
    other = other_cell(cell)
    assert all(b > a for a, b in zip(cell.divisions, other.divisions, strict=True))
    assert not np.allclose(other.origin, cell.origin)
    if periodic:
        np.testing.assert_array_equal(other.axes, cell.axes)
    else:
        corners = cell.points(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]))
        inside = (corners - other.origin) @ np.linalg.inv(other.axes)
        assert (inside > 0).all()
        assert (inside < 1).all()


def test_level_exactly_on_a_tilted_node_diverges_for_the_metric_term_alone():
    model = sg.ContinuumModel(tilted_node, 2)
    with pytest.warns(sg.SingularResponseWarning, match="gapless tilted node"):
        ds = sg.conductivity(model, 0.0, progress=False)
    assert np.isinf(ds["qm_error"].values).all()
    assert np.isfinite(ds["drude_error"].values).all()
    assert ds.attrs["in_gap"] == "[]"
    assert ds.attrs["converged"] == 0
    beside = sg.conductivity(model, 1e-3, terms="qm", progress=False)
    assert beside.attrs["converged"] == 1
    assert np.abs(beside["qm_natural"].values).max() > 1e3


@pytest.mark.filterwarnings("ignore::sigmaijk.ConvergenceWarning")
def test_saddle_of_a_term_that_vanishes_costs_the_scan_nothing():
    hop = -np.eye(1) * np.exp(0.3j)
    model = sg.LatticeModel(
        np.eye(2), {(0, 0): [[0.0]], (1, 0): hop, (-1, 0): hop.conj(), (0, 1): [[-1.0]], (0, -1): [[-1.0]]}
    )
    with pytest.warns(sg.SingularResponseWarning, match="van Hove saddle"):
        ds = sg.conductivity(model, [-1.0, -0.5, 0.0, 0.5], terms="drude", progress=False)
    assert ds.attrs["k_points"] < 20_000
    assert {entry["kind"] for entry in json.loads(ds.attrs["singular"])} == {"van Hove saddle"}
    error = ds["drude_error"].values.max(axis=(0, 2, 3, 4))
    assert np.isinf(error[2])
    assert (error[[0, 1, 3]] < 1e-6).all()
    assert np.abs(ds["drude"].values).max() < 1.0


def test_flat_sheets_leave_the_others_alone():
    """A flat band at one of two levels; the other level cuts the other band only."""
    hop = np.diag([0.0, 0.4 * np.exp(0.2j)])
    across = np.diag([0.0, 0.2])
    blocks = {(0, 0): np.diag([0.0, 3.0]), (1, 0): hop, (-1, 0): hop.conj(), (0, 1): across, (0, -1): across}
    blocks |= {(1, 1): np.diag([0.0, 0.1j]), (-1, -1): np.diag([0.0, -0.1j])}
    with pytest.warns(sg.SingularResponseWarning, match="flat band"):
        ds = sg.conductivity(sg.LatticeModel(np.eye(2), blocks), [0.0, 3.1], terms="drude", progress=False)
    assert np.isinf(ds["drude_error"].values[0, 0]).all()
    value, error = (ds[name].values[0, 1] for name in ("drude_natural", "drude_natural_error"))
    assert error.max() <= 1e-3 * np.abs(value).max()


def test_error_of_a_model_names_the_k_that_raised_it():
    def hamiltonian(kx, ky):
        if np.any(np.abs(np.asarray(getattr(kx, "value", kx))) > 0.9):
            raise ValueError("no data out here")
        return [[kx**2 + ky**2, 0.1 * kx], [0.1 * kx, 2.0 + kx**2]]

    with pytest.raises(ValueError, match="no data out here") as caught:
        sg.conductivity(sg.ContinuumModel(hamiltonian, 2, scale=0.5), 0.25, progress=False)
    note = caught.value.__notes__[0]
    assert note.startswith("raised by the model at k = [")
    assert abs(float(note.split("[")[1].split(",")[0])) > 0.9


def crowded(number: int) -> sg.LatticeModel:
    """Bands of a random lattice model that cross the level many times, where patches cost more than grids."""
    rng = np.random.default_rng([4711, number])
    return sg.LatticeModel(0.5 * np.eye(2), random_hoppings(rng, 2, 4), positions=rng.uniform(-0.25, 0.25, (4, 2)))


def node_on_a_lattice() -> sg.LatticeModel:
    """A tilted gapless node at Gamma, at 0.1 eV."""
    x, y, z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
    blocks = {(0, 0): 2.0 * z, (1, 0): -0.25j * x - 0.5 * z - 0.075j * np.eye(2)}
    blocks[0, 1] = -0.25j * y - 0.5 * z + 0.05 * np.eye(2)
    blocks |= {(-r, -s): block.conj().T for (r, s), block in blocks.items() if r or s}
    return sg.LatticeModel(0.5 * np.eye(2), blocks)


def test_a_mixed_scan_has_the_values_of_its_halves():
    model, mu, kT = crowded(3), [0.1, 0.3], [0.0, 0.05]
    both = sg.conductivity(model, mu, kT, terms="qm", rtol=1e-2, progress=False)
    assert "kT = 0: Fermi-surface patches" in both.attrs["method"]
    assert "kT > 0: trapezoid rule on a grid" in both.attrs["method"]
    assert both.attrs["converged"] == 1
    for number, width in enumerate(kT):
        alone = sg.conductivity(model, mu, width, terms="qm", rtol=1e-2, progress=False)
        value, other = both["qm"].values[number], alone["qm"].values[0]
        error = both["qm_error"].values[number] + alone["qm_error"].values[0]
        size = np.abs(other).max()
        assert size > 0
        assert (np.abs(value - other) <= error + 1e-12 * size).all()
        assert error.max() < 0.05 * size


def test_a_mixed_scan_can_be_audited():
    ds = sg.conductivity(crowded(3), 0.1, [0.0, 0.05], terms="qm", rtol=1e-2, audit=True, progress=False)
    assert ds.attrs["audit"] == "agrees"
    assert ds.attrs["converged"] == 1
    assert ds.attrs["method"].count("trapezoid rule") == 1


@pytest.mark.filterwarnings("ignore::sigmaijk.ConvergenceWarning")
def test_a_node_seen_by_patches_and_by_grids_is_listed_once(monkeypatch):
    monkeypatch.setattr(costs, "GRID_COST", {2: (0.0, 1.0), 3: (0.0, 1.0)})
    with pytest.warns(sg.SingularResponseWarning, match="gapless tilted node"):
        ds = sg.conductivity(
            node_on_a_lattice(), [0.0, 0.1], [0.0, 0.03], terms="qm", rtol=1e-1, max_k_points=30_000, progress=False
        )
    assert "kT > 0: trapezoid" in ds.attrs["method"]
    (entry,) = json.loads(ds.attrs["singular"])
    assert entry["kind"] == "gapless tilted node"
    assert entry["energy"] == pytest.approx(0.1, abs=1e-7)
    error = ds["qm_error"].values.max(axis=(2, 3, 4))
    assert np.isinf(error[1]).all()
    assert np.isfinite(error[0, 0])


def test_a_level_in_a_gap_is_zero_by_grids_as_well(monkeypatch):
    """E = 3 - 2 cos kx - 2 cos ky begins at -1 eV; 50 kT below it nothing is left, in the middle of it much."""
    monkeypatch.setattr(costs, "GRID_COST", {2: (0.0, 1.0), 3: (0.0, 1.0)})
    hop = -np.exp(0.3j) * np.eye(1)
    blocks = {(0, 0): [[3.0]], (1, 0): hop, (-1, 0): hop.conj(), (0, 1): [[-1.0]], (0, -1): [[-1.0]]}
    blocks |= {(1, 1): [[0.2j]], (-1, -1): [[-0.2j]]}
    ds = sg.conductivity(sg.LatticeModel(np.eye(2), blocks), [-3.0, 2.5], 0.03, terms="drude", progress=False)
    assert "trapezoid" in ds.attrs["method"]
    assert json.loads(ds.attrs["in_gap"]) == [{"kT": 0.03, "mu": -3.0}]
    size = np.abs(ds["drude"].values).max(axis=(0, 2, 3, 4))
    error = ds["drude_error"].values.max(axis=(0, 2, 3, 4))
    assert size[1] > 0
    assert size[0] + error[0] < 1e-12 * size[1]
    assert ds.attrs["converged"] == 1
