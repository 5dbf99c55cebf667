"""Hidden weight matrices of a finite network: the start W_0, stored or never stored, and its change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.finite.lazy import LazyMatrix
from tpcore.finite.values import normals

ROWS, LONG_ROWS, SINGLE_FROM = 512, 8192, 1024
NEW = 1e-7  # share of a vector that makes a direction of its own, where matrices are never stored
_ITERATIONS, _CLOSE = 40, 1e-4


def precision(n: int) -> np.dtype:
    """Stored matrices of width n: double precision while they are small. What they multiply are changes of vectors, so
    that single precision is relative to the changes."""
    return np.dtype(np.float32 if n >= SINGLE_FROM else np.float64)


class Start(Protocol):
    """W_0, n by n."""

    def multiply(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        """W_0 x or W_0^T x, (n, k)."""


class Stored:
    """W_0 = scale * (standard normal entries), stored."""

    def __init__(self, n: int, scale: float, root: np.random.SeedSequence, key: int, tick: Callable[[], None]):
        self.scale, self.dtype = scale, precision(n)
        self.unit = np.empty((n, n), self.dtype)

        def draw(tile: tuple[int, slice]) -> None:
            tick()
            index, s = tile
            self.unit[s] = normals(root, (key, index), (s.stop - s.start, n), self.dtype)

        map_tiles(draw, enumerate(row_tiles(n, ROWS)))

    def multiply(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        if self.dtype == np.float64:
            return self.scale * _product(self.unit, x, transposed)
        size = np.abs(x).max(axis=0, initial=0.0)
        size = np.where(size > 0, size, 1.0)
        typed = np.ascontiguousarray(x / size, self.dtype)
        return self.scale * size * _product(self.unit, typed, transposed)


class Unstored:
    """W_0 with the same law, known only by what it was multiplied with; see `tpcore.finite.lazy`."""

    def __init__(self, n: int, scale: float, root: np.random.SeedSequence, key: int, columns: tuple[int, int],
                 tick: Callable[[], None]):
        self.scale, self.root, self.key, self.tick, self.calls = scale, root, key, tick, 0
        self.matrix = LazyMatrix(float(n), n, n, *columns, np.dtype(np.float64), NEW)

    def multiply(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        size = np.abs(x).max(axis=0, initial=0.0)
        size = np.where(size > 0, size, 1.0)
        self.calls += 1
        key = (self.key, 1 + self.calls)
        return self.scale * size * self.matrix.multiply(x / size, transposed, self.root, key, self.tick)


class LowRank:
    """A change sum_s left_s right_s^T of at most `room` terms: what SGD does to a matrix."""

    def __init__(self, n: int, room: int):
        self.left, self.right, self.count = np.empty((room, n)), np.empty((room, n)), 0
        self.grams, self.known = np.zeros((2, room, room)), 0  # inner products of the first `known` terms
        self.vector: np.ndarray | None = None

    def add(self, left: np.ndarray, right: np.ndarray) -> None:
        """Add left right^T, both (n, k)."""
        new = slice(self.count, self.count + left.shape[1])
        self.left[new], self.right[new] = left.T, right.T
        self.count = new.stop

    def multiply(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        first, last = (self.left, self.right) if transposed else (self.right, self.left)
        first, last = first[: self.count], last[: self.count]
        if not self.count:
            return np.zeros_like(x)
        inner = _outer(first, x.T)
        if len(x) <= LONG_ROWS:
            return last.T @ inner
        out = np.empty_like(x)

        def work(s: slice) -> None:
            np.matmul(last[:, s].T, inner, out=out[s])

        map_tiles(work, row_tiles(len(x), LONG_ROWS))
        return out

    def norms(self) -> tuple[float, float]:
        """Frobenius and spectral norm."""
        if not self.count:
            return 0.0, 0.0
        new, self.known = slice(self.known, self.count), self.count
        for gram, side in zip(self.grams, (self.left, self.right), strict=True):
            gram[new, : new.stop] = _outer(side[new], side[: new.stop])
            gram[: new.stop, new] = gram[new, : new.stop].T
        left, right = self.grams[:, : self.count, : self.count]
        start = np.zeros(self.count)
        if self.vector is not None:
            start[: len(self.vector)] = self.vector
        start[-1] += 1e-3 * (np.abs(start).max() or 1.0)
        # The largest eigenvalue of E E^T = left (right) left^T, on the span of `left`.
        size, self.vector = _power(lambda v: right @ (left @ v), start)
        return float(np.sqrt(max(np.sum(left * right), 0.0))), float(np.sqrt(size))


class Full:
    """A change stored entry by entry: of coordinatewise optimizers, or of more steps than the matrix has rows."""

    def __init__(self, n: int):
        self.entries = np.zeros((n, n), precision(n))
        self.vector: np.ndarray | None = None

    def add(self, left: np.ndarray, right: np.ndarray) -> None:
        """Add left right^T, both (n, k)."""
        sizes = np.abs(left).max(axis=0, initial=0.0)
        sizes = np.where(sizes > 0, sizes, 1.0)
        dtype = self.entries.dtype
        a, b = (left / sizes).astype(dtype), np.ascontiguousarray((right * sizes).T, dtype)

        def work(s: slice) -> None:
            self.entries[s] += a[s] @ b

        map_tiles(work, row_tiles(len(a), ROWS))

    def multiply(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        typed = np.ascontiguousarray(x, self.entries.dtype)
        return _product(self.entries, typed, transposed).astype(np.float64, copy=False)

    def norms(self) -> tuple[float, float]:
        """Frobenius and spectral norm."""
        tiles = row_tiles(len(self.entries), ROWS)
        parts = map_tiles(lambda s: float(np.vdot(self.entries[s], self.entries[s])), tiles)
        total = float(np.sqrt(sum(parts)))
        if not total:
            return 0.0, 0.0
        start = self.entries.sum(0, dtype=np.float64) if self.vector is None else self.vector
        start = start if np.any(start) else np.ones(len(self.entries))
        size, self.vector = _power(lambda v: self.multiply(self.multiply(v[:, None]), True)[:, 0], start)
        return total, float(np.sqrt(size))


def _product(matrix: np.ndarray, x: np.ndarray, transposed: bool) -> np.ndarray:
    """matrix @ x or matrix.T @ x, by tiles of what comes out."""
    if len(matrix) <= ROWS:
        return (matrix.T if transposed else matrix) @ x
    out = np.empty((matrix.shape[1] if transposed else len(matrix), x.shape[1]), x.dtype)

    def work(s: slice) -> None:
        np.matmul(matrix[:, s].T if transposed else matrix[s], x, out=out[s])

    map_tiles(work, row_tiles(len(out), ROWS))
    return out


def _outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b.T for few long rows."""
    if a.shape[1] <= LONG_ROWS:
        return a @ b.T
    return sum(map_tiles(lambda s: a[:, s] @ b[:, s].T, row_tiles(a.shape[1], LONG_ROWS)))


def _power(apply: Callable[[np.ndarray], np.ndarray], vector: np.ndarray) -> tuple[float, np.ndarray]:
    """Largest eigenvalue of a product of positive semidefinite matrices by power iteration, and its vector."""
    vector, size = vector / np.linalg.norm(vector), 0.0
    for _ in range(_ITERATIONS):
        image = apply(vector)
        before, size = size, float(np.linalg.norm(image))
        if size == 0.0 or not np.isfinite(size):
            return 0.0, vector
        vector = image / size
        if abs(size - before) <= _CLOSE * size:
            break
    return size, vector
