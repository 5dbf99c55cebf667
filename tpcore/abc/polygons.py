"""Convex polygons with exact corners, cut by half-planes; they may shrink to a segment, a point or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

Point = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Line:
    """p x + q y + k: zero on the line, positive on the side that is kept. `name` says which condition it is."""

    name: str
    p: Fraction
    q: Fraction
    k: Fraction

    def __call__(self, x, y):
        return self.p * x + self.q * y + self.k

    @property
    def constant(self) -> bool:
        """No line at all: the same value everywhere."""
        return self.p == 0 and self.q == 0

    def flipped(self) -> Line:
        return Line(self.name, -self.p, -self.q, -self.k)


def tightest(lines: list[Line]) -> list[Line]:
    """Of lines that are parallel copies of each other (equal p and q), the least one: it alone bounds."""
    least: dict[Point, Line] = {}
    for line in lines:
        known = least.get((line.p, line.q))
        if known is None or line.k < known.k:
            least[line.p, line.q] = line
    return list(least.values())


def box(xlim: tuple[Fraction, Fraction], ylim: tuple[Fraction, Fraction]) -> list[Point]:
    """The corners of a rectangle, counterclockwise."""
    (x0, x1), (y0, y1) = xlim, ylim
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def cut(corners: list[Point], line: Line) -> list[Point]:
    """The part of a convex polygon on the positive side of `line`, the line included (Sutherland and Hodgman)."""
    kept: list[Point] = []
    for i, here in enumerate(corners):
        there = corners[(i + 1) % len(corners)]
        at, to = line(*here), line(*there)
        if at >= 0:
            kept.append(here)
        if at * to < 0:
            t = at / (at - to)
            kept.append((here[0] + t * (there[0] - here[0]), here[1] + t * (there[1] - here[1])))
    return distinct(kept)


def distinct(corners: list[Point], gap: Fraction = Fraction(0)) -> list[Point]:
    """The corners without repetition (none within `gap` of an earlier one), in order; a segment keeps its two ends."""
    kept: list[Point] = []
    for x, y in corners:
        if not any(abs(x - u) <= gap and abs(y - v) <= gap for u, v in kept):
            kept.append((x, y))
    return kept


def sides(corners: list[Point]) -> list[tuple[Point, Point]]:
    """The edges of a polygon: none of a point, one of a segment."""
    if len(corners) < 3:
        return [(corners[0], corners[1])] if len(corners) == 2 else []
    return [(corners[i], corners[(i + 1) % len(corners)]) for i in range(len(corners))]


def middle(*points: Point) -> Point:
    """The mean of points."""
    return sum(x for x, _ in points) / Fraction(len(points)), sum(y for _, y in points) / Fraction(len(points))
