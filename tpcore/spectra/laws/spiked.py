"""One eigenvalue pushed out of the bulk: spiked matrices and their transition."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.spectra.laws.base import Law
from tpcore.spectra.laws.marchenko_pastur import marchenko_pastur
from tpcore.spectra.laws.semicircle import semicircle


class Spiked(Law):
    """The law of the bulk, which one spike does not change, and what becomes of the spike.

    Attributes
    ----------
    bulk : Law
    spike, threshold : float
        The strength of the spike, and the one at which its eigenvalue leaves the bulk.
    outlier : float or None
        Where it is in the limit; None inside the bulk.
    overlap : float
        The limit of <v, u>^2, v the spike's unit vector, u the unit eigenvector of the eigenvalue next to it: 0
        inside the bulk.
    """

    def __init__(self, bulk: Law, spike: float, threshold: float, outlier: float | None, overlap: float, name: str):
        self.bulk, self.spike, self.threshold = bulk, spike, threshold
        self.outlier, self.overlap = outlier, overlap
        self.name, self.latex = name, bulk.latex
        self.support, self.atoms, self.error = bulk.support, bulk.atoms, bulk.error

    def pdf(self, x):
        """That of the bulk."""
        return self.bulk.pdf(x)

    def cdf(self, x):
        """That of the bulk: one eigenvalue of n has no mass."""
        return self.bulk.cdf(x)

    def moment(self, k: int) -> float:
        """That of the bulk."""
        return self.bulk.moment(k)

    def quantile(self, p):
        """That of the bulk."""
        return self.bulk.quantile(p)

    def nodes(self, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Those of the bulk."""
        return self.bulk.nodes(count)

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        return self.bulk.bands


def spiked_wigner(spike: float, scale: float = 1.0) -> Spiked:
    r"""W + spike v v^T, W symmetric with entries of variance scale^2 / n, v a unit vector.

    .. math:: \lambda_1 \to \theta + s^2 / \theta, \quad \langle u_1, v \rangle^2 \to 1 - s^2 / \theta^2
              \qquad (|\theta| > s)

    and the edge 2 s, 0 for |theta| <= s. A negative spike pushes the lowest eigenvalue out.

    Parameters
    ----------
    spike : float
        theta.
    scale : float
        s, greater than 0.

    Raises
    ------
    Misuse
        For numbers that are not finite, or a scale of 0.

    Notes
    -----
    Peche, PTRF 134 (2006); Benaych-Georges and Nadakuditi, Adv. Math. 227 (2011).
    """
    spike = checks.real("The spike", spike)
    scale = checks.real("The scale of the entries", scale, 0.0, open_low=True)
    out = abs(spike) > scale
    return Spiked(
        semicircle(scale), spike, scale, spike + scale * (scale / spike) if out else None,
        1 - (scale / spike) ** 2 if out else 0.0, f"Wigner, spike {spike:g}",
    )  # fmt: skip


def spiked_wishart(spike: float, ratio: float = 1.0) -> Spiked:
    r"""X X^T / n, X of m x n, columns with covariance I + (spike - 1) v v^T, m / n -> ratio = y.

    .. math:: \lambda \to \ell + \frac{y\,\ell}{\ell - 1}, \quad
              \langle u, v \rangle^2 \to \frac{1 - y / (\ell - 1)^2}{1 + y / (\ell - 1)}
              \qquad (|\ell - 1| > \sqrt y)

    and no outlier otherwise. Spikes above 1 + sqrt y leave the bulk above, those below 1 - sqrt y (y < 1) below.

    Parameters
    ----------
    spike : float
        l, the eigenvalue of the covariance, at least 0.
    ratio : float
        y, rows by columns, greater than 0 and finite.

    Notes
    -----
    `threshold` is 1 + sqrt y, or 1 - sqrt y for spikes below 1. Baik, Ben Arous and Peche, Ann. Probab. 33 (2005); Baik
    and Silverstein, J. Multivariate Anal. 97 (2006); Paul, Statistica Sinica 17 (2007).
    """
    spike = checks.real("The spike", spike, 0.0)
    bulk, ratio = marchenko_pastur(ratio), float(ratio)
    if not ratio > 0:
        raise Misuse("The ratio of a spiked Wishart matrix must be greater than 0", f"{ratio:g}",
                     "At ratio 0 the eigenvalues are those of the covariance")  # fmt: skip
    away, root = spike - 1, float(np.sqrt(ratio))
    out = abs(away) > root
    return Spiked(
        bulk, spike, 1 - root if away < 0 else 1 + root, spike + ratio * (spike / away) if out else None,
        (1 - ratio / away / away) / (1 + ratio / away) if out else 0.0, f"Wishart, ratio {ratio:g}, spike {spike:g}",
    )  # fmt: skip
