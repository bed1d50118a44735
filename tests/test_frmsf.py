"""Files for FermiSurfer: read back, they are the energies and values of the model, in the documented order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError, OutputError
from support import assert_same

MODEL = sg.models.chiral_crystal(a=0.5, c=0.7)
GRID = (4, 5, 6)


def read_back(path: Path) -> tuple[tuple[int, ...], int, np.ndarray, np.ndarray]:
    """Grid, kind of grid, reciprocal vectors, and tables (table, band, i, j, k), the last index running fastest."""
    words = path.read_text(encoding="ascii").split()
    n, kind, bands = tuple(map(int, words[:3])), int(words[3]), int(words[4])
    reciprocal = np.array(words[5:14], dtype=float).reshape(3, 3)
    return n, kind, reciprocal, np.array(words[14:], dtype=float).reshape(-1, bands, *n)


def test_the_file_holds_energies_and_vectors_on_a_grid_from_the_centre(tmp_path: Path):
    path = tmp_path / "x.frmsf"
    count = sg.write_frmsf(path, MODEL, "berry_curvature", ("yz", "zx", "xy"), mu=0.5, points=GRID, window=9.0)
    n, kind, reciprocal, tables = read_back(path)
    assert (count, n, kind, len(tables)) == (2, GRID, 1, 4)
    assert_same(reciprocal @ MODEL.lattice.T, 2 * np.pi * np.eye(3), rtol=1e-10, floor=1.0)
    rng = np.random.default_rng(0)
    for i, j, k in rng.integers(0, GRID, size=(10, 3)):
        geometry = sg.band_geometry(MODEL, np.array([[i / 4, j / 5, k / 6]]) @ MODEL.reciprocal)
        assert_same(tables[0, :, i, j, k], geometry.energy[0] - 0.5, rtol=1e-9, floor=0.1)
        for table, (a, b) in zip(tables[1:], ((1, 2), (2, 0), (0, 1)), strict=True):
            assert np.abs(table[:, i, j, k] - geometry.berry_curvature[0, :, a, b]).max() < 1e-8


def test_bands_far_from_the_level_are_left_out_and_values_are_optional(tmp_path: Path):
    path = tmp_path / "x.frmsf"
    assert sg.write_frmsf(path, MODEL, mu=0.5, points=GRID) == 1
    tables = read_back(path)[3]
    assert tables.shape == (1, 1, *GRID)
    assert tables.min() < 0 < tables.max()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"model": sg.models.haldane()}, "needs a lattice model in three dimensions"),
        ({"model": sg.models.weyl()}, "needs a lattice model in three dimensions"),
        ({"component": "xy"}, "component 'xy' needs a quantity"),
        ({"quantity": "quantum_metric"}, "give one component or three of quantum_metric, got 0"),
        ({"points": (4, 4)}, "points must be three whole numbers"),
        ({"points": (4000, 4000, 4000)}, "are too many for 2 bands"),
        ({"mu": 30.0}, "no band of .* comes within 0.5 eV of mu = 30 eV"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, problem: str, tmp_path: Path):
    with pytest.raises(ArgumentError, match=problem):
        sg.write_frmsf(tmp_path / "x.frmsf", **{"model": MODEL, "points": GRID, "mu": 0.5, **arguments})


def test_a_folder_that_is_not_there_is_an_error_with_its_name(tmp_path: Path):
    with pytest.raises(OutputError, match=r"cannot write .*nowhere"):
        sg.write_frmsf(tmp_path / "nowhere" / "x.frmsf", MODEL, mu=0.5, points=GRID)
