"""Requests and results: frozen, hashable requests in, frozen results out. Nothing here computes.

A request is the key under which its result is kept; two visitors with equal requests share one result.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Inputs:
    """Input points of a kernel lab.

    Attributes
    ----------
    name : str
        Where they come from, in words.
    X : (N, d) float64
    labels : tuple of str, length N
        Class names, or row numbers for uploads.
    images : (N, h, w) float32 or None
        What a row looks like, values in [0, 1].
    code : str
        Lines of Python that make `X`, for "show the code".
    digest : str
        Identity: equal data are equal requests.
    """

    name: str
    X: np.ndarray
    labels: tuple[str, ...]
    images: np.ndarray | None = None
    code: str = ""
    digest: str = field(default="")

    def __post_init__(self):
        self.X.setflags(write=False)
        if not self.digest:
            bits = hashlib.sha256(np.ascontiguousarray(self.X).tobytes() + repr((self.X.shape, self.labels)).encode())
            object.__setattr__(self, "digest", bits.hexdigest()[:24])

    def __len__(self) -> int:
        return len(self.X)

    def __eq__(self, other) -> bool:
        return isinstance(other, Inputs) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class Net:
    """An MLP with `depth` hidden layers (tp.nets.MLP)."""

    depth: int
    phi: str
    sigma_w: float
    sigma_b: float
    sigma_v: float | None = None  # None: as sigma_w


@dataclass(frozen=True)
class KernelLimitRequest:
    inputs: Inputs
    net: Net
    kernel: str = "nngp"  # or "ntk"


@dataclass(frozen=True, eq=False)
class KernelLimit:
    """K (N, N), how it was computed, and the estimated relative error."""

    request: KernelLimitRequest
    K: np.ndarray
    method: str
    error: float


@dataclass(frozen=True)
class KernelDrawRequest:
    inputs: Inputs
    net: Net
    kernel: str
    width: int
    seed: int = 0


@dataclass(frozen=True, eq=False)
class KernelDraw:
    """One network's kernel K_n, K_n - K, and ||K_n - K||_F / ||K||_F."""

    request: KernelDrawRequest
    K: np.ndarray
    difference: np.ndarray
    deviation: float


@dataclass(frozen=True)
class OutputsRequest:
    inputs: Inputs
    net: Net
    i: int
    j: int
    width: int
    draws: int
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Outputs:
    """Outputs of many networks at two inputs; `f` grows while they stream in.

    Attributes
    ----------
    f : (m, 2)
        m of the request's draws.
    covariance : (2, 2)
        Of the limit.
    """

    request: OutputsRequest
    f: np.ndarray
    covariance: np.ndarray

    @property
    def done(self) -> bool:
        return len(self.f) >= self.request.draws


@dataclass(frozen=True)
class DeviationRequest:
    inputs: Inputs
    net: Net
    kernel: str
    widths: tuple[int, ...]
    draws: int
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Deviation:
    """Mean relative Frobenius deviation of single draws, by width, with its standard error.

    `slope` and `slope_error` are of log deviation against log width (NaN with fewer than three widths);
    `bound` is the intercept c of the theory line c / sqrt(n); `band` (3, M) holds widths and the edges of
    the fitted line's 95 % confidence band, from the narrowest fitted width to the widest.
    """

    request: Any  # with the `widths` and `draws` asked for: a DeviationRequest, or another lab's
    widths: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    slope: float
    slope_error: float
    bound: float
    band: np.ndarray | None = None

    @property
    def done(self) -> bool:
        return len(self.widths) >= len(self.request.widths)


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
