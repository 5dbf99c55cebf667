"""A plane of phases: polygons with their own patterns, thick borders, names, the path, the point that is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, CustomJS, CustomJSHover, HoverTool, Range1d, Text

from tpapp.plots.base import FONT, NOWHERE, Plot, fixed_ticks, write
from tpapp.plots.hand import Hand
from tpapp.plots.phase_scripts import ALONG, CONDITIONS, ROOMY, TOOLTIP
from tpapp.plots.phase_text import NAMES, PHASES, UNDER, plain, tick

HATCH = {"unstable": "/", "trivial": "."}
BRIEF = {"readout updated maximally": "update maximal", "readout initialized maximally": "start maximal"}
THICK, EDGE, THIN = 6, 4, 1.5  # px: feature learning, another phase than what it bounds, the same phase


class PhaseDiagram(Plot):
    """Phases as polygons; `on_point(x, y, done)` is called where a visitor clicks or drags the point to.

    `update(picture)` draws a picture, `point(x, y, on)` moves the point, `measured(probes)` lays measured phases over
    the predicted ones.
    """

    def __init__(self, title: str, *, name: str, on_point: Callable[[float, float, bool], None] | None = None,
                 theme: str = "light", projector: bool = False, height: int = 340, brief: bool = False):  # fmt: skip
        super().__init__(title, name=name, theme=theme, projector=projector)
        self._on_point, self._picture, self._probes = on_point, None, ()
        self._brief = brief
        fig = self.axes(height=height, x_range=Range1d(-1, 1), y_range=Range1d(-1, 1), x_label="x", y_label="y")
        fig.ygrid.visible = False
        fig.min_border_right = 4
        self._fills(fig)
        self._lines(fig)
        self._names(fig)
        self._dots(fig)
        self.build(fig)
        if self._on_point is not None:
            self._hand = Hand(fig, self.here, self._on_point)

    # -- parts -------------------------------------------------------------------------------------------------

    def _fills(self, fig: Any) -> None:
        self.sheet = ColumnDataSource({"l": [-1], "r": [1], "b": [-1], "t": [1], "sheet": [0]})
        ground = fig.quad("l", "r", "b", "t", source=self.sheet, line_color=None)
        self._hatched(ground.glyph, "unstable")
        self.areas = {phase: ColumnDataSource({"xs": [], "ys": []}) for phase in PHASES[1:]}
        for phase, source in self.areas.items():
            patches = fig.patches("xs", "ys", source=source, line_color=None)
            self._hatched(patches.glyph, phase)
        self.book = ColumnDataSource({"x": []}, tags=[[], None, [], ["x", "y"]])
        look = CustomJSHover(args={"book": self.book}, code=CONDITIONS)
        self.hover = HoverTool(renderers=[ground], tooltips=TOOLTIP, formatters={"@sheet": look},
                               point_policy="follow_mouse", attachment="horizontal")  # fmt: skip
        fig.add_tools(self.hover)
        fig.toolbar_location = None

    def _hatched(self, glyph: Any, phase: str) -> None:
        self.paint(glyph, fill_color=f"{phase}-fill")
        if phase in HATCH:
            glyph.hatch_pattern, glyph.hatch_alpha = HATCH[phase], 0.3 if phase == "unstable" else 0.5
            glyph.hatch_scale, glyph.hatch_weight = (9, 0.7) if phase == "unstable" else (8, 1)
            self.paint(glyph, hatch_color=phase)

    def _lines(self, fig: Any) -> None:
        columns = ("x0", "y0", "x1", "y1")
        self.contours = ColumnDataSource({name: [] for name in (*columns, "x")})
        lines = fig.segment(*columns, source=self.contours, line_alpha=0.28, line_width=1)
        self.paint(lines.glyph, line_color="ink")
        self.borders = ColumnDataSource({name: [] for name in (*columns, "x", "colour", "size")})
        fig.segment(*columns, source=self.borders, line_color="colour", line_width="size", line_cap="round")
        self.path = ColumnDataSource({"x": [], "y": []})
        path = fig.line("x", "y", source=self.path, line_dash=[1, 5], line_cap="round")
        self.paint(path.glyph, line_color="ink", line_width=lambda s: s.line(2.5))

    def _texts(self, fig: Any, columns: dict, halo: str = "", size: int = 12, **options: Any) -> ColumnDataSource:
        source = ColumnDataSource({name: [] for name in columns})
        options = {"x": "x", "y": "y", "text": "text", "x_offset": "dx", "y_offset": "dy", "text_font": value(FONT),
                   "text_align": "center", "text_baseline": "middle"} | options  # fmt: skip
        glyphs = [Text(**options) for _ in range(2 if halo else 1)]
        if halo:
            glyphs[0].text_outline_width = 4
            self.paint(glyphs[0], text_color=halo, text_outline_color=halo)
        glyphs[-1].text_color = "colour"
        for glyph in glyphs:
            self.paint(glyph, text_font_size=lambda s: s.text(size))
            fig.add_glyph(source, glyph, level="overlay")
        return source

    def _names(self, fig: Any) -> None:
        columns = ("x", "y", "colour", "ring", "size", "words", "far")
        self.probes = ColumnDataSource({name: [] for name in columns})  # under the names
        fig.scatter("x", "y", source=self.probes, marker="square", size="size", fill_color="colour", line_color="ring",
                    line_width="far", level="overlay")  # fmt: skip
        common = ("x", "y", "text", "colour", "dx", "dy")
        self.regions = self._texts(fig, common, size=14, text_font_style="bold")
        self.under = self._texts(fig, common)
        small = [fig.renderers[-1]]
        self.levels = self._texts(fig, common, text_align="left", text_font_style="italic")
        small.append(fig.renderers[-1])
        fig.js_on_change("inner_width", CustomJS(args={"fig": fig, "small": small}, code=ROOMY))
        turned = (*common, "angle", "full", "ux", "uy", "ox", "oy")
        self.along = self._texts(fig, turned, halo="unstable-fill", angle="angle")
        args = {"fig": fig, "source": self.along, "glyph": fig.renderers[-1].glyph, "slack": 1.2}
        turn = CustomJS(args=args, code=ALONG)
        for name in ("inner_width", "inner_height"):
            fig.js_on_change(name, turn)
        self.along.js_on_change("data", turn)

    def _dots(self, fig: Any) -> None:
        self.marks = ColumnDataSource({name: [] for name in ("x", "y", "colour")})
        dots = fig.scatter("x", "y", source=self.marks, fill_color="colour", line_width=2, level="overlay")
        self.paint(dots.glyph, line_color="ink", size=lambda s: s.px(11))
        self.titles = self._texts(fig, ("x", "y", "text", "colour", "dx", "dy"), halo="kernel-fill", text_align="left",
                                  text_font_style="bold")  # fmt: skip
        self.here = ColumnDataSource({"x": [], "y": [], "full": []})
        ring = fig.scatter("x", "y", source=self.here, line_width=2.5, level="overlay")
        core = fig.scatter("x", "y", source=self.here, line_color=None, fill_alpha="full", level="overlay")
        self.paint(ring.glyph, fill_color="surface", line_color="ink", size=lambda s: s.px(17))
        self.paint(core.glyph, fill_color="ink", size=lambda s: s.px(7))

    # -- what is drawn -----------------------------------------------------------------------------------------

    def update(self, picture: Any) -> None:
        """Draw a `Picture`; None empties the figure."""
        self._picture = picture
        if picture is None:
            return
        (x0, x1), (y0, y1) = picture.xlim, picture.ylim
        self.fig.x_range.update(start=x0, end=x1)
        self.fig.y_range.update(start=y0, end=y1)
        self.sheet.data = {"l": [x0], "r": [x1], "b": [y0], "t": [y1], "sheet": [0]}
        for axis, (low, high), label in zip((self.fig.xaxis[0], self.fig.yaxis[0]), (picture.xlim, picture.ylim),
                                            picture.labels):  # fmt: skip
            places = [k / 2 for k in range(int(np.ceil(2 * low)), int(np.floor(2 * high)) + 1)]
            fixed_ticks(axis, places, [tick(place) for place in places])
            axis.axis_label = plain(label)
        laws = [[vars(law) | {"formula": plain(law.formula)} for law in side] for side in (picture.laws, picture.other)]
        self.book.tags = [laws[0], picture.fold, laws[1], [plain(label) for label in picture.labels]]
        for phase, source in self.areas.items():
            mine = [(list(area.x), list(area.y)) for area in picture.areas if area.phase == phase]
            mine += [([NOWHERE], [NOWHERE])] * (2 - len(mine))  # always two: the browser hits on old ones meanwhile
            source.data = {"xs": [x for x, _ in mine], "ys": [y for _, y in mine]}
        levels = () if self._brief else picture.contours
        starts, ends = [s for _, s, _ in levels], [e for _, _, e in levels]
        lines = _segments(starts, ends)
        write(self.contours, {**lines, "x": lines["x0"]})
        self.path.data = {"x": [x for x, _ in picture.path], "y": [y for _, y in picture.path]}
        self._draw()

    def _draw(self) -> None:
        """What has the theme's colours in its rows."""
        p, token = self._picture, self.style.token
        if p is None:
            return
        thick = [THICK if b.phase == "feature" else EDGE if b.weight == 2 else THIN for b in p.borders]
        edges = _segments([b.start for b in p.borders], [b.end for b in p.borders])
        write(self.borders, {**edges, "x": edges["x0"], "colour": [token(b.phase) for b in p.borders],
                             "size": [self.style.line(w) for w in thick]})  # fmt: skip
        ink, ink2 = token("ink"), token("ink2")
        kernel = {"kernel": "Operator regime"} if p.adaptive else {}
        named = [(m, kernel.get(m.phase, NAMES[m.phase]), "" if self._brief else UNDER[m.phase])
                 for m in p.names if m.name in NAMES and not self._probes]  # fmt: skip
        shift = self.style.px(9)
        write(self.regions, {**_at([m for m, _, _ in named]), "text": [name for _, name, _ in named],
                             "colour": [token("unstable") if m.phase == "unstable" else ink for m, _, _ in named],
                             "dx": [0] * len(named),
                             "dy": [-shift * bool(under) + 2.5 * shift * self._covered(m) for m, _, under in named],
                             })  # fmt: skip
        write(self.under, {**_at([m for m, _, _ in named]), "text": [plain(under) for _, _, under in named],
                           "colour": [ink] * len(named), "dx": [0] * len(named),
                           "dy": [shift + 2.5 * shift * self._covered(m) for m, _, _ in named]})
        self._label_levels(ink2)
        self._label_borders(ink)
        write(self.marks, {**_at(p.marks), "colour": [token(m.phase) for m in p.marks]})
        titled = [m for m in p.marks if m.name]
        write(self.titles, {**_at(titled), "text": [m.name for m in titled], "colour": [ink] * len(titled),
                            "dx": [self.style.px(10)] * len(titled), "dy": [-self.style.px(11)] * len(titled)})
        self._draw_probes()
        self.push()

    def _label_levels(self, colour: str) -> None:
        tops = {}
        for r, start, end in self._picture.contours:
            top = max(start, end, key=lambda at: at[1])
            x0, x1 = self.fig.x_range.start, self.fig.x_range.end
            if top[1] >= self.fig.y_range.end - 1e-9 and x0 + 0.1 < top[0] < x1 - 0.1:
                tops[top] = f"{r:g}" if tops else f"r = {r:g}"
        shown = {} if self._brief or self._probes else tops
        write(self.levels, {"x": [x for x, _ in shown], "y": [y for _, y in shown], "text": list(shown.values()),
                            "colour": [colour] * len(shown), "dx": [self.style.px(4)] * len(shown),
                            "dy": [self.style.px(10)] * len(shown)})  # fmt: skip

    def _label_borders(self, colour: str) -> None:
        p = self._picture
        said: dict[str, Any] = {}
        for b in p.borders:
            known = said.get(b.label)
            if b.label and (known is None or _length(b) > _length(known)):
                said[b.label] = b
        rows = list(said.values())
        mid = [((b.start[0] + b.end[0]) / 2, (b.start[1] + b.end[1]) / 2) for b in rows]
        inside = [_centre(p.areas, b) for b in rows]
        write(self.along, {
            "x": [x for x, _ in mid], "y": [y for _, y in mid], "text": [""] * len(rows),
            "full": [BRIEF.get(b.label, b.label) if self._brief else b.label for b in rows],
            "colour": [self.style.token("feature") if b.phase == "feature" else colour for b in rows],
            "angle": [0.0] * len(rows), "dx": [0.0] * len(rows), "dy": [0.0] * len(rows),
            "ux": [b.end[0] - b.start[0] for b in rows], "uy": [b.end[1] - b.start[1] for b in rows],
            "ox": [x - cx for (x, _), (cx, _) in zip(mid, inside)],
            "oy": [y - cy for (_, y), (_, cy) in zip(mid, inside)],
        })  # fmt: skip

    def point(self, x: float, y: float, on: bool = True) -> None:
        """Where the parametrization is; a hollow ring where it is only seen from here (`on` False)."""
        inside = self._picture is None or (
            self.fig.x_range.start <= x <= self.fig.x_range.end
            and self.fig.y_range.start <= y <= self.fig.y_range.end)  # fmt: skip
        data = {"x": [x], "y": [y], "full": [1.0 if on else 0.0]} if inside else {"x": [], "y": [], "full": []}
        if {k: list(v) for k, v in self.here.data.items()} != data:
            self.here.data = data
            self._draw()
            self.push()

    def _covered(self, mark: Any) -> bool:
        """Whether the point stands on the name of a region, which then makes way."""
        spans = [(r.end - r.start) for r in (self.fig.x_range, self.fig.y_range)]
        return any(abs(x - mark.at[0]) < 0.14 * spans[0] and abs(y - mark.at[1]) < 0.09 * spans[1]
                   for x, y in zip(self.here.data["x"], self.here.data["y"]))

    def measured(self, probes: Any) -> None:
        """Lay `Probe`s over the phases; an empty list takes them away."""
        self._probes = tuple(probes)
        self._draw()
        self._draw_probes()
        self.push()

    def _draw_probes(self) -> None:
        rows, token = self._probes, self.style.token
        miss = [p.measured != p.predicted and p.far > 0.1 for p in rows]
        write(self.probes, {
            "x": [p.at[0] for p in rows], "y": [p.at[1] for p in rows], "colour": [token(p.measured) for p in rows],
            "ring": [token("ink") if m else token("surface") for m in miss],
            "size": [self.style.px(13 if m else 9) for m in miss], "far": [2.5 if m else 1.0 for m in miss],
            "words": [p.words for p in rows],
        }, 16)  # fmt: skip

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._draw()

    def data(self) -> dict[str, np.ndarray]:
        p = self._picture
        if p is None:
            return {}
        found = {f"borders.{k}": np.array([getattr(b, end)[i] for b in p.borders])
                 for k, end, i in (("x0", "start", 0), ("y0", "start", 1), ("x1", "end", 0), ("y1", "end", 1))}
        found["borders.phase"] = np.array([PHASES.index(b.phase) for b in p.borders])
        if self._probes:
            found |= {"measured.x": np.array([q.at[0] for q in self._probes]),
                      "measured.y": np.array([q.at[1] for q in self._probes]),
                      "measured.predicted": np.array([PHASES.index(q.predicted) for q in self._probes]),
                      "measured.phase": np.array([PHASES.index(q.measured) for q in self._probes])}
        return found


def _segments(starts: list, ends: list) -> dict[str, list]:
    return {"x0": [x for x, _ in starts], "y0": [y for _, y in starts], "x1": [x for x, _ in ends],
            "y1": [y for _, y in ends]}  # fmt: skip


def _at(marks: Any) -> dict[str, list]:
    return {"x": [m.at[0] for m in marks], "y": [m.at[1] for m in marks]}


def _length(border: Any) -> float:
    return float(np.hypot(border.end[0] - border.start[0], border.end[1] - border.start[1]))


def _centre(areas: Any, border: Any) -> tuple[float, float]:
    """The middle of the polygon that a border belongs to."""
    for area in areas:
        corners = list(zip(area.x, area.y))
        if border.start in corners and border.end in corners:
            return float(np.mean(area.x)), float(np.mean(area.y))
    return float(np.mean([x for x, _ in (border.start, border.end)])) + 1.0, 0.0
