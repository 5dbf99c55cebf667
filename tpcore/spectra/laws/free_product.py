r"""Free multiplicative convolution of laws on [0, inf).

Let G be the Cauchy transform of the product, w = z G(z) - 1, and u_i the subordination functions, all laws at the
same w: E X_i / (u_i - X_i) = w. Then

.. math:: z = \Big(\frac{w}{1 + w}\Big)^{n-1} \prod_i u_i, \qquad
          1 - F(x) = \frac1\pi \Im \Big[(n - 1) \log w + \sum_i E \log(u_i - X_i)\Big]_{z = x + i0}

(u_i = (1 + w) / (w S_i(w)) with Voiculescu's S-transform). Where u_i is an explicit function of w (Marchenko-Pastur,
Fuss-Catalan, a point mass) it is inserted; the others are unknowns of a Newton iteration along the arc
z = r exp(i theta), from theta = pi, where all is real and monotone, to theta = 0. On the way Im w < 0 < Im u_i and the
solution is unique (Belinschi and Bercovici, J. Anal. Math. 101, 2007), so nothing can be confused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from tpcore.spectra.laws.banded import Band, Banded, Tail, Logarithm
from tpcore.spectra.laws.measure import Measure

ARC = np.concatenate([np.linspace(np.pi, 0, 14)[1:-1], [0.12, 0.06]])
NEWTON, CLOSE = 60, 1e-13
SCAN, ZERO = 257, 1e-6
LOW = 1e-11  # share of the mass that a law may have below what is scanned


@dataclass
class Factors:
    """log z = constant + alpha log(1 + w) + beta log w + sum_j m_j log(1 + y_j w) + sum_l m_l log u_l.

    Attributes
    ----------
    count : int
        Number of factors so far.
    constant, alpha, beta : float
    ratios : dict of float to int
        y_j and m_j.
    measures : list of (Measure, int)
        Those with u_l unknown, and how often each occurs.
    heaviest : float
        Mass of the one atom that may survive away from 0, and `heaviest_at`, the logarithm of its place.
    """

    constant: float = 0.0
    alpha: float = 1.0
    beta: float = -1.0
    ratios: dict[float, int] = field(default_factory=dict)
    measures: list[tuple[Measure, int]] = field(default_factory=list)
    heaviest: float = 1.0
    heaviest_at: float = 0.0

    def point(self, log_place: float) -> None:
        """A point mass."""
        self.constant += log_place
        self.heaviest_at += log_place

    def marchenko_pastur(self, ratio: float, log_scale: float = 0.0, times: int = 1) -> None:
        """u = s^2 (1 + w)(1 + y w) / w: `log_scale` is log s^2."""
        self.constant += times * log_scale
        self.heaviest = -np.inf
        if ratio == 1:
            self.alpha += times
        else:
            self.ratios[ratio] = self.ratios.get(ratio, 0) + times

    def measure(self, measure: Measure, times: int = 1) -> None:
        """A law that is known by point masses."""
        self.measures.append((measure, times))
        self.alpha -= times
        self.beta += times
        at, mass = measure.heaviest
        self.heaviest -= times * (1 - mass)
        self.heaviest_at += times * np.log(at) if at > 0 else -np.inf

    @property
    def positive(self) -> float:
        """Mass of the product away from 0."""
        return min([1.0] + [m.positive for m, _ in self.measures] + [1 / y for y in self.ratios if y > 1])

    def explicit(self, w: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """log z without the u_l; `rest` is 1 + w. Im w <= 0 counts as approached from below."""
        total = self.constant + self.alpha * _log_below(rest) + self.beta * _log_below(w)
        for y, times in self.ratios.items():
            total = total + times * _log_below(1 + y * w)
        return total

    def slope(self, w: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """d explicit / dw."""
        return self.alpha / rest + self.beta / w + sum(m * y / (1 + y * w) for y, m in self.ratios.items())

    def upper(self, w: np.ndarray, us: list[np.ndarray]) -> np.ndarray:
        """1 - F at real points, from the solution there."""
        angle = lambda v: -np.arctan2(np.abs(v.imag), v.real)  # noqa: E731
        total = (self.alpha + self.beta) * w.imag + self.beta * angle(w)
        for y, times in self.ratios.items():
            total = total + times * (w.imag + (1 - 1 / y) * angle(1 + y * w))
        for (measure, times), u in zip(self.measures, us, strict=True):
            total = total + times * measure.angle(u)
        return total / np.pi


def _log_below(w: np.ndarray) -> np.ndarray:
    """log w, the imaginary part in [-pi, 0]."""
    return np.log(np.abs(w)) - 1j * np.arctan2(np.abs(w.imag), w.real)


def _log_above(u: np.ndarray) -> np.ndarray:
    return np.log(np.abs(u)) + 1j * np.arctan2(np.abs(u.imag), u.real)


def solve(factors: Factors, log_r: np.ndarray, fine: float = 0.06) -> tuple[np.ndarray, list[np.ndarray], float]:
    """w and the u_l at z = exp(log_r) + i0, and the largest residual of log z.

    `fine`: the last angle before 0; small for laws that are narrow.
    """
    w, us = _negative(factors, log_r)
    arc, angle = list(ARC), ARC[-1]
    while angle > fine:
        angle /= 2
        arc.append(angle)
    for angle in arc:
        w, us, _ = _newton(factors, log_r + 1j * angle, w, us, 3)
    for angle in (fine / 8, 0.0):
        w, us, left = _newton(factors, log_r + 1j * angle, w, us, 4 if angle else NEWTON)
    return w, us, left


def _newton(factors: Factors, target: np.ndarray, w, us, steps: int):
    left = np.inf
    for _ in range(steps):
        rest = 1 + w
        ahead = target - factors.explicit(w, rest)
        slope = factors.slope(w, rest)
        at = []
        for (measure, times), u in zip(factors.measures, us, strict=True):
            psi, rate = measure.psi(u)
            ahead = ahead - times * (_log_above(u) + (w - psi) / rate)
            slope = slope + times / rate
            at.append((psi, rate))
        move = ahead / slope
        # at most a change by half in w and in 1 + w
        length = np.abs(move) / (0.5 * np.minimum(np.abs(w), np.abs(rest) + 1e-300))
        move = move / np.maximum(1, length)
        left = float(np.max(np.abs(move) / np.abs(w), initial=0.0))
        new = []
        for u, (psi, rate) in zip(us, at, strict=True):
            push = (w + move - psi) / rate
            push = push / np.maximum(1, np.abs(push))
            left = max(left, float(np.max(np.abs(push), initial=0.0)))
            grown = u * np.exp(push)
            new.append(grown.real + 1j * np.abs(grown.imag))
        w = w + move
        w, us = w.real - 1j * np.abs(w.imag), new
        if left < CLOSE:
            break
    return w, us, left


def _negative(factors: Factors, log_r: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """A guess of w and the u_l at z = -exp(log_r): tables of monotone functions of log(-w / (p + w))."""
    p = factors.positive
    v = np.linspace(-40, 34, 741)
    log_w, log_rest = np.log(p) - np.log1p(np.exp(-v)), np.log(p) - np.log1p(np.exp(v))  # of -w, p + w
    lift = np.log(np.exp(log_rest) + (1 - p)) if p < 1 else log_rest
    log_z = factors.constant + factors.alpha * lift + factors.beta * log_w
    for y, times in factors.ratios.items():
        log_z = log_z + times * np.log(y * ((1 / y - p) + np.exp(log_rest)))
    log_us = []
    for measure, times in factors.measures:
        log_u = _inverse(measure, log_w, log_rest, p)
        log_z = log_z + times * log_u
        log_us.append(log_u)
    order = np.argsort(log_z)
    take = lambda y: np.interp(log_r, log_z[order], y[order])  # noqa: E731
    w = -np.exp(take(log_w)) + 0j
    return w, [-np.exp(take(log_u)) + 0j for log_u in log_us]


def _inverse(measure: Measure, log_w: np.ndarray, log_rest: np.ndarray, p: float) -> np.ndarray:
    """log(-u) where psi(u) = w, for -w = exp(log_w) and p + w = exp(log_rest)."""
    places, masses = measure.places[measure.places > 0], measure.masses[measure.places > 0]
    own = masses.sum()
    s = np.linspace(np.log(places[0]) - 36, np.log(places[-1]) + 42, 900)
    share = 1 / (1 + np.exp(s[:, None] - np.log(places)))
    with np.errstate(divide="ignore"):
        near = np.log(share @ masses) - np.log((1 - share) @ masses)  # logit of -psi / own mass, falls in s
        rest = log_rest if own <= p * (1 + 1e-12) else np.log(np.exp(log_rest) + (own - p))
    good = np.isfinite(near)
    return np.interp(-(log_w - rest), -near[good], s[good])


def tabulate(factors: Factors, name: str, latex: str) -> Banded:
    """The law of the product: its bands found, each tabulated."""
    spread = np.sqrt(sum(m * y for y, m in factors.ratios.items()) + max(factors.alpha + factors.beta, 0)
                     + sum(t * (m.moment(2) / m.moment(1) ** 2 - 1) for m, t in factors.measures))  # fmt: skip
    fine = float(np.clip(spread / 4, 1e-9, 0.06))
    worst = [0.0]

    def at(log_x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w, us, left = solve(factors, log_x, fine)
        worst[0] = max(worst[0], left)
        return 1 - factors.upper(w, us), -w.imag / np.pi

    pieces = [Band(line, at) for line in _lines(factors, fine)]
    zero, atom = 1 - factors.positive, factors.heaviest
    atoms = [(0.0, zero)] * (zero > 1e-14) + [(float(np.exp(factors.constant + factors.heaviest_at)), atom)] * (
        atom > 1e-14 and np.isfinite(factors.heaviest_at)
    )
    return Banded(pieces, atoms, name, latex, min(worst[0], 1.0))


def _lines(factors: Factors, fine: float) -> list[Logarithm | Tail]:
    """The bands, ascending, each with the variable that suits its ends."""
    top = log_top(factors)
    span = max(top - _lowest(factors), 1e-6)
    scan = top - np.geomspace(min(fine, span) * 1e-6, span, SCAN)
    inside = _dense(factors, scan, fine)
    ends = [top] if inside[0] else []
    for j in np.flatnonzero(np.diff(inside.astype(int))):
        pair = (scan[j], scan[j + 1]) if inside[j] else (scan[j + 1], scan[j])
        ends.append(_edge(factors, *pair, fine))
    if inside[-1]:
        ends.append(scan[-1])
    kinds = [Logarithm] * (len(ends) // 2 - 1) + [Tail if inside[-1] else Logarithm]
    lines = [kind(np.exp(low), np.exp(high)) for kind, high, low in zip(kinds, ends[::2], ends[1::2], strict=True)]
    return lines[::-1]


def _dense(factors: Factors, log_x: np.ndarray, fine: float) -> np.ndarray:
    """Where the density is not zero."""
    w, _, _ = solve(factors, log_x, fine)
    return -w.imag > ZERO * np.minimum(np.abs(w), np.abs(factors.positive + w))


def _edge(factors: Factors, inside: float, outside: float, fine: float) -> float:
    """log x of the edge between two points: sections, then (Im w)^2, linear there, to its zero."""
    for _ in range(5):
        grid = np.linspace(inside, outside, 10)
        last = int(np.flatnonzero(_dense(factors, grid, fine))[-1]) if _dense(factors, grid, fine)[0] else 0
        last = min(last, 8)
        inside, outside = grid[last], grid[last + 1]
    step = inside - outside
    grid = inside + step * np.array([1.0, 3.0, 5.0])
    w, _, _ = solve(factors, grid, fine)
    line = np.polyfit(grid - inside, w.imag**2, 2)
    roots = np.roots(line)
    roots = roots[np.abs(roots.imag) == 0].real
    near = roots[np.argmin(np.abs(roots + step / 2))] if roots.size else -step / 2
    return float(inside + np.clip(near / step, -1.5, 0.5) * step)


def _lowest(factors: Factors) -> float:
    """log r with at most LOW of the mass in (0, r)."""
    low = -300.0
    w, _ = _negative(factors, np.linspace(low, 300, 4001))
    rest = factors.positive + w.real
    at = np.flatnonzero(rest > max(LOW, 1e-15))
    return float(np.linspace(low, 300, 4001)[at[0]]) if at.size else low


def log_top(factors: Factors) -> float:
    """log of the upper end of the continuous part: the minimum of log z over w > 0."""
    grids = [_above(measure) for measure, _ in factors.measures]

    def log_z(log_w: np.ndarray, exact: bool) -> np.ndarray:
        w = np.exp(log_w)
        total = factors.constant + factors.alpha * np.log1p(w) + factors.beta * log_w
        for y, times in factors.ratios.items():
            total = total + times * np.log1p(y * w)
        for (measure, times), (log_psi, s) in zip(factors.measures, grids, strict=True):
            log_gap = np.interp(-log_w, -log_psi, s)
            if exact:
                log_gap = _sharpen(measure, log_w, log_gap)
            total = total + times * np.log(measure.top + np.exp(log_gap))
        return total

    v = np.linspace(-40, 40, 1601)
    values = log_z(v, False)
    best = int(np.argmin(values))
    if best >= v.size - 2 or values[-1] - values[best] < 1e-9:
        return float(log_z(v[-1:], True)[0])
    found = optimize.minimize_scalar(lambda at: float(log_z(np.array([at]), True)[0]), bounds=(v[best - 1], v[best + 1]),
                                     method="bounded", options={"xatol": 1e-7})  # fmt: skip
    return float(found.fun)


def _above(measure: Measure) -> tuple[np.ndarray, np.ndarray]:
    """(log psi(u), log(u - top)) for u > top: psi falls."""
    s = np.log(measure.top) + np.linspace(-46, 44, 900)
    gap = np.exp(s)[:, None] + (measure.top - measure.places)
    return np.log((measure.places / gap) @ measure.masses), s


def _sharpen(measure: Measure, log_w: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Newton's method on log psi, as a function of s = log(u - top)."""
    for _ in range(5):
        gap = np.exp(s)[:, None] + (measure.top - measure.places)
        psi = (measure.places / gap) @ measure.masses
        rate = -np.exp(s) * ((measure.places / gap**2) @ measure.masses) / psi
        s = s - np.clip((np.log(psi) - log_w) / rate, -1, 1)
    return s
