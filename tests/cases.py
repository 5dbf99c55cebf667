"""One table of architectures x activations for every parametrized test.

The inputs are generic points: variances away from 1, correlations of both signs away from 1/2, a duplicate and a
negative of an earlier input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tpcore.activations import NAMED, custom, hermite, leaky_relu
from tpcore.nets import (
    CNN,
    GRU,
    LSTM,
    MLP,
    RNN,
    Act,
    Attention,
    AvgPool,
    BatchNorm,
    BatchNormMLP,
    Conv,
    Dense,
    Flatten,
    GraphConv,
    LayerNorm,
    LayerNormMLP,
    MeanPool,
    Network,
    Residual,
    ResNet,
    Sequential,
    Transformer,
)


@dataclass(frozen=True)
class Case:
    """A network with inputs; `smooth`: its tangent kernel exists; `closed`: its expectations have closed forms."""

    id: str
    net: Network
    X: np.ndarray
    smooth: bool = True
    closed: bool = True


def points(count: int = 5, features: int = 7, seed: int = 20, scale: float = 0.8) -> np.ndarray:
    """Generic inputs (count, features); from five on, one is a copy and one a negative of another."""
    X = np.random.default_rng(seed).normal(size=(count, features)) * scale
    if count >= 5:
        X[3], X[4] = X[0], -0.7 * X[1]
    return X


def _cubic(x):
    return x - 0.1 * x**3


JUMPS = {"step", "sign"}
CLOSED = {"relu", "leaky_relu", "abs", "step", "sign", "erf", "erf_sigmoid", "gelu", "sin", "cos", "gauss", "identity"}
ACTIVATIONS = {**NAMED, "leaky_relu": leaky_relu(0.1), "hermite": hermite(2), "custom": custom(_cubic)}
SCALES = [(1.3, 0.4, None), (1.5, None, 0.8), (0.9, 0.0, 1.1)]


def _mlps() -> list[Case]:
    cases = []
    for k, (name, phi) in enumerate(ACTIVATIONS.items()):
        sigma_w, sigma_b, sigma_v = SCALES[k % len(SCALES)]
        net = MLP(2 + k % 2, phi, sigma_w, sigma_b, sigma_v)
        cases.append(Case(f"mlp-{name}", net, points(), name not in JUMPS, name in CLOSED))
    cases += [
        Case("mlp-relu-shallow", MLP(1, "relu", 1.2, 0.3), points()),
        Case("mlp-erf-deep", MLP(6, "erf", 1.7, 0.2), points()),
        Case("mlp-one-input", MLP(2, "gelu", 1.1, 0.5), points(1)),
        Case("mlp-wide-input", MLP(2, "tanh", 1.1, 0.5), points(4, 3, seed=3), closed=False),
    ]
    return cases


CASES = _mlps()
SMOOTH = [case for case in CASES if case.smooth]


def sequences(lengths=(3, 2), features: int = 4, seed: int = 7) -> list[np.ndarray]:
    """Sequences of several lengths; the last begins as the first does."""
    rng = np.random.default_rng(seed)
    found = [rng.normal(size=(length, features)) for length in lengths]
    found[-1][0] = found[0][0]
    return found


def degenerate(net, X: list | np.ndarray) -> list | np.ndarray:
    """`X` with its second input a copy of the first and the last zero (no transformer: its norms need a length)."""
    X = [np.array(x) for x in X]
    X[1] = X[0].copy()
    if not isinstance(net, Transformer):
        X[-1] = 0.0 * X[-1]
    return X if isinstance(net, RNN | GRU | LSTM | Transformer) else np.array(X)


def images(count: int = 3, shape=(4, 3), channels: int = 2, seed: int = 8) -> np.ndarray:
    """Generic inputs (count, *shape, channels)."""
    return np.random.default_rng(seed).normal(size=(count, *shape, channels)) * 0.9


RING = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0.5], [1, 0, 0.5, 0]])


def _architectures() -> list[Case]:
    def case(name, net, X, exact=True):
        return Case(name, net, X, closed=exact)

    attention = Sequential(Attention(heads=2, masked=True, sigma_k=1.2, sigma_v=0.9), Act("relu"), MeanPool(),
                           Dense(1.1, 0.3))
    mixed = Sequential(Conv(2, "same", 1, 1.2, 0.3), Act("relu"), LayerNorm(), AvgPool(2, 1),
                       Residual(Conv(3, "circular", 1, 0.8, None), Act("erf"), Dense(0.7, 0.2)), Flatten(),
                       Dense(1.3, 0.2))
    return [
        case("layernorm", LayerNormMLP(2, "relu", 1.3, 0.4), points()),
        case("layernorm-tanh", LayerNormMLP(2, "tanh", 1.2, None), points()),
        case("resnet", ResNet(2, "erf", 1.1, 0.3), points()),
        case("batchnorm", BatchNormMLP(2, "relu", 1.1, 0.2), points(8, 7)),
        case("batchnorm-tanh", BatchNormMLP(1, "tanh", 1.1, 0.2), points(8, 9), False),
        case("batchnorm-two", BatchNormMLP(1, "leaky_relu(0.2)", 1.1, None), [points(3, 7), points(3, 7, seed=3)]),
        case("cnn-flatten", CNN(2, "relu", 1.3, 0.2), images(2, (3, 3))),
        case("cnn-mean", CNN(2, "gelu", 1.2, 0.3, padding="circular", head="mean"), images()),
        case("cnn-valid", CNN(1, "relu", 1.2, None, kernel_size=2, padding="valid", head="mean"), images()),
        case("cnn-stride", CNN(2, "erf", 1.2, 0.1, stride=2, head="flatten"), images(3, (5, 4))),
        case("cnn-line", CNN(2, "tanh", 1.3, 0.2, kernel_size=2), images(3, (5,))),
        case("cnn-ragged", Sequential(Conv(2), Act("relu"), Conv(3, stride=2), Act("erf"), MeanPool(), Dense(1.1, 0.2)),
             sequences((5, 3))),
        case("graph", GraphConv(2, "relu", 1.3, 0.2, RING), points(4, 3)),
        case("transformer", Transformer(2, 1.1, 1.2, 0.3, 0.8), sequences()),
        case("transformer-mean", Transformer(1, 1.1, 1.2, 0.3, masked=False, readout="mean"), sequences()),
        case("attention", attention, sequences()),
        case("attention-untied", Sequential(Dense(1.2), Act("erf"), Attention(tied=False), Dense(1.1, None)),
             sequences()),
        case("sequential-mixed", mixed, images()),
        case("sequential-bare", Sequential(Dense(1.2, 0.3), Act("sin"), LayerNorm()), points()),
        case("sequential-batch", Sequential(Dense(1.1), BatchNorm(), Dense(0.9, 0.2), Act("erf"), Dense()),
             points(4, 7)),
        case("rnn", RNN("erf", 1.3, 0.9, 0.3), sequences()),
        case("rnn-last", RNN("relu", 1.1, 0.8, None, 1.2, "last"), sequences()),
        case("rnn-mean", RNN("tanh", 1.3, 0.8, 0.4, readout="mean"), sequences()),
        case("gru", GRU(1.2, 0.9, 0.3), sequences(), False),
        case("gru-own", GRU({"z": 1.1, "r": 0.8, "h": 1.3}, 0.9, 0.4, {"z": 0.3, "r": -0.2, "h": 0.1}, "tanh",
                            "sigmoid", readout="last"), sequences(), False),
        case("lstm", LSTM(1.2, 0.9, 0.3), sequences(), False),
        case("lstm-own", LSTM({"i": 1.1, "f": 0.8, "o": 1.3, "g": 1.2}, 0.9, 0.2, {"i": 0.1, "f": 0.5, "o": 0, "g": 0},
                              "tanh", "sigmoid", readout="mean"), sequences(), False),
        case("cell", Sequential(Dense(1.2, 0.3), Act("relu"), RNN("erf", 1.1, 0.9, 0.2), MeanPool(), Dense(1.1)),
             sequences()),
    ]


ARCHITECTURES = _architectures()
EXACT = [case for case in ARCHITECTURES if case.closed]


def parametrized(cases: list[Case] = CASES):
    """Decorator: run the test once a case, with ``case`` as argument."""
    return pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])
