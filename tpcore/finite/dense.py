"""A random matrix that is stored: the plain meaning of an A-var."""

from __future__ import annotations

import numpy as np

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.finite.values import normals

_TILE_ENTRIES = 2**20


class DenseMatrix:
    """W with iid entries N(0, variance / cols), shape (rows, cols).

    Parameters
    ----------
    variance : float
        Of the entries, times the number of columns.
    rows, cols : int
        The shape.
    root, key
        Name the random numbers; row tiles of fixed size are drawn independently.
    dtype : dtype
        float64 or float32.
    check : callable, optional
        Called before every tile; raises to stop.
    """

    def __init__(
        self, variance: float, rows: int, cols: int, root: np.random.SeedSequence, key: tuple, dtype, check=None
    ):
        self.array = np.empty((rows, cols), dtype)
        scale = self.array.dtype.type(np.sqrt(variance / cols))

        def fill(tile: tuple[int, slice]) -> None:
            index, span = tile
            if check is not None:
                check()
            block = self.array[span]
            np.multiply(normals(root, (*key, index), block.shape, block.dtype), scale, out=block)

        map_tiles(fill, enumerate(row_tiles(rows, max(1, _TILE_ENTRIES // cols))))

    def multiply(self, x: np.ndarray, transposed: bool) -> np.ndarray:
        """W x or W^T x, for x of shape (length, k)."""
        matrix = self.array.T if transposed else self.array
        result = np.empty((matrix.shape[0], x.shape[1]), x.dtype)

        def rows(span: slice) -> None:
            np.matmul(matrix[span], x, out=result[span])

        map_tiles(rows, row_tiles(len(result), max(64, _TILE_ENTRIES // matrix.shape[1])))
        return result
