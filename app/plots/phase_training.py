"""Training at a point of the phase diagram: the loss, one output, and how the features' change falls with the width."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, LogTicker, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import POWER_TICKS, Plot, fixed_ticks, write
from tpapp.plots.phase_scripts import ROW
from tpapp.plots.phase_text import number

WIDEST = 5  # widths on show
POINTS = 32
BLOWN = 1e3  # times its start: how much of a loss that grows is shown


class Curves(Plot):
    """Lines over the steps, one a width in its colour, the limit dashed; `column` picks what is drawn of a `Curve`."""

    def __init__(self, title: str, *, name: str, log: bool, theme: str = "light", projector: bool = False,
                 height: int = 200):  # fmt: skip
        super().__init__(title, name=name, theme=theme, projector=projector)
        self._curves, self._limit, self._log, self._column = (), None, log, 0
        fig = self.axes(height=height, x_range=Range1d(0, 20), y_range=Range1d(0.01 if log else 0, 1), x_label="step",
                        y_axis_type="log" if log else "linear")  # fmt: skip
        if log:
            ticker = LogTicker(desired_num_ticks=4, mantissas=[1, 3], num_minor_ticks=0)
            fig.yaxis[0].ticker = fig.ygrid[0].ticker = ticker
            fig.yaxis[0].formatter = POWER_TICKS.clone()
        self.lines = [ColumnDataSource({"x": [], "y": []}) for _ in range(WIDEST)]
        self.glyphs = []
        for k, source in enumerate(self.lines):
            line = fig.line("x", "y", source=source, line_join="round")
            self.paint(line.glyph, line_color=lambda s, k=k: s.width(self._width(k)), line_width=lambda s: s.line(2))
            self.glyphs.append(line)
        self.target = ColumnDataSource({"x": [], "y": []})
        target = fig.line("x", "y", source=self.target, line_dash=[1, 4], line_cap="round")
        self.paint(target.glyph, line_color="ink3", line_width=lambda s: s.line(2))
        self.limit = ColumnDataSource({"x": [], "y": []})
        self.theory(fig, self.limit)
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def _width(self, k: int) -> float:
        return self._curves[k].width if k < len(self._curves) else 8

    def _values(self, curve: Any) -> np.ndarray:
        return np.asarray(curve.loss if self._log else curve.f[:, self._column], float)

    def update(self, curves: Any, limit: Any = None, *, steps: int, column: int = 0, target: float | None = None,
               fit: bool = True) -> None:  # fmt: skip
        """Draw `Curve`s; with `fit` the axes take their range from them, else they stay frozen."""
        self._curves, self._limit, self._column = tuple(curves), limit, column
        self.fig.x_range.end = steps * (1.55 if self._log else 1)  # room for the names
        fixed_ticks(self.fig.xaxis[0], [0, steps // 2, steps], ["0", str(steps // 2), str(steps)])
        for k, source in enumerate(self.lines):
            y = self._values(self._curves[k]) if k < len(self._curves) else np.zeros(0)
            source.data = _line(np.maximum(y, 1e-12) if self._log else y)
        self.limit.data = _line(self._values(limit) if limit is not None else np.zeros(0))
        ends = [0, steps] if target is not None else []
        self.target.data = {"x": ends, "y": [target] * len(ends)}
        if fit:
            self._fit(target)
        self.repaint()
        self._label()

    def _fit(self, target: float | None) -> None:
        shown = [self._values(curve) for curve in (*self._curves, *([self._limit] if self._limit else []))]
        shown += [np.array([target])] if target is not None else []
        values = np.concatenate([row for row in shown if len(row)] or [[0.0, 1.0]])
        start = max(float(np.abs(row[0] if len(row) else 0)) for row in shown) if shown else 1.0
        if self._log:  # what diverges leaves the picture
            values = np.clip(values, 1e-9, BLOWN * max(start, 1e-3))
            low, high = values.min() / 1.5, values.max() * 1.5
        else:
            most = 5 * max(start, abs(target or 0.0), 0.2)
            values = np.clip(values, -most, most)
            room = 0.08 * max(np.ptp(values), 1e-3)
            low, high = values.min() - room, values.max() + room
        self.fig.y_range.update(start=float(low), end=float(high))

    def _label(self) -> None:
        style = self.style
        rows = [(f"n = {fmt.width(curve.width)}" + (" ✕" if curve.stopped is not None else ""),
                 style.width_text(curve.width)) for curve in self._curves]  # fmt: skip
        rows += [("limit", style.token("ink"))] if self._limit is not None else []
        self.corner(self.text, self.fig, rows if self._log else [])
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._label()

    def data(self) -> dict[str, np.ndarray]:
        found = {f"n{int(curve.width)}": self._values(curve) for curve in self._curves}
        return found | ({"limit": self._values(self._limit)} if self._limit is not None else {})


def _line(y: np.ndarray) -> dict[str, np.ndarray]:
    return {"x": np.arange(len(y)), "y": y}


class Powers(Plot):
    """Size of the features' change against the width, a row of points for each layer, the predicted power dashed.

    Thin lines: what r = 0 and r = 1/2 would do from the narrowest width on.
    """

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 200):
        super().__init__("How much the features move", name="feature-change", theme=theme, projector=projector)
        self._ladders: tuple = ()
        fig = self.axes(height=height, x_range=Range1d(40, 40000), y_range=Range1d(0.01, 1), x_label="width n",
                        x_axis_type="log", y_axis_type="log")  # fmt: skip
        fig.yaxis[0].ticker = fig.ygrid[0].ticker = LogTicker(desired_num_ticks=4, mantissas=[1, 3], num_minor_ticks=0)
        fig.yaxis[0].formatter = fig.xaxis[0].formatter = POWER_TICKS.clone()
        self.guides = {}
        for name in ("feature", "kernel"):
            self.guides[name] = ColumnDataSource({"x": [], "y": []})
            guide = fig.line("x", "y", source=self.guides[name])
            self.paint(guide.glyph, line_color=name, line_width=lambda s: s.line(1.25))
        self.points = ColumnDataSource({name: [] for name in ("x", "y", "low", "high", "colour", "ring", "n", "words")})
        fig.segment("x", "low", "x", "high", source=self.points, line_color="colour", line_width=1.5)
        self.theory_line = ColumnDataSource({"x": [], "y": []})
        self.theory(fig, self.theory_line)
        dots = fig.scatter("x", "y", source=self.points, fill_color="colour", line_color="ring", line_width=0.75,
                           level="overlay")  # fmt: skip
        self.paint(dots.glyph, size=lambda s: s.px(8))
        fig.add_tools(HoverTool(renderers=[dots], tooltips=ROW))
        fig.toolbar_location = None
        self.text = self.labels(fig, text_align="left")
        self.build(fig)

    def update(self, ladders: Any, widths: Any = ()) -> None:
        """Draw `Ladder`s, one a layer; `widths` are those that are to come too."""
        self._ladders = tuple(one for one in ladders if len(one.widths))
        if len(widths):
            low, high = min(widths), max(widths)
            self.fig.x_range.update(start=low / 1.6, end=high * (high / low) ** 0.6)
            fixed_ticks(self.fig.xaxis[0], list(widths)[::2], [_short(n) for n in list(widths)[::2]])
        self._fit()
        self._draw()

    def _fit(self) -> None:
        sizes = np.concatenate([one.mean for one in self._ladders] or [[0.01, 1]])
        sizes = sizes[sizes > 0]
        top, low = float(sizes.max()) * 2.0, float(sizes.min()) / 2.0
        ticks = self.fig.xaxis[0].ticker.ticks if self._ladders else [1, 100]
        guide = float(self._ladders[-1].mean[0]) / math.sqrt(ticks[-1] / ticks[0]) / 1.6 if self._ladders else top / 30
        self.fig.y_range.update(start=min(low, guide), end=top)

    def _draw(self) -> None:
        rows = [(one, k) for one in self._ladders for k in range(len(one.widths))]
        spread = [2 * one.error[k] for one, k in rows]
        write(self.points, {
            "x": [float(one.widths[k]) for one, k in rows], "y": [float(one.mean[k]) for one, k in rows],
            "low": [max(one.mean[k] - e, one.mean[k] * 0.02) for (one, k), e in zip(rows, spread)],
            "high": [float(one.mean[k] + e) for (one, k), e in zip(rows, spread)],
            "colour": [self.style.width(one.widths[k]) for one, k in rows],
            "ring": [self.style.token("surface")] * len(rows),
            "n": [f"n = {fmt.width(one.widths[k])}, layer {one.layer}" for one, k in rows],
            "words": [" ± ".join(filter(None, fmt.measured(one.mean[k], 2 * one.error[k]))) for one, k in rows],
        }, POINTS)  # fmt: skip
        self._lines()
        self.push()

    def _lines(self) -> None:
        x, y, labels = [], [], []
        ink = self.style.token("ink")
        for one in self._ladders:
            logs = np.log(one.widths), np.log(one.mean)
            if math.isfinite(one.predicted):
                ends = np.array([one.widths.min(), one.widths.max()], float)
                line = np.exp(logs[1].mean() + one.predicted * (np.log(ends) - logs[0].mean()))
                x, y = [*x, *ends, np.nan], [*y, *line, np.nan]
            known = math.isfinite(one.slope)
            name = f"Δx{'¹²³⁴⁵⁶⁷⁸'[one.layer - 1]}" if len(self._ladders) > 1 else "fit"
            labels.append((one.widths[-1], one.mean[-1], f"{name} {number(one.slope)}" if known else name, ink))
        self.theory_line.data = {"x": x, "y": y}
        self._guide(labels)

    def _guide(self, labels: list) -> None:
        token = self.style.token
        if self._ladders:
            first = self._ladders[-1]
            n = np.array([first.widths[0], self.fig.xaxis[0].ticker.ticks[-1]], float)
            for name, power, text in (("feature", 0.0, "r = 0"), ("kernel", -0.5, "r = ½")):
                y = first.mean[0] * (n / n[0]) ** power
                self.guides[name].data = {"x": n, "y": y}
                labels.append((n[-1], y[-1], text, token(name)))
        else:
            for source in self.guides.values():
                source.data = {"x": [], "y": []}
        placed = _apart([(math.log(y), k) for k, (_, y, _, _) in enumerate(labels)], self._gap())
        write(self.text, {"x": [x for x, _, _, _ in labels], "y": [math.exp(v) for v in placed],
                          "text": [t for _, _, t, _ in labels], "colour": [c for _, _, _, c in labels],
                          "dx": [self.style.px(8)] * len(labels), "dy": [self.style.px(5)] * len(labels)})  # fmt: skip

    def _gap(self) -> float:
        """The height of a line of text, in logs."""
        rows = (self.fig.height - 50) / self.style.px(14)
        return math.log(self.fig.y_range.end / self.fig.y_range.start) / max(rows, 4)

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._draw()

    def data(self) -> dict[str, np.ndarray]:
        found = {}
        for one in self._ladders:
            found |= {f"layer{one.layer}.width": one.widths, f"layer{one.layer}.change": one.mean,
                      f"layer{one.layer}.error": one.error}  # fmt: skip
        return found


def _apart(places: list[tuple[float, int]], gap: float) -> list[float]:
    """Places at least `gap` apart, each moved as little as the order allows."""
    found = [0.0] * len(places)
    last = -math.inf
    for value, k in sorted(places):
        last = found[k] = max(value, last + gap)
    return found


def _short(n: float) -> str:
    return f"{n:,.0f}"
