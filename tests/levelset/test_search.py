"""The search before the integration: small pieces, necks, critical points at the level, kinks of sorted bands."""

from collections.abc import Callable

import numpy as np
import pytest

from sigmaijk.levelset.contours import cut
from sigmaijk.levelset.discovery import TOUCH_DEPTH, TOUCH_SHARE, touching
from sigmaijk.levelset.elements import Peaks
from sigmaijk.levelset.field import Field
from sigmaijk.levelset.mesh import Mesh
from sigmaijk.levelset.samples import Cell, Sample, Samples
from sigmaijk.levelset.search import Search, first_mesh, unclear

BOX = Cell(np.array([-2.0, -2.0]), 4.0 * np.eye(2), False, (8, 8))
Function = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""k (k, d) -> energy (k, n), velocity (k, n, d)."""


def meshed(function: Function, cell: Cell, coupling: float = 0.0) -> tuple[Field, Mesh]:
    def sampler(k: np.ndarray) -> Sample:
        energy, velocity = function(k)
        return Sample(energy, velocity, np.ones((*energy.shape, 1)), np.full_like(energy, coupling))

    field = Field(sampler, 200_000, 1e-6)
    return field, first_mesh(Samples(field, cell, 200_000), field)


def pocket(centre: np.ndarray) -> Function:
    """E = |k - centre|**2 / 2."""

    def function(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        q = k - centre
        return 0.5 * (q**2).sum(axis=1)[:, None], q[:, None]

    return function


def dumbbell(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E = (x**2 - 1)**2 + y**2 about a centre off all vertices: two wells and a saddle at E = 1 between them."""
    x, y = (k - np.array([0.0717, -0.0313])).T
    return ((x**2 - 1) ** 2 + y**2)[:, None], np.stack([4 * x * (x**2 - 1), 2 * y], axis=1)[:, None]


def crossing(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two parabolas that pass through each other on the line x = 0.013, as sorted bands."""
    minima = np.array([[-0.487, 0.021], [0.513, 0.021]])
    q = k[:, None] - minima
    energy = 0.5 * (q**2).sum(axis=2)
    order = np.argsort(energy, axis=1)
    return np.take_along_axis(energy, order, axis=1), np.take_along_axis(q, order[:, :, None], axis=1)


def dumbbell_and_cone(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The dumbbell, and a sheet that touches it at x = 2**0.5, where E = 1 as at the saddle."""
    energy, velocity = dumbbell(k)
    q = k - np.array([0.0717 + 2**0.5, -0.0313])
    gap = np.linalg.norm(q, axis=1)[:, None]
    return np.hstack([energy, energy + gap]), np.hstack([velocity, velocity + (q / np.maximum(gap, 1e-9))[:, None]])


def lines(mesh: Mesh, energy: float, band: int = 0) -> int:
    """Number of separate level lines on a mesh."""
    chains = cut(mesh, band, energy)
    if chains is None:
        return 0
    label = np.arange(len(chains.point))
    for _ in range(len(label)):
        low = np.minimum(label[chains.first], label[chains.last])
        np.minimum.at(label, chains.first, low)
        np.minimum.at(label, chains.last, low)
    return len(np.unique(label))


def searched_anew(mesh: Mesh, energy: float, tolerance: float) -> Mesh:
    """The plain twin of the search: all tests on all simplices in every round, to no particular depth."""
    samples, dim = mesh.samples, mesh.samples.cell.dim
    peaks = Peaks.at(np.array([energy]), np.array([0.0]))
    while True:
        close, _ = touching(samples, mesh, peaks, tolerance)
        marked = close & (mesh.level < TOUCH_DEPTH[dim]) & (samples.count < TOUCH_SHARE[dim] * samples.limit)
        for band in range(samples.energy.shape[1]):
            marked |= unclear(mesh, energy, energy, band)
        if not marked.any():
            return mesh
        mesh = mesh.bisect(marked)


@pytest.mark.parametrize("energy", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("centre", [[0.0717, -0.0313], [0.3331, 0.8719], [1.0 / 3.0, -0.2]])
def test_a_pocket_that_no_vertex_shows_is_found(centre, energy):
    _, mesh = meshed(pocket(np.array(centre)), BOX)
    assert (mesh.samples.energy > energy).all()
    found, (unresolved,) = Search(mesh, 1e-6).at(np.array([energy]))
    assert lines(found, energy) == 1
    assert not unresolved.hidden.any()
    # 1e-9 from a critical point is told as being at one.
    assert bool(unresolved.still) == (energy < 1e-8)


def test_a_pocket_in_space_is_found():
    _, mesh = meshed(
        pocket(np.array([0.0717, -0.0313, 0.1911])), Cell(np.full(3, -2.0), 4 * np.eye(3), False, (4,) * 3)
    )
    assert (mesh.samples.energy > 1e-6).all()
    found, _ = Search(mesh, 1e-6).at(np.array([1e-6]))
    inside = (found.samples.energy[found.nodes, 0] < 1e-6).any(axis=1)
    assert inside.any()
    assert not inside.all()


def test_nothing_is_cut_where_nothing_is():
    _, mesh = meshed(pocket(np.zeros(2)), BOX)
    found, _ = Search(mesh, 1e-6).at(np.array([-0.01]))
    assert lines(found, -0.01) == 0


@pytest.mark.parametrize("off", [1e-2, 1e-4, 1e-6])
def test_a_neck_is_not_cut_through_and_a_gap_not_bridged(off):
    _, mesh = meshed(dumbbell, BOX)
    search = Search(mesh, 1e-6)
    assert lines(search.at(np.array([1.0 + off]))[0], 1.0 + off) == 1
    assert lines(search.at(np.array([1.0 - off]))[0], 1.0 - off) == 2


def test_a_saddle_at_the_level_is_told():
    _, mesh = meshed(dumbbell, BOX)
    _, (unresolved,) = Search(mesh, 1e-6).at(np.array([1.0]))
    k = np.array([point for point, _ in unresolved.still])
    assert len(k)
    assert np.abs(k - [0.0717, -0.0313]).max() < 1e-3
    assert {sheet for _, sheet in unresolved.still} == {0}


def test_sorted_bands_that_cross_are_told_if_they_are_coupled():
    """At a level through the crossing; kinks do not keep the search from ending."""
    for coupling in (0.0, 1.0):
        _, mesh = meshed(crossing, BOX, coupling)
        found, (unresolved,) = Search(mesh, 1e-6).at(np.array([0.3]))
        k = np.array([point for point, _ in unresolved.touching]).reshape(-1, 2)
        assert lines(found, 0.3, 0) == 1
        assert lines(found, 0.3, 1) == 1
        if coupling:
            # (0.3 * 2 - 0.5**2)**0.5 above and below the line through the minima.
            off = np.abs(k - [0.013, 0.021]) - [0.0, 0.35**0.5]
            assert len(k)
            assert np.abs(off).max() < 0.05
        else:
            assert not len(k)


@pytest.mark.parametrize(("function", "energy", "coupling"), [(dumbbell, 1.0001, 0.0), (crossing, 0.3, 1.0)])
def test_tests_of_new_simplices_alone_find_what_tests_of_all_find(function, energy, coupling):
    _, mesh = meshed(function, BOX, coupling)
    found, _ = Search(mesh, 1e-6).at(np.array([energy]))
    _, mesh = meshed(function, BOX, coupling)
    again = searched_anew(mesh, energy, 1e-6)
    assert len(found) > len(mesh)
    np.testing.assert_array_equal(found.vertices, again.vertices)


def test_energies_do_not_depend_on_those_before():
    _, mesh = meshed(dumbbell, BOX)
    search = Search(mesh, 1e-6)
    search.at(np.array([0.4]))
    later = search.at(np.array([1.001]))[0]
    alone = Search(meshed(dumbbell, BOX)[1], 1e-6).at(np.array([1.001]))[0]
    np.testing.assert_array_equal(later.vertices, alone.vertices)


def test_what_was_found_once_stays_found_while_the_search_goes_on_elsewhere():
    """The sheets touch at a depth that the search reaches long before it has seen the saddle from all sides."""
    _, mesh = meshed(dumbbell_and_cone, BOX, 1.0)
    found, (unresolved,) = Search(mesh, 1e-6).at(np.array([1.0 + 1e-8]))
    k = np.array([point for point, _ in unresolved.touching])
    assert found.level.max() > TOUCH_DEPTH[2] + 1
    assert len(k)
    assert np.abs(k - [0.0717 + 2**0.5, -0.0313]).max() < 0.05
    assert {sheet for _, sheet in unresolved.touching} == {0}


def test_energies_that_are_searched_together_are_told_apart():
    """One mesh shows a neck above the saddle, a gap below it, and what is unresolved belongs to the saddle alone."""
    energies = np.array([0.4, 0.999, 1.0, 1.001, 1.3])
    _, mesh = meshed(dumbbell, BOX)
    joint, unresolved = Search(mesh, 1e-6).at(energies)
    assert [lines(joint, energy) for energy in energies[[0, 1, 3, 4]]] == [2, 2, 1, 1]
    assert [bool(found.still) for found in unresolved] == [False, False, True, False, False]
    assert [bool(found.hidden.any()) for found in unresolved] == [False, False, True, False, False]


def test_touching_sheets_belong_to_the_energies_at_which_they_touch():
    energies = np.array([0.05, 0.3])
    _, mesh = meshed(crossing, BOX, 1.0)
    _, (low, high) = Search(mesh, 1e-6).at(energies)
    # The crossing begins at 0.5**2 / 2 = 0.125, on the line between the minima.
    assert not low.touching
    assert high.touching
