"""Terms that vanish because k and -k cancel: found from the model itself, so that nobody integrates a zero.

Inversion makes E(-k) = E(k) and every integrand odd; time reversal makes those of the Drude and quantum metric terms
odd. An odd integrand on an even spectrum integrates to zero, whatever the mesh; adaptive refinement would only chase
the rounding of that cancellation.
"""

from __future__ import annotations

import numpy as np

from .levelset.samples import Cell
from .sampler import BandSampler

SHARES = np.array([1.0, 0.25, 0.0625])
"""How far out each pair k and -k lies, in the box of a continuum model: in one that is far too large, what breaks the
symmetry may fade outwards. For an analytic identity one pair would do; three guard against an accident."""
EVEN = 1e-10
"""Largest |E(k) - E(-k)| that counts as even, in units of the largest |E|."""
ODD = 1e-9
"""Largest |F(k) + F(-k)| that counts as odd, in units of the modulus of F."""


def odd_terms(sampler: BandSampler, cell: Cell) -> dict[str, float]:
    """Terms whose integrand is odd in k on an even spectrum, with the largest violation seen in units of the modulus.

    Judged at random k of the cell, whole pairs k and -k; a symmetry that holds there holds everywhere, because energies
    and integrands are analytic. A term whose modulus vanishes at every one of them is left to the integrator.
    """
    rng = np.random.default_rng(20251013)
    pairs = len(SHARES)
    k = cell.points(rng.random((pairs, cell.dim)))
    if not cell.periodic:
        k *= SHARES[:, None]
    n = sampler.wanted.stop - sampler.wanted.start
    if n == 0:
        return {}
    both = sampler(np.concatenate([k, -k]))
    energy, integrand = both.energy, both.integrand
    if np.abs(energy[:pairs] - energy[pairs:]).max() > EVEN * np.abs(energy).max():
        return {}
    found: dict[str, float] = {}
    for term in sampler.terms:
        modulus = integrand[:pairs, :, sampler.columns.modulus[term.name]]
        entries = integrand[..., sampler.columns.entries[term.name]]
        violation = np.abs(entries[:pairs] + entries[pairs:]).max(axis=-1)
        counted = modulus > 0
        if not counted.any():
            continue
        ratio = float((violation[counted] / modulus[counted]).max())
        if ratio <= ODD:
            found[term.name] = ratio
    return found
