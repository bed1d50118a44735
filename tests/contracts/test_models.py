"""What every published model owes."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk import bibliography
from sigmaijk.model import Model
from sigmaijk.models import catalogue
from support import assert_forbidden, assert_same

every_model = pytest.mark.parametrize("name", catalogue())
REQUIRED = 0.3
"""What a parameter without a default is set to."""


def example(name: str) -> Model:
    """A published model with its defaults."""
    slots = inspect.signature(catalogue()[name]).parameters.values()
    return catalogue()[name](**{slot.name: REQUIRED for slot in slots if slot.default is slot.empty})


def some_points(model: Model, number: int = 6) -> np.ndarray:
    rng = np.random.default_rng(3)
    if model.periodic:
        return rng.random((number, model.dim)) @ model.reciprocal
    return model.scale * rng.uniform(-1, 1, (number, model.dim))


def difference(function: Callable[[np.ndarray], np.ndarray], model: Model, direction: int) -> np.ndarray:
    """Central difference of fourth order at some points; its error is about 1e-11 of the function's scale."""
    k, step = some_points(model), 2e-3 * np.eye(model.dim)[direction]
    near, far = function(k + step) - function(k - step), function(k + 2 * step) - function(k - 2 * step)
    return (8 * near - far) / (12 * 2e-3)


@every_model
def test_a_published_model_carries_its_name_and_parameters(name: str):
    parameters = inspect.signature(catalogue()[name]).parameters
    model = example(name)
    assert model.name.startswith(f"{name}(")
    assert all(f"{parameter}=" in model.name for parameter in parameters)
    assert catalogue()[name] is getattr(sg.models, name)


@every_model
def test_a_published_model_cites_a_paper_of_the_bibliography(name: str):
    papers = [key for key, paper in vars(bibliography).items() if isinstance(paper, bibliography.Paper)]
    assert any(paper in (catalogue()[name].__doc__ or "") for paper in papers)


@every_model
def test_the_hamiltonian_and_its_derivatives_are_hermitian(name: str):
    model = example(name)
    k = some_points(model)
    for matrices in (model.hamiltonian(k), model.derivatives(k, 1), model.derivatives(k, 2)):
        assert_forbidden(matrices - matrices.conj().swapaxes(-1, -2), model.derivatives(k, 1), rtol=1e-14)
    assert model.hamiltonian(k).shape == (len(k), model.n_bands, model.n_bands)


@every_model
def test_derivatives_are_those_of_the_hamiltonian(name: str):
    model = example(name)
    k = some_points(model)
    gradient, hessian = model.derivatives(k, 1), model.derivatives(k, 2)
    size = np.abs(gradient).max()
    for a in range(model.dim):
        assert_same(gradient[:, a], difference(model.hamiltonian, model, a), rtol=1e-9, floor=1e-3)
        slopes = difference(lambda q: model.derivatives(q, 1), model, a)
        assert np.abs(hessian[:, a] - slopes).max() <= 1e-9 * size  # a Dirac cone has no second derivatives


@every_model
def test_a_copy_on_another_process_gives_the_same_bits(name: str):
    model = example(name)
    k = some_points(model)
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.name, copy.dim, copy.n_bands, copy.periodic) == (model.name, model.dim, model.n_bands, model.periodic)
    np.testing.assert_array_equal(copy.jet(k, 2).value, model.jet(k, 2).value)
    np.testing.assert_array_equal(copy.jet(k, 2).gradient, model.jet(k, 2).gradient)
    np.testing.assert_array_equal(copy.jet(k, 2).hessian, model.jet(k, 2).hessian)


@every_model
def test_the_geometry_is_finite_and_the_slopes_are_those_of_the_bands(name: str):
    """v = d eps/dk and w = d v/dk by differences of the spectrum, through the doublets of PT-symmetric models too."""
    model = example(name)
    k = some_points(model)
    geometry = sg.band_geometry(model, k)
    for field in vars(geometry).values():
        assert np.isfinite(field).all()

    def energy(q: np.ndarray) -> np.ndarray:
        return np.linalg.eigvalsh(model.hamiltonian(q))

    def velocity(q: np.ndarray) -> np.ndarray:
        return sg.band_geometry(model, q).velocity

    for a in range(model.dim):
        assert_same(geometry.velocity[..., a], difference(energy, model, a), rtol=1e-7, floor=1e-2)
        assert_same(geometry.inverse_mass[..., a, :], difference(velocity, model, a), rtol=1e-6, floor=1e-2)
