"""Distances between neighbouring eigenvalues in the bulk: measured, and their exact laws."""

from __future__ import annotations

from functools import cache

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.fredholm import SeriesLaw, determinants, gauss, series
from tpcore.spectra.laws import Law

WINDOW = (0.0, 8.0)
NODES, DEGREE = 24, 48


class Spacing(SeriesLaw):
    """Density E''(s), E(s) the probability that an interval of s mean distances holds no eigenvalue.

    With the sine kernel split into even and odd functions of (-s/2, s/2), E_2 = det(1 - K_+) det(1 - K_-) for
    complex matrices and E_1 = det(1 - K_+) for real ones, K_+-(x, y) = S(x - y) +- S(x + y) on (0, s/2),
    S(x) = sin(pi x) / (pi x) (Gaudin 1961; Mehta, Random Matrices, chapters 6 and 7).
    """

    def __init__(self, beta: int):
        self.beta = beta
        self.name = f"bulk spacing, β = {beta}"
        self.latex = r"p(s) = \frac{d^2}{ds^2} \det(1 - K_s)"
        self.support, self.error = (0.0, np.inf), 1e-10
        gap = _gap_series()[beta - 1]
        slope = np.polynomial.chebyshev.chebder(gap) * 2 / (WINDOW[1] - WINDOW[0])
        slope[0] += 1.0
        self._fit(WINDOW, slope)


@cache
def _gap_series() -> tuple[np.ndarray, np.ndarray]:
    return tuple(series(lambda s, which=which: _gaps(s)[which], *WINDOW, DEGREE) for which in (0, 1))


@cache
def _gaps(s: float, nodes: int = NODES) -> tuple[float, float]:
    """E_1 and E_2 at s."""
    x, weight = gauss(0.0, s / 2, nodes)
    near, far = np.sinc(np.subtract.outer(x, x)), np.sinc(np.add.outer(x, x))
    even, odd = determinants(near + far, weight)[0], determinants(near - far, weight)[0]
    return even, even * odd


def spacing_law(beta: int = 1) -> Spacing:
    """The law of the distance of neighbouring eigenvalues in the bulk, in units of its mean, as n grows.

    Parameters
    ----------
    beta : int
        1 for real symmetric matrices, 2 for complex Hermitian ones.

    Returns
    -------
    Law
        Mean 1; `cdf` within 1e-10. Independent points have exp(-s) instead; the density here vanishes like
        s^beta: eigenvalues repel.
    """
    if checks.integer("The symmetry class beta", beta, 1) > 2:
        raise Misuse("The symmetry class beta must be 1 (real) or 2 (complex)", repr(beta))
    return Spacing(beta)


def wigner_surmise(s, beta: int = 1) -> np.ndarray:
    """The spacing density of 2 x 2 matrices: pi s / 2 exp(-pi s^2 / 4), or 32 s^2 / pi^2 exp(-4 s^2 / pi)."""
    s = checks.array("The spacings", s)
    if checks.integer("The symmetry class beta", beta, 1, 2) == 1:
        return np.pi * s / 2 * np.exp(-np.pi * s**2 / 4)
    return 32 * s**2 / np.pi**2 * np.exp(-4 * s**2 / np.pi)


def spacings(values, law: Law | None = None, bulk: float = 0.5, size: int | None = None) -> np.ndarray:
    """Distances of neighbouring eigenvalues in units of their mean there ("unfolded").

    Parameters
    ----------
    values : array_like, (n,) or (draws, n)
        Ascending rows.
    law : Law, optional
        Unfolds by its distribution function F: size (F(b) - F(a)). Without it distances are divided by their mean
        among about 2 sqrt(n) neighbours.
    bulk : float
        The share of the eigenvalues, in the middle of each row, that is used.
    size : int, optional
        How many eigenvalues the matrix has, where `values` leaves some out (zeros, say).

    Returns
    -------
    ndarray
        All distances in one row, each about 1 in the mean.
    """
    values = np.atleast_2d(checks.array("The eigenvalues", values))
    bulk = checks.real("The share of the bulk", bulk, 0.0, 1.0, open_low=True)
    n = values.shape[-1]
    if values.ndim != 2 or n < 3:
        raise Misuse("Spacings need rows of three eigenvalues or more", f"shape {values.shape}")
    cut = int(n * (1 - bulk) / 2)
    if law is not None:
        inside = values[:, cut : n - cut]
        return ((n if size is None else size) * np.diff(law.cdf(inside), axis=1)).ravel()
    gaps = np.diff(values, axis=1)
    half = max(6, int(np.sqrt(n)))
    sums = np.cumsum(np.pad(gaps, ((0, 0), (1, 0))), axis=1)
    at = np.arange(cut, gaps.shape[1] - cut)
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, gaps.shape[1])
    mean = (sums[:, high] - sums[:, low]) / (high - low)
    return (gaps[:, at] / np.where(mean > 0, mean, 1.0)).ravel()
