"""W and W^T: closed forms derived by hand, independent quadrature, adjointness, spectra, repeated inputs."""

from math import comb

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import norm

import tpcore as tp
from tpcore.limit.interpret import limit

SHAPES = [(1.0, 1.0), (0.5, 1.0), (1.0, 0.5), (1.5, 0.75)]


def normal(f, variance=1.0, mean=0.0):
    s = np.sqrt(variance)
    return quad(lambda z: f(mean + s * z) * norm.pdf(z), -12, 12, epsabs=1e-14, limit=400, points=[-mean / s])[0]


def sech2(s):
    return 1 - np.tanh(s) ** 2


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_w_and_its_transpose_in_a_row(rows, cols):
    """W W^T x = hat + s x with Var hat = s^2 (rows / cols) E x^2; W^T W z = hat + s (rows / cols) z."""
    s, mu, q, nu, r = 1.3, 0.4, 0.8 + 0.16, -0.7, 1.1 + 0.49
    ratio = rows / cols
    prog = tp.Program("in a row")
    W = prog.matrix("W", variance=s, rows=rows, cols=cols)
    x = prog.vector("x", mean=mu, variance=0.8, dim=rows)
    z = prog.vector("z", mean=nu, variance=1.1, dim=cols)
    prog.name("y", W @ (W.T @ x))
    prog.name("u", W.T @ (W @ z))
    prog.name("t", tp.tanh(prog["y"]))
    lim = limit(prog)
    assert lim.mean("y") == pytest.approx(s * mu, rel=1e-14)
    assert lim.cov("y") == pytest.approx(s * s * (ratio * q + 0.8), rel=1e-14)
    assert lim.cov("y", "x") == pytest.approx(s * 0.8, rel=1e-14)
    assert lim.mean("u") == pytest.approx(s * ratio * nu, rel=1e-14)
    assert lim.cov("u") == pytest.approx(s * s * (ratio * r + ratio**2 * 1.1), rel=1e-14)
    assert lim.cov("u", "z") == pytest.approx(s * ratio * 1.1, rel=1e-14)
    variance = s * s * (ratio * q + 0.8)
    assert lim.mean("t") == pytest.approx(normal(np.tanh, variance, s * mu), rel=1e-11)
    assert lim.cov("t", "x") == pytest.approx(s * 0.8 * normal(sech2, variance, s * mu), rel=1e-10)
    assert lim.method("y") == "exact" and lim.error("y") == 0


def test_what_looks_like_backpropagation():
    """W^T (v^2 * W x) = hat + s E v^2 x and W (W^T v) = hat + s v, though every vector that meets W^T is random."""
    s, mu, v2, v4 = 1.3, 0.5, 0.9 + 0.04, 0.2**4 + 6 * 0.04 * 0.9 + 3 * 0.81
    prog = tp.Program("not backpropagation")
    W, x, v = prog.matrix("W", variance=s), prog.vector("x", mean=mu, variance=0.7), prog.vector("v", 0.2, 0.9)
    prog.name("y", W.T @ (v**2 * (W @ x)))
    prog.name("z", W @ (W.T @ v))
    lim = limit(prog)
    assert lim.fragment == "netsort+" and "full calculus" in lim.theorem
    assert lim.mean("y") == pytest.approx(s * v2 * mu, rel=1e-13)
    assert lim.cov("y", "x") == pytest.approx(s * v2 * 0.7, rel=1e-13)
    assert lim.cov("y") == pytest.approx(s * s * v4 * (0.7 + mu * mu) + (s * v2) ** 2 * 0.7, rel=1e-13)
    assert lim.cov("z") == pytest.approx(s * s * (v2 + 0.9), rel=1e-14)
    assert lim.cov("z", "v") == pytest.approx(s * 0.9, rel=1e-14)


def test_a_step_has_an_expected_derivative():
    """<v, W^T step(W v)> = sqrt(s q / 2 pi), 0.3989 at s = q = 1; the derivative of a step along the path is 0."""
    for s, q in ((1.0, 1.0), (1.7, 0.6)):
        prog = tp.Program("step")
        W, v = prog.matrix("W", variance=s), prog.vector("v", variance=q)
        y = prog.name("y", W.T @ tp.step(W @ v))
        prog.name("m", tp.inner(v, y))
        lim = limit(prog)
        assert lim.scalar("m") == pytest.approx(np.sqrt(s * q / (2 * np.pi)), rel=1e-13)
        assert lim.cov("y") == pytest.approx(s / 2 + s / (2 * np.pi), rel=1e-13)
    assert 0.39894228 == pytest.approx(np.sqrt(1 / (2 * np.pi)), rel=1e-8)


def test_expected_derivatives_are_those_along_the_path_where_they_exist():
    """dotZ of W^T f(W u, W v) is s E f_1 u + s E f_2 v."""
    s, cov, mean = 1.4, np.array([[1.2, 0.5], [0.5, 0.8]]), np.array([0.3, -0.2])
    prog = tp.Program("paths")
    W = prog.matrix("W", variance=s)
    u, v = prog.vectors("u v", mean=mean, cov=cov)
    a, b = W @ u, W @ v
    prog.name("y", W.T @ tp.nonlin(lambda x, y: np.tanh(x) * np.maximum(y, 0) + np.sin(x - y), a, b))
    prog.name("e", W.T @ tp.erf(a))
    lim = limit(prog)
    gram = s * (cov + np.outer(mean, mean))

    def average(f):
        density = lambda y, x: f(x, y) * np.exp(-0.5 * np.array([x, y]) @ np.linalg.solve(gram, [x, y]))  # noqa: E731
        parts = (dblquad(density, -12, 12, lo, hi, epsabs=1e-11, epsrel=1e-11)[0] for lo, hi in ((-12, 0), (0, 12)))
        return sum(parts) / (2 * np.pi * np.sqrt(np.linalg.det(gram)))

    slopes = s * np.array([
        average(lambda x, y: (1 - np.tanh(x) ** 2) * max(y, 0) + np.cos(x - y)),
        average(lambda x, y: np.tanh(x) * (y > 0) - np.cos(x - y)),
    ])
    np.testing.assert_allclose([lim.cov("y", "u"), lim.cov("y", "v")], cov @ slopes, rtol=1e-8)
    assert lim.mean("y") == pytest.approx(mean @ slopes, rel=1e-8)
    slope = 2 * s / np.sqrt(np.pi * (1 + 2 * gram[0, 0]))
    assert lim.cov("e", "v") == pytest.approx(slope * 0.5, rel=1e-12)


@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_backpropagation_through_a_square(mean):
    """phi = z^2/2: dx = W^T (v * h) = hat + s E v x_1; with E v = 0 the independent rule is right, else it is not."""
    s, k, v2 = 1.2, 1.5 * 1.09, 0.8 + mean * mean
    prog = tp.Program("square")
    U, W = prog.matrix("U", variance=1.5), prog.matrix("W", variance=s)
    v = prog.vector("v", mean=mean, variance=0.8)
    h1 = U @ prog.vector("x", mean=0.3)
    h2 = W @ (h1**2 / 2)
    dx = prog.name("dx", W.T @ (v * h2))
    prog.name("dh", dx * h1)
    lim = limit(prog)
    hat = s * v2 * s * 0.75 * k * k
    assert lim.mean("dx") == pytest.approx(s * mean * k / 2, rel=1e-13, abs=1e-15)
    assert lim.cov("dx") == pytest.approx(hat + (s * mean) ** 2 * k * k / 2, rel=1e-13)
    assert lim.cov("dh") == pytest.approx(hat * k + (s * mean) ** 2 * 15 / 4 * k**3 - lim.mean("dh") ** 2, rel=1e-12)
    assert lim.mean("dh") == 0 and lim.fragment == ("netsort+" if mean else "netsort")


@pytest.mark.parametrize("phi", ["tanh", "relu", "gelu"])
def test_approximate_message_passing(phi):
    """x' = A f(x) - E f'(x) f(before): the Onsager term is dotZ; what is left is Gaussian, its variance E f(x)^2."""
    f, s = getattr(tp, phi), 0.9
    slope = {"tanh": tp.activations.custom(sech2), "relu": tp.step}.get(phi, tp.activations.custom(tp.gelu.df))
    prog = tp.Program("amp")
    W, b = prog.matrix("W", variance=s), prog.vector("b", variance=0.5)
    fields = [b]
    truth = s * normal(lambda z: f(z) ** 2, 0.5)
    for t in range(4):
        m = f(fields[-1])
        x = (W @ m + W.T @ m) * 0.5**0.5
        if t:
            x = x - s * tp.moment(slope(fields[-1])) * f(fields[-2])
        prog.name(f"x{t}", x)
        fields.append(x + b)
    lim = limit(prog)
    for t in range(4):
        assert lim.cov(f"x{t}") == pytest.approx(truth, rel=1e-11)
        assert lim.cov(f"x{t}", "b") == 0 and lim.mean(f"x{t}") == 0
        fourth = lim.expect(lambda z: z**4, f"x{t}")
        assert fourth.value == pytest.approx(3 * truth**2, rel=1e-10) and fourth.method != "particles"
        truth = s * normal(lambda z: f(z) ** 2, truth + 0.5)
    if phi != "relu":  # the kinks of a product are not told
        both = lim.expect(lambda x, y, z: f(x + z) * f(y + z), "x0", "x1", "b")
        assert lim.cov("x1", "x2") == pytest.approx(s * both.value, rel=1e-9)


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_w_and_its_transpose_are_adjoint(rows, cols):
    """<y, W x> rows = <W^T y, x> cols, for every pair of vectors of a program that goes to and fro."""
    prog = tp.Program("adjoint")
    W = prog.matrix("W", variance=1.2, rows=rows, cols=cols)
    here = [prog.vector("x", mean=0.4, variance=0.9, dim=cols)]
    there = [tp.tanh(prog.vector("y", mean=-0.3, dim=rows))]
    there.append(tp.relu(W @ here[0] + 0.2 * there[0]))
    here.append(tp.erf(W.T @ there[1] - 0.1 * here[0]))
    there.append(W @ here[1] + there[1])
    here.append(W.T @ there[0] + here[1])
    for i, x in enumerate(here):
        for j, y in enumerate(there):
            prog.name(f"a{i}{j}", tp.inner(y, W @ x)), prog.name(f"b{i}{j}", tp.inner(W.T @ y, x))
    lim = limit(prog)
    for i in range(3):
        for j in range(3):
            left, right = rows * lim.scalar(f"a{i}{j}"), cols * lim.scalar(f"b{i}{j}")
            assert left == pytest.approx(right, rel=1e-14, abs=2e-14), (i, j)
            assert lim.method(f"a{i}{j}") != "particles"


@pytest.mark.parametrize("k", range(13))
def test_moments_of_the_semicircle(k):
    catalan = comb(k, k // 2) / (k // 2 + 1) if k % 2 == 0 else 0.0
    assert limit(tp.spectra.moment_program(k)).scalar("m") == pytest.approx(catalan, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_moments_of_marchenko_and_pastur(ratio):
    prog = tp.Program("wishart")
    W, v = prog.matrix("W", rows=ratio), prog.vector("v", dim=ratio)
    x = v
    for k in range(1, 13):
        x = W @ (W.T @ x)
        prog.name(f"m{k}", tp.inner(v, x))
    lim = limit(prog)
    for k in range(1, 13):
        exact = sum(ratio**r / (r + 1) * comb(k, r) * comb(k - 1, r) for r in range(k))
        assert lim.scalar(f"m{k}") == pytest.approx(exact, rel=1e-12)
        assert lim.method(f"m{k}") == "exact"


def test_repeated_dependent_and_zero_inputs_do_no_harm():
    """The law of W^T f(W x) does not change when W and W^T meet copies, combinations and zeros before."""

    def build(crowd):
        prog = tp.Program("crowd")
        W, s = prog.matrix("W", variance=1.3), prog.vectors("x z", mean=[0.4, 0], cov=[[0.9, 0.2], [0.2, 1.1]])
        x, z = s
        if crowd:
            zero = prog.vector("zero", variance=0.0)
            copies = [1.0 * x, x + 1e-9 * z, x - z, 2 * x + 3 * z, zero, x - x, z, z]
            for c in copies:
                W @ c
            for c in copies[:4]:
                W.T @ (W @ c), W.T @ tp.tanh(W @ c)
        h = W @ x
        prog.name("y", W.T @ tp.tanh(h))
        prog.name("u", W @ tp.relu(prog["y"] + z))
        twin = W @ copies[2] + W @ z if crowd else h
        prog.name("p", W.T @ tp.nonlin(lambda a, b: np.tanh(a) * np.exp(-b * b), h, twin))
        prog.name("w", W.T @ tp.erf(h + prog["u"]))
        return limit(prog)

    plain, crowded = build(False), build(True)
    for name in "yuwp":
        for other in "xz" if name != "u" else "u":
            assert crowded.cov(name, other) == pytest.approx(plain.cov(name, other), rel=1e-9), (name, other)
        assert crowded.cov(name) == pytest.approx(plain.cov(name), rel=1e-9), name
        assert plain.method(name) != "particles" and crowded.method(name) != "particles"
    assert plain.error("y") < 1e-12 and crowded.error("y") < 1e-12


def test_blocks_are_their_columns():
    prog = tp.Program("blocks")
    W, X = prog.matrix("W", variance=1.2), prog.block("X", [0.3, 0.0], [[1.0, 0.4], [0.4, 0.8]])
    V = prog.vector("v", mean=0.5)
    H = prog.name("H", W @ X)
    prog.name("Y", W.T @ (tp.tanh(H) * V))
    singles = [prog.name(f"y{i}", W.T @ (tp.tanh(W @ X[i]) * V)) for i in range(2)]
    lim = limit(prog)
    cov = lim.cov("Y")
    for i in range(2):
        np.testing.assert_allclose(lim.cov("Y", singles[i]), cov[:, i], rtol=1e-12)
        np.testing.assert_allclose(lim.cov("Y", "X")[i], lim.cov(singles[i], "X"), rtol=1e-12)
