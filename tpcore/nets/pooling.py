"""Layers that end positions: Flatten, MeanPool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tpcore.nets import positions
from tpcore.nets.batch_integrals import resolved
from tpcore.nets.builder import Builder, Signal
from tpcore.nets.layers import Layer
from tpcore.nets.moments import Own, Side


class Flatten(Layer):
    """All positions of an item as features of one input: the next weights have one matrix for every position.

    Notes
    -----
    Second moments: the mean over positions of K_pp.
    """

    spatial = True
    keeps = False
    ends = True

    def apply(self, signal: Signal, b: Builder) -> Signal:
        count = positions.common(signal.layout, "Flatten")
        layout = signal.layout.points()
        if signal.raw is not None:
            return Signal(layout, raw=signal.raw.reshape(len(layout.shapes), -1))
        return Signal(layout, var=signal.var.reshape(len(layout.shapes), count), parts=count)

    def own(self, o: Own) -> tuple[Own, Side]:
        if not o.raw:
            o = resolved(o)
        index = o.layout.starts[None, :] + np.arange(positions.common(o.layout, "Flatten"))[:, None]
        side = Side(shared=index)
        K, T = self.moments(o, side)
        # A vector of P n features: Gaussian, but of another law at every position.
        mean = self._mean(o, index)
        return replace(o, K=K, T=T, layout=o.layout.points(), gaussian=False, mean=mean, fresh=False), side

    @staticmethod
    def _mean(o: Own, index: np.ndarray):
        return None if o.mean is None else (lambda: o.mean()[:, index].mean(axis=1))

    def cross(self, K, left, right):
        if K.ndim == 2:
            return K[:, left.shared].mean(axis=1)
        return np.mean([K[:, i[:, None], j[None, :]] for i, j in zip(left.shared, right.shared, strict=True)], axis=0)


class MeanPool(Layer):
    """The average over all positions of an item.

    Notes
    -----
    Second moments: the mean of K_pq over p and q.
    """

    spatial = True
    keeps = False
    ends = True

    def apply(self, signal: Signal, b: Builder) -> Signal:
        average = positions.averages(signal.layout)
        layout = signal.layout.points()
        if signal.raw is not None:
            return Signal(layout, raw=average @ signal.raw)
        return Signal(layout, var=signal.var @ average.T)

    def own(self, o: Own) -> tuple[Own, Side]:
        if not o.raw:
            o = resolved(o)
        average = positions.averages(o.layout)
        side = Side(shared=average)
        o.full()
        return o.mapped(self.moments(o, side), o.layout.points(), lambda m: m @ average.T), side

    def cross(self, K, left, right):
        if len(left.shared) == 1:
            return K.mean(axis=(1, 2), keepdims=True)
        return left.shared @ K @ right.shared.T
