"""E f(u) g(v) for very many pairs by interpolation of quadrature.

As a function of the standard deviations s1, s2 and of the angle t = arccos rho
the expectation is smooth even for kinks at 0, so a Chebyshev interpolant in
(s1, s2, t) needs few quadratures and serves any number of pairs. Whether it
does is not assumed: it is compared with quadrature at pairs of the actual data,
the extreme ones among them, refined, and given up where that does not help. The
last refinement may keep 1e-8; the error says so.
"""

from __future__ import annotations

import numpy as np

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.jitted import chebyshev
from tpcore.limit import bivariate

GOOD = 3e-12
ENOUGH = 1e-8
CHECKS = 48
MOST_NODES = 60_000


def flat(f, g, q1, q2, c, kinks_f, kinks_g) -> tuple[np.ndarray, np.ndarray] | None:
    """(values, errors) for centred pairs, 1-D arrays of equal length; None where a table does not pay or not hold."""
    live = (q1 > 0) & (q2 > 0)
    if not live.any():
        return None
    problem = bivariate.Pairs(f, g, q1, q2, c, 0 * c, 0 * c, kinks_f, kinks_g)
    found = _interpolated(problem.take(live))
    if found is None or live.all():
        return found
    value, error = np.empty(c.size), np.empty(c.size)
    value[live], error[live] = found
    value[~live], error[~live] = bivariate.integrate(problem.take(~live))
    return value, error


def _interpolated(problem: bivariate.Pairs) -> tuple[np.ndarray, np.ndarray] | None:
    """What is tabulated is E f g / sqrt(E f^2 E g^2), so that small variances keep their digits."""
    f, g = problem.f, problem.g
    s1, s2, angle = _coordinates(problem)
    ranges = [(float(x.min()), float(x.max())) for x in (s1, s2, angle)]
    if f == g:
        ranges[0] = ranges[1] = (min(r[0] for r in ranges[:2]), max(r[1] for r in ranges[:2]))
    sample = _sample(s1, s2, angle)
    exact, slip = bivariate.integrate(problem.take(sample))
    scale = _sizes(f, s1) * _sizes(g, s2) + 1e-300
    for level in (0, 1, 2):
        counts = [_degree(*ranges[k], level) for k in (0, 1)] + [(24, 40, 64)[level]]
        if np.prod(counts) / (2 if f == g else 1) > min(MOST_NODES, 0.7 * s1.size):
            return None
        nodes = [_points(*r, n) for r, n in zip(ranges, counts, strict=True)]
        coefficients = _coefficients(_tabulate(problem, nodes))
        found = _evaluate(coefficients, ranges, s1[sample], s2[sample], angle[sample])
        worst = float(np.max(np.abs(found - exact / scale[sample])))
        if worst < (GOOD if level < 2 else ENOUGH):
            value = _evaluate(coefficients, ranges, s1, s2, angle) * scale
            return value, (4 * worst + 1e-14 + float(np.max(slip / scale[sample]))) * scale
    return None


def _sizes(f, s: np.ndarray) -> np.ndarray:
    distinct, where = np.unique(s, return_inverse=True)
    return bivariate.size(f, distinct)[where]


def _coordinates(problem: bivariate.Pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard deviations and the angle t in [0, pi], accurate near 0 and pi."""
    t = 2 * np.arcsin(problem.sin)
    return np.sqrt(problem.q1), np.sqrt(problem.q2), np.where(problem.sign > 0, t, np.pi - t)


def _sample(s1, s2, angle) -> np.ndarray:
    rng = np.random.default_rng(0)
    ends = [int(pick(x)) for x in (s1, s2, angle, s1 / s2.clip(1e-300), s1 * s2) for pick in (np.argmin, np.argmax)]
    return np.unique(np.concatenate([ends, rng.integers(0, len(s1), CHECKS)]))


def _degree(low: float, high: float, level: int) -> int:
    """Nodes for a range of standard deviations: one if it is a point up to rounding."""
    spread = (high - low) / high if high > 0 else 0.0
    for limit, count in ((2e-15, 1), (1e-9, 2), (1e-4, 4), (0.02, 6), (0.2, 9), (0.5, 12)):
        if spread <= limit:
            return count + 3 * level * (count > 1)
    return (16, 24, 32)[level]


def _points(low: float, high: float, n: int) -> np.ndarray:
    """Chebyshev points of [low, high]."""
    x = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    return (low + high) / 2 + (high - low) / 2 * x


def _tabulate(problem: bivariate.Pairs, nodes: list) -> np.ndarray:
    f, g = problem.f, problem.g
    shape = tuple(map(len, nodes))
    i, j, k = (m.ravel() for m in np.meshgrid(*map(np.arange, shape), indexing="ij"))
    mirrored = f == g and np.array_equal(nodes[0], nodes[1])
    half = j >= i if mirrored else np.ones(i.size, bool)
    i, j, k = i[half], j[half], k[half]
    a, b, t = nodes[0][i], nodes[1][j], nodes[2][k]
    zero = np.zeros(a.size)
    pairs = bivariate.Pairs(f, g, a * a, b * b, a * b * np.cos(t), zero, zero, *problem.kinks)
    sign = np.where(t <= np.pi / 2, 1.0, -1.0)
    t = np.where(sign > 0, t, np.pi - t) / 2
    pairs.cos, pairs.sin, pairs.sign = np.cos(t), np.sin(t), sign
    out = np.empty(shape)
    sizes = [bivariate.size(h, x) + 1e-300 for h, x in ((f, nodes[0]), (g, nodes[1]))]
    out[i, j, k] = bivariate.integrate(pairs, check=False)[0] / (sizes[0][i] * sizes[1][j])
    if mirrored:
        out[j, i, k] = out[i, j, k]
    return out


def _coefficients(values: np.ndarray) -> np.ndarray:
    """Chebyshev coefficients of a tensor of values, axis by axis."""
    for axis, n in enumerate(values.shape):
        k, m = np.arange(n)[:, None], np.arange(n)[None, :]
        matrix = np.cos(np.pi * k * (m + 0.5) / n) * (2.0 - (k == 0)) / n
        values = np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)
    return np.ascontiguousarray(values)


def _evaluate(coefficients, ranges, s1, s2, angle) -> np.ndarray:
    x = [np.clip(_scaled(v, r), -1.0, 1.0) for v, r in zip((s1, s2, angle), ranges, strict=True)]
    first, where = np.unique(x[0], return_inverse=True)
    polynomials = np.cos(np.arange(coefficients.shape[0])[None, :] * np.arccos(first)[:, None])
    rows = np.tensordot(polynomials, coefficients, 1)
    rows = np.ascontiguousarray(rows.transpose(0, 2, 1))
    out = np.empty(s1.size)
    map_tiles(lambda s: chebyshev.evaluate(rows, where[s], x[1][s], x[2][s], out[s]), row_tiles(s1.size, 16384))
    return out


def _scaled(v: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    return (2 * v - low - high) / (high - low) if high > low else np.zeros_like(v)
