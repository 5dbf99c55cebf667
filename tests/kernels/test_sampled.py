"""Stacks in which a sample decides: batch normalization before any activation; recurrent cells as layers."""

from dataclasses import replace

import numpy as np
import pytest

import tpcore as tp
from tests.cases import degenerate, points, sequences
from tpcore.activations import get
from tpcore.errors import Misuse
from tpcore.kernels.nngp import by_program
from tpcore.kernels.uses import by_tangent
from tpcore.nets import (
    GRU, LSTM, RNN, Act, Attention, BatchNorm, BatchNormMLP, Dense, LayerNorm, MeanPool, Residual, Sequential,
)
from tpcore.nets import batch_integrals, batch_tangent
from tpcore.nets.batch_sample import sampled
from tpcore.nets.data import Layout
from tpcore.nets.moments import Own


def lowest(K):
    return np.linalg.eigvalsh(K).min() / np.abs(K).max()


@pytest.mark.parametrize("phi", ["leaky_relu(0.3)", "abs"])
def test_the_sample_against_the_integrals(phi):
    """Where both know the answer: batches of seven, of six and of two members, kernel, tangent kernel and mean."""
    X, rng = points(15, 16, seed=6), np.random.default_rng(0)
    layout = Layout(((),) * 15, (7, 6, 2))
    groups, center = layout.groups(), np.zeros((15, 15))
    for g in groups:
        center[g, g] = np.eye(g.stop - g.start) - 1 / (g.stop - g.start)
    S = center @ (X @ X.T / 16) @ center
    M = center @ np.cov(rng.normal(size=(15, 40))) @ center
    o = Own(S[None], layout, gaussian=True, normalized=True, T=M[None], points=2**14)
    tries = [sampled(replace(o, sample=(k,)), get(phi)) for k in range(6)]
    for found, want, close in (([o.K[0] for o in tries], batch_integrals.kernel(S, groups, get(phi)), 2e-2),
                               ([o.T[0] for o in tries], batch_tangent.tangent(S, M, groups, get(phi)), 5e-2),
                               ([o.mean()[0] for o in tries], batch_integrals.means(S, groups, get(phi)), 2e-2)):
        error = np.std(found, axis=0, ddof=1).max() / np.sqrt(6) + 1e-12
        assert np.abs(np.mean(found, axis=0) - want).max() < 5 * error < close * np.abs(want).max()


@pytest.mark.parametrize("phi", ["tanh", "gelu"])
def test_batch_normalization_before_any_activation(phi):
    net, X = BatchNormMLP(2, phi, 1.2, 0.3), points(8, 9)
    K, T = tp.nngp(net, X), tp.ntk(net, X)
    assert max(K.error / K.max(), T.error / T.max()) < 1.5e-3 and min(lowest(K), lowest(T), lowest(T - K)) > -1e-10
    limit = by_program(net, net.read(X), samples=2**14)
    assert np.abs(K - limit).max() < 5 * (K.error + limit.error)
    one = BatchNormMLP(1, phi, 1.2, 0.3)
    T, limit = tp.ntk(one, X), by_tangent(one, one.read(X), samples=2**14)
    assert np.abs(T - limit).max() < 5 * (T.error + limit.error)
    E = tp.empirical_ntk(one, X, width=512, draws=12, seed=1)
    spread = np.sqrt(E.var(axis=0, ddof=1) / 12 + (2 * T.max() / 512) ** 2)
    assert np.abs((E.mean(axis=0) - T) / spread).max() < 5


def test_batches_and_branches():
    """Two batches; the block between them; a residual branch; a mean taken afterwards; copies and zeros."""
    net = Sequential(Dense(1.2), Residual(BatchNorm(), Act("sin"), Dense(1.1)), LayerNorm(), Dense(0.9, 0.1))
    X = [points(5, 9), points(6, 9, seed=3)]
    K = tp.nngp(net, X, samples=2**14)
    limit = by_program(net, net.read(X), samples=2**13)
    assert np.abs(K - limit).max() < 5 * (K.error + limit.error) < 0.1 * K.max()
    np.testing.assert_allclose(tp.nngp(net, X[:1], X[1:], samples=2**14), K[:5, 5:], rtol=1e-12)
    for kernel in (tp.nngp, tp.ntk):
        K = kernel(BatchNormMLP(2, "tanh"), degenerate(None, points(8)), samples=2**12)
        assert np.isfinite(K).all() and lowest(K) > -1e-10
        np.testing.assert_allclose(K[0], K[1], rtol=1e-9)
        seen = []
        kernel(BatchNormMLP(1, "tanh"), points(5), samples=2**10, progress=lambda *told: seen.append(told))
        assert seen[-1] == (8, 8)
    with pytest.raises(Misuse, match="infinite"):
        tp.ntk(BatchNormMLP(1, "gelu"), [points(5), points(3, seed=4)])


CELLS = [
    Sequential(Dense(1.2, 0.3), Act("relu"), RNN("erf", 1.2, 0.9, 0.3), Dense(1.1, 0.4), Act("erf"), MeanPool(),
               Dense()),
    Sequential(Attention(), RNN("relu", 1.1, 0.9, None), Dense(1.1, 0.2)),
]


@pytest.mark.parametrize("net", CELLS, ids=["between", "attention"])
def test_simple_cells_are_exact(net):
    convention = "variance" if net is CELLS[0] else "multiplier"
    X = sequences((3, 2))
    np.testing.assert_allclose(tp.nngp(net, X), by_program(net, net.read(X)), rtol=1e-9, atol=1e-12)
    K = tp.ntk(net, X, convention=convention)
    np.testing.assert_allclose(K, by_tangent(net, net.read(X), convention), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cell", [GRU, LSTM])
def test_gated_cells_among_layers(cell):
    """First, as the network itself; behind others, as the limit of the program: linear gates, so that it is exact."""
    X = sequences((3, 2))
    scale, kwargs = (0.8, 0.9, 0.3), {"phi": "identity", "gate": "identity"}
    net, own = Sequential(cell(*scale), MeanPool(), Dense(1.3, None)), cell(*scale, sigma_v=1.3, readout="mean")
    for kernel in (tp.nngp, tp.ntk):
        K, want = kernel(net, X, samples=2**14), kernel(own, X, samples=2**15)
        assert np.abs(K - want).max() < 5 * (K.error + want.error) < 2e-2 * K.max() and lowest(K) > -1e-10
    net, X = Sequential(Dense(1.2, 0.3), Act("relu"), cell(*scale, **kwargs), Dense(1.1, 0.2)), 0.5 * sequences((2,))[0]
    for K, limit in ((tp.nngp(net, X), by_program(net, net.read(X))), (tp.ntk(net, X), by_tangent(net, net.read(X)))):
        assert not hasattr(limit, "error")
        assert np.abs(K - limit).max() < 6 * K.error + 1e-12 * K.max() < 5e-3 * K.max()


@pytest.mark.parametrize("phi", ["tanh", "relu", "gelu"])
def test_a_branch_that_is_an_activation(phi):
    """x + phi(x) of a Gaussian x is one function."""
    net = Sequential(Dense(1.2, 0.3), Residual(Act(phi)), Dense(1.1, 0.2), Residual(Act("sin")), LayerNorm(), Dense())
    X = points(4)
    np.testing.assert_allclose(tp.nngp(net, X), by_program(net, net.read(X)), rtol=1e-8, atol=1e-9)
    one = Sequential(*net.stack[:3])
    np.testing.assert_allclose(tp.ntk(one, X), by_tangent(one, one.read(X)), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(tp.ntk(net, X[:1], X[1:]), tp.ntk(net, X)[:1, 1:], rtol=1e-8)


def test_long_sequences_through_a_cell():
    """What the program's limit would take minutes for."""
    X = np.random.default_rng(0).normal(size=(6, 12, 5))
    net = Sequential(RNN("erf", 1.2, 0.9, 0.3), MeanPool(), Dense(1.1, None))
    own = RNN("erf", 1.2, 0.9, 0.3, sigma_v=1.1, readout="mean")
    np.testing.assert_allclose(tp.nngp(net, X), tp.nngp(own, X), rtol=1e-12)
    np.testing.assert_allclose(tp.ntk(net, X), tp.ntk(own, X), rtol=1e-12)
    both = Sequential(RNN("erf", 1.2, 0.9, 0.3), RNN("tanh", 1.1, 0.9, 0.1), MeanPool(), Dense())
    np.testing.assert_allclose(tp.ntk(both, X[:2], X[2:]), tp.ntk(both, X)[:2, 2:], rtol=1e-9)
