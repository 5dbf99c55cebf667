"""Limits of training and of kernels by particles, against trajectories found otherwise.

The numbers below are the first digits of `J_training_limits` of the reference values: quadrature for one sample and
for one-dimensional inputs, exact algebra for the linear network, an independent code with many more points for the
rest. The whole trajectories are compared where the file is at hand.
"""

import numpy as np
import pytest

import tpcore as tp
from tests.limit.particles.training import mlp, outputs, tanh_slope
from tpcore.limit.particles.interpret import particles

X = np.random.default_rng(0).normal(size=(4, 3))
Y = np.array([1.0, -1.0, 0.5, 0.2])
LINE = np.array([[1.0], [0.5], [-1.5], [2.0]])
LINE_Y = np.array([1.0, -0.3, 0.5, -1.0])

# name: inputs, targets, learning rate, depth, steps, {t: f_t}
CASES = {
    "mlp1_tanh": (X, Y, 0.5, 1, 20, {
        1: [0.00359772, -0.03952251, 0.08165748, -0.06379357], 2: [0.01143274, -0.07119395, 0.13563559, -0.1048009],
        20: [0.34245734, -0.44990529, 0.25946632, -0.16468406]}),
    "mlp1_tanh_d1": (LINE, LINE_Y, 0.5, 1, 15, {
        1: [-0.11730804, -0.06830046, 0.14952544, -0.17018788], 2: [-0.16445399, -0.09438174, 0.21204365, -0.24317182],
        15: [-0.18283856, -0.07916305, 0.2812462, -0.35949993]}),
    "mlp2_tanh": (X, Y, 0.3, 2, 10, {
        1: [0.00439228, -0.02317942, 0.03863783, -0.03094677], 2: [0.00997711, -0.04421773, 0.07108566, -0.05668777],
        10: [0.09639553, -0.1780304, 0.20940241, -0.16066328]}),
    "mlp2_tanh_b1_exact": (np.ones((1, 1)), np.ones(1), 1.0, 2, 3, {
        1: [0.56167054], 2: [0.81231102], 3: [0.927627]}),
}
LINEAR = {1: [-0.01982494, -0.08605245, 0.29375192, -0.22563342],
          2: [-0.00677991, -0.11047552, 0.25385702, -0.19615055],
          20: [0.34503563, -0.72122747, 0.14116719, -0.25655598]}


def run(case, samples):
    inputs, targets, eta, depth, steps, _ = CASES[case]
    prog = mlp(inputs, targets, eta, tp.tanh, tanh_slope, depth, steps)
    return outputs(particles(prog, samples=samples), steps)


@pytest.mark.parametrize("case", CASES)
def test_tanh_trajectories(case):
    """Within three error bars, and below 1e-3."""
    value, error = run(case, 2**15)
    for t, f in CASES[case][-1].items():
        assert (np.abs(value[t] - f) < 3 * error[t]).all() and np.abs(value[t] - f).max() < 1e-3, (t, value[t])
    assert error.max() < 1e-3


def linear_trajectory():
    """Two linear layers at two sizes and seeds."""
    prog = mlp(X, Y, 0.3, lambda h: h, lambda x: 1.0 + 0.0 * x, 2, 20)
    return [outputs(particles(prog, seed=seed, samples=2**samples), 20) for seed, samples in ((0, 12), (5, 13))]


def test_linear_network():
    """Moment matching makes a linear network exact: no trace of the seed or of the number of particles."""
    (small, error), (large, _) = linear_trajectory()
    np.testing.assert_allclose(small, large, atol=1e-12)
    assert error.max() < 1e-11
    for t, f in LINEAR.items():
        np.testing.assert_allclose(small[t], f, atol=6e-9)


@pytest.mark.parametrize("case", [*CASES, "mlp2_linear"])
def test_whole_trajectories(case, reference):
    file = reference("J_training_limits.npz")
    truth = file[f"{case}__f"]
    if case == "mlp2_linear":
        assert np.abs(linear_trajectory()[0][0] - truth).max() < 1e-10
        return
    value, error = run(case, 2**15)
    known = np.reshape(file[f"{case}__se"], (len(truth), -1))
    truth = truth.reshape(len(truth), -1)
    assert (np.abs(value - truth) < 3 * np.hypot(error, known))[1:].all()
    assert np.abs(value - truth).max() < 1e-3


def test_relu_training_against_finite_width():
    """Two ReLU layers: networks of width 4,096 scatter about the limit; their mean has a bias of order 1/n."""
    prog = mlp(X, Y, 0.2, tp.relu, tp.step, 2, 4)
    value, error = outputs(particles(prog, samples=2**14), 4)
    runs = [tp.run(prog, 4096, seed=seed, keep=()) for seed in range(8)]
    for t in range(5):
        found = np.array([run.scalar(f"f{t}") for run in runs])
        spread = found.std(axis=0, ddof=1) / np.sqrt(8)
        assert (np.abs(found.mean(axis=0) - value[t]) < 5 * np.hypot(spread, error[t]) + 1e-3).all(), t
    assert error.max() < 3e-3


def test_tied_recurrence_trains_like_finite_width():
    """A tanh RNN of three steps, one matrix, two steps of SGD by hand: W is updated with all its uses at once."""
    prog = recurrent(steps=2)
    lim = particles(prog, samples=2**14)
    runs = [tp.run(prog, 4096, seed=seed, keep=()) for seed in range(8)]
    for t in range(3):
        found = np.array([run.scalar(f"f{t}") for run in runs])
        spread = found.std(ddof=1) / np.sqrt(8)
        assert abs(found.mean() - lim.scalar(f"f{t}")) < 5 * np.hypot(spread, lim.error(f"f{t}")) + 1e-3, t
    assert lim.scalar("f2") > 0.1 and lim.error("f2") < 1e-3


def recurrent(steps):
    from tests.limit.particles.training import Updated

    data, eta = [0.8, -1.1, 0.6], 0.7
    prog = tp.Program("recurrent")
    U, V, W = prog.vector("U"), prog.vector("V"), Updated(prog.matrix("W", variance=0.9), eta)
    for t in range(steps + 1):
        s, states = tp.tanh(data[0] * U), []
        states.append(s)
        for x in data[1:]:
            states.append(tp.tanh(W @ states[-1].reshape(1) + (x * U).reshape(1))[0])
        f = prog.name(f"f{t}", tp.inner(V, states[-1]))
        chi = tp.scalar(lambda f: f - 1.0, f)
        d, backward = V, []
        for s in states[::-1]:
            backward.append(d * (1 - s**2))
            d = W.transposed(backward[-1].reshape(1))[0] if len(backward) < len(states) else None
        backward = backward[::-1]
        V = V - eta * (states[-1] * chi)
        U = U - eta * chi * sum((x * b for x, b in zip(data[1:], backward[1:], strict=True)), data[0] * backward[0])
        W.update(tp.stack(backward[1:]) * chi, tp.stack(states[:-1]))
    return prog


NTK = [[0.2904223, 0.20529593, -0.15156524, -0.02164675], [0.20529593, 0.28377754, -0.23376313, 0.09378733],
       [-0.15156524, -0.23376313, 0.79201705, -0.63885719], [-0.02164675, 0.09378733, -0.63885719, 0.66438125]]


def test_tangent_kernel_of_two_tanh_layers():
    """Theta = <x^2, x^2> + <dh^2, dh^2> <x^1, x^1> + <dh^1, dh^1> xi^T xi, forward and backward with one W; kernel
    descent with it stays within 1e-3 of the trajectory."""
    inputs = X / np.sqrt(3)
    p = tp.Program("tangent kernel")
    U, V, W = p.block("U", cov=np.eye(3)), p.vector("V"), p.matrix("W")
    x1 = tp.tanh(U @ inputs.T)
    x2 = tp.tanh(W @ x1)
    d2 = V * (1 - x2**2)
    d1 = (W.T @ d2) * (1 - x1**2)
    p.name("theta", tp.inner(x2, x2) + tp.inner(d2, d2) * tp.inner(x1, x1) + tp.inner(d1, d1) * (inputs @ inputs.T))
    lim = particles(p, samples=2**17)
    theta, error = lim.scalar("theta"), lim._value(p.nodes[-1]).error
    assert (np.abs(theta - NTK) < 3 * error).all() and error.max() < 1e-3
    f, truth = np.zeros(4), np.zeros(4)
    for _ in range(20):
        f, truth = (g - 0.5 / 4 * (k @ (g - Y)) for g, k in ((f, theta), (truth, np.array(NTK))))
    assert np.abs(f - truth).max() < 1e-3
    np.testing.assert_allclose(truth, [0.10751728, -0.2326898, 0.23181981, -0.19579125], atol=1e-7)


def test_recurrent_kernel(reference):
    """The erf RNN's kernel over 8 steps of two sequences, one matrix: a Gaussian recursion in rank 16."""
    file = reference("J_training_limits.npz")
    first, second, truth = file["gp__S1"], file["gp__S2"], file["gp__S"]
    p = tp.Program("recurrence")
    W, u, b = p.matrix("W", variance=1.3**2), p.vector("u", variance=0.8**2), p.vector("b", variance=0.3**2)
    h, states = [s * u + b for s in (first[0], second[0])], []
    for t in range(8):
        states += [tp.erf(a) for a in h]
        if t < 7:
            h = [W @ a + s[t + 1] * u + b for a, s in zip(states[-2:], (first, second), strict=True)]
    S = tp.stack(states)
    p.name("S", tp.inner(S, S))
    lim = particles(p, samples=2**15)
    error = lim._value(p.nodes[-1]).error
    assert (np.abs(lim.scalar("S") - truth) < 4 * error).all() and error.max() < 3e-3
