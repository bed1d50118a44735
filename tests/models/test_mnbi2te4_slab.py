"""The MnBi2Te4 slab: the printed Hamiltonian, its symmetries and its gap."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError, ArgumentTypeError
from sigmaijk.models import mnbi2te4_slab
from support import assert_forbidden, assert_same

K = np.random.default_rng(4).uniform(-8, 8, size=(30, 2))
ONE = np.eye(2)
SX, SY, SZ = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
THIRD = np.array([[-0.5, -np.sqrt(0.75)], [np.sqrt(0.75), -0.5]])
"""C_3z."""


def printed_bulk(k: np.ndarray, kz: float, t4: float) -> np.ndarray:
    """Eq. S7 with Eqs. S8 and S9, in angstrom, at k in 1/nm and kz az."""
    a, az = 4.334, 13.64
    x, y = 0.1 * a * k[:, 0], 0.1 * a * k[:, 1]
    k1, k2, k3 = (q[:, None, None] for q in (x, 0.5 * (-x + np.sqrt(3) * y), 0.5 * (-x - np.sqrt(3) * y)))
    e0, e5 = -0.0048 + 2 * 2.7232 / az**2, -0.1165 + 2 * 11.9048 / az**2 + 4 * 9.4048 / a**2
    t1, t3z, t5 = -3.1964 / (3 * a), -4.0535 / (2 * az), 2 * 9.4048 / (3 * a**2)
    return (
        (e0 - 2 * 2.7232 / az**2 * np.cos(kz)) * np.eye(4)
        - t1 * (2 * np.sin(k1) - np.sin(k2) - np.sin(k3)) * np.kron(SX, SX)
        - np.sqrt(3) * t1 * (np.sin(k2) - np.sin(k3)) * np.kron(SY, SX)
        - 2 * t3z * np.sin(kz) * np.kron(SZ, SX)
        - 2 * t4 * (np.sin(k1) + np.sin(k2) + np.sin(k3)) * np.kron(ONE, SY)
        + (e5 - 2 * t5 * (np.cos(k1) + np.cos(k2) + np.cos(k3)) - 2 * 11.9048 / az**2 * np.cos(kz)) * np.kron(ONE, SZ)
    )


def test_one_layer_and_the_hops_between_layers_make_the_printed_bulk():
    """Blocks of three layers at kz: within + onward exp(i kz az) + conjugate, with the moments taken off."""
    matrices = mnbi2te4_slab(t4=0.013, layers=3).hamiltonian(K)
    within = matrices[:, :4, :4] + 0.03 * np.kron(SZ, ONE)
    onward = matrices[:, :4, 4:8]
    for kz in (0.0, 0.7, 2.0):
        hop = onward * np.exp(1j * kz)
        found = within + hop + hop.conj().swapaxes(-1, -2)
        assert_same(found, printed_bulk(K, kz, 0.013), rtol=1e-13, floor=0.1)
    assert_same(matrices[:, 4:8, 4:8] - matrices[:, :4, :4], [0.06 * np.kron(SZ, ONE)] * len(K), rtol=1e-12, floor=0.01)
    assert not matrices[:, :4, 8:].any()


def test_two_layers_have_the_known_gap_and_double_levels():
    """0.1816 eV at Gamma (0.183 on midpoints of 240^2 that miss it); a single layer has neither PT nor pairs."""
    ticks = (np.arange(240) + 0.5) / 240
    grid = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    model = mnbi2te4_slab()
    energy = np.linalg.eigvalsh(model.hamiltonian(model.cartesian(grid)))
    assert (energy[:, 4] - energy[:, 3]).min() == pytest.approx(0.183, abs=5e-4)
    centre = np.linalg.eigvalsh(model.hamiltonian([[0.0, 0.0]]))[0]
    assert centre[4] - centre[3] == pytest.approx(0.18157, abs=1e-5)
    single = np.linalg.eigvalsh(mnbi2te4_slab(layers=1).hamiltonian(model.cartesian(grid)))
    # The levels of a pair agree to 1e-14 of the largest level, 3.1 eV; seen: 8e-15 eV.
    assert (energy[:, 1::2] - energy[:, ::2]).max() <= 1e-14 * np.abs(energy).max()
    assert (single[:, 1::2] - single[:, ::2]).max() > 0.01


def test_curvature_vanishes_with_an_even_number_of_layers_only():
    even, odd = (sg.band_geometry(mnbi2te4_slab(layers=n), K).berry_curvature for n in (2, 3))
    assert_forbidden(even, odd, rtol=1e-12)


def turned(model: sg.LatticeModel) -> np.ndarray:
    """Change of the energies when k turns by a third of a circle."""
    return np.linalg.eigvalsh(model.hamiltonian(K @ THIRD.T)) - np.linalg.eigvalsh(model.hamiltonian(K))


def test_the_threefold_axis_is_there_until_the_slab_is_strained():
    assert_forbidden(turned(mnbi2te4_slab()), turned(mnbi2te4_slab(strain=0.05)), rtol=1e-12)


def test_a_twofold_axis_hides_in_the_slab_without_warping():
    """E(-k) = E(k) at t4 = 0, where nothing else would make it so: with PT alone the two differ."""
    plain, warped = (
        np.linalg.eigvalsh(model.hamiltonian(-K)) - np.linalg.eigvalsh(model.hamiltonian(K))
        for model in (mnbi2te4_slab(t4=0.0), mnbi2te4_slab())
    )
    assert_forbidden(plain, warped, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"t4": np.nan}, ArgumentError, "t4 must be finite, got nan"),
        ({"m": "1"}, ArgumentTypeError, r"m must be a number, got '1' \(str\)"),
        ({"layers": 0}, ArgumentError, "layers must be a whole number of at least 1, got 0"),
        ({"layers": 2.0}, ArgumentError, "layers must be a whole number of at least 1, got 2.0"),
    ],
)
def test_parameters_that_make_no_slab_are_refused(arguments, error: type[Exception], problem: str):
    with pytest.raises(error, match=problem):
        mnbi2te4_slab(**arguments)
