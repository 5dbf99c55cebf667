"""Networks of the Kernels lab: from a description to a network, the inputs it takes, the rows of its kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tpapp.results import Inputs, Net
from tpcore.errors import Misuse
from tpcore.kernels.uses import activations
from tpcore.limit import expect
from tpcore.nets import from_spec
from tpcore.nets.base import Network
from tpcore.nets.convolution import AvgPool, Conv
from tpcore.nets.data import Layout
from tpcore.nets.pooling import Flatten, MeanPool
from tpcore.nets.positions import needs_positions, windows
from tpcore.nets.recurrent import Recurrent
from tpcore.nets.sequential import Sequential
from tpcore.nets.steps import LastStep

MAX_ROWS = 256
NAMED_FORMS = {
    "MLP": ("points",), "LayerNormMLP": ("points",), "BatchNormMLP": ("points",), "ResNet": ("points",),
    "CNN": ("images", "sequences"), "GraphConv": ("graph",), "Transformer": ("sequences",),
    "RNN": ("sequences",), "GRU": ("sequences",), "LSTM": ("sequences",),
}  # fmt: skip
CELLS = ("RNN", "GRU", "LSTM")
PLACES = ("Attention", "MeanPool", "Flatten")
FRAGMENTS = {"netsor": "Netsor", "netsor+": "Netsor⁺", "netsort": "Netsor⊤", "netsort+": "Netsor⊤⁺"}
MOST_LINES, LONGEST = 200, 160  # of a listing on show
NODES = np.array([[0.0, 1.0], [1.0, 0.0]])  # a graph to judge a description by, where there are no inputs


def layers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All layers of a description, those inside residual branches too."""
    for layer in spec.get("layers", ()):
        yield layer
        yield from layers(layer)


def _with_graph(spec: Any, adjacency: np.ndarray) -> Any:
    if not isinstance(spec, Mapping):
        return spec
    filled = {k: [_with_graph(item, adjacency) for item in v] if k == "layers" else v for k, v in spec.items()}
    if "GraphConv" in (spec.get("net"), spec.get("layer")):
        filled.setdefault("adjacency", adjacency)
    return filled


@lru_cache(maxsize=128)
def _network(net: Net, graph: Inputs | None) -> Network:
    adjacency = NODES if graph is None or graph.adjacency is None else graph.adjacency
    return from_spec(_with_graph(net.fields, adjacency))


def network(net: Net, inputs: Inputs | None = None) -> Network:
    """The network that a request means; a graph convolution's graph is that of the inputs.

    Raises
    ------
    Misuse
        Where the description makes no sense.
    """
    return _network(net, inputs if inputs is not None and inputs.kind == "graph" else None)


def forms(net: Net) -> tuple[str, ...]:
    """The forms of inputs that a network takes, the natural one first (see `tpapp.compute.kernels_inputs.FORMS`)."""
    if net.kind != "Sequential":
        return NAMED_FORMS[net.kind]
    kinds = {layer["layer"] for layer in layers(net.fields)}
    if "GraphConv" in kinds:
        return ("graph",)
    if kinds & set(CELLS):
        return ("sequences",)
    if kinds & {"Conv", "AvgPool"}:
        return ("images", "sequences")
    return ("sequences", "images", "graph") if kinds & set(PLACES) else ("points",)


@dataclass(frozen=True)
class Rows:
    """What the rows of a kernel are: one an input, or one for each position.

    Attributes
    ----------
    labels : tuple of str
        On the heatmaps' axes.
    names : tuple of str
        In menus.
    items : tuple of int
        The input that a row belongs to.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    items: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.labels)


@lru_cache(maxsize=64)
def rows(inputs: Inputs, net: Net) -> Rows:
    """The rows of the kernel of a network on inputs.

    Raises
    ------
    Misuse
        If the network does not take them, or there would be more than 256.
    """
    made = network(net, inputs)
    if getattr(made, "batched", False) and isinstance(inputs.X, tuple):
        raise Misuse("BatchNorm needs a batch of inputs of one size", "sentences, each of its own length",
                     "Take digits, or LayerNorm")  # fmt: skip
    before = made.read(inputs.data).layout
    after = outputs(made, before)
    if after.total > MAX_ROWS:
        raise Misuse(f"A kernel on show has at most {MAX_ROWS} rows", f"{after.total:,}, one for each position",
                     "End the stack with MeanPool or Flatten, or take fewer inputs")  # fmt: skip
    each = after.axes > 0
    items = tuple(i for i, size in enumerate(after.sizes.tolist()) for _ in range(size))
    labels, names = [], []
    for row, item in enumerate(items):
        place = row - int(after.starts[item])
        label, name = _named(inputs, item, place if each else None, after.sizes[item] == before.sizes[item])
        labels.append(label)
        names.append(f"{row + 1} · {name}")
    return Rows(tuple(labels), tuple(names), items)


def _named(inputs: Inputs, item: int, place: int | None, same: bool) -> tuple[str, str]:
    """Axis label and name of a position of an item, or of a whole item."""
    if inputs.kind == "graph":
        if place is None:
            return inputs.name, inputs.name
        return inputs.labels[place], f"{inputs.steps[0][place]}, {inputs.labels[place]}"
    label = inputs.labels[item]
    if place is None:
        return label, label
    word = inputs.steps[item][place] if inputs.steps and same else ""
    return word or label, f"{word or label}, step {place + 1}"


def outputs(net: Network, layout: Layout) -> Layout:
    """The layout of a network's outputs for inputs of a layout."""
    if isinstance(net, Recurrent):
        return layout if net.readout == "each" else layout.points()
    if not isinstance(net, Sequential):
        return layout
    for layer in net.stack:
        if isinstance(layer, Conv | AvgPool):
            needs_positions(layout, type(layer).__name__)
            size = layer.kernel_size if isinstance(layer, Conv) else layer.window
            size = size if isinstance(size, tuple) else (size,) * layout.axes
            stride = layer.stride or size[0]
            padding = layer.padding if isinstance(layer, Conv) else "valid"
            layout = windows(layout, size, stride, padding, type(layer).__name__)[1]
        elif isinstance(layer, Flatten | MeanPool | LastStep):
            layout = layout.points()
    return layout


@dataclass(frozen=True, eq=False)
class Pair:
    """What two outputs need: the inputs, which of their outputs the two are, and Python that says so."""

    data: Any
    rows: tuple[int, int]
    code: str


def pair(inputs: Inputs, net: Net, i: int, j: int) -> Pair:
    """Rows i and j of the kernel by themselves: of two inputs; batches and graphs, where inputs meet, stay whole."""
    made, every = network(net, inputs), rows(inputs, net)
    if inputs.kind == "graph" or getattr(made, "batched", False):
        return Pair(inputs.data, (i, j), "X")
    a, b = every.items[i], every.items[j]
    first = [every.items.index(item) for item in (a, b)]
    shift = every.items.count(a) if a != b else 0
    chosen = [a] if a == b else [a, b]
    data, code = inputs.X, f"X[{chosen}]"
    if isinstance(inputs.X, tuple):
        data, code = [inputs.X[item] for item in chosen], "[" + ", ".join(f"X[{item}]" for item in chosen) + "]"
    else:
        data = inputs.X[chosen]
    return Pair(data, (i - first[0], j - first[1] + shift), code)


def tangent_refused(net: Net) -> str:
    """Why a network has no NTK, in words; empty where it has one."""
    try:
        for phi in activations(network(net)):
            expect.differentiable(phi)
    except ValueError as refusal:
        return str(refusal)
    return ""


@lru_cache(maxsize=64)
def as_layers(net: Net) -> list[dict[str, Any]] | None:
    """The described layers of the `Sequential` that equals a network; None where there is none."""
    spec = net.fields
    if net.kind == "MLP":
        dense = {"layer": "Dense", "sigma_w": spec["sigma_w"], "sigma_b": spec["sigma_b"]}
        hidden = [dense, {"layer": "Act", "phi": spec["phi"]}] * spec["depth"]
        return [*hidden, dense | {"sigma_w": spec.get("sigma_v", spec["sigma_w"])}]
    if net.kind in CELLS:
        pooled = {"each": [], "mean": [{"layer": "MeanPool"}]}.get(spec.get("readout", "each"))
        cell = {k: v for k, v in spec.items() if k not in ("net", "sigma_v", "readout")} | {"layer": net.kind}
        readout = {"layer": "Dense", "sigma_w": spec.get("sigma_v", 1.0), "sigma_b": None}
        return None if pooled is None else [cell, *pooled, readout]
    made = network(net)
    return [{k: v for k, v in layer.spec().items() if k != "adjacency"} for layer in made.stack]


@dataclass(frozen=True)
class Listing:
    """A program's typed listing, cut to what a page shows."""

    fragment: str
    lines: int
    shown: tuple[str, ...]
    on: str


@lru_cache(maxsize=64)
def listing(inputs: Inputs, net: Net, i: int, j: int, width: int | None = None) -> Listing:
    """The program of a network on the inputs of rows i and j; random attention has one for each width alone."""
    made, chosen = network(net, inputs), pair(inputs, net, i, j)
    random = getattr(made, "random", False)
    program = made.program(chosen.data, width or 1024) if random else made.program(chosen.data)
    lines = str(program).splitlines()
    shown = [line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in lines[:MOST_LINES]]
    on = "on all inputs" if chosen.code == "X" else "on the inputs of x and x′"
    on += f", for n = {width or 1024:,}" if random else ""
    return Listing(FRAGMENTS[program.fragment], len(lines), tuple(shown), on)


def fragment(net: Net, inputs: Inputs) -> str:
    """The language that a network's program is written in."""
    return "Netsor" if net.kind == "MLP" else listing(inputs, net, 0, 0).fragment


__all__ = ["Listing", "Pair", "Rows", "as_layers", "forms", "fragment", "layers", "listing", "network", "outputs",
           "pair", "rows", "tangent_refused"]
