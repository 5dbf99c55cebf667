"""Draws of wide networks, in chunks: what the empirical kernels and the sampled outputs share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import get_threads, map_tiles, single_blas
from tpcore.errors import BudgetError, Unsupported
from tpcore.finite.budget import BUDGET
from tpcore.kernels.dense import DenseDraw
from tpcore.kernels.forward import Forward, Sampler
from tpcore.kernels.nngp import network
from tpcore.kernels.recursion import square_memory
from tpcore.nets import MLP
from tpcore.nets.base import inputs

METHODS = ("auto", "lazy", "dense")
LONGEST, SECONDS = 3600.0, 1e-8  # of a call; of one core for a neuron, an input, a layer and a pass
CHUNKS_A_STEP = 8


class Request:
    """Checked arguments of one call, and the loop over its draws.

    Parameters
    ----------
    passes : int
        How often a draw goes through its neurons: once forward, once more backward.
    entries : int
        Numbers in the result of one draw.
    """

    def __init__(
        self, net, X, width, draws, seed, method, progress, budget, *, passes: int, entries: Callable[[int], int]
    ):
        self.net = network(net)
        if not isinstance(self.net, MLP):
            raise Unsupported("Networks of finite width are drawn here for MLPs", type(net).__name__)
        self.X = inputs(X)
        self.width = checks.integer("width", width, 1)
        self.draws = checks.integer("draws", draws, 1)
        self.dense = checks.choice("method", method, METHODS) == "dense"
        known = isinstance(seed, np.random.SeedSequence)
        self.seed = seed if known else np.random.SeedSequence(checks.integer("seed", seed, 0))
        self.progress: Progress = as_progress(progress)
        self._lock = threading.Lock()
        self.passes = passes
        self._check_memory(budget, entries(len(self.X)))
        self._check_time()
        root = np.uint64(self.seed.generate_state(1, np.uint64)[0])
        with single_blas():  # as inside the tiles: BLAS rounds in another way on another number of threads
            self.sampler = Sampler(self.net, self.X, self.width, root, tick=self._tick)

    def _check_memory(self, budget: float, entries: int) -> None:
        count, depth = len(self.X), self.net.depth
        checks.memory("draws", self.draws, 8.0 * entries, budget)
        square_memory(count, 8.0 * (4 * depth + 8), budget)
        if self.dense:
            square, linear = 8.0 * (depth - 1), 8.0 * (2 * depth * count + self.X.shape[1] + 2)
            need = square * self.width**2 + linear * self.width
            fits = int(2 * budget / (linear + np.sqrt(linear**2 + 4 * square * budget)))
            if need > budget:
                raise BudgetError(
                    f"The weights of a dense network must fit into {budget / 2**30:.3g} GiB of memory",
                    f"width {self.width:,}, which needs {need / 2**30:.3g} GiB",
                    f"A width of at most {fits:,} fits, and any width without method='dense'",
                    fits=fits,
                )

    def _check_time(self) -> None:
        each = SECONDS * self.draws * len(self.X) * self.net.depth * self.passes
        if each * self.width > LONGEST:
            fits = int(LONGEST / each)
            raise BudgetError("The draws must take less than about an hour",
                              f"width {self.width:,}, which takes about {each * self.width / 3600:,.0f} hours",
                              f"A width of at most {fits:,} fits" if fits else "Ask for fewer draws", fits=fits)

    def _tick(self) -> None:
        with self._lock:
            self.progress.tick()

    def chunks(
        self, lazy: Callable[[Forward], np.ndarray], dense: Callable[[DenseDraw], np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Results of consecutive draws, stacked, as they become ready; on any number of threads the same."""
        if self.dense:
            yield from self._dense(dense)
            return
        together = self.sampler.together
        starts = list(range(0, self.draws, together))
        self.progress.start(len(starts) * self.sampler.tiles * self.net.depth * self.passes)

        def work(start: int) -> np.ndarray:
            return lazy(Forward(self.sampler, start, min(together, self.draws - start)))

        # One draw of many tiles keeps all threads busy by itself; small ones run side by side.
        step = 1 if self.sampler.tiles > 2 * get_threads() else CHUNKS_A_STEP
        for first in range(0, len(starts), step):
            yield np.concatenate(map_tiles(work, starts[first : first + step]))

    def _dense(self, dense: Callable[[DenseDraw], np.ndarray]) -> Iterator[np.ndarray]:
        self.progress.start(self.draws)

        def work(draw: int) -> np.ndarray:
            child = np.random.SeedSequence(entropy=self.seed.entropy, spawn_key=(*self.seed.spawn_key, draw))
            result = dense(DenseDraw(self.net, self.X, self.width, np.random.Generator(np.random.SFC64(child))))
            self._tick()
            return result

        step = 64 if self.width <= 256 else get_threads()
        for first in range(0, self.draws, step):
            yield np.stack(map_tiles(work, range(first, min(first + step, self.draws))))


__all__ = ["BUDGET", "Request"]
