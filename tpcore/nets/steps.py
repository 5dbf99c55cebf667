"""Steps of sequences: how inputs are read, and which steps the readout sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tpcore.errors import Misuse
from tpcore.nets.builder import Builder, Signal
from tpcore.nets.data import Data, Layout, read
from tpcore.nets.layers import Layer
from tpcore.nets.moments import Own, Side
from tpcore.nets.pooling import MeanPool

READOUTS = ("each", "last", "mean")


def sequences(X, what: str = "X") -> Data:
    """A list of sequences (T_i, d), an array (N, T, d), or one sequence (T, d)."""
    data = read(X, what, lone=True)
    if data.layout.axes != 1:
        raise Misuse(f"{what} must be sequences: a list of (T_i, d), or (N, T, d)", f"items of {data.layout.shapes[0]}")
    return data


class LastStep(Layer):
    """The last step of every sequence alone."""

    spatial = True
    keeps = False

    def apply(self, signal: Signal, b: Builder) -> Signal:
        return Signal(signal.layout.points(), var=signal.vectors("LastStep")[last_steps(signal.layout)])

    def own(self, o: Own) -> tuple[Own, Side]:
        index = last_steps(o.layout)
        mean = None if o.mean is None else (lambda: o.mean()[:, index])
        side = Side(shared=index)
        K, T = self.moments(o, side)
        return replace(o, K=K, T=T, layout=o.layout.points(), mean=mean), side

    def cross(self, K, left, right):
        return K[:, left.shared] if K.ndim == 2 else K[:, left.shared[:, None], right.shared[None, :]]


def last_steps(layout: Layout) -> np.ndarray:
    """The column of the last step of every sequence."""
    return layout.starts + layout.sizes - 1


def read_steps(readout: str) -> tuple[Layer, ...]:
    """The layers between the steps and the readout."""
    return {"each": (), "last": (LastStep(),), "mean": (MeanPool(),)}[readout]
