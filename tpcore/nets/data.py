"""Inputs of networks: items with positions, laid side by side.

An item is one input: a point (no positions), a sequence (T positions), an image (H x W positions), a graph (its
nodes). Every position holds d numbers; later it holds one vector of n neurons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse

MOST_POSITIONS = 16_384


@dataclass(frozen=True)
class Layout:
    """Where the positions of each item stand in a flat row of M columns, items one after another.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Of every item: () for a point, (T,), (H, W).
    batches : tuple of int
        How many items each batch has; what batch normalization averages over.
    """

    shapes: tuple[tuple[int, ...], ...]
    batches: tuple[int, ...] = ()

    @cached_property
    def sizes(self) -> np.ndarray:
        return np.array([prod(shape) for shape in self.shapes])

    @cached_property
    def starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(int)

    @property
    def total(self) -> int:
        """M."""
        return int(self.sizes.sum())

    @property
    def uniform(self) -> bool:
        """Have all items one shape?"""
        return len(set(self.shapes)) == 1

    @property
    def axes(self) -> int:
        """How many axes of positions there are."""
        return len(self.shapes[0])

    def item(self, i: int) -> slice:
        """The columns of item i."""
        return slice(int(self.starts[i]), int(self.starts[i] + self.sizes[i]))

    def groups(self) -> list[slice]:
        """The columns of every batch."""
        ends = np.cumsum(self.batches or (len(self.shapes),))
        edges = np.concatenate([self.starts, [self.total]])[np.concatenate([[0], ends])]
        return [slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    def first(self) -> Layout:
        """The first item alone."""
        return Layout(self.shapes[:1])

    def with_shapes(self, shapes) -> Layout:
        return Layout(tuple(tuple(int(s) for s in shape) for shape in shapes), self.batches)

    def points(self) -> Layout:
        """The same items without positions."""
        return self.with_shapes(() for _ in self.shapes)


@dataclass(frozen=True, eq=False)
class Data:
    """Numbers (M, d) in a layout; ``a + b`` puts the items of b behind those of a."""

    features: np.ndarray
    layout: Layout

    def __add__(self, other: Data) -> Data:
        mine, theirs = self.features.shape[1], other.features.shape[1]
        if mine != theirs:
            raise Misuse("Both sets of inputs must have as many features", f"{mine} and {theirs}")
        if self.layout.axes != other.layout.axes:
            came = f"{self.layout.axes} and {other.layout.axes}"
            raise Misuse("Both sets of inputs must have as many axes of positions", came)
        layout = Layout(self.layout.shapes + other.layout.shapes, self.layout.batches + other.layout.batches)
        return Data(np.concatenate([self.features, other.features]), layout)


def points(X, what: str = "X") -> Data:
    """Inputs (N, d) without positions."""
    return _filled(what, checks.array(what, X, ndim=2), 0)


def read(X, what: str = "X", lone: bool = False) -> Data:
    """Inputs of any shape.

    Parameters
    ----------
    X : array_like
        (N, d), (N, T, d) or (N, H, W, C); or a list of sequences (T_i, d).
    lone : bool
        Whether a single array (T, d) is one item with T positions.

    Raises
    ------
    Misuse
        Naming what is wrong.
    """
    if isinstance(X, list | tuple) and X and all(np.ndim(_one(what, x)) == 2 for x in X):
        return _sequences(what, [checks.array(f"{what}[{i}]", x) for i, x in enumerate(X)])
    X = checks.array(what, X)
    if lone and X.ndim == 2:
        X = X[None]
    if X.ndim not in (2, 3, 4):
        raise Misuse(f"{what} must be (N, d), (N, T, d), (N, H, W, C) or a list of (T_i, d)", f"shape {X.shape}")
    return _filled(what, X, X.ndim - 2)


def batches(X, what: str = "X") -> Data:
    """One batch (B, d) (or (B, T, d), (B, H, W, C)), or a list of batches."""
    if not isinstance(X, list | tuple) or not X or any(np.ndim(_one(what, x)) < 2 for x in X):
        return _as_batch(what, X)
    parts = [_as_batch(f"{what}[{i}]", x) for i, x in enumerate(X)]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def _as_batch(what: str, X) -> Data:
    data = read(np.asarray(checks.raw_array(what, X)), what)
    return Data(data.features, Layout(data.layout.shapes, (len(data.layout.shapes),)))


def _one(what: str, x) -> np.ndarray:
    return checks.raw_array(what, x)


def _filled(what: str, X: np.ndarray, axes: int) -> Data:
    if 0 in X.shape:
        raise Misuse(f"{what} must hold at least one input of at least one number", f"shape {X.shape}")
    _check_size(what, X.size // X.shape[-1], axes)
    return Data(X.reshape(-1, X.shape[-1]), Layout((X.shape[1 : 1 + axes],) * len(X)))


def _sequences(what: str, sequences: list[np.ndarray]) -> Data:
    if any(0 in x.shape for x in sequences):
        raise Misuse(f"Every sequence of {what} must hold at least one step of at least one number",
                     ", ".join(str(x.shape) for x in sequences[:8]))
    if len({x.shape[1] for x in sequences}) > 1:
        raise Misuse(f"The sequences of {what} must have as many features, (T_i, d)",
                     ", ".join(str(x.shape) for x in sequences[:8]))
    _check_size(what, sum(len(x) for x in sequences), 1)
    return Data(np.concatenate(sequences), Layout(tuple((len(x),) for x in sequences)))


def _check_size(what: str, positions: int, axes: int) -> None:
    if axes and positions > 64 * MOST_POSITIONS:
        raise Misuse(f"{what} must have at most {64 * MOST_POSITIONS:,} positions in all", f"{positions:,}")
