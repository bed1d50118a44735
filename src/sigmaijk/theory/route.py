"""Contract of a route: from a Bloch Hamiltonian and fields to the changes of Berry connection and band energy.

A route is a module with `change(model, k, fields, label, rate) -> Change`. The points k (p, dim) share the groups
`label` (n,); fields (f, p, dim) are in V/nm, the charge is -e, so that H = H0 + e E.r with e = 1; `rate` (p,) in nm is
how fast the states turn with k, and sets the steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import ComplexArray, FloatArray, IntArray
from ..bands import diagonalise, select
from ..model import HamiltonianJet, Model
from .frames import frames, inside

CHUNK_BYTES = 16_000_000
"""Workspace of one batch of a survey."""


@dataclass(frozen=True)
class Change:
    """What a field does to each band; bands of a group carry the group's mean."""

    connection: FloatArray
    """Modified less field-free Berry connection, nm, (f, p, n, dim)."""
    connection_error: FloatArray
    """Its numerical error: rounding and truncation, not the higher orders in E, (f, p, n, dim)."""
    energy: FloatArray
    """Modified less field-free energy without the gauge-dependent e E.A, eV, (f, p, n)."""
    energy_error: FloatArray
    residue: FloatArray | None = None
    """Largest interband element left in the transformed Hamiltonian, eV, (f, p); Luttinger-Kohn only."""


@dataclass(frozen=True)
class Survey:
    """What must be known of a batch of k before any field is switched on."""

    energy: FloatArray
    """(p, n), eV."""
    label: IntArray
    """Group of each band, (p, n)."""
    rate: FloatArray
    """1/rate is the shortest distance in k over which states or H change, nm, (p,)."""
    mixing: ComplexArray
    """A^a_mn / (e_n - e_m), nm/eV: the admixture of m into n per field along a, zero inside a group, (p, a, m, n)."""

    def patterns(self) -> list[tuple[IntArray, IntArray]]:
        """Label (n,) and indices of the points that share it."""
        kinds, which = np.unique(self.label, axis=0, return_inverse=True)
        return [(label, np.flatnonzero(which.ravel() == number)) for number, label in enumerate(kinds)]


def survey(model: Model, k: FloatArray, degeneracy_tol: float) -> Survey:
    """Groups, rates and unit-field admixtures at k (p, dim)."""
    p, d, n = len(k), model.dim, model.n_bands
    found = Survey(
        np.empty((p, n)), np.empty((p, n), dtype=np.int64), np.empty(p), np.empty((p, d, n, n), dtype=np.complex128)
    )
    size = max(1, CHUNK_BYTES // (16 * n * n * (4 + 4 * d + d * d)))
    for start in range(0, p, size):
        batch = slice(start, start + size)
        jet = model.jet(k[batch], 2)
        vectors, groups = diagonalise(jet, k[batch], degeneracy_tol)
        found.energy[batch], found.label[batch] = groups.energy, groups.label
        found.rate[batch] = intrinsic_rate(model)
        kinds = Survey(groups.energy, groups.label, found.rate[batch], found.mixing[batch])
        for label, index in kinds.patterns():
            here = frames(model, k[batch][index], label)
            found.mixing[batch][index] = here.interband * here.inverse[:, None]
            turning = _turning(select(jet, index), vectors[index], here.inverse, label)
            found.rate[batch][index] = np.maximum(found.rate[batch][index], turning)
    return found


def intrinsic_rate(model: Model) -> float:
    """The longest hopping of a lattice model, 1/scale of a continuum model, nm."""
    if not model.periodic:
        return 1.0 / model.scale
    lengths = np.linalg.norm(np.linalg.inv(model.reciprocal) * 2.0 * np.pi, axis=0)
    return float(np.maximum(model.hopping_range, 1) @ lengths)


def _turning(jet: HamiltonianJet, vectors: ComplexArray, inverse: FloatArray, label: IntArray) -> FloatArray:
    """Largest of (|V_mn| + |v_m - v_n|)/gap and sqrt(|d d H|/gap) between groups, (p,)."""
    rotated = vectors.conj().swapaxes(1, 2)[:, None] @ jet.gradient @ vectors[:, None]
    slope = np.diagonal(rotated, axis1=2, axis2=3).real
    between = np.where(inside(label), 0.0, np.linalg.norm(rotated, axis=1))
    relative = np.linalg.norm(slope[:, :, :, None] - slope[:, :, None, :], axis=1)
    pairs = (between + relative) * np.abs(inverse)
    assert jet.hessian is not None
    n = jet.hessian.shape[-1]
    common = np.trace(jet.hessian, axis1=-2, axis2=-1)[..., None, None] * np.eye(n) / n
    bending = np.abs(jet.hessian - common).sum(axis=-1).max(axis=(1, 2, 3))
    curved = np.sqrt(bending * np.abs(inverse).max(axis=(1, 2)))
    return np.maximum(pairs.max(axis=(1, 2)), curved)
