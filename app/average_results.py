"""Requests and results of the Averages lab: frozen, hashable requests in, frozen results out. Nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SumsRequest:
    kind: str  # a law of the terms: a key of tpapp.compute.averages.KINDS
    n: int
    draws: int
    seed: int = 0
    nu: float = 3.0
    rho: float = 0.0  # correlation between any two terms


@dataclass(frozen=True)
class PathsRequest:
    kind: str
    seed: int = 0
    nu: float = 3.0
    rho: float = 0.0


@dataclass(frozen=True)
class DistanceRequest:
    kind: str
    seed: int = 0
    nu: float = 3.0
    rho: float = 0.0


@dataclass(frozen=True, eq=False)
class TermsLaw:
    """One term's law, what S / N and (S - N mu) / (sigma sqrt N) tend to, and the ranges to show.

    Attributes
    ----------
    mean, sd : float
        nan and inf where they do not exist.
    centre, unit : float
        What S / N is compared with, and what (S - N centre) / sqrt N is divided by.
    settles, normal : bool
        Whether the law of large numbers and the central limit theorem hold.
    low, high : float
        Range of S / N.
    limit_x, limit_y : ndarray
        Density of the limit of S / N; empty where it is one value, or a few.
    places : tuple
        The values that S / N tends to with positive probability.
    leftover : float
        The variance of S / N at infinite N.
    rate : float or None
        Of the distance to the normal.
    """

    kind: str
    label: str
    mean: float
    sd: float
    centre: float
    unit: float
    index: float
    settles: bool
    normal: bool
    low: float
    high: float
    limit_x: np.ndarray
    limit_y: np.ndarray
    places: tuple[float, ...]
    leftover: float
    rate: float | None
    method: str


@dataclass(frozen=True)
class PowerRow:
    """E Z^k: measured, with standard error; exact at this N (nan if unknown, inf if there is none); of the normal."""

    k: int
    measured: float
    error: float
    exact: float
    normal: float


@dataclass(frozen=True, eq=False)
class Bars:
    """A histogram whose bars have area 1 with those `outside` counted.

    Attributes
    ----------
    edges (B + 1,), counts (B,), density (B,)
    outside : int
    """

    edges: np.ndarray
    counts: np.ndarray
    density: np.ndarray
    outside: int


@dataclass(frozen=True, eq=False)
class Sums:
    """Many sums of N terms: S / N, and Z = (S - N centre) / (unit sqrt N).

    Attributes
    ----------
    mean, mean_error, sd, sd_error : float
        Of S / N over the repetitions; nan where the terms have no such moment.
    half, half_error : float
        Half of all S / N lie within centre +- half.
    qq (3, Q)
        Normal quantiles, those of Z, two standard errors of these if Z were normal.
    gap, gap_error : float
        sup |F - Phi| of the draws of Z.
    """

    request: SumsRequest
    draws: int
    means: Bars
    scaled: Bars
    mean: float
    mean_error: float
    sd: float
    sd_error: float
    half: float
    half_error: float
    qq: np.ndarray
    gap: float
    gap_error: float
    moments: tuple[PowerRow, ...]
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        return self.draws >= self.request.draws


@dataclass(frozen=True, eq=False)
class SumPaths:
    """Running sums of some repetitions at `counts` (C,): S / N and Z, both (P, C); where most of them lie.

    `reach` (2, C): half-widths of the dashed bands of S / N and of Z; nan where there is none.
    """

    request: PathsRequest
    counts: np.ndarray
    means: np.ndarray
    scaled: np.ndarray
    reach: np.ndarray


@dataclass(frozen=True, eq=False)
class Distances:
    """sup |F_N - Phi| against N: without drawing (empty where there is no such law) and of the draws so far.

    Attributes
    ----------
    counts (C,), exact (C,), bound (C,)
        The bound of Berry and Esseen; inf where there is no third moment.
    seen (D,), measured (D,)
        N and distance of the draws, D growing to C.
    noise, noise_error : float
        What as many draws of the normal itself would show, and its standard deviation.
    slope, slope_error, drawn_slope, drawn_error : float
        Of log distance against log N, without drawing and from the draws above the noise; nan where not fitted.
    """

    request: DistanceRequest
    counts: np.ndarray
    exact: np.ndarray
    bound: np.ndarray
    seen: np.ndarray
    measured: np.ndarray
    noise: float
    noise_error: float
    slope: float
    slope_error: float
    drawn_slope: float
    drawn_error: float
