"""Index arithmetic on positions: windows of convolutions, averages, attention's blocks."""

from __future__ import annotations

from itertools import product

import numpy as np

from tpcore.errors import Misuse
from tpcore.nets.data import Layout

PADDINGS = ("same", "circular", "valid")


def common(layout: Layout, layer: str) -> int:
    """The number of positions, the same for all items."""
    needs_positions(layout, layer)
    sizes = set(layout.sizes.tolist())
    if len(sizes) > 1:
        came = ", ".join(map(str, sorted(sizes)[:8]))
        raise Misuse(f"{layer} needs items of one size", f"items of {came} positions", "Use MeanPool")
    return sizes.pop()


def needs_positions(layout: Layout, layer: str) -> None:
    """Refuse inputs that are mere points."""
    if not layout.axes:
        raise Misuse(f"{layer} needs inputs with positions, (N, T, d), (N, H, W, C) or a list of (T_i, d)",
                     "inputs (N, d), points without positions")


def averages(layout: Layout) -> np.ndarray:
    """(N, M): row i averages the positions of item i."""
    needs_positions(layout, "MeanPool")
    matrix = np.zeros((len(layout.shapes), layout.total))
    for i in range(len(layout.shapes)):
        matrix[i, layout.item(i)] = 1.0 / layout.sizes[i]
    return matrix


def steps(size: int, window: int, stride: int, padding: str, layer: str = "Conv") -> np.ndarray:
    """(window, outputs): which position each tap of each output reads; -1 beyond the edge.

    "same" pads ceil(size / stride) outputs evenly, the odd one behind, as TensorFlow does.
    """
    if padding == "valid":
        count, first = (size - window) // stride + 1, 0
        if size < window:
            padded = " with valid padding" if layer.startswith("Conv") else ""
            raise Misuse(f"{layer}{padded} needs at least as many positions as its window has",
                         f"{size} positions and a window of {window}")
    else:
        count = -(-size // stride)
        first = -(max((count - 1) * stride + window - size, 0) // 2)
    index = first + np.arange(window)[:, None] + stride * np.arange(count)[None, :]
    if padding == "circular":
        return index % size
    return np.where((index < 0) | (index >= size), -1, index)


def windows(layout: Layout, window: tuple[int, ...], stride: int, padding: str, layer: str
            ) -> tuple[np.ndarray, Layout]:
    """(taps, M') of flat positions read by each tap of each output position, -1 beyond the edge; and the new layout."""
    needs_positions(layout, layer)
    if layout.axes != len(window):
        raise Misuse(f"{layer}'s window must have as many axes as the positions",
                     f"{len(window)} axes for positions {layout.shapes[0]}")
    shapes, found, memo = [], [], {}
    for start, shape in zip(layout.starts, layout.shapes, strict=True):
        if shape not in memo:
            memo[shape] = _taps(shape, window, stride, padding, layer)
        index, new = memo[shape]
        found.append(np.where(index < 0, -1, index + start))
        shapes.append(new)
    return np.concatenate(found, axis=1), layout.with_shapes(shapes)


def _taps(shape, window, stride: int, padding: str, layer: str) -> tuple[np.ndarray, tuple[int, ...]]:
    axes = [steps(n, k, stride, padding, layer) for n, k in zip(shape, window, strict=True)]
    new = tuple(axis.shape[1] for axis in axes)
    strides = np.cumprod((1, *shape[:0:-1]))[::-1]
    rows = []
    for taps in product(*(range(k) for k in window)):
        parts = np.meshgrid(*(axis[tap] for axis, tap in zip(axes, taps, strict=True)), indexing="ij")
        flat = sum(part * s for part, s in zip(parts, strides, strict=True))
        rows.append(np.where(np.any([part < 0 for part in parts], axis=0), -1, flat).ravel())
    return np.array(rows), new


def causal(layout: Layout, masked: bool) -> list[np.ndarray]:
    """For every item the (T, T) matrix of the keys that each query sees."""
    every = []
    for size in layout.sizes:
        seen = np.ones((size, size), bool)
        every.append(np.tril(seen) if masked else seen)
    return every
