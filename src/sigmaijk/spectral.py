"""S_F(energy) = sum_n int [dk] F_n delta(E_n - energy) of every term over a window of energy, and all its moments.

The conductivity is I(mu, kT) = int S_F f0' d energy: with S_F in a table, any mu and kT cost no further k-points.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .arrays import BoolArray, FloatArray
from .errors import ArgumentError, ConvergenceWarning, SingularResponseWarning, SymmetryWarning
from .levelset.simplices import NOISE, block_errors
from .model import Model, as_model, as_reals
from .progress import make_progress
from .request import chosen_components, chosen_symmetry, chosen_terms, energies, not_negative, point_limit, positive
from .results import TermResult, to_dataset
from .singular import Singularity
from .symmetry.known import symmetry_of
from .tabulation import CriticalEnergy, Tabulation, Wanted, tabulation
from .tensors import THERMAL_REACH, letters, term_result, versions
from .term import Term

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

PROBES = 400
"""Energies, evenly over the window, at which the size of S is taken and its errors are judged."""
TYPICAL = 0.9
"""Share of the bands' part of the window in which S does not exceed what rtol refers to; a divergence is left out."""
SPIKE = 0.02
"""Share of the window in which S may miss rtol without a warning: next to what diverges it always does."""
MARGIN = 3.0
"""A window that reaches ln(1/rtol) + MARGIN widths beyond mu leaves nothing out that matters."""


def spectrum(
    model: Model,
    window: tuple[float, float],
    *,
    terms: Sequence[str] | str = ("drude", "bcd", "qm"),
    rtol: float = 1e-4,
    components: Sequence[str] | str | None = None,
    degeneracy_tol: float = 1e-6,
    max_k_points: int | None = None,
    progress: bool = True,
    symmetry: object = False,
) -> Spectrum:
    """The spectral function S_F of each term over a window of energy; its moments are the conductivity.

    window: lowest and highest energy in eV; for a moment at (mu, kT) it should reach ln(1/rtol) + 3 times kT beyond mu
    on either side. rtol: wanted error of S relative to its largest entry over the window, not at each energy.
    terms, components, degeneracy_tol, max_k_points, symmetry: as for `conductivity`.

    Raises ArgumentError or ModelError for what cannot be computed; warns with ConvergenceWarning when rtol was not
    reached in a part of the window.
    """
    model = as_model(model)
    wanted = Wanted(
        _checked_window(window),
        chosen_terms(terms),
        positive("rtol", rtol),
        chosen_components(components, model.dim),
        not_negative("degeneracy_tol", degeneracy_tol, "eV"),
        point_limit(max_k_points),
        chosen_symmetry(symmetry),
    )
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), make_progress(progress) as monitor:
        found = Spectrum(wanted, tabulation(model, wanted, monitor))
    missed = found.missed
    if missed > SPIKE:
        warnings.warn(
            f"rtol = {wanted.rtol:g} was not reached in {100 * missed:.2g} % of the window with {found.k_points} "
            f"k-points (limit {wanted.max_k_points}); the errors reported are those reached",
            ConvergenceWarning,
            stacklevel=2,
        )
    return found


def _checked_window(window: object) -> tuple[float, float]:
    wanted = "two energies in eV, the lower first, such as (-0.4, 0.6)"
    bounds = as_reals("window", window, wanted)  # pyright: ignore[reportArgumentType]
    if bounds.shape != (2,) or not np.isfinite(bounds).all() or not bounds[0] < bounds[1]:
        raise ArgumentError(f"window must be {wanted}, got {window!r}")
    return float(bounds[0]), float(bounds[1])


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """S_F of each term over a window of energy: evaluate it, take its moments for any (mu, kT), draw it."""

    _wanted: Wanted
    _found: Tabulation

    def __repr__(self) -> str:
        low, high = self.window
        return (
            f"Spectrum({self.model}, {low:g} to {high:g} eV, terms {', '.join(self.terms)}: "
            f"{len(self.energies)} energies, {len(self.critical)} critical, {self.k_points:,} k-points)"
        )

    @property
    def window(self) -> tuple[float, float]:
        """Lowest and highest energy, eV."""
        return self._wanted.window

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms."""
        return tuple(term.name for term in self._wanted.terms)

    @property
    def critical(self) -> list[CriticalEnergy]:
        """Energies in the window at which S is not analytic, ascending."""
        return list(self._found.critical)

    @property
    def k_points(self) -> int:
        """Every k at which H was diagonalised."""
        return self._found.k_points

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._found.model

    @property
    def dim(self) -> int:
        """Dimension of space."""
        return self._found.dim

    @cached_property
    def energies(self) -> FloatArray:
        """Energies at which S was computed, ascending, eV."""
        known = self._found.table.energies
        return np.unique(known[np.isfinite(known)])

    @property
    def missed(self) -> float:
        """Share of the window in which some term errs by more than rtol times its largest entry."""
        _, value, error = self._probes
        return float(np.mean(~self._converged(value, error).all(axis=1)))

    def tau_power(self, term: str) -> int:
        """Power of tau of a term."""
        return self._term(term).tau_power

    def independent(self, term: str) -> list[str]:
        """Components that the index symmetry of a term leaves independent, such as "xyy"."""
        return [letters([entry]) for entry in self._term(term).independent(self.dim)]

    def evaluate(self, energy: ArrayLike, term: str) -> tuple[FloatArray, FloatArray]:
        """S of a term and its error at energies (eV), (n, dim, dim, dim) each, natural units, [dk] and spin included.

        At a critical energy S is the limit from above, and outside the window 0 with an infinite error.
        """
        at, chosen = energies("energy", energy), self._term(term)
        value, error = self._evaluated(at)
        nowhere = np.zeros(len(at), dtype=bool)
        result = self._result(chosen, value, error, nowhere, nowhere, (1, len(at)))
        return 0.0 - result.natural[0], result.natural_error[0]

    def moment(self, mu: ArrayLike, kT: ArrayLike = 0.0, *, tau: float | None = None) -> xarray.Dataset:
        """The dataset of `conductivity` at chemical potentials and thermal energies (eV), without further k-points.

        kT = 0 evaluates S. The part of a bump outside the window enters the error with the largest S seen; with mu
        itself outside the error is infinite. Converged is what errs by at most rtol times the largest entry of S over
        the window. tau in fs adds the total.
        """
        mus, widths = energies("mu", mu), energies("kT", kT)
        if (widths < 0).any():
            raise ArgumentError(f"kT must not be negative (eV), got {widths[widths < 0][0]}")
        tau = None if tau is None else positive("tau", tau, "fs")
        width, centre = (grid.ravel() for grid in np.meshgrid(widths, mus, indexing="ij"))
        value, error = self._doubted(*self._found.table.moments(centre, width), width)
        error[self._unknown(centre, width)] = np.inf
        in_gap = self._in_gap(centre, width, value)
        singular = self._found.singularities(
            centre, width, dict(zip(self.terms, self._allowed[0].tolist(), strict=True))
        )
        converged = self._converged(value, error) | in_gap[:, None]
        diverges = np.zeros_like(converged)
        results: dict[str, TermResult] = {}
        for number, term in enumerate(self._wanted.terms):
            for one in singular:
                diverges[:, number] |= one.terms.get(term.name, False)
            shape = (len(widths), len(mus))
            results[term.name] = self._result(term, value, error, in_gap, diverges[:, number], shape)
        self._warn(centre, width, ~converged & ~diverges, singular)
        known = np.isfinite(error).all(axis=1) & ~in_gap
        attrs = self._attributes() | {
            "converged": int((converged & ~diverges).all()),
            "singular": json.dumps([one.record() for one in singular]),
            "noise_limited": json.dumps(self._limited(centre, width, known[:, None] & ~diverges)),
            "in_gap": json.dumps([{"kT": float(width[n]), "mu": float(centre[n])} for n in np.flatnonzero(in_gap)]),
        }
        ds = to_dataset(mu=mus, kT=widths, dim=self.dim, terms=results, tau=tau, attrs=attrs)
        facts, complaints = symmetry_of(ds, None, self._found.known)
        ds.attrs.update(facts)
        for complaint in complaints:
            warnings.warn(complaint, SymmetryWarning, stacklevel=2)
        return ds

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        term: str | None = None,
        component: str | None = None,
    ) -> Figure:
        """S against energy with its error and the critical energies; also written to `path` (.png, .pdf, .svg).

        One panel a term, or only that of `term`; the largest components, or only one such as "xyy".
        """
        chosen = self.terms if term is None else (self._term(term).name,)
        if component is not None:
            chosen_components([component], self.dim)
        from .plots.spectrum import plot_spectrum

        return plot_spectrum(self, path, chosen, component)

    def _term(self, name: str) -> Term:
        for term in self._wanted.terms:
            if term.name == name:
                return term
        raise ArgumentError(f"term must be one of {', '.join(map(repr, self.terms))}, got {name!r}")

    def _result(
        self,
        term: Term,
        value: FloatArray,
        error: FloatArray,
        in_gap: BoolArray,
        diverging: BoolArray,
        shape: tuple[int, int],
    ) -> TermResult:
        return term_result(
            term,
            self._found.columns,
            value,
            error,
            dim=self.dim,
            measure=self._found.measure,
            violation=self._found.odd.get(term.name),
            in_gap=in_gap,
            diverging=diverging,
            shape=shape,
        )

    @cached_property
    def _probes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Energies all over the window, and values and errors of the table there, (n, c)."""
        low, high = self.window
        at = low + (high - low) * (np.arange(PROBES) + 0.5) / PROBES
        return at, *self._evaluated(at)

    def _evaluated(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and errors of all columns at energies, (n, c)."""
        return self._doubted(*self._found.table.evaluate(at), np.zeros(len(at)))

    def _doubted(self, value: FloatArray, error: FloatArray, kT: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values (n, c) with errors to which is added what the operations are off by which k-space was reduced."""
        reduced, columns = self._found.reduced, self._found.columns
        if reduced is not None:
            error = error.copy()
            for term in self._wanted.terms:
                doubt = reduced.doubt(term.name, kT) * np.abs(value[:, columns.modulus[term.name]])
                error[:, columns.entries[term.name]] += doubt[:, None]
        return value, error

    @cached_property
    def _allowed(self) -> tuple[FloatArray, FloatArray]:
        """Tolerance and rounding floor of each term, as columns are integrated."""
        _, value, _ = self._probes
        occupied = value[(value != 0.0).any(axis=1)]
        if not len(occupied):
            return np.zeros(len(self.terms)), np.zeros(len(self.terms))
        sizes = np.stack([np.abs(occupied[:, goal.columns]).max(axis=1) for goal in self._found.goals])
        moduli = np.stack([np.abs(occupied[:, goal.modulus]) for goal in self._found.goals])
        tolerance = self._wanted.rtol * np.quantile(sizes, TYPICAL, axis=1)
        return tolerance, NOISE * np.quantile(moduli, TYPICAL, axis=1)

    def _converged(self, value: FloatArray, error: FloatArray) -> BoolArray:
        """(peak, term)"""
        tolerance, floor = self._allowed
        floors = np.stack([NOISE * np.abs(value[:, goal.modulus]) for goal in self._found.goals], axis=1)
        known = np.isfinite(error).all(axis=1, keepdims=True)
        return known & (block_errors(error, self._found.goals) <= np.maximum(np.maximum(tolerance, floor), floors))

    def _limited(self, mu: FloatArray, kT: FloatArray, counted: BoolArray) -> list[dict[str, object]]:
        """Terms that rounding keeps from their tolerance: forbidden by symmetry, as far as can be seen."""
        tolerance, floor = self._allowed
        limited = [name in self._found.odd or floor[n] > tolerance[n] for n, name in enumerate(self.terms)]
        return [
            {"term": name, "kT": float(kT[n]), "mu": float(mu[n])}
            for number, name in enumerate(self.terms)
            if limited[number]
            for n in np.flatnonzero(counted[:, number])
        ]

    def _covered(self, mu: FloatArray, kT: FloatArray, reach: float) -> BoolArray:
        low, high = self.window
        return (mu - reach * kT >= low) & (mu + reach * kT <= high)

    def _unknown(self, mu: FloatArray, kT: FloatArray) -> BoolArray:
        """Peaks of which the table says nothing: centred outside it, or reaching out of a window with nothing in it."""
        outside = ~self._covered(mu, kT, 0.0)
        if not self._probes[1].any():
            # The table bounds what is outside by what it has seen.
            outside |= ~self._covered(mu, kT, THERMAL_REACH)
        return outside if len(self.energies) else np.ones_like(outside)

    def _in_gap(self, mu: FloatArray, kT: FloatArray, value: FloatArray) -> BoolArray:
        """Peaks with no band within their reach, (peak,)."""
        if not len(self.energies):
            return np.zeros(len(mu), dtype=bool)
        ends = np.array([[one.energy] * 2 for one in self._found.critical]).reshape(-1, 2)
        ranges = np.concatenate([self._found.ranges, ends])
        away = np.maximum(ranges[:, 0] - mu[:, None], mu[:, None] - ranges[:, 1])
        nearest = np.maximum(away, 0.0).min(axis=1, initial=np.inf)
        crossed = (value != 0.0).any(axis=1)
        return self._covered(mu, kT, THERMAL_REACH) & (nearest > THERMAL_REACH * kT) & ((kT > 0) | ~crossed)

    def _attributes(self) -> dict[str, str | int | float | list[float]]:
        wanted, found = self._wanted, self._found
        tolerances = dict(zip(self.terms, (found.measure * self._allowed[0]).tolist(), strict=True))
        return {
            "k_points": found.k_points,
            "k_points_energy_only": found.k_points_energy_only,
            "k_points_symmetry": found.known.k_points,
            "max_k_points": wanted.max_k_points,
            "method": "spectrum",
            "window_eV": list(self.window),
            "energies": len(self.energies),
            "rtol": wanted.rtol,
            "atol": json.dumps(dict.fromkeys(self.terms, 0.0)),
            "tolerance": json.dumps(tolerances),
            "degeneracy_tol_eV": wanted.degeneracy_tol,
            "components": letters(wanted.components),
            "form": "WPD",
            "model": found.model,
            "spin_degeneracy": found.spin_degeneracy,
            "versions": json.dumps(versions()),
            "odd_in_k": json.dumps(list(found.odd)),
            "no_geometry": json.dumps(found.bare),
            "reduced_by": "none" if found.reduced is None else found.reduced.describe(),
            "symmetry_order": 1 if found.reduced is None else len(found.reduced.maps),
        }

    def _warn(self, mu: FloatArray, kT: FloatArray, missed: BoolArray, singular: list[Singularity]) -> None:
        """Warnings of a moment; `missed` are the (peak, term) that should have converged and have not."""
        if singular:
            text = "; ".join(one.describe() for one in singular[:3])
            more = f" and {len(singular) - 3} more" if len(singular) > 3 else ""
            warnings.warn(f"{text}{more}: error = inf there", SingularResponseWarning, stacklevel=3)
        rows = missed.any(axis=1)
        reach = float(np.log(1.0 / min(self._wanted.rtol, 1.0))) + MARGIN
        beyond = rows & ~self._covered(mu, kT, reach)
        if beyond.any():
            low = min(self.window[0], float((mu - reach * kT)[beyond].min()))
            high = max(self.window[1], float((mu + reach * kT)[beyond].max()))
            warnings.warn(
                f"{beyond.sum()} of {len(mu)} (kT, mu) need energies outside the window {self.window[0]:g} to "
                f"{self.window[1]:g} eV; the errors reported include what is missing: "
                f"choose window=({low:.4g}, {high:.4g})",
                ConvergenceWarning,
                stacklevel=3,
            )
        elif rows.any():
            warnings.warn(
                f"rtol = {self._wanted.rtol:g} of the largest S was not reached at {rows.sum()} of {len(mu)} (kT, mu) "
                f"with {self.k_points} k-points (limit {self._wanted.max_k_points}); the errors reported are those "
                "reached",
                ConvergenceWarning,
                stacklevel=3,
            )
