"""The magnetic point groups as spglib's database of magnetic space groups has them."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import spglib

from sigmaijk.symmetry import Operation
from sigmaijk.symmetry.symbols import symbol_of


@cache
def database() -> dict[str, list[Operation]]:
    """One of spglib's magnetic space groups for each magnetic point group, in Cartesian axes."""
    found: dict[str, list[Operation]] = {}
    hexagonal = np.array([[1, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, 1.3]]).T
    for number in range(1, 1652):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of spglib's own way to report errors
            table = spglib.get_magnetic_symmetry_from_database(number)
            kind = spglib.get_magnetic_spacegroup_type(number)
        axes = hexagonal if 143 <= int(kind.bns_number.split(".")[0]) <= 194 else np.diag([1.0, 1.0, 1.0])
        unique = {
            (tuple(W.ravel().tolist()), bool(t))
            for W, t in zip(table["rotations"], table["time_reversals"], strict=True)
        }
        operations = [
            Operation(axes @ np.reshape(W, (3, 3)) @ np.linalg.inv(axes), reversal) for W, reversal in sorted(unique)
        ]
        found.setdefault(symbol_of(operations), operations)
    return found
