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

from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Given:
    """What a recurrent network reads: second moments of all steps of all sequences, and their tangent kernel.

    Attributes
    ----------
    K : ndarray, (M, M)
    layout : Layout
    T : ndarray or None
        As K; None where nobody asks for a tangent kernel.
    convention : str or None
        That of `tpcore.ntk`, if asked.
    """

    K: np.ndarray
    layout: Layout
    T: np.ndarray | None = None
    convention: str | None = None


def given(data: Data, convention: str | None = None) -> Given:
    """Numbers: <x, x'> / d over all steps of all sequences; they have no parameters."""
    square_memory(len(data.features), 64.0, 2 * BUDGET)
    K = data.features @ data.features.T / data.features.shape[1]
    K = (K + K.T) / 2
    return Given(K, data.layout, None if convention is None else np.zeros_like(K), convention)


def rnn(net: RNN, start: Given) -> np.ndarray:
    """Kernel (M, M) of the states of all steps of all sequences."""
    base, step = net.sigma_u**2 * start.K + (net.sigma_b or 0.0) ** 2, steps_of(start.layout)
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


def tangents(net: RNN, start: Given, states: np.ndarray) -> np.ndarray:
    """Tangent kernel (M, M) of the states, of second moments `states`."""
    use_w, free = rates(start.convention, net.sigma_w, net.sigma_b)
    use_u, step = rates(start.convention, net.sigma_u, None)[0], steps_of(start.layout)
    later = np.ix_(step > 0, step > 0)
    before = np.ix_(np.flatnonzero(step > 0) - 1, np.flatnonzero(step > 0) - 1)
    sigma = net.sigma_u**2 * start.K + (net.sigma_b or 0.0) ** 2
    theta = net.sigma_u**2 * start.T + use_u * start.K + free
    sigma[later] += net.sigma_w**2 * states[before]
    theta[later] += use_w * states[before]
    slopes = np.asarray(expect.dV(net.phi, sigma, check=False))
    for t in range(1, int(step.max()) + 1):
        now, late = np.flatnonzero(step == t), np.flatnonzero(step >= t)
        early = np.ix_(now - 1, late - 1)
        theta[np.ix_(now, late)] += net.sigma_w**2 * slopes[early] * theta[early]
        theta[np.ix_(late, now)] = theta[np.ix_(now, late)].T
    return slopes * theta


def tangent(net: RNN, data: Data, convention: str) -> np.ndarray:
    """The tangent kernel of the outputs."""
    start = given(data, convention)
    states = rnn(net, start)
    return tangent_read_out(net, states, tangents(net, start, states), start)


def tangent_read_out(net: Recurrent, K: np.ndarray, T: np.ndarray, start: Given) -> np.ndarray:
    """The tangent kernel of the outputs from second moments and tangent kernel of the states."""
    use = rates(start.convention, net.sigma_v, None)[0]
    return read_out(net, T, start.layout) + use * pooled(net, K, start.layout)


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
