"""The catalogue of response terms, in descending power of tau."""

from __future__ import annotations

from ..term import Term
from .bcd import BerryCurvatureDipole
from .drude import Drude
from .qm import QuantumMetricDipole

CATALOGUE: dict[str, Term] = {term.name: term for term in (Drude(), BerryCurvatureDipole(), QuantumMetricDipole())}

__all__ = ["CATALOGUE", "BerryCurvatureDipole", "Drude", "QuantumMetricDipole"]
