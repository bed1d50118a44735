"""The conductivity assembled from a route: against the surface integrals of `sigmaijk.conductivity`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
import xarray as xr

import sigmaijk as sg
from sigmaijk.model import Model
from sigmaijk.theory.assembly import ORDERS, PACKET
from sigmaijk.theory.currents import GridBands, currents
from sigmaijk.theory.expansion import expansion
from sigmaijk.theory.route import survey
from sigmaijk.theory.routes import ROUTES
from sigmaijk.theory.uniform_grid import UniformGrid
from support import assert_forbidden, assert_same
from theory.route_models import MODELS, random_lattice, some_points

TERMS = {"tau2": "drude", "tau1": "bcd", "tau0": "qm"}
CASES: dict[str, tuple[Callable[[], Model], float, float, int]] = {
    "toy": (lambda: sg.models.dirac_pt(m=-0.4, t=0.5), 0.6, 0.2, 28),
    "tilted cone": (lambda: sg.models.tilted_dirac(0.3, m=0.3), 0.35, 0.1, 64),
    "lattice": (lambda: random_lattice(2, 2, 1, size=0.1, positions=True), 0.3, 0.3, 22),
    "position matrices": (lambda: random_lattice(3, 2, 9, size=0.08, matrices=True), 1.2, 0.3, 24),
    "3D": (lambda: random_lattice(2, 3, 8, size=0.03), 0.3, 0.2, 18),
}
"""Model, mu, kT and the grid on which every order is good to 2e-3."""
QUICK = list(product(CASES, ("perturbation", "luttinger-kohn")))
PACKETS = [("toy", "wave-packet"), ("lattice", "wave-packet")]


@cache
def surface(case: str) -> xr.Dataset:
    model, mu, kT, _ = CASES[case]
    method = "trapezoid" if model().periodic else "auto"
    return sg.conductivity(model(), mu, kT, rtol=1e-4, method=method)


@cache
def assembled(case: str, route: str) -> xr.Dataset:
    model, mu, kT, grid = CASES[case]
    return sg.theory.conductivity(model(), mu, kT, route, grid=grid)


def natural(case: str, order: str, suffix: str = "") -> np.ndarray:
    return surface(case)[f"{TERMS[order]}_natural{suffix}"].values[0, 0]


@pytest.mark.parametrize(("case", "route"), QUICK + PACKETS)
def test_all_orders_in_tau_are_those_of_the_surface_integrals(case: str, route: str) -> None:
    """Eqs. 8, 9 and 1 give Eqs. 11, 12 and 14; the reported errors cover the deviation."""
    found = assembled(case, route)
    for order in ORDERS:
        if case == "toy" and order == "tau1":
            continue
        expected = natural(case, order)
        assert_same(found[order].values, expected, rtol=2e-3, floor=1e-5)
        allowed = found[f"{order}_error"].values + natural(case, order, "_error")
        assert (np.abs(found[order].values - expected) <= allowed).all()
        assert np.array_equal(found[order].values, found[order].values.swapaxes(1, 2))


@pytest.mark.parametrize("route", ROUTES)
def test_parity_times_time_reversal_forbids_the_curvature_dipole(route: str) -> None:
    assert_forbidden(assembled("toy", route)["tau1"].values, assembled("lattice", "perturbation")["tau1"], rtol=1e-10)


def test_the_intrinsic_conductivity_does_no_work() -> None:
    found = assembled("lattice", "perturbation")["tau0"].values
    cyclic = found + np.moveaxis(found, 0, 2) + np.moveaxis(found, 2, 0)
    assert_forbidden(cyclic, found, rtol=2e-3)
    assert_forbidden([found[0, 0, 0], found[1, 1, 1]], found, rtol=2e-3)


@pytest.mark.parametrize("name", ["toy", "lattice-3", "continuum-3", "lattice-3-matrices"])
@pytest.mark.parametrize("route", ROUTES)
def test_the_orders_in_the_field_are_the_band_normalized_metric(name: str, route: str) -> None:
    """Polarization G and stiffness G/2; the packets of a grid are good to 1e-5 and say so."""
    model = MODELS[name]()
    k = some_points(model, 6)
    G = sg.band_geometry(model, k).band_normalized_metric
    packet = PACKET if route == "wave-packet" else None
    found = expansion(model, k, route, survey(model, k, 1e-6), packet)
    rtol = 1e-5 if packet else 1e-7
    assert_same(found.polarization, G, rtol=rtol, floor=1e-2)
    assert_same(found.stiffness, 0.5 * G, rtol=rtol, floor=1e-2)
    assert found.polarization_error.max() < 100 * rtol * np.abs(G).max()
    assert found.stiffness_error.max() < 100 * rtol * np.abs(G).max()


def random_grid_bands(grid: UniformGrid) -> tuple[GridBands, Callable[..., GridBands]]:
    """Smooth periodic quantities of one band that belong to no model."""
    rng, (x, y) = np.random.default_rng(5), grid.points.T

    def smooth(*shape: int) -> np.ndarray:
        a, b, c = rng.normal(size=(3, 1, 1, *shape))
        wave = np.exp(np.sin(x) + np.cos(x - y)), np.cos(y + 2 * np.sin(x)), np.sin(x - 2 * y)
        return sum(np.reshape(w, (-1, 1, *(1,) * len(shape))) * v for w, v in zip(wave, (a, b, c), strict=True))

    energy = smooth()
    f = 1.0 / (1.0 + np.exp(energy / 0.8))
    stiffness = smooth(2, 2)
    parts = {
        "velocity": np.moveaxis(grid.gradient(energy), 0, 2),
        "curvature": smooth(2, 2),
        "curvature_modulus": np.abs(smooth()),
        "occupation": f,
        "slope": -f * (1.0 - f) / 0.8,
        "polarization": smooth(2, 2),
        "stiffness": stiffness + stiffness.swapaxes(2, 3),
    }
    return GridBands(**parts), lambda **changes: GridBands(**(parts | changes))


def test_the_energy_drops_out_when_velocity_and_occupation_share_it() -> None:
    """Its acceleration and its shift of the occupation cancel; either alone is as large as the answer."""
    grid = UniformGrid(2.0 * np.pi * np.eye(2), np.zeros(2), 96)
    bands, changed = random_grid_bands(grid)
    tau0 = currents(grid, bands).value[2]
    without = currents(grid, changed(stiffness=np.zeros_like(bands.stiffness))).value[2]
    assert_same(without, tau0, rtol=1e-6, floor=1e-3)
    unshifted = currents(grid, changed(slope=np.zeros_like(bands.slope))).value[2]
    assert np.abs(unshifted - tau0).max() > 0.1 * np.abs(tau0).max()


def test_the_induced_current_is_that_of_the_curl_of_the_induced_connection() -> None:
    """By parts, J_i = int f0' (v_i At_jk - v_j At_ik) symmetrised: no row symmetry of At is assumed."""
    grid = UniformGrid(2.0 * np.pi * np.eye(2), np.zeros(2), 96)
    bands, _ = random_grid_bands(grid)
    weight = bands.velocity * bands.slope[..., None] * grid.weight
    moved = np.einsum("pni,pnjk->ijk", weight, bands.polarization)
    expected = moved - np.einsum("pnj,pnik->ijk", weight, bands.polarization)
    expected = 0.5 * (expected + expected.swapaxes(1, 2))
    assert_same(currents(grid, bands).value[2], expected, rtol=1e-6, floor=1e-3)


def test_the_differences_on_a_grid_are_of_order_ten() -> None:
    """D f of exp(sin) on an oblique cell, on grids of 24 to 48 points."""
    axes = np.array([[3.0, 0.4], [-0.7, 2.0]])
    errors = []
    for size in (24, 34, 48):
        grid = UniformGrid(axes, np.array([0.1, 0.2]), size)
        phase = 2.0 * np.pi * grid.points @ np.linalg.inv(axes)
        f = np.exp(np.sin(phase[:, 0] - phase[:, 1]))
        slope = 2.0 * np.pi * np.linalg.inv(axes) @ np.array([1.0, -1.0])
        exact = slope[:, None] * (f * np.cos(phase[:, 0] - phase[:, 1]))
        errors.append(np.abs(grid.gradient(f) - exact).max())
    for (coarse, fine), ratio in zip(pairwise(errors), (34 / 24, 48 / 34), strict=True):
        assert 8.5 < np.log(coarse / fine) / np.log(ratio) < 10.5


def test_the_growing_grid_reaches_its_tolerance() -> None:
    model, mu, kT, _ = CASES["tilted cone"]
    found = sg.theory.conductivity(model(), mu, kT, "perturbation", rtol=1e-4)
    for order in ORDERS:
        assert_same(found[order].values, natural("tilted cone", order), rtol=2e-4, floor=1e-4)
        assert found[f"{order}_error"].values.max() <= 1e-4 * np.abs(found[order].values).max()
    assert found.attrs["converged"] == 1
    assert found["tau0"].attrs["units"] == "nm/eV"
    assert found["tau0"].dims == ("i", "j", "k")


def test_a_forbidden_order_does_not_keep_the_grid_growing() -> None:
    """Without deformation the toy model has no second order at all; the noise is small and the run ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sg.theory.conductivity(sg.models.dirac_pt(m=-0.4, t=0.0), 0.6, 0.2, "perturbation")
    reference = assembled("toy", "perturbation")
    for order in ("tau2", "tau0"):
        assert_forbidden(found[order].values, reference[order].values, rtol=1e-5)


def test_what_is_exactly_zero_has_no_error_to_divide_by() -> None:
    """One band has no geometry, and far above all bands nothing is left to fill: no NaN, and no growing grid."""
    hoppings = {(0, 0): [[0.1]], (1, 0): [[0.1]], (-1, 0): [[0.1]]}
    single = sg.theory.conductivity(sg.LatticeModel(np.eye(2), hoppings), 0.1, 0.1, "perturbation")
    above = sg.theory.conductivity(random_lattice(2, 2, 1), 1e6, 0.1, "luttinger-kohn")
    for found, orders in ((single, ("tau1", "tau0")), (above, ORDERS)):
        assert found.attrs["converged"] == 1
        assert found.attrs["grid"] == 48
        for order in orders:
            assert not found[order].values.any()
            assert not found[f"{order}_error"].values.any()


def test_both_spins_count_twice() -> None:
    model = random_lattice(2, 2, 1, positions=True)
    hoppings = {(0, 0): np.diag([0.0, 1.0]), (1, 0): np.array([[0.1, 0.2j], [0.05, 0.1]])}
    hoppings |= {(0, 1): np.array([[0.05, 0.1], [0.2, 0.3j]])}
    hoppings |= {tuple(-x for x in R): block.conj().T for R, block in hoppings.items() if any(R)}
    one, two = (sg.LatticeModel(model.lattice, hoppings, spin_degeneracy=s) for s in (1, 2))
    single, double = (sg.theory.conductivity(m, 0.3, 0.2, "perturbation", grid=18) for m in (one, two))
    for name in single:
        assert_same(double[name].values, 2.0 * single[name].values, rtol=1e-12, floor=1e-9)


def test_an_unfinished_run_warns_and_keeps_its_error() -> None:
    model, mu, kT, _ = CASES["toy"]
    with pytest.warns(sg.ConvergenceWarning, match=r"perturbation.*tau0 .* max_k_points = 2400 ended the run"):
        found = sg.theory.conductivity(model(), mu, kT / 10, "perturbation", max_k_points=2400)
    assert found.attrs["converged"] == 0
    sharp = sg.conductivity(model(), mu, kT / 10, rtol=1e-3)
    for order in ("tau2", "tau0"):
        deviation = np.abs(found[order].values - sharp[f"{TERMS[order]}_natural"].values[0, 0]).max()
        assert 1e-3 * np.abs(found[order].values).max() < found[f"{order}_error"].values.max()
        assert deviation <= found[f"{order}_error"].values.max()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0.3, 0.0, "perturbation"), {}, "ArgumentError", "kT must be finite and above zero"),
        ((np.nan, 0.1, "perturbation"), {}, "ArgumentError", "mu must be finite"),
        (([0.1, 0.2], 0.1, "perturbation"), {}, "ArgumentTypeError", "mu must be one real number"),
        ((0.3, 0.1, "kubo"), {}, "ArgumentError", "unknown route 'kubo'"),
        ((0.3, 0.1, "perturbation"), {"grid": 8}, "ArgumentError", "grid must be at least 18"),
        ((0.3, 0.1, "perturbation"), {"grid": 32.5}, "ArgumentTypeError", "grid must be a whole number"),
        ((0.3, 0.1, "perturbation"), {"grid": 10**6}, "ArgumentError", "max_k_points = 300000: take at most 547"),
        ((0.3, 0.1, "perturbation"), {"grid": 101, "max_k_points": 10_000}, "ArgumentError", "at most 100, or"),
        ((0.3, 0.1, "perturbation"), {"rtol": 0.0}, "ArgumentError", "rtol"),
        ((0.3, 0.1, "perturbation"), {"max_k_points": 0}, "ArgumentError", "max_k_points must be at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple, options: dict, error: str, message: str) -> None:
    with pytest.raises(getattr(sg, error), match=message):
        sg.theory.conductivity(sg.models.dirac_pt(), *arguments, **options)


def test_open_fermi_surfaces_are_refused() -> None:
    with pytest.raises(sg.ModelError, match=r"at any distance in k \(open Fermi surfaces"):
        sg.theory.conductivity(sg.models.tilted_dirac(1.5), 0.3, 0.1, "perturbation")
