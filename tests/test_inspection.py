"""The health report: symmetries by the best unitary or by spectra and curvatures, and gaps at their bottoms."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.cli import main
from sigmaijk.inspection import curvature_parity, inspect_model, unitary_deviation
from sigmaijk.model import Model

LATTICE = "[[0.3477, 0, 0], [0, 0.6249, 0], [0, 0, 2.5]]"


def deviations(model: Model) -> dict[str, float]:
    """Under the best unitary, in meV."""
    return {check.name: 1e3 * (check.matrices or 0.0) for check in inspect_model(model).symmetries}


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        (sg.models.haldane(phi=0.0), {"time reversal"}),
        (sg.models.haldane(M=0.0), {"inversion"}),
        (sg.models.haldane(M=0.0, phi=0.0), {"time reversal", "inversion", "PT"}),
        (sg.models.haldane(), set()),
        (sg.models.cumnas(), {"PT"}),
        (sg.models.dirac_pt(), {"PT"}),
        (sg.models.mnbi2te4_slab(), {"PT"}),
        (sg.models.mnbi2te4_slab(layers=1, t4=0.0), {"inversion"}),
        (sg.models.nodal_line(), {"PT"}),
        (sg.models.tilted_dirac(0.0), set()),
        (sg.models.chiral_crystal(), set()),
    ],
)
def test_each_symmetry_is_found_where_the_model_has_it_and_only_there(model: Model, kept: set[str]):
    """A single massive cone has none of the three, but two-fold axes, which make its energies even."""
    if model.name.startswith("tilted_dirac"):
        kept = {"inversion"}  # k -> -k by sigma_z, a rotation by 180 degrees in the plane
    for name, size in deviations(model).items():
        assert (size < 1e-8) if name in kept else (size > 10.0), (name, size)


def test_deviation_is_the_size_of_what_breaks_the_symmetry():
    """A staggered potential M of the honeycomb is M sigma_z, which inversion turns round: 2 M, or less by luck."""
    for M in (1e-3, 1e-2):
        found = deviations(sg.models.haldane(phi=0.0, M=M))
        assert M * 1e3 <= found["inversion"] <= 2.5e3 * M
        assert found["time reversal"] < 1e-8


def test_the_best_unitary_of_turned_matrices_is_the_turn():
    rng = np.random.default_rng(3)
    matrices = rng.normal(size=(8, 5, 5)) + 1j * rng.normal(size=(8, 5, 5))
    matrices = matrices + matrices.conj().swapaxes(1, 2)
    turn = np.linalg.qr(rng.normal(size=(5, 5)) + 1j * rng.normal(size=(5, 5)))[0]
    turned = turn @ matrices @ turn.conj().T
    assert unitary_deviation(matrices, turned, rng) < 1e-9
    assert unitary_deviation(matrices, turned.conj(), rng) > 0.5
    noise = 1e-3 * np.eye(5)
    assert 1e-4 < unitary_deviation(matrices, turned + noise * [[[1, 0, 0, 0, 0]]], rng) <= 1.1e-3


def test_curvature_tells_time_reversal_from_inversion_where_energies_cannot():
    """Haldane's model without phase has T, without mass P: both have E(k) = E(-k)."""
    k = sg.models.haldane().cartesian(np.random.default_rng(1).random((10, 2)))
    odd, even = curvature_parity(sg.models.haldane(phi=0.0), k)
    assert odd < 1e-9
    assert even > 1.0
    odd, even = curvature_parity(sg.models.haldane(M=0.0), k)
    assert odd > 1.0
    assert even < 1e-9


def test_gapless_nodes_are_named_at_their_place():
    """CuMnAs, n along x: kx = pi, sin ky = 3/4, E = 0.1329 and 0.0271; a ring shows up as some of its points."""
    gaps = [gap for gap in inspect_model(sg.models.cumnas()).gaps if gap.size < 1e-8]
    found = sorted((gap.energy, *np.abs(gap.k)) for gap in gaps)
    angle = np.arcsin(0.75)
    expected = [(0.08 * (1 - np.cos(ky)), np.pi, ky) for ky in (angle, np.pi - angle)]
    assert np.abs(np.array(found) - expected).max() < 1e-6
    assert all(gap.lower_band == 2 for gap in gaps)
    ring = [gap for gap in inspect_model(sg.models.nodal_line()).gaps if gap.size < 1e-8]
    assert len(ring) > 1
    for gap in ring:
        assert np.hypot(*gap.k[:2]) == pytest.approx(np.sqrt(0.2), abs=1e-6)


def test_gaps_are_the_closed_forms_and_only_those_near_the_level():
    """Haldane: 2 |M -+ 3 sqrt(3) t2| at the corners; nothing within 0.5 eV of a level in the bands."""
    sizes = [gap.size for gap in inspect_model(sg.models.haldane(M=0.2, t2=0.05)).gaps]
    assert sizes == pytest.approx([2 * abs(0.2 - 0.15 * np.sqrt(3)), 2 * (0.2 + 0.15 * np.sqrt(3))], rel=1e-6)
    assert len(inspect_model(sg.models.haldane(), mu=0.1).gaps) == 2
    assert inspect_model(sg.models.haldane(), mu=2.5).gaps == []


@pytest.mark.filterwarnings("ignore::sigmaijk.errors.MissingPositionsWarning")
@pytest.mark.filterwarnings("ignore::sigmaijk.errors.InputHealthWarning")
def test_a_file_that_breaks_time_reversal_by_five_millielectronvolts_raises_an_eyebrow(data_dir: Path, capsys):
    raw, clean = (data_dir / f"WTe2_1L{kind}_hr.dat.gz" for kind in ("_raw", ""))
    assert main(["info", str(raw), "--dim", "2", "--lattice-nm", LATTICE, "--mu", "-0.17"]) == 0
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Time reversal is broken by only 5.2 meV" in out
    assert "suspect the T-odd terms (drude, qm)" in out
    assert "broken by at least 5.2 meV (energies), curvature of wrong parity by 1.4 %" in out
    assert main(["info", str(clean), "--dim", "2", "--lattice-nm", LATTICE]) == 0
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "suspect" not in out
    assert "nothing against it: energies to" in out
    assert "pairs of bands 1-2, 3-4, .. split by up to 6.4 meV" in out


def test_position_matrices_that_break_time_reversal_are_told_from_energies_that_do_not(data_dir: Path, capsys):
    """The small Te file, whose D tensor by its own program lacks the symmetry of the crystal too."""
    assert main(["info", str(data_dir / "Te_w90test_tb.dat.gz")]) == 0
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "time reversal broken, though energies agree: curvature of occupied states of wrong parity" in out
    assert "suspect" not in out


def test_info_shows_symmetries_and_where_bands_touch(capsys):
    assert main(["info", "cumnas"]) == 0
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "none: the bands touch at 0.1329 eV, k = (3.142, 2.294) 1/nm" in out
    assert re.search("PT holds to .* a unitary was found", out)
