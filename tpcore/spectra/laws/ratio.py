r"""The equations of a free product near a place e > 0 where atoms a_i of all its laws meet.

With z = e (1 + zeta), u_i = a_i (1 + eta_i) and g = z G(z) = 1 + w,

.. math:: \log(1 + \zeta) = (n - 1) \log(1 - 1 / g) + \sum_i \log(1 + \eta_i), \qquad
          (1 + \eta_i) E \frac{1}{1 + \eta_i - X_i / a_i} = g.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from tpcore.spectra.laws.measure import Measure


@dataclass
class Ratio:
    """The laws of X_l / a_l - 1, and how often each occurs; `places` are the a_l, `spread` is that of log z."""

    measures: list[tuple[Measure, int]]
    places: list[float]
    spread: float

    @property
    def _extra(self) -> int:
        return sum(times for _, times in self.measures) - 1

    @property
    def bend(self) -> complex:
        """K in log(1 + zeta) = m / g + K / g^2."""
        total = -self._extra / 2 + 0j
        for measure, times in self.measures:
            mass = dict(measure.atoms)[0.0]
            total += times * (mass * measure.pull + mass**2 / 2)
        return total

    def near(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log(1 + zeta) without the eta_l, by h = 1 / g, and its derivative by h."""
        return self._extra * special.log1p(-h), -self._extra / (1 - h)

    def outer(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What of log(1 + zeta) an eta_l gives, and its derivative."""
        return special.log1p(eta), 1 / (1 + eta)

    def own(self, measure: Measure, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """g by one law, and its derivative by eta."""
        value, slope = measure.cauchy(eta)
        return (1 + eta) * value, value + (1 + eta) * slope

    def upper(self, g: np.ndarray, etas: list[np.ndarray]) -> np.ndarray:
        """1 - F at real points, from the solution there."""
        w = g - 1
        total = -self._extra * np.arctan2(np.abs(w.imag), w.real)
        for (measure, times), eta in zip(self.measures, etas, strict=True):
            total = total + times * measure.angle(eta)
        return total / np.pi
