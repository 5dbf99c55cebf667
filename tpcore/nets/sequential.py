"""Networks assembled from layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.nets.attention import Attention
from tpcore.nets.base import Network
from tpcore.nets.batch import BatchNorm
from tpcore.nets.builder import Builder, Built, needs_neurons
from tpcore.nets.convolution import AvgPool, GraphConvLayer
from tpcore.nets.data import Data, batches, read
from tpcore.nets.layers import Dense, Layer, Residual
from tpcore.nets.pooling import Flatten, MeanPool
from tpcore.program.build import Program

MOST_LAYERS, MOST_NESTING = 256, 8


class Sequential(Network):
    """Layers one after another.

    Parameters
    ----------
    *layers : Layer
        Dense, Act, LayerNorm, BatchNorm, Residual, Conv, AvgPool, MeanPool, Flatten, Attention, GraphConv, and the
        recurrent cells RNN, GRU, LSTM, which give the states that their `readout` reads.

    Raises
    ------
    Misuse
        For an order of layers that makes no sense: neurons needed before there are any, positions after they were
        averaged.

    Notes
    -----
    Inputs: (N, d); (N, T, d) or a list of sequences (T_i, d); (N, H, W, C). With a BatchNorm one such array is one
    batch, and a list of them several. A last Dense is the readout, f = v^T x / sqrt n + bias, one output for each
    position that is left; without it the kernel is <x, x'>/n of the last layer.
    """

    def __init__(self, *layers: Layer):
        self.layers = checked_layers("Sequential", layers)

    def _fields(self) -> dict[str, Any]:
        return {"layers": self.layers}

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"

    def spec(self) -> dict[str, Any]:
        return {"net": "Sequential", "layers": [layer.spec() for layer in self.layers]}

    @property
    def stack(self) -> tuple[Layer, ...]:
        """All layers, a readout included."""
        return self.layers

    @property
    def random(self) -> bool:
        """Is the limit a mixture of Gaussian processes (attention with logits q.k / sqrt n)?"""
        return any(isinstance(layer, Attention) and layer.random for layer in every(self.stack))

    @property
    def batched(self) -> bool:
        """Do its inputs come in batches?"""
        return any(isinstance(layer, BatchNorm) for layer in every(self.stack))

    def read(self, X, what: str = "X") -> Data:
        if self.batched:
            return batches(X, what)
        lone = any(isinstance(layer, GraphConvLayer) or getattr(layer, "recurrent", False)
                   for layer in every(self.stack))
        return read(X, what, lone=lone)

    def program(self, X, width: int | None = None) -> Program:
        """The tensor program of this network on the inputs `X`; its output is ``"f"``.

        `width` is needed for attention with logits q.k / sqrt(n) alone: the program then is that of one width.
        """
        return self.build(self.read(X), width).program

    def build(self, data: Data, width: int | None = None) -> Built:
        width = None if width is None else checks.integer("width", width, 1)
        b = Builder(repr(self)[:200], data, width)
        signal, *rest = b.start(), *self.stack
        while rest:
            layer = rest.pop(0)
            if not rest and isinstance(layer, Dense) and signal.raw is None:
                return b.finish(signal, layer.sigma_w, layer.sigma_b)
            signal = layer.apply(signal, b)
        return b.finish(signal, 1.0, None, trained=False)


def every(layers: Iterable[Layer]):
    """All layers, those inside residual branches too."""
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from every(layer.layers)


def checked_layers(what: str, layers, inside: bool = False) -> tuple[Layer, ...]:
    """`layers` as a tuple in an order that makes sense; `inside` a residual branch there are neurons already."""
    layers = tuple(_layer(what, layer) for layer in layers)
    if not layers:
        raise Misuse(f"{what} needs at least one layer", "none", f"{what}(Dense(), Act('relu'), Dense())")
    if sum(1 for _ in every(layers)) > MOST_LAYERS:
        raise Misuse(f"{what} takes at most {MOST_LAYERS} layers", f"{sum(1 for _ in every(layers)):,}")
    if _nesting(layers) > MOST_NESTING:
        raise Misuse(f"Residual branches are nested at most {MOST_NESTING} deep", f"{_nesting(layers)}")
    if inside:
        _keeping(layers)
    else:
        _ordered(layers)
    return layers


def _layer(what: str, layer) -> Layer:
    cell = getattr(layer, "as_layer", None)
    layer = cell() if callable(cell) and not isinstance(layer, type) else layer
    if not isinstance(layer, Layer):
        hint = "Call it: Flatten()" if isinstance(layer, type) else "As in Sequential(Dense(), Act('relu'), Dense())"
        raise Misuse(f"{what} is made of layers", repr(layer)[:80], hint)
    return layer


def _nesting(layers) -> int:
    return max((1 + _nesting(layer.layers) for layer in layers if isinstance(layer, Residual)), default=0)


def _keeping(layers) -> None:
    for layer in layers:
        if not layer.keeps:
            raise Misuse("The branch of a Residual must keep the positions, so that x + f(x) has a meaning",
                         f"{layer!r} inside", "Use padding 'same' or 'circular' and stride 1; pool outside")


def _ordered(layers) -> None:
    numbers, gone, flat = True, None, False
    for layer in layers:
        if numbers and not layer.weights and not isinstance(layer, AvgPool | MeanPool | Flatten):
            needs_neurons(repr(layer)[:60])
        if layer.spatial and gone is not None:
            raise Misuse(f"{repr(layer)[:60]} needs positions",
                         f"it stands behind {gone!r}, after which there are none", f"Put it before {gone!r}")
        if flat and isinstance(layer, BatchNorm):
            raise Misuse("BatchNorm must come before Flatten", f"{layer!r} after Flatten")
        if flat and isinstance(layer, Residual) and any(inner.weights for inner in every(layer.layers)):
            raise Misuse("A Residual with weights cannot stand directly behind Flatten, whose positions are not yet "
                         "one vector", repr(layer)[:60], "Put Dense between Flatten and Residual")
        if layer.ends:
            gone, flat = layer, isinstance(layer, Flatten) and not numbers
        numbers = numbers and not layer.weights
        flat = flat and not layer.weights
    if numbers:
        raise Misuse("A network needs a layer with weights", f"{layers[-1]!r} alone")
