"""What to break: checked against models that are really strained, and by the invariants themselves."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.symmetry import group, point_group, tensor_form, unlock
from symmetry.symmetry_models import zincblende


def names(ways: list[sg.symmetry.Unlock]) -> set[str]:
    return {" and ".join(way.perturbations) for way in ways}


def test_strain_unlocks_the_metric_dipole_of_mnbi2te4_as_it_does_in_the_model():
    """The slab's C3z forbids it; strain along x brings xyy, to first order, and leaves what the strained slab has."""
    slab = point_group(sg.models.mnbi2te4_slab(layers=2))
    assert "strain xy" in names(unlock(slab, "qm", "yxx"))
    ways = {way.perturbations[0]: way for way in unlock(slab, "qm", "xyy", perturbations=["strain"])}
    assert ways["strain xx"].power == 1
    strained = point_group(sg.models.mnbi2te4_slab(layers=2, strain=0.1))
    assert ways["strain xx"].group.symbol == strained.symbol
    assert str(ways["strain xx"].form) == str(tensor_form(strained, "qm")) == "xyy = -2 yxy"


def test_strain_of_zincblende_brings_the_berry_curvature_dipole():
    cubic = point_group(zincblende())
    assert tensor_form(cubic, "bcd").count == 0
    ways = unlock(cubic, "bcd", "xyz")
    assert {"strain xx", "strain yy", "strain zz"} <= names(ways)
    assert [way.power for way in ways][:3] == [1, 1, 1]
    assert {way.group.symbol for way in ways[:3]} == {"-42m1'"}


def test_the_neel_vector_of_cumnas_must_turn_into_the_plane():
    """Improper operations of 4/mmm exchange the two Mn."""
    parent = group("4/mmm1'")
    improper = [operation for operation in parent if np.linalg.det(operation.rotation) < 0]
    ways = unlock(parent, "qm", "xyy", perturbations=["neel"], exchanging=improper)
    assert names(ways) == {"neel vector x"}
    assert (ways[0].group.symbol, ways[0].power) == ("m'mm", 1)


def test_two_perturbations_are_named_when_one_is_not_enough():
    """T-odd and P-odd from 2mm1' of the plane: a field alone breaks one of them only."""
    ways = unlock(group("2mm1'", dim=2), "qm", "xyy")
    assert names(ways) == {"electric field or displacement y and magnetic field or moment z"}
    assert all(way.power is None for way in ways)


def test_an_allowed_component_needs_nothing():
    (way,) = unlock(group(["PT", "My"], dim=2), "qm", "xyy")
    assert way.perturbations == ()
    assert "xyy = -2 yxy" in str(way)


def test_what_is_left_is_a_group_of_operations_that_leave_the_perturbation_alone():
    for way in unlock("-43m1'", "bcd", "xyz") + unlock("321'", "drude", "xxx"):
        assert len(group(way.group.operations)) == len(way.group)
        assert way.form.count > 0
    assert names(unlock("321'", "drude", "xxx")) == {"magnetic field or moment x"}


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        (("1'", "qm", "xxx"), {}, "vanishes in every crystal"),
        (("1'", "qm", "xq"), {}, "three letters"),
        (("1'", "qm", "xyy"), {"perturbations": ["heat"]}, "perturbations must be some of 'strain', 'electric'"),
        (("1'", "qm", "xyy"), {"perturbations": "neel"}, "needs exchanging"),
        (("4/mmm1'", "qm", "xyy"), {"exchanging": ["P"]}, "exchanging must fit together"),
    ],
)
def test_bad_questions_are_refused(arguments: tuple, options: dict, match: str):
    with pytest.raises(sg.ArgumentError, match=match):
        unlock(*arguments, **options)
