"""A plane of parametrizations: its phases as exact polygons, as a grid, and point by point.

On a plane all exponents are affine functions of two coordinates, so the stable points are a convex polygon cut out by
the inequalities of `forms` (a segment, a point or nothing where an equality is not tied). Along the inside of each
edge, and inside the polygon, the phase is constant.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cached_property

import numpy as np

from tpcore import checks
from tpcore.abc import forms
from tpcore.abc.affine import Affine
from tpcore.abc.edges import ORDER, Edge, Region, equation, foot, nearest
from tpcore.abc.numbers import TOLERANCE, exponent, rounded
from tpcore.abc.parametrization import Parametrization
from tpcore.abc.phase import CODE, Phase
from tpcore.abc.polygons import Line, Point, box, cut, distinct, middle, sides, tightest
from tpcore.errors import Misuse


class Plane:
    """Phases of the parametrizations on a plane.

    Attributes
    ----------
    labels : (str, str)
        What the coordinates are: "a_1", "b_2", ...
    xlim, ylim : (Fraction, Fraction)
    stable : list of points
        The corners of the stable polygon, counterclockwise; everything else in the picture is unstable.
    regions : list of Region
        In drawing order: the whole picture as unstable, then the stable polygon.
    edges : list of Edge
        Of the stable polygon. A feature-learning edge of a kernel region, or a kernel edge of a trivial one, is here.
    corners : list of (point, Phase)
        The corners of the stable polygon with their own phases.
    """

    def __init__(self, letters: dict[str, list[Affine]], uniform: bool, labels, xlim, ylim, exact: bool = True):
        self.letters, self.uniform, self.labels = letters, uniform, tuple(labels)
        self.xlim, self.ylim, self.exact = limits("xlim", xlim), limits("ylim", ylim), exact
        self.tolerance = Fraction(0) if exact else TOLERANCE
        self.gap = 10 * self.tolerance  # corners closer than this are one
        self.system = forms.system(len(letters["a"]) - 1, "d" in letters)

    # From coordinates to parametrizations.

    def at(self, x, y) -> Parametrization:
        """The parametrization at a point of the plane, inside the picture or not."""
        names = [f"The coordinate {label}" for label in self.labels]
        (x, exact_x), (y, exact_y) = exponent(names[0], x), exponent(names[1], y)
        write = (lambda v: v) if self.exact and exact_x and exact_y else float
        row = {letter: [write(one.at(x, y)) for one in rows] for letter, rows in self.letters.items()}
        return Parametrization(row["a"], row["b"], row["c"][0] if self.uniform else row["c"], row.get("d"))

    def snap(self, x: float, y: float, within: float = 0.02) -> Point:
        """The corner or border nearest to where a hand points, if within that part of the picture; else the point.

        Borders have no area: without this nobody could click on feature learning.
        """
        x, y = (checks.real(f"The coordinate {name}", value) for name, value in zip(self.labels, (x, y), strict=True))
        within = checks.real("The distance within which a click snaps", within, 0.0, 1.0)
        scale = [float(high - low) for low, high in (self.xlim, self.ylim)]

        def far(point) -> float:
            return float(np.hypot((float(point[0]) - x) / scale[0], (float(point[1]) - y) / scale[1]))

        on_border = {point for edge in self.edges if edge.border for point in (edge.start, edge.end)}
        near = min(on_border, key=far, default=None)
        if near is not None and far(near) <= within:
            return near
        feet = [foot(edge, x, y, scale) for edge in self.edges if edge.border]
        near = min(feet, key=far, default=None)
        return near if near is not None and far(near) <= within else (rounded(x), rounded(y))

    def distance(self, x, y):
        """How far points are from the nearest border of phases in this picture, in its coordinates; infinite if none.

        Parameters
        ----------
        x, y : numbers or arrays that broadcast
        """
        x, y = checks.array(self.labels[0], x), checks.array(self.labels[1], y)
        return nearest([edge for edge in self.edges if edge.border], x, y)

    # Polygons.

    def line(self, name: str, one: forms.Form) -> Line:
        """A linear form of the exponents as one of the two coordinates."""
        total = Affine(one.constant)
        for (letter, layer), weight in one.terms:
            total += self.letters[letter][layer - 1] * weight
        return Line(name, total.x, total.y, total.constant)

    def lines(self, named) -> list[Line]:
        return [self.line(name, one) for name, one in named]

    def keep(self, corners: list[Point], line: Line, equal: bool = False) -> list[Point]:
        """`corners` cut by line >= 0 (or = 0); a line that is constant keeps all or nothing."""
        if line.constant:
            inside = abs(line.k) <= self.tolerance or (line.k > 0 and not equal)
            return corners if inside else []
        corners = cut(corners, line)
        return cut(corners, line.flipped()) if equal else corners

    @cached_property
    def stable(self) -> list[Point]:
        corners = box(self.xlim, self.ylim)
        for line in self.lines(self.system.equalities):
            corners = self.keep(corners, line, equal=True)
        for line in tightest(self.lines(self.system.inequalities)):
            corners = self.keep(corners, line)
        return distinct(corners, self.gap)

    @cached_property
    def regions(self) -> list[Region]:
        found = [Region(Phase.UNSTABLE, tuple(box(self.xlim, self.ylim)))]
        if self.stable:
            found.append(Region(self.at(*middle(*self.stable)).phase, tuple(self.stable)))
        return found

    @cached_property
    def edges(self) -> list[Edge]:
        return [self._edge(start, end) for start, end in sides(self.stable)]

    @cached_property
    def corners(self) -> list[tuple[Point, Phase]]:
        return [(point, self.at(*point).phase) for point in self.stable]

    def _edge(self, start: Point, end: Point) -> Edge:
        named = [*self.system.equalities, *self.system.inequalities]
        tight = [one for one in self.lines(named) if not one.constant and self._on(one, start, end)]
        tight.sort(key=lambda one: ORDER.index(one.name) if one.name in ORDER else len(ORDER))
        names = tuple(dict.fromkeys(one.name for one in tight))
        equations = tuple(dict.fromkeys(equation(one, self.labels) for one in tight))
        return Edge(start, end, self.at(*middle(start, end)).phase, names, equations)

    def _on(self, line: Line, *points: Point) -> bool:
        """Whether all points lie on the line."""
        return all(abs(line(*point)) <= 4 * self.gap for point in points)

    def contour(self, r) -> list[tuple[Point, Point]]:
        """The segments inside the stable polygon along which r has this value."""
        r, _ = exponent("The value of r", r)
        corners, terms = self.stable, [self.line("r", one.plus(-r)) for one in self.system.r]
        for line in terms:
            corners = self.keep(corners, line)
        live = [one for one in terms if not one.constant]
        return [(s, e) for s, e in sides(corners) if any(self._on(one, s, e) for one in live)]

    # The grid.

    def grid(self, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points x (n,), y (n,) and the phases' codes (n, n) int8, rows along y; codes index `PHASES`.

        Equalities hold within 1e-9.
        """
        n = checks.integer("The number n of points a side", n, 2, 4096)
        x, y = np.linspace(*map(float, self.xlim), n), np.linspace(*map(float, self.ylim), n)

        def values(line: Line) -> np.ndarray:
            return (float(line.q) * y + float(line.k))[:, None] + float(line.p) * x

        tol = float(TOLERANCE)
        stable = np.ones((n, n), bool)
        for line in self.lines(self.system.equalities):
            if line.constant:
                stable &= abs(line.k) <= TOLERANCE
            else:
                stable &= np.abs(values(line)) <= tol
        for line in tightest(self.lines(self.system.inequalities)):
            stable &= values(line) >= -tol
        r, seen = (self._least(values, terms) for terms in (self.system.r, self.system.seen))
        moves = (np.abs(values(self.line("readout", self.system.step))) <= tol) | (np.abs(seen) <= tol)
        code = np.where(np.abs(r) <= tol, CODE[Phase.FEATURE], CODE[Phase.KERNEL])
        code = np.where(moves, code, CODE[Phase.TRIVIAL])
        return x, y, np.where(stable, code, CODE[Phase.UNSTABLE]).astype(np.int8)

    def _least(self, values: Callable, terms) -> np.ndarray:
        first, *rest = tightest([self.line("", one) for one in terms])
        total = values(first)
        for line in rest:
            np.minimum(total, values(line), out=total)
        return total


def limits(name: str, pair) -> tuple[Fraction, Fraction]:
    """A range of a coordinate as two fractions, the smaller first."""
    try:
        low, high = pair
    except (TypeError, ValueError):
        raise Misuse(f"{name} must be a pair of numbers", repr(pair), "(-1, 1)") from None
    low, high = (exponent(f"An end of {name}", end)[0] for end in (low, high))
    if high - low < Fraction(1, 10**6):
        raise Misuse(f"{name} must go from a smaller to a larger number", f"({float(low):g}, {float(high):g})")
    return low, high
