"""The palette of networks and layers: what each is called, which parameters it has, how these stand in a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

READOUT = "readout"


@dataclass(frozen=True)
class Field:
    """One parameter.

    Attributes
    ----------
    name : str
        As `tpcore` calls it.
    key : str
        In a link.
    label : str
        In the form.
    default : number, str or bool
    choices : mapping
        Value -> words, for a choice; empty for a number.
    bounds : (low, high)
        Of a number; whole if the default is an int.
    """

    name: str
    key: str
    label: str
    default: Any
    choices: Mapping[Any, str] = field(default_factory=dict)
    bounds: tuple[float, float] = (0.0, 4.0)

    def read(self, text: str) -> Any:
        """The value that `text` means, within the bounds; ValueError where it means none."""
        if self.choices:
            found = next((value for value in self.choices if self.write(value) == text), None)
            if found is None:
                raise ValueError(f"must be one of {', '.join(map(self.write, list(self.choices)[:20]))}")
            return found
        value = float(text.replace("m", "-")) if len(text) <= 20 else float("nan")
        low, high = self.bounds
        if not low <= value <= high or self.whole and value != int(value):
            raise ValueError(f"must be a{' whole' if self.whole else ''} number from {low:g} to {high:g}")
        return int(value) if self.whole else value

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return isinstance(self.default, int)

    def write(self, value: Any) -> str:
        """The value as it stands in a link."""
        if self.choices:
            return str(int(value)) if isinstance(value, bool) else str(value)
        return f"{value:g}".replace("-", "m")


@dataclass(frozen=True)
class Kind:
    """A network or a layer: its name in `tpcore`, in a link and on the page, what it does, its parameters."""

    name: str
    word: str
    title: str
    does: str
    fields: tuple[Field, ...] = ()

    def defaults(self) -> dict[str, Any]:
        return {each.name: each.default for each in self.fields}


def _w(default=1.41, label="Weights σ"):
    return Field("sigma_w", "w", label, default, bounds=(0.0, 4.0))


def _b(default=0.32, label="Biases σ"):
    return Field("sigma_b", "b", label, default)


NAMES = ("identity", "relu", "leaky_relu", "elu", "abs", "step", "sign", "erf", "erf_sigmoid", "tanh", "sigmoid",
         "gelu", "silu", "softplus", "sin", "cos", "gauss")  # fmt: skip
SHOWN = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "elu": "ELU", "erf_sigmoid": "erf sigmoid", "gelu": "GELU",
         "silu": "SiLU"}
ACTIVATIONS = {name: SHOWN.get(name, name) for name in NAMES}
HOMOGENEOUS = ("relu", "abs", "leaky_relu", "identity")
GATES = {"erf_sigmoid": "erf", "sigmoid": "logistic"}
READOUTS = {"each": "every step", "last": "the last step", "mean": "the mean of all"}
STRIDES = {0: "the window", **{k: str(k) for k in range(1, 5)}}
LOGITS = {"tied": "k·k / n", "n": "q·k / n", "sqrt": "q·k / √n"}
PADDINGS = {"same": "zeros", "circular": "circular", "valid": "none"}
PROJECTIONS = {"k": "Keys", "q": "Queries", "v": "Values", "o": "Output"}
MASKS = {False: "all", True: "the past"}


def _phi(default):
    return Field("phi", "f", "Activation", default, ACTIVATIONS)


_DEEP = (Field("depth", "d", "Depth", 3, bounds=(1, 20)), _phi("relu"), _w(), _b())
_CELL = (_w(1.0, "State σ"), Field("sigma_u", "u", "Input σ", 1.0), _b(0.1))
_GATED = (*_CELL, Field("mu_b", "m", "Bias mean", 0.0, bounds=(-4.0, 4.0)), _phi("erf"),
          Field("gate", "g", "Gates", "erf_sigmoid", GATES))  # fmt: skip
_OUT = (Field("sigma_v", "v", "Readout σ", 1.0), Field("readout", "r", "Readout of", "each", READOUTS))
_WINDOW = (Field("kernel_size", "k", "Window", 3, bounds=(1, 8)), Field("padding", "p", "Padding", "same", PADDINGS))
_STRIDE = Field("stride", "s", "Stride", 1, bounds=(1, 4))

NETWORKS = {kind.name: kind for kind in (
    Kind("MLP", "MLP", "MLP", "dense layers and an activation"),
    Kind("RNN", "RNN", "Simple RNN", "one matrix, used at every step", (_phi("erf"), *_CELL, *_OUT)),
    Kind("GRU", "GRU", "GRU", "a recurrent network with two gates", (*_GATED, *_OUT)),
    Kind("LSTM", "LSTM", "LSTM", "a recurrent network with memory and three gates", (*_GATED, *_OUT)),
    Kind("CNN", "CNN", "Convolutions", "one filter at every place",
         (replace(_DEEP[0], default=2, bounds=(1, 8)), *_DEEP[1:], *_WINDOW, _STRIDE,
          Field("head", "h", "Head", "flatten", {"flatten": "all places", "mean": "their mean"}))),
    Kind("GraphConv", "GraphConv", "Graph convolutions", "every node sees its neighbours",
         (replace(_DEEP[0], default=2), *_DEEP[1:])),
    Kind("ResNet", "ResNet", "ResNet", "layers that add to what came in",
         (Field("blocks", "d", "Blocks", 3, bounds=(1, 20)), _phi("relu"), _w(1.0), _b(0.1))),
    Kind("BatchNormMLP", "BatchNormMLP", "Batchnorm MLP", "normalized over the batch",
         (_DEEP[0], replace(_phi("relu"), choices={name: ACTIVATIONS[name] for name in HOMOGENEOUS}), *_DEEP[2:])),
    Kind("LayerNormMLP", "LayerNormMLP", "Layernorm MLP", "normalized over the neurons", _DEEP),
    Kind("Transformer", "Transformer", "Transformer", "attention, layernorm, a ReLU MLP",
         (Field("depth", "d", "Depth", 1, bounds=(1, 8)), Field("sigma_u", "u", "Keys σ", 1.0), _w(1.0), _b(0.1),
          Field("temperature", "t", "Temp. τ", 1.0, bounds=(0.05, 4.0)),
          Field("masked", "m", "Attends to", True, MASKS), *_OUT)),
)}  # fmt: skip
LAYERS = {kind.name: kind for kind in (
    Kind("Dense", "dense", "Dense", "W x + b", (_w(), _b())),
    Kind("Act", "act", "Activation", "coordinate by coordinate", (replace(_phi("relu"), key=""),)),
    Kind("LayerNorm", "layernorm", "LayerNorm", "over the neurons"),
    Kind("BatchNorm", "batchnorm", "BatchNorm", "over the batch"),
    Kind("Residual", "res", "Residual", "x + f(x)"),
    Kind("Attention", "attention", "Attention", "positions look at each other",
         (Field("logits", "l", "Logits", "tied", LOGITS), Field("heads", "h", "Heads", 1, bounds=(1, 8)),
          Field("masked", "m", "Attends to", False, MASKS),
          Field("temperature", "t", "Temp. τ", 1.0, bounds=(0.05, 4.0)),
          *(Field(f"sigma_{key}", key, f"{label} σ", 1.0) for key, label in PROJECTIONS.items()))),
    Kind("Conv", "conv", "Convolution", "one filter at every place",
         (_w(), _b(), *_WINDOW, _STRIDE)),
    Kind("AvgPool", "avgpool", "AvgPool", "means over windows",
         (Field("window", "k", "Window", 2, bounds=(1, 8)), Field("stride", "s", "Stride", 0, STRIDES))),
    Kind("MeanPool", "meanpool", "MeanPool", "the mean of all positions"),
    Kind("Flatten", "flatten", "Flatten", "all positions side by side"),
    Kind("GraphConv", "graph", "GraphConv", "every node sees its neighbours", (_w(), _b())),
    Kind("RNN", "rnn", "RNN cell", "states of a simple RNN", (_phi("erf"), *_CELL)),
    Kind("GRU", "gru", "GRU cell", "states of a GRU", _GATED),
    Kind("LSTM", "lstm", "LSTM cell", "states of an LSTM", _GATED),
)}  # fmt: skip
OUT = Kind("Readout", READOUT, "Readout", "v·x / √n",
           (Field("sigma_v", "v", "Readout σ", 1.0), _b(0.0, "Its bias σ")))  # fmt: skip


def kind_of(name: str) -> Kind:
    """A layer's kind, or the readout's."""
    return OUT if name == OUT.name else LAYERS[name]
