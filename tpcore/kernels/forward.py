r"""One wide MLP after the other, forward, without its weights: exact in law at every width.

Given the activations x^{l-1} of all N inputs, the rows of W^l x^{l-1} are iid N(0, sigma_w^2 F), F = <x, x'>/n. So
with R^T R = F the layer is h^l = sigma_w g R + sigma_b b, g (n, N) and b (n, 1) standard normal, b shared by the
inputs. Only the N x N matrices F and R pass from layer to layer; neurons come and go in tiles of rows, in single
precision, and their products are summed in double precision.

Every number depends on (seed, draw, layer, tile) alone: on no thread, no grouping of draws, and not on what is asked of
the network. So kernels and outputs of one seed belong to the same networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from tpcore.compute.tiles import map_tiles
from tpcore.jitted.normal import fill_draws
from tpcore.kernels.lanes import value_of
from tpcore.nets import MLP

ENTRIES = 2**16
GROUPS = 32
GROUP_BYTES = 2**28
FORWARD, BACKWARD, READOUT, BIAS = range(4)
CUT = 1e-13
HELD = (1e-25, 1e30)  # sums of squares that single precision holds, with what is 1e-7 of them


@dataclass(eq=False)
class Sampler:
    """What is the same for all draws of `net` on `X` at width n.

    Attributes
    ----------
    rows : int
        Neurons a tile.
    together : int
        Draws a chunk: more than one only where a whole draw is smaller than a tile.
    first : ndarray, (r, N)
        R of the inputs: first^T first = X X^T / d.
    precision : type
        Of the tiles; the noise is float32 in any case.
    """

    precision = np.float32
    net: MLP
    X: np.ndarray
    width: int
    root: np.uint64
    tick: Callable[[], None] = lambda: None
    rows: int = field(init=False)
    together: int = field(init=False)
    first: np.ndarray = field(init=False)
    dtype: type = field(init=False)
    phi: Callable = field(init=False)

    def __post_init__(self):
        count, features = self.X.shape
        self.dtype = self.precision
        self.phi = value_of(self.net.phi)
        self.rows = max(256, ENTRIES // count // 64 * 64)
        self.together = max(1, ENTRIES // (count * self.width)) if self.rows >= self.width else 1
        thin = self.X.T / np.sqrt(features)
        self.first = thin if features <= count else root_of(thin.T @ thin)

    @property
    def count(self) -> int:
        return len(self.X)

    @property
    def tiles(self) -> int:
        return -(-self.width // self.rows)

    def tile_rows(self, tile: int) -> int:
        return min(self.rows, self.width - tile * self.rows)

    def normals(self, draw: int, many: int, layer: int, kind: int, tile: int, columns: int) -> np.ndarray:
        """(many, rows of the tile, columns) standard normals of the draws from `draw` on."""
        rows = self.tile_rows(tile)
        flat = np.empty((many, rows * columns), np.float32)
        fill_draws(self.root, draw, 4 * layer + kind, tile, flat)
        return flat.reshape(many, rows, columns).astype(self.dtype, copy=False)

    def mixing(self, factor: np.ndarray) -> np.ndarray:
        """(.., r + 1, N): what turns (g, b) into h."""
        net = self.net
        bias = np.full((*factor.shape[:-2], 1, factor.shape[-1]), net.sigma_b or 0.0)
        both = np.concatenate([net.sigma_w * factor, bias], axis=-2)
        return np.ascontiguousarray(both if net.sigma_b else both[..., :-1, :], dtype=self.dtype)

    def summed(self, work: Callable[[int], tuple]) -> list[np.ndarray]:
        """The sum of ``work(tile)``, tuples of arrays, over the tiles: double precision, in a fixed order."""
        groups = int(np.clip(GROUP_BYTES // (16 * self.count**2), 2, GROUPS))
        bounds = np.linspace(0, self.tiles, min(groups, self.tiles) + 1).astype(int)

        def group(index: int) -> list[np.ndarray]:
            total: list[np.ndarray] = []
            for tile in range(bounds[index], bounds[index + 1]):
                parts = work(tile)
                if total:
                    for t, part in zip(total, parts, strict=True):
                        t += part
                else:
                    total = [np.asarray(part, dtype=np.float64) for part in parts]
                self.tick()
            return total

        results = map_tiles(group, range(len(bounds) - 1))
        total = results[0]
        for result in results[1:]:
            for t, part in zip(total, result, strict=True):
                t += part
        return total


@dataclass(eq=False)
class Forward:
    """`many` draws from `draw` on, layer by layer.

    Attributes
    ----------
    grams : list of ndarray, (many, N, N)
        F of the inputs and of every hidden layer, <x, x'>/width.
    factors : list of ndarray, (many, r, N)
        R of the inputs and of every hidden layer but the last.
    outputs : ndarray, (many, N) or None
        f(x).
    crossed : list of ndarray, (many, N, N)
        x^T g'/n of every hidden layer, g' the noise of the pass backward (only if asked for).
    """

    sampler: Sampler
    draw: int
    many: int
    outputs: np.ndarray | None = None
    grams: list[np.ndarray] = field(default_factory=list)
    factors: list[np.ndarray] = field(default_factory=list)
    crossed: list[np.ndarray] = field(default_factory=list)

    def run(self, outputs: bool = False, backward: bool = False) -> Forward:
        s, depth = self.sampler, self.sampler.net.depth
        inner = s.X @ s.X.T / s.X.shape[1]
        self.grams = [np.broadcast_to(inner, (self.many, *inner.shape))]
        self.factors = [np.broadcast_to(s.first, (self.many, *s.first.shape))]
        for layer in range(1, depth + 1):
            last = layer == depth
            mixing = s.mixing(self.factors[-1])
            wanted = (outputs and last, backward and not last)
            gram, *rest = s.summed(partial(self._tile, layer, mixing, *wanted))
            self.grams.append(gram / s.width)
            if backward and not last:
                self.crossed.append(rest[0] / s.width)
            if outputs and last:
                self.outputs = self._finish(rest[0][..., 0, :])
            if not last:
                self.factors.append(root_of(self.grams[-1]))
        return self

    def hidden(self, layer: int, tile: int, mixing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(g with b, h): the noise (many, rows, r + 1) and the preactivations (many, rows, N) of a tile."""
        noise = self.sampler.normals(self.draw, self.many, layer, FORWARD, tile, mixing.shape[-2])
        return noise, np.matmul(noise, mixing)

    def _tile(self, layer: int, mixing: np.ndarray, outputs: bool, backward: bool, tile: int) -> tuple:
        s = self.sampler
        _, h = self.hidden(layer, tile, mixing)
        x = s.phi(h)
        parts = [gram(x)]
        if backward:
            parts.append(products(x, s.normals(self.draw, self.many, layer, BACKWARD, tile, s.count)))
        if outputs:
            readout = s.normals(self.draw, self.many, 0, READOUT, tile, 1)
            parts.append(products(readout, x))
        return tuple(parts)

    def _finish(self, total: np.ndarray) -> np.ndarray:
        s = self.sampler
        bias = np.empty((self.many, 1), np.float32)
        fill_draws(s.root, self.draw, BIAS, 0, bias)
        return s.net.sigma_v * total / np.sqrt(s.width) + (s.net.sigma_b or 0.0) * bias.astype(np.float64)

    def nngp(self) -> np.ndarray:
        """sigma_v^2 <x^L, x'^L>/n + sigma_b^2, (many, N, N)."""
        net = self.sampler.net
        return net.sigma_v**2 * self.grams[-1] + net.bias_variance


def products(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x^T y for stacks (many, rows, columns)."""
    return np.matmul(np.swapaxes(x, -1, -2), y)


def gram(x: np.ndarray) -> np.ndarray:
    """x^T x; in double precision for the draws whose squares single precision does not hold."""
    found = products(x, x)
    top = np.diagonal(found, axis1=-2, axis2=-1).max(axis=-1)
    if x.dtype == np.float64 or (HELD[0] < top).all() and (top < HELD[1]).all():
        return found
    known = (HELD[0] < top) & (top < HELD[1])
    x = x.astype(np.float64)
    return np.where(known[..., None, None], found, products(x, x))


def root_of(F: np.ndarray) -> np.ndarray:
    """R (.., N, N) with R^T R = F: Cholesky, or by eigenvalues where F is singular.

    One matrix at a time, so that it does not matter how they are stacked.
    """
    if F.ndim > 2:
        return np.stack([root_of(part) for part in F])
    top = float(np.trace(F))
    try:
        root = np.linalg.cholesky(F, upper=True)
        if np.diagonal(root).min() ** 2 > CUT * top:
            return root
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh((F + F.T) / 2)
    return np.sqrt(np.where(values > CUT * top, values, 0.0))[:, None] * vectors.T
