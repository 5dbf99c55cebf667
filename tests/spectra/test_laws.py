"""The interface of laws, and the semicircle against quadrature, mpmath and reference values."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from tpcore.errors import Misuse
from tpcore.spectra.laws import (
    Law,
    PointMass,
    Semicircle,
    circular,
    discrete,
    marchenko_pastur,
    semicircle,
    singular_values,
)
from tpcore.spectra.modulus import modulus
from tpcore.spectra.pairings import catalan

SCALES = [1.0, 0.37, 2.6]
# Density at variance 1 by 30-digit arithmetic: independent reference values, set H.
DENSITY = {
    -1.9: 0.0993922301044097,
    -1.2: 0.25464790894703254,
    0.0: 0.3183098861837907,
    0.8: 0.2917358295779998,
    2.1: 0.0,
}
CATALAN = [1, 1, 2, 5, 14, 42, 132, 429, 1430, 4862, 16796]


class Arcsine(Law):
    """Density 1 / (pi sqrt(x (1 - x))) on [0, 1], mixed with an atom at 0: a law of the test's own."""

    name, support, atoms = "arcsine with an atom", (0.0, 1.0), ((0.0, 0.25),)

    def pdf(self, x):
        return 0.75 / (np.pi * np.sqrt(x * (1 - x)))

    def cdf(self, x):
        x = np.asarray(x, float)
        return np.where(x < 0, 0.0, 0.25 + 0.75 * 2 / np.pi * np.arcsin(np.sqrt(np.clip(x, 0, 1))))


def test_density_equals_the_reference_values():
    law = semicircle()
    assert np.allclose(law.pdf(np.array(list(DENSITY))), list(DENSITY.values()), rtol=1e-12, atol=1e-15)


def test_the_whole_reference_table(reference):
    data = reference("H_random_matrices.npz")
    law = semicircle()
    assert np.allclose(law.pdf(data["semicircle_x"]), data["semicircle_density"], atol=1e-8)
    assert np.allclose([law.moment(k) for k in range(21)], data["semicircle_moments_0_20"], rtol=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_density_integrates_to_the_distribution_function(scale):
    law = semicircle(scale)
    for x in scale * np.array([-1.99, -0.7, 0.0, 1.1, 2.0]):
        mass, _ = integrate.quad(law.pdf, law.support[0], x, epsabs=1e-13, limit=200)
        assert abs(mass - law.cdf(x)) < 1e-9
    assert law.cdf(law.support[0]) == 0 and law.cdf(law.support[1]) == 1
    assert law.cdf(-1e300) == 0 and law.cdf(np.inf) == 1 and law.pdf(9.0 * scale) == 0


@pytest.mark.parametrize("scale", SCALES)
def test_closed_moments_equal_integrals(scale):
    law = semicircle(scale)
    for k in range(13):
        integral = Law.moment(law, k)
        assert abs(law.moment(k) - integral) < 1e-12 * max(1.0, (2 * scale) ** k)
        assert law.moment(k) == pytest.approx(0 if k % 2 else CATALAN[k // 2] * scale**k, rel=1e-14)


def test_moments_of_high_order_do_not_overflow_before_floats_do():
    assert semicircle(0.5).moment(4000) == pytest.approx(
        float(mpmath.mpf(catalan(2000)) * mpmath.mpf(0.5) ** 4000), rel=1e-14
    )
    assert semicircle(4.0).moment(4000) == np.inf


@pytest.mark.parametrize("scale", SCALES)
def test_quantile_inverts_the_distribution_function(scale):
    law = semicircle(scale)
    p = np.concatenate([[0, 1e-300, 1e-15, 1e-8], np.linspace(0.001, 0.999, 333), [0.5, 1 - 1e-9, 1]])
    x = law.quantile(p)
    assert np.all(np.diff(x[:-3]) >= 0) and x[0] == law.support[0] and x[-1] == law.support[1]
    rounding = np.spacing(law.support[1]) * law.pdf(x) + 1e-22  # of x itself, near the edge -2 s
    assert np.all(np.abs(law.cdf(x) - p) <= 1e-14 * p + rounding)
    inner = scale * np.array([-1.999, -1.0, 0.0, 0.3, 1.9])
    assert np.allclose(law.quantile(law.cdf(inner)), inner, rtol=1e-12, atol=1e-14)


def test_the_lower_tail_keeps_its_digits():
    with mpmath.workdps(40):
        for gap in (0.5, 0.26, 0.24, 0.2, 0.1, 2.0**-10, 2.0**-20, 2.0**-40):
            x = -2 + gap
            theta = mpmath.acos(-mpmath.mpf(x) / 2)
            exact = (theta - mpmath.sin(theta) * mpmath.cos(theta)) / mpmath.pi
            assert abs(semicircle().cdf(x) / exact - 1) < 4e-15
            assert abs(semicircle().cdf(-x) - (1 - exact)) < 3e-16


@pytest.mark.parametrize("law", [semicircle(1.4), Arcsine()], ids=["semicircle", "defaults"])
def test_samples_follow_the_law(law):
    x = law.sample(40_000, seed=3)
    grid = np.linspace(*law.support, 200)[1:]
    empirical = np.searchsorted(np.sort(x), grid, side="right") / x.size
    assert np.abs(empirical - law.cdf(grid)).max() < 1.95 / np.sqrt(x.size)  # KS, p = 0.001
    assert np.array_equal(x, law.sample(40_000, seed=3)) and law.sample((3, 2)).shape == (3, 2)
    z = (np.mean(x**2) - law.moment(2)) / np.sqrt((law.moment(4) - law.moment(2) ** 2) / x.size)
    assert abs(z) < 4


def test_semicircle_samples_pass_kolmogorov_smirnov():
    law = semicircle(0.8)
    assert stats.kstest(law.sample(20_000, seed=1), law.cdf).pvalue > 0.01
    assert stats.kstest(law.sample(20_000, seed=1), semicircle(0.84).cdf).pvalue < 1e-4


def test_defaults_of_a_new_law():
    law = Arcsine()
    assert law.moment(0) == pytest.approx(1, abs=1e-9)
    assert law.moment(3) == pytest.approx(0.75 * 5 / 16, abs=1e-9)  # binom(6, 3) / 4^3
    p = np.array([0.0, 0.1, 0.25, 0.4, 0.9, 1.0])
    exact = np.sin(np.pi / 2 * np.clip((p - 0.25) / 0.75, 0, 1)) ** 2
    assert np.allclose(law.quantile(p), exact, atol=1e-13)


def test_scale_zero_is_an_atom():
    law = semicircle(0)
    assert isinstance(law, PointMass) and law.atoms == ((0.0, 1.0),) and law.support == (0.0, 0.0)
    assert law.cdf(np.array([-1e-9, 0.0, 1.0])).tolist() == [0, 1, 1] and law.pdf(0.0) == 0
    assert [law.moment(k) for k in range(4)] == [1, 0, 0, 0]
    assert law.quantile(np.array([0.0, 0.3, 1.0])).tolist() == [0, 0, 0] and not law.sample(5).any()
    assert [PointMass(-1.5).moment(k) for k in range(3)] == [1, -1.5, 2.25]
    assert PointMass(-1.5).quantile(0.4) == -1.5


@pytest.mark.parametrize("scale", [-1, np.nan, np.inf, "wide", None])
def test_a_bad_scale_is_refused_in_words(scale):
    with pytest.raises(Misuse, match="scale of a semicircle must be"):
        semicircle(scale)


def test_misuse_of_the_methods():
    law = semicircle()
    for p in (-0.1, 1.1, np.nan):
        with pytest.raises(Misuse, match="between 0 and 1"):
            law.quantile(p)
    for k in (-1, 1.5):
        with pytest.raises(Misuse, match="order k of a moment"):
            law.moment(k)
    with pytest.raises(Misuse, match="real numbers"):
        law.pdf("here")
    for bad in (PointMass(1.0), law, singular_values(marchenko_pastur(0.5)), circular()):
        with pytest.raises(Misuse, match="evaluated at"):
            bad.pdf("here")
        for size in (-1, 2.5, "many", (3, -1), None):
            with pytest.raises(Misuse, match="size of a sample"):
                bad.sample(size)
        with pytest.raises(Misuse, match="seed"):
            bad.sample(3, seed=-1)
        with pytest.raises(Misuse, match="fit into"):
            bad.sample(10**12)
        assert bad.sample((2, 3)).shape == (2, 3) and bad.sample(0).shape == (0,)


def test_what_is_no_number_and_the_ends_of_the_line():
    with np.errstate(all="raise"):
        for law in (PointMass(1.3), discrete([1, 2], [0.3, 0.7]), modulus(1.3), singular_values(marchenko_pastur(3.0))):
            assert np.isnan(law.pdf(np.nan)) and np.isnan(law.cdf(np.nan))
            assert law.pdf([-np.inf, np.inf]).tolist() == [0, 0] and law.cdf([-np.inf, np.inf]).tolist() == [0, 1]
    law = circular(0.0)  # in the plane
    assert law.cdf([1j, 1 - 1j, 0]).tolist() == [1, 0, 1] and law.pdf(1j) == 0
    assert np.isnan(law.cdf(np.nan)) and law.moment(0, 0) == 1 and law.moment(1, 1) == 0


def test_shapes_and_extremes():
    law = semicircle(1e-300)
    assert law.pdf(0.0) > 1e299 and law.cdf(0.0) == 0.5
    law = Semicircle(1.0)
    assert np.ndim(law.pdf(0.5)) == 0 and law.pdf([[0.5, 1]]).shape == (1, 2)
    assert law.cdf(np.zeros((2, 0))).shape == (2, 0) and law.quantile(np.zeros((0,))).shape == (0,)
    assert law.pdf(np.inf) == law.pdf(-np.inf) == 0 and law.cdf(np.inf) == 1
    assert np.isnan(law.pdf(np.nan)) and np.isnan(law.cdf(np.nan))
    assert "semicircle" in repr(law) and "sqrt" in law.latex and "s^2" in Semicircle(2.0).latex
