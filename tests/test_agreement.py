"""Deviation, its fitted slope, z-scores: against plain formulas, simulated power laws and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import tpcore as tp
from tpcore import agreement
from tpcore.errors import Misuse


def test_deviation_is_the_frobenius_ratio():
    rng = np.random.default_rng(1)
    limit, draws = rng.standard_normal((3, 3)), rng.standard_normal((4, 2, 3, 3))
    found = agreement.deviation(draws, limit)
    assert found.shape == (4, 2)
    expected = np.linalg.norm(draws[2, 1] - limit, "fro") / np.linalg.norm(limit, "fro")
    assert found[2, 1] == pytest.approx(expected, rel=1e-14)
    assert agreement.deviation(limit, limit) == 0.0
    assert agreement.deviation(1.5 * limit, limit) == pytest.approx(0.5)
    np.testing.assert_allclose(agreement.deviation(np.array([2.0, 5.0]), 4.0), [0.5, 0.25])


@pytest.mark.parametrize(
    ("finite", "limit"), [(np.ones((3, 2)), np.ones((3, 3))), (np.ones(3), np.zeros(3)), ([np.nan], [1.0])]
)
def test_deviation_refuses(finite, limit):
    with pytest.raises(Misuse):
        agreement.deviation(finite, limit)


def test_slope_of_an_exact_power_law():
    widths = np.array([64, 256, 1024, 4096])
    fit = agreement.slope(widths, 3.0 * widths**-0.5)
    assert fit.slope == pytest.approx(-0.5, abs=1e-12)
    assert np.exp(fit.intercept) == pytest.approx(3.0)
    assert fit.stderr < 1e-12 and fit.low <= fit.slope <= fit.high
    np.testing.assert_allclose(fit.line([100, 10_000]), [0.3, 0.03])


def test_slope_agrees_with_linregress():
    rng = np.random.default_rng(2)
    widths = np.array([50, 120, 300, 900, 2500])
    deviations = widths[:, None] ** -0.4 * np.exp(0.3 * rng.standard_normal((5, 7)))
    fit = agreement.slope(widths, deviations, confidence=0.9)
    other = stats.linregress(np.log(np.repeat(widths, 7)), np.log(deviations).ravel())
    assert fit.slope == pytest.approx(other.slope) and fit.stderr == pytest.approx(other.stderr)
    assert fit.intercept == pytest.approx(other.intercept)
    quantile = stats.t.ppf(0.95, 33)
    assert fit.high - fit.slope == pytest.approx(quantile * other.stderr)
    low, high = fit.band([1.0])
    assert np.log(high[0]) - fit.intercept == pytest.approx(quantile * other.intercept_stderr)
    assert low[0] < fit.line([1.0])[0] < high[0]
    np.testing.assert_allclose(fit.deviations, np.exp(np.log(deviations).mean(axis=1)))


@pytest.mark.parametrize("draws", [1, 12])
def test_the_interval_covers_as_often_as_it_says(draws):
    rng, widths, hits = np.random.default_rng(3), np.array([64, 256, 1024, 4096]), 0
    for _ in range(400):
        noise = np.exp(0.2 * rng.standard_normal((4, draws)))
        fit = agreement.slope(widths, widths[:, None] ** -0.5 * noise, confidence=0.8)
        hits += fit.low <= -0.5 <= fit.high
    assert abs(hits - 320) < 4 * np.sqrt(400 * 0.8 * 0.2)


def test_rows_of_draws_may_differ_in_length_and_two_points_leave_no_error():
    fit = agreement.slope([10, 1000], [[1.0, 1.0], [0.1]])
    assert fit.slope == pytest.approx(-0.5)
    bare = agreement.slope([10, 1000], [1.0, 0.1])
    assert bare.slope == pytest.approx(-0.5) and bare.stderr == np.inf
    assert bare.low == -np.inf and bare.high == np.inf
    low, high = bare.band([100])
    assert low[0] == 0 and high[0] == np.inf


@pytest.mark.parametrize(
    ("widths", "deviations", "word"),
    [
        ([64], [0.1], "2 different widths"),
        ([64, 64], [0.1, 0.2], "2 different widths"),
        ([64, 128], [0.1, 0.0], "positive"),
        ([64, 128], [0.1, -0.1], "positive"),
        ([64, -128], [0.1, 0.1], "positive"),
        ([64, 128], [0.1, 0.1, 0.1], "for each width"),
        ([64, 128], [[[0.1]], [[0.1]]], "one axis"),
        ([64, 128], [0.1, np.nan], "finite"),
    ],
)
def test_slope_refuses_in_words(widths, deviations, word):
    with pytest.raises(Misuse, match=word):
        agreement.slope(widths, deviations)


def test_zscores_are_t_statistics():
    samples = np.random.default_rng(4).normal(0.3, 2.0, (50, 2, 3))
    found = agreement.zscores(samples, np.full((2, 3), 0.1))
    np.testing.assert_allclose(found, stats.ttest_1samp(samples, 0.1, axis=0).statistic, rtol=1e-12)
    assert isinstance(agreement.zscores(samples[:, 0, 0], 0.1), float)


def test_zscores_of_constant_draws():
    constant = np.full((10, 3), 0.1)
    np.testing.assert_array_equal(agreement.zscores(constant, [0.1, 0.0, 0.2]), [0.0, np.inf, -np.inf])


@pytest.mark.parametrize(("samples", "limit"), [([1.0], 1.0), (np.ones((5, 2)), np.ones(3)), (1.0, 1.0)])
def test_zscores_refuse(samples, limit):
    with pytest.raises(Misuse):
        agreement.zscores(samples, limit)


def two_layers():
    prog = tp.Program("two layers")
    x, y = prog.vectors("x y", mean=[0.3, 0.0], cov=[[1.4, 0.5], [0.5, 0.8]])
    h = prog.matrix("W1", variance=1.9) @ tp.relu(tp.stack([x, y]))
    a = tp.relu(prog.matrix("W2", variance=2.1) @ tp.relu(h))
    prog.name("gram", tp.inner(a, a))
    prog.name("odd", tp.moment(tp.inner(x, y) * h))
    prog.output("f", prog.vector("v", variance=1.3), a, bias_variance=0.2)
    prog.output("g", prog.vector("u"), h)
    return prog


def test_both_meanings_of_a_program_agree():
    """Deviations fall like n^(-1/2), means and output kernels lie within the draws' error of the limit's."""
    found = agreement.compare(two_layers(), [2048, 256, 512, 1024, 4096], draws=50, seed=3)
    assert found.widths.tolist() == [256, 512, 1024, 2048, 4096]
    fit = found.slopes["gram"]
    assert found.scalars["gram"].shape == (5, 50)
    assert fit.low < -0.5 < fit.high and fit.stderr < 0.08
    assert np.abs(found.means["gram"][-1]).max() < 4 and np.abs(found.means["odd"][0]).max() < 4
    assert "odd" not in found.scalars and not np.any(found.limits["odd"])
    assert [k.shape for k in found.kernel] == [(4, 4)] * 5
    assert max(np.abs(k).max() for k in found.kernel) < 4.5
    assert found.limits["kernel"][0, 0] == pytest.approx(1.3 * found.limits["gram"][0, 0] + 0.2, rel=1e-9)
    assert "slope -0." in str(found) and "|z|" in str(found)


def test_a_wrong_limit_is_seen():
    """The same ensembles against a kernel that is 10 % off: the deviation stops falling, the z-scores grow."""
    prog = two_layers()
    gram = tp.limit(prog).scalar("gram")
    draws = [tp.ensemble(prog, n, 30, seed=n).scalars["gram"] for n in (256, 4096, 65_536)]
    wrong = agreement.slope([256, 4096, 65_536], [agreement.deviation(d, 1.1 * gram) for d in draws])
    assert wrong.low > -0.45
    assert np.abs(agreement.zscores(draws[-1], 1.1 * gram)).min() > 10


def test_compare_refuses_one_width():
    with pytest.raises(Misuse, match="two different widths"):
        agreement.compare(two_layers(), [100, 100])
