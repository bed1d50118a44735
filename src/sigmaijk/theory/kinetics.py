"""The density matrix of a lattice model to second order in a constant field, order by order in the length gauge.

hbar = e = 1 and charge -e: `0 = -i [H0, rho_n] + E.D rho_(n-1) - (rho_n - target_n)/(share_n tau)`, with D of
`periodic_grid`, and `J_i = -int [dk] Tr(rho D_i H0)`. Derivatives are taken in the orbital basis, so no gauge is
chosen; only the division by i gap + 1/tau is done between eigenstates. Inside a degenerate group the gap counts as
zero: the coherences of a group relax like its populations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..arrays import ComplexArray, FloatArray
from ..bands import Groups, solve
from ..geometry import band_normalized_metric, chunk_size, velocity_product
from ..model import HamiltonianJet
from ..models.lattice import LatticeModel
from .laurent import AtTau, Field, Relaxed, Series, added, mapped
from .periodic_grid import PeriodicGrid
from .relaxation import Relaxation

SMALL = 1e-6
TINY = 1e-300


def fermi(energy: FloatArray, mu: float, kT: float) -> FloatArray:
    """f0."""
    from scipy.special import expit

    return np.asarray(expit(-(energy - mu) / kT))


class VelocityMetric(NamedTuple):
    """P_ijk = sum int [dk] v_i G^jk f0', and how large it could be."""

    value: FloatArray
    modulus: float
    """The integral of moduli: nothing in it cancels."""
    sea: float
    """The same with 1/(width of all bands) for f0': what to expect wherever there is a Fermi surface."""


@dataclass
class Current:
    """I_ijk with a bound of what was added up to it, in which nothing cancels."""

    value: FloatArray
    modulus: float = 0.0


class Kinetics:
    """H0, its eigenpairs and f0(H0) on a grid; everything else follows from them."""

    def __init__(
        self, model: LatticeModel, shape: tuple[int, ...], mu: float, kT: float, degeneracy_tol: float
    ) -> None:
        self.grid = PeriodicGrid.of(model, shape)
        self.mu, self.kT, self.degeneracy_tol = mu, kT, degeneracy_tol
        self.measure = model.spin_degeneracy / (model.volume * len(self.grid.k))
        """Weight of one k in a sum over bands: [dk] and the spins."""
        self._chunk = chunk_size(model)
        hamiltonian, slopes = self._operators(model)
        self.energy, self.vectors = np.linalg.eigh(hamiltonian)
        self._hamiltonian, self._slopes = hamiltonian, slopes
        groups = Groups.find(self.energy, degeneracy_tol)
        self.same = groups.label[:, :, None] == groups.label[:, None, :]
        gap = groups.mean[:, :, None] - groups.mean[:, None, :]
        self.inverse = np.divide(1.0, gap, out=np.zeros_like(gap), where=~self.same)
        electrons, holes = fermi(self.energy, mu, kT), fermi(-self.energy, -mu, kT)
        self.filling = -holes if mu > 0.5 * (self.energy.min() + self.energy.max()) else electrons
        """f0, or f0 - 1 where that keeps more digits: full bands carry no current."""
        self.slope = -electrons * holes / kT
        """f0'."""
        self.velocity = np.stack([self.to_bands(slope) for slope in np.moveaxis(slopes, 1, 0)])
        """<n| D_i H |m>, (i, k, n, m)."""
        self.equilibrium = (self.vectors * self.filling[:, None, :]) @ self._adjoint
        """f0(H0), or f0(H0) - 1, in the orbital basis."""

    def _operators(self, model: LatticeModel) -> tuple[ComplexArray, ComplexArray]:
        """H0 (k, n, n) and D_i H0 (k, i, n, n) in the periodic gauge; off-diagonal position matrices left out."""
        parts = []
        for start in range(0, len(self.grid.k), self._chunk):
            jet = model.jet(self.grid.k[start : start + self._chunk], 1)
            parts.append((jet.value, jet.gradient))
        value, gradient = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return self.grid.without_phases(value), self.grid.without_phases(gradient)

    @cached_property
    def _adjoint(self) -> ComplexArray:
        return np.ascontiguousarray(self.vectors.conj().swapaxes(1, 2))

    def to_bands(self, operator: ComplexArray) -> ComplexArray:
        """Matrix elements between eigenstates of an operator (k, n, n) in the orbital basis."""
        return self._adjoint @ operator @ self.vectors

    def to_orbitals(self, elements: ComplexArray) -> ComplexArray:
        """The inverse of `to_bands`."""
        return self.vectors @ elements @ self._adjoint

    @cached_property
    def drive(self) -> ComplexArray:
        """D_j f0(H0) between eigenstates, (j, k, n, m): what drives the first order."""
        return np.stack([self.to_bands(part) for part in self.grid.derivatives(self.equilibrium)])

    def series(self) -> Series:
        """The expansion in tau."""
        return Series(self.inverse, self.same)

    def at(self, tau: float) -> AtTau:
        """One tau, in 1/eV."""
        return AtTau(self.energy, tau)

    def tails(self) -> FloatArray:
        """Worst tail along each axis, (dim,), of everything that is differentiated: f0(H0) and rho_1 at each power.

        Each in units of its largest mode, but rho_1 = tau D f0 within the groups at least of SMALL D f0: where there is
        hardly a Fermi surface, it is made of rounding.
        """
        tail, largest = self.grid.tails(self.equilibrium)
        worst = tail / max(largest, TINY)
        for drive in self.drive:
            least = SMALL * self.grid.tails(self.to_orbitals(drive))[1]
            for power, part in self.series().solve({0: drive}, 1.0, -1).items():
                tail, largest = self.grid.tails(self.to_orbitals(part))
                worst = np.maximum(worst, tail / max(largest, least if power == 1 else TINY, TINY))
        return worst

    def response(self, relaxation: Relaxation, relaxed: Relaxed) -> dict[int, Current]:
        """I_ijk of each power of tau: J_i = I_ijk E_j E_k to second order, natural units."""
        target = None if relaxation.shift is None else DressedEquilibrium(self, relaxation.shift)
        dim = self.grid.dim
        currents = {power: Current(np.zeros((dim,) * 3)) for power in (2, 1, 0)}
        for j in range(dim):
            source = {0: self.drive[j]}
            if target is not None:
                source = added(source, relaxed.over_tau(target.first(j), relaxation.shares[0]))
            first = relaxed.solve(source, relaxation.shares[0], -1)
            for power, part in mapped(self.to_orbitals, first).items():
                for k, slope in enumerate(self.grid.derivatives(part)):
                    second = relaxed.solve({power: self.to_bands(slope)}, relaxation.shares[1], 0)
                    self._add(currents, second, j, k)
        if target is not None:
            for j in range(dim):
                for k in range(dim):
                    source = relaxed.over_tau(target.second(j, k), relaxation.shares[1])
                    self._add(currents, relaxed.solve(source, relaxation.shares[1], 0), j, k)
        # What one power of tau rounds away, the others do too: in a gap the first two are nothing but rounding.
        common = max(current.modulus * self._width**-power for power, current in currents.items())
        for power, current in currents.items():
            current.value = 0.5 * (current.value + current.value.swapaxes(1, 2))
            current.modulus = common * self._width**power
        return currents

    def _add(self, currents: dict[int, Current], second: Field, j: int, k: int) -> None:
        """Add -Tr(rho_2 D_i H0) of all i to the entries (i, j, k) of the currents."""
        for power, part in second.items():
            traces = [float(np.vdot(slope, part).real) for slope in self.velocity]
            currents[power].value[:, j, k] -= self.measure * np.array(traces)
            currents[power].modulus += self.measure * self._speed * float(np.linalg.norm(part))

    @cached_property
    def _width(self) -> float:
        """Width of all bands, eV."""
        return max(float(np.ptp(self.energy)), self.kT)

    @cached_property
    def _speed(self) -> float:
        return float(np.linalg.norm(self.velocity))

    # --- what the answers are compared with ---------------------------------------------------------------------------

    def velocity_metric(self) -> VelocityMetric:
        """P_ijk = sum int [dk] v_i G^jk f0' from `geometry`."""
        dim, total, modulus, sea = self.grid.dim, 0.0, 0.0, 0.0
        for start in range(0, len(self.grid.k), self._chunk):
            here = slice(start, start + self._chunk)
            jet = HamiltonianJet(self._hamiltonian[here], self._slopes[here])
            for index, bands in solve(jet, self.grid.k[here], self.degeneracy_tol):
                weight = self.measure * self.slope[here][index]
                product = velocity_product(bands, band_normalized_metric(bands))
                total = total + np.einsum("kijln,kn->ijl", product, weight)
                size = np.abs(product).max(axis=(1, 2, 3))
                modulus += float((size * np.abs(weight)).sum())
                sea += self.measure * float(size.sum())
        return VelocityMetric(np.asarray(total).reshape((dim,) * 3), modulus, sea / self._width)

    def occupied_shift(self) -> FloatArray:
        """C1_ijk = sum_n int [dk] f0 sum_m (v_n - v_m)_i Re(A^j_nm A^k_mn)/(e_n - e_m)^2, traced over groups."""
        dim = self.grid.dim
        found = np.zeros((dim,) * 3)
        filled, power = self.filling[:, :, None], self.inverse**4
        for i in range(dim):
            inner = self.velocity[i] * self.same
            for j in range(dim):
                outer = self.velocity[j] * power * filled
                rate = inner @ outer - outer @ inner
                for k in range(dim):
                    found[i, j, k] = self.measure * float(np.vdot(self.velocity[k], rate).real)
        return 0.5 * (found + found.swapaxes(1, 2))


class DressedEquilibrium:
    """exp(S) f0(eps + s E.G.E) exp(-S) to second order in the field: local equilibrium of the dressed states.

    S_mn = E.A_mn/(e_n - e_m) outside the degenerate groups. Matrix elements are between eigenstates of H0.
    """

    def __init__(self, kinetics: Kinetics, shift: float) -> None:
        self._on, self._shift = kinetics, shift
        firsts = (kinetics.to_orbitals(self.first(j)) for j in range(kinetics.grid.dim))
        self._slopes = [[kinetics.to_bands(part) for part in kinetics.grid.derivatives(first)] for first in firsts]

    def first(self, j: int) -> ComplexArray:
        """[S_j, f0], which solves i [H0, rho] = D_j f0(H0) between the groups."""
        return -1j * self._on.inverse * self._on.drive[j]

    def second(self, j: int, k: int) -> ComplexArray:
        """The part of order E_j E_k, symmetric in jk."""
        on = self._on
        outside = 0.5 * (self._slopes[j][k] + self._slopes[k][j] - self._drift(j, k) - self._drift(k, j))
        return -1j * on.inverse * outside + 0.5 * (self._inside(j, k) + self._inside(k, j))

    def _drift(self, j: int, k: int) -> ComplexArray:
        """[S_j, populations of D_k f0]: the drift of the populations is no part of the equilibrium."""
        generator = 1j * self._on.velocity[j] * self._on.inverse**2
        populations = self._on.drive[k] * self._on.same
        return generator @ populations - populations @ generator

    def _inside(self, j: int, k: int) -> ComplexArray:
        """Within a group: s f0' G^jk and the normalisation sum_m S^j_nm S^k*_n'm (f_m - f_n), halves to symmetrise."""
        on = self._on
        metric = 2.0 * (on.velocity[j] * on.inverse**3) @ on.velocity[k]
        lost = on.filling[:, None, :] - on.filling[:, :, None]
        mixed = (on.velocity[j] * on.inverse**4 * lost) @ on.velocity[k]
        return (self._shift * on.slope[:, :, None] * metric + mixed) * on.same
