"""Structures by spglib: the table of CuMnAs and MnBi2Te4, and the same groups as from the Hamiltonians."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.symmetry import compare, point_group, structure_group, tensor_form

CELL = np.diag([3.82, 3.82, 6.318])
SITES = [[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.33], [0.5, 0, 0.67], [0, 0.5, 0.766], [0.5, 0, 0.234]]
KINDS = ["Cu", "Cu", "Mn", "Mn", "As", "As"]


def cumnas(n: tuple[float, float, float]) -> tuple:
    moments = np.zeros((6, 3))
    moments[2], moments[3] = n, -np.array(n)
    return CELL, SITES, KINDS, moments


def slab(second: float) -> tuple:
    """Two septuple layers of MnBi2Te4 with moments along z: the second one as given."""
    a = 4.33
    stacking = [(0, 0), (2 / 3, 1 / 3), (1 / 3, 2 / 3)]
    heights = np.array([-5.1, -3.6, -1.6, 0, 1.6, 3.6, 5.1]) / 60
    sites, kinds, moments = [], [], []
    for middle, offset, moment in ((-6.8 / 60, 0, 1.0), (6.8 / 60, 1, second)):
        for step, height, kind in zip(range(-3, 4), heights, ["Te", "Bi", "Te", "Mn", "Te", "Bi", "Te"], strict=True):
            sites.append([*stacking[(offset + step) % 3], 0.5 + middle + height])
            kinds.append(kind)
            moments.append([0, 0, moment if kind == "Mn" else 0])
    return [[a, 0, 0], [-a / 2, a * 0.75**0.5, 0], [0, 0, 60.0]], sites, kinds, moments


@pytest.mark.parametrize(
    ("n", "number", "drude", "qm"),
    [
        ((1, 0, 0), "59.407", "xxy = yxx; yyy; yzz = zyz", "yxx = -2 xxy; yzz = -2 zyz"),
        ((0, 1, 0), "59.407", "xxx; xyy = yxy; xzz = zxz", "xyy = -2 yxy; xzz = -2 zxz"),
        ((1, 1, 0), "67.503", 3, 2),
        ((0, 0, 1), "129.419", "0", "xyz = -yxz"),
        ((0.8, 0, 0.6), "11.53", 4, 4),
    ],
)
def test_the_rows_of_cumnas(n: tuple, number: str, drude: str | int, qm: str | int):
    found = structure_group(cumnas(n))
    assert found.source.endswith(number)
    for term, expected in (("drude", drude), ("qm", qm)):
        form = tensor_form(found, term)
        assert (str(form) if isinstance(expected, str) else form.count) == expected
    assert tensor_form(found, "bcd").count == 0


@pytest.mark.parametrize("n", [(1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (0.8, 0, 0.6)])
def test_the_hamiltonian_and_the_structure_of_cumnas_have_one_group(n: tuple):
    both = compare(point_group(sg.models.cumnas(direction=n)), structure_group(cumnas(n), dim=2))
    assert both.agree, str(both)
    assert both.first.order >= 4


@pytest.mark.parametrize(
    ("second", "number", "drude", "qm"),
    [(-1.0, "164.88", "xxx = -xyy = -yxy", "xyz = -yxz"), (1.0, "164.89", "0", "0")],
)
def test_the_rows_of_mnbi2te4(second: float, number: str, drude: str, qm: str):
    """Antiferromagnetic with PT, or ferromagnetic with P; the C3z axis kills the in-plane metric dipole."""
    found = structure_group(slab(second), symprec=1e-3)
    assert found.source.endswith(number)
    assert str(tensor_form(found, "drude")) == drude
    assert str(tensor_form(found, "qm")) == qm
    assert tensor_form(found, "bcd").count == 0
    plane = structure_group(slab(second), dim=2)
    assert tensor_form(plane, "qm").count == 0


def test_the_hamiltonian_of_two_layers_has_the_group_of_the_structure_in_its_own_axes():
    """Both are 6'm'm in the plane; which mirrors carry the prime depends on how the stacking is drawn."""
    model, crystal = point_group(sg.models.mnbi2te4_slab(layers=2)), structure_group(slab(-1.0), dim=2)
    assert model.symbol == crystal.symbol == "6'm'm"


def test_all_ways_to_give_a_structure_agree():
    lattice, sites, kinds, moments = cumnas((1, 0, 0))
    rows = "\n".join(" ".join(map(str, row)) for row in np.asarray(lattice))
    places = "\n".join(" ".join(map(str, row)) for row in sites)
    flat = " ".join(map(str, np.ravel(moments)))
    poscar = f"CuMnAs MAGMOM = {flat}\n1.0\n{rows}\nCu Mn As\n2 2 2\nDirect\n{places}\n"
    atoms = SimpleNamespace(
        cell=np.asarray(lattice),
        numbers=[29, 29, 25, 25, 33, 33],
        get_scaled_positions=lambda: np.array(sites),
        get_initial_magnetic_moments=lambda: moments,
    )
    expected = structure_group((lattice, sites, kinds, moments))
    bare = poscar.replace(f" MAGMOM = {flat}", "")
    for given in (structure_group(poscar), structure_group(atoms), structure_group(bare, moments=moments)):
        assert compare(given, expected).agree
        assert given.symbol == "m'mm"
    assert structure_group(bare).symbol == "4/mmm1'"
    assert "only in 4/mmm1'" in str(compare(structure_group(bare), expected))


def test_a_cartesian_poscar_with_a_scale_is_the_same_crystal():
    direct = "c\n1.0\n2 0 0\n0 2 0\n0 0 2\nA B\n1 1\nDirect\n0 0 0\n0.5 0.5 0.4\n"
    cartesian = "c\n2.0\n1 0 0\n0 1 0\n0 0 1\nA B\n1 1\nSelective dynamics\nCartesian\n0 0 0 T T T\n0.5 0.5 0.4 F F F\n"
    assert structure_group(direct).symbol == structure_group(cartesian).symbol == "4mm1'"


@pytest.mark.parametrize(
    ("structure", "options", "match"),
    [
        ("nonsense", {}, "no POSCAR"),
        ("c\n1.0\n2 0 0\n0 2 0\n0 0 2\nA\n2\nDirect\n0 0 0\n", {}, "2 atoms are announced"),
        (3, {}, "structure must be"),
        (cumnas((1, 0, 0)), {"dim": 4}, "dim must be 2 or 3"),
        (cumnas((1, 0, 0)), {"moments": np.zeros((2, 3))}, r"moments must have shape \(6, 3\)"),
        ((np.zeros((3, 3)), SITES, KINDS), {}, "lattice must be three independent rows"),
        ((CELL, SITES[:2], KINDS), {}, "positions must be"),
        ((CELL, [[0, 0, 0], [0, 0, 0]], ["A", "A"]), {}, "spglib"),
    ],
)
def test_bad_structures_are_refused(structure: object, options: dict, match: str):
    with pytest.raises(sg.SigmaijkError, match=match):
        structure_group(structure, **options)
