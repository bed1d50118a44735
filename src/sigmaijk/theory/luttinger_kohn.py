"""The Luttinger-Kohn approach: a unitary exp(S) removes the interband part of the field to first order.

S solves the Luttinger-Kohn condition, which is Eq. 19. The transformed Hamiltonian (Eq. 18) is built to second order in
the gauge that is parallel-transported from k, where the intraband i d_k vanishes: its diagonal is the energy, and what
is left between groups is the residue, of second order in E. The connection is that of the states U exp(S).
"""

from __future__ import annotations

from math import factorial

import numpy as np

from ..arrays import ComplexArray, FloatArray, IntArray
from ..model import Model
from . import links
from .frames import Frames, aligning, frames, group_average, inside
from .route import Change


def generator(at: Frames, fields: FloatArray) -> ComplexArray:
    """S_mn = e E.A_mn / (e_n - e_m), anti-Hermitian, zero inside a group (QIANG_2025, Eq. 19), (f, p, m, n)."""
    return at.along(fields) * at.inverse  # (19)


def rotation(S: ComplexArray) -> ComplexArray:
    """exp(S) - 1 as its power series to rounding: no digit is lost for a small S, and no S here is large."""
    size = float(np.linalg.norm(S, axis=(-2, -1)).max(initial=0.0))
    last = 2
    while size**last > links.EPSILON * factorial(last + 1):
        last += 1
    series = one = np.eye(S.shape[-1])
    for order in range(last, 1, -1):
        series = one + S @ series / order
    return S @ series


def change(model: Model, k: FloatArray, fields: FloatArray, label: IntArray, rate: FloatArray) -> Change:
    """The changes of Sec. 4; the energy is Eq. 18 to second order, the connection has a remainder of order E**2."""
    stencil = links.Stencil.around(model, k, label, rate)
    centre = frames(model, k, label)
    S, around = generator(centre, fields), generator(stencil.frames, stencil.fields(fields))
    connection, error = links.connection_change(stencil, rotation(around), label)
    connection = connection + links.position_change(centre, rotation(S), label)
    first, second = transformed(centre, fields, S, _slope(stencil, centre, fields, around, label), label)
    left = np.where(inside(label), 0.0, first + second)
    energy = group_average(second, label)
    return Change(
        connection,
        error,
        energy,
        links.energy_conditioning(centre) * np.abs(energy) + links.EPSILON * np.abs(second).max(axis=(2, 3))[..., None],
        residue=np.abs(left).max(axis=(2, 3)),
    )


def transformed(
    centre: Frames, fields: FloatArray, S: ComplexArray, slope: ComplexArray, label: IntArray
) -> tuple[ComplexArray, ComplexArray]:
    """First and second order of the transformed Hamiltonian (QIANG_2025, Eq. 18) at lambda = 1, eV, (f, p, m, n).

    `slope` is E.d_k S. In the parallel-transported gauge e E.i d_k is e i E.d_k plus its interband matrix V, and within
    a group it has only what the model's position matrices give.
    """
    V = centre.along(fields)
    if centre.position is not None:
        within = np.where(inside(label), centre.position, 0.0)
        V = V + np.einsum("fpa,pamn->fpmn", fields, within)
    energy = centre.energy
    commutator = (energy[:, :, None] - energy[:, None, :]) * S
    first = np.where(inside(label), 0.0, V + commutator)
    second = 1j * slope + (V @ S - S @ V) + 0.5 * (commutator @ S - S @ commutator)  # (18)
    return first, second


def _slope(
    stencil: links.Stencil, centre: Frames, fields: FloatArray, around: ComplexArray, label: IntArray
) -> ComplexArray:
    """E.d_k S in the gauge parallel-transported from the centre, (f, p, m, n)."""
    vectors = stencil.frames.vectors.reshape(*stencil.shape, *stencil.frames.vectors.shape[1:])
    turn = aligning(centre.vectors, vectors, label)
    smooth = turn.conj().swapaxes(-1, -2) @ stencil.unfold(around) @ turn
    length = 2.0 * links.NODES[:, None] * stencil.step
    slopes = (smooth[:, :, :, 1] - smooth[:, :, :, 0]) / length[..., None, None]
    return np.einsum("fpa,j,fajpmn->fpmn", fields, links.extrapolation(links.NODES**2), slopes, optimize=True)
