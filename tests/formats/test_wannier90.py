"""read_wannier90: small files written here, to the bit; every way to damage them; and real files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaijk.errors import (
    ArgumentError,
    ArgumentTypeError,
    FileFormatError,
    InputFileError,
    InputHealthWarning,
    MissingPositionsWarning,
    SigmaijkError,
)
from sigmaijk.formats.wannier90 import read_wannier90
from support import assert_same

LATTICE = np.array([[0.4, 0.0, 0.0], [0.1, 0.5, 0.0], [0.0, 0.0, 2.0]])
CENTRES = np.array([[0.01, 0.02, 0.03], [0.1, 0.2, 0.0]])

HR = """ written by a test
          2
          3
    2    1    2
   -1    0    0    1    1    0.200000    0.000000
   -1    0    0    2    1    0.500000    0.250000
   -1    0    0    1    2    0.125000   -0.062500
   -1    0    0    2    2   -0.400000    0.000000
    0    0    0    1    1    1.500000    0.000000
    0    0    0    2    1    0.300000   -0.700000
    0    0    0    1    2    0.300000    0.700000
    0    0    0    2    2   -2.500000    0.000000
    1    0    0    1    1    0.200000    0.000000
    1    0    0    2    1    0.125000    0.062500
    1    0    0    1    2    0.500000   -0.250000
    1    0    0    2    2   -0.400000    0.000000
"""

TB = """ written by a test
     4.0000000000      0.0000000000      0.0000000000
     1.0000000000      5.0000000000      0.0000000000
     0.0000000000      0.0000000000     20.0000000000
           2
           3
    2    1    2

   -1    0    0
    1    1   0.20000000E+00  0.00000000E+00
    2    1   0.50000000E+00  0.25000000E+00
    1    2   0.12500000E+00 -0.62500000E-01
    2    2  -0.40000000E+00  0.00000000E+00

    0    0    0
    1    1   0.15000000E+01  0.00000000E+00
    2    1   0.30000000E+00 -0.70000000E+00
    1    2   0.30000000E+00  0.70000000E+00
    2    2  -0.25000000E+01  0.00000000E+00

    1    0    0
    1    1   0.20000000E+00  0.00000000E+00
    2    1   0.12500000E+00  0.62500000E-01
    1    2   0.50000000E+00 -0.25000000E+00
    2    2  -0.40000000E+00  0.00000000E+00

   -1    0    0
    1    1   0.1E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00
    2    1   0.5E+00  0.2E+00  0.4E+00  0.0E+00  0.0E+00  0.0E+00
    1    2   0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.8E+00
    2    2   0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00

    0    0    0
    1    1   0.1E+00  0.0E+00  0.2E+00  0.0E+00  0.3E+00  0.0E+00
    2    1   0.3E+00  0.6E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00
    1    2   0.3E+00 -0.6E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00
    2    2   0.1E+01  0.0E+00  0.2E+01  0.0E+00  0.0E+00  0.0E+00

    1    0    0
    1    1   0.1E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00
    2    1   0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00 -0.8E+00
    1    2   0.5E+00 -0.2E+00  0.4E+00  0.0E+00  0.0E+00  0.0E+00
    2    2   0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00  0.0E+00
"""

HOME = np.array([[1.5, 0.3 + 0.7j], [0.3 - 0.7j, -2.5]])
RIGHT = np.array([[0.2, 0.5 - 0.25j], [0.125 + 0.0625j, -0.4]]) / 2


def expected_hamiltonian(k: np.ndarray, positions: np.ndarray, lattice: np.ndarray = LATTICE) -> np.ndarray:
    """The model of HR and TB, written out."""
    turn = np.exp(1j * k @ lattice[0])[:, None, None]
    cells = HOME + turn * RIGHT + turn.conj() * RIGHT.conj().T
    phase = np.exp(1j * k @ positions.T)
    return phase.conj()[:, :, None] * cells * phase[:, None, :]


def written(folder: Path, text: str, name: str = "model.dat") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def some_points(dim: int = 3) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(5, dim)) * 4


@pytest.mark.parametrize("name", ["a_tb.dat", "a_tb.dat.gz", "misleading_hr.dat"])
def test_tb_file_is_read_with_its_lattice_positions_and_degeneracies(tmp_path: Path, name: str) -> None:
    model, k = read_wannier90(written(tmp_path, TB, name)), some_points()
    assert model.name == name
    assert (model.dim, model.n_bands, model.thickness) == (3, 2, None)
    assert_same(model.lattice, LATTICE, rtol=1e-16, floor=0.1)
    assert_same(model.positions, CENTRES, rtol=1e-16, floor=0.1)
    assert_same(model.hamiltonian(k), expected_hamiltonian(k, CENTRES), rtol=1e-14, floor=0.1)


def test_tb_position_matrices_become_the_connection(tmp_path: Path) -> None:
    model = read_wannier90(written(tmp_path, TB))
    connection = model.jet(np.zeros((1, 3)), 1).connection
    assert connection is not None
    across = np.array([0.03 + 0.05 / 2 - 1j * (0.06 + 0.02 / 2), 0.04 / 2, 1j * 0.08 / 2])
    assert_same(connection[0, :, 0, 1], across, rtol=1e-14, floor=1e-2)
    assert_same(connection[0, :, 0, 0], np.array([0.01, 0.0, 0.0]), rtol=1e-14, floor=1e-3)


@pytest.mark.parametrize("name", ["a_hr.dat", "a_hr.dat.gz", "misleading_tb.dat"])
def test_hr_file_is_read_with_the_lattice_and_positions_given(tmp_path: Path, name: str) -> None:
    k = some_points()
    model = read_wannier90(written(tmp_path, HR, name), lattice=LATTICE, positions=CENTRES)
    assert_same(model.hamiltonian(k), expected_hamiltonian(k, CENTRES), rtol=1e-14, floor=0.1)
    assert model.jet(k).connection is None


def test_numbers_are_kept_to_the_bit(tmp_path: Path) -> None:
    one_band = "exact\n1\n1\n1\n0 0 0 1 1 0.1234567890123456 0.0\n"
    with pytest.warns(MissingPositionsWarning):
        model = read_wannier90(written(tmp_path, one_band), lattice=LATTICE)
    assert model.hamiltonian(np.zeros((1, 3)))[0, 0, 0] == 0.1234567890123456


def test_fermi_energy_becomes_the_zero(tmp_path: Path) -> None:
    path, k = written(tmp_path, TB), some_points()
    shifted, plain = read_wannier90(path, fermi_energy=0.75), read_wannier90(path)
    expected = plain.hamiltonian(k) - 0.75 * np.eye(2)
    assert_same(shifted.hamiltonian(k), expected, rtol=1e-15, floor=0.1)


def test_sheet_drops_the_third_direction(tmp_path: Path) -> None:
    model, k = read_wannier90(written(tmp_path, TB), dim=2, thickness=0.7, spin_degeneracy=2), some_points(2)
    assert (model.dim, model.thickness, model.spin_degeneracy) == (2, 0.7, 2)
    assert_same(model.lattice, LATTICE[:2, :2], rtol=1e-16, floor=0.1)
    expected = expected_hamiltonian(k, CENTRES[:, :2], LATTICE[:2, :2])
    assert_same(model.hamiltonian(k), expected, rtol=1e-14, floor=0.1)
    assert model.jet(k).connection is not None


def layered(hopping: str) -> str:
    """HR with one more pair of R, along a3."""
    rows = [
        f"    0    0   {layer:2d}    {m}    {n}    {hopping}    0.000000"
        for layer in (-1, 1)
        for n in (1, 2)
        for m in (1, 2)
    ]
    return HR.replace("          3\n    2    1    2", "          5\n    2    1    2    1    1") + "\n".join(rows) + "\n"


def test_sheet_reports_the_small_hoppings_it_drops(tmp_path: Path) -> None:
    path, k = written(tmp_path, layered("0.000900")), some_points(2)
    with pytest.warns(InputHealthWarning, match=r"hoppings of 7.2 meV in all \(largest 0.9 meV\)"):
        model = read_wannier90(path, lattice=LATTICE, positions=CENTRES, dim=2)
    expected = expected_hamiltonian(k, CENTRES[:, :2], LATTICE[:2, :2])
    assert_same(model.hamiltonian(k), expected, rtol=1e-14, floor=0.1)


def test_missing_positions_are_pointed_out(tmp_path: Path) -> None:
    with pytest.warns(
        MissingPositionsWarning,
        match=r"no orbital positions.*give positions=\(n, 3\) in nm, a _centres.xyz, or a _tb.dat or _r.dat",
    ):
        model = read_wannier90(written(tmp_path, HR), lattice=LATTICE)
    k = some_points()
    assert_same(model.hamiltonian(k), expected_hamiltonian(k, np.zeros((2, 3))), rtol=1e-14, floor=0.1)


def test_position_matrices_from_finite_differences_are_made_hermitian(tmp_path: Path) -> None:
    text = TB.replace("2    1   0.3E+00  0.6E+00", "2    1   0.3E+00  0.5E+00")
    with pytest.warns(InputHealthWarning, match=r"r\(-R\) = r\(R\)\^\+ by up to 0.01 nm.*Hermitian part"):
        model = read_wannier90(written(tmp_path, text))
    connection = model.jet(np.zeros((1, 3)), 1).connection
    assert connection is not None
    assert_same(connection[0, 0, 0, 1].imag, np.array(-0.055 - 0.01), rtol=1e-14, floor=1e-2)


@pytest.mark.parametrize("number", ["0.20000000D+00", "0.2D0", "200.0-003", "2.D-1"])
def test_fortran_forms_of_numbers_are_read(tmp_path: Path, number: str) -> None:
    k = some_points()
    model = read_wannier90(written(tmp_path, TB.replace("1    1   0.20000000E+00", f"1    1   {number}")))
    assert_same(model.hamiltonian(k), expected_hamiltonian(k, CENTRES), rtol=1e-14, floor=0.1)
    text = HR.replace("1    1    0.200000", f"1    1    {number}")
    model = read_wannier90(written(tmp_path, text), lattice=LATTICE, positions=CENTRES)
    assert_same(model.hamiltonian(k), expected_hamiltonian(k, CENTRES), rtol=1e-14, floor=0.1)


def test_line_ends_and_trailing_blank_lines_do_not_matter(tmp_path: Path) -> None:
    k = some_points()
    model = read_wannier90(written(tmp_path, TB.replace("\n", "\r\n") + "\r\n\n"))
    assert_same(model.hamiltonian(k), expected_hamiltonian(k, CENTRES), rtol=1e-14, floor=0.1)


def swap(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, count)

    return change


def cut_after(lines: int) -> Callable[[str], str]:
    return lambda text: "".join(text.splitlines(keepends=True)[:lines])


def append(more: str) -> Callable[[str], str]:
    return lambda text: text + more


DAMAGED_HR = {
    "truncated": (cut_after(10), "line 10: the file ends here"),
    "truncated within a row": (lambda text: text[:-14], r"line 16: expected R1 R2 R3 m n .*\(7 numbers\), got 6"),
    "only a comment": (cut_after(1), "line 2: not a Wannier90"),
    "no counts": (cut_after(2), "line 2: the file ends here, but the number of lattice vectors"),
    "corrupted number": (swap("0.125000", "0.12x000"), "line 7: expected a number, got '0.12x000'"),
    "python number": (swap("0.125000", "0.12_000"), "line 7: expected a number, got '0.12_000'"),
    "nan": (swap("-2.500000", "      nan"), "line 12: expected a finite number, got 'nan'"),
    "stars": (swap("-2.500000", "*********"), r"line 12: expected a number, got '\*+'"),
    "infinity": (swap("0.125000", "1e999999"), "line 7: expected a finite number"),
    "real R": (
        swap("   -1    0    0    1    1", " -1.5    0    0    1    1"),
        "line 5: expected an integer in R1 R2 R3 m n .*, got '-1.5'",
    ),
    "more Wannier functions": (
        swap("          2\n", "          3\n"),
        r"line 7: expected the entry m n = 3 1 .*got 1 2",
    ),
    "fewer Wannier functions": (
        swap("          2\n", "          1\n"),
        "line 6: the lattice vector R = .* a second time",
    ),
    "more lattice vectors": (
        swap("          3\n", "          4\n"),
        "line 5: expected an integer in degeneracies .*0.200000",
    ),
    "fewer lattice vectors": (swap("          3\n", "          2\n"), "line 4: expected 2 degeneracies .* got 3"),
    "degeneracy zero": (swap("    2    1    2", "    2    0    2"), "line 4: degeneracies .* above zero, got 0"),
    "no Wannier functions": (
        swap("          2\n", "          0\n"),
        "line 2: the number of Wannier functions must be above",
    ),
    "rows in excess": (append("    2    0    0    1    1  0.0  0.0\n"), "line 17: expected the end of the file"),
    "entry twice": (
        swap("0    2    1    0.5", "0    1    1    0.5"),
        r"line 6: expected the entry m n = 2 1 .*got 1 1",
    ),
    "n fastest": (swap("0    2    1    0.5", "0    1    2    0.5"), r"line 6: .*got 1 2: .* out of order"),
    "index out of range": (swap("2    2   -0.4", "2    3   -0.4"), r"line 8: .*m n = 2 2 .*got 2 3"),
    "R twice": (
        swap("    1    0    0    ", "   -1    0    0    ", 4),
        r"line 13: .*R = \(-1, 0, 0\) comes a second time",
    ),
    "R changes in a block": (
        swap("0    0    0    2    1", "0    0    1    2    1"),
        r"line 10: R = \(0, 0, 1\) starts before",
    ),
    "no partner": (swap("    1    0    0    ", "    1    1    0    ", 4), r"not -R = \((1|-1), (0|-1), 0\)"),
    "no home cell": (swap("    0    0    0    ", "    0    1    0    ", 4), r"no block R = \(0, 0, 0\)"),
    "not Hermitian": (swap("2    1    0.500000", "2    1    0.500010"), r"Hermitian.*R = \(.*1, 0, 0\), entry"),
}

DAMAGED_TB = {
    "truncated H": (cut_after(15), "line 15: the file ends here, but m n"),
    "no positions": (cut_after(25), "line 25: the file ends here, but a lattice vector .* of the position matrices"),
    "truncated positions": (cut_after(38), "line 38: the file ends here"),
    "corrupted number": (swap("0.12500000E+00", "0.125O0000E+00"), "line 12: expected a number, got '0.125O0000E.00'"),
    "missing column": (swap("2    1   0.5E+00  0.2E+00", "2    1   0.5E+00"), r"line 29: .*\(8 numbers\), got 7"),
    "flat lattice": (swap("20.0000000000", " 0.0000000000"), "line 2: the three lattice vectors are not linearly"),
    "other order of positions": (swap("\n    1    0    0\n    1    1   0.1E", "\n    2    0    0\n    1    1   0.1E"),
                                 r"line 39: expected R = \(1, 0, 0\), .* got \(2, 0, 0\)"),
    "R twice": (swap("\n    1    0    0\n", "\n    0    0    0\n", 2), r"line 21: .*\(0, 0, 0\) comes a second time"),
    "infinite position": (swap("0.1E+01", "    inf"), "line 37: expected a finite number, got 'inf'"),
    "real R": (swap("    0    0    0\n", "  0.5    0    0\n"), "line 15: expected an integer .* R3, got '0.5'"),
    "not Hermitian": (swap("2    1   0.50000000E+00", "2    1   0.50001000E+00"), "hoppings must be Hermitian"),
    "rows in excess": (append("   9\n"), "line 44: expected the end of the file, got '9'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["a.dat", "a.dat.gz"])
@pytest.mark.parametrize("damage", DAMAGED_HR)
def test_a_damaged_hr_file_is_refused_with_its_line(tmp_path: Path, damage: str, name: str) -> None:
    change, message = DAMAGED_HR[damage]
    path = written(tmp_path, change(HR), name)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_wannier90(path, lattice=LATTICE, positions=CENTRES)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGED_TB)
def test_a_damaged_tb_file_is_refused_with_its_line(tmp_path: Path, damage: str) -> None:
    change, message = DAMAGED_TB[damage]
    path = written(tmp_path, change(TB))
    with pytest.raises(FileFormatError, match=message) as caught:
        read_wannier90(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b" \n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.dat").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a.dat: the file is empty"):
        read_wannier90(tmp_path / "a.dat")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0", b"[model]\nname = 'dirac'\n", b"1 2 3", b"a\n1 2\n"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.dat").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"line 2: not a Wannier90 _hr\.dat"):
        read_wannier90(tmp_path / "a.dat")


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: data[:40] + b"xxxx" + data[44:]])
def test_a_damaged_gzip_stream_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a.dat.gz").write_bytes(damage(gzip.compress(TB.encode())))
    with pytest.raises(FileFormatError, match="the gzip stream is truncated or corrupted"):
        read_wannier90(tmp_path / "a.dat.gz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"cannot open .*absent_tb.dat: No such file") as caught:
        read_wannier90(tmp_path / "absent_tb.dat")
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, SigmaijkError)
    with pytest.raises(InputFileError, match="cannot open"):
        read_wannier90(tmp_path)
    with pytest.raises(InputFileError, match=r"cannot open 'a\\x00b': .*null.*; check the path"):
        read_wannier90("a\0b")


@pytest.mark.parametrize("path", [None, 0, b"a_tb.dat", ["a_tb.dat"]])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=r"path must be a string or a pathlib\.Path, got"):
        read_wannier90(path)


TILTED = [[0.4, 0.0, 0.1], [0.1, 0.5, 0.0], [0.0, 0.0, 2.0]]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (HR, {}, r"which holds no lattice: give lattice=\(3, 3\), rows in nm"),
        (HR, {"lattice": np.eye(2)}, r"lattice must be finite and have shape \(3, 3\), nm, got shape \(2, 2\)"),
        (HR, {"lattice": LATTICE, "positions": np.zeros((3, 3))}, r"positions must .* shape \(2, 3\)"),
        (HR, {"lattice": np.ones((3, 3)), "positions": CENTRES}, "linearly independent"),
        (HR, {"lattice": TILTED, "positions": CENTRES, "dim": 2}, "a1 and a2 in the xy plane"),
        (layered("0.0011"), {"lattice": LATTICE, "positions": CENTRES, "dim": 2}, r"1.1 meV at R = \(0, 0, -1\)"),
        (TB, {"lattice": np.eye(3)}, "lattice differs from the one in"),
        (TB, {"positions": CENTRES + 0.1}, "give only one of them"),
        (TB, {"fermi_energy": np.nan}, "fermi_energy must be a finite number of eV, got nan"),
        (TB, {"fermi_energy": "0"}, "fermi_energy must be a finite number of eV, got '0'"),
        (TB, {"fermi_energy": True}, "fermi_energy must be a finite number of eV, got True"),
        (TB, {"dim": 1}, "dim must be 2 or 3, got 1"),
        (TB, {"dim": np.array([2, 2])}, r"dim must be 2 or 3, got array"),
        (TB, {"thickness": 1.0}, "thickness belongs to a sheet: give dim=2"),
        (TB, {"thickness": 0.0, "dim": 2}, "thickness must be a finite length above zero, got 0.0"),
        (TB, {"thickness": np.inf, "dim": 2}, "thickness must be a finite length above zero, got inf"),
        (TB, {"thickness": True, "dim": 2}, "thickness must be a finite length above zero, got True"),
        (TB, {"spin_degeneracy": 4}, "spin_degeneracy must be 1 or 2, got 4"),
        (TB, {"spin_degeneracy": True}, "spin_degeneracy must be 1 or 2, got True"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, text: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        read_wannier90(written(tmp_path, text), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lattice": LATTICE, "positions": "here"}, "positions must be an array of numbers"),
        ({"lattice": LATTICE, "positions": CENTRES + 1j}, "positions must be real, got complex numbers"),
        ({"lattice": LATTICE + 0j}, r"lattice must be real, got complex numbers; .* pass the \.real part"),
        ({"lattice": LATTICE > 0}, r"lattice must be an array of numbers of shape \(3, 3\), nm, got"),
    ],
)
def test_options_that_are_not_real_numbers_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentTypeError, match=message):
        read_wannier90(written(tmp_path, HR), **options)


def test_options_that_repeat_the_file_are_accepted(tmp_path: Path) -> None:
    model = read_wannier90(written(tmp_path, TB), lattice=LATTICE, positions=CENTRES)
    assert_same(model.positions, CENTRES, rtol=1e-15, floor=0.1)


@pytest.mark.parametrize(("name", "bands", "reach"), [("Te_w90test", 9, [1, 1, 1]), ("Te_qe", 24, [2, 2, 1])])
def test_tellurium_loads_with_its_position_matrices(data_dir: Path, name: str, bands: int, reach: list[int]) -> None:
    model, k = read_wannier90(data_dir / f"{name}_tb.dat.gz"), some_points()
    assert model.n_bands == bands
    assert model.hopping_range.tolist() == reach
    assert_same(np.linalg.norm(model.lattice, axis=1), np.array([0.4457, 0.4457, 0.59581176]), rtol=1e-6, floor=0.1)
    jet = model.jet(k)
    assert jet.connection is not None
    assert jet.connection_curl is not None
    for array in (jet.value, jet.gradient, jet.connection, jet.connection_curl):
        assert_same(array.conj().swapaxes(-1, -2), array, rtol=1e-13, floor=1e-3)
    period = model.cartesian([[1.0, -2.0, 1.0]])
    moved = np.linalg.eigvalsh(model.hamiltonian(k + period))
    assert_same(moved, np.linalg.eigvalsh(jet.value), rtol=1e-11, floor=1)


@pytest.mark.parametrize(
    ("name", "reach", "odd"),
    [("WTe2_1L", [5, 2], 0.0), ("WTe2_1L_raw", [4, 2], 5e-3), ("WTe2_1L_zeeman", [5, 2], 6e-3)],
)
def test_tungsten_ditelluride_loads_as_a_sheet(data_dir: Path, name: str, reach: list[int], odd: float) -> None:
    """The part of E(k) that is odd in k: none with time reversal, about 5 meV in the raw and the Zeeman file."""
    lattice = np.diag([0.3477, 0.6249, 3.00116])
    with pytest.warns(MissingPositionsWarning):
        model = read_wannier90(data_dir / f"{name}_hr.dat.gz", lattice=lattice, dim=2)
    assert (model.dim, model.n_bands) == (2, 44)
    assert model.hopping_range.tolist() == reach
    k = model.cartesian(np.random.default_rng(5).uniform(-0.5, 0.5, size=(40, 2)))
    value = model.hamiltonian(k)
    assert_same(value.conj().swapaxes(-1, -2), value, rtol=1e-13, floor=1)
    difference = np.abs(np.linalg.eigvalsh(value) - np.linalg.eigvalsh(model.hamiltonian(-k))).max()
    assert difference < 1e-10 if odd == 0.0 else odd / 3 < difference < odd * 3
