"""The exact mean density of the eigenvalues of the GOE at finite n."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev
from scipy import fft, special

from tpcore import checks
from tpcore.spectra.laws.base import Law, points, probabilities

LARGEST = 400


class FiniteGOE(Law):
    r"""The mean of the empirical law of the eigenvalues: off-diagonal variance 1/n, diagonal variance 2/n.

    In the variable x with joint density prod |x_i - x_j| exp(-sum x_i^2 / 2), and phi_j the Hermite functions,

    .. math:: n\,\rho(x) = \sum_{j<n} \phi_j(x)^2 + \sqrt{n/2}\,\phi_{n-1}(x) \int \varepsilon(x - t) \phi_n(t)\,dt
              + [n\ \text{odd}]\,\phi_{n-1}(x) / \int \phi_{n-1}, \quad \varepsilon(t) = \mathrm{sign}(t) / 2;

    the eigenvalue is sqrt(2/n) x. Mehta, Random Matrices (2004), section 7.2. The density is entire; `pdf` and `cdf`
    are Chebyshev series on an interval outside of which less than 1e-16 of the mass lies.
    """

    def __init__(self, n: int):
        self.n = n
        self.name, self.latex = f"GOE, n = {n}", r"\mathbb{E}\, \tfrac{1}{n} \sum_i \delta(\lambda - \lambda_i)"
        self.support = (-np.inf, np.inf)
        self.reach = float(np.sqrt(2 / n) * (np.sqrt(2 * n) + 9.5 / n ** (1 / 6)))
        size = 2 * int(24 + 3 * n + 40 * self.reach * np.sqrt(n / 2) / 9)
        x = self.reach * np.cos(np.pi * (np.arange(size) + 0.5) / size)
        series = fft.dct(_density(n, np.sqrt(n / 2) * x) * np.sqrt(n / 2), type=2) / size
        series[0] /= 2
        series[1::2] = 0  # it is even
        self._pdf = series
        self._cdf = chebyshev.chebint(series, scl=self.reach)
        self._cdf[0] += 0.5 - chebyshev.chebval(0.0, self._cdf)
        self.error = float(abs(chebyshev.chebval(1.0, self._cdf) - 1)) + 1e-14

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        """The interval of the series."""
        return ((-self.reach, self.reach),)

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """The trapezoidal rule, which converges exponentially here."""
        x, width = np.linspace(-self.reach, self.reach, max(count, 12 * self.n + 400), retstep=True)
        return x, width * self.pdf(x)

    def pdf(self, x):
        """The density at any real x."""
        x = points(x)
        inside = np.abs(x) <= self.reach
        value = np.maximum(chebyshev.chebval(np.where(inside, x, 0) / self.reach, self._pdf), 0)
        return np.where(np.isnan(x), np.nan, np.where(inside, value, 0.0))[()]

    def cdf(self, x):
        """The mean share of the eigenvalues up to x."""
        x = points(x)
        value = chebyshev.chebval(np.clip(x, -self.reach, self.reach) / self.reach, self._cdf)
        return np.clip(value, 0, 1)[()]

    def quantile(self, p):
        """Inverse of `cdf` by bisection; infinite at 0 and 1."""
        p = probabilities(p)
        low, high = np.full(p.shape, -self.reach), np.full(p.shape, self.reach)
        for _ in range(60):
            middle = (low + high) / 2
            reached = self.cdf(middle) >= p
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return np.where(p == 0, -np.inf, np.where(p == 1, np.inf, high))[()]


def _hermite(n: int, x: np.ndarray) -> np.ndarray:
    """phi_0 .. phi_n at x, (n + 1, ...): orthonormal, by their recursion."""
    phi = np.empty((n + 1, *x.shape))
    phi[0] = np.pi**-0.25 * np.exp(-x * x / 2)
    if n:
        phi[1] = np.sqrt(2) * x * phi[0]
    for j in range(1, n):
        phi[j + 1] = (np.sqrt(2) * x * phi[j] - np.sqrt(j) * phi[j - 1]) / np.sqrt(j + 1)
    return phi


def _density(n: int, x: np.ndarray) -> np.ndarray:
    """rho(x), which integrates to 1."""
    phi = _hermite(n, x)
    # int_0^x phi_j by phi_(j+1)' = sqrt((j + 1) / 2) phi_j - sqrt((j + 2) / 2) phi_(j+2), upwards from j = 0, 1
    at0 = _hermite(n, np.zeros(1))[:, 0]
    integral = np.pi**0.25 / np.sqrt(2) * special.erf(x / np.sqrt(2)) if n % 2 == 0 else np.sqrt(2) * (at0[0] - phi[0])
    for j in range(n % 2, n, 2):
        integral = (np.sqrt((j + 1) / 2) * integral - (phi[j + 1] - at0[j + 1])) / np.sqrt((j + 2) / 2)
    total = (phi[:n] ** 2).sum(axis=0)
    # int eps(x - t) phi_n(t) dt = int_0^x phi_n for even n; for odd n it is even in x, and vanishes at infinity
    if n % 2:
        full = np.pi**0.25 * np.sqrt(2)  # int phi_0
        for j in range(0, n - 1, 2):
            full *= np.sqrt((j + 1) / (j + 2))
        half = np.sqrt(2) * at0[0]  # int_0^oo phi_1
        for j in range(1, n, 2):
            half = (np.sqrt((j + 1) / 2) * half + at0[j + 1]) / np.sqrt((j + 2) / 2)
        total = total + np.sqrt(n / 2) * phi[n - 1] * (integral - half) + phi[n - 1] / full
    else:
        total = total + np.sqrt(n / 2) * phi[n - 1] * integral
    return total / n


def goe(n: int) -> FiniteGOE:
    """The exact mean density of the eigenvalues of the n x n GOE, as a law.

    Parameters
    ----------
    n : int
        1 to 400; the limit is `semicircle`.

    Returns
    -------
    Law
        On the whole line: N(0, 2) for n = 1, near the semicircle with n bumps for n up to about 20.

    Raises
    ------
    Misuse
        For an n beyond 400.
    """
    return FiniteGOE(checks.integer("The size n of a matrix", n, 1, LARGEST))
