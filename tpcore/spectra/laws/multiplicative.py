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

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from tpcore.spectra.laws.banded import Banded, tabulated
from tpcore.spectra.laws.bands import Values, bands
from tpcore.spectra.laws.corner import Corner
from tpcore.spectra.laws.descent import down
from tpcore.spectra.laws.factors import Factors
from tpcore.spectra.laws.lines import Logarithm, Tail, woven
from tpcore.spectra.laws.measure import Measure
from tpcore.spectra.laws.pivot import step

ARC = np.concatenate([np.linspace(np.pi, 0, 14)[1:-1], [0.12, 0.06]])
NEWTON, CLOSE = 40, 1e-12
CLOSE_BY, START = 0.7, 0.4  # so far in log x the coordinates of a corner are used, and from this angle on
NARROW = 1e-2  # a spread of log x at which they always are
DONE = 1e-10  # a residual of log z
SCAN, ZERO = 257, 1e-6
AGAIN = (0.3, 4), (0.6, 6)  # ratio of angles, Newton steps at each, for points that do not converge at once
LOW = 1e-10  # share of the mass that a law may have below what is scanned


def _log_above(u: np.ndarray) -> np.ndarray:
    return np.log(np.abs(u)) + 1j * np.arctan2(np.abs(u.imag), u.real)


@dataclass
class State:
    """w, rest = p + w (each to its own precision) and the u_l, at some points."""

    w: np.ndarray
    rest: np.ndarray
    us: list[np.ndarray]

    def take(self, at: np.ndarray) -> State:
        return State(self.w[at], self.rest[at], [u[at] for u in self.us])

    def put(self, at: np.ndarray, other: State) -> None:
        self.w[at], self.rest[at] = other.w, other.rest
        for mine, new in zip(self.us, other.us, strict=True):
            mine[at] = new


def solve(factors: Factors, log_r: np.ndarray, fine: float = 0.06) -> tuple[State, np.ndarray]:
    """The solution at z = exp(log_r) + i0, and the residual of log z at each point.

    `fine`: the last angle before 0; small for laws that are narrow. Points that do not converge are done again on
    finer arcs.
    """
    state = _negative(factors, log_r)
    with np.errstate(all="ignore"):
        left = _along(factors, log_r, state, _arc(fine), 2)
        for ratio, steps in AGAIN:
            again = np.flatnonzero(~(left <= DONE))
            if not again.size:
                break
            part = _negative(factors, log_r[again])
            closer = _along(factors, log_r[again], part, _arc(1e-13, ratio), steps)
            better = closer < left[again]
            state.put(again[better], part.take(better))
            left[again] = np.minimum(closer, left[again])
    return state, left


def _arc(fine: float, ratio: float = 0.5) -> list[float]:
    arc = list(ARC)
    while arc[-1] > fine:
        arc.append(arc[-1] * ratio)
    return [*arc, arc[-1] / 8]


def _along(factors: Factors, log_r: np.ndarray, state: State, arc: list[float], steps: int) -> np.ndarray:
    for angle in arc:
        for _ in range(steps):
            _newton(factors, log_r + 1j * angle, state)
    left = np.full(log_r.shape, np.inf)
    at = np.arange(log_r.size)
    for _ in range(NEWTON):
        part = state.take(at)
        left[at] = np.nan_to_num(_newton(factors, log_r[at] + 0j, part), nan=np.inf)
        # what has converged keeps the values before the step
        at, part = at[left[at] > CLOSE / 4], part.take(left[at] > CLOSE / 4)
        if not at.size:
            break
        state.put(at, part)
    return left


def _newton(factors: Factors, target: np.ndarray, state: State) -> np.ndarray:
    """One step of Newton's method; returns the residual before it."""
    w, rest = state.w, state.rest
    ahead = target - factors.explicit(w, rest)
    slope = factors.slope(w, rest)
    small = np.abs(rest) < np.abs(w)
    gaps, rates = np.empty((2, len(state.us), w.size), complex)
    times = np.array([count for _, count in factors.measures], float)
    for j, ((measure, count), u) in enumerate(zip(factors.measures, state.us, strict=True)):
        psi, psi_rest, rates[j] = measure.psi(u)
        gaps[j] = np.where(small, rest + (measure.positive - factors.positive) - psi_rest, w - psi)
        ahead = ahead - count * _log_above(u)
    move, push = step(ahead, slope, gaps, rates, times)
    off = np.abs(gaps) / np.maximum(np.abs(rates), 1e-3 * np.minimum(np.abs(w), np.abs(rest)))
    residual = np.abs(ahead) + times @ off
    move = move / np.maximum(1, np.abs(move) / (0.5 * np.minimum(np.abs(w), np.abs(rest))))
    for u, by in zip(state.us, push, strict=True):
        u *= np.exp(by / np.maximum(1, np.abs(by)))
        u.imag = np.abs(u.imag)
    for values in (w, rest):
        values += move
        values.imag = -np.abs(values.imag)
    return residual


def _negative(factors: Factors, log_r: np.ndarray) -> State:
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
    us = [-np.exp(take(log_u)) + 0j for log_u in log_us]
    at = take(v)
    return State(-p / (1 + np.exp(-at)) + 0j, p / (1 + np.exp(at)) + 0j, us)


def _inverse(measure: Measure, log_w: np.ndarray, log_rest: np.ndarray, p: float) -> np.ndarray:
    """log(-u) where psi(u) = w, for -w = exp(log_w) and p + w = exp(log_rest)."""
    own = measure.positive
    rest = log_rest if own <= p * (1 + 1e-12) else np.log(np.exp(log_rest) + (own - p))
    return np.interp(log_w - rest, *measure.left)


def tabulate(factors: Factors, name: str, latex: str) -> Banded:
    """The law of the product: its bands found, each tabulated."""
    spread = float(np.sqrt(sum(m * y for y, m in factors.ratios.items()) + max(factors.alpha + factors.beta, 0)
                           + sum(t * m.variance / m.moment(1) ** 2 for m, t in factors.measures)))  # fmt: skip
    fine = float(np.clip(spread / 4, 1e-9, 0.06))

    corners, atoms = factors.corners(spread), factors.atoms()
    narrow = spread < NARROW and bool(corners)

    def at(corner: Corner | None, log_x: np.ndarray) -> Values:
        if corner is None and narrow:
            corner = corners[len(corners) // 2]
            log_x = log_x - corner.at
        if corner is not None:
            close = np.abs(log_x) < CLOSE_BY
            far = _plain(factors, corner.at + log_x[~close], fine)
            near = _near(factors, corner, log_x[close])
            return Values(*(woven(close, *pair) for pair in zip(near, far, strict=True)))
        return _plain(factors, log_x, fine)

    top = log_top(factors)
    span = max(top - _lowest(factors), 1e-6)
    scan = top - np.geomspace(span, min(fine, span) * 1e-6, SCAN)
    if any(abs(corner.at - top) < 0.03 * spread for corner in corners):
        scan, end = np.append(scan, top + 0.1 * spread), None
    else:
        end = top
    found = bands(at, scan, corners, atoms, spread, ZERO, end)
    open_low = bool(found) and found[0][0].corner is None and found[0][0].offset == scan[0]
    lines = [(Tail if open_low and not j else Logarithm)(*ends) for j, ends in enumerate(found)]
    zero = 1 - factors.positive
    places = {corner.at: corner.place for corner in corners}
    all_atoms = [(0.0, zero)] * (zero > 1e-14) + [(places.get(at, float(np.exp(at))), mass) for at, mass in atoms]
    return tabulated(lines, at, all_atoms, name, latex)


def _plain(factors: Factors, log_x: np.ndarray, fine: float) -> Values:
    state, left = solve(factors, log_x, fine)
    size = np.minimum(np.abs(state.w), np.abs(state.rest))
    return Values(1 - factors.upper(state.w, state.rest, state.us), -state.w.imag / np.pi, size, left)


def _near(factors: Factors, corner: Corner, offset: np.ndarray) -> Values:
    """At log x = log e + offset, by the equations of the corner from where the arc comes near to it."""
    moved, log_r = corner.moved, corner.at + offset
    state = _negative(factors, log_r)
    with np.errstate(all="ignore"):
        for angle in ARC[ARC >= START]:
            for _ in range(3):
                _newton(factors, log_r + 1j * angle, state)
        etas = [u / at - 1 for u, at in zip(state.us, moved.places, strict=True)]
        h, etas, left = down(moved, offset, 1 / (1 + state.w), etas, START)
        g = 1 / h
    return Values(1 - moved.upper(g, etas), -g.imag / np.pi, np.minimum(np.abs(g - 1), np.abs(g)), left)


def _lowest(factors: Factors) -> float:
    """log r with at most LOW of the mass in (0, r)."""
    grid = np.linspace(-700, 300, 6001)
    return float(grid[np.argmax(_negative(factors, grid).rest.real > LOW)])


def log_top(factors: Factors) -> float:
    """log of the upper end of the continuous part: the minimum of log z over w > 0."""
    def log_z(log_w: np.ndarray, exact: bool) -> np.ndarray:
        w = np.exp(log_w)
        total = factors.constant + factors.alpha * np.log1p(w) + factors.beta * log_w
        for y, times in factors.ratios.items():
            total = total + times * np.log1p(y * w)
        for measure, times in factors.measures:
            log_gap = measure.log_gap(log_w) if exact else np.interp(log_w, *measure.right)
            total = total + times * np.log(measure.top + np.exp(log_gap))
        return total

    v = np.linspace(-40, 40, 1601)
    values = log_z(v, False)
    best = int(np.argmin(values))
    if best >= v.size - 2 or values[-1] - values[best] < 1e-9:
        return float(log_z(v[-1:], True)[0])
    found = optimize.minimize_scalar(
        lambda at: float(log_z(np.array([at]), True)[0]),
        bounds=(v[best - 1], v[best + 1]), method="bounded", options={"xatol": 1e-7},
    )  # fmt: skip
    return float(found.fun)
