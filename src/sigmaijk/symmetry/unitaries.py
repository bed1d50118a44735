"""The matrix U of an operation, from H itself: U A_s = B_s U for A_s = H(k_s) (or its conjugate) and B_s = H(g k_s).

One mixture of the A_s is diagonalised, and the same mixture of the B_s; U is then block-diagonal between the two sets
of eigenvectors, and the blocks follow from a small linear system. For an exact symmetry that is all. For an approximate
one U is improved by U <- polar(sum_s B_s U A_s), which lowers sum_s |U A_s - B_s U|**2 at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import ComplexArray, FloatArray

TRIES = 2
"""Mixtures tried until one gives an invertible U."""
SWEEPS = 25
FITTED = 6
"""Points that U is fitted to; all of them judge it."""
SINGULAR = 0.05
"""Smallest singular value, beside the largest, below which a solution of the linear system is not taken for U."""
SMALL = 0.01
"""Share of the limit below which a residual needs no further look."""
ALTERNATIONS = 8
"""Projections on the solutions of the linear system and on the unitary matrices in turn, to be far from singular."""
MOST_UNKNOWNS = 700
"""Beyond this the linear system is left to another mixture."""


@dataclass(frozen=True)
class Match:
    """A unitary and how far it is from what it should do."""

    unitary: ComplexArray
    residual: float
    """Largest |U A_s U^+ - B_s| (2-norm), eV."""
    shift: FloatArray
    """Twice the largest shift of a level when B_s is replaced by the mean of B_s and U A_s U^+, at each point, eV: the
    distance of levels that the symmetry would make equal, such as the splitting of a pair."""


def find_unitary(A: ComplexArray, B: ComplexArray, limit: float, rng: np.random.Generator) -> Match | None:
    """U with |U A_s U^+ - B_s| <= limit (eV) for matrices (s, n, n), or None; energies closer than it stay together."""
    few_A, few_B = A[:FITTED], B[:FITTED]
    for _ in range(TRIES):
        weights = rng.normal(size=len(few_A))
        weights /= np.abs(weights).sum()
        left = np.linalg.eigh(np.tensordot(weights, few_A, axes=1))
        right = np.linalg.eigh(np.tensordot(weights, few_B, axes=1))
        if np.abs(left[0] - right[0]).max() > limit:
            return None  # 2-norms bound the distance of eigenvalues, so no U can do
        U = _start(few_A, few_B, left, right, limit, rng)
        if U is None:
            continue
        if np.linalg.norm(U @ few_A @ U.conj().T - few_B, axis=(1, 2)).max() > SMALL * limit:
            U = _refined(U, few_A, few_B)
        match = judged(U, A, B, limit)
        if match is not None:
            return match
    return None


def judged(U: ComplexArray, A: ComplexArray, B: ComplexArray, limit: float) -> Match | None:
    """A unitary with its residual and shifts, or None if |U A_s U^+ - B_s| exceeds the limit (eV)."""
    turned = U @ A @ U.conj().T
    bound = np.linalg.norm(turned - B, axis=(1, 2))  # Frobenius: not below the 2-norm, and much cheaper
    if bound.max() <= SMALL * limit:
        return Match(U, float(bound.max()), bound)
    residual = float(np.linalg.norm(turned - B, 2, axis=(1, 2)).max())
    if residual > limit:
        return None
    moved = np.linalg.eigvalsh(0.5 * (turned + B)) - np.linalg.eigvalsh(B)
    return Match(U, residual, 2.0 * np.abs(moved).max(axis=1))


Eigen = tuple[FloatArray, ComplexArray]


def _start(
    A: ComplexArray, B: ComplexArray, left_pairs: Eigen, right_pairs: Eigen, limit: float, rng: np.random.Generator
) -> ComplexArray | None:
    energy, V = left_pairs
    W = right_pairs[1]
    scale = max(float(np.ptp(energy)), 1e-300)
    together = np.diff(energy) < max(0.5 * limit, 1e-7 * scale)
    label = np.concatenate([[0], np.cumsum(~together)])
    left, right = np.nonzero(label[:, None] == label[None, :])  # the unknown entries X[left, right]
    if len(left) > MOST_UNKNOWNS:
        return None
    inner = V.conj().T @ A @ V
    outer = W.conj().T @ B @ W
    gram = -2.0 * np.einsum("sab,sab->ab", inner.conj()[:, right][:, :, right], outer[:, left][:, :, left])
    squares = np.einsum("sab,scb->ac", inner, inner.conj())  # sum_s A_s A_s^+
    turned = np.einsum("sba,sbc->ac", outer.conj(), outer)
    gram += (left[:, None] == left) * squares[right][:, right].T + (right[:, None] == right) * turned[left][:, left]
    values, vectors = np.linalg.eigh(gram)
    count = len(A) * scale**2
    null = values <= max(values[0] * 2, count * 1e-12, len(A) * (0.25 * limit) ** 2)
    space = vectors[:, null]
    X = np.zeros((len(V), len(V)), dtype=np.complex128)
    amplitude = rng.normal(size=space.shape[1]) + 1j * rng.normal(size=space.shape[1])
    one, other, singular = X, X, np.zeros(len(V))
    for _ in range(ALTERNATIONS):
        X[left, right] = space @ amplitude
        one, singular, other = np.linalg.svd(X)
        if singular[-1] > 0.5 * singular[0]:
            break
        amplitude = space.conj().T @ (one @ other)[left, right]
    if singular[-1] < SINGULAR * singular[0]:
        return None
    return W @ one @ other @ V.conj().T


def _refined(U: ComplexArray, A: ComplexArray, B: ComplexArray) -> ComplexArray:
    centre = np.trace(A, axis1=1, axis2=2).real / A.shape[1]
    identity = np.eye(A.shape[1])
    A, B = (matrices - centre[:, None, None] * identity for matrices in (A, B))
    # |A|_2 makes both sides positive, so that every step climbs.
    shift = np.abs(np.linalg.eigvalsh(A)).max(axis=1)[:, None, None] * identity
    A, B = A + shift, B + shift
    best = -np.inf
    for _ in range(SWEEPS):
        product = (B @ U @ A).sum(axis=0)
        height = float(np.einsum("ab,ab->", U.conj(), product).real)
        if height <= best * (1 + 1e-13):
            break
        best = height
        one, _, other = np.linalg.svd(product)
        U = one @ other
    return U
