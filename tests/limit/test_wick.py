"""Products of Gaussians: powers by one-dimensional moments, different factors by pairings, too many refused."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.special import comb, factorial2

import tpcore as tp
from tpcore.limit.budget import Beyond
from tpcore.limit.wick import wick


def power(mean: float, variance: float, k: int) -> float:
    """E (mean + sqrt(variance) Z)^k by the binomial formula."""
    double = lambda j: factorial2(j - 1) if j else 1.0  # noqa: E731
    return sum(comb(k, j) * mean ** (k - j) * variance ** (j / 2) * double(j) for j in range(0, k + 1, 2))


def pairings(cov: np.ndarray) -> float:
    """Sum over all perfect matchings of the product of covariances."""
    size = len(cov)
    matchings = {frozenset(frozenset(p[i : i + 2]) for i in range(0, size, 2)) for p in permutations(range(size))}
    return sum(np.prod([cov[tuple(pair)] for pair in matching]) for matching in matchings)


@pytest.mark.parametrize("k", [1, 2, 7, 16, 40])
def test_powers(k):
    mean, variance = 0.3, 0.7
    found = wick([np.array([mean])] * k, np.full((k, k, 1), variance))
    assert found == pytest.approx(power(mean, variance, k), rel=1e-13)


def test_different_factors_against_pairings():
    a = np.random.default_rng(3).normal(size=(6, 9))
    cov = a @ a.T
    assert wick([np.zeros(1)] * 6, cov[:, :, None]) == pytest.approx(pairings(cov), rel=1e-12)
    alike = cov[np.ix_([0, 0, 1, 1, 1, 2], [0, 0, 1, 1, 1, 2])]
    assert wick([np.zeros(1)] * 6, alike[:, :, None]) == pytest.approx(pairings(alike), rel=1e-12)


def test_equal_variances_are_not_equal_variables():
    cov = np.array([[0.7, 0.2], [0.2, 0.7]])
    assert wick([np.zeros(1)] * 2, cov[:, :, None]) == pytest.approx(0.2)
    assert wick([np.array([1.0]), np.array([2.0])], np.full((2, 2, 1), 0.7)) == pytest.approx(2.7)


def test_a_high_power_in_a_program_is_exact_and_quick():
    prog = tp.Program("squares")
    y = prog.vector("x", mean=0.3, variance=0.7)
    for _ in range(4):
        y = y * y
    lim = tp.limit(prog)
    assert lim.mean(y) == pytest.approx(power(0.3, 0.7, 16), rel=1e-12) and lim.method(y) == "exact"
    assert lim.cov(y) == pytest.approx(power(0.3, 0.7, 32) - power(0.3, 0.7, 16) ** 2, rel=1e-12)


def test_many_different_factors_are_left_to_particles():
    with pytest.raises(Beyond, match="16,384 of them, for 14 Gaussian factors"):
        wick([np.zeros(1)] * 14, (np.eye(14) + 0.1)[:, :, None])
