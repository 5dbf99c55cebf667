"""What every law on the line has: density, distribution function, support, atoms, moments, quantiles, samples.

A law is an absolutely continuous part on `bands` and atoms. A new law is a
subclass of `Law` with `pdf`, `cdf` and `support`; moments, quantiles and
samples follow from these, and closed forms may replace them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache

import numpy as np
from scipy import special

from tpcore import checks
from tpcore.errors import Misuse


class Law(ABC):
    """A probability law on the line.

    Attributes
    ----------
    name, latex : str
        As shown in a legend, and its density as a formula.
    support : (float, float)
        The smallest interval that carries all mass.
    atoms : tuple of (float, float)
        Points with positive mass, and their masses.
    bands : tuple of (float, float)
        Where the absolutely continuous part lives: `support`, unless gaps or an atom apart from it say otherwise.
    error : float
        Bound, or estimate, of the absolute error of `cdf`; rounding alone for closed forms.
    """

    name: str = ""
    latex: str = ""
    support: tuple[float, float]
    atoms: tuple[tuple[float, float], ...] = ()
    error: float = 1e-15

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        low, high = self.support
        return (self.support,) if high > low else ()

    @abstractmethod
    def pdf(self, x):
        """Density at x of the absolutely continuous part; same shape as x."""

    @abstractmethod
    def cdf(self, x):
        """P(X <= x), atoms included; same shape as x."""

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Point masses (places, masses) that stand for the law in integrals: `count` a band, and the atoms.

        Gauss-Legendre quadrature in t with x = middle + half * sin t: square
        roots at both ends of a band become smooth.
        """
        places, masses = [[at for at, _ in self.atoms]], [[mass for _, mass in self.atoms]]
        t, weight = legendre(count)
        for low, high in self.bands:
            half = (high - low) / 2
            x = low + half * (2 * np.sin(t / 2 + np.pi / 4) ** 2)
            places.append(x)
            masses.append(weight * half * np.cos(t) * self.pdf(x))
        return np.concatenate(places), np.concatenate(masses)

    def expect(self, function, nodes: int = 400) -> float:
        """E f(X) by the point masses of `nodes`; `function` maps an array of points to their values."""
        places, masses = self.nodes(nodes)
        return float(np.sum(masses * function(places)))

    def moment(self, k: int) -> float:
        """E X^k, k = 0, 1, 2, ...; here by `expect`."""
        k = checks.integer("The order k of a moment", k, 0)
        return self.expect(lambda x: x**k)

    def quantile(self, p):
        """The smallest x with P(X <= x) >= p, for p in [0, 1]; here by bisection to the last bit or so."""
        p = probabilities(p)
        low, high = (np.full(p.shape, end, float) for end in self.support)
        for _ in range(80):
            middle = low + (high - low) / 2
            reached = self.cdf(middle) >= p
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        for at, mass in self.atoms:
            top = float(self.cdf(at))
            high = np.where((p <= top) & (p > top - mass), at, high)
        return np.where(p == 0, self.support[0], np.where(p == 1, self.support[1], high))[()]

    def sample(self, size: int | tuple[int, ...], seed: int = 0) -> np.ndarray:
        """`size` independent draws; here `quantile` of uniform ones."""
        return np.asarray(self.quantile(uniform(size, seed)[0]))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, support=[{self.support[0]:g}, {self.support[1]:g}])"


@cache
def legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights on [-pi/2, pi/2]."""
    t, weight = special.roots_legendre(nodes)
    return t * np.pi / 2, weight * np.pi / 2


def points(x) -> np.ndarray:
    x = checks.raw_array("The argument of a law", x)
    if x.dtype.kind not in "biuf":
        raise Misuse("A law is evaluated at real numbers", repr(x))
    return x.astype(float)


def uniform(size, seed, times: int = 1) -> list[np.ndarray]:
    """`times` independent arrays of shape `size`, uniform on [0, 1)."""
    sides = size if isinstance(size, tuple) else (size,)
    shape = tuple(checks.integer("The size of a sample", side, 0) for side in sides)
    checks.memory("The draws", int(np.prod(shape, dtype=float)), 8.0, 2.0 * 2**30)
    generator = np.random.default_rng(checks.integer("seed", seed, 0))
    return [generator.random(shape) for _ in range(times)]


def probabilities(p) -> np.ndarray:
    p = points(p)
    if not ((p >= 0) & (p <= 1)).all():
        raise Misuse("A probability must lie between 0 and 1", str(p[~((p >= 0) & (p <= 1))].flat[0]))
    return p
