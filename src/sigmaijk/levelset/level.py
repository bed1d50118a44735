"""What the two kinds of pieces, arcs and facets, are asked for."""

from __future__ import annotations

from typing import NamedTuple

from .mesh import Mesh


class LevelRequest(NamedTuple):
    """All pieces of the level set E_n(k) = energy, of every sheet, on one mesh."""

    mesh: Mesh
    energy: float
    owner: int
    """Number that the pieces carry."""
