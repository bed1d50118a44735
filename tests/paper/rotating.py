"""Random crystals in the plane with an n-fold axis and nothing else, and the averaging of tensors over that axis."""

from __future__ import annotations

from itertools import product

import numpy as np

import sigmaijk as sg

ORBITALS = 3
QUARTER = np.array([[0, -1], [1, 0]])
SIXTH = np.array([[1, -1], [1, 0]])
"""Rotations by 90 and 60 degrees in the lattice vectors of the square and the triangular lattice."""


def turn(n: int) -> np.ndarray:
    """C_n^z in Cartesian axes."""
    angle = 2 * np.pi / n
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def averaged(tensor: np.ndarray, n: int) -> np.ndarray:
    """The part of T_ijk that C_n^z leaves as it is."""
    images = []
    for power in range(n):
        Q = np.linalg.matrix_power(turn(n), power)
        images.append(np.einsum("ai,bj,ck,ijk->abc", Q, Q, Q, tensor))
    return np.mean(images, axis=0)


def crystal(rng: np.random.Generator, n: int, *, symmetric: bool) -> sg.LatticeModel:
    """Three orbitals of angular momenta 0, 1, 2 and random complex hoppings, with or without C_n^z."""
    square = n in (2, 4)
    lattice = np.eye(2) if square else np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)]])
    generator = np.linalg.matrix_power(QUARTER if square else SIXTH, (4 if square else 6) // n)
    near = [R for R in product((-1, 0, 1), repeat=2) if square or abs(R[0] - R[1]) <= 1]
    blocks = {R: 0.4 * (rng.normal(size=(ORBITALS,) * 2) + 1j * rng.normal(size=(ORBITALS,) * 2)) for R in near}
    blocks = {R: block + blocks[-R[0], -R[1]].conj().T for R, block in blocks.items()}
    blocks[0, 0] = blocks[0, 0] + np.diag([-4.0, 0.0, 4.0])
    if symmetric:
        blocks = {R: _mean_of_images(blocks, R, generator, n) for R in near}
    return sg.LatticeModel(lattice, blocks)


def _mean_of_images(
    blocks: dict[tuple[int, int], np.ndarray], R: tuple[int, int], generator: np.ndarray, n: int
) -> np.ndarray:
    images = []
    for power in range(n):
        source = np.linalg.matrix_power(generator, n - power) @ R
        U = np.diag(np.exp(2j * np.pi * power * np.arange(ORBITALS) / n))
        images.append(U @ blocks[int(source[0]), int(source[1])] @ U.conj().T)
    return np.mean(images, axis=0)
