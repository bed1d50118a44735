"""Lattice models on which the referee finds (c1, c2) of a relaxation when it cannot run on the model itself.

c1 and c2 are the same for every model; so the model nearest to the one asked about is taken on which they can be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import ComplexArray
from ..errors import ArgumentError, ModelError
from ..model import Model
from ..models.lattice import LatticeModel
from .coefficients import Coefficients
from .lattice_models import hoppings_of, lattice_version
from .referee import Setup, ask
from .relaxation import Relaxation

BROADENING = 0.1
"""kT of a fit in units of the width of all bands: a broad f0 needs a small grid."""
FILLING = 0.75
"""mu of a fit: this share of all states lies below it; at half filling B1 = B2 = 0 where bands come in pairs +-E."""
LINEAR_SHARE = 3.0
"""Spacing of the lattice version of a fit: there the linear part of H is so many times the constant one."""
HOPPING = 0.12
GOOD_FIT = 1e-7
FIT_TAIL = 1e-6
"""Looser than for an answer: c1 and c2 are still good to about 1e-9."""


@dataclass(frozen=True)
class Fit:
    """Coefficients and where they come from."""

    coefficients: Coefficients
    source: str


def fit_on_stand_in(
    model: Model, relaxation: Relaxation, spacing: float | None, degeneracy_tol: float, max_bytes: float
) -> Fit:
    """c1 and c2 from the first candidate on which symmetry and memory let them be found."""
    problem: Exception | None = None
    for candidate, description in _candidates(model, spacing):
        k = np.random.default_rng(2).random((500, model.dim)) @ candidate.reciprocal
        energy = np.linalg.eigvalsh(candidate.hamiltonian(k))
        mu, kT = float(np.quantile(energy, FILLING)), BROADENING * float(np.ptp(energy))
        if not kT > degeneracy_tol:
            continue
        setup = Setup(candidate, mu, kT, degeneracy_tol, max_bytes, FIT_TAIL)
        try:
            coefficients = ask(setup, relaxation, None, None, True).fit
        except (ArgumentError, ModelError) as failure:
            problem = failure
            continue
        if coefficients is not None and coefficients.determined and coefficients.residual < GOOD_FIT:
            source = f"density matrix of {description} at mu = {mu:.3g} eV, kT = {kT:.3g} eV: {coefficients.written()}"
            return Fit(coefficients, source)
    raise ModelError(
        "the coefficients of row QK, which a density matrix fixes, could be found on no lattice model; of the last "
        f"one tried: {problem}"
    )


def _candidates(model: Model, spacing: float | None) -> Iterator[tuple[LatticeModel, str]]:
    if isinstance(model, LatticeModel):
        yield model, "the model itself"
    else:
        a = _spacing(model) if spacing is None else spacing
        exact = True
        try:
            version = lattice_version(model, a)
        except ModelError:
            version, exact = lattice_version(model, a, truncate=True), False
        order = "" if exact else " to second order in k"
        yield version, f"the model's lattice version{order} (spacing {a:.3g} nm)"
        blocks = hoppings_of(model, a)
        size = max(float(np.abs(block).max()) for block in blocks.values())
        extra = random_hoppings(model.dim, model.n_bands, size)
        mixed = {R: blocks.get(R, 0.0) + extra.get(R, 0.0) for R in {**blocks, **extra}}
        yield (
            LatticeModel(version.lattice, mixed),
            f"the model's lattice version{order} (spacing {a:.3g} nm) with random hoppings, as its symmetry forbids "
            "a fit or its gaps are too small for one",
        )
    yield LatticeModel(np.eye(model.dim), random_hoppings(model.dim, 2, 1.0)), "a random lattice model of two bands"


def _spacing(model: Model) -> float:
    """A spacing (nm) at which the lattice version has bands about as wide as its gaps, which needs few points."""
    jet = model.jet(np.zeros((1, model.dim)), 1)
    constant = jet.value[0] - np.trace(jet.value[0]) / model.n_bands * np.eye(model.n_bands)
    gap, slope = float(np.abs(constant).max()), float(np.abs(jet.gradient).max())
    return slope / (LINEAR_SHARE * gap) if gap > 0 and slope > 0 else 1.0 / model.scale


def random_hoppings(dim: int, n: int, size: float) -> dict[tuple[int, ...], ComplexArray]:
    """Hoppings to the nearest cells without any symmetry, between levels that stand apart by 2 size (eV)."""
    rng = np.random.default_rng(11)
    blocks: dict[tuple[int, ...], ComplexArray] = {(0,) * dim: np.diag(2.0 * size * np.arange(n)).astype(complex)}
    for R in np.eye(dim, dtype=int):
        block = HOPPING * size * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        blocks[tuple(map(int, R))] = block
        blocks[tuple(map(int, -R))] = block.conj().T
    return blocks
