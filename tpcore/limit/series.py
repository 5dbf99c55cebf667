"""Hermite series of a smooth activation, one set of coefficients a variance.

phi(sqrt(q) x) = sum_k a_k(q) h_k(x), h_k = He_k / sqrt(k!), so that
E phi(u) phi(v) = sum_k a_k(q1) a_k(q2) rho^k. The coefficients come from the
equispaced trapezoid rule, which converges exponentially for a smooth phi
(halving the step squares the error: two steps must agree to 3e-8);
even and odd parts are projected apart, so that a vanishing part vanishes
exactly. Truncation is certified by Parseval: E phi^2 - sum a_k^2 bounds what
is left at rho = +-1. Very steep functions (tanh at variances above 50) keep
up to 1e-6 of it, and their `residual` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.jitted import series as jitted

REACH = 13.0
LADDER = ((0.25, 160), (0.125, 160), (0.125, 640), (0.0625, 640), (0.0625, 2560), (0.03125, 2560), (0.015625, 7680))
LOOSE = 1e-6
SETTLED = 3e-8
GOOD = 3e-14
TAIL = 1e-15
ASIDE = 0.7861


@dataclass(frozen=True, eq=False)
class Series:
    """Coefficients of even and odd degree, (K, N) each, and the relative error of a variance's E phi^2."""

    even: np.ndarray
    odd: np.ndarray
    residual: float
    energy: np.ndarray


@lru_cache(maxsize=8)
def _basis(step: float, degrees: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nodes x > 0 at (m + 1/2) step, the matrices w h_k(x) for even and odd k (nodes, K/2), and the weights of E."""
    x = (np.arange(int(REACH / step)) + 0.5) * step
    weight = step * np.sqrt(2 / np.pi) * np.exp(-x * x / 4)
    rows = np.empty((degrees, x.size))
    rows[0] = np.exp(-x * x / 4)
    rows[1] = x * rows[0]
    for k in range(1, degrees - 1):
        rows[k + 1] = (x * rows[k] - np.sqrt(k) * rows[k - 1]) / np.sqrt(k + 1)
    rows *= weight
    return x, np.ascontiguousarray(rows[0::2].T), np.ascontiguousarray(rows[1::2].T), weight * np.exp(-x * x / 4)


def _parts(f: Callable, s: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z = s[:, None] * x
    with np.errstate(all="ignore"):
        plus, minus = f(z), f(-z)
        return (plus + minus) / 2, (plus - minus) / 2


def _project(f: Callable, s: np.ndarray, step: float, degrees: int, keep: tuple[int, int]):
    x, even_basis, odd_basis, weight = _basis(step, degrees)
    even, odd = _parts(f, s, x)
    energy = (even * even + odd * odd) @ weight
    a, b = even @ even_basis[:, : keep[0]], odd @ odd_basis[:, : keep[1]]
    return a, b, energy, energy - (a * a).sum(1) - (b * b).sum(1)


def _seen(f: Callable, s: np.ndarray, step: float, energy: np.ndarray) -> bool:
    """Whether nodes that no halving meets find the same E f^2: an oscillation of the steps' common period is no law."""
    x, _, _, weight = _basis(ASIDE * step, 4)
    even, odd = _parts(f, s, x)
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs((even * even + odd * odd) @ weight - energy) <= 1e-6 * energy))


def _length(a: np.ndarray, energy: np.ndarray) -> int:
    """How many coefficients leave less than TAIL of the energy in every row."""
    tail = np.cumsum((a * a)[:, ::-1], axis=1)[:, ::-1] > TAIL * energy[:, None]
    return int(tail.sum(1).max(initial=0))


@lru_cache(maxsize=256)
def _plan(f: Callable, low: float, high: float) -> tuple[float, int, int, int] | None:
    """(step, degrees, even terms, odd terms) for standard deviations within [low, high], or None: no fast series."""
    s = np.unique([low, (low * high) ** 0.5, high])
    seen: dict[float, np.ndarray] = {}
    for rung, (step, degrees) in enumerate(LADDER):
        with np.errstate(all="ignore"):
            a, b, energy, rest = _project(f, s, step, degrees, (degrees // 2, degrees // 2))
        if not (np.isfinite(energy).all() and np.isfinite(rest).all()):
            return None
        now = np.hstack([a[:, :40], b[:, :40], energy[:, None] ** 0.5])
        scale = np.sqrt(energy)[:, None] + 1e-300
        coarser = seen.get(2 * step)
        settled = coarser is not None and np.max(np.abs(now - coarser) / scale) < SETTLED
        left = float(np.max(np.abs(rest) / (energy + 1e-300)))
        last = rung == len(LADDER) - 1
        if settled and left < (LOOSE if last else GOOD):
            if not _seen(f, s, step, energy):
                return None
            return step, degrees, _length(a, energy), _length(b, energy)
        if rung == len(LADDER) - 2 and left > 1e-4:
            return None
        seen[step] = now
    return None


def expand(f: Callable, q: np.ndarray) -> Series | None:
    """Series of f at the variances q (N,), or None where it converges too slowly or not at all.

    `f` must be the same object from call to call for its plan to be remembered.
    """
    s = np.sqrt(q)
    top = float(s.max(initial=0.0))
    rounded = [_round_out(x, up) for x, up in ((float(s.min(initial=top)), False), (top, True))]
    plan = _plan(f, *rounded)
    if plan is None:
        return None
    step, degrees, n_even, n_odd = plan
    tiles = map_tiles(lambda rows: _project(f, s[rows], step, degrees, (n_even, n_odd)), row_tiles(s.size, 512))
    a, b, energy, rest = (np.concatenate(parts) for parts in zip(*tiles, strict=True))
    residual = float(np.max(np.abs(rest) / (energy + 1e-300), initial=0.0))
    if not residual < 10 * LOOSE:
        return None
    return Series(np.ascontiguousarray(a.T), np.ascontiguousarray(b.T), residual, energy)


def _round_out(x: float, up: bool) -> float:
    """x to two digits outward: plans are shared between nearby ranges."""
    if x <= 1e-8:
        return 1e-8
    unit = 10.0 ** (np.floor(np.log10(x)) - 1)
    return float((np.ceil(x / unit - 1e-9) if up else np.floor(x / unit + 1e-9)) * unit)


def gram(series: Series, r: np.ndarray, sigma: np.ndarray, bound: float = 1.0) -> np.ndarray:
    """sum_k a_k(i) a_k(j) (sigma_ij r_i r_j)^k, (N, N)."""
    out = np.empty(sigma.shape)
    map_tiles(
        lambda rows: jitted.band(series.even, series.odd, r, sigma, bound, rows.start, rows.stop, out),
        row_tiles(r.size, 32),
    )
    return out


def flat(left: Series, right: Series, i1: np.ndarray, i2: np.ndarray, x: np.ndarray) -> np.ndarray:
    """sum_k a_k(i1_j) b_k(i2_j) x_j^k for pairs j; the shorter series ends the sum."""
    e, o = (min(len(a), len(b)) for a, b in ((left.even, right.even), (left.odd, right.odd)))
    rows = [np.ascontiguousarray(part.T) for part in (left.even[:e], left.odd[:o], right.even[:e], right.odd[:o])]
    out = np.empty(x.size)
    map_tiles(lambda s: jitted.flat(*rows, i1[s], i2[s], x[s], out[s]), row_tiles(x.size))
    return out
