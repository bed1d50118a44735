"""Eqs. 8, 9 and 1 on a uniform grid: velocity times occupation, order by order in the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from .uniform_grid import UniformGrid

ROUNDING = 1e-11
"""Share of the integrals of moduli that rounding leaves, amplified by the differences on the grid."""


@dataclass(frozen=True)
class GridBands:
    """Bands on a grid, bands of a group with its mean; natural units."""

    velocity: FloatArray
    """d e/dk, (p, n, i)."""
    curvature: FloatArray
    """Field-free Omega^ij, (p, n, i, j)."""
    curvature_modulus: FloatArray
    """A bound of |Omega^ij| in whose sum over states nothing cancels, (p, n)."""
    occupation: FloatArray
    """f0(e), less one for a band that counts as full: a constant carries no current, (p, n)."""
    slope: FloatArray
    """f0'(e), (p, n)."""
    polarization: FloatArray
    """Field-induced Berry connection per field, d At_a/d E_b, from a route; needed where occupied, (p, n, a, b)."""
    stiffness: FloatArray
    """Field-induced energy E.stiffness.E, from a route, (p, n, a, b)."""


@dataclass(frozen=True)
class Currents:
    """Second-order current J_i / (E_j E_k) by power of tau, two, one, zero, symmetric in jk."""

    value: FloatArray
    """(order, i, j, k)."""
    modulus: FloatArray
    """Largest entry of the same integrals of moduli, (order,)."""
    rounding: FloatArray
    """Digits that the differences on the grid lose, (order,)."""


def currents(grid: UniformGrid, bands: GridBands) -> Currents:
    """J = -sum int [dk] vt f to second order in E (QIANG_2025, Eq. 1), all k-derivatives by differences on the grid.

    vt_i = d_i et + Omegat^ij E_j with et and At of a route (Eq. 8 unexpanded), f = sum_nu (tau E.d)**nu f0(et) (Eq. 9).
    """
    f, v = bands.occupation, bands.velocity
    drift = grid.gradient(f)  # tau E.d f0
    drift2 = np.stack([grid.gradient(drift[k]) for k in range(grid.dim)], axis=1)  # d_j d_k f0
    shift = bands.stiffness * bands.slope[..., None, None]  # f0(et) - f0(e)
    velocity2 = _second_order_velocity(grid, bands)
    tau2 = _product("pni,jkpn->ijk", v, drift2)
    tau1 = _product("pnij,kpn->ijk", bands.curvature, drift)
    tau0 = _product("pnijk,pn->ijk", velocity2, f) + _product("pni,pnjk->ijk", v, shift)
    tensor = -grid.weight * np.stack([tau2, tau1, tau0])
    moduli = (
        _product("pni,jkpn->ijk", np.abs(v), np.abs(drift2)),
        _product("pnij,kpn->ijk", np.abs(bands.curvature), np.abs(drift)),
        _product("pnijk,pn->ijk", np.abs(velocity2), np.abs(f)) + _product("pni,pnjk->ijk", np.abs(v), np.abs(shift)),
    )
    modulus = grid.weight * np.array([entries.max() for entries in moduli])
    uncancelled = grid.weight * float(_product("pn,kpn->k", bands.curvature_modulus, np.abs(drift)).max())
    rounding = ROUNDING * np.maximum(modulus, [0.0, uncancelled, 0.0])
    return Currents(0.5 * (tensor + tensor.swapaxes(2, 3)), modulus, rounding)


def _product(form: str, left: FloatArray, right: FloatArray) -> FloatArray:
    return np.einsum(form, left, right, optimize=True)


def _second_order_velocity(grid: UniformGrid, bands: GridBands) -> FloatArray:
    """d_i of the second-order energy plus the anomalous velocity of the field-induced curvature, (p, n, i, j, k)."""
    accelerated = np.moveaxis(grid.gradient(bands.stiffness), 0, 2)
    slopes = np.moveaxis(grid.gradient(bands.polarization), 0, 2)  # d_i of At_j per E_k
    return accelerated + slopes - slopes.swapaxes(2, 3)
