"""Training unrolled into a program: against plain NumPy on the same weights, and in the limit against known values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tpcore as tp
from tests.program.test_build import evaluate
from tests.train import plain
from tpcore.limit.particles.interpret import particles
from tpcore.program.tangent import tangent
from tpcore.train import MLPModel, RNNModel, kernel_descent, series, unroll

N = 64
RNG = np.random.default_rng(31)
X = RNG.normal(size=(4, 3))
Y = np.array([1.0, -1.0, 0.5, 0.2])
MUP = {1: [-0.5, 0.5], 2: [-0.5, 0.0, 0.5], 3: [-0.5, 0.0, 0.0, 0.5]}
PHI = {
    "tanh": (np.tanh, lambda h: 1 - np.tanh(h) ** 2),
    "relu": (lambda h: np.maximum(h, 0), lambda h: (h > 0) * 1.0),
    "sin": (np.sin, np.cos),
}


def squared(f, y):
    return f - y


def logistic(f, y):
    return -y / (1 + np.exp(y * f))


def start(depth, d=3, seed=2):
    """U, W2 .., V of size 1 in the sense of muP."""
    rng = np.random.default_rng(seed)
    values = {"U": rng.normal(size=(N, d))}
    values |= {f"W{layer}": rng.normal(size=(N, N)) / np.sqrt(N) for layer in range(2, depth + 1)}
    return values | {"V": rng.normal(size=N)}


def trajectory(prog, values, name="f"):
    done = {n.name: x for n, x in zip(prog.nodes, evaluate(prog, values, {1.0: N}), strict=True)}
    found = []
    while f"{name}[{len(found)}]" in done:
        found.append(done[f"{name}[{len(found)}]"])
    return np.array(found)


def stored(values, readout=1.0 / N):
    return [values[k] for k in values if k != "V" and not k.startswith("b")] + [values["V"][None, :] * readout]


@pytest.mark.parametrize("depth, phi, steps", [(1, "tanh", 6), (2, "relu", 6), (2, "sin", 5), (3, "tanh", 4)])
def test_the_same_weights_give_the_same_trajectory(depth, phi, steps):
    values = start(depth)
    found = trajectory(unroll(MLPModel(depth, phi), X, Y, steps, 0.7), values)
    expected = plain.mlp(stored(values), X, Y, 0.7, steps, MUP[depth], *PHI[phi], squared)
    assert np.abs(expected[-1] - expected[0]).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def test_the_other_loss_minibatches_and_points_that_are_only_looked_at():
    values, labels = start(2), np.sign(Y)
    batches = [[0, 2], [1], [2, 3, 0]]
    prog = unroll(MLPModel(2, "tanh"), X, labels, 5, 0.8, loss="logistic", batches=batches)
    expected = plain.mlp(stored(values), X, labels, 0.8, 5, MUP[2], *PHI["tanh"], logistic, batches)
    np.testing.assert_allclose(trajectory(prog, values), expected, rtol=1e-9, atol=1e-11)
    losses = [np.mean(np.log1p(np.exp(-labels[batches[t % 3]] * expected[t, batches[t % 3]]))) for t in range(5)]
    np.testing.assert_allclose(trajectory(prog, values, "loss"), losses, rtol=1e-9)
    only = unroll(MLPModel(2, "tanh"), X, np.array([1.0, -1.0, 9.0, 9.0]), 3, 0.8, batches=[[0, 1]])
    expected = plain.mlp(stored(values), X, Y, 0.8, 3, MUP[2], *PHI["tanh"], squared, [[0, 1]])
    np.testing.assert_allclose(trajectory(only, values), expected, rtol=1e-9, atol=1e-11)


def test_gamma_is_the_way_to_the_ntk_parametrization():
    """gamma = sqrt n: f = V x / sqrt n, W = w / sqrt n, plain gradients in standard normal parameters."""
    values = start(2)
    prog = unroll(MLPModel(2, "tanh"), X, Y, 5, 0.7, gamma=np.sqrt(N))
    expected = plain.mlp(stored(values, N**-0.5), X, Y, 0.7, 5, [0.0, 0.5, 0.5], *PHI["tanh"], squared)
    np.testing.assert_allclose(trajectory(prog, values), expected, rtol=1e-9, atol=1e-10)
    centred = trajectory(unroll(MLPModel(2, "tanh"), X, Y, 1, 0.7, gamma=3.0, center=True), values)
    assert not centred[0].any() and centred[1].any()


def test_biases_and_frozen_layers():
    values = start(2) | {"b1": RNG.normal(size=N), "b2": RNG.normal(size=N)}
    prog = unroll(MLPModel(2, "tanh", sigma_b=0.5), X, Y, 4, 0.6)
    biases = [values["b1"], values["b2"]]
    expected = plain.mlp(stored(values), X, Y, 0.6, 4, MUP[2], *PHI["tanh"], squared, biases=biases)
    np.testing.assert_allclose(trajectory(prog, values), expected, rtol=1e-9, atol=1e-11)
    frozen = unroll(MLPModel(2, "tanh"), X, Y, 4, 0.6, rates={"U": 0.0, "W2": 0})
    f = trajectory(frozen, values)
    x = np.tanh(values["W2"] @ np.tanh(values["U"] @ X.T))
    expected = kernel_descent(x.T @ x / N, Y, 0.6, 4, f0=x.T @ values["V"] / N)
    np.testing.assert_allclose(f, expected, rtol=1e-10, atol=1e-13)
    assert "U[1]" not in frozen and not any(n.name.startswith("dh") for n in frozen.nodes)


def test_a_recurrent_net_by_the_same_code():
    rng = np.random.default_rng(8)
    S = rng.normal(size=(3, 4, 2))
    values = {"U": rng.normal(size=(N, 2)), "W": rng.normal(size=(N, N)) / np.sqrt(N), "V": rng.normal(size=N)}
    prog = unroll(RNNModel("tanh"), S, Y[:3], 5, 0.7)
    weights = [values["U"], values["W"], values["V"][None] / N]
    expected = plain.rnn(weights, S, Y[:3], 0.7, 5, MUP[2], *PHI["tanh"], squared)
    assert np.abs(expected[-1] - expected[0]).max() > 0.1
    np.testing.assert_allclose(trajectory(prog, values), expected, rtol=1e-9, atol=1e-11)


def test_kernels_and_names():
    values = start(2)
    prog = unroll(MLPModel(2, "tanh"), X, Y, 2, 0.7, kernels=True)
    done = {n.name: x for n, x in zip(prog.nodes, evaluate(prog, values, {1.0: N}), strict=True)}
    for name in ("K_x1[0]", "K_x2[2]"):
        x = done[name[2:]]
        np.testing.assert_allclose(done[name], x.T @ x / N, rtol=1e-12)
    run = tp.run(prog, 200, seed=1)
    assert series(run).shape == (3, 4) and series(run, "loss").shape == (2,) and series(run, "K_x1").shape == (3, 4, 4)
    assert prog.fragment == "netsort+" and unroll(MLPModel(2), X, Y, 0, 0.7).fragment == "netsor+"


def test_a_long_run_is_traced_in_blocks():
    prog = unroll(MLPModel(2, "tanh"), X, Y, 20, 0.3)
    assert len(prog.nodes) < 830
    more = unroll(MLPModel(2, "tanh"), np.tile(X, (16, 1)), np.tile(Y, 16), 20, 0.3)
    assert len(more.nodes) == len(prog.nodes)


# ---- the limit --------------------------------------------------------------------------------------------------

# Outputs in the limit, muP, by integration of the two-dimensional mean-field equations (error below 5e-9): one hidden
# tanh layer, X = (1, 0.5, -1.5, 2), y = (1, -0.3, 0.5, -1), learning rate 0.5; steps 1, 5 and 15.
SCALAR_INPUTS = ([[1.0], [0.5], [-1.5], [2.0]], [1.0, -0.3, 0.5, -1.0])
SCALAR_F = {
    1: [-0.1173080400195962, -0.0683004628196035, 0.14952543816111175, -0.1701878837968365],
    5: [-0.19519039498545013, -0.10538380742332155, 0.2641761663205947, -0.31321663823387436],
    15: [-0.18283855636703922, -0.07916305457889918, 0.28124619786960603, -0.359499930450989],
}
# Two hidden tanh layers, one input 1 with target 1, learning rate 1: f_0 .. f_3 by exact quadrature (error below 5e-6).
ONE_POINT = [0.0, 0.561670542965, 0.81231102363, 0.927627]


def test_the_limit_of_one_hidden_layer():
    f = series(particles(unroll(MLPModel(1, "tanh"), *SCALAR_INPUTS, 15, 0.5), samples=2**15))
    assert np.abs(f[0]).max() < 1e-3
    for t, expected in SCALAR_F.items():
        np.testing.assert_allclose(f[t], expected, atol=1e-3)


def test_the_limit_of_two_hidden_layers():
    f = series(tp.limit(unroll(MLPModel(2, "tanh"), [[1.0]], [1.0], 3, 1.0), samples=2**15))
    np.testing.assert_allclose(f[:, 0], ONE_POINT, atol=1e-3)


# The same for two hidden linear layers, learning rate 0.3, four inputs in three dimensions: exact to 1e-13.
LINEAR_X = np.array([[0.1257302210933933, -0.1321048632913019, 0.6404226504432821],
                     [0.10490011715303971, -0.535669373161111, 0.36159505490948474],
                     [1.3040000451301372, 0.9470809631292422, -0.7037352358069926],
                     [-1.2654214710460525, -0.6232744625373522, 0.0413259793472436]])
LINEAR_F = {
    5: [0.028131363054979056, -0.20010404536340895, 0.24812880704497517, -0.20128802883312585],
    20: [0.3450356336915923, -0.721227472343031, 0.14116719306378506, -0.2565559836751709],
}


def test_a_linear_network_is_exact():
    """Step 1 with pencil and paper: V_1 = V + W U A, W_1 = W + V (U A)^T / n, U_1 = U + W^T V A^T with
    A = eta/B sum_b y_b xi_b; of <V_1, W_1 U_1 xi> three terms A . xi remain in the limit."""
    f = series(tp.limit(unroll(MLPModel(2, "identity"), LINEAR_X, Y, 20, 0.3)))
    assert np.abs(f[0]).max() < 1e-12
    np.testing.assert_allclose(f[1], 3 * 0.3 / 4 * LINEAR_X @ LINEAR_X.T @ Y, atol=1e-10)
    for t, expected in LINEAR_F.items():
        np.testing.assert_allclose(f[t], expected, atol=1e-10)


REFERENCE = Path(__file__).resolve().parents[3] / "shared/reference/J_training_limits.npz"


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference file is not at hand")
@pytest.mark.parametrize("case, depth, phi", [("mlp1_tanh", 1, "tanh"), ("mlp2_linear", 2, "identity")])
def test_whole_reference_trajectories(case, depth, phi):
    with np.load(REFERENCE) as file:
        data = {k: file[f"{case}__{k}"] for k in ("Xi", "y", "eta", "f", "se")}
    prog = unroll(MLPModel(depth, phi), data["Xi"], data["y"], len(data["f"]) - 1, float(data["eta"]))
    found = series(tp.limit(prog, samples=2**15))
    assert np.abs(found - data["f"]).max() < (1e-3 if case == "mlp1_tanh" else 1e-10)


def test_finite_width_approaches_the_limit():
    """One hidden layer: the spread over draws falls like n^(-1/2)."""
    prog = unroll(MLPModel(1, "tanh"), *SCALAR_INPUTS, 5, 0.5)
    errors = []
    for width in (64, 1024):
        f = np.array([series(tp.run(prog, width, seed=s, keep=()))[5] for s in range(24)])
        errors.append(np.sqrt(np.mean((f - SCALAR_F[5]) ** 2)))
    slope = np.log(errors[1] / errors[0]) / np.log(16)
    assert -0.65 < slope < -0.35


# ---- the kernel regime ------------------------------------------------------------------------------------------

# NTK of V x / sqrt n, two hidden tanh layers, first layer U xi with xi = LINEAR_X / sqrt 3: its first row, and the
# outputs after 1 and 20 steps of kernel gradient descent, learning rate 0.5, targets Y; exact to 1e-13.
NTK_ROW = [0.2904222981356754, 0.20529592730952798, -0.1515652435213514, -0.02164675040084489]
NTK_F = {
    1: [0.0006267998731628449, -0.022075714149100256, 0.043804371885863905, -0.03774830296510281],
    20: [0.10751727990459653, -0.23268979793295513, 0.231819811186581, -0.19579124862361258],
}


def network():
    prog = tp.Program("two hidden layers")
    h = prog.block("h1", cov=LINEAR_X @ LINEAR_X.T / 3)
    prog.output("f", prog.vector("v"), tp.tanh(prog.matrix("W") @ tp.tanh(h)))
    return prog


def test_kernel_descent_with_the_tangent_kernel():
    theta = tp.limit(tangent(network(), "f")).scalar("ntk")
    np.testing.assert_allclose(theta[0], NTK_ROW, rtol=1e-10)
    f = kernel_descent(theta, Y, 0.5, 20)
    for t, expected in NTK_F.items():
        np.testing.assert_allclose(f[t], expected, atol=1e-11)


def test_wide_networks_in_ntk_parametrization_follow_it():
    """gamma = sqrt n at width n, centred: the distance to kernel descent falls with the width."""
    expected = kernel_descent(tp.limit(tangent(network(), "f")).scalar("ntk"), Y, 0.5, 10)
    errors = []
    for width in (128, 2048):
        prog = unroll(MLPModel(2, "tanh"), LINEAR_X / np.sqrt(3), Y, 10, 0.5, gamma=np.sqrt(width), center=True)
        runs = [series(tp.run(prog, width, seed=s, keep=())) for s in range(6)]
        errors.append(np.sqrt(np.mean((np.array(runs) - expected) ** 2)))
    assert errors[1] < 0.05 and -0.8 < np.log(errors[1] / errors[0]) / np.log(16) < -0.3


def test_kernel_descent_is_gradient_descent_on_features():
    """K = F F^T / p: the same as gradient descent on theta in f = F theta / sqrt p, both losses, minibatches."""
    F, labels, batches = RNG.normal(size=(4, 7)), np.sign(Y), [[0, 3], [1, 2, 3]]
    for loss, slope, y in (("squared", squared, Y), ("logistic", logistic, labels)):
        theta = RNG.normal(size=7)
        found = kernel_descent(F @ F.T / 7, y, 0.4, 6, f0=F @ theta / np.sqrt(7), loss=loss, batches=batches)
        for t in range(7):
            np.testing.assert_allclose(found[t], F @ theta / np.sqrt(7), rtol=1e-12, atol=1e-14)
            rows = batches[t % 2]
            chi = slope(F[rows] @ theta / np.sqrt(7), y[rows]) / len(rows)
            theta = theta - 0.4 * F[rows].T @ chi / np.sqrt(7)


def test_misuse_in_words():
    model = MLPModel(2)
    for call, words in [
        (lambda: unroll(model, X, Y[:3], 1, 0.1), "each of the 4 inputs"),
        (lambda: unroll(model, X[0], Y, 1, 0.1), "2 axes"),
        (lambda: unroll(RNNModel(), X, Y, 1, 0.1), "3 axes"),
        (lambda: unroll(model, X, Y, -1, 0.1), "at least 0"),
        (lambda: unroll(model, X, Y, 1, 0.1, loss="logistc"), "Did you mean 'logistic'"),
        (lambda: unroll(model, X, Y, 1, 0.1, loss="logistic"), "-1 and 1"),
        (lambda: unroll(model, X, Y, 1, 0.1, batches=[[0], []]), "at least one input"),
        (lambda: unroll(model, X, Y, 1, 0.1, batches=[[4]]), "at most 3"),
        (lambda: unroll(model, X, Y, 1, 0.1, rates={"W3": 1.0}), "'W3'"),
        (lambda: unroll(model, X, Y, 1, 0.1, gamma=0.0), "greater than 0"),
        (lambda: unroll(MLPModel(1, "step"), X, Y, 1, 0.1), "jump"),
        (lambda: MLPModel(0), "at least 1"),
        (lambda: series(tp.run(tp.Program("empty"), 3)), "series of C-vars"),
        (lambda: kernel_descent(X, Y, 0.1, 3), "square"),
    ]:
        with pytest.raises(tp.errors.Misuse) as error:
            call()
        assert words in str(error.value), str(error.value)


class Mirror:
    """h = tanh(U xi), f = <V, tanh(W^T sin(W h))>: a model of one's own, with the transpose of a trained matrix."""

    def inputs(self, X):
        return np.asarray(X, float)

    def parameters(self, prog, X):
        return {"U": prog.block("U", shape=X.shape[1]), "W": prog.matrix("W"), "V": prog.vector("V")}

    def forward(self, p, X, name):
        h = tp.tanh(p["U"] @ X.T)
        x = tp.tanh(p["W"].T @ tp.sin(p["W"] @ h))
        return tp.inner(x, p["V"]), {"x": x}


def test_a_trained_matrix_may_be_transposed():
    n, (U, W, V) = 5, (RNG.normal(size=s) for s in ((5, 3), (5, 5), 5))
    prog = unroll(Mirror(), X, Y, 4, 0.6)
    values = {"U": U, "W": W, "V": V}
    done = {n.name: x for n, x in zip(prog.nodes, evaluate(prog, values, {1.0: 5}), strict=True)}

    def f(U, W, V):
        return V @ np.tanh(W.T @ np.sin(W @ np.tanh(U @ X.T))) / n

    def slopes(k, args):
        out = np.empty(args[k].shape)
        for at in np.ndindex(out.shape):
            both = []
            for sign in (1, -1):
                moved = [a.copy() for a in args]
                moved[k][at] += sign * 1e-5
                both.append(np.mean((f(*moved) - Y) ** 2) / 2)
            out[at] = (both[0] - both[1]) / 2e-5
        return out

    args = [U, W, V]
    for t in range(5):
        np.testing.assert_allclose(done[f"f[{t}]"], f(*args), atol=1e-8)
        gradients = [slopes(k, args) for k in range(3)]
        # ybar x^T / n is dL/dW itself, and vbar is n dL/dv
        args = [a - 0.6 * g * s for a, g, s in zip(args, gradients, (n, 1, n), strict=True)]
