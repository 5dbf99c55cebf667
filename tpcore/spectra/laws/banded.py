"""Laws known through a solver: every band a Chebyshev series in a variable that makes its edges smooth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev
from scipy import fft

from tpcore.errors import Misuse
from tpcore.spectra.laws.base import Law, legendre, points, probabilities
from tpcore.spectra.laws.lines import Line, Logarithm, Tail

LEAST, MOST = 64, 1024  # coefficients
WORST = 1e-2  # an error from which on a law is refused
DUST, BOTTOM = 1e-8, 1e-290  # a mass that is not to be lost; where doubles end, almost
TABLE, SLIP = 2049, 1e-9


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
        # a root at an end of its cell may lie beyond it, by rounding
        low, high = np.maximum(cell / (TABLE - 1) - SLIP, 0), np.minimum((cell + 1) / (TABLE - 1) + SLIP, 1)
        t = (low + high) / 2
        for _ in range(6):
            gap = self.at(t) - p
            low, high = np.where(gap > 0, t, low), np.where(gap > 0, high, t)
            rate = self.mass_rate(t)
            t = np.clip(t + gap / np.where(rate > 0, rate, np.inf), low, high)
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
    """The law with these bands and atoms; its error by the series, the residuals and the mass.

    What is left below a tail that ends where doubles do counts as an atom at 0.
    """
    if not lines and not atoms:
        raise Misuse("The bands of a free convolution must be within reach of double precision",
                     f"{name}, all of it within rounding of one point", "Take its mean")  # fmt: skip
    pieces = [Band(line, at) for line in lines]
    if lines and isinstance(lines[0], Tail) and lines[0].low < BOTTOM:
        beneath, zero = float(pieces[0].at(np.array([1.0]))[0]), sum(mass for place, mass in atoms if place == 0)
        if beneath > zero + DUST:
            atoms = [(0.0, beneath), *(atom for atom in atoms if atom[0] != 0)]
    law = Banded(pieces, atoms, name, latex, min(np.max([0.0, *(piece.left for piece in pieces)]), 1.0))
    mass = sum(mass for _, mass in law.atoms) + sum(np.ptp(piece.at(np.array([1.0, 0.0]))) for piece in pieces)
    law.error = float(np.nan_to_num(np.max([law.error, abs(mass - 1), abs(law.moment(0) - 1)]), nan=np.inf))
    return law


def trusted(law: Banded, what: str, hint: str) -> Banded:
    """`law`, refused in words where its error is beyond 0.01."""
    if not law.error < WORST:
        raise Misuse(what, f"{law.name}, with an error of {law.error:.1g}", hint)
    return law
