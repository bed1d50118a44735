"""The model that a job or a command line names: one of the published ones, a Wannier90 file, or a user's function."""

from __future__ import annotations

import importlib.util
import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import ArgumentError, ArgumentTypeError, JetError, JobError, ModelError, SigmaijkError
from .formats.wannier90 import read_wannier90
from .job import Job, nearest
from .model import Model
from .models import ContinuumModel, catalogue
from .request import chosen_components, chosen_method, chosen_terms, tolerances


def build_model(job: Job, *, allow_code: bool = False) -> Model:
    """The model of a job; a function in a Python file is run only with `allow_code`.

    Raises JobError for what the job says, and the errors of the model or the file for what they hold.
    """
    section = job.model
    if section.kind == "file":
        return _from_file(job, job.folder / str(section.file))
    if section.kind == "code":
        with naming(model_file(job)):
            return _from_code(job, str(section.code), allow_code)
    if section.name not in catalogue():
        raise job.error(["model", "name"], _unknown_model(str(section.name)))
    try:
        return named_model(str(section.name), section.parameters)
    except SigmaijkError as error:
        raise job.error(["model", "parameters"], str(error)) from error


def check_run(job: Job, model: Model) -> None:
    """Raises JobError, with the line, for what `conductivity` would refuse in [run]."""
    wanted = job.run
    checks: dict[str, Callable[[], object]] = {
        "terms": lambda: chosen_terms(wanted.terms),
        "atol": lambda: tolerances(wanted.atol, chosen_terms(wanted.terms)),
        "components": lambda: chosen_components(wanted.components, model.dim),
        "method": lambda: chosen_method(wanted.method, wanted.kT),
    }
    for key, check in checks.items():
        try:
            check()
        except (ArgumentError, ArgumentTypeError) as error:
            raise job.error(["run", key], str(error)) from error


def model_file(job: Job) -> Path:
    """The file that answers for H(k): the hoppings, the code, or the job itself for a published model."""
    if job.model.kind == "file":
        return job.folder / str(job.model.file)
    if job.model.kind == "code":
        return job.folder / str(job.model.code).rpartition(":")[0]
    return job.path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of a Hamiltonian that come from inside name this file."""
    try:
        yield
    except (ModelError, JetError) as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error


def _unknown_model(name: str) -> str:
    return f"there is no model {name!r}; {nearest(name, catalogue())}"


def named_model(name: str, parameters: dict[str, Any]) -> Model:
    """A published model with some of its parameters."""
    published = catalogue()
    if name not in published:
        raise JobError(_unknown_model(name))
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


def _from_file(job: Job, path: Path) -> Model:
    section = job.model
    options = {
        "lattice": section.lattice_nm or _beside(job, section.lattice_file),
        "positions": section.positions_nm or _beside(job, section.positions_file),
        "position_matrices": _beside(job, section.position_matrices_file),
        "wsvec": _beside(job, section.wsvec_file),
        "spin_order": section.spin_order,
        "fermi_energy": section.fermi_energy_eV,
        "dim": section.dim,
        "thickness": section.thickness_nm,
        "spin_degeneracy": section.spin_degeneracy,
    }
    try:
        return read_wannier90(path, **{key: value for key, value in options.items() if value is not None})
    except (ArgumentError, ArgumentTypeError) as error:
        raise job.error(["model"], f"{error} ({_in_job_words(str(error))})") from error


def _beside(job: Job, name: str | bool | None) -> Path | bool | None:
    """A file by its path from the job's folder; False and None as they are."""
    return job.folder / name if isinstance(name, str) else name


def _in_job_words(message: str) -> str:
    """The keys of a job file for the options that a message names."""
    words = {
        "lattice": "lattice_nm",
        "positions": "positions_nm",
        "thickness": "thickness_nm",
        "spin_order": "spin_order",
    }
    named = [key for option, key in words.items() if f"{option}=" in message or message.startswith(option)]
    files = " or ".join(key.replace("_nm", "_file") for key in named if key in ("lattice_nm", "positions_nm"))
    return (
        f"in a job file: {', '.join(named)} in [model]{files and f', or {files}'}"
        if named
        else "see [model] in the job file"
    )


# --- a user's function ------------------------------------------------------------------------------------------------


def _from_code(job: Job, reference: str, allow_code: bool) -> Model:
    file_name, colon, function_name = reference.rpartition(":")
    if not colon or not file_name or not function_name.isidentifier():
        raise job.error(["model", "code"], f"code must be 'file.py:function', got {reference!r}")
    if not allow_code:
        problem = f"the job runs Python code from {file_name}; add --allow-code if you trust it"
        raise job.error(["model", "code"], problem)
    path = job.folder / file_name
    if not path.is_file():
        raise job.error(["model", "code"], f"there is no Python file {path}")
    function = getattr(_executed(path), function_name, None)
    if not callable(function):
        raise job.error(["model", "code"], f"{path} has no function {function_name!r}")
    _check_parameters(job, function)
    named = partial(function, **job.model.parameters)
    dim = job.model.dim or _count_momenta(job, function)
    degeneracy = job.model.spin_degeneracy or 1
    arguments = ", ".join(f"{key}={value!r}" for key, value in job.model.parameters.items())
    name = f"{file_name}:{function_name}({arguments})"
    try:
        return ContinuumModel(_guarded(named, path), dim, spin_degeneracy=degeneracy, name=name)
    except (ArgumentError, ArgumentTypeError) as error:
        raise job.error(["model", "code"], f"{reference}: {error}") from error


def _executed(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"sigmaijk_job_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise JobError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
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
        except (Exception, SystemExit) as error:
            raise ModelError(_blame(path, error)) from error

    return guarded


def _blame(path: Path, error: BaseException) -> str:
    """File, line and text of a failure of a user's code, the innermost line that stands in the file itself."""
    if isinstance(error, SyntaxError) and error.filename and _same_file(error.filename, path):
        return f"{path}, line {error.lineno}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _same_file(frame.filename, path)]
    where = f"{path}, line {frames[-1].lineno}" if frames else f"{path}"
    return " ".join(f"{where}: {type(error).__name__}: {error}".split())


def _same_file(name: str, path: Path) -> bool:
    return Path(name).resolve() == path.resolve()


def _check_parameters(job: Job, function: Callable[..., Any]) -> None:
    """Every parameter of the job is an argument of the function."""
    slots = _signature(function)
    if slots is None or any(slot.kind is slot.VAR_KEYWORD for slot in slots.values()):
        return
    known = [name for name, slot in slots.items() if slot.kind in (slot.POSITIONAL_OR_KEYWORD, slot.KEYWORD_ONLY)]
    for key in job.model.parameters:
        if key not in known:
            raise job.error(
                ["model", "parameters"], f"{job.model.code} has no parameter {key!r}; {nearest(key, known)}"
            )


def _signature(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    try:
        return inspect.signature(function).parameters
    except ValueError:  # some compiled functions have none
        return None


def _count_momenta(job: Job, function: Callable[..., Any]) -> int:
    """Number of arguments that are neither given as parameters nor have a default: kx, ky[, kz]."""
    slots = _signature(function)
    if slots is None:
        raise job.error(["model", "code"], f"{job.model.code} does not tell its arguments; set dim in [model]")
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    free = [slot for slot in slots.values() if slot.kind in positional and slot.default is slot.empty]
    count = len([slot for slot in free if slot.name not in job.model.parameters])
    if count not in (2, 3):
        problem = f"{job.model.code} must take kx, ky or kx, ky, kz, got {count} arguments; or set dim in [model]"
        raise job.error(["model", "code"], problem)
    return count
