"""A model's symmetry for a person: its group, what each term may be, and in one sentence why a term vanishes."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np

from ..errors import SymmetryWarning
from ..model import Model
from ..term import Term
from ..terms import CATALOGUE
from .finding import TOLERANCE, point_group
from .forms import TensorForm, tensor_form, transformation
from .groups import PointGroup
from .operation import OF_H, Operation, as_operations, index_of
from .probing import ENERGIES_ONLY

TITLES = {
    "drude": "nonlinear Drude term",
    "bcd": "Berry curvature dipole",
    "qm": "quantum metric dipole",
    "WPD": "quantum metric dipole",
    "LKA": "row LKA of Table 1",
    "QK": "row QK of Table 1",
}
APPROXIMATE = 4
"""Operations that nearly hold and are named."""


def describe(model: Model, *, tolerance: float = TOLERANCE) -> list[str]:
    """Lines that say what `sigmaijk info` prints of a model's symmetry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymmetryWarning)  # the levels stand in the lines
        found = point_group(model, tolerance=tolerance)
    return [
        *_group_lines(found),
        *_near_lines(found),
        *(line for term in CATALOGUE for line in _term_lines(found, term)),
    ]


def _group_lines(found: PointGroup) -> list[str]:
    plane = " in the plane, where P stands for C2z too" if found.dim == 2 else ""
    kinds = {operation.kind for operation in found}
    proof = "each with its matrix U" if kinds == {OF_H} else _mixed(found)
    lines = [
        f"Symmetry of H(k) to {1e3 * found.tolerance:.3g} meV: {found.symbol}, {len(found)} operations{plane}; {proof}",
        "  " + _labels(found.operations),
    ]
    if len(found.levels) > 1:
        parts = ", ".join(f"{one.symbol} to {1e3 * one.violation:.2g} meV" for one in found.levels)
        lines.append(f"  Several groups lie within this tolerance: {parts}")
    return lines


def _mixed(found: PointGroup) -> str:
    others = [operation for operation in found if operation.kind != OF_H]
    return f"for {_labels(others)} only spectrum and geometry agree: symmetries of the response"


def _near_lines(found: PointGroup) -> list[str]:
    lines, near = [], [operation for operation in found.near if operation.note != ENERGIES_ONLY]
    for operation in near[:APPROXIMATE]:
        size = f"{1e3 * operation.violation:.2g} meV"
        lines.append(f"  not {operation.label}: violated by {size}{'; ' + operation.note if operation.note else ''}")
    if len(near) > APPROXIMATE:
        lines.append(f"  nor {len(near) - APPROXIMATE} more that nearly hold")
    return lines


def _labels(operations: object) -> str:
    names = [operation.label for operation in operations]  # pyright: ignore[reportGeneralTypeIssues]
    return ", ".join(names) if len(names) <= 24 else ", ".join(names[:24]) + f", and {len(names) - 24} more"


def _term_lines(found: PointGroup, term: str) -> list[str]:
    form = tensor_form(found, term)
    reason = why_forbidden(found, term)
    if not form.count:
        return [f"{TITLES[term]} ({term}): 0. {reason}"]
    count = f"{form.count} independent component{'s' if form.count > 1 else ''}"
    return [f"{TITLES[term]} ({term}): {count}: {form}", *("    " + row for row in matrix(form))]


def why_forbidden(symmetry: object, term: str | Term) -> str:
    """One sentence that names the operation, or two of them, which forbid a term; '' if the term is allowed.

    >>> from sigmaijk.symmetry import group, why_forbidden
    >>> why_forbidden(group(["PT", "My"], dim=2), "bcd")
    'PT forbids the Berry curvature dipole: it turns Omega into -Omega at every k.'
    """
    operations = list(symmetry) if isinstance(symmetry, PointGroup) else as_operations(symmetry)
    if tensor_form(operations, term).count:
        return ""
    how = transformation(term)
    title = TITLES.get(how.name, how.name)
    dim = operations[0].dim
    eye = np.eye(dim)
    inversion, reversal, both = Operation(-eye), Operation(eye, True), Operation(-eye, True)
    if index_of(operations, reversal) is not None and how.time_reversal < 0:
        return f"T forbids the {title}: what time reversal makes of it is its negative."
    if index_of(operations, both) is not None and how.time_reversal > 0:
        return f"PT forbids the {title}: it turns Omega into -Omega at every k."
    if index_of(operations, inversion) is not None:
        name = "C2z (or P)" if dim == 2 else "P"
        return f"{name} forbids the {title}: a current even in E must be odd under inversion."
    for count in (1, 2, 3):
        for chosen in combinations(operations, count):
            if not tensor_form(list(chosen), term).count:
                names = " and ".join(operation.label for operation in chosen)
                return f"{names} {'forbids' if count == 1 else 'together forbid'} the {title}."
    return f"The operations together forbid the {title}."


def matrix(form: TensorForm) -> list[str]:
    """The components as rows i and columns jk, each written in the independent ones; '.' is zero."""
    letters = "xyz"[: form.dim]
    columns = [f"{j}{j}" for j in letters] + (["xy"] if form.dim == 2 else ["yz", "xz", "xy"])
    cells = [["", *columns]]
    cells += [[i, *(_cell(form, i + pair) for pair in columns)] for i in letters]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]


def _cell(form: TensorForm, name: str) -> str:
    if name in form.independent:
        return name
    return form.written(name) if name in form.relations else "."
