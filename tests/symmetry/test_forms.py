"""The allowed form of each term against the character formula, the paper's statements and the structures' table."""

from __future__ import annotations

import re

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.symmetry import Operation, all_symbols, group, tensor_form, why_forbidden
from symmetry.spglib_groups import database

TERMS = ("drude", "bcd", "qm", "LKA")
ODD = {"drude": True, "bcd": False, "qm": True, "LKA": True}


def count_from_traces(operations: list[Operation], term: str) -> float:
    """Number of invariants: the mean of the character of the space that the term lives in."""
    total = 0.0
    for operation in operations:
        R = operation.rotation
        one, two, three = (np.trace(np.linalg.matrix_power(R, power)) for power in (1, 2, 3))
        character = {
            "drude": (one**3 + 3 * one * two + 2 * three) / 6,
            "bcd": (one**3 - three) / 3,
            "qm": (one**3 - three) / 3,
            "LKA": one * (one**2 + two) / 2,
        }[term]
        total += -character if operation.time_reversal and ODD[term] else character
    return total / len(operations)


@pytest.mark.parametrize("term", TERMS)
def test_counts_of_all_122_groups_are_those_of_the_characters(term: str):
    """The operations come from spglib's database, in its axes; ours from generators, in ours."""
    nonzero = 0
    for symbol, operations in database().items():
        expected = count_from_traces(operations, term)
        assert tensor_form(symbol, term).count == pytest.approx(expected, abs=1e-9), symbol
        nonzero += expected > 0.5
    assert nonzero > 30


@pytest.mark.parametrize("term", TERMS)
def test_counts_of_the_31_groups_of_the_plane_are_those_of_the_characters(term: str):
    counts = {symbol: tensor_form(group(symbol, dim=2), term).count for symbol in all_symbols(2)}
    for symbol, count in counts.items():
        expected = count_from_traces(list(group(symbol, dim=2)), term)
        assert count == pytest.approx(expected, abs=1e-9), symbol
    assert max(counts.values()) == {"drude": 4, "bcd": 2, "qm": 2, "LKA": 6}[term]


@pytest.mark.parametrize("term", TERMS)
def test_a_random_tensor_made_symmetric_obeys_the_relations(term: str):
    """The mean over the group of a random tensor of the index symmetry: another way to the same space."""
    rng = np.random.default_rng(7)
    compared = 0
    for symbol in ("m'mm", "3m'", "4/m'mm", "-42m", "321'", "6mm", "2", "1"):
        form = tensor_form(symbol, term)
        tensor = rng.normal(size=(3, 3, 3))
        tensor = tensor + tensor.swapaxes(1, 2)
        full = (tensor + np.moveaxis(tensor, 0, 1) + np.moveaxis(tensor, 0, 2)) / 3
        tensor = {"drude": full, "LKA": tensor}.get(term, tensor - full)
        mean = np.zeros((3, 3, 3))
        for operation in group(symbol):
            R = operation.rotation
            sign = -1 if operation.time_reversal and ODD[term] else 1
            mean += sign * np.einsum("ia,jb,kc,abc->ijk", R, R, R, tensor) / len(group(symbol))

        def entry(name: str, values: np.ndarray = mean) -> float:
            return values[tuple("xyz".index(letter) for letter in name)]

        assert np.abs(form.project(tensor) - mean).max() < 1e-12
        for name in form.forbidden:
            assert abs(entry(name)) < 1e-12
        for name, parts in form.relations.items():
            assert abs(entry(name) - sum(factor * entry(free) for free, factor in parts.items())) < 1e-12
        compared += form.count
    assert compared > 5


@pytest.mark.parametrize("axis", ["C2z", "C3z", "C4z", "C6z"])
def test_any_axis_kills_the_metric_dipole_in_the_plane(axis: str):
    """The paper's C_n^z statement; the totally symmetric part survives C_3z only."""
    assert tensor_form(group([axis], dim=2), "qm").count == 0
    assert tensor_form(group(["E"], dim=2), "qm").count == 2
    assert tensor_form(group([axis], dim=2), "drude").count == (2 if axis == "C3z" else 0)
    assert tensor_form(group([axis], dim=2), "QK").count == (2 if axis == "C3z" else 0)
    assert ("C3z" if axis == "C3z" else "C2z") in why_forbidden(group([axis], dim=2), "qm")


def test_relations_are_written_as_papers_do():
    form = tensor_form(group(["PT", "My"], dim=2), "qm")
    assert str(form) == "xyy = -2 yxy"
    assert form.forbidden == ("xxx", "xxy", "yxx", "yyy")
    assert str(tensor_form("1", "qm")).endswith("xyz; yxz; zxy = -xyz - yxz")
    assert str(tensor_form("-3'm'", "drude")) == "xxx = -xyy = -yxy"
    assert str(tensor_form(group(["C3z"]), "LKA")).startswith("xxx = -xyy = -yxy; yyy = -yxx = -xxy")


def test_the_row_LKA_has_room_for_more_than_the_two_parts_of_the_paper():
    for symbol in ("m'mm", "3m'", "1", "4/m'mm"):
        parts = tensor_form(symbol, "drude").count + tensor_form(symbol, "qm").count
        assert tensor_form(symbol, "LKA").count == parts > 0


def test_forms_do_not_need_a_closed_list():
    assert str(tensor_form(["PT", "My"], "qm")) == str(tensor_form(group(["PT", "My"]), "qm"))
    assert tensor_form(["PT", "My"], "qm").count > 0


@pytest.mark.parametrize(
    ("operations", "term", "reason"),
    [
        (["PT", "My"], "bcd", "PT forbids the Berry curvature dipole"),
        (["T"], "drude", "T forbids the nonlinear Drude term"),
        (["P"], "qm", "P forbids the quantum metric dipole"),
        ("432", "bcd", "together forbid the Berry curvature dipole"),
        (["PT", "My"], "qm", "^$"),
    ],
)
def test_one_sentence_says_why_a_term_vanishes(operations: object, term: str, reason: str):
    assert re.search(reason, why_forbidden(group(operations), term))


@pytest.mark.parametrize(
    ("term", "match"),
    [("qmd", "term must be one of 'drude', 'bcd', 'qm', 'LKA', 'QK', 'WPD'"), (3, "a name or a Term")],
)
def test_unknown_terms_are_refused(term: object, match: str):
    with pytest.raises((sg.ArgumentError, sg.ArgumentTypeError), match=match):
        tensor_form("1", term)
