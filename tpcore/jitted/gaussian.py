"""Closed forms of E phi(u) phi(v) and E phi'(u) phi'(v), both in one pass.

(u, v) is centred Gaussian with variances q1, q2 and covariance c. One loop per
family, free of branches so that the compiler vectorizes it. Nothing here
computes 1 - rho: with a = q1 - |c| and b = q2 - |c|,

    det = q1 q2 - c^2 = a b + |c| (a + b),

which is exact for duplicate inputs (a = b = 0), and angles come from
z = sin^2(t/2) = det / (2 S (S + |c|)), S = sqrt(q1 q2). Where the angle itself is
a factor (relu', step), det < 16 eps S^2 is rounding error of c and counts as 0.

Sources: the arc-cosine kernels (Cho, Saul 2009), erf (Williams 1997), the
others by Stein's lemma: with h = erf(u/sqrt 2) and H = E h'(u) h'(v) =
(2/pi) / sqrt(D), D = (1 + q1)(1 + q2) - c^2,
E u h(u) v h(v) = c E h h + H (det + c^2/(1 + q1) + c^2/(1 + q2)), which gives gelu = (u + u h)/2.
"""

from __future__ import annotations

import math

import numpy as np

from tpcore.jitted.options import jit

LEAKY, ARCSIN, ERF, GELU, SIN, COS, GAUSS = range(7)
BLOCK = 256
SNAP = 3.6e-15

_PI = math.pi
_HALF = math.pi / 2


@jit
def arcs(side, cosine, square):
    """(arcsin x, arccos x) of x = cosine / side in [0, 1]; square = side^2 - cosine^2, without cancellation.

    Rational approximation of fdlibm's e_asin.c: arcsin x = x + x z P(z)/Q(z), z = x^2, for x < 1/2,
    else by the half angle.
    """
    x = cosine / side if side > 0.0 else 0.0
    half = square / (2.0 * side * (side + cosine)) if side > 0.0 else 0.5
    small = x < 0.5
    z = x * x if small else half
    s = x if small else math.sqrt(half)
    p = 7.91534994289814532176e-04 + z * 3.47933107596021167570e-05
    p = 2.01212532134862925881e-01 + z * (-4.00555345006794114027e-02 + z * p)
    p = 1.66666666666666657415e-01 + z * (-3.25565818622400915405e-01 + z * p)
    q = -6.88283971605453293030e-01 + z * 7.70381505559019352791e-02
    q = 1.0 + z * (-2.40339491173441421878e00 + z * (2.02094576023350569471e00 + z * q))
    r = s + s * (z * p / q)
    return (r if small else _HALF - 2.0 * r), (_HALF - r if small else 2.0 * r)


@jit
def determinant(q1, q2, k):
    """q1 q2 - k^2, at least 0, for k = |c|."""
    a, b = q1 - k, q2 - k
    det = a * b + k * (a + b)
    return det if det > 0.0 else 0.0


@jit
def leaky(slope, q1, q2, c, v, d):
    """max(x, 0) + slope min(x, 0). With R(c) = E relu relu and P(c) = E step step:
    V = (1 + s^2) R(c) - 2 s R(-c), dV = (1 + s^2) P(c) + 2 s P(-c); R(|c|) = R(-|c|) + |c|/2.
    """
    square, twice = 1.0 + slope * slope, 2.0 * slope
    for j in range(c.size):
        k = abs(c[j])
        product, det = q1[j] * q2[j], determinant(q1[j], q2[j], k)
        side, det = math.sqrt(product), (det if det > SNAP * product else 0.0)
        _, t = arcs(side, k, det)
        y = t * t
        taylor = 1.0 / 45360.0 - y * (1.0 / 3991680.0 - y / 518918400.0)
        taylor = 1.0 / 3.0 - y * (1.0 / 30.0 - y * (1.0 / 840.0 - y * taylor))
        low = (side * t * y * taylor if t < 0.5 else math.sqrt(det) - t * k) / (2.0 * _PI)
        high = low + k / 2.0
        same, other = t / (2.0 * _PI), 0.5 - t / (2.0 * _PI)
        up = c[j] >= 0.0
        v[j] = square * (high if up else low) - twice * (low if up else high)
        d[j] = square * (other if up else same) + twice * (same if up else other)


@jit
def arcsin(offset, scale, q1, q2, c, v, d):
    """offset + scale arcsin(rho): sign and step; a variable of variance 0 has the value 0 of phi(0)."""
    for j in range(c.size):
        k = abs(c[j])
        product, det = q1[j] * q2[j], determinant(q1[j], q2[j], k)
        a, _ = arcs(math.sqrt(product), k, (det if det > SNAP * product else 0.0))
        value = offset + scale * (a if c[j] >= 0.0 else -a)
        v[j] = value if product > 0.0 else 0.0
        d[j] = np.nan


@jit
def erf(offset, scale, q1, q2, c, v, d):
    """sqrt(offset) + sqrt(scale) erf(x): offset + scale (2/pi) arcsin(2 c / sqrt((1 + 2 q1)(1 + 2 q2)))."""
    for j in range(c.size):
        k = abs(c[j])
        square = 1.0 + 2.0 * q1[j] + 2.0 * q2[j] + 4.0 * determinant(q1[j], q2[j], k)
        a, _ = arcs(math.sqrt((1.0 + 2.0 * q1[j]) * (1.0 + 2.0 * q2[j])), 2.0 * k, square)
        v[j] = offset + scale * (2.0 / _PI) * (a if c[j] >= 0.0 else -a)
        d[j] = scale * (4.0 / _PI) / math.sqrt(square)


@jit
def gelu(q1, q2, c, v, d):
    """x Phi(x), and its derivative Phi(x) + x exp(-x^2/2)/sqrt(2 pi); see the head of this file."""
    for j in range(c.size):
        k, e1, e2 = abs(c[j]), 1.0 + q1[j], 1.0 + q2[j]
        det, product = determinant(q1[j], q2[j], k), e1 * e2
        square = 1.0 + q1[j] + q2[j] + det
        a, _ = arcs(math.sqrt(product), k, square)
        sum_inverse, root = (e1 + e2) / product, math.sqrt(square)
        a = a if c[j] >= 0.0 else -a
        v[j] = c[j] / 4.0 + (c[j] * a + (det + k * k * sum_inverse) / root) / (2.0 * _PI)
        d[j] = 0.25 + (a + c[j] / root * (sum_inverse + 1.0 / square)) / (2.0 * _PI)


@jit
def sine(q1, q2, c, v, d):
    """sin: exp(-(q1 + q2)/2) sinh c and cosh c, as exp(|c| - (q1 + q2)/2) times (1 -+ exp(-2 |c|))/2."""
    for j in range(c.size):
        k = abs(c[j])
        front, less = math.exp(-((q1[j] - k) + (q2[j] - k)) / 2.0), math.expm1(-2.0 * k)
        v[j] = math.copysign(-front * less / 2.0, c[j])
        d[j] = front * (2.0 + less) / 2.0


@jit
def gauss(q1, q2, c, v, d):
    """exp(-x^2/2): D^(-1/2); derivative: c D^(-3/2), D = (1 + q1)(1 + q2) - c^2."""
    for j in range(c.size):
        square = 1.0 + q1[j] + q2[j] + determinant(q1[j], q2[j], abs(c[j]))
        v[j] = 1.0 / math.sqrt(square)
        d[j] = c[j] / (square * math.sqrt(square))


@jit
def row(form, a, b, q1, q2, c, v, d):
    """E phi phi into v and E phi' phi' into d for arrays of equal length; a, b are the parameters of the form."""
    if form == LEAKY:
        leaky(a, q1, q2, c, v, d)
    elif form == ARCSIN:
        arcsin(a, b, q1, q2, c, v, d)
    elif form == ERF:
        erf(a, b, q1, q2, c, v, d)
    elif form == GELU:
        gelu(q1, q2, c, v, d)
    elif form == SIN:
        sine(q1, q2, c, v, d)
    elif form == COS:
        sine(q1, q2, c, d, v)
    else:
        gauss(q1, q2, c, v, d)


@jit
def band(form, a, b, q, sigma, lo, hi, v, d, both):
    """Rows lo..hi of the Gram matrices, right of the diagonal block, and their mirror images.

    sigma, v, d: (N, N); d is written only if `both`. Bands of different rows write disjoint entries.
    """
    n = q.size
    left, waste = np.empty(BLOCK), np.empty(BLOCK)
    for start in range(lo, n, BLOCK):
        end = min(start + BLOCK, n)
        m = end - start
        for i in range(lo, hi):
            left[:m] = q[i]
            out = d[i, start:end] if both else waste[:m]
            row(form, a, b, left[:m], q[start:end], sigma[i, start:end], v[i, start:end], out)
        mirror(v, lo, hi, start, end)
        if both:
            mirror(d, lo, hi, start, end)


@jit
def mirror(x, lo, hi, start, end):
    """x[j, i] = x[i, j] for lo <= i < hi and max(start, i) < j < end."""
    for i in range(lo, hi):
        for j in range(max(start, i + 1), end):
            x[j, i] = x[i, j]


@jit
def invalid(q1, q2, c, slack, floor):
    """Index of the first j where c^2 <= q1 q2 (1 + slack) + floor fails (or anything is NaN), or -1."""
    bad = 0
    for j in range(c.size):
        if not (c[j] * c[j] <= q1[j] * q2[j] * (1.0 + slack) + floor):
            bad += 1
    if bad == 0:
        return -1
    for j in range(c.size):
        if not (c[j] * c[j] <= q1[j] * q2[j] * (1.0 + slack) + floor):
            return j
    return -1
