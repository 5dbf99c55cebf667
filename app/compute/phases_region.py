"""The phases of a picture measured: small trainings at every point of a grid, their powers of n, what these say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from time import perf_counter

import numpy as np

from tpapp.compute import phases
from tpapp.compute.ladder import silent
from tpapp.phase_results import Probe, Region, RegionRequest
from tpcore import agreement, train
from tpcore.compute.progress import Progress

SIDE, STEPS, RATE, ADAM = 12, 5, 4.0, 0.02
SEEDS, DEEPER = 2, 4  # networks a width: with three hidden layers and more their sizes fluctuate more
SHALLOW, DEEP = (128, 512, 2048), (48, 192, 768)  # a factor of 16
INPUTS = 16
GROWS, MOVES, STILL, FROZEN = 0.05, 0.065, -0.09, -0.06  # powers beyond which something grows, f does, stays, freezes


def request(picture, phi: str, seed: int) -> RegionRequest:
    return RegionRequest(picture, phi, seed, SIDE, SHALLOW if picture.point.depth == 1 else DEEP)


@lru_cache(maxsize=1)
def probe_task() -> train.Task:
    """Many inputs in as many dimensions: their outputs at the start are nearly independent, so sizes are sharp."""
    return train.task("single-index", count=INPUTS, dimension=INPUTS, link="sine", tests=0)


def region(r: RegionRequest, progress: Progress | None = None) -> Iterator[Region]:
    """Measured phases at side x side points, row by row from the top; partial results after each point."""
    progress, began = progress or Progress(), perf_counter()
    plane = phases.plane(r.picture)
    sides = [(float(low), float(high)) for low, high in (plane.xlim, plane.ylim)]
    x, y = (low + (high - low) * (np.arange(r.side) + 0.5) / r.side for low, high in sides)
    points = [(float(a), float(b)) for b in y[::-1] for a in x]
    progress.start(len(points))
    probes: list[Probe] = []
    for at in points:
        p = plane.at(*at)
        measured, words = _measure(p, r, silent(progress))
        probes.append(Probe(at, str(p.phase), measured, float(plane.distance(*at)), words))
        progress.tick()
        yield _result(r, probes, len(points), perf_counter() - began)


def _result(r: RegionRequest, probes: list[Probe], total: int, seconds: float) -> Region:
    clear = [one for one in probes if one.far > 0.1]
    return Region(r, tuple(probes), total, sum(one.measured == one.predicted for one in clear), len(clear), seconds)


def _measure(p, r: RegionRequest, progress: Progress) -> tuple[str, str]:
    """The phase that the measured powers say, and those powers in words."""
    seen: dict[int, list] = {}
    lr = ADAM if p.adaptive else RATE
    for run in train.ladder(p, probe_task(), r.widths, _seeds(p, r), STEPS, lr, r.phi, record=[0, STEPS], at=[0],
                            optimizer=r.picture.point.optimizer, progress=progress):  # fmt: skip
        if run.diverged is not None:
            return "unstable", f"diverged at step {run.diverged} at n = {run.width:,}"
        seen.setdefault(run.width, []).append(run)
    powers = {name: _power(seen, read) for name, read in _readers(p).items()}
    if r.picture.kind == "slice" and r.picture.tie == "none":  # elsewhere preactivations start at size one
        powers = _starts(p, r, progress) | powers
    return decide(powers), ", ".join(f"{name} n^{power:.2f}" for name, power in powers.items())


def _seeds(p, r: RegionRequest) -> range:
    return range(r.seed, r.seed + (SEEDS if p.depth < 3 else DEEPER))


def _starts(p, r: RegionRequest, progress: Progress) -> dict[str, float]:
    """Powers of the preactivations at the start, read off the same weights without the activation, which hides them."""
    seen: dict[int, list] = {}
    for run in train.ladder(p, probe_task(), r.widths, _seeds(p, r), 0, 0.0, "identity", at=[0],
                            optimizer=r.picture.point.optimizer, progress=progress):  # fmt: skip
        if not len(run.at):
            return {"h1": math.inf}
        seen.setdefault(run.width, []).append(run)

    def size(run, layer: int) -> float:
        return float(np.sqrt(np.mean(np.diagonal(run.kernels[f"x{layer}"][0]))))

    return {f"h{layer}": _power(seen, lambda run, layer=layer: size(run, layer)) for layer in range(1, p.depth + 1)}


def _readers(p) -> dict:
    """What is measured: outputs at the start, their change relative to what they had to learn, the features' change.

    An adaptive optimizer does not feel the gradients' size, so their change is measured too, relative to their start.
    """
    y, depth, start = probe_task().y, p.depth, float(p.a[-1] + p.b[-1])

    def size(v: np.ndarray) -> float:
        return float(np.sqrt(np.mean(v**2)))

    found = {
        "f0": lambda run: size(run.f[0]),
        "df": lambda run: run.delta["df"][-1] / size(run.f[0] - y),
    }
    for layer in range(1, depth + 1):
        found[f"dh{layer}"] = lambda run, name=f"dh{layer}": run.delta[name][-1]
    if p.adaptive:
        found["gradient"] = lambda run: run.delta[f"dW{depth + 1}"][-1] * run.width**start
    return found | {"dx": lambda run: run.delta[f"dx{depth}"][-1]}


def _power(seen: dict[int, list], read) -> float:
    """The slope of log size against log width; minus infinity where a size is zero in the computer."""
    rows = [np.array([read(run) for run in runs]) for runs in seen.values()]
    if min(row.min() for row in rows) <= 0:
        return -math.inf
    return float(agreement.slope(list(seen), rows).slope)


def decide(powers: dict[str, float]) -> str:
    """The phase that measured powers of n say: does anything grow, does the function move, do the features?

    Preactivations at the start (h1, h2, ..) may not vanish either.
    """
    grows = [abs(power) if name[0] == "h" else power for name, power in powers.items() if name not in ("df", "dx")]
    if max(grows) > GROWS or powers["df"] > MOVES:
        return "unstable"
    if powers["df"] < STILL:
        return "trivial"
    return "feature" if powers["dx"] > FROZEN else "kernel"
