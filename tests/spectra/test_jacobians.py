"""Jacobians of random networks: against differences of the network itself, free values, and known moments."""

import numpy as np
import pytest

from tpcore.compute.tiles import get_threads, set_threads, tile_generators
from tpcore.errors import BudgetError, Misuse
from tpcore.nets import MLP
from tpcore.nets import variances as maps
from tpcore.spectra import jacobians as jac

NET = MLP(3, "tanh", 1.6, 0.3)


def replay(net, n, seed, weights, square):
    """The network of a seed as a function, and its input."""
    (rng,) = tile_generators(seed, 1)
    x = rng.standard_normal(n)
    x *= np.sqrt(square * n) / np.linalg.norm(x)
    layers = []
    for _ in range(net.depth):
        W = net.sigma_w * jac.weight_matrix(weights, n, rng)
        layers.append((W, net.sigma_b * rng.standard_normal(n) if net.sigma_b else np.zeros(n)))

    def run(X):
        for W, b in layers:
            X = np.tanh(W @ X + b[:, None])
        return X

    return run, x, layers


@pytest.mark.parametrize("weights", jac.WEIGHTS)
def test_it_is_the_jacobian_of_the_network(weights):
    n, eps = 40, 1e-5
    drawn = jac.jacobian_draws(NET, n, seed=7, weights=weights, q0=1.3)
    run, x, layers = replay(NET, n, 7, weights, 1.3)
    J = (run(x[:, None] + eps * np.eye(n)) - run(x[:, None] - eps * np.eye(n))) / (2 * eps)
    assert np.allclose(drawn.singular[0], np.linalg.svd(J, compute_uv=False), atol=1e-8)
    assert drawn.sizes[0, -1] == pytest.approx(np.sum(J * J) / n, rel=1e-7)
    h, slopes = x, []
    for W, b in layers:
        g = W @ h + b
        h = np.tanh(g)
        slopes.append(np.diag(1 - h**2))
    W, A = layers[-1][0], slopes[-1] ** 2
    B = W @ slopes[-2] ** 2 @ W.T
    words = [A @ B, A @ A @ B, A @ B @ B, A @ B @ A @ B, A @ A @ B @ B, A @ B @ A @ B @ A @ B]
    assert np.allclose(drawn.mixed[0], [np.trace(word) / n for word in words], rtol=1e-10)
    powers = [[np.trace(np.linalg.matrix_power(X, k)) / n for k in (1, 2, 3)] for X in (A, B)]
    assert np.allclose(drawn.moments[0], powers, rtol=1e-10)


def test_words_in_free_projections_are_known():
    """Two free projections of trace 1/2: tau((pq)^k) = C(2k, k) / 2^(2k + 1)."""
    half = np.full(3, 0.5)
    assert np.allclose(jac.free_words(half, half), [1 / 4, 1 / 4, 1 / 4, 3 / 16, 1 / 4, 5 / 32])
    assert np.allclose(jac.commuting_words(half, half), 1 / 4)


def test_words_in_free_matrices_are_those_of_a_turned_one():
    n, rng = 500, np.random.default_rng(2)
    a, b = rng.uniform(0.2, 2.0, n), rng.exponential(1.3, n)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    A, B = np.diag(a), (Q * b) @ Q.T
    moments = [[np.mean(x**k) for k in (1, 2, 3)] for x in (a, b)]
    words = [A @ B, A @ A @ B, A @ B @ B, A @ B @ A @ B, A @ A @ B @ B, A @ B @ A @ B @ A @ B]
    assert np.allclose(jac.free_words(*moments), [np.trace(w) / n for w in words], rtol=0.03)
    assert abs(jac.commuting_words(*moments)[3] / jac.free_words(*moments)[3] - 1) > 0.05


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_weights_and_slopes_are_free_although_one_makes_the_other(weights):
    n, draws, s = 240, 16, NET.sigma_w**2
    drawn = jac.jacobian_draws(NET, n, draws, seed=4, weights=weights)
    m1, m2, m3 = mu = maps.slope_moments("tanh", maps.fixed_point("tanh", NET.sigma_w, NET.sigma_b))
    b = (m1, m2 + m1**2, m3 + 3 * m2 * m1 + m1**3) if weights == "gaussian" else mu
    limit = jac.free_words(mu, np.array(b) * s ** np.arange(1, 4))
    error = drawn.mixed.std(axis=0, ddof=1) / np.sqrt(draws)
    assert (np.abs(drawn.mixed.mean(axis=0) - limit) < 3.5 * error + 1.5 * limit / n).all()
    own = np.array([jac.free_words(*of) for of in drawn.moments])
    apart = (drawn.mixed - own).mean(axis=0) / limit
    assert np.abs(apart).max() < 0.02, "by their own moments they are free to a percent or so"
    commuting = jac.commuting_words(mu, np.array(b) * s ** np.arange(1, 4))
    assert (commuting / limit)[[3, 5]].min() > 1.1, "which is not what commuting variables do"
    chi, sizes = s * m1, drawn.sizes
    z = (sizes.mean(axis=0) - chi ** np.arange(1, 4)) / (sizes.std(axis=0, ddof=1) / np.sqrt(draws))
    assert np.abs(z).max() < 3.5


def test_few_links_are_not_free():
    drawn = jac.jacobian_draws(NET, 240, 8, seed=1, weights="sparse")
    own = np.array([jac.free_words(a, b) for a, b in drawn.moments])
    apart = drawn.mixed - own
    z = apart.mean(axis=0) / (apart.std(axis=0, ddof=1) / np.sqrt(8))
    assert z[3] > 6 and apart.mean(axis=0)[3] > 0.1 * own[:, 3].mean()


@pytest.mark.parametrize("weights", jac.WEIGHTS)
def test_weights_have_their_law(weights):
    W = jac.weight_matrix(weights, 60, np.random.default_rng(3))
    assert np.mean(W**2) * 60 == pytest.approx(1, abs=0.1)
    if weights == "orthogonal":
        assert np.allclose(W @ W.T, np.eye(60))
        signs = [np.linalg.slogdet(jac.weight_matrix(weights, 5, np.random.default_rng(k)))[0] for k in range(40)]
        traces = [np.trace(jac.weight_matrix(weights, 5, np.random.default_rng(k))) for k in range(400)]
        assert -0.8 < np.mean(signs) < 0.8 and abs(np.mean(traces)) < 0.2, "Haar, not LAPACK's signs"
    if weights == "sparse":
        assert ((W != 0).sum(axis=1) <= jac.LINKS).all() and ((W != 0).sum(axis=0) <= jac.LINKS).all()


def test_a_seed_gives_the_same_numbers_in_chunks_and_on_any_threads():
    whole = jac.jacobian_draws(NET, 64, 11, seed=5)
    parts = list(jac.jacobian_chunks(NET, 64, 11, seed=5))
    assert len(parts) > 1 and np.array_equal(np.concatenate([p.singular for p in parts]), whole.singular)
    threads = get_threads()
    try:
        set_threads(1)
        assert np.array_equal(jac.jacobian_draws(NET, 64, 11, seed=5).mixed, whole.mixed)
    finally:
        set_threads(threads)
    assert len(np.unique(whole.singular[:, 0])) == 11 and len(whole) == 11


def test_no_input_and_no_noise_is_a_product_of_weights():
    """tanh at variance 0: all slopes are 1."""
    drawn = jac.jacobian_draws(MLP(5, "tanh", 0.8, 0.0), 50, weights="orthogonal")
    assert np.allclose(drawn.singular, 0.8**5) and np.allclose(drawn.sizes, 0.64 ** np.arange(1, 6))


def test_refusals_name_what_fits():
    fits = jac.largest_width(16, 4)
    with pytest.raises(BudgetError, match=f"At most n = {fits:,} fits"):
        jac.jacobian_draws(MLP(16, "tanh", 1.2, 0.1), fits + 1, 4)
    with pytest.raises(Misuse, match="grows without bound"):
        jac.jacobian_draws(MLP(2, "silu", 2.0, 0.5), 8)
    with pytest.raises(Misuse, match="jumps"):
        jac.jacobian_draws(MLP(2, "sign", 1.0, 0.5), 8)
    with pytest.raises(Misuse, match="'orthogonal'"):
        jac.jacobian_draws(NET, 8, weights="orthonormal")
