"""The graph of a program: which node an instruction reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from tpcore.program import ops


def arguments(op: ops.Op) -> tuple[int, ...]:
    """The nodes that `op` reads, matrix first, in the order of the instruction."""
    match op:
        case ops.MatMul():
            return (op.matrix, op.x)
        case ops.LinComb() | ops.Stack():
            return op.args
        case ops.Nonlin() | ops.Moment():
            return op.args + op.params
        case ops.Mix() | ops.Reshape():
            return (op.x,)
        case ops.Inner():
            return (op.x, op.y)
        case ops.Scalar():
            return op.params
    return ()


def renumbered(op: ops.Op, of: Callable[[int], int]) -> ops.Op:
    """The same instruction, reading the nodes ``of(i)`` in place of i."""
    match op:
        case ops.MatMul():
            return replace(op, matrix=of(op.matrix), x=of(op.x))
        case ops.LinComb() | ops.Stack():
            return replace(op, args=tuple(map(of, op.args)))
        case ops.Nonlin() | ops.Moment():
            return replace(op, args=tuple(map(of, op.args)), params=tuple(map(of, op.params)))
        case ops.Mix() | ops.Reshape():
            return replace(op, x=of(op.x))
        case ops.Inner():
            return replace(op, x=of(op.x), y=of(op.y))
        case ops.Scalar():
            return replace(op, params=tuple(map(of, op.params)))
    return op


def is_input(op: ops.Op) -> bool:
    """Is it a matrix or an input vector?"""
    return isinstance(op, ops.MatrixInput | ops.GaussianInput)


def ancestors(nodes: list[ops.Node], roots: Iterable[int]) -> set[int]:
    """All nodes that `roots` depend on, themselves included."""
    found: set[int] = set()
    todo = list(roots)
    while todo:
        i = todo.pop()
        if i not in found:
            found.add(i)
            todo.extend(arguments(nodes[i].op))
    return found


def consumers(nodes: list[ops.Node]) -> list[list[int]]:
    """For each node the nodes that read it, each once, in order."""
    readers: list[list[int]] = [[] for _ in nodes]
    for node in nodes:
        for i in dict.fromkeys(arguments(node.op)):
            readers[i].append(node.index)
    return readers
