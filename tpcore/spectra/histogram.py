"""Histograms of eigenvalues without the eigenvalues: Sturm counts at the edges of the bins.

The number of eigenvalues of a tridiagonal matrix below x costs O(n); Gaussian
ensembles have tridiagonal models; so a histogram of a 10^6 x 10^6 matrix costs
O(n) a bin, and no n x n matrix exists at any time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.errors import BudgetError, Misuse
from tpcore.jitted.sturm import LANES, counts_below
from tpcore.spectra.eigenvalues import eigenvalues
from tpcore.spectra.ensembles import ensemble
from tpcore.spectra.laws import Law
from tpcore.spectra.tridiagonal import MEMORY, MODELS, tridiagonal_chunks

WORK = 1e11  # rows * points * draws, about ten seconds on two cores


def eigenvalue_histogram(
    kind: str,
    n: int,
    edges,
    draws: int = 1,
    seed: int = 0,
    ratio: float = 1.0,
    nu: float = 3.0,
    progress: Progress | None = None,
    **more,
) -> np.ndarray:
    """How many eigenvalues of random n x n matrices fall into each bin.

    Parameters
    ----------
    kind : str
        "goe", "gue" and "wishart" (exact in law at any n, from Sturm counts of the tridiagonal
        model), or any other kind of `eigenvalues` on the line (dense, while n fits).
    n : int
        Side of the matrix; columns of X for "wishart".
    edges : array_like
        At least two increasing finite numbers. Bins contain their left edge; the last one both.
    draws : int
        Independent matrices, over which the counts are summed.
    seed : int
        Same seed, same numbers, on any number of threads; the matrices are those of `eigenvalues`.
    ratio : float
        Rows by columns m/n, for "wishart" only, which has m eigenvalues.
    nu, **more : float
        See `tpcore.spectra.Parameters`.
    progress : Progress or callable, optional

    Returns
    -------
    ndarray of int64, (len(edges) - 1,)
        Counts; what is missing to ``n * draws`` (``m * draws``) lies outside (`eigenvalue_counts` tells on which side).

    Raises
    ------
    Misuse, BudgetError
        Edges that are not finite and increasing, a kind that is unknown or complex, or more than the budget, with the
        n that fits.
    """
    edges = checks.array("The edges", edges, ndim=1)
    if edges.size < 2 or not (np.diff(edges) > 0).all():
        came = f"{edges.size} edges" if edges.size < 2 else _first_fall(edges)
        raise Misuse("The edges must be two or more increasing numbers", came, "Sort them, and drop repetitions")
    points = np.append(edges[:-1], np.nextafter(edges[-1], np.inf))
    return np.diff(eigenvalue_counts(kind, n, points, draws, seed, ratio, nu, progress, **more))


def _first_fall(edges: np.ndarray) -> str:
    at = int(np.argmax(np.diff(edges) <= 0))
    return f"{edges[at + 1]} after {edges[at]} at index {at + 1}"


def eigenvalue_counts(
    kind: str,
    n: int,
    points,
    draws: int = 1,
    seed: int = 0,
    ratio: float = 1.0,
    nu: float = 3.0,
    progress: Progress | None = None,
    **more,
) -> np.ndarray:
    """How many eigenvalues of random n x n matrices lie below each point: n * draws times their distribution function.

    Points are finite, in any order; the rest is as in `eigenvalue_histogram`.

    Returns
    -------
    ndarray of int64, (len(points),)
    """
    for _, below in count_chunks(kind, n, points, draws, seed, ratio, nu, progress, **more):
        pass
    return below


def count_chunks(
    kind: str,
    n: int,
    points,
    draws: int = 1,
    seed: int = 0,
    ratio: float = 1.0,
    nu: float = 3.0,
    progress: Progress | None = None,
    **more,
) -> Iterator[tuple[int, np.ndarray]]:
    """`eigenvalue_counts` of growing numbers of draws, as they are computed: (draws so far, counts)."""
    source, p = ensemble(kind, nu, ratio, **more)
    if source.family.plane:
        hint = "Take np.abs(eigenvalues(...))"
        raise Misuse("Eigenvalues in the plane have no histogram on the line", repr(kind), hint)
    n, draws = checks.integer("The size n of a matrix", n, 1), checks.integer("The number of draws", draws, 1)
    seed = checks.integer("The seed", seed, 0)
    points = checks.array("The points", points, ndim=1)
    if not source.exact:
        values = np.sort(eigenvalues(kind, n, seed, draws, nu, progress, ratio, **more), axis=None)
        yield draws, np.searchsorted(values, points).astype(np.int64)
        return
    fits = int(min(WORK / (draws * max(points.size, 1)), MEMORY / 32) / max(min(p.ratio, 1.0), 1e-9))
    if n > fits:
        hint = f"At most n = {fits:,} fits with {points.size} points and {draws:,} draws"
        raise BudgetError("The counts must be computed within the budget", f"n = {n:,}", hint, fits=fits)
    model, total, done = MODELS[kind], np.zeros(points.size, np.int64), 0
    zeros = source.family.size(n, p) - model.rows(n, p)  # the rest of the matrix
    for diagonal, squared in tridiagonal_chunks(n, draws, seed, as_progress(progress), kind, p):
        total = total + _counts(diagonal, squared, points)
        done += diagonal.size // model.rows(n, p)
        yield done, np.where(points > 0, total + done * zeros, 0) if model.positive else total


def sturm_counts(diagonal, off_diagonal, points) -> np.ndarray:
    """How many eigenvalues of a symmetric tridiagonal matrix lie below each point.

    Parameters
    ----------
    diagonal, off_diagonal : array_like, (n,) and (n - 1,)
        Finite, of any magnitude.
    points : array_like, (m,)
        Finite, in any order.

    Returns
    -------
    ndarray of int64, (m,)
        The exact counts of a matrix whose entries differ by a few units in the
        last place (Demmel, Applied Numerical Linear Algebra, section 5.3.4).
    """
    diagonal, off = checks.array("The diagonal", diagonal, 1), checks.array("The off-diagonal", off_diagonal, 1)
    points = checks.array("The points", points, 1)
    if diagonal.size == 0 or off.size != diagonal.size - 1:
        raise Misuse(
            "A tridiagonal matrix has n >= 1 diagonal and n - 1 off-diagonal entries", f"{diagonal.size} and {off.size}"
        )
    largest = max(np.abs(diagonal).max(), np.abs(off).max(initial=0.0))
    power = -int(np.frexp(largest)[1])
    with np.errstate(over="ignore"):
        points = np.ldexp(points, power)
    return _counts(np.ldexp(diagonal, power), np.append(np.ldexp(off, power) ** 2, 0.0), points)


def _counts(diagonal: np.ndarray, squared: np.ndarray, points: np.ndarray) -> np.ndarray:
    """`counts_below` at any number of points, LANES at a time on the project's threads."""
    smallest = np.finfo(float).tiny * max(1.0, float(squared.max(initial=0.0)))
    tiles = row_tiles(points.size, LANES)
    counts = np.empty(points.size, np.int64)

    def count(at: slice) -> None:
        lanes, result = np.zeros(LANES), np.empty(LANES, np.int64)
        size = at.stop - at.start
        lanes[:size] = points[at]
        counts_below(diagonal, squared, lanes, smallest, result)
        counts[at] = result[:size]

    map_tiles(count, tiles)
    return counts


def cdf_gap(law: Law, points, below, total: int) -> float:
    """max_x |N(x) / total - F(x)| over the points x, from counts N(x) of eigenvalues below x."""
    points = checks.array("The points", points, ndim=1)
    below = checks.array("The counts", below, ndim=1)
    total = checks.integer("The total count", total, 1)
    if points.shape != below.shape or points.size == 0:
        raise Misuse("Each point needs one count", f"{points.size} points and {below.size} counts")
    return float(np.abs(below / total - law.cdf(points)).max())
