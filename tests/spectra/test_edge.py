"""Largest eigenvalues and spacings: exact laws against known moments, mpmath, and draws by independent routes."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import integrate, special, stats

from tpcore.errors import BudgetError, Misuse
from tpcore.spectra import (
    edge,
    eigenvalues,
    largest_eigenvalues,
    marchenko_pastur,
    outlier,
    outlier_spread,
    semicircle,
    spacing_law,
    spacings,
    threshold,
    tracy_widom,
    wigner_surmise,
)

# Mean and variance of the Tracy-Widom laws: Bornemann, Markov Process. Related Fields 16 (2010), table 10.
TRACY_WIDOM = {1: (-1.2065335745820, 1.607781034581), 2: (-1.7710868074116, 0.8131947928329)}


@pytest.mark.parametrize("beta", [1, 2])
def test_tracy_widom_has_its_moments(beta):
    law = tracy_widom(beta)
    mean, variance = TRACY_WIDOM[beta]
    assert abs(law.moment(0) - 1) < 1e-11 and abs(law.moment(1) - mean) < 1e-9
    assert abs(law.expect(lambda x: (x - law.moment(1)) ** 2) - variance) < 1e-8
    assert law.cdf(-1e9) == 0 and law.cdf(1e9) == 1 and np.all(np.diff(law.cdf(np.linspace(-5, 4, 200))) > 0)
    mass, _ = integrate.quad(law.pdf, -10, -1.3, epsabs=1e-12)
    assert abs(mass - law.cdf(-1.3)) < 1e-10
    assert abs(law.cdf(law.quantile(0.3)) - 0.3) < 1e-11


@pytest.mark.parametrize("beta", [1, 2])
def test_tracy_widom_is_the_painleve_solution(beta):
    """q'' = s q + 2 q^3, q ~ Ai; F_2 = exp(-int (x - s) q^2), F_1 = exp(-int q / 2) sqrt(F_2): another route."""

    def slopes(s, y):
        q, dq, _, j, _ = y
        return [dq, s * q + 2 * q**3, j, q**2, -q]

    ai, dai, _, _ = special.airy(8.0)
    start = [ai, dai, 0.0, 0.0, 0.0]
    at = np.array([1.0, -0.6, -2.3, -3.7])
    way = integrate.solve_ivp(slopes, (8.0, -4.0), start, t_eval=at, rtol=1e-12, atol=1e-16, method="DOP853").y
    f2 = np.exp(-way[2])
    expected = f2 if beta == 2 else np.exp(-way[4] / 2) * np.sqrt(f2)
    assert np.abs(tracy_widom(beta).cdf(at) - expected).max() < 2e-7


def test_spacing_laws_against_the_surmise_and_mpmath():
    s = np.linspace(0, 3, 61)
    for beta, variance in ((1, 0.28553), (2, 0.17999)):  # Mehta, Random Matrices, chapters 6, 7
        law = spacing_law(beta)
        assert abs(law.moment(0) - 1) < 1e-9 and abs(law.moment(1) - 1) < 1e-9
        assert abs(law.moment(2) - 1 - variance) < 2e-5
        gap = np.abs(law.pdf(s) - wigner_surmise(s, beta)).max()
        assert 1e-3 < gap < 0.017
        assert abs(law.pdf(1e-3) / 1e-3**beta - np.pi**2 / (6 / beta if beta == 1 else 3)) < 1e-2
    with mpmath.workdps(25):
        assert abs(_gap(mpmath.mpf("0.8"), 12) - _second_integral(spacing_law(2), 0.8)) < 1e-9


def _gap(s, nodes):
    """det(1 - sine kernel on (0, s)) by quadrature in 25 digits."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    kernel = mpmath.matrix(nodes, nodes)
    for i in range(nodes):
        for j in range(nodes):
            k = mpmath.sincpi(s * (x[i] - x[j]) / 2) * mpmath.sqrt(w[i] * w[j]) * s / 2
            kernel[i, j] = (i == j) - k
    return float(mpmath.det(kernel))


def _second_integral(law, s):
    """E(s) = int_s (x - s) p(x) dx."""
    return integrate.quad(lambda x: (x - s) * law.pdf(x), s, 8, epsabs=1e-12)[0]


CASES = [("goe", 100, 1.0), ("gue", 60, 1.0), ("wishart", 90, 0.37), ("wishart", 70, 2.2)]
CASES += [("symmetric:gaussian", 60, 1.0)]


@pytest.mark.parametrize(("kind", "n", "ratio"), CASES)
def test_largest_eigenvalues_follow_tracy_and_widom(kind, n, ratio):
    centre, scale, beta = edge(kind, n, ratio=ratio)
    x = (largest_eigenvalues(kind, n, 1500, seed=2, ratio=ratio) - centre) / scale
    assert stats.kstest(x, tracy_widom(beta).cdf).pvalue > 0.01
    assert stats.kstest(x, tracy_widom(3 - beta).cdf).pvalue < 1e-6


def test_a_million_by_a_million():
    centre, scale, beta = edge("goe", 10**6)
    x = (largest_eigenvalues("goe", 10**6, 300, seed=2) - centre) / scale
    assert stats.kstest(x, tracy_widom(beta).cdf).pvalue > 0.01


def test_a_corner_cut_by_hand():
    from tpcore.spectra.eigenvalues import tridiagonal_spectrum
    from tpcore.spectra.tridiagonal import tridiagonal

    for kind, ratio in (("goe", 1.0), ("gue", 1.0), ("wishart", 0.5), ("wishart", 3.0)):
        small = largest_eigenvalues(kind, 20, 6, seed=4, ratio=ratio)
        assert np.allclose(small, eigenvalues(kind, 20, 4, 6, ratio=ratio)[:, -1], atol=1e-12)
        diagonal, off = tridiagonal(3000, seed=5, kind=kind, ratio=ratio)
        keep = int(12 * 3000 ** (1 / 3)) + 24
        whole, cut = tridiagonal_spectrum(diagonal, off)[-1], tridiagonal_spectrum(diagonal[:keep], off[: keep - 1])[-1]
        assert abs(whole - cut) < 1e-12


def test_coins_move_the_edge():
    """The fourth cumulant moves the centre: without that the law misses by half a unit."""
    for kind, ratio in (("symmetric:rademacher", 1.0), ("wishart:rademacher", 0.5)):
        n = 120
        centre, scale, _ = edge(kind, n, ratio=ratio)
        gaussian, _, _ = edge("goe" if ratio == 1 else "wishart", n, ratio=ratio)
        mean = largest_eigenvalues(kind, n, 400, seed=3, ratio=ratio).mean()
        assert abs(mean - centre - scale * TRACY_WIDOM[1][0]) < 0.4 * abs(mean - gaussian - scale * TRACY_WIDOM[1][0])


@pytest.mark.parametrize(("kind", "ratio", "spike", "place"), [
    ("goe", 1.0, 1.7, 1.7 + 1 / 1.7), ("gue", 1.0, 1.7, 1.7 + 1 / 1.7),
    ("symmetric:rademacher", 1.0, 1.7, 1.7 + 1 / 1.7),
    ("wishart", 0.4, 1.3, 2.3 * (1 + 0.4 / 1.3)), ("wishart", 2.5, 3.0, 4 * (1 + 2.5 / 3)),
    ("wishart:uniform", 0.4, 1.3, 2.3 * (1 + 0.4 / 1.3)),
])  # fmt: skip
def test_a_strong_spike_leaves_the_bulk(kind, ratio, spike, place):
    assert outlier(kind, ratio=ratio, spike=spike) == pytest.approx(place, rel=1e-12)
    x = largest_eigenvalues(kind, 300, 40, seed=7, ratio=ratio, spike=spike)
    assert abs(x.mean() - place) < 5 * x.std() / np.sqrt(40) + 4 / 300 * place
    assert edge(kind, 300, ratio=ratio, spike=spike) is None
    spread = outlier_spread(kind, 300, ratio=ratio, spike=spike)
    assert spread is None or abs(x.std() / spread - 1) < 4 / np.sqrt(2 * 40)
    weak = 0.8 * threshold(kind, ratio=ratio)
    assert outlier(kind, ratio=ratio, spike=weak) is None and edge(kind, 300, ratio=ratio, spike=weak) is not None


def test_outliers_are_normal():
    for kind, n, ratio, spike in (("goe", 4000, 1.0, 1.6), ("gue", 4000, 1.0, 1.6), ("wishart", 4000, 0.6, 1.4)):
        centre, spread = outlier(kind, ratio=ratio, spike=spike), outlier_spread(kind, n, ratio=ratio, spike=spike)
        x = (largest_eigenvalues(kind, n, 800, seed=1, ratio=ratio, spike=spike) - centre) / spread
        assert abs(x.std() - 1) < 0.09 and abs(x.mean()) < 0.25 and abs(stats.skew(x)) < 0.35


def test_a_spike_in_the_plane():
    assert outlier("iid", spike=1.6) == 1.6 and outlier("iid", spike=0.9) is None
    z = eigenvalues("iid", 300, seed=1, spike=1.6)
    assert abs(z[np.argmax(np.abs(z))] - 1.6) < 0.15 and np.sort(np.abs(z))[-2] < 1.15


def test_where_no_law_of_the_edge_is_known():
    for kind in ("iid", "product", "symmetric:cauchy", "symmetric:student", "symmetric:sparse", "band"):
        assert edge(kind, 100) is None
    assert edge("symmetric:student", 100, nu=5.0) is not None and threshold("symmetric:cauchy") is None


@pytest.mark.parametrize(("kind", "law", "beta"), [
    ("goe", semicircle(), 1), ("gue", semicircle(), 2), ("wishart", marchenko_pastur(0.5), 1),
    ("symmetric:rademacher", None, 1),
])  # fmt: skip
def test_spacings_of_the_bulk_follow_their_law(kind, law, beta):
    values = eigenvalues(kind, 300, draws=40, seed=3, ratio=0.5 if kind == "wishart" else 1.0)
    for unfold in (law, None):
        s = spacings(values, unfold)
        assert abs(s.mean() - 1) < 0.01 and stats.kstest(s, spacing_law(beta).cdf).statistic < 0.02
        assert stats.kstest(s, spacing_law(3 - beta).cdf).statistic > 0.04


def test_independent_points_do_not_repel():
    x = np.sort(np.random.default_rng(0).random((30, 400)), axis=1)
    assert stats.kstest(spacings(x), stats.expon.cdf).statistic < 0.03


def test_misuse_in_words():
    for make in (tracy_widom, spacing_law):
        with pytest.raises(Misuse, match="beta"):
            make(4)
    with pytest.raises(Misuse, match="three eigenvalues"):
        spacings([1.0, 2.0])
    with pytest.raises(Misuse, match="no largest"):
        largest_eigenvalues("iid", 10)
    with pytest.raises(BudgetError, match="draws fit"):
        largest_eigenvalues("goe", 10**6, 10**6)
    with pytest.raises(Misuse, match="spike"):
        edge("product", 10, spike=2.0)
