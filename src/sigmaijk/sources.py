"""The model that a job or a command line names: one of the published ones, a Wannier90 file, or a user's function."""

from __future__ import annotations

import importlib.util
import inspect
import traceback
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import ArgumentError, JobError, ModelError, SigmaijkError
from .formats.wannier90 import read_wannier90
from .job import Job, ModelSection, nearest
from .model import Model
from .models import ContinuumModel, catalogue


def build_model(job: Job, *, allow_code: bool = False) -> Model:
    """The model of a job; a function in a Python file is run only with `allow_code`.

    Raises JobError for what the job says, and the errors of the model or the file for what they hold.
    """
    section = job.model
    if section.kind == "name":
        return named_model(str(section.name), section.parameters)
    if section.kind == "file":
        return _from_file(job.folder / str(section.file), section)
    return _from_code(job, str(section.code), allow_code)


def named_model(name: str, parameters: dict[str, Any]) -> Model:
    """A published model with some of its parameters."""
    published = catalogue()
    if name not in published:
        raise JobError(f"there is no model {name!r}; {nearest(name, published)}")
    build = published[name]
    known = inspect.signature(build).parameters
    for key in parameters:
        if key not in known:
            raise JobError(f"model {name!r} has no parameter {key!r}; {nearest(key, known)}")
    missing = [key for key, slot in known.items() if slot.default is slot.empty and key not in parameters]
    if missing:
        raise JobError(f"model {name!r} needs the parameter {missing[0]!r}; parameters = {{ {missing[0]} = ... }}")
    try:
        return build(**parameters)
    except SigmaijkError:
        raise
    except (TypeError, ValueError) as error:
        raise JobError(f"model {name!r} refuses parameters = {parameters}: {error}") from error


def _from_file(path: Path, section: ModelSection) -> Model:
    options = {
        "lattice": section.lattice_nm,
        "positions": section.positions_nm,
        "fermi_energy": section.fermi_energy_eV,
        "dim": section.dim,
        "thickness": section.thickness_nm,
        "spin_degeneracy": section.spin_degeneracy,
    }
    try:
        return read_wannier90(path, **{key: value for key, value in options.items() if value is not None})
    except ArgumentError as error:
        raise JobError(f"{error} ({_in_job_words(str(error))})") from error


def _in_job_words(message: str) -> str:
    """The keys of a job file for the options that a message names."""
    words = {"lattice": "lattice_nm", "positions": "positions_nm", "thickness": "thickness_nm"}
    named = [key for option, key in words.items() if f"{option}=" in message or message.startswith(option)]
    return f"in a job file: {', '.join(named)} in [model]" if named else "see [model] in the job file"


# --- a user's function ------------------------------------------------------------------------------------------------


def _from_code(job: Job, reference: str, allow_code: bool) -> Model:
    file_name, colon, function_name = reference.rpartition(":")
    if not colon or not file_name or not function_name.isidentifier():
        raise JobError(f"code must be 'file.py:function', got {reference!r}")
    if not allow_code:
        raise JobError(f"the job runs Python code from {file_name}; add --allow-code if you trust it")
    path = job.folder / file_name
    function = getattr(_executed(path), function_name, None)
    if not callable(function):
        raise JobError(f"{path} has no function {function_name!r}")
    named = partial(function, **job.model.parameters)
    dim = job.model.dim or _count_momenta(function, job.model.parameters, reference)
    degeneracy = job.model.spin_degeneracy or 1
    arguments = ", ".join(f"{key}={value!r}" for key, value in job.model.parameters.items())
    name = f"{file_name}:{function_name}({arguments})"
    return ContinuumModel(_guarded(named, path), dim, spin_degeneracy=degeneracy, name=name)


def _executed(path: Path) -> ModuleType:
    if not path.is_file():
        raise JobError(f"there is no Python file {path}")
    spec = importlib.util.spec_from_file_location(f"sigmaijk_job_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise JobError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise JobError(_blame(path, error)) from error
    return module


def _guarded(function: Callable[..., Any], path: Path) -> Callable[..., Any]:
    """The function with its own failures as ModelError that names its line."""

    @wraps(function, updated=())
    def guarded(*momenta: Any) -> Any:
        try:
            return function(*momenta)
        except SigmaijkError:
            raise
        except Exception as error:
            raise ModelError(_blame(path, error)) from error

    return guarded


def _blame(path: Path, error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{path}, line {error.lineno}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    where = f"{path}, line {frames[-1].lineno}" if frames else f"{path}"
    return " ".join(f"{where}: {type(error).__name__}: {error}".split())


def _count_momenta(function: Callable[..., Any], parameters: dict[str, Any], reference: str) -> int:
    """Number of arguments that are neither given as parameters nor have a default: kx, ky[, kz]."""
    slots = inspect.signature(function).parameters.values()
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    free = [slot for slot in slots if slot.kind in positional and slot.default is slot.empty]
    count = len([slot for slot in free if slot.name not in parameters])
    if count not in (2, 3):
        raise JobError(f"{reference} must take kx, ky or kx, ky, kz, got {count} arguments; or set dim in [model]")
    return count
