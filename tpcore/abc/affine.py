"""Affine functions of two coordinates, with exact coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Affine:
    """constant + x * (first coordinate) + y * (second): one exponent on the plane."""

    constant: Fraction = Fraction(0)
    x: Fraction = Fraction(0)
    y: Fraction = Fraction(0)

    def __add__(self, other) -> Affine:
        other = other if isinstance(other, Affine) else Affine(Fraction(other))
        return Affine(self.constant + other.constant, self.x + other.x, self.y + other.y)

    def __mul__(self, factor) -> Affine:
        return Affine(self.constant * factor, self.x * factor, self.y * factor)

    def __neg__(self) -> Affine:
        return self * -1

    def __sub__(self, other) -> Affine:
        return self + -other

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other) -> Affine:
        return -self + other

    def at(self, x: Fraction, y: Fraction) -> Fraction:
        return self.constant + self.x * x + self.y * y
