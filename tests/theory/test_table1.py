"""Table 1 as numbers: rows from their ingredients against printed expressions, terms and each other."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sigmaijk as sg
from paper.printed import sea_rows
from sigmaijk.theory import density_matrix, lattice_version, table1
from sigmaijk.theory.row_integrands import SEMICLASSICAL, Ingredients
from support import assert_forbidden, assert_same
from theory.referee_models import random_hoppings, random_lattice, random_model

MU, KT = 0.5, 0.3


def row(table, name: str) -> np.ndarray:
    return table["I"].sel(row=name).values


def test_a_continuum_model_takes_the_coefficients_of_its_lattice_version():
    """The numbers of the toy model are a test of the paper's claims."""
    table = table1(sg.models.dirac_pt(), 0.25, 0.002)
    assert "the model's lattice version" in table.attrs["qk_source"]
    assert json.loads(table.attrs["coefficients"])["QK"] == pytest.approx([0.5, 2.0], abs=1e-8)
    assert row(table, "QK")[0, 0, 0] == pytest.approx(-1.5 * row(table, "LKA")[0, 0, 0], rel=2e-3)


@pytest.mark.parametrize("positions", [False, True])
def test_rows_are_the_printed_expressions(positions: bool):
    """On a crystal without symmetry; QK is then the density matrix itself."""
    model = random_model(3, positions=positions)
    table, printed = table1(model, MU, KT, rtol=1e-6), sea_rows(model, MU, KT, 128)
    assert table.attrs["qk_source"].startswith("density matrix of the model itself on a grid of")
    for name, expected in printed.items():
        assert_same(row(table, name), expected, rtol=3e-6, floor=1e-5)
        assert (np.abs(row(table, name) - expected) <= table["I_error"].sel(row=name).values + 1e-12).all()
    assert_same(row(table, "QK"), printed["QK"], rtol=1e-9, floor=1e-5)


def test_rows_in_space():
    """WPD is the qm term, and the difference of LKA and WPD, B1, gives QK = WPD/2 + ... by (c1, c2)."""
    model = random_model(2, dim=3)
    table = table1(model, MU, 0.5, rtol=1e-4, grid=(30, 28, 30))
    qm = sg.conductivity(model, MU, 0.5, terms="qm", rtol=1e-4, method="trapezoid", progress=False)
    qm = qm["qm_natural"].values[0, 0]
    assert_same(row(table, "WPD"), qm, rtol=2e-4, floor=1e-7)
    direct = row(table, "LKA") - row(table, "WPD")
    crossed = row(table, "WPD") - direct
    assert_same(row(table, "QK"), 0.5 * direct + 2.0 * crossed, rtol=1e-3, floor=1e-7)


def test_wpd_is_the_term_of_the_package_and_has_no_longitudinal_part():
    model = sg.models.dirac_pt(t=0.5)
    table = table1(model, 0.2, 0.0, rtol=1e-5)
    qm = sg.conductivity(model, 0.2, 0.0, terms="qm", rtol=1e-5, progress=False)["qm_natural"].values[0, 0]
    assert_same(row(table, "WPD"), qm, rtol=2e-5, floor=1e-3)
    for name in ("LKA", "QK"):
        assert abs(row(table, name)[0, 0, 0]) > 0.05
        assert_forbidden([row(table, "WPD")[0, 0, 0]], [row(table, name)[0, 0, 0]], rtol=1e-13)


def test_longitudinal_response_of_a_tilted_cone_has_its_closed_form():
    """LKA xxx = -5 t (mu^2 - m^2)(mu^2 + 3 m^2)/(64 pi mu^6) to first order in t; QK is -3/2 of it."""
    t, m, mu = 1e-3, 0.1, 0.25
    table = table1(sg.models.tilted_dirac(t, m=m), mu, 0.0, rtol=1e-5)
    expected = -5 * t * (mu**2 - m**2) * (mu**2 + 3 * m**2) / (64 * np.pi * mu**6)
    assert row(table, "LKA")[0, 0, 0] == pytest.approx(expected, rel=1e-4)
    assert row(table, "QK")[0, 0, 0] == pytest.approx(-1.5 * expected, rel=1e-4)


def test_any_equal_coefficients_of_energy_and_occupation_give_eq_13():
    tensor = np.random.default_rng(0).normal(size=(2, 2, 2))
    tensor = tensor + tensor.swapaxes(1, 2)
    wanted = SEMICLASSICAL["WPD"].combine(tensor)
    for share in (0.0, 0.5, 1.7):
        assert_same(Ingredients(share, share).combine(tensor), wanted, rtol=1e-14, floor=0.1)
    assert np.abs(SEMICLASSICAL["LKA"].combine(tensor) - wanted).max() > 0.1
    assert SEMICLASSICAL["WPD"].coefficients == (1.0, 1.0)
    assert SEMICLASSICAL["LKA"].coefficients == (2.0, 1.0)


def test_coefficients_of_a_fit_and_the_density_matrix_itself_agree():
    """The same lattice model at a temperature where both can be had: little memory forbids the evaluation."""
    model = random_model(2)
    evaluated = table1(model, MU, 0.1, rtol=1e-4)
    fitted = table1(model, MU, 0.1, rtol=1e-4, max_gigabytes=0.004)
    assert "on a grid of" in evaluated.attrs["qk_source"]
    assert "(c1, c2) = (0.5, 2)" in fitted.attrs["qk_source"]
    assert json.loads(evaluated.attrs["coefficients"])["QK"] is None
    assert_same(row(fitted, "QK"), row(evaluated, "QK"), rtol=2e-4, floor=1e-6)


def test_at_zero_temperature_the_coefficients_come_from_the_model_at_a_higher_one():
    table = table1(random_model(2), 0.9, 0.0)
    assert "density matrix of the model itself at mu =" in table.attrs["qk_source"]
    direct = row(table, "LKA") - row(table, "WPD")
    assert_same(row(table, "QK"), 0.5 * direct + 2.0 * (row(table, "WPD") - direct), rtol=3e-3, floor=1e-5)


def test_a_symmetry_that_kills_every_row_leaves_zeros_and_a_source():
    """Without a tilt the toy model has inversion: no lattice version can tell c1 from c2, random hoppings help."""
    table = table1(sg.models.dirac_pt(t=0.0), 0.25, 0.01)
    assert (np.abs(table["I"].values) <= table["I_error"].values).all()
    assert table["I_error"].values.max() < 1e-9
    assert "with random hoppings" in table.attrs["qk_source"]
    assert json.loads(table.attrs["coefficients"])["QK"] == pytest.approx([0.5, 2.0], abs=1e-7)


def test_a_model_beyond_second_order_is_fitted_to_second_order():
    """What is of fourth order stands in no lattice version, but in the integrals."""

    def warped(kx, ky):
        square = kx**2 + ky**2
        mass = 0.1 + square + 0.5 * kx + 0.3 * square**2
        return np.array([[mass, kx - 1j * ky], [kx + 1j * ky, -mass]])

    table = table1(sg.ContinuumModel(warped, 2, scale=0.5), 0.3, 0.0)
    assert "lattice version to second order in k" in table.attrs["qk_source"]
    direct = row(table, "LKA") - row(table, "WPD")
    assert_same(row(table, "QK"), 0.5 * direct + 2.0 * (row(table, "WPD") - direct), rtol=3e-3, floor=1e-3)


def test_answers_carry_units_errors_and_what_was_asked():
    model = lattice_version(sg.models.dirac_pt(m=0.5, b=1.0, t=0.5), 2.0)
    table = table1(model, 0.6, 0.15)
    assert table["I"].dims == table["I_error"].dims == ("row", "i", "j", "k")
    assert list(table["row"].values) == ["WPD", "LKA", "QK"]
    assert table["I"].attrs["units"] == table["I_error"].attrs["units"] == "nm/eV"
    assert (table.attrs["mu"], table.attrs["kT"], table.attrs["converged"]) == (0.6, 0.15, 1)
    assert (table["I_error"].values >= 0).all()
    assert table["I_error"].values.max() < 2e-3 * np.abs(table["I"].values).max()
    evaluated = density_matrix(model, 0.6, 0.15, "adiabatic", fit=False)
    assert_same(row(table, "QK"), evaluated["tau0"].values, rtol=1e-12, floor=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": 3}, "model must be a ContinuumModel, a LatticeModel or what"),
        ({"mu": [0.1, 0.2]}, "mu must be one real number"),
        ({"mu": np.nan}, "mu must be finite"),
        ({"kT": -0.1}, "kT must be finite and not negative"),
        ({"rtol": 0.0}, "rtol must be finite and above zero"),
        ({"spacing": -1.0}, "spacing must be finite and above zero"),
        (
            {"model": random_model(2), "kT": 0.3, "spacing": 1.0},
            "spacing is for the lattice version of a continuum model",
        ),
        ({"max_gigabytes": 1e-6}, "row QK.*more than max_gigabytes = 1e-06"),
        ({"grid": 64}, "grid is for the density matrix of a lattice model"),
        ({"model": random_model(2), "kT": 0.0, "grid": 64}, "grid is for the density matrix, which needs kT > 0"),
        ({"model": random_model(2), "kT": 0.01, "grid": 16}, "a grid of 16 x 16 is too coarse"),
        ({"progress": "yes"}, "progress must be True or False"),
        ({"max_k_points": 0}, "max_k_points must be at least 1"),
    ],
)
def test_bad_arguments_are_named(changes: dict, message: str):
    arguments = {"model": sg.models.dirac_pt(), "mu": 0.25, "kT": 0.01} | changes
    with pytest.raises(sg.SigmaijkError, match=message):
        table1(**arguments)


def test_position_matrices_have_no_table():
    rng = np.random.default_rng(8)
    home = np.zeros((2, 2, 2), complex)
    home[0] = [[0.1, 0.02], [0.02, -0.1]]
    model = sg.LatticeModel(random_lattice(rng, 2), random_hoppings(rng, 2, 2), position_matrices={(0, 0): home})
    with pytest.raises(sg.ModelError, match=r"off-diagonal position matrices.*positions=model\.positions"):
        table1(model, MU, KT)
