r"""The kernel recursion of an MLP: NNGP and NTK in one pass.

.. math::
    \Sigma^1 = \sigma_w^2 \langle x, x'\rangle/d + \sigma_b^2, \quad
    \Sigma^{l+1} = \sigma_w^2 V_\phi(\Sigma^l) + \sigma_b^2, \quad
    \Theta^{l+1} = u\, V_\phi(\Sigma^l) + \beta + \sigma_w^2\, V_{\phi'}(\Sigma^l) \odot \Theta^l

with sigma_v for sigma_w in the readout. u and beta are what the weights and the bias themselves contribute: sigma_w^2
and sigma_b^2 in the convention "multiplier", 1 and 1 in "variance", beta = 0 without biases.
Sources: Tensor Programs I (arXiv 1910.12478), section 5; Tensor Programs II (arXiv 2006.14548), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore import checks
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.errors import BudgetError
from tpcore.finite.budget import BUDGET
from tpcore.jitted import recursion as jitted
from tpcore.limit import expect, pairs
from tpcore.limit.closed import form_of
from tpcore.nets import MLP

BAND = 32


@dataclass(frozen=True)
class Step:
    """One dense layer: squared scales of weights and bias, and their contributions u and beta to the NTK."""

    weight: float
    bias: float
    use: float
    free: float

    def forward(self, V):
        return self.weight * V + self.bias

    def tangent(self, V, dV_theta):
        return self.use * V + self.free + self.weight * dV_theta


def steps(net: MLP, convention: str = "multiplier") -> list[Step]:
    """The dense layers of `net`, input first, readout last."""
    multiplier = convention == "multiplier"
    free = 0.0 if net.sigma_b is None else net.bias_variance if multiplier else 1.0
    weights = [net.sigma_w**2] * net.depth + [net.sigma_v**2]
    return [Step(w, net.bias_variance, w if multiplier else 1.0, free) for w in weights]


def kernels(net: MLP, X: np.ndarray, X2: np.ndarray | None, tangent: bool,
            convention: str = "multiplier") -> tuple[np.ndarray, np.ndarray | None]:
    """(NNGP, NTK or None) of `net`, each (N, N) or (N, N2); X, X2 checked float64 arrays.

    Raises
    ------
    BudgetError
        If the matrices do not fit into memory.
    Misuse
        With `tangent`, for an activation that jumps.
    """
    fused = form_of(net.phi) is not None
    entry = 16.0 if fused else 64.0
    if X2 is None:
        square_memory(len(X), entry, 2 * BUDGET)
    else:
        checks.memory("inputs", len(X), entry * len(X2), 2 * BUDGET)
    if tangent:
        expect.differentiable(net.phi)
    layers = steps(net, convention)
    if fused:
        return _fused(net, layers, X, X2, tangent)
    if X2 is None:
        return _square(net, layers, X, tangent)
    return _rectangular(net, layers, X, X2, tangent)


def square_memory(count: int, entry: float, budget: float) -> None:
    """Refuse `count` inputs whose matrices take `entry` bytes a pair, naming the number that fits."""
    if count * count * entry > budget:
        fits = int(np.sqrt(budget / entry))
        raise BudgetError(
            f"The matrices over all pairs of inputs must fit into {budget / 2**30:.3g} GiB of memory",
            f"{count:,} inputs, which need {count * count * entry / 2**30:.3g} GiB",
            f"At most {fits:,} inputs fit",
            fits=fits,
        )


def _fused(net, layers: list[Step], X, X2, tangent: bool):
    form = form_of(net.phi)
    table = np.array([[s.weight, s.bias, s.use, s.free] for s in layers])
    first, rest = table[0], table[1:]
    same = X2 is None
    other = X if same else X2
    left = _variances(form, first, rest, X)
    right = left if same else _variances(form, first, rest, X2)
    c = np.empty((len(X), len(other)))
    theta = np.empty_like(c) if tangent else c[:0]
    raw = _squares(X)

    def work(rows: slice) -> None:
        start = rows.start if same else 0
        np.matmul(X[rows], other[start:].T / X.shape[1], out=c[rows, start:])
        if same:
            np.fill_diagonal(c[rows, start:], raw[rows])
        jitted.band(*form, first, rest, left, right, c, theta, rows.start, rows.stop, same, tangent)

    map_tiles(work, row_tiles(len(X), BAND))
    return c, theta if tangent else None


def _squares(X: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", X, X) / X.shape[1]


def _variances(form, first: np.ndarray, rest: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Variances (layers + 1, N) of the preactivations and the output."""
    q = np.empty((len(rest) + 1, len(X)))
    q[0] = first[0] * _squares(X) + first[1]
    jitted.diagonal(*form, rest, q, np.zeros(len(X)))
    return q


def _square(net, layers: list[Step], X, tangent: bool):
    inner = X @ X.T / X.shape[1]
    sigma, theta = layers[0].forward(inner), layers[0].tangent(inner, 0.0) if tangent else None
    for step in layers[1:]:
        if tangent:
            V, dV = (np.asarray(part) for part in expect.V_dV(net.phi, sigma, check=False))
            theta = step.tangent(V, dV * theta)
        else:
            V = np.asarray(expect.V(net.phi, sigma, check=False))
        sigma = step.forward(V)
    return sigma, theta


def _rectangular(net, layers: list[Step], X, X2, tangent: bool):
    inner = X @ X2.T / X.shape[1]
    sigma, theta = layers[0].forward(inner), layers[0].tangent(inner, 0.0) if tangent else None
    q, q2 = (layers[0].forward(_squares(x)) for x in (X, X2))
    for step in layers[1:]:
        V = _pairs(net.phi, q, q2, sigma, False)
        if tangent:
            theta = step.tangent(V, _pairs(net.phi, q, q2, sigma, True) * theta)
        sigma = step.forward(V)
        zero = np.zeros(len(q) + len(q2))
        both = np.concatenate([q, q2])
        both = step.forward(pairs.flat(net.phi, net.phi, both, both, both, zero, zero, False)[0])
        q, q2 = both[: len(q)], both[len(q) :]
    return sigma, theta


def _pairs(phi, q: np.ndarray, q2: np.ndarray, c: np.ndarray, slope: bool) -> np.ndarray:
    q1, q2 = (np.ascontiguousarray(x).reshape(-1) for x in np.broadcast_arrays(q[:, None], q2[None, :]))
    zero = np.zeros(c.size)
    return pairs.flat(phi, phi, q1, q2, np.ascontiguousarray(c).reshape(-1), zero, zero, slope)[0].reshape(c.shape)
