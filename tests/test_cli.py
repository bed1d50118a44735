"""The command line, called as a user calls it: exit status, one line on stderr, table, files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sigmaijk
import sigmaijk.driver
import sigmaijk.inspection
import sigmaijk.symmetry
from made_up import made_up, only
from sigmaijk import ConvergenceWarning, ModelError, component, open_result
from sigmaijk.cli import main

SOURCE = Path(sigmaijk.__file__).resolve().parents[1]
"""Found before any test changes the folder, since the import path may be relative to it."""

QUICK = """[model]
name = "dirac_pt"
[run]
mu_eV = [0.25]
kT_eV = 0.00862
terms = ["qm"]
rtol = 1e-2
"""


@pytest.fixture
def job(tmp_path, monkeypatch) -> Path:
    """A quick job in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


def returns(ds: xr.Dataset, warning: str = ""):
    """A stand-in for the driver that returns `ds` at once."""

    def conductivity(*arguments, **options) -> xr.Dataset:
        if warning:
            warnings.warn(warning, ConvergenceWarning, stacklevel=2)
        return ds

    return conductivity


def one_line(capsys) -> str:
    """What stands on stderr, which must be one line without a traceback."""
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    assert text.startswith("sigmaijk: ")
    return text


def test_a_run_writes_three_files_and_prints_values_with_errors_and_units(job, tmp_path, capsys):
    assert main(["run", str(job)]) == 0
    out = capsys.readouterr().out
    assert "qm xyy" in out
    assert "[uA nm/V^2]" in out
    assert "±" in out
    names = ["quick.nc", "quick.csv", "quick.png"]
    assert "wrote " + ", ".join(names) in out
    assert all((tmp_path / name).stat().st_size > 0 for name in names)
    ds = open_result(tmp_path / "quick.nc")
    assert component(ds, "qm", "xyy", unit="natural").item() == pytest.approx(-0.215488727894958, rel=2e-2)
    assert (tmp_path / "quick.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_works_as_a_process_of_its_own(job, tmp_path):
    command = [sys.executable, "-m", "sigmaijk", "run", str(job), "-o", "other", "--quiet"]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "other.nc").exists()
    command[4] = "none.toml"
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sigmaijk: none.toml: there is no such job file\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["run", "none.toml"], "there is no such job file"),
        (["run"], "Missing argument 'JOB.toml'"),
        (["run", "quick.toml", "--bogus"], "No such option: --bogus"),
        (["ran", "quick.toml"], "No such command 'ran'"),
        (["run", "quick.toml", "--resume"], "--resume needs checkpoints, which do not exist yet"),
        (["reproduce", "figure2", "-o", "x"], "cannot reproduce 'figure2': .* did you mean 'fig2'"),
        (["report", "quick.nc"], "report .* does not exist yet"),
        (["info", "nothing"], "neither a file nor a model; models are .*dirac_pt"),
        (["info", "dirac_pt", "--parameters", "t"], "--parameters must be JSON"),
        (["info", "dirac_pt", "--parameters", "[1]"], "--parameters must be a JSON object"),
        (["info", "dirac_pt", "--parameters", '{"q": 1}'], "no parameter 'q'"),
        (["info", "quick.nc"], r"quick\.nc"),
    ],
)
def test_bad_input_is_one_line_and_status_two(job, tmp_path, capsys, arguments: list[str], problem: str):
    (tmp_path / "quick.nc").write_bytes(b"")
    assert main(arguments) == 2
    assert re.search(problem, one_line(capsys))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("terms", "term", "did you mean 'terms'"),
        ('"qm"', '"qmd"', "quick.toml, line 6: unknown term 'qmd'"),
        ("rtol = 1e-2", "rtol = 0", "rtol"),
        ("rtol = 1e-2", 'components = ["xyw"]', "quick.toml, line 7: unknown component 'xyw'"),
        ("rtol = 1e-2", 'method = "simpson"', "quick.toml, line 7: method must be one of"),
        ('"dirac_pt"', '"dirac"', "quick.toml, line 2: there is no model 'dirac'; did you mean 'dirac_pt'"),
        ('name = "dirac_pt"', 'code = "mine.py:cone"', "--allow-code"),
        ("kT_eV = 0.00862", "kT_eV = -1", "kT_eV"),
        ('name = "dirac_pt"', 'file = "absent_tb.dat"', r"absent_tb\.dat"),
    ],
)
def test_a_bad_job_is_one_line_and_status_two(job, capsys, old: str, new: str, problem: str):
    assert old in QUICK
    job.write_text(QUICK.replace(old, new, 1))
    assert main(["run", str(job)]) == 2
    assert problem.replace("\\", "") in one_line(capsys)


def test_code_runs_with_allow_code(job, tmp_path):
    source = "import numpy as np\ndef cone(kx, ky):\n    s = kx - 1j * ky\n"
    (tmp_path / "mine.py").write_text(
        source + "    return np.array([[0.1 + 0.3 * kx, s], [kx + 1j * ky, 0.3 * kx - 0.1]])\n"
    )
    job.write_text(QUICK.replace('name = "dirac_pt"', 'code = "mine.py:cone"'))
    assert main(["run", str(job), "--allow-code", "--quiet"]) == 0
    assert open_result(tmp_path / "quick.nc").attrs["model"] == "mine.py:cone()"


@pytest.mark.parametrize("place", ["", "    "])
def test_code_that_exits_is_bad_input(job, tmp_path, capsys, place: str):
    (tmp_path / "mine.py").write_text(f"import sys\ndef cone(kx, ky):\n    pass\n{place}sys.exit(0)\n")
    job.write_text(QUICK.replace('name = "dirac_pt"', 'code = "mine.py:cone"'))
    assert main(["run", "quick.toml", "--allow-code"]) == 2
    assert one_line(capsys) == "sigmaijk: mine.py, line 4: SystemExit: 0\n"


def test_a_hamiltonian_that_fails_during_the_run_names_its_file(job, tmp_path, monkeypatch, capsys):
    def conductivity(*arguments, **options) -> xr.Dataset:
        raise ModelError("H must be finite, got inf or nan at k = (0, 0)/nm")

    monkeypatch.setattr(sigmaijk.driver, "conductivity", conductivity)
    assert main(["run", "quick.toml"]) == 2
    assert one_line(capsys).startswith("sigmaijk: quick.toml: H must be finite")
    (tmp_path / "mine.py").write_text("def flat(kx, ky):\n    return [[kx]]\n")
    job.write_text(QUICK.replace('name = "dirac_pt"', 'code = "mine.py:flat"'))
    assert main(["run", "quick.toml", "--allow-code"]) == 2
    assert one_line(capsys).startswith("sigmaijk: mine.py: H must be finite")


def test_info_names_the_file_of_a_hamiltonian_that_fails_on_its_sample(job, tmp_path, monkeypatch, capsys):
    def sample(model) -> np.ndarray:
        raise ModelError("H must be finite, got inf or nan at k = (0, 0)/nm")

    monkeypatch.setattr(sigmaijk.inspection, "sample", sample)
    (tmp_path / "mine.py").write_text("def flat(kx, ky):\n    return [[kx]]\n")
    job.write_text(QUICK.replace('name = "dirac_pt"', 'code = "mine.py:flat"'))
    assert main(["info", "quick.toml", "--allow-code"]) == 2
    assert one_line(capsys).startswith("sigmaijk: mine.py: H must be finite")


def test_a_run_that_did_not_converge_warns_in_one_line_and_has_status_one(job, monkeypatch, capsys):
    ds = made_up().assign_attrs(converged=0)
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(ds, "max_k_points was reached"))
    assert main(["run", str(job)]) == 1
    captured = capsys.readouterr()
    assert captured.err == "sigmaijk: warning: max_k_points was reached\n"
    assert "NOT converged" in captured.out
    assert Path("quick.nc").exists()


@pytest.mark.parametrize("obstacle", ["missing", "file"])
def test_a_result_without_its_folder_goes_elsewhere(job, tmp_path, monkeypatch, capsys, obstacle):
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(made_up()))
    if obstacle == "file":
        (tmp_path / "there").write_text("not a folder")
    assert main(["run", str(job), "-o", "there/toy", "--quiet"]) == 2
    assert f"the result is in {tmp_path / 'toy.nc'}" in one_line(capsys)
    xr.testing.assert_identical(open_result(tmp_path / "toy.nc"), made_up())


def test_a_result_that_fits_nowhere_is_still_printed(job, monkeypatch, capsys):
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(made_up()))
    monkeypatch.setattr(xr.Dataset, "to_netcdf", lambda *_, **__: (_ for _ in ()).throw(OSError("no space left")))
    assert main(["run", str(job)]) == 2
    captured = capsys.readouterr()
    assert "no space left" in captured.err
    assert "qm xyy" in captured.out


def test_an_output_folder_takes_the_name_of_the_job(job, tmp_path, monkeypatch):
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(made_up()))
    (tmp_path / "folder").mkdir()
    assert main(["run", str(job), "-o", "folder"]) == 0
    assert (tmp_path / "folder" / "quick.nc").exists()


def test_a_table_says_diverges_where_the_error_is_infinite(job, monkeypatch, capsys):
    ds = made_up(n_kT=1, n_mu=1, cancellation=np.ones((1, 1)), small_gap_share=np.zeros((1, 1)), **only(0.3, np.inf))
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(ds))
    assert main(["run", str(job)]) == 0
    assert "diverges" in capsys.readouterr().out


UNFINISHED = {
    "qm": "qm: not resolved: the search for Fermi-surface pieces was cut short",
    "total": "total: not resolved: the search for Fermi-surface pieces was cut short",
}


def test_a_run_that_ended_too_soon_is_not_called_zero(job, monkeypatch, capsys):
    ds = made_up(n_kT=1, n_mu=1, **only(0.0, np.inf)).assign_attrs(singular="[]", converged=0)
    ds["total"] = 0.0 * ds["total"]
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(ds))
    assert main(["run", str(job)]) == 1
    out = capsys.readouterr().out
    for note in UNFINISHED.values():
        assert note in out
    assert "zero within its error" not in out


def test_a_real_run_that_ends_before_discovery_is_not_called_zero(job, capsys):
    job.write_text(QUICK + "max_k_points = 5\n")
    assert main(["run", str(job)]) == 1
    out = capsys.readouterr().out
    assert UNFINISHED["qm"] in out
    assert "inf" not in out


@pytest.mark.parametrize(
    ("singular", "cause"), [("[]", "not resolved: the search .* short"), ('[{"terms": ["qm"]}]', "diverges")]
)
def test_a_term_that_is_zero_where_it_is_known_says_where_it_is_not(job, monkeypatch, capsys, singular, cause):
    natural, error = np.zeros((1, 2, 2, 2, 2)), np.full((1, 2, 2, 2, 2), 1e-9)
    error[0, 1] = np.inf
    ds = made_up(n_kT=1, n_mu=2, natural=natural, natural_error=error).assign_attrs(singular=singular)
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(ds))
    main(["run", str(job)])
    out = capsys.readouterr().out
    assert re.search(rf"qm: {cause} at some \(kT, mu\); at the others .* zero within its error, largest error 2\.", out)


def test_a_long_result_is_shown_in_twelve_rows_with_a_note(job, monkeypatch, capsys):
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(made_up(n_mu=60)))
    assert main(["run", str(job)]) == 0
    out = capsys.readouterr().out
    assert out.count("±") <= 12 * 5
    assert "108 more (kT, mu) and every other component are in the files." in out


def test_no_progress_goes_to_a_pipe_before_its_time(job, capsys):
    assert main(["run", str(job)]) == 0
    assert capsys.readouterr().err == ""


def test_the_example_is_written_and_run(tmp_path, monkeypatch, capsys):
    seen = {}

    def conductivity(model, mu, kT, **options) -> xr.Dataset:
        seen.update(model=model.name, mu=mu, kT=kT, **options)
        return made_up()

    monkeypatch.setattr(sigmaijk.driver, "conductivity", conductivity)
    assert main(["example", "-o", str(tmp_path / "new")]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        f"dirac_pt.{suffix}" for suffix in ("csv", "nc", "png", "toml")
    ]
    assert seen["model"] == "dirac_pt(v=1.0, m=0.1, b=1.0, t=0.9)"
    assert seen["tau"] == 100.0
    assert len(seen["mu"]) == 81
    monkeypatch.chdir(tmp_path / "new")
    assert main(["run", "dirac_pt.toml"]) == 0
    capsys.readouterr()
    (tmp_path / "new" / "dirac_pt.toml").write_text("mine")
    assert main(["example", "-o", str(tmp_path / "new")]) == 2
    assert "is not the embedded example" in one_line(capsys)


def test_info_says_what_a_model_is(capsys):
    assert main(["info", "dirac_pt", "--parameters", '{"t": 0.5}']) == 0
    out = capsys.readouterr().out
    assert "dirac_pt(v=1.0, m=0.1, b=1.0, t=0.5)" in out
    assert "4 bands, 2D" in out
    assert "2 pairs of neighbouring bands" in out
    assert "small gap, bands 2-3" in out
    assert "2'm'm, 4 operations" in out
    assert "E, My, PT, MxT" in out
    assert "xyy = -2 yxy" in out
    assert "PT forbids the Berry curvature dipole" in out


def hopping_file(path: Path, tilt: float = 0.0, rounding: float = 0.0) -> None:
    """One band, -2 cos(kx a) / 2 + 2 tilt sin(kx a); `rounding` is added to one of two conjugate entries."""
    text = "by hand\n 1\n 3\n 1 1 1\n"
    for R, value in ((-1, 0.5 + 1j * tilt), (0, 0.1), (1, 0.5 + rounding - 1j * tilt)):
        text += f" {R} 0 0 1 1 {complex(value).real:.9f} {complex(value).imag:.9f}\n"
    path.write_text(text)


LATTICE = ["--lattice-nm", "[[0.3, 0, 0], [0, 0.4, 0], [0, 0, 2]]"]


def test_info_says_how_far_the_hoppings_were_from_hermitian(tmp_path, capsys):
    hopping_file(tmp_path / "x_hr.dat", rounding=1.2e-6)
    assert main(["info", str(tmp_path / "x_hr.dat"), *LATTICE]) == 0
    out = capsys.readouterr().out
    assert re.search(r"hoppings +│ at 3 lattice vectors R", out)
    assert re.search(r"as given +│ 1\.2e-06 eV, then made Hermitian", out)
    assert "Symmetry of H(k)" in out


@pytest.mark.parametrize(
    ("tilt", "verdict", "suspicious"),
    [
        (0.0, "time reversal or inversion$", False),
        (1e-3, "both time reversal and inversion are broken$", True),  # 4 meV
        (0.1, "both time reversal and inversion are broken$", False),  # 0.4 eV: meant
    ],
)
def test_info_measures_time_reversal_of_the_spectrum(tmp_path, capsys, tilt: float, verdict: str, suspicious: bool):
    """E(k) - E(-k) = 4 tilt sin(kx a)."""
    hopping_file(tmp_path / "x_hr.dat", tilt)
    assert main(["info", str(tmp_path / "x_hr.dat"), *LATTICE]) == 0
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if "|E(k) - E(-k)|" in line]
    assert re.search(verdict, row.rstrip(" │"))
    size = float(re.search(r"([0-9.e+-]+) meV", row)[1])  # pyright: ignore[reportOptionalSubscript]
    assert size == pytest.approx(4e3 * tilt, rel=0.02, abs=1e-9)
    assert ("suspect the T-odd terms (drude, qm)" in out) is suspicious


def test_info_of_a_hopping_file_needs_its_lattice(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = "by hand\n 1\n 3\n 1 1 1\n"
    text += "".join(f" {R} 0 0 1 1 {value} 0.0\n" for R, value in ((-1, 0.5), (0, 0.1), (1, 0.5)))
    Path("x_hr.dat").write_text(text)
    assert main(["info", "x_hr.dat"]) == 2
    assert "--lattice-nm" in one_line(capsys)
    assert main(["info", "x_hr.dat", "--lattice-nm", "[[0.3, 0, 0], [0, 0.4, 0], [0, 0, 2]]"]) == 0
    captured = capsys.readouterr()
    assert "1 bands, 3D" in captured.out
    assert "1 x 0 x 0 lattice vectors" in captured.out
    assert "lack their contribution" in captured.out
    assert "warning: x_hr.dat has no orbital positions" in captured.err


@pytest.mark.parametrize("arguments", [[], ["--help"], ["run", "--help"], ["--version"]])
def test_help_and_version_succeed(arguments: list[str], capsys):
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.strip()
    assert captured.err == ""


@pytest.mark.skipif(os.name != "posix", reason="a read-only folder that binds root too is a posix matter: /proc")
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_read_only_folder_does_not_lose_the_result(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sigmaijk.driver, "conductivity", returns(made_up()))
    assert main(["run", str(job), "-o", "/proc/toy", "--quiet"]) == 2
    line = one_line(capsys)
    assert f"the result is in {tmp_path / 'toy.nc'}" in line
    assert "does not exist" not in line
    assert "cannot write /proc/toy.nc: " in line


def test_info_takes_the_lattice_and_the_centres_from_files(tmp_path, capsys):
    rows = "".join(f"{R:5d}    0    0    1    1  {value}  0.0\n" for R, value in ((-1, 0.2), (0, 1.0), (1, 0.2)))
    (tmp_path / "a_hr.dat").write_text(f"c\n 1\n 3\n 1 1 1\n{rows}")
    (tmp_path / "POSCAR").write_text("c\n1.0\n3 0 0\n0 4 0\n0 0 5\n")
    (tmp_path / "where.xyz").write_text("1\nc\nX 1 2 0\n")
    files = ["--lattice", str(tmp_path / "POSCAR"), "--positions", str(tmp_path / "where.xyz")]
    assert main(["info", str(tmp_path / "a_hr.dat"), *files]) == 0
    assert "0.3" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "a_hr.dat"), *files, "--lattice-nm", "[[1, 0], [0, 1]]"]) == 2
    assert "--lattice or --lattice-nm, not both" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "a_hr.dat"), *files, "--spin-order", "block"]) == 2
    assert "needs an even number of Wannier functions, got 1" in capsys.readouterr().err
