"""Requests and results: frozen, hashable requests in, frozen results out. Nothing here computes.

A request is the key under which its result is kept; two visitors with equal requests share one result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs of a kernel lab: points, sequences, images, or the nodes of a graph.

    Attributes
    ----------
    name : str
        Where they come from, in words.
    X : (N, d), (N, T, d) or (N, H, W, C) float64, or a tuple of sequences (T_i, d)
        What `tpcore` takes (`data`). For a graph (nodes, d): one item whose positions are the nodes.
    labels : tuple of str, length N
        Class names, sentences, or row numbers for uploads; of a graph's nodes.
    images : (N, h, w) float32 or None
        What an item looks like, values in [0, 1].
    code : str
        Lines of Python that make `X`, for "show the code".
    kind : {"points", "sequences", "images", "graph"}
    steps : tuple of tuple of str
        Names of the positions of each item where they have names (the words of a sentence).
    adjacency : (nodes, nodes) or None
        Of a graph.
    digest : str
        Identity: equal data are equal requests.
    """

    name: str
    X: np.ndarray | tuple[np.ndarray, ...]
    labels: tuple[str, ...]
    images: np.ndarray | None = None
    code: str = ""
    kind: str = "points"
    steps: tuple[tuple[str, ...], ...] = ()
    adjacency: np.ndarray | None = None
    digest: str = field(default="")

    def __post_init__(self):
        arrays = [*(self.X if isinstance(self.X, tuple) else (self.X,))]
        arrays += [] if self.adjacency is None else [self.adjacency]
        for array in arrays:
            array.setflags(write=False)
        if not self.digest:
            words = repr((self.kind, self.labels, self.steps, [array.shape for array in arrays]))
            bits = hashlib.sha256(words.encode())
            for array in arrays:
                bits.update(np.ascontiguousarray(array).tobytes())
            object.__setattr__(self, "digest", bits.hexdigest()[:24])

    def __repr__(self) -> str:
        return f"Inputs({self.name!r}, {self.kind}, {self.digest})"

    @property
    def data(self) -> np.ndarray | list[np.ndarray]:
        """`X` as `tpcore` takes it."""
        return list(self.X) if isinstance(self.X, tuple) else self.X

    def __len__(self) -> int:
        return len(self.X)

    def __eq__(self, other) -> bool:
        return isinstance(other, Inputs) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class Net:
    """A network: its description (`tpcore.nets.from_spec`) as JSON with sorted keys, so that equal ones are equal.

    The adjacency of a graph convolution is left out: `tpapp.compute.kernels_nets.network` takes that of the inputs.
    """

    spec: str

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Net:
        """The network of a description ``{"net": ..., ...}``."""
        return cls(json.dumps(spec, sort_keys=True, separators=(",", ":")))

    @classmethod
    def mlp(cls, depth: int, phi: str, sigma_w: float, sigma_b: float | None, sigma_v: float | None = None) -> Net:
        """An MLP (`tpcore.nets.MLP`)."""
        fields = {"depth": depth, "phi": phi, "sigma_w": sigma_w, "sigma_b": sigma_b, "sigma_v": sigma_v}
        return cls.of({"net": "MLP", **{k: v for k, v in fields.items() if v is not None or k != "sigma_v"}})

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The description; not to be changed."""
        return json.loads(self.spec)

    @property
    def kind(self) -> str:
        """"MLP", "RNN", .., "Sequential"."""
        return self.fields["net"]


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
    """Two outputs, rows i and j of the kernel, of many networks; `f` grows while they stream in.

    Attributes
    ----------
    f : (m, 2)
        m of the request's draws.
    covariance : (2, 2)
        Of the limit.
    lost : int
        Draws besides these without a number: narrow networks whose neurons are all equal where they are normalized.
    """

    request: OutputsRequest
    f: np.ndarray
    covariance: np.ndarray
    lost: int = 0

    @property
    def done(self) -> bool:
        return len(self.f) + self.lost >= self.request.draws


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
