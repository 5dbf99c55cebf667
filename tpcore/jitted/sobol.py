"""Sobol points with Matousek's random linear scrambling and a random shift, one dimension a row.

Each binary digit of a coordinate becomes itself plus a random combination of the digits before it (modulo 2), and
every digit of the result is flipped or not. Digits that the direction numbers lack are random combinations alone, so
coordinates have 52 digits and the tails of a Gaussian made of them end at 8 standard deviations.
Matousek, *On the L2-discrepancy for anchored boxes*, J. Complexity 14 (1998), 527-556.
"""

from __future__ import annotations

import numpy as np

from tpcore.jitted.options import jit

DIGITS = 52
_ONE, _ZERO = np.uint64(1), np.uint64(0)


@jit
def _parity(word):
    for shift in (32, 16, 8, 4, 2, 1):
        word ^= word >> np.uint64(shift)
    return word & _ONE


@jit
def scramble(directions, bits, masks, out):
    """out[d, k]: the scrambled direction number k of dimension d, of 52 digits.

    directions (D, K) have `bits` digits; masks (D, 52) are random words.
    """
    for d in range(directions.shape[0]):
        for k in range(out.shape[1]):
            word = _ZERO
            for row in range(DIGITS):
                if row < bits:
                    own = _ONE << np.uint64(bits - 1 - row)
                    above = ~((own << _ONE) - _ONE)
                    mask = (masks[d, row] & above) | own
                else:
                    mask = masks[d, row]
                mask &= (_ONE << np.uint64(bits)) - _ONE
                word = (word << _ONE) | _parity(mask & np.uint64(directions[d, k]))
            out[d, k] = word


@jit
def fill(directions, shifts, out):
    """out[d, i]: coordinate d of point i in (0, 1), in the order of the Gray code; out.shape[1] <= 2^K."""
    unit = 2.0**-DIGITS
    for d in range(out.shape[0]):
        word = shifts[d]
        for i in range(out.shape[1]):
            out[d, i] = (np.float64(word) + 0.5) * unit
            k, rest = 0, i + 1
            while rest & 1 == 0:
                rest >>= 1
                k += 1
            if k < directions.shape[1]:
                word ^= directions[d, k]
