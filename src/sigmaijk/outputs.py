"""Where a result goes: a dataset, a table and a picture in files, never lost because a folder cannot be written."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import OutputError
from .results import CONVENTION, component, term_names
from .units import BOLTZMANN_EV_PER_KELVIN

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class WrittenFiles:
    """Where a result went: its files, and one line for everything that could not go where it was asked to."""

    netcdf: Path
    csv: Path | None
    picture: Path | None
    problems: tuple[str, ...]

    @property
    def paths(self) -> list[Path]:
        """The files that exist, the dataset first."""
        return [path for path in (self.netcdf, self.csv, self.picture) if path is not None]


def write_outputs(
    ds: xr.Dataset, base: str | os.PathLike[str], draw: Callable[[xr.Dataset, Path], object] | None = None
) -> WrittenFiles:
    """BASE.nc, BASE.csv and, with `draw`, BASE.png; a result is never lost because a folder cannot be written.

    Where BASE is impossible the files go to the current, the home or the temporary folder, under a name that is still
    free there, and `problems` says so. Only a dataset that fits nowhere raises OutputError.
    """
    wanted = _without_suffix(Path(base))
    netcdf, problems = _write_somewhere(ds, wanted)
    base_used = netcdf.with_name(netcdf.name.removesuffix(".nc"))
    others: dict[str, Path | None] = {".csv": None, ".png": None}
    writers: dict[str, Callable[[Path], object]] = {}
    writers[".csv"] = lambda path: path.write_text(csv_text(ds), encoding="utf-8")
    if draw is not None:
        writers[".png"] = lambda path: draw(ds, path)
    for suffix, write in writers.items():
        target = _appended(base_used, suffix)
        try:
            _write_whole(target, write)
            others[suffix] = target
        except (OSError, RuntimeError) as error:
            problems.append(f"cannot write {target}: {_reason(error, target)}; the values are in {netcdf}")
    return WrittenFiles(netcdf, others[".csv"], others[".png"], tuple(problems))


def _write_somewhere(ds: xr.Dataset, wanted: Path) -> tuple[Path, list[str]]:
    """Path of the dataset file, in the first folder that takes it, and what was wrong with the others."""
    fallbacks = [Path.cwd(), Path.home(), Path(tempfile.gettempdir())]
    candidates = [wanted, *(_free(folder / wanted.name) for folder in fallbacks)]
    failures: list[str] = []
    for base in candidates:
        target = _appended(base, ".nc")
        try:
            _write_whole(target, lambda path: ds.to_netcdf(path, engine="h5netcdf"))
        except (OSError, RuntimeError) as error:
            failures.append(f"cannot write {target}: {_reason(error, target)}")
        else:
            return target, [f"{failures[0]}; the result is in {target}"] if failures else []
    raise OutputError("; ".join(failures))


def _write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target and rename, so that a failure leaves an earlier file as it was."""
    part = target.with_name(f".{os.getpid()}.part.{target.name}")
    if target.is_dir():
        raise IsADirectoryError("it is a folder")
    try:
        write(part)
        part.replace(target)
    finally:
        if part.is_file():
            part.unlink()


def _reason(error: Exception, target: Path) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if "No such file" in text or isinstance(error, FileNotFoundError):
        if target.parent.is_dir():  # so speaks /proc
            return f"the system lets no file be created in {target.parent}"
        return "the folder does not exist"
    return " ".join(text.split())[:120]


def _without_suffix(path: Path) -> Path:
    return path.with_suffix("") if path.suffix in {".nc", ".csv", ".png"} else path


def _appended(base: Path, suffix: str) -> Path:
    return base.with_name(base.name + suffix)


def _free(base: Path) -> Path:
    """`base`, or base-1, base-2, ... where no file of an earlier result stands."""
    names = itertools.chain([base], (base.with_name(f"{base.name}-{number}") for number in itertools.count(1)))
    return next(name for name in names if not _appended(name, ".nc").exists())


def csv_text(ds: xr.Dataset) -> str:
    """The dataset as a table: a row per (kT, mu), a column per component (j <= k) and its error, each with its unit."""
    kT, mu = np.meshgrid(ds["kT"].values, ds["mu"].values, indexing="ij")
    table = [kT.ravel(), kT.ravel() / BOLTZMANN_EV_PER_KELVIN, mu.ravel()]
    heads = ["kT [eV]", "T [K]", "mu [eV]"]
    for name, indices in _csv_components(ds):
        for variable, label in ((name, f"{name}_{indices}"), (f"{name}_error", f"{name}_{indices}_error")):
            values = component(ds, variable, indices)
            heads.append(f"{label} [{values.attrs['units']}]")
            table.append(values.values.ravel())
    for name in ds.data_vars:
        if str(name).endswith(("_cancellation", "_small_gap_share")):
            heads.append(f"{name} [1]")
            table.append(ds[name].values.ravel())
    rows = (",".join(f"{value:.10g}" for value in row) for row in zip(*table, strict=True))
    return "\n".join([*_csv_header(ds), ",".join(heads), *rows]) + "\n"


def _csv_components(ds: xr.Dataset) -> Iterator[tuple[str, str]]:
    axes = [str(axis) for axis in ds["i"].values]
    for name in term_names(ds):
        for i in axes:
            for j, k in itertools.combinations_with_replacement(axes, 2):
                yield name, i + j + k


def _csv_header(ds: xr.Dataset) -> list[str]:
    infinite = "an error of inf marks a term that diverges or is not resolved"
    lines = [f"sigmaijk result; {CONVENTION}; only j <= k is listed; {infinite}"]
    for name in term_names(ds):
        described = ds[name].attrs
        lines.append(f"{name}: {described['long_name']}; unit {described['units']}; {described['formula']}")
        lines.extend(f"{name}: {described['equation']}" for _ in range("equation" in described))
    lines.extend(f"{key} = {json.dumps(value)}" for key, value in ds.attrs.items() if key != "list_attributes")
    return ["# " + " ".join(line.split()) for line in lines]
