r"""Free additive convolution of laws on the line.

Let g be the Cauchy transform of the sum and omega_i the subordination functions, E 1 / (omega_i - X_i) = g. Then

.. math:: z = \sum_i \omega_i - (n - 1) / g, \qquad
          1 - F(x) = \frac1\pi \Im \Big[(n - 1) \log g + \sum_i E \log(\omega_i - X_i)\Big]_{z = x + i0}.

Where omega_i = 1 / g + R_i(g) is explicit (semicircle, Marchenko-Pastur, a point mass) it is inserted; the others are
unknowns of a Newton iteration along z = x + iy, from far above down to the line. On the way Im g < 0 < Im omega_i and
the solution is unique (Belinschi and Bercovici, J. Anal. Math. 101, 2007).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tpcore.spectra.laws.banded import Banded, tabulated
from tpcore.spectra.laws.bands import Values, bands
from tpcore.spectra.laws.corner import SLACK, Corner, Meeting, chosen, meetings
from tpcore.spectra.laws.descent import down
from tpcore.spectra.laws.lines import Line
from tpcore.spectra.laws.measure import Measure
from tpcore.spectra.laws.pivot import step

NEWTON, CLOSE, SCAN, ZERO = 40, 1e-12, 257, 1e-5
PATHS = (0.6, 1e-2, 2), (0.5, 1e-13, 3), (0.75, 1e-13, 5)  # factor of the height, its end, Newton steps at each


@dataclass
class Terms:
    """z = constant + (1 - implicit) / g + variance g + sum_j s_j^2 / (1 - y_j s_j^2 g) + sum_l m_l omega_l.

    Attributes
    ----------
    constant, variance : float
        Of the point masses and the semicircles together.
    poisson : list of (y, s^2)
        Marchenko-Pastur laws.
    measures : list of (Measure, int)
        Those with omega_l unknown, and how often each occurs.
    low, high : float
        All mass lies between them.

    What is derived is computed once: nothing may be added after the first use.
    """

    constant: float = 0.0
    variance: float = 0.0
    poisson: list[tuple[float, float]] = field(default_factory=list)
    measures: list[tuple[Measure, int]] = field(default_factory=list)
    low: float = 0.0
    high: float = 0.0

    def extend(self, low: float, high: float) -> None:
        self.low, self.high = self.low + low, self.high + high

    @cached_property
    def mean(self) -> float:
        means = sum(times * measure.moment(1) for measure, times in self.measures)
        return self.constant + sum(square for _, square in self.poisson) + means

    @cached_property
    def spread(self) -> float:
        """The standard deviation."""
        own = sum(times * m.variance for m, times in self.measures)
        return float(np.sqrt(self.variance + sum(y * square**2 for y, square in self.poisson) + own))

    @cached_property
    def over_g(self) -> float:
        return 1.0 - sum(times for _, times in self.measures)

    def explicit(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z without the omega_l, and its derivative by g."""
        value = self.constant + self.over_g / g + self.variance * g
        slope = -self.over_g / g**2 + self.variance
        for y, square in self.poisson:
            inverse = 1 / (1 - y * square * g)
            value, slope = value + square * inverse, slope + y * square**2 * inverse**2
        return value, slope

    def upper(self, g: np.ndarray, omegas: list[np.ndarray]) -> np.ndarray:
        """1 - F at real points, from the solution there."""
        angle = lambda v: -np.arctan2(np.abs(v.imag), v.real)  # noqa: E731
        total = -self.over_g * angle(g) + self.variance * (g * g).imag / 2
        for y, square in self.poisson:
            rest = 1 - y * square * g  # Im >= 0
            total = total + ((1 / rest).imag + np.arctan2(rest.imag, rest.real)) / y
        for (measure, times), omega in zip(self.measures, omegas, strict=True):
            total = total + times * measure.angle(omega)
        return total / np.pi

    def near(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`explicit` as a function of h = 1 / g, and its derivative by h."""
        value, slope = self.constant + self.over_g * h + self.variance / h, self.over_g - self.variance / h**2
        for y, square in self.poisson:
            inverse = square / (h - y * square)
            value, slope = value + h * inverse, slope - y * inverse**2
        return value, slope

    def outer(self, omega: np.ndarray) -> tuple[np.ndarray, complex]:
        """What of z an omega_l gives, and its derivative."""
        return omega, 1.0

    def own(self, measure: Measure, omega: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """g by one law, and its derivative by omega."""
        return measure.cauchy(omega)

    def _groups(self) -> list:
        """The atoms of the laws, how often each law occurs."""
        groups = [(list(m.atoms), times) for m, times in self.measures]
        return groups + [([(0.0, 1 - 1 / y)] if y > 1 else [], 1) for y, _ in self.poisson]

    def atoms(self) -> list[tuple[float, float]]:
        """The atoms of the sum."""
        return [] if self.variance else [(self.constant + m.place, m.excess) for m in meetings(self._groups())]

    def corners(self) -> list[Corner]:
        """Where atoms of the laws meet to an atom of the sum, or almost."""
        found = [] if self.variance else meetings(self._groups(), SLACK)
        return chosen([self._corner(meeting) for meeting in found], self.spread)

    def _corner(self, meeting: Meeting) -> Corner:
        place = self.constant + meeting.place
        pairs = list(zip(self.measures, meeting.picks, strict=False))
        moved = Terms(0.0, 0.0, self.poisson, [(m.moved(at), times) for (m, times), (at, _) in pairs],
                      self.low - place, self.high - place)  # fmt: skip
        bend = sum(times * mass * m.pull for (m, times), (_, (_, mass)) in zip(moved.measures, pairs, strict=True))
        bend -= sum(1 / (y * square) ** 2 * square for y, square in self.poisson)
        return Corner(place, place, meeting.excess, bend, moved, self.spread)


def solve(terms: Terms, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """g and the omega_l at x + i0, and the residual of z in units of the spread at each point."""
    with np.errstate(all="ignore"):
        g, omegas, left = _down(terms, x, *PATHS[0])
        for path in (None, *PATHS[1:]):
            again = np.flatnonzero(~(left <= 1e-11))
            if not again.size:
                break
            new_g, new, closer = _down(terms, x[again], *path) if path else _inverse(terms, x[again])
            better = closer < left[again]
            g[again[better]] = new_g[better]
            for omega, other in zip(omegas, new, strict=True):
                omega[again[better]] = other[better]
            left[again] = np.minimum(closer, left[again])
    return g, omegas, left


def _down(terms: Terms, x: np.ndarray, factor: float, least: float, steps: int):
    unit, mean = terms.spread, terms.mean
    height = 4 * unit + (terms.high - terms.low)
    z = x + 1j * height
    g = 1 / (z - mean)
    omegas = [z - mean + measure.moment(1) for measure, _ in terms.measures]
    while height > least * unit:
        for _ in range(steps):
            _newton(terms, x + 1j * height, g, omegas)
        height *= factor
    left = np.full(x.shape, np.inf)
    at = np.arange(x.size)
    part_g, part = g.copy(), [omega.copy() for omega in omegas]
    for _ in range(NEWTON):
        before_g, before = part_g.copy(), [omega.copy() for omega in part]
        left[at] = np.nan_to_num(_newton(terms, x[at] + 0j, part_g, part), nan=np.inf)
        done = left[at] <= CLOSE / 4
        # what has converged keeps the values before the step
        g[at] = np.where(done, before_g, part_g)
        for omega, old, new in zip(omegas, before, part, strict=True):
            omega[at] = np.where(done, old, new)
        at, part_g, part = at[~done], part_g[~done], [omega[~done] for omega in part]
        if not at.size:
            break
    return g, omegas, left


def _newton(terms: Terms, z: np.ndarray, g: np.ndarray, omegas: list[np.ndarray]) -> np.ndarray:
    """One step of Newton's method, in place; returns the residual before it, in units of the spread."""
    value, slope = terms.explicit(g)
    ahead = z - value
    gaps, rates = np.empty((2, len(omegas), g.size), complex)
    times = np.array([count for _, count in terms.measures], float)
    for j, ((measure, count), omega) in enumerate(zip(terms.measures, omegas, strict=True)):
        own, rates[j] = measure.cauchy(omega)
        gaps[j] = g - own
        ahead = ahead - count * omega
    move, push = step(ahead, slope, gaps, rates, times)
    unit = terms.spread
    off = np.abs(gaps) / np.maximum(np.abs(rates), 1e-3 * np.maximum(np.abs(g), 0.1 / unit) / unit)
    residual = (np.abs(ahead) + times @ off) / unit
    move = move / np.maximum(1, 2 * np.abs(move) / np.maximum(np.abs(g), 0.1 / unit))
    for omega, by in zip(omegas, push, strict=True):
        omega += by / np.maximum(1, np.abs(by) / unit)
        omega.imag = np.abs(omega.imag)
    g += move
    g.imag = -np.abs(g.imag)
    return residual


def _inverse(terms: Terms, x: np.ndarray):
    """The same by h = 1 / g."""
    h, omegas, left = _above(terms, x, 1e-2 * terms.spread)
    return 1 / h, omegas, left * np.minimum(np.abs(h) / terms.spread, 1)


def _above(terms: Terms, x: np.ndarray, end: float | None):
    height = 4 * terms.spread + (terms.high - terms.low)
    h = x + 1j * height - terms.mean
    return down(terms, x, h, [h + measure.moment(1) for measure, _ in terms.measures], height, end)


def _near(corner: Corner, offset: np.ndarray) -> Values:
    """At e + offset, in the coordinates of the corner."""
    moved = corner.moved
    with np.errstate(all="ignore"):
        h, omegas, left = _above(moved, offset, None)
        g = 1 / h
    return Values(1 - moved.upper(g, omegas), -g.imag / np.pi, np.maximum(np.abs(g), 1 / moved.spread), left)


def tabulate(terms: Terms, name: str, latex: str) -> Banded:
    """The law of the sum: its bands found, each tabulated."""
    def at(corner: Corner | None, x: np.ndarray) -> Values:
        if corner is not None:
            return _near(corner, x)
        g, omegas, left = solve(terms, x)
        return Values(1 - terms.upper(g, omegas), -g.imag / np.pi, np.maximum(np.abs(g), 1 / terms.spread), left)

    margin = 1e-3 * terms.spread
    scan = np.linspace(terms.low - margin, terms.high + margin, SCAN)
    lines = [Line(*ends) for ends in bands(at, scan, terms.corners(), terms.atoms(), terms.spread, ZERO)]
    return tabulated(lines, at, terms.atoms(), name, latex)
