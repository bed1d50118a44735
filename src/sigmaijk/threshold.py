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
UNSURE = 10.0
"""The same where the change is not known to its own size: rounding of large integrands is no change."""


@dataclass(frozen=True)
class Dependence:
    """A term at one (kT, mu) that another tolerance would change by about its error or more."""

    term: str
    kT: float
    mu: float
    tolerance: float
    """The other tolerance, eV."""
    change: float
    """About what it would change of the largest entry, in the unit of the dataset's term; at most, unless `certain`."""
    error: float
    """The largest reported error of the term there, same unit."""
    certain: bool
    """Whether the change is larger than its own error."""

    def record(self) -> dict[str, object]:
        """For the attributes of a result."""
        return asdict(self)

    def describe(self) -> str:
        """For a warning."""
        how = "would change by about" if self.certain else "may change by up to"
        return (
            f"{self.term} at kT = {self.kT:g}, mu = {self.mu:g} eV {how} {self.change:.2g} with "
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
    """Where (peak,) the tolerance matters, what is certain first, then the worst.

    value, doubt: integrals of all columns and their errors, (peak, c); no point is spent on those of a change, so that
    one may be known only to be below value + doubt. errors: the largest error of each term in natural units, (peak,),
    inf where nothing is known; measure: the factor of [dk] and spin.
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
            error = errors[term.name]
            size, unsure = measure * np.abs(value[:, column]), measure * doubt[:, column]
            certain = size > unsure
            change = np.where(certain, size, size + unsure)
            for n in np.flatnonzero(change > np.where(certain, TOLD, UNSURE) * error):
                sizes = float(factor * change[n]), float(factor * error[n])
                found.append(
                    Dependence(term.name, float(kT[n]), float(mu[n]), tolerance, *sizes, certain=bool(certain[n]))
                )
    return sorted(found, key=lambda one: (not one.certain, -one.change / max(one.error, 1e-300)))
