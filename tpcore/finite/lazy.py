r"""A random matrix that is never stored, whose products with W and W^T have exactly the law that a stored one gives.

What is known of W, n1 by n2 with entries N(0, s^2/n2), after some products is
W q_i = y_i for orthonormal inputs q_i and W^T q'_j = y'_j for orthonormal inputs
q'_j, where <a, b> is the mean of a b over the coordinates. Given that, for a
new direction q orthogonal to the q_i,

    W q = s P g + (n2/n1) sum_j q'_j <y'_j, q>,

g standard Gaussian and P the projection off the q'_j: the part in their span is
already decided by W^T, the rest is independent of all that was seen. For W^T the
noise is s sqrt(n1/n2) and the factor n1/n2. (The conditioning argument: Bolthausen
2014; Tensor Programs III, arXiv 2009.10685, section on the Gaussian conditioning trick.)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import qr, solve_triangular

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.finite.values import normals, tile_rows

_PASSES = 3


class Side:
    """Orthonormal inputs of W (or W^T), as rows of `inputs`, and their images, as rows of `images`."""

    def __init__(self, length: int, image_length: int, columns: int, dtype):
        self.room = min(length, columns)
        self.inputs = np.empty((self.room, length), dtype)
        self.images = np.empty((self.room, image_length), dtype)
        self.count = 0
        self.length = length
        self.tolerance = 1e-11 if np.dtype(dtype) == np.float64 else 1e-5
        self.rounding = 100 * float(np.finfo(dtype).eps)

    def extend(self, x: np.ndarray, check: Callable[[], None]) -> tuple[np.ndarray, int]:
        """Take x (length, k) into the span of the inputs: coefficients (count, k) with x = inputs^T c, and how many
        new inputs that took. A column whose distance from the span is rounding error opens none.

        Gram-Schmidt, and again where little is left of a column: what rounding has left of the span is taken off then.
        """
        old, tiles = self.count, row_tiles(self.length, tile_rows(old_columns(self.count, x)))
        parts = map_tiles(lambda s: (self.inputs[:old, s] @ x[s], np.square(x[s], dtype=np.float64).sum(axis=0)), tiles)
        coefficients = _total(p[0] for p in parts) / self.length
        norms = np.sqrt(_total(p[1] for p in parts) / self.length)
        if self.room == old or not norms.any():
            return coefficients, 0
        scale = np.where(norms > 0, norms, 1.0)
        typed, unit = coefficients.astype(x.dtype), scale.astype(x.dtype)
        rest = np.empty_like(x)

        def subtract(s: slice) -> np.ndarray:
            check()
            rest[s] = (x[s] - self.inputs[:old, s].T @ typed) / unit
            return _upper(rest[s])

        triangle = _triangle(map_tiles(subtract, tiles)) / np.sqrt(self.length)
        left, least = np.zeros(coefficients.shape), np.abs(np.diag(triangle)).min()
        if old and self.tolerance < least < 0.1 or old and least < 1e-3 and x.shape[1] > 1:
            left = _total(map_tiles(lambda s: self.inputs[:old, s] @ rest[s], tiles)) / self.length
            coefficients = coefficients + left * scale
            if x.shape[1] == 1:
                triangle = np.sqrt(np.maximum(triangle**2 - np.square(left).sum(), 0.0))
            elif least < 1e-3:  # what is left is too small to be told from the span's own part in it
                shift = left.astype(x.dtype)

                def subtract_again(s: slice) -> np.ndarray:
                    rest[s] -= self.inputs[:old, s].T @ shift
                    return _upper(rest[s])

                triangle = _triangle(map_tiles(subtract_again, tiles)) / np.sqrt(self.length)
                left = np.zeros(coefficients.shape)
        pivots, upper = self._independent(triangle)
        if not len(pivots):
            return coefficients, 0
        new = slice(old, old + len(pivots))
        smallest = self._open(new, rest, pivots, left[:, pivots], upper[:, pivots], tiles)
        upper = upper * scale
        if smallest < 0.1 and len(pivots) > 1:
            coefficients, upper = self._polish(new, coefficients, upper, tiles)
        return np.concatenate([coefficients, upper]), len(pivots)

    def _open(self, new: slice, rest: np.ndarray, pivots, left: np.ndarray, head: np.ndarray, tiles) -> float:
        """Make the residuals `pivots`, free of `left`, the inputs `new`; the smallest residual beside its column."""
        inverse = solve_triangular(head, np.eye(len(pivots)))
        shift = (left @ inverse).astype(rest.dtype)
        off = np.abs(shift).max(initial=0.0) > self.rounding
        inverse = inverse.astype(rest.dtype)

        def open_directions(s: slice) -> None:
            rows = rest[s][:, pivots] @ inverse
            self.inputs[new, s] = (rows - self.inputs[: new.start, s].T @ shift if off else rows).T

        map_tiles(open_directions, tiles)
        self.count = new.stop
        return float(np.abs(np.diag(head)).min())

    def _independent(self, triangle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns that span the residuals, and R (rank, k) with residuals = (orthonormal) R, from their QR triangle."""
        upper, pivots = qr(triangle, mode="r", pivoting=True)
        diagonal = np.abs(np.diag(upper))
        rank = min(int((diagonal > self.tolerance).sum()), self.room - self.count)
        unpermuted = np.empty((rank, upper.shape[1]))
        unpermuted[:, pivots] = np.triu(upper)[:rank]
        return pivots[:rank], unpermuted

    def _polish(self, new: slice, coefficients: np.ndarray, upper: np.ndarray, tiles: list[slice]):
        """Orthogonalize the new inputs again while rounding error has left an overlap, correcting the coefficients."""
        old, dtype = new.start, self.inputs.dtype
        for _ in range(_PASSES):
            parts = map_tiles(lambda s: self.inputs[: new.stop, s] @ self.inputs[new, s].T, tiles)
            overlap = _total(parts) / self.length
            error = overlap.copy()
            error[old:] -= np.eye(new.stop - old)
            size = np.abs(error).max()
            if size < self.rounding:
                break
            lower = np.linalg.cholesky(overlap[old:] - overlap[:old].T @ overlap[:old])
            inverse = solve_triangular(lower, np.eye(len(lower)), lower=True).astype(dtype)
            shift = overlap[:old].T.astype(dtype)

            def orthogonalize(s: slice, inverse=inverse, shift=shift) -> None:
                self.inputs[new, s] = inverse @ (self.inputs[new, s] - shift @ self.inputs[:old, s])

            map_tiles(orthogonalize, tiles)
            coefficients = coefficients + overlap[:old] @ upper
            upper = lower.T @ upper
            if size < np.sqrt(self.rounding):
                break
        return coefficients, upper


class LazyMatrix:
    """W with iid entries N(0, variance / cols), shape (rows, cols), known only by what it was multiplied with.

    Parameters
    ----------
    variance : float
        Of the entries, times the number of columns.
    rows, cols : int
        The shape.
    columns, columns_transposed : int
        How many vectors W and W^T will meet in all.
    dtype : dtype
        float64 or float32.
    tolerance : float, optional
        A vector whose distance from the span of those before it is smaller, in units of its length, counts as one of
        that span: rounding error by default.
    """

    def __init__(self, variance: float, rows: int, cols: int, columns: int, columns_transposed: int, dtype,
                 tolerance: float | None = None):
        self.variance, self.cols = variance, cols
        self._sides = (Side(cols, rows, columns, dtype), Side(rows, cols, columns_transposed, dtype))
        for side in self._sides:
            side.tolerance = side.tolerance if tolerance is None else tolerance

    def multiply(
        self,
        x: np.ndarray,
        transposed: bool,
        root: np.random.SeedSequence,
        key: tuple,
        check: Callable[[], None] = lambda: None,
    ) -> np.ndarray:
        """W x or W^T x, for x of shape (length, k).

        `root` and `key` name the fresh random numbers; `check` is called before the work on a tile, and raises to stop.
        """
        this, other = self._sides[::-1] if transposed else self._sides
        coefficients, opened = this.extend(x, check)
        decided = self._draw_images(this, other, opened, root, key, check) if opened else None
        new, known = slice(this.count - opened, this.count), other.count
        result = np.empty((other.length, x.shape[1]), x.dtype)
        typed = coefficients.astype(x.dtype)

        def combine(s: slice) -> None:
            check()
            if decided is not None:
                this.images[new, s] += decided @ other.inputs[:known, s]
            np.matmul(this.images[: this.count, s].T, typed, out=result[s])

        map_tiles(combine, row_tiles(other.length, tile_rows(old_columns(max(this.count, known), x))))
        return result

    def _draw_images(self, this: Side, other: Side, opened: int, root, key: tuple, check) -> np.ndarray | None:
        """Fresh noise for the images of the inputs opened last; weights (opened, known) of the other side's inputs in
        them: what that side has decided, less the noise's own part in their span. None if it knows nothing yet."""
        new, known = slice(this.count - opened, this.count), other.count
        spread = np.sqrt(self.variance * this.length / self.cols)
        tiles = row_tiles(other.length, tile_rows(opened))
        dtype = this.images.dtype

        def draw(tile: tuple[int, slice]) -> np.ndarray:
            check()
            index, s = tile
            noise = normals(root, (*key, index), (s.stop - s.start, opened), dtype)
            this.images[new, s] = dtype.type(spread) * noise.T
            return other.inputs[:known, s] @ noise

        overlaps = _total(map_tiles(draw, enumerate(tiles))) / other.length
        if not known:
            return None
        spans = row_tiles(this.length, tile_rows(known))
        decided = _total(map_tiles(lambda s: other.images[:known, s] @ this.inputs[new, s].T, spans)) / this.length
        return (this.length / other.length * decided - spread * overlaps).T.astype(dtype)


def old_columns(count: int, x: np.ndarray) -> int:
    """Columns that decide the height of a tile."""
    return max(1, count // 4, x.shape[1])


def _upper(block: np.ndarray) -> np.ndarray:
    if block.shape[1] == 1:
        return np.sqrt(np.square(block, dtype=np.float64).sum(axis=0, keepdims=True))
    return np.linalg.qr(block.astype(np.float64, copy=False), mode="r")


def _triangle(triangles: list[np.ndarray]) -> np.ndarray:
    return triangles[0] if len(triangles) == 1 else _upper(np.concatenate(triangles))


def _total(parts) -> np.ndarray:
    total = None
    for part in parts:
        total = part.astype(np.float64) if total is None else total + part
    return total
