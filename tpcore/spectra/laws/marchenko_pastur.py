"""The Marchenko-Pastur law."""

from __future__ import annotations

from math import comb

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.laws.atom import PointMass
from tpcore.spectra.laws.base import Law, legendre, points


class MarchenkoPastur(Law):
    r"""Density sqrt((b - x)(x - a)) / (2 pi y s^2 x) on [a, b] = s^2 (1 -+ sqrt y)^2; mass 1 - 1/y at 0 if y > 1.

    With w = x G(x) - 1, G the Cauchy transform just above the real line,

    .. math:: x = s^2 (1 + w)(1 + y w) / w, \quad 1 - F(x) = \Im\,[w + (1 - 1/y) \log(1 + y w) - \log w] / \pi.
    """

    def __init__(self, ratio: float, scale: float = 1.0):
        self.ratio, self.scale = ratio, scale
        self.name = f"Marchenko-Pastur, ratio {ratio:g}" + ("" if scale == 1 else f", scale {scale:g}")
        over = r"2 \pi y \lambda" if scale == 1 else r"2 \pi y s^2 \lambda"
        self.latex = rf"\frac{{\sqrt{{(b - \lambda)(\lambda - a)}}}}{{{over}}}"
        root = np.sqrt(ratio)
        low, high = (scale * (1 - ratio) / (1 + root)) ** 2, (scale * (1 + root)) ** 2
        self._edges = (float(low), float(high))
        self.atoms = ((0.0, 1 - 1 / ratio),) if ratio > 1 else ()
        self.support = (0.0 if ratio > 1 else self._edges[0], self._edges[1])

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        return (self._edges,)

    def _inside(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x within the band, and sqrt((b - x)(x - a))."""
        low, high = self._edges
        x = np.clip(x, low, high)
        return x, np.sqrt(high - x) * np.sqrt(x - low)

    def pdf(self, x):
        """The density; inf at the edge 0 that ratio 1 has. An atom at 0 is not in it."""
        x = points(x)
        within, root = self._inside(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            density = root / (2 * np.pi * self.ratio * self.scale**2) / within
        if self.ratio == 1:
            density = np.where(x == 0, np.inf, density)
        return np.where(np.isnan(x), np.nan, np.where(x == within, density, 0.0))[()]

    def cdf(self, x):
        """P(X <= x), in closed form, with the atom."""
        x, y = points(x), self.ratio
        within, root = self._inside(x)
        scaled = within / self.scale**2
        real, imaginary = (scaled - 1 - y) / 2, root / self.scale**2 / 2  # y w = real - i imaginary
        angle = np.arctan2(imaginary, real)
        upper = angle - imaginary / y + (1 / y - 1) * np.arctan2(imaginary, 1 + real)
        low, high = self._edges
        upper = np.where(x >= high, 0.0, np.where(x <= low, min(1.0, 1 / y) * np.pi, upper))
        total = np.clip(1 - upper / np.pi, 0, 1)
        return np.where(x < 0, 0.0, np.where(np.isnan(x), np.nan, total))[()]

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Those of every law, with the density's root (b - a) / 2 cos t exact for narrow bands too."""
        return self._nodes(*legendre(count), 1.0)

    def below(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """The same on a path of t below the real line, where x lies below it: complex places and masses."""
        t, weight = legendre(count)
        bow = 0.2 * (1 - (2 * t / np.pi) ** 2)
        return self._nodes(t - 1j * bow, weight, 1 + 1j * 1.6 * t / np.pi**2)

    def _nodes(self, t, weight, rate) -> tuple[np.ndarray, np.ndarray]:
        low, high = self._edges
        x = low + (high - low) * np.sin(t / 2 + np.pi / 4) ** 2
        masses = weight * rate * 2 * self.scale**2 * np.cos(t) ** 2 / (np.pi * x)
        return np.append([at for at, _ in self.atoms], x), np.append([mass for _, mass in self.atoms], masses)

    def moment(self, k: int) -> float:
        """sum_r y^r / (r + 1) C(k, r) C(k - 1, r) s^(2k), r = 0 .. k - 1."""
        k = checks.integer("The order k of a moment", k, 0, 1000)
        try:
            total = sum(self.ratio**r * (comb(k, r) * comb(k - 1, r) // (r + 1)) for r in range(k)) if k else 1.0
            return float(total) * self.scale ** (2 * k)
        except OverflowError:
            return np.inf


def marchenko_pastur(ratio: float = 1.0, scale: float = 1.0) -> Law:
    """The law of the eigenvalues of X X^T / n, X of m x n independent entries of variance scale^2, m / n -> ratio.

    Parameters
    ----------
    ratio : float
        y = m / n, at least 0: rows by columns. 0 gives the point mass at scale^2; above 1 the matrix is singular and
        the law has an atom of mass 1 - 1/y at 0.
    scale : float
        Standard deviation of the entries, at least 0; 0 gives the point mass at 0.

    Returns
    -------
    Law
        E X^k = scale^(2k) sum_r y^r / (r + 1) C(k, r) C(k - 1, r).

    Raises
    ------
    Misuse
        If a number is negative or not finite, or scale^2 or ratio scale^2 beyond the range of floats. At an infinite
        ratio all mass but a vanishing part is at 0 and the rest escapes to infinity: ask for
        ``marchenko_pastur(1 / ratio)`` of X^T X / m.

    Notes
    -----
    Marchenko and Pastur, Math. USSR Sb. 1 (1967); as a tensor program: Tensor Programs III (arXiv 2009.10685).
    """
    if isinstance(ratio, (int, float, np.number)) and ratio == np.inf:
        hint = "X^T X / m has the law of ratio 1 / y, which at y = infinity is the point mass at the variance: ratio=0"
        raise Misuse("The ratio of rows to columns must be finite: all eigenvalues but a vanishing part are 0 at an "
                     "infinite ratio, the others beyond all bounds", "an infinite ratio", hint)  # fmt: skip
    ratio = checks.real("The ratio of rows to columns", ratio, 0.0)
    scale = checks.real("The scale of the entries", scale, 0.0)
    if ratio < 1e-24 or scale == 0:
        return PointMass(scale**2)
    if abs(2 * np.log(scale)) > 600 or np.log(ratio) + 2 * np.log(scale) > 600:
        raise Misuse("scale^2 and ratio scale^2 must be within the range of floats",
                     f"scale {scale:g}, ratio {ratio:g}")  # fmt: skip
    return MarchenkoPastur(ratio, scale)
