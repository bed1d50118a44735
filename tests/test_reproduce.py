"""`sigmaijk reproduce`: the numbers behind the paper's figures by other means, the files, and what is refused."""

from __future__ import annotations

import csv
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sigmaijk as sg
from sigmaijk.cli import main
from sigmaijk.errors import ArgumentError, SigmaijkError
from sigmaijk.plots import paper
from sigmaijk.reproduction import figure2, mechanisms
from sigmaijk.reproduction.datasets import Column, csv_text, labelled
from sigmaijk.reproduction.runner import TARGETS, chosen_targets
from support import assert_forbidden, assert_same

V, M, B = 1.0, 0.1, 1.0
"""The parameters in the caption of Fig. 2: eV nm, eV, eV nm^2."""


def levels(kx: np.ndarray, ky: np.ndarray, t: float) -> np.ndarray:
    """Below Eq. 20."""
    return np.sqrt(V**2 * (kx**2 + ky**2) + (M - B * (kx**2 + ky**2) + t * kx) ** 2)


def closed_dipole(kx: np.ndarray, ky: np.ndarray, t: float) -> np.ndarray:
    """Lambda^xyy of one band of the upper pair, from d = (v kx, v ky, m - b k^2 + t kx) and its unit vector.

    The pair has G^ij = d_i dhat . d_j dhat / (2 |d|) in all, each of its bands a half of it.
    """
    d = np.stack([V * kx, V * ky, M - B * (kx**2 + ky**2) + t * kx], axis=-1)
    zero, one = np.zeros_like(kx), np.ones_like(kx)
    slopes = [np.stack(parts, axis=-1) for parts in ((V * one, zero, t - 2 * B * kx), (zero, V * one, -2 * B * ky))]
    size = np.linalg.norm(d, axis=-1)
    unit = d / size[..., None]
    velocity = [(unit * slope).sum(axis=-1) for slope in slopes]
    turns = [(slope - v[..., None] * unit) / size[..., None] for slope, v in zip(slopes, velocity, strict=True)]
    metric = [[0.25 * (one * two).sum(axis=-1) / size for two in turns] for one in turns]
    return velocity[0] * metric[1][1] - velocity[1] * metric[0][1]


# --- Fig. 2 -----------------------------------------------------------------------------------------------------------


def test_bands_are_the_closed_form_with_the_fermi_level_above_the_edge():
    ds = figure2.bands()
    k = ds["k"].values
    expected = np.stack([levels(k, 0 * k, 0.9), levels(0 * k, k, 0.9)])
    assert_same(ds["energy"].sel(level="upper").values, expected, rtol=1e-13, floor=0.1)
    assert_same(ds["energy"].sel(level="lower").values, -expected, rtol=1e-13, floor=0.1)
    assert expected.min() < ds.attrs["fermi_level_eV"] == 0.25 < expected.max()


def test_fermi_lines_lie_at_the_fermi_level_and_carry_the_closed_form():
    ds = figure2.fermi_lines()
    assert list(ds["deformation"].values) == [0.0, 0.5, 0.9]
    for t in ds["deformation"].values:
        kx, ky, dipole = (ds[name].sel(deformation=t).values for name in ("kx", "ky", "dipole"))
        assert_same(levels(kx, ky, t), np.full(kx.shape, 0.25), rtol=1e-12, floor=0.1)
        assert_same(dipole, closed_dipole(kx, ky, t), rtol=1e-9, floor=1.0)


def test_the_dipole_on_the_fermi_line_is_odd_without_deformation_only():
    """Symmetric under kx -> -kx up to its sign: the paper's reason why sigma_xyy vanishes at t = 0."""
    dipole = figure2.fermi_lines()["dipole"].values[:, :-1]
    half = dipole.shape[1] // 2
    opposite = np.roll(dipole, half, axis=1)
    assert_forbidden((dipole + opposite)[0], (dipole + opposite)[2], rtol=1e-9)


@pytest.mark.parametrize(("energy", "problem"), [(0.05, "at 0.05 eV"), (0.08, "k = 0 once"), (9.0, "k = 0 once")])
def test_a_line_that_does_not_surround_the_origin_is_refused(energy: float, problem: str):
    """Nothing in the gap, at 80 meV the line leaves k = 0 outside, and at 9 eV it lies beyond what is searched."""
    with pytest.raises(SigmaijkError, match=problem):
        figure2.fermi_line(sg.models.dirac_pt(), energy, np.linspace(0, 6, 20))


def test_the_map_is_the_closed_form_and_mirror_symmetric():
    ds = figure2.dipole_map()
    kx, ky = np.meshgrid(ds["kx"].values, ds["ky"].values, indexing="ij")
    assert_same(ds["dipole"].values, closed_dipole(kx, ky, 0.9), rtol=1e-9, floor=10.0)
    assert_same(ds["dipole"].values[:, ::-1], ds["dipole"].values, rtol=1e-9, floor=10.0)
    assert_same(ds["energy"].values, levels(kx, ky, 0.9), rtol=1e-13, floor=0.1)


# sigma_xyy of t/v = 0.9 at T = 0 in nm/eV from an independent program, five to six digits (ECOSYSTEM.md section 10 B).
KNOWN = {0.10: -0.288875, 0.12: -0.321169, 0.15: -0.308352, 0.20: -0.258946, 0.25: -0.215016, 0.30: -0.180609}


@pytest.fixture(scope="module")
def response() -> xr.Dataset:
    return figure2.response()


def test_the_conductivity_has_the_digits_of_an_independent_program(response):
    one = response.sel(deformation=0.9)
    found = one.sel(mu=list(KNOWN), method="nearest")
    assert_same(found["mu"].values, list(KNOWN), rtol=1e-12, floor=0.01)
    expected = 0.2434134807 * np.array(list(KNOWN.values()))
    assert_same(found["sigma_xyy"].values, expected, rtol=2e-5, floor=0.01)
    assert (np.abs(found["sigma_xyy"].values - expected) <= found["sigma_xyy_error"].values + 1e-6).all()
    assert 0 < one["sigma_xyy_error"].values.max() < 1e-4 * np.abs(expected).max()


def test_the_conductivity_vanishes_without_deformation_and_in_the_gap(response):
    value = response["sigma_xyy"]
    assert_forbidden(value.sel(deformation=0.0), value.sel(deformation=0.9), rtol=1e-10)
    assert_forbidden(value.sel(mu=slice(0.0, 0.07)), value, rtol=1e-15)
    above = value.sel(mu=slice(0.11, None))
    assert (above.sel(deformation=0.9) < above.sel(deformation=0.5)).all()
    assert (above.sel(deformation=0.5) < 0).all()


# --- Fig. 1 -----------------------------------------------------------------------------------------------------------


def test_the_mechanisms_have_the_closed_forms_of_a_tilted_cone(monkeypatch):
    """PHYSICS.md section 7, first order in t, as vectors along the tilt; D_y of Eq. 12 drives xyy."""
    t, m, mu = 1e-3, mechanisms.MASS, mechanisms.FERMI_LEVEL
    monkeypatch.setattr(mechanisms, "TILT", t)
    ds = mechanisms.mechanisms()
    along, across = (f(np.radians(mechanisms.ANGLE)) for f in (np.cos, np.sin))
    common = t * (mu**2 - m**2) / (8 * np.pi * mu**4)
    hbar, factor = 0.6582119569, 0.2434134807
    tau = ds["tau"].values
    expected = {
        "qm": -factor * common * along + 0 * tau,
        "bcd": -factor * 3 * m * common * across * tau / hbar,
        "drude": -factor * 0.5 * (mu**2 + 3 * m**2) * common * along * (tau / hbar) ** 2,
    }
    for name, values in expected.items():
        assert_same(ds[name].values / values, np.ones_like(tau), rtol=1e-5, floor=0.1)
    assert_same(ds["total"].values / sum(expected.values()), np.ones_like(tau), rtol=1e-5, floor=0.1)


def test_the_cone_is_the_tilted_dirac_model_turned_by_the_angle():
    """At the full tilt: rotate the tensors of sg.models.tilted_dirac."""
    angle = np.radians(mechanisms.ANGLE)
    Q = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    model = sg.models.tilted_dirac(mechanisms.TILT, mechanisms.VELOCITY, mechanisms.MASS)
    plain = sg.conductivity(model, mechanisms.FERMI_LEVEL, rtol=1e-5, progress=False)
    ds = mechanisms.mechanisms().sel(tau=1.0, method="nearest")
    tau = ds["tau"].item()
    for name, power in mechanisms.POWERS.items():
        turned = np.einsum("ai,bj,ck,ijk->abc", Q, Q, Q, plain[name].values[0, 0])
        assert_same(ds[name].item(), 1e3 * tau**power * turned[0, 1, 1], rtol=1e-4, floor=1e-6)


def test_neighbouring_mechanisms_are_equal_where_they_are_said_to_cross():
    ds = mechanisms.mechanisms()
    log = np.log(ds["tau"].values)
    for weak, strong in (("qm", "bcd"), ("bcd", "drude")):
        ratio = np.log(np.abs(ds[strong].values / ds[weak].values))
        crossing = np.exp(np.interp(0.0, ratio, log))
        assert ds.attrs[f"crossover_{weak}_{strong}_fs"] == pytest.approx(crossing, rel=1e-9)
    assert mechanisms.SHORTEST < ds.attrs["crossover_qm_bcd_fs"] < ds.attrs["crossover_bcd_drude_fs"]
    sizes = [np.abs(ds[name].values) for name in mechanisms.POWERS]
    assert [int(np.argmax([size[at] for size in sizes])) for at in (0, 90, -1)] == [2, 1, 0]


# --- files ------------------------------------------------------------------------------------------------------------

PICTURES = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
DATA = ["fig1", "fig2a", "fig2b", "fig2c", "fig2d", "table1"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, str]:
    """The folder of one `sigmaijk reproduce all`, and what it said."""
    folder = tmp_path_factory.mktemp("paper") / "new" / "folder"
    with redirect_stdout(StringIO()) as out:
        assert main(["reproduce", "all", "-o", str(folder)]) == 0
    return folder, " ".join(out.getvalue().split())


@pytest.fixture
def everything(whole: tuple[Path, str]) -> Path:
    return whole[0]


def test_all_pictures_and_data_are_written_and_nothing_else(everything: Path):
    names = {base + suffix for base in TARGETS for suffix in PICTURES}
    names |= {base + suffix for base in DATA for suffix in (".nc", ".csv")} | {"table1.txt"}
    assert {path.name for path in everything.iterdir()} == names
    for base in TARGETS:
        for suffix, magic in PICTURES.items():
            assert (everything / (base + suffix)).read_bytes().startswith(magic)


@pytest.mark.parametrize("base", DATA)
def test_both_data_files_hold_the_same_numbers_with_units(everything: Path, base: str):
    ds = xr.load_dataset(everything / f"{base}.nc", engine="h5netcdf")
    lines = (everything / f"{base}.csv").read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert any("Advanced Science" in line for line in comments)
    assert ("WPD" in ds.attrs["convention"]) == (base != "table1")
    head, *rows = csv.reader(line for line in lines if not line.startswith("#"))
    assert len(rows) == int(np.prod(list(ds.sizes.values())))
    for title in head:
        name, unit = re.fullmatch(r"(\w+) \[(.+)\]", title).groups()  # type: ignore[union-attr]
        assert ds[name].attrs["units"] == unit
        if name in ds.data_vars:
            column = np.array([float(row[head.index(title)]) for row in rows])
            dims = [str(dim) for dim in ds.sizes]
            expected = ds[name].broadcast_like(xr.Dataset(coords=ds.coords)).transpose(*dims).values.ravel()
            np.testing.assert_allclose(column, expected, rtol=1e-9, atol=0)


def test_the_printed_table_has_values_errors_units_and_the_source_of_qk(everything: Path):
    text = (everything / "table1.txt").read_text(encoding="utf-8")
    assert "sigma_xyy [mA nm/V^2]" in text
    assert re.search(r"0\.25 +WPD +-0\.0523\d+ ± 0\.0000", text)
    assert re.search(r"0\.15 +LKA +-0\.1038\d+ ± .* 0\.0635\d+ ± ", text)
    assert "QK: density matrix" in text
    assert "kT = 0.002 eV" in text


def test_the_command_tells_what_it_found_and_wrote(whole: tuple[Path, str]):
    folder, out = whole
    assert "intrinsic below tau = 5.88 fs" in out
    assert "t/v = 0: sigma_xyy = 0 ± " in out
    assert re.search(r"t/v = 0\.9: sigma_xyy = -0\.05233\d+ ± 0\.00000\d+ mA nm/V\^2 at 0\.25 eV", out)
    assert "0.25 WPD -0.0523" in out
    assert all(str(path) in out for path in folder.iterdir())
    assert out.count("wrote ") == len(TARGETS)


def test_files_go_to_the_current_folder_and_nothing_is_said_when_quiet(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "fig1", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert len(list(tmp_path.iterdir())) == 5


def test_the_same_numbers_give_the_same_pictures(everything: Path, tmp_path: Path):
    assert main(["reproduce", "fig1", "-o", str(tmp_path), "--quiet"]) == 0
    for name in ("fig1.png", "fig1.pdf", "fig1.csv"):
        assert (tmp_path / name).read_bytes() == (everything / name).read_bytes()


def test_a_csv_repeats_what_does_not_depend_on_a_coordinate():
    columns = {"x": Column([1.0, 2.0], "nm", "place"), "name": Column(["a", "b"], "1", "which")}
    ds = labelled("made up", columns, {"y": (("x",), Column([3.0, 4.0], "eV", "height"))}, extra=1)
    rows = [line for line in csv_text(ds).splitlines() if not line.startswith("#")]
    assert rows == ["x [nm],name [1],y [eV]", "1,a,3", "1,b,3", "2,a,4", "2,b,4"]


def test_every_axis_has_a_unit_and_every_error_is_drawn(everything: Path):
    """Drawn from the files alone; only shared axes and the long sides of colour bars have no label."""
    data = {base: xr.load_dataset(everything / f"{base}.nc", engine="h5netcdf") for base in DATA}
    panels = [data[f"fig2{letter}"] for letter in "abcd"]
    figures = paper.figure_1(data["fig1"]), paper.figure_2(*panels), paper.table_1(data["table1"])
    assert "matplotlib.pyplot" not in sys.modules
    labels = [label for figure in figures for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel())]
    assert all(re.search(r"\((fs|eV|nm⁻¹|nm³|nm\u2009mA/V²)\)", label) for label in labels if label)
    assert labels.count("") == 5
    response = next(axes for axes in figures[1].axes if "sigma" in axes.get_ylabel())
    assert len(response.collections) == len(data["fig2c"]["deformation"])
    assert len(figures[0].axes[0].collections) == len(mechanisms.POWERS)
    assert all(len(axes.containers) == len(paper.ROWS) for axes in figures[2].axes)


# --- bad input --------------------------------------------------------------------------------------------------------


NEAREST = {"fig3": "did you mean 'fig2'", "Table1": "did you mean 'table1'", "xyz": "fig2, table1, all$"}


@pytest.mark.parametrize(("target", "hint"), NEAREST.items())
def test_an_unknown_target_names_the_nearest(target: str, hint: str):
    with pytest.raises(ArgumentError, match=f"cannot reproduce '{target}'.*{hint}"):
        chosen_targets(target)


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path: Path, capsys, monkeypatch):
    def fail(*_: object) -> list[Path]:
        raise AssertionError("computed")

    monkeypatch.setitem(TARGETS, "fig1", fail)
    (tmp_path / "file").write_text("not a folder")
    assert main(["reproduce", "fig1", "-o", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(r"cannot write to .*file: .*; give another folder with -o", error)


def test_a_file_in_the_way_is_named_and_nothing_is_left_half_written(tmp_path: Path, capsys):
    (tmp_path / "fig1.png").mkdir()
    assert main(["reproduce", "fig1", "-o", str(tmp_path)]) == 2
    assert re.search(r"cannot write .*fig1\.png: ", capsys.readouterr().err)
    assert not list(tmp_path.glob(".*"))
