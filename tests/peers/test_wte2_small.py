"""Intrinsic conductivity of monolayer WTe2 in a field, on a fixed grid, against an independent program's numbers.

The stored numbers follow rules of their own: pairs of bands closer than 1 meV are left out, not averaged, and the
orbitals are placed on the atoms in the order of its POSCAR, Te before W, although the file has W before Te (see the
last test). So they test the reader, what positions do and the formula, not a physical value.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.symmetry import verify
from sigmaijk.units import E_SQUARED_OVER_HBAR
from support import assert_same
from symmetry.symmetry_models import wte2

FERMI_ENERGY, DROP, NEAR = -0.1746, 1e-3, 1.0


def positions_of(reference: dict) -> np.ndarray:
    """Orbital positions in nm as the reference takes them: Te first, each atom once for each orbital and spin."""
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


def test_the_orbitals_of_the_file_are_those_of_w_first(data_dir: Path):
    """Two arguments from H without field, none of them from the reference: levels on the sites, and the mirror.

    Inversion takes W to W and Te to Te, so the levels <0a|H|0a> of two atoms of a kind agree up to their order: to
    10 meV if the first 10 of the 22 orbitals are the d shells of two W, by 0.9 eV and more if the first 12 are the p
    shells of four Te. With W first the mirror takes H along to 1e-7 meV, and inversion to 9 meV; with Te first no
    matrix does either.
    """
    model = wte2(data_dir, "WTe2_1L_hr.dat.gz")
    k = model.cartesian(np.stack(np.meshgrid(*[np.arange(9) / 9] * 2, indexing="ij"), axis=-1).reshape(-1, 2))
    levels = model.hamiltonian(k).mean(axis=0).diagonal().real[::2]

    def apart(counts: list[int]) -> float:
        """Distance of the sorted levels of each shell to those of the nearest other one as large, the worst."""
        shells = [np.sort(part) for part in np.split(levels, np.cumsum(counts)[:-1])]
        return max(
            min(np.abs(one - two).max() for m, two in enumerate(shells) if m != n and len(two) == len(one))
            for n, one in enumerate(shells)
        )

    assert apart([5, 5, 3, 3, 3, 3]) < 0.01
    assert apart([3, 3, 3, 3, 5, 5]) > 0.5
    assert verify(model, ["Mx"]).violation < 1e-10
    assert 0.005 < verify(model, ["P"], tolerance=0.01).violation < 0.01
    reference = json.loads((data_dir / "WTe2_1L_zeeman_small_ref.json").read_text(encoding="utf-8"))
    misplaced = sg.read_wannier90(
        data_dir / "WTe2_1L_hr.dat.gz",
        lattice=np.diag(reference["lattice_Ang"]) / 10,
        positions=positions_of(reference),
        dim=2,
    )
    with pytest.raises(sg.ArgumentError, match="Mx is not a symmetry"):
        verify(misplaced, ["Mx"])
