"""The tilted cone: its spectrum, its Berry curvature from H alone, and its time-reversed partner."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaijk.errors import ArgumentError
from sigmaijk.models import tilted_dirac
from support import assert_same

K = np.random.default_rng(9).uniform(-0.5, 0.5, size=(40, 2))


@pytest.mark.parametrize("eta", [1, -1])
def test_levels_are_the_tilted_hyperbola(eta):
    """t kx +- sqrt(v**2 k**2 + m**2), whatever the chirality."""
    root = np.sqrt(1.44 * (K**2).sum(axis=1) + 0.04)
    expected = 0.3 * K[:, :1] + np.stack([-root, root], axis=1)
    model = tilted_dirac(0.3, v=1.2, m=0.2, eta=eta)
    assert_same(np.linalg.eigvalsh(model.hamiltonian(K)), expected, rtol=1e-14, floor=0.1)


@pytest.mark.parametrize("eta", [1, -1])
def test_lower_band_has_the_textbook_curvature_with_the_sign_of_eta(eta):
    """Omega_xy = eta v**2 m / (2 (v**2 k**2 + m**2)**1.5), from -2 Im <n|d_x H|m><m|d_y H|n>/(e_n - e_m)**2."""
    v, m = 1.2, 0.2
    model = tilted_dirac(0.3, v, m, eta)
    energy, states = np.linalg.eigh(model.hamiltonian(K))
    rate = np.einsum("kia,kdij,kjb->kdab", states.conj(), model.derivatives(K), states)
    actual = -2 * (rate[:, 0, 0, 1] * rate[:, 1, 1, 0]).imag / (energy[:, 0] - energy[:, 1]) ** 2
    expected = eta * v**2 * m / (2 * (v**2 * (K**2).sum(axis=1) + m**2) ** 1.5)
    assert_same(actual, expected, rtol=1e-12, floor=0.1)


def test_time_reversal_gives_the_cone_of_opposite_tilt_and_chirality():
    """sigma_z H(-k)* sigma_z is the cone with -t and -eta."""
    Z = np.diag([1, -1])
    reversed_cone = Z @ tilted_dirac(0.3).hamiltonian(-K).conj() @ Z
    assert_same(reversed_cone, tilted_dirac(-0.3, eta=-1).hamiltonian(K), rtol=1e-15, floor=0.1)


def test_the_name_carries_the_parameters():
    model = tilted_dirac(0.3, eta=-1)
    assert model.name == "tilted_dirac(t=0.3, v=1.0, m=0.1, eta=-1)"
    assert (model.dim, model.n_bands) == (2, 2)


def test_chirality_is_plus_or_minus_one_and_the_rest_is_finite():
    with pytest.raises(ArgumentError, match="eta must be 1 or -1, got 2"):
        tilted_dirac(0.3, eta=2)
    with pytest.raises(ArgumentError, match="t must be finite, got inf"):
        tilted_dirac(np.inf)
