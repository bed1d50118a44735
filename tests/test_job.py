"""JOB.toml: what is accepted, and one-line errors that name the line and the nearest known key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigmaijk import JobError, ModelError, kelvin
from sigmaijk.job import load_job, parse_job
from sigmaijk.sources import build_model, check_run

RUN = "[run]\nmu_eV = [0.1, 0.2]\n"
TOY = '[model]\nname = "dirac_pt"\n'


def parsed(text: str):
    return parse_job(text, Path("job.toml"))


def written(tmp_path: Path, text: str, **files: str) -> Path:
    for name, content in files.items():
        (tmp_path / f"{name}.py").write_text(content)
    path = tmp_path / "job.toml"
    path.write_text(text)
    return path


def test_a_full_job_is_read():
    job = parsed(
        TOY
        + """parameters = { t = 0.9, b = 1 }
        [run]
        mu_eV = { start = -0.4, stop = 0.4, num = 5 }
        T_K = [0, 100]
        terms = ["qm"]
        tau_fs = 100
        rtol = 1e-4
        atol = { qm = 1e-6 }
        out = "toy"
        max_k_points = 100000
        method = "auto"
        components = ["xyy"]
        degeneracy_tol = 1e-5
        """
    )
    np.testing.assert_allclose(job.run.mu, [-0.4, -0.2, 0.0, 0.2, 0.4], atol=1e-15)
    np.testing.assert_allclose(job.run.kT, [0.0, kelvin(100)])
    assert job.out == "toy"
    assert job.run.atol == {"qm": 1e-6}
    assert build_model(job).name == "dirac_pt(v=1.0, m=0.1, b=1.0, t=0.9)"


def test_what_a_job_leaves_out_has_the_defaults_of_conductivity():
    job = parsed(TOY + RUN)
    assert job.run.terms == ["drude", "bcd", "qm"]
    assert (job.run.rtol, job.run.atol, job.run.degeneracy_tol, job.run.tau_fs) == (1e-3, 0.0, 1e-6, None)
    np.testing.assert_array_equal(job.run.kT, [0.0])
    assert job.out == "job"


def test_energies_may_be_single_numbers():
    job = parsed(TOY + "[run]\nmu_eV = 1\nkT_eV = 0.01\n")
    np.testing.assert_array_equal(job.run.mu, [1.0])
    np.testing.assert_array_equal(job.run.kT, [0.01])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TOY + RUN + "taufs = 3", r"job\.toml, line 5: \[run\] has no key 'taufs'; did you mean 'tau_fs'\?"),
        (TOY + "[run]\nmu_eV = { start = 0, stp = 1, num = 3 }", r"line 4: \[run.mu_eV\] .* 'stp'; .* 'stop'"),
        (TOY + RUN + "zzzzzz = 3", r"no key 'zzzzzz'; known are mu_eV, T_K"),
        ('[modle]\nname = "a"\n' + RUN, r"line 1: the job has no key 'modle'; did you mean 'model'"),
        (TOY, r"job\.toml: a section \[run\] is required"),
        (TOY + "[run]\nrtol = 1e-3", r"\[run\] needs mu_eV"),
        (TOY + "[run]\nmu_eV = 'all'", "line 4: mu_eV in .*it should be a number, got 'all'"),
        (TOY + "[run]\nmu_eV = []", "mu_eV .* at least 1"),
        (TOY + "[run]\nmu_eV = [nan]", "mu_eV .* finite"),
        (TOY + "[run]\nmu_eV = [inf]", "mu_eV .* finite"),
        (TOY + "[run]\nmu_eV = { start = 0, stop = 1, num = 0 }", "mu_eV.num .* greater than or equal to 1, got 0"),
        (TOY + RUN + "T_K = [-1]", "T_K .* greater than or equal to 0, got -1"),
        (TOY + RUN + "T_K = 1\nkT_eV = 1", r"line 3: \[run\] has both T_K and kT_eV"),
        (TOY + RUN + "rtol = 0", "line 5: rtol .* greater than 0, got 0"),
        (TOY + RUN + "atol = { qm = -1 }", "atol.qm .* greater than or equal to 0"),
        (TOY + RUN + "terms = 'qm'", "terms .* list, got 'qm'"),
        (TOY + RUN + "tau_fs = -1", "tau_fs .* greater than 0, got -1"),
        (TOY + RUN + "max_k_points = 0.5", "max_k_points .* integer"),
        ("[model]\n" + RUN, r"line 1: \[model\] needs exactly one of name, file and code, got none"),
        (TOY + 'file = "x_tb.dat"\n' + RUN, "exactly one of .* got name and file"),
        (TOY + "dim = 2\n" + RUN, "has dim, which goes with file or code, not with name"),
        ('[model]\nfile = "x"\ndim = 4\n' + RUN, "line 3: dim .* 2 or 3, got 4"),
        (TOY + RUN + "rtol = 1e-3\nrtol = 1", r"not valid TOML: .*line 6"),
        ("[model", r"not valid TOML: .*line 1"),
    ],
)
def test_a_bad_job_is_one_line_that_says_what_to_change(text: str, problem: str):
    with pytest.raises(JobError, match=problem) as caught:
        parsed(text)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_job_file_is_an_error(tmp_path):
    with pytest.raises(JobError, match=r"none\.toml: there is no such job file"):
        load_job(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(JobError, match=r"binary\.toml: cannot be read"):
        load_job(tmp_path / "binary.toml")


def test_an_error_of_a_nested_key_finds_its_line_in_a_table_of_its_own():
    job = parsed(TOY + "[model.parameters]\nb = 1.0\nt = 0.5\n" + RUN)
    assert str(job.error(["model", "parameters", "t"], "wrong")) == "job.toml, line 5: wrong"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('terms = ["qmd"]', r"^job\.toml, line 5: unknown term 'qmd': .* did you mean 'qm'"),
        ("terms = ['qm']\natol = { qmd = 1 }", r"^job\.toml, line 6: atol names an unknown term 'qmd'"),
        ('method = "simpson"', r"^job\.toml, line 5: method must be one of 'auto'"),
        ('method = "trapezoid"', r"^job\.toml, line 5: method='trapezoid' .* needs kT > 0"),
        ('components = ["xyz"]', r"^job\.toml, line 5: unknown component 'xyz'"),
    ],
)
def test_what_the_driver_would_refuse_is_said_with_file_and_line(line: str, problem: str):
    job = parsed(TOY + RUN + line)
    with pytest.raises(JobError, match=problem):
        check_run(job, build_model(job))


# --- the model of a job -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ('name = "dirac_p"', r"^job\.toml, line 2: there is no model 'dirac_p'; did you mean 'dirac_pt'"),
        ('name = "dirac_pt"\nparameters = { tt = 1 }', r"^job\.toml, line 3: .* no parameter 'tt'; did you mean 't'"),
        ('name = "dirac_pt"\nparameters = { t = "1" }', r"^job\.toml, line 3: t must be a number, got '1'"),
        ('name = "dirac_pt"\n[model.parameters]\nt = "1"', r"^job\.toml, line 3: t must be a number, got '1'"),
        ('name = "cumnas"\nparameters = { direction = "x" }', r"^job\.toml, line 3: direction must be three numbers"),
        ('name = "tilted_dirac"', r"^job\.toml: model 'tilted_dirac' needs the parameter 't'"),
    ],
)
def test_a_wrong_model_name_or_parameter_is_an_error_that_names_the_nearest(model: str, problem: str):
    with pytest.raises(JobError, match=problem):
        build_model(parsed(f"[model]\n{model}\n{RUN}"))


CONE = """import numpy as np
def cone(kx, ky, v=1.0, m=0.1):
    return np.array([[m, v * (kx - 1j * ky)], [v * (kx + 1j * ky), -m]])
"""


def test_a_function_of_a_file_beside_the_job_becomes_a_model_when_code_is_allowed(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    text = '[model]\ncode = "mine.py:cone"\nparameters = { m = 0.3 }\n' + RUN
    job = load_job(written(tmp_path, text, mine=CONE))
    model = build_model(job, allow_code=True)
    assert (model.dim, model.n_bands, model.name) == (2, 2, "mine.py:cone(m=0.3)")
    np.testing.assert_allclose(np.linalg.eigvalsh(model.hamiltonian([[0.4, 0.0]])), [[-0.5, 0.5]])


def test_code_is_not_run_unless_it_is_allowed(tmp_path):
    marker = tmp_path / "ran"
    source = f"open({str(marker)!r}, 'w').close()\n{CONE}"
    job = load_job(written(tmp_path, '[model]\ncode = "mine.py:cone"\n' + RUN, mine=source))
    with pytest.raises(JobError, match=r"runs Python code from mine\.py; add --allow-code"):
        build_model(job)
    assert not marker.exists()
    build_model(job, allow_code=True)
    assert marker.exists()


@pytest.mark.parametrize(
    ("source", "reference", "error", "problem"),
    [
        (CONE, "mine.py", JobError, "code must be 'file.py:function', got 'mine.py'"),
        (CONE, "mine.py:__import__('os')", JobError, "code must be"),
        (CONE, "other.py:cone", JobError, r"there is no Python file .*other\.py"),
        (CONE, "mine.py:con", JobError, r"mine\.py has no function 'con'"),
        ("def f(:\n", "mine.py:f", JobError, r"mine\.py, line 1: "),
        ("\n1 / 0\n", "mine.py:f", JobError, r"mine\.py, line 2: ZeroDivisionError"),
        ("def f(kx):\n    return kx", "mine.py:f", JobError, "must take kx, ky or kx, ky, kz, got 1 arguments"),
        ("f = max", "mine.py:f", JobError, r"job\.toml, line 2: .*does not tell its arguments; set dim"),
        ("raise SystemExit(0)", "mine.py:f", JobError, r"mine\.py, line 1: SystemExit: 0"),
        ("def f(kx, ky):\n    raise SystemExit", "mine.py:f", ModelError, r"mine\.py, line 2: SystemExit"),
        ("def f(kx, ky):\n    return [[kx, 1], [2, ky]]", "mine.py:f", ModelError, r"mine\.py: H must be Hermitian"),
        ("def f(kx, ky):\n    return [kx, ky]", "mine.py:f", ModelError, r"mine\.py: .*shape"),
        ("import mime", "mine.py:f", JobError, r"mine\.py, line 1: ModuleNotFoundError"),
        ("\n\nraise SyntaxError('own')", "mine.py:f", JobError, r"mine\.py, line 3: SyntaxError: own"),
        ("def f(kx, ky):\n    return undefined", "mine.py:f", ModelError, r"mine\.py, line 2: NameError"),
    ],
)
def test_what_is_wrong_with_a_users_code_is_said_with_its_line(tmp_path, source, reference, error, problem):
    text = f'[model]\ncode = "{reference}"\n' + RUN
    job = load_job(written(tmp_path, text, mine=source))
    with pytest.raises(error, match=problem):
        build_model(job, allow_code=True)


def test_the_line_of_a_users_code_is_found_from_a_relative_job_too(tmp_path, monkeypatch):
    written(tmp_path, '[model]\ncode = "mine.py:f"\n' + RUN, mine="\n1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JobError, match=r"^mine\.py, line 2: ZeroDivisionError: division by zero$"):
        build_model(load_job("job.toml"), allow_code=True)


@pytest.mark.parametrize(
    ("source", "parameters", "problem"),
    [
        (CONE, "{ w = 1.0 }", r"job\.toml, line 3: mine\.py:cone has no parameter 'w'; known are kx, ky, v, m"),
        (CONE, '{ v = "1" }', r"mine\.py: H must be made of numbers, got str"),
        ("def cone(kx, ky, **more):\n    return [[more['m']]]", "{ m = 1.0 }", ""),
    ],
)
def test_parameters_of_a_users_function_are_checked(tmp_path, source: str, parameters: str, problem: str):
    text = f'[model]\ncode = "mine.py:cone"\nparameters = {parameters}\n' + RUN
    job = load_job(written(tmp_path, text, mine=source))
    if not problem:
        assert build_model(job, allow_code=True).n_bands == 1
        return
    with pytest.raises((JobError, ModelError), match=problem):
        build_model(job, allow_code=True)


def test_a_file_stands_beside_its_job(tmp_path):
    job = load_job(written(tmp_path, '[model]\nfile = "none_tb.dat"\n' + RUN))
    with pytest.raises(OSError, match=str(tmp_path / "none_tb.dat")):
        build_model(job)


SHEET_HR = """written by hand
    1
    1
    1
    0    0    0    1    1    0.100000    0.000000
"""


def test_the_options_of_a_file_reach_its_reader(tmp_path):
    (tmp_path / "x_hr.dat").write_text(SHEET_HR)
    options = "lattice_nm = [[0.3, 0, 0], [0, 0.4, 0], [0, 0, 2]]\npositions_nm = [[0, 0, 0]]\n"
    more = "fermi_energy_eV = 0.25\ndim = 2\nthickness_nm = 0.7\nspin_degeneracy = 2\n"
    model = build_model(load_job(written(tmp_path, '[model]\nfile = "x_hr.dat"\n' + options + more + RUN)))
    assert (model.dim, model.n_bands, model.spin_degeneracy) == (2, 1, 2)
    np.testing.assert_allclose(model.hamiltonian([[0.0, 0.0]]), [[[-0.15]]], atol=1e-12)


def test_a_hopping_file_without_its_lattice_is_told_which_key_to_add(tmp_path):
    (tmp_path / "x_hr.dat").write_text(SHEET_HR)
    job = load_job(written(tmp_path, '[model]\nfile = "x_hr.dat"\n' + RUN))
    with pytest.raises(JobError, match=r"job\.toml, line 1: .*in a job file: lattice_nm in \[model\]"):
        build_model(job)


def test_files_beside_the_job_reach_the_reader(tmp_path):
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "x_hr.dat").write_text(SHEET_HR)
    (folder / "cell.win").write_text("begin unit_cell_cart\n3 0 0\n0 4 0\n0 0 20\nend unit_cell_cart\n")
    (folder / "where.xyz").write_text("1\nc\nX 1.0 2.0 0.0\n")
    options = 'lattice_file = "cell.win"\npositions_file = "where.xyz"\nwsvec_file = false\n'
    model = build_model(load_job(written(folder, '[model]\nfile = "x_hr.dat"\n' + options + RUN)))
    np.testing.assert_allclose(model.lattice, np.diag([0.3, 0.4, 2.0]), rtol=1e-14)
    np.testing.assert_allclose(model.positions, [[0.1, 0.2, 0.0]], rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('lattice_file = "a.win"\nlattice_nm = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]', "both lattice_nm and lattice_file"),
        ('spin_order = "up"', "spin_order in .model.: it should be 'interleaved' or 'block', got 'up'"),
        ('spin_order = "block"', r"spin_order='block' needs an even number .*in a job file: spin_order in \[model\]"),
    ],
)
def test_bad_options_for_files_are_refused_with_their_line(tmp_path, options, message):
    (tmp_path / "x_hr.dat").write_text(SHEET_HR)
    with pytest.raises(JobError, match=message):
        build_model(load_job(written(tmp_path, f'[model]\nfile = "x_hr.dat"\n{options}\n{RUN}')))
