"""Nonlin and Nonlin+ in the limit: a function of vectors becomes a sum of products of features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from tpcore.activations import Activation
from tpcore.errors import Misuse
from tpcore.limit.budget import Budget
from tpcore.limit.forms import Combo, Opaque, multiply, total
from tpcore.limit.kinks import kinks
from tpcore.limit.polynomial import expansion
from tpcore.limit.recognize import Block
from tpcore.program import ops


def apply(
    function: ops.Function, combos: list[Combo], shapes: list, params: list, shape: tuple, where: str, budget: Budget
) -> Combo:
    """A coordinatewise function of vectors, taken apart as far as `tpcore.limit.recognize` can."""
    block = Block(function.call, params, shapes, shape, where)
    if all(not combo.terms for combo in combos):
        value = block(*(c.const.reshape(1, *s) for c, s in zip(combos, block.shapes, strict=True)))[0]
        return Combo(finite(value, where))
    phi = function.activation
    if phi is not None:
        return combos[0] if phi.form == "identity" else _named(phi, block, combos[0], shape, where, budget)
    if block.elementwise():
        return _elementwise(block, combos, shapes, shape, where, budget)
    linear = block.linear_map()
    if linear is not None:
        parts = [combo.mapped(matrix) for combo, matrix in zip(combos, linear[1], strict=True)]
        return total([Combo(linear[0]), *parts])
    _defined(block, [int(np.prod(s)) for s in block.shapes], lambda *v: block(*v))
    _unchecked(budget, where, block)
    depends = block.dependence()
    args = tuple(_centred(block, i, combo, depends[i]) for i, combo in enumerate(combos))
    return Combo.of(Opaque(block, block.size, args, tuple(block.shapes), depends, where=where))


def _centred(block: Block, which: int, combo: Combo, depends: np.ndarray) -> Combo:
    """An argument less its average over columns, where the function does not see that: one Gaussian less."""
    members = np.unique(np.sort(depends, axis=1), axis=0)
    if members.size != combo.size or len(np.unique(members)) != combo.size:
        return combo
    groups = np.empty(combo.size, int)
    groups[members] = np.arange(len(members))[:, None]
    if not block.invariant(which, groups):
        return combo
    average = sparse.csr_matrix(groups[:, None] == groups[None, :]) / members.shape[1]
    return combo.mapped(sparse.eye(combo.size) - average)


def _named(phi: Activation, block: Block, combo: Combo, shape: tuple, where: str, budget: Budget) -> Combo:
    if phi.growth == "unknown":
        _unchecked(budget, where, block)
    elif phi.growth == "exponential" and budget.polynomial:
        _beyond(budget, where)
    fixed = ~_varies(combo)
    at = np.broadcast_to(np.asarray(phi.kinks, float), (block.size, len(phi.kinks)))
    uniform = lambda columns, x: phi.f(x)  # noqa: E731
    feature = Opaque(block, block.size, (combo,), (shape,), uniform=uniform, activation=phi, kinks=at, where=where)
    result = Combo.of(feature)
    if not fixed.any():
        return result
    result = result.scaled(np.where(fixed, 0.0, 1.0))
    return Combo(np.where(fixed, finite(phi.f(combo.const), where), 0.0), result.terms)


def _varies(combo: Combo) -> np.ndarray:
    """Columns that are not constants."""
    counts = [np.diff(matrix.indptr) for matrix in combo.terms.values()]
    return np.sum(counts, axis=0) > 0


def _elementwise(block: Block, combos: list[Combo], shapes: list, shape: tuple, where: str, budget: Budget) -> Combo:
    """sum_p prod_a x_a^p_a c_p(rest): products of what the function is polynomial in, with what remains."""
    spread = [
        combo[np.broadcast_to(np.arange(combo.size).reshape(s), shape).ravel()]
        for combo, s in zip(combos, shapes, strict=True)
    ]
    _defined(block, [block.size] * len(shapes), block.expanded)
    parts = [Combo(np.zeros(block.size))]
    for powers, rest, coefficient in expansion(block, block.degrees()):
        if rest:
            _unchecked(budget, where, coefficient)
            inner = tuple(spread[i] for i in rest)
            shaped = (shape,) * len(rest)
            at = kinks(coefficient) if len(rest) == 1 else None
            uniform = coefficient.uniform()
            phi = _activation(coefficient, uniform, at, where)
            head = Combo.of(Opaque(coefficient, block.size, inner, shaped, None, uniform, phi, at, where))
        else:
            head = Combo(finite(coefficient()[0], where))
        factors = [spread[i] for i, power in powers.items() for _ in range(power)]
        parts.append(multiply([head, *factors], where))
    return total(parts)


def _activation(block: Block, uniform: Callable | None, at: np.ndarray | None, where: str) -> Activation | None:
    """A user's function of one vector, the same for every column, as an activation: Gram matrices at once."""
    if at is None or uniform is None or any(np.ndim(p) for p in block.params):
        return None

    def function(x):
        x = np.asarray(x, float)
        return uniform(np.zeros(1, int), x.reshape(-1, 1)).reshape(x.shape)

    return Activation(where, function, kinks=tuple(float(k) for k in at[0]))


def _unchecked(budget: Budget, where: str, block: Block) -> None:
    if budget.polynomial and _steep(block):
        _beyond(budget, where)
        return
    bound = "is polynomially bounded" if budget.polynomial else "grows slower than exp(C |x|^(2 - eps))"
    budget.note(f"The theorem asks that {where} {bound}; a user's function is taken at its word.")


def _beyond(budget: Budget, where: str) -> None:
    budget.note(
        f"The theorem asks that {where} is polynomially bounded, in a program that transposes; it grows faster. "
        "The limit is computed all the same: hold it against finite widths."
    )


def _steep(block: Block) -> bool:
    """Whether some column grows faster than |x|^24 along one of a few rays, as far as doubling x tells."""
    rays = np.random.Generator(np.random.PCG64(7)).choice([-1.0, 1.0], (8, len(block.shapes), block.size))
    near, far = (block.expanded(*np.moveaxis(length * rays, 1, 0)) if block.broadcastable() else np.ones(1)
                 for length in (200.0, 400.0))
    with np.errstate(all="ignore"):
        return bool(np.any(np.isinf(near) | (np.abs(far) > 2.0**24 * np.abs(near)) & (np.abs(far) > 1)))


def _defined(block: Block, sizes: list[int], call: Callable) -> None:
    """Refuse a function that has no value anywhere, such as a division by a moment that is zero."""
    values = block.draw(sizes)
    if call != block.expanded:
        values = [v.reshape(-1, *s) for v, s in zip(values, block.shapes, strict=True)]
    if np.any(np.all(~np.isfinite(call(*values)), axis=0)):
        zeros = [p for p in block.params if np.any(p == 0)]
        came = "a C-var whose limit is 0" if zeros else "values that are not finite at every point tried"
        raise Misuse(
            f"{block.where} must be defined in the limit",
            came,
            "Add a small epsilon, or leave out vectors that are zero",
        )


def finite(value: np.ndarray, where: str) -> np.ndarray:
    if not np.isfinite(value).all():
        raise Misuse(
            f"{where} must be finite in the limit",
            f"{np.asarray(value)[~np.isfinite(value)][0]}",
            "Where that divides by a moment or variance that is zero, add a small epsilon; where numbers overflow, "
            "scale vectors or matrices down",
        )
    return np.asarray(value, float)
