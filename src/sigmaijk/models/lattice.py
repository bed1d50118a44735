"""A tight-binding or Wannier model: H(k) and its exact derivatives as a Fourier sum over lattice vectors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sigmaijk.errors import ArgumentError, ArgumentTypeError, ModelError
from sigmaijk.model import ComplexArray, FloatArray, HamiltonianJet, Model, as_points, as_reals

Vector = tuple[int, ...]
Blocks = Mapping[Vector, ArrayLike]

# Files print six decimals, so two rounded numbers that should be equal differ by up to 1e-6 (eV or angstrom).
HERMITICITY_TOLERANCE_EV = 2e-6
HERMITICITY_TOLERANCE_NM = 2e-5
POSITION_TOLERANCE_NM = 1e-6
NEGLIGIBLE_HOPPING = 1e-6
"""Share of the largest entry of H below which a hopping does not count for `hopping_range`."""


class LatticeModel(Model):
    """H_ab(k) = sum_R exp(i k.(R + tau_b - tau_a)) <0a|H|Rb>, on a Bravais lattice in two or three dimensions.

    lattice: rows are a_1 .. a_dim, (dim, dim), nm; either handedness.
    hoppings: {(R_1 .. R_dim): <0a|H|Rb> (n, n)}, eV, both R and -R; H(-R) = H(R)^+ within 2e-6 eV; the lower
        triangle is then kept, as an eigensolver would read it.
    positions: tau, (n, dim), nm, Cartesian; zeros by default. They enter Omega, g and G.
    position_matrices: {R: <0a|r|Rb> (dim, n, n)}, nm, the centres on the diagonal of R = 0: these are the positions.
    spin_degeneracy: 2 when every band stands for both spins.

    `n_vectors` is the number of R with hoppings, `asymmetry` the largest |H(-R) - H(R)^+| as given, eV.
    Raises ArgumentError or ModelError that name the offending lattice vector and entry.
    """

    periodic = True

    def __init__(
        self,
        lattice: ArrayLike,
        hoppings: Blocks,
        *,
        positions: ArrayLike | None = None,
        position_matrices: Blocks | None = None,
        spin_degeneracy: int = 1,
        name: str | None = None,
    ) -> None:
        self.lattice = _checked_lattice(lattice)
        self.dim = len(self.lattice)
        self.volume = float(abs(np.linalg.det(self.lattice)))
        self.reciprocal = np.asarray(2 * np.pi * np.linalg.inv(self.lattice).T, dtype=np.float64)
        vectors, energies = _stacked("hoppings", hoppings, self.dim, ())
        mirrored = _mirrored("hoppings", vectors, energies, HERMITICITY_TOLERANCE_EV, "eV")
        self.asymmetry = float(np.abs(energies - mirrored).max())
        energies = _completed_from_lower_triangle(energies, mirrored)
        self.n_vectors = int(energies.any(axis=(1, 2)).sum())
        self.n_bands = energies.shape[-1]
        self.positions, displacements = _checked_positions(positions, position_matrices, self.dim, self.n_bands)
        integer = isinstance(spin_degeneracy, Integral) and not isinstance(spin_degeneracy, bool)
        if not integer or spin_degeneracy not in (1, 2):
            raise ArgumentError(f"spin_degeneracy must be 1 or 2, got {spin_degeneracy!r}")
        self.spin_degeneracy = int(spin_degeneracy)
        self.name = f"LatticeModel({self.n_bands} bands, {self.dim}D)" if name is None else name
        self.thickness: float | None = None
        self.hopping_range = _hopping_range(vectors, energies)
        self._vectors, self._energies, self._displacements = _half_space(vectors, energies, displacements)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the cached Fourier coefficients, which a worker rebuilds faster than it could receive them."""
        return {key: value for key, value in self.__dict__.items() if not key.endswith("_coefficients")}

    def cartesian(self, k_reduced: ArrayLike) -> FloatArray:
        """Cartesian k in 1/nm, (nk, dim), of k in units of the reciprocal vectors."""
        return as_points(k_reduced, self.dim) @ self.reciprocal

    def hamiltonian(self, k: ArrayLike) -> ComplexArray:
        """H at k of shape (nk, dim) in 1/nm, shape (nk, n, n), eV."""
        points = as_points(k, self.dim)
        value = self._summed(self._basis(points), self._value_coefficients, ())
        return value if (phases := self._phases(points)) is None else np.multiply(value, phases, out=value)

    def jet(self, k: FloatArray, order: int = 2) -> HamiltonianJet:
        """H and its derivatives up to `order`, with connection and curl when there are off-diagonal position matrices.

        One real matrix product per quantity, [1, cos k.R, sin k.R] times Hermitian coefficients over half of the R:
        in the gauge without positions D_a X = d_a X - i [tau_a, X] has such coefficients too, and the phases
        exp(i k.(tau_b - tau_a)), applied last, turn it into the plain derivative of the phased matrix.
        """
        basis, phases = self._basis(k), self._phases(k)
        value = self._summed(basis, self._value_coefficients, ())
        gradient = self._summed(basis, self._gradient_coefficients, (self.dim,))
        if phases is not None:
            value *= phases
            gradient *= phases[:, None]
        jet = HamiltonianJet(value, gradient, self._hessian(basis, phases) if order == 2 else None)
        if self._displacements is None:
            return jet
        connection = self._summed(basis, self._connection_coefficients, (self.dim,))
        if phases is not None:
            connection *= phases[:, None]
        curl = self._curl(basis, phases, connection)
        return HamiltonianJet(jet.value, jet.gradient, jet.hessian, connection, curl)

    def _hessian(self, basis: FloatArray, phases: ComplexArray | None) -> ComplexArray:
        nk, d, n = len(basis), self.dim, self.n_bands
        hessian = np.empty((nk, d, d, n, n), dtype=np.complex128)
        flat = hessian.view(np.float64).reshape(nk, d, d * 2 * n * n)
        for a, coefficients in enumerate(self._hessian_coefficients):
            np.matmul(basis, coefficients, out=flat[:, a, a * 2 * n * n :])
            if phases is not None:
                hessian[:, a, a:] *= phases[:, None]
            hessian[:, a + 1 :, a] = hessian[:, a, a + 1 :]
        return hessian

    def _curl(self, basis: FloatArray, phases: ComplexArray | None, connection: ComplexArray) -> ComplexArray:
        nk, d, n = len(basis), self.dim, self.n_bands
        pairs = _pairs(d)
        rotation = self._summed(basis, self._curl_coefficients, (len(pairs),))
        curl = np.zeros((nk, d, d, n, n), dtype=np.complex128)
        for number, (a, b) in enumerate(pairs):
            product = connection[:, a] @ connection[:, b]
            commutator = product - product.conj().swapaxes(-1, -2)
            turned = rotation[:, number] if phases is None else rotation[:, number] * phases
            curl[:, a, b] = turned - 1j * commutator
            curl[:, b, a] = -curl[:, a, b]
        return curl

    def _summed(self, basis: FloatArray, coefficients: FloatArray, axes: tuple[int, ...]) -> ComplexArray:
        return (basis @ coefficients).view(np.complex128).reshape(len(basis), *axes, self.n_bands, self.n_bands)

    def _basis(self, k: FloatArray) -> FloatArray:
        """[1, cos k.R .., sin k.R ..] over the half space of R, (nk, 1 + 2 nR), from short tables of exp(i m k.a)."""
        angles, halves = k @ self.lattice.T, self._vectors[1:]
        wave = np.ones((len(k), len(halves)), dtype=np.complex128)
        for axis in range(self.dim):
            reach = int(np.abs(halves[:, axis]).max(initial=0))
            upward = np.exp(1j * angles[:, axis, None] * np.arange(reach + 1))
            table = np.concatenate([upward[:, :0:-1].conj(), upward], axis=1)
            wave *= table[:, halves[:, axis] + reach]
        basis = np.empty((len(k), 2 * len(halves) + 1))
        basis[:, 0] = 1.0
        basis[:, 1 : len(halves) + 1] = wave.real
        basis[:, len(halves) + 1 :] = wave.imag
        return basis

    def _phases(self, k: FloatArray) -> ComplexArray | None:
        """exp(i k.(tau_b - tau_a)), (nk, n, n); None when all positions coincide."""
        if not np.ptp(self.positions, axis=0).any():
            return None
        wave = np.exp(1j * (k @ self.positions.T))
        return wave.conj()[:, :, None] * wave[:, None, :]

    @cached_property
    def _value_coefficients(self) -> FloatArray:
        return _series(self._energies)

    @cached_property
    def _gradient_coefficients(self) -> FloatArray:
        return _series(self._separations * self._energies[:, None])

    @cached_property
    def _hessian_coefficients(self) -> tuple[FloatArray, ...]:
        rates = self._separations
        first = rates * self._energies[:, None]
        return tuple(_series(rates[:, a:] * first[:, a, None]) for a in range(self.dim))

    @cached_property
    def _connection_coefficients(self) -> FloatArray:
        assert self._displacements is not None
        return _series(self._displacements)

    @cached_property
    def _curl_coefficients(self) -> FloatArray:
        rates, shifts = self._separations, self._displacements
        assert shifts is not None
        parts = [rates[:, a] * shifts[:, b] - rates[:, b] * shifts[:, a] for a, b in _pairs(self.dim)]
        return _series(np.stack(parts, axis=1))

    @property
    def _separations(self) -> ComplexArray:
        """I (R + tau_b - tau_a), (nR, dim, n, n): the factor that a k-derivative brings down."""
        between = self.positions[None, :, :] - self.positions[:, None, :]
        cells = self._vectors @ self.lattice
        return np.asarray(1j * (cells[:, :, None, None] + np.moveaxis(between, -1, 0)[None]), dtype=np.complex128)


def _pairs(dim: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(dim) for b in range(a + 1, dim)]


def _series(blocks: ComplexArray) -> FloatArray:
    """Real view of the coefficients of [1, cos, sin] in sum_R exp(i k.R) X_R, given X at R = 0 and the half space."""
    mirrored = blocks[1:].conj().swapaxes(-1, -2)
    stacked = np.concatenate([blocks[:1], blocks[1:] + mirrored, 1j * (blocks[1:] - mirrored)])
    return stacked.reshape(len(stacked), -1).view(np.float64)


def _half_space(
    vectors: list[Vector], energies: ComplexArray, displacements: dict[Vector, ComplexArray] | None
) -> tuple[np.ndarray, ComplexArray, ComplexArray | None]:
    """R = 0 first, then one of each pair R, -R that holds anything: vectors, H and (or None) r, in that order."""
    dim, n = len(vectors[0]), energies.shape[-1]
    hoppings = dict(zip(vectors, energies, strict=True))
    shifts = displacements or {}
    origin = (0,) * dim
    held = {R for R, block in hoppings.items() if block.any()} | {R for R, block in shifts.items() if block.any()}
    kept = [origin, *sorted(R for R in held if origin < R)]
    none, no_shift = np.zeros((n, n), dtype=np.complex128), np.zeros((dim, n, n), dtype=np.complex128)
    half_energies = np.stack([hoppings.get(R, none) for R in kept])
    if not any(block.any() for block in shifts.values()):
        return np.array(kept, dtype=np.int64), half_energies, None
    return np.array(kept, dtype=np.int64), half_energies, np.stack([shifts.get(R, no_shift) for R in kept])


def _hopping_range(vectors: list[Vector], energies: ComplexArray) -> np.ndarray:
    largest = np.abs(energies).max(axis=(-2, -1))
    kept = largest > NEGLIGIBLE_HOPPING * largest.max()
    return np.abs(np.array(vectors)[kept]).max(axis=0, initial=0)


def _checked_lattice(lattice: ArrayLike) -> FloatArray:
    rows = as_reals("lattice", lattice, "an array of numbers, its rows the lattice vectors in nm")
    if rows.shape not in ((2, 2), (3, 3)):
        raise ArgumentError(
            f"lattice must have shape (2, 2) or (3, 3), its rows the lattice vectors in nm, got {rows.shape}"
        )
    if not np.isfinite(rows).all():
        raise ArgumentError(f"lattice must be finite, got {rows.tolist()}")
    lengths = np.linalg.norm(rows, axis=1)
    if not abs(np.linalg.det(rows)) > 1e-9 * lengths.prod():
        raise ArgumentError(f"lattice vectors must be linearly independent, got {rows.tolist()} nm")
    return rows.copy()


def _as_complex(argument: str, value: ArrayLike) -> ComplexArray:
    try:
        array = np.asarray(value)
        numbers = None if array.dtype.kind in "SU" else array.astype(np.complex128)  # NumPy would parse text
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"{argument} must be an array of numbers: {error}") from error
    if numbers is None:
        raise ArgumentTypeError(f"{argument} must be an array of numbers, got text")
    return numbers


def _stacked(argument: str, blocks: Blocks, dim: int, axes: tuple[int, ...]) -> tuple[list[Vector], ComplexArray]:
    """Lattice vectors and matrices of a dictionary, (nR, *axes, n, n), checked for keys, shapes and finiteness."""
    if not isinstance(blocks, Mapping):
        raise ArgumentTypeError(f"{argument} must be a dictionary {{R: matrix}}, got {type(blocks).__name__}")
    if not blocks:
        raise ArgumentError(f"{argument} must hold at least one lattice vector R, got an empty dictionary")
    vectors: list[Vector] = []
    for key in blocks:
        if not isinstance(key, tuple) or len(key) != dim or not all(isinstance(entry, Integral) for entry in key):
            raise ArgumentError(f"{argument}: each key R must be a tuple of {dim} integers, got {key!r}")
        vectors.append(tuple(int(entry) for entry in key))
    matrices = [_as_complex(f"{argument} at R = {R}", block) for R, block in blocks.items()]
    n = matrices[0].shape[-1] if matrices[0].ndim else 0
    expected = (*axes, n, n)
    for R, matrix in zip(vectors, matrices, strict=True):
        if n == 0 or matrix.shape != expected:
            wanted = ", ".join([*map(str, axes), "n", "n"])
            raise ModelError(
                f"{argument} must be matrices of shape ({wanted}) with one n for all R, got {matrix.shape} at R = {R}"
                f" and {matrices[0].shape} at R = {vectors[0]}"
            )
    stack = np.stack(matrices)
    if not np.isfinite(stack).all():
        number, *entry = map(int, np.argwhere(~np.isfinite(stack))[0])
        raise ModelError(
            f"{argument} must be finite, got {stack[number, *entry]} at R = {vectors[number]}, entry {entry}"
        )
    return vectors, stack


def _completed_from_lower_triangle(blocks: ComplexArray, mirrored: ComplexArray) -> ComplexArray:
    """Hermitian H(R) that keeps the entries of the lower triangle, as LAPACK does with H(k), and the mean diagonal.

    Both entries of a pair are rounded alike, so neither is better; but at hot spots of G, where two bands come within
    1 meV, the choice shows (6e-5 on the small WTe2 grid), and most programs let the eigensolver read this triangle.
    """
    n = blocks.shape[-1]
    completed = np.where(np.tri(n, k=-1, dtype=bool), blocks, mirrored)
    diagonal = np.arange(n)
    completed[:, diagonal, diagonal] = 0.5 * (blocks + mirrored)[:, diagonal, diagonal]
    return completed


def _mirrored(argument: str, vectors: list[Vector], blocks: ComplexArray, tolerance: float, unit: str) -> ComplexArray:
    """X(-R)^+ of each R, checked: every -R is there and the two differ by no more than the tolerance."""
    number_of = {R: number for number, R in enumerate(vectors)}
    partners = []
    for R in vectors:
        opposite = tuple(-entry for entry in R)
        if opposite not in number_of:
            raise ModelError(
                f"{argument} has R = {R} but not -R = {opposite}; give both, the matrix at -R being the conjugate"
                " transpose of the matrix at R"
            )
        partners.append(number_of[opposite])
    mirrored = blocks[partners].conj().swapaxes(-1, -2)
    deviation = np.abs(blocks - mirrored)
    if deviation.max() > tolerance:
        number, *entry = map(int, np.unravel_index(deviation.argmax(), deviation.shape))
        raise ModelError(
            f"{argument} must be Hermitian, X(-R) = X(R)^+ within {tolerance:g} {unit}; at R = {vectors[number]}, entry"
            f" {entry}, X(R) is {blocks[number, *entry]:.6g} and X(-R)^+ is {mirrored[number, *entry]:.6g} {unit}"
        )
    return mirrored


def _checked_positions(
    positions: ArrayLike | None, matrices: Blocks | None, dim: int, n: int
) -> tuple[FloatArray, dict[Vector, ComplexArray] | None]:
    """Tau (n, dim), and the position matrices less tau on their R = 0 diagonal (None if there are none)."""
    tau = np.zeros((n, dim))
    if positions is not None:
        tau = as_reals("positions", positions, "an array of numbers, (n_bands, dim), nm").copy()
        if tau.shape != (n, dim):
            raise ArgumentError(f"positions must have shape (n_bands, dim) = ({n}, {dim}), nm, got {tau.shape}")
        if not np.isfinite(tau).all():
            raise ArgumentError(f"positions must be finite, got {tau[~np.isfinite(tau)][0]}")
    if matrices is None:
        return tau, None
    vectors, blocks = _stacked("position_matrices", matrices, dim, (dim,))
    if blocks.shape[-1] != n:
        raise ModelError(
            f"position_matrices must have shape ({dim}, {n}, {n}) as the hoppings are {n} x {n}, got {blocks.shape[1:]}"
        )
    mirrored = _mirrored("position_matrices", vectors, blocks, HERMITICITY_TOLERANCE_NM, "nm")
    blocks = (blocks + mirrored) / 2
    origin = (0,) * dim
    if origin not in vectors:
        raise ModelError(f"position_matrices must hold R = {origin}: its diagonal is the positions")
    home = blocks[vectors.index(origin)]
    centres = np.einsum("aii->ia", home).real.copy()
    if positions is not None and np.abs(centres - tau).max() > POSITION_TOLERANCE_NM:
        raise ArgumentError(
            f"positions differ from the R = 0 diagonal of position_matrices by {np.abs(centres - tau).max():.3g} nm;"
            " give only one of them (the diagonal is the positions and is not added to them)"
        )
    np.einsum("aii->ai", home)[...] = 0.0
    return centres, dict(zip(vectors, blocks, strict=True))
