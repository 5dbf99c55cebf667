"""Values of a program at finite width: one row tile of one instruction at a time, and the random numbers behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import lapack

from tpcore.errors import Misuse
from tpcore.jitted import normal, normal64
from tpcore.program.functions import spread
from tpcore.program.ops import LinComb, Mix, Node, Nonlin, Reshape, Scalar, Stack

TILE_ELEMENTS, TILE_LEAST, TILE_MOST = 2**17, 256, 8192


def length(dim: float, width: int) -> int:
    """The length of a vector of dimension `dim` in units of the width: round(dim * width), at least 1."""
    return max(1, round(same_dim(dim) * width))


def same_dim(dim: float) -> float:
    """`dim` without the rounding errors by which equal dimensions may differ."""
    return round(float(dim), 12)


def size(shape: Sequence[int]) -> int:
    """The number of vectors in a block of this shape."""
    count = 1
    for side in shape:
        count *= side
    return count


def tile_rows(columns: int) -> int:
    """Rows of a tile of so many columns: a cache's worth of numbers, whatever the number of threads."""
    return min(TILE_MOST, max(TILE_LEAST, TILE_ELEMENTS // max(columns, 1)))


def generator(root: np.random.SeedSequence, *key: int) -> np.random.Generator:
    """The generator of the numbers named by `key` (a role, a node, a tile) under the seed `root`."""
    child = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *key))
    return np.random.Generator(np.random.SFC64(child))


def normals(root: np.random.SeedSequence, key: tuple[int, ...], shape: tuple[int, ...], dtype) -> np.ndarray:
    """The standard normal numbers named by `key`, from the jitted stream of their precision."""
    out = np.empty(size(shape), dtype)
    child = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *key))
    fill = normal64.fill if out.dtype == np.float64 else normal.fill
    fill(child.generate_state(1, np.uint64)[0], out)
    return out.reshape(shape)


def root_of(seed: int | np.random.SeedSequence) -> np.random.SeedSequence:
    """The root of all generators of a draw."""
    if isinstance(seed, np.random.SeedSequence):
        return seed
    ok = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and seed >= 0
    if not ok:
        raise Misuse("seed must be a whole number of at least 0, or a SeedSequence", repr(seed))
    return np.random.SeedSequence(int(seed))


def factor(cov: np.ndarray) -> np.ndarray:
    """F of shape (k, r), r the numerical rank, with F F^T = cov: a pivoted Cholesky factor of the correlations.

    Columns are scaled to variance 1 first, so a small vector beside a large
    one keeps its relative accuracy. Directions whose share of a variance is
    below rounding error are dropped: equal columns stay equal.
    """
    scale = np.sqrt(np.maximum(np.diag(cov), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    unit = np.asfortranarray(cov / safe[:, None] / safe)
    tol = 4 * max(len(cov), 8) * float(np.finfo(float).eps)
    lower, pivots, rank, _ = lapack.dpstrf(unit, tol=tol, lower=1, overwrite_a=1)
    if not scale.any():
        rank = 0
    result = np.zeros((len(cov), rank))
    result[pivots - 1] = np.tril(lower)[:, :rank]
    return result * scale[:, None]


def evaluate(node: Node, vector: Callable, scalars: dict[int, np.ndarray], rows: int, dtype) -> np.ndarray:
    """The tile (rows, *node.shape) of a coordinatewise instruction; ``vector(i)`` is the tile of node i."""
    op, shape = node.op, (rows, *node.shape)
    if isinstance(op, Nonlin):
        result = call(node, vector, scalars, dtype)
    elif isinstance(op, LinComb):
        result = _combine(op, [_aligned(vector(i), len(shape)) for i in op.args])
    elif isinstance(op, Mix):
        result = vector(op.x) @ op.matrix.astype(dtype, copy=False)
    elif isinstance(op, Reshape):
        result = vector(op.x).reshape(rows, -1)[:, picker(op.index)].reshape(shape)
    elif isinstance(op, Stack) and op.new_axis:
        result = np.stack([vector(i) for i in op.args], axis=-1)
    else:
        result = np.concatenate([vector(i) for i in op.args], axis=-1)
    return _shaped(node, result, shape, dtype)


def call(node: Node, vector: Callable, scalars: dict[int, np.ndarray], dtype) -> np.ndarray:
    """The function of a Nonlin or Moment at one tile."""
    params = [scalars[i].astype(dtype, copy=False) for i in node.op.params]
    return node.op.function.call(*[vector(i) for i in node.op.args], *params)


def summed(node: Node, vector: Callable, scalars: dict[int, np.ndarray], rows: int, dtype) -> np.ndarray:
    """The sum over one tile that a Moment averages, in float64."""
    values = np.asarray(call(node, vector, scalars, dtype))
    return _shaped(node, values, (rows, *node.shape), values.dtype).sum(axis=0, dtype=np.float64)


def scalar(node: Node, scalars: dict[int, np.ndarray]) -> np.ndarray:
    """A C-var made of C-vars."""
    assert isinstance(node.op, Scalar)
    return _shaped(node, node.op.function.call(*[scalars[i] for i in node.op.params]), node.shape, np.float64)


def picker(index: np.ndarray) -> slice | np.ndarray:
    """What picks the flat columns `index` of a block; a slice, which copies nothing, where they are consecutive."""
    flat = np.asarray(index).ravel()
    consecutive = len(flat) and (np.diff(flat) == 1).all()
    return slice(int(flat[0]), int(flat[-1]) + 1) if consecutive else flat


def _combine(op: LinComb, args: list[np.ndarray]) -> np.ndarray:
    total = None
    for coefficient, value in zip(op.coefficients, args, strict=True):
        term = value if coefficient == 1.0 else coefficient * value
        total = term if total is None else total + term
    return total


def _aligned(value: np.ndarray, ndim: int) -> np.ndarray:
    if value.ndim >= ndim:
        return value
    return value.reshape(value.shape[0], *(1,) * (ndim - value.ndim), *value.shape[1:])


def _shaped(node: Node, result, shape: tuple[int, ...], dtype) -> np.ndarray:
    return spread(node, np.asarray(result), shape).astype(dtype, copy=False)
