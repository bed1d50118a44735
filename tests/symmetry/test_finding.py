"""Groups found from H alone: the models of the library, real files, structures, and models made up to be hard."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from cases.crystals import dirac3d, weyl3d
from sigmaijk.symmetry import Operation, point_group, tensor_form, verify
from support import assert_same
from symmetry.symmetry_models import X, Y, Z, cubic_44, spiral, weyl, wte2, zincblende

SECOND = 1.0


def labels(found: sg.symmetry.PointGroup) -> set[str]:
    return {operation.label for operation in found}


@pytest.mark.parametrize(
    ("model", "symbol", "order"),
    [
        (sg.models.dirac_pt(t=0.0), "oom1'", 48),
        (sg.models.dirac_pt(t=0.5), "2'm'm", 4),
        (sg.models.tilted_dirac(0.3), "m'", 2),
        (sg.models.tilted_dirac(0.0), "oom(oo)", 24),
        (sg.models.cumnas(direction=(1, 0, 0)), "2'm'm", 4),
        (sg.models.cumnas(direction=(0, 1, 0)), "2'm'm", 4),
        (sg.models.cumnas(direction=(1, 1, 0)), "2'm'm", 4),
        (sg.models.cumnas(direction=(0, 0, 1)), "4mm1'", 16),
        (sg.models.cumnas(direction=(0.8, 0, 0.6)), "2'm'm", 4),
        (sg.models.cumnas(direction=(0.8, 0.6, 0)), "2'", 2),
        (sg.models.mnbi2te4_slab(layers=1), "6m'm'", 12),
        (sg.models.mnbi2te4_slab(layers=2), "6'm'm", 12),
        (sg.models.mnbi2te4_slab(layers=3), "6m'm'", 12),
        (sg.models.mnbi2te4_slab(layers=4), "6'm'm", 12),
        (sg.models.mnbi2te4_slab(t4=0.0), "6mm1'", 24),
        (sg.models.mnbi2te4_slab(strain=0.1), "2'm'm", 4),
        (zincblende(), "-43m1'", 48),
        (weyl(), "oooo1'", 80),
        (weyl3d(), "2'", 2),
        (dirac3d(), "4/m'mm", 16),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_groups_of_known_models(model: sg.ContinuumModel | sg.LatticeModel, symbol: str, order: int):
    start = time.process_time()
    found = point_group(model)
    spent = time.process_time() - start
    assert (found.symbol, found.order) == (symbol, order)
    assert {operation.kind for operation in found} == {"of H"}
    assert found.violation < 1e-10
    assert spent < SECOND


def test_each_operation_comes_with_a_matrix_that_does_what_it_says():
    model, rng = sg.models.cumnas(direction=(0.8, 0.0, 0.6)), np.random.default_rng(5)
    k = rng.normal(size=(7, 2))
    for operation in point_group(model):
        H = model.hamiltonian(k)
        U = operation.unitary
        turned = U @ (H.conj() if operation.time_reversal else H) @ U.conj().T
        assert_same(turned, model.hamiltonian(k @ operation.momentum_map.T), rtol=1e-12, floor=0.1)


def test_the_neel_vector_decides_which_component_of_cumnas_lives():
    along_x, along_y = (point_group(sg.models.cumnas(direction=n)) for n in ((1, 0, 0), (0, 1, 0)))
    assert str(tensor_form(along_x, "qm")) == "yxx = -2 xxy"
    assert str(tensor_form(along_y, "qm")) == "xyy = -2 yxy"
    assert str(tensor_form(along_x, "drude")) == "xxy = yxx; yyy"
    for found in (along_x, along_y):
        assert tensor_form(found, "bcd").count == 0


def test_computed_responses_obey_the_forms_of_their_groups():
    """The integrals themselves, where each allowed component is alive."""
    model = sg.models.tilted_dirac(0.3)
    ds = sg.conductivity(model, 0.25, 0.0, progress=False)
    for term in ("drude", "bcd", "qm"):
        form = tensor_form(point_group(model), term)
        values = ds[f"{term}_natural"].values[0, 0]
        assert form.count >= 1
        assert_same(form.project(values), values, rtol=1e-6, floor=1e-6)


def test_skewed_and_left_handed_lattices_have_the_group_of_the_lattice_not_of_the_basis():
    """A triangular lattice in four bases; hoppings to the six neighbours by Cartesian vectors."""
    a = np.array([[1.0, 0.0], [-0.5, 0.75**0.5]])
    for whole in ([[1, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [7, 1]], [[2, 1], [-5, -3]]):
        lattice = np.array(whole) @ a
        hoppings: dict[tuple[int, ...], np.ndarray] = {(0, 0): np.array([[0.3]])}
        for angle in range(0, 360, 60):
            R = np.rint(np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) @ np.linalg.inv(lattice))
            hoppings[tuple(int(x) for x in R)] = np.array([[-1.0]])
        assert point_group(sg.LatticeModel(lattice, hoppings)).symbol == "6mm1'"


def test_a_lattice_has_more_candidates_than_its_hamiltonian_keeps():
    rng = np.random.default_rng(1)
    block = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    onsite = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    hoppings = {(0, 0): onsite + onsite.conj().T, (1, 0): block, (-1, 0): block.conj().T}
    hoppings |= {(0, 1): 0.4 * block @ block, (0, -1): (0.4 * block @ block).conj().T}
    assert point_group(sg.LatticeModel(np.eye(2), hoppings)).symbol == "1"


def test_fractional_translations_and_exchanged_orbitals_need_no_help():
    """A zigzag chain of A and B: the glide x -> -x with y -> y + 1/2 exchanges them."""
    positions = np.array([[0.2, 0.0], [-0.2, 0.5]])
    hop = np.array([[0.0, 1.0], [0.0, 0.0]])
    hoppings = {(0, 0): 1.0 * (hop + hop.T), (0, -1): 1.0 * hop, (0, 1): 1.0 * hop.T}
    hoppings |= {(1, 0): 0.3 * np.eye(2), (-1, 0): 0.3 * np.eye(2)}
    model = sg.LatticeModel(np.eye(2), hoppings, positions=positions)
    assert labels(point_group(model)) >= {"Mx", "My", "P", "T"}


def test_where_no_matrix_exists_the_response_decides():
    """d(kx) on a small circle: x -> -x reverses it, which no rotation of d does; E, v, w and G do not notice."""
    found = point_group(spiral())
    kinds = {operation.label: operation.kind for operation in found}
    assert kinds == {"E": "of H", "MyT": "of H", "Mx": "of the response", "PT": "of the response"}
    ds = sg.conductivity(spiral(), 0.8, 0.0, progress=False)
    for term in ("drude", "qm"):
        values = ds[f"{term}_natural"].values[0, 0]
        assert_same(tensor_form(found, term).project(values), values, rtol=1e-5, floor=1e-7)
    assert labels(point_group(spiral(tilt=0.2))) == {"E", "PT"}


def test_candidates_can_be_chosen():
    found = point_group(sg.models.dirac_pt(t=0.0), candidates=["C3z", "T", "PT"])
    assert labels(found) == {"E", "C3z", "T", "PT"}
    axis = np.radians(17.0)
    mirror = np.eye(2) - 2 * np.outer((np.cos(axis), np.sin(axis)), (np.cos(axis), np.sin(axis)))
    turned = sg.ContinuumModel(
        lambda kx, ky: (
            (kx**2 + ky**2) * np.eye(2)
            + 0.3 * (np.cos(axis) * kx + np.sin(axis) * ky) * X
            + 0.2 * (np.cos(axis) * ky - np.sin(axis) * kx) ** 3 * Z
            + 0.1 * Y
        ),
        2,
        name="turned",
    )
    assert point_group(turned, candidates=[(mirror, False), (mirror, True)]).order >= 2


def test_a_wrong_declaration_is_told_with_its_size_and_place():
    model = sg.models.cumnas(direction=(1, 0, 0))
    assert verify(model, ["PT", "Mx"]).order == 2
    with pytest.raises(sg.ArgumentError, match=r"C4z is not a symmetry of cumnas.* violated by [\d.e+]+ meV at k = \("):
        verify(model, ["PT", "C4z"])
    with pytest.raises(sg.ArgumentError, match="must all act on 2 directions"):
        verify(model, [Operation(np.eye(3), True)])


def test_a_loose_tolerance_reports_both_groups():
    """The mirror y -> -y is broken by 3 meV."""
    model = sg.ContinuumModel(
        lambda kx, ky: (
            (kx**2 + ky**2 + 0.2 * kx**3) * np.eye(2) + 0.3 * kx * X + (0.3 * ky + 0.0015) * Y + 0.1 * kx * Z
        ),
        2,
        name="nearly",
    )
    exact = point_group(model)
    with pytest.warns(sg.SymmetryWarning, match="more than one group") as caught:
        loose = point_group(model, tolerance=0.01)
    assert len(loose.levels) == 2
    assert loose.order > exact.order
    assert loose.levels[0].order == exact.order
    for level in loose.levels:
        assert level.symbol in str(caught[0].message)
    assert 0.001 < loose.violation < 0.01
    assert any(0.001 < operation.violation < 0.01 for operation in exact.near)


def test_44_bands_of_a_cube_take_less_than_a_second():
    model = cubic_44(np.random.default_rng(3))
    start = time.process_time()
    found = point_group(model)
    assert time.process_time() - start < SECOND
    assert (found.symbol, found.order, found.violation < 1e-9) == ("m-3m1'", 96, True)


def test_tellurium_has_321_with_time_reversal(data_dir: Path):
    """p orbitals whose centres differ: the threefold axis mixes them, so only the response knows it."""
    model = sg.read_wannier90(data_dir / "Te_qe_tb.dat.gz")
    found = point_group(model)
    assert (found.symbol, found.order) == ("321'", 12)
    assert {operation.kind for operation in found} == {"of H", "of the response"}
    assert str(tensor_form(found, "bcd")) == "xyz = -yxz"


@pytest.mark.parametrize(
    ("name", "exact", "loose", "violation"),
    [
        ("WTe2_1L_hr.dat.gz", "m1'", "2mm1'", (0.006, 0.01)),
        ("WTe2_1L_raw_hr.dat.gz", "1", "21'", (0.006, 0.01)),
        ("WTe2_1L_zeeman_hr.dat.gz", "1", "2", (0.005, 0.01)),
    ],
)
def test_wte2_has_inversion_to_some_meV(data_dir: Path, name: str, exact: str, loose: str, violation: tuple):
    model = wte2(data_dir, name)
    start = time.process_time()
    found = point_group(model)
    assert time.process_time() - start < SECOND
    assert found.symbol == exact
    with pytest.warns(sg.SymmetryWarning, match=f"{exact} .*; {loose}"):
        approximate = point_group(model, tolerance=0.01)
    assert approximate.symbol == loose
    assert violation[0] < approximate.violation < violation[1]


def test_positions_that_are_missing_or_of_other_orbitals_are_suspected(data_dir: Path):
    """The energies of WTe2 have the mirror exactly; with the wrong positions the geometry has not."""
    model = wte2(data_dir, "WTe2_1L_hr.dat.gz")
    assert "Mx" in point_group(model)
    lattice = np.diag([*np.diag(model.lattice), 3.0])
    with pytest.warns(sg.MissingPositionsWarning):
        bare = sg.read_wannier90(data_dir / "WTe2_1L_hr.dat.gz", lattice=lattice, dim=2)
    notes = {operation.label: operation.note for operation in point_group(bare).near}
    assert "are the orbital positions missing" in notes["Mx"]
    order = np.roll(np.arange(44), 20)
    places = np.column_stack([model.positions[order], np.zeros(44)])
    mixed = sg.read_wannier90(data_dir / "WTe2_1L_hr.dat.gz", lattice=lattice, positions=places, dim=2)
    notes = {operation.label: operation.note for operation in point_group(mixed).near}
    assert "in their order" in notes["Mx"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"tolerance": 0.0}, "tolerance must be above zero"),
        ({"tolerance": "big"}, "tolerance must be one real number"),
        ({"candidates": [(np.eye(3), False)]}, "must all act on 2 directions, number 0 acts on 3"),
        ({"candidates": 3}, "must be a list of operations"),
    ],
)
def test_bad_arguments_are_refused(options: dict, match: str):
    with pytest.raises((sg.ArgumentError, sg.ArgumentTypeError), match=match):
        point_group(sg.models.dirac_pt(), **options)


def test_what_is_no_model_is_refused():
    with pytest.raises(sg.ArgumentTypeError, match="model must be"):
        point_group(np.eye(2))
