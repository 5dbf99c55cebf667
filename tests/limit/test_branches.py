"""Kinks of kinked functions of kinked functions: on hyperplanes that are known, so that averages are exact."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import tpcore as tp
from tpcore.limit.bivariate import pieces

C, D = 0.7, -1.3


def squared(write, *names):
    """(E Z^2, its error, the limit) of a vector written from independent Gaussians."""
    prog = tp.Program("nested")
    prog.name("out", write(*(prog.vector(name) for name in names)))
    lim = tp.limit(prog, tol=1e-9)
    return lim.cov("out") + lim.mean("out") ** 2, lim.error("out"), lim


def relu(x):
    return np.maximum(x, 0.0)


FORMS = {
    "relu": (lambda x, y: tp.relu(x + C * tp.relu(y)), lambda x, y: relu(x + C * relu(y))),
    "leaky": (lambda x, y: tp.leaky_relu(D * tp.leaky_relu(y - 0.4 * x) + x),
              lambda x, y: leaky(D * leaky(y - 0.4 * x) + x)),
    "abs of two": (lambda x, y: tp.nonlin("abs", x + C * tp.nonlin("abs", y) + D * tp.relu(x - y)),
                   lambda x, y: np.abs(x + C * np.abs(y) + D * relu(x - y))),
    "twice": (lambda x, y: tp.relu(tp.relu(x + C * tp.relu(y)) - 0.6 * tp.relu(y) - 0.3 * y),
              lambda x, y: relu(relu(x + C * relu(y)) - 0.6 * relu(y) - 0.3 * y)),
}


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


@pytest.mark.parametrize("form", FORMS)
def test_two_variables(form):
    """What is homogeneous of degree one: E f^2 = (1/pi) int f(cos t, sin t)^2 dt."""
    write, f = FORMS[form]
    value, error, lim = squared(write, "x", "y")
    exact = quad(lambda a: f(np.cos(a), np.sin(a)) ** 2, 0, 2 * np.pi, limit=2000, epsabs=1e-13, epsrel=1e-12,
                 points=np.linspace(0.1, 6.2, 60))[0] / np.pi
    assert value == pytest.approx(exact, rel=2e-11) and error < 1e-10
    assert not any("kinks" in note for note in lim.notes)


def test_three_variables():
    """z + c relu(x) + d relu(y), with z integrated out by hand."""
    value, error, _ = squared(lambda x, y, z: tp.relu(z + C * tp.relu(x) + D * tp.relu(y)), "x", "y", "z")
    t, w = (a[0] for a in pieces(np.zeros((1, 1)), 10.0, 60))
    m = C * relu(t)[:, None] + D * relu(t)
    inner = (1 + m * m) * norm.cdf(m) + m * norm.pdf(m)
    assert value == pytest.approx(w @ inner @ w, rel=1e-9) and error < 1e-6


def test_a_rectangular_chain_both_ways():
    """h = relu(W^T relu(W h)) twice, W 2n x n: an honest small error and no word about unknown kinks."""
    prog = tp.Program("rectangular")
    h, W = prog.vector("x"), prog.matrix("W", variance=2.0, rows=2.0)
    for _ in range(2):
        h = tp.relu(W.T @ tp.relu(W @ h))
    prog.output("f", prog.vector("v"), h)
    lim = tp.limit(prog, tol=1e-10)
    assert lim.error("f") < 1e-9 and lim.notes == []
    rough = tp.limit.__globals__["particles"](prog, samples=2**15)
    assert abs(rough.kernel()[0, 0] - lim.kernel()[0, 0]) < 3 * rough.error("f")
