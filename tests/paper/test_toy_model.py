"""The paper's statements about its toy model (Sec. 6 and Fig. 2)."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from paper.printed import ROWS, combined, lead_of_surface
from sigmaijk.models import dirac_pt
from sigmaijk.models.dirac_pt import DiracPT
from support import assert_forbidden, assert_same

SIZES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
"""t/v."""
STAGGERED = np.diag([1.0, -1.0, -1.0, 1.0])
"""tau_z sigma_z."""


def without_pt(kx, ky):
    """Eq. 20 with an exchange field that points the other way on the other orbital."""
    return DiracPT(1.0, 0.1, 1.0, 0.9)(kx, ky) + 0.03 * STAGGERED


def metric_dipole(t: float, mu: float) -> np.ndarray:
    ds = sg.conductivity(dirac_pt(t=t), mu, 0.0, terms="qm", rtol=1e-4, progress=False)
    return ds["qm_natural"].values[0, 0]


@pytest.mark.parametrize("mu", [0.15, 0.25, 0.4])
def test_the_response_vanishes_without_deformation_and_grows_with_it(mu: float):
    found = [metric_dipole(t, mu) for t in SIZES]
    size = [abs(tensor[0, 1, 1]) for tensor in found]
    assert_forbidden(found[0], found[-1], rtol=1e-12)
    assert size == sorted(size)
    assert (np.diff(size) > 0.05 * size[-1]).all()


def test_the_mirror_leaves_xyy_and_what_follows_from_it():
    tensor = metric_dipole(0.9, 0.25)
    assert_same([tensor[1, 0, 1], tensor[1, 1, 0]], [-0.5 * tensor[0, 1, 1]] * 2, rtol=1e-12, floor=0.1)
    assert_forbidden([tensor[1, 0, 0], tensor[0, 0, 1]], tensor, rtol=1e-4)  # that asked of the integral


def test_pt_kills_the_berry_curvature_dipole():
    broken = sg.ContinuumModel(without_pt, 2)
    with_pt, without = (
        sg.conductivity(model, 0.25, 0.005, terms="bcd", rtol=1e-2, progress=False)["bcd_natural"].values
        for model in (dirac_pt(), broken)
    )
    assert_forbidden(with_pt, without, rtol=1e-12)
    assert np.abs(without).max() > 1e-3
    k = np.random.default_rng(1).uniform(-1, 1, (20, 2))
    curvature = [sg.band_geometry(model, k).berry_curvature for model in (dirac_pt(), broken)]
    assert_forbidden(*curvature, rtol=1e-12)


# nm mA / V^2 at kT = 2 meV, t/v = 0.9: an independent program on 1600^2 points, four decimals (PEERS.md section 2).
KNOWN = {
    0.15: {("WPD", "xyy"): -0.0750, ("LKA", "xyy"): -0.1039, ("QK", "xyy"): -0.1068, ("LKA", "xxx"): 0.0635},
    0.25: {("WPD", "xyy"): -0.0523, ("LKA", "xyy"): -0.0766, ("QK", "xyy"): -0.0683, ("LKA", "xxx"): 0.0318},
    0.30: {("WPD", "xyy"): -0.0440, ("LKA", "xyy"): -0.0651, ("QK", "xyy"): -0.0563, ("LKA", "xxx"): 0.0246},
}
MILLI_PER_NATURAL = 0.2434134807
"""mA nm/V^2 for an integral of 1 nm/eV."""


@pytest.mark.parametrize("mu", KNOWN)
def test_table1_of_the_toy_model_has_the_numbers_of_an_independent_program(mu: float):
    ds = sg.theory.table1(dirac_pt(), mu, 0.002)
    sigma = MILLI_PER_NATURAL * ds["I"]
    for (row, name), expected in KNOWN[mu].items():
        # Half of the last printed digit, and what the plain sum itself misses.
        found = sigma.sel(row=row, **dict(zip("ijk", name, strict=True))).item()
        assert found == pytest.approx(expected, abs=6e-5), (row, name)
    longitudinal = sigma.sel(row="WPD", i="x", j="x", k="x").item()
    assert_forbidden(longitudinal, KNOWN[mu]["LKA", "xxx"], rtol=1e-9)


def test_table1_of_the_toy_model_agrees_with_the_printed_expressions_on_a_grid():
    """kT = 20 meV on 320^2 points: no ingredients, no Fermi lines."""
    mu, kT, half, points = 0.25, 0.02, 1.0, 320
    ticks = half * (2 * np.arange(points) + 1 - points) / points
    k = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    weight = (2 * half / points / (2 * np.pi)) ** 2
    lead = lead_of_surface(dirac_pt(), np.array_split(k, 20), weight, mu, kT)
    ds = sg.theory.table1(dirac_pt(), mu, kT, rtol=1e-4)
    for row in ROWS:
        found = ds["I"].sel(row=row).values
        assert_same(found, combined(row, lead), rtol=2e-4, floor=0.1)
        assert (np.abs(found - combined(row, lead)) <= ds["I_error"].sel(row=row).values + 1e-9).all()
