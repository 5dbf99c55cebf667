"""Networks of several widths trained at a point, their limit beside them, and the powers of n that they show."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from time import perf_counter

import numpy as np

from tpapp.compute import phases
from tpapp.compute.ladder import silent
from tpapp.phase_results import Curve, Ladder, Limit, PointRequest, Training, TrainRequest
from tpcore import agreement, train
from tpcore.compute.progress import Progress

SHALLOW = (64, 256, 1024, 4096, 16384)
DEEP = (64, 192, 512, 1536, 4096)
SEEDS = (8, 6, 4, 3, 2)  # the wider a network, the less its numbers fluctuate
SAMPLES = 2**13  # particles of a feature-learning limit
ADAPTIVE = (32, 96, 256, 768, 2048)  # every hidden matrix is stored
OPTIONS = {
    "curve": {"points": 0}, "parity": {"tests": 0, "count": 16}, "single-index": {"tests": 0, "count": 16},
    "digits": {"tests": 0, "count": 16}, "words": {"tests": 0},
}  # fmt: skip


def widths(point: PointRequest) -> tuple[int, ...]:
    """The five widths that train at a point."""
    return ADAPTIVE if point.adaptive and point.depth > 1 else SHALLOW if point.depth == 1 else DEEP


def request(point: PointRequest, task: str, phi: str, lr: float, steps: int, seed: int) -> TrainRequest:
    return TrainRequest(point, task, phi, lr, steps, seed, widths(point), SEEDS)


@lru_cache(maxsize=16)
def task(name: str) -> train.Task:
    """A task with the inputs it trains on alone."""
    return train.task(name, **OPTIONS[name])


def training(r: TrainRequest, progress: Progress | None = None) -> Iterator[Training]:
    """Width by width, seed by seed; each partial result has all that is known so far."""
    progress = progress or Progress()
    p, began, seen = phases.point(r.point), perf_counter(), {}
    progress.start(sum(r.seeds))
    for width, count in zip(r.widths, r.seeds):
        seeds = range(r.seed, r.seed + count)
        runs = train.ladder(p, task(r.task), [width], seeds, r.steps, r.lr, r.phi, record=range(r.steps + 1), at=[0],
                            optimizer=r.point.optimizer, progress=silent(progress))  # fmt: skip
        for run in runs:
            seen.setdefault(width, []).append(run)
            progress.tick()
            yield _so_far(r, p, seen, perf_counter() - began)


def has_limit(point: PointRequest) -> bool:
    """Whether training at a point has a limit that is known: stable, three layers at most where features move.

    For adaptive optimizers there alone: elsewhere their f_0 is Gaussian, and the steps are not linear in it.
    """
    p = phases.point(point)
    return p.stable and (p.depth <= 3 if p.phase == "feature" else not p.adaptive)


def limit(r: TrainRequest, progress: Progress | None = None) -> Limit:
    """The limit of `training`, with the loss that networks have in the mean."""
    found = train.limit(phases.point(r.point), task(r.task), r.steps, r.lr, r.phi, at=[0], samples=SAMPLES,
                        optimizer=r.point.optimizer, progress=silent(progress or Progress()))  # fmt: skip
    spread = np.mean(found.std[:, : found.task.count] ** 2, axis=1) / 2 if found.cov is not None else 0.0
    return Limit(r, Curve(np.inf, found.loss + spread, found.f, found.diverged), found.method)


def _so_far(r: TrainRequest, p, seen: dict[int, list], seconds: float) -> Training:
    curves = tuple(_curve(width, runs) for width, runs in seen.items())
    ladders = tuple(ladder(p, layer, seen) for layer in range(1, p.depth + 1))
    return Training(r, curves, ladders, sum(map(len, seen.values())), seconds, growing(p, seen))


def growing(p, seen: dict[int, list]) -> Ladder | None:
    """How what blows up first grows with the width, if the point is unstable."""
    what = phases.growth(p)
    if what is None:
        return None

    def size(run) -> float:
        if len(run.f) <= what.step:
            return float("nan")
        return float(np.sqrt(np.mean(run.f[0] ** 2))) if what.name == "f" else float(run.delta[what.name][what.step])

    rows = {width: np.array([size(run) for run in runs]) for width, runs in seen.items()}
    return _fitted(0, {width: row for width, row in rows.items() if np.isfinite(row).all() and row.min() > 0},
                   what.power)  # fmt: skip


def _curve(width: int, runs: list) -> Curve:
    """Means over the seeds, as far as all of them come."""
    length = min(len(run.loss) for run in runs)
    loss = np.mean([run.loss[:length] for run in runs], axis=0)
    f = np.mean([run.f[:length] for run in runs], axis=0)
    ends = [run.diverged for run in runs if run.diverged is not None]
    return Curve(width, loss, f, min(ends) if ends else None)


def ladder(p, layer: int, seen: dict[int, list]) -> Ladder:
    """One layer's change of features after the last step, over the widths at which training ended."""
    name = f"dx{layer}"
    rows = {}
    for width, runs in seen.items():
        sizes = [run.delta[name][-1] for run in runs if run.diverged is None]
        if sizes and min(sizes) > 0:
            rows[width] = np.array(sizes)
    return _fitted(layer, rows, float(p.exponents[name]) if p.stable else float("nan"))


def _fitted(layer: int, rows: dict[int, np.ndarray], predicted: float) -> Ladder:
    """Means, errors and the fitted power of sizes by width."""
    mean = np.array([np.exp(np.log(row).mean()) for row in rows.values()])
    error = np.array([row.std(ddof=1) / np.sqrt(len(row)) if len(row) > 1 else 0.0 for row in rows.values()])
    slope = error_ = float("nan")
    if len(rows) > 2:
        fit = agreement.slope(list(rows), list(rows.values()))
        slope, error_ = float(fit.slope), float(fit.stderr)
    return Ladder(layer, np.array(list(rows)), mean, error, predicted, slope, error_)


def code(r: TrainRequest) -> str:
    """Lines that train the same networks and fit the same powers."""
    options = "".join(f", {name}={value}" for name, value in OPTIONS[r.task].items())
    how = ', optimizer="sign"' if r.point.optimizer == "sign" else ""
    return (
        f'task = tp.train.task("{r.task}"{options})\n'
        f"widths, seeds = {r.widths}, {r.seeds}\nruns = []\n"
        "for n, count in zip(widths, seeds):\n"
        f"    seeds_n = range({r.seed}, {r.seed} + count)\n"
        f'    runs += tp.train.ladder(p, task, [n], seeds_n, steps={r.steps}, lr={r.lr:g}, phi="{r.phi}"{how})\n'
        + (f'limit = tp.train.limit(p, task, {r.steps}, {r.lr:g}, "{r.phi}", samples={SAMPLES}{how})\n'
           if has_limit(r.point) else "")
        + "for layer in range(1, p.depth + 1):\n"
        "    change = [[run.delta[f\"dx{layer}\"][-1] for run in runs if run.width == n and run.diverged is None]\n"
        "              for n in widths]\n"
        "    if all(change):\n"
        "        print(layer, tp.agreement.slope(widths, change).slope)\n"
    )
