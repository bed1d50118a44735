"""Exact first and second k-derivatives of a user's plain NumPy H(kx, ky[, kz]).

H is called once per batch with `Jet` objects in place of numbers: each carries its value and derivatives at every k of
the batch, and NumPy hands its operations to them. The batch is invisible, so `kx` looks like one number and H is
written as for one k: as entries, `np.array([[m, kx - 1j*ky], [kx + 1j*ky, -m]])`, or as a sum of scalar * constant
matrix, `kx * sx + ky * sy + m * sz`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import NDArray

from .errors import JetError, ModelError

Array = NDArray[Any]

CHUNK = 1024
"""Points per call of the user's function: 2 MB of second derivatives at four bands, about one L2 cache."""

REWRITE = """a jet (a number that carries its k-derivatives) cannot become a plain number, as happens when it is
assigned into a numeric array, in np.array(..., dtype=complex) and in math.sin(kx). Write H from its entries,
    H = np.array([[m, kx - 1j*ky], [kx + 1j*ky, -m]])
or as a sum of scalar * constant matrix,
    H = kx * sx + ky * sy + m * sz
or assign into H = np.zeros((4, 4), dtype=object). Use np.sin for math.sin. Otherwise pass derivatives= with your
own derivatives; H may then be any function of plain numbers."""

SUPPORTED = (
    "arithmetic, powers, @, indexing, sum, trace, einsum, stack, block, axes moved or reshaped, conj, real, imag, "
    "kron, exp, log, sqrt, hypot, arctan2 and the trigonometric and hyperbolic functions"
)
ADVICE = {
    "absolute": "write np.sqrt(x * x) for a real x that never vanishes, (z * z.conj()).real for |z|**2",
    "where": "write a smooth step such as (1 + np.tanh(x / width)) / 2",
    "sign": "write a smooth step such as np.tanh(x / width)",
    "maximum": "write (x + y + np.sqrt((x - y)**2 + width**2)) / 2",
    "minimum": "write (x + y - np.sqrt((x - y)**2 + width**2)) / 2",
    "norm": "write np.sqrt(kx**2 + ky**2)",
    "copyto": "write H from its entries, np.array([[m, kx - 1j*ky], [kx + 1j*ky, -m]])",
}
COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}


class Derivatives(NamedTuple):
    """H (nk, n, n) with d_a H (nk, dim, n, n) and d_a d_b H (nk, dim, dim, n, n); None above the order asked for."""

    value: NDArray[np.complex128]
    gradient: NDArray[np.complex128] | None
    hessian: NDArray[np.complex128] | None


class Jet(np.lib.mixins.NDArrayOperatorsMixin):
    """A function of k at a batch of k with its derivatives, to NumPy a number or an array of shape `shape`.

    The hidden axes lead: value (nk, *shape), gradient (dim, nk, *shape), hessian (dim, dim, nk, *shape). The axis nk
    has length 1 where nothing depends on k. A derivative that is None vanishes identically or is above `order`.
    """

    __slots__ = ("gradient", "hessian", "order", "value")

    def __init__(
        self, value: Array, gradient: Array | None = None, hessian: Array | None = None, order: int = 2
    ) -> None:
        shape = value.shape[1:]
        self.value, self.order = value, order
        self.gradient = None if gradient is None else _broadcast_tail(gradient, 2, shape)
        self.hessian = None if hessian is None else _broadcast_tail(hessian, 3, shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that the user's code sees: () for kx."""
        return self.value.shape[1:]

    @property
    def ndim(self) -> int:
        """Number of visible axes."""
        return self.value.ndim - 1

    @property
    def size(self) -> int:
        """Number of entries at one k."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries."""
        return self.value.dtype

    @property
    def real(self) -> Jet:
        """Real part, entry by entry."""
        return _linear(np.real, self)

    @property
    def imag(self) -> Jet:
        """Imaginary part, entry by entry."""
        return _linear(np.imag, self)

    @property
    def T(self) -> Jet:
        """The transpose."""
        return _rearranged(np.transpose, self)

    def conj(self) -> Jet:
        """Complex conjugate, entry by entry."""
        return _linear(np.conjugate, self)

    def astype(self, dtype: Any) -> Jet:
        """Entries as float or complex numbers; never from complex to real, nor to integers."""
        if not np.can_cast(self.dtype, dtype, "same_kind"):
            raise JetError(f"astype({dtype}) cannot be differentiated; write .real for the real part")
        return _linear(lambda part: part.astype(dtype), self)

    def transpose(self, *axes: Any) -> Jet:
        """Axes in another order, as in NumPy."""
        return _rearranged(lambda index: index.transpose(*axes), self)

    def reshape(self, *shape: Any) -> Jet:
        """The same entries in another shape, as in NumPy."""
        return _rearranged(lambda index: index.reshape(*shape), self)

    def __len__(self) -> int:
        if not self.ndim:  # np.array then takes the jet as one entry of an object array
            raise TypeError("len() of a jet that stands for one number")
        return self.shape[0]

    def __iter__(self) -> Iterator[Jet]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Jet:
        try:
            return _rearranged(lambda index: index[key], self)
        except IndexError as error:
            advice = "kx, ky, kz stand for single numbers: write kx * sx or kx[..., None, None] * sx"
            raise JetError(f"{error}; {advice}") from None

    def __setitem__(self, key: Any, entry: Any) -> None:
        raise JetError(f"H[{key!r}] = ... cannot be differentiated: {REWRITE}")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Jet:
        if out is not None and not all(isinstance(target, Jet) for target in out):
            raise JetError(f"H += ... changes a numeric array in place; write H = H + ...: {REWRITE}")
        handler = UFUNCS.get(ufunc) if method == "__call__" else None
        if handler is None or kwargs.keys() - {"dtype"}:
            raise _unsupported(ufunc.__name__, "np." if hasattr(np, ufunc.__name__) else "")
        return handler(*map(lift, inputs))

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        handler = FUNCTIONS.get(function)
        if handler is None or kwargs.get("out") is not None:
            raise _unsupported(function.__name__, function.__module__.replace("numpy", "np") + ".")
        return handler(*args, **kwargs)

    def __bool__(self) -> bool:
        raise _unsupported("equal")

    def __float__(self) -> float:
        raise JetError(REWRITE)

    __int__ = __index__ = __complex__ = __float__


def evaluate(function: Callable[..., Any], k: NDArray[np.floating], order: int) -> Derivatives:
    """H and its derivatives up to `order` (0, 1, 2) at k of shape (nk, dim), exact to rounding.

    Entries or whole matrices that do not depend on k are allowed. Raises JetError if H does something that cannot be
    differentiated and ModelError if it returns anything else than a square matrix.
    """
    nk, dim = k.shape
    parts: list[Array] = []
    for start in range(0, max(nk, 1), CHUNK):
        here = slice(start, start + CHUNK)
        jet = lift(call(function, seeds(k[here], order)))
        n = _matrix_size(jet)
        if not parts:
            parts = [np.zeros((nk, *(dim,) * rank, n, n), dtype=np.complex128) for rank in range(order + 1)]
        parts[0][here] = jet.value.reshape(-1, n, n)
        if order > 0 and jet.gradient is not None:
            parts[1][here] = jet.gradient.reshape(dim, -1, n, n).swapaxes(0, 1)
        if order > 1 and jet.hessian is not None:
            parts[2][here] = jet.hessian.reshape(dim, dim, -1, n, n).transpose(2, 0, 1, 3, 4)
    return Derivatives(parts[0], parts[1] if order > 0 else None, parts[2] if order > 1 else None)


def seeds(k: NDArray[np.floating], order: int) -> list[Jet]:
    """The jets of kx, ky[, kz] at k of shape (nk, dim)."""
    units = np.eye(k.shape[1])[:, :, None]
    coordinates = zip(k.T, units, strict=True)
    return [Jet(np.ascontiguousarray(x), unit if order else None, None, order) for x, unit in coordinates]


def call(function: Callable[..., Any], arguments: Sequence[Jet]) -> Any:
    """What the user's function returns; the errors that NumPy wraps around a JetError are taken off."""
    try:
        return function(*arguments)
    except AttributeError as error:
        if not isinstance(error.obj, Jet):
            raise
        raise _unsupported(str(error.name), "the array method ") from error
    except (TypeError, ValueError) as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, JetError):
            cause = cause.__cause__ or cause.__context__
        if "no callable" in str(error):  # an object array that holds 0 beside jets: int has no method sin
            cause = JetError(f"{error}: build arrays that go through a function with np.stack instead of np.array")
        if cause is None or cause is error:
            raise
        raise JetError(str(cause)) from error


def lift(item: Any) -> Jet:
    """A number, an array, or a nested list or object array of numbers and jets, as one jet."""
    if isinstance(item, Jet):
        return item
    try:
        array = np.asarray(item)
    except ValueError as error:
        raise ModelError(f"the entries of a matrix must all be numbers or all have one shape ({error})") from error
    if array.dtype.kind in "biufc":
        return Jet(array[None])
    if array.dtype != object or array.size == 0:
        raise ModelError(f"H must be made of numbers, got {type(item).__name__} of dtype {array.dtype}")
    entries = [entry if isinstance(entry, Jet) else _constant(entry) for entry in array.flat]
    return _reshaped(_flat(entries), array.shape)


def _constant(entry: Any) -> Jet:
    try:
        return Jet(np.array([entry if isinstance(entry, (int, float)) else complex(entry)]))
    except (TypeError, ValueError):
        raise ModelError(f"H must be made of numbers, got an entry {entry!r} ({type(entry).__name__})") from None


def _matrix_size(jet: Jet) -> int:
    shape = jet.shape
    if len(shape) < 2 or shape[-1] != shape[-2] or not shape[-1] or math.prod(shape[:-2]) != 1:
        raise ModelError(f"H(k) must be a square matrix of shape (n, n) at each k, got shape {shape}")
    return shape[-1]


def _unsupported(name: str, module: str = "np.") -> JetError:
    if name in COMPARISONS:
        problem, advice = "a comparison or truth test of k", "H must be one smooth formula for all k"
    else:
        problem, advice = module + name, ADVICE.get(name, "write it with the supported functions")
    rest = f"Supported: {SUPPORTED}. Otherwise pass derivatives= with your own"
    return JetError(f"{problem} cannot be differentiated: {advice}. {rest}")


# Calculus: the rules from which every operation below is made. Each `op` acts on the trailing axes of its arguments.


def _total(*terms: Array | None) -> Array | None:
    present = [term for term in terms if term is not None]
    return functools.reduce(np.add, present) if present else None


def _linear(op: Callable[[Array], Array], jet: Jet) -> Jet:
    gradient, hessian = (None if part is None else op(part) for part in (jet.gradient, jet.hessian))
    return Jet(op(jet.value), gradient, hessian, jet.order)


def _bilinear(op: Callable[[Array, Array], Array], a: Jet, b: Jet) -> Jet:
    def term(x: Array | None, y: Array | None) -> Array | None:
        return None if x is None or y is None else op(x, y)

    gradient, hessian, order = _total(term(a.gradient, b.value), term(a.value, b.gradient)), None, min(a.order, b.order)
    if order == 2:
        hessian = _total(term(a.hessian, b.value), term(a.value, b.hessian))
        if a.gradient is not None and b.gradient is not None:
            cross = op(a.gradient[:, None], b.gradient[None])
            hessian = _total(hessian, cross + cross.swapaxes(0, 1))
    return Jet(op(a.value, b.value), gradient, hessian, order)


def _chain(function: Callable[[Array], Array], first: Callable[..., Any], second: Callable[..., Any], jet: Jet) -> Jet:
    x, gradient, hessian = jet.value, jet.gradient, None
    f = function(x)
    if gradient is None:
        return Jet(f, order=jet.order)
    slope = first(x, f)
    if jet.order == 2:
        bend = second(x, f, slope) * (gradient[:, None] * gradient[None])
        hessian = _total(bend, None if jet.hessian is None else slope * jet.hessian)
    return Jet(f, slope * gradient, hessian, jet.order)


# Arrangement: an axis moved, an entry picked, arrays joined are all one gather from entries laid end to end.


def _broadcast_tail(part: Array, lead: int, shape: tuple[int, ...]) -> Array:
    return part if part.shape[lead:] == shape else np.broadcast_to(part, part.shape[:lead] + shape)


def _reshaped(jet: Jet, shape: tuple[int, ...]) -> Jet:
    return _linear(lambda part: part.reshape(part.shape[: part.ndim - jet.ndim] + shape), jet)


def _aligned(a: Jet, b: Jet) -> tuple[Jet, Jet]:
    """Both with as many axes, ones in front, so that the hidden axes stay apart from the visible ones."""
    ndim = max(a.ndim, b.ndim)
    a, b = (jet if jet.ndim == ndim else _reshaped(jet, (1,) * (ndim - jet.ndim) + jet.shape) for jet in (a, b))
    return a, b


def _flat(jets: Sequence[Jet]) -> Jet:
    """All entries of several jets laid end to end, shape (total,)."""
    rows = [_reshaped(jet, (jet.size,)) for jet in jets]
    if len(rows) == 1:
        return rows[0]
    stops = np.cumsum([row.size for row in rows])

    def laid(parts: list[Array | None]) -> Array | None:
        present = [part for part in parts if part is not None]
        if not present:
            return None
        lead = np.broadcast_shapes(*(part.shape[:-1] for part in present))
        line = np.zeros((*lead, stops[-1]), dtype=np.result_type(*present))
        for part, row, stop in zip(parts, rows, stops, strict=True):
            if part is not None:
                line[..., stop - row.size : stop] = part
        return line

    value = laid([row.value for row in rows])
    assert value is not None
    order = min(row.order for row in rows)
    return Jet(value, laid([row.gradient for row in rows]), laid([row.hessian for row in rows]), order)


def _rearranged(function: Callable[..., Any], data: Any, *args: Any, **kwargs: Any) -> Jet:
    """What a NumPy function that only moves entries makes of `data`: it is given their numbers to move, 0 is a zero."""
    jets: list[Jet] = []

    def numbered(item: Any) -> Any:
        if isinstance(item, (list, tuple)):
            return [numbered(member) for member in item]
        start = 1 + sum(jet.size for jet in jets)
        jets.append(lift(item))
        return np.arange(start, start + jets[-1].size).reshape(jets[-1].shape)

    index = np.asarray(function(numbered(data), *args, **kwargs))
    flat = _flat(jets)
    if index.size == flat.size and np.array_equal(index.ravel(), np.arange(1, flat.size + 1)):
        return _reshaped(flat, index.shape)
    picked = _linear(lambda part: part[..., np.maximum(index - 1, 0)], flat)
    return picked if index.all() else _multiply(picked, lift(index > 0))


# What NumPy may do to a jet: ufuncs, functions, and the same as methods (which object arrays look for too).


def _add(a: Jet, b: Jet) -> Jet:
    a, b = _aligned(a, b)
    hessian = _total(a.hessian, b.hessian)
    return Jet(a.value + b.value, _total(a.gradient, b.gradient), hessian, min(a.order, b.order))


def _subtract(a: Jet, b: Jet) -> Jet:
    return _add(a, _multiply(b, lift(-1.0)))


def _multiply(a: Jet, b: Jet) -> Jet:
    return _bilinear(np.multiply, *_aligned(a, b))


def _divide(a: Jet, b: Jet) -> Jet:
    return _multiply(a, UFUNCS[np.reciprocal](_linear(lambda part: part * 1.0, b)))


def _power(base: Jet, exponent: Jet) -> Jet:
    """x**p; coefficients that vanish (p = 0, 1) meet x**0, so that nothing is infinite at x = 0."""
    if exponent.gradient is not None:
        return UFUNCS[np.exp](_multiply(exponent, UFUNCS[np.log](base)))
    base, exponent = _aligned(base, exponent)
    p = exponent.value.item() if exponent.value.size == 1 else exponent.value
    if np.array_equal(p, 1):
        return base
    if np.array_equal(p, 2):
        return UFUNCS[np.square](base)

    def falling(x: Array, coefficient: Any, power: Any) -> Array:
        return coefficient * x ** np.where(coefficient == 0, 0, power)

    def first(x: Array, f: Array) -> Array:
        return falling(x, p, p - 1)

    def second(x: Array, f: Array, slope: Array) -> Array:
        return falling(x, p * (p - 1), p - 2)

    return _chain(lambda x: x**p, first, second, base)


def _matmul(a: Any, b: Any) -> Jet:
    a, b = lift(a), lift(b)
    if not (a.ndim and b.ndim):
        raise JetError("@ needs matrices or vectors on both sides; use * for a number")
    left = a if a.ndim > 1 else _reshaped(a, (1, *a.shape))
    right = b if b.ndim > 1 else _reshaped(b, (*b.shape, 1))
    product = _bilinear(np.matmul, *_aligned(left, right))
    rows, columns = product.shape[-2:]
    kept = product.shape[:-2] + (rows,) * (a.ndim > 1) + (columns,) * (b.ndim > 1)
    return _reshaped(product, kept)


def _dot(a: Any, b: Any) -> Jet:
    a, b = lift(a), lift(b)
    if not (a.ndim and b.ndim):
        return _multiply(a, b)
    return _tensordot(a, b, (-1, max(b.ndim - 2, 0)))


def _inner(a: Any, b: Any) -> Jet:
    return _tensordot(a, b, (-1, -1))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Jet:
    a, b = lift(a), lift(b)
    if isinstance(axes, int):
        axes = (tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes)))
    contracted = [normalize_axis_tuple(side, jet.ndim) for jet, side in zip((a, b), axes, strict=True)]
    letters = [chr(ord("a") + i) for i in range(a.ndim + b.ndim)]
    left, right = letters[: a.ndim], letters[a.ndim :]
    for i, j in zip(*contracted, strict=True):
        right[j] = left[i]
    kept = [letter for letter in left + right if (letter in left) != (letter in right)]
    return _einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", a, b)


def _einsum(subscripts: str, *operands: Any) -> Jet:
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms, jets = inputs.split(","), [lift(operand) for operand in operands]
    if "." in subscripts or len(jets) > 2 or [len(term) for term in terms] != [jet.ndim for jet in jets]:
        raise JetError(f"einsum({subscripts!r}) of k needs one or two operands and a letter for each of their axes")
    if not arrow:
        output = "".join(sorted(letter for letter in set(inputs) - {","} if inputs.count(letter) == 1))
    hidden = ",".join("..." + term for term in terms) + "->..." + output
    if len(jets) == 1:
        return _linear(lambda part: np.einsum(hidden, part), jets[0])
    return _bilinear(lambda x, y: np.einsum(hidden, x, y), *jets)


def _kron(a: Any, b: Any) -> Jet:
    a, b = _aligned(lift(a), lift(b))
    rows = _reshaped(a, tuple(n for size in a.shape for n in (size, 1)))
    columns = _reshaped(b, tuple(n for size in b.shape for n in (1, size)))
    return _reshaped(_multiply(rows, columns), tuple(m * n for m, n in zip(a.shape, b.shape, strict=True)))


def _outer(a: Any, b: Any) -> Jet:
    return _multiply(_rearranged(np.ravel, a)[:, None], _rearranged(np.ravel, b)[None, :])


def _sum(a: Any, axis: Any = None, keepdims: bool = False) -> Jet:
    jet = lift(a)
    axes = range(jet.ndim) if axis is None else normalize_axis_tuple(axis, jet.ndim)
    from_the_end = tuple(i - jet.ndim for i in axes)
    return _linear(lambda part: part.sum(axis=from_the_end, keepdims=keepdims), jet)


def _trace(a: Any, *args: Any) -> Jet:
    return _sum(_rearranged(np.diagonal, a, *args), axis=-1)


def _plain_like(function: Callable[..., Any]) -> Callable[..., Any]:
    """zeros_like and the rest: a plain array, since it does not depend on k."""
    return lambda a, *args, **kwargs: function(np.empty(a.shape, dtype=a.dtype), *args, **kwargs)


CHAINS: dict[np.ufunc, tuple[Callable[..., Any], Callable[..., Any]]] = {  # f' of (x, f), f'' of (x, f, f')
    np.sin: (lambda x, f: np.cos(x), lambda x, f, d: -f),
    np.cos: (lambda x, f: -np.sin(x), lambda x, f, d: -f),
    np.tan: (lambda x, f: 1 + f * f, lambda x, f, d: 2 * f * d),
    np.exp: (lambda x, f: f, lambda x, f, d: f),
    np.exp2: (lambda x, f: math.log(2) * f, lambda x, f, d: math.log(2) * d),
    np.expm1: (lambda x, f: f + 1, lambda x, f, d: d),
    np.log: (lambda x, f: 1 / x, lambda x, f, d: -d * d),
    np.log2: (lambda x, f: 1 / (math.log(2) * x), lambda x, f, d: -d / x),
    np.log10: (lambda x, f: 1 / (math.log(10) * x), lambda x, f, d: -d / x),
    np.log1p: (lambda x, f: 1 / (1 + x), lambda x, f, d: -d * d),
    np.sqrt: (lambda x, f: 0.5 / f, lambda x, f, d: -0.5 * d / x),
    np.cbrt: (lambda x, f: 1 / (3 * f * f), lambda x, f, d: -2 * d / (3 * x)),
    np.square: (lambda x, f: 2 * x, lambda x, f, d: 2.0),
    np.reciprocal: (lambda x, f: -f * f, lambda x, f, d: -2 * f * d),
    np.sinh: (lambda x, f: np.cosh(x), lambda x, f, d: f),
    np.cosh: (lambda x, f: np.sinh(x), lambda x, f, d: f),
    np.tanh: (lambda x, f: 1 - f * f, lambda x, f, d: -2 * f * d),
    np.arcsin: (lambda x, f: 1 / np.sqrt(1 - x * x), lambda x, f, d: x * d**3),
    np.arccos: (lambda x, f: -1 / np.sqrt(1 - x * x), lambda x, f, d: x * d**3),
    np.arctan: (lambda x, f: 1 / (1 + x * x), lambda x, f, d: -2 * x * d * d),
    np.arcsinh: (lambda x, f: 1 / np.sqrt(1 + x * x), lambda x, f, d: -x * d**3),
    np.arccosh: (lambda x, f: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), lambda x, f, d: -x * d**3),
    np.arctanh: (lambda x, f: 1 / (1 - x * x), lambda x, f, d: 2 * x * d * d),
}
LINEAR = (np.negative, np.positive, np.conjugate, np.deg2rad, np.rad2deg)
UFUNCS: dict[np.ufunc, Callable[..., Jet]] = {
    **{ufunc: functools.partial(_chain, ufunc, *rules) for ufunc, rules in CHAINS.items()},
    **{ufunc: functools.partial(_linear, ufunc) for ufunc in LINEAR},
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.true_divide: _divide,
    np.power: _power,
    np.float_power: _power,
    np.matmul: _matmul,
    np.hypot: lambda a, b: UFUNCS[np.sqrt](_add(_multiply(a, a), _multiply(b, b))),
    np.arctan2: lambda y, x: UFUNCS[np.log](_add(x, _multiply(y, lift(1j)))).imag,
}
MOVES = (
    *(np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose, np.reshape, np.ravel, np.squeeze),
    *(np.expand_dims, np.broadcast_to, np.atleast_1d, np.atleast_2d, np.diagonal, np.diag, np.triu, np.tril, np.roll),
    *(np.flip, np.rot90, np.take, np.tile, np.repeat, np.stack, np.concatenate, np.vstack, np.hstack, np.dstack),
    *(np.column_stack, np.block),
)
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{function: functools.partial(_rearranged, function) for function in MOVES},
    **{function: _plain_like(function) for function in (np.zeros_like, np.ones_like, np.empty_like, np.full_like)},
    np.real: lambda a: _linear(np.real, a),
    np.imag: lambda a: _linear(np.imag, a),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
    np.iscomplexobj: lambda a: a.dtype.kind == "c",
    np.sum: _sum,
    np.trace: _trace,
    np.dot: _dot,
    np.inner: _inner,
    np.tensordot: _tensordot,
    np.einsum: _einsum,
    np.kron: _kron,
    np.outer: _outer,
    np.broadcast_arrays: lambda *arrays: tuple(
        _rearranged(np.broadcast_to, array, np.broadcast_shapes(*map(np.shape, arrays))) for array in arrays
    ),
}


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda jet, *args, **kwargs: function(jet, *args, **kwargs)


for _name in ("sum", "trace", "dot", "swapaxes", "squeeze", "ravel", "diagonal", "repeat", "take"):
    setattr(Jet, _name, _method(FUNCTIONS[getattr(np, _name)]))
for _ufunc in (*CHAINS, np.conjugate, np.arctan2, np.hypot):
    setattr(Jet, _ufunc.__name__, _method(_ufunc))
