"""The partition of unity on the blocks of a grid: it adds up to one, and grids integrate under its bumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigmaijk.levelset.grid_levels import STEPS
from sigmaijk.levelset.partition import corners
from support import assert_same

BLOCK_STEPS = [steps for _, steps in STEPS]


def bump_of_block(block: np.ndarray, index: np.ndarray, steps: int, finer: int = 1) -> np.ndarray:
    """The bump of one block (d,) at grid points (k, d), read off the corners."""
    total = np.zeros(len(index))
    for corner in corners(index, steps, finer):
        total += corner.weight * (corner.block == block).all(axis=1)
    return total


@settings(deadline=None, max_examples=60)
@given(
    steps=st.sampled_from(BLOCK_STEPS),
    level=st.integers(0, 6),
    index=st.lists(st.tuples(st.integers(-400, 400), st.integers(-400, 400)), min_size=1, max_size=5),
)
def test_bumps_of_all_blocks_add_up_to_one(steps: int, level: int, index: list[tuple[int, int]]):
    found = corners(np.array(index), steps, 1 << level)
    weight = np.array([corner.weight for corner in found])
    assert len(found) == 4
    assert (weight >= -1e-15).all()
    np.testing.assert_allclose(weight.sum(axis=0), 1.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize("steps", BLOCK_STEPS)
def test_a_bump_is_the_same_on_its_own_and_on_finer_grids(steps: int):
    """Fineness numbers the same places otherwise; a sum over blocks at a deep level may be checked at a coarse one."""
    index = np.stack(np.meshgrid(*(np.arange(-steps, steps),) * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    own = bump_of_block(np.array([0, 0]), index, steps)
    finer = bump_of_block(np.array([0, 0]), 8 * index, steps, 8)
    assert_same(finer, own, rtol=1e-14, floor=0.9)


@pytest.mark.parametrize("steps", BLOCK_STEPS)
def test_a_bump_is_symmetric_and_ends_after_one_block(steps: int):
    x = np.arange(-steps, steps + 1)[:, None]
    bump = bump_of_block(np.array([0]), x, steps)
    assert_same(bump, bump[::-1], rtol=1e-14, floor=0.9)
    assert np.abs(bump[[0, -1]]).max() < 1e-15
    assert abs(bump[steps] - 1.0) < 1e-15
    assert (np.diff(bump[: steps + 1]) > 0).all()


@pytest.mark.parametrize(("steps", "precision"), [(4, 1e-2), (6, 1e-3), (8, 1e-4), (10, 1e-5)])
def test_sum_of_a_smooth_function_under_a_bump_is_its_integral(steps: int, precision: float):
    """Against a sum on a grid 32 times as fine; the longer the bump, the less the first alias says."""

    def total(finer: int) -> float:
        x = np.arange(-steps * finer, steps * finer)
        place = x / (steps * finer)
        return float((bump_of_block(np.array([0]), x[:, None], steps, finer) * np.exp(0.7 * place)).sum() / finer)

    assert_same(total(1), total(32), rtol=precision, floor=1.0)
