"""The dataset: units, errors, reading back, components, and files that are never lost."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from made_up import TAU_POWERS, made_up, only
from sigmaijk import ArgumentError, ArgumentTypeError, FileFormatError, SigmaijkError, component, open_result
from sigmaijk.outputs import csv_text, write_outputs
from sigmaijk.results import independent_components, term_names, to_dataset

SIEMENS = 2.434134807e-4
HBAR = 0.6582119569


@pytest.mark.parametrize(("dim", "unit"), [(2, "A nm/V^2"), (3, "A/V^2")])
def test_every_variable_has_five_dims_and_its_unit(dim: int, unit: str):
    ds = made_up(dim, n_kT=1, n_mu=1)
    for name, suffix in (("drude", "/fs^2"), ("bcd", "/fs"), ("qm", ""), ("total", "")):
        for variable in (name, f"{name}_error"):
            assert ds[variable].dims == ("kT", "mu", "i", "j", "k")
            assert ds[variable].attrs["units"] == unit + suffix
    assert list(ds["i"].values) == list("xyz"[:dim])
    for variable in ds.variables.values():
        assert "long_name" in variable.attrs


def test_si_values_follow_from_the_integrals_by_e2_over_hbar_and_powers_of_tau_over_hbar():
    ds = made_up()
    for name, power in TAU_POWERS.items():
        np.testing.assert_allclose(ds[name], ds[f"{name}_natural"] * SIEMENS / HBAR**power, rtol=1e-12)
        np.testing.assert_allclose(ds[f"{name}_error"], ds[f"{name}_natural_error"] * SIEMENS / HBAR**power, rtol=1e-12)


def test_the_toy_model_value_has_its_textbook_size_in_mA_nm():
    """I_qm,xyy = -0.215016002429506 nm/eV is -0.0523378 mA nm/V^2."""
    ds = made_up(n_kT=1, n_mu=1, cancellation=np.ones((1, 1)), **only(-0.215016002429506, 1e-7))
    assert component(ds, "qm", "xyy", unit="mA nm/V^2").item() == pytest.approx(-0.0523378, abs=5e-8)


def test_the_total_adds_terms_with_powers_of_tau_and_errors_linearly():
    ds = made_up(tau=50.0)
    parts = [ds[name] * 50.0**power for name, power in TAU_POWERS.items()]
    errors = [ds[f"{name}_error"] * 50.0**power for name, power in TAU_POWERS.items()]
    np.testing.assert_allclose(ds["total"], sum(parts), rtol=1e-12)
    np.testing.assert_allclose(ds["total_error"], sum(errors), rtol=1e-12)
    assert "total" not in made_up(tau=None)


def test_an_infinite_error_is_kept_and_makes_the_total_uncertain():
    ds = made_up(n_kT=1, n_mu=1, **only(0.3, np.inf))
    assert np.isinf(ds["qm_error"]).all()
    assert np.isinf(ds["total_error"]).all()
    assert np.isfinite(ds["total"]).all()


@pytest.mark.parametrize("values", [only(np.nan, 1.0), only(np.inf, 1.0), only(1.0, np.nan)])
def test_a_value_that_is_not_finite_never_leaves(values: dict[str, np.ndarray]):
    with pytest.raises(SigmaijkError, match="internal error: term 'qm'"):
        made_up(n_kT=1, n_mu=1, **values)


def test_attributes_are_strings_numbers_or_lists():
    with pytest.raises(SigmaijkError, match=r"internal error: attributes are .* got dict"):
        to_dataset(mu=np.zeros(1), kT=np.zeros(1), dim=2, terms={}, tau=None, attrs={"bad": {}})  # pyright: ignore


@pytest.mark.parametrize("tau", [None, 50.0])
def test_a_result_read_back_equals_what_was_written(tmp_path, tau: float | None):
    ds = made_up(tau=tau)
    ds.to_netcdf(tmp_path / "a.nc")
    back = open_result(tmp_path / "a.nc")
    xr.testing.assert_identical(back, ds)
    assert back.attrs["noise_limited"] == ["bcd"]
    assert back.attrs["in_gap"] == []
    assert type(back.attrs["k_points"]) is int


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "truncated"), (b"not a file of numbers", "truncated"), (None, "no such file")]
)
def test_an_unreadable_result_is_an_error_with_its_path(tmp_path, content: bytes | None, problem: str):
    path = tmp_path / "bad.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"bad\.nc: .*{problem}"):
        open_result(path)


@pytest.mark.parametrize("path", [None, 5, b"a.nc"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ArgumentTypeError, match=r"path must be a string or a pathlib\.Path, got"):
        open_result(path)


def test_a_truncated_result_is_an_error(tmp_path):
    made_up().to_netcdf(tmp_path / "a.nc")
    (tmp_path / "a.nc").write_bytes((tmp_path / "a.nc").read_bytes()[:3000])
    with pytest.raises(FileFormatError, match="truncated"):
        open_result(tmp_path / "a.nc")


def test_a_netcdf_file_of_another_program_is_an_error(tmp_path):
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(FileFormatError, match="not a result of sigmaijk"):
        open_result(tmp_path / "a.nc")


# --- components -------------------------------------------------------------------------------------------------------


def test_a_component_is_the_entry_of_its_indices_over_kT_and_mu():
    ds = made_up()
    entry = component(ds, "bcd", "yxy", unit="uA nm/V^2/fs")
    assert entry.dims == ("kT", "mu")
    assert entry.attrs["units"] == "uA nm/V^2/fs"
    np.testing.assert_allclose(entry, 1e6 * ds["bcd"].values[:, :, 1, 0, 1], rtol=1e-12)
    np.testing.assert_allclose(component(ds, "bcd", "yxy", unit="natural"), ds["bcd_natural"].values[:, :, 1, 0, 1])
    error = component(ds, "bcd_error", "yxy", unit="natural")
    np.testing.assert_allclose(error, ds["bcd_natural_error"].values[:, :, 1, 0, 1])


@pytest.mark.parametrize(
    ("term", "indices", "unit", "problem"),
    [
        ("qmd", "xyy", None, "term must be one of 'drude'.* got 'qmd'"),
        ("qm_cancellation", "xyy", None, "term must be one of"),
        ("qm", "xyz", None, "three letters out of x, y, .* got 'xyz'"),
        ("qm", "xy", None, "three letters"),
        ("bcd", "xyy", "mA nm/V^2", "cannot convert 'A nm/V.2/fs' to 'mA nm/V.2'; use one of .*'mA nm/V.2/fs'"),
        ("total", "xyy", "natural", "mixes powers of tau"),
    ],
)
def test_a_wrong_component_is_an_error_that_names_the_choice(term, indices, unit, problem):
    with pytest.raises(ArgumentError, match=problem):
        component(made_up(), term, indices, unit)


def test_a_component_is_taken_of_a_dataset_only():
    with pytest.raises(ArgumentTypeError, match=r"ds must be a dataset of sg\.conductivity .* got NoneType"):
        component(None, "qm", "xyy")  # pyright: ignore


def test_independent_components_follow_the_index_symmetry():
    ds = made_up()
    assert term_names(ds) == ["drude", "bcd", "qm", "total"]
    assert independent_components(ds, "drude") == ["xxx", "xxy", "xyy", "yyy"]
    assert independent_components(ds, "qm") == ["xyy", "yxx"]
    assert len(independent_components(made_up(3), "bcd")) == 8


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_kT_and_mu_and_units_in_its_header():
    lines = csv_text(made_up()).splitlines()
    head = next(line for line in lines if not line.startswith("#"))
    names = head.split(",")
    rows = [line for line in lines if not line.startswith("#")][1:]
    assert names[:3] == ["kT [eV]", "T [K]", "mu [eV]"]
    assert "qm_xyy [A nm/V^2]" in names
    assert "bcd_xyy_error [A nm/V^2/fs]" in names
    assert not any(name.startswith("qm_xyx") for name in names)
    assert len(rows) == 6
    assert any("Paper, Eq. 0" in line for line in lines)
    table = np.array([[float(cell) for cell in row.split(",")] for row in rows])
    expected = made_up()["qm"].values[:, :, 0, 1, 1].ravel()
    np.testing.assert_allclose(table[:, names.index("qm_xyy [A nm/V^2]")], expected, rtol=1e-9)


def test_a_result_goes_to_three_files_beside_each_other(tmp_path):
    files = write_outputs(made_up(), tmp_path / "toy.v2.nc", lambda ds, path: path.write_bytes(b"png"))
    assert [path.name for path in files.paths] == ["toy.v2.nc", "toy.v2.csv", "toy.v2.png"]
    assert all(path.parent == tmp_path for path in files.paths)
    assert files.problems == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.v2.csv", "toy.v2.nc", "toy.v2.png"]


@pytest.mark.parametrize(
    ("exists", "reason"), [(False, "the folder does not exist"), (True, "lets no file be created")]
)
def test_only_a_folder_that_is_missing_is_called_missing(tmp_path, exists: bool, reason: str):
    """Folders such as /proc answer ENOENT to every new file."""

    def refuse(ds: xr.Dataset, path) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    def refuse_late(ds: xr.Dataset, path) -> None:
        path.parent.rename(tmp_path / "gone")
        refuse(ds, path)

    (tmp_path / "there").mkdir()
    files = write_outputs(made_up(), tmp_path / "there" / "toy", refuse if exists else refuse_late)
    assert len(files.problems) == 1
    assert reason in files.problems[0]


@pytest.mark.parametrize("obstacle", ["missing", "file", "folder"])
def test_a_result_that_cannot_go_where_it_was_asked_to_goes_elsewhere(tmp_path, monkeypatch, obstacle: str):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "toy.nc").write_text("an earlier result")
    wanted = tmp_path / "there" / "toy"
    if obstacle == "file":
        wanted.parent.write_text("not a folder")
    if obstacle == "folder":
        wanted.with_suffix(".nc").mkdir(parents=True)
    files = write_outputs(made_up(), wanted)
    assert files.netcdf == here / "toy-1.nc"
    xr.testing.assert_identical(open_result(files.netcdf), made_up())
    assert (here / "toy.nc").read_text() == "an earlier result"
    assert len(files.problems) == 1
    assert str(files.netcdf) in files.problems[0]
    assert str(wanted) in files.problems[0]


def test_a_failed_write_leaves_the_earlier_file_as_it_was(tmp_path):
    def fail(ds: xr.Dataset, path) -> None:
        path.write_text("half a pict")
        raise OSError("no space left")

    (tmp_path / "toy.png").write_text("earlier picture")
    files = write_outputs(made_up(), tmp_path / "toy", fail)
    assert files.picture is None
    assert "no space left" in files.problems[0]
    assert (tmp_path / "toy.png").read_text() == "earlier picture"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.csv", "toy.nc", "toy.png"]


def test_a_sheet_is_divided_by_the_thickness_of_its_layer():
    """A nm/V^2 over nm is A/V^2: 0.7 nm of layer, whatever the vacuum of its cell."""
    ds = made_up(dim=2)
    sheet = component(ds, "qm", "xyy")
    bulk = component(ds, "qm", "xyy", unit="mA/V^2", thickness=0.7)
    assert abs(sheet).max() > 0
    np.testing.assert_allclose(bulk.values, sheet.values / 0.7 * 1e3, rtol=1e-14)
    assert (bulk.attrs["units"], bulk.attrs["thickness_nm"]) == ("mA/V^2", 0.7)
    ds.attrs["thickness_nm"] = 1.4
    again = component(ds, "bcd", "xyy", unit="A/V^2/fs")
    np.testing.assert_allclose(again.values, component(ds, "bcd", "xyy").values / 1.4, rtol=1e-14)


@pytest.mark.parametrize(
    ("dim", "unit", "thickness", "message"),
    [
        (2, "A/V^2", None, r"needs the thickness of its layer: give thickness= in nm here or to read_wannier90"),
        (2, "A/V^2", 0.0, "thickness must be a finite length above zero, got 0.0 nm"),
        (2, "mA nm/V^2", 0.7, "thickness is for a sheet in a unit of the bulk"),
        (2, None, 0.7, "thickness is for a sheet in a unit of the bulk"),
        (3, "mA/V^2", 0.7, "thickness is for a sheet in a unit of the bulk"),
        (2, "A/V^2/fs", 0.7, "cannot convert 'A/V.2' to 'A/V.2/fs'"),
    ],
)
def test_a_wrong_thickness_is_refused(dim, unit, thickness, message):
    with pytest.raises(ArgumentError, match=message):
        component(made_up(dim=dim), "qm", "xyy", unit=unit, thickness=thickness)
