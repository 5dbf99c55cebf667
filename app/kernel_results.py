"""Requests and results of the Kernels lab's tabs: depth, eigenvalues, predictions. Nothing here computes.

`inputs` and `net` are what the lab's other requests carry (tpapp.results): hashable, turned into data and a network by
tpapp.compute.kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class DepthRequest:
    inputs: Any
    net: Any
    i: int
    j: int
    seed: int = 0


@dataclass(frozen=True)
class Fate:
    """What repetition without end leads to.

    Attributes
    ----------
    kind : {"settled", "slow", "grows", "vanishes"}
    variance, correlation, slope : float
        q*, c* and chi, or the last ones; chi may be infinite.
    """

    kind: str
    variance: float
    correlation: float
    slope: float

    @property
    def phase(self) -> str:
        """Order, chaos, or the edge between them; the edge is as near as a hand can set it."""
        return "edge" if abs(self.slope - 1) < 0.01 else "order" if self.slope < 1 else "chaos"


@dataclass(frozen=True, eq=False)
class Depth:
    """Variances and correlation of x and x' on the way through a network, in the limit.

    Attributes
    ----------
    what : {"layers", "periods", "steps"}
        What is counted: every layer by name, the preactivations of like layers, the steps of a sequence.
    places (S,), names
        Where on the axis, and what stands there.
    variance (S, 2), correlation (S,)
    beyond : (R, 3) or None
        Place, variance of x and correlation if the network went on: from its last place on.
    fate : Fate or None
    map_c, map_next : (C,) or None
        The correlation map at the last variance.
    why : str
        Why there is no fate, in words.
    pair : str
        "x and x'" of what, where that is not plain.
    """

    request: DepthRequest
    what: str
    places: np.ndarray
    names: tuple[str, ...]
    variance: np.ndarray
    correlation: np.ndarray
    beyond: np.ndarray | None = None
    fate: Fate | None = None
    map_c: np.ndarray | None = None
    map_next: np.ndarray | None = None
    why: str = ""
    pair: str = ""


@dataclass(frozen=True)
class DepthDrawsRequest:
    depth: DepthRequest
    width: int
    draws: int
    seed: int = 0


@dataclass(frozen=True, eq=False)
class DepthDraws:
    """The same of networks of finite width: `variance` (m, S, 2) and `correlation` (m, S) of the first m draws."""

    request: DepthDrawsRequest
    places: np.ndarray
    variance: np.ndarray
    correlation: np.ndarray

    @property
    def done(self) -> bool:
        return len(self.variance) >= self.request.draws


@dataclass(frozen=True, eq=False)
class Eigenvalues:
    """Eigenvalues of a kernel, largest first.

    Attributes
    ----------
    values (N,)
        As computed; those up to `floor` are rounding (or, of sampled kernels, within the error) and may be negative.
    floor : float
    rank : float
        Effective rank (sum of lambda)^2 / sum of lambda^2.
    width : int or None
        None: the limit.
    """

    values: np.ndarray
    floor: float
    rank: float
    width: int | None = None

    @property
    def known(self) -> np.ndarray:
        """Which of them are above the floor."""
        return self.values > self.floor

    @property
    def share(self) -> np.ndarray:
        """(N,): the part of the trace in the first k, negative ones counted as 0."""
        positive = np.maximum(self.values, 0.0)
        return np.cumsum(positive) / max(float(positive.sum()), 1e-300)


@dataclass(frozen=True)
class AccuracyRequest:
    net: Any
    rules: tuple[str, ...]  # of "nngp", "ntk"
    noise: float  # variance, in units of the kernel's mean variance
    sets: int = 8
    seed: int = 0
    graph: Any = None  # the inputs whose nodes are told apart; None: digits


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Share of the test inputs that kernel regression reads rightly, by training size.

    Attributes
    ----------
    sizes (S,)
    correct : dict of (sets done, S) arrays, by rule
    count, tested : int
        How many inputs the kernel is over, and how many of them test.
    """

    request: AccuracyRequest
    sizes: np.ndarray
    correct: dict[str, np.ndarray]
    count: int
    tested: int

    @property
    def done(self) -> bool:
        return all(len(self.correct.get(rule, ())) >= self.request.sets for rule in self.request.rules)


@dataclass(frozen=True)
class FunctionRequest:
    net: Any
    rule: str  # "gp" conditions, "ntk" trains
    target: str
    points: int
    noise: float  # variance of the noise in the outputs, in units of the function's
    time: float  # of the gradient flow, in units of 1 / mean variance of the tangent kernel; inf: to the end
    seed: int = 0
    draws: int = 5


@dataclass(frozen=True, eq=False)
class Functions:
    """A Gaussian law of functions on the circle, before and after the data.

    Attributes
    ----------
    angles (M,), truth (M,)
        The grid and the function to be learnt.
    at (N,), y (N,)
        The data.
    prior_sd, mean, sd (M,)
    prior, posterior (draws, M)
        Samples.
    """

    request: FunctionRequest
    angles: np.ndarray
    truth: np.ndarray
    at: np.ndarray
    y: np.ndarray
    prior_sd: np.ndarray
    prior: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    posterior: np.ndarray


@dataclass(frozen=True)
class FunctionDrawsRequest:
    net: Any
    width: int
    draws: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class FunctionDraws:
    """Functions (draws, M) of random networks of finite width, on the grid `angles`."""

    request: FunctionDrawsRequest
    angles: np.ndarray
    f: np.ndarray
