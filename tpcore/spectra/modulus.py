"""The law of |Z| under the circular law."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.spectra.laws.base import Law, points, probabilities


class Modulus(Law):
    """|Z| of a uniform point Z in the disc of radius s: density 2 r / s^2 on [0, s]."""

    def __init__(self, scale: float = 1.0):
        self.scale = checks.real("The radius of a disc", scale, 0.0, open_low=True)
        self.name, self.latex = "circular law", r"2 r / s^2" if scale != 1 else r"2 r"
        self.support = (0.0, self.scale)

    def pdf(self, x):
        """2 r / s^2 on [0, s], 0 outside."""
        r = points(x) / self.scale
        return np.where((r < 0) | (r > 1), 0.0, 2 * r / self.scale)[()]

    def cdf(self, x):
        """(r / s)^2, the share of the disc's area."""
        return (np.clip(points(x) / self.scale, 0, 1) ** 2)[()]

    def moment(self, k: int) -> float:
        """E |Z|^k = 2 s^k / (k + 2)."""
        return 2 * self.scale ** checks.integer("The order k of a moment", k, 0) / (k + 2)

    def quantile(self, p):
        """s sqrt(p)."""
        return self.scale * np.sqrt(probabilities(p))


def modulus(scale: float = 1.0) -> Law:
    """The law of the moduli of eigenvalues of matrices without symmetry, variance scale^2 / n (see `circular`)."""
    return Modulus(scale)
