"""Requests and results of the Jacobians lab: frozen, hashable requests in, frozen results out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WORDS = ("AB", "A²B", "AB²", "ABAB", "A²B²", "ABABAB")  # as `tpcore.spectra.jacobians.WORDS`


@dataclass(frozen=True)
class NetRequest:
    """A network without its readout. `q0` is the mean square of the input; None: at the variance's fixed point."""

    depth: int
    phi: str
    sigma_w: float
    sigma_b: float
    weights: str = "gaussian"
    q0: float | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """What the variance map says about a network.

    Attributes
    ----------
    q : float
        q*: 0 where variances vanish, inf where they grow.
    chi : float
        chi_1 at q*; NaN where there is none.
    variances, chis : (L,)
        Of the layers' preactivations, and sigma_w^2 E phi'^2 there.
    mean, variance : float
        Of the squared singular values in the limit.
    a, b : (3,)
        Limits of (1/n) tr A^k and (1/n) tr B^k for dense weights, A = D_L^2, B = W_L D_(L-1)^2 W_L^T.
    homogeneous : bool
        Slopes do not depend on the variance.
    """

    request: NetRequest
    q: float
    chi: float
    variances: np.ndarray
    chis: np.ndarray
    mean: float
    variance: float
    a: np.ndarray
    b: np.ndarray
    homogeneous: bool

    @property
    def sizes(self) -> np.ndarray:
        """Mean square sizes (L,) of gradients behind 1, 2, .., L layers."""
        return np.cumprod(self.chis)


@dataclass(frozen=True, eq=False)
class SingularLaw:
    """The limit law of singular values s.

    Attributes
    ----------
    s, pdf, cdf : (M,)
        A grid over the window, density and distribution function of s there.
    window : (low, high)
        What to show on an axis of log s.
    top : float
        The largest singular value.
    atoms : tuple of (s, mass)
    holds : bool
        False where the law stands beside networks that do not follow it.
    """

    s: np.ndarray
    pdf: np.ndarray
    cdf: np.ndarray
    window: tuple[float, float]
    top: float
    atoms: tuple[tuple[float, float], ...]
    method: str
    holds: bool = True


@dataclass(frozen=True)
class DrawsRequest:
    net: NetRequest
    n: int
    draws: int = 1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Draws:
    """Random networks, more and more of them.

    Attributes
    ----------
    singular : (m, n)
    sizes : (m, L)
        Mean square sizes of gradients behind 1, .., L layers.
    words : (m, 6)
        Mixed moments of A / tau(A), B / tau(B).
    free, commuting : (6,)
        What they were if A and B were free, or commuted: from the limit, or with sparse weights from the networks' own
        moments of A and of B.
    """

    request: DrawsRequest
    singular: np.ndarray
    sizes: np.ndarray
    words: np.ndarray
    free: np.ndarray
    commuting: np.ndarray
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        return len(self.singular) >= self.request.draws


@dataclass(frozen=True, eq=False)
class Histogram:
    """Density of s (or of log10 s) in bins; how many lie `left` of them, how many are `zero` but for rounding."""

    edges: np.ndarray
    density: np.ndarray
    counts: np.ndarray
    left: int
    zero: int
    n: int


@dataclass(frozen=True, eq=False)
class Plane:
    """Order and chaos over sigma_w (W,) and sigma_b (B,).

    Attributes
    ----------
    chi, q : (B, W)
        NaN and inf where variances grow without bound.
    contours : tuple of (chi, [curves (2, M)])
    """

    phi: str
    sigma_w: np.ndarray
    sigma_b: np.ndarray
    chi: np.ndarray
    q: np.ndarray
    contours: tuple[tuple[float, list[np.ndarray]], ...]
