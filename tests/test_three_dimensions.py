"""Three-dimensional lattice models against reference values of Fermi-surface patches, 1e-9 and better."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg

X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
ONE = np.eye(2)


def crystal(onsite: np.ndarray, sines: dict[int, np.ndarray], cosines: dict[int, np.ndarray]) -> sg.LatticeModel:
    """H = onsite + sum_a (S_a sin k_a + C_a cos k_a) on the cubic lattice with a = 1 nm."""
    hoppings = {(0, 0, 0): onsite}
    for axis in range(3):
        R = tuple(int(axis == a) for a in range(3))
        block = 0.5 * (cosines.get(axis, 0 * onsite) - 1j * sines.get(axis, 0 * onsite))
        hoppings[R] = block
        hoppings[tuple(-r for r in R)] = block.conj().T
    return sg.LatticeModel(np.eye(3), hoppings)


def dirac(m: float = 0.1, b: float = 1.0, t: float = 0.9) -> sg.LatticeModel:
    """d = (sin kx, sin ky, sin kz, m - b sum (1 - cos k) + t sin kx) on four anticommuting matrices: doublets."""
    gammas = [np.kron(X, s) for s in (X, Y, Z)]
    mass = np.kron(Z, ONE)
    sines = {a: gammas[a] + (t * mass if a == 0 else 0) for a in range(3)}
    return crystal((m - 3 * b) * mass, sines, dict.fromkeys(range(3), b * mass))


def weyl(k0: float = 1.2, tilt: float = 0.25, a: float = 0.3, m: float = 2.0) -> sg.LatticeModel:
    """A two-band Weyl semimetal without inversion and time reversal."""
    sines = {0: X + tilt * ONE, 1: Y + 0j, 2: 0.5 * tilt * ONE}
    cosines = {0: -Z, 1: -Z, 2: -Z - a * X}
    return crystal((m + np.cos(k0)) * Z + a * X, sines, cosines)


CASES = [
    ("dirac", dirac, 0.5, -0.005805427276),
    ("weyl", weyl, 0.5, -0.0118910514984),
    ("weyl, tiny pockets", weyl, 0.05, 0.1009851524),
]


@pytest.mark.parametrize(("name", "factory", "mu", "expected"), CASES, ids=[case[0] for case in CASES])
def test_quantum_metric_term_has_its_reference_value(name: str, factory, mu: float, expected: float):
    model = factory()
    ds = sg.conductivity(model, mu, rtol=2e-2, terms="qm", components=["xyy"], progress=False)
    value = float(ds["qm_natural"].values[0, 0, 0, 1, 1])
    error = float(ds["qm_natural_error"].values[0, 0, 0, 1, 1])
    assert abs(value - expected) <= 3 * error
    assert error <= 3e-2 * abs(expected)
    assert ds.attrs["converged"] == 1


def test_tilted_weyl_cone_in_space_has_its_closed_form():
    """H = t kz + v k.sigma: the Fermi surface is k = mu/(v + t cos), and I_zzz of Drude an integral over cos alone."""
    v, t, mu = 1.0, 0.2, 0.3
    model = sg.ContinuumModel(
        lambda kx, ky, kz: [[t * kz + v * kz, v * (kx - 1j * ky)], [v * (kx + 1j * ky), t * kz - v * kz]], 3
    )
    ds = sg.conductivity(model, mu, rtol=1e-2, terms="drude", progress=False)
    # k(theta) = mu / (v + t cos), w^zz = v sin^2 / k, v_z = v cos + t, int d3k delta(E - mu) = k^2 / (v + t cos).
    c, weight = np.polynomial.legendre.leggauss(40)
    radius = mu / (v + t * c)
    expected = -(2 * np.pi * weight * radius * v * (1 - c**2) * (v * c + t) / (v + t * c)).sum() / (2 * np.pi) ** 3
    value, error = (float(ds[name].values[0, 0, 2, 2, 2]) for name in ("drude_natural", "drude_natural_error"))
    assert abs(value - expected) <= 3 * error
    assert value == pytest.approx(expected, rel=2e-2)
    assert abs(expected) > 1e-4
