"""Stacks of layers that act on every input alone, all layers fused: a block of pairs stays in cache.

Every pair of inputs is a recursion of its own for (K, T), second moment and tangent kernel. A layer is a code with four
numbers and a place: the row of the arrays that hold what it keeps of each input.
"""

from __future__ import annotations

import numpy as np

from tpcore.jitted.gaussian import mirror, row
from tpcore.jitted.options import jit

BLOCK = 256
DENSE, NORM, PUSH, ADD, ACT = range(5)
"""K, T <- a K + b, a T + c K + d; (K - m m') / (s s'), T / (s s') of places p, p + 1; keep; add what was kept;
closed form ACT + form with parameters a, b and the variances of place p: V(K), dV(K) T."""


@jit
def run(codes, numbers, places, left, right, K, T, kept, v, d):
    """Blocks K and T (m,) through the layers. left, right (places, m or more), kept (2 * nesting, m or more)."""
    m, depth = K.size, 0
    for k in range(codes.size):
        code, p = codes[k], places[k]
        a, b, use, free = numbers[k, 0], numbers[k, 1], numbers[k, 2], numbers[k, 3]
        if code == DENSE:
            for j in range(m):
                T[j] = a * T[j] + use * K[j] + free
                K[j] = a * K[j] + b
        elif code == NORM:
            x, s, y, t = left[p], left[p + 1], right[p], right[p + 1]
            for j in range(m):
                scale = 1.0 / (s[j] * t[j])
                K[j] = (K[j] - x[j] * y[j]) * scale
                T[j] *= scale
        elif code == PUSH:
            kept[depth, :m], kept[depth + 1, :m] = K, T
            depth += 2
        elif code == ADD:
            depth -= 2
            for j in range(m):
                K[j] += kept[depth, j]
                T[j] += kept[depth + 1, j]
        else:
            row(code - ACT, a, b, left[p, :m], right[p, :m], K, v, d)
            for j in range(m):
                T[j] *= d[j]
                K[j] = v[j]


@jit
def band(codes, numbers, places, nesting, left, right, K, T, lo, hi, symmetric, both):
    """Rows lo..hi of the kernels. K (N1, N2) holds <x, x'>/d on entry; T is written if `both`.

    left (places, N1), right (places, N2). If `symmetric`, the columns from lo on are computed and mirrored; bands of
    different rows write disjoint entries.
    """
    n, count = K.shape[1], left.shape[0]
    mine, theirs = np.empty((count, BLOCK)), np.empty((count, BLOCK))
    kept, v, d, t = np.empty((2 * nesting, BLOCK)), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(lo if symmetric else 0, n, BLOCK):
        end = min(start + BLOCK, n)
        m = end - start
        theirs[:, :m] = right[:, start:end]
        for i in range(lo, hi):
            for k in range(count):
                mine[k, :m] = left[k, i]
            t[:m] = 0.0
            run(codes, numbers, places, mine, theirs, K[i, start:end], t[:m], kept, v[:m], d[:m])
            if both:
                T[i, start:end] = t[:m]
        if symmetric:
            mirror(K, lo, hi, start, end)
            if both:
                mirror(T, lo, hi, start, end)
