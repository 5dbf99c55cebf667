"""Writing instructions: each function checks its arguments and adds one line to their program."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from tpcore import checks
from tpcore.program import check, ops
from tpcore.program.functions import adapt, adapt_scalar, aligned, label_of
from tpcore.program.where import fail

SCALAR_HINT = "Pass C-vars in params=[...]: tp.nonlin(fn, x, params=[c])"


def matmul(matrix, x):
    """W x or W^T x: a G-var with the block shape of x."""
    check.matmul(matrix, x)
    op = ops.MatMul(matrix.index, x.index, matrix.transposed)
    return matrix.program._emit(op, "G", x.shape, matrix.rows)


def linear(terms: Sequence[tuple[float, object]]):
    """sum_i c_i x_i of vectors; sums written in one expression become one LinComb."""
    vectors = [v for _, v in terms]
    check.vectors("LinComb", vectors)
    merged: dict[int, float] = {}
    for c, v in terms:
        for index, own in v._linear().items():
            merged[index] = merged.get(index, 0.0) + c * own
    shape = check.broadcast("LinComb", vectors)
    kind = "G" if all(v.kind == "G" for v in vectors) else "H"
    return vectors[0].program._sum(merged, kind, shape, vectors[0].dim)


def mix(x, matrix: np.ndarray):
    """X @ A over the last axis of a block, A a small NumPy matrix."""
    small = check.checked("Mix", checks.array, "The small matrix A in X @ A", matrix)
    if not x.shape or small.ndim not in (1, 2) or small.shape[0] != x.shape[-1]:
        want = f"({x.shape[-1]}, m)" if x.shape else "for blocks only"
        fail(
            "Mix",
            f"X @ A mixes the columns of a block: A must have the shape {want}",
            f"{check.describe(x)} and an array of shape {small.shape}",
            "" if x.shape else "Multiply one vector by a number, or make a block with tp.stack",
        )
    return x.program._emit(ops.Mix(x.index, small), x.kind, x.shape[:-1] + small.shape[1:], x.dim)


def arrange(x, index: np.ndarray):
    """The block whose columns are the flat columns `index` of x."""
    index = np.asarray(index, dtype=np.intp)
    if index.shape == x.shape and np.array_equal(index.ravel(), np.arange(index.size)):
        return x
    return x.program._emit(ops.Reshape(x.index, index), x.kind, index.shape, x.dim)


def columns(x) -> np.ndarray:
    """The flat column numbers of a block, in its shape."""
    return np.arange(int(np.prod(x.shape, dtype=int))).reshape(x.shape)


def scale(x, array: np.ndarray):
    """Every column times its own number, as NumPy broadcasts: a Mix by a diagonal matrix."""
    try:
        shape = np.broadcast_shapes(x.shape, array.shape)
    except ValueError:
        fail("LinComb", "the array must broadcast to the block", f"{check.describe(x)} and shape {array.shape}")
    source = np.broadcast_to(columns(x), shape).ravel()
    width = max(int(np.prod(x.shape, dtype=int)), 1)
    weights = np.zeros((width, source.size))
    weights[source, np.arange(source.size)] = np.broadcast_to(array, shape).ravel()
    mixed = mix(arrange(x, columns(x).reshape(-1)), weights)
    return arrange(mixed, np.arange(source.size).reshape(shape))


def stack(variables: Sequence, new_axis: bool = True):
    """Vectors or blocks side by side."""
    check.vectors("Stack", variables, "tp.stack takes vectors, or C-vars, but not both")
    shapes = [v.shape for v in variables]
    fits = len(set(shapes)) == 1 if new_axis else all(s and s[:-1] == shapes[0][:-1] for s in shapes)
    if not fits:
        rule = "one shape to get a new last axis" if new_axis else "equal shapes up to the last axis"
        fail("Stack", f"the blocks must have {rule}", ", ".join(map(str, shapes)), "new_axis=False joins last axes")
    last = (len(shapes),) if new_axis else (sum(s[-1] for s in shapes),)
    shape = (shapes[0] if new_axis else shapes[0][:-1]) + last
    kind = "G" if all(v.kind == "G" for v in variables) else "H"
    op = ops.Stack(tuple(v.index for v in variables), new_axis)
    return variables[0].program._emit(op, kind, shape, variables[0].dim)


def _pointwise(instruction: str, fn: Callable, args, params, known) -> tuple[ops.Function, tuple[int, ...]]:
    check.vectors(instruction, args, SCALAR_HINT)
    check.scalars(instruction, params, "Numbers belong into the function itself: lambda s: s / 2")
    check.one_program(instruction, [*args, *params])
    label = known.pop("label", None) or label_of(fn, args[0].program._labels)
    shape = known.pop("shape", None)
    if shape is not None:
        return ops.Function(label, fn, **known), shape
    if known.pop("elementwise", False) or known.get("activation") is not None:
        shape = check.broadcast(instruction, [*args, *params])
        return ops.Function(label, aligned(fn, [v.shape for v in args], shape), **known), shape
    call, shape, mixing = adapt(instruction, label, fn, [v.shape for v in args], [c.shape for c in params])
    return ops.Function(label, call, mixing=mixing, **known), shape


def nonlin(fn: Callable, args: Sequence, params: Sequence = (), **known):
    """fn(args...; params...) coordinatewise; `known` are fields of `ops.Function`, or spare the trial of a function
    of our own: ``elementwise=True``, or the ``shape`` of its result."""
    instruction = "Nonlin+" if params else "Nonlin"
    function, shape = _pointwise(instruction, fn, args, params, known)
    op = ops.Nonlin(function, tuple(v.index for v in args), tuple(c.index for c in params))
    return args[0].program._emit(op, "H", shape, args[0].dim)


def moment(fn: Callable, args: Sequence, params: Sequence = (), **known):
    """(1/length) sum_alpha fn(args_alpha...; params...)."""
    function, shape = _pointwise("Moment", fn, args, params, known)
    op = ops.Moment(function, tuple(v.index for v in args), tuple(c.index for c in params))
    return args[0].program._emit(op, "C", shape, 0.0)


def inner(x, y):
    """X^T Y / length."""
    check.vectors("Inner", [x, y], "tp.inner takes two vectors")
    for v in (x, y):
        if len(v.shape) > 1:
            fail("Inner", "tp.inner takes vectors or blocks of one axis", check.describe(v), "Use X.reshape(-1)")
    return x.program._emit(ops.Inner(x.index, y.index), "C", x.shape + y.shape, 0.0)


def scalar(fn: Callable, params: Sequence, **known):
    """fn(params...): a C-var made of C-vars."""
    check.scalars("Scalar", params, "A vector becomes a scalar by tp.moment")
    program = params[0].program
    label = known.pop("label", None) or label_of(fn, program._labels)
    shape = known.pop("shape", None)
    call, shape = adapt_scalar("Scalar", label, fn, [c.shape for c in params]) if shape is None else (fn, shape)
    op = ops.Scalar(ops.Function(label, call, **known), tuple(c.index for c in params))
    return program._emit(op, "C", shape, 0.0)


def reduce_axes(x, axis, average: bool):
    """Sum or average over axes of the block (never over the coordinates)."""
    try:
        axes = range(len(x.shape)) if axis is None else np.atleast_1d(axis)
        axes = {range(len(x.shape))[operator.index(a)] for a in axes}
    except (IndexError, TypeError, ValueError):
        fail("Mix", f"axis must be one of the block's {len(x.shape)}", repr(axis))
    if not axes:
        fail(
            "Mix",
            "sum and mean run over the vectors of a block, and this is one vector",
            check.describe(x),
            "The average over its coordinates is tp.moment(x)",
        )
    order = [a for a in range(len(x.shape)) if a not in axes] + sorted(axes)
    kept = tuple(x.shape[a] for a in order if a not in axes)
    index = columns(x).transpose(order).reshape(*kept, -1)
    weights = np.full(index.shape[-1], 1.0 / index.shape[-1] if average else 1.0)
    return mix(arrange(x, index), weights)


def item(c, key):
    """c[key] of an array of C-vars."""
    try:
        np.empty(c.shape)[key]
    except (IndexError, TypeError, ValueError) as error:
        fail("Scalar", f"the index must fit the shape {c.shape}", f"{key!r} ({error})")
    formula = "{0}[" + _key_text(key).replace("{", "(").replace("}", ")") + "]"
    return scalar(partial(_item, key=key), [c], label="item", structure="sum", formula=formula)


def _item(values, key):
    return values[key]


def _key_text(key) -> str:
    """An index as it is written."""
    return ", ".join(_part_text(part) for part in (key if isinstance(key, tuple) else (key,)))


def _part_text(part) -> str:
    if isinstance(part, slice):
        text = ":".join("" if p is None else str(p) for p in (part.start, part.stop, part.step))
        return text[:-1] if part.step is None else text
    return "..." if part is Ellipsis else str(part)
