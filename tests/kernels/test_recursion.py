"""NNGP and NTK: against the general interpreter, neural-tangents' values, gradients by differences, and each other."""

import numpy as np
import pytest

from tests.cases import CASES, SMOOTH, parametrized, points
from tpcore.data import digits
from tpcore.errors import BudgetError, Misuse
from tpcore.kernels.dense import DenseDraw
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.kernels.recursion import kernels, steps
from tpcore.limit import expect
from tpcore.limit.interpret import limit
from tpcore.nets import MLP

WB = [(1.5, 0.1), (1.0, 0.0)]
# neural-tangents 0.6.5 in float64 on the first 12 digits of norm 8: activation, depth, (sigma_w, sigma_b),
# NNGP[0, 1], NTK[0, 1], NTK[2, 2]; for relu and leaky relu the NTK of an exact recursion (its own clips correlations).
PEER = [
    ("relu", 1, 0, 1.5945736769054697, 2.488475227157728, 5.095),
    ("relu", 3, 0, 2.4322891313196497, 5.791157771505222, 12.941875),
    ("relu", 5, 1, 0.025453627976238864, 0.07824803710766053, 0.1875),
    ("erf", 1, 0, 0.6416233129987968, 1.317640818767908, 3.427532286989592),
    ("erf", 3, 0, 0.4465689457313998, 1.842687285569748, 7.132702800074572),
    ("erf", 5, 1, 0.08792461739887453, 0.5437403800510145, 1.3846083334698804),
    ("gelu", 3, 0, 1.7356509317269762, 4.64283058956952, 11.559895803361185),
    ("gelu", 5, 1, 0.0018796673432834457, 0.009981017321998735, 0.0220226430623084),
    ("leaky_relu(0.1)", 3, 0, 2.394248886047666, 6.118631554714418, 13.332879652656251),
    ("sin", 3, 0, 0.2372889135416197, 1.0280908410530385, 8.126563888863272),
]


@parametrized(CASES)
def test_the_recursion_is_the_general_interpreter(case):
    K = nngp(case.net, case.X)
    general = limit(case.net.program(case.X)).kernel()
    tolerance = 1e-12 if case.closed else 1e-9
    np.testing.assert_allclose(K, general, rtol=tolerance, atol=tolerance * np.abs(general).max())


@pytest.mark.parametrize(("phi", "depth", "which", "k01", "t01", "t22"), PEER)
def test_key_numbers_of_neural_tangents(phi, depth, which, k01, t01, t22):
    net, X = MLP(depth, phi, *WB[which]), digits(12)[0]
    K, T = nngp(net, X), ntk(net, X)
    np.testing.assert_allclose([K[0, 1], T[0, 1], T[2, 2]], [k01, t01, t22], rtol=1e-11)


@pytest.mark.parametrize("act", ["relu", "erf", "gelu", "sin", "abrelu"])
def test_all_values_of_neural_tangents(reference, act):
    values = reference("F_nt_mlp.npz")
    for depth in (1, 3, 5):
        for which, (sigma_w, sigma_b) in enumerate(WB):
            net = MLP(depth, {"abrelu": "leaky_relu(0.1)"}.get(act, act), sigma_w, sigma_b)
            key = f"fcn_{act}_L{depth}_wb{which}"
            K, T = nngp(net, values["X"]), ntk(net, values["X"])
            scale, exact = np.abs(T).max(), f"ownexact_ntk_{key}"
            np.testing.assert_allclose(K, values[f"nngp_{key}"], rtol=1e-9, atol=1e-12)
            rtol = 1e-9 if exact not in values else 1e-7
            np.testing.assert_allclose(T, values[f"ntk_{key}"], rtol=rtol, atol=1e-9 * scale)
            if exact in values:
                np.testing.assert_allclose(T, values[exact], rtol=1e-12, atol=1e-13 * scale)


@parametrized(SMOOTH)
@pytest.mark.parametrize("convention", ["multiplier", "variance"])
def test_ntk_from_expectations_layer_by_layer(case, convention):
    """Theta by the formula, written out with `tp.expect` on the full matrices."""
    net, X = case.net, case.X
    sw, sb, multiplier = net.sigma_w**2, net.bias_variance, convention == "multiplier"
    free = 0.0 if net.sigma_b is None else sb if multiplier else 1.0
    inner = X @ X.T / X.shape[1]
    sigma, theta = sw * inner + sb, (sw if multiplier else 1.0) * inner + free
    for layer in range(net.depth):
        s2 = sw if layer < net.depth - 1 else net.sigma_v**2
        V, dV = np.asarray(expect.V(net.phi, sigma)), np.asarray(expect.dV(net.phi, sigma))
        theta = (s2 if multiplier else 1.0) * V + free + s2 * dV * theta
        sigma = s2 * V + sb
    tolerance = 1e-11 if case.closed else 1e-8
    T = ntk(net, X, convention=convention)
    np.testing.assert_allclose(T, theta, rtol=tolerance, atol=tolerance * np.abs(theta).max())


@parametrized(SMOOTH)
def test_other_inputs_give_a_block_of_the_whole(case):
    X = case.X
    for tangent in (False, True):
        whole = kernels(case.net, X, None, tangent)
        for rows, columns in ((X[:2], X), (X, X[1:3]), (X[:1], X[:1])):
            part = kernels(case.net, rows, columns, tangent)
            for big, small in zip(whole, part, strict=True):
                if big is not None:
                    block = big[: len(rows), (1 if len(columns) == 2 else 0) :][:, : len(columns)]
                    # a diagonal entry of relu' has the sensitivity of an angle near 0
                    np.testing.assert_allclose(small, block, rtol=3e-7, atol=1e-9 * np.abs(big).max())


@parametrized(SMOOTH)
def test_kernels_are_symmetric_and_positive(case):
    for K in kernels(case.net, case.X, None, True):
        np.testing.assert_array_equal(K, K.T)
        assert np.linalg.eigvalsh(K).min() > -1e-9 * np.abs(K).max()


def test_large_matrices_by_tiles_are_the_small_ones():
    X = np.concatenate([points(300, 6, seed=4), points(5, 6)])
    for phi in ("relu", "erf", "tanh"):
        net = MLP(2, phi, 1.2, 0.3)
        K, T = kernels(net, X, None, True)
        pick = np.array([0, 31, 32, 255, 256, 299, 300, 304])
        K2, T2 = kernels(net, X[pick], None, True)
        np.testing.assert_allclose(K[np.ix_(pick, pick)], K2, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(T[np.ix_(pick, pick)], T2, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("convention", ["multiplier", "variance"])
@pytest.mark.parametrize("sigma_b", [0.4, 0.0, None])
def test_dense_ntk_is_the_product_of_gradients(convention, sigma_b):
    """Every parameter moved by hand, at width 4: central differences of f."""
    net = MLP(3, "tanh", 1.3, sigma_b, 0.8)
    X = points(3, 2, seed=9)
    draw = DenseDraw(net, X, 4, np.random.default_rng(5))
    tensors = [*draw.weights, draw.readout] + ([] if sigma_b is None else [*draw.biases, np.array([draw.readout_bias])])
    multiplier = convention == "multiplier"
    weight_scale = [net.sigma_w if multiplier else 1.0] * 3 + [net.sigma_v if multiplier else 1.0]
    fans = [2, 4, 4, 1]  # f divides by sqrt(width) in the readout itself
    scales = [s / np.sqrt(f) for s, f in zip(weight_scale, fans, strict=True)]
    scales += [] if sigma_b is None else [sigma_b if multiplier else 1.0] * 4

    def f():
        x = X.T
        biases = tensors[4:7] if sigma_b is not None else [0.0] * 3
        for W, b in zip(tensors[:3], biases, strict=True):
            x = np.tanh(W @ x + b)
        return tensors[3] @ x / 2.0 + (tensors[7][0] if sigma_b is not None else 0.0)

    rows = []
    for tensor, scale in zip(tensors, scales, strict=True):
        flat = tensor.reshape(-1)
        for i in range(flat.size):
            kept = flat[i]
            flat[i] = kept + 1e-5
            up = f()
            flat[i] = kept - 1e-5
            rows.append(scale * (up - f()) / 2e-5)
            flat[i] = kept
    gradient = np.array(rows)
    np.testing.assert_allclose(draw.ntk(steps(net, convention)), gradient.T @ gradient, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(draw.outputs(), f(), rtol=1e-12)


@pytest.mark.parametrize("phi", ["step", "sign"])
def test_jumps_have_no_tangent_kernel(phi):
    assert np.isfinite(nngp(MLP(2, phi), points())).all()
    with pytest.raises(Misuse, match="delta"):
        ntk(MLP(2, phi), points())


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda net, X: ntk(net, X, convention="multipler"), "multiplier"),
        (lambda net, X: nngp(net, X, X[:, :2]), "features"),
        (lambda net, X: nngp("relu", X), "MLP"),
        (lambda net, X: nngp(net, X[0]), "axes"),
        (lambda net, X: nngp(net, X * np.nan), "finite"),
    ],
)
def test_misuse_is_refused_in_words(call, word):
    with pytest.raises(Misuse, match=word):
        call(MLP(2), points())


def test_what_does_not_fit_is_refused_with_the_number_that_does():
    with pytest.raises(BudgetError) as caught:
        nngp(MLP(2), np.zeros((10**6, 1)))
    assert 0 < caught.value.fits < 10**6
