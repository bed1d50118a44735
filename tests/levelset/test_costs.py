"""Which engine is expected to be cheapest, on meshes of plain functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cases.engine import Band, cosine_band, one_component, plane, stacked, zone
from sigmaijk.levelset.costs import Costs, expected
from sigmaijk.levelset.critical import Critical, CriticalPoints
from sigmaijk.levelset.elements import Peaks
from sigmaijk.levelset.field import Field
from sigmaijk.levelset.mesh import Mesh
from sigmaijk.levelset.samples import Cell, Samples
from sigmaijk.levelset.search import first_mesh


def mesh_of(band: Band, cell: Cell) -> tuple[Mesh, list[int]]:
    field = Field(one_component(band), 1_000_000, 1e-6)
    mesh = first_mesh(Samples(field, cell, 1_000_000), field)
    return mesh, field.leads


def costs_of(
    band: Band, centre: Sequence[float], width: Sequence[float], *, rtol: float = 1e-3, cell: Cell | None = None
) -> Costs:
    mesh, leads = mesh_of(band, zone() if cell is None else cell)
    return expected(mesh, leads, Peaks.at(np.array(centre, float), np.array(width, float)), rtol, 10)


def many(count: int) -> Band:
    shifts = np.random.default_rng(5).uniform(0, 2 * np.pi, size=(count, 2))
    return stacked([cosine_band(shift.tolist(), 0.1 * n) for n, shift in enumerate(shifts)])


def test_one_sheet_under_a_narrow_bump_goes_to_patches():
    found = costs_of(cosine_band(), [-1.0], [0.005])
    assert found.best == "patches"
    assert np.isfinite(found.grids)


def test_many_sheets_under_a_wide_bump_go_to_grids():
    found = costs_of(many(8), [0.0], [0.4])
    assert found.best == "grids"
    assert found.grids < 0.5 * min(found.patches, found.simplices)


def test_many_sheets_under_a_narrow_bump_at_a_per_cent_go_to_simplices():
    assert costs_of(many(40), [0.0], [0.005], rtol=1e-2).best == "simplices"


@pytest.mark.parametrize(
    ("centre", "width", "cell"),
    [
        ([0.0], [0.4], plane(3.0)),
        ([0.0], [0.0], None),
        ([0.0, 0.1], [0.0, 0.4], None),
        (np.linspace(-1, 1, 6000).tolist(), [0.05] * 6000, None),
    ],
    ids=["a box", "a delta function", "one delta function among bumps", "more peaks than blocks can hold"],
)
def test_grids_cannot_serve(centre: list[float], width: list[float], cell: Cell | None):
    assert np.isfinite(costs_of(many(8), [0.0], [0.4]).grids)
    found = costs_of(many(8), centre, width, cell=cell)
    assert np.isinf(found.grids)
    assert found.best != "grids"
    assert "grids" not in found.describe()


def test_a_bump_that_meets_no_sheet_needs_no_grid():
    assert np.isinf(costs_of(cosine_band(), [90.0], [0.1]).grids)


def test_first_grid_grows_with_the_slope_and_shrinks_with_the_width():
    wide, narrow = costs_of(cosine_band(), [0.0], [0.4]), costs_of(cosine_band(), [0.0], [0.1])
    np.testing.assert_allclose(narrow.grid, 4 * wide.grid, rtol=1e-12)

    def stretched(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -2 * np.cos(k[:, 0]) - 0.5 * np.cos(k[:, 1]), np.stack([2 * np.sin(k[:, 0]), 0.5 * np.sin(k[:, 1])], 1)

    grid = costs_of(stretched, [0.0], [0.1]).grid
    assert 3.5 < grid[0] / grid[1] < 4.5


def test_critical_energies_near_a_bump_and_an_unfinished_search_make_patches_dearer():
    mesh, leads = mesh_of(cosine_band(), zone())
    peaks = Peaks.at(np.array([-0.5]), np.array([0.05]))
    before = expected(mesh, leads, peaks, 1e-3, 10)

    def after(energies: list[float], complete: bool = True) -> float:
        points = CriticalPoints([Critical(e, "saddle") for e in energies], complete=complete)
        return before.with_ends(peaks, 1e-3, points, 1).patches

    assert after([]) < after([-0.4]) < after([-0.4, -0.6])
    assert after([3.0]) == after([])
    assert after([-0.4], complete=False) == pytest.approx(3 * after([-0.4]))
