"""The Tracy-Widom laws: where the largest eigenvalue of a big random matrix lies, on the scale of its fluctuations."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.fredholm import SeriesLaw, determinants, gauss, series

WINDOW = (-10.0, 13.0)
REACH = 16.0  # the Airy function is below 1e-19 from here on
NODES, DEGREE = 64, 104


class TracyWidom(SeriesLaw):
    """F_1(s) = det(1 - B_s) or F_2(s) = det(1 - B_s^2), B_s(u, v) = Ai(s + u + v) on u, v > 0.

    F_2 is Tracy and Widom's law (CMP 159, 1994) in the form of the squared operator, F_1 Ferrari and Spohn's form (J.
    Phys. A 38, 2005) of the law of real symmetric matrices (CMP 177, 1996).
    """

    def __init__(self, beta: int):
        self.beta = beta
        self.name = f"Tracy–Widom, β = {beta}"
        self.latex = rf"F_{beta}(s) = \det(1 - \mathrm{{Ai}}(s + u + v)" + ("^{2}" if beta == 2 else "") + ")"
        self.support, self.error = (-np.inf, np.inf), 1e-12
        self._fit(WINDOW, _coefficients()[beta - 1])


@cache
def _coefficients() -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev coefficients of F_1 and F_2."""
    return tuple(series(lambda s, which=which: _pair(s)[which], *WINDOW, DEGREE) for which in (0, 1))


@cache
def _pair(s: float, nodes: int = NODES) -> tuple[float, float]:
    u, weight = gauss(0.0, REACH - s, nodes)
    sums = np.add.outer(u, u)
    upper = np.triu_indices(nodes)
    kernel = np.zeros((nodes, nodes))
    kernel[upper] = special.airy(s + sums[upper])[0]
    minus, plus = determinants(np.triu(kernel) + np.triu(kernel, 1).T, weight)
    return minus, minus * plus


def tracy_widom(beta: int = 1) -> TracyWidom:
    """The law of the largest eigenvalue, centred and scaled, as n grows.

    Parameters
    ----------
    beta : int
        1 for real symmetric matrices (GOE, Wishart, any entries with four moments), 2 for complex ones (GUE).

    Returns
    -------
    Law
        With ``pdf, cdf, support, moment, quantile, sample``; `cdf` within 1e-12, mean -1.2065335745820 (beta 1),
        -1.7710868074 (beta 2).

    Notes
    -----
    See `tpcore.spectra.edge` for the centre and the scale.
    """
    if checks.integer("The symmetry class beta", beta, 1) > 2:
        raise Misuse("The symmetry class beta must be 1 (real) or 2 (complex)", repr(beta))
    return TracyWidom(beta)
