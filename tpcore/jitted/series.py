"""Sums over Hermite coefficients, for whole Gram matrices.

V_ij = sum_k a_k(i) a_k(j) x_ij^k with x_ij = c_ij r_i r_j in [-1, 1], r = 1/sqrt(q);
even and odd k apart, each a Horner scheme in x^2, vectorized along j.
"""

from __future__ import annotations

import numpy as np

from tpcore.jitted.gaussian import mirror
from tpcore.jitted.options import jit

BLOCK = 256


@jit
def _horner(coefficients, i, start, y, acc):
    """acc_j = sum_k A[k, i] A[k, start + j] y_j^k."""
    m = y.size
    acc[:] = 0.0
    for k in range(coefficients.shape[0] - 1, -1, -1):
        left, right = coefficients[k, i], coefficients[k, start : start + m]
        for j in range(m):
            acc[j] = acc[j] * y[j] + left * right[j]


@jit
def band(even, odd, r, sigma, bound, lo, hi, out):
    """Rows lo..hi of V right of the diagonal block, and their mirror images.

    even, odd: (K, N) coefficients of even and odd degree; |x| is clipped to `bound`.
    """
    n = r.size
    x_all, y_all, e_all, o_all = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(lo, n, BLOCK):
        end = min(start + BLOCK, n)
        m = end - start
        x, y, e, o = x_all[:m], y_all[:m], e_all[:m], o_all[:m]
        for i in range(lo, hi):
            for j in range(m):
                t = sigma[i, start + j] * r[i] * r[start + j]
                x[j] = min(max(t, -bound), bound)
                y[j] = x[j] * x[j]
            _horner(even, i, start, y, e)
            _horner(odd, i, start, y, o)
            for j in range(m):
                out[i, start + j] = e[j] + x[j] * o[j]
        mirror(out, lo, hi, start, end)


@jit
def flat(left_even, left_odd, right_even, right_odd, i1, i2, x, out):
    """out_j = sum_k A[i1_j, k] B[i2_j, k] x_j^k; coefficients (N, K), one row a variance."""
    for j in range(x.size):
        a, b, y = i1[j], i2[j], x[j] * x[j]
        e, o = 0.0, 0.0
        for k in range(left_even.shape[1] - 1, -1, -1):
            e = e * y + left_even[a, k] * right_even[b, k]
        for k in range(left_odd.shape[1] - 1, -1, -1):
            o = o * y + left_odd[a, k] * right_odd[b, k]
        out[j] = e + x[j] * o


@jit
def blocks(even, odd, r, even2, odd2, r2, K, out):
    """out[b, p, q] = sum_k A[b, k, p] B[b, k, q] x^k, x = K[b, p, q] r[b, p] r2[b, q] clipped to [-1, 1].

    even, odd (B, K, P) and even2, odd2 (B, K, Q): coefficients of both sides, as many on either.
    """
    count = K.shape[2]
    x, y, e, o = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    for b in range(K.shape[0]):
        for p in range(K.shape[1]):
            for q in range(count):
                t = K[b, p, q] * r[b, p] * r2[b, q]
                x[q] = min(max(t, -1.0), 1.0)
                y[q] = x[q] * x[q]
            e[:], o[:] = 0.0, 0.0
            for k in range(even.shape[1] - 1, -1, -1):
                a, c = even[b, k, p], even2[b, k]
                for q in range(count):
                    e[q] = e[q] * y[q] + a * c[q]
            for k in range(odd.shape[1] - 1, -1, -1):
                a, c = odd[b, k, p], odd2[b, k]
                for q in range(count):
                    o[q] = o[q] * y[q] + a * c[q]
            for q in range(count):
                out[b, p, q] = e[q] + x[q] * o[q]


@jit
def diagonals(even, odd, r, even2, odd2, r2, K, out):
    """out[b, p] = sum_k A[b, k, p] B[b, k, p] x^k, x = K[b, p] r[b, p] r2[b, p]; as `blocks`."""
    count = K.shape[1]
    x, y, e, o = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    for b in range(K.shape[0]):
        for p in range(count):
            t = K[b, p] * r[b, p] * r2[b, p]
            x[p] = min(max(t, -1.0), 1.0)
            y[p] = x[p] * x[p]
        e[:], o[:] = 0.0, 0.0
        for k in range(even.shape[1] - 1, -1, -1):
            a, c = even[b, k], even2[b, k]
            for p in range(count):
                e[p] = e[p] * y[p] + a[p] * c[p]
        for k in range(odd.shape[1] - 1, -1, -1):
            a, c = odd[b, k], odd2[b, k]
            for p in range(count):
                o[p] = o[p] * y[p] + a[p] * c[p]
        for p in range(count):
            out[b, p] = e[p] + x[p] * o[p]
