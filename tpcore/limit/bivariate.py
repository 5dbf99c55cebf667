"""E f(u) g(v) by quadrature, for many Gaussian pairs at once.

With t the angle of the correlation, u = m1 + sqrt(q1) (C y - S x) and
v = m2 +- sqrt(q2) (C y + S x), C = cos(t/2) >= 1/sqrt 2, S = sin(t/2), x and y
independent. Then kinks u = a and v = b are lines that the inner direction y
crosses at 45 degrees or more, at any correlation, +-1 included: split the inner
integral where it meets them and the outer one where they meet each
other, and every piece is as smooth as the functions' pieces.

Smooth functions take the equispaced trapezoid rule (it converges
exponentially, and coarser rules are subsets of finer ones), kinked ones
Gauss-Legendre on the pieces, and so do steep smooth ones, split at 0 (where
neither rule converges, the gap between the two is part of the error). The rule is refined on the hardest pairs; every
pair is then checked against the next coarser rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NoReturn

import numpy as np

from tpcore.compute.tiles import map_tiles
from tpcore.errors import Misuse

EPS = np.finfo(float).eps
POINTS = 400_000
MOST_A_PAIR = 4_000_000
MOST = 100_000_000
STEPS = (0.5, 0.25, 0.125, 0.0625)
ORDERS = (12, 18, 27, 40, 60, 90, 135)
ASIDE = 0.7861  # a step that no halving meets: an oscillation of the steps' common period shows there
REACHES = (9.0, 12.0, 16.0, 24.0, 36.0)
ROOT_2PI = np.sqrt(2 * np.pi)
_GRADE = np.arange(-119, 120, 2) / 119 * np.arcsinh(1e7)
_GRADED, _SLOPES = (18e-7 * h(_GRADE) for h in (np.sinh, np.cosh))
_SLOPES *= _GRADE[1] - _GRADE[0]


@lru_cache(maxsize=64)
def legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, w / 2


def pieces(breaks: np.ndarray, reach: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and Gaussian weights on [-reach, reach], split at `breaks` (..., b): both (..., (b + 1) n)."""
    inside = np.sort(np.clip(np.nan_to_num(breaks, nan=reach), -reach, reach), axis=-1)
    inside = inside[..., (np.abs(inside) < reach).any(axis=tuple(range(inside.ndim - 1)))]
    end = np.full((*inside.shape[:-1], 1), reach)
    edges = np.concatenate([-end, inside, end], axis=-1)
    x, w = legendre(n)
    width = np.diff(edges, axis=-1)[..., None]
    nodes = edges[..., :-1, None] + width * x
    weights = width * w * np.exp(-nodes * nodes / 2) / ROOT_2PI
    shape = (*inside.shape[:-1], -1)
    return nodes.reshape(shape), weights.reshape(shape)


def angles(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """cos(t/2), sin(t/2) and the sign for correlation +-cos t, t in [0, pi/2], without cancellation near +-1."""
    k = np.abs(c)
    a, b = q1 - k, q2 - k
    det = np.maximum(a * b + k * (a + b), 0)
    side = np.sqrt(q1 * q2)
    with np.errstate(all="ignore"):
        square = np.where(side > 0, det / (2 * side * (side + k)), 0.5)
    square = np.clip(square, 0, 0.5)
    return np.sqrt(1 - square), np.sqrt(square), np.where(c < 0, -1.0, 1.0)


class Pairs:
    """The problem: functions, kinks and P pairs of variables."""

    def __init__(self, f, g, q1, q2, c, m1, m2, kinks_f=(), kinks_g=()):
        self.f, self.g = f, g
        self.q1, self.q2, self.c, self.m1, self.m2 = (np.atleast_1d(x) for x in (q1, q2, c, m1, m2))
        self.kinks = np.asarray(kinks_f, float), np.asarray(kinks_g, float)
        self.cos, self.sin, self.sign = angles(self.q1, self.q2, self.c)
        self.trusted = True
        self.smooth = not (len(kinks_f) or len(kinks_g))

    def take(self, index) -> Pairs:
        parts = (x[index] for x in (self.q1, self.q2, self.c, self.m1, self.m2))
        taken = Pairs(self.f, self.g, *parts, *self.kinks)
        taken.trusted, taken.smooth = self.trusted, self.smooth
        taken.cos, taken.sin, taken.sign = self.cos[index], self.sin[index], self.sign[index]
        return taken

    def split_at_zero(self) -> Pairs:
        """The same, as if there were kinks at 0: where steep functions (tanh at a large variance) are steep."""
        index = np.arange(self.c.size)
        split = self.take(index)
        split.kinks, split.smooth, split.trusted = (np.zeros(1), np.zeros(1)), False, False
        return split

    def values(self, x, y):
        """f(u) g(v) at x (P, X, 1), y (P, X, Y) or broadcastable."""
        at = (slice(None), None, None)
        cos, sin = self.cos[at], self.sin[at]
        u = self.m1[at] + np.sqrt(self.q1)[at] * (cos * y - sin * x)
        v = self.m2[at] + (self.sign * np.sqrt(self.q2))[at] * (cos * y + sin * x)
        return self.f(u) * self.g(v)

    def legendre(self, n: int, reach: float) -> np.ndarray:
        """Pieces of Gauss-Legendre with n nodes each."""
        with np.errstate(all="ignore"):
            a = (self.kinks[0] - self.m1[:, None]) / np.sqrt(self.q1)[:, None]
            b = self.sign[:, None] * (self.kinks[1] - self.m2[:, None]) / np.sqrt(self.q2)[:, None]
            cross = (b[:, None, :] - a[:, :, None]) / (2 * self.sin[:, None, None])
        x, wx = pieces(cross.reshape(len(a), -1), reach, n)
        s, c = self.sin[:, None, None], self.cos[:, None, None]
        with np.errstate(all="ignore"):
            lines = np.concatenate([(a[:, None, :] + s * x[..., None]) / c, (b[:, None, :] - s * x[..., None]) / c], -1)
        y, wy = pieces(lines, reach, n)
        with np.errstate(all="ignore"):
            return np.einsum("px,pxy,pxy->p", wx, wy, self.values(x[..., None], y))

    def trapezoid(self, step: float, reach: float) -> np.ndarray:
        """(3, P): the rules of steps h, 2 h, 4 h."""
        count = 4 * int(np.ceil(reach / (4 * step)))
        x = np.arange(-count, count + 1) * step
        w = step * np.exp(-x * x / 2) / ROOT_2PI
        with np.errstate(all="ignore"):
            z = self.values(x[None, :, None], x[None, None, :])
        return np.stack([_weighted(z[:, ::k, ::k], w[::k]) * k * k for k in (1, 2, 4)])

    def cost(self, rule: float) -> int:
        """Points a pair."""
        if self.smooth:
            return int(2 * 9 / rule) ** 2
        na, nb = (len(k) for k in self.kinks)
        return int(2.5 * rule * rule * (na * nb + 1) * (na + nb + 1))


def _weighted(z: np.ndarray, w: np.ndarray) -> np.ndarray:
    return (z @ w) @ w


def trend(fine: np.ndarray, middle: np.ndarray, coarse: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Error of `fine` from three nested rules: exponential decay is extrapolated, algebraic decay is not."""
    scale = scale + 1e-300
    with np.errstate(invalid="ignore"):  # what is not finite is refused in words further up
        d1, d2 = np.abs(coarse - middle) / scale, np.abs(middle - fine) / scale
    fast = (d2 < 1e-4) & (d2 < np.minimum(d1, 0.5) ** 1.5 * 3)
    return (np.where(fast, np.minimum(d2, 10 * d2**1.6), d2) + 4 * EPS) * scale


def integrate(pairs: Pairs, tol: float = 1e-12, check: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(values, absolute errors), (P,) each; aims at `tol` times sqrt(E f^2 E g^2).

    Never takes more than MOST points: what `tol` is missed by, the errors say.
    Without `check` the errors are those of the hardest pairs, the largest for all.
    """
    if pairs.c.size == 0:
        return np.empty(0), np.empty(0)
    hard = _hardest(pairs)
    reach, scale = _reach(hard)
    value, error, index = _refine(hard, pairs.c.size, reach, scale, tol)
    apart = 0.0
    if pairs.smooth and np.any(error > tol * scale):
        other = _refine(hard.split_at_zero(), pairs.c.size, reach, scale, tol)
        if np.any(other[1] > tol * scale):
            apart = float(np.max(np.abs(other[0] - value) / (scale + 1e-300)))
        if other[1].max() < error.max():
            pairs, (value, error, index) = pairs.split_at_zero(), other
    if hard.c.size == pairs.c.size:
        return value, error + apart * scale
    rules = STEPS if pairs.smooth else ORDERS
    chunk = max(1, POINTS // pairs.cost(rules[index]))
    starts = range(0, pairs.c.size, chunk)
    if not check:
        rule = pairs_rule(rules[index], reach)
        parts = map_tiles(lambda i: rule(pairs.take(slice(i, i + chunk))), starts)
        return np.concatenate(parts), np.full(pairs.c.size, (error + apart * scale).max())
    done = map_tiles(lambda i: _apply(pairs.take(slice(i, i + chunk)), rules, index, reach, None), starts)
    value, error = (np.concatenate(part) for part in zip(*done, strict=True))
    return value, error + apart * scale.max()


def _refine(hard: Pairs, number: int, reach: float, scale: np.ndarray, tol: float):
    """(values, errors, rule) of the first rule that reaches `tol` on the hardest of `number` pairs, or the last one."""
    rules = STEPS if hard.smooth else ORDERS
    for index in range(0 if hard.smooth else 2, len(rules)):
        value, error = _apply(hard, rules, index, reach, scale)
        if hard.smooth and np.all(error <= tol * scale):
            gap = np.abs(hard.trapezoid(ASIDE * rules[index], reach)[0] - value)
            error = np.where(gap > 1e-9 * scale, np.maximum(error, gap), error)
        following = hard.cost(rules[min(index + 1, len(rules) - 1)])
        if np.all(error <= tol * scale) or following > MOST_A_PAIR or following * number > MOST:
            break
    return value, error, index


def pairs_rule(rule: float, reach: float) -> Callable:
    """The rule alone, without its check."""
    return lambda p: p.trapezoid(rule, reach)[0] if p.smooth else p.legendre(round(rule * reach / 9), reach)


def _apply(pairs: Pairs, rules: tuple, index: int, reach: float, scale: np.ndarray | None):
    if scale is None:
        scale = _scale(pairs)
    if pairs.smooth:
        three = pairs.trapezoid(rules[index], reach)
        return three[0], trend(*three, scale)
    n = [max(8, round(rules[index - k] * reach / 9)) for k in range(3)]
    fine, middle = (pairs.legendre(k, reach) for k in n[:2])
    d = np.abs(fine - middle) / (scale + 1e-300)
    return fine, ((np.minimum(d, 30 * d**1.25) if pairs.trusted else d) + 200 * EPS) * scale


def _hardest(pairs: Pairs) -> Pairs:
    """All of up to 6 pairs; else the extremes of variance and correlation, which decide about the rule."""
    if pairs.c.size <= 6:
        return pairs
    keys = (pairs.q1, pairs.q2, pairs.q1 * pairs.q2, pairs.sin, np.abs(pairs.m1), np.abs(pairs.m2))
    return pairs.take(np.unique([i for key in keys for i in (int(np.argmax(key)), int(np.argmin(key)))]))


def size(f: Callable, s: np.ndarray, m: np.ndarray | float = 0.0) -> np.ndarray:
    """sqrt(E f(u)^2) for u ~ N(m, s^2), to a few per cent: a measure for errors.

    Points are graded towards u = 0, so that what happens within a millionth of s is seen.
    """
    m = np.broadcast_to(np.asarray(m, float).reshape(-1), s.shape)
    with np.errstate(all="ignore"):
        centre = np.nan_to_num(np.clip(-m / s, -9, 9))[:, None]
        x = centre + _GRADED
        w = np.exp(-x * x / 2) * (_SLOPES / ROOT_2PI)
        return np.sqrt(np.einsum("ij,ij->i", f(m[:, None] + s[:, None] * x) ** 2, w))


def _scale(pairs: Pairs) -> np.ndarray:
    """sqrt(E f(u)^2 E g(v)^2), roughly."""
    return size(pairs.f, np.sqrt(pairs.q1), pairs.m1) * size(pairs.g, np.sqrt(pairs.q2), pairs.m2)


def _reach(pairs: Pairs) -> tuple[float, np.ndarray]:
    """The smallest reach beyond which f g times the density is negligible, and the scale."""
    with np.errstate(all="ignore"):
        for reach in REACHES:
            scale = _scale(pairs)
            ends = np.array([-reach, reach])
            f = np.abs(pairs.f(pairs.m1[:, None] + np.sqrt(pairs.q1)[:, None] * ends)).max(1)
            g = np.abs(pairs.g(pairs.m2[:, None] + np.sqrt(pairs.q2)[:, None] * ends)).max(1)
            ends = f * g * np.exp(-reach * reach / 2)
            if np.all(ends < 1e-15 * scale + 1e-300):
                break
    if not np.isfinite(scale).all() or np.any(ends > 1e-6 * scale):
        refuse_infinite()
    return reach, scale


def refuse_infinite(name: str = "the function") -> NoReturn:
    """`Misuse`: an expectation that is no number."""
    raise Misuse(
        f"The expectation through {name} must be finite",
        "values that are not finite where the Gaussian has mass, or too large",
        "It must be defined on the whole line and grow slower than exp(x^2 / (2 variance))",
    )


def integrate_single(pairs: Pairs, tol: float = 1e-14) -> tuple[np.ndarray, np.ndarray]:
    """E f(u) alone, (values, errors); the second variable of `pairs` is the constant 1."""
    if pairs.c.size == 0:
        return np.empty(0), np.empty(0)
    reach, scale = _reach(pairs)
    values = None
    for n in (27, 40, 60, 90, 135, 200, 300, 450, 675, 1000):
        with np.errstate(all="ignore"):
            breaks = (pairs.kinks[0] - pairs.m1[:, None]) / np.sqrt(pairs.q1)[:, None]
            parts = max(1, n // 45)
            panels = np.broadcast_to(np.linspace(-reach, reach, parts + 1)[1:-1], (len(breaks), parts - 1))
            x, w = pieces(np.concatenate([breaks, panels], axis=1), reach, round(n / parts * reach / 9))
            before = values
            values = np.einsum("px,px->p", w, pairs.f(pairs.m1[:, None] + np.sqrt(pairs.q1)[:, None] * x))
        if before is not None:
            d = np.abs(values - before) / (scale + 1e-300)
            if np.all(d < 10 * tol) or n == 1000:
                break
    return values, (d + 100 * EPS) * scale
