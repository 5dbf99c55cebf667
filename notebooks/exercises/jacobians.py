"""Checkers of the sixth lecture's exercises."""

from __future__ import annotations

import math

import numpy as np
import tpcore as tp

from exercises.answers import Wrong, array, called, function, near, number

ERF = {"sigma_w": 1.5, "sigma_b": 0.4}


def chi(answer) -> str:
    """6.1: chi_1 of erf at its fixed point, by iteration of the closed forms."""
    value, (w, b) = number(answer), ERF.values()
    q = _fixed(w, b)
    truth = w**2 * _slope(q)
    if near(value, truth, 1e-3):
        return f"{'Below 1: order' if truth < 1 else 'Above 1: chaos'}, but not far from the edge."
    if near(value, q, 1e-3):
        raise Wrong("That is q*; the slopes at this variance are asked for.")
    if near(value, _slope(q), 1e-3):
        raise Wrong("That is the mean squared slope. The weights multiply a gradient too.")
    if near(value, w * _slope(q), 1e-3):
        raise Wrong("sigma_w is a standard deviation; a mean square is multiplied by its square.")
    if near(value, w**2 * _slope(1.0), 1e-3):
        raise Wrong("That is for variance 1, which is not the fixed point.")
    if near(value, w**2 * _slope(_fixed(w, 0.0)), 1e-3):
        raise Wrong("That is without biases: they are part of the variance.")
    if near(value, truth ** 0.5, 1e-3):
        raise Wrong("That is its square root, by which lengths are multiplied.")
    if abs(value / truth - 1) < 0.05:
        raise Wrong("Close; is q iterated until it settles?")
    raise Wrong("First iterate q -> sigma_w^2 E erf^2 + sigma_b^2 until it settles; then sigma_w^2 E erf'^2 there.")


def _fixed(w: float, b: float) -> float:
    q = 1.0
    for _ in range(500):
        q = w**2 * 2 / math.pi * math.asin(2 * q / (1 + 2 * q)) + b**2
    return q


def _slope(q: float) -> float:
    return 4 / math.pi / math.sqrt(1 + 4 * q)


RELU, SMALL = 1.2, 1e-3


def vanished(answer) -> str:
    """6.2: the first l with chi^(l/2) below a thousandth, counted layer by layer."""
    value = number(answer)
    if value != int(value):
        raise Wrong("A whole number of layers is asked for.")
    truth = _layers(RELU**2 / 2, SMALL**2)
    if value == truth:
        return "At this weight nothing of a gradient is left in an ordinary deep network."
    if value == _layers(RELU**2 / 2, SMALL):
        raise Wrong("After so many layers its square is a thousandth. The length is asked for.")
    if value == truth - 1:
        raise Wrong("One layer less leaves a little more than a thousandth.")
    if value == _layers(RELU / 2, SMALL**2) or value == _layers(RELU / 2, SMALL):
        raise Wrong("sigma_w enters by its square.")
    raise Wrong("What is chi_1 of ReLU? And a thousandth of the length is which part of the mean square?")


def _layers(factor: float, target: float) -> int:
    size, count = 1.0, 0
    while size >= target:
        size, count = size * factor, count + 1
    return count


def alternating(answer) -> str:
    """6.3: tau(DBDB) of free variables, by one large pair of matrices turned against each other, then exactly."""
    value, d, b1, b2 = number(answer), 0.5, 1.0, 2.0
    truth = float(tp.spectra.free_words([d, d, d], [b1, b2, 5.0])[3])
    if near(value, truth, 1e-6):
        return "Half of the neurons are silent, and more than a third of the trace of the square is left."
    if near(value, d * b2):
        raise Wrong("That is what commuting variables would do: tau(D^2) tau(B^2). These do not commute.")
    if near(value, d**2 * b2) or near(value, d * b1**2):
        raise Wrong("That is one of the terms. Centre both letters and multiply out.")
    if near(value, d**2 * b2 + d * b1**2):
        raise Wrong("One term is counted twice: it has to be taken away.")
    if near(value, d * b1):
        raise Wrong("That is tau(D B); the word has four letters.")
    if near(value, d**2 * b1**2):
        raise Wrong("That is tau(D B) squared.")
    raise Wrong("Use the formula above with D for A and W W^T for B; D^2 = D here.")


CASES = ((3, 0.9, 1.7, False), (3, 0.9, 1.7, True), (7, 1.1, 1.2, False), (7, 1.1, 1.2, True), (1, 1.0, 2.0, True))


def fourth(answer) -> str:
    """6.4: the second moment of s^2 from its variance."""
    f = function(answer)
    for depth, c, ratio, orthogonal in CASES:
        value = array(called(f, depth, c, ratio, orthogonal), ())
        spread = depth * (ratio - orthogonal)
        truth = c ** (2 * depth) * (1 + spread)
        if near(value, truth):
            continue
        where = f"depth {depth}, chi {c}, ratio {ratio}, {'orthogonal' if orthogonal else 'Gaussian'}: "
        raise Wrong(where + _fourth_slip(float(value), depth, c, ratio, spread))
    return "The mean of s^4 grows with depth even where that of s^2 stays."


def _fourth_slip(value: float, depth: int, c: float, ratio: float, spread: float) -> str:
    if near(value, c ** (2 * depth) * spread):
        return "that is the variance of s^2. The square of its mean is missing."
    if near(value, 1 + spread):
        return "that is relative to the squared mean of s^2, which is not 1."
    if near(value, c**depth * (1 + spread)):
        return "the squared mean of s^2 is a power of chi with twice the depth."
    if near(value, c ** (2 * depth) * (1 + depth * ratio)) or near(value, c ** (2 * depth) * (1 + depth * (ratio - 1))):
        return "Gaussian and orthogonal weights are not told apart."
    return "the mean and the variance of s^2 stand above; E s^4 is made of them."


def singular_values(answer) -> str:
    """6.5: against differences of the network itself, at two shapes."""
    f, rng = function(answer), np.random.default_rng(12)
    for widths in ((4, 4, 4), (5, 7, 3, 6)):
        x = rng.standard_normal(widths[0])
        weights = [1.4 * rng.standard_normal((m, n)) / n**0.5 for n, m in zip(widths, widths[1:])]
        biases = [0.6 * rng.standard_normal(m) for m in widths[1:]]
        truth = np.linalg.svd(_differences(x, weights, biases), compute_uv=False)
        given = called(f, x.copy(), [w.copy() for w in weights], [b.copy() for b in biases])
        values = np.asarray(given, float) if np.ndim(given) == 1 else np.zeros(0)
        if values.shape != truth.shape:
            raise Wrong(f"There are {len(truth)} singular values of a Jacobian from {widths[0]} to {widths[-1]} "
                        f"coordinates; the shape of the answer is {np.shape(given)}.")  # fmt: skip
        if not near(values, truth, 1e-6):
            raise Wrong(_order_slip(values, truth, x, weights, biases))
    return "It is the derivative of the network, as differences of its outputs confirm."


def _run(x, weights, biases):
    for w, b in zip(weights, biases):
        x = np.tanh(w @ x + b)
    return x


def _differences(x, weights, biases) -> np.ndarray:
    eps = 1e-6
    return np.stack([(_run(x + eps * e, weights, biases) - _run(x - eps * e, weights, biases)) / (2 * eps)
                     for e in np.eye(len(x))], axis=1)  # fmt: skip


def _order_slip(values, truth, x, weights, biases) -> str:
    if near(np.sort(values), np.sort(truth), 1e-6):
        return "The largest comes first."
    if near(values, np.sort(truth**2)[::-1], 1e-6):
        return "These are squares: eigenvalues of J J^T."
    product = np.eye(len(x))
    for w in weights:
        product = w @ product
    if near(values, np.linalg.svd(product, compute_uv=False), 1e-6):
        return "This is the product of the weights; where are the slopes?"
    if near(values, np.linalg.svd(_differences(x, weights, [0 * b for b in biases]), compute_uv=False), 1e-5):
        return "The slopes are those of a network without biases."
    return "Multiply D W layer by layer, the first layer at the right; D has tanh' of the same layer's h."


LAYERS, LEAST_Q, LOW, HIGH, SPREAD = 32, 0.005, 0.9, 1.1, 0.1


def isometry(answer) -> str:
    """6.6: q*, the mean and the spread of s^2 at the given point, by the law itself."""
    w, b = array(answer, (2,))
    if w <= 0 or b < 0:
        raise Wrong("sigma_w must be positive and sigma_b at least 0.")
    q = tp.nets.fixed_point("tanh", w, b)
    if not q >= LEAST_Q:
        raise Wrong(f"There q* = {q:.2g}: the signal vanishes and the network is linear. Keep q* at 0.005 or above.")
    mu1, mu2 = tp.nets.variances.slope_moments("tanh", q, (1, 2))
    mean, spread = float(w**2 * mu1) ** LAYERS, LAYERS * float(mu2 / mu1**2 - 1)
    if not LOW <= mean <= HIGH:
        side = "order" if mean < 1 else "chaos"
        raise Wrong(f"After 32 layers the mean of s^2 is {mean:.3g}: {side}. Choose q*; sigma_w and sigma_b follow.")
    if spread > SPREAD:
        raise Wrong(f"On the edge, but the spread is {spread:.2g}. Which q* is allowed, if it is about 8 q*^2 L?")
    return f"q* = {q:.3g}, mean of s^2 {mean:.3f}, spread {spread:.3f}: an isometry, and still not linear."
