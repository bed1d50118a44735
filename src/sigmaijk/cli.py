"""The command line: arguments in, one call out.

Exit status: 0 done; 1 not converged within the limits given; 2 bad input, with one line on stderr.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from . import __version__
from .errors import ArgumentError, OutputError, SigmaijkError, SigmaijkWarning, UnsupportedFeatureError

if TYPE_CHECKING:
    from .job import Job
    from .model import Model

NOT_CONVERGED, BAD_INPUT, INTERRUPTED = 1, 2, 130
EXAMPLE = "dirac_pt.toml"

app = typer.Typer(
    help="Second-order nonlinear conductivity sigma_ijk(mu, kT) with error bars.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Out = Annotated[str | None, typer.Option("-o", "--out", help="Base name of the output: OUT.nc, OUT.csv, OUT.png.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no table.")]


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status; errors raised on purpose become one line on stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", SigmaijkWarning)
        warnings.showwarning = _show_warning
        try:
            status = app(arguments, standalone_mode=False)
        except SigmaijkError as error:
            return _fail(str(error))
        except (typer.Abort, KeyboardInterrupt):
            _say("interrupted")
            return INTERRUPTED
        except Exception as error:
            # The usage errors of the option parser share no public base class; format_message is what they have.
            if not hasattr(error, "format_message"):
                raise
            return _fail(error.format_message())  # pyright: ignore[reportAttributeAccessIssue]
    return int(status or 0)


def _fail(message: str) -> int:
    if message:
        _say(message)
    return BAD_INPUT


def _say(message: str) -> None:
    sys.stderr.write(f"sigmaijk: {' '.join(message.split())}\n")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    _say(f"warning: {message}" if issubclass(category, SigmaijkWarning) else f"{category.__name__}: {message}")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sigmaijk {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    job: Annotated[Path, typer.Argument(metavar="JOB.toml", help="What to compute.")],
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from a checkpoint.")] = False,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Run the Python function of the job.")] = False,
    quiet: Quiet = False,
) -> int:
    """Compute what JOB.toml asks for; write OUT.nc, OUT.csv and OUT.png and print a table."""
    from .job import load_job
    from .sources import build_model

    if resume:
        raise UnsupportedFeatureError("--resume needs checkpoints, which do not exist yet; run without it")
    loaded = load_job(job)
    return _compute(loaded, build_model(loaded, allow_code=allow_code), _base(loaded, out), quiet)


@app.command()
def example(
    folder: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where the files go.")] = Path("."),
    quiet: Quiet = False,
) -> int:
    """Write the embedded example job (the toy model of Eq. 20) and run it."""
    from importlib.resources import files

    from .job import parse_job
    from .sources import build_model

    text = files("sigmaijk").joinpath("examples", EXAMPLE).read_text(encoding="utf-8")
    path = folder / EXAMPLE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise ArgumentError(f"{path} exists and is not the embedded example; give another folder with -o")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        _say(f"cannot write {path}: {error.strerror}; computing the embedded example all the same")
    job = parse_job(text, path)
    return _compute(job, build_model(job), str(folder / job.out), quiet)


@app.command()
def info(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A file, a job file, or a name in sg.models.")],
    lattice_nm: Annotated[
        str | None, typer.Option("--lattice-nm", help="Rows of a _hr.dat's lattice, '[[..], [..], [..]]' in nm.")
    ] = None,
    lattice: Annotated[str | None, typer.Option("--lattice", help="A .win file or POSCAR with the lattice.")] = None,
    positions: Annotated[str | None, typer.Option("--positions", help="A _centres.xyz file.")] = None,
    spin_order: Annotated[str | None, typer.Option("--spin-order", help="interleaved or block, of spinors.")] = None,
    dim: Annotated[int | None, typer.Option("--dim", help="2 for a sheet in the xy plane.")] = None,
    parameters: Annotated[str, typer.Option("--parameters", help="Of a named model, '{\"t\": 0.9}'.")] = "{}",
    mu: Annotated[float | None, typer.Option("--mu", help="List the smallest gaps within 0.5 eV of this, eV.")] = None,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Run the Python function of a job.")] = False,
) -> int:
    """Bands, dimension and health of a model, its symmetry and the components that it allows."""
    from .inspection import inspect_model
    from .job import load_job
    from .sources import model_file, naming
    from .symmetry import describe
    from .tables import output_console, print_inspection

    if lattice is not None and lattice_nm is not None:
        raise ArgumentError("give --lattice or --lattice-nm, not both")
    rows = lattice if lattice_nm is None else _parsed("--lattice-nm", lattice_nm, list)
    options = {"lattice": rows, "positions": positions, "spin_order": spin_order, "dim": dim}
    named = _named_or_read(model, options, parameters, allow_code)
    with naming(model_file(load_job(model)) if model.endswith(".toml") else Path(model)):
        found, lines = inspect_model(named, mu), describe(named)
    console = output_console()
    print_inspection(found, console)
    for line in lines:
        console.print(line, markup=False, highlight=False)
    return 0


@app.command()
def reproduce(
    target: Annotated[str, typer.Argument(metavar="fig1|fig2|table1|all", help="What to reproduce.")] = "all",
    folder: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where the files go.")] = Path("."),
    quiet: Quiet = False,
) -> int:
    """Redo the founding paper: Fig. 1's mechanisms, Fig. 2 and Table 1, as pictures (PDF, SVG, PNG) with their data."""
    from .reproduction.runner import reproduce as redo
    from .tables import output_console

    console = output_console()
    redo(target, folder, (lambda _: None) if quiet else (lambda text: console.print(text, markup=False)))
    return 0


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def report() -> int:
    """One self-contained HTML page of a result (does not exist yet)."""
    raise UnsupportedFeatureError("report (the self-contained HTML page) does not exist yet; OUT.png and OUT.csv do")


def _base(job: Job, out: str | None) -> str:
    """Base name of the output; a folder given with -o takes the job's own name."""
    if out is None:
        return job.out
    return str(Path(out) / Path(job.out).name) if Path(out).is_dir() else out


def _compute(job: Job, model: Model, base: str, quiet: bool) -> int:
    """The run itself: dataset, files, table. The table is printed even if no file can be written."""
    from .driver import conductivity
    from .outputs import write_outputs
    from .plots.response import plot_response
    from .sources import check_run, model_file, naming
    from .tables import output_console, print_result

    wanted = job.run
    check_run(job, model)
    with naming(model_file(job)):
        ds = conductivity(
            model,
            wanted.mu,
            wanted.kT,
            terms=tuple(wanted.terms),
            rtol=wanted.rtol,
            atol=wanted.atol,
            tau=wanted.tau_fs,
            components=wanted.components,
            progress=not quiet,
            degeneracy_tol=wanted.degeneracy_tol,
            max_k_points=wanted.max_k_points,
            method=wanted.method,
            audit=wanted.audit,
            symmetry=wanted.symmetry,
        )
    console = output_console()
    try:
        files = write_outputs(ds, base, plot_response)
    except OutputError:
        print_result(ds, console)
        raise
    if not quiet:
        print_result(ds, console)
        console.print("wrote " + ", ".join(map(str, files.paths)), markup=False)
    if files.problems:
        return _fail("; ".join(files.problems))
    return 0 if ds.attrs["converged"] else NOT_CONVERGED


def _named_or_read(model: str, options: dict[str, Any], parameters: str, allow_code: bool) -> Model:
    from .formats.wannier90 import read_wannier90
    from .job import load_job
    from .models import catalogue
    from .sources import build_model, named_model

    if model.endswith(".toml"):
        return build_model(load_job(model), allow_code=allow_code)
    if model in catalogue():
        return named_model(model, _parsed("--parameters", parameters, dict))
    if not Path(model).exists():
        raise ArgumentError(f"{model} is neither a file nor a model; models are {', '.join(catalogue())}")
    try:
        return read_wannier90(model, **{key: value for key, value in options.items() if value is not None})
    except ArgumentError as error:
        here = "--lattice, --lattice-nm, --positions, --spin-order and --dim, or a job file in place of MODEL"
        raise ArgumentError(f"{error} (here: {here})") from error


def _parsed(option: str, text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        sample = "'[[1, 0], [0, 1]]'" if kind is list else "'{\"t\": 0.9}'"
        raise ArgumentError(f"{option} must be JSON, such as {sample}: {error}") from error
    if not isinstance(value, kind):
        raise ArgumentError(f"{option} must be a JSON {'list' if kind is list else 'object'}, got {text!r}")
    return value
