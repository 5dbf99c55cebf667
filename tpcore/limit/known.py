"""Arrays with a bound for their error, and the method that made them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ORDER = ["exact", "closed form", "series", "quadrature", "table", "sampling", "particles"]


def weakest(*methods: str) -> str:
    """The method that a number inherits from those that made it."""
    return max(methods, key=ORDER.index, default="exact")


@dataclass(frozen=True)
class Known:
    """An array, the method, and one bound for the error of its entries (or, from `Limit`'s engines, one an entry)."""

    value: np.ndarray
    error: float | np.ndarray = 0.0
    method: str = "exact"

    @property
    def scale(self) -> float:
        return float(np.abs(self.value).max(initial=0.0))

    def __add__(self, other: Known) -> Known:
        return Known(self.value + other.value, self.error + other.error, weakest(self.method, other.method))

    def __mul__(self, other: Known) -> Known:
        error = self.error * other.scale + other.error * self.scale
        return Known(self.value * other.value, error, weakest(self.method, other.method))

    def __getitem__(self, index) -> Known:
        return Known(self.value[index], self.error, self.method)

    def mapped(self, left, right=None) -> Known:
        """``left @ value @ right.T``."""
        value, growth = left @ self.value, row_norm(left)
        if right is not None:
            value, growth = (right @ value.T).T, growth * row_norm(right)
        return Known(np.asarray(value), self.error * growth, self.method)


def row_norm(matrix) -> float:
    return float(abs(matrix).sum(axis=1).max()) if min(matrix.shape) else 0.0


def known(result) -> Known:
    """A `Known` from what `tpcore.limit.expect` returns."""
    value = np.asarray(result, dtype=np.float64)
    error = np.max(getattr(result, "error", 0.0), initial=0.0)
    return Known(value, float(error), getattr(result, "method", "closed form"))


def outer(a: Known, b: Known) -> Known:
    return a[:, None] * b[None, :]
