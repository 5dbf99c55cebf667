"""Batch normalization as a layer: a Nonlin across the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tpcore.errors import Misuse
from tpcore.nets.builder import Builder, Signal
from tpcore.nets.data import Layout
from tpcore.nets.layers import Layer
from tpcore.nets.moments import NoRecursion, Own, Side
from tpcore.program.variables import nonlin, stack


class BatchNorm(Layer):
    """(h - mean) / standard deviation of every neuron over the positions and inputs of a batch.

    Biased variance, no gain, bias or epsilon. Inputs are one batch, or a list of batches with statistics of their own.

    Notes
    -----
    Second moments and tangent kernels by the integrals of `tpcore.nets.batch_integrals` and `batch_tangent` where a
    positively homogeneous activation (relu, abs, leaky_relu) or weights follow; by the sample of
    `tpcore.nets.batch_sample` before other activations. Source: Tensor Programs I (arXiv 1910.12478), appendix D.
    """

    def apply(self, signal: Signal, b: Builder) -> Signal:
        h, parts = signal.vectors("BatchNorm"), []
        if signal.parts:
            raise Misuse("BatchNorm must come before Flatten", "BatchNorm after Flatten")
        for group in _groups(signal.layout):
            size = group.stop - group.start
            centred = h[group] @ (np.eye(size) - 1.0 / size)
            parts.append(nonlin(_over_root_mean_square, centred))
        return replace(signal, var=parts[0] if len(parts) == 1 else stack(parts, new_axis=False))

    def own(self, o: Own) -> tuple[Own, Side]:
        if o.raw or o.normalized or not o.gaussian:
            raise NoRecursion
        K = o.full()[0]
        center = np.zeros_like(K)
        for group in _groups(o.layout):
            size = group.stop - group.start
            center[group, group] = np.eye(size) - 1.0 / size
        S = center @ K @ center
        for group in _groups(o.layout):
            if np.trace(S[group, group]) <= 1e-14 * np.trace(K[group, group]):
                raise Misuse("Batch normalization needs a batch whose members differ", "a batch of equal members")
        T = None if o.T is None else center @ o.T @ center
        return replace(o, K=S[None], T=T, normalized=True, fresh=False), Side()

    def cross(self, K, left, right):
        raise NoRecursion


def _groups(layout: Layout) -> list[slice]:
    groups = layout.groups()
    if any(group.stop - group.start < 2 for group in groups):
        raise Misuse("A batch must have at least two members to be normalized", "a batch of one")
    return groups


def _over_root_mean_square(centred):
    return centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True))
