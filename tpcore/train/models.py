r"""Networks to be trained, as functions from parameters to the C-var f(x) = <V, x^L>, x^L the last hidden layer.

Parameters are vectors (columns of input weights, biases, the readout) and
matrices, all of size 1 in the sense of muP: input weights N(0, sigma^2), W
N(0, sigma^2/n), V N(0, sigma^2). Their `forward` is ordinary program code, so
any network that a program can express trains by the same `tpcore.train.unroll`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tpcore import checks
from tpcore.activations import Activation, get
from tpcore.program import instructions


class Model(Protocol):
    """What `tpcore.train.unroll` asks of a network."""

    def inputs(self, X) -> np.ndarray:
        """`X`, checked: one input a row."""

    def parameters(self, prog, X: np.ndarray) -> dict[str, object]:
        """Input vectors and matrices of `prog`, by name: the parameters at the start."""

    def forward(self, p: Mapping[str, object], X: np.ndarray, name: Callable) -> tuple[object, dict]:
        """(f, hidden layers by name): the C-var f of shape (len(X),) from the current parameters; ``name(text, var)``
        names a line."""


@dataclass(frozen=True)
class MLPModel:
    r"""h^1 = U xi, x^l = phi(h^l), h^{l+1} = W^{l+1} x^l, f = V^T x^L / n.

    Parameters
    ----------
    depth : int
        Number L >= 1 of hidden layers.
    phi : str, Activation or callable
    sigma_w, sigma_u, sigma_v : float
        Standard deviations: of sqrt(n) W, U and V, iid.
    sigma_b : float or None
        Of the biases, one vector a hidden layer; None for no biases, 0 for biases that start at 0.

    Notes
    -----
    The network of Tensor Programs IV (arXiv 2011.14522), section 3, in muP: no 1/sqrt(d) at the input.
    """

    depth: int
    phi: str | Activation | Callable = "tanh"
    sigma_w: float = 1.0
    sigma_u: float = 1.0
    sigma_v: float = 1.0
    sigma_b: float | None = None

    def __post_init__(self):
        checks.integer("depth", self.depth, 1)
        get(self.phi)
        for what in ("sigma_w", "sigma_u", "sigma_v"):
            checks.real(what, getattr(self, what), 0.0)
        if self.sigma_b is not None:
            checks.real("sigma_b", self.sigma_b, 0.0)

    def inputs(self, X) -> np.ndarray:
        """(B, d)."""
        return checks.array("X", X, 2)

    def parameters(self, prog, X: np.ndarray) -> dict[str, object]:
        """U (d columns), W2 .. WL, V, and b1 .. bL with biases."""
        found = {"U": prog.block("U", cov=float(self.sigma_u) ** 2, shape=X.shape[1])}
        for layer in range(2, self.depth + 1):
            found[f"W{layer}"] = prog.matrix(f"W{layer}", float(self.sigma_w) ** 2)
        if self.sigma_b is not None:
            for layer in range(1, self.depth + 1):
                found[f"b{layer}"] = prog.vector(f"b{layer}", variance=float(self.sigma_b) ** 2)
        found["V"] = prog.vector("V", variance=float(self.sigma_v) ** 2)
        return found

    def forward(self, p: Mapping[str, object], X: np.ndarray, name: Callable) -> tuple[object, dict]:
        """See `Model`."""
        phi, hidden, x = get(self.phi), {}, None
        for layer in range(1, self.depth + 1):
            h = p["U"] @ X.T if layer == 1 else p[f"W{layer}"] @ x
            if self.sigma_b is not None:
                h = h + p[f"b{layer}"]
            name(f"h{layer}", h)
            hidden[f"x{layer}"] = x = name(f"x{layer}", phi(h))
        return instructions.inner(x, p["V"]), hidden


@dataclass(frozen=True)
class RNNModel:
    r"""h^t = W s^{t-1} + U xi^t (+ b), s^t = phi(h^t), f = V^T s^T / n: the same W, U and b at all steps.

    Parameters are those of `MLPModel`; `X` has the shape (B, T, d), T >= 1 steps.
    """

    phi: str | Activation | Callable = "tanh"
    sigma_w: float = 1.0
    sigma_u: float = 1.0
    sigma_v: float = 1.0
    sigma_b: float | None = None

    def __post_init__(self):
        get(self.phi)
        for what in ("sigma_w", "sigma_u", "sigma_v"):
            checks.real(what, getattr(self, what), 0.0)

    def inputs(self, X) -> np.ndarray:
        """(B, T, d)."""
        return checks.array("X", X, 3)

    def parameters(self, prog, X: np.ndarray) -> dict[str, object]:
        """U, W (where a sequence has two steps or more), V, and b with biases."""
        found = {"U": prog.block("U", cov=float(self.sigma_u) ** 2, shape=X.shape[2])}
        if X.shape[1] > 1:
            found["W"] = prog.matrix("W", float(self.sigma_w) ** 2)
        if self.sigma_b is not None:
            found["b"] = prog.vector("b", variance=float(self.sigma_b) ** 2)
        found["V"] = prog.vector("V", variance=float(self.sigma_v) ** 2)
        return found

    def forward(self, p: Mapping[str, object], X: np.ndarray, name: Callable) -> tuple[object, dict]:
        """See `Model`."""
        phi, hidden, s = get(self.phi), {}, None
        for step in range(X.shape[1]):
            h = p["U"] @ X[:, step].T
            if s is not None:
                h = h + p["W"] @ s
            if self.sigma_b is not None:
                h = h + p["b"]
            name(f"h{step + 1}", h)
            hidden[f"s{step + 1}"] = s = name(f"s{step + 1}", phi(h))
        return instructions.inner(s, p["V"]), hidden
