"""Kernels of every architecture: the fast ways against the interpreter of programs, and against finite width."""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import ARCHITECTURES, EXACT, RING, degenerate, images, parametrized, points, sequences
from tpcore.errors import Misuse
from tpcore.kernels.covariance import covariance
from tpcore.kernels.nngp import by_program
from tpcore.nets import (
    CNN, GRU, LSTM, RNN, Act, Attention, AvgPool, BatchNormMLP, Conv, Dense, Flatten, GraphConv, LayerNorm,
    LayerNormMLP, MeanPool, Residual, ResNet, Sequential, Transformer,
)

FEW = [case for case in EXACT if not case.id.startswith("batchnorm") and case.id != "sequential-batch"]


def lowest(K):
    return np.linalg.eigvalsh(K).min() / max(np.abs(K).max(), 1e-300)


@parametrized(FEW)
def test_the_fast_way_is_the_limit_of_the_program(case):
    K = tp.nngp(case.net, case.X)
    limit = by_program(case.net, case.net.read(case.X))
    np.testing.assert_allclose(K, limit, rtol=0, atol=2e-11 * np.abs(limit).max())


@pytest.mark.parametrize(("phi", "depth"), [("relu", 2), ("identity", 1), ("leaky_relu(0.3)", 1)])
def test_batch_normalization_is_the_limit_of_the_program(phi, depth):
    """Batches of three have two Gaussians, which quadrature takes."""
    net, X = BatchNormMLP(depth, phi, 1.3, 0.4), points(3, 6, seed=5)
    np.testing.assert_allclose(tp.nngp(net, X), by_program(net, net.read(X)), rtol=1e-7)


def test_batches_of_two_and_shared_members():
    """A batch of two is its sign; equal batches have equal blocks; a scale does nothing."""
    net, X = Sequential(Dense(1.2), tp.nets.BatchNorm(), Act("relu")), points(4, 6, seed=6)
    # Nothing after the normalization: a batch's mean square is 1, its mean 0.
    bare = tp.nngp(Sequential(Dense(1.2), tp.nets.BatchNorm()), X)
    np.testing.assert_allclose([np.trace(bare), bare.sum()], [4.0, 0.0], atol=1e-12)
    pair = tp.nngp(net, X[:2])
    np.testing.assert_allclose(pair, np.eye(2) / 2, atol=1e-14)
    K = tp.nngp(net, [X[:2], X, X[:2] * 3.0, X + 1.0])
    np.testing.assert_allclose(K[6:8, :6], K[:2, :6], rtol=1e-9)
    np.testing.assert_allclose(K[8:, 8:], K[2:6, 2:6], rtol=1e-9)
    np.testing.assert_allclose(K[8:, 2:6], K[2:6, 2:6], rtol=1e-7)
    assert lowest(K) > -1e-10


@parametrized(ARCHITECTURES)
def test_kernels_are_symmetric_and_positive(case):
    K = tp.nngp(case.net, case.X, samples=2**10)
    assert np.array_equal(K, K.T) or np.abs(K - K.T).max() <= 1e-14 * np.abs(K).max()
    assert lowest(K) > -1e-10
    if not case.closed:
        assert K.method == "sampling" and 0 < K.error < 0.05 * np.abs(K).max()


def test_batches_of_several_sizes_against_plain_draws():
    """A batch of two with one of four and one of three: every entry, and the means that LayerNorm takes off."""
    X, sizes, draws = points(9, 6, seed=6), (2, 4, 3), 400_000
    X[5] = 0.8 * X[0] + 0.1 * X[5]
    cuts = np.split(np.arange(9), np.cumsum(sizes)[:-1])
    z = np.random.default_rng(3).multivariate_normal(np.zeros(9), X @ X.T / 6, size=draws, method="eigh")
    for cut in cuts:
        z[:, cut] -= z[:, cut].mean(axis=1, keepdims=True)
        z[:, cut] /= np.sqrt((z[:, cut] ** 2).mean(axis=1, keepdims=True))
    x = np.where(z > 0, z, 0.2 * z)
    head = (Dense(), tp.nets.BatchNorm(), Act("leaky_relu(0.2)"))
    K = tp.nngp(Sequential(*head), [X[cut] for cut in cuts])
    spread = np.array([[(x[:, i] * x[:, j]).std() for j in range(9)] for i in range(9)]) / np.sqrt(draws)
    assert (np.abs(K - x.T @ x / draws) < 4.5 * spread + 1e-9).all()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    K = tp.nngp(Sequential(*head, LayerNorm()), [X[cut] for cut in cuts])
    assert np.abs(K - x.T @ x / draws).max() < 0.012 and np.allclose(np.diag(K), 1.0)


ZEROS = [
    (ResNet(2, "relu", 1.2, None), points()), (CNN(2, "relu", 1.2, None, head="mean"), images()),
    (CNN(2, "gelu", 1.2, None), images()), (RNN("erf", 1.2, 0.9, None), sequences((3, 3, 3))),
    (GRU(), sequences((3, 3, 3))), (LSTM(1.0, 1.0, None), sequences((3, 3, 3))),
    (GraphConv(2, "tanh", 1.2, None, RING), points(4, 3)[None].repeat(3, 0)),
    (Sequential(Attention(), Act("erf"), MeanPool(), Dense()), sequences((3, 3, 3))),
    (LayerNormMLP(2, "relu", 1.2, 0.3), points()), (Transformer(1, 1.1, 1.2, 0.3), sequences((2, 2, 2))),
    (BatchNormMLP(2), points(8)),
]


@pytest.mark.parametrize(("net", "X"), ZEROS, ids=[type(net).__name__ for net, _ in ZEROS])
def test_duplicates_and_zeros(net, X):
    X = degenerate(net, X)
    K = tp.nngp(net, X, samples=2**10)
    assert np.isfinite(K).all() and lowest(K) > -1e-10
    count = len(K) // len(X)
    np.testing.assert_allclose(K[:count], K[count : 2 * count], rtol=1e-6, atol=1e-8)


def test_layer_normalization_of_nothing_is_refused():
    for net in (LayerNormMLP(1, "relu", 1.2, None), Transformer(1)):
        X = np.zeros((2, 3)) if isinstance(net, LayerNormMLP) else [np.zeros((2, 3))]
        with pytest.raises(Misuse, match="vary"):
            tp.nngp(net, X)
    with pytest.raises(Misuse, match="differ"):
        tp.nngp(BatchNormMLP(1), np.ones((3, 4)))


@parametrized(ARCHITECTURES)
def test_other_inputs_give_the_block_of_the_joint_kernel(case):
    X = case.X if isinstance(case.X, list) else [case.X]
    Y = [0.7 * np.roll(x, 1, axis=0) + 0.2 for x in X]
    batches = case.id.startswith("batchnorm") or case.id == "sequential-batch" or isinstance(case.X, list)
    graph = isinstance(case.net, GraphConv)
    joint = X + Y if batches else np.stack([X[0], Y[0]]) if graph else np.concatenate([X[0], Y[0]])
    if not isinstance(case.X, list):
        X, Y = X[0], Y[0]
    both = np.asarray(tp.nngp(case.net, joint, samples=2**9))
    cross = tp.nngp(case.net, X, Y, samples=2**9)
    half = len(both) // 2
    np.testing.assert_allclose(cross, both[:half, half:], rtol=1e-12, atol=1e-14)


JUNK = [None, "", "x", 1j, {}, object(), [None], lambda x: x, np.nan, [[1, 2], [3]], np.full((2, 2), np.nan), 3.0, [],
        np.ones(3), np.ones((1, 2, 2, 2, 2)), np.zeros((0, 3)), np.zeros((2, 0)), np.array([1, "a"], dtype=object)]


KINDS = ("layernorm", "batchnorm", "cnn-mean", "graph", "rnn", "gru", "attention", "transformer")


@parametrized([case for case in ARCHITECTURES if case.id in KINDS])
def test_junk_is_refused_in_words(case):
    for value in JUNK:
        calls = [lambda: tp.nngp(case.net, value), lambda: case.net.program(value),
                 lambda: tp.empirical_nngp(case.net, value, 8, 2)]
        if value is not None:
            calls.append(lambda: tp.nngp(case.net, case.X, value))
        for call in calls:
            with pytest.raises(Misuse) as caught:
                call()
            assert len(str(caught.value)) > 20
    for bad in (-1, 0.5, "x", 10**30):
        with pytest.raises(Misuse):
            tp.nngp(case.net, case.X, samples=bad)


def test_pixels_are_no_steps():
    """A cell behind a convolution of images: refused by the recursion as by the program."""
    for cell in (RNN(), GRU(), LSTM()):
        net = Sequential(Conv(2), cell, MeanPool(), Dense())
        for kernel in (tp.nngp, tp.ntk, lambda *given: tp.empirical_nngp(*given, 8, 2)):
            with pytest.raises(Misuse, match="needs sequences"):
                kernel(net, images())


def test_more_features_are_refused():
    with pytest.raises(Misuse, match="features"):
        tp.nngp(ResNet(1), points(), points(3, 6))
    with pytest.raises(Misuse, match="features"):
        tp.nngp(RNN(), sequences(), sequences(features=5))


def test_slabs_and_one_joint_matrix_agree():
    """Images one pair at a time, or all positions of all images at once (as for ragged items)."""
    from tpcore.kernels.covariance import _joint

    X = images(3)
    for net in (CNN(2, "relu", 1.3, 0.2), CNN(2, "erf", 1.3, 0.2, stride=2, head="mean"),
                Sequential(Conv(2), AvgPool(2, 1), Residual(Act("erf"), Conv(3, "same", 1, 0.9)), Act("gelu"),
                           Flatten(), Dense(1.1, 0.2), Act("relu"), LayerNorm(), Dense())):
        np.testing.assert_allclose(tp.nngp(net, X), _joint(net.stack, net.read(X), None), rtol=1e-12)


def test_without_a_recursion_the_program_is_asked():
    """Skip connections that are not fresh, activations of what is not Gaussian."""
    X = points(4)
    for net in (Sequential(Dense(1.2), Residual(Act("relu")), Dense(1.1, 0.2)),
                Sequential(Dense(1.2, 0.3), Act("relu"), LayerNorm(), Act("abs"), Dense())):
        K = tp.nngp(net, X)
        width = 4096
        E = tp.empirical_nngp(net, X, width=width, draws=12, seed=1)
        assert tp.agreement.deviation(E.mean(axis=0), K) < 0.03 and lowest(K) > -1e-10


def test_a_sequence_net_without_positions_left():
    """Sequential(Dense, phi, MeanPool, Dense) by hand: means of V over positions."""
    X = np.random.default_rng(0).normal(size=(3, 5, 4))
    K = tp.nngp(Sequential(Dense(1.3, 0.2), Act("erf"), MeanPool(), Dense(0.9, 0.5)), X)
    flat = X.reshape(15, 4)
    V = np.asarray(tp.expect.V("erf", 1.69 * flat @ flat.T / 4 + 0.04)).reshape(3, 5, 3, 5)
    np.testing.assert_allclose(K, 0.81 * V.mean(axis=(1, 3)) + 0.25, rtol=1e-13)
    K = tp.nngp(Sequential(Dense(1.3, 0.2), Act("erf"), Flatten(), Dense(0.9, 0.5)), X)
    np.testing.assert_allclose(K, 0.81 * np.einsum("apbp->ab", V) / 5 + 0.25, rtol=1e-13)


def test_graph_convolution_by_hand():
    X = points(4, 3)
    A = RING + np.eye(4)
    A = A / np.sqrt(np.outer(A.sum(1), A.sum(1)))
    sigma = 1.69 * A @ (X @ X.T / 3) @ A.T + 0.04
    sigma = 1.69 * A @ np.asarray(tp.expect.V("relu", sigma)) @ A.T + 0.04
    want = 1.69 * np.asarray(tp.expect.V("relu", sigma)) + 0.04
    np.testing.assert_allclose(tp.nngp(GraphConv(2, "relu", 1.3, 0.2, RING), X), want, rtol=1e-13)
    both = np.stack([X, -0.5 * X])
    np.testing.assert_allclose(tp.nngp(GraphConv(2, "relu", 1.3, 0.2, RING), both)[:4, :4], want, rtol=1e-13)


def test_random_logits_average_over_draws():
    """E A K A^T over logits R G R^T, against logits of finite networks, and one draw of many."""
    attention = Attention(heads=2, tied=False, scaling="sqrt", sigma_k=1.3, sigma_q=1.2)
    net = Sequential(attention, MeanPool(), Dense(1.1, 0.2))
    X = sequences((4, 3))
    K = tp.nngp(net, X, samples=2000)
    assert K.method == "sampling" and lowest(K) > -1e-10
    E = tp.empirical_nngp(net, X, width=256, draws=400, seed=2)
    spread = np.hypot(E.std(axis=0, ddof=1) / 20, K.error)
    assert (np.abs(E.mean(axis=0) - K) < 4 * spread).all()
    again = covariance(net, net.read(X), None, seed=1, draws=2000)
    assert np.abs(again - K).max() < 6 * K.error and not np.array_equal(again, K)


def test_kernels_that_take_a_while_tell_and_obey():
    random = Sequential(Attention(tied=False, scaling="sqrt"), MeanPool(), Dense())
    for net, X in ((LSTM(), sequences()), (random, sequences()), (CNN(2, head="mean"), images())):
        seen = []
        tp.nngp(net, X, samples=2**9, progress=lambda done, total: seen.append((done, total)))
        assert seen and seen[-1][0] == seen[-1][1] and [done for done, _ in seen] == list(range(1, len(seen) + 1))
        stopped = tp.compute.progress.Progress()
        stopped.cancel()
        with pytest.raises(tp.errors.Cancelled):
            tp.nngp(net, X, progress=stopped)
    with pytest.raises(Misuse, match="progress"):
        tp.nngp(CNN(1), images(), progress=3)


def test_random_logits_of_two_tokens_by_quadrature():
    """Two tokens: a query's weight is a sigmoid of one Gaussian, L_i1 - L_i2 of variance K_ii |x_1 - x_2|^2 a^2 b^2."""
    x = np.array([[0.9, -0.4], [0.3, 1.1]])
    K = x @ x.T / 2
    z, mass = np.polynomial.hermite_e.hermegauss(80)
    want = np.empty(2)
    for i in range(2):
        w = 1 / (1 + np.exp(-z * 1.7 * 2.1 * np.sqrt(K[i, i] * (K[0, 0] + K[1, 1] - 2 * K[0, 1]))))
        want[i] = mass @ (w**2 * K[0, 0] + 2 * w * (1 - w) * K[0, 1] + (1 - w) ** 2 * K[1, 1]) / mass.sum()
    found = tp.nngp(Sequential(Attention(1, False, "sqrt", sigma_k=1.7, sigma_q=2.1)), [x], samples=8000)
    assert (np.abs(np.diag(found) - want) < 4 * found.error).all() and found.error < 0.01 * want.min()


GATED = [(GRU(1.2, 0.9, 0.3), "z"), (LSTM(1.2, 0.9, 0.3), "i"), (GRU(1.2, 0.9, 0.5, 0.4, "tanh", "sigmoid"), "z")]


@pytest.mark.parametrize("net", [net for net, _ in GATED], ids=["gru", "lstm", "gru-tanh"])
def test_gated_networks_are_the_sampled_limit_of_their_program(net):
    X = sequences((2, 2))
    K = tp.nngp(net, X)
    limit = by_program(net, net.read(X), samples=2**12)
    assert np.abs(K - limit).max() < 6 * (K.error + getattr(limit, "error", 0.0)) < 0.2 * K.max()


def test_gated_networks_of_one_step_are_exact():
    """h^1 = z phi(h~): E z z' E phi phi'."""
    X = [x[:1] for x in sequences()]
    flat = np.concatenate(X)
    base = 0.81 * flat @ flat.T / 4 + 0.09
    z, h = (np.asarray(tp.expect.V(phi, base)) for phi in ("erf_sigmoid", "erf"))
    K = tp.nngp(GRU(1.2, 0.9, 0.3), X, samples=2**17)
    np.testing.assert_allclose(K, z * h, atol=1e-5)


def test_the_sample_is_the_same_for_all_and_the_error_is_honest():
    X = sequences((3, 2))
    net = LSTM(1.2, 0.9, 0.3)
    best = tp.nngp(net, X, samples=2**19, seed=5)
    for seed in range(3):
        K = tp.nngp(net, X, samples=2**12, seed=seed)
        assert np.array_equal(K, tp.nngp(net, X, samples=2**12, seed=seed))
        assert np.abs(K - best).max() < 6 * K.error
