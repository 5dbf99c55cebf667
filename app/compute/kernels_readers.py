"""Networks that predict: one output for each input, in the first form that the network takes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tpcore.errors import Misuse
from tpcore.kernels.nngp import nngp
from tpcore.nets import GraphConv, Network, Sequential, from_spec
from tpcore.nets.convolution import GraphConvLayer
from tpcore.nets.recurrent import Cell, Gated, Recurrent
from tpcore.nets.sequential import every

DRAWS, POINTS = 64, 2**12


def reader(net: Network, what: str, two: Mapping) -> tuple[Network, object]:
    """The network with one output for each input, and the key of the form in which it takes them.

    Parameters
    ----------
    what : str
        "digits": what the inputs are, for the words of a refusal.
    two : mapping
        For every form two such inputs.

    Raises
    ------
    Misuse
        For networks that take none of the forms, that tie inputs together, or that put out several numbers for each.
    """
    if getattr(net, "batched", False):
        raise Misuse("A prediction is about one input, and batch normalization ties those of a batch together",
                     "a network with BatchNorm", "Take LayerNorm instead")
    if isinstance(net, GraphConv) or isinstance(net, Sequential) and any(
        isinstance(layer, GraphConvLayer) for layer in every(net.stack)
    ):
        raise Misuse(f"A network on a graph reads nodes, no {what}")
    net = single(net)
    words = ""
    for form, X in two.items():
        try:
            count = len(np.asarray(nngp(net, X, samples=64)))
        except Misuse as refusal:
            words = words or str(refusal)
            continue
        if count == 2:
            return net, form
        words = f"It has {count // 2} outputs for each: add MeanPool."
    raise Misuse(f"A prediction needs a network that reads {what} and has one output for each. {words}")


def single(net: Network) -> Network:
    """The same network with one output for a sequence."""
    if isinstance(net, Recurrent) and net.readout == "each":
        return from_spec(net.spec() | {"readout": "last"})
    if getattr(net, "readout", "") == "each":
        return from_spec(net.spec() | {"readout": "mean"})
    return net


def samples_of(net: Network) -> int | None:
    """How many samples a kernel for predictions takes: draws of attention weights, points; None where none."""
    return DRAWS if getattr(net, "random", False) else POINTS if sampled(net) else None


def sampled(net: Network) -> bool:
    """Are its kernels taken by sampling?"""
    cells = isinstance(net, Sequential) and any(isinstance(layer, Cell) for layer in every(net.stack))
    return isinstance(net, Gated) or cells or getattr(net, "random", False)
