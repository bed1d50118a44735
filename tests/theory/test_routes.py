"""The three routes at a point of k: they agree with each other and with e G.E and (e**2/2) E.G.E."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from inspect import getsource
from itertools import combinations

import numpy as np
import pytest
from scipy.linalg import expm

import sigmaijk as sg
from sigmaijk.model import Model
from sigmaijk.theory.frames import frames
from sigmaijk.theory.route import survey
from sigmaijk.theory.routes import ROUTES, FieldModified
from sigmaijk.theory.wave_packet import FINE, moments, normalisation
from support import assert_forbidden, assert_same
from theory.route_models import MODELS, RANDOM, hermitian, some_field, some_points

TOLERANCE = {"perturbation": 1e-8, "luttinger-kohn": 1e-8, "wave-packet": 1e-4}
WEAK = 1e-6
CONSTRUCTIONS = ("frames", "links", "route", "perturbation", "wave_packet", "luttinger_kohn")


def setting(name: str, parameter: float) -> tuple[Model, np.ndarray, np.ndarray]:
    model = MODELS[name]()
    k = some_points(model, 4 if model.dim == 2 else 2)
    return model, k, some_field(model, k, parameter)


def expected(model: Model, k: np.ndarray, E: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e G.E and (e**2/2) E.G.E from the geometry, which no route uses."""
    connection = sg.band_geometry(model, k).band_normalized_metric @ E
    return connection, 0.5 * connection @ E


@cache
def answers(name: str, route: str, parameter: float = WEAK) -> tuple[FieldModified, FieldModified]:
    model, k, E = setting(name, parameter)
    return sg.theory.field_modified(model, k, E, route), sg.theory.field_modified(model, k, -E, route)


def odd_connection(name: str, route: str) -> np.ndarray:
    forward, backward = answers(name, route)
    return 0.5 * (forward.connection_change - backward.connection_change)


def even_energy(name: str, route: str) -> np.ndarray:
    forward, backward = answers(name, route)
    return 0.5 * (forward.energy_change + backward.energy_change)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("route", ROUTES)
def test_each_route_gives_the_connection_and_the_energy_of_the_paper(name: str, route: str) -> None:
    """Eqs. 5 and 7 from the parts odd and even in E."""
    connection, energy = expected(*setting(name, WEAK))
    assert_same(odd_connection(name, route), connection, rtol=TOLERANCE[route], floor=1e-9)
    assert_same(even_energy(name, route), energy, rtol=TOLERANCE[route], floor=1e-16)


@pytest.mark.parametrize("name", MODELS)
def test_the_routes_agree_with_each_other(name: str) -> None:
    for one, other in combinations(ROUTES, 2):
        rtol = max(TOLERANCE[one], TOLERANCE[other])
        assert_same(odd_connection(name, one), odd_connection(name, other), rtol=rtol, floor=1e-9)
        assert_same(even_energy(name, one), even_energy(name, other), rtol=rtol, floor=1e-16)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("route", ROUTES)
def test_the_error_of_a_route_is_honest_and_small(name: str, route: str) -> None:
    """The deviation of odd and even parts is within the reported error, itself within ten times the tolerance."""
    connection, energy = expected(*setting(name, WEAK))
    found = answers(name, route)[0]
    assert (np.abs(odd_connection(name, route) - connection) <= found.connection_error + 1e-11 * abs(connection)).all()
    assert (np.abs(even_energy(name, route) - energy) <= found.energy_error + 1e-11 * abs(energy)).all()
    assert found.connection_error.max() <= 10 * TOLERANCE[route] * np.abs(connection).max()
    assert found.energy_error.max() <= 10 * TOLERANCE[route] * np.abs(energy).max()


def remainders(name: str, route: str, parameter: float) -> tuple[float, float]:
    model, k, E = setting(name, parameter)
    connection, energy = expected(model, k, E)
    found = sg.theory.field_modified(model, k, E, route)
    return np.abs(found.connection_change - connection).max(), np.abs(found.energy_change - energy).max()


@pytest.mark.parametrize("name", [name for name in RANDOM if not name.endswith("3D")])
@pytest.mark.parametrize("route", ROUTES)
def test_remainders_are_of_the_next_order_in_the_field(name: str, route: str) -> None:
    """Second order in the connection, third in the energy; Eq. 18 to second order leaves none in the energy."""
    wide, narrow = remainders(name, route, 0.04), remainders(name, route, 0.02)
    _, energy = expected(*setting(name, 0.04))
    assert 1.9 < np.log2(wide[0] / narrow[0]) < 2.3
    if route == "luttinger-kohn":
        assert wide[1] < 1e-12 * np.abs(energy).max()
    else:
        assert wide[1] > 1e-6 * np.abs(energy).max()
        assert 2.9 < np.log2(wide[1] / narrow[1]) < 3.3


@pytest.mark.parametrize("route", ROUTES)
def test_parity_times_time_reversal_raises_the_order_of_the_toy_model(route: str) -> None:
    wide, narrow = remainders("toy", route, 0.08), remainders("toy", route, 0.04)
    assert 2.9 < np.log2(wide[0] / narrow[0]) < 3.3
    if route != "luttinger-kohn":
        assert 3.9 < np.log2(wide[1] / narrow[1]) < 4.3


def crossing() -> sg.ContinuumModel:
    """Two bands that touch at k = 0 alone, both coupled to a third one 1 eV above."""
    rng = np.random.default_rng(3)
    matrices = [hermitian(rng, 3) for _ in range(4)]

    def value(kx: float, ky: float) -> np.ndarray:
        first = kx * matrices[0] + ky * matrices[1]
        return np.diag([0.0, 0.0, 1.0]) + first + kx * ky * matrices[2] + ky * ky * matrices[3]

    return sg.ContinuumModel(value, 2)


@pytest.mark.parametrize("route", ROUTES)
def test_bands_that_touch_at_one_point_are_one_group_there(route: str) -> None:
    """Only the trace over the pair exists, and it is that of G."""
    model, k, E = crossing(), np.zeros((1, 2)), np.array([2e-6, -1e-6])
    connection, energy = expected(model, k, E)
    forward = sg.theory.field_modified(model, k, E, route)
    backward = sg.theory.field_modified(model, k, -E, route)
    odd = 0.5 * (forward.connection_change - backward.connection_change)
    assert_same(odd, connection, rtol=TOLERANCE[route], floor=1e-7)
    assert_same(0.5 * (forward.energy_change + backward.energy_change), energy, rtol=TOLERANCE[route], floor=1e-13)
    assert np.array_equal(forward.connection_change[:, 0], forward.connection_change[:, 1])


def test_the_generator_removes_the_interband_field_to_first_order() -> None:
    """What is left between bands is that of W^+ H0 W + i e E.W^+ d_k W, W = U exp(S), and falls off as E**2."""
    model, k, E = setting("continuum-3", 1e-3)
    residue = sg.theory.field_modified(model, k, E, "luttinger-kohn").off_diagonal_residue
    half = sg.theory.field_modified(model, k, E / 2, "luttinger-kohn").off_diagonal_residue
    assert residue is not None
    assert half is not None
    assert_same(residue, 4.0 * half, rtol=1e-6, floor=1e-9)
    assert_same(residue, [transformed_off_diagonal(model, point, E) for point in k], rtol=1e-2, floor=1e-9)
    field = np.linalg.norm(E) * np.sqrt(np.trace(sg.band_geometry(model, k).quantum_metric, axis1=2, axis2=3).max())
    assert_forbidden(residue, field, rtol=1e-2)


def transformed_off_diagonal(model: sg.ContinuumModel, k: np.ndarray, E: np.ndarray) -> float:
    """Largest off-diagonal element of the exactly transformed Hamiltonian, by matrix exponentials and differences."""
    step = 1e-4 * E / np.linalg.norm(E)
    centre = np.linalg.eigh(model.hamiltonian(k)[0])[1]

    def states(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, vectors = np.linalg.eigh(model.hamiltonian(q)[0])
        overlap = np.einsum("on,on->n", centre.conj(), vectors)
        vectors = vectors * overlap.conj() / np.abs(overlap)
        difference = energy[None, :] - energy[:, None] + np.eye(len(energy))
        rate = vectors.conj().T @ np.einsum("a,amn->mn", E, model.derivatives(q)[0]) @ vectors
        S = 1j * rate / difference**2 * (1 - np.eye(len(energy)))
        return energy, vectors @ expm(S)

    _, W = states(k)
    slope = (states(k + step)[1] - states(k - step)[1]) / 2e-4
    H = W.conj().T @ model.hamiltonian(k)[0] @ W + 1j * np.linalg.norm(E) * W.conj().T @ slope
    return float(np.abs(H - np.diag(np.diag(H))).max())


def test_delta_normalises_the_packet() -> None:
    """1 + delta**2: the norm has no term of second order in E, though delta has."""
    model, k, E = setting("continuum-3", 0.05)
    label, rate = np.arange(3), survey(model, k, 1e-6).rate
    packet = moments(model, k, label, FINE.width / rate, FINE.axis(FINE.spacing), frames(model, k, label).vectors)
    for scale in (1.0, 0.5):
        delta, admixed = normalisation(packet, np.broadcast_to(scale * E, (1, *k.shape)))
        assert_same((1.0 - delta) ** 2 + admixed - 1.0, delta**2, rtol=1e-6, floor=1e-8)


@pytest.mark.parametrize("module", CONSTRUCTIONS)
def test_no_route_imports_the_geometry_or_a_term(module: str) -> None:
    tree = ast.parse(getsource(import_module(f"sigmaijk.theory.{module}")))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names
    assert not {name for name in names if name.split(".")[0] in ("geometry", "term", "terms", "sigmaijk")}
