"""The orders in the field of a route, read from its values at weak fields: connection to first, energy to second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from ..model import Model
from .route import Survey
from .routes import evaluate
from .wave_packet import Packet

FIELD_PARAMETER = 1e-4
"""e|E||A_mn|/|e_n - e_m| of the unit fields at each k. Parts odd and even in E leave a relative remainder of its
square, and no route forms differences of large numbers, so that a weak field costs no digits."""


@dataclass(frozen=True)
class Expansion:
    """What a route says of each band: At = A + polarization.E and et = e + E.stiffness.E (QIANG_2025, Eqs. 5, 7)."""

    polarization: FloatArray
    """d At_a / d E_b at E = 0, nm**2/eV, (p, n, a, b); found for each b, not assumed symmetric."""
    stiffness: FloatArray
    """Half of d2 et / d E_a d E_b, nm**2/eV, symmetric, (p, n, a, b)."""
    polarization_error: FloatArray
    stiffness_error: FloatArray


def expansion(model: Model, k: FloatArray, route: str, seen: Survey, packet: Packet | None = None) -> Expansion:
    """Both tensors at surveyed points: odd parts along each axis, even parts along axes and along their sums."""
    d = model.dim
    pairs = [(a, b) for a in range(d) for b in range(a + 1, d)]
    directions = np.concatenate([np.eye(d), [np.eye(d)[a] + np.eye(d)[b] for a, b in pairs]])
    largest = np.abs(seen.mixing).max(axis=(1, 2, 3))
    strength = np.divide(FIELD_PARAMETER, largest, out=np.ones_like(largest), where=largest > 0.0)
    fields = strength[:, None] * np.concatenate([directions, -directions])[:, None]
    options = {} if packet is None else {"packet": packet}
    found = evaluate(model, k, fields, route, seen, **options)
    count, scale = len(directions), strength[:, None]
    odd = 0.5 * (found.connection[:d] - found.connection[count : count + d]) / scale[..., None]
    odd_error = found.connection_error[:d] / scale[..., None]
    even = 0.5 * (found.energy[:count] + found.energy[count:]) / scale**2
    even_error = found.energy_error[:count] / scale**2
    stiffness = np.zeros((len(k), model.n_bands, d, d))
    stiffness_error = np.zeros_like(stiffness)
    for a in range(d):
        stiffness[..., a, a], stiffness_error[..., a, a] = even[a], even_error[a]
    for number, (a, b) in enumerate(pairs, start=d):
        stiffness[..., a, b] = stiffness[..., b, a] = 0.5 * (even[number] - even[a] - even[b])
        stiffness_error[..., a, b] = stiffness_error[..., b, a] = 0.5 * (
            even_error[number] + even_error[a] + even_error[b]
        )
    return Expansion(np.moveaxis(odd, 0, -1), stiffness, np.moveaxis(odd_error, 0, -1), stiffness_error)
