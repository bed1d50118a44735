"""Tables for the terminal: a result with errors and units, and what an inspection of a model found."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np

from .results import component, independent_components, term_names

if TYPE_CHECKING:
    import xarray as xr
    from rich.console import Console

    from .inspection import Inspection, SymmetryCheck

MAX_ROWS = 12
MAX_COLUMNS = 4
PLAIN_WIDTH = 118
"""Width of a table that does not go to a terminal, characters."""

REVERSAL_HOLDS_MEV, REVERSAL_SMALL_MEV = 1e-4, 50.0
"""|E(k) - E(-k)| below the first is rounding of printed digits; up to the second it may be noise of a Wannier fit."""

TOUCHING_EV = 1e-8
"""A gap below this is the rounding of a node."""

WRONG_PARITY = 0.01
"""Share of the curvature that may have the wrong parity where energies agree."""

_SHOWN_ABOVE = 1e-3
"""A component smaller than this share of the largest of its term is left to the files."""


def output_console() -> Console:
    """A console on stdout that does not squeeze a table into 80 columns when the output is piped."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH, soft_wrap=True)


def print_result(ds: xr.Dataset, console: Console) -> None:
    """The largest independent components of each term over some of the (kT, mu), and what the table leaves out."""
    from rich import box
    from rich.table import Table

    chosen, silent = shown_components(ds)
    table = Table(title=f"sigma_ijk of {ds.attrs.get('model', 'the model')}", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("kT\n\\[eV]", justify="right")
    table.add_column("mu\n\\[eV]", justify="right")
    columns = []
    for term, indices in chosen:
        unit = readable_unit(ds, term)
        table.add_column(f"{term} {indices}\n\\[{unit}]", justify="right")
        pair = [component(ds, name, indices, unit).values for name in (term, f"{term}_error")]
        columns.append((pair[0], pair[1], "diverges" if diverges(ds, term) else "unresolved"))
    points = list(np.ndindex(ds.sizes["kT"], ds.sizes["mu"]))
    rows = _spread(ds.sizes["kT"], ds.sizes["mu"])
    for row in rows:
        cells = [with_error(float(value[row]), float(error[row]), word) for value, error, word in columns]
        table.add_row(f"{float(ds['kT'][row[0]]):.5g}", f"{float(ds['mu'][row[1]]):.5g}", *cells)
    if chosen:
        console.print(table)
    for note in [*silent, *_notes(ds, len(points) - len(rows))]:
        console.print(note, markup=False)


def shown_components(ds: xr.Dataset) -> tuple[list[tuple[str, str]], list[str]]:
    """(term, component) of the columns, the largest of each term first, and a note for each term without any."""
    ranked: list[list[tuple[str, str]]] = []
    notes = []
    for term in term_names(ds):
        names = independent_components(ds, term)
        sizes = {name: _significance(ds, term, name) for name in names}
        largest = max(sizes.values())
        if largest == 0.0:
            notes.append(f"{term}: {_silence(ds, term)}")
            continue
        order = sorted(names, key=lambda name: -sizes[name])
        ranked.append([(term, name) for name in order if sizes[name] > _SHOWN_ABOVE * largest])
    chosen = [column for rank in range(MAX_COLUMNS) for terms in ranked for column in terms[rank : rank + 1]]
    kept = set(chosen[: max(MAX_COLUMNS, len(ranked))])
    return [column for terms in ranked for column in terms if column in kept], notes


def _silence(ds: xr.Dataset, term: str) -> str:
    """Why a term has no column: zero within its error, or an error that is infinite."""
    error = np.asarray(ds[f"{term}_error"].values)
    finite = error[np.isfinite(error)]
    text = f"largest error {finite.max(initial=0.0):.2g} {ds[term].attrs['units']}"
    if len(finite) == error.size:
        return f"every component is zero within its error at every (kT, mu); {text}"
    cause = "diverges" if diverges(ds, term) else "not resolved: the search for Fermi-surface pieces was cut short"
    if len(finite) == 0:
        return cause
    return f"{cause} at some (kT, mu); at the others every component is zero within its error, {text}"


def _significance(ds: xr.Dataset, term: str, indices: str) -> float:
    """Largest modulus over (kT, mu) among the entries that exceed their error, or that have none (inf)."""
    value = np.abs(component(ds, term, indices).values)
    error = component(ds, f"{term}_error", indices).values
    clear = (value > error) | np.isinf(error)
    return float(np.max(np.where(clear, value, 0.0)))


def readable_unit(ds: xr.Dataset, term: str) -> str:
    """The decimal multiple of the ampere in which the largest entry of a term is above one, if there is such."""
    unit = str(ds[term].attrs["units"])
    largest = float(np.abs(ds[term].values).max())
    for prefix, size in (("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9)):
        if largest >= size:
            return prefix + unit
    return unit if largest == 0.0 else "n" + unit


def with_error(value: float, error: float, unresolved: str = "diverges") -> str:
    """'value ± error' with two digits of the error, or a word where the error is infinite."""
    if math.isinf(error):
        return unresolved
    if value == 0.0:
        return f"0 ± {error:.1g}"
    if error == 0.0:
        return f"{value:.6g} ± 0"
    last = 1 - math.floor(math.log10(error))
    exponent = math.floor(math.log10(max(abs(value), error)))
    if -4 <= exponent < 5 and last <= 9:
        return f"{value:.{max(last, 0)}f} ± {error:.{max(last, 0)}f}"
    digits = min(max(last + exponent, 0), 9)
    if last + exponent > 9:
        return f"{value:.9e} ± {error:.1e}"
    return f"({value / 10.0**exponent:.{digits}f} ± {error / 10.0**exponent:.{digits}f})e{exponent:+03d}"


def diverges(ds: xr.Dataset, term: str) -> bool:
    """Whether an infinite error of a term means divergence; without any singular entry the run was merely cut short."""
    listed = json.loads(str(ds.attrs.get("singular", "null")))
    return listed is None or any(term == "total" or term in json.dumps(entry) for entry in listed)


def _spread(n_kT: int, n_mu: int) -> list[tuple[int, int]]:
    """At most MAX_ROWS grid points, evenly over mu for as many kT as fit."""
    temperatures = np.unique(np.linspace(0, n_kT - 1, min(n_kT, MAX_ROWS)).round().astype(int))
    each = max(MAX_ROWS // len(temperatures), 1)
    potentials = np.unique(np.linspace(0, n_mu - 1, min(n_mu, each)).round().astype(int))
    return [(int(t), int(m)) for t in temperatures for m in potentials]


def _notes(ds: xr.Dataset, hidden: int) -> list[str]:
    notes = []
    if hidden:
        notes.append(f"{hidden} more (kT, mu) and every other component are in the files.")
    factors = [_cancellation(ds, term) for term in term_names(ds) if f"{term}_cancellation" in ds]
    worst = f", cancellation up to {max(factors):.2g}" if factors else ""
    converged = "converged" if ds.attrs.get("converged", 1) else "NOT converged"
    notes.append(
        f"{converged} (rtol {ds.attrs.get('rtol', '?')}), {ds.attrs.get('k_points', '?')} k-points{worst}; "
        "J_i = sigma_ijk E_j E_k, charge -e, form WPD (Eq. 13)"
    )
    return notes + _symmetry_notes(ds)


def _symmetry_notes(ds: xr.Dataset) -> list[str]:
    """The group of the model, and what is left of the components that it forbids."""
    facts = json.loads(str(ds.attrs.get("symmetry", "null")))
    if facts is None:
        return []
    if facts["symbol"] is None:
        return [f"symmetry not known: {facts['why']}"]
    floors = json.loads(str(ds.attrs["noise_floor"])).values()
    seen = [floor for floor in floors if floor["component"] and floor["share"] > 0]
    if not seen:
        return [f"symmetry {facts['symbol']}: nothing is left of what it forbids"]
    worst = max(seen, key=lambda floor: floor["ratio"] or 0.0)
    return [
        f"symmetry {facts['symbol']}: of what it forbids, {worst['term']} {worst['component']} is left with "
        f"{worst['share']:.1g} of the largest entry, {worst['ratio']:.2g} of its error"
    ]


def _cancellation(ds: xr.Dataset, term: str) -> float:
    """Largest integral of moduli over modulus of the integral, where the term has an entry above its error."""
    clear = (np.abs(ds[term].values) > ds[f"{term}_error"].values).any(axis=(2, 3, 4))
    return float(np.max(ds[f"{term}_cancellation"].values, initial=1.0, where=clear))


def print_inspection(found: Inspection, console: Console) -> None:
    """What an inspection found, one fact a line."""
    from rich.table import Table

    table = Table(title=f"{found.name}", show_header=False, title_justify="left")
    low, high = found.energy_range
    table.add_row("bands, dimension", f"{found.n_bands} bands, {found.dim}D, spin degeneracy {found.spin_degeneracy}")
    table.add_row("domain", found.domain)
    if found.lattice is not None:
        for number, row in enumerate(found.lattice, start=1):
            table.add_row(f"a{number} (nm)", "  ".join(f"{entry: .6f}" for entry in row))
        table.add_row("hoppings", f"at {found.n_vectors} lattice vectors R")
        table.add_row("hoppings reach", " x ".join(map(str, found.hopping_range or [])) + " lattice vectors")
        table.add_row("orbital positions", _positions_text(found))
        table.add_row("|H(-R) - H(R)^+| as given", f"{found.asymmetry or 0.0:.1e} eV, then made Hermitian")
    table.add_row("|H - H^+| on the sample", f"{found.hermiticity_deviation:.1e} eV")
    table.add_row("|E(k) - E(-k)|", _reversal_text(found))
    for check in found.symmetries:
        table.add_row(check.name, _symmetry_text(check))
    table.add_row("energies on the sample", f"{low:.4f} .. {high:.4f} eV ({found.sampled} k-points)")
    if found.degenerate_pairs:
        table.add_row("degenerate everywhere", f"{found.degenerate_pairs} pairs of neighbouring bands")
    for gap in found.gaps[:3]:
        where = ", ".join(f"{entry:.3f}" for entry in gap.k)
        size = f"{gap.size * 1e3:.3g} meV" if gap.size > TOUCHING_EV else "none: the bands touch"
        text = f"{size} at {gap.energy:.4f} eV, k = ({where}) 1/nm"
        table.add_row(f"small gap, bands {gap.lower_band}-{gap.lower_band + 1}", text)
    console.print(table)
    reversal = next(check for check in found.symmetries if check.name == "time reversal")
    broken, meant = 1e3 * reversal.energies, 1e3 * (reversal.matrices or 0.0) >= REVERSAL_SMALL_MEV
    if REVERSAL_HOLDS_MEV < broken < REVERSAL_SMALL_MEV and not meant:
        console.print(
            f"Time reversal is broken by only {broken:.2g} meV. In a material without magnetism that is noise of the "
            "Wannier fit: suspect the T-odd terms (drude, qm), which vanish in it, until H has been symmetrised.",
            markup=False,
        )
    console.print("Gaps are followed to their minima from a small sample; others may hide.", markup=False)


def _reversal_text(found: Inspection) -> str:
    size = f"{found.reversal_deviation * 1e3:.2g} meV at {found.reversal_points} random k"
    if found.reversal_deviation * 1e3 <= REVERSAL_HOLDS_MEV:
        return f"{size}: the spectrum has time reversal or inversion"
    return f"up to {size}: both time reversal and inversion are broken"


def _symmetry_text(check: SymmetryCheck) -> str:
    """How well a symmetry holds and how that was tested."""
    energies, holds = 1e3 * check.energies, 1e3 * check.energies <= REVERSAL_HOLDS_MEV
    matrices = None if check.matrices is None else 1e3 * check.matrices
    if matrices is not None and matrices <= REVERSAL_HOLDS_MEV:
        return f"holds to {matrices:.0g} meV: a unitary was found"
    rest = "" if matrices is None else f"; the best unitary leaves {_meV(matrices)} meV"
    if check.curvature is None:
        verdict = "pairs of bands 1-2, 3-4, .. " + ("agree" if holds else f"split by up to {_meV(energies)} meV")
        return verdict + rest
    share = f"{100 * check.curvature:.2g} %"
    if not holds:
        return f"broken by at least {_meV(energies)} meV (energies), curvature of wrong parity by {share}{rest}"
    if check.curvature < WRONG_PARITY:
        return f"nothing against it: energies to {energies:.0g} meV, curvature of occupied states to {share}{rest}"
    return f"broken, though energies agree: curvature of occupied states of wrong parity by {share}{rest}"


def _meV(size: float) -> str:
    return f"{size:.0f}" if size >= 100.0 else f"{size:.2g}"


def _positions_text(found: Inspection) -> str:
    if found.has_position_matrices:
        return "yes, with off-diagonal position matrices"
    return "yes" if found.has_positions else "none or all equal: Omega, g and G lack their contribution"
