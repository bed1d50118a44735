"""`sg.theory.conductivity`: the second-order conductivity of Eqs. 8, 9 and 1 from a route's connection and energy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from ..arrays import FloatArray
from ..bands import solve
from ..errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from ..geometry import berry_curvature
from ..model import Model, as_model, as_number
from ..request import not_negative, point_limit, positive
from ..units import NATURAL_UNITS
from .currents import GridBands, currents
from .datasets import tensor_dataset
from .expansion import expansion
from .route import survey
from .routes import known_route
from .uniform_grid import UniformGrid, domain
from .wave_packet import Packet

if TYPE_CHECKING:
    import xarray

ORDERS = {"tau2": 2, "tau1": 1, "tau0": 0}
TAIL = 1e-3
"""Share of rtol to which the occupation counts as 0 or 1."""
FIRST_SIZE = {2: 32, 3: 16}
SMALLEST_GRID = 18
MAX_K_POINTS = {"perturbation": 300_000, "luttinger-kohn": 300_000, "wave-packet": 20_000}
RIM = 6.0
"""The box ends so many kT beyond what the tail asks for: the sum takes opposite rims as neighbours, and differences
divide what is left there by the spacing."""
PACKET = Packet(width=0.04, levels=3, tail=1e-5, spacing=0.9)
"""Packets for a whole grid, coarser than those of `field_modified`."""
CHUNK = 2048


@dataclass(frozen=True)
class Assembly:
    """What is assembled: checked arguments."""

    model: Model
    mu: float
    kT: float
    route: str
    degeneracy_tol: float
    rtol: float

    @property
    def tail(self) -> float:
        """Occupations closer to 0 or 1 count as these."""
        return TAIL * min(self.rtol, 1.0)


@dataclass(frozen=True)
class Assembled:
    """The orders in tau and how sure they are."""

    value: FloatArray
    """(order, i, j, k), orders as in `ORDERS`."""
    error: FloatArray
    """(order,), one for all entries."""
    least: FloatArray
    """What no finer grid removes: rounding, cut tails and, in tau0, the route's own error, (order,)."""
    floor: FloatArray
    """`least` without the route's own error: what symmetry forbids has no other size, (order,)."""
    size: int
    converged: bool


def conductivity(
    model: Model,
    mu: float,
    kT: float,
    route: str,
    *,
    grid: int | None = None,
    rtol: float = 1e-3,
    degeneracy_tol: float = 1e-6,
    max_k_points: int | None = None,
) -> xarray.Dataset:
    """Second-order conductivity from a route's connection and energy: Eqs. 8, 9 and 1, not Eq. 13 (QIANG_2025).

    mu, kT: chemical potential and thermal energy above zero, eV. route: a name as in `field_modified`.
    grid: points along each axis of a uniform grid; by default grown by half from 32 (3D: 16) until the result stands
        still to rtol of each order's largest entry. max_k_points: the largest grid, 300 000 by default, 20 000 for
        packets; a grid beyond it is refused.

    At each k the route is asked in weak fields, e|E||A|/gap = 1e-4, along all axes and their sums; the connection's odd
    and the energy's even part are its first and second order. Their k-derivatives are differences of order 10 on the
    grid: one reciprocal cell or, for a continuum model, a box on whose rim every band is full or empty to rtol/1000.
    Bands that cross where they are neither full nor empty slow the convergence, which the error shows.

    Returns a Dataset with tau2, tau1, tau0 (i, j, k), natural units as `drude_natural`, `bcd_natural`, `qm_natural` of
    `sigmaijk.conductivity`, each with its `_error` (change from a grid of 2/3 of the points plus the route's own). The
    wave packet takes a minute or more where the other routes take seconds, and its own error is about 1e-4 of tau0.

    Raises ArgumentError or ArgumentTypeError for bad arguments, ModelError for a continuum model with open Fermi
    surfaces. Warns with ConvergenceWarning when max_k_points or the route's own error ends the growth.
    """
    model = as_model(model)
    mu = as_number("mu", mu, "eV")
    if not np.isfinite(mu):
        raise ArgumentError(f"mu must be finite (eV), got {mu}")
    kT = positive("kT", kT, "eV")
    known_route(route)
    size = None if grid is None else _grid_size(grid)
    rtol = positive("rtol", rtol)
    degeneracy_tol = not_negative("degeneracy_tol", degeneracy_tol, "eV")
    limit = MAX_K_POINTS[route] if max_k_points is None else point_limit(max_k_points)
    if size is not None and size**model.dim > limit:
        raise ArgumentError(
            f"grid = {size} makes {size**model.dim:.3g} k-points, more than max_k_points = {limit}: take at most "
            f"{_root(limit, model.dim)}, or raise max_k_points"
        )
    task = Assembly(model, mu, kT, route, degeneracy_tol, rtol)
    found = _on_one_grid(task, size) if size is not None else _refined(task, limit)
    if not found.converged:
        size_of = np.maximum(np.abs(found.value).max(axis=(1, 2, 3)), found.floor / rtol)
        relative = np.divide(found.error, size_of, out=np.zeros_like(size_of), where=size_of > 0)
        worst = ", ".join(f"{name} {x:.2g}" for name, x in zip(ORDERS, relative, strict=True))
        settled = found.error - found.least <= np.maximum(rtol * np.abs(found.value).max(axis=(1, 2, 3)), found.least)
        cause = "its own error is too large" if settled.all() else f"max_k_points = {limit} ended the run"
        warnings.warn(
            f"route {route!r} reached relative errors {worst} with {found.size} points along each axis, not rtol = "
            f"{rtol:g}: {cause}; raise rtol, kT or max_k_points",
            ConvergenceWarning,
            stacklevel=2,
        )
    return _dataset(task, found)


def _grid_size(grid: int) -> int:
    if isinstance(grid, bool) or not isinstance(grid, Integral):
        raise ArgumentTypeError(f"grid must be a whole number or None, got {grid!r}")
    if grid < SMALLEST_GRID:
        raise ArgumentError(f"grid must be at least {SMALLEST_GRID}, got {grid!r}")
    return int(grid)


def _root(limit: int, dim: int) -> int:
    """The largest whole number whose dim-th power is within the limit."""
    root = int(limit ** (1.0 / dim)) + 1
    return root if root**dim <= limit else root - 1


def _refined(task: Assembly, limit: int) -> Assembled:
    """Grids, each larger by half, until every order stands still, or changes less than its least error."""
    size = FIRST_SIZE[task.model.dim]
    found = _assembled(task, size)
    while True:
        size = _larger(size)
        last, found = found, _assembled(task, size)
        found = _compared(found, last)
        largest = np.abs(found.value).max(axis=(1, 2, 3))
        still = found.error - found.least <= np.maximum(task.rtol * largest, found.least)
        converged = bool((found.error <= np.maximum(task.rtol * largest, 2.0 * found.floor)).all())
        if converged or still.all() or _larger(size) ** task.model.dim > limit:
            return replace(found, converged=converged)


def _larger(size: int) -> int:
    return size + size // 2


def _on_one_grid(task: Assembly, size: int) -> Assembled:
    """The grid asked for, and one of 2/3 of its size for the error."""
    return _compared(_assembled(task, size), _assembled(task, 2 * size // 3))


def _compared(finer: Assembled, coarser: Assembled) -> Assembled:
    """The change from a coarser grid bounds the error, but up to half of it where it is no small part of the value."""
    change = np.abs(finer.value - coarser.value).max(axis=(1, 2, 3))
    largest = np.maximum(np.abs(finer.value).max(axis=(1, 2, 3)), finer.floor)
    share = np.divide(change, largest, out=np.zeros_like(change), where=largest > 0)  # 0: nothing there at all
    change = change * (1.0 + np.minimum(1.0, 10.0 * share))
    return replace(finer, error=finer.least + change, converged=True)


def _assembled(task: Assembly, size: int) -> Assembled:
    """The orders on one grid; the error is what no finer grid removes."""
    model, thermal = task.model, np.log(1.0 / task.tail) + RIM
    grid = UniformGrid(*domain(model, task.mu, task.kT, thermal), size)
    bands, uncertain = _grid_bands(task, grid)
    found = currents(grid, bands)
    factor = model.spin_degeneracy
    rim = 0.0 if model.periodic else size * np.exp(-thermal)
    floor = factor * (found.rounding + (task.tail + rim) * found.modulus)
    least = floor + factor * np.array([0.0, 0.0, grid.weight * uncertain])
    return Assembled(factor * found.value, least, least, floor, size, converged=False)


def _grid_bands(task: Assembly, grid: UniformGrid) -> tuple[GridBands, float]:
    """Bands on a grid with the route's tensors where bands are occupied, and the sum of |v f0'| times its error."""
    model, k = task.model, grid.points
    p, n, d = len(k), model.n_bands, model.dim
    energy, moduli = np.empty((p, n)), np.empty((p, n))
    velocity, curvature = np.empty((p, n, d)), np.empty((p, n, d, d))
    for start in range(0, p, CHUNK):
        batch = slice(start, start + CHUNK)
        for index, bands in solve(model.jet(k[batch], 1), k[batch], task.degeneracy_tol):
            energy[batch][index] = bands.energy
            velocity[batch][index] = np.moveaxis(bands.average(bands.velocity), -1, 1)
            curvature[batch][index] = np.moveaxis(bands.average(berry_curvature(bands)), -1, 1)
            moduli[batch][index] = 2.0 * bands.modulus(bands.interband_connection, 0)
    f0 = expit(-(energy - task.mu) / task.kT)
    # Of a lattice either reference is exact; a box is full or empty at its corner.
    full = f0.mean(axis=0) > 0.5 if model.periodic else f0[0] > 0.5
    occupation = np.where(full, -expit((energy - task.mu) / task.kT), f0)
    slope = -f0 * expit((energy - task.mu) / task.kT) / task.kT
    needed = np.flatnonzero((np.abs(occupation) > task.tail).any(axis=1))
    polarization, stiffness = np.zeros((p, n, d, d)), np.zeros((p, n, d, d))
    uncertain = 0.0
    for start in range(0, len(needed), CHUNK):
        index = needed[start : start + CHUNK]
        seen = survey(model, k[index], task.degeneracy_tol)
        packet = PACKET if task.route == "wave-packet" else None
        part = expansion(model, k[index], task.route, seen, packet)
        polarization[index], stiffness[index] = part.polarization, part.stiffness
        doubt = 2.0 * part.polarization_error.max(axis=(2, 3)) + part.stiffness_error.max(axis=(2, 3))
        uncertain += float((np.abs(velocity[index]).max(axis=2) * np.abs(slope[index]) * doubt).sum())
    return GridBands(velocity, curvature, moduli, occupation, slope, polarization, stiffness), uncertain


def _dataset(task: Assembly, found: Assembled) -> xarray.Dataset:
    dim = task.model.dim
    tensors, units = {}, {}
    for order, (name, power) in enumerate(ORDERS.items()):
        tensors[name] = found.value[order]
        tensors[f"{name}_error"] = np.full((dim,) * 3, found.error[order])
        units[name] = units[f"{name}_error"] = NATURAL_UNITS[dim, power]
    attributes = {
        "convention": "J_i = sigma_ijk E_j E_k, charge -e, sigma_ijk = sigma_ikj; integrals in natural units",
        "equations": "QIANG_2025, Eqs. 8, 9 and 1",
        "model": task.model.name,
        "route": task.route,
        "mu_eV": task.mu,
        "kT_eV": task.kT,
        "rtol": task.rtol,
        "grid": found.size,
        "converged": int(found.converged),
        "degeneracy_tol": task.degeneracy_tol,
    }
    return tensor_dataset(tensors, attributes, units)
