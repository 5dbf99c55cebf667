"""Layers with windows: Conv, AvgPool; and GraphConv, whose window is a neighbourhood."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.jitted import convolution as jitted
from tpcore.nets import positions
from tpcore.nets.base import maybe_spread, spread
from tpcore.nets.batch_integrals import resolved
from tpcore.nets.builder import Builder, Signal, added
from tpcore.nets.layers import Layer
from tpcore.nets.moments import Own, Side, rates

LARGEST_WINDOW, MOST_NODES = 64, 4096


def window_size(what: str, value) -> int | tuple[int, ...]:
    """A window's size: one number for every axis, or one an axis."""
    if isinstance(value, list | tuple):
        if len(value) not in (1, 2):
            raise Misuse(f"{what} must be a whole number or one for each of 1 or 2 axes", repr(value)[:80])
        return tuple(checks.integer(what, k, 1, LARGEST_WINDOW) for k in value)
    return checks.integer(what, value, 1, LARGEST_WINDOW)


def _axes(size: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size,) * axes


class Conv(Layer):
    r"""A convolution over the positions: h_p = sum_d W_d x_{p s + d} + b.

    Parameters
    ----------
    kernel_size : int or tuple of int
        k along each axis of positions (1 or 2 axes, as the inputs have).
    padding : {"same", "circular", "valid"}
        Beyond the edge: zeros, the other side, or no such outputs.
    stride : int
    sigma_w : float
        W_d has entries of variance sigma_w^2 / (k^axes C_in).
    sigma_b : float or None
        One bias a channel, shared by all positions.

    Notes
    -----
    Second moments: sigma_w^2 / k^axes sum_d K_{p+d, q+d} + sigma_b^2; tangent kernel: sums of sigma_w^2 T + u K in the
    same way, + beta. Source: Tensor Programs I (arXiv 1910.12478),
    section 4 (weight sharing is the same A-var used again).
    """

    weights = True
    spatial = True

    def __init__(self, kernel_size=3, padding: str = "same", stride: int = 1, sigma_w: float = 1.0,
                 sigma_b: float | None = 0.0):
        self.kernel_size = window_size("kernel_size", kernel_size)
        self.padding = checks.choice("padding", padding, positions.PADDINGS)
        self.stride = checks.integer("stride", stride, 1, LARGEST_WINDOW)
        self.sigma_w, self.sigma_b = spread("sigma_w", sigma_w), maybe_spread("sigma_b", sigma_b)

    @property
    def keeps(self) -> bool:
        return self.stride == 1 and self.padding != "valid"

    def _fields(self):
        return {k: getattr(self, k) for k in ("kernel_size", "padding", "stride", "sigma_w", "sigma_b")}

    def _windows(self, layout):
        size = _axes(self.kernel_size, layout.axes)
        return positions.windows(layout, size, self.stride, self.padding, "Conv")

    def apply(self, signal: Signal, b: Builder) -> Signal:
        index, layout = self._windows(signal.layout)
        if signal.raw is not None:
            padded = np.concatenate([signal.raw, np.zeros((1, signal.raw.shape[1]))])
            patches = padded[index.T].reshape(index.shape[1], -1)
            h = b.embed("W", patches, self.sigma_w)
        else:
            h = self._products(signal, b, index)
        bias = b.bias("b", self.sigma_b)
        return Signal(layout, var=h if bias is None else h + bias)

    def _products(self, signal: Signal, b: Builder, index: np.ndarray):
        stem, terms = b.free("W"), []
        for d, tap in enumerate(index):
            if (tap < 0).all():
                continue
            used, place = np.unique(tap[tap >= 0], return_inverse=True)
            read = np.full(len(tap), -1)
            read[tap >= 0] = place
            W = b.matrix("W", self.sigma_w, len(index), f"{stem}_{d}")
            terms.append(b.gathered(W @ signal.var[used], read))
        return added(terms)

    def own(self, o: Own) -> tuple[Own, Side]:
        o = resolved(o)
        index, layout = self._windows(o.layout)
        side = Side(shared=index)
        return o.weighted(self.moments(o, side), layout), side

    def cross(self, K, left, right):
        return self._summed(K, left.shared, self.sigma_w**2, (self.sigma_b or 0.0) ** 2)

    def tangent(self, K, T, left, right, convention):
        use, free = rates(convention, self.sigma_w, self.sigma_b)
        return self._summed(self.sigma_w**2 * T + use * K, left.shared, 1.0, free)

    @staticmethod
    def _summed(K, index, scale: float, shift: float):
        scale /= len(index)
        sums = jitted.window_diagonals if K.ndim == 2 else jitted.window_sums
        out = np.empty((len(K), *(index.shape[1],) * (K.ndim - 1)))
        sums(np.ascontiguousarray(K), np.ascontiguousarray(index), scale, shift, out)
        return out


class AvgPool(Layer):
    """The average over every window of positions; windows lie wholly inside.

    Parameters
    ----------
    window : int or tuple of int
    stride : int, optional
        By default the (first) size of the window.
    """

    spatial = True
    keeps = False

    def __init__(self, window=2, stride: int | None = None):
        self.window = window_size("window", window)
        self.stride = None if stride is None else checks.integer("stride", stride, 1, LARGEST_WINDOW)

    def _fields(self):
        return {"window": self.window, "stride": self.stride}

    def _windows(self, layout):
        size = _axes(self.window, layout.axes)
        return positions.windows(layout, size, self.stride or size[0], "valid", "AvgPool")

    def apply(self, signal: Signal, b: Builder) -> Signal:
        index, layout = self._windows(signal.layout)
        if signal.raw is not None:
            return Signal(layout, raw=signal.raw[index].mean(axis=0))
        return Signal(layout, var=added(signal.var[tap] for tap in index) / len(index))

    def own(self, o: Own) -> tuple[Own, Side]:
        if not o.raw:
            o = resolved(o)
        index, layout = self._windows(o.layout)
        average = np.zeros((index.shape[1], o.layout.total))
        np.add.at(average, (np.arange(index.shape[1])[None, :].repeat(len(index), 0), index), 1.0 / len(index))
        side = Side(shared=average)
        o.full()
        return o.mapped(self.moments(o, side), layout, lambda m: m @ average.T), side

    def cross(self, K, left, right):
        return left.shared @ K @ right.shared.T


def neighbours(adjacency) -> np.ndarray:
    """The adjacency with self-loops, normalized symmetrically: D^(-1/2) (A + I) D^(-1/2)."""
    A = adjacency + np.eye(len(adjacency))
    root = 1 / np.sqrt(A.sum(axis=1))
    return root[:, None] * A * root[None, :]


def checked_adjacency(adjacency) -> np.ndarray:
    """A symmetric matrix of numbers >= 0."""
    A = checks.array("adjacency", adjacency, ndim=2)
    if A.shape[0] != A.shape[1] or not 1 <= len(A) <= MOST_NODES:
        raise Misuse(f"adjacency must be a square matrix of 1 to {MOST_NODES:,} nodes", f"shape {A.shape}")
    if np.any(A < 0) or np.any(A != A.T):
        raise Misuse("adjacency must be symmetric with entries of at least 0", "one that is not",
                     "Use (A + A.T) / 2 for a graph with directions")
    A.flags.writeable = False
    return A


class GraphConvLayer(Layer):
    r"""A graph convolution: h_i = sum_j \hat A_ij W x_j + b, \hat A = D^{-1/2} (A + I) D^{-1/2}.

    Parameters
    ----------
    adjacency : array_like, (nodes, nodes)
        Symmetric, entries >= 0; self-loops are added.
    sigma_w : float
    sigma_b : float or None

    Notes
    -----
    Second moments: sigma_w^2 \hat A K \hat A^T + sigma_b^2; tangent kernel: \hat A (sigma_w^2 T + u K) \hat A^T + beta.
    Source: Tensor Programs I (arXiv 1910.12478), appendix D.
    """

    weights = True
    spatial = True

    def __init__(self, adjacency, sigma_w: float = 1.0, sigma_b: float | None = 0.0):
        self.adjacency = checked_adjacency(adjacency)
        self.sigma_w, self.sigma_b = spread("sigma_w", sigma_w), maybe_spread("sigma_b", sigma_b)

    def _fields(self):
        return {"adjacency": self.adjacency, "sigma_w": self.sigma_w, "sigma_b": self.sigma_b}

    def __repr__(self) -> str:
        return f"GraphConv({self.adjacency.tolist()!r}, sigma_w={self.sigma_w!r}, sigma_b={self.sigma_b!r})"

    def _mixing(self, layout) -> np.ndarray:
        nodes = positions.common(layout, "GraphConv")
        if layout.axes != 1 or nodes != len(self.adjacency):
            raise Misuse("GraphConv needs one input position for each node of its graph",
                         f"{layout.shapes[0]} for {len(self.adjacency)} nodes")
        return neighbours(self.adjacency)

    def apply(self, signal: Signal, b: Builder) -> Signal:
        mixing = self._mixing(signal.layout)
        nodes = len(mixing)
        h = b.product(signal, self.sigma_w)
        h = (h.reshape(-1, nodes) @ mixing.T).reshape(-1)
        bias = b.bias("b", self.sigma_b)
        return Signal(signal.layout, var=h if bias is None else h + bias)

    def own(self, o: Own) -> tuple[Own, Side]:
        o = resolved(o)
        side = Side(shared=np.kron(np.eye(len(o.layout.shapes)), self._mixing(o.layout)))
        o.full()
        return o.weighted(self.moments(o, side)), side

    def cross(self, K, left, right):
        return self.sigma_w**2 * (left.shared @ K @ right.shared.T) + (self.sigma_b or 0.0) ** 2

    def tangent(self, K, T, left, right, convention):
        use, free = rates(convention, self.sigma_w, self.sigma_b)
        return left.shared @ (self.sigma_w**2 * T + use * K) @ right.shared.T + free
