"""Marchenko-Pastur, Fuss-Catalan, circular and elliptic laws, the finite GOE, spikes: closed forms by other routes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.spectra.every_law import check_law, distance
from tpcore.errors import Misuse
from tpcore.spectra.laws import (
    Law,
    PointMass,
    Semicircle,
    circular,
    discrete,
    elliptic,
    goe,
    marchenko_pastur,
    product,
    semicircle,
    singular_values,
    spiked_wigner,
    spiked_wishart,
)

# Densities and moments by 30-digit arithmetic and by counting: independent reference values, set H.
MP_MOMENTS = {0.25: [1.0, 1.25, 1.8125, 2.890625, 4.91015625], 2.0: [1.0, 3.0, 11.0, 45.0, 197.0]}
FUSS_CATALAN = {2: [1, 1, 3, 12, 55, 273, 1428, 7752], 3: [1, 1, 4, 22, 140, 969, 7084]}
GOE_MOMENTS = {2: (1.5, 5.75), 4: (1.25, 3.5625), 8: (1.125, 2.703125)}


@pytest.mark.parametrize("ratio, scale", [(0.3, 1.0), (1.0, 0.7), (2.6, 1.3), (0.02, 1.0)])
def test_marchenko_pastur_is_a_law(ratio, scale):
    law = marchenko_pastur(ratio, scale)
    check_law(law)
    for k in range(1, 6):
        assert law.moment(k) == pytest.approx(Law.moment(law, k), rel=1e-11)
    assert law.atoms == (((0.0, 1 - 1 / ratio),) if ratio > 1 else ())


def test_marchenko_pastur_against_the_reference(reference):
    for ratio, moments in MP_MOMENTS.items():
        assert [marchenko_pastur(ratio).moment(k) for k in range(1, 6)] == pytest.approx(moments, rel=1e-14)
    assert marchenko_pastur(0.5).pdf(2.0) == pytest.approx(np.sqrt((np.sqrt(2) - 0.5) * (np.sqrt(2) + 0.5)) / 2 / np.pi)
    data = reference("H_random_matrices.npz")
    for ratio, density, moments, atom in zip(
        data["mp_ratio"], data["mp_density"], data["mp_moments_1_10"], data["mp_atom_at_zero"], strict=True
    ):
        law = marchenko_pastur(float(ratio))
        assert np.allclose(law.pdf(data["mp_x"]), density, atol=1e-12)
        assert np.allclose([law.moment(k) for k in range(1, 11)], moments, rtol=1e-13)
        assert sum(mass for _, mass in law.atoms) == atom


def test_limits_of_the_ratio():
    for ratio in (1e-4, 1e-8, 1e-12):
        law = marchenko_pastur(ratio)
        assert abs(law.moment(2) - 1 - ratio) < 1e-15 and law.support[1] - 1 < 2.1 * np.sqrt(ratio)
        x = 1 + 2 * np.sqrt(ratio) * np.linspace(-0.9, 0.9, 5)
        assert np.abs(law.cdf(x) - semicircle(np.sqrt(ratio)).cdf(x - 1)).max() < 3 * np.sqrt(ratio) + 1e-9
    assert isinstance(marchenko_pastur(0), PointMass) and marchenko_pastur(0, 1.5).atoms == ((2.25, 1.0),)
    assert marchenko_pastur(0.5, 0).atoms == ((0.0, 1.0),) and product(3, 0).atoms == ((0.0, 1.0),)
    assert circular(0).atoms == ((0.0, 1.0),) and elliptic(0.2, 0).cdf(0.0) == 1
    with pytest.raises(Misuse, match="must be finite.*beyond all bounds.*ratio=0"):
        marchenko_pastur(np.inf)
    for bad in (-1, np.nan, "wide"):
        with pytest.raises(Misuse, match="ratio of rows to columns must be"):
            marchenko_pastur(bad)


def test_wishart_matrices_follow_marchenko_pastur():
    rng = np.random.default_rng(0)
    for rows, columns in ((200, 460), (300, 210)):
        X = 1.2 * rng.uniform(-np.sqrt(3), np.sqrt(3), (rows, columns))
        values = np.linalg.eigvalsh(X @ X.T / columns)
        values[np.abs(values) < 1e-10] = 0
        assert distance(values, marchenko_pastur(rows / columns, 1.2)) < 0.012
        assert distance(values, marchenko_pastur(rows / columns, 1.3)) > 0.03


@pytest.mark.parametrize("factors, scale", [(1, 1.0), (2, 1.1), (3, 0.8), (7, 1.0)])
def test_fuss_catalan_is_a_law(factors, scale):
    law = product(factors, scale)
    check_law(law)
    for k in range(6):
        assert law.moment(k) == pytest.approx(Law.moment(law, k), rel=1e-10)


def test_fuss_catalan_values():
    for factors, moments in FUSS_CATALAN.items():
        assert [product(factors).moment(k) for k in range(len(moments))] == moments
    x = np.array([1e-9, 0.03, 0.7, 2.2, 3.999])
    assert np.allclose(product(1).pdf(x), marchenko_pastur(1).pdf(x), rtol=1e-12)
    assert np.allclose(product(1).cdf(x), marchenko_pastur(1).cdf(x), rtol=1e-9)
    # two factors: Penson and Zyczkowski's formula
    x, two = x[:-1], 2 ** (1 / 3)
    y = (27 + 3 * np.sqrt(81 - 12 * x)) ** (1 / 3)
    closed = two * np.sqrt(3) / (12 * np.pi) * (two * y**2 - 6 * x ** (1 / 3)) / (x ** (2 / 3) * y)
    assert np.allclose(product(2).pdf(x), closed, rtol=1e-11)
    assert product(0).atoms == ((1.0, 1.0),) and product(2).pdf(0) == np.inf
    assert product(1000).support[1] == pytest.approx(1001 * 1.001**1000)
    with pytest.raises(Misuse, match="range of floats"):
        product(900, 1e3)


def test_products_of_matrices_follow_fuss_catalan():
    rng = np.random.default_rng(1)
    A = np.linalg.multi_dot([rng.standard_normal((300, 300)) / np.sqrt(300) for _ in range(3)])
    values = np.linalg.svd(A, compute_uv=False)
    assert distance(values**2, product(3)) < 0.015 and distance(values, singular_values(product(3))) < 0.015
    assert distance(values**2, product(2)) > 0.05


def test_singular_values():
    law = singular_values(marchenko_pastur(1, 0.9))
    s = np.array([0.0, 0.4, 1.7])
    assert np.allclose(law.pdf(s), np.sqrt(4 * 0.81 - s**2) / (np.pi * 0.81), rtol=1e-9)  # the quarter circle
    assert law.moment(1) == pytest.approx(0.9 * 8 / (3 * np.pi), rel=1e-11) and law.moment(2) == pytest.approx(0.81)
    check_law(law)
    check_law(singular_values(marchenko_pastur(1.9)))
    for bad in (semicircle(), circular(), 3):
        with pytest.raises(Misuse, match="law of squares"):
            singular_values(bad)


def test_elliptic_law_and_matrices():
    law, rng = elliptic(0.35, 1.4), np.random.default_rng(2)
    n = 400
    G = rng.standard_normal((n, n))
    root = np.sqrt(1 - 0.35**2)
    A = np.triu(G, 1) + np.tril(0.35 * G.T + root * rng.standard_normal((n, n)), -1) + np.diag(rng.standard_normal(n))
    z = np.linalg.eigvals(1.4 * A / np.sqrt(n))
    for corner in (0.3 + 0.2j, -0.6 - 0.1j, 1.1 + 0.5j, 0.2 - 0.7j):
        share = np.mean((z.real <= corner.real) & (z.imag <= corner.imag))
        assert abs(share - law.cdf(corner)) < 0.02
    assert distance(z.real, law.real_part) < 0.03 and distance(z.imag, law.imaginary_part) < 0.05
    level = np.abs(z.real / law.half_axes[0] + 1j * z.imag / law.half_axes[1])
    assert np.abs(np.sort(level)[20:] - np.sqrt(np.arange(1, n + 1) / n)[20:]).max() < 0.06


def test_planar_moments_density_and_samples():
    law = elliptic(0.35, 1.4)
    x, y = np.meshgrid(np.linspace(-2, 2, 801), np.linspace(-2, 2, 801))
    z = x + 1j * y
    cell, density = (4 / 800) ** 2, law.pdf(x + 1j * y)
    assert abs((density * cell).sum() - 1) < 2e-3
    for k, m in ((1, 1), (2, 0), (2, 2), (3, 1), (1, 3), (4, 0), (1, 0)):
        assert abs((density * cell * z**k * np.conj(z) ** m).sum() - law.moment(k, m)) < 0.004 * 1.9 ** (k + m)
    draws = law.sample(20000, seed=1)
    for corner in (0.3 + 0.2j, -0.6 - 0.1j, 1.9 + 0.5j, 1.5 + 0.9j, -1.8 - 0.9j):
        share = np.mean((draws.real <= corner.real) & (draws.imag <= corner.imag))
        assert abs(share - law.cdf(corner)) < 0.012
    assert law.cdf(3 + 3j) == 1 and law.cdf(-3 + 1j) == 0 and law.within(law.quantile(0.4)) == pytest.approx(0.4)
    assert circular().moment(3, 3) == 0.25 and circular(2.0).half_axes == (2.0, 2.0)
    assert isinstance(elliptic(1, 0.5), Semicircle)
    with pytest.raises(Misuse, match="times those of `semicircle`"):
        elliptic(-1)
    with pytest.raises(Misuse, match="complex numbers"):
        law.pdf("here")


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 40, 151])
def test_goe_density_has_the_moments_of_the_matrix(n):
    law = goe(n)
    assert law.moment(0) == pytest.approx(1, abs=1e-12) and law.moment(2) == pytest.approx((n + 1) / n, rel=1e-12)
    assert law.moment(4) == pytest.approx((2 * n * n + 5 * n + 5) / n**2, rel=1e-11)  # Wick's rule
    x = law.quantile(np.array([1e-4, 0.2, 0.77]))
    assert np.allclose(law.cdf(x), [1e-4, 0.2, 0.77], atol=1e-12)
    assert np.allclose((law.cdf(x + 1e-5) - law.cdf(x - 1e-5)) / 2e-5, law.pdf(x), rtol=1e-6)


def test_goe_density_against_the_reference(reference):
    for n, moments in GOE_MOMENTS.items():
        assert (goe(n).moment(2), goe(n).moment(4)) == pytest.approx(moments, rel=1e-11)
    assert goe(2).pdf(-4.0) == pytest.approx(0.00047442, rel=1e-4) and goe(4).quantile(1.0) == np.inf
    data = reference("H_random_matrices.npz")
    for n, density in zip(data["goe_n"], data["goe_density"], strict=True):
        assert np.abs(goe(int(n)).pdf(data["goe_x"]) - density).max() < 1e-12


def test_small_goe_matrices_follow_their_exact_law():
    rng = np.random.default_rng(4)
    for n, other in ((2, 3), (4, 7)):
        A = rng.standard_normal((4000, n, n))
        values = np.linalg.eigvalsh((A + A.transpose(0, 2, 1)) / np.sqrt(2 * n)).ravel()
        assert distance(values, goe(n)) < 0.01 < distance(values, goe(other))
    assert np.abs(goe(200).cdf(np.linspace(-2.1, 2.1, 50)) - semicircle().cdf(np.linspace(-2.1, 2.1, 50))).max() < 2e-3
    with pytest.raises(Misuse, match="at most 400"):
        goe(401)


def test_spiked_wigner_matrices():
    rng, n = np.random.default_rng(5), 500
    G = rng.standard_normal((n, n))
    W, v = 0.8 * (G + G.T) / np.sqrt(2 * n), rng.standard_normal(n)
    v /= np.linalg.norm(v)
    for spike in (2.0, 0.5, -1.6):
        law = spiked_wigner(spike, 0.8)
        values, vectors = np.linalg.eigh(W + spike * np.outer(v, v))
        at = -1 if spike > 0 else 0
        assert abs(values[at] - (law.outlier if law.outlier is not None else 1.6)) < 0.08
        assert abs((vectors[:, at] @ v) ** 2 - law.overlap) < 0.08
        assert (law.outlier is None) == (abs(spike) <= law.threshold) and law.cdf(0.3) == semicircle(0.8).cdf(0.3)
    out = spiked_wigner(2.0, 0.8)
    assert (out.outlier, out.overlap) == pytest.approx((2.32, 0.84))


def test_spiked_wishart_matrices():
    rng, rows, columns = np.random.default_rng(6), 300, 600
    X = rng.standard_normal((rows, columns))
    for spike in (3.1, 1.4, 0.08):
        law = spiked_wishart(spike, rows / columns)
        Y = X.copy()
        Y[0] *= np.sqrt(spike)
        values, vectors = np.linalg.eigh(Y @ Y.T / columns)
        at = -1 if spike > 1 else 0
        if law.outlier is not None:
            assert abs(values[at] - law.outlier) < 0.12 * law.outlier + 0.01
        assert abs(vectors[0, at] ** 2 - law.overlap) < 0.06
    assert spiked_wishart(1.4, 0.5).outlier is None and spiked_wishart(3.0, 0.5).outlier == pytest.approx(3.75)
    assert spiked_wishart(3.0, 0.5).overlap == pytest.approx(0.7) and spiked_wishart(0.5, 2.0).outlier is None
    for bad in ({"spike": -1}, {"spike": 2, "ratio": 0}, {"spike": 2, "ratio": np.inf}):
        with pytest.raises(Misuse, match="spike|ratio"):
            spiked_wishart(**bad)


def test_discrete_laws():
    law = discrete([2, -1, 2], [1, 2, 1])
    assert law.atoms == ((-1.0, 0.5), (2.0, 0.5)) and law.moment(3) == 3.5
    assert law.quantile(np.array([0, 0.5, 0.51, 1])).tolist() == [-1, -1, 2, 2]
    assert law.cdf(np.array([-1.1, -1, 2])).tolist() == [0, 0.5, 1] and isinstance(discrete([3.0]), PointMass)
    for bad in (([],), ([1, 2], [1]), ([1, 2], [-1, 2]), ([1], [0])):
        with pytest.raises(Misuse, match="needs a mass"):
            discrete(*bad)


def test_scales_at_the_ends_of_floats():
    law, unit = marchenko_pastur(0.3, 1e125), marchenko_pastur(0.3)
    x = np.array([0.25, 0.9, 2.3])
    assert np.allclose(law.pdf(x * 1e250) * 1e250, unit.pdf(x), rtol=1e-12)
    assert marchenko_pastur(1e200).moment(1) == 1 and marchenko_pastur(1e200).bands[0][0] > 0
    for ratio, scale in ((0.3, 1e200), (2.0, 1e-160), (1e300, 1e10)):
        with pytest.raises(Misuse, match="within the range of floats"):
            marchenko_pastur(ratio, scale)
    assert all(law.quantile(1) == law.support[1] for law in (unit, marchenko_pastur(3.0, 7.0), singular_values(unit)))
    far = spiked_wishart(1e200, 0.5)
    assert far.outlier == pytest.approx(1e200) and far.overlap == pytest.approx(1)
    assert spiked_wigner(3e200, 1e200).outlier == pytest.approx(1e201 / 3, rel=1e-14)
