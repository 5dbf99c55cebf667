"""From squared singular values to singular values."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.laws.base import Law, points


class Root(Law):
    """The law of sqrt(X), X >= 0 of the law `squared`: density 2 s p(s^2)."""

    def __init__(self, squared: Law):
        self.squared = squared
        self.name = "singular values, " + squared.name
        self.latex = r"2 s\, p(s^2)"
        self.support = tuple(float(np.sqrt(end)) for end in squared.support)
        self.atoms = tuple((float(np.sqrt(at)), mass) for at, mass in squared.atoms)
        self.error = squared.error

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        return tuple((float(np.sqrt(low)), float(np.sqrt(high))) for low, high in self.squared.bands)

    def pdf(self, x):
        """2 s p(s^2) for s > 0, 0 for s < 0; at 0 the limit from the right, inf where there is none."""
        x = points(x)
        least = max(1e-12 * self.support[1], 1e-150)
        moved = np.where(x == 0, least, np.where(np.isinf(x), 2 * self.support[1], np.abs(x)))
        value = np.where(x < 0, 0.0, 2 * moved * self.squared.pdf(moved * moved))
        steep = (x == 0) & (2 * (2 * moved) * self.squared.pdf(4 * moved * moved) < 0.8 * value)
        return np.where(steep, np.inf, value)[()]

    def cdf(self, x):
        """P(X <= s^2) for s >= 0."""
        x = points(x)
        return np.where(x < 0, 0.0, self.squared.cdf(x * x))[()]

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Those of the squared law, at the roots of their places."""
        places, masses = self.squared.nodes(count)
        return np.sqrt(places), masses

    def below(self, count: int = 400) -> tuple[np.ndarray, np.ndarray] | None:
        """The same on paths below the real line, where the squared law knows them."""
        path = getattr(self.squared, "below", None)
        if path is None:
            return None
        places, masses = path(count)
        return np.sqrt(np.asarray(places, complex)), masses

    def moment(self, k: int) -> float:
        """E X^(k/2): the squared law's own for even k."""
        k = checks.integer("The order k of a moment", k, 0)
        return self.squared.moment(k // 2) if k % 2 == 0 else self.expect(lambda s: s**k)

    def quantile(self, p):
        """sqrt of the squared law's."""
        return np.sqrt(self.squared.quantile(p))

    def sample(self, size: int | tuple[int, ...], seed: int = 0) -> np.ndarray:
        """sqrt of draws of the squared law."""
        return np.sqrt(self.squared.sample(size, seed))


def singular_values(law: Law) -> Law:
    """The law of singular values whose squares have the law `law`.

    Parameters
    ----------
    law : Law
        On [0, inf): `marchenko_pastur`, `product`, `jacobian`.

    Raises
    ------
    Misuse
        If `law` has mass below 0, or is no law on the line.
    """
    if not isinstance(law, Law) or law.support[0] < 0:
        raise Misuse("The law of squares must be a law on the line without mass below 0", repr(law))
    return Root(law)
