r"""The tangent kernel of any network from its program: a sum over all uses of all parameters.

`tpcore.program.tangent` writes forward and backward inner products of every use of a matrix or input vector as
C-vars; here a network's parameters give them their weights. Its limit is the kernel of the infinitely wide network, a
draw of it that of a finite one. Source: Tensor Programs II (arXiv 2006.14548), section 3.
"""

from __future__ import annotations

import numpy as np

from tpcore.activations import Activation
from tpcore.compute.progress import Progress
from tpcore.kernels.recursion import square_memory
from tpcore.finite.budget import BUDGET
from tpcore.limit.interpret import limit
from tpcore.limit.values import Values
from tpcore.nets import MLP, RNN, Act, Network, Sequential
from tpcore.nets.builder import Built
from tpcore.nets.data import Data
from tpcore.nets.recurrent import Cell, Gated
from tpcore.nets.sequential import every
from tpcore.program import ops
from tpcore.program.build import Program
from tpcore.program.tangent import tangent


def activations(net: Network) -> list[Activation]:
    """All that must have derivatives."""
    if isinstance(net, Sequential):
        layers = list(every(net.stack))
        cells = [phi for layer in layers if isinstance(layer, Cell) for phi in activations(layer.net)]
        return [layer.phi for layer in layers if isinstance(layer, Act)] + cells
    if isinstance(net, Gated):
        return [net.phi, net.gate]
    return [net.phi] if isinstance(net, MLP | RNN) else []


def tangent_program(built: Built, convention: str) -> Program:
    """The program whose C-var "ntk" (K, K) is the tangent kernel of all outputs of a network."""
    outs = built.features
    weights = {out.name: 0.0 for out in outs}
    for node in built.program.nodes:
        if isinstance(node.op, ops.MatrixInput | ops.GaussianInput):
            weights[node.name] = 0.0
    for parameter in built.parameters:
        # The outputs share one bias: it is weighed at the first of them.
        name = outs[0].name if parameter.role == "readout bias" else parameter.name
        weights[name] = parameter.rate(convention)
    return tangent(built.program, [out.name for out in outs], weights)


def by_tangent(net: Network, data: Data, convention: str = "multiplier", seed: int = 0,
               samples: int | None = None, progress: Progress | None = None) -> np.ndarray:
    """The tangent kernel (K, K) by the limit of the tangent program: the general way, whatever the network.

    By particles where an expectation needs too many Gaussians at once.
    """
    square_memory(len(data.features), 64.0, 2 * BUDGET)
    built = net.build(data)
    lim = limit(tangent_program(built, convention), seed=seed, samples=samples, progress=progress)
    K = np.asarray(lim.scalar("ntk")).reshape(built.count, built.count)
    K = (K + K.T) / 2
    if lim.method("ntk") in ("sampling", "particles"):
        return Values(K, "sampling", lim.error("ntk"))
    return K
