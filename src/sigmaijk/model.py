"""Contract of a Bloch model: its dimension, its k-domain, and H(k) with exact k-derivatives.

A catalogue of members stands in `models/`. Everything above this room (bands, geometry, terms, integrators) sees a
model only through this contract.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from .arrays import ComplexArray, FloatArray, IntArray
from .errors import ArgumentError, ArgumentTypeError


@dataclass(frozen=True)
class HamiltonianJet:
    """H and its k-derivatives at a batch of k, in one orthonormal basis that is smooth in k (eV, nm).

    The derivatives are those of the matrix in that basis; where the basis carries orbital positions in its phases
    (`exp(i k.(R + tau_b - tau_a))`) nothing else is needed. `connection` and `connection_curl` are present only for
    models with off-diagonal position matrices.
    """

    value: ComplexArray
    """H, shape (nk, n, n), eV."""
    gradient: ComplexArray
    """d_a H, shape (nk, dim, n, n), eV nm."""
    hessian: ComplexArray | None = None
    """d_a d_b H, shape (nk, dim, dim, n, n), eV nm**2; None unless order 2 was asked for."""
    connection: ComplexArray | None = None
    """A^W_a, the interpolated position matrix less the positions in the phases, shape (nk, dim, n, n), nm."""
    connection_curl: ComplexArray | None = None
    """F_ab = d_a A_b - d_b A_a - i [A_a, A_b] (WANG_2006), shape (nk, dim, dim, n, n), nm**2."""


class Model(ABC):
    """A Bloch Hamiltonian H(k) with exact first and second derivatives."""

    dim: int
    """Number of k directions, 2 or 3."""
    n_bands: int
    spin_degeneracy: int
    """Factor on every sum over bands: 2 for a spinless model that stands for both spins."""
    periodic: bool
    """True for a lattice model (the domain is one reciprocal cell), False for the k plane or space."""
    name: str
    """What a result calls this model, with its parameters."""
    scale: float
    """For the k plane or space: half-width of the first box that is searched for Fermi surfaces, 1/nm."""
    reciprocal: FloatArray
    """For a lattice model: rows are the reciprocal vectors, (dim, dim), 1/nm."""
    hopping_range: IntArray
    """For a lattice model: the largest |R_i| of a hopping that counts, (dim,); it sets the first mesh."""

    @abstractmethod
    def jet(self, k: FloatArray, order: int = 2) -> HamiltonianJet:
        """H and its derivatives up to `order` (1 or 2) at k of shape (nk, dim), Cartesian, 1/nm. Trusts its input."""

    @abstractmethod
    def hamiltonian(self, k: ArrayLike) -> ComplexArray:
        """H at k of shape (nk, dim) in 1/nm, shape (nk, n, n), eV."""

    def derivatives(self, k: ArrayLike, order: int = 1) -> ComplexArray:
        """The first (nk, dim, n, n) or second (nk, dim, dim, n, n) k-derivatives of H, eV nm**order."""
        points = as_points(k, self.dim)
        if order == 1:
            return self.jet(points, 1).gradient
        if order == 2:
            hessian = self.jet(points, 2).hessian
            assert hessian is not None
            return hessian
        raise ArgumentError(f"order must be 1 or 2, got {order!r}")


def as_model(model: object) -> Model:
    """The model itself; raises ArgumentTypeError for anything else."""
    if not isinstance(model, Model):
        raise ArgumentTypeError(
            "model must be a ContinuumModel, a LatticeModel or what sg.models and sg.read_wannier90 return, "
            f"got {type(model).__name__}"
        )
    return model


def as_points(k: ArrayLike, dim: int) -> FloatArray:
    """A batch of k as a float array of shape (nk, dim).

    Raises ArgumentTypeError for what is not real, and ArgumentError for any other shape or for nan and inf.
    """
    points = as_reals("k", k, f"an array of real numbers of shape (nk, {dim})")
    if points.ndim == 1 and points.shape == (dim,):
        points = points[None]
    if points.ndim != 2 or points.shape[1] != dim:
        raise ArgumentError(f"k must have shape (nk, {dim}) for a model of dimension {dim}, got shape {points.shape}")
    if not np.isfinite(points).all():
        raise ArgumentError("k must be finite, got nan or inf")
    return points


def as_reals(name: str, values: ArrayLike, wanted: str) -> FloatArray:
    """Real numbers as a float array of any shape; nothing is rounded, parsed or dropped on the way.

    Raises ArgumentTypeError, with the name of the argument and what is wanted, for complex numbers, truth values, text,
    None and rows of unequal length.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as failure:
        raise ArgumentTypeError(f"{name} must be {wanted}, got {_shown(values)}: {failure}") from failure
    if np.iscomplexobj(array):
        raise ArgumentTypeError(
            f"{name} must be real, got complex numbers; if their imaginary parts are rounding, pass the .real part"
        )
    if array.dtype.kind == "O" and all(isinstance(entry, Real) for entry in array.flat):  # fractions, huge integers
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as failure:
            raise ArgumentTypeError(f"{name} must be {wanted}, got {_shown(values)}: {failure}") from failure
    if array.dtype.kind not in "iuf":
        raise ArgumentTypeError(f"{name} must be {wanted}, got {_shown(values)}")
    return array.astype(np.float64, copy=False)


def as_number(name: str, value: object, unit: str = "") -> float:
    """One real number; raises ArgumentTypeError for anything else, also for an array of one."""
    wanted = f"one real number{unit and f' ({unit})'}"
    number = as_reals(name, value, wanted)  # pyright: ignore[reportArgumentType]
    if number.ndim:
        raise ArgumentTypeError(f"{name} must be {wanted}, got {_shown(value)}")
    return float(number)


def _shown(values: object) -> str:
    text = " ".join(repr(values).split())
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(values).__name__})"
