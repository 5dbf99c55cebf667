r"""The tangent kernel of one wide MLP, without its weights: exact in law at every width.

With delta^l = sqrt(n) df/dh^l and D^l = <delta^l, delta'^l>/n the tangent kernel is the sum over the dense layers
of D^l o (u F^{l-1} + beta), plus u F^L + beta for the readout. Backward, delta^L = v o phi'(h^L) and
delta^{l-1} = W^T delta^l o phi'(h^{l-1}), where W is known on the activations X of all inputs: W X was drawn before.
With X^T X/n = R^T R and the noise g of that product, W (X R^+) = sigma_w g, so conditionally

    W^T delta = sigma_w [ X R^+ (g^T delta/n) + (1 - P) g' S ],   S^T S = D^l,

g' fresh and P the projection on the span of X. (1 - P) g' = g' - X R^+ R^{+T} (X^T g'/n). Source: the conditioning of
Tensor Programs II (arXiv 2006.14548), appendix on Gaussian conditioning, as an algorithm.
"""

from __future__ import annotations

import numpy as np

from tpcore.kernels.forward import BACKWARD, READOUT, Forward, products, root_of
from tpcore.kernels.lanes import slope_on
from tpcore.kernels.recursion import Step

SPAN = 1e-6


def tangent(forward: Forward, layers: list[Step]) -> np.ndarray:
    """The tangent kernels (many, N, N) of draws that ran forward with ``backward=True``."""
    s = forward.sampler
    back = _Backward(forward)
    readout = layers[-1]
    total = readout.use * forward.grams[-1] + readout.free
    for layer in range(s.net.depth, 0, -1):
        gram = back.step(layer)
        step = layers[layer - 1]
        total += gram * (step.use * forward.grams[layer - 1] + step.free)
    return (total + np.swapaxes(total, -1, -2)) / 2


class _Backward:
    """delta^l of all tiles, as what makes it again: the noise is in the streams, the rest are N x N matrices."""

    def __init__(self, forward: Forward):
        self.forward, self.sampler = forward, forward.sampler
        self.slope = slope_on(self.sampler.net.phi)
        self.known = self.fresh = None

    def step(self, layer: int) -> np.ndarray:
        """D^layer; prepares the layer below."""
        s, f = self.sampler, self.forward
        mixing = s.mixing(f.factors[layer - 1])
        gram, seen = s.summed(lambda tile: self._tile(layer, tile, mixing))
        gram, seen = gram / s.width, seen / s.width
        if layer > 1:
            inverse = pseudo_inverse(f.factors[layer - 1])
            S = root_of(gram)
            lost = products(inverse, f.crossed[layer - 2]) @ S
            known = inverse @ (seen[..., : inverse.shape[-1], :] - lost)
            self.known, self.fresh = ((s.net.sigma_w * part).astype(s.dtype) for part in (known, S))
        return gram

    def _tile(self, layer: int, tile: int, mixing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s, f = self.sampler, self.forward
        noise, h = f.hidden(layer, tile, mixing)
        if layer == s.net.depth:
            delta = s.dtype(s.net.sigma_v) * s.normals(f.draw, f.many, 0, READOUT, tile, 1) * self.slope(h)
        else:
            delta = np.matmul(s.normals(f.draw, f.many, layer, BACKWARD, tile, s.count), self.fresh)
            delta += np.matmul(s.phi(h), self.known)
            delta *= self.slope(h)
        return products(delta, delta), products(noise, delta)


def pseudo_inverse(R: np.ndarray) -> np.ndarray:
    """R^+ (.., N, r), without the directions in which R^T R is below `SPAN` of its largest: there single precision
    knows nothing, and W acts on them as on anything new."""
    u, values, vt = np.linalg.svd(R, full_matrices=False)
    keep = values > np.sqrt(SPAN) * values[..., :1]
    inverse = np.where(keep, 1.0 / np.where(keep, values, 1.0), 0.0)
    return np.swapaxes(vt, -1, -2) * inverse[..., None, :] @ np.swapaxes(u, -1, -2)
