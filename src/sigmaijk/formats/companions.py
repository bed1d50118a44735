"""Files that belong to a `_tb.dat` or `_hr.dat`: those named by the user, and those that lie beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sigmaijk.errors import ArgumentTypeError

from .text import Path, check_path

Choice = Path | bool | None
"""A file, None for the one that lies beside if there is one, False for none."""


@dataclass(frozen=True)
class Companions:
    """Where to find what the main file lacks; None for what there is not."""

    replicas: Path | None
    """A `_wsvec.dat`."""
    position_matrices: Path | None
    """A `_r.dat`."""
    centres: Path | None
    """A `_centres.xyz`."""
    structure: Path | None
    """A `.win` file or a POSCAR."""


def beside(path: Path, ending: str) -> str | None:
    """`x_wsvec.dat` for `x_hr.dat` and so on, plain or gzipped, if it is there."""
    stem = os.fspath(path).removesuffix(".gz")
    for own in ("_tb.dat", "_hr.dat"):
        if stem.endswith(own):
            found = [name for tail in ("", ".gz") if os.path.isfile(name := stem.removesuffix(own) + ending + tail)]
            return found[0] if found else None
    return None


def chosen(argument: str, choice: Choice, path: Path, ending: str) -> Path | None:
    """The file that a choice means; raises ArgumentTypeError for what is no choice."""
    if choice is None:
        return beside(path, ending)
    if choice is False:
        return None
    if choice is True:
        raise ArgumentTypeError(f"{argument} must be a path, None (the file beside, if any) or False (none), got True")
    check_path(argument, choice)
    return choice


def is_path(value: object) -> bool:
    """True for what can only be meant as a path."""
    return isinstance(value, str | os.PathLike)
