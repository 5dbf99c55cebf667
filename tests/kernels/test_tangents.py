"""Tangent kernels of every architecture: recursions against the program's limit, published values, properties.

The numbers written here are the first digits of the reference files E and F (Tensor Programs II's kernels recomputed,
and neural-tangents 0.6.5), which are compared whole where they are at hand.
"""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import ARCHITECTURES, EXACT, RING, Case, degenerate, images, parametrized, points, sequences
from tests.kernels.test_published import CONVOLUTIONS, STACKS, raw_digits, scaled_digits
from tpcore.errors import Misuse
from tpcore.kernels.uses import by_tangent
from tpcore.nets import (
    CNN, GRU, LSTM, MLP, RNN, Act, Attention, BatchNorm, BatchNormMLP, Dense, Flatten, GraphConv, LayerNormMLP,
    MeanPool, Residual, ResNet, Sequential, Transformer,
)

FAST = [case for case in EXACT if "batch" not in case.id and case.id != "cnn-stride"] + [
    Case("mlp", MLP(2, "gelu", 1.3, 0.4, 0.8), points(3)), Case("mlp-no-bias", MLP(2, "relu", 1.3, None), points(3)),
    Case("cnn-free", CNN(1, "erf", 1.3, 0.0), images(2, (2, 2))),
    Case("rnn-free", RNN("erf", 1.2, 0.7, 0.0), sequences()),
]
FINITE = [case for case in ARCHITECTURES if case.id not in ("batchnorm-two", "gru")]


def lowest(K):
    return np.linalg.eigvalsh(K).min() / max(np.abs(K).max(), 1e-300)


QUICK = ("graph", "attention", "attention-untied", "cnn-valid", "layernorm-tanh", "rnn-last", "rnn-mean", "rnn-free")


@parametrized(FAST)
def test_the_recursion_is_the_limit_of_the_program(case):
    """The sum over all uses, in the limit; the quick ones in both conventions."""
    few = case.id.startswith(("resnet", "cnn-mean", "cnn-line", "sequential-mixed"))
    X = case.X[:2] if few else sequences((2, 2)) if case.id == "transformer" else case.X
    one = ("variance", "multiplier")[FAST.index(case) % 2]
    for convention in ("variance", "multiplier") if case.id in QUICK else (one,):
        K = tp.ntk(case.net, X, convention=convention)
        limit = by_tangent(case.net, case.net.read(X), convention)
        np.testing.assert_allclose(K, limit, rtol=0, atol=2e-11 * np.abs(limit).max())


@pytest.mark.parametrize("net", [CNN(1, "relu", 1.2, 0.0), Transformer(1, 1.1, 1.2, 0.0), RNN("erf", 1.2, 0.9, 0.0)])
def test_biases_at_zero_train(net):
    """sigma_b = 0 against None: nothing in "multiplier", where sigma_b carries the slope; more in "variance"."""
    X = images(2) if isinstance(net, CNN) else sequences()
    without = tp.nets.from_spec(net.spec() | {"sigma_b": None})
    np.testing.assert_allclose(tp.ntk(net, X), tp.ntk(without, X), rtol=1e-14)
    more = tp.ntk(net, X, convention="variance") - tp.ntk(without, X, convention="variance")
    assert np.diag(more).min() > 0.1 and lowest(more) > -1e-12


def test_without_a_recursion_the_program_is_asked():
    """A skip without weights; a recurrent cell among layers; batch normalization before tanh."""
    net, X = Sequential(Dense(1.2), Residual(Act("relu")), Dense(1.1, 0.2)), points(3)
    K = tp.ntk(net, X)
    leaky = Sequential(Dense(2.4), Act("leaky_relu(0.5)"), Dense(1.1, 0.2))  # x + relu(x) = 2 leaky_relu(x)
    np.testing.assert_allclose(K, tp.ntk(leaky, X), rtol=1e-9)
    cell = Sequential(RNN("erf", 1.2, 0.9, 0.3), MeanPool(), Dense(1.1, None))
    known = tp.ntk(RNN("erf", 1.2, 0.9, 0.3, sigma_v=1.1, readout="mean"), sequences())
    np.testing.assert_allclose(tp.ntk(cell, sequences()), known, rtol=1e-10)
    K = tp.ntk(Sequential(Dense(), BatchNorm(), Act("tanh"), Dense()), points(8), samples=2**12)
    assert K.error > 0 and lowest(K) > -1e-10


def batchnorm(depth):
    return Sequential(*(Dense(1.0, None), BatchNorm(), Act("relu")) * depth, Dense(1.0, None))


def test_batchnorm():
    """E: batches of eight digits; quadrature converged to 1e-13."""
    X = raw_digits(16) / 16
    K = tp.ntk(batchnorm(1), [X[:8], X[8:]])
    np.testing.assert_allclose(K[0, :3], [1.2204111396792519, -0.10244531290582891, 0.009687274672341512], rtol=1e-11)
    np.testing.assert_allclose(K[0, 8:10], [0.14705430976569717, 0.2789524201472534], rtol=1e-11)
    np.testing.assert_allclose(K[9, 8:10], [0.10337656640257664, 1.0197743013570162], rtol=1e-11)


def test_batchnorm_file(reference):
    file = reference("E_ntk4a_batchnorm.npz")
    K = tp.ntk(batchnorm(3), [file["X1_digits"], file["X2_digits"]])
    np.testing.assert_allclose(K, file["ntk_digits_d3"], atol=1e-11)


def test_batchnorm_against_plain_draws():
    """Batches of eight, of seven and of two (whose slope is 0): the Jacobian through the statistics, drawn."""
    X, draws = points(17, 9, seed=6), 20_000
    cuts = np.split(np.arange(17), [8, 15])
    z = np.random.default_rng(3).multivariate_normal(np.zeros(17), X @ X.T / 9, size=draws, method="eigh")
    J, x = np.zeros((draws, 17, 17)), np.zeros((draws, 17))
    for cut in cuts:
        size = len(cut)
        centred = z[:, cut] - z[:, cut].mean(axis=1, keepdims=True)
        s = np.sqrt((centred**2).mean(axis=1))
        y = centred / s[:, None]
        slope = np.where(y > 0, 1.0, 0.2)
        inner = np.eye(size) - 1 / size - y[:, :, None] * y[:, None, :] / size
        J[np.ix_(range(draws), cut, cut)] = slope[:, :, None] * inner / s[:, None, None]
        x[:, cut] = y * slope
    T = X @ X.T / 9
    drawn = J @ T @ np.swapaxes(J, 1, 2) + x[:, :, None] * x[:, None, :]
    net = Sequential(Dense(1.0, None), BatchNorm(), Act("leaky_relu(0.2)"), Dense(1.0, None))
    K = tp.ntk(net, [X[cut] for cut in cuts])
    z = (drawn.mean(axis=0) - K) / (drawn.std(axis=0) / np.sqrt(draws) + 1e-9)
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(K[15:, 15:], np.array([[0.52, -0.2], [-0.2, 0.52]]), rtol=1e-9)


def test_batches_of_three_have_no_tangent_kernel():
    for X in (points(3, 7), [points(5, 7), points(3, 7, seed=3)]):
        for net in (BatchNormMLP(1), BatchNormMLP(1, "tanh")):
            with pytest.raises(Misuse, match="infinite.*three"):
                tp.ntk(net, X)
    np.testing.assert_allclose(tp.ntk(BatchNormMLP(1, "abs", 1.2, None), points(2)), 1.44, rtol=1e-12)


def test_rnn():
    """E: tied erf-RNN over the rows of digits; variances of W, U, b, v; average or last step read out."""
    X = raw_digits(4).reshape(4, 8, 8) / 16
    want = [1.4604087242719341, 1.1581991863884387, 1.2380295841397566, 1.259106501910359]
    K = tp.ntk(RNN("erf", 1, np.sqrt(2), np.sqrt(0.2), readout="mean"), X, convention="variance")
    np.testing.assert_allclose(K[0], want, rtol=1e-13)
    want = [5.484661565116064, 2.2908061114968348, 2.4579517789659087, 2.899985293652468]
    K = tp.ntk(RNN("erf", np.sqrt(1.5), 1, np.sqrt(0.1), readout="last"), X, convention="variance")
    np.testing.assert_allclose(K[0], want, rtol=1e-13)


def test_rnn_file(reference):
    """Two sentences of 7 and 9 words. The published code stops early there (README of the reference)."""
    file = reference("E_ntk4a_rnn.npz")
    tokens = file["tokens_glove"].astype(float)
    for i, (w, u, b, v, pooled) in enumerate(file["combos_glove"]):
        net = RNN("erf", *np.sqrt([w, u, b, v]), readout="mean" if pooled else "last")
        K = tp.ntk(net, [tokens[:7], tokens[7:]], convention="variance")
        np.testing.assert_allclose(K, file[f"ntk_glove_{i}"], rtol=1e-13)


TRANSFORMERS = {  # E, first row: depth, variances of U, W, v; masked
    (1, 1.0, 1.0, 1.0, False): [2.3648279910721914, 1.6305985950547273, 2.0280763132571784],
    (3, 2.0, 1.5, 0.8, False): [3.696277158049643, 2.3586873102218586, 2.988940299831064],
    (3, 2.0, 1.5, 0.8, True): [3.331551465590553, 2.604352926220882, 2.742637201218466],
}


@pytest.mark.parametrize("key", TRANSFORMERS, ids=str)
def test_transformer(key):
    """The published code squares sigma_u^2 once more on the way back (README of the reference)."""
    depth, u, w, v, masked = key
    net = Transformer(depth, np.sqrt(u), np.sqrt(w), None, masked=masked, sigma_v=np.sqrt(v), readout="mean")
    K = tp.ntk(net, raw_digits(3).reshape(3, 8, 8) / 16, convention="variance")
    np.testing.assert_allclose(K[0], TRANSFORMERS[key], rtol=1e-9)


TANGENT_CONVOLUTIONS = {  # F, first row, as CONVOLUTIONS
    (1, "same", "flatten"): [3.628858023887079, 1.7320902034819312, 2.1210671505752887],
    (1, "same", "mean"): [1.506979550637554, 1.3553954768198992, 1.4512615190690883],
    (1, "circular", "flatten"): [3.871199999999998, 1.9225898730493354, 2.2300657268299124],
    (1, "circular", "mean"): [1.6909621958173402, 1.5373751720309277, 1.6370681845555457],
    (3, "same", "flatten"): [5.844951508654544, 2.5599194603908755, 3.0123819246456867],
    (3, "same", "mean"): [1.979667700942792, 1.8924990741358614, 1.9409081541348163],
    (3, "circular", "flatten"): [7.475004959999996, 3.3467890991818035, 3.766004565023314],
    (3, "circular", "mean"): [3.0777095673747645, 2.822085599092347, 2.9663965609361638],
}


@pytest.mark.parametrize("key", CONVOLUTIONS, ids=str)
def test_convolutions(key):
    depth, padding, head = key
    X = scaled_digits(3).reshape(3, 8, 8, 1)
    K = tp.ntk(CNN(depth, "relu", 1.4, 0.1, padding=padding, head=head), X)
    np.testing.assert_allclose(K[0], TANGENT_CONVOLUTIONS[key], rtol=1e-12)


def test_convolutions_file(reference):
    file = reference("F_nt_cnn.npz")
    for depth, padding, head in CONVOLUTIONS:
        K = tp.ntk(CNN(depth, "relu", 1.4, 0.1, padding=padding, head=head), file["X"])
        name = f"ntk_cnn_L{depth}_{padding.upper()}_{'gap' if head == 'mean' else 'flatten'}"
        np.testing.assert_allclose(K, file[name], rtol=1e-12)


def test_attention():
    """F: keys = queries, logits q.k/d, softmax; then flatten or average, Dense(1.2, 0.1)."""
    X = scaled_digits(3).reshape(3, 8, 8)
    for layer, want in ((Flatten(), [3.448701349813498, 2.523119788910878, 3.0133763761166388]),
                        (MeanPool(), [3.4148344544942084, 2.523309277754861, 3.0157210538326393])):
        K = tp.ntk(Sequential(Attention(), layer, Dense(1.2, 0.1)), X)
        np.testing.assert_allclose(K[0], want, rtol=1e-12)


TANGENT_STACKS = {  # F, entries (0, 0), (0, 1), as STACKS; relu's diagonals are off by 1e-8 there
    ("res", "relu", 3, 1.5, 0.1): [87.7908056640625, 39.15737929248134],
    ("res", "erf", 3, 1.0, 0.0): [2.770379039350561, 0.77524084383784],
    ("ln", "relu", 3, 1.5, 0.1): [4.480351646645579, 2.020783801837214],
    ("ln", "erf", 3, 1.0, 0.0): [2.5873427267371083, 0.8197203640238484],
}


@pytest.mark.parametrize("key", STACKS, ids=str)
def test_residual_and_layernorm(key):
    kind, phi, depth, w, b = key
    K = tp.ntk((ResNet if kind == "res" else LayerNormMLP)(depth, phi, w, b), scaled_digits(2))
    np.testing.assert_allclose(K[0], TANGENT_STACKS[key], rtol=1e-8 if key[:2] == ("res", "relu") else 1e-12)


@parametrized(FINITE)
def test_tangent_kernels_are_symmetric_and_positive(case):
    K = tp.ntk(case.net, case.X, samples=2**10)
    assert np.array_equal(K, K.T) or np.abs(K - K.T).max() <= 1e-14 * np.abs(K).max()
    assert lowest(K) > -1e-10
    # Training more than the readout adds to it.
    if case.closed and case.id != "sequential-bare":
        assert lowest(K - np.asarray(tp.nngp(case.net, case.X))) > -1e-10
    if not case.closed:
        assert K.method == "sampling" and 0 < K.error < 0.2 * np.abs(K).max()


ZEROS = [
    (ResNet(2, "relu", 1.2, None), points()), (CNN(2, "relu", 1.2, None, head="mean"), images()),
    (CNN(2, "gelu", 1.2, None), images()), (RNN("relu", 1.2, 0.9, None), sequences((3, 3, 3))),
    (LSTM(1.0, 1.0, None), sequences((2, 2, 2))),
    (GraphConv(2, "tanh", 1.2, None, RING), points(4, 3)[None].repeat(3, 0)),
    (Sequential(Attention(), Act("erf"), MeanPool(), Dense()), sequences((3, 3, 3))),
    (LayerNormMLP(2, "relu", 1.2, 0.3), points()), (Transformer(1, 1.1, 1.2, 0.3), sequences((2, 2, 2))),
    (BatchNormMLP(2), points(8)),
]


@pytest.mark.parametrize(("net", "X"), ZEROS, ids=[type(net).__name__ for net, _ in ZEROS])
def test_duplicates_and_zeros(net, X):
    X = degenerate(net, X)
    K = tp.ntk(net, X, samples=2**10)
    assert np.isfinite(K).all() and lowest(K) > -1e-10
    count = len(K) // len(X)
    np.testing.assert_allclose(K[:count], K[count : 2 * count], rtol=1e-6, atol=1e-7 * np.abs(K).max())


@parametrized([case for case in FINITE if case.id in ("layernorm-tanh", "cnn-stride", "cnn-mean", "transformer", "rnn",
                                                      "graph", "attention", "sequential-batch")])
def test_other_inputs_give_the_block_of_the_joint_kernel(case):
    X = case.X if isinstance(case.X, list) else [case.X]
    Y = [0.7 * np.roll(x, 1, axis=0) + 0.2 for x in X]
    lists = case.id == "sequential-batch" or isinstance(case.X, list)
    joint = X + Y if lists else np.stack([X[0], Y[0]]) if case.id == "graph" else np.concatenate([X[0], Y[0]])
    if not isinstance(case.X, list):
        X, Y = X[0], Y[0]
    both, cross = tp.ntk(case.net, joint), tp.ntk(case.net, X, Y)
    size = len(cross)
    np.testing.assert_allclose(cross, both[:size, size:], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", [tp.ntk, lambda net, X: tp.empirical_ntk(net, X, width=8, draws=1)])
def test_jumps_are_refused_in_words(kind):
    for net, X in ((CNN(1, "step"), images(2)), (MLP(1, "step"), points(2)),
                   (Sequential(Dense(), Residual(Act("sign"), Dense()), Dense()), points(2)),
                   (RNN("sign"), sequences()), (GRU(gate="step"), sequences()),
                   (Sequential(RNN("step"), MeanPool(), Dense()), sequences())):
        with pytest.raises(Misuse, match="jumps"):
            kind(net, X)


def test_slopes_of_random_attention():
    """Given the logits of two heads: T behind the layer by differences of the softmax, over all pairs of logits."""
    rng, step = np.random.default_rng(8), 1e-6
    layer = Attention(2, False, "sqrt", sigma_k=1.3, sigma_q=0.7, sigma_v=0.9, sigma_o=1.2, temperature=0.8)
    K, T = (F @ F.T for F in rng.normal(size=(2, 3, 3)))
    logits = rng.normal(size=(2, 3, 3))
    values = np.linalg.cholesky(K)  # rows: vectors of these second moments

    def softmax(a):
        return np.exp(a) / np.exp(a).sum(axis=-1, keepdims=True)

    expected = np.zeros((3, 3))
    queries, keys = (s * K for s in (0.49, 1.69))
    moved_queries, moved_keys = (s * (K + T) for s in (0.49, 1.69))
    G = (np.einsum("ij,mn->imjn", moved_queries, keys) + np.einsum("ij,mn->imjn", queries, moved_keys)) / 0.64
    for head in logits:
        A = softmax(head)
        J = np.empty((3, 3, 3))  # dy_i / dl_im
        for m in range(3):
            unit = step * np.eye(3)[m]
            J[:, m] = (softmax(head + unit) - softmax(head - unit)) @ values / (2 * step)
        slopes = np.einsum("imjn,imc,jnc->ij", G, J, J)
        expected += 0.81 * 1.44 / 2 * (A @ (T + 2 * K) @ A.T + slopes)
    side = tp.nets.moments.Side((softmax(logits)[None],))
    found = layer.tangent(K[None], T[None], side, side, "multiplier")[0]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_random_logits_train_too():
    """Attention with logits q.k / sqrt n: the mean over draws of the limit and of finite width."""
    net = Sequential(Attention(1, tied=False, scaling="sqrt", sigma_k=1.3, sigma_q=1.6, temperature=0.8), MeanPool(),
                     Dense(1.1, 0.3))
    K = tp.ntk(net, sequences(), samples=800)
    E = tp.empirical_ntk(net, sequences(), width=64, draws=250, seed=5)
    z = (E.mean(axis=0) - K) / np.hypot(E.std(axis=0, ddof=1) / np.sqrt(250), K.error)
    assert np.abs(z).max() < 4
