"""Jets against closed forms, complex steps, exact polynomials and the rules of calculus."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmaijk.errors import JetError, ModelError
from sigmaijk.jets import CHUNK, evaluate
from support import assert_same

SX = np.array([[0, 1], [1, 0]])
SY = np.array([[0, -1j], [1j, 0]])
SZ = np.array([[1, 0], [0, -1]])
PAULI = np.stack([SX, SY, SZ])
K = np.random.default_rng(1).uniform(0.2, 0.9, size=(6, 2))
STEP = 1e-30  # a complex step has no cancellation, so it may be as small as one likes

Function = Callable[..., Any]


def stacked(function: Function, k: np.ndarray) -> np.ndarray:
    """H at each k by plain numbers, one at a time."""
    return np.array([np.asarray(function(*point), dtype=complex) for point in k])


def derivatives(function: Function, k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """H, dH and d2H."""
    value, gradient, hessian = evaluate(function, k, 2)
    assert gradient is not None
    assert hessian is not None
    return value, gradient, hessian


def assert_exact_derivatives(function: Function, k: np.ndarray = K) -> None:
    """Value by plain numbers; first derivatives by 8th-order differences of the value, second by those of the first."""
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    h, (value, gradient, hessian) = 1e-2, derivatives(function, k)
    assert_same(value, stacked(function, k), rtol=1e-14, floor=1e-3)

    def slope(rank: int, axis: int) -> np.ndarray:
        shift = h * np.eye(k.shape[1])[axis]
        parts = [
            (w / h, evaluate(function, k + s * n * shift, rank)[rank], s) for n, w in weights.items() for s in (1, -1)
        ]
        return sum(s * w * part for w, part, s in parts)

    first = np.stack([slope(0, a) for a in range(k.shape[1])], axis=1)
    assert_same(gradient, first, rtol=1e-9, floor=1e-3)
    second = np.stack([slope(1, a) for a in range(k.shape[1])], axis=1)
    scale = np.abs(first).max() + np.abs(second).max()
    assert np.abs(hessian - second).max() <= 1e-9 * scale
    np.testing.assert_array_equal(hessian, hessian.swapaxes(1, 2))


# --- every smooth function --------------------------------------------------------------------------------------------

SMOOTH: dict[str, Function] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log,
    "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sqrt": np.sqrt, "square": np.square,
    "reciprocal": np.reciprocal, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcsin": np.arcsin,
    "arccos": np.arccos, "arctan": np.arctan, "arcsinh": np.arcsinh, "arctanh": np.arctanh, "negative": np.negative,
    "arccosh": lambda x: np.arccosh(1 + x), "cube": lambda x: x**3, "half-integer power": lambda x: x**2.5,
    "inverse power": lambda x: x**-2, "base": lambda x: 2.5**x, "self power": lambda x: x**x,
    "quotient": lambda x: (1 + x) / (2 - x * x), "left quotient": lambda x: 3.0 / x,
}  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_have_the_complex_step_derivatives(name):
    """f(x + i s) = f + i s f' to rounding at s = 1e-30; second derivatives are differences of the jet's first ones."""
    function, x = SMOOTH[name], K[:, 0]
    value, gradient, hessian = derivatives(lambda kx, ky: [[function(kx)]], K)
    first = np.imag(function(x + 1j * STEP)) / STEP
    assert_same(value[:, 0, 0], function(x) + 0j, rtol=1e-14, floor=1e-3)
    assert_same(gradient[:, 0, 0, 0], first + 0j, rtol=1e-13, floor=1e-3)

    def slope(q: np.ndarray) -> np.ndarray:
        return derivatives(lambda kx, ky: [[function(kx)]], q)[1][:, 0, 0, 0]

    h = np.array([1e-3, 0.0])
    second = (8 * (slope(K + h) - slope(K - h)) - (slope(K + 2 * h) - slope(K - 2 * h))) / 12e-3
    assert np.abs(hessian[:, 0, 0, 0, 0] - second).max() <= 1e-7 * (1 + np.abs(second).max())
    assert not gradient[:, 1].any()
    assert not hessian[:, 1].any()


def test_cbrt_hypot_and_arctan2_have_their_textbook_derivatives():
    """They take no complex step: d cbrt = x**(-2/3)/3, d hypot = k/r, d arctan2 = (-ky, kx)/r**2."""
    (x, y), r = K.T, np.hypot(*K.T)
    value, *parts = derivatives(lambda kx, ky: np.diag([np.cbrt(kx), np.hypot(kx, ky), np.arctan2(ky, kx)]), K)
    slopes, bends = (np.diagonal(part, axis1=-2, axis2=-1).real for part in parts)
    assert_same(slopes[:, 0, 0], x ** (-2 / 3) / 3, rtol=1e-13, floor=0.1)
    assert_same(bends[:, 0, 0, 0], -2 * x ** (-5 / 3) / 9, rtol=1e-13, floor=0.1)
    assert_same(slopes[..., 1], K / r[:, None], rtol=1e-13, floor=0.1)
    assert_same(bends[:, 0, 1, 1], -x * y / r**3, rtol=1e-13, floor=0.1)
    assert_same(slopes[..., 2], np.stack([-y, x], axis=1) / r[:, None] ** 2, rtol=1e-13, floor=0.1)
    assert_same(bends[:, 0, 0, 2], 2 * x * y / r**4, rtol=1e-13, floor=0.1)
    assert_same(value[:, 2, 2].real, np.arctan2(y, x), rtol=1e-15, floor=0.1)


# --- rules of calculus ------------------------------------------------------------------------------------------------

coefficients = st.lists(st.integers(-9, 9), min_size=10, max_size=10)
MONOMIALS = [(p, q) for p in range(4) for q in range(4) if p + q <= 3]


@given(coefficients, st.integers(-4, 4), st.integers(-4, 4))
def test_integer_polynomials_are_differentiated_without_rounding(numbers, x, y):
    """Sums of c kx**p ky**q at small integers, zero included, are exact in floating point: so are the derivatives."""

    def term(c: int, p: int, q: int, a: int, b: int) -> int:
        """The a-th and b-th derivative along kx and ky."""
        return c * math.perm(p, a) * math.perm(q, b) * (x ** (p - a) if p >= a else 0) * (y ** (q - b) if q >= b else 0)

    def exact(a: int, b: int) -> int:
        return sum(term(c, p, q, a, b) for c, (p, q) in zip(numbers, MONOMIALS, strict=True))

    def function(kx: Any, ky: Any) -> Any:
        return [[sum(c * kx**p * ky ** float(q) for c, (p, q) in zip(numbers, MONOMIALS, strict=True))]]

    value, gradient, hessian = derivatives(function, np.array([[x, y]], dtype=float))
    assert value.item() == exact(0, 0)
    assert gradient.ravel().tolist() == [exact(1, 0), exact(0, 1)]
    assert hessian.ravel().tolist() == [exact(2, 0), exact(1, 1), exact(1, 1), exact(0, 2)]


def random_matrix(seed: int) -> Function:
    """A dense 3 x 3 function of k, trigonometric and polynomial, complex."""
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.normal(size=(4, 3, 3)) + 1j * rng.normal(size=(4, 3, 3))
    return lambda kx, ky: a * np.sin(kx + 0.3 * ky) + b * np.exp(0.5j * kx * ky) + c * ky**3 + d


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([np.matmul, np.multiply, np.kron]))
def test_products_obey_the_product_rule(first, second, product):
    """d(FG) = dF G + F dG and ddFG = ddF G + dF dG' + dF' dG + F ddG, put together here from the factors' jets."""
    f, g = random_matrix(first), random_matrix(second)
    (F, dF, ddF), (G, dG, ddG) = derivatives(f, K), derivatives(g, K)
    _, gradient, hessian = derivatives(lambda kx, ky: product(f(kx, ky), g(kx, ky)), K)

    def each(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.array([product(p, q) for p, q in zip(x, y, strict=True)])

    for a in range(2):
        assert_same(gradient[:, a], each(dF[:, a], G) + each(F, dG[:, a]), rtol=1e-13, floor=1e-3)
        for b in range(2):
            cross = each(dF[:, a], dG[:, b]) + each(dF[:, b], dG[:, a])
            bends = each(ddF[:, a, b], G) + each(F, ddG[:, a, b])
            assert_same(hessian[:, a, b], bends + cross, rtol=1e-13, floor=1e-3)


def test_third_direction_is_as_good_as_the_others():
    k = np.random.default_rng(2).uniform(-1, 1, size=(5, 3))
    assert_exact_derivatives(
        lambda kx, ky, kz: np.sin(kx * ky) * SX + np.cos(ky + kz) * SY + kz**2 * np.exp(kx) * SZ, k
    )


def test_powers_at_zero_are_exact():
    """x**0, x**1, x**2 and x**3 at x = 0 have derivatives 0, 1, 0, 0 and 0, 0, 2, 0: no 0 * inf."""
    jet = derivatives(lambda kx, ky: np.diag([kx**0, kx**1, kx**2, kx**3]), np.zeros((1, 2)))
    value, along_x, along_xx = (np.diagonal(part, axis1=-2, axis2=-1).reshape(-1, 4)[0].tolist() for part in jet)
    assert (value, along_x, along_xx) == ([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0])


# --- what users write -------------------------------------------------------------------------------------------------


def by_assignment(kx: Any, ky: Any) -> Any:
    H = np.zeros((2, 2), dtype=object)
    H[0, 1], H[1, 0] = kx - 1j * ky, kx + 1j * ky
    H[..., 0, 0] = kx * ky
    return H


def in_place(kx: Any, ky: Any) -> Any:
    H = kx * SX
    H += ky * kx * SZ
    H *= 2
    H -= SZ
    return H


WRITTEN: dict[str, Function] = {
    "sum of scalar times matrix": lambda kx, ky: kx * SX + ky * SY + (0.1 - kx**2 - ky**2) * SZ,
    "array of entries": lambda kx, ky: np.array([[kx * kx, kx - 1j * ky], [kx + 1j * ky, -3]]),
    "nested lists": lambda kx, ky: [[kx * ky, (1 + 0j)], [np.sin(ky), 0]],
    "tuple with array entries": lambda kx, ky: ((kx, np.array(2.0)), (np.float64(1), ky**3)),
    "Ellipsis": lambda kx, ky: kx[..., None, None] * SX + np.exp(1j * ky)[..., None, None] * SY,
    "object array": by_assignment,
    "in place": in_place,
    "constant on the left": lambda kx, ky: SX * kx + np.array(0.5) * ky * SY + np.float64(2) * kx * ky * SZ + 1,
    "identity": lambda kx, ky: np.eye(3) * kx * ky - np.ones((3, 3), dtype=np.uint8),
    "numeric integers": lambda kx, ky: kx * SX - np.array([[1, 2], [3, 4]], dtype=np.uint8),
    "matrix products": lambda kx, ky: (kx * SX + ky) @ (ky * SY + kx * SZ) @ SX,
    "vector products": lambda kx, ky: (np.stack([kx, ky]) @ SX @ np.stack([ky, kx**2])) * SZ + SX @ np.stack([kx, ky]),
    "kron": lambda kx, ky: np.kron(SZ, kx * SX + ky * SY) + np.kron(np.sin(kx) * SX, np.eye(2)),
    "dot": lambda kx, ky: np.dot(kx * SX, ky * SY + 1).dot(SX),
    "outer": lambda kx, ky: np.outer(np.stack([kx, ky]), np.exp(1j * np.stack([ky, kx]))),
    "inner": lambda kx, ky: np.inner(kx * SX, ky * SY + 1),
    "tensordot": lambda kx, ky: np.tensordot(np.stack([kx, ky, kx * ky]), PAULI, axes=(0, 0)),
    "tensordot of an object array": lambda kx, ky: np.tensordot(np.array([kx, ky, kx * ky]), PAULI, 1),
    "einsum": lambda kx, ky: np.einsum("i,iab->ab", np.stack([kx, ky, kx * ky]), PAULI),
    "einsum of one": lambda kx, ky: np.einsum("aab->b", kx * PAULI[:2] + np.sin(ky) * PAULI[1:])[:, None] * SX,
    "Fourier sum": lambda kx, ky: (np.exp(1j * (kx * np.arange(3) - ky))[:, None, None] * PAULI).sum(axis=0),
    "sum over an axis": lambda kx, ky: np.sum(np.stack([kx * SX, ky**2 * SY], 1), axis=1),
    "sums of lists": lambda kx, ky: sum([kx * SX, ky * SY]) + np.sum([kx * SZ, kx * ky * SX], axis=0),
    "trace": lambda kx, ky: np.trace(kx * ky * SZ + kx) * SX + (ky**2 * np.eye(2)).trace() * SY,
    "block": lambda kx, ky: np.block([[kx * SX, np.exp(1j * ky) * SY], [np.zeros((2, 2)), kx * ky * SZ]]),
    "stack of columns": lambda kx, ky: np.stack([np.stack([kx, 1.0], -1), np.stack([ky, kx**3], -1)], axis=-1),
    "concatenate": lambda kx, ky: np.concatenate([(kx * SX)[:1], np.vstack([np.hstack([kx, ky])])]),
    "diag": lambda kx, ky: np.diag([kx, ky * kx]) + np.diag(np.stack([ky, kx**2]), 0) + np.triu(kx * np.ones((2, 2))),
    "adjoint": lambda kx, ky: (np.exp(1j * kx) * SY + ky * np.triu(SX)).conj().T + np.conj(ky**2 * SY),
    "axes": lambda kx, ky: np.moveaxis(kx * np.triu(PAULI), 0, 2).swapaxes(0, 2).transpose(0, 2, 1)[1] + (ky * SY).T,
    "real and imag": lambda kx, ky: np.exp(1j * kx).real * SX + np.imag(np.exp(1j * kx * ky)) * SY + np.real(ky) * SZ,
    "zeros_like": lambda kx, ky: (np.zeros_like(kx) + np.ones_like(ky) * kx + np.full_like(kx, 2)) * SX + ky**2 * SY,
    "reshape": lambda kx, ky: np.reshape(kx ** np.arange(4), (2, 2)) + (ky ** np.arange(4)).reshape(2, 2),
    "broadcast_arrays": lambda kx, ky: np.broadcast_arrays(kx, SX)[0] * ky,
    "division by a matrix": lambda kx, ky: kx / (2 + ky * SX + 3 * np.eye(2)),
    "asarray": lambda kx, ky: np.asarray(kx) * SX + np.sin(np.array([[kx, ky], [ky, kx]])),
    "astype": lambda kx, ky: (kx * SX).astype(complex) * (1 + ky * SY),
    "iteration": lambda kx, ky: np.array([[a * b for a in np.stack([kx, ky])] for b in np.stack([ky, 1j * kx])]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_hamiltonians_as_users_write_them(name):
    assert_exact_derivatives(WRITTEN[name])


def test_entries_and_matrices_without_k_broadcast():
    value, gradient, hessian = derivatives(lambda kx, ky: SY, K)
    np.testing.assert_array_equal(value, np.broadcast_to(SY, (6, 2, 2)))
    assert (gradient.shape, hessian.shape) == ((6, 2, 2, 2), (6, 2, 2, 2, 2))
    assert not gradient.any()


def test_a_batch_longer_than_a_chunk_is_the_same_as_point_by_point():
    k = np.random.default_rng(3).normal(size=(2 * CHUNK + 3, 2))
    for part, alone in zip(derivatives(WRITTEN["kron"], k), derivatives(WRITTEN["kron"], k[-1:]), strict=True):
        assert part.flags.c_contiguous
        np.testing.assert_array_equal(part[-1:], alone)


def test_no_points_give_empty_arrays_of_the_right_shape():
    jet = derivatives(WRITTEN["kron"], np.zeros((0, 2)))
    assert [part.shape for part in jet] == [(0, 4, 4), (0, 2, 4, 4), (0, 2, 2, 4, 4)]


def test_orders_above_the_one_asked_for_are_left_out():
    """Order 1 does not even call the rule of the second derivative, which has a pole here."""
    k = np.zeros((1, 2))
    jet = evaluate(lambda kx, ky: [[(kx**1.5) + ky]], k, 1)
    assert jet.hessian is None
    assert jet.gradient is not None
    assert jet.gradient.ravel().tolist() == [0, 1]
    assert evaluate(lambda kx, ky: [[kx]], k, 0).gradient is None


# --- what jets refuse -------------------------------------------------------------------------------------------------


def assigned(shape: Callable[[Any], tuple[int, ...]], dtype: Any, key: Any) -> Function:
    def function(kx: Any, ky: Any) -> Any:
        H = np.zeros(shape(kx), dtype)
        H[key] = kx - 1j * ky
        return H

    return function


def added_in_place(kx: Any, ky: Any) -> Any:
    H = np.zeros((2, 2))
    H += kx * SX
    return H


@pytest.mark.parametrize(
    "function",
    [
        assigned(lambda kx: (2, 2), complex, (0, 1)),
        assigned(lambda kx: (2, 2), float, (0, 1)),
        assigned(lambda kx: (*kx.shape, 2, 2), complex, (..., 0, 1)),
        assigned(lambda kx: (2, 2), complex, 0),
        lambda kx, ky: np.array([[0, kx], [kx, 0]], dtype=complex),
        lambda kx, ky: math.sin(kx) * SX,
        added_in_place,
        lambda kx, ky: np.fill_diagonal(np.zeros((2, 2)), kx),
    ],
)
def test_item_assignment_names_the_rewrite(function):
    with pytest.raises(
        JetError, match=r"np\.array\(\[\[m, kx - 1j\*ky\](.|\n)*kx \* sx \+ ky \* sy(.|\n)*derivatives="
    ) as caught:
        evaluate(function, K, 1)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (lambda kx, ky: abs(kx) * SX, r"np\.absolute cannot be differentiated: write np\.sqrt"),
        (lambda kx, ky: np.where(SX > 0, kx, 0), r"np\.where .* smooth step"),
        (lambda kx, ky: SX * (1 if kx > 0 else -1), "comparison or truth test of k"),
        (lambda kx, ky: SX * (1 if kx == 0 else -1), "comparison or truth test of k"),
        (lambda kx, ky: SX * (1 if kx else -1), "comparison or truth test of k"),
        (lambda kx, ky: np.sign(kx) * SX, r"np\.sign .*np\.tanh"),
        (lambda kx, ky: np.maximum(kx, ky) * SX, r"np\.maximum .*np\.sqrt"),
        (lambda kx, ky: (kx % 1.0) * SX, r"np\.remainder .*derivatives="),
        (lambda kx, ky: np.linalg.inv(kx * SX), r"np\.linalg\.inv .*Supported: arithmetic"),
        (lambda kx, ky: np.linalg.norm(np.stack([kx, ky])) * SX, r"np\.linalg\.norm .*np\.sqrt\(kx\*\*2"),
        (lambda kx, ky: np.add.reduce(kx * SX), r"np\.add .*Supported"),
        (lambda kx, ky: np.stack([kx, ky], out=np.zeros(2)), r"np\.stack .*Supported"),
        (lambda kx, ky: (kx * SY).astype(float), r"write \.real"),
        (lambda kx, ky: np.stack([kx, ky]).std() * SX, r"the array method std .*Supported"),
        (lambda kx, ky: kx[:, None, None] * SX, r"stand for single numbers: write kx \* sx"),
        (lambda kx, ky: kx @ SX, "needs matrices or vectors"),
        (lambda kx, ky: np.einsum("i,i,i->i", kx * SX[0], SX[0], SX[0]), "one or two operands"),
        (lambda kx, ky: np.sin(np.array([[0, kx], [kx, 0]])), r"np\.stack instead of np\.array"),
    ],
)  # fmt: skip
def test_what_cannot_be_differentiated_is_refused_with_advice(function, advice):
    with pytest.raises(JetError, match=advice):
        evaluate(function, K, 1)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda kx, ky: kx, r"square matrix.* got shape \(\)"),
        (lambda kx, ky: [[kx, ky]], r"got shape \(1, 2\)"),
        (lambda kx, ky: [[kx * SX, SY], [SY, SX]], r"got shape \(2, 2, 2, 2\)"),
        (lambda kx, ky: None, "got an entry None"),
        (lambda kx, ky: [["a", kx], [kx, 0]], "got an entry 'a'"),
        (lambda kx, ky: [["a", "b"], ["c", "d"]], "must be made of numbers"),
        (lambda kx, ky: [[kx, 0], [0]], "all have one shape"),
    ],
)
def test_what_is_not_a_square_matrix_is_refused(function, problem):
    with pytest.raises(ModelError, match=problem):
        evaluate(function, K, 1)


def test_errors_of_the_user_pass_unchanged():
    with pytest.raises(ValueError, match="my own"):
        evaluate(lambda kx, ky: (_ for _ in ()).throw(ValueError("my own")), K, 1)
