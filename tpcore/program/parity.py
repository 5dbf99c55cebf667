"""Which vectors change sign together with which inputs.

Flip the sign of a set S of zero-mean inputs at once. A vector is odd in S if
it changes sign, even if it does not. S is unknown: write s_i = 1 if the input
i is in S. Then the parity of every vector is a sum of s_i over GF(2), under
conditions that are equations over GF(2) too (the terms of a LinComb have one
parity; arguments whose sign changes a function in no simple way are even). "Is there an S in which
these vectors are odd and those are constant?" is a linear system. Scalars have a parity as vectors do: odd ones, as
layer normalization makes them on the way back, tend to zero.

A user's function is tried at a few points: which signs change it into itself or its negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore.program import ops
from tpcore.program.graph import arguments

ODD = {"identity", "sign", "erf", "tanh", "sin"}
EVEN = {"abs", "cos", "gauss"}
_POINTS = 16


@dataclass(frozen=True)
class Equation:
    """The sum of the s_i in ``mask`` is ``value``: needed at line ``node``, because ``reason``."""

    mask: int
    value: int
    node: int
    reason: str


def activation_parity(activation) -> str:
    """ "odd", "even" or "" for a named activation; "" in doubt. A derivative has the other parity."""
    if activation is None:
        return ""
    whole = activation.name.rstrip("'")
    primes, name = len(activation.name) - len(whole), whole.split("(")[0]
    if name == "hermite" and "(" in whole:
        odd = int(whole.split("(")[1].rstrip(")")) % 2 == 1
    elif name in ODD or name in EVEN:
        odd = name in ODD
    else:
        return ""
    return "odd" if odd != (primes % 2 == 1) else "even"


class Parities:
    """Parity of every line of a program.

    Attributes
    ----------
    masks : list of int
        Bits of the s_i whose sum is the line's parity.
    conditions : list of list of Equation
        What must hold at the line itself for it to have a parity.
    """

    def __init__(self, nodes: list[ops.Node]):
        self.nodes = nodes
        self.masks: list[int] = []
        self.conditions: list[list[Equation]] = []
        bits = _input_bits(nodes)
        for node in nodes:
            self.conditions.append([])
            self.masks.append(bits.get(node.index, 0) or self._mask(node))

    def _mask(self, node: ops.Node) -> int:
        op = node.op
        masks = [self.masks[i] for i in arguments(op)]
        match op:
            case ops.LinComb() | ops.Stack():
                return self._equal(node, masks)
            case ops.Nonlin() | ops.Moment() | ops.Scalar():
                return self._function(node, op.function, masks)
            case ops.Inner():
                return masks[0] ^ masks[1]
            case ops.MatMul() | ops.Mix() | ops.Reshape():
                return masks[-1]
        return 0

    def _equal(self, node: ops.Node, masks: list[int]) -> int:
        reason = "adds vectors that are odd and vectors that are even"
        for mask in masks[1:]:
            self._need(node, masks[0] ^ mask, reason)
        return masks[0]

    def _function(self, node: ops.Node, function: ops.Function, masks: list[int]) -> int:
        parity = activation_parity(function.activation)
        if parity == "odd":
            return masks[0]
        if parity == "even" or function.structure == "even":
            return 0
        if function.structure == "product":
            return _xor(masks)
        if function.structure == "sum":
            return self._equal(node, masks)
        signs = self._tried(node, function) if any(masks) and function.activation is None else [0] * len(masks)
        for mask, sign in zip(masks, signs, strict=True):
            if sign == 0:
                self._need(node, mask, f"applies {function.label}, which is not known to be odd or even")
        return _xor([mask for mask, sign in zip(masks, signs, strict=True) if sign < 0])

    def _tried(self, node: ops.Node, function: ops.Function) -> list[int]:
        """For each argument and parameter 1, -1 or 0: the function is even in it, odd in it, or neither."""
        op, rng = node.op, np.random.default_rng(11)
        vectors = [] if isinstance(op, ops.Scalar) else list(op.args)
        shapes = [(_POINTS, *self.nodes[i].shape) for i in vectors]
        shapes += [self.nodes[i].shape for i in arguments(op)[len(vectors) :]]
        given = [np.exp(rng.uniform(-3.0, 2.0, shape)) for shape in shapes]
        for x in given[: len(vectors)]:
            x *= rng.choice([-1.0, 1.0], x.shape)
        with np.errstate(all="ignore"):
            value = function.call(*given)
            return [_sign(value, function.call(*given[:k], -given[k], *given[k + 1 :])) for k in range(len(given))]

    def _need(self, node: ops.Node, mask: int, reason: str) -> None:
        if mask:
            self.conditions[-1].append(Equation(mask, 0, node.index, reason))


def _sign(value, flipped) -> int:
    """1 where the two are equal, -1 where they are opposite, 0 where they are neither or say nothing."""
    scale = np.abs(value) + np.abs(flipped)
    if not np.isfinite(scale).all() or not np.any(scale):
        return 0
    for sign in (1, -1):
        if (np.abs(value - sign * flipped) <= 1e-12 * scale).all():
            return sign
    return 0


def _xor(masks: list[int]) -> int:
    total = 0
    for mask in masks:
        total ^= mask
    return total


def _input_bits(nodes: list[ops.Node]) -> dict[int, int]:
    """One bit for each class of dependent inputs, where all of the class have mean 0."""
    inputs = [node for node in nodes if isinstance(node.op, ops.GaussianInput)]
    parent = {node.index: node.index for node in inputs}

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    by_group: dict[int, list[ops.Node]] = {}
    for node in inputs:
        by_group.setdefault(id(node.op.group), []).append(node)
    for members in by_group.values():
        for k, a in enumerate(members):
            for b in members[:k]:
                cov = a.op.group.cov[np.ix_(np.ravel(a.op.columns), np.ravel(b.op.columns))]
                if np.any(cov != 0):
                    parent[root(a.index)] = root(b.index)
    shifted = {root(n.index) for n in inputs if np.any(n.op.group.mean[np.ravel(n.op.columns)] != 0)}
    bits: dict[int, int] = {}
    for node in inputs:
        r = root(node.index)
        if r not in shifted and r not in bits:
            bits[r] = 1 << len(bits)
    return {node.index: bits.get(root(node.index), 0) for node in inputs}


def first_contradiction(equations: list[Equation]) -> Equation | None:
    """The first equation that contradicts those before it; None if all can hold at once."""
    pivots: dict[int, tuple[int, int]] = {}
    for equation in equations:
        mask, value = equation.mask, equation.value
        while mask:
            top = mask.bit_length()
            if top not in pivots:
                pivots[top] = (mask, value)
                break
            mask, value = mask ^ pivots[top][0], value ^ pivots[top][1]
        if not mask and value:
            return equation
    return None
