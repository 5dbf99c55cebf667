"""Plain NumPy training in an abc-parametrization: stored weights, gradients written by hand, nothing of the package.

W^l = n^(-a_l) w^l, and w^l descends with learning rate eta: Tensor Programs IV (arXiv 2011.14522), section 3.
"""

from __future__ import annotations

import numpy as np


def mlp(weights, X, y, eta, steps, a, phi, dphi, slope, batches=None, biases=None):
    """Outputs (steps + 1, B) of h^1 = W^1 xi, x^l = phi(h^l), h^{l+1} = W^{l+1} x^l, f = W^{L+1} x^L.

    `weights` are the W^l at the start, (n, d), (n, n) .., (1, n); ``slope(f, y)`` the loss's derivative.
    """
    n, W = len(weights[0]), [w.copy() for w in weights]
    b = None if biases is None else [v.copy() for v in biases]
    found = [_forward(W, b, X, phi)[0]]
    for t in range(steps):
        rows = np.arange(len(X)) if batches is None else np.asarray(batches[t % len(batches)])
        f, hs, xs = _forward(W, b, X[rows], phi)
        delta = (slope(f, y[rows]) / len(rows))[None, :]
        gradients, shifts = [None] * len(W), []
        for layer in range(len(W) - 1, -1, -1):
            gradients[layer] = delta @ xs[layer].T
            if layer:
                delta = (W[layer].T @ delta) * dphi(hs[layer - 1])
                shifts.insert(0, delta.sum(1))
        # dL/dw = n^(-a) dL/dW and W = n^(-a) w
        W = [w - eta * n ** (-2.0 * al) * g for w, g, al in zip(W, gradients, a, strict=True)]
        if b is not None:
            b = [v - eta * n ** (-2.0 * a[0]) * s for v, s in zip(b, shifts, strict=True)]
        found.append(_forward(W, b, X, phi)[0])
    return np.array(found)


def _forward(W, b, X, phi):
    xs, hs = [X.T], []
    for layer, w in enumerate(W[:-1]):
        hs.append(w @ xs[-1] + (0.0 if b is None else b[layer][:, None]))
        xs.append(phi(hs[-1]))
    return (W[-1] @ xs[-1])[0], hs, xs


def rnn(weights, X, y, eta, steps, a, phi, dphi, slope):
    """Outputs (steps + 1, B) of h^t = W s^{t-1} + U xi^t, s^t = phi(h^t), f = V s^T: `weights` U, W, V, X (B, T, d)."""
    n, (U, W, V) = len(weights[0]), [w.copy() for w in weights]
    found = []
    for step in range(steps + 1):
        states, hs = [np.zeros((n, len(X)))], []
        for t in range(X.shape[1]):
            hs.append(W @ states[-1] + U @ X[:, t].T)
            states.append(phi(hs[-1]))
        f = (V @ states[-1])[0]
        found.append(f)
        if step == steps:
            break
        delta = slope(f, y)[None, :] / len(X)
        gV, gW, gU = delta @ states[-1].T, 0.0, 0.0
        delta = V.T @ delta
        for t in range(X.shape[1] - 1, -1, -1):
            delta = delta * dphi(hs[t])
            gW, gU = gW + delta @ states[t].T, gU + delta @ X[:, t]
            delta = W.T @ delta
        U, W, V = (w - eta * n ** (-2.0 * al) * g for w, g, al in zip((U, W, V), (gU, gW, gV), a, strict=True))
    return np.array(found)
