"""What an axis C_n^z does to the rows of Table 1 (introduction and Sec. 6): on tensors and on crystals."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from paper.printed import ROWS, combined, surface_rows
from paper.rotating import averaged, crystal, turn
from support import assert_forbidden, assert_same

every_axis = pytest.mark.parametrize("n", [2, 3, 4, 6])
MU, KT, POINTS = 0.5, 0.3, 48


def random_lead(seed: int) -> np.ndarray:
    """Any X_ijk = X_ikj."""
    lead = np.random.default_rng(seed).normal(size=(2, 2, 2))
    return lead + lead.swapaxes(-1, -2)


@every_axis
@pytest.mark.parametrize("seed", range(5))
def test_averaging_over_an_axis_leaves_a_longitudinal_part_of_two_rows_under_c3_alone(n: int, seed: int):
    lead = random_lead(seed)
    rows = {row: averaged(combined(row, lead), n) for row in ROWS}
    assert_forbidden(rows["WPD"], combined("WPD", lead), rtol=1e-14)
    for row in ("LKA", "QK"):
        if n == 3:
            for order in ((1, 0, 2), (2, 1, 0)):
                assert_same(rows[row].transpose(order), rows[row], rtol=1e-13, floor=0.01)
        else:
            assert_forbidden(rows[row], combined(row, lead), rtol=1e-14)


def test_under_c3_the_rows_are_the_longitudinal_part_times_one_and_minus_three_halves():
    """Then v_i G^jk is symmetric in all indices: LKA = (2 - 1) and QK = (1/2 - 2) of it."""
    lead = averaged(random_lead(0), 3)
    assert_same(combined("LKA", lead), lead, rtol=1e-13, floor=0.01)
    assert_same(combined("QK", lead), -1.5 * lead, rtol=1e-13, floor=0.01)


def test_the_two_independent_numbers_of_the_plane_form_a_vector():
    """(sigma_xyy, sigma_yxx) of WPD turns like (x, y), and the other entries follow from it."""
    row = combined("WPD", random_lead(1))
    vector = np.array([row[0, 1, 1], row[1, 0, 0]])
    for n in (3, 5, 7):
        Q = turn(n)
        turned = np.einsum("ai,bj,ck,ijk->abc", Q, Q, Q, row)
        assert_same([turned[0, 1, 1], turned[1, 0, 0]], Q @ vector, rtol=1e-13, floor=0.01)
    assert_same([row[1, 0, 1], row[0, 0, 1]], -0.5 * vector, rtol=1e-13, floor=0.01)


def rows_of(n: int, *, symmetric: bool) -> dict[str, np.ndarray]:
    return surface_rows(crystal(np.random.default_rng(n), n, symmetric=symmetric), MU, KT, POINTS)


@every_axis
def test_crystals_with_an_axis_have_the_rows_that_averaging_leaves(n: int):
    free, bound = rows_of(n, symmetric=False), rows_of(n, symmetric=True)
    assert_forbidden(bound["WPD"], free["WPD"], rtol=1e-11)
    if n == 3:
        assert_same(bound["LKA"], averaged(bound["LKA"], 3), rtol=1e-11, floor=1e-3)
        assert_same(bound["QK"], -1.5 * bound["LKA"], rtol=1e-11, floor=1e-3)
        return
    for row in ("LKA", "QK"):
        assert_forbidden(bound[row], free[row], rtol=1e-11)


@every_axis
def test_the_random_crystals_have_the_axis_and_no_other_symmetry_that_kills(n: int):
    """E(C_n k) = E(k), but E(-k) differs from E(k) where n is odd: neither time reversal nor inversion."""
    k = np.random.default_rng(0).uniform(-3, 3, (10, 2))
    bound, free = (crystal(np.random.default_rng(n), n, symmetric=flag) for flag in (True, False))

    def change(model: sg.LatticeModel, Q: np.ndarray) -> np.ndarray:
        return np.linalg.eigvalsh(model.hamiltonian(k @ Q.T)) - np.linalg.eigvalsh(model.hamiltonian(k))

    assert_forbidden(change(bound, turn(n)), change(free, turn(n)), rtol=1e-13)
    assert np.abs(change(free, -np.eye(2))).max() > 1.0
    if n == 3:
        assert np.abs(change(bound, -np.eye(2))).max() > 0.1
