"""S_F of a model in a table over a window of energy, with everything that its moments must know without the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .arrays import BoolArray, FloatArray
from .domain import cell_of, choose_bands
from .levelset.critical import CriticalPoints
from .levelset.pieces import Table
from .levelset.samples import OutOfPoints, Sample
from .levelset.simplices import Goal
from .levelset.tabulated import Tabulated, tabulate
from .model import Model
from .nodes import Node, closest_approaches, nodes_near
from .parity import odd_terms
from .progress import Progress
from .sampler import BandSampler, Columns, WindowGrew
from .singular import AT_MU, MET, Singularity, merged, node_singularity
from .symmetry.known import KnownGroup, known_group
from .symmetry.reduction import Reduction, reduction
from .tensors import goals, measure
from .term import Term

LOOKS = 33
"""Energies of the window with which the bands are compared that may matter; what this misses the sampler notices."""
RESERVE = 400
"""k-points kept back, to know gapless nodes even where the points end."""

ADVICE = {
    "flat": ("flat band", "a band without width has no Fermi surface: choose kT > 0 or another mu"),
    "saddle": ("van Hove saddle", "dI/dmu has no limit at a saddle: choose kT > 0 or move mu"),
}
"""Name and way out of what may diverge."""


@dataclass(frozen=True)
class CriticalEnergy:
    """An energy at which S is not analytic."""

    energy: float
    """eV"""
    kind: str
    """`edge` of a band, `saddle`, or `node` (where sheets touch or have a kink)."""
    k: FloatArray
    """Where, (dim,), 1/nm."""
    band: int
    """Lowest band of the sheet, counted from 0."""


@dataclass(frozen=True)
class Wanted:
    """What is to be tabulated, checked."""

    window: tuple[float, float]
    terms: tuple[Term, ...]
    rtol: float
    components: tuple[tuple[int, int, int], ...] | None
    degeneracy_tol: float
    max_k_points: int
    symmetry: object = False


@dataclass(frozen=True, eq=False)
class Tabulation:
    """A table, and what was learnt of the model on the way; it holds no function, so that it can be stored."""

    table: Table
    """Integrals over the cell, without [dk] and spin, of all columns."""
    critical: list[CriticalEnergy]
    model: str
    dim: int
    spin_degeneracy: int
    measure: float
    columns: Columns
    goals: list[Goal]
    odd: dict[str, float]
    """Terms that are odd in k, with the violation seen."""
    bare: list[str]
    """Terms whose integrand is zero at every k."""
    ranges: FloatArray
    """Lowest and highest energy seen of each band, (n, 2)."""
    flat: list[CriticalEnergy]
    """Bands without width."""
    nodes: list[tuple[Node, dict[str, float]]]
    """Gapless nodes, with the strength of those terms that diverge there."""
    k_points: int
    k_points_energy_only: int
    known: KnownGroup
    """The group of the model."""
    reduced: Reduction | None
    """Operations by which k-space was reduced."""

    def singularities(self, mu: FloatArray, kT: FloatArray, allowed: Mapping[str, float]) -> list[Singularity]:
        """Where a term has no limit at some (kT, mu), among what was met, by the rules of `singular`.

        `allowed` is the tolerance of each term, without [dk].
        """
        found = []
        saddles = [one for one in self.critical if one.kind == "saddle" and self.dim == 2]
        for one in self.flat + saddles:
            hit = (kT == 0) & (np.abs(mu - one.energy) <= AT_MU)
            left = self.bare if one.kind == "saddle" else []
            terms = {name: hit for name in allowed if name not in left}
            if hit.any():
                name, advice = ADVICE[one.kind]
                found.append(Singularity(name, one.k, one.energy, (one.band, one.band), terms, advice))
        tolerances = {name: np.full(len(mu), size) for name, size in allowed.items()}
        for node, strengths in self.nodes:
            one = node_singularity(node, strengths, mu, kT, tolerances, self._on_line(node, mu))
            found += [] if one is None else [one]
        return [one for one in (one.without(self.odd) for one in merged(found)) if one.terms]

    def _on_line(self, node: Node, mu: FloatArray) -> BoolArray | None:
        """The mu (peak,) that a nodal line passes, as far as its points were met; None for a single point."""
        if not node.is_line:
            return None
        met = [other.energy for other, _ in self.nodes if other.is_line and other.bands == node.bands]
        return np.asarray((min(met) <= mu) & (mu <= max(met)))


def tabulation(model: Model, wanted: Wanted, monitor: Progress) -> Tabulation:
    """S_F over the window; if the points end before anything is known, an empty table."""
    sampler = BandSampler(model, wanted.terms, wanted.degeneracy_tol, limit=wanted.max_k_points)
    sampler.windows = np.array([wanted.window])
    odd: dict[str, float] = {}
    run: Tabulated | None = None
    reduced: Reduction | None = None
    reserve = min(RESERVE, wanted.max_k_points // 50)

    def told(k: FloatArray) -> Sample:
        sample = sampler(k)
        monitor.update(sampler.points, np.inf)
        return sample

    known = known_group(model, wanted.max_k_points)
    sampler.charge(known.k_points)
    try:
        reduced = reduction(model, wanted.symmetry, wanted.terms, sampler)
        cell = cell_of(model, sampler, None if reduced is None else reduced.maps)
        if reduced is not None:
            reduced = None if cell.action is None else reduced.within(cell.action.rotations)
        sampler.wanted = choose_bands(sampler, cell, np.linspace(*wanted.window, LOOKS), np.zeros(LOOKS))
        sampler.windows = np.array([wanted.window])
        while run is None:
            try:
                sampler.projector = None
                odd = odd_terms(sampler, cell)
                vanishing = set(odd)
                if reduced is not None:
                    sampler.projector = reduced.projector(wanted.terms, sampler.columns)
                    vanishing |= reduced.forbidden(wanted.terms)
                run = tabulate(
                    told,
                    cell,
                    wanted.window,
                    goals(sampler, wanted.components, dict.fromkeys(sampler.columns.entries, 0.0), vanishing),
                    rtol=wanted.rtol,
                    degeneracy_tol=wanted.degeneracy_tol,
                    max_points=max(wanted.max_k_points - sampler.points - reserve, 0),
                )
            except WindowGrew as grown:
                sampler.wanted = grown.wanted
    except OutOfPoints:
        pass
    return _described(sampler, wanted, odd, run, known, reduced)


def _described(
    sampler: BandSampler,
    wanted: Wanted,
    odd: dict[str, float],
    run: Tabulated | None,
    known: KnownGroup,
    reduced: Reduction | None,
) -> Tabulation:
    width, start = sampler.columns.width, sampler.wanted.start
    table = Table([], [], np.empty(0), np.empty((0, width)), np.empty((0, width))) if run is None else run.table
    points = CriticalPoints() if run is None else run.critical
    critical = [
        CriticalEnergy(float(one.energy), one.kind, k, start + sheet)
        for one, k, sheet in zip(points.energies, points.point, points.sheet, strict=True)
        if wanted.window[0] <= one.energy <= wanted.window[1]
    ]
    ranges, flat, bare = np.empty((0, 2)), [], []
    if run is not None and run.samples.energy.size:
        energy, integrand = run.samples.energy, run.samples.integrand
        ranges = np.stack([energy.min(axis=0), energy.max(axis=0)], axis=1)
        where = run.samples.points(np.array([0]))[0]
        flat = [
            CriticalEnergy(float(ends.mean()), "flat", where, start + band)
            for band, ends in enumerate(ranges)
            if ends[1] - ends[0] <= AT_MU
        ]
        bare = [term.name for term in wanted.terms if not integrand[..., sampler.columns.modulus[term.name]].any()]
    seeds = points.kinks
    if run is not None and not points.complete:
        seeds = seeds + closest_approaches(run.samples, MET)
    nodes = _nodes(sampler, seeds)
    vanishing = set(odd) | (set() if reduced is None else reduced.forbidden(wanted.terms))
    return Tabulation(
        table=table,
        critical=critical,
        model=sampler.model.name,
        dim=sampler.model.dim,
        spin_degeneracy=sampler.model.spin_degeneracy,
        measure=measure(sampler.model),
        columns=sampler.columns,
        goals=goals(sampler, wanted.components, dict.fromkeys(sampler.columns.entries, 0.0), vanishing),
        odd=odd,
        bare=bare,
        ranges=ranges,
        flat=flat,
        nodes=nodes,
        k_points=sampler.points,
        k_points_energy_only=sampler.energy_points,
        known=known,
        reduced=reduced,
    )


def _nodes(sampler: BandSampler, seeds: list[tuple[FloatArray, int]]) -> list[tuple[Node, dict[str, float]]]:
    """Gapless nodes near the seeds at which some term diverges."""
    if all(term.node_power < 3 for term in sampler.terms):
        return []
    try:
        found = [(node, node.strengths(sampler.terms)) for node in nodes_near(sampler, seeds)]
    except OutOfPoints:
        return []
    return [(node, strengths) for node, strengths in found if strengths]
