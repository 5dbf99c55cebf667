"""A million by a million: eigenvalues counted without a matrix, beside LAPACK on a matrix that fits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.benchmarks.table import Row, median_seconds
from tpcore.compute.tiles import single_blas
from tpcore.spectra import (
    cdf_gap,
    eigenvalue_counts,
    eigenvalue_histogram,
    largest_eigenvalues,
    matrix,
    semicircle,
    spectral_moments,
)

N, DENSE = 10**6, 2000
EDGES = np.linspace(-2.2, 2.2, 101)
SQUARE_EDGES = np.linspace(0, 4.2, 101)


def rows() -> Iterator[Row]:
    ours = median_seconds(lambda: eigenvalue_histogram("goe", N, EDGES, seed=1))
    yield Row("GOE histogram, n = 1,000,000, 100 bins", ours, "s", "< 0.3 s", ours < 0.3)
    squares = median_seconds(lambda: eigenvalue_histogram("wishart", N, SQUARE_EDGES, seed=1))
    yield Row("Wishart histogram, n = 1,000,000, 100 bins", squares, "s")
    unitary = median_seconds(lambda: eigenvalue_histogram("gue", N, EDGES, seed=1))
    yield Row("GUE histogram, n = 1,000,000, 100 bins", unitary, "s")
    traces = median_seconds(lambda: spectral_moments("goe", N, seed=1))
    yield Row("GOE moments 2 to 10, n = 1,000,000", traces, "s", "< 0.3 s", traces < 0.3)
    gap = cdf_gap(semicircle(), EDGES, eigenvalue_counts("goe", N, EDGES, seed=1), N)
    yield Row("its largest distance from the semicircle's cdf", gap, "", "< 2e-5", gap < 2e-5)
    largest = median_seconds(lambda: largest_eigenvalues("goe", N, 100, seed=1), repeats=3)
    yield Row("100 largest eigenvalues of the GOE, n = 1,000,000", largest, "s")
    dense = matrix("goe", DENSE, seed=1)

    def lapack() -> np.ndarray:
        with single_blas():
            return np.histogram(np.linalg.eigvalsh(dense), EDGES)[0]

    peer = median_seconds(lapack, repeats=3)
    for name, seconds in (("GOE", ours), ("Wishart", squares)):
        yield Row(f"{name}, n = 1,000,000, over LAPACK on n = {DENSE:,}", seconds / peer, "x", "<= 1", seconds <= peer)
    small = median_seconds(lambda: eigenvalue_histogram("goe", DENSE, EDGES, seed=1))
    yield Row(f"LAPACK eigvalsh, dense n = {DENSE:,}, one thread", peer, "s")
    yield Row(f"GOE histogram, n = {DENSE:,}: faster than LAPACK by", peer / small, "x", "> 1", peer > small)
