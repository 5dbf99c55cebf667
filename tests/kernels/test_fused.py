"""All layers fused against one matrix after the other."""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import points
from tpcore.kernels.covariance import _joint
from tpcore.kernels.fused import fused
from tpcore.nets import Act, Dense, LayerNorm, LayerNormMLP, Residual, ResNet, Sequential
from tpcore.nets.moments import Side

NETS = {
    "resnet": ResNet(2, "gelu", 1.2, 0.3),
    "layernorm": LayerNormMLP(2, "relu", 1.4, None),
    "nested": Sequential(Dense(1.3, 0.2), Residual(Act("erf"), Dense(1.1),
                         Residual(LayerNorm(), Act("sin"), Dense(0.8)), Act("leaky_relu(0.2)"), Dense(1.2, 0.1)),
                         LayerNorm(), Act("cos"), Dense(0.9)),
    "linear": Sequential(Dense(1.3), Act("identity"), Dense(1.1, 0.3), Act("gauss")),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("convention", [None, "multiplier", "variance"])
def test_fused_layers_are_the_layers(name, convention):
    """More than one block of columns and of rows; all pairs, and two sets of inputs."""
    net, X = NETS[name], np.random.default_rng(3).normal(size=(290, 4)) * 0.9
    X[7], X[260] = X[3], -X[3]
    want = _joint(net.stack, net.read(X), None, convention)
    kernel = (lambda *given: tp.nngp(net, *given)) if convention is None else (
        lambda *given: tp.ntk(net, *given, convention=convention))
    K = kernel(X)
    assert np.array_equal(K, K.T)
    np.testing.assert_allclose(K, want, rtol=1e-9, atol=1e-12 * np.abs(want).max())
    np.testing.assert_allclose(kernel(X[:9], X[9:]), want[:9, 9:], rtol=1e-9, atol=1e-12 * np.abs(want).max())


def test_what_has_no_closed_form_is_not_fused():
    sides = [Side(), Side((points(3)[0],)), Side()]
    for phi, known in (("tanh", False), ("erf", True)):
        assert (fused((Dense(), Act(phi), Dense()), sides, sides, None) is not None) == known
