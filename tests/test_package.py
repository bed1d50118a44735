"""The package as a whole: a cheap import and exactly the public names."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sigmaijk as sg

HEAVY = ("xarray", "scipy", "matplotlib", "pydantic", "typer", "rich", "h5py", "h5netcdf", "spglib")


def test_importing_the_package_loads_no_heavy_library():
    program = f"import sys, sigmaijk; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sg.__all__)
def test_every_public_name_is_there(name: str):
    assert getattr(sg, name) is getattr(sg, name)
    assert name in dir(sg)


def test_no_module_is_called_like_a_public_function():
    """The second access to such a name would find the module."""
    for name in sg.__all__:
        if callable(getattr(sg, name)):
            assert f"sigmaijk.{name}" not in sys.modules


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'conductance'"):
        _ = sg.conductance


def test_bad_arguments_are_both_ours_and_the_builtin_kind():
    assert issubclass(sg.ArgumentError, (sg.SigmaijkError, ValueError))
    for error in (sg.ArgumentError, sg.ModelError, sg.FileFormatError, sg.JobError):
        assert issubclass(error, ValueError)
        assert issubclass(error, sg.SigmaijkError)
    for error in (sg.ArgumentTypeError, sg.JetError):
        assert issubclass(error, TypeError)
        assert issubclass(error, sg.SigmaijkError)
