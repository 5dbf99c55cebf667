"""Slices through the space of parametrizations, along any two coordinates."""

from __future__ import annotations

import re
from fractions import Fraction


from tpcore import checks
from tpcore.abc.affine import Affine
from tpcore.abc.numbers import index
from tpcore.abc.parametrization import Parametrization
from tpcore.abc.plane import Plane
from tpcore.errors import Misuse

HALF = Fraction(1, 2)
TIES = (True, False, "readout")
_NAME = re.compile(r"([abcd])_?(\d+)")
_SUM = re.compile(r"a_?(\d+)\+b_?(\d+)")
Key = tuple[str, int]


class Slice(Plane):
    """A slice as data: polygons and edges (see `Plane`) and the same phases on a grid.

    Attributes
    ----------
    p : Parametrization
        The one that the slice goes through (up to the tie).
    axes : (str, str)
        The coordinates as asked for; `labels` are the same with subscripts.
    x, y : arrays (n,)
    codes : array (n, n) of int8
        Phases, rows along y; `PHASES[code]` is the phase.
    here : (Fraction, Fraction)
        The coordinates of `p` itself.
    """

    def __init__(self, p, axes, keys, letters, uniform, xlim, ylim, n):
        super().__init__(letters, uniform, [_label(one) for one in keys], xlim, ylim, p.exact)
        self.p, self.axes, self.here = p, axes, tuple(_value(p, one) for one in keys)
        self.x, self.y, self.codes = self.grid(n)


def slice(p: Parametrization, x: str = "b2", y: str = "c", xlim=(-1, 2), ylim=(-1, 2), n: int = 200, tie=True) -> Slice:
    """The phases on a plane through `p`: two coordinates vary, the others stay or are tied.

    Parameters
    ----------
    p : Parametrization
    x, y : str
        "a1", "b2", "c" (every layer's), "c2" (that layer's alone), "d1", or a sum such as "a2+b2", which moves b2 (or
        a2 where b2 is the other coordinate).
    xlim, ylim : pairs of numbers
    n : int
        Points a side of the grid.
    tie : True, False or "readout"
        True keeps a_1 + b_1 = 0 and a_l + b_l = 1/2 for 2 <= l <= L (moving one moves the other), and for adaptive
        optimizers d_l as `adaptive` chooses it. Without it nearly all of a slice is unstable. "readout" keeps
        2 a_{L+1} + c_{L+1} = 1 as well (adaptive: a_{L+1} + c_{L+1} = 1), so that what is stable is nontrivial.

    Returns
    -------
    Slice
        ``regions``, ``edges``, ``corners``: exact; ``codes``: on the grid; ``at(x, y)``: the parametrization there.

    Raises
    ------
    Misuse
        If a name is no coordinate, if the two are one, or if the tie makes one follow from the other.
    """
    if not isinstance(p, Parametrization):
        raise Misuse("A slice goes through a parametrization", repr(p), "tp.abc.mup(2)")
    if not any(tie is one or (isinstance(one, str) and isinstance(tie, str) and tie == one) for one in TIES):
        raise Misuse("tie must be True, False or 'readout'", repr(tie))
    asked = [_coordinate(p, name) for name in (x, y)]
    checks.integer("The number n of points a side", n, 2, 4096)
    plane = _Ties(p, [_expand(p, one) for one in asked], (x, y))
    plane.assign()
    if tie is not False:
        plane.tie_init()
    if tie == "readout":
        plane.tie_readout()
    if tie is not False and p.adaptive:
        plane.tie_scales()
    return Slice(p, (x, y), asked, plane.letters, plane.uniform, xlim, ylim, n)


def _coordinate(p: Parametrization, name) -> tuple[Key, ...]:
    """The exponent, or the two in a sum, that a name means; ("c", 0) is every layer's."""
    top, known = p.depth + 1, isinstance(name, str)
    text = name.replace(" ", "") if known else ""
    if text == "c" and p.uniform:
        return (("c", 0),)
    if (both := _SUM.fullmatch(text)) and both[1] == both[2] and 1 <= int(both[1]) <= top:
        return (("a", int(both[1])), ("b", int(both[1])))
    if (one := _NAME.fullmatch(text)) and 1 <= int(one[2]) <= top and (one[1] != "d" or p.adaptive):
        return ((one[1], int(one[2])),)
    rates = "c, " if p.uniform else ""
    names = f"a1 to a{top}, b1 to b{top}, {rates}c1 to c{top}, or a sum such as a{top}+b{top}"
    hint = "Its learning rate is one per layer: c1, c2, ..." if text == "c" else f"Choose among {names}"
    raise Misuse("A coordinate must be an exponent of this parametrization", repr(name), hint)


def _expand(p: Parametrization, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    return tuple(("c", i) for i in range(1, p.depth + 2)) if keys == (("c", 0),) else keys


def _label(keys: tuple[Key, ...]) -> str:
    return " + ".join(letter if layer == 0 else f"{letter}_{index(layer)}" for letter, layer in keys)


def _value(p: Parametrization, keys: tuple[Key, ...]) -> Fraction:
    rows = {"a": p.a, "b": p.b, "c": p.rates, "d": p.scales}
    return sum((rows[letter][max(layer, 1) - 1] for letter, layer in keys), Fraction(0))


class _Ties:
    """Every exponent as an affine function of the two coordinates, one tie after another."""

    def __init__(self, p: Parametrization, keys, names):
        self.p, self.keys, self.names, self.top = p, keys, names, p.depth + 1
        rows = {"a": p.a, "b": p.b, "c": p.rates} | ({"d": p.scales} if p.adaptive else {})
        self.letters = {letter: [Affine(value) for value in values] for letter, values in rows.items()}
        self.fixed: set[Key] = set()
        single = any(len(one) == 1 and one[0][0] == "c" for one in keys)
        self.uniform = p.uniform and not single

    def get(self, letter: str, layer: int) -> Affine:
        return self.letters[letter][layer - 1]

    def set(self, letter: str, layer: int, value: Affine) -> None:
        self.letters[letter][layer - 1] = value
        self.fixed.add((letter, layer))

    def clash(self, why: str) -> Misuse:
        came = f"{self.names[0]} and {self.names[1]}"
        return Misuse("The two coordinates of a slice must be free of each other", came, why)

    def assign(self) -> None:
        """The coordinates themselves: single exponents first, then sums, which move their b (or a)."""
        units = (Affine(x=Fraction(1)), Affine(y=Fraction(1)))
        pairs = sorted(zip(self.keys, units, strict=True), key=lambda pair: self._is_sum(pair[0]))
        for keys, unit in pairs:
            if not self._is_sum(keys):
                for key in keys:
                    if key in self.fixed:
                        raise self.clash("Choose two different ones")
                    self.set(*key, unit)
                continue
            layer = keys[0][1]
            moved, other = ("a", "b") if ("b", layer) in self.fixed else ("b", "a")
            if (moved, layer) in self.fixed:
                raise self.clash("Choose two different ones")
            self.set(moved, layer, unit - self.get(other, layer))
            self.fixed.add((other, layer))

    @staticmethod
    def _is_sum(keys: tuple[Key, ...]) -> bool:
        return len(keys) == 2 and keys[0][0] == "a" and keys[1][0] == "b"

    def tie_init(self) -> None:
        """a_1 + b_1 = 0 and a_l + b_l = 1/2."""
        for layer in range(1, self.top):
            bound = Affine(HALF if layer > 1 else Fraction(0))
            if {("a", layer), ("b", layer)} <= self.fixed:
                raise self.clash(f"a{layer} + b{layer} is tied to {bound.constant}; choose others, or tie=False")
            moved, other = ("a", "b") if ("b", layer) in self.fixed else ("b", "a")
            self.set(moved, layer, bound - self.get(other, layer))

    def tie_readout(self) -> None:
        """2 a_{L+1} + c_{L+1} = 1 (adaptive: a + c = 1): the one that is free follows."""
        top, weight = self.top, 1 if self.p.adaptive else 2
        rate, multiplier = ("c", top) in self.fixed, ("a", top) in self.fixed
        if rate and multiplier:
            sentence = f"{weight} a{top} + c = 1" if weight > 1 else f"a{top} + c = 1"
            raise self.clash(f"{sentence} is tied; choose others, or tie=True")
        if multiplier:
            follows = 1 - weight * self.get("a", top)
            for layer in range(1, top + 1) if self.uniform else [top]:
                self.set("c", layer, follows)
        else:
            self.set("a", top, (1 - self.get("c", top)) * Fraction(1, weight))

    def tie_scales(self) -> None:
        """d_l with which an adaptive optimizer sees gradients of size one."""
        out = self.get("a", self.top) + self.get("b", self.top)
        for layer in range(1, self.top + 1):
            if ("d", layer) in self.fixed:
                raise self.clash(f"d{layer} is tied to what makes gradients of size one; choose others, or tie=False")
            self.set("d", layer, self.get("a", layer) + (out if layer < self.top else 0))


