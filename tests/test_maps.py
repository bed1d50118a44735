"""Maps of the geometry: the numbers of `band_geometry` at the places that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

import sigmaijk as sg
from sigmaijk.errors import ArgumentError, ArgumentTypeError
from sigmaijk.quantities import QUANTITIES
from support import assert_same

CONE = sg.models.tilted_dirac(0.3)
LAYER = sg.models.haldane()


def test_a_plane_holds_the_closed_form_of_the_curvature():
    """Omega_xy = -+ v**2 m/(2 E**3), at k = origin + u axes[0] + v axes[1]."""
    found = sg.geometry_map(CONE, "berry_curvature", origin=[-0.3, 0.1], axes=[[0.5, 0.1], [0.0, 0.4]], points=7)
    u, v = np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 1, 7), indexing="ij")
    kx, ky = -0.3 + 0.5 * u, 0.1 + 0.1 * u + 0.4 * v
    assert_same(found.k, np.stack([kx, ky], axis=-1), rtol=1e-14, floor=0.1)
    expected = 0.1 / (2 * (kx**2 + ky**2 + 0.01) ** 1.5)
    assert_same(found.component("xy"), np.stack([expected, -expected], axis=-1), rtol=1e-11, floor=1.0)
    assert found.unit == "nm^2"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_is_that_of_band_geometry(quantity: str):
    found = sg.geometry_map(LAYER, quantity, points=5)
    direct = getattr(sg.band_geometry(LAYER, found.k.reshape(-1, 2)), quantity)
    assert_same(found.values.reshape(direct.shape), direct, rtol=1e-15, floor=1e-3)
    dataset = found.to_dataset()
    np.testing.assert_array_equal(dataset[quantity].values, found.values)
    assert dataset[quantity].attrs["units"] == found.unit


def test_a_path_passes_through_its_corners_with_its_length_in_reciprocal_nanometres():
    corners = np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 0.3]])
    found = sg.geometry_map(CONE, "energy", path=corners, labels=["A", "B", "C"], points=12)
    assert found.distance is not None
    assert found.nodes is not None
    assert_same(found.nodes, [0.0, 0.5, 0.8], rtol=1e-14, floor=0.1)
    for corner, place in zip(corners, found.nodes, strict=True):
        (row,) = np.flatnonzero(found.distance == place)
        assert_same(1 + found.k[row], 1 + corner, rtol=1e-14, floor=0.1)
    assert_same(np.linalg.norm(np.diff(found.k, axis=0), axis=1), np.diff(found.distance), rtol=1e-12, floor=1e-3)


def test_occupied_states_have_the_curvature_of_the_lower_band_in_the_gap_and_none_when_full():
    found = sg.geometry_map(CONE, "berry_curvature", axes=[[0.2, 0], [0, 0.2]], points=5)
    assert_same(found.occupied(0.0, 1e-3), found.values[..., 0, :, :], rtol=1e-9, floor=1.0)
    assert np.abs(found.occupied(5.0)).max() < 1e-12 * np.abs(found.values).max()
    half = found.occupied(0.2, 0.05)
    weight = 1 / (1 + np.exp((found.energy - 0.2) / 0.05))
    assert_same(half, (weight[..., None, None] * found.values).sum(axis=2), rtol=1e-12, floor=1.0)


def test_mean_curvature_over_the_default_cell_is_the_chern_number():
    """The plane is one reciprocal cell with both of its ends: the last row and column are left out."""
    found = sg.geometry_map(LAYER, "berry_curvature", points=41)
    mean = found.component("xy")[:-1, :-1, 0].mean() * (2 * np.pi) ** 2 / LAYER.volume
    assert mean / (2 * np.pi) == pytest.approx(-1.0, abs=1e-3)


@pytest.mark.parametrize("path", [None, [[-0.3, 0.0], [0.3, 0.0]]])
def test_pictures_are_written_and_hold_colours(path, tmp_path):
    found = sg.geometry_map(CONE, "quantum_metric_dipole", path=path, points=21)
    found.plot(tmp_path / "map.png", component="xyy", mu=0.2)
    picture = imread(tmp_path / "map.png")[..., :3]
    assert np.unique(picture.reshape(-1, 3), axis=0).shape[0] > 100
    title = found.plot().axes[0].get_title()
    assert "tilted_dirac" in title


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"model": None}, ArgumentTypeError, "model must be a ContinuumModel"),
        ({"quantity": "berry"}, ArgumentError, "unknown quantity 'berry'"),
        ({"quantity": 3}, ArgumentTypeError, "quantity must be a name"),
        ({"points": 1}, ArgumentError, "points must be a whole number of at least 2, got 1"),
        ({"points": 10**5}, ArgumentError, "points must be at most 2000 along each axis"),
        ({"axes": [[1, 0], [2, 0]]}, ArgumentError, "axes must be two independent rows"),
        ({"path": [[0, 0]]}, ArgumentError, "path must have at least two rows"),
        ({"path": [[0, 0], [1, 0]], "origin": [0, 0]}, ArgumentError, "give either a path or"),
        ({"path": [[0, 0], [1, 0]], "labels": ["A"]}, ArgumentError, "labels must name the 2 corners"),
    ],
)
def test_what_is_no_map_is_refused(arguments, error: type[Exception], problem: str):
    with pytest.raises(error, match=problem):
        sg.geometry_map(**{"model": CONE, "quantity": "berry_curvature", **arguments})


def test_components_and_bands_that_do_not_exist_are_refused():
    found = sg.geometry_map(CONE, "berry_curvature", points=3)
    with pytest.raises(ArgumentError, match="a component here is 2 letters of 'xy', got 'xyz'"):
        found.component("xyz")
    with pytest.raises(ArgumentError, match="band must be a whole number from 0 to 1, got 2"):
        found.plot(band=2)
