"""The covariance of a randomly initialized, infinitely wide network."""

from __future__ import annotations

import numpy as np

from tpcore.errors import Misuse
from tpcore.kernels.recursion import kernels
from tpcore.limit.interpret import limit
from tpcore.nets import MLP, Network
from tpcore.nets.base import inputs


def nngp(net: Network, X, X2=None) -> np.ndarray:
    r"""Covariance of the outputs of an infinitely wide network, :math:`K(x, x') = \lim E f(x) f(x')`.

    Parameters
    ----------
    net : Network
        As ``tp.nets.MLP(depth=3, phi="relu", sigma_w=1.4, sigma_b=0.1)``.
    X : array_like, (N, d)
        Inputs.
    X2 : array_like, (N2, d), optional
        Other inputs; by default `X` itself.

    Returns
    -------
    ndarray, (N, N2)
        In units of f squared. For X2 = None symmetric and, up to rounding, positive semidefinite.

    Raises
    ------
    Misuse
        If the inputs are not finite numbers of matching shapes.
    BudgetError
        If the matrix does not fit into memory; names the number of inputs that does.

    Notes
    -----
    For an MLP Sigma^{L+1} of the recursion in `tpcore.kernels.recursion`; for other networks their program's limit.
    Source: Tensor Programs I (arXiv 1910.12478), Corollary 5.5.
    """
    net = network(net)
    X = inputs(X)
    X2 = None if X2 is None else inputs(X2, "X2", X.shape[1])
    if isinstance(net, MLP):
        return kernels(net, X, X2, tangent=False)[0]
    stacked = X if X2 is None else np.concatenate([X, X2])
    return limit(net.program(stacked)).kernel()[: len(X), 0 if X2 is None else len(X) :]


def network(net) -> Network:
    """`net`, if it is a network."""
    if not isinstance(net, Network):
        raise Misuse("The first argument must be a network", repr(net)[:80], "Make one with tp.nets.MLP(...)")
    return net
