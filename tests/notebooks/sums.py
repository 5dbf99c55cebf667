"""Answers to the fifth lecture's exercises, right and wrong, written without the checkers' means where possible."""

from __future__ import annotations

import math

import tpcore as tp

DIE = 35 / 12


def crossed(pairs):
    return sum((a < c < b) != (a < d < b) for i, (a, b) in enumerate(pairs) for c, d in pairs[i + 1 :])


def harer_zagier(n):
    """E (1/n) tr A^10 by the recursion of Harer and Zagier (1986)."""
    before, now = 1.0, 1.0
    for k in range(1, 5):
        before, now = now, ((4 * k + 2) * now + k * (4 * k * k - 1) / n**2 * before) / (k + 2)
    return now


def steps(count=2, power=4, scale=0.5**0.5, variance=1.0, v_variance=1.0, name="m", other=False, mean=0.0):
    prog = tp.Program("powers of a matrix")
    W, v = prog.matrix("W", variance=variance), prog.vector("v", variance=v_variance, mean=mean)
    U = prog.matrix("U") if other else W
    x = v
    for _ in range(count):
        x = scale * (W @ x + U.T @ x)
    prog.name(name, tp.moment(x**power))
    return prog


def one_sided():
    """W W v and not (A^2) v."""
    prog = tp.Program("W W v")
    W, v = prog.matrix("W"), prog.vector("v")
    x = W @ (W @ (W @ (W @ v)))
    prog.name("m", tp.moment(x**4))
    return prog


RIGHT = {
    "5.1": [DIE / 1e-4, 29_167, 29_166],
    "5.2": [lambda N: 3 + 6 / N, lambda N: (9 * N + 3 * N * (N - 1)) / N**2],
    "5.3": [crossed],
    "5.4": [harer_zagier, lambda n: 42 + 420 / n**2 + 483 / n**4],
    "5.5": [steps],
    "5.6": [-1 / 3, -0.33],
}
WRONG = {
    "5.1": [DIE / 0.01, DIE**0.5 / 0.01, 91 / 6 / 1e-4, 35_000, 30_000, 29_000, 10**6, 1, "many", float("nan")],
    "5.2": [lambda N: 3, lambda N: 9, lambda N: 6 / N, lambda N: 3 + 9 / N, lambda N: 3 * N**2 + 6 * N, lambda N: 9 / N,
            lambda N: 3 + 6 / N**0.5, lambda N: 3 - 2 / N, lambda N: 1 / 0, 3.0],
    "5.3": [lambda pairs: 2 * crossed(pairs), lambda pairs: int(crossed(pairs) > 0), lambda pairs: 0, len,
            lambda pairs: sum(a < c < b for i, (a, b) in enumerate(pairs) for c, d in pairs[i + 1 :]), 2.0],
    "5.4": [lambda n: 42, lambda n: 945, lambda n: n * harer_zagier(n), lambda n: 42 + 420 / n + 483 / n**2,
            lambda n: 42 + 420 / n**2, lambda n: 42 + 903 / n**2, lambda n: math.inf, 42.0],
    "5.5": [lambda: steps(1), lambda: steps(power=2), lambda: steps(3), lambda: steps(scale=1.0),
            lambda: steps(variance=2.0), lambda: steps(v_variance=2.0), lambda: steps(name="fourth"),
            lambda: steps(other=True), lambda: steps(mean=0.5),
            lambda: tp.spectra.moment_program(8), lambda: tp.spectra.moment_program(2), one_sided, lambda: 12.0],
    "5.6": [-0.5, 1 / 3, 2 / 3, -2 / 3, -1.0, 0.0, -0.36, "slowly"],
}  # fmt: skip
SLIPS = [
    ("5.1", DIE / 0.01, "Square it"),
    ("5.2", lambda N: 3 + 9 / N, "different letters"),
    ("5.3", lambda pairs: 2 * crossed(pairs), "counted twice"),
    ("5.4", lambda n: 42 + 420 / n + 483 / n**2, "two corners"),
    ("5.5", lambda: steps(power=2), "average of squares"),
    ("5.6", -0.5, "infinite"),
]
