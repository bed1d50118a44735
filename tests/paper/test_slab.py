"""The paper's disagreement on a crystal: the MnBi2Te4 slab has C_3z, so WPD is zero and the other rows are not."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sigmaijk as sg
from paper.printed import surface_rows
from sigmaijk.models import mnbi2te4_slab
from support import assert_forbidden, assert_same

MU, KT = 0.15, sg.kelvin(100)
LONGITUDINAL = 4.39e-5
"""LKA xxx, nm/eV: prototype program of ECOSYSTEM.md section 10 E, three digits on 240^2 points."""
ACCURATE = 4.3911309e-5
"""The same on 480^2 midpoints, where WPD is down to 4e-13."""
STRAINED = -1.1211e-6
"""WPD xyy at a strain of 0.2 on 480^2 midpoints, nm/eV."""


@pytest.fixture(scope="module")
def on_a_grid() -> dict[str, np.ndarray]:
    """The printed expressions on 240^2 midpoints, which do not have the threefold axis: it has to come out."""
    return surface_rows(mnbi2te4_slab(), MU, KT, 240, shift=0.5)


@pytest.fixture(scope="module")
def table() -> xr.Dataset:
    return sg.theory.table1(mnbi2te4_slab(), MU, KT)


def test_printed_expressions_on_the_grid_have_the_known_numbers(on_a_grid):
    assert on_a_grid["LKA"][0, 0, 0] == pytest.approx(LONGITUDINAL, abs=0.5e-7)
    assert_same(on_a_grid["QK"][0, 0, 0], -1.5 * on_a_grid["LKA"][0, 0, 0], rtol=1e-12, floor=1e-6)
    assert 1e-9 < np.abs(on_a_grid["WPD"]).max() < 1e-7


def test_table1_has_the_same_numbers_and_says_how_well_it_knows_them(table):
    rows = {row: table["I"].sel(row=row).values for row in ("WPD", "LKA", "QK")}
    assert rows["LKA"][0, 0, 0] == pytest.approx(LONGITUDINAL, abs=0.5e-7)
    assert_same(rows["LKA"][0, 0, 0], ACCURATE, rtol=1e-3, floor=1e-6)
    assert_same(rows["QK"], -1.5 * rows["LKA"], rtol=1e-3, floor=1e-6)
    assert_forbidden(rows["WPD"], rows["LKA"], rtol=1e-8)
    error = {row: table["I_error"].sel(row=row).values for row in rows}
    assert abs(rows["LKA"][0, 0, 0] - ACCURATE) <= error["LKA"][0, 0, 0] < 1e-3 * ACCURATE
    assert (np.abs(rows["WPD"]) <= error["WPD"]).all()
    assert error["WPD"].max() < 1e-7 * ACCURATE


def test_c3_leaves_one_number_to_the_rows_that_survive(on_a_grid):
    """xxx = -xyy = -yxy, and the other vector of yyy, xxy, yxx is killed by the mirror of the slab."""
    tensor, size = on_a_grid["LKA"], on_a_grid["LKA"][0, 0, 0]
    assert_same([tensor[0, 1, 1], tensor[1, 0, 1], tensor[1, 1, 0]], [-size] * 3, rtol=3e-3, floor=1e-6)
    assert np.abs([tensor[1, 1, 1], tensor[0, 0, 1], tensor[1, 0, 0]]).max() < 3e-3 * size


def test_strain_breaks_the_axis_and_lets_wpd_be(table):
    ds = sg.conductivity(mnbi2te4_slab(strain=0.2), MU, KT, terms="qm", rtol=1e-2, progress=False)
    strained = ds["qm_natural"].values[0, 0]
    assert_same(strained[0, 1, 1], STRAINED, rtol=1e-2, floor=1e-7)
    assert_forbidden(table["I"].sel(row="WPD").values, strained, rtol=1e-6)


def test_without_warping_every_component_in_the_plane_is_zero(table):
    """All terms and all rows at t4 = 0 within their errors, beside those of the warped and of the strained slab."""
    flat = sg.conductivity(mnbi2te4_slab(t4=0.0), MU, KT, progress=False)
    warped = sg.conductivity(mnbi2te4_slab(), MU, KT, terms="drude", rtol=1e-2, progress=False)
    assert_forbidden(flat["drude_natural"].values, warped["drude_natural"].values, rtol=1e-12)
    assert_forbidden(flat["qm_natural"].values, np.array([STRAINED]), rtol=1e-8)
    for term in ("drude", "bcd", "qm"):
        assert (np.abs(flat[term].values) <= flat[f"{term}_error"].values).all()
    rows = sg.theory.table1(mnbi2te4_slab(t4=0.0), MU, KT)
    assert_forbidden(rows["I"].values, table["I"].sel(row="LKA").values, rtol=1e-8)


def test_the_hidden_twofold_axis_kills_every_row_of_the_published_slab(on_a_grid):
    published = surface_rows(mnbi2te4_slab(t4=0.0), MU, KT, 60, shift=0.0)
    for row in ("LKA", "QK"):
        assert_forbidden(published[row], on_a_grid[row], rtol=1e-8)
