"""Networks of several widths, and how far each is from the kernel limit and from the feature limit at its gamma."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from tpapp.compute import training
from tpapp.compute.ladder import silent
from tpapp.compute.training import feature, frames, gamma, network_point, paths
from tpapp.compute.training_tasks import task
from tpapp.training_results import Distance, FeatureRequest, Machine, Paths, Setup, Widths, WidthsRequest
from tpcore import agreement, train
from tpcore.compute.progress import Progress

SHALLOW, DEEP = (16, 64, 256, 1024, 4096), (16, 48, 128, 384, 1024)
COUNTS = (8, 8, 6, 4, 2)


def request(setup: Setup, r: float, seed: int) -> WidthsRequest:
    return WidthsRequest(setup, r, seed, SHALLOW if setup.depth == 1 else DEEP, COUNTS)


def widths(r: WidthsRequest, progress: Progress | None = None) -> Iterator[Widths]:
    """Width by width; each partial result has all that is known so far."""
    progress, s, done, limits = progress or Progress(), r.setup, (), ()
    progress.start(sum(r.counts))
    for width, count in zip(r.widths, r.counts):
        if r.r > 0:
            samples = training.SAMPLES >> (s.depth > 1)  # several of them: coarser where one takes long
            limits = (*limits, feature(FeatureRequest(s, gamma(r.r, width)), silent(progress), samples))
        runs, seeds = [], range(r.seed, r.seed + count)
        for run in train.ladder(network_point(r.r, s.depth), task(s.task), [width], seeds, s.steps, s.lr, s.phi, at=[0],
                                record=frames(s.steps), progress=silent(progress)):  # fmt: skip
            runs.append(run)
            progress.tick()
        done = (*done, paths(width, runs))
        yield Widths(r, done, limits)


def distance(found: Sequence[Paths], limits: Sequence[Machine]) -> Distance:
    """Root mean square over inputs and frames of what networks put out less what the limit does: one for each width.

    Limits with gamma > 1 descend from each network's own outputs at the start, with their own tangent kernel.
    """
    rows = {one.width: fars(one, limit) for one, limit in zip(found, limits) if one.f}
    mean = np.array([row.mean() for row in rows.values()])
    error = np.array([row.std(ddof=1) / np.sqrt(len(row)) if len(row) > 1 else np.nan for row in rows.values()])
    slope = slope_error = float("nan")
    if len(rows) >= 3 and min(row.min() for row in rows.values()) > 0:
        fit = agreement.slope(list(rows), list(rows.values()))
        slope, slope_error = float(fit.slope), float(fit.stderr)
    counts = tuple(map(len, rows.values()))
    return Distance(limits[0].name, np.array(list(rows)), mean, error, slope, slope_error, counts)


def distances(result: Widths, machines: Mapping[str, Machine]) -> list[Distance]:
    """To the kernel limit, and to the feature limit at each width's own gamma, of what stays bounded."""
    known = {name: [machines[name]] * len(result.paths) for name in ("kernel", "feature") if name in machines}
    if result.request.r > 0:
        known["feature"] = list(result.limits)
    found = []
    for name in ("kernel", "feature"):
        pairs = [pair for pair in zip(result.paths, known.get(name, ())) if pair[1].diverged is None]
        if pairs:
            found.append(distance(*zip(*pairs)))
    return found


@lru_cache(maxsize=256)
def fars(found: Paths, limit: Machine) -> np.ndarray:
    """The distance of each of the networks."""
    rows = [(f, limit.f if limit.maps is None else from_start(limit, f[0])) for f in found.f]
    size = len(limit.frames)
    return np.array([np.sqrt(np.mean((f[:size] - wanted[: len(f)]) ** 2)) for f, wanted in rows])


def from_start(limit: Machine, f0: np.ndarray) -> np.ndarray:
    """(A, N): what a limit puts out at its frames if it starts from `f0` (N,) on all inputs."""
    return limit.f + limit.maps @ f0
