"""Files as Wannier90 writes them, from a tight-binding model that is known: on a k mesh, in a Wigner-Seitz cell."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Blocks = dict[tuple[int, ...], np.ndarray]


@dataclass(frozen=True)
class Known:
    """Short-range H(R) (n, n) in eV and r(R) (3, n, n) in angstrom; lattice rows and centres in angstrom."""

    lattice: np.ndarray
    centres: np.ndarray
    hoppings: Blocks
    positions: Blocks


def known_model(seed: int = 3, cutoff: float = 7.0, functions: int = 3) -> Known:
    """Random, Hermitian; entries only where the two centres are closer than the cutoff, half of a 4 x 3 supercell."""
    rng = np.random.default_rng(seed)
    lattice = np.array([[4.0, 0.0, 0.0], [1.0, 5.0, 0.0], [0.0, 0.0, 20.0]])
    centres = np.array([[0.02, 0.01, 0.0], [0.9, 0.7, 0.02], [-0.5, 0.6, 0.01]]) @ lattice
    n = functions
    centres = centres[np.arange(n) % 3]
    hoppings: Blocks = {}
    positions: Blocks = {}
    for R in itertools.product(range(-4, 5), range(-4, 5), (0,)):
        opposite = tuple(-entry for entry in R)
        apart = np.array(R) @ lattice + centres[None, :] - centres[:, None]
        near = np.linalg.norm(apart, axis=-1) < cutoff
        if not near.any():
            continue
        energy = near * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        shift = 0.1 * near * (rng.normal(size=(3, n, n)) + 1j * rng.normal(size=(3, n, n)))
        if opposite in hoppings:
            energy, shift = hoppings[opposite].conj().T, positions[opposite].conj().swapaxes(1, 2)
        if not any(R):
            energy, shift = energy + energy.conj().T, shift + shift.conj().swapaxes(1, 2)
            np.einsum("aii->ai", shift)[...] = centres.T
        hoppings[R], positions[R] = np.round(energy, 9), np.round(shift, 9)
    return Known(lattice, np.round(centres, 9), hoppings, positions)


def wigner_seitz(lattice: np.ndarray, mesh: tuple[int, int, int]) -> dict[tuple[int, ...], int]:
    """R no farther from the origin than from any other point of the supercell lattice, with the number that tie."""
    found: dict[tuple[int, ...], int] = {}
    others = np.array(list(itertools.product(range(-2, 3), repeat=3))) * mesh
    for R in itertools.product(*[range(-2 * m, 2 * m + 1) for m in mesh]):
        distances = np.linalg.norm((np.array(R) - others) @ lattice, axis=1)
        if distances.min() > np.linalg.norm(np.array(R) @ lattice) - 1e-6:
            found[R] = int((distances < distances.min() + 1e-6).sum())
    return found


def closest_translations(known: Known, R: tuple[int, ...], m: int, n: int, mesh: tuple[int, int, int]) -> np.ndarray:
    """The supercell translations that bring function n at R closest to function m in the home cell, by trying all."""
    shifts = np.array(list(itertools.product(range(-3, 4), repeat=3))) * mesh
    apart = (np.array(R) + shifts) @ known.lattice + known.centres[n] - known.centres[m]
    distances = np.linalg.norm(apart, axis=1)
    return shifts[distances < distances.min() + 1e-5]


def on_mesh(blocks: Blocks, R: tuple[int, ...], mesh: tuple[int, int, int]) -> np.ndarray:
    """What a Fourier sum over the k mesh returns at R: everything that differs by a supercell vector."""
    same = [block for S, block in blocks.items() if not np.any((np.array(S) - R) % mesh)]
    return np.sum(same, axis=0) if same else np.zeros_like(next(iter(blocks.values())))


@dataclass(frozen=True)
class Texts:
    """The texts of the files."""

    tb: str
    hr: str
    r: str
    wsvec: str
    centres: str
    win: str
    poscar: str

    def write(self, folder: Path, stem: str, *endings: str) -> Path:
        """Writes `stem` + each ending; returns the first."""
        known = {"_tb.dat": self.tb, "_hr.dat": self.hr, "_r.dat": self.r, "_wsvec.dat": self.wsvec}
        known |= {"_centres.xyz": self.centres, ".win": self.win, "POSCAR": self.poscar}
        for ending in endings:
            (folder / (stem + ending)).write_text(known[ending])
        return folder / (stem + endings[0])


def texts(known: Known, mesh: tuple[int, int, int]) -> Texts:
    n = len(known.centres)
    vectors = wigner_seitz(known.lattice, mesh)
    pairs = [(a, b) for b in range(n) for a in range(n)]  # the first index runs fastest
    counts = f"{n:12d}\n{len(vectors):12d}\n"
    degeneracies = _degeneracies(list(vectors.values()))
    rows = "\n".join("".join(f"{x:18.10f}" for x in row) for row in known.lattice) + "\n"
    hr, r = [], []
    tb_h, tb_r = [], []
    records = ["## written on 21Oct2021 at 11:56:00  with use_ws_distance=.true.\n"]
    for R in vectors:
        head = "".join(f"{x:5d}" for x in R)
        energy, shift = on_mesh(known.hoppings, R, mesh), on_mesh(known.positions, R, mesh)
        tb_h.append(f"\n{head}\n")
        tb_r.append(f"\n{head}\n")
        for a, b in pairs:
            pair = f"{a + 1:5d}{b + 1:5d}"
            value = f"{energy[a, b].real:19.10f}{energy[a, b].imag:19.10f}\n"
            values = "".join(f"{x.real:19.10f}{x.imag:19.10f}" for x in shift[:, a, b]) + "\n"
            hr.append(head + pair + value)
            r.append(head + pair + values)
            tb_h.append(pair + "   " + value)
            tb_r.append(pair + "   " + values)
        for a in range(n):
            for b in range(n):
                moves = closest_translations(known, R, a, b, mesh)
                records.append(f"{head}{a + 1:5d}{b + 1:5d}\n{len(moves):5d}\n")
                records += ["".join(f"{x:5d}" for x in move) + "\n" for move in moves]
    centres = "".join("X " + "".join(f"{x:19.10f}" for x in row) + "\n" for row in known.centres)
    centres = f"{n + 1:6d}\n Wannier centres, written by a test\n{centres}Bi  0.0 0.0 0.0\n"
    win = f"num_wann = {n}\n! a comment\nBegin Unit_Cell_Cart\nAng\n{rows}End Unit_Cell_Cart\n"
    return Texts(
        tb=" written by a test\n" + rows + counts + degeneracies + "".join(tb_h) + "".join(tb_r),
        hr=" written by a test\n" + counts + degeneracies + "".join(hr),
        r=" written by a test\n" + counts + "".join(r),
        wsvec="".join(records),
        centres=centres,
        win=win,
        poscar="a slab\n1.0\n" + rows + "Bi\n1\nDirect\n0 0 0\n",
    )


def _degeneracies(values: list[int]) -> str:
    lines = [values[start : start + 15] for start in range(0, len(values), 15)]
    return "".join("".join(f"{value:5d}" for value in line) + "\n" for line in lines)
