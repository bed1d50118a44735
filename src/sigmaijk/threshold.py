"""What the degeneracy tolerance decides: a result that changes with it by more than its error says so.

Pairs of bands whose gap lies between a tenth of the tolerance and ten times it would change sides if the tolerance
were varied by ten. The sampler evaluates the integrands of such points both ways, on the same vectors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from .arrays import FloatArray
from .sampler import FACTOR, BandSampler
from .units import si_factor

TOLD = 0.5
"""Share of the error above which a change is told: what is compared is a sum of entries of both signs."""


@dataclass(frozen=True)
class Dependence:
    """A term at one (kT, mu) that another tolerance would change by about its error or more."""

    term: str
    kT: float
    mu: float
    tolerance: float
    """The other tolerance, eV."""
    change: float
    """About what it would change of the largest entry, in the unit of the dataset's term."""
    error: float
    """The largest reported error of the term there, same unit."""

    def record(self) -> dict[str, object]:
        """For the attributes of a result."""
        return asdict(self)

    def describe(self) -> str:
        """For a warning."""
        return (
            f"{self.term} at kT = {self.kT:g}, mu = {self.mu:g} eV would change by about {self.change:.2g} with "
            f"degeneracy_tol = {self.tolerance:g} eV, {self.change / self.error:.2g} times its error"
        )


def dependences(
    sampler: BandSampler,
    value: FloatArray,
    doubt: FloatArray,
    errors: dict[str, FloatArray],
    measure: float,
    kT: FloatArray,
    mu: FloatArray,
) -> list[Dependence]:
    """Where (peak,) the tolerance matters, the worst first.

    value, doubt: integrals of all columns and their errors, (peak, c): a change within its own error is none; errors:
    the largest error of each term in natural units, (peak,), inf where nothing is known; measure: the factor of [dk]
    and spin.
    """
    found: list[Dependence] = []
    if value.shape[1] < sampler.columns.width:
        return found  # a run that ended before anything was known
    for term in sampler.terms:
        factor = si_factor(term.tau_power)
        for column, tolerance in zip(
            sampler.columns.watched.get(term.name, ()),
            (sampler.degeneracy_tol * FACTOR, sampler.degeneracy_tol / FACTOR),
            strict=False,
        ):
            change, error = measure * np.abs(value[:, column]), errors[term.name]
            certain = np.abs(value[:, column]) > doubt[:, column]
            for n in np.flatnonzero((change > TOLD * error) & certain):
                sizes = float(factor * change[n]), float(factor * error[n])
                found.append(Dependence(term.name, float(kT[n]), float(mu[n]), tolerance, *sizes))
    return sorted(found, key=lambda one: -one.change / max(one.error, 1e-300))
