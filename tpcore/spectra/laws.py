"""Limit laws of spectra: one interface, and the semicircle.

A law on the line is an absolutely continuous part on `support` and atoms. A
new law is a subclass of `Law` with `pdf` and `cdf`; moments, quantiles and
samples then follow from these, and closed forms may replace them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from functools import cache

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.pairings import catalan


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
    """

    name: str = ""
    latex: str = ""
    support: tuple[float, float]
    atoms: tuple[tuple[float, float], ...] = ()

    @abstractmethod
    def pdf(self, x):
        """Density at x of the absolutely continuous part; same shape as x."""

    @abstractmethod
    def cdf(self, x):
        """P(X <= x), atoms included; same shape as x."""

    def expect(self, function, nodes: int = 400) -> float:
        """E f(X), by Gauss-Legendre quadrature in t with x = middle + half * sin t, plus the atoms.

        The substitution makes square roots at both ends of the support
        smooth. `function` maps an array of points to their values.
        """
        low, high = self.support
        total = sum(mass * float(function(np.array([at]))[0]) for at, mass in self.atoms)
        if high > low:
            t, weight = _legendre(nodes)
            half = (high - low) / 2
            x = (low + high) / 2 + half * np.sin(t)
            total += float(np.sum(weight * half * np.cos(t) * self.pdf(x) * function(x)))
        return total

    def moment(self, k: int) -> float:
        """E X^k, k = 0, 1, 2, ...; here by `expect`."""
        k = checks.integer("The order k of a moment", k, 0)
        return self.expect(lambda x: x**k)

    def quantile(self, p):
        """The smallest x with P(X <= x) >= p, for p in [0, 1]; here by bisection to the last bit or so."""
        p = _probabilities(p)
        low, high = (np.full(p.shape, end, float) for end in self.support)
        for _ in range(80):
            middle = low + (high - low) / 2
            reached = self.cdf(middle) >= p
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return np.where(p == 0, self.support[0], high)[()]

    def sample(self, size: int | tuple[int, ...], seed: int = 0) -> np.ndarray:
        """`size` independent draws; here `quantile` of uniform ones."""
        return np.asarray(self.quantile(np.random.default_rng(seed).random(size)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, support=[{self.support[0]:g}, {self.support[1]:g}])"


class PointMass(Law):
    """All mass at one point: what a law becomes when its scale is zero."""

    def __init__(self, at: float = 0.0):
        at = checks.real("The place of a point mass", at)
        self.name, self.latex = f"point mass at {at:g}", rf"\delta(x - {at:g})"
        self.support, self.atoms = (at, at), ((at, 1.0),)

    def pdf(self, x):
        """Zero wherever x is: there is no absolutely continuous part."""
        return np.zeros(np.shape(x))[()]

    def cdf(self, x):
        """1 from the point on, 0 before."""
        return (_points(x) >= self.support[0]).astype(float)[()]


class Semicircle(Law):
    """Density sqrt(4 s^2 - x^2) / (2 pi s^2) on [-2 s, 2 s]; mean 0, variance s^2.

    The limit of the eigenvalues of symmetric matrices with independent
    entries of variance s^2 / n (Wigner 1958). With x = -2 s cos(theta), the
    distribution function is (theta - sin(theta) cos(theta)) / pi.
    """

    def __init__(self, scale: float = 1.0):
        scale = checks.real("The scale of a semicircle", scale, 0.0, np.finfo(float).max / 4, open_low=True)
        self.scale = scale
        self.name = "semicircle" if scale == 1 else f"semicircle, scale {scale:g}"
        unit, general = r"\frac{\sqrt{4 - \lambda^2}}{2 \pi}", r"\frac{\sqrt{4 s^2 - \lambda^2}}{2 \pi s^2}"
        self.latex = unit if scale == 1 else general
        self.support = (-2 * scale, 2 * scale)

    def pdf(self, x):
        """sqrt(4 s^2 - x^2) / (2 pi s^2) within the support, 0 outside; NaN stays NaN."""
        t = np.clip(_points(x) / self.scale / 2, -1, 1)
        inside = (1 - t) * (1 + t)
        return (np.sqrt(inside) / (np.pi * self.scale))[()]

    def cdf(self, x):
        """1/2 + x sqrt(4 s^2 - x^2) / (4 pi s^2) + arcsin(x / 2 s) / pi, relatively exact at the lower edge too."""
        t = np.clip(_points(x) / self.scale / 2, -1, 1)
        far = np.abs(t)
        lower = _kepler(2 * np.arctan2(np.sqrt((1 - far) * (1 + far)), far)) / (2 * np.pi)
        return np.where(t > 0, 1 - lower, lower)[()]

    def moment(self, k: int) -> float:
        """E X^(2j) = Catalan(j) s^(2j); 0 for odd orders, inf beyond the range of floats."""
        k = checks.integer("The order k of a moment", k, 0, 5000)
        if k % 2:
            return 0.0
        try:
            return float(catalan(k // 2) * Fraction(self.scale) ** k)
        except OverflowError:
            return np.inf

    def quantile(self, p):
        """Inverse of `cdf`, by Newton's method on phi - sin phi = 2 pi p."""
        p = _probabilities(p)
        target = 2 * np.pi * np.minimum(p, 1 - p)
        phi = np.minimum(np.cbrt(6 * target), np.pi)
        for _ in range(8):
            slope = 2 * np.sin(phi / 2) ** 2
            phi = np.clip(phi - (_kepler(phi) - target) / np.where(slope > 0, slope, 1), 0, np.pi)
        return (np.sign(p - 0.5) * 2 * self.scale * np.cos(phi / 2))[()]

    def sample(self, size: int | tuple[int, ...], seed: int = 0) -> np.ndarray:
        """The abscissa of a uniform point in the disc of radius 2 s."""
        generator = np.random.default_rng(seed)
        radius, angle = np.sqrt(generator.random(size)), 2 * np.pi * generator.random(size)
        return 2 * self.scale * radius * np.cos(angle)


def semicircle(scale: float = 1.0) -> Law:
    """The semicircle law of variance scale^2, on [-2 scale, 2 scale].

    Parameters
    ----------
    scale : float
        At least 0; 0 gives the point mass at 0.

    Returns
    -------
    Law
        With ``pdf, cdf, support, atoms, moment, quantile, sample``.

    Raises
    ------
    Misuse
        If `scale` is negative or not a finite number.

    Notes
    -----
    Limit of the spectrum of a symmetric n x n matrix with off-diagonal variance
    scale^2 / n; E X^(2k) = Catalan(k) scale^(2k). Wigner, Ann. Math. 67
    (1958); as a tensor program: Tensor Programs III (arXiv 2009.10685).
    """
    scale = checks.real("The scale of a semicircle", scale, 0.0)
    return PointMass(0.0) if scale == 0 else Semicircle(scale)


@cache
def _legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights on [-pi/2, pi/2]."""
    t, weight = np.polynomial.legendre.leggauss(nodes)
    return t * np.pi / 2, weight * np.pi / 2


def _points(x) -> np.ndarray:
    x = checks.raw_array("The argument of a law", x)
    if x.dtype.kind not in "biuf":
        raise Misuse("A law is evaluated at real numbers", repr(x))
    return x.astype(float)


def _probabilities(p) -> np.ndarray:
    p = _points(p)
    if not ((p >= 0) & (p <= 1)).all():
        raise Misuse("A probability must lie between 0 and 1", str(p[~((p >= 0) & (p <= 1))].flat[0]))
    return p


def _kepler(phi: np.ndarray) -> np.ndarray:
    """phi - sin(phi) for phi in [0, pi], without cancellation near 0."""
    square = phi * phi
    series = 1 - square / 272
    for j in (210, 156, 110, 72, 42, 20):
        series = 1 - square / j * series
    return np.where(phi < 1, phi * square / 6 * series, phi - np.sin(phi))
