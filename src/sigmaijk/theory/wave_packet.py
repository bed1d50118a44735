"""Wave packets: Eq. 15 on a mesh of k with a narrow real envelope, its centre (Eq. 16) and its energy.

The packet of band n around k0 is W = (1 - delta) w u_n + sum_m w_m u_m with w_m = w e E.A_mn / (e_n - e_m), Gaussian w,
real in the gauge <u(k0)|u(k)> > 0 (a group: Hermitian and positive). It is linear in the field, so the packets of unit
fields serve all fields. On the mesh r = i d_k acts through the Fourier series. The packet of the same width at E = 0 is
subtracted, and what is left is extrapolated to zero width: a finite width adds its square to every order in E.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import ComplexArray, FloatArray, IntArray
from ..model import Model
from .frames import aligning, averaging_matrix, frames
from .links import EPSILON, extrapolation
from .route import Change

CHUNK_BYTES = 8_000_000


@dataclass(frozen=True)
class Packet:
    """How a packet is built; widths and spacing are self-similar, so that each width sees the same envelope."""

    width: float = 0.04
    """Standard deviation of |w|**2 of the widest packet, in units of 1/rate."""
    levels: int = 3
    """Number of widths, each the last one over sqrt(2)."""
    tail: float = 1e-10
    """w at the rim of the mesh over w at its centre."""
    spacing: float = 0.8
    """Spacing of the mesh in standard deviations: the sum over the mesh is then exact to 1e-13."""

    def axis(self, spacing: float) -> FloatArray:
        """Coordinates of the mesh along one axis in standard deviations, symmetric about zero."""
        half = int(np.ceil(2.0 * np.sqrt(np.log(1.0 / self.tail)) / spacing))
        return spacing * np.arange(-half, half + 1)


FINE = Packet()
COARSER = 1.25
"""The mesh error is the change when the widest packet is built on a mesh so much coarser; it is alike at all widths."""


@dataclass(frozen=True)
class Moments:
    """Expectation values of one packet, averaged over each group; 0 is the bare packet, a b unit-field admixtures."""

    r00: FloatArray
    """<0|r_c|0> per band, (p, n, c)."""
    r01: FloatArray
    """Re <0|r_c|a>, (p, a, n, c)."""
    r11: FloatArray
    """Re <a|r_c|b>, (p, a, b, n, c)."""
    e00: FloatArray
    """<0|H0|0> less the mean energy of the group at k0, (p, n)."""
    e11: FloatArray
    """Re <a|H0|b> less the same times <a|b>, (p, a, b, n)."""
    n11: FloatArray
    """Re <a|b>, (p, a, b, n)."""


def change(
    model: Model,
    k: FloatArray,
    fields: FloatArray,
    label: IntArray,
    rate: FloatArray,
    packet: Packet = FINE,
) -> Change:
    """The changes of Sec. 3 at zero width; errors are those of the width extrapolation and of the mesh."""
    n, d = model.n_bands, model.dim
    per_point = 16 * n * n * (4 + 3 * d) * len(packet.axis(packet.spacing)) ** d
    size = max(1, CHUNK_BYTES // per_point)
    parts = [
        _change_of_batch(model, k[s : s + size], fields[:, s : s + size], label, rate[s : s + size], packet)
        for s in range(0, len(k), size)
    ]
    connection, connection_error, energy, energy_error = (np.concatenate(x, axis=1) for x in zip(*parts, strict=True))
    return Change(connection, connection_error, energy, energy_error)


def _change_of_batch(
    model: Model, k: FloatArray, fields: FloatArray, label: IntArray, rate: FloatArray, packet: Packet
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    widths = packet.width * 2.0 ** (-0.5 * np.arange(packet.levels))
    centre = frames(model, k, label)
    levels = [moments(model, k, label, s / rate, packet.axis(packet.spacing), centre.vectors) for s in widths]
    coarse = moments(model, k, label, widths[0] / rate, packet.axis(COARSER * packet.spacing), centre.vectors)
    shifts = [shift(level, fields) for level in levels]
    meshed = shift(coarse, fields)
    weights, fewer = extrapolation(widths**2), extrapolation(widths[1:] ** 2)
    found: list[FloatArray] = []
    for which in (0, 1):
        values = np.stack([both[which] for both in shifts])
        best = np.tensordot(weights, values, axes=1)
        narrow = np.tensordot(fewer, values[1:], axes=1)
        mesh = np.abs(values[0] - meshed[which])
        found += [best, np.abs(best - narrow) + mesh + 1e3 * EPSILON * np.abs(best)]
    return found[0], found[1], found[2], found[3]


def normalisation(packet: Moments, fields: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Delta of Eq. 15, one number per packet, which leaves a norm of 1 + delta**2; and the admixed weight."""
    admixed = np.einsum("fpa,fpb,pabn->fpn", fields, fields, packet.n11)
    delta = 0.5 * admixed  # below (15)
    return delta, admixed


def shift(packet: Moments, fields: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Shift of the centre (f, p, n, dim) and change of the energy (f, p, n) of a packet, E = 0 subtracted.

    Expectation values are divided by the norm. The energy is <H0> + e E.r of the packet less the same of the bare one,
    so that e E.r of the field-free centre, which depends on the gauge, is not in it.
    """
    delta, admixed = normalisation(packet, fields)
    norm = (1.0 - delta) ** 2 + admixed
    less = -admixed / norm  # (1 - delta)**2 / norm - 1 without its cancellation
    linear = np.einsum("fpa,panc->fpnc", fields, packet.r01)
    square = np.einsum("fpa,fpb,pabnc->fpnc", fields, fields, packet.r11)
    centre = less[..., None] * packet.r00 + (2.0 * (1.0 - delta)[..., None] * linear + square) / norm[..., None]
    raised = np.einsum("fpa,fpb,pabn->fpn", fields, fields, packet.e11)
    energy = less * packet.e00 + raised / norm
    return centre, energy + np.einsum("fpa,fpna->fpn", fields, centre)


def moments(
    model: Model, k: FloatArray, label: IntArray, width: FloatArray, axis: FloatArray, gauge: ComplexArray
) -> Moments:
    """Moments of the packets of all bands around k (p, dim), of width (p,) in 1/nm, on the mesh `axis`**dim."""
    d, n = model.dim, model.n_bands
    mesh = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)
    weight = np.exp(-0.25 * (mesh**2).sum(axis=1))
    weight = weight / np.sqrt((weight**2).sum())
    at = frames(model, k + mesh[:, None] * width[:, None], label)
    fold = (len(mesh), len(k))
    vectors = at.vectors.reshape(*fold, n, n)
    turn = aligning(gauge, vectors, label)
    admixed = (at.interband * at.inverse[:, None]).reshape(*fold, d, n, n) @ turn[:, :, None]  # (15)
    bare = weight[:, None, None, None] * (vectors @ turn)
    mixed = weight[:, None, None, None, None] * (vectors[:, :, None] @ admixed)
    packets = np.concatenate([bare[:, :, None], mixed], axis=2)
    averaging = averaging_matrix(label)
    r = np.empty((len(k), d + 1, d + 1, n, d))
    for c, moved in enumerate(_moved(packets, axis, width, d)):
        if at.position is not None:
            own = at.position.reshape(*fold, d, n, n)[:, :, c]
            moved += (vectors @ own @ vectors.conj().swapaxes(2, 3))[:, :, None] @ packets
        r[..., c] = np.einsum("qpaon,qpbon->pabn", packets.conj(), moved, optimize=True).real @ averaging
    energy = at.energy.reshape(*fold, n)
    level = frames(model, k, label).energy @ averaging
    # The weight of state m in band n, averaged over the group of n: the gauge within the group drops out.
    weights = np.einsum("q,qpamn,qpbmn->qpabmn", weight**2, admixed.conj(), admixed, optimize=True).real @ averaging
    n11 = weights.sum(axis=(0, 4))
    return Moments(
        r00=r[:, 0, 0],
        r01=r[:, 0, 1:],
        r11=0.5 * (r[:, 1:, 1:] + r[:, 1:, 1:].swapaxes(1, 2)),
        e00=np.einsum("q,qpn->pn", weight**2, energy @ averaging) - level,
        e11=np.einsum("qpabmn,qpm->pabn", weights, energy) - level[:, None, None] * n11,
        n11=n11,
    )


def _moved(packets: ComplexArray, axis: FloatArray, width: FloatArray, dim: int) -> Iterator[ComplexArray]:
    """I d_k of packets (q, p, b, o, n) along each direction in turn, as the mesh's Fourier series has it."""
    side = len(axis)
    site = 2.0 * np.pi * np.fft.fftfreq(side, axis[1] - axis[0])
    derivative = np.fft.fft(site[:, None] * np.fft.ifft(np.eye(side), axis=0), axis=0)
    for c in range(dim):
        along = packets.reshape(side**c, side, -1)
        yield (derivative @ along).reshape(packets.shape) / width[:, None, None, None]
