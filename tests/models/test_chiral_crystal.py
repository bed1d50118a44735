"""The chiral crystal: its diagonal entries in closed form, its gaps, its threefold axis, its curvature dipole."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError
from sigmaijk.models import chiral_crystal, haldane
from support import assert_forbidden, assert_same

CORNER = np.array([[1.0, 0.0], [-1.0, 0.0]]) * 4 * np.pi / 3


@pytest.mark.parametrize("kz", [0.0, 0.7, -2.1])
def test_at_each_kz_the_crystal_is_a_honeycomb_with_phases(kz: float):
    """t2 exp(i phi) and tz exp(i kz) add up to one complex hop: Haldane's model with the amplitude of their sum."""
    k = np.random.default_rng(1).uniform(-6, 6, size=(12, 2))
    hop = np.exp(0.1j * np.pi) / 3 + 0.2 * np.exp(1j * kz)
    layer = haldane(t1=1.0, t2=abs(hop), phi=float(np.angle(hop)), M=-2.0)
    expected = layer.hamiltonian(k)
    found = chiral_crystal().hamiltonian(np.column_stack([k, np.full(12, kz)]))
    assert_same(found, expected, rtol=1e-13, floor=0.1)


def test_the_gap_at_the_corners_is_the_stated_one_and_closes_at_weyl_nodes():
    """2 |delta +- 3 sqrt(3)(t2 sin phi + tz sin kz)|; a stronger helix reaches zero at two kz of one corner."""
    kz = np.array([0.3, 1.2, -2.0])
    size = 3 * np.sqrt(3) * (np.sin(0.1 * np.pi) / 3 + 0.2 * np.sin(kz))
    for corner, sign in zip(CORNER, (-1, 1), strict=True):
        k = np.column_stack([np.tile(corner, (3, 1)), kz])
        gap = np.diff(np.linalg.eigvalsh(chiral_crystal().hamiltonian(k)), axis=1)[:, 0]
        assert_same(gap, 2 * np.abs(2.0 + sign * size), rtol=1e-12, floor=0.1)
    where = np.arcsin((2.0 / (3 * np.sqrt(3)) - np.sin(0.1 * np.pi) / 3) / 0.5)
    node = np.array([[*CORNER[0], where], [*CORNER[0], np.pi - where]])
    assert np.diff(np.linalg.eigvalsh(chiral_crystal(tz=0.5).hamiltonian(node)), axis=1).max() < 1e-12


def test_curvature_dipole_has_the_form_of_the_axis_and_the_value_of_a_grid():
    """D = diag(D, D, -2 D), I_xyz = (D_zz - D_yy)/2 = -3 D/2; the sum over 48**3 points is exact to 1e-4 at this kT."""
    model, mu, kT, n = chiral_crystal(a=0.5, c=0.4), 0.5, 0.2, 48
    ticks = (np.arange(n) + 0.5) / n
    k = model.cartesian(np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3))
    dipole = np.zeros((3, 3))
    for part in np.array_split(k, 8):
        g = sg.band_geometry(model, part)
        bump = 0.25 / kT / np.cosh(np.clip((g.energy - mu) / (2 * kT), -300, 300)) ** 2
        vector = np.stack([g.berry_curvature[..., a, b] for a, b in ((1, 2), (2, 0), (0, 1))], axis=-1)
        dipole += np.einsum("kn,kna,knb->ab", bump, g.velocity, vector)
    dipole /= n**3 * model.volume
    assert_same(np.diag(dipole), dipole[0, 0] * np.array([1.0, 1.0, -2.0]), rtol=1e-4, floor=1e-5)
    assert_forbidden(dipole - np.diag(np.diag(dipole)), dipole, rtol=1e-4)
    ds = sg.conductivity(model, mu, kT, terms="bcd", rtol=1e-3, progress=False)
    found = ds["bcd_natural"].values[0, 0]
    assert_same([found[0, 1, 2], found[1, 2, 0]], np.array([-1.5, 1.5]) * dipole[0, 0], rtol=2e-3, floor=1e-5)


def test_a_cell_without_size_is_refused():
    with pytest.raises(ArgumentError, match=r"c must be above zero \(nm\), got 0"):
        chiral_crystal(c=0)
