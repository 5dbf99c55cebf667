"""Sums over point masses in the complex plane: Cauchy transforms and their relatives.

Real and imaginary parts are arrays of their own and the points u are the inner loop, so that it runs in vectors.
"""

from __future__ import annotations

import numpy as np

from tpcore.jitted.options import jit


@jit
def _accumulate(ur, ui, pr, pi, ar, ai, br, bi, out):
    """Add one point mass at p: a / (u - p), b / (u - p) and a / (u - p)^2 to the six rows of `out`."""
    for i in range(ur.size):
        x, y = ur[i] - pr, ui[i] - pi
        norm = 1.0 / (x * x + y * y)
        x, y = x * norm, -y * norm
        first, second = ar * x - ai * y, ar * y + ai * x
        out[0, i] += first
        out[1, i] += second
        out[2, i] += br * x - bi * y
        out[3, i] += br * y + bi * x
        out[4, i] += first * x - second * y
        out[5, i] += first * y + second * x


@jit
def pole_sums(ur, ui, places, first, second, out):
    """sum_k a_k / (u - p_k), sum_k b_k / (u - p_k), sum_k a_k / (u - p_k)^2, real and imaginary parts as rows of `out`.

    ur, ui (n,); places p, first a, second b (K,) complex; out (6, n), overwritten.
    """
    out[:] = 0.0
    for k in range(places.size):
        p, a, b = places[k], first[k], second[k]
        _accumulate(ur, ui, p.real, p.imag, a.real, a.imag, b.real, b.imag, out)


@jit
def mean_angles(u, places, masses, total):
    """Im sum_k masses_k log(u - places_k), Im (u - places) >= 0 counted as approached from above."""
    for i in range(u.size):
        here = u[i]
        angle = 0.0
        for k in range(places.size):
            x, y = here.real - places[k].real, abs(here.imag - places[k].imag)
            angle += masses[k].real * np.arctan2(y, x)
            if masses[k].imag != 0.0:
                angle += masses[k].imag * 0.5 * np.log(x * x + y * y)
        total[i] = angle
