"""Coarser triangles of a marched surface: moves whose costs are kept from round to round are those found anew."""

import numpy as np
import pytest

from sigmaijk.levelset import coarsening
from sigmaijk.levelset.coarsening import coarsen
from sigmaijk.levelset.field import Field
from sigmaijk.levelset.marching import Surface, march
from sigmaijk.levelset.mesh import Mesh
from sigmaijk.levelset.samples import Cell, Sample, Samples

CELL = Cell(np.full(3, -2.0), 4.0 * np.eye(3), False, (12, 12, 12))


def ellipsoid() -> Surface:
    def sampler(k: np.ndarray) -> Sample:
        q = (k - [0.03, -0.02, 0.01]) * [1.0, 0.7, 1.6]
        velocity = 2 * q * [1.0, 0.7, 1.6]
        energy = (q**2).sum(axis=1)[:, None]
        return Sample(energy, velocity[:, None], np.ones((len(k), 1, 1)), np.zeros_like(energy))

    samples = Samples(Field(sampler, 100_000, 1e-6), CELL, 100_000)
    mesh = Mesh.first(samples, CELL.divisions)
    return march(mesh, samples.energy[:, 0] - 1.0, samples.velocity[:, 0])[0]


def area(surface: Surface) -> float:
    place = surface.start[surface.corner] + surface.image
    return 0.5 * np.linalg.norm(np.cross(place[:, 1] - place[:, 0], place[:, 2] - place[:, 0]), axis=1).sum()


@pytest.mark.parametrize("cosine", [0.5, 0.75])
def test_costs_that_are_kept_are_those_found_anew(monkeypatch, cosine):
    surface = ellipsoid()
    kept = coarsen(surface, cosine, 4.0)
    monkeypatch.setattr(coarsening._Costs, "of", lambda self, key: np.full(len(key), np.nan))
    anew = coarsen(surface, cosine, 4.0)
    assert 20 < len(kept.corner) < 0.8 * len(surface.corner)
    np.testing.assert_array_equal(kept.corner, anew.corner)
    assert area(kept) == pytest.approx(area(surface), rel=0.1)
