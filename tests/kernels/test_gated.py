"""Tangent kernels of GRU and LSTM: the recursion over a common sample against the program, by hand, and its parts."""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import sequences
from tpcore.jitted import chains
from tpcore.kernels.uses import by_tangent
from tpcore.nets import GRU, LSTM

NETS = {
    "gru": (GRU(1.2, 0.9, 0.3), "multiplier"),
    "gru-tanh": (GRU(1.2, 0.9, 0.5, 0.4, "tanh", "sigmoid", readout="mean"), "variance"),
    "gru-relu": (GRU({"z": 1.2, "r": 0.6, "h": 1.4}, 0.9, None, phi="relu", readout="last"), "variance"),
    "lstm": (LSTM(1.2, 0.9, 0.3, sigma_v=1.3), "variance"),
    "lstm-tanh": (LSTM({"i": 1.2, "f": 0.7, "o": 1.1, "g": 1.5}, 0.9, 0.3, 0.3, "tanh", readout="mean"), "multiplier"),
}


def lowest(K):
    return np.linalg.eigvalsh(K).min() / np.abs(K).max()


LINEAR = [
    (GRU({"z": 0.8, "r": 1.1, "h": 1.3}, 0.9, 0.3, 0.4, phi="identity", gate="identity", readout="last"), "variance"),
    (GRU({"z": 0.8, "r": 1.1, "h": 1.3}, 0.9, None, phi="identity", gate="identity", readout="last"), "multiplier"),
    (LSTM({"i": 0.8, "f": 1.2, "o": 1.1, "g": 1.3}, 0.7, 0.3, 0.4, "identity", "identity", readout="last"),
     "multiplier"),
]


@pytest.mark.parametrize(("net", "convention"), LINEAR, ids=["gru", "gru-no-bias", "lstm"])
def test_the_recursion_is_the_limit_of_the_program(net, convention):
    """With linear gates the limit is exact: moments of polynomials."""
    X = [0.6 * x for x in sequences((2, 2))]
    K, limit = tp.ntk(net, X, convention=convention), by_tangent(net, net.read(X), convention)
    assert not hasattr(limit, "error")
    np.testing.assert_allclose(K, limit, rtol=0, atol=5e-4 * limit.max())
    assert np.abs(K - limit).max() < 6 * K.error


def test_kinks_in_the_program():
    net, convention = NETS["gru-relu"]
    X = sequences((2, 2))
    K = tp.ntk(net, X, convention=convention, samples=2**16)
    limit = by_tangent(net, net.read(X), convention, samples=2**12)
    assert np.abs(K - limit).max() < 5 * (K.error + limit.error) < 0.15 * K.max()


@pytest.mark.parametrize("name", NETS)
def test_tangent_kernels_are_positive_and_their_error_small(name):
    net, convention = NETS[name]
    K = tp.ntk(net, sequences((3, 2)), convention=convention, samples=2**14)
    assert np.array_equal(K, K.T) or np.abs(K - K.T).max() < 1e-14 * K.max()
    assert 0 < K.error < 0.01 * K.max() and lowest(K) > -1e-10


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_against_networks(name):
    """The mean over wide networks: z-scores, with the O(1/n) of their width."""
    net, convention = NETS[name]
    X, n = sequences((2, 2)), 192
    K = tp.ntk(net, X, convention=convention)
    E = tp.empirical_ntk(net, X, width=n, draws=40, seed=3, convention=convention)
    spread = np.sqrt(E.var(axis=0, ddof=1) / 40 + (2 * K.max() / n) ** 2)
    assert np.abs((E.mean(axis=0) - K) / spread).max() < 4


@pytest.mark.parametrize("convention", ["multiplier", "variance"])
def test_one_step_by_hand(convention):
    """GRU h = z phi(h~), LSTM h = o phi(i phi(g)): only U, b and v have uses."""
    X = np.concatenate([x[:1] for x in sequences((2, 2, 1))])
    inner, many = X @ X.T / 4, convention == "multiplier"
    sigma, psi = 0.81 * inner + 0.09, (0.81 * inner + 0.09 if many else inner + 1)
    V, dV = (lambda phi: np.asarray(tp.expect.V(phi, sigma))), (lambda phi: np.asarray(tp.expect.dV(phi, sigma)))
    gate, slope, value, bend = V("erf_sigmoid"), dV("erf_sigmoid"), V("erf"), dV("erf")
    want = 1.69 * psi * (gate * bend + slope * value) + (1.69 if many else 1.0) * gate * value
    K = tp.ntk(GRU(1.2, 0.9, 0.3, sigma_v=1.3), X[:, None], convention=convention)
    np.testing.assert_allclose(K, want, rtol=0, atol=2e-5 * want.max())
    # sigma_w has no use in the first step; a linear phi leaves products of two Gaussians.
    identity = 1.69 * psi * (gate * gate + 2 * slope * gate * sigma) + (1.69 if many else 1.0) * gate * gate * sigma
    K = tp.ntk(LSTM(0.7, 0.9, 0.3, phi="identity", sigma_v=1.3), X[:, None], convention=convention)
    np.testing.assert_allclose(K, identity, rtol=0, atol=2e-4 * identity.max())


def chain(seed=5, steps=(3, 2), points=300):
    """States of two sequences: M, the state before each, and samples (M, N) in (0, 1)."""
    rng = np.random.default_rng(seed)
    before = np.concatenate([np.arange(-1, count - 1) + (start if count else 0) for start, count in ((0, 3), (3, 2))])
    before[[0, 3]] = -1
    M = sum(steps)
    covs = [F @ F.T for F in rng.normal(size=(3, M, M))]
    return rng, before, covs, rng.uniform(size=(M, points)), rng.normal(size=(2, M, points))


def combined(before, keep, take):
    """(M, M, N): coefficients A of x_j = keep_j x_before + take_j y_j."""
    A = np.zeros((len(before), *keep.shape))
    for j in range(len(before)):
        if before[j] >= 0:
            A[j] = keep[j] * A[before[j]]
        A[j, j] += take[j]
    return A


def test_products_of_chains():
    """Rows 1 and 4 against the plain sum over all pairs of steps, at every point."""
    rng, before, covs, keep, take = chain()
    weight, known, out = rng.normal(size=keep.shape), np.array([0, 1, 3, 4]), np.empty((2, 4))
    A = [combined(before, keep, part) for part in take]
    want = sum(np.einsum("rkn,kl,jln->rjn", a[[1, 4]], cov, a) for a, cov in zip(A, covs, strict=False))
    want = (want * weight * weight[[1, 4]][:, None]).sum(axis=2)[:, known]
    own = np.stack([[a[row, at] for a in A] for row, at in ((1, [0, 1]), (4, [3, 4]))])
    cov = np.stack([[c[np.ix_(known, at)] for c in covs[:2]] for at in ([0, 1], [3, 4])])
    chains.products(own, weight[[1, 4]], cov, keep, take, weight, before, known, out)
    np.testing.assert_allclose(out, want, rtol=1e-11, atol=1e-10)
    chains.products(own, np.ones((2, 300)), cov, keep, take, np.empty((0, 0)), before, known, out)
    want = sum(np.einsum("rkn,kl,jln->rj", a[[1, 4]], cov, a) for a, cov in zip(A, covs, strict=False))[:, known]
    np.testing.assert_allclose(out, want, rtol=1e-11, atol=1e-10)


def test_updates_of_chains():
    """Rows 1 and 4: sum_{k, l} of moved_k moved_l cov_kl Cov(y_k - h_{k-1}, y_l - h_{l-1}), h by its coefficients."""
    _, before, (V, cov, _), keep, (slope, _) = chain()
    h = combined(before, keep, 1 - keep)
    moved = combined(before, keep, slope)
    e = np.repeat(np.eye(5)[:, :, None], 300, axis=2)
    e[before >= 0] -= h[before[before >= 0]]
    E = np.einsum("kan,ab,lbn->kln", e, V, e)
    want = np.einsum("rkn,kl,kln,jln->rj", moved[[1, 4]], cov, E, moved)
    known, first, out = np.arange(5), np.array([0, 3]), np.empty((2, 5))
    own = np.stack([moved[1, :2], moved[4, 3:]])
    rows = [np.stack([part[:2], part[3:]]) for part in (V, cov)]
    chains.updates(own, *rows, keep, slope, first, before, known, out)
    np.testing.assert_allclose(out, want, rtol=1e-11, atol=1e-10)


def test_the_error_is_honest_and_readouts_agree():
    X = sequences((3, 2))
    each, mean = (GRU(1.1, 0.9, 0.3, readout=kind) for kind in ("each", "mean"))
    best, coarse = tp.ntk(each, X, samples=2**17, seed=1), tp.ntk(each, X, samples=2**11)
    assert 0 < best.error < coarse.error and np.abs(best - coarse).max() < 6 * coarse.error
    average = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]]) / [[3], [2]]
    found = tp.ntk(mean, X, samples=2**17, seed=1)
    np.testing.assert_allclose(found, average @ np.asarray(best) @ average.T, rtol=1e-12)


def test_duplicates_and_zeros():
    X = np.random.default_rng(2).normal(size=(3, 3, 4))
    X[1], X[2] = X[0], 0.0
    for net in (GRU(1.1, 0.9, None), LSTM(1.1, 0.9, None, phi="tanh")):
        K = tp.ntk(net, X, samples=2**11)
        assert np.isfinite(K).all() and lowest(K) > -1e-10
        np.testing.assert_allclose(K[:3], K[3:6], rtol=1e-10, atol=1e-12)
        cross = tp.ntk(net, X[:2], X[2:], samples=2**11)
        np.testing.assert_allclose(cross, K[:6, 6:], rtol=1e-12)
