"""Standard perturbation theory: the dressed state of Eq. 4, its connection (Eq. 5) and its energy from Eq. 6.

The state ut_n = u_n + sum_m u_m e E.A_mn / (e_n - e_m) is normalised by dividing, as in Eq. 5. Its connection is taken
from links. Its energy is <H0> + e E.At less the field-free e E.A: the part of Eq. 6 that no gauge can change.
"""

from __future__ import annotations

import numpy as np

from ..arrays import ComplexArray, FloatArray, IntArray
from ..model import Model
from . import links
from .frames import Frames, frames, group_average, group_slices
from .route import Change


def admixture(at: Frames, fields: FloatArray) -> ComplexArray:
    """Amplitude e E.A_mn / (e_n - e_m) of u_m in the dressed state of band n (QIANG_2025, Eq. 4), (f, p, m, n)."""
    return at.along(fields) * at.inverse  # (4)


def change(model: Model, k: FloatArray, fields: FloatArray, label: IntArray, rate: FloatArray) -> Change:
    """The changes of Eqs. 5 and 7; remainders of order E**2 (connection) and E**3 (energy)."""
    stencil = links.Stencil.around(model, k, label, rate)
    centre = frames(model, k, label)
    mixed = admixture(centre, fields)
    around = admixture(stencil.frames, stencil.fields(fields))
    connection, error = links.connection_change(stencil, around, label)
    connection = connection + links.position_change(centre, mixed, label)
    bare = _bare_energy(centre, mixed, label)
    energy = bare + np.einsum("fpa,fpna->fpn", fields, connection)
    rounding = links.energy_conditioning(centre) * np.abs(bare)
    return Change(connection, error, energy, np.einsum("fpa,fpna->fpn", np.abs(fields), error) + rounding)


def _bare_energy(centre: Frames, mixed: ComplexArray, label: IntArray) -> FloatArray:
    """<H0> of the dressed states less the mean energy of the group: no large number is subtracted, (f, p, n)."""
    adjoint = mixed.conj().swapaxes(-1, -2)
    lifted = adjoint @ (centre.energy[:, :, None] * mixed)
    norm = adjoint @ mixed
    change = np.zeros_like(norm)
    for block in group_slices(label):
        mean = centre.energy[:, block].mean(axis=1)[:, None, None]
        grown = norm[..., block, block]
        raised = lifted[..., block, block] - mean * grown
        change[..., block, block] = np.linalg.solve(np.eye(grown.shape[-1]) + grown, raised)
    return group_average(change, label)
