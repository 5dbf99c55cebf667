"""The errors that `tp.limit` reports, whichever way it has chosen, against truths by hand."""

from math import exp, gamma, pi, sqrt

import numpy as np
import pytest

import tpcore as tp
from tpcore.limit.cubature import integrate

MAX4, MAX5 = 1.0293753730039641, 1.1629644736405196  # means of the largest of four, five standard Gaussians


def relu(s):
    return np.maximum(s, 0)


# four or five Gaussians at once, each of the variance given: particles; the truth as a function of the variance
SAMPLED = {
    "max4": (4, lambda *z: np.maximum.reduce(z), lambda q: MAX4 * sqrt(q)),
    "max5": (5, lambda *z: np.maximum.reduce(z), lambda q: MAX5 * sqrt(q)),
    "norm4": (4, lambda *z: np.sqrt(sum(s * s for s in z)), lambda q: sqrt(2 * q) * gamma(2.5) / gamma(2)),
    "norm5": (5, lambda *z: np.sqrt(sum(s * s for s in z)), lambda q: sqrt(2 * q) * gamma(3) / gamma(2.5)),
    "cosine": (4, lambda a, b, c, d: np.cos(a * b + c * d), lambda q: 1 / (1 + q * q)),
    "orthant": (4, lambda *z: 1.0 * (np.minimum.reduce(z) > 0), lambda q: 1 / 16),
    "bell": (5, lambda *z: np.exp(-sum(s * s for s in z) / 2), lambda q: (1 + q) ** -2.5),
    "modulus": (4, lambda a, b, c, d: np.abs(a * b * c * d), lambda q: (2 * q / pi) ** 2),
    "relus": (4, lambda a, b, c, d: relu(a * b) * relu(c + d), lambda q: q / pi * sqrt(q / pi)),
    "waves": (4, lambda a, b, c, d: np.cos(a) * np.cos(b + c) ** 2 + np.tanh(d),
              lambda q: exp(-q / 2) * (1 + exp(-4 * q)) / 2),
}  # fmt: skip


def ask(name, variance, seed, **how):
    """E f(W x_1, W x_2, ..) for independent x."""
    count, function, truth = SAMPLED[name]
    prog = tp.Program(name)
    W, xs = prog.matrix("W", variance=variance), prog.vectors([f"x{i}" for i in range(count)], cov=np.eye(count))
    prog.name("m", tp.moment(function, *(W @ x for x in xs)))
    return tp.limit(prog, seed=seed, **how), truth(variance)


def test_truths_lie_within_two_errors_as_often_as_they_should():
    """Two hundred runs of ten programs: 90 to 99 % of them."""
    inside = []
    for name in SAMPLED:
        for seed in range(20):
            lim, truth = ask(name, 0.8 + 0.02 * seed, seed, samples=2**12)
            assert lim.method("m") == "particles"
            inside.append(abs(lim.scalar("m") - truth) <= 2 * lim.error("m"))
    assert len(inside) == 200 and 0.90 <= np.mean(inside) <= 0.99, np.mean(inside)


def test_and_where_an_accuracy_is_asked():
    ratios = []
    for name in SAMPLED:
        lim, truth = ask(name, 1.3, 7, tol=3e-3)
        ratios.append(abs(lim.scalar("m") - truth) / lim.error("m"))
        assert lim.error("m") < 3e-3 * 10, "relative to the root mean square, at most 8 here"
    assert np.max(ratios) < 4 and np.mean(np.array(ratios) < 2) >= 0.8, ratios


def cosine(c, q1, q2):
    """E relu(u) relu(v)."""
    t = np.arccos(c / sqrt(q1 * q2))
    return sqrt(q1 * q2) / (2 * pi) * (np.sin(t) + (pi - t) * np.cos(t))


# functions of two or three variables that hide their kinks and jumps, with the covariance of the variables
HIDDEN = {
    "relus": (lambda x, y, z: relu(x + z) * relu(y + z), cosine(1.2, 2.2, 2.2), np.diag([1.0, 1.0, 1.2])),
    "corner": (lambda x, y: relu(x) * relu(y), cosine(0.5, 1.0, 1.3), np.array([[1.0, 0.5], [0.5, 1.3]])),
    "steps": (lambda x, y: 1.0 * ((x > 0) & (y > 0)), 0.25 + np.arcsin(0.5 / sqrt(1.3)) / 2 / pi,
              np.array([[1.0, 0.5], [0.5, 1.3]])),
    "larger": (np.maximum, sqrt((1.0 + 1.3 - 1.0) / 2 / pi), np.array([[1.0, 0.5], [0.5, 1.3]])),
    "disc": (lambda x, y: 1.0 * (x * x + y * y < 1.3), 1 - exp(-0.65), np.eye(2)),
    "norm": (lambda x, y: np.sqrt(x * x + y * y), sqrt(pi / 2), np.eye(2)),
    "unit": (lambda x, y: relu(x / np.sqrt(x * x + y * y)), 1 / pi, np.eye(2)),
    "steep": (lambda x, y: np.tanh(30 * (x - y)) ** 2 + relu(y), None, np.eye(2)),
    "largest": (lambda x, y, z: np.maximum(np.maximum(x, y), z), 1.5 / sqrt(pi), np.eye(3)),
    "eighth": (lambda x, y, z: 1.0 * ((x > 0) & (y > 0) & (z > 0)), 0.125, np.eye(3)),
    "norm3": (lambda x, y, z: np.sqrt(x * x + y * y + z * z), sqrt(8 / pi), np.eye(3)),
}  # fmt: skip
GOAL = {2: 1e-7, 3: 3e-2}


@pytest.mark.parametrize("name", HIDDEN)
def test_kinks_that_nobody_told_are_in_the_error(name):
    function, truth, cov = HIDDEN[name]
    if truth is None:  # one variable at a time, in nested quadrature with breaks
        z = np.linspace(-12, 12, 400_001)
        truth = float(np.sum(np.tanh(30 * sqrt(2) * z) ** 2 * np.exp(-z * z / 2)) * (z[1] - z[0]) / sqrt(2 * pi))
        truth += 1 / sqrt(2 * pi)
    prog = tp.Program(name)
    prog.name("m", tp.moment(function, *prog.vectors("x y z"[: 2 * len(cov) - 1], cov=cov)))
    lim = tp.limit(prog, tol=1e-9)
    assert lim.method("m") == "quadrature"
    off = abs(lim.scalar("m") - truth)
    assert off < 3 * lim.error("m") + 1e-14 and lim.error("m") < GOAL[len(cov)], (off, lim.error("m"))


def test_random_kinks_in_two_variables():
    """relu(a . z + b) relu(c . z + d) hidden from the rule, against the same integral with its kinks told."""
    rng = np.random.default_rng(5)
    n, o = rng.normal(size=(2, 20, 2)), rng.normal(size=(2, 20)) * 0.5

    def f(z, requests):
        sides = np.einsum("krd,dpr->kpr", n[:, requests], z) - o[:, None, requests]
        return relu(sides).prod(axis=0)

    told, _ = integrate(f, 2, 20, n, o)
    value, error = integrate(f, 2, 20, np.zeros((0, 20, 2)), np.zeros((0, 20)))
    assert (np.abs(value - told) < 3 * error).all() and np.median(error) < 3e-8
