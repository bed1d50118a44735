"""Table 1 as numbers: its three expressions for the toy model at a few chemical potentials (QIANG_2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import theory
from ..models import dirac_pt
from ..results import CONVENTION
from ..tables import with_error
from ..units import conversion, si_factor, si_unit
from .datasets import UNIT, Column, labelled

if TYPE_CHECKING:
    import xarray as xr

MU = (0.15, 0.25, 0.30)
"""eV."""
KT = 0.002
"""eV."""
DEFORMATION = 0.9
"""t/v."""
COMPONENTS = ("xyy", "yxy", "xxx")
"""What the mirror ky -> -ky of the toy model leaves, yyx = yxy aside."""


def rows() -> xr.Dataset:
    """sigma_ijk of the rows WPD, LKA and QK over mu, with errors."""
    model = dirac_pt(t=DEFORMATION)
    found = [theory.table1(model, mu, KT) for mu in MU]
    factor = si_factor(0) * conversion(si_unit(model.dim, 0), UNIT)
    names = [str(row) for row in found[0]["row"].values]
    axes = ["x", "y"]
    dims = ("mu", "row", "i", "j", "k")
    sources = {str(one.attrs["qk_source"]) for one in found}
    return labelled(
        "Table 1: the quantum metric conductivity of the toy model in three forms",
        {
            "mu": Column(MU, "eV", "chemical potential"),
            "row": Column(names, "1", "row of Table 1"),
            "i": Column(axes, "1", "direction of the current"),
            "j": Column(axes, "1", "direction of the first field"),
            "k": Column(axes, "1", "direction of the second field"),
        },
        {
            "sigma": (dims, Column(factor * np.stack([one["I"].values for one in found]), UNIT, "conductivity")),
            "sigma_error": (
                dims,
                Column(factor * np.stack([one["I_error"].values for one in found]), UNIT, "its absolute error"),
            ),
        },
        convention=f"{CONVENTION.partition(';')[0]}; rows of Table 1",
        model=model.name,
        kT_eV=KT,
        qk_source="; ".join(sorted(sources)),
    )


def table_text(ds: xr.Dataset) -> str:
    """The table for the terminal and for a text file: a line for each mu and row."""
    head = ["mu [eV]", "row", *(f"sigma_{name} [{UNIT}]" for name in COMPONENTS)]
    lines = [head]
    for mu in ds["mu"].values:
        for row in ds["row"].values:
            one = ds.sel(mu=mu, row=row)
            cells = [one.sel(dict(zip("ijk", name, strict=True))) for name in COMPONENTS]
            pairs = [(cell["sigma"].item(), cell["sigma_error"].item()) for cell in cells]
            lines.append([f"{mu:g}", str(row), *(with_error(value, error) for value, error in pairs)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    title = f"{ds.attrs['title']}\n{ds.attrs['model']}, kT = {ds.attrs['kT_eV']:g} eV; QK: {ds.attrs['qk_source']}\n"
    return title + "".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )
