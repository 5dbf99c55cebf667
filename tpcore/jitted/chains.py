"""Second moments of states that forget and take in, over a sample of what decides how much.

A state of step j is x_j = keep_j x_{j-1} + sum_g take_{g,j} y_{g,j}. Given keep and take, which are sampled, the y of
one g have mean zero and known second moments, and those of different g are uncorrelated. A state is a combination of
its own y with coefficients A; its product with every other state follows that one's recursion.
"""

from __future__ import annotations

import numpy as np

from tpcore.jitted.options import jit

BLOCK = 128


@jit
def products(own, front, cov, keep, take, weight, before, known, out):
    """out[r, k] = the sum over points of front_r weight_j E[x_r x_j | point], for all states j = known[k] in order.

    own (R, G, S, N): the coefficients A of R states x_r; front (R, N); cov (R, G, len(known), S): second moments of
    every j's y with theirs; keep (M, N), take (G, M, N), weight (M, N) or (0, 0) for ones; before (M,): the state
    before each, -1 for none, and always known earlier.
    """
    count, groups, steps, points = own.shape
    D = np.empty((keep.shape[0], BLOCK))
    total = np.zeros((count, known.size, BLOCK))
    mine, y = np.zeros((steps, BLOCK)), np.empty((groups, known.size, BLOCK))
    weighted = weight.shape[0] > 0
    for start in range(0, points, BLOCK):
        m = min(BLOCK, points - start)
        stop = start + m
        for r in range(count):
            for g in range(groups):
                mine[:, :m] = own[r, g, :, start:stop]
                np.dot(cov[r, g], mine, y[g])
            f = front[r, start:stop]
            for n in range(known.size):
                j = known[n]
                d, k, t = D[j, :m], keep[j, start:stop], total[r, n]
                if before[j] >= 0:
                    last = D[before[j], :m]
                    for p in range(m):
                        d[p] = k[p] * last[p]
                else:
                    d[:] = 0.0
                for g in range(groups):
                    c, x = take[g, j, start:stop], y[g, n]
                    for p in range(m):
                        d[p] += c[p] * x[p]
                if weighted:
                    w = weight[j, start:stop]
                    for p in range(m):
                        t[p] += f[p] * w[p] * d[p]
                else:
                    for p in range(m):
                        t[p] += f[p] * d[p]
    for r in range(count):
        for n in range(known.size):
            out[r, n] = total[r, n].sum()


@jit
def updates(own, V, cov, keep, slope, first, before, known, out):
    """The same for states h_j = keep_j h_{j-1} + (1 - keep_j) y_j of which keep_j moves: by slope_j (y_j - h_{j-1}).

    Given keep, the y have second moments V and what moves the keep has second moments `cov`, both (R, S, len(known))
    of each row's own S steps, from the state first[r] on, against every j. own (R, S, N): how much a unit at step k
    still moves the row's state; keep, slope (M, N).
    """
    count, steps, points = own.shape
    carried = np.empty((steps, BLOCK))
    D = np.empty((keep.shape[0], BLOCK))
    total = np.zeros((count, known.size, BLOCK))
    y, state = np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, points, BLOCK):
        m = min(BLOCK, points - start)
        stop = start + m
        for r in range(count):
            for n in range(known.size):
                j = known[n]
                kept = keep[j, start:stop]
                if before[j] < 0:
                    carried[:] = 0.0
                y[:], state[:] = 0.0, 0.0
                for k in range(steps):
                    v, c = V[r, k, n], cov[r, k, n]
                    a, q, last = own[r, k, start:stop], keep[first[r] + k, start:stop], carried[k]
                    for p in range(m):
                        u = v - state[p]  # Cov(y_k - h_{k-1}, y_j)
                        y[p] += c * a[p] * (u - last[p])
                        last[p] = u + kept[p] * (last[p] - u)  # Cov(y_k - h_{k-1}, h_j)
                        state[p] = v + q[p] * (state[p] - v)  # Cov(h_k, y_j)
                d, g, t = D[j, :m], slope[j, start:stop], total[r, n]
                if before[j] >= 0:
                    past = D[before[j], :m]
                    for p in range(m):
                        d[p] = kept[p] * past[p] + g[p] * y[p]
                else:
                    for p in range(m):
                        d[p] = g[p] * y[p]
                for p in range(m):
                    t[p] += d[p]
    for r in range(count):
        for n in range(known.size):
            out[r, n] = total[r, n].sum()
