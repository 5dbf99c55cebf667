"""A law as a finite sum of point masses: how laws without a closed transform enter free convolutions."""

from __future__ import annotations

import numpy as np

BLOCK = 2**18  # complex numbers that are held at once


class Measure:
    """Point masses `masses` at `places`, the nodes of a quadrature.

    Attributes
    ----------
    places, masses : ndarray, (K,)
        Ascending and distinct; the masses add up to 1.
    heaviest : (float, float)
        The true atom of largest mass (place, mass); mass 0 for continuous laws.
    """

    def __init__(self, places, masses, heaviest: tuple[float, float] | None = None):
        self.places, at = np.unique(np.asarray(places, float), return_inverse=True)
        self.masses = np.bincount(at, np.asarray(masses, float))
        self.masses /= self.masses.sum()
        most = int(np.argmax(self.masses))
        self.heaviest = (float(self.places[most]), float(self.masses[most])) if heaviest is None else heaviest

    @property
    def top(self) -> float:
        return float(self.places[-1])

    @property
    def positive(self) -> float:
        """The mass of what is not 0."""
        return float(self.masses[self.places > 0].sum()) if self.places[0] <= 0 else 1.0

    def moment(self, k: int) -> float:
        """E X^k."""
        return float(self.masses @ self.places**k)

    def cauchy(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(g, dg / du), g = E 1 / (u - X)."""
        return self._sums(u, self.masses)

    def psi(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """psi = E X / (u - X), psi + P(X > 0), and d psi / d log u: each without cancellation."""
        weight = np.where(self.places > 0, self.masses, 0.0)
        value, slope = self._sums(u, np.stack([weight * self.places, weight], axis=1))
        return value[:, 0], u * value[:, 1], u * slope[:, 0]

    def _sums(self, u: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """sum_k weight_k / (u - X_k) and its derivative by u; `weight` (K,) or (K, j)."""
        value = np.empty(u.shape + weight.shape[1:], complex)
        slope = np.empty_like(value)
        rows = max(1, BLOCK // self.places.size)
        for low in range(0, u.size, rows):
            at = slice(low, low + rows)
            inverse = 1 / (u[at, None] - self.places)
            value[at] = inverse @ weight
            slope[at] = -((inverse * inverse) @ weight)
        return value, slope

    def angle(self, u: np.ndarray) -> np.ndarray:
        """E arg(u - X), in [0, pi], for u in the closed upper half plane."""
        total = np.empty(u.shape)
        rows = max(1, BLOCK // self.places.size)
        for low in range(0, u.size, rows):
            at = slice(low, low + rows)
            total[at] = np.arctan2(np.abs(u.imag[at, None]), u.real[at, None] - self.places) @ self.masses
        return total
