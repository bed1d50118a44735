"""Berry connections from links between neighbouring states, with the same eigenvectors with and without field.

dA.d = -[arg <ut(k - d/2)|ut(k + d/2)> - arg <u(k - d/2)|u(k + d/2)>], a group: arg det of the overlaps, over its size.
No gauge enters. A dressed state is ut_n = sum_m u_m (1 + T)_mn with a small T; only the T part is ever formed, so the
phase keeps its digits however weak the field. Steps s, 2s, 3s, 4s are extrapolated to zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import ComplexArray, FloatArray, IntArray
from ..model import Model
from .frames import Frames, frames, group_average, group_slices

STEP = 0.014
"""First step in units of 1/rate: on random models truncation and rounding are below 1e-10 of the change."""
NODES = np.arange(1.0, 5.0)
EPSILON = float(np.finfo(float).eps)


def extrapolation(squares: FloatArray) -> FloatArray:
    """Weights that extrapolate an even function from the squares of its arguments to zero."""
    weights = np.ones(len(squares))
    for j, own in enumerate(squares):
        others = np.delete(squares, j)
        weights[j] = (others / (others - own)).prod()
    return weights


@dataclass(frozen=True)
class Stencil:
    """Frames around each point: (direction, node, side) x point, with side 0 at -d/2 and side 1 at +d/2."""

    step: FloatArray
    """Distance of node 1 from the point, 1/nm, (p,)."""
    frames: Frames
    """Flat over (direction, node, side, p)."""
    overlap: ComplexArray
    """<u_m(-)|u_n(+)>, (direction, node, p, m, n)."""
    shape: tuple[int, int, int, int]
    """(direction, node, side, p)."""

    @classmethod
    def around(cls, model: Model, k: FloatArray, label: IntArray, rate: FloatArray) -> Stencil:
        """The stencil of each point of a batch."""
        step = STEP / rate
        signed = np.array([-1.0, 1.0]) * NODES[:, None]
        offset = np.einsum("js,ab,p->ajspb", signed, np.eye(model.dim), step)
        found = frames(model, k + offset, label)
        shape = (model.dim, len(NODES), 2, len(k))
        vectors = found.vectors.reshape(*shape, *found.vectors.shape[1:])
        overlap = vectors[:, :, 0].conj().swapaxes(-1, -2) @ vectors[:, :, 1]
        return cls(step, found, overlap, shape)

    def fields(self, fields: FloatArray) -> FloatArray:
        """Fields (f, p, dim) at all points of the stencil, flat, (f, P, dim)."""
        a, j, s, p = self.shape
        return np.broadcast_to(fields[:, None], (len(fields), a * j * s, p, a)).reshape(len(fields), -1, a)

    def unfold(self, flat: np.ndarray) -> np.ndarray:
        """(f, P, ...) as (f, direction, node, side, p, ...)."""
        return flat.reshape(len(flat), *self.shape, *flat.shape[2:])


def connection_change(stencil: Stencil, small: ComplexArray, label: IntArray) -> tuple[FloatArray, FloatArray]:
    """Change of the i d_k part of the connection and its error, (f, p, n, dim), from T (f, P, m, n) on the stencil."""
    parts = stencil.unfold(small)
    left, right = parts[:, :, :, 0].conj().swapaxes(-1, -2), parts[:, :, :, 1]
    added = left @ stencil.overlap + stencil.overlap @ right + left @ stencil.overlap @ right
    length = 2.0 * NODES[:, None] * stencil.step
    slopes = -_phases(stencil.overlap, added, label) / length[:, :, None]
    best = np.einsum("j,fajpn->fpna", extrapolation(NODES**2), slopes)
    shorter = np.einsum("j,fajpn->fpna", extrapolation(NODES[:-1] ** 2), slopes[:, :, :-1])
    energy = stencil.frames.energy
    conditioning = np.abs(energy).max(axis=1) * np.abs(stencil.frames.inverse).max(axis=(1, 2))
    conditioning = np.maximum(1.0, conditioning.reshape(stencil.shape).max(axis=(0, 1, 2)))
    size = np.abs(parts).max(axis=(1, 2, 3, 5, 6))
    rounding = 16.0 * EPSILON * conditioning * size / stencil.step
    return best, np.abs(best - shorter) + rounding[:, :, None, None]


def _phases(bare: ComplexArray, added: ComplexArray, label: IntArray) -> FloatArray:
    """The angle arg det(bare + added) - arg det(bare) over the size of each group, (f, a, j, p, n)."""
    phases = np.empty(added.shape[:-1])
    for block in group_slices(label):
        base, extra = bare[..., block, block], added[..., block, block]
        if base.shape[-1] == 1:
            phases[..., block] = np.angle(1.0 + (extra / base)[..., 0])
            continue
        ratio = np.linalg.solve(np.broadcast_to(base, extra.shape), extra)
        turned = np.angle(1.0 + np.linalg.eigvals(ratio)).mean(axis=-1)
        phases[..., block] = turned[..., None]
    return phases


def position_change(centre: Frames, small: ComplexArray, label: IntArray) -> FloatArray:
    """Change of the connection by the model's position matrices, <ut|A^W|ut> - <u|A^W|u>, (f, p, n, dim).

    `small` is T at the points themselves, (f, p, m, n). Zero for a model without such matrices.
    """
    f, p, n, _ = small.shape
    if centre.position is None:
        return np.zeros((f, p, n, centre.interband.shape[1]))
    T, A = small[:, :, None], centre.position
    adjoint = T.conj().swapaxes(-1, -2)
    numerator = A @ T + adjoint @ A + adjoint @ A @ T
    norm = T + adjoint + adjoint @ T
    change = np.zeros_like(numerator)
    for block in group_slices(label):
        extra, grown = numerator[..., block, block], norm[..., block, block]
        bare = A[..., block, block]
        inverse = np.linalg.inv(np.eye(grown.shape[-1]) + grown)
        change[..., block, block] = inverse @ (extra - grown @ bare)
    return np.moveaxis(group_average(change, label), 2, 3)


def energy_conditioning(centre: Frames) -> FloatArray:
    """Relative rounding error of a second-order energy, (p, 1)."""
    ratio = np.abs(centre.energy).max(axis=1) * np.abs(centre.inverse).max(axis=(1, 2))
    return 8.0 * EPSILON * np.maximum(1.0, ratio)[:, None]
