"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tpcore import checks
from tpcore.activations import Activation, get
from tpcore.nets.base import Network, inputs
from tpcore.nets.builder import Built, Parameter
from tpcore.nets.data import Data, points
from tpcore.program.build import Program


class MLP(Network):
    r"""A multilayer perceptron with `depth` hidden layers of n neurons.

    .. math::
        h^1 = W^1 x + b^1, \quad x^l = \phi(h^l), \quad h^{l+1} = W^{l+1} x^l + b^{l+1}, \quad
        f(x) = v^\top x^L / \sqrt n + b

    with :math:`W^1_{ij} \sim N(0, \sigma_w^2/d)`, :math:`W^l_{ij} \sim N(0, \sigma_w^2/n)`,
    :math:`b^l_i, b \sim N(0, \sigma_b^2)`, :math:`v_i \sim N(0, \sigma_v^2)`.

    Parameters
    ----------
    depth : int
        Number L >= 1 of hidden layers.
    phi : str, Activation or callable
        The activation of every hidden layer.
    sigma_w : float
        Standard deviation of the weights, times sqrt(fan-in); at least 0.
    sigma_b : float or None
        Standard deviation of the biases. 0: they exist, start at 0, and train. None: there are none.
    sigma_v : float, optional
        That of the readout, times sqrt(n); by default `sigma_w`.

    Raises
    ------
    Misuse
        If a number is out of range, or `phi` is no activation.

    Notes
    -----
    Its NNGP with sigma_v = sigma_w is that of neural-tangents'
    ``serial(Dense(W_std, b_std), phi, ..., Dense(W_std, b_std))``.
    Source: Tensor Programs I (arXiv 1910.12478), section 5.
    """

    depth: int
    phi: Activation
    sigma_w: float
    sigma_b: float | None
    sigma_v: float

    def __init__(self, depth: int, phi: str | Activation | Callable = "relu", sigma_w: float = 1.0,
                 sigma_b: float | None = 0.0, sigma_v: float | None = None):
        self.depth = checks.integer("depth", depth, 1)
        self.phi = get(phi)
        self.sigma_w = checks.real("sigma_w", sigma_w, 0.0)
        self.sigma_b = None if sigma_b is None else checks.real("sigma_b", sigma_b, 0.0)
        self.sigma_v = self.sigma_w if sigma_v is None else checks.real("sigma_v", sigma_v, 0.0)

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("depth", "phi", "sigma_w", "sigma_b", "sigma_v")}

    def _shown(self) -> dict[str, Any]:
        fields = self._fields()
        return {k: v for k, v in fields.items() if k != "sigma_v" or v != self.sigma_w}

    @property
    def bias_variance(self) -> float:
        """sigma_b^2, and 0 where there are no biases."""
        return 0.0 if self.sigma_b is None else self.sigma_b**2

    def first_covariance(self, X) -> np.ndarray:
        """Covariance (N, N) of a coordinate of h^1 = W^1 x + b^1 over the inputs: sigma_w^2 X X^T / d + sigma_b^2."""
        X = inputs(X)
        return self.sigma_w**2 * (X @ X.T) / X.shape[1] + self.bias_variance

    def read(self, X, what: str = "X") -> Data:
        return points(X, what)

    def program(self, X) -> Program:
        """The tensor program of this network on N inputs.

        The inputs enter through their embedding: h^1 is a block of N jointly
        Gaussian input vectors of covariance `first_covariance`; bias vectors are shared by all inputs.

        Parameters
        ----------
        X : array_like, (N, d)
            Inputs.

        Returns
        -------
        Program
            With vectors h1, x1, h2, .., blocks of shape (N,), and the output ``"f"`` of shape (N,).
        """
        return super().program(X)

    def build(self, data: Data) -> Built:
        X, bias = data.features, self.sigma_b is not None
        prog = Program(repr(self))
        h = prog.block("h1", cov=self.first_covariance(X))
        inner, square = X @ X.T / X.shape[1], self.sigma_w**2
        # h^1 stands for W^1 and b^1 together.
        parameters = [Parameter("h1", "input", square * inner + self.bias_variance, inner + float(bias))]
        for layer in range(1, self.depth + 1):
            x = prog.name(f"x{layer}", self.phi(h))
            if layer == self.depth:
                break
            W = prog.matrix(f"W{layer + 1}", variance=square)
            parameters.append(Parameter(W.name, "matrix", square, 1.0))
            h = W @ x
            if bias:
                b = prog.vector(f"b{layer + 1}", variance=self.bias_variance)
                parameters.append(Parameter(b.name, "bias", self.bias_variance, 1.0))
                h = h + b
            prog.name(f"h{layer + 1}", h)
        v = prog.vector("v", variance=self.sigma_v**2)
        prog.output("f", v, x, bias_variance=self.bias_variance)
        parameters.append(Parameter("v", "readout", self.sigma_v**2, 1.0))
        if bias:
            parameters.append(Parameter("bias of v", "readout bias", self.bias_variance, 1.0))
        return Built(prog, tuple(parameters))
