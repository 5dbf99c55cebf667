"""The laws of sums: moments by another route, distribution functions against closed ones, rates of the distance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

import tpcore as tp
from tpcore import sums
from tpcore.errors import Misuse

SMOOTH = [("uniform", 3.0), ("exponential", 3.0), ("mixture", 3.0), ("student", 2.5), ("student", 9.5)]


@pytest.mark.parametrize(("kind", "nu"), [*SMOOTH, ("coin", 3.0), ("die", 3.0)])
def test_moments_of_a_term_by_integration(kind, nu):
    law = sums.terms(kind, nu)
    for k in (0, 1, 2, 3, 4, 6, 8):
        if kind == "student" and k >= nu - 0.4:
            continue
        if law.step:
            value = float(((law.values - law.mean) ** k) @ law.weights)
        else:
            low = {"uniform": 0.0, "exponential": 0.0}.get(kind, -np.inf)
            high = 1.0 if kind == "uniform" else np.inf
            value = integrate.quad(lambda x, k=k: (x - law.mean) ** k * law.pdf(x), low, high, limit=400)[0]
        assert law.moment(k) == pytest.approx(value, rel=1e-6, abs=1e-7), k
    assert law.variance == pytest.approx(law.moment(2)) if law.moment(2) < math.inf else law.variance == math.inf


@pytest.mark.parametrize("kind", ["uniform", "exponential", "mixture", "student"])
def test_absolute_third_moments(kind):
    law = sums.terms(kind, 5.5)
    low, high = {"uniform": (0.0, 1.0), "exponential": (0.0, np.inf)}.get(kind, (-np.inf, np.inf))
    sides = [integrate.quad(lambda x: abs(x - law.mean) ** 3 * law.pdf(x), a, b, limit=400)[0]
             for a, b in ((low, law.mean), (law.mean, high))]  # fmt: skip
    assert law.absolute_third() == pytest.approx(sum(sides), rel=1e-7)
    assert math.isinf(sums.terms("student", 3.0).absolute_third())


@pytest.mark.parametrize(("kind", "nu"), [*SMOOTH, ("coin", 3.0), ("die", 3.0), ("cauchy", 3.0)])
def test_characteristic_functions_by_integration(kind, nu):
    law = sums.terms(kind, nu)
    if law.step:
        pairs = [(t, np.exp(1j * t * (law.values - law.mean)) @ law.weights) for t in (0.3, 1.7)]
    else:
        line = np.tan(np.linspace(-np.pi / 2, np.pi / 2, 400_001)[1:-1])
        x = np.linspace(0, 1, 100_001) if kind == "uniform" else line
        pairs = [(t, np.trapezoid(law.pdf(x) * np.exp(1j * t * (x - law.centre)), x)) for t in (0.3, 1.7)]
    for t, value in pairs:
        assert abs(np.exp(law.log_cf(np.array([t])))[0] - value) < 5e-5


@pytest.mark.parametrize(("kind", "n"), [("coin", 7), ("exponential", 3), ("die", 4), ("uniform", 5), ("mixture", 2)])
def test_moments_of_a_sum_by_convolution(kind, n):
    """The law of the sum on a grid or a lattice, term after term."""
    law = sums.terms(kind)
    if law.step:
        values, weights = law.values, law.weights
        for _ in range(n - 1):
            weights = np.convolve(weights, law.weights)
        places = n * law.values[0] + np.arange(len(weights)) * law.step
    else:
        step = {"uniform": 1 / 4000, "exponential": 0.004, "mixture": 0.01}[kind]
        values = np.arange(0 if kind != "mixture" else -900, 4000 if kind == "uniform" else 10_000) * step + step / 2
        weights = one = law.pdf(values) * step
        for _ in range(n - 1):
            weights = np.convolve(weights, one)
        places = n * values[0] + np.arange(len(weights)) * step
    z = (places - n * law.mean) / (law.scale * n**0.5)
    orders = (1, 2, 3, 4, 6)
    found = [weights @ z**k for k in orders]
    assert np.allclose(sums.standard_moments(kind, n, orders), found, rtol=3e-4, atol=3e-4)


def test_moments_tend_to_the_double_factorials_at_the_known_rate():
    assert [sums.double_factorial(k) for k in range(9)] == [1, 0, 1, 0, 3, 0, 15, 0, 105]
    gaps = [sums.standard_moments("exponential", n, (4,))[0] - 3 for n in (10, 1000)]
    assert gaps == pytest.approx([6 / 10, 6 / 1000])
    skew = [sums.standard_moments("exponential", n, (3,))[0] for n in (10, 1000)]
    assert skew == pytest.approx([2 / 10**0.5, 2 / 1000**0.5])
    assert np.isinf(sums.standard_moments("student", 10, (4,), nu=3.5)[0])
    assert np.isnan(sums.standard_moments("student", 10, (5,), nu=3.5)[0])


@pytest.mark.parametrize("n", [1, 3, 12, 13, 40, 5000])
def test_distribution_functions_against_closed_ones(n):
    x = np.linspace(-3.3, 3.3, 41)
    heads = stats.binom.cdf(np.floor(n / 2 + x * n**0.5 / 2 + 1e-9), n, 0.5)
    assert np.abs(sums.cdf("coin", n, x) - heads).max() < 1e-9
    law, z = sums.terms("mixture"), None
    z = n * law.mean + x * law.scale * n**0.5
    k = np.arange(n + 1)
    weights = stats.binom.pmf(k, n, 0.1)
    mixed = special.ndtr((z[:, None] - 5 * k) / n**0.5) @ weights
    assert np.abs(sums.cdf("mixture", n, x) - mixed).max() < 1e-9


def test_the_two_ways_of_a_uniform_sum_and_of_a_gamma_sum_agree():
    from tpcore.sums.distance import _beyond_normal, _inverted

    x = np.linspace(-4, 4, 33)
    law, gamma = sums.terms("uniform"), sums.terms("exponential")
    assert np.abs(_beyond_normal(law, 12, x, 3.0) - _inverted(law, 12, x)).max() < 1e-8
    assert np.abs(_beyond_normal(gamma, 60, x, 3.0) - _inverted(gamma, 60, x)).max() < 1e-8


def test_student_sums_of_two_by_convolution():
    nu, x = 3.0, np.linspace(-2.5, 2.5, 11)
    law = stats.t(nu)
    z = x * (3.0 * 2) ** 0.5
    two = [integrate.quad(lambda y, a=a: law.pdf(y) * law.cdf(a - y), -np.inf, np.inf, limit=400)[0] for a in z]
    assert np.abs(sums.cdf("student", 2, x, nu=nu) - two).max() < 1e-7


@pytest.mark.parametrize(("kind", "factor"), [
    ("coin", 1 / math.sqrt(2 * math.pi)),  # half a jump of the lattice: Esseen 1945
    ("die", 1 / (2 * math.sqrt(2 * math.pi * 35 / 12))),
    ("exponential", 2 / (6 * math.sqrt(2 * math.pi))),  # skewness / (6 sqrt(2 pi)): the first Edgeworth term
])  # fmt: skip
def test_the_distance_has_the_constant_of_its_expansion(kind, factor):
    assert sums.distance(kind, 10_000) * 100 == pytest.approx(factor, rel=0.02)


@pytest.mark.parametrize(("kind", "nu"), [*SMOOTH, ("coin", 3.0), ("die", 3.0), ("student", 3.0), ("student", 7.0)])
def test_the_distance_falls_at_the_rate_that_is_told(kind, nu):
    counts = [4096, 16_384, 65_536]
    found = tp.agreement.slope(counts, [sums.distance(kind, n, nu) for n in counts]).slope
    assert found == pytest.approx(sums.terms(kind, nu).rate, abs=0.03)


@pytest.mark.parametrize(("kind", "nu"), [*SMOOTH[:3], ("coin", 3.0), ("die", 3.0), ("student", 4.5)])
def test_berry_and_esseen_hold(kind, nu):
    for n in (1, 2, 9, 1000):
        assert 0 < sums.distance(kind, n, nu) <= sums.bound(kind, n, nu)
    assert math.isinf(sums.bound("student", 9, 2.5))


def test_draws_are_as_far_from_the_normal_as_their_law():
    z = np.sort((sums.draw("exponential", 9, 100_000, seed=1) - 9) / 3)
    gap = np.abs(special.ndtr(z) - np.arange(1, 100_001) / 100_000).max()
    assert gap == pytest.approx(sums.distance("exponential", 9), abs=3 / 100_000**0.5)


@pytest.mark.parametrize("call", [lambda: sums.distance("cauchy", 3), lambda: sums.cdf("student", 3, [0.0], nu=2.0),
                                  lambda: sums.standard_moments("cauchy", 3), lambda: sums.bound("student", 3, nu=1.5)])
def test_without_a_variance_there_is_no_normal_to_be_near(call):
    with pytest.raises(Misuse, match="variance"):
        call()
