"""The powers of n with which the quantities that can be measured grow or vanish.

A quantity of power p is of size n^p: the slope of its logarithm against log n. Sizes of vectors and of matrices'
entries are root mean squares. They hold for the change since initialization after three steps or more: where the
readout's update outgrows its start, the first step has another slope. Derived as Tensor Programs IV, appendix H does,
by counting: products of independent vectors grow like sqrt(n), of aligned ones like n; the two kernels' changes also by
a parity, see `_change`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from tpcore.abc import exponents as ex
from tpcore.abc.numbers import index, power

if TYPE_CHECKING:
    from tpcore.abc.parametrization import Parametrization

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Exponent:
    """The predicted power of n of one quantity.

    Attributes
    ----------
    name : str
        Its key, as in `exponents`.
    power : Fraction
        Its size is n^power.
    latex : str
        Its symbol.
    what : str
        What it is, in words.
    """

    name: str
    power: Fraction
    latex: str
    what: str

    def __float__(self) -> float:
        return float(self.power)

    @property
    def sentence(self) -> str:
        """What is predicted, as a sentence."""
        fate = "stays at size one" if self.power == 0 else f"scales like {power(self.power)}"
        return f"{self.what} {fate}."


def exponents(p: Parametrization) -> dict[str, Exponent]:
    """Name -> power, for every quantity that has one.

    At initialization: ``f0``; of each layer's weights ``W{l}`` (entries), ``W{l}_norm`` (spectral), ``W{l}_frobenius``.
    Where `p` is stable, of changes: ``df``, ``dh{l}``, ``dx{l}``, ``dWx{l}`` = (Delta W^l) x^{l-1}, ``dW{l}``
    (entries), ``dW{l}_norm`` (spectral and Frobenius alike: an update has few directions); ``gradient`` = df/dx^L; and
    for SGD of the feature kernels ``dx{l}_kernel`` = Delta <x^l, x'^l>/n, the tangent kernel ``ntk`` and ``dntk``.
    """
    found = _weights(p)
    if p.stable:
        found += _updates(p) + _features(p) + _function(p)
        found += [] if p.adaptive else _kernels(p)
    return {one.name: one for one in found}


def _sides(p: Parametrization, layer: int) -> tuple[int, int]:
    """Whether the rows and the columns of W^l grow with n."""
    return int(layer <= p.depth), int(layer > 1)


def _weights(p: Parametrization) -> list[Exponent]:
    found = [
        Exponent("f0", HALF - ex.readout_at_init(p.a, p.b), "f_0", "The function at initialization"),
    ]
    for layer in range(1, p.depth + 2):
        i, entry, sides = index(layer), -p.a[layer - 1] - p.b[layer - 1], sum(_sides(p, layer))
        matrix, owner = f"W^{i}_0", f"layer {layer}'s initial weights"
        found += [
            Exponent(f"W{layer}", entry, matrix, f"An entry of {owner}"),
            Exponent(f"W{layer}_norm", entry + HALF, rf"\|{matrix}\|_*", f"The spectral norm of {owner}"),
            Exponent(f"W{layer}_frobenius", entry + sides * HALF, rf"\|{matrix}\|_F", f"The Frobenius norm of {owner}"),
        ]
    return found


def _updates(p: Parametrization) -> list[Exponent]:
    back, found = ex.gradient(p.a, p.b, p.rates, p.adaptive), []
    for layer in range(1, p.depth + 2):
        i, sides = index(layer), sum(_sides(p, layer))
        if p.adaptive:
            entry = -p.a[layer - 1] - p.rates[layer - 1]
        else:
            entry = -2 * p.a[layer - 1] - p.rates[layer - 1] - (back if layer <= p.depth else 0)
        acts = -p.layer_r[layer - 1] if layer <= p.depth else 1 - p.readout_step
        seen = "x^L" if layer > p.depth else rf"x^{{{layer - 1}}}" if layer > 1 else r"\xi"
        update, owner = rf"\Delta W^{i}", f"the change of layer {layer}'s weights"
        found += [
            Exponent(f"dW{layer}", entry, update, f"An entry of {owner}"),
            Exponent(f"dW{layer}_norm", entry + sides * HALF, rf"\|{update}\|", f"The norm of {owner}"),
            Exponent(f"dWx{layer}", acts, rf"{update}\, {seen}", f"What layer {layer}'s own update adds to its output"),
        ]
    return found


def _features(p: Parametrization) -> list[Exponent]:
    found = []
    for layer in range(1, p.depth + 1):
        i, r = index(layer), min(p.layer_r[:layer])
        found += [
            Exponent(f"dh{layer}", -r, rf"\Delta h^{i}", f"The change of layer {layer}'s preactivations"),
            Exponent(f"dx{layer}", -r, rf"\Delta x^{i}", f"The change of layer {layer}'s features"),
        ]
    return found


def _function(p: Parametrization) -> list[Exponent]:
    """f moves by the readout's update, or by the features' motion read by the initial readout."""
    start = ex.readout_at_init(p.a, p.b)
    moved = max(1 - p.readout_step, 1 - start - p.r)
    back = ex.gradient(p.a, p.b, p.rates, p.adaptive)
    return [
        Exponent("df", moved, r"\Delta f", "The change of the function"),
        Exponent("gradient", -back, r"\partial f / \partial x^L", "An entry of the gradient at the last features"),
    ]


def _change(small: Fraction, flip: Fraction) -> Fraction:
    """How much a mean over n coordinates changes, relatively, when they change by n^(-small).

    While the initial readout v sends the gradients back, first-order changes are odd in v: their mean vanishes, up to a
    fluctuation smaller by sqrt(n). What remains is second order, or first order with the part of the gradients that is
    not odd, smaller by n^(-flip): the readout's update in the place of v, or the other layers' motion.
    """
    return min(2 * small, small + flip, small + HALF)


def _kernels(p: Parametrization) -> list[Exponent]:
    start, back = ex.readout_at_init(p.a, p.b), ex.gradient(p.a, p.b, p.rates, p.adaptive)
    outgrown = max(p.readout_step - start, Fraction(0))
    flip, found = min(outgrown, p.r), []
    for layer in range(1, p.depth + 1):
        i = index(layer)
        change = -_change(min(p.layer_r[:layer]), flip)
        latex = rf"\Delta \langle x^{i}, x'^{i} \rangle / n"
        found.append(Exponent(f"dx{layer}_kernel", change, latex, f"The change of layer {layer}'s feature kernel"))
    readout, rest = 1 - p.readout_step, [1 - back - r for r in p.layer_r]
    change = max(readout - _change(p.r, flip), max(rest) - _change(flip, flip))
    return [
        *found,
        Exponent("ntk", max(readout, *rest), "K", "The tangent kernel, with the learning rates in it,"),
        Exponent("dntk", change, r"\Delta K", "The change of the tangent kernel"),
    ]
