"""Programs with W and W^T against dense draws at finite width, and against the rule that takes W^T for independent.

Every program is built twice: with W^T, and with a fresh matrix of the same size and variance in its place, which is
what textbook mean-field theory computes. The limit must meet the draws; where it says so, the other must not.
"""

import numpy as np
import pytest

import tpcore as tp
from tpcore.limit.interpret import limit

WIDTH, DRAWS = 400, 100
BIAS = 4.0
PROGRAMS = {}


def case(*broken):
    """Registers a program; `broken` are the C-vars that the naive rule gets wrong (all others it gets right)."""

    def register(build):
        PROGRAMS[build.__name__] = build, set(broken)
        return build

    return register


def matrix(p, naive, name="W", variance=1.0, rows=1.0, cols=1.0):
    """W and what stands for its transpose."""
    W = p.matrix(name, variance=variance, rows=rows, cols=cols)
    return W, p.matrix(f"{name}~", variance=variance * rows / cols, rows=cols, cols=rows) if naive else W.T


@case()
def twice(p, naive):
    W, _ = matrix(p, naive, variance=1.2)
    x = p.vector("x", mean=1.0)
    y = W @ x
    p.name("wwx.wx", tp.inner(W @ y, y)), p.name("relu.wx", tp.inner(W @ tp.relu(y), y))


@case("mean", "second", "with.x", "tanh")
def gram(p, naive):
    W, T = matrix(p, naive, variance=1.2)
    x = p.vector("x", mean=0.5)
    y = W @ (T @ x)
    p.name("mean", tp.moment(y)), p.name("second", tp.inner(y, y)), p.name("with.x", tp.inner(y, x))
    p.name("tanh", tp.moment(tp.tanh(y)))


@case("second", "with.x", "back")
def centred(p, naive):
    """Mean zero: the naive rule still has the wrong variance and no covariance with x."""
    W, T = matrix(p, naive, variance=1.2, rows=0.5)
    x, z = p.vector("x", dim=0.5), p.vector("z")
    y, u = W @ (T @ x), T @ (W @ z)
    p.name("mean", tp.moment(y)), p.name("second", tp.inner(y, y)), p.name("with.x", tp.inner(y, x))
    p.name("back", tp.inner(u, z))


@case("wwv", "squared", "squared.x", "wwv.v")
def unlike_backpropagation(p, naive):
    W, T = matrix(p, naive, variance=1.1)
    x, v = p.vector("x", mean=0.5), p.vector("v", mean=0.2)
    h = W @ x
    y, z = T @ (v**2 * h), W @ (T @ v)
    p.name("squared", tp.inner(y, y)), p.name("squared.x", tp.inner(y, x))
    p.name("wwv", tp.inner(z, z)), p.name("wwv.v", tp.inner(z, v))


@case("with.v")
def step(p, naive):
    W, T = matrix(p, naive)
    v = p.vector("v")
    y = T @ tp.step(W @ v)
    p.name("with.v", tp.inner(y, v)), p.name("mean", tp.moment(y))


@case()
def backpropagation(p, naive):
    square(p, naive, 0.0)


@case("dx", "dx.mean", "dh.dh")
def averaged_output(p, naive):
    square(p, naive, 0.8)


def square(p, naive, mean):
    W, T = matrix(p, naive, variance=1.1)
    v = p.vector("v", mean=mean, variance=0.7)
    h1 = p.matrix("U") @ p.vector("x")
    dx = T @ (v * (W @ (h1**2 / 2)))
    p.name("dx", tp.inner(dx, dx)), p.name("dx.mean", tp.moment(dx)), p.name("dh.dh", tp.inner(dx * h1, tp.tanh(h1)))


@case("onsager", "x2")
def message_passing(p, naive):
    W, T = matrix(p, naive)
    A = lambda x: (W @ x + T @ x) * 0.5**0.5  # noqa: E731
    b = p.vector("b", mean=0.3)
    x1 = A(tp.tanh(b))
    raw = A(tp.tanh(x1 + b))
    x2 = raw - tp.moment(tp.nonlin(lambda s: 1 - np.tanh(s) ** 2, x1 + b)) * tp.tanh(b)
    p.name("onsager", tp.inner(raw, tp.tanh(b))), p.name("x2", tp.inner(x2, x2)), p.name("x1.x2", tp.inner(x1, x2))


@case("u", "y.z", "u.z")
def to_and_fro(p, naive):
    W, T = matrix(p, naive, variance=1.1, rows=1.5, cols=0.75)
    x, z = p.vector("x", mean=0.6, dim=0.75), p.vector("z", dim=1.5)
    y = tp.relu(W @ x + 0.5 * z)
    u = T @ y
    p.name("u", tp.inner(u, x)), p.name("y.z", tp.inner(W @ tp.erf(u), y)), p.name("u.z", tp.inner(W @ u, z))


def built(name, naive=False):
    prog = tp.Program(name)
    PROGRAMS[name][0](prog, naive)
    return prog


@pytest.mark.parametrize("name", PROGRAMS)
def test_limit_draws_and_the_naive_rule(name):
    prog = built(name)
    lim, textbook = limit(prog), limit(built(name, naive=True))
    drawn = tp.ensemble(prog, WIDTH, DRAWS, seed=7, method="dense")
    for node in prog.nodes:
        if node.kind != "C" or node.name.startswith("c"):
            continue
        values, value = drawn.values(node.name), lim.scalar(node.name)
        spread = values.std(ddof=1) / np.sqrt(DRAWS) + BIAS * (1 + abs(value)) / WIDTH / 4
        assert abs(values.mean() - value) < 4 * spread, (node.name, value, values.mean())
        if node.name in PROGRAMS[name][1]:
            assert abs(values.mean() - textbook.scalar(node.name)) > 5 * spread, node.name
        else:
            assert textbook.scalar(node.name) == pytest.approx(value, rel=1e-10, abs=1e-12), node.name
        assert lim.method(node.name) != "particles" and lim.error(node.name) < 1e-4
