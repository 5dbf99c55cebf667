"""From a description in JSON back to a network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.nets.attention import Attention
from tpcore.nets.base import Network
from tpcore.nets.batch import BatchNorm
from tpcore.nets.convolution import AvgPool, Conv, GraphConvLayer
from tpcore.nets.deep import CNN, BatchNormMLP, GraphConv, LayerNormMLP, ResNet, Transformer
from tpcore.nets.layers import Act, Dense, Layer, LayerNorm, Residual
from tpcore.nets.mlp import MLP
from tpcore.nets.pooling import Flatten, MeanPool
from tpcore.nets.recurrent import GRU, LSTM, RNN
from tpcore.nets.sequential import MOST_LAYERS, MOST_NESTING, Sequential

NETWORKS: dict[str, type[Network]] = {
    kind.__name__: kind
    for kind in (MLP, LayerNormMLP, BatchNormMLP, ResNet, CNN, GraphConv, Transformer, RNN, GRU, LSTM)
}
CELLS = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}
LAYERS: dict[str, type[Layer]] = {
    "Dense": Dense, "Act": Act, "LayerNorm": LayerNorm, "BatchNorm": BatchNorm, "Conv": Conv, "AvgPool": AvgPool,
    "MeanPool": MeanPool, "Flatten": Flatten, "Attention": Attention, "GraphConv": GraphConvLayer,
}
NAMES = ("phi", "gate")


def from_spec(spec: Mapping[str, Any]) -> Network:
    """The network that ``net.spec()`` described.

    Parameters
    ----------
    spec : mapping
        ``{"net": "MLP", "depth": 3, "phi": "relu", "sigma_w": 1.4, "sigma_b": 0.1}``, or ``{"net": "Sequential",
        "layers": [{"layer": "Dense", "sigma_w": 1.2}, {"layer": "Act", "phi": "relu"}]}``; arguments left out take
        their defaults.

    Raises
    ------
    Misuse
        If it describes no network: the message names what is wrong.
    """
    if not isinstance(spec, Mapping) or "net" not in spec:
        raise Misuse("A network's description must be a mapping with the key 'net'", repr(spec)[:80])
    name = checks.choice("net", spec["net"], [*NETWORKS, "Sequential"])
    given = {k: v for k, v in spec.items() if k != "net"}
    if name == "Sequential":
        return Sequential(*_layers("Sequential", given, 0))
    return _made(NETWORKS[name], name, given)


def _layers(what: str, given: Mapping[str, Any], depth: int) -> list:
    extra = set(given) - {"layers"}
    if extra or not isinstance(given.get("layers"), list | tuple):
        raise Misuse(f"A described {what} has the key 'layers', a list, and no other", repr(dict(given))[:80])
    if len(given["layers"]) > MOST_LAYERS or depth > MOST_NESTING:
        raise Misuse(f"A description holds at most {MOST_LAYERS} layers, {MOST_NESTING} branches deep",
                     f"{len(given['layers']):,} layers at depth {depth}")
    return [_layer(item, depth) for item in given["layers"]]


def _layer(item, depth: int):
    if not isinstance(item, Mapping) or "layer" not in item:
        raise Misuse("A layer's description must be a mapping with the key 'layer'", repr(item)[:80])
    name = checks.choice("layer", item["layer"], [*LAYERS, "Residual", *CELLS])
    given = {k: v for k, v in item.items() if k != "layer"}
    if name == "Residual":
        return Residual(*_layers("Residual", given, depth + 1))
    return _made(CELLS.get(name) or LAYERS[name], name, given)


def _made(kind: type, name: str, given: dict[str, Any]):
    parameters = list(inspect.signature(kind.__init__).parameters.items())[1:]
    known = {k: p for k, p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    for key in given:
        checks.choice(f"an argument of {name}", key, known)
    missing = [k for k, p in known.items() if p.default is p.empty and k not in given]
    if missing:
        raise Misuse(f"{name} must be given {', '.join(missing)}", repr(given)[:80])
    for key in NAMES:
        if not isinstance(given.get(key, ""), str):
            raise Misuse("A described activation must be a name", repr(given[key])[:80])
    for key, value in given.items():
        gates = value.values() if isinstance(value, Mapping) else (value,)
        if key.startswith(("sigma", "mu", "temperature")) and any(isinstance(each, str | bool) for each in gates):
            raise Misuse(f"{key} must be a number", repr(value)[:80])
    return kind(**given)
