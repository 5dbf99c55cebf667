"""Moments of standardized sums, exactly: through cumulants, which add."""

from __future__ import annotations

import math

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.sums.terms import terms

HIGHEST = 16


def double_factorial(k: int) -> int:
    """(k - 1)!! for even k, 0 for odd k: the k-th moment of a standard normal, the number of pairings of k points."""
    k = checks.integer("The order k of a moment", k, 0, 300)
    return 0 if k % 2 else math.prod(range(1, k, 2))


def standard_moments(kind: str, n: int, orders=(2, 3, 4, 6, 8), nu: float = 3.0) -> np.ndarray:
    r"""E Z^k of Z = (S_n - n mean) / (sigma sqrt n), for each order k.

    The cumulants of Z are those of one standardized term times n^(1 - k/2), so
    all but the second vanish; kappa_k -> moments by
    m_k = sum_j C(k - 1, j - 1) kappa_j m_{k-j}.

    Parameters
    ----------
    kind, nu
        As in `terms`; the variance must be finite.
    n : int
        Number of terms.
    orders : sequence of int
        Each from 0 to 16.

    Returns
    -------
    ndarray (len(orders),)
        inf (even orders) and nan (odd ones) where a moment of the terms does not exist.

    Notes
    -----
    The limit is (k - 1)!!, or 0 for odd k (`double_factorial`). Source: the moment proof of the central limit theorem,
    as in Feller, volume II (1971), chapters VIII and XVI.
    """
    law, n = terms(kind, nu), checks.integer("The number of terms n", n, 1)
    orders = [checks.integer("The order of a moment", k, 0, HIGHEST) for k in np.atleast_1d(np.asarray(orders, object))]
    if not math.isfinite(law.variance):
        raise Misuse("Standardized sums need terms with a variance", f"{kind!r} with infinite variance")
    size = law.scale
    central = [law.moment(k) / size**k for k in range(max(orders, default=0) + 1)]
    cumulants = [0.0, 0.0, *[0.0] * (len(central) - 2)][: len(central)]
    for k in range(2, len(central)):
        rest = sum(math.comb(k - 1, j - 1) * cumulants[j] * central[k - j] for j in range(2, k))
        cumulants[k] = central[k] - rest if math.isfinite(central[k]) else central[k]
    shrunk = [c * n ** (1 - k / 2) for k, c in enumerate(cumulants)]
    moments = [1.0]
    for k in range(1, len(central)):
        known = math.isfinite(central[k])
        moments.append(sum(math.comb(k - 1, j - 1) * shrunk[j] * moments[k - j] for j in range(1, k + 1))
                       if known else central[k])  # fmt: skip
    return np.array([moments[k] for k in orders])


def variance_of_mean(kind: str, n: float, nu: float = 3.0, correlation: float = 0.0) -> float:
    """Var(S_n / n) = sigma^2 (rho + (1 - rho) / n); n may be ``math.inf``: what is left of it, rho sigma^2."""
    law = terms(kind, nu)
    rho = checks.real("The correlation", correlation, 0.0, 1.0)
    if not (isinstance(n, float) and n == math.inf):
        n = checks.integer("The number of terms n", n, 1)
    return law.variance * (rho + (1 - rho) / n) if math.isfinite(law.variance) else math.inf
