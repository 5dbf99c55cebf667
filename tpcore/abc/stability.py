"""What must hold for a stable, nontrivial, feature-learning parametrization, one condition at a time.

Tensor Programs IV, theorems 3.3, 3.4 and 3.5 (SGD); Tensor Programs IVb, section 2.9 (adaptive optimizers). A condition
that fails says what grows or vanishes, how fast and when; each such sentence takes the other conditions as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from tpcore.abc import exponents as ex
from tpcore.abc.numbers import index, power

if TYPE_CHECKING:
    from tpcore.abc.parametrization import Parametrization

INIT, FIRST, SECOND = "at initialization", "after the first step", "after the second step"
WHENS = (INIT, FIRST, SECOND)
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Condition:
    """One condition on the exponents.

    Attributes
    ----------
    name : str
        "input", "hidden 2", "init", "features", "readout", "logits"; for adaptive optimizers also "faithful 1" and
        "gradients". The same names label the edges of a slice.
    group : str
        "stable", "nontrivial" (one of the two is enough) or "features".
    formula, latex : str
        ``a_1 + b_1 = 0`` and the like.
    value, bound : Fraction
        Left and right side.
    relation : str
        "=" or "≥".
    holds, tight : bool
        Whether it holds; whether both sides are equal.
    sentence : str
        What it says about the network, as it stands.
    when : str
        "at initialization", "after the first step" or "after the second step": when it shows that it fails.
    growth : Fraction
        What fails grows like n^growth (vanishes, where negative); 0 where the condition holds.
    """

    name: str
    group: str
    formula: str
    value: Fraction
    relation: str
    bound: Fraction
    holds: bool
    tight: bool
    sentence: str
    when: str = INIT
    growth: Fraction = Fraction(0)

    @property
    def latex(self) -> str:
        return self.formula.replace("≥", r"\ge")


def check(p: Parametrization, name: str, formula: str, value, bound, says: dict, *, when=INIT, **options) -> Condition:
    """A condition from its two sides; `says` maps "tight", "slack", "fails" to sentences."""
    relation = "≥" if "≥" in formula else "="
    tight = abs(value - bound) <= p.tolerance
    holds = tight or (relation == "≥" and value > bound)
    growth = Fraction(0) if holds else options.get("growth", bound - value)
    sentence = says.get("tight" if tight else "slack" if holds else "fails", "")
    return Condition(name, options.get("group", "stable"), formula, value, relation, Fraction(bound), holds, tight,
                     sentence, when, growth)  # fmt: skip


def moves(growth: Fraction) -> str:
    """ "grow like n^0.5" or "vanish like n^-0.5"."""
    return f"grow like {power(growth)}" if growth > 0 else f"vanish like {power(growth)}"


def conditions(p: Parametrization) -> list[Condition]:
    """Every condition of `p`: stability first, then the two ways to be nontrivial, then r = 0."""
    own = _faithful(p) if p.adaptive else []
    return [*_init(p), _features(p), *_output(p), *own, *_beyond(p)]


def _init(p: Parametrization) -> list[Condition]:
    found, top = [], index(p.depth + 1)
    for layer in range(1, p.depth + 1):
        i, value = index(layer), p.a[layer - 1] + p.b[layer - 1]
        if layer == 1:
            name, formula, bound = "input", "a_1 + b_1 = 0", Fraction(0)
            says = {"tight": "The preactivations of layer 1 start at size one."}
            says["fails"] = f"The preactivations of layer 1 {moves(bound - value)} at initialization."
        else:
            name, formula, bound = f"hidden {layer}", f"a_{i} + b_{i} = 1/2", HALF
            says = {"tight": f"Layer {layer} keeps the size of what it is given at initialization."}
            fate = "grow" if value < bound else "vanish"
            says["fails"] = f"The preactivations of layer {layer} {fate} at initialization: " + (
                f"they are {power(bound - value)} times the size of the features before them."
            )
        found.append(check(p, name, formula, value, bound, says))
    value = ex.readout_at_init(p.a, p.b)
    says = {
        "tight": "The function starts as a nonzero Gaussian process.",
        "slack": f"The function starts at zero: it vanishes like {power(HALF - value)}.",
        "fails": f"The logits {moves(HALF - value)} at initialization.",
    }
    return [*found, check(p, "init", f"a_{top} + b_{top} ≥ 1/2", value, HALF, says)]


def _features(p: Parametrization) -> Condition:
    when, which = (FIRST, p.first_layer_r) if p.first_r < -p.tolerance else (SECOND, p.layer_r)
    # SECOND: only the readout, once it has grown, sends gradients back that are too large. Of layers that fail the
    # lowest counts: what it does to those above depends on the activation.
    growth = -next((r for r in which if r < -p.tolerance), p.r)
    alike = [layer for layer, r in enumerate(which, 1) if abs(r + growth) <= p.tolerance]
    says = {
        "tight": "The features change at size one.",
        "slack": f"The features change like {power(-p.r)}: they freeze.",
        "fails": f"The features of {layers_text(alike)} {moves(growth)} {when}.",
    }
    return check(p, "features", "r ≥ 0", p.r, 0, says, when=when, growth=growth)


def _output(p: Parametrization) -> list[Condition]:
    top, step, start = index(p.depth + 1), p.readout_step, ex.readout_at_init(p.a, p.b)
    can = "can " if p.first_r < -p.tolerance else ""  # by the activation, once features grow too
    says = {
        "tight": "The readout's own update moves the function at size one.",
        "slack": f"The readout's own update moves the function by {power(1 - step)} only.",
        "fails": f"The logits {can}{moves(1 - step)} after the first step: the readout's update is too large.",
    }
    readout = check(p, "readout", _step_formula(p, "≥"), step, 1, says, when=FIRST)
    when, growth = FIRST, 1 - start - p.first_r
    if growth <= p.tolerance:
        when, growth, can = SECOND, 1 - start - p.r, "can " if p.r < -p.tolerance else ""
    says = {
        "tight": "The features' motion, read by the initial readout, moves the function at size one.",
        "slack": f"The features' motion, read by the initial readout, moves the function by {power(growth)} at most.",
        "fails": f"The logits {can}{moves(growth)} {when}: the features move too much for the initial readout.",
    }
    formula = f"a_{top} + b_{top} + r ≥ 1"
    return [readout, check(p, "logits", formula, start + p.r, 1, says, when=when, growth=growth)]


def _faithful(p: Parametrization) -> list[Condition]:
    top, start, found = index(p.depth + 1), ex.readout_at_init(p.a, p.b), []
    for layer, (d, want) in enumerate(zip(p.scales, ex.faithful(p.a, p.b), strict=True), 1):
        i = index(layer)
        right = f"a_{i} + a_{top} + b_{top}" if layer <= p.depth else f"a_{i}"
        said = f"The optimizer sees gradients of layer {layer}"
        says = {
            "tight": f"{said} that are of size one.",
            "fails": f"{said} that {moves(d - want)}: its nonlinearity acts on none of that size.",
        }
        found.append(check(p, f"faithful {layer}", f"d_{i} = {right}", d, want, says, when=FIRST, growth=d - want))
    slack, rate = p.readout_step - start, "c" if p.uniform else f"c_{top}"
    says = {
        "tight": "The readout's update is as large as its start.",
        "slack": "The readout's update is smaller than its start.",
        "fails": f"The gradients grow like {power(-slack)} after the first step: "
        "the readout's update exceeds its start.",
    }
    return [*found, check(p, "gradients", f"{rate} - b_{top} ≥ 0", slack, 0, says, when=FIRST)]


def _beyond(p: Parametrization) -> list[Condition]:
    top, start = index(p.depth + 1), ex.readout_at_init(p.a, p.b)
    own = {"tight": "The function moves by the readout's own update."}
    seen = {"tight": "The function moves by the features' motion, seen through the initial readout."}
    both = f"a_{top} + b_{top} + r = 1"
    still = {"tight": "The features move."}
    return [
        check(p, "readout", _step_formula(p, "="), p.readout_step, 1, own, group="nontrivial"),
        check(p, "logits", both, start + p.r, 1, seen, group="nontrivial"),
        check(p, "features", "r = 0", p.r, 0, still, group="features"),
    ]


def _step_formula(p: Parametrization, relation: str) -> str:
    top = index(p.depth + 1)
    rate = "c" if p.uniform else f"c_{top}"
    return f"a_{top} + {rate} {relation} 1" if p.adaptive else f"2 a_{top} + {rate} {relation} 1"


def layers_text(layers: list[int]) -> str:
    """ "layer 2", "layers 1 and 2", "layers 1, 2 and 3"."""
    if len(layers) == 1:
        return f"layer {layers[0]}"
    return "layers " + ", ".join(map(str, layers[:-1])) + f" and {layers[-1]}"
