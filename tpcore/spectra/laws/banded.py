"""Laws known through a solver: every band a Chebyshev series in a variable that makes its edges smooth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev
from scipy import fft

from tpcore.spectra.laws.base import Law, legendre, points, probabilities

LEAST, MOST = 64, 1024  # coefficients
TABLE = 2049


class Line:
    """x = middle + half cos(pi t) for 0 < t < 1: square roots at both ends become smooth."""

    def __init__(self, low: float, high: float):
        self.low, self.high = low, high

    def x(self, t):
        return self.low + (self.high - self.low) * np.cos(np.pi * t / 2) ** 2

    def t(self, x):
        share = (self.high - x) / (self.high - self.low)
        return 2 / np.pi * np.arcsin(np.sqrt(np.clip(share, 0, 1)))

    def slope(self, t):
        """-dx/dt."""
        return (self.high - self.low) * np.pi / 2 * np.sin(np.pi * t)

    target = x


class Logarithm(Line):
    """log x = middle + half cos(pi t): for bands over orders of magnitude."""

    def __init__(self, low: float, high: float):
        super().__init__(low, high)
        self._span = np.log(high) - np.log(low)

    def target(self, t):
        """log x."""
        return np.log(self.high) - self._span * np.sin(np.pi * t / 2) ** 2

    def x(self, t):
        return np.exp(self.target(t))

    def t(self, x):
        with np.errstate(divide="ignore"):
            share = np.log(x / self.high) / -self._span
        return 2 / np.pi * np.arcsin(np.sqrt(np.clip(share, 0, 1)))

    def relative(self, t):
        """-d log x / dt."""
        return self._span * np.pi / 2 * np.sin(np.pi * t)

    def slope(self, t):
        return self.x(t) * self.relative(t)


class Tail(Logarithm):
    """log x = log high - span t^2: a square root above, and below a power of x, with or without logarithms."""

    def target(self, t):
        """log x."""
        return np.log(self.high) - self._span * t * t

    def t(self, x):
        with np.errstate(divide="ignore"):
            return np.sqrt(np.clip(np.log(x / self.high) / -self._span, 0, 1))

    def relative(self, t):
        return 2 * self._span * t


class Band:
    """One band: F(t) and -dF/dt as Chebyshev series.

    Parameters
    ----------
    line : Line
    solve : callable
        ``solve(targets)``: the distribution function F, and the density, or x times it where `line` is logarithmic.
    """

    def __init__(self, line: Line, solve: Callable, tolerance: float = 1e-9):
        self.line = line
        size = LEAST
        while True:
            t = (1 - np.cos(np.pi * (np.arange(size) + 0.5) / size)) / 2
            below, density = solve(line.target(t))
            rate = line.relative(t) if isinstance(line, Logarithm) else line.slope(t)
            self.below, self.rate = _series(below), _series(density * rate)
            tail = max(np.abs(series[-size // 8 :]).sum() for series in (self.below, self.rate))
            if tail < tolerance * (size / LEAST) ** 2 or size >= MOST:
                break
            size *= 2
        self.error = float(tail)
        self.table = self.at(np.linspace(0, 1, TABLE))

    def at(self, t: np.ndarray) -> np.ndarray:
        """F at parameter t."""
        return chebyshev.chebval(1 - 2 * t, self.below)

    def mass_rate(self, t: np.ndarray) -> np.ndarray:
        """-dF/dt at parameter t."""
        return np.maximum(chebyshev.chebval(1 - 2 * t, self.rate), 0.0)

    def density(self, x: np.ndarray) -> np.ndarray:
        t = self.line.t(x)
        slope = self.line.relative(t) * x if isinstance(self.line, Logarithm) else self.line.slope(t)
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

    `error` bounds the truncation of the series of `cdf` plus the error of the solver.
    """

    def __init__(self, pieces: list[Band], atoms, name: str, latex: str, error: float = 0.0):
        self.pieces, self.name, self.latex = pieces, name, latex
        self.atoms = tuple(sorted(atoms))
        ends = [end for band in self.bands for end in band] + [at for at, _ in self.atoms]
        self.support = (float(min(ends)), float(max(ends)))
        self.error = max([error, 1e-12] + [piece.error for piece in pieces])

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        lows = (0.0 if isinstance(piece.line, Tail) else float(piece.line.low) for piece in self.pieces)
        return tuple((low, float(piece.line.high)) for low, piece in zip(lows, self.pieces, strict=True))

    def pdf(self, x):
        """Density of the absolutely continuous part; inf at an edge 0 where it has no bound, 0 at all other edges."""
        x = points(x)
        total = np.where(np.isnan(x), np.nan, 0.0)
        for piece in self.pieces:
            bottom = 0.0 if isinstance(piece.line, Tail) else piece.line.low
            inside = (x > bottom) & (x < piece.line.high)
            total = np.where(inside, piece.density(np.where(inside, x, piece.line.high)), total)
            if isinstance(piece.line, Tail):
                total = np.where(x == 0, np.inf, total)
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
        """Point masses by Gauss-Legendre quadrature in the variable of each band, and the atoms."""
        angle, weight = legendre(count)
        t = angle / np.pi + 0.5
        places = [[at for at, _ in self.atoms], *(piece.line.x(t) for piece in self.pieces)]
        masses = [[mass for _, mass in self.atoms], *(weight / np.pi * piece.mass_rate(t) for piece in self.pieces)]
        return np.concatenate(places), np.concatenate(masses)

    def below(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """The same on paths below the real line from end to end of each band: complex places and masses."""
        angle, weight = legendre(count)
        share = angle / np.pi + 0.5
        places: list = [[at for at, _ in self.atoms]]
        masses: list = [[mass for _, mass in self.atoms]]
        for piece in self.pieces:
            steep = piece.line._span if isinstance(piece.line, Logarithm) else 1.0
            lift = 1j * min(0.15, 20 / piece.rate.size, 2 / steep)
            t = share + lift * share * (1 - share)
            rate = chebyshev.chebval(1 - 2 * t, piece.rate) * (1 + lift * (1 - 2 * share))
            places.append(piece.line.x(t))
            masses.append(rate * weight / np.pi)
        return np.concatenate(places), np.concatenate(masses)
