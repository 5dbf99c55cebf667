"""One table of architectures x activations for every parametrized test.

The inputs are generic points: variances away from 1, correlations of both signs away from 1/2, a duplicate and a
negative of an earlier input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tpcore.activations import NAMED, custom, hermite, leaky_relu
from tpcore.nets import MLP, Network


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


def parametrized(cases: list[Case] = CASES):
    """Decorator: run the test once a case, with ``case`` as argument."""
    return pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])
