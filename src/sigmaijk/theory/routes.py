"""`sg.theory.field_modified`: Berry connection and band energy in an electric field, by any of three routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import FloatArray
from ..errors import ArgumentError, ArgumentTypeError
from ..model import Model, as_model, as_points, as_reals
from ..request import not_negative
from . import luttinger_kohn, perturbation, wave_packet
from .route import Change, Survey, survey

Route = Callable[..., Change]
ROUTES: dict[str, Route] = {
    "perturbation": perturbation.change,
    "wave-packet": wave_packet.change,
    "luttinger-kohn": luttinger_kohn.change,
}
STRONGEST_FIELD = 0.5
"""Largest e|E.A_mn|/|e_n - e_m|: beyond it the neglected orders are as large as those kept."""
CHUNK_BYTES = 8_000_000


@dataclass(frozen=True)
class FieldModified:
    """Changes of all bands at a batch of k in a field (QIANG_2025, Eqs. 5 and 7); each band carries its group's mean.

    The errors are numerical (rounding, truncation of links, width and mesh of packets); they do not contain the higher
    orders in E that the values carry, of order E**2 in the connection and E**3 in the energy.
    """

    connection_change: FloatArray
    """Modified less field-free Berry connection, (nk, n, dim), nm; e G.E to first order."""
    connection_error: FloatArray
    """(nk, n, dim), nm."""
    energy_change: FloatArray
    """Modified less field-free band energy, gauge-dependent e E.A left out, (nk, n), eV; (e**2/2) E.G.E."""
    energy_error: FloatArray
    """(nk, n), eV."""
    off_diagonal_residue: FloatArray | None = None
    """Luttinger-Kohn: largest interband element of the transformed Hamiltonian, (nk,), eV, of order E**2; else None."""


def field_modified(
    model: Model, k: ArrayLike, E: ArrayLike, route: str, *, degeneracy_tol: float = 1e-6
) -> FieldModified:
    """Field-modified Berry connection and energy of every band (QIANG_2025, Secs. 2-4), charge -e, H = H0 + e E.r.

    k: (nk, dim), Cartesian, 1/nm. E: (dim,), V/nm. degeneracy_tol: bands whose energies form a chain of steps of at
        most so many eV are one group, which the field does not mix within; each carries the trace over its size.
    route: "perturbation" (Eqs. 4-7), "wave-packet" (Eqs. 15, 16; slow, and its error is the largest) or
        "luttinger-kohn" (Eqs. 18, 19). Each follows its own construction.

    Raises ArgumentError or ArgumentTypeError for a bad argument, and ArgumentError, with the k, the bands and the gap,
    where e|E.A_mn|/|e_n - e_m| exceeds 0.5: there is no small parameter at such a near-degeneracy.

    >>> import sigmaijk as sg
    >>> found = sg.theory.field_modified(sg.models.tilted_dirac(0.2), [[0.1, 0.0]], [1e-6, 0.0], "perturbation")
    >>> found.connection_change.shape, found.energy_change.shape
    ((1, 2, 2), (1, 2))
    """
    model = as_model(model)
    points = as_points(k, model.dim)
    field = _checked_field(E, model.dim)
    known_route(route)
    degeneracy_tol = not_negative("degeneracy_tol", degeneracy_tol, "eV")
    seen = survey(model, points, degeneracy_tol)
    _check_strength(points, field, seen, degeneracy_tol)
    found = evaluate(model, points, np.broadcast_to(field, (1, *points.shape)), route, seen)
    residue = None if found.residue is None else found.residue[0]
    return FieldModified(
        found.connection[0], found.connection_error[0], found.energy[0], found.energy_error[0], residue
    )


def evaluate(
    model: Model, k: FloatArray, fields: FloatArray, route: str, seen: Survey, **options: wave_packet.Packet
) -> Change:
    """The changes at surveyed points k (p, dim) in fields (f, p, dim); trusts its input."""
    f, p, n, d = len(fields), len(k), model.n_bands, model.dim
    member = ROUTES[route]
    residue = np.zeros((f, p)) if route == "luttinger-kohn" else None
    found = Change(np.zeros((f, p, n, d)), np.zeros((f, p, n, d)), np.zeros((f, p, n)), np.zeros((f, p, n)), residue)
    size = max(1, CHUNK_BYTES // (16 * n * n * 8 * d * (f + d)))
    for label, index in seen.patterns():
        for start in range(0, len(index), size):
            here = index[start : start + size]
            part = member(model, k[here], fields[:, here], label, seen.rate[here], **options)
            found.connection[:, here], found.connection_error[:, here] = part.connection, part.connection_error
            found.energy[:, here], found.energy_error[:, here] = part.energy, part.energy_error
            if found.residue is not None and part.residue is not None:
                found.residue[:, here] = part.residue
    return found


def known_route(route: str) -> str:
    """The name of a route, checked."""
    if not isinstance(route, str):
        raise ArgumentTypeError(f"route must be one of {', '.join(map(repr, ROUTES))}, got {route!r}")
    if route not in ROUTES:
        close = get_close_matches(route.lower(), ROUTES, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ArgumentError(f"unknown route {route!r}: the routes are {', '.join(map(repr, ROUTES))}{hint}")
    return route


def _checked_field(E: ArrayLike, dim: int) -> FloatArray:
    field = as_reals("E", E, f"{dim} real numbers in V/nm")
    if field.shape != (dim,):
        raise ArgumentError(f"E must have shape ({dim},) for a model of dimension {dim}, V/nm, got shape {field.shape}")
    if not np.isfinite(field).all():
        raise ArgumentError(f"E must be finite (V/nm), got {field.tolist()}")
    return field


def _check_strength(k: FloatArray, field: FloatArray, seen: Survey, degeneracy_tol: float) -> None:
    strength = np.abs(np.einsum("a,pamn->pmn", field, seen.mixing))
    if not strength.size or strength.max() <= STRONGEST_FIELD:
        return
    at, m, n = map(int, np.unravel_index(strength.argmax(), strength.shape))
    low, high = sorted((m, n))
    gap = abs(seen.energy[at, high] - seen.energy[at, low])
    where = ", ".join(f"{x:.6g}" for x in k[at])
    weaker = np.linalg.norm(field) * STRONGEST_FIELD / strength[at, m, n]
    raise ArgumentError(
        f"e|E.A|/gap must be at most {STRONGEST_FIELD:g} to expand in E, got {strength[at, m, n]:.3g} at k = ({where})"
        f" 1/nm between bands {low} and {high}, gap {gap:.3g} eV: use |E| below {weaker:.3g} V/nm, another k, or a "
        f"degeneracy_tol (now {degeneracy_tol:g} eV) above that gap, which makes the two bands one group"
    )
