"""Eigenstates at points of k whose groups are those of a centre, and the arithmetic of matrices between them.

Shapes: p point, a direction, m n bands; a matrix X_mn has the bra first, so that its column n is a state of band n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, ComplexArray, FloatArray, IntArray
from ..bands import Groups, Multiplets, diagonalise
from ..model import Model


@dataclass(frozen=True)
class Frames:
    """Eigenpairs and connections at points (p,), all with the groups `label` (n,) that the caller fixed."""

    energy: FloatArray
    """(p, n), eV, sorted."""
    vectors: ComplexArray
    """Columns are the states in the model's basis, (p, N, n)."""
    inverse: FloatArray
    """1 / (e_n - e_m) from the mean energies of the groups, zero inside a group, (p, m, n)."""
    interband: ComplexArray
    """A^a_mn = <u_m|r_a|u_n> between groups, zero inside (below QIANG_2025, Eq. 4), nm, (p, a, m, n)."""
    position: ComplexArray | None
    """<u_m|A^W_a|u_n>, the model's own position matrices, (p, a, m, n); None if it has none."""

    def along(self, fields: FloatArray) -> ComplexArray:
        """The field e E.A_mn between groups for fields (f, p, a) in V/nm, eV, (f, p, m, n)."""
        return np.einsum("fpa,pamn->fpmn", fields, self.interband, optimize=True)


def frames(model: Model, points: FloatArray, label: IntArray) -> Frames:
    """The frames of a model at points (..., dim), flattened to (p,)."""
    k = points.reshape(-1, model.dim)
    jet = model.jet(k, 1)
    vectors, found = diagonalise(jet, k, 0.0)
    averaging = averaging_matrix(label)
    groups = Groups(found.energy, np.broadcast_to(label, found.energy.shape), found.energy @ averaging)
    bands = Multiplets(jet, vectors, groups, slice(None))
    difference = groups.mean[:, None, :] - groups.mean[:, :, None]
    outside = np.broadcast_to(label[:, None] != label[None, :], difference.shape)
    position = None
    if jet.connection is not None:
        position = vectors.conj().swapaxes(1, 2)[:, None] @ jet.connection @ vectors[:, None]
    return Frames(
        energy=found.energy,
        vectors=vectors,
        inverse=np.divide(1.0, difference, out=np.zeros_like(difference), where=outside),
        interband=bands.interband_connection,
        position=position,
    )


def averaging_matrix(label: IntArray) -> FloatArray:
    """(n, n) that replaces a number per band by the mean over its group."""
    same = label[:, None] == label[None, :]
    return same / same.sum(axis=1, keepdims=True)


def inside(label: IntArray) -> BoolArray:
    """(m, n): both bands belong to one group."""
    return label[:, None] == label[None, :]


def group_slices(label: IntArray) -> list[slice]:
    """The contiguous bands of each group."""
    starts = np.flatnonzero(np.diff(label, prepend=label[0] - 1))
    return [slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], len(label)], strict=True)]


def group_average(matrix: ComplexArray, label: IntArray) -> FloatArray:
    """Real trace over each group divided by its size, of matrices (..., n, n): (..., n)."""
    return np.diagonal(matrix, axis1=-2, axis2=-1).real @ averaging_matrix(label)


def aligning(centre: ComplexArray, vectors: ComplexArray, label: IntArray) -> ComplexArray:
    """Unitary matrices (..., n, n), diagonal in the groups, that turn `vectors` into the gauge of `centre`.

    Within each group the overlap <centre|turned> is Hermitian and positive (for a band alone: real and positive),
    which is parallel transport from the centre to first order, and smooth beyond.
    """
    overlap = centre.conj().swapaxes(-1, -2) @ vectors
    turn = np.zeros_like(overlap)
    for block in group_slices(label):
        part = overlap[..., block, block]
        if part.shape[-1] == 1:
            turn[..., block, block] = part.conj() / np.abs(part)
        else:
            left, _, right = np.linalg.svd(part)
            turn[..., block, block] = (left @ right).conj().swapaxes(-1, -2)
    return turn
