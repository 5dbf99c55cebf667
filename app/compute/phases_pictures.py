"""Pictures of the Phases lab: polygons, borders, names and laws of a plane of parametrizations."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tpapp.compute.phases import SIX, bare, plane, point
from tpapp.phase_results import Area, Border, Law, Mark, Picture, PictureRequest
from tpcore import abc
from tpcore.abc.numbers import TOLERANCE, show

LEVELS = {"sgd": ("0", "0.5", "1", "1.5"), "adam": ("0", "0.5", "1")}
GRID = 61  # points a side where names of regions are tried


def picture(request: PictureRequest) -> Picture:
    """Polygons, borders and names of a picture."""
    found = plane(request)
    unfolded = request.kind == "facets"
    planes = [facet.plane for facet in found.facets] if unfolded else [found]
    edges = [(edge, plane_) for facet, plane_ in zip(found.facets if unfolded else [found], planes)
             for edge in facet.edges]
    hinge = {found.hinge, found.hinge[::-1]} if unfolded else set()
    areas = tuple(_area(str(r.phase), r.vertices) for one in planes for r in one.regions[1:] if len(r.vertices) > 2)
    borders = [_border(edge, plane_, (edge.start, edge.end) in hinge) for edge, plane_ in edges if edge.border]
    marks = _marks(found, request)
    lonely = [Mark("", _xy(p), str(phase)) for one in planes if len(one.stable) == 1 for p, phase in one.corners]
    levels = LEVELS["adam" if planes[0].letters.get("d") else "sgd"]
    contours = [(float(r), _xy(s), _xy(e)) for r in levels[1:] for s, e in found.contour(Fraction(r))]
    labels = found.labels
    if request.kind == "six":
        labels = tuple(SIX[name].replace("_", " of ") for name in (request.x, request.y))
    return Picture(
        request.kind, labels, _xy(found.xlim), _xy(found.ylim), areas, _distinct(borders),
        _names(found, areas, marks), tuple(marks + lonely), tuple(map(_xy, found.path)) if unfolded else (),
        tuple(contours), _laws(planes[0]), _words(request, found), float(found.fold) if unfolded else None,
        _laws(planes[1]) if unfolded else (), point(request.point).adaptive,
    )  # fmt: skip


def _xy(pair) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _area(phase: str, corners) -> Area:
    return Area(phase, tuple(float(x) for x, _ in corners), tuple(float(y) for _, y in corners))


def _border(edge, plane_, hinge: bool) -> Border:
    inside = {str(region.phase) for region in plane_.regions[1:] if len(region.vertices) > 2}
    own = str(edge.phase) not in inside
    label = "" if hinge and "readout" in edge.conditions else edge.label
    return Border(str(edge.phase), _xy(edge.start), _xy(edge.end), label, 2 if own else 1)


def _distinct(borders: list[Border]) -> tuple[Border, ...]:
    """Without the second of two that lie on each other (the hinge)."""
    seen: dict[frozenset, Border] = {}
    for one in borders:
        seen.setdefault(frozenset((one.start, one.end)), one)
    return tuple(seen.values())


def _marks(found, request: PictureRequest) -> list[Mark]:
    if request.kind != "facets":
        return []
    known = {"muP": "μP"} | ({"muP": "μP = MFP"} if found.p.depth == 1 and not found.p.adaptive else {})
    return [Mark(known.get(name, name), _xy(at), str(found.at(*at).phase)) for name, at in found.named.items()]


def _laws(plane_) -> tuple[Law, ...]:
    """The conditions as functions of the two coordinates, for what a pointer shows."""
    x, y = (sum(plane_.xlim) / 2, sum(plane_.ylim) / 2)
    p, system = plane_.at(x, y), plane_.system
    forms = {"features": system.r, "readout": (system.step,), "logits": system.seen}
    forms |= {name: (one,) for name, one in (*system.equalities, *system.inequalities) if name not in forms}
    found = []
    for one in p.conditions:
        bound = Fraction(0) if one.name.startswith("faithful") else one.bound  # there the difference of both sides
        lines = [plane_.line("", form) for form in forms[one.name]]
        terms = tuple((float(line.p), float(line.q), float(line.k + bound)) for line in lines)
        found.append(Law(one.formula, one.group, one.relation, float(bound), terms))
    return tuple(found)


def _names(found, areas, marks) -> tuple[Mark, ...]:
    """Where the names of phases have most room, one for each phase that has an area."""
    (x0, x1), (y0, y1) = _xy(found.xlim), _xy(found.ylim)
    x, y = (np.linspace(a, b, GRID) for a, b in ((x0, x1), (y0, y1)))
    X, Y = np.meshgrid(x, y)
    codes = np.zeros(X.shape, int)
    for area in areas:
        codes[_inside(area, X, Y)] = abc.PHASES.index(area.phase)
    wall = np.minimum(np.minimum(X - x0, x1 - X) / 2.2, np.minimum(Y - y0, y1 - Y))
    room = np.minimum(found.distance(X, Y), wall)
    for mark in marks:  # their names stand at their right
        for shift in (0.0, 0.12, 0.24):
            room = np.minimum(room, np.hypot((X - mark.at[0] - shift * (x1 - x0)) / 1.5, Y - mark.at[1] - 0.03))
    found_names = []
    for code in np.unique(codes):
        free = np.where(codes == code, room, 0.0)
        i, j = np.unravel_index(np.argmax(free), free.shape)
        if free[i, j] > 0.06 * (y1 - y0):
            found_names.append(Mark(str(abc.PHASES[code]), (float(X[i, j]), float(Y[i, j])), str(abc.PHASES[code])))
    return tuple(found_names)


def _inside(area: Area, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Points of a convex polygon, its border included."""
    x, y = np.array(area.x), np.array(area.y)
    u, v = np.roll(x, -1) - x, np.roll(y, -1) - y
    turn = np.sign(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    sides = [turn * (du * (Y - y0) - dv * (X - x0)) for x0, y0, du, dv in zip(x, y, u, v)]
    return np.min(sides, axis=0) >= -float(TOLERANCE)


def _words(request: PictureRequest, found) -> str:
    if request.kind == "facets":
        front, back = (facet.condition for facet in found.facets)
        return f"upper facet: {front}; lower: {back}"
    if request.kind == "across":
        return "all else fixed"
    if request.kind == "six":
        p = bare(point(request.point))
        if request.x == "c1":
            return f"V: b = {show(p.b[2])}, c = {show(p.rates[2])}"
        return f"U: c = {show(p.rates[0])}; W: c = {show(p.rates[1])}"
    tied = {"init": "a and b tied at their start", "readout": "tied, and the readout updated maximally",
            "none": "nothing tied: almost all is unstable"}  # fmt: skip
    return tied[request.tie]
