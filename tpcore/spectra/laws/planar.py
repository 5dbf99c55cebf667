"""Laws in the complex plane: the circular and the elliptic law."""

from __future__ import annotations

from math import comb

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.laws.atom import PointMass
from tpcore.spectra.laws.base import Law, probabilities, uniform
from tpcore.spectra.laws.semicircle import semicircle


class Elliptic:
    """The uniform law on an ellipse in the complex plane, axes along the coordinates.

    The methods are those of laws on the line, at complex points.

    Attributes
    ----------
    name, latex : str
        As in a legend, and the density as a formula.
    half_axes : (float, float)
        Of the ellipse: s (1 + tau) along the real line, s (1 - tau) across.
    support : (complex, complex)
        The corners, lower left and upper right, of the smallest rectangle that carries all mass.
    atoms : tuple
        Empty: a continuous law.
    """

    atoms: tuple[tuple[complex, float], ...] = ()
    error: float = 1e-15

    def __init__(self, tau: float = 0.0, scale: float = 1.0):
        self.tau, self.scale = tau, scale
        self.half_axes = (scale * (1 + tau), scale * (1 - tau))
        self.support = (-complex(*self.half_axes), complex(*self.half_axes))
        kind = "circular" if tau == 0 else f"elliptic, tau {tau:g}"
        self.name = kind + ("" if scale == 1 else f", scale {scale:g}")
        self.latex = (r"\frac{1}{\pi" + (" s^2" if scale != 1 else "") + (r" (1 - \tau^2)" if tau else "") + "}"
                      + (r"\;(|z| \le " + ("1" if scale == 1 else "s") + ")" if tau == 0 else ""))  # fmt: skip

    def _disc(self, z) -> np.ndarray:
        """z mapped so that the ellipse becomes the unit disc."""
        z = _complex(z)
        return z.real / self.half_axes[0] + 1j * (z.imag / self.half_axes[1])

    def pdf(self, z):
        """Density against area: 1 / (pi s^2 (1 - tau^2)) inside, 0 outside."""
        z = self._disc(z)
        value = np.where(np.abs(z) <= 1, 1 / (np.pi * self.half_axes[0] * self.half_axes[1]), 0.0)
        return np.where(np.isnan(z), np.nan, value)[()]

    def cdf(self, z):
        """P(Re Z <= Re z, Im Z <= Im z): the area of the ellipse to the lower left of z, by its own."""
        z = self._disc(z)
        return (_corner(np.clip(z.real, -1, 1), np.clip(z.imag, -1, 1)) / np.pi)[()]

    def within(self, factor):
        """P(Z in factor * ellipse) = factor^2, clipped to [0, 1]: the law of the level |z|, for the circular law."""
        return (np.clip(np.asarray(factor, float), 0, 1) ** 2)[()]

    def quantile(self, p):
        """The factor by which the ellipse shrinks to one of mass p: sqrt(p)."""
        return np.sqrt(probabilities(p))[()]

    def moment(self, k: int, conjugate: int = 0) -> float:
        """E Z^k conj(Z)^l, l = `conjugate`; real by symmetry, 0 where k + l is odd.

        With Z = s (V + tau conj(V)), V uniform on the unit disc, E V^a conj(V)^b = [a = b] / (a + 1).
        """
        k = checks.integer("The order k of a moment", k, 0, 100)
        m = checks.integer("The order of the conjugate", conjugate, 0, 100)
        if (k + m) % 2:
            return 0.0
        half = (k + m) // 2
        # i conj(V) from Z^k and j V from conj(Z)^m: powers of V k - i + j = half, of conj(V) i + m - j = half
        ways = sum(comb(k, i) * comb(m, half - k + i) * self.tau ** (i + half - k + i)
                   for i in range(k + 1) if 0 <= half - k + i <= m)  # fmt: skip
        return float(self.scale ** (k + m) * ways / (half + 1))

    def sample(self, size: int | tuple[int, ...], seed: int = 0) -> np.ndarray:
        """`size` independent draws, complex."""
        radius, angle = uniform(size, seed, 2)
        radius, angle = np.sqrt(radius), 2 * np.pi * angle
        return radius * (self.half_axes[0] * np.cos(angle) + 1j * self.half_axes[1] * np.sin(angle))

    @property
    def real_part(self) -> Law:
        """The law of the real part: a semicircle on the horizontal axis of the ellipse."""
        return semicircle(self.half_axes[0] / 2)

    @property
    def imaginary_part(self) -> Law:
        """The law of the imaginary part: a semicircle on the vertical axis of the ellipse."""
        return semicircle(self.half_axes[1] / 2)

    def outline(self, count: int = 200) -> np.ndarray:
        """`count` points around the ellipse, the first and the last the same: its boundary, to draw."""
        angle = np.linspace(0, 2 * np.pi, checks.integer("The number of points", count, 4))
        return self.half_axes[0] * np.cos(angle) + 1j * self.half_axes[1] * np.sin(angle)

    def __repr__(self) -> str:
        return f"Elliptic({self.name!r}, half axes {self.half_axes[0]:g} and {self.half_axes[1]:g})"


class Origin(PointMass):
    """All mass at 0 in the complex plane."""

    def pdf(self, z):
        """Zero wherever z is."""
        z = _complex(z)
        return np.where(np.isnan(z), np.nan, 0.0)[()]

    def cdf(self, z):
        """1 to the upper right of 0, else 0."""
        z = _complex(z)
        return np.where(np.isnan(z), np.nan, (z.real >= 0) & (z.imag >= 0))[()]

    def moment(self, k: int, conjugate: int = 0) -> float:
        """1 for k = conjugate = 0, else 0."""
        return super().moment(k) * super().moment(conjugate)


def circular(scale: float = 1.0) -> Elliptic | Law:
    """The circular law: uniform on the disc of radius `scale`.

    Parameters
    ----------
    scale : float
        The entries have variance scale^2 / n; at least 0, 0 gives the point mass at 0.

    Returns
    -------
    Elliptic
        With ``pdf, cdf, support, atoms, moment, quantile, sample`` at complex points.

    Notes
    -----
    The limit of the eigenvalues of a square matrix of iid entries. Ginibre, J. Math. Phys. 6 (1965); Tao and Vu,
    Ann. Probab. 38 (2010).
    """
    return elliptic(0.0, scale)


def elliptic(tau: float = 0.0, scale: float = 1.0) -> Elliptic | Law:
    """The elliptic law: uniform on the ellipse of half axes scale (1 + tau) and scale (1 - tau).

    Parameters
    ----------
    tau : float
        Correlation of the entries A_ij and A_ji, in (-1, 1]: 0 is the circular law; 1, a symmetric matrix, gives the
        `semicircle`, a law on the line.
    scale : float
        The entries have variance scale^2 / n; at least 0, 0 gives the point mass at 0.

    Raises
    ------
    Misuse
        If `tau` is out of range; at -1, an antisymmetric matrix, the law is a semicircle on the imaginary line.

    Notes
    -----
    Girko, Theory Probab. Appl. 30 (1986); Nguyen and O'Rourke (arXiv 1208.5883).
    """
    scale = checks.real("The scale of the entries", scale, 0.0)
    tau = checks.real("The correlation tau", tau)
    if not -1 < tau <= 1:
        raise Misuse("The correlation tau of an elliptic law must lie in (-1, 1]", f"{tau:g}",
                     "At -1 the eigenvalues are imaginary: i times those of `semicircle`")  # fmt: skip
    if scale == 0:
        return Origin()
    return semicircle(scale) if tau == 1 else Elliptic(tau, scale)


def _complex(z) -> np.ndarray:
    z = checks.raw_array("The argument of a law", z)
    if z.dtype.kind not in "biufc":
        raise Misuse("A law in the plane is evaluated at complex numbers", repr(z))
    return z.astype(complex)


def _below(x: np.ndarray) -> np.ndarray:
    """The area of the part of the unit disc left of x."""
    return np.pi / 2 + np.arcsin(x) + x * np.sqrt((1 - x) * (1 + x))


def _corner(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The area of the part of the unit disc left of x and under y, both in [-1, 1]."""
    inside = x * x + y * y < 1
    quarter = np.pi / 4 + x * y + (np.arcsin(x) + x * np.sqrt(1 - x * x) + np.arcsin(y) + y * np.sqrt(1 - y * y)) / 2
    # outside the disc: the corner cuts off nothing, one cap, the other, or everything
    both = np.where((x > 0) & (y > 0), _below(x) + _below(y) - np.pi, 0.0)
    outside = np.where((x > 0) & (y > 0), both, np.where(x > 0, _below(y), np.where(y > 0, _below(x), 0.0)))
    return np.where(np.isnan(x) | np.isnan(y), np.nan, np.where(inside, quarter, outside))
