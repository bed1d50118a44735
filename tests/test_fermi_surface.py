"""Where a conductivity comes from: points whose contributions sum to it, by any way of dividing them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

import sigmaijk as sg
from sigmaijk.errors import ArgumentError
from support import assert_forbidden, assert_same

CASES = {
    "toy": (sg.models.dirac_pt, {}, 0.25),
    "two cones": (sg.models.haldane, {"M": 0.3, "phi": 0.7}, 1.0),
    "crystal": (sg.models.chiral_crystal, {}, 0.5),
    "torus": (sg.models.nodal_line, {"gap": 0.06}, 0.1),
}
OPPOSITE = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])


def valleys(kx, ky):
    """Two tilted cones of unlike masses that nothing couples, at kx = +-1."""
    X, Y, Z = OPPOSITE
    left = (kx + 1) * (X + 0.3 * np.eye(2)) + ky * Y + 0.1 * Z
    right = (kx - 1) * (X - 0.2 * np.eye(2)) + ky * Y + 0.15 * Z
    return np.kron(np.diag([1, 0]), left) + np.kron(np.diag([0, 1]), right)


@pytest.mark.parametrize(
    ("case", "term"),
    [(case, term) for case in CASES for term in ("drude", "bcd", "qm") if case != "torus" or term == "bcd"],
)
def test_contributions_sum_to_the_conductivity_within_the_stated_errors(case: str, term: str):
    build, parameters, mu = CASES[case]
    found = sg.fermi_map(build(**parameters), mu, term, rtol=1e-3)
    ds = sg.conductivity(build(**parameters), mu, 0.0, terms=term, rtol=3e-4, progress=False)
    expected, error = (ds[f"{term}_natural{end}"].values[0, 0] for end in ("", "_error"))
    assert (np.abs(found.total - expected) <= found.error + error).all()
    assert np.abs(found.contribution).sum(axis=0).max() > 1e-5 or case == "toy"
    if np.abs(expected).max() > 1e-3:
        assert found.error.max() <= 3e-3 * np.abs(expected).max()


@pytest.mark.parametrize("case", CASES)
def test_points_lie_on_the_surface_and_carry_the_integrand_there(case: str):
    build, parameters, mu = CASES[case]
    found = sg.fermi_map(build(**parameters), mu)
    geometry = sg.band_geometry(build(**parameters), found.k)
    rows = np.arange(len(found.k))
    assert np.abs(geometry.energy[rows, found.band] - mu).max() < 1e-6
    assert_same(found.velocity, geometry.velocity[rows, found.band], rtol=1e-9, floor=1e-2)
    expected = found.multiplicity[:, None, None, None] * geometry.quantum_metric_dipole[rows, found.band]
    assert_same(found.integrand, expected, rtol=1e-9, floor=1e-3)
    assert (found.weight > 0).all()


def test_weights_are_the_density_of_states_of_the_ring():
    """|E|/(4 pi b v) without tilt, on the line as on the surface: 2 mu/(2 pi v**2) for two bands of the plane."""
    ring = sg.fermi_map(sg.models.nodal_line(v=0.9, b=1.1, t=0.0, gap=0.02), 0.1, "bcd", rtol=1e-4)
    assert ring.density_of_states == pytest.approx(0.1 / (4 * np.pi * 1.1 * 0.9), rel=1e-6)
    line = sg.fermi_map(sg.models.dirac_antiferromagnet(w=0.0, v=0.7, delta=0.05), 0.1, "drude", rtol=1e-6)
    assert line.density_of_states == pytest.approx(2 * 0.1 / (2 * np.pi * 0.7**2), rel=1e-6)
    assert (line.multiplicity == 2).all()


def test_curvature_dipole_of_a_weyl_node_has_the_trace_of_a_monopole():
    """Sum of weight v_a Omega_b, -1/(4 pi**2) on the diagonal together: another integrand on the same points."""
    model = sg.models.weyl(0.5)
    found = sg.fermi_map(model, 0.2, "bcd", rtol=1e-4)
    curvature = sg.band_geometry(model, found.k).berry_curvature[:, 1]
    vector = np.stack([curvature[:, a, b] for a, b in ((1, 2), (2, 0), (0, 1))], axis=1)
    dipole = np.einsum("k,ka,kb->ab", found.weight, found.velocity, vector)
    assert np.trace(dipole) == pytest.approx(-1 / (4 * np.pi**2), rel=1e-5)


@pytest.mark.parametrize("term", ["drude", "bcd", "qm"])
def test_pairs_of_bands_sum_to_the_total_and_uncoupled_bands_have_none(term: str):
    model = sg.ContinuumModel(valleys, 2)
    found = sg.fermi_map(model, 0.3, term)
    pairs = found.by_pair()
    total = pairs["pair"].sum(("band", "other")) + pairs["direct"].sum("band")
    assert_same(total.values, found.total, rtol=1e-12, floor=1e-3)
    assert (np.abs(pairs["pair"].values) > 1e-9 * np.abs(found.total).max()).any()
    largest = np.abs(pairs["pair"].values).max(axis=(2, 3, 4))
    # H has no second derivatives: all of its inverse mass is mixing.
    assert_forbidden(pairs["direct"].values, found.total, rtol=1e-12)
    assert (largest > 1e-3 * largest.max()).sum(axis=1).max() <= 2


def test_pairs_hold_the_direct_part_of_position_matrices_and_multiplets():
    """CuMnAs: a doublet at the level, two states of the other pair; the total with its error is that of the driver."""
    model = sg.models.cumnas(direction=(0.8, 0, 0.6))
    found = sg.fermi_map(model, -0.6, "drude", rtol=1e-4)
    pairs = found.by_pair()
    assert list(pairs["band"].values) == [0]
    assert_same(
        pairs["pair"].values[0, 2:].sum(axis=0) + pairs["direct"].values[0], found.total, rtol=1e-12, floor=1e-3
    )
    assert not pairs["pair"].values[0, :2].any()
    assert np.abs(pairs["direct"].values).max() > 0.1 * np.abs(found.total).max()


def test_regions_sum_to_the_total_and_tell_the_valleys_apart():
    model = sg.ContinuumModel(valleys, 2)
    found = sg.fermi_map(model, 0.3, rtol=1e-6)
    regions = found.by_region({"left": [-1, 0], "right": [1, 0]})
    assert_same(sum(regions.values()), found.total, rtol=1e-12, floor=1e-3)
    alone = sg.fermi_map(sg.models.tilted_dirac(0.3, m=0.1), 0.3, rtol=1e-6)
    assert_same(regions["left"], alone.total, rtol=1e-5, floor=1e-3)
    sides = found.by_region(lambda k: np.where(k[:, 0] < 0, "left", "right").tolist())
    assert_same(sides["right"], regions["right"], rtol=1e-12, floor=1e-3)


def test_regions_of_a_lattice_reach_across_the_border_of_the_cell():
    """The two valleys of Haldane's model: shifting a centre by a reciprocal vector changes nothing."""
    model = sg.models.haldane(M=0.5, phi=0.3)
    found = sg.fermi_map(model, 0.75, "drude")
    centres = np.array([[1.0, 0.0], [-1.0, 0.0]]) * 4 * np.pi / 3
    first = found.by_region({"K": centres[0], "K'": centres[1]})
    moved = found.by_region({"K": centres[0] + model.reciprocal[0], "K'": centres[1] - model.reciprocal[1]})
    assert_same(sum(first.values()), found.total, rtol=1e-12, floor=1e-6)
    assert_same(moved["K"], first["K"], rtol=1e-12, floor=1e-6)
    assert np.abs(first["K"]).max() > 2 * np.abs(found.total).max() / 3


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_centre_of_an_oblique_cell_is_that_of_all_its_images(seed: int):
    model = sg.models.haldane(M=0.5, phi=0.3)
    found = sg.fermi_map(model, 1.5, "drude")
    centres = np.random.default_rng(seed).uniform(-9, 9, size=(2, 2))
    shifts = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 2), axis=-1).reshape(-1, 2) @ model.reciprocal
    away = np.linalg.norm(found.k[:, None, None] - centres[:, None] - shifts, axis=-1).min(axis=2)
    regions = found.by_region({str(number): centre for number, centre in enumerate(centres)})
    expected = [found.contribution[away.argmin(axis=1) == number].sum(axis=0) for number in range(2)]
    assert_same(list(regions.values()), expected, rtol=1e-12, floor=1e-6)


def test_dominant_places_share_out_everything_and_lie_in_the_valleys():
    model = sg.ContinuumModel(valleys, 2)
    found = sg.fermi_map(model, 0.16, rtol=1e-4)
    spots = found.dominant("yxx", count=500)
    assert sum(spot.share for spot in spots) == pytest.approx(1.0, abs=1e-9)
    assert sum(spot.contribution for spot in spots) == pytest.approx(found.total[1, 0, 0], abs=1e-12)
    assert [spot.share for spot in spots] == sorted((spot.share for spot in spots), reverse=True)
    few = found.dominant("xyy", count=3, radius=0.5)
    assert {round(float(spot.k[0])) for spot in few} <= {-1, 1}
    assert min(spot.gap for spot in few) > 0.1


def test_a_level_in_the_gap_has_no_points_and_no_error():
    found = sg.fermi_map(sg.models.tilted_dirac(0.3), 0.0)
    assert len(found.k) == 0
    assert not found.total.any()
    assert not found.error.any()
    assert found.dominant("xyy") == []


def test_a_search_that_was_cut_short_has_an_infinite_error():
    with pytest.warns(sg.ConvergenceWarning, match="was not found within"):
        found = sg.fermi_map(sg.models.chiral_crystal(), 0.5, max_k_points=50)
    assert np.isinf(found.error).all()


def test_the_dataset_holds_the_points_and_the_picture_shows_them(tmp_path):
    found = sg.fermi_map(sg.models.dirac_pt(), 0.25)
    ds = found.to_dataset()
    assert_same(ds["contribution"].sum("point").values, ds["total"].values, rtol=1e-12, floor=1e-3)
    assert (ds.attrs["si_unit"], ds["total"].attrs["units"]) == ("A nm/V^2", "nm/eV")
    ds.to_netcdf(tmp_path / "map.nc", engine="h5netcdf")
    for number, (model, mu) in enumerate(((sg.models.dirac_pt(), 0.25), (sg.models.weyl(), 0.2))):
        sg.fermi_map(model, mu, "qm").plot(tmp_path / f"{number}.png")
        assert np.unique(imread(tmp_path / f"{number}.png")[..., :3].reshape(-1, 3), axis=0).shape[0] > 100


def test_requests_that_name_nothing_are_refused():
    with pytest.raises(ArgumentError, match="unknown term 'metric'"):
        sg.fermi_map(sg.models.dirac_pt(), 0.25, "metric")
    with pytest.raises(ArgumentError, match="term must be the name of one term"):
        sg.fermi_map(sg.models.dirac_pt(), 0.25, ["qm"])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="mu must be finite"):
        sg.fermi_map(sg.models.dirac_pt(), np.inf)
    found = sg.fermi_map(sg.models.dirac_pt(), 0.25)
    with pytest.raises(ArgumentError, match="a component here is 3 letters of 'xy', got 'xzz'"):
        found.dominant("xzz")
    with pytest.raises(ArgumentError, match="regions must name at least one centre"):
        found.by_region({})
