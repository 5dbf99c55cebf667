"""Heavy tails of what particles average, and the poles that make them."""

from __future__ import annotations

import numpy as np

from tpcore.limit import poles
from tpcore.program import ops

HEAVY = 0.2  # of the second moment, by one particle
_POLE = 0.95


def check(cloud, node: ops.Node, rows: np.ndarray, sizes: np.ndarray, power: int) -> float:
    """The largest share of one particle in sum |row|^power, the second moment of what is averaged.

    Parameters
    ----------
    cloud : Cloud
    node : Node
        The line whose function made `rows`.
    rows : ndarray, (size, particles)
    sizes : ndarray, (size,)
        Their root mean squares.
    power : {2, 4}
        2 where rows are averaged themselves, 4 where their squares are.

    Raises
    ------
    Misuse
        Where the share is heavy because the function has a pole through which the average is infinite.
    """
    top = np.maximum(rows.max(axis=1, initial=0.0), -rows.min(axis=1, initial=0.0))
    share = (top / np.where(sizes > 0, sizes, 1.0)) ** power / rows.shape[1]  # at least the share in question
    if power > 2:
        for column in np.flatnonzero(share > HEAVY):
            share[column] = 1.0 / np.sum((rows[column] / top[column]) ** power)
    for column in np.flatnonzero(share > HEAVY):
        _refuse_pole(cloud, node, int(column), int(np.abs(rows[column]).argmax()), power // 2)
    return float(share.max(initial=0.0))


def _refuse_pole(cloud, node: ops.Node, column: int, particle: int, power: int) -> None:
    """Move one argument of the line's function away from the heaviest particle, the others held."""
    op = node.op
    if not isinstance(op, ops.Nonlin | ops.Moment) or op.function.mixing:
        return
    params = [cloud.scalars[p] for p in op.params]
    blocks = [cloud.block(arg) for arg in op.args]
    held = [block[particle][None] for block in blocks]
    for i, block in enumerate(blocks):

        def size(step, i=i):
            args = [np.repeat(h, len(step), axis=0) for h in held]
            args[i] += step.reshape(-1, *(1,) * (held[i].ndim - 1))
            values = np.asarray(op.function.call(*args, *params), float)
            return np.abs(np.broadcast_to(values, (len(step), *node.shape)).reshape(len(step), -1)[:, column]) ** power

        reach = 7.0 * float(np.std(block, dtype=float))
        found = poles.exponent(size, 0.0, reach) if reach > 0 else 0.0
        if found >= _POLE:
            poles.refuse(f"{op.function.label} in {node.name} ({node.where})", found)
