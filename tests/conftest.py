"""Fixtures and settings for all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: unpinned threads make eigh 100 times slower
sys.path.insert(0, str(Path(__file__).parent))  # `from support import ...` in every test folder

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real Wannier90 files, which are not part of this repository."""
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("SIGMAIJK_DATA", default))
    if not folder.is_dir():
        pytest.skip("no folder of real Wannier90 files: set SIGMAIJK_DATA to it")
    return folder
