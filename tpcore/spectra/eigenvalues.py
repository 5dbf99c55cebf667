"""All eigenvalues of random matrices: from tridiagonal models where there are any, else from dense matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import linalg

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import map_tiles, row_tiles, tile_generators
from tpcore.errors import BudgetError
from tpcore.spectra.ensembles import Ensemble, ensemble, largest_n
from tpcore.spectra.parameters import Parameters
from tpcore.spectra.tridiagonal import MEMORY, MODELS, tridiagonal_chunks

BATCH = 2**18  # entries of small dense matrices that are drawn together


def eigenvalues(
    kind: str,
    n: int = 1000,
    seed: int = 0,
    draws: int | None = None,
    nu: float = 3.0,
    progress: Progress | None = None,
    ratio: float = 1.0,
    **more,
) -> np.ndarray:
    """All eigenvalues of random matrices, ascending.

    Parameters
    ----------
    kind : str
        Symmetric n x n matrices: "goe": N(0, 1/n) off the diagonal, N(0, 2/n) on it. "symmetric:gaussian",
        "symmetric:rademacher", "symmetric:uniform": iid of variance 1/n on and above the diagonal.
        "symmetric:sparse": zero but for `degree` entries a row, +-1 / sqrt(degree). "symmetric:student": Student's t
        with `nu` degrees of freedom, of variance 1/n for nu > 2, else t / n^(1/nu). "symmetric:cauchy":
        Cauchy / n (the same as nu = 1). "band": zero further than `band` from the diagonal (around the corners),
        N(0, 1/(2 band + 1)) within.
        "gue": Hermitian, E |A_ij|^2 = 1/n.
        "wishart": X X^T / n, X of m = ratio n rows and n columns with entries N(0, 1): m eigenvalues.
        "iid": no symmetry, N(0, 1/n): eigenvalues in the complex plane, by real part.
        "product": P P^T, P a product of `factors` matrices of kind "iid": squared singular values.
        "band:...", "wishart:...", "iid:...", "product:..." with other entries.
        "goe", "gue" and "wishart" are computed from tridiagonal models of the same law.
    n : int
        Side of the matrix, at least 1; columns of X for "wishart".
    seed : int
        Same seed, same numbers, on any number of threads.
    draws : int, optional
        How many independent matrices; without it one.
    nu, ratio, **more : float
        See `tpcore.spectra.Parameters`.
    progress : Progress or callable, optional

    Returns
    -------
    ndarray
        (n,), or (draws, n) where `draws` is given; m instead of n for "wishart"; complex for "iid".

    Raises
    ------
    Misuse, BudgetError
        Unknown kind or parameter; more work or memory than allowed, with the n that fits.

    Notes
    -----
    With a finite variance the law of a symmetric matrix tends to the semicircle whatever the entries
    (Wigner 1958), that of "wishart" to Marchenko and Pastur's (1967), that of "iid" to the uniform law on the disc
    (Tao and Vu 2010). Without one it tends to a law with unbounded support
    that depends on the tail (Ben Arous and Guionnet, CMP 278, 2008, with the
    scaling n^(1/nu)); at nu = 2 it spreads like sqrt(log n).
    """
    count = 1 if draws is None else draws
    values = np.concatenate(list(eigenvalue_chunks(kind, n, seed, count, nu, progress, ratio, **more)))
    return values[0] if draws is None else values


def eigenvalue_chunks(
    kind: str,
    n: int = 1000,
    seed: int = 0,
    draws: int = 1,
    nu: float = 3.0,
    progress: Progress | None = None,
    ratio: float = 1.0,
    **more,
) -> Iterator[np.ndarray]:
    """The rows of `eigenvalues`, a few matrices at a time, as they are computed: arrays (matrices, size).

    Parameters and errors as in `eigenvalues`; the arguments are checked at the first step.
    """
    source, p = ensemble(kind, nu, ratio, **more)
    n, count = checks.integer("The size n of a matrix", n, 1), checks.integer("The number of draws", draws, 1)
    checks.integer("The seed", seed, 0)
    fits = largest_n(kind, count, nu=nu, ratio=ratio, **more)
    if n > fits:
        hint = f"At most n = {fits:,} fits with {count} draw{'s' * (count > 1)}" if fits else "Take fewer draws"
        if source.exact:
            hint += "; `eigenvalue_histogram` needs no eigenvalues"
        raise BudgetError("The eigenvalues must be computed within the budget", f"n = {n:,}", hint, fits=fits)
    blocks = _tridiagonal_eigenvalues if source.exact else _dense_eigenvalues
    yield from blocks(source, n, count, seed, p, as_progress(progress))


def _tridiagonal_eigenvalues(
    source: Ensemble, n: int, draws: int, seed: int, p: Parameters, progress: Progress
) -> Iterator[np.ndarray]:
    model = MODELS[source.name]
    rows, zeros = model.rows(n, p), source.family.size(n, p) - model.rows(n, p)
    for diagonal, squared in tridiagonal_chunks(n, draws, seed, progress, source.name, p):
        off = np.sqrt(squared)
        work = [slice(lo, lo + rows) for lo in range(0, diagonal.size, rows)]
        values = np.stack(map_tiles(lambda at, d=diagonal, e=off: tridiagonal_spectrum(d[at], e[at][:-1]), work))
        values = np.maximum(values, 0.0) if model.positive else values
        yield np.pad(values, ((0, 0), (zeros, 0))) if zeros else values


def tridiagonal_spectrum(diagonal: np.ndarray, off: np.ndarray) -> np.ndarray:
    """All eigenvalues of one symmetric tridiagonal matrix, ascending."""
    if diagonal.size == 1:
        return diagonal.copy()
    return linalg.eigh_tridiagonal(diagonal, off, eigvals_only=True, check_finite=False, lapack_driver="sterf")


def _dense_eigenvalues(
    source: Ensemble, n: int, draws: int, seed: int, p: Parameters, progress: Progress
) -> Iterator[np.ndarray]:
    entries = int(np.prod(source.family.shape(n, p)))
    tiles = row_tiles(draws, max(1, BATCH // entries))
    generators = tile_generators(seed, len(tiles))
    progress.start(len(tiles))

    def spectrum(index: int) -> np.ndarray:
        count = tiles[index].stop - tiles[index].start
        values = source.family.solve(source.draw(generators[index], count, n, p), n, p)
        progress.tick()
        return values

    for group in row_tiles(len(tiles), int(np.clip(MEMORY // (16 * entries), 1, 16 if n <= 256 else 2))):
        yield np.concatenate(map_tiles(spectrum, range(group.start, group.stop)))
