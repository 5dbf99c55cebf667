"""Depth dynamics: variances and correlation of two inputs behind every layer, and the map from layer to layer."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Range1d, Span, Whisker

from tpapp.plots import format as fmt
from tpapp.plots.base import Plot, finite, fixed_ticks, square, write

BLOCK = 64
MOST_NAMES = 14


class DepthPlot(Plot):
    """One quantity against depth: the limit dashed, what would follow in grey, networks of one width as dots with bars.

    `lines` of 2 columns are those of x (full dots) and x' (open ones).
    """

    def __init__(self, title: str, *, name: str, label: str, symbol: str, theme: str = "light",
                 projector: bool = False, height: int = 238):  # fmt: skip
        super().__init__(title, name=name, theme=theme, projector=projector)
        self.width, self.symbol, self._label = 0.0, symbol, label
        self._places, self._lines = np.zeros(0), np.zeros((0, 1))
        self._drawn = self._bars = None
        self._fixed: float | None = None
        self.first, self.second, self.tail = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        self.points = ColumnDataSource({k: [] for k in ("x", "y", "low", "high", "colour", "fill", "words")})
        fig = self.axes(height=height, x_range=Range1d(0, 1), y_range=Range1d(0, 1), x_label="layer", y_label=label)
        self.star = Span(dimension="width", location=0, line_width=1, line_dash=[2, 3], visible=False)
        self.paint(self.star, line_color="ink3")
        fig.add_layout(self.star)
        after = fig.line("x", "y", source=self.tail, line_dash=[2, 3])
        self.paint(after.glyph, line_color="ink3", line_width=lambda s: s.line(1.5))
        whisker = Whisker(base="x", lower="low", upper="high", source=self.points, line_color="colour", line_width=1.25,
                          level="glyph")  # fmt: skip
        whisker.upper_head = whisker.lower_head = None
        fig.add_layout(whisker)
        dots = fig.scatter("x", "y", source=self.points, size=7, fill_color="fill", line_color="colour",
                           line_width=1.25)  # fmt: skip
        for source in (self.second, self.first):
            self.theory(fig, source)
        fig.add_tools(HoverTool(renderers=[dots], tooltips=[(label, "@words")]))
        fig.toolbar_location = None
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update_limit(self, places, names, lines, *, beyond=None, fixed: float | None = None, axis: str = "layer",
                     bounds: tuple[float, float] | None = None) -> None:  # fmt: skip
        """The limit at `places` (S,): `lines` (S, k); `beyond` (2, R) what would follow; `fixed` where that ends."""
        lines = finite(f"The limit’s {self._label}", lines).reshape(len(places), -1)
        self._places, self._lines, self._fixed = np.asarray(places, float), lines, fixed
        self._drawn = self._bars = None
        self.first.data = {"x": self._places, "y": lines[:, 0]}
        self.second.data = {"x": self._places, "y": lines[:, -1]}
        beyond = np.zeros((2, 0)) if beyond is None else finite("What would follow", beyond)
        self._range(lines, beyond, bounds)
        inside = beyond[1] <= self.fig.y_range.end
        self.tail.data = {"x": beyond[0][inside], "y": beyond[1][inside]}
        known = fixed is not None and self.fig.y_range.start <= fixed <= self.fig.y_range.end
        self.star.update(location=float(fixed) if known else 0.0, visible=known)
        self.fig.xaxis[0].axis_label = axis
        self._name(names)
        self._dots()

    def update(self, values, width: float) -> None:
        """Networks of one width: `values` (m, S) or (m, S, 2). None takes them away."""
        self.width = width
        if values is None or not len(values):
            self._drawn = self._bars = None
        else:
            values = finite(f"The networks’ {self._label}", values).reshape(len(values), len(self._places), -1)
            self._drawn, self._bars = values.mean(axis=0), 2 * values.std(axis=0)
        self._dots()

    def _range(self, lines, beyond, bounds) -> None:
        last = max([*self._places, *beyond[0]], default=1.0)
        room = 0.03 * (last - self._places[0]) + 0.4
        self.fig.x_range.update(start=float(self._places[0] - room), end=float(last + room))
        if bounds is None:
            top = 1.35 * float(lines.max()) or 1.0
            bounds = (0.0, top)
        self.fig.y_range.update(start=bounds[0], end=bounds[1])

    def _name(self, names) -> None:
        axis = self.fig.xaxis[0]
        wordy = any(len(name) > 3 for name in names)
        step = 1 if wordy and len(names) <= 24 else -(-len(names) // MOST_NAMES)
        axis.major_label_orientation = 0.9 if wordy else "horizontal"
        axis.axis_label = None if wordy else axis.axis_label
        last = self.fig.x_range.end - 0.5
        places, texts = list(self._places[::step]), list(names[::step])
        if not wordy and last > self._places[-1] + 1:  # the numbers go on
            step = max(1, -(-int(last - self._places[0]) // 6))
            places = [float(p) for p in np.arange(self._places[0], last, step)]
            texts = [f"{p:.0f}" for p in places]
        fixed_ticks(axis, places, texts)

    def _dots(self) -> None:
        style, rows = self.style, {k: [] for k in self.points.data}
        if self._drawn is not None:
            colour = style.width(self.width)
            for k in range(self._drawn.shape[1]):
                mean, bar = self._drawn[:, k], self._bars[:, k]
                rows["x"] += self._places.tolist()
                rows["y"] += mean.tolist()
                rows["low"] += np.maximum(mean - bar, self.fig.y_range.start).tolist()
                rows["high"] += np.minimum(mean + bar, self.fig.y_range.end).tolist()
                rows["colour"] += [colour] * len(mean)
                rows["fill"] += [style.token("surface") if k else colour] * len(mean)
                rows["words"] += [" ± ".join(filter(None, fmt.measured(m, b))) for m, b in zip(mean, bar)]
        write(self.points, rows, BLOCK)
        self._relabel()

    def _relabel(self) -> None:
        rows = [("limit", self.style.token("ink"))]
        if self._drawn is not None:
            rows.append((f"n = {fmt.width(self.width)}", self.style.width_text(self.width)))
        if self.star.visible:
            rows.append((f"{self.symbol} = {fmt.power(self._fixed, 3)}", self.style.token("ink3")))
        low = len(self._places) and self._at_end() > 0.55
        self._write(rows if len(self._places) else [], low)
        self.push()

    def _at_end(self) -> float:
        """Where the curves end, as a part of the height."""
        last = np.asarray(self.tail.data["y"])[-1:] if len(self.tail.data["y"]) else self._lines[-1]
        start, end = self.fig.y_range.start, self.fig.y_range.end
        return float((np.max(last) - start) / (end - start))

    def _write(self, rows: list[tuple[str, str]], low: bool) -> None:
        """Direct labels at the right, above or below the curves."""
        self.corner(self.text, self.fig, rows)
        if low and rows:
            step, count = self.style.px(18), len(rows)
            rises = [-self.style.px(6) - step * (count - 1 - k) for k in range(count)]
            at = {"y": [self.fig.y_range.start] * count, "dy": rises}
            write(self.text, {name: at.get(name, list(self.text.data[name])[:count]) for name in self.text.data})

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._dots()

    def data(self) -> dict[str, np.ndarray]:
        if not len(self._places):
            return {}
        out = {"place": self._places, "limit": self._lines}
        if len(self.tail.data["x"]):
            out |= {"beyond_place": np.asarray(self.tail.data["x"]), "beyond": np.asarray(self.tail.data["y"])}
        if self._drawn is not None:
            out |= {"mean": self._drawn, "two_sd": self._bars}
        return out


class CorrelationMap(Plot):
    """c' against c: the map dashed, the diagonal, and the way of the present pair as a staircase."""

    def __init__(self, *, theme: str = "light", projector: bool = False):
        super().__init__("From layer to layer", name="correlation-map", theme=theme, projector=projector)
        self._map = self._path = None
        self._slope = 0.0
        self.curve, self.way, self.end = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        fig = self.axes(height=238, x_range=Range1d(-1.04, 1.04), y_range=Range1d(-1.04, 1.04), x_label="correlation c",
                        y_label="next c")  # fmt: skip
        fig.min_border_left = 28
        diagonal = fig.line([-1, 1], [-1, 1])
        self.paint(diagonal.glyph, line_color="control", line_width=lambda s: s.line(1))
        way = fig.line("x", "y", source=self.way)
        self.paint(way.glyph, line_color="ink3", line_width=lambda s: s.line(1.25))
        self.theory(fig, self.curve)
        end = fig.scatter("x", "y", source=self.end, size=9, line_width=2, level="overlay")
        self.paint(end.glyph, fill_color="surface", line_color="ink")
        self.text = self.labels(fig, text_align="right")
        square(fig)
        self.build(fig)

    def update(self, c, following, path, star: float | None, slope: float) -> None:
        """The map `c` -> `following`, correlations `path` on the way, where they end, the slope at 1; None: empty."""
        if c is None:
            self._map = self._path = None
            self.curve.data = self.way.data = self.end.data = {"x": [], "y": []}
            write(self.text, {name: [] for name in self.text.data})
            return
        self._map, self._path, self._slope = np.stack([c, finite("The map", following)]), finite("The way", path), slope
        self.curve.data = {"x": self._map[0], "y": self._map[1]}
        x = np.repeat(self._path, 2)
        y = np.concatenate([x[:1], x[2:]])
        self.way.data = {"x": x[:-1], "y": y} if len(self._path) > 1 else {"x": [], "y": []}
        self.end.data = {"x": [], "y": []} if star is None else {"x": [star], "y": [star]}
        self._star = star
        self._relabel()

    def _relabel(self) -> None:
        if self._map is None:
            return
        slope = "slope ∞ at c = 1" if not np.isfinite(self._slope) else f"slope {fmt.power(self._slope, 3)} at c = 1"
        rows = [(slope, "ink")] + ([] if self._star is None else [(f"c* = {fmt.power(self._star, 3)}", "ink")])
        step = self.style.px(18)
        write(self.text, {
            "x": [1.0] * len(rows), "y": [-1.0] * len(rows), "text": [text for text, _ in rows],
            "colour": [self.style.token(token) for _, token in rows], "dx": [-2] * len(rows),
            "dy": [-self.style.px(4) - step * (len(rows) - 1 - k) for k in range(len(rows))],
        })  # fmt: skip
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def data(self) -> dict[str, np.ndarray]:
        return {} if self._map is None else {"c": self._map[0], "c_next": self._map[1], "path": self._path}
