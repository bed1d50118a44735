"""The T = 0 integral of a term over the closed Fermi contour of one tilted Dirac cone, to machine precision."""

from __future__ import annotations

import numpy as np

from contracts.random_models import values
from sigmaijk.models import tilted_dirac
from sigmaijk.term import Term

ANGLES = 256
"""The integrand is analytic and periodic in the angle: 128 points already give the same digits for t <= 0.6 v."""


def contour_integral(term: Term, t: float, mu: float, v: float = 1.0, m: float = 0.1, eta: int = 1) -> np.ndarray:
    """I_ijk = -int [dk] F delta(eps - mu) over the upper band, mu > |m|, |t| < v, natural units.

    In polar coordinates the delta function leaves k / |d eps/d k| at the root k(phi) of
    v**2 k**2 + m**2 = (mu - t k cos(phi))**2.
    """
    phi = 2 * np.pi * np.arange(ANGLES) / ANGLES
    tilt = t * np.cos(phi)
    a, b, c = v**2 - tilt**2, mu * tilt, mu**2 - m**2
    radius = (-b + np.sqrt(b**2 + a * c)) / a
    k = radius[:, None] * np.column_stack([np.cos(phi), np.sin(phi)])
    found = values(term, tilted_dirac(t, v, m, eta), k).take(1)
    np.testing.assert_allclose(found.energy, mu, rtol=1e-13)
    outward = tilt + v**2 * radius / np.sqrt(v**2 * radius**2 + m**2)
    weight = radius / outward * (2 * np.pi / ANGLES) / (2 * np.pi) ** 2
    return -np.einsum("p,pijk->ijk", weight, found.tensor)
