"""Operations and groups: names, products, symbols, and spglib's database as the second source of the 122 groups."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.symmetry import all_symbols, group
from symmetry.spglib_groups import database


@pytest.mark.parametrize(
    ("name", "dim", "matrix", "reversal"),
    [
        ("E", 3, np.eye(3), False),
        ("P", 2, -np.eye(2), False),
        ("PT", 3, -np.eye(3), True),
        ("C4z", 3, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], False),
        ("C4z^-1", 2, [[0, 1], [-1, 0]], False),
        ("Mx", 3, np.diag([-1, 1, 1]), False),
        ("MyT", 2, np.diag([1, -1]), True),
        ("C3[111]", 3, [[0, 0, 1], [1, 0, 0], [0, 1, 0]], False),
        ("PC4z", 3, [[0, 1, 0], [-1, 0, 0], [0, 0, -1]], False),
        ("M[110]", 2, [[0, -1], [-1, 0]], False),
        ("C2[110]", 3, [[0, 1, 0], [1, 0, 0], [0, 0, -1]], False),
    ],
)
def test_a_name_and_its_matrix_are_one_thing(name: str, dim: int, matrix: list, reversal: bool):
    (operation,) = group([name], dim=dim).operations[-1:]
    assert any(
        np.allclose(found.rotation, matrix) and found.time_reversal == reversal and found.label == name
        for found in group([name], dim=dim)
    ), operation


def test_every_label_names_its_own_operation():
    for symbol in ("m-3m1'", "6/mmm1'"):
        for operation in group(symbol):
            again = group([operation.label])
            assert any(found.same_as(operation) for found in again), operation.label


def test_there_are_122_groups_in_space_and_31_in_the_plane():
    assert len(set(all_symbols(3))) == 122
    assert len(set(all_symbols(2))) == 31


@pytest.mark.parametrize("dim", [2, 3])
def test_every_symbol_gives_a_group_of_that_symbol(dim: int):
    for symbol in all_symbols(dim):
        assert group(symbol, dim=dim).symbol == symbol


def test_the_database_of_spglib_has_the_same_122_groups():
    groups = database()
    assert set(groups) == set(all_symbols())
    for symbol, operations in groups.items():
        assert len(operations) == len(group(symbol))


def test_operations_that_are_no_group_are_closed():
    assert group(["C4z", "Mx"], dim=2).symbol == "4mm"
    assert len(group(["C3z", "P", "T"])) == 12


def test_operations_without_end_are_named():
    turn = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    with pytest.raises(sg.ArgumentError, match=r"no finite group .* C\(57\.3\)z"):
        group([(turn, False), "My"], dim=2)


@pytest.mark.parametrize(
    ("operations", "match"),
    [
        ([(np.diag([2.0, 1.0]), False)], r"number|orthogonal .* differs from 1 by 3"),
        ([(np.eye(2), 1)], "must be True or False"),
        (["C3z", (np.eye(2), True)], "act on 3 directions, number 1 acts on 2"),
        (["Q"], "an operation is called"),
        (["C2x"], None),
        ("m'm2", "no symbol of a magnetic point group"),
        (["C2[000]"], "must be three numbers"),
    ],
)
def test_bad_operations_are_refused(operations: object, match: str | None):
    if match is None:
        with pytest.raises(sg.ArgumentError, match="does not act within the plane"):
            group(operations, dim=2)
        return
    with pytest.raises((sg.ArgumentError, sg.ArgumentTypeError), match=match):
        group(operations)


def test_products_act_one_after_the_other():
    first, second = group(["C4z"]).operations[1], group(["MxT"]).operations[1]
    product = second @ first
    vector = np.array([0.3, 0.5, 0.7])
    assert np.allclose(product.rotation @ vector, second.rotation @ (first.rotation @ vector))
    assert product.time_reversal
