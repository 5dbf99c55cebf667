"""Networks of several widths, and how far each is from the two limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from tpapp.compute.ladder import silent
from tpapp.compute.training import frames, network_point, paths
from tpapp.compute.training_tasks import task
from tpapp.training_results import Distance, Machine, Paths, Setup, Widths, WidthsRequest
from tpcore import agreement, train
from tpcore.compute.progress import Progress

SHALLOW, DEEP = (16, 64, 256, 1024, 4096), (16, 48, 128, 384, 1024)
COUNTS = (8, 8, 6, 4, 2)


def request(setup: Setup, r: float, seed: int) -> WidthsRequest:
    return WidthsRequest(setup, r, seed, SHALLOW if setup.depth == 1 else DEEP, COUNTS)


def widths(r: WidthsRequest, progress: Progress | None = None) -> Iterator[Widths]:
    """Width by width; each partial result has all that is known so far."""
    progress, s, done = progress or Progress(), r.setup, ()
    progress.start(sum(r.counts))
    for width, count in zip(r.widths, r.counts):
        runs, seeds = [], range(r.seed, r.seed + count)
        for run in train.ladder(network_point(r.r, s.depth), task(s.task), [width], seeds, s.steps, s.lr, s.phi, at=[0],
                                record=frames(s.steps), progress=silent(progress)):  # fmt: skip
            runs.append(run)
            progress.tick()
        done = (*done, paths(width, runs))
        yield Widths(r, done)


def distance(found: Iterable[Paths], limit: Machine) -> Distance:
    """Root mean square over inputs and frames of what networks put out less what the limit does.

    The kernel limit descends from each network's own outputs at the start.
    """
    rows = {}
    for one in found:
        if one.f:
            rows[one.width] = fars(one, limit)
    mean = np.array([row.mean() for row in rows.values()])
    error = np.array([row.std(ddof=1) / np.sqrt(len(row)) if len(row) > 1 else np.nan for row in rows.values()])
    slope = slope_error = float("nan")
    if len(rows) >= 3 and min(row.min() for row in rows.values()) > 0:
        fit = agreement.slope(list(rows), list(rows.values()))
        slope, slope_error = float(fit.slope), float(fit.stderr)
    return Distance(limit.name, np.array(list(rows)), mean, error, slope, slope_error, tuple(map(len, rows.values())))


@lru_cache(maxsize=256)
def fars(found: Paths, limit: Machine) -> np.ndarray:
    """The distance of each of the networks."""
    rows = [(f, limit.f if limit.maps is None else from_start(limit, f[0])) for f in found.f]
    size = len(limit.frames)
    return np.array([np.sqrt(np.mean((f[:size] - wanted[: len(f)]) ** 2)) for f, wanted in rows])


def from_start(limit: Machine, f0: np.ndarray) -> np.ndarray:
    """(A, N): what a kernel limit puts out at its frames if it starts from `f0` (N,) on all inputs."""
    return limit.f + limit.maps @ f0
