"""What a result has where its model allows nothing: the noise floor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..arrays import BoolArray, FloatArray
from ..errors import ArgumentError, ArgumentTypeError, SymmetryWarning
from ..model import Model
from ..terms import CATALOGUE
from .forms import TensorForm, components, tensor_form
from .groups import PointGroup

SIGNIFICANT = 3.0
"""Forbidden parts above so many of their errors are a finding."""
ROUNDING = 1e-14
"""Share of the largest entry that taking out the allowed part may leave."""


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

    def record(self) -> dict[str, object]:
        """For the attributes of a result: what JSON cannot hold is None."""
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }

    @property
    def complaint(self) -> str:
        """For a warning; empty within three errors."""
        if not self.suspect:
            return ""
        return (
            f"{self.term} {self.component} = {self.value:.3g} is forbidden by symmetry and {self.ratio:.3g} times its "
            f"error at kT = {self.kT:g}, mu = {self.mu:g} eV; {self.suspect}"
        )


def noise_floor(ds: Any, forms: object, *, model: Model | None = None) -> dict[str, NoiseFloor]:
    """The noise floor of each term of a dataset of `sg.conductivity`.

    forms: a PointGroup, anything that `tensor_form` takes, or {term: TensorForm}. model: names the suspect better.
    A forbidden part of more than three times its error raises a SymmetryWarning that names the suspect. Raises
    ArgumentTypeError for what is no dataset and ArgumentError if the directions do not fit.
    """
    if not hasattr(ds, "data_vars") or not hasattr(ds, "attrs"):
        raise ArgumentTypeError(f"ds must be a dataset of sg.conductivity, got {type(ds).__name__}")
    group = forms if isinstance(forms, PointGroup) else None
    names = [name for name in CATALOGUE if name in ds and f"{name}_error" in ds]
    chosen = {term: forms[term] if isinstance(forms, Mapping) else tensor_form(forms, term) for term in names}
    floors = floors_of(ds, chosen, group, model)
    for floor in floors.values():
        if floor.complaint:
            warnings.warn(floor.complaint, SymmetryWarning, stacklevel=2)
    return floors


def floors_of(
    ds: Any, forms: Mapping[str, TensorForm], group: PointGroup | None, model: Model | None
) -> dict[str, NoiseFloor]:
    """The noise floor of each term of a dataset that has a form, without a warning."""
    energies = ds["kT"].values, ds["mu"].values
    floors: dict[str, NoiseFloor] = {}
    for term in (name for name in forms if name in ds):
        form = forms[term]
        if form.dim != ds[term].shape[-1]:
            raise ArgumentError(f"the dataset has {ds[term].shape[-1]} directions, the operations act on {form.dim}")
        floors[term] = _floor(term, form, ds[term].values, ds[f"{term}_error"].values, energies, group, model)
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
    sizes = sizes + ROUNDING * np.abs(values).max(axis=(2, 3, 4))[:, :, None]
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
    return (
        "the model has the symmetry, so the error estimate is too small (a tenth of rtol tells) or a formula is wrong: "
        "please report it"
    )
