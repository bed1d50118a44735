"""Operations on a cell: orbits of points, meshes they leave alone, and integrals over one part in place of all."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaijk.levelset.action import Action
from sigmaijk.levelset.elements import Peaks
from sigmaijk.levelset.engine import integrate
from sigmaijk.levelset.mesh import Mesh
from sigmaijk.levelset.periodic import trapezoid
from sigmaijk.levelset.samples import Cell, OutOfPoints, Sample, Samples
from sigmaijk.levelset.simplices import Goal
from sigmaijk.levelset.simplices import integrate as simplices
from sigmaijk.levelset.tiling import flags, steps_of
from sigmaijk.symmetry.candidates import lattice_candidates
from support import assert_same

ROOT = np.sqrt(0.75)
LATTICES = {
    "square": (np.eye(2), 8),
    "oblique": (np.array([[1, 0.3], [-0.7, 0.9]]), 2),
    "centred": (np.array([[1, 0.3], [1, -0.3]]), 4),
    "hexagonal": (np.array([[1, 0], [-0.5, ROOT]]), 12),
    "hexagonal, left-handed and skewed": (np.array([[2.5, ROOT], [1, 0]]), 12),
    "cubic": (np.eye(3), 48),
    "face-centred": (np.array([[0, 1.0, 1], [1, 0, 1], [1, 1, 0]]), 48),
    "body-centred": (np.array([[-1.0, 1, 1], [1, -1, 1], [1, 1, -1]]), 48),
    "hexagonal in space": (np.array([[1, 0, 0], [-0.5, ROOT, 0], [0, 0, 1.6]]), 24),
    "rhombohedral": (np.array([[1, 0.2, 0.2], [0.2, 1, 0.2], [0.2, 0.2, 1]]), 12),
    "body-centred tetragonal": (np.array([[-1.0, 1, 1.3], [1, -1, 1.3], [1, 1, -1.3]]), 16),
}


def case(name: str, *, reduced: bool = True):
    """A sheet with all operations of a lattice, its cell, and how often it was called."""
    lattice, order = LATTICES[name]
    dim, maps = len(lattice), np.array([one.rotation for one in lattice_candidates(lattice)])
    assert len(maps) == order
    reach = {2: 6, 3: 2}[dim]  # so far for the shells of a skewed basis
    steps = np.array(list(np.ndindex(*(2 * reach + 1,) * dim))) - reach
    vectors = steps @ lattice
    length = np.linalg.norm(vectors, axis=1)
    shells = [1.0, 0.3] if dim == 2 else [1.0]
    sizes = np.unique(np.round(length[length > 1e-9], 6))[: len(shells)]
    amplitude = sum(-t * (np.abs(length - r) < 1e-5) for t, r in zip(shells, sizes, strict=True))

    def sampler(k):
        phase = k @ vectors.T
        energy = np.cos(phase) @ amplitude
        velocity = -(np.sin(phase) * amplitude) @ vectors
        square = (velocity**2).sum(axis=1)
        integrand = np.stack([np.ones(len(k)), square, square + 1.0, np.zeros(len(k))], axis=1)
        return Sample(energy[:, None], velocity[:, None], integrand[:, None], np.zeros((len(k), 1)))

    reciprocal = 2 * np.pi * np.linalg.inv(lattice).T
    divisions = (8,) * dim if dim == 2 else (6,) * dim
    if not reduced:
        return sampler, Cell(np.array([0.0137, 0.0071, 0.0193])[:dim] @ reciprocal, reciprocal, True, divisions)
    action = Action.of(maps, reciprocal, True)
    assert action is not None
    found = steps_of(action, divisions)
    return sampler, Cell(np.zeros(dim), reciprocal, True, found.divisions, action, found.factor)


GOALS = [Goal(slice(0, 2), 2, 0.0, np.eye(2))]


@pytest.mark.parametrize("name", LATTICES)
def test_flags_fill_a_tile_and_operations_exchange_them_freely(name):
    _, cell = case(name)
    assert cell.action is not None
    found, parts = flags(cell.action)
    dim = cell.dim
    volume = np.abs(np.linalg.det((found[:, 1:] - found[:, :1]) / parts)).sum() / (2 if dim == 2 else 6)
    assert volume == pytest.approx(1.0, abs=1e-12)
    assert len(found) % cell.order == 0
    centres = {tuple(x) for x in found.sum(axis=1).tolist()}
    for matrix in cell.action.fractions:
        assert {tuple(x) for x in (found.sum(axis=1) @ matrix).tolist()} == centres


@pytest.mark.parametrize("name", ["centred", "hexagonal, left-handed and skewed", "face-centred", "hexagonal in space"])
def test_refined_meshes_stay_invariant_and_samples_are_copied_right(name):
    sampler, cell = case(name)
    samples = Samples(sampler, cell, 10**6)
    mesh = Mesh.first(samples, tuple(2 * n for n in cell.divisions))
    rng = np.random.default_rng(3)
    for _ in range(3):
        mesh = mesh.bisect(rng.random(len(mesh)) < 0.003)
    edges = np.diff(mesh.corners(), axis=1)
    volume = np.abs(np.linalg.det(edges)) / (2 if cell.dim == 2 else 6)
    assert volume.sum() == pytest.approx(cell.volume, rel=1e-12)
    assert cell.order * volume[mesh.inside].sum() == pytest.approx(cell.volume, rel=1e-12)
    every = sampler(samples.points(np.arange(samples.count)))
    assert samples.count > 1.5 * samples.paid
    assert_same(samples.velocity, every.velocity, rtol=1e-11, floor=0.1)
    assert_same(samples.energy, every.energy, rtol=1e-11, floor=0.1)


def test_only_orbits_are_paid_for_and_counted_before_anything_is_sampled():
    sampler, cell = case("square")
    samples = Samples(sampler, cell, 3)
    star = np.array([[1, 2], [2, 1], [-1, 2], [5, 5]], dtype=np.int64) << 20
    assert samples.missing(star) == 2
    samples.index(star)
    assert (samples.paid, samples.count, samples.missing(-star)) == (2, 4, 0)
    with pytest.raises(OutOfPoints):
        samples.index(np.array([[3, 7], [4, 9]], dtype=np.int64) << 20)
    assert (samples.paid, samples.count) == (2, 4)


@pytest.mark.parametrize("name", LATTICES)
def test_patches_of_one_part_give_the_level_sets_of_all(name):
    whole, reduced = (
        integrate(
            *case(name, reduced=r),
            Peaks.at(np.array([-0.9]), np.zeros(1)),
            GOALS,
            rtol=1e-6,
            degeneracy_tol=1e-9,
            max_points=500_000,
        )
        for r in (False, True)
    )
    assert whole.converged.all()
    assert reduced.converged.all()
    assert np.abs(whole.value).max() > 1.0
    assert (np.abs(whole.value - reduced.value) <= 3.0 * (whole.error + reduced.error) + 1e-12).all()
    order = LATTICES[name][1]
    assert whole.points / reduced.points > (0.25 if order > 10 else 0.6) * order


@pytest.mark.parametrize("name", ["square", "hexagonal"])
@pytest.mark.parametrize("engine", [trapezoid, simplices, integrate])
def test_every_engine_agrees_under_bumps(name, engine):
    peaks = Peaks.at(np.array([-0.9, 0.2]), np.array([0.3, 0.3]))
    found = [
        engine(*case(name, reduced=r), peaks, GOALS, rtol=1e-2, degeneracy_tol=1e-9, max_points=300_000)
        for r in (False, True)
    ]
    exact = trapezoid(*case(name), peaks, GOALS, rtol=1e-8, degeneracy_tol=1e-9, max_points=10**6)
    assert found[1].points < found[0].points / 3
    for one in found:
        assert one.converged.all()
        assert (np.abs(one.value - exact.value) <= 3.0 * one.error + 1e-6 * np.abs(exact.value)).all()
