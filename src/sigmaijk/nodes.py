"""Gapless nodes: where bands meet at a point, or along a line in space, and how strongly a term diverges there.

Near a gapless node of dispersion E = x the integral at T = 0 goes as S(x) = c sgn(x) / x**q, with q and c from the
linear Hamiltonian of the node alone. In two dimensions (and across a nodal line in three) the quantum metric dipole
has q = 2: S is odd, so the constant part of f0' cancels, but its slope leaves 2 c f0''(e0) ln(kT/x_min), which has no
limit. c vanishes without a tilt. A Weyl node has q = 1: a principal value, finite at kT > 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .arrays import ComplexArray, FloatArray
from .bands import Groups, solve
from .integrand import Integrand
from .levelset.samples import Samples
from .model import HamiltonianJet
from .sampler import BandSampler

SAME = 1e-4
"""Nodes closer than this (1/nm) are one: their search ends where the gap is below the degeneracy tolerance."""
ANGLES = 512
MOST_SEEDS = 48
SLIDES = 12
"""Steps along a nodal line towards an energy."""
AT_ENERGY = 1e-10
"""eV: how near a point of a nodal line must come to an energy to be there."""


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

    @cached_property
    def across(self) -> FloatArray:
        """Orthonormal directions (r, d) in which the bands split at first order: fewer than d for a nodal line."""
        matrix = self.traceless.reshape(len(self.k), -1)
        directions, sizes, _ = np.linalg.svd(np.concatenate([matrix.real, matrix.imag], axis=1), full_matrices=False)
        return directions[:, sizes > 1e-6 * sizes[0]].T

    @property
    def is_line(self) -> bool:
        """Whether the bands stay together in a direction."""
        return len(self.across) < len(self.k)

    @property
    def kind(self) -> str:
        """Its name."""
        return "nodal line" if self.is_line else "gapless tilted node"

    def strengths(self, terms: Iterable[Integrand]) -> dict[str, float]:
        """|c| by term for those that have no limit near the node, or none at its energy itself (c = 0, a Weyl node)."""
        found = {term.name: node_strength(self, term) for term in terms if term.node_power == 3}
        return {name: strength for name, strength in found.items() if strength > 0 or len(self.across) == 3}


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


def node_strength(node: Node, term: Integrand) -> float:
    """|c| of S(x) = c sgn(x)/x**2 for a node whose bands split in two directions, less what rounding leaves.

    In polar coordinates E_n = r e_n(phi) and F = F_1(phi)/r**3, so int F delta(E - x) = x**-2 int dphi e_n F_1.
    """
    across = node.across
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


def nodes_near(sampler: BandSampler, seeds: list[tuple[FloatArray, int]]) -> list[Node]:
    """Distinct gapless nodes near some of the seeds, each k (d,) and the lower of two sheets; raises OutOfPoints."""
    found: list[Node] = []
    chosen = seeds[:: max(1, len(seeds) // MOST_SEEDS)]
    for k, sheet in chosen:
        node = find_node(sampler, k, sampler.wanted.start + sheet)
        if node is None:
            continue
        if all(np.linalg.norm(node.k - other.k) > SAME or node.bands != other.bands for other in found):
            found.append(node)
    return found


def slid(sampler: BandSampler, node: Node, energy: float) -> Node | None:
    """The point of a nodal line at an energy (eV), reached from another of its points; None if it is not found."""
    model = sampler.model
    reach = 0.1 * float(np.linalg.norm(model.reciprocal[0]) if model.periodic else model.scale)
    lower = node.bands[0] + (node.bands[1] - node.bands[0] + 1) // 2 - 1
    for _ in range(SLIDES):
        if abs(node.energy - energy) <= AT_ENERGY:
            return node
        along = np.linalg.svd(node.across)[2][-1]
        mean = np.trace(node.slopes, axis1=1, axis2=2).real / node.slopes.shape[1]
        if not abs(along @ mean) > 1e-12:
            return None
        step = along * (energy - node.energy) / (along @ mean)
        following = find_node(sampler, node.k + step * min(1.0, reach / float(np.linalg.norm(step))), lower)
        if following is None or not following.is_line:
            return None
        node = following
    return None


def closest_approaches(samples: Samples, number: int) -> list[tuple[FloatArray, int]]:
    """Where neighbouring sheets of some samples come closest, in units of how fast they approach: seeds of nodes."""
    energy, velocity = samples.energy, samples.velocity
    if energy.shape[1] < 2 or not len(energy):
        return []
    approach = np.linalg.norm(np.diff(velocity, axis=1), axis=2)
    gap = np.diff(energy, axis=1)
    moving = approach > 1e-12 * max(float(approach.max()), 1e-300)
    distance = np.divide(gap, approach, out=np.full_like(gap, np.inf), where=moving)
    order = np.argsort(distance, axis=None)[:number]
    rows, sheets = np.unravel_index(order[np.isfinite(distance.ravel()[order])], distance.shape)
    return [(k, int(sheet)) for k, sheet in zip(samples.points(rows), sheets, strict=True)]
