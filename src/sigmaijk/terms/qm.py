"""Quantum metric dipole term, tau**0, in the form WPD (QIANG_2025, Eqs. 13 and 14)."""

from __future__ import annotations

from ..arrays import FloatArray
from ..bands import Bands
from ..bibliography import QIANG_2025
from ..geometry import quantum_metric_dipole
from ..term import Term


class QuantumMetricDipole(Term):
    """I_qm = sum int [dk] Lambda^ijk f0' with Lambda^ijk = v_i G^jk - (v_j G^ik + v_k G^ij)/2."""

    name = "qm"
    tau_power = 0
    equation = QIANG_2025.equation(14)
    time_reversal = -1
    index_symmetry = "hook"
    node_power = 3

    def tensor(self, bands: Bands) -> FloatArray:
        return quantum_metric_dipole(bands)

    def modulus(self, bands: Bands) -> FloatArray:
        return bands.speed() * 2.0 * bands.modulus(bands.damped(bands.interband_connection, 0.5), 1)
