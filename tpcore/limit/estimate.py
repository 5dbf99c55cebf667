"""A number with its error and the method that made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value, an estimate of its absolute error, and the method.

    Behaves as its value: ``float(e)``, ``np.asarray(e)``, arithmetic through
    NumPy. For arrays of results `error` has the shape of `value` or is one
    number that holds for all of them.

    Attributes
    ----------
    value : float or ndarray
    error : float or ndarray
        Absolute. For sampling one standard error, else what the comparison of two rules (or rounding) suggests.
    method : str
        ``"closed form"``, ``"series"``, ``"quadrature"``, ``"table"`` or ``"sampling"``.
    """

    value: float | np.ndarray
    error: float | np.ndarray
    method: str

    def __float__(self) -> float:
        return float(self.value)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        array = np.asarray(self.value, dtype=dtype)
        return array.copy() if copy else array

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    def __getitem__(self, index) -> Estimate:
        error = self.error if np.ndim(self.error) == 0 else np.asarray(self.error)[index]
        return Estimate(np.asarray(self.value)[index], error, self.method)

    def __repr__(self) -> str:
        if np.ndim(self.value) == 0:
            return f"{float(self.value):.12g} +- {float(np.max(self.error)):.1g} ({self.method})"
        worst = float(np.max(self.error, initial=0.0))
        return f"Estimate of shape {self.shape}, error <= {worst:.1g} ({self.method})\n{np.asarray(self.value)!r}"

    def _binary(self, other, op):
        return op(np.asarray(self.value), np.asarray(other))

    def __add__(self, other):
        return self._binary(other, np.add)

    def __sub__(self, other):
        return self._binary(other, np.subtract)

    def __mul__(self, other):
        return self._binary(other, np.multiply)

    def __truediv__(self, other):
        return self._binary(other, np.true_divide)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return np.asarray(other) - np.asarray(self.value)

    def __rtruediv__(self, other):
        return np.asarray(other) / np.asarray(self.value)

    def __neg__(self):
        return -np.asarray(self.value)

    def __abs__(self):
        return np.abs(self.value)

    def __lt__(self, other):
        return np.asarray(self.value) < np.asarray(other)

    def __gt__(self, other):
        return np.asarray(self.value) > np.asarray(other)
