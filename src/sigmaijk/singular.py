"""Where a term diverges: gapless tilted nodes in the thermal window; saddles and flat bands exactly at mu at T = 0.

Near a gapless node of dispersion E = x the integral at T = 0 goes as S(x) = c sgn(x) / x**q, with q and c from the
linear Hamiltonian of the node alone. In two dimensions (and across a nodal line in three) the quantum metric dipole
has q = 2: S is odd, so the constant part of f0' cancels, but its slope leaves 2 c f0''(e0) ln(kT/x_min), which has no
limit. c vanishes without a tilt. A Weyl node has q = 1: a principal value, finite at kT > 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from .arrays import BoolArray, ComplexArray, FloatArray
from .bands import Groups, solve
from .geometry import inverse_mass
from .integrand import Integrand
from .levelset.discovery import Unresolved
from .levelset.peaks import bump
from .levelset.samples import Cell, OutOfPoints
from .levelset.simplices import Integrals
from .model import HamiltonianJet
from .sampler import BandSampler

AT_MU = 1e-9
"""A critical energy within this of mu (eV) is at mu."""
SAME = 1e-4
"""Nodes closer than this (1/nm) are one: their search ends where the gap is below the degeneracy tolerance."""
DECADES = float(np.log(1e6))
"""What the logarithm of a divergence is taken to be when its weight is compared with the tolerance."""
ANGLES = 512
MOST_SEEDS = 48
FLAT_BAND = "flat band"


@dataclass(frozen=True)
class Singularity:
    """One point of k-space at which some terms diverge for some (kT, mu)."""

    kind: str
    k: FloatArray
    energy: float
    bands: tuple[int, int]
    terms: dict[str, BoolArray]
    """The (kT, mu) at which each term diverges, (peak,)."""
    advice: str = field(default="")

    def without(self, names: Iterable[str]) -> Singularity:
        """The same without some terms, which vanish for another reason; at a flat band none has a Fermi surface."""
        if self.kind == FLAT_BAND:
            return self
        left = {name: entries for name, entries in self.terms.items() if name not in set(names)}
        return replace(self, terms=left)

    def coincides(self, other: Singularity, cell: Cell) -> bool:
        """Whether both are one point of k-space, or images of one."""
        apart = (self.k - other.k) @ np.linalg.inv(cell.axes)
        if cell.periodic:
            apart = apart - np.round(apart)
        return (self.kind, self.bands) == (other.kind, other.bands) and bool(np.linalg.norm(apart @ cell.axes) < SAME)

    def joined(self, other: Singularity) -> Singularity:
        """The same, with what the other one adds to the (kT, mu) at which terms diverge."""
        terms = dict(self.terms)
        for name, hit in other.terms.items():
            terms[name] = hit | terms.get(name, False)
        return replace(self, terms=terms)

    def record(self) -> dict[str, object]:
        """For the attributes of a result."""
        return {
            "kind": self.kind,
            "k": [float(x) for x in self.k],
            "energy": float(self.energy),
            "bands": list(self.bands),
            "terms": list(self.terms),
            "advice": self.advice,
        }

    def describe(self) -> str:
        """For a warning."""
        at = ", ".join(f"{x:.5g}" for x in self.k)
        verb = "diverges" if len(self.terms) == 1 else "diverge"
        return (
            f"{' and '.join(self.terms)} {verb}: {self.kind} of bands {self.bands[0]} to {self.bands[1]} at "
            f"k = ({at}) 1/nm and {self.energy:.6g} eV; {self.advice}"
        )


@dataclass(frozen=True)
class Node:
    """A point where two groups of bands meet, with the linear Hamiltonian of the bands that meet there."""

    k: FloatArray
    energy: float
    bands: tuple[int, int]
    slopes: ComplexArray
    """d_a H between the states that meet, (d, s, s), eV nm."""

    @property
    def traceless(self) -> ComplexArray:
        """What splits the bands."""
        size = self.slopes.shape[1]
        mean = np.trace(self.slopes, axis1=1, axis2=2) / size
        return self.slopes - mean[:, None, None] * np.eye(size)


def _subspace(sampler: BandSampler, k: FloatArray, lower: int) -> tuple[FloatArray, ComplexArray, tuple[int, int]]:
    """Energies, d_a H and numbers of the bands in the groups of bands `lower` and `lower + 1` at one k."""
    sampler.charge(1)
    jet = sampler.model.jet(k[None], 1)
    energy, vectors = np.linalg.eigh(jet.value)
    label = Groups.find(energy, sampler.degeneracy_tol).label[0]
    inside = (label == label[lower]) | (label == label[lower + 1])
    states = vectors[0][:, inside]
    bands = np.flatnonzero(inside)
    return energy[0, inside], states.conj().T @ jet.gradient[0] @ states, (int(bands[0]), int(bands[-1]))


def find_node(sampler: BandSampler, k: FloatArray, lower: int) -> Node | None:
    """The gapless node near k, by Gauss-Newton on the traceless part of H between the states; None if a gap stays."""
    for _ in range(40):
        energy, slopes, bands = _subspace(sampler, k, lower)
        if energy[-1] - energy[0] <= max(sampler.degeneracy_tol, 1e-12):
            return Node(k, float(energy.mean()), bands, slopes)
        node = Node(k, 0.0, bands, slopes)
        size = len(energy)
        matrix = node.traceless.reshape(len(k), -1)
        target = np.diag(energy - energy.mean()).ravel()
        system = np.concatenate([matrix.real, matrix.imag], axis=1).T
        step = np.linalg.lstsq(system, -np.concatenate([target, np.zeros(size**2)]), rcond=1e-9)[0]
        if not np.isfinite(step).all() or size < 2 or np.linalg.norm(step) < 1e-14 * (1.0 + np.linalg.norm(k)):
            return None
        k = k + step
    return None


def _across(node: Node) -> FloatArray:
    """Orthonormal directions (r, d) in which the bands split at first order: fewer than d for a nodal line."""
    matrix = node.traceless.reshape(len(node.k), -1)
    directions, sizes, _ = np.linalg.svd(np.concatenate([matrix.real, matrix.imag], axis=1), full_matrices=False)
    return directions[:, sizes > 1e-6 * sizes[0]].T


def node_strength(node: Node, term: Integrand) -> float:
    """|c| of S(x) = c sgn(x)/x**2 for a node whose bands split in two directions, less what rounding leaves.

    In polar coordinates E_n = r e_n(phi) and F = F_1(phi)/r**3, so int F delta(E - x) = x**-2 int dphi e_n F_1.
    """
    across = _across(node)
    if len(across) != 2:
        return 0.0
    phi = 2.0 * np.pi * (np.arange(ANGLES) + 0.3) / ANGLES
    q = np.stack([np.cos(phi), np.sin(phi)], axis=1) @ across
    value = np.einsum("pa,anm->pnm", q, node.slopes)
    gradient = np.broadcast_to(node.slopes, (ANGLES, *node.slopes.shape))
    hessian = np.zeros((ANGLES, len(node.k), *node.slopes.shape), dtype=complex)
    total, size = 0.0, 0.0
    for _, bands in solve(HamiltonianJet(value, gradient, hessian), q[:, : len(node.k)], 1e-9):
        weight = np.maximum(bands.energy, 0.0) * (2.0 * np.pi / ANGLES)
        total = total + np.einsum("pn,pnc->c", weight, term.components(bands))
        size = size + float((weight * term.modulus(bands)).sum())
    largest = float(np.abs(total).max())
    return largest if largest > 1e-7 * size else 0.0


def _nodes(sampler: BandSampler, unresolved: Unresolved) -> list[Node]:
    """Distinct gapless nodes among the elements where discovery saw bands touch."""
    found: list[Node] = []
    seeds = unresolved.touching
    chosen = seeds[:: max(1, len(seeds) // MOST_SEEDS)]
    for k, sheet in chosen:
        node = find_node(sampler, k, sampler.wanted.start + sheet)
        if node is None:
            continue
        if all(np.linalg.norm(node.k - other.k) > SAME or node.bands != other.bands for other in found):
            found.append(node)
    return found


def _node_singularity(
    node: Node, sampler: BandSampler, mu: FloatArray, kT: FloatArray, allowed: dict[str, FloatArray]
) -> Singularity | None:
    terms: dict[str, BoolArray] = {}
    dimension = len(_across(node))
    for term in sampler.terms:
        strength = node_strength(node, term) if term.node_power == 3 and dimension == 2 else 0.0
        hit = np.zeros(len(mu), dtype=bool)
        at_level = (kT == 0) & (np.abs(node.energy - mu) <= AT_MU)
        if strength > 0 or (dimension == 3 and term.node_power == 3):
            hit |= at_level
        warm = kT > 0
        x = (node.energy - mu[warm]) / kT[warm]
        curvature = bump(x) * np.abs(np.tanh(0.5 * x)) / kT[warm] ** 2
        # At mu on the node the slope of f0' vanishes, but only there: the neighbourhood is as bad.
        curvature = np.maximum(curvature, 1e-3 * bump(x) / kT[warm] ** 2)
        # The tolerance is relative to a value that may itself be the diverging one: never above what the node's own
        # scale c/kT**2 would allow.
        scale = np.minimum(allowed[term.name][warm], 1e-3 * strength / kT[warm] ** 2)
        hit[warm] |= 2.0 * strength * curvature * DECADES > 0.1 * scale
        if hit.any():
            terms[term.name] = hit
    if not terms:
        return None
    advice = "open a gap, or choose mu further from the node than about 15 kT"
    kind = "gapless tilted node" if dimension == sampler.model.dim else "nodal line"
    return Singularity(kind, node.k, node.energy, node.bands, terms, advice)


class CriticalPoint(NamedTuple):
    """A point where the velocity of a band vanishes."""

    k: FloatArray
    energy: float
    masses: FloatArray
    """Eigenvalues of the inverse mass, (d,)."""


def _critical_points(sampler: BandSampler, seeds: FloatArray, band: int) -> list[CriticalPoint]:
    """Points with zero velocity near the seeds, their energies and the eigenvalues of the inverse mass."""
    model = sampler.model
    wanted = slice(band, band + 1)
    k = seeds.copy()
    energy, mass = np.zeros(len(k)), np.zeros((len(k), model.dim, model.dim))
    for _ in range(12):
        sampler.charge(len(k))
        velocity = np.zeros_like(k)
        for index, bands in solve(model.jet(k, 2), k, sampler.degeneracy_tol, wanted):
            energy[index] = bands.energy[:, 0]
            velocity[index] = bands.average(bands.velocity)[..., 0]
            mass[index] = bands.average(inverse_mass(bands))[..., 0]
        step = -np.einsum("kab,kb->ka", np.linalg.pinv(mass, rcond=1e-8), velocity)
        if not np.isfinite(step).all():
            break
        k = k + step
        if np.abs(step).max() < 1e-12 * (1.0 + np.abs(k).max()):
            break
    still = np.linalg.norm(velocity, axis=1) <= 1e-9 * (1e-3 + np.abs(mass).max(axis=(1, 2)))
    return [CriticalPoint(k[n], float(energy[n]), np.linalg.eigvalsh(mass[n])) for n in np.flatnonzero(still)]


def _van_hove(sampler: BandSampler, integrals: Integrals, mu: FloatArray, kT: FloatArray) -> list[Singularity]:
    """Saddles (in 2D) and flat bands exactly at a mu with kT = 0."""
    found: list[Singularity] = []
    samples = integrals.samples
    cold = kT == 0
    if samples is None or not cold.any() or not samples.count:
        return found
    for sheet in range(samples.energy.shape[1]):
        energy, speed = samples.energy[:, sheet], np.linalg.norm(samples.velocity[:, sheet], axis=1)
        band = sampler.wanted.start + sheet
        terms = [t.name for t in sampler.terms if samples.integrand[:, sheet, sampler.columns.modulus[t.name]].any()]
        if np.ptp(energy) <= AT_MU:
            hit = cold & (np.abs(energy.mean() - mu) <= AT_MU)
            if hit.any():
                every = {term.name: hit for term in sampler.terms}
                k = samples.points(np.array([0]))[0]
                advice = "a band without width has no Fermi surface: choose kT > 0 or another mu"
                found.append(Singularity(FLAT_BAND, k, float(energy.mean()), (band, band), every, advice))
            continue
        if sampler.model.dim != 2 or not terms:
            continue
        still = integrals.unresolved.still
        if still is None:
            slowest = np.argsort(speed)[:24]
            near = [n for n in slowest if (cold & (np.abs(mu - energy[n]) < 0.1 * np.ptp(energy))).any()]
            seeds = samples.points(np.array(near, dtype=np.int64))
        else:
            seeds = np.array([k for k, number in still if number == sheet]).reshape(-1, sampler.model.dim)
        if not len(seeds):
            continue
        for point in _critical_points(sampler, seeds, band):
            hit: BoolArray = np.logical_and(cold, np.abs(point.energy - mu) <= AT_MU)
            known = any(s.bands == (band, band) and np.linalg.norm(s.k - point.k) < 1e-6 for s in found)
            if hit.any() and point.masses[0] < 0 < point.masses[-1] and not known:
                advice = "dI/dmu has no limit at a saddle: choose kT > 0 or move mu"
                affected: dict[str, BoolArray] = dict.fromkeys(terms, hit)
                found.append(Singularity("van Hove saddle", point.k, point.energy, (band, band), affected, advice))
    return found


def divergent_nodes(
    sampler: BandSampler, unresolved: Unresolved, mu: FloatArray, kT: FloatArray, allowed: dict[str, FloatArray]
) -> list[Singularity]:
    """Gapless nodes at which a term has no limit; `allowed` is the tolerance of each term, (peak,), without [dk]."""
    found: list[Singularity] = []
    if sampler.broadening > 0:
        return found  # G vanishes at a node, as x/eta**4
    try:
        for node in _nodes(sampler, unresolved):
            singularity = _node_singularity(node, sampler, mu, kT, allowed)
            if singularity is not None:
                found.append(singularity)
    except OutOfPoints:
        # The run has ended at its limit and says so; what was found until here stands.
        pass
    return found


def van_hove_points(sampler: BandSampler, integrals: Integrals, mu: FloatArray, kT: FloatArray) -> list[Singularity]:
    """Saddles (in 2D) and flat bands exactly at a mu with kT = 0, among what a run has sampled."""
    try:
        return _van_hove(sampler, integrals, mu, kT)
    except OutOfPoints:
        return []
