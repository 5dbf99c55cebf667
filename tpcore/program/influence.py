"""Which entries of an objective a column of a line can move, line by line from the last to the first.

Entries that no column moves together can be differentiated in one backward
pass: in a batch whose inputs never meet that is all of them.
"""

from __future__ import annotations

import numpy as np

from tpcore.program import ops
from tpcore.program.graph import arguments
from tpcore.program.operators import linear_map, operation


class Influence:
    """Boolean arrays ``of[i]`` of shape (*shape of line i, entries); lines that move nothing are missing.

    Parameters
    ----------
    nodes : list of Node
    roots : int or list of int
        The line whose entries are the objective's, or several of one shape that are added.
    """

    def __init__(self, nodes: list[ops.Node], roots: int | list[int]):
        self.nodes, self.of = nodes, {}
        roots = [roots] if isinstance(roots, int) else roots
        shape = nodes[roots[0]].shape
        self.entries = int(np.prod(shape, dtype=int))
        for root in roots:
            self.of[root] = np.eye(self.entries, dtype=bool).reshape(*shape, self.entries)
        for i in range(max(roots), -1, -1):
            if i in self.of:
                for arg in dict.fromkeys(_arguments(nodes[i].op)):
                    self._add(arg, self.through(i, arg))

    def _add(self, i: int, wide: np.ndarray) -> None:
        folded = _fold(wide, self.nodes[i].shape)
        self.of[i] = folded if i not in self.of else self.of[i] | folded

    def through(self, reader: int, arg: int) -> np.ndarray:
        """What of line `arg` goes through line `reader`, in a shape that the one of `arg` broadcasts to."""
        node, own = self.nodes[reader], self.nodes[arg].shape
        op, found = node.op, self.of[reader]
        match op:
            case ops.Mix():
                return _through_mix(op.matrix, found)
            case ops.Reshape():
                out = np.zeros((int(np.prod(own, dtype=int)), self.entries), bool)
                np.logical_or.at(out, np.ravel(op.index), found.reshape(-1, self.entries))
                return out.reshape(*own, self.entries)
            case ops.Stack():
                return self._through_stack(op, arg, found)
            case ops.Inner():
                return _through_inner(op, arg, found, len(self.nodes[op.x].shape))
            case ops.Scalar():
                return self._through_scalar(op, own, found)
            case ops.Nonlin() | ops.Moment():
                return self._through_function(op, arg, own, found)
        return found

    def _through_stack(self, op: ops.Stack, arg: int, found: np.ndarray) -> np.ndarray:
        total, start = np.zeros((*self.nodes[arg].shape, self.entries), bool), 0
        for i in op.args:
            width = 1 if op.new_axis else self.nodes[i].shape[-1]
            if i == arg:
                part = found[..., start : start + width, :]
                total |= part[..., 0, :] if op.new_axis else part
            start += width
        return total

    def _through_scalar(self, op: ops.Scalar, own: tuple[int, ...], found: np.ndarray) -> np.ndarray:
        known = operation(op.function)
        if op.function.activation is not None or (known is not None and known.symbol != "@"):
            return found
        linear = linear_map(op.function, own) if len(op.params) == 1 else None
        if linear is not None:
            back = [linear.adjoint(found[..., k].astype(float)) != 0 for k in range(self.entries)]
            return np.stack(back, axis=-1)
        return _all(own, found)

    def _through_function(self, op, arg: int, own: tuple[int, ...], found: np.ndarray) -> np.ndarray:
        if not op.function.mixing:
            return found
        known = operation(op.function)
        if known is None or known.symbol != "@" or arg in op.params:
            return _all(own, found)
        rows = found.any(axis=-2) if found.ndim - 1 == len(own) else found
        return np.broadcast_to(rows[..., None, :], (*own, self.entries))


def _arguments(op: ops.Op) -> tuple[int, ...]:
    return arguments(op)[1:] if isinstance(op, ops.MatMul) else arguments(op)


def _through_mix(matrix: np.ndarray, found: np.ndarray) -> np.ndarray:
    if matrix.ndim == 1:
        return found[..., None, :] & (matrix != 0)[:, None]
    return np.einsum("...mk,jm->...jk", found.astype(float), (matrix != 0).astype(float)) > 0


def _through_inner(op: ops.Inner, arg: int, found: np.ndarray, left: int) -> np.ndarray:
    axes_x, axes_y = tuple(range(left)), tuple(range(left, found.ndim - 1))
    total = False
    if op.x == arg:
        total = total | found.any(axis=axes_y)
    if op.y == arg:
        total = total | found.any(axis=axes_x)
    return total


def _all(own: tuple[int, ...], found: np.ndarray) -> np.ndarray:
    any_ = found.any(axis=tuple(range(found.ndim - 1)))
    return np.broadcast_to(any_, (*own, len(any_)))


def _fold(wide: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Any over the axes that broadcasting from `shape` repeats."""
    lead = wide.ndim - 1 - len(shape)
    axes = [*range(lead), *(i + lead for i, s in enumerate(shape) if s == 1)]
    return wide.any(axis=tuple(axes)).reshape(*shape, wide.shape[-1])


def passes(columns: list[np.ndarray], entries: int) -> list[list[int]]:
    """Entries in groups no two of which any column moves; `columns` are arrays (*, entries)."""
    conflict = np.zeros((entries, entries), bool)
    for array in columns:
        flat = array.reshape(-1, entries).astype(float)
        conflict |= flat.T @ flat > 0
    groups: list[list[int]] = []
    for entry in range(entries):
        for group in groups:
            if not conflict[entry, group].any():
                group.append(entry)
                break
        else:
            groups.append([entry])
    return groups
