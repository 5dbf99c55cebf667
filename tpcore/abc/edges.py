"""Regions and edges of a picture of phases: what a plot draws, and what it writes beside."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tpcore.abc.numbers import show
from tpcore.abc.phase import Phase
from tpcore.abc.polygons import Line, Point

# What an edge is called where the condition of that name is tight.
LABELS = {
    "features": "features move",
    "readout": "readout updated maximally",
    "logits": "readout initialized maximally",
    "init": "a Gaussian process at init",
    "gradients": "readout's update as large as its start",
}
ORDER = tuple(LABELS)


@dataclass(frozen=True)
class Edge:
    """A straight piece of a boundary, within which the phase is constant.

    ``conditions`` are the names of the conditions that are equalities there ("features" is r = 0), ``label`` what that
    means, ``equations`` their lines in the coordinates of the picture. An edge without conditions is where the picture
    ends.
    """

    start: Point
    end: Point
    phase: Phase
    conditions: tuple[str, ...]
    equations: tuple[str, ...]

    @property
    def label(self) -> str:
        return LABELS[self.conditions[0]] if self.conditions and self.conditions[0] in LABELS else ""

    @property
    def border(self) -> bool:
        """Whether this is a border of phases, not of the picture."""
        return bool(self.conditions)


@dataclass(frozen=True)
class Region:
    """A polygon of one phase: three corners or more; two where it is a segment, one where it is a point."""

    phase: Phase
    vertices: tuple[Point, ...]


def equation(line: Line, labels: tuple[str, str]) -> str:
    """A line in words of its coordinates: "a_1 + b_2 = 1/2"."""
    scale = abs(line.p or line.q)
    terms = [(line.p / scale, labels[0]), (line.q / scale, labels[1])]
    if (terms[0][0] or terms[1][0]) < 0 or (line.p * line.q == 0 and (line.p or line.q) < 0):
        terms, scale = [(-w, name) for w, name in terms], -scale
    text = ""
    for weight, name in terms:
        if weight:
            size = "" if abs(weight) == 1 else f"{show(abs(weight))} "
            wrapped = f"({name})" if " " in name and (size or weight < 0) else name
            plus, minus = (" + ", " - ") if text else ("", "-")
            text += (plus if weight > 0 else minus) + size + wrapped
    return f"{text} = {show(-line.k / scale)}"


def foot(edge: Edge, x: float, y: float, scale: list[float]) -> Point:
    """The point of an edge nearest to (x, y), on a fine ladder of fractions."""
    start, end = edge.start, edge.end
    along = [float(end[i] - start[i]) / scale[i] for i in (0, 1)]
    away = [(x - float(start[0])) / scale[0], (y - float(start[1])) / scale[1]]
    t = (along[0] * away[0] + along[1] * away[1]) / (along[0] ** 2 + along[1] ** 2)
    steps = max(abs(end[i] - start[i]) for i in (0, 1)) * 100
    share = Fraction(round(min(max(t, 0.0), 1.0) * float(steps))) / steps if steps >= 1 else Fraction(t > 0.5)
    share = min(share, Fraction(1))
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def nearest(edges: list[Edge], x: np.ndarray, y: np.ndarray):
    """Distances from points to the nearest of some edges; a float for one point."""
    found = np.full(np.broadcast_shapes(x.shape, y.shape), np.inf)
    for edge in edges:
        (x0, y0), (x1, y1) = (map(float, end) for end in (edge.start, edge.end))
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
        along = np.clip(along, 0.0, 1.0)
        found = np.minimum(found, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    return found[()]
