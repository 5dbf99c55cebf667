r"""Training at infinite width by particles where updates are nonlinear in each entry: sign descent and Adam.

An update Q(sum_b delta_b x_b^T / n), entry by entry, is no sum of a few outer products: (Delta W v)_alpha is the mean
over beta of Q(sum_b delta_{b alpha} x_{b beta}) v_beta, a function of alpha alone. Over P particles that mean is a
product with a P by P matrix, whose moments Adam keeps; W_0 acts as for SGD (Tensor Programs IVb, arXiv 2308.01814,
nonlinear outer products). Input weights and the readout move coordinate by coordinate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.limit.particles.matrix import ParticleMatrix
from tpcore.limit.particles.space import Space, norms
from tpcore.train.layers import Hidden, Rate
from tpcore.train.network import Overflow
from tpcore.train.particles import Particles


class Start:
    """W_0 of entries N(0, variance / P), as a map of vectors (P, k)."""

    def __init__(self, space: Space, variance: float, soft: float):
        self.space, self.matrix = space, ParticleMatrix(variance, 1.0, 1.0, space, space, soft, exact=True)

    def multiply(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        """W_0 x or W_0^T x."""
        rows = x.T
        sizes = norms(rows)
        if not np.isfinite(sizes).all():
            raise Overflow
        floor = self.matrix.floor(sizes, transposed)
        image = self.matrix.multiply(self.space.absorb(rows, floor), floor, transposed)
        return self.space.combine(image).T.astype(float)


class EntrywiseNetwork(Particles):
    """The limit of a network in muP for adaptive optimizers."""

    def _matrix(self, layer: int, scale: float, rate: Rate, tick: Callable[[], None]) -> Hidden:
        return Hidden(Start(self.space, self.n * scale**2, self.soft), self.n, rate, 0)
