"""Taking a function apart: what it is polynomial in, and what remains."""

from __future__ import annotations

from itertools import product

import numpy as np

from tpcore.limit.recognize import ROUNDING, Block, interpolation


def expansion(block: Block, degrees: dict[int, int]) -> list[tuple[dict[int, int], list[int], Block]]:
    """Write f = sum_p prod_a x_a^p_a c_p(rest) for an f that is polynomial in the arguments of `degrees`.

    Returns
    -------
    list of (p, rest, c_p)
        `p` maps arguments to powers; `rest` are the arguments that c_p depends on; terms that vanish are left out.
    """
    others = [i for i in range(len(block.shapes)) if i not in degrees]
    values = dict(zip(others, block.draw([block.size] * len(others)), strict=True))
    moved = {i: values | {i: block.draw([block.size])[0]} for i in others}
    found = []
    for powers in product(*(range(d + 1) for d in degrees.values())):
        chosen = dict(zip(degrees, powers, strict=True))
        terms = _terms(degrees, chosen)
        shown, slack = _coefficient(block, terms, values)
        if _zero(shown, slack):
            if degrees:
                continue
            return [({}, others, block)]  # it may be different from 0 where no point has been
        rest = []
        for i in others:
            other, other_slack = _coefficient(block, terms, moved[i])
            with np.errstate(all="ignore"):
                gap = other - shown
            if not _zero(gap, slack + other_slack):
                rest.append(i)
        found.append(({a: p for a, p in chosen.items() if p}, rest, _corner(block, terms, rest)))
    return found


def _terms(degrees: dict[int, int], powers: dict[int, int]) -> list[tuple[float, dict[int, float]]]:
    """c_p as a sum of weight * f(arguments at nodes): the weights and the nodes."""
    rules = {a: interpolation(d) for a, d in degrees.items()}
    found = []
    for places in product(*(range(d + 1) for d in degrees.values())):
        at = dict(zip(degrees, places, strict=True))
        weight = float(np.prod([rules[a][1][powers[a], k] for a, k in at.items()]))
        if weight:
            found.append((weight, {a: float(rules[a][0][k]) for a, k in at.items()}))
    return found


def _coefficient(block: Block, terms: list, values: dict) -> tuple[np.ndarray, np.ndarray]:
    """c_p at some points, and its rounding error there."""
    result = slack = np.zeros((block.points, block.size))
    for weight, nodes in terms:
        slots = values | {a: np.full((block.points, block.size), node) for a, node in nodes.items()}
        term = weight * block.expanded(*(slots[i] for i in range(len(slots))))
        with np.errstate(all="ignore"):
            result, slack = result + term, slack + ROUNDING * np.abs(term)
    return result, slack


def _zero(values: np.ndarray, slack: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(values) <= slack))


def _corner(block: Block, terms: list, rest: list[int]) -> Block:
    """c_p as a function of the arguments `rest`; arguments that it does not depend on are put at 0."""
    count = len(block.shapes)

    def call(*values):
        vectors, params = values[: len(rest)], values[len(rest) :]
        like = vectors[0] if rest else np.zeros((1, *block.shape))
        result = 0.0
        for weight, nodes in terms:
            slots = {a: np.full_like(like, node) for a, node in nodes.items()}
            slots |= dict(zip(rest, vectors, strict=True))
            filled = (slots.get(i, np.zeros_like(like)) for i in range(count))
            result = result + weight * np.asarray(block.call(*filled, *params), float)
        return result

    return Block(call, block.params, [block.shape] * len(rest), block.shape, block.where)
