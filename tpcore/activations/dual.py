"""Dual numbers a + b eps, eps^2 = 0: a NumPy function called on them gives its derivative beside its value.

Exact but for rounding, and closed: the value may itself be dual (of a lower
level), which gives higher derivatives. A function that leaves NumPy's ufuncs
and the array functions below raises TypeError; `tpcore.activations.slope`
then takes differences.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tpcore.activations.dual_rules import FLAT, LINEAR, NOT_NUMBERS, PARTIALS, SLOPES

_levels = itertools.count(1)


class Dual(NDArrayOperatorsMixin):
    """An array of dual numbers; `value` and `tangent` have one shape."""

    __array_priority__ = 2000

    def __init__(self, value, tangent, level: int):
        self.value, self.tangent, self.level = value, fit(tangent, np.shape(value)), level

    # ---- what functions ask of an array -------------------------------------------------------------------

    shape = property(lambda self: np.shape(self.value))
    ndim = property(lambda self: np.ndim(self.value))
    size = property(lambda self: np.size(self.value))
    dtype = property(lambda self: self.value.dtype)
    T = property(lambda self: self.transpose())

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key) -> Dual:
        return Dual(self.value[key], self.tangent[key], self.level)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("a dual number is no plain array")

    def _both(self, call: Callable) -> Dual:
        return Dual(call(self.value), call(self.tangent), self.level)

    def astype(self, dtype, **options) -> Dual:
        return self if np.dtype(dtype).kind == "f" else self._refuse(f"conversion to {np.dtype(dtype)}")

    def copy(self, *options) -> Dual:
        return self

    def reshape(self, *shape) -> Dual:
        return self._both(lambda a: a.reshape(*shape))

    def transpose(self, *axes) -> Dual:
        return self._both(lambda a: a.transpose(*axes))

    def swapaxes(self, a: int, b: int) -> Dual:
        return self._both(lambda x: x.swapaxes(a, b))

    def ravel(self) -> Dual:
        return self.reshape(-1)

    flatten = ravel

    def squeeze(self, axis=None) -> Dual:
        return self._both(lambda a: a.squeeze(axis))

    def sum(self, axis=None, keepdims=False, **options) -> Dual:
        return self._both(lambda a: a.sum(axis=axis, keepdims=keepdims))

    def mean(self, axis=None, keepdims=False, **options) -> Dual:
        return self._both(lambda a: a.mean(axis=axis, keepdims=keepdims))

    def var(self, axis=None, keepdims=False, ddof=0, **options) -> Dual:
        off = self - self.mean(axis, keepdims=True)
        total = (off * off).sum(axis, keepdims=keepdims)
        return total / (self.size / max(total.size, 1) - ddof)

    def std(self, axis=None, keepdims=False, ddof=0, **options) -> Dual:
        return np.sqrt(self.var(axis, keepdims, ddof))

    def max(self, axis=None, keepdims=False, **options) -> Dual:
        return self._at(np.argmax, axis, keepdims)

    def min(self, axis=None, keepdims=False, **options) -> Dual:
        return self._at(np.argmin, axis, keepdims)

    def prod(self, axis=None, keepdims=False, **options) -> Dual:
        moved = self.reshape(-1) if axis is None else np.moveaxis(self, axis, 0)
        total = moved[0]
        for factor in range(1, len(moved)):
            total = total * moved[factor]
        return total if not keepdims else np.expand_dims(total, tuple(range(self.ndim)) if axis is None else axis)

    def clip(self, low=None, high=None, **options) -> Dual:
        x = self if low is None else np.maximum(self, low)
        return x if high is None else np.minimum(x, high)

    def _at(self, where: Callable, axis, keepdims) -> Dual:
        flat = self.reshape(-1) if axis is None else self
        axis_ = 0 if axis is None else axis
        index = np.expand_dims(where(plain(flat), axis=axis_), axis_)
        found = flat._both(lambda a: np.take_along_axis(a, index, axis_))
        if axis is None:
            return found.reshape((1,) * self.ndim if keepdims else ())
        return found if keepdims else found.squeeze(axis_)

    def _refuse(self, what: str):
        raise TypeError(f"dual numbers have no rule for {what}")

    # ---- NumPy's protocols --------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if method == "reduce" and ufunc in (np.add, np.multiply, np.maximum, np.minimum):
            names = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}
            options = {k: v for k, v in options.items() if k in ("axis", "keepdims")}
            return getattr(inputs[0], names[ufunc])(**options)
        if method != "__call__" or any(v is not None for k, v in options.items() if k != "dtype"):
            self._refuse(f"np.{ufunc.__name__}.{method}")
        level = top(inputs)
        values = [of_level(x, level)[0] for x in inputs]
        tangents = [of_level(x, level)[1] for x in inputs]
        if ufunc in NOT_NUMBERS:
            return ufunc(*values)
        if ufunc in (np.matmul, np.vecdot):
            return _bilinear(ufunc, values, tangents, level)
        if ufunc in FLAT:
            return Dual(ufunc(*values), 0.0, level)
        if ufunc in SLOPES:
            value = ufunc(*values)
            return Dual(value, tangents[0] * SLOPES[ufunc](values[0], value), level)
        if ufunc not in PARTIALS:
            self._refuse(f"np.{ufunc.__name__}")
        value = ufunc(*values)
        terms = [t * d(*values, value) for t, d in zip(tangents, PARTIALS[ufunc], strict=True) if t is not None]
        return Dual(value, sum(terms[1:], start=terms[0]), level)

    def __array_function__(self, function, types, args, options):
        level = top(_leaves(args))
        if function in (np.shape, np.ndim, np.size):
            return function(args[0].value)
        if function in (np.zeros_like, np.ones_like, np.full_like):
            return function(plain(args[0]), *args[1:], **options)
        if function in (np.sum, np.mean, np.var, np.std, np.max, np.min, np.amax, np.amin, np.prod, np.clip):
            name = {"amax": "max", "amin": "min"}.get(function.__name__, function.__name__)
            return getattr(args[0], name)(*args[1:], **options)
        if function is np.where and len(args) == 3:
            condition = plain(args[0])
            (a, da), (b, db) = (of_level(x, level) for x in args[1:])
            return Dual(np.where(condition, a, b), np.where(condition, zero(da), zero(db)), level)
        if function in (np.einsum, np.dot, np.tensordot, np.outer):
            return self._products(function, args, options, level)
        if function in (np.stack, np.concatenate, np.hstack, np.vstack, np.column_stack):
            parts = [of_level(x, level) for x in args[0]]
            tangents = [np.zeros(np.shape(v)) if t is None else t for v, t in parts]
            return Dual(function([v for v, _ in parts], *args[1:], **options),
                        function(tangents, *args[1:], **options), level)
        if function is np.broadcast_arrays:
            shape = np.broadcast_shapes(*map(np.shape, args))
            return [np.broadcast_to(a, shape) for a in args]
        if function in LINEAR:
            return args[0]._both(lambda a: function(a, *args[1:], **options))
        self._refuse(f"np.{function.__name__}")

    def _products(self, function, args, options, level: int) -> Dual:
        head, rest = (args[:1], args[1:]) if function is np.einsum else ((), args)
        factors, tail = (rest, ()) if function is np.einsum else (rest[:2], rest[2:])
        parts = [of_level(x, level) for x in factors]
        call = lambda *f: function(*head, *f, *tail, **options)  # noqa: E731
        return _bilinear(call, [v for v, _ in parts], [t for _, t in parts], level)


def _bilinear(call: Callable, values: list, tangents: list, level: int) -> Dual:
    total = 0.0
    for i, tangent in enumerate(tangents):
        if tangent is not None:
            total = call(*values[:i], tangent, *values[i + 1 :]) + total
    return Dual(call(*values), total, level)


def _leaves(args):
    for a in args:
        if isinstance(a, list | tuple):
            yield from _leaves(a)
        else:
            yield a


def top(values) -> int:
    """The highest level among `values`."""
    return max((v.level for v in values if isinstance(v, Dual)), default=0)


def of_level(x, level: int) -> tuple:
    """(value, tangent) of x; what is of a lower level is a constant, tangent None."""
    return (x.value, x.tangent) if isinstance(x, Dual) and x.level == level else (x, None)


def zero(tangent):
    return 0.0 if tangent is None else tangent


def plain(x):
    """The value as a plain array."""
    while isinstance(x, Dual):
        x = x.value
    return x


def fit(tangent, shape: tuple[int, ...]):
    return tangent if np.shape(tangent) == shape else np.broadcast_to(tangent, shape)


def push(call: Callable, args: list, which: int, tangent) -> tuple:
    """(call(*args), its derivative when ``args[which]`` moves along `tangent`).

    Raises
    ------
    TypeError
        Where the function leaves what dual numbers know.
    """
    level = next(_levels)
    moved = list(args)
    moved[which] = Dual(args[which], tangent, level)
    with np.errstate(all="ignore"):
        out = call(*moved)
    value, slope = of_level(out, level)
    return value, np.zeros(np.shape(value)) if slope is None else slope
