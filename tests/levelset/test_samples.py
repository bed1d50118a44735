"""The cache of a sampler: a lattice point is one sample, and no two share one."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaijk.levelset.samples import Cell, OutOfPoints, Sample, Samples


def itself(k: np.ndarray) -> Sample:
    """A sheet whose energy tells the point."""
    number = k @ 1000.0 ** np.arange(k.shape[1])
    return Sample(number[:, None], np.zeros((len(k), 1, k.shape[1])), np.ones((len(k), 1, 1)), np.zeros((len(k), 1)))


def samples(divisions: tuple[int, ...], periodic: bool = True) -> Samples:
    dim = len(divisions)
    return Samples(itself, Cell(np.zeros(dim), np.eye(dim), periodic, divisions), 100_000)


@pytest.mark.parametrize("divisions", [(512, 256), (300, 128), (64, 64, 64), (100, 32, 128)])
@pytest.mark.parametrize("periodic", [True, False])
def test_points_of_fine_first_grids_are_told_apart(divisions: tuple[int, ...], periodic: bool):
    """Their numbers must not exceed 63 bits: sums over such grids took one point for another."""
    found = samples(divisions, periodic)
    rng = np.random.default_rng(3)
    index = np.unique(rng.integers(0, divisions, size=(20_000, len(divisions))), axis=0) << found.levels
    index = np.concatenate([index, index[:100] + 1])
    slots = found.index(index)
    expected = itself(index / found.steps).energy[:, 0]
    np.testing.assert_allclose(found.energy[slots, 0], expected, rtol=1e-12)
    assert found.count == len(index)


@pytest.mark.parametrize("divisions", [(8, 8), (16, 24), (8, 8, 8)])
def test_coarse_meshes_keep_their_depth(divisions: tuple[int, ...]):
    assert samples(divisions).levels == (24 if len(divisions) == 2 else 15)


def test_points_off_the_lattice_are_evaluated_once_and_count():
    found = samples((8, 8))
    found.index(np.array([[1, 1]]))
    found.limit = 6
    fractions = np.random.default_rng(4).uniform(size=(3, 2))
    first = found.elsewhere(fractions)
    again = found.elsewhere(np.concatenate([fractions[:2], fractions + 0.1])[:4])
    np.testing.assert_allclose(first.energy, itself(fractions).energy, rtol=1e-12)
    np.testing.assert_array_equal(again.energy[:2], first.energy[:2])
    assert (found.aside, found.left) == (5, 0)
    with pytest.raises(OutOfPoints):
        found.elsewhere(fractions + 0.2)
    with pytest.raises(OutOfPoints):
        found.index(np.array([[0, 0]]))
    assert found.elsewhere(fractions[:0]).energy.shape == (0, 1)
