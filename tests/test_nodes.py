"""Gapless nodes and nodal lines are named where a term has no limit: in attributes, with their k, energy and bands."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.nodes import find_node, slid
from sigmaijk.sampler import BandSampler
from sigmaijk.terms import CATALOGUE

RADIUS, TILT = np.sqrt(0.2), 0.1
"""Of the ring of `nodal_line()`, 1/nm, and the slope of its energy, eV nm."""


def named(ds) -> list[dict]:
    return json.loads(ds.attrs["singular"])


def quietly(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.SigmaijkWarning)
        return sg.conductivity(*arguments, progress=False, **options)


@pytest.mark.parametrize(("mu", "kT"), [(0.02, 0.0), (-0.03, 0.0), (0.02, 0.01)])
def test_a_nodal_line_is_named_once_with_points_on_it(mu: float, kT: float):
    """The ring kx^2 + ky^2 = m/b at kz = 0 has the energy t kx: at T = 0 it passes mu at kx = mu/t, twice."""
    ds = quietly(sg.models.nodal_line(), mu, kT, terms=("drude", "qm"), max_k_points=12_000)
    (record,) = named(ds)
    assert (record["kind"], record["bands"], record["terms"]) == ("nodal line", [0, 1], ["qm"])
    assert "open a gap" in record["advice"]
    points = np.array([record["k"], *record["also"]])
    np.testing.assert_allclose(np.hypot(points[:, 0], points[:, 1]), RADIUS, rtol=1e-6)
    np.testing.assert_allclose(points[:, 2], 0.0, atol=1e-6)
    assert record["energy"] == pytest.approx(TILT * points[0, 0], abs=1e-9)
    if kT == 0:
        assert record["energy"] == pytest.approx(mu, abs=1e-9)
        np.testing.assert_allclose(points[:, 0], mu / TILT, atol=1e-6)
        assert set(np.sign(points[:, 1])) == {-1.0, 1.0}
    assert np.isinf(ds["qm_error"].values).all()
    assert ds.attrs["converged"] == 0


def test_a_nodal_line_away_from_mu_is_nobodys_business():
    ds = quietly(sg.models.nodal_line(), 0.1, 0.0, terms="qm", rtol=1e-2)
    assert named(ds) == []
    assert ds.attrs["converged"] == 1


def test_a_spectrum_names_the_line_too():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.SigmaijkWarning)
        found = sg.spectrum(sg.models.nodal_line(), (-0.1, 0.1), terms="qm", max_k_points=12_000, progress=False)
        records = [named(found.moment(mu, kT)) for mu, kT in ((0.0, 0.0), (0.0, 0.005), (0.09, 0.0))]
    for (record,) in records[:2]:
        assert (record["kind"], record["terms"]) == ("nodal line", ["qm"])
        assert np.hypot(*record["k"][:2]) == pytest.approx(RADIUS, rel=1e-6)
    assert records[2] == []


def test_both_nodes_of_cumnas_are_named_at_their_energies():
    """n along x: k = (pi, asin(3/4)) and (pi, pi - asin(3/4)), the second at (pi, 0.730 pi) and 0.1329 t."""
    angles = np.array([np.arcsin(0.75), np.pi - np.arcsin(0.75)])
    energies = 0.08 * (1 - np.cos(angles))
    ds = quietly(sg.models.cumnas(direction=(1, 0, 0)), [*energies, -0.6], sg.kelvin(100), max_k_points=15_000)
    records = sorted(named(ds), key=lambda record: record["energy"])
    assert [(record["terms"], record["bands"]) for record in records] == [(["qm"], [0, 3])] * 2
    for record, angle, energy in zip(records, angles, energies, strict=True):
        np.testing.assert_allclose(record["k"], [np.pi, angle], atol=1e-8)
        assert record["energy"] == pytest.approx(energy, abs=1e-10)
    assert (records[1]["k"][1] / np.pi, records[1]["energy"]) == pytest.approx((0.730, 0.1329), abs=5e-4)
    assert np.isinf(ds["qm_error"].values[0, :2]).all()
    assert np.isfinite(ds["drude_error"].values).all()
    assert np.isfinite(ds["qm_error"].values[0, 2]).all()


def test_a_weyl_node_has_no_limit_at_its_own_energy_and_one_around_it():
    """S goes as 1/x: nothing at T = 0 and mu = 0, a principal value at any kT."""
    cold = quietly(sg.models.weyl(), 0.0, 0.0, terms="qm", max_k_points=20_000)
    (record,) = named(cold)
    np.testing.assert_allclose(record["k"], 0.0, atol=1e-6)
    assert np.isinf(cold["qm_error"].values).all()
    warm = quietly(sg.models.weyl(), 0.05, 0.01, terms="qm", rtol=1e-2, max_k_points=30_000)
    assert named(warm) == []
    assert np.isfinite(warm["qm_error"].values).all()


def test_points_of_a_line_are_reached_from_each_other():
    sampler = BandSampler(sg.models.nodal_line(), tuple(CATALOGUE.values()), 1e-6)
    node = find_node(sampler, np.array([0.1, 0.43, 0.02]), 0)
    assert node is not None
    assert node.is_line
    assert node.kind == "nodal line"
    for energy in (-0.04, 0.0, 0.04):
        point = slid(sampler, node, energy)
        assert point is not None
        assert point.energy == pytest.approx(energy, abs=1e-10)
        np.testing.assert_allclose(point.k[0], energy / TILT, atol=1e-6)
    assert slid(sampler, node, 0.06) is None
