"""Free convolutions at their borders: atoms that meet with masses that add up to n - 1 or nearly, cusps, gaps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.spectra.every_law import check_law, distance
from tpcore.errors import Misuse
from tpcore.spectra.laws import (
    Law,
    discrete,
    free_product,
    free_sum,
    marchenko_pastur,
    semicircle,
    spiked_wigner,
)
from tpcore.spectra.laws.banded import tabulated

COIN = discrete([0.0, 1.0])


def arcsine(share: np.ndarray) -> np.ndarray:
    """The law of cos^2 of the angles between two random halves of space."""
    return 2 / np.pi * np.arcsin(np.sqrt(np.clip(share, 0, 1)))


def cumulants(moments: list[float]) -> np.ndarray:
    """Free cumulants: m_n = sum_s k_s [z^(n - s)] M(z)^s, sums over non-crossing partitions."""
    kappa = np.zeros(len(moments))
    for n in range(1, len(moments)):
        power, total = np.eye(1, len(moments))[0], 0.0
        for s in range(1, n):
            power = np.convolve(power, moments)[: len(moments)]
            total += kappa[s] * power[n - s]
        kappa[n] = moments[n] - total
    return kappa


def moments(kappa: np.ndarray) -> np.ndarray:
    """The inverse of `cumulants`."""
    m = np.eye(1, kappa.size)[0]
    for n in range(1, kappa.size):
        power = np.eye(1, kappa.size)[0]
        for s in range(1, n + 1):
            power = np.convolve(power, m)[: kappa.size]
            m[n] += kappa[s] * power[n - s]
    return m


@pytest.mark.parametrize("a, b", [(1.0, 3.0), (0.7, 0.7), (1.0, 1.1), (2e-6, 5e-6), (3e6, 1e6)])
def test_halves_of_mass_at_0_and_elsewhere_have_a_closed_sum(a, b):
    # the eigenvalues of a P + b Q are (a + b) / 2 +- sqrt((a - b)^2 / 4 + a b c^2)
    law = free_sum(discrete([0, a]), discrete([0, b]))
    middle, gap = (a + b) / 2, abs(a - b) / 2
    share = np.array([1e-4, 0.02, 0.3, 0.71, 0.99, 0.9999])
    away = np.sqrt(gap**2 + a * b * share)
    assert np.allclose(law.cdf(middle - away), (1 - arcsine(share)) / 2, atol=1e-10)
    assert np.allclose(law.cdf(middle + away), (1 + arcsine(share)) / 2, atol=1e-10)
    density = away / (np.pi * a * b * np.sqrt(share * (1 - share)))
    assert np.allclose(law.pdf(middle + away), density, rtol=1e-6)
    assert law.error < 1e-9 and abs(law.moment(0) - 1) <= law.error
    assert law.moment(3) == pytest.approx((a**3 + b**3) / 2 + 3 * a * b * (a + b) / 4, rel=1e-9)
    assert law.bands[0][0] == 0 and law.bands[-1][1] == pytest.approx(a + b, rel=1e-15)
    assert len(law.bands) == 1 + (a != b) and law.pdf(0.0) == np.inf


def test_halves_of_mass_have_a_closed_product():
    # eigenvalues of A^(1/2) B A^(1/2): determinant 6, trace 5 + 2 c^2
    law = free_product(discrete([1, 2]), discrete([1, 3]))
    share = np.array([1e-5, 0.02, 0.3, 0.71, 0.99, 0.99999])
    trace = 5 + 2 * share
    low, high = ((trace + sign * np.sqrt(trace**2 - 24)) / 2 for sign in (-1, 1))
    assert np.allclose(law.cdf(low), (1 - arcsine(share)) / 2, atol=1e-10)
    assert np.allclose(law.cdf(high), (1 + arcsine(share)) / 2, atol=1e-10)
    assert np.allclose(np.ravel(law.bands), [1, 2, 3, 6], rtol=1e-14)
    assert law.error < 1e-10 and law.moment(2) == pytest.approx(12.25, rel=1e-10)
    assert np.isinf(law.pdf(np.array([1.0, 2.0, 3.0, 6.0]))).all()


ONE, TWO = discrete([0, 1], [1, 2]), discrete([0, 2], [1, 2])
EVEN = discrete([-1, 0, 1], [1, 2, 1])
SUMS = {
    "masses of 0.3 and 0.7": (discrete([0, 1], [0.3, 0.7]), discrete([0, 3], [0.7, 0.3])),
    "a cube root": (EVEN, EVEN),
    "nearly a cube root": (EVEN, discrete([-2, 0, 2], [1, 2, 1.01])),
    "three laws": (ONE, ONE, discrete([0, 4], [1, 2])),
    "three laws, a narrow gap": (ONE, TWO, discrete([0, -3], [1, 2])),
    "an atom of 1e-5": (COIN, discrete([0, 3], [0.5 + 1e-5, 0.5 - 1e-5])),
    "an atom of 1e-8": (COIN, discrete([0, 3], [0.5 + 1e-8, 0.5 - 1e-8])),
    "Marchenko-Pastur's atom": (marchenko_pastur(2), COIN),
    "a far constant": (marchenko_pastur(2), COIN, discrete([-1e4])),
    "far apart, narrow": (discrete([1e6, 1e6 + 1]), discrete([-1, 1])),
    "a cusp": (semicircle(1), discrete([-1, 1])),
    "nearly a cusp": (semicircle(1.003), discrete([-1, 1])),
    "a sum and its own tie": (free_sum(ONE, discrete([0, 1], [0.3, 0.7])), discrete([0, 1], [2, 1])),
}


@pytest.mark.parametrize("laws", SUMS.values(), ids=SUMS)
def test_moments_are_those_of_added_cumulants(laws):
    law = free_sum(*laws)
    exact = moments(sum(cumulants([part.moment(k) for k in range(7)]) for part in laws))
    size = max(1.0, *np.abs(law.support)) ** np.arange(7)
    assert law.error < 1e-8
    assert np.abs((np.array([law.moment(k) for k in range(7)]) - exact) / size).max() < 1e-10 + law.error
    assert abs(law.cdf(law.support[1]) - 1) <= law.error and law.cdf(law.support[0] - 1e-7 * size[1]) == 0


@pytest.mark.parametrize("name", ["masses of 0.3 and 0.7", "three laws", "three laws, a narrow gap"])
def test_laws_at_borders_are_laws(name):
    check_law(free_sum(*SUMS[name]), tolerance=1e-7)


def test_exponents_where_atoms_meet():
    # g^3 = beta / x, beta = sum mu^2 d, d = -E 1 / x^2 away from 0
    law, x = free_sum(EVEN, EVEN), np.array([1e-9, 1e-8])
    density = 0.25 ** (1 / 3) * np.sin(np.pi / 3) / np.pi * x ** (-1 / 3)
    assert np.allclose(law.pdf(x), density, rtol=1e-4) and np.allclose(law.pdf(-x), density, rtol=1e-4)
    assert len(law.bands) == 2 and law.pdf(0.0) == np.inf and law.cdf(0.0) == pytest.approx(0.5, abs=1e-12)
    # g^2 = K / x, K = -(0.3 * 0.7 / 1 + 0.7 * 0.3 / 3)
    law, x = free_sum(*SUMS["masses of 0.3 and 0.7"]), 1e-8
    assert law.pdf(x) * np.sqrt(x) == pytest.approx(np.sqrt(0.28) / np.pi, rel=1e-4)
    assert np.allclose(law.atoms, [(1.0, 0.4)], rtol=1e-14)
    law, x = free_sum(marchenko_pastur(2), COIN), 1e-9
    assert law.pdf(-x) == 0 and law.pdf(x) * np.sqrt(x) == pytest.approx(np.sqrt(0.5 * 0.5 + 0.25) / np.pi, rel=1e-4)


def test_a_narrow_gap_is_found():
    law = free_sum(*SUMS["three laws, a narrow gap"])
    assert len(law.bands) == 3 and 0 < law.bands[1][0] - law.bands[0][1] < 0.02
    law = free_sum(semicircle(1 - 1e-4), discrete([-1, 1]))
    # edges of semicircle + coin, variance v: real critical points of z = w + v w / (w^2 - 1)
    v = (1 - 1e-4) ** 2
    w = np.roots([1, 0, -2 - v, 0, 1 - v]).real
    assert np.allclose(np.ravel(law.bands), np.sort(w + v * w / (w * w - 1)), atol=1e-10) and len(law.bands) == 2


def test_an_atom_of_both_factors_at_0():
    # half of the rows of a Wishart matrix of ratio 2
    law, square = free_product(marchenko_pastur(2), COIN), marchenko_pastur(1)
    x = np.array([1e-16, 1e-11, 1e-4, 0.3, 3.9])
    assert np.allclose(law.cdf(x), 0.5 + square.cdf(x) / 2, atol=2e-10) and law.error < 1e-9


def test_narrow_factors():
    for width in (1e-3, 1e-6):
        law = free_product(discrete([1, 1 + width]), discrete([1, 1 + 2 * width]))
        assert np.allclose((np.ravel(law.bands) - 1) / width, [0, 1, 2, 3 + 2 * width], atol=1e-7)
        assert law.error < 1e-6 and law.cdf(1 + 1.5 * width) == pytest.approx(0.5, abs=law.error)


def test_sampled_matrices_follow_laws_at_borders():
    n = 300
    Q = stats.ortho_group.rvs(n, random_state=4)
    half = np.repeat([0.0, 1.0], n // 2)
    values = np.linalg.eigvalsh(np.diag(half) + 3 * Q @ np.diag(half) @ Q.T)
    assert distance(values, free_sum(COIN, discrete([0, 3]))) < 0.015
    assert distance(values, free_sum(discrete([0, 1], [0.45, 0.55]), discrete([0, 3]))) > 0.04
    root = np.sqrt(1 + half)
    values = np.linalg.eigvalsh(root[:, None] * (Q @ np.diag(1 + 2 * half) @ Q.T) * root)
    assert distance(values, free_product(discrete([1, 2]), discrete([1, 3]))) < 0.015
    even = np.repeat([-1.0, 0.0, 0.0, 1.0], n // 4)
    assert distance(np.linalg.eigvalsh(np.diag(even) + Q @ np.diag(even) @ Q.T), free_sum(EVEN, EVEN)) < 0.015


def test_sums_of_sums_and_spiked_laws_enter_by_their_terms():
    x = np.linspace(-1, 4, 101)
    inner, last = free_sum(ONE, discrete([0, 1], [0.3, 0.7])), discrete([0, 1], [2, 1])
    nested, flat = free_sum(inner, last), free_sum(ONE, discrete([0, 1], [0.3, 0.7]), last)
    assert np.abs(nested.cdf(x) - flat.cdf(x)).max() < 1e-12
    spiked = free_sum(spiked_wigner(3.0), discrete([0, 1.5]))
    assert np.abs(spiked.cdf(x) - free_sum(semicircle(), discrete([0, 1.5])).cdf(x)).max() < 1e-12


def test_narrow_bands_keep_their_mass():
    for ratio in (1e-23, 1e-12, 0.3, 4.0):
        law = marchenko_pastur(ratio, 1.3)
        assert law.expect(np.ones_like) == pytest.approx(1, abs=1e-12)
        assert law.expect(np.square) == pytest.approx(law.moment(2), rel=1e-12)


def test_what_is_out_of_reach_is_refused_in_words():
    class Flat(Law):
        """A law of the test's own, that enters by its nodes."""

        name, support = "uniform", (0.0, 1.0)

        def pdf(self, x):
            return np.where((x >= 0) & (x <= 1), 1.0, 0.0)

        def cdf(self, x):
            return np.clip(x, 0.0, 1.0)

    assert free_sum(Flat(), semicircle(0.3)).moment(2) == pytest.approx(1 / 3 + 0.09, rel=1e-9)
    with pytest.raises(Misuse, match="60 bands at most"):
        free_sum(discrete(np.arange(70.0)), semicircle(0.01))
    with pytest.raises(Misuse, match="one point"):
        tabulated([], lambda corner, x: None, [], "a law", "")
