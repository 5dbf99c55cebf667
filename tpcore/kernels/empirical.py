r"""Kernels and outputs of networks of finite width, at random initialization.

MLPs have a way of their own (`forward`, `backward`), which never stores a weight matrix, so that the width goes to
millions; ``method="dense"`` stores them, for tests. Every other network runs as its program
(`tpcore.kernels.programs`). Draw i belongs to the same network in all three functions, whatever the number of draws or
threads (but see `seed`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tpcore import checks
from tpcore.kernels import programs
from tpcore.kernels.backward import tangent
from tpcore.kernels.draws import BUDGET, Request
from tpcore.kernels.nngp import network
from tpcore.kernels.ntk import CONVENTIONS
from tpcore.kernels.overflow import guarded
from tpcore.kernels.recursion import steps
from tpcore.kernels.uses import activations
from tpcore.limit.expect import differentiable
from tpcore.nets import MLP, Network


def empirical_nngp(
    net: Network, X, width: int = 1024, draws: int = 20, seed=0, *, method: str = "auto",
    progress=None, budget: float = BUDGET,
) -> np.ndarray:
    r"""Draws of :math:`\sigma_v^2 \langle x^L, x'^L \rangle / n + \sigma_b^2` at width n: the covariance of the
    outputs given all layers but the last.

    Parameters
    ----------
    net : Network
        As ``tp.nets.MLP(depth=3, phi="relu")``.
    X : array_like, (N, d), or what the network takes
        Inputs.
    width : int
        n, up to millions.
    draws : int
        How many independent networks.
    seed : int or SeedSequence
        The same seed gives the same networks here and in `sample_outputs`, and in `empirical_ntk`; for networks that
        are no MLPs in the latter only where all of them run dense (the backward pass changes how a lazy run draws).
    method : {"auto", "lazy", "dense"}
        "dense" stores the weight matrices; "lazy" never does; "auto" is "lazy" for MLPs and as in `tpcore.run` for
        others. The laws are equal.
    progress : Progress or callable ``(done, total)``, optional
        Its `cancel` is obeyed within one tile's work.
    budget : float
        Bytes that the result and the matrices may take.

    Returns
    -------
    ndarray, (draws, N, N)
        Over all outputs. Its mean tends to `nngp` like 1/n, its spread falls like 1/sqrt(n).

    Raises
    ------
    Misuse, BudgetError, Cancelled
        A `BudgetError` names the number of draws, inputs or neurons that fits.

    Notes
    -----
    Layers in single precision, sums over neurons in double. Source: Tensor Programs I (arXiv 1910.12478), figure 3.
    """
    chunks = empirical_nngp_chunks(net, X, width, draws, seed, method=method, progress=progress, budget=budget)
    return np.concatenate(list(chunks))


@guarded
def empirical_nngp_chunks(
    net: Network, X, width: int = 1024, draws: int = 20, seed=0, *, method: str = "auto",
    progress=None, budget: float = BUDGET,
) -> Iterator[np.ndarray]:
    """`empirical_nngp` as a stream of consecutive draws, arrays (some, N, N), as they become ready."""
    if not isinstance(network(net), MLP):
        return programs.chunks(net, X, width, draws, seed, method, progress, budget, grams=True)
    request = Request(net, X, width, draws, seed, method, progress, budget, passes=1, entries=lambda n: n * n)
    return request.chunks(lambda forward: forward.run().nngp(), lambda dense: dense.nngp())


def empirical_ntk(
    net: Network, X, width: int = 1024, draws: int = 20, seed=0, *, convention: str = "multiplier",
    method: str = "auto", progress=None, budget: float = BUDGET,
) -> np.ndarray:
    r"""Draws of :math:`\langle \nabla f(x), \nabla f(x') \rangle` over all parameters, at width n.

    Parameters
    ----------
    net, X, width, draws, seed, method, progress, budget
        As in `empirical_nngp`.
    convention : {"multiplier", "variance"}
        As in `tpcore.ntk`.

    Returns
    -------
    ndarray, (draws, N, N)

    Raises
    ------
    Misuse, BudgetError, Cancelled
        `Misuse` also for activations that jump.

    Notes
    -----
    Sum over all uses of all parameters of backward times forward similarity: for MLPs see `tpcore.kernels.backward`,
    for other networks `tpcore.kernels.uses`. Source: Tensor Programs II (arXiv 2006.14548), section 3.
    """
    chunks = empirical_ntk_chunks(
        net, X, width, draws, seed, convention=convention, method=method, progress=progress, budget=budget
    )
    return np.concatenate(list(chunks))


@guarded
def empirical_ntk_chunks(
    net: Network, X, width: int = 1024, draws: int = 20, seed=0, *, convention: str = "multiplier",
    method: str = "auto", progress=None, budget: float = BUDGET,
) -> Iterator[np.ndarray]:
    """`empirical_ntk` as a stream of consecutive draws, arrays (some, N, N), as they become ready."""
    checks.choice("convention", convention, CONVENTIONS)
    for phi in activations(network(net)):
        differentiable(phi)
    if not isinstance(net, MLP):
        return programs.tangents(net, X, width, draws, seed, method, progress, budget, convention)
    request = Request(net, X, width, draws, seed, method, progress, budget, passes=2, entries=lambda n: n * n)
    layers = steps(request.net, convention)
    return request.chunks(
        lambda forward: tangent(forward.run(backward=True), layers), lambda dense: dense.ntk(layers)
    )


def sample_outputs(
    net: Network, X, width: int = 1024, draws: int = 1000, seed=0, *, method: str = "auto",
    progress=None, budget: float = BUDGET,
) -> np.ndarray:
    """Outputs f(x) of independent networks of width n: what tends to a Gaussian process of covariance `nngp`.

    Parameters
    ----------
    net, X, width, draws, seed, method, progress, budget
        As in `empirical_nngp`.

    Returns
    -------
    ndarray, (draws, N)
        NaN for a network that died: one of few neurons, all of them 0 for an input, before a normalization.

    Raises
    ------
    Misuse, BudgetError, Cancelled

    Notes
    -----
    Source: Tensor Programs I (arXiv 1910.12478), section 5.
    """
    chunks = sample_outputs_chunks(net, X, width, draws, seed, method=method, progress=progress, budget=budget)
    return np.concatenate(list(chunks))


@guarded
def sample_outputs_chunks(
    net: Network, X, width: int = 1024, draws: int = 1000, seed=0, *, method: str = "auto",
    progress=None, budget: float = BUDGET,
) -> Iterator[np.ndarray]:
    """`sample_outputs` as a stream of consecutive draws, arrays (some, N), as they become ready."""
    if not isinstance(network(net), MLP):
        return programs.chunks(net, X, width, draws, seed, method, progress, budget, grams=False)
    request = Request(net, X, width, draws, seed, method, progress, budget, passes=1, entries=lambda n: n)
    return request.chunks(lambda forward: forward.run(outputs=True).outputs, lambda dense: dense.outputs())
