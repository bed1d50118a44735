"""The matrix of an operation, from pairs of Hamiltonians that are one up to a known matrix."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaijk.symmetry.unitaries import find_unitary
from support import assert_same


def random_unitary(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0]


def random_hermitian(count: int, n: int, rng: np.random.Generator) -> np.ndarray:
    values = rng.normal(size=(count, n, n)) + 1j * rng.normal(size=(count, n, n))
    return values + values.conj().swapaxes(1, 2)


@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_the_matrix_is_found_up_to_a_phase(n: int):
    rng = np.random.default_rng(n)
    A, U = random_hermitian(6, n, rng), random_unitary(n, rng)
    match = find_unitary(A, U @ A @ U.conj().T, 1e-8, rng)
    assert match is not None
    phase = np.trace(U.conj().T @ match.unitary) / n
    assert abs(phase) == pytest.approx(1.0, abs=1e-10)
    assert_same(match.unitary, phase * U, rtol=1e-9, floor=0.1)


@pytest.mark.parametrize("seed", range(6))
def test_levels_that_stay_degenerate_at_all_k_leave_a_free_block_each(seed: int):
    """A_s = V diag(22 doublets) V^+: any 2 x 2 matrix solves a doublet's system, a good one must be invertible."""
    rng = np.random.default_rng(seed)
    V, U = random_unitary(44, rng), random_unitary(44, rng)
    A = V @ (np.repeat(rng.normal(size=(6, 22)), 2, axis=1)[:, :, None] * V.conj().T)
    match = find_unitary(A, U @ A @ U.conj().T, 1e-8, rng)
    assert match is not None
    assert_same(match.unitary @ A @ match.unitary.conj().T, U @ A @ U.conj().T, rtol=1e-10, floor=0.1)


def test_pairs_in_blocks_are_matched_as_blocks():
    """Spin up and down as copies: U is known up to a 2 x 2 matrix on the spins."""
    rng = np.random.default_rng(2)
    A = np.kron(random_hermitian(5, 6, rng), np.eye(2))
    U = random_unitary(12, rng)
    match = find_unitary(A, U @ A @ U.conj().T, 1e-8, rng)
    assert match is not None
    assert match.residual < 1e-10


def test_equal_spectra_are_not_enough():
    rng = np.random.default_rng(3)
    A = random_hermitian(6, 5, rng)
    B = np.array([U @ H @ U.conj().T for U, H in ((random_unitary(5, rng), H) for H in A)])
    assert_same(np.linalg.eigvalsh(A), np.linalg.eigvalsh(B), rtol=1e-10, floor=1.0)
    assert find_unitary(A, B, 1e-3, rng) is None


def test_an_approximate_symmetry_is_measured_by_its_levels():
    """A pair that the symmetry would make equal is split by 2 d: the shift is 2 d, whatever U does elsewhere."""
    rng = np.random.default_rng(4)
    d = 0.003
    big = np.kron(random_hermitian(6, 5, rng), np.eye(2))
    split = np.kron(np.eye(5), np.diag([d, -d]))
    match = find_unitary(big + split, big - split + 0 * big, 0.1, rng)
    assert match is not None
    exact = np.kron(np.eye(5), [[0, 1], [1, 0]])
    assert np.abs(exact @ (big + split) @ exact - (big - split)).max() < 1e-12
    assert match.shift.max() <= 2 * d * 1.001
    turned = random_unitary(10, rng)
    perturbed = turned @ (big + d * random_hermitian(6, 10, rng)) @ turned.conj().T
    rough = find_unitary(big, perturbed, 0.5, rng)
    assert rough is not None
    assert 1e-4 < rough.shift.max() < rough.residual < 0.1
