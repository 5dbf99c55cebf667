"""Gaussian expectations of 1 / (u - phi'(h)^2) for u next to the real line: h on a path where phi'(h)^2 lies below it.

The path leaves the real line between the points where phi'^2 turns (and the kinks of phi), by as much as `HEIGHT`, to
the side where Im phi'^2 < 0. phi' off the line is the Chebyshev series of phi' on each leg.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev
from scipy import optimize

from tpcore.spectra.laws import scales
from tpcore.spectra.laws.scales import LEG

FIT, NODES, HEIGHT, SLOPE, TURN = 24, 14, 0.12, 0.5, 0.7
GRADED = np.array([0.01, 0.03, 0.08, 0.2])
TO_ZERO = 10.0 ** np.arange(-11, -2)


def turning_points(slope: Callable, low: float, high: float, step: float) -> np.ndarray:
    """Where slope(g)^2 has a local extremum strictly between `low` and `high`, and the slope is not flat.

    `step`: how fast it may change around 0, as in `tpcore.spectra.laws.scales`.
    """
    edges = scales.edges(low, high, step)
    series = _fits(slope, edges)
    found, grid = [], np.linspace(-1.02, 1.02, 42)
    values = chebyshev.chebval(grid, series.T)
    derivative = chebyshev.chebder(series, axis=1)
    rates = chebyshev.chebval(grid, derivative.T)
    flat = 1e-9 * np.abs(rates).max()
    for j, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        for function, row in ((series[j], values[j]), (derivative[j], rates[j])):
            for k in np.flatnonzero((np.sign(row[:-1]) != np.sign(row[1:])) & (np.abs(rates[j]).max() > flat)):
                at = _zero(function, *grid[k : k + 2])
                found.append(a + (at + 1) / 2 * (b - a))
    points = np.sort(np.array(found))
    points = points[(points > low + 1e-9) & (points < high - 1e-9)]
    return points[np.append(True, np.diff(points) > 1e-6)] if points.size else points


def _zero(series: np.ndarray, left: float, right: float) -> float:
    """Where a Chebyshev series changes its sign."""
    value = lambda x: chebyshev.chebval(x, series)  # noqa: E731
    ends = np.sign([value(left), value(right)])
    if ends[0] * ends[1] > 0:  # rounding: one of them is the zero
        return min(left, right, key=lambda x: abs(value(x)))
    return optimize.brentq(value, left, right, xtol=1e-15)


def nodes_below(slope: Callable, low: float, high: float, turns: np.ndarray, step: float
                ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """phi'^2 and Gaussian weights, both complex, along the path from `low` to `high` over the turning points."""
    ends = np.concatenate([[low], turns, [high]])
    squared = slope(ends) ** 2
    zero = squared < 1e-12 * squared.max()
    legs = [_leg_ends(*ends[j : j + 2], *zero[j : j + 2]) for j in range(ends.size - 1)]
    x, weight = np.polynomial.legendre.leggauss(NODES)
    places, masses = [], []
    for number, edges in enumerate(legs):
        coarse, edges = edges, scales.split(slope, np.union1d(edges, scales.marks(*edges[[0, -1]], step)))
        series = _fits(slope, edges)
        side = -1.0 if squared[number + 1] > squared[number] else 1.0
        reach = np.minimum(np.minimum(edges - edges[0], edges[-1] - edges), _near(coarse, edges))
        height = np.minimum(SLOPE * reach, _steepest(series, edges))
        corners = edges + 1j * side * height
        half = np.diff(corners) / 2
        g = corners[:-1, None] + half[:, None] * (1 + x)
        local = (2 * g - edges[:-1, None] - edges[1:, None]) / np.diff(edges)[:, None]
        value = chebyshev.chebval(local.T, series.T[:, None], tensor=False).T
        places.append((value * value).ravel())
        masses.append((half[:, None] * weight * np.exp(-g * g / 2) / np.sqrt(2 * np.pi)).ravel())
    return np.concatenate(places), np.concatenate(masses)


def _near(coarse: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """At each end of a leg, the shorter of the legs beside it that are not in `coarse`."""
    fresh = ~np.isin(edges, coarse)
    lengths = np.where(fresh[1:] | fresh[:-1], np.diff(edges), np.inf)
    return np.minimum(np.append(lengths, np.inf), np.append(np.inf, lengths))


def _steepest(series: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """At each end of a leg, the height at which arg phi'^2 is TURN, at most HEIGHT."""
    signs = (-1.0) ** np.arange(FIT)
    rates = chebyshev.chebder(series, axis=1) * (2 / np.diff(edges))[:, None]
    value = np.append(series @ signs, series[-1].sum())
    rate = np.append(rates @ signs[:-1], rates[-1].sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = TURN / 2 * np.abs(value / rate)
    return np.minimum(HEIGHT, np.nan_to_num(limit, nan=0.0, posinf=HEIGHT))


def _leg_ends(low: float, high: float, zero_low: bool, zero_high: bool) -> np.ndarray:
    """Ends of the legs between two turning points: short ones at both, and shorter ones where phi' is 0."""
    length = high - low
    graded = GRADED[GRADED < length / 4]
    inner = (low + graded[-1], high - graded[-1]) if graded.size else (low, high)
    count = max(1, int(np.ceil((inner[1] - inner[0]) / LEG)))
    fine = TO_ZERO[TO_ZERO < length / 4]
    return np.unique(np.concatenate([
        [low], low + fine[: fine.size * zero_low], low + graded, np.linspace(*inner, count + 1), high - graded,
        high - fine[: fine.size * zero_high], [high],
    ]))  # fmt: skip


def _fits(slope: Callable, edges: np.ndarray) -> np.ndarray:
    """Chebyshev coefficients of the slope on each interval between `edges`, what is rounding set to 0."""
    angle = np.pi * (np.arange(FIT) + 0.5) / FIT
    x = (edges[:-1, None] + edges[1:, None]) / 2 + np.diff(edges)[:, None] / 2 * np.cos(angle)
    values = np.asarray(slope(x.ravel()), float).reshape(x.shape)
    series = values @ np.cos(angle[:, None] * np.arange(FIT)) * (2 / FIT)
    series[:, 0] /= 2
    series[np.abs(series) < 3e-15 * np.abs(series).max(axis=1, keepdims=True)] = 0
    return series
