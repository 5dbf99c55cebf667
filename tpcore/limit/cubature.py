"""Integrals over one to three independent standard Gaussians, many at once.

One variable: adaptive bisection of panels, which finds kinks and jumps that
nobody announced. Two and three: the trapezoid rule for smooth functions, of
which it is the best friend; else nested Gauss-Legendre panels whose ends lie
on the known kinks. A kink is a hyperplane n . z = o; integrating the last
variable out leaves a function that is smooth except where two such
hyperplanes meet, so the kinks of the outer variables come from eliminating
the inner one, and every piece is smooth on the panels it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from tpcore.limit.quadrature import expectation

_EDGE = {1: 12.0, 2: 10.0, 3: 9.0}
_LADDER = {2: [(8, 8), (8, 12), (16, 12), (48, 12)], 3: [(8, 10), (12, 12)]}
_STEPS = {2: [0.5, 0.35, 0.25, 0.17, 0.12, 0.08], 3: [0.7, 0.5, 0.35, 0.25, 0.17]}
_TARGET = {1: 2e-13, 2: 2e-13, 3: 1e-11}
_CELLS = 2**20
_DEPTH = 40

Integrand = Callable[[np.ndarray, np.ndarray], np.ndarray]


def integrate(
    f: Integrand, rank: int, count: int, normals: np.ndarray, offsets: np.ndarray, centres: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """E f_r(z) for r < count, z ~ N(0, I_rank).

    Parameters
    ----------
    f : callable
        ``f(z, requests)``: z of shape (rank, points, R) and the R requests' numbers to values (points, R).
    rank : {1, 2, 3}
    normals, offsets : ndarray
        Shapes (K, count, rank), (K, count): kinks at ``normals . z = offsets``.
    centres : ndarray, shape (count, rank), optional
        Points where f may be singular (the origin by default), for two variables without known kinks.

    Returns
    -------
    values, errors : ndarray, shape (count,)
        The error is the change in the last refinement, plus what the integrand still weighs at the edge.
    """
    if rank == 1:
        return _line(f, count, normals[:, :, 0], offsets)
    if rank == 3 and len(normals):
        return _one_by_one(f, count, normals, offsets)
    values, errors = np.zeros(count), np.full(count, np.inf)
    centres = np.zeros((count, rank)) if centres is None else np.where(np.abs(centres) < _EDGE[rank], centres, 0.0)
    rules: list[Callable] = []
    if not len(normals):
        rules += [lambda requests, h=h: _trapezoid(f, rank, requests, h) for h in _STEPS[rank]]
        rules += [lambda requests, g=g: _polar(f, requests, centres, g) for g in (8, 12)] if rank == 2 else []
    ladder = _LADDER[rank][-2:] if rules else _LADDER[rank]
    rules += [lambda requests, g=g: _nested(f, rank, requests, normals, offsets, *g) for g in ladder]
    waiting, before = np.arange(count), None
    for rule in rules:
        found, sizes, edges = rule(waiting)
        gap = np.full(len(waiting), np.inf) if before is None else np.abs(found - before)
        better = gap + edges <= errors[waiting]
        values[waiting[better]], errors[waiting[better]] = found[better], (gap + edges)[better]
        left = ~(gap + edges <= _TARGET[rank] * sizes)
        waiting, before = waiting[left], found[left]
        if not len(waiting):
            break
    return values, errors


def few(f: Integrand, rank: int, count: int) -> np.ndarray:
    """E f_r(z) by a few points: an order of magnitude."""
    return _trapezoid(f, rank, np.arange(count), 1.25)[0]


def _one_by_one(f: Integrand, count: int, normals, offsets) -> tuple[np.ndarray, np.ndarray]:
    """Three variables with kinks: the iterated integral of `tpcore.limit.quadrature`, request by request."""
    values, errors = np.empty(count), np.empty(count)
    for r in range(count):
        owner = np.full(1, r)
        found = expectation(
            lambda points, owner=owner: f(points.T[:, :, None], owner)[:, 0],
            np.zeros(3),
            np.eye(3),
            [(n[r], o[r]) for n, o in zip(normals, offsets, strict=True) if np.isfinite(o[r]) and np.any(n[r])],
        )
        values[r], errors[r] = found.value, found.error
    return values, errors


def _trapezoid(f: Integrand, rank: int, requests: np.ndarray, h: float):
    """Equispaced points: integrals of f, of |f|, and the weight at the edge."""
    edge = _EDGE[rank]
    line = np.arange(-int(edge / h), int(edge / h) + 1) * h
    z = np.array(np.meshgrid(*[line] * rank, indexing="ij")).reshape(rank, -1)
    weights = np.prod(_weight(z) * h, axis=0)
    keep = weights > 1e-30
    z, weights = z[:, keep], weights[keep]
    rim = np.abs(z).max(axis=0) > edge - 1.5 * h
    value, size, border = (np.empty(len(requests)) for _ in range(3))
    step = max(1, _CELLS // z.shape[1])
    for start in range(0, len(requests), step):
        part = slice(start, start + step)
        count = len(requests[part])
        g = f(np.broadcast_to(z[:, :, None], (*z.shape, count)), requests[part])
        value[part], size[part] = weights @ g, weights @ np.abs(g)
        border[part] = weights[rim] @ np.abs(g[rim])
    return value, size, border


def _weight(z: np.ndarray) -> np.ndarray:
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def _line(f: Integrand, count: int, slopes, offsets) -> tuple[np.ndarray, np.ndarray]:
    """One variable."""
    edge = _EDGE[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        kinks = np.where(slopes != 0, offsets / slopes, edge)
    cuts = np.broadcast_to(np.linspace(-edge, edge, 17), (count, 17))
    cuts = np.sort(np.concatenate([cuts, np.clip(kinks, -edge, edge).T.reshape(count, -1)], axis=1), axis=1)
    weighted = lambda z, owner: f(z[None], owner) * _weight(z)  # noqa: E731
    values, errors, _, rim = _adaptive(weighted, cuts)
    return values, errors + rim


def _polar(f: Integrand, requests: np.ndarray, centres: np.ndarray, nodes: int):
    """Two variables as radius and angle, for functions that are not smooth at a point or on rays from it."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    values, sizes, errors = (np.empty(len(requests)) for _ in range(3))
    cuts = np.linspace(0.1, 0.1 + 2 * np.pi, 9)
    for k, request in enumerate(requests):
        owner, centre = np.full(1, request), centres[request]
        half = (_EDGE[2] + np.hypot(*centre)) / 16
        r = (np.arange(1, 16, 2)[:, None] * half + half * x).ravel()
        weight = np.tile(w * half, 8) * r

        def ring(angle, _, owner=owner, centre=centre, r=r, weight=weight):
            flat = angle.reshape(-1)[:, None]
            z = np.stack([centre[0] + np.cos(flat) * r, centre[1] + np.sin(flat) * r])
            values = f(z.reshape(2, -1, 1), owner).reshape(z.shape[1:]) * _weight(z[0]) * _weight(z[1])
            return (values @ weight).reshape(angle.shape)

        value, error, size, _ = _adaptive(ring, cuts[None])
        values[k], errors[k], sizes[k] = value[0], error[0], size[0]
    return values, sizes, errors


def _adaptive(g: Callable, cuts: np.ndarray):
    """Integrals of g(x, owner) over the panels of each row of `cuts`, halved where two rules differ.

    Returns values, errors, integrals of |g|, and |g| near the outermost ends.
    """
    count = len(cuts)
    owner = np.repeat(np.arange(count), cuts.shape[1] - 1)
    low, high = cuts[:, :-1].ravel(), cuts[:, 1:].ravel()
    keep = high > low
    owner, low, high = owner[keep], low[keep], high[keep]
    values, errors = np.zeros(count), np.zeros(count)
    whole, _, rim = _panels(g, owner, low, high)
    outermost = (low <= cuts[owner, 0]) | (high >= cuts[owner, -1])
    rims = np.bincount(owner[outermost], rim[outermost], count)
    sizes = None
    for depth in range(_DEPTH):
        middle = (low + high) / 2
        left, left_size, _ = _panels(g, owner, low, middle)
        right, right_size, _ = _panels(g, owner, middle, high)
        if sizes is None:
            sizes = np.bincount(owner, left_size + right_size, count)
        gap = np.abs(left + right - whole)
        hopeless = ~np.isfinite(gap) | ~np.isfinite(sizes[owner])
        done = (gap <= 0.05 * _TARGET[1] * sizes[owner]) | hopeless | (depth == _DEPTH - 1)
        values += np.bincount(owner[done], (left + right)[done], count)
        errors += np.bincount(owner[done], gap[done], count)
        more = ~done
        if not more.any():
            break
        owner = np.concatenate([owner[more]] * 2)
        low, high = np.concatenate([low[more], middle[more]]), np.concatenate([middle[more], high[more]])
        whole = np.concatenate([left[more], right[more]])
    return values, errors, sizes, rims


def _panels(g: Callable, owner, low, high) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sixteen-point Gauss-Legendre on each panel: integrals of g and of |g|, and |g| at the outer points."""
    x, w = np.polynomial.legendre.leggauss(16)
    value, size, rim = (np.empty(len(owner)) for _ in range(3))
    step = max(1, _CELLS // 16)
    for start in range(0, len(owner), step):
        part = slice(start, start + step)
        half, centre = (high[part] - low[part]) / 2, (high[part] + low[part]) / 2
        at = g(centre + half * x[:, None], owner[part])
        terms = at * (w[:, None] * half)
        value[part], size[part] = terms.sum(axis=0), np.abs(terms).sum(axis=0)
        rim[part] = np.abs(at[[0, -1]]).max(axis=0) if len(at) else 0.0
    return value, size, rim


def _eliminated(normals: np.ndarray, offsets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kinks for each number of variables: entry d - 1 holds those of the first d variables."""
    levels = [(normals, offsets)]
    while levels[0][0].shape[2] > 1:
        n, o = levels[0]
        if not len(n):
            levels.insert(0, (n[:, :, :-1], o))
            continue
        last = n[:, :, -1:]
        flat = np.abs(last) < 1e-14 * np.abs(n).max(axis=2, keepdims=True)
        outer_n = [np.where(flat, n, 0.0)[:, :, :-1]]
        outer_o = [np.where(flat[:, :, 0], o, 0.0)]
        for i, j in combinations(range(len(n)), 2):
            outer_n.append((last[j] * n[i] - last[i] * n[j])[None, :, :-1])
            outer_o.append((last[j, :, 0] * o[i] - last[i, :, 0] * o[j])[None])
        levels.insert(0, (np.concatenate(outer_n), np.concatenate(outer_o)))
    return levels


def _nested(f, rank, requests, normals, offsets, panels, nodes):
    """One nested rule for some requests: integrals of f, of |f|, and the weight at the edge."""
    edge = _EDGE[rank]
    with np.errstate(invalid="ignore"):
        kept = _distinct(_eliminated(normals[:, requests], offsets[:, requests]))
    per_request = np.prod([(panels + len(n)) * nodes for n, _ in kept], dtype=float)
    step = max(1, int(_CELLS // per_request))
    value, size, border = (np.empty(len(requests)) for _ in range(3))
    for start in range(0, len(requests), step):
        part = slice(start, start + step)
        z, weights = _nodes(kept, part, len(requests[part]), edge, panels, nodes)
        g = f(z, requests[part]) * weights
        value[part], size[part] = g.sum(axis=0), np.abs(g).sum(axis=0)
        rim = np.abs(z).max(axis=0) > edge - 0.25
        border[part] = np.where(rim, np.abs(g), 0.0).sum(axis=0)
    return value, size, border


def _distinct(levels):
    """Kinks that vanish in every request or repeat an earlier one left out: each costs panels."""
    result = []
    for n, o in levels:
        chosen: list[int] = []
        scale = np.sqrt((n * n).sum(axis=2))
        for k in range(len(n)):
            if not np.any(scale[k] > 0):
                continue
            again = any(
                np.allclose(scale[j][:, None] * n[k], s * scale[k][:, None] * n[j], rtol=0, atol=1e-12)
                and np.allclose(scale[j] * o[k], s * scale[k] * o[j], rtol=0, atol=1e-12)
                for j in chosen
                for s in (1, -1)
            )
            if not again:
                chosen.append(k)
        result.append((n[chosen], o[chosen]))
    return result


def _nodes(levels, part, count, edge, panels, nodes) -> tuple[np.ndarray, np.ndarray]:
    """Points (rank, points, count) and weights (points, count), Gaussian density included."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    z, weights = np.zeros((0, 1, count)), np.ones((1, count))
    for n, o in levels:
        n, o = n[:, part], o[:, part]
        points = z.shape[1]
        base = np.linspace(-edge, edge, panels + 1)[:, None, None]
        cuts = [np.broadcast_to(base, (panels + 1, points, count))]
        if len(n):
            inner = n[:, :, -1]
            rest = o[:, None] - np.einsum("krd,dpr->kpr", n[:, :, :-1], z)
            with np.errstate(divide="ignore", invalid="ignore"):
                cut = np.where(inner[:, None] != 0, rest / inner[:, None], edge)
            cuts.append(np.clip(np.nan_to_num(cut, nan=edge), -edge, edge))
        cuts = np.sort(np.concatenate(cuts), axis=0)
        half, centre = (cuts[1:] - cuts[:-1]) / 2, (cuts[1:] + cuts[:-1]) / 2
        new = (centre[:, None] + half[:, None] * x[:, None, None]).reshape(-1, points, count)
        more = (half[:, None] * w[:, None, None]).reshape(-1, points, count) * _weight(new)
        total = len(new) * points
        old = np.broadcast_to(z[:, None], (len(z), len(new), points, count)).reshape(len(z), total, count)
        z = np.concatenate([old, new.reshape(1, total, count)])
        weights = (weights[None] * more).reshape(total, count)
    return z, weights
