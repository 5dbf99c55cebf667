"""Three machines that learn one task: a network, its kernel limit, and the feature-learning limit.

The networks lie on the path UP_r: muP with its output times gamma = n^r and its learning rates over gamma^2. For every
r > 0 they tend to the kernel limit, at r = 0 to the feature-learning limit. A network of width n has a feature-learning
limit at any r: that of networks whose gamma stays n^r while they widen, which goes over into the kernel limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from tpapp.compute.ladder import silent
from tpapp.compute.training_tasks import task
from tpapp.training_results import (
    FeatureRequest, KernelRequest, Machine, Networks, NetworksRequest, Paths, Setup,
)  # fmt: skip
from tpcore import abc, train
from tpcore.compute.progress import Progress

FRAMES = 13  # steps that are looked at closely
SAMPLES = 2**13  # particles, or neurons, of the feature-learning limit
LAZY = Fraction(1, 2)
FEW, SMOOTH = 10, ("tanh", "erf", "identity")  # inputs and activations of limits found by particles at depth 2
GROWN = 10.0  # what becomes of outputs at the start, in units of them, that is no longer a correction
ZERO_START = Fraction(1, 4)  # a point with NTP's kernel, whose function starts at zero


def frames(steps: int) -> np.ndarray:
    """The steps that are looked at: more of them at first, when most happens."""
    found = [0]
    for k in range(1, FRAMES):
        late = steps - (FRAMES - 1 - k)
        found.append(min(max(found[-1] + 1, round(steps * (k / (FRAMES - 1)) ** 1.5)), late))
    return np.array(found)


def exponent(r: float) -> Fraction:
    """r as the exact number that it stands for."""
    return Fraction(r).limit_denominator(100)


def network_point(r: float, depth: int) -> abc.Parametrization:
    """UP_r."""
    return abc.up(exponent(r), depth)


def gamma(r: float, width: float) -> float:
    """n^r; 1 in muP at any width."""
    return float(width) ** float(exponent(r)) if r > 0 else 1.0


def kernel_point(request: KernelRequest) -> abc.Parametrization:
    """A parametrization in the kernel regime: UP_r itself where r > 0; with `trains` "readout", hidden layers stay."""
    r, depth = exponent(request.r), request.setup.depth
    base = abc.up(r if r > 0 else ZERO_START, depth)
    return base if request.trains == "all" else abc.Parametrization(base.a, base.b, [1] * depth + [0])


def kernel(request: KernelRequest, progress: Progress | None = None) -> Machine:
    """The kernel limit: kernel gradient descent, features at rest."""
    s, progress = request.setup, progress or Progress()
    found = train.limit(kernel_point(request), task(s.task), s.steps, s.lr, s.phi, at=[0], record=frames(s.steps),
                        ntk=True, progress=progress)  # fmt: skip
    return _machine(found, s, "kernel")


def feature(request: FeatureRequest, progress: Progress | None = None, samples: int | None = None) -> Machine:
    """The feature-learning limit, that of muP with its outputs times gamma."""
    s, at, progress = request.setup, frames(request.setup.steps), progress or Progress()
    found = train.limit(abc.mup(s.depth), task(s.task), s.steps, s.lr, s.phi, at=at, record=at, ntk=True,
                        samples=samples or SAMPLES, gamma=request.gamma, method=method(s), progress=progress)
    machine = _machine(found, s, "feature")
    maps = _maps(found) if request.gamma > 1 and len(found.f) else None
    return machine if maps is None or np.abs(maps).max() > GROWN else replace(machine, maps=maps)


def method(s: Setup) -> str:
    """How the feature-learning limit is found: by particles where that is soon there, else as a mean of wide networks.

    With two hidden layers particles pay where what is met has few directions: few inputs, a smooth activation that is
    bounded or linear.
    """
    few = s.depth == 2 and s.phi in SMOOTH and task(s.task).count <= FEW
    return "program" if s.depth == 1 or few else "networks"


def count(width: int, depth: int) -> int:
    """How many networks of a width are trained: fewer the longer they take."""
    size = width if depth == 1 else width**2 / 256
    return int(min(8, max(2, 2**14 // size))) if size < 2**17 else 1


def networks(request: NetworksRequest, progress: Progress | None = None) -> Iterator[Networks]:
    """Networks one by one; the first result has the first of them in full."""
    s, progress = request.setup, progress or Progress()
    p, at = network_point(request.r, s.depth), frames(s.steps)
    progress.start(request.count)
    common = (p, task(s.task), [request.width])
    first = None
    runs: list[train.History] = []
    for k in range(request.count):
        (run,) = train.ladder(*common, [request.seed + k], s.steps, s.lr, s.phi, at=at if not k else [0], record=at,
                              ntk=not k, progress=silent(progress))  # fmt: skip
        first = first or _machine(run, s, "network")
        runs.append(run)
        progress.tick()
        yield Networks(request, first, paths(request.width, runs), tuple(_changes(run)[-1] for run in runs))


def paths(width: int, runs: list[train.History]) -> Paths:
    """What is kept of networks of one width."""
    good = [run for run in runs if run.diverged is None]
    return Paths(width, tuple(map(outputs, good)), tuple(float(run.loss[-1]) for run in good),
                 tuple(float(run.test_loss[-1]) for run in good),
                 tuple(run.diverged for run in runs if run.diverged is not None))  # fmt: skip


def outputs(run: train.History) -> np.ndarray:
    """(A, N): outputs on all inputs at the recorded steps."""
    return np.concatenate([run.f[run.recorded], run.f_test], axis=1)


# -- from histories to machines ----------------------------------------------------------------------------------


def _machine(run: train.History, s: Setup, name: str) -> Machine:
    at, size = run.recorded, len(run.recorded)
    sd = run.std[at] if run.cov is not None else np.zeros((size, len(run.task.inputs)))
    spread = np.mean(run.std[:, : run.task.count] ** 2, axis=1) / 2 if run.cov is not None else 0.0
    unseen = np.mean(sd[:, run.task.count :] ** 2, axis=1) / 2
    errors = [array for array in (run.f_error, run.f_test_error) if array is not None and array.size]
    still = len(run.at) < size  # features at rest are kept once
    spread_out = lambda a: np.repeat(a, size, axis=0) if still else a  # noqa: E731
    both = {"features": run.kernel, "tangent": run.ntk}
    return Machine(
        name, np.inf if run.width is None else run.width, at, outputs(run), sd,
        max((float(np.abs(array).max()) for array in errors), default=0.0), run.loss + spread, run.test_loss + unseen,
        spread_out(_turned(run.features, s)), {k: spread_out(K) for k, K in both.items()},
        {k: spread_out(run.alignment(K)) for k, K in both.items()}, _changes(run), run.method, run.diverged,
        _maps(run) if name == "kernel" else None,
    )  # fmt: skip


def _maps(run: train.History) -> np.ndarray:
    """(A, N, N): f_t is the descent from zero, plus these times the outputs at the start.

    Descent with the tangent kernel K_t, between the steps that have one by straight lines: exact in the kernel limit;
    else to first order in the start, but for what the start does to K_t.
    """
    B, M, found = run.task.count, np.eye(len(run.task.inputs)), []
    for t in range(int(run.recorded[-1]) + 1):
        if t in run.recorded:
            found.append(M)
        k = int(np.searchsorted(run.at, t, side="right")) - 1
        K = run.ntk[k]
        if k + 1 < len(run.at):
            part = (t - run.at[k]) / (run.at[k + 1] - run.at[k])
            K = (1 - part) * K + part * run.ntk[k + 1]
        M = M - run.lr / B * K[:, :B] @ M[:B]
    return np.array(found)


def _changes(run: train.History) -> np.ndarray:
    """Root mean square change of the last features, relative to their size at the start."""
    B = run.task.count
    size = float(np.sqrt(np.mean(np.diagonal(run.kernel[0])[:B])))
    return run.delta[f"dx{run.p.depth}"] / size


@lru_cache(maxsize=64)
def _reference(name: str, depth: int, phi: str) -> np.ndarray:
    """(N, 2): principal components of the features at the start, at infinite width."""
    return train.limit(abc.ntp(depth), task(name), 0, 0.0, phi, at=[0]).features[0]


def _turned(points: np.ndarray, s: Setup) -> np.ndarray:
    """Principal components turned (or mirrored) in their plane, so that those at the start lie as in the limit."""
    wanted, start = _reference(s.task, s.depth, s.phi), points[0] - points[0].mean(axis=0)
    u, _, v = np.linalg.svd(start.T @ wanted)
    return points @ (u @ v)

