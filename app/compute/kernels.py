"""Kernels and outputs of wide MLPs for the Kernels lab."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from tpapp.compute.ladder import FITTED_FROM, deviation, silent
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
from tpcore import agreement, checks
from tpcore.activations import NAMED
from tpcore.compute.progress import Progress
from tpcore.data.digits import digits as read_digits
from tpcore.data.digits import images as digit_images
from tpcore.errors import BudgetError
from tpcore.kernels import empirical
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.limit import expect
from tpcore.nets.mlp import MLP

ACTIVATIONS: tuple[str, ...] = tuple(NAMED)
KERNELS = ("nngp", "ntk")
SECONDS = 60.0  # what one request may take
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
MAX_INPUTS = 256
_PER_NEURON, _PER_INPUT, _NTK = 2e-8, 1e-8, 3.5  # seconds a neuron and layer, and an input more; NTK by NNGP
_PER_ENTRY = {"closed form": 3e-8, "series": 2e-6}  # seconds an entry and layer of a limit; other methods: 1e-3
_QUICK = 0.012  # seconds that an event loop may spend
_slow = threading.Lock()  # equal slow limits, wanted by several requests, are computed once


@lru_cache(maxsize=32)
def digits(classes: tuple[int, ...] = (0, 1, 4, 7), per_class: int = 6, scale: str = "sphere") -> Inputs:
    """The first `per_class` digits of each class, class by class, with their images."""
    classes = tuple(sorted({checks.integer("a class", c, 0, 9) for c in classes}))
    per_class = checks.integer("The number of digits a class", per_class, 1, MAX_INPUTS // max(len(classes), 1))
    X, y = read_digits(scale=scale)
    rows = np.concatenate([np.flatnonzero(y == c)[:per_class] for c in classes])
    unit = read_digits(scale="unit")[0][rows]
    code = (
        "from tpcore.data import digits\n\n"
        f"X, y = digits({'' if scale == 'sphere' else f'scale={scale!r}'})\n"
        f"rows = [k for c in {classes}\n"
        f"        for k in np.flatnonzero(y == c)[:{per_class}]]\n"
        "X = X[rows]"
    )
    return Inputs(
        name=f"{len(rows)} digits", X=X[rows], labels=tuple(str(c) for c in y[rows]),
        images=digit_images(unit).astype(np.float32), code=code,
    )  # fmt: skip


def network(net: Net) -> MLP:
    """The MLP that a request means."""
    return MLP(depth=net.depth, phi=net.phi, sigma_w=net.sigma_w, sigma_b=net.sigma_b, sigma_v=net.sigma_v)


def tangent_refused(phi: str) -> str:
    """Why `phi` has no NTK, in words; empty where it has one."""
    try:
        expect.differentiable(NAMED[phi])
    except ValueError as refusal:
        return str(refusal)
    return ""


def seconds(net: Net, inputs: int, width: int, draws: int = 1, kernel: str = "nngp") -> float:
    """About how long so many draws take on two cores."""
    each = net.depth * width * (_PER_NEURON + _PER_INPUT * inputs) * (_NTK if kernel == "ntk" else 1.0)
    return draws * each


def draws_that_fit(net: Net, inputs: int, width: int, kernel: str = "nngp") -> int:
    """How many draws at this width fit into the time of one request."""
    return int(SECONDS / seconds(net, inputs, width, 1, kernel))


def widest(net: Net, inputs: int, kernel: str = "nngp") -> int:
    """The largest width at which one draw of the kernel fits into the time of one request."""
    return int(SECONDS / seconds(net, inputs, 1, 1, kernel))


def check(net: Net, inputs: int, width: int, draws: int = 1, kernel: str = "nngp") -> None:
    """Refuse, with the number that fits, what would take longer than a request may."""
    if seconds(net, inputs, width, draws, kernel) <= SECONDS:
        return
    fits = draws_that_fit(net, inputs, width, kernel)
    if fits >= 1:
        raise BudgetError(f"A request may take about {SECONDS:.0f} seconds", f"{draws:,} draws at n = {width:,}",
                          f"At most {fits:,} draws fit", fits=fits)  # fmt: skip
    fits = widest(net, inputs, kernel)
    raise BudgetError(f"A request may take about {SECONDS:.0f} seconds", f"n = {width:,} on {inputs} inputs",
                      f"At most n = {fits:,} fits", fits=fits)  # fmt: skip


@lru_cache(maxsize=64)
def _way(phi: str) -> str:
    return expect.V(NAMED[phi], np.array([[1.1, 0.4], [0.4, 0.9]])).method


def quick_limit(net: Net, inputs: int, kernel: str = "nngp") -> bool:
    """Whether the limit takes so few milliseconds that it need not wait for a turn."""
    each = _PER_ENTRY.get(_way(net.phi), 1e-3) * (2 if kernel == "ntk" else 1)
    return net.depth * inputs**2 * each <= _QUICK


def quick_draw(net: Net, inputs: int, width: int, kernel: str = "nngp") -> bool:
    """Whether one draw beside its limit does."""
    return quick_limit(net, inputs, kernel) and seconds(net, inputs, width, 1, kernel) <= _QUICK


def kernel_limit(request: KernelLimitRequest, progress: Progress | None = None) -> KernelLimit:
    """The infinite-width kernel of the request, with its method and estimated relative error."""
    if quick_limit(request.net, len(request.inputs), request.kernel):
        return _limit(request)
    with _slow:
        return _limit(request)


@lru_cache(maxsize=32)
def _limit(request: KernelLimitRequest) -> KernelLimit:
    net, X = network(request.net), request.inputs.X
    K = (ntk if request.kernel == "ntk" else nngp)(net, X)
    method, error = _method(net, X, request.kernel)
    return KernelLimit(request, K, method, error)


def _method(net: MLP, X: np.ndarray, kernel: str) -> tuple[str, float]:
    """The method of the layers' expectations, and their relative error summed over the layers (first order)."""
    sigma = net.first_covariance(X)
    values = [expect.V(net.phi, sigma), *([expect.dV(net.phi, sigma)] if kernel == "ntk" else [])]
    relative = sum(float(np.max(v.error)) / max(float(np.abs(np.asarray(v)).max()), 1e-300) for v in values)
    return values[-1].method, net.depth * relative


def kernel_draw(request: KernelDrawRequest, progress: Progress | None = None) -> KernelDraw:
    """One network's kernel beside the limit; its last layers are never stored, so the width may be 10^6."""
    r = request
    check(r.net, len(r.inputs), r.width, kernel=r.kernel)
    limit = kernel_limit(KernelLimitRequest(r.inputs, r.net, r.kernel)).K
    draw = empirical.empirical_ntk if r.kernel == "ntk" else empirical.empirical_nngp
    K = draw(network(r.net), r.inputs.X, r.width, 1, r.seed, progress=progress)[0]
    return KernelDraw(r, K, K - limit, float(agreement.deviation(K, limit)))


def covariance(inputs: Inputs, net: Net, i: int, j: int) -> np.ndarray:
    """(2, 2): the limit's covariance of the outputs at inputs i and j."""
    return nngp(network(net), inputs.X[[i, j]])


def outputs(request: OutputsRequest, progress: Progress | None = None) -> Iterator[Outputs]:
    """Outputs at inputs i and j of a growing number of networks."""
    r = request
    rows = [r.i] if r.i == r.j else [r.i, r.j]
    check(r.net, len(rows), r.width, r.draws)
    limit = covariance(r.inputs, r.net, r.i, r.j)
    f, done = np.empty((r.draws, 2)), 0
    for block in empirical.sample_outputs_chunks(
        network(r.net), r.inputs.X[rows], r.width, r.draws, r.seed, progress=progress
    ):
        f[done : done + len(block)] = block
        done += len(block)
        yield Outputs(r, f[:done], limit)


def deviations(request: DeviationRequest, progress: Progress | None = None) -> Iterator[Deviation]:
    """Mean deviation of single draws from the limit, one width more at each step."""
    r = request
    total = sum(seconds(r.net, len(r.inputs), n, r.draws, r.kernel) for n in r.widths)
    if total > SECONDS:
        fits = int(r.draws * SECONDS / total)
        many = f"{r.draws} draws at {len(r.widths)} widths"
        raise BudgetError(f"A request may take about {SECONDS:.0f} seconds", many,
                          f"At most {fits:,} draws fit" if fits else "Take smaller widths", fits=fits)  # fmt: skip
    progress = progress or Progress()
    progress.start(len(r.widths))
    net, X = network(r.net), r.inputs.X
    limit = kernel_limit(KernelLimitRequest(r.inputs, r.net, r.kernel)).K
    draw = empirical.empirical_ntk if r.kernel == "ntk" else empirical.empirical_nngp
    seen: list[np.ndarray] = []
    for n in r.widths:
        K = draw(net, X, n, r.draws, np.random.SeedSequence([r.seed, n]), progress=silent(progress))
        seen.append(np.atleast_1d(agreement.deviation(K, limit)))
        progress.tick()
        yield deviation(r, seen)


def code(inputs: Inputs, net: Net, *, kernel: str = "nngp", width: int | None = 4096, draws: int = 2000, seed: int = 0,
         i: int = 0, j: int = 1, ladder: tuple[tuple[int, ...], int] | None = None) -> str:  # fmt: skip
    """A snippet that reproduces kernels, outputs and deviations of the page; without a width the limit alone.

    `ladder` is the widths and the draws of the deviations.
    """
    readout = "" if net.sigma_v is None else f", sigma_v={net.sigma_v!r}"
    lines = ["import numpy as np", "import tpcore as tp", *inputs.code.split("\n"), ""]
    lines += [
        "net = tp.nets.MLP(",
        f'    depth={net.depth}, phi="{net.phi}",',
        f"    sigma_w={net.sigma_w!r}, sigma_b={net.sigma_b!r}{readout})",
        f"K = tp.{kernel}(net, X)  # the limit",
    ]
    if width is None:
        return "\n".join(lines) + "\n"
    rows = f"[{i}]" if i == j else f"[{i}, {j}]"
    lines += [
        "",
        f"n = {width}",
        f"K_n = tp.empirical_{kernel}(",
        f"    net, X, width=n, draws=1, seed={seed})[0]",
        "print(tp.agreement.deviation(K_n, K))",
        "",
        f"pair = X[{rows}]  # x and x'",
        "f = tp.sample_outputs(",
        f"    net, pair, width=n, draws={draws}, seed={seed})",
        "print(np.cov(f.T), tp.nngp(net, pair))",
    ]
    if ladder is not None:
        lines += [
            "",
            f"widths = 2 ** np.arange({ladder[0][0].bit_length() - 1}, {ladder[0][-1].bit_length()})",
            "d = []  # deviations: widths, draws",
            "for n in widths.tolist():",
            f"    s = np.random.SeedSequence([{seed}, n])",
            f"    k = tp.empirical_{kernel}(",
            f"        net, X, width=n, draws={ladder[1]}, seed=s)",
            "    d.append(tp.agreement.deviation(k, K))",
            "print(np.mean(d, axis=1))",
            f"wide = widths >= {FITTED_FROM}",
            "fit = tp.agreement.slope(",
            "    widths[wide], np.array(d)[wide])",
            "print(fit.slope, 2 * fit.stderr)",
        ]
    return "\n".join(lines) + "\n"
