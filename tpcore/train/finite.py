"""`tp.train.sgd` and `tp.train.ladder`: training networks of finite width in any abc-parametrization."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tpcore import checks
from tpcore.abc import Parametrization
from tpcore.activations import Activation
from tpcore.activations.prime import prime
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import get_threads, map_tiles, single_blas
from tpcore.errors import BudgetError, Misuse
from tpcore.finite.values import root_of
from tpcore.limit.expect import differentiable
from tpcore.train.arguments import FAR, FULL, HUGE, moments, parametrization, rule, scales, with_batch
from tpcore.train.cost import store
from tpcore.train.history import History
from tpcore.train.matrices import precision
from tpcore.train.network import Network, Overflow, Pass, Plan
from tpcore.train.records import Records
from tpcore.train.tasks import Task, task

METHODS = ("auto", "dense", "lazy")
BUDGET, MOST_WIDTH = 3 * 2**30, 10**7


def sgd(p: Parametrization, task: Task | str, width: int = 1024, steps: int = 50, lr: float = 0.1,
        phi: str | Activation | Callable = "tanh", seed: int = 0, *, sigma_w: float = 1.0,
        sigma_u: float | None = None, sigma_v: float | None = None, sigma_b: float | None = None,
        gamma: float = 1.0, center: bool = False, optimizer: str | None = None, batch: int | None = None,
        method: str = "auto", record: Iterable[int] | None = None, at: Iterable[int] | None = None, ntk: bool = False,
        progress: Progress | Callable[[int, int], None] | None = None, budget: float = BUDGET) -> History:
    r"""Train one network of width n.

    h^1 = W^1 xi, x^l = phi(h^l), h^{l+1} = W^{l+1} x^l, f = W^{L+1} x^L with W^l = n^(-a_l) w^l, entries of w^l
    N(0, sigma^2 n^(-2 b_l)) and learning rate eta n^(-c_l) on w^l. No 1/sqrt(d) at the input.

    Parameters
    ----------
    p : Parametrization
        As ``tp.abc.mup(2)``: the depth is its own, 1 to 8.
    task : Task or str
        ``tp.train.Task(X, y)``, or the name of one, see `tpcore.train.TASKS`.
    width, steps : int
    lr : float
        eta, at least 0.
    phi : str, Activation or callable
    seed : int
        The same seed draws the same standard normal numbers in every parametrization.
    sigma_w, sigma_u, sigma_v : float
        sigma of hidden, input and readout weights; the last two are sigma_w unless given.
    sigma_b : float or None
        None: no biases. They scale as input weights do (a_1, b_1, c_1).
    gamma : float
        The network's output is gamma f and its learning rate lr / gamma^2 (lr / gamma for adaptive optimizers):
        from muP, gamma = sqrt n is NTP at width n, and what is between is the fine way from rich to lazy. The readout
        W^{L+1} of everything recorded has gamma in it.
    center : bool
        Subtract the outputs at the start.
    optimizer : {"sgd", "sign", "adam"}, optional
        "sgd", or "adam" where `p` is one for adaptive optimizers. Those get n^(d_l) / gamma times the gradient of w^l;
        Adam has beta = 0.9, 0.999 and epsilon 1e-8.
    batch : int, optional
        Size of minibatches, in place of the task's own.
    method : {"auto", "dense", "lazy"}
        "lazy" never stores a hidden matrix; the law of the outputs is the same. SGD only. "auto" takes what is faster
        (`tpcore.train.cost`) and fits: lazy for wide networks, the sooner the fewer steps and inputs.
    record : iterable of int, optional
        Steps at which changes and test outputs are measured: by default all, or 60 of them evenly spaced.
    at : iterable of int, optional
        Steps at which kernels and features are kept: the first and the last by default.
    ntk : bool
        Also the tangent kernel at the steps `at`.
    progress : Progress or callable ``(done, total)``, optional
        Ticks once a step; its `cancel` is obeyed within one.
    budget : float
        Bytes that this may take.

    Returns
    -------
    History
        Training that diverges is a result: ``diverged`` is the step, and the records end before it.

    Raises
    ------
    Misuse, BudgetError, Cancelled

    Notes
    -----
    Source: Tensor Programs IV (arXiv 2011.14522), section 3; IVb (2308.01814) for adaptive optimizers. Hidden
    matrices of 1,024 rows and more are in single precision, all else in double; changes keep their relative accuracy.
    """
    job = Job(p, task, steps, lr, phi, sigma_w, sigma_u, sigma_v, sigma_b, optimizer, batch, method, record, at, ntk,
              budget, gamma, center)  # fmt: skip
    job.plan(width)
    root_of(seed)
    progress = as_progress(progress)
    progress.start(job.steps + 1)
    return job.run(width, seed, progress.tick)


def ladder(p: Parametrization, task: Task | str, widths: Iterable[int] = (64, 256, 1024), seeds: Iterable[int] = (0,),
           steps: int = 50, lr: float = 0.1, phi: str | Activation | Callable = "tanh", *, progress=None,
           **options) -> Iterator[History]:
    """`sgd` at several widths, each with several seeds: histories one by one, in the order of `widths`.

    Parameters
    ----------
    widths, seeds : iterables of int
        Narrow networks train side by side; options are those of `sgd`.

    Yields
    ------
    History
        Ready as soon as its width is.
    """
    names = {"sigma_w": 1.0, "sigma_u": None, "sigma_v": None, "sigma_b": None, "optimizer": None, "batch": None,
             "method": "auto", "record": None, "at": None, "ntk": False, "budget": BUDGET, "gamma": 1.0,
             "center": False}  # fmt: skip
    for name in options:
        checks.choice("An option of training", name, names)
    job = Job(p, task, steps, lr, phi, **(names | options))
    widths, seeds = list(widths), list(seeds)
    for seed in seeds:
        root_of(seed)
    for width in widths:
        job.plan(width)
    progress = as_progress(progress)
    return _climb(job, widths, seeds, progress)


def _climb(job: Job, widths: list[int], seeds: list[int], progress: Progress) -> Iterator[History]:
    progress.start(len(widths) * len(seeds) * (job.steps + 1))
    for width in widths:
        together = 1 if width > 2048 else 4 * get_threads()
        for first in range(0, len(seeds), together):
            yield from map_tiles(lambda seed, n=width: job.run(n, seed, progress.tick), seeds[first : first + together])


class Job:
    """One training, checked, for any width and seed."""

    def __init__(self, p, task_, steps, lr, phi, sigma_w, sigma_u, sigma_v, sigma_b, optimizer, batch, method, record,
                 at, ntk, budget, gamma=1.0, center=False):  # fmt: skip
        self.p, self.task = parametrization(p), with_batch(task(task_), batch)
        self.steps, self.lr = checks.integer("steps", steps, 0, 10**6), checks.real("lr", lr, 0.0)
        self.phi = differentiable(phi)
        self.sigmas = scales(sigma_w, sigma_u, sigma_v, sigma_b)
        self.gamma, self.center = checks.real("gamma", gamma, 0.0, open_low=True), bool(center)
        self.optimizer = rule(p, optimizer)
        self.method = checks.choice("method", method, METHODS)
        if method == "lazy" and self.optimizer != "sgd":
            raise Misuse("Matrices that are never stored are for SGD, whose updates have few directions",
                         f"optimizer={self.optimizer!r}", 'method="dense"')  # fmt: skip
        self.recorded = moments("record", record, self.steps, np.linspace(0, self.steps, min(self.steps, FULL) + 1))
        self.at, self.ntk, self.budget = moments("at", at, self.steps, (0, self.steps)), bool(ntk), budget
        if self.ntk and self.optimizer != "sgd":
            raise Misuse("A tangent kernel belongs to SGD", f"optimizer={self.optimizer!r}")
        self.batches = self.task.batches(self.steps)

    def _columns(self) -> tuple[int, int]:
        """How many vectors a hidden matrix and its transpose meet."""
        count, whole = self.task.count, len(self.task.inputs)
        wide = len(set(self.recorded.tolist()) | set(self.at.tolist()))
        forward = whole + wide * whole + (self.steps + 1 - wide) * count
        return forward, sum(map(len, self.batches)) + self.ntk * len(self.at) * whole

    def plan(self, width: int) -> Plan:
        """How a network of this width is trained.

        Raises
        ------
        BudgetError
            Where it does not fit into memory.
        """
        n = checks.integer("width", width, 1, MOST_WIDTH)
        columns, updates = self._columns(), sum(map(len, self.batches))
        dense = self._stores(n, columns, updates)
        if self._need(n, dense, columns, updates) > self.budget:
            self._refuse(n, columns, updates)
        return Plan(self.p, self.task.inputs, self.phi.f, prime(self.phi).f, self.sigmas, self.lr, self.optimizer,
                    dense, updates, columns, self.gamma, self.center)  # fmt: skip

    def _stores(self, n: int, columns: tuple[int, int], updates: int) -> bool:
        """Whether hidden matrices of this width are stored: as `method` says; by itself, where that is faster and fits
        the budget."""
        if self.method != "auto" or self.optimizer != "sgd" or self.p.depth == 1:
            return self.method != "lazy" or self.p.depth == 1
        if self._need(n, True, columns, updates) > self.budget:
            return False
        products = 2 * (self.steps + 1) + self.ntk * len(self.at)
        return store(n, products, columns, len(self.task.inputs))

    def _need(self, n: int, dense: bool, columns: tuple[int, int], updates: int) -> float:
        """Bytes of a network of width n and its training."""
        entry, hidden = precision(n).itemsize, self.p.depth - 1
        low = self.optimizer == "sgd" and 2 * updates <= n
        change = 16.0 * updates * n if low else entry * n**2 * (3 if self.optimizer == "adam" else 1)
        start = entry * n**2 if dense else 8.0 * n * 2 * (min(columns[0], n) + min(columns[1], n))
        vectors = 8.0 * n * len(self.task.inputs) * (10 * self.p.depth + len(self.at))
        vectors += 24.0 * n * self.task.dimension
        return hidden * (start + change) + vectors

    def _refuse(self, n: int, columns: tuple[int, int], updates: int) -> None:
        """Say what is larger than the budget, and what fits."""
        need = lambda n: self._need(n, self._stores(n, columns, updates), columns, updates)  # noqa: E731
        fits = 1
        while need(2 * fits) <= self.budget:
            fits *= 2
        raise BudgetError(
            f"A network and its training must fit into {self.budget / 2**30:.3g} GiB of memory",
            f"width {n:,}, which needs {need(n) / 2**30:.3g} GiB", f"A width of {fits:,} fits", fits=fits,
        )  # fmt: skip

    def run(self, width: int, seed: int, tick: Callable[[], None]) -> History:
        """Train one network; `tick` is called once a step, and raises to stop."""
        began, plan = time.perf_counter(), self.plan(width)
        fields, diverged = self.draw(width, seed, tick)
        words = [] if diverged is None else [f"Training diverged at step {diverged}."]
        return History(self.p, self.task, self.phi, self.lr, width, seed, self.optimizer, self.steps,
                       "dense" if plan.dense else "lazy", loss=self.task.mean_loss(fields["f"]), diverged=diverged,
                       words=words, seconds=time.perf_counter() - began, gamma=self.gamma, **fields)  # fmt: skip

    def draw(self, width: int, seed: int, tick: Callable[[], None]) -> tuple[dict, int | None]:
        """`train` for a network of this width."""
        plan = self.plan(width)
        return self.train(lambda: Network(plan, width, root_of(seed)), tick)

    def train(self, make: Callable[[], Network], tick: Callable[[], None]) -> tuple[dict, int | None]:
        """All steps of the network that `make` draws: what was recorded, and the step at which it diverged, if any."""
        records = Records(self.recorded, self.at, self.ntk, self.task.count)
        done, net, diverged = 0, None, None
        with single_blas(), np.errstate(all="ignore"):
            try:
                net = make()
                at = self._look(net, records, 0)
                tick()
                for rows in self.batches:
                    done += 1
                    self._step(net, at, rows)
                    at = self._look(net, records, done)
                    tick()
            except (Overflow, FloatingPointError):
                diverged = done
                for _ in range(done, self.steps + 1):
                    tick()
            return records.fields(net), diverged

    def _step(self, net: Network, at: Pass, rows: np.ndarray) -> None:
        """One step on the inputs `rows`, which `at` passed among others."""
        part = at.columns(slice(self.task.count) if len(rows) == self.task.count else rows)
        rows = np.arange(self.task.count) if len(rows) == self.task.count else rows
        net.step(part, rows, self.task.rule.slope(part.f, self.task.y[rows]) / len(rows))

    def _kept(self, t: int) -> np.ndarray:
        """Which of all inputs are trained on at step t + 1, or else are to be compared with themselves."""
        kept = np.full(len(self.task.inputs), t in self.at)
        if t < self.steps:
            kept[self.batches[t]] = True
        return kept

    def _look(self, net: Network, records: Records, t: int) -> Pass:
        """Record the network after t steps."""
        columns = records.columns(t)
        at = net.forward(columns, self._kept(t)[columns])
        if np.abs(at.f).max() > min(HUGE, FAR * (1 + np.abs(self.task.y).max() + np.abs(net.f0).max())):
            raise Overflow
        records.add(t, net, at)
        return at
