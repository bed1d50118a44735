"""Geometry of bands: velocity, inverse mass, curvature, metric, band-normalized metric and its dipole.

Each formula is written once, on block arrays of `bands`, and holds for single bands and for degenerate groups alike.
With position matrices the interband connection carries them; g and G have no completion inside the Wannier space
(unlike Omega), so for a truncated Wannier model they are those of the Wannier subspace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .arrays import FloatArray
from .bands import Bands, solve
from .errors import ArgumentError
from .model import Model, as_model, as_number, as_points

CHUNK_BYTES = 1_500_000
"""Workspace of one batch of k: what a cache of the second level holds, and what the allocator of the C library keeps
for the next batch. Twice that takes half as long again where others use the memory, a tenth less where nobody does."""


def quantum_metric(bands: Bands) -> np.ndarray:
    """Block array of g^ab = Re sum_m A^a_nm A^b_mn in nm**2, (k, a, b, ..)."""
    sums = bands.virtual(bands.interband_connection, bands.interband_connection, 0)
    return 0.5 * (sums + sums.swapaxes(1, 2))


def berry_curvature(bands: Bands) -> np.ndarray:
    """Block array of Omega^ab = i sum_m (A^a_nm A^b_mn' - A^b_nm A^a_mn') + U^+ F_ab U in nm**2, (k, a, b, ..).

    For a single band this is -2 Im sum_m V^a_nm V^b_mn / (e_n - e_m)**2 = d_a A_b - d_b A_a (XIAO_2010, Eq. 1.13); the
    last part is there for models with position matrices only (WANG_2006).
    """
    sums = bands.virtual(bands.interband_connection, bands.interband_connection, 0)
    curvature = 1j * (sums - sums.swapaxes(1, 2))
    completion = bands.curvature_completion()
    return curvature if completion is None else curvature + completion


def band_normalized_metric(bands: Bands) -> np.ndarray:
    """Block array of G^ab = 2 Re sum_m A^a_nm A^b_mn / (e_n - e_m) in nm**2/eV, (k, a, b, ..).

    For a model without position matrices this is 2 Re sum_m V^a_nm V^b_mn / (e_n - e_m)**3 (QIANG_2025, below Eq. 5);
    the Berry connection polarizability is e G.
    """
    sums = bands.virtual(bands.interband_connection, bands.interband_connection, 1)
    return sums + sums.swapaxes(1, 2)


def inverse_mass(bands: Bands) -> np.ndarray:
    """Block array of w^ab = <n| d_a d_b H |n'> + 2 Re sum_m V^a_nm V^b_mn' / (e_n - e_m) in eV nm**2, (k, a, b, ..)."""
    sums = bands.virtual(bands.interband_velocity, bands.interband_velocity, 1)
    return bands.inverse_mass_direct() + sums + sums.swapaxes(1, 2)


def velocity_product(bands: Bands, block: np.ndarray) -> FloatArray:
    """(1/|D|) Re Tr[V^c X^ab] over each group for a block array X^ab: (k, c, a, b, n)."""
    return bands.traced(bands.velocity, block)


def quantum_metric_dipole(bands: Bands) -> FloatArray:
    """Lambda^ijk = v_i G^jk - (v_j G^ik + v_k G^ij)/2 in nm**3, traced within each group (QIANG_2025, Eq. 14)."""
    product = velocity_product(bands, band_normalized_metric(bands))
    return product - 0.5 * (product.swapaxes(1, 2) + np.moveaxis(product, 1, 3))


@dataclass(frozen=True)
class BandGeometry:
    """Geometry of all bands at a batch of k in natural units (eV, nm); each band carries the average of its group."""

    energy: FloatArray
    """(nk, n), eV, sorted."""
    velocity: FloatArray
    """d eps/dk, (nk, n, dim), eV nm."""
    inverse_mass: FloatArray
    """w, (nk, n, dim, dim), eV nm**2."""
    quantum_metric: FloatArray
    """g, (nk, n, dim, dim), nm**2."""
    berry_curvature: FloatArray
    """Omega^ij, antisymmetric, (nk, n, dim, dim), nm**2."""
    band_normalized_metric: FloatArray
    """G, (nk, n, dim, dim), nm**2/eV."""
    quantum_metric_dipole: FloatArray
    """Lambda^ijk, (nk, n, dim, dim, dim), nm**3; the sum over cyclic permutations vanishes."""


def chunk_size(model: Model) -> int:
    """Number of k whose workspace stays within CHUNK_BYTES."""
    return max(8, CHUNK_BYTES // (16 * model.n_bands**2 * (2 + 3 * model.dim + model.dim**2)))


def band_geometry(model: Model, k: ArrayLike, *, degeneracy_tol: float = 1e-6) -> BandGeometry:
    """Geometry of every band at k of shape (nk, dim), Cartesian, 1/nm.

    Bands whose energies form a chain of steps of at most `degeneracy_tol` (eV) are one group: sums over the other
    states leave the whole group out, products inside it are traced, and each band of it carries the average.
    Raises ArgumentError for a k of the wrong shape or a negative tolerance, ArgumentTypeError for a wrong type.
    """
    model = as_model(model)
    points = as_points(k, model.dim)
    degeneracy_tol = as_number("degeneracy_tol", degeneracy_tol, "eV")
    if not (np.isfinite(degeneracy_tol) and degeneracy_tol >= 0):
        raise ArgumentError(f"degeneracy_tol must be finite and not negative (eV), got {degeneracy_tol!r}")
    size = chunk_size(model)
    parts = [_geometry_chunk(model, points[s : s + size], degeneracy_tol) for s in range(0, len(points), size)]
    if not parts:
        parts = [_geometry_chunk(model, points, degeneracy_tol)]
    return BandGeometry(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _geometry_chunk(model: Model, k: FloatArray, degeneracy_tol: float) -> tuple[FloatArray, ...]:
    d, n = model.dim, model.n_bands
    shapes = ((), (d,), (d, d), (d, d), (d, d), (d, d), (d, d, d))
    arrays = tuple(np.empty((len(k), n, *shape)) for shape in shapes)
    if len(k) == 0:
        return arrays
    for index, bands in solve(model.jet(k, 2), k, degeneracy_tol):
        quantities = (
            bands.energy,
            bands.average(bands.velocity),
            bands.average(inverse_mass(bands)),
            bands.average(quantum_metric(bands)),
            bands.average(berry_curvature(bands)),
            bands.average(band_normalized_metric(bands)),
            quantum_metric_dipole(bands),
        )
        for array, quantity in zip(arrays, quantities, strict=True):
            array[index] = np.moveaxis(quantity, -1, 1)
    return arrays
