"""Integrals over Gaussians of functions whose kinks and jumps nobody has told.

One variable: panels are halved where two rules differ, until kinks and jumps
have shrunk to nothing. Two: an adaptive line for every point of an adaptive
line. Three: adaptive lines through the points of equispaced planes, in random
rotations and places. A line integral smooths a kink away except where lines
touch it or two kinks meet, so that a plane of few points is enough; and as the
planes are drawn independently, the spread between them is an honest error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.special import stdtrit

EDGE = 9.5
CELLS = 2**20
DEPTH = 40
PLANES, STEP = 6, 0.35
LEAST = 1e-8  # of the integral of |f|: slivers between kinks that no point meets

Integrand = Callable[[np.ndarray, np.ndarray], np.ndarray]


def weight(z: np.ndarray) -> np.ndarray:
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def adaptive(g: Callable, cuts: np.ndarray, target: float = 1e-14, floor: np.ndarray | float = 0.0):
    """Integrals of g(x, owner) over the panels of each row of `cuts`, halved where two rules differ.

    Parameters
    ----------
    g : callable
        From x (nodes, panels) and the panels' rows (panels,) to values (nodes, panels).
    cuts : ndarray, shape (rows, panels + 1)
    target : float
        What a panel may be wrong by, in units of the row's integral of |g|.
    floor : float or ndarray, shape (rows,)
        As good, in absolute terms.

    Returns
    -------
    values, errors, sizes, rims : ndarray, shape (rows,)
        `sizes` are integrals of |g|, `rims` the values of |g| near the outermost ends.
    """
    count = len(cuts)
    floor = np.broadcast_to(floor, count)
    owner = np.repeat(np.arange(count), cuts.shape[1] - 1)
    low, high = cuts[:, :-1].ravel(), cuts[:, 1:].ravel()
    keep = high > low
    owner, low, high = owner[keep], low[keep], high[keep]
    values, errors = np.zeros(count), np.zeros(count)
    whole, _, ends = _panels(g, owner, low, high)
    rims = np.bincount(owner, np.where([low <= cuts[owner, 0], high >= cuts[owner, -1]], ends, 0.0).sum(axis=0), count)
    sizes = None
    for depth in range(DEPTH):
        middle = (low + high) / 2
        left, left_size, _ = _panels(g, owner, low, middle)
        right, right_size, _ = _panels(g, owner, middle, high)
        if sizes is None:
            sizes = np.bincount(owner, left_size + right_size, count)
        with np.errstate(invalid="ignore"):
            gap = np.abs(left + right - whole)
        hopeless = ~np.isfinite(gap) | ~np.isfinite(sizes[owner])
        done = (gap <= np.maximum(target * sizes[owner], floor[owner])) | hopeless | (depth == DEPTH - 1)
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
    """Sixteen-point Gauss-Lobatto on each panel: integrals of g and of |g|, and |g| at both ends."""
    x, w = _lobatto(16)
    value, size, ends = np.empty(len(owner)), np.empty(len(owner)), np.empty((2, len(owner)))
    step = max(1, CELLS // 16)
    for start in range(0, len(owner), step):
        part = slice(start, start + step)
        half, centre = (high[part] - low[part]) / 2, (high[part] + low[part]) / 2
        at = g(centre + half * x[:, None], owner[part])
        with np.errstate(all="ignore"):
            terms = at * (w[:, None] * half)
            value[part], size[part] = terms.sum(axis=0), np.abs(terms).sum(axis=0)
        ends[:, part] = np.abs(at[[0, -1]])
    return value, size, ends


@cache
def _lobatto(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights; the ends stay inside by a hair, for functions that jump there.

    Gauss-Legendre would not see a jump between the end of a panel and its first node, half a percent of the panel.
    """
    last = np.polynomial.legendre.Legendre.basis(n - 1)
    x = np.concatenate([[-1.0], np.sort(last.deriv().roots().real), [1.0]])
    w = 2 / (n * (n - 1) * last(x) ** 2)
    x[[0, -1]] *= 1 - 1e-13
    return x, w


def _lines(f: Integrand, request: int, feet: np.ndarray, axes: np.ndarray, floor: np.ndarray):
    """Integrals of f along lines: through `feet` (lines, rank) in direction `axes` (rank,), a unit vector.

    Gaussian density along the line, and `floor` (lines,) for the absolute accuracy. Returns as `adaptive`.
    """
    owner = np.full(1, request)

    def along(t, line):
        z = feet[line].T[:, None, :] + axes[:, None, None] * t
        return f(z.reshape(len(axes), -1, 1), owner).reshape(t.shape) * weight(t)

    cuts = np.broadcast_to(np.linspace(-EDGE, EDGE, 9) + 0.0123, (len(feet), 9))
    return adaptive(along, cuts, 1e-15, floor)


def plane(f: Integrand, requests: np.ndarray, sizes: np.ndarray):
    """E f_r(z) over two variables for some requests: values, errors.

    `sizes` is E |f_r|, roughly; eight digits or more relative to it. Found in two directions, whose difference counts.
    """
    found, below = np.empty((2, len(requests))), np.empty((2, len(requests)))
    for way, turn in enumerate((0.6435, 1.2345)):
        frame = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        for k, request in enumerate(requests):
            found[way, k], below[way, k] = _plane(f, request, frame, 1e-9 * max(float(sizes[k]), 1e-300), turn / 20)
    with np.errstate(all="ignore"):  # what is not finite is refused, or left to particles, further up
        return found.mean(axis=0), below.max(axis=0) + np.abs(found[0] - found[1]) + LEAST * sizes


def _plane(f: Integrand, request: int, frame: np.ndarray, goal: float, shift: float) -> tuple[float, float]:
    below = 0.0

    def outer(x, _):
        nonlocal below
        feet = x.ravel()
        density = weight(feet)
        value, error, _, rim = _lines(f, request, feet[:, None] * frame[0], frame[1], goal / 20 / (density + 1e-30))
        below = max(below, float(np.max((error + rim) * density)))
        return (value * density).reshape(x.shape)

    value, error, _, rim = adaptive(outer, np.linspace(-EDGE, EDGE, 9)[None] + shift, 1e-15, goal)
    return value[0], error[0] + rim[0] + 6 * below


def planes(f: Integrand, requests: np.ndarray, sizes: np.ndarray):
    """E f_r(z) over three variables for some requests: values, errors; as `plane`, to about six digits.

    The error is the half-width of Student's 95 % interval for the mean of the planes.
    """
    rng = np.random.default_rng(20231017)
    found = np.empty((PLANES, len(requests)))
    half = float(stdtrit(PLANES - 1, 0.975)) / np.sqrt(PLANES)
    for p in range(PLANES):
        frame = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        ticks = (np.arange(-int(EDGE / STEP) - 1, int(EDGE / STEP) + 2) + rng.random((2, 1))) * STEP
        feet = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 2)
        density = np.prod(weight(feet) * STEP, axis=1)
        kept = density > 1e-13
        feet, density = feet[kept], density[kept]
        for k, request in enumerate(requests):
            goal = 1e-9 * max(float(sizes[k]), 1e-300) / density
            lines = _lines(f, request, feet @ frame[:, :2].T, frame[:, 2], np.minimum(goal, 1e-2 * goal.max()))
            found[p, k] = density @ lines[0]
    return found.mean(axis=0), half * found.std(axis=0, ddof=1) + LEAST * sizes
