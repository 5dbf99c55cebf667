"""The feature-learning limit as a mean over wide networks: where a program would need too many Gaussians.

Networks in muP, less their outputs at the start (which vanish in the limit), are 1/n away from it in the mean and
1/sqrt(n) each (Tensor Programs IV, arXiv 2011.14522, section 6): the mean over DRAWS of them has an error that is seen
in their spread. What is frozen in the limit is frozen in them.
"""

from __future__ import annotations

import numpy as np

from tpcore.abc import Parametrization, mup
from tpcore.compute.tiles import map_tiles
from tpcore.limit.particles.law import combined
from tpcore.train.finite import Job

DRAWS, NEURONS = 16, 2**14
FROZEN = 60  # a learning rate n^-60 is none


def mean_of_networks(request, moves: list[bool], readout: bool, starts: bool) -> dict:
    """The fields of a `History`; layers that `moves` says, and the readout, are updated as in muP."""
    depth, (sigma_w, sigma_u, sigma_v, sigma_b) = request.p.depth, request.sigmas
    p = mup(depth)
    p = Parametrization(p.a, p.b, [0 if move else FROZEN for move in [*moves, readout]])
    job = Job(p, request.task, request.steps, request.lr, request.phi, sigma_w, sigma_u, sigma_v if starts else 0.0,
              sigma_b, "sgd", None, "auto", request.recorded, request.at, request.ntk, float("inf"), request.gamma,
              True)  # fmt: skip
    width = max(16, (request.samples or NEURONS) // DRAWS)
    progress = request.progress
    progress.start(DRAWS * (request.steps + 1))
    runs = map_tiles(lambda k: job.run(width, (request.seed << 8) + k, progress.tick), range(DRAWS))
    diverged = min((run.diverged for run in runs if run.diverged is not None), default=None)
    end = request.steps + 1 if diverged is None else diverged
    return _mean(request, runs, end, width) | {"diverged": diverged}


def _mean(request, runs, end: int, width: int) -> dict:
    recorded, at = (steps[steps < end] for steps in (request.recorded, request.at))
    R, A = len(recorded), len(at)
    f, f_test = combined([run.f[:end] for run in runs]), combined([run.f_test[:R] for run in runs])
    names = [name for name in runs[0].delta if name[:2] != "dW" or name[:3] == "dWx"]
    squares = {name: combined([run.delta[name][:R] ** 2 for run in runs]) for name in names if name != "gradient"}
    sizes = {name: np.sqrt(known.value) for name, known in squares.items()}
    errors = {name: known.error / (2 * np.where(sizes[name] > 0, sizes[name], 1.0)) for name, known in squares.items()}
    mean = lambda arrays: np.mean(list(arrays), axis=0)  # noqa: E731
    return {
        "method": f"{DRAWS} networks of width {width:,}", "f": f.value, "f_error": f.error, "recorded": recorded,
        "f_test": f_test.value, "f_test_error": f_test.error, "loss": request.task.mean_loss(f.value),
        "delta": sizes, "delta_error": errors, "at": at,
        "kernels": {name: mean(run.kernels[name][:A] for run in runs) for name in runs[0].kernels},
        "overlap": None if not A else mean(run.overlap[:A, :, :A] for run in runs),
        "ntk": mean(run.ntk[:A] for run in runs) if request.ntk and A else None,
    }  # fmt: skip
