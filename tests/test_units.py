"""SI factors from the constants of nature, and conversions between decimal multiples."""

from __future__ import annotations

import pytest
from scipy import constants

from sigmaijk import ArgumentError, ArgumentTypeError, kelvin
from sigmaijk.units import BOLTZMANN_EV_PER_KELVIN, HBAR_EV_FS, conversion, si_factor, si_unit


def test_constants_are_those_of_the_si():
    assert kelvin(1.0) == pytest.approx(constants.k / constants.e, rel=1e-9)
    assert pytest.approx(constants.hbar / constants.e * 1e15, rel=1e-9) == HBAR_EV_FS
    assert pytest.approx(constants.k / constants.e, rel=1e-9) == BOLTZMANN_EV_PER_KELVIN


@pytest.mark.parametrize(
    ("temperature", "error", "problem"),
    [
        ("300", ArgumentTypeError, r"temperature must be one number of kelvin, got '300' \(str\)"),
        (True, ArgumentTypeError, "one number of kelvin, got True"),
        (3j, ArgumentTypeError, "one number of kelvin, got 3j"),
        ([1.0, 2.0], ArgumentTypeError, "one number of kelvin"),
        (-3, ArgumentError, r"finite and not negative \(kelvin\), got -3"),
        (float("nan"), ArgumentError, "finite and not negative .*, got nan"),
        (float("inf"), ArgumentError, "finite and not negative .*, got inf"),
    ],
)
def test_a_temperature_is_one_finite_number_not_below_zero(temperature, error, problem):
    with pytest.raises(error, match=problem):
        kelvin(temperature)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_factor_of_a_term_is_e2_over_hbar_times_a_power_of_fs_over_hbar(power: int):
    hbar_fs = constants.hbar / constants.e * 1e15
    assert si_factor(power) == pytest.approx(constants.e**2 / constants.hbar / hbar_fs**power, rel=1e-9)


def test_a_unit_string_follows_from_dimension_and_power_of_tau():
    assert [si_unit(2, power) for power in (0, 1, 2)] == ["A nm/V^2", "A nm/V^2/fs", "A nm/V^2/fs^2"]
    assert [si_unit(3, power) for power in (0, 1, 2)] == ["A/V^2", "A/V^2/fs", "A/V^2/fs^2"]


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [("A nm/V^2", "mA nm/V^2", 1e3), ("A/V^2/fs", "uA/V^2/fs", 1e6), ("A/V^2", "A/V^2", 1.0), ("A/V^2", "nA/V^2", 1e9)],
)
def test_multiples_of_the_ampere_convert(source: str, target: str, factor: float):
    assert conversion(source, target) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("target", ["A/V^2", "mA nm/V", "kA nm/V^2", "", "nm"])
def test_units_of_another_kind_do_not_convert(target: str):
    with pytest.raises(ArgumentError, match=r"cannot convert 'A nm/V\^2' to .*'mA nm/V\^2'"):
        conversion("A nm/V^2", target)
