"""The result: one labelled dataset with units, reading it back, and taking a component out of it.

With the driver the only room that knows xarray. Every tensor variable has the five dims (kT, mu, i, j, k); i is the
direction of the current, j and k those of the field, sigma_ijk = sigma_ikj.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .arrays import FloatArray
from .errors import ArgumentError, ArgumentTypeError, FileFormatError, SigmaijkError
from .model import as_number
from .terms import CATALOGUE
from .units import NATURAL_UNITS, bulk_unit, conversion, is_bulk_unit, si_factor, si_unit

CONVENTION = "J_i = sigma_ijk E_j E_k, charge -e, sigma_ijk = sigma_ikj; WPD (Eq. 13)"
"""What every tensor of a dataset means; the form of the quantum metric term is that of QIANG_2025, Eq. 13."""

TENSOR_DIMS = ("kT", "mu", "i", "j", "k")
LONG_NAMES = {
    "drude": "nonlinear Drude conductivity",
    "bcd": "Berry curvature dipole conductivity",
    "qm": "quantum metric dipole conductivity",
}

Attribute = str | int | float | Sequence[str] | Sequence[int] | Sequence[float]


@dataclass(frozen=True)
class TermResult:
    """The integral I of one term on the (kT, mu) grid in natural units, with what a reader must know to trust it."""

    natural: FloatArray
    """I, shape (nkT, nmu, dim, dim, dim), finite."""
    natural_error: FloatArray
    """Absolute error estimate of `natural`, same shape; inf where the term diverges or discovery is unfinished."""
    cancellation: FloatArray
    """Integral of moduli over the modulus of the integral (largest entry), shape (nkT, nmu); inf is allowed."""
    small_gap_share: FloatArray
    """Share of the integral of moduli from points with a small gap, shape (nkT, nmu)."""
    tau_power: int
    equation: str


def to_dataset(
    *,
    mu: FloatArray,
    kT: FloatArray,
    dim: int,
    terms: Mapping[str, TermResult],
    tau: float | None,
    attrs: Mapping[str, Attribute],
) -> xr.Dataset:
    """The dataset of API.md from natural integrals: SI values, errors and diagnostics of each term, and their total.

    mu (nmu,) and kT (nkT,) in eV, tau in fs. The total is the sum of term * tau**power; errors add linearly. Raises
    SigmaijkError if a value is not finite or an error is nan: that is a bug of the caller, not of the user.
    """
    variables: dict[str, xr.Variable] = {}
    for name, term in terms.items():
        _check_finite(name, term)
        variables.update(_term_variables(name, term, dim))
    if tau is not None:
        variables.update(_total_variables(variables, terms, dim, tau))
    attributes = {"convention": CONVENTION, "dim": dim, "terms": list(terms)}
    attributes |= {key: _plain(value) for key, value in attrs.items()}
    if tau is not None:
        attributes["tau_fs"] = float(tau)
    # netCDF turns a list of one into a scalar; the names of the lists undo that on reading.
    lists = sorted(key for key, value in attributes.items() if isinstance(value, list))
    attributes["list_attributes"] = " ".join(lists)
    return xr.Dataset(variables, coords=_coordinates(mu, kT, dim), attrs=attributes)


def _check_finite(name: str, term: TermResult) -> None:
    finite = np.isfinite(term.natural).all()
    diagnostics = (term.natural_error, term.cancellation, term.small_gap_share)
    if not finite or any(np.isnan(values).any() for values in diagnostics):
        raise SigmaijkError(f"internal error: term {name!r} came out not finite; please report it with the model")


def _coordinates(mu: FloatArray, kT: FloatArray, dim: int) -> dict[str, xr.Variable]:
    axes = ["x", "y", "z"][:dim]
    directions = {"i": "direction of the current", "j": "direction of the first field", "k": "of the second field"}
    energies = {
        "kT": xr.Variable("kT", np.asarray(kT, dtype=float), {"units": "eV", "long_name": "thermal energy"}),
        "mu": xr.Variable("mu", np.asarray(mu, dtype=float), {"units": "eV", "long_name": "chemical potential"}),
    }
    return energies | {key: xr.Variable(key, axes, {"long_name": text}) for key, text in directions.items()}


def _term_variables(name: str, term: TermResult, dim: int) -> dict[str, xr.Variable]:
    """The six variables of one term."""
    factor, unit = si_factor(term.tau_power), si_unit(dim, term.tau_power)
    natural_unit = NATURAL_UNITS[dim, term.tau_power]
    title = LONG_NAMES.get(name, name)
    power = f"tau^{term.tau_power}"
    si_formula = f"sigma = (e^2/hbar) (1 fs/hbar)^{term.tau_power} I, to be multiplied by (tau/fs)^{term.tau_power}"
    tensors = {
        name: (term.natural * factor, unit, title, si_formula),
        f"{name}_error": (term.natural_error * factor, unit, f"absolute error of the {title}", si_formula),
        f"{name}_natural": (term.natural, natural_unit, f"integral I of the {title}, e = hbar = 1", "I"),
        f"{name}_natural_error": (term.natural_error, natural_unit, f"absolute error of the integral I of {name}", "I"),
    }
    scalars = {
        f"{name}_cancellation": (term.cancellation, "integral of moduli over modulus of the integral"),
        f"{name}_small_gap_share": (term.small_gap_share, "share of the integral of moduli from points of small gap"),
    }
    common = {"equation": term.equation, "convention": CONVENTION, "tau_power": term.tau_power}
    variables = {
        key: xr.Variable(
            TENSOR_DIMS,
            np.array(values, dtype=float),
            {"units": units, "long_name": f"{text} ({power})", "formula": formula} | common,
        )
        for key, (values, units, text, formula) in tensors.items()
    }
    for key, (values, text) in scalars.items():
        described = {"units": "1", "long_name": f"{name}: {text}"} | common
        variables[key] = xr.Variable(TENSOR_DIMS[:2], np.array(values, dtype=float), described)
    return variables


def _total_variables(
    variables: Mapping[str, xr.Variable], terms: Mapping[str, TermResult], dim: int, tau: float
) -> dict[str, xr.Variable]:
    formula = " + ".join(f"{name} (tau/fs)^{term.tau_power}" for name, term in terms.items())
    titles = {"": "second-order conductivity", "_error": "absolute error of the second-order conductivity"}
    totals: dict[str, xr.Variable] = {}
    for suffix, title in titles.items():
        parts = [variables[name + suffix].values * tau**term.tau_power for name, term in terms.items()]
        described: dict[str, str | float] = {"units": si_unit(dim, 0), "long_name": f"{title} at tau = {tau:g} fs"}
        described |= {"formula": formula, "convention": CONVENTION, "tau_fs": float(tau)}
        totals["total" + suffix] = xr.Variable(TENSOR_DIMS, np.sum(parts, axis=0), described)
    return totals


def _plain(value: object) -> str | int | float | list[str] | list[int] | list[float]:
    """A str, int, float or list of them, from whatever netCDF or NumPy made of it."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportReturnType]
    raise SigmaijkError(f"internal error: attributes are str, int, float or lists of them, got {type(value).__name__}")


def open_result(path: str | os.PathLike[str]) -> xr.Dataset:
    """The dataset of a file written by `conductivity(...).to_netcdf` or `sigmaijk run`, equal to what was written.

    Raises FileFormatError when the file is missing, is not netCDF, or is not a result of sigmaijk, and
    ArgumentTypeError for what is no path.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ArgumentTypeError(f"path must be a string or a pathlib.Path, got {path!r}")
    try:
        dataset = xr.load_dataset(path, engine="h5netcdf")
    except FileNotFoundError as error:
        raise FileFormatError(path, None, "there is no such file") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise FileFormatError(path, None, "not a readable netCDF file; is it truncated or of another kind?") from error
    if "convention" not in dataset.attrs or not set(TENSOR_DIMS) <= set(dataset.dims):
        raise FileFormatError(path, None, "a netCDF file, but not a result of sigmaijk (no convention, no i, j, k)")
    attributes = {str(key): _plain(value) for key, value in dataset.attrs.items()}
    for key in str(attributes.get("list_attributes", "")).split():
        value = attributes.get(key, [])
        attributes[key] = value if isinstance(value, list) else [value]  # pyright: ignore[reportArgumentType]
    dataset.attrs = attributes
    for variable in dataset.variables.values():
        variable.attrs = {key: _plain(value) for key, value in variable.attrs.items()}
    return dataset


def term_names(ds: xr.Dataset) -> list[str]:
    """The terms of a dataset in their order, and "total" last if it has one."""
    return [str(name)[: -len("_error")] for name in ds.data_vars if _is_term_error(ds, str(name))]


def independent_components(ds: xr.Dataset, term: str) -> list[str]:
    """Components that the index symmetry of a term leaves independent; all with j <= k for the total."""
    axes = "".join(str(axis) for axis in ds["i"].values)
    if term in CATALOGUE:
        return ["".join(axes[index] for index in entry) for entry in CATALOGUE[term].independent(len(axes))]
    return [i + j + k for i in axes for j in axes for k in axes if j <= k]


def _is_term_error(ds: xr.Dataset, name: str) -> bool:
    return name.endswith("_error") and not name.endswith("_natural_error") and name[: -len("_error")] in ds


def component(
    ds: xr.Dataset, term: str, indices: str, unit: str | None = None, *, thickness: float | None = None
) -> xr.DataArray:
    """One component such as "xyy" of a term (or "total", or "qm_error") over (kT, mu).

    `unit` is the stored SI unit with another decimal multiple, such as "mA nm/V^2" for qm or "mA nm/V^2/fs" for bcd;
    "natural" gives the integral I (eV, nm, e = hbar = 1). A unit of the bulk, such as "A/V^2", divides the conductivity
    of a sheet by the `thickness` of its physical layer in nm, by default that of the model.
    Raises ArgumentError naming what there is to choose from.
    """
    if not isinstance(ds, xr.Dataset):
        raise ArgumentTypeError(f"ds must be a dataset of sg.conductivity or sg.open_result, got {type(ds).__name__}")
    tensors = [str(name) for name, values in ds.data_vars.items() if values.dims == TENSOR_DIMS]
    if term not in tensors:
        raise ArgumentError(f"term must be one of {', '.join(map(repr, tensors))}, got {term!r}")
    axes = [str(axis) for axis in ds["i"].values]
    if not isinstance(indices, str) or len(indices) != 3 or not set(indices) <= set(axes):
        raise ArgumentError(f"a component is three letters out of {', '.join(axes)}, such as 'xyy', got {indices!r}")
    divided = is_bulk_unit(unit) and ds.attrs.get("dim") == 2
    if thickness is not None and not divided:
        raise ArgumentError(f"thickness is for a sheet in a unit of the bulk such as 'A/V^2', not for {unit!r}")
    if unit == "natural":
        return _entry(ds[_natural_name(term, tensors)], indices)
    values = _entry(ds[term], indices)
    if unit is None or unit == values.attrs["units"]:
        return values
    if not divided:
        scaled = values * conversion(values.attrs["units"], unit)
        scaled.attrs = values.attrs | {"units": unit}
        return scaled
    layer = _layer(ds, thickness)
    scaled = values * (conversion(bulk_unit(values.attrs["units"]), unit) / layer)
    scaled.attrs = values.attrs | {"units": unit, "thickness_nm": layer}
    return scaled


def _layer(ds: xr.Dataset, thickness: float | None) -> float:
    """The thickness in nm that a sheet is divided by."""
    if thickness is None:
        if "thickness_nm" not in ds.attrs:
            raise ArgumentError(
                "a sheet in a unit of the bulk needs the thickness of its layer: give thickness= in nm here or to"
                " read_wannier90 (of the layer, not of its cell with the vacuum)"
            )
        return float(ds.attrs["thickness_nm"])
    layer = as_number("thickness", thickness, "nm")
    if not 0 < layer < np.inf:
        raise ArgumentError(f"thickness must be a finite length above zero, got {layer!r} nm")
    return layer


def _natural_name(term: str, tensors: Sequence[str]) -> str:
    name = f"{term.removesuffix('_error')}_natural" + ("_error" if term.endswith("_error") else "")
    if "_natural" in term:
        return term
    if name not in tensors:
        raise ArgumentError(f"{term!r} mixes powers of tau and has no natural unit; ask for a single term")
    return name


def _entry(tensor: xr.DataArray, indices: str) -> xr.DataArray:
    entry = tensor.sel(dict(zip("ijk", indices, strict=True))).drop_vars(["i", "j", "k"])
    entry.name = f"{tensor.name}_{indices}"
    entry.attrs = dict(tensor.attrs)
    return entry
