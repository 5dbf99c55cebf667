"""Hermite series of functions with kinks, for pairs whose correlation is not close to +-1.

E f(u) g(v) = sum_k a_k(q1) b_k(q2) rho^k. The coefficients of a function with kinks fall slowly, but rho^k does not:
with |rho| <= 0.9 what is left after 320 terms is below 1e-14 of sqrt(E f^2 E g^2), whatever the functions; larger
correlations take more terms, and are left to quadrature beyond 0.988. The coefficients come from Gauss-Legendre rules
on the pieces between the kinks; a coarser rule tells their error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.limit import series
from tpcore.limit.bivariate import pieces

LEVELS = ((0.9, 320, 220), (0.97, 1060, 380), (0.988, 2700, 600))  # largest |rho|, terms, nodes on a piece
MOST = 0.95  # of the pairs, after which a longer series does not pay
REACH = 12.0
ENOUGH = 1e-10
ROWS = 32


def flat(f: Callable, g: Callable, q1, q2, c, kinks_f, kinks_g) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(which, values, errors) of the centred pairs that are not nearly dependent; None where the rule is too coarse."""
    with np.errstate(all="ignore"):
        rho = c / np.sqrt(q1 * q2)
    level = _level(np.abs(rho), np.any(kinks_f) or np.any(kinks_g))
    which = np.flatnonzero(np.abs(rho) <= level[0])
    if not which.size:
        return None
    variances, index = np.unique(np.concatenate([q1[which], q2[which]]), return_inverse=True)
    left = expand(f, variances, kinks_f, level)
    right = left if g == f else expand(g, variances, kinks_g, level)
    if left is None or right is None:
        return None
    i1, i2 = index[: which.size], index[which.size :]
    value = series.flat(left, right, i1, i2, rho[which])
    size = np.sqrt(left.energy[i1] * right.energy[i2])
    return which, value, (left.residual + right.residual + 1e-14) * size


def _level(rho: np.ndarray, apart: bool) -> tuple[float, int, int]:
    """The shortest series that serves nearly all pairs; kinks off 0 need a rule for every variance, which costs."""
    levels = LEVELS[:2] if apart else LEVELS
    wanted = MOST * np.count_nonzero(rho < 1 - 1e-12)
    return next((level for level in levels if np.count_nonzero(rho <= level[0]) >= wanted), levels[-1])


def expand(f: Callable, q: np.ndarray, kinks, level: tuple = LEVELS[0]) -> series.Series | None:
    """The first coefficients at the variances q > 0, or None where two rules differ by more than 1e-10."""
    s, kinks = np.sqrt(q), np.asarray(kinks, float)
    _, terms, nodes = level
    hardest = np.unique([int(np.argmin(s)), int(np.argmax(s)), s.size // 2])
    fine, energy = _coefficients(f, s[hardest], kinks, terms, nodes)
    coarse, _ = _coefficients(f, s[hardest], kinks, terms, round(0.8 * nodes))
    with np.errstate(all="ignore"):
        gap = float(np.max(np.sqrt(((fine - coarse) ** 2).sum(axis=0) / (energy + 1e-300))))
    if not gap < ENOUGH:
        return None
    parts = map_tiles(lambda rows: _coefficients(f, s[rows], kinks, terms, nodes), row_tiles(s.size, ROWS))
    a, energy = np.concatenate([a for a, _ in parts], axis=1), np.concatenate([e for _, e in parts])
    return series.Series(np.ascontiguousarray(a[0::2]), np.ascontiguousarray(a[1::2]), gap, energy)


def _coefficients(
    f: Callable, s: np.ndarray, kinks: np.ndarray, terms: int, nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """(terms, N) coefficients a_k = E f(s x) h_k(x), h_k = He_k / sqrt(k!), and E f(s x)^2."""
    shared = not kinks.any()
    breaks = np.zeros((1, kinks.size)) if shared else kinks / s[:, None]
    x, w = pieces(breaks, REACH, nodes)
    with np.errstate(all="ignore"):
        values = f(s[:, None] * x)
    damping = np.exp(-x * x / 4)
    weighted = values * (w / damping)
    before, here = np.zeros_like(x), damping
    a = np.empty((terms, s.size))
    for k in range(terms):
        a[k] = (weighted @ here[0]) if shared else np.einsum("np,np->n", weighted, here)
        before, here = here, (x * here - np.sqrt(k) * before) / np.sqrt(k + 1)
    return a, (values * values * w).sum(axis=1)
