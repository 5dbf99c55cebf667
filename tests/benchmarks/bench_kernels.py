"""Kernels of MLPs beside neural-tangents 0.6.5, and one network of a million neurons a layer.

Both sides in float64, warm, taking turns in the same run; ratios are of medians. Where the peer cannot run the table
says so, and the times stand alone.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from tests.benchmarks.peer import Peer, Unavailable
from tests.benchmarks.table import Row, median_seconds
from tpcore import agreement
from tpcore.data import digits
from tpcore.kernels.empirical import empirical_nngp, empirical_ntk, sample_outputs
from tpcore.kernels.nngp import nngp
from tpcore.kernels.recursion import kernels
from tpcore.nets import MLP

DEPTH, SIGMA_W, SIGMA_B = 5, 1.5, 0.1
DEGREE, BLOCK, TURNS = 25, 16, 7
FASTER, NUMERICAL_FASTER, ACCURATE = 4.0, 100.0, 1e-8
REQUEST = dict(kind="mlp", get=["nngp", "ntk"], depth=DEPTH, sigma_w=SIGMA_W, sigma_b=SIGMA_B, degree=DEGREE)
WHAT = "NNGP + NTK, 5-layer {} MLP, 1,797 digits"


def net(phi: str) -> MLP:
    return MLP(DEPTH, phi, SIGMA_W, SIGMA_B)


def rows() -> Iterator[Row]:
    X = digits()[0]
    yield accuracy(X)
    try:
        with Peer(X) as peer:
            for phi in ("relu", "erf", "gelu"):
                yield from beside(peer, X, phi)
            yield from beside_numerical(peer, X)
    except Unavailable as reason:
        for phi in ("relu", "erf", "gelu", "tanh"):
            seconds = median_seconds(lambda phi=phi: kernels(net(phi), X, None, True))
            yield Row(WHAT.format(phi), seconds, "s", note=f"peer unavailable: {reason}")
    yield from million()


def turns(ours: Callable, theirs: Callable[[], float], count: int) -> tuple[float, float]:
    """Medians of `count` turns each, after one of each that does not count."""
    ours(), theirs()
    times: list[list[float]] = [[], []]
    for _ in range(count):
        start = time.perf_counter()
        ours()
        times[0].append(time.perf_counter() - start)
        times[1].append(theirs())
    return statistics.median(times[0]), statistics.median(times[1])


def beside(peer: Peer, X: np.ndarray, phi: str) -> Iterator[Row]:
    """Ours and the peer's closed forms, the whole kernels."""
    request = REQUEST | dict(phi=phi, rows=0)
    ours, theirs = turns(
        lambda: kernels(net(phi), X, None, True), lambda: peer.ask(**request, repeats=1)[0][0], TURNS
    )
    _, (K, T) = peer.ask(**request, repeats=1, arrays=True)
    own = kernels(net(phi), X, None, True)
    gap = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(own, (K, T), strict=True))
    yield Row(WHAT.format(phi), ours, "s", note=f"peer {theirs:.3g} s; largest difference {gap:.1g}")
    yield Row(f"{phi}: faster than neural-tangents by", theirs / ours, "x", f">= {FASTER:g} x", theirs / ours >= FASTER)


def beside_numerical(peer: Peer, X: np.ndarray) -> Iterator[Row]:
    """tanh: the peer integrates numerically; its time is that of a block of rows, times the number of blocks."""
    request = REQUEST | dict(phi="tanh", rows=BLOCK)
    blocks = len(X) / BLOCK
    ours, theirs = turns(
        lambda: kernels(net("tanh"), X, None, True), lambda: blocks * peer.ask(**request, repeats=1)[0][0], 3
    )
    _, (K, T) = peer.ask(**request, repeats=1, arrays=True)
    own = kernels(net("tanh"), X, None, True)
    gap = max(float(np.abs(a[:BLOCK] - b).max() / np.abs(a).max()) for a, b in zip(own, (K, T), strict=True))
    note = f"peer {theirs:.3g} s at degree {DEGREE} ({BLOCK} rows, scaled); largest difference {gap:.1g}"
    yield Row(WHAT.format("tanh"), ours, "s", note=note)
    ok = theirs / ours >= NUMERICAL_FASTER
    yield Row("tanh: faster than its numerical transform by", theirs / ours, "x", f">= {NUMERICAL_FASTER:g} x", ok)


def accuracy(X: np.ndarray) -> Row:
    """tanh kernels of six digits out of the whole matrix, against a fine trapezoid rule in two dimensions."""
    pick = np.linspace(0, len(X) - 1, 6).astype(int)
    own = [kernel[np.ix_(pick, pick)] for kernel in kernels(net("tanh"), X, None, True)]
    worst = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(own, by_trapezoid(X[pick]), strict=True))
    return Row("tanh, 5 layers: relative error of NNGP and NTK", worst, "", f"<= {ACCURATE:g}", worst <= ACCURATE)


def by_trapezoid(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NNGP and NTK of the tanh network by the trapezoid rule, pair by pair and layer by layer."""
    z = np.arange(-9, 9.001, 0.09)
    weight = np.exp(-z * z / 2)
    weight = np.outer(weight, weight)
    weight /= weight.sum()
    sigma = SIGMA_W**2 * X @ X.T / X.shape[1] + SIGMA_B**2
    theta = sigma.copy()
    for _ in range(DEPTH):
        V, dV = np.empty_like(sigma), np.empty_like(sigma)
        for i, j in np.ndindex(sigma.shape):
            root = np.sqrt(sigma[i, i])
            rest = np.sqrt(max(sigma[j, j] - (sigma[i, j] / root) ** 2, 0.0)) if i != j else 0.0
            u, v = np.tanh(root * z)[:, None], np.tanh(sigma[i, j] / root * z[:, None] + rest * z)
            V[i, j], dV[i, j] = (weight * u * v).sum(), (weight * (1 - u * u) * (1 - v * v)).sum()
        sigma = SIGMA_W**2 * V + SIGMA_B**2
        theta = sigma + SIGMA_W**2 * dV * theta
    return sigma, theta


def million() -> Iterator[Row]:
    """Three hidden layers of a million neurons on 64 digits."""
    X, n = digits(64)[0], 10**6
    for phi in ("relu", "erf", "tanh", "gelu"):
        wide = MLP(3, phi, SIGMA_W, SIGMA_B)
        seconds = median_seconds(lambda wide=wide: empirical_nngp(wide, X, n, 1), repeats=3)
        deviation = float(agreement.deviation(empirical_nngp(wide, X, n, 1, seed=1)[0], nngp(wide, X)))
        yield Row(f"a draw of a 3-layer {phi} MLP, n = 1,000,000, 64 inputs", seconds, "s", "about 1 s", seconds < 1.2,
                  f"deviation from the limit {deviation:.1g}")
    wide = MLP(3, "relu", SIGMA_W, SIGMA_B)
    yield Row("its tangent kernel", median_seconds(lambda: empirical_ntk(wide, X, n, 1), repeats=3), "s")
    yield Row("1,000 networks of width 1,024: outputs on 64 inputs",
              median_seconds(lambda: sample_outputs(wide, X, 1024, 1000), repeats=3), "s")
    unit = 2**10 if sys.platform.startswith("linux") else 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    yield Row("peak memory of all the above", peak, "GiB", "< 2", peak < 2)
