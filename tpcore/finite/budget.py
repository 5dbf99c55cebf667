"""How much memory a draw will take, before it is made."""

from __future__ import annotations

import numpy as np

from tpcore.compute.tiles import get_threads
from tpcore.errors import BudgetError
from tpcore.finite.plan import Plan
from tpcore.finite.values import length, size, tile_rows

BUDGET = 2 * 2**30
_DENSE_ENTRIES = 2**25
_NANOSECONDS = {"normal": 1.5, "flop": 0.05, "pass": 1.0}
_PRODUCT_SECONDS = 2e-4


def need(plan: Plan, width: int, dtype=np.float64, threads: int | None = None) -> float:
    """Bytes at the peak: whole arrays alive in the worst stage, matrices, and the tiles of every thread.

    Parameters
    ----------
    plan : Plan
        Of the program.
    width : int
        n.
    dtype : dtype
        float64 or float32.
    threads : int, optional
        That tiles run on; by default those in use.
    """
    entry = np.dtype(dtype).itemsize
    change = np.zeros(len(plan.stages) + 1)
    for node in plan.nodes:
        if node.kind in "GH" and plan.array_stage(node) is not None:
            entries = length(node.dim, width) * size(node.shape)
            change[plan.array_stage(node)] += entries
            if node.index not in plan.keep:
                change[plan.last_use.get(node.index, plan.made[node.index]) + 1] -= entries
    for matrix, products in plan.whole_matrices().items():
        change[products[0].stage] += _matrix_entries(plan, matrix, products, width)
        change[products[-1].stage + 1] -= _matrix_entries(plan, matrix, products, width)
        for product in products:
            block = product.columns * 3 * length(plan.nodes[product.inputs[0]].dim, width)
            change[product.stage] += block
            change[product.stage + 1] -= block
    tiles = _tile_entries(plan, width) * (threads or get_threads())
    return float(entry * (np.cumsum(change).max() + tiles))


def seconds(plan: Plan, width: int, dense: bool | None = None) -> float:
    """A rough time on one core for the arithmetic of one draw, without the interpreter's own time.

    Parameters
    ----------
    plan : Plan
        Of the program.
    width : int
        n.
    dense : bool, optional
        As if matrices were stored, or not; by default as the plan has it.
    """
    dense = plan.dense if dense is None else dense
    total = 0.0
    for node in plan.nodes:
        if node.kind in "GH":
            total += length(node.dim, width) * size(node.shape) * _NANOSECONDS["pass"]
    for matrix, products in plan.by_matrix().items():
        rows, cols = (length(dim, width) for dim in plan.nodes[matrix].dim)
        columns = sum(product.columns for product in products)
        if dense:
            total += rows * cols * (_NANOSECONDS["normal"] + columns * _NANOSECONDS["flop"])
        else:
            total += rows * columns * _NANOSECONDS["normal"]
            work = columns * _NANOSECONDS["flop"]
            if plan.dense or not products[0].fused:
                work = min(columns, rows, cols) * _NANOSECONDS["pass"]
            total += (rows + cols) * columns * work
    return total * 1e-9


def dense_is_cheaper(plan: Plan, width: int) -> bool:
    """Whether storing the matrices is expected to take less time than the lazy method that `plan` is for."""
    entries = 0.0
    for matrix in plan.by_matrix():
        rows, cols = (length(dim, width) for dim in plan.nodes[matrix].dim)
        entries += rows * cols
    overhead = _PRODUCT_SECONDS * sum(not product.fused for product in plan.products)
    return entries <= _DENSE_ENTRIES and seconds(plan, width, dense=True) < seconds(plan, width) + overhead


def check(plan: Plan, width: int, dtype, budget: float) -> None:
    """Refuse a draw above `budget` bytes, naming the largest width that fits."""
    bytes_needed = need(plan, width, dtype)
    if bytes_needed <= budget:
        return
    low, high = 0, int(width)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if need(plan, middle, dtype) <= budget else (low, middle)
    hints = [f"A width of {low:,} fits" if low else "No width fits"]
    if plan.keep:
        hints.append("keep=() keeps no vectors and needs less")
    if plan.dense:
        hints.append('method="lazy" stores no matrix')
    raise BudgetError(
        f"A draw of this program must fit into {budget / 2**30:.3g} GiB of memory",
        f"width {int(width):,}, which needs {bytes_needed / 2**30:.3g} GiB",
        "; ".join(hints),
        fits=low,
    )



def _matrix_entries(plan: Plan, matrix: int, products: list, width: int) -> float:
    rows, cols = (length(dim, width) for dim in plan.nodes[matrix].dim)
    if plan.dense:
        return float(rows) * cols
    sides = {False: 0, True: 0}
    for product in products:
        sides[product.transposed] += product.columns
    return float(rows + cols) * (min(sides[False], cols) + min(sides[True], rows))


def _tile_entries(plan: Plan, width: int) -> float:
    """The widest sweep, all of whose vectors are in memory for one tile."""
    widest = 0.0
    for stage in plan.stages:
        for sweep in stage.sweeps.values():
            columns = sum(2 * source.columns for source in sweep.sources) + sum(size(n.shape) for n in sweep.nodes)
            rows = min(length(sweep.dim, width), tile_rows(plan.columns[sweep.dim]))
            widest = max(widest, 2.0 * columns * rows)
    return widest
