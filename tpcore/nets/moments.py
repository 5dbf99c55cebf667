r"""Second moments that pass from layer to layer: how a network acts on covariances.

For two inputs a layer maps the matrix K_pq = E x_p x'_q over their positions to that of the next layer. What it needs
of each input alone (variances for an activation, attention weights) it keeps as a `Side` when that input's own matrix
passes through (`own`); pairs of inputs follow (`cross`). Where only pairs at the same position matter (convolutions
before a flattening) K is (.., P), its diagonal.

Source: Tensor Programs I (arXiv 1910.12478), section 2.1 of its recursion (Theorem 5.4), layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tpcore.errors import Misuse
from tpcore.nets.data import Layout


class NoRecursion(Exception):
    """The covariance alone does not decide what comes out: the program's limit has to be taken."""


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
    """

    K: np.ndarray
    layout: Layout
    gaussian: bool = False
    fresh: bool = False
    raw: bool = False
    mean: Callable[[], np.ndarray] | None = None
    normalized: bool = False
    rng: np.random.Generator | None = None

    @property
    def diagonal(self) -> bool:
        return self.K.ndim == 2

    def variances(self) -> np.ndarray:
        """E x_p^2, (N, P)."""
        return self.K if self.diagonal else np.diagonal(self.K, axis1=1, axis2=2)

    def full(self) -> np.ndarray:
        """K over pairs of positions."""
        if self.diagonal:
            raise NoRecursion
        return self.K

    def weighted(self, K: np.ndarray, layout: Layout | None = None) -> Own:
        """After a layer with weights of its own."""
        return replace(self, K=K, layout=layout or self.layout, gaussian=True, fresh=True, raw=False, mean=None)

    def mapped(self, K: np.ndarray, layout: Layout, average: Callable[[np.ndarray], np.ndarray]) -> Own:
        """After a linear map of positions without weights."""
        mean = None if self.mean is None else (lambda: average(self.mean()))
        return replace(self, K=K, layout=layout, mean=mean, fresh=False)


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


def no_variance(layer: str, where: np.ndarray, scale: float) -> None:
    """Refuse to divide by a standard deviation of zero."""
    if np.any(where <= 1e-14 * max(scale, 1e-300)):
        raise Misuse(f"{layer} needs vectors that vary: it divides by their standard deviation",
                     "a vector of variance zero", "Give the layer before it biases, or leave zero inputs out")
