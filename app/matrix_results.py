"""Requests and results of the Matrices lab: frozen, hashable requests in, frozen results out. Nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SpectrumRequest:
    kind: str  # "goe", "symmetric:rademacher", ...: a key of tpapp.compute.matrices.KINDS
    n: int
    draws: int = 1
    seed: int = 0
    nu: float = 3.0  # degrees of freedom, for "symmetric:student"


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
    reach : float
        Half the range to show.
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

    @property
    def done(self) -> bool:
        return self.draws >= self.request.draws and bool(self.moments)


@dataclass(frozen=True, eq=False)
class LawCurve:
    """The limit law's density on a grid."""

    name: str
    x: np.ndarray
    pdf: np.ndarray
    support: tuple[float, float]


@dataclass(frozen=True)
class PathRequest:
    kind: str
    n: int
    frames: int = 240
    seed: int = 0
    nu: float = 3.0
    step: float = 0.01  # time between frames


@dataclass(frozen=True, eq=False)
class EigenvaluePath:
    """Eigenvalues (T, n), each row ascending, of a matrix that moves without changing its law."""

    request: PathRequest
    times: np.ndarray
    eigenvalues: np.ndarray
