"""What the solvers of free convolutions share: Newton's step, and the search for edges."""

from __future__ import annotations

import numpy as np


def step(ahead, slope, gaps, rates, times) -> tuple[np.ndarray, np.ndarray]:
    """Solve slope * move + sum_l times_l * push_l = ahead with move + gap_l = rate_l * push_l for all l.

    Parameters
    ----------
    ahead, slope : ndarray, (n,)
    gaps, rates : ndarray, (k, n)
        A rate may be 0: at each point the equation of smallest rate is the one that is not divided by its rate.
    times : ndarray, (k,)

    Returns
    -------
    move (n,), push (k, n)
    """
    if not len(gaps):
        return ahead / slope, np.empty((0, ahead.size), complex)
    lead = np.argmin(np.abs(rates) / times[:, None], axis=0)
    own = np.arange(ahead.size)
    others = times[:, None] / np.where(rates == 0, 1, rates)
    others[lead, own] = 0
    total = slope + others.sum(axis=0)
    rest = ahead - (others * gaps).sum(axis=0)
    gap, rate = gaps[lead, own], rates[lead, own]
    first = (rest + total * gap) / (times[lead] + total * rate)
    move = rate * first - gap
    push = (move + gaps) / np.where(rates == 0, 1, rates)
    push[lead, own] = first
    return move, push


def filled(dense: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """`dense`, with points of which nothing is sure like their nearest neighbour of which something is."""
    known = np.flatnonzero(sure)
    if known.size in (0, dense.size):
        return dense
    own = np.arange(dense.size)
    after = np.minimum(np.searchsorted(known, own), known.size - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(known[after] - own) <= np.abs(known[before] - own), known[after], known[before])
    return dense[nearest]


def edge(imaginary, inside: float, outside: float, look) -> float:
    """The edge between two points: sections, then (Im g)^2 there, or its inverse at a pole, to its zero.

    `imaginary(x)`: Im of the transform; `look(x)`: where it is not 0, and where that is sure.
    """
    for _ in range(4):
        grid = np.linspace(inside, outside, 27)
        dense, sure = look(grid)
        last = int(np.flatnonzero(np.append(True, (dense & sure)[1:-1]))[-1])
        first = last + 1 + int(np.flatnonzero(np.append((~dense & sure)[last + 1 : -1], True))[0])
        inside, outside = grid[last], grid[first]
    reach = inside - outside
    square = imaginary(inside + reach * np.array([1.0, 3.0, 5.0])) ** 2
    if not (np.isfinite(square).all() and square.min() > 0):
        return float((inside + outside) / 2)
    roots = np.roots(np.polyfit([1.0, 3.0, 5.0], square if square[0] <= square[-1] else 1 / square, 2))
    roots = roots[np.abs(roots.imag) == 0].real
    near = roots[np.argmin(np.abs(roots + 0.5))] if roots.size else -0.5
    return float(inside + np.clip(near, -1.5, 0.5) * reach)
