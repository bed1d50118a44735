"""Level sets at many energies: sums and errors that follow the patches, tolerances reached, points that end."""

import numpy as np
import pytest

from sigmaijk.levelset.field import Field
from sigmaijk.levelset.samples import Cell, OutOfPoints, Sample, Samples
from sigmaijk.levelset.search import first_mesh
from sigmaijk.levelset.simplices import Goal
from sigmaijk.levelset.surfaces import LevelSets

LIMIT = 100_000
ENERGIES = np.array([0.3, 0.5])


def spheres(dim: int) -> LevelSets:
    """E = k**2 / 2 and F = (1, kx**2, |F|) about a centre off all vertices, in one block of two entries."""
    centre = np.array([0.05, -0.03, 0.07])[:dim]

    def sampler(k: np.ndarray) -> Sample:
        q = k - centre
        energy = 0.5 * (q**2).sum(axis=1)[:, None]
        integrand = np.stack([np.ones(len(k)), q[:, 0] ** 2, np.ones(len(k))], axis=1)
        return Sample(energy, q[:, None], integrand[:, None], np.zeros_like(energy))

    cell = Cell(np.full(dim, -1.5), 3.0 * np.eye(dim), False, (8,) * dim)
    field = Field(sampler, LIMIT, 1e-6)
    mesh = first_mesh(Samples(field, cell, LIMIT), field)
    return LevelSets(field, mesh, [Goal(slice(0, 2), 2, 0.0, np.eye(2))], 3)


def exact(dim: int, energy: np.ndarray) -> np.ndarray:
    """Surface of radius (2 E)**0.5 over its speed, and kx**2 = 2 E / d on average, (e, 3)."""
    radius = np.sqrt(2 * energy)
    size = 2 * np.pi * radius ** (dim - 2) * (1 if dim == 2 else 2)
    return np.stack([size, size * radius**2 / dim, size], axis=1)


def assert_consistent(sets: LevelSets) -> None:
    """Sums are those of the patches there are, however often they were read before."""
    value, error = np.zeros_like(sets.value), np.zeros_like(sets.value)
    np.add.at(value, sets.patches.owner, sets.patches.value)
    np.add.at(error, sets.patches.owner, sets.patches.error)
    np.testing.assert_allclose(sets.value, value, rtol=1e-12)
    finite = np.isfinite(sets.error)
    np.testing.assert_allclose(sets.error[finite], error[finite], rtol=1e-12)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-8])
def test_improving_reaches_what_is_allowed(dim, rtol):
    sets = spheres(dim)
    numbers = sets.open(ENERGIES)
    allowed = rtol * np.abs(sets.value[:, :1])
    sets.improve(numbers, allowed)
    true = np.abs(sets.value - exact(dim, ENERGIES))[:, :2]
    says = f"{sets.field.points} k, {len(sets.patches.owner)} patches, true {true}, estimate {sets.error}"
    # The third column belongs to no block.
    assert (sets.error[:, :2] <= allowed).all(), says
    assert (true <= 3 * sets.error[:, :2] + 1e-13).all(), says
    assert not sets.stuck().any(), says
    assert_consistent(sets)


@pytest.mark.parametrize("dim", [2, 3])
def test_only_the_energies_asked_for_are_improved(dim):
    sets = spheres(dim)
    sets.open(ENERGIES)
    before = sets.error
    sets.improve(np.array([1]), np.full((1, 1), 1e-7))
    np.testing.assert_array_equal(sets.error[0], before[0])
    assert sets.error[1, :2].max() <= 1e-7 < before[1, :2].max()


@pytest.mark.parametrize("dim", [2, 3])
def test_an_energy_that_could_not_be_opened_has_infinite_error(dim):
    sets = spheres(dim)
    sets.open(ENERGIES[:1])
    value, error = sets.value, sets.error
    sets.field.limit = sets.field.points + 3
    with pytest.raises(OutOfPoints):
        sets.open(ENERGIES[1:])
    np.testing.assert_array_equal(sets.energies, ENERGIES)
    np.testing.assert_array_equal(sets.value[:1], value)
    np.testing.assert_array_equal(sets.error[:1], error)
    assert np.isfinite(sets.error[0]).all()
    assert np.isinf(sets.error[1]).all()
    assert_consistent(sets)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("rest", [0, 5, 300])
def test_points_that_end_leave_the_sums_of_what_was_done(dim, rest):
    sets = spheres(dim)
    numbers = sets.open(ENERGIES)
    before = sets.error
    sets.field.limit = sets.field.points + rest
    with pytest.raises(OutOfPoints):
        sets.improve(numbers, np.full((2, 1), 1e-13))
    assert sets.field.points <= sets.field.limit
    assert_consistent(sets)
    if rest < 10:
        np.testing.assert_array_equal(sets.error, before)
    else:
        assert sets.error[:, 0].sum() < before[:, 0].sum()
    assert (np.abs(sets.value - exact(dim, ENERGIES)) <= 3 * sets.error).all()


@pytest.mark.parametrize("dim", [2, 3])
def test_sums_that_were_read_follow_the_patches(dim):
    """Reading between all steps, and writing into what was read, changes no bit."""
    sets, quiet = spheres(dim), spheres(dim)
    for one in (sets, quiet):
        for energy in ENERGIES:
            number = one.open(np.array([energy]))
            one.improve(number, np.full((1, 1), 1e-5))
            if one is sets:
                one.value[:] = np.nan
                one.error[:] = np.nan
    assert_consistent(sets)
    np.testing.assert_array_equal(sets.value, quiet.value)
    np.testing.assert_array_equal(sets.error, quiet.error)


def test_an_energy_is_opened_once():
    sets = spheres(2)
    np.testing.assert_array_equal(sets.open(np.array([0.5, 0.3, 0.5])), [0, 1, 0])
    points = sets.field.points
    np.testing.assert_array_equal(sets.open(np.array([0.3])), [1])
    assert sets.field.points == points


def test_an_empty_level_set_is_exactly_zero():
    sets = spheres(2)
    sets.open(np.array([-0.1]))
    np.testing.assert_array_equal(sets.value, 0.0)
    np.testing.assert_array_equal(sets.error, 0.0)
    sets.open(np.array([0.5]))
    np.testing.assert_array_equal(sets.error[0], 0.0)
    assert sets.error[1, 0] > 0
