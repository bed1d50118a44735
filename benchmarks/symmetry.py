"""What a reduction of k-space by symmetry saves: `python benchmarks/symmetry.py [NAME ..] [--te FILE]`.

For each model, at T = 0 and kT > 0: points of the full and the reduced run, their ratio over the order of the group on
k, and the largest difference of the two results over their errors together.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import sigmaijk as sg

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from cases.crystals import dirac3d, weyl3d
from cases.symmetric import points, tetrahedral_band

ALL = ("drude", "bcd", "qm")
CASES = [
    ("cubic", tetrahedral_band(), 0.25, (0.0, 1e-4), ("drude",)),
    ("cubic", tetrahedral_band(), 0.25, (0.1, 1e-3), ("drude",)),
    ("face-centred cubic", tetrahedral_band("face-centred"), 0.25, (0.0, 1e-4), ("drude",)),
    ("face-centred cubic", tetrahedral_band("face-centred"), 0.25, (0.1, 1e-3), ("drude",)),
    ("body-centred cubic", tetrahedral_band("body-centred"), 0.25, (0.0, 1e-4), ("drude",)),
    ("body-centred cubic", tetrahedral_band("body-centred"), 0.25, (0.1, 1e-3), ("drude",)),
    ("hexagonal", sg.models.chiral_crystal(), -1.5, (0.0, 1e-4), ALL),
    ("hexagonal", sg.models.chiral_crystal(), -1.5, (0.1, 1e-3), ALL),
    ("tetragonal, PT", dirac3d(), 0.5, (0.0, 1e-4), ALL),
    ("monoclinic", weyl3d(), 0.5, (0.0, 1e-4), ALL),
    ("hexagonal plane", sg.models.haldane(), -1.2, (0.0, 1e-6), ("drude",)),
    ("hexagonal plane", sg.models.haldane(), -1.2, (0.1, 1e-6), ("drude",)),
    ("rectangular plane", sg.models.dirac_pt_lattice(), 0.3, (0.0, 1e-6), ("drude", "qm")),
    ("rectangular plane", sg.models.dirac_pt_lattice(), 0.3, (0.05, 1e-4), ("drude", "qm")),
    ("k.p plane", sg.models.dirac_pt(), 0.25, (0.0, 1e-6), ("drude", "qm")),
    ("k.p plane", sg.models.dirac_pt(), 0.25, (0.02, 1e-6), ("drude", "qm")),
]


def row(name: str, model, mu: float, kT: float, rtol: float, terms: tuple[str, ...]) -> str:
    """One line of the table."""
    runs, seconds = [], []
    for symmetry in (False, True):
        started = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs.append(sg.conductivity(model, mu, kT, terms=terms, rtol=rtol, symmetry=symmetry, progress=False))
        seconds.append(time.process_time() - started)
    full, reduced = runs
    order = reduced.attrs["symmetry_order"]
    worst = 0.0
    for term in terms:
        difference = np.abs(full[f"{term}_natural"].values - reduced[f"{term}_natural"].values)
        errors = full[f"{term}_natural_error"].values + reduced[f"{term}_natural_error"].values
        worst = max(worst, float((difference / np.maximum(errors, 1e-300)).max()))
    ratio = points(full) / points(reduced)
    flag = "" if full.attrs["converged"] and reduced.attrs["converged"] else "  not converged"
    return (
        f"{name:20} {kT:6g} {rtol:7g} {order:5d} {points(full):9,d} {points(reduced):9,d} "
        f"{ratio / order:6.2f} {worst:8.3f} {seconds[0]:7.1f} {seconds[1]:7.1f}{flag}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="models whose names contain one of these")
    parser.add_argument("--te", help="a Wannier90 file: its Berry curvature dipole at 6 eV and 20 meV")
    wanted = parser.parse_args()
    print(
        f"{'model':20} {'kT':>6} {'rtol':>7} {'|G_k|':>5} {'full':>9} {'reduced':>9} {'saving':>6} {'diff/err':>8} "
        "  CPU s full and reduced"
    )
    for name, model, mu, (kT, rtol), terms in CASES:
        if not wanted.names or any(one in name for one in wanted.names):
            print(row(name, model, mu, kT, rtol, terms), flush=True)
    if wanted.te:
        print(row("file", sg.read_wannier90(wanted.te), 6.0, 0.02, 1e-1, ("bcd",)))


if __name__ == "__main__":
    main()
