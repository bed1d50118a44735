"""Level-set integrals whose values are known: closed forms, elliptic integrals, or one quadrature to 1e-12.

All are `int d^dk F delta(E - centre)` summed over sheets, without (2 pi)**d.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.special import ellipk, ellipkm1

from cases.engine import Band, cosine_band, one_component, plane, stacked, with_integrands, zone
from sigmaijk.levelset.samples import Cell, Sampler


@dataclass(frozen=True)
class Exact:
    """One integral; `expected` has an entry for each column of the integrand."""

    name: str
    sampler: Sampler
    cell: Cell
    centre: float
    expected: tuple[float, ...]
    precision: float = 1e-13
    """of `expected`, relative to the largest entry"""
    limit: int | None = None
    """k-points allowed, where the case needs more than the others."""
    tolerances: tuple[float, ...] = (1e-3, 1e-6)


def paraboloid(mass: tuple[float, ...], centre: tuple[float, ...], energy: float = 0.0) -> Band:
    """sum_a mass_a (k_a - centre_a)**2 + energy."""
    m, c = np.array(mass), np.array(centre)

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return ((k - c) ** 2 * m).sum(axis=1) + energy, 2 * m * (k - c)

    return band


def ring(radius: float, stiffness: float) -> Band:
    """stiffness (|k| - radius)**2: two circles, or spheres, close to each other."""

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r = np.linalg.norm(k, axis=1)
        slope = 2 * stiffness * (r - radius) / np.maximum(r, 1e-12)
        return stiffness * (r - radius) ** 2, slope[:, None] * k

    return band


def torus(radius: float) -> Band:
    """(|k_xy| - radius)**2 + kz**2."""

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s = np.hypot(k[:, 0], k[:, 1])
        inward = 2 * (s - radius) / np.maximum(s, 1e-12)
        return (s - radius) ** 2 + k[:, 2] ** 2, np.stack([inward * k[:, 0], inward * k[:, 1], 2 * k[:, 2]], axis=1)

    return band


def two_wells(stiffness: float) -> Band:
    """(kx**2 - 1)**2 + stiffness (ky**2 + ..), with a saddle of energy 1 at the origin."""

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, rest = k[:, 0], k[:, 1:]
        energy = (x**2 - 1) ** 2 + stiffness * (rest**2).sum(axis=1)
        return energy, np.concatenate([(4 * x * (x**2 - 1))[:, None], 2 * stiffness * rest], axis=1)

    return band


def weyl_cone(tilt: float, centre: tuple[float, float, float]) -> Band:
    """tilt kz -+ |k|: both sheets of a Weyl node of unit velocity."""
    c = np.array(centre)

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r = np.linalg.norm(k - c, axis=1)
        unit = (k - c) / np.maximum(r, 1e-12)[:, None]
        lift, along = tilt * (k - c)[:, 2], np.array([0.0, 0.0, tilt])
        return np.stack([lift - r, lift + r], axis=1), np.stack([along - unit, along + unit], axis=1)

    return band


def avoided(gap: float, slope: float = 0.6) -> Band:
    """-2 cos ky -+ sqrt((slope sin kx)**2 + (gap/2)**2): two open sheets that nearly touch at kx = 0 and pi."""

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        half = np.sqrt((slope * np.sin(k[:, 0])) ** 2 + (gap / 2) ** 2)
        rate = slope**2 * np.sin(k[:, 0]) * np.cos(k[:, 0]) / half
        base, along = -2 * np.cos(k[:, 1]), 2 * np.sin(k[:, 1])
        velocity = np.stack([np.stack([s * rate, along], axis=1) for s in (-1, 1)], axis=1)
        return np.stack([base - half, base + half], axis=1), velocity

    return band


def hot_spot(gap: float, slope: float = 0.6) -> Callable[..., np.ndarray]:
    """(gap/2)**2/half**3 on both sheets, of opposite sign times the velocity along x; and 1: (k, n, 2)."""

    def integrand(k: np.ndarray, energy: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        half = np.sqrt((slope * np.sin(k[:, 0])) ** 2 + (gap / 2) ** 2)
        spot = (gap / 2) ** 2 / half**3
        sign = np.array([-1.0, 1.0])
        tilted = spot[:, None] * (1 + 0.5 * sign) * (1 + 0.3 * np.sin(k[:, :1]))
        return np.stack([tilted, np.ones_like(energy)], axis=2)

    return integrand


def avoided_value(gap: float, mu: float, slope: float = 0.6) -> tuple[float, float]:
    """By the periodic trapezoid in kx: each sheet crosses mu at two ky, where |dE/dky| = sqrt(4 - (mu -+ half)**2)."""
    x = 2 * np.pi * (np.arange(200_000) + 0.5) / 200_000
    half = np.sqrt((slope * np.sin(x)) ** 2 + (gap / 2) ** 2)
    spot = (gap / 2) ** 2 / half**3 * (1 + 0.3 * np.sin(x))
    total = np.zeros(2)
    for sign in (-1, 1):
        density = 2 / np.sqrt(4 - (mu - sign * half) ** 2)
        total += [(spot * (1 + 0.5 * sign) * density).mean(), density.mean()]
    return tuple(float(t) for t in 2 * np.pi * total)


def square_density(energy: float) -> float:
    """int d2k delta(-2 (cos kx + cos ky) - energy)."""
    return float(2 * ellipkm1((energy / 4) ** 2)) if 0 < abs(energy) < 4 else 0.0


def cubic_density(energy: float) -> float:
    """int d3k delta(-2 (cos kx + cos ky + cos kz) - energy), one quadrature of the square lattice over kz.

    The band is cut where the square lattice ends (|e| = 4) and where its density is logarithmic (e = 0); u**5 on both
    sides of each cut takes the logarithm out.
    """
    cosines = (-energy / 2, (4 - energy) / 2, (-4 - energy) / 2)
    cuts = sorted({0.0, np.pi, *(float(np.arccos(c)) for c in cosines if abs(c) < 1)})
    total = 0.0
    for low, high in pairwise(cuts):
        middle = 0.5 * (low + high)
        for end, span in ((low, middle - low), (high, middle - high)):

            def integrand(u: float, end: float = end, span: float = span) -> float:
                return square_density(energy + 2 * np.cos(end + span * u**5)) * 5 * u**4 * abs(span)

            total += quad(integrand, 0.0, 1.0, epsabs=1e-13, epsrel=1e-13, limit=400)[0]
    return 2 * total


def two_wells_value(mu: float, stiffness: float, dim: int) -> float:
    """An elliptic integral in 2D; in 3D the length over which (x**2 - 1)**2 < mu, times pi/stiffness."""
    s = np.sqrt(mu)
    outer, inner = 1 + s, abs(1 - s)
    if dim == 3:
        return float(np.pi / stiffness * 2 * (np.sqrt(outer) - (np.sqrt(inner) if mu < 1 else 0.0)))
    if mu < 1:
        return float(2 * ellipkm1(inner / outer) / np.sqrt(outer) / np.sqrt(stiffness))
    return float(2 * ellipk(outer / (outer + inner)) / np.sqrt(outer + inner) / np.sqrt(stiffness))


def _moments_of_ellipsoid(mass: tuple[float, ...], mu: float) -> tuple[float, ...]:
    """Integrands 1, x**2, x**2 y**2 on sum mass k**2 = mu, where k = sqrt(mu/mass) n with n on the unit sphere."""
    dim = len(mass)
    jacobian = mu ** (dim / 2 - 1) / 2 / np.sqrt(np.prod(mass))
    sphere = {2: (2 * np.pi, np.pi, np.pi / 4), 3: (4 * np.pi, 4 * np.pi / 3, 4 * np.pi / 15)}[dim]
    powers = (1.0, mu / mass[0], mu**2 / (mass[0] * mass[1]))
    return tuple(float(jacobian * s * p) for s, p in zip(sphere, powers, strict=True))


def _polynomials(centre: tuple[float, ...], scale: tuple[float, float]) -> Callable[..., np.ndarray]:
    """1, (kx - c)**2/scale, (kx - c)**2 (ky - c)**2/scale, so that all columns are of one size."""
    c = np.array(centre)

    def integrand(k: np.ndarray, energy: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        x, y = (k - c)[:, 0] ** 2, (k - c)[:, 1] ** 2
        columns = np.stack([np.ones(len(k)), x / scale[0], x * y / scale[1]], axis=1)
        return np.repeat(columns[:, None], energy.shape[1], axis=1)

    return integrand


def _ellipsoid(name: str, mass: tuple[float, ...], centre: tuple[float, ...], mu: float, cell: Cell) -> Exact:
    raw = _moments_of_ellipsoid(mass, mu)
    scale = (mu / mass[0], mu**2 / (mass[0] * mass[1]))
    expected = (raw[0], raw[1] / scale[0], raw[2] / scale[1])
    sampler = with_integrands(paraboloid(mass, centre), _polynomials(centre, scale))
    return Exact(name, sampler, cell, mu, expected)


def _pockets(dim: int) -> Exact:
    """Paraboloids of very different depths at awkward places; sorted, so that they cross each other above mu."""
    centres = [(0.91, -0.73, 0.4), (-0.613, 0.577, -0.6), (0.377, 0.823, 0.9), (-0.9, -0.66, -0.1)]
    depths = (1e-1, 1e-3, 1e-5, 3e-2)
    masses = (1.0, 1.5, 0.7, 1.2)
    bands = [paraboloid((m,) * dim, c[:dim], -d) for c, d, m in zip(centres, depths, masses, strict=True)]
    if dim == 2:
        expected = sum(np.pi / m for m in masses)
    else:
        expected = sum(2 * np.pi * np.sqrt(d) / m**1.5 for d, m in zip(depths, masses, strict=True))
    return Exact(
        f"pockets of four sizes, {dim}D", one_component(stacked(bands)), plane(1.5, dim), 0.0, (float(expected),)
    )


def _copies(number: int) -> Exact:
    """Shifted cosine bands, sorted: exact crossings everywhere."""
    rng = np.random.default_rng(5)
    shifts, energies = rng.uniform(0, 2 * np.pi, (number, 2)), rng.uniform(-1.5, 1.5, number)
    bands = [cosine_band(s, e) for s, e in zip(shifts, energies, strict=True)]
    expected = sum(square_density(0.3 - e) for e in energies)
    # Each copy crosses all others somewhere, and each crossing on a surface is a point to be found.
    limit, tolerances = (60_000, (1e-3, 1e-6)) if number < 8 else (100_000, (1e-3,))
    sampler = one_component(stacked(bands))
    return Exact(f"{number} sorted copies", sampler, zone(), 0.3, (expected,), limit=limit, tolerances=tolerances)


def _crossing_weighted() -> Exact:
    """Two copies that cross, with integrands that differ: sorted, the integrand of a sheet jumps at the crossing."""
    shifts, factors = ((0.0, 0.0), (0.9, 0.4)), (1.0, -0.7)
    bands = [cosine_band(s) for s in shifts]

    def sampler(k: np.ndarray):
        energy, velocity = stacked(bands)(k)
        order = np.argsort(np.stack([b(k)[0] for b in bands], axis=1), axis=1, kind="stable")
        weight = np.array(factors)[order][..., None]
        return with_integrands(lambda _: (energy, velocity), lambda *_: weight)(k)

    expected = sum(f * square_density(-1.1) for f in factors)
    return Exact("crossing with a jump of the integrand", sampler, zone(), -1.1, (expected,))


def _doublet() -> Exact:
    """A doubly degenerate band, as two sheets that coincide everywhere."""
    one = cosine_band((0.3, 0.1))

    def band(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, velocity = one(k)
        return np.stack([energy] * 2, axis=1), np.stack([velocity] * 2, axis=1)

    return Exact("doublet", one_component(band), zone(), -0.7, (2 * square_density(-0.7),))


def _cancelling() -> Exact:
    """F = cos kx on the square lattice and -mu/4 in the mean: with mu = -0.1 only a fortieth of the modulus is left."""
    mu = -0.1
    sampler = with_integrands(cosine_band(), lambda k, energy, velocity: np.cos(k[:, :1])[:, None])
    return Exact("cancelling integrand", sampler, zone(), mu, (-mu / 4 * square_density(mu),))


def _weyl(mu: float) -> Exact:
    """4 pi mu**2/(1 - tilt**2)**2 at both signs of mu."""
    tilt = 0.3
    expected = 4 * np.pi * mu**2 / (1 - tilt**2) ** 2
    sampler = one_component(weyl_cone(tilt, (0.317, -0.211, 0.143)))
    return Exact(f"Weyl pocket at {mu:g}", sampler, plane(1.0, 3, 6), mu, (float(expected),))


def _cases() -> list[Exact]:
    wide, ball = plane(1.5), plane(1.5, 3, 6)
    cases = [
        Exact(
            f"thin ring, {width:g} wide",
            one_component(ring(0.8, 50.0)),
            wide,
            50.0 * (width / 2) ** 2,
            (float(2 * np.pi * 0.8 / (50.0 * width / 2)),),
            limit=100_000 if width < 5e-3 else None,
            tolerances=(1e-3,) if width < 5e-3 else (1e-3, 1e-6),
        )
        for width in (0.1, 0.03, 0.01, 0.001)
    ]
    cases += [
        Exact(f"square lattice at {mu:g}", one_component(cosine_band()), zone(), mu, (square_density(mu),))
        for mu in (-1e-2, -1e-4, -1e-6, 1e-4, 1e-6)
    ]
    cases += [
        Exact(
            f"{distance:g} above the band edge",
            one_component(cosine_band((0.37, 0.91))),
            zone(),
            -4 + distance,
            # 1 - (e/4)**2 = x (2 - x) with x = distance/4, without its cancellation
            (float(2 * ellipk(distance / 4 * (2 - distance / 4))),),
            1e-9 if distance < 1e-5 else 1e-12,
        )
        for distance in (1e-3, 1e-6)
    ]
    cases += [
        Exact(
            f"neck {sign}{size:g}, {dim}D",
            one_component(two_wells(3.0)),
            cell,
            mu,
            (two_wells_value(mu, 3.0, dim),),
            1e-11,
        )
        for dim, cell in ((2, plane(2.0)), (3, plane(2.0, 3, 6)))
        for sign, size in (("open ", 1e-2), ("open ", 1e-4), ("closed ", 1e-2), ("closed ", 1e-4))
        for mu in [1 + size if sign == "open " else 1 - size]
    ]
    cases += [_pockets(2), _pockets(3), _copies(6), _copies(10), _crossing_weighted(), _doublet(), _cancelling()]
    cases += [
        Exact(
            f"gap of {1e3 * gap:g} meV",
            with_integrands(avoided(gap), hot_spot(gap), coupling=0.6),
            zone(),
            0.31,
            avoided_value(gap, 0.31),
            1e-12,
        )
        for gap in (0.1, 0.02, 0.005)
    ]
    cases += [
        _ellipsoid("ellipse", (1.0, 6.0), (0.1, -0.2), 0.8, wide),
        _ellipsoid("tiny ellipse", (1.0, 6.0), (0.331, 0.177), 1e-5, wide),
        _ellipsoid("ellipse at 1 ueV", (1.0, 2.0), (0.731, -0.393), 1e-6, wide),
        _ellipsoid("sphere", (1.0, 1.0, 1.0), (0.1, -0.2, 0.05), 0.5, ball),
        _ellipsoid("ellipsoid", (1.0, 4.0, 9.0), (0.1, -0.2, 0.05), 0.9, ball),
        _ellipsoid("tiny ellipsoid", (1.0, 2.0, 3.0), (0.531, -0.393, 0.2), 1e-4, ball),
        _ellipsoid("ellipsoid at 1 ueV", (1.0, 2.0, 3.0), (0.531, -0.393, 0.2), 1e-6, ball),
        _weyl(0.3),
        _weyl(-0.3),
        _weyl(0.01),
    ]
    cases += [
        Exact(
            f"thin shell, {width:g} wide",
            one_component(ring(0.8, 50.0)),
            ball,
            50.0 * (width / 2) ** 2,
            (float(4 * np.pi * ((0.8 - width / 2) ** 2 + (0.8 + width / 2) ** 2) / (50.0 * width)),),
            tolerances=(1e-3,) if width < 0.1 else (1e-3, 1e-6),
        )
        for width in (0.2, 0.08)
    ]
    cases += [
        Exact(name, one_component(torus(0.8)), plane(1.9, 3, 6), mu, (float(2 * np.pi**2 * 0.8),))
        for name, mu in (("torus", 0.3), ("torus with a narrow hole", 0.78**2))
    ]
    cases += [
        Exact(
            f"cubic lattice at {mu:g}",
            one_component(cosine_band((0.0, 0.0, 0.0))),
            zone(3),
            mu,
            (cubic_density(mu),),
            1e-10,
        )
        for mu in (0.7, 1.99, 2.01, 2.0001, -1.9999)
    ]
    return cases


CASES = _cases()
