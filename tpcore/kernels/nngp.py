"""The covariance of a randomly initialized, infinitely wide network."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.errors import Misuse
from tpcore.kernels import covariance, gated, recurrent
from tpcore.kernels.overflow import guarded
from tpcore.kernels.recursion import kernels
from tpcore.limit.interpret import limit
from tpcore.limit.values import Values
from tpcore.nets import MLP, RNN, Network, Sequential
from tpcore.nets.data import Data
from tpcore.nets.moments import NoRecursion
from tpcore.nets.recurrent import Recurrent


@guarded
def nngp(net: Network, X, X2=None, *, seed: int = 0, samples: int | None = None, progress=None) -> np.ndarray:
    r"""Covariance of the outputs of an infinitely wide network, :math:`K(x, x') = \lim E f(x) f(x')`.

    Parameters
    ----------
    net : Network
        As ``tp.nets.MLP(depth=3, phi="relu", sigma_w=1.4, sigma_b=0.1)``.
    X : array_like, (N, d), or what the network takes
        Inputs: sequences, images, batches, as the network's own words say.
    X2 : likewise, optional
        Other inputs; by default `X` itself.
    seed, samples : int
        Where no exact way is known (LSTM, GRU, batch normalization before phi that are not positively homogeneous,
        attention with logits q.k / sqrt n, other functions of more than three Gaussians): of the sampling, one common
        sample for all entries. By default `samples` is chosen for each network.
    progress : Progress or callable ``(done, total)``, optional
        Told by kernels that take a while: sampled ones, convolutions whose positions are pooled, limits of programs.

    Returns
    -------
    ndarray, (K, K2)
        In units of f squared, over all outputs: one an input, or one for every step or node. For X2 = None symmetric
        and, up to rounding, positive semidefinite. Sampled kernels are `Values` with ``method`` and ``error``.

    Raises
    ------
    Misuse
        If the inputs are not finite numbers of matching shapes.
    BudgetError
        If the matrix does not fit into memory; names the number of inputs that does.

    Notes
    -----
    For an MLP Sigma^{L+1} of the recursion in `tpcore.kernels.recursion`, for stacks of layers that of
    `tpcore.kernels.covariance`; where covariances alone do not decide, the limit of the network's program.
    Source: Tensor Programs I (arXiv 1910.12478), Corollary 5.5.
    """
    net = network(net)
    seed = checks.integer("seed", seed, 0)
    samples = None if samples is None else checks.integer("samples", samples, 64, 2**26)
    progress = as_progress(progress)
    data = net.read(X)
    other = None if X2 is None else net.read(X2, "X2")
    if other is not None:
        data + other  # that they fit together, in words
    if isinstance(net, MLP):
        return kernels(net, data.features, None if other is None else other.features, tangent=False)[0]
    try:
        if isinstance(net, Sequential):
            return covariance.covariance(net, data, other, seed, samples, progress)
        if isinstance(net, Recurrent):
            return recurrent_kernel(net, data, other, seed, samples, progress)
    except NoRecursion:
        pass
    return by_program(net, data, other, seed, samples, progress)


def recurrent_kernel(net: Recurrent, data: Data, other: Data | None, seed: int, samples: int | None,
                     progress: Progress) -> np.ndarray:
    """Kernel of a recurrent network's outputs; sampled for GRU and LSTM."""
    both = data if other is None else data + other
    if isinstance(net, RNN):
        K = recurrent.read_out(net, recurrent.rnn(net, recurrent.given(both)), both.layout)
    else:
        K = gated.kernel(net, both, seed, samples, progress)
    if other is None:
        return K
    return block(K, data.layout.total if net.readout == "each" else len(data.layout.shapes))


def block(K: np.ndarray, first: int) -> np.ndarray:
    """The part of a joint kernel between the first `first` outputs and the others."""
    found = np.ascontiguousarray(np.asarray(K)[:first, first:])
    return Values(found, K.method, K.error) if isinstance(K, Values) else found


def by_program(net: Network, data: Data, other: Data | None = None, seed: int = 0,
               samples: int | None = None, progress: Progress | None = None) -> np.ndarray:
    """The same by the limit of the network's program: the general way, whatever the network.

    By particles where an expectation needs too many Gaussians at once.
    """
    built = net.build(data if other is None else data + other)
    lim = limit(built.program, seed=seed, samples=samples, progress=progress)
    K = built.kernel(lim.kernel())
    names = [output.name for output in built.features]
    if lim.method(names[0]) in ("sampling", "particles"):
        K = Values(K, "sampling", sum(lim.error(name) for name in names))
    if other is None:
        return K
    return block(K, net.build(data).count)


def network(net) -> Network:
    """`net`, if it is a network."""
    if not isinstance(net, Network):
        raise Misuse("The first argument must be a network", repr(net)[:80], "Make one with tp.nets.MLP(...)")
    return net
