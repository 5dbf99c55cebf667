"""Integrals over one to three independent standard Gaussians, many at once.

One variable: adaptive bisection of panels, which finds kinks and jumps that
nobody announced. Two and three: the trapezoid rule for smooth functions, of
which it is the best friend; else nested Gauss-Legendre panels whose ends lie
on the known kinks. A kink is a hyperplane n . z = o; integrating the last
variable out leaves a function that is smooth except where two such
hyperplanes meet, so the kinks of the outer variables come from eliminating
the inner one, and every piece is smooth on the panels it is given. What these
do not settle has kinks of its own: `tpcore.limit.adaptive`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np

from tpcore.limit.adaptive import adaptive, plane, planes, weight
from tpcore.limit.quadrature import expectation

_EDGE = {1: 12.0, 2: 10.0, 3: 9.0}
_LADDER = [(8, 8), (8, 12), (16, 12), (48, 12)]
_STEPS = {2: [0.5, 0.35, 0.25, 0.17, 0.12, 0.08], 3: [0.7, 0.5, 0.35, 0.25, 0.17]}
_TARGET = {1: 2e-13, 2: 2e-13, 3: 1e-11}
_ROUGH = {2: 7e5, 3: 3.5e6}  # points that kinks take that are not known
_CELLS = 2**20

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
        The error is the change in the last refinement, plus what the integrand still weighs at the edge; where kinks
        are not known, that of `tpcore.limit.adaptive`.
    """
    if rank == 1:
        return _line(f, count, normals[:, :, 0], offsets)
    if rank == 3 and len(normals):
        return _one_by_one(f, count, normals, offsets)
    if len(normals):
        rules = [lambda requests, g=g: _nested(f, rank, requests, normals, offsets, *g) for g in _LADDER]
        values, errors, sizes, rough = _climb(rules, count, _TARGET[rank], [])
    else:
        rules = [lambda requests, h=h: _trapezoid(f, rank, requests, h) for h in _STEPS[rank]]
        values, errors, sizes, rough = _climb(rules, count, _TARGET[rank], _STEPS[rank])
    if rank == 2 and len(rough) and not len(normals):
        centres = np.zeros((count, 2)) if centres is None else np.where(np.abs(centres) < _EDGE[2], centres, 0.0)
        values[rough], errors[rough] = _polar(f, rough, centres[rough])
        rough = rough[~(errors[rough] <= _TARGET[2] * sizes[rough])]
    if len(rough):
        values[rough], errors[rough] = (plane if rank == 2 else planes)(f, rough, sizes[rough])
    return values, errors


def _climb(rules: list[Callable], count: int, target: float, steps: list[float]):
    """Finer and finer rules until two agree: values, errors, integrals of |f|, and the requests that do not settle.

    With `steps`, those of the trapezoid rule, a request is given up once its gaps do not fall as they do for smooth
    functions, exp(-const / step).
    """
    values, errors, sizes = np.zeros(count), np.full(count, np.inf), np.ones(count)
    waiting, before, given_up = np.arange(count), np.full(count, np.nan), []
    for k, rule in enumerate(rules):
        found, size, edges = rule(waiting)
        with np.errstate(all="ignore"):
            error = np.abs(found - before) + edges
            left = ~(error <= target * size)
            lost = ~np.isfinite(found)
            if steps and 0 < k < len(rules) - 1:
                lost |= ~((error / size) ** (steps[k - 1] / steps[-2]) <= 1e3 * target)
        values[waiting], errors[waiting] = found, error
        sizes[waiting] = np.where(np.isfinite(size), size, 1.0)
        given_up.append(waiting[left & lost])
        waiting, before = waiting[left & ~lost], found[left & ~lost]
        if not len(waiting):
            break
    return values, errors, sizes, np.concatenate([*given_up, waiting])


def few(f: Integrand, rank: int, count: int) -> tuple[np.ndarray, float]:
    """E f_r(z) by a few points, an order of magnitude (0 where it is not finite), and points that `integrate` takes.

    The latter for each request, for functions without known kinks: from how well one request settles.
    """
    value = _trapezoid(f, rank, np.arange(count), 1.25)[0]
    steps, one = _STEPS[rank], np.full(1, count // 2)
    (coarse, *_), (fine, size, _) = (_trapezoid(f, rank, one, h) for h in steps[1:3])
    with np.errstate(all="ignore"):
        gap = np.nan_to_num(np.abs(fine - coarse) / size, nan=1.0, posinf=1.0).clip(1e-300, 1.0).max()
    ball = {2: np.pi, 3: 4 / 3 * np.pi}[rank] * _EDGE[rank] ** rank
    points = ball / steps[0] ** rank
    for before, h in pairwise(steps):
        points += ball / h**rank
        if gap ** (1.1 * steps[1] / before) <= _TARGET[rank]:
            return np.nan_to_num(value, posinf=0.0, neginf=0.0), points
    return np.nan_to_num(value, posinf=0.0, neginf=0.0), _ROUGH[rank]


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
    radius = np.sqrt(np.square(z).sum(axis=0))
    z, radius = z[:, radius <= edge], radius[radius <= edge]
    weights = np.prod(weight(z) * h, axis=0)
    rim = radius > edge - 1.5 * h
    value, size, border = (np.empty(len(requests)) for _ in range(3))
    step = max(1, _CELLS // z.shape[1])
    for start in range(0, len(requests), step):
        part = slice(start, start + step)
        count = len(requests[part])
        g = f(np.broadcast_to(z[:, :, None], (*z.shape, count)), requests[part])
        value[part], size[part] = weights @ g, weights @ np.abs(g)
        border[part] = weights[rim] @ np.abs(g[rim])
    return value, size, border


def _line(f: Integrand, count: int, slopes, offsets) -> tuple[np.ndarray, np.ndarray]:
    """One variable."""
    edge = _EDGE[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        kinks = np.where(slopes != 0, offsets / slopes, edge)
    cuts = np.broadcast_to(np.linspace(-edge, edge, 17), (count, 17))
    cuts = np.sort(np.concatenate([cuts, np.clip(kinks, -edge, edge).T.reshape(count, -1)], axis=1), axis=1)
    weighted = lambda z, owner: f(z[None], owner) * weight(z)  # noqa: E731
    values, errors, _, rim = adaptive(weighted, cuts)
    return values, errors + rim


def _polar(f: Integrand, requests: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two variables as radius and angle, for functions that are smooth but at a point or on rays from it.

    The error is infinite where the function is not smooth along the radii.
    """
    values, errors = np.zeros(len(requests)), np.full(len(requests), np.inf)
    for k, (request, centre) in enumerate(zip(requests, centres, strict=True)):
        coarse, fine = (_rings(f, request, centre, nodes) for nodes in (8, 12))
        some = 0.123 + np.arange(12.0)[:, None] * np.pi / 6
        once, again = coarse(some), fine(some)
        gap = float(np.abs(once - again).max())
        if gap <= 1e-11 * np.abs(again).max():
            cuts = np.linspace(0.1, 0.1 + 2 * np.pi, 9)[None]
            value, error, *_ = adaptive(lambda angle, _, fine=fine: fine(angle), cuts)
            values[k], errors[k] = value[0], error[0] + gap / 4 + 1e-14 * abs(value[0])
    return values, errors


def _rings(f: Integrand, request: int, centre: np.ndarray, nodes: int) -> Callable:
    """The integral over the radius as a function of angles."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    owner, half = np.full(1, request), (_EDGE[2] + np.hypot(*centre)) / 16
    r = (np.arange(1, 16, 2)[:, None] * half + half * x).ravel()
    weights = np.tile(w * half, 8) * r

    def ring(angle: np.ndarray) -> np.ndarray:
        flat = angle.reshape(-1)[:, None]
        z = np.stack([centre[0] + np.cos(flat) * r, centre[1] + np.sin(flat) * r])
        at = f(z.reshape(2, -1, 1), owner).reshape(z.shape[1:])
        return (at * weight(z[0]) * weight(z[1]) @ weights).reshape(angle.shape)

    return ring


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
        more = (half[:, None] * w[:, None, None]).reshape(-1, points, count) * weight(new)
        total = len(new) * points
        old = np.broadcast_to(z[:, None], (len(z), len(new), points, count)).reshape(len(z), total, count)
        z = np.concatenate([old, new.reshape(1, total, count)])
        weights = (weights[None] * more).reshape(total, count)
    return z, weights
