"""Moments of spectra: exact traces at finite n, and the trace as a tensor program."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.errors import BudgetError, Misuse
from tpcore.jitted.sturm import ROWS, power_traces
from tpcore.program.build import Program
from tpcore.program.variables import inner
from tpcore.spectra.eigenvalues import eigenvalues
from tpcore.spectra.ensembles import Ensemble, ensemble
from tpcore.spectra.parameters import Parameters
from tpcore.spectra.tridiagonal import MEMORY, MODELS, tridiagonal_chunks

TILE = 32_768  # rows a thread takes at a time
WORK = 2e10  # rows * draws * half-order^2, about ten seconds on two cores
HIGHEST = 64


def spectral_moments(
    kind: str,
    n: int,
    orders=(2, 4, 6, 8, 10),
    draws: int | None = None,
    seed: int = 0,
    nu: float = 3.0,
    progress: Progress | None = None,
    ratio: float = 1.0,
    **more,
) -> np.ndarray:
    """(1/n) tr A^k of random matrices A, for each order k: means of the k-th powers of the eigenvalues.

    Parameters
    ----------
    kind : str
        "goe", "gue", "wishart": from the tridiagonal model, by banded products in O(n k^2), at
        any n. Other kinds: from the eigenvalues, while n fits (see `eigenvalues`).
    n : int
        Side of the matrix; columns of X for "wishart".
    orders : sequence of int
        Each from 0 to 64.
    draws : int, optional
        How many independent matrices; without it one.
    seed : int
        The matrices are those of `eigenvalues` and `eigenvalue_histogram`.
    nu, ratio, **more : float
        See `tpcore.spectra.Parameters`.
    progress : Progress or callable, optional

    Returns
    -------
    ndarray
        (len(orders),), or (draws, len(orders)) where `draws` is given; complex for "iid".

    Notes
    -----
    With a finite variance the limit is Catalan(k/2) for even k and 0 for odd k; for "wishart" the polynomial
    sum_r N(k, r) ratio^(r-1) with Narayana numbers, for "product" Fuss and Catalan's number. For
    the GOE the means are 1 + 1/n (k = 2) and 2 + 5/n + 5/n^2 (k = 4). Without a variance nothing converges.
    """
    source, p = ensemble(kind, nu, ratio, **more)
    n, seed = checks.integer("The size n of a matrix", n, 1), checks.integer("The seed", seed, 0)
    orders = np.atleast_1d(checks.raw_array("The orders", orders))
    orders = [checks.integer("The order of a moment", k, 0, HIGHEST) for k in orders]
    if not orders:
        raise Misuse("At least one order of a moment must be named", "none")
    count = 1 if draws is None else checks.integer("The number of draws", draws, 1)
    if source.exact:
        values = _band_moments(source, n, count, seed, p, max(orders), as_progress(progress))[:, orders]
    else:
        spectra = eigenvalues(kind, n, seed, count, nu, progress, ratio, **more)
        with np.errstate(over="ignore"):
            values = np.stack([(spectra**k).mean(axis=1) for k in orders], axis=1)
    return values[0] if draws is None else values


def _band_moments(
    source: Ensemble, n: int, draws: int, seed: int, p: Parameters, highest: int, progress: Progress
) -> np.ndarray:
    """(1/m) tr T^j for j = 0 .. highest (or one more) of each draw of the tridiagonal model of an m x m matrix."""
    half, rows, size = highest // 2, MODELS[source.name].rows(n, p), source.family.size(n, p)
    fits = int(min(WORK / (draws * (half + 1) ** 2), MEMORY / 48) / max(min(p.ratio, 1.0), 1e-9))
    if n > fits:
        hint = f"At most n = {fits:,} fits with order {highest} and {draws:,} draws"
        raise BudgetError("The moments must be computed within the budget", f"n = {n:,}", hint, fits=fits)
    traces = []
    for diagonal, squared in tridiagonal_chunks(n, draws, seed, progress, source.name, p):
        pad = (half + 2, half + 1 + ROWS)
        traces.append(_traces(np.pad(diagonal, pad), np.pad(np.sqrt(squared), pad), rows, diagonal.size, half))
    means = np.concatenate(traces) / size
    means[:, 0] = 1.0
    return means


def _traces(diagonal: np.ndarray, off: np.ndarray, n: int, rows: int, half: int) -> np.ndarray:
    """Traces of the powers of each n rows; long matrices in pieces, short ones many to a piece."""
    step = min(n, TILE)
    starts = np.concatenate([np.arange(lo, lo + n, step) for lo in range(0, rows, n)])
    bounds = np.append(starts, rows)
    traces = np.empty((starts.size, 2 * half + 2))
    tiles = row_tiles(starts.size, max(1, TILE // n))
    map_tiles(lambda at: power_traces(diagonal, off, bounds[at.start : at.stop + 1], traces[at]), tiles)
    return traces.reshape(rows // n, -1, 2 * half + 2).sum(axis=1)


def moment_program(k: int, kind: str = "goe", ratio: float = 1.0, factors: int = 2) -> Program:
    """v^T A^k v / n as a tensor program; its scalar is called "m".

    v is standard Gaussian and independent of A, so E v^T A^k v / n = E (1/n) tr
    A^k: the moments of a spectrum are the moments of a program.

    Parameters
    ----------
    k : int
        From 0 to 64; for "wishart" and "product" to 32.
    kind : str
        "goe": A = (W + W^T) / sqrt 2, variance 1/n off the diagonal, 2/n on it; the limit is Catalan(k/2) for even k, 0
        for odd k. "wishart": A = X X^T / n, X of ratio n rows: sum_r N(k, r) ratio^(r-1) with Narayana numbers N.
        "product": A = P P^T, P of `factors` square matrices: binom(k (factors + 1), k) / (k factors + 1).
    ratio, factors
        For "wishart" and "product".

    Returns
    -------
    Program
        With the input "v", the vectors "Av1", ..., "Avk" and the scalar "m".
    """
    kind = checks.choice("A matrix that is a program", kind, ["goe", "wishart", "product"])
    k = checks.integer("The order k of a moment", k, 0, HIGHEST if kind == "goe" else HIGHEST // 2)
    _, p = ensemble(kind, ratio=ratio, factors=factors)
    program = Program(f"v^T A^{k} v / n")
    rows = p.ratio if kind == "wishart" else 1.0
    names = ["W"] if kind == "goe" else ["X"] if kind == "wishart" else [f"X{i + 1}" for i in range(p.factors)]
    matrices = [program.matrix(name, variance=1.0, rows=rows) for name in names]
    x = v = program.vector("v", dim=rows)
    for step in range(1, k + 1):
        if kind == "goe":
            x = (matrices[0] @ x + matrices[0].T @ x) * 0.5**0.5
        else:
            for w in matrices:
                x = w.T @ x
            for w in reversed(matrices):
                x = w @ x
        x = program.name(f"Av{step}", x)
    program.name("m", inner(v, x))
    return program
