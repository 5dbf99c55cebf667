"""Checkers of the seventh lecture's exercises, and the parametrization that one of them hides."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import tpcore as tp

from exercises.answers import Wrong, array, called, function, near, number


def standard_power(answer) -> str:
    """7.1: the features' power of n in SP with one hidden layer and c = 1, from `tp.abc`."""
    value, p = number(answer), tp.abc.sp(1)
    truth = float(p.exponents["dx1"])
    if near(value, truth):
        return "The input weights of a standard network hardly learn: a learning rate of 1/n is meant for others."
    if near(value, -truth):
        raise Wrong("The size is right; the features change less and less, so the power is negative.")
    if near(value, float(tp.abc.sp(2).exponents["dx2"])):
        raise Wrong("That is a hidden layer's, whose sum has n terms that agree. How many has the input's?")
    if near(value, 0):
        raise Wrong("No: that would be feature learning, and this network starts as a Gaussian process.")
    if near(value, -1):
        raise Wrong("The learning rate alone gives that. How large is the gradient that the readout sends back?")
    raise Wrong("Put a = (0, 0), b = (0, 1/2) and c = 1 into r_1 = min(a_2 + b_2, 2 a_2 + c) + c + 2 a_1.")


POINTS = (
    ([0, 0.5, 0.5], [0, 0, 0], [0, 0, 0]),
    ([-0.5, 0.1, 0.3, 0.5], [0.5, 0.4, 0.2, 0.7], [0, 0.2, -0.1, 0.3]),
    ([0.2, 1], [-0.2, 0.3], [0.4, -1]),
    ([0, 0, 0], [0, 0.5, 1], [-1, 0, 1]),
    ([0.7, 0, 0], [0.1, 0.5, 0.5], [1, 1.5, 1]),
    ([0, 0, 0.2], [0, 0.5, 0.9], [0.3, 0.9, 0.1]),
)


def exponent_r(answer) -> str:
    """7.2: r at points of depth 1 to 3 with rates per layer, against `tp.abc`."""
    f = function(answer)
    for a, b, c in POINTS:
        value = number(called(f, list(a), list(b), list(c)))
        truth = float(tp.abc.Parametrization(a, b, c).r)
        if near(value, truth, 1e-9) or abs(value - truth) < 1e-9:
            continue
        raise Wrong(f"At a = {a}, b = {b}, c = {c}: {_r_slip(value, truth, a, b, c)}")
    return "Five sums and two minima decide whether an infinitely wide network learns features."


def _r_slip(value: float, truth: float, a, b, c) -> str:
    def is_(other) -> bool:
        return abs(value - other) < 1e-9

    depth, start, step = len(a) - 1, a[-1] + b[-1], 2 * a[-1] + c[-1]
    layers = range(depth)
    if is_(max(min(start, step) + c[i] + 2 * a[i] - (i > 0) for i in layers)):
        return "the layer that moves most decides, and it has the smallest r_l."
    if is_(min(min(start, step) + c[-1] + 2 * a[i] - (i > 0) for i in layers)):
        return "each layer learns with its own rate, not with the readout's."
    if is_(min(start + c[i] + 2 * a[i] - (i > 0) for i in layers)):
        return "the readout grows: after the first step what it has learned sends gradients back too."
    if is_(min(min(start, 2 * a[-1] + c[i]) + c[i] + 2 * a[i] - (i > 0) for i in layers)):
        return "the readout learns with its own rate c_{L+1}."
    if is_(min(min(start, step) + c[i] + 2 * a[i] - 1 for i in layers)):
        return "the first layer's sum is over the input's coordinates, of which there are not n."
    if is_(min(min(start, step) + c[i] + 2 * a[i] for i in layers)):
        return "a hidden layer's update meets features that it knows: n terms whose signs agree."
    if is_(min(min(start, step) + c[i] + a[i] - (i > 0) for i in layers)):
        return "the multiplier enters twice, in the gradient of w and in W = n^(-a) w."
    if is_(min(min(start, step) + c[i] + 2 * a[i] - (i > 0) for i in range(depth + 1))):
        return "the minimum is over the hidden layers; the readout makes no features."
    return "one r_l is wrong, or the minimum. Print all of them beside tp.abc.Parametrization(a, b, c).layer_r."


def adaptive_rates(answer) -> str:
    """7.3: c = (c_U, c_W, c_V) with which Adam trains maximally from b = (0, 1/2, 1) without multipliers."""
    values = array(answer, (3,))
    p = tp.abc.adaptive([0, 0, 0], ["0", "1/2", "1"], [Fraction(float(x)).limit_denominator(10**6) for x in values])
    if p.maximal:
        return "One rate for the input, rates like 1/fan_in for the matrices: that is how μP is used with Adam."
    if near(values, [-1, 0, 1], 1e-9):
        raise Wrong("Those are SGD's. Adam does not feel how small a gradient is.")
    if near(values, [0, 1, 0], 1e-9):
        raise Wrong("The readout sums over n features too, and all of its updates agree.")
    if not p.stable:
        raise Wrong(f"That is unstable. {p.reasons[0]}")
    lagging = [name for name, r in zip("UW", p.layer_r) if r > 0] + ["V"] * (p.readout_step > 1)
    raise Wrong(f"That is stable, but {' and '.join(lagging)} could learn faster. What does r_l = 0 say?")


def lagging_layer(answer) -> str:
    """7.4: stable, L = 2, SGD, features of the last layer move, and W^2's own update vanishes."""
    p = answer
    if not isinstance(p, tp.abc.Parametrization):
        raise Wrong(f"A tp.abc.Parametrization is asked for; this is of type {type(p).__name__}.")
    if p.adaptive or p.depth != 2:
        raise Wrong("Two hidden layers and SGD are asked for: lists of three numbers, and no d.")
    if not p.stable:
        raise Wrong(f"It is unstable. {p.reasons[0]}")
    if p.phase != "feature":
        raise Wrong(f"It is stable, but no features are learned. {p.reasons[0]}")
    if p.layer_r[1] == 0:
        word = "That is μP, where" if p.maximal else "Features move, but"
        raise Wrong(f"{word} r_2 = 0: the second layer's own update counts. Which letters change r_2 and not r_1?")
    run = tp.train.sgd(p, "curve", 2000, 8, 0.5, "tanh")
    if run.diverged is not None:
        return "x^2 moves because x^1 does."
    moved, own = run.delta["dx2"][-1], run.delta["dWx2"][-1]
    return f"At n = 2,000 x^2 has moved by {moved:.2f}; W^2's own update moves h^2 by {own:.3f} only."


HIDDEN = Fraction(7, 20)


def mystery(width: int, seed: int = 0) -> float:
    """Train a network of width `width` in a parametrization that is not told; how much its features have changed.

    Root mean square over coordinates and inputs of x_t - x_0 after eight steps; any `width` from 8 to 100,000.
    """
    run = tp.train.sgd(tp.abc.up(HIDDEN, 1), "curve", width, 8, 0.5, "tanh", seed, record=[8], at=[0])
    return float(run.delta["dx1"][-1])


def mystery_power(answer) -> str:
    """7.5: the power of n that `mystery` shows, within 0.05."""
    value, truth = number(answer), -float(HIDDEN)
    if abs(value - truth) <= 0.05:
        return "Neither μP nor NTP: a point between them, on the path."
    if abs(value + truth) <= 0.05:
        raise Wrong("The size of the slope is right; mind its sign.")
    if abs(value - truth) <= 0.12:
        raise Wrong("Close, but 0.05 is asked for: widths farther apart, or more seeds.")
    raise Wrong("Not what it shows. Average log mystery(n, seed) over seeds at n = 100 and at n = 10,000, say.")


def kernel_layers(answer) -> str:
    """7.6: the layers whose updates make SP's kernel, L = 2 and c = 1."""
    if not isinstance(answer, (Sequence, set, np.ndarray)) or isinstance(answer, str):
        raise Wrong("A list of layer numbers is asked for, of 1, 2 and 3.")
    values = sorted({int(number(value)) for value in answer})
    readout, layers = tp.abc.sp(2).kernel_parts
    truth = sorted([*layers, 3] if readout else layers)
    if values == truth:
        return "The input's weights learn too slowly to count: its part of the NTK is missing."
    if not set(values) <= {1, 2, 3}:
        raise Wrong("Layers 1, 2 and the readout, 3.")
    if values == [1, 2, 3]:
        raise Wrong("That is the NTK, where all layers learn alike. Compare r_1 and r_2 of SP.")
    if 1 in values:
        raise Wrong("How much does the first layer's own update move the features, and with them f? See exercise 7.1.")
    if values == [3]:
        raise Wrong("The readout's update counts. But a_3 + b_3 + r = 1 holds as well: what does that say?")
    raise Wrong("Which of the two ways to be nontrivial hold, and which layers have r_l = r?")
