"""A note where a function jumps at what its arguments tend to: the theorem says nothing there.

At finite width such arguments lie on both sides, by fluctuations or by rounding.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tpcore.activations.jumps import jumps_at
from tpcore.limit.forms import Combo, Family
from tpcore.limit.state import State
from tpcore.program import ops
from tpcore.program.graph import ancestors

CANCELLED = 1e-12  # of what a variance is made of: what is left of it is rounding
COMPUTED = (ops.MatMul, ops.Moment, ops.Inner, ops.Scalar)


def watch_jumps(state: State, op: ops.Nonlin | ops.Moment | ops.Scalar, where: str) -> None:
    """Note it if the function of `op` jumps: in C-vars, or in vectors that are constant in the limit."""
    args = getattr(op, "args", ())
    combos, params = [state.vectors[a] for a in args], [state.scalars[p].value for p in op.params]
    still = [constant(combo) for combo in combos]
    if state.budget.rough or not (params or any(columns.any() for columns in still)):
        return
    if not any(isinstance(state.nodes[i].op, COMPUTED) for i in ancestors(state.nodes, [*args, *op.params])):
        return
    rng = np.random.Generator(np.random.PCG64(5))  # the other vectors are anywhere: almost nowhere a function jumps
    at = [(mean(combo) + np.where(columns, 0.0, rng.standard_normal(combo.size))).reshape(1, *state.nodes[a].shape)
          for a, combo, columns in zip(args, combos, still, strict=True)]  # fmt: skip
    if jumps_at(op.function.call, [*at, *params]):
        state.budget.note(f"The theorem asks that {where} is continuous at the limits of its arguments; it jumps there, "
                          "and networks of every width lie on both sides.")  # fmt: skip


def mean(combo: Combo) -> np.ndarray:
    """Means of the columns, of Gaussian terms alone."""
    found = combo.const.astype(float)
    for feature, matrix in combo.terms.items():
        if isinstance(feature, Family):
            found = found + matrix @ feature.mean
    return found


def constant(combo: Combo) -> np.ndarray:
    """Columns that are constant in the limit, up to rounding; (size,) of bool."""
    spread, size = np.zeros(combo.size), np.zeros(combo.size)
    for feature, matrix in combo.terms.items():
        if isinstance(feature, Family):
            spread += _variance(feature, matrix)
            size += np.asarray(abs(matrix) @ np.sqrt(np.maximum(np.diagonal(feature.cov), 0.0))) ** 2
        else:
            spread[np.diff(matrix.indptr) > 0] = np.inf
    return spread <= CANCELLED * size


def _variance(family: Family, matrix: sparse.csr_matrix) -> np.ndarray:
    """Variances of combinations; only those of several variables need covariances."""
    found = np.asarray(matrix.power(2) @ np.diagonal(family.cov))
    several = np.diff(matrix.indptr) > 1
    if several.any():
        used = np.unique(matrix[several].indices)
        some = matrix[several][:, used].toarray()
        found[several] = np.sum(some @ family.cov[np.ix_(used, used)] * some, axis=1)
    return found
