"""The chain rule through the functions of a program: operators, named activations, functions of the user's.

What is known of a function decides what is written: an operator gives products, an activation its derivative, any
other function what dual numbers or differences find (`tpcore.program.derivative`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np

from tpcore.activations import prime
from tpcore.program import instructions, maps, ops, variables
from tpcore.program.arithmetic import binary
from tpcore.program.derivative import Partial, Pullback, fact
from tpcore.program.operators import Arg, is_identity, operation
from tpcore.program.terms import apply_map, fold, times
from tpcore.program.where import fail


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
            known = dict(label="id", formula="{0}", structure="sum", elementwise=True)
            averaged = times(instructions.moment(variables._itself, [bar], **known), factor)
        else:
            averaged = instructions.moment(operator.mul, [bar, factor], label="*", formula="{0} * {1}",
                                           structure="product", elementwise=True)
        tape.give_scalar(i, fold(times(averaged, float(bar.dim)), tape.shape(i)))


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
        slope = tape.slope(node, which, lambda: _prime(node, function, *vectors, *scalars))
        _to(tape, i, which < len(args), bar, slope)
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
