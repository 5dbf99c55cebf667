"""Symmetric tridiagonal matrices: eigenvalues below given points, and traces of powers.

Both kernels take several matrices at once as one long matrix whose
off-diagonal is zero between them.
"""

from __future__ import annotations

import numpy as np

from tpcore.jitted.options import jit

LANES = 64  # points a sweep of the Sturm recursion serves
ROWS = 64  # rows a sweep of the band recursion serves


@jit
def counts_below(diagonal, squared, points, smallest, counts):
    """Number of eigenvalues below each of LANES points, by the pivots of T - x.

    q_i = d_i - x - s_{i-1} / q_{i-1} is the i-th pivot of the LDL^T
    factorization, and by Sylvester's law of inertia as many are negative as T
    has eigenvalues below x. A pivot smaller than `smallest` becomes
    +`smallest`, as if d_i were larger by that: no division overflows or
    yields NaN, and an eigenvalue equal to x is not below it.

    Parameters
    ----------
    diagonal, squared : (n,) float64
        d_i, and the squares s_i of the entries between i and i + 1; s_{n-1} is not used.
    points : (LANES,) float64
    smallest : float
        At least tiny * max(1, max s).
    counts : (LANES,) int64
        Receives the result.
    """
    pivot = np.ones(LANES)
    negative = np.zeros(LANES, np.int64)
    at = points.copy()
    before = 0.0
    for i in range(diagonal.size):
        here = diagonal[i]
        for lane in range(LANES):
            value = here - at[lane] - before / pivot[lane]
            value = smallest if abs(value) < smallest else value
            pivot[lane] = value
            negative[lane] += value < 0.0
        before = squared[i]
    for lane in range(LANES):
        counts[lane] = negative[lane]


@jit
def power_traces(diagonal, off, bounds, traces):
    """tr T^m, m = 0 .. 2 h + 1, of the block of rows between each two bounds.

    Row i of T^j lives on columns i - j .. i + j, so its product with T costs
    O(j). tr T^(2j) is the sum of the squares of the entries of T^j, and
    tr T^(2j+1) the sum of the entries of T^j times those of T^(j+1).

    Parameters
    ----------
    diagonal, off : float64
        n entries padded with h + 2 zeros before and h + 1 + ROWS behind;
        ``off[i]`` stands between i and i + 1.
    bounds : (b + 1,) int64
        Row numbers, without the padding, between which the traces are taken.
    traces : (b, 2 h + 2) float64
        Receives the result.
    """
    half = traces.shape[1] // 2 - 1
    centre = half + 2
    row = np.empty((2 * centre + 1, ROWS))
    product = np.empty((2 * centre + 1, ROWS))
    even = np.empty(ROWS)
    odd = np.empty(ROWS)
    for block in range(bounds.size - 1):
        traces[block] = 0.0
        for start in range(bounds[block], bounds[block + 1], ROWS):
            row[:] = 0.0
            product[:] = 0.0
            row[centre, : min(ROWS, bounds[block + 1] - start)] = 1.0
            for j in range(half + 1):
                even[:] = 0.0
                odd[:] = 0.0
                for k in range(centre - j - 1, centre + j + 2):
                    _column(row, product, diagonal, off, start, k)
                    for lane in range(ROWS):
                        even[lane] += row[k, lane] * row[k, lane]
                        odd[lane] += row[k, lane] * product[k, lane]
                traces[block, 2 * j] += even.sum()
                traces[block, 2 * j + 1] += odd.sum()
                row, product = product, row


@jit
def _column(row, product, diagonal, off, start, k):
    """Diagonal k of ROWS rows of ``row @ T``: entry (i, i + k - centre) for i from `start`."""
    first = start + k
    left, here, right = off[first - 1 :], diagonal[first:], off[first:]
    for lane in range(ROWS):
        product[k, lane] = row[k - 1, lane] * left[lane] + row[k, lane] * here[lane] + row[k + 1, lane] * right[lane]
