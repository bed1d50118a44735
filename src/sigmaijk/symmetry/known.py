"""The group of a model, found once and kept as long as the model lives, and what of it stands in every result."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import SymmetryWarning
from ..model import Model
from ..terms import CATALOGUE
from .finding import TOLERANCE, group_of, probe_of
from .forms import TensorForm, tensor_form
from .groups import PointGroup
from .noise import NoiseFloor, floors_of
from .probing import TooManyPoints

SHARE = 10
"""A run spends at most one in so many of its k-points on the group of its model."""
DEAR = f"it would take more than a {SHARE}th of max_k_points"


@dataclass(frozen=True, eq=False)
class KnownGroup:
    """What `point_group` found on a model, and what that cost; or why nothing was found."""

    group: PointGroup | None
    why: str = ""
    """Why there is no group: what the search has raised, or that it may not spend so many k-points."""
    k_points: int = 0
    """k at which H was diagonalised for it."""

    @cached_property
    def forms(self) -> dict[str, TensorForm]:
        """The allowed form of each term of the catalogue."""
        return {} if self.group is None else {term: tensor_form(self.group, term) for term in CATALOGUE}

    def attributes(self, floors: Mapping[str, NoiseFloor]) -> dict[str, str]:
        """The attributes `symmetry`, `symmetry_forms` and `noise_floor` of a result, each as JSON."""
        return {
            "symmetry": json.dumps(self._facts()),
            "symmetry_forms": json.dumps({term: str(self.forms[term]) for term in floors}),
            "noise_floor": json.dumps({term: floor.record() for term, floor in floors.items()}),
        }

    def _facts(self) -> dict[str, object]:
        if self.group is None:
            return {"symbol": None, "why": self.why}
        return {
            "symbol": self.group.symbol,
            "operations": [operation.label for operation in self.group],
            "kinds": sorted({operation.kind for operation in self.group}),
            "violation_eV": self.group.violation,
            "source": self.group.source,
            "levels": [[level.symbol, level.order, level.violation] for level in self.group.levels],
        }


_FOUND: WeakKeyDictionary[Model, KnownGroup] = WeakKeyDictionary()


def known_group(model: Model, max_k_points: float = np.inf) -> KnownGroup:
    """The group of a model, from the first call on it; a search that fails says why instead of raising.

    max_k_points: of a run. If the group takes more than a tenth of them the run does without it, also when it is known
    already: equal runs are to give equal results.
    """
    try:
        known = _FOUND.get(model)
    except TypeError:  # a model of the user's own that cannot be hashed
        return _find(model, max_k_points)
    if known is None:
        known = _find(model, max_k_points)
        if known.why != DEAR:
            _FOUND[model] = known
    return known if SHARE * known.k_points <= max_k_points else KnownGroup(None, DEAR)


def _find(model: Model, max_k_points: float) -> KnownGroup:
    probe = None
    try:
        probe = probe_of(model, max_k_points / SHARE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SymmetryWarning)  # several groups within the tolerance: `levels` tells
            found = group_of(probe, TOLERANCE, TOLERANCE)
    except TooManyPoints:
        return KnownGroup(None, DEAR)
    except Exception as failure:  # whatever a user's H does at these k, the result does not depend on it
        return KnownGroup(None, f"{type(failure).__name__}: {failure}", 0 if probe is None else probe.k_points)
    return KnownGroup(found, "", probe.k_points)


def symmetry_of(ds: Any, model: Model | None, known: KnownGroup) -> tuple[dict[str, str], list[str]]:
    """The attributes that a dataset gets from the group of its model, and what there is to warn about."""
    floors = floors_of(ds, known.forms, known.group, model)
    return known.attributes(floors), [floor.complaint for floor in floors.values() if floor.complaint]


def annotate(ds: Any, model: Model, group: PointGroup | None = None) -> Any:
    """A copy of a dataset with a model's symmetry in the attributes, as JSON; warns as `noise_floor` does.

    Results of `sg.conductivity` have it from the start: this is for another group than the one found, or for datasets
    from elsewhere. `symmetry` has symbol, operations, kinds, violation and the groups within the tolerance, or a symbol
    null and why; `symmetry_forms` the allowed form of each term, as text; `noise_floor` the largest forbidden part of
    each term with its error. group: found from the model by default.
    """
    attrs, complaints = symmetry_of(ds, model, known_group(model) if group is None else KnownGroup(group))
    for complaint in complaints:
        warnings.warn(complaint, SymmetryWarning, stacklevel=2)
    return ds.assign_attrs(attrs)
