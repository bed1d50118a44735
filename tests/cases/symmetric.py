"""Lattice models that have a group of operations by construction, and runs with and without it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from itertools import permutations, product

import numpy as np

import sigmaijk as sg
from sigmaijk.symmetry import Operation

CUBES = {
    "simple": np.eye(3),
    "face-centred": 0.5 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    "body-centred": 0.5 * np.array([[-1.0, 1, 1], [1, -1, 1], [1, 1, -1]]),
}
TETRAHEDRAL = [
    np.diag(signs)[:, list(order)]
    for order in permutations(range(3))
    for signs in product((1.0, -1.0), repeat=3)
    if np.prod(signs) > 0
]
"""The 24 rotations, proper or not, that leave xyz alone."""


def tetrahedral_band(cube: str = "simple", odd: float = 0.3) -> sg.LatticeModel:
    """One band on a cubic lattice with E(-k) != E(k): 24 parts of k, and sigma_xyz alone of the Drude term."""
    lattice = CUBES[cube]
    near = {"simple": (1.0, 0.0, 0.0), "face-centred": (0.5, 0.5, 0.0), "body-centred": (0.5, 0.5, 0.5)}[cube]
    uneven = {"simple": (1.0, 1.0, 1.0), "face-centred": (1.0, 0.5, 0.5), "body-centred": (0.5, 0.5, 0.5)}[cube]
    even, twisted = orbit(near, [*TETRAHEDRAL, *(-R for R in TETRAHEDRAL)]), orbit(uneven, TETRAHEDRAL)
    hoppings: dict[tuple[int, ...], np.ndarray] = {}
    for vectors, size in ((even, -3.0 / len(even) + 0j), (twisted, 1j * odd / len(twisted))):
        for vector in vectors:
            for sign in (1, -1):
                R = tuple(int(x) for x in np.rint(sign * vector @ np.linalg.inv(lattice)))
                share = 0.5 * (size if sign > 0 else np.conj(size))
                hoppings[R] = hoppings.get(R, np.zeros((1, 1), complex)) + share
    return sg.LatticeModel(lattice, hoppings, name=f"tetrahedral band, {cube}")


def orbit(vector: Sequence[float], rotations: Iterable[np.ndarray]) -> np.ndarray:
    """All images of a vector, each once."""
    images = np.array([R @ np.asarray(vector) for R in rotations])
    return np.unique(np.round(images, 9), axis=0)


def symmetrised(
    lattice: np.ndarray, operations: Sequence[Operation], bands: int, seed: int, reach: int = 1
) -> sg.LatticeModel:
    """Random hoppings between scalar orbitals at the lattice points, averaged over a group that maps the lattice."""
    rng = np.random.default_rng(seed)
    dim, inverse = len(lattice), np.linalg.inv(lattice)
    hoppings: dict[tuple[int, ...], np.ndarray] = {}
    for R in product(range(-reach, reach + 1), repeat=dim):
        block = rng.normal(size=(bands, bands)) + 1j * rng.normal(size=(bands, bands))
        block = block * 0.4 ** sum(map(abs, R)) + (2.0 * np.diag(np.arange(bands)) if not any(R) else 0.0)
        for one in operations:
            image = tuple(int(x) for x in np.rint(one.rotation @ (np.array(R) @ lattice) @ inverse))
            turned = block.conj() if one.time_reversal else block
            for vector, part in ((image, turned), (tuple(-x for x in image), turned.conj().T)):
                hoppings[vector] = hoppings.get(vector, np.zeros((bands, bands), complex)) + part / len(operations)
    return sg.LatticeModel(lattice, hoppings, name=f"random, {len(operations)} operations")


def both(model, mu, kT, *, symmetry: object = True, **options):
    """The same conductivity over all of k-space, and reduced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [sg.conductivity(model, mu, kT, symmetry=s, progress=False, **options) for s in (False, symmetry)]


def points(ds) -> int:
    """k-points of a run, less those for what its attributes say of the group."""
    return ds.attrs["k_points"] - ds.attrs["k_points_symmetry"]


def apart(whole, reduced, term: str) -> float:
    """Largest difference of a term in units of both errors together."""
    difference = np.abs(whole[f"{term}_natural"].values - reduced[f"{term}_natural"].values)
    errors = [ds[f"{term}_natural_error"].values for ds in (whole, reduced)]
    known = np.isfinite(errors[0]) & np.isfinite(errors[1])
    total = np.where(known, errors[0] + errors[1], 1.0)
    return float(np.max(np.where(known, difference, 0.0) / np.maximum(total, 1e-300), initial=0.0))
