"""What a model is, before anything is integrated: bands, domain, health of H(k), symmetries, smallest gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import ComplexArray, FloatArray
from .errors import ModelError
from .geometry import band_geometry
from .model import Model
from .models.lattice import LatticeModel

SAMPLE_POINTS = {2: 24, 3: 9}
"""Sampled k per direction."""

REVERSAL_POINTS = 64
"""Random k at which E(k) and E(-k) are compared."""

DEGENERATE_EV = 1e-6
"""Neighbouring bands closer than this at every sampled k are counted as one degenerate pair."""

MATRIX_POINTS = 12
"""Random k at which a unitary must turn one matrix into the other."""

MOST_BANDS = 16
"""Up to so many bands the best unitary of a symmetry is looked for; beyond, spectra and curvatures are compared."""

SMOOTHING_EV = 0.2
"""Width of the occupation under which curvatures are compared: what nearly degenerate bands do then cancels."""

NEAR_EV = 0.5
"""Gaps whose middle lies further from a given mu are not listed."""

MINIMA = 3
"""Local minima of the gap of two bands, on the sample, that are followed to the bottom."""


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
class SymmetryCheck:
    """How far a model is from a symmetry."""

    name: str
    energies: float
    """Largest difference of energies that it makes equal, eV: a lower bound of the breaking."""
    matrices: float | None
    """What the best unitary leaves of the difference of matrices, eV; None for too many bands.

    Wannier functions in a complex gauge may have no unitary that is the same at every k: this is then of no meaning.
    """
    curvature: float | None
    """Share by which the curvature of occupied states has the wrong parity; None for PT."""


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
    symmetries: list[SymmetryCheck]
    """Time reversal, inversion, and their product."""
    energy_range: tuple[float, float]
    degenerate_pairs: int
    gaps: list[Gap]
    """The smallest gaps first, local minima of the distance of neighbouring bands."""
    sampled: int


def inspect_model(model: Model, mu: float | None = None) -> Inspection:
    """Diagonalise H on a small regular sample of k, off the symmetry points, and collect what a user should know.

    mu (eV): only gaps within NEAR_EV of it are listed. Raises ModelError when H is not finite on the sample.
    """
    k = sample(model)
    hamiltonian = model.hamiltonian(k)
    if not np.isfinite(hamiltonian).all():
        worst = k[np.flatnonzero(~np.isfinite(hamiltonian).all(axis=(1, 2)))[0]]
        raise ModelError(f"H(k) is not finite at k = {worst.tolist()} 1/nm")
    energy: FloatArray = np.linalg.eigvalsh(hamiltonian).astype(np.float64)
    lattice = model if isinstance(model, LatticeModel) else None
    reversal = reversal_deviation(model, np.random.default_rng(0))
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
        reversal_deviation=reversal,
        reversal_points=REVERSAL_POINTS,
        symmetries=symmetry_checks(model, reversal, np.random.default_rng(1)),
        energy_range=(float(energy.min()), float(energy.max())),
        degenerate_pairs=int((np.diff(energy, axis=1).max(axis=0, initial=0.0) < DEGENERATE_EV).sum()),
        gaps=_smallest_gaps(model, k, energy, mu),
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
    k = _random_points(model, REVERSAL_POINTS, rng)
    there, back = (np.linalg.eigvalsh(model.hamiltonian(sign * k)) for sign in (1, -1))
    return float(np.abs(there - back).max())


def symmetry_checks(model: Model, reversal: float, rng: np.random.Generator) -> list[SymmetryCheck]:
    """Time reversal, inversion and their product: energies, the parity of the curvature, and for few bands a unitary.

    H carries the phases of the orbital positions, so that a unitary of either symmetry is the same at every k.
    """
    k = _random_points(model, MATRIX_POINTS, rng)
    there, back = model.hamiltonian(k), model.hamiltonian(-k)
    pairs = pair_splitting(there)
    odd, even = curvature_parity(model, k)
    sides = {
        "time reversal": (there.conj(), back, reversal, odd),
        "inversion": (there, back, reversal, even),
        "PT": (there.conj(), there, pairs, None),
    }
    small = model.n_bands <= MOST_BANDS
    return [
        SymmetryCheck(name, size, unitary_deviation(left, right, rng) if small else None, share)
        for name, (left, right, size, share) in sides.items()
    ]


def unitary_deviation(left: ComplexArray, right: ComplexArray, rng: np.random.Generator) -> float:
    """Largest |U L U^+ - R| (spectral norm, eV) over the matrices (k, n, n), for the best unitary U that was found.

    U is sought among the X that minimise sum_k |X L - R X|**2, a linear problem, and then polished.
    """
    n = left.shape[1]
    one = np.eye(n)
    squares = [np.einsum("kij,kjl->il", m, m) for m in (left, right)]
    mixed = np.einsum("kac,kdb->abcd", right, left).reshape(n * n, n * n)
    problem = np.kron(one, squares[0].T) + np.kron(squares[1], one) - 2.0 * mixed
    _, vectors = np.linalg.eigh(problem)
    shift = max(float(np.abs(np.linalg.eigvalsh(m)).max()) for m in (left, right)) + 1e-300
    best = np.inf
    for count in sorted({min(count, n * n) for count in (1, 2, 4, 8)}):
        weight = rng.normal(size=(count, 2)) @ [1.0, 1.0j]
        U = _polar(np.asarray(vectors[:, :count] @ weight, dtype=np.complex128).reshape(n, n))
        for _ in range(60):
            U = _polar(np.einsum("kab,bc,kcd->ad", right + shift * one, U, left + shift * one, optimize=True))
        best = min(best, float(np.linalg.norm(U @ left @ U.conj().T - right, ord=2, axis=(1, 2)).max()))
    return best


def _polar(matrix: ComplexArray) -> ComplexArray:
    first, _, last = np.linalg.svd(matrix)
    return first @ last


def pair_splitting(hamiltonian: ComplexArray) -> float:
    """Largest distance within the pairs of bands 1-2, 3-4, .. in eV: zero under PT of electrons with spin."""
    energy = np.linalg.eigvalsh(hamiltonian)
    if energy.shape[1] % 2:
        return float(np.ptp(energy, axis=1).max())
    return float((energy[:, 1::2] - energy[:, ::2]).max())


def curvature_parity(model: Model, k: FloatArray) -> tuple[float, float]:
    """Shares by which the curvature of occupied states is not odd (time reversal) and not even (inversion) in k.

    Summed over states under a smooth occupation at three levels, so that splittings far below its width do not matter.
    """
    there, back = (band_geometry(model, sign * k, degeneracy_tol=1e-4) for sign in (1.0, -1.0))
    levels = np.quantile(there.energy, [0.3, 0.5, 0.7])
    sums = [
        np.einsum(
            "mkn,knab->mkab",
            0.5 - 0.5 * np.tanh((g.energy - levels[:, None, None]) / (2 * SMOOTHING_EV)),
            g.berry_curvature,
        )
        for g in (there, back)
    ]
    size = max(float(np.abs(part).max()) for part in sums)
    if size == 0.0:
        return 0.0, 0.0
    return float(np.abs(sums[0] + sums[1]).max()) / size, float(np.abs(sums[0] - sums[1]).max()) / size


def _random_points(model: Model, count: int, rng: np.random.Generator) -> FloatArray:
    fractions = rng.uniform(-0.5, 0.5, (count, model.dim))
    return model.cartesian(fractions) if isinstance(model, LatticeModel) else 2 * fractions * _half_width(model)


def _half_width(model: Model) -> float:
    return float(getattr(model, "scale", 1.0))


def _smallest_gaps(model: Model, k: FloatArray, energy: FloatArray, mu: float | None) -> list[Gap]:
    """Bottoms of the deepest local minima of each distance of neighbouring bands that are not degenerate everywhere."""
    number = SAMPLE_POINTS[model.dim]
    gaps: list[Gap] = []
    seeds: list[tuple[float, int, int]] = []
    for band, distance in enumerate(np.diff(energy, axis=1).T):
        if distance.max() < DEGENERATE_EV:
            continue
        grid = distance.reshape((number,) * model.dim)
        low = np.ones(grid.shape, dtype=bool)
        for axis in range(model.dim):
            for step in (1, -1):
                low &= grid <= np.roll(grid, step, axis=axis)
        if mu is not None:
            middle = 0.5 * (energy[:, band] + energy[:, band + 1])
            low &= (np.abs(middle - mu) <= NEAR_EV).reshape(low.shape)
        minima = np.flatnonzero(low.ravel())
        deepest = minima[np.argsort(distance[minima])][:MINIMA]
        seeds += [(float(distance[point]), band, int(point)) for point in deepest]
    for _, band, point in sorted(seeds)[: 2 * MINIMA]:
        gap = _bottom(model, k[point], band)
        if not any(gap.lower_band == other.lower_band and _same_place(model, gap.k, other.k) for other in gaps):
            gaps.append(gap)
    return sorted(gaps, key=lambda gap: gap.size)


def _bottom(model: Model, k: FloatArray, band: int) -> Gap:
    """The local minimum of the distance of two bands near k, by a search without derivatives: a node has a cusp."""
    from scipy.optimize import minimize

    def distance(q: FloatArray) -> float:
        energy = np.linalg.eigvalsh(model.hamiltonian(q[None]))[0]
        return float(energy[band + 1] - energy[band])

    step = (np.linalg.norm(model.reciprocal, axis=1).min() if model.periodic else 2 * _half_width(model)) / 100
    start = np.concatenate([k[None], k + step * np.eye(model.dim)])
    options = {"xatol": 1e-9, "fatol": 1e-11, "initial_simplex": start, "maxiter": 300}
    found = minimize(distance, k, method="Nelder-Mead", options=options).x
    energy = np.linalg.eigvalsh(model.hamiltonian(found[None]))[0, band : band + 2]
    return Gap(band + 1, float(energy[1] - energy[0]), float(energy.mean()), _folded(model, found))


def _folded(model: Model, k: FloatArray) -> FloatArray:
    """The same k in the cell around k = 0."""
    if not model.periodic:
        return k
    reduced = k @ np.linalg.inv(model.reciprocal)
    return (reduced - np.round(reduced - 1e-6)) @ model.reciprocal


def _same_place(model: Model, first: FloatArray, second: FloatArray) -> bool:
    away = _folded(model, first - second)
    return bool(np.linalg.norm(away) < 1e-4 * (1.0 + np.linalg.norm(second)))
