"""What a model is, before anything is integrated: bands, domain, health of H(k), smallest gaps on a small sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import FloatArray
from .errors import ModelError
from .model import Model
from .models.lattice import LatticeModel

SAMPLE_POINTS = {2: 24, 3: 9}
"""Sampled k per direction."""

REVERSAL_POINTS = 64
"""Random k at which E(k) and E(-k) are compared."""

DEGENERATE_EV = 1e-6
"""Neighbouring bands closer than this at every sampled k are counted as one degenerate pair."""


@dataclass(frozen=True)
class Gap:
    """The smallest distance found between two neighbouring bands."""

    lower_band: int
    """Counted from 1."""
    size: float
    energy: float
    """Middle of the gap, eV."""
    k: FloatArray
    """(dim,), 1/nm."""


@dataclass(frozen=True)
class Inspection:
    """Facts of a model; energies in eV, lengths in nm."""

    name: str
    dim: int
    n_bands: int
    spin_degeneracy: int
    domain: str
    lattice: FloatArray | None
    n_vectors: int | None
    """Number of lattice vectors with hoppings."""
    hopping_range: list[int] | None
    has_positions: bool | None
    """Whether orbital positions enter the geometry; None for a continuum model, which needs none."""
    has_position_matrices: bool
    asymmetry: float | None
    """Largest |H(-R) - H(R)^+| of the hoppings as given, eV; None for a continuum model."""
    hermiticity_deviation: float
    reversal_deviation: float
    """Largest |E(k) - E(-k)|, eV: zero under time reversal and under inversion."""
    reversal_points: int
    energy_range: tuple[float, float]
    degenerate_pairs: int
    gaps: list[Gap]
    """The smallest gaps first, at most one for each pair of neighbouring bands."""
    sampled: int


def inspect_model(model: Model) -> Inspection:
    """Diagonalise H on a small regular sample of k, off the symmetry points, and collect what a user should know.

    Raises ModelError when H is not finite on the sample.
    """
    k = sample(model)
    hamiltonian = model.hamiltonian(k)
    if not np.isfinite(hamiltonian).all():
        worst = k[np.flatnonzero(~np.isfinite(hamiltonian).all(axis=(1, 2)))[0]]
        raise ModelError(f"H(k) is not finite at k = {worst.tolist()} 1/nm")
    energy: FloatArray = np.linalg.eigvalsh(hamiltonian).astype(np.float64)
    lattice = model if isinstance(model, LatticeModel) else None
    return Inspection(
        name=model.name,
        dim=model.dim,
        n_bands=model.n_bands,
        spin_degeneracy=model.spin_degeneracy,
        domain="reciprocal cell" if model.periodic else f"k plane or space, sampled within {_half_width(model):g} 1/nm",
        lattice=None if lattice is None else lattice.lattice,
        n_vectors=None if lattice is None else lattice.n_vectors,
        hopping_range=None if lattice is None else [int(reach) for reach in lattice.hopping_range],
        has_positions=None if lattice is None else bool(np.ptp(lattice.positions, axis=0).any()),
        has_position_matrices=model.jet(k[:1], 1).connection is not None,
        asymmetry=None if lattice is None else lattice.asymmetry,
        hermiticity_deviation=float(np.abs(hamiltonian - hamiltonian.conj().swapaxes(1, 2)).max()),
        reversal_deviation=reversal_deviation(model, np.random.default_rng(0)),
        reversal_points=REVERSAL_POINTS,
        energy_range=(float(energy.min()), float(energy.max())),
        degenerate_pairs=int((np.diff(energy, axis=1).max(axis=0, initial=0.0) < DEGENERATE_EV).sum()),
        gaps=_smallest_gaps(k, energy),
        sampled=len(k),
    )


def sample(model: Model) -> FloatArray:
    """A regular mesh shifted off the symmetry points: the reciprocal cell, or the model's box around k = 0."""
    number = SAMPLE_POINTS[model.dim]
    axis = (np.arange(number) + 0.37) / number
    fractions = np.stack(np.meshgrid(*[axis] * model.dim, indexing="ij"), axis=-1).reshape(-1, model.dim)
    if isinstance(model, LatticeModel):
        return model.cartesian(fractions)
    return (2 * fractions - 1) * _half_width(model)


def reversal_deviation(model: Model, rng: np.random.Generator) -> float:
    """Largest |E(k) - E(-k)| in eV over random k of the reciprocal cell, or of the model's box around k = 0."""
    fractions = rng.uniform(-0.5, 0.5, (REVERSAL_POINTS, model.dim))
    k = model.cartesian(fractions) if isinstance(model, LatticeModel) else 2 * fractions * _half_width(model)
    there, back = (np.linalg.eigvalsh(model.hamiltonian(sign * k)) for sign in (1, -1))
    return float(np.abs(there - back).max())


def _half_width(model: Model) -> float:
    return float(getattr(model, "scale", 1.0))


def _smallest_gaps(k: FloatArray, energy: FloatArray) -> list[Gap]:
    gaps = []
    for band, distance in enumerate(np.diff(energy, axis=1).T):
        if distance.max() < DEGENERATE_EV:
            continue
        point = int(distance.argmin())
        middle = float(energy[point, band : band + 2].mean())
        gaps.append(Gap(band + 1, float(distance[point]), middle, k[point]))
    return sorted(gaps, key=lambda gap: gap.size)
