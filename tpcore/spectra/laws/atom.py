"""All mass at one point."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.spectra.laws.base import Law, points


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
        return (points(x) >= self.support[0]).astype(float)[()]
