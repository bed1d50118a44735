"""CuMnAs: the printed Hamiltonian, its symmetries, its nodes, and responses from an independent program."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.errors import ArgumentError, ArgumentTypeError
from sigmaijk.models import cumnas
from support import assert_forbidden, assert_same

K = np.random.default_rng(8).uniform(-np.pi, np.pi, size=(40, 2))
SX, SY, SZ = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
ONE = np.eye(2)
OBLIQUE = (0.8, 0.0, 0.6)
ROOM = sg.kelvin(300)

# sigma_qm,yxx in (e**2/hbar)(a/V) for t = 1 eV at 300 K, n = (0.8, 0, 0.6): an independent program, ten stable digits.
METRIC_OBLIQUE = {-1.0: 0.01867602417, -0.2: 0.002770053626, 0.6: -0.006743807290}
# The same with n along x, for mu far from the nodes: (qm yxx, Drude yyy, Drude yxx), digits that two grids share.
ALONG_X = {
    -1.0: (0.021923932, -0.058953986, 0.006647405),
    -0.6: (0.058045214, -0.027013364, 0.030691009),
    1.0: (0.008765227, -0.092135493, 0.016091326),
}


def grid_sums(model: sg.LatticeModel, mus: list[float], kT: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """I_qm and I_d on a uniform grid, (mu, i, j, k); the Drude part as -1/2 int v_i v_j v_k f0'', without masses."""
    ticks = (np.arange(points) + 0.5) / points
    k = model.cartesian(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2))
    metric, drude = np.zeros((2, len(mus), 2, 2, 2))
    for part in np.array_split(k, max(1, len(k) // 20000)):
        g = sg.band_geometry(model, part)
        slopes = np.array([-0.25 / kT / np.cosh(np.clip((g.energy - mu) / (2 * kT), -300, 300)) ** 2 for mu in mus])
        metric += np.einsum("mkn,knabc->mabc", slopes, g.quantum_metric_dipole, optimize=True)
        bends = np.array([-np.tanh((g.energy - mu) / (2 * kT)) / kT for mu in mus]) * slopes
        drude -= 0.5 * np.einsum("mkn,kna,knb,knc->mabc", bends, *[g.velocity] * 3, optimize=True)
    return metric / (points**2 * model.volume), drude / (points**2 * model.volume)


# --- the Hamiltonian --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("t", "n", "a"), [(1.0, (1.0, 0.0, 0.0), 1.0), (0.7, (0.0, 0.6, 0.8), 0.4)])
def test_hamiltonian_is_the_printed_one(t: float, n: tuple[float, float, float], a: float):
    """The sublattices half a cell apart make cos(kx a/2) cos(ky a/2); basis tau x sigma, sigma running fastest."""
    x, y = (K[:, axis, None, None] for axis in (0, 1))
    expected = (
        -2 * t * np.cos(x / 2) * np.cos(y / 2) * np.kron(SX, ONE)
        - 0.08 * t * (np.cos(x) + np.cos(y)) * np.eye(4)
        + 0.8 * t * (np.sin(x) * np.kron(SZ, SY) - np.sin(y) * np.kron(SZ, SX))
        + 0.6 * t * np.kron(SZ, n[0] * SX + n[1] * SY + n[2] * SZ)
    )
    assert_same(cumnas(t, n, a).hamiltonian(K / a), expected, rtol=1e-14, floor=0.1)


def test_levels_come_in_pairs_under_space_and_time_reversal_together():
    energy = np.linalg.eigvalsh(cumnas(direction=OBLIQUE).hamiltonian(K))
    assert_forbidden(energy[:, 1::2] - energy[:, ::2], energy, rtol=1e-14)
    geometry = sg.band_geometry(cumnas(direction=OBLIQUE), K)
    assert_forbidden(geometry.berry_curvature, geometry.quantum_metric, rtol=1e-12)


@pytest.mark.parametrize(("ky", "level"), [(0.270, 0.0271), (0.730, 0.1329)])
def test_pairs_meet_at_the_printed_nodes_when_the_moments_lie_along_x(ky: float, level: float):
    """kx = pi/a, sin(ky a) = J/lambda = 3/4: E = -t'(cos kx + cos ky), which is 0.1329 t at ky = 0.730 pi/a."""
    t, a = 0.5, 0.4
    angle = np.arcsin(0.75) if ky < 0.5 else np.pi - np.arcsin(0.75)
    assert angle / np.pi == pytest.approx(ky, abs=5e-4)
    energy = np.linalg.eigvalsh(cumnas(t, (1, 0, 0), a).hamiltonian([[np.pi / a, angle / a]]))[0]
    assert energy == pytest.approx(np.full(4, level * t), abs=5e-5 * t)
    assert np.ptp(energy) < 1e-14


@pytest.mark.parametrize(
    ("n", "gap"), [((1, 1, 0), 0.27), ((np.sqrt(3), 1, 0), 0.235), (OBLIQUE, 0.72), ((0, 0, 1), 1.2)]
)
def test_other_directions_open_the_printed_gap(n: tuple[float, float, float], gap: float):
    """Smallest distance of the two pairs, in t, on a grid fine enough for the digits that are printed."""
    ticks = np.linspace(0, 2 * np.pi, 241)
    k = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    energy = np.linalg.eigvalsh(cumnas(direction=n).hamiltonian(k))
    assert (energy[:, 2] - energy[:, 1]).min() == pytest.approx(gap, abs=6e-3)


def test_only_the_direction_of_the_moments_counts():
    found, expected = (cumnas(direction=n).hamiltonian(K) for n in ((4, 0, 3), OBLIQUE))
    assert_same(found, expected, rtol=1e-15, floor=0.1)
    assert cumnas(direction=(4, 0, 3)).name == "cumnas(t=1.0, direction=(0.8, 0.0, 0.6), a=1.0)"
    assert np.linalg.norm(OBLIQUE) == pytest.approx(1.0, abs=1e-15)


def test_turning_moments_and_crystal_by_a_right_angle_exchanges_the_axes():
    """sigma_xyy of n along y is -sigma_yxx of n along x: kx, ky, sx, sy -> ky, -kx, sy, -sx."""
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    along_x, along_y = (
        sg.band_geometry(cumnas(direction=(1, 0, 0)), K),
        sg.band_geometry(cumnas(direction=(0, -1, 0)), K),
    )
    turned = sg.band_geometry(cumnas(direction=(0, -1, 0)), K @ quarter.T)
    assert_same(turned.energy, along_x.energy, rtol=1e-13, floor=0.1)
    expected = np.einsum("ai,bj,ck,pnijk->pnabc", *[quarter] * 3, along_x.quantum_metric_dipole)
    assert_same(turned.quantum_metric_dipole, expected, rtol=1e-11, floor=0.1)
    assert np.abs(along_y.energy - along_x.energy).max() > 0.01


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"t": np.inf}, ArgumentError, "t must be finite, got inf"),
        ({"t": "1"}, ArgumentTypeError, r"t must be a number, got '1' \(str\)"),
        ({"direction": (1, 0)}, ArgumentError, r"direction must be three finite numbers, got \(1, 0\)"),
        ({"direction": (1, 0, np.nan)}, ArgumentError, "direction must be three finite numbers"),
        ({"direction": "xyz"}, ArgumentTypeError, "direction must be three numbers, got 'xyz'"),
        ({"direction": (0, 0, 0)}, ArgumentError, "direction must not be the zero vector"),
        ({"a": 0.0}, ArgumentError, r"a must be above zero \(nm\), got 0.0"),
    ],
)
def test_parameters_that_make_no_crystal_are_refused(arguments, error: type[Exception], problem: str):
    with pytest.raises(error, match=problem):
        cumnas(**arguments)


# --- responses --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oblique_sums() -> np.ndarray:
    """I_qm of n = (0.8, 0, 0.6) at the printed mu, on a grid that is exact to 1e-12."""
    return grid_sums(cumnas(direction=OBLIQUE), list(METRIC_OBLIQUE), ROOM, 320)[0]


def test_grid_sum_of_the_gapped_crystal_has_the_printed_digits(oblique_sums: np.ndarray):
    expected = list(METRIC_OBLIQUE.values())
    assert_same(oblique_sums[:, 1, 0, 0], expected, rtol=1e-9, floor=1e-3)
    assert_same(oblique_sums[:, 0, 0, 1], -0.5 * np.array(expected), rtol=1e-9, floor=1e-3)
    assert_forbidden(oblique_sums[:, 0, 1, 1], expected, rtol=1e-9)


def test_conductivity_of_the_gapped_crystal_is_the_printed_one(oblique_sums: np.ndarray):
    """Within the error that it states, and within the tolerance."""
    mus = list(METRIC_OBLIQUE)
    dataset = sg.conductivity(cumnas(direction=OBLIQUE), mus, ROOM, terms="qm", rtol=1e-3, progress=False)
    assert dataset.attrs["converged"] == 1
    found = dataset["qm_natural"].values[0]
    assert_same(found[:, 1, 0, 0], list(METRIC_OBLIQUE.values()), rtol=1e-3, floor=1e-3)
    error = dataset["qm_error"].values[0] * (found[0, 1, 0, 0] / dataset["qm"].values[0, 0, 1, 0, 0])
    assert (np.abs(found - oblique_sums) <= error + 1e-15).all()


def test_conductivity_on_grids_has_all_printed_digits():
    """To 1e-8; where the bumps are broad, grids are the cheapest way to so many."""
    mus, expected = list(METRIC_OBLIQUE), list(METRIC_OBLIQUE.values())
    dataset = sg.conductivity(
        cumnas(direction=OBLIQUE), mus, ROOM, terms="qm", rtol=1e-8, method="trapezoid", progress=False
    )
    assert dataset.attrs["converged"] == 1
    found = dataset["qm_natural"].values[0]
    for column, one in enumerate(expected):
        assert_same(found[column, 1, 0, 0], one, rtol=1e-8, floor=1e-3)
        assert_same(found[column, 0, 0, 1], -0.5 * one, rtol=1e-8, floor=1e-3)
        assert_forbidden(found[column, 0, 1, 1], one, rtol=1e-8)


def test_conductivity_scales_with_the_cell_and_the_hopping():
    """I_qm has the unit nm/eV: a -> 0.4 nm and t, mu, kT -> half leave I a**-1 t."""
    dataset = sg.conductivity(cumnas(0.5, OBLIQUE, 0.4), -0.5, ROOM / 2, terms="qm", rtol=1e-3, progress=False)
    assert_same(dataset["qm_natural"].values[0, 0, 1, 0, 0], 0.4 / 0.5 * METRIC_OBLIQUE[-1.0], rtol=1e-3, floor=1e-3)


@pytest.mark.filterwarnings("ignore::sigmaijk.errors.ConvergenceWarning")
def test_metric_dipole_near_the_gapless_nodes_is_said_to_diverge():
    """mu = 0.2 eV is 2.6 kT above the upper node: error = inf for qm alone, with the nodes in the attributes."""
    with pytest.warns(sg.SingularResponseWarning, match="qm diverges: gapless tilted node"):
        dataset = sg.conductivity(cumnas(), 0.2, 0.02585, max_k_points=20_000, progress=False)
    assert dataset.attrs["converged"] == 0
    assert np.isfinite(dataset["qm"].values).all()
    assert np.isinf(dataset["qm_error"].values).any()
    for name in ("drude", "bcd"):
        assert np.isfinite(dataset[f"{name}_error"].values).all()
    records = json.loads(dataset.attrs["singular"])
    assert all(record["terms"] == ["qm"] for record in records)
    found = sorted([*record["k"], record["energy"]] for record in records)
    angle = np.arcsin(0.75)
    expected = [[np.pi, ky, 0.08 * (1 - np.cos(ky))] for ky in (angle, np.pi - angle)]
    assert_same(found, expected, rtol=1e-9, floor=1.0)


@pytest.mark.filterwarnings("ignore::sigmaijk.errors.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sigmaijk.errors.SingularResponseWarning")
def test_near_the_gapless_nodes_the_metric_dipole_spoils_no_other_term():
    """The grid sums of qm do not settle; that of the Drude term is 1.5 % off, as v jumps at the nodes."""
    model, mu, kT = cumnas(), 0.2, 0.02585
    dataset = sg.conductivity(model, mu, kT, max_k_points=40_000, progress=False)
    assert dataset.attrs["converged"] == 0
    error = dataset["drude_error"].values[0, 0].max() / np.abs(dataset["drude"].values).max()
    assert 0 < error < 0.1
    coarse, fine = (grid_sums(model, [mu], kT, points) for points in (120, 240))
    assert_same(dataset["drude_natural"].values[0, 0], fine[1][0], rtol=0.02, floor=1e-3)
    assert np.abs(coarse[0] - fine[0]).max() > 0.1 * np.abs(fine[0]).max()


def test_far_from_the_nodes_both_terms_have_the_printed_digits_on_a_grid():
    """At 24 kT and more the nodes hardly weigh, and the grid settles again."""
    metric, drude = grid_sums(cumnas(), list(ALONG_X), ROOM, 360)
    expected = np.array(list(ALONG_X.values()))
    assert_same(metric[:, 1, 0, 0], expected[:, 0], rtol=1e-7, floor=1e-3)
    assert_same(drude[:, 1, 1, 1], expected[:, 1], rtol=1e-7, floor=1e-3)
    assert_same(drude[:, 1, 0, 0], expected[:, 2], rtol=1e-7, floor=1e-3)


@pytest.mark.filterwarnings("error")
def test_far_from_the_nodes_the_conductivity_is_the_printed_one():
    dataset = sg.conductivity(cumnas(), -0.6, ROOM, terms=["drude", "qm"], rtol=1e-3, progress=False)
    assert (dataset.attrs["converged"], json.loads(dataset.attrs["singular"])) == (1, [])
    metric, longitudinal, transverse = ALONG_X[-0.6]
    assert_same(dataset["qm_natural"].values[0, 0, 1, 0, 0], metric, rtol=1e-3, floor=1e-3)
    drude = dataset["drude_natural"].values[0, 0]
    assert_same([drude[1, 1, 1], drude[1, 0, 0]], [longitudinal, transverse], rtol=1e-3, floor=1e-3)
