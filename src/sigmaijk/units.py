"""The only place with e, hbar and SI: lengths nm, energies eV, times fs, tau in fs.

An integral I of the natural core (e = hbar = 1, eV, nm) becomes a conductivity of second order in the electric field by
(e**2 / hbar) (tau / hbar)**p, with p the power of the relaxation time (QIANG_2025, Eqs. 11, 12, 14).
"""

from __future__ import annotations

import math
from numbers import Real

from .errors import ArgumentError, ArgumentTypeError

E_SQUARED_OVER_HBAR = 2.434134807e-4
"""e**2 / hbar in siemens; 1 nm/eV of a sheet integral is this many A nm / V**2."""

HBAR_EV_FS = 0.6582119569
"""hbar in eV fs."""

BOLTZMANN_EV_PER_KELVIN = 8.617333262e-5
"""k_B in eV / K."""

NM_PER_ANGSTROM = 0.1
NM_PER_BOHR = 0.0529177210903
"""CODATA 2018; older values differ by a few parts in 1e9."""

CONDUCTIVITY_UNITS = {2: "A nm/V^2", 3: "A/V^2"}
NATURAL_UNITS = {(2, 0): "nm/eV", (2, 1): "nm", (2, 2): "eV nm", (3, 0): "1/eV", (3, 1): "1", (3, 2): "eV"}
"""Unit of the integral I by (dim, power of tau)."""

_MULTIPLES = {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9}


def kelvin(temperature: float) -> float:
    """k_B T in eV for one temperature in kelvin; raises ArgumentError unless it is finite and not negative."""
    if isinstance(temperature, bool) or not isinstance(temperature, Real):
        kind = type(temperature).__name__
        raise ArgumentTypeError(f"temperature must be one number of kelvin, got {temperature!r} ({kind})")
    if not 0 <= temperature < math.inf:
        raise ArgumentError(f"temperature must be finite and not negative (kelvin), got {temperature!r}")
    return BOLTZMANN_EV_PER_KELVIN * temperature


def si_factor(tau_power: int) -> float:
    """Factor from a natural integral I to SI per fs**tau_power."""
    return E_SQUARED_OVER_HBAR / HBAR_EV_FS**tau_power


def si_unit(dim: int, tau_power: int) -> str:
    """Unit string of a conductivity: 'A nm/V^2' (sheet) or 'A/V^2' (bulk), per fs**tau_power."""
    suffix = {0: "", 1: "/fs", 2: "/fs^2"}[tau_power]
    return CONDUCTIVITY_UNITS[dim] + suffix


def bulk_unit(unit: str) -> str:
    """What a unit of a sheet becomes when it is divided by a thickness in nm: 'A nm/V^2' gives 'A/V^2'."""
    return unit.replace(" nm/", "/")


def is_bulk_unit(unit: object) -> bool:
    """True for a conductivity without the length of a sheet, such as 'mA/V^2'."""
    return isinstance(unit, str) and "/V^2" in unit and "nm" not in unit


def conversion(source: str, target: str) -> float:
    """Factor from one unit string to another that differs only in the decimal multiple of the ampere.

    Raises ArgumentError when the two units are not of the same kind.
    """
    source_multiple, _, source_rest = source.partition(" ") if " " in source else source.partition("/")
    target_multiple, _, target_rest = target.partition(" ") if " " in target else target.partition("/")
    if source_rest != target_rest or source_multiple not in _MULTIPLES or target_multiple not in _MULTIPLES:
        choices = ", ".join(repr(multiple + source[len(source_multiple) :]) for multiple in _MULTIPLES)
        raise ArgumentError(f"cannot convert {source!r} to {target!r}; use one of {choices}")
    return _MULTIPLES[source_multiple] / _MULTIPLES[target_multiple]
