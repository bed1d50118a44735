"""Nonlinear Drude term, tau**2 (QIANG_2025, Eq. 11)."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray
from ..bands import Bands
from ..bibliography import QIANG_2025
from ..geometry import inverse_mass, velocity_product
from ..term import Term


class Drude(Term):
    """I_d = sum int [dk] w^jk v_i f0', symmetrised in ijk: Eq. 11 after one integration by parts."""

    name = "drude"
    tau_power = 2
    equation = QIANG_2025.equation(11)
    time_reversal = -1
    index_symmetry = "symmetric"
    node_power = 1
    jet_order = 2

    def tensor(self, bands: Bands) -> FloatArray:
        product = velocity_product(bands, inverse_mass(bands))
        return (product + product.swapaxes(1, 2) + np.moveaxis(product, 1, 3)) / 3.0

    def modulus(self, bands: Bands) -> FloatArray:
        """The direct and the interband part of w apart; as that split depends on the basis, so does this, a little."""
        direct = np.abs(bands.average(bands.inverse_mass_direct())).sum(axis=(1, 2))
        return bands.speed() * (direct + 2.0 * bands.modulus(bands.interband_velocity, 1))
