"""Networks whose layers grow beyond floating-point numbers, and draws that would take days: words, never NaN."""

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import BudgetError, Misuse
from tpcore.kernels.empirical import empirical_nngp_chunks

X = np.random.default_rng(0).standard_normal((3, 5))
FINITE = [tp.empirical_nngp, tp.empirical_ntk, tp.sample_outputs]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("function", [tp.nngp, tp.ntk])
@pytest.mark.parametrize("net", [
    tp.nets.MLP(5, "relu", 1e30, 0.0),
    tp.nets.MLP(2, "relu", 1e100, 0.0),
    tp.nets.MLP(2, "tanh", 1e100, 0.0),
    tp.nets.ResNet(3, "relu", 1e60, 0.0),
    tp.nets.Sequential(tp.nets.Dense(1e8), tp.nets.Act("relu"), tp.nets.Dense(1e200)),
])
def test_limits(function, net):
    with pytest.raises(Misuse, match="must fit into floating-point|must be at most 1e\\+100|finite"):
        function(net, X)


def test_large_variances_that_are_held():
    """tanh of Gaussians of variance 1e60 is their sign."""
    sign = tp.nngp(tp.nets.MLP(1, "sign", 1e30, 0.0, sigma_v=1.0), X)
    assert np.abs(tp.nngp(tp.nets.MLP(1, "tanh", 1e30, 0.0, sigma_v=1.0), X) - sign).max() < 1e-6


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("function", FINITE)
@pytest.mark.parametrize("method", ["lazy", "dense"])
@pytest.mark.parametrize("net", [tp.nets.MLP(5, "relu", 1e60, 0.0), tp.nets.MLP(5, lambda x: x**2, 1e30, 0.0)])
def test_draws(function, method, net):
    with pytest.raises(Misuse, match="must fit into floating-point"):
        function(net, X, width=8, draws=2, method=method)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_streams():
    with pytest.raises(Misuse, match="must fit into floating-point"):
        list(empirical_nngp_chunks(tp.nets.MLP(5, "relu", 1e60, 0.0), X, 8, 2))


@pytest.mark.parametrize("function", FINITE)
def test_draws_that_take_days_are_refused_with_the_width_that_fits(function):
    with pytest.raises(BudgetError, match="less than about an hour") as caught:
        function(tp.nets.MLP(2, "relu", 1.4, 0.0), X, width=10**13, draws=2)
    assert 10**8 < caught.value.fits < 10**12


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide")
def test_dead_networks_are_nan_among_others():
    """relu leaves nothing of one input in some networks of width 8, about 2^-8 of them; layernorm has 0/0 there."""
    nets = tp.nets
    net = nets.Sequential(nets.Dense(1.4, 0.0), nets.Act("relu"), nets.LayerNorm())
    f = tp.sample_outputs(net, X, width=8, draws=400, seed=1)
    dead = np.isnan(f).any(axis=1)
    assert f.shape == (400, 3) and 0 < dead.sum() < 30 and not np.isinf(f).any()
