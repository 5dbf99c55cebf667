"""Requests and results of the Phases lab: frozen, hashable requests in, frozen results out. Nothing computes here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

XY = tuple[float, float]


@dataclass(frozen=True)
class PointRequest:
    """A parametrization as the lab's controls say it; empty texts are what the path UP_r has there."""

    depth: int
    optimizer: str = "sgd"
    path: float = 0.0
    a: str = ""
    b: str = ""
    c: str = ""
    d: str = ""  # of adaptive optimizers; empty: gradients of size one

    @property
    def on_path(self) -> bool:
        return not (self.a or self.b or self.c or self.d)

    @property
    def adaptive(self) -> bool:
        return self.optimizer != "sgd"


@dataclass(frozen=True)
class PictureRequest:
    """A picture of phases. For facets `point` is any point of them: their distances between layers count alone."""

    kind: str  # "facets", "across", "slice"; "six": a slice without multipliers
    point: PointRequest
    x: str = ""
    y: str = ""
    tie: str = "init"


@dataclass(frozen=True)
class Area:
    """A polygon of one phase."""

    phase: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Border:
    """An edge between phases: `weight` 2 where its phase is another than that of the area it bounds, else 1."""

    phase: str
    start: XY
    end: XY
    label: str
    weight: int


@dataclass(frozen=True)
class Mark:
    name: str
    at: XY
    phase: str


@dataclass(frozen=True)
class Law:
    """A condition on a picture: the least of p x + q y + k over its terms stands in `relation` to `bound`."""

    formula: str
    group: str
    relation: str
    bound: float
    terms: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Picture:
    """What a diagram draws. `title` and `words` say what it is; `size` of a region is where its name fits."""

    kind: str
    labels: tuple[str, str]
    xlim: XY
    ylim: XY
    areas: tuple[Area, ...]
    borders: tuple[Border, ...]
    names: tuple[Mark, ...]
    marks: tuple[Mark, ...]
    path: tuple[XY, ...]
    contours: tuple[tuple[float, XY, XY], ...]
    laws: tuple[Law, ...]
    words: str = ""
    fold: float | None = None  # x + y on the hinge; laws are those of the readout's side, then those of the other
    other: tuple[Law, ...] = ()
    adaptive: bool = False


@dataclass(frozen=True)
class Check:
    """One condition of a point: its formula, its value, whether it holds, and what it says."""

    formula: str
    group: str
    value: str
    holds: bool
    sentence: str


@dataclass(frozen=True)
class Growth:
    """What blows up first where a point is unstable: "f", "df" or "dh2" after `step` steps, like n^power."""

    name: str
    step: int
    power: float


@dataclass(frozen=True)
class Verdict:
    """What tp.abc says about a point."""

    phase: str
    r: float
    adaptive: bool
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    layers: tuple[float, ...]  # the predicted power of n of each layer's feature change; empty where unstable
    a: tuple[str, ...]
    b: tuple[str, ...]
    c: tuple[str, ...]
    maximal: bool
    name: str = ""
    growth: Growth | None = None


@dataclass(frozen=True)
class TrainRequest:
    point: PointRequest
    task: str
    phi: str
    lr: float
    steps: int
    seed: int
    widths: tuple[int, ...]
    seeds: tuple[int, ...]  # how many networks of each width


@dataclass(frozen=True, eq=False)
class Curve:
    """A width's training (np.inf: the limit): loss (T,) and outputs (T, B), means over the seeds.

    `stopped` is the step at which the first of them diverged.
    """

    width: float
    loss: np.ndarray
    f: np.ndarray
    stopped: int | None = None


@dataclass(frozen=True, eq=False)
class Ladder:
    """One layer's feature change by width: mean, standard error, the predicted power and the fitted one."""

    layer: int
    widths: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    predicted: float
    slope: float
    slope_error: float


@dataclass(frozen=True, eq=False)
class Training:
    """What has been trained so far: `count` networks."""

    request: TrainRequest
    curves: tuple[Curve, ...]
    ladders: tuple[Ladder, ...]
    count: int
    seconds: float = 0.0
    growth: Ladder | None = None  # of what blows up first

    @property
    def done(self) -> bool:
        return self.count >= sum(self.request.seeds)

    @property
    def diverged(self) -> Curve | None:
        """The widest width at which training diverged."""
        return next((curve for curve in reversed(self.curves) if curve.stopped is not None), None)


@dataclass(frozen=True, eq=False)
class Limit:
    """The limit of a training; the loss is what networks have in the mean."""

    request: TrainRequest
    curve: Curve
    method: str


@dataclass(frozen=True)
class RegionRequest:
    picture: PictureRequest
    phi: str
    seed: int
    side: int
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Probe:
    """A measured point: where, both phases, how far from a border."""

    at: XY
    predicted: str
    measured: str
    far: float
    words: str = ""


@dataclass(frozen=True, eq=False)
class Region:
    request: RegionRequest
    probes: tuple[Probe, ...]
    total: int
    agree: int  # among the points farther than 0.1 from a border
    clear: int  # how many of those there are
    seconds: float = 0.0

    @property
    def misses(self) -> tuple[Probe, ...]:
        return tuple(p for p in self.probes if p.far > 0.1 and p.predicted != p.measured)
