"""Monolayer WTe2, 44 bands: with a field all three terms, without it only what time reversal allows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg

FERMI_ENERGY = -0.1746
MAXIMUM_WITH_FIELD = {"drude": 0.00244648, "bcd": 0.0906220, "qm": 78.073}
"""Largest |I| among the nine levels at kT = 1 meV, natural units (benchmarks/wte2.py)."""


def monolayer(folder: Path, name: str) -> sg.LatticeModel:
    reference = json.loads((folder / "WTe2_1L_zeeman_small_ref.json").read_text(encoding="utf-8"))
    lattice = np.diag(reference["lattice_Ang"]) / 10
    counts = reference["orbitals_per_atom"]
    atoms = [np.array(atom[1:]) @ lattice for atom in reference["atoms_direct"]]
    positions = np.concatenate([np.tile(atom, (2 * n, 1)) for atom, n in zip(atoms, counts, strict=True)])
    return sg.read_wannier90(folder / name, lattice=lattice, positions=positions, fermi_energy=FERMI_ENERGY, dim=2)


@pytest.mark.long
def test_field_allows_all_three_terms_and_the_errors_cover_a_finer_run(data_dir: Path):
    """Three of the nine levels of benchmarks/wte2.py; the reference values are those of a run at rtol = 5e-3."""
    finer = {
        "drude": [-1.2141e-4, 2.97331e-4, -2.82274e-4],
        "bcd": [0.00967396, -0.0146061, 0.00398152],
        "qm": [-0.628575, 3.02673, -0.408282],
    }
    model = monolayer(data_dir, "WTe2_1L_zeeman_hr.dat.gz")
    ds = sg.conductivity(model, [-0.03, 0.01, 0.05], 1e-3, rtol=5e-2, progress=False)
    assert ds.attrs["converged"] == 1
    for term, expected in finer.items():
        value = ds[f"{term}_natural"].values[0].reshape(3, -1)
        error = ds[f"{term}_natural_error"].values[0].reshape(3, -1).max(axis=1)
        largest = value[np.arange(3), np.abs(value).argmax(axis=1)]
        assert (np.abs(largest - expected) <= 3 * error + 1e-4 * np.abs(expected)).all(), term
        assert (error <= 5e-2 * np.abs(expected)).all(), term


@pytest.mark.long
def test_time_reversal_leaves_only_the_berry_curvature_dipole(data_dir: Path):
    """T = 0, nine levels at least 3 meV from the Kramers nodes 9.73 and 13.65 meV above the Fermi energy."""
    levels = np.array([-30, -20, -10, -3, 3, 6, 17, 30, 50]) * 1e-3
    assert (np.abs(levels[:, None] - np.array([9.73e-3, 13.65e-3])) >= 3e-3).all()
    ds = sg.conductivity(monolayer(data_dir, "WTe2_1L_hr.dat.gz"), levels, rtol=5e-2, progress=False)
    assert ds.attrs["converged"] == 1
    assert ds.attrs["singular"] == "[]"
    assert json.loads(ds.attrs["odd_in_k"]) == ["drude", "qm"]
    for term in ("drude", "qm"):
        error = ds[f"{term}_natural_error"].values
        assert (np.abs(ds[f"{term}_natural"].values) <= 3 * error).all()
        assert error.max() <= 1e-2 * MAXIMUM_WITH_FIELD[term]
    size = np.abs(ds["bcd_natural"].values).max(axis=(2, 3, 4))
    assert (size >= 10 * ds["bcd_natural_error"].values.max(axis=(2, 3, 4))).all()


def test_time_reversed_pairs_cancel_without_the_symmetry_being_used(data_dir: Path):
    """What `odd_in_k` asserts, seen in the integrand: F(-k) = -F(k) for the T-odd terms, +F(k) for the dipole."""
    model = monolayer(data_dir, "WTe2_1L_hr.dat.gz")
    k = np.random.default_rng(5).random((40, 2)) @ model.reciprocal
    there, back = sg.band_geometry(model, k), sg.band_geometry(model, -k)
    for quantity, sign in (("quantum_metric_dipole", -1), ("velocity", -1), ("berry_curvature", -1)):
        a, b = getattr(there, quantity), getattr(back, quantity)
        assert np.abs(a - sign * b).max() <= 1e-7 * np.abs(a).max()
