"""Layers that act on every input alone and have closed forms, as codes for `tpcore.jitted.stack`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.jitted import stack as jitted
from tpcore.limit.closed import form_of
from tpcore.nets.layers import Act, Dense, Layer, LayerNorm, Residual
from tpcore.nets.moments import Side, rates

BAND = 32


@dataclass(eq=False)
class Codes:
    """Layers as codes, numbers and places, and what they keep of the inputs on both sides, (places, N)."""

    convention: str | None
    codes: list[int] = field(default_factory=list)
    numbers: list[tuple[float, ...]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    left: list[np.ndarray] = field(default_factory=list)
    right: list[np.ndarray] = field(default_factory=list)
    nesting: int = 1

    def kernel(self, x: np.ndarray, y: np.ndarray | None) -> np.ndarray:
        """K, or with a convention T, of inputs (N, d)."""
        same, both = y is None, self.convention is not None
        other = x if same else y
        K = np.empty((len(x), len(other)))
        T = np.empty_like(K) if both else K[:0]
        squares = np.einsum("ij,ij->i", x, x) / x.shape[1]
        table = (np.array(self.codes), np.array(self.numbers), np.array(self.places), self.nesting,
                 _rows(self.left, len(x)), _rows(self.right, len(other)))

        def work(rows: slice) -> None:
            start = rows.start if same else 0
            np.matmul(x[rows], other[start:].T / x.shape[1], out=K[rows, start:])
            if same:
                np.fill_diagonal(K[rows, start:], squares[rows])
            jitted.band(*table, K, T, rows.start, rows.stop, same, both)

        map_tiles(work, row_tiles(len(x), BAND))
        return T if both else K

    def add(self, layers, left: list[Side], right: list[Side], nesting: int = 1) -> bool:
        """Append layers; False where one of them has no code."""
        return all(self._one(*each, nesting) for each in zip(layers, left, right, strict=True))

    def _one(self, layer: Layer, left: Side, right: Side, nesting: int) -> bool:
        if isinstance(layer, Dense):
            use, free = (0.0, 0.0) if self.convention is None else rates(self.convention, layer.sigma_w, layer.sigma_b)
            return self._put(jitted.DENSE, (layer.sigma_w**2, (layer.sigma_b or 0.0) ** 2, use, free))
        if isinstance(layer, LayerNorm):
            return self._put(jitted.NORM, (0.0,) * 4, left, right)
        if isinstance(layer, Act) and layer.phi.form == "identity":
            return True
        if isinstance(layer, Act) and left.arrays and (form := form_of(layer.phi)) is not None:
            code, a, b = form
            return self._put(jitted.ACT + code, (a, b, 0.0, 0.0), left, right)
        if isinstance(layer, Residual) and not left.arrays:
            self.nesting = max(self.nesting, nesting)
            self._put(jitted.PUSH, (0.0,) * 4)
            inner = self.add(layer.layers, left.inner, right.inner, nesting + 1)
            return inner and self._put(jitted.ADD, (0.0,) * 4)
        return False

    def _put(self, code: int, numbers: tuple[float, ...], left: Side | None = None, right: Side | None = None) -> bool:
        self.codes.append(code)
        self.numbers.append(numbers)
        self.places.append(len(self.left))
        if left is not None:
            self.left += [a.reshape(-1) for a in left.arrays]
            self.right += [a.reshape(-1) for a in right.arrays]
        return True


def _rows(arrays: list[np.ndarray], count: int) -> np.ndarray:
    return np.ascontiguousarray(arrays, dtype=float) if arrays else np.empty((0, count))


def fused(layers, left: list[Side], right: list[Side], convention: str | None) -> Codes | None:
    """The layers as codes; None where one of them has none."""
    codes = Codes(convention)
    return codes if codes.add(layers, left, right) else None
