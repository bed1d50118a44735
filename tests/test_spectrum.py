"""The spectral function: its moments are the conductivity, and it says what its window leaves out."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from support import assert_same

EDGE = 0.07247728215
"""Band edge of the toy model, eV: the spectrum is symmetric and empty between -EDGE and EDGE."""

TOY = {(0.12, 0.0): -0.321168626498921, (0.25, 0.0): -0.215016002429506, (0.12, 0.02585): -0.243127052903461}
"""I_qm,xyy of Eq. 20 at t = 0.9 and (mu, kT), by two independent programs, nm/eV."""


@pytest.fixture(scope="module")
def toy() -> sg.Spectrum:
    return sg.spectrum(sg.models.dirac_pt(), (-1.0, 1.3), progress=False)


@pytest.fixture(scope="module")
def square() -> sg.Spectrum:
    return sg.spectrum(tilted_square(), (-2.5, 2.5), terms="drude", rtol=1e-3, progress=False)


def tilted_square(**options) -> sg.LatticeModel:
    """One band on a square lattice without inversion and time reversal: edges and two saddles."""
    hoppings = {(1, 0): -0.5 + 0.2j, (0, 1): -0.5, (1, 1): 0.1j}
    matrices = {R: np.array([[t]]) for R, t in hoppings.items()}
    matrices |= {tuple(-n for n in R): m.conj() for R, m in matrices.items()}
    return sg.LatticeModel(np.eye(2), matrices, **options)


def xyy(ds, term: str = "qm") -> tuple[np.ndarray, np.ndarray]:
    """Natural value and error, (kT, mu)."""
    return ds[f"{term}_natural"].values[..., 0, 1, 1], ds[f"{term}_natural_error"].values[..., 0, 1, 1]


@pytest.mark.parametrize(("mu", "kT"), list(TOY))
def test_moments_of_the_toy_model_are_the_reference_values(toy, mu: float, kT: float):
    value, error = (entry.item() for entry in xyy(toy.moment(mu, kT)))
    true = abs(value - TOY[mu, kT])
    assert true <= error
    assert error <= 1e-4 * abs(TOY[mu, kT])


def test_moments_are_those_of_the_conductivity(toy):
    """At kT = 0 and above, in a band, near its edge and in the gap."""
    mu, kT = [-0.3, -0.0725, 0.0, 0.08, 0.3], [0.0, 0.004, 0.02585]
    found = toy.moment(mu, kT, tau=50.0)
    direct = sg.conductivity(sg.models.dirac_pt(), mu, kT, tau=50.0, rtol=1e-3, progress=False)
    for term in ("drude", "qm", "total"):
        name = term if term == "total" else f"{term}_natural"
        difference = np.abs(found[name].values - direct[name].values)
        assert (difference <= found[f"{name}_error"].values + direct[f"{name}_error"].values).all()
        assert_same(found[name].values, direct[name].values, rtol=1e-3, floor=1e-10)
    assert found.attrs["converged"] == 1
    assert json.loads(found.attrs["in_gap"]) == json.loads(direct.attrs["in_gap"])
    assert "bcd" in {record["term"] for record in json.loads(found.attrs["noise_limited"])}


def test_the_dataset_is_that_of_the_conductivity(toy, tmp_path: Path):
    found = toy.moment([0.1, 0.2], tau=10.0)
    direct = sg.conductivity(sg.models.dirac_pt(), [0.1, 0.2], tau=10.0, rtol=1e-2, progress=False)
    assert set(found.variables) == set(direct.variables)
    for name, variable in direct.variables.items():
        assert found[name].dims == variable.dims
        assert found[name].attrs == variable.attrs
    assert found.attrs["method"] == "spectrum"
    assert found.attrs["convention"] == direct.attrs["convention"]
    assert found.attrs["k_points"] == toy.k_points
    for name in ("symmetry", "symmetry_forms", "k_points_symmetry"):
        assert found.attrs[name] == direct.attrs[name]
    floors = json.loads(found.attrs["noise_floor"])
    assert floors["qm"]["error"] > 0.0
    assert floors["qm"]["ratio"] <= 1.0
    found.to_netcdf(tmp_path / "a.nc")
    assert sg.open_result(tmp_path / "a.nc").identical(found)


def test_moments_cost_no_k_points_and_two_spectra_are_equal_bits(toy):
    before = toy.k_points
    toy.moment(np.linspace(-0.3, 0.5, 30), [0.0, 0.01])
    assert toy.k_points == before < 12_000
    again = sg.spectrum(sg.models.dirac_pt(), (-1.0, 1.3), progress=False)
    assert toy.moment(0.2, 0.01).identical(again.moment(0.2, 0.01))


def test_the_toy_model_is_symmetric_in_energy(toy):
    """C H(k) C^-1 = -H(k) maps the bands onto each other with the same metric dipole."""
    mu, kT = np.array([0.0, 0.05, 0.1, 0.2]), [0.0, 0.02]
    upper, lower = toy.moment(mu, kT), toy.moment(-mu, kT)
    assert_same(xyy(lower)[0], xyy(upper)[0], rtol=2e-4, floor=0.1)
    difference = np.abs(xyy(lower)[0] - xyy(upper)[0])
    assert (difference <= xyy(lower)[1] + xyy(upper)[1]).all()


def test_critical_energies_of_the_toy_model_are_its_band_edges(toy):
    assert [one.kind for one in toy.critical] == ["edge", "edge"]
    assert [one.energy for one in toy.critical] == pytest.approx([-EDGE, EDGE], abs=1e-10)
    bands = [one.band for one in toy.critical]
    assert bands == [0, 2]
    for one in toy.critical:
        geometry = sg.band_geometry(sg.models.dirac_pt(), one.k[None])
        assert geometry.energy[0, one.band] == pytest.approx(one.energy, abs=1e-10)
        assert np.abs(geometry.velocity[0, one.band]).max() < 1e-5


def test_nothing_is_in_the_gap(toy):
    value, error = toy.evaluate([-0.07, 0.0, 0.07], "qm")
    assert not value.any()
    assert error.max() < 1e-15


def test_s_is_minus_the_conductivity_at_zero_temperature(toy):
    value, error = toy.evaluate([0.12, 0.25], "qm")
    assert value.shape == error.shape == (2, 2, 2, 2)
    assert value[:, 0, 1, 1] == pytest.approx([-TOY[0.12, 0.0], -TOY[0.25, 0.0]], abs=1e-5)
    assert_same(value[:, 1, 0, 1], -value[:, 0, 1, 1] / 2, rtol=1e-12, floor=0.1)


def test_a_drude_moment_over_the_whole_band_vanishes(square):
    """int S d energy = sum of F over the cell, a total derivative: -int I d mu over all mu at any kT."""
    ends = [square.window[0], *(one.energy for one in square.critical), square.window[1]]
    x, w = np.polynomial.legendre.leggauss(24)
    total, size = 0.0, 0.0
    for low, high in pairwise(ends):
        value, _ = square.evaluate(0.5 * (low + high) + 0.5 * (high - low) * x, "drude")
        total = total + 0.5 * (high - low) * np.einsum("e,eijk->ijk", w, value)
        size += 0.5 * (high - low) * np.einsum("e,e->", w, np.abs(value).max(axis=(1, 2, 3)))
    assert size > 0.02
    assert np.abs(total).max() < 1e-3 * size


def test_saddles_lie_in_the_spectrum_of_a_square_lattice(square):
    assert [one.kind for one in square.critical] == ["edge", "saddle", "saddle", "edge"]
    mu, kT = [-1.5, -0.01, 0.1, 0.2, 1.0, 2.3], [0.0, 0.02]
    found = square.moment(mu, kT)
    direct = sg.conductivity(tilted_square(), mu, kT, terms="drude", rtol=1e-4, progress=False)
    difference = np.abs(found["drude_natural"].values - direct["drude_natural"].values)
    assert (difference <= found["drude_natural_error"].values + direct["drude_natural_error"].values).all()
    assert_same(found["drude_natural"].values, direct["drude_natural"].values, rtol=1e-3, floor=1e-2)
    assert found.attrs["converged"] == 1


def test_exactly_at_a_saddle_there_is_no_limit_at_zero_temperature(square):
    saddle = square.critical[1]
    with pytest.warns(sg.SingularResponseWarning, match="van Hove saddle"):
        ds = square.moment(saddle.energy, [0.0, 0.01])
    assert np.isinf(ds["drude_error"].values[0]).all()
    assert np.isfinite(ds["drude_error"].values[1]).all()
    assert np.isfinite(ds["drude"].values).all()
    assert ds.attrs["converged"] == 0
    assert json.loads(ds.attrs["singular"])[0]["kind"] == "van Hove saddle"


def test_spin_degeneracy_counts(square):
    doubled = sg.spectrum(tilted_square(spin_degeneracy=2), (0.8, 1.2), terms="drude", progress=False)
    assert_same(doubled.evaluate(1.0, "drude")[0], 2 * square.evaluate(1.0, "drude")[0], rtol=1e-3, floor=1e-2)


def test_components_narrow_the_tolerance_and_fill_all_entries():
    ds = sg.spectrum(tilted_square(), (0.8, 1.2), terms="drude", components="xxx", progress=False).moment(1.0)
    assert ds.attrs["components"] == "xxx"
    assert np.abs(ds["drude_natural"].values).min() >= 0
    assert np.abs(xyy(ds, "drude")[0]).item() > 1e-2


def test_a_term_that_is_odd_in_k_is_zero_within_a_tiny_error():
    model = sg.LatticeModel(np.eye(2), {R: np.array([[-0.5]]) for R in ((1, 0), (-1, 0), (0, 1), (0, -1))})
    ds = sg.spectrum(model, (0.5, 1.5), terms="drude", progress=False).moment(1.0)
    assert not ds["drude"].values.any()
    assert 0 < ds["drude_natural_error"].values.max() < 1e-12
    assert json.loads(ds.attrs["odd_in_k"]) == ["drude"]
    assert ds.attrs["converged"] == 1


@pytest.fixture(scope="module")
def narrow() -> sg.Spectrum:
    """A window whose upper end lies in the band."""
    return sg.spectrum(sg.models.dirac_pt(), (-0.05, 0.3), terms="qm", rtol=1e-3, progress=False)


@pytest.mark.parametrize("kT", [0.0, 0.002, 0.02])
def test_outside_the_window_the_error_is_infinite(narrow, kT: float):
    with pytest.warns(sg.ConvergenceWarning, match=r"outside the window .* choose window=\("):
        ds = narrow.moment([0.2, 0.31], kT)
    assert np.isinf(ds["qm_error"].values[0, 1]).all()
    assert np.isfinite(ds["qm_error"].values[0, 0]).all()
    assert np.isfinite(ds["qm"].values).all()
    assert ds.attrs["converged"] == 0
    value, error = narrow.evaluate(0.31, "qm")
    assert not value.any()
    assert np.isinf(error).all()


@pytest.mark.parametrize("mu", [0.25, 0.28, 0.299])
def test_what_a_bump_has_beyond_the_window_is_in_the_error(narrow, toy, mu: float):
    with pytest.warns(sg.ConvergenceWarning, match="outside the window"):
        cut = narrow.moment(mu, 0.01)
    value, error = xyy(cut)
    assert abs(value - xyy(toy.moment(mu, 0.01))[0]).item() <= error.item()
    assert cut.attrs["converged"] == 0


def test_a_window_in_a_gap_knows_nothing_of_what_is_outside():
    found = sg.spectrum(sg.models.dirac_pt(), (-0.05, 0.05), terms="qm", progress=False)
    assert found.critical == []
    assert json.loads(found.moment(0.0, 0.001).attrs["in_gap"])
    assert found.moment(0.0, 0.001).attrs["converged"] == 1
    with pytest.warns(sg.ConvergenceWarning, match="outside the window"):
        ds = found.moment(0.0, 0.01)
    assert np.isinf(ds["qm_error"].values).all()


def test_a_window_where_the_model_has_no_bands_is_empty():
    ds = sg.spectrum(tilted_square(), (5.0, 6.0), terms="drude", progress=False).moment(5.5, [0.0, 0.001])
    assert not ds["drude"].values.any()
    assert len(json.loads(ds.attrs["in_gap"])) == 2


@pytest.mark.parametrize("limit", [10, 400, 2000])
def test_points_that_end_leave_an_honest_spectrum(limit: int, toy):
    with pytest.warns(sg.ConvergenceWarning, match="was not reached in"):
        found = sg.spectrum(sg.models.dirac_pt(), (-0.4, 0.6), terms="qm", max_k_points=limit, progress=False)
    assert found.k_points <= limit
    mu = np.linspace(-0.3, 0.5, 9)
    with pytest.warns(sg.ConvergenceWarning):
        ds = found.moment(mu, [0.0, 0.005])
    reference, _ = xyy(toy.moment(mu, [0.0, 0.005]))
    value, error = xyy(ds)
    assert ds.attrs["converged"] == 0
    assert (np.abs(value - reference) <= 3 * error + 1e-6).all()


def test_a_gapless_tilted_node_is_refused_by_the_metric_term_alone():
    model = sg.models.tilted_dirac(t=0.3, m=0.0)
    with pytest.warns(sg.ConvergenceWarning):
        found = sg.spectrum(model, (-0.2, 0.3), rtol=1e-2, max_k_points=20_000, progress=False)
    assert "node" in [one.kind for one in found.critical]
    with pytest.warns(sg.SingularResponseWarning, match="gapless tilted node"):
        ds = found.moment(0.1, 0.01)
    assert np.isinf(ds["qm_error"].values).all()
    assert np.isfinite(ds["drude_error"].values).all()
    value, error = xyy(found.moment(0.1), "drude")
    direct = xyy(sg.conductivity(model, 0.1, terms="drude", progress=False), "drude")
    assert abs(value - direct[0]).item() <= (error + direct[1]).item()


def test_a_spectrum_survives_pickling_and_says_what_it_is(toy):
    again = pickle.loads(pickle.dumps(toy))
    assert again.moment(0.2, 0.01).identical(toy.moment(0.2, 0.01))
    text = repr(toy)
    for part in ("dirac_pt", "-1 to 1.3 eV", "drude, bcd, qm", f"{toy.k_points:,} k-points", "2 critical"):
        assert part in text
    assert toy.window == (-1.0, 1.3)
    assert toy.terms == ("drude", "bcd", "qm")
    assert (np.diff(toy.energies) > 0).all()


@pytest.mark.parametrize(
    "window", [(0.3, 0.1), (0.2, 0.2), (0.1,), 0.3, (0.0, np.inf), (np.nan, 1.0), (0.0, 0.1, 0.2), []]
)
def test_a_window_is_two_increasing_energies(window):
    with pytest.raises(sg.ArgumentError, match="window must be two energies in eV, the lower first"):
        sg.spectrum(sg.models.dirac_pt(), window)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model": "toy"}, sg.ArgumentTypeError, "model must be a ContinuumModel.*got str"),
        ({"window": ("a", "b")}, sg.ArgumentTypeError, "window must be two energies"),
        ({"terms": "qmm"}, sg.ArgumentError, "unknown term 'qmm'.*did you mean 'qm'"),
        ({"components": "xyz"}, sg.ArgumentError, "unknown component 'xyz'"),
        ({"rtol": 0.0}, sg.ArgumentError, "rtol must be finite and above zero"),
        ({"degeneracy_tol": -1.0}, sg.ArgumentError, "degeneracy_tol must be finite and not negative"),
        ({"max_k_points": 0}, sg.ArgumentError, "max_k_points must be at least 1"),
    ],
)
def test_bad_arguments_are_named(changes, error, message: str):
    arguments = {"model": sg.models.dirac_pt(), "window": (-0.1, 0.3)} | changes
    with pytest.raises(error, match=message):
        sg.spectrum(arguments.pop("model"), arguments.pop("window"), **arguments)


def test_bad_questions_are_named(toy, square):
    with pytest.raises(sg.ArgumentError, match="kT must not be negative"):
        toy.moment(0.1, -0.01)
    with pytest.raises(sg.ArgumentError, match="mu must be finite"):
        toy.moment(np.nan)
    with pytest.raises(sg.ArgumentError, match="tau must be finite and above zero"):
        toy.moment(0.1, tau=0.0)
    with pytest.raises(sg.ArgumentError, match="term must be one of 'drude', got 'qm'"):
        square.evaluate(0.1, "qm")
    with pytest.raises(sg.ArgumentError, match="unknown component 'xz'"):
        toy.plot(component="xz")
    with pytest.raises(sg.ArgumentError, match="term must be one of"):
        toy.plot(term="dos")


def test_three_dimensions_have_moments_too():
    """One band on a cubic lattice without inversion, against the conductivity; 3 is what an estimate may be off."""
    hoppings = {(1, 0, 0): -0.5 + 0.3j, (0, 1, 0): -0.5, (0, 0, 1): -0.5, (1, 1, 0): 0.1j}
    matrices = {R: np.array([[t]]) for R, t in hoppings.items()}
    matrices |= {tuple(-n for n in R): m.conj() for R, m in matrices.items()}
    model = sg.LatticeModel(np.eye(3), matrices)
    found = sg.spectrum(model, (-2.65, -2.35), terms="drude", rtol=1e-2, progress=False).moment(-2.5)
    direct = sg.conductivity(model, -2.5, terms="drude", rtol=1e-2, progress=False)
    assert_same(found["drude_natural"].values, direct["drude_natural"].values, rtol=2e-2, floor=1e-3)
    difference = np.abs(found["drude_natural"].values - direct["drude_natural"].values)
    allowed = found["drude_natural_error"].values + direct["drude_natural_error"].values
    assert (difference <= 3 * allowed).all()
    assert found.attrs["converged"] == 1
    assert found["drude"].attrs["units"] == "A/V^2/fs^2"


def test_a_plot_has_a_panel_a_term_and_marks_critical_energies(toy, tmp_path: Path):
    figure = toy.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [axes.get_title() for axes in figure.axes] == ["Drude", "Berry curvature dipole", "quantum metric dipole"]
    assert [axes.get_ylabel().split(",")[0] for axes in figure.axes] == ["S (eV nm)", "S (nm)", "S (nm/eV)"]
    for axes in figure.axes:
        upright = [line for line in axes.get_lines() if np.ptp(np.asarray(line.get_xdata(), float)) == 0]
        assert [line.get_xdata()[0] for line in upright] == pytest.approx([-EDGE, EDGE], abs=1e-9)
        assert "edge" in "".join(text.get_text() for text in axes.texts)
    assert any("every component is zero" in text.get_text() for text in figure.axes[1].texts)


def test_a_curve_of_a_plot_is_s(toy):
    figure = toy.plot(term="qm", component="yxy")
    axes = figure.axes[0]
    curve = next(line for line in axes.get_lines() if line.get_label() == "$S_{yxy}$")
    energy = np.asarray(curve.get_xdata())
    np.testing.assert_allclose(curve.get_ydata(), toy.evaluate(energy, "qm")[0][:, 1, 0, 1])
    assert len(axes.collections) == 1


def test_neighbouring_critical_energies_share_a_label(square):
    texts = [text.get_text() for text in square.plot().axes[0].texts]
    assert texts == ["edge", "2 saddles", "edge"]
