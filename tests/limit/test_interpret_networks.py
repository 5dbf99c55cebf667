"""The interpreter on networks, against recursions that are written out here."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

import tpcore as tp
from tpcore.limit.interpret import limit

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


def relu_pair(q1, q2, c):
    """E relu(u) relu(v): Cho and Saul's arc-cosine kernel of order 1."""
    t = np.arccos(np.clip(c / np.sqrt(q1 * q2), -1, 1))
    return np.sqrt(q1 * q2) / (2 * np.pi) * (np.sin(t) + (np.pi - t) * np.cos(t))


def erf_pair(q1, q2, c):
    """E erf(u) erf(v): Williams's arcsine kernel."""
    return 2 / np.pi * np.arcsin(2 * c / np.sqrt((1 + 2 * q1) * (1 + 2 * q2)))


def transform(pair, sigma):
    q = np.diag(sigma)
    return pair(q[:, None], q[None, :], sigma)


def gram(seed, count, scale=1.0):
    X = np.random.default_rng(seed).normal(size=(count, count + 2))
    return scale * X @ X.T / (count + 2)


def mlp(phi, sigma, depth, sw2, sb2):
    prog = tp.Program("MLP")
    x = prog.block("x", 0, sigma)
    for layer in range(depth):
        b = prog.vector(f"b{layer}", variance=sb2)
        x = prog.name(f"h{layer}", prog.matrix(f"W{layer}", variance=sw2) @ phi(x) + b)
    prog.output("f", prog.vector("v", variance=0.7), phi(x), bias_variance=0.2)
    return prog


@pytest.mark.parametrize(("phi", "pair"), [("relu", relu_pair), ("erf", erf_pair)])
def test_mlp_is_the_recursion(phi, pair):
    sigma = gram(1, 5, 1.7)
    lim = limit(mlp(getattr(tp, phi), sigma, 3, 1.4, 0.3))
    expected = sigma
    for _ in range(3):
        expected = 1.4 * transform(pair, expected) + 0.3
    np.testing.assert_allclose(lim.cov("h2"), expected, rtol=1e-13)
    np.testing.assert_allclose(lim.kernel(), 0.7 * transform(pair, expected) + 0.2, rtol=1e-13)
    assert lim.method("f") == "closed form" and 0 < lim.error("f") < 1e-12
    assert lim.fragment == "netsor" and lim.notes == []


def rnn(ingram, starts, vw, vu, vb):
    """Tied weights over steps and sequences; each token is one vector U x^t."""
    prog = tp.Program("RNN")
    W, tokens = prog.matrix("W", variance=vw), prog.block("Ux", 0, vu * ingram)
    b, v = prog.vector("b", variance=vb), prog.vector("v")
    for begin, end in zip(starts, [*starts[1:], len(ingram)], strict=True):
        state = None
        for t in range(begin, end):
            h = tokens[t] + b if state is None else W @ state + tokens[t] + b
            state = prog.name(f"s{t}", tp.erf(h))
            prog.output(f"y{t}", v, state)
    return prog


def rnn_recursion(ingram, starts, vw, vu, vb):
    count = len(ingram)
    step = np.concatenate([np.arange(e - b) for b, e in zip(starts, [*starts[1:], count], strict=True)])
    sigma = vu * ingram + vb
    for _ in range(count):
        K = transform(erf_pair, sigma)
        before = np.zeros_like(K)
        before[1:, 1:] = K[:-1, :-1]
        before[step == 0, :] = before[:, step == 0] = 0
        sigma = vw * before + vu * ingram + vb
    return transform(erf_pair, sigma)


def test_rnn_of_two_sequences_with_tied_weights():
    ingram, starts, variances = gram(3, 9, 0.8), [0, 4], (2.0, 1.1, 0.1)
    lim = limit(rnn(ingram, starts, *variances))
    np.testing.assert_allclose(lim.kernel(), rnn_recursion(ingram, starts, *variances), rtol=1e-12)


def test_rnn_of_the_reference():
    path = REFERENCE / "A_gp4a_rnn_erf.npz"
    if not path.exists():
        pytest.skip("the reference values are not here")
    data = np.load(path)
    for i in (1, 3):
        kernel = limit(rnn(data["ingram"], list(data["inputidxs"]), *data["combos"][i])).kernel()
        np.testing.assert_allclose(kernel, data[f"K_{i}"], atol=1e-12)


def test_shared_and_separate_readouts_and_biases():
    sigma = gram(4, 3)
    prog = tp.Program("readouts")
    x = prog.block("x", 0, sigma)
    a, b = prog.name("a", tp.relu(x)), prog.name("b", tp.erf(x))
    u, v = prog.vectors("u v", mean=[0, 0], cov=[[1.3, 0.4], [0.4, 0.9]])
    w = prog.vector("w", variance=2.0)
    prog.output("f", u, a, bias_variance=0.1)
    prog.output("g", v, b)
    prog.output("h", w, a, bias_variance=0.25, bias="own")
    prog.output("k", w, b, bias_variance=0.25, bias="own")
    kernel = limit(prog).kernel().reshape(4, 3, 4, 3).transpose(0, 2, 1, 3)
    relu, arcsine = transform(relu_pair, sigma), transform(erf_pair, sigma)
    mixed = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            q, c, r = sigma[i, i], sigma[i, j], sigma[j, j]
            # E relu(u) erf(v) = E relu(u) erf of v given u, by SciPy's quadrature
            scale = np.sqrt(1 + 2 * max(r - c * c / q, 0))
            f = lambda s: s * erf(c / q * s / scale) * np.exp(-s * s / (2 * q)) / np.sqrt(2 * np.pi * q)  # noqa: B023
            mixed[i, j] = quad(f, 0, np.inf, epsabs=1e-13)[0]
    np.testing.assert_allclose(kernel[0, 0], 1.3 * relu + 0.1, rtol=1e-12)
    np.testing.assert_allclose(kernel[1, 1], 0.9 * arcsine, rtol=1e-12)
    np.testing.assert_allclose(kernel[0, 1], 0.4 * mixed, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(kernel[2, 3], 2 * mixed + 0.25, rtol=1e-9)
    assert np.all(kernel[:2, 2:] == 0)


def test_layernorm_program():
    """relu(LN(h)) with h Gaussian of mean m: E relu(z)^2 = 1/2 for the standardized z, whatever m and the variance."""
    prog = tp.Program("LN")
    x, b = prog.vectors("x b", mean=[0.7, 0.3], cov=[[2.0, 0.3], [0.3, 1.0]])
    h = prog.name("h", prog.matrix("W", variance=1.3) @ x + b)
    m = prog.name("m", tp.moment(h))
    q = prog.name("q", tp.moment(lambda s, c: (s - c) ** 2, h, params=[m]))
    z = prog.name("z", tp.nonlin(lambda s, c, d: (s - c) / np.sqrt(d), h, params=[m, q]))
    prog.name("y", prog.matrix("V", variance=1.7) @ tp.relu(z))
    lim = limit(prog)
    assert lim.scalar("m") == pytest.approx(0.3, abs=1e-15)
    assert lim.scalar("q") == pytest.approx(1.3 * (2.0 + 0.49) + 1.0, rel=1e-14)
    assert (lim.mean("z"), lim.cov("z")) == pytest.approx((0, 1), abs=1e-15)
    assert lim.cov("y") == pytest.approx(1.7 / 2, rel=1e-14)
    assert lim.fragment == "netsor+" and lim.method("y") == "closed form"


def test_layernorm_of_a_residual_branch():
    """LN(x + relu(y)) with dependent x and y: the variance needs E x relu(y) = c/2 and E relu(y)^2 = q/2."""
    prog = tp.Program("residual")
    x, y = prog.vectors("x y", mean=[0, 0], cov=[[1.4, 0.6], [0.6, 0.8]])
    h = x + tp.relu(y)
    m = prog.name("m", tp.moment(h))
    q = prog.name("q", tp.moment((h - m) ** 2))
    z = (h - m) / tp.scalar(np.sqrt, q)
    prog.name("g", prog.matrix("W", variance=1.1) @ z)
    lim = limit(prog)
    mean = np.sqrt(0.8 / (2 * np.pi))
    variance = 1.4 + 2 * 0.6 / 2 + 0.8 / 2 - mean**2
    assert lim.scalar("m") == pytest.approx(mean, rel=1e-12)
    assert lim.scalar("q") == pytest.approx(variance, rel=1e-12)
    assert lim.cov("g") == pytest.approx(1.1, rel=1e-12)


def test_attention_with_softmax_of_inner_products():
    sigma = gram(7, 4, 1.6)
    prog = tp.Program("attention")
    k = prog.block("k", 0, sigma)
    weights = tp.scalar(lambda g: np.exp(g) / np.exp(g).sum(axis=-1, keepdims=True), tp.inner(k, k))
    prog.name("weights", weights)
    rows = [sum((weights[i, j] * k[j] for j in range(4)), k[i]) for i in range(4)]
    prog.name("y", prog.matrix("W2", variance=1.2) @ tp.relu(prog.matrix("W1", variance=0.9) @ tp.stack(rows)))
    lim = limit(prog)
    softmax = np.exp(sigma) / np.exp(sigma).sum(axis=1, keepdims=True)
    mix = np.eye(4) + softmax
    np.testing.assert_allclose(lim.scalar("weights"), softmax, rtol=1e-14)
    np.testing.assert_allclose(lim.cov("y"), 1.2 * transform(relu_pair, 0.9 * mix @ sigma @ mix.T), rtol=1e-12)
    assert lim.notes == []


def test_batch_normalization_of_three_vectors_meets_samples():
    sigma = gram(9, 3, 1.3)
    prog = tp.Program("BN")
    x = prog.block("x", [0.4, 0.1, -0.2], sigma)

    def normalize(s):
        s = s - s.mean(axis=-1, keepdims=True)
        return s / np.sqrt((s * s).mean(axis=-1, keepdims=True))

    r = prog.name("r", tp.nonlin(normalize, x))
    prog.name("y", prog.matrix("W", variance=1.5) @ r)
    lim = limit(prog)
    cov = lim.cov("y")
    assert np.trace(cov) == pytest.approx(1.5 * 3, rel=1e-10), "the mean square of a normalized batch is 1"
    np.testing.assert_allclose(cov.sum(axis=1), 0, atol=1e-10)
    draws = np.random.default_rng(0).multivariate_normal([0.4, 0.1, -0.2], sigma, size=400_000)
    products = 1.5 * np.einsum("ni,nj->nij", normalize(draws), normalize(draws))
    z = (products.mean(axis=0) - cov) / (products.std(axis=0) / np.sqrt(len(draws)))
    assert np.abs(z).max() < 4.5


def test_gru_of_one_sequence_meets_samples():
    """h1 = (1 - z) h0 + z phi(..): products of gates, factored over independent weights."""
    prog = tp.Program("GRU")
    h = tp.erf_sigmoid(prog.vector("z0", variance=1.2)) * tp.erf(prog.vector("c0", variance=0.9))
    h = prog.name("h0", h)
    U, R, H = (prog.matrix(name, variance=v) for name, v in (("U", 1.1), ("R", 0.8), ("H", 1.4)))
    z = tp.erf_sigmoid(U @ h + prog["z0"])
    r = tp.erf_sigmoid(R @ h)
    c = tp.erf(H @ (r * h) + prog["c0"])
    prog.name("h1", (1 - z) * h + z * c)
    lim = limit(prog)
    draws = lim.sample(400_000, seed=5)
    pairs = {("h1", "h1"), ("h1", "h0"), ("h0", "h0")}
    for a, b in pairs:
        products = draws[a] * draws[b]
        assert abs(products.mean() - lim.cov(a, b)) < 4.5 * products.std() / np.sqrt(len(products))
    assert lim.error("h1") < 1e-9
