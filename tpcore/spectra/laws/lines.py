"""Bands of laws in a variable that makes their edges smooth."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from scipy import special

from tpcore.spectra.laws.bands import End


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
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
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
