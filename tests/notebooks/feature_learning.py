"""Answers to the seventh lecture's exercises, right and wrong, written without the checkers' means where possible."""

from __future__ import annotations

import numpy as np
import tpcore as tp
from exercises import mystery


def exponent(a, b, c, own=True, mean=min, grown=True, twice=2, sums=lambda layer: layer > 0, readout=False):
    """r by going through the step of training."""
    depth = len(a) - 1
    start, step = a[depth] + b[depth], 2 * a[depth] + c[depth]
    back = min(start, step) if grown else start
    layers = range(depth + readout)
    return mean(back + (c[i] if own else c[depth]) + twice * a[i] - sums(i) for i in layers)


def readout_confused(a, b, c):
    """The readout's rate mistaken for each layer's own."""
    start = a[-1] + b[-1]
    return min(min(start, 2 * a[-1] + c[i]) + c[i] + 2 * a[i] - (i > 0) for i in range(len(a) - 1))


def fitted(sign=1):
    """The mystery's power, from networks."""
    widths, rows = (100, 1000, 10_000), []
    for n in widths:
        rows.append([mystery(n, seed) for seed in range(12)])
    return sign * tp.agreement.slope(widths, rows).slope


def point(a, b, c=0, d=None):
    return tp.abc.Parametrization(a, b, c, d)


RIGHT = {
    "7.1": [-1.5, -3 / 2],
    "7.2": [exponent, lambda a, b, c: tp.abc.Parametrization(a, b, c).r, lambda a, b, c: float(exponent(a, b, c))],
    "7.3": [[0, 1, 1], np.array([0.0, 1.0, 1.0])],
    "7.4": [point([-0.5, 0.25, 0.5], [0.5, 0.25, 0.5]), point([0, 0, 0], [0, 0.5, 1], [-1, 0.5, 1]),
            point([-0.5, 0.1, 0.5], [0.5, 0.4, 0.7])],
    "7.5": [fitted, -0.36],
    "7.6": [[2, 3], (3, 2), {2, 3}, np.array([2, 3])],
}

WRONG = {
    "7.1": [1.5, -0.5, -1, 0, -2, 0.5, "half"],
    "7.2": [lambda a, b, c: exponent(a, b, c, own=False), lambda a, b, c: exponent(a, b, c, mean=max),
            lambda a, b, c: exponent(a, b, c, grown=False), lambda a, b, c: exponent(a, b, c, twice=1),
            lambda a, b, c: exponent(a, b, c, sums=lambda layer: 1), readout_confused,
            lambda a, b, c: exponent(a, b, c, sums=lambda layer: 0),
            lambda a, b, c: exponent(a, b, c, readout=True), lambda a, b, c: 0.5, lambda a, b, c: "r", 0.5,
            lambda a, b, c: -exponent(a, b, c), lambda a, b, c: c[7]],
    "7.3": [[-1, 0, 1], [0, 1, 0], [1, 1, 1], [0.5, 1, 0.5], [0, 0, 0], [0, 1], 1.0, [0, 2, 1], [0, 1, 2]],
    "7.4": [tp.abc.mup(2), tp.abc.ntp(2), tp.abc.sp(2), tp.abc.sp(2, 0), tp.abc.mup(1), tp.abc.mup(3),
            tp.abc.mup(2, optimizer="adam"), point([-0.5, 0, 0.5], [0.5, 0.5, 0.7]), "mup", [0, 0.25, 0.5],
            point([-0.3, 0.2, 0.8], [0.3, 0.3, 0.4])],
    "7.5": [lambda: fitted(-1), 0.0, -0.5, -0.45, -0.2, 0.35, "a third"],
    "7.6": [[1, 2, 3], [3], [1, 3], [2], [0, 1, 2], [1, 2], 3, "2, 3", [2, 4]],
}  # fmt: skip

SLIPS = [
    ("7.1", 1.5, "negative"),
    ("7.1", -0.5, "hidden layer's"),
    ("7.2", lambda a, b, c: exponent(a, b, c, mean=max), "moves most"),
    ("7.2", lambda a, b, c: exponent(a, b, c, twice=1), "enters twice"),
    ("7.2", lambda a, b, c: exponent(a, b, c, grown=False), "readout grows"),
    ("7.2", lambda a, b, c: exponent(a, b, c, sums=lambda layer: 1), "the input's coordinates"),
    ("7.2", lambda a, b, c: exponent(a, b, c, sums=lambda layer: 0), "features that it knows"),
    ("7.3", [-1, 0, 1], "SGD's"),
    ("7.3", [0, 1, 2], "V could learn faster"),
    ("7.4", tp.abc.mup(2), "That is μP"),
    ("7.4", tp.abc.sp(2, 0), "unstable"),
    ("7.5", 0.35, "sign"),
    ("7.6", [1, 2, 3], "the NTK"),
]
