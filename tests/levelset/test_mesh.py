"""Conforming meshes by bisection: nothing lost, nothing hanging, no simplex worse than those of the first steps."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from sigmaijk.levelset.mesh import Mesh
from sigmaijk.levelset.samples import Cell, OutOfPoints, Sample, Samples
from support import assert_same

SETTINGS = [(2, True), (2, False), (3, True), (3, False)]


def nothing(k: np.ndarray) -> Sample:
    one = np.zeros((len(k), 1))
    return Sample(one, np.zeros((*k.shape[:1], 1, k.shape[1])), one[..., None], one)


def first(dim: int, periodic: bool, limit: int = 10**6) -> Mesh:
    # Four parts: with fewer, periodic images of a vertex share a simplex, and vertices do not tell faces apart.
    samples = Samples(nothing, Cell(np.zeros(dim), np.eye(dim), periodic, (4,) * dim), limit)
    return Mesh.first(samples, (4,) * dim)


def marks(mesh: Mesh, step: int, rng: np.random.Generator) -> np.ndarray:
    """Ever closer to a corner of the cell, and a few anywhere."""
    away = np.linalg.norm(mesh.corners().mean(axis=1) - 0.01, axis=1)
    return (away < 0.8 ** (step + 1)) | (rng.random(len(mesh)) < 0.02)


def refined(dim: int, periodic: bool, steps: int = 8) -> Mesh:
    mesh, rng = first(dim, periodic), np.random.default_rng(dim)
    for step in range(steps):
        mesh = mesh.bisect(marks(mesh, step, rng))
    return mesh


def volumes(mesh: Mesh) -> np.ndarray:
    corners = mesh.corners()
    return np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / factorial(corners.shape[2])


def plainly_bisected(mesh: Mesh, marked: np.ndarray) -> set[tuple[int, ...]]:
    """The plain twin of `bisect`: cut, then look at every edge of every simplex, until no vertex hangs."""
    simplices = list(zip(mesh.vertices.tolist(), mesh.tag.tolist(), marked.tolist(), strict=True))
    period = mesh.samples.steps if mesh.samples.cell.periodic else 4 * mesh.samples.steps
    fresh: set[tuple[int, ...]] = set()

    def middle(a: list[int], b: list[int]) -> tuple[int, ...]:
        return tuple(((np.array(a) + b) / 2 % period).tolist())

    while any(cut for *_, cut in simplices):
        after = [(v, t) for v, t, cut in simplices if not cut]
        for v, t, cut in simplices:
            if cut:
                new = ((np.array(v[0]) + v[t]) // 2).tolist()
                fresh.add(middle(v[0], v[t]))
                dim = len(v) - 1
                after.append(([*v[:t], new, *v[t + 1 :]], t - 1 or dim))
                after.append(([*v[1 : t + 1], new, *v[t + 1 :]], t - 1 or dim))
        simplices = [(v, t, any(middle(a, b) in fresh for a, b in combinations(v, 2))) for v, t in after]
    return {tuple(np.ravel(v).tolist()) for v, *_ in simplices}


@pytest.mark.parametrize(("dim", "periodic"), SETTINGS)
def test_bisection_conserves_the_volume(dim, periodic):
    mesh = refined(dim, periodic)
    print(f"{len(mesh)} simplices, generations {mesh.generation.min()} to {mesh.generation.max()}")
    assert np.ptp(mesh.generation) >= 6
    assert_same(volumes(mesh).sum(), 1.0, rtol=1e-12, floor=0.5)


@pytest.mark.parametrize(("dim", "periodic"), SETTINGS)
def test_every_face_has_two_sides(dim, periodic):
    mesh = refined(dim, periodic)
    of = [list(corners) for corners in combinations(range(dim + 1), dim)]
    keys = np.concatenate([np.sort(mesh.samples.key(mesh.vertices[:, corners]), axis=1) for corners in of])
    places = np.concatenate([mesh.vertices[:, corners] for corners in of])
    _, row, count = np.unique(keys, axis=0, return_index=True, return_counts=True)
    alone = places[row[count == 1]]
    # All corners of a face without a neighbour lie on the same side of the box.
    outside = ((alone == 0).all(axis=1) | (alone == mesh.samples.steps).all(axis=1)).any(axis=1)
    assert count.max() == 2
    assert len(alone) == 0 if periodic else len(alone) > 0
    assert outside.all()


@pytest.mark.parametrize(("dim", "worst"), [(2, 1 / 4), (3, 1 / 12 / 2**1.5)])
def test_simplices_stay_of_the_first_shapes(dim, worst):
    """Volume over longest edge to the power d of the Kuhn simplex cut fewer than d times; more cuts repeat them."""
    mesh = refined(dim, True, 12)
    corners = mesh.corners()
    longest = np.zeros(len(mesh))
    for a, b in combinations(range(dim + 1), 2):
        longest = np.maximum(longest, np.linalg.norm(corners[:, a] - corners[:, b], axis=1))
    quality = volumes(mesh) / longest**dim
    assert_same(quality.min(), worst, rtol=1e-9, floor=1e-3)


@pytest.mark.parametrize(("dim", "periodic"), SETTINGS)
def test_the_closure_cuts_what_the_plain_one_cuts(dim, periodic):
    mesh, rng = first(dim, periodic), np.random.default_rng(7)
    for step in range(4):
        marked = marks(mesh, step, rng)
        finer = mesh.bisect(marked)
        assert {tuple(v) for v in finer.vertices.reshape(len(finer), -1).tolist()} == plainly_bisected(mesh, marked)
        mesh = finer


@pytest.mark.parametrize(("dim", "periodic"), SETTINGS)
def test_nodes_and_survivors_belong_to_the_vertices(dim, periodic):
    mesh = refined(dim, periodic, 6)
    finer = mesh.bisect(marks(mesh, 6, np.random.default_rng(3)))
    away = finer.samples.points(finer.nodes) - finer.corners()
    if periodic:
        away -= np.rint(away)
    np.testing.assert_allclose(away, 0.0, atol=1e-12)
    assert 0 < len(finer.survivors) < len(mesh)
    for name in ("vertices", "nodes", "tag", "generation", "level"):
        np.testing.assert_array_equal(
            getattr(finer, name)[: len(finer.survivors)], getattr(mesh, name)[finer.survivors]
        )


def test_a_mesh_that_cannot_be_paid_for_changes_nothing():
    mesh = first(2, True)
    samples = mesh.samples
    samples.limit, before = samples.count + 3, samples.count
    with pytest.raises(OutOfPoints):
        mesh.bisect(np.ones(len(mesh), dtype=bool))
    assert samples.count == before
    assert len(mesh) == 32
    np.testing.assert_array_equal(mesh.generation, 0)
