"""The tridiagonal model of the Gaussian orthogonal ensemble: n normal and n - 1 chi variables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import map_tiles, row_tiles, tile_generators

MEMORY = 2**30  # bytes one request may take
CHUNK = 2**20  # rows in memory at once, or one matrix
ROWS = 32_768  # rows drawn from one generator


def tridiagonal(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The GOE's tridiagonal model: diagonal (n,) and off-diagonal (n - 1,).

    Diagonal N(0, 2/n), off-diagonal chi_k / sqrt(n) with k = n - 1, ..., 1, all
    independent: Householder's reduction of a GOE matrix, so the eigenvalues
    have exactly its law (Dumitriu and Edelman, J. Math. Phys. 43, 2002).
    """
    n = checks.integer("The size n of a matrix", n, 1)
    checks.memory("The rows of a tridiagonal model", n, 32, MEMORY)
    (diagonal, squared), *_ = tridiagonal_chunks(n, 1, checks.integer("The seed", seed, 0), Progress())
    return diagonal, np.sqrt(squared[:-1])


def tridiagonal_chunks(
    n: int, draws: int, seed: int, progress: Progress
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The tridiagonal models of `draws` GOE matrices, whole matrices at a time.

    Yields the diagonals and the squared off-diagonals, each of length
    matrices * n; the last off-diagonal of each matrix is zero, so that a chunk
    is one block-diagonal matrix. Draw j is the same in any larger request.
    """
    together = max(1, CHUNK // n)
    chunks = row_tiles(draws, together)
    progress.start(len(chunks))
    for index, chunk in enumerate(chunks):
        yield _tridiagonal_rows(n, (chunk.stop - chunk.start) * n, np.random.SeedSequence(seed, spawn_key=(index,)))
        progress.tick()


def _tridiagonal_rows(n: int, rows: int, seed: np.random.SeedSequence) -> tuple[np.ndarray, np.ndarray]:
    diagonal, squared = np.empty(rows), np.empty(rows)
    tiles = row_tiles(rows, ROWS)
    generators = tile_generators(seed, 2 * len(tiles))

    def fill(index: int) -> None:
        at = tiles[index]
        generators[2 * index].standard_normal(out=diagonal[at])
        diagonal[at] *= np.sqrt(2 / n)
        freedom = n - 1 - np.arange(at.start, at.stop) % n
        squared[at] = generators[2 * index + 1].standard_gamma(freedom / 2)
        squared[at] *= 2 / n

    map_tiles(fill, range(len(tiles)))
    return diagonal, squared
