r"""The kernel of a simple RNN, step by step.

.. math:: \Sigma_{(a,t),(b,s)} = \sigma_w^2 K_{(a,t-1),(b,s-1)} + \sigma_u^2 \langle x^{a,t}, x^{b,s}\rangle / d
    + \sigma_b^2, \quad K = V_\phi(\Sigma)

with no first term where t or s is a first step. Beside it goes the tangent kernel of the preactivations,

.. math:: \Theta_{(a,t),(b,s)} = u_W K_{(a,t-1),(b,s-1)} + u_U \langle x^{a,t}, x^{b,s}\rangle / d + \beta
    + \sigma_w^2\, V_{\phi'}(\Sigma)_{(a,t-1),(b,s-1)}\, \Theta_{(a,t-1),(b,s-1)} :

the tied W meets itself at every pair of steps, also of different ones. Sources: Tensor Programs I (arXiv 1910.12478),
section 2; II (arXiv 2006.14548), section 3.
"""

from __future__ import annotations

import numpy as np

from tpcore.finite.budget import BUDGET
from tpcore.kernels.recursion import square_memory
from tpcore.limit import expect
from tpcore.nets.data import Data, Layout
from tpcore.nets.moments import rates
from tpcore.nets.positions import averages
from tpcore.nets.recurrent import RNN, Recurrent
from tpcore.nets.steps import last_steps


def steps_of(layout: Layout) -> np.ndarray:
    """The step, from 0, of every column."""
    return np.arange(layout.total) - np.repeat(layout.starts, layout.sizes)


def gram(data: Data) -> np.ndarray:
    """<x, x'> / d over all steps of all sequences."""
    square_memory(len(data.features), 64.0, 2 * BUDGET)
    K = data.features @ data.features.T / data.features.shape[1]
    return (K + K.T) / 2


def rnn(net: RNN, data: Data) -> np.ndarray:
    """Kernel (M, M) of the states of all steps of all sequences."""
    base = net.sigma_u**2 * gram(data) + (net.sigma_b or 0.0) ** 2
    step = steps_of(data.layout)
    rows = [np.flatnonzero(step == t) for t in range(int(step.max()) + 1)]
    q, K = np.diagonal(base).copy(), np.zeros_like(base)
    for now in rows[1:]:
        q[now] += net.sigma_w**2 * np.asarray(expect.pair(net.phi, q[now - 1], q[now - 1], q[now - 1]))
    for t, now in enumerate(rows):
        late = np.flatnonzero(step >= t)
        c = base[np.ix_(now, late)]
        if t:
            c = c + net.sigma_w**2 * K[np.ix_(now - 1, late - 1)]
        c[np.arange(len(now)), np.searchsorted(late, now)] = q[now]
        K[np.ix_(now, late)] = expect.pair(net.phi, q[now][:, None], q[late][None, :], c)
        K[np.ix_(late, now)] = K[np.ix_(now, late)].T
    return K


def tangent(net: RNN, data: Data, convention: str) -> np.ndarray:
    """The tangent kernel of the outputs."""
    use_w, free = rates(convention, net.sigma_w, net.sigma_b)
    use_u, use_v = (rates(convention, sigma, None)[0] for sigma in (net.sigma_u, net.sigma_v))
    inner, states, step = gram(data), rnn(net, data), steps_of(data.layout)
    later = np.ix_(step > 0, step > 0)
    before = np.ix_(np.flatnonzero(step > 0) - 1, np.flatnonzero(step > 0) - 1)
    sigma, theta = net.sigma_u**2 * inner + (net.sigma_b or 0.0) ** 2, use_u * inner + free
    sigma[later] += net.sigma_w**2 * states[before]
    theta[later] += use_w * states[before]
    slopes = np.asarray(expect.dV(net.phi, sigma, check=False))
    for t in range(1, int(step.max()) + 1):
        now, late = np.flatnonzero(step == t), np.flatnonzero(step >= t)
        early = np.ix_(now - 1, late - 1)
        theta[np.ix_(now, late)] += net.sigma_w**2 * slopes[early] * theta[early]
        theta[np.ix_(late, now)] = theta[np.ix_(now, late)].T
    return read_out(net, slopes * theta, data.layout) + use_v * pooled(net, states, data.layout)


def read_out(net: Recurrent, K: np.ndarray, layout: Layout) -> np.ndarray:
    """The kernel of the outputs from that of the states."""
    return net.sigma_v**2 * pooled(net, K, layout)


def pooled(net: Recurrent, K: np.ndarray, layout: Layout) -> np.ndarray:
    """The kernel of what the readout sees."""
    if net.readout == "last":
        last = last_steps(layout)
        K = K[np.ix_(last, last)]
    elif net.readout == "mean":
        average = averages(layout)
        K = average @ K @ average.T
    return (K + K.T) / 2
