"""Particles against quadrature and closed forms: nonlinear programs with transposes, kinks, parameters and outputs."""

import numpy as np
import pytest
from scipy.integrate import quad

import tpcore as tp
from tpcore.errors import Misuse
from tpcore.limit.known import Known
from tpcore.limit.particles.interpret import particles


def gaussian(f, variance):
    root = np.sqrt(variance)
    return quad(lambda z: f(root * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), -12, 12, epsabs=1e-12)[0]


def check(lim, name, truth, atol):
    """Within four errors (and the error no excuse: below `atol`)."""
    value, error = lim.scalar(name), lim.error(name)
    assert abs(value - truth) < 4 * error and error < atol, (name, value, truth, error)


def test_transposes_against_quadrature():
    """tanh(W W^T x): Z has variance 2 sigma^4, covariance sigma^2 with x; W^T step(W v): <v, y> = sigma/sqrt(2 pi)."""
    p = tp.Program("transposes")
    W, V = p.matrix("W", variance=1.2), p.matrix("V", variance=0.7)
    x, v = p.vector("x"), p.vector("v")
    z = tp.tanh(W @ (W.T @ x))
    p.name("square", tp.moment(z * z)), p.name("cross", tp.inner(x, z))
    p.name("step", tp.inner(v, V.T @ tp.step(V @ v)))
    p.name("amp", tp.inner(v, V.T @ tp.tanh(V @ v)))
    lim = particles(p, samples=2**15)
    variance = 1.2**2 * 2
    check(lim, "square", gaussian(lambda s: np.tanh(s) ** 2, variance), 3e-4)
    check(lim, "cross", 1.2 * gaussian(lambda s: 1 - np.tanh(s) ** 2, variance), 3e-4)
    check(lim, "step", np.sqrt(0.7 / (2 * np.pi)), 1e-4)
    check(lim, "amp", 0.7 * gaussian(lambda s: 1 - np.tanh(s) ** 2, 0.7), 1e-4)
    assert lim.method("step") == "particles"


def test_naive_rule_fails():
    """W^T (v^2 W x): the covariance with x is sigma^2 E v^2 Var x, and 0 if W^T were another matrix."""
    p = tp.Program("not backprop")
    W, x, v = p.matrix("W", variance=1.4), p.vector("x", variance=0.6), p.vector("v", variance=0.5)
    p.name("y", W.T @ (v * v * (W @ x)))
    lim = particles(p, samples=2**13)
    assert lim.cov("y", "x") == pytest.approx(1.4 * 0.5 * 0.6, abs=6e-3)


def test_layer_normalization_and_blocks():
    """Nonlin+ with moments, a block of shape (2, 2), a Mix, a Reshape: first and second moments by the symbolic rules
    for Netsor+ (after the normalization mean 0, variance 1; images of W of covariance sigma^2 E a b)."""
    p = tp.Program("blocks")
    root = np.array([[1, 0.2, 0, 0.1], [0.2, 0.8, 0.3, 0], [0, 0.3, 1.2, 0.1], [0.1, 0, 0.1, 0.6]])
    X = p.block("X", mean=[0.1, 0, 0.3, -0.5], cov=root @ root.T, shape=(2, 2))
    c = X - tp.moment(X)
    N = p.name("N", tp.nonlin(lambda a, s: a / np.sqrt(s), c, params=[tp.moment(c * c)]))
    p.name("H", p.matrix("W", variance=1.4) @ N)
    p.name("S", X.sum(axis=0) @ np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 0.0]]))
    p.name("T", tp.stack([X.transpose()[0], X[1]]))
    lim = particles(p, samples=2**10)
    cov = root @ root.T
    corr = cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    np.testing.assert_allclose(np.reshape(lim.cov("N"), (4, 4)), corr, atol=1e-12)
    np.testing.assert_allclose(np.reshape(lim.cov("H"), (4, 4)), 1.4 * corr, atol=1e-12)
    mix = np.kron(np.ones((2, 1)), np.eye(2)) @ np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 0.0]])
    np.testing.assert_allclose(lim.cov("S"), mix.T @ cov @ mix, atol=1e-12)
    np.testing.assert_allclose(lim.mean("S"), np.array([0.1, 0, 0.3, -0.5]) @ mix, atol=1e-12)
    pick = [0, 2, 2, 3]
    order = np.array(pick).reshape(2, 2).T.ravel()
    np.testing.assert_allclose(np.reshape(lim.cov("T"), (4, 4)), cov[np.ix_(order, order)], atol=1e-12)


def test_kernel_is_the_arc_cosine_kernel():
    """Two hidden ReLU layers, correlated inputs, a shared bias: Cho and Saul's recursion by hand."""
    p = tp.Program("kernel")
    X = p.block("X", cov=[[1.0, 0.4], [0.4, 1.5]])
    h = p.matrix("W", variance=2.0) @ tp.relu(X)
    p.output("f", p.vector("v", variance=1.3), tp.relu(h), bias_variance=0.2)
    lim = particles(p, samples=2**15)
    S = np.array([[1.0, 0.4], [0.4, 1.5]])
    for scale in (2.0, 1.3):
        q = np.sqrt(np.outer(np.diag(S), np.diag(S)))
        t = np.arccos(np.clip(S / q, -1, 1))
        S = scale * q / (2 * np.pi) * (np.sin(t) + (np.pi - t) * np.cos(t))
    found = lim._kernel()
    assert isinstance(found, Known)
    assert (np.abs(found.value - S - 0.2) < 4 * found.error).all() and lim.error("f") < 2e-3


def test_sample_and_expect():
    p = tp.Program("law")
    W, x = p.matrix("W", variance=1.3), p.vector("x", mean=0.3, variance=0.8)
    p.name("z", tp.tanh(W @ (W.T @ x)))
    lim = particles(p, samples=2**13)
    found = lim.expect(lambda s, t: s * np.cos(t), "z", "x")
    draws = lim.sample(40_000, seed=2, names=["z", "x"])
    spread = np.std(draws["z"] * np.cos(draws["x"])) / 200
    assert abs(np.mean(draws["z"] * np.cos(draws["x"])) - found.value) < 4 * spread
    assert found.method == "particles" and 0 < found.error < 1e-3
    assert not np.array_equal(draws["x"], lim.sample(40_000, seed=3, names=["x"])["x"])


def test_what_is_not_finite_is_refused():
    p = tp.Program("0/0")
    x = p.vector("x", variance=0)
    tp.moment(x / tp.moment(x * x))
    with pytest.raises(Misuse, match="must be finite"):
        particles(p, samples=64)
