"""Networks of finite width: the law of the fast way is that of stored weights, and the limits are reached."""

import numpy as np
import pytest
from scipy import stats

from tests.cases import SMOOTH, parametrized, points
from tpcore import agreement
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import get_threads, set_threads
from tpcore.data import digits
from tpcore.errors import BudgetError, Cancelled, Misuse
from tpcore.finite.ensemble import ensemble
from tpcore.kernels import forward
from tpcore.kernels.empirical import empirical_nngp, empirical_nngp_chunks, empirical_ntk, sample_outputs
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.nets import MLP

FUNCTIONS = [empirical_nngp, empirical_ntk, sample_outputs]
named = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)


def two_sample(a, b):
    """z-scores of the difference of means and of variances, entrywise."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    scores = []
    for x, y in ((a, b), ((a - a.mean(0)) ** 2, (b - b.mean(0)) ** 2)):
        scores.append((x.mean(0) - y.mean(0)) / np.sqrt(x.var(0) / len(x) + y.var(0) / len(y) + 1e-300))
    return np.abs(scores).max()


@pytest.mark.parametrize(("phi", "depth", "width", "count"), [("tanh", 3, 4, 3), ("erf", 2, 4, 5), ("gelu", 3, 8, 3)])
@named
def test_law_is_that_of_stored_weights(function, phi, depth, width, count):
    """Four neurons and five inputs: the inputs span all there is, and nothing fresh is left."""
    net, X = MLP(depth, phi, 1.3, 0.4, 0.9), points(count, 6, seed=2)
    fast = function(net, X, width, 6000, 1)
    dense = function(net, X, width, 6000, 2, method="dense")
    assert two_sample(fast, dense) < 4


@pytest.mark.parametrize("width", [4, 8])
def test_outputs_have_the_law_of_the_program(width):
    net, X = MLP(2, "relu", 1.3, 0.4), points(3, 6, seed=2)
    fast = sample_outputs(net, X, width, 4000, 3)
    dense = ensemble(net.program(X), width, 2000, seed=4, method="dense").outputs["f"]
    for statistic in (lambda f: f[:, 0], lambda f: f[:, 2], lambda f: f[:, 0] * f[:, 1], lambda f: f[:, 1] - f[:, 2]):
        assert stats.ks_2samp(statistic(fast), statistic(dense)).pvalue > 1e-3
    assert two_sample(fast, dense) < 4


@pytest.mark.parametrize("convention", ["multiplier", "variance"])
def test_ntk_law_in_both_conventions(convention):
    net, X = MLP(2, "erf", 1.4, 0.5, 0.7), points(3, 4, seed=6)
    fast = empirical_ntk(net, X, 6, 6000, 1, convention=convention)
    assert two_sample(fast, empirical_ntk(net, X, 6, 6000, 2, convention=convention, method="dense")) < 4


def test_squares_that_single_precision_does_not_hold():
    """relu is homogeneous: weights a tenth as large in 20 layers scale a draw's kernel by 10^-40."""
    X = np.random.default_rng(4).standard_normal((3, 5))
    one, small = (empirical_nngp(MLP(20, "relu", w, 0.0, 1.0), X, 64, draws=2, seed=3) for w in (1.3, 0.13))
    assert np.allclose(small * 1e40, one, rtol=1e-4)


def test_outputs_and_kernels_of_a_seed_belong_to_the_same_networks():
    """Given all layers but the last, f is N(0, K), K the empirical NNGP: f^T K^-1 f is chi-squared, draw by draw."""
    net, X = MLP(3, "tanh", 1.4, 0.3), points(3, 6, seed=2)
    f, K = sample_outputs(net, X, 5, 4000, 8), empirical_nngp(net, X, 5, 4000, 8)
    square = np.einsum("di,dij,dj->d", f, np.linalg.inv(K), f)
    assert stats.kstest(square, stats.chi2(3).cdf).pvalue > 1e-3
    other = np.einsum("di,dij,dj->d", f, np.linalg.inv(np.roll(K, 1, 0)), f)
    assert stats.kstest(other, stats.chi2(3).cdf).pvalue < 1e-6
    # with one linear hidden layer the NTK is the NNGP plus a random multiple of the first covariance
    net = MLP(1, "identity", 1.2, 0.5)
    excess = (empirical_ntk(net, X, 5, 50, 8) - empirical_nngp(net, X, 5, 50, 8)) / net.first_covariance(X)
    np.testing.assert_allclose(excess, np.broadcast_to(excess[:, :1, :1], excess.shape), rtol=1e-4)


# without He_2 of He_2: too heavy-tailed for z-scores of 16 draws
@parametrized([case for case in SMOOTH if case.id != "mlp-hermite"])
def test_means_reach_the_limit(case):
    """Width 1024, 16 draws: no bias is left beyond the noise."""
    for finite, exact in ((empirical_nngp, nngp), (empirical_ntk, ntk)):
        draws = finite(case.net, case.X, 1024, 16, 5)
        scores = agreement.zscores(draws, exact(case.net, case.X))
        # entries are strongly correlated; Student's t with 15 degrees of freedom
        assert np.isfinite(scores).all() and np.abs(scores).max() < 5.5


@parametrized([case for case in SMOOTH if case.id in ("mlp-relu", "mlp-tanh", "mlp-gelu")])
def test_deviation_falls_like_one_over_the_root_of_the_width(case):
    widths = [64, 512, 4096]
    for finite, exact in ((empirical_nngp, nngp), (empirical_ntk, ntk)):
        K = exact(case.net, case.X)
        fit = agreement.slope(widths, [agreement.deviation(finite(case.net, case.X, n, 40, 3), K) for n in widths])
        assert abs(fit.slope + 0.5) < 0.07


@named
def test_draws_depend_on_neither_threads_nor_their_number(function):
    net, X = MLP(2, "gelu", 1.2, 0.3), points(3, 4, seed=1)
    before = get_threads()
    try:
        for width in (7, 3000, 70_000):
            set_threads(1)
            few = function(net, X, width, 3, 11)
            set_threads(2)
            many = function(net, X, width, 9, 11)
            np.testing.assert_array_equal(few, many[:3])
            assert not np.array_equal(few, function(net, X, width, 3, 12))
    finally:
        set_threads(before)


@named
def test_single_precision_is_below_the_noise(function, monkeypatch):
    net, X = MLP(3, "tanh", 1.3, 0.2), digits(12)[0]
    single = function(net, X, 400, 4, 2)
    monkeypatch.setattr(forward.Sampler, "precision", np.float64)
    double = function(net, X, 400, 4, 2)
    assert not np.array_equal(single, double)
    np.testing.assert_allclose(single, double, atol=2e-5 * np.abs(double).max())


def test_more_inputs_than_features_and_neurons():
    net, X = MLP(3, "relu", 1.3, 0.2), digits(80)[0]
    for width in (20, 200):
        K, T = empirical_nngp(net, X, width, 2), empirical_ntk(net, X, width, 2)
        assert np.isfinite(K).all() and np.isfinite(T).all()
        assert np.linalg.eigvalsh(T[0]).min() > -1e-3 * np.abs(T).max()


def test_streams_join_to_the_whole_and_report_progress():
    net, X = MLP(2, "relu", 1.3, 0.2), points(3)
    seen = []
    parts = list(empirical_nngp_chunks(net, X, 20_000, 30, 4, progress=lambda done, total: seen.append((done, total))))
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate(parts), empirical_nngp(net, X, 20_000, 30, 4))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen) and seen[-1][0] == seen[-1][1]


@named
def test_cancelled_within_a_draw(function):
    progress = Progress(lambda done, total: done >= 3 and progress.cancel())
    with pytest.raises(Cancelled):
        function(MLP(3), points(), 2_000_000, 4, progress=progress)
    assert progress.done < 20


def test_a_million_neurons_in_one_draw():
    X = digits(64)[0]
    net = MLP(3, "relu", 2**0.5, 0.1)
    deviation = agreement.deviation(empirical_nngp(net, X, 10**6, 1)[0], nngp(net, X))
    assert 2e-4 < deviation < 8e-3


@pytest.mark.parametrize(
    ("call", "fits"),
    [
        (lambda net, X: empirical_nngp(net, X, 100_000, 1, method="dense", budget=2**30), 10_000),
        (lambda net, X: empirical_nngp(net, X, 10, 10**9), 10**7),
        (lambda net, X: sample_outputs(net, np.zeros((10**5, 1)), 10, 1, budget=2**28), 1000),
    ],
)
def test_what_does_not_fit_is_refused_with_the_number_that_does(call, fits):
    with pytest.raises(BudgetError) as caught:
        call(MLP(3), points())
    assert fits / 10 < caught.value.fits < 2 * fits


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda net, X: empirical_ntk(MLP(2, "step"), X, 8, 2), "delta"),
        (lambda net, X: empirical_ntk(net, X, 8, 2, convention="mup"), "convention"),
        (lambda net, X: empirical_nngp(net, X, 0, 2), "width"),
        (lambda net, X: sample_outputs(net, X, 8, 0), "draws"),
        (lambda net, X: sample_outputs(net, X, 8, 2, seed=-1), "seed"),
        (lambda net, X: sample_outputs(net, X, 8, 2, method="denser"), "dense"),
        (lambda net, X: sample_outputs("net", X, 8, 2), "network"),
    ],
)
def test_misuse_is_refused_in_words(call, word):
    with pytest.raises(Misuse, match=word):
        call(MLP(2), points())


@pytest.mark.verify
@pytest.mark.parametrize("phi", ["relu", "erf", "tanh", "gelu"])
def test_long_ladder(phi, verify_table):
    """Deviation from the limit, widths 64 to 10^6, on 24 digits."""
    net, X = MLP(3, phi, 1.4, 0.1), digits(24)[0]
    widths = [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 10**6]
    for name, finite, exact in (("NNGP", empirical_nngp, nngp), ("NTK", empirical_ntk, ntk)):
        K = exact(net, X)
        draws = (finite(net, X, n, 24 if n > 10**5 else 60, 7) for n in widths)
        fit = agreement.slope(widths, [agreement.deviation(some, K) for some in draws])
        ok = abs(fit.slope + 0.5) < 0.02
        verify_table(f"{name} of a 3-layer {phi} MLP: slope of the deviation, widths 64 to 10^6",
                     f"{fit.slope:.4f} +- {fit.stderr:.4f}", "-0.5 +- 0.02", ok)
