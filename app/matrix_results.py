"""Requests and results of the Matrices lab: frozen, hashable requests in, frozen results out. Nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


class Given:
    """What a request gives to tpcore beside kind, n, draws and seed."""

    @property
    def given(self) -> dict:
        return {name: getattr(self, name) for name in PARAMETERS}

    @property
    def keywords(self) -> str:
        """Python for the parameters that are not the defaults: ", nu=2.5, spike=2"."""
        named = {name: value for name, value in self.given.items() if value != DEFAULTS[name]}
        return "".join(f", {name}={value:g}" for name, value in named.items())


DEFAULTS = {"nu": 3.0, "ratio": 1.0, "degree": 4.0, "band": 16, "factors": 2, "spike": 0.0}
PARAMETERS = tuple(DEFAULTS)


@dataclass(frozen=True)
class SpectrumRequest(Given):
    """Draws of a kind, a key of tpapp.compute.matrices.KINDS; parameters that it does not have keep their defaults."""

    kind: str
    n: int
    draws: int = 1
    seed: int = 0
    nu: float = 3.0
    ratio: float = 1.0
    degree: float = 4.0
    band: int = 16
    factors: int = 2
    spike: float = 0.0


@dataclass(frozen=True)
class MomentRow:
    """(1/n) tr A^k of the draws, the limit's k-th moment (a Catalan number), and their difference."""

    k: int
    measured: float
    limit: float
    error: float = float("nan")

    @property
    def difference(self) -> float:
        return self.measured - self.limit


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of `draws` matrices (of those asked for) in bins.

    Attributes
    ----------
    edges (B + 1,), density (B,), counts (B,)
        Shown bins; the density refers to all eigenvalues, also those outside.
    outside : int
        Eigenvalues beyond the edges.
    start, reach : float
        The range to show; without `start` it is symmetric.
    total : int
        Eigenvalues of all draws so far.
    zeros : int
        How many of them are zero by the shape of the matrix; the bins leave them out.
    marks : tuple
        Largest eigenvalues, where a spike should drive them out of the bulk.
    points : ndarray or None
        Complex eigenvalues, some thousands at most.
    gap : float or None
        Largest |empirical cdf - limit cdf|, over all x where the eigenvalues are known, else over fine edges; None
        without a limit.
    moments : tuple
        Empty while the histogram streams in.
    """

    request: SpectrumRequest
    draws: int
    edges: np.ndarray
    counts: np.ndarray
    density: np.ndarray
    outside: int
    reach: float
    gap: float | None
    moments: tuple[MomentRow, ...]
    method: str
    seconds: float = 0.0  # of computing
    start: float | None = None
    total: int = 0
    zeros: int = 0
    marks: tuple[float, ...] = ()
    points: np.ndarray | None = None

    @property
    def done(self) -> bool:
        return self.draws >= self.request.draws and bool(self.moments)


@dataclass(frozen=True, eq=False)
class LawCurve:
    """The limit law's density on a grid.

    Attributes
    ----------
    top : float
        The height to show: a density may be infinite at an end; `pdf` is cut a little above.
    atoms : tuple of (place, mass)
    outlier : float or None
        Where a spike drives an eigenvalue.
    variable : str
        What stands on the axis.
    start, reach : float
        The range to show.
    """

    name: str
    x: np.ndarray
    pdf: np.ndarray
    support: tuple[float, float]
    top: float | None = None
    atoms: tuple[tuple[float, float], ...] = ()
    outlier: float | None = None
    variable: str = "eigenvalue λ"
    start: float = -2.6
    reach: float = 2.6


@dataclass(frozen=True)
class PathRequest(Given):
    kind: str
    n: int
    frames: int = 240
    seed: int = 0
    nu: float = 3.0
    step: float = 0.01  # time between frames
    ratio: float = 1.0
    degree: float = 4.0
    band: int = 16
    factors: int = 2
    spike: float = 0.0


@dataclass(frozen=True, eq=False)
class EigenvaluePath:
    """Eigenvalues (T, n), each row ascending, of a matrix that moves without changing its law."""

    request: PathRequest
    times: np.ndarray
    eigenvalues: np.ndarray


@dataclass(frozen=True)
class Curve:
    """A named line over a histogram: "theory" dashed, "other" grey dots."""

    name: str
    x: np.ndarray
    y: np.ndarray
    role: str = "theory"


@dataclass(frozen=True, eq=False)
class Sample:
    """Numbers measured on many matrices, in bins, beside laws.

    Attributes
    ----------
    n, draws : int
        Of the matrices that were drawn, which may be smaller than the dial says.
    values (S,) : sorted
    mean, error, expected : float
        Of the values and of the law (NaN without one).
    distance : float or None
        Kolmogorov and Smirnov's, to the first curve's law.
    """

    n: int
    draws: int
    asked: int
    edges: np.ndarray
    density: np.ndarray
    values: np.ndarray
    curves: tuple[Curve, ...]
    mean: float
    error: float
    expected: float
    distance: float | None
    beta: int = 1
    centre: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class ProgramRow:
    """v^T A^k v / n: at width n, in the program's limit, and the number that counts cycles."""

    k: int
    finite: float | None
    limit: float
    count: float


@dataclass(frozen=True)
class ProgramRows:
    kind: str
    n: int | None
    rows: tuple[ProgramRow, ...]
    seconds: float = 0.0
