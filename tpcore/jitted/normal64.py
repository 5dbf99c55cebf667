"""Gaussian numbers in double precision, by the lane: two SplitMix64 numbers a pair and the Box-Muller transform.

The streams are those of `tpcore.jitted.normal`, in which the i-th pair is a function of (key, i). 52 random bits go
into the radius and 52 into the angle: numbers are grained at 1e-16 and the tails end at 8.6 standard deviations.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from tpcore.jitted.normal import mix
from tpcore.jitted.options import jit


def _fit(function, degree: int, high: float) -> np.ndarray:
    """Coefficients of the Chebyshev interpolant of `function` on [0, high], constant first."""
    return Chebyshev.interpolate(function, degree, domain=[0.0, high]).convert(kind=Polynomial).coef


def _log_ratio(q):
    """log((1 + s) / (1 - s)) / s in q = s^2."""
    s = np.sqrt(np.maximum(q, 1e-12))
    return np.where(q < 1e-6, 2 + 2 * q / 3, 2 * np.arctanh(s) / s)


# As in tpcore.jitted.normal, with errors below 1e-15.
_S0, _S1, _S2, _S3, _S4, _S5, _S6, _S7, _S8 = _fit(lambda w: np.pi * np.sinc(np.sqrt(w)), 8, 0.25)
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8 = _fit(lambda w: np.cos(np.pi * np.sqrt(w)), 8, 0.25)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = _fit(_log_ratio, 7, 0.02950)

_GOLDEN, _ODD, _TWELVE = np.uint64(0x9E3779B97F4A7C15), np.uint64(1), np.uint64(12)
_UNIT = np.uint64(0x3FF0000000000000)
_BELOW_ONE = 1.0 - 2.0**-53
_SQRT_HALF, _MANTISSA, _BITS = np.int64(0x3FE6A09E667F3BCD), np.int64(0x000FFFFFFFFFFFFF), np.int64(52)
_LN2 = float(np.log(2.0))


@jit
def _pairs(key, left, right):
    """left[i], right[i]: the i-th pair of the stream `key`."""
    gamma = mix(key ^ _GOLDEN) | _ODD
    for i in range(left.size):
        first = key + gamma * np.uint64(2 * i + 1)
        u = np.uint64((mix(first) >> _TWELVE) | _UNIT).view(np.float64) - _BELOW_ONE
        t = np.uint64((mix(first + gamma) >> _TWELVE) | _UNIT).view(np.float64) - 1.5
        shifted = np.int64(np.float64(u).view(np.int64) - _SQRT_HALF)
        exponent = np.float64(np.int64(shifted >> _BITS))
        m = np.int64((shifted & _MANTISSA) + _SQRT_HALF).view(np.float64) - 1.0
        s = m / (2.0 + m)
        q = s * s
        log = _L4 + q * (_L5 + q * (_L6 + q * _L7))
        log = exponent * _LN2 + s * (_L0 + q * (_L1 + q * (_L2 + q * (_L3 + q * log))))
        r = np.sqrt(-2.0 * log) if log < 0.0 else 0.0
        w = t * t
        sin = _S4 + w * (_S5 + w * (_S6 + w * (_S7 + w * _S8)))
        sin = t * (_S0 + w * (_S1 + w * (_S2 + w * (_S3 + w * sin))))
        cos = _C4 + w * (_C5 + w * (_C6 + w * (_C7 + w * _C8)))
        cos = _C0 + w * (_C1 + w * (_C2 + w * (_C3 + w * cos)))
        left[i] = r * (1.0 - 2.0 * sin * sin)
        right[i] = r * 2.0 * sin * cos


@jit
def fill(key, out):
    """The first ``out.size`` numbers of the stream `key`, N(0, 1), into the flat float64 array `out`."""
    half = out.size // 2
    _pairs(key, out[:half], out[half : 2 * half])
    if out.size % 2:
        last = np.empty(2)
        _pairs(mix(key), last[:1], last[1:])
        out[out.size - 1] = last[0]
