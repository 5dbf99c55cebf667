"""All mass at one point, or at a few."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.laws.base import Law, points, probabilities


class PointMass(Law):
    """All mass at one point: what a law becomes when its scale is zero."""

    def __init__(self, at: float = 0.0):
        at = checks.real("The place of a point mass", at)
        self.name, self.latex = f"point mass at {at:g}", rf"\delta(x - {at:g})"
        self.support, self.atoms = (at, at), ((at, 1.0),)

    def pdf(self, x):
        """Zero wherever x is: there is no absolutely continuous part."""
        return _nothing(points(x))

    def cdf(self, x):
        """1 from the point on, 0 before."""
        x = points(x)
        return np.where(np.isnan(x), np.nan, x >= self.support[0])[()]


class Discrete(Law):
    """Finitely many atoms."""

    def __init__(self, places: np.ndarray, masses: np.ndarray):
        self._places, self._masses = places, masses
        self._upto = np.append(0.0, np.cumsum(masses))
        self.name, self.latex = f"{places.size} point masses", r"\sum_j p_j\, \delta(x - a_j)"
        self.support = (float(places[0]), float(places[-1]))
        self.atoms = tuple(zip(places.tolist(), masses.tolist(), strict=True))

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        return ()

    def pdf(self, x):
        """Zero wherever x is: there is no absolutely continuous part."""
        return _nothing(points(x))

    def cdf(self, x):
        """The masses of the points up to x."""
        x = points(x)
        upto = self._upto[np.searchsorted(self._places, x, side="right")]
        return np.where(np.isnan(x), np.nan, upto)[()]

    def quantile(self, p):
        """The first point with at least mass p up to it."""
        at = np.searchsorted(self._upto[1:] * (1 + 1e-15), probabilities(p))
        return self._places[np.minimum(at, self._places.size - 1)][()]


def _nothing(x: np.ndarray):
    return np.where(np.isnan(x), np.nan, 0.0)[()]


def discrete(places, masses=None) -> Law:
    """The law with `masses` at `places`: a two-point law, a projection, the eigenvalues of a matrix.

    Parameters
    ----------
    places : array_like, (k,)
        Finite numbers; equal ones are joined.
    masses : array_like, (k,), optional
        Nonnegative, not all 0; divided by their sum. By default all equal.

    Raises
    ------
    Misuse
        If there are no places, or the masses are no masses.
    """
    places = checks.array("The places", places, ndim=1)
    masses = np.ones(places.size) if masses is None else checks.array("The masses", masses, ndim=1)
    if places.size == 0 or masses.shape != places.shape or (masses < 0).any() or masses.sum() <= 0:
        raise Misuse("Each of one or more places needs a mass of at least 0, not all of them 0",
                     f"{places.size} places and {masses.size} masses")  # fmt: skip
    places, at = np.unique(places, return_inverse=True)
    masses = np.bincount(at, masses) / masses.sum()
    places, masses = places[masses > 0], masses[masses > 0]
    return PointMass(places[0]) if places.size == 1 else Discrete(places, masses)
