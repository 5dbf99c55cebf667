"""Vectors of a program over the particles: as numbers, as coefficients over the basis of their space, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore.limit.particles.space import Space

class Table:
    """Coefficients of a block that is extended again and again, without copying what is there each time."""

    def __init__(self, coef: np.ndarray):
        self.size = self.height = 0
        self._store = np.zeros((2 * coef.shape[1], len(coef) * 5 // 4))
        self.extend(coef)

    def extend(self, coef: np.ndarray) -> np.ndarray:
        """Add columns (m, k); all of them, (m', size)."""
        first, self.size = self.size, self.size + coef.shape[1]
        rows, columns = self._store.shape
        if self.size > rows or len(coef) > columns:
            grown = np.zeros((max(rows, 2 * self.size), max(columns, len(coef) * 5 // 4)))
            grown[:first, :columns] = self._store[:first]
            self._store = grown
        self._store[first : self.size, : len(coef)] = coef.T
        self.height = max(self.height, len(coef))
        return self._store[: self.size, : self.height].T


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
    shadow : ndarray or None
        (m, size): inner products with the first m vectors of the basis, where there is no `coef`.
    table : Table or None
        Where `coef` is stored, if vectors can be added behind it.
    """

    space: Space
    size: int
    rows: np.ndarray | None = None
    coef: np.ndarray | None = None
    near: np.ndarray | None = None
    shadow: np.ndarray | None = None
    table: Table | None = None

    @property
    def span(self) -> np.ndarray | None:
        """Coefficients, exact or near."""
        return self.near if self.coef is None else self.coef

    def numbers(self) -> np.ndarray:
        """The rows, made where there are none."""
        if self.rows is None:
            self.rows = self.space.combine(self.coef).astype(float, copy=False)
        return self.rows

    def column_means(self) -> np.ndarray:
        """E of each vector."""
        return self.rows.mean(axis=1) if self.coef is None else self.coef[0].copy()

    def inner(self, other: Form) -> np.ndarray:
        """<x_i, y_j>, shape (size, other.size)."""
        if self.coef is None and other.coef is None:
            return self.numbers() @ other.numbers().T / self.space.size
        one, two = (x.projected() if x.span is None else x.span for x in (self, other))
        common = min(len(one), len(two))
        return one[:common].T @ two[:common]

    def projected(self) -> np.ndarray:
        """The inner products with all of the basis; what is known of them is not computed again."""
        self.shadow = self.space.project(self.numbers(), self.shadow)
        return self.shadow
