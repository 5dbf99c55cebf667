r"""Second moments and tangent kernel of a simple RNN's states, step by step.

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

from tpcore.limit import expect
from tpcore.nets.data import Layout
from tpcore.nets.moments import rates


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


def steps_of(layout: Layout) -> np.ndarray:
    """The step, from 0, of every column."""
    return np.arange(layout.total) - np.repeat(layout.starts, layout.sizes)


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
