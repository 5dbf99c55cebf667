"""A law as a finite sum of point masses: how laws without a closed transform enter free convolutions.

Transforms are wanted in the closed upper half plane, next to the places where the law has its mass. So the quadrature
may come on a second contour too, that runs below the real line (`below`): the same integrals, and nothing is singular.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np

from tpcore.jitted.cauchy import mean_angles, pole_sums


class Measure:
    """Point masses `masses` at `places`, the nodes of a quadrature.

    Attributes
    ----------
    places, masses : ndarray, (K,)
        Ascending and distinct; the masses add up to 1.
    atoms : tuple of (float, float)
        The places that are atoms of the law and not nodes of a quadrature, and their masses.
    """

    def __init__(self, places, masses, atoms=(), below=None):
        """`below`: (places, masses) of a quadrature with Im places <= 0 of the same integrals, complex both."""
        self.places, at = np.unique(np.asarray(places, float), return_inverse=True)
        self.masses = np.bincount(at, np.asarray(masses, float))
        self.masses /= self.masses.sum()
        self.atoms = tuple(atoms)
        nodes, weights = (self.places, self.masses) if below is None else below
        self._nodes, self._weights = np.asarray(nodes, complex), np.asarray(weights, complex)
        self._positive = np.where(self._nodes != 0, self._weights, 0)
        self._weighted = self._positive * self._nodes

    def moved(self, at: float, scale: float = 1.0) -> Measure:
        """The law of scale (X - at)."""
        new = copy(self)
        for name in ("left", "right"):
            new.__dict__.pop(name, None)
        new.places, new._nodes = (self.places - at) * scale, (self._nodes - at) * scale
        new.atoms = tuple(((place - at) * scale, mass) for place, mass in self.atoms)
        new._positive = np.where(new._nodes != 0, new._weights, 0)
        new._weighted = new._positive * new._nodes
        return new

    @property
    def pull(self) -> complex:
        """E 1 / -X over what is not at 0: what G has at an atom at 0 besides its pole."""
        rest = self._nodes != 0
        return complex(-(self._weights[rest] / self._nodes[rest]).sum())

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

    @property
    def variance(self) -> float:
        """E (X - E X)^2."""
        return float(self.masses @ (self.places - self.moment(1)) ** 2)

    def cauchy(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(g, dg / du), g = E 1 / (u - X)."""
        value, _, squares = self._sums(u, self._weights)
        return value, -squares

    def psi(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """psi = E X / (u - X), psi + P(X > 0), and d psi / d log u: each without cancellation."""
        value, inverse, squares = self._sums(u, self._weighted)
        return value, u * inverse, -u * squares

    def _sums(self, u: np.ndarray, weight: np.ndarray) -> np.ndarray:
        sums = np.empty((6, u.size))
        real, imaginary = np.ascontiguousarray(u.real), np.ascontiguousarray(u.imag)
        pole_sums(real, imaginary, self._nodes, weight, self._positive, sums)
        return sums[0::2] + 1j * sums[1::2]

    def angle(self, u: np.ndarray) -> np.ndarray:
        """E arg(u - X), in [0, pi], for u in the closed upper half plane."""
        total = np.empty(u.shape)
        mean_angles(u, self._nodes, self._weights, total)
        return total

    @cached_property
    def left(self) -> tuple[np.ndarray, np.ndarray]:
        """(v, log(-u)) for u < 0, v = log(-psi) - log(psi + P(X > 0)) ascending: psi is monotone there."""
        places = self.places[self.places > 0]
        s = np.linspace(np.log(places[0]) - 36, np.log(places[-1]) + 42, 300)
        psi, rest, _ = self.psi(-np.exp(s) + 0j)
        with np.errstate(divide="ignore", invalid="ignore"):
            v = np.log(-psi.real) - np.log(rest.real)
        good = np.isfinite(v)
        return v[good][::-1], s[good][::-1]

    @cached_property
    def right(self) -> tuple[np.ndarray, np.ndarray]:
        """(log psi, log(u - top)) for u > top, log psi ascending."""
        s = np.log(self.top) + np.linspace(44, -46, 900)
        gap = np.exp(s)[:, None] + (self.top - self.places)
        return np.log((self.places / gap) @ self.masses), s

    def log_gap(self, log_w: np.ndarray) -> np.ndarray:
        """log(u - top) where psi(u) = exp(log_w), u > top: Newton's method on log psi."""
        s = np.interp(log_w, *self.right)
        for _ in range(5):
            gap = np.exp(s)[:, None] + (self.top - self.places)
            psi = (self.places / gap) @ self.masses
            rate = -np.exp(s) * ((self.places / gap**2) @ self.masses) / psi
            s = s - np.clip((np.log(psi) - log_w) / rate, -1, 1)
        return s
