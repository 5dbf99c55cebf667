"""Laws known through a solver: every band a Chebyshev series in a variable that makes its edges smooth."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.polynomial import chebyshev
from scipy import fft, special

from tpcore.spectra.laws.bands import End
from tpcore.spectra.laws.base import Law, legendre, points, probabilities

LEAST, MOST = 64, 1024  # coefficients
TABLE = 2049


class Line:
    """A band in the variable t from 1, its lower end, to 0, its upper: x moves off each end like the end's power of t.

    Powers of 2, for square roots, give x = middle + half cos(pi t).
    """

    def __init__(self, lower: End, upper: End):
        self.lower, self.upper = lower, upper
        same = lower.corner is upper.corner
        self.width = upper.offset - lower.offset if same else upper.at - lower.at
        self.low, self.high = self._out(lower, 0.0), self._out(upper, 0.0)
        self._powers = None if lower.power == upper.power == 2 else (upper.power, lower.power)

    def _out(self, end: End, distance):
        """The point at a distance from an end."""
        return end.at + distance

    def fallen(self, t):
        """The way from the upper end, as a share of the width."""
        return np.sin(np.pi * t / 2) ** 2 if self._powers is None else _smooth(t, *self._powers)

    def risen(self, t):
        """The way from the lower end, as a share of the width."""
        return np.cos(np.pi * t / 2) ** 2 if self._powers is None else _smooth(1 - t, *self._powers[::-1])

    def rate(self, t):
        """The derivative of `fallen`, times the width."""
        if self._powers is None:
            return self.width * np.pi / 2 * np.sin(np.pi * t)
        p, q = self._powers
        return self.width * p * comb(p + q - 1, p) * t ** (p - 1) * (1 - t) ** (q - 1)

    def solved(self, t: np.ndarray, at: Callable):
        """``at(corner, offsets)`` of the points at t, each from the nearer end's corner."""
        upper = t < 0.5
        high = at(self.upper.corner, self.upper.offset - self.width * self.fallen(t[upper]))
        low = at(self.lower.corner, self.lower.offset + self.width * self.risen(t[~upper]))
        return [woven(upper, *pair) for pair in zip(high, low, strict=True)]

    def x(self, t):
        upper = np.real(t) < 0.5
        return np.where(upper, self._out(self.upper, -self.width * self.fallen(t)),
                        self._out(self.lower, self.width * self.risen(t)))  # fmt: skip

    def _ways(self, x) -> tuple[np.ndarray, np.ndarray]:
        """Distances of x from the lower and the upper end, in units of the width."""
        return (x - self.low) / self.width, (self.high - x) / self.width

    def t(self, x):
        up, down = (np.clip(way, 0, 1) for way in self._ways(x))
        if self._powers is None:
            return 2 / np.pi * np.arctan2(np.sqrt(down), np.sqrt(up))
        p, q = self._powers
        return np.where(down < 0.5, special.betaincinv(p, q, down), 1 - special.betaincinv(q, p, up))

    def slope(self, t):
        """-dx/dt."""
        return self.rate(t)


class Logarithm(Line):
    """The same for log x: for bands over orders of magnitude."""

    def _out(self, end: End, distance):
        place = 1.0 if end.corner is None else end.corner.place
        return place * np.exp(end.offset + distance)

    def _ways(self, x) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x / self.low) / self.width, np.log(self.high / x) / self.width

    def slope(self, t):
        return self.x(t) * self.rate(t)


class Tail(Logarithm):
    """log x = log high - width t^power: smooth above, and below a power of x, with or without logarithms."""

    def fallen(self, t):
        return t**self.upper.power

    def risen(self, t):
        return 1 - t**self.upper.power

    def rate(self, t):
        return self.width * self.upper.power * t ** (self.upper.power - 1)

    def solved(self, t: np.ndarray, at: Callable):
        return list(at(self.upper.corner, self.upper.offset - self.width * self.fallen(t)))

    def x(self, t):
        return self._out(self.upper, -self.width * self.fallen(t))

    def t(self, x):
        return np.clip(self._ways(x)[1], 0, 1) ** (1 / self.upper.power)


def _smooth(t, p: int, q: int):
    """The polynomial that rises from 0 to 1 like t^p at 0 and like 1 - (1 - t)^q at 1; complex t too."""
    n = p + q - 1
    return sum(comb(n, j) * t**j * (1 - t) ** (n - j) for j in range(p, n + 1))


def woven(first: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`one` where `first`, `other` elsewhere."""
    values = np.empty(first.shape, one.dtype)
    values[first], values[~first] = one, other
    return values


class Band:
    """One band: F(t) and -dF/dt as Chebyshev series.

    Parameters
    ----------
    line : Line
    at : callable
        ``at(corner, offsets)``: the distribution function F, and the density, or x times it where `line` is
        logarithmic, and more; see `tpcore.spectra.laws.bands.Values`.

    Attributes
    ----------
    error : float
        The truncation, and what the two series say differently about the mass.
    left : float
        The largest residual of the solver.
    """

    def __init__(self, line: Line, at: Callable, tolerance: float = 1e-9):
        self.line = line
        size = LEAST
        while True:
            t = (1 - np.cos(np.pi * (np.arange(size) + 0.5) / size)) / 2
            below, density, _, left = line.solved(t, at)
            self.below, self.rate = _series(below), _series(density * line.rate(t))
            tail = max(np.abs(series[-size // 8 :]).sum() for series in (self.below, self.rate))
            if tail < tolerance * (size / LEAST) ** 2 or size >= MOST:
                break
            size *= 2
        sums = chebyshev.chebint(self.rate, scl=0.5)
        mass = chebyshev.chebval(1.0, sums) - chebyshev.chebval(-1.0, sums)
        tail = max(np.abs(series[-size // 8 :]).sum() for series in (self.below, sums))
        self.error = float(np.maximum(tail, abs(mass - np.ptp(self.at(np.array([0.0, 1.0]))))))
        self.left = float(left.max())
        self.table = self.at(np.linspace(0, 1, TABLE))

    def at(self, t: np.ndarray) -> np.ndarray:
        """F at parameter t."""
        return chebyshev.chebval(1 - 2 * t, self.below)

    def mass_rate(self, t: np.ndarray) -> np.ndarray:
        """-dF/dt at parameter t."""
        return np.maximum(chebyshev.chebval(1 - 2 * t, self.rate), 0.0)

    def density(self, x: np.ndarray) -> np.ndarray:
        t = self.line.t(x)
        slope = self.line.rate(t) * (x if isinstance(self.line, Logarithm) else 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(slope > 0, self.mass_rate(t) / slope, 0.0)

    def parameter(self, p: np.ndarray) -> np.ndarray:
        """t with F(t) = p: a table, then Newton's method within its cell."""
        falling = np.minimum.accumulate(self.table)
        cell = np.clip(np.searchsorted(-falling, -p) - 1, 0, TABLE - 2)
        low, high = cell / (TABLE - 1), (cell + 1) / (TABLE - 1)
        t = (low + high) / 2
        for _ in range(6):
            gap = self.at(t) - p
            low, high = np.where(gap > 0, t, low), np.where(gap > 0, high, t)
            rate = self.mass_rate(t)
            moved = t + gap / np.where(rate > 0, rate, np.inf)
            t = np.where((moved >= low) & (moved <= high), moved, (low + high) / 2)
        return t


def _series(values: np.ndarray) -> np.ndarray:
    """Chebyshev coefficients from values at the points cos(pi (j + 1/2) / n)."""
    series = fft.dct(values, type=2) / values.size
    series[0] /= 2
    return series


class Banded(Law):
    """A law given by `Band`s, ascending, and atoms.

    `error` bounds the truncation of the series of `cdf` plus the error of the solver. `parts`: of what it is a free
    "sum" or "product".
    """

    parts: tuple[str, tuple[Law, ...]] = ("", ())

    def __init__(self, pieces: list[Band], atoms, name: str, latex: str, error: float = 0.0):
        self.pieces, self.name, self.latex = pieces, name, latex
        self.atoms = tuple(sorted(atoms))
        ends = [end for band in self.bands for end in band] + [at for at, _ in self.atoms]
        self.support = (float(min(ends)), float(max(ends)))
        self.error = float(np.max([error, 1e-12, *(piece.error for piece in pieces)]))

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        found: list[tuple[float, float]] = []
        for line in (piece.line for piece in self.pieces):
            low = 0.0 if isinstance(line, Tail) else float(line.low)
            joined = found and found[-1][1] == low and line.lower.bound
            found[-1:] = [(found[-1][0], float(line.high))] if joined else [*found[-1:], (low, float(line.high))]
        return tuple(found)

    def pdf(self, x):
        """Density of the absolutely continuous part; inf where it has no bound, 0 at all other edges."""
        x = points(x)
        total = np.where(np.isnan(x), np.nan, 0.0)
        for piece in self.pieces:
            bottom = 0.0 if isinstance(piece.line, Tail) else piece.line.low
            inside = (x > bottom) & (x < piece.line.high)
            total = np.where(inside, piece.density(np.where(inside, x, piece.line.high)), total)
            if isinstance(piece.line, Tail):
                total = np.where(x == 0, np.inf, total)
            for end, place in ((piece.line.lower, piece.line.low), (piece.line.upper, piece.line.high)):
                total = total if end.bound else np.where(x == place, np.inf, total)
        return total[()]

    def cdf(self, x):
        """P(X <= x), atoms included."""
        x = points(x)
        total = np.where(np.isnan(x), np.nan, 0.0)
        for at, mass in self.atoms:
            total = total + np.where(x >= at, mass, 0.0)
        for piece in self.pieces:
            low, high = piece.line.low, piece.line.high
            start, end = piece.at(np.array([1.0, 0.0]))
            share = piece.at(piece.line.t(np.clip(x, low, high))) - start
            total = total + np.where(x >= high, end - start, np.where(x > low, share, 0.0))
        return np.clip(total, 0, 1)[()]

    def quantile(self, p):
        """The smallest x with P(X <= x) >= p; 0 < p < 1 by the inverse of the series."""
        p = probabilities(p)
        x = np.full(p.shape, self.support[1])
        for piece in self.pieces[::-1]:
            start, end = piece.at(np.array([1.0, 0.0]))
            bottom = float(self.cdf(piece.line.low))
            t = piece.parameter(np.clip(p - bottom + start, start, end))
            x = np.where(p <= bottom + end - start, piece.line.x(t), x)
        for at, mass in self.atoms:
            top = float(self.cdf(at))
            x = np.where((p <= top) & (p > top - mass), at, x)
        return np.where(p == 0, self.support[0], x)[()]

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Point masses by Gauss-Legendre quadrature in the variable of each band, and the atoms.

        `count` a band, or as many as its series has coefficients, but for a tail at 0.
        """
        places, masses = [[at for at, _ in self.atoms]], [[mass for _, mass in self.atoms]]
        for piece in self.pieces:
            angle, weight = legendre(count if isinstance(piece.line, Tail) else max(count, piece.rate.size))
            t = angle / np.pi + 0.5
            places.append(piece.line.x(t))
            masses.append(weight / np.pi * piece.mass_rate(t))
        return np.concatenate(places), np.concatenate(masses)

    def below(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """The same on paths below the real line from end to end of each band: complex places and masses."""
        angle, weight = legendre(count)
        share = angle / np.pi + 0.5
        places: list = [[at for at, _ in self.atoms]]
        masses: list = [[mass for _, mass in self.atoms]]
        for piece in self.pieces:
            steep = piece.line.width if isinstance(piece.line, Logarithm) else 1.0
            lift = 1j * min(0.15, 20 / piece.rate.size, 2 / steep)
            t = share + lift * share * (1 - share)
            rate = chebyshev.chebval(1 - 2 * t, piece.rate) * (1 + lift * (1 - 2 * share))
            places.append(piece.line.x(t))
            masses.append(rate * weight / np.pi)
        return np.concatenate(places), np.concatenate(masses)


def tabulated(lines: list[Line], at: Callable, atoms, name: str, latex: str) -> Banded:
    """The law with these bands and atoms; its error by the series, the residuals and the mass."""
    pieces = [Band(line, at) for line in lines]
    law = Banded(pieces, atoms, name, latex, min(np.max([0.0, *(piece.left for piece in pieces)]), 1.0))
    mass = sum(mass for _, mass in law.atoms) + sum(np.ptp(piece.at(np.array([1.0, 0.0]))) for piece in pieces)
    law.error = float(np.nan_to_num(np.max([law.error, abs(mass - 1), abs(law.moment(0) - 1)]), nan=np.inf))
    return law
