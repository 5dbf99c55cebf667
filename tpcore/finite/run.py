"""One draw of a program at finite width."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import single_blas
from tpcore.errors import Misuse
from tpcore.finite import budget as budgets
from tpcore.finite.draw import Draw
from tpcore.finite.plan import Plan
from tpcore.finite.values import root_of
from tpcore.program.check import check_program, listed


MOST_WIDTH = 10**10


@dataclass(frozen=True, eq=False)
class Run:
    """One draw: ``run["z"]`` is the array (length, *shape) of a vector, scalars and outputs by name.

    Attributes
    ----------
    width : int
        n.
    method : {"dense", "lazy"}
        How products were done.
    seed : int or SeedSequence
        Of the draw.
    seconds : float
        Wall clock.
    outputs, scalars : dict
        name -> array of the output's or C-var's shape.
    vectors : dict
        name -> array (length, *shape), of the vectors that were kept.
    """

    prog: object = field(repr=False)
    width: int
    method: str
    seed: object
    seconds: float
    vectors: dict[str, np.ndarray] = field(repr=False)
    scalars: dict[str, np.ndarray] = field(repr=False)
    outputs: dict[str, np.ndarray] = field(repr=False)

    def __getitem__(self, name) -> np.ndarray:
        """The vector `name` (a name or a variable), shape (length, *shape)."""
        node = self.prog.node(name)
        if node.kind not in "GH":
            raise Misuse(f"run[...] gives vectors, and {node.name} has type {node.kind}", hint="Use run.scalar(name)")
        if node.name not in self.vectors:
            kept = ", ".join(self.vectors) or "none"
            raise Misuse(f"{node.name} must be among the vectors kept", f"keep = {kept}", "Name it in keep=")
        return self.vectors[node.name]

    def scalar(self, name) -> float | np.ndarray:
        """The C-var `name`: a float, or an array of its shape."""
        node = self.prog.node(name)
        if node.kind != "C":
            raise Misuse(f"run.scalar gives C-vars, and {node.name} has type {node.kind}", hint="Use run[name]")
        return _plain(self.scalars[node.name])

    def output(self, name: str) -> float | np.ndarray:
        """The output `name`: a float, or an array where its vector is a block."""
        return _plain(self.outputs[checks.choice("output", name, self.outputs)])


def run(
    prog,
    width: int,
    seed: int | np.random.SeedSequence = 0,
    method: str = "auto",
    dtype=np.float64,
    keep: Iterable | None = None,
    budget: float = budgets.BUDGET,
    progress: Progress | Callable[[int, int], None] | None = None,
) -> Run:
    r"""Draw a program's matrices and vectors at width n and compute everything in it.

    A matrix of rows r and cols c has entries N(0, variance / (c n)); the output
    (v, y) is v^T y / sqrt(length) plus its bias. "dense" stores the matrices;
    "lazy" never does and has exactly the same law, at O(n) memory.

    Parameters
    ----------
    prog : Program
        The program.
    width : int
        1 <= n <= 10^10; a vector of dimension d has length round(d n), at least 1.
    seed : int or SeedSequence
        The same seed gives the same numbers, on any number of threads; another
        method or dtype gives another draw.
    method : {"auto", "dense", "lazy"}
        "auto" takes the cheaper one.
    dtype : {float64, float32}
        Of vectors and matrices; C-vars and outputs are float64 always.
    keep : iterable of names or variables, optional
        The vectors wanted as whole arrays: all of them by default, ``()`` for
        none. Others are forgotten, or never stored, as soon as possible.
    budget : float
        Bytes that this may take, by an estimate made beforehand; ``float("inf")`` for no limit.
    progress : Progress or callable ``(done, total)``, optional
        Told after every product and every stage between them; its `cancel` is obeyed within a tile's work.

    Returns
    -------
    Run

    Raises
    ------
    BudgetError
        Naming the width that fits.
    Cancelled
        When the caller no longer wants it.

    Notes
    -----
    Source: Tensor Programs I (arXiv 1910.12478), section 4 and appendix F (dimensions that differ);
    the lazy method: `tpcore.finite.lazy`.
    """
    started = time.perf_counter()
    root = root_of(seed)
    check_program(prog)
    kept = _kept(prog, keep)
    plan = make_plan(prog, width, method, dtype, kept, budget)
    with single_blas():
        progress = as_progress(progress)
        draw = Draw(plan, width, root, dtype, progress)
        progress.start(plan.pieces)
        draw.execute(progress.tick)
    names = {node.index: node.name for node in plan.nodes}
    return Run(
        prog=prog,
        width=int(width),
        method="dense" if plan.dense else "lazy",
        seed=seed,
        seconds=time.perf_counter() - started,
        vectors={names[i]: draw.vectors[i] for i in sorted(kept)},
        scalars={names[i]: value for i, value in sorted(draw.scalars.items())},
        outputs=draw.outputs,
    )


def make_plan(prog, width, method="auto", dtype=np.float64, keep=frozenset(), budget=budgets.BUDGET) -> Plan:
    """The plan of `run`, checked against its budget."""
    checks.integer("width", width, 1, MOST_WIDTH)
    checks.choice("method", method, ("auto", "dense", "lazy"))
    dtype = float_dtype(dtype)
    if not (isinstance(budget, float) and budget == float("inf")):
        budget = checks.real("budget", budget, 0.0)
    check_program(prog)
    plan = Plan(prog, method == "dense", keep)
    if method == "auto" and budgets.dense_is_cheaper(plan, width):
        dense = Plan(prog, True, keep)
        if budgets.need(dense, width, dtype, threads=1) <= budget:
            plan = dense
    budgets.check(plan, width, dtype, budget)
    return plan


def float_dtype(dtype) -> np.dtype:
    """`dtype` as one of the two that draws are made in."""
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError):
        found = np.dtype(object)
    if found not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise Misuse("dtype must be float64 or float32", repr(dtype))
    return found


def _kept(prog, keep: Iterable | None) -> frozenset[int]:
    if keep is None:
        return frozenset(node.index for node in prog.nodes if node.kind in "GH")
    nodes = [prog.node(name) for name in listed(keep)]
    for node in nodes:
        if node.kind not in "GH":
            raise Misuse(f"keep= names vectors, and {node.name} has type {node.kind}")
    return frozenset(node.index for node in nodes)


def _plain(value: np.ndarray) -> float | np.ndarray:
    return float(value) if value.ndim == 0 else value
