"""from_model: models of other programs give back their own H(k), and whatever is no model is told what was seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError, ArgumentTypeError, ModelError
from support import assert_same

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
RNG = np.random.default_rng(5)
LATTICE = np.array([[0.4, 0.1], [0.0, 0.5]])
POSITIONS = np.array([[0.05, 0.1], [0.2, -0.1]])


def hoppings(n: int = 2) -> dict[tuple[int, ...], np.ndarray]:
    rng = np.random.default_rng(8)
    found: dict[tuple[int, ...], np.ndarray] = {(0, 0): np.diag(rng.normal(size=n)).astype(complex)}
    for R in ((1, 0), (1, -1), (3, 2)):
        block = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
        found[R], found[-R[0], -R[1]] = block, block.conj().T
    return found


def assert_same_jet(found: sg.LatticeModel, wanted: sg.LatticeModel, rtol: float = 1e-11) -> None:
    k = RNG.normal(size=(7, wanted.dim)) * 5
    one, other = found.jet(k), wanted.jet(k)
    for name in ("value", "gradient", "hessian"):
        assert_same(getattr(one, name), getattr(other, name), rtol=rtol, floor=1e-3)


# --- PythTB -----------------------------------------------------------------------------------------------------------


def first_pythtb(spins: int = 1) -> Any:
    """A PythTB 1.8 model on a honeycomb, built by PythTB itself, with complex hoppings."""
    pythtb = pytest.importorskip("pythtb")
    if hasattr(pythtb, "TBModel"):
        pytest.skip("PythTB 2 is installed: its models are tested below")
    model = pythtb.tb_model(2, 2, [[1.0, 0.0], [0.5, 0.9]], [[0.3, 0.3], [0.7, 0.6]], nspin=spins)
    _fill(model, spins)
    return model


def _fill(model: Any, spins: int) -> None:
    model.set_onsite([0.3, -0.4])
    amplitude = 0.7 - 0.2j if spins == 1 else [0.5, 0.1, -0.2, 0.3]  # four numbers: 1, x, y, z of the spin
    model.set_hop(-1.0, 0, 1, [0, 0])
    model.set_hop(amplitude, 1, 0, [1, 0])
    model.set_hop(0.2, 0, 0, [1, -1])
    model.set_hop(amplitude, 0, 1, [-2, 1])


@pytest.mark.parametrize("spins", [1, 2])
def test_a_first_pythtb_model_has_its_own_bands(spins: int) -> None:
    """H(k) of PythTB at reduced k against ours at the same k in 1/nm, its unit of length being 0.3 nm."""
    theirs = first_pythtb(spins)
    model = sg.from_model(theirs, length_unit=0.3, fermi_energy=0.1)
    reduced = RNG.uniform(size=(6, 2))
    wanted = [theirs._gen_ham(k).reshape(2 * spins, 2 * spins) - 0.1 * np.eye(2 * spins) for k in reduced]
    assert isinstance(model, sg.LatticeModel)
    assert_same(model.hamiltonian(model.cartesian(reduced)), wanted, rtol=1e-13, floor=0.5)
    assert_same(model.lattice, 0.3 * np.array([[1.0, 0.0], [0.5, 0.9]]), rtol=1e-15, floor=0.1)


def second_pythtb(spins: int = 1) -> SimpleNamespace:
    """What PythTB 2.0 shows of the same model: its attributes, printed by version 2.0.2."""
    spin = np.array([[0.8, 0.1 + 0.2j], [0.1 - 0.2j, 0.2]])  # of the four numbers above
    hop = (lambda x: x) if spins == 1 else (lambda x: x * np.eye(2))
    amplitude = 0.7 - 0.2j if spins == 1 else spin
    return SimpleNamespace(
        lat_vecs=np.array([[1.0, 0.0], [0.5, 0.9]]),
        orb_vecs=np.array([[0.3, 0.3], [0.7, 0.6]]),
        periodic_dirs=[0, 1],
        onsite=np.array([0.3, -0.4]) if spins == 1 else np.array([0.3 * np.eye(2), -0.4 * np.eye(2)]),
        nspin=spins,
        hoppings=[
            {"amplitude": hop(-1.0), "from_orbital": 0, "to_orbital": 1},
            {"amplitude": amplitude, "from_orbital": 1, "to_orbital": 0, "lattice_vector": [1, 0]},
            {"amplitude": hop(0.2), "from_orbital": 0, "to_orbital": 0, "lattice_vector": [1, -1]},
            {"amplitude": amplitude, "from_orbital": 0, "to_orbital": 1, "lattice_vector": [-2, 1]},
        ],
    )


@pytest.mark.parametrize("spins", [1, 2])
def test_both_pythtb_majors_give_the_same_model(spins: int) -> None:
    theirs = second_pythtb(spins)
    if spins == 2:
        numbers, spin = [0.5, 0.1, -0.2, 0.3], theirs.hoppings[1]["amplitude"]
        assert_same(spin, numbers[0] * np.eye(2) + np.einsum("a,aij->ij", numbers[1:], PAULI), rtol=1e-15, floor=0.1)
    assert_same_jet(sg.from_model(theirs), sg.from_model(first_pythtb(spins)), rtol=1e-13)


@pytest.mark.parametrize("spins", [1, 2])
def test_a_second_pythtb_model_has_its_own_bands(spins: int) -> None:
    pythtb = pytest.importorskip("pythtb")
    if not hasattr(pythtb, "TBModel"):
        pytest.skip("PythTB 1 is installed: 2.x needs Python 3.12")
    lattice = pythtb.Lattice([[1.0, 0.0], [0.5, 0.9]], [[0.3, 0.3], [0.7, 0.6]], periodic_dirs=...)
    theirs = pythtb.TBModel(lattice, spinful=spins == 2)
    _fill(theirs, spins)
    model, reduced = sg.from_model(theirs), RNG.uniform(size=(6, 2))
    wanted = theirs.hamiltonian(k_pts=reduced).reshape(6, 2 * spins, 2 * spins)
    assert_same(model.hamiltonian(model.cartesian(reduced)), wanted, rtol=1e-13, floor=0.5)
    assert_same_jet(model, sg.from_model(second_pythtb(spins)), rtol=1e-13)


def test_a_pythtb_ribbon_of_a_slab_keeps_its_periodic_plane() -> None:
    """Three-dimensional space, periodic along two vectors of the xy plane: the third coordinate goes."""
    slab = second_pythtb()
    slab.lat_vecs = np.array([[1.0, 0.0, 0.0], [0.5, 0.9, 0.0], [0.0, 0.0, 7.0]])
    slab.orb_vecs = np.array([[0.3, 0.3, 0.1], [0.7, 0.6, 0.4]])
    for hop in slab.hoppings:
        if "lattice_vector" in hop:
            hop["lattice_vector"] = [*hop["lattice_vector"], 0]
    assert_same_jet(sg.from_model(slab), sg.from_model(second_pythtb()), rtol=1e-13)
    slab.periodic_dirs = [0, 2]
    with pytest.raises(ArgumentError, match="the periodic directions must lie in the xy plane"):
        sg.from_model(slab)
    slab.periodic_dirs = [0]
    with pytest.raises(ArgumentError, match="must be periodic in 2 or 3 directions, got 1"):
        sg.from_model(slab)


def test_a_pythtb_model_with_free_parameters_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"free parameters \['t'\]: give found\.with_parameters"):
        sg.from_model(SimpleNamespace(**vars(second_pythtb()), parameters=["t"]))


# --- functions --------------------------------------------------------------------------------------------------------


def summed(k: np.ndarray, phased: bool) -> np.ndarray:
    """H at one k in 1/nm, periodic or with the phases of the positions."""
    value = sum(np.exp(1j * k @ (np.array(R) @ LATTICE)) * block for R, block in hoppings().items())
    wave = np.exp(1j * POSITIONS @ k) if phased else np.ones(2)
    return wave.conj()[:, None] * value * wave


@pytest.mark.parametrize("phased", [False, True])
@pytest.mark.parametrize("style", ["vector", "arguments", "reduced", "angle"])
def test_a_periodic_function_gives_back_its_hoppings(phased: bool, style: str) -> None:
    """Hoppings over three cells are found from values of H alone; positions may stand in its phases or not."""
    reciprocal = 2 * np.pi * np.linalg.inv(LATTICE).T
    functions: dict[str, Any] = {
        "vector": lambda k: summed(k, phased),
        "arguments": lambda kx, ky: summed(np.array([kx, ky]), phased),
        "reduced": lambda k: summed(k @ reciprocal, phased),
        "angle": lambda kx, ky: summed(np.array([kx, ky]) @ reciprocal / (2 * np.pi), phased),
    }
    coordinates: Any = style if style in ("reduced", "angle") else None
    model = sg.from_model(functions[style], lattice=LATTICE, positions=POSITIONS, coordinates=coordinates)
    assert isinstance(model, sg.LatticeModel)
    assert_same_jet(model, sg.LatticeModel(LATTICE, hoppings(), positions=POSITIONS))


def test_a_periodic_function_in_space_gives_back_its_hoppings() -> None:
    def cubic(kx: float, ky: float, kz: float) -> np.ndarray:
        return np.cos(0.5 * np.array([kx, ky, kz])) @ [1.0, 0.5, 0.25] * np.eye(2) + np.sin(0.5 * kz) * PAULI[1]

    blocks: dict[tuple[int, ...], np.ndarray] = {}
    for axis, size in enumerate((1.0, 0.5, 0.25)):
        for sign in (1, -1):
            R = tuple(sign * np.eye(3, dtype=int)[axis])
            blocks[R] = size / 2 * np.eye(2) + (sign * PAULI[1] / 2j if axis == 2 else 0)
    assert_same_jet(sg.from_model(cubic, lattice=0.5 * np.eye(3)), sg.LatticeModel(0.5 * np.eye(3), blocks))


def dirac(kx: Any, ky: Any) -> Any:
    return kx * PAULI[0] + ky * PAULI[1] + (0.1 - kx**2) * PAULI[2]


def test_a_function_without_a_lattice_is_a_continuum_model() -> None:
    k = RNG.normal(size=(5, 2))
    wanted = sg.ContinuumModel(dirac, 2).jet(k)
    for model in (sg.from_model(dirac, scale=2.0), sg.from_model(lambda k: dirac(*k), dim=2)):
        assert (model.periodic, model.dim) == (False, 2)
        assert_same(model.jet(k).hessian, wanted.hessian, rtol=1e-13, floor=0.1)
        assert_same(model.hamiltonian(k), wanted.value, rtol=1e-13, floor=0.1)


def test_a_model_of_this_package_comes_back() -> None:
    model = sg.models.dirac_pt()
    assert sg.from_model(model) is model


class Callable2:
    """A callable object, as compiled or wrapped Hamiltonians are."""

    def __call__(self, *k: float) -> np.ndarray:
        return summed(np.array(k), False)


def test_a_callable_object_is_a_function() -> None:
    model = sg.from_model(Callable2(), lattice=LATTICE)
    assert model.name == "Callable2"
    assert_same_jet(model, sg.LatticeModel(LATTICE, hoppings()))


@pytest.mark.parametrize(
    ("found", "options", "error", "message"),
    [
        (
            lambda k: summed(k, False),
            {"lattice": 1.1 * LATTICE},
            ArgumentError,
            r"H\(k \+ b\) differs from H\(k\) by",
        ),
        (lambda k: summed(k, True), {"lattice": LATTICE}, ArgumentError, "phases of orbital positions, give these"),
        (lambda k: np.eye(2) / (1.1 - np.cos(k @ LATTICE[0])), {"lattice": LATTICE}, ModelError, "at most 32 cells"),
        (lambda k: np.eye(2) * np.nan, {"lattice": LATTICE}, ModelError, r"H\(k\) must be finite"),
        (
            lambda k: [1.0, 2.0],
            {"lattice": LATTICE},
            ModelError,
            r"must return an \(n, n\) array .* got float64 \(2,\)",
        ),
        (lambda k: np.eye(2), {"lattice": [0.4, 0.5]}, ArgumentError, r"lattice must have shape \(2, 2\) or \(3, 3\)"),
        (lambda k: np.eye(2), {"lattice": LATTICE, "coordinates": "x"}, ArgumentError, "'reduced' or 'angle'"),
        (
            lambda k: np.eye(2),
            {"lattice": LATTICE, "positions": [[0, 0]]},
            ArgumentError,
            r"= \(2, 2\), nm, got \(1, 2\)",
        ),
        (
            lambda k: np.eye(2),
            {"lattice": LATTICE, "scale": 1.0},
            ArgumentError,
            "scale does not apply to a function with",
        ),
        (lambda k: np.eye(2), {"lattice": LATTICE, "dim": 3}, ArgumentError, "dim must be that of the lattice"),
        (lambda k: np.eye(2), {}, ArgumentError, "two or three components: give dim=, or lattice="),
        (lambda a, b, c, d: np.eye(2), {}, ArgumentError, "got 4 arguments without a default"),
        (dirac, {"positions": POSITIONS}, ArgumentError, "positions does not apply to a function without a lattice"),
        (
            sg.models.dirac_pt(),
            {"dim": 2},
            ArgumentError,
            "dim does not apply to a model of this package; it takes none",
        ),
        (second_pythtb(), {"dim": 2}, ArgumentError, "dim does not apply to a PythTB model; known are fermi_energy"),
    ],
)
def test_a_wrong_function_or_option_is_told_why(
    found: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message), np.errstate(invalid="ignore"):
        sg.from_model(found, **options)


class HalfAModel:
    _lat = _orb = _hoppings = None


class Sisl:
    __module__ = "sisl.physics.hamiltonian"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("k_x*sigma_x", r"text is never evaluated, got 'k_x\*sigma_x'"),
        (HalfAModel(), r"test_bridges\.HalfAModel: for PythTB 1 it has _lat, .* lacks _per, _site_energies, _nspin"),
        (Sisl(), r"got an object of sisl.* hand over lambda k: H\.Hk\(k, .*docs/models\.md"),
        (sg.LatticeModel, r"got the class sigmaijk\.models\.lattice\.LatticeModel"),
        (SimpleNamespace(Ham=1, k_to_1BZ=2), r"folds k into a box: give its function H\(kx, ky"),
        (3.0, "got an object of builtins.float: it has no attribute of theirs"),
        (None, "got an object of builtins.NoneType"),
    ],
)
def test_what_is_no_model_is_told_what_was_seen(found: Any, message: str) -> None:
    with pytest.raises(ArgumentTypeError, match=message):
        sg.from_model(found)
