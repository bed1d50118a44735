"""The files beside a _tb.dat or _hr.dat, from a known model: the mesh of a calculation folds it, they unfold it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import (
    ArgumentError,
    ArgumentTypeError,
    FileFormatError,
    InputFileError,
    InputHealthWarning,
    MissingPositionsWarning,
)
from support import assert_same
from wannier_files import Known, known_model, texts

MESH = (4, 3, 1)
KNOWN = known_model()
TEXTS = texts(KNOWN, MESH)
ALONG = np.random.default_rng(7).normal(size=(9, 3)) * 8


def exact(known: Known = KNOWN, **options: Any) -> sg.LatticeModel:
    """The model itself, without any file."""
    shifts = {R: 0.1 * block for R, block in known.positions.items()}
    return sg.LatticeModel(0.1 * known.lattice, known.hoppings, position_matrices=shifts, **options)


def assert_same_model(found: sg.LatticeModel, wanted: sg.LatticeModel) -> None:
    """H, its derivatives and the connection at random k; the files have ten decimals."""
    first, second = found.jet(ALONG), wanted.jet(ALONG)
    for name in ("value", "gradient", "hessian", "connection", "connection_curl"):
        one, other = getattr(first, name), getattr(second, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert_same(one, other, rtol=1e-7, floor=1e-3)


def without_translations(path: Path, **options: Any) -> sg.LatticeModel:
    return sg.read_wannier90(path, wsvec=False, **options)


def test_translations_give_back_the_model_that_the_mesh_folded(tmp_path: Path) -> None:
    path = TEXTS.write(tmp_path, "x", "_tb.dat", "_wsvec.dat")
    model = sg.read_wannier90(path)
    assert model.name == "x_tb.dat + x_wsvec.dat"
    assert_same_model(model, exact())
    folded = without_translations(path).jet(ALONG)
    assert np.abs(folded.value - exact().jet(ALONG).value).max() > 0.1  # eV: the translations matter
    assert np.abs(folded.connection - exact().jet(ALONG).connection).max() > 1e-3  # nm: and for r as well


def test_translations_change_nothing_at_the_k_of_the_mesh(tmp_path: Path) -> None:
    """They are vectors of the supercell, so their phases are one there: an identity that needs no model."""
    path = TEXTS.write(tmp_path, "x", "_tb.dat", "_wsvec.dat")
    moved, plain = sg.read_wannier90(path), without_translations(path)
    k = plain.cartesian([[a / 4, b / 3, 0.0] for a in range(4) for b in range(3)])
    assert_same(moved.hamiltonian(k), plain.hamiltonian(k), rtol=1e-12, floor=1.0)
    assert_same(moved.jet(k).connection, plain.jet(k).connection, rtol=1e-12, floor=1e-3)


def test_an_entry_on_the_boundary_is_divided_among_its_translations(tmp_path: Path) -> None:
    """A chain on a mesh of two: R = 1 and R = -1 are each as close as the other, so each is shared between both."""
    home, hop = np.array([[0.3]]), np.array([[-0.7]])
    chain = Known(np.diag([4.0, 5.0, 6.0]), np.zeros((1, 3)), {(0, 0, 0): home, (1, 0, 0): hop, (-1, 0, 0): hop}, {})
    chain.positions[0, 0, 0] = np.zeros((3, 1, 1))
    text = texts(chain, (2, 1, 1))
    assert "    1    0    0    1    1\n    2\n" in text.wsvec
    model = sg.read_wannier90(text.write(tmp_path, "x", "_tb.dat", "_wsvec.dat"))
    wanted = 0.3 - 1.4 * np.cos(0.4 * ALONG[:, 0])
    assert_same(model.hamiltonian(ALONG)[:, 0, 0], wanted, rtol=1e-12, floor=1.0)


def test_translations_in_another_order_are_the_same(tmp_path: Path) -> None:
    path = TEXTS.write(tmp_path, "x", "_tb.dat", "_wsvec.dat")
    comment, *records = re.split(r"(?m)^(?=(?:\s+-?\d+){5}$)", TEXTS.wsvec)
    np.random.default_rng(0).shuffle(records)
    (tmp_path / "other.dat").write_text(comment + "".join(records))
    assert_same_model(sg.read_wannier90(path, wsvec=tmp_path / "other.dat"), exact())


@pytest.mark.parametrize("packed", [False, True])
def test_a_hopping_file_takes_what_it_lacks_from_the_files_beside(tmp_path: Path, packed: bool) -> None:
    endings = ("_hr.dat", "_r.dat", "_wsvec.dat", ".win")
    path = TEXTS.write(tmp_path, "x", *endings)
    for ending in endings if packed else ():
        own = tmp_path / f"x{ending}"
        (tmp_path / f"x{ending}.gz").write_bytes(gzip.compress(own.read_bytes()))
        own.unlink()
    model = sg.read_wannier90(f"{path}.gz" if packed else path)
    tail = ".gz" if packed else ""
    assert model.name == " + ".join(f"x{ending}{tail}" for ending in ("_hr.dat", "_r.dat", ".win", "_wsvec.dat"))
    assert_same_model(model, exact())


def test_files_with_other_names_are_given(tmp_path: Path) -> None:
    path = TEXTS.write(tmp_path, "a", "_hr.dat")
    for stem, ending in (("b", "_r.dat"), ("c", "_wsvec.dat"), ("", "POSCAR")):
        TEXTS.write(tmp_path, stem, ending)
    model = sg.read_wannier90(
        path, lattice=tmp_path / "POSCAR", position_matrices=tmp_path / "b_r.dat", wsvec=str(tmp_path / "c_wsvec.dat")
    )
    assert_same_model(model, exact())


def test_centres_beside_become_the_positions(tmp_path: Path) -> None:
    path = TEXTS.write(tmp_path, "x", "_hr.dat", "_centres.xyz", "_wsvec.dat", ".win")
    model = sg.read_wannier90(path)
    assert_same(model.positions, 0.1 * KNOWN.centres, rtol=1e-9, floor=0.1)
    assert_same(model.hamiltonian(ALONG), exact().hamiltonian(ALONG), rtol=1e-7, floor=1.0)
    assert model.jet(ALONG).connection is None
    again = sg.read_wannier90(path, positions=tmp_path / "x_centres.xyz", lattice=0.1 * KNOWN.lattice)
    assert_same(again.hamiltonian(ALONG), model.hamiltonian(ALONG), rtol=1e-9, floor=1.0)


def test_position_matrices_can_be_left_out(tmp_path: Path) -> None:
    path = TEXTS.write(tmp_path, "x", "_tb.dat", "_wsvec.dat")
    model = sg.read_wannier90(path, position_matrices=False)
    assert_same(model.positions, 0.1 * KNOWN.centres, rtol=1e-9, floor=0.1)
    assert_same(model.hamiltonian(ALONG), exact().hamiltonian(ALONG), rtol=1e-7, floor=1.0)
    assert model.jet(ALONG).connection is None


def test_translations_that_are_not_in_use_change_nothing(tmp_path: Path) -> None:
    path = TEXTS.write(tmp_path, "x", "_tb.dat")
    (tmp_path / "x_wsvec.dat").write_text("## written on today with use_ws_distance=.false.\n")
    assert_same(
        sg.read_wannier90(path).hamiltonian(ALONG), without_translations(path).hamiltonian(ALONG), rtol=0, floor=1
    )


@pytest.mark.parametrize(
    "win",
    ["use_ws_distance = .true.", "use_ws_distance   =  T", "USE_WS_DISTANCE : true ! default", "use_ws_distance t"],
)
def test_translations_that_are_announced_but_absent_are_pointed_out(tmp_path: Path, win: str) -> None:
    path = TEXTS.write(tmp_path, "x", "_tb.dat")
    (tmp_path / "x.win").write_text(win + "\n")
    with pytest.warns(InputHealthWarning, match=r"x\.win says use_ws_distance, but there is no _wsvec\.dat beside"):
        sg.read_wannier90(path)
    without_translations(path)  # a choice, not an oversight: no warning
    (tmp_path / "x.win").write_text("use_ws_distance = .false.\n")
    sg.read_wannier90(path)


def test_translations_that_a_comment_announces_are_missed(tmp_path: Path) -> None:
    (tmp_path / "x_tb.dat").write_text(TEXTS.tb.replace("by a test", "with use_ws_distance=.true.", 1))
    with pytest.warns(InputHealthWarning, match=r"x_tb\.dat says use_ws_distance, but there is no _wsvec\.dat"):
        sg.read_wannier90(tmp_path / "x_tb.dat")


# --- lattice ----------------------------------------------------------------------------------------------------------

CELLS = {
    "bohr": "begin unit_cell_cart\nBohr\n 8.0D0 0 0 ! a1\n\n0.d0 9.0 0\n0 0 1.0E+01\nend unit_cell_cart\n",
    "angstrom by default": "num_wann 2\nbegin unit_cell_cart\n4 0 0\n0 5 0\n0 0 6\nEND unit_cell_cart\n",
    "poscar": "c\n 2.0\n2 0 0\n0 2.5 0\n0 0 3\nBi\n1\nDirect\n0 0 0\n",
    "poscar by volume": "c\n -120.0\n2 0 0\n0 2.5 0\n0 0 3\n",
    "poscar with three scales": "c\n 4 5 6\n1 0 0\n0 1 0\n0 0 1\n",
}


@pytest.mark.parametrize("kind", CELLS)
def test_lattice_vectors_come_from_a_win_file_or_a_poscar(tmp_path: Path, kind: str) -> None:
    path = TEXTS.write(tmp_path, "x", "_hr.dat", "_centres.xyz")
    (tmp_path / "cell").write_bytes(CELLS[kind].replace("\n", "\r\n").encode())
    model = sg.read_wannier90(path, lattice=tmp_path / "cell")
    wanted = np.diag([8.0, 9.0, 10.0]) * 0.0529177210903 if kind == "bohr" else np.diag([0.4, 0.5, 0.6])
    assert_same(model.lattice, wanted, rtol=1e-14, floor=0.1)


DAMAGED_CELLS = {
    "no block": ("num_wann = 2\nbegin projections\nend projections\n", "line 3: .*begin unit_cell_cart"),
    "truncated": ("begin unit_cell_cart\n4 0 0\n0 5 0\n", "line 3: the file ends here, but a lattice vector"),
    "no end": ("begin unit_cell_cart\n4 0 0\n0 5 0\n0 0 1\nnum_wann 3\n", "line 5: expected `end unit_cell_cart`"),
    "two numbers": ("begin unit_cell_cart\n4 0 0\n0 5\n", r"line 3: expected a lattice vector .* got '0 5'"),
    "nan": ("begin unit_cell_cart\n4 0 nan\n0 5 0\n0 0 1\nend unit_cell_cart", "line 2: expected a finite number"),
    "flat": ("begin unit_cell_cart\n4 0 0\n0 5 0\n0 5 0\nend unit_cell_cart", "line 1: .*not linearly independent"),
    "another file": ("hello\nworld of files\n", r"line 2: not a \.win file .* nor a POSCAR"),
    "scale zero": ("c\n0.0\n4 0 0\n0 5 0\n0 0 6\n", "line 2: expected a scale that is not zero"),
    "poscar truncated": ("c\n1.0\n4 0 0\n0 5 0\n", "line 4: the file ends here, but a lattice vector"),
    "poscar row": ("c\n1.0\n4 0 0\n0 5\n0 0 6\n", r"line 4: expected a lattice vector \(3 numbers, angstrom\), got 2"),
    "empty": ("", "line 1: the file ends here, but the scale of a POSCAR should follow"),
}


@pytest.mark.parametrize("damage", DAMAGED_CELLS)
def test_a_damaged_cell_is_refused_with_its_line(tmp_path: Path, damage: str) -> None:
    text, message = DAMAGED_CELLS[damage]
    path = TEXTS.write(tmp_path, "x", "_hr.dat", "_centres.xyz")
    (tmp_path / "cell").write_text(text)
    with pytest.raises(FileFormatError, match="cell, " + message):
        sg.read_wannier90(path, lattice=tmp_path / "cell")


# --- damage -----------------------------------------------------------------------------------------------------------


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def cut_after(lines: int) -> Callable[[str], str]:
    return lambda text: "".join(text.splitlines(keepends=True)[:lines])


FIRST = "".join(f"{x:5d}" for x in list(map(int, TEXTS.wsvec.splitlines()[1].split()))[:3])
DAMAGED = {
    "wsvec: truncated at a record": (
        "_wsvec.dat",
        cut_after(1),
        "line 1: the file ends here, but a record R1 R2 R3 m n",
    ),
    "wsvec: truncated at a number": ("_wsvec.dat", cut_after(2), "line 2: the file ends here, but the number of trans"),
    "wsvec: truncated at a translation": ("_wsvec.dat", cut_after(3), "line 3: the file ends here, but a translation"),
    "wsvec: other R": ("_wsvec.dat", swap(FIRST, "   99    0    0"), r"line 2: .* got R = \(99, 0, 0\); .*wsvec=False"),
    "wsvec: other n": ("_wsvec.dat", swap("    1    1\n", "    1    4\n"), "line 2: expected m and n from 1 to 3"),
    "wsvec: twice": ("_wsvec.dat", swap("    1    2\n", "    1    1\n"), "comes a second time"),
    "wsvec: none": ("_wsvec.dat", swap("    1    1\n    1\n", "    1    1\n    0\n"), "above zero, got 0"),
    "wsvec: a huge promise": (
        "_wsvec.dat",
        swap("    1    1\n    1\n", "    1    1\n1000000000\n"),
        "expected a few translations T, got 1000000000",
    ),
    "wsvec: real": ("_wsvec.dat", swap("\n    1\n", "\n  1.5\n"), "expected an integer in the number of translations"),
    "wsvec: nan": ("_wsvec.dat", swap("\n    1\n", "\n  nan\n"), "expected an integer .*got 'nan'"),
    "wsvec: in excess": ("_wsvec.dat", lambda text: text + "    1\n", "expected the end of the file, got '1'"),
    "wsvec: far": ("_wsvec.dat", swap("\n    1\n    0    0    0", "\n    1\n 40000    0    0"), "below 32768"),
    "wsvec: a function moved": (
        "_wsvec.dat",
        swap("    0    0    0    2    2\n    1\n    0    0    0", "    0    0    0    2    2\n    1\n    4    0    0"),
        r"expected one translation, 0 0 0, at R = \(0, 0, 0\), m n = 2 2",
    ),
    "r: truncated": ("_r.dat", cut_after(9), r"line 9: the file ends here, but R1 R2 R3 m n and Re, Im of x, y, z"),
    "r: truncated in its header": ("_r.dat", cut_after(2), "line 2: the file ends here, but the number of lattice"),
    "r: other n": ("_r.dat", swap("           3\n", "           2\n"), "line 2: expected 3 Wannier functions"),
    "r: columns of a _hr.dat": (
        "_r.dat",
        lambda text: "c\n3\n1\n0 0 0 1 1 0.5 0.0\n",
        r"line 4: .*\(11 numbers\), got 7",
    ),
    "r: stars": ("_r.dat", swap("0.0000000000", "************"), r"expected a number, got '\*+'"),
    "r: nan": ("_r.dat", swap("0.0000000000", "         NaN"), "expected a finite number, got 'NaN'"),
    "centres: truncated": ("_centres.xyz", cut_after(4), "line 4: the file ends here, but a row X x y z"),
    "centres: in excess": ("_centres.xyz", lambda text: text + "X 0 0 0\n", "expected the end of the file"),
    "centres: few columns": ("_centres.xyz", swap("Bi  0.0 0.0 0.0", "Bi  0.0 0.0"), "line 6: .*got 3 words"),
    "centres: after atoms": (
        "_centres.xyz",
        lambda text: "2\nc\nBi 0 0 0\nX 0 0 0\n",
        "line 4: expected the centres X",
    ),
    "centres: only atoms": ("_centres.xyz", lambda text: "1\nc\nBi 0 0 0\n", "got only atoms"),
    "centres: nan": ("_centres.xyz", lambda text: "1\nc\nX 0 nan 0\n", "line 3: expected a finite number"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_companion_is_refused_with_its_line(tmp_path: Path, damage: str) -> None:
    ending, change, message = DAMAGED[damage]
    endings = ("_hr.dat", ".win", "_r.dat", "_wsvec.dat") if ending != "_centres.xyz" else ("_hr.dat", ".win", ending)
    path = TEXTS.write(tmp_path, "x", *endings)
    companion = tmp_path / f"x{ending}"
    companion.write_text(change(companion.read_text()))
    with pytest.raises(FileFormatError, match=message) as caught:
        sg.read_wannier90(path)
    assert str(companion) in str(caught.value)


def test_position_matrices_at_other_vectors_are_refused(tmp_path: Path) -> None:
    path = TEXTS.write(tmp_path, "x", "_hr.dat", ".win", "_wsvec.dat")
    other = texts(KNOWN, (3, 3, 1))
    other.write(tmp_path, "x", "_r.dat")
    with pytest.raises(FileFormatError, match=r"x_r.dat: expected the \d+ lattice vectors of the hoppings; the file"):
        sg.read_wannier90(path)


def test_translations_of_other_centres_break_hermiticity_and_say_so(tmp_path: Path) -> None:
    text = re.sub(r"(    0    0    0    1    2\n    1\n).*\n", r"\1    8    0    0\n", TEXTS.wsvec)
    assert text != TEXTS.wsvec
    path = TEXTS.write(tmp_path, "x", "_tb.dat")
    (tmp_path / "x_wsvec.dat").write_text(text)
    with pytest.raises(FileFormatError, match=r"x_tb.dat with .*x_wsvec.dat: (hoppings|position_matrices) (must|has)"):
        sg.read_wannier90(path)


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endings", "options", "error", "message"),
    [
        (("_hr.dat",), {}, ArgumentError, r"give lattice=\(3, 3\), rows in nm, or lattice='x.win' or a POSCAR"),
        (("_tb.dat",), {"position_matrices": "a_r.dat"}, ArgumentError, "position matrices of its own"),
        (("_tb.dat",), {"wsvec": True}, ArgumentTypeError, r"wsvec must be a path, None \(the file beside, if any\)"),
        (("_tb.dat",), {"wsvec": 3}, ArgumentTypeError, r"wsvec must be a string or a pathlib.Path, got 3"),
        (("_tb.dat",), {"wsvec": "absent_wsvec.dat"}, InputFileError, "cannot open absent_wsvec.dat"),
        (("_hr.dat",), {"lattice": "absent.win"}, InputFileError, "cannot open absent.win"),
        (("_tb.dat",), {"lattice": np.eye(3)}, ArgumentError, "lattice differs from the one in"),
        (
            ("_hr.dat", ".win"),
            {"positions": "here"},
            ArgumentTypeError,
            "positions must be an array .*, got 'here', which",
        ),
        (("_tb.dat",), {"positions": np.zeros((2, 3))}, ArgumentError, r"shape \(3, 3\), nm, got shape \(2, 3\)"),
    ],
)
def test_options_for_files_are_checked(
    tmp_path: Path, endings: tuple[str, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sg.read_wannier90(TEXTS.write(tmp_path, "x", *endings), **options)


def test_a_hopping_file_without_positions_still_warns(tmp_path: Path) -> None:
    with pytest.warns(MissingPositionsWarning, match="a _centres.xyz, or a _tb.dat or _r.dat file"):
        sg.read_wannier90(TEXTS.write(tmp_path, "x", "_hr.dat", ".win", "_wsvec.dat"))


# --- spin -------------------------------------------------------------------------------------------------------------


def spinor(order: str, splitting: float = 0.1) -> tuple[Known, np.ndarray]:
    """A model of two orbitals with both spins in the order given, and the centres of the orbitals in angstrom."""
    rng = np.random.default_rng(11)
    orbitals, levels = np.array([[0.1, 0.2, 0.3], [2.0, 2.5, 0.0]]), np.array([-2.0, 1.0])
    numbers = [0, 0, 1, 1] if order == "interleaved" else [0, 1, 0, 1]
    spins = np.array([1, -1, 1, -1] if order == "interleaved" else [1, 1, -1, -1])
    home = np.diag(levels[numbers] + splitting * spins).astype(complex)
    hop = 0.1 * (rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))
    hoppings = {(0, 0, 0): home, (1, 0, 0): hop, (-1, 0, 0): hop.conj().T}
    centres = orbitals[numbers] + 0.02 * rng.normal(size=(4, 3))
    shift = np.zeros((3, 4, 4), dtype=complex)
    np.einsum("aii->ai", shift)[...] = centres.T
    return Known(KNOWN.lattice, centres, hoppings, {(0, 0, 0): shift}), orbitals


@pytest.mark.parametrize("order", ["interleaved", "block"])
def test_positions_of_orbitals_are_doubled_in_the_order_stated(tmp_path: Path, order: Any) -> None:
    known, orbitals = spinor(order)
    path = texts(known, (3, 1, 1)).write(tmp_path, "x", "_hr.dat", ".win")
    model = sg.read_wannier90(path, positions=0.1 * orbitals, spin_order=order)
    assert_same(model.positions, 0.1 * known.centres, rtol=0.05, floor=0.1)
    other = "block" if order == "interleaved" else "interleaved"
    with pytest.warns(
        InputHealthWarning, match=rf"spin_order='{other}' pairs levels .* spin_order='{order}' by 0.2 eV"
    ):
        sg.read_wannier90(path, positions=0.1 * orbitals, spin_order=other)


@pytest.mark.parametrize("order", ["interleaved", "block"])
@pytest.mark.parametrize("endings", [("_tb.dat",), ("_hr.dat", ".win", "_centres.xyz")])
def test_a_spin_order_that_tears_partners_apart_is_refused(
    tmp_path: Path, order: Any, endings: tuple[str, ...]
) -> None:
    known, _ = spinor(order)
    path = texts(known, (3, 1, 1)).write(tmp_path, "x", *endings)
    assert sg.read_wannier90(path, spin_order=order).n_bands == 4
    other: Any = "block" if order == "interleaved" else "interleaved"
    with pytest.raises(
        ArgumentError, match=rf"spin_order='{other}' pairs the functions .* nm apart; spin_order='{order}'"
    ):
        sg.read_wannier90(path, spin_order=other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"spin_order": "up first"},
            r"spin_order must be 'interleaved' \(up, down, up, \.\.\) or 'block', got 'up first'",
        ),
        ({"spin_order": "block", "spin_degeneracy": 2}, "spin_order is for functions of both spins"),
        (
            {"positions": np.zeros((2, 3))},
            r"positions holds 2 centres, but .* has 4 functions; for the orbitals .* spin_order=",
        ),
        ({"positions": "two.xyz"}, r"two.xyz holds 2 centres, but .* has 4 functions; .* give spin_order="),
    ],
)
def test_spin_options_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.xyz").write_text("2\nc\nX 0 0 0\nX 1 1 1\n")
    path = texts(spinor("block")[0], (3, 1, 1)).write(tmp_path, "x", "_hr.dat", ".win")
    with pytest.raises(ArgumentError, match=message):
        sg.read_wannier90(path, **options)


def test_three_functions_have_no_spin_order(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="needs an even number of Wannier functions, got 3"):
        sg.read_wannier90(TEXTS.write(tmp_path, "x", "_tb.dat"), spin_order="block")


def test_the_thickness_of_a_slab_reaches_the_result(tmp_path: Path) -> None:
    """2 nm of cell, 0.65 nm of layer: the layer divides, not the cell."""
    path = TEXTS.write(tmp_path, "slab", "_tb.dat", "_wsvec.dat")
    model = sg.read_wannier90(path, dim=2, thickness=0.65)
    mu = float(np.linalg.eigvalsh(model.hamiltonian([[0.0, 0.0]]))[0, 0])
    ds = sg.conductivity(model, mu, sg.kelvin(300), terms="qm", rtol=0.3, progress=False, max_k_points=20_000)
    sheet = sg.component(ds, "qm", "xyy", unit="A nm/V^2")
    assert abs(float(sheet.squeeze())) > 0
    assert_same(sg.component(ds, "qm", "xyy", unit="A/V^2"), sheet / 0.65, rtol=1e-14, floor=0.0)
