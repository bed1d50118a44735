"""The driver behind `sg.conductivity`: a model, terms and a tolerance in, a labelled dataset out.

The line of the house: bands and geometry at k, term integrands F, their integrals over level sets under f0'
(peaks in energy, for every mu and kT at once), SI, dataset. It knows contracts, never members.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .arrays import BoolArray, FloatArray, IntArray
from .domain import cell_of, choose_bands
from .errors import ConvergenceWarning, SingularResponseWarning, SymmetryWarning
from .integrand import Integrand
from .levelset.audit import compare, other_cell
from .levelset.discovery import Unresolved
from .levelset.elements import Peaks
from .levelset.engine import integrate
from .levelset.periodic import trapezoid
from .levelset.samples import Cell, OutOfPoints
from .levelset.simplices import Goal, Integrals, undiscovered
from .levelset.windows import merge_windows
from .model import Model
from .parity import odd_terms
from .progress import Progress, make_progress
from .request import Request, check
from .results import TermResult, to_dataset
from .sampler import BandSampler, WindowGrew
from .singular import Singularity, divergent_nodes, van_hove_points
from .symmetry.known import KnownGroup, known_group, symmetry_of
from .symmetry.reduction import Reduction, reduction
from .tensors import THERMAL_REACH, goals, letters, measure, term_result, versions
from .term import Term

if TYPE_CHECKING:
    import xarray

RESERVED = 300
"""k-points kept, of many, to tell what is singular when all others are spent."""


def conductivity(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    *,
    terms: Sequence[str] | str = ("drude", "bcd", "qm"),
    rtol: float = 1e-3,
    atol: float | Mapping[str, float] = 0.0,
    tau: float | None = None,
    components: Sequence[str] | str | None = None,
    form: str = "WPD",
    executor: object = None,
    progress: bool = True,
    degeneracy_tol: float = 1e-6,
    max_k_points: int | None = None,
    method: str = "auto",
    audit: bool = False,
    checkpoint: object = None,
    symmetry: object = False,
) -> xarray.Dataset:
    """Second-order DC conductivity sigma_ijk (J_i = sigma_ijk E_j E_k, charge -e) of a model, with error estimates.

    mu, kT: chemical potential(s) and thermal energy or energies in eV; kT = 0 is the Fermi surface itself.
    terms: 'drude' (tau**2, QIANG_2025 Eq. 11), 'bcd' (tau**1, Eq. 12), 'qm' (tau**0, Eqs. 13 and 14, form WPD).
    rtol, atol: wanted error of the largest entry of each tensor; atol in natural units, a number or a dict by term.
    tau: relaxation time in fs; adds the total. components: entries that the tolerance acts on, such as ['xyy'].
    degeneracy_tol: bands closer than this (eV) are one group. max_k_points: ends a run, with what it has.
    method: 'auto' (Fermi-surface patches or adaptive simplices, what is expected to be cheaper; attrs['method'] says
    why) or 'trapezoid' (a periodic grid, kT > 0). audit: do it all again from a shifted, finer start and compare.
    symmetry: True to integrate over one part of k-space in place of all that the operations of H take to each other, or
    operations to do so with (a PointGroup, a symbol, names such as ['C3z', 'T']); attrs['reduced_by'] says which did.

    Returns an xarray.Dataset with dims (kT, mu, i, j, k): for each term the SI value (A nm/V^2 in 2D, A/V^2 in 3D, per
    fs for bcd and per fs^2 for drude), `_error`, `_natural` (eV, nm, e = hbar = 1) and diagnostics.
    Raises ArgumentError or ModelError for what cannot be computed, and UnsupportedFeatureError (a NotImplementedError)
    for arguments of features to come; warns with ConvergenceWarning and SingularResponseWarning.
    """
    request = check(
        model,
        mu,
        kT,
        terms=terms,
        rtol=rtol,
        atol=atol,
        tau=tau,
        components=components,
        form=form,
        executor=executor,
        degeneracy_tol=degeneracy_tol,
        max_k_points=max_k_points,
        method=method,
        audit=audit,
        checkpoint=checkpoint,
        symmetry=symmetry,
    )
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), make_progress(progress) as monitor:
        return compute(model, request, monitor)


def compute(model: Model, request: Request, monitor: Progress) -> xarray.Dataset:
    """The dataset of a checked request; warnings name the caller of the function that calls this one."""
    # Rows of Table 1 are no terms: their tensors have no form here.
    known = known_group(model, request.max_k_points) if _are_terms(request) else KnownGroup(None, "no response terms")
    sampler = BandSampler(model, request.terms, request.degeneracy_tol, limit=request.max_k_points)
    sampler.charge(known.k_points)
    mus, mu_of = np.unique(request.mu, return_inverse=True)
    widths, width_of = np.unique(request.kT, return_inverse=True)
    kT, mu = (grid.ravel() for grid in np.meshgrid(widths, mus, indexing="ij"))
    odd: dict[str, float] = {}
    singularities: list[Singularity] = []
    reductions: list[Reduction] = []
    try:
        odd, integrals = _integrate(sampler, request, mu, kT, monitor, singularities, reductions)
    except OutOfPoints:
        integrals = undiscovered(len(mu), goals(sampler, request.components, request.atol, odd), sampler.columns.width)
    singularities += van_hove_points(sampler, integrals, mu, kT)
    singularities = [found for found in (item.without(odd) for item in singularities) if found.terms]
    order = (width_of[:, None] * len(mus) + mu_of).ravel()
    reduced = reductions[0] if reductions else None
    ds = _assemble(model, request, sampler, integrals, odd, singularities, order, reduced)
    ds.attrs["k_points_symmetry"] = known.k_points
    attrs, complaints = symmetry_of(ds, model, known)
    ds.attrs.update(attrs)
    for complaint in complaints:
        warnings.warn(complaint, SymmetryWarning, stacklevel=3)
    return ds


def _are_terms(request: Request) -> bool:
    return all(isinstance(term, Term) for term in request.terms)


def _integrate(
    sampler: BandSampler,
    request: Request,
    mu: FloatArray,
    kT: FloatArray,
    monitor: Progress,
    singularities: list[Singularity],
    reductions: list[Reduction],
) -> tuple[dict[str, float], Integrals]:
    """Terms that are odd in k, and the integrals of all columns at every peak.

    Appends the divergent nodes that it meets, and the operations that reduce k-space.
    """
    sampler.windows = merge_windows(mu - THERMAL_REACH * kT, mu + THERMAL_REACH * kT)
    reduced = reduction(sampler.model, request.symmetry, request.terms, sampler)
    cell = cell_of(sampler.model, sampler, None if reduced is None else reduced.maps)
    if reduced is not None and cell.action is not None:
        reductions.append(reduced.within(cell.action.rotations))
    sampler.wanted = choose_bands(sampler, cell, mu, kT)

    def report(_: int, ratio: float) -> None:
        monitor.update(sampler.points, ratio)

    def diverging(shape: tuple[int, ...]) -> BoolArray:
        mask = np.zeros(shape, dtype=bool)
        for singularity in singularities:
            for number, term in enumerate(request.terms):
                mask[:, number] |= singularity.terms.get(term.name, False)
        return mask

    def hopeless(unresolved: Unresolved, allowed: FloatArray) -> BoolArray:
        by_term = {term.name: allowed[:, number] for number, term in enumerate(request.terms)}
        # Sharp peaks and bumps may be asked about apart; a node counts once.
        for node in divergent_nodes(sampler, unresolved, mu, kT, by_term):
            known = next((n for n, other in enumerate(singularities) if node.coincides(other, cell)), None)
            if known is None:
                singularities.append(node)
            else:
                singularities[known] = singularities[known].joined(node)
        return diverging(allowed.shape)

    def known(_: Unresolved, allowed: FloatArray) -> BoolArray:
        return diverging(allowed.shape)

    engine = trapezoid if request.method == "trapezoid" else integrate

    def run(domain: Cell, wanted: list[Goal], ask: Callable[[Unresolved, FloatArray], BoolArray]) -> Integrals:
        return engine(
            sampler,
            domain,
            Peaks.at(mu, kT),
            wanted,
            rtol=request.rtol,
            degeneracy_tol=request.degeneracy_tol,
            max_points=max(request.max_k_points - sampler.points - min(RESERVED, request.max_k_points // 100), 0),
            report=report,
            hopeless=ask,
        )

    while True:
        try:
            sampler.projector = None
            odd = odd_terms(sampler, cell)
            vanishing = set(odd)
            if reductions:
                sampler.projector = reductions[0].projector(request.terms, sampler.columns)
                vanishing |= reductions[0].forbidden(request.terms)
            wanted = goals(sampler, request.components, request.atol, vanishing)
            integrals = run(cell, wanted, hopeless)
            if request.audit:
                integrals = compare(integrals, run(other_cell(cell), wanted, known), wanted)
            return odd, integrals
        except WindowGrew as grown:
            sampler.wanted = grown.wanted


def _assemble(
    model: Model,
    request: Request,
    sampler: BandSampler,
    integrals: Integrals,
    odd: Mapping[str, float],
    singularities: list[Singularity],
    order: IntArray,
    reduced: Reduction | None,
) -> xarray.Dataset:
    """The dataset; `order` are the numbers of the peaks on the (kT, mu) grid that was asked for."""
    kT, mu = (grid.ravel() for grid in np.meshgrid(request.kT, request.mu, indexing="ij"))
    integrals = integrals.reordered(order)
    shape = (len(request.kT), len(request.mu))
    in_gap = integrals.discovered & (integrals.nearest > THERMAL_REACH * kT) & ~integrals.hiding
    in_gap &= (kT > 0) | ~integrals.crossed
    converged = integrals.converged | in_gap[:, None]
    bare = [term.name for term in request.terms if _has_no_geometry(term, sampler, integrals)]
    diverges = np.zeros(converged.shape, dtype=bool)
    results: dict[str, TermResult] = {}
    limited: list[dict[str, object]] = []
    for number, term in enumerate(request.terms):
        diverging = np.zeros(len(mu), dtype=bool)
        for singularity in singularities:
            if term.name in singularity.terms:
                diverging |= singularity.terms[term.name][order]
        converged[:, number] &= ~diverging
        diverges[:, number] = diverging
        doubt = np.zeros(len(mu))
        if reduced is not None:
            doubt = reduced.doubt(term.name, kT) * np.abs(integrals.value[:, sampler.columns.modulus[term.name]])
            if term.name not in odd and term.name not in reduced.forbidden([term]):
                converged[:, number] &= in_gap | (doubt <= integrals.allowed[:, number])
        results[term.name] = term_result(
            term,
            sampler.columns,
            integrals.value,
            integrals.error + doubt[:, None],
            dim=model.dim,
            measure=measure(model),
            violation=odd.get(term.name),
            in_gap=in_gap,
            diverging=diverging,
            shape=shape,
        )
        stopped = (integrals.limited[:, number] | (term.name in odd)) & ~in_gap & ~diverging & integrals.discovered
        limited += [{"term": term.name, "kT": float(kT[n]), "mu": float(mu[n])} for n in np.flatnonzero(stopped)]
    _warn(request, sampler, integrals, ~converged & ~diverges, singularities)
    attrs = {
        "k_points": sampler.points,
        "k_points_energy_only": sampler.energy_points,
        "max_k_points": request.max_k_points,
        "converged": int(converged.all()),
        "method": integrals.method,
        "audit": integrals.audit,
        "simplices": integrals.simplices,
        "rtol": request.rtol,
        "atol": json.dumps(request.atol),
        "degeneracy_tol_eV": request.degeneracy_tol,
        "components": letters(request.components),
        "form": "WPD",
        "model": model.name,
        "spin_degeneracy": model.spin_degeneracy,
        "versions": json.dumps(versions()),
        "singular": json.dumps([singularity.record() for singularity in singularities]),
        "noise_limited": json.dumps(limited),
        "odd_in_k": json.dumps(list(odd)),
        "no_geometry": json.dumps(bare),
        "reduced_by": "none" if reduced is None else reduced.describe(),
        "symmetry_order": 1 if reduced is None else len(reduced.maps),
        "in_gap": json.dumps([{"kT": float(kT[n]), "mu": float(mu[n])} for n in np.flatnonzero(in_gap)]),
    }
    if (thickness := getattr(model, "thickness", None)) is not None:
        attrs["thickness_nm"] = thickness
    return to_dataset(mu=request.mu, kT=request.kT, dim=model.dim, terms=results, tau=request.tau, attrs=attrs)


def _has_no_geometry(term: Integrand, sampler: BandSampler, integrals: Integrals) -> bool:
    """Whether the integrand of a term is zero at every k: a single band, or bands that nothing couples."""
    samples = integrals.samples
    if samples is None or not samples.count:
        return False
    return bool(samples.energy.size) and not samples.integrand[..., sampler.columns.modulus[term.name]].any()


def _warn(
    request: Request,
    sampler: BandSampler,
    integrals: Integrals,
    missed: BoolArray,
    singularities: list[Singularity],
) -> None:
    """Warnings of a run; `missed` are the (peak, block) that should have converged and have not."""
    if singularities:
        text = "; ".join(singularity.describe() for singularity in singularities[:3])
        more = f" and {len(singularities) - 3} more" if len(singularities) > 3 else ""
        warnings.warn(f"{text}{more}: error = inf there", SingularResponseWarning, stacklevel=5)
    spent = f"{sampler.points} k-points (limit {request.max_k_points})"
    if not integrals.discovered:
        warnings.warn(
            f"max_k_points was reached before all Fermi-surface pieces were found, with {spent}; every error is inf: "
            "allow more k-points",
            ConvergenceWarning,
            stacklevel=5,
        )
    elif missed.any():
        hint = ""
        for number, term in enumerate(request.terms):
            columns = sampler.columns.entries[term.name]
            zero = (np.abs(integrals.value[:, columns]) <= integrals.error[:, columns]).all(axis=1)
            if (missed[:, number] & zero).any():
                hint += f"; {term.name} is zero within its error: if symmetry forbids it, leave it out or give atol"
        warnings.warn(
            f"rtol = {request.rtol:g} was not reached with {spent}; the errors reported are those reached{hint}",
            ConvergenceWarning,
            stacklevel=5,
        )
