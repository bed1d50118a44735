"""Table 1 of the founding paper as numbers: three published rows for one conductivity, from what each is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import FloatArray
from ..driver import compute
from ..errors import ArgumentError, ModelError
from ..model import Model, as_model
from ..models.lattice import LatticeModel
from ..progress import make_progress
from ..request import Request, flag, not_negative, point_limit, positive
from ..units import NATURAL_UNITS
from .datasets import tensor_dataset
from .referee import Setup, ask, checked_grid, finite
from .relaxation import CATALOGUE
from .row_integrands import SEMICLASSICAL, RowIntegrand, semiclassical_row
from .stand_ins import Fit, fit_on_stand_in

if TYPE_CHECKING:
    import xarray

ROWS = ("WPD", "LKA", "QK")
QUANTUM_KINETICS = CATALOGUE["adiabatic"]
"""The relaxation whose tau^0 response is the row QK."""


@dataclass(frozen=True)
class Options:
    """How a table is computed."""

    rtol: float
    atol: float
    degeneracy_tol: float
    max_k_points: int
    progress: bool
    grid: tuple[int, ...] | None
    spacing: float | None
    max_bytes: float


@dataclass
class Table:
    """Tensors of the rows with what a reader must know."""

    values: dict[str, FloatArray]
    errors: dict[str, FloatArray]
    coefficients: dict[str, tuple[float, float]]
    attributes: dict[str, Any] = field(default_factory=dict)


def table1(
    model: Model,
    mu: float,
    kT: float,
    *,
    rtol: float = 1e-3,
    atol: float = 0.0,
    degeneracy_tol: float = 1e-6,
    max_k_points: int | None = None,
    progress: bool = False,
    grid: int | tuple[int, ...] | None = None,
    spacing: float | None = None,
    max_gigabytes: float = 1.0,
) -> xarray.Dataset:
    """The intrinsic (tau^0) conductivity in the three forms of Table 1 of QIANG_2025, in natural units, with errors.

    mu, kT: one chemical potential and one thermal energy, zero or above, eV. WPD and LKA follow from the energy in the
    velocity and in the occupation (`row_integrands.SEMICLASSICAL`) and are integrals over the Fermi surface. QK is the
    density matrix that relaxes adiabatically (tau, then tau/2): evaluated if the model is a lattice model, kT > 0 and
    a grid within max_gigabytes resolves it; else c1 B1 + c2 B2 with the coefficients found on a lattice model nearby.
    rtol, atol, degeneracy_tol, max_k_points, progress: as for `sigmaijk.conductivity`; rtol acts on each row.
    grid: points along each reciprocal vector for the density matrix of a lattice model. spacing: of the lattice version
    of a continuum model (nm), on which c1 and c2 are found.

    Returns a Dataset with I and I_error, dims (row, i, j, k), rows 'WPD', 'LKA', 'QK'. I times e^2/hbar is the
    conductivity. attrs: qk_source says where QK comes from, coefficients (JSON) has (c1, c2) of each row, None for a
    QK that was evaluated; converged, k_points and singular are those of `sigmaijk.conductivity`.
    Raises ArgumentError or ModelError for what cannot be computed.
    """
    checked = _checked_model(model)
    mu, kT = finite("mu", mu), not_negative("kT", kT, "eV")
    options = Options(
        rtol=positive("rtol", rtol),
        atol=not_negative("atol", atol),
        degeneracy_tol=not_negative("degeneracy_tol", degeneracy_tol, "eV"),
        max_k_points=point_limit(max_k_points),
        progress=flag("progress", progress),
        grid=_grid_of(checked, kT, grid),
        spacing=_spacing_of(checked, spacing),
        max_bytes=1e9 * positive("max_gigabytes", max_gigabytes),
    )
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), make_progress(options.progress) as monitor:
        evaluated = _evaluated(checked, mu, kT, options)
        fit = None if evaluated is not None else _fit(checked, options)
        integrands = _integrands(fit)
        request = _request(mu, kT, integrands, options)
        table = _from_surface(compute(checked, request, monitor), integrands)
    if evaluated is not None:
        table.values["QK"], table.errors["QK"], table.attributes["qk_source"] = evaluated
    else:
        assert fit is not None
        table.coefficients["QK"] = (fit.coefficients.c1, fit.coefficients.c2)
        table.attributes["qk_source"] = fit.source
    return _dataset(checked, mu, kT, table, options)


def _checked_model(model: object) -> Model:
    model = as_model(model)
    if isinstance(model, LatticeModel) and model.jet(np.zeros((1, model.dim)), 1).connection is not None:
        raise ModelError(
            f"{model.name} has off-diagonal position matrices, with which no row of Table 1 holds: "
            "build the LatticeModel with positions=model.positions to keep only the centres of the orbitals"
        )
    return model


def _grid_of(model: Model, kT: float, grid: object) -> tuple[int, ...] | None:
    if grid is None:
        return None
    if not isinstance(model, LatticeModel):
        raise ArgumentError(f"grid is for the density matrix of a lattice model, and {model.name} is not periodic in k")
    if kT == 0:
        raise ArgumentError("grid is for the density matrix, which needs kT > 0; leave it out at kT = 0")
    return checked_grid(grid, model.dim)


def _spacing_of(model: Model, spacing: float | None) -> float | None:
    if spacing is None:
        return None
    if model.periodic:
        raise ArgumentError(f"spacing is for the lattice version of a continuum model, and {model.name} is a lattice")
    return positive("spacing", spacing, "nm")


def _evaluated(model: Model, mu: float, kT: float, options: Options) -> tuple[FloatArray, FloatArray, str] | None:
    """QK from the density matrix of the model itself with its error and description, or None if that cannot be had."""
    if not isinstance(model, LatticeModel) or kT == 0:
        return None
    setup = Setup(model, mu, kT, options.degeneracy_tol, options.max_bytes)
    try:
        answer = ask(setup, QUANTUM_KINETICS, options.grid, None, False)
    except ArgumentError:
        if options.grid is not None:
            raise
        return None
    source = f"density matrix of the model itself on a grid of {' x '.join(map(str, answer.shape))} points"
    return answer.tensors["tau0"], answer.tensors["tau0_error"], source


def _fit(model: Model, options: Options) -> Fit:
    return fit_on_stand_in(model, QUANTUM_KINETICS, options.spacing, options.degeneracy_tol, options.max_bytes)


def _integrands(fit: Fit | None) -> list[RowIntegrand]:
    """What is integrated over the Fermi surface: QK only with coefficients that were fitted."""
    rows = [semiclassical_row(name) for name in SEMICLASSICAL]
    if fit is not None:
        size = abs(fit.coefficients.c1) + abs(fit.coefficients.c2)
        rows.append(RowIntegrand("QK", fit.coefficients.combine, size))
    return rows


def _request(mu: float, kT: float, integrands: list[RowIntegrand], options: Options) -> Request:
    return Request(
        mu=np.array([mu]),
        kT=np.array([kT]),
        terms=tuple(integrands),
        rtol=options.rtol,
        atol={row.name: options.atol for row in integrands},
        tau=None,
        components=None,
        degeneracy_tol=options.degeneracy_tol,
        max_k_points=options.max_k_points,
        method="auto",
        audit=False,
    )


def _from_surface(dataset: xarray.Dataset, integrands: list[RowIntegrand]) -> Table:
    names = [row.name for row in integrands]
    kept = ("converged", "k_points", "method", "singular", "in_gap", "noise_limited")
    return Table(
        values={name: dataset[f"{name}_natural"].values[0, 0] for name in names},
        errors={name: dataset[f"{name}_natural_error"].values[0, 0] for name in names},
        coefficients={name: ingredients.coefficients for name, ingredients in SEMICLASSICAL.items()},
        attributes={key: dataset.attrs[key] for key in kept},
    )


def _dataset(model: Model, mu: float, kT: float, table: Table, options: Options) -> xarray.Dataset:
    attributes = table.attributes | {
        "model": model.name,
        "mu": mu,
        "kT": kT,
        "rtol": options.rtol,
        "degeneracy_tol_eV": options.degeneracy_tol,
        "spin_degeneracy": model.spin_degeneracy,
        "coefficients": json.dumps({row: table.coefficients.get(row) for row in ROWS}),
        "convention": "sigma_ijk = (e^2/hbar) I_ijk, J_i = sigma_ijk E_j E_k, charge -e; rows of Table 1",
    }
    tensors = {
        "I": np.stack([table.values[row] for row in ROWS]),
        "I_error": np.stack([table.errors[row] for row in ROWS]),
    }
    unit = NATURAL_UNITS[model.dim, 0]
    return tensor_dataset(tensors, attributes, {"I": unit, "I_error": unit}, leading=("row", ROWS))
