r"""The feature-learning limit: SGD unrolled into a program, and what its vectors tend to.

Where r = 0 and training is stable, min(a_{L+1} + b_{L+1}, 2 a_{L+1} + c_{L+1}) = 1 if the function moves: a layer with
r_l = 0 is updated as in muP and any other stays as it starts; the readout starts as in muP if a_{L+1} + b_{L+1} = 1,
else from zero, and is updated as in muP if 2 a_{L+1} + c_{L+1} = 1, else never (Tensor Programs IV, appendix H).

Two routes: the program's limit by particles (`tpcore.train.particles`), and the mean over wide networks in muP less
their outputs at the start, which are 1/n away from the limit in the mean and 1/sqrt(n) each. Errors are seen in the
spread, of clouds of particles or of networks.
"""

from __future__ import annotations

from threading import Event

import numpy as np

from tpcore.abc import Parametrization, mup
from tpcore.compute.tiles import map_tiles
from tpcore.errors import BudgetError
from tpcore.limit.particles.law import combined
from tpcore.limit.particles.space import Exhausted
from tpcore.train.entrywise import EntrywiseNetwork
from tpcore.train.finite import Job
from tpcore.train.particles import ParticleNetwork

CLOUDS, SAMPLES, ENTRYWISE = 8, (2**17, 2**16, 2**15), 2**14
SECOND, VALUES = 2.0**34, 2.0**27  # particles by the square of a basis, and by columns: about a second of work
DRAWS, NEURONS = 16, 2**14
FROZEN = 60  # a learning rate n^-60 is none
FINE, SOFT, LEAST, MOST = 0.5, 2.0, 3e-3, 0.1
WORK, LARGEST = 3e11, 2**17


def feature_learning(request, moves: list[bool], readout: bool, starts: bool, gamma: float) -> dict:
    """The fields of a `History`; layers that `moves` says, and the readout, are updated as in muP; the readout starts
    as in muP or from zero."""
    p, (sigma_w, sigma_u, sigma_v, sigma_b) = mup(request.p.depth), request.sigmas
    if request.p.adaptive:
        p = mup(request.p.depth, optimizer="adam")
    c = [rate if move else FROZEN for rate, move in zip(p.rates, [*moves, readout], strict=True)]
    p = Parametrization(p.a, p.b, c, p.scales)
    job = Job(p, request.task, request.steps, request.lr, request.phi, sigma_w, sigma_u, sigma_v if starts else 0.0,
              sigma_b, request.optimizer, None, "auto", request.recorded, request.at, request.ntk, float("inf"), gamma,
              True)  # fmt: skip
    if request.method == "networks":
        return _networks(request, job)
    found = _program(request, job)
    return _networks(request, job) if found is None else found


def _program(request, job: Job) -> dict | None:
    """By particles: as many as asked for, or four times the vectors of their basis; None where that takes too long and
    networks may stand in."""
    entrywise, deep = request.p.adaptive, request.p.depth > 1
    columns = sum(job._columns())
    vectors = (request.p.depth - 1) * columns
    basis = 2 * vectors + request.task.X.shape[1] + request.p.depth + 2
    samples = request.samples or (ENTRYWISE if entrywise and deep else _default(basis, columns))
    size = max(16, 1 << int(np.ceil(np.log2(samples / CLOUDS) - 1e-9)))
    # What is below `soft` has a bias that no spread shows: where there is room for all directions, few are left out.
    fine = 4 * basis <= size and not entrywise
    soft = float(np.clip((FINE if fine else SOFT) / np.sqrt(size), LEAST, MOST))
    kind, largest = EntrywiseNetwork if entrywise else ParticleNetwork, LARGEST >> 4 if entrywise and deep else LARGEST
    while True:
        if request.method == "auto" and (vectors * size**2 > WORK or size > largest):
            return None
        if size > largest:
            raise BudgetError("Vectors that meet matrices must be few beside the particles, a quarter of each cloud",
                              f"more than {size // 8:,}", 'method="networks"')  # fmt: skip
        request.progress.start(CLOUDS * (request.steps + 1))
        plan = job.plan(size)

        full = Event()

        def tick(full=full) -> None:
            if full.is_set():
                raise Exhausted
            request.progress.tick()

        def cloud(k: int, size=size, plan=plan, full=full, tick=tick):
            key = (request.seed, k)
            try:
                return job.train(lambda: _from(request.f0, kind(plan, size, key, soft / (1 + k % 2))), tick)
            except Exhausted:
                full.set()

        runs = map_tiles(cloud, range(CLOUDS))
        if not full.is_set():
            return _mean(request, runs, "program")
        size *= 2


def _default(basis: int, columns: int) -> int:
    """The most particles that take about a second where the basis has no more than so many vectors."""
    return next((P for P in SAMPLES if P * basis**2 <= SECOND and P * columns <= VALUES), SAMPLES[-1])


def _from(f0: np.ndarray | None, net):
    net.f0 = net.f0 if f0 is None else f0
    return net


def _networks(request, job: Job) -> dict:
    width = max(16, (request.samples or NEURONS) // DRAWS)
    request.progress.start(DRAWS * (request.steps + 1))
    runs = map_tiles(lambda k: job.draw(width, (request.seed << 8) + k, request.progress.tick), range(DRAWS))
    return _mean(request, runs, f"{DRAWS} networks of width {width:,}")


def _mean(request, runs: list[tuple[dict, int | None]], method: str) -> dict:
    diverged = min((step for _, step in runs if step is not None), default=None)
    end = request.steps + 1 if diverged is None else diverged
    recorded, at = (steps[steps < end] for steps in (request.recorded, request.at))
    R, A, runs = len(recorded), len(at), [fields for fields, _ in runs]
    f, f_test = combined([run["f"][:end] for run in runs]), combined([run["f_test"][:R] for run in runs])
    delta = [run["delta"] for run in runs]
    names = [name for name in delta[0] if name != "gradient" and (name[:2] != "dW" or name[:3] == "dWx")]
    squares = {name: combined([one[name][:R] ** 2 for one in delta]) for name in names}
    sizes = {name: np.sqrt(known.value) for name, known in squares.items()}
    errors = {name: known.error / (2 * np.where(sizes[name] > 0, sizes[name], 1.0)) for name, known in squares.items()}
    mean = lambda arrays: np.mean(list(arrays), axis=0)  # noqa: E731
    return {
        "method": method, "f": f.value, "f_error": f.error, "recorded": recorded,
        "f_test": f_test.value, "f_test_error": f_test.error, "loss": request.task.mean_loss(f.value),
        "delta": sizes, "delta_error": errors, "at": at,
        "kernels": {name: mean(run["kernels"][name][:A] for run in runs) for name in runs[0]["kernels"]},
        "overlap": None if not A else mean(run["overlap"][:A, :, :A] for run in runs),
        "ntk": mean(run["ntk"][:A] for run in runs) if request.ntk and A else None, "diverged": diverged,
    }  # fmt: skip
