"""Coordinatewise optimizers on pieces of large matrices: one pass over gradient, moments and weights."""

from __future__ import annotations

import numpy as np

from tpcore.jitted.options import jit


@jit
def adam(g, w, m, v, rate, beta1, beta2, c1, c2, eps):
    """w -= rate m_hat / (sqrt v_hat + eps) on flat arrays of one float type, with m_hat = m / c1, v_hat = v / c2.

    m and v, running means of g and g^2, are updated. The numbers come in the type of the arrays.
    """
    rest1, rest2 = 1 - beta1, 1 - beta2
    for i in range(g.size):
        m[i] = beta1 * m[i] + rest1 * g[i]
        v[i] = beta2 * v[i] + rest2 * g[i] * g[i]
        w[i] -= rate * (m[i] / c1) / (np.sqrt(v[i] / c2) + eps)


@jit
def sign(g, w, rate):
    """w -= rate sign(g) on flat arrays of one float type; sign(0) = 0."""
    for i in range(g.size):
        if g[i] > 0:
            w[i] -= rate
        elif g[i] < 0:
            w[i] += rate
