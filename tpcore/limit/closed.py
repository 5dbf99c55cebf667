"""Which activations have closed forms, and their evaluation.

For a `form` of `tpcore.jitted.gaussian`, a Gram matrix is cut into bands of
rows, and only its upper half is computed. He_k is a polynomial in the
covariance: with He_k(sqrt(q) x) = sum_j k!/(j! (k-2j)!) ((q-1)/2)^j q^((k-2j)/2) He_{k-2j}(x),
E He_k(u) He_k(v) = sum_m m! b_m(q1) b_m(q2) c^m.
"""

from __future__ import annotations

from math import factorial, pi

import numpy as np

from tpcore.activations import Activation
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.jitted import gaussian

EPS = np.finfo(float).eps
BAND = 32

_FORMS = {
    "relu": (gaussian.LEAKY, 0.0, 0.0),
    "abs": (gaussian.LEAKY, -1.0, 0.0),
    "step": (gaussian.ARCSIN, 0.25, 1 / (2 * pi)),
    "sign": (gaussian.ARCSIN, 0.0, 2 / pi),
    "erf": (gaussian.ERF, 0.0, 1.0),
    "erf_sigmoid": (gaussian.ERF, 0.25, 0.25),
    "gelu": (gaussian.GELU, 0.0, 0.0),
    "sin": (gaussian.SIN, 0.0, 0.0),
    "cos": (gaussian.COS, 0.0, 0.0),
    "gauss": (gaussian.GAUSS, 0.0, 0.0),
}


def form_of(phi: Activation) -> tuple[int, float, float] | None:
    """(family, two parameters) for the jitted kernels, or None."""
    if phi.form == "leaky_relu":
        return gaussian.LEAKY, phi.params[0], 0.0
    return _FORMS.get(phi.form)


def gram(form: tuple, sigma: np.ndarray, both: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """V and, if `both`, dV of one (N, N) matrix by the closed form."""
    family, a, b = form
    q = np.ascontiguousarray(np.diagonal(sigma))
    v = np.empty(sigma.shape)
    d = np.empty(sigma.shape) if both else v[:0]
    map_tiles(
        lambda rows: gaussian.band(family, a, b, q, sigma, rows.start, rows.stop, v, d, both), row_tiles(len(q), BAND)
    )
    return v, (d if both else None)


def flat(form: tuple, q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E phi phi and E phi' phi' of contiguous 1-D arrays of equal length."""
    v, d = np.empty(c.size), np.empty(c.size)
    map_tiles(lambda s: gaussian.row(*form, q1[s], q2[s], c[s], v[s], d[s]), row_tiles(c.size))
    return v, d


def hermite_coefficients(k: int, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(even, odd), each (degrees, N): A_m = sqrt(m!) b_m(q), so that E He_k He_k = sum_m A_m A_m c^m."""
    a = np.zeros((k + 1, q.size))
    for j in range(k // 2 + 1):
        m = k - 2 * j
        a[m] = factorial(k) / (factorial(j) * factorial(m)) * np.sqrt(float(factorial(m))) * ((q - 1) / 2) ** j
    return np.ascontiguousarray(a[0::2]), np.ascontiguousarray(a[1::2])
