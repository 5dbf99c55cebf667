"""Unrolled SGD written out by hand as programs: what the limits of training are held against.

The network: h^1 = U xi, x^1 = phi(h^1), h^{l+1} = W^l x^l, f = <V, x^L>, with U, V of variance 1 and W of variance
1/n; full-batch SGD on (1/B) sum_b (f_b - y_b)^2 / 2 in the maximal-update parametrization (Tensor Programs IV,
arXiv 2011.14522, section 6). With chi_b = (f_b - y_b)/B and dx = n df/dx a step is

    U -= eta sum_b chi_b dh^1_b xi_b^T,  V -= eta sum_b chi_b x^L_b,  W -= eta sum_b chi_b dh_b x_b^T / n.
"""

from __future__ import annotations

import numpy as np

import tpcore as tp


class Updated:
    """W_t = W_0 - eta sum_s dh_s diag(chi_s) x_s^T / n, as an operator on blocks of a program."""

    def __init__(self, W, eta: float):
        self.W, self.eta = W, eta
        self.left = self.right = None

    def __matmul__(self, x):
        y = self.W @ x
        return y if self.left is None else y - self.eta * (self.left @ tp.inner(self.right, x))

    def transposed(self, y):
        x = self.W.T @ y
        return x if self.left is None else x - self.eta * (self.right @ tp.inner(self.left, y))

    def update(self, dh, x):
        """Add the term -eta dh x^T / n; dh carries chi."""
        if self.left is None:
            self.left, self.right = dh, x
        else:
            self.left = tp.stack([self.left, dh], new_axis=False)
            self.right = tp.stack([self.right, x], new_axis=False)


def mlp(X, y, eta: float, phi, slope, depth: int, steps: int) -> tp.Program:
    """C-vars f0 ... f{steps}, each of shape (B,); `slope` gives phi'(h) from the array phi(h), or None for 1."""
    X, y = np.asarray(X, float), np.asarray(y, float)
    prog = tp.Program(f"{depth}-layer training, {steps} steps")
    U, V = prog.block("U", cov=np.eye(X.shape[1])), prog.vector("V")
    hidden = [Updated(prog.matrix(f"W{layer}"), eta) for layer in range(1, depth)]
    for t in range(steps + 1):
        xs, hs = [], []
        h = U @ X.T
        for layer in range(depth):
            h = h if layer == 0 else hidden[layer - 1] @ xs[-1]
            hs.append(h)
            xs.append(phi(h))
        f = prog.name(f"f{t}", tp.inner(V, xs[-1]))
        if t == steps:
            break
        chi = tp.scalar(lambda f: (f - y) / len(y), f)
        d = V
        for layer in range(depth - 1, -1, -1):
            dh = d * slope(xs[layer])
            if layer:
                d = hidden[layer - 1].transposed(dh)
                hidden[layer - 1].update(dh * chi, xs[layer - 1])
            else:
                U = U - eta * ((dh * chi) @ X)
        V = V - eta * (xs[-1] @ chi)
    return prog


def tanh_slope(x):
    return 1.0 - x**2


def relu_slope(x):
    return tp.step(x)


def outputs(lim, steps: int, name: str = "f{}") -> tuple[np.ndarray, np.ndarray]:
    """f and its errors, (steps + 1, B)."""
    known = [lim._value(lim._node(name.format(t))) for t in range(steps + 1)]
    return np.array([k.value for k in known]), np.array([k.error for k in known])
