"""Fermi-surface integrands of the catalogue against the Fermi-sea forms of Eqs. 11 to 13, on periodic models.

Both are sums on one uniform grid of a cell, whose error falls exponentially with the number of points. The sea forms
differentiate energy, curvature and G by FFT; the surface forms know no derivative beyond those of H.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import sigmaijk as sg
from contracts.random_models import Ingredients, random_ingredients, values
from sigmaijk.models import LatticeModel
from sigmaijk.term import Term
from sigmaijk.terms import CATALOGUE
from support import assert_same


@dataclass(frozen=True)
class Case:
    """A random crystal, the divisor of its hoppings between cells that makes it smooth, and a thermal energy.

    Seeds are those whose bands stay half an eV apart: the grids then reach 1e-10.
    """

    seed: int
    dim: int
    n: int
    positions: str
    divisor: float
    points: int
    kT: float
    mu: float


CASES = (
    Case(seed=2, dim=2, n=2, positions="diagonal", divisor=1.5, points=120, kT=0.2, mu=0.4),
    Case(seed=3, dim=2, n=3, positions="matrices", divisor=1.5, points=160, kT=0.2, mu=1.0),
    Case(seed=1, dim=2, n=4, positions="diagonal", divisor=2.0, points=120, kT=0.2, mu=1.5),
    Case(seed=2, dim=3, n=2, positions="matrices", divisor=6.0, points=40, kT=0.4, mu=0.3),
)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.n} bands, {case.dim}D, {case.positions}")


@cache
def model_of(case: Case) -> LatticeModel:
    crystal = random_ingredients(np.random.default_rng(case.seed), case.dim, case.n, case.positions)
    hoppings = {R: block / case.divisor if any(R) else block for R, block in crystal.hoppings.items()}
    return Ingredients(crystal.lattice, hoppings, crystal.positions).model()


@cache
def grid_of(case: Case) -> np.ndarray:
    """Momenta (N**dim, dim), the first axis slowest."""
    ticks = np.arange(case.points) / case.points
    mesh = np.meshgrid(*[ticks] * case.dim, indexing="ij")
    return model_of(case).cartesian(np.stack(mesh, axis=-1).reshape(-1, case.dim))


@cache
def geometry_of(case: Case) -> sg.BandGeometry:
    return sg.band_geometry(model_of(case), grid_of(case))


def occupation(case: Case) -> np.ndarray:
    return 0.5 * (1 - np.tanh((geometry_of(case).energy - case.mu) / (2 * case.kT)))


def occupation_slope(case: Case) -> np.ndarray:
    return -0.25 / case.kT / np.cosh((geometry_of(case).energy - case.mu) / (2 * case.kT)) ** 2


def summed(case: Case, weight: np.ndarray, integrand: np.ndarray) -> np.ndarray:
    """sum_n int [dk] weight_n F_n^ijk."""
    return np.einsum("kn,knabc->abc", weight, integrand, optimize=True) / (len(weight) * model_of(case).volume)


def gradient(case: Case, field: np.ndarray) -> np.ndarray:
    """Exact derivatives of a periodic field (k, n, ...) along x, y[, z], as a last axis."""
    shape = (case.points,) * case.dim
    spectrum = np.fft.fftn(field.reshape(*shape, *field.shape[1:]), axes=range(case.dim))
    whole = np.fft.fftfreq(case.points, 1 / case.points)
    slopes = []
    for axis in range(case.dim):
        shaped = whole.reshape([-1 if a == axis else 1 for a in range(spectrum.ndim)])
        slopes.append(np.fft.ifftn(1j * shaped * spectrum, axes=range(case.dim)).real.reshape(field.shape))
    return np.stack(slopes, axis=-1) @ model_of(case).lattice  # k = u b / N with b.a = 2 pi: d_k = a d/d(2 pi u)


def drude_sea(case: Case) -> np.ndarray:
    """-int d_i d_j d_k eps f0 (Eq. 11)."""
    third = gradient(case, gradient(case, gradient(case, geometry_of(case).energy)))
    return -summed(case, occupation(case), third)


def bcd_sea(case: Case) -> np.ndarray:
    """1/2 int (d_k Omega^ij + d_j Omega^ik) f0 (Eq. 12)."""
    slope = gradient(case, geometry_of(case).berry_curvature)
    return 0.5 * summed(case, occupation(case), slope + slope.swapaxes(3, 4))


def qm_sea(case: Case) -> np.ndarray:
    """-int [d_i G^jk - (d_j G^ik + d_k G^ij)/2] f0 (Eq. 13)."""
    slope = gradient(case, geometry_of(case).band_normalized_metric)  # G^jk, derivative last
    first, second, third = np.moveaxis(slope, 4, 2), slope.swapaxes(3, 4), slope
    return -summed(case, occupation(case), first - 0.5 * (second + third))


SEAS: dict[str, Callable[[Case], np.ndarray]] = {"drude": drude_sea, "bcd": bcd_sea, "qm": qm_sea}


def surface(case: Case, term: Term) -> np.ndarray:
    """sum int [dk] F f0'."""
    return summed(case, occupation_slope(case), values(term, model_of(case), grid_of(case)).tensor)


def test_every_term_of_the_catalogue_has_a_sea_form_here():
    assert SEAS.keys() == CATALOGUE.keys()


@every_case
@pytest.mark.parametrize("name", CATALOGUE)
def test_sea_and_surface_agree_on_the_same_grid(case: Case, name: str):
    expected = SEAS[name](case)
    assert_same(surface(case, CATALOGUE[name]), expected, rtol=1e-9, floor=1e-3)


@pytest.mark.parametrize(("method", "rtol"), [("auto", 1e-4), ("trapezoid", 1e-10)])
def test_the_driver_finds_the_integrals_of_the_sea(method: str, rtol: float):
    """One crystal through `conductivity`, all terms at once, within the tolerance that is asked for."""
    case = CASES[0]
    dataset = sg.conductivity(model_of(case), case.mu, case.kT, rtol=rtol, method=method, progress=False)
    assert dataset.attrs["converged"] == 1
    for name, sea in SEAS.items():
        assert_same(dataset[f"{name}_natural"].values[0, 0], sea(case), rtol=max(rtol, 1e-9), floor=1e-3)
