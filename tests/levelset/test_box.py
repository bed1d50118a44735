"""Boxes around level sets whose extent is known in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.bands import solve
from sigmaijk.levelset.box import OpenLevelSet, grow

Sheet = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""k (k, d) -> energy (k,) and gradient (k, d)."""
Shape = Callable[[np.random.Generator, float], tuple[Sheet, np.ndarray]]
"""A random sheet and points of its level set at an energy."""

TURN = np.linspace(0.0, 2.0 * np.pi, 5001)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)


class Counted:
    """Sheets sorted by energy, and how many points were asked for."""

    def __init__(self, *sheets: Sheet) -> None:
        self.sheets, self.points = sheets, 0

    def __call__(self, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.points += len(k)
        parts = [sheet(k) for sheet in self.sheets]
        energy, gradient = (np.stack(arrays, axis=1) for arrays in zip(*parts, strict=True))
        order = np.argsort(energy, axis=1)
        return np.take_along_axis(energy, order, 1), np.take_along_axis(gradient, order[..., None], 1)


class Diagonalised:
    """The sheets of a model."""

    def __init__(self, model: sg.ContinuumModel) -> None:
        self.model, self.points = model, 0

    def __call__(self, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.points += len(k)
        energy = np.empty((len(k), self.model.n_bands))
        gradient = np.empty((*energy.shape, k.shape[1]))
        for index, bands in solve(self.model.jet(k, 1), k, 1e-6):
            energy[index], gradient[index] = bands.energy, np.moveaxis(bands.average(bands.velocity), 1, 2)
        return energy, gradient


def at(mu: float, width: float = 0.0) -> np.ndarray:
    return np.array([[mu - width, mu + width]])


# --- sheets E(q) of all shapes, and points (., 2) of their level sets -------------------------------------------------


def bowl(rng: np.random.Generator, mu: float) -> tuple[Sheet, np.ndarray]:
    return lambda q: ((q**2).sum(axis=1), 2 * q), np.sqrt(mu) * CIRCLE


def warped(rng: np.random.Generator, mu: float) -> tuple[Sheet, np.ndarray]:
    """E = |q|^n + a Re(e^(i alpha) z^n), z = qx + i qy."""
    n, a, alpha = int(rng.choice([2, 4, 6])), rng.uniform(0.3, 0.97), rng.uniform(0, 2 * np.pi)

    def sheet(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z, square = q[:, 0] + 1j * q[:, 1], (q**2).sum(axis=1)
        w = np.exp(1j * alpha) * z ** (n - 1)
        slope = n * (square ** (n // 2 - 1))[:, None] * q + a * n * np.stack([w.real, -w.imag], axis=1)
        return square ** (n // 2) + a * (w * z).real, slope

    return sheet, ((mu / (1 + a * np.cos(n * TURN + alpha))) ** (1 / n))[:, None] * CIRCLE


def hat(rng: np.random.Generator, mu: float) -> tuple[Sheet, np.ndarray]:
    """A Mexican hat, whose level sets are two rings or one."""
    w = 10 ** rng.uniform(-0.5, 2)

    def sheet(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = (q**2).sum(axis=1) - 1
        return w * d**2, 4 * w * d[:, None] * q

    return sheet, np.sqrt(1 + np.sqrt(mu / w)) * CIRCLE


def tilted_cone(rng: np.random.Generator, mu: float) -> tuple[Sheet, np.ndarray]:
    angle, mass = rng.uniform(0, 2 * np.pi), mu * rng.choice([0.0, 0.5])
    tilt = rng.uniform(0, 0.97) * np.array([np.cos(angle), np.sin(angle)])

    def sheet(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = np.sqrt(mass**2 + (q**2).sum(axis=1))
        return q @ tilt + size, tilt + q / size[:, None]

    inverse = np.linalg.inv(np.eye(2) - np.outer(tilt, tilt))  # the contour is a conic
    centre = -mu * inverse @ tilt
    radius = np.sqrt(mu**2 - mass**2 + mu**2 * tilt @ inverse @ tilt)
    return sheet, centre + radius * CIRCLE @ np.linalg.cholesky(inverse).T


def inverted_mass(rng: np.random.Generator, mu: float) -> tuple[Sheet, np.ndarray]:
    """E = sqrt(q**2 + (m - b q**2)**2)."""
    b, mass = 10 ** rng.uniform(-2, 1), mu * rng.uniform(0, 0.9)

    def sheet(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        square = (q**2).sum(axis=1)
        energy = np.sqrt(square + (mass - b * square) ** 2)
        return energy, ((1 - 2 * b * (mass - b * square)) / energy)[:, None] * q

    half = (1 - 2 * b * mass) / (2 * b**2)  # b**2 q**4 + 2 half b**2 q**2 = mu**2 - mass**2
    return sheet, np.sqrt(np.sqrt(half**2 + (mu**2 - mass**2) / b**2) - half) * CIRCLE


def saddle(rng: np.random.Generator, mu: float) -> tuple[Sheet, np.ndarray]:
    """E = (qx**2 - 1)**2 + b qy**2, two valleys."""
    b = 10 ** rng.uniform(-1, 1)

    def sheet(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = q[:, 0] ** 2 - 1
        return d**2 + b * q[:, 1] ** 2, np.stack([4 * q[:, 0] * d, 2 * b * q[:, 1]], axis=1)

    square = 1 + np.sqrt(mu) * CIRCLE[:, 0]
    points = np.stack([np.sqrt(np.maximum(square, 0.0)), np.sqrt(mu / b) * CIRCLE[:, 1]], axis=1)[square >= 0]
    return sheet, np.concatenate([points, -points])


def saturating(rng: np.random.Generator, mu: float) -> tuple[Sheet, np.ndarray]:
    """E = c q**2 / (1 + q**2), constant far out."""
    c = mu * rng.uniform(1.1, 3)

    def sheet(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        square = (q**2).sum(axis=1)
        return c * square / (1 + square), (2 * c / (1 + square) ** 2)[:, None] * q

    return sheet, np.sqrt(mu / (c - mu)) * CIRCLE


SHAPES = {bowl: 100.0, warped: 100.0, hat: 100.0, tilted_cone: 100.0, inverted_mass: 100.0, saddle: 5.0}
"""With the largest ratio of their axes; the square of it is the ratio of masses."""


def random_shape(rng: np.random.Generator, mu: float, size: float) -> tuple[Sheet, float]:
    shape, most = list(SHAPES.items())[rng.integers(len(SHAPES))]
    return placed(rng, mu, size, shape, most)


def placed(rng: np.random.Generator, mu: float, size: float, shape: Shape, most: float) -> tuple[Sheet, float]:
    """A shape, stretched, turned and often shifted, and the largest |coordinate| of its level set."""
    on_circle, points = shape(rng, mu)
    angle = rng.uniform(0, np.pi)
    c, s = np.cos(angle), np.sin(angle)
    S = np.diag([1.0, most ** rng.uniform(0, 1)]) @ np.array([[c, s], [-s, c]]) / size
    centre = rng.choice([0, 1]) * rng.normal(size=2) * size * 10 ** rng.uniform(-2, 0.3)

    def sheet(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, gradient = on_circle((k - centre) @ S.T)
        return energy, gradient @ S

    return sheet, float(np.abs(points @ np.linalg.inv(S).T + centre).max())


def mirrored(sheet: Sheet) -> Sheet:
    def negative(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, gradient = sheet(k)
        return -energy, -gradient

    return negative


@pytest.mark.parametrize("part", range(5))
def test_box_holds_level_sets_of_random_shapes(part: int):
    """Masses that differ by up to 1e4, first boxes 100 times too small to 10 times too large, one sheet or two."""
    points = []
    for seed in range(40 * part, 40 * (part + 1)):
        rng = np.random.default_rng(seed)
        mu, size = 10 ** rng.uniform(-2, 0.3), 10 ** rng.uniform(-1, 1)
        first, extent = random_shape(rng, mu, size)
        sheets, windows = Counted(first), at(mu)
        if rng.random() < 0.5:
            second, other = random_shape(rng, mu, size)
            sheets, windows = Counted(first, mirrored(second)), np.array([[-mu, -mu], [mu, mu]])
            extent = max(extent, other)
        half = extent * 10 ** rng.uniform(-2, 1)
        found = grow(sheets, 2, half, windows)
        assert found >= max(half, extent), seed
        points.append(sheets.points)
    assert np.median(points) < 600


@pytest.mark.parametrize("seed", range(30))
def test_box_holds_pockets_of_sheets_that_level_off(seed: int):
    rng = np.random.default_rng(seed)
    sheet, extent = placed(rng, 0.1, 1.0, saturating, 3.0)
    half = extent * 10 ** rng.uniform(-1, 1)
    sheets = Counted(sheet)
    assert max(half, extent) <= grow(sheets, 2, half, at(0.1)) <= 2.1 * max(half, extent)
    assert sheets.points < 600


@pytest.mark.parametrize("seed", range(20))
def test_box_holds_ellipsoids(seed: int):
    rng = np.random.default_rng(seed)
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    S = np.diag([1.0, *(10 ** rng.uniform(0, 0.8, 2))]) @ turned
    centre = rng.choice([0, 1]) * rng.normal(size=3)
    linear = bool(rng.integers(2))

    def sheet(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        q = (k - centre) @ S.T
        size = np.linalg.norm(q, axis=1)
        return (size, q / size[:, None] @ S) if linear else (size**2, 2 * q @ S)

    extent = np.abs(centre).max() + np.sqrt(np.diag(np.linalg.inv(S.T @ S))).max()
    half = extent * 10 ** rng.uniform(-2, 1)
    sheets = Counted(sheet, mirrored(sheet))
    found = grow(sheets, 3, half, at(1.0))
    reach = (np.abs(centre) + np.sqrt(np.diag(np.linalg.inv(S.T @ S)))).max()
    assert found >= reach
    assert sheets.points < 3000


# --- cases that are easily missed -------------------------------------------------------------------------------------


def needle(angle: float, reach: float, ratio: float = 1e4) -> Sheet:
    """Masses of the given ratio; the level set at 1 extends to `reach`."""
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    A = axes.T @ np.diag([1.0, ratio]) @ axes / reach**2
    return lambda k: (np.einsum("ka,ab,kb->k", k, A, k), 2 * k @ A)


@pytest.mark.parametrize("angle", [0.0, 0.1, 0.4, 0.7, np.pi / 4, 1.3, np.pi / 2, 2.2])
@pytest.mark.parametrize("reach", [1.5, 30.0])
def test_needle_is_seen_where_it_pierces_the_rim(angle: float, reach: float):
    sheets = Counted(needle(angle, reach))
    found = grow(sheets, 2, 1.0, at(1.0))
    tip = reach * max(abs(np.cos(angle)), abs(np.sin(angle)))
    assert tip <= found <= 2.1 * tip
    assert sheets.points < 250


@pytest.mark.parametrize("angle", [0.1, 0.4, 0.6])
@pytest.mark.parametrize("reach", [1.5, 10.0])
@pytest.mark.parametrize("ratio", [100.0, 1000.0])
def test_long_pocket_of_a_sheet_that_levels_off(angle: float, reach: float, ratio: float):
    """E = 3 Q / (2 + Q) for a needle Q: a few widths away from it nothing tells where it is."""
    inner = needle(angle, reach, ratio)

    def sheet(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        Q, slope = inner(k)
        return 3 * Q / (2 + Q), (6 / (2 + Q) ** 2)[:, None] * slope

    tip = reach * max(abs(np.cos(angle)), abs(np.sin(angle)))
    assert tip <= grow(Counted(sheet), 2, 1.0, at(1.0)) <= 2.1 * tip


@pytest.mark.parametrize("width", [0.0, 0.0009])
def test_ring_that_no_other_size_sees(width: float):
    """E = ((k/5)**2 - 1)**2 comes down to the window at five times the first box alone."""

    def sheet(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = (k**2).sum(axis=1) / 25 - 1
        return d**2, 4 * d[:, None] * k / 25

    sheets = Counted(sheet)
    assert 5.07 <= grow(sheets, 2, 1.0, at(0.001, width)) <= 8
    assert sheets.points < 400


def test_every_window_is_looked_at():
    sheets = Counted(lambda k: ((k**2).sum(axis=1), 2 * k))
    windows = np.array([[0.01, 0.02], [0.5, 0.6], [100.0, 120.0]])
    assert np.sqrt(120) <= grow(sheets, 2, 1.0, windows) <= 2 * np.sqrt(120)
    assert grow(sheets, 2, 1.0, windows[:2]) == 1.0


def test_sheet_lost_in_the_rounding_of_another_is_not_held_against_it():
    """Beside k**4 the eigenvalue 0.5 means nothing a million boxes away."""

    c, s = 0.6, 0.8  # states that mix, or rounding would leave the small eigenvalue alone

    def hamiltonian(kx, ky):
        steep = (kx**2 + ky**2) ** 2
        mixed = c * s * (steep - 0.5)
        return [[c**2 * steep + s**2 * 0.5, mixed], [mixed, s**2 * steep + c**2 * 0.5]]

    sheets = Diagonalised(sg.ContinuumModel(hamiltonian, 2))
    assert grow(sheets, 2, 2.0, at(0.25)) == 2.0


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_first_box_may_be_wrong_by_a_hundred(scale: float):
    sheets = Diagonalised(sg.models.dirac_pt())
    found = grow(sheets, 2, scale, at(0.25))
    assert max(scale, 0.2) <= found <= max(scale, 0.5)
    assert sheets.points <= 100


def test_search_is_cheap_for_ordinary_models():
    plane = Diagonalised(sg.models.dirac_pt())
    assert grow(plane, 2, 1.0, at(0.25)) == 1.0
    assert plane.points <= 60
    size = lambda k: np.linalg.norm(k, axis=1)  # noqa: E731
    space = Counted(
        lambda k: (0.3 * k[:, 0] - size(k), np.array([0.3, 0, 0]) - k / size(k)[:, None]),
        lambda k: (0.3 * k[:, 0] + size(k), np.array([0.3, 0, 0]) + k / size(k)[:, None]),
    )
    assert grow(space, 3, 1.0, at(0.5)) == 1.0
    assert space.points <= 250


@pytest.mark.parametrize("tilt", [1.02, 1.4, 5.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0])
def test_overtilted_cone_is_open(tilt: float, angle: float):
    axis = np.array([np.cos(angle), np.sin(angle)])

    def cone(sign: float) -> Sheet:
        def sheet(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            size = np.sqrt(0.01 + (k**2).sum(axis=1))
            return tilt * k @ axis + sign * size, tilt * axis + sign * k / size[:, None]

        return sheet

    with pytest.raises(OpenLevelSet) as caught:
        grow(Counted(cone(-1), cone(1)), 2, 1.0, at(0.15))
    assert abs(caught.value.direction @ axis) > 0.98


def test_narrow_opening_is_found_and_named():
    """E = kx**2 - ky**2 / 1e4 is open within a hundredth of the y axis."""
    sheets = Counted(lambda k: (k[:, 0] ** 2 - 1e-4 * k[:, 1] ** 2, k * np.array([2.0, -2e-4])))
    with pytest.raises(OpenLevelSet) as caught:
        grow(sheets, 2, 1.0, at(1.0))
    assert abs(caught.value.direction[1]) > 0.98
