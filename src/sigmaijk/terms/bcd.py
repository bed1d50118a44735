"""Berry curvature dipole term, tau**1 (QIANG_2025, Eq. 12)."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray
from ..bands import Bands
from ..bibliography import QIANG_2025
from ..geometry import berry_curvature, velocity_product
from ..term import Term


class BerryCurvatureDipole(Term):
    """I_bc = -1/2 sum int [dk] (v_k Omega^ij + v_j Omega^ik) f0': Eq. 12 after one integration by parts."""

    name = "bcd"
    tau_power = 1
    equation = QIANG_2025.equation(12)
    time_reversal = +1
    index_symmetry = "hook"
    node_power = 2

    def tensor(self, bands: Bands) -> FloatArray:
        product = velocity_product(bands, berry_curvature(bands))
        last = np.moveaxis(product, 1, 3)
        return -0.5 * (last + last.swapaxes(2, 3))

    def modulus(self, bands: Bands) -> FloatArray:
        virtual = bands.modulus(bands.interband_connection, 0)
        completion = bands.curvature_completion()
        if completion is not None:
            virtual = virtual + 0.5 * np.abs(bands.average(completion)).sum(axis=(1, 2))
        return bands.speed() * virtual
