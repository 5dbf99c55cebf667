"""Sums over windows of covariances between positions."""

from __future__ import annotations

from tpcore.jitted.options import jit


@jit
def window_sums(K, index, scale, shift, out):
    """out[b, p, q] = scale sum_d K[b, index[d, p], index[d, q]] + shift, terms with an index of -1 left out."""
    taps, count = index.shape
    for b in range(K.shape[0]):
        for p in range(count):
            for q in range(count):
                out[b, p, q] = 0.0
            for d in range(taps):
                i = index[d, p]
                if i >= 0:
                    for q in range(count):
                        j = index[d, q]
                        if j >= 0:
                            out[b, p, q] += K[b, i, j]
            for q in range(count):
                out[b, p, q] = scale * out[b, p, q] + shift


@jit
def window_diagonals(K, index, scale, shift, out):
    """out[b, p] = scale sum_d K[b, index[d, p]] + shift, terms with an index of -1 left out."""
    taps, count = index.shape
    for b in range(K.shape[0]):
        for p in range(count):
            total = 0.0
            for d in range(taps):
                if index[d, p] >= 0:
                    total += K[b, index[d, p]]
            out[b, p] = scale * total + shift
