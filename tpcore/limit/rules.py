"""The Master Theorem with features, one rule per instruction.

Definition 5.2 and Theorem 5.4 of Tensor Programs I (arXiv 1910.12478) for
Netsor; Appendix C for Netsor+, whose C-vars are replaced by their limits;
Tensor Programs III (arXiv 2009.10685) for W and W^T (`tpcore.limit.transpose`),
of which the BP-like programs of Tensor Programs II are the case without dotZ.
Dimensions may differ (Appendix F of the first).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from tpcore import checks
from tpcore.limit.budget import Budget
from tpcore.limit.evaluate import Moments
from tpcore.limit.forms import Combo, Family, stacked, total
from tpcore.limit.jumps import watch_jumps
from tpcore.limit.known import Known
from tpcore.limit.nonlinear import finite
from tpcore.limit.state import State
from tpcore.limit.symbolic import SymbolicLimit
from tpcore.limit.transpose import MatrixState, Side
from tpcore.program import ops

_CANCELLED = 1e-12
_NODE = 2e-4  # nominal seconds


def symbolic(prog, budget: Budget) -> SymbolicLimit:
    """The limit by features and exact expectations.

    Raises
    ------
    Beyond
        An expectation of more than three Gaussians at once, or more work than the budget allows.
    Misuse
        An expectation that is not finite, for instance a layer normalization of a zero vector.
    """
    state = State(list(prog.nodes), budget, Moments(budget))
    transposes = any(isinstance(node.op, ops.MatMul) and node.op.transposed for node in state.nodes)
    budget.polynomial = transposes
    state.watch_ranks = transposes and any(node.kind == "C" for node in state.nodes)
    for node in state.nodes:
        budget.spend(_NODE)
        RULES[type(node.op)](state, node, node.op)
        budget.done = (node.index + 1) / len(state.nodes)
        if not budget.rough:
            budget.watch.reach(node.index + 1)
    return SymbolicLimit(prog, state)


def _name(node: ops.Node) -> str:
    return f"{node.name} ({node.where})" if node.where else node.name


def _spread(state: State, index: int, shape: tuple[int, ...]) -> Combo:
    """The value of a node, broadcast to `shape`."""
    own, combo = state.nodes[index].shape, state.vectors[index]
    if own == shape:
        return combo
    return combo[np.broadcast_to(np.arange(combo.size).reshape(own), shape).ravel()]


def _matrix_input(state: State, node: ops.Node, op: ops.MatrixInput) -> None:
    sizes = [0, 0]
    for other in state.nodes:
        if isinstance(other.op, ops.MatMul) and other.op.matrix == node.index:
            sizes[other.op.transposed] += int(np.prod(other.shape))
    checks.memory(f"The images of {node.name}", max(sizes), 16.0 * max(*sizes, 1), 2.0 * 2**30)
    noises = op.variance, op.variance * op.rows / op.cols
    labels = node.name, f"{node.name}^T"
    sides = (Side.empty(label, s, size) for label, s, size in zip(labels, noises, sizes, strict=True))
    state.matrices[node.index] = MatrixState(*sides)


def _gaussian_input(state: State, node: ops.Node, op: ops.GaussianInput) -> None:
    group, columns = op.group, np.asarray(op.columns).ravel()
    mean, cov = np.asarray(group.mean, float).ravel(), np.atleast_2d(np.asarray(group.cov, float))
    if group not in state.groups:
        state.groups[group] = Family(node.name, mean, cov)
    fixed = np.diag(cov)[columns] == 0
    combo = Combo.of(state.groups[group], columns).scaled(np.where(fixed, 0.0, 1.0))
    terms = {f: matrix for f, matrix in combo.terms.items() if matrix.nnz}
    state.vectors[node.index] = Combo(np.where(fixed, mean[columns], 0.0), terms)
    state.inherit(node.index, ())


def _mat_mul(state: State, node: ops.Node, op: ops.MatMul) -> None:
    with np.errstate(all="ignore"):
        state.vectors[node.index] = state.multiply(node.index, op.matrix, op.x, op.transposed)
    if not state.budget.rough:
        side = state.matrices[op.matrix]
        finite((side.backward if op.transposed else side.forward).images.cov, f"The variance of {_name(node)}")


def _lin_comb(state: State, node: ops.Node, op: ops.LinComb) -> None:
    pairs = zip(op.coefficients, op.args, strict=True)
    combos = [_spread(state, arg, node.shape).scaled(c) for c, arg in pairs]
    state.inherit(node.index, op.args)
    slack = 0.0 if state.methods[node.index] == "exact" else max(_CANCELLED, 4 * state.relative[node.index])
    state.vectors[node.index] = total(combos, slack)


def _mix(state: State, node: ops.Node, op: ops.Mix) -> None:
    x = state.vectors[op.x]
    matrix = np.atleast_2d(op.matrix.T)
    lead = x.size // matrix.shape[1]
    state.vectors[node.index] = x.mapped(sparse.kron(sparse.eye(lead), matrix, format="csr"))
    state.inherit(node.index, (op.x,))


def _reshape(state: State, node: ops.Node, op: ops.Reshape) -> None:
    state.vectors[node.index] = state.vectors[op.x][np.asarray(op.index).ravel()]
    state.inherit(node.index, (op.x,))


def _stack(state: State, node: ops.Node, op: ops.Stack) -> None:
    places, start = [], 0
    for arg in op.args:
        size = state.vectors[arg].size
        places.append(np.arange(start, start + size).reshape(state.nodes[arg].shape))
        start += size
    order = np.stack(places, axis=-1) if op.new_axis else np.concatenate(places, axis=-1)
    state.vectors[node.index] = stacked(state.vectors[arg] for arg in op.args)[order.ravel()]
    state.inherit(node.index, op.args)


def _nonlin(state: State, node: ops.Node, op: ops.Nonlin) -> None:
    where = f"{op.function.label} in {_name(node)}"
    watch_jumps(state, op, where)
    state.vectors[node.index] = state.apply(op.function, op.args, op.params, node.shape, where)
    state.inherit(node.index, op.args + op.params)


def _moment(state: State, node: ops.Node, op: ops.Moment) -> None:
    where = f"{op.function.label} in {_name(node)}"
    watch_jumps(state, op, where)
    found = state.moments.mean(state.apply(op.function, op.args, op.params, node.shape, where))
    found = Known(finite(found.value.reshape(node.shape), where), found.error, found.method)
    state.set_scalar(node.index, found, op.args + op.params)


def _inner(state: State, node: ops.Node, op: ops.Inner) -> None:
    with np.errstate(all="ignore"):
        found = state.moments.inner(state.vectors[op.x], state.vectors[op.y])
    value = finite(found.value.reshape(node.shape), _name(node))
    state.set_scalar(node.index, Known(value, found.error, found.method), (op.x, op.y))


def _scalar(state: State, node: ops.Node, op: ops.Scalar) -> None:
    where, params = f"{op.function.label} in {_name(node)}", [state.scalars[p].value for p in op.params]
    with np.errstate(all="ignore"):
        value = np.asarray(op.function.call(*params), float)
    value = finite(np.broadcast_to(value, node.shape), where)
    watch_jumps(state, op, where)
    state.set_scalar(node.index, Known(value), op.params)


RULES: dict[type, Callable] = {
    ops.MatrixInput: _matrix_input,
    ops.GaussianInput: _gaussian_input,
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
