"""Monolayer WTe2 in a field (44 bands): nine levels at kT = 1 meV, checked against a run at a tenth of the tolerance.

Usage: python benchmarks/wte2.py [rtol] [--check]

Data: the folder SIGMAIJK_DATA (default ../shared/data).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

import sigmaijk as sg

FOLDER = Path(os.environ.get("SIGMAIJK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
LEVELS = np.linspace(-0.03, 0.05, 9)


def monolayer() -> sg.LatticeModel:
    """The model with its orbital positions, spin running fastest."""
    reference = json.loads((FOLDER / "WTe2_1L_zeeman_small_ref.json").read_text(encoding="utf-8"))
    lattice = np.diag(reference["lattice_Ang"]) / 10
    counts = reference["orbitals_per_atom"]
    atoms = [np.array(atom[1:]) @ lattice for atom in reference["atoms_direct"]]
    positions = np.concatenate([np.tile(atom, (2 * n, 1)) for atom, n in zip(atoms, counts, strict=True)])
    path = FOLDER / "WTe2_1L_zeeman_hr.dat.gz"
    return sg.read_wannier90(path, lattice=lattice, positions=positions, fermi_energy=-0.1746, dim=2)


def run(rtol: float, max_k_points: int | None = None) -> xr.Dataset:
    """One call for all levels; prints what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    ds = sg.conductivity(monolayer(), LEVELS, 1e-3, rtol=rtol, progress=False, max_k_points=max_k_points)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    state = "converged" if ds.attrs["converged"] else "not converged"
    print(f"rtol {rtol:g}: {ds.attrs['k_points']} k-points, {cpu:.0f} s of CPU, {wall:.0f} s, {state}")
    return ds


def main() -> None:
    """Print value, error and, with --check, the distance from the finer run, for the largest entry of each tensor."""
    numbers = [a for a in sys.argv[1:] if not a.startswith("-")]
    rtol = float(numbers[0]) if numbers else 5e-2
    ds = run(rtol)
    finer = run(rtol / 10, 2_000_000) if "--check" in sys.argv else None
    print("term     mu/eV        value      error  relative" + ("  distance/error" if finer is not None else ""))
    for term in ("drude", "bcd", "qm"):
        for n, mu in enumerate(LEVELS):
            value = ds[f"{term}_natural"].values[0, n]
            error = ds[f"{term}_natural_error"].values[0, n].max()
            largest = value.ravel()[np.abs(value).argmax()]
            line = f"{term:6s} {mu:6.3f} {largest:12.5g} {error:10.2g} {error / abs(largest):9.2g}"
            if finer is not None:
                line += f" {np.abs(value - finer[f'{term}_natural'].values[0, n]).max() / error:9.2g}"
            print(line)


if __name__ == "__main__":
    main()
