"""Sums of Chebyshev series in two variables, one table of coefficients a row."""

from __future__ import annotations

import numpy as np

from tpcore.jitted.options import jit


@jit
def evaluate(rows, where, y, t, out):
    """out_j = sum_{c, b} rows[where_j, c, b] T_b(y_j) T_c(t_j); rows (R, C, B), the others (P,)."""
    _, n_c, n_b = rows.shape
    basis = np.empty(n_b)
    for j in range(where.size):
        basis[0] = 1.0
        if n_b > 1:
            basis[1] = y[j]
        for b in range(2, n_b):
            basis[b] = 2.0 * y[j] * basis[b - 1] - basis[b - 2]
        table = rows[where[j]]
        after, here = 0.0, 0.0
        for c in range(n_c - 1, -1, -1):
            term = 0.0
            for b in range(n_b):
                term += table[c, b] * basis[b]
            if c > 0:
                after, here = here, 2.0 * t[j] * here - after + term
            else:
                out[j] = t[j] * here - after + term
