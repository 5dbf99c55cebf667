"""Gaussian numbers in single precision, by the lane: SplitMix64 and the Box-Muller transform.

Steele, Lea and Flood, *Fast splittable pseudorandom number generators* (OOPSLA 2014), section 4, with its finalizer and
a gamma of its own for every stream. The i-th pair of a stream is a function of (key, i), so streams need no state.
Single precision grains the numbers at 1e-7 of their size and ends the tails at 6.7 standard deviations.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from tpcore.jitted.options import jit

_F = np.float32


def _fit(function, degree: int, high: float) -> list[np.float32]:
    """Coefficients of the Chebyshev interpolant of `function` on [0, high], constant first."""
    series = Chebyshev.interpolate(function, degree, domain=[0.0, high]).convert(kind=Polynomial)
    return [_F(c) for c in series.coef]


# sin(pi sqrt w)/sqrt w and cos(pi sqrt w) for w = t^2 <= 1/4; log((1 + s)/(1 - s))/s in q = s^2 for a mantissa in
# [1/sqrt 2, sqrt 2]: errors below 1e-7.
_S0, _S1, _S2, _S3, _S4, _S5 = _fit(lambda w: np.pi * np.sinc(np.sqrt(w)), 5, 0.25)
_C0, _C1, _C2, _C3, _C4, _C5 = _fit(lambda w: np.cos(np.pi * np.sqrt(w)), 5, 0.25)
_L0, _L1, _L2, _L3 = _fit(lambda q: 2 * np.arctanh(np.sqrt(q + 1e-14)) / np.sqrt(q + 1e-14), 3, 0.0305)

_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_GOLDEN, _ODD, _LOW = np.uint64(0x9E3779B97F4A7C15), np.uint64(1), np.uint64(0xFFFFFFFF)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_GRAIN, _HALF, _ZERO, _ONE, _TWO, _LN2 = _F(2.0**-32), _F(0.5), _F(0), _F(1), _F(2), _F(np.log(2.0))
_SQRT_HALF, _MANTISSA, _BITS = np.int32(0x3F3504F3), np.int32(0x007FFFFF), np.int32(23)


@jit
def mix(z):
    """The finalizer of SplitMix64, a bijection of 64 bits."""
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@jit
def stream(root, a, b, c):
    """The key of the stream (a, b, c) under `root`, all uint64."""
    return mix(mix(mix(root + a * _GOLDEN) + b * _GOLDEN) + c * _GOLDEN)


@jit
def _pairs(key, left, right):
    """left[i], right[i]: the i-th pair of the stream `key`."""
    gamma = mix(key ^ _GOLDEN) | _ODD
    for i in range(left.size):
        bits = mix(key + gamma * np.uint64(i + 1))
        u = np.float32((np.float32(np.uint32(bits >> _S32)) + _HALF) * _GRAIN)
        t = np.float32(np.int32(bits & _LOW)) * _GRAIN
        shifted = np.int32(np.float32(u).view(np.int32) - _SQRT_HALF)
        exponent = np.float32(np.int32(shifted >> _BITS))
        m = np.int32((shifted & _MANTISSA) + _SQRT_HALF).view(np.float32) - _ONE
        s = m / (_TWO + m)
        q = s * s
        log = exponent * _LN2 + s * (_L0 + q * (_L1 + q * (_L2 + q * _L3)))
        r = np.sqrt(-_TWO * log) if log < _ZERO else _ZERO
        w = t * t
        sin = t * (_S0 + w * (_S1 + w * (_S2 + w * (_S3 + w * (_S4 + w * _S5)))))
        cos = _C0 + w * (_C1 + w * (_C2 + w * (_C3 + w * (_C4 + w * _C5))))
        left[i] = r * (_ONE - _TWO * sin * sin)
        right[i] = r * _TWO * sin * cos


@jit
def fill(key, out):
    """The first ``out.size`` numbers of the stream `key`, N(0, 1), into the flat float32 array `out`."""
    half = out.size // 2
    _pairs(key, out[:half], out[half : 2 * half])
    if out.size % 2:
        last = np.empty(2, np.float32)
        _pairs(mix(key), last[:1], last[1:])
        out[out.size - 1] = last[0]


@jit
def fill_draws(root, draw, layer, tile, out):
    """out (D, m) float32: row k from the stream (draw + k, layer, tile) under `root`."""
    for k in range(out.shape[0]):
        fill(stream(root, np.uint64(draw + k), np.uint64(layer), np.uint64(tile)), out[k])
