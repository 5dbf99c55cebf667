"""Programs of every kind: their limit against draws at finite width, with the matrices stored and without.

Each program below is written as a user writes it, through the front door. Every C-var's mean over the draws is held
against its limit, with an allowance for the bias of order 1/n that a finite width has; every kernel entry against
the mean of the outputs' products; every vector's first two moments against draws of the limit law.
"""

import numpy as np
import pytest

import tpcore as tp

PROGRAMS = {}
RUNS = [("dense", 256, 100), ("lazy", 256, 100), ("lazy", 4096, 16)]
BIAS, LIMIT_DRAWS = 3.0, 100_000


def program(build):
    PROGRAMS[build.__name__] = build
    return build


def probe(*vectors):
    """C-vars that pin down the law: first, second and crossed moments, and one that is no polynomial."""
    for i, v in enumerate(vectors):
        tp.moment(v)
        tp.moment("cos", v)
        for w in vectors[: i + 1]:
            tp.inner(v, w)


@program
def nonzero_means(p):
    W, U = p.matrix("W", variance=1.3), p.matrix("U", variance=0.7)
    x, y = p.vectors("x y", mean=[0.6, -0.3], cov=[[1.2, 0.5], [0.5, 0.4]])
    h = W @ tp.relu(x) + U @ y + 0.5
    probe(x, h, W @ tp.relu(h) + 2 * x, W @ y)


@program
def singular_covariance(p):
    a = np.array([[1, 0.5], [0.3, -1], [1.3, -0.5]])
    W = p.matrix("W", variance=1.7)
    x, y, z = p.vectors("x y z", mean=[0.1, 0.2, 0.3], cov=a @ a.T)
    s, t, u = (W @ tp.tanh(v) for v in (x, y, z))
    probe(x + y - z, s, t - u, tp.nonlin(lambda a, b: np.abs(a) * b, s, t))


@program
def zeros_constants_duplicates(p):
    W = p.matrix("W", variance=1.2)
    x, y = p.vectors("x y", mean=0.5, cov=[[1, 1], [1, 1]])
    zero, two = p.vector("zero", variance=0), p.vector("two", mean=2, variance=0)
    a, b = W @ x, W @ y
    probe(x - y, W @ (x - y), W @ zero, W @ two, a - b, W @ (2 * x) - 2 * a, tp.relu(W @ zero) + two, W @ tp.step(a))


@program
def blocks(p):
    a = np.random.default_rng(1).normal(size=(4, 4))
    W, v = p.matrix("W", variance=1.4), p.vector("v", variance=1.3)
    X = p.block("X", mean=[0.1, 0, 0.3, -0.5], cov=a @ a.T / 4, shape=(2, 2))
    H = W @ tp.gelu(X)
    p.output("f", v, tp.relu(H), bias_variance=0.2)
    tp.inner(tp.relu(H).reshape(4), X.reshape(4))
    tp.moment(lambda x, y: x * np.sin(y), H, X)
    tp.moment(tp.tanh(H.mean(axis=1)) * tp.tanh(X[0]))


@program
def columns_mixed(p):
    X, W = p.block("X", cov=[[1, 0.9], [0.9, 1.2]]), p.matrix("W")
    H = W @ tp.relu(X @ np.array([[1, 2, 0], [0, -1, 0.5]]))
    Y, N = X @ tp.inner(X, X), H.sum(axis=0)
    tp.moment(Y * Y), tp.moment(tp.relu(N)), tp.inner(H, H), tp.moment(tp.relu(X[0]) * Y[1])


@program
def rectangular(p):
    W = p.matrix("W", rows=2.0, cols=0.5, variance=1.6)
    U, v = p.matrix("U", rows=1.0, cols=2.0, variance=0.8), p.vector("v")
    x = p.vector("x", mean=0.4, variance=0.8, dim=0.5)
    g, h = W @ x, W @ tp.tanh(x)
    z = U @ tp.relu(g + h)
    p.output("f", v, z)
    probe(z), probe(g, h)


def normalized(h):
    c = h - tp.moment(h)
    return tp.nonlin(lambda a, s: a / np.sqrt(s), c, params=[tp.moment(c * c)])


@program
def layer_normalization(p):
    W, U = p.matrix("W", variance=1.3), p.matrix("U", variance=2.0)
    x, y = p.vectors("x y", mean=[0.5, 0], cov=[[1, 0.3], [0.3, 2]])
    a, b = normalized(tp.relu(W @ x)), normalized(tp.relu(W @ y))
    probe(a, b, U @ a, normalized(U @ b + b))


@program
def softmax_attention(p):
    W, U, v = p.matrix("W", variance=1.2), p.matrix("U"), p.vector("v")
    K = W @ p.block("X", mean=[0.5, 0.2, -0.4], cov=[[1, 0.4, 0.1], [0.4, 1, 0.3], [0.1, 0.3, 1]])
    weights = tp.scalar(lambda a: np.exp(a) / np.exp(a).sum(axis=1, keepdims=True), tp.inner(K, K))
    Z = K @ tp.scalar(np.transpose, weights)
    H = tp.relu(Z + K)
    G = U @ H
    p.output("f", v, H)
    tp.inner(G, G), tp.moment(tp.tanh(G) * Z)


@program
def recurrent_tied(p):
    W, b, v = p.matrix("W", variance=1.5), p.vector("b", variance=0.3), p.vector("v")
    U, data = p.block("U", cov=0.5 * np.eye(2)), np.random.default_rng(0).normal(size=(4, 2))
    h = U @ data[0] + b
    for t in range(1, 4):
        p.output(f"f{t}", v, tp.erf(h))
        h = W @ tp.erf(h) + U @ data[t] + b
    probe(h, tp.erf(h), b)


@program
def skip_connections(p):
    x, y, v = p.vector("x", mean=0.3), p.vector("y", variance=2.0), p.vector("v")
    for layer in range(3):
        W, b = p.matrix(f"W{layer}", variance=0.8), p.vector(f"b{layer}", variance=0.1)
        x, y = (z + W @ tp.relu(z) + b for z in (x, y))
    p.output("f", v, x, bias_variance=0.4), p.output("g", v, y, bias_variance=0.4)
    probe(x, y)


@program
def shared_biases(p):
    W, b = p.matrix("W"), p.vector("b", mean=0.2, variance=0.6)
    x, y = p.vectors("x y", cov=[[1, -0.6], [-0.6, 1.5]])
    v, w = p.vectors("v w", cov=[[1, 0.4], [0.4, 2]])
    h, k = W @ x + b, W @ y + b
    p.output("f", v, tp.silu(h), bias_variance=0.3, bias="B"), p.output("g", w, tp.silu(k), bias_variance=0.3, bias="B")
    p.output("e", w, h)
    probe(h, k)


@program
def functions_of_several(p):
    W, U = p.matrix("W", variance=1.3), p.matrix("U")
    x, y, z = p.vectors("x y z", mean=[0, 0.5, 1], cov=[[1, 0.3, 0.2], [0.3, 1, 0.4], [0.2, 0.4, 0.9]])
    a = tp.nonlin(lambda s, t, u: np.cos(s * t) * u, x, y, z)
    b = tp.nonlin(lambda s, t: np.arctan2(s, t * t + 3), W @ a, x)
    probe(a, b, tp.nonlin(lambda s, t: np.exp(-s * s + 0.2 * t), U @ b, W @ a))


@program
def matrix_met_again(p):
    W, x = p.matrix("W", variance=1.3), p.vector("x", mean=1.0)
    a = W @ x
    probe(a, W @ tp.relu(a), W @ (a * a), W @ (x * x - x))


@program
def moments_as_parameters(p):
    W = p.matrix("W", variance=1.1)
    x, y = p.vectors("x y", mean=[0.3, 0], cov=[[1, 0.2], [0.2, 1]])
    h = W @ tp.sigmoid(x)
    q = tp.inner(h, h)
    c = tp.scalar(lambda a, b: np.sqrt(a) + b / 2, q, tp.moment("abs", h))
    z = tp.nonlin(lambda s, t, a: np.tanh(s / a) * t + a, h, y, params=[c])
    probe(z, W @ z / c - q * x + h**2)


@program
def gates(p):
    W, U = p.matrix("W", variance=0.9), p.matrix("U", variance=1.2)
    x, y = p.vectors("x y", mean=[0.3, 0.2], cov=[[1, 0.2], [0.2, 1]])
    z = tp.sigmoid(W @ x) * tp.tanh(U @ y) + (1 - tp.sigmoid(W @ x)) * x
    probe(z, W @ z, tp.sigmoid(W @ z) * (U @ (z * x)))


@program
def batch_normalization(p):
    def normalize(h):
        c = h - h.mean(axis=-1, keepdims=True)
        return c / np.sqrt((c * c).mean(axis=-1, keepdims=True) + 0.1)

    X = p.block("X", cov=[[1, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 0.7]])
    N = tp.nonlin(normalize, p.matrix("W", variance=1.7) @ X)
    tp.inner(N, N)


@program
def jumps(p):
    W = p.matrix("W", variance=1.7)
    x, y = p.vectors("x y", mean=[0.3, -0.2], cov=[[1, 0.5], [0.5, 1.5]])
    a, b = tp.sign(x - 0.4), tp.step(y) * x
    probe(a, b, W @ a, tp.nonlin(lambda s, t: np.where(s > 0.2, s, -t), W @ a, W @ b))


@program
def sampled_gates(p):
    """More Gaussians at once than quadrature takes."""
    s = p.vector("s", variance=0.7)
    Z, H = p.matrix("Z", variance=1.1), p.matrix("H", variance=1.1)
    for step in range(2):
        z, c = tp.erf_sigmoid(Z @ s + p.vector(f"b{step}", mean=0.2)), tp.erf(H @ s)
        s = (1 - z) * s + z * c
    tp.moment(s), tp.inner(s, s), tp.moment("cos", s)


def check_scalars(lim, drawn, width, draws):
    for node in drawn.prog.nodes:
        if node.kind == "C":
            limit, values = np.asarray(lim.scalar(node.name)), drawn.values(node.name)
            spread = values.std(axis=0, ddof=1) / np.sqrt(draws) + lim.error(node.name)
            score = np.abs(values.mean(axis=0) - limit) / (spread + BIAS * (1 + np.abs(limit)) / width / 4)
            assert score.max() < 4.5, (drawn.method, width, node.name, limit, values.mean(axis=0))


def check_kernel(lim, drawn, width, draws):
    """The standard deviation of a product of outputs is sqrt(K_ii K_jj + K_ij^2) in the limit."""
    flat = np.concatenate([v.reshape(draws, -1) for v in drawn.outputs.values()], axis=1)
    kernel = lim.kernel()
    spread = np.sqrt((np.outer(np.diag(kernel), np.diag(kernel)) + kernel**2) / draws)
    assert (np.abs(flat.T @ flat / draws - kernel) < 4.5 * spread).all(), (drawn.method, width)


def check_draws_of_the_limit(prog, lim):
    for name, draws in lim.sample(LIMIT_DRAWS).items():
        flat = draws.reshape(LIMIT_DRAWS, -1)
        centred = flat - flat.mean(axis=0)
        mean, cov = np.ravel(lim.mean(name)), np.reshape(lim.cov(name), (flat.shape[1],) * 2)
        slack = 4.5 / np.sqrt(LIMIT_DRAWS)
        assert (np.abs(flat.mean(axis=0) - mean) < slack * flat.std(axis=0) + 1e-9 + lim.error(name)).all(), name
        products = centred[:, :, None] * centred[:, None, :]
        assert (np.abs(products.mean(axis=0) - cov) < slack * products.std(axis=0) + 1e-9 + lim.error(name)).all(), name


@pytest.mark.parametrize("name", PROGRAMS)
def test_limit_and_draws_agree(name):
    prog = tp.Program(name)
    PROGRAMS[name](prog)
    lim = tp.limit(prog, samples=2**12 if name.startswith("sampled") else None)
    for method, width, draws in RUNS:
        drawn = tp.ensemble(prog, width, draws, seed=5, method=method)
        check_scalars(lim, drawn, width, draws)
        if prog.outputs and draws >= 100:
            check_kernel(lim, drawn, width, draws)
    check_draws_of_the_limit(prog, lim)
