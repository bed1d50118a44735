"""Models whose symmetry is known by construction."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import sigmaijk as sg

ONE, X, Y, Z = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])

# Orbitals of the WTe2 files: W first, then Te, each with spin fastest. x is 0 or -1/2; y is that of the atom of POSCAR
# that makes the spread of the hoppings smallest. (WTe2_1L_zeeman_small_ref.json lists Te first; the exact mirror of H
# is lost then.)
WTE2_SITES = [(0, 0.600375, 10), (-0.5, -0.044004, 10), (-0.5, -0.302730, 6), (0, 0.204200, 6), (-0.5, 0.352028, 6)]
WTE2_SITES += [(0, -0.142260, 6)]
WTE2_LATTICE = np.diag([0.35185995102, 0.6302336216, 3.00115528107])


def wte2(data_dir: Path, name: str) -> sg.LatticeModel:
    """Monolayer WTe2 with its orbitals where they are."""
    rows = np.concatenate([np.tile([x, y, 0.0], (count, 1)) for x, y, count in WTE2_SITES])
    return sg.read_wannier90(data_dir / name, lattice=WTE2_LATTICE, positions=rows @ WTE2_LATTICE, dim=2)


def zincblende(dots: float = 0.3, reversed_ions: bool = False, basis: object = None) -> sg.LatticeModel:
    """GaAs-like: s orbitals with spin on the two sublattices, nearest neighbours and the spin-orbit hopping of -43m.

    The hoppings between next neighbours of A carry i s.(d1 x d2), d1 and d2 the bonds on the way (KANE_MELE in space).
    `basis` holds the rows of the lattice in units of the usual ones.
    """
    bonds = 0.25 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    if reversed_ions:
        bonds = -bonds
    lattice = 0.5 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    lattice = lattice if basis is None else np.asarray(basis) @ lattice
    blocks: dict[tuple[int, ...], np.ndarray] = {(0, 0, 0): np.kron(np.diag([0.6, -0.6]), ONE).astype(complex)}

    def add(R: np.ndarray, block: np.ndarray) -> None:
        key = tuple(int(x) for x in np.rint(R))
        blocks[key] = blocks.get(key, np.zeros((4, 4), complex)) + block
        back = tuple(-x for x in key)
        blocks[back] = blocks.get(back, np.zeros((4, 4), complex)) + block.conj().T

    for bond in bonds:
        add((bond - bonds[0]) @ np.linalg.inv(lattice), np.kron([[0, 1], [0, 0]], -1.0 * ONE))
    for a, first in enumerate(bonds):
        for second in bonds[a + 1 :]:
            axis = 16 * np.cross(first, second)
            spin = np.einsum("a,aij->ij", axis, [X, Y, Z])
            R = (second - first) @ np.linalg.inv(lattice)
            add(R, np.kron(np.diag([1.0, 0.0]), 0.1j * dots * spin))
    positions = np.repeat([np.zeros(3), bonds[0]], 2, axis=0)
    return sg.LatticeModel(lattice, blocks, positions=positions, name="zincblende")


def spiral(tilt: float = 0.0) -> sg.ContinuumModel:
    """d(kx) goes round a small circle: Mx leaves E, v, w, G (and Omega = 0) alone but no matrix takes H along."""

    def H(kx, ky):
        c, s = np.cos(0.7), np.sin(0.7)
        energy = 0.5 * (kx**2 + ky**2) + 0.3 * ky**3 + 0.3 * ky**4 + tilt * kx
        gap = 0.3 + 0.2 * ky**2  # else G is constant along y and its dipole vanishes
        return energy * ONE + gap * (s * np.cos(2 * kx) * X + s * np.sin(2 * kx) * Y + c * Z)

    return sg.ContinuumModel(H, 2, name="spiral")


def weyl(chirality: int = 1) -> sg.ContinuumModel:
    """H = k.sigma: all rotations and time reversal, no inversion."""
    return sg.ContinuumModel(lambda kx, ky, kz: chirality * (kx * X + ky * Y + kz * Z), 3, name="weyl")


def cubic_44(rng: np.random.Generator) -> sg.LatticeModel:
    """44 bands on a cube with the whole m-3m1': 22 orbitals at one place, mixed by a random rotation, twice."""
    turn, _ = np.linalg.qr(rng.normal(size=(44, 44)) + 1j * rng.normal(size=(44, 44)))

    def block(diagonal: np.ndarray) -> np.ndarray:
        return turn @ np.diag(np.repeat(diagonal, 2)) @ turn.conj().T

    hoppings = {(0, 0, 0): block(rng.normal(size=22))}
    amplitudes = 0.2 * rng.normal(size=22)
    for axis in range(3):
        R = tuple(int(axis == a) for a in range(3))
        hoppings[R] = hoppings[tuple(-r for r in R)] = block(amplitudes)
    return sg.LatticeModel(0.4 * np.eye(3), hoppings, name="cubic, 44 bands")
