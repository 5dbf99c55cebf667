"""Requests to results: equal to the public calls and snippets shown, streamed, cancelled, refused with what fits."""

import time

import numpy as np
import pytest

import tpcore as tp
from tests.app.driven import run
from tpapp.compute import kernels, kernels_code, matrices
from tpapp.matrix_results import PathRequest, SpectrumRequest
from tpapp.results import (
    DeviationRequest,
    Inputs,
    KernelDrawRequest,
    KernelLimitRequest,
    Net,
    OutputsRequest,
)
from tpcore.compute.progress import Progress
from tpcore.errors import BudgetError, Cancelled, Misuse

DIGITS = kernels.digits((0, 3), 3)
NET = Net.mlp(2, "tanh", 1.3, 0.2)
RELU = Net.mlp(3, "relu", 1.5, 0.1)


def last(stream):
    return list(stream)[-1]


def test_digits_are_grouped_by_class_with_their_images():
    assert DIGITS.labels == ("0",) * 3 + ("3",) * 3 and DIGITS.X.shape == (6, 64)
    assert np.allclose((DIGITS.X**2).mean(axis=1), 1.0), "on the sphere <x, x>/d = 1"
    assert DIGITS.images.shape == (6, 8, 8) and 0.9 <= DIGITS.images.max() <= 1
    flat = DIGITS.images.reshape(6, -1)
    assert np.allclose(flat / np.linalg.norm(flat, axis=1)[:, None], DIGITS.X / 8, atol=1e-6)
    assert np.array_equal(run("import numpy as np\n" + DIGITS.code)["X"], DIGITS.X)


def test_requests_are_equal_exactly_when_they_ask_for_the_same():
    again = Inputs("another name", DIGITS.X.copy(), DIGITS.labels)
    other = Inputs("digits", DIGITS.X + 1e-9, DIGITS.labels)
    assert KernelLimitRequest(DIGITS, NET) == KernelLimitRequest(again, NET)
    assert len({KernelLimitRequest(x, NET) for x in (DIGITS, again, other)}) == 2
    with pytest.raises(ValueError):
        again.X[0, 0] = 1.0


@pytest.mark.parametrize("kernel", kernels.KERNELS)
@pytest.mark.parametrize("net", [NET, RELU], ids=lambda n: n.fields["phi"])
def test_limit_and_draw_are_the_public_ones(kernel, net):
    limit = kernels.kernel_limit(KernelLimitRequest(DIGITS, net, kernel))
    mlp = tp.nets.MLP(**{k: net.fields[k] for k in ("depth", "phi", "sigma_w", "sigma_b")})
    assert np.array_equal(limit.K, getattr(tp, kernel)(mlp, DIGITS.X))
    assert limit.method == ("closed form" if net.fields["phi"] == "relu" else "series") and 0 < limit.error < 1e-9
    draw = kernels.kernel_draw(KernelDrawRequest(DIGITS, net, kernel, 64, seed=3))
    public = getattr(tp, f"empirical_{kernel}")(mlp, DIGITS.X, width=64, draws=1, seed=3)[0]
    assert np.array_equal(draw.K, public) and np.array_equal(draw.difference, public - limit.K)
    assert draw.deviation == pytest.approx(np.linalg.norm(public - limit.K) / np.linalg.norm(limit.K))


def test_the_limits_error_is_an_upper_bound_of_what_quadrature_at_another_place_shows():
    """NNGP of one hidden tanh layer at one pair against independent 2-D trapezoidal sums."""
    net = Net.mlp(1, "tanh", 1.3, 0.2)
    K = kernels.kernel_limit(KernelLimitRequest(DIGITS, net)).K
    S = 1.3**2 * DIGITS.X[[0, 4]] @ DIGITS.X[[0, 4]].T / 64 + 0.2**2
    z = np.linspace(-9, 9, 361)
    w = np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    L = np.linalg.cholesky(S)
    u, v = L[0, 0] * z[:, None] + 0 * z, L[1, 0] * z[:, None] + L[1, 1] * z
    assert K[0, 4] == pytest.approx(1.3**2 * np.einsum("i,j,ij->", w, w, np.tanh(u) * np.tanh(v)) + 0.2**2, rel=1e-10)


def test_outputs_stream_to_the_public_sample_and_know_the_limit():
    request = OutputsRequest(DIGITS, NET, 1, 4, 2000, 300, seed=2)
    parts = list(kernels.outputs(request))
    assert [len(p.f) for p in parts] == sorted(len(p.f) for p in parts) and parts[-1].done
    mlp = tp.nets.MLP(2, "tanh", 1.3, 0.2)
    assert np.array_equal(parts[-1].f, tp.sample_outputs(mlp, DIGITS.X[[1, 4]], width=2000, draws=300, seed=2))
    limit = tp.nngp(mlp, DIGITS.X)[np.ix_([1, 4], [1, 4])]
    assert np.allclose(parts[0].covariance, limit, rtol=1e-12)
    z = (parts[-1].f ** 2).mean(axis=0) / np.diag(limit) - 1
    assert np.all(np.abs(z) < 4 * np.sqrt(2 / 300))


def test_outputs_at_one_input_twice_are_equal():
    part = last(kernels.outputs(OutputsRequest(DIGITS, RELU, 2, 2, 64, 20)))
    assert np.array_equal(part.f[:, 0], part.f[:, 1]) and np.allclose(part.covariance, part.covariance[0, 0])


@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_deviation_falls_like_one_over_root_n(kernel):
    request = DeviationRequest(DIGITS, RELU, kernel, (32, 128, 512, 2048), 24, seed=1)
    parts = list(kernels.deviations(request))
    assert [len(p.widths) for p in parts] == [1, 2, 3, 4] and np.isnan(parts[1].slope) and parts[-1].done
    end = parts[-1]
    assert abs(end.slope + 0.5) < 4 * end.slope_error + 0.03 and 0 < end.slope_error < 0.08
    assert np.all(end.error < 0.3 * end.mean) and end.bound / np.sqrt(2048) == pytest.approx(end.mean[-1], rel=0.3)


def test_widths_of_a_deviation_draw_independently():
    a = last(kernels.deviations(DeviationRequest(DIGITS, NET, "nngp", (64, 128), 3)))
    b = last(kernels.deviations(DeviationRequest(DIGITS, NET, "nngp", (128, 256), 3)))
    assert a.mean[1] == b.mean[0]


def test_step_has_no_tangent_kernel_in_words():
    assert kernels.tangent_refused(RELU) == "" and "step" in kernels.tangent_refused(Net.mlp(1, "step", 1.0, 0.0))
    with pytest.raises(Misuse, match="jumps"):
        kernels.kernel_limit(KernelLimitRequest(DIGITS, Net.mlp(1, "step", 1.0, 0.0), "ntk"))


def test_requests_beyond_the_budget_are_refused_with_what_fits():
    with pytest.raises(BudgetError) as refusal:
        next(kernels.outputs(OutputsRequest(DIGITS, RELU, 0, 1, 10**6, 100_000)))
    fits = refusal.value.fits
    pair = RELU, DIGITS, 0, 1, 10**6
    assert f"{fits:,} draws" in str(refusal.value) and fits == int(kernels.SECONDS / kernels.pair_seconds(*pair))
    assert kernels.pair_seconds(*pair, fits) <= kernels.SECONDS < kernels.pair_seconds(*pair, fits + 1)
    big = Inputs("many", np.random.default_rng(0).normal(size=(256, 8)), ("x",) * 256)
    with pytest.raises(BudgetError) as refusal:
        kernels.kernel_draw(KernelDrawRequest(big, Net.mlp(20, "relu", 1.0, 0.0), "ntk", 10**6))
    assert f"n = {refusal.value.fits:,}" in str(refusal.value) and 1000 < refusal.value.fits < 10**6
    with pytest.raises(BudgetError) as refusal:
        next(kernels.deviations(DeviationRequest(big, RELU, "ntk", (10**5, 10**6), 10)))
    assert refusal.value.fits < 10


def test_the_estimate_of_time_is_of_the_right_order():
    kernels.kernel_draw(KernelDrawRequest(DIGITS, RELU, "nngp", 1000))
    start = time.perf_counter()
    last(kernels.outputs(OutputsRequest(DIGITS, RELU, 0, 1, 4096, 400)))
    taken = time.perf_counter() - start
    expected = kernels.pair_seconds(RELU, DIGITS, 0, 1, 4096, 400)
    assert expected / 6 < taken < 20 * expected


@pytest.mark.parametrize(
    "stream",
    [
        lambda p: kernels.outputs(OutputsRequest(DIGITS, RELU, 0, 1, 8192, 500), p),
        lambda p: kernels.deviations(DeviationRequest(DIGITS, RELU, "ntk", (1024, 2048, 4096), 50), p),
        lambda p: matrices.spectrum(SpectrumRequest("symmetric:rademacher", 200, 300), p),
        lambda p: matrices.spectrum(SpectrumRequest("goe", 300_000, 8), p),
    ],
)
def test_every_stream_can_be_cancelled(stream):
    progress = Progress()
    stream = stream(progress)
    next(stream)
    progress.cancel()
    with pytest.raises(Cancelled):
        list(stream)


def test_the_shown_code_runs_and_gives_the_figures_numbers():
    space = run(kernels_code.code(DIGITS, NET, kernel="ntk", width=128, draws=50, seed=4, i=1, j=5))
    limit = kernels.kernel_limit(KernelLimitRequest(DIGITS, NET, "ntk")).K
    draw = kernels.kernel_draw(KernelDrawRequest(DIGITS, NET, "ntk", 128, 4)).K
    sample = last(kernels.outputs(OutputsRequest(DIGITS, NET, 1, 5, 128, 50, 4))).f
    assert np.array_equal(space["K"], limit) and np.array_equal(space["K_n"], draw)
    assert np.array_equal(space["f"], sample)
    assert "K_n" not in run(kernels_code.code(DIGITS, RELU, width=None))


# -- matrices ----------------------------------------------------------------------------------------------------


def test_the_law_is_the_semicircle_where_entries_have_a_variance():
    curve = matrices.law("symmetric:uniform")
    assert curve.name == "semicircle" and curve.support == (-2.0, 2.0)
    assert np.sum((curve.pdf[1:] + curve.pdf[:-1]) / 2 * np.diff(curve.x)) == pytest.approx(1, abs=1e-4)
    assert matrices.law("symmetric:cauchy") is None and matrices.semicircle().name == "semicircle"


@pytest.mark.parametrize("total", [8, 100, 5000, 10**5, 10**6])
def test_bins_end_where_the_semicircle_does(total):
    edges = matrices.bin_edges(total)
    assert 2.0 in edges and -2.0 in edges and np.allclose(edges, -edges[::-1]) and edges[-1] >= 2.6 - 1e-12
    assert len(matrices.bin_edges(10**6)) > len(edges) or total >= 10**5


@pytest.mark.parametrize("kind, n, draws", [("goe", 40, 7), ("symmetric:rademacher", 30, 5),
                                            ("symmetric:student", 30, 5)])  # fmt: skip
def test_spectra_are_the_public_eigenvalues(kind, n, draws):
    request = SpectrumRequest(kind, n, draws, seed=6)
    result = last(matrices.spectrum(request))
    values = tp.spectra.eigenvalues(kind, n, seed=6, draws=draws)
    counts = np.histogram(values, result.edges)[0]
    assert np.array_equal(result.counts, counts) and result.outside == n * draws - counts.sum() and result.done
    assert np.allclose(result.density * np.diff(result.edges) * n * draws, counts)
    for row in result.moments:
        each = (values**row.k).mean(axis=1)
        assert row.measured == pytest.approx(each.mean(), rel=1e-9)
        assert row.error == pytest.approx(each.std(ddof=1) / np.sqrt(draws), rel=1e-6)
        assert row.limit == [1, 2, 5, 14, 42][row.k // 2 - 1] and row.difference == row.measured - row.limit


def test_the_gap_is_the_kolmogorov_distance():
    from scipy import stats

    law = tp.spectra.semicircle()
    signs = set()
    for seed in range(6):
        result = last(matrices.spectrum(SpectrumRequest("symmetric:uniform", 50, 2, seed=seed)))
        test = stats.kstest(tp.spectra.eigenvalues("symmetric:uniform", 50, seed=seed, draws=2).ravel(), law.cdf)
        assert result.gap == pytest.approx(test.statistic, rel=1e-9)
        signs.add(int(test.statistic_sign))
    assert signs == {1, -1}, "both sides of a step are looked at"
    counted = last(matrices.spectrum(SpectrumRequest("goe", 2000, 1, seed=1)))
    exact = stats.kstest(tp.spectra.eigenvalues("goe", 2000, seed=1), law.cdf).statistic
    assert 0.3 * exact < counted.gap <= exact * (1 + 1e-9), "measured on a grid"
    assert last(matrices.spectrum(SpectrumRequest("symmetric:cauchy", 20))).gap is None


def test_long_requests_stream_and_agree_with_one_call():
    request = SpectrumRequest("goe", 300_000, 7, seed=2)
    parts = list(matrices.spectrum(request))
    assert [p.draws for p in parts] == [3, 6, 7, 7] and [p.done for p in parts] == [False, False, False, True]
    counts = tp.spectra.eigenvalue_histogram("goe", 300_000, parts[-1].edges, draws=7, seed=2)
    assert np.abs(parts[-1].counts - counts).max() <= 1
    assert parts[-1].gap < 1e-4


def test_a_million_shows_its_histogram_before_its_moments():
    start = time.perf_counter()
    stream = matrices.spectrum(SpectrumRequest("goe", 10**6))
    first = next(stream)
    assert not first.moments and first.counts.sum() == 10**6 and time.perf_counter() - start < 10
    assert abs(last(stream).moments[4].measured - 42) < 0.05


def test_matrices_beyond_the_budget_are_refused_with_what_fits():
    with pytest.raises(BudgetError) as refusal:
        next(matrices.spectrum(SpectrumRequest("symmetric:cauchy", 10**6)))
    assert refusal.value.fits == matrices.fits("symmetric:cauchy") and f"{refusal.value.fits:,}" in str(refusal.value)
    with pytest.raises(BudgetError) as refusal:
        next(matrices.spectrum(SpectrumRequest("goe", 10**6, 10**5)))
    assert 10 < refusal.value.fits < 10**4 and matrices.fits("goe") == 10**6


def test_heavy_tails_are_shown_on_a_wider_range():
    result = last(matrices.spectrum(SpectrumRequest("symmetric:cauchy", 100, 5)))
    assert result.reach == 8 and result.outside > 0 and np.isfinite([row.measured for row in result.moments]).all()


def test_paths_move_slowly_within_their_law():
    result = matrices.path(PathRequest("goe", 8, frames=60, seed=1))
    assert result.eigenvalues.shape == (60, 8) and np.all(np.diff(result.eigenvalues, axis=1) > 0), "they never cross"
    assert np.abs(np.diff(result.eigenvalues, axis=0)).max() < 0.5 and result.times[1] == 0.01


@pytest.mark.parametrize("kind", ["goe", "symmetric:student", "symmetric:cauchy"])
def test_the_shown_code_of_a_spectrum_runs_and_agrees(kind):
    request = SpectrumRequest(kind, 20, 3, seed=5, nu=4.0)
    space, result = run(matrices.code(request)), last(matrices.spectrum(request))
    assert np.allclose(space["edges"], result.edges) and np.array_equal(space["counts"], result.counts)
    assert np.allclose(space["moments"], [row.measured for row in result.moments], rtol=1e-9)
