"""From integrals of columns to tensors of terms: what the driver and the spectrum share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from .arrays import BoolArray, FloatArray
from .integrand import Integrand
from .levelset.simplices import NOISE, Goal
from .model import Model
from .request import DIRECTIONS
from .results import TermResult
from .sampler import BandSampler, Columns

THERMAL_REACH = 40.0
"""A band further than this many kT from mu counts as absent: f0' is below 5e-18 of its peak there."""


def measure(model: Model) -> float:
    """Factor of [dk] and of the sum over spins."""
    return model.spin_degeneracy / (2.0 * np.pi) ** model.dim


def goals(
    sampler: BandSampler,
    components: Sequence[tuple[int, int, int]] | None,
    atol: Mapping[str, float],
    vanishing: Collection[str],
) -> list[Goal]:
    """One block of columns for each term of a sampler; nothing is asked of terms that vanish by symmetry."""
    found = []
    for term in sampler.terms:
        basis = term.basis(sampler.model.dim)
        entries = basis.reshape(len(basis), -1)
        if components is not None:
            entries = np.stack([basis[:, i, j, k] for i, j, k in components], axis=1)
        if term.name in vanishing:
            entries = entries[:, :0]
        columns = sampler.columns.entries[term.name]
        # The engine integrates without [dk] and spin degeneracy.
        allowed = atol[term.name] / measure(sampler.model)
        found.append(Goal(columns, sampler.columns.modulus[term.name], allowed, entries))
    return found


def term_result(
    term: Integrand,
    columns: Columns,
    value: FloatArray,
    error: FloatArray,
    *,
    dim: int,
    measure: float,
    violation: float | None,
    in_gap: BoolArray,
    diverging: BoolArray,
    shape: tuple[int, int],
) -> TermResult:
    """Tensors of one term on a (kT, mu) grid of `shape`, from integrals under the bump -f0' of all columns (peak, c).

    The sign makes the integral of the bump one of f0'. `violation` is that of `parity.odd_terms` for a term that is
    odd; `in_gap` and `diverging` (peak,) say where the value is zero and where the error is infinite.
    """
    modulus = measure * np.abs(value[:, columns.modulus[term.name]])
    small = measure * np.abs(value[:, columns.small_gap[term.name]])
    error = measure * error[:, columns.entries[term.name]]
    value = np.where(in_gap[:, None], 0.0, -measure * value[:, columns.entries[term.name]])
    if violation is not None:
        value = np.zeros_like(value)
        error = np.where(np.isfinite(error), max(NOISE, 10.0 * violation) * modulus[:, None], np.inf)
    # Rounding: nothing in the modulus cancels, so this many digits of it are always uncertain.
    error = error + 1e-15 * modulus[:, None]
    tiny = 1e-18 * max(1.0, float(modulus.max(initial=0.0)))
    error = np.where(in_gap[:, None], tiny, np.where(modulus[:, None] > 0, error, np.maximum(error, tiny)))
    tensor = term.expand(value, dim).reshape(*shape, dim, dim, dim)
    spread = np.where(np.isfinite(error), error, 0.0)
    tensor_error = term.expand_error(spread, dim)
    infinite = ~np.isfinite(error).all(axis=1) | diverging
    tensor_error[infinite] = np.inf
    largest = np.maximum(np.abs(value).max(axis=1), spread.max(axis=1))
    cancellation = np.divide(modulus, largest, out=np.ones_like(modulus), where=~in_gap & (largest > 0))
    share = np.divide(small, modulus, out=np.zeros_like(small), where=modulus > 0)
    return TermResult(
        natural=tensor,
        natural_error=tensor_error.reshape(tensor.shape),
        cancellation=np.maximum(cancellation, 1.0).reshape(shape),
        small_gap_share=np.clip(share, 0.0, 1.0).reshape(shape),
        tau_power=term.tau_power,
        equation=term.equation,
    )


def letters(components: Sequence[tuple[int, int, int]] | None) -> str:
    """Components such as "xyy yxx" for the attributes of a result."""
    if components is None:
        return "all"
    return " ".join("".join(DIRECTIONS[a] for a in entry) for entry in components)


def versions() -> dict[str, str]:
    """What computed a result."""
    import platform
    from importlib.metadata import version

    from . import __version__

    libraries = {name: version(name) for name in ("numpy", "scipy", "xarray")}
    return {"sigmaijk": __version__, "python": platform.python_version()} | libraries
