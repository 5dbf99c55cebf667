"""Laws given by Fredholm determinants: Gauss quadrature for the operator, a Chebyshev series for its argument.

Bornemann, Math. Comp. 79 (2010): the determinant of 1 - K on an interval is that of the matrix
delta_ij - sqrt(w_i w_j) K(x_i, x_j) at Gauss-Legendre points, which converges exponentially for analytic kernels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

from tpcore.spectra.laws.base import Law, legendre, points


def gauss(low: float, high: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights on [low, high]."""
    t, weight = np.polynomial.legendre.leggauss(nodes)
    return low + (high - low) * (t + 1) / 2, weight * (high - low) / 2


def determinants(kernel: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """det(1 - K) and det(1 + K) of a symmetric kernel on quadrature points."""
    root = np.sqrt(weight)
    values = np.linalg.eigvalsh(root[:, None] * kernel * root)
    return float(np.prod(1 - values)), float(np.prod(1 + values))


def series(function: Callable[[float], float], low: float, high: float, degree: int) -> np.ndarray:
    """Coefficients of the Chebyshev interpolant of `function` on [low, high]."""
    nodes = chebyshev.chebpts1(degree + 1)
    values = np.array([function(low + (high - low) * (t + 1) / 2) for t in nodes])
    return 2 / (degree + 1) * chebyshev.chebvander(nodes, degree).T @ values * np.where(np.arange(degree + 1), 1.0, 0.5)


class SeriesLaw(Law):
    """A law whose distribution function is a Chebyshev series on a window, outside of which less than `error` lies.

    Attributes
    ----------
    window : (float, float)
    """

    window: tuple[float, float]

    def _fit(self, window: tuple[float, float], cdf: np.ndarray) -> None:
        self.window, self._cdf = window, cdf
        self._pdf = chebyshev.chebder(cdf) * 2 / (window[1] - window[0])

    def _at(self, x, coefficients: np.ndarray, below: float, above: float):
        x, (low, high) = points(x), self.window
        t = np.clip((2 * x - low - high) / (high - low), -1, 1)
        return np.where(x <= low, below, np.where(x >= high, above, chebyshev.chebval(t, coefficients)))[()]

    def pdf(self, x):
        """The derivative of the series; 0 outside the window."""
        return np.maximum(self._at(x, self._pdf, 0.0, 0.0), 0.0)[()]

    def cdf(self, x):
        """P(X <= x), absolutely within `error`."""
        return np.clip(self._at(x, self._cdf, 0.0, 1.0), 0.0, 1.0)[()]

    def expect(self, function, nodes: int = 400) -> float:
        """E f(X) by Gauss-Legendre quadrature over the window."""
        t, weight = legendre(nodes)
        half = (self.window[1] - self.window[0]) / np.pi
        x = self.window[0] + half * (t + np.pi / 2)
        return float(np.sum(weight * half * self.pdf(x) * function(x)))

    def quantile(self, p):
        """As of any law, within the window."""
        kept, self.support = self.support, self.window
        try:
            return super().quantile(p)
        finally:
            self.support = kept
