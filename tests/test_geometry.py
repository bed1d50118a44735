"""Closed forms of the geometry of bands, sum rules, independent routes, and doublets that are not quite degenerate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

import sigmaijk as sg
from contracts.random_models import (
    POSITIONS,
    Ingredients,
    random_crystals,
    random_ingredients,
    random_points,
    random_unitary,
)
from sigmaijk.models import ContinuumModel, LatticeModel, cumnas, dirac_pt, tilted_dirac
from support import assert_forbidden, assert_same

SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
FIELDS = ("velocity", "inverse_mass", "quantum_metric", "berry_curvature", "band_normalized_metric")
ALL = (*FIELDS, "quantum_metric_dipole")
STEP = 1e-3


class Vector:
    """Geometry of H = e0 + d.sigma (or d.Gamma) from the vector d, its slopes and its second derivatives.

    e = e0 +- |d|, n = d/|d|: g = d_i n . d_j n / 4, G = +- d_i n . d_j n / (4 |d|), Omega = -+ n.(d_i n x d_j n)/2.
    """

    def __init__(self, d: np.ndarray, slope: np.ndarray, bend: np.ndarray, tilt: np.ndarray) -> None:
        """d (k, 3), slope (k, a, 3), bend (k, a, b, 3), tilt (a) the gradient of e0."""
        self.size = np.linalg.norm(d, axis=1)
        r = self.size[:, None, None]
        self.speed = np.einsum("kc,kac->ka", d, slope) / self.size[:, None]
        turn = slope / r - d[:, None] * self.speed[:, :, None] / r**2
        overlap = np.einsum("kac,kbc->kab", turn, turn)
        curved = np.einsum("kc,kabc->kab", d, bend) + np.einsum("kac,kbc->kab", slope, slope)
        mass = (curved - self.speed[:, :, None] * self.speed[:, None]) / r
        solid = np.einsum("kc,kabc->kab", d / self.size[:, None], np.cross(turn[:, :, None], turn[:, None]))
        signs = np.array([-1.0, 1.0])[None, :, None, None]
        self.velocity = tilt + signs[..., 0] * self.speed[:, None]
        self.inverse_mass = signs * mass[:, None]
        self.quantum_metric = np.repeat(0.25 * overlap[:, None], 2, axis=1)
        self.band_normalized_metric = signs * (0.25 * overlap / r)[:, None]
        self.berry_curvature = -0.5 * signs * solid[:, None]
        product = np.einsum("kni,knjl->knijl", self.velocity, self.band_normalized_metric)
        self.quantum_metric_dipole = product - 0.5 * (product.swapaxes(2, 3) + np.moveaxis(product, 2, 4))


# --- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [{}, {"v": 1.3, "m": -0.2, "b": 0.7, "t": 0.4}])
def test_toy_model_of_the_paper_has_its_closed_form_on_every_doublet(parameters: dict[str, float]):
    """Eq. 20 is d.Gamma: each band of a pair carries half of what the pair carries, and PT forbids the curvature."""
    v, m, b, t = ({"v": 1.0, "m": 0.1, "b": 1.0, "t": 0.9} | parameters).values()
    k = np.random.default_rng(1).uniform(-1, 1, (40, 2))
    d = np.column_stack([v * k, m - b * (k**2).sum(axis=1) + t * k[:, 0]])
    slope = np.zeros((40, 2, 3))
    slope[:, 0, 0], slope[:, 1, 1] = v, v
    slope[..., 2] = np.array([t, 0.0]) - 2 * b * k
    bend = np.zeros((40, 2, 2, 3))
    bend[..., 2] = -2 * b * np.eye(2)
    expected, geometry = Vector(d, slope, bend, np.zeros(2)), sg.band_geometry(dirac_pt(**parameters), k)
    energy = np.repeat(expected.size[:, None] * [-1.0, 1.0], 2, axis=1)
    assert_same(geometry.energy, energy, rtol=1e-13, floor=0.1)
    for name in set(ALL) - {"berry_curvature"}:
        pairs = np.repeat(getattr(expected, name), 2, axis=1)
        assert_same(getattr(geometry, name), pairs, rtol=1e-11, floor=0.1)
    assert_forbidden(geometry.berry_curvature, geometry.quantum_metric, rtol=1e-12)


@pytest.mark.parametrize("eta", [1, -1])
def test_gapped_dirac_cone_has_the_textbook_geometry(eta: int):
    """E**2 = v**2 k**2 + m**2: Omega_xy = -+ eta v**2 m/(2 E**3), 4 g = v**2/E**2 - v**4 k k/E**4, G = +- g/E."""
    t, v, m, k = 0.4, 1.3, 0.2, np.random.default_rng(4).normal(size=(30, 2))
    E = np.sqrt(v**2 * (k**2).sum(axis=1) + m**2)[:, None, None]
    geometry = sg.band_geometry(tilted_dirac(t, v, m, eta), k)
    curvature = eta * v**2 * m / (2 * E[:, 0, 0] ** 3)
    metric = v**2 * np.eye(2) / E**2 - v**4 * k[:, :, None] * k[:, None] / E**4
    for band, sign in enumerate((-1, 1)):
        assert_same(geometry.berry_curvature[:, band, 0, 1], -sign * curvature, rtol=1e-12, floor=1e-2)
        assert_same(geometry.quantum_metric[:, band], metric / 4, rtol=1e-12, floor=1e-2)
        assert_same(geometry.band_normalized_metric[:, band], sign * metric / (4 * E), rtol=1e-12, floor=1e-2)
        assert_same(geometry.inverse_mass[:, band], sign * metric * E, rtol=1e-12, floor=1e-2)
        velocity = [t, 0] + sign * v**2 * k / E[:, 0]
        assert_same(geometry.velocity[:, band], velocity, rtol=1e-12, floor=0.1)


def test_dipole_of_the_cone_is_velocity_times_metric():
    """Lambda_xyy = v_x G_yy - v_y G_xy and Lambda_xxx = 0, from the closed forms of v and G."""
    t, v, m, k = 0.4, 1.3, 0.2, np.random.default_rng(4).normal(size=(30, 2))
    E = np.sqrt(v**2 * (k**2).sum(axis=1) + m**2)
    kx, ky = k.T
    G_yy, G_xy = (v**2 / E**2 - v**4 * ky**2 / E**4) / (4 * E), -(v**4) * kx * ky / (4 * E**5)
    expected = (t + v**2 * kx / E) * G_yy - v**2 * ky / E * G_xy
    dipole = sg.band_geometry(tilted_dirac(t, v, m), k).quantum_metric_dipole[:, 1]
    assert_same(dipole[:, 0, 1, 1], expected, rtol=1e-12, floor=1e-2)
    assert_same(dipole[:, 1, 0, 1], -expected / 2, rtol=1e-12, floor=1e-2)
    assert_forbidden(dipole[:, 0, 0, 0], dipole, rtol=1e-14)


def test_weyl_node_is_a_monopole_of_curvature_in_three_dimensions():
    """H = k.sigma + w.k: Omega^ij of the lower band is +eps_ijl k_l / (2 k**3), its flux 2 pi."""
    w, k = np.array([0.3, -0.2, 0.1]), np.random.default_rng(2).normal(size=(30, 3))
    model = ContinuumModel(
        lambda kx, ky, kz: (
            kx * SIGMA[0] + ky * SIGMA[1] + kz * SIGMA[2] + (w[0] * kx + w[1] * ky + w[2] * kz) * np.eye(2)
        ),
        3,
    )
    slope = np.broadcast_to(np.eye(3), (30, 3, 3))
    expected, geometry = Vector(k, slope, np.zeros((30, 3, 3, 3)), w), sg.band_geometry(model, k)
    for name in ALL:
        assert_same(getattr(geometry, name), getattr(expected, name), rtol=1e-11, floor=0.1)
    field = k / (2 * np.linalg.norm(k, axis=1)[:, None] ** 3)
    for i, j, axis in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert_same(geometry.berry_curvature[:, 0, i, j], field[:, axis], rtol=1e-12, floor=0.1)


def chern_insulator(positions: np.ndarray | None = None) -> LatticeModel:
    """H = sin kx sx + sin ky sy + (1 + cos kx + cos ky) sz on a square lattice of 0.5 nm."""
    hop_x, hop_y = 0.5 * SIGMA[2] - 0.5j * SIGMA[0], 0.5 * SIGMA[2] - 0.5j * SIGMA[1]
    hoppings = {(0, 0): SIGMA[2], (1, 0): hop_x, (0, 1): hop_y, (-1, 0): hop_x.conj().T, (0, -1): hop_y.conj().T}
    return LatticeModel(0.5 * np.eye(2), hoppings, positions=positions)


@pytest.mark.parametrize("positions", [None, [[0.0, 0.1], [0.2, -0.15]]])
def test_curvature_of_a_chern_insulator_integrates_to_two_pi(positions: np.ndarray | None):
    """An analytic periodic integrand: the sum on 64 x 64 points is exact to rounding, wherever the orbitals stand."""
    model = chern_insulator(positions)
    ticks = np.arange(64) / 64
    k = model.cartesian(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2))
    curvature = sg.band_geometry(model, k).berry_curvature[..., 0, 1]
    flux = curvature.mean(axis=0) * (2 * np.pi) ** 2 / model.volume
    assert_same(np.abs(flux), np.full(2, 2 * np.pi), rtol=1e-10, floor=1.0)
    assert_same(flux, np.array([1, -1]) * flux[0], rtol=1e-12, floor=1.0)


# --- one complete set of states with and without position matrices ----------------------------------------------------


@pytest.mark.parametrize("dim", [2, 3])
def test_mixing_orbitals_turns_positions_into_matrices_and_changes_nothing_else(dim: int):
    """A unitary that does not commute with X = diag(tau) makes the position matrix U^+ X U; its connection is flat."""
    rng = np.random.default_rng(8)
    crystal, k = random_ingredients(rng, dim, 3, "diagonal"), random_points(rng, dim, 12)
    mixed, plain = crystal.in_basis(random_unitary(rng, 3)).model(), crystal.model()
    jet = mixed.jet(k, 2)
    assert jet.connection is not None
    assert_forbidden(jet.connection_curl, jet.connection**2, rtol=1e-13)
    assert plain.jet(k, 2).connection is None
    found, expected = sg.band_geometry(mixed, k), sg.band_geometry(plain, k)
    for name in ALL:
        assert_same(getattr(found, name), getattr(expected, name), rtol=1e-10, floor=1e-2)


@pytest.mark.parametrize("dim", [2, 3])
def test_completed_curvature_of_a_subspace_is_that_of_the_whole_space(dim: int):
    """Two of four orbitals whose H is apart but whose positions are not: F restores what the truncated sum lacks.

    The whole space, in the basis where X is diagonal, knows no position matrix. g and G have no completion.
    """
    rng = np.random.default_rng(18)
    inner, outer = (random_ingredients(rng, dim, 2, "none") for _ in range(2))
    outer = Ingredients(inner.lattice, outer.hoppings, outer.positions).with_constant(20.0 * np.eye(2))
    X = np.einsum("ai,ij->aij", rng.uniform(-0.4, 0.4, (dim, 4)), np.eye(4))
    U, k, home = random_unitary(rng, 4), random_points(rng, dim, 12), (0,) * dim
    whole = replace(inner.beside(outer).in_basis(U.conj().T), positions={home: X})
    shifts = {home: (U.conj().T @ X @ U)[:, :2, :2]}
    cells = rng.integers(-1, 2, size=(2, dim))
    subspace = replace(inner, positions=shifts).relabelled(cells).model()
    assert whole.model().jet(k, 1).connection is None
    found, expected = sg.band_geometry(subspace, k), sg.band_geometry(whole.model(), k)
    for name in ("energy", "velocity", "inverse_mass", "berry_curvature"):
        assert_same(getattr(found, name), getattr(expected, name)[:, :2], rtol=1e-10, floor=1e-2)
    completion = subspace.jet(k, 2).connection_curl
    assert np.abs(completion).max() > 0.05 * np.abs(expected.berry_curvature[:, :2]).max()
    for name in ("quantum_metric", "band_normalized_metric"):
        missing = getattr(expected, name)[:, :2] - getattr(found, name)
        assert np.abs(missing).max() > 1e-4 * np.abs(getattr(found, name)).max()


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("dim", [2, 3])
def test_geometry_knows_neither_the_origin_nor_which_cell_an_orbital_is_counted_in(dim: int, positions: str):
    """Every quantity by itself: r - r0 on the diagonal of R = 0, and orbitals moved by lattice vectors with their r."""
    rng = np.random.default_rng(21)
    crystal, k = random_ingredients(rng, dim, 3, positions), random_points(rng, dim, 8)
    moved = crystal.relabelled(rng.integers(-2, 3, size=(3, dim)))
    if positions != "none":
        moved = moved.from_origin(rng.normal(size=dim))
    found, expected = sg.band_geometry(moved.model(), k), sg.band_geometry(crystal.model(), k)
    for name in ALL:
        assert_same(getattr(found, name), getattr(expected, name), rtol=1e-9, floor=1e-3)


def test_positions_change_curvature_and_metric_but_not_the_bands():
    """A model read without its positions has the wrong quantum geometry and the right Drude part."""
    rng = np.random.default_rng(9)
    crystal, k = random_ingredients(rng, 2, 3, "diagonal"), random_points(rng, 2)
    here = sg.band_geometry(crystal.model(), k)
    there = sg.band_geometry(LatticeModel(crystal.lattice, crystal.hoppings), k)
    for name in ("energy", "velocity", "inverse_mass"):
        assert_same(getattr(there, name), getattr(here, name), rtol=1e-11, floor=0.1)
    for name in ("quantum_metric", "berry_curvature", "band_normalized_metric", "quantum_metric_dipole"):
        size = np.abs(getattr(here, name)).max()
        assert np.abs(getattr(there, name) - getattr(here, name)).max() > 1e-2 * size


# --- sum rules --------------------------------------------------------------------------------------------------------


@given(random_crystals())
@settings(max_examples=25)
def test_sums_over_all_bands_are_traces_of_the_hamiltonian(crystal):
    """sum v = Tr dH, sum w = Tr ddH, sum G = 0, and sum Omega = Tr F, which is the curl of the traced connection."""
    _, ingredients, k = crystal
    model = ingredients.model()
    geometry, jet = sg.band_geometry(model, k), model.jet(k, 2)
    assert jet.hessian is not None
    velocity, mass = (np.trace(x, axis1=-2, axis2=-1).real for x in (jet.gradient, jet.hessian))
    assert_same(geometry.velocity.sum(axis=1), velocity, rtol=1e-9, floor=1e-3)
    assert_forbidden(geometry.inverse_mass.sum(axis=1) - mass, geometry.inverse_mass, rtol=1e-11)
    assert_forbidden(geometry.band_normalized_metric.sum(axis=1), geometry.band_normalized_metric, rtol=1e-11)
    curl = 0.0 if jet.connection_curl is None else np.trace(jet.connection_curl, axis1=-2, axis2=-1).real
    assert_forbidden(geometry.berry_curvature.sum(axis=1) - curl, geometry.berry_curvature, rtol=1e-11)


def test_curvatures_of_a_truncated_space_need_not_sum_to_zero():
    """The position matrices of Wannier functions remember the bands that were left out."""
    rng = np.random.default_rng(10)
    geometry = sg.band_geometry(random_ingredients(rng, 2, 3, "matrices").model(), random_points(rng, 2))
    total = geometry.berry_curvature.sum(axis=1)
    assert np.abs(total).max() > 1e-2 * np.abs(geometry.berry_curvature).max()


@given(random_crystals())
@settings(max_examples=25)
def test_metrics_are_symmetric_and_of_the_right_sign(crystal):
    """g >= 0 for all bands and G <= 0 for the lowest, >= 0 for the highest; Omega**2 <= 4 det g without matrices."""
    _, ingredients, k = crystal
    geometry = sg.band_geometry(ingredients.model(), k)
    for name in ("quantum_metric", "band_normalized_metric", "inverse_mass"):
        tensor = getattr(geometry, name)
        assert_forbidden(tensor - tensor.swapaxes(2, 3), tensor, rtol=1e-14)
    curvature = geometry.berry_curvature
    assert_forbidden(curvature + curvature.swapaxes(2, 3), curvature, rtol=1e-14)
    eigenvalues = np.linalg.eigvalsh(geometry.quantum_metric)
    assert (eigenvalues >= -1e-12 * eigenvalues.max()).all()
    outer = np.linalg.eigvalsh(geometry.band_normalized_metric)
    assert (outer[:, 0] <= 1e-12 * np.abs(outer).max()).all()
    assert (outer[:, -1] >= -1e-12 * np.abs(outer).max()).all()
    if ingredients.model().jet(k, 2).connection is None:
        g = geometry.quantum_metric[..., :2, :2]
        assert (curvature[..., 0, 1] ** 2 <= 4 * np.linalg.det(g) * (1 + 1e-9) + 1e-15).all()


# --- independent routes -----------------------------------------------------------------------------------------------


def links(model: LatticeModel, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """<u_n(first)|u_n(second)> of each band, (k, n): a model without position matrices."""
    states = [np.linalg.eigh(model.hamiltonian(k))[1] for k in (first, second)]
    return np.einsum("kmn,kmn->kn", states[0].conj(), states[1])


@pytest.mark.parametrize("dim", [2, 3])
def test_metric_is_the_loss_of_overlap_of_neighbouring_states(dim: int):
    """-2 ln |<u(k - q/2)|u(k + q/2)>| = g_ab q_a q_b + O(q**4), for q along x, y and x + y: g is no derivative of H."""
    rng = np.random.default_rng(11)
    model, k = random_ingredients(rng, dim, 3, "diagonal").model(), random_points(rng, dim, 20)
    g = sg.band_geometry(model, k).quantum_metric
    for direction in (np.eye(dim)[0], np.eye(dim)[1], np.eye(dim)[0] + np.eye(dim)[1]):
        loss = []
        for q in (STEP * direction, 2 * STEP * direction):
            loss.append(-np.log(np.abs(links(model, k - q / 2, k + q / 2))) * 2 / STEP**2)
        found = (16 * loss[0] - loss[1]) / 12
        assert_same(found, np.einsum("a,knab,b->kn", direction, g, direction), rtol=1e-6, floor=1e-3)


def test_curvature_is_the_phase_around_a_small_square():
    """-arg of the product of four links is Omega_xy times the area, for the sign Omega = d_x A_y - d_y A_x."""
    rng = np.random.default_rng(11)
    model, k = random_ingredients(rng, 2, 3, "diagonal").model(), random_points(rng, 2, 20)
    phase = []
    for h in (STEP, 2 * STEP):
        corners = [k + h / 2 * np.array(c) for c in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        around = np.prod([links(model, corners[n - 1], corners[n]) for n in (1, 2, 3, 0)], axis=0)
        phase.append(-np.angle(around) / h**2)
    found = (4 * phase[0] - phase[1]) / 3
    assert_same(found, sg.band_geometry(model, k).berry_curvature[..., 0, 1], rtol=1e-6, floor=1e-3)


@pytest.mark.parametrize("positions", POSITIONS)
def test_metric_over_gap_is_the_second_order_shift_of_energy_in_a_field(positions: str):
    """H + E.r has the levels e_n + E.G.E/2 + ..., where r is the interband part of i d_k + A^W.

    Second-order perturbation theory gives sum_m |E.A_nm|**2/(e_n - e_m); here it is the bend of exact eigenvalues.
    """
    rng = np.random.default_rng(13)
    model, k = random_ingredients(rng, 2, 3, positions).model(), random_points(rng, 2, 6)
    jet, geometry = model.jet(k, 1), sg.band_geometry(model, k)
    direction = np.array([0.6, -0.8])
    for point in range(len(k)):
        energy, U = np.linalg.eigh(jet.value[point])
        V = U.conj().T @ np.tensordot(direction, jet.gradient[point], axes=1) @ U
        r = 1j * V / (energy[None, :] - energy[:, None] + np.eye(3))
        if jet.connection is not None:
            r = r + U.conj().T @ np.tensordot(direction, jet.connection[point], axes=1) @ U
        np.fill_diagonal(r, 0.0)
        h = 1e-2 * np.diff(energy).min() / np.abs(r).max()
        shifts = [np.linalg.eigvalsh(np.diag(energy) + s * h * r) - energy for s in (-2, -1, 1, 2)]
        found = (16 * (shifts[1] + shifts[2]) - (shifts[0] + shifts[3])) / (12 * h**2)
        expected = direction @ geometry.band_normalized_metric[point] @ direction
        assert_same(found, expected, rtol=1e-6, floor=1e-4)


@pytest.mark.parametrize("positions", POSITIONS)
def test_velocity_and_inverse_mass_are_differences_of_the_spectrum(positions: str):
    rng = np.random.default_rng(14)
    model, k = random_ingredients(rng, 2, 3, positions).model(), random_points(rng, 2, 10)
    geometry = sg.band_geometry(model, k)

    def energy(x: float, y: float) -> np.ndarray:
        return np.linalg.eigvalsh(model.hamiltonian(k + STEP * np.array([x, y])))

    slope = (8 * (energy(1, 0) - energy(-1, 0)) - energy(2, 0) + energy(-2, 0)) / (12 * STEP)
    assert_same(geometry.velocity[..., 0], slope, rtol=1e-8, floor=0.1)
    mixed = (energy(1, 1) - energy(1, -1) - energy(-1, 1) + energy(-1, -1)) / (4 * STEP**2)
    assert_same(geometry.inverse_mass[..., 0, 1], mixed, rtol=1e-4, floor=0.1)  # second order, rounding over STEP**2


# --- doublets that are not quite degenerate ---------------------------------------------------------------------------


def split_doublets(splitting: float) -> tuple[LatticeModel, LatticeModel, np.ndarray]:
    """H x 1_2 plus a random constant of the given size (eV), and without it, in a random basis."""
    rng = np.random.default_rng(15)
    crystal, k = random_ingredients(rng, 2, 3, "diagonal").twice(), random_points(rng, 2, 10)
    kick = rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6))
    kick = kick + kick.conj().T
    kick *= 0.5 * splitting / np.abs(np.linalg.eigvalsh(kick)).max()
    return crystal.with_constant(kick).model(), crystal.model(), k


@pytest.mark.parametrize("splitting", [1e-9, 1e-8, 1e-7])
def test_a_doublet_split_below_the_tolerance_has_the_geometry_of_the_doublet(splitting: float):
    """The difference is of first order in splitting / gap, here (eV) times a few for the powers of the gap."""
    split, exact, k = split_doublets(splitting)
    found, expected = sg.band_geometry(split, k), sg.band_geometry(exact, k)
    assert (np.diff(found.energy)[:, ::2] > 1e-3 * splitting).all()
    for name in ALL:
        assert_same(getattr(found, name), getattr(expected, name), rtol=100 * splitting, floor=1e-2)
        pairs = getattr(found, name)
        np.testing.assert_array_equal(pairs[:, ::2], pairs[:, 1::2])


def test_without_a_tolerance_the_split_doublet_is_two_wild_bands():
    """What the tolerance is for: the sum over the twin of a nearly degenerate band is noise over the splitting."""
    split, _, k = split_doublets(1e-8)
    safe = sg.band_geometry(split, k).band_normalized_metric
    assert (
        np.abs(sg.band_geometry(split, k, degeneracy_tol=0.0).band_normalized_metric).max() > 1e3 * np.abs(safe).max()
    )


@pytest.mark.parametrize("distance", [1e-9, 1e-8, 1e-7])
def test_a_crossing_of_independent_bands_is_the_same_just_beside_it(distance: float):
    """Two crystals in one basis: within the tolerance of their crossing the group's trace is F_1 + F_2 of that k."""
    rng = np.random.default_rng(16)
    first, second = (random_ingredients(rng, 2, 2, "matrices") for _ in range(2))
    second = Ingredients(first.lattice, second.hoppings, second.positions)
    k = random_points(rng, 2, 1)
    levels = [np.linalg.eigvalsh(crystal.model().hamiltonian(k))[0] for crystal in (first, second)]
    second = second.with_constant((levels[0][1] - levels[1][0] + distance) * np.eye(2))
    joined = first.beside(second).in_basis(random_unitary(rng, 4)).model()
    found = sg.band_geometry(joined, k)
    alone = [sg.band_geometry(crystal.model(), k) for crystal in (first, second)]
    assert (np.abs(found.energy[0, 1:3] - levels[0][1]) < 2 * distance).all()
    for name in ALL:
        expected = 0.5 * (getattr(alone[0], name)[0, 1] + getattr(alone[1], name)[0, 0])
        for band in (1, 2):
            assert_same(getattr(found, name)[0, band], expected, rtol=1000 * distance, floor=1e-3)


# --- the public function ----------------------------------------------------------------------------------------------


def test_shapes_are_those_of_the_contract():
    geometry = sg.band_geometry(cumnas(direction=(0.8, 0.0, 0.6)), np.full((3, 2), 0.3))
    assert geometry.energy.shape == (3, 4)
    assert geometry.velocity.shape == (3, 4, 2)
    assert (
        geometry.inverse_mass.shape == geometry.berry_curvature.shape == geometry.quantum_metric.shape == (3, 4, 2, 2)
    )
    assert geometry.band_normalized_metric.shape == (3, 4, 2, 2)
    assert geometry.quantum_metric_dipole.shape == (3, 4, 2, 2, 2)


def test_no_points_give_empty_arrays():
    geometry = sg.band_geometry(dirac_pt(), np.empty((0, 2)))
    assert geometry.energy.shape == (0, 4)
    assert geometry.quantum_metric_dipole.shape == (0, 4, 2, 2, 2)


def test_a_long_batch_is_cut_into_chunks_without_a_trace(monkeypatch: pytest.MonkeyPatch):
    k = np.random.default_rng(17).uniform(-1, 1, (100, 2))
    whole = sg.band_geometry(tilted_dirac(0.3), k)
    monkeypatch.setattr("sigmaijk.geometry.CHUNK_BYTES", 1)
    for name in ALL:
        assert_same(getattr(sg.band_geometry(tilted_dirac(0.3), k), name), getattr(whole, name), rtol=1e-14, floor=0.1)


def test_a_single_band_has_slopes_and_no_quantum_geometry():
    """One band fills its space: nothing is left to sum over."""
    model = LatticeModel(np.eye(2), {(1, 0): [[0.5]], (-1, 0): [[0.5]], (0, 0): [[0.0]]})
    geometry = sg.band_geometry(model, [[0.3, 1.0]])
    assert_same(geometry.velocity[0, 0], np.array([-np.sin(0.3), 0.0]), rtol=1e-14, floor=0.1)
    assert_same(geometry.inverse_mass[0, 0], np.array([[-np.cos(0.3), 0.0], [0.0, 0.0]]), rtol=1e-14, floor=0.1)
    for name in ("quantum_metric", "berry_curvature", "band_normalized_metric", "quantum_metric_dipole"):
        assert not getattr(geometry, name).any()


@pytest.mark.parametrize("tolerance", [-1e-9, np.nan, np.inf])
def test_a_tolerance_must_be_finite_and_not_negative(tolerance: float):
    with pytest.raises(sg.ArgumentError, match=r"degeneracy_tol must be finite and not negative \(eV\)"):
        sg.band_geometry(dirac_pt(), np.zeros((1, 2)), degeneracy_tol=tolerance)


@pytest.mark.parametrize("k", [np.zeros((2, 3)), np.zeros(3), [[np.nan, 0.0]]])
def test_momenta_must_be_finite_and_of_the_dimension_of_the_model(k: np.ndarray):
    with pytest.raises(sg.ArgumentError, match="k must"):
        sg.band_geometry(dirac_pt(), k)
