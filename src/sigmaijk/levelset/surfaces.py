"""S_F at chosen energies: level sets as patches (arcs in the plane, facets in space), refined where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .arcs import LevelLines
from .discovery import Unresolved
from .facets import Facets
from .field import Field
from .level import LevelRequest
from .mesh import Mesh
from .samples import OutOfPoints
from .search import Search
from .simplices import Goal, block_errors

ROUNDS = 60
"""Rounds of refinement of one call."""
SPARE_LEVELS = 4
"""Levels above the finest lattice that no mesh goes below."""
LARGEST = 500_000
"""Simplices of a mesh that is not refined further."""
LEFT = 0.5
"""Share of the allowed error that the patches which are not refined may add up to."""
MOST_BISECTIONS = 24
"""Times that a mesh is refined because its patches were not valid."""


class LevelSets:
    """Values of S_F with errors at any number of energies."""

    def __init__(self, field: Field, mesh: Mesh, goals: Sequence[Goal], columns: int) -> None:
        self.field, self.mesh, self.goals = field, mesh, goals
        self._patches: LevelLines | Facets = LevelLines(field) if mesh.samples.cell.dim == 2 else Facets(field)
        self._search = Search(mesh, field.degeneracy_tol)
        self._number: dict[float, int] = {}
        self._columns = columns
        self.unresolved = Unresolved(still=[])
        self._summed: tuple[IntArray, FloatArray, FloatArray] | None = None
        self._hidden: list[FloatArray] = []
        self._ready: list[bool] = []
        self._critical: set[float] = set()
        self._given_up: set[int] = set()
        self.report: Callable[[], None] | None = None

    def follow(self, barriers: list[FloatArray], windows: FloatArray) -> None:
        """Between energies (sorted, a list for each sheet), in windows (w, 2), one level set may follow another."""
        if isinstance(self._patches, LevelLines):
            self._patches.barriers, self._patches.windows = barriers, windows

    @property
    def energies(self) -> FloatArray:
        """Energies opened so far, (e,)."""
        return np.array(list(self._number), dtype=float)

    @property
    def patches(self) -> LevelLines | Facets:
        """All patches of all energies."""
        return self._patches

    @property
    def value(self) -> FloatArray:
        """(e, c), what is left to images included."""
        return self._sums[0].copy()

    @property
    def error(self) -> FloatArray:
        """(e, c), inf where a level set could not be parametrised or has not been found yet."""
        error = self._sums[1] + np.array(self._hidden).reshape(len(self._number), self._columns)
        error[~np.array(self._ready, dtype=bool)] = np.inf
        return error

    @property
    def _sums(self) -> tuple[FloatArray, FloatArray]:
        """Values and errors of the patches of each energy, (e, c) both."""
        # Read far more often than changed; any change of the patches replaces the array of their owners.
        patches = self._patches
        owner, count = patches.owner, len(self._number)
        if self._summed is None or self._summed[0] is not owner or len(self._summed[1]) != count:
            self._summed = owner, self._sum(patches.value), self._sum(patches.error)
        return self._summed[1:]

    def _sum(self, table: FloatArray) -> FloatArray:
        """Over the patches of each energy and their images, (e, c)."""
        total = np.zeros((len(self._number), self._columns))
        if len(table):
            for column in range(self._columns):
                total[:, column] = np.bincount(self._patches.owner, table[:, column], len(total))
        return self.mesh.samples.cell.order * total

    def open(self, energies: FloatArray) -> IntArray:
        """Numbers of some energies; new ones are searched for and get their first patches, all in one batch."""
        fresh: list[float] = []
        for energy in dict.fromkeys(np.atleast_1d(energies).tolist()):
            number = self._number.setdefault(energy, len(self._number))
            if number == len(self._ready):
                self._ready.append(False)
                self._hidden.append(np.zeros(self._columns))
            # One whose points had run out is asked for again, so that it runs out again.
            if not self._ready[number] and number not in self._given_up:
                fresh.append(energy)
        requests: list[LevelRequest] = []
        # In space a search costs as much as the patches; in the plane a mesh of its own gives an energy fewer arcs.
        parts = [sorted(fresh)] if self._patches.dim == 3 and fresh else [[energy] for energy in fresh]
        for part in parts:
            mesh, found = self._search.at(np.array(part))
            for energy, unresolved in zip(part, found, strict=True):
                number = self._number[energy]
                self._note(energy, number, unresolved)
                requests.append(LevelRequest(mesh, energy, number))
        self._add(requests)
        return np.array([self._number[energy] for energy in np.atleast_1d(energies).tolist()])

    def _note(self, energy: float, number: int, unresolved: Unresolved) -> None:
        """Take over what the search of an energy has left unresolved."""
        self.unresolved.touching += unresolved.touching
        assert self.unresolved.still is not None
        self.unresolved.still += unresolved.still or []
        if unresolved.still:
            self._critical.add(energy)
        if unresolved.hidden is not None:
            self._hidden[number] = unresolved.hidden[0]

    def _add(self, requests: list[LevelRequest]) -> None:
        for _ in range(MOST_BISECTIONS):
            if not requests:
                return
            answers = self._patches.add(requests)
            again: list[LevelRequest] = []
            coarse: dict[int, BoolArray] = {}
            for request, marked in zip(requests, answers, strict=True):
                if marked is None:
                    self._ready[request.owner] = True
                    continue
                mesh = request.mesh
                marked &= mesh.level < mesh.samples.levels - SPARE_LEVELS
                if marked.any() and len(mesh) < LARGEST:
                    again.append(request)
                    coarse[id(mesh)] = coarse.get(id(mesh), False) | marked
                elif isinstance(self._patches, LevelLines):
                    self._patches.add([request], force=True)
                    self._ready[request.owner] = True
                else:
                    self._given_up.add(request.owner)
            meshes = {id(request.mesh): request.mesh for request in again}
            finer = {key: meshes[key].bisect(marked) for key, marked in coarse.items()}
            again = [request._replace(mesh=finer[id(request.mesh)]) for request in again]
            requests = again
        self._given_up |= {request.owner for request in requests}

    def improve(self, numbers: IntArray, allowed: FloatArray) -> None:
        """Refine the patches of some energies until each block is within allowed (e, block), or cannot be.

        Raises OutOfPoints when the points end; values and errors are those of what was done.
        """
        limit = np.full((len(self._number), len(self.goals)), np.inf)
        np.minimum.at(limit, numbers, allowed)
        for _ in range(ROUNDS):
            chosen, weight = self._worst(limit)
            if not len(chosen):
                return
            self._refine(chosen, weight)
            if self.report is not None:
                self.report()

    def _refine(self, chosen: IntArray, weight: FloatArray) -> None:
        while True:
            try:
                self._patches.refine(chosen, weight)
                return
            except OutOfPoints:
                if len(chosen) == 1:
                    raise
                chosen, weight = chosen[: len(chosen) // 2], weight[: len(chosen) // 2]

    def _worst(self, limit: FloatArray) -> tuple[IntArray, FloatArray]:
        """Patches to be refined next, and the weights of their columns."""
        owner, failed = self._patches.owner, self._patches.failed
        if not len(owner):
            return np.empty(0, dtype=np.int64), np.empty((0, self._columns))
        error = self.mesh.samples.cell.order * self._patches.error
        total = block_errors(self.error, self.goals)
        open_ones = (total > limit) & np.isfinite(total)
        inverse = np.divide(1.0, limit, out=np.zeros_like(limit), where=open_ones & (limit > 0))
        inverse[open_ones & (limit <= 0)] = 1e300
        candidates = np.flatnonzero(np.asarray(open_ones.any(axis=1))[owner] & ~failed)
        if not len(candidates):
            return candidates, np.empty((0, self._columns))
        of = owner[candidates]
        size = (block_errors(error[candidates], self.goals) * inverse[of]).max(axis=1)
        order = np.lexsort((-size, of))
        candidates, of, size = candidates[order], of[order], size[order]
        # Within each energy: everything but the small ones that together stay below their share.
        ends = np.append(np.flatnonzero(np.diff(of)), len(of) - 1)
        running = np.cumsum(size)
        rest = running[ends][np.searchsorted(ends, np.arange(len(of)))] - running
        picked = (rest + size > LEFT) & (size > 0)
        weight = np.zeros((len(candidates), self._columns))
        for b, goal in enumerate(self.goals):
            if goal.entries.size:
                largest = np.abs(goal.entries).max(axis=1)
                weight[:, goal.columns] = np.maximum(weight[:, goal.columns], inverse[of, b][:, None] * largest)
        return candidates[picked], weight[picked]

    def stands(self, energies: FloatArray) -> BoolArray:
        """Energies at which the gradient vanishes somewhere on the level set, (e,)."""
        return np.array([energy in self._critical for energy in energies.tolist()], dtype=np.bool_)

    def hides(self, energies: FloatArray) -> BoolArray:
        """Energies at which, at the deepest level of the search, a piece may hide or the gradient vanish, (e,)."""
        return self.stands(energies) | np.array(
            [e in self._number and bool(self._hidden[self._number[e]].any()) for e in energies.tolist()], bool
        )

    def stuck(self) -> BoolArray:
        """Energies with a patch that cannot be refined any more, (e,)."""
        found = np.zeros(len(self._number), dtype=bool)
        found[self._patches.owner[self._patches.failed]] = True
        return found
