"""Compute, draw and write what `sigmaijk reproduce` was asked for, one target after the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, OutputError
from ..tables import with_error
from .datasets import UNIT, csv_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    Say = Callable[[str], object]

ALL = "all"
PICTURES: dict[str, dict[str, Any]] = {
    ".pdf": {"metadata": {"CreationDate": None}},
    ".svg": {"metadata": {"Date": None}},
    ".png": {},
}
"""Formats of a picture; no dates, so that the same numbers give the same file."""


def reproduce(target: str, folder: str | os.PathLike[str], say: Say) -> list[Path]:
    """Write a target or all of them to a folder, tell by `say` what was written, and return the files.

    Raises ArgumentError for an unknown target and OutputError, before anything is computed, for a folder that cannot
    be written.
    """
    chosen = chosen_targets(target)
    where = _writable(Path(folder))
    written: list[Path] = []
    for name in chosen:
        files = TARGETS[name](where, say)
        say("wrote " + ", ".join(map(str, files)))
        written += files
    return written


def chosen_targets(target: str) -> list[str]:
    """Names of the targets that a word means."""
    names = [*TARGETS, ALL]
    if target not in names:
        close = get_close_matches(target.lower(), names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ArgumentError(f"cannot reproduce {target!r}: the targets are {', '.join(names)}{hint}")
    return list(TARGETS) if target == ALL else [target]


def _writable(folder: Path) -> Path:
    probe = folder / f".{os.getpid()}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror or error}; give another folder with -o"
        ) from error
    return folder


def _fig1(folder: Path, say: Say) -> list[Path]:
    from ..plots.paper import figure_1
    from .mechanisms import mechanisms

    ds = mechanisms()
    say(
        f"Fig. 1: sigma_xyy is intrinsic below tau = {ds.attrs['crossover_qm_bcd_fs']:.3g} fs "
        f"and Drude-like above {ds.attrs['crossover_bcd_drude_fs']:.3g} fs ({ds.attrs['model']})"
    )
    return [*_pictures(figure_1(ds), folder / "fig1"), *_data(ds, folder / "fig1")]


def _fig2(folder: Path, say: Say) -> list[Path]:
    from ..plots.paper import figure_2
    from . import figure2

    panels = [figure2.bands(), figure2.fermi_lines(), figure2.response(), figure2.dipole_map()]
    for t in panels[2]["deformation"].values:
        at = panels[2].sel(deformation=t, mu=figure2.FERMI_LEVEL, method="nearest")
        value = with_error(at["sigma_xyy"].item(), at["sigma_xyy_error"].item())
        say(f"Fig. 2c: t/v = {t:g}: sigma_xyy = {value} {UNIT} at {figure2.FERMI_LEVEL:g} eV")
    files = _pictures(figure_2(*panels), folder / "fig2")
    for letter, ds in zip("abcd", panels, strict=True):
        files += _data(ds, folder / f"fig2{letter}")
    return files


def _table1(folder: Path, say: Say) -> list[Path]:
    from ..plots.paper import table_1
    from .table1 import rows, table_text

    ds = rows()
    text = table_text(ds)
    say(text.rstrip("\n"))
    files = [*_pictures(table_1(ds), folder / "table1"), *_data(ds, folder / "table1")]
    return [*files, *_write(folder / "table1.txt", lambda path: path.write_text(text, encoding="utf-8"))]


TARGETS: dict[str, Callable[[Path, Say], list[Path]]] = {"fig1": _fig1, "fig2": _fig2, "table1": _table1}
"""What can be reproduced, by name."""


def _pictures(figure: Figure, base: Path) -> list[Path]:
    files = []
    for suffix, options in PICTURES.items():
        files += _write(
            base.with_name(base.name + suffix),
            lambda path, form=suffix[1:], options=options: figure.savefig(path, format=form, **options),
        )
    return files


def _data(ds: xr.Dataset, base: Path) -> list[Path]:
    netcdf, csv = (base.with_name(base.name + suffix) for suffix in (".nc", ".csv"))
    _write(netcdf, lambda path: ds.to_netcdf(path, engine="h5netcdf"))
    _write(csv, lambda path: path.write_text(csv_text(ds), encoding="utf-8"))
    return [netcdf, csv]


def _write(target: Path, write: Callable[[Path], object]) -> list[Path]:
    """Write beside the target and rename, so that a failure leaves an earlier file as it was."""
    part = target.with_name(f".{os.getpid()}.part.{target.name}")
    try:
        write(part)
        part.replace(target)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
        raise OutputError(f"cannot write {target}: {reason}") from error
    finally:
        part.unlink(missing_ok=True)
    return [target]
