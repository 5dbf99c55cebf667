"""Ensembles: the law of entries, of spectra, and of moving spectra, by independent draws and exact formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tpcore.compute.tiles import get_threads, set_threads
from tpcore.errors import BudgetError, Misuse
from tpcore.spectra import KINDS, Parameters, dyson, eigenvalues, largest_n, matrix, semicircle, tridiagonal
from tpcore.spectra.entries import ENTRIES as LAWS

FINITE = ["goe", "gue", "symmetric:gaussian", "symmetric:rademacher", "symmetric:uniform", "symmetric:student"]
FINITE += ["wishart", "wishart:rademacher", "wishart:student", "product", "product:uniform"]
ENTRIES = {
    "goe": stats.norm,
    "symmetric:gaussian": stats.norm,
    "symmetric:uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
    "symmetric:student": stats.t(5, scale=np.sqrt(3 / 5)),
}


def goe(rng, n, draws):
    """Dense GOE matrices in the plainest way."""
    g = rng.normal(size=(draws, n, n))
    return (g + g.transpose(0, 2, 1)) / np.sqrt(2 * n)


@pytest.mark.parametrize("kind", ENTRIES)
def test_entries_have_their_law_and_variance(kind):
    n = 150
    a = matrix(kind, n, seed=4, nu=5.0)
    assert np.array_equal(a, a.T)
    upper = a[np.triu_indices(n, 1)] * np.sqrt(n)
    assert stats.kstest(upper, ENTRIES[kind].cdf).pvalue > 0.01
    side = np.concatenate([np.diag(matrix(kind, n, seed=s, nu=5.0)) for s in range(20)]) * np.sqrt(n)
    assert stats.kstest(side / (np.sqrt(2) if kind == "goe" else 1), ENTRIES[kind].cdf).pvalue > 0.01


def test_rademacher_entries_are_signs():
    a = matrix("symmetric:rademacher", 90, seed=1) * np.sqrt(90)
    assert np.allclose(np.abs(a), 1) and abs(np.triu(a).sum()) < 4 * np.sqrt(90 * 91 / 2)


@pytest.mark.parametrize("nu", [1.0, 1.5])
def test_heavy_tails_are_scaled_by_their_exponent(nu):
    upper = matrix("symmetric:student", 200, seed=2, nu=nu)[np.triu_indices(200)] * 200 ** (1 / nu)
    assert stats.kstest(upper, stats.t(nu).cdf).pvalue > 0.01
    cauchy = matrix("symmetric:cauchy", 200, seed=2)[np.triu_indices(200)] * 200
    assert stats.kstest(cauchy, stats.cauchy.cdf).pvalue > 0.01


@pytest.mark.parametrize("kind", FINITE)
def test_finite_variance_means_the_limit_law(kind):
    p = Parameters(nu=6.0, ratio=0.6 if kind.startswith("wishart") else 1.0, factors=3)
    values = eigenvalues(kind, 700, seed=3, nu=6.0, ratio=p.ratio, factors=3)
    law = KINDS[kind].law(p)
    assert KINDS[kind].holds(p) and stats.kstest(values, law.cdf).statistic < 0.012


def test_infinite_variance_breaks_the_semicircle():
    values = eigenvalues("symmetric:cauchy", 400, seed=3, draws=6)
    assert stats.kstest(values.ravel(), semicircle(np.std(np.clip(values, -2, 2))).cdf).statistic > 0.1
    # Far out an entry a is its own pair of eigenvalues +-|a|: P(|eigenvalue| > u) -> 2 / (pi u), at any n.
    assert np.mean(np.abs(values) > 8) == pytest.approx(2 / (8 * np.pi), rel=0.15)
    assert KINDS["symmetric:cauchy"].law() is None
    assert KINDS["symmetric:student"].law(Parameters(nu=2.0)) is None and KINDS["symmetric:student"].law() is not None


@pytest.mark.parametrize("n", [2, 8, 50])
def test_the_tridiagonal_model_has_the_law_of_dense_goe_matrices(n):
    """Extreme eigenvalue, a gap in the middle, and one eigenvalue at random: parts of the joint law."""
    draws = {2: 20_000, 8: 6000, 50: 1500}[n]
    ours = eigenvalues("goe", n, seed=21, draws=draws)
    plain = np.linalg.eigvalsh(goe(np.random.default_rng(12), n, draws))
    middle = n // 2
    pick = np.random.default_rng(1).integers(0, n, draws)
    for statistic in (
        lambda e: e[:, -1],
        lambda e: e[:, middle] - e[:, middle - 1],
        lambda e: e[np.arange(draws), pick],
        lambda e: e.sum(axis=1),
        lambda e: np.square(e).sum(axis=1),
    ):
        assert stats.ks_2samp(statistic(ours), statistic(plain)).pvalue > 0.005


def test_the_spacing_of_two_is_exact():
    """At n = 2, variance 1/2: (gap / 2)^2 = ((d1 - d2) / 2)^2 + e^2 is a chi^2_2 / 2, so the gap is Rayleigh."""
    values = eigenvalues("goe", 2, seed=5, draws=8000)
    assert stats.kstest(values[:, 1] - values[:, 0], stats.rayleigh(scale=np.sqrt(2)).cdf).pvalue > 0.01
    assert stats.kstest(values.mean(axis=1), stats.norm(0, np.sqrt(0.5)).cdf).pvalue > 0.01


def test_the_model_itself():
    n = 30
    pairs = [tridiagonal(n, seed) for seed in range(400)]
    diagonal, off = (np.array(part) for part in zip(*pairs, strict=True))
    assert diagonal.shape == (400, n) and off.shape == (400, n - 1)
    assert stats.kstest(diagonal.ravel(), stats.norm(0, np.sqrt(2 / n)).cdf).pvalue > 0.01
    for i in (0, 11, n - 2):
        assert stats.kstest(off[:, i] ** 2 * n, stats.chi2(n - 1 - i).cdf).pvalue > 0.005
    dense = np.diag(diagonal[7]) + np.diag(off[7], 1) + np.diag(off[7], -1)
    assert np.allclose(eigenvalues("goe", n, seed=7), np.linalg.eigvalsh(dense), atol=1e-13)


@pytest.mark.parametrize("kind", ["goe", "symmetric:student", "symmetric:rademacher"])
def test_same_seed_same_numbers_on_any_number_of_threads(kind):
    before = get_threads()
    try:
        results = []
        for threads in (1, 2, 5):
            set_threads(threads)
            results.append(eigenvalues(kind, 60, seed=9, draws=300))
    finally:
        set_threads(before)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])
    assert not np.array_equal(results[0], eigenvalues(kind, 60, seed=10, draws=300))
    assert np.array_equal(eigenvalues(kind, 60, seed=9, draws=7), results[0][:7]), "a shorter request is a beginning"
    assert np.unique(results[0][:, 0]).size > 290


def test_shapes():
    assert eigenvalues("goe", 1, seed=1).shape == (1,) and eigenvalues("symmetric:uniform", 1).shape == (1,)
    assert eigenvalues("goe", 5, draws=1).shape == (1, 5)
    assert eigenvalues("symmetric:cauchy", 5, draws=3).shape == (3, 5)
    diagonal, off = tridiagonal(1)
    assert diagonal.shape == (1,) and off.shape == (0,)
    assert matrix("goe", 1).shape == (1, 1)


@pytest.mark.parametrize("name", LAWS)
def test_each_law_is_the_image_of_a_normal_variable(name):
    source, n, p = LAWS[name], 20, Parameters(nu=2.7, degree=7.0)
    rng = np.random.default_rng(8)
    drawn, mapped = source.draw(rng, (4000,), n, p), source.from_normal(rng.normal(size=4000), n, p)
    on_a_grid = source.from_normal(np.linspace(-6, 6, 99), n, p)
    assert np.all(np.diff(on_a_grid) >= 0) and source.finite(p) == (name != "cauchy")
    if name in ("rademacher", "sparse"):
        values, counts = np.unique(drawn, return_counts=True)
        again, others = np.unique(mapped, return_counts=True)
        assert np.allclose(values, again) and stats.chi2_contingency([counts, others]).pvalue > 0.01
        assert np.allclose(np.sum(values**2 * counts) / 4000, 1, atol=0.08)
    else:
        assert stats.ks_2samp(drawn, mapped).pvalue > 0.01 and np.all(np.diff(on_a_grid) > 0)


def test_the_image_maps_quantiles_to_quantiles():
    p = np.array([1e-12, 0.01, 0.3, 0.5, 0.8, 1 - 1e-9])
    g = stats.norm.ppf(p)
    laws = {
        "symmetric:uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
        "symmetric:student": stats.t(2.7, scale=np.sqrt(0.7 / 2.7)),
        "symmetric:cauchy": stats.cauchy,
        "symmetric:gaussian": stats.norm,
    }
    for kind, law in laws.items():
        assert np.allclose(KINDS[kind].entries.from_normal(g, 9, Parameters(nu=2.7)), law.ppf(p), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("kind", ["goe", "gue", "symmetric:uniform", "wishart", "product"])
def test_a_moving_spectrum_keeps_its_law(kind):
    n, paths = 6, 600
    ends = np.array([dyson(n, 4, dt=0.7, seed=s, kind=kind)[[0, 3]] for s in range(paths)])
    fresh = eigenvalues(kind, n, seed=1, draws=20_000)
    for frame in (0, 1):
        assert stats.ks_2samp(ends[:, frame, -1], fresh[:, -1]).pvalue > 0.01
        assert stats.ks_2samp(ends[:, frame, 2], fresh[:, 2]).pvalue > 0.01


def test_a_moving_spectrum_forgets_at_its_rate():
    """The trace is an Ornstein-Uhlenbeck process of variance 2: correlation exp(-t / 2)."""
    trace = dyson(3, 30_000, dt=0.4, seed=2).sum(axis=1)
    for lag in (1, 3):
        measured = np.corrcoef(trace[:-lag], trace[lag:])[0, 1]
        assert measured == pytest.approx(np.exp(-0.4 * lag / 2), abs=0.02)
    assert trace.var() == pytest.approx(2, abs=0.15)


def test_a_moving_spectrum_is_smooth_and_reproducible():
    path = dyson(10, 200, dt=1e-4, seed=5)
    assert path.shape == (200, 10) and np.all(np.diff(path, axis=1) > 0)
    assert np.abs(np.diff(path, axis=0)).max() < 8 * np.sqrt(2 * 1e-4 / 10)
    assert np.array_equal(dyson(10, 60, dt=1e-4, seed=5), path[:60])
    assert np.ptp(dyson(4, 3, dt=0.0), axis=0).max() == 0
    assert dyson(1, 2, kind="symmetric:cauchy").shape == (2, 1)


def test_too_much_is_refused_with_what_fits():
    for kind, draws in (("goe", 1), ("symmetric:uniform", 1), ("symmetric:cauchy", 700)):
        fits = largest_n(kind, draws)
        with pytest.raises(BudgetError, match=f"{fits:,} fits") as caught:
            eigenvalues(kind, fits + 1, draws=draws)
        assert caught.value.fits == fits
    with pytest.raises(BudgetError, match="eigenvalue_histogram"):
        eigenvalues("goe", 10**6)
    with pytest.raises(BudgetError, match="must fit into memory"):
        matrix("goe", 10**5)
    with pytest.raises(BudgetError, match="must be small"):
        dyson(5000, 10)


def test_misuse_in_words():
    with pytest.raises(Misuse, match="Did you mean 'symmetric:rademacher'"):
        eigenvalues("symmetric:rademacker", 10)
    for n in (0, -3, 2.5):
        with pytest.raises(Misuse, match="size n of a matrix"):
            eigenvalues("goe", n)
    with pytest.raises(Misuse, match="degrees of freedom"):
        eigenvalues("symmetric:student", 10, nu=0.0)
    with pytest.raises(Misuse, match="seed"):
        eigenvalues("goe", 10, seed=-1)
    with pytest.raises(Misuse, match="number of draws"):
        eigenvalues("goe", 10, draws=0)
    with pytest.raises(Misuse, match="time step"):
        dyson(3, 2, dt=-1)


def test_a_band_is_a_band_and_complex_entries_have_their_variance():
    n, w = 60, 4
    a = np.array([matrix("band", n, seed=s, band=w) for s in range(60)])
    away = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    inside = np.minimum(away, n - away) <= w
    assert np.array_equal(a, a.transpose(0, 2, 1)) and not a[:, ~inside].any()
    assert stats.kstest(a[:, inside & np.tri(n, dtype=bool)].ravel() * 3, stats.norm.cdf).pvalue > 0.01  # 2 w + 1 = 9
    g = matrix("gue", 150, seed=1)
    upper = g[np.triu_indices(150, 1)] * np.sqrt(150)
    assert np.array_equal(g, g.conj().T) and stats.kstest(upper.imag * np.sqrt(2), stats.norm.cdf).pvalue > 0.01
    assert stats.kstest(np.abs(upper) ** 2, stats.expon.cdf).pvalue > 0.01


def test_a_row_of_a_band_is_one_of_its_own_entries():
    n, w, degree = 200, 10, 6.0
    a = np.array([matrix("band:sparse", n, seed=s, band=w, degree=degree) for s in range(20)])
    counts = (a != 0).sum(axis=2)
    assert abs(counts.mean() - degree) < 5 * np.sqrt(degree / counts.size * 2)
    assert np.allclose(np.abs(a[a != 0]), 1 / np.sqrt(degree))
    for kind, nu, power in (("band:cauchy", 1.0, 1.0), ("band:student", 1.5, 1 / 1.5), ("band:student", 5.0, 0.5)):
        x = matrix(kind, n, seed=3, band=w, nu=nu)
        x = np.concatenate([np.diag(x, -j) for j in range(w + 1)]) * (2 * w + 1) ** power
        assert stats.kstest(x / (np.sqrt(0.6) if nu > 2 else 1), stats.t(nu).cdf).pvalue > 0.01
        assert np.isfinite(matrix(kind, 5, band=w, nu=nu)).all()


@pytest.mark.parametrize("given", [{"ratio": 1e-300}, {"ratio": 1e300}, {"spike": 1e200}])
def test_parameters_beyond_reach_are_refused(given):
    for kind in ("wishart", "wishart:rademacher"):
        with pytest.raises(Misuse, match="at most"):
            eigenvalues(kind, 20, **given)
