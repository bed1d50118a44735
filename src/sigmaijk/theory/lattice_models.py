"""The lattice version of a continuum model: what the density matrix, which needs a periodic model, can run on."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..arrays import ComplexArray, FloatArray
from ..errors import ArgumentError, ArgumentTypeError, ModelError
from ..model import Model
from ..models.lattice import LatticeModel
from ..request import flag, positive

EXACT = 1e-9
"""H is of second order in k if it differs from its expansion by no more than this share of the largest entry."""
LOOKS = 8
LEAST_SPACING = 1e-30
"""nm."""


def lattice_version(model: Model, spacing: float, *, truncate: bool = False) -> LatticeModel:
    """A continuum model of up to second order in k on a square or cubic lattice of this spacing (nm).

    k_i becomes sin(k_i a)/a, k_i^2 becomes 2 (1 - cos(k_i a))/a^2 and k_i k_j becomes sin(k_i a) sin(k_j a)/a^2: both
    models agree up to second order in k, and H of the lattice tends to H of the continuum as a^2. Orbitals sit at the
    lattice points. truncate: drop what is beyond second order at k = 0 instead of refusing the model.

    A term linear in k vanishes at k_i = pi/a as it does at 0: a model without a mass of second order, such as
    `sigmaijk.models.tilted_dirac`, has a second set of cones there, which may cancel the first. Add such a mass to H
    (PT-symmetric b k^2 tau_z in QIANG_2025, Eq. 20) if the lattice is to have the response of the continuum.

    Raises ModelError if H is not of second order in k, and ArgumentError for a spacing that is not above zero.

    >>> from sigmaijk.models import dirac_pt
    >>> lattice_version(dirac_pt(), 1.0).name
    'dirac_pt(v=1.0, m=0.1, b=1.0, t=0.9) on a lattice of 1 nm'
    """
    if not isinstance(model, Model) or model.periodic:
        kind = "a LatticeModel, which is periodic as it is" if isinstance(model, Model) else type(model).__name__
        raise ArgumentTypeError(f"model must be a ContinuumModel, got {kind}")
    a = positive("spacing", spacing, "nm")
    if not LEAST_SPACING <= a <= 1.0 / LEAST_SPACING:
        raise ArgumentError(
            f"spacing must lie between {LEAST_SPACING:g} and {1.0 / LEAST_SPACING:g} nm, got {spacing!r}"
        )
    if not flag("truncate", truncate):
        _check_order(model)
    return LatticeModel(
        a * np.eye(model.dim),
        hoppings_of(model, a),
        spin_degeneracy=model.spin_degeneracy,
        name=f"{model.name} on a lattice of {a:g} nm",
    )


def _expansion(model: Model) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """H, d_i H and d_i d_j H at k = 0: (n, n), (dim, n, n), (dim, dim, n, n)."""
    jet = model.jet(np.zeros((1, model.dim)), 2)
    assert jet.hessian is not None
    return jet.value[0], jet.gradient[0], jet.hessian[0]


def _check_order(model: Model) -> None:
    constant, linear, quadratic = _expansion(model)
    k = np.random.default_rng(5).uniform(-2.0 * model.scale, 2.0 * model.scale, (LOOKS, model.dim))
    expanded = constant + np.einsum("ki,inm->knm", k, linear) + 0.5 * np.einsum("ki,kj,ijnm->knm", k, k, quadratic)
    exact = model.hamiltonian(k)
    missed = float(np.abs(exact - expanded).max())
    if missed > EXACT * float(np.abs(exact).max()):
        raise ModelError(
            f"{model.name} is not of second order in k: within {2 * model.scale:g} /nm its expansion at k = 0 misses "
            f"{missed:.3g} eV; pass truncate=True to drop the rest, or write the model as a LatticeModel"
        )


def hoppings_of(model: Model, a: float) -> dict[tuple[int, ...], ComplexArray]:
    """<0|H|R> of H_0 + H_i sin_i/a + H_ii (1 - cos_i)/a^2 + H_ij sin_i sin_j/a^2 from the derivatives of H at k = 0."""
    constant, linear, quadratic = _expansion(model)
    dim, n = len(linear), len(constant)
    blocks: dict[tuple[int, ...], ComplexArray] = {}

    def add(cell: FloatArray, block: ComplexArray) -> None:
        R = tuple(int(x) for x in cell)
        blocks[R] = blocks.get(R, np.zeros((n, n), dtype=np.complex128)) + block

    steps = np.eye(dim)
    add(np.zeros(dim), constant + np.einsum("iinm->nm", quadratic) / a**2)
    for i in range(dim):
        for sign in (1, -1):
            add(sign * steps[i], sign * linear[i] / (2j * a) - 0.5 * quadratic[i, i] / a**2)
    for i, j in combinations(range(dim), 2):
        for one in (1, -1):
            for two in (1, -1):
                add(one * steps[i] + two * steps[j], -0.25 * one * two * quadratic[i, j] / a**2)
    return blocks
