"""Eq. 20 of the founding paper: its closed-form spectrum, derivatives and symmetries."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaijk.errors import ArgumentError, ArgumentTypeError
from sigmaijk.models import dirac_pt
from support import assert_forbidden, assert_same

K = np.random.default_rng(8).uniform(-1, 1, size=(40, 2))
PARAMETERS = {"v": 1.2, "m": 0.15, "b": 0.8, "t": 0.7}
SIGMA_Y = np.array([[0, -1j], [1j, 0]])


def mass(k: np.ndarray) -> np.ndarray:
    """M - b k**2 + t kx."""
    return PARAMETERS["m"] - PARAMETERS["b"] * (k**2).sum(axis=1) + PARAMETERS["t"] * k[:, 0]


def test_levels_are_two_pairs_at_the_printed_energy():
    """+-sqrt(v**2 k**2 + (m - b k**2 + t kx)**2), each twice."""
    energy = np.sqrt(PARAMETERS["v"] ** 2 * (K**2).sum(axis=1) + mass(K) ** 2)
    expected = np.stack([-energy, -energy, energy, energy], axis=1)
    assert_same(np.linalg.eigvalsh(dirac_pt(**PARAMETERS).hamiltonian(K)), expected, rtol=1e-14, floor=0.1)


def test_derivatives_in_every_direction_are_those_of_the_clifford_components():
    """H = d.Gamma with d_x d = (v, 0, t - 2 b kx), d_y d = (0, v, -2 b ky); b alone gives second derivatives."""
    v, b, t = PARAMETERS["v"], PARAMETERS["b"], PARAMETERS["t"]
    sigma_x, sigma_z, one = np.array([[0, 1], [1, 0]]), np.array([[1, 0], [0, -1]]), np.eye(2)
    gammas = np.array([np.kron(sigma_x, sigma_x), np.kron(sigma_x, SIGMA_Y), np.kron(sigma_z, one)])
    model = dirac_pt(**PARAMETERS)
    first = np.zeros((len(K), 2, 3))
    first[:, 0, 0], first[:, 0, 2], first[:, 1, 1], first[:, 1, 2] = v, t - 2 * b * K[:, 0], v, -2 * b * K[:, 1]
    assert_same(model.derivatives(K), np.einsum("kdg,gij->kdij", first, gammas), rtol=1e-14, floor=0.1)
    second = np.einsum("ab,ij->abij", -2 * b * np.eye(2), gammas[2])
    assert_same(model.derivatives(K, 2), np.broadcast_to(second, (len(K), 2, 2, 4, 4)) + 0j, rtol=1e-14, floor=0.1)


def test_pt_is_an_antiunitary_symmetry_at_every_k():
    """PT = tau_z i sigma_y K: U H(k)* U^+ = H(k) with U = tau_z x i sigma_y, whose square is -1 (Kramers pairs)."""
    H = dirac_pt(**PARAMETERS).hamiltonian(K)
    U = np.kron(np.diag([1, -1]), 1j * SIGMA_Y)
    np.testing.assert_array_equal(U @ U.conj(), -np.eye(4))
    assert_same(U @ H.conj() @ U.conj().T, H, rtol=1e-15, floor=0.1)


def test_only_the_tilt_breaks_inversion():
    """P = tau_z: H(-k) = tau_z H(k) tau_z at t = 0; at t the difference is 2 t kx tau_z."""
    P = np.diag([1, 1, -1, -1])

    def broken(t: float) -> np.ndarray:
        model = dirac_pt(**{**PARAMETERS, "t": t})
        return P @ model.hamiltonian(K) @ P - model.hamiltonian(-K)

    assert_same(broken(0.7), 1.4 * K[:, 0, None, None] * P + 0j, rtol=1e-14, floor=0.1)
    assert_forbidden(broken(0.0), broken(0.7), rtol=1e-15)


def test_defaults_are_those_of_figure_2():
    model = dirac_pt()
    assert model.name == "dirac_pt(v=1.0, m=0.1, b=1.0, t=0.9)"
    assert (model.dim, model.n_bands, model.spin_degeneracy, model.periodic) == (2, 4, 1, False)


@pytest.mark.parametrize(
    ("parameters", "error", "problem"),
    [
        ({"m": np.nan}, ArgumentError, "m must be finite, got nan"),
        ({"t": "0.9"}, ArgumentTypeError, r"t must be a number, got '0.9' \(str\)"),
        ({"v": True}, ArgumentTypeError, "v must be a number, got True"),
    ],
)
def test_parameters_must_be_finite_numbers(parameters, error, problem):
    with pytest.raises(error, match=problem):
        dirac_pt(**parameters)
