"""H(R) and r(R) of a _tb.dat as wannierberri reads them, to the last bit, and its systems taken over by from_model."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import SigmaijkWarning
from sigmaijk.formats.text import TextFile
from sigmaijk.formats.wannier90_tb import parse_tb
from support import assert_same
from wannier_files import known_model, texts

K = np.random.default_rng(3).normal(size=(50, 3)) * 5

FACTS = {
    ((0, 0, 0), 2, 5): (
        0.212856870163 + 0.0521906000795j,
        [
            (-0.00313673911713 + 0.00338156339793j),
            (0.0044486099315 - 0.00629440610073j),
            (-0.0195150194496 - 0.0143730438164j),
        ],
    ),
    ((-1, 0, 0), 0, 7): (
        -0.0943271628805 + 0.0126172834884j,
        [
            (2.20830298492e-15 - 5.5608729427e-16j),
            (-0.00049139294784 - 0.000191293564795j),
            (0.04718226005575 - 0.0073895451916j),
        ],
    ),
    ((1, 0, 1), 3, 8): (
        0.01110279142505 - 0.004232032555325j,
        [
            (-1.0505919051375e-15 - 6.505213034925e-19j),
            (-0.00294544662595 - 0.0004654910034175j),
            (-3.59955121265e-17 - 7.447791298625e-17j),
        ],
    ),
    ((-1, -1, 0), 6, 1): (
        -0.00218373097974 + 0.001684727412505j,
        [
            (0.003345800790575 + 0.000544077136065j),
            (-0.00193169899944 - 0.000314123082975j),
            (-0.0053945947934 - 0.02719059187665j),
        ],
    ),
}
"""wannierberri 26.10, System_R.from_tb_dat(Te_w90test_tb.dat, berry=True): {(R, a, b): (Ham, AA)}, eV and angstrom.

AA is in convention I, with the centres off the diagonal of R = 0, so these entries off the diagonal are <0a|r|Rb>.
"""


def system(path: Path) -> Any:
    """The system of wannierberri; it warns of optional libraries and prints what it does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("wannierberri", reason="wannierberri is not installed: stored numbers are compared")
        from wannierberri.system import System_R

        return System_R.from_tb_dat(str(path), berry=True)


def test_entries_are_those_that_wannierberri_printed(data_dir: Path) -> None:
    with TextFile(data_dir / "Te_w90test_tb.dat.gz") as file:
        blocks = parse_tb(file)
    numbers = {tuple(vector): number for number, vector in enumerate(blocks.vectors.tolist())}
    assert blocks.position_angstrom is not None
    assert {int(blocks.degeneracies[numbers[R]]) for R, _, _ in FACTS} > {1}
    for (R, a, b), (energy, shift) in FACTS.items():
        number = numbers[R]
        assert blocks.hamiltonian[number, a, b] / blocks.degeneracies[number] == energy
        assert (blocks.position_angstrom[number, :, a, b] / blocks.degeneracies[number]).tolist() == shift


def files(data_dir: Path, tmp_path: Path, name: str) -> Path:
    if name == "known model":
        return texts(known_model(), (4, 3, 1)).write(tmp_path, "x", "_tb.dat")
    path = tmp_path / f"{name}_tb.dat"
    path.write_bytes(gzip.decompress((data_dir / f"{name}_tb.dat.gz").read_bytes()))
    return path


@pytest.mark.parametrize("name", ["known model", "Te_w90test", "Te_qe"])
def test_blocks_are_those_of_wannierberri_to_the_last_bit(data_dir: Path, tmp_path: Path, name: str) -> None:
    path = files(data_dir, tmp_path, name)
    theirs = system(path)
    with TextFile(path) as file:
        blocks = parse_tb(file)
    assert blocks.position_angstrom is not None
    shifts = np.moveaxis(blocks.position_angstrom / blocks.degeneracies[:, None, None, None], 1, -1)
    diagonal = np.arange(theirs.num_wann)
    home = int(np.flatnonzero(~blocks.vectors.any(axis=1))[0])
    shifts[home, diagonal, diagonal] -= theirs.wannier_centers_cart
    assert blocks.vectors.tolist() == theirs.rvec.iRvec.tolist()
    assert np.array_equal(blocks.hamiltonian / blocks.degeneracies[:, None, None], theirs.get_R_mat("Ham"))
    assert np.array_equal(shifts, theirs.get_R_mat("AA"))
    assert np.abs(shifts).max() > 0.01


@pytest.mark.parametrize("name", ["known model", "Te_w90test", "Te_qe"])
def test_a_system_and_its_file_are_the_same_model_to_the_last_bit(data_dir: Path, tmp_path: Path, name: str) -> None:
    path = files(data_dir, tmp_path, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SigmaijkWarning)
        ours, theirs = sg.read_wannier90(path).jet(K), sg.from_model(system(path)).jet(K)
    for part in ("value", "gradient", "hessian", "connection", "connection_curl"):
        one, other = getattr(ours, part), getattr(theirs, part)
        assert np.array_equal(one, other), part
        assert np.abs(one).max() > 1e-3


def test_a_sheet_of_wannierberri_becomes_one_of_ours(tmp_path: Path) -> None:
    theirs = system(texts(known_model(), (4, 3, 1)).write(tmp_path, "x", "_tb.dat"))
    theirs.periodic = np.array([True, True, False])
    sheet, bulk = sg.from_model(theirs, fermi_energy=0.3), sg.from_model(theirs, dim=2)
    assert sheet.dim == bulk.dim == 2
    shifted = sheet.hamiltonian(K[:, :2]) + 0.3 * np.eye(3)
    assert_same(shifted, bulk.hamiltonian(K[:, :2]), rtol=1e-15, floor=1.0)


def test_translations_agree_with_tbmodels(tmp_path: Path) -> None:
    """The bands of a _hr.dat with its _wsvec.dat at k off the mesh, where the translations matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tbmodels = pytest.importorskip("tbmodels", reason="tbmodels is not installed: closed forms are compared")
        path = texts(known_model(), (4, 3, 1)).write(tmp_path, "x", "_hr.dat", "_wsvec.dat", ".win", "_centres.xyz")
        theirs = tbmodels.Model.from_wannier_files(hr_file=str(path), wsvec_file=str(tmp_path / "x_wsvec.dat"))
    ours, reduced = sg.read_wannier90(path), np.random.default_rng(0).uniform(size=(5, 3))
    wanted = [np.linalg.eigvalsh(theirs.hamilton(k)) for k in reduced]
    assert_same(np.linalg.eigvalsh(ours.hamiltonian(ours.cartesian(reduced))), wanted, rtol=1e-13, floor=1.0)
