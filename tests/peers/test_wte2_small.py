"""Intrinsic conductivity of monolayer WTe2 in a field, on a fixed grid, against an independent program's numbers.

The stored numbers follow a rule of their own (pairs of bands closer than 1 meV are left out, not averaged), so they
test the reader, the positions and the formula, not a physical value.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.units import E_SQUARED_OVER_HBAR
from support import assert_same

FERMI_ENERGY, DROP, NEAR = -0.1746, 1e-3, 1.0


def positions_of(reference: dict) -> np.ndarray:
    """Orbital positions in nm: every atom once for each orbital and spin, spin running fastest."""
    lattice = np.diag(reference["lattice_Ang"]) / 10
    counts = reference["orbitals_per_atom"]
    atoms = [np.array(atom[1:]) @ lattice for atom in reference["atoms_direct"]]
    return np.concatenate([np.tile(atom, (2 * n, 1)) for atom, n in zip(atoms, counts, strict=True)])


def grid_sums(model: sg.LatticeModel, energies: np.ndarray, kT: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """I_xyy and I_yxx in nm/eV from V V / (e_n - e_m)**3 on a regular grid of the cell."""
    ticks = -0.5 + np.arange(points) / points
    k = model.cartesian(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2))
    totals = np.zeros((2, len(energies)))
    for part in np.array_split(k, 20):
        energy, vectors = np.linalg.eigh(model.hamiltonian(part))
        rotated = vectors.conj().swapaxes(1, 2)[:, None] @ model.derivatives(part) @ vectors[:, None]
        velocity = np.einsum("kann->kna", rotated).real
        gap = energy[:, :, None] - energy[:, None, :]
        weight = np.divide(2.0, gap**3, out=np.zeros_like(gap), where=np.abs(gap) >= DROP)
        metric = np.einsum("kanm,kbmn,knm->knab", rotated, rotated, weight, optimize=True).real
        for row, (i, j) in enumerate(((0, 1), (1, 0))):
            dipole = velocity[..., i] * metric[..., j, j] - velocity[..., j] * metric[..., i, j]
            for column, level in enumerate(energies):
                x = (energy - level) / kT
                slope = np.where(np.abs(energy - level) < NEAR, -0.25 / kT / np.cosh(np.clip(x / 2, -300, 300)) ** 2, 0)
                totals[row, column] += (dipole * slope).sum()
    return totals / (points**2 * model.volume)


@pytest.mark.parametrize("convention", ["none", "inter"])
def test_sums_on_the_small_grid_agree_with_the_reference(data_dir: Path, convention: str):
    """sigma_yxx changes its sign at +0.03 eV between the two position conventions."""
    reference = json.loads((data_dir / "WTe2_1L_zeeman_small_ref.json").read_text(encoding="utf-8"))
    model = sg.read_wannier90(
        data_dir / "WTe2_1L_zeeman_hr.dat.gz",
        lattice=np.diag(reference["lattice_Ang"]) / 10,
        positions=positions_of(reference) * (convention == "inter"),
        fermi_energy=FERMI_ENERGY,
        dim=2,
    )
    expected = reference["data"][convention]
    xyy, yxx = grid_sums(model, np.array(expected["E_minus_EF_eV"]), kT=0.02, points=41)
    # The file calls the cell a bulk crystal of one layer a cell height and multiplies that height back: a sheet in A.
    angstrom = E_SQUARED_OVER_HBAR * 10
    assert_same(xyy * angstrom, np.array(expected["sigma_xyy_AngA_per_V2"]), rtol=1e-5, floor=1e-6)
    assert_same(yxx * angstrom, np.array(expected["sigma_yxx_AngA_per_V2"]), rtol=1e-5, floor=1e-6)
