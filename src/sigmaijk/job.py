"""JOB.toml: what it may hold, errors that name the line and the nearest known key, and the model that it describes.

Text in a job file is never evaluated. A Python function is run only when the caller allows code.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from .arrays import FloatArray
from .errors import JobError
from .units import kelvin

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NumberList = Annotated[list[Number], Field(min_length=1)]
Rows = Annotated[list[NumberList], Field(min_length=1)]
Parameter = bool | int | float | str | list[Any]
_PARAMETER_TAGS = {"bool", "int", "float", "str", "list[any]"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _kind(value: object) -> str:
    """The tag of a union by the TOML type, so that an error speaks of what was meant."""
    return {dict: "table", Range: "table", list: "list"}.get(type(value), "number")


class Range(_Section):
    """Equally spaced values with both ends: num of them from start to stop."""

    start: Number
    stop: Number
    num: Annotated[int, Field(ge=1, le=100_000)]


Values = Annotated[
    Annotated[Range, Tag("table")] | Annotated[NumberList, Tag("list")] | Annotated[Number, Tag("number")],
    Discriminator(_kind),
]
Energies = Annotated[
    Annotated[Annotated[list[NotNegative], Field(min_length=1)], Tag("list")] | Annotated[NotNegative, Tag("number")],
    Discriminator(_kind),
]
Tolerances = Annotated[
    Annotated[dict[str, NotNegative], Tag("table")] | Annotated[NotNegative, Tag("number")], Discriminator(_kind)
]


class ModelSection(_Section):
    """[model]: exactly one of name, file and code, and what belongs to it."""

    name: str | None = None
    file: str | None = None
    code: str | None = None
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    lattice_nm: Rows | None = None
    positions_nm: Rows | None = None
    lattice_file: str | None = None
    positions_file: str | None = None
    position_matrices_file: str | Literal[False] | None = None
    wsvec_file: str | Literal[False] | None = None
    spin_order: Literal["interleaved", "block"] | None = None
    fermi_energy_eV: Number | None = None
    dim: Literal[2, 3] | None = None
    thickness_nm: Positive | None = None
    spin_degeneracy: Literal[1, 2] | None = None

    @property
    def kind(self) -> str:
        """'name', 'file' or 'code'."""
        return next(kind for kind in _ALLOWED if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _one_source(self) -> ModelSection:
        given = [kind for kind in _ALLOWED if getattr(self, kind) is not None]
        if len(given) != 1:
            got = " and ".join(given) if given else "none"
            raise ValueError(f"needs exactly one of name, file and code, got {got}")
        stray = sorted(self.model_fields_set - _ALLOWED[given[0]] - set(given))
        if stray:
            kinds = [kind for kind, keys in _ALLOWED.items() if stray[0] in keys]
            raise ValueError(f"has {stray[0]}, which goes with {' or '.join(kinds)}, not with {given[0]}")
        for key in ("lattice", "positions"):
            if {f"{key}_nm", f"{key}_file"} <= self.model_fields_set:
                raise ValueError(f"has both {key}_nm and {key}_file; keep one of them")
        return self


_ALLOWED = {
    "name": {"parameters"},
    "file": {
        "lattice_nm",
        "positions_nm",
        "lattice_file",
        "positions_file",
        "position_matrices_file",
        "wsvec_file",
        "spin_order",
        "fermi_energy_eV",
        "dim",
        "thickness_nm",
        "spin_degeneracy",
    },
    "code": {"parameters", "dim", "spin_degeneracy"},
}


class RunSection(_Section):
    """[run]: where, which terms, how well, and the name of the output."""

    mu_eV: Values
    T_K: Energies | None = None
    kT_eV: Energies | None = None
    terms: Annotated[list[str], Field(min_length=1)] = Field(default_factory=lambda: ["drude", "bcd", "qm"])
    tau_fs: Positive | None = None
    rtol: Positive = 1e-3
    atol: Tolerances = 0.0
    out: Annotated[str, Field(min_length=1)] | None = None
    max_k_points: Annotated[int, Field(gt=0)] | None = None
    method: str = "auto"
    audit: bool = False
    symmetry: bool | str | list[str] = False
    components: list[str] | None = None
    degeneracy_tol: Positive = 1e-6

    @model_validator(mode="after")
    def _one_temperature(self) -> RunSection:
        if self.T_K is not None and self.kT_eV is not None:
            raise ValueError("has both T_K and kT_eV; keep one of them")
        return self

    @property
    def mu(self) -> FloatArray:
        """Chemical potentials, (nmu,), eV."""
        if isinstance(self.mu_eV, Range):
            return np.linspace(self.mu_eV.start, self.mu_eV.stop, self.mu_eV.num)
        return np.atleast_1d(np.asarray(self.mu_eV, dtype=np.float64))

    @property
    def kT(self) -> FloatArray:
        """Thermal energies, (nkT,), eV; zero when the job names no temperature."""
        if self.T_K is not None:
            return np.array([kelvin(temperature) for temperature in np.atleast_1d(self.T_K)])
        return np.atleast_1d(np.asarray(0.0 if self.kT_eV is None else self.kT_eV, dtype=np.float64))


class _JobFile(_Section):
    model: ModelSection
    run: RunSection


@dataclass(frozen=True)
class Job:
    """A checked job: its two sections and the folder that its relative paths start from."""

    model: ModelSection
    run: RunSection
    path: Path
    text: str
    """The file itself, in which an error finds its line."""

    def error(self, keys: list[str], problem: str) -> JobError:
        """An error of this file that names the line of a key, such as ["run", "terms"]."""
        return JobError(f"{self.path}{_line_text(self.text, keys)}: {problem}")

    @property
    def folder(self) -> Path:
        """Where relative model paths start."""
        return self.path.parent

    @property
    def out(self) -> str:
        """Base name of the output, the job's own name unless `out` is given."""
        return self.path.stem if self.run.out is None else self.run.out


# --- reading ----------------------------------------------------------------------------------------------------------


def load_job(path: str | os.PathLike[str]) -> Job:
    """The job of a TOML file; raises JobError with the file, the line where it is known, and what to change."""
    source = Path(path)
    try:
        text = source.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise JobError(f"{path}: there is no such job file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(f"{path}: cannot be read as a text file ({error})") from error
    return parse_job(text, source)


def parse_job(text: str, path: Path) -> Job:
    """The job in the text of a TOML file that stands, or would stand, at `path`."""
    try:
        data = tomllib.loads(text + "\n")  # an error in an unfinished last line then has its number
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"{path}: not valid TOML: {error}") from error
    try:
        checked = _JobFile.model_validate(data)
    except ValidationError as error:
        problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        raise JobError(_explained(problems[0], text, path)) from error
    return Job(checked.model, checked.run, path, text)


def _explained(problem: Mapping[str, Any], text: str, path: Path) -> str:
    """One line for a pydantic error: where, what is required, what came."""
    keys = [str(key) for key in problem["loc"] if not isinstance(key, int)]
    keys = [key for key in keys if key not in {"table", "list", "number"} | _PARAMETER_TAGS]
    where = f"{path}{_line_text(text, keys)}"
    section = f"[{keys[0]}]" if keys else "the job"
    name = ".".join(keys[1:]) or section
    if problem["type"] == "extra_forbidden":
        *outer, unknown = keys
        owner = ".".join(outer)
        known = _known_keys(outer)
        return f"{where}: {f'[{owner}]' if owner else 'the job'} has no key {unknown!r}; {nearest(unknown, known)}"
    if problem["type"] == "missing":
        return f"{path}: " + (f"{section} needs {name}" if keys[1:] else f"a section {section} is required")
    if problem["type"] == "value_error":
        return f"{where}: {section} {problem['ctx']['error']}"
    got = repr(problem["input"])
    return f"{where}: {name} in {section}: {_requirement(problem)}, got {got if len(got) < 60 else got[:57] + '...'}"


def _requirement(problem: Mapping[str, Any]) -> str:
    message = str(problem["msg"]).replace("Input should", "it should").replace("a valid ", "a ")
    return message[0].lower() + message[1:]


def nearest(unknown: str, known: Iterable[str]) -> str:
    """The closest known name, or all of them when none is close."""
    names = list(known)
    close = difflib.get_close_matches(unknown, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"


def _known_keys(outer: list[str]) -> list[str]:
    sections: dict[tuple[str, ...], type[BaseModel]] = {
        (): _JobFile,
        ("model",): ModelSection,
        ("run",): RunSection,
        ("run", "mu_eV"): Range,
    }
    return list(sections[tuple(outer)].model_fields)


def _line_text(text: str, keys: list[str]) -> str:
    """', line N' of the deepest key that can be found in the text, or nothing."""
    section, found = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([\w.\"'-]+)\s*\]+", line)
        if header:
            section = header.group(1).strip("\"'")
            if section == ".".join(keys):
                return f", line {number}"
            continue
        outer = section.split(".")
        inside = keys[len(outer) :] if keys[: len(outer)] == outer else keys
        if inside and re.match(rf"\s*[\"']?{re.escape('.'.join(inside))}[\"']?\s*=", line):
            return f", line {number}"
        if not found and inside and re.match(rf"\s*[\"']?{re.escape(inside[0])}[\"']?\s*=", line):
            found = f", line {number}"
    return found
