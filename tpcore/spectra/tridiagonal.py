"""Tridiagonal models of Gaussian ensembles: n normal and n - 1 chi variables, or 2 n chi variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import map_tiles, row_tiles, tile_generators
from tpcore.spectra.families import rows as wishart_rows
from tpcore.spectra.parameters import Parameters, parameters

MEMORY = 2**30  # bytes one request may take
CHUNK = 2**20  # rows in memory at once, or one matrix
ROWS = 32_768  # rows drawn from one generator


@dataclass(frozen=True)
class Model:
    """A random tridiagonal matrix with the eigenvalues, in law, of a dense one.

    Attributes
    ----------
    beta : int
        1 or 2: real or complex entries.
    rows : callable
        ``rows(n, p)`` of the tridiagonal matrix; the dense one may have more, whose eigenvalues are zero.
    positive : bool
        Its eigenvalues are those of B B^T.
    """

    beta: int
    rows: Callable[[int, Parameters], int] = lambda n, p: n
    positive: bool = False


MODELS: dict[str, Model] = {
    "goe": Model(1),
    "gue": Model(2),
    "wishart": Model(1, rows=lambda n, p: min(wishart_rows(n, p), n + 1), positive=True),
}


def tridiagonal(n: int, seed: int = 0, kind: str = "goe", **more) -> tuple[np.ndarray, np.ndarray]:
    """The tridiagonal model of a Gaussian ensemble: diagonal (r,) and off-diagonal (r - 1,).

    "goe", "gue": r = n; diagonal N(0, 2 / (beta n)), off-diagonal chi_(beta k) / sqrt(beta n) with k = n - 1, ..., 1,
    beta = 1, 2, all independent: Householder's reduction, so the eigenvalues have exactly the ensemble's law (Dumitriu
    and Edelman, J. Math. Phys. 43, 2002). "wishart": B B^T / n with the lower bidiagonal B of the same paper: diagonal
    chi_n, chi_(n-1), ..., below it chi_(m-1), chi_(m-2), ...; r = min(m, n + 1). A `spike` only touches the first
    entry, for the reduction leaves the first vector of the basis where it is.
    """
    n = checks.integer("The size n of a matrix", n, 1)
    p, kind = parameters(**more), checks.choice("A kind with a tridiagonal model", kind, MODELS)
    checks.memory("The rows of a tridiagonal model", MODELS[kind].rows(n, p), 32, MEMORY)
    (diagonal, squared), *_ = tridiagonal_chunks(n, 1, checks.integer("The seed", seed, 0), Progress(), kind, p)
    return diagonal, np.sqrt(squared[:-1])


def tridiagonal_chunks(
    n: int, draws: int, seed: int, progress: Progress, kind: str = "goe", p: Parameters = Parameters(),
    keep: int | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """The tridiagonal models of `draws` matrices, whole matrices at a time, or their first `keep` rows.

    Yields the diagonals and the squared off-diagonals, each of length
    matrices * rows; the last off-diagonal of each matrix is zero, so that a chunk
    is one block-diagonal matrix. Draw j is the same in any larger request.
    """
    model = MODELS[kind]
    rows = model.rows(n, p) if keep is None else min(keep, model.rows(n, p))
    chunks = row_tiles(draws, max(1, CHUNK // rows))
    progress.start(len(chunks))
    draw = _wishart_rows if model.positive else _gaussian_rows
    for index, chunk in enumerate(chunks):
        root = np.random.SeedSequence(seed, spawn_key=(index,))
        diagonal, squared = draw(n, rows, (chunk.stop - chunk.start) * rows, root, model.beta, p)
        squared[rows - 1 :: rows] = 0.0
        yield diagonal, squared
        progress.tick()


def _fill(total: int, seed: np.random.SeedSequence, first: Callable, second: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of `total` numbers, in tiles: ``first(generator, rows, out)``, ``second(generator, rows, out)``."""
    one, two = np.empty(total), np.empty(total)
    tiles = row_tiles(total, ROWS)
    generators = tile_generators(seed, 2 * len(tiles))

    def fill(index: int) -> None:
        at = tiles[index]
        first(generators[2 * index], np.arange(at.start, at.stop), one[at])
        second(generators[2 * index + 1], np.arange(at.start, at.stop), two[at])

    map_tiles(fill, range(len(tiles)))
    return one, two


def _gaussian_rows(n: int, rows: int, total: int, seed, beta: int, p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    def diagonals(generator, at, out) -> None:
        generator.standard_normal(out=out)
        out *= np.sqrt(2 / (beta * n))

    def squares(generator, at, out) -> None:
        out[:] = generator.standard_gamma(beta * (n - 1 - at % rows) / 2)
        out *= 2 / (beta * n)

    diagonal, squared = _fill(total, seed, diagonals, squares)
    diagonal[::rows] += p.spike
    return diagonal, squared


def _wishart_rows(n: int, rows: int, total: int, seed, beta: int, p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    m = wishart_rows(n, p)

    def on(generator, at, out) -> None:
        out[:] = generator.standard_gamma(beta * (n - at % rows) / 2)
        out *= 2 / (beta * n)

    def below(generator, at, out) -> None:
        out[:] = generator.standard_gamma(beta * (m - 1 - at % rows) / 2)
        out *= 2 / (beta * n)

    on_squared, below_squared = _fill(total, seed, on, below)
    on_squared[::rows] *= 1 + p.spike
    diagonal, squared = on_squared.copy(), on_squared * below_squared
    diagonal[1:] += below_squared[:-1]
    if rows < total:  # no entry joins one matrix to the next
        diagonal[rows::rows] = on_squared[rows::rows]
    return diagonal, squared
