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

import operator
from collections.abc import Callable

import numpy as np

from tpcore.activations import prime
from tpcore.program import instructions, maps, ops
from tpcore.program.arithmetic import binary
from tpcore.program.derivative import Partial, Pullback, fact
from tpcore.program.operators import Arg, is_identity, is_stack, linear_map, operation
from tpcore.program.where import fail


def times(x, factor):
    """x * factor of vectors, C-vars, arrays and numbers; a factor 1 writes nothing."""
    if isinstance(factor, np.ndarray) and factor.size and np.all(factor == factor.flat[0]):
        if np.broadcast_shapes(np.shape(factor), x.shape) == tuple(x.shape):
            factor = float(factor.flat[0])
    if isinstance(factor, float) and factor == 1.0:
        return x
    if isinstance(x, np.ndarray) and isinstance(factor, float | np.ndarray):
        return np.asarray(x * factor)
    return binary("*", x, factor)


def apply_map(linear: maps.LinearMap, c):
    """A linear map of a C-var or an array."""
    if isinstance(c, np.ndarray):
        return np.array(linear(c))
    label = type(linear).__name__.lower()
    return instructions.scalar(linear, [c], label=label, structure="sum", shape=tuple(linear.out))


def fold(c, shape: tuple[int, ...]):
    """A C-var or array summed over what broadcasting from `shape` repeats."""
    if tuple(c.shape) == tuple(shape):
        return c
    return apply_map(maps.Fold(tuple(shape), tuple(c.shape)), c)


def fold_vector(x, shape: tuple[int, ...]):
    """A block summed over what broadcasting from `shape` repeats."""
    if x.shape == tuple(shape):
        return x
    lead = len(x.shape) - len(shape)
    axes = [*range(lead), *(i + lead for i, s in enumerate(shape) if s == 1 and x.shape[i + lead] != 1)]
    if axes:
        x = instructions.reduce_axes(x, axes, average=False)
    return x if x.shape == tuple(shape) else x.reshape(shape)


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


# ---- functions --------------------------------------------------------------------------------------------------


def pull(tape, node: ops.Node, function: ops.Function, args, params, bar, result: Callable) -> None:
    """The chain rule through ``function(args; params)``; `result` writes or finds its value."""
    places = [*args, *params]
    if is_identity(function):
        _to(tape, places[0], 0 < len(args), bar, 1.0)
        return
    known = operation(function)
    rule = None if known is None else _RULES.get(known.symbol)
    for which, i in enumerate(places):
        if not tape.wants(i):
            continue
        if rule is not None and _pulled_by_rule(tape, known, rule, places, which, bar, result, len(args)):
            continue
        _pulled(tape, node, function, args, params, which, bar)


def _to(tape, i: int, vector: bool, bar, factor) -> None:
    """bar * factor to line i: to a vector as it is, to a C-var as the average over coordinates times dim."""
    if vector or tape.program.node(i).kind != "C":
        tape.give(i, times(bar, factor))
    elif getattr(bar, "kind", "C") == "C":
        tape.give_scalar(i, fold(times(bar, factor), tape.shape(i)))
    else:
        if getattr(factor, "kind", "C") == "C":
            averaged = times(instructions.moment(_same, [bar], label="id", formula="{0}", structure="sum",
                                                 elementwise=True), factor)
        else:
            averaged = instructions.moment(operator.mul, [bar, factor], label="*", formula="{0} * {1}",
                                           structure="product", elementwise=True)
        tape.give_scalar(i, fold(times(averaged, float(bar.dim)), tape.shape(i)))


def _same(x):
    return x


def _pulled_by_rule(tape, known, rule, places, which: int, bar, result, vectors: int) -> bool:
    values = [tape.program.var(places[v.position]) if isinstance(v, Arg) else v for v in (known.left, known.right)]
    for side, operand in enumerate((known.left, known.right)):
        if not isinstance(operand, Arg) or operand.position != which:
            continue
        if known.symbol == "@":
            return _mixed(tape, places[which], values, side, bar)
        outcome = rule[side](*values, result)
        if outcome is None:
            return False
        power, factor = outcome
        _to(tape, places[which], which < vectors, times(bar, power), factor)
    return True


def _power(x, k, z):
    """d x^k / dx for a constant k."""
    if hasattr(k, "kind"):
        return None
    return 1.0, x * 2.0 if k == 2 else k * x ** (k - 1)


# symbol -> for the left and the right operand: (a, b, value) -> two factors of the derivative, or None
_RULES = {
    "+": (lambda a, b, z: (1.0, 1.0), lambda a, b, z: (1.0, 1.0)),
    "-": (lambda a, b, z: (1.0, 1.0), lambda a, b, z: (-1.0, 1.0)),
    "*": (lambda a, b, z: (1.0, b), lambda a, b, z: (1.0, a)),
    "/": (lambda a, b, z: (1.0, 1.0 / b), lambda a, b, z: (-1.0, z() / b)),
    "**": (_power, lambda a, b, z: None),
    "@": (None, None),
}


def _mixed(tape, i: int, values, side: int, bar) -> bool:
    """Z = X @ C: X or C may be C-vars or one of them a constant array."""
    x, c = values
    scalars = getattr(x, "kind", "C") == "C"
    if scalars and (x.ndim if isinstance(x, np.ndarray) else len(x.shape)) > 2:
        return False
    if scalars:
        return _matrix_product(tape, i, x, c, side, bar)
    if side == 0:
        if len(c.shape) == 2:
            tape.give(i, binary("@", bar, apply_map(maps.Transposed(c.shape), c)))
        else:
            tape.give(i, binary("*", bar.reshape(*bar.shape, 1) if bar.shape else bar, c))
    elif len(x.shape) == 1:
        tape.give_scalar(i, times(instructions.inner(x, bar), float(bar.dim)))
    else:
        shape = c.shape
        outer = instructions.moment(OuterSum(len(x.shape) - 1, len(shape)), [x, bar], label="outer",
                                    formula="{0} \u2297 {1}", structure="product", mixing=True, shape=shape)
        tape.give_scalar(i, times(outer, float(bar.dim)))
    return True


class OuterSum:
    """sum over the leading block axes of x_k z_m (or x_k z), coordinate by coordinate."""

    def __init__(self, lead: int, axes: int):
        self.lead, self.axes = lead, axes

    def __call__(self, x, z):
        z = z[..., None, :] if self.axes == 2 else z[..., None]
        x = x[..., :, None] if self.axes == 2 else x
        return np.sum(x * z, axis=tuple(range(1, 1 + self.lead)))


def _matrix_product(tape, i: int, x, c, side: int, bar) -> bool:
    """The product of two small arrays, as np.matmul has it for one or two axes."""
    if len(x.shape) == 2 and len(c.shape) == 2:
        other = (c, x)[side]
        turned = np.swapaxes(other, 0, 1) if isinstance(other, np.ndarray) else apply_map(
            maps.Transposed(other.shape), other)
        pair = (bar, turned) if side == 0 else (turned, bar)
        found = pair[0] @ pair[1] if all(isinstance(p, np.ndarray) for p in pair) else binary("@", *pair)
        tape.give_scalar(i, found)
        return True
    return False


def _pulled(tape, node: ops.Node, function: ops.Function, args, params, which: int, bar) -> None:
    """Through a function of which no more is known than its derivative."""
    places = [*args, *params]
    i, vectors = places[which], [tape.program.var(a) for a in args]
    scalars = [tape.program.var(p) for p in params]
    if function.activation is not None:
        _to(tape, i, which < len(args), bar, tape.slope(node, which, lambda: _prime(node, function, *vectors, *scalars)))
        return
    shapes = [tape.shape(p) for p in places]
    found = fact(function, shapes, len(args), which, node.where)
    if found.absent:
        return
    name = f"{function.label}'" if len(places) == 1 else f"d{which + 1} {function.label}"
    if found.elementwise:
        call = Partial(found.call, which, found.exact)
        known = dict(label=name, shape=node.shape)
        slope = tape.slope(node, which, lambda: instructions.nonlin(call, vectors, scalars, **known) if args
                           else instructions.scalar(call, scalars, **known))
        _to(tape, i, which < len(args), bar, slope)
        return
    own = tape.shape(i)
    call = Pullback(found.call, which, found.exact, own, node.shape, len(args), bool(args), which < len(args))
    known = dict(label=f"({name})\u1d40", shape=own, mixing=True)
    if not args:
        call.place = len(params)
        bar = _written(tape, scalars[0], bar)
        tape.give_scalar(i, instructions.scalar(call, [*scalars, bar], label=known["label"], shape=own))
    elif which < len(args):
        tape.give(i, instructions.nonlin(call, [*vectors, bar], scalars, **known))
    else:
        averaged = instructions.moment(call, [*vectors, bar], scalars, **known)
        tape.give_scalar(i, times(averaged, float(bar.dim)))


def _written(tape, like, bar):
    """An array as a C-var: 0 * like + bar."""
    if not isinstance(bar, np.ndarray):
        return bar
    return instructions.scalar(Constant(bar), [like], label="constant", shape=bar.shape)


class Constant:
    """An array, whatever the argument."""

    def __init__(self, value: np.ndarray):
        self.value = value

    def __call__(self, c):
        return self.value


def _prime(node: ops.Node, function: ops.Function, x):
    """phi'(x) as a line."""
    if function.activation.jumps:
        phi = function.activation
        fail(
            f"The derivative of {phi.name}",
            "it must be a function, and this activation jumps",
            f"a jump at {', '.join(f'{k:g}' for k in phi.kinks)}",
            "Its derivative is a delta function there: use erf with large inputs",
            where=node.where,
        )
    slope = prime(function.activation)
    write = instructions.scalar if x.kind == "C" else instructions.nonlin
    return write(slope.f, [x], label=slope.label, activation=slope)


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
