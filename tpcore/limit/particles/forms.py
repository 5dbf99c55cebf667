"""Vectors of a program over the particles: as numbers, as coefficients over the basis of their space, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore.limit.particles.space import Space

_FEW = 64


@dataclass(eq=False)
class Form:
    """A block of vectors, one row (or one column of coefficients) a vector, in the C order of its shape.

    Attributes
    ----------
    space : Space
    size : int
        How many vectors.
    rows : ndarray or None
        (size, particles).
    coef : ndarray or None
        (m, size): the vectors are these combinations of the first m vectors of the basis.
    near : ndarray or None
        (m, size): their projections on the basis where they were multiplied by a matrix; what is missing was found
        negligible there. Set for vectors that have no `coef`.
    """

    space: Space
    size: int
    rows: np.ndarray | None = None
    coef: np.ndarray | None = None
    near: np.ndarray | None = None

    @property
    def span(self) -> np.ndarray | None:
        """Coefficients, exact or near."""
        return self.near if self.coef is None else self.coef

    def numbers(self) -> np.ndarray:
        """The rows, made where there are none."""
        if self.rows is None:
            self.rows = self.space.combine(self.coef)
        return self.rows

    def column_means(self) -> np.ndarray:
        """E of each vector."""
        return self.rows.mean(axis=1) if self.coef is None else self.coef[0].copy()

    def inner(self, other: Form) -> np.ndarray:
        """<x_i, y_j>, shape (size, other.size)."""
        if (self.span is None or other.span is None) and max(self.size, other.size) > _FEW:
            for one, two in ((self, other), (other, self)):
                if one.coef is not None and two.span is None:
                    two.near = one.space.project(two.numbers())
        if self.span is None or other.span is None or (self.coef is None and other.coef is None):
            return self.numbers() @ other.numbers().T / self.space.size
        common = min(len(self.span), len(other.span))
        return self.span[:common].T @ other.span[:common]
