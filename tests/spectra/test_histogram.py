"""Histograms by Sturm counts against eigenvalues, exact finite-n densities and the limit."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy import integrate, stats

from tpcore.compute.progress import Progress
from tpcore.compute.tiles import get_threads, set_threads
from tpcore.errors import BudgetError, Cancelled, Misuse
from tpcore.spectra import (
    circular,
    cdf_gap,
    eigenvalue_counts,
    eigenvalue_histogram,
    eigenvalues,
    marchenko_pastur,
    modulus,
    semicircle,
    sturm_counts,
    tridiagonal,
)

# Mean density of the GOE at finite n, variance 1/n off the diagonal (Mehta's formula): reference values, set H.
DENSITY = {
    2: {0.0: 0.28209479177387814, 0.5: 0.2794338036410672, 1.2: 0.22582116062552124, 2.6: 0.031332985154891364},
    4: {0.0: 0.29920671030107454, 0.5: 0.2912968757488839, 1.2: 0.23981675710706038, 2.6: 0.012816864585895538},
    8: {0.0: 0.3085411785026792, 0.5: 0.29854938168075174, 1.2: 0.24383534247076874, 2.6: 0.002633564803048975},
}


def density_of_two(x):
    """Mean density at n = 2: the joint density |a - b| exp(-(a^2 + b^2) / 2) / (4 sqrt pi), integrated over b."""
    return np.sqrt(np.pi) / 2 * stats.norm.pdf(x) * (2 * stats.norm.pdf(x) + x * (2 * stats.norm.cdf(x) - 1))


def frequencies(kind, n, edges, draws, batches, first=0, **more):
    """Mean and standard error of the fraction of eigenvalues in each bin."""
    rows = [eigenvalue_histogram(kind, n, edges, draws, first + s, **more) / (n * draws) for s in range(batches)]
    return np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / np.sqrt(batches)


@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 9, 400])
def test_counts_are_those_of_the_same_matrices(n, draws):
    edges = np.linspace(-2.1, 1.7, 131)
    values = eigenvalues("goe", n, seed=n, draws=draws)
    assert np.array_equal(eigenvalue_histogram("goe", n, edges, draws, seed=n), np.histogram(values, edges)[0])
    below = eigenvalue_counts("goe", n, edges[::-1], draws, seed=n)
    assert np.array_equal(below, np.searchsorted(np.sort(values, axis=None), edges[::-1]))
    dense = eigenvalues("symmetric:rademacher", n, seed=n, draws=draws)
    assert np.array_equal(
        eigenvalue_histogram("symmetric:rademacher", n, edges, draws, seed=n), np.histogram(dense, edges)[0]
    )


def test_dense_counts_and_closed_ends():
    below = eigenvalue_counts("symmetric:uniform", 40, [-9.0, 0.1, 9.0], draws=2, seed=1)
    assert below.tolist() == [0, int((eigenvalues("symmetric:uniform", 40, seed=1, draws=2) < 0.1).sum()), 80]
    counts = eigenvalue_histogram("symmetric:rademacher", 1, [-1.0, 0.0, 1.0], draws=50)  # eigenvalues -1 and 1
    assert counts.sum() == 50 and counts.min() > 10


def test_the_exact_density_of_two():
    at = DENSITY[2]
    assert np.allclose(density_of_two(np.array(list(at))), list(at.values()), rtol=1e-13)
    edges = np.linspace(-3, 3, 13)
    exact = [integrate.quad(density_of_two, a, b)[0] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    mean, error = frequencies("goe", 2, edges, 2000, 40)
    assert np.abs((mean - exact) / error).max() < 4


@pytest.mark.parametrize("n", [2, 4, 8])
def test_narrow_bins_have_the_reference_density(n):
    """Bins of width h around x: the density at x up to h^2 / 24 of its second derivative (at most 0.9 here)."""
    h = 0.1
    for x, density in DENSITY[n].items():
        mean, error = frequencies("goe", n, [x - h / 2, x + h / 2], 2000, 25, first=100)
        assert abs(mean[0] / h - density) < 4 * error[0] / h + 0.9 * h**2 / 24


@pytest.mark.parametrize("row", [0, 1, 2])
def test_wide_bins_have_the_reference_mass(reference, row):
    data = reference("H_random_matrices.npz")
    n, x, density = int(data["goe_n"][row]), data["goe_x"], data["goe_density"][row]
    edges = np.arange(8, 73, 4)
    exact = [integrate.simpson(density[a : b + 1], x=x[a : b + 1]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    mean, error = frequencies("goe", n, x[edges], 1000, 30, first=500)
    assert np.abs((mean - exact) / np.maximum(error, 1e-9)).max() < 4


@pytest.mark.parametrize("n", [2, 8, 50])
def test_bins_agree_with_dense_goe_matrices(n):
    edges, draws, batches = np.linspace(-2.6, 2.6, 15), 4000 // n, 30
    mean, error = frequencies("goe", n, edges, draws, batches, first=1000)
    rng = np.random.default_rng(n)
    rows = []
    for _ in range(batches):
        g = rng.normal(size=(draws, n, n))
        values = np.linalg.eigvalsh((g + g.transpose(0, 2, 1)) / np.sqrt(2 * n))
        rows.append(np.histogram(values, edges)[0] / values.size)
    other = np.std(rows, axis=0, ddof=1) / np.sqrt(batches)
    z = (mean - np.mean(rows, axis=0)) / np.maximum(np.hypot(error, other), 1e-5)
    assert np.abs(z).max() < 4 and np.sqrt(np.mean(z**2)) < 1.6


def test_a_million_by_a_million_is_a_semicircle():
    n, edges = 10**6, np.linspace(-2.2, 2.2, 101)
    below = eigenvalue_counts("goe", n, edges, seed=1)
    assert below[0] == 0 and below[-1] == n
    assert cdf_gap(semicircle(), edges, below, n) < 2e-5
    assert cdf_gap(semicircle(1.001), edges, below, n) > 1e-4


def test_same_seed_same_counts_on_any_number_of_threads():
    before, edges = get_threads(), np.linspace(-2, 2, 150)
    results = []
    try:
        for threads in (1, 2, 4):
            set_threads(threads)
            results.append(eigenvalue_histogram("goe", 70_000, edges, draws=2, seed=6))
    finally:
        set_threads(before)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])
    assert not np.array_equal(results[0], eigenvalue_histogram("goe", 70_000, edges, draws=2, seed=7))


def test_two_callers_at_once():
    edges, results = np.linspace(-2, 2, 70), [None] * 3

    def work(i):
        results[i] = eigenvalue_histogram("goe", 50_000, edges, seed=3)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(np.array_equal(r, results[0]) for r in results) and results[0].sum() > 49_000


def test_sturm_counts_of_any_tridiagonal_matrix():
    diagonal, off = tridiagonal(60, seed=2)
    values, points = eigenvalues("goe", 60, seed=2), np.linspace(-3, 3, 77)
    expected = np.searchsorted(values, points)
    for scale in (1.0, 1e200, 1e-200, -1.0, 2.0**-1060):
        order = -1 if scale < 0 else 1
        found = sturm_counts(scale * diagonal, scale * off, scale * points[::order])
        if scale > 1e-300:
            assert np.array_equal(found, expected)
        assert np.all(np.diff(found) >= 0)
    assert sturm_counts([0.0, 0.0], [0.0], [-1e-300, 0.0, 1e-300, 1e300]).tolist() == [0, 0, 2, 2]
    assert sturm_counts([1e-300], [], [1e300, -1e300]).tolist() == [1, 0]
    with pytest.raises(Misuse, match="n - 1 off-diagonal"):
        sturm_counts([1.0, 2.0], [1.0, 2.0], [0.0])


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ([0.0], "two or more"),
        ([0.0, 0.0, 1.0], "0.0 after 0.0 at index 1"),
        ([0.0, 2.0, 1.0], "1.0 after 2.0 at index 2"),
        ([0.0, np.nan], "finite"),
        ([-np.inf, 0.0], "finite"),
        ([[0.0, 1.0]], "axes"),
        (["a", "b"], "real numbers"),
    ],
)
def test_bad_edges_are_refused_in_words(edges, words):
    with pytest.raises(Misuse, match=words):
        eigenvalue_histogram("goe", 10, edges)


def test_other_misuse_and_budgets():
    edges = [-1.0, 0.0, 1.0]
    with pytest.raises(Misuse, match="kind of random matrix"):
        eigenvalue_histogram("gui", 10, edges)
    with pytest.raises(Misuse, match="ratio must be 1"):
        eigenvalue_histogram("goe", 10, edges, ratio=2.0)
    with pytest.raises(BudgetError, match="fits") as caught:
        eigenvalue_histogram("goe", 10**10, edges)
    assert 10**6 < caught.value.fits < 10**8
    with pytest.raises(BudgetError, match="fits"):
        eigenvalue_histogram("symmetric:uniform", 10**6, edges)
    with pytest.raises(Misuse, match="one count"):
        cdf_gap(semicircle(), [0.0, 1.0], [3], 5)


def test_progress_is_seen_and_cancels():
    seen = []
    eigenvalue_histogram("goe", 2**19, [-1.0, 1.0], draws=5, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    progress = Progress(lambda done, total: progress.cancel())
    with pytest.raises(Cancelled):
        eigenvalue_histogram("goe", 2**20, [-1.0, 1.0], draws=5, progress=progress)
    assert progress.done == 1


@pytest.mark.parametrize(("kind", "ratio"), [("gue", 1.0), ("wishart", 0.6), ("wishart", 1.0), ("wishart", 2.4)])
def test_counts_of_the_other_models_are_those_of_their_eigenvalues(kind, ratio):
    points = np.linspace(-0.5, 5, 61)
    values = np.sort(eigenvalues(kind, 70, seed=3, draws=4, ratio=ratio), axis=None)
    below = eigenvalue_counts(kind, 70, points, 4, seed=3, ratio=ratio)
    assert np.array_equal(below, np.searchsorted(values, points)) and below[-1] <= values.size


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
def test_a_million_columns_follow_marchenko_and_pastur(ratio):
    law, n = marchenko_pastur(ratio), 300_000
    points = np.linspace(0.02, law.support[1] * 0.999, 40)
    gap = cdf_gap(law, points, eigenvalue_counts("wishart", n, points, seed=1, ratio=ratio), round(ratio * n))
    assert gap < 2e-4 and cdf_gap(marchenko_pastur(1.02 * ratio), points, law.cdf(points) * 10**6, 10**6) > 1e-3


def test_moduli_follow_the_circular_law():
    law = modulus()
    r = np.abs(eigenvalues("iid", 400, seed=2))
    assert stats.kstest(r, law.cdf).statistic < 0.05
    assert law.moment(4) == pytest.approx(circular().moment(2, 2)) and law.quantile(0.25) == 0.5
    assert integrate.quad(modulus(1.7).pdf, 0, 1.1)[0] == pytest.approx(modulus(1.7).cdf(1.1))
    with pytest.raises(Misuse, match="plane"):
        eigenvalue_histogram("iid", 10, [0.0, 1.0])
