"""Linear maps of arrays of scalars, each with its adjoint: derivatives of sums, means, indices and stacks of C-vars.

All take and give plain arrays or dual numbers; a C-var's array is never large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sum:
    """Sum over `axes` times `weight`, from the shape `shape`."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    weight: float = 1.0

    def __call__(self, x):
        return np.sum(x, axis=self.axes) * self.weight

    @property
    def out(self) -> tuple[int, ...]:
        return tuple(s for i, s in enumerate(self.shape) if i not in self.axes)

    @property
    def adjoint(self) -> Spread:
        return Spread(self.axes, self.shape, self.weight)


@dataclass(frozen=True)
class Spread:
    """Copies along `axes`, times `weight`, into the shape `shape`."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    weight: float = 1.0

    def __call__(self, x):
        return np.broadcast_to(np.expand_dims(x, self.axes) * self.weight, self.shape)

    @property
    def out(self) -> tuple[int, ...]:
        return self.shape

    @property
    def adjoint(self) -> Sum:
        return Sum(self.axes, self.shape, self.weight)


@dataclass(frozen=True)
class Fold:
    """Sums over what NumPy's broadcasting from `shape` to `wide` repeats."""

    shape: tuple[int, ...]
    wide: tuple[int, ...]

    def __call__(self, x):
        lead = len(self.wide) - len(self.shape)
        ones = tuple(i + lead for i, s in enumerate(self.shape) if s == 1)
        return np.sum(x, axis=tuple(range(lead)) + ones).reshape(self.shape)

    @property
    def out(self) -> tuple[int, ...]:
        return self.shape

    @property
    def adjoint(self) -> Unfold:
        return Unfold(self.shape, self.wide)


@dataclass(frozen=True)
class Unfold:
    """NumPy's broadcasting from `shape` to `wide`."""

    shape: tuple[int, ...]
    wide: tuple[int, ...]

    def __call__(self, x):
        return np.broadcast_to(x, self.wide)

    @property
    def out(self) -> tuple[int, ...]:
        return self.wide

    @property
    def adjoint(self) -> Fold:
        return Fold(self.shape, self.wide)


@dataclass(frozen=True, eq=False)
class Pick:
    """The entries `index` (flat, in the shape of the result) of an array of the shape `shape`."""

    index: np.ndarray
    shape: tuple[int, ...]

    def __call__(self, x):
        return x.reshape(-1)[self.index]

    @property
    def out(self) -> tuple[int, ...]:
        return self.index.shape

    @property
    def adjoint(self) -> Put:
        return Put(self.index, self.shape)


@dataclass(frozen=True, eq=False)
class Put:
    """Entries put (added up) at the flat places `index` of zeros of the shape `shape`."""

    index: np.ndarray
    shape: tuple[int, ...]

    def __call__(self, x):
        matrix = np.zeros((self.index.size, int(np.prod(self.shape, dtype=int))))
        matrix[np.arange(self.index.size), self.index.ravel()] = 1.0
        return np.matmul(x.reshape(1, -1), matrix).reshape(self.shape)

    @property
    def out(self) -> tuple[int, ...]:
        return self.shape

    @property
    def adjoint(self) -> Pick:
        return Pick(self.index, self.shape)


@dataclass(frozen=True)
class Transposed:
    """The last two axes exchanged."""

    shape: tuple[int, ...]

    def __call__(self, x):
        return np.swapaxes(x, -1, -2)

    @property
    def out(self) -> tuple[int, ...]:
        return (*self.shape[:-2], self.shape[-1], self.shape[-2])

    @property
    def adjoint(self) -> Transposed:
        return Transposed(self.out)


LinearMap = Sum | Spread | Fold | Unfold | Pick | Put | Transposed
