"""Wide MLPs with their weights stored, draw by draw: the plain definition, against which the fast way is tested."""

from __future__ import annotations

import numpy as np

from tpcore.kernels.recursion import Step
from tpcore.limit.derivative import slope_of
from tpcore.nets import MLP


class DenseDraw:
    """One network with all its weights, and its activations on `X`.

    Attributes
    ----------
    weights, biases : list of ndarray
        W^1 (n, d), W^2 (n, n), ..; b^1, .. (n, 1).
    readout, readout_bias : ndarray (n,), float
    h, x : list of ndarray
        Preactivations h^1, .. and activations x^0 = inputs (transposed), x^1, ..; columns are inputs.
    """

    def __init__(self, net: MLP, X: np.ndarray, width: int, rng: np.random.Generator):
        self.net, self.width = net, width
        self.x, self.h, self.weights, self.biases = [X.T], [], [], []
        for _ in range(net.depth):
            fan_in = len(self.x[-1])
            self.weights.append(rng.normal(0.0, net.sigma_w, (width, fan_in)) / np.sqrt(fan_in))
            self.biases.append(rng.normal(0.0, net.sigma_b or 0.0, (width, 1)))
            self.h.append(self.weights[-1] @ self.x[-1] + self.biases[-1])
            self.x.append(net.phi.f(self.h[-1]))
        self.readout = rng.normal(0.0, net.sigma_v, width)
        self.readout_bias = rng.normal(0.0, net.sigma_b or 0.0)

    def outputs(self) -> np.ndarray:
        """f(x), (N,)."""
        return self.readout @ self.x[-1] / np.sqrt(self.width) + self.readout_bias

    def nngp(self) -> np.ndarray:
        """sigma_v^2 <x^L, x'^L>/n + sigma_b^2, (N, N)."""
        return self.net.sigma_v**2 * self.x[-1].T @ self.x[-1] / self.width + self.net.bias_variance

    def ntk(self, layers: list[Step]) -> np.ndarray:
        """<grad f(x), grad f(x')> over all parameters, (N, N)."""
        slope = slope_of(self.net.phi)
        total = layers[-1].use * self.x[-1].T @ self.x[-1] / self.width + layers[-1].free
        back = self.readout[:, None] * slope(self.h[-1]) / np.sqrt(self.width)
        for layer in range(self.net.depth - 1, -1, -1):
            inner = self.x[layer].T @ self.x[layer] / len(self.x[layer])
            total = total + back.T @ back * (layers[layer].use * inner + layers[layer].free)
            if layer:
                back = self.weights[layer].T @ back * slope(self.h[layer - 1])
        return total
