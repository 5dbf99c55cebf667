"""Free sums and products: closed convolutions, sampled matrices, atoms, bands, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.spectra.every_law import check_law, distance
from tpcore.errors import Misuse
from tpcore.spectra.laws import (
    Law,
    PointMass,
    Root,
    circular,
    discrete,
    free_product,
    free_sum,
    goe,
    marchenko_pastur,
    product,
    semicircle,
)

X = np.linspace(-4, 8, 241)
COIN = discrete([-1.0, 1.0])


def test_sums_that_stay_in_a_family():
    two = free_sum(semicircle(0.6), semicircle(0.8))
    assert np.abs(two.cdf(X) - semicircle(1).cdf(X)).max() < 1e-12
    assert np.abs(two.pdf(X) - semicircle(1).pdf(X)).max() < 1e-9
    poisson = free_sum(marchenko_pastur(0.5), marchenko_pastur(0.5))
    assert np.abs(poisson.cdf(X) - marchenko_pastur(0.25, np.sqrt(2)).cdf(X)).max() < 1e-11
    assert poisson.bands[0] == pytest.approx((0.5, 4.5), rel=1e-10)
    moved = free_sum(semicircle(0.7), discrete([1.5]))
    assert np.abs(moved.cdf(X) - semicircle(0.7).cdf(X - 1.5)).max() < 1e-12


def test_two_coins_are_the_arcsine_law():
    law = free_sum(COIN, COIN)
    x = np.array([-1.99, -1.2, 0.0, 0.3, 1.7])
    assert np.allclose(law.cdf(x), 0.5 + np.arcsin(x / 2) / np.pi, atol=1e-10)
    assert np.allclose(law.pdf(x), 1 / (np.pi * np.sqrt(4 - x * x)), rtol=1e-7)
    assert law.support == pytest.approx((-2, 2), abs=1e-9) and law.moment(4) == pytest.approx(6, rel=1e-9)


def test_products_that_are_known():
    x = np.array([0.02, 0.4, 1.3, 3.9, 6.7])
    law = free_product(marchenko_pastur(1), marchenko_pastur(1, 1.1))
    assert np.abs(law.cdf(x) - product(2).cdf(x / 1.21)).max() < 1e-9
    assert np.allclose(law.pdf(x), product(2).pdf(x / 1.21) / 1.21, rtol=1e-7)
    assert law.support[1] == pytest.approx(6.75 * 1.21, rel=1e-12)
    projections = free_product(discrete([0.0, 1.0]), discrete([0.0, 1.0]))
    y = np.array([1e-6, 0.03, 0.5, 0.97, 0.99999])
    assert np.allclose(projections.cdf(y), 0.5 + np.arcsin(np.sqrt(y)) / np.pi, atol=1e-9)
    assert projections.atoms == ((0.0, 0.5),)


def test_moments_by_integration_equal_free_formulas():
    # free cumulants add, those of Marchenko-Pastur are y^(k-1) s^(2k)
    y, s2, t2 = 0.6, 1.3, 0.49
    law = free_sum(semicircle(0.7), marchenko_pastur(y, np.sqrt(s2)))
    k1, k2, k3, k4 = s2, y * s2**2 + t2, y**2 * s2**3, y**3 * s2**4
    expected = [k1, k2 + k1**2, k3 + 3 * k2 * k1 + k1**3, k4 + 4 * k3 * k1 + 2 * k2**2 + 6 * k2 * k1**2 + k1**4]
    assert [law.moment(k) for k in (1, 2, 3, 4)] == pytest.approx(expected, rel=1e-10)
    # E tr (ab)^2 = m2(a) m1(b)^2 + m1(a)^2 m2(b) - m1(a)^2 m1(b)^2
    a, b = discrete([0.5, 2.0, 3.0], [1, 2, 1]), product(2)
    law = free_product(a, b)
    m = [a.moment(1), a.moment(2), b.moment(1), b.moment(2)]
    assert law.moment(1) == pytest.approx(m[0] * m[2], rel=1e-9)
    assert law.moment(2) == pytest.approx(m[1] * m[2] ** 2 + m[0] ** 2 * m[3] - m[0] ** 2 * m[2] ** 2, rel=1e-9)


LAWS = {
    "semicircle + coin": lambda: free_sum(semicircle(0.4), COIN),
    "discrete sum": lambda: free_sum(discrete([0, 1], [0.8, 0.2]), discrete([0, 1, 2], [0.3, 0.4, 0.3])),
    "two ratios": lambda: free_product(marchenko_pastur(0.5), marchenko_pastur(2)),
    "three bands": lambda: free_product(discrete([1, 10, 100]), marchenko_pastur(0.05)),
    "two projections": lambda: free_product(discrete([0, 1], [0.2, 0.8]), discrete([0, 1], [0.1, 0.9])),
}


@pytest.mark.parametrize("make", LAWS.values(), ids=LAWS)
def test_free_laws_are_laws(make):
    law = make()
    assert law.error < 1e-8
    check_law(law, tolerance=1e-7, mass=1e-8)


def test_bands_and_atoms():
    near, far = free_sum(semicircle(0.3), COIN), free_sum(semicircle(1.2), COIN)
    assert len(near.bands) == 2 and len(far.bands) == 1
    # edges of semicircle + coin, variance v: real critical points of z = w + v w / (w^2 - 1)
    v = 0.09
    roots = np.roots([1, 0, -2 - v, 0, 1 - v])
    edges = np.sort([w + v * w / (w * w - 1) for w in roots.real])
    assert np.allclose(np.sort(np.ravel(near.bands)), edges, atol=1e-9)
    law = free_sum(discrete([0, 1], [0.8, 0.2]), discrete([0, 1, 2], [0.3, 0.4, 0.3]))
    assert np.allclose(law.atoms, [(0, 0.1), (1, 0.2), (2, 0.1)])
    law = free_product(discrete([0, 1], [0.2, 0.8]), discrete([0, 3], [0.1, 0.9]))
    assert np.allclose(law.atoms, [(0, 0.2), (3, 0.7)]) and law.quantile(0.9) == pytest.approx(3)
    assert np.allclose(free_sum(marchenko_pastur(3), marchenko_pastur(2)).atoms, [(0, 1 / 6)])
    assert np.allclose(free_product(marchenko_pastur(3), marchenko_pastur(2)).atoms, [(0, 2 / 3)])


def test_sampled_matrices_follow_free_convolutions():
    rng, n = np.random.default_rng(0), 400
    G = rng.standard_normal((n, n))
    W, signs = (G + G.T) / np.sqrt(2 * n), np.repeat([-1.0, 1.0], n // 2)
    assert distance(np.linalg.eigvalsh(0.4 * W + np.diag(signs)), free_sum(semicircle(0.4), COIN)) < 0.012
    Q = stats.ortho_group.rvs(n, random_state=1)
    a, b = np.repeat([0.0, 1.0, 2.0], [120, 160, 120]), np.repeat([0.0, 1.0], [320, 80])
    values = np.linalg.eigvalsh(np.diag(a) + Q @ np.diag(b) @ Q.T)
    law = free_sum(discrete([0, 1], [0.8, 0.2]), discrete([0, 1, 2], [0.3, 0.4, 0.3]))
    rounded = np.where(np.abs(values - np.round(values)) < 1e-9, np.round(values), values)
    assert distance(rounded, law) < 0.012
    Z = rng.standard_normal((n, 2 * n))
    d = np.sqrt(np.repeat([1.0, 4.0], n // 2))
    values = np.linalg.eigvalsh(d[:, None] * (Z @ Z.T / (2 * n)) * d)
    law = free_product(discrete([1.0, 4.0]), marchenko_pastur(0.5))
    assert distance(values, law) < 0.012
    assert distance(values, free_product(discrete([1.0, 5.0]), marchenko_pastur(0.5))) > 0.03


def test_the_stated_error_bounds_a_quadrature():
    class Flat(Law):
        """A law of the test's own, that enters by its nodes."""

        name, support = "uniform", (0.0, 1.0)

        def pdf(self, x):
            return np.where((x >= 0) & (x <= 1), 1.0, 0.0)

        def cdf(self, x):
            return np.clip(x, 0.0, 1.0)

    law, wide = free_sum(Flat(), semicircle(0.04)), free_sum(Flat(), semicircle(0.3))
    assert wide.error < 1e-9 < law.error < 1e-2 and abs(law.moment(0) - 1) <= law.error
    assert wide.moment(2) == pytest.approx(1 / 3 + 0.09, rel=1e-8)


def test_roots_enter_on_a_path_below_the_line():
    for ratio in (0.6, 1.0, 3.0):
        law = free_sum(Root(marchenko_pastur(ratio)), semicircle(0.02))
        assert law.error < 1e-8 and law.moment(2) == pytest.approx(1 + 0.0004, rel=1e-8)


def test_known_laws_enter_without_a_loss():
    law = free_sum(product(2), semicircle(0.5))
    assert law.error < 1e-9 and law.moment(2) == pytest.approx(3.25, rel=1e-11)
    inner = free_product(marchenko_pastur(0.5), discrete([1.0, 3.0]))
    law = free_sum(inner, semicircle(0.3))
    assert law.error < 1e-6 and law.moment(2) == pytest.approx(inner.moment(2) + 0.09, rel=1e-7)


def test_trivial_and_nested_convolutions():
    assert free_sum(discrete([1.0]), discrete([2.5])).atoms == ((3.5, 1.0),)
    assert free_product(discrete([2.0]), discrete([2.5])).atoms == ((5.0, 1.0),)
    assert isinstance(free_product(marchenko_pastur(0.4), PointMass(0.0)), PointMass)
    law = marchenko_pastur(0.3)
    assert free_sum(law) is law and free_product(law) is law
    nested = free_product(free_product(marchenko_pastur(0.5), discrete([1, 2.0])), marchenko_pastur(0.3))
    flat = free_product(marchenko_pastur(0.5), discrete([1, 2.0]), marchenko_pastur(0.3))
    assert np.abs(nested.cdf(X) - flat.cdf(X)).max() < 1e-9


def test_refusals():
    with pytest.raises(Misuse, match="no mass below 0"):
        free_product(semicircle(), marchenko_pastur(1))
    with pytest.raises(Misuse, match="one law or more"):
        free_sum()
    for bad in (goe(3), circular(), "semicircle"):
        with pytest.raises(Misuse, match="laws on the line with bounded support"):
            free_sum(semicircle(), bad)


def test_quantiles_where_a_cell_of_the_table_ends():
    # the median, and what lies a thousandth of a cell from it
    p = np.array([0.5 - 1e-9, 0.5, 0.5 + 1e-9])
    law, known = free_sum(semicircle(0.6), semicircle(0.8)), semicircle()
    assert np.allclose(law.quantile(p), known.quantile(p), atol=1e-11)
    ends = law.cdf(law.pieces[0].line.x(np.arange(1, 64) / 64))
    assert np.abs(law.cdf(law.quantile(ends)) - ends).max() < 1e-12


@pytest.mark.parametrize("other", [marchenko_pastur(1e6), semicircle()])
def test_a_sum_that_loses_its_variance_is_refused(other):
    """Marchenko-Pastur of ratio y: mass 1 / y at about y, so that variance y lies where the cdf has almost nothing."""
    with pytest.raises(Misuse, match="must keep the variance"):
        free_sum(marchenko_pastur(1e6), other)


def test_below_that_the_variance_is_kept():
    law = free_sum(marchenko_pastur(1e4), semicircle(3.0))
    assert law.moment(2) - law.moment(1) ** 2 == pytest.approx(1e4 + 9, rel=1e-3)
