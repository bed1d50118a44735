"""Write cumnas_tb.dat, a small file in the format of Wannier90, from the lattice model of CuMnAs (n = (0.8, 0, 0.6)).

Usage: PYTHONPATH=src python docs/examples/write_cumnas_tb.py [path]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from sigmaijk.models.cumnas import _hoppings

A = 3.82
"""Side of the cell, angstrom."""


def main() -> None:
    """Lattice, ndegen, H(R) in eV and r(R) in angstrom, the first index running fastest."""
    blocks = _hoppings(1.0, np.array([0.8, 0.0, 0.6]))
    centres = A * np.repeat([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0]], 2, axis=0)
    lines = ["CuMnAs, lattice model of PRL 118, 106402 with t = 1 eV, Neel vector along (0.8, 0, 0.6)"]
    lines += ["  ".join(f"{x:.6f}" for x in row) for row in np.diag([A, A, 20.0])]
    lines += ["4", str(len(blocks)), " ".join("1" for _ in blocks)]
    for R, block in sorted(blocks.items()):
        lines += ["", f"{R[0]} {R[1]} 0"]
        lines += [
            f"{m + 1} {n + 1} {block[m, n].real:.10f} {block[m, n].imag:.10f}" for n in range(4) for m in range(4)
        ]
    for R in sorted(blocks):
        lines += ["", f"{R[0]} {R[1]} 0"]
        for n in range(4):
            for m in range(4):
                place = centres[m] if m == n and R == (0, 0) else np.zeros(3)
                lines.append(f"{m + 1} {n + 1} " + " ".join(f"{x:.10f} 0.0" for x in place))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("cumnas_tb.dat")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
