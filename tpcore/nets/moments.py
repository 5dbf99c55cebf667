r"""Second moments and tangent kernels that pass from layer to layer: how a network acts on covariances.

For two inputs a layer maps the matrix K_pq = E x_p x'_q over their positions to that of the next layer. What it needs
of each input alone (variances for an activation, attention weights) it keeps as a `Side` when that input's own matrix
passes through (`own`); pairs of inputs follow (`cross`). Where only pairs at the same position matter (convolutions
before a flattening) K is (.., P), its diagonal.

Beside K may go the tangent kernel T_pq, the inner product of the gradients of a coordinate of x_p and of x'_q in all
parameters so far, averaged over the coordinates. A layer with weights W of its own maps T to sigma_w^2 T + u K + beta,
where u K and beta are what its weights and biases contribute; a function multiplies by its slopes. Scalars that
converge (means, standard deviations, attention weights) have vanishing gradients, and count as constants.

Sources: Tensor Programs I (arXiv 1910.12478), Theorem 5.4; Tensor Programs II (arXiv 2006.14548), section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tpcore.errors import Misuse
from tpcore.nets.data import Layout


Moments = tuple[np.ndarray, np.ndarray | None]


class NoRecursion(Exception):
    """The covariance alone does not decide what comes out: the program's limit has to be taken."""


class NeedsSample(NoRecursion):
    """Expectations of many Gaussians decide: a sample of them is needed (`Own.points`)."""


@dataclass(frozen=True, eq=False)
class Own:
    """Moments of every item by itself.

    Attributes
    ----------
    K : ndarray, (N, P, P) or (N, P)
        E x_p x_q over the positions of an item (or of all items at once: then N is 1), or its diagonal.
    layout : Layout
        Of the P positions.
    gaussian : bool
        Are the x jointly Gaussian with mean zero?
    fresh : bool
        Are they so whatever came before (weights of their own came last)?
    raw : bool
        Numbers, no vectors yet.
    mean : callable or None
        E x_p, (N, P), computed when it is wanted; None for zero.
    normalized : bool
        K is the centred covariance of what batch normalization is about to divide.
    rng : Generator or None
        Of random attention weights.
    points : int
        Of samples; 0: nothing is sampled.
    sample : tuple of int
        The seed of samples, one for all layers.
    T : ndarray or None
        The tangent kernel, in the shape of K; None where nobody asks for it.
    convention : str
        That of `tpcore.ntk`.
    """

    K: np.ndarray
    layout: Layout
    gaussian: bool = False
    fresh: bool = False
    raw: bool = False
    mean: Callable[[], np.ndarray] | None = None
    normalized: bool = False
    rng: np.random.Generator | None = None
    points: int = 0
    sample: tuple[int, ...] = ()
    T: np.ndarray | None = None
    convention: str = "multiplier"

    @property
    def diagonal(self) -> bool:
        return self.K.ndim == 2

    def seed(self) -> tuple[int, ...]:
        """Of a sample; `NeedsSample` where none is drawn."""
        if not self.points:
            raise NeedsSample
        return self.sample

    def variances(self) -> np.ndarray:
        """E x_p^2, (N, P)."""
        return self.K if self.diagonal else np.diagonal(self.K, axis1=1, axis2=2)

    def full(self) -> np.ndarray:
        """K over pairs of positions."""
        if self.diagonal:
            raise NoRecursion
        return self.K

    def weighted(self, moments: Moments, layout: Layout | None = None) -> Own:
        """After a layer with weights of its own that has made (K, T)."""
        K, T = moments
        return replace(self, K=K, T=T, layout=layout or self.layout, gaussian=True, fresh=True, raw=False, mean=None)

    def mapped(self, moments: Moments, layout: Layout, average: Callable[[np.ndarray], np.ndarray]) -> Own:
        """After a linear map of positions without weights that has made (K, T)."""
        K, T = moments
        mean = None if self.mean is None else (lambda: average(self.mean()))
        return replace(self, K=K, T=T, layout=layout, mean=mean, fresh=False)


@dataclass(frozen=True, eq=False)
class Side:
    """What a layer keeps of inputs: arrays whose first axis are the items, and what all items share."""

    arrays: tuple[np.ndarray, ...] = ()
    shared: object = None
    inner: tuple[Side, ...] = field(default=())

    def __getitem__(self, items) -> Side:
        return Side(tuple(a[items] for a in self.arrays), self.shared, tuple(side[items] for side in self.inner))

    def joined(self) -> Side:
        """Items of one position each as one item of many."""
        return Side(tuple(a.reshape(1, -1) for a in self.arrays), self.shared, tuple(s.joined() for s in self.inner))


def rates(convention: str, sigma_w: float, sigma_b: float | None) -> tuple[float, float]:
    """(u, beta): what weights times second moments, and biases, contribute to a tangent kernel."""
    multiplier = convention == "multiplier"
    free = 0.0 if sigma_b is None else sigma_b**2 if multiplier else 1.0
    return (sigma_w**2 if multiplier else 1.0), free


def no_variance(layer: str, where: np.ndarray, scale: float) -> None:
    """Refuse to divide by a standard deviation of zero."""
    if np.any(where <= 1e-14 * max(scale, 1e-300)):
        raise Misuse(f"{layer} needs vectors that vary: it divides by their standard deviation",
                     "a vector of variance zero", "Give the layer before it biases, or leave zero inputs out")
