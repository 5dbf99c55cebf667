"""Kernels and outputs of wide networks for the Kernels lab."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from tpapp.compute import kernels_cost as cost
from tpapp.compute import kernels_nets as nets
from tpapp.compute.kernels_cost import (
    SECONDS,
    check,
    check_limit,
    check_pair,
    draws_that_fit,
    pair_seconds,
    quick_draw,
    quick_limit,
    seconds,
    widest,
)
from tpapp.compute.kernels_inputs import digits
from tpapp.compute.kernels_nets import network, tangent_refused
from tpapp.compute.ladder import deviation, silent
from tpapp.results import (
    Deviation,
    DeviationRequest,
    Inputs,
    KernelDraw,
    KernelDrawRequest,
    KernelLimit,
    KernelLimitRequest,
    Net,
    Outputs,
    OutputsRequest,
)
from tpcore import agreement
from tpcore.activations import NAMED
from tpcore.compute.progress import Progress
from tpcore.errors import BudgetError, Misuse
from tpcore.kernels import empirical
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.limit import expect
from tpcore.limit.values import Values
from tpcore.nets.mlp import MLP

ACTIVATIONS: tuple[str, ...] = tuple(NAMED)
KERNELS = ("nngp", "ntk")
KEPT = 32  # limits
_limits: dict[KernelLimitRequest, KernelLimit] = {}  # the latest
_slow = threading.Lock()  # equal slow limits, wanted by several requests, are computed once


def kernel_limit(request: KernelLimitRequest, progress: Progress | None = None) -> KernelLimit:
    """The infinite-width kernel of the request, with its method and estimated relative error."""
    if request in _limits:
        return _limits[request]
    if quick_limit(request.net, request.inputs, request.kernel):
        return _limit(request, None)
    with _slow:
        return _limits[request] if request in _limits else _limit(request, progress)


def _limit(request: KernelLimitRequest, progress: Progress | None) -> KernelLimit:
    check_limit(request.net, request.inputs, request.kernel)
    net, X = network(request.net, request.inputs), request.inputs.data
    K = (ntk if request.kernel == "ntk" else nngp)(net, X, progress=progress)
    if isinstance(net, MLP):
        method, error = _method(net, X, request.kernel)
    elif isinstance(K, Values):
        method, error = K.method, K.error / max(float(np.abs(K).max()), 1e-300)
    else:
        method, error = _ways(request)
    while len(_limits) >= KEPT:
        _limits.pop(next(iter(_limits)), None)
    found = _limits[request] = KernelLimit(request, np.asarray(K), method, error)
    return found


def _ways(request: KernelLimitRequest) -> tuple[str, float]:
    """The least exact way of the network's activations, and their errors together (first order).

    NaN where nothing estimates the error: rules over batches, and limits of programs.
    """
    made = network(request.net, request.inputs)
    if getattr(made, "batched", False) or not cost.recursive(request.net, request.inputs):
        return "quadrature", float("nan")
    ways = [cost.way(phi) for phi in cost.phis(request.net)]
    method, _ = max(ways, key=lambda way: way[1], default=("closed form", 0.0))
    error = sum(error for _, error in ways) * _repeats(request) * (2 if request.kernel == "ntk" else 1)
    return method, max(error, float(np.finfo(float).eps) * len(getattr(made, "stack", ways)))


def _repeats(request: KernelLimitRequest) -> int:
    """How often a named network takes its activation's expectations, one after the other; a recurrent one each step."""
    fields = request.net.fields
    if request.net.kind in nets.CELLS:
        return max(map(len, request.inputs.X))
    return int(fields.get("depth", fields.get("blocks", 1)))


def _method(net: MLP, X: np.ndarray, kernel: str) -> tuple[str, float]:
    """The method of the layers' expectations, and their relative error summed over the layers (first order)."""
    sigma = net.first_covariance(X)
    values = [expect.V(net.phi, sigma), *([expect.dV(net.phi, sigma)] if kernel == "ntk" else [])]
    relative = sum(float(np.max(v.error)) / max(float(np.abs(np.asarray(v)).max()), 1e-300) for v in values)
    return values[-1].method, net.depth * relative


def kernel_draw(request: KernelDrawRequest, progress: Progress | None = None) -> KernelDraw:
    """One network's kernel beside the limit; its last layers are never stored, so the width may be 10^6."""
    r = request
    check(r.net, r.inputs, r.width, r.kernel)
    limit = _comparable(kernel_limit(KernelLimitRequest(r.inputs, r.net, r.kernel)).K)
    draw = empirical.empirical_ntk if r.kernel == "ntk" else empirical.empirical_nngp
    K = draw(network(r.net, r.inputs), r.inputs.data, r.width, 1, r.seed, progress=progress)[0]
    _living(K[None], r.width)
    return KernelDraw(r, K, K - limit, float(agreement.deviation(K, limit)))


def _comparable(limit: np.ndarray) -> np.ndarray:
    """The limit, if networks can deviate from it."""
    if not limit.any():
        raise Misuse("Networks are compared with a limit that is not zero", "outputs that are all 0",
                     "Give weights or biases a σ above 0")  # fmt: skip
    return limit


def _living(K: np.ndarray, width: int) -> np.ndarray:
    """The draws that are numbers: in a narrow network all neurons may be equal, and normalizing divides 0 by 0."""
    known = K[np.isfinite(K).all(axis=(1, 2))]
    if not len(known):
        raise Misuse("A normalized layer must have neurons that differ", f"none that do at n = {width:,}",
                     "Draw again, or take a wider network")  # fmt: skip
    return known


def covariance(inputs: Inputs, net: Net, i: int, j: int, progress: Progress | None = None) -> np.ndarray:
    """(2, 2): the limit's covariance of outputs i and j."""
    if net.kind == "MLP":
        return nngp(network(net), inputs.X[[i, j]])
    return kernel_limit(KernelLimitRequest(inputs, net), progress).K[np.ix_([i, j], [i, j])]


def quick_pair(inputs: Inputs, net: Net) -> bool:
    """Whether `covariance` does not wait."""
    return cost.mlp_is_quick(net, 2) if net.kind == "MLP" else quick_limit(net, inputs)


def outputs(request: OutputsRequest, progress: Progress | None = None) -> Iterator[Outputs]:
    """Outputs i and j of a growing number of networks."""
    r = request
    check_pair(r.net, r.inputs, r.i, r.j, r.width, r.draws)
    limit = covariance(r.inputs, r.net, r.i, r.j)
    made, pair = network(r.net, r.inputs), nets.pair(r.inputs, r.net, r.i, r.j)
    f, done, lost = np.empty((r.draws, 2)), 0, 0
    for block in empirical.sample_outputs_chunks(made, pair.data, r.width, r.draws, r.seed, progress=progress):
        known = block[np.isfinite(block).all(axis=1)]
        f[done : done + len(known)] = known[:, pair.rows]
        done += len(known)
        lost += len(block) - len(known)
        yield Outputs(r, f[:done], limit, lost)


def deviations(request: DeviationRequest, progress: Progress | None = None) -> Iterator[Deviation]:
    """Mean deviation of single draws from the limit, one width more at each step."""
    r = request
    total = sum(seconds(r.net, r.inputs, n, r.draws, r.kernel) for n in r.widths)
    if total > SECONDS:
        fits = int(r.draws * SECONDS / total)
        many = f"{r.draws} draws at {len(r.widths)} widths"
        raise BudgetError(f"A request may take about {SECONDS:.0f} seconds", many,
                          f"At most {fits:,} draws fit" if fits else "Take smaller widths", fits=fits)  # fmt: skip
    progress = progress or Progress()
    progress.start(len(r.widths))
    net, X = network(r.net, r.inputs), r.inputs.data
    limit = _comparable(kernel_limit(KernelLimitRequest(r.inputs, r.net, r.kernel)).K)
    draw = empirical.empirical_ntk if r.kernel == "ntk" else empirical.empirical_nngp
    seen: list[np.ndarray] = []
    for n in r.widths:
        K = draw(net, X, n, r.draws, np.random.SeedSequence([r.seed, n]), progress=silent(progress))
        seen.append(np.atleast_1d(agreement.deviation(_living(K, n), limit)))
        progress.tick()
        yield deviation(r, seen)


__all__ = [
    "ACTIVATIONS", "KERNELS", "SECONDS", "check", "check_limit", "covariance", "deviations", "digits",
    "draws_that_fit", "kernel_draw", "kernel_limit", "network", "outputs", "pair_seconds", "quick_draw",
    "quick_limit", "quick_pair", "seconds", "tangent_refused", "widest",
]
