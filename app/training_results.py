"""Requests and results of the Training lab: frozen, hashable requests in, frozen results out. Nothing computes here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Setup:
    """What all machines share: a task by its name in the lab, the architecture, the descent."""

    task: str
    phi: str
    depth: int
    lr: float
    steps: int


@dataclass(frozen=True)
class KernelRequest:
    """The kernel limit of UP_r; `trains` is "all" (the tangent kernel) or "readout" (the last layer alone)."""

    setup: Setup
    r: float
    trains: str = "all"


@dataclass(frozen=True)
class FeatureRequest:
    """The limit of a network whose outputs are gamma times those of muP, gamma fixed: infinite, the kernel limit."""

    setup: Setup
    gamma: float = 1.0


@dataclass(frozen=True)
class NetworksRequest:
    """`count` networks of one width at UP_r."""

    setup: Setup
    r: float
    width: int
    seed: int
    count: int


@dataclass(frozen=True)
class WidthsRequest:
    """Networks of several widths, `counts` of each, at UP_r."""

    setup: Setup
    r: float
    seed: int
    widths: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Scene:
    """How a task is drawn. All rows are inputs, those that are trained on first.

    Attributes
    ----------
    name, words : str
        What is learnt, and what stands along the axis of the function.
    kind : {"line", "dots"}
        A function of one variable, or outputs at points.
    count : int
        B, how many inputs are trained on.
    x, y : (N,)
        The place of each input, and its target.
    order : ndarray of int
        The inputs of a heatmap, in the order of its rows.
    truth : (2, M)
        The target along the axis.
    labels : tuple of str
        Of all inputs, where they have names.
    ticks : tuple of (place, text)
    """

    name: str
    words: str
    kind: str
    count: int
    x: np.ndarray
    y: np.ndarray
    order: np.ndarray
    truth: np.ndarray
    labels: tuple[str, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Machine:
    """One training: a network's or a limit's, at the steps `frames` (A,) that it reached.

    Attributes
    ----------
    name : {"kernel", "network", "feature"}
    f, sd : (A, N)
        Outputs on all inputs; the limit's mean where they are Gaussian, and their standard deviation.
    error : float
        The largest estimated error of `f`; 0 for networks.
    loss : (T + 1,)
        On the inputs that are trained on; in the mean where the outputs are Gaussian.
    test_loss : (A,)
    points : (A, N, 2)
        Principal components of the last layer's features.
    kernels : dict of (A, N, N)
        "features" <x^L, x'^L>/n and "tangent".
    alignment : dict of (A,)
        Of both with the target.
    change : (A,)
        Root mean square change of the features, relative to their size at the start.
    diverged : int or None
    maps : (A, N, N) or None
        Of limits with gamma > 1, and of the kernel limit: what outputs at the start become; None where they grow.
    """

    name: str
    width: float
    frames: np.ndarray
    f: np.ndarray
    sd: np.ndarray
    error: float
    loss: np.ndarray
    test_loss: np.ndarray
    points: np.ndarray
    kernels: dict[str, np.ndarray]
    alignment: dict[str, np.ndarray]
    change: np.ndarray
    method: str
    diverged: int | None = None
    maps: np.ndarray | None = None

    @property
    def bounded(self) -> np.ndarray:
        """The frames that figures are scaled to: those with outputs of the targets' size."""
        sizes = (np.abs(self.f) + 2 * self.sd).max(axis=1)
        return np.flatnonzero(sizes <= 4 * max(1.0, float(sizes[0])))

    def at(self, moment: int) -> int:
        """The frame that is shown at a moment: of a training that diverged, the last before it left all bounds."""
        last = len(self.frames) - 1 if self.diverged is None else int(self.bounded.max(initial=0))
        return min(moment, last)


@dataclass(frozen=True, eq=False)
class Paths:
    """Outputs (A, N) of networks of one width at all frames, those that diverged apart."""

    width: int
    f: tuple[np.ndarray, ...]
    loss: tuple[float, ...]
    test_loss: tuple[float, ...]
    diverged: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return len(self.f) + len(self.diverged)


@dataclass(frozen=True, eq=False)
class Networks:
    """Networks of the dial's width: the first in full, of the others their outputs."""

    request: NetworksRequest
    first: Machine
    paths: Paths
    changes: tuple[float, ...] = ()

    @property
    def done(self) -> bool:
        return self.paths.count >= self.request.count


@dataclass(frozen=True, eq=False)
class Widths:
    """What has been trained so far, width by width; `limits` are those at each width's own gamma, where it is not 1."""

    request: WidthsRequest
    paths: tuple[Paths, ...]
    limits: tuple[Machine, ...] = ()

    @property
    def count(self) -> int:
        return sum(one.count for one in self.paths)

    @property
    def done(self) -> bool:
        return self.count >= sum(self.request.counts)


@dataclass(frozen=True, eq=False)
class Distance:
    """How far networks are from a limit: root mean square over inputs and frames, by width, with standard errors."""

    limit: str
    widths: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    slope: float = math.nan
    slope_error: float = math.nan
    counts: tuple[int, ...] = field(default=())
