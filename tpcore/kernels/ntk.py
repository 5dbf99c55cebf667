"""The neural tangent kernel of an infinitely wide network."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.errors import Unsupported
from tpcore.kernels.nngp import network
from tpcore.kernels.recursion import kernels
from tpcore.nets import MLP, Network
from tpcore.nets.base import inputs

CONVENTIONS = ("multiplier", "variance")


def ntk(net: Network, X, X2=None, convention: str = "multiplier") -> np.ndarray:
    r"""Limit of :math:`\langle \nabla f(x), \nabla f(x') \rangle` over all parameters, at initialization.

    Parameters
    ----------
    net : Network
        As ``tp.nets.MLP(depth=3, phi="relu", sigma_w=1.4, sigma_b=0.1)``.
    X : array_like, (N, d)
        Inputs.
    X2 : array_like, (N2, d), optional
        Other inputs; by default `X` itself.
    convention : {"multiplier", "variance"}
        "multiplier": parameters are N(0, 1) and sigma/sqrt(fan-in) multiplies them, a bias contributes sigma_b^2.
        "variance": parameters are N(0, sigma^2) and 1/sqrt(fan-in) multiplies them, a bias contributes 1.

    Returns
    -------
    ndarray, (N, N2)
        In units of f squared.

    Raises
    ------
    Misuse
        For an activation that jumps (step, sign): its derivative is not a function.
    BudgetError
        If the matrix does not fit into memory; names the number of inputs that does.

    Notes
    -----
    Theta^{L+1} of the recursion in `tpcore.kernels.recursion`. Source: Jacot et al. (arXiv 1806.07572), Theorem 1;
    Tensor Programs II (arXiv 2006.14548), section 3; "variance" is its convention, "multiplier" neural-tangents'.
    """
    net = network(net)
    checks.choice("convention", convention, CONVENTIONS)
    X = inputs(X)
    X2 = None if X2 is None else inputs(X2, "X2", X.shape[1])
    if not isinstance(net, MLP):
        raise Unsupported("The tangent kernel is known here for MLPs", type(net).__name__)
    return kernels(net, X, X2, tangent=True, convention=convention)[1]
