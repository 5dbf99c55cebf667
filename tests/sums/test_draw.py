"""Draws of sums: against terms drawn one by one, closed laws, exact variances; one seed on any threads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tpcore import sums
from tpcore.compute.tiles import get_threads, set_threads
from tpcore.errors import BudgetError, Misuse
from tpcore.sums import student

ONE_BY_ONE = {  # a term as NumPy draws it
    "coin": lambda rng, size, nu: rng.integers(0, 2, size),
    "die": lambda rng, size, nu: rng.integers(1, 7, size),
    "uniform": lambda rng, size, nu: rng.random(size),
    "exponential": lambda rng, size, nu: rng.exponential(size=size),
    "mixture": lambda rng, size, nu: rng.standard_normal(size) + 5 * (rng.random(size) < 0.1),
    "student": lambda rng, size, nu: rng.standard_t(nu, size),
    "cauchy": lambda rng, size, nu: rng.standard_cauchy(size),
}
CLOSED = {  # the law of a sum of n terms
    "coin": lambda n: stats.binom(n, 0.5).cdf, "exponential": lambda n: stats.gamma(n).cdf,
    "cauchy": lambda n: stats.cauchy(0, n).cdf,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "nu"), [*((kind, 3.0) for kind in ONE_BY_ONE), ("student", 1.5), ("student", 7.0)])
@pytest.mark.parametrize("n", [5, 45])
def test_a_sum_has_the_law_of_its_terms_added(kind, nu, n):
    added = ONE_BY_ONE[kind](np.random.default_rng(1), (20_000, n), nu).sum(axis=1)
    drawn = sums.draw(kind, n, 20_000, seed=2, nu=nu)
    assert stats.ks_2samp(added, drawn).pvalue > 1e-3


@pytest.mark.parametrize("kind", CLOSED)
def test_a_million_terms_have_the_closed_law(kind):
    drawn = sums.draw(kind, 10**6, 20_000, seed=5)
    assert stats.kstest(drawn, CLOSED[kind](10**6)).statistic < 1.95 / 20_000**0.5


@pytest.mark.parametrize("kind", ["die", "uniform", "mixture", "student"])
def test_a_million_terms_have_their_mean_and_variance(kind):
    law = sums.terms(kind, 5.0)
    z = (sums.draw(kind, 10**6, 20_000, seed=4, nu=5.0) - 10**6 * law.mean) / (law.scale * 1000)
    assert abs(z.mean()) * 20_000**0.5 < 4 and abs((z**2).mean() - 1) < 4 * (2 / 20_000) ** 0.5


def test_the_tables_of_student_are_those_of_cauchy_at_one_degree_of_freedom():
    for level in (0, 5, 17):
        spread, survival, x = student.tables(1.0, 40.0)[level]
        exact = 0.5 - np.arctan(x * spread / 2.0 ** (student.LOW + level)) / np.pi
        assert np.abs(survival - exact).max() < 1e-8


@pytest.mark.parametrize("nu", [1.3, 2.0, 30.0])
def test_a_million_terms_of_any_student_are_finite_and_symmetric(nu):
    drawn = sums.draw("student", 10**6, 20_000, seed=2, nu=nu)
    assert np.isfinite(drawn).all() and abs((drawn > 0).mean() - 0.5) * 20_000**0.5 < 2
    if nu > 2:
        assert stats.kstest(drawn / (10**6 * nu / (nu - 2)) ** 0.5, "norm").pvalue > 1e-3


@pytest.mark.parametrize("nu", [1.5, 2.5, 4.0])
def test_a_block_of_student_follows_its_tail_beyond_the_table(nu):
    rng = np.random.default_rng(0)
    blocks = student.sums(rng, np.full(400_000, 8), nu)
    far = np.quantile(np.abs(rng.standard_t(nu, (400_000, 8)).sum(axis=1)), 0.9998)
    assert 40 < (np.abs(blocks) > far).sum() < 130  # 80 expected, 160 variance of the comparison


@pytest.mark.parametrize("kind", sums.KINDS)
def test_growing_sums_have_the_law_of_each_count_and_independent_increments(kind):
    counts = [1, 2, 7, 60]
    paths = sums.running(kind, counts, 8000, seed=3, nu=4.5)
    for k, n in enumerate(counts):
        assert stats.ks_2samp(paths[:, k], sums.draw(kind, n, 8000, seed=9, nu=4.5)).pvalue > 1e-3
    steps = np.argsort(np.argsort(np.diff(paths, axis=1), axis=0), axis=0)
    assert abs(np.corrcoef(steps[:, 1], steps[:, 2])[0, 1]) < 4 / 8000**0.5


@pytest.mark.parametrize(("kind", "rho"), [("coin", 0.3), ("exponential", 0.07), ("mixture", 0.6), ("student", 0.3)])
def test_terms_that_copy_a_leader_leave_the_variance_that_is_predicted(kind, rho):
    nu, n, draws = 9.0, 40, 40_000
    law = sums.terms(kind, nu)
    means = sums.draw(kind, n, draws, seed=6, nu=nu, correlation=rho) / n
    squares = (means - law.mean) ** 2
    assert abs(squares.mean() - sums.variance_of_mean(kind, n, nu, rho)) < 4 * squares.std() / draws**0.5
    two = np.diff(sums.running(kind, [1, 2], draws, seed=1, nu=nu, correlation=rho), prepend=0, axis=1) - law.mean
    product = two.prod(axis=1)
    assert abs(product.mean() - rho * law.variance) < 4 * product.std() / draws**0.5
    assert sums.variance_of_mean(kind, np.inf, nu, rho) == pytest.approx(rho * law.variance)
    assert sums.variance_of_mean(kind, 1, nu, rho) == pytest.approx(law.variance), "one term, copied or not"


def test_with_a_leader_the_mean_tends_to_a_smaller_copy_of_one_term():
    means = sums.draw("exponential", 10**6, 20_000, seed=8, correlation=0.25) / 10**6
    assert stats.kstest(2 * means - 1, "expon").pvalue > 1e-3
    cauchy = sums.draw("cauchy", 500, 20_000, seed=8, correlation=0.25) / 500
    assert stats.kstest(cauchy, "cauchy").pvalue > 1e-3, "Cauchy again, copied or not"


def test_correlation_one_is_one_term_and_zero_draws_no_leader():
    assert set(sums.draw("die", 9, 100, correlation=1.0) / 9) <= set(range(1, 7))
    assert np.array_equal(sums.draw("die", 9, 100, seed=1), sums.draw("die", 9, 100, seed=1, correlation=0.0))


def test_the_same_seed_gives_the_same_numbers_on_any_number_of_threads():
    before, found = get_threads(), []
    try:
        for count in (1, 3):
            set_threads(count)
            drawn = sums.draw("uniform", 77, 40_000, seed=4, correlation=0.2)
            found.append((drawn, sums.running("student", [3, 50], 40_000)))
    finally:
        set_threads(before)
    assert all(np.array_equal(a, b) for a, b in zip(*found))


@pytest.mark.parametrize(("call", "words"), [
    (lambda: sums.draw("coins", 3), "Did you mean 'coin'"), (lambda: sums.draw("coin", 0), "at least 1"),
    (lambda: sums.draw("coin", 10**6 + 1), "1,000,000"), (lambda: sums.draw("coin", 3, correlation=-0.1), "at least 0"),
    (lambda: sums.draw("student", 3, nu=0.5), "at least 1"), (lambda: sums.terms("student", 31), "at most 30"),
    (lambda: sums.variance_of_mean("coin", np.ones(2)), "whole number"),
    (lambda: sums.draw("coin", 3, seed=-1), "seed"),
    (lambda: sums.running("coin", [3, 3]), "must rise"), (lambda: sums.running("coin", []), "one axis"),
    (lambda: sums.running("coin", [0.5]), "whole number"), (lambda: sums.draw("coin", float("nan")), "whole number"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(call, words):
    with pytest.raises(Misuse, match=words):
        call()


def test_too_many_draws_name_what_fits():
    with pytest.raises(BudgetError) as refusal:
        sums.draw("coin", 10, 10**9)
    assert refusal.value.fits == 10**7
