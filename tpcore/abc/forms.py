"""The conditions as linear inequalities of the exponents: what makes slices polygons.

r and min(a + b, 2 a + c) are minima of linear functions, so "r >= 0" is one inequality for each term: the stable
parametrizations form a convex polyhedron, and the nontrivial ones are two of its facets.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Form:
    """sum of coefficients times exponents, plus a constant; keys are ("a", l), ("b", l), ("c", l), ("d", l)."""

    terms: tuple[tuple[tuple[str, int], int], ...]
    constant: Fraction = Fraction(0)

    def __add__(self, other: Form) -> Form:
        summed = dict(self.terms)
        for key, weight in other.terms:
            summed[key] = summed.get(key, 0) + weight
        return Form(tuple((k, w) for k, w in summed.items() if w), self.constant + other.constant)

    def plus(self, constant) -> Form:
        return Form(self.terms, self.constant + Fraction(constant))


def form(*terms: tuple[int, str, int]) -> Form:
    """``form((2, "a", 3), (1, "c", 3))`` is 2 a_3 + c_3."""
    return Form(tuple(((letter, layer), weight) for weight, letter, layer in terms))


@dataclass(frozen=True)
class System:
    """Everything that decides a phase: equalities (= 0), inequalities (>= 0) by name, and the terms of r.

    Nontrivial is where ``step`` = 2 a_{L+1} + c_{L+1} - 1 is 0, or the least of ``seen``, the terms of
    a_{L+1} + b_{L+1} + r - 1.
    """

    equalities: tuple[tuple[str, Form], ...]
    inequalities: tuple[tuple[str, Form], ...]
    r: tuple[Form, ...]
    step: Form
    seen: tuple[Form, ...]


def system(depth: int, adaptive: bool) -> System:
    """The conditions of `stability` for a network with `depth` hidden layers."""
    top = depth + 1
    start = form((1, "a", top), (1, "b", top))
    step = form((1 if adaptive else 2, "a", top), (1, "c", top))
    equalities = [("input", form((1, "a", 1), (1, "b", 1)))]
    for layer in range(2, top):
        equalities.append((f"hidden {layer}", form((1, "a", layer), (1, "b", layer)).plus(-HALF)))
    if adaptive:
        r = [form((1, "c", i), (1, "a", i)).plus(-int(i > 1)) for i in range(1, top)]
        equalities += [(f"faithful {i}", _faithful(i, top)) for i in range(1, top + 1)]
    else:
        own = [form((1, "c", i), (2, "a", i)).plus(int(i == 1) - 1) for i in range(1, top)]
        r = [back + one for one in own for back in (start, step)]
    seen = tuple(start + one.plus(-1) for one in r)
    inequalities = [("init", start.plus(-HALF)), ("readout", step.plus(-1))]
    inequalities += [("features", one) for one in r] + [("logits", one) for one in seen]
    if adaptive:
        inequalities.append(("gradients", form((1, "c", top), (-1, "b", top))))
    return System(tuple(equalities), tuple(inequalities), tuple(r), step.plus(-1), seen)


def _faithful(layer: int, top: int) -> Form:
    scale = form((1, "d", layer), (-1, "a", layer))
    return scale + form((-1, "a", top), (-1, "b", top)) if layer < top else scale
