"""Where a term diverges: gapless tilted nodes in the thermal window; saddles and flat bands exactly at mu at T = 0.

At T = 0 a nodal line whose energy varies along it has no limit at any mu that it passes: with c sgn(x)/x**2 at each of
its points, the change of c along the line leaves a logarithm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from .arrays import BoolArray, FloatArray
from .bands import solve
from .geometry import inverse_mass
from .levelset.peaks import bump
from .levelset.samples import Cell, OutOfPoints
from .levelset.simplices import Integrals
from .nodes import SAME, Node, closest_approaches, nodes_near, slid
from .sampler import BandSampler

AT_MU = 1e-9
"""A critical energy within this of mu (eV) is at mu."""
DECADES = float(np.log(1e6))
"""What the logarithm of a divergence is taken to be when its weight is compared with the tolerance."""
MOST_LEVELS = 8
"""Values of mu at which points of a nodal line are looked for, and points of one that are told."""
MET = 24
"""Closest approaches of a run that did not finish at which nodes are looked for."""
FLAT_BAND, NODAL_LINE = "flat band", "nodal line"
NODE_ADVICE = "open a gap, give a broadening, or choose mu further from the node than about 15 kT"


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
    also: tuple[FloatArray, ...] = ()
    """Other points of the same nodal line."""

    def without(self, names: Iterable[str]) -> Singularity:
        """The same without some terms, which vanish for another reason; at a flat band none has a Fermi surface."""
        if self.kind == FLAT_BAND:
            return self
        left = {name: entries for name, entries in self.terms.items() if name not in set(names)}
        return replace(self, terms=left)

    def coincides(self, other: Singularity, cell: Cell | None = None) -> bool:
        """Whether both are one point of k-space, images of one, or points of nodal lines of the same bands."""
        if self.kind == other.kind == NODAL_LINE and self.bands == other.bands:
            return True
        apart = self.k - other.k
        if cell is not None and cell.periodic:
            whole = np.round(apart @ np.linalg.inv(cell.axes))
            apart = apart - whole @ cell.axes
        return (self.kind, self.bands) == (other.kind, other.bands) and bool(np.linalg.norm(apart) < SAME)

    def joined(self, other: Singularity) -> Singularity:
        """The same, with what the other one adds to the (kT, mu) at which terms diverge."""
        terms = dict(self.terms)
        for name, hit in other.terms.items():
            terms[name] = hit | terms.get(name, False)
        also = list(self.also)
        for k in (other.k, *other.also) if self.kind == NODAL_LINE else ():
            if len(also) < MOST_LEVELS and min(np.linalg.norm(k - known) for known in (self.k, *also)) > SAME:
                also.append(k)
        return replace(self, terms=terms, also=tuple(also))

    def record(self) -> dict[str, object]:
        """For the attributes of a result."""
        told: dict[str, object] = {
            "kind": self.kind,
            "k": [float(x) for x in self.k],
            "energy": float(self.energy),
            "bands": list(self.bands),
            "terms": list(self.terms),
            "advice": self.advice,
        }
        if self.also:
            told["also"] = [k.tolist() for k in self.also]
        return told

    def describe(self) -> str:
        """For a warning."""
        at = ", ".join(f"{x:.5g}" for x in self.k)
        verb = "diverges" if len(self.terms) == 1 else "diverge"
        return (
            f"{' and '.join(self.terms)} {verb}: {self.kind} of bands {self.bands[0]} to {self.bands[1]} at "
            f"k = ({at}) 1/nm and {self.energy:.6g} eV; {self.advice}"
        )


def node_singularity(
    node: Node,
    strengths: Mapping[str, float],
    mu: FloatArray,
    kT: FloatArray,
    allowed: Mapping[str, FloatArray],
    at: BoolArray | None = None,
) -> Singularity | None:
    """Where (peak,) the terms with a strength have no limit at a node, or None if that is nowhere.

    `allowed` is the tolerance of each term, (peak,), without [dk]; `at` the peaks at whose mu the node has a point.
    """
    cold, warm = kT == 0, kT > 0
    at = np.abs(node.energy - mu) <= AT_MU if at is None else at
    terms: dict[str, BoolArray] = {}
    for name, strength in strengths.items():
        # S = strength sgn(x)/x**2 leaves 2 strength f0''(x) times a logarithm that has no limit.
        hit: BoolArray = np.logical_and(cold, at)
        x = (node.energy - mu[warm]) / kT[warm]
        # At mu on the node the slope of f0' vanishes, but only there: the neighbourhood is as bad.
        curvature = bump(x) * np.maximum(np.abs(np.tanh(0.5 * x)), 1e-3) / kT[warm] ** 2
        # The tolerance is relative to a value that may itself be the diverging one: never above what the node's own
        # scale c/kT**2 would allow.
        least = np.minimum(allowed[name][warm], 1e-3 * strength / kT[warm] ** 2)
        hit[warm] |= 2.0 * strength * curvature * DECADES > 0.1 * least
        if hit.any():
            terms[name] = hit
    if not terms:
        return None
    return Singularity(node.kind, node.k, node.energy, node.bands, terms, NODE_ADVICE)


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


def merged(found: Iterable[Singularity], cell: Cell | None = None) -> list[Singularity]:
    """The same, each node and each nodal line once; images of a point in other cells are known by the cell."""
    kept: list[Singularity] = []
    for one in found:
        known = next((n for n, other in enumerate(kept) if one.coincides(other, cell)), None)
        if known is None:
            kept.append(one)
        else:
            kept[known] = kept[known].joined(one)
    return kept


def divergent_nodes(
    sampler: BandSampler,
    seeds: list[tuple[FloatArray, int]],
    mu: FloatArray,
    kT: FloatArray,
    allowed: Mapping[str, FloatArray],
) -> list[Singularity]:
    """Gapless nodes near the seeds at which a term has no limit; `allowed` is its tolerance, (peak,), without [dk]."""
    found: list[Singularity] = []
    if sampler.broadening > 0 or all(term.node_power < 3 for term in sampler.terms):
        return found  # with a broadening G vanishes at a node, as x/eta**4
    try:
        for node in nodes_near(sampler, seeds):
            strengths = node.strengths(sampler.terms)
            for one, at in _points_at(sampler, node, mu, kT) if strengths else ():
                singularity = node_singularity(one, strengths, mu, kT, allowed, at)
                if singularity is not None:
                    found.append(singularity)
    except OutOfPoints:
        # The run has ended at its limit and says so; what was found until here stands.
        pass
    return found


def _points_at(
    sampler: BandSampler, node: Node, mu: FloatArray, kT: FloatArray
) -> Iterator[tuple[Node, BoolArray | None]]:
    """The node, and for a nodal line the points of it that lie at a mu with kT = 0, with the peaks (peak,) of each."""
    yield node, None
    for level in np.unique(mu[kT == 0])[:MOST_LEVELS] if node.is_line else ():
        point = slid(sampler, node, float(level))
        if point is not None:
            yield point, mu == level


def van_hove_points(sampler: BandSampler, integrals: Integrals, mu: FloatArray, kT: FloatArray) -> list[Singularity]:
    """Saddles (in 2D) and flat bands exactly at a mu with kT = 0, among what a run has sampled."""
    try:
        return _van_hove(sampler, integrals, mu, kT)
    except OutOfPoints:
        return []


def nodes_met(sampler: BandSampler, integrals: Integrals, mu: FloatArray, kT: FloatArray) -> list[Singularity]:
    """Gapless nodes that may be why a run did not finish, among its samples: near a nodal line no search ends."""
    unfinished: BoolArray = np.asarray(np.isinf(integrals.error).any(axis=1))
    if integrals.samples is None or not unfinished.any():
        return []
    seeds = closest_approaches(integrals.samples, MET)
    # Of a run that did not finish the size is not known, and so no tolerance: what is told is told by the node's own.
    allowed = dict.fromkeys((term.name for term in sampler.terms), np.full(len(mu), np.inf))
    found = divergent_nodes(sampler, seeds, mu, kT, allowed)
    return [replace(one, terms={name: hit & unfinished for name, hit in one.terms.items()}) for one in found]
