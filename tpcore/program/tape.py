"""Adjoints of the lines of a program while they are collected, as new lines of the same program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tpcore.program import instructions, ops
from tpcore.program.adjoint import RULES
from tpcore.program.terms import fold_vector


@dataclass(frozen=True, eq=False)
class MatrixUse:
    """One product with a matrix: it gives ``left right^T / n`` to dF/dW, columns paired; both are blocks of one shape.

    `reader` is the line of the product.
    """

    matrix: int
    reader: int
    left: object
    right: object


@dataclass(frozen=True, eq=False)
class VectorUse:
    """One line, `reader`, that reads an input vector: it gives ``coefficient * bar`` to its adjoint, summed over what
    broadcasting repeats."""

    vector: int
    reader: int
    coefficient: float
    bar: object


class Tape:
    """One backward pass.

    Parameters
    ----------
    program : Program
        Backward lines are added to it.
    active : set of int
        The lines whose adjoints matter.
    slopes : dict, optional
        Derivatives of functions already written, by line and argument; kept up to date, so that passes can share it.
    inputs : bool
        False: input vectors get no adjoints, only their uses are listed.

    Attributes
    ----------
    matrix_uses : list of MatrixUse
    vector_uses : list of VectorUse
        Of input vectors.
    """

    def __init__(self, program, active: set[int], slopes: dict | None = None, inputs: bool = True):
        self.program, self.active, self.start = program, active, len(program.nodes)
        self.matrix_uses: list[MatrixUse] = []
        self.vector_uses: list[VectorUse] = []
        self._inputs = inputs
        self._vectors: dict[int, list[tuple[float, object]]] = {}
        self._scalars: dict[int, list] = {}
        self._done: dict[int, object] = {}
        self._slopes = {} if slopes is None else slopes
        self._claimed: set[int] = set()
        self._reader = -1

    # ---- for the rules ------------------------------------------------------------------------------------

    def wants(self, i: int) -> bool:
        """Does the objective's derivative in line i matter?"""
        return i in self.active

    def shape(self, i: int) -> tuple[int, ...]:
        """Of line i."""
        return self.program._nodes[i].shape

    def give(self, i: int, x, coefficient: float = 1.0) -> None:
        """Add ``coefficient * x`` to the adjoint of vector i; x may have any shape that the line's broadcasts to."""
        if not self.wants(i):
            return
        if isinstance(self.program._nodes[i].op, ops.GaussianInput):
            self.vector_uses.append(VectorUse(i, self._reader, float(coefficient), x))
            if not self._inputs:
                return
        self._vectors.setdefault(i, []).append((float(coefficient), x))

    def give_scalar(self, i: int, c) -> None:
        """Add a C-var or array of the line's shape to the adjoint of C-var i."""
        if self.wants(i):
            self._scalars.setdefault(i, []).append(c if hasattr(c, "kind") else np.asarray(c, float))

    def meet(self, op: ops.MatMul, bar) -> None:
        """A product with a matrix, and the adjoint of its result."""
        x = self.program._var(op.x)
        left, right = (x, bar) if op.transposed else (bar, x)
        self.matrix_uses.append(MatrixUse(op.matrix, self._reader, left, right))

    def slope(self, node: ops.Node, which: int, write: Callable):
        """The derivative of a line's function, written once."""
        key = (node.index, which)
        if key not in self._slopes:
            before = len(self.program.nodes)
            index = write().index
            if index >= before:
                self._name(index, node, node.name + "'")
            self._slopes[key] = index
        return self.program._var(self._slopes[key])

    # ---- the pass -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """From the last line that has an adjoint to the first."""
        for i in range(self.start - 1, min(self.active, default=0) - 1, -1):
            if i in self._vectors:
                bar = self._vector_total(i)
            elif i in self._scalars:
                bar = self._scalar_total(i)
            else:
                continue
            self._done[i], self._reader = bar, i
            node = self.program._nodes[i]
            if type(node.op) in RULES:
                RULES[type(node.op)](self, node, node.op, bar)

    def adjoint(self, i: int):
        """The adjoint of line i: a variable, or an array where a C-var's is constant; None where there is none."""
        return self._done.get(i)

    def _vector_total(self, i: int):
        node, groups = self.program._nodes[i], {}
        for coefficient, x in self._vectors.pop(i):
            groups.setdefault(x.shape, []).append((coefficient, x))
        parts = []
        for shape, terms in groups.items():
            parts += terms if shape == node.shape else [(1.0, fold_vector(_sum(terms), node.shape))]
        bar = _sum(parts)
        if not self._fresh(bar.index):
            if i in self.program._automatic:
                return self.program._var(bar.index)
            bar = instructions.linear([(1.0, self.program._var(bar.index))])
        return self._name(bar.index, node, "d" + node.name)

    def _scalar_total(self, i: int):
        node, terms = self.program._nodes[i], self._scalars.pop(i)
        constants = [np.broadcast_to(c, node.shape) for c in terms if isinstance(c, np.ndarray)]
        written = [c for c in terms if not isinstance(c, np.ndarray)]
        if not written:
            return np.asarray(np.sum(constants, axis=0))
        bar = written[0] if len(written) == 1 else _scalar_sum(written, node.shape)
        if constants and np.any(np.sum(constants, axis=0)):
            bar = bar + np.sum(constants, axis=0)
        if not self._fresh(bar.index):
            bar = _scalar_sum([bar], node.shape)
        return self._name(bar.index, node, "d" + node.name)

    # ---- names --------------------------------------------------------------------------------------------

    def _fresh(self, index: int) -> bool:
        """Is it a line of this pass that has no meaning of its own yet?"""
        return index >= self.start and index not in self._claimed

    def _name(self, index: int, node: ops.Node, name: str):
        """Claim a line of this pass: it is called `name`, or that with primes where the name is taken."""
        program = self.program
        self._claimed.add(index)
        program._rename(index, program._free(name))
        if node.index not in program._automatic:
            program._automatic.discard(index)
        return program._var(index)


def _sum(terms):
    """sum of coefficient * vector."""
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1.0 else instructions.linear(terms)


def _scalar_sum(cvars, shape: tuple[int, ...]):
    formula = " + ".join(f"{{{k}}}" for k in range(len(cvars)))
    return instructions.scalar(add_up, cvars, label="+", formula=formula, structure="sum", shape=shape)


def add_up(*values):
    """The sum of its arguments."""
    return sum(values[1:], start=values[0])
