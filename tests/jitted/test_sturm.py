"""Sturm counts and banded traces against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest

from tpcore.jitted.sturm import LANES, ROWS, counts_below, power_traces

TINY = np.finfo(float).tiny


def dense(diagonal, off):
    return np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)


def count(diagonal, off, points):
    """`counts_below` at up to LANES points."""
    squared = np.append(np.square(off), 0.0)
    lanes, result = np.zeros(LANES), np.empty(LANES, np.int64)
    lanes[: len(points)] = points
    counts_below(np.asarray(diagonal, float), squared, lanes, TINY * max(1.0, squared.max()), result)
    return result[: len(points)]


def away(values, points, gap=1e-9):
    """The points that are not within `gap` of an eigenvalue, where dense rounding could decide."""
    return np.array([x for x in points if np.abs(values - x).min() > gap])


def random_matrix(rng, n, style):
    diagonal, off = rng.normal(0, 1.3, n), rng.normal(0, 0.7, n - 1)
    if style == "zeros":
        off[rng.random(n - 1) < 0.4] = 0.0
        diagonal[rng.random(n) < 0.4] = 0.0
    elif style == "clusters":
        diagonal = rng.integers(-1, 2, n) + 1e-7 * rng.normal(size=n)
        off *= 1e-4
    elif style == "integers":
        diagonal, off = rng.integers(-2, 3, n).astype(float), rng.integers(-1, 2, n - 1).astype(float)
    return diagonal, off


@pytest.mark.parametrize("style", ["generic", "zeros", "clusters", "integers"])
@pytest.mark.parametrize("n", [1, 2, 3, 17, 80])
def test_counts_equal_those_of_dense_eigenvalues(style, n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        diagonal, off = random_matrix(rng, n, style)
        values = np.linalg.eigvalsh(dense(diagonal, off))
        points = away(values, np.concatenate([rng.uniform(-4, 4, 40), rng.choice(values, 12) + 1e-6, [-50.0, 50.0]]))
        assert np.array_equal(count(diagonal, off, points), np.searchsorted(np.sort(values), points))


def test_nearly_equal_pairs_are_told_apart_by_number():
    diagonal = np.abs(np.arange(-10.0, 11.0))  # Wilkinson's matrix: pairs that agree in up to 14 digits
    values = np.linalg.eigvalsh(dense(diagonal, np.ones(20)))
    assert values[-1] - values[-2] < 1e-12
    points = away(values, np.linspace(-2, 12, LANES))
    assert np.array_equal(count(diagonal, np.ones(20), points), np.searchsorted(values, points))


def test_an_eigenvalue_at_the_point_is_not_below_it():
    diagonal = np.array([1.0, 1.0, 2.0, -1.0, 2.0])
    points = [-1.0, np.nextafter(-1.0, 0), 1.0, np.nextafter(1.0, 2), 2.0, 2.1]
    assert count(diagonal, np.zeros(4), points).tolist() == [0, 1, 1, 3, 3, 5]


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 9])
def test_pivots_that_are_exactly_zero(n, zero):
    """The path graph: eigenvalues 2 cos(pi j / (n + 1)), every other pivot at x = 0 vanishes."""
    values = 2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
    assert count(np.full(n, zero), np.ones(n - 1), [0.0, -0.0]).tolist() == [int((values < -1e-12).sum())] * 2


def test_zero_times_infinity_never_happens():
    """A zero pivot followed by a zero off-diagonal, and squares as large as floats allow."""
    assert count([0.0, 0.0, 3.0], [0.0, 0.0], [0.0, 1.0]).tolist() == [0, 2]
    assert count([0.0, 0.0, 0.0], [1e150, 1e150], [-1e151, -1.0, 1.0, 1e151]).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("half", [0, 1, 2, 5])
@pytest.mark.parametrize("sizes", [[1], [2], [63, 1, 2], [64], [65, 3], [200, 130]])
def test_traces_equal_those_of_matrix_powers(sizes, half):
    rng = np.random.default_rng(sum(sizes))
    diagonal, off = rng.normal(0, 0.9, sum(sizes)), rng.normal(0, 0.8, sum(sizes))
    bounds = np.cumsum([0, *sizes])
    off[bounds[1:] - 1] = 0.0
    traces = np.full((len(sizes), 2 * half + 2), np.nan)
    pad = (half + 2, half + 1 + ROWS)
    power_traces(np.pad(diagonal, pad), np.pad(off, pad), bounds, traces)
    for row, lo, hi in zip(traces, bounds[:-1], bounds[1:], strict=True):
        block = dense(diagonal[lo:hi], off[lo : hi - 1])
        expected = [np.trace(np.linalg.matrix_power(block, m)) for m in range(2 * half + 2)]
        size = [np.trace(np.linalg.matrix_power(np.abs(block), m)) for m in range(2 * half + 2)]
        assert np.all(np.abs(row - expected) <= 1e-12 * np.array(size))


def test_traces_of_one_matrix_in_pieces_add_up():
    rng = np.random.default_rng(5)
    diagonal, off = rng.normal(size=150), np.append(rng.normal(size=149), 0.0)
    pad = (4, 3 + ROWS)
    whole, pieces = np.empty((1, 6)), np.empty((3, 6))
    power_traces(np.pad(diagonal, pad), np.pad(off, pad), np.array([0, 150]), whole)
    power_traces(np.pad(diagonal, pad), np.pad(off, pad), np.array([0, 40, 129, 150]), pieces)
    assert np.allclose(pieces.sum(axis=0), whole[0], rtol=1e-13)
