"""What is known of a function of a program: an operator with its operands, a linear map, or nothing."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import partial

import numpy as np

from tpcore.program import arithmetic, instructions, maps, ops, variables
from tpcore.program.functions import bare

_SYMBOLS = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.pow: "**",
    np.matmul: "@",
    arithmetic._mix_vectors: "@",
}


@dataclass(frozen=True)
class Arg:
    """Operand number `position` of the instruction, vectors first."""

    position: int


@dataclass(frozen=True)
class Operation:
    """``left symbol right``, operands of the instruction or constants."""

    symbol: str
    left: object
    right: object


def operation(function: ops.Function) -> Operation | None:
    """The operator that a function is, if it was written with one."""
    call = bare(function.call)
    if _symbol(call):
        return Operation(_symbol(call), Arg(0), Arg(1))
    if not isinstance(call, partial) or call.keywords or not call.args or not _symbol(call.args[0]):
        return None
    symbol = _symbol(call.args[0])
    if call.func is arithmetic._swapped:
        return Operation(symbol, Arg(1), Arg(0))
    if call.func is arithmetic._left:
        return Operation(symbol, call.args[1], Arg(0))
    if call.func is arithmetic._right:
        return Operation(symbol, Arg(0), call.args[1])
    return None


def _symbol(call) -> str:
    """The operator's symbol; "" for anything else."""
    try:
        return _SYMBOLS.get(call, "")
    except TypeError:  # a callable that cannot be hashed
        return ""


def is_identity(function: ops.Function) -> bool:
    """Is it x itself?"""
    activation = function.activation
    return bare(function.call) is variables._itself or (activation is not None and activation.form == "identity")


def is_stack(function: ops.Function) -> bool:
    """Does it put C-vars side by side along a new last axis?"""
    return bare(function.call) is variables._stacked


def linear_map(function: ops.Function, shape: tuple[int, ...]) -> maps.LinearMap | None:
    """The linear map of one C-var of the shape `shape` that a function is, if it is known as one."""
    call = bare(function.call)
    if isinstance(call, maps.LinearMap):
        return call
    if not isinstance(call, partial):
        return None
    if call.func in (np.sum, np.mean) and set(call.keywords) == {"axis"}:
        axis = call.keywords["axis"]
        axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
        axes = tuple(sorted({range(len(shape))[operator.index(a)] for a in axes}))
        count = int(np.prod([shape[a] for a in axes], dtype=int))
        return maps.Sum(axes, shape, 1.0 if call.func is np.sum else 1.0 / count)
    if call.func is instructions._item:
        places = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
        return maps.Pick(np.asarray(places[call.keywords["key"]]), shape)
    return None
