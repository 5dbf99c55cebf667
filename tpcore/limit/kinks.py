"""Where a user's function of one argument is not smooth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.limit.recognize import Block


def kinks(block: Block, most: int = 8) -> np.ndarray:
    """Where an elementwise function of one argument is not smooth, shape (size, K), padded with inf.

    Intervals are halved where the polynomial through nine points of them misses the values between, and only
    there; what is still rough when narrower than 1e-4 holds a kink. Functions with more than `most` get none.
    """
    columns = range(block.size) if any(np.ndim(p) for p in block.params) else [0]
    if len(columns) > 64:
        return np.zeros((block.size, 0))
    rows = [_kinks_of(lambda x, j=j: block.expanded(np.repeat(x[:, None], block.size, axis=1))[:, j]) for j in columns]
    width = max((len(row) for row in rows), default=0)
    if width > most:
        return np.zeros((block.size, 0))
    found = np.full((len(rows), width), np.inf)
    for row, values in zip(found, rows, strict=True):
        row[: len(values)] = values
    return np.broadcast_to(found, (block.size, width)) if len(rows) == 1 else found


def _kinks_of(f: Callable) -> list[float]:
    nodes, between = np.cos(np.pi * (np.arange(9) + 0.5) / 9), np.linspace(-0.97, 0.97, 8)
    vander = np.polynomial.chebyshev.chebvander
    interpolate = vander(between, 8) @ np.linalg.inv(vander(nodes, 8))
    nodes, between = 1.1 * nodes, 1.1 * between
    grid = np.concatenate([-(2.0 ** np.arange(5, -1, -1)), np.linspace(-0.875, 0.875, 15), 2.0 ** np.arange(6)])
    low, high = grid[:-1] + 0.0123456789, grid[1:] + 0.0123456789
    found: list[float] = []
    for depth in range(60):
        centre, half = (low + high) / 2, (high - low) / 2
        at = f((centre[:, None] + half[:, None] * nodes).ravel()).reshape(-1, 9)
        true = f((centre[:, None] + half[:, None] * between).ravel()).reshape(-1, 8)
        size = np.maximum(np.abs(at).max(axis=1), np.abs(true).max(axis=1))
        floor = floor if depth else 1e-8 * np.median(size)
        with np.errstate(all="ignore"):
            rough = np.abs(at @ interpolate.T - true).max(axis=1) > 1e-10 * np.maximum(size, floor)
        parents = low[::2], high[1::2]
        if depth and len(low):
            lost = ~(rough[::2] | rough[1::2]) & (parents[1] - parents[0] < 1e-4)
            found.extend((parents[0] + parents[1])[lost] / 2)
        low, high, centre = low[rough], high[rough], centre[rough]
        if not len(low) or len(low) > 400 or np.all(half[rough] < 1e-14):
            found.extend(centre)
            break
        low, high = np.stack([low, centre], axis=1).ravel(), np.stack([centre, high], axis=1).ravel()
    ends = np.sort(found)
    apart = np.diff(ends, prepend=-np.inf) > 1e-7
    return [float(np.median(group)) for group in np.split(ends, np.flatnonzero(apart)[1:])] if len(ends) else []
