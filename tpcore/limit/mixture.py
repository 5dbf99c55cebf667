r"""tanh, sigmoid, silu and softplus at wide variances: mixtures of functions that have closed forms.

A logistic variable is 2 K times a standard normal one, K with the law of Kolmogorov's statistic (Andrews and Mallows,
J. R. Statist. Soc. B 36, 1974, section 3). Hence with weights w_j and points k_j of a trapezoid rule for log K, which
converges exponentially,

    sigmoid(x) = sum_j w_j Phi(x / s_j),   s_j = 2 k_j,        tanh(x) = sum_j w_j erf(x / (k_j sqrt 2)),
    silu(x) = sum_j w_j s_j gelu(x / s_j),

and expectations of products are double sums of closed forms, at any variance and correlation. For softplus,
d/dc E softplus softplus = E sigmoid sigmoid is integrated from c = 0, where the variables are independent and
E softplus(u) = sum_j w_j sqrt((q + s_j^2) / (2 pi)).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tpcore.activations import NAMED, Activation
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.jitted import gaussian

EPS = np.finfo(float).eps
WIDE = 25.0
ACCURACY = 4e-12
STEP = 0.15
TILE = 1024
NAMES = ("tanh", "sigmoid", "silu", "softplus")


def holds(phi: Activation, q: np.ndarray) -> bool:
    """Whether `phi` is one of the four and a variance is so wide that its Hermite series is long."""
    return phi.name in NAMES and NAMED[phi.name] is phi and float(np.max(q, initial=0.0)) > WIDE


def kolmogorov(x: np.ndarray) -> np.ndarray:
    """The density of Kolmogorov's statistic at x > 0, by its two theta series."""
    k, odd = np.arange(1, 12)[:, None], np.arange(1, 24, 2)[:, None]
    a = (odd * np.pi) ** 2 / 8
    near = np.sqrt(2 * np.pi) * np.sum(np.exp(-a / x**2) * (2 * a / x**4 - 1 / x**2), axis=0)
    far = 8 * x * np.sum((-1.0) ** (k + 1) * k**2 * np.exp(-2 * (k * x) ** 2), axis=0)
    return np.where(x < 0.8, near, far)


@cache
def nodes() -> tuple[np.ndarray, np.ndarray]:
    """Points k_j and weights w_j, which sum to 1."""
    points = np.exp((np.arange(-30, 30) + 1 / 3) * STEP)
    weights = STEP * points * kolmogorov(points)
    kept = weights > 1e-15
    return points[kept], weights[kept] / weights[kept].sum()


def flat(phi: Activation, q1: np.ndarray, q2: np.ndarray, c: np.ndarray, slope: bool) -> tuple[np.ndarray, np.ndarray]:
    """E phi(u) phi(v), or with `slope` E phi'(u) phi'(v): (values, errors) of 1-D arrays of equal length."""
    out = np.empty(c.size)
    rule = _RULES[phi.name]

    def fill(s: slice) -> None:
        out[s] = rule(q1[s], q2[s], c[s], slope)

    map_tiles(fill, row_tiles(c.size, TILE))
    # |phi| is below 1, or below 1 + |x|; a slope is a bump of width 1, which an error in q1 q2 - c^2 moves.
    growth = 0.0 if slope or phi.name in ("tanh", "sigmoid") else 1.0
    size = np.sqrt((1 + growth * q1) * (1 + growth * q2))
    size = np.abs(out) if slope and phi.name in ("tanh", "sigmoid") else size
    return out, (ACCURACY + 4 * EPS * np.maximum(q1, q2) * slope) * size


def _erf_terms(q1, q2, c, stretch: float, slope: bool) -> np.ndarray:
    """sum_jk w_j w_k E f_j f_k, f_j(x) = erf(stretch x / (k_j sqrt 2)), or of the slopes."""
    k, w = nodes()
    return _double_sum((gaussian.ERF, 0.0, 1.0), stretch / (k * np.sqrt(2)), w, q1, q2, c, slope)


def _double_sum(form: tuple, scales, weights, q1, q2, c, slope: bool):
    """sum_jk W_j W_k E f(a_j u) f(a_k v), W the weights and a the scales, or of the slopes, by the closed form of f."""
    total, value, derivative = np.zeros(c.size), np.empty(c.size), np.empty(c.size)
    own = weights * scales if slope else weights
    for a, left in zip(scales, own, strict=True):
        for b, right in zip(scales, own, strict=True):
            gaussian.row(*form, a * a * q1, b * b * q2, a * b * c, value, derivative)
            total += left * right * (derivative if slope else value)
    return total


def _tanh(q1, q2, c, slope):
    return _erf_terms(q1, q2, c, 1.0, slope)


def _sigmoid(q1, q2, c, slope):
    return (0.0 if slope else 0.25) + _erf_terms(q1, q2, c, 0.5, slope) / 4


def _silu(q1, q2, c, slope):
    k, w = nodes()
    return _double_sum((gaussian.GELU, 0.0, 0.0), 0.5 / k, 2 * k * w, q1, q2, c, slope)


def _softplus(q1, q2, c, slope):
    if slope:
        return _sigmoid(q1, q2, c, False)
    k, w = nodes()
    mean = [np.sqrt((q[:, None] + 4 * k * k) / (2 * np.pi)) @ w for q in (q1, q2)]
    total = np.zeros(c.size)
    for a, left in zip(1 / (8 * k * k), w, strict=True):
        for b, right in zip(1 / (8 * k * k), w, strict=True):
            alpha = 2 * np.sqrt(a * b / ((1 + 2 * a * q1) * (1 + 2 * b * q2)))
            x = np.clip(alpha * c, -1.0, 1.0)
            total += left * right * c * (np.arcsin(x) - x / (1 + np.sqrt(1 - x * x)))
    return mean[0] * mean[1] + c / 4 + total / (2 * np.pi)


_RULES = {"tanh": _tanh, "sigmoid": _sigmoid, "silu": _silu, "softplus": _softplus}
