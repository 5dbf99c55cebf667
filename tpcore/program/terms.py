"""What rules of differentiation write: products, linear maps, sums over what broadcasting repeats"""

from __future__ import annotations

import numpy as np

from tpcore.program import instructions, maps
from tpcore.program.arithmetic import binary


def times(x, factor):
    """x * factor of vectors, C-vars, arrays and numbers; a factor 1 writes nothing."""
    if isinstance(factor, np.ndarray) and factor.size and np.all(factor == factor.flat[0]):
        if np.broadcast_shapes(np.shape(factor), x.shape) == tuple(x.shape):
            factor = float(factor.flat[0])
    if isinstance(factor, float) and factor == 1.0:
        return x
    if isinstance(x, np.ndarray) and isinstance(factor, float | np.ndarray):
        return np.asarray(x * factor)
    return binary("*", x, factor)


def apply_map(linear: maps.LinearMap, c):
    """A linear map of a C-var or an array."""
    if isinstance(c, np.ndarray):
        return np.array(linear(c))
    label = type(linear).__name__.lower()
    return instructions.scalar(linear, [c], label=label, structure="sum", shape=tuple(linear.out))


def fold(c, shape: tuple[int, ...]):
    """A C-var or array summed over what broadcasting from `shape` repeats."""
    if tuple(c.shape) == tuple(shape):
        return c
    return apply_map(maps.Fold(tuple(shape), tuple(c.shape)), c)


def fold_vector(x, shape: tuple[int, ...]):
    """A block summed over what broadcasting from `shape` repeats."""
    if x.shape == tuple(shape):
        return x
    lead = len(x.shape) - len(shape)
    axes = [*range(lead), *(i + lead for i, s in enumerate(shape) if s == 1 and x.shape[i + lead] != 1)]
    if axes:
        x = instructions.reduce_axes(x, axes, average=False)
    return x if x.shape == tuple(shape) else x.reshape(shape)
