"""Coordinatewise optimizers on pieces of large matrices: one pass over gradient, moments and weights."""

from __future__ import annotations

import numpy as np

from tpcore.jitted.options import jit


@jit
def adam(g, w, m, v, beta1, beta2, rest1, rest2, rate, root, eps):
    """w -= rate m / (root sqrt v + eps) on flat arrays of one float type.

    m and v, running means of g and g^2 with weights beta and rest = 1 - beta, are updated. Adam has rate = eta / c1 and
    root = 1 / sqrt c2, c = 1 - beta^t. The numbers come in the type of the arrays.
    """
    for i in range(g.size):
        first = beta1 * m[i] + rest1 * g[i]
        second = beta2 * v[i] + rest2 * g[i] * g[i]
        m[i], v[i] = first, second
        w[i] -= rate * first / (root * np.sqrt(second) + eps)


@jit
def sign(g, w, rate):
    """w -= rate sign(g) on flat arrays of one float type; sign(0) = 0."""
    for i in range(g.size):
        if g[i] > 0:
            w[i] -= rate
        elif g[i] < 0:
            w[i] += rate
