"""The law of phi'(h)^2 itself, h Gaussian: the Jacobian of one layer with orthogonal weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from tpcore.spectra.laws.base import Law, points


class SquaredSlope(Law):
    """The law of factor * slope(g)^2, g ~ N(0, 1).

    Parameters
    ----------
    slope : callable
    pieces : list of (float, float)
        Intervals of g on which slope^2 is strictly monotone; where it is constant it is an atom.
    factor : float
    atoms : tuple of (place, mass)
        Of slope^2.
    quadrature : (places, masses)
        Nodes for integrals.
    name : str
    """

    def __init__(self, slope: Callable, pieces, factor: float, atoms, quadrature, name: str):
        self._slope, self._factor, self._quadrature = slope, factor, quadrature
        self.name, self.latex = name, r"\sigma_w^2\, \phi'(h)^2"
        self.atoms = tuple((factor * at, mass) for at, mass in atoms)
        self._pieces = []
        for low, high in pieces:
            at_low, at_high = self._value(np.array([low, high]))
            self._pieces.append((low, high, at_low) if at_low < at_high else (high, low, at_high))
        reach = [self._value(np.array(piece[:2])) for piece in self._pieces]
        merged: list[list[float]] = []
        for low, high in sorted((float(ends.min()), float(ends.max())) for ends in reach):
            if merged and low <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], high)
            else:
                merged.append([low, high])
        self._bands = tuple((low, high) for low, high in merged)
        ends = [end for band in self._bands for end in band] + [at for at, _ in self.atoms]
        self.support = (min(ends), max(ends))
        self.error = 1e-12

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        return self._bands

    def _value(self, g: np.ndarray) -> np.ndarray:
        return self._factor * self._slope(g) ** 2

    def _solve(self, piece, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the piece reaches x, by bisection, and whether it does."""
        start, end, _ = piece
        bottom, top = self._value(np.array([start, end]))
        low, high = np.full(x.shape, start), np.full(x.shape, end)
        for _ in range(60):
            middle = (low + high) / 2
            under = self._value(middle) < x
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return (low + high) / 2, (x > bottom) & (x < top)

    def pdf(self, x):
        """sum over g with value x of the Gaussian density by the slope there; inf at the values where it turns."""
        x = points(x)
        total = np.where(np.isnan(x), np.nan, 0.0)
        for piece in self._pieces:
            g, inside = self._solve(piece, x)
            step = 1e-5
            rate = np.abs(self._value(g + step) - self._value(g - step)) / (2 * step)
            with np.errstate(divide="ignore", invalid="ignore"):
                density = np.exp(-g * g / 2) / np.sqrt(2 * np.pi) / rate
            total = total + np.where(inside, density, 0.0)
        return total[()]

    def cdf(self, x):
        """P(X <= x), atoms included."""
        x = points(x)
        total = np.where(np.isnan(x), np.nan, 0.0)
        for at, mass in self.atoms:
            total = total + np.where(x >= at, mass, 0.0)
        for piece in self._pieces:
            start, end, bottom = piece
            g, inside = self._solve(piece, x)
            whole = abs(special.ndtr(end) - special.ndtr(start))
            part = np.abs(special.ndtr(g) - special.ndtr(start))
            total = total + np.where(inside, part, np.where(x > bottom, whole, 0.0))
        return np.clip(total, 0, 1)[()]

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """The nodes of a quadrature in h."""
        return self._factor * self._quadrature[0], self._quadrature[1]
