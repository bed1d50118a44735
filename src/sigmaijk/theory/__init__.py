"""The founding paper's theory, each route from its own construction: nothing here imports a response term.

The names below load what they need on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "field_modified": ".routes",
    "conductivity": ".assembly",
    "density_matrix": ".referee",
    "lattice_version": ".lattice_models",
    "table1": ".rows",
}

__all__ = ["conductivity", "density_matrix", "field_modified", "lattice_version", "table1"]

if TYPE_CHECKING:
    from .assembly import conductivity
    from .lattice_models import lattice_version
    from .referee import density_matrix
    from .routes import field_modified
    from .rows import table1


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name], __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
