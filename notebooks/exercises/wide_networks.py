"""Checkers of the first lecture's exercises."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import tpcore as tp
from tpcore.data import digits

from exercises.answers import Wrong, array, called, function, near, number, program


def coins(answer) -> str:
    """1.1: the kurtosis of the sum of ten coin flips, from their distribution."""
    value, flips = number(answer), 10
    law = [(2 * heads - flips, Fraction(math.comb(flips, heads), 2**flips)) for heads in range(flips + 1)]
    second, fourth = (sum(p * s**k for s, p in law) for k in (2, 4))
    truth = float(fourth / second**2)
    if near(value, truth):
        return "The tails of a finite sum of coins are lighter than Gaussian, by 1/d."
    if near(value, 3):
        raise Wrong("That is the Gaussian's kurtosis, which the sum has only in the limit.")
    if near(value, truth - 3):
        raise Wrong("That is the excess over the Gaussian's value; the ratio itself is asked for.")
    if near(value, float(fourth)):
        raise Wrong("Divide by the square of the second moment.")
    if abs(value - truth) < 0.05:
        raise Wrong("Close, as a simulation is; the exact number is asked for, and it is rational.")
    raise Wrong(
        "Expand the fourth power of the sum: which products of four signs have a nonzero mean, and "
        "how many are there?"
    )


def single_layer_kurtosis(answer) -> str:
    """1.2: 3 E K_n^2 / (E K_n)^2 with K_n the mean of n independent relu(h)^2, against Gaussian moments."""
    f = function(answer)
    second, fourth = (float(tp.expect.one(lambda x, k=k: np.maximum(x, 0) ** k, 1.0)) for k in (2, 4))
    widths = (1, 2, 10, 1000)
    truth = np.array([3 * (1 + (fourth / second**2 - 1) / n) for n in widths])
    values = np.array([number(called(f, n)) for n in widths])
    if near(values, truth, 1e-6):
        return "Of order 1/n: at n = 1,000 nobody will see that f is not Gaussian."
    if near(values, 3):
        raise Wrong("A constant is right only in the limit: K_n is still random at width n.")
    if near(values, truth - 3):
        raise Wrong("That is the excess kurtosis; the ratio itself is asked for.")
    if near(values, truth / 3):
        raise Wrong("Given the layer f is Gaussian, so its own fourth moment contributes a factor.")
    if values[0] == values[-1] or not near(values[-1], truth[-1], 0.02):
        raise Wrong("At n = 1,000 it must be near 3. Condition on the layer first: E f^4 = 3 E K_n^2.")
    raise Wrong(
        "Its limit is right, its 1/n term is not. What is the variance of relu(h)^2, in units of its "
        "squared mean?"
    )


PAIR = {"q1": 2.0, "q2": 1.0, "c": 0.8}


def relu_pair(answer) -> str:
    """1.3: E relu(u) relu(v), to one percent, so that a careful simulation passes."""
    value, (q1, q2, c) = number(answer), PAIR.values()
    truth = float(tp.expect.pair("relu", q1, q2, c))
    if near(value, truth, 0.004):
        return "This one expectation, applied layer after layer, is the whole kernel."
    if near(value, c / 2, 0.01):
        raise Wrong("Half the covariance would be right for u = v; here u and v change sign separately.")
    means = float(tp.expect.one("relu", q1)) * float(tp.expect.one("relu", q2))
    if near(value, means, 0.01):
        raise Wrong("That is the product of the two means: u and v are not independent.")
    if near(value, truth - means, 0.01):
        raise Wrong("That is the covariance of relu(u) and relu(v); the kernel is the mean of the product.")
    if near(value, float(tp.expect.pair("relu", q1**2, q2**2, c)), 0.01):
        raise Wrong("2 and 1 are variances, not standard deviations.")
    if abs(value - truth) < 0.1 * truth:
        raise Wrong("Close, but not to one percent: more draws, or the formula of the table.")
    raise Wrong(
        "Draw a million pairs (u, v) with np.random.default_rng().multivariate_normal and average, "
        "to see the size."
    )


def nngp_function(answer) -> str:
    """1.4: the kernel of a ReLU MLP, against `tp.nngp` on other inputs and settings."""
    f = function(answer)
    X = np.random.default_rng(5).standard_normal((5, 7))
    for depth, sigma_w, sigma_b in ((1, 1.3, 0.0), (1, 1.3, 0.4), (3, 1.1, 0.4)):
        values = array(called(f, X, depth, sigma_w, sigma_b), (5, 5))
        truth = _kernel(X, depth, sigma_w, sigma_b)
        if near(values, truth, 1e-3):
            continue
        where = f"At depth {depth}, sigma_w = {sigma_w}, sigma_b = {sigma_b}: "
        raise Wrong(where + _kernel_slip(values, truth, X, depth, sigma_w, sigma_b))
    return "You have the Gaussian process of a network with infinitely many neurons in a few lines."


def _kernel(X, depth: int, sigma_w: float, sigma_b: float) -> np.ndarray:
    return tp.nngp(tp.nets.MLP(depth, "relu", sigma_w, sigma_b), X)


def _kernel_slip(values, truth, X, depth: int, sigma_w: float, sigma_b: float) -> str:
    if not near(values, values.T, 1e-8):
        return "a kernel must be symmetric."
    if near(values, _kernel(X, depth + 1, sigma_w, sigma_b), 1e-3):
        return "one layer too many; the inner products of the inputs are already those of the first layer."
    first = sigma_w**2 * X @ X.T / X.shape[1] + sigma_b**2
    fewer = first if depth == 1 else _kernel(X, depth - 1, sigma_w, sigma_b)
    if near(values, fewer, 1e-3):
        return "one layer too few; after the last hidden layer the readout is one more step."
    if near(values, _kernel(X * math.sqrt(X.shape[1]), depth, sigma_w, sigma_b), 1e-3):
        return "the weights of the first layer have variance sigma_w^2 / d; where is the d?"
    if sigma_b and near(values, truth - sigma_b**2, 1e-3):
        return "the output has a bias too."
    if sigma_b and near(values, _kernel(X, depth, sigma_w, 0.0), 1e-3):
        return "the biases do not enter."
    if near(np.diag(values), np.diag(truth), 1e-3):
        return "the diagonal holds, the rest does not: look at the expectation for u and v that differ."
    if sigma_w != 1 and near(values, _kernel(X, depth, math.sqrt(sigma_w), math.sqrt(sigma_b)), 1e-3):
        return "sigma_w and sigma_b are standard deviations."
    return "compare with tp.nngp(tp.nets.MLP(depth, 'relu', sigma_w, sigma_b), X) step by step, from depth 1."


def residual_program(answer) -> str:
    """1.5: two layers with a skip connection; the covariances add by hand, the expectations are `tp.expect.V`."""
    f, variance = function(answer), 1.5
    for cov in (np.array([[1.0, 0.3], [0.3, 0.8]]), np.array([[0.5, -0.2], [-0.2, 2.0]])):
        prog = program(called(f, cov))
        _one_matrix(prog, variance)
        if not prog.outputs:
            raise Wrong("The program has no output yet: prog.output(\"f\", v, x2).")
        kernel = array(_limit_kernel(prog), (2, 2))
        image = variance * np.asarray(tp.expect.V("relu", cov))
        truth = np.asarray(tp.expect.V("relu", cov + image))
        if not near(kernel, truth):
            raise Wrong(_residual_slip(kernel, truth, cov, image))
    return "Any architecture that you can write down has its kernel: that is the theorem's point."


def _residual_slip(kernel, truth, cov, image) -> str:
    if near(kernel, np.asarray(tp.expect.V("relu", image))):
        return "The skip connection is missing: h2 is W x1 alone."
    if near(kernel, cov + image):
        return "The output reads h2; it should read relu(h2)."
    if near(kernel / kernel[0, 0], truth / truth[0, 0]):
        return "The kernel is right up to a factor: look at the variance of the readout."
    return "The kernel of the outputs is not that of h2 = h1 + W relu(h1). Print the program and read it line by line."


def _one_matrix(prog: tp.Program, variance: float) -> None:
    matrices = [node for node in prog.nodes if node.kind == "A"]
    if len(matrices) != 1:
        raise Wrong(f"The network has one matrix; the program has {len(matrices)}.")
    if not near(matrices[0].op.variance, variance):
        raise Wrong("The entries of W must have variance 1.5/n: prog.matrix(\"W\", variance=1.5).")


def _limit_kernel(prog: tp.Program) -> np.ndarray:
    try:
        return tp.limit(prog).kernel()
    except tp.errors.Misuse as error:
        raise Wrong(f"The program has no limit here: {error}") from None


TARGET = 0.005
NET = {"depth": 3, "phi": "relu", "sigma_w": 1.4142, "sigma_b": 0.1}


def width_for_a_target(answer) -> str:
    """1.6: from the mean deviation at one width, drawn afresh, and its slope of -1/2."""
    value, target, width = number(answer), TARGET, 4096
    if value < 1:
        raise Wrong("A width is a positive number of neurons.")
    X, _ = digits(8)
    net = tp.nets.MLP(**NET)
    drawn = tp.empirical_nngp(net, X, width=width, draws=200, seed=77)
    there = float(tp.agreement.deviation(drawn, tp.nngp(net, X)).mean()) * math.sqrt(width / value)
    if abs(math.log(there / target)) < 0.16:
        return "Four times the width halves the error: the price of the square root."
    side = "larger" if there > target else "smaller"
    far = "much " if abs(math.log(there / target)) > 1 else ""
    raise Wrong(
        f"At that width the deviation is {far}{side} than {target}. How does it depend on n, and what "
        "is it at a width that you have measured?"
    )
