"""The two facets of nontrivial parametrizations, unfolded into one picture.

Figure 5 of Tensor Programs IV is its projection. Up to the symmetry, and with each layer's distance r_l - r from the
fastest one fixed, three numbers are left: the start s = a_{L+1} + b_{L+1} and the step u = 2 a_{L+1} + c_{L+1} of the
readout, and the level m of the other layers, with r = min(s, u) + 2 m. Nontrivial are u = 1 (the readout's facet) and
s + r = 1 (the features' facet).

The first is drawn in the coordinates (m, s): for L = 1 and c = 0 these are figure 5's a_1 and a_2 + b_2. The second
hangs on their common edge, m + s = 1/2 (the path from muP to NTP): its point with step u = 1 + 2 t lies at (m - t, s -
t). For adaptive optimizers u = a_{L+1} + c_{L+1}, m is r itself, and the hinge is m + s = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from tpcore import checks
from tpcore.abc import exponents as ex
from tpcore.abc import points
from tpcore.abc.affine import Affine
from tpcore.abc.edges import Edge, nearest
from tpcore.abc.numbers import exponent, index
from tpcore.abc.parametrization import Parametrization
from tpcore.abc.plane import Plane
from tpcore.abc.polygons import Point
from tpcore.abc.slices import Slice, slice
from tpcore.errors import Misuse

HALF = Fraction(1, 2)
X, Y = Affine(x=Fraction(1)), Affine(y=Fraction(1))


@dataclass(frozen=True)
class Facet:
    """One facet: its name ("readout" or "features"), what holds all over it, its plane and its labelled edges.

    The edges' equations are those of the conditions themselves, as both facets share one picture.
    """

    name: str
    condition: str
    plane: Plane
    edges: tuple[Edge, ...]


class Unfolded:
    """Both facets in one picture; `unfold` makes it.

    Attributes
    ----------
    p : Parametrization
        Whose distances between layers, and whose gauge, all points of the picture have.
    facets : (Facet, Facet)
        "readout" where x + y >= `fold`, "features" where x + y <= `fold`.
    fold : Fraction
        x + y on the common edge.
    hinge : (point, point)
        The ends of the common edge: where muP lies and where NTP lies, if the layers are as far apart as theirs.
    labels : (str, str)
        What the coordinates are on the readout's facet.
    xlim, ylim : (Fraction, Fraction)
    named : dict
        Name -> point, of the named parametrizations in this picture; "muP" is MFP too where L = 1.
    path : list of points
        UP_r from muP to NTP; empty where the layers are not as far apart as its.
    """

    def __init__(self, p: Parametrization, xlim, ylim):
        if not isinstance(p, Parametrization):
            raise Misuse("The picture is of a parametrization's facets", repr(p), "tp.abc.mup(2)")
        self.p, self.fold = p, Fraction(1) if p.adaptive else HALF
        self.levels = tuple(r - p.r for r in p.layer_r)
        xlim = (self.fold - Fraction(7, 4), self.fold + HALF) if xlim is None else xlim
        out = (self.fold - X - Y) * HALF
        front = self._plane(X, Y, Affine(Fraction(1)), xlim, ylim)
        back = self._plane(X + out, Y + out, 1 + 2 * out, xlim, ylim)
        self.facets = (self._facet("readout", front), self._facet("logits", back))
        self.labels, self.xlim, self.ylim = front.labels, front.xlim, front.ylim
        self.hinge: tuple[Point, Point] = ((self.fold - 1, Fraction(1)), (self.fold - HALF, HALF))
        self.named = self._named()
        self.path = list(self.hinge) if "muP" in self.named else []

    def _plane(self, m: Affine, start: Affine, step: Affine, xlim, ylim) -> Plane:
        """The exponents at level m, start s and step u, in the gauge of `p`: one c stays, or else the multipliers."""
        p, depth, weight = self.p, self.p.depth, 1 if self.p.adaptive else 2
        own = [m * weight + level + (layer > 0) for layer, level in enumerate(self.levels)] + [step]  # 2 a_l + c_l
        one_rate = p.uniform and not p.adaptive
        if one_rate:
            rates = [Affine(c) for c in p.rates]
            a = [(one - c) * HALF for one, c in zip(own, rates, strict=True)]
        else:
            a = [Affine(value) for value in p.a]
            rates = [one - weight * x for one, x in zip(own, a, strict=True)]
        bounds = [Affine(HALF * (layer > 0)) for layer in range(depth)] + [start]
        letters = {"a": a, "b": [bound - x for bound, x in zip(bounds, a, strict=True)], "c": rates}
        if p.adaptive:
            letters["d"] = [x + start for x in a[:-1]] + [a[-1]]
        return Plane(letters, one_rate, self._labels(), xlim, ylim, p.exact)

    def _facet(self, name: str, plane: Plane) -> Facet:
        equal = {one.name: one.formula.replace("≥", "=") for one in self.p.conditions}
        edges = tuple(replace(edge, equations=tuple(equal[one] for one in edge.conditions)) for edge in plane.edges)
        return Facet({"logits": "features"}.get(name, name), equal[name], plane, edges)

    def _labels(self) -> tuple[str, str]:
        p, top = self.p, index(self.p.depth + 1)
        bare = not any(p.a) and not p.uniform  # no multipliers: the rates do it all
        start = f"b_{top}" if bare else f"a_{top} + b_{top}"
        if p.adaptive:
            return "r", start
        fastest = self.levels.index(min(self.levels)) + 1
        rate = f"c_{index(fastest)}/2" if not p.uniform else "c/2" if p.c else ""
        parts = [rate] if bare else [f"a_{index(fastest)}", rate]
        return " + ".join(filter(None, parts)) + (" - 1/2" if fastest > 1 else ""), start

    def _named(self) -> dict[str, Point]:
        depth, optimizer = self.p.depth, "adam" if self.p.adaptive else "sgd"
        largest = 1 if optimizer == "sgd" or depth == 1 else Fraction(3, 2)
        known = {"muP": points.mup(depth, optimizer=optimizer), "NTP": points.ntp(depth, optimizer=optimizer)}
        known["SP"] = points.sp(depth, largest, optimizer=optimizer)
        return {name: self._place(p) for name, p in known.items() if self._alike(p)}

    def _alike(self, p: Parametrization) -> bool:
        levels = [r - p.r for r in p.layer_r]
        tolerance = max(p.tolerance, self.p.tolerance)
        return all(abs(x - y) <= tolerance for x, y in zip(levels, self.levels, strict=True))

    def facet(self, x, y) -> Facet:
        """The facet on whose side of the hinge the point lies."""
        (x, _), (y, _) = exponent("The coordinate x", x), exponent("The coordinate y", y)
        return self.facets[0] if x + y >= self.fold else self.facets[1]

    def at(self, x, y) -> Parametrization:
        """The parametrization at a point of the picture."""
        return self.facet(x, y).plane.at(x, y)

    def where(self, p: Parametrization) -> Point:
        """Where `p` lies in the picture; the inverse of `at`, up to the symmetry.

        Raises
        ------
        Misuse
            If `p` has another depth or optimizer, lies on neither facet, or has its layers another distance apart.
        """
        if not isinstance(p, Parametrization) or (p.depth, p.adaptive) != (self.p.depth, self.p.adaptive):
            raise Misuse("A point of this picture has its depth and its optimizer", repr(p))
        if not p.moves:
            raise Misuse("A point of this picture is nontrivial", repr(p), " ".join(p.reasons[:1]))
        if not self._alike(p):
            raise Misuse("A point of this picture has its layers as far apart as the picture's own", repr(p),
                         "Unfold that parametrization itself")  # fmt: skip
        return self._place(p)

    def _place(self, p: Parametrization) -> Point:
        start = ex.readout_at_init(p.a, p.b)
        m = p.r if p.adaptive else (p.r - min(start, p.readout_step)) / 2
        out = (p.readout_step - 1) / 2
        if abs(out) <= p.tolerance:
            out = Fraction(0)
        return m - out, start - out

    def snap(self, x: float, y: float, within: float = 0.02) -> Point:
        """The corner or border of the facet there nearest to where a hand points; see `Plane.snap`."""
        return self.facet(x, y).plane.snap(x, y, within)

    def distance(self, x, y):
        """How far points are from the nearest border of phases, in the picture's coordinates (the hinge is none)."""
        x, y = checks.array("x", x), checks.array("y", y)
        hinge = {self.hinge, self.hinge[::-1]}
        borders = [edge for facet in self.facets for edge in facet.edges if edge.border]
        return nearest([edge for edge in borders if (edge.start, edge.end) not in hinge], x, y)

    def contour(self, r) -> list[tuple[Point, Point]]:
        """The segments along which r has this value, over both facets."""
        return [piece for facet in self.facets for piece in facet.plane.contour(r)]

    def cross(self, x, y, xlim=None, n: int = 200) -> Slice:
        """The slice across the facets at the level m of a point of the picture: it shows the trivial side.

        Its coordinates are the readout's multiplier a_{L+1} (its rate c_{L+1} where the rates are one per layer) and
        a_{L+1} + b_{L+1}, over the picture's own ylim; `Slice.here` is the point.
        """
        p, top = self.at(x, y), self.p.depth + 1
        letter, values, weight = ("a", p.a, 2) if p.uniform else ("c", p.rates, 1)
        if xlim is None:
            edge = values[-1] + (1 - p.readout_step) / weight  # where u = 1
            xlim = (edge - HALF / weight, max(edge + Fraction(3, 2) / weight, values[-1] + HALF / weight))
        start = f"b{top}" if letter == "c" and not p.a[-1] else f"a{top}+b{top}"
        return slice(p, f"{letter}{top}", start, xlim, self.ylim, n)


def unfold(p: Parametrization, xlim=None, ylim=(Fraction(-1, 4), Fraction(3, 2))) -> Unfolded:
    """The nontrivial parametrizations like `p`, as two facets unfolded into one picture.

    Parameters
    ----------
    p : Parametrization
        Fixes the depth, the optimizer, the gauge and how far the layers' r_l are apart.
    xlim, ylim : pairs of numbers
        By default wide enough for the named points and a piece of each open side.

    Returns
    -------
    Unfolded
        Polygons and labelled edges of both facets; `at` and `where` map points to parametrizations and back; `cross` is
        the slice that shows the trivial side; `named`, `path` and `contour` are what to draw on top.
    """
    return Unfolded(p, xlim, ylim)
