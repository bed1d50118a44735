"""postw90's Berry curvature dipole of trigonal tellurium (TSIRKIN_2018), to its printed digits."""

from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg

CENTRE, SIDE, POINTS = np.array([0.33333, 0.33333, 0.5]), 0.2, 5
SMEARING, DROP = 0.1, 1e-3
AXIAL = ((1, 2), (2, 0), (0, 1))


def printed(path: Path) -> dict[float, np.ndarray]:
    """D_ab by Fermi energy: the file prints the symmetric part and the vector of the antisymmetric one."""
    tensors = {}
    for row in np.loadtxt(path):
        xx, yy, zz, xy, xz, yz, x, y, z = row[2:]
        symmetric = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        tensors[float(row[0])] = symmetric + np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]])
    return tensors


def dipole(model: sg.LatticeModel, fermi_energies: list[float]) -> np.ndarray:
    """D_ab = sum over a box of d_a E Omega_b delta(E - E_F), derivative index first; pairs within 1 meV left out."""
    steps = np.stack(np.meshgrid(*[np.arange(POINTS)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    k = model.cartesian(CENTRE - SIDE / 2 + steps * SIDE / POINTS)
    geometry = sg.band_geometry(model, k)
    gap = np.diff(geometry.energy, axis=1, prepend=-np.inf, append=np.inf)
    alone = np.minimum(gap[:, 1:], gap[:, :-1]) >= DROP
    curvature = np.stack([geometry.berry_curvature[..., i, j] for i, j in AXIAL], axis=-1)
    tensors = []
    for energy in fermi_energies:
        x = (geometry.energy - energy) / SMEARING
        delta = np.where(np.abs(x) <= 5, np.exp(-(x**2)), 0.0) / (np.sqrt(np.pi) * SMEARING) * alone
        tensors.append(np.einsum("kn,kna,knb->ab", delta, geometry.velocity, curvature))
    return np.array(tensors) * SIDE**3 / POINTS**3 / model.volume


@pytest.fixture(scope="module")
def tellurium(data_dir: Path) -> sg.LatticeModel:
    return sg.read_wannier90(data_dir / "Te_w90test_tb.dat.gz")


def test_dipole_of_tellurium_has_the_printed_digits_of_postw90(tellurium: sg.LatticeModel, data_dir: Path):
    """27 numbers printed with six digits at 2, 6 and 8 eV."""
    reference = printed(data_dir / "Te_w90test_gyrotropic_D0_ref.dat")
    for energy, tensor in zip((2.0, 6.0, 8.0), dipole(tellurium, [2.0, 6.0, 8.0]), strict=True):
        expected = reference[energy]
        assert np.abs(expected).max() > 1e-10
        symmetric, printed_part = 0.5 * (tensor + tensor.T), 0.5 * (expected + expected.T)
        twisted, printed_rest = tensor - symmetric, expected - printed_part
        for actual, digits in ((symmetric, printed_part), (twisted, printed_rest)):
            unit = 10.0 ** np.floor(np.log10(np.maximum(np.abs(digits), 1e-300))) * 1e-5
            assert (np.abs(actual - digits) <= 1.01 * unit).all(), (energy, actual, digits)


def test_dipole_of_tellurium_is_exactly_zero_where_no_band_is(tellurium: sg.LatticeModel):
    """postw90 cuts the Gaussian at five widths; 4 and 10 eV lie further than that from every band of the box."""
    values = dipole(tellurium, [2.0, 4.0, 10.0])
    assert np.abs(values[0]).max() > 1e-3
    assert not values[1:].any()
