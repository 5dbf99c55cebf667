"""The neural tangent kernel of an infinitely wide network."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.compute.progress import as_progress
from tpcore.kernels import covariance, gated, recurrent
from tpcore.kernels.nngp import block, network
from tpcore.kernels.overflow import guarded
from tpcore.kernels.recursion import kernels
from tpcore.kernels.uses import activations, by_tangent
from tpcore.limit.expect import differentiable
from tpcore.nets import MLP, RNN, Network, Sequential
from tpcore.nets.batch_tangent import refuse_threes
from tpcore.nets.moments import NoRecursion
from tpcore.nets.recurrent import Gated

CONVENTIONS = ("multiplier", "variance")


@guarded
def ntk(net: Network, X, X2=None, convention: str = "multiplier", *, seed: int = 0, samples: int | None = None,
        progress=None) -> np.ndarray:
    r"""Limit of :math:`\langle \nabla f(x), \nabla f(x') \rangle` over all parameters, at initialization.

    Parameters
    ----------
    net : Network
        As ``tp.nets.MLP(depth=3, phi="relu", sigma_w=1.4, sigma_b=0.1)``.
    X : array_like, (N, d), or what the network takes
        Inputs: sequences, images, batches, as the network's own words say.
    X2 : likewise, optional
        Other inputs; by default `X` itself.
    convention : {"multiplier", "variance"}
        "multiplier": parameters are N(0, 1) and sigma/sqrt(fan-in) multiplies them, a bias contributes sigma_b^2.
        "variance": parameters are N(0, sigma^2) and 1/sqrt(fan-in) multiplies them, a bias contributes 1.
    seed, samples, progress
        As in `tpcore.nngp`.

    Returns
    -------
    ndarray, (K, K2)
        In units of f squared, over all outputs: one an input, or one for every step or node. For X2 = None symmetric
        and, up to rounding, positive semidefinite. Sampled kernels are `Values` with ``method`` and ``error``.

    Raises
    ------
    Misuse
        For an activation that jumps (step, sign): its derivative is not a function. For batch normalization of batches
        that span two dimensions (three members): the kernel is infinite.
    BudgetError
        If the matrix does not fit into memory; names the number of inputs that does.

    Notes
    -----
    For an MLP Theta^{L+1} of the recursion in `tpcore.kernels.recursion`, for stacks of layers that of
    `tpcore.nets.moments`, for recurrent networks those of `tpcore.kernels.recurrent` and `tpcore.kernels.gated`. For
    every other network, and where covariances alone do not decide, the sum over all uses of all parameters of backward
    times forward inner products, in the limit (`tpcore.kernels.uses`). A Sequential without a final Dense has no
    readout to train: the kernel is the average over the coordinates of its last layer. Sources: Jacot et al. (arXiv
    1806.07572), Theorem 1; Tensor Programs II (arXiv 2006.14548), section 3; "variance" is its convention,
    "multiplier" neural-tangents'.
    """
    net = network(net)
    checks.choice("convention", convention, CONVENTIONS)
    seed = checks.integer("seed", seed, 0)
    samples = None if samples is None else checks.integer("samples", samples, 64, 2**26)
    progress = as_progress(progress)
    data = net.read(X)
    other = None if X2 is None else net.read(X2, "X2")
    both = data if other is None else data + other
    for phi in activations(net):
        differentiable(phi)
    if isinstance(net, MLP):
        return kernels(net, data.features, None if other is None else other.features, True, convention)[1]
    try:
        if isinstance(net, Sequential):
            return covariance.covariance(net, data, other, seed, samples, progress, convention)
    except NoRecursion:
        if net.batched:
            refuse_threes(both.layout.groups())
    if isinstance(net, RNN):
        K = recurrent.tangent(net, both, convention)
    elif isinstance(net, Gated):
        K = gated.tangent(net, both, convention, seed, samples, progress)
    else:
        K = by_tangent(net, both, convention, seed, samples, progress)
    if other is None:
        return K
    return block(K, net.build(data).count)
