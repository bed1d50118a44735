"""What a result has where its model allows nothing: the noise floor, and the symmetry in a result's attributes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..arrays import BoolArray, FloatArray
from ..errors import ArgumentError, ArgumentTypeError, SymmetryWarning
from ..model import Model
from ..terms import CATALOGUE
from .finding import point_group
from .forms import TensorForm, components, tensor_form
from .groups import PointGroup

SIGNIFICANT = 3.0
"""Forbidden parts above so many of their errors are a finding."""


@dataclass(frozen=True)
class NoiseFloor:
    """The largest forbidden part of one term: what is left of sigma_ijk when its allowed part is taken out."""

    term: str
    component: str
    """Where it is largest; empty if every component is allowed."""
    value: float
    """In the unit of the dataset's term."""
    error: float
    """The reported error of that part, same unit."""
    ratio: float
    """Largest value / error over all kT, mu and components, those with an infinite error left out."""
    kT: float
    mu: float
    share: float
    """|value| beside the largest entry of the term at the same kT and mu."""
    suspect: str = ""
    """What is likely wrong; empty within three errors."""


def noise_floor(ds: Any, forms: object, *, model: Model | None = None) -> dict[str, NoiseFloor]:
    """The noise floor of each term of a dataset of `sg.conductivity`.

    forms: a PointGroup, anything that `tensor_form` takes, or {term: TensorForm}. model: names the suspect better.
    A forbidden part of more than three times its error raises a SymmetryWarning that names the suspect. Raises
    ArgumentTypeError for what is no dataset and ArgumentError if the directions do not fit.
    """
    if not hasattr(ds, "data_vars") or not hasattr(ds, "attrs"):
        raise ArgumentTypeError(f"ds must be a dataset of sg.conductivity, got {type(ds).__name__}")
    group = forms if isinstance(forms, PointGroup) else None
    floors: dict[str, NoiseFloor] = {}
    for term in (name for name in CATALOGUE if name in ds and f"{name}_error" in ds):
        form = forms[term] if isinstance(forms, Mapping) else tensor_form(forms, term)
        if form.dim != ds[term].shape[-1]:
            raise ArgumentError(f"the dataset has {ds[term].shape[-1]} directions, the operations act on {form.dim}")
        energies = ds["kT"].values, ds["mu"].values
        floors[term] = _floor(term, form, ds[term].values, ds[f"{term}_error"].values, energies, group, model)
    for floor in floors.values():
        if floor.suspect:
            warnings.warn(
                f"{floor.term} {floor.component} = {floor.value:.3g} is forbidden by symmetry and "
                f"{floor.ratio:.3g} times its error at kT = {floor.kT:g}, mu = {floor.mu:g} eV; {floor.suspect}",
                SymmetryWarning,
                stacklevel=2,
            )
    return floors


def _floor(
    term: str,
    form: TensorForm,
    values: FloatArray,
    errors: FloatArray,
    energies: tuple[FloatArray, FloatArray],
    group: PointGroup | None,
    model: Model | None,
) -> NoiseFloor:
    names = components(form.dim)
    entries = tuple(np.array(["xyz".index(name[axis]) for name in names]) for axis in range(3))
    flat = form.basis.reshape(len(form.basis), form.dim**3)
    rest = np.eye(form.dim**3) - flat.T @ flat
    finite: BoolArray = np.isfinite(errors).reshape(*errors.shape[:2], -1).min(axis=2)
    known = np.where(np.isfinite(errors), errors, 0.0)
    parts = (values.reshape(*finite.shape, -1) @ rest).reshape(values.shape)[:, :, *entries]
    sizes = (known.reshape(*finite.shape, -1) @ np.abs(rest)).reshape(values.shape)[:, :, *entries]
    checked: BoolArray = (np.abs(rest).sum(axis=1) > 1e-9).reshape((form.dim,) * 3)[entries]
    if not checked.any() or not finite.any():
        return NoiseFloor(term, "", 0.0, 0.0, 0.0, float("nan"), float("nan"), 0.0)
    counted = finite[:, :, None] & checked
    ratio = np.divide(np.abs(parts), sizes, out=np.where(parts != 0, np.inf, 0.0), where=sizes > 0)
    ratio = np.where(counted, ratio, -1.0)
    largest = np.where(counted, np.abs(parts), -1.0)
    place = ratio.argmax() if ratio.max() > SIGNIFICANT else largest.argmax()
    a, b, c = np.unravel_index(place, ratio.shape)
    whole = float(np.abs(values[a, b]).max())
    value = float(parts[a, b, c])
    suspect = _suspect(group, model) if ratio.max() > SIGNIFICANT else ""
    return NoiseFloor(
        term,
        names[c],
        value,
        float(sizes[a, b, c]),
        float(ratio.max()),
        float(energies[0][a]),
        float(energies[1][b]),
        abs(value) / whole if whole > 0 else 0.0,
        suspect,
    )


def _suspect(group: PointGroup | None, model: Model | None) -> str:
    positions = getattr(model, "positions", None)
    if positions is not None and model is not None and model.n_bands > 1 and not np.ptp(positions, axis=0).any():
        return "the model has no orbital positions, which Omega, g and G need"
    if group is None:
        return "does the model have the symmetry? sg.symmetry.verify tells"
    if group.violation > 1e-6:
        worst = max(group, key=lambda operation: operation.violation)
        return f"the model has {worst.label} only to {1e3 * worst.violation:.3g} meV, which its response shows"
    if any(operation.kind == "declared" or operation.kind == "of the structure" for operation in group):
        return "the operations were declared, not tested: sg.symmetry.verify tells whether the model has them"
    return "the model has the symmetry, so the error is too small or a formula is wrong: please report it"


def annotate(ds: Any, model: Model, group: PointGroup | None = None) -> Any:
    """A copy of a dataset with its model's symmetry in the attributes, as JSON; warns as `noise_floor` does.

    `symmetry` has symbol, operations, kinds and violation; `symmetry_forms` the allowed form of each term, as text;
    `noise_floor` the largest forbidden part of each term with its error.
    group: found from the model by default.
    """
    found = point_group(model) if group is None else group
    forms = {term: tensor_form(found, term) for term in CATALOGUE if term in ds}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SymmetryWarning)
        floors = noise_floor(ds, found, model=model)
    for entry in caught:
        warnings.warn(entry.message, entry.category, stacklevel=2)
    facts = {
        "symbol": found.symbol,
        "operations": [operation.label for operation in found],
        "kinds": sorted({operation.kind for operation in found}),
        "violation_eV": found.violation,
        "source": found.source,
    }
    attrs = {
        "symmetry": json.dumps(facts),
        "symmetry_forms": json.dumps({term: str(form) for term, form in forms.items()}),
        "noise_floor": json.dumps({term: _plain(floor) for term, floor in floors.items()}),
    }
    return ds.assign_attrs(attrs)


def _plain(floor: NoiseFloor) -> dict[str, object]:
    """Without what JSON cannot hold."""
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in asdict(floor).items()
    }
