"""Three heatmaps of one kernel: limit, one finite draw, their difference.

Limit and draw share one Cividis range, the difference has its own BrBG bar centred at 0. Boxes mark
the pair (x, x'); pointing at a cell names the pair, shows both inputs, and marks row and column.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.events import Tap
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    CustomJSHover,
    HoverTool,
    Image,
    LinearColorMapper,
    Range1d,
    Rect,
    Scatter,
)

from tpapp.colours import DIFFERENCES, TOKENS, VALUES
from tpapp.plots.base import FONT, NUMBER_TICKS, Plot, finite, fixed_ticks, square

LEFT, RIGHT, BOTTOM = 24, 64, 28  # px: row labels stand left of the first heatmap only, so that all frames are equal
ALIKE = "max(calc(50% - 12px), 300px)"  # where two stand in a row, the third is as wide as they
LETTER, FEW, LONG = 7.2, 4, 2  # px; names are words from LONG letters on, and few enough to be turned up to FEW

OUTLINES = (("#FFFFFF", 3.0), (TOKENS["light"]["ink"], 1.5))  # of a box: colour, px; the later over the earlier
# Small differences in powers of ten: the bar's labels keep their width, and the frames theirs.
SIGNED = """
    const largest = Math.max(...ticks.map(Math.abs)), unit = 10 ** Math.floor(Math.log10(largest))
    if (largest < 0.02) {
      if (Math.abs(tick) < largest * 1e-9) return "0"
      const head = (Math.abs(tick) / unit).toFixed(1).replace(".0", "")
      return (tick > 0 ? "+" : "−") + head + "e−" + -Math.floor(Math.log10(largest) + 1e-9)
    }
"""
_IMAGE = '<img alt="" width="32" height="32" style="image-rendering:pixelated;border:1px solid #E2E5EA" src="$x{%s}">'
_TOOLTIP = """
<div style="display:flex;gap:8px;align-items:center;font:12px/16px system-ui,sans-serif;color:inherit">
%s<span>$x{words}<br><b>@image{value}</b></span></div>
"""
_CELL = """
const N = names.data.label.length
const c = Math.floor(special_vars.x), r = Math.floor(special_vars.y)
if (c < 0 || r < 0 || c >= N || r >= N) return ""
if (format === "row") return names.data.uri[r]
if (format === "column") return names.data.uri[c]
return `${names.data.label[r]} (row ${r + 1}), ${names.data.label[c]} (row ${c + 1})`
"""
_POINT = """
const {x, y} = cb_data.geometry
const N = names.data.label.length
const c = Math.floor(x), r = Math.floor(y)
const inside = c >= 0 && r >= 0 && c < N && r < N
const old = point.data
if (inside && old.r[0] === r && old.c[0] === c) return
if (!inside && old.r.length === 0) return
point.data = inside
  ? {r: [r, r], c: [c, c], x: [c + 0.5, N / 2], y: [N / 2, r + 0.5], w: [1, N], h: [N, 1]}
  : {r: [], c: [], x: [], y: [], w: [], h: []}
"""


class Kernels:
    """The linked trio; `plots` are the single figures (limit, draw, difference).

    Parameters
    ----------
    on_pair : callable, optional
        ``on_pair(row, column)`` when a visitor taps a cell.
    """

    def __init__(self, *, theme: str = "light", projector: bool = False,
                 on_pair: Callable[[int, int], None] | None = None):  # fmt: skip
        self.names = ColumnDataSource({"label": [], "uri": []})
        self.point = ColumnDataSource({k: [] for k in ("r", "c", "x", "y", "w", "h")})  # a column and a row
        self.boxes = ColumnDataSource({k: [] for k in ("x", "y", "line", "width")})
        self.range = Range1d(0, 1, bounds=None)
        self.left, self.bottom = LEFT, BOTTOM
        self.values = LinearColorMapper(palette=list(VALUES), low=0, high=1)
        self.signed = LinearColorMapper(palette=list(DIFFERENCES), low=-1, high=1)
        options = {"theme": theme, "projector": projector}
        self.limit = Heatmap(self, self.values, "Limit", name="kernel-limit", bar=False, **options)
        self.draw = Heatmap(self, self.values, "One network", name="kernel-draw", bar=True, **options)
        self.difference = Heatmap(self, self.signed, "Difference", name="kernel-difference", bar=True, **options)
        self.plots = (self.limit, self.draw, self.difference)
        self._on_pair = on_pair
        for plot in self.plots:
            plot.fig.on_event(Tap, self._tapped)

    def _tapped(self, event) -> None:
        row, column, n = int(np.floor(event.y)), int(np.floor(event.x)), len(self.names.data["label"])
        if self._on_pair is not None and 0 <= row < n and 0 <= column < n:
            self._on_pair(row, column)

    def inputs(self, labels: tuple[str, ...], uris: list[str] | None = None) -> None:
        """New rows: their labels and, where there are images, their data URIs (`thumbnails.data_uris`)."""
        n = len(labels)
        self.names.data = {"label": list(labels), "uri": list(uris or [""] * n)}
        self.point.data = {k: [] for k in self.point.data}
        self.range.end = n
        places, texts = self._names(labels)
        for plot in self.plots:
            for axis in (plot.fig.xaxis[0], plot.fig.yaxis[0]):
                fixed_ticks(axis, places, texts)
            plot.repaint()
            plot.hover.tooltips = _TOOLTIP % (_IMAGE % "row" + _IMAGE % "column" if uris else "")
            plot.clear()

    @property
    def right(self) -> int:
        return max(RIGHT, self.left)

    def _names(self, labels: tuple[str, ...]) -> tuple[list[float], list[str]]:
        """Ticks, and room for them: words of single rows stand upright below, names of few groups at the left."""
        runs = 1 + sum(a != b for a, b in zip(labels, labels[1:]))
        words = max(map(len, labels), default=0) > LONG
        upright, sideways = ("vertical" if words and use else "horizontal" for use in (runs > FEW, runs <= FEW))
        places, texts = groups(labels, 13, upright="vertical" in (upright, sideways))
        longest = LETTER * max(map(len, texts), default=0)
        self.left = round(12 + longest) if upright == "vertical" else LEFT
        self.bottom = round(12 + longest) if upright == "vertical" else BOTTOM
        for plot in self.plots:
            plot.fig.xaxis[0].major_label_orientation, plot.fig.yaxis[0].major_label_orientation = upright, sideways
        return places, texts

    def mark(self, i: int, j: int) -> None:
        """Boxes around (i, j) and (j, i)."""
        cells = [(i, j)] if i == j else [(i, j), (j, i)]
        lines = [(r, c, *line) for line in OUTLINES for r, c in cells]
        rows, columns, colours, widths = map(list, zip(*lines))
        self.boxes.data = {"x": [c + 0.5 for c in columns], "y": [r + 0.5 for r in rows],
                           "line": colours, "width": widths}
        self.push()

    def update_limit(self, K: np.ndarray) -> None:
        """Show the limit and set the shared range from it."""
        K = finite("The limit kernel", K)
        low, high = float(K.min()), float(K.max())
        pad = 1e-9 + 1e-6 * abs(high) if high - low < 1e-9 * max(abs(high), 1e-9) else 0.0
        self.values.update(low=low - pad, high=high + pad)
        self.limit.show(K)

    def update_draw(self, K: np.ndarray | None, difference: np.ndarray | None) -> None:
        """Show a draw and its difference from the limit; None clears both."""
        if K is None:
            self.draw.clear()
            self.difference.clear()
            return
        K, difference = finite("The network's kernel", K), finite("The difference", difference)
        top = float(np.abs(difference).max()) or 1e-12
        self.signed.update(low=-top, high=top)
        self.draw.show(K)
        self.difference.show(difference)

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        for plot in self.plots:
            plot.restyle(theme, projector)

    def push(self) -> None:
        for plot in self.plots:
            plot.push()


class Heatmap(Plot):
    """One kernel as an image; part of `Kernels`."""

    def __init__(self, trio: Kernels, mapper: LinearColorMapper, title: str, *, name: str, bar: bool, **style):
        super().__init__(title, name=name, **style)
        self._trio = trio
        self.source = ColumnDataSource({"image": [], "size": []})
        fig = self.axes(height=196, x_range=trio.range, y_range=trio.range)
        fig.grid.visible = False
        fig.yaxis.visible = not bar
        self.paint(fig, min_border_left=lambda s: 4 if bar else s.px(trio.left),
                   min_border_right=lambda s: s.px(trio.right) - (0 if bar else s.px(trio.left) - 4),
                   min_border_bottom=lambda s: s.px(trio.bottom))  # fmt: skip
        for axis in (fig.xaxis[0], fig.yaxis[0]):
            fixed_ticks(axis, [])
        fig.xaxis[0].major_tick_out = 0
        self.paint(fig.xaxis[0], axis_line_color=lambda s: None)
        image = fig.add_glyph(self.source, Image(image="image", x=0, y=0, dw="size", dh="size", color_mapper=mapper))
        self._cross(fig)
        self._boxes(fig)
        if bar:
            self._bar(fig, mapper, signed=mapper is trio.signed)
        self._hover(fig, image)
        square(fig)
        self.build(fig)
        self.view.styles = {"max-width": ALIKE}

    def _cross(self, fig) -> None:
        fig.add_glyph(self._trio.point, Rect(x="x", y="y", width="w", height="h", fill_color=None, line_color="#FFFFFF",
                                             line_width=1, line_alpha=0.9))

    def _boxes(self, fig) -> None:
        fig.add_glyph(self._trio.boxes, Scatter(x="x", y="y", marker="square", size=13, fill_color=None,
                                                line_color="line", line_width="width"), level="overlay")

    def _bar(self, fig, mapper, signed: bool) -> None:
        bar = ColorBar(
            color_mapper=mapper, width=10, padding=4, margin=0, label_standoff=6, border_line_color=None,
            bar_line_color=None, ticker=BasicTicker(desired_num_ticks=5), major_tick_line_color=None,
            major_label_text_font=FONT, formatter=NUMBER_TICKS.clone(),
        )  # fmt: skip
        if signed:
            plus = 'return (tick > step * 1e-9 ? "+" : "") + text'
            bar.formatter.code = bar.formatter.code.replace("return text", plus)
        self.paint(bar, background_fill_color="surface", major_label_text_color="ink3",
                   major_label_text_font_size=lambda s: s.text(12))  # fmt: skip
        fig.add_layout(bar, "right")

    def _hover(self, fig, image) -> None:
        names, point = self._trio.names, self._trio.point
        hover = HoverTool(
            renderers=[image], tooltips=_TOOLTIP % "", point_policy="follow_mouse",
            formatters={
                "$x": CustomJSHover(args={"names": names}, code=_CELL),
                "@image": CustomJSHover(code='return (+value).toPrecision(4).replace("-", "−")'),
            },
            callback=CustomJS(args={"names": names, "point": point}, code=_POINT),
        )  # fmt: skip
        fig.add_tools(hover)
        self.hover = hover

    def show(self, K: np.ndarray) -> None:
        self.source.data = {"image": [np.ascontiguousarray(K, dtype=np.float32)], "size": [len(K)]}
        self._shown = K
        self.push()

    def clear(self) -> None:
        self.source.data = {"image": [], "size": []}
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        return {self.name.replace("-", "_"): self._shown} if self.source.data["image"] else {}


def groups(labels: tuple[str, ...], most: int = 12, upright: bool = False) -> tuple[list[float], list[str]]:
    """Where a label stands on an axis: the middle of each run of equal labels, thinned to at most `most`.

    Unless they stand `upright`, long labels are fewer.
    """
    places, texts, start = [], [], 0
    for k in range(1, len(labels) + 1):
        if k == len(labels) or labels[k] != labels[start]:
            places.append((start + k) / 2)
            texts.append(labels[start])
            start = k
    texts = [text[:8] for text in texts]
    most = most if upright else min(most, max(3, 22 // (1 + max(map(len, texts), default=1))))
    step = -(-len(places) // most) if places else 1
    return places[::step], texts[::step]
