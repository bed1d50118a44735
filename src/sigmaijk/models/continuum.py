"""A k.p model: a user's H(kx, ky[, kz]) on the whole k plane or space, with exact derivatives."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, ArgumentTypeError, ModelError
from ..jets import call, evaluate, lift, seeds
from ..model import ComplexArray, FloatArray, HamiltonianJet, Model, as_points

Style = Literal["jets", "arrays", "points"]
"""How a user's function is called: once with jets of a batch, once with arrays (nk,), or once for each k."""

HERMITICITY = 1e-9
"""Largest |H - H^+| beside the largest entry of H: a formula is Hermitian to rounding, a mistyped constant is not."""
DERIVATIVE_TOLERANCE = 1e-6
DIFFERENCE_STEP = 1e-3
"""Step of the differences that check a user's derivatives, in units of scale."""
SAMPLES = 5


class ContinuumModel(Model):
    """H(kx, ky[, kz]) in eV with k in 1/nm, not periodic: the domain is the k plane or space.

    hamiltonian: returns the (n, n) matrix at one k, in plain NumPy: it is called with jets that behave as numbers, so
        that its derivatives are exact (see `jets`). An array of entries or a sum of scalar * constant matrix will do.
    dim: number of arguments of hamiltonian, 2 or 3.
    derivatives: for a hamiltonian that jets cannot follow; (kx, ky[, kz]) -> (dH (dim, n, n), d2H (dim, dim, n, n)), or
        both with a leading axis if the arguments are arrays. Checked here against differences of hamiltonian.
    scale: first half-width of the box of k, 1/nm; the size of the structures of H.
    spin_degeneracy: 2 when every band stands for both spins.
    name: what a result calls the model; the name of the function by default.

    Raises ArgumentError or ArgumentTypeError for the arguments, JetError for a hamiltonian that needs `derivatives`,
    and ModelError, with the k, where H is not finite, not Hermitian or not what `derivatives` differentiates.
    """

    periodic = False

    def __init__(
        self,
        hamiltonian: Callable[..., Any],
        dim: int,
        *,
        derivatives: Callable[..., Any] | None = None,
        scale: float = 1.0,
        spin_degeneracy: int = 1,
        name: str | None = None,
    ) -> None:
        if not callable(hamiltonian):
            raise ArgumentTypeError(f"hamiltonian must be a function of kx, ky[, kz], got {_described(hamiltonian)}")
        if not isinstance(dim, Integral) or dim not in (2, 3):
            raise ArgumentError(f"dim must be 2 or 3, got {dim!r}")
        _check_takes("hamiltonian", hamiltonian, dim)
        if derivatives is not None:
            if not callable(derivatives):
                raise ArgumentTypeError(f"derivatives must be a function or None, got {_described(derivatives)}")
            _check_takes("derivatives", derivatives, dim)
        if isinstance(scale, bool) or not isinstance(scale, Real) or not 0 < scale < math.inf:
            raise ArgumentError(f"scale must be a finite number above zero, in 1/nm, got {scale!r}")
        integer = isinstance(spin_degeneracy, Integral) and not isinstance(spin_degeneracy, bool)
        if not integer or spin_degeneracy not in (1, 2):
            raise ArgumentError(f"spin_degeneracy must be 1 or 2, got {spin_degeneracy!r}")
        self.dim, self.scale, self.spin_degeneracy = int(dim), float(scale), int(spin_degeneracy)
        self.name = name or getattr(hamiltonian, "__name__", type(hamiltonian).__name__)
        self._function, self._own_derivatives = hamiltonian, derivatives
        self._style: Style = "jets"
        self._derivative_style: Style = "jets"
        self._check(np.random.default_rng(0).uniform(-self.scale, self.scale, (SAMPLES, self.dim)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: dim={self.dim}, n_bands={self.n_bands}, scale={self.scale:g}/nm>"

    def hamiltonian(self, k: ArrayLike) -> ComplexArray:
        """H at k of shape (nk, dim) in 1/nm, shape (nk, n, n), eV; raises ModelError where it is not finite."""
        points = as_points(k, self.dim)
        value = self._values(points)
        _check_finite(points, "H", value)
        return value

    def jet(self, k: FloatArray, order: int = 2) -> HamiltonianJet:
        """H and its derivatives up to `order` (1 or 2) at k (nk, dim); raises ModelError where one is not finite."""
        if self._own_derivatives is None:
            value, gradient, hessian = evaluate(self._function, k, order)
        else:
            value = self._values(k)
            n = value.shape[-1]
            parts = _tabulated(self._own_derivatives, k, self._derivative_style)
            shapes = (self.dim, n, n), (self.dim, self.dim, n, n)
            gradient, hessian = (
                np.ascontiguousarray(np.broadcast_to(part, (len(k), *shape)))
                for part, shape in zip(parts, shapes, strict=True)
            )
            hessian = hessian if order == 2 else None
        assert gradient is not None
        _check_finite(k, "H", value)
        _check_finite(k, "the first derivative of H", gradient)
        if hessian is not None:
            _check_finite(k, "the second derivative of H", hessian)
        return HamiltonianJet(value, gradient, hessian)

    def _values(self, k: FloatArray) -> ComplexArray:
        if self._style == "jets":
            return evaluate(self._function, k, 0).value
        (value,) = _tabulated(_in_a_tuple(self._function), k, self._style)
        return np.ascontiguousarray(np.broadcast_to(value, (len(k), *value.shape[-2:])))

    def _check(self, k: FloatArray) -> None:
        """Everything that can be wrong with the user's functions, at a few k."""
        if self._own_derivatives is not None:
            self._style = _working_style("hamiltonian", _in_a_tuple(self._function), k, _are_matrices)
        value = self._values(k)
        self.n_bands = n = value.shape[-1]
        _check_finite(k, "H", value)
        _check_hermitian(k, "H", value)
        if self._style == "jets":
            few = slice(0, SAMPLES if n != SAMPLES else SAMPLES - 1)  # nk = n would hide exchanged axes
            _check_same_for_plain_numbers(self._function, k[few], value[few])
        if self._own_derivatives is not None:

            def are_derivatives(parts: tuple[ComplexArray, ...]) -> bool:
                wanted = (self.dim, n, n), (self.dim, self.dim, n, n)
                return len(parts) == 2 and all(map(_fits, parts, wanted))

            self._derivative_style = _working_style("derivatives", self._own_derivatives, k, are_derivatives)
        jet = self.jet(k, 2)
        if self._own_derivatives is not None:
            self._check_own_derivatives(k, jet)

    def _check_own_derivatives(self, k: FloatArray, jet: HamiltonianJet) -> None:
        assert jet.hessian is not None
        for a, first in enumerate("xyz"[: self.dim]):
            given = jet.gradient[:, a]
            _check_hermitian(k, f"dH/dk{first}", given)
            self._check_difference(k, f"dH/dk{first}", given, jet.value, self._values, a)
            for b, second in enumerate("xyz"[: self.dim]):

                def slope(q: FloatArray, b: int = b) -> ComplexArray:
                    return self.jet(q, 1).gradient[:, b]

                label, given = f"d2H/dk{first} dk{second}", jet.hessian[:, a, b]
                _check_hermitian(k, label, given)
                self._check_difference(k, label, given, jet.gradient[:, b], slope, a)

    def _check_difference(
        self,
        k: FloatArray,
        label: str,
        given: ComplexArray,
        source: ComplexArray,
        function: Callable[[FloatArray], ComplexArray],
        direction: int,
    ) -> None:
        """`given` is the slope of `function` along a direction, within the error that halving the step reveals."""
        step = DIFFERENCE_STEP * self.scale * np.eye(self.dim)[direction]
        wide, narrow = (
            (function(k + h) - function(k - h)) / (2 * DIFFERENCE_STEP * self.scale * share)
            for h, share in ((step, 1.0), (step / 2, 0.5))
        )
        expected = (4 * narrow - wide) / 3
        size = DERIVATIVE_TOLERANCE * max(np.abs(given).max(), np.abs(expected).max())
        rounding = 1e-9 * np.abs(source).max() / self.scale  # 1e-13 of the source over the step, with room
        excess = np.abs(given - expected) - 10 * np.abs(wide - narrow) - size - rounding
        if excess.max() > 0:
            at, row, column = np.unravel_index(excess.argmax(), excess.shape)
            raise ModelError(
                f"derivatives must be those of hamiltonian; {label} at k = {_written(k[at])} has [{row}, {column}] = "
                f"{given[at, row, column]:.8g}, but differences give {expected[at, row, column]:.8g}"
            )


def finite_parameters(**values: float) -> dict[str, float]:
    """The parameters of a model as floats; raises ArgumentError or ArgumentTypeError with the name of a bad one."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ArgumentTypeError(f"{name} must be a number, got {_described(value)}")
        if not math.isfinite(value):
            raise ArgumentError(f"{name} must be finite, got {value!r}")
    return {name: float(value) for name, value in values.items()}


def _described(item: object) -> str:
    return f"{' '.join(repr(item).split())} ({type(item).__name__})"


def _written(k: FloatArray) -> str:
    return f"({', '.join(f'{x:.10g}' for x in k)})/nm"


def _in_a_tuple(function: Callable[..., Any]) -> Callable[..., tuple[Any]]:
    return lambda *k: (function(*k),)


def _check_takes(label: str, function: Callable[..., Any], dim: int) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some compiled functions have none
        return
    try:
        signature.bind(*range(dim))
    except TypeError as error:
        arguments = ", ".join(("kx", "ky", "kz")[:dim])
        raise ArgumentTypeError(f"{label} must take {arguments} for dim={dim}, but {error}") from None


# --- one function, three ways to call it ------------------------------------------------------------------------------


def _tabulated(function: Callable[..., Any], k: FloatArray, style: Style) -> tuple[ComplexArray, ...]:
    """The arrays that a function returns, at all k: (nk, ...), or without the axis nk, or 1 there, if constant."""
    if style == "jets":
        return tuple(lift(part).value.astype(np.complex128) for part in call(function, seeds(k, 0)))
    if style == "arrays":
        return tuple(np.asarray(part, dtype=np.complex128) for part in function(*np.ascontiguousarray(k.T)))
    points = k if len(k) else np.zeros((1, k.shape[1]))  # no point would leave the shapes unknown
    columns = zip(*(function(*point) for point in points), strict=True)
    return tuple(np.array(column, dtype=np.complex128)[: len(k)] for column in columns)


def _working_style(
    label: str, function: Callable[..., Any], k: FloatArray, fits: Callable[[tuple[ComplexArray, ...]], bool]
) -> Style:
    """The fastest way of calling that works and that agrees with calling for each k."""
    try:
        if fits(_tabulated(function, k, "jets")):
            return "jets"
    except Exception:  # whatever the user's function raises, another way may work
        pass
    batch = _probed(function, k, "arrays")
    if batch is not None and fits(batch) and all(len(part) == len(k) for part in batch):
        single = _probed(function, k, "points")
        if single is None or not fits(single) or all(map(_close, batch, single)):
            return "arrays"
    single = _tabulated(function, k, "points")
    if not fits(single):
        wanted = "(n, n)" if label == "hamiltonian" else "(dim, n, n) and (dim, dim, n, n)"
        raise ModelError(f"{label} must return {wanted} at each k, got {', '.join(str(x.shape[1:]) for x in single)}")
    return "points"


def _probed(function: Callable[..., Any], k: FloatArray, style: Style) -> tuple[ComplexArray, ...] | None:
    """What a function returns if called that way, None if it cannot be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return _tabulated(function, k, style)
    except Exception:  # the function was not written for this
        return None


def _are_matrices(parts: tuple[ComplexArray, ...]) -> bool:
    return parts[0].ndim == 3 and parts[0].shape[1] == parts[0].shape[2] > 0


def _fits(part: ComplexArray, shape: tuple[int, ...]) -> bool:
    return part.shape[-len(shape) :] == shape and part.ndim <= len(shape) + 1


def _close(found: ComplexArray, wanted: ComplexArray) -> bool:
    return bool(np.abs(found - wanted).max() <= HERMITICITY * np.abs(wanted).max())


# --- checks -----------------------------------------------------------------------------------------------------------


def _check_finite(k: FloatArray, label: str, array: ComplexArray) -> None:
    finite: NDArray[np.bool_] = np.isfinite(array.view(np.float64))
    if not finite.all():
        bad = int(np.argmin(finite.reshape(len(k), -1).all(axis=1)))
        raise ModelError(f"{label} must be finite, got inf or nan at k = {_written(k[bad])}")


def _check_hermitian(k: FloatArray, label: str, matrices: ComplexArray) -> None:
    adjoint = matrices.conj().swapaxes(1, 2)
    excess = np.abs(matrices - adjoint) - HERMITICITY * np.abs(matrices).max(axis=(1, 2), keepdims=True)
    if excess.max() > 0:
        at, row, column = map(int, np.unravel_index(excess.argmax(), excess.shape))
        raise ModelError(
            f"{label} must be Hermitian; at k = {_written(k[at])} [{row}, {column}] is "
            f"{matrices[at, row, column]:.8g}, but [{column}, {row}] is {matrices[at, column, row]:.8g}"
        )


def _check_same_for_plain_numbers(function: Callable[..., Any], k: FloatArray, value: ComplexArray) -> None:
    """H is the same for plain numbers and arrays, wherever it can be called with them.

    NumPy does not let jets see all that it does to an object array: `.imag` of one is zero, and its axes may be moved
    as if kx were an array.
    """
    for style in ("points", "arrays"):
        parts = _probed(_in_a_tuple(function), k, style)
        if parts is not None and parts[0].shape == value.shape and not _close(parts[0], value):
            plain = "numbers" if style == "points" else "arrays"
            raise ModelError(
                f"hamiltonian must give one matrix for jets and plain {plain}; they differ near k = {_written(k[0])}: "
                "write it for one k, where kx is a number; use .real, .imag and moved axes only on what np.stack built"
            )
