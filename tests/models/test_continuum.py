"""ContinuumModel: the contract of a model, the ways a user's functions may be written, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from sigmaijk.errors import ArgumentError, ArgumentTypeError, JetError, ModelError
from sigmaijk.models import ContinuumModel, LatticeModel, catalogue
from support import assert_same

SX = np.array([[0, 1], [1, 0]])
SY = np.array([[0, -1j], [1j, 0]])
SZ = np.array([[1, 0], [0, -1]])
K = np.random.default_rng(5).uniform(-1, 1, size=(7, 2))


def warped_cone(kx: Any, ky: Any) -> Any:
    """H = kx sx + ky sy + kx**2 ky sz."""
    return kx * SX + ky * SY + kx**2 * ky * SZ


def warped_cone_derivatives(kx: Any, ky: Any) -> tuple[Any, Any]:
    """d_x H = sx + 2 kx ky sz, d_y H = sy + kx**2 sz, for one k."""
    mixed = 2 * kx * SZ
    return np.array([SX + 2 * kx * ky * SZ, SY + kx**2 * SZ]), np.array([[2 * ky * SZ, mixed], [mixed, 0 * SZ]])


def derivatives_of_arrays(kx: Any, ky: Any) -> tuple[Any, Any]:
    """The same for arrays of kx and ky only."""
    first, second = np.zeros((len(kx), 2, 2, 2), dtype=complex), np.zeros((len(kx), 2, 2, 2, 2), dtype=complex)
    first[:, 0, 0, 0], first[:, 0, 1, 1], first[:, 1, 0, 0], first[:, 1, 1, 1] = (
        2 * kx * ky,
        -2 * kx * ky,
        kx**2,
        -(kx**2),
    )
    first[:, 0] += SX
    first[:, 1] += SY
    second[:, 0, 0, 0, 0], second[:, 0, 0, 1, 1] = 2 * ky, -2 * ky
    second[:, 0, 1, 0, 0] = second[:, 1, 0, 0, 0] = 2 * kx
    second[:, 0, 1, 1, 1] = second[:, 1, 0, 1, 1] = -2 * kx
    return first, second


def assigned_for_one_k(kx: Any, ky: Any) -> Any:
    H = np.zeros((2, 2), dtype=complex)
    H[0, 0], H[0, 1], H[1, 0], H[1, 1] = kx**2 * ky, kx - 1j * ky, kx + 1j * ky, -(kx**2) * ky
    return H


def assigned_for_arrays(kx: Any, ky: Any) -> Any:
    H = np.zeros((*kx.shape, 2, 2), dtype=complex)
    H[..., 0, 0], H[..., 1, 1] = kx**2 * ky, -(kx**2) * ky
    H[..., 0, 1], H[..., 1, 0] = kx - 1j * ky, kx + 1j * ky
    return H


def assert_warped_cone(model: ContinuumModel) -> None:
    """The closed form above, at every k of the batch."""
    rows = [(warped_cone(*k), *warped_cone_derivatives(*k)) for k in K]
    value, gradient, hessian = (np.array([row[i] for row in rows]) for i in range(3))
    jet = model.jet(K, 2)
    assert jet.hessian is not None
    for actual, expected in ((jet.value, value), (jet.gradient, gradient), (jet.hessian, hessian)):
        assert_same(actual, expected.astype(complex), rtol=1e-14, floor=0.1)
        assert actual.dtype == np.complex128
    np.testing.assert_array_equal(model.hamiltonian(K), jet.value)
    np.testing.assert_array_equal(model.derivatives(K), jet.gradient)
    np.testing.assert_array_equal(model.derivatives(K, 2), jet.hessian)
    assert model.jet(K, 1).hessian is None


def test_jets_give_the_closed_form_with_axes_in_the_order_of_the_contract():
    model = ContinuumModel(warped_cone, 2)
    assert_warped_cone(model)
    assert (model.dim, model.n_bands, model.spin_degeneracy, model.periodic) == (2, 2, 1, False)
    assert (model.scale, model.name) == (1.0, "warped_cone")


@pytest.mark.parametrize("function", [warped_cone, assigned_for_one_k, assigned_for_arrays])
@pytest.mark.parametrize("derivatives", [warped_cone_derivatives, derivatives_of_arrays])
def test_own_derivatives_allow_any_way_of_writing_both_functions(function, derivatives):
    model = ContinuumModel(function, 2, derivatives=derivatives)
    assert_warped_cone(model)
    assert model.hamiltonian(np.zeros((0, 2))).shape == (0, 2, 2)
    assert model.jet(np.zeros((0, 2)), 2).gradient.shape == (0, 2, 2, 2)


def test_five_bands_are_not_taken_for_the_five_points_of_the_check():
    """Entries of arrays give (n, n, nk); with as many bands as points only the comparison with single k can tell."""
    rng = np.random.default_rng(6)
    a, b = (x + x.T for x in rng.normal(size=(2, 5, 5)))

    def function(kx: Any, ky: Any) -> Any:
        return np.array([[np.where(True, kx, 0) * a[i, j] + ky * b[i, j] for j in range(5)] for i in range(5)])

    model = ContinuumModel(function, 2, derivatives=lambda kx, ky: (np.array([a, b]), np.zeros((2, 2, 5, 5))))
    assert_same(model.hamiltonian(K), np.einsum("kd,dij->kij", K, np.array([a, b])) + 0j, rtol=1e-14, floor=0.1)
    assert_same(
        ContinuumModel(lambda kx, ky: kx * a + ky * b, 2).hamiltonian(K), model.hamiltonian(K), rtol=1e-14, floor=0.1
    )


def test_three_dimensions_and_all_keywords():
    """A Weyl node H = k.sigma: d_a H is the a-th Pauli matrix everywhere."""
    model = ContinuumModel(
        lambda kx, ky, kz: kx * SX + ky * SY + kz * SZ, 3, scale=0.2, spin_degeneracy=2, name="Weyl node"
    )
    assert (model.dim, model.scale, model.spin_degeneracy, model.name) == (3, 0.2, 2, "Weyl node")
    np.testing.assert_array_equal(model.derivatives(np.ones((2, 3)))[1], [SX, SY, SZ])
    assert "Weyl node" in repr(model)


@pytest.mark.parametrize("build", [lambda: ContinuumModel(warped_cone, 2), catalogue()["dirac_pt"]])
def test_models_survive_pickling(build):
    model = build()
    copy = pickle.loads(pickle.dumps(model))
    assert copy.name == model.name
    np.testing.assert_array_equal(copy.jet(K, 2).hessian, model.jet(K, 2).hessian)


def test_the_catalogue_holds_factories_that_return_models():
    named = catalogue()
    assert {"dirac_pt", "tilted_dirac"} <= set(named)
    assert named["tilted_dirac"](t=0.2).name.startswith("tilted_dirac(t=0.2")
    assert LatticeModel.periodic is not ContinuumModel.periodic


# --- refused at the door ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "error", "problem"),
    [
        ((SX, 2), {}, ArgumentTypeError, r"hamiltonian must be a function .* \(ndarray\)"),
        ((warped_cone, 4), {}, ArgumentError, "dim must be 2 or 3, got 4"),
        ((warped_cone, 2.0), {}, ArgumentError, "dim must be 2 or 3, got 2.0"),
        ((warped_cone, np.array([2, 3])), {}, ArgumentError, "dim must be 2 or 3, got array"),
        ((warped_cone, 3), {}, ArgumentTypeError, "hamiltonian must take kx, ky, kz for dim=3"),
        ((warped_cone, 2), {"derivatives": SX}, ArgumentTypeError, "derivatives must be a function or None"),
        ((warped_cone, 2), {"derivatives": lambda kx: kx}, ArgumentTypeError, "derivatives must take kx, ky for dim=2"),
        ((warped_cone, 2), {"scale": 0.0}, ArgumentError, "scale must be a finite number above zero, in 1/nm, got 0.0"),
        ((warped_cone, 2), {"scale": np.inf}, ArgumentError, "scale must be a finite number above zero"),
        ((warped_cone, 2), {"scale": "1"}, ArgumentError, "scale must be a finite number above zero"),
        ((warped_cone, 2), {"spin_degeneracy": 3}, ArgumentError, "spin_degeneracy must be 1 or 2, got 3"),
        ((warped_cone, 2), {"scale": True}, ArgumentError, "scale must be a finite number above zero"),
        (
            (warped_cone, 2),
            {"spin_degeneracy": np.array([1, 2])},
            ArgumentError,
            "spin_degeneracy must be .* got array",
        ),
        ((warped_cone, 2), {"spin_degeneracy": True}, ArgumentError, "spin_degeneracy must be 1 or 2, got True"),
    ],
)
def test_bad_arguments_are_refused_with_what_came(arguments, options, error, problem):
    with pytest.raises(error, match=problem):
        ContinuumModel(*arguments, **options)


def test_arguments_are_checked_in_their_order():
    with pytest.raises(ArgumentError, match="dim must be"):
        ContinuumModel(warped_cone, 1, scale=-1.0, spin_degeneracy=0)


def test_hamiltonian_that_is_not_hermitian_names_k_and_the_worst_entry():
    with pytest.raises(ModelError, match=r"H must be Hermitian; at k = \(.*\)/nm \[0, 1\] is .* but \[1, 0\] is"):
        ContinuumModel(lambda kx, ky: kx * SX + ky * np.array([[0, 1j], [1j, 0]]), 2)


def test_a_mistyped_constant_is_not_hermitian_but_rounding_is():
    """1e-8 of the largest entry is refused, 1e-11 is not."""
    wrong = np.array([[0, 1e-8], [0, 0]])
    with pytest.raises(ModelError, match="must be Hermitian"):
        ContinuumModel(lambda kx, ky: SX + wrong + 0 * kx, 2)
    assert ContinuumModel(lambda kx, ky: SX + 1e-3 * wrong + 0 * kx, 2).n_bands == 2


def test_item_assignment_without_derivatives_is_refused_with_the_rewrite():
    with pytest.raises(JetError, match=r"H = kx \* sx \+ ky \* sy"):
        ContinuumModel(assigned_for_one_k, 2)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(ModelError, match=r"got shape \(2,\)"):
        ContinuumModel(lambda kx, ky: [kx, ky], 2)
    with pytest.raises(ModelError, match=r"hamiltonian must return \(n, n\) at each k, got \(2,\)"):
        ContinuumModel(lambda kx, ky: [kx, ky], 2, derivatives=warped_cone_derivatives)


@pytest.mark.parametrize(
    ("change", "direction"),
    [
        (lambda first, second: first[0].__iadd__(1e-4 * SZ), "dH/dkx"),
        (lambda first, second: first[1].__iadd__(1e-4 * SX), "dH/dky"),
        (lambda first, second: second[0, 0].__iadd__(1e-4 * SX), "d2H/dkx dkx"),
        (lambda first, second: second[1, 0].__iadd__(1e-4 * SX), "d2H/dky dkx"),
    ],
)
def test_wrong_derivatives_name_the_direction_and_k(change, direction):
    def wrong(kx: Any, ky: Any) -> tuple[Any, Any]:
        first, second = (part.astype(complex) for part in warped_cone_derivatives(kx, ky))
        change(first, second)
        return first, second

    with pytest.raises(
        ModelError, match=rf"derivatives must be those of hamiltonian; {direction} at k = \(.*\)/nm has"
    ):
        ContinuumModel(warped_cone, 2, derivatives=wrong)


def test_derivatives_of_another_shape_or_not_hermitian_are_refused():
    with pytest.raises(
        ModelError, match=r"derivatives must return \(dim, n, n\) and \(dim, dim, n, n\) at each k, got \(2, 2\)"
    ):
        ContinuumModel(warped_cone, 2, derivatives=lambda kx, ky: (SX, SY))
    skew = np.array([[0, 1], [-1, 0]])
    with pytest.raises(ModelError, match="dH/dkx must be Hermitian"):
        ContinuumModel(warped_cone, 2, derivatives=lambda kx, ky: (np.array([skew, SY]), np.zeros((2, 2, 2, 2))))


def test_what_jets_cannot_see_is_found_by_comparing_with_plain_numbers():
    """`.imag` of an object array is zero, and moved axes transpose a matrix that was meant for arrays of k."""
    with pytest.raises(ModelError, match="one matrix for jets and plain numbers"):
        ContinuumModel(lambda kx, ky: np.array([[kx, 1j * ky], [1j * ky, 2 * kx]]).imag + kx * SZ, 2)

    def for_arrays(kx: Any, ky: Any) -> Any:
        zero = 0 * kx
        return np.moveaxis(np.array([[zero, kx - 1j * ky], [kx + 1j * ky, zero]]), -1, 0)

    with pytest.raises(ModelError, match="one matrix for jets and plain arrays"):
        ContinuumModel(for_arrays, 2)


# --- refused where they happen ----------------------------------------------------------------------------------------


def test_a_pole_is_an_error_that_names_its_k():
    model = ContinuumModel(lambda kx, ky: SX / (kx - 0.25) + ky * SZ, 2)
    points = np.array([[0.1, 0.2], [0.25, -0.5]])
    for evaluated in (model.hamiltonian, model.jet):
        with pytest.warns(RuntimeWarning), pytest.raises(ModelError, match=r"inf or nan at k = \(0\.25, -0\.5\)/nm"):
            evaluated(points)


def test_a_kink_is_an_error_of_the_derivative_alone():
    """sqrt(kx**2 + ky**2) is fine at k = 0, its slope is not."""
    model = ContinuumModel(lambda kx, ky: np.sqrt(kx**2 + ky**2) * SX, 2)
    origin = np.zeros((1, 2))
    assert_same(1 + model.hamiltonian(origin), np.ones((1, 2, 2)), rtol=1e-15, floor=0.1)
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(ModelError, match=r"first derivative of H must be finite.*\(0, 0\)/nm"),
    ):
        model.jet(origin, 1)


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ArgumentError, match=r"k must have shape \(nk, 2\)"):
        ContinuumModel(warped_cone, 2).hamiltonian(np.zeros((4, 3)))
