"""The semicircle law."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tpcore import checks
from tpcore.spectra.laws.atom import PointMass
from tpcore.spectra.laws.base import Law, points, probabilities, uniform
from tpcore.spectra.pairings import catalan


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
        t = np.clip(points(x) / self.scale / 2, -1, 1)
        inside = (1 - t) * (1 + t)
        return (np.sqrt(inside) / (np.pi * self.scale))[()]

    def cdf(self, x):
        """1/2 + x sqrt(4 s^2 - x^2) / (4 pi s^2) + arcsin(x / 2 s) / pi, relatively exact at the lower edge too."""
        t = np.clip(points(x) / self.scale / 2, -1, 1)
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
        p = probabilities(p)
        target = 2 * np.pi * np.minimum(p, 1 - p)
        phi = np.minimum(np.cbrt(6 * target), np.pi)
        for _ in range(8):
            slope = 2 * np.sin(phi / 2) ** 2
            phi = np.clip(phi - (_kepler(phi) - target) / np.where(slope > 0, slope, 1), 0, np.pi)
        return (np.sign(p - 0.5) * 2 * self.scale * np.cos(phi / 2))[()]

    def sample(self, size: int | tuple[int, ...], seed: int = 0) -> np.ndarray:
        """The abscissa of a uniform point in the disc of radius 2 s."""
        radius, angle = uniform(size, seed, 2)
        radius, angle = np.sqrt(radius), 2 * np.pi * angle
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


def _kepler(phi: np.ndarray) -> np.ndarray:
    """phi - sin(phi) for phi in [0, pi], without cancellation near 0."""
    square = phi * phi
    series = 1 - square / 272
    for j in (210, 156, 110, 72, 42, 20):
        series = 1 - square / j * series
    return np.where(phi < 1, phi * square / 6 * series, phi - np.sin(phi))
