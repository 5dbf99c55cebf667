"""Activations in single precision, by the lane: what NumPy and SciPy do one number at a time.

erfc(x) = t exp(-x^2) p(t), t = 1/(1 + x/2) for x >= 0 (the form of Abramowitz, Stegun 7.1.26), with p the Chebyshev
interpolant; absolute errors are below 3e-7, under the grain of what is sampled in single precision.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import erfcx

from tpcore.jitted.options import jit

ERF, ERF_SIGMOID, GELU, SIGMOID, SILU = range(5)

_F = np.float32


def _p(t: np.ndarray) -> np.ndarray:
    t = np.maximum(t, 1e-12)
    return erfcx(2 / t - 2) / t


_P = [_F(c) for c in Chebyshev.interpolate(_p, 10, domain=[0.0, 1.0]).convert(kind=Polynomial).coef]
_P0, _P1, _P2, _P3, _P4, _P5, _P6, _P7, _P8, _P9, _P10 = _P
_E = [_F(c) for c in Chebyshev.interpolate(np.exp, 6, domain=[-0.3466, 0.3466]).convert(kind=Polynomial).coef]
_E0, _E1, _E2, _E3, _E4, _E5, _E6 = _E
_ZERO, _HALF, _ONE, _TWO, _LOW, _HIGH = _F(0), _F(0.5), _F(1), _F(2), _F(-87), _F(87)
_LOG2E, _LN2_TOP, _LN2_REST = _F(np.log2(np.e)), _F(0.693145752), _F(np.log(2.0) - float(_F(0.693145752)))
_ROOT_HALF, _DENSITY, _ERF_SLOPE = _F(np.sqrt(0.5)), _F(1 / np.sqrt(2 * np.pi)), _F(2 / np.sqrt(np.pi))
_BIAS, _SHIFT = np.int32(127), np.int32(23)


@jit
def exp(x):
    """exp of a float32 within [-87, 87], to which others are clipped; relative error below 2e-7."""
    x = min(max(x, _LOW), _HIGH)
    n = np.int32(x * _LOG2E + (_HALF if x > _ZERO else -_HALF))
    k = np.float32(n)
    r = (x - k * _LN2_TOP) - k * _LN2_REST
    p = _E0 + r * (_E1 + r * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * _E6)))))
    return p * np.int32((n + _BIAS) << _SHIFT).view(np.float32)


@jit
def tail(x, e):
    """erfc(|x|), given e = exp(-x^2)."""
    t = _ONE / (_ONE + _HALF * abs(x))
    p = _P5 + t * (_P6 + t * (_P7 + t * (_P8 + t * (_P9 + t * _P10))))
    return t * e * (_P0 + t * (_P1 + t * (_P2 + t * (_P3 + t * (_P4 + t * p)))))


@jit
def value(kind, x, out):
    """phi(x) into `out`, flat float32 arrays; not the same, or the compiler gives up its lanes."""
    if kind == GELU:
        for i in range(x.size):
            y = x[i] * _ROOT_HALF
            c = _HALF * tail(y, exp(-y * y))
            out[i] = x[i] * (_ONE - c if x[i] > _ZERO else c)
    elif kind == ERF or kind == ERF_SIGMOID:
        scale, shift = (_ONE, _ZERO) if kind == ERF else (_HALF, _HALF)
        for i in range(x.size):
            c = _ONE - tail(x[i], exp(-x[i] * x[i]))
            out[i] = shift + scale * (c if x[i] > _ZERO else -c)
    else:
        for i in range(x.size):
            s = _ONE / (_ONE + exp(-x[i]))
            out[i] = x[i] * s if kind == SILU else s


@jit
def slope(kind, x, out):
    """phi'(x) into `out`, flat float32 arrays; not the same, or the compiler gives up its lanes."""
    if kind == GELU:
        for i in range(x.size):
            y = x[i] * _ROOT_HALF
            e = exp(-y * y)
            c = _HALF * tail(y, e)
            out[i] = (_ONE - c if x[i] > _ZERO else c) + x[i] * e * _DENSITY
    elif kind == ERF or kind == ERF_SIGMOID:
        scale = _ERF_SLOPE if kind == ERF else _HALF * _ERF_SLOPE
        for i in range(x.size):
            out[i] = scale * exp(-x[i] * x[i])
    else:
        for i in range(x.size):
            e = exp(-abs(x[i]))
            s = _ONE / (_ONE + e)
            both = e * s * s
            up = s if x[i] > _ZERO else e * s
            out[i] = up + x[i] * both if kind == SILU else both
