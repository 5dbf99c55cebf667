"""Reverse differentiation, one rule per instruction: what the adjoint of a line gives to the lines that it reads.

With an objective F the adjoint of a vector v is n dF/dv and that of a C-var c
is dF/dc, n the width. Then

=================  =========================================================
y = W x            xbar += W^T ybar;   dF/dW = ybar x^T / n
y = sum_i c_i x_i  x_i bar += c_i ybar
Y = X A            Xbar += Ybar A^T
z = phi(x..; c..)  x_i bar += zbar * d_i phi;   c_j bar += dim mean(zbar * d_j phi)
c = mean phi(x..)  as of z with zbar = cbar / dim
C = X^T Y / len    Xbar += Y Cbar^T / dim,   Ybar += X Cbar / dim
=================  =========================================================

dim the vectors' length in units of n. Sums over broadcast axes are understood. A program is
closed under these rules: mean and inner product give broadcasts and X A, X A
gives itself and inner products, W and W^T each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.program import instructions, maps, ops
from tpcore.program.arithmetic import binary
from tpcore.program.chain import pull
from tpcore.program.operators import is_stack, linear_map
from tpcore.program.terms import apply_map, fold, times


# ---- vectors ----------------------------------------------------------------------------------------------------


def _mat_mul(tape, node: ops.Node, op: ops.MatMul, bar) -> None:
    tape.meet(op, bar)
    if tape.wants(op.x):
        matrix = tape.program.var(op.matrix)
        tape.give(op.x, instructions.matmul(matrix if op.transposed else matrix.T, bar))


def _lin_comb(tape, node: ops.Node, op: ops.LinComb, bar) -> None:
    for coefficient, i in zip(op.coefficients, op.args, strict=True):
        tape.give(i, bar, coefficient)


def _mix(tape, node: ops.Node, op: ops.Mix, bar) -> None:
    if op.matrix.ndim == 2:
        tape.give(op.x, instructions.mix(bar, op.matrix.T))
    elif np.all(op.matrix == op.matrix[0]):
        shape = tape.shape(op.x)
        index = np.broadcast_to(instructions.columns(bar)[..., None], shape)
        tape.give(op.x, instructions.arrange(bar, index), float(op.matrix[0]))
    else:
        tape.give(op.x, instructions.mix(bar.reshape(*bar.shape, 1), op.matrix[None, :]))


def _reshape(tape, node: ops.Node, op: ops.Reshape, bar) -> None:
    shape = tape.shape(op.x)
    size, flat = int(np.prod(shape, dtype=int)), np.ravel(op.index)
    if len(flat) == size and len(np.unique(flat)) == size:
        tape.give(op.x, instructions.arrange(bar, np.argsort(flat).reshape(shape)))
        return
    places = np.zeros((len(flat), size))
    places[np.arange(len(flat)), flat] = 1.0
    tape.give(op.x, instructions.mix(bar.reshape(len(flat)), places).reshape(shape))


def _stack(tape, node: ops.Node, op: ops.Stack, bar) -> None:
    start = 0
    for i in op.args:
        if op.new_axis:
            part, start = bar[..., start], start + 1
        else:
            stop = start + tape.shape(i)[-1]
            part, start = bar[..., start:stop], stop
        tape.give(i, part)


def _nonlin(tape, node: ops.Node, op: ops.Nonlin, bar) -> None:
    pull(tape, node, op.function, op.args, op.params, bar, lambda: tape.program.var(node.index))


# ---- scalars ----------------------------------------------------------------------------------------------------


def _moment(tape, node: ops.Node, op: ops.Moment, bar) -> None:
    dim = tape.program.node(op.args[0]).dim
    constant = times(tape.program._ones(dim), times(bar, 1.0 / dim))

    def values():
        return instructions.nonlin(op.function.call, [tape.program.var(i) for i in op.args],
                                   [tape.program.var(i) for i in op.params], label=op.function.label,
                                   formula=op.function.formula, structure=op.function.structure,
                                   activation=op.function.activation, mixing=op.function.mixing, shape=node.shape)

    pull(tape, node, op.function, op.args, op.params, constant, values)


def _inner(tape, node: ops.Node, op: ops.Inner, bar) -> None:
    x, y = tape.program.var(op.x), tape.program.var(op.y)
    bar = times(bar, 1.0 / x.dim)
    for i, other, own in ((op.x, y, x), (op.y, x, y)):
        if not tape.wants(i):
            continue
        weights = bar if own is y or not (own.shape and other.shape) else apply_map(maps.Transposed(bar.shape), bar)
        tape.give(i, times(other, weights) if not other.shape or not weights.shape else binary("@", other, weights))


def _scalar(tape, node: ops.Node, op: ops.Scalar, bar) -> None:
    if is_stack(op.function):
        for j, i in enumerate(op.params):
            places = np.arange(int(np.prod(node.shape, dtype=int))).reshape(node.shape)[..., j]
            tape.give_scalar(i, fold(apply_map(maps.Pick(places, node.shape), bar), tape.shape(i)))
        return
    if len(op.params) == 1:
        linear = linear_map(op.function, tape.shape(op.params[0]))
        if linear is not None:
            tape.give_scalar(op.params[0], apply_map(linear.adjoint, bar))
            return
    pull(tape, node, op.function, (), op.params, bar, lambda: tape.program.var(node.index))


RULES: dict[type, Callable] = {
    ops.MatMul: _mat_mul,
    ops.LinComb: _lin_comb,
    ops.Mix: _mix,
    ops.Reshape: _reshape,
    ops.Stack: _stack,
    ops.Nonlin: _nonlin,
    ops.Moment: _moment,
    ops.Inner: _inner,
    ops.Scalar: _scalar,
}
