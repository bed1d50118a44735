"""Every model of the catalogue has the group of its formula, worked out by hand, and a crystal that of no basis."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.models import catalogue
from sigmaijk.symmetry import compare, group, point_group
from symmetry.symmetry_models import zincblende

BY_HAND = [
    # (model, parameters, symbol, generators): what H allows, sign by sign.
    # Of tau_x (kx sx + ky sy) + (m - b k^2 + t kx) tau_z: ky -> -ky with tau_z sx; k stays under sy times conjugation.
    ("dirac_pt", {}, "2'm'm", ["My", "PT"]),
    ("dirac_pt_lattice", {}, "2'm'm", ["My", "PT"]),
    # One cone: conjugation takes ky sy to -ky sy, so time reversal needs kx -> kx, ky -> -ky, which is Mx T.
    ("tilted_dirac", {"t": 0.3}, "m'", ["MxT"]),
    ("tilted_dirac", {"t": -0.2, "eta": -1, "m": 0.05}, "m'", ["MxT"]),
    # Two cones of opposite chirality, exchanged by sigma_z: with it conjugation is PT.
    ("dirac_antiferromagnet", {}, "2'm'm", ["My", "PT"]),
    ("cumnas", {"direction": (1, 0, 0)}, "2'm'm", ["Mx", "PT"]),
    ("cumnas", {"direction": (0, 1, 0)}, "2'm'm", ["My", "PT"]),
    ("cumnas", {"direction": (1, 1, 0)}, "2'm'm", ["M[110]", "PT"]),
    ("cumnas", {"direction": (0, 0, 1)}, "4mm1'", ["C4z", "Mx", "T"]),
    ("cumnas", {"direction": (0.8, 0.6, 0)}, "2'", ["PT"]),
    # Flux of one sense: mirrors reverse it, so they come with time reversal; M tells A from B, which P exchanges.
    ("haldane", {}, "3m'", ["C3z", "MxT"]),
    ("haldane", {"M": 0.0}, "6m'm'", ["C3z", "P", "MxT"]),
    ("haldane", {"phi": 0.0}, "3m1'", ["C3z", "Mx", "T"]),
    ("haldane", {"phi": 0.0, "M": 0.0}, "6mm1'", ["C3z", "P", "Mx", "T"]),
    # One chirality in both layers' hops: no mirror; twofold axes in the plane reverse the flux.
    ("chiral_crystal", {}, "32'", ["C3z", "C2yT"]),
    # sigma_z takes kz sigma_x to its negative; conjugation alone is PT; gap sigma_y survives only the product of both.
    ("nodal_line", {}, "m'mm", ["My", "Mz", "PT"]),
    ("nodal_line", {"gap": 0.02}, "m'm2'", ["My", "C2zT"]),
    ("mnbi2te4_slab", {}, "6'm'm", ["C3z", "My", "PT"]),
    ("mnbi2te4_slab", {"layers": 3}, "6m'm'", ["C3z", "P", "MxT"]),
    ("mnbi2te4_slab", {"strain": 0.1}, "2'm'm", ["My", "PT"]),
    # Axes of any order stand for the limit group that 12-fold ones generate.
    ("weyl", {}, "oo2(oo)", ["C12z", "C2xT"]),
    ("weyl", {"w": -0.4, "chirality": -1}, "oo2(oo)", ["C12z", "C2xT"]),
    ("nodal_line", {"t": 0.0}, "oo/mm1'", ["C12z", "Mx", "Mz", "T"]),
]


@pytest.mark.parametrize(("name", "parameters", "symbol", "generators"), BY_HAND)
def test_models_have_the_group_of_their_formula(name: str, parameters: dict, symbol: str, generators: list[str]):
    model = catalogue()[name](**parameters)
    found = point_group(model)
    expected = group(generators, dim=model.dim)
    assert found.symbol == symbol
    both = compare(found, expected)
    assert both.agree, str(both)
    assert found.violation < 1e-10
    assert len(found.levels) == 1


def test_no_model_of_the_catalogue_is_left_out():
    assert {name for name, *_ in BY_HAND} == set(catalogue())


def test_an_isotropic_weyl_node_has_all_rotations():
    found = point_group(sg.models.weyl(w=0.0))
    assert found.symbol == "oooo1'"
    assert "P" not in found


@pytest.mark.parametrize("whole", [[[0, 1, 0], [1, 0, 0], [0, 0, 1]], [[1, 2, 0], [0, 1, -3], [1, 2, 1]]])
def test_a_skewed_or_left_handed_basis_in_space_changes_nothing(whole: list):
    """Zincblende with the rows of its lattice exchanged (left-handed), and with long ones that enclose small angles."""
    plain, turned = zincblende(), zincblende(basis=whole)
    k = np.random.default_rng(2).normal(size=(5, 3))
    np.testing.assert_allclose(turned.hamiltonian(k), plain.hamiltonian(k), atol=1e-12)
    assert np.sign(np.linalg.det(turned.lattice)) == np.sign(np.linalg.det(whole)) * np.sign(
        np.linalg.det(plain.lattice)
    )
    both = compare(point_group(turned), point_group(plain))
    assert both.agree, str(both)
    assert both.first.symbol == "-43m1'"


def test_a_result_has_the_group_of_its_model():
    ds = sg.conductivity(sg.models.haldane(), 0.9, 0.02, terms="drude", rtol=1e-2, progress=False)
    assert json.loads(ds.attrs["symmetry"])["symbol"] == "3m'"
    floor = json.loads(ds.attrs["noise_floor"])["drude"]
    assert 0 < abs(floor["value"]) < 3 * floor["error"]
