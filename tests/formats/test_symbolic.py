"""SymPy matrices: the same H and derivatives as exact jets, and no text is ever evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError, ArgumentTypeError, ModelError
from support import assert_same

sympy = pytest.importorskip("sympy")

KX, KY, KZ, M, V = sympy.symbols("kx ky kz m v")
K = np.random.default_rng(4).normal(size=(6, 2))


def warped(kx: Any, ky: Any, m: float = 0.3, v: float = 1.2) -> Any:
    """The same formula for jets."""
    cross = v * (kx - 1j * ky) + 0.4j * kx**2 * ky
    return np.array([[m - kx**2 + 0.5, cross], [cross.conj(), -m + np.sin(ky) + 0.5]])


def matrix() -> Any:
    cross = V * (KX - sympy.I * KY) + sympy.Rational(2, 5) * sympy.I * KX**2 * KY
    return sympy.Matrix([[M - KX**2 + 0.5, cross], [sympy.conjugate(cross), -M + sympy.sin(KY) + 0.5]])


@pytest.mark.parametrize("shape", [lambda H: H, lambda H: sympy.ImmutableMatrix(H), lambda H: H.tolist(), np.array])
def test_a_sympy_matrix_is_the_model_of_its_formula(shape: Any) -> None:
    """conjugate(cross) needs real momenta: the symbols of the user are not declared so."""
    model = sg.from_model(shape(matrix()), parameters={"m": 0.3, V: 1.2}, scale=2.0)
    wanted = sg.ContinuumModel(warped, 2).jet(K)
    assert (model.periodic, model.dim, model.name) == (False, 2, "SymPy matrix")
    for name in ("value", "gradient", "hessian"):
        assert_same(getattr(model.jet(K), name), getattr(wanted, name), rtol=1e-13, floor=0.1)


def test_constant_entries_are_broadcast() -> None:
    """Entries without k next to others, for which a compiled matrix of mixed shapes fails."""
    model = sg.from_model([[1, KX], [KX, 2 + 0j]])
    assert_same(model.hamiltonian(K)[:, 1, 0], K[:, 0], rtol=1e-15, floor=0.1)
    assert_same(model.hamiltonian(K)[:, 1, 1], np.full(6, 2.0), rtol=1e-15, floor=0.1)


def test_momenta_are_found_by_name_or_pointed_out() -> None:
    assert sg.from_model(sympy.Matrix([[KX * KZ + KY]])).dim == 3
    assert sg.from_model(sympy.Matrix([[KX]]), dim=3).dim == 3
    p, q = sympy.symbols("p q", positive=True)
    model = sg.from_model(sympy.Matrix([[p + 2 * q]]), momenta=(q, "p"))
    assert_same(model.hamiltonian(K)[:, 0, 0], 2 * K[:, 0] + K[:, 1], rtol=1e-14, floor=0.1)


def test_a_periodic_sympy_matrix_becomes_a_lattice_model() -> None:
    a = 0.4
    H = sympy.Matrix([[sympy.cos(a * KX), sympy.exp(sympy.I * a * KY)], [sympy.exp(-sympy.I * a * KY), -M]])
    model = sg.from_model(H, lattice=a * np.eye(2), parameters={M: 0.3}, name="chain")
    half, across = np.diag([0.5, 0.0]), np.array([[0, 1], [0, 0]])
    blocks = {(0, 0): np.diag([0, -0.3]), (1, 0): half, (-1, 0): half, (0, 1): across, (0, -1): across.T}
    wanted = sg.LatticeModel(a * np.eye(2), blocks)
    assert model.name == "chain"
    assert_same(model.jet(K).hessian, wanted.jet(K).hessian, rtol=1e-11, floor=0.01)


def test_complex_parameters_keep_their_phase() -> None:
    model = sg.from_model(sympy.Matrix([[0, M * KX], [sympy.conjugate(M) * KX, 0]]), parameters={"m": 0.6 + 0.8j})
    assert_same(model.hamiltonian(K)[:, 0, 1], (0.6 + 0.8j) * K[:, 0], rtol=1e-14, floor=0.1)


EVIL = "__import__('os').system('touch evaluated')"


@pytest.mark.parametrize(
    ("found", "options", "error", "message"),
    [
        ("Matrix([[kx]])", {}, ArgumentTypeError, "text is never evaluated"),
        ([[KX, EVIL], [EVIL, 0]], {}, ArgumentTypeError, "must be SymPy expressions or numbers, got .__import__"),
        (sympy.Matrix([[KX]]), {"parameters": {"m": EVIL}}, ArgumentTypeError, "parameter m must be a finite number"),
        (sympy.Matrix([[M * KX]]), {}, ArgumentError, "a number for each symbol but kx, ky; it lacks m"),
        (sympy.Matrix([[KX]]), {"parameters": {"m": 1}}, ArgumentError, "it has m, which H does not contain"),
        (sympy.Matrix([[M]]), {}, ArgumentError, r"no kx, ky\[, kz\] among the symbols m; give momenta="),
        (sympy.Matrix([[KX]]), {"momenta": "kx"}, ArgumentError, "momenta must be two or three symbols"),
        (sympy.Matrix([[KX, 1]]), {}, ModelError, r"must be a square matrix, got rows of lengths \[2\]"),
        (sympy.Matrix([[sympy.Function("f")(KX)]]), {}, ArgumentError, r"the function f\(kx\) has no formula"),
        (sympy.Matrix([[0, KX], [2 * KX, 0]]), {}, ModelError, "must be Hermitian"),
        (sympy.Matrix([[KX]]), {"positions": [[0, 0]]}, ArgumentError, "positions does not apply to a SymPy matrix"),
    ],
)
def test_a_wrong_matrix_is_told_why(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, found: Any, options: dict[str, Any], error: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        sg.from_model(found, **options)
    assert not list(tmp_path.iterdir())


def test_names_of_symbols_are_never_evaluated(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    symbol = sympy.Symbol(EVIL)
    model = sg.from_model(sympy.Matrix([[symbol * KX]]), parameters={symbol: 2.0})
    assert_same(model.hamiltonian(K)[:, 0, 0], 2 * K[:, 0], rtol=1e-15, floor=0.1)
    assert not list(tmp_path.iterdir())
