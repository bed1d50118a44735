"""The catalogue of relaxation models of the density matrix: towards what, and how fast at each order in the field.

Order n relaxes as (rho_n - target_n)/(share_n tau). Two ingredients tell all members apart: the shares of tau, and the
target, either f0(H0) or the local equilibrium of the states that the field has dressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import ArgumentError, ArgumentTypeError


@dataclass(frozen=True)
class Relaxation:
    """One way in which the density matrix relaxes."""

    name: str
    shares: tuple[float, float]
    """Relaxation times of the first and the second order in the field, in units of tau."""
    shift: float | None
    """None: towards f0(H0). A number s: towards dressed states filled as f0(eps + s e^2 E.G.E)."""
    meaning: str


CATALOGUE: dict[str, Relaxation] = {
    member.name: member
    for member in (
        Relaxation(
            "dressed",
            (1.0, 1.0),
            -0.5,
            "towards field-dressed states filled by their bare energy <H0> = eps - (e^2/2) E.G.E",
        ),
        Relaxation("adiabatic", (1.0, 0.5), None, "towards f0(H0), the second order with tau/2"),
        Relaxation("uniform", (1.0, 1.0), None, "towards f0(H0), every order with tau"),
        Relaxation("dressed-bare-energy", (1.0, 1.0), 0.0, "towards field-dressed states filled as f0(eps)"),
        Relaxation(
            "dressed-positive-shift",
            (1.0, 1.0),
            0.5,
            "towards field-dressed states filled as f0(eps + (e^2/2) E.G.E)",
        ),
    )
}


def chosen_relaxation(name: object) -> Relaxation:
    """The member of that name; raises ArgumentError that names the nearest one."""
    if not isinstance(name, str):
        raise ArgumentTypeError(f"relaxation must be one of {', '.join(map(repr, CATALOGUE))}, got {name!r}")
    if name not in CATALOGUE:
        close = get_close_matches(name.lower().replace("_", "-").replace(" ", "-"), CATALOGUE, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ArgumentError(f"unknown relaxation {name!r}: the models are {', '.join(map(repr, CATALOGUE))}{hint}")
    return CATALOGUE[name]
