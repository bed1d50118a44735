"""k-space reduced by the operations of H: the same conductivity for a fraction of the points."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sigmaijk as sg
from cases.crystals import dirac3d, weyl3d
from cases.symmetric import apart, both, points, symmetrised, tetrahedral_band
from sigmaijk.errors import ArgumentError, ArgumentTypeError
from sigmaijk.sampler import BandSampler
from sigmaijk.symmetry.reduction import reduction
from sigmaijk.terms import CATALOGUE
from support import assert_same

TERMS = tuple(CATALOGUE)
LIBRARY = {
    "dirac_pt": (sg.models.dirac_pt(), 0.25, 0.02),
    "tilted_dirac": (sg.models.tilted_dirac(t=0.4), 0.3, 0.03),
    "weyl": (sg.models.weyl(), 0.2, 0.05),
    "nodal_line": (sg.models.nodal_line(gap=0.1), 0.5, 0.05),
    "cumnas": (sg.models.cumnas(direction=(1, 0, 0.5)), -1.0, 0.1),
    "dirac_pt_lattice": (sg.models.dirac_pt_lattice(), 0.3, 0.05),
    "haldane": (sg.models.haldane(), -1.2, 0.2),
    "dirac_antiferromagnet": (sg.models.dirac_antiferromagnet(), 0.2, 0.05),
    "mnbi2te4_slab": (sg.models.mnbi2te4_slab(), 0.2, 0.03),
    "chiral_crystal": (sg.models.chiral_crystal(), -1.5, 0.3),
    "dirac in space": (dirac3d(), 0.5, 0.1),
    "weyl in space": (weyl3d(), 0.5, 0.1),
}


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize("warm", [False, True])
def test_reduced_runs_of_the_library_agree_with_full_ones(name, warm):
    model, mu, kT = LIBRARY[name]
    # Models in space at kT > 0 may end unconverged, with the errors that they have reached.
    whole, reduced = both(model, mu, kT if warm else 0.0, terms=TERMS, rtol=1e-2, max_k_points=50_000)
    assert reduced.attrs["symmetry_order"] >= 2
    assert reduced.attrs["k_points"] < whole.attrs["k_points"] or not whole.attrs["converged"]
    assert np.abs(whole["drude_natural"].values).max() > 0.0
    for term in TERMS:
        assert apart(whole, reduced, term) <= 3.0


def test_the_library_of_this_test_is_complete():
    made = {name for name, one in vars(sg.models).items() if inspect.isfunction(one) and not name.startswith("_")}
    assert made - set(LIBRARY) <= {"catalogue"}


@pytest.mark.parametrize("cube", ["simple", "face-centred", "body-centred"])
def test_a_cubic_band_saves_its_order_in_k_points(cube):
    """At least 0.8 of the 24 parts, in runs of tens of thousands of full points."""
    model = tetrahedral_band(cube)
    for kT, rtol in ((0.0, 1e-4), (0.1, 1e-2))[: 2 if cube == "simple" else 1]:
        whole, reduced = both(model, 0.25, kT, terms="drude", rtol=rtol)
        assert reduced.attrs["symmetry_order"] == 24
        assert points(whole) > 20_000
        assert points(whole) / points(reduced) >= 0.8 * 24
        assert np.abs(whole["drude_natural"].values[..., 0, 1, 2]).min() > 1e-3
        assert apart(whole, reduced, "drude") <= 2.0


def test_entries_that_symmetry_forbids_are_exactly_zero_in_a_reduced_run():
    _, reduced = both(tetrahedral_band(), 0.25, 0.0, terms="drude", rtol=1e-2)
    tensor = reduced["drude_natural"].values[0, 0]
    allowed = np.zeros((3, 3, 3), dtype=bool)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)):
        allowed[i, j, k] = True
    assert np.abs(tensor[allowed]).min() > 1e-3
    assert np.abs(tensor[~allowed]).max() == 0.0
    # Not a claim of certainty: the operations were seen to hold to rounding, no more.
    assert reduced["drude_natural_error"].values[0, 0][~allowed].min() > 0.0


GROUPS = ["3", "3m'", "6mm1'", "2'm'm", "4'", "4mm", "6'm'm"]


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(GROUPS), st.integers(0, 2**32 - 1), st.integers(2, 3), st.booleans())
def test_random_models_with_a_group_have_it_and_their_reduced_runs_agree(symbol, seed, bands, warm):
    group = sg.symmetry.group(symbol, dim=2)
    lattice = np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)]]) if "3" in symbol or "6" in symbol else np.eye(2)
    model = symmetrised(lattice, group.operations, bands, seed)
    sampler = BandSampler(model, tuple(CATALOGUE.values()), 1e-6)
    found = reduction(model, True, sampler.terms, sampler)
    assert found is not None
    assert all(any(one.same_as(other) for other in found.operations) for one in group)
    middle = float(np.linalg.eigvalsh(model.hamiltonian(np.array([[0.7, 1.9]])))[0, 0])
    whole, reduced = both(model, middle, 0.3 if warm else 0.0, terms=TERMS, rtol=1e-2, max_k_points=40_000)
    for term in TERMS:
        assert apart(whole, reduced, term) <= 5.0


def test_the_basis_of_the_lattice_does_not_matter():
    """A skewed and left-handed basis has the same 6 parts and the same tensor."""
    group = sg.symmetry.group("3m'", dim=2)
    lattice = np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)]])
    model = symmetrised(lattice, group.operations, 2, 7)
    change = np.array([[1, 2], [1, 1]])
    blocks = {R: model.hamiltonian(np.zeros((1, 2)))[0] * 0 for R in [(0, 0)]}
    steps = np.array(list(np.ndindex(5, 5))) - 2
    grid = np.array(list(np.ndindex(8, 8))) / 8
    values = model.hamiltonian(grid @ model.reciprocal)
    for R in steps:
        block = np.tensordot(np.exp(-2j * np.pi * grid @ R), values, axes=1) / len(grid)
        if np.abs(block).max() > 1e-12:
            blocks[tuple(int(x) for x in np.rint(R @ np.linalg.inv(change)))] = block
    skewed = sg.LatticeModel(change @ lattice, blocks)
    runs = [both(one, 0.1, 0.2, terms="drude", rtol=1e-4)[1] for one in (model, skewed)]
    assert [run.attrs["symmetry_order"] for run in runs] == [6, 6]
    errors = sum(run["drude_natural_error"].values.max() for run in runs)
    size = np.abs(runs[0]["drude_natural"].values).max()
    assert_same(runs[1]["drude_natural"], runs[0]["drude_natural"], rtol=3 * errors / size, floor=1e-6)


def test_a_wrong_declared_symmetry_is_refused_with_its_violation():
    with pytest.raises(ArgumentError, match=r"C3z.* is not a symmetry of .*violated by .* meV at k = "):
        sg.conductivity(sg.models.dirac_pt_lattice(), 0.3, terms="qm", symmetry=["C3z"], progress=False)
    with pytest.raises(ArgumentError, match=r"Mx is not a symmetry of .*meV at k = "):
        sg.spectrum(sg.models.dirac_pt_lattice(), (0.1, 0.3), terms="qm", symmetry=["Mx"], progress=False)
    with pytest.raises(ArgumentTypeError, match="symmetry must be True or False, got None"):
        sg.conductivity(sg.models.dirac_pt(), 0.3, symmetry=None)


def test_declared_operations_are_closed_and_used():
    model = sg.models.chiral_crystal()
    whole, reduced = both(model, -1.5, 0.0, symmetry=["C3z"], terms=TERMS, rtol=1e-2)
    assert reduced.attrs["symmetry_order"] == 3
    for term in TERMS:
        assert np.abs(whole[f"{term}_natural"].values).max() > 1e-4
        assert apart(whole, reduced, term) <= 2.0


def test_declared_operations_that_hold_roughly_enter_the_error():
    """C3z holds to some 1e-6 eV, as in a file of rounded hoppings: symmetry=True leaves it out, a user may not."""
    exact = sg.models.chiral_crystal()
    lattice = np.round(exact.lattice, 8)
    rng = np.random.default_rng(5)
    blocks = {}
    for R in np.ndindex(3, 3, 3):
        vector = tuple(x - 1 for x in R)
        if vector > (0, 0, 0):
            noise = 1e-7 * (rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))
            blocks[vector], blocks[tuple(-x for x in vector)] = noise, noise.conj().T
    grid = np.array(list(np.ndindex(4, 4, 4))) / 4
    gauge = np.exp(1j * (grid @ exact.reciprocal) @ exact.positions.T)
    values = gauge[:, :, None] * exact.hamiltonian(grid @ exact.reciprocal) * gauge.conj()[:, None, :]
    for R in (np.array(x) - 1 for x in np.ndindex(3, 3, 3)):
        key = tuple(int(x) for x in R)
        block = np.tensordot(np.exp(-2j * np.pi * grid @ R), values, axes=1) / len(grid)
        blocks[key] = blocks.get(key, 0) + block
    rough = sg.LatticeModel(lattice, blocks, positions=exact.positions)
    _, alone = both(rough, -1.5, 0.0, terms="bcd", rtol=1e-2)
    assert alone.attrs["symmetry_order"] == 1
    whole, declared = both(rough, -1.5, 0.0, symmetry=["C3z"], terms="bcd", rtol=1e-2)
    assert declared.attrs["symmetry_order"] == 3
    assert apart(whole, declared, "bcd") <= 2.0
    clean = both(exact, -1.5, 0.0, symmetry=["C3z"], terms="bcd", rtol=1e-2)[1]
    assert declared["bcd_natural_error"].values.max() > clean["bcd_natural_error"].values.max()


def test_energies_alone_are_no_symmetry():
    """Positions that the lattice does not have: P and T of E(k) go, with them what the geometry would not obey."""
    rng = np.random.default_rng(2)
    model = symmetrised(np.eye(2), sg.symmetry.group("4mm", dim=2).operations, 2, 11)
    grid = np.array(list(np.ndindex(4, 4))) / 4
    values = model.hamiltonian(grid @ model.reciprocal)
    blocks = {
        tuple(int(x) - 1 for x in R): np.tensordot(np.exp(-2j * np.pi * grid @ (np.array(R) - 1)), values, axes=1) / 16
        for R in np.ndindex(3, 3)
    }
    moved = sg.LatticeModel(np.eye(2), blocks, positions=0.1 * rng.normal(size=(2, 2)))
    sampler = BandSampler(moved, tuple(CATALOGUE.values()), 1e-6)
    geometric = reduction(moved, True, sampler.terms, sampler)
    slopes = reduction(moved, True, sampler.terms[:1], sampler)
    assert slopes is not None
    assert len(slopes.operations) >= 8
    assert geometric is None or len(geometric.operations) < len(slopes.operations)


def test_a_model_is_tested_once_and_counted_every_time():
    model = sg.models.dirac_pt()
    first, second = (both(model, 0.25, 0.0, terms="qm", rtol=1e-4)[1] for _ in range(2))
    assert first.attrs["k_points"] == second.attrs["k_points"]
    assert first.identical(second)


def test_an_audit_of_a_reduced_run_agrees():
    _, reduced = both(tetrahedral_band(), 0.25, 0.0, terms="drude", rtol=1e-3, audit=True)
    assert reduced.attrs["audit"] == "agrees"


def test_a_reduced_spectrum_agrees():
    model = tetrahedral_band()
    whole, reduced = (
        sg.spectrum(model, (0.0, 0.5), terms="drude", rtol=1e-3, symmetry=s, progress=False) for s in (False, True)
    )
    assert whole.k_points > 0.8 * 24 * reduced.k_points
    at = np.linspace(0.02, 0.48, 7)
    (a, da), (b, db) = (one.evaluate(at, "drude") for one in (whole, reduced))
    assert np.abs(a).max() > 1e-3
    assert (np.abs(a - b) <= 2.0 * (da + db)).all()
