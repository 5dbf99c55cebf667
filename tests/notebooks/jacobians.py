"""Answers to the sixth lecture's exercises, right and wrong, written without the checkers' means where possible."""

from __future__ import annotations

import math

import numpy as np


def fourth(depth, chi, ratio, orthogonal):
    return chi ** (2 * depth) * (1 + depth * (ratio - 1 if orthogonal else ratio))


def singular(x, weights, biases, slopes=True, bias=True, order=1, before=False, sort=-1, power=1, last=True):
    J = None
    for k, (w, b) in enumerate(zip(weights, biases)):
        h = w @ x + bias * b
        y = np.tanh(h)
        D = 1 - (y if not before else h) ** 2 if slopes and (last or k < len(weights) - 1) else np.ones(len(h))
        step = D[:, None] * w if order == 1 else w * D[:, None] ** 0
        J = step if J is None else step @ J
        x = y
    s = np.linalg.svd(J, compute_uv=False) ** power
    return np.sort(s)[::sort]


def fixed(w, b):
    q = 1.0
    for _ in range(500):
        q = w**2 * 2 / math.pi * math.asin(2 * q / (1 + 2 * q)) + b**2
    return q


Q = fixed(1.5, 0.4)
SLOPE = 4 / math.pi / math.sqrt(1 + 4 * Q)

RIGHT = {
    "6.1": [1.5**2 * SLOPE, round(1.5**2 * SLOPE, 4)],
    "6.2": [math.floor(math.log(1e-6) / math.log(0.72)) + 1, 43.0],
    "6.3": [0.75, np.float64(3 / 4)],
    "6.4": [fourth],
    "6.5": [singular],
    "6.6": [(1.0145, 0.0018), np.array([1.0193, 0.0026])],
}
WRONG = {
    "6.1": [Q, SLOPE, 1.5 * SLOPE, 2.25 * 4 / math.pi / math.sqrt(5),
            2.25 * 4 / math.pi / math.sqrt(1 + 4 * fixed(1.5, 0)),
            1.5 * math.sqrt(SLOPE), 1.02 * 2.25 * SLOPE, 0.5, "chaos"],
    "6.2": [22, 42, 44, 28, 14, 42.06, 21, "many"],
    "6.3": [1.0, 0.5, 0.25, 2.0, 0.8],
    "6.4": [lambda L, c, r, o: fourth(L, c, r, False), lambda L, c, r, o: fourth(L, c, r, True),
            lambda L, c, r, o: fourth(L, c, r, o) - c ** (2 * L), lambda L, c, r, o: fourth(L, 1.0, r, o),
            lambda L, c, r, o: fourth(L, c**0.5, r, o), lambda L, c, r, o: fourth(1, c, r, o),
            lambda L, c, r, o: [1, 2], 3.0],
    "6.5": [lambda *a: singular(*a, slopes=False), lambda *a: singular(*a, bias=False),
            lambda *a: singular(*a, before=True),
            lambda *a: singular(*a, sort=1), lambda *a: singular(*a, power=2), lambda *a: singular(*a, last=False),
            lambda x, w, b: singular(x, w, b)[:1], lambda x, w, b: np.eye(3), 1.0],
    "6.6": [(1.0, 0.0), (0.9, 0.3), (1.3, 0.196), (2.0, 0.0), (-1.0, 0.1), (1.3, 0.0), 1.02, (1.02, -0.1)],
}  # fmt: skip
SLIPS = [
    ("6.1", Q, "q*"),
    ("6.1", 2.25 * 4 / math.pi / math.sqrt(5), "variance 1"),
    ("6.2", 22, "length"),
    ("6.3", 1.0, "commut"),
    ("6.4", lambda L, c, r, o: fourth(L, c, r, False), "told apart"),
    ("6.5", lambda *a: singular(*a, slopes=False), "slopes"),
    ("6.5", lambda *a: singular(*a, bias=False), "without biases"),
    ("6.6", (1.0, 0.0), "linear"),
    ("6.6", (1.3, 0.196), "spread"),
]
