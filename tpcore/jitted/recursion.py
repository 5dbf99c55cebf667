"""The kernel recursion of an MLP with a closed form, all layers fused: a block of pairs stays in cache.

Given the variances of every layer, each pair of inputs is a scalar recursion of its own:
c <- sw V(q1, q2, c) + sb, theta <- use V + free + sw dV(q1, q2, c) theta.
"""

from __future__ import annotations

import numpy as np

from tpcore.jitted.gaussian import mirror, row
from tpcore.jitted.options import jit

BLOCK = 256


@jit
def layers(form, a, b, steps, q1, q2, c, theta, v, d):
    """Run blocks c and theta, arrays (m,), through ``len(steps)`` layers; q1, q2 are (layers, m or more).

    Row l of `steps` is (sw, sb, use, free): the squared scales of the weights and the bias that follow the activation,
    and what they contribute to the tangent kernel.
    """
    m = c.size
    for k in range(steps.shape[0]):
        row(form, a, b, q1[k, :m], q2[k, :m], c, v, d)
        sw, sb, use, free = steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3]
        for j in range(m):
            theta[j] = use * v[j] + free + sw * d[j] * theta[j]
            c[j] = sw * v[j] + sb


@jit
def diagonal(form, a, b, steps, q, theta):
    """Row 0 of q (layers + 1, N) and theta (N,) hold those of the first layer; the rest is filled in."""
    n = q.shape[1]
    v, d, c = np.empty(n), np.empty(n), q[0].copy()
    for k in range(steps.shape[0]):
        layers(form, a, b, steps[k : k + 1], q[k : k + 1], q[k : k + 1], c, theta, v, d)
        q[k + 1] = c


@jit
def band(form, a, b, first, steps, q1, q2, c, theta, lo, hi, symmetric, both):
    """Rows lo..hi of the kernels. c (N1, N2) holds <x, x'>/d on entry, the NNGP on return; theta is written if `both`.

    `first` is the step (sw, sb, use, free) of the input layer. If `symmetric`, the columns from lo on are computed and
    mirrored; bands of different rows write disjoint entries.
    """
    depth, n = steps.shape[0], c.shape[1]
    left, right = np.empty((depth, BLOCK)), np.empty((depth, BLOCK))
    v, d, t = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(lo if symmetric else 0, n, BLOCK):
        end = min(start + BLOCK, n)
        m = end - start
        right[:, :m] = q2[:depth, start:end]
        for i in range(lo, hi):
            for k in range(depth):
                left[k, :m] = q1[k, i]
            block = c[i, start:end]
            for j in range(m):
                t[j] = first[2] * block[j] + first[3]
                block[j] = first[0] * block[j] + first[1]
            layers(form, a, b, steps, left, right, block, t[:m], v[:m], d[:m])
            if both:
                theta[i, start:end] = t[:m]
        if symmetric:
            mirror(c, lo, hi, start, end)
            if both:
                mirror(theta, lo, hi, start, end)
