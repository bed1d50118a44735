"""The same integrals by wannierberri and by us: error, CPU time, k-points and peak memory, side by side.

Usage: python benchmarks/against_wannierberri.py [words of case names ..]
       python benchmarks/against_wannierberri.py --references     (our runs at small tolerances, several minutes)

It needs both programs in one environment:
    python3 -m venv bench && bench/bin/pip install . wannierberri==26.10 numba pythtb==1.8.0
    bench/bin/python benchmarks/against_wannierberri.py

Each run has a process of its own and BLAS one thread. CPU time is that of the call, after a small warm-up of either
(the compiled parts of wannierberri take 5 s more), without imports and reading. The error is the root mean square over
all components and levels, in parts of that of the reference: for the 4-band crystal an independent sum in closed form,
for the others our own run at a small tolerance, stored in `references/peers.json`. Temperature in wannierberri is a
convolution along its axis of Fermi levels, which is made fine enough here not to matter. Data: the folder SIGMAIJK_DATA
(default ../shared/data).
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib
import gzip
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(os.environ.get("SIGMAIJK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
STORED = Path(__file__).resolve().parent / "references" / "peers.json"
KELVIN = 8.617333262e-5
"""eV"""
ANTISYMMETRIC = np.zeros((3, 3, 3))
for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    ANTISYMMETRIC[i, j, k], ANTISYMMETRIC[i, k, j] = 1.0, -1.0


@dataclass(frozen=True)
class Case:
    """Twenty levels of one model; `ours` are tolerances, with a method and a limit of k-points; `theirs` are grids."""

    title: str
    term: str
    levels: np.ndarray
    kT: float
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    reference: float
    """Our own tolerance for it; 0 where it is independent."""
    degeneracy_tol: float = 1e-6


CASES = {
    "pt4_100K": Case(
        "PT crystal, 4 bands, 2D, qm, 100 K",
        "qm",
        np.linspace(0.10, 0.48, 20),
        100 * KELVIN,
        ("1e-2", "1e-4"),
        ("384 histogram", "768 histogram"),
        0.0,
    ),
    "pt4_0K": Case(
        "PT crystal, 4 bands, 2D, qm, T = 0",
        "qm",
        np.linspace(0.10, 0.48, 20),
        0.0,
        ("1e-3", "1e-6"),
        ("384 tetra", "768 tetra"),
        0.0,
    ),
    "chiral": Case(
        "chiral crystal, 2 bands, 3D, bcd, 100 K",
        "bcd",
        np.linspace(0.30, 1.06, 20),
        100 * KELVIN,
        ("1e-2", "3e-3"),
        ("48 tetra", "72 tetra"),
        1e-4,
    ),
    "te": Case(
        "tellurium, 24 bands, 3D, bcd, 300 K",
        "bcd",
        np.linspace(5.45, 5.83, 20),
        300 * KELVIN,
        ("1e-2 trapezoid 60000",),
        ("48 histogram", "72 histogram"),
        0.0,
        2e-3,
    ),
}


def model(name: str) -> Any:
    """The model on our side."""
    import sigmaijk as sg

    if name.startswith("pt4"):
        return sg.models.dirac_pt_lattice()
    return sg.models.chiral_crystal() if name == "chiral" else sg.read_wannier90(FOLDER / "Te_qe_tb.dat.gz")


def ours(name: str, how: str) -> dict[str, Any]:
    """One call of `conductivity`."""
    import sigmaijk as sg

    case = CASES[name]
    rtol, method, most = how.split() if " " in how else (how, "auto", "20000000")
    crystal = model(name)
    warnings.simplefilter("ignore")
    sg.conductivity(sg.models.dirac_pt(), 0.25, case.kT, terms="qm", rtol=0.1, progress=False)
    start = time.process_time()
    ds = sg.conductivity(
        crystal,
        case.levels,
        case.kT,
        terms=case.term,
        rtol=float(rtol),
        degeneracy_tol=case.degeneracy_tol,
        method=method,
        max_k_points=int(most),
        progress=False,
    )
    seconds = time.process_time() - start
    return {
        "values": ds[f"{case.term}_natural"].values[0].tolist(),
        "estimate": float(ds[f"{case.term}_natural_error"].values.max()),
        "seconds": seconds,
        "points": ds.attrs["k_points"],
    }


def system(name: str) -> Any:
    """The model on the side of wannierberri; lengths in angstrom."""
    import pythtb
    from wannierberri import models
    from wannierberri.system import System_R

    if name.startswith("pt4"):
        crystal = model(name)
        lattice = 10 * crystal.lattice
        table = pythtb.tb_model(2, 2, lattice.tolist(), [[0, 0]] * 4)
        ticks = np.arange(4) / 4
        k = crystal.cartesian(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2))
        blocks = np.fft.fft2(crystal.hamiltonian(k).reshape(4, 4, 4, 4), axes=(0, 1)) / 16
        table.set_onsite(blocks[0, 0].diagonal().real.tolist())
        for R in ((1, 0), (0, 1)):
            for a, b in np.argwhere(np.abs(blocks[R]) > 1e-13).tolist():
                table.set_hop(complex(blocks[R][a, b]), a, b, list(R))
        return System_R.from_pythtb(table)
    if name == "chiral":
        found = System_R.from_pythtb(
            models.Chiral(delta=2, hop1=1, hop2=1 / 3, phi=np.pi / 10, hopz_left=0.2, hopz_right=0.0, hopz_vert=0)
        )
        found.set_pointgroup(["C3z"])
        return found
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "te_tb.dat"
        plain.write_bytes(gzip.decompress((FOLDER / "Te_qe_tb.dat.gz").read_bytes()))
        found = System_R.from_tb_dat(str(plain), berry=True)
    found.set_pointgroup(["C3z", "C2x", "TimeReversal"])
    return found


def band_normalised() -> Any:
    """A calculator of int v_a G_bc delta(E - E_F), which wannierberri does not have, in its own interface."""
    from wannierberri.calculators.static import StaticCalculator
    from wannierberri.formula.elementary import DEinv_ln
    from wannierberri.formula.formula import Formula_ln, FormulaProduct, Matrix_ln
    from wannierberri.symmetry.point_symmetry import transform_ident

    class Metric(Formula_ln):
        def __init__(self, data_K, **parameters):
            super().__init__(data_K, **parameters)
            self.connection, self.inverse = Matrix_ln(1j * data_K.D_H), DEinv_ln(data_K)
            self.ndim, self.transformTR, self.transformInv = 2, transform_ident, transform_ident

        def nn(self, ik, inn, out):
            weighted = self.connection.ln(ik, inn, out) * -self.inverse.ln(ik, inn, out)[:, :, None]
            sums = np.einsum("mla,lnb->mnab", self.connection.nl(ik, inn, out), weighted)
            return sums + sums.swapaxes(2, 3)

        def ln(self, ik, inn, out):
            raise NotImplementedError

    class Dipole(FormulaProduct):
        def __init__(self, data_K, **parameters):
            parts = [data_K.covariant("Ham", commader=1), Metric(data_K, **parameters)]
            super().__init__(parts, name="velocity times G")

    class Calculator(StaticCalculator):
        def __init__(self, **parameters):
            self.Formula, self.fder = Dipole, 1
            super().__init__(**parameters)

    return Calculator


def theirs(name: str, how: str) -> dict[str, Any]:
    """One run of wannierberri on a uniform grid, with its symmetries, and the convolution with -f0'."""
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        import wannierberri as wb
        from wannierberri.calculators.static import BerryDipole_FermiSurf

        case, (grid, method) = CASES[name], how.split()
        crystal = system(name)
        size, tetra = int(grid), method == "tetra"
        fine = case.levels
        if case.kT:
            step = min(case.kT / 15, 2e-3)
            fine = np.arange(case.levels[0] - 25 * case.kT, case.levels[-1] + 25 * case.kT + step, step)
        kind = band_normalised() if case.term == "qm" else BerryDipole_FermiSurf
        calculators = {"x": kind(Efermi=fine, tetra=tetra, use_factor=False, save_mode="")}
        periodic = np.array(crystal.periodic)

        def run(divisions: int, box: int) -> Any:
            mesh = wb.Grid(crystal, NKFFT=np.where(periodic, box, 1), NKdiv=np.where(periodic, divisions, 1))
            count = len(mesh.get_K_list()) * int(np.prod(mesh.FFT))
            found = wb.run(
                crystal, grid=mesh, calculators=calculators, parallel=False, fout_name="x", file_Klist_path="list"
            )
            return found.results["x"].data, count

        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            run(1, 6)
            box = 24 if name.startswith("pt4") else 12 if name == "chiral" else 6
            start = time.process_time()
            data, points = run(size // box, box)
            if case.kT:
                distance = np.abs(case.levels[:, None] - fine) / case.kT
                decay = np.exp(-distance)
                data = np.tensordot(decay / (1 + decay) ** 2 * (step / case.kT), data, axes=1)
            seconds = time.process_time() - start
    return {"values": tensor(case.term, np.asarray(data)).tolist(), "seconds": seconds, "points": points}


def tensor(term: str, data: np.ndarray) -> np.ndarray:
    """Our I_ijk, natural units, of what wannierberri returns: v_a G_bc per angstrom of height, or D_ab."""
    if term == "qm":
        product = -0.1 * data[:, :2, :2, :2]
        return product - 0.5 * (product.swapaxes(1, 2) + np.moveaxis(product, 1, 3))
    # I_ijk = (eps_ijl D_kl + eps_ikl D_jl)/2.
    half = 0.5 * np.einsum("ijl,nkl->nijk", ANTISYMMETRIC, data)
    return half + half.swapaxes(2, 3)


def child(name: str, side: str, *arguments: str) -> dict[str, Any] | None:
    """One side of a case in a process of its own, with its peak memory in MB; None, with the reason, if it fails."""
    command = [sys.executable, __file__, "--run", name, side, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name}, {side} {' '.join(arguments)}: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
        return None
    return json.loads(done.stdout.splitlines()[-1])


def run_here(name: str, side: str, *arguments: str) -> None:
    """In the child: run, and print the outcome as one line."""
    function: Callable[..., dict[str, Any]] = {"ours": ours, "wannierberri": theirs, "closed form": closed_form}[side]
    found = function(name, *arguments)
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def distance(values: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Root mean square over all entries, and the largest entry, in parts of those of the reference."""
    apart = values - reference
    return float(np.sqrt((apart**2).sum() / (reference**2).sum())), float(np.abs(apart).max() / np.abs(reference).max())


def closed_form(name: str) -> dict[str, Any]:
    """The independent reference."""
    from references.pt_crystal import quantum_metric_dipole

    return {"values": quantum_metric_dipole(CASES[name].levels, CASES[name].kT).tolist()}


def reference_of(name: str) -> np.ndarray | None:
    """Closed form, or what is stored; None for neither."""
    if name.startswith("pt4"):
        found = child(name, "closed form")
    else:
        found = (json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}).get(name)
    return None if found is None else np.array(found["values"])


def make_references() -> None:
    """Our own runs at small tolerances."""
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    for name, case in CASES.items():
        if case.reference and (found := child(name, "ours", str(case.reference))):
            stored[name] = {key: found[key] for key in ("values", "estimate", "points")} | {"rtol": case.reference}
            STORED.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
            print(f"{name}: {found['points']} k-points, {found['seconds']:.0f} s, estimate {found['estimate']:.2g}")


def table(words: list[str]) -> None:
    """A row for each run."""
    print(f"{'':36s}{'rms error':>10s}{'largest':>9s}{'estimate':>10s}{'CPU s':>8s}{'k-points':>10s}{'MB':>6s}")
    for name, case in CASES.items():
        if words and not any(word in name for word in words):
            continue
        print(case.title)
        reference = reference_of(name)
        for side, how in [("ours", how) for how in case.ours] + [("wannierberri", how) for how in case.theirs]:
            found = child(name, side, how)
            if found is None:
                continue
            errors = ("-", "-")
            estimate = "-"
            if reference is not None:
                errors = tuple(f"{error:.1e}" for error in distance(np.array(found["values"]), reference))
            if "estimate" in found:
                estimate = f"{found['estimate'] / np.abs(found['values']).max():.1e}"
            print(
                f"{side:>14s}  {how:22s}{errors[0]:>8s}{errors[1]:>9s}{estimate:>10s}{found['seconds']:8.2f}"
                f"{found['points']:10d}{found['memory']:6.0f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run_here(*sys.argv[2:])
    elif "--references" in sys.argv:
        make_references()
    else:
        table(sys.argv[1:])
