"""Many independent draws of one program: stacked outputs and moments, streamed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pickle import PicklingError

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import get_threads, map_tiles, single_blas
from tpcore.errors import Misuse
from tpcore.finite import budget as budgets
from tpcore.finite.draw import Draw
from tpcore.finite.plan import Plan
from tpcore.finite.run import make_plan
from tpcore.finite.values import root_of, size
from tpcore.program.check import listed

_CHUNK_SECONDS = 0.05
_WORTH_A_THREAD = 1e-3
_EXECUTOR_CHUNK = 8


class Streamed:
    """Mean and variance of arrays that come one at a time (Welford 1962), in the order of the draws."""

    def __init__(self, count: int = 0, mean: float | np.ndarray = 0.0, squares: float | np.ndarray = 0.0):
        self.count, self.mean, self.squares = count, mean, squares

    def update(self, value: np.ndarray) -> None:
        self.count += 1
        step = value - self.mean
        self.mean = self.mean + step / self.count
        self.squares = self.squares + step * (value - self.mean)

    def snapshot(self) -> Streamed:
        return Streamed(self.count, self.mean, self.squares)

    @property
    def variance(self) -> np.ndarray:
        """Unbiased; NaN for a single draw."""
        return np.asarray(self.squares / (self.count - 1) if self.count > 1 else np.full(np.shape(self.mean), np.nan))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Independent draws of a program at one width.

    Attributes
    ----------
    outputs, scalars : dict
        name -> array (draws, *shape) of an output, of a C-var.
    width, method, seed
        As in `tp.run`.
    draws : int
        Those that are here; ``asked`` is how many there will be.
    seconds : float
        Wall clock so far.
    """

    prog: object = field(repr=False)
    width: int
    draws: int
    asked: int
    method: str
    seed: object
    seconds: float
    outputs: dict[str, np.ndarray] = field(repr=False)
    scalars: dict[str, np.ndarray] = field(repr=False)
    streamed: dict[tuple[str, str], Streamed] = field(repr=False)

    def values(self, name) -> np.ndarray:
        """(draws, *shape) of the output or C-var `name`."""
        kind, name = self._find(name)
        return (self.outputs if kind == "output" else self.scalars)[name]

    def mean(self, name) -> float | np.ndarray:
        """Mean over the draws of the output or C-var `name`."""
        return _plain(np.asarray(self.streamed[self._find(name)].mean))

    def std(self, name) -> float | np.ndarray:
        """Standard deviation over the draws (n - 1 in the denominator) of the output or C-var `name`."""
        return _plain(np.sqrt(self.streamed[self._find(name)].variance))

    def cov(self, *names) -> np.ndarray:
        """Sample covariance (k, k) over the draws of the outputs named (default: all), flattened in that order."""
        if self.draws < 2:
            raise Misuse("A sample covariance needs at least two draws", f"{self.draws}")
        blocks = [self.values(name) for name in (names or self.outputs)]
        if not blocks:
            raise Misuse("The program must have outputs", hint="Name the C-vars whose covariance is wanted")
        flat = np.concatenate([block.reshape(self.draws, -1) for block in blocks], axis=1)
        return np.atleast_2d(np.cov(flat, rowvar=False))

    def _find(self, name) -> tuple[str, str]:
        if isinstance(name, str) and name in self.outputs:
            return "output", name
        if isinstance(name, str) and name not in self.scalars:
            checks.choice("name of an output or C-var", name, [*self.outputs, *self.scalars])
        label = self.prog.node(name).name
        if label not in self.scalars:
            raise Misuse("An ensemble stacks outputs and C-vars", f"{label}", "Use tp.moment or tp.run")
        return "scalar", label


def ensemble(
    prog,
    width: int,
    draws: int = 200,
    seed: int | np.random.SeedSequence = 0,
    progress: Progress | Callable[[int, int], None] | None = None,
    executor=None,
    method: str = "auto",
    dtype=np.float64,
    keep: Iterable | None = None,
    budget: float = budgets.BUDGET,
) -> Ensemble:
    """Draw a program many times at width n and stack its outputs and C-vars.

    Draw i is ``tp.run(..., seed=SeedSequence(seed, spawn_key=(i,)))``, so the
    numbers are the same whatever the number of threads, chunks or workers.

    Parameters
    ----------
    prog, width, seed, method, dtype, budget
        As in `tp.run`.
    draws : int
        How many.
    progress : Progress or callable ``(done, total)``, optional
        Told after every chunk of draws; its `cancel` is obeyed within a tile's work.
    executor : concurrent.futures.Executor, optional
        Runs the draws in chunks through ``submit``; without it they run on the
        project's own threads. Worker processes must be able to unpickle the program.
    keep : iterable of names or variables, optional
        The C-vars wanted: all of them by default.

    Returns
    -------
    Ensemble

    Raises
    ------
    BudgetError, Cancelled, Misuse
    """
    for chunk in ensemble_chunks(prog, width, draws, seed, progress, executor, method, dtype, keep, budget):
        last = chunk
    return last


def ensemble_chunks(
    prog,
    width: int,
    draws: int = 200,
    seed: int | np.random.SeedSequence = 0,
    progress: Progress | Callable[[int, int], None] | None = None,
    executor=None,
    method: str = "auto",
    dtype=np.float64,
    keep: Iterable | None = None,
    budget: float = budgets.BUDGET,
) -> Iterator[Ensemble]:
    """The same, as a generator of growing ensembles, one after every chunk of about 50 ms; the last one is whole.

    The arrays of an ensemble that was yielded never change. Arguments are
    checked at the first step. Parameters as in `ensemble`.
    """
    started = time.perf_counter()
    draws = checks.integer("draws", draws, 1)
    root, progress = root_of(seed), as_progress(progress)
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise Misuse("executor must have a method submit, as those of concurrent.futures have", repr(executor))
    plan = make_plan(prog, width, method, dtype, frozenset(), budget)
    kept = _kept(prog, keep)
    _check_stacks(plan, kept, draws, budget)
    stacks = _Stacks(plan, kept, draws)
    progress.start(draws)
    task = (plan, width, root, np.dtype(dtype), tuple((node.index, node.name) for node in kept))
    source = _own(task, draws, budget, progress) if executor is None else _submitted(task, draws, executor)
    for results in source:
        for result in results:
            stacks.add(result)
        progress.tick(len(results))
        yield Ensemble(
            prog=prog,
            width=int(width),
            draws=stacks.done,
            asked=draws,
            method="dense" if plan.dense else "lazy",
            seed=seed,
            seconds=time.perf_counter() - started,
            outputs=stacks.so_far("output"),
            scalars=stacks.so_far("scalar"),
            streamed={key: stream.snapshot() for key, stream in stacks.streams.items()},
        )


class _Stacks:
    """The arrays (draws, *shape) that fill up, with their streamed moments, under the key (kind, name)."""

    def __init__(self, plan: Plan, kept: list, draws: int):
        shapes = {("output", name): plan.nodes[output.features].shape for name, output in plan.outputs.items()}
        shapes |= {("scalar", node.name): node.shape for node in kept}
        self.done = 0
        self.arrays = {key: np.empty((draws, *shape)) for key, shape in shapes.items()}
        self.streams = {key: Streamed() for key in shapes}

    def add(self, result: dict[tuple[str, str], np.ndarray]) -> None:
        for key, value in result.items():
            self.arrays[key][self.done] = value
            self.streams[key].update(self.arrays[key][self.done])
        self.done += 1

    def so_far(self, kind: str) -> dict[str, np.ndarray]:
        return {name: array[: self.done] for (own, name), array in self.arrays.items() if own == kind}


def one_draw(task: tuple, index: int, progress: Progress | None = None) -> dict[tuple[str, str], np.ndarray]:
    """Outputs and C-vars of draw `index` of a task (plan, width, root, dtype, kept C-vars)."""
    plan, width, root, dtype, kept = task
    seed = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, index))
    draw = Draw(plan, width, seed, dtype, progress)
    draw.execute()
    values = {("output", name): value for name, value in draw.outputs.items()}
    return values | {("scalar", name): draw.scalars[i] for i, name in kept}


def several_draws(task: tuple, indices: range) -> list[dict]:
    """What an executor's worker computes."""
    with single_blas():
        return [one_draw(task, i) for i in indices]


def _own(task: tuple, draws: int, budget: float, progress: Progress) -> Iterator[list[dict]]:
    """Chunks on the project's threads: draws side by side where memory allows, else one after the other.

    Draws that are mostly the interpreter's own work go one after the other too: threads would only queue for it.
    """
    plan, width, _, dtype, _ = task
    fits = get_threads() * budgets.need(plan, width, dtype, threads=1) <= budget
    side_by_side = fits and budgets.seconds(plan, width) > _WORTH_A_THREAD
    done, chunk = 0, get_threads() if side_by_side else 1
    while done < draws:
        indices = range(done, min(draws, done + chunk))
        started = time.perf_counter()
        with single_blas():
            if side_by_side and len(indices) > 1:
                results = map_tiles(lambda i: one_draw(task, i, progress), indices)
            else:
                results = [one_draw(task, i, progress) for i in indices]
        done += len(indices)
        yield results
        seconds = max(time.perf_counter() - started, 1e-6)
        least = get_threads() if side_by_side else 1
        chunk = min(4 * chunk, max(least, round(len(indices) * _CHUNK_SECONDS / seconds)))


def _submitted(task: tuple, draws: int, executor) -> Iterator[list[dict]]:
    """Chunks through an executor, a few ahead, in order."""
    spans = deque(range(i, min(draws, i + _EXECUTOR_CHUNK)) for i in range(0, draws, _EXECUTOR_CHUNK))
    waiting: deque = deque()
    try:
        while spans or waiting:
            while spans and len(waiting) < 4 * get_threads():
                waiting.append(executor.submit(several_draws, task, spans.popleft()))
            try:
                results = waiting.popleft().result()
            except (PicklingError, AttributeError, TypeError) as error:
                if "pickle" not in str(error):
                    raise
                raise Misuse("A program must be pickled to reach another process", str(error),
                             "Write its functions with def in a module, or use threads") from error
            yield results
    finally:
        for future in waiting:
            future.cancel()


def _kept(prog, keep: Iterable | None) -> list:
    if keep is None:
        return [node for node in prog.nodes if node.kind == "C"]
    nodes = [prog.node(name) for name in listed(keep)]
    for node in nodes:
        if node.kind != "C":
            raise Misuse("An ensemble keeps C-vars", f"{node.name} of type {node.kind}", "Use tp.moment or tp.run")
    return nodes


def _check_stacks(plan: Plan, kept: list, draws: int, budget: float) -> None:
    shapes = [plan.nodes[o.features].shape for o in plan.outputs.values()] + [node.shape for node in kept]
    checks.memory("The stacked draws", draws, 8 * max(1, sum(size(shape) for shape in shapes)), budget)


def _plain(value: np.ndarray) -> float | np.ndarray:
    return float(value) if value.ndim == 0 else value
