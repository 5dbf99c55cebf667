"""Activations one after another have a recursion: against sums over a fine grid, the program, and finite networks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import tpcore as tp
from tpcore.errors import Misuse
from tpcore.nets import Act, Dense, LayerNorm, MeanPool, Residual, Sequential
from tpcore.nets.composed import folded

X = np.array([[0.9, -0.4, 1.3], [0.2, 1.1, -0.7]])


def gelu(x):
    return x * special.ndtr(x)


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


RUNS = {
    "gelu, elu": ((Act("gelu"), Act("elu")), lambda x: elu(gelu(x))),
    "tanh, relu, erf": ((Act("tanh"), Act("relu"), Act("erf")), lambda x: special.erf(np.maximum(np.tanh(x), 0))),
    "a kink of the outer function": ((Act("softplus"), Act(tp.activations.custom(lambda x: np.abs(x - 0.7),
                                     lambda x: np.sign(x - 0.7), (0.7,)))),
                                     lambda x: np.abs(np.logaddexp(0, x) - 0.7)),
    "x + sin after tanh": ((Act("tanh"), Residual(Act("sin"))), lambda x: np.tanh(x) + np.sin(np.tanh(x))),
}  # fmt: skip


def on_grid(f, C: np.ndarray, count: int = 1200) -> np.ndarray:
    """E f(u) f(v) for all pairs of (u, v) ~ N(0, C), by the midpoint rule."""
    h = 18 / count
    z = (np.arange(count) + 0.5) * h - 9
    w = np.exp(-z * z / 2) * h / np.sqrt(2 * np.pi)
    found = np.empty((2, 2))
    for i, j in ((0, 0), (0, 1), (1, 1)):
        root = np.linalg.cholesky(C[np.ix_([i, j], [i, j])] + 1e-15 * np.eye(2))
        u, v = root[0, 0] * z[:, None], root[1, 0] * z[:, None] + root[1, 1] * z
        found[i, j] = found[j, i] = w @ (f(u) * f(v)) @ w
    return found


@pytest.mark.parametrize("run", RUNS)
def test_kernels_are_those_of_the_composed_function(run):
    layers, f = RUNS[run]
    net = Sequential(Dense(1.3, 0.3), *layers, Dense(0.8, 0.1))
    C = 1.69 * X @ X.T / 3 + 0.09
    V = on_grid(f, C)
    assert np.allclose(tp.nngp(net, X), 0.64 * V + 0.01, rtol=1e-4)
    slopes = on_grid(lambda x: (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, C)
    assert np.allclose(tp.ntk(net, X), 0.64 * V + 0.01 + 0.64 * slopes * C, rtol=5e-3)


def test_inside_a_branch_and_over_positions():
    net = Sequential(Dense(1.2, 0.2), Act("relu"), Dense(), Residual(Act("gelu"), Act("tanh"), Dense(0.7)), Act("erf"),
                     Act("relu"), MeanPool(), Dense())  # fmt: skip
    texts = np.random.default_rng(1).standard_normal((2, 3, 4))
    K, draws = tp.nngp(net, texts), tp.empirical_nngp(net, texts, width=2000, draws=40, seed=1)
    assert (np.abs(draws.mean(axis=0) - K) / (draws.std(axis=0) / np.sqrt(40))).max() < 3.5
    many = np.random.default_rng(2).standard_normal((24, 8, 4))  # 192 positions
    assert np.linalg.eigvalsh(tp.nngp(net, many)).min() > 0


def test_what_is_folded():
    kept = folded([Dense(), Act("sin"), Act("abs"), LayerNorm(), Act("identity"), Act("tanh")])
    assert [type(layer).__name__ for layer in kept] == ["Dense", "Act", "Act", "LayerNorm", "Act"]  # |sin|: many kinks
    (one,) = folded([Act("relu"), Act("relu"), Residual(Act("relu"))])
    assert np.array_equal(one.phi.f(np.array([-2.0, 3.0])), [0, 6]) and one.phi.kinks == (0,)
    step = folded([Act("step"), Act("tanh")])[0].phi
    assert step.jumps and step.f(np.array([1.0])) == np.tanh(1)
    with pytest.raises(Misuse, match="derivative in the ordinary sense"):
        tp.ntk(Sequential(Dense(), Act("step"), Act("tanh"), Dense()), X)
