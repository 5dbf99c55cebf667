"""Gaussian expectations of activations: E phi(u) phi(v) and E phi'(u) phi'(v).

=================================  =========================================
phi                                method
=================================  =========================================
relu leaky_relu abs step sign erf  closed form (`tpcore.jitted.gaussian`)
erf_sigmoid gelu sin cos gauss
identity hermite
tanh sigmoid silu softplus         mixtures of closed forms at variances
                                   above 25 (`mixture`)
smooth, zero means                 Hermite series (`series`), if it is short
kinks, many pairs, zero means      Hermite series up to |rho| = 0.97 or
                                   0.988 (`kinked`)
all others                         quadrature (`bivariate`), or a table of
                                   it for many pairs (`table`)
=================================  =========================================

Every result has `method` and `error`, the latter for the covariance as given.
Correlations beyond +-1 by rounding count as +-1; a covariance that is invalid
beyond that is refused. At variance 0 and a kink at 0, phi' counts as the mean
of its two sides, so that E phi' phi' is that of an uncorrelated pair.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.activations import Activation, get
from tpcore.errors import Misuse
from tpcore.limit import gram as grams
from tpcore.limit import pairs
from tpcore.limit.estimate import Estimate
from tpcore.limit.values import Values

Phi = str | Activation | Callable


def V(phi: Phi, Sigma, *, check: bool = True) -> Values:
    """V_phi(Sigma) = E phi(z) phi(z)^T, z ~ N(0, Sigma).

    Parameters
    ----------
    phi : str, Activation or callable
    Sigma : array_like, (..., k, k)
        Covariances, singular ones included.
    check : bool
        False skips the checks of `Sigma`, for callers that built it.

    Returns
    -------
    Values, (..., k, k)
        An array with `method` and `error` (absolute, the largest). Positive
        semidefinite up to rounding.

    Raises
    ------
    Misuse
        If `Sigma` is not symmetric, not finite, has a negative variance or a
        correlation beyond 1.

    Notes
    -----
    Theory: Tensor Programs I (arXiv 1910.12478), section 3 (V-transforms).
    """
    phi = get(phi)
    sigma = grams.checked(Sigma) if check else np.asarray(Sigma, dtype=np.float64)
    return grams.transform(phi, sigma, value=True)[0]


def dV(phi: Phi, Sigma, *, check: bool = True) -> Values:
    """E phi'(z) phi'(z)^T, z ~ N(0, Sigma): as `V`. Raises `Misuse` for a phi that jumps."""
    phi = differentiable(phi)
    sigma = grams.checked(Sigma) if check else np.asarray(Sigma, dtype=np.float64)
    return grams.transform(phi, sigma, slope=True)[1]


def V_dV(phi: Phi, Sigma, *, check: bool = True) -> tuple[Values, Values]:
    """(V, dV) in one pass: what a step of the neural tangent kernel needs."""
    phi = differentiable(phi)
    sigma = grams.checked(Sigma) if check else np.asarray(Sigma, dtype=np.float64)
    return grams.transform(phi, sigma, value=True, slope=True)


def pair(phi: Phi, q1, q2, c, psi: Phi | None = None, m1=0.0, m2=0.0) -> Estimate:
    """E phi(u) psi(v), (u, v) ~ N((m1, m2), [[q1, c], [c, q2]]).

    Parameters
    ----------
    phi, psi : str, Activation or callable
        `psi` is `phi` unless given.
    q1, q2, c, m1, m2 : array_like
        Variances, covariance, means; they broadcast.

    Returns
    -------
    Estimate
        `value` and `error` of the broadcast shape; behaves as its value.

    Raises
    ------
    Misuse
        For a negative variance, a correlation beyond 1, or numbers that are not finite.
    """
    phi = get(phi)
    return pairs.evaluate(phi, phi if psi is None else get(psi), q1, q2, c, m1, m2)


def dpair(phi: Phi, q1, q2, c, psi: Phi | None = None, m1=0.0, m2=0.0) -> Estimate:
    """E phi'(u) psi'(v): as `pair`. Raises `Misuse` for functions that jump."""
    phi = differentiable(phi)
    psi = phi if psi is None else differentiable(psi)
    return pairs.evaluate(phi, psi, q1, q2, c, m1, m2, slope=True)


def one(phi: Phi, q, m=0.0) -> Estimate:
    """E phi(u), u ~ N(m, q); q and m broadcast. Raises `Misuse` for a negative variance."""
    return pairs.single(get(phi), q, m)


def differentiable(phi: Phi) -> Activation:
    """The activation, if it has a derivative in the ordinary sense; else `Misuse` in words."""
    phi = get(phi)
    if phi.jumps:
        raise Misuse(
            "phi must have a derivative in the ordinary sense for E phi' phi' (and for a tangent kernel)",
            f"{phi.name}, which jumps at {', '.join(f'{k:g}' for k in phi.kinks)}",
            "Its derivative is a delta function there: use erf with large inputs, or the kernel V alone",
        )
    return phi
