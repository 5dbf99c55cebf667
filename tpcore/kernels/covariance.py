r"""Kernels of stacks of layers, covariance to covariance, and tangent kernel to tangent kernel.

Every layer maps the second moments of its input, and the tangent kernel so far, to those of its output
(`tpcore.nets.moments`). Three ways to go:

- "points": no layer mixes positions. One matrix over all positions of all inputs passes through; of each input alone
  only variances are needed.
- "slabs": inputs of one shape whose positions mix (convolutions). First each input by itself, then all pairs of
  inputs, a few at a time, each through all layers while it is in the cache; before a flattening only pairs at the same
  position.
- "joint": sequences of several lengths, batches, recurrent cells, random attention weights. One matrix over everything.

Where a sample decides (batch normalization before tanh, a GRU) the whole stack is run once for each scrambling of it.

Sources: Tensor Programs I (arXiv 1910.12478), Theorem 5.4 and Corollary 5.5; II (arXiv 2006.14548), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.errors import BudgetError
from tpcore.finite.budget import BUDGET
from tpcore.kernels.fused import fused
from tpcore.kernels.recursion import square_memory
from tpcore.kernels.reports import ticker
from tpcore.limit.values import Values
from tpcore.nets import Sequential
from tpcore.nets.batch import BatchNorm
from tpcore.nets.batch_integrals import resolved
from tpcore.nets.composed import folded
from tpcore.nets.convolution import Conv
from tpcore.nets.data import Data, Layout
from tpcore.nets.expansions import expanded
from tpcore.nets.layers import Layer
from tpcore.nets.moments import NeedsSample, NoRecursion, Own, Side
from tpcore.nets.pooling import Flatten
from tpcore.nets.quasi import SCRAMBLINGS, averaged
from tpcore.nets.recurrent import Cell
from tpcore.nets.sequential import every

SLAB_ENTRIES = 2**16
DRAWS, FEW = 256, 2**10
POINTS, MANY = 2**14, 64


def covariance(net: Sequential, data: Data, other: Data | None, seed: int = 0, draws: int | None = None,
               progress: Progress | None = None, convention: str | None = None) -> np.ndarray:
    """The kernel (K, K2) of `net` over the outputs for `data` and `other` (None: `data` again).

    With a `convention` the tangent kernel, else the covariance.

    Raises
    ------
    NoRecursion
        Where covariances alone do not decide.
    BudgetError
        If the matrices do not fit into memory.
    """
    layers = folded(net.stack)
    if net.random:
        return _mixture(layers, data, other, seed, DRAWS if draws is None else draws, FEW, progress, convention)
    try:
        return _exact(net, layers, data, other, progress, convention)
    except NeedsSample:
        total = data.layout.total + (other.layout.total if other else 0)
        usual = max(FEW, POINTS >> max(0, int(np.ceil(np.log2(total / MANY)))))
        points = usual if draws is None else max(64, draws // SCRAMBLINGS)
        return _mixture(layers, data, other, seed, SCRAMBLINGS, points, progress, convention)


def _exact(net: Sequential, layers, data: Data, other: Data | None, progress: Progress | None,
           convention: str | None) -> np.ndarray:
    mixing = any(layer.spatial or isinstance(layer, BatchNorm) for layer in every(layers))
    if not mixing:
        return _points(layers, data, other, convention)
    shapes = {*data.layout.shapes, *(other.layout.shapes if other else ())}
    cells = any(isinstance(layer, Cell) for layer in layers)
    if len(shapes) == 1 and data.layout.axes and not net.batched and not cells:
        return _Slabs(layers, data, data if other is None else other, convention).kernel(progress)
    return _joint(layers, data, other, convention)


def _through(layers, o: Own) -> tuple[Own, list[Side]]:
    sides = []
    for layer in layers:
        o, side = layer.own(o)
        sides.append(side)
    return o, sides


def _across(layers, K: np.ndarray, left: list[Side], right: list[Side], convention: str | None) -> np.ndarray:
    T = None if convention is None else np.zeros_like(K)
    for layer, mine, theirs in zip(layers, left, right, strict=True):
        K, T = layer.both(K, T, mine, theirs, convention)
    return K if T is None else T


def _start(K: np.ndarray, layout: Layout, convention: str | None, rng=None, points: int = 0,
           sample: tuple[int, ...] = ()) -> Own:
    """Numbers, which have no parameters yet."""
    o = Own(K, layout, raw=True, rng=rng, points=points, sample=sample)
    return o if convention is None else replace(o, T=np.zeros_like(K), convention=convention)


def _wanted(o: Own) -> np.ndarray:
    return o.K if o.T is None else o.T


def _points(layers, data: Data, other: Data | None, convention: str | None) -> np.ndarray:
    x = data.features
    y = x if other is None else other.features
    if other is None:
        square_memory(len(x), 40.0, 2 * BUDGET)
    else:
        checks.memory("inputs", len(x), 40.0 * len(y), 2 * BUDGET)
    left = _alone(layers, data)
    right = left if other is None else _alone(layers, other)
    codes = fused(layers, left, right, convention)
    if codes is not None:
        return codes.kernel(x, None if other is None else y)
    K = x @ y.T / x.shape[1]
    if other is None:
        np.fill_diagonal(K, _squares(data)[:, 0])
    return _across(layers, K[None], left, right, convention)[0]


def _alone(layers, data: Data) -> list[Side]:
    layout = Layout(((),) * len(data.features))
    sides = _through(layers, Own(_squares(data), layout, raw=True))[1]
    return [side.joined() for side in sides]


def _squares(data: Data) -> np.ndarray:
    x = data.features
    return (np.einsum("ij,ij->i", x, x) / x.shape[1])[:, None]


def _joint(layers, data: Data, other: Data | None, convention: str | None = None, rng=None,
           points: int = 0, sample: tuple[int, ...] = ()) -> np.ndarray:
    both = data if other is None else data + other
    x = both.features
    square_memory(len(x), 64.0, 2 * BUDGET)
    start = _start((x @ x.T / x.shape[1])[None], both.layout, convention, rng, points, sample)
    out = resolved(_through(layers, start)[0])
    K = _wanted(out)[0]
    if other is None:
        return (K + K.T) / 2
    first = int(out.layout.sizes[: len(data.layout.shapes)].sum())
    return K[:first, first:]


def _mixture(layers, data: Data, other: Data | None, seed: int, draws: int, points: int,
             progress: Progress | None, convention: str | None) -> Values:
    """The mean over draws of attention weights, or over scramblings of a sample: each kernel is positive semidefinite,
    and so is the mean."""
    tick = ticker(progress, draws)

    def one(k: int) -> np.ndarray:
        found = _joint(layers, data, other, convention, np.random.default_rng([seed, k]), points, (seed, k))
        tick()
        return found

    K, error = averaged(np.stack(map_tiles(one, range(draws))))
    return Values(K, "sampling", error)


@dataclass(eq=False)
class _Slabs:
    """All pairs of inputs of one shape, a few at a time."""

    layers: tuple[Layer, ...]
    left: Data
    right: Data
    convention: str | None = None

    def __post_init__(self):
        self.same = self.left is self.right
        self.layout = self.left.layout.first()
        self.positions = self.layout.total
        self.diagonal = all(isinstance(layer, Conv | Flatten) for layer in every(self.layers) if layer.spatial)
        self.diagonal = self.diagonal and any(isinstance(layer, Flatten) for layer in self.layers)
        self.entries = self.positions if self.diagonal else self.positions**2
        if 64.0 * self.entries > BUDGET:
            raise BudgetError(f"The covariances between two inputs must fit into {BUDGET / 2**30:.3g} GiB of memory",
                              f"{self.positions:,} positions an input",
                              f"At most {int(np.sqrt(BUDGET / 64)):,} positions fit, or a Flatten head",
                              fits=int(np.sqrt(BUDGET / 64)))

    def kernel(self, progress: Progress | None = None) -> np.ndarray:
        x = self._items(self.left)
        blocks, mine = self._alone(x)
        y, theirs = (x, mine) if self.same else (self._items(self.right), None)
        if theirs is None:
            theirs = self._alone(y)[1]
        mine, theirs = expanded(self.layers, mine, theirs, self.convention is not None)
        outputs = blocks.shape[1]
        checks.memory("outputs", len(x) * outputs, 8.0 * len(y) * outputs, 2 * BUDGET)
        out = np.empty((len(x), outputs, len(y), outputs))
        i, j = np.triu_indices(len(x), 1) if self.same else (k.ravel() for k in np.indices((len(x), len(y))))
        tiles = row_tiles(len(i), self._together())
        tick = ticker(progress, len(tiles))

        def work(rows: slice) -> None:
            a, b = i[rows], j[rows]
            left, right = [s[a] for s in mine], [s[b] for s in theirs]
            K = _across(self.layers, self._inner(x[a], y[b]), left, right, self.convention)
            K = K.reshape(len(a), outputs, -1)
            out[a, :, b, :] = K
            if self.same:
                out[b, :, a, :] = np.swapaxes(K, 1, 2)
            tick()

        map_tiles(work, tiles)
        if self.same:
            out[np.arange(len(x)), :, np.arange(len(x)), :] = blocks
        return out.reshape(len(x) * outputs, len(y) * outputs)

    def _together(self) -> int:
        return max(1, SLAB_ENTRIES // self.entries)

    def _items(self, data: Data) -> np.ndarray:
        return data.features.reshape(len(data.layout.shapes), self.positions, -1)

    def _inner(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if self.diagonal:
            return np.einsum("bpd,bpd->bp", x, y) / x.shape[-1]
        return x @ np.swapaxes(y, 1, 2) / x.shape[-1]

    def _alone(self, x: np.ndarray) -> tuple[np.ndarray, list[Side]]:
        """The kernel's blocks on the diagonal (N, P', P'), and all sides."""
        def work(rows: slice) -> tuple[np.ndarray, list[Side]]:
            o, sides = _through(self.layers, _start(self._inner(x[rows], x[rows]), self.layout, self.convention))
            return _wanted(o).reshape(len(o.K), o.layout.total, -1), sides

        parts = map_tiles(work, row_tiles(len(x), self._together()))
        return np.concatenate([K for K, _ in parts]), [_stacked(s) for s in zip(*(sides for _, sides in parts))]


def _stacked(sides: tuple[Side, ...]) -> Side:
    arrays = tuple(np.concatenate(parts) for parts in zip(*(side.arrays for side in sides)))
    inner = tuple(_stacked(parts) for parts in zip(*(side.inner for side in sides)))
    return Side(arrays, sides[0].shared, inner)


__all__ = ["NoRecursion", "covariance"]
