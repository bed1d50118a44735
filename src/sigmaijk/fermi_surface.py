"""Where a conductivity comes from: the integrand of a term on the Fermi line or surface, point by point, at T = 0."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .arrays import BoolArray, FloatArray, IntArray
from .bands import solve
from .errors import ArgumentError, ConvergenceWarning
from .model import Model, as_number, as_points
from .quantities import DIRECTIONS, checked_model, chosen_component
from .request import chosen_terms, not_negative, point_limit, positive
from .surface_points import MappedSurface, mapped_surface
from .tensors import measure
from .term import Term
from .units import NATURAL_UNITS, si_factor, si_unit

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

SPOT = 0.02
"""Radius within which points count as one place, in units of the extent of the reciprocal cell or of the surface."""


@dataclass(frozen=True)
class Spot:
    """A place on the Fermi surface and what it gives to one component."""

    k: FloatArray
    """Of its largest contribution, (dim,), 1/nm; of a lattice in the cell around k = 0."""
    band: int
    """Lowest band of its sheet, counted from 0."""
    contribution: float
    """To the integral I, natural units."""
    share: float
    """Part of the sum of all moduli."""
    gap: float
    """Smallest distance to another sheet there, eV."""


@dataclass(frozen=True, eq=False, repr=False)
class FermiMap:
    """Points of the Fermi line or surface with weights, so that the sum of `contribution` is the integral I at T = 0.

    I_ijk = sum_n int [dk] F_n^ijk f0' = -sum over points of weight * integrand, in natural units (eV, nm, e = hbar = 1)
    """

    model: str
    term: str
    mu: float
    tau_power: int
    k: FloatArray
    """(point, dim), 1/nm; a lattice's points may lie in neighbouring cells, where their sheet continues."""
    weight: FloatArray
    """int [dk] delta(E - mu) of each point with the spin degeneracy, (point,), 1/(eV nm**dim)."""
    integrand: FloatArray
    """F^ijk, summed over the bands of the sheet, (point, i, j, k)."""
    velocity: FloatArray
    """d eps/dk, (point, dim), eV nm."""
    band: IntArray
    """Lowest band of the sheet, counted from 0, (point,)."""
    multiplicity: IntArray
    """Number of bands of the sheet, (point,)."""
    gap: FloatArray
    """Distance in energy to the nearest other sheet, eV, (point,)."""
    error: FloatArray
    """Of `total`, (i, j, k); inf where the search for pieces was cut short."""
    k_points: int
    _model: Model
    _term: Term
    _degeneracy_tol: float

    def __repr__(self) -> str:
        return f"FermiMap({self.term} of {self.model} at mu = {self.mu:g} eV: {len(self.k)} points)"

    @property
    def dim(self) -> int:
        """Dimension of space."""
        return self.k.shape[1]

    @property
    def unit(self) -> str:
        """Unit of contributions and total."""
        return NATURAL_UNITS[self.dim, self.tau_power]

    @cached_property
    def contribution(self) -> FloatArray:
        """Of each point to I, (point, i, j, k)."""
        return -self.weight[:, None, None, None] * self.integrand

    @property
    def total(self) -> FloatArray:
        """The integral I at T = 0, (i, j, k)."""
        return self.contribution.sum(axis=0)

    @property
    def density_of_states(self) -> float:
        """Sum over points of weight and multiplicity, 1/(eV nm**dim)."""
        return float((self.weight * self.multiplicity).sum())

    def component(self, name: str) -> FloatArray:
        """Contribution of each point to one component such as "xyy", (point,)."""
        return self.contribution[(slice(None), *chosen_component(name, 3, self.dim))]

    def dominant(self, component: str, count: int = 8, radius: float | None = None) -> list[Spot]:
        """The places that contribute most to a component, by modulus; points within `radius` (1/nm) count as one."""
        values = self.component(component)
        size, left = np.abs(values).sum(), np.abs(values)
        reach = self._reach if radius is None else positive("radius", radius, "1/nm")
        spots: list[Spot] = []
        while len(spots) < count and left.any():
            top = int(left.argmax())
            near = (self._distance(self.k[top]) <= reach) & (self.band == self.band[top]) & (left > 0)
            place = self._home(self.k[top])
            amount = float(values[near].sum())
            share = float(left[near].sum() / size)
            spots.append(Spot(place, int(self.band[top]), amount, share, float(self.gap[near].min())))
            left[near] = 0.0
        return sorted(spots, key=lambda spot: -spot.share)

    def by_region(
        self, regions: Mapping[str, ArrayLike] | Callable[[FloatArray], Sequence[str]]
    ) -> dict[str, FloatArray]:
        """I of each region of k, (i, j, k); their sum is `total`.

        regions: centres by name ({"K": k, "K'": k'}, Cartesian, 1/nm): each point belongs to the nearest, counted
        across the borders of a reciprocal cell. Or a function of k (point, dim) that returns a name for each point.
        """
        if callable(regions):
            names = np.asarray(regions(self.k))
            if names.shape != (len(self.k),):
                raise ArgumentError(f"regions must return one name for each of {len(self.k)} points, got {names.shape}")
            return {str(name): self.contribution[names == name].sum(axis=0) for name in np.unique(names)}
        if not regions:
            raise ArgumentError("regions must name at least one centre")
        far = np.stack([self._distance(as_points(centre, self.dim)[0]) for centre in regions.values()])
        nearest = far.argmin(axis=0)
        return {name: self.contribution[nearest == number].sum(axis=0) for number, name in enumerate(regions)}

    def by_pair(self) -> xarray.Dataset:
        """I by the band at the Fermi level and the other band it is mixed with, and what needs no other band.

        Variables `pair` (band, other, i, j, k) and `direct` (band, i, j, k): the second derivatives of H (Drude) or the
        curl of the position matrices (Berry curvature); together they sum to `total`. `band` is the lowest of a sheet.
        The split of a Drude term into direct and mixed parts depends on the basis of H.
        """
        import xarray as xr

        sheets = np.unique(self.band)
        n, d = self._model.n_bands, self.dim
        pair, direct = np.zeros((len(sheets), n, d, d, d)), np.zeros((len(sheets), d, d, d))
        for number, sheet in enumerate(sheets):
            rows = np.flatnonzero(self.band == sheet)
            size = int(self.multiplicity[rows[0]])
            for other in [None, *(m for m in range(n) if not sheet <= m < sheet + size)]:
                states = np.arange(n) == (-1 if other is None else other)
                found = -np.einsum("k,kijl->ijl", self.weight[rows], self._integrand(rows, states))
                if other is None:
                    direct[number] = found
                else:
                    pair[number, other] = found - direct[number]
        axes = list(DIRECTIONS[:d])
        units = {"units": self.unit}
        return xr.Dataset(
            {
                "pair": (("band", "other", "i", "j", "k"), pair, units),
                "direct": (("band", "i", "j", "k"), direct, units),
            },
            coords={"band": sheets, "other": np.arange(n), "i": axes, "j": axes, "k": axes},
            attrs={"model": self.model, "term": self.term, "mu_eV": self.mu},
        )

    def to_dataset(self) -> xarray.Dataset:
        """Points, weights, integrands and contributions with their units, ready for `to_netcdf`."""
        import xarray as xr

        axes = list(DIRECTIONS[: self.dim])
        tensor = ("point", "i", "j", "k")
        density = f"1/(eV nm^{self.dim})"
        return xr.Dataset(
            {
                "momentum": (("point", "axis"), self.k, {"units": "1/nm"}),
                "velocity": (("point", "axis"), self.velocity, {"units": "eV nm"}),
                "weight": ("point", self.weight, {"units": density}),
                "integrand": (tensor, self.integrand),
                "contribution": (tensor, self.contribution, {"units": self.unit}),
                "band": ("point", self.band),
                "multiplicity": ("point", self.multiplicity),
                "gap": ("point", self.gap, {"units": "eV"}),
                "total": (("i", "j", "k"), self.total, {"units": self.unit}),
                "total_error": (("i", "j", "k"), self.error, {"units": self.unit}),
            },
            coords={"axis": axes, "i": axes, "j": axes, "k": axes},
            attrs={
                "model": self.model,
                "term": self.term,
                "mu_eV": self.mu,
                "si_factor": si_factor(self.tau_power),
                "si_unit": si_unit(self.dim, self.tau_power),
            },
        )

    def plot(self, path: str | os.PathLike[str] | None = None, component: str | None = None) -> Figure:
        """The Fermi line or surface in the colours of what it contributes per length or area; also written to `path`.

        component: such as "xyy"; the largest one by default.
        """
        if component is not None:
            chosen_component(component, 3, self.dim)
        from .plots.maps import plot_fermi_map

        return plot_fermi_map(self, path, component)

    def _integrand(self, rows: IntArray, states: BoolArray) -> FloatArray:
        """F of the sheets at some points, mixing only with some of the states, summed over the bands of each sheet."""
        lead, size = int(self.band[rows[0]]), int(self.multiplicity[rows[0]])
        return sheet_integrand(
            self._model, self._term, self.k[rows], slice(lead, lead + size), self._degeneracy_tol, states
        )

    @property
    def _reach(self) -> float:
        if self._model.periodic:
            return SPOT * float(np.linalg.norm(self._model.reciprocal, axis=1).min())
        return SPOT * float(np.ptp(self.k, axis=0).max()) if len(self.k) else 0.0

    def _home(self, k: FloatArray) -> FloatArray:
        """The same k in the cell around k = 0."""
        if not self._model.periodic:
            return k
        reciprocal = self._model.reciprocal
        reduced = k @ np.linalg.inv(reciprocal)
        return (reduced - np.round(reduced)) @ reciprocal

    def _distance(self, centre: FloatArray) -> FloatArray:
        """From every point to a centre or to the nearest of its images, (point,)."""
        away = self._home(self.k - centre)
        if not self._model.periodic:
            return np.linalg.norm(away, axis=1)
        shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * self.dim, indexing="ij"), axis=-1).reshape(-1, self.dim)
        images = away[:, None] + shifts @ self._model.reciprocal
        return np.linalg.norm(images, axis=2).min(axis=1)


def sheet_integrand(
    model: Model, term: Term, k: FloatArray, bands: slice, degeneracy_tol: float, states: BoolArray | None = None
) -> FloatArray:
    """F^ijk of a term at k (nk, dim), summed over some bands, mixing only with `states` if given: (nk, i, j, k)."""
    d = model.dim
    result = np.empty((len(k), d, d, d))
    if len(k) == 0:
        return result
    for index, found in solve(model.jet(k, term.jet_order), k, degeneracy_tol, bands):
        chosen = found if states is None else found.through(states)
        result[index] = term.tensor(chosen).sum(axis=-1)
    return result


def fermi_map(
    model: Model,
    mu: float,
    term: str = "qm",
    *,
    rtol: float = 1e-3,
    degeneracy_tol: float = 1e-6,
    max_k_points: int | None = None,
) -> FermiMap:
    """The integrand of a term on the Fermi line or surface at mu, with weights that make it the integral I at T = 0.

    term: 'drude', 'bcd' or 'qm'. rtol: wanted error of the sum, relative to its largest entry. The points are the nodes
    of the patches of `conductivity`, each moved onto the surface.

    Raises ArgumentError or ModelError for what cannot be computed; warns with ConvergenceWarning when max_k_points
    ended the search, with infinite errors.
    """
    checked_model(model)
    level = as_number("mu", mu, "eV")
    if not np.isfinite(level):
        raise ArgumentError(f"mu must be finite (eV), got {mu!r}")
    (chosen,) = _one_term(term)
    precision, tolerance = positive("rtol", rtol), not_negative("degeneracy_tol", degeneracy_tol, "eV")
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        found = mapped_surface(model, chosen, level, precision, tolerance, point_limit(max_k_points))
        return _described(model, chosen, level, tolerance, found)


def _one_term(name: str) -> tuple[Term, ...]:
    if not isinstance(name, str):
        raise ArgumentError(f"term must be the name of one term, got {name!r}")
    return chosen_terms(name)


def _described(model: Model, term: Term, mu: float, degeneracy_tol: float, found: MappedSurface) -> FermiMap:
    import warnings

    d, unit = model.dim, measure(model)
    integrand = np.empty((len(found.k), d, d, d))
    for lead in np.unique(found.band):
        rows = np.flatnonzero(found.band == lead)
        bands = slice(int(lead), int(lead) + int(found.multiplicity[rows[0]]))
        for part in np.array_split(rows, -(-len(rows) // 2000)):
            integrand[part] = sheet_integrand(model, term, found.k[part], bands, degeneracy_tol)
    own = np.einsum("k,kijl->ijl", found.weight, integrand)
    error = term.expand_error(np.where(np.isfinite(found.error), found.error, 0.0), d)
    # What moving the nodes onto the surface has changed belongs to the error.
    error = unit * (error + np.abs(own - term.expand(found.value, d)))
    if not np.isfinite(found.error).all():
        error[:] = np.inf
        warnings.warn(
            f"the Fermi surface of {model.name} at {mu:g} eV was not found within {found.k_points} k-points; every "
            "error is inf: allow more with max_k_points",
            ConvergenceWarning,
            stacklevel=3,
        )
    return FermiMap(
        model=model.name,
        term=term.name,
        mu=mu,
        tau_power=term.tau_power,
        k=found.k,
        weight=unit * found.weight,
        integrand=integrand,
        velocity=found.velocity,
        band=found.band,
        multiplicity=found.multiplicity,
        gap=found.gap,
        error=error,
        k_points=found.k_points + len(found.k),
        _model=model,
        _term=term,
        _degeneracy_tol=degeneracy_tol,
    )
