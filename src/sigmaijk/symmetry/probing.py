"""Operations tried on a model: energies first, then the matrix U, then the geometry of the bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import ComplexArray, FloatArray
from ..geometry import BandGeometry, band_geometry
from ..model import Model
from .candidates import Candidate
from .closure import key_of
from .operation import OF_H, OF_RESPONSE, Operation
from .unitaries import SMALL, Match, find_unitary, judged

NEARBY = 0.02
"""eV: how far beyond the tolerance an operation is still worth naming as approximate."""
FIRST_POINTS, MOST_POINTS = 2, 16
WORK = 4e7
"""Points x images x bands**3 after which no more points are sampled."""
SHARES = (1.0, 0.4, 0.15)
"""How far out the sampled k of a continuum model lie, in units of its scale."""
GEOMETRY = 0.05
"""Share of |Q(k)| within which nine in ten bands must agree for a quantity Q to have a symmetry."""
POSITION_TOLERANCE = 1e-4
"""nm, the same for position matrices."""
ROOM = 10.0
"""Tolerances of |U H U^+ - H| within which U is accepted, when the levels obey the tolerance itself."""
ENERGIES_ONLY = "only the energies were compared"
ROUGH = "levels hardly feel it, but U H U^+ and H differ by"
DIGITS = 1e-11
"""Violations below this share of the largest energy are rounding."""


class TooManyPoints(Exception):
    """A probe may not diagonalise H at more k."""


class Probe:
    """Energies first, then unitaries, then geometry: each stage only for what passed the one before."""

    def __init__(self, model: Model, pairs: Sequence[tuple[Candidate, Operation]], most: float = np.inf) -> None:
        self.model, self.pairs, self.most = model, list(pairs), most
        self.k_points = 0
        """k at which H was diagonalised."""
        self.rng = np.random.default_rng(20261122)
        self._known: dict[tuple[float, ...], tuple[Operation, ComplexArray]] = {}
        self._images: dict[tuple[float, ...], tuple[ComplexArray, FloatArray]] = {}

    def run(self, tolerance: float, nearby: float) -> list[Operation]:
        """Operations violated by at most `nearby`, with what was found; `note` says why one must not count."""
        first = self._energies(self._sample(FIRST_POINTS), self.pairs)
        floor = DIGITS * max(self.scale, 1e-300)
        spread = [violation.max() for violation in first]
        alive = [pair for pair, size in zip(self.pairs, spread, strict=True) if size <= max(nearby, floor)]
        images = 2 * len(alive) * self.model.n_bands**3
        points = int(np.clip(WORK / max(images, 1), 4, MOST_POINTS))
        k = self._sample(points)
        found = []
        for (candidate, operation), size in zip(alive, self._energies(k, alive), strict=True):
            if size.max() <= max(nearby, floor):
                found.append(self._judge(candidate, operation, k, size, tolerance, nearby, floor))
        return [operation for operation in found if operation.violation <= nearby]

    def _charge(self, count: int) -> None:
        if self.k_points + count > self.most:
            raise TooManyPoints
        self.k_points += count

    def _sample(self, count: int) -> FloatArray:
        fractions = self.rng.random((count, self.model.dim))
        if self.model.periodic:
            return fractions @ self.model.reciprocal
        return (2 * fractions - 1) * self.model.scale * np.resize(SHARES, count)[:, None]

    def _image(self, k: FloatArray, matrix: FloatArray) -> tuple[ComplexArray, FloatArray]:
        """H and its eigenvalues at the images of the sampled k."""
        key = (*np.round(matrix, 6).ravel().tolist(), len(k))
        if key not in self._images:
            self._charge(len(k))
            value = self.model.hamiltonian(k @ matrix.T)
            self._images[key] = value, np.linalg.eigvalsh(value)
        return self._images[key]

    def _energies(self, k: FloatArray, pairs: Sequence[tuple[Candidate, Operation]]) -> list[FloatArray]:
        """Largest |E(k) - E(gk)| at each k, for each pair."""
        self._images.clear()
        _, own = self._image(k, np.eye(self.model.dim))
        self.scale = float(np.abs(own).max())
        return [
            np.abs(self._image(k, _k_map(candidate, operation))[1] - own).max(axis=1) for candidate, operation in pairs
        ]

    def _judge(
        self,
        candidate: Candidate,
        operation: Operation,
        k: FloatArray,
        spread: FloatArray,
        tolerance: float,
        nearby: float,
        floor: float,
    ) -> Operation:
        A, _ = self._image(k, np.eye(self.model.dim))
        B, _ = self._image(k, _k_map(candidate, operation))
        if operation.time_reversal:
            A = A.conj()
        place = int(spread.argmax())
        size = float(spread[place])
        plain = operation.stated(kind=OF_RESPONSE, violation=size, k=k[place], unitary=None)
        tight = max(tolerance, floor)
        exact = self._match(operation, A, B, ROOM * tight) if size <= tight else None
        if exact is None:
            if size <= tight and self._geometry_agrees(candidate, operation, k):
                return plain
            rough = self._match(operation, A, B, ROOM * max(min(nearby, NEARBY), tight))
            if rough is None:
                return plain.stated(note=self._why_not() if size <= tight else ENERGIES_ONLY)
            stated = _with_unitary(operation, rough, k)
            if stated.violation > tolerance:
                return stated
            if rough.residual > ROOM * tight:
                return stated.stated(note=f"{ROUGH} {written(rough.residual)}")
            exact = rough
        stated = _with_unitary(operation, exact, k)
        shift = self._position_violation(candidate, stated, k[:4])
        if shift <= POSITION_TOLERANCE:
            return stated
        if self._geometry_agrees(candidate, operation, k):
            return plain
        return plain.stated(note=f"H has it, the position matrices only to {shift:.2g} nm")

    def _match(self, operation: Operation, A: ComplexArray, B: ComplexArray, limit: float) -> Match | None:
        """U as the product of two that are known, or from H; A is conjugated already where time is reversed."""
        for known, first in list(self._known.values()):
            rotation = known.rotation.T @ operation.rotation
            partner = self._known.get(key_of(Operation(rotation, known.time_reversal != operation.time_reversal)))
            if partner is None:
                continue
            second = partner[1].conj() if known.time_reversal else partner[1]
            match = judged(first @ second, A, B, SMALL * limit)
            if match is not None:
                break
        else:
            match = find_unitary(A, B, limit, self.rng)
        if match is not None:
            self._known[key_of(operation)] = operation, match.unitary
        return match

    def _why_not(self) -> str:
        positions = getattr(self.model, "positions", None)
        if positions is None or self.model.n_bands == 1:
            return "the energies have it, the geometry has not"
        if not np.ptp(positions, axis=0).any():
            return "the energies have it, the geometry has not: are the orbital positions missing?"
        return "the energies have it, the geometry has not: are the positions those of the orbitals, in their order?"

    def _position_violation(self, candidate: Candidate, operation: Operation, k: FloatArray) -> float:
        """Largest |sum_a R_ba U A_a(k) U^+ - A_b(gk)| of the position matrices, nm; 0 without them."""
        here = self.model.jet(k, 1).connection
        if here is None:
            return 0.0
        there = self.model.jet(k @ _k_map(candidate, operation).T, 1).connection
        assert there is not None
        assert operation.unitary is not None
        turned = np.tensordot(operation.rotation, here.conj() if operation.time_reversal else here, axes=(1, 1))
        U = operation.unitary
        return float(np.abs(U @ np.moveaxis(turned, 0, 1) @ U.conj().T - there).max())

    def _geometry_agrees(self, candidate: Candidate, operation: Operation, k: FloatArray) -> bool:
        """Whether v, w, Omega and G of nine in ten bands transform as the operation says."""
        self._charge(2 * len(k))
        here = band_geometry(self.model, k)
        there = band_geometry(self.model, k @ _k_map(candidate, operation).T)
        sign = -1.0 if operation.time_reversal else 1.0
        floors = {"berry_curvature": 1e-9 * np.abs(here.quantum_metric).max(initial=0.0)}  # rounding of a zero
        return all(
            _agree(
                _tensor(here, name),
                _tensor(there, name),
                operation.rotation,
                sign if odd else 1.0,
                floors.get(name, 0.0),
            )
            for name, odd in _PARITY.items()
        )


_PARITY = {"velocity": True, "inverse_mass": False, "berry_curvature": True, "band_normalized_metric": False}
"""Quantities of a band, and whether time reversal changes their sign."""


def _tensor(geometry: BandGeometry, name: str) -> FloatArray:
    return getattr(geometry, name)


def _agree(here: FloatArray, there: FloatArray, R: FloatArray, sign: float, floor: float) -> bool:
    subscripts = "ia,kna->kni" if here.ndim == 3 else "ia,jb,knab->knij"
    turned = sign * np.einsum(subscripts, *[R] * (here.ndim - 2), here)
    axes = tuple(range(2, here.ndim))
    size = np.sqrt((turned**2).sum(axis=axes)) + np.sqrt((there**2).sum(axis=axes))
    difference = np.sqrt(((turned - there) ** 2).sum(axis=axes))
    counted = size > max(1e-9 * size.max(initial=0.0), floor)
    if not counted.any():
        return True
    return bool(np.quantile(difference[counted] / size[counted], 0.9) <= GEOMETRY)


def _with_unitary(operation: Operation, match: Match, k: FloatArray) -> Operation:
    place = int(match.shift.argmax())
    return operation.stated(kind=OF_H, violation=float(match.shift[place]), k=k[place], unitary=match.unitary)


def _k_map(candidate: Candidate, operation: Operation) -> FloatArray:
    return -candidate.k_map if operation.time_reversal else candidate.k_map


def written(energy: float) -> str:
    """An energy in meV, for messages."""
    return f"{1e3 * energy:.3g} meV"
