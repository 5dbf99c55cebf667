"""Regression with kernels: closed forms against linear algebra, integrated flows and ensembles of finite networks."""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import points
from tpcore.errors import Misuse
from tpcore.kernels.uses import tangent_program
from tpcore.nets import MLP, Act, Dense, ResNet, Sequential

NET = MLP(2, "erf", 1.3, 0.4, 0.9)
X = points(7, 4, seed=2)
X[3], X[4] = points(2, 4, seed=9)
Y = np.sin(np.arange(4.0)) * 1.5
N = len(Y)


@pytest.fixture(scope="module")
def pair():
    return np.asarray(tp.nngp(NET, X)), np.asarray(tp.ntk(NET, X))


def test_posterior_is_the_conditional_law(pair):
    """By the precision matrix of outputs and noise, instead of the covariance."""
    K, noise = pair[0], 0.07
    found = tp.regression.posterior(K, Y, noise)
    # p(f | y) ~ exp(-f^T K^-1 f / 2 - |y - f_X|^2 / (2 noise)) over all seven inputs.
    precision = np.linalg.inv(K)
    precision[:N, :N] += np.eye(N) / noise
    cov = np.linalg.inv(precision)
    mean = cov[:, :N] @ Y / noise
    np.testing.assert_allclose(found.mean, mean[N:], rtol=1e-9)
    np.testing.assert_allclose(found.cov, cov[N:, N:], rtol=1e-9)
    every = tp.regression.posterior(K, Y, noise, rows=np.arange(7))
    np.testing.assert_allclose(every.mean, mean, rtol=1e-9)
    np.testing.assert_allclose(every.std, np.sqrt(np.diag(cov)), rtol=1e-9)
    assert found.jitter == 0.0


def test_without_noise_it_goes_through_the_data(pair):
    found = tp.regression.posterior(pair[0], np.stack([Y, 2 - Y], axis=1), rows=[0, 1, 2, 3, 5])
    np.testing.assert_allclose(found.mean[:N], np.stack([Y, 2 - Y], axis=1), atol=1e-12)
    assert found.mean.shape == (5, 2) and np.abs(found.cov[:N]).max() < 1e-9 < found.cov[4, 4]


def test_duplicates_need_jitter(pair):
    twice = np.asarray(tp.nngp(NET, X[[0, 1, 1, 2, 5]]))
    found = tp.regression.posterior(twice, [1.0, 0.5, 0.5, -1.0])
    once = tp.regression.posterior(twice[np.ix_([0, 1, 3, 4], [0, 1, 3, 4])], [1.0, 0.5, -1.0])
    assert 0 < found.jitter < 1e-7
    np.testing.assert_allclose(found.mean, once.mean, rtol=1e-4)
    np.testing.assert_allclose(found.cov, once.cov, rtol=1e-4)
    with pytest.raises(Misuse, match="jitter"):
        tp.regression.posterior(twice, [1.0, 0.5, 0.5, -1.0], jitter=0.0)


def euler(K, theta, t, steps):
    """(M, N) maps of f_0 and of y by plain Euler steps: f_t = start f_0 + pull y over all inputs."""
    start, pull = np.eye(len(K)), np.zeros((len(K), N))
    for _ in range(steps):
        start = start - t / steps * theta[:, :N] @ start[:N]
        pull = pull - t / steps * theta[:, :N] @ (pull[:N] - np.eye(N))
    return pull @ Y, start @ K @ start.T


@pytest.mark.parametrize("t", [0.3, 2.0])
def test_flow_against_euler_steps(pair, t):
    """Richardson's extrapolation of two Euler runs, whose errors are of first order in the step."""
    K, theta = pair
    coarse, fine = (euler(K, theta, t, steps) for steps in (4000, 8000))
    found = tp.regression.flow(K, theta, Y, t, rows=np.arange(7))
    for exact, a, b in zip((found.mean, found.cov), coarse, fine, strict=True):
        np.testing.assert_allclose(exact, 2 * b - a, atol=2e-6)
        assert np.abs(b - exact).max() < 0.6 * np.abs(a - exact).max()


def test_flow_begins_at_the_prior_and_ends_on_the_data(pair):
    K, theta = pair
    found = tp.regression.flow(K, theta, Y, [0.0, 1e-9, 1e6, np.inf], rows=np.arange(7))
    assert found.mean.shape == (4, 7) and found.cov.shape == (4, 7, 7) and found.std.shape == (4, 7)
    np.testing.assert_allclose(found.cov[0], K, rtol=1e-12)
    np.testing.assert_allclose(found.mean[0], 0, atol=1e-15)
    np.testing.assert_allclose(found.mean[1], theta[:, :N] @ Y * 1e-9, rtol=1e-6)
    np.testing.assert_allclose(found.mean[2:, :N], [Y, Y], atol=1e-12)
    assert np.abs(found.cov[2:, :N]).max() < 1e-9
    np.testing.assert_allclose(found.mean[2], found.mean[3], rtol=1e-9)
    assert (np.linalg.eigvalsh(found.cov)[:, 0] > -1e-10).all()
    # All weights at once is not inference: another mean, another spread.
    inference = tp.regression.posterior(K, Y)
    assert np.abs(found.mean[3, N:] - inference.mean).max() > 1e-3
    assert np.abs(found.cov[3, N:, N:] - inference.cov).max() > 1e-3


def test_a_kernel_of_zeros_never_learns():
    """As of the input zero without biases: the outputs stay where they were."""
    for y, shape in (([1.0], (2, 1)), ([[1.0, 2.0]], (2, 1, 2))):
        found = tp.regression.flow(np.zeros((2, 2)), np.zeros((2, 2)), y, [0.5, np.inf])
        assert found.mean.shape == shape and not found.mean.any() and not found.cov.any()


def test_training_the_readout_alone_is_inference(pair):
    """theta = K: what the readout and its bias contribute to the tangent kernel is the covariance of the outputs."""
    K = pair[0]
    found, inference = tp.regression.flow(K, K, Y), tp.regression.posterior(K, Y)
    np.testing.assert_allclose(found.mean, inference.mean, rtol=1e-9)
    np.testing.assert_allclose(found.cov, inference.cov, rtol=1e-8, atol=1e-11)
    body = (Dense(1.3, 0.4), Act("erf"), Dense(1.3, 0.4), Act("erf"))
    rest = np.asarray(tp.ntk(Sequential(*body), X))  # the layers below, per coordinate of the last
    np.testing.assert_allclose(pair[1] - 0.81 * rest, K, rtol=1e-12)


def test_readouts_of_finite_networks_train_to_the_posterior():
    """Networks of width 1500, readouts trained to the end: outputs minus the posterior mean have its covariance."""
    net, draws, width = MLP(1, "relu", 1.4, 0.3, 1.1), 400, 1500
    K, rng, after = np.asarray(tp.nngp(net, X)), np.random.default_rng(4), []
    for _ in range(draws):
        h = rng.normal(0, 1.4 / 2, (width, 4)) @ X.T + rng.normal(0, 0.3, (width, 1))
        x = np.vstack([1.1 * np.maximum(h, 0) / np.sqrt(width), np.full((1, 7), 0.3)])
        v = rng.normal(size=width + 1)
        # Gradient flow moves v within the span of the training features alone.
        v = v + np.linalg.lstsq(x[:, :N].T, Y - v @ x[:, :N], rcond=None)[0]
        after.append(v @ x)
    after = np.array(after)[:, N:]
    found = tp.regression.posterior(K, Y)
    z = (after.mean(axis=0) - found.mean) / (found.std / np.sqrt(draws))
    assert np.abs(z).max() < 4
    scale = np.sqrt(np.outer(found.std**2, found.std**2) + found.cov**2) / np.sqrt(draws)
    assert (np.abs(np.cov(after.T) - found.cov) < 4 * scale + 0.03 * found.cov.max()).all()


def test_flow_against_an_ensemble_of_linearized_networks():
    """f_t of 200 networks of width 512, each with its own tangent kernel: mean and covariance of the ensemble."""
    net, draws, t = ResNet(1, "erf", 1.2, 0.3), 200, 0.8
    prog = tangent_program(net.build(net.read(X)), "multiplier")
    ran = tp.ensemble(prog, width=512, draws=draws, seed=11)
    kernels = ran.scalars["ntk"]
    # Given the layers below, f_0 is Gaussian with the readout's part of that network's own kernel.
    normal = np.random.default_rng(1).normal(size=(draws, 8))
    readout = ran.scalars["ntk_v"] - 0.09  # without the bias's variance
    after = []
    for theta, gram, g in zip(kernels, readout, normal, strict=True):
        values, vectors = np.linalg.eigh(gram)
        start = vectors @ (np.sqrt(np.maximum(values, 0)) * g[:7]) + 0.3 * g[7]
        w, V = np.linalg.eigh(theta[:N, :N])
        A = theta[:, :N] @ (V * ((1 - np.exp(-t * w)) / w)) @ V.T
        after.append(start + A @ (Y - start[:N]))
    after = np.array(after)
    found = tp.regression.flow(tp.nngp(net, X), tp.ntk(net, X), Y, t, rows=np.arange(7))
    assert (np.abs(after.mean(axis=0) - found.mean) < 4 * found.std / np.sqrt(draws) + 0.02).all()
    scale = np.sqrt(np.outer(found.std**2, found.std**2) + found.cov**2) / np.sqrt(draws)
    assert (np.abs(np.cov(after.T) - found.cov) < 4 * scale + 0.02).all()


def test_samples(pair):
    K = pair[0]
    prior = tp.regression.sample(K, 4000, seed=3)
    scale = np.sqrt(np.outer(np.diag(K), np.diag(K)) + K**2) / np.sqrt(4000)
    assert prior.shape == (4000, 7) and (np.abs(prior.T @ prior / 4000 - K) < 4.5 * scale).all()
    found = tp.regression.posterior(K, Y)
    drawn = found.sample(4000, seed=2)
    assert (np.abs(drawn.mean(axis=0) - found.mean) < 4 * found.std / np.sqrt(4000)).all()
    np.testing.assert_allclose(drawn.std(axis=0), found.std, rtol=0.05)
    assert np.array_equal(drawn, found.sample(4000, seed=2))


REFUSED = {
    "too many": (lambda K: tp.regression.posterior(K, np.ones(9)), "first N"),
    "no others": (lambda K: tp.regression.posterior(K, np.ones(7)), "rows"),
    "rows beyond": (lambda K: tp.regression.posterior(K, Y, rows=[7]), "rows of K"),
    "ragged": (lambda K: tp.regression.posterior([[1.0, 2.0], [3.0]], Y), "K must be an array"),
    "ragged rows": (lambda K: tp.regression.posterior(K, Y, rows=[[1], [2, 3]]), "rows must be an array"),
    "rectangular": (lambda K: tp.regression.posterior(K[:3], Y), "square"),
    "askew": (lambda K: tp.regression.posterior(np.triu(K), Y), "symmetric"),
    "noise": (lambda K: tp.regression.posterior(K, Y, -1.0), "noise"),
    "nan": (lambda K: tp.regression.posterior(K, [np.nan, 1]), "finite"),
    "time": (lambda K: tp.regression.flow(K, K, Y, -1.0), "time"),
    "times": (lambda K: tp.regression.flow(K, K, Y, [[1.0]]), "time"),
    "another theta": (lambda K: tp.regression.flow(K, K[:6, :6], Y), "same inputs"),
    "negative theta": (lambda K: tp.regression.flow(K, -K, Y), "semidefinite"),
    "no covariance": (lambda K: tp.regression.flow(K, K, Y, covariance=False).std, "covariance"),
    "several times": (lambda K: tp.regression.flow(K, K, Y, [1.0, 2.0]).sample(3), "one time"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_misuse_is_refused_in_words(name, pair):
    make, word = REFUSED[name]
    with pytest.raises(Misuse, match=word):
        make(pair[0])
