"""Iterated quadrature over R^r split by hyperplanes: the directions, and the nodes.

`frame` chooses directions from the innermost out. Level 1 is the innermost:
hyperplanes n . x = k are met transversally by its direction e, and the
intersections of two of them, projected along e, are the hyperplanes of the
next level.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from tpcore.limit.bivariate import pieces

BATCH = 200_000
SPLIT = 40


def frame(planes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(planes, rotation)], innermost first.

    planes (m, r + 1) in the coordinates of the level, its own direction last; rotation
    (r, r) takes them to the coordinates of the level inside it.
    """
    levels = []
    while True:
        r = planes.shape[1] - 1
        rotation = _rotation(planes[:, :-1]) if r > 1 else np.eye(1)
        turned = np.hstack([planes[:, :-1] @ rotation, planes[:, -1:]])
        levels.append((turned, rotation))
        if r == 1:
            return levels
        planes = project(turned)


def _rotation(normals: np.ndarray) -> np.ndarray:
    """An orthogonal matrix whose last column is far from parallel to every hyperplane."""
    r = normals.shape[1]
    if not len(normals):
        return np.eye(r)
    rng = np.random.default_rng(1)
    candidates = rng.standard_normal((600, r))
    corners = np.array(np.meshgrid(*[[-1.0, 0.0, 1.0]] * r)).reshape(r, -1).T
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * min(len(normals), 6))).reshape(min(len(normals), 6), -1).T
    candidates = np.vstack([corners, signs @ normals[: signs.shape[1]], candidates])
    lengths = np.linalg.norm(candidates, axis=1)
    candidates = candidates[lengths > 1e-6] / lengths[lengths > 1e-6, None]
    worst = np.abs(candidates @ normals.T).min(axis=1)
    best = candidates[int(np.argmax(worst))]
    basis, _ = np.linalg.qr(np.column_stack([best, np.eye(r)]))
    basis = basis[:, :r]
    return np.column_stack([basis[:, 1:], best])


def project(planes: np.ndarray) -> np.ndarray:
    """Intersections of two hyperplanes, projected along the last axis: (m', r), unit normals and offsets."""
    kept: list[np.ndarray] = []
    for a, b in combinations(planes, 2):
        line = np.delete(a / a[-2] - b / b[-2], -2)
        length = np.linalg.norm(line[:-1])
        if length < 1e-13 or abs(line[-1]) > 37 * length:
            continue
        line = line / length
        if not any(min(np.abs(line - k).max(), np.abs(line + k).max()) < 1e-9 for k in kept):
            kept.append(line)
    return np.array(kept[:SPLIT]).reshape(-1, planes.shape[1] - 1)


def count(levels: list, n: int, reach: float) -> int:
    """Points of the rule with n nodes a piece."""
    return int(np.prod([(len(planes) + 1) * nodes_a_piece(n, reach) for planes, _ in levels], dtype=float))


def nodes_a_piece(n: int, reach: float) -> int:
    return round(n * reach / 9)


def nodes(levels: list, n: int, reach: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Chunks (x, weights, outermost) of the rule; x (P, r) in the coordinates of the first planes."""
    n = nodes_a_piece(n, reach)
    x, w = np.zeros((1, 0)), np.ones(1)
    yield from _descend(levels[::-1], n, reach, x, w)


def _descend(levels, n, reach, x, w):
    (planes, rotation), inner = levels[0], levels[1:]
    with np.errstate(all="ignore"):
        breaks = (planes[:, -1] - x @ planes[:, :-2].T) / planes[:, -2]
    t, wt = pieces(breaks.reshape(len(x), -1), reach, n)
    size = t.shape[1]
    rows = max(1, BATCH // size) if not inner else max(1, BATCH // (40 * size))
    for lo in range(0, len(x), rows):
        part = slice(lo, lo + rows)
        here = np.repeat(x[part], size, axis=0)
        y = np.column_stack([here, t[part].ravel()]) @ rotation.T
        weight = (w[part, None] * wt[part]).ravel()
        if inner:
            for start in range(0, len(y), max(1, BATCH // 20)):
                chunk = slice(start, start + max(1, BATCH // 20))
                yield from _descend(inner, n, reach, y[chunk], weight[chunk])
        else:
            yield y, weight, np.abs(y).max(axis=1) > 0.9 * reach
