"""Pairs of inputs by the series of each input, against one joint matrix."""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import degenerate, images
from tpcore.kernels.covariance import _joint
from tpcore.nets import CNN, Act, Conv, Dense, Flatten, MeanPool, Residual, Sequential

NETS = {
    "mean": CNN(2, "tanh", 1.4, 0.2, head="mean"),
    "flatten": CNN(2, "silu", 1.2, None),
    "residual": Sequential(Conv(2, "same", 1, 1.2, 0.3), Residual(Act("softplus"), Conv(2, "circular")), Act("sigmoid"),
                           MeanPool(), Dense(1.1, 0.2), Act("tanh")),
    "dense": Sequential(Conv(2, "valid", 1, 1.3, 0.1), Act("tanh"), Flatten(), Dense(1.1), Act("tanh"), Dense()),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("convention", [None, "variance"])
def test_pairs_by_series(name, convention):
    """Distinct images, a copy, a zero one; all pairs and two sets of inputs."""
    net, X = NETS[name], degenerate(NETS[name], images(4))
    want = _joint(net.stack, net.read(X), None, convention)
    kernel = (lambda *given: tp.nngp(net, *given)) if convention is None else (
        lambda *given: tp.ntk(net, *given, convention=convention))
    K = kernel(X)
    np.testing.assert_allclose(K, want, rtol=1e-11, atol=1e-12 * np.abs(want).max())
    assert np.linalg.eigvalsh(K)[0] > -1e-10 * np.abs(K).max()
    np.testing.assert_allclose(kernel(X[:2], X[2:]), want[:2, 2:], rtol=1e-11, atol=1e-12 * np.abs(want).max())
