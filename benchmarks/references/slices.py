"""Level-set integrals of a lattice model at T = 0 from straight lines: complete, and independent of every mesh.

On a line k = k0 + theta_a b_a/(2 pi) the level set is where det(H - mu) = 0, a polynomial eigenvalue problem whose real
roots are all found at once. A smooth partition of unity, w_a = h(u_a**2/|u|**2)/sum with u = dE/dtheta, takes each
piece of the surface on those lines only that cross it steeply, so that the sum of F w_a/|u_a| over the roots is a
smooth function of the line, which adaptive Gauss-Kronrod panels integrate. Nothing is shared with the package but H
and the term integrands at k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from sigmaijk.model import Model
from sigmaijk.models import LatticeModel
from sigmaijk.sampler import BandSampler
from sigmaijk.terms import CATALOGUE

STEEP = 0.08
"""Share of |u|**2 from which on a direction is used."""
FIRST_PANELS = {2: 64, 3: 8}
XGK = np.array(
    [
        0.991455371120812639206854697526329,
        0.949107912342758524526189684047851,
        0.864864423359769072789712788640926,
        0.741531185599394439863864773280788,
        0.586087235467691130294144691693013,
        0.405845151377397166906606412076961,
        0.207784955007898467600689403773245,
        0.0,
    ]
)
WGK = np.array(
    [
        0.022935322010529224963732008058970,
        0.063092092629978553290700663189204,
        0.104790010322250183839876322541518,
        0.140653259715525918745189590510238,
        0.169004726639267902826583426598550,
        0.190350578064785409913256402421014,
        0.204432940075298892414161999234649,
        0.209482141084727828012999174891714,
    ]
)
WG = np.array(
    [
        0.129484966168869693270611432679082,
        0.279705391489276667901467771423780,
        0.381830050505118944950369775488975,
        0.417959183673469387755102040816327,
    ]
)
"""The rule of QUADPACK with 15 points: nodes from the outside in, weights, and those of the 7 Gauss points."""
REAL = 1e-5
"""Largest imaginary part of theta that counts as zero; wrong ones appear only where the weight is zero."""


@dataclass
class Reference:
    """Integrals in natural units, the sign of f0' included, with their uncertainty."""

    value: np.ndarray
    """(c,), the columns of `BandSampler.columns`"""
    uncertainty: np.ndarray
    """(c,)"""
    note: str


def sampler_of(model: Model, terms: Sequence[str] = ("drude", "bcd", "qm")) -> BandSampler:
    """All bands, one thread, no limit."""
    return BandSampler(model, [CATALOGUE[name] for name in terms], 1e-6, threads=1)


def hopping_table(model: LatticeModel) -> dict[tuple[int, ...], np.ndarray]:
    """H_R by the discrete Fourier transform of H(k) without the phases of the positions."""
    reach = [int(r) for r in model.hopping_range]
    shape = [2 * r + 1 for r in reach]
    index = np.array(list(product(*(range(n) for n in shape))))
    theta = 2 * np.pi * index / shape
    k = theta / (2 * np.pi) @ model.reciprocal
    phase = np.exp(1j * k @ model.positions.T)
    H = phase[:, :, None] * model.hamiltonian(k) * phase.conj()[:, None, :]
    table = {}
    for R in product(*(range(-r, r + 1) for r in reach)):
        table[R] = np.tensordot(np.exp(-1j * theta @ np.array(R)), H, axes=1) / len(k)
    return table


def roots(table: dict, axis: int, fixed: np.ndarray, mu: float, start: float) -> tuple[np.ndarray, np.ndarray]:
    """(number of the line, theta on it) of every root; `fixed` (line, d - 1) are the other angles.

    With z = exp(i start) (1 + i t)/(1 - i t) the problem is a Hermitian polynomial in the real t = tan(.. / 2), whose
    leading coefficient is H - mu at theta = start + pi.
    """
    n = next(iter(table.values())).shape[0]
    reach = max(abs(R[axis]) for R in table)
    along = np.zeros((2 * reach + 1, len(fixed), n, n), complex)
    for R, block in table.items():
        other = np.array([R[a] for a in range(len(R)) if a != axis])
        along[R[axis] + reach] += np.exp(1j * fixed @ other)[:, None, None] * block
    along[reach] -= mu * np.eye(n)
    degree = 2 * reach
    coefficients = np.zeros((degree + 1, len(fixed), n, n), complex)
    for power in range(-reach, reach + 1):
        series = np.array([1.0 + 0j])
        for _ in range(reach + power):
            series = np.convolve(series, [1, 1j])
        for _ in range(reach - power):
            series = np.convolve(series, [1, -1j])
        coefficients += series[:, None, None, None] * np.exp(1j * power * start) * along[power + reach]
    lead = np.linalg.inv(coefficients[degree])
    companion = np.zeros((len(fixed), degree * n, degree * n), complex)
    for power in range(degree):
        companion[:, (degree - 1) * n :, power * n : (power + 1) * n] = -lead @ coefficients[power]
    for power in range(degree - 1):
        companion[:, power * n : (power + 1) * n, (power + 1) * n : (power + 2) * n] = np.eye(n)
    t = np.linalg.eigvals(companion)
    real = np.abs(t.imag) < REAL * (1 + np.abs(t) ** 2) / 2
    line = np.nonzero(real)[0]
    return line, start + 2 * np.arctan(t.real[real])


def best_start(model: LatticeModel, axis: int, fixed: np.ndarray, mu: float) -> tuple[np.ndarray, np.ndarray]:
    """Of eight angles, for each line the number of the one whose opposite is furthest in energy from the level set."""
    starts = 2 * np.pi * (np.arange(8) + 0.123) / 8
    distance = []
    for start in starts:
        theta = np.insert(fixed, axis, start + np.pi, axis=1)
        energy = np.linalg.eigvalsh(model.hamiltonian(theta / (2 * np.pi) @ model.reciprocal))
        distance.append(np.abs(energy - mu).min(axis=1))
    return np.argmax(distance, axis=0), starts


def _weights(u: np.ndarray) -> np.ndarray:
    """Partition of unity over the directions, (root, d)."""
    share = u**2 / (u**2).sum(axis=1, keepdims=True) - STEEP
    inside = share > 0
    h = np.zeros_like(u)
    h[inside] = np.exp(-0.2 / share[inside])
    return h / h.sum(axis=1, keepdims=True)


def line_integrand(model: LatticeModel, sampler: BandSampler, mu: float, axis: int, fixed: np.ndarray) -> np.ndarray:
    """What each of the lines along `axis` contributes to all columns, (line, c)."""
    table = hopping_table(model)
    total = np.zeros((len(fixed), sampler.columns.width))
    for begin in range(0, len(fixed), 4096):
        part = fixed[begin : begin + 4096]
        which, starts = best_start(model, axis, part, mu)
        for number in np.unique(which):
            chosen = np.flatnonzero(which == number)
            line, angle = roots(table, axis, part[chosen], mu, starts[number])
            if len(line):
                theta = np.insert(part[chosen[line]], axis, angle, axis=1)
                np.add.at(total, begin + chosen[line], _picked(model, sampler, mu, axis, theta))
    return total


def _picked(model: LatticeModel, sampler: BandSampler, mu: float, axis: int, theta: np.ndarray) -> np.ndarray:
    """F w_axis/|u_axis| at each root, (root, c), after two Newton steps along the line."""
    frame = model.reciprocal / (2 * np.pi)
    for step in range(3):
        sample = sampler(theta @ frame)
        band = np.abs(sample.energy - mu).argmin(axis=1)
        rows = np.arange(len(theta))
        energy, u = sample.energy[rows, band], sample.velocity[rows, band] @ frame.T
        keep = _weights(u)[:, axis] > 0
        if step == 2:
            break
        change = np.zeros(len(theta))
        change[keep] = (mu - energy[keep]) / u[keep, axis]
        theta[:, axis] += np.clip(change, -1e-3, 1e-3)
    worst = float(np.abs(energy - mu)[keep].max(initial=0.0))
    if worst > 1e-9:
        raise RuntimeError(f"a root of the polynomial is not on the level set: {worst:.1e} eV away")
    weight = np.zeros(len(theta))
    weight[keep] = _weights(u)[keep, axis] / np.abs(u[keep, axis])
    return weight[:, None] * sample.integrand[rows, band]


def slices(model: LatticeModel, mu: float, *, goal: float = 1e-9, most_lines: int = 400_000) -> Reference:
    """Adaptive Gauss-Kronrod panels over the lines of each direction, until `goal` of the moduli is reached."""
    sampler, dim = sampler_of(model), model.dim
    columns = sampler.columns
    scale_of = np.concatenate([np.full(c.stop - c.start, columns.modulus[n]) for n, c in columns.entries.items()])
    count = len(scale_of)
    x, kronrod, gauss = _gauss_kronrod(dim - 1)
    panels = FIRST_PANELS[dim]
    low = 2 * np.pi * (np.array(list(product(range(panels), repeat=dim - 1))) + 0.37) / panels
    # Panels of all directions, refined together.
    axis, corner = np.repeat(np.arange(dim), len(low)), np.tile(low, (dim, 1))
    edge = np.full(len(axis), 2 * np.pi / panels)
    integrals, errors = _panels(model, sampler, mu, axis, corner, edge, x, kronrod, gauss)
    lines = len(axis) * len(x)
    while True:
        value = integrals.sum(axis=0)
        excess = errors[:, :count] / np.maximum(value[scale_of], 1e-300)
        indicator = excess.max(axis=1)
        total = errors.sum(axis=0)
        if (excess.sum(axis=0) <= goal).all() or lines > most_lines or indicator.max() == 0:
            break
        order = np.argsort(-indicator)
        marked = order[: int(np.searchsorted(np.cumsum(indicator[order]), 0.7 * indicator.sum())) + 1]
        marked = marked[: max(1, (most_lines // 4) // (len(x) * 2 ** (dim - 1)))]
        halves = 0.5 * edge[marked]
        offsets = np.array(list(product((0, 1), repeat=dim - 1)))
        new_axis = np.repeat(axis[marked], len(offsets))
        new_edge = np.repeat(halves, len(offsets))
        new_corner = (corner[marked][:, None] + halves[:, None, None] * offsets).reshape(-1, dim - 1)
        fresh = _panels(model, sampler, mu, new_axis, new_corner, new_edge, x, kronrod, gauss)
        lines += len(new_axis) * len(x)
        keep = np.ones(len(axis), dtype=bool)
        keep[marked] = False
        axis, edge = np.append(axis[keep], new_axis), np.append(edge[keep], new_edge)
        corner = np.concatenate([corner[keep], new_corner])
        integrals, errors = np.concatenate([integrals[keep], fresh[0]]), np.concatenate([errors[keep], fresh[1]])
    measure = model.spin_degeneracy / (2 * np.pi) ** dim / model.volume
    value, total = measure * value, measure * total
    total[:count] += 1e-13 * value[scale_of]
    for entries in columns.entries.values():
        value[entries] *= -1.0  # f0' is minus the delta function; moduli stay positive
    return Reference(value, total, f"slices, {lines} lines")


def _panels(model, sampler, mu, axis, corner, edge, x, kronrod, gauss) -> tuple[np.ndarray, np.ndarray]:
    """Kronrod sums over panels, and their distances from the Gauss sums, (panel, c)."""
    integrals = np.zeros((len(axis), sampler.columns.width))
    errors = np.zeros_like(integrals)
    for a in np.unique(axis):
        rows = np.flatnonzero(axis == a)
        fixed = corner[rows][:, None] + edge[rows][:, None, None] * x
        found = line_integrand(model, sampler, mu, a, fixed.reshape(-1, x.shape[1]))
        found = found.reshape(len(rows), len(x), -1) * (edge[rows] ** x.shape[1])[:, None, None]
        integrals[rows] = np.einsum("q,pqc->pc", kronrod, found)
        errors[rows] = np.abs(integrals[rows] - np.einsum("q,pqc->pc", gauss, found))
    return integrals, errors


def _gauss_kronrod(dim: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes of the tensor rule on the unit cube (q, dim), Kronrod and Gauss weights."""
    nodes = np.concatenate([-XGK[:-1], XGK[::-1]])
    kronrod = np.concatenate([WGK[:-1], WGK[::-1]])
    gauss = np.zeros(15)
    gauss[1::2] = np.concatenate([WG[:-1], WG[::-1]])
    nodes = 0.5 * (nodes + 1)
    x = np.stack(np.meshgrid(*[nodes] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    both = []
    for weight in (0.5 * kronrod, 0.5 * gauss):
        both.append(np.prod(np.stack(np.meshgrid(*[weight] * dim, indexing="ij"), axis=-1), axis=-1).ravel())
    return x, both[0], both[1]
