"""Squared singular values of products of Gaussian matrices: the Fuss-Catalan laws."""

from __future__ import annotations

from math import comb

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.laws.atom import PointMass
from tpcore.spectra.laws.base import Law, legendre, points, probabilities


class FussCatalan(Law):
    r"""The law with moments C((k + 1) m, m) / (k m + 1), on [0, (k + 1)^(k + 1) / k^k].

    With 0 < t < pi / (k + 1),

    .. math:: x = \frac{\sin^{k+1}((k + 1) t)}{\sin t\, \sin^k(k t)}, \quad
              p(x) = \frac{\sin^2 t\, \sin^{k-1}(k t)}{\pi \sin^k((k + 1) t)}

    and x -> v^(k+1) / (v - 1), v = x G(x) of argument -t, gives the distribution function in closed form.
    Haagerup and Moller, Abel Symposia 9 (2013); Penson and Zyczkowski, Phys. Rev. E 83 (2011).
    """

    def __init__(self, factors: int, scale: float = 1.0):
        self.factors, self.scale = factors, scale
        self._unit = scale ** (2 * factors)
        self.name = f"squared singular values of a product of {factors}" + ("" if scale == 1 else f", scale {scale:g}")
        self.latex = rf"m_j = \tfrac{{1}}{{{factors} j + 1}} \tbinom{{{factors + 1} j}}{{j}}"
        self.support = (0.0, self._unit * (factors + 1) * (1 + 1 / factors) ** factors)

    def _sines(self, v: np.ndarray) -> tuple[np.ndarray, ...]:
        """s, sin((k + 1) s), sin t, sin(k t), all relatively exact; s = pi / (k + 1) - t = exp(-v) pi / (k + 1)."""
        k, end = self.factors, np.pi / (self.factors + 1)
        s, t = end * np.exp(-v), -end * np.expm1(-v)
        first = np.sin((k + 1) * np.where(s < end / 2, s, t))
        return s, first, np.sin(t), np.where(s < end / 2, np.sin(end + k * s), np.sin(k * t))

    def _log_place(self, v: np.ndarray) -> np.ndarray:
        k = self.factors
        _, first, sine, kth = map(np.log, self._sines(v))
        return (k + 1) * first - sine - k * kth

    def _below(self, v: np.ndarray) -> np.ndarray:
        """The distribution function at parameter v."""
        s, first, sine, kth = self._sines(v)
        return ((self.factors + 1) * s + self.factors * first * sine / kth) / np.pi

    def pdf(self, x):
        """The density within the support, inf at 0, 0 outside."""
        x, k = points(x), self.factors
        inside = (x > 0) & (x < self.support[1])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            target = np.log(np.where(inside, x, self.support[1] / 2) / self._unit)
            _, first, sine, kth = map(np.log, self._sines(_bisect(self._log_place, target)))
            density = np.exp(2 * sine + (k - 1) * kth - k * first) / (np.pi * self._unit)
        outside = np.where(np.isnan(x), np.nan, np.where(x == 0, np.inf, 0.0))
        return np.where(inside, density, outside)[()]

    def cdf(self, x):
        """P(X <= x), in closed form, relatively exact at 0 too."""
        x = points(x)
        inside = (x > 0) & (x < self.support[1])
        with np.errstate(divide="ignore"):
            target = np.log(np.where(inside, x, self.support[1] / 2) / self._unit)
        outside = np.where(np.isnan(x), np.nan, (x > 0).astype(float))
        return np.where(inside, self._below(_bisect(self._log_place, target)), outside)[()]

    def quantile(self, p):
        """Inverse of `cdf`, by bisection in the logarithm of the parameter."""
        p = probabilities(p)
        inside = (p > 0) & (p < 1)
        x = self._unit * np.exp(self._log_place(_bisect(self._below, np.where(inside, p, 0.5))))
        return np.where(inside, x, np.where(p > 0, self.support[1], 0.0))[()]

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Point masses by Gauss-Legendre quadrature in the parameter t."""
        k, end = self.factors, np.pi / (self.factors + 1)
        at, weight = legendre(count)
        s, half = end * (at / np.pi + 0.5), end / np.pi
        _, first, sine, kth = self._sines(-np.log(s / end))
        t = end - s
        slope = (k + 1) * np.cos((k + 1) * s) * sine - first * np.cos(t) + k * first * sine * np.cos(k * t) / kth
        mass = ((k + 1) + k * slope / kth) / np.pi * weight * half
        return self._unit * np.exp(self._log_place(-np.log(s / end))), mass

    def below(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """The same on a path of t above the real line, where x lies below it: complex places and masses."""
        k, end = self.factors, np.pi / (self.factors + 1)
        at, weight = legendre(count)
        share = at / np.pi + 0.5
        t = end * (share + 0.15j * share * (1 - share))
        first, sine, kth = np.sin((k + 1) * t), np.sin(t), np.sin(k * t)
        x = self._unit * first ** (k + 1) / (sine * kth**k)
        # -dF/dt
        slope = (k + 1) ** 2 * np.cos((k + 1) * t) - first * np.cos(t) / sine - k * k * first * np.cos(k * t) / kth
        mass = -sine / (np.pi * kth) * slope * end * (1 + 0.15j * (1 - 2 * share)) * weight / np.pi
        return x, mass

    def moment(self, k: int) -> float:
        """C((f + 1) k, k) / (f k + 1) scale^(2 f k), f the number of factors."""
        k = checks.integer("The order k of a moment", k, 0, 1000)
        try:
            return float(comb((self.factors + 1) * k, k) // (self.factors * k + 1)) * self._unit**k
        except OverflowError:
            return np.inf


def _bisect(function, target: np.ndarray) -> np.ndarray:
    """v >= 0 with function(v) = target, for functions that fall from v = 0 on."""
    low, high = np.zeros(target.shape), np.full(target.shape, 740.0)
    for _ in range(64):
        middle = (low + high) / 2
        above = function(middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


def product(k: int, scale: float = 1.0) -> Law:
    """The law of the squared singular values of X_1 ... X_k, independent square Gaussian matrices.

    Parameters
    ----------
    k : int
        Their number, 1 to 1000 (or 0: the identity, the point mass at 1).
    scale : float
        The entries have variance scale^2 / n; at least 0, 0 gives the point mass at 0.

    Returns
    -------
    Law
        E X^m = scale^(2 k m) C((k + 1) m, m) / (k m + 1), on [0, scale^(2k) (k + 1)^(k + 1) / k^k]. The law of the
        singular values themselves is ``singular_values(product(k))``.

    Raises
    ------
    Misuse
        If a number is out of range, or scale^(2k) beyond the range of floats.

    Notes
    -----
    One factor: the Marchenko-Pastur law of ratio 1. Entries need not be Gaussian.
    Alexeev, Gotze and Tikhomirov (arXiv 1012.2743).
    """
    k = checks.integer("The number of factors", k, 0, 1000)
    scale = checks.real("The scale of the entries", scale, 0.0)
    if k == 0:
        return PointMass(1.0)
    if scale == 0:
        return PointMass(0.0)
    if abs(2 * k * np.log(scale)) > 600:
        raise Misuse("scale^(2 k) must be within the range of floats", f"{scale:g}^{2 * k}")
    return FussCatalan(k, scale)
