r"""Sums of Student's t: their law from the characteristic function, and draws from it.

A sum of t's has no closed form. The law of a sum of 2^j terms is inverted
numerically once (Gil-Pelaez), and a sum of any number of terms is drawn as
independent blocks, one for each binary digit of that number.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

LOW, HIGH = 3, 20  # blocks of 2^3 .. 2^20 terms are tabulated; fewer than 8 terms are drawn one by one
POINTS, FINE = 600, 8192
NEGLIGIBLE = 32.0  # what exp(-32) multiplies is left out
TAIL = 3e-4  # where one large term is all there is to the tail


def log_cf(nu: float, t) -> np.ndarray:
    r"""log E exp(itX) = log [K_{nu/2}(a) a^{nu/2} / (Gamma(nu/2) 2^{nu/2 - 1})], a = sqrt(nu) |t|."""
    a, v = np.sqrt(nu) * np.abs(np.asarray(t, float)), nu / 2
    a = np.maximum(a, 1e-12)
    return np.log(special.kve(v, a)) - a + v * np.log(a) - special.gammaln(v) - (v - 1) * np.log(2)


def panels(end: float, width: float, order: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, end]: panels of at most `width`, finer and finer towards 0."""
    count = max(1, int(np.ceil(end / width)))
    first = end / count
    edges = np.concatenate([[0.0], first * 0.5 ** np.arange(24, 0, -1), first * np.arange(1, count + 1)])
    points, weights = np.polynomial.legendre.leggauss(order)
    half = np.diff(edges)[:, None] / 2
    return ((edges[:-1, None] + half) + half * points).ravel(), (half * weights).ravel()


def spread(nu: float, n: int) -> float:
    """s with E exp(i S_n / s) = exp(-1/2): the standard deviation of a normal sum."""
    return brentq(lambda s: -n * float(log_cf(nu, 1 / s)) - 0.5, 1e-3 * n**0.5, 1e4 * n, xtol=1e-12, rtol=1e-12)


@lru_cache(maxsize=32)
def tables(nu: float, reach: float | None = None) -> tuple[tuple[float, np.ndarray, np.ndarray], ...]:
    """For j = LOW .. HIGH: (spread, P(S > x) falling, x / spread rising) of sums of 2^j terms, to x = reach spread."""
    counts = 2.0 ** np.arange(LOW, HIGH + 1)
    spreads = np.array([spread(nu, int(n)) for n in counts])
    reach = reach or (float(np.clip((0.4 / TAIL) ** (1 / nu), 40.0, 300.0)) if nu < 2 else 60.0)
    grid = np.geomspace(1e-2, 1e4, 400)
    alive = counts[0] * -log_cf(nu, grid / spreads[0]) < NEGLIGIBLE
    tau, weights = panels(float(grid[alive].max()) * 1.05, 12.0 / reach)
    x = np.sinh(np.linspace(0, np.arcsinh(reach), POINTS))
    powers = np.exp(counts * log_cf(nu, tau[:, None] / spreads)) * weights[:, None]
    angle = np.outer(x, tau)
    above = 0.5 - np.sin(angle) @ (powers / tau[:, None]) / np.pi
    density = np.cos(angle) @ powers / np.pi
    fine = np.sinh(np.linspace(0, np.arcsinh(reach), FINE))
    made = []
    for j, s in enumerate(spreads):
        survival = CubicHermiteSpline(x, above[:, j], -density[:, j])(fine)
        survival = np.minimum.accumulate(np.maximum(survival, 1e-15))
        last = int(np.argmax(survival < TAIL)) if nu < 2 and (survival < TAIL).any() else FINE
        good = max(2, min(last, int(np.argmax(survival <= 1e-9)) or FINE))
        made.append((float(s), survival[:good], fine[:good]))
    return tuple(made)


def _block(generator: np.random.Generator, nu: float, level: int, size: int) -> np.ndarray:
    """Sums of 2^(LOW + level) terms; beyond the table the tail is that of the largest term."""
    s, survival, x = tables(nu)[level]
    u = generator.random(size) - 0.5
    p = 0.5 - np.abs(u)  # in (0, 1/2]: the probability beyond |S|
    size_of = np.interp(p, survival[::-1], x[::-1])
    far = p < survival[-1]
    if far.any():
        edge = special.stdtr(nu, -x[-1] * s)
        size_of[far] = -special.stdtrit(nu, np.maximum(p[far], 1e-18) / survival[-1] * edge) / s
    return np.where(u < 0, -1.0, 1.0) * size_of * s


def sums(generator: np.random.Generator, counts: np.ndarray, nu: float) -> np.ndarray:
    """One sum of counts[i] terms for every i: a block for each binary digit.

    The distribution function of a block is right to about 1e-6.
    """
    flat = counts.ravel()
    low = flat & (2**LOW - 1)
    owner = np.repeat(np.arange(flat.size), low)
    total = np.bincount(owner, generator.standard_t(nu, owner.size), flat.size).astype(float)
    for level in range(HIGH - LOW + 1):
        hit = np.flatnonzero((flat >> (LOW + level)) & 1)
        if hit.size:
            total[hit] += _block(generator, nu, level, hit.size)
    return total.reshape(counts.shape)
