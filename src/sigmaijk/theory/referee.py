"""The density matrix as a referee: second-order response of a lattice model for a choice of relaxation, at large tau.

It knows nothing of bands' geometry until the comparison: the rows of Table 1 (QIANG_2025) differ by what the electrons
relax to, and the fitted coefficients of tau^0 say which row a relaxation belongs to.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import FloatArray
from ..errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, InputHealthWarning, ModelError
from ..model import Model, as_number
from ..models.lattice import LatticeModel
from ..request import flag, not_negative, positive
from ..units import HBAR_EV_FS, NATURAL_UNITS
from .coefficients import Coefficients, fitted
from .datasets import tensor_dataset
from .kinetics import Current, Kinetics
from .relaxation import Relaxation, chosen_relaxation

if TYPE_CHECKING:
    import xarray

TAIL = 1e-8
"""Wanted share of the last Fourier modes of what is differentiated; integrals over the cell converge faster, about as
its square: 1e-8 leaves less than 1e-11 in c1, c2, c3 of random models, 1e-4 leaves 1e-5."""
USELESS = 1e-2
"""With a tail above this no digit is left."""
FIRST_GRID = {2: 32, 3: 12}
LARGEST_GROWTH, LEAST_GROWTH, FARTHEST = 2.0, 1.25, 1e3
FORETELLING = 0.3
GUESS = 0.5
"""A grid that tails foretell may be so much smaller along each axis before a search for it is given up."""
COARSER = 2.0 / 3.0
"""Errors are the difference from a grid with this share of the points along each axis."""
LONGEST_TAU = 1e30
"""fs."""
ROUNDING = 1e-14
"""Rounding of a current in units of its modulus."""
CONVENTION = "J_i = I_ijk E_j E_k, charge -e, e = hbar = 1; I = tau2 tau^2 + tau1 tau + tau0, tau in 1/eV (tau/hbar)"


@dataclass(frozen=True)
class Answer:
    """What the density matrix of one model says at one (mu, kT)."""

    tensors: dict[str, FloatArray]
    """tau2, tau1, tau0, finite_tau if asked for, and `_error` of each, natural units."""
    fit: Coefficients | None
    shape: tuple[int, ...]
    tail: float


def density_matrix(
    model: Model,
    mu: float,
    kT: float,
    relaxation: str = "dressed",
    grid: int | Sequence[int] | None = None,
    tau: float | None = None,
    *,
    fit: bool = True,
    degeneracy_tol: float = 1e-6,
    drop_position_matrices: bool = False,
    max_gigabytes: float = 4.0,
) -> xarray.Dataset:
    """Second-order response of the density matrix of a lattice model in powers of tau, and the row of Table 1 it is.

    mu, kT: chemical potential and thermal energy above zero, eV. relaxation: 'dressed', 'adiabatic', 'uniform',
    'dressed-bare-energy' or 'dressed-positive-shift' (`relaxation.CATALOGUE` says what they mean). grid: points along
    each reciprocal vector, a number or one for each; by default what the Fourier tails ask for. tau in fs adds
    `finite_tau`, the same response at this tau without any expansion.
    fit: whether to write tau0 as c1 B1 + c2 B2 + c3 C1. drop_position_matrices: leave off-diagonal position matrices
    out, with a warning, instead of refusing them. max_gigabytes: memory that a grid may take.

    Returns a Dataset with tau2, tau1, tau0 (i, j, k), natural units as `drude_natural`, `bcd_natural`, `qm_natural` of
    `sigmaijk.conductivity`, each with its `_error` (the difference from a grid of 2/3 of the points, rather a bound).
    `finite_tau` has the unit of tau0 and is to be compared with tau2 x^2 + tau1 x + tau0, x = tau/hbar =
    attrs['tau_natural']. attrs: c1, c2, c3, fit_residual, relaxation, grid, tail, convention.

    tau1 is the Berry curvature dipole for every relaxation, tau2 the Drude term (half of it for 'adiabatic'), tau0
    differs: Eq. 13 of QIANG_2025, (c1, c2, c3) = (1, 1, 0), belongs to 'dressed', row QK, (1/2, 2, 0), to 'adiabatic'.

    Raises ArgumentError or ModelError for what cannot be computed, such as a continuum model, a grid that resolves
    nothing and, with fit, a model with B1 = B2 = 0. Warns with ConvergenceWarning if the grid given is too coarse.
    """
    checked = checked_model(model, drop_position_matrices)
    mu = finite("mu", mu)
    kT = positive("kT", kT, "eV")
    chosen = chosen_relaxation(relaxation)
    shape = None if grid is None else checked_grid(grid, checked.dim)
    time = None if tau is None else checked_tau(tau)
    wants_fit = flag("fit", fit)
    tolerance = not_negative("degeneracy_tol", degeneracy_tol, "eV")
    setup = Setup(checked, mu, kT, tolerance, positive("max_gigabytes", max_gigabytes) * 1e9)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        answer = ask(setup, chosen, shape, time, wants_fit)
    return _dataset(setup, chosen, answer, time)


@dataclass(frozen=True)
class Setup:
    """A model with its checked numbers."""

    model: LatticeModel
    mu: float
    kT: float
    degeneracy_tol: float
    max_bytes: float
    tail: float = TAIL
    """Wanted tail of a grid that is looked for."""

    def kinetics(self, shape: tuple[int, ...]) -> Kinetics:
        """The model on a grid; raises ArgumentError if that takes too much memory."""
        self.check_memory(shape)
        return Kinetics(self.model, shape, self.mu, self.kT, self.degeneracy_tol)

    def check_memory(self, shape: tuple[int, ...], share: float = 1.0) -> None:
        """Raises ArgumentError if this share of a grid takes more than max_bytes."""
        needed = memory(self.model, shape)
        if share * needed > self.max_bytes:
            raise ArgumentError(
                f"the density matrix of {self.model.name} at kT = {self.kT:g} eV on a grid of "
                f"{' x '.join(map(str, shape))} points takes about {needed / 1e9:.2g} GB, more than max_gigabytes = "
                f"{self.max_bytes / 1e9:g}: raise kT or max_gigabytes; it diverges where bands touch"
            )

    def foretold(self, shape: tuple[int, ...], tails: FloatArray) -> tuple[int, ...]:
        """The grid that is needed, judged from the first of larger ones whose tails tell."""
        while tails.max() > USELESS and memory(self.model, shape) < 0.1 * self.max_bytes:
            shape = needed_grid(shape, tails, self.tail)
            tails = self.kinetics(shape).tails()
        return needed_grid(shape, tails, self.tail, most=FARTHEST)

    def resolved(self) -> tuple[Kinetics, float]:
        """The model on the first grid whose tails are below TAIL, with that tail."""
        shape, first = (FIRST_GRID[self.model.dim],) * self.model.dim, True
        while True:
            kinetics = self.kinetics(shape)
            tails = kinetics.tails()
            if (tails <= self.tail).all():
                return kinetics, float(tails.max())
            if not first:
                farthest = needed_grid(shape, tails, self.tail, most=FARTHEST)
                self.check_memory(farthest, share=GUESS**self.model.dim)
            shape, first = needed_grid(shape, tails, self.tail), False


def ask(setup: Setup, relaxation: Relaxation, shape: tuple[int, ...] | None, tau: float | None, fit: bool) -> Answer:
    """The answer on a grid, or on one that is found; tau in fs."""
    if shape is None:
        kinetics, tail = setup.resolved()
    else:
        kinetics = setup.kinetics(shape)
        tail = _checked_tail(setup, shape, kinetics.tails())
    fine = _tensors(kinetics, relaxation, tau)
    coarser = tuple(max(2, int(COARSER * n)) for n in kinetics.grid.shape)
    coarse = _tensors(setup.kinetics(coarser), relaxation, tau)
    values = {name: current.value for name, current in fine.items()}
    errors = {f"{name}_error": _error(current, coarse[name]) for name, current in fine.items()}
    found = None
    if fit:
        error = float(errors["tau0_error"].max())
        found = fitted(values["tau0"], error, kinetics.velocity_metric(), kinetics.occupied_shift())
    return Answer(values | errors, found, kinetics.grid.shape, tail)


def _tensors(kinetics: Kinetics, relaxation: Relaxation, tau: float | None) -> dict[str, Current]:
    series = kinetics.response(relaxation, kinetics.series())
    tensors = {f"tau{power}": series[power] for power in (2, 1, 0)}
    if tau is not None:
        tensors["finite_tau"] = kinetics.response(relaxation, kinetics.at(tau / HBAR_EV_FS))[0]
    return tensors


def _error(fine: Current, coarse: Current) -> FloatArray:
    """Difference from the coarser grid, and the rounding of what was added up."""
    return np.abs(fine.value - coarse.value) + ROUNDING * fine.modulus


def needed_grid(
    shape: tuple[int, ...], tails: FloatArray, wanted: float, most: float = LARGEST_GROWTH
) -> tuple[int, ...]:
    """The grid at which tails that fall off exponentially reach what is wanted, at most so many times as fine."""
    from scipy.fft import next_fast_len

    grown = []
    for n, tail in zip(shape, tails, strict=True):
        if tail <= wanted:
            grown.append(n)
            continue
        # A tail this large may still rise: it foretells nothing.
        factor = math.log(wanted) / math.log(tail) if tail < FORETELLING else LARGEST_GROWTH
        half = math.ceil(0.5 * n * min(max(factor, LEAST_GROWTH), most))
        grown.append(2 * int(next_fast_len(half) or half))
    return tuple(grown)


def memory(model: LatticeModel, shape: tuple[int, ...]) -> float:
    """Bytes at the peak of a run, about."""
    return 16.0 * math.prod(shape) * model.n_bands**2 * (18 + 7 * model.dim)


def _checked_tail(setup: Setup, shape: tuple[int, ...], tails: FloatArray) -> float:
    """The worst tail of a grid that was asked for; raises ArgumentError or warns, naming the grid needed."""
    tail = float(tails.max())
    if tail <= setup.tail:
        return tail
    needed = setup.foretold(shape, tails)
    text = (
        f"a grid of {' x '.join(map(str, shape))} is too coarse for {setup.model.name} at kT = {setup.kT:g} eV: its "
        f"last Fourier modes still hold {tail:.1g} of the largest; take about {' x '.join(map(str, needed))} or more, "
        "or grid=None to have it found"
    )
    if tail > USELESS:
        raise ArgumentError(text)
    warnings.warn(text, ConvergenceWarning, stacklevel=4)
    return tail


def _dataset(setup: Setup, relaxation: Relaxation, answer: Answer, tau: float | None) -> xarray.Dataset:
    attributes: dict[str, Any] = {
        "model": setup.model.name,
        "mu": setup.mu,
        "kT": setup.kT,
        "relaxation": relaxation.name,
        "relaxation_meaning": relaxation.meaning,
        "grid": list(answer.shape),
        "tail": answer.tail,
        "convention": CONVENTION,
        "degeneracy_tol_eV": setup.degeneracy_tol,
        "spin_degeneracy": setup.model.spin_degeneracy,
    }
    if answer.fit is not None:
        attributes |= {
            "c1": answer.fit.c1,
            "c2": answer.fit.c2,
            "c3": answer.fit.c3,
            "fit_residual": answer.fit.residual,
            "fit": "tau0 = c1 B1 + c2 B2 + c3 C1"
            if answer.fit.determined
            else "symmetry leaves B2 = -B1, so that only c1 - c2 is determined; c1 and c2 are the shortest such pair",
        }
    if tau is not None:
        attributes |= {"tau_fs": tau, "tau_natural": tau / HBAR_EV_FS}
    units = {f"tau{power}": NATURAL_UNITS[setup.model.dim, power] for power in (2, 1, 0)}
    if tau is not None:
        units["finite_tau"] = NATURAL_UNITS[setup.model.dim, 0]
    units |= {f"{name}_error": unit for name, unit in units.items()}
    return tensor_dataset(answer.tensors, attributes, units)


# --- checks at the door -----------------------------------------------------------------------------------------------


def checked_model(model: object, drop_position_matrices: bool) -> LatticeModel:
    """A lattice model without off-diagonal position matrices, or the reason why not."""
    if not isinstance(model, Model):
        raise ArgumentTypeError(f"model must be a LatticeModel, got {type(model).__name__}")
    if not isinstance(model, LatticeModel):
        raise ModelError(
            f"the density matrix needs a periodic model, a LatticeModel, and {model.name} is not periodic in k; "
            "sg.theory.lattice_version(model, spacing) puts a model of up to second order in k on a lattice"
        )
    drop = flag("drop_position_matrices", drop_position_matrices)
    if model.jet(np.zeros((1, model.dim)), 1).connection is None:
        return model
    if not drop:
        raise ModelError(
            f"{model.name} has off-diagonal position matrices, with which no row of Table 1 holds; pass "
            "drop_position_matrices=True to keep only the centres of the orbitals"
        )
    warnings.warn(
        f"the off-diagonal position matrices of {model.name} are left out: only the centres of the orbitals count",
        InputHealthWarning,
        stacklevel=3,
    )
    return model


def finite(name: str, value: float, unit: str = "eV") -> float:
    """One finite number."""
    number = as_number(name, value, unit)
    if not math.isfinite(number):
        raise ArgumentError(f"{name} must be finite ({unit}), got {value!r}")
    return number


def checked_tau(tau: float) -> float:
    """A relaxation time in fs whose square is still a number."""
    time = positive("tau", tau, "fs")
    if not 1.0 / LONGEST_TAU <= time <= LONGEST_TAU:
        raise ArgumentError(f"tau must lie between {1.0 / LONGEST_TAU:g} and {LONGEST_TAU:g} fs, got {tau!r}")
    return time


def checked_grid(grid: object, dim: int) -> tuple[int, ...]:
    """Points along each reciprocal vector."""
    wanted = f"a whole number of points or {dim} of them, one for each reciprocal vector"
    if isinstance(grid, np.ndarray):
        grid = grid.tolist()
    sizes = (grid,) * dim if isinstance(grid, Integral) else grid
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or isinstance(grid, bool):
        raise ArgumentTypeError(f"grid must be {wanted}, got {grid!r}")
    if len(sizes) != dim or not all(isinstance(n, Integral) and not isinstance(n, bool) for n in sizes):
        raise ArgumentError(f"grid must be {wanted}, got {grid!r}")
    if min(sizes) < 4:
        raise ArgumentError(f"grid must have at least 4 points along each axis, got {grid!r}")
    return tuple(int(n) for n in sizes)
